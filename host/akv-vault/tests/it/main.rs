//! The client against a real TLS server that answers what a test tells it.

mod credentials;
mod faults;
mod folder;
mod http;
mod logs;
mod objects;
mod renewal;
mod settings;
mod stage;
mod token_faults;
mod unreachable;
