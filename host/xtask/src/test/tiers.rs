//! The tiers, each as the commands that it runs.

use super::Tier;
use super::count::Counts;
use crate::cluster::node::record;
use crate::process::{self, cargo};
use crate::setup::cluster_binary;
use crate::setup::go_program::Building;
use crate::setup::oracle;
use crate::workspaces::{self, Workspace};
use crate::{Outcome, layout, lint, setup};
use clap::ValueEnum;
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
        Tier::Lint => lint::counts(lint::Check::value_variants()),
        Tier::Unit => unit(),
        Tier::Chart => charts(),
        Tier::Plugins => all_of(workspaces::plugins()),
        Tier::It => integration(needs),
        Tier::E2e => on_a_node(needs),
        Tier::Oracle => python_sdk(),
        // What an example shows of a running product is a test of the tier `it`.
        Tier::Examples => all_of(workspaces::examples()),
    };
    counts.unwrap_or_else(|failure| {
        eprintln!("FAIL  {failure}");
        Counts::one(false)
    })
}

fn cargo_test(name: &str, label: &str, args: &[&str]) -> Outcome<Counts> {
    let mut command = cargo();
    let ran = process::run(name, label, command.args(["test", "--workspace", "--no-fail-fast"]).args(args))?;
    Ok(Counts::of_libtest(&ran.output).and_runner(ran.ok))
}

/// Two tests at the same time for each core, since each mostly waits for a cluster.
fn waiting() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("--test-threads={}", 2 * cores)
}

/// One build before everything that is run: cargo chooses the features of dependencies for all that is named together, so
/// another selection would compile some of them again. The tests of the other tiers are compiled when those run, since
/// `--tests` means none of them.
fn build() -> Outcome<()> {
    let mut build = cargo();
    process::must_run("build", "programs and tests", build.args(["build", "--workspace", "--bins", "--tests"]))
        .map(drop)
}

fn unit() -> Outcome<Counts> {
    build()?;
    // `cluster`, `e2e`, `chart` and `install` are no part of `--tests`.
    cargo_test("unit", "tests of each crate", &["--tests"])
}

fn integration(needs: &mut Needs) -> Outcome<Counts> {
    build()?;
    match without_control_plane(needs)? {
        Some(reason) => Ok(Counts::skip(reason)),
        None => cargo_test("it", "the product against a real API server", &["--test", "cluster", "--", &waiting()]),
    }
}

/// Waits for the control plane; why there is none, where that is no fault.
fn without_control_plane(needs: &mut Needs) -> Outcome<Option<String>> {
    without(needs.cluster.take().map_or_else(cluster_binary::ensure, Building::wait))
}

/// Why there is no program of Go's, where that is no fault.
fn without<T>(built: Outcome<T>) -> Outcome<Option<String>> {
    match built {
        Ok(_) => Ok(None),
        Err(failure) if !process::available("go") => Ok(Some(failure.to_string())),
        Err(failure) => Err(failure),
    }
}

/// The charts as Helm renders them; no cluster.
fn charts() -> Outcome<Counts> {
    if let Some(reason) = without(setup::helm::ensure())? {
        return Ok(Counts::skip(reason));
    }
    build()?;
    cargo_test("chart", "the charts as Helm renders them", &["--test", "chart"])
}

/// The tests whose pods run. That nothing of the node is left on the machine counts as one test more.
fn on_a_node(needs: &mut Needs) -> Outcome<Counts> {
    if let Some(obstacle) = setup::node::obstacle() {
        return Ok(Counts::skip(obstacle));
    }
    setup::node::ensure()?;
    build()?;
    if let Some(reason) = without_control_plane(needs)? {
        return Ok(Counts::skip(reason));
    }
    let mut counts = cargo_test("e2e", "the product on a node", &["--test", "e2e", "--", &waiting()])?;
    counts.add(match without(setup::helm::ensure())? {
        Some(reason) => Counts::skip(reason),
        None => cargo_test("install", "the charts, installed on a node", &["--test", "install"])?,
    });
    let left = record::left_behind()?;
    for what in &left {
        eprintln!("FAIL  left behind: {what}");
    }
    counts.add(Counts::one(left.is_empty()));
    Ok(counts)
}

/// A workspace of plugins, tested and built as its author would: natively, then as WebAssembly. The build counts as one test.
fn plugin_workspace(workspace: &Workspace) -> Outcome<Counts> {
    let name = &workspace.name;
    let here = |args: &[&str]| {
        let mut command = cargo();
        command.args(args).current_dir(&workspace.dir).env("CARGO_TARGET_DIR", &workspace.target);
        command
    };
    let mut native = here(&["test", "--workspace", "--no-fail-fast"]);
    let ran = process::run(&format!("{name}-native"), &format!("{name}: native tests"), &mut native)?;
    let mut counts = Counts::of_libtest(&ran.output).and_runner(ran.ok);
    let mut guests = here(&["build", "--workspace", "--release", "--target", "wasm32-unknown-unknown"]);
    counts.add(Counts::one(process::run(&format!("{name}-guests"), &format!("{name}: WebAssembly"), &mut guests)?.ok));
    Ok(counts)
}

fn all_of(workspaces: impl IntoIterator<Item = Workspace>) -> Outcome<Counts> {
    let mut counts = Counts::default();
    for workspace in workspaces {
        counts.add(plugin_workspace(&workspace)?);
    }
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
    build()?;
    let mut counts = Counts::default();
    for script in scripts {
        let name = name_of(&script);
        let mut command = Command::new(&python);
        command
            .arg(&script)
            .env("LOCAL_VAULT", layout::program("local-vault"))
            .env("SEED", script.with_extension("yaml"));
        let ran =
            process::run(&format!("oracle-{name}"), &format!("Microsoft's SDK for Python: {name}"), &mut command)?;
        counts.add(Counts::of_closing_line(&ran.output).and_runner(ran.ok));
    }
    Ok(counts)
}

fn name_of(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
