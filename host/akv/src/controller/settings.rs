//! From flags and environment to what the parts of the controller want.

use super::args::ControllerArgs;
use super::error::ControllerError;
use akv_core::policy::Policy;
use akv_vault::{Settings, VaultClient};

/// A client of the vaults. No request is made yet.
pub fn vault(args: &ControllerArgs) -> Result<VaultClient, ControllerError> {
    // What is no text is no setting of ours.
    let text = |(k, v): (std::ffi::OsString, std::ffi::OsString)| Some((k.into_string().ok()?, v.into_string().ok()?));
    let environment = std::env::vars_os().filter_map(text).collect();
    let settings =
        Settings { cloud_config: args.cloudconfig.clone(), ..Settings::new("controller", args.auth_type, environment) };
    VaultClient::new(settings).map_err(ControllerError::Vault)
}

/// The `vaultAccess` policy.
pub fn policy(args: &ControllerArgs) -> Result<Policy, ControllerError> {
    let Some(path) = &args.vault_access_policy else {
        return Ok(Policy::default());
    };
    let refuse = |why: String| ControllerError::Policy(path.clone(), why);
    let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
    crate::policy_file::parse(&text).map_err(refuse)
}

/// `OBJECT_LABELS` takes equality only, as the original does; a set-based selector is refused.
pub fn labels(args: &ControllerArgs) -> Result<Option<String>, ControllerError> {
    let text = args.object_labels.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let legal = |s: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        (!key.trim().is_empty() && legal(key.trim()) && legal(value.trim()))
            .then(|| format!("{}={}", key.trim(), value.trim()))
    };
    let pairs: Option<Vec<String>> = text.split(',').map(pair).collect();
    pairs.map(|p| Some(p.join(","))).ok_or_else(|| ControllerError::Labels(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ControllerArgs,
    }

    fn check(text: &str, expected: Option<Option<&str>>) {
        let Program { args } = Program::parse_from(["test", "--object-labels", text]);
        assert_eq!(labels(&args).ok(), expected.map(|e| e.map(str::to_owned)), "{text:?}");
    }

    #[test]
    fn object_labels_are_equalities() {
        check("", Some(None));
        check("team=a, env = prod", Some(Some("team=a,env=prod")));
        check("team", None);
        check("team!=a", None);
        check("team in (a)", None);
        check("team==a", None);
    }
}
