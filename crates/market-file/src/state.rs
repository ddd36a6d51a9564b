//! The state of a market on a cluster, and of the accounts that its file names.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, ID, MarketView, VaultView, change_address, decode_change, decode_vault,
    engine::state::{change::Change, vault::Vault},
    pinned_accounts,
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
        let changes = market
            .as_ref()
            .map(|market| changes(cluster, market.address, market.market.changes))
            .transpose()?
            .unwrap_or_default();
        let mints = found(cluster, desired.reserves.iter().map(|listed| listed.token.mint))?;
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

/// A vault with its markets, if there is one at the address. Markets that cannot be read are left out.
pub fn find_vault(cluster: &mut dyn Cluster, address: Address) -> Result<Option<VaultView>> {
    let Some(account) = cluster.account(address)? else { return Ok(None) };
    ensure!(account.owner == ID, "{address} is no account of the program {ID}");
    let vault = decode_vault(&account.data).with_context(|| format!("vault {address}"))?;
    Ok(vaults(cluster, vec![(address, vault)])?.pop())
}

/// Vaults with their markets, which are read together.
pub fn vaults(cluster: &mut dyn Cluster, vaults: Vec<(Address, Vault)>) -> Result<Vec<VaultView>> {
    let named: BTreeSet<_> = vaults
        .iter()
        .flat_map(|(_, vault)| VaultView::market_addresses(vault))
        .map(|address| address.to_bytes())
        .collect();
    let found = found(cluster, named.into_iter().map(Address::new_from_array))?;
    let read = |address: Address| {
        let account = found.get(&address.to_bytes()).filter(|account| account.owner == ID)?;
        MarketView::decode(address, &account.data).ok()
    };
    let view = |(address, vault): (Address, Vault)| {
        let markets: Vec<_> = VaultView::market_addresses(&vault).into_iter().filter_map(read).collect();
        VaultView::new(address, vault, markets)
    };
    Ok(vaults.into_iter().map(view).collect())
}

/// The changes that are queued of a market or a vault that has queued so many so far.
pub fn changes(cluster: &mut dyn Cluster, of: Address, count: u64) -> Result<Vec<Change>> {
    let addresses: Vec<_> = (0..count).map(|number| change_address(&of, number).0).collect();
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
