//! `cargo xtask image`: the product's images as files that every container tool reads.

use super::product::{self, Product};
use crate::failure::During;
use crate::setup::static_program::Arch;
use crate::setup::wasm_target;
use crate::{Outcome, layout};
use std::fs::File;
use std::path::PathBuf;

/// What to build.
#[derive(Debug, Clone, clap::Args)]
pub struct ImageArgs {
    /// For which processors
    #[arg(long, value_enum, value_name = "ARCH", default_values_t = [Arch::native()])]
    arch: Vec<Arch>,
    /// The Cargo profile of akv2k8s; azure-keyvault-env always has its own
    #[arg(long, default_value = "release", value_name = "PROFILE")]
    profile: String,
    /// Where the archives go [default: target/images]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The tag of the images [default: the version that the chart asks for]
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
}

impl ImageArgs {
    /// Builds the programs, writes the archives, and prints a line for each: name, processor, digest, size, file.
    pub fn run(&self) -> Outcome<()> {
        wasm_target::ensure()?;
        let out = self.out.clone().unwrap_or_else(|| layout::target().join("images"));
        std::fs::create_dir_all(&out).during(out.display())?;
        let tag = self.tag.clone().map_or_else(product::version, Ok)?;
        for arch in &self.arch {
            for product in Product::ALL {
                let image = product.image(*arch, &self.profile)?;
                let name = format!("{}:{tag}", product.repository());
                let file = out.join(format!("{}-{tag}-{}.tar", product.program(), arch.as_str()));
                let written = image.write(&name, File::create(&file).during(file.display())?)?;
                let mib = written.size as f64 / f64::from(1 << 20);
                println!("{name}  {}  {}  {mib:.1} MiB  {}", arch.as_str(), written.digest, file.display());
            }
        }
        Ok(())
    }
}
