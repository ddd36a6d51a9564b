//! The `ballast` command, from its options to what lands on chain.

mod common;
mod exit;
mod market;
mod online;
mod options;
mod prices;
