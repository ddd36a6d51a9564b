//! State, arithmetic and risk rules of the Ballast protocol.
//!
//! The program, the client, the bots and the tests all call this crate, so the health a bot computes *is* the health
//! the chain computes. It knows no accounts, no clock and no tokens: bytes, times, prices and amounts come in, a result
//! or a typed error goes out. The structs that derive `Pod` are the very bytes of the program's accounts.
#![no_std]

pub mod actions;
pub mod breaker;
pub mod error;
pub mod exposure;
pub mod flash;
pub mod flow;
pub mod gate;
pub mod governance;
pub mod health;
pub mod index;
pub mod insurance;
pub mod interest;
pub mod layout;
pub mod liquidation;
pub mod margin;
pub mod market;
pub mod math;
pub mod parameter;
pub mod pause;
pub mod price;
pub mod reading;
pub mod reserve;
pub mod rules;
pub mod token;
pub mod units;
pub mod volatility;
pub mod weights;

pub use error::{Error, Result};
