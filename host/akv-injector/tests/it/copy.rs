//! `copy DIR`: what the init container does.

use crate::container::{Container, EXECUTABLE, Folder};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn the_executable_copies_itself_and_does_it_again() {
    let folder = Folder::new("copy");
    let directory = folder.path().display().to_string();
    for _ in 0..2 {
        Container::new(["copy", &directory]).run().await.good();
        let copied = folder.path().join("azure-keyvault-env");
        assert_eq!(fs::metadata(&copied).expect("a file").permissions().mode() & 0o7777, 0o555);
        assert!(fs::read(&copied).expect("a file") == fs::read(EXECUTABLE).expect("a file"), "the same bytes");
        let names = fs::read_dir(folder.path()).expect("a directory").count();
        assert_eq!(names, 1, "nothing else is left");
    }
    let copied = tokio::process::Command::new(folder.path().join("azure-keyvault-env")).arg("--version").output();
    assert!(copied.await.expect("it runs").status.success());
}

#[tokio::test]
async fn a_directory_that_takes_no_file_is_named() {
    for directory in ["/proc", "/no/such/directory"] {
        let line = Container::new(["copy", directory]).run().await.failure(1);
        assert!(line.contains(directory), "{line}");
    }
}
