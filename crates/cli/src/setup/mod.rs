//! A market in a file, and the steps that bring a cluster to it.

pub mod feed;
pub mod file;
pub mod plan;
#[cfg(test)]
mod tests;
pub mod value;

use std::{collections::BTreeMap, io::Write};

use anyhow::{Context, Result};
use ballast_client::{Address, change_address, decode_change, engine::state::change::Change, pinned_accounts};
use serde_json::json;
use solana_account::Account;
use solana_keypair::Keypair;

use crate::online::{
    cluster::Cluster,
    session::{Mode, Session},
};
use ballast_time::full_label;
use file::Desired;
use plan::{State, plan};

/// Brings a market to what a file says, as far as the keys go, of which the first pays; says to `out` what it does. Returns
/// whether nothing is left to do.
pub fn apply(cluster: &mut dyn Cluster, keys: Vec<Keypair>, desired: &Desired, out: &mut dyn Write) -> Result<bool> {
    let mode = Mode::Send { is_mainnet_meant: false };
    Session::new(cluster, keys.into(), mode, false, out).apply(desired)
}

impl Session<'_> {
    /// The changes that are queued.
    pub fn changes(&mut self, market: &ballast_client::MarketView) -> Result<Vec<Change>> {
        let addresses: Vec<_> =
            (0..market.market.changes).map(|number| change_address(&market.address, number).0).collect();
        let accounts = self.cluster.accounts(&addresses)?;
        let is_ours = |account: &Account| account.owner == ballast_client::ID;
        let changes = accounts.into_iter().flatten().filter(is_ours).map(|account| decode_change(&account.data));
        changes.collect::<Result<_, _>>().context("a queued change")
    }

    fn state(&mut self, desired: &Desired) -> Result<State> {
        let market = self.find_market(desired.address())?;
        let changes = market.as_ref().map(|market| self.changes(market)).transpose()?.unwrap_or_default();
        let mints = self.found(desired.reserves.iter().map(|listed| listed.mint))?;
        let prices = self.found(desired.reserves.iter().flat_map(|listed| pinned_accounts(&listed.config.oracle)))?;
        Ok(State { market, changes, mints, prices, now: self.now()? })
    }

    /// The accounts that there are, by their addresses.
    pub fn found(&mut self, addresses: impl Iterator<Item = Address>) -> Result<BTreeMap<[u8; 32], Account>> {
        let addresses: Vec<_> = addresses.collect();
        let accounts = self.cluster.accounts(&addresses)?;
        let found =
            addresses.iter().zip(accounts).filter_map(|(address, account)| Some((address.to_bytes(), account?)));
        Ok(found.collect())
    }

    /// Sends what can be sent now, and returns whether nothing is left to do.
    pub fn apply(&mut self, desired: &Desired) -> Result<bool> {
        let payer = self.keys.payer();
        let state = self.state(desired)?;
        let now = state.now;
        let first = plan(desired, state, payer)?;
        if self.is_for_multisig() {
            self.print_instructions(&first)?;
            return Ok(first.steps.is_empty());
        }
        let market = desired.address().to_string();
        self.show(json!({ "market": market, "now": now }), &format!("market {market}, {} UTC", full_label(now)))?;
        self.table(&first)?;
        if !self.is_sending() {
            return Ok(first.steps.is_empty());
        }
        self.require_permission()?;
        if self.carry_out(&first.steps)? == 0 {
            return Ok(first.steps.is_empty());
        }
        let left = plan(desired, self.state(desired)?, payer)?;
        self.say("left to do:")?;
        self.table(&left)?;
        Ok(left.steps.is_empty())
    }
}
