//! Where a plugin's bytes come from, and what is asked of them before they run.

use akv_api::plugin::SourceSpec;
use akv_plugin::{Artifact, Inspection};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use std::path::{Component, Path, PathBuf};

/// No component may be larger, unpacked.
pub const SIZE_LIMIT: usize = 32 << 20;

/// Reads the bytes that `source` names, unpacked and with the digest that it states. The error is a sentence.
pub async fn fetch(client: &Client, directory: Option<&Path>, source: &SourceSpec) -> Result<Vec<u8>, String> {
    let (bytes, digest, place) = match (&source.config_map, &source.file) {
        (Some(map), None) => {
            let place = format!("key {:?} of ConfigMap {}/{}", map.key, map.namespace, map.name);
            (from_config_map(client, map, &place).await?, &map.sha256, place)
        }
        (None, Some(file)) => {
            let place = file_place(&file.path);
            (from_file(directory, &file.path, &place).await?, &file.sha256, place)
        }
        _ => return Err("source must name exactly one of configMap and file".to_owned()),
    };
    verified(&bytes, digest, &place)
}

/// Bytes of a place, unpacked, if they are what the resource pins.
pub fn verified(bytes: &[u8], digest: &str, place: &str) -> Result<Vec<u8>, String> {
    let bytes = akv_plugin::unpack(bytes, SIZE_LIMIT).map_err(|e| format!("{place}: {e}"))?;
    let found = akv_plugin::digest(&bytes);
    if !found.eq_ignore_ascii_case(digest) {
        return Err(format!(
            "{place} has the SHA-256 {found}, the resource says {digest}; put the right bytes there, or name their digest"
        ));
    }
    Ok(bytes)
}

/// How a file source is called in messages.
pub fn file_place(path: &str) -> String {
    format!("file {path:?}")
}

async fn from_config_map(
    client: &Client,
    source: &akv_api::plugin::ConfigMapSourceSpec,
    place: &str,
) -> Result<Vec<u8>, String> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), &source.namespace);
    let map = api.get_opt(&source.name).await.map_err(|e| format!("{place} could not be read: {e}"))?;
    let map = map.ok_or_else(|| format!("{place}: there is no such ConfigMap"))?;
    let binary = map.binary_data.unwrap_or_default().remove(&source.key).map(|b| b.0);
    binary.ok_or_else(|| {
        format!("{place}: there is no such key in binaryData; use `kubectl create configmap --from-file`")
    })
}

async fn from_file(directory: Option<&Path>, path: &str, place: &str) -> Result<Vec<u8>, String> {
    let directory = directory
        .ok_or_else(|| format!("{place}: this controller has no plugin directory; start it with --plugin-dir"))?;
    let relative = PathBuf::from(path);
    if !relative.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(format!("{place}: the path must stay below the plugin directory"));
    }
    let read = async {
        // A link could lead out of the directory.
        let (root, file) =
            (tokio::fs::canonicalize(directory).await?, tokio::fs::canonicalize(directory.join(&relative)).await?);
        if !file.starts_with(&root) {
            return Err(std::io::Error::other("it lies outside of the plugin directory"));
        }
        tokio::fs::read(file).await
    };
    read.await.map_err(|e| format!("{place} could not be read: {e}"))
}

/// Looks at the binary, then compiles it in a child process.
pub async fn compile(bytes: Vec<u8>) -> Result<(Inspection, Artifact), String> {
    let work = move || {
        let inspection = akv_plugin::inspect(&bytes).map_err(|e| e.to_string())?;
        let program = std::env::current_exe().map_err(|e| format!("the compiler could not be started: {e}"))?;
        let artifact =
            akv_plugin::compile_in_child(&program, &["compile-plugin"], &bytes).map_err(|e| e.to_string())?;
        Ok((inspection, artifact))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| "the compiler could not be run".to_owned())?
}
