//! What registries give: all forms that are read, and all that are refused.

use akv_registry::{Image, Platform, PullPolicy, Reason};
use tokio::time::Instant;

use crate::reply::Reply;
use crate::stage::{PATIENCE, Stage, ask, manifest, sha256};

#[tokio::test]
async fn an_image_says_its_command() {
    let stage = Stage::new().await;
    let digest = stage.put_image("team/app", "1", "/app");
    let found = ask(&stage.registry(), &stage.image("team/app:1"), &[]).await.expect("a command");
    assert_eq!((found.entrypoint, found.cmd), (vec!["/app".to_owned()], vec!["serve".to_owned()]));
    assert_eq!(found.digest.as_str(), digest);
    let by_digest = stage.image(&format!("team/app:ignored@{digest}"));
    let found = ask(&stage.registry(), &by_digest, &[]).await.expect("a command");
    assert_eq!(found.entrypoint, ["/app"]);
}

#[tokio::test]
async fn an_index_gives_each_node_its_own_command() {
    let stage = Stage::new().await;
    let children = ["amd64", "arm64"].map(|architecture| {
        let digest = stage.put_image("app", architecture, &format!("/{architecture}"));
        format!(r#"{{"digest":"{digest}","platform":{{"os":"linux","architecture":"{architecture}"}}}}"#)
    });
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","));
    stage.put_as("app", "manifests", "1", &index);
    let digest = stage.put("app", "manifests", &index);
    let outer = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    );
    stage.put("app", "manifests", &outer);
    stage.put_as("app", "manifests", "nested", &outer);
    let registry = stage.registry();
    let command = async |image: &Image, architecture: &str| {
        let deadline = Instant::now() + PATIENCE;
        registry.command(image, &Platform::new(architecture), &[], PullPolicy::Always, deadline).await
    };
    for architecture in ["amd64", "arm64"] {
        let found = command(&stage.image("app:1"), architecture).await.expect("a command");
        assert_eq!(found.entrypoint, [format!("/{architecture}")]);
        assert_eq!(found.digest.as_str(), digest);
    }
    assert_eq!(command(&stage.image("app:nested"), "amd64").await.expect("a command").entrypoint, ["/amd64"]);
    let refusal = command(&stage.image("app:1"), "s390x").await.expect_err("no such child");
    assert_eq!(refusal.reason(), Reason::ImageUnsupported);
    assert!(refusal.to_string().contains("linux/s390x"), "{refusal}");
}

#[tokio::test]
async fn a_registry_that_tells_no_digest_is_read_for_it() {
    let stage = Stage::new().await;
    let digest = stage.put_image("app", "1", "/app");
    for status in [200, 405] {
        stage.script(move |asked| (asked.method == "HEAD").then(|| Reply::status(status)));
        let found = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect("a command");
        assert_eq!(found.digest.as_str(), digest);
    }
}

/// Serves `manifest` for a tag, and a configuration `config` for it where it says `$C`.
async fn refused(manifest: &str, config: &str, reason: Reason, part: &str) {
    let stage = Stage::new().await;
    let body = manifest.replace("$C", &stage.put("app", "blobs", config));
    stage.put_as("app", "manifests", "1", &body);
    stage.put("app", "manifests", &body);
    let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err(manifest);
    assert_eq!(refusal.reason(), reason, "{refusal}");
    for part in [part, "app:1", "`spv.no/command.<container>`"] {
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
}

#[tokio::test]
async fn what_is_no_image_is_refused_by_its_kind() {
    refused(r#"{"schemaVersion":1,"fsLayers":[]}"#, "", Reason::ImageUnsupported, "schema 1").await;
    let helm = r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"$C"},"layers":[]}"#;
    refused(helm, "{}", Reason::ImageUnsupported, "another artifact").await;
    refused(&manifest("$C"), r#"{"os":"windows"}"#, Reason::ImageUnsupported, "linux/amd64").await;
    refused("<html>canary</html>", "", Reason::RegistryBroken, "the manifest is not").await;
    refused(&manifest("$C"), "canary", Reason::RegistryBroken, "the configuration is not").await;
    refused(&manifest("../../../x"), "", Reason::RegistryBroken, "the manifest is not").await;
    refused(&manifest(&sha256("gone")), "", Reason::ImageNotFound, "no such image").await;
    let large = format!(r#"{{"config":{{"Cmd":["{}"]}}}}"#, "x".repeat(100_000));
    refused(&manifest("$C"), &large, Reason::ImageUnsupported, "longer than").await;
}

#[tokio::test]
async fn a_registry_that_lies_about_a_digest_is_found_out() {
    for kind in ["manifests", "blobs"] {
        let stage = Stage::new().await;
        let digest = stage.put_image("app", "1", "/app");
        let evil = manifest(&stage.put("app", "blobs", r#"{"config":{"Entrypoint":["/evil"]}}"#));
        stage.script(move |asked| {
            let lie = if kind == "blobs" { r#"{"config":{"Entrypoint":["/evil"]}}"# } else { &evil };
            let by_digest = asked.path.starts_with(&format!("/v2/app/{kind}/sha256:"));
            (by_digest && asked.method == "GET").then(|| Reply::ok(lie).with("docker-content-digest", &digest))
        });
        let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err("a lie");
        assert_eq!(refusal.reason(), Reason::RegistryBroken);
        assert!(refusal.to_string().contains("does not have the digest"), "{refusal}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_left() {
    for kind in ["manifests", "blobs"] {
        let stage = Stage::new().await;
        stage.put_image("app", "1", "/app");
        for reply in [Reply::Endless, Reply::ok("x".repeat(3 << 20))] {
            let path = format!("/{kind}/sha256:");
            stage.script(move |asked| asked.path.contains(&path).then(|| reply.clone()));
            let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err("too long");
            assert_eq!(refusal.reason(), Reason::RegistryBroken);
            assert!(refusal.to_string().contains("is longer than"), "{refusal}");
        }
    }
}
