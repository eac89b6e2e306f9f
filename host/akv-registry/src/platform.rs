//! Which child of a multi-platform image a node would run.

use serde::Deserialize;

/// A Linux node's kind of processor, in the words of the OCI specification, which are Go's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …; none means the usual one.
    pub variant: Option<String>,
}

impl Platform {
    /// The usual kind of an architecture, as the node's label `kubernetes.io/arch` says it.
    pub fn new(architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), variant: None }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "linux/{}", self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// The platform of a child, as an index says it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Offer {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// The best child for the platform: the same variant, else none said, else the nearest lower one, as containerd has it.
/// Without a platform a child is for all, but only if nothing better is there.
pub(crate) fn choose<'a, T>(
    wanted: &Platform,
    children: &'a [T],
    offer: impl Fn(&T) -> Option<Offer>,
) -> Option<&'a T> {
    let ranked = children.iter().filter_map(|child| Some((rank(wanted, offer(child))?, child)));
    // The first of equals, which `max_by_key` would not give.
    ranked.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, child)| child)
}

fn rank(wanted: &Platform, offer: Option<Offer>) -> Option<u32> {
    let Some(offer) = offer else { return Some(0) };
    if offer.os != "linux" || offer.architecture != wanted.architecture {
        return None;
    }
    let usual = match wanted.architecture.as_str() {
        "arm" => 7,
        "arm64" => 8,
        _ => 1,
    };
    let number = |variant: &str| variant.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok());
    let wanted = wanted.variant.as_deref().map_or(Some(usual), number)?;
    let offered = offer.variant.as_deref().filter(|text| !text.is_empty()).map_or(Some(usual), number)?;
    (offered <= wanted).then_some(1 + offered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, offers: &[&str], expected: Option<usize>) {
        let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        let wanted = parts(wanted);
        let platform = Platform { architecture: wanted[0].clone(), variant: wanted.get(1).cloned() };
        let children: Vec<usize> = (0..offers.len()).collect();
        let chosen = choose(&platform, &children, |i| {
            let parts = parts(offers[*i]);
            (parts[0] != "-").then(|| Offer {
                os: parts[0].clone(),
                architecture: parts[1].clone(),
                variant: parts.get(2).cloned(),
            })
        });
        assert_eq!(chosen.copied(), expected, "{wanted:?} of {offers:?}");
    }

    #[test]
    fn the_nodes_child_is_chosen() {
        check("arm64", &["linux/amd64", "linux/arm64/v8", "unknown/unknown"], Some(1));
        check("amd64", &["windows/amd64", "linux/amd64"], Some(1));
        check("arm/v7", &["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], Some(1));
        check("arm/v6", &["linux/arm/v7", "linux/arm/v5"], Some(1));
        check("arm", &["linux/arm/v6", "linux/arm"], Some(1));
        check("amd64", &["linux/amd64/v3", "linux/amd64"], Some(1));
        check("amd64", &["linux/amd64", "linux/amd64"], Some(0));
        check("s390x", &["linux/amd64", "unknown/unknown"], None);
        check("amd64", &["-", "linux/amd64"], Some(1));
        check("amd64", &["-", "linux/arm64"], Some(0));
        check("amd64", &["linux/amd64/x"], None);
        check("amd64", &[], None);
    }
}
