//! Harnesses for the tests: a real API server under the product's own roles, the programs as they are built.
//!
//! A harness panics when it cannot do its part, with what it was doing; a test has nothing to add.

pub mod audit;
pub mod cluster;
pub mod controller;
pub mod gate;
pub mod guest;
pub mod helm;
pub mod injection;
pub mod namespace;
pub mod node;
pub mod page;
pub mod program;
pub mod release;
pub mod running;
pub mod switch;
pub mod wait;
pub mod webhook;
pub mod world;

pub use audit::{AuditEvent, AuditMark};
pub use cluster::Cluster;
pub use controller::Controller;
pub use gate::Gate;
pub use injection::Injection;
pub use namespace::Namespace;
pub use node::Node;
pub use release::Release;
pub use switch::Switch;
pub use wait::wait_for;
pub use webhook::Installation;
pub use world::World;
pub use xtask::cluster::Component;
