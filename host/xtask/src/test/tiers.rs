//! The tiers, each as the commands that it runs.

use super::Tier;
use super::count::Counts;
use crate::process::{self, cargo};
use crate::setup::{cluster_binary::Building, oracle};
use crate::{Outcome, layout, lint};
use std::path::Path;
use std::process::Command;

/// What is being prepared beside other work.
pub struct Needs {
    /// The control plane.
    pub cluster: Option<Building>,
}

/// Runs one tier. A failure of the machinery is a failed test.
pub fn run(tier: Tier, needs: &mut Needs) -> Counts {
    let counts = match tier {
        Tier::Lint => lint::counts(),
        Tier::Unit => unit(),
        Tier::Plugins => plugins(),
        Tier::It => integration(needs),
        Tier::Oracle => python_sdk(),
        Tier::Examples => examples(),
    };
    counts.unwrap_or_else(|failure| {
        eprintln!("FAIL  {failure}");
        Counts::one(false)
    })
}

fn cargo_test(name: &str, label: &str, args: &[&str]) -> Outcome<Counts> {
    let mut command = cargo();
    let ran = process::run(name, label, command.arg("test").args(args))?;
    Ok(Counts::of_libtest(&ran.output).and_runner(ran.ok))
}

fn unit() -> Outcome<Counts> {
    // One failing crate must not hide the next.
    cargo_test(
        "unit",
        "tests of each crate",
        &["--workspace", "--lib", "--bins", "--no-fail-fast"],
    )
}

fn integration(needs: &mut Needs) -> Outcome<Counts> {
    if let Some(building) = needs.cluster.take() {
        match building.wait() {
            Ok(_) => {}
            Err(failure) if !process::available("go") => {
                return Ok(Counts::skip(failure.to_string()));
            }
            Err(failure) => return Err(failure),
        }
    }
    programs()?;
    cargo_test(
        "it",
        "the product against a real API server",
        &["-p", "akv-tests", "--test", "it"],
    )
}

/// The programs that the tests start.
fn programs() -> Outcome<()> {
    let mut build = cargo();
    build.args(["build", "-p", "akv", "-p", "local-vault", "--bins"]);
    process::must_run("build-programs", "akv2k8s and local-vault", &mut build).map(drop)
}

fn plugins() -> Outcome<Counts> {
    let dir = layout::root().join("plugins");
    if !dir.join("Cargo.toml").exists() {
        return Ok(Counts::default());
    }
    let mut native = cargo();
    native
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(&dir)
        .env("CARGO_TARGET_DIR", layout::target().join("plugins"));
    let ran = process::run(
        "plugins-native",
        "native tests of the default plugins",
        &mut native,
    )?;
    let mut counts = Counts::of_libtest(&ran.output).and_runner(ran.ok);
    let mut guests = cargo();
    guests
        .args([
            "build",
            "--workspace",
            "--release",
            "--target",
            "wasm32-unknown-unknown",
        ])
        .current_dir(&dir);
    guests.env("CARGO_TARGET_DIR", layout::target().join("plugins"));
    counts.add(Counts::one(
        process::run(
            "plugins-guests",
            "default plugins as WebAssembly",
            &mut guests,
        )?
        .ok,
    ));
    Ok(counts)
}

/// Every script in `tests/oracle` gets a local vault of its own: it runs as `SCRIPT`, with `LOCAL_VAULT` naming the program
/// and `SEED` the seed beside it, and ends with a line `N passed, N failed`.
fn python_sdk() -> Outcome<Counts> {
    let dir = layout::root().join("tests/oracle");
    let scripts = layout::files(&dir, "py");
    if scripts.is_empty() {
        return Ok(Counts::default());
    }
    if !process::available("python3") {
        return Ok(Counts::skip("Python is not installed"));
    }
    let python = oracle::ensure(&dir.join("requirements.txt"))?;
    let mut build = cargo();
    process::must_run(
        "build-local-vault",
        "local-vault",
        build.args(["build", "-p", "local-vault", "--bins"]),
    )?;
    let mut counts = Counts::default();
    for script in scripts {
        let name = name_of(&script);
        let mut command = Command::new(&python);
        command
            .arg(&script)
            .env("LOCAL_VAULT", layout::program("local-vault"))
            .env("SEED", script.with_extension("yaml"));
        let ran = process::run(
            &format!("oracle-{name}"),
            &format!("Microsoft's SDK for Python: {name}"),
            &mut command,
        )?;
        counts.add(Counts::of_closing_line(&ran.output).and_runner(ran.ok));
    }
    Ok(counts)
}

/// An example that is a Rust workspace is tested and built as its author would, away from our own lock file and target. What an example
/// shows of a running product is a test of the tier `it`.
fn examples() -> Outcome<Counts> {
    let mut counts = Counts::default();
    let all = layout::folders(&layout::root().join("examples"));
    let workspaces: Vec<_> = all
        .iter()
        .filter(|dir| dir.join("Cargo.toml").exists())
        .collect();
    if !workspaces.is_empty() {
        programs()?;
    }
    for dir in workspaces {
        counts.add(example(dir)?);
    }
    Ok(counts)
}

fn example(dir: &Path) -> Outcome<Counts> {
    let name = name_of(dir);
    let here = |args: &[&str]| {
        let mut command = cargo();
        command
            .args(args)
            .current_dir(dir)
            .env("CARGO_TARGET_DIR", layout::target().join("examples"));
        command
    };
    let ran = process::run(
        &format!("example-{name}-native"),
        &format!("{name}: native tests"),
        &mut here(&["test"]),
    )?;
    let mut counts = Counts::of_libtest(&ran.output).and_runner(ran.ok);
    let mut build = here(&["build", "--release", "--target", "wasm32-unknown-unknown"]);
    let built = process::run(
        &format!("example-{name}-guest"),
        &format!("{name}: WebAssembly"),
        &mut build,
    )?;
    counts.add(Counts::one(built.ok));
    Ok(counts)
}

fn name_of(path: &Path) -> String {
    path.file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
