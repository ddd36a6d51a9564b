//! What several suites play on.

pub mod distress;
pub mod due;
pub mod insured;
pub mod introspection;
pub mod office;
pub mod stage;
pub mod token_2022;
