//! The cloud provider's file (`azure.json`), of which a few keys matter here.
//!
//! Format: <https://cloud-provider-azure.sigs.k8s.io/install/configs/>. Keys that are not listed below are ignored.

use std::collections::BTreeMap;
use std::path::Path;

use crate::environment::read_file;
use crate::settings_error::SettingsError;

/// Upstream's cap.
const LARGEST: u64 = 10 << 20;
const WHAT: &str = "the cloud config file";

/// What the file says, empty texts counted as absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct CloudConfig {
    pub(crate) cloud: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) certificate_password: Option<String>,
    pub(crate) managed_identity: bool,
    pub(crate) user_assigned: Option<String>,
}

impl CloudConfig {
    /// Reads the file; JSON and YAML both count.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let bytes = read_file(WHAT, path, LARGEST)?;
        Self::parse(&bytes).map_err(|problem| SettingsError::Content { what: WHAT, path: path.to_owned(), problem })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let members: BTreeMap<String, serde_json::Value> = match serde_json::from_slice(bytes) {
            Ok(members) => members,
            // JSON is tried first, since YAML refuses its tabs. A parser's message may quote the file: only its place counts.
            Err(_) => serde_yaml_ng::from_slice(bytes).map_err(|fault| match fault.location() {
                Some(at) => format!(
                    "it is neither a JSON object nor a YAML mapping (line {}, column {})",
                    at.line(),
                    at.column()
                ),
                None => "it is neither a JSON object nor a YAML mapping".to_owned(),
            })?,
        };
        // Go's reader, for which these files were made, ignores the case of keys.
        let member =
            |key: &str| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        let text = |key: &str| match member(key) {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(serde_json::Value::String(text)) if text.is_empty() => Ok(None),
            Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` must be a text")),
        };
        let flag = |key: &str| match member(key) {
            None | Some(serde_json::Value::Null) => Ok(false),
            Some(serde_json::Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("`{key}` must be true or false")),
        };
        Ok(Self {
            cloud: text("cloud")?,
            tenant: text("tenantId")?,
            client: text("aadClientId")?,
            secret: text("aadClientSecret")?,
            certificate: text("aadClientCertPath")?,
            certificate_password: text("aadClientCertPassword")?,
            managed_identity: flag("useManagedIdentityExtension")?,
            user_assigned: text("userAssignedIdentityID")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: CloudConfig) {
        let read = CloudConfig::parse(content.as_bytes()).expect("a good file");
        assert!(read == expected, "{content}");
    }

    #[test]
    fn json_and_yaml_say_the_same_and_foreign_keys_are_ignored() {
        let expected = || CloudConfig {
            cloud: Some("AzurePublicCloud".to_owned()),
            tenant: Some("t".to_owned()),
            client: Some("c".to_owned()),
            secret: Some("s".to_owned()),
            ..CloudConfig::default()
        };
        check(
            "{\n\t\"cloud\": \"AzurePublicCloud\", \"tenantId\": \"t\", \"aadClientId\": \"c\", \"aadClientSecret\": \"s\",
              \"aadClientCertPath\": \"\", \"vmType\": \"vmss\", \"routeTableName\": null, \"maximumLoadBalancerRuleCount\": 250}",
            expected(),
        );
        check("cloud: AzurePublicCloud\ntenantID: t\naadClientId: c\naadClientSecret: s\nsubnets: [a]\n", expected());
    }

    #[test]
    fn an_aks_node_uses_its_managed_identity() {
        check(
            r#"{"aadClientId":"msi","aadClientSecret":"msi","useManagedIdentityExtension":true,"userAssignedIdentityID":"u"}"#,
            CloudConfig {
                client: Some("msi".to_owned()),
                secret: Some("msi".to_owned()),
                managed_identity: true,
                user_assigned: Some("u".to_owned()),
                ..CloudConfig::default()
            },
        );
    }

    #[test]
    fn a_bad_file_is_refused_without_quoting_it() {
        for (content, expected) in [
            ("- aadClientSecret: canary\n", "neither a JSON object nor a YAML mapping"),
            ("aadClientSecret: [canary\n", "neither a JSON object nor a YAML mapping"),
            ("canary", "neither a JSON object nor a YAML mapping"),
            ("aadClientSecret: {canary: 1}", "`aadClientSecret` must be a text"),
            ("useManagedIdentityExtension: \"canary\"", "`useManagedIdentityExtension` must be true or false"),
        ] {
            let Err(refusal) = CloudConfig::parse(content.as_bytes()) else {
                panic!("accepted: {content}");
            };
            assert!(refusal.contains(expected) && !refusal.contains("canary"), "{content}: {refusal}");
        }
    }

    #[test]
    fn a_file_above_the_cap_or_without_a_place_is_named() {
        let file = std::env::temp_dir().join(format!("akv-vault-cloud-{}.json", std::process::id()));
        std::fs::write(&file, vec![b' '; (LARGEST + 1) as usize]).expect("a file");
        let Err(large) = CloudConfig::read(&file) else { panic!("accepted") };
        std::fs::remove_file(&file).expect("removed");
        assert!(large.to_string().contains("larger than 10485760 bytes"), "{large}");
        let Err(gone) = CloudConfig::read(&file) else { panic!("accepted") };
        assert!(gone.to_string().contains(file.to_str().expect("a path")), "{gone}");
    }
}
