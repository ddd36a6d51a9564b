//! Who waits for liquidity: first come, first served, whatever others do.

use super::{ALL, DAY, ONE, Pool, Scene, address, policy};
use crate::common::{cases, rational::ratio};
use ballast_engine::{
    Error,
    number::units::{Bps, Shares},
    record::layout::Address,
    state::vault::{ExitRequest, MAX_REQUESTS, VaultConfig},
};
use proptest::prelude::*;

/// A vault whose idle tokens are those that tests give it, and whose market is lent out.
fn dry(config: VaultConfig, people: usize) -> Scene {
    let mut scene = Scene::new(config, &[Pool { lent: 100_000 * ONE, used: 8_000, ..Pool::default() }], people);
    for who in 0..people {
        scene.deposit(who, 1_000 * ONE).unwrap();
    }
    let idle = scene.vault.idle;
    scene.put(0, idle);
    scene.wait(1);
    let cash = scene.markets[0].reserves[0].cash;
    scene.drain(0, cash.min(20_000 * ONE - 2));
    let cash = scene.markets[0].reserves[0].cash;
    // A borrower takes the rest.
    scene.markets[0].deposit(2, 1, 10_000 * 1_000_000_000);
    scene.markets[0].borrow(2, 0, cash);
    assert_eq!(scene.markets[0].reserves[0].cash, 0);
    scene
}

/// Tokens come back to the market, from a borrower.
fn repay(scene: &mut Scene, amount: u64) {
    scene.markets[0].act(2, |ledger, account| ledger.repay(account, 0, amount)).unwrap();
}

#[test]
fn who_came_first_is_paid_first() {
    let mut scene = dry(policy(1), 4);
    for who in [2, 0, 3] {
        scene.request(who, 100 * ONE, 0).unwrap();
    }
    assert_eq!(scene.request(2, 1, 0), Err(Error::RequestOpen));
    assert_eq!(scene.serve(2, ALL).map(drop), Err(Error::NothingToServe));
    repay(&mut scene, 150 * ONE);
    assert_eq!(scene.serve(0, ALL).map(drop), Err(Error::NotFirstInQueue));
    assert_eq!(scene.serve(1, ALL).map(drop), Err(Error::WrongRequest));
    let paid = scene.serve(2, ALL).unwrap();
    assert!(paid.exchange.amount.abs_diff(100 * ONE) < 10_000, "{paid:?}");
    // What is left pays a part of the next, who stays first.
    let part = scene.serve(0, ALL).unwrap();
    assert!(part.exchange.amount.abs_diff(50 * ONE) < 10_000 && scene.first() == Some(0));
    scene.check();
    repay(&mut scene, 200 * ONE);
    scene.serve(0, ALL).unwrap();
    assert_eq!(scene.first(), Some(3));
    assert_eq!(scene.claim(2), Ok(paid.exchange.amount));
    assert_eq!(scene.claim(2), Err(Error::NothingToClaim));
    scene.check();
}

#[test]
fn a_large_request_takes_turns_with_small_ones() {
    let mut scene = dry(VaultConfig { round_share: Bps(1_000), ..policy(1) }, 4);
    scene.request(0, 1_000 * ONE, 0).unwrap();
    scene.request(1, 10 * ONE, 0).unwrap();
    scene.request(2, 10 * ONE, 0).unwrap();
    repay(&mut scene, 300 * ONE);
    let part = scene.serve(0, ALL).unwrap();
    assert!(part.exchange.amount.abs_diff(30 * ONE) < 10, "a tenth of what is liquid");
    for who in [1, 2, 0] {
        assert_eq!(scene.first(), Some(who));
        scene.serve(who, ALL).unwrap();
    }
    assert_eq!(scene.first(), Some(0), "alone it goes on");
    scene.check();
}

