//! Certificates that are good, and ask for what is not theirs, or too late.

use super::{DB, OBJECTS, Table};
use akv_tests::webhook::pod::with_reference;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Installation, wait_for};
use akv_wire::message::{PLUGINS, RESOURCES};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

#[tokio::test]
async fn a_certificate_of_seconds_ends_on_an_open_connection_too() {
    let world = Installation::start("expired", OBJECTS, &["--pod-certificate-seconds=3"]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let pod = world.create(with_reference("web", "db@azurekeyvault")).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    let mut table = Table::new(&world);
    let answer = wait_for("the certificate to end", PATIENCE, || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let answer = asker.resources(DB).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    table.refused("expired certificate on a connection that is open", 401, "needs a certificate", answer).await;
    table
        .refused(
            "expired certificate on a new connection",
            0,
            "a TLS handshake was refused",
            asker.again().resources(DB).await,
        )
        .await;
}

#[tokio::test]
async fn in_a_broker_namespace_a_container_gets_what_its_spec_names() {
    let world = Installation::start("fence", OBJECTS, &["--broker-namespaces={shop}"]).await;
    for (name, object) in [("db", "s"), ("login", "login"), ("tls", "s")] {
        world.resource(&world.shop, name, object, "").await;
    }
    let mut pod = with_reference("web", "${db@azurekeyvault}${login@azurekeyvault?user}");
    pod["metadata"]["annotations"] = json!({"spv.no/files.app": "tls=/etc/tls"});
    let pod = world.create(pod).await;
    let next = world.create(with_reference("next", "login@azurekeyvault")).await;
    let service = world.replicas[0].mtls();
    let (asker, of_next) = (pod.enrolled(service, "app").await, next.enrolled(service, "app").await);
    let mut table = Table::new(&world);
    table.begin();
    table
        .refused(
            "a reference that is not in the spec",
            403,
            "no reference of this container",
            asker.resources(&[("other", &[""])]).await,
        )
        .await;
    table
        .refused(
            "a query that is not",
            403,
            "no reference of this container",
            asker.resources(&[("login", &["password"])]).await,
        )
        .await;
    table
        .refused(
            "no query where one is",
            403,
            "no reference of this container",
            asker.resources(&[("login", &[""])]).await,
        )
        .await;
    let files = |name: &str| json!({"engine": "", "target": "", "resources": [{"name": name, "files": true}]});
    table
        .refused("files that are not", 403, "are not for this container", asker.post(RESOURCES, &files("db")).await)
        .await;
    table
        .refused(
            "the next pod's certificate for this one's",
            403,
            "no reference of this container",
            of_next.resources(DB).await,
        )
        .await;
    table
        .refused(
            "one good and one bad",
            403,
            "no reference of this container",
            asker.resources(&[("db", &[""]), ("other", &[""])]).await,
        )
        .await;
    assert_eq!(asker.again().resources(DB).await.status, 200);
    assert_eq!(asker.again().post(RESOURCES, &files("tls")).await.status, 200);
}

#[tokio::test]
async fn a_plugin_is_given_where_it_may_be_used() {
    let cluster = Cluster::shared().await;
    let trim = akv_defaults::wasm("trim").expect("a default");
    Installation::file(&cluster, "trim.wasm", trim);
    let digest = hex::encode(Sha256::digest(trim));
    let dir = cluster.dir().display().to_string();
    let mut world = Installation::prepare(cluster, "digest", OBJECTS, &["webhook", "--plugin-dir", &dir]).await;
    let next =
        world.namespace("digest-next", &[(akv_api::name::INJECTION_LABEL, world.home.name()), ("team", "next")]).await;
    let name = format!("custom-{}", world.home.name());
    let source = json!({"file": {"path": "trim.wasm", "sha256": digest}});
    let plugin = json!({
        "apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name},
        "spec": {"source": source, "namespaces": {"matchLabels": {"team": "next"}}},
    });
    world.home.put_cluster_wide(plugin).await;
    world.resource(&world.shop, "db", "s", &format!("{{pipeline: [{{plugin: {name}}}]}}")).await;
    world.add_replica().await;
    // From now on the validating webhook would refuse such a resource.
    world.register().await;
    let service = world.replicas[0].mtls();
    let asker = world.create(with_reference("web", "db@azurekeyvault")).await.enrolled(service, "app").await;
    let theirs = world.create_in(&next, with_reference("web", "db@azurekeyvault")).await.enrolled(service, "app").await;
    let query = format!("?engine={}&target={}", akv_plugin::made_for::ENGINE, akv_plugin::made_for::target());
    let path = |digest: &str| format!("{PLUGINS}{digest}{query}");
    wait_for("the plugin to be ready", PATIENCE, || async {
        let status = theirs.again().bytes(&path(&digest)).await.0;
        tokio::time::sleep(Duration::from_secs(1)).await;
        (status == 200).then_some(())
    })
    .await;
    let mut table = Table::new(&world);
    table.begin();
    table
        .refused("digest of a plugin for others", 404, "no plugin of this digest", asker.get(&path(&digest)).await)
        .await;
    let refused = asker.again().resources(DB).await.resources();
    assert_eq!(json!(refused.resources["db"])["reason"], "PluginNotFound");
    table.begin();
    table
        .refused(
            "digest of a default plugin",
            404,
            "no plugin of this digest",
            asker.get(&path(&hex::encode(Sha256::digest(b"x")))).await,
        )
        .await;
    table.refused("digest with a slash", 404, "no plugin of this digest", asker.get(&path("ab%2f..%2fcd")).await).await;
    table.refused("no engine", 400, "400", asker.get(&format!("{PLUGINS}{digest}")).await).await;
    // Every text that somebody thinks of would be a first answer.
    let mut statuses = Vec::new();
    for n in 0..30 {
        statuses.push(asker.again().get(&path(&format!("{n:064x}"))).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    println!("30 digests that are none: {} of them 429", statuses.iter().filter(|s| **s == 429).count());
}
