//! Debian's package `docker-registry`, with a password and TLS: a registry that nobody here has written.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use akv_registry::{Image, Kind, PullSecret, Reason, Registry, Settings};
use reqwest::{Certificate, Client, StatusCode};

use crate::folder::Folder;
use crate::stage::{PATIENCE, Stage, ask, manifest, sha256};

/// `u:right`, with the fewest rounds that bcrypt has.
const PASSWORDS: &str = "u:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";
const NAME: &str = "registry.localhost";

/// The program: of the machine, or of the package, unpacked beside the other files of the build.
fn program() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed =
        std::env::split_paths(&path).map(|folder| folder.join("docker-registry")).find(|file| file.is_file());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docker-registry");
    if let Some(file) = installed.or_else(|| Some(kept.clone()).filter(|file| file.is_file())) {
        return Ok(file);
    }
    let folder = Folder::new();
    let script = "(apt-get -qq download docker-registry || (apt-get -qq update && apt-get -qq download docker-registry)) \
                  && dpkg-deb -x docker-registry_*.deb .";
    let output = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output();
    let output = output.map_err(|fault| fault.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("apt-get failed").to_owned());
    }
    // Written under another name first, since tests may run twice at once.
    let fresh = kept.with_extension(std::process::id().to_string());
    std::fs::copy(folder.path().join("usr/bin/docker-registry"), &fresh).map_err(|fault| fault.to_string())?;
    std::fs::rename(&fresh, &kept).map_err(|fault| fault.to_string())?;
    Ok(kept)
}

struct Debian {
    child: Child,
    port: u16,
    settings: Settings,
    client: Client,
    _folder: Folder,
}

impl Drop for Debian {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Debian {
    async fn start(program: &Path) -> Self {
        let stage = Stage::new().await;
        let (leaf, key, authority) = stage.identity();
        let folder = Folder::new();
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let (leaf, key) = (folder.write("leaf.pem", leaf), folder.write("key.pem", key));
        let (passwords, root) = (folder.write("passwords", PASSWORDS), folder.path().join("images"));
        let config = serde_json::json!({
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": root}},
            "auth": {"htpasswd": {"realm": "test", "path": passwords}},
            "http": {"addr": address.to_string(), "tls": {"certificate": leaf, "key": key}},
        });
        // JSON is YAML.
        let config = folder.write("config.yml", &config.to_string());
        let child = Command::new(program).arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut settings = stage.settings(&folder);
        settings.registries = vec![format!("{NAME}:{}", address.port())];
        // Whoever was first wins, and here all are ring.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .tls_certs_merge([Certificate::from_pem(authority.as_bytes()).expect("an authority")])
            .resolve(NAME, address)
            .no_proxy()
            .build()
            .expect("a client");
        let debian = Self { child: child.expect("started"), port: address.port(), settings, client, _folder: folder };
        let begun = Instant::now();
        while debian.client.get(debian.url("")).send().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "the registry does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        debian
    }

    fn url(&self, rest: &str) -> String {
        format!("https://{NAME}:{}/v2/{rest}", self.port)
    }

    async fn push_blob(&self, body: &str) -> String {
        let digest = sha256(body);
        let begun = self.client.post(self.url("app/blobs/uploads/")).basic_auth("u", Some("right")).send().await;
        let begun = begun.expect("an upload");
        let location = begun.headers()["location"].to_str().expect("text").to_owned();
        let mut url = reqwest::Url::parse(&location).expect("a URL");
        url.query_pairs_mut().append_pair("digest", &digest);
        let put = self.client.put(url).basic_auth("u", Some("right")).body(body.to_owned()).send().await;
        assert_eq!(put.expect("put").status(), StatusCode::CREATED);
        digest
    }

    async fn push_manifest(&self, reference: &str, media_type: &str, body: &str) -> String {
        let put = self.client.put(self.url(&format!("app/manifests/{reference}"))).basic_auth("u", Some("right"));
        let put = put.header("content-type", media_type).body(body.to_owned()).send().await.expect("put");
        let status = put.status();
        assert_eq!(status, StatusCode::CREATED, "{}", put.text().await.unwrap_or_default());
        sha256(body)
    }
}

#[tokio::test]
async fn a_real_registry_gives_the_command_of_a_multi_platform_image() {
    let program = match program() {
        Ok(program) => program,
        Err(why) if std::env::var("CI").as_deref() == Ok("true") => panic!("docker-registry cannot be had: {why}"),
        Err(why) => return eprintln!("skipped: docker-registry cannot be had: {why}"),
    };
    let debian = Debian::start(&program).await;
    let mut children = Vec::new();
    for architecture in ["arm64", "amd64"] {
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{"Entrypoint":["/{architecture}"]}}}}"#
        );
        let manifest = manifest(&debian.push_blob(&config).await);
        let digest = debian.push_manifest(architecture, "application/vnd.oci.image.manifest.v1+json", &manifest).await;
        children.push(serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.len(),
            "platform": {"os": "linux", "architecture": architecture},
        }));
    }
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).to_string();
    let digest = debian.push_manifest("1", media_type, &index).await;

    let registry = Registry::new(debian.settings.clone()).expect("a registry");
    let image = |rest: &str| Image::parse(&format!("{NAME}:{}/{rest}", debian.port)).expect("an image");
    let secret = |password: &str| {
        let auths =
            serde_json::json!({"auths": {format!("{NAME}:{}", debian.port): {"username": "u", "password": password}}});
        let bytes = auths.to_string();
        [PullSecret::parse(Kind::DockerConfigJson, bytes.as_bytes()).expect("a secret")]
    };
    let found = ask(&registry, &image("app:1"), &secret("right")).await.expect("a command");
    assert_eq!((found.entrypoint.concat(), found.digest.as_str()), ("/amd64".to_owned(), digest.as_str()));
    for (rest, secrets, reason) in [
        ("app:1", Vec::new(), Reason::RegistryUnauthorized),
        ("app:1", secret("wrong").to_vec(), Reason::RegistryUnauthorized),
        ("app:2", secret("right").to_vec(), Reason::ImageNotFound),
        ("gone:1", secret("right").to_vec(), Reason::ImageNotFound),
    ] {
        let refusal = ask(&registry, &image(rest), &secrets).await.expect_err(rest);
        assert_eq!(refusal.reason(), reason, "{refusal}");
    }
}
