use crate::{Output, Recipe, Target};
use akv_api::AzureKeyVaultSecretSpec;
use serde_json::{Value, json};

fn parse(vault: Value, output: Value) -> Recipe {
    let spec = json!({"vault": vault, "output": output});
    let spec: AzureKeyVaultSecretSpec = serde_json::from_value(spec).expect("it fits the types");
    Recipe::parse(&spec).expect("it keeps the rules").0
}

fn one(kind: &str) -> Value {
    json!({"name": "shop-prod", "object": {"name": "thing", "type": kind}})
}

fn check(vault: Value, output: Value, expected: &[(&str, &str, Value, &str)]) {
    let recipe = parse(vault, output);
    let found: Vec<_> = recipe
        .outputs
        .iter()
        .map(|o| (o.target.kind(), o.plugin.as_str(), Value::Object(o.config.clone()), o.path.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn each_target_has_its_default_plugin_with_its_own_settings() {
    check(
        one("secret"),
        json!({"secret": {"name": "a", "dataKey": "k"}, "configMap": {"name": "b", "dataKey": "l"}}),
        &[
            ("secret", "secret", json!({"dataKey": "k"}), "spec.output.secret"),
            ("config-map", "config-map", json!({"dataKey": "l"}), "spec.output.configMap"),
        ],
    );
    check(
        one("certificate"),
        json!({"secret": {"name": "a", "type": "kubernetes.io/tls", "dataKey": "ignored", "chainOrder": "ensureserverfirst"}}),
        &[("secret", "secret", json!({"chainOrder": "ensureserverfirst"}), "spec.output.secret")],
    );
    check(
        one("key"),
        json!({"secret": {"name": "a", "dataKey": "k", "keyFormat": "raw-n"}}),
        &[("secret", "secret", json!({"dataKey": "k", "keyFormat": "raw-n"}), "spec.output.secret")],
    );
    check(one("secret"), json!({"secret": {"name": ""}}), &[]);
    check(one("secret"), Value::Null, &[]);
}

#[test]
fn a_plugin_or_files_stand_for_every_target() {
    let targets = |mut output: Value| {
        output["secret"] = json!({"name": "a"});
        output["configMap"] = json!({"name": "b"});
        output
    };
    let config = json!({"alias": "shop"});
    check(
        one("secret"),
        targets(json!({"plugin": {"name": "keystore", "config": config}})),
        &[
            ("secret", "keystore", config.clone(), "spec.output.plugin"),
            ("config-map", "keystore", config, "spec.output.plugin"),
        ],
    );
    let files = json!({"files": [{"path": "a.conf", "template": "x"}]});
    check(
        one("secret"),
        targets(files.clone()),
        &[("secret", "files", files.clone(), "spec.output.files"), ("config-map", "files", files, "spec.output.files")],
    );
}

#[test]
fn a_variable_has_the_format_of_the_resource() {
    let check = |output: Value, query: Option<&str>, expected: (&str, Value, Option<&str>)| {
        let environment = Output::environment(&parse(one("certificate"), output), query);
        let Target::Environment { query } = &environment.target else { panic!("no variable: {environment:?}") };
        let found = (environment.plugin.as_str(), Value::Object(environment.config.clone()), query.as_deref());
        assert_eq!(found, expected);
    };
    check(Value::Null, Some("tls.key"), ("secret", json!({}), Some("tls.key")));
    // `name@azurekeyvault?` equals no query.
    check(Value::Null, Some(""), ("secret", json!({}), None));
    check(
        json!({"secret": {"name": "a", "type": "kubernetes.io/tls", "chainOrder": "ensureserverfirst"}}),
        None,
        ("secret", json!({"chainOrder": "ensureserverfirst"}), None),
    );
    check(json!({"plugin": {"name": "keystore"}}), None, ("keystore", json!({}), None));
}

#[test]
fn a_type_is_kept_as_written_and_an_empty_one_is_none() {
    let check = |written: Value, expected: Option<&str>| {
        let mut secret = json!({"name": "a", "dataKey": "k"});
        secret["type"] = written;
        let recipe = parse(one("certificate"), json!({"secret": secret}));
        let Target::Secret { secret_type, .. } = &recipe.outputs[0].target else { panic!("no Secret") };
        assert_eq!(secret_type.as_deref(), expected);
    };
    check(json!("Opaque"), Some("Opaque"));
    check(json!("shop.example/creds"), Some("shop.example/creds"));
    check(json!(""), None);
    check(Value::Null, None);
}

#[test]
fn steps_and_objects_keep_their_order_and_say_where_they_stand() {
    let vault = json!({"name": "shop-prod", "objects": [
        {"as": "b", "name": "one", "type": "secret", "version": "4387e9f3d6e14c459867679a90fd0f79"},
        {"as": "a", "name": "two", "type": "multi-key-value-secret", "contentType": "application/x-yaml"},
    ]});
    let recipe = parse(vault, json!({"pipeline": [{"plugin": "trim"}, {"plugin": "json-field", "only": ["b"]}]}));
    assert!(recipe.keys_from_alias);
    let aliases: Vec<_> = recipe.objects.iter().map(|d| d.alias.as_str()).collect();
    assert_eq!(aliases, ["b", "a"]);
    assert!(recipe.objects[0].object.version.is_some());
    assert_eq!(recipe.objects[1].attributes, [("content-type".to_owned(), "application/x-yaml".to_owned())]);
    let steps: Vec<_> = recipe.pipeline.iter().map(|s| (s.path.as_str(), s.only.as_ref().map(Vec::len))).collect();
    assert_eq!(steps, [("spec.output.pipeline[0]", None), ("spec.output.pipeline[1]", Some(1))]);

    let recipe = parse(one("secret"), json!({"transform": ["trim", "base64decode"]}));
    assert!(!recipe.keys_from_alias);
    let steps: Vec<_> = recipe.pipeline.iter().map(|s| (s.plugin.as_str(), s.path.as_str())).collect();
    assert_eq!(steps, [("trim", "spec.output.transform[0]"), ("base64decode", "spec.output.transform[1]")]);
    assert!(parse(one("key"), json!({"transform": ["trim"]})).pipeline.is_empty());
}
