//! The experiments, as commands.

mod cascade;
mod common;
mod compare;
mod demo;
mod perps;
mod stress;
mod vaults;
