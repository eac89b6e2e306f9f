//! Who gets nothing, and how that is said: a table of attacks on the auth service.

mod fences;
mod requests;
mod tokens;

use akv_tests::webhook::client::signing_request;
use akv_tests::webhook::{Answer, Asker};
use akv_tests::world::PATIENCE;
use akv_tests::{Installation, wait_for};

pub(super) const OBJECTS: &str = "  secrets: [{name: s, value: v4lue}, {name: login, value: v4lue}]\n";
pub(super) const DB: &[(&str, &[&str])] = &[("db", &[""])];

/// A row of the table, as it was tried.
pub(super) struct Table<'a> {
    world: &'a Installation,
    seen: usize,
    pub(super) rows: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(world: &'a Installation) -> Self {
        Self { world, seen: 0, rows: 0 }
    }

    fn log(&self) -> String {
        self.world.replicas[0].log()
    }

    /// Remembers where the log ends.
    pub(super) fn begin(&mut self) {
        self.seen = self.log().len();
    }

    /// The answer has the status, and the log a line with this text and without a value. Status 0 is a handshake that fails.
    pub(super) async fn refused(&mut self, what: &str, status: u16, said: &str, answer: Answer) {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        let text = answer.body.to_string();
        assert!(!text.contains("v4lue") && !text.contains("eyJ"), "{what}: {text}");
        let seen = self.seen;
        let line = wait_for(&format!("{what}: a line with {said}"), PATIENCE, || async {
            let log = self.log();
            log[seen..].lines().find(|line| line.contains(said)).map(str::to_owned)
        })
        .await;
        assert!(line.contains("refused"), "{what}: {line}");
        let new = self.log()[seen..].to_owned();
        assert!(!new.contains("v4lue") && !new.contains("eyJ"), "{what}: {new}");
        self.rows += 1;
        println!("{what:<58} {status:>3} {:<16} {said}", answer.reason());
        self.begin();
    }
}

pub(super) async fn ask(asker: &Asker, container: &str, token: &str) -> Answer {
    asker.certificate(container, token, &signing_request().1).await
}
