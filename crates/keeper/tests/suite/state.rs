//! What is held in the end is the truth, whatever the order, the doubles and the gaps that news come with.

use std::collections::BTreeMap;

use crate::support::{account, clock_bytes, margin_bytes, market_bytes, price_bytes};
use ballast_client::{
    Address, CLOCK_SYSVAR, ID, VaultView,
    engine::{health::Requirement, state::vault::Vault},
};
use ballast_keeper::{
    account_index::Extent,
    bench::population::{Population, START, Tokens},
    service::{
        duty::{Duty, Thresholds, duties},
        state::{News, State},
        vault::{Listed, Snapshot},
    },
};
use ballast_liquidator::{is_bad_debt, is_report_due};
use proptest::prelude::*;
use solana_account::Account;

const KEEPER: Address = Address::new_from_array([9; 32]);
const RECEIVER: Address = Address::new_from_array([8; 32]);
const MARGINS: u8 = 6;

fn margin(number: u8) -> Address {
    Address::new_from_array([100 + number; 32])
}

/// A chain's whole history: states of accounts by slot, in order within a slot.
struct History {
    market: Address,
    writes: Vec<(u64, Address, Option<Account>)>,
    slots: u64,
}

impl History {
    fn new(seed: u64, slots: u64) -> Self {
        let mut population = Population::new(seed);
        let mut market = population.market(Tokens::Common, 16, 0);
        market.market.config.roles.price_receiver.0 = RECEIVER.to_bytes();
        let mut writes = vec![(1, market.address, Some(account(ID, market_bytes(&market))))];
        for number in 0..MARGINS {
            let positions = 2 + population.below(6);
            let ratio = population.ratio(0.95);
            let made = population.account(&market, positions, ratio);
            writes.push((1, margin(number), Some(account(ID, margin_bytes(&made, market.address)))));
        }
        for slot in 1..=slots {
            let now = START + slot as i64;
            writes.push((slot, CLOCK_SYSVAR, Some(account(Address::default(), clock_bytes(now, 3)))));
            for _ in 0..population.below(4) {
                // Several a slot, also of one account.
                let number = population.below(MARGINS as usize) as u8;
                let state = match population.below(8) {
                    0 => None,
                    _ => {
                        let made = population.account(&market, 2 + number as usize % 3, 1.0);
                        Some(account(ID, margin_bytes(&made, market.address)))
                    }
                };
                writes.push((slot, margin(number), state));
            }
            match population.below(4) {
                0 => {
                    population.move_price(&mut market, slot as usize % 16, 0.05, now);
                    writes.push((slot, market.address, Some(account(ID, market_bytes(&market)))));
                }
                1 => {
                    let reserve = population.below(16);
                    let bytes = price_bytes(&market.reserves[reserve], 0.9 + slot as f64 / 100.0, now);
                    let address = Address::new_from_array(market.reserves[reserve].config.oracle.feed_account.0);
                    writes.push((slot, address, Some(account(RECEIVER, bytes))));
                }
                _ => (),
            }
        }
        Self { market: market.address, writes, slots }
    }

    /// What an account is like at the end of a slot.
    fn at(&self, address: &Address, slot: u64) -> Option<Account> {
        let of = self.writes.iter().rev().find(|(written, one, _)| one == address && *written <= slot);
        of.and_then(|(_, _, account)| account.clone())
    }

    fn addresses(&self) -> Vec<Address> {
        let all: BTreeMap<_, _> = self.writes.iter().map(|(_, address, _)| (*address, ())).collect();
        all.into_keys().collect()
    }

    fn news(&self, address: Address, slot: u64) -> News {
        News::Account { address, slot, account: self.at(&address, slot) }
    }

    /// Everything as read at the end.
    fn listing(&self) -> Vec<News> {
        let margins = (0..MARGINS).map(margin);
        let accounts: Vec<_> = margins.filter_map(|address| Some((address, self.at(&address, self.slots)?))).collect();
        let addresses = accounts.iter().map(|(address, _)| *address).collect();
        let others = self.addresses().into_iter().filter(|address| address.as_array()[0] < 100);
        let mut news: Vec<_> = others.map(|address| self.news(address, self.slots)).collect();
        // The market first, as the keeper reads it.
        news.sort_by_key(|one| !matches!(one, News::Account { address, .. } if *address == self.market));
        news.push(News::Margins { slot: self.slots, accounts });
        news.push(News::Listing { slot: self.slots, addresses });
        news
    }
}

