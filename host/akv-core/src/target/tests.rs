use super::*;
use crate::SecretValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn me() -> Claimant {
    Claimant { namespace: "shop".into(), name: "db".into(), uid: "u-db".into(), created: 200 }
}

fn other(name: &str, created: i64) -> Claimant {
    Claimant { namespace: "shop".into(), name: name.into(), uid: format!("u-{name}"), created }
}

fn desired(data: &[(&str, &str)]) -> Desired {
    Desired {
        name: "target".into(),
        secret_type: Some("Opaque".into()),
        labels: BTreeMap::from([("app".into(), "shop".into())]),
        annotations: BTreeMap::new(),
        data: values(data),
    }
}

fn values(data: &[(&str, &str)]) -> BTreeMap<String, SecretValue> {
    data.iter().map(|(k, v)| ((*k).to_owned(), SecretValue::new(v.as_bytes().to_vec()))).collect()
}

/// A target with `data`, owned by the named resources, whose managers (`name`, keys) applied what they own.
fn live(data: &[(&str, &str)], owners: &[&str], applied: &[(&str, &[&str])]) -> Live {
    Live {
        uid: "u-target".into(),
        resource_version: "7".into(),
        secret_type: Some("Opaque".into()),
        labels: BTreeMap::from([("app".into(), "shop".into())]),
        owners: owners
            .iter()
            .map(|n| Owner { kind: "AzureKeyVaultSecret".into(), name: (*n).into(), uid: format!("u-{n}") })
            .collect(),
        data: values(data),
        managed: applied.iter().map(|(n, keys)| entry(&format!("akv2k8s/{n}"), "Apply", keys)).collect(),
        ..Live::default()
    }
}

fn entry(manager: &str, operation: &str, keys: &[&str]) -> ManagedEntry {
    let data: serde_json::Map<String, Value> = keys.iter().map(|k| (format!("f:{k}"), json!({}))).collect();
    ManagedEntry::parse(json!({
        "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": data, "f:metadata": {"f:labels": {".": {}, "f:app": {}}}},
    }))
}

fn check(desired: &Desired, live: Option<&Live>, siblings: &[Claimant], expected: &str) {
    let verdict = match decide(&me(), desired, live, siblings) {
        Verdict::Current => "current".to_owned(),
        Verdict::Apply { resource_version, own } => {
            format!("apply {} own={own}", resource_version.as_deref().unwrap_or("new"))
        }
        Verdict::Migrate { resource_version, .. } => format!("migrate {resource_version}"),
        Verdict::Recreate { uid, resource_version } => format!("recreate {uid} {resource_version}"),
        Verdict::Refused(refusal) => format!("{}: {}", refusal.reason, refusal.message),
    };
    assert!(verdict.starts_with(expected), "wanted {expected:?}, got {verdict:?}");
}

#[test]
fn a_missing_target_is_created_and_a_current_one_left_alone() {
    check(&desired(&[("a", "1")]), None, &[], "apply new own=true");
    check(&desired(&[("a", "1")]), Some(&live(&[("a", "1")], &["db"], &[("db", &["a"])])), &[], "current");
}

#[test]
fn a_changed_value_a_removed_key_or_a_hand_edit_is_applied() {
    let mine = live(&[("a", "1")], &["db"], &[("db", &["a"])]);
    check(&desired(&[("a", "2")]), Some(&mine), &[], "apply 7 own=true");
    check(&desired(&[("b", "1")]), Some(&mine), &[], "apply 7 own=true");
    let edited = live(&[("a", "edited")], &["db"], &[("db", &["a"])]);
    check(&desired(&[("a", "1")]), Some(&edited), &[], "apply 7 own=true");
    let mut unlabelled = mine.clone();
    unlabelled.labels.clear();
    check(&desired(&[("a", "1")]), Some(&unlabelled), &[], "apply 7");
    let mut disowned = mine;
    disowned.owners.clear();
    check(&desired(&[("a", "1")]), Some(&disowned), &[], "apply 7 own=true");
}

#[test]
fn somebody_elses_object_is_refused_unless_its_owner_gives_it_to_us() {
    let mut foreign = live(&[("x", "1")], &[], &[]);
    check(&desired(&[("a", "1")]), Some(&foreign), &[], "TargetNotOwned: Secret \"target\" exists");
    foreign.annotations.insert("spv.no/adopt".into(), "shop/other".into());
    check(&desired(&[("a", "1")]), Some(&foreign), &[], "TargetNotOwned");
    foreign.annotations.insert("spv.no/adopt".into(), "shop/db".into());
    check(&desired(&[("a", "1")]), Some(&foreign), &[], "apply 7 own=false");
    foreign.managed.push(entry("akv2k8s/db", "Apply", &["a"]));
    foreign.data = values(&[("x", "1"), ("a", "1")]);
    check(&desired(&[("a", "1")]), Some(&foreign), &[], "current");
}

