//! Moves: what they may not touch, what keeps them off, and what whoever calls gets. How near they come to the best is in `optimum`.

use super::{
    ALL, DAY, ONE, Pool, Scene,
    conservation::{Step, act},
    policy,
};
use crate::common::cases;
use ballast_engine::{
    Error,
    number::units::{Bps, Shares},
    state::vault::VaultConfig,
};
use proptest::prelude::*;

fn full(config: VaultConfig, pools: &[Pool]) -> Scene {
    let mut scene = Scene::new(config, pools, 3);
    scene.deposit(0, 100_000 * ONE).unwrap();
    scene.calm(7_200);
    scene
}

fn coverage(scene: &Scene) -> u32 {
    scene.look(|vaults| vaults.vault.coverage(&vaults.valuation, vaults.now)).bps()
}

/// V5: the caller chooses nothing, and a second call finds nothing.
#[test]
fn a_second_call_finds_nothing() {
    let mut scene = full(policy(2), &[Pool::default(), Pool { used: 7_000, ..Pool::default() }]);
    let found = scene.rebalance().unwrap();
    assert_eq!((found.from, found.to), (None, Some(1)), "where more is earned");
    let after = scene.vault;
    assert_eq!(scene.rebalance().map(drop), Err(Error::RebalanceTooSoon));
    assert_eq!(bytemuck::bytes_of(&scene.vault), bytemuck::bytes_of(&after));
    // In calm, moves come to an end.
    let mut moves = 0;
    while let Ok(found) = {
        scene.calm(3_600);
        scene.rebalance()
    } {
        assert!(found.to.is_some());
        moves += 1;
        assert!(moves < 20, "{found:?}");
    }
    scene.check();
}

