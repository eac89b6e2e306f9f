//! What the accounts of the release may do.

use crate::cli::doctor::access::Missing;
use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::verdict::{Verdict, first_of};
use crate::cli::doctor::wish::Wish;

const TOPIC: &str = "roles";

/// May they do everything that the chart would let them?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    if facts.known_parts().is_empty() {
        return Vec::new();
    }
    match &facts.missing {
        Ok(missing) if missing.is_empty() => vec![Verdict::ok(TOPIC, "every account may do what it must")],
        Ok(missing) => missing.iter().map(said).collect(),
        Err(unread) => vec![unread.verdict(TOPIC)],
    }
}

fn said(missing: &Missing) -> Verdict {
    let Missing { user, wishes } = missing;
    let names: Vec<String> = wishes.iter().map(Wish::to_string).collect();
    let cause = format!("{user} may not: {}", first_of(&names));
    let fix = "let the chart make the roles (rbac.create=true), or give this to the account by a role of your own";
    let verdict = Verdict::failure(TOPIC, cause, fix);
    wishes.first().map(|wish| verdict.clone().run(question(user, wish))).unwrap_or(verdict)
}

/// The command that asks the same.
fn question(user: &str, wish: &Wish) -> String {
    let Wish { group, resource, subresource, verb, name, namespace } = wish;
    let of = |part: &str, mark: &str| if part.is_empty() { String::new() } else { format!("{mark}{part}") };
    let what = format!("{resource}{}{}", of(group, "."), of(name, "/"));
    let sub = of(subresource, " --subresource=");
    let place = namespace.as_ref().map_or_else(|| " -A".to_owned(), |namespace| format!(" -n {namespace}"));
    format!("kubectl auth can-i {verb} {what}{sub}{place} --as={user}")
}
