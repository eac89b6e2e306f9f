//! The look-up against a real TLS registry that answers what a test tells it, and against Debian's.

mod attacks;
mod credentials;
mod documents;
mod exchange;
mod faults;
mod folder;
mod mirrors;
mod names;
mod plain;
mod proxy;
mod reply;
mod sharing;
mod stage;
