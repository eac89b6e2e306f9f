//! Images whose command nobody states: kubelet and webhook pull them from one registry, with the pull secrets of the pod.

use akv_tests::injection::{self, Injection};
use akv_tests::node::registry::Pushed;
use akv_tests::node::{DockerRegistry, Pod, image};
use akv_tests::{Namespace, Node};
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

const VALUE: &str = "value-behind-an-entrypoint";
/// How long the webhook waits for a registry; the API server waits for 30.
const PATIENCE: &str = "--image-inspection-timeout=5";
/// Pods of one image that are admitted at once.
const HERD: usize = 100;

/// The command of a container, or words of the refusal.
type Expected = Result<&'static [&'static str], &'static [&'static str]>;

struct World {
    injection: Injection,
    registry: DockerRegistry,
    namespace: Namespace,
    /// Roads to the registry, the first a slow one, the second too slow, the third a dead end.
    roads: [SocketAddr; 3],
}

impl World {
    async fn start() -> Self {
        let node = Node::shared().await;
        let registry = DockerRegistry::start(&node, "pulled").await;
        let roads = [
            road(&node, registry.address(), Duration::from_secs(1)).await,
            road(&node, registry.address(), Duration::from_secs(60)).await,
            dead_end(&node).await,
        ];
        let networks = format!("--registry-allowed-networks={}/32", node.host());
        let hosts: Vec<String> = roads.iter().chain([&registry.address()]).map(SocketAddr::to_string).collect();
        let (hosts, ca) = (format!("--registries={}", hosts.join(",")), registry.authority().display().to_string());
        let vaults = format!("vaults:\n- name: shop-prod\n  secrets: [{{name: db, value: '{VALUE}'}}]\n");
        let args = ["--registry-ca-file", &ca, &networks, &hosts, PATIENCE];
        let injection = Injection::start("registries", &vaults, &args).await;
        let namespace = Self::shop(&injection, &registry, &roads, "registries").await;
        Self { injection, registry, namespace, roads }
    }

    async fn shop(injection: &Injection, registry: &DockerRegistry, roads: &[SocketAddr], name: &str) -> Namespace {
        let namespace = injection.namespace(name, &[]).await;
        let secrets = [("right", "right"), ("wrong", "wrong")]
            .map(|(name, password)| format!("---\n{}\n", registry.pull_secret(name, password, roads)));
        let applied = namespace.apply(&(injection::resource("db", "secret", "db", "") + &secrets.concat())).await;
        applied.unwrap_or_else(|failure| panic!("{failure}"));
        namespace
    }

    fn pod(&self, name: &str, host: SocketAddr, image: &str, secret: Option<&str>) -> Value {
        let secrets: Vec<Value> = secret.iter().map(|name| json!({"name": name})).collect();
        let env = json!([{"name": "DB", "value": "db@azurekeyvault"}]);
        json!({
            "metadata": {"name": name},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "imagePullSecrets": secrets,
                "containers": [{"name": "main", "image": format!("{host}/{image}"), "env": env}]},
        })
    }

    /// Asks for admission, and nothing more: what the container would run, or the refusal.
    async fn admit(&self, pod: Value) -> Result<Vec<String>, String> {
        let pods = Api::<core::Pod>::namespaced(self.injection.node.cluster().admin().await, self.namespace.name());
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let pod: core::Pod = serde_json::from_value(pod).expect("it is a pod");
        let made = pods.create(&dry, &pod).await.map_err(|error| error.to_string())?;
        let args = made.spec.unwrap_or_default().containers.remove(0).args.unwrap_or_default();
        Ok(args.into_iter().skip_while(|word| word != "--").skip(1).collect())
    }
}

/// Leads to the registry, later.
async fn road(node: &Node, to: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind((node.host(), 0)).await.expect("the wire has free ports");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let mut far = TcpStream::connect(to).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    address
}

/// Where nobody listens.
async fn dead_end(node: &Node) -> SocketAddr {
    let listener = TcpListener::bind((node.host(), 0)).await.expect("the wire has free ports");
    listener.local_addr().expect("an address")
}

async fn check_started(what: &str, pod: &Pod) {
    let report = pod.report("main").await;
    assert_eq!(report["env"]["DB"], VALUE, "{what}");
    assert_eq!(report["argv"], json!(["/probe", "report", "then", "exit", "0"]), "{what}");
    assert_eq!(pod.ended("main").await, 0, "{what}");
    println!("{what:<28} the kubelet pulled it, and the process saw its value");
}

