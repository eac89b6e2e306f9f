//! Builds `plugins/` into components, compiles them ahead of time and lays both down for `include_bytes!`.
//!
//! The nested cargo has a target directory of its own, so it never waits for the lock that the outer one holds.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";
/// Outputs that no variable can ask for: a variable has the form of a Secret's entry, or of a file.
const NO_VARIABLE: [&str; 1] = ["config-map"];

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = manifest.parent().and_then(Path::parent).ok_or("the crate lies two folders below the root")?;
    let (plugins, out) = (root.join("plugins"), PathBuf::from(env::var("OUT_DIR")?));
    println!("cargo::rerun-if-changed={}", root.join("wit").display());
    println!("cargo::rerun-if-changed={}", plugins.display());

    let components = env::var_os("CARGO_FEATURE_COMPONENTS").is_some();
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let mut names = names(&plugins)?;
    names.retain(|name| components || !NO_VARIABLE.contains(&name.as_str()));
    let target = target_directory(&out);
    build(&plugins, &target, &names)?;
    let mut list = String::from("[\n");
    for name in &names {
        let module = target.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")));
        let component =
            wit_component::ComponentEncoder::default().module(&fs::read(&module)?)?.validate(true).encode()?;
        let artifact = akv_plugin::compile_for(&arch, &component).map_err(|e| format!("plugin {name}: {e}"))?;
        let (wasm, code) = (out.join(format!("{name}.wasm")), out.join(format!("{name}.code")));
        fs::write(&wasm, &component)?;
        let bytes = artifact.to_bytes();
        fs::write(&code, packed(&bytes)?)?;
        let size = bytes.len();
        let wasm = if components { format!("wasm: include_bytes!({wasm:?}), ") } else { String::new() };
        list += &format!("    Default {{ name: {name:?}, {wasm}code: include_bytes!({code:?}), size: {size} }},\n");
    }
    fs::write(out.join("defaults.rs"), list + "]\n")?;
    Ok(())
}

/// As small as zstd gets it.
fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, *zstd::compression_level_range().end())
}

/// Folders whose crate becomes a component.
fn names(plugins: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for folder in fs::read_dir(plugins)? {
        let folder = folder?;
        let manifest = folder.path().join("Cargo.toml");
        if manifest.exists() && fs::read_to_string(&manifest)?.contains("cdylib") {
            names.push(folder.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// `target/plugins`, from `target/[<triple>/]<profile>/build/<crate>/out`. It outlives a change of the profile.
fn target_directory(out: &Path) -> PathBuf {
    let target = out.ancestors().nth(4).unwrap_or(out);
    let foreign = env::var_os("TARGET").is_some_and(|triple| target.ends_with(triple));
    target.parent().filter(|_| foreign).unwrap_or(target).join("plugins")
}

fn build(plugins: &Path, target: &Path, names: &[String]) -> Result<(), Box<dyn Error>> {
    // The folder's own .cargo/config.toml counts, so cargo starts there.
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo.current_dir(plugins).args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"]).arg(target);
    for name in names {
        cargo.args(["--package", name]);
    }
    // What the outer build is told (flags, wrappers such as clippy's) is not meant for a plugin.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let outer = [
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC",
            "RUSTDOC",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
        ];
        if outer.contains(&&*text) || text.starts_with("CARGO_PROFILE_") || text.starts_with("CARGO_FEATURE_") {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let hint = if said.contains("may not be installed") || said.contains("can't find crate for `core`") {
        format!("\nthe Rust target is missing; install it: rustup target add {TARGET}")
    } else {
        String::new()
    };
    Err(format!("the default plugins could not be built{hint}\n{said}").into())
}
