use super::*;
use crate::ObjectName;

const POLICY: &str = r#"
vaultAccess:
- namespaces: [shop, "shop-*"]
  vaults: [shop-prod]
  objects: ["shop-*", certificate/wildcard]
- namespaces: [platform]
- vaults: [public]
"#;

fn check(policy: &str, namespace: &str, vault: &str, object: (ObjectKind, &str), expected: bool) {
    let policy = Policy::from_yaml(policy).expect("a policy");
    let vault = VaultName::parse(vault).expect("a vault");
    let (kind, name) = object;
    let object = ObjectRef { kind, name: ObjectName::parse(name).expect("an object"), version: None };
    let verdict = allows(&policy, namespace, &vault, &object);
    assert_eq!(verdict.is_ok(), expected, "{namespace} {vault} {object:?}: {verdict:?}");
}

#[test]
fn without_a_grant_everything_is_allowed() {
    for policy in ["", "{}", "vaultAccess: []", "\n"] {
        check(policy, "anybody", "any-vault", (ObjectKind::Key, "anything"), true);
        assert!(!Policy::from_yaml(policy).expect("a policy").restricts("anybody"));
    }
}

#[test]
fn a_policy_allows_what_a_grant_allows_and_nothing_else() {
    use ObjectKind::{Certificate, Key, MultiKeyValueSecret, Secret};
    check(POLICY, "shop", "shop-prod", (Secret, "shop-db"), true);
    check(POLICY, "shop-test", "shop-prod", (MultiKeyValueSecret, "shop-db"), true);
    check(POLICY, "shop", "SHOP-PROD", (Key, "Shop-Signing"), true);
    check(POLICY, "shop", "shop-prod", (Secret, "bank-db"), false);
    check(POLICY, "shop", "shop-prod", (Certificate, "wildcard"), true);
    check(POLICY, "shop", "shop-prod", (Secret, "wildcard"), false);
    check(POLICY, "shop", "bank-prod", (Secret, "shop-db"), false);
    check(POLICY, "shopping", "shop-prod", (Secret, "shop-db"), false);
    check(POLICY, "Shop", "shop-prod", (Secret, "shop-db"), false);
    check(POLICY, "platform", "bank-prod", (Secret, "root"), true);
    check(POLICY, "anybody", "public", (Secret, "motd"), true);
    check("vaultAccess: [{objects: [secret/cfg]}]", "a", "abc", (MultiKeyValueSecret, "cfg"), true);
}

#[test]
fn a_namespace_is_restricted_unless_a_grant_gives_it_everything() {
    let policy = Policy::from_yaml(POLICY).expect("a policy");
    assert!(policy.restricts("shop") && policy.restricts("anybody") && !policy.restricts("platform"));
    let stars = Policy::from_yaml(r#"vaultAccess: [{namespaces: ["*"], vaults: ["*"], objects: ["*"]}]"#);
    assert!(!stars.expect("a policy").restricts("anybody"));
}

#[test]
fn a_refusal_names_everything_that_a_grant_would_need() {
    let policy = Policy::from_yaml(POLICY).expect("a policy");
    let object =
        ObjectRef { kind: ObjectKind::Secret, name: ObjectName::parse("db").expect("an object"), version: None };
    let fault = policy.allows("bank", &VaultName::parse("shop-prod").expect("a vault"), &object).expect_err("refused");
    assert_eq!(fault.reason, reason::NOT_ALLOWED);
    assert_eq!(
        fault.to_string(),
        "spec.vault: the vaultAccess policy does not let namespace bank read secret db of vault shop-prod: ask an administrator for a grant"
    );
}

#[test]
fn a_wrong_policy_says_where() {
    let check = |text: &str, expected: &str| {
        let error = Policy::from_yaml(text).expect_err("it is wrong");
        assert!(error.contains(expected), "{error}");
    };
    check("vaultAccess:\n- namespace: [a]\n", "unknown field `namespace`");
    check("vaultAccess:\n- namespace: [a]\n", "line 2");
    check("vaultAccess:\n- namespaces: a\n", "vaultAccess[0].namespaces: invalid type");
    check("vaultAcess: []", "unknown field `vaultAcess`");
    check("- namespaces: [a]", "invalid type: sequence");
    check(
        "vaultAccess:\n- vaults: [a*b]\n",
        "vaultAccess[0].vaults[0]: \"a*b\" is no name with a * at its beginning or end",
    );
    check("vaultAccess:\n- {}\n- objects: []\n", "vaultAccess[1].objects: the list is empty");
    check("vaultAccess:\n- objects: [certs/a]\n", "vaultAccess[0].objects[0]: \"certs/a\" begins with a kind");
    check("vaultAccess: [\n", "line 2");
    assert_eq!(
        Policy::from_value(serde_json::json!({"vaultAccess": [{"vaults": ["a"]}]})),
        Policy::from_yaml("vaultAccess: [{vaults: [a]}]")
    );
}
