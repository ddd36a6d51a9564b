//! Experiments on real prices, and their reports: a replay ([`demo`]), policies side by side ([`compare`]), and liquidations that
//! move the price ([`cascade`]).

mod batch;
pub mod cascade;
pub mod compare;
pub mod demo;
pub mod options;
mod output;
mod report;
mod table;
