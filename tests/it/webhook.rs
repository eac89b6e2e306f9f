//! The webhook: what becomes of pods, and who gets what from the auth service.

mod admission;
mod certificates;
