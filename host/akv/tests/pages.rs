//! What the pages say, as far as the code or the checkout can say it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first cells of the tables of reasons below the heading.
fn reasons(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("there is no {heading}"));
    let rows =
        rest.split("\n## ").next().unwrap_or_default().lines().skip_while(|line| !line.starts_with("| reason |"));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.split('`').nth(1).unwrap_or_else(|| panic!("{row} names no reason")).to_owned()).collect()
}

fn words(all: impl IntoIterator<Item = &'static str>) -> BTreeSet<String> {
    all.into_iter().map(str::to_owned).collect()
}

#[test]
fn troubleshooting_explains_every_reason_and_makes_none_up() {
    use akv_api::reason::{ALL, INVALID_SPEC, PLUGIN_NOT_READY, READY};
    let page = text(&root().join("examples/troubleshooting.md"));
    let of_plugins = words([READY, PLUGIN_NOT_READY, INVALID_SPEC]);
    let of_resources = words(ALL.iter().copied().filter(|reason| *reason != READY));
    let of_images = words(akv_registry::Reason::ALL.map(akv_registry::Reason::as_str));
    for (heading, expected) in [
        ("Reasons of a resource", of_resources),
        ("Reasons of a plugin", of_plugins),
        ("A pod is refused", of_images),
        ("A container does not start", words(akv_wire::reason::ALL)),
    ] {
        assert_eq!(reasons(&page, heading), expected, "{heading}");
    }
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let legal = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    headings.map(|heading| heading.chars().filter_map(legal).collect()).collect()
}

/// The places of a page's links that are in the checkout.
fn links(page: &str) -> Vec<String> {
    let ends = page.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link.to_owned()));
    ends.filter(|link| !link.contains("://")).collect()
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let mut pages: Vec<PathBuf> = ["README.md", "charts/akv2k8s/README.md", "plugins/README.md", "wit/README.md"]
        .iter()
        .map(|page| root().join(page))
        .collect();
    let examples = root().join("examples");
    for entry in std::fs::read_dir(&examples).expect("the examples").flatten() {
        let path = entry.path();
        pages.push(if path.is_dir() { path.join("README.md") } else { path });
    }
    let mut dead = BTreeMap::new();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ext| ext == "md")) {
        let content = text(page);
        for link in links(&content) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let mut to = if path.is_empty() { page.clone() } else { page.with_file_name("").join(path) };
            if to.is_dir() && !anchor.is_empty() {
                to.push("README.md");
            }
            if !to.exists() || (!anchor.is_empty() && !anchors(&text(&to)).contains(anchor)) {
                dead.insert(page.clone(), link.clone());
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_resources_of_the_readme_are_good() {
    let page = text(&root().join("README.md"));
    let blocks = page.split("\n```yaml\n").skip(1).filter_map(|rest| rest.split("\n```\n").next());
    let mut seen = 0;
    for block in blocks.filter(|block| block.starts_with("spec:") || block.contains("kind: AzureKeyVaultSecret")) {
        seen += 1;
        let head = "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: readme}\n";
        let manifest = if block.starts_with("spec:") { format!("{head}{block}\n") } else { format!("{block}\n") };
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{seen}.yaml"));
        std::fs::write(&file, &manifest).expect("a file");
        let mut lint = std::process::Command::new(env!("CARGO_BIN_EXE_akv2k8s"));
        let said = lint.args(["lint", "-f"]).arg(&file).output().expect("lint runs");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        // The plugin of an example is nobody's here.
        let faults = said.lines().filter(|line| line.contains(": error ") && !line.contains("java-keystore"));
        assert_eq!(faults.count(), 0, "{said}\n{manifest}");
    }
    assert_eq!(seen, 3, "the resources of the README");
}
