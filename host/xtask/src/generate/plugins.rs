//! The table of the default plugins in `plugins/README.md`, from the first sentence of each one's README and its schema.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- generated: cargo xtask generate -->\n";
const END: &str = "<!-- end of generated -->";

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

/// One row: kind and name to sort by, and its text.
fn row(folder: &Path) -> (String, String, String) {
    let name = folder.file_name().expect("a folder").to_string_lossy().into_owned();
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
    let text = read("README.md");
    let sentence = text.split("\n\n").nth(1).expect("a sentence below the title").replace('\n', " ");
    let (kind, what) = sentence.split_once(": ").expect("`A transform: …` or `An output: …`");
    let kind = kind.rsplit(' ').next().unwrap_or_default().to_owned();
    assert!(matches!(kind.as_str(), "output" | "transform"), "{name} is a {kind}");
    let schema: Value = serde_json::from_str(&read("schema.json")).expect("a schema is JSON");
    assert!(schema["description"].is_string(), "the schema of {name} has no description");
    let mut fields: Vec<String> =
        schema["properties"].as_object().into_iter().flatten().map(|(field, _)| format!("`{field}`")).collect();
    fields.sort();
    let config = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
    let line = format!("| [{name}]({name}) | {kind} | {} | {config} |\n", what.trim_end_matches('.'));
    (kind, name, line)
}

#[test]
fn generated_the_table_of_plugins_is_what_their_folders_say() {
    let folders = fs::read_dir(plugins()).expect("the plugins").map(|entry| entry.expect("an entry").path());
    let built = |folder: &PathBuf| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains("cdylib"))
    };
    let mut rows: Vec<_> = folders.filter(built).map(|folder| row(&folder)).collect();
    assert!(!rows.is_empty(), "no folder is a plugin");
    rows.sort();
    let rows: String = rows.into_iter().map(|(_, _, line)| line).collect();
    let path = plugins().join("README.md");
    let old = fs::read_to_string(&path).expect("the README");
    let (before, rest) = old.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where it ends");
    let new =
        format!("{before}{BEGIN}\n| plugin | kind | what it does | config |\n|---|---|---|---|\n{rows}\n{END}{after}");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, new).expect("the README is written");
    } else {
        assert!(old == new, "plugins/README.md is stale: run cargo xtask generate");
    }
}
