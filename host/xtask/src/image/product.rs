//! The images of the product, as the charts name them.

use super::{Image, roots, sbom};
use crate::failure::During;
use crate::process;
use crate::setup::static_program::{self, Arch, INJECTOR};
use crate::{Failure, Outcome, layout};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

/// Nobody, with a number that no user of a node has.
const USER: &str = "65532:65532";

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Controller, webhook, command line.
    Akv2k8s,
    /// The executable that starts applications in pods.
    AzureKeyvaultEnv,
}

impl Product {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Akv2k8s, Self::AzureKeyvaultEnv];

    /// Its program, which lies at the root of the image.
    pub fn program(self) -> &'static str {
        match self {
            Self::Akv2k8s => "akv2k8s",
            Self::AzureKeyvaultEnv => "azure-keyvault-env",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Akv2k8s => "akv",
            Self::AzureKeyvaultEnv => "akv-injector",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Akv2k8s => "Azure Key Vault objects in Kubernetes: controller, webhook and command line",
            Self::AzureKeyvaultEnv => "Starts an application with values of Azure Key Vault in its environment",
        }
    }

    /// The repository that the chart's values name.
    pub fn repository(self) -> String {
        format!("akv2k8s/{}", self.program())
    }

    /// Builds its program, if anything in it has changed, and puts it into an image. `profile` is that of `akv2k8s`; what runs
    /// in other people's images has its own.
    pub fn image(self, arch: Arch, profile: &str) -> Outcome<Image> {
        let profile = if self == Self::AzureKeyvaultEnv { INJECTOR } else { profile };
        let (program, version) = (self.program(), version()?);
        let built = static_program::build(self.package(), program, arch, profile)?;
        let image = Image::for_arch(arch).program(&format!("/{program}"), &built)?;
        let bill = sbom::of(self.package(), program, &version, arch.target())?;
        self.furnish(image.file(sbom::PATH, bill, 0o644), &version)
    }

    /// The same with a program that exists already and is linked with this machine's libraries, which come along: for tests,
    /// which then need no build for another target.
    pub fn image_of(self, program: &Path) -> Outcome<Image> {
        let mut image = Image::scratch().program(&format!("/{}", self.program()), program)?;
        let said = process::read(Command::new("ldd").arg(program))?;
        // `libm.so.6 => /lib/libm.so.6 (0x7f…)`, and the loader by its path alone; the kernel's own library is no file.
        for library in said.split_whitespace().filter(|word| word.starts_with('/')) {
            image = image.program(library, Path::new(library))?;
        }
        let version = version()?;
        // Of the machine's C library, with which some crates bring others.
        let target = Arch::native().target().replace("musl", "gnu");
        let bill = sbom::of(self.package(), self.program(), &version, &target)?;
        self.furnish(image.file(sbom::PATH, bill, 0o644), &version)
    }

    /// Everything but what depends on a build.
    fn furnish(self, image: Image, version: &str) -> Outcome<Image> {
        let licence = layout::root().join("LICENSE");
        let licence = std::fs::read(&licence).during(licence.display())?;
        let image = image
            .file("/LICENSE", licence, 0o644)
            .file(roots::PATH, roots::pem(), 0o644)
            .user(USER)
            .entrypoint([format!("/{}", self.program())])
            .label("org.opencontainers.image.title", self.program())
            .label("org.opencontainers.image.description", self.description())
            .label("org.opencontainers.image.version", version)
            .label("org.opencontainers.image.licenses", "Apache-2.0");
        Ok(match revision() {
            Some(commit) => image.label("org.opencontainers.image.revision", &commit),
            None => image,
        })
    }
}

/// The tag that the chart's images have by default.
pub fn version() -> Outcome<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Chart {
        app_version: String,
    }
    let path = layout::root().join("charts/akv2k8s/Chart.yaml");
    let text = std::fs::read_to_string(&path).during(path.display())?;
    let chart: Chart = serde_yaml_ng::from_str(&text).during(path.display())?;
    if chart.app_version == env!("CARGO_PKG_VERSION") {
        Ok(chart.app_version)
    } else {
        Err(Failure::new(format!(
            "{}: appVersion is {}, and the programs are {}",
            path.display(),
            chart.app_version,
            env!("CARGO_PKG_VERSION")
        )))
    }
}

/// The commit, where the checkout is one of git.
fn revision() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD"]).current_dir(layout::root());
    process::read(&mut git).ok().map(|said| said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    fn furnished(product: Product) -> Image {
        let program = Image::scratch().file(product.program(), "program", 0o755);
        product.furnish(program.file(sbom::PATH, "{}", 0o644), "0.1.0").expect("the checkout has a licence")
    }

    #[test]
    fn an_image_says_what_it_is() {
        for product in Product::ALL {
            let config = furnished(product).config;
            assert_eq!(config["Entrypoint"][0], format!("/{}", product.program()));
            let labels = config["Labels"].as_object().expect("labels");
            for label in ["title", "description", "version", "licenses"] {
                let value = labels[&format!("org.opencontainers.image.{label}")].as_str().unwrap_or_default();
                assert!(!value.is_empty(), "{label}");
            }
        }
        assert_eq!(version().expect("the chart has one"), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn nobody_in_an_image_can_write_and_nothing_but_the_program_runs() {
        for product in Product::ALL {
            let image = furnished(product);
            assert_eq!(image.config["User"], "65532:65532");
            let executable = |entry: &Entry| matches!(entry, Entry::File { mode, .. } if mode & 0o111 != 0);
            let programs: Vec<_> = image.entries.iter().filter(|(_, entry)| executable(entry)).collect();
            assert_eq!(programs.len(), 1, "{programs:?}");
            assert_eq!(programs[0].0, product.program());
            for (path, entry) in &image.entries {
                let (Entry::Dir { mode } | Entry::File { mode, .. }) = entry;
                // All are of user 0.
                assert_eq!(mode & 0o022, 0, "{path} can be written");
            }
        }
    }

    #[test]
    fn the_names_are_those_of_the_charts_values() {
        let values = std::fs::read_to_string(layout::root().join("charts/akv2k8s/values.yaml")).expect("the values");
        for product in Product::ALL {
            assert!(values.contains(&format!("repository: {}\n", product.repository())));
        }
    }
}
