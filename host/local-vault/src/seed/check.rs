//! What a seed may say: all its faults at once.

use super::{Certificate, Federated, Identity, Managed, Seed, SeedError, Vault};
use crate::fault::Fault;
use crate::identity::{Known, client_id};
use crate::name;
use std::collections::{BTreeMap, BTreeSet};

/// A chain of more issuers is not seen in the field.
const LONGEST_CHAIN: u8 = 4;
const OPERATIONS: [&str; 11] = [
    "*",
    "token",
    "identity",
    "secrets.get",
    "secrets.list",
    "secrets.set",
    "secrets.delete",
    "certificates.get",
    "certificates.list",
    "keys.get",
    "keys.list",
];

/// Looks at everything that the types of the seed leave open.
pub fn check(seed: &Seed) -> Result<(), SeedError> {
    let mut faults = Faults(Vec::new());
    let vaults: Vec<&str> = seed.vaults.iter().map(|v| v.name.as_str()).collect();
    identities(seed, &vaults, &mut faults);
    for (at, vault) in seed.vaults.iter().enumerate() {
        one_vault(&format!("vaults[{at}]"), vault, &mut faults);
    }
    faults.unique("vaults", "name", "vault", vaults.iter().map(|name| Some(*name)));
    for (at, fault) in seed.faults.iter().enumerate() {
        one_fault(&format!("faults[{at}]"), fault, &vaults, &mut faults);
    }
    if faults.0.is_empty() {
        return Ok(());
    }
    Err(SeedError::Invalid(faults.0.iter().map(|(path, text)| seed.origin.problem(path, text)).collect()))
}

/// Path and sentence of each fault.
struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.0.push((path.into(), problem.into()));
    }

    fn require(&mut self, good: bool, path: &str, problem: impl FnOnce() -> String) {
        if !good {
            self.add(path, problem());
        }
    }

    /// Every text only once in a list, case aside.
    fn unique<'a>(&mut self, list: &str, field: &str, what: &str, texts: impl Iterator<Item = Option<&'a str>>) {
        let mut seen = BTreeMap::new();
        for (at, text) in texts.enumerate() {
            let Some(text) = text else { continue };
            if let Some(first) = seen.insert(text.to_lowercase(), at) {
                let problem = format!("{text:?} is {what} {list}[{first}] already; give each another {field}");
                self.add(format!("{list}[{at}].{field}"), problem);
            }
        }
    }
}

fn identities(seed: &Seed, vaults: &[&str], faults: &mut Faults) {
    let all = || seed.identities.iter();
    for (at, identity) in all().enumerate() {
        one_identity(&format!("identities[{at}]"), identity, vaults, faults);
    }
    faults.unique("identities", "name", "identity", all().map(|i| Some(i.name.as_str())));
    let ids: Vec<String> = all().map(client_id).collect();
    faults.unique("identities", "clientId", "that of identity", ids.iter().map(|id| Some(id.as_str())));
    faults.unique("identities", "objectId", "that of identity", all().map(|i| i.object_id.as_deref()));
    faults.unique("identities", "resourceId", "that of identity", all().map(|i| i.resource_id.as_deref()));
    let mut system = all().enumerate().filter(|(_, i)| i.managed == Some(Managed::System)).skip(1);
    if let Some((at, _)) = system.next() {
        let problem = "a machine has one system-assigned identity: make this one `user`, or leave it out";
        faults.add(format!("identities[{at}].managed"), problem);
    }
}

fn one_identity(path: &str, identity: &Identity, vaults: &[&str], faults: &mut Faults) {
    faults.require(!identity.name.is_empty(), &format!("{path}.name"), || "it is empty; give it a name".to_owned());
    if let Err(why) = Known::of(identity) {
        faults.add(format!("{path}.certificates"), format!("{why}; give each certificate as PEM, without its key"));
    }
    for (at, federated) in identity.federated.iter().enumerate() {
        one_federated(&format!("{path}.federated[{at}]"), federated, faults);
    }
    for (at, role) in identity.roles.iter().enumerate() {
        let known = role.vault == "*" || vaults.contains(&role.vault.as_str());
        faults.require(known, &format!("{path}.roles[{at}].vault"), || unknown_vault(&role.vault, vaults));
    }
}

fn unknown_vault(name: &str, vaults: &[&str]) -> String {
    format!("there is no vault {name:?}; name one of {}, or * for all", vaults.join(", "))
}

fn one_federated(path: &str, federated: &Federated, faults: &mut Faults) {
    let sources =
        [federated.jwks.is_some(), federated.jwks_file.is_some(), federated.jwks_url.is_some()].map(usize::from);
    faults.require(sources.iter().sum::<usize>() == 1, path, || {
        "the issuer's keys come from one place: name one of jwks, jwksFile and jwksUrl".to_owned()
    });
    if let Some(keys) = &federated.jwks {
        let good = keys["keys"].as_array().is_some_and(|keys| !keys.is_empty());
        faults.require(good, &format!("{path}.jwks"), || {
            "it is no JSON Web Key Set: write {keys: [{kty: …, kid: …}]}".to_owned()
        });
    }
    if let Some(url) = &federated.jwks_url {
        faults.require(url.starts_with("https://"), &format!("{path}.jwksUrl"), || {
            format!("{url:?} does not begin with https://; keys are read over TLS only")
        });
    } else if federated.ca_file.is_some() || federated.token_file.is_some() {
        faults.add(path, "caFile and tokenFile are for jwksUrl; name that, or leave them out");
    }
}

