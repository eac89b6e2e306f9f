//! The managed identity endpoints: which identity answers, and what is refused.

use crate::signed::parts;
use crate::stage::{Reply, Stage};

const SEED: &str = "
identities:
- {name: machine, managed: system}
- name: app
  managed: user
  clientId: aaaaaaaa-0000-0000-0000-000000000001
  objectId: aaaaaaaa-0000-0000-0000-000000000002
  resourceId: /subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app
- {name: other, managed: user, clientId: bbbbbbbb-0000-0000-0000-000000000001}
- {name: application, secret: x, clientId: cccccccc-0000-0000-0000-000000000001}
vaults:
- name: shop
";
const RESOURCE_ID: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";

/// Whose token it is, by its `appid`; else the status and the description.
fn whose(stage: &Stage, reply: &Reply) -> String {
    let Some(token) = reply.body["access_token"].as_str() else {
        let text = reply.body["error_description"].as_str().or(reply.body["error"].as_str());
        return format!("{} {}", reply.status, text.unwrap_or_default());
    };
    assert!(reply.body["expires_in"].is_string() && reply.body["expires_on"].is_string(), "numbers are texts");
    let id = parts(token).1["appid"].clone();
    let names = ["machine", "app", "other", "application"];
    let found =
        names.into_iter().find(|name| stage.variable(name, "AZURE_CLIENT_ID") == id.as_str().unwrap_or_default());
    found.unwrap_or("nobody").to_owned()
}

/// Asks one of the two endpoints with these parameters, beside the version and the resource.
async fn ask(stage: &Stage, imds: bool, query: &[(&str, &str)]) -> Reply {
    let mut url = reqwest::Url::parse(&stage.variable("machine", "IDENTITY_ENDPOINT")).expect("a URL");
    if imds {
        url.set_path("/metadata/identity/oauth2/token");
    }
    let version = if imds { "2018-02-01" } else { "2019-08-01" };
    let usual = [("api-version", version), ("resource", "https://vault.localhost")];
    url.query_pairs_mut().extend_pairs(usual.iter().chain(query));
    let header = stage.variable("machine", "IDENTITY_HEADER");
    let request = stage.http.get(url);
    stage
        .send(if imds { request.header("metadata", "true") } else { request.header("x-identity-header", header) })
        .await
}

#[tokio::test]
async fn an_identity_answers_to_its_own_ids_only() {
    let stage = Stage::start(SEED).await;
    let nobody = "400 Identity not found";
    for (query, expected) in [
        (&[][..], "machine"),
        (&[("client_id", "AAAAAAAA-0000-0000-0000-000000000001")], "app"),
        (&[("client_id", "bbbbbbbb-0000-0000-0000-000000000001")], "other"),
        (&[("object_id", "aaaaaaaa-0000-0000-0000-000000000002")], "app"),
        (&[("principal_id", "aaaaaaaa-0000-0000-0000-000000000002")], "app"),
        (&[("mi_res_id", RESOURCE_ID)], "app"),
        (&[("msi_res_id", RESOURCE_ID)], "app"),
        (&[("client_id", "aaaaaaaa-0000-0000-0000-000000000002")], nobody),
        (&[("object_id", "aaaaaaaa-0000-0000-0000-000000000001")], nobody),
        (&[("mi_res_id", "/subscriptions/s")], nobody),
        // An application is no managed identity.
        (&[("client_id", "cccccccc-0000-0000-0000-000000000001")], nobody),
        (
            &[("client_id", "aaaaaaaa-0000-0000-0000-000000000001"), ("mi_res_id", RESOURCE_ID)],
            "400 Only one of client_id, object_id and the resource id can be specified",
        ),
    ] {
        for imds in [true, false] {
            let reply = ask(&stage, imds, query).await;
            assert_eq!(whose(&stage, &reply), expected, "{query:?} imds {imds}");
        }
    }
}

#[tokio::test]
async fn a_request_without_its_headers_and_parameters_is_refused() {
    let stage = Stage::start(SEED).await;
    let app_service = stage.variable("machine", "IDENTITY_ENDPOINT");
    let machine = app_service.replace("/msi/token", "/metadata/identity/oauth2/token");
    let header = stage.variable("machine", "IDENTITY_HEADER");
    let full = "api-version=2018-02-01&resource=https://vault.localhost";
    for (url, headers, query, expected) in [
        (&machine, &[][..], full, "400 Required metadata header not specified"),
        (&machine, &[("metadata", "yes")], full, "400 Required metadata header not specified"),
        (
            &machine,
            &[("metadata", "true"), ("x-forwarded-for", "10.0.0.1")],
            full,
            "400 Required metadata header not specified",
        ),
        (&machine, &[("metadata", "true")], "api-version=2018-02-01", "400 Required audience parameter not specified"),
        (
            &machine,
            &[("metadata", "true")],
            "resource=https://vault.localhost",
            "400 api-version was not specified in the request",
        ),
        (&machine, &[("metadata", "true")], full, "machine"),
        (&app_service, &[("metadata", "true")], full, "401 unauthorized_client"),
        (&app_service, &[("x-identity-header", "wrong")], full, "401 unauthorized_client"),
        (&app_service, &[("x-identity-header", header.as_str())], full, "machine"),
    ] {
        let mut request = stage.http.get(format!("{url}?{query}"));
        for (name, text) in headers {
            request = request.header(*name, *text);
        }
        let reply = stage.send(request).await;
        assert_eq!(whose(&stage, &reply), expected, "{url} {headers:?} {query}");
    }
}

#[tokio::test]
async fn without_a_system_assigned_identity_nobody_answers_to_nothing() {
    let stage = Stage::start(&SEED.replace("managed: system", "managed: user")).await;
    let reply = ask(&stage, true, &[]).await;
    assert_eq!(whose(&stage, &reply), "400 Identity not found");
}
