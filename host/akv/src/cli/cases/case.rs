//! One case: what goes in, what is expected.

use super::object::{Bytes, CaseObject};
use super::said;
use crate::cli::exit::Stop;
use crate::cli::{locate, manifest};
use akv_core::recipe::Config;
use akv_core::{Entry, Metadata, PluginFault, SecretValue, Target};
use akv_plugin::{Kind, Plugin, Usage};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A document of a case file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    #[serde(skip)]
    file: PathBuf,
    /// What it shows, a sentence.
    case: String,
    /// A file, or the name of a default plugin.
    pub plugin: Option<String>,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    target: CaseTarget,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    objects: Vec<CaseObject>,
    input: Option<Bytes>,
    expect: Expect,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CaseTarget {
    #[serde(default)]
    kind: TargetKind,
    #[serde(rename = "type")]
    secret_type: Option<String>,
    query: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TargetKind {
    #[default]
    Secret,
    ConfigMap,
    Environment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expect {
    entries: Option<BTreeMap<String, Value>>,
    output: Option<Value>,
    error: Option<ExpectedError>,
}

/// Bytes, or their digest where they are long.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Digest { sha256: String },
    Bytes(Bytes),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedError {
    blame: String,
    code: String,
    at: Option<String>,
}

/// Reads every case of the files.
pub fn read(files: &[PathBuf]) -> Result<Vec<Case>, Stop> {
    let mut cases = Vec::new();
    for file in manifest::files_of(files)? {
        let text = manifest::text(&file)?;
        let at = |line: usize, why: String| Stop::usage(format!("{}:{line}: {why}", file.display()));
        for document in locate::documents(&text).map_err(|f| at(f.line, f.message))? {
            let parsed: Result<Option<Case>, _> = serde_yaml_ng::from_str(document.text);
            let place = |e: &serde_yaml_ng::Error| e.location().map_or(1, |l| l.line()) + document.first_line - 1;
            let case = parsed.map_err(|e| at(place(&e), e.to_string()))?;
            cases.extend(case.map(|case| Case { file: file.clone(), ..case }));
        }
    }
    Ok(cases)
}

type Made = Result<BTreeMap<String, SecretValue>, PluginFault>;

impl Case {
    /// File and sentence.
    pub fn title(&self) -> String {
        format!("{}: {}", self.file.display(), self.case)
    }

    /// Where relative paths start.
    pub fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Runs the case; the error says how it differs, never with a value.
    pub fn run(&self, plugin: &Plugin) -> (Result<(), String>, Usage) {
        let made = match plugin.kind() {
            Kind::Transform => self.apply(plugin),
            Kind::Output => self.render(plugin),
        };
        match made {
            Ok((made, usage)) => (self.compare(made), usage),
            Err(why) => (Err(why), Usage::default()),
        }
    }

    fn apply(&self, plugin: &Plugin) -> Result<(Made, Usage), String> {
        if let Err(fault) = plugin.check_step(&self.config) {
            return Ok((Err(fault), Usage::default()));
        }
        let input = self.input.as_ref().ok_or("a transform needs input")?.read(self.directory())?;
        let (result, usage) = plugin.apply_metered(&self.config, &SecretValue::new(input));
        Ok((result.map(|value| BTreeMap::from([(String::new(), value)])), usage))
    }

    /// `check`, `needs` and `render`, as the host asks them.
    fn render(&self, plugin: &Plugin) -> Result<(Made, Usage), String> {
        let target = self.target();
        let attributes: Vec<(String, String)> = self.attributes.clone().into_iter().collect();
        let described: Vec<_> = self.objects.iter().map(CaseObject::description).collect::<Result<_, _>>()?;
        let checked = plugin.check_output(&self.config, &target, &attributes, &described);
        let needs = match checked.and_then(|()| plugin.needs(&self.config, &target, &attributes, &described)) {
            Ok(needs) => needs,
            Err(fault) => return Ok((Err(fault), Usage::default())),
        };
        let objects: Vec<_> =
            self.objects.iter().map(|o| o.object(self.directory(), &needs)).collect::<Result<_, _>>()?;
        let (result, usage) = plugin.render_metered(&self.config, &target, &attributes, &objects);
        Ok((result.map(|entries| entries.into_iter().map(|Entry { key, value }| (key, value)).collect()), usage))
    }

    fn target(&self) -> Target {
        match self.target.kind {
            TargetKind::Secret => Target::Secret {
                name: "case".to_owned(),
                secret_type: self.target.secret_type.clone(),
                metadata: Metadata::default(),
            },
            TargetKind::ConfigMap => Target::ConfigMap { name: "case".to_owned(), metadata: Metadata::default() },
            TargetKind::Environment => Target::Environment { query: self.target.query.clone() },
        }
    }

    fn compare(&self, made: Made) -> Result<(), String> {
        let made = match (made, &self.expect.error) {
            (Err(fault), Some(e)) => {
                let same =
                    fault.blame.as_str() == e.blame && fault.code == e.code && (e.at.is_none() || e.at == fault.at);
                let at = e.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
                return if same {
                    Ok(())
                } else {
                    Err(format!("expected the error {} {}{at}, got {}", e.blame, e.code, said(&fault)))
                };
            }
            (Err(fault), None) => {
                return Err(format!("expected a result, got the error {}", said(&fault)));
            }
            (Ok(_), Some(e)) => {
                return Err(format!("expected the error {} {}, got a result", e.blame, e.code));
            }
            (Ok(made), None) => made,
        };
        let single;
        let expected: Vec<(&str, &Value)> = match (&self.expect.entries, &self.expect.output) {
            (Some(entries), None) => entries.iter().map(|(k, v)| (k.as_str(), v)).collect(),
            (None, Some(output)) => {
                single = output;
                vec![("", single)]
            }
            _ => return Err("expect one of entries, output, error".to_owned()),
        };
        let names = |n: Vec<&str>| {
            if n == [""] { "one value".to_owned() } else { n.join(", ") }
        };
        let (want, got) =
            (names(expected.iter().map(|e| e.0).collect()), names(made.keys().map(String::as_str).collect()));
        if want != got {
            return Err(format!("expected {want}, got {got}"));
        }
        for (key, expected) in expected {
            self.compare_value(key, expected, &made[key])?;
        }
        Ok(())
    }

    fn compare_value(&self, key: &str, expected: &Value, made: &SecretValue) -> Result<(), String> {
        let what = if key.is_empty() { "the output".to_owned() } else { format!("entry {key}") };
        let same = match expected {
            Value::Digest { sha256 } => akv_plugin::digest(made.expose()).eq_ignore_ascii_case(sha256),
            Value::Bytes(bytes) => bytes.read(self.directory())? == made.expose(),
        };
        // Cases hold made-up values, so a digest is safe here; it lets an author bless a case.
        let digest = akv_plugin::digest(made.expose());
        if same { Ok(()) } else { Err(format!("{what} differs: got {} bytes with SHA-256 {digest}", made.len())) }
    }
}
