//! Vaults that lend to the keeper's market: which there are, and what was last read of each.
//!
//! A vault has up to eight markets, and the keeper follows one of them. So what it knows of a vault is read together, in one
//! request: the vault, all markets that its policy names, and who is first in its queue. These are snapshots, made from time to
//! time, because vaults are few and what they want is no matter of slots: liquidity for who waits, a few percent of coverage, a
//! yield. To subscribe to all their markets would bring the traffic of eight keepers for that. Snapshots only say what may be
//! worth an attempt ([`work`]). An attempt reads the vault again and decides anew ([`act`]), so nothing is built from what is old,
//! and of several keepers, of whatever markets, all but the first find nothing left to do.

pub mod act;
pub mod feed;
mod pools;
pub mod work;

use std::collections::BTreeMap;

use ballast_client::{
    Address, ID, MarketView, TOKEN_PROGRAM, VaultView, decode_change, decode_exit_request, decode_term_deposit,
    decode_vault,
    engine::state::{
        change::Change,
        vault::{ExitRequest, TermDeposit, Vault},
    },
    from_engine, to_engine,
};
use solana_account::Account;
use spl_associated_token_account_interface::address::get_associated_token_address_with_program_id;

/// Most vaults that a keeper follows, those with the most in its market and idle: anyone may make vaults.
pub const MOST_VAULTS: usize = 64;
/// Most term deposits of a vault that are followed at a time.
pub const MOST_TERMS: usize = 32;
/// Most changes of a vault that are followed at a time.
pub const MOST_CHANGES: usize = 16;

/// A vault, and where what is to be known of it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its address.
    pub address: Address,
    /// The vault as it was last read.
    pub vault: Vault,
    /// Term deposits that were over and on the ladder when it was listed.
    pub terms: Vec<Address>,
    /// Queued changes that were due when it was listed.
    pub changes: Vec<Address>,
}

/// What was read of a vault at a time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The vault and its markets.
    pub view: VaultView,
    /// The first request of its queue.
    pub head: Option<(Address, ExitRequest)>,
    /// The term deposits of [`Listed::terms`] that are still there.
    pub terms: Vec<(Address, TermDeposit)>,
    /// The changes of [`Listed::changes`] that are still there.
    pub changes: Vec<(Address, Change)>,
    /// Whether the keeper has an account of its shares.
    pub has_shares: bool,
}

/// The keeper's own account of a vault's shares.
pub fn own_shares(keeper: &Address, vault: &Vault) -> Address {
    get_associated_token_address_with_program_id(keeper, &from_engine(&vault.share_mint), &TOKEN_PROGRAM)
}

/// The first request of a vault's queue.
fn head(vault: &Vault) -> Option<Address> {
    vault.queue.first().map(|place| from_engine(&vault.queue.tickets[place as usize].request))
}

/// The vaults whose policy names a market that lists their token, those with the most idle or in it at `now` first, no more
/// than [`MOST_VAULTS`].
pub fn of_market(mut vaults: Vec<(Address, Vault)>, market: &MarketView, now: i64) -> Vec<(Address, Vault)> {
    let named = to_engine(&market.address);
    vaults.retain(|(_, vault)| {
        vault.config.allocations.iter().any(|policy| policy.market == named) && work::listed(market, vault).is_some()
    });
    // The other markets are not read yet: what is there does not count.
    let has = |(address, vault): &(Address, Vault)| {
        let worth = VaultView::new(*address, *vault, [market.clone()]).preview(now, |vaults| vaults.valuation.exit);
        work::listed(market, vault).map_or(0.0, |reserve| ballast_liquidator::value(market, reserve, worth))
    };
    vaults.sort_by_cached_key(|vault| std::cmp::Reverse((has(vault) * 1e6) as u64));
    vaults.truncate(MOST_VAULTS);
    vaults
}

impl Listed {
    /// The accounts of which a snapshot is made.
    pub fn accounts(&self, keeper: &Address) -> Vec<Address> {
        // Also those that are not open yet: they may be by then.
        let markets = self.vault.config.allocations.iter().map(|policy| &policy.market);
        let markets = markets.filter(|market| !market.is_none()).map(from_engine);
        let own = [self.address, own_shares(keeper, &self.vault)];
        let waiting = self.terms.iter().chain(&self.changes).copied();
        own.into_iter().chain(markets).chain(head(&self.vault)).chain(waiting).collect()
    }

    /// A snapshot, of what [`Self::accounts`] named; none if the vault is none. A market that is none is taken for one that
    /// cannot be read, as the program takes it.
    pub fn snapshot<'a>(&self, keeper: &Address, find: impl Fn(&Address) -> Option<&'a Account>) -> Option<Snapshot> {
        let data = |address: &Address| find(address).filter(|account| account.owner == ID).map(|one| &one.data[..]);
        let vault = decode_vault(data(&self.address)?).ok()?;
        let markets = VaultView::market_addresses(&vault);
        let markets = markets.iter().filter_map(|market| MarketView::decode(*market, data(market)?).ok());
        let named = to_engine(&self.address);
        let head = head(&vault).and_then(|address| {
            let request = decode_exit_request(data(&address)?).ok()?;
            (request.vault == named).then_some((address, request))
        });
        let terms = self.terms.iter().filter_map(|address| {
            let term = decode_term_deposit(data(address)?).ok()?;
            (term.vault == named).then_some((*address, term))
        });
        let changes = self.changes.iter().filter_map(|address| {
            let change = decode_change(data(address)?).ok()?;
            (change.market == named).then_some((*address, change))
        });
        let shares = find(&own_shares(keeper, &vault));
        Some(Snapshot {
            view: VaultView::new(self.address, vault, markets),
            head,
            terms: terms.collect(),
            changes: changes.collect(),
            has_shares: shares.is_some_and(|account| account.owner == TOKEN_PROGRAM),
        })
    }
}

impl Snapshot {
    /// Whether who is first in the queue was read with it.
    fn knows_head(&self) -> bool {
        head(&self.view.vault) == self.head.as_ref().map(|(address, _)| *address)
    }
}

/// The vaults that are followed.
#[derive(Clone, Debug, Default)]
pub struct Vaults(BTreeMap<Address, (Listed, Option<Snapshot>)>);

impl Vaults {
    /// Takes in which there are: there are no others.
    pub fn list(&mut self, listed: Vec<Listed>) {
        let mut before = std::mem::take(&mut self.0);
        for one in listed {
            let snapshot = before.remove(&one.address).and_then(|(_, snapshot)| snapshot);
            self.0.insert(one.address, (one, snapshot));
        }
    }

    /// Takes in what was read of some of them.
    pub fn hear(&mut self, snapshots: Vec<Snapshot>) {
        for snapshot in snapshots {
            if let Some((listed, held)) = self.0.get_mut(&snapshot.view.address) {
                listed.vault = snapshot.view.vault;
                *held = Some(snapshot);
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, for the next reading.
    pub fn listed(&self) -> Vec<Listed> {
        self.0.values().map(|(listed, _)| listed.clone()).collect()
    }

    /// One of them.
    pub fn find(&self, vault: &Address) -> Option<&Listed> {
        self.0.get(vault).map(|(listed, _)| listed)
    }

    /// What was last read.
    pub fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.0.values().filter_map(|(_, snapshot)| snapshot.as_ref())
    }
}