/// What matters of a state, to compare two.
fn summary(state: &State) -> String {
    let accounts: Vec<_> = (0..MARGINS).map(|number| state.accounts.account(&margin(number))).collect();
    let predicted = state.chain.predict(u64::MAX).map(|one| (one.market.reserves, one.fresher, one.now));
    format!("{accounts:?} {:?} {:?} {predicted:?}", state.chain.market(), state.chain.clock())
}

/// A state that heard everything once and in order, of each slot the last.
fn told_in_order(history: &History) -> State {
    let mut state = State::new(history.market, KEEPER);
    history.listing().into_iter().for_each(|news| _ = state.hear(news));
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// The order is turned over within `reach`, notices come twice, some never; two of one slot are read again later.
    #[test]
    fn news_in_any_order_end_in_the_truth(seed: u64, reach in 1usize..60, drops in 0u32..30, doubles in 0u32..50) {
        let history = History::new(seed, 40);
        let mut rng = Population::new(seed ^ 1);
        let mut notices: Vec<_> = history.writes.iter().cloned().enumerate().map(|(at, write)| (at + rng.below(reach), write)).collect();
        for at in 0..notices.len() {
            if rng.below(100) < doubles as usize {
                let twice = (notices[at].0 + rng.below(reach), notices[at].1.clone());
                notices.push(twice);
            }
        }
        notices.sort_by_key(|notice| notice.0);
        let is_dropped = |rng: &mut Population| rng.below(100) < drops as usize;
        let mut state = State::new(history.market, KEEPER);
        // The first reading, of any time.
        let first = 1 + rng.below(history.slots as usize) as u64;
        for address in history.addresses() {
            state.hear(history.news(address, first));
        }
        let mut doubts = Vec::new();
        for (_, (slot, address, account)) in notices {
            if is_dropped(&mut rng) {
                continue;
            }
            let update = state.hear(News::Account { address, slot, account });
            doubts.extend(update.doubts);
            // Answers take a while.
            if !doubts.is_empty() && rng.below(3) == 0 {
                let (address, slot) = doubts.remove(0);
                let read = slot + 1 + rng.below(3) as u64;
                doubts.extend(state.hear(history.news(address, read)).doubts);
            }
        }
        while let Some((address, slot)) = doubts.pop() {
            doubts.extend(state.hear(history.news(address, slot + 1)).doubts);
        }
        let truth = told_in_order(&history);
        if drops == 0 {
            // No reading of everything is needed.
            for number in 0..MARGINS {
                let (held, truth) = (state.accounts.account(&margin(number)), truth.accounts.account(&margin(number)));
                prop_assert_eq!(held.map(|one| one.positions), truth.map(|one| one.positions), "account {}", number);
            }
        }
        for news in history.listing() {
            let update = state.hear(news);
            for (address, slot) in update.doubts {
                state.hear(history.news(address, slot + 1));
            }
        }
        // A comparison that shows both would fill pages.
        prop_assert!(summary(&state) == summary(&truth), "it ends in something else");
        // Once more changes nothing.
        for news in history.listing() {
            prop_assert!(!state.hear(news).changed);
        }
    }

    #[test]
    fn what_there_is_to_do_is_what_the_engine_says(seed: u64) {
        let history = History::new(seed, 40);
        let mut state = told_in_order(&history);
        let mut predicted = state.chain.predict(u64::MAX).expect("all is known");
        let thresholds = Thresholds { refresh_age_bps: 0, refresh_deviation_bps: 0, refresh_fees: f64::MAX };
        let (duties, found) = duties(&mut state, &mut predicted, Extent::Full, &thresholds, |_| true);
        let market = &predicted.market;
        for number in 0..MARGINS {
            let Some(account) = state.accounts.account(&margin(number)) else { continue };
            let health = market.health(&account, predicted.now, Requirement::Maintenance).expect("listed");
            let asked = duties.iter().any(|duty| matches!(duty, Duty::Liquidate(one) | Duty::Settle(one, _) if *one == margin(number)));
            prop_assert_eq!(asked, !health.is_healthy());
            prop_assert_eq!(found.iter().any(|one| one.address == margin(number)), !health.is_healthy());
            let mut copy = predicted.market.clone();
            let ledger = &copy.ledger(predicted.now);
            let report = duties.iter().any(|duty| matches!(duty, Duty::Report(one) if *one == margin(number)));
            prop_assert_eq!(report, is_report_due(ledger, &account) && !is_bad_debt(ledger, &account));
        }
        let refreshed: Vec<u8> = duties.iter().flat_map(|duty| match duty {
            Duty::Refresh(reserves) => reserves.clone(),
            _ => Vec::new(),
        }).collect();
        let fresher: Vec<u8> = (0..16).filter(|reserve| predicted.fresher >> reserve & 1 == 1).collect();
        prop_assert_eq!(refreshed, fresher, "with no threshold all that is newer is refreshed");
    }
}

