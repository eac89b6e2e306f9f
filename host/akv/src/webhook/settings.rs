//! From flags to what the parts of the webhook want.

use super::args::{PodLogLevel, WebhookArgs};
use super::error::WebhookError;
use akv_core::inject::{Service, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What every admission uses. `root` is the DER of the root that pods trust.
pub fn injection(args: &WebhookArgs, root: Vec<u8>) -> Result<Settings, WebhookError> {
    let url = format!("https://{}.{}.svc:{}", args.service_name, args.pod_namespace, args.mtls_port_external);
    let service = args.use_auth_service.then_some(Service { url, root });
    let flag = |flag: &'static str, why: &str| WebhookError::Flag(flag, why.to_owned());
    if !args.exec_dir.starts_with('/') || args.exec_dir.len() < 2 || args.exec_dir.contains("..") {
        return Err(flag("--exec-dir", "it must be an absolute path"));
    }
    if !["Always", "IfNotPresent", "Never"].contains(&args.pull_policy.as_str()) {
        return Err(flag("--pull-policy", "use Always, IfNotPresent or Never"));
    }
    for (name, quantity) in [
        ("--requests-cpu", &args.requests_cpu),
        ("--requests-memory", &args.requests_memory),
        ("--limits-memory", &args.limits_memory),
    ] {
        if !is_quantity(quantity) {
            return Err(flag(name, "it is no quantity such as 5m or 32Mi"));
        }
    }
    Ok(Settings {
        pull_policy: args.pull_policy.clone(),
        directory: format!("{}/", args.exec_dir.trim_end_matches('/')),
        resources: json!({
            "requests": {"cpu": args.requests_cpu, "memory": args.requests_memory},
            "limits": {"memory": args.limits_memory},
        }),
        security: security(args),
        debug: args.pod_log_level == PodLogLevel::Debug,
        ..Settings::new(&args.env_image, service)
    })
}

fn security(args: &WebhookArgs) -> Value {
    let mut security = json!({
        "allowPrivilegeEscalation": args.allow_privilege_escalation || args.privileged,
        "readOnlyRootFilesystem": args.read_only,
        "runAsNonRoot": args.non_root,
        "capabilities": {"drop": ["ALL"]},
    });
    if args.privileged {
        security["privileged"] = json!(true);
    }
    if args.seccomp {
        security["seccompProfile"] = json!({"type": "RuntimeDefault"});
    }
    if let Some(uid) = args.user_uid {
        security["runAsUser"] = json!(uid);
    }
    if let Some(gid) = args.group_gid {
        security["runAsGroup"] = json!(gid);
    }
    security
}

/// A number and a suffix of Kubernetes, as `5m` or `32Mi`.
fn is_quantity(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[number.len()..];
    let known = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    number.parse::<f64>().is_ok_and(|n| n >= 0.0) && known.contains(&suffix)
}

/// The label of namespaces with injection, as name and value.
pub fn label(args: &WebhookArgs) -> Result<(String, String), WebhookError> {
    match args.namespace_label.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(WebhookError::Flag("--namespace-label", "it is not NAME=VALUE".to_owned())),
    }
}

