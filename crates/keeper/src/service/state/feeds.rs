//! The price accounts of feeds that are not pinned to one account.
//!
//! Anyone may post a genuine update to an account of their own, and then let it grow old, overwrite it with an update of
//! another feed, or close it. So a feed has several candidate accounts, which are all watched. Its price is the newest
//! genuine update that any of them holds now, whichever account was the newest when all were last read.

use std::collections::{BTreeMap, BTreeSet};

use ballast_client::Address;

/// A feed's name.
pub type FeedId = [u8; 32];

/// Candidates of a feed, at most. To crowd out an account that is updated regularly, somebody must keep this many others newer
/// than it, and these serve as well.
pub const MOST_CANDIDATES: usize = 4;

/// The candidates of each feed, in the order in which they were named.
#[derive(Clone, Debug, Default)]
pub struct Feeds(BTreeMap<FeedId, Vec<Address>>);

impl Feeds {
    /// The candidates of a feed, the one that was named last at the end.
    pub fn candidates(&self, feed: &FeedId) -> &[Address] {
        self.0.get(feed).map_or(&[], Vec::as_slice)
    }

    /// All candidates.
    pub fn accounts(&self) -> impl Iterator<Item = Address> {
        self.0.values().flatten().copied()
    }

    /// The feeds that an account is a candidate of.
    pub fn of(&self, account: &Address) -> Vec<FeedId> {
        self.0.iter().filter(|(_, candidates)| candidates.contains(account)).map(|(feed, _)| *feed).collect()
    }

    /// Adds a candidate. If there are too many then, the one with the oldest update, or with none, is removed.
    pub fn name(&mut self, feed: FeedId, account: Address, published: impl Fn(&Address) -> Option<i64>) {
        let candidates = self.0.entry(feed).or_default();
        candidates.retain(|one| *one != account);
        if candidates.len() >= MOST_CANDIDATES
            && let Some((oldest, _)) = candidates.iter().enumerate().min_by_key(|(_, one)| published(one))
        {
            candidates.remove(oldest);
        }
        candidates.push(account);
    }

    /// Forgets all other feeds.
    pub fn keep(&mut self, feeds: &BTreeSet<FeedId>) {
        self.0.retain(|feed, _| feeds.contains(feed));
    }
}
