//! What is said to who asks wrongly.

use crate::container::Container;

async fn check(arguments: &[&str], expected: &str) {
    let line = Container::new(arguments).run().await.failure(1);
    assert!(line.contains(expected), "{arguments:?}: {line}");
}

#[tokio::test]
async fn a_wrong_command_line_is_refused_in_one_line() {
    check(&["frobnicate"], "\"frobnicate\"").await;
    check(&["--resources"], "`--`").await;
    check(&["--resources", "a", "b", "--", "true"], "one file").await;
    check(&["--resources", "--", "true"], "one file").await;
    check(&["--resources", "a", "--"], "no command").await;
    check(&["exec", "true"], "`--`").await;
    check(&["exec", "more", "--", "true"], "nothing before").await;
    check(&["copy"], "one directory").await;
    check(&["copy", "a", "b"], "one directory").await;
    check(&["run", "--unknown=1", "--", "true"], "--unknown").await;
    check(&["run", "--root=*", "--", "true"], "base64").await;
    check(&["run", "--container=a"], "`--`").await;
    check(&["a\nb\u{1b}[31m"], "nothing that this executable does").await;
}

#[tokio::test]
async fn help_and_version_are_given() {
    for arguments in [&[][..], &["--help"], &["-h"]] {
        assert!(Container::new(arguments).run().await.good().contains("azure-keyvault-env run"));
    }
    assert_eq!(
        Container::new(["--version"]).run().await.good().trim(),
        format!("azure-keyvault-env {}", env!("CARGO_PKG_VERSION"))
    );
}
