//! A real Kubernetes control plane (etcd, API server, controller manager), a node for it, and `cargo xtask cluster`.

pub mod access;
pub mod command;
pub mod config;
pub mod control_plane;
pub mod node;
pub mod provision;
pub mod roles;

pub use access::Access;
pub use control_plane::ControlPlane;
pub use node::Node;
pub use roles::Component;
