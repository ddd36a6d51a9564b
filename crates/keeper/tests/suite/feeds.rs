//! Whoever posts, closes or overwrites price accounts, the keeper sees the newest genuine price that is there.

use crate::support::{account, clock_bytes, market_bytes, price_bytes};
use ballast_client::{Address, CLOCK_SYSVAR, ID, MarketView, engine::record::layout};
use ballast_keeper::{
    bench::population::{Population, START, Tokens},
    service::state::{ChainUpdate, News, State, feeds::MOST_CANDIDATES},
};
use solana_account::Account;

const KEEPER: Address = Address::new_from_array([9; 32]);
const RECEIVER: Address = Address::new_from_array([8; 32]);
const A: Address = at(101);
const B: Address = at(102);
const C: Address = at(103);

const fn at(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

/// A market of which no feed is pinned, as of slot 1.
struct UnpinnedFeeds {
    market: MarketView,
    state: State,
    slot: u64,
}

impl UnpinnedFeeds {
    fn new(change: impl Fn(&mut MarketView)) -> Self {
        let mut market = Population::new(7).market(Tokens::Common, 4, 0);
        market.market.config.roles.price_receiver.0 = RECEIVER.to_bytes();
        for (number, reserve) in (1..).zip(&mut market.reserves) {
            reserve.config.oracle.feed_id.0 = [number; 32];
            reserve.config.oracle.feed_account = layout::Address::NONE;
        }
        change(&mut market);
        let mut scene = Self { state: State::new(market.address, KEEPER), market, slot: 1 };
        scene.hear(CLOCK_SYSVAR, Some(account(Address::default(), clock_bytes(START + 300, 3))));
        let update = scene.hear_market();
        assert!(update.is_blind, "accounts are to be looked for");
        scene
    }

    fn hear_market(&mut self) -> ChainUpdate {
        self.hear(self.market.address, Some(account(ID, market_bytes(&self.market))))
    }

    /// News by subscription or by reading.
    fn hear(&mut self, address: Address, account: Option<Account>) -> ChainUpdate {
        self.slot += 1;
        self.state.hear(News::Account { address, slot: self.slot, account })
    }

    /// A price account of a reserve's feed, published so many seconds after the start.
    fn price(&self, reserve: usize, seconds: i64) -> Account {
        account(RECEIVER, price_bytes(&self.market.reserves[reserve], 1.0, START + seconds))
    }

    /// What looking through all accounts finds to be the newest of a reserve's feed.
    fn find(&mut self, reserve: usize, address: Address, account: Account) -> ChainUpdate {
        self.slot += 1;
        let feed = self.market.reserves[reserve].config.oracle.feed_id.0;
        self.state.hear(News::Feed { feed, address, slot: self.slot, account })
    }

    fn found(&mut self, reserve: usize, address: Address, seconds: i64) -> ChainUpdate {
        let account = self.price(reserve, seconds);
        self.find(reserve, address, account)
    }

    fn watches(&self, address: Address) -> bool {
        self.state.chain.watched().contains(&address)
    }

    /// The one account that a reserve's price is read from.
    fn source(&self, reserve: u8) -> Option<Address> {
        self.state.chain.price_accounts(reserve).map(|accounts| accounts[0])
    }

    /// When the price that the keeper counts with was published, seconds after the start.
    fn seconds(&self, reserve: usize) -> i64 {
        let predicted = self.state.chain.predict(u64::MAX).expect("known");
        predicted.market.reserves[reserve].price.publish_time - START
    }
}

#[test]
fn the_account_that_was_newest_before_is_seen_again() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    // A, then somebody's B, then A again, and B is closed.
    assert!(scene.found(0, A, 10).watched);
    assert!(scene.found(0, B, 20).watched);
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(B), 20));
    assert!(!scene.found(0, A, 30).watched, "it is watched already");
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 30));
    let update = scene.hear(B, None);
    assert!(!update.is_blind);
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 30));
}

#[test]
fn no_search_is_needed_to_see_the_newest_of_those_that_are_known() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    scene.found(0, A, 10);
    scene.found(0, B, 20);
    // A is published to all the while: heard of by its subscription.
    let newer = scene.price(0, 30);
    scene.hear(A, Some(newer));
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 30));
    // B is closed before A has anything newer.
    let newest = scene.price(0, 40);
    scene.hear(B, Some(newest));
    assert_eq!(scene.source(0), Some(B));
    scene.hear(B, None);
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 30));
    // And opened again.
    let newest = scene.price(0, 50);
    scene.hear(B, Some(newest));
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(B), 50));
}

#[test]
fn an_older_update_changes_nothing() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    scene.found(0, A, 30);
    assert!(!scene.found(0, B, 20).watched && !scene.found(0, C, 30).watched, "nor one of the same second");
    assert!(!scene.watches(B) && !scene.watches(C));
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 30));
    // Somebody posts an old update over a newer one in an account that is watched.
    scene.found(0, B, 40);
    let old = scene.price(0, 5);
    scene.hear(B, Some(old));
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 30));
}