#[test]
fn accounts_of_other_markets_and_programs_are_left_alone() {
    let history = History::new(5, 3);
    let mut state = told_in_order(&history);
    let before = summary(&state);
    let Some(other) = history.at(&margin(0), 1) else { panic!("it is there at first") };
    let mut of_other_market = other.clone();
    of_other_market.data[16..48].fill(77);
    let of_other_program = Account { owner: RECEIVER, ..other };
    for account in [of_other_market, of_other_program] {
        assert!(!state.hear(News::Account { address: margin(0), slot: 99, account: Some(account) }).changed);
    }
    assert_eq!(summary(&state), before);
}

#[test]
fn a_price_of_a_program_that_is_no_receiver_is_not_taken_over() {
    let history = History::new(5, 3);
    let mut state = told_in_order(&history);
    let market = state.chain.market().expect("read").clone();
    let address = Address::new_from_array(market.reserves[2].config.oracle.feed_account.0);
    let bytes = price_bytes(&market.reserves[2], 0.5, START + 3);
    for (slot, owner, expected) in [(50, KEEPER, 0), (51, RECEIVER, 1 << 2)] {
        state.hear(News::Account { address, slot, account: Some(account(owner, bytes.clone())) });
        let fresher = state.chain.predict(u64::MAX).expect("all is known").fresher;
        assert_eq!(fresher & (1 << 2), expected);
    }
}

#[test]
fn vaults_are_those_that_were_listed_last_and_as_they_were_read_last() {
    let mut state = State::new(RECEIVER, KEEPER);
    let listed = |number: u8| Listed {
        address: Address::new_from_array([number; 32]),
        vault: Vault::default(),
        terms: vec![KEEPER],
        changes: Vec::new(),
    };
    let snapshot = |number: u8, idle: u64| Snapshot {
        view: VaultView::new(listed(number).address, Vault { idle, ..Vault::default() }, []),
        head: None,
        terms: Vec::new(),
        changes: Vec::new(),
        has_shares: false,
    };
    let held = |state: &State| {
        let read = state.vaults.snapshots().map(|one| (one.view.address.as_array()[0], one.view.vault.idle));
        read.collect::<Vec<_>>()
    };
    assert!(state.vaults.is_empty());
    state.hear(News::Vaults(vec![listed(1), listed(2)]));
    assert_eq!((state.vaults.is_empty(), held(&state)), (false, vec![]), "none is read yet");
    state.hear(News::Snapshots(vec![snapshot(1, 10), snapshot(2, 20), snapshot(3, 30)]));
    assert_eq!(held(&state), [(1, 10), (2, 20)], "nobody listed the third");
    state.hear(News::Snapshots(vec![snapshot(2, 21)]));
    // The next reading asks for who is first by then.
    assert_eq!(state.vaults.find(&listed(2).address).map(|one| one.vault.idle), Some(21));
    state.hear(News::Vaults(vec![listed(2), listed(3)]));
    assert_eq!(held(&state), [(2, 21)]);
    assert_eq!(state.vaults.listed().len(), 2);
    assert!(state.vaults.find(&listed(1).address).is_none());
}
