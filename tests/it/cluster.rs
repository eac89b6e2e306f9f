//! The harness itself: what every other test here stands on.

use akv_tests::{Cluster, Component, wait_for};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

fn config_map(name: &str) -> ConfigMap {
    ConfigMap { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, ..ConfigMap::default() }
}

/// `verb group/resource[/subresource] namespace [name]`, the core group empty and `-` for no namespace.
async fn may(client: &Client, what: &str) -> bool {
    let mut words = what.split(' ').map(str::to_owned);
    let verb = words.next();
    let resource = words.next().unwrap_or_default();
    let mut parts = resource.split('/').map(str::to_owned);
    let attributes = ResourceAttributes {
        verb,
        group: parts.next(),
        resource: parts.next(),
        subresource: parts.next(),
        namespace: words.next().filter(|namespace| namespace != "-"),
        name: words.next(),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer =
        Api::all(client.clone()).create(&PostParams::default(), &review).await.expect("everybody may ask for himself");
    answer.status.expect("a review is answered").allowed
}

async fn check(client: &Client, allowed: bool, rows: &[&str]) {
    for row in rows {
        assert_eq!(may(client, row).await, allowed, "{row}");
    }
}

#[tokio::test]
async fn the_api_server_serves_our_resources() {
    let cluster = Cluster::shared().await;
    let crds = Api::<CustomResourceDefinition>::all(cluster.admin().await);
    let found = crds.list(&ListParams::default()).await.expect("the administrator lists CRDs");
    let names: Vec<_> = found.items.iter().filter_map(|crd| crd.metadata.name.as_deref()).collect();
    assert_eq!(names, ["azurekeyvaultplugins.spv.no", "azurekeyvaultsecrets.spv.no"]);
}

#[tokio::test]
async fn the_controller_may_do_what_its_role_says_and_not_more() {
    let cluster = Cluster::shared().await;
    let client = cluster.client_for(Component::Controller).await;
    let allowed = [
        "list spv.no/azurekeyvaultsecrets -",
        "watch spv.no/azurekeyvaultsecrets shop",
        "patch spv.no/azurekeyvaultsecrets/status shop",
        "list spv.no/azurekeyvaultplugins -",
        "patch spv.no/azurekeyvaultplugins/status -",
        "create /secrets shop",
        "patch /secrets shop",
        "delete /configmaps shop",
        "create /events shop",
        "create events.k8s.io/events shop",
        "list /namespaces -",
        "update coordination.k8s.io/leases akv2k8s",
        "get /secrets akv2k8s akv2k8s-digest-key",
        "get apiextensions.k8s.io/customresourcedefinitions - azurekeyvaultsecrets.spv.no",
    ];
    check(&client, true, &allowed).await;
    let refused = [
        "patch spv.no/azurekeyvaultsecrets shop",
        "delete spv.no/azurekeyvaultsecrets shop",
        "create spv.no/azurekeyvaultplugins -",
        "deletecollection /secrets shop",
        "update coordination.k8s.io/leases shop",
        "get /pods shop",
        "create /serviceaccounts/token shop",
        "create rbac.authorization.k8s.io/rolebindings shop",
        "get apiextensions.k8s.io/customresourcedefinitions - others.example",
        "patch apiextensions.k8s.io/customresourcedefinitions - azurekeyvaultsecrets.spv.no",
    ];
    check(&client, false, &refused).await;
}

#[tokio::test]
async fn the_crd_installer_touches_nothing_but_our_two_definitions() {
    let cluster = Cluster::shared().await;
    let client = cluster.client_for(Component::CrdInstaller).await;
    let definitions = "apiextensions.k8s.io/customresourcedefinitions -";
    check(
        &client,
        true,
        &[&format!("create {definitions}"), &format!("patch {definitions} azurekeyvaultplugins.spv.no")],
    )
    .await;
    let refused =
        [format!("patch {definitions} others.example"), format!("delete {definitions} azurekeyvaultplugins.spv.no")];
    check(&client, false, &[&refused[0], &refused[1], "get /secrets akv2k8s", "list spv.no/azurekeyvaultsecrets -"])
        .await;
}

#[tokio::test]
async fn an_installation_for_one_namespace_reads_no_secret_of_another() {
    let cluster = Cluster::shared().await;
    let (home, other) = (cluster.namespace("home", &[]).await, cluster.namespace("other", &[]).await);
    let client = home.client_for(Component::Controller).await;
    let list = |namespace: &str| {
        let api = Api::<Secret>::namespaced(client.clone(), namespace);
        async move { api.list(&ListParams::default()).await.map(drop) }
    };
    list(home.name()).await.expect("its own Secrets may be read");
    let refusal = list(other.name()).await.expect_err("another's may not");
    assert!(matches!(&refusal, kube::Error::Api(status) if status.code == 403), "{refusal}");
    check(
        &client,
        true,
        &[&format!("update coordination.k8s.io/leases {}", home.name()), "list spv.no/azurekeyvaultplugins -"],
    )
    .await;
    check(&client, false, &[&format!("list spv.no/azurekeyvaultsecrets {}", other.name())]).await;
}

#[tokio::test]
async fn a_workload_token_is_signed_by_a_key_that_everybody_can_read() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("workload", &[]).await;
    namespace
        .apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: shop}}")
        .await
        .expect("a service account is legal");
    let token = namespace.token("shop", &["api://AzureADTokenExchange"]).await;
    let part = |n: usize| {
        let part = token.split('.').nth(n).expect("a token has three parts");
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!(claims["iss"], cluster.issuer());
    assert_eq!(claims["sub"], format!("system:serviceaccount:{}:shop", namespace.name()));

    let pem = std::fs::read(cluster.ca_file()).expect("the API server wrote its certificate");
    let authorities = reqwest::Certificate::from_pem_bundle(&pem).expect("PEM");
    let browser = reqwest::Client::builder().tls_certs_only(authorities).build().expect("a client without an account");
    let get =
        |url: String| async { browser.get(url).send().await.expect("an answer").json::<Value>().await.expect("JSON") };
    let discovery = get(format!("{}/.well-known/openid-configuration", cluster.issuer())).await;
    let keys = get(discovery["jwks_uri"].as_str().expect("an address").to_owned()).await;
    let ids: Vec<_> = keys["keys"].as_array().expect("a list").iter().map(|key| &key["kid"]).collect();
    assert_eq!(header["alg"], "RS256");
    assert!(ids.contains(&&header["kid"]), "{header} {keys}");
}

