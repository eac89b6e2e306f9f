//! The command of an image, asked of its registry inside a fence.
//!
//! Who creates a pod chooses the image, and with it whom we ask: this crate takes nothing of that on trust. A [`Registry`]
//! is made once from [`Settings`] and shared. Every URL becomes a request only as what the fence permitted, every address is
//! judged by the resolver that the connection uses, credentials stay with the host that they were written for, every
//! document is checked against the digest that named it, every body is bounded, and one deadline covers it all.
//!
//! With a proxy of the environment the proxy makes the connection and nobody here sees the address. Then only registries
//! that the allow-list names (other than by `*`) are asked, and redirects are followed to such hosts only.

mod cache;
mod challenge;
mod client;
mod credential;
mod digest;
mod exchange;
mod fault;
mod fence;
mod flight;
mod glob;
mod host;
mod host_pattern;
mod image;
mod lookup;
mod manifest;
mod network;
mod plan;
mod platform;
mod pull_secret;
mod reason;
mod refusal;
mod registry;
mod resolver;
mod retry;
mod session;
mod settings;
mod token;
mod wire;

pub use credential::Token;
pub use digest::Digest;
pub use host::Host;
pub use image::{Image, ImageError, Reference};
pub use platform::Platform;
pub use pull_secret::{Kind, PullSecret, PullSecretError};
pub use reason::Reason;
pub use refusal::Refusal;
pub use registry::{ImageCommand, PullPolicy, Registry};
pub use settings::{AZURE_REGISTRIES, AccessToken, Exchange, Settings, SettingsError};
