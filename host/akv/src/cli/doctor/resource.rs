//! What a resource of ours says of itself, read without its type: one that was stored under an older schema counts too.

use serde_json::Value;

/// A condition `Ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Whether it holds.
    pub holds: bool,
    /// The reason, one of [`akv_api::reason`].
    pub reason: String,
    /// The sentence.
    pub message: String,
}

/// An AzureKeyVaultSecret or AzureKeyVaultPlugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `NAMESPACE/NAME`, or `NAME` where there is no namespace.
    pub name: String,
    /// The vault that it names.
    pub vault: String,
    /// The plugins and transforms that it names.
    pub plugins: Vec<String>,
    /// The Secret that it writes, as `NAMESPACE/NAME`.
    pub secret: Option<String>,
    /// What the controller says; `None` before it has looked.
    pub ready: Option<Ready>,
}

impl Seen {
    /// Reads one.
    pub fn of(object: &Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let list = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let names = list("/spec/output/transform").filter_map(Value::as_str);
        let steps = list("/spec/output/pipeline").filter_map(|step| step["plugin"].as_str());
        let plugin = object.pointer("/spec/output/plugin/name").and_then(Value::as_str);
        let secret = object.pointer("/spec/output/secret/name").and_then(Value::as_str);
        Self {
            name: if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") },
            vault: text("/spec/vault/name").to_owned(),
            plugins: names.chain(steps).chain(plugin).map(str::to_owned).collect(),
            secret: secret.map(|secret| format!("{namespace}/{secret}")),
            ready: list("/status/conditions").find(|condition| condition["type"] == "Ready").map(Ready::of),
        }
    }

    /// The reason, where it is not ready.
    pub fn trouble(&self) -> Option<&Ready> {
        self.ready.as_ref().filter(|ready| !ready.holds)
    }
}

impl Ready {
    fn of(condition: &Value) -> Self {
        let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        Self { holds: condition["status"] == "True", reason: text("reason"), message: text("message") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resource_of_any_shape_is_read() {
        let seen = Seen::of(&json!({
            "metadata": {"namespace": "shop", "name": "db"},
            "spec": {"vault": {"name": "shop-prod"}, "output": {
                "transform": ["trim"], "pipeline": [{"plugin": "json-field"}], "plugin": {"name": "java-keystore"},
                "secret": {"name": "akv2k8s-db"},
            }},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "X", "message": "why"}]},
        }));
        assert_eq!((seen.name.as_str(), seen.vault.as_str()), ("shop/db", "shop-prod"));
        assert_eq!(seen.secret.as_deref(), Some("shop/akv2k8s-db"));
        assert_eq!(seen.plugins, ["trim", "json-field", "java-keystore"]);
        assert_eq!(seen.trouble().map(|ready| ready.reason.as_str()), Some("X"));
        assert_eq!(Seen::of(&json!({"spec": 1})).trouble(), None);
    }
}
