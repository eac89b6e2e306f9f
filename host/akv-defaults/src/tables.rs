//! The rendering tables of `tests/data/rendering`, through the embedded components.

use akv_api::AzureKeyVaultSecretSpec;
use akv_core::recipe::Config;
use akv_core::{Output, Part, PluginFault, Recipe, SecretValue, Target, VaultObject};
use akv_plugin::{Engine, Plugins, render};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    #[serde(default)]
    spec: Option<AzureKeyVaultSecretSpec>,
    query: Option<String>,
    #[serde(default)]
    objects: BTreeMap<String, Object>,
    needs: Option<BTreeMap<String, BTreeSet<String>>>,
    expect: Option<BTreeMap<String, BTreeMap<String, Bytes>>>,
    error: Option<Expected>,
    /// Where a row is shown that these tables cannot show.
    #[serde(rename = "where")]
    elsewhere: Option<Elsewhere>,
    #[serde(rename = "upstream")]
    _upstream: Option<String>,
    #[serde(rename = "what")]
    _what: Option<String>,
}

/// A test of another crate, by the file that holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    file: String,
    test: String,
}

impl Elsewhere {
    fn is_there(&self) -> bool {
        let text = fs::read_to_string(data().join("../..").join(&self.file)).unwrap_or_default();
        let before = text.split_once(&format!("fn {}()", self.test)).map(|(before, _)| before);
        let line = before.and_then(|before| before.trim_end_matches("async ").trim_end().lines().last());
        line.is_some_and(|line| line.trim().starts_with("#[") && line.contains("test]"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    content_type: Option<String>,
    public: Option<Bytes>,
    private: Option<Bytes>,
}

/// One of three ways to write bytes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes {
    text: Option<String>,
    base64: Option<String>,
    file: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expected {
    blame: String,
    code: String,
    /// As the plugin says it: an alias, a place in a text or template, a JSON pointer. Nothing where it says none.
    at: Option<String>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

impl Bytes {
    fn read(&self) -> Vec<u8> {
        match (&self.text, &self.base64, &self.file) {
            (Some(text), None, None) => text.clone().into_bytes(),
            (None, Some(text), None) => STANDARD.decode(text).expect("base64 in a table"),
            (None, None, Some(name)) => fs::read(data().join("fixtures").join(name)).expect(name),
            _ => panic!("a value is text, base64 or file"),
        }
    }
}

type Rendered = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// What a row gives: entries by target and what had to be read, or the first fault.
fn run(
    case: &Case,
    spec: &AzureKeyVaultSecretSpec,
    plugins: &Plugins,
) -> Result<(Rendered, BTreeMap<String, BTreeSet<String>>), Expected> {
    let refused = |_| Expected { blame: "config".to_owned(), code: "refused".to_owned(), at: None };
    let (mut recipe, _) = Recipe::parse(spec).map_err(refused)?;
    if let Some(query) = &case.query {
        let query = Some(query.clone()).filter(|q| !q.is_empty());
        recipe.outputs = vec![Output::environment(&recipe, query.as_deref())];
    }
    let fault = |f: PluginFault| Expected { blame: f.blame.as_str().to_owned(), code: f.code, at: f.at };
    if let Some((_, first)) = render::check(&recipe, plugins).into_iter().next() {
        return Err(fault(first));
    }
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let first = |faults: render::Faults| faults.into_iter().next().map(|(_, f)| fault(f)).expect("a fault");
    for (alias, parts) in render::needs(&recipe, plugins).map_err(first)? {
        let word = |p| if p == Part::Public { "public" } else { "private" }.to_owned();
        needs.insert(alias.to_string(), parts.into_iter().map(word).collect());
    }
    let objects = read(case, &recipe, &needs);
    let objects = render::transform(&recipe, plugins, objects).map_err(|(_, f)| fault(f))?;
    let mut rendered = Rendered::new();
    for output in &recipe.outputs {
        let entries = render::render(&recipe, output, plugins, &objects).map_err(fault)?;
        let entries = entries.into_iter().map(|e| (e.key, e.value.expose().to_vec())).collect();
        rendered.insert(output.target.kind().to_owned(), entries);
    }
    Ok((rendered, needs))
}

/// Only what the plugins asked for is there, as in the controller.
fn read(case: &Case, recipe: &Recipe, needs: &BTreeMap<String, BTreeSet<String>>) -> Vec<VaultObject> {
    let object = |d: &akv_core::Description| {
        let given = &case.objects[d.alias.as_str()];
        let wanted = |part: &str| needs.get(d.alias.as_str()).is_some_and(|n| n.contains(part));
        VaultObject {
            description: d.clone(),
            version: "4387e9f3d6e14c459867679a90fd0f79".to_owned(),
            content_type: given.content_type.clone(),
            tags: Vec::new(),
            public: given.public.as_ref().filter(|_| wanted("public")).map(Bytes::read),
            private: given.private.as_ref().filter(|_| wanted("private")).map(|b| SecretValue::new(b.read())),
            expires: None,
            not_before: None,
        }
    };
    recipe.objects.iter().map(object).collect()
}

#[test]
fn every_row_of_the_rendering_tables_gives_its_bytes() {
    let plugins = crate::load(&Engine::new().expect("the engine starts")).expect("the defaults load");
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    let mut files: Vec<_> =
        fs::read_dir(data().join("rendering")).expect("the tables").map(|f| f.expect("a file").path()).collect();
    files.sort();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "yaml")) {
        let cases: Vec<Case> = serde_yaml_ng::from_str(&fs::read_to_string(file).expect("a table"))
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for case in cases {
            assert!(names.insert(case.case.clone()), "two rows are named {}", case.case);
            let Some(spec) = &case.spec else {
                if !case.elsewhere.as_ref().is_some_and(Elsewhere::is_there) {
                    wrong.push(format!("{}: neither a spec nor a test that shows it", case.case));
                }
                continue;
            };
            if let Err(why) = check(&case, spec, &plugins) {
                wrong.push(format!("{}: {why}", case.case));
            }
        }
    }
    println!("{} rows", names.len());
    // Of the original's unit tests, by number (36 of them run).
    let missing: Vec<_> = (1..=36).map(|n| format!("upstream-{n:02}")).filter(|n| !names.contains(n)).collect();
    assert!(missing.is_empty(), "no row for {}", missing.join(", "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(case: &Case, spec: &AzureKeyVaultSecretSpec, plugins: &Plugins) -> Result<(), String> {
    match (run(case, spec, plugins), &case.expect, &case.error) {
        (Ok((rendered, needs)), Some(expected), None) => {
            if let Some(wanted) = case.needs.as_ref().filter(|w| **w != needs) {
                return Err(format!("needs {wanted:?}, got {needs:?}"));
            }
            let expected: Rendered = expected
                .iter()
                .map(|(t, e)| (t.clone(), e.iter().map(|(k, b)| (k.clone(), b.read())).collect()))
                .collect();
            if rendered == expected {
                Ok(())
            } else {
                Err(format!("wanted {}, got {}", show(&expected), show(&rendered)))
            }
        }
        (Err(fault), None, Some(expected)) if fault == *expected => Ok(()),
        (Err(fault), _, _) => Err(format!("failed with {fault:?}")),
        (Ok(_), _, _) => Err("it should fail".to_owned()),
    }
}

/// The fixtures are no secrets.
fn show(rendered: &Rendered) -> String {
    let entry = |(k, v): (&String, &Vec<u8>)| format!("{k}={:?}", String::from_utf8_lossy(&v[..v.len().min(300)]));
    rendered
        .iter()
        .map(|(t, e)| format!("{t}: {}", e.iter().map(entry).collect::<Vec<_>>().join(", ")))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_config_that_the_schema_does_not_know_is_refused_with_its_place() {
    let plugins = crate::load(&Engine::new().expect("the engine starts")).expect("the defaults load");
    let name = akv_core::PluginName::parse("secret").expect("a name");
    let config: Config = [("dataKy".to_owned(), "x".into())].into_iter().collect();
    let target = Target::Environment { query: None };
    let fault = plugins
        .get(&name)
        .expect("a default")
        .check_output(&config, &target, &[], &[])
        .expect_err("an unknown setting");
    assert_eq!(fault.code, "invalid-config");
    assert!(fault.message.is_some_and(|m| m.contains("dataKy")));
}
