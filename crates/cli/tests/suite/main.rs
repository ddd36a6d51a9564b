//! The `ballast` command, from its options to what lands on chain.

mod common;
mod exit;
mod market;
mod options;
mod perps;
mod pools;
mod prices;
mod trades;
mod user_commands;
mod vault_pools;
mod vault_tokens;
mod vaults;
