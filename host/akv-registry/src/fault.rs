//! What can go wrong on the way to a command, whose fault it is, and what to do.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use crate::host::Host;
use crate::manifest::DocumentError;
use crate::reason::Reason;

/// One fault. Nothing that a registry wrote is in it but error codes, hosts and what a type checked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    #[error("the registry {0} is not among those that this installation may ask")]
    NotListed(Host),
    #[error(
        "{0} is reached through a proxy, which hides its address, and no entry but `*` of the allowed registries covers it"
    )]
    Hidden(Host),
    #[error("{host} has the address {address}, which is {what}")]
    Address { host: String, address: IpAddr, what: &'static str },
    #[error("the registry leads to {0}, which is no HTTPS on port 443 of a plain host name")]
    Astray(String),
    #[error("the registry wants the credential shown to {0}, which is not of its own domain")]
    Realm(String),
    #[error("the registry asks for the credential in a way that is not understood")]
    Challenge,
    #[error("{0} does not resolve: {1}")]
    Name(String, String),
    #[error("{0} could not be trusted: {1}")]
    Tls(Host, &'static str),
    #[error("{0} could not be reached: {1}")]
    Unreachable(Host, String),
    #[error("{host} answered with status {status}{code}")]
    Status { host: Host, status: u16, code: Code, retry_after: Option<Duration> },
    #[error("{host} refused the {who} (status {status}{code})")]
    Unauthorized { host: Host, who: &'static str, status: u16, code: Code },
    #[error("{0} says that there is no such image, or none that may be seen with the {1}")]
    NotFound(Host, &'static str),
    #[error("{0} gave no answer within the time that is left for one")]
    Deadline(Host),
    #[error("more than {0} redirects lead nowhere")]
    Redirects(usize),
    #[error("the {what} is longer than {limit} bytes")]
    Large { what: &'static str, limit: usize },
    #[error("the {0} does not have the digest that it was asked for by")]
    Digest(&'static str),
    #[error("{0}")]
    Document(#[from] DocumentError),
    #[error("the token service of {0} gave no token that can be used")]
    NoToken(Host),
    #[error("the identity of the installation got no token for its container registries: {0}")]
    Identity(String),
    #[error("the look-up ended early")]
    Ended,
}

/// An error code of a registry (`TOOMANYREQUESTS`), if it sent one that looks like one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) Option<String>);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_ref().map_or(Ok(()), |code| write!(f, ", {code}"))
    }
}

impl Fault {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::NotListed(_) | Self::Hidden(_) => Reason::RegistryNotAllowed,
            Self::Address { .. } | Self::Astray(_) | Self::Realm(_) | Self::Redirects(_) => Reason::RegistryRefused,
            Self::Unauthorized { .. } | Self::Identity(_) => Reason::RegistryUnauthorized,
            Self::NotFound(..) => Reason::ImageNotFound,
            Self::Status { status: 429, .. } => Reason::RegistryThrottled,
            Self::Tls(..) => Reason::RegistryUntrusted,
            Self::Name(..) | Self::Unreachable(..) | Self::Status { .. } | Self::Ended => Reason::RegistryUnavailable,
            Self::Deadline(_) => Reason::RegistryTimeout,
            Self::Challenge | Self::Large { .. } | Self::Digest(_) | Self::NoToken(_) => Reason::RegistryBroken,
            Self::Document(DocumentError::Garbage(_)) => Reason::RegistryBroken,
            Self::Document(_) => Reason::ImageUnsupported,
        }
    }

    /// What to do besides stating the command.
    pub(crate) fn advice(&self) -> &'static str {
        match self.reason() {
            Reason::RegistryNotAllowed => "have the administrator add it to the chart's allowed registries",
            Reason::RegistryRefused => "have the administrator allow the address or the domain, if it is meant",
            Reason::RegistryUnauthorized => {
                "add a pull secret that may read it to the pod or its service account, or let the installation's identity pull from it"
            }
            Reason::ImageNotFound => "correct the name or the pull secret",
            Reason::RegistryThrottled | Reason::RegistryUnavailable | Reason::RegistryTimeout => "try again later",
            Reason::RegistryUntrusted => "have the administrator add the registry's authority to the chart's extra CA",
            Reason::RegistryBroken => "ask whoever runs the registry",
            Reason::ImageUnsupported => "use an image of today's format for this platform",
            Reason::InvalidImage => "correct the name",
        }
    }

    /// How long the registry wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether another credential may fare better at the same registry.
    pub(crate) fn is_of_credential(&self) -> bool {
        matches!(self, Self::Unauthorized { .. } | Self::NotFound(..) | Self::Identity(_))
    }
}
