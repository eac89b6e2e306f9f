//! The version of Kubernetes.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::verdict::Verdict;
use k8s_openapi::apimachinery::pkg::version::Info;

const TOPIC: &str = "Kubernetes";
/// The first minor version of 1 with everything that the chart uses: match conditions of webhooks are stable there.
const OLDEST: u32 = 30;

/// Is the cluster new enough?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    vec![look(&facts.server)]
}

fn look(server: &Info) -> Verdict {
    // Managed clusters write `30+`.
    let number = |text: &str| text.trim_end_matches('+').parse::<u32>().ok();
    let version = &server.git_version;
    match (number(&server.major), number(&server.minor)) {
        (Some(1), Some(minor)) if minor < OLDEST => Verdict::failure(
            TOPIC,
            format!("the API server is {version}; akv2k8s needs 1.{OLDEST} or newer"),
            "upgrade the cluster",
        ),
        (Some(_), Some(_)) => Verdict::ok(TOPIC, version.clone()),
        _ => Verdict::unknown(TOPIC, format!("the API server calls itself {version}"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::verdict::State;

    #[test]
    fn an_old_cluster_is_named_and_a_managed_one_is_read() {
        let check = |major: &str, minor: &str, expected| {
            let version = format!("v{major}.{minor}");
            let server = Info { major: major.into(), minor: minor.into(), git_version: version, ..Info::default() };
            assert_eq!(look(&server).state, expected, "{major}.{minor}");
        };
        check("1", "29", State::Failure);
        check("1", "30+", State::Ok);
        check("1", "33", State::Ok);
        check("", "", State::Unknown);
    }
}
