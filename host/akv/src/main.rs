//! The program akv2k8s.

fn main() {}
