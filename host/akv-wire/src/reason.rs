//! The reasons of a [`Refused`](crate::message::Refused) that only the auth service has; the others are those of conditions.
//! `examples/troubleshooting.md` explains each of them.

/// The request is none.
pub const MALFORMED: &str = "Malformed";
/// Nobody has proved who asks.
pub const UNAUTHENTICATED: &str = "Unauthenticated";
/// Whoever asks may not.
pub const FORBIDDEN: &str = "Forbidden";
/// The container is not starting.
pub const NOT_STARTING: &str = "NotStarting";
/// There is no such path, engine or plugin.
pub const NOT_FOUND: &str = "NotFound";
/// Too many requests of a pod or its namespace.
pub const RATE_LIMITED: &str = "RateLimited";
/// Something that the service needs does not answer.
pub const UNAVAILABLE: &str = "Unavailable";
/// The namespace has no such resource.
pub const RESOURCE_NOT_FOUND: &str = "ResourceNotFound";

/// Every reason.
pub const ALL: [&str; 8] =
    [MALFORMED, UNAUTHENTICATED, FORBIDDEN, NOT_STARTING, NOT_FOUND, RATE_LIMITED, UNAVAILABLE, RESOURCE_NOT_FOUND];