/// V8: a request below its owner's limit, a cancelled one, one that lost all: each leaves, and the next is paid.
#[test]
fn nobody_keeps_the_next_one_waiting() {
    let mut scene = dry(policy(1), 4);
    scene.request(0, 100 * ONE, 200 * ONE).unwrap();
    scene.request(1, 100 * ONE, 0).unwrap();
    scene.request(2, 100 * ONE, 0).unwrap();
    repay(&mut scene, 500 * ONE);
    let refused = scene.serve(0, ALL).unwrap();
    assert_eq!(refused.exchange.amount, 0);
    assert_eq!(scene.first(), Some(1));
    assert_eq!(scene.cancel(1), Ok(Shares(100 * ONE)));
    assert_eq!(scene.cancel(1), Err(Error::NothingToClaim));
    scene.serve(2, ALL).unwrap();
    assert_eq!(scene.first(), None);
    assert_eq!(scene.cancel(0), Ok(Shares(100 * ONE)), "what went out unpaid is the owner's");
    scene.check();
}

/// V9: 10,000 tries with dust get nowhere, and those in the queue are served in as many steps as there are.
#[test]
fn dust_gets_no_place() {
    let config = VaultConfig { min_amount: 100 * ONE, ..policy(1) };
    let mut scene = dry(config, 2);
    assert_eq!(scene.look(|vaults| vaults.least_request()), scene.assets() / 1_000);
    let mut queue = scene.vault.queue;
    for number in 0..10_000u64 {
        let mut request = ExitRequest::default();
        let stranger = Address([7; 32]);
        let shares = Shares(1 + number % 1_900_000);
        let tried = scene.act(|vaults| vaults.request_exit(&mut request, stranger, shares, 0));
        assert_eq!(tried, Err(Error::BelowVaultMinimum));
    }
    assert_eq!(bytemuck::bytes_of(&scene.vault.queue), bytemuck::bytes_of(&queue));
    assert_eq!(scene.request(0, 0, 0), Err(Error::AmountIsZero));
    assert_eq!(
        scene.act(|vaults| vaults.request_exit(&mut ExitRequest::default(), address(0), Shares(u64::MAX), 0)),
        Err(Error::InsufficientShares)
    );
    scene.request(0, 3 * ONE, 0).unwrap();
    queue = scene.vault.queue;
    assert_eq!(queue.shares.0, 3 * ONE);
}

/// With a small minimum, half of the places are for requests of a thousandth of the assets and more: to keep others out takes a
/// part of the vault.
#[test]
fn the_queue_is_not_filled_with_little() {
    let mut scene = dry(policy(1), 40);
    for who in 0..MAX_REQUESTS / 2 {
        scene.request(who, 1_000, 0).unwrap();
    }
    assert_eq!(scene.request(20, 1_000, 0), Err(Error::BelowVaultMinimum));
    assert_eq!(scene.look(|vaults| vaults.least_to_join()), scene.assets() / 1_000);
    for who in MAX_REQUESTS / 2..MAX_REQUESTS {
        scene.request(who, 50 * ONE, 0).unwrap();
    }
    assert_eq!(scene.request(39, 50 * ONE, 0), Err(Error::QueueFull));
    scene.cancel(5).unwrap();
    scene.request(39, 50 * ONE, 0).unwrap();
    scene.check();
}

/// V10.
#[test]
fn what_is_queued_is_out_of_reach() {
    let config = VaultConfig { coverage_target: Bps(0), ..policy(1) };
    let mut scene = dry(config, 4);
    scene.request(0, 600 * ONE, 0).unwrap();
    repay(&mut scene, 500 * ONE);
    assert_eq!(scene.redeem(1, ONE, ALL).map(drop), Err(Error::OthersWaitForThis));
    assert_eq!(scene.withdraw(1, ONE, ALL).map(drop), Err(Error::OthersWaitForThis));
    assert_eq!(scene.look(|vaults| vaults.max_withdraw(Shares(ONE), ALL)), 0);
    // The only move is towards what is idle, and as much as waits.
    let found = scene.rebalance().unwrap();
    assert_eq!((found.from, found.to), (Some(0), None));
    assert!(scene.vault.idle >= 499 * ONE);
    repay(&mut scene, 500 * ONE);
    scene.rebalance().unwrap();
    let waits = scene.look(|vaults| vaults.vault.queued(&vaults.valuation));
    assert_eq!(scene.vault.idle, waits);
    scene.wait(10 * DAY);
    scene.touch();
    // Idle tokens that somebody waits for are not lent.
    assert!(scene.rebalance().map_or(true, |found| found.to.is_none()));
    // Beyond them others may leave.
    scene.deposit(2, 1_000 * ONE).unwrap();
    scene.redeem(1, ONE, ALL).unwrap();
    let waits = scene.look(|vaults| vaults.vault.queued(&vaults.valuation));
    assert!(scene.look(|vaults| vaults.valuation.takeable) >= waits);
    scene.serve(0, ALL).unwrap();
    assert_eq!(scene.first(), None);
    scene.check();
}