#[test]
fn resources_share_a_target_and_the_older_wins_a_key() {
    let shared = live(&[("b", "1")], &["old"], &[("old", &["b"])]);
    check(&desired(&[("a", "1")]), Some(&shared), &[other("old", 100)], "apply 7 own=true");
    check(
        &desired(&[("b", "1")]),
        Some(&shared),
        &[other("old", 100)],
        "KeyConflict: \"target\" already gets b from the older",
    );
    let younger = live(&[("b", "1")], &["young"], &[("young", &["b"])]);
    check(&desired(&[("b", "1")]), Some(&younger), &[other("young", 300)], "apply 7");
    // The older one is gone: its manager has no claim any more.
    check(&desired(&[("b", "1")]), Some(&shared), &[], "apply 7");
    let mut typed = shared;
    typed.secret_type = Some("kubernetes.io/tls".into());
    check(
        &desired(&[("a", "1")]),
        Some(&typed),
        &[other("old", 100)],
        "TargetNotOwned: Secret \"target\" is fed by another",
    );
}

#[test]
fn a_type_changes_only_where_nobody_else_has_a_part() {
    let mut mine = live(&[("a", "1")], &["db"], &[("db", &["a"])]);
    mine.secret_type = Some("kubernetes.io/basic-auth".into());
    check(&desired(&[("a", "1")]), Some(&mine), &[], "recreate u-target 7");
    mine.data = values(&[("a", "1"), ("foreign", "1")]);
    check(&desired(&[("a", "1")]), Some(&mine), &[], "TargetRefused: \"target\" has the type kubernetes.io/basic-auth");
    let mut frozen = live(&[("a", "1")], &["db"], &[("db", &["a"])]);
    frozen.immutable = true;
    check(&desired(&[("a", "1")]), Some(&frozen), &[], "current");
    check(&desired(&[("a", "2")]), Some(&frozen), &[], "recreate");
}

#[test]
fn what_the_original_wrote_is_taken_over_without_touching_it() {
    let mut upstream = live(&[("a", "1"), ("stale", "0")], &["db"], &[]);
    upstream.managed.push(entry("azure-keyvault-controller", "Update", &["a", "stale"]));
    let Verdict::Migrate { managed_fields, .. } = decide(&me(), &desired(&[("a", "1")]), Some(&upstream), &[]) else {
        panic!("not migrated")
    };
    upstream.managed = managed_fields.as_array().unwrap().iter().cloned().map(ManagedEntry::parse).collect();
    let ours: Vec<_> = upstream.applied_by(&me().manager()).unwrap().data_keys().into_iter().collect();
    assert_eq!(ours, ["a"]);
    let theirs: Vec<_> = upstream.managed.iter().find(|e| e.is_legacy()).unwrap().data_keys().into_iter().collect();
    assert_eq!(theirs, ["stale"]);
    check(&desired(&[("a", "1")]), Some(&upstream), &[], "current");
    check(&desired(&[("a", "2")]), Some(&upstream), &[], "apply 7 own=true");
}

#[test]
fn leaving_deletes_what_is_ours_alone_and_strips_what_is_shared() {
    let leave = |live: Option<&Live>| release("u-db", &me().manager(), live);
    assert_eq!(leave(None), Release::Nothing);
    assert_eq!(leave(Some(&live(&[("x", "1")], &[], &[]))), Release::Nothing);
    let mine = live(&[("a", "1")], &["db"], &[("db", &["a"])]);
    assert_eq!(leave(Some(&mine)), Release::Delete { uid: "u-target".into(), resource_version: "7".into() });
    let shared = live(&[("a", "1"), ("b", "1")], &["db", "old"], &[("db", &["a"]), ("old", &["b"])]);
    assert_eq!(leave(Some(&shared)), Release::Strip);
    let adopted = live(&[("a", "1"), ("x", "1")], &[], &[("db", &["a"])]);
    assert_eq!(leave(Some(&adopted)), Release::Strip);
}

#[test]
fn a_manager_fits_the_servers_limit_and_long_names_stay_apart() {
    let long = "n".repeat(253);
    let (one, two) = (FieldManager::of(&long), FieldManager::of(&format!("{}m", &long[..252])));
    assert!(one.as_str().len() <= 128 && two.as_str().len() <= 128);
    assert_ne!(one, two);
    assert!(FieldManager::is_resource(one.as_str()) && !FieldManager::is_resource("akv2k8s-crd"));
}
