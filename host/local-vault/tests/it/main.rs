//! The running vault, over real TLS on loopback.

mod assertion;
mod certificates;
mod client;
mod faults;
mod federated;
mod folder;
mod life;
mod managed;
mod objects;
mod seeds;
mod signed;
mod stage;
mod throttle;
mod tls;
mod tokens;
