//! What only the processes can break: a leader that is gone, an identity that is refused.

use super::clinic::Clinic;
use super::rows::Row;

const RESOURCE: &str = r#"kubectl apply -n $SHOP_NS -f - <<'EOF'
{"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": "db"}, "spec": {
  "vault": {"name": "shop-prod", "object": {"name": "s", "type": "secret"}},
  "output": {"secret": {"name": "db", "dataKey": "v"}}}}
EOF"#;
/// A controller that died an hour ago.
const AN_HOUR_AGO: &str = r#"kubectl patch lease -n $HOME_NS akv2k8s-controller --type=merge \
  -p '{"spec": {"renewTime": "'$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%S.000000Z)'"}}'"#;

fn row(topic: &'static str, cause: &'static str, fix: &'static str) -> Row {
    Row { name: cause, harm: "", heal: "", topic, state: "failure", cause, fix }
}

#[tokio::test]
async fn a_leader_that_is_silent_and_an_identity_that_is_refused_are_named() {
    let clinic = Clinic::open("leader").await;
    clinic.run(RESOURCE).await;
    clinic.until_reason("db", "Synced").await;
    let well =
        clinic.until("a vault that is read", |report| report.text.contains("1 resource read from the vault")).await;
    assert_eq!(well.code, 0, "{}", well.text);

    drop(clinic.controller.lock().expect("nobody panicked").take());
    clinic.run(AN_HOUR_AGO).await;
    let silent = row("leader", "has not renewed it for 60 min: nothing is synced", "kubectl logs");
    let found = clinic.until(silent.cause, |report| report.says(&silent)).await;
    println!("{}", found.said(&silent));
    assert_eq!(found.code, 1);

    let mut vault = clinic.world.vault.environment("injector");
    for (name, value) in &mut vault {
        if name == "AZURE_CLIENT_SECRET" {
            "another".clone_into(value);
        }
    }
    let refused = Clinic::start_controller(&clinic.world, &vault).await;
    *clinic.controller.lock().expect("nobody panicked") = Some(refused);
    let identity =
        row("identity", "no token for 1 resource of vault shop-prod", "federated credential or client secret");
    let found = clinic.until(identity.cause, |report| report.says(&identity)).await;
    println!("{}", found.said(&identity));
    assert_eq!(found.code, 1);
}