fn one_vault(path: &str, vault: &Vault, faults: &mut Faults) {
    faults.require(name::is_vault(&vault.name), &format!("{path}.name"), || {
        format!("{:?} is no name of a vault: use {}", vault.name, name::VAULT)
    });
    let mut named = |list: &str, names: &mut dyn Iterator<Item = &str>| {
        for (at, text) in names.enumerate() {
            faults.require(name::is_object(text), &format!("{path}.{list}[{at}].name"), || {
                format!("{text:?} is no name of an object: use {}", name::OBJECT)
            });
        }
    };
    named("secrets", &mut vault.secrets.iter().map(|s| s.name.as_str()));
    named("certificates", &mut vault.certificates.iter().map(|c| c.name.as_str()));
    named("keys", &mut vault.keys.iter().map(|k| k.name.as_str()));
    secrets(path, vault, faults);
    let keys = || vault.keys.iter().map(|k| Some(k.name.as_str()));
    faults.unique(&format!("{path}.keys"), "name", "key", keys());
    let certificates = || vault.certificates.iter().map(|c| Some(c.name.as_str()));
    faults.unique(&format!("{path}.certificates"), "name", "certificate", certificates());
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    for (at, certificate) in vault.certificates.iter().enumerate() {
        let path = format!("{path}.certificates[{at}]");
        let taken = vault.secrets.iter().map(|s| &s.name).chain(vault.keys.iter().map(|k| &k.name));
        faults.require(!taken.into_iter().any(|n| same(n, &certificate.name)), &format!("{path}.name"), || {
            format!(
                "{:?} is a secret or key too; a certificate makes both of its name, so give it another",
                certificate.name
            )
        });
        one_certificate(&path, certificate, faults);
    }
}

fn secrets(path: &str, vault: &Vault, faults: &mut Faults) {
    let mut versions = BTreeSet::new();
    for (at, secret) in vault.secrets.iter().enumerate() {
        let path = |field: &str| format!("{path}.secrets[{at}].{field}");
        faults.require(secret.value.len() <= name::LARGEST_VALUE, &path("value"), || {
            format!("it has {} bytes; Key Vault takes {} at most", secret.value.len(), name::LARGEST_VALUE)
        });
        let long = secret.content_type.as_ref().is_some_and(|text| text.len() > 255);
        faults.require(!long, &path("contentType"), || "Key Vault takes 255 characters at most; shorten it".to_owned());
        let Some(version) = &secret.version else { continue };
        faults.require(name::is_version(version), &path("version"), || {
            format!("{version:?} is no version: use {}, or leave it out", name::VERSION)
        });
        faults.require(versions.insert((secret.name.to_lowercase(), version)), &path("version"), || {
            format!("{version:?} is a version of {} already; give it another", secret.name)
        });
    }
}

fn one_certificate(path: &str, certificate: &Certificate, faults: &mut Faults) {
    let Certificate { pem, pem_file, pfx, pfx_file, .. } = certificate;
    let is_pfx = pfx.is_some() || pfx_file.is_some();
    let given = [pem.is_some(), pem_file.is_some(), pfx.is_some(), pfx_file.is_some()].map(usize::from);
    let given = given.iter().sum::<usize>();
    faults.require(given <= 1, path, || {
        "a certificate is given once: name one of pem, pemFile, pfx and pfxFile".to_owned()
    });
    let described = certificate.subject.is_some() || !certificate.sans.is_empty() || certificate.chain > 0;
    faults.require(given == 0 || !described, path, || {
        "subject, sans and chain describe a certificate to make; leave them out of one that is given".to_owned()
    });
    faults.require(certificate.password.is_none() || is_pfx, &format!("{path}.password"), || {
        "it is the password of a pfx or pfxFile; name one, or leave it out".to_owned()
    });
    faults.require(certificate.chain <= LONGEST_CHAIN, &format!("{path}.chain"), || {
        format!("{} issuers are too many; use 0 to {LONGEST_CHAIN}", certificate.chain)
    });
}

fn one_fault(path: &str, fault: &Fault, vaults: &[&str], faults: &mut Faults) {
    faults.require(OPERATIONS.contains(&fault.operation.as_str()), &format!("{path}.operation"), || {
        format!("{:?} is no operation; use one of {}", fault.operation, OPERATIONS.join(", "))
    });
    if let Some(vault) = &fault.vault {
        faults.require(vaults.contains(&vault.as_str()), &format!("{path}.vault"), || unknown_vault(vault, vaults));
    }
    faults.require(fault.status.is_none_or(|s| (100..=599).contains(&s)), &format!("{path}.status"), || {
        "it is no status of HTTP; use 400 to 599".to_owned()
    });
    faults.require(fault.share.is_none_or(|s| (0.0..=1.0).contains(&s)), &format!("{path}.share"), || {
        "it is no part of one; use 0 to 1".to_owned()
    });
}
