//! Which pod and container a certificate speaks for.

use std::fmt::{Display, Formatter, Result as Print};

/// The scheme of the URI that a pod's certificate carries as its only subject alternative name.
const SCHEME: &str = "akv2k8s://pod/";

/// One container of one pod, as `akv2k8s://pod/NAMESPACE/NAME/UID/CONTAINER` in a certificate. Kubernetes' names hold
/// neither slashes nor percent signs, so nothing is escaped and nothing can be taken for something else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodIdentity {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's uid; a pod of the same name that comes later has another.
    pub uid: String,
    /// The container's name.
    pub container: String,
}

impl Display for PodIdentity {
    fn fmt(&self, f: &mut Formatter<'_>) -> Print {
        write!(f, "{SCHEME}{}/{}/{}/{}", self.namespace, self.pod, self.uid, self.container)
    }
}

impl PodIdentity {
    /// Reads the URI of a certificate.
    pub fn parse(uri: &str) -> Option<Self> {
        let parts: Vec<&str> = uri.strip_prefix(SCHEME)?.split('/').collect();
        let legal = |part: &&str| {
            (1..=253).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        let [namespace, pod, uid, container] = parts.as_slice() else {
            return None;
        };
        parts.iter().all(legal).then(|| Self {
            namespace: (*namespace).to_owned(),
            pod: (*pod).to_owned(),
            uid: (*uid).to_owned(),
            container: (*container).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_was_written_and_nothing_else_is() {
        let uri = "akv2k8s://pod/shop/web-7d9f-abcde/0b2e3c5a-1111-4222-8333-444455556666/app";
        assert_eq!(PodIdentity::parse(uri).map(|i| i.to_string()).as_deref(), Some(uri));
        for uri in [
            "",
            "akv2k8s://pod/",
            "akv2k8s://pod/a/b/c",
            "akv2k8s://pod/a/b/c/d/e",
            "akv2k8s://pod/a//c/d",
            "akv2k8s://pod/a/b/c/d%2fe",
            "akv2k8s://pod/A/b/c/d",
            "https://pod/a/b/c/d",
            "akv2k8s://pod/a/b/c/d\n",
        ] {
            assert_eq!(PodIdentity::parse(uri), None, "{uri}");
        }
    }
}
