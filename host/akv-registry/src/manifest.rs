//! The documents between a tag and a command: index, manifest, configuration. All are foreign text of a bounded length.

use serde::Deserialize;
use thiserror::Error;

use crate::digest::Digest;
use crate::platform::{Offer, Platform, choose};

/// What a registry is asked for; a type that is not listed would not be sent, or be made into an old one.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";
/// What a manifest's configuration must be for the image to have a command at all.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// `execve` takes at most 128 KiB in one argument; a command line is some 100 bytes.
const LONGEST_COMMAND: usize = 64 * 1024;

/// What stands behind a digest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Manifest {
    /// An index, and its child for the platform.
    Index(Digest),
    /// A manifest, and its configuration.
    Image(Digest),
}

/// Why a document gives no command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum DocumentError {
    #[error("the {0} is not what the OCI and Docker formats say")]
    Garbage(&'static str),
    #[error(
        "it is an image of Docker's old format (manifest schema 1), which says nothing in a form that can be verified"
    )]
    Schema1,
    #[error("it holds no image for {0}")]
    Platform(String),
    #[error("it is no container image but another artifact")]
    Artifact,
    #[error("its command is longer than {LONGEST_COMMAND} bytes")]
    Long,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    manifests: Option<Vec<Child>>,
    config: Option<Descriptor>,
    layers: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Child {
    digest: String,
    platform: Option<Offer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
}

/// Reads an index or a manifest. The type that the registry claims in a header is not looked at: a document that could be
/// read as both is refused (CVE-2021-41190).
pub(crate) fn read(bytes: &[u8], platform: &Platform) -> Result<Manifest, DocumentError> {
    const GARBAGE: DocumentError = DocumentError::Garbage("manifest");
    let document: Document = serde_json::from_slice(bytes).map_err(|_| GARBAGE)?;
    if document.schema_version == 1 {
        return Err(DocumentError::Schema1);
    }
    let digest = |text: &str| Digest::parse(text).ok_or(GARBAGE);
    match (document.schema_version, document.manifests, document.config, document.layers) {
        (2, Some(children), None, None) => {
            let child = choose(platform, &children, |child| child.platform.clone());
            let child = child.ok_or_else(|| DocumentError::Platform(platform.to_string()))?;
            Ok(Manifest::Index(digest(&child.digest)?))
        }
        (2, None, Some(config), Some(_)) => {
            if !CONFIGS.contains(&config.media_type.as_str()) {
                return Err(DocumentError::Artifact);
            }
            Ok(Manifest::Image(digest(&config.digest)?))
        }
        _ => Err(GARBAGE),
    }
}

/// `ENTRYPOINT` and `CMD`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    config: Option<Execution>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
}

/// Reads a configuration. Its architecture is not looked at: an image without an index is run on every node, and many
/// state a wrong one.
pub(crate) fn command(bytes: &[u8], platform: &Platform) -> Result<Command, DocumentError> {
    const GARBAGE: DocumentError = DocumentError::Garbage("configuration");
    let configuration: Configuration = serde_json::from_slice(bytes).map_err(|_| GARBAGE)?;
    if configuration.os.is_some_and(|os| !os.is_empty() && os != "linux") {
        return Err(DocumentError::Platform(platform.to_string()));
    }
    let execution = configuration.config.unwrap_or_default();
    let command =
        Command { entrypoint: execution.entrypoint.unwrap_or_default(), cmd: execution.cmd.unwrap_or_default() };
    let words = || command.entrypoint.iter().chain(&command.cmd);
    if words().any(|word| word.contains('\0')) {
        return Err(GARBAGE);
    }
    // An empty word costs memory too.
    if words().map(|word| word.len() + size_of::<String>()).sum::<usize>() > LONGEST_COMMAND {
        return Err(DocumentError::Long);
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn check(text: &str, expected: Result<Manifest, DocumentError>) {
        let text = text.replace("$A", A);
        assert_eq!(read(text.as_bytes(), &Platform::new("amd64")), expected, "{text}");
    }

    #[test]
    fn an_index_gives_its_child_and_a_manifest_its_configuration() {
        let a = || Digest::parse(A).expect("a digest");
        let garbage = || Err(DocumentError::Garbage("manifest"));
        check(
            r#"{"schemaVersion":2,"manifests":[{"digest":"$A","platform":{"os":"linux","architecture":"amd64"}}]}"#,
            Ok(Manifest::Index(a())),
        );
        check(
            r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"$A"},"layers":[]}"#,
            Ok(Manifest::Image(a())),
        );
        check(
            r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"$A"},"layers":[]}"#,
            Err(DocumentError::Artifact),
        );
        check(
            r#"{"schemaVersion":2,"manifests":[{"digest":"$A","platform":{"os":"linux","architecture":"arm64"}}]}"#,
            Err(DocumentError::Platform("linux/amd64".to_owned())),
        );
        check(r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{"mediaType":"x","digest":"$A"}}"#, garbage());
        check(r#"{"schemaVersion":2,"manifests":[{"digest":"../../x"}]}"#, garbage());
        check(r#"{"schemaVersion":1,"fsLayers":[]}"#, Err(DocumentError::Schema1));
        check(r#"{"schemaVersion":3}"#, garbage());
        check("<html>", garbage());
    }

    #[test]
    fn a_configuration_gives_the_command() {
        let check = |text: &str, expected: Result<(&[&str], &[&str]), DocumentError>| {
            let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
            let expected = expected.map(|(entrypoint, cmd)| Command { entrypoint: words(entrypoint), cmd: words(cmd) });
            assert_eq!(command(text.as_bytes(), &Platform::new("amd64")), expected, "{text}");
        };
        check(r#"{"os":"linux","config":{"Entrypoint":["/a"],"Cmd":["b","c"]}}"#, Ok((&["/a"], &["b", "c"])));
        check(r#"{"config":{"Entrypoint":null,"User":"7"}}"#, Ok((&[], &[])));
        check("{}", Ok((&[], &[])));
        check(r#"{"config":null}"#, Ok((&[], &[])));
        check(r#"{"os":"windows"}"#, Err(DocumentError::Platform("linux/amd64".to_owned())));
        check(r#"{"config":{"Cmd":"text"}}"#, Err(DocumentError::Garbage("configuration")));
        check("{\"config\":{\"Cmd\":[\"a\\u0000b\"]}}", Err(DocumentError::Garbage("configuration")));
        check(&format!(r#"{{"config":{{"Cmd":["{}"]}}}}"#, "x".repeat(70_000)), Err(DocumentError::Long));
    }
}
