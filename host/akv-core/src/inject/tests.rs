use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn settings() -> Settings {
    Settings::new("env:1", Some(Service { url: "https://injector.akv2k8s.svc:9443".to_owned(), root: vec![1, 2] }))
}

fn inject(pod: &Value, knowledge: &Knowledge) -> Value {
    let settings = settings();
    plan(pod, &settings).unwrap_or_else(|faults| panic!("{faults:?}")).apply(pod, knowledge, &settings)
}

fn pod(containers: Value) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"containers": containers, "unknown": {"kept": [1]}}})
}

fn refused(pod: &Value, expected: &str) {
    let faults = plan(pod, &settings()).expect_err("a refusal");
    let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    assert!(text.contains(expected), "{text}");
}

fn app(extra: Value) -> Value {
    let mut container = json!({
        "name": "app", "image": "shop:1", "command": ["/app"], "args": ["serve", "$(PORT)"],
        "env": [{"name": "DB", "value": "db@azurekeyvault"}],
    });
    container.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    container
}

#[test]
fn a_container_with_a_reference_is_wrapped_and_the_others_are_not() {
    let before = pod(json!([app(json!({})), {"name": "side", "image": "x", "command": ["/x"], "future": true}]));
    let after = inject(&before, &Knowledge::default());
    assert_eq!(after["spec"]["containers"][0]["command"], json!(["/azure-keyvault/azure-keyvault-env"]));
    assert_eq!(
        after["spec"]["containers"][0]["args"],
        json!([
            "run",
            "--container=app",
            "--service=https://injector.akv2k8s.svc:9443",
            "--root=AQI=",
            "--",
            "/app",
            "serve",
            "$(PORT)"
        ])
    );
    assert_eq!(after["spec"]["containers"][1], before["spec"]["containers"][1]);
    assert_eq!(after["spec"]["unknown"], before["spec"]["unknown"]);
    assert_eq!(after["spec"]["initContainers"][0]["name"], "copy-azurekeyvault-env");
    let volumes: Vec<_> = after["spec"]["volumes"].as_array().into_iter().flatten().collect();
    assert_eq!(volumes.len(), 2);
    assert_eq!(volumes[1]["projected"]["sources"][0]["serviceAccountToken"]["audience"], "akv2k8s.spv.no/app");
    assert_eq!(inject(&after, &Knowledge::default()), after, "doing it twice is doing it once");
}

