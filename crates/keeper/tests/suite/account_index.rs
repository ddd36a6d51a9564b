//! The index finds the accounts that the engine calls liquidatable, all of them and no others, however it came by them.

use std::collections::BTreeMap;

use ballast_client::{
    Address, MarketView,
    engine::{
        health::Requirement,
        number::units::{Part, Shares},
        state::account::{MarginAccount, Side},
    },
};
use ballast_keeper::{
    account_index::{AccountIndex, Applied, Extent, Found},
    bench::population::{Population, START, Tokens},
};
use ballast_liquidator::is_bad_debt;
use proptest::prelude::*;

pub(crate) fn address(number: usize) -> Address {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Address::new_from_array(bytes)
}

/// What is true: accounts by address, and what the engine says of each.
#[derive(Default)]
pub(crate) struct Truth(pub(crate) BTreeMap<Address, MarginAccount>);

impl Truth {
    pub(crate) fn liquidatable(&self, market: &MarketView, now: i64) -> Vec<Address> {
        let is_short = |account: &MarginAccount| {
            market.health(account, now, Requirement::Maintenance).is_ok_and(|health| !health.is_healthy())
        };
        self.0.iter().filter(|(_, account)| is_short(account)).map(|(address, _)| *address).collect()
    }

    pub(crate) fn bad_debts(&self, market: &MarketView, now: i64) -> Vec<Address> {
        let mut market = market.clone();
        let ledger = market.ledger(now);
        self.0.iter().filter(|(_, account)| is_bad_debt(&ledger, account)).map(|(address, _)| *address).collect()
    }
}

pub(crate) fn sorted(found: Vec<Found>) -> Vec<Address> {
    let mut addresses: Vec<_> = found.into_iter().map(|found| found.address).collect();
    addresses.sort();
    addresses
}

/// Any account: mostly of what `population` makes, some at the line to the unit, some with dust for deposits.
fn any_account(population: &mut Population, market: &MarketView) -> MarginAccount {
    let positions = population.below(17);
    let ratio = match population.below(4) {
        0 => 1.0,
        1 => population.ratio(0.999_9),
        _ => population.ratio(0.9),
    };
    let mut account = match population.below(8) {
        0 => population.isolated_account(market, ratio),
        _ => population.account(market, positions, ratio),
    };
    match population.below(16) {
        0 => {
            account.positions.iter_mut().filter(|one| one.side == Side::Deposit as u8).for_each(|one| one.shares.0 = 1)
        }
        1 => account.positions.iter_mut().filter(|one| one.side != 0).for_each(|one| one.shares.0 = 1),
        _ => (),
    }
    account
}

