//! Fees: on gains above the mark alone, by time exactly, and never in the way of an exit.

use super::{ALL, COLLECTOR, CURATOR, DAY, ONE, Pool, Scene, YEAR, policy};
use crate::common::rational::{abs, int, ratio};
use ballast_engine::{Error, number::units::Bps, state::vault::VaultConfig};

fn scene(performance: u16, management: u16) -> Scene {
    let config = VaultConfig { performance_fee: Bps(performance), management_fee: Bps(management), ..policy(1) };
    let mut scene = Scene::new(config, &[Pool::default()], 2);
    scene.deposit(0, 100_000 * ONE).unwrap();
    scene.put(0, 90_000 * ONE);
    scene
}

/// V15.
#[test]
fn there_is_no_fee_before_a_loss_is_made_good() {
    let mut scene = scene(1_000, 0);
    scene.lose(0, 1_000);
    scene.wait(30 * DAY);
    scene.touch();
    assert!(scene.price() < int(1) && scene.assets() > 91_000 * ONE, "part of it is back");
    assert_eq!(scene.vault.fee_shares.0, 0);
    // Calls in between change nothing of that.
    while scene.price() < int(1) {
        scene.touch();
        assert_eq!(scene.vault.fee_shares.0, 0);
        scene.calm(30 * DAY);
    }
    let shares = scene.vault.shares;
    let assets =
        scene.markets[0].reserves[0].deposit_index_at(scene.now).amount_floor(scene.vault.allocations[0].shares)
            + scene.vault.idle;
    assert!(assets > shares.0);
    scene.touch();
    // A tenth of what is above an atom a share.
    let fee = scene.vault.fee_shares.0 as u128 * assets as u128 / scene.vault.shares.0 as u128;
    let due = (assets - shares.0) / 10;
    assert!(fee.abs_diff(due as u128) <= 1, "{fee} {due}");
    let before = scene.vault.fee_shares;
    scene.lose(0, 100);
    scene.wait(3_600);
    scene.touch();
    assert_eq!(scene.vault.fee_shares, before);
}

#[test]
fn the_management_fee_is_exact() {
    for seconds in [1, 1_000, DAY, 100 * DAY, YEAR, 3 * YEAR] {
        let mut scene = scene(0, 200);
        scene.vault.config.term_premium = Bps(0);
        scene.wait(seconds);
        let before = scene.vault.shares;
        let assets = {
            let index = scene.markets[0].reserves[0].deposit_index_at(scene.now);
            index.amount_floor(scene.vault.allocations[0].shares) + scene.vault.idle
        };
        scene.touch();
        // Of a year at most.
        let due = int(assets) * ratio(2, 100) * ratio(seconds.min(YEAR), YEAR);
        let got = ratio(scene.vault.fee_shares.0, scene.vault.shares.0) * int(assets);
        assert!(abs(due - got) <= int(2), "{seconds}");
        assert_eq!(scene.vault.shares.0 - before.0, scene.vault.fee_shares.0);
    }
}

/// V14.
#[test]
fn fees_lock_nobody_in() {
    let mut scene = scene(5_000, 500);
    scene.wait(100 * DAY);
    scene.touch();
    scene.request(0, 1_000, 0).unwrap();
    scene.lose(0, 10_000);
    scene.vault.idle = 0;
    scene.tokens = 0;
    scene.wait(10 * YEAR);
    scene.touch();
    assert_eq!(scene.assets(), 0);
    // Nothing to take, and each way out says so.
    let shares = scene.people[0].shares;
    assert_eq!(scene.redeem(0, shares, ALL).map(drop), Err(Error::AmountTooSmall));
    assert_eq!(scene.withdraw(0, 1, ALL).map(drop), Err(Error::VaultIlliquid));
    scene.serve(0, ALL).unwrap();
    assert_eq!(scene.vault.queue.first(), None);
    // A little comes back.
    (scene.vault.idle, scene.tokens) = (1_000_000, 1_000_000);
    let worth = scene.worth(0);
    assert!(worth > 900_000);
    scene.redeem(0, shares, ALL).unwrap();
}

/// Who calls often does not take the fee away by rounding.
#[test]
fn frequent_calls_leave_the_performance_fee() {
    let (mut often, mut once) = (scene(1_000, 0), scene(1_000, 0));
    for _ in 0..2_000 {
        often.wait(1);
        often.touch();
    }
    often.wait(DAY);
    once.wait(2_000 + DAY);
    often.touch();
    once.touch();
    let (often, once) = (often.vault.fee_shares.0, once.vault.fee_shares.0);
    assert!(once > 1_000 && once.abs_diff(often) <= once / 100, "{often} {once}");
}

#[test]
fn fees_are_the_collectors() {
    let mut scene = scene(1_000, 0);
    assert_eq!(scene.act(|vaults| vaults.vault.collect_fees(&COLLECTOR)), Err(Error::NoFees));
    scene.wait(DAY);
    scene.touch();
    assert_eq!(scene.act(|vaults| vaults.vault.collect_fees(&CURATOR)), Err(Error::NotFeeCollector));
    let fees = scene.vault.fee_shares;
    assert_eq!(scene.act(|vaults| vaults.vault.collect_fees(&COLLECTOR)), Ok(fees));
    assert_eq!(scene.vault.fee_shares.0, 0);
}
