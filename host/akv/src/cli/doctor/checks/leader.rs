//! The lease of the controller.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::part::Part;
use crate::cli::doctor::verdict::Verdict;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

const TOPIC: &str = "leader";
/// It is renewed every two seconds; clocks of people differ from those of nodes.
const SILENT: i64 = 60;

/// Does a controller lead?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let (Some(part), Some(lease)) = (facts.known_parts().iter().find(|part| part.controls()), &facts.lease) else {
        return Vec::new();
    };
    match lease {
        Err(unread) => vec![unread.verdict(TOPIC)],
        Ok(None) => {
            let name = part.setting("lease-name").unwrap_or_default();
            vec![bad(
                part,
                format!("there is no Lease {}/{name}, so no controller has ever led here", part.namespace()),
            )]
        }
        Ok(Some(lease)) => vec![look(part, lease, facts.now)],
    }
}

fn look(part: &Part, lease: &Lease, now: Timestamp) -> Verdict {
    let name = lease.name_any();
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.unwrap_or_default();
    if holder.is_empty() {
        return bad(part, format!("nobody holds Lease {name}: the last controller gave it back and no other took it"));
    }
    let silent = spec.renew_time.map(|time| now.as_second() - time.0.as_second());
    match silent {
        Some(seconds) if seconds <= SILENT => Verdict::ok(TOPIC, format!("{holder} holds Lease {name}")),
        Some(seconds) => bad(
            part,
            format!("{holder} holds Lease {name} and has not renewed it for {}: nothing is synced", duration(seconds)),
        ),
        None => bad(part, format!("{holder} holds Lease {name} and has never renewed it")),
    }
}

fn bad(part: &Part, cause: String) -> Verdict {
    let fix = "see whether a controller runs, reaches the API server, and may update leases; the next one takes over by itself";
    let command = format!("kubectl logs -n {} deployment/{} --tail=20", part.namespace(), part.name());
    Verdict::failure(TOPIC, cause, fix).run(command)
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