#[test]
fn what_no_receiver_owns_or_is_another_feeds_is_no_price() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    scene.found(0, A, 10);
    let stranger = Account { owner: KEEPER, ..scene.price(0, 90) };
    assert!(!scene.find(0, C, stranger).watched, "somebody else's");
    let others = scene.price(1, 90);
    assert!(!scene.find(0, C, others).watched, "another feed's");
    scene.found(0, B, 20);
    for spoilt in [
        Account { owner: KEEPER, ..scene.price(0, 99) },
        scene.price(1, 99),
        account(RECEIVER, vec![1, 2, 3]),
        account(RECEIVER, Vec::new()),
    ] {
        let good = scene.price(0, 20);
        scene.hear(B, Some(good));
        assert_eq!(scene.source(0), Some(B));
        assert!(!scene.hear(B, Some(spoilt)).is_blind);
        assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 10));
    }
}

#[test]
fn when_the_last_is_gone_others_are_looked_for_once() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    scene.found(0, A, 10);
    scene.found(0, B, 20);
    assert!(!scene.hear(A, None).is_blind);
    assert!(scene.hear(B, None).is_blind);
    assert_eq!(scene.source(0), None);
    assert!(!scene.hear(B, None).is_blind, "it was asked for");
    let others = scene.price(1, 99);
    assert!(!scene.hear(B, Some(others)).is_blind);
    // A market that changes all the time does not ask for it either.
    scene.market.reserves[0].cash += 1;
    assert!(!scene.hear_market().is_blind);
    scene.found(0, C, 30);
    assert_eq!((scene.source(0), scene.seconds(0)), (Some(C), 30));
}

#[test]
fn many_accounts_of_a_stranger_do_not_crowd_out_one_that_is_published_to() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    scene.found(0, A, 10);
    for round in 1..20 {
        // A new account each time, newest at the moment, and then left alone.
        let time = 10 * round + 1;
        scene.found(0, at(110 + round as u8), time);
        let update = scene.price(0, 10 * round + 5);
        scene.hear(A, Some(update));
        assert_eq!((scene.source(0), scene.seconds(0)), (Some(A), 10 * round + 5), "{round}");
    }
    let candidates = (100..140).filter(|byte| scene.watches(at(*byte))).count();
    assert_eq!(candidates, MOST_CANDIDATES, "no more are watched than that");
}

#[test]
fn a_feed_is_found_in_an_account_that_is_watched_for_another_reason() {
    // Reserve 0 pins the account, reserve 1 has the same feed and does not.
    let mut scene = UnpinnedFeeds::new(|market| {
        market.reserves[0].config.oracle.feed_account.0 = A.to_bytes();
        market.reserves[1].config.oracle.feed_id = market.reserves[0].config.oracle.feed_id;
    });
    assert!(scene.watches(A));
    let update = scene.price(0, 10);
    scene.hear(A, Some(update));
    assert_eq!((scene.source(0), scene.source(1)), (Some(A), None));
    scene.found(1, A, 10);
    assert_eq!((scene.source(1), scene.seconds(1)), (Some(A), 10));
    // Crowded out as a candidate, it stays watched as the one that is pinned.
    for number in 1..10 {
        scene.found(1, at(110 + number), 10 + number as i64);
    }
    assert!(scene.watches(A));
}

#[test]
fn feeds_and_their_bases_have_candidates_of_their_own() {
    let mut scene = UnpinnedFeeds::new(|market| {
        market.reserves[0].config.oracle.base_feed_id = market.reserves[1].config.oracle.feed_id;
    });
    assert_eq!(scene.state.chain.unpinned_feeds().len(), 4, "each once");
    scene.found(0, A, 10);
    assert_eq!(scene.state.chain.price_accounts(0), None, "the base is not known");
    scene.found(1, B, 10);
    assert_eq!(scene.state.chain.price_accounts(0), Some(vec![A, B]));
    assert_eq!(scene.source(1), Some(B));
    // Another base, another rate; one of them goes.
    scene.found(1, C, 20);
    assert_eq!(scene.state.chain.price_accounts(0), Some(vec![A, C]));
    scene.hear(C, None);
    assert_eq!(scene.state.chain.price_accounts(0), Some(vec![A, B]));
    assert!(scene.hear(A, None).is_blind);
    assert_eq!((scene.state.chain.price_accounts(0), scene.source(1)), (None, Some(B)));
}

#[test]
fn what_the_market_does_not_name_any_more_is_not_watched() {
    let mut scene = UnpinnedFeeds::new(|_| ());
    scene.found(0, A, 10);
    scene.found(1, B, 10);
    // One feed is pinned, another reserve gets another feed.
    scene.market.reserves[0].config.oracle.feed_account.0 = C.to_bytes();
    scene.market.reserves[1].config.oracle.feed_id.0 = [77; 32];
    let update = scene.hear_market();
    assert!(update.watched && update.is_blind);
    assert_eq!([A, B, C].map(|account| scene.watches(account)), [false, false, true]);
    // A finding of before comes too late.
    let late = scene.price(0, 20);
    assert!(!scene.find(0, A, late).watched && !scene.watches(A));
    assert_eq!(scene.source(0), Some(C));
}
