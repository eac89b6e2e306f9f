//! Every way in which a vault or the token service fails has a reason, a sentence and a time.

use std::time::Duration;

use akv_api::reason;
use akv_core::{ObjectKind, Part};
use akv_vault::{VaultClient, VaultError};

use crate::folder::Folder;
use crate::http::{Asked, Reply};
use crate::objects::{demo, object, parts};
use crate::stage::{Stage, V1};

/// Reads the secret of these tests.
pub async fn read(client: &VaultClient) -> Result<Vec<u8>, VaultError> {
    let wanted = object(ObjectKind::Secret, "db", None);
    let read = client.read(&demo(), &wanted, &parts(&[Part::Private])).await?;
    Ok(read.private.expect("a value").expose().to_vec())
}

/// Whether a request is one of the vault's that carries a token.
fn of_vault(asked: &Asked) -> bool {
    asked.has_token()
}

/// One kind of failure, then recovery by the same client.
pub async fn check(name: &str, client: &VaultClient, stage: &Stage, expected: &Expected) {
    let fault = read(client).await.expect_err(name);
    let said = fault.to_string();
    assert_eq!(fault.reason(), expected.reason, "{name}: {said}");
    assert_eq!(fault.retry_after(), expected.retry_after.map(Duration::from_secs), "{name}");
    assert_eq!(fault.is_permanent(), expected.permanent, "{name}");
    assert!(said.starts_with("secret db in vault demo: "), "{name}: {said}");
    assert!(said.contains(expected.said), "{name}: {said:?} lacks {:?}", expected.said);
    assert!(!said.contains("canary") && !said.contains('\n'), "{name}: {said}");
    let told_again = read(client).await.expect_err(name);
    assert_eq!(said, told_again.to_string(), "{name}: the text is stable");
    stage.mend();
    assert_eq!(read(client).await.expect(name), b"value", "{name}: recovery");
}

/// What is told.
pub struct Expected {
    reason: &'static str,
    said: &'static str,
    retry_after: Option<u64>,
    permanent: bool,
}

/// A failure that may pass by itself, without a time.
pub fn expect(reason: &'static str, said: &'static str) -> Expected {
    Expected { reason, said, retry_after: None, permanent: false }
}

/// The same, with the time that the service asked for, in seconds.
pub fn after(seconds: u64, expected: Expected) -> Expected {
    Expected { retry_after: Some(seconds), ..expected }
}

fn permanent(expected: Expected) -> Expected {
    Expected { permanent: true, ..expected }
}

const RBAC: &str = r"Caller is not authorized to perform action on resource.\r\nCaller: appid=a;oid=o;iss=i\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'";

#[tokio::test]
async fn every_failure_of_the_vault_is_told_and_passes_without_a_restart() {
    let canary = format!(r#"{{"value":"canary","id":"https://x/secrets/db/{V1}"}}"#);
    let unauthorized = Reply::error(401, "Unauthorized", "", "AKV10022: Invalid audience.");
    let cases = [
        ("401", unauthorized, expect(reason::VAULT_UNAUTHORIZED, "401 Unauthorized: AKV10022: Invalid audience;")),
        (
            "role",
            Reply::error(403, "Forbidden", "ForbiddenByRbac", RBAC),
            permanent(expect(reason::VAULT_FORBIDDEN, "resource. Caller: appid=a;oid=o;iss=i Action: 'Microsoft")),
        ),
        (
            "disabled",
            Reply::error(403, "Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret."),
            permanent(expect(reason::OBJECT_DISABLED, "enable it")),
        ),
        (
            "deleted",
            Reply::error(404, "SecretNotFound", "", "A secret with (name/id) db was not found in this key vault."),
            permanent(expect(reason::OBJECT_NOT_FOUND, "404 SecretNotFound: A secret")),
        ),
        (
            "429 for seconds",
            Reply::error(429, "Throttled", "", "x").with("retry-after", "5"),
            after(5, expect(reason::VAULT_THROTTLED, "429 Throttled")),
        ),
        (
            "429 for hours",
            Reply::error(429, "Throttled", "", "x").with("retry-after", "7200"),
            after(7200, expect(reason::VAULT_THROTTLED, "429 Throttled")),
        ),
        (
            "500",
            Reply::Full(500, Vec::new(), "canary".to_owned()),
            expect(reason::VAULT_UNAVAILABLE, "the vault answered 500 with a body that is no error of Key Vault"),
        ),
        (
            "503",
            Reply::error(503, "ServiceUnavailable", "", "x").with("retry-after", "7200"),
            after(7200, expect(reason::VAULT_UNAVAILABLE, "503 ServiceUnavailable")),
        ),
        (
            "redirect",
            Reply::Full(302, vec![("location", "https://evil.vault.localhost/".to_owned())], String::new()),
            expect(reason::VAULT_UNAVAILABLE, "a vault never redirects"),
        ),
        ("reset", Reply::Reset, expect(reason::VAULT_UNAVAILABLE, "the connection broke")),
        ("slow headers", Reply::SlowHeaders, expect(reason::VAULT_UNAVAILABLE, "no answer in time")),
        ("slow body", Reply::SlowBody(canary.clone()), expect(reason::VAULT_UNAVAILABLE, "no answer in time")),
        ("truncated", Reply::Truncated(canary.clone()), expect(reason::VAULT_UNAVAILABLE, "the connection broke")),
        (
            "cut JSON",
            Reply::ok(&canary[..canary.len() - 4]),
            expect(reason::VAULT_UNAVAILABLE, "a body that is no object of Key Vault"),
        ),
        (
            "no JSON",
            Reply::ok("<html>canary</html>"),
            expect(reason::VAULT_UNAVAILABLE, "a body that is no object of Key Vault"),
        ),
        (
            "endless",
            Reply::ok("canary".repeat(200_000)),
            expect(reason::VAULT_UNAVAILABLE, "longer than 1048576 bytes"),
        ),
    ];
    for (name, reply, expected) in cases {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        stage.put_secret("db", V1, "value");
        let client = VaultClient::new(stage.settings(&folder)).expect("a client");
        stage.script(move |asked| of_vault(asked).then(|| reply.clone()));
        check(name, &client, &stage, &expected).await;
    }
}

#[tokio::test]
async fn trouble_that_passes_at_once_is_not_told() {
    for (name, reply) in [("503", Reply::error(503, "ServiceUnavailable", "", "x")), ("reset", Reply::Reset)] {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        stage.put_secret("db", V1, "value");
        let client = VaultClient::new(stage.settings(&folder)).expect("a client");
        let left = std::sync::atomic::AtomicUsize::new(2);
        stage.script(move |asked| {
            let one = || {
                left.fetch_update(std::sync::atomic::Ordering::SeqCst, std::sync::atomic::Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
            };
            (of_vault(asked) && one().is_ok()).then(|| reply.clone())
        });
        assert_eq!(read(&client).await.expect(name), b"value");
    }
}

#[tokio::test]
async fn tries_are_few_and_throttling_is_not_tried_again() {
    for (status, expected) in [(503, 3), (429, 1), (500, 1), (403, 1)] {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        let client = VaultClient::new(stage.settings(&folder)).expect("a client");
        stage.script(move |asked| {
            of_vault(asked).then(|| Reply::error(status, "X", "", "x").with("retry-after", "7200"))
        });
        read(&client).await.expect_err("it fails");
        let tries = stage.all().into_iter().filter(of_vault).count();
        assert_eq!(tries, expected, "{status}");
    }
}
