//! Markets and instructions that several suites use.

pub mod every_instruction_market;
pub mod insured_market;
pub mod introspection;
pub mod liquidation_scene;
pub mod multisig_market;
pub mod perp_instructions;
pub mod pool_vault_instructions;
pub mod queued_changes;
pub mod sources;
pub mod token_2022;
pub mod vault_instructions;
