//! `akv2k8s lint` and `akv2k8s render` over one row, as its author would run them.

use super::row::{Accepted, Bad, rows, written};
use akv_tests::program;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

/// Objects that every row may read.
pub fn base_objects() -> Value {
    json!({"secrets": [
        {"name": "db-password", "value": "hunter2"},
        {"name": "settings", "value": "{\"a\": \"b\"}"},
    ], "certificates": [], "keys": []})
}

/// What a program said.
pub struct Said {
    /// How it ended.
    pub code: i32,
    /// Its findings in the file of the row.
    pub findings: Vec<Finding>,
    /// Everything, for when it is not what was expected.
    pub whole: String,
}

/// One line.
pub struct Finding {
    /// The text of the line that it points at.
    pub points_at: String,
    /// The rest, as `error InvalidSpec: spec.vault.name: …`.
    pub text: String,
}

impl Said {
    fn new(output: &Output, text: &[u8], file: &Path, manifest: &str) -> Self {
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("{}:", file.display())));
        let findings = lines.map(|rest| {
            let (line, text) = rest.split_once(": ").unwrap_or_else(|| panic!("no line in {rest}"));
            let line: usize = line.parse().unwrap_or_else(|_| panic!("no line in {rest}"));
            let points_at = manifest.lines().nth(line - 1).unwrap_or_default().to_owned();
            Finding { points_at, text: text.to_owned() }
        });
        let whole = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Self { code: output.status.code().unwrap_or(-1), findings: findings.collect(), whole }
    }

    /// The errors among the findings.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.text.starts_with("error"))
    }
}

/// A row as files in a folder of its own.
pub struct Desk {
    dir: PathBuf,
    manifest: String,
    args: Vec<String>,
}

impl Desk {
    fn new(folder: &str, name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifests").join(folder).join(name);
        // What an earlier run left would be read too.
        let _there_or_not = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let desk = Self { dir, manifest: written(folder, name), args: Vec::new() };
        desk.put("row.yaml", desk.manifest.as_bytes());
        desk
    }

    /// A bad row in the namespace of its name.
    pub fn bad(name: &str, row: &Bad) -> Self {
        let mut desk = Self::new("bad", name);
        desk.args = vec!["-n".to_owned(), name.to_owned(), "-f".to_owned(), desk.path("row.yaml")];
        if !row.plugins.is_empty() {
            desk.put(
                "plugins.yaml",
                json!({"apiVersion": "v1", "kind": "List", "items": row.plugins()}).to_string().as_bytes(),
            );
            desk.args.extend(["-f".to_owned(), desk.path("plugins.yaml")]);
        }
        for (file, content) in &row.files {
            desk.put(file, &content.bytes());
        }
        if let Some(policy) = &row.policy {
            desk.put("policy.yaml", policy.to_string().as_bytes());
            desk.args.extend(["--vault-access-policy".to_owned(), desk.path("policy.yaml")]);
        }
        let labels: Vec<String> = row.namespace_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        desk.args.extend(["--namespace-labels".to_owned(), format!("{name}:{}", labels.join(","))]);
        let mut vault = base_objects();
        for (kind, objects) in &row.vault {
            vault[kind].as_array_mut().expect("a list").extend(objects.iter().cloned());
        }
        vault["name"] = json!("shop-prod");
        desk.put("values.yaml", json!({"vaults": [vault]}).to_string().as_bytes());
        desk
    }

    /// An accepted row. The plugins that it takes to be there lie in the cluster, so nothing that uses them is looked at.
    pub fn accepted(name: &str, row: &Accepted) -> Self {
        let mut desk = Self::new("accepted", name);
        desk.args = vec!["-f".to_owned(), desk.path("row.yaml")];
        let plugins: Vec<Value> = row.plugins.iter().map(|plugin| json!({
            "apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": plugin},
            "spec": {"source": {"configMap": {"namespace": "akv2k8s", "name": "plugins", "key": "p.wasm", "sha256": "0".repeat(64)}}},
        })).collect();
        if !plugins.is_empty() {
            desk.put(
                "plugins.yaml",
                json!({"apiVersion": "v1", "kind": "List", "items": plugins}).to_string().as_bytes(),
            );
            desk.args.extend(["-f".to_owned(), desk.path("plugins.yaml")]);
        }
        desk
    }

    fn path(&self, file: &str) -> String {
        self.dir.join(file).display().to_string()
    }

    fn put(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.dir.join(file), bytes).unwrap_or_else(|e| panic!("{file}: {e}"));
    }

    /// `akv2k8s lint`, whose findings are its output.
    pub fn lint(&self) -> Said {
        let output = self.run("lint", &[]);
        Said::new(&output, &output.stdout, &self.dir.join("row.yaml"), &self.manifest)
    }

    /// `akv2k8s render`, whose findings are beside its output.
    pub fn render(&self) -> Said {
        let output = self.run("render", &["--values", &self.path("values.yaml")]);
        Said::new(&output, &output.stderr, &self.dir.join("row.yaml"), &self.manifest)
    }

    fn run(&self, command: &str, more: &[&str]) -> Output {
        let mut program = program::command("akv2k8s");
        program.arg(command).args(&self.args).args(more).args(["--plugin-dir", &self.dir.display().to_string()]);
        program.output().unwrap_or_else(|e| panic!("akv2k8s {command}: {e}"))
    }
}

/// Whether a line of a manifest is the one that a path leads to, or where it is missing, what is around it.
pub fn leads_to(manifest: &Value, path: &str, line: &str) -> bool {
    let mut found = manifest;
    let mut last = None;
    for part in path.split('.') {
        let (key, indices) = part.split_once('[').map_or((part, ""), |(key, rest)| (key, rest));
        let Some(below) = found.get(key) else { break };
        (found, last) = (below, Some(format!("{key}:")));
        let numbers = indices.split('[').filter_map(|i| i.trim_end_matches(']').parse::<usize>().ok());
        for item in numbers.filter_map(|number| found.get(number)).collect::<Vec<_>>() {
            (found, last) = (item, None);
        }
    }
    let trimmed = line.trim_start();
    last.map_or(trimmed.starts_with('-') || trimmed.contains('['), |key| trimmed.contains(&key))
}

#[test]
fn lint_takes_what_upstream_took_and_says_what_is_ignored() {
    let mut wrong = Vec::new();
    let rows = rows::<Accepted>("accepted", 40);
    for (name, row) in &rows {
        let said = Desk::accepted(name, row).lint();
        let mut expected: Vec<String> =
            row.warns.iter().chain(&row.lint).map(|path| format!("warning: {path}: ")).collect();
        let mut found: Vec<&Finding> = said.findings.iter().collect();
        expected.sort();
        found.sort_by(|one, other| one.text.cmp(&other.text));
        let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(f, e)| f.text.starts_with(e));
        if said.code != 0 || !same {
            wrong.push(format!("{name} ended with {}: {}  instead of {expected:?}", said.code, said.whole));
        }
        let path = |finding: &Finding| finding.text.split(": ").nth(1).unwrap_or_default().to_owned();
        wrong.extend(
            found
                .iter()
                .filter(|f| !leads_to(&row.manifest, &path(f), &f.points_at))
                .map(|f| format!("{name}: {} points at {:?}", f.text, f.points_at)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("lint takes all {} accepted manifests", rows.len());
}