#[tokio::test]
async fn the_command_of_an_image_is_asked_of_its_registry() {
    let world = World::start().await;
    let (registry, at) = (&world.registry, world.registry.address());
    let image = image::probe().user("65532").entrypoint(["/probe"]).cmd(["report", "then", "exit", "0"]);
    let pushed = registry.push(&image, "shop", "1").await;
    pulled(&world).await;
    one_look_up(&world).await;

    let other = registry.push(&image.clone().entrypoint(["/other"]), "shop", "other").await;
    registry.push_index("shop", "both", &[("arm64", &other), ("amd64", &pushed)]).await;
    registry.push_index("shop", "arm64-only", &[("arm64", &other)]).await;
    let lying = registry.push(&image.clone().workdir("/elsewhere"), "shop", "lying").await;
    registry.falsify(&lying.config);
    check_rows(&world, at).await;
}

/// Real pods, whose pull secret is theirs or their account's.
async fn pulled(world: &World) {
    let at = world.registry.address();
    let own = world.injection.create(&world.namespace, world.pod("own", at, "shop:1", Some("right"))).await;
    check_started("pull secret of the pod", &own).await;
    let other = World::shop(&world.injection, &world.registry, &world.roads, "registries-account").await;
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller"},
        "imagePullSecrets": [{"name": "right"}],
    });
    other.apply(&account.to_string()).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut pod = world.pod("account", at, "shop:1", None);
    pod["spec"]["serviceAccountName"] = json!("puller");
    let accounts = world.injection.create(&other, pod).await;
    check_started("pull secret of the account", &accounts).await;
}

/// Many pods of an image that nobody has asked for yet, at once.
async fn one_look_up(world: &World) {
    let image = image::probe().user("65532").entrypoint(["/probe"]).cmd(["sleep"]);
    let Pushed { digest, config, .. } = world.registry.push(&image, "herd", "1").await;
    let pushed = world.registry.asked("herd").len();
    let began = Instant::now();
    let at = world.registry.address();
    let admissions = (0..HERD).map(|n| world.admit(world.pod(&format!("herd-{n}"), at, "herd:1", Some("right"))));
    for admitted in futures::future::join_all(admissions).await {
        assert_eq!(admitted, Ok(vec!["/probe".to_owned(), "sleep".to_owned()]));
    }
    let took = began.elapsed();
    let asked: Vec<String> = world.registry.asked("herd").split_off(pushed);
    println!("{HERD} pods of one image: {} requests in {:.0} ms: {asked:?}", asked.len(), took.as_secs_f64() * 1000.0);
    // The tag's digest, without and with a credential, then what the digest names: nothing twice.
    let path = |method: &str, rest: &str| format!("{method} /v2/herd/{rest}");
    let (tag, blob) = (path("HEAD", "manifests/1"), path("GET", &format!("blobs/{config}")));
    let manifest = path("GET", &format!("manifests/{digest}"));
    assert_eq!(asked, [format!("{tag} 401"), format!("{tag} 200"), format!("{manifest} 200"), format!("{blob} 200")]);
}

async fn check_rows(world: &World, at: SocketAddr) {
    let [slow, too_slow, dead] = world.roads;
    let command: Expected = Ok(&["/probe", "report", "then", "exit", "0"]);
    let rows: [(&str, SocketAddr, &str, Option<&str>, Expected); 10] = [
        ("index", at, "shop:both", Some("right"), command),
        ("slow", slow, "shop:1", Some("right"), command),
        ("too slow", too_slow, "shop:1", Some("right"), Err(&["RegistryTimeout"])),
        ("dead", dead, "shop:1", Some("right"), Err(&["RegistryUnavailable"])),
        ("without a pull secret", at, "shop:other", None, Err(&["RegistryUnauthorized"])),
        ("wrong password", at, "shop:other", Some("wrong"), Err(&["RegistryUnauthorized"])),
        ("no such tag", at, "shop:2", Some("right"), Err(&["ImageNotFound"])),
        ("no such repository", at, "gone:1", Some("right"), Err(&["ImageNotFound"])),
        ("foreign platform", at, "shop:arm64-only", Some("right"), Err(&["ImageUnsupported", "amd64"])),
        ("lying", at, "shop:lying", Some("right"), Err(&["RegistryBroken", "digest"])),
    ];
    for (what, host, image, secret, expected) in rows {
        let began = Instant::now();
        let found = world.admit(world.pod("row", host, image, secret)).await;
        println!("{what:<24} {:>5.2} s  {found:?}", began.elapsed().as_secs_f32());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{what}"),
            (Err(said), Err(words)) => {
                let advice = ["spec.containers[main].image", "spv.no/command.main"];
                let missing = words.iter().chain(&advice).find(|word| !said.contains(**word));
                assert_eq!(missing, None, "{what}: {said}");
            }
            (found, expected) => panic!("{what}: {found:?} instead of {expected:?}"),
        }
    }
    // The way out that the refusals name asks nobody.
    let before = world.registry.asked("gone").len();
    let mut stated = world.pod("stated", at, "gone:1", None);
    stated["metadata"]["annotations"] = json!({"spv.no/command.main": "[\"/stated\"]"});
    assert_eq!(world.admit(stated).await, Ok(vec!["/stated".to_owned()]));
    assert_eq!(world.registry.asked("gone").len(), before);
}
