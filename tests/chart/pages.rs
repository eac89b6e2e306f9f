//! The values on the pages, as Helm takes them.

use super::helm::template;
use akv_tests::page::blocks;
use serde_json::Value;
use std::fs;
use xtask::layout;

#[test]
fn the_values_on_the_pages_render() {
    let mut rendered = 0;
    for page in layout::files(&layout::root().join("examples"), "md") {
        let text = fs::read_to_string(&page).expect("a page");
        for block in blocks(&text, "yaml") {
            let values: Value = serde_yaml_ng::from_str(&block).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
            template(&values).unwrap_or_else(|said| panic!("{}: {said}\n{block}", page.display()));
            rendered += 1;
        }
    }
    assert!(rendered >= 3, "{rendered} blocks of values were found");
}
