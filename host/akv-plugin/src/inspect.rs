//! What a binary says of itself, read before anything of it is compiled or run.

use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, Validator, WasmFeatures};

/// The interface whose presence makes a component a plugin of its kind.
const PACKAGE: &str = "akv2k8s:plugin/";
/// The compatibility line that this host runs.
const LINE: &str = "0.1.";

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes to bytes.
    Transform,
    /// Objects to entries.
    Output,
}

impl Kind {
    /// The word for people and for status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Output => "output",
        }
    }
}

/// A binary that may be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What it does.
    pub kind: Kind,
    /// The version of `akv2k8s:plugin` that it was built for.
    pub wit_version: String,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// Bytes.
    pub size: usize,
    /// Names of its exports.
    pub exports: Vec<String>,
}

/// Why a binary may not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not WebAssembly, cut off, or using features that are off.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// A core module.
    #[error("it is a core module, not a component; make one of it with `akv2k8s plugin pack`")]
    CoreModule,
    /// It wants something from the host.
    #[error("it imports {}; a plugin imports nothing: build it without WASI, or seal it with a deny adapter", .0.join(", "))]
    Imports(Vec<String>),
    /// It exports neither kind.
    #[error("it exports neither {PACKAGE}transform nor {PACKAGE}output")]
    NoKind,
    /// It exports both.
    #[error("it exports both {PACKAGE}transform and {PACKAGE}output; a plugin is of one kind")]
    BothKinds,
    /// Of another line.
    #[error("it was built for akv2k8s:plugin@{0}, this program runs {LINE}x")]
    Version(String),
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Parses and validates all of `wasm`; nothing of it runs.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, Refusal> {
    let (imports, exports) = names(wasm)?;
    Validator::new_with_features(WasmFeatures::default()).validate_all(wasm).map_err(|e| invalid(&e))?;
    if !imports.is_empty() {
        return Err(Refusal::Imports(imports));
    }
    let version = |kind: Kind| {
        let prefix = format!("{PACKAGE}{}@", kind.as_str());
        exports.iter().find_map(|name| name.strip_prefix(&prefix)).map(str::to_owned)
    };
    let (kind, wit_version) = match (version(Kind::Transform), version(Kind::Output)) {
        (Some(_), Some(_)) => return Err(Refusal::BothKinds),
        (Some(version), None) => (Kind::Transform, version),
        (None, Some(version)) => (Kind::Output, version),
        (None, None) => return Err(Refusal::NoKind),
    };
    if !wit_version.starts_with(LINE) {
        return Err(Refusal::Version(wit_version));
    }
    Ok(Inspection { kind, wit_version, digest: digest(wasm), size: wasm.len(), exports })
}

/// In one line, as every message: wasmparser spreads some of its own over several.
fn invalid(error: &wasmparser::BinaryReaderError) -> Refusal {
    Refusal::Invalid(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Names of the imports and of the exported instances of the outermost component.
fn names(wasm: &[u8]) -> Result<(Vec<String>, Vec<String>), Refusal> {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0usize);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|e| invalid(&e))? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Module {
                    return Err(Refusal::CoreModule);
                }
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import.map_err(|e| invalid(&e))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(|e| invalid(&e))?;
                    if export.kind == ComponentExternalKind::Instance {
                        exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}
