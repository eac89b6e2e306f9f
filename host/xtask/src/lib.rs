//! The commands of the project, and what they share with the tests: a real control plane, running programs, progress.

pub mod bench;
pub mod cluster;
pub mod demo;
pub mod failure;
pub mod generate;
pub mod image;
pub mod layout;
pub mod lint;
pub mod process;
pub mod progress;
pub mod release;
pub mod setup;
pub mod test;
pub mod workspaces;

pub use failure::{Failure, Outcome};