#[tokio::test]
async fn the_audit_tells_who_wrote_what() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("audit", &[]).await;
    let client = namespace.client_for(Component::Controller).await;
    let mark = cluster.audit_mark().await;
    let api = Api::<ConfigMap>::namespaced(client, namespace.name());
    api.create(&PostParams::default(), &config_map("noted")).await.expect("the role allows it");
    api.get("noted").await.expect("it is there");
    let events = cluster.audit_since(mark).await;
    let ours: Vec<_> = events
        .iter()
        .filter(|event| event.namespace() == namespace.name() && event.user().ends_with(":akv2k8s-controller"))
        .collect();
    let told: Vec<_> = ours.iter().map(|e| (e.verb.as_str(), e.resource(), e.code(), e.is_write())).collect();
    assert_eq!(told, [("create", "configmaps".to_owned(), 201, true), ("get", "configmaps".to_owned(), 200, false)]);
}

#[tokio::test]
async fn a_namespace_ends_with_its_test() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("brief", &[("team", "shop")]).await;
    let name = namespace.name().to_owned();
    let api = Api::<Namespace>::all(cluster.admin().await);
    let labels = api.get(&name).await.expect("it is there").metadata.labels.unwrap_or_default();
    assert_eq!(labels.get("team").map(String::as_str), Some("shop"));
    drop(namespace);
    wait_for("the namespace to be gone", PATIENCE, || async {
        api.get_opt(&name).await.expect("an answer").is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_api_server_that_was_killed_comes_back_with_what_it_knew() {
    let cluster = Cluster::own("restart").await;
    let namespace = cluster.namespace("kept", &[]).await;
    let api = Api::<ConfigMap>::namespaced(cluster.admin().await, namespace.name());
    api.create(&PostParams::default(), &config_map("kept")).await.expect("the administrator may");
    cluster.restart_api_server().await;
    wait_for("the ConfigMap from before", PATIENCE, || async { api.get("kept").await.ok() }).await;
    assert!(cluster.etcd_dir().join("member").is_dir());
}
