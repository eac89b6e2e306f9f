//! What someone who may create a pod can try, and how little comes of it.

use akv_registry::{Image, Reason, Refusal, Registry, Settings};

use crate::folder::Folder;
use crate::reply::Reply;
use crate::stage::{Stage, ask};

#[tokio::test]
async fn no_image_name_reaches_the_machine_or_its_metadata() {
    let stage = Stage::new().await;
    stage.put_image("app", "latest", "/app");
    let folder = Folder::new();
    // Everything is on the allow-list, and nothing of the refused networks is allowed.
    let mut settings = Settings { allowed_networks: Vec::new(), ..stage.settings(&folder) };
    settings.refused_networks.push("10.96.0.0/12".to_owned());
    settings
        .registries
        .extend(["*", "10.96.0.1", "169.254.169.254", "[::1]", "[fe80::1]", "[::ffff:7f00:1]"].map(str::to_owned));
    settings.registries.extend(["localhost", "[::1]", "[::ffff:7f00:1]"].map(|name| stage.host(name)));
    let registry = Registry::new(settings).expect("a registry");
    for (text, expected) in [
        ("registry.localhost:$P/app", Reason::RegistryRefused),
        ("localhost:$P/app", Reason::RegistryRefused),
        ("127.0.0.1:$P/app", Reason::RegistryRefused),
        ("[::1]:$P/app", Reason::RegistryRefused),
        ("[::ffff:7f00:1]:$P/app", Reason::RegistryRefused),
        ("[0:0:0:0:0:ffff:7f00:1]:$P/app", Reason::RegistryRefused),
        ("[fe80::1]/app", Reason::RegistryRefused),
        ("169.254.169.254/app", Reason::RegistryRefused),
        ("foo.localhost/app", Reason::RegistryRefused),
        // The API server's Service.
        ("10.96.0.1/app", Reason::RegistryRefused),
        // Not on the list in this form, or under this port.
        ("127.0.0.9:$P/app", Reason::RegistryNotAllowed),
        ("registry.localhost:22/app", Reason::RegistryNotAllowed),
        ("10.0.0.1/app", Reason::RegistryNotAllowed),
        // No names of images.
        ("127.1:$P/app", Reason::InvalidImage),
        ("2130706433:$P/app", Reason::InvalidImage),
        ("0x7f000001:$P/app", Reason::InvalidImage),
        ("0x7f.0.0.1:$P/app", Reason::InvalidImage),
        ("0177.0.0.1:$P/app", Reason::InvalidImage),
        ("017700000001:$P/app", Reason::InvalidImage),
        ("[::ffff:127.0.0.1]:$P/app", Reason::InvalidImage),
        ("u:p@registry.localhost:$P/app", Reason::InvalidImage),
        ("registry.localhost:$P@evil.localhost:$P/app", Reason::InvalidImage),
        ("http://registry.localhost:$P/app", Reason::InvalidImage),
        ("registry.localhost:$P/../app", Reason::InvalidImage),
        ("registry.localhost:$P/a/../../app", Reason::InvalidImage),
        ("registry.localhost:$P/a%2f..%2fapp", Reason::InvalidImage),
        ("registry.localhost:$P/app?x=", Reason::InvalidImage),
        ("registry.localhost:$P/app#x", Reason::InvalidImage),
        ("registry.localhost:$P/app:1/../../x", Reason::InvalidImage),
        ("registry.localhost:$P\\app", Reason::InvalidImage),
        ("registry.localhost\0:$P/app", Reason::InvalidImage),
        ("ⓡegistry.localhost:$P/app", Reason::InvalidImage),
    ] {
        let text = text.replace("$P", &stage.port().to_string());
        let refusal = match Image::parse(&text) {
            Ok(image) => ask(&registry, &image, &[]).await.expect_err(&text),
            Err(error) => Refusal::of_name(&text, error),
        };
        assert_eq!(refusal.reason(), expected, "{text}: {refusal}");
    }
    assert_eq!(stage.connections(), 0);
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to_when_it_is_connected_to() {
    // The registry is free, and its store has a name on the list whose address is not.
    let stage = Stage::at("127.0.0.2", true).await;
    stage.put_image("app", "1", "/app");
    let target = format!("https://{}/blob", stage.host("store.localhost"));
    stage.script(move |asked| asked.path.contains("/blobs/").then(|| Reply::redirect(&target)));
    let folder = Folder::new();
    let settings = Settings { allowed_networks: vec!["127.0.0.2/32".to_owned()], ..stage.settings(&folder) };
    let image = Image::parse(&format!("{}/app:1", stage.host("127.0.0.2"))).expect("an image");
    let refusal = ask(&Registry::new(settings).expect("a registry"), &image, &[]).await.expect_err("an address");
    assert_eq!(refusal.reason(), Reason::RegistryRefused);
    assert!(refusal.to_string().contains("store.localhost has the address 127.0.0.1, which is loopback"), "{refusal}");
}

/// A private image whose blobs are elsewhere; with what the store was asked.
async fn redirected(target: impl Fn(&Stage) -> String) -> (Stage, Result<(), Refusal>) {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    let target = target(&stage);
    stage.script(move |asked| match asked.host.as_str() {
        _ if asked.host != "registry.localhost" => None,
        _ if asked.authorization.is_none() => Some(Reply::status(401).with("www-authenticate", "Basic")),
        _ if asked.path.contains("/blobs/") => Some(Reply::redirect(target.replace("$PATH", &asked.path))),
        _ => None,
    });
    let secrets = [stage.secret("registry.localhost", "u", "right"), stage.secret("store.localhost", "u", "right")];
    let found = ask(&stage.registry(), &stage.image("app:1"), &secrets).await;
    (stage, found.map(drop))
}

#[tokio::test]
async fn a_store_is_asked_without_the_credential() {
    let (stage, found) =
        redirected(|stage| format!("https://{}$PATH?signature=x", stage.host("store.localhost"))).await;
    found.expect("a command");
    let asked = stage.asked();
    let at_store: Vec<_> = asked.iter().filter(|asked| asked.host == "store.localhost").collect();
    assert_eq!((at_store.len(), at_store[0].query.as_str()), (1, "signature=x"));
    assert_eq!(at_store[0].authorization, None);
    assert!(asked.iter().any(|asked| asked.authorization.is_some()));
}

#[tokio::test]
async fn a_redirect_leads_nowhere_but_to_https_and_free_addresses() {
    for (target, expected) in [
        ("http://store.localhost:$P/x", Reason::RegistryRefused),
        ("https://169.254.169.254/metadata/instance", Reason::RegistryRefused),
        ("https://127.0.0.3/x", Reason::RegistryRefused),
        ("https://[::1]:$P/x", Reason::RegistryRefused),
        ("https://[::ffff:127.0.0.3]/x", Reason::RegistryRefused),
        ("https://u:p@store.localhost:$P/x", Reason::RegistryRefused),
        ("https://store.localhost:1/x", Reason::RegistryRefused),
        ("https://2130706435/x", Reason::RegistryRefused),
        ("file:///etc/passwd", Reason::RegistryRefused),
        ("//u@store.localhost/x", Reason::RegistryRefused),
        // Back to the registry, which gets no credential that way and can ask for none.
        ("https://registry.localhost:$P/v2/x/blobs/y", Reason::RegistryUnauthorized),
        ("", Reason::RegistryUnauthorized),
    ] {
        let (stage, found) = redirected(|stage| target.replace("$P", &stage.port().to_string())).await;
        assert_eq!(found.expect_err(target).reason(), expected, "{target}");
        assert!(stage.asked().iter().all(|asked| asked.host == "registry.localhost"), "{target}");
    }
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let stage = Stage::new().await;
    let target = format!("https://{}/x", stage.host("store.localhost"));
    stage.script(move |_| Some(Reply::redirect(&target)));
    let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err("a circle");
    assert_eq!(refusal.reason(), Reason::RegistryRefused);
    assert_eq!(stage.asked().len(), 6);
}

#[tokio::test]
async fn what_an_inner_service_says_is_never_shown() {
    let stage = Stage::new().await;
    for status in [200, 400, 401, 403, 404, 418, 500] {
        stage.script(move |_| Some(Reply::Full(status, vec![("x-canary", "canary".into())], "canary CANARY!".into())));
        let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err("no registry");
        assert!(!refusal.to_string().to_lowercase().contains("canary"), "{refusal}");
    }
}
