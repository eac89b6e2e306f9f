//! What the conditions of resources say about the identity and the vaults.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::resource::Seen;
use crate::cli::doctor::verdict::{Verdict, first_of};
use crate::cli::print::counted;
use akv_api::reason;
use std::collections::BTreeMap;

const IDENTITY: &str = "identity";
const ACCESS: &str = "vaults";

/// Does the token service accept the identity, and do the vaults let it in?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    // The check of resources says why there are none to look at.
    let resources = facts.resources.as_deref().unwrap_or_default();
    let identity = by_vault(resources, &[reason::IDENTITY_FAILED, reason::VAULT_UNAUTHORIZED]);
    let forbidden = by_vault(resources, &[reason::VAULT_FORBIDDEN]);
    let absent = by_vault(resources, &[reason::VAULT_UNAVAILABLE, reason::VAULT_THROTTLED]);
    let mut verdicts: Vec<Verdict> = Vec::new();
    verdicts.extend(identity.iter().map(|(vault, found)| refused(vault, found)));
    verdicts.extend(forbidden.iter().map(|(vault, found)| denied(vault, found)));
    verdicts.extend(absent.iter().map(|(vault, found)| silent(vault, found)));
    // A resource that is ready was read by this identity.
    let served = resources.iter().filter(|seen| seen.ready.as_ref().is_some_and(|ready| ready.holds)).count();
    if verdicts.is_empty() && served > 0 {
        verdicts.push(Verdict::ok(ACCESS, format!("{} read from the vault", counted(served, "resource"))));
    }
    verdicts
}

/// The resources with one of these reasons, by vault.
fn by_vault<'a>(resources: &'a [Seen], reasons: &[&str]) -> BTreeMap<&'a str, Vec<&'a Seen>> {
    let mut found = BTreeMap::<&str, Vec<&Seen>>::new();
    for seen in resources {
        if seen.trouble().is_some_and(|ready| reasons.contains(&ready.reason.as_str())) {
            found.entry(seen.vault.as_str()).or_default().push(seen);
        }
    }
    found
}

/// `3 resources of vault shop-prod (a, b, c)`, and what the first one says.
fn said(vault: &str, found: &[&Seen]) -> (String, String) {
    let names: Vec<String> = found.iter().map(|seen| seen.name.clone()).collect();
    let first = found.first().and_then(|seen| seen.trouble()).map(|ready| ready.message.clone()).unwrap_or_default();
    (format!("{} of vault {vault} ({})", counted(names.len(), "resource"), first_of(&names)), first)
}

fn refused(vault: &str, found: &[&Seen]) -> Verdict {
    let (who, why) = said(vault, found);
    let cause = format!("no token for {who}: {why}");
    let fix = "check the identity in the values (client and tenant id, federated credential or client secret); an AADSTS number says which part of it is wrong";
    Verdict::failure(IDENTITY, cause, fix)
}

fn denied(vault: &str, found: &[&Seen]) -> Verdict {
    let (who, why) = said(vault, found);
    let cause = format!("{who} may not be read: {why}");
    let fix = "give the controller's identity get on secrets, certificates and keys of that vault; roles take some minutes to spread";
    Verdict::failure(ACCESS, cause, fix).run(format!(
        "az role assignment create --role 'Key Vault Secrets User' --assignee CLIENT_ID --scope $(az keyvault show -n {vault} --query id -o tsv)"
    ))
}

fn silent(vault: &str, found: &[&Seen]) -> Verdict {
    let (who, why) = said(vault, found);
    let cause = format!("{who} could not be read just now: {why}");
    let fix =
        "check the vault's name, its firewall or private endpoint, and DNS in the cluster; it is tried again by itself";
    Verdict::warning(ACCESS, cause, fix)
}
