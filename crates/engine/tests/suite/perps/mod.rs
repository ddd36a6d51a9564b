//! Perps against a pool. The invariants are numbered as in ARCHITECTURE.md.

mod attacks;
mod behaviour;
mod differential;
mod invariants;
mod model;
mod refusals;
mod scene;

pub use scene::*;
