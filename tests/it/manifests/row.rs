//! The rows of the tables.

use akv_api::rule;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Speaker {
    ApiServer,
    Lint,
    /// `render` with values from a file: what depends on them is said before anything is applied.
    Render,
    Controller,
}

/// What stands behind a verdict that is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Found {
    Policy,
    Plugin,
    Value,
}

/// `about` is for people.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bad {
    pub says: Vec<Speaker>,
    pub path: String,
    pub server_path: Option<String>,
    pub rule: Option<String>,
    pub sentence: Option<String>,
    pub found: Option<Found>,
    pub reason: Option<String>,
    pub policy: Option<Value>,
    /// What the vault `shop-prod` holds, in the form of local-vault's seed.
    #[serde(default)]
    pub vault: BTreeMap<String, Vec<Value>>,
    /// The labels of the row's namespace.
    #[serde(default)]
    pub namespace_labels: BTreeMap<String, String>,
    /// What lies in the plugin directory: a file's name, and the default plugin or the text that it holds.
    #[serde(default)]
    pub files: BTreeMap<String, Content>,
    /// `AzureKeyVaultPlugin`s beside it. `sha256: FILE` stands for the digest of the file that the source names.
    #[serde(default)]
    pub plugins: Vec<Value>,
    pub manifest: Value,
}

/// One of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    plugin: Option<String>,
    text: Option<String>,
}

impl Content {
    pub fn bytes(&self) -> Vec<u8> {
        match (&self.plugin, &self.text) {
            (Some(name), None) => akv_defaults::wasm(name).unwrap_or_else(|| panic!("no plugin {name}")).to_vec(),
            (None, Some(text)) => text.clone().into_bytes(),
            _ => panic!("a file holds a plugin or a text"),
        }
    }
}

#[derive(Debug, Deserialize)]
pub struct Accepted {
    pub warns: Vec<String>,
    /// What `lint` warns of and the parser does not know: fields that are dropped, bytes that are not at hand.
    #[serde(default)]
    pub lint: Vec<String>,
    /// The custom plugins that the row takes to be there.
    #[serde(default)]
    pub plugins: Vec<String>,
    pub manifest: Value,
}

impl Bad {
    pub fn sentence(&self) -> String {
        let Some(id) = &self.rule else {
            return self.sentence.clone().expect("a row has a rule or a sentence");
        };
        let mut rules = rule::secret::ALL.iter().chain(rule::plugin::ALL);
        rules.find(|rule| rule.id == id).unwrap_or_else(|| panic!("there is no rule {id}")).sentence.to_owned()
    }

    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or("InvalidSpec")
    }

    pub fn is_said_by(&self, speaker: Speaker) -> bool {
        self.says.contains(&speaker)
    }

    pub fn is_plugin(&self) -> bool {
        self.manifest["kind"] == "AzureKeyVaultPlugin"
    }

    /// The plugins beside it, each with the digest of its file.
    pub fn plugins(&self) -> Vec<Value> {
        self.plugins.iter().map(|plugin| self.with_digest(plugin)).collect()
    }

    fn with_digest(&self, plugin: &Value) -> Value {
        let mut plugin = plugin.clone();
        let file = &mut plugin["spec"]["source"]["file"];
        if file["sha256"] == "FILE" {
            let name = file["path"].as_str().expect("a file source has a path");
            let content = self.files.get(name).unwrap_or_else(|| panic!("the row has no file {name}"));
            file["sha256"] = hex::encode(Sha256::digest(content.bytes())).into();
        }
        plugin
    }
}

/// The rows of a folder with their file names, in order. The name of a bad row is that of its namespace too.
pub fn rows<T: for<'a> Deserialize<'a>>(folder: &str, at_least: usize) -> Vec<(String, T)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/manifests").join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder of the rows is there");
    let mut rows: Vec<(String, T)> = entries
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("the row can be read");
            let row = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().expect("a file has a name").to_string_lossy().into_owned(), row)
        })
        .collect();
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(rows.len() >= at_least, "only {} rows in {}", rows.len(), folder.display());
    rows
}

/// The manifest of a row as its author wrote it, for what speaks of lines. It is the last thing in its file.
pub fn written(folder: &str, name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/manifests").join(folder).join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&file).expect("the row can be read");
    let (_, manifest) = text.split_once("\nmanifest:\n").unwrap_or_else(|| panic!("{name} has no manifest"));
    manifest.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect()
}
