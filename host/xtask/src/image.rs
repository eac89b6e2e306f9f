//! Container images `FROM scratch`, made without a container engine: the same input is the same bytes.

pub mod command;
pub mod product;
mod roots;
pub mod sbom;

use crate::failure::During;
use crate::setup::static_program::Arch;
use crate::{Failure, Outcome};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// What is in an image, and what its containers run.
#[derive(Debug, Clone)]
pub struct Image {
    arch: Arch,
    /// By path, relative to the root. Sorted, since the order of the entries is part of the digest.
    entries: BTreeMap<String, Entry>,
    /// As the OCI image specification has it.
    config: Map<String, Value>,
}

#[derive(Debug, Clone)]
enum Entry {
    Dir { mode: u32 },
    File { bytes: Vec<u8>, mode: u32 },
}

impl Image {
    /// An image without anything, for this machine.
    pub fn scratch() -> Self {
        Self::for_arch(Arch::native())
    }

    /// An image without anything, for a processor.
    pub fn for_arch(arch: Arch) -> Self {
        Self { arch, entries: BTreeMap::new(), config: Map::new() }
    }

    /// A file, and the folders above it, of user 0.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        self.insert(path, Entry::File { bytes: bytes.into(), mode });
        self
    }

    /// A folder, for a mode of its own or for being empty.
    #[must_use]
    pub fn dir(mut self, path: &str, mode: u32) -> Self {
        self.insert(path, Entry::Dir { mode });
        self
    }

    /// A program of this machine, which everybody may run. It must be linked statically.
    pub fn program(self, path: &str, program: &Path) -> Outcome<Self> {
        let bytes = std::fs::read(program).during(program.display())?;
        Ok(self.file(path, bytes, 0o755))
    }

    /// Who runs it: `UID` or `UID:GID`.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.set("User", user)
    }

    /// Where it runs.
    #[must_use]
    pub fn workdir(self, path: &str) -> Self {
        self.set("WorkingDir", path)
    }

    /// The beginning of the command line, which a pod's `command` replaces.
    #[must_use]
    pub fn entrypoint<S: Into<String>>(self, words: impl IntoIterator<Item = S>) -> Self {
        self.set("Entrypoint", words.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// The rest of the command line, which a pod's `args` replace.
    #[must_use]
    pub fn cmd<S: Into<String>>(self, words: impl IntoIterator<Item = S>) -> Self {
        self.set("Cmd", words.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let all = self.config.entry("Env").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(all) = all {
            all.push(format!("{name}={value}").into());
        }
        self
    }

    /// One more label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        let all = self.config.entry("Labels").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(all) = all {
            all.insert(name.to_owned(), value.into());
        }
        self
    }

    /// What is in the file of this path.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        match self.entries.get(path.trim_matches('/'))? {
            Entry::File { bytes, .. } => Some(bytes),
            Entry::Dir { .. } => None,
        }
    }

    fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.config.insert(field.to_owned(), value.into());
        self
    }

    fn insert(&mut self, path: &str, entry: Entry) {
        let path = path.trim_matches('/');
        for (end, _) in path.match_indices('/') {
            self.entries.entry(path[..end].to_owned()).or_insert(Entry::Dir { mode: 0o755 });
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// Writes it, called `name`, as a tar that is both an OCI layout and what `docker save` makes: `ctr images import`,
    /// `docker load`, `podman load` and `skopeo copy oci-archive:` take it.
    pub fn write(&self, name: &str, to: impl Write) -> Outcome<Written> {
        let layer = Blob::new(self.layer()?);
        let config = Blob::new(self.config_json(&layer));
        let manifest = Blob::new(to_json(&json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": [layer.descriptor("application/vnd.oci.image.layer.v1.tar")],
        })));
        let mut entry = manifest.descriptor("application/vnd.oci.image.manifest.v1+json");
        let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        entry["annotations"] =
            json!({"io.containerd.image.name": with_registry(name), "org.opencontainers.image.ref.name": tag});
        let written = Written {
            digest: format!("sha256:{}", manifest.digest),
            size: [&layer, &config, &manifest].iter().map(|blob| blob.bytes.len()).sum(),
        };
        let index =
            json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]});
        let docker = json!([{"Config": config.path(), "RepoTags": [name], "Layers": [layer.path()]}]);

        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::from([
            ("index.json".to_owned(), to_json(&index)),
            ("manifest.json".to_owned(), to_json(&docker)),
            ("oci-layout".to_owned(), to_json(&json!({"imageLayoutVersion": "1.0.0"}))),
        ]);
        files.extend([layer, config, manifest].map(|blob| (blob.path(), blob.bytes)));
        let mut tar = Builder::new(to);
        for (path, bytes) in &files {
            append(&mut tar, path, EntryType::Regular, 0o644, bytes)?;
        }
        tar.into_inner().and_then(|mut to| to.flush()).during(name)?;
        Ok(written)
    }

    fn layer(&self) -> Outcome<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            match entry {
                Entry::Dir { mode } => append(&mut tar, &format!("{path}/"), EntryType::Directory, *mode, &[])?,
                Entry::File { bytes, mode } => append(&mut tar, path, EntryType::Regular, *mode, bytes)?,
            }
        }
        tar.into_inner().during("a layer")
    }

    fn config_json(&self, layer: &Blob) -> Vec<u8> {
        to_json(&json!({
            "architecture": self.arch.as_str(), "os": "linux", "created": "1970-01-01T00:00:00Z", "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", layer.digest)]},
        }))
    }
}

