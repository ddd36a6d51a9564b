//! Perps against a pool. The invariants are numbered as in ARCHITECTURE.md.

mod attacks;
mod behaviour;
mod claims;
mod differential;
mod extremes;
mod invariants;
mod model;
mod orders;
mod refusals;
mod reports;
mod scene;

pub use scene::*;
