//! A registry that kubelet and webhook pull from: Debian's `docker-registry`, with a password and TLS.

use super::{Node, PATIENCE};
use crate::cluster::blocking;
use crate::wait_for;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::image::Image;
use xtask::process::{Life, Server};
use xtask::setup::docker_registry;

/// `u:right`, with the fewest rounds that bcrypt has.
const PASSWORDS: &str = "u:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// It ends when it is dropped.
pub struct DockerRegistry {
    server: Server,
    address: SocketAddr,
    client: Client,
    folder: PathBuf,
}

/// An image that the registry has.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The digest of its manifest.
    pub digest: String,
    /// The digest of its config.
    pub config: String,
    size: usize,
}

impl DockerRegistry {
    /// Starts one that the node's containerd trusts.
    pub async fn start(node: &Node, name: &str) -> Self {
        let program = blocking(docker_registry::ensure).await;
        let folder = node.dir().join(format!("registry-{name}"));
        let _there = std::fs::create_dir_all(&folder);
        let free = TcpListener::bind((node.host(), 0)).unwrap_or_else(|e| panic!("{}: {e}", node.host()));
        let address = free.local_addr().unwrap_or_else(|e| panic!("{e}"));
        drop(free);
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            path
        };
        let (authority, leaf, key) = identity(&address);
        let ca = write("ca.pem", &authority);
        let config = json!({
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": false}},
            "storage": {"filesystem": {"rootdirectory": folder.join("images")}},
            "auth": {"htpasswd": {"realm": "test", "path": write("passwords", PASSWORDS)}},
            "http": {"addr": address.to_string(), "tls": {
                "certificate": write("leaf.pem", &leaf), "key": write("key.pem", &key),
            }},
        });
        // JSON is YAML.
        let config = write("config.yml", &config.to_string());
        let mut command = Command::new(program);
        command.arg("serve").arg(config);
        let server = Server::start("docker-registry", command, &folder.join("log"), Life::WithUs);
        let mut server = server.unwrap_or_else(|failure| panic!("{failure}"));
        node.trust_registry(&address.to_string(), &ca);
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let trusted = Certificate::from_pem(authority.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        let client = Client::builder().tls_certs_only([trusted]).no_proxy().build().unwrap_or_else(|e| panic!("{e}"));
        let url = format!("https://{address}/v2/");
        wait_for("the registry", PATIENCE, || {
            let alive = server.check_alive();
            let asked = client.get(&url).send();
            async move {
                alive.unwrap_or_else(|failure| panic!("{failure}"));
                asked.await.ok().map(drop)
            }
        })
        .await;
        Self { server, address, client, folder }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file of the authority that its certificate is of.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A pull secret for it, and for what leads to it, as a manifest.
    pub fn pull_secret(&self, name: &str, password: &str, roads: &[SocketAddr]) -> Value {
        let login = json!({"username": "u", "password": password});
        let hosts = roads.iter().chain([&self.address]).map(|host| (host.to_string(), login.clone()));
        let config = json!({"auths": hosts.collect::<BTreeMap<_, _>>()}).to_string();
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(config)},
        })
    }

    /// Puts an image under a tag.
    pub async fn push(&self, image: &Image, repository: &str, tag: &str) -> Pushed {
        let files = layout(image);
        let index: Value = parsed(&files["index.json"]);
        let blob = |value: &Value| {
            let digest = value["digest"].as_str().unwrap_or_default().to_owned();
            let bytes = files[&format!("blobs/{}", digest.replace(':', "/"))].clone();
            (digest, bytes)
        };
        let (digest, manifest) = blob(&index["manifests"][0]);
        let parts = parsed(&manifest);
        let (config, _) = blob(&parts["config"]);
        for part in parts["layers"].as_array().into_iter().flatten().chain([&parts["config"]]) {
            let (digest, bytes) = blob(part);
            self.push_blob(repository, &digest, bytes).await;
        }
        let size = manifest.len();
        self.push_manifest(repository, tag, MANIFEST, manifest).await;
        Pushed { digest, config, size }
    }

    /// Puts an index of images under a tag, each by the name that its architecture has.
    pub async fn push_index(&self, repository: &str, tag: &str, images: &[(&str, &Pushed)]) {
        let manifests = images.iter().map(|(architecture, image)| {
            json!({
                "mediaType": MANIFEST, "digest": image.digest, "size": image.size,
                "platform": {"os": "linux", "architecture": architecture},
            })
        });
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests.collect::<Vec<_>>()});
        self.push_manifest(repository, tag, INDEX, index.to_string().into_bytes()).await;
    }

    async fn push_blob(&self, repository: &str, digest: &str, bytes: Vec<u8>) {
        let begun = expect(self.client.post(self.url(repository, "blobs/uploads/")), StatusCode::ACCEPTED).await;
        let location = begun.headers()["location"].to_str().unwrap_or_default();
        let mut url = reqwest::Url::parse(location).unwrap_or_else(|e| panic!("{location}: {e}"));
        url.query_pairs_mut().append_pair("digest", digest);
        expect(self.client.put(url).body(bytes), StatusCode::CREATED).await;
    }

    async fn push_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: Vec<u8>) {
        let put = self.client.put(self.url(repository, &format!("manifests/{tag}")));
        expect(put.header("content-type", media_type).body(bytes), StatusCode::CREATED).await;
    }

    fn url(&self, repository: &str, rest: &str) -> String {
        format!("https://{}/v2/{repository}/{rest}", self.address)
    }

    /// Changes a byte of a blob where the registry keeps it, which it does not notice: it then gives what nobody has pushed.
    pub fn falsify(&self, digest: &str) {
        let hex = digest.trim_start_matches("sha256:");
        let path = format!("images/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        let path = self.folder.join(path);
        let mut bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }

    /// What it was asked of a repository: method, path and status, in order.
    pub fn asked(&self, repository: &str) -> Vec<String> {
        let log = std::fs::read(self.server.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let request = |line: &str| {
            let (_, rest) = line.split_once(" \"")?;
            let (request, rest) = rest.split_once("\" ")?;
            let request = request.strip_suffix(" HTTP/1.1").or(request.strip_suffix(" HTTP/2.0"))?;
            let status = rest.split_whitespace().next()?;
            request.contains(&format!("/v2/{repository}/")).then(|| format!("{request} {status}"))
        };
        log.lines().filter_map(request).collect()
    }
}

async fn expect(request: RequestBuilder, status: StatusCode) -> reqwest::Response {
    let answer = request.basic_auth("u", Some("right")).send().await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(answer.status(), status, "{}", answer.url());
    answer
}

/// An authority, and a certificate and key of it for this address, in PEM.
fn identity(address: &SocketAddr) -> (String, String, String) {
    let made = || -> Result<_, rcgen::Error> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key)?.pem();
        let key = KeyPair::generate()?;
        let names = vec![address.ip().to_string()];
        let leaf = CertificateParams::new(names)?.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();
        Ok((authority, leaf, key.serialize_pem()))
    };
    made().unwrap_or_else(|error| panic!("{error}"))
}

/// The files of an image's archive.
fn layout(image: &Image) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = Vec::new();
    image.write("localhost/pushed:1", &mut bytes).unwrap_or_else(|failure| panic!("{failure}"));
    let mut archive = tar::Archive::new(bytes.as_slice());
    let entries = archive.entries().unwrap_or_else(|e| panic!("{e}"));
    let file = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| -> std::io::Result<(String, Vec<u8>)> {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        Ok((path, bytes))
    };
    entries.map(|entry| file(entry).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{e}"))
}

impl Node {
    /// Lets containerd trust the authority in `ca` for the registry at `host`.
    fn trust_registry(&self, host: &str, ca: &Path) {
        let folder = self.node.registries().join(host);
        std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let url = format!("https://{host}");
        let hosts = format!("server = \"{url}\"\n[host.\"{url}\"]\nca = \"{}\"\n", ca.display());
        std::fs::write(folder.join("hosts.toml"), hosts).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    }
}
