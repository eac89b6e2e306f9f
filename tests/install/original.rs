//! What a cluster holds that has run the original: its release, its resources with their Secrets, its pods.

use akv_api::AzureKeyVaultSecret;
use akv_tests::node::{Pod, image};
use akv_tests::release::HOME;
use akv_tests::{Namespace, Release};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Committed keys of 2048 bits: the authority's, as Helm writes it, and the pods'.
const AUTHORITY: &str = include_str!("../data/fixtures/rsa.key");
const AUTHORITY_PKCS1: &str = include_str!("../data/fixtures/rsa.pkcs1.pem");
const POD: &str = include_str!("../../host/local-vault/src/keys/rsa-1.pem");
/// Where the executable of its pods was; the probe is in its place.
pub const PROGRAM: &str = "/azure-keyvault/azure-keyvault-env";
/// The image of its pods.
const IMAGE: &str = "localhost/shop-original:1";
/// Resources with a Secret each.
pub const RESOURCES: usize = 200;

/// The seed's vaults: a secret for each resource.
pub fn vaults() -> String {
    let mut seed = String::from("vaults:\n- name: shop-prod\n  secrets:\n  - {name: db, value: value-of-the-vault}\n");
    for n in 0..RESOURCES {
        let _infallible = writeln!(seed, "  - {{name: moved-{n}, value: value-{n}}}");
    }
    seed
}

/// The authority that its chart has made.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// As Helm's `genCA` makes it.
    pub fn new() -> Self {
        let key = KeyPair::from_pem(AUTHORITY).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "svc-cat-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// What lies in a pod's Secret: chain and key.
    fn client(&self) -> String {
        let key = KeyPair::from_pem(POD).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "akv2k8s");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(&key, &self.issuer).expect("a certificate").pem() + POD
    }
}

/// Installs it.
pub async fn install(release: &Release, authority: &Authority) {
    let image = image::probe_at(PROGRAM);
    release.node.import(&image, IMAGE).await;
    let chart = xtask::layout::root().join("tests/data/original").display().to_string();
    let values = json!({"ca": {"crt": authority.pem, "key": AUTHORITY_PKCS1}});
    let args = ["install", HOME, &chart, "--namespace", HOME, "--values", "-", "--wait", "--timeout", "5m"];
    release.helm(&args, &values).await;
}

/// Resources of every version, each with the Secret and the status that the original has written.
pub async fn resources(shop: &Namespace) {
    let client = shop.cluster().admin().await;
    let mut manifests = String::new();
    for n in 0..RESOURCES {
        let version = ["v1", "v1alpha1", "v2alpha1", "v2beta1"][n % 4];
        let _infallible = writeln!(
            manifests,
            "---\napiVersion: spv.no/{version}\nkind: AzureKeyVaultSecret\nmetadata: {{name: moved-{n}, labels: {{app: shop}}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: moved-{n}, type: secret}}}}\n  output: {{secret: {{name: moved-{n}, dataKey: password}}}}"
        );
    }
    shop.apply(&manifests).await.unwrap_or_else(|failure| panic!("{failure}"));
    let resources = Api::<AzureKeyVaultSecret>::namespaced(client.clone(), shop.name());
    let secrets = Api::<Secret>::namespaced(client, shop.name());
    let by_original = |kind: &str| format!("azure-keyvault-{kind}");
    for n in 0..RESOURCES {
        let name = format!("moved-{n}");
        let resource = resources.get(&name).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let owner = json!({
            "apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "name": name, "uid": resource.metadata.uid,
            "blockOwnerDeletion": true, "controller": false,
        });
        let annotations = resource.metadata.annotations;
        let secret = json!({
            "metadata": {"name": name, "labels": {"app": "shop"}, "annotations": annotations, "ownerReferences": [owner]},
            "type": "Opaque", "stringData": {"password": format!("value-{n}")},
        });
        let secret: Secret = serde_json::from_value(secret).expect("a Secret");
        let params = PostParams { field_manager: Some(by_original("controller")), ..PostParams::default() };
        secrets.create(&params, &secret).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let status = json!({"status": {
            "secretHash": "5f4dcc3b5aa765d61d8327deb882cf99", "secretName": name, "configMapHash": "", "configMapName": "",
            "lastAzureUpdate": "2026-01-01T00:00:00Z",
        }});
        let patched = resources.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await;
        patched.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// A pod as the original has mutated it. Its program does at each start what the original's did: it asks whether its
/// certificate is good, then for a token, and trusts no other authority.
pub async fn pod(release: &Release, shop: &Namespace, authority: &Authority, name: &str) -> Pod {
    let certificate = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("akv2k8s-{name}")},
        "stringData": {"ca.crt": authority.pem, "tls.pem": authority.client()},
    });
    shop.apply(&certificate.to_string()).await.unwrap_or_else(|failure| panic!("{failure}"));
    let path = format!("akv2k8s-envinjector.{HOME}.svc");
    let validation = format!("http://{path}/auth/{}/{name}?secret=akv2k8s-{name}", shop.name());
    let token = format!("https://{path}:9443/auth/{}/{name}", shop.name());
    let args = [
        "get",
        &validation,
        "then",
        "get",
        &token,
        "--ca",
        "/client-cert/ca.crt",
        "--cert",
        "/client-cert/tls.pem",
        "then",
        "sleep",
    ];
    let env = json!([{"name": "DB", "value": "db@azurekeyvault"}, {"name": "ENV_INJECTOR_USE_AUTH_SERVICE", "value": "true"}]);
    let pod: Value = json!({
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 1,
            "initContainers": [{
                "name": "copy-azurekeyvault-env", "image": image::PROBE, "imagePullPolicy": "Never", "args": ["exit", "0"],
            }],
            "containers": [{
                "name": "main", "image": IMAGE, "imagePullPolicy": "Never", "command": [PROGRAM],
                "args": args, "env": env, "volumeMounts": [{"name": "cert", "mountPath": "/client-cert"}],
            }],
            "volumes": [{"name": "cert", "secret": {"secretName": format!("akv2k8s-{name}")}}],
        },
    });
    release.node.create(shop, pod).await
}
