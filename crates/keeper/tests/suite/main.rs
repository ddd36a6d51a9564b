//! The keeper: what it knows and decides, and the whole service against a node of its own.

mod account_index;
mod bytecode;
mod feeds;
#[allow(dead_code, reason = "the RPC client's suite needs more of it")]
#[path = "../../../rpc/tests/suite/support/mod.rs"]
mod node;
mod perp_work;
mod perps;
mod profit;
mod router;
mod service;
mod socket;
mod state;
mod support;
mod vault_changes;
mod vault_pools;
mod vault_service;
mod vaults;
