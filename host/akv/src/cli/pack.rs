//! `akv2k8s plugin pack`: a core module, as a compiler leaves it, becomes a component.

use super::exit::{Exit, Stop, after_help};
use super::print;
use std::path::PathBuf;
use wit_component::ComponentEncoder;

/// Make a component of a core module that wit-bindgen was linked into
///
/// Does what `wasm-tools component new` does, and refuses what the controller would refuse.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # after `cargo build --target wasm32-unknown-unknown --release`
  akv2k8s plugin pack target/wasm32-unknown-unknown/release/shout.wasm \\
    -o shout.wasm"
))]
pub struct PackArgs {
    /// The core module, as target/wasm32-unknown-unknown/release/NAME.wasm
    module: PathBuf,
    /// Where to write the component
    #[arg(short, long, env = "AKV2K8S_PACK_OUTPUT", value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(args: &PackArgs) -> Result<Exit, Stop> {
    let module = std::fs::read(&args.module).map_err(|e| Stop::usage(format!("{}: {e}", args.module.display())))?;
    let wrong = |e: String| Stop::wrong(format!("{}: {e}", args.module.display()));
    let encoded = ComponentEncoder::default().validate(true).module(&module).and_then(|e| e.encode());
    let component = encoded.map_err(|e| wrong(format!("{e:#}")))?;
    let inspection = akv_plugin::inspect(&component).map_err(|e| wrong(e.to_string()))?;
    std::fs::write(&args.output, &component).map_err(|e| Stop::usage(format!("{}: {e}", args.output.display())))?;
    print::line(&format!("{}  {}", inspection.digest, args.output.display()))
}
