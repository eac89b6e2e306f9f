//! The charts as Helm renders them; no cluster.

mod flags;
mod golden;
mod helm;
mod leaves;
mod notes;
mod original;
mod page;
mod pages;
mod refusals;
mod render;
mod roles;
mod safety;
