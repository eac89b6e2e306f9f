//! The generated definitions: committed, and what the field relies on.

use akv_api::crd;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use std::path::Path;

/// Writes the files anew when `BLESS` is set.
#[test]
fn generated_the_committed_files_are_what_the_code_generates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/akv2k8s-crds/files");
    let bless = std::env::var_os("BLESS").is_some();
    let mut expected: Vec<String> = Vec::new();
    for crd in crd::all() {
        let file = format!("{}.yaml", crd.spec.names.plural);
        let text = format!(
            "# Generated from host/akv-api: BLESS=1 cargo test -p akv-api\n{}",
            serde_yaml_ng::to_string(&crd).expect("it serialises")
        );
        let path = folder.join(&file);
        if bless {
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            std::fs::write(&path, &text).expect("the file can be written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{} is stale: run BLESS=1 cargo test -p akv-api", path.display());
        expected.push(file);
    }
    let mut found: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_yaml_stream_reads_back_as_the_definitions() {
    let text = crd::yaml().expect("it serialises");
    let read: Vec<CustomResourceDefinition> = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| serde::Deserialize::deserialize(document).expect("a definition"))
        .collect();
    assert_eq!(read, crd::all());
}

#[test]
fn names_and_versions_are_the_originals() {
    let crd = &crd::all()[0];
    assert_eq!(crd.metadata.name.as_deref(), Some("azurekeyvaultsecrets.spv.no"));
    assert_eq!(crd.spec.group, "spv.no");
    assert_eq!(crd.spec.scope, "Namespaced");
    let names = &crd.spec.names;
    assert_eq!(names.kind, "AzureKeyVaultSecret");
    assert_eq!(names.plural, "azurekeyvaultsecrets");
    assert_eq!(names.singular.as_deref(), Some("azurekeyvaultsecret"));
    assert_eq!(names.short_names.as_deref(), Some(["akvs".to_owned()].as_slice()));
    assert_eq!(names.categories.as_deref(), Some(["all".to_owned()].as_slice()));
    let versions: Vec<_> = crd.spec.versions.iter().map(|v| (v.name.as_str(), v.served, v.storage)).collect();
    assert_eq!(
        versions,
        [("v1", true, false), ("v1alpha1", true, false), ("v2alpha1", true, false), ("v2beta1", true, true)]
    );
    for version in &crd.spec.versions {
        assert!(version.subresources.as_ref().is_some_and(|s| s.status.is_some() && s.scale.is_none()));
    }
}

#[test]
fn columns_begin_with_the_originals() {
    let check = |version: usize, expected: &[&str]| {
        let crd = &crd::all()[0];
        let columns = crd.spec.versions[version].additional_printer_columns.clone().unwrap_or_default();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, expected);
    };
    check(0, &["Vault", "Vault Object", "Secret Name", "Synched", "Age"]);
    check(1, &["Vault", "Vault Object", "Output Object", "Synched", "Age"]);
    check(2, &["Vault", "Vault Object", "Secret Name", "ConfigMap Name", "Last Synched", "Age"]);
    check(3, &["Vault", "Vault Object", "Secret Name", "ConfigMap Name", "Last Synched", "Age", "Ready", "Reason"]);
}

#[test]
fn no_schema_lets_null_through_or_holds_what_is_not_structural() {
    for crd in crd::all() {
        let text = serde_json::to_string(&crd).expect("it serialises");
        for word in ["nullable", "anyOf", "oneOf", "allOf", "$ref", "additionalProperties\":true"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

#[test]
fn a_rule_has_one_name_and_one_sentence() {
    let rules: Vec<_> = akv_api::rule::secret::ALL.iter().chain(akv_api::rule::plugin::ALL).collect();
    for rule in &rules {
        assert_eq!(rules.iter().filter(|other| other.id == rule.id).count(), 1, "{}", rule.id);
        assert!(!rule.sentence.is_empty() && !rule.sentence.contains('\n'), "{}", rule.id);
        assert!(!rule.at.is_empty(), "{}", rule.id);
    }
}
