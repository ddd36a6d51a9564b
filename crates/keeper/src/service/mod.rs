//! The keeper at work: what it knows ([`state`]), what there is to do ([`duty`]), what that is in instructions ([`order`]), and
//! around this pure core what talks to the world: [`feed`] reads the chain, [`router`] quotes and swaps, [`act`] sends,
//! [`metrics`] are served, and [`run`] joins them. Vaults, which lend to several markets, have all of this of their own ([`vault`]).

pub mod act;
pub mod bid;
pub mod commitment;
pub mod config;
pub mod duty;
pub mod feed;
pub mod metrics;
pub mod order;
pub mod pace;
pub mod perps;
pub mod router;
pub mod run;
pub mod state;
pub mod vault;
