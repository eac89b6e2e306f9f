//! The program akv2k8s: the controller, the webhook and the command line.

pub mod cli;
mod cluster;
pub mod controller;
pub mod policy_file;
pub mod run;
pub mod webhook;
