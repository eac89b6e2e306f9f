//! The real executable against real vaults and a real TLS service.

mod application;
mod borrow;
mod container;
mod copy;
mod files;
mod given;
mod proxy;
mod service;
mod service_faults;
mod service_plugins;
mod stage;
mod table;
mod trouble;
mod usage;
mod vault;
