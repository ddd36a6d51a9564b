//! A market under stress, on the engine: many runs of one day, from one state, through prices that are drawn.
//!
//! The market, its people and its prices are those of the replays; what is new is who reacts. Borrowers defend themselves or sleep,
//! lenders run, liquidators compete with limits ([`bots`]), market makers step back ([`makers`]), the oracle is late or out
//! ([`feed`]), and someone may pump a price ([`attacker`]). A run is a function of its scenario, its prices and its number, whatever
//! the thread. [`proof`] plays a run through the program's bytecode and requires the same bytes.

pub mod attacker;
pub mod bots;
pub mod chain;
pub mod feed;
pub mod makers;
pub mod outcome;
pub mod people;
pub mod proof;
pub mod reaction;
pub mod run;
mod watch;

use bots::Bot;
use people::Response;

use crate::{policy::Policy, replay::Phases};

/// What all runs have in common, beside their prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// How risk is governed.
    pub policy: Policy,
    /// How liquidations are spread over time.
    pub phases: Phases,
    /// Borrowers.
    pub traders: usize,
    /// How they and the lenders answer to danger.
    pub response: Response,
    /// What one borrower pledges, as a share of all that the others do.
    pub whale: f64,
    /// Stake in each reserve's insurance, as a share of its deposits.
    pub insurance: f64,
    /// USD that move each asset's price by 1 %.
    pub depths: Vec<f64>,
    /// Seconds after which half of what liquidations did to a price is gone; at 0 books refill at once.
    pub half_life: i64,
    /// The least share of a book's depth that its makers leave.
    pub floor: f64,
    /// Who liquidates.
    pub bots: Vec<Bot>,
    /// Seconds by which the oracle is late.
    pub delay: i64,
    /// Seconds for which it is out in the middle of each run's steepest hour.
    pub outage: i64,
    /// What someone spends to pump the first asset's price, USD.
    pub attack: f64,
}