fn fill(population: &mut Population, market: &MarketView, accounts: usize) -> (AccountIndex, Truth) {
    let (mut index, mut truth) = (AccountIndex::default(), Truth::default());
    for number in 0..accounts {
        let account = any_account(population, market);
        assert_eq!(index.apply(&address(number), &account, 1, &market.reserves), Applied::Changed);
        truth.0.insert(address(number), account);
    }
    (index, truth)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_full_evaluation_finds_whom_the_engine_finds(
        seed: u64,
        tokens in prop::sample::select(vec![Tokens::Common, Tokens::Any]),
        reserves in 16usize..=64,
        stale in 0usize..5,
    ) {
        let mut population = Population::new(seed);
        let market = population.market(tokens, reserves, stale);
        let (mut index, truth) = fill(&mut population, &market, 300);
        for now in [START, START + 30, START + 61, START + 1_000_000] {
            prop_assert_eq!(sorted(index.evaluate(&market, now, Extent::Full)), truth.liquidatable(&market, now));
            prop_assert_eq!(sorted_addresses(index.bad_debts(&mut market.clone(), now)), truth.bad_debts(&market, now));
        }
    }

    /// Prices move, age, and earn interest; accounts come, change and go: an evaluation of what has moved finds the same.
    #[test]
    fn an_evaluation_of_what_moved_finds_whom_the_engine_finds(
        seed: u64,
        tokens in prop::sample::select(vec![Tokens::Common, Tokens::Any]),
        reserves in 16usize..=64,
        stale in 0usize..5,
    ) {
        let mut population = Population::new(seed);
        let mut market = population.market(tokens, reserves, stale);
        let (mut index, mut truth) = fill(&mut population, &market, 200);
        index.evaluate(&market, START, Extent::Full);
        let mut now = START;
        for slot in 2..40 {
            now += [0, 1, 1, 20, 100, 10_000][population.below(6)];
            for _ in 0..population.below(3) {
                let reserve = population.below(reserves);
                let part = [0.0001, 0.001, 0.05][population.below(3)];
                population.move_price(&mut market, reserve, part, now);
            }
            if population.below(8) == 0 {
                let risk = &mut market.reserves[population.below(reserves)].risk;
                risk.position_depth = [0, 1_000, 1_000_000][population.below(3)];
            }
            for _ in 0..population.below(4) {
                let number = population.below(210);
                let account = any_account(&mut population, &market);
                if population.below(4) == 0 {
                    if index.remove(&address(number), slot) != Applied::Older {
                        truth.0.remove(&address(number));
                    }
                } else {
                    let applied = index.apply(&address(number), &account, slot, &market.reserves);
                    if applied != Applied::Older {
                        truth.0.insert(address(number), account);
                    }
                }
            }
            prop_assert_eq!(index.len(), truth.0.len());
            prop_assert_eq!(sorted(index.evaluate(&market, now, Extent::Moved)), truth.liquidatable(&market, now));
        }
        // As if it had been built from what is there now.
        let mut fresh = AccountIndex::default();
        for (address, account) in &truth.0 {
            fresh.apply(address, account, 1, &market.reserves);
            prop_assert_eq!(index.account(address).map(|held| held.positions), Some(account.positions));
        }
        prop_assert_eq!(
            sorted(fresh.evaluate(&market, now, Extent::Full)),
            sorted(index.evaluate(&market, now, Extent::Full))
        );
        prop_assert_eq!(fresh.below([1.0, 1.1, 2.0]), index.below([1.0, 1.1, 2.0]));
    }

    /// News of an account come late, twice and out of order: what is held in the end is the newest.
    #[test]
    fn the_newest_news_is_held_whatever_order_it_comes_in(seed: u64, order in Just((1..20u64).collect::<Vec<_>>()).prop_shuffle()) {
        let mut population = Population::new(seed);
        let market = population.market(Tokens::Any, 16, 0);
        let news: Vec<_> = (0..20).map(|_| any_account(&mut population, &market)).collect();
        let mut index = AccountIndex::default();
        let mut newest = 0;
        for slot in order {
            let account = &news[slot as usize];
            let applied = index.apply(&address(0), account, slot, &market.reserves);
            prop_assert_eq!(applied == Applied::Older, slot < newest);
            newest = newest.max(slot);
            prop_assert_eq!(index.apply(&address(0), account, slot, &market.reserves) == Applied::Older, slot < newest);
            let held = index.account(&address(0)).expect("it was applied");
            prop_assert_eq!(held.positions, news[newest as usize].positions);
            prop_assert_eq!(index.slot(&address(0)), Some(newest));
        }
    }
}

pub(crate) fn sorted_addresses(mut addresses: Vec<Address>) -> Vec<Address> {
    addresses.sort();
    addresses
}

fn one_account() -> (MarketView, MarginAccount, AccountIndex) {
    let mut population = Population::new(1);
    let mut market = population.market(Tokens::Any, 16, 0);
    market.reserves.iter_mut().for_each(|reserve| reserve.config.oracle.max_skew = 60);
    let account = population.account(&market, 4, 1.5);
    let mut index = AccountIndex::default();
    assert_eq!(index.apply(&address(0), &account, 10, &market.reserves), Applied::Changed);
    (market, account, index)
}

#[test]
fn the_same_again_and_older_news_change_nothing() {
    let (market, account, mut index) = one_account();
    let other = MarginAccount { liquidatable_since: 5, ..account };
    assert_eq!(index.apply(&address(0), &other, 9, &market.reserves), Applied::Older);
    assert_eq!(index.apply(&address(0), &account, 10, &market.reserves), Applied::Same);
    assert_eq!(index.account(&address(0)).map(|held| held.liquidatable_since), Some(0));
    assert_eq!(index.apply(&address(0), &account, 12, &market.reserves), Applied::Same);
    assert_eq!(index.apply(&address(0), &other, 11, &market.reserves), Applied::Older, "it was the same at slot 12");
}

#[test]
fn two_of_one_slot_are_in_doubt_until_a_later_one() {
    let (market, account, mut index) = one_account();
    let other = MarginAccount { liquidatable_since: 5, ..account };
    assert_eq!(index.apply(&address(0), &other, 10, &market.reserves), Applied::InDoubt);
    assert_eq!(index.apply(&address(0), &account, 11, &market.reserves), Applied::Changed);
}

