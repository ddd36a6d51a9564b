//! Experiments on real prices, and their reports: a replay ([`demo`]), policies side by side ([`compare`]), liquidations that
//! move the price ([`cascade`]), a vault whose lenders run ([`vaults`]), perps against a pool ([`perps`]), and days of stress by the
//! thousand ([`stress`]).

mod batch;
pub mod cascade;
pub mod compare;
pub mod demo;
mod figures;
pub mod options;
mod output;
pub mod perps;
mod report;
pub mod stress;
mod table;
pub mod vaults;
