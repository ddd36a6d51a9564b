//! Experiments on real prices, and their reports: a replay ([`demo`]), policies side by side ([`compare`]), liquidations that
//! move the price ([`cascade`]), and a vault whose lenders run ([`vaults`]).

mod batch;
pub mod cascade;
pub mod compare;
pub mod demo;
pub mod options;
mod output;
mod report;
mod table;
pub mod vaults;
