//! The state of a market and its accounts, and the rules that belong to each record alone.

pub mod account;
pub mod breakers;
pub mod change;
pub mod exposure;
pub mod insurance;
pub mod interest;
pub mod market;
pub mod pause;
pub mod permission;
pub mod perp;
pub mod rate_limit;
pub mod reserve;
pub mod token;
pub mod vault;
pub mod weights;