/// Whoever serves picks the moment, and so what is liquid in it: the fee is no higher than it was when the owner asked.
#[test]
fn no_server_raises_the_fee() {
    let config =
        VaultConfig { exit_fee_coverage: Bps(10_000), max_exit_fee: Bps(500), runoff_days: Bps(2_000), ..policy(2) };
    let mut scene = Scene::new(config, &[Pool::default(); 2], 3);
    scene.deposit(0, 10_000 * ONE).unwrap();
    scene.deposit(1, 90_000 * ONE).unwrap();
    scene.put(0, 60_000 * ONE);
    scene.put(1, 29_000 * ONE);
    scene.wait(10);
    scene.request(0, 5_000 * ONE, 0).unwrap();
    assert_eq!(scene.people[0].request.max_fee, Bps(0), "all is liquid");
    let honest = scene.clone().serve(0, ALL).unwrap();
    for slot in [0, 1] {
        let cash = scene.markets[slot].reserves[0].cash;
        scene.drain(slot, cash);
    }
    let exit = scene.serve(0, ALL).unwrap();
    assert_eq!(exit.fee, 0);
    assert_eq!(exit.exchange.amount, honest.exchange.amount);
    // Who asks while little is liquid pays as one who leaves at once.
    let now = scene.look(|vaults| vaults.preview(|vaults| vaults.redeem(Shares(5_000 * ONE), 0, ALL)));
    let now = now.unwrap();
    assert!(now.fee > 0);
    scene.request(1, 5_000 * ONE, 0).unwrap();
    let served = scene.serve(1, ALL).unwrap();
    assert!(served.fee >= now.fee / 2 && served.fee > 0, "{} {}", served.fee, now.fee);
}

/// While a market cannot be read, shares have no price that a server could pay for the owner.
#[test]
fn nobody_is_paid_at_a_price_that_is_not_known() {
    let mut scene = Scene::plain(1, 2);
    scene.deposit(0, 1_000 * ONE).unwrap();
    scene.deposit(1, 1_000 * ONE).unwrap();
    scene.put(0, 1_000 * ONE);
    scene.wait(1);
    scene.request(0, 500 * ONE, 0).unwrap();
    scene.unreadable = 1;
    assert_eq!(scene.serve(0, ALL).map(drop), Err(Error::MarketUnreadable));
    // The owner may still choose it (V13).
    scene.cancel(0).unwrap();
    let exit = scene.redeem(0, 500 * ONE, 0).unwrap();
    assert!(exit.exchange.amount < 251 * ONE);
}

