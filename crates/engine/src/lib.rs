//! State, arithmetic and risk rules of the Ballast protocol.
//!
//! The program, the client, the bots and the tests all call this crate, so the health a bot computes *is* the health
//! the chain computes. It knows no accounts, no clock and no tokens: bytes, times, prices and amounts come in, a result
//! or a typed error goes out. The structs that derive `Pod` are the very bytes of the program's accounts.
#![no_std]

pub mod error;
pub mod health;
pub mod ledger;
pub mod number;
pub mod perps;
pub mod price;
pub mod record;
pub mod state;
pub mod vaults;

pub use error::{Error, Result};