/// The variables of the proxy that pods use, as [`ResourcesAnswer::proxy`](akv_wire::message::ResourcesAnswer) has them.
pub fn pod_proxy(args: &WebhookArgs) -> Result<BTreeMap<String, String>, WebhookError> {
    let mut proxy = BTreeMap::new();
    let Some(url) = &args.pod_https_proxy else {
        return Ok(proxy);
    };
    // The URL may hold a password, so it is not repeated.
    let uri = url.parse::<http::Uri>().ok();
    let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
    let host = uri.as_ref().and_then(http::Uri::host).is_some_and(|host| !host.is_empty());
    if !matches!(scheme, Some("http" | "https")) || !host {
        return Err(WebhookError::Flag(
            "--pod-https-proxy",
            "it is no URL such as http://proxy.example:3128".to_owned(),
        ));
    }
    proxy.insert("HTTPS_PROXY".to_owned(), url.clone());
    if let Some(hosts) = &args.pod_no_proxy {
        proxy.insert("NO_PROXY".to_owned(), hosts.clone());
    }
    Ok(proxy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: WebhookArgs,
    }

    fn check(flags: &[&str], expected: Result<(&str, Value), &str>) {
        let Program { args } = Program::parse_from(["test", "--pod-namespace=akv2k8s"].iter().chain(flags));
        match (injection(&args, vec![1]), expected) {
            (Ok(settings), Ok((pointer, value))) => {
                let all = json!({"security": settings.security, "resources": settings.resources, "directory": settings.directory, "url": settings.service.map(|s| s.url), "debug": settings.debug});
                assert_eq!(all.pointer(pointer), Some(&value), "{flags:?}");
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, _) => panic!("{flags:?}: {found:?}"),
        }
    }

    #[test]
    fn every_setting_of_injected_pods_is_the_flags() {
        check(&[], Ok(("/url", json!("https://akv2k8s-envinjector.akv2k8s.svc:9443"))));
        check(&["--use-auth-service=false"], Ok(("/url", Value::Null)));
        check(&[], Ok(("/debug", json!(false))));
        check(&["--pod-log-level=debug"], Ok(("/debug", json!(true))));
        // The last one counts, as the chart's extraArgs promise.
        check(&["--exec-dir=/y", "--exec-dir=/x"], Ok(("/directory", json!("/x/"))));
        check(&["--requests-cpu=10m"], Ok(("/resources/requests/cpu", json!("10m"))));
        check(&["--requests-memory=64Mi"], Ok(("/resources/requests/memory", json!("64Mi"))));
        check(&["--limits-memory=64Mi"], Ok(("/resources/limits/memory", json!("64Mi"))));
        check(&["--read-only=false"], Ok(("/security/readOnlyRootFilesystem", json!(false))));
        check(&["--non-root=false"], Ok(("/security/runAsNonRoot", json!(false))));
        check(&["--privileged=true"], Ok(("/security/privileged", json!(true))));
        check(&["--allow-privilege-escalation=true"], Ok(("/security/allowPrivilegeEscalation", json!(true))));
        check(&["--user-uid=1000"], Ok(("/security/runAsUser", json!(1000))));
        check(&["--group-gid=1000"], Ok(("/security/runAsGroup", json!(1000))));
        check(&[], Ok(("/security/seccompProfile/type", json!("RuntimeDefault"))));
    }

    #[test]
    fn a_bad_flag_is_named() {
        check(&["--exec-dir=x"], Err("--exec-dir: it must be an absolute path"));
        check(&["--pull-policy=Sometimes"], Err("--pull-policy: "));
        check(&["--limits-memory=much"], Err("--limits-memory: it is no quantity"));
    }

    /// The proxy of these flags, or the error.
    fn check_proxy(args: &[&str], expected: Result<&[(&str, &str)], &str>) {
        let Program { args } = Program::parse_from(["test"].iter().chain(args));
        let found = pod_proxy(&args).map_err(|error| error.to_string());
        match expected {
            Ok(expected) => {
                let expected = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
                assert_eq!(found, Ok(expected));
            }
            Err(expected) => {
                let said = found.expect_err("it is refused");
                assert!(said.contains(expected) && !said.contains("canary"), "{said}");
            }
        }
    }

    #[test]
    fn pods_get_the_proxy_of_the_flags() {
        check_proxy(&[], Ok(&[]));
        let (url, hosts) = ("http://u:p@proxy.example:3128", ".svc,10.0.0.0/8");
        check_proxy(&["--pod-https-proxy", url], Ok(&[("HTTPS_PROXY", url)]));
        check_proxy(
            &["--pod-https-proxy", url, "--pod-no-proxy", hosts],
            Ok(&[("HTTPS_PROXY", url), ("NO_PROXY", hosts)]),
        );
        for bad in ["proxy:3128", "socks5://u:canary@proxy", "http://"] {
            check_proxy(&["--pod-https-proxy", bad], Err("--pod-https-proxy: it is no URL"));
        }
    }
}
