//! `azure-keyvault-env` outside a cluster: its size, its memory, and what it uses before it becomes the application.

use crate::report::Report;
use crate::stages::{self, Start};
use local_vault::{LocalVault, Options, Seed};
use std::fmt::Write as _;
use std::path::PathBuf;
use tokio::process::Command;
use xtask::setup::static_program::{self, Arch, INJECTOR};

const RUNS: usize = 15;

/// The file that ships.
pub async fn program() -> PathBuf {
    let built = tokio::task::spawn_blocking(|| {
        static_program::build("akv-injector", "azure-keyvault-env", Arch::native(), INJECTOR)
    })
    .await;
    built.unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|failure| panic!("{failure}"))
}

/// With a real vault, over TLS, with a token that it gets itself.
pub async fn measure(report: &mut Report) {
    let program = program().await;
    let size = std::fs::metadata(&program).map_or(0, |m| m.len());
    report.add("size of azure-keyvault-env, static", size as f64 / 1048576.0, "MiB", Some(8.0));
    let mut seed = String::from(
        "identities:\n- name: app\n  secret: local-secret\n  roles: [{vault: shop-prod, allow: [secrets/get]}]\nvaults:\n- name: shop-prod\n  secrets:\n",
    );
    for n in 0..100 {
        let _infallible = writeln!(seed, "  - {{name: s{n}, value: value-{n}}}");
    }
    let vault = LocalVault::start(Seed::parse(&seed).unwrap_or_else(|e| panic!("{e}")), Options::default())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let file = vault.directory().join("resources.yaml");
    for count in [1, 10, 100] {
        let manifests: String = (0..count).map(resource).collect();
        std::fs::write(&file, manifests).unwrap_or_else(|e| panic!("{e}"));
        let mut starts = Vec::new();
        for _ in 0..RUNS {
            let mut command = Command::new(&program);
            command.arg("--resources").arg(&file).args(["--log-level=debug", "--"]).args(proves(count)).env_clear();
            command.envs(vault.environment("app")).env("AUTH_TYPE", "environment").envs(references(count));
            // Of all that the vault's environment names, this holds the machine's public authorities too.
            command.env("SSL_CERT_FILE", vault.directory().join("roots.crt"));
            let output = command.output().await.unwrap_or_else(|e| panic!("{e}"));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            starts.push(Start::parse(&output.stderr).unwrap_or_else(|| panic!("it says no times")));
        }
        let name = format!("azure-keyvault-env: CPU before execve, {count} references, --resources");
        report.add(&name, stages::cpu(&starts), "ms", Some(15.0));
        println!("  {}", stages::shares(&starts));
        let name = format!("azure-keyvault-env: peak RSS, {count} references, --resources");
        report.add(&name, stages::peak(&starts), "MiB", Some(16.0));
    }
}

fn resource(n: usize) -> String {
    format!(
        "---\napiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: r{n}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: s{n}, type: secret}}}}\n"
    )
}

/// The variables of a container with so many references.
pub fn references(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|n| (format!("V{n}"), format!("r{n}@azurekeyvault")))
}

/// An application that ends well only if it sees the first value and the last.
pub fn proves(count: usize) -> [String; 3] {
    let last = count - 1;
    let script = format!("test \"$V0\" = value-0 && test \"$V{last}\" = value-{last}");
    ["/bin/sh".to_owned(), "-c".to_owned(), script]
}
