//! Perps against a pool. The invariants are numbered as in ARCHITECTURE.md.

mod behaviour;
mod invariants;
mod scene;

pub use scene::*;
