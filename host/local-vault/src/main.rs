//! A Key Vault and its token service on loopback, for development, demo and tests.

fn main() {}
