//! What the `ballast` command does, for the command and for the local network.

pub mod cascade;
pub mod compare;
pub mod demo;
mod report;
pub mod setup;
