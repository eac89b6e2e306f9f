//! Where vaults and the token service live, by cloud.

use std::path::Path;

use crate::environment::{Variables, read_file};
use crate::settings_error::SettingsError;

const STACK_FILE: &str = "AZURE_ENVIRONMENT_FILEPATH";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
/// A go-autorest environment file has some 3 KiB.
const LARGEST_STACK_FILE: u64 = 1 << 20;

/// One Azure cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cloud {
    /// What follows `<vault>.` in a vault's host, lower-case, perhaps with a port.
    pub(crate) vault_suffix: String,
    /// The token service, `https://host[:port]`, without a path.
    pub(crate) authority: String,
}

impl Cloud {
    /// The cloud of that name. Names are those of go-autorest, in any case; none means the public cloud.
    ///
    /// `AzureStackCloud` reads the file that `AZURE_ENVIRONMENT_FILEPATH` names; `AZURE_AUTHORITY_HOST` replaces the token
    /// service of any cloud, as the workload identity webhook sets it.
    pub(crate) fn named(name: Option<&str>, variables: Variables<'_>) -> Result<Self, SettingsError> {
        let known = |suffix: &str, authority: &str| Self {
            vault_suffix: suffix.to_owned(),
            authority: format!("https://{authority}"),
        };
        let name = name.unwrap_or("AzurePublicCloud");
        let mut cloud = match name.to_ascii_lowercase().as_str() {
            "azurepubliccloud" | "azurecloud" => known("vault.azure.net", "login.microsoftonline.com"),
            "azureusgovernmentcloud" | "azureusgovernment" => {
                known("vault.usgovcloudapi.net", "login.microsoftonline.us")
            }
            "azurechinacloud" => known("vault.azure.cn", "login.chinacloudapi.cn"),
            "azurestackcloud" => Self::from_file(variables)?,
            "azuregermancloud" => {
                return Err(SettingsError::Refused(
                    "the cloud AzureGermanCloud was closed on 2021-10-29: name the cloud that holds the vault now",
                ));
            }
            _ => {
                return Err(SettingsError::Variable {
                    variable: "AZURE_ENVIRONMENT (or `cloud` of the cloud config file)",
                    text: name.chars().take(80).collect(),
                    problem: "no cloud has that name: use AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud \
                              or AzureStackCloud"
                        .to_owned(),
                });
            }
        };
        if let Some(host) = variables.get(AUTHORITY) {
            cloud.authority = authority(host).map_err(|problem| variable(AUTHORITY, host, problem))?;
        }
        Ok(cloud)
    }

    fn from_file(variables: Variables<'_>) -> Result<Self, SettingsError> {
        let path = variables.path(STACK_FILE).ok_or(SettingsError::Missing {
            variable: STACK_FILE,
            needed: "the cloud AzureStackCloud is described by the JSON file that it names",
        })?;
        let what = "the environment file of AZURE_ENVIRONMENT_FILEPATH";
        let bytes = read_file(what, path, LARGEST_STACK_FILE)?;
        let wrong = |problem| SettingsError::Content { what, path: Path::to_owned(path), problem };
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).map_err(|fault| {
            wrong(format!("it is no JSON object (line {}, column {})", fault.line(), fault.column()))
        })?;
        // Go's reader, for which these files were made, ignores the case of keys.
        let text = |key: &str| {
            members
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .and_then(|(_, value)| value.as_str())
                .filter(|text| !text.is_empty())
                .ok_or_else(|| wrong(format!("`{key}` is missing or no text")))
        };
        let suffix = text("keyVaultDNSSuffix")?;
        let endpoint = text("activeDirectoryEndpoint")?;
        Ok(Self {
            vault_suffix: vault_suffix(suffix)
                .map_err(|problem| wrong(format!("`keyVaultDNSSuffix` is {suffix:?}: {problem}")))?,
            authority: authority(endpoint)
                .map_err(|problem| wrong(format!("`activeDirectoryEndpoint` is {endpoint:?}: {problem}")))?,
        })
    }
}

fn variable(variable: &'static str, text: &str, problem: &'static str) -> SettingsError {
    SettingsError::Variable { variable, text: text.chars().take(200).collect(), problem: problem.to_owned() }
}

/// A DNS name of two labels or more, perhaps with a port: anything else in a URL would move it to another host.
fn vault_suffix(text: &str) -> Result<String, &'static str> {
    const RULE: &str =
        "it must be a DNS name of at least two labels, with a port if need be, like vault.example.org:8443";
    let text = text.trim_start_matches('.').to_ascii_lowercase();
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text.as_str(), None),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let good = host.contains('.')
        && host.split('.').all(label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if good { Ok(text) } else { Err(RULE) }
}

