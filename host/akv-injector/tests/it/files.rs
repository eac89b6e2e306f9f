//! Files of a resource, in a directory of the container's own.

use crate::container::{CANARY, Container};
use crate::service::{access, answer, arguments, container, recipe, values};
use crate::stage::Stage;
use crate::vault::World;
use akv_wire::arguments::Arguments;
use akv_wire::message::Answer;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A container whose files of `db` the service answers with this.
async fn with(world: &World, given: Answer, directory: &str) -> (Stage, Container) {
    let credentials = matches!(given, Answer::Recipe { .. }).then_some(access(world).await);
    let answered = answer(world, credentials, &[("db", given)]);
    let stage = Stage::start(move |_| answered.clone()).await;
    let files = [("db".to_owned(), directory.to_owned())].into();
    let arguments = Arguments { files, ..arguments(world, &stage) };
    let container = container(&arguments, &["true"]);
    (stage, container)
}

#[tokio::test]
async fn every_entry_becomes_a_file_that_only_its_owner_reads() {
    let world = World::with("files", &[("db", CANARY)]).await;
    let directory = world.folder.path().join("out");
    fs::create_dir(&directory).expect("a directory");
    let path = directory.display().to_string();
    let (_stage, container) = with(&world, values(&[], &[("tls.crt", CANARY), ("tls.key", "k")]), &path).await;
    for _ in 0..2 {
        container.run().await.good();
        let mut names: Vec<_> = fs::read_dir(&directory).expect("files").flatten().map(|e| e.file_name()).collect();
        names.sort();
        assert_eq!(names, ["tls.crt", "tls.key"]);
        let file = directory.join("tls.crt");
        assert_eq!(fs::read_to_string(&file).expect("a file"), CANARY);
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o7777, 0o400);
    }
    let (_stage, container) = with(&world, recipe("db"), &path).await;
    container.run().await.good();
    let read = |entry: fs::DirEntry| fs::read_to_string(entry.path()).expect("a file");
    assert_eq!(fs::read_dir(&directory).expect("files").flatten().map(read).filter(|t| t == CANARY).count(), 2);
}

#[tokio::test]
async fn a_name_never_leaves_the_directory() {
    let world = World::with("files-names", &[]).await;
    let directory = world.folder.path().join("out");
    fs::create_dir(&directory).expect("a directory");
    for name in ["../evil", "/tmp/evil", "a/b", "..", ".", "", "..data"] {
        let given = values(&[], &[(name, CANARY)]);
        let (_stage, container) = with(&world, given, &directory.display().to_string()).await;
        let line = container.run().await.failure(1);
        assert!(line.contains("no name of a file"), "{name:?}: {line}");
        assert_eq!(fs::read_dir(&directory).expect("files").count(), 0, "{name:?}");
    }
    assert!(!world.folder.path().join("evil").exists());
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let world = World::with("files-nowhere", &[]).await;
    let (_stage, container) = with(&world, values(&[], &[("a", "b")]), "/no/such/directory").await;
    let line = container.run().await.failure(1);
    assert!(line.contains("/no/such/directory/a of db"), "{line}");
}
