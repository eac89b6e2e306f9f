//! Measures what users pay, and prints each number beside its goal: `cargo xtask bench [--json FILE] [--only SECTION]`.

mod admission;
mod controller;
mod executable;
mod herd;
mod plugins;
mod report;
mod stages;
mod usage;

use akv_tests::program;
use report::Report;
use std::path::PathBuf;

#[tokio::main]
async fn main() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let file = option("--json").map(PathBuf::from);
    let wanted = |section: &str| option("--only").is_none_or(|only| only == section);
    let mut report = Report::new();
    if wanted("plugins") {
        plugins::measure(&mut report);
        let size = std::fs::metadata(program::path("akv2k8s")).map_or(0, |m| m.len());
        report.add("size of akv2k8s", size as f64 / 1048576.0, "MiB", None);
    }
    if wanted("executable") {
        executable::measure(&mut report).await;
    }
    if wanted("admission") {
        admission::measure(&mut report).await;
    }
    if wanted("herd") {
        let pods = option("--pods").and_then(|n| n.parse().ok()).unwrap_or(herd::PODS);
        herd::measure(&mut report, pods).await;
    }
    if wanted("controller") {
        controller::measure(&mut report).await;
    }
    if let Some(file) = file {
        std::fs::write(&file, report.to_json()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
    println!("{} goals missed", report.missed());
    std::process::exit(i32::from(report.missed() > 0));
}
