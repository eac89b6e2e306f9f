//! `akv2k8s doctor` against installations that are broken, each by a script, and mended again.

mod clinic;
mod processes;
mod rows;

use clinic::{Clinic, Report};
use rows::{ROWS, Row};

#[tokio::test]
async fn every_broken_installation_is_named_with_its_cause_and_its_fix() {
    let clinic = Clinic::open("doctor").await;
    let healthy = clinic.until("a healthy installation", |report| report.failures().is_empty()).await;
    println!("{}", healthy.text);
    assert_eq!(healthy.code, 0, "{}", healthy.text);
    assert!(healthy.states().iter().all(|state| state == "ok"), "{}", healthy.text);

    for row in ROWS {
        clinic.run(row.harm).await;
        let found = clinic.until(row.name, |report| report.says(row)).await;
        check(row, &found);
        clinic.run(row.heal).await;
        clinic.until(&format!("the end of: {}", row.name), |report| !report.says(row)).await;
    }
    println!("{} broken installations named", ROWS.len());
    let after = clinic.until("a healthy installation again", |report| report.failures().is_empty()).await;
    assert_eq!(after.code, 0, "{}", after.text);
}

/// What is found fits a terminal, ends as a pipeline expects, and its fix is there.
fn check(row: &Row, found: &Report) {
    println!("--- {}\n{}", row.name, found.said(row));
    assert_eq!(found.code == 0, row.state != "failure" && found.failures().is_empty(), "{}", found.text);
    // A command, and a word beside state and topic, stay in one piece.
    let said = |line: &str| line.chars().skip(23).collect::<String>();
    let whole = |line: &&str| line.trim_start().starts_with("$ ") || said(line).split_whitespace().count() == 1;
    for line in found.text.lines().filter(|line| !whole(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[tokio::test]
async fn who_may_read_nothing_is_told_what_to_ask_for() {
    let clinic = Clinic::open("stranger").await;
    let stranger = clinic.stranger().await;
    let report = clinic.examine(&stranger, clinic.home()).await;
    println!("{}", report.text);
    assert_eq!(report.code, 0, "nothing is known to be wrong: {}", report.text);
    for permission in ["list deployments.apps", "list azurekeyvaultsecrets.spv.no", "get customresourcedefinitions"] {
        assert!(report.json.to_string().contains(permission), "{permission}: {}", report.text);
    }
    assert!(report.states().iter().any(|state| state == "unknown"));

    let elsewhere = clinic.examine(&clinic.administrator(), "default").await;
    assert_eq!(elsewhere.code, 1);
    let command = format!("akv2k8s doctor --namespace {}", clinic.home());
    assert!(elsewhere.text.contains(&command), "{}", elsewhere.text);
}