#[test]
fn what_was_removed_does_not_come_back_by_old_news() {
    let (market, account, mut index) = one_account();
    assert_eq!(index.remove(&address(0), 9), Applied::Older, "it is known as of slot 10");
    assert_eq!(index.remove(&address(0), 12), Applied::Changed);
    assert_eq!(index.apply(&address(0), &account, 11, &market.reserves), Applied::Older);
    assert!(index.is_empty());
    assert_eq!(index.apply(&address(0), &account, 13, &market.reserves), Applied::Changed);
    assert_eq!(index.missing(&[address(0)].into(), 20), []);
    assert_eq!(index.missing(&[].into(), 20), [address(0)]);
    assert_eq!(index.missing(&[].into(), 12), [], "what is newer than the list is not gone by it");
    assert_eq!(index.missing(&[].into(), 13), [address(0)]);
    assert_eq!(index.remove(&address(0), 13), Applied::InDoubt, "it may have been closed before or after");
}

#[test]
fn an_account_of_a_reserve_that_cannot_be_is_refused() {
    let (market, mut account, mut index) = one_account();
    account.positions[0].reserve = 64;
    assert_eq!(index.apply(&address(1), &account, 10, &market.reserves), Applied::Refused);
    assert_eq!(index.len(), 1);
}

#[test]
fn an_account_read_before_its_reserve_is_found_once_the_market_is_read() {
    let mut population = Population::new(3);
    let market = population.market(Tokens::Common, 16, 0);
    let account = population.account(&market, 16, 0.8);
    assert!(!market.health(&account, START, Requirement::Maintenance).expect("all are listed").is_healthy());
    let before = MarketView { reserves: market.reserves[..8].to_vec(), ..market.clone() };
    let mut index = AccountIndex::default();
    index.apply(&address(0), &account, 1, &before.reserves);
    assert_eq!(index.evaluate(&before, START, Extent::Moved), []);
    assert_eq!(sorted(index.evaluate(&market, START, Extent::Moved)), [address(0)]);
}

#[test]
fn what_was_closed_and_opened_in_one_slot_is_in_doubt() {
    let (market, account, mut index) = one_account();
    assert_eq!(index.remove(&address(0), 10), Applied::InDoubt);
    assert_eq!(index.apply(&address(0), &account, 10, &market.reserves), Applied::InDoubt);
    assert_eq!(index.remove(&address(0), 11), Applied::Changed);
    assert_eq!(index.remove(&address(0), 12), Applied::Same);
    assert_eq!(index.apply(&address(0), &account, 11, &market.reserves), Applied::Older);
}

#[test]
fn accounts_of_which_a_loss_is_reported_are_known() {
    let (market, account, mut book) = one_account();
    assert_eq!(book.reported(), []);
    let reported = MarginAccount { doubtful: Part(7), ..account };
    assert_eq!(book.apply(&address(0), &reported, 11, &market.reserves), Applied::Changed);
    assert_eq!(
        (book.reported(), book.account(&address(0)).map(|held| held.doubtful)),
        (vec![address(0)], Some(Part(7)))
    );
    assert_eq!(book.apply(&address(0), &account, 12, &market.reserves), Applied::Changed);
    assert_eq!(book.reported(), []);
}

#[test]
fn debtors_of_a_reserve_whose_term_has_come_are_due() {
    let (mut market, account, index) = one_account();
    let debt = account.positions().iter().find(|position| position.is_debt()).expect("it has a debt").reserve;
    assert_eq!(index.due(&market.reserves, START), []);
    market.reserves[debt as usize].config.repay_by = START as u32;
    assert_eq!(index.due(&market.reserves, START - 1), []);
    assert_eq!(index.due(&market.reserves, START), [(address(0), debt)]);
    let deposit = account.positions().iter().find(|position| !position.is_debt()).expect("a deposit").reserve;
    market.reserves[deposit as usize].config.repay_by = START as u32;
    assert_eq!(index.due(&market.reserves, START).len(), 1, "a deposit is not due");
}

#[test]
fn accounts_are_counted_by_their_distance_to_the_line() {
    let (market, mut account, mut index) = one_account();
    index.apply(&address(1), &MarginAccount { position_count: 0, positions: Default::default(), ..account }, 1, &[]);
    for slot in 11..20 {
        for position in account.positions.iter_mut().filter(|position| position.is_debt()) {
            position.shares = Shares(position.shares.0 / 10 * 11);
        }
        index.apply(&address(0), &account, slot, &market.reserves);
        index.evaluate(&market, START, Extent::Moved);
        let health = market.health(&account, START, Requirement::Maintenance).expect("its reserves exist");
        let ratio = health.collateral.to_f64() / health.debt.to_f64();
        assert_eq!(index.below([ratio * 0.999, ratio * 1.001]), [0, 1]);
    }
}
