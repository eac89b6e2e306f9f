//! A real Kubernetes control plane on loopback: etcd, API server, controller manager; and `cargo xtask cluster`.

pub mod access;
pub mod command;
pub mod config;
pub mod control_plane;
pub mod provision;
pub mod roles;

pub use access::Access;
pub use control_plane::ControlPlane;
pub use roles::Component;