/// `https://host[:port]`; a final slash is dropped. A path is refused, since the SDK would drop it silently.
fn authority(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "it must be https://host or https://host:port, without a path (AD FS is not supported)";
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = azure_core::http::Url::parse(&full).map_err(|_| RULE)?;
    let good = url.scheme() == "https"
        && url.has_host()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if good { Ok(full.trim_end_matches('/').to_owned()) } else { Err(RULE) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn named(name: Option<&str>, variables: &[(&str, &str)]) -> Result<Cloud, SettingsError> {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Cloud::named(name, Variables(&variables))
    }

    fn check(name: Option<&str>, suffix: &str, authority: &str) {
        let cloud = named(name, &[]).expect("a known cloud");
        assert_eq!((cloud.vault_suffix.as_str(), cloud.authority.as_str()), (suffix, authority), "{name:?}");
    }

    #[test]
    fn every_spelling_of_upstream_finds_its_cloud() {
        for name in [None, Some("AzurePublicCloud"), Some("AZURECLOUD")] {
            check(name, "vault.azure.net", "https://login.microsoftonline.com");
        }
        for name in ["AzureUSGovernmentCloud", "azureusgovernment"] {
            check(Some(name), "vault.usgovcloudapi.net", "https://login.microsoftonline.us");
        }
        check(Some("azureChinacloud"), "vault.azure.cn", "https://login.chinacloudapi.cn");
    }

    #[test]
    fn a_cloud_that_is_closed_or_unknown_is_refused_by_name() {
        for (name, part) in [("AzureGermanCloud", "closed on 2021-10-29"), ("moon", "\"moon\"")] {
            let refusal = named(Some(name), &[]).expect_err(name).to_string();
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    #[test]
    fn the_authority_host_replaces_the_clouds() {
        let cloud = named(Some("AzureChinaCloud"), &[(AUTHORITY, "https://login.localhost:8443/")]).expect("good");
        assert_eq!(cloud.authority, "https://login.localhost:8443");
        for bad in ["http://login.example.org", "https://adfs.example.org/adfs", "https://a@b.example", "https://"] {
            let refusal = named(None, &[(AUTHORITY, bad)]).expect_err(bad).to_string();
            assert!(refusal.starts_with(AUTHORITY) && refusal.contains(bad), "{refusal}");
        }
    }

    #[test]
    fn a_stack_file_gives_both_and_a_bad_one_is_named() {
        let file = std::env::temp_dir().join(format!("akv-vault-stack-{}.json", std::process::id()));
        let path = file.to_str().expect("a path");
        let cases = [
            (
                r#"{"keyVaultDNSSuffix":"Vault.localhost:8443","ActiveDirectoryEndpoint":"https://login.localhost:8443/","x":[]}"#,
                "vault.localhost:8443",
            ),
            (r#"{"activeDirectoryEndpoint":"https://l.example"}"#, "`keyVaultDNSSuffix` is missing"),
            (
                r#"{"keyVaultDNSSuffix":"evil.example/","activeDirectoryEndpoint":"https://l.example"}"#,
                "DNS name of at least two labels",
            ),
            (
                r#"{"keyVaultDNSSuffix":"localhost","activeDirectoryEndpoint":"https://l.example"}"#,
                "DNS name of at least two labels",
            ),
            (
                r#"{"keyVaultDNSSuffix":"a.b","activeDirectoryEndpoint":"https://l.example/adfs"}"#,
                "`activeDirectoryEndpoint` is",
            ),
            ("[1", "no JSON object"),
        ];
        for (content, expected) in cases {
            std::fs::write(&file, content).expect("a file");
            let said = match named(Some("AzureStackCloud"), &[(STACK_FILE, path)]) {
                Ok(cloud) => cloud.vault_suffix,
                Err(refusal) => {
                    assert!(refusal.to_string().contains(path), "{refusal}");
                    refusal.to_string()
                }
            };
            assert!(said.contains(expected), "{content}: {said}");
        }
        std::fs::remove_file(&file).expect("removed");
        let missing = named(Some("AzureStackCloud"), &[]).expect_err("no variable").to_string();
        assert!(missing.contains(STACK_FILE), "{missing}");
        let gone = named(Some("AzureStackCloud"), &[(STACK_FILE, path)]).expect_err("no file").to_string();
        assert!(gone.contains(path), "{gone}");
    }
}
