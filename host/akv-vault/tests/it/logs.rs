//! Nothing secret is in the logs, with everything logged.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use akv_core::{ObjectKind, Part};
use akv_vault::VaultClient;
use tracing_subscriber::fmt::MakeWriter;

use crate::folder::Folder;
use crate::http::Reply;
use crate::objects::{demo, object, parts};
use crate::stage::{Stage, V1};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_read_logged_in_full_shows_neither_value_nor_token_nor_secret() {
    let log = Log::default();
    // Global, since requests run on tasks of their own; the other tests of this binary write into it too.
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one");

    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("canary-name", V1, "canary-value-4711");
    stage.script(|asked| {
        let token = r#"{"access_token":"canary-token-4711","expires_in":3600,"token_type":"Bearer"}"#;
        asked.host.starts_with("login.").then(|| Reply::ok(token))
    });
    let mut settings = stage.settings(&folder);
    settings.environment.insert("AZURE_CLIENT_SECRET".to_owned(), "canary-secret-4711".to_owned());
    let client = VaultClient::new(settings).expect("a client");
    let wanted = object(ObjectKind::Secret, "canary-name", None);
    let read = client.read(&demo(), &wanted, &parts(&[Part::Private])).await.expect("a secret");
    tracing::debug!(?client, ?read, "what debug shows");
    // The same value in a body that is no object, and in an error.
    let broken =
        format!(r#"{{"value":"canary-value-4711","id":"https://x/secrets/db/{V1}","tags":"canary-value-4711"}}"#);
    stage.script(move |asked| asked.headers.contains_key("authorization").then(|| Reply::ok(broken.clone())));
    let fault = client.read(&demo(), &wanted, &parts(&[Part::Private])).await.expect_err("broken");
    tracing::debug!(?fault, %fault, "the fault");

    let text = String::from_utf8_lossy(&log.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    for canary in ["canary-value-4711", "canary-token-4711", "canary-secret-4711"] {
        assert!(!text.contains(canary), "{canary} is in the log");
    }
    // The log is not empty for want of a subscriber: it names the object, and the HTTP client speaks.
    assert!(text.contains("/secrets/canary-name/") && text.contains("TRACE hyper_util"), "{} bytes", text.len());
}
