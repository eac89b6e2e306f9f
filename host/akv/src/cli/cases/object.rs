//! Bytes and vault objects of a case.

use akv_core::{Alias, Description, ObjectKind, ObjectName, ObjectRef, Part, SecretValue, VaultObject};
use k8s_openapi::ByteString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes, in the form that is easiest to write.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bytes {
    text: Option<String>,
    base64: Option<String>,
    /// A file beside the case.
    file: Option<PathBuf>,
    /// A file of base64 with line ends, which are not part of it.
    base64_file: Option<PathBuf>,
    /// With `file` or `base64File`: the text without its line ends, as Key Vault holds a PKCS#12 file.
    #[serde(default)]
    one_line: bool,
}

impl Bytes {
    /// The bytes. The error is a sentence without a value.
    pub fn read(&self, directory: &Path) -> Result<Vec<u8>, String> {
        let read = |file: &Path| std::fs::read(directory.join(file)).map_err(|e| format!("{}: {e}", file.display()));
        let bytes = match (&self.text, &self.base64, &self.file, &self.base64_file) {
            (Some(text), None, None, None) => text.clone().into_bytes(),
            (None, Some(text), None, None) => decode(text.as_bytes()).ok_or("base64 is not base64")?,
            (None, None, Some(file), None) => read(file)?,
            (None, None, None, Some(file)) => {
                decode(&read(file)?).ok_or_else(|| format!("{} is not base64", file.display()))?
            }
            _ => return Err("give bytes as one of text, base64, file, base64File".to_owned()),
        };
        Ok(if self.one_line { without_space(&bytes) } else { bytes })
    }
}

fn without_space(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8(without_space(text)).ok()?;
    serde_json::from_value::<ByteString>(text.into()).ok().map(|b| b.0)
}

/// A vault object of a case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaseObject {
    #[serde(rename = "as")]
    alias: String,
    /// Its name in the vault; the alias if not given.
    name: Option<String>,
    #[serde(rename = "type")]
    kind: akv_api::secret::ObjectType,
    content_type: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    public: Option<Bytes>,
    private: Option<Bytes>,
}

impl CaseObject {
    /// What is known before a read.
    pub fn description(&self) -> Result<Description, String> {
        use akv_api::secret::ObjectType;
        let kind = match self.kind {
            ObjectType::Secret => ObjectKind::Secret,
            ObjectType::Certificate => ObjectKind::Certificate,
            ObjectType::Key => ObjectKind::Key,
            ObjectType::MultiKeyValueSecret => ObjectKind::MultiKeyValueSecret,
        };
        let name = self.name.as_ref().unwrap_or(&self.alias);
        Ok(Description {
            alias: Alias::parse(&self.alias).map_err(|e| e.to_string())?,
            object: ObjectRef { kind, name: ObjectName::parse(name).map_err(|e| e.to_string())?, version: None },
            attributes: self.attributes.clone().into_iter().collect(),
        })
    }

    /// The object with the parts that the plugin asked for, as the host would give it.
    pub fn object(&self, directory: &Path, needs: &[(Alias, Part)]) -> Result<VaultObject, String> {
        let description = self.description()?;
        let part = |part: Part, bytes: &Option<Bytes>| {
            let wanted = needs.iter().any(|(alias, p)| *alias == description.alias && *p == part);
            bytes.as_ref().filter(|_| wanted).map(|b| b.read(directory)).transpose()
        };
        Ok(VaultObject {
            version: "00000000000000000000000000000000".to_owned(),
            content_type: self.content_type.clone(),
            tags: self.tags.clone().into_iter().collect(),
            public: part(Part::Public, &self.public)?,
            private: part(Part::Private, &self.private)?.map(SecretValue::new),
            expires: None,
            not_before: None,
            description,
        })
    }
}
