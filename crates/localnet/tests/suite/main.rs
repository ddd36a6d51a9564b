//! The local network, as a library and as a command. Two programs stay apart: `crash` holds keepers to times, which needs the
//! machine to itself, and `readme` needs the ports of the documents and their answers in time. `vault` needs `ballast` and `ballast-keeper`
//! beside the tests: `scripts/test --e2e` builds both.

mod command;
mod localnet;
mod proxy;
#[path = "../support/mod.rs"]
mod support;
mod vault;
mod web;
