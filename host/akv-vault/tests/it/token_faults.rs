//! Every way in which the token service fails.

use akv_api::reason;
use akv_vault::VaultClient;

use crate::faults::{after, check, expect};
use crate::folder::Folder;
use crate::http::Reply;
use crate::stage::{Stage, V1};

#[tokio::test]
async fn every_failure_of_the_token_service_is_told_and_passes_without_a_restart() {
    let refusal = |text: &str| {
        let body = format!(
            r#"{{"error":"invalid_client","error_description":"{text}\r\nTrace ID: 0-0\r\nTimestamp: x","error_codes":[1]}}"#
        );
        Reply::Full(401, Vec::new(), body)
    };
    let cases = [
        (
            "secret",
            refusal("AADSTS7000215: Invalid client secret provided."),
            expect(
                reason::IDENTITY_FAILED,
                "AADSTS7000215: Invalid client secret provided; set the application's current client secret",
            ),
        ),
        (
            "federation",
            refusal(
                r#"AADSTS700213: No matching federated identity record found for presented assertion subject \"s\"."#,
            ),
            expect(reason::IDENTITY_FAILED, "add a federated credential"),
        ),
        (
            "429",
            Reply::Full(
                429,
                vec![("retry-after", "30".to_owned())],
                r#"{"error":"temporarily_unavailable"}"#.to_owned(),
            ),
            after(30, expect(reason::IDENTITY_FAILED, "the token service answered 429 temporarily_unavailable")),
        ),
        (
            "503",
            Reply::Full(503, Vec::new(), "<html>canary</html>".to_owned()),
            expect(reason::IDENTITY_FAILED, "the token service answered 503"),
        ),
        (
            "reset",
            Reply::Reset,
            expect(reason::IDENTITY_FAILED, "the token service cannot be reached: the connection broke"),
        ),
        (
            "dead",
            Reply::SlowHeaders,
            expect(reason::IDENTITY_FAILED, "the token service cannot be reached: no answer in time"),
        ),
        ("no token", Reply::ok("{}"), expect(reason::VAULT_UNAUTHORIZED, "AKV10000")),
        (
            "no JSON",
            Reply::ok("<html>canary</html>"),
            expect(reason::IDENTITY_FAILED, "there is no token: expected value"),
        ),
    ];
    for (name, reply, expected) in cases {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        stage.put_secret("db", V1, "value");
        let client = VaultClient::new(stage.settings(&folder)).expect("a client");
        stage.script(move |asked| asked.host.starts_with("login.").then(|| reply.clone()));
        check(name, &client, &stage, &expected).await;
    }
}