/// An image that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The digest of its manifest, by which a registry knows it.
    pub digest: String,
    /// Bytes that a registry stores.
    pub size: usize,
}

/// The name as a kubelet spells it: one without a registry is Docker's.
fn with_registry(name: &str) -> String {
    let first = name.split('/').next().unwrap_or_default();
    if name.contains('/') && (first.contains(['.', ':']) || first == "localhost") {
        name.to_owned()
    } else {
        format!("docker.io/{name}")
    }
}

/// What is named by the digest of its bytes.
struct Blob {
    bytes: Vec<u8>,
    digest: String,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let digest = hex::encode(Sha256::digest(&bytes));
        Self { bytes, digest }
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", self.digest), "size": self.bytes.len()})
    }
}

fn to_json(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// One entry, of user 0, at the beginning of time.
fn append(tar: &mut Builder<impl Write>, path: &str, kind: EntryType, mode: u32, bytes: &[u8]) -> Outcome<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(u64::try_from(bytes.len()).map_err(|_| Failure::new(format!("{path} is too large")))?);
    tar.append_data(&mut header, path, bytes).during(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn image() -> Image {
        Image::scratch()
            .file("/app/bin/shop", "program", 0o755)
            .dir("/tmp", 0o1777)
            .user("65532")
            .entrypoint(["/app/bin/shop"])
            .cmd(["serve"])
            .env("COLOUR", "blue")
    }

    fn written(image: &Image) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write("localhost/shop:1", &mut bytes).expect("memory can be written to");
        bytes
    }

    fn files(tar: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().expect("a tar").map(|entry| {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mode = entry.header().mode().expect("a mode");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("its bytes");
            (path, mode, bytes)
        });
        entries.collect()
    }

    fn json_of(files: &[(String, u32, Vec<u8>)], path: &str) -> Value {
        let (_, _, bytes) = files.iter().find(|(name, ..)| name == path).expect("it is there");
        serde_json::from_slice(bytes).expect("JSON")
    }

    #[test]
    fn the_same_image_is_the_same_bytes_in_whatever_order_it_was_described() {
        let other = Image::scratch()
            .dir("/tmp", 0o1777)
            .file("app/bin/shop", "program", 0o755)
            .user("65532")
            .entrypoint(["/app/bin/shop"])
            .cmd(["serve"])
            .env("COLOUR", "blue");
        assert_eq!(written(&image()), written(&other));
    }

    #[test]
    fn every_reference_in_the_archive_leads_to_bytes_of_that_digest() {
        let all = files(&written(&image()));
        for (path, _, bytes) in all.iter().filter(|(path, ..)| path.starts_with("blobs/")) {
            assert_eq!(path, &format!("blobs/sha256/{}", hex::encode(Sha256::digest(bytes))));
        }
        let blob = |value: &Value| value["digest"].as_str().expect("a digest").replace(':', "/");
        let index = json_of(&all, "index.json");
        let manifest = json_of(&all, &format!("blobs/{}", blob(&index["manifests"][0])));
        let config = json_of(&all, &format!("blobs/{}", blob(&manifest["config"])));
        assert_eq!(config["config"]["User"], "65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/app/bin/shop"]));
        assert_eq!(config["config"]["Cmd"], json!(["serve"]));
        assert_eq!(config["config"]["Env"], json!(["COLOUR=blue"]));
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        let docker = json_of(&all, "manifest.json");
        assert_eq!(docker[0]["RepoTags"][0], "localhost/shop:1");
        assert_eq!(docker[0]["Layers"][0], format!("blobs/{}", blob(&manifest["layers"][0])));
    }

    #[test]
    fn an_image_has_a_registry_whose_name_containerd_finds() {
        let check = |name, expected| assert_eq!(with_registry(name), expected);
        check("akv2k8s/akv2k8s:0.1.0", "docker.io/akv2k8s/akv2k8s:0.1.0");
        check("localhost/shop:1", "localhost/shop:1");
        check("registry.example:5000/shop:1", "registry.example:5000/shop:1");
    }

    #[test]
    fn what_is_said_of_an_image_is_what_a_registry_finds() {
        let mut bytes = Vec::new();
        let said = image().write("localhost/shop:1", &mut bytes).expect("memory can be written to");
        let all = files(&bytes);
        let stored = all.iter().filter(|(path, ..)| path.starts_with("blobs/"));
        assert_eq!(said.size, stored.map(|(.., bytes)| bytes.len()).sum::<usize>());
        assert_eq!(json_of(&all, "index.json")["manifests"][0]["digest"], said.digest);
    }

    #[test]
    fn a_layer_has_the_folders_above_a_file() {
        let layer = files(&image().layer().expect("a layer"));
        let told: Vec<_> = layer.iter().map(|(path, mode, _)| (path.as_str(), *mode)).collect();
        assert_eq!(told, [("app/", 0o755), ("app/bin/", 0o755), ("app/bin/shop", 0o755), ("tmp/", 0o1777)]);
    }
}
