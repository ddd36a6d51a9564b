//! Prices, from a feed to what they are good for.
//!
//! feed (what Pyth published) → cache (readings, and what they are like) → breaker (what that trips) → policy (what each action
//! reads them for). Weights follow the volatility one floor up.

pub mod breaker;
pub mod cache;
pub mod feed;
pub mod policy;
pub mod volatility;
