//! The webhook: what becomes of pods, and who gets what from the auth service.

mod admission;
mod attacks;
mod auth;
mod certificates;
mod flood;
mod legacy;
mod run;
mod schema;
mod validate;