#[test]
fn the_originals_init_container_has_its_requests_and_no_cpu_limit() {
    // The original's unit case 33.
    let after = inject(&pod(json!([app(json!({}))])), &Knowledge::default());
    let init = &after["spec"]["initContainers"];
    assert_eq!(init.as_array().map(Vec::len), Some(1));
    assert_eq!(
        init[0]["resources"],
        json!({"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "32Mi"}})
    );
}

#[test]
fn what_an_image_says_is_kept_from_the_kubelets_expansion() {
    let mut container = app(json!({"args": ["$(PORT)"]}));
    container.as_object_mut().expect("an object").remove("command");
    let image = ImageCommand { entrypoint: vec!["/run".to_owned(), "$(HOME)".to_owned()], cmd: vec!["x".to_owned()] };
    let knowledge = Knowledge { images: [("app".to_owned(), image)].into(), ..Knowledge::default() };
    let tail = |pod: &Value| {
        let args = inject(pod, &knowledge)["spec"]["containers"][0]["args"].as_array().cloned().unwrap_or_default();
        args.iter().skip_while(|a| *a != "--").skip(1).cloned().collect::<Vec<_>>()
    };
    assert_eq!(tail(&pod(json!([container]))), ["/run", "$$(HOME)", "$(PORT)"]);
    container.as_object_mut().expect("an object").remove("args");
    assert_eq!(tail(&pod(json!([container]))), ["/run", "$$(HOME)", "x"]);
    let mut stated = pod(json!([container]));
    stated["metadata"]["annotations"] = json!({"spv.no/command.app": "[\"/stated\", \"$(x)\"]"});
    assert_eq!(tail(&stated), ["/stated", "$$(x)"]);
}

#[test]
fn a_guaranteed_pod_stays_guaranteed() {
    let limits = json!({"resources": {"limits": {"cpu": "1", "memory": "64Mi"}}});
    let after = inject(&pod(json!([app(limits)])), &Knowledge::default());
    assert!(pod::is_guaranteed(&after), "{}", after["spec"]["initContainers"]);
    let burstable = inject(&pod(json!([app(json!({}))])), &Knowledge::default());
    assert!(!pod::is_guaranteed(&burstable));
}

#[test]
fn files_go_to_a_memory_volume_of_their_container() {
    let mut before = pod(json!([app(json!({"env": []}))]));
    before["metadata"]["annotations"] = json!({"spv.no/files.app": "tls=/etc/tls, app=/etc/app"});
    let after = inject(&before, &Knowledge::default());
    let mounts = after["spec"]["containers"][0]["volumeMounts"].as_array().cloned().unwrap_or_default();
    assert_eq!(mounts[2]["mountPath"], "/etc/app");
    assert_eq!(mounts[2]["subPath"], "app");
    assert_eq!(after["spec"]["volumes"][2]["emptyDir"], json!({"medium": "Memory", "sizeLimit": "4Mi"}));
}

#[test]
fn only_the_annotation_wraps_a_container_whose_values_come_from_elsewhere() {
    let mut before = pod(json!([app(json!({"env": [], "envFrom": [{"configMapRef": {"name": "c"}}]}))]));
    assert!(plan(&before, &settings()).expect("no fault").is_empty());
    before["metadata"]["annotations"] = json!({"spv.no/inject": "true"});
    assert_eq!(plan(&before, &settings()).expect("no fault").wraps.len(), 1);
    before["metadata"]["labels"] = json!({"spv.no/inject": "disabled"});
    assert!(plan(&before, &settings()).expect("no fault").is_empty());
}

#[test]
fn plugins_are_pinned_where_they_are_used() {
    let plugins = [("db".to_owned(), [("keystore".to_owned(), "ab".to_owned())].into())].into();
    let after = inject(&pod(json!([app(json!({}))])), &Knowledge { plugins, ..Knowledge::default() });
    assert!(after["spec"]["containers"][0]["args"].to_string().contains("\"--plugin=keystore=ab\""));
}

#[test]
fn what_cannot_work_is_refused_with_its_path() {
    refused(
        &pod(json!([app(json!({"args": ["--db=$(DB)"]}))])),
        "spec.containers[app].args[0]: $(DB) is put in by the kubelet",
    );
    let env = json!({"env": [{"name": "DB", "value": "db@azurekeyvault"}, {"name": "URL", "value": "x$(DB)"}]});
    refused(&pod(json!([app(env)])), "spec.containers[app].env[URL]: $(DB)");
    let mounts = json!({"volumeMounts": [{"name": "mine", "mountPath": "/azure-keyvault"}]});
    refused(&pod(json!([app(mounts)])), "spec.containers[app].volumeMounts[/azure-keyvault]: the env injector");
    for (annotation, value, expected) in [
        ("spv.no/command.app", "/app", "it is not a JSON list"),
        ("spv.no/command.app", "[]", "it is not a JSON list"),
        ("spv.no/command.ap", "[\"/app\"]", "the pod has no container \"ap\""),
        ("spv.no/files.app", "tls=etc", "\"tls=etc\" is not RESOURCE=/PATH"),
        ("spv.no/files.app", "tls=/a/../b", "is not RESOURCE=/PATH"),
        ("spv.no/files.app", "a=/x,b=/x", "\"b=/x\" is not RESOURCE=/PATH"),
    ] {
        let mut before = pod(json!([app(json!({}))]));
        before["metadata"]["annotations"] = json!({annotation: value});
        refused(&before, expected);
    }
}

#[test]
fn a_slip_in_a_reference_warns_and_windows_is_left_alone() {
    let slip = app(json!({"env": [{"name": "DB", "value": "my db@azurekeyvault"}]}));
    let looked = plan(&pod(json!([slip])), &settings()).expect("no fault");
    assert!(
        looked.is_empty()
            && looked.warnings[0].starts_with("spec.containers[app].env[DB]: the value holds @azurekeyvault")
    );
    let mut windows = pod(json!([app(json!({}))]));
    windows["spec"]["os"] = json!({"name": "windows"});
    let looked = plan(&windows, &settings()).expect("no fault");
    assert!(looked.is_empty() && looked.warnings.len() == 1);
}

/// Any JSON that is shaped a little like a pod.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z@$(){}?/.\\\\ -]{0,12}".prop_map(Value::from),
        Just(json!("db@azurekeyvault")),
        Just(json!("a${db@azurekeyvault}")),
    ];
    let field = prop_oneof![
        "(metadata|annotations|labels|spec|containers|initContainers|name|command|args|env|value|valueFrom|envFrom|volumeMounts|mountPath|volumes|resources|limits|cpu|x)",
        Just("spv.no/inject".to_owned()),
        Just("spv.no/files.app".to_owned()),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(field.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_pod_is_planned_without_a_panic_and_mutating_twice_is_mutating_once(
        containers in proptest::collection::vec(anything(), 0..3), inits in proptest::collection::vec(anything(), 0..2),
        metadata in anything(), value in "[a-z$@{}\\\\]{0,6}|db@azurekeyvault",
    ) {
        let mut containers = containers;
        containers.push(app(json!({"env": [{"name": "V", "value": value}]})));
        let pod = json!({"metadata": metadata, "spec": {"containers": containers, "initContainers": inits}});
        if let Ok(planned) = plan(&pod, &settings()) {
            let after = planned.apply(&pod, &Knowledge::default(), &settings());
            if planned.is_empty() {
                prop_assert_eq!(&after, &pod);
            } else {
                let again = plan(&after, &settings()).expect("what was admitted is admitted");
                prop_assert_eq!(again.apply(&after, &Knowledge::default(), &settings()), after);
            }
        }
    }

    #[test]
    fn any_json_at_all_is_planned_without_a_panic(pod in anything()) {
        if let Ok(planned) = plan(&pod, &settings()) {
            let _pod = planned.apply(&pod, &Knowledge::default(), &settings());
        }
    }
}
