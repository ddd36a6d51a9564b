//! The state of a market on a cluster, and of the accounts that its file names.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, ID, MarketView, change_address, decode_change, engine::state::change::Change, pinned_accounts,
};
use ballast_rpc::{Cluster, now};
use solana_account::Account;

use crate::Desired;

/// All that a plan depends on.
pub struct State {
    /// The market, if it exists.
    pub market: Option<MarketView>,
    /// Its queued changes.
    pub changes: Vec<Change>,
    /// The accounts of the file's mints, by their addresses.
    pub mints: BTreeMap<[u8; 32], Account>,
    /// The accounts that the file pins prices to, likewise.
    pub prices: BTreeMap<[u8; 32], Account>,
    /// Unix seconds.
    pub now: i64,
}

impl State {
    /// Reads it.
    pub fn read(cluster: &mut dyn Cluster, desired: &Desired) -> Result<Self> {
        let market = find_market(cluster, desired.address())?;
        let changes = market.as_ref().map(|market| changes(cluster, market)).transpose()?.unwrap_or_default();
        let mints = found(cluster, desired.reserves.iter().map(|listed| listed.mint))?;
        let prices = found(cluster, desired.reserves.iter().flat_map(|listed| pinned_accounts(&listed.config.oracle)))?;
        Ok(Self { market, changes, mints, prices, now: now(cluster)? })
    }
}

/// A market, if there is one at the address.
pub fn find_market(cluster: &mut dyn Cluster, address: Address) -> Result<Option<MarketView>> {
    let Some(account) = cluster.account(address)? else { return Ok(None) };
    ensure!(account.owner == ID, "{address} is no account of the program {ID}");
    let view = MarketView::decode(address, &account.data);
    view.map(Some).with_context(|| format!("market {address}"))
}

/// The changes that are queued.
pub fn changes(cluster: &mut dyn Cluster, market: &MarketView) -> Result<Vec<Change>> {
    let addresses: Vec<_> =
        (0..market.market.changes).map(|number| change_address(&market.address, number).0).collect();
    let accounts = cluster.accounts(&addresses)?;
    let is_ours = |account: &Account| account.owner == ID;
    let changes = accounts.into_iter().flatten().filter(is_ours).map(|account| decode_change(&account.data));
    changes.collect::<Result<_, _>>().context("a queued change")
}

/// The accounts that there are, by their addresses.
pub fn found(
    cluster: &mut dyn Cluster,
    addresses: impl Iterator<Item = Address>,
) -> Result<BTreeMap<[u8; 32], Account>> {
    let addresses: Vec<_> = addresses.collect();
    let accounts = cluster.accounts(&addresses)?;
    let found = addresses.iter().zip(accounts).filter_map(|(address, account)| Some((address.to_bytes(), account?)));
    Ok(found.collect())
}
