//! A local vault with what the tests read, and resources that name it.

use crate::container::{CANARY, Container, Folder};
use local_vault::{LocalVault, Options, Seed};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A vault, and a directory for resources.
pub struct World {
    pub vault: LocalVault,
    pub folder: Folder,
}

impl World {
    /// With secrets by name.
    pub async fn with(name: &str, secrets: &[(&str, &str)]) -> Self {
        let secrets: Vec<_> = secrets.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        Self::seeded(name, json!({"name": "shop", "secrets": secrets})).await
    }

    /// With a vault of this description.
    pub async fn seeded(name: &str, vault: Value) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let allow = ["secrets/get", "certificates/get", "keys/get"];
        let all = json!({"name": "app", "secret": "local-secret", "roles": [{"vault": "shop", "allow": allow}]});
        let other = json!({"name": "stranger", "secret": "local-secret"});
        let seed = json!({"identities": [all, other], "vaults": [vault]}).to_string();
        let vault = LocalVault::start(Seed::parse(&seed).expect("a seed"), Options::default()).await;
        Self { vault: vault.expect("a vault"), folder: Folder::new(name) }
    }

    /// The usual: one secret, one resource `db`.
    pub async fn usual(name: &str) -> Self {
        let world = Self::with(name, &[("db", CANARY)]).await;
        world.resource("db", json!({"name": "db", "type": "secret"}));
        world
    }

    /// Writes the file with one resource of one object.
    pub fn resource(&self, name: &str, object: Value) -> PathBuf {
        self.resources(&[(name, json!({"vault": {"name": "shop", "object": object}}))])
    }

    /// Writes the file with resources by name.
    pub fn resources(&self, specs: &[(&str, Value)]) -> PathBuf {
        let document = |(name, spec): &(&str, Value)| {
            json!({"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": name}, "spec": spec})
                .to_string()
        };
        self.folder.write("resources.yaml", specs.iter().map(document).collect::<Vec<_>>().join("\n---\n"))
    }

    /// A container that reads this vault by the file.
    pub fn container(&self, command: &[&str]) -> Container {
        self.container_of("app", command)
    }

    /// The same as another identity.
    pub fn container_of(&self, identity: &str, command: &[&str]) -> Container {
        Container::given(&self.folder.path().join("resources.yaml"), command)
            .variables(self.vault.environment(identity))
    }

    /// Reads of objects that were answered or refused with a token, all together.
    pub fn reads(&self) -> u64 {
        self.vault.counters().iter().filter(|(label, _)| label.contains(".get")).map(|(_, count)| count).sum()
    }
}
