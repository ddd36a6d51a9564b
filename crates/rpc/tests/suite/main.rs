//! The RPC client against a node that says what a test wants.

mod node;
#[allow(dead_code, reason = "the keeper's suite needs more of it")]
mod support;
