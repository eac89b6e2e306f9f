//! What Helm renders for the value sets of `values/`, against `golden/`; `BLESS=1` writes it anew.

use super::helm::{chart, helm, template, value_sets};
use std::path::Path;

#[test]
fn each_value_set_renders_what_was_looked_at() {
    let sets = value_sets();
    assert!(sets.len() >= 10, "only {} value sets", sets.len());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("chart/golden");
    let mut stale = Vec::new();
    for (name, values) in sets {
        let rendered = template(&values).unwrap_or_else(|error| panic!("{name}: {error}"));
        let path = dir.join(format!("{name}.yaml"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &rendered).expect("the golden file is written");
        } else if std::fs::read_to_string(&path).unwrap_or_default() != rendered {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} differ: look at `BLESS=1 cargo test -p akv-tests --test chart golden; git diff`"
    );
}

#[test]
fn two_renders_are_the_same_bytes() {
    for (name, values) in value_sets() {
        assert!(template(&values) == template(&values), "{name} differs from render to render");
    }
}

#[test]
fn helm_lints_both_charts_strictly_with_every_value_set() {
    let lint = |name: &str, values: &str| {
        let dir = chart(name);
        helm(&["lint", "--strict", dir.to_str().expect("text"), "--values", "-"], values)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    lint("akv2k8s-crds", "{}");
    for (_, values) in value_sets() {
        lint("akv2k8s", &values.to_string());
    }
}
