//! The tables of the chart's README, from the schema, `values.yaml` and the table of the original's values.

use super::helm::{at, chart, yaml};
use super::leaves::leaves;
use super::original::{Verdict, rows};
use std::fs;

fn values() -> String {
    let defaults = yaml(&chart("akv2k8s").join("values.yaml"));
    let mut table = "| value | default | what it does |\n|---|---|---|\n".to_owned();
    for (path, schema) in leaves() {
        let default = at(&defaults, &path).expect("values.yaml has it");
        let text = schema["description"].as_str().expect("a description");
        table += &format!("| `{path}` | `{default}` | {text} |\n");
    }
    table
}

fn original() -> String {
    let mut table = "| value | verdict | note |\n|---|---|---|\n".to_owned();
    for row in rows() {
        let verdict = match row.verdict {
            Verdict::Kept => "kept",
            Verdict::Dropped => "dropped",
        };
        let refused =
            row.refuse.map_or_else(String::new, |pattern| format!(" (refused: `{}`)", pattern.replace('|', "\\|")));
        table += &format!("| `{}` | {verdict} | {}{refused} |\n", row.value, row.note);
    }
    table
}

#[test]
fn the_tables_of_the_page_are_what_the_chart_takes() {
    let path = chart("akv2k8s").join("README.md");
    let mut page = fs::read_to_string(&path).expect("the README");
    for (name, table) in [("values", values()), ("original", original())] {
        let (begin, end) = (
            format!("<!-- {name}: BLESS=1 cargo test -p akv-tests --test chart page -->\n"),
            format!("<!-- end of {name} -->"),
        );
        let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("where {name} begins"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("where {name} ends"));
        let new = format!("{before}{begin}\n{table}\n{end}{after}");
        assert!(
            std::env::var_os("BLESS").is_some() || new == page,
            "the table {name} of charts/akv2k8s/README.md is stale"
        );
        page = new;
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, page).expect("the README is written");
    }
}
