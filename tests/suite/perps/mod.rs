//! Perps and their pools, by the bytecode. What their figures must be is held on the host: crates/engine/tests/suite/perps.

mod matrix;
mod orders;
mod random;
mod refusals;
mod states;
mod trades;
