//! The keeper of a market: it liquidates, and turns the cranks that anyone may turn.

pub mod account_index;
pub mod bench;
pub mod service;
