//! Which accounts prices are read from, and what they hold.

use std::collections::BTreeSet;

use ballast_client::{
    Address, MarketView, SYSTEM_PROGRAM,
    engine::{
        price::feed::{PriceUpdate, Source},
        record::layout,
    },
    from_engine, to_engine,
};
use solana_account::Account;

use super::{Chain, ChainUpdate, feeds::FeedId, offer};
use crate::account_index::Applied;

/// A price account.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Price {
    owner: Address,
    update: Option<PriceUpdate>,
}

impl Price {
    /// What an account that does not exist holds.
    const NONE: Self = Self { owner: SYSTEM_PROGRAM, update: None };

    fn of(account: &Account) -> Self {
        Self { owner: account.owner, update: PriceUpdate::parse(&account.data).ok() }
    }
}

impl Chain {
    /// The feeds whose account is not pinned.
    pub fn unpinned_feeds(&self) -> BTreeSet<FeedId> {
        let feeds = self.open_reserves().flat_map(|reserve| {
            let oracle = &reserve.config.oracle;
            [(oracle.feed_id, oracle.feed_account), (oracle.base_feed_id, oracle.base_feed_account)]
        });
        feeds.filter(|(feed, account)| !feed.is_none() && account.is_none()).map(|(feed, _)| feed.0).collect()
    }

    /// When the price that an account holds of a feed was published; none if it holds no genuine price of that feed.
    fn published(&self, feed: &FeedId, account: &Address) -> Option<i64> {
        let price = &self.prices.get(account)?.as_ref()?.value;
        self.genuine(feed, price).map(|update| update.publish_time)
    }

    /// The price that an account holds of a feed, if a receiver stored it.
    fn genuine(&self, feed: &FeedId, price: &Price) -> Option<PriceUpdate> {
        let is_accepted = self.market()?.market.accepts_receiver(&to_engine(&price.owner));
        price.update.filter(|update| is_accepted && update.feed_id == *feed)
    }

    /// The account that has the newest genuine price of a feed that is not pinned, and when it was published.
    fn newest(&self, feed: &FeedId) -> Option<(i64, Address)> {
        let dated = |account: &Address| Some((self.published(feed, account)?, *account));
        // If several are of the same second, the last candidate counts.
        self.feeds.candidates(feed).iter().filter_map(dated).max_by_key(|(time, _)| *time)
    }

    /// Takes in which account has the newest price of a feed. The account is watched from now on if the price held is older.
    pub(super) fn hear_feed(&mut self, feed: FeedId, address: Address, account: &Account, update: &mut ChainUpdate) {
        let found = Price::of(account);
        let Some(price) = self.genuine(&feed, &found) else { return };
        let is_newer = self.newest(&feed).is_none_or(|(held, _)| price.publish_time > held);
        if !is_newer || !self.unpinned_feeds().contains(&feed) {
            return;
        }
        let mut feeds = std::mem::take(&mut self.feeds);
        feeds.name(feed, address, |account| self.published(&feed, account));
        self.feeds = feeds;
        update.watched |= self.watch_prices();
    }

    /// Watches exactly the pinned accounts and the candidates. Returns whether that changed which accounts are watched.
    pub(super) fn watch_prices(&mut self) -> bool {
        let feeds = self.unpinned_feeds();
        self.feeds.keep(&feeds);
        let pinned = self.open_reserves().flat_map(|reserve| {
            let oracle = &reserve.config.oracle;
            [oracle.feed_account, oracle.base_feed_account]
        });
        let pinned = pinned.filter(|account| !account.is_none()).map(|account| from_engine(&account));
        let wanted: BTreeSet<_> = pinned.chain(self.feeds.accounts()).collect();
        let before = self.prices.len();
        self.prices.retain(|account, _| wanted.contains(account));
        let kept = self.prices.len();
        for account in wanted {
            self.prices.entry(account).or_default();
        }
        kept < before || kept < self.prices.len()
    }

    /// Takes in what a price account holds, or that there is none.
    pub(super) fn hear_price(
        &mut self,
        address: Address,
        slot: u64,
        account: Option<&Account>,
        update: &mut ChainUpdate,
    ) -> Applied {
        let mut seen = self.feeds.of(&address);
        seen.retain(|feed| self.newest(feed).is_some());
        let Some(held) = self.prices.get_mut(&address) else { return Applied::Refused };
        let applied = offer(held, slot, account.map_or(Price::NONE, Price::of));
        update.is_blind |= seen.iter().any(|feed| self.newest(feed).is_none());
        applied
    }

    /// The price accounts of a reserve: of its feed, and of its base feed if it has one.
    pub fn price_accounts(&self, reserve: u8) -> Option<Vec<Address>> {
        let oracle = &self.market()?.reserves.get(reserve as usize)?.config.oracle;
        let of = |feed: &layout::Address, account: &layout::Address| {
            if account.is_none() { self.newest(&feed.0).map(|(_, newest)| newest) } else { Some(from_engine(account)) }
        };
        let first = of(&oracle.feed_id, &oracle.feed_account)?;
        if oracle.base_feed_id.is_none() {
            return Some(vec![first]);
        }
        Some(vec![first, of(&oracle.base_feed_id, &oracle.base_feed_account)?])
    }

    /// What price accounts hold, as the engine takes it.
    pub fn sources(&self, market: &MarketView, reserve: u8) -> Option<Vec<Source>> {
        let source = |address: &Address| {
            let price = &self.prices.get(address)?.as_ref()?.value;
            let is_accepted = market.market.accepts_receiver(&to_engine(&price.owner));
            price.update.filter(|_| is_accepted).map(|update| Source { address: to_engine(address), update })
        };
        self.price_accounts(reserve)?.iter().map(source).collect()
    }
}
