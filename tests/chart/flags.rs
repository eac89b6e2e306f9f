//! The programs know every flag that the chart renders, and the chart renders every flag that the programs know.

use super::helm::{pods, put, rendered, value_sets};
use super::leaves::leaves;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

/// Not for pods: a kubeconfig is for running outside a cluster. Hidden ones are for tests and for the original's words.
const NOT_IN_THE_CHART: [&str; 2] = ["--kubeconfig", "--help"];

fn akv2k8s(args: &[String]) -> Result<String, String> {
    let program = xtask::layout::program("akv2k8s");
    let mut command = Command::new(&program);
    let out = command.args(args).env_clear().output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if out.status.success() { Ok(text(out.stdout)) } else { Err(text(out.stderr)) }
}

/// The arguments of every container.
fn command_lines(manifests: &[Value]) -> Vec<Vec<String>> {
    let containers = pods(manifests).flat_map(|(_, pod)| pod["spec"]["containers"].as_array().into_iter().flatten());
    let line = |container: &Value| serde_json::from_value(container["args"].clone()).expect("arguments are texts");
    containers.map(line).collect()
}

/// Every value of the schema, changed as its example says.
fn changed() -> Vec<Value> {
    let leaves = leaves().into_iter().filter_map(|(path, schema)| {
        let mut values = schema.get("x-with").cloned().unwrap_or_else(|| json!({}));
        put(&mut values, &path, schema["examples"].get(0)?.clone());
        Some(values)
    });
    leaves.chain(value_sets().into_iter().map(|(_, values)| values)).collect()
}

#[test]
fn the_programs_take_every_command_line_and_no_flag_is_out_of_reach() {
    let lines: BTreeSet<Vec<String>> = changed().iter().flat_map(|values| command_lines(&rendered(values))).collect();
    assert!(lines.len() > 50, "only {} command lines", lines.len());
    for line in &lines {
        // clap reads what stands before --help, flags and their values, and then prints instead of running.
        let line: Vec<String> = line.iter().cloned().chain(["--help".to_owned()]).collect();
        akv2k8s(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    }
    for command in ["controller", "webhook", "run"] {
        let rendered: BTreeSet<&str> = lines
            .iter()
            .filter(|line| line[0] == command)
            .flat_map(|line| line.iter().filter_map(|arg| arg.split('=').next()))
            .collect();
        let help = akv2k8s(&[command.to_owned(), "--help".to_owned()]).expect("there is help");
        let flags: BTreeSet<&str> = help
            .split_whitespace()
            .filter(|word| word.starts_with("--") && word.len() > 2)
            // Prose names flags too, with a value or a comma behind.
            .filter_map(|word| word.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).next())
            .collect();
        assert!(flags.len() > 10, "{command}: {flags:?}");
        // With everything in one process, a value changes one line as it changes two.
        let out_of_reach: Vec<_> =
            flags.iter().filter(|flag| !NOT_IN_THE_CHART.contains(flag) && !rendered.contains(**flag)).collect();
        assert!(command == "run" || out_of_reach.is_empty(), "{command}: no value sets {out_of_reach:?}");
    }
}

#[test]
fn an_argument_may_be_given_again() {
    for command in ["controller", "webhook", "run"] {
        let line = |last: &str| [command, "--http-port=8080", last, "--help"].map(str::to_owned);
        akv2k8s(&line("--http-port=9090")).unwrap_or_else(|error| panic!("{command}: {error}"));
        // The second is read, not skipped.
        let said = akv2k8s(&line("--http-port=many")).expect_err("that is no port");
        assert!(said.contains("'many'") && said.contains("--http-port"), "{command}: {said}");
    }
}