/// V20: nothing goes to what is in trouble. Each alone keeps it out.
#[test]
fn nothing_is_lent_to_what_is_flagged() {
    let base = full(policy(1), &[Pool::default()]);
    assert_eq!(base.clone().rebalance().unwrap().to, Some(0));
    type Flag = (&'static str, fn(&mut Scene));
    let flags: [Flag; 17] = [
        ("stopped", |scene| scene.vault.config.allocations[0].stopped = 1),
        ("written off", |scene| scene.vault.config.allocations[0].written_off = 1),
        ("not read", |scene| scene.unreadable = 1),
        ("market reduce-only", |scene| scene.markets[0].market.reduce_only = 1),
        ("reserve reduce-only", |scene| scene.markets[0].reserves[0].config.reduce_only = 1),
        ("its term is over", |scene| scene.markets[0].reserves[0].config.repay_by = scene.now as u32),
        ("withdrawals paused", |scene| scene.markets[0].market.pause.begin(1, scene.now).unwrap()),
        ("loans paused", |scene| scene.markets[0].market.pause.begin(2, scene.now).unwrap()),
        ("no borrowing", |scene| scene.markets[0].reserves[0].config.borrow_enabled = 0),
        ("halted", |scene| {
            let halt = &mut scene.markets[0].reserves[0].halt;
            (halt.tier, halt.until) = (1, scene.now + 60);
        }),
        ("frozen", |scene| {
            let halt = &mut scene.markets[0].reserves[0].halt;
            (halt.tier, halt.until) = (2, scene.now + 60);
        }),
        ("a price that is too old", |scene| {
            let now = scene.now + 10_000;
            scene.now = now;
            scene.markets[0].now = now;
        }),
        ("nearly lent out", |scene| scene.vault.config.max_utilisation = Bps(5_900)),
        ("no cap", |scene| scene.vault.config.allocations[0].cap = 0),
        ("no part", |scene| scene.vault.config.allocations[0].share_cap = Bps(0)),
        ("full", |scene| scene.markets[0].reserves[0].config.deposit_cap = 1_000_000 * ONE),
        ("just opened", |scene| scene.vault.allocations[0].since = scene.now - 3_599),
    ];
    for (name, flag) in flags {
        let mut scene = base.clone();
        flag(&mut scene);
        assert_eq!(scene.rebalance().map(drop), Err(Error::NothingToRebalance), "{name}");
    }
    // Of a market with nothing in it yet, too.
    let mut lost = base.clone();
    lost.lose(0, 10_000);
    assert_eq!(lost.rebalance().map(drop), Err(Error::NothingToRebalance), "wiped out");
}

/// A slot whose room is a grain does not keep the next one from its turn.
#[test]
fn a_slot_that_is_nearly_full_holds_nobody_off() {
    let mut config = policy(2);
    config.min_gain = Bps(5);
    config.allocations[1].cap = 10;
    let mut scene = full(config, &[Pool::default(), Pool { used: 9_000, ..Pool::default() }]);
    let found = scene.rebalance().unwrap();
    assert_eq!(found.to, Some(0));
    assert!(found.amount > 10_000 * ONE);
    // Nor one whose cash is too little to count on, while liquidity is wanted.
    let mut config = policy(2);
    (config.cash_share, config.coverage_target, config.runoff_days) = (Bps(1_000), Bps(20_000), Bps(4_900));
    let dry = Pool { lent: 1_000_000 * ONE, used: 9_400, ..Pool::default() };
    let mut scene = full(config, &[dry, Pool::default()]);
    assert!(scene.rebalance().is_ok());
    scene.wait(1);
    assert!(coverage(&scene) >= 19_990);
}

#[test]
fn the_interest_of_a_nearly_full_reserve_does_not_make_moves_fail() {
    let mut scene = full(policy(1), &[Pool::default()]);
    let reserve = &mut scene.markets[0].reserves[0];
    reserve.config.deposit_cap = reserve.deposits() + 5_000 * ONE;
    scene.wait(20 * DAY);
    // `rebalance` of the scene expects that what was found is taken.
    let found = scene.rebalance().unwrap();
    assert!(found.amount > 100 * ONE && found.amount < 5_000 * ONE);
    assert!(scene.markets[0].reserves[0].deposits() <= scene.markets[0].reserves[0].config.deposit_cap);
}

#[test]
fn the_interval_the_gain_and_the_buffer_hold() {
    let config = VaultConfig { interval: 7_000, idle_buffer: Bps(2_500), ..policy(1) };
    let mut scene = full(config, &[Pool::default()]);
    let found = scene.rebalance().unwrap();
    assert!(scene.vault.idle >= 25_000 * ONE && found.amount > 70_000 * ONE);
    scene.deposit(1, 100_000 * ONE).unwrap();
    scene.wait(6_999);
    assert_eq!(scene.rebalance().map(drop), Err(Error::RebalanceTooSoon));
    scene.wait(1);
    let gain = scene.clone().rebalance().unwrap().gain;
    let least = gain as u128 * 10_000 / scene.assets() as u128;
    assert!(least > 50);
    scene.vault.config.min_gain = Bps(least as u16 + 1);
    assert_eq!(scene.rebalance().map(drop), Err(Error::NothingToRebalance));
    scene.vault.config.min_gain = Bps(least as u16);
    scene.rebalance().unwrap();
}

#[test]
fn the_reward_is_a_part_of_the_gain() {
    let mut scene = full(VaultConfig { reward_share: Bps(2_000), ..policy(1) }, &[Pool::default()]);
    let price = scene.price();
    let found = scene.clone().rebalance().unwrap();
    let due = found.gain as u128 * 3_600 / 31_536_000 / 5;
    let value = found.reward.0 as u128 * scene.assets() as u128 / scene.vault.shares.0 as u128;
    assert!(due > 1_000 && value <= due && value + 2 >= due, "{value} {due}");
    scene.vault.config.reward_cap = 100;
    let capped = scene.rebalance().unwrap();
    assert_eq!(capped.reward.0, 100);
    assert!(price.clone() - scene.price() < price / crate::common::rational::int(100_000_000));
    scene.check();
}

/// What was earned in a moment attracts nothing: a borrower who raises the rate for a second draws no tokens in, and a lender who
/// lowers it drives none out.
#[test]
fn a_rate_of_a_moment_moves_nothing() {
    let pools = [Pool { used: 5_000, ..Pool::default() }, Pool { used: 5_000, ..Pool::default() }];
    let mut scene = full(policy(2), &pools);
    while scene.rebalance().is_ok() {
        scene.calm(3_600);
    }
    assert_eq!(scene.clone().rebalance().map(drop), Err(Error::NothingToRebalance));
    for slot in [0, 1] {
        let mut raised = scene.clone();
        raised.markets[slot].deposit(2, 1, 100_000 * 1_000_000_000);
        raised.markets[slot].borrow(2, 0, 250_000 * ONE);
        assert_eq!(raised.rebalance().map(drop), Err(Error::NothingToRebalance), "raised in {slot}");
        let mut lowered = scene.clone();
        lowered.lend(slot, 20_000_000 * ONE);
        assert_eq!(lowered.rebalance().map(drop), Err(Error::NothingToRebalance), "lowered in {slot}");
        // Kept up for long, it does.
        raised.calm(60 * DAY);
        assert_eq!(raised.rebalance().map(|found| found.to), Ok(Some(slot as u8)));
    }
}

/// Tokens of an instant: a deposit is not lent on, and lets nothing be lent; cash that is gone for a moment pulls nothing back.
#[test]
fn nobody_moves_a_vault_with_capital_of_an_instant() {
    let config = VaultConfig {
        coverage_target: Bps(28_000),
        runoff_days: Bps(3_000),
        cash_share: Bps(2_500),
        idle_buffer: Bps(6_000),
        ..policy(2)
    };
    let mut scene = full(config, &[Pool { lent: 120_000 * ONE, ..Pool::default() }; 2]);
    scene.put(0, 20_000 * ONE);
    scene.put(1, 20_000 * ONE);
    scene.wait(3_600);
    assert!(scene.clone().rebalance().is_err());
    let mut flash = scene.clone();
    flash.deposit(1, 1_000_000 * ONE).unwrap();
    assert_eq!(
        flash.rebalance().map(|found| (found, flash.vault.idle)),
        Err(Error::NothingToRebalance),
        "the deposit is not lent"
    );
    let mut drained = scene.clone();
    let cash = drained.markets[0].reserves[0].cash;
    drained.markets[0].deposit(2, 1, 100_000 * 1_000_000_000);
    drained.markets[0].borrow(2, 0, cash);
    assert!(drained.rebalance().is_err(), "the cash may be back");
    drained.wait(1);
    let found = drained.rebalance().unwrap();
    assert_eq!((found.from, found.to), (Some(1), None), "it is not");
}

/// What is pulled back by a grain does not hold the next move off.
#[test]
fn a_little_that_is_pulled_back_holds_nothing_off() {
    let config = VaultConfig { coverage_target: Bps(20_000), runoff_days: Bps(3_000), cash_share: Bps(0), ..policy(1) };
    let mut scene = full(config, &[Pool::default()]);
    scene.rebalance().unwrap();
    let moved = scene.vault.rebalanced;
    scene.wait(1);
    assert!(scene.rebalance().is_err());
    scene.withdraw(0, 1_000 * ONE, 0).unwrap();
    scene.wait(1);
    let found = scene.rebalance().unwrap();
    assert!(found.to.is_none() && found.amount < 1_000 * ONE);
    assert_eq!(scene.vault.rebalanced, moved);
}

proptest! {
    #![proptest_config(cases(400))]

    /// No move takes coverage below the target, and whatever happened, pulling back restores it as far as there is anything to pull.
    #[test]
    fn moves_keep_and_restore_coverage(
        steps in prop::collection::vec(prop_oneof![
            3 => act(38),
            2 => Just(Step::Rebalance),
            2 => (1i64..8_000).prop_map(Step::Wait),
            1 => (0usize..2, 0u64..10_001).prop_map(|(slot, of)| Step::Drain(slot, of)),
            1 => (0usize..2, 0u64..10_001).prop_map(|(slot, of)| Step::Fill(slot, of)),
        ], 1..50),
        target in 5_000u16..30_000,
        cash_share in prop_oneof![Just(0u16), 0u16..10_001, Just(10_000u16)],
        sizes in (30u32..44, 30u32..44),
    ) {
        let config = VaultConfig {
            coverage_target: Bps(target), cash_share: Bps(cash_share), term_spacing: 90_000, ..policy(2)
        };
        let pools = [sizes.0, sizes.1].map(|bits| Pool { lent: 1 << bits, used: 5_000, ..Pool::default() });
        let mut scene = Scene::new(config, &pools, 3);
        scene.deposit(0, 100_000 * ONE).unwrap();
        scene.wait(3_600);
        let liquid = |scene: &Scene| scene.look(|vaults| {
            let coverage = vaults.vault.coverage(&vaults.valuation, vaults.now);
            (coverage.liquid, (coverage.outflow as u128 * target as u128 / 10_000) as u64)
        });
        for step in steps {
            let (before, needed) = liquid(&scene);
            let lent = scene.lent(0) + scene.lent(1);
            if step.take(&mut scene).is_err() || !matches!(step, Step::Rebalance) {
                continue;
            }
            // What came to a market counts a second later.
            let more = scene.lent(0) + scene.lent(1) > lent + 2;
            scene.wait(1);
            let (after, _) = liquid(&scene);
            // Rounding, and an atom of interest.
            prop_assert!(!more || before >= needed, "lent below the target");
            prop_assert!(after + 4 >= before.min(needed), "{after} {before} {needed}");
        }
        scene.wait(1);
        // A second each: what a market paid in one is not counted as gone before the next. Where too much waits, its interest follows.
        let pulls = |scene: &mut Scene| {
            let mut pull = || {
                scene.wait(1);
                scene.rebalance().is_ok_and(|found| found.to.is_none() && found.amount > 5_000)
            };
            (0..40).take_while(|_| pull()).count()
        };
        prop_assert!(pulls(&mut scene) < 40, "it comes to an end");
        scene.wait(1);
        let (after, needed) = liquid(&scene);
        let hidden = scene.look(|vaults| vaults.valuation.takeable - vaults.valuation.liquid);
        prop_assert!(after + needed / 1_000 + 4 >= needed || hidden <= 1_000, "{after} of {needed}, and {hidden} to pull");
        scene.check();
    }
}

/// The assets' terms match the deposits': what cannot be back by a date is at most what cannot leave before it, times the factor.
#[test]
fn what_is_lent_for_a_term_is_what_is_locked_for_it() {
    let config = VaultConfig { term_spacing: 86_400, maturity_factor: Bps(5_000), ..policy(3) };
    let mut scene = Scene::new(
        config,
        &[Pool { used: 7_500, ..Pool::default() }, Pool { used: 7_000, ..Pool::default() }, Pool::default()],
        2,
    );
    scene.deposit(0, 100_000 * ONE).unwrap();
    let (soon, late) = (scene.maturity(3), scene.maturity(6));
    for (slot, date) in [(0, late), (1, soon)] {
        scene.markets[slot].reserves[0].config.repay_by = date as u32;
    }
    scene.vault.config.allocations[2].cap = 0;
    scene.calm(7_200);
    assert_eq!(scene.rebalance().map(drop), Err(Error::NothingToRebalance), "nothing is locked");
    scene.lock(0, 10_000 * ONE, late - DAY).unwrap();
    let found = scene.clone().rebalance().unwrap();
    assert_eq!(found.to, Some(1), "locked until after the first date alone");
    assert!(found.amount <= 5_000 * ONE + 10);
    scene.lock(0, 20_000 * ONE, late).unwrap();
    for _ in 0..8 {
        let _ = scene.rebalance();
        scene.calm(3_600);
        let locked = |date: i64| {
            let rungs = scene.vault.rungs.iter().filter(|rung| rung.units != 0 && rung.maturity >= date);
            let shares = rungs.map(|rung| rung.shares.0).sum();
            scene.look(|vaults| vaults.vault.worth(Shares(shares), &vaults.valuation))
        };
        // But for interest of some hours.
        let slack = 10 * ONE;
        assert!(scene.lent(0) <= locked(late) / 2 + slack);
        assert!(scene.lent(0) + scene.lent(1) <= locked(soon) / 2 + slack);
    }
    assert!(
        scene.lent(0) > 9_000 * ONE && scene.lent(0) + scene.lent(1) > 14_000 * ONE,
        "{} {}",
        scene.lent(0),
        scene.lent(1)
    );
    // What nobody can read is not taken for nothing.
    scene.unreadable = 2;
    assert!(scene.rebalance().map_or(true, |found| found.to.is_none()));
    scene.unreadable = 0;
    scene.redeem(0, 50_000 * ONE, ALL).unwrap();
}