proptest! {
    #![proptest_config(cases(400))]

    /// Requests are paid in the order in which they came. Only one for more than its share of the assets goes to the end with its
    /// rest, after its turn, while others wait; and nobody who came later is paid beside them.
    #[test]
    fn the_queue_is_first_come_first_served_i22(
        steps in prop::collection::vec((0usize..6, 0u8..8, 1u64..10_001), 1..60),
        round_share in 500u16..10_001,
    ) {
        let mut scene = dry(VaultConfig { round_share: Bps(round_share), ..policy(1) }, 6);
        let mut order: Vec<usize> = Vec::new();
        for (who, kind, of) in steps {
            match kind {
                0..=2 => {
                    let shares = (scene.people[who].shares as u128 * of as u128 / 10_000) as u64;
                    if scene.request(who, shares, 0).is_ok() {
                        order.push(who);
                    }
                }
                3 => if scene.cancel(who).is_ok() {
                    order.retain(|other| *other != who);
                },
                4 => {
                    let free = scene.look(|vaults| vaults.valuation.takeable - vaults.vault.queued(&vaults.valuation).min(vaults.valuation.takeable));
                    let shares = (scene.people[who].shares as u128 * of as u128 / 10_000) as u64;
                    if let Ok(exit) = scene.redeem(who, shares, ALL) {
                        prop_assert!(order.is_empty() || exit.exchange.amount <= free, "paid what others wait for");
                    }
                }
                5 => repay(&mut scene, of * ONE / 100),
                _ => {
                    let (worth, assets) = (scene.look(|vaults| vaults.vault.worth(scene.people[who].request.shares, &vaults.valuation)), scene.assets());
                    match scene.serve(who, ALL) {
                        Ok(_) => {
                            prop_assert_eq!(order.first(), Some(&who), "out of turn");
                            order.remove(0);
                            let is_large = worth as u128 * 10_000 > assets as u128 * round_share as u128;
                            match scene.people[who].request.shares {
                                Shares::ZERO => (),
                                _ if is_large && scene.first() != Some(who) => order.push(who),
                                _ => order.insert(0, who),
                            }
                        }
                        Err(error) => prop_assert!(order.first() == Some(&who) || order.is_empty() || matches!(error, Error::NotFirstInQueue | Error::WrongRequest), "{error:?}"),
                    }
                }
            }
            let mut tickets: Vec<_> = scene.vault.queue.tickets.iter().filter(|ticket| !ticket.request.is_none()).collect();
            tickets.sort_by_key(|ticket| ticket.number);
            let waiting: Vec<_> = tickets.iter().map(|ticket| ticket.request.0[0] as usize - 1).collect();
            prop_assert_eq!(&waiting, &order);
        }
    }

    /// V11: whatever somebody asks for, takes back and is paid, he has no more than one who held.
    #[test]
    fn asking_and_cancelling_never_beat_holding(
        steps in prop::collection::vec((0u8..7, 1u64..10_001, 1i64..50_000), 1..40),
    ) {
        let config = VaultConfig { round_share: Bps(3_000), exit_fee_coverage: Bps(10_000), max_exit_fee: Bps(300), ..policy(1) };
        let mut scene = dry(config, 4);
        repay(&mut scene, 300 * ONE);
        for (kind, of, seconds) in steps {
            let shares = (scene.people[0].shares as u128 * of as u128 / 10_000) as u64;
            let value = |scene: &Scene| {
                let person = &scene.people[0];
                let shares = person.shares + person.request.shares.0 + person.request.returned.0;
                let claims = person.tokens + person.request.claim as i128;
                scene.price() * ratio(shares, 1) + ratio(claims, 1)
            };
            let (before, was_held) = (value(&scene), scene.people[0].request.claim as i128 + scene.people[0].tokens);
            match kind {
                0 | 1 => drop(scene.request(0, shares, 0)),
                2 => drop(scene.cancel(0)),
                3 => drop(scene.first().map(|who| scene.serve(who, ALL))),
                4 => drop(scene.claim(0)),
                5 => scene.lose(0, (of / 100) as u128),
                _ => scene.wait(seconds),
            }
            let paid = scene.people[0].request.claim as i128 + scene.people[0].tokens - was_held;
            if kind < 5 && paid == 0 {
                prop_assert!(value(&scene) <= before.clone() + ratio(1, 1), "nothing was paid, and more is there");
            } else if kind < 5 {
                // What a payment rounds away goes to all shares, his own rest among them.
                prop_assert!(value(&scene) <= before + ratio(2, 1));
            }
        }
        scene.check();
    }
}
