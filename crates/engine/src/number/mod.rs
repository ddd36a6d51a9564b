//! Numbers: integer arithmetic, and quantities with types. Uses nothing else of the crate.

pub mod growth;
pub mod index;
pub mod math;
pub mod units;
