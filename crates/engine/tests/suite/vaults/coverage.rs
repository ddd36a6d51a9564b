//! Liquid assets ÷ stressed outflow, and what leaving costs below the level of the fee.

use super::{ALL, DAY, ONE, Pool, Scene, policy};
use crate::common::{
    cases,
    rational::{Rational, abs, int, ratio, zero},
};
use ballast_engine::{
    number::units::Bps,
    state::{
        rate_limit::{Balance, Outflow},
        vault::{Coverage, VaultConfig},
    },
};
use proptest::prelude::*;

/// Policy with a fee below a coverage of one.
fn config() -> VaultConfig {
    VaultConfig { exit_fee_coverage: Bps(10_000), max_exit_fee: Bps(500), cash_share: Bps(500), ..policy(1) }
}

/// The fee as the integral of its rate over what leaves: from nothing where liquid assets are `enough`, to its most at none.
fn integral(liquid: u64, enough: u64, amount: u64, most: u16) -> Rational {
    let (liquid, enough, amount) = (int(liquid), int(enough), int(amount));
    let free = (&liquid - &enough).max(zero());
    let below = (&amount - free).max(zero());
    let missing = (&enough - &liquid).max(zero());
    let rising = below.clone().min(&enough - &missing);
    let part = if enough == zero() { zero() } else { &rising * (&missing + &rising / int(2)) / enough };
    (part + below - rising) * ratio(most, 10_000)
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_exit_fee_is_the_integral_of_its_rate(
        liquid in 0u64..1 << 61,
        outflow in 0u64..1 << 61,
        amount in 0u64..1 << 61,
        shift in 0u32..60,
        level in 0u16..60_000,
        most in 0u16..=500,
    ) {
        let config = VaultConfig { exit_fee_coverage: Bps(level), max_exit_fee: Bps(most), ..VaultConfig::default() };
        let coverage = Coverage { liquid: liquid >> shift, outflow: outflow >> shift };
        let amount = amount >> shift;
        let fee = coverage.exit_fee(&config, amount);
        let enough = (coverage.outflow as u128 * level as u128 / 10_000) as u64;
        let exact = integral(coverage.liquid, enough, amount, most);
        prop_assert!(int(fee) <= exact && exact < int(fee) + int(2), "{fee} {exact}");
        // In parts, of the same outflow, it is no less but for an atom or two each.
        let first = amount / 3;
        let rest = Coverage { liquid: coverage.liquid.saturating_sub(first), ..coverage };
        let parts = coverage.exit_fee(&config, first) + rest.exit_fee(&config, amount - first);
        prop_assert!(parts + 4 >= fee, "{parts} {fee}");
        // More costs more.
        prop_assert!(coverage.exit_fee(&config, amount.saturating_add(1)) >= fee);
    }

    /// What could be taken out of a market is the same for whoever wants a little of it and for whoever wants all, whatever flowed
    /// lately, whenever: the limits are not looked at closely where there is plenty.
    #[test]
    fn who_wants_less_may_take_no_less_of_it(
        (hour, day, of_market) in (0u64..1 << 40, 0u64..1 << 40, (0u32..2_000_000, 0u32..2_000_000)),
        levels in [-(1i64 << 40)..1 << 40, -(1i64 << 40)..1 << 40],
        balance in [-(1i64 << 40)..1 << 40, -(1i64 << 40)..1 << 40],
        of_all in [0i64..1 << 48, 0i64..1 << 48],
        elapsed in 0i64..100_000,
        price in 1i64..1 << 40,
        shifts in (0u32..40, 0u32..50, 0u32..42),
        part in 1u64..64,
    ) {
        let mut world = Pool { used: 0, ..Pool::default() }.world();
        world.prices[0] = (price >> shifts.0).max(1);
        world.refresh_all();
        let reserve = &mut world.reserves[0];
        reserve.config.breakers.outflow_hour = hour >> shifts.2;
        reserve.config.breakers.outflow_day = day >> shifts.2;
        (world.market.config.outflow_hour, world.market.config.outflow_day) = of_market;
        // More than any limit leaves, so that the limits say how much.
        reserve.cash = 1 << 60;
        let updated = world.now;
        reserve.outflow = Outflow { hour: levels[0] >> shifts.1, day: levels[1] >> shifts.1, updated };
        reserve.balance = Balance { hour: balance[0] >> shifts.1, day: balance[1] >> shifts.1, updated };
        world.market.outflow = Outflow { hour: of_all[0] >> shifts.1, day: of_all[1] >> shifts.1, updated };
        let now = updated + elapsed;
        let all = world.market.takeable(&world.reserves[0], now, u64::MAX);
        for wanted in [0, 1, all / part, all - all / 1_000, all, all.saturating_add(1), all.saturating_mul(part)] {
            prop_assert_eq!(world.market.takeable(&world.reserves[0], now, wanted), all.min(wanted));
        }
    }

    /// What an exit in parts saves: the shares that have left ask for no more, so later parts meet a smaller outflow. That is at most
    /// the run-off's part of the fee level, of what is taken: it never makes up for a fee of a fifth of the whole's.
    #[test]
    fn parts_of_an_exit_pay_most_of_what_the_whole_pays(of in 100u64..9_000, parts in 2u64..12) {
        let mut scene = Scene::new(config(), &[Pool { lent: 20_000 * ONE, used: 9_000, ..Pool::default() }], 2);
        scene.deposit(0, 50_000 * ONE).unwrap();
        scene.deposit(1, 50_000 * ONE).unwrap();
        scene.put(0, 75_000 * ONE);
        scene.wait(10);
        let shares = scene.people[0].shares * of / 10_000 / 2;
        let whole = scene.clone().redeem(0, shares, 0);
        let Ok(whole) = whole else { return Ok(()) };
        let mut fees = 0;
        for part in 0..parts {
            let next = shares * (part + 1) / parts - shares * part / parts;
            fees += scene.redeem(0, next, 0).unwrap().fee;
        }
        prop_assert!(fees + 2 * parts >= whole.fee / 5 * 4, "{fees} {}", whole.fee);
    }

    /// Each level fades by its own size a period; an atom a second more is rounding.
    #[test]
    fn what_left_fades_as_it_should(flows in prop::collection::vec((1i64..40_000, -1_000_000i64..1_000_000), 1..30)) {
        let mut scene = Scene::plain(1, 1);
        scene.deposit(0, 100_000 * ONE).unwrap();
        scene.wait(10 * DAY);
        scene.touch();
        let periods = [3_600, DAY, 4 * DAY];
        let mut levels = [zero(), zero(), zero()];
        let mut slack = int(0);
        for (seconds, flow) in flows {
            scene.wait(seconds);
            for (level, period) in levels.iter_mut().zip(periods) {
                let left = ratio((period - seconds).max(0), period);
                *level = &*level * left + ratio(flow, 1);
            }
            slack += int(2 * seconds);
            if flow > 0 {
                scene.withdraw(0, flow as u64, ALL).unwrap();
            } else if flow < 0 {
                scene.deposit(0, flow.unsigned_abs()).unwrap();
            } else {
                scene.touch();
            }
            let runoff = scene.vault.runoff;
            for (level, seen) in levels.iter().zip([runoff.hour, runoff.day, runoff.days]) {
                prop_assert!(abs(level - int(seen)) <= slack, "{level} {seen}");
            }
        }
        let most = [scene.vault.runoff.hour, scene.vault.runoff.day, scene.vault.runoff.days].into_iter().max().unwrap();
        prop_assert_eq!(scene.vault.runoff.seen(), most.max(0) as u64);
    }
}

#[test]
fn a_deposit_of_an_instant_changes_nothing_that_is_seen() {
    let mut scene = Scene::new(config(), &[Pool { lent: 20_000 * ONE, used: 9_000, ..Pool::default() }], 3);
    scene.deposit(0, 100_000 * ONE).unwrap();
    scene.put(0, 60_000 * ONE);
    scene.wait(5);
    // A run: what left is more than what is thought to leave.
    scene.redeem(0, 38_000 * ONE, 0).unwrap();
    scene.wait(60);
    let shares = 1_000 * ONE;
    let coverage = |scene: &Scene| scene.look(|vaults| vaults.vault.coverage(&vaults.valuation, vaults.now));
    let (before, honest) = (coverage(&scene), scene.clone().redeem(0, shares, 0).unwrap());
    assert!(honest.fee > 0);
    let mut flash = scene.clone();
    let bought = flash.deposit(1, 1_000_000 * ONE).unwrap();
    // As liquid as before, and no better for what left: only what the newcomer may ask for is more.
    assert_eq!(coverage(&flash).liquid, before.liquid);
    assert!(coverage(&flash).outflow >= before.outflow);
    assert!(flash.clone().redeem(0, shares, 0).unwrap().fee >= honest.fee);
    let back = flash.redeem(1, bought.shares.0, 0).unwrap();
    assert!(back.fee >= honest.fee, "who comes and goes in a second pays like others");
    let runoff = flash.vault.runoff;
    assert!(runoff.hour.abs_diff(scene.look(|vaults| vaults.vault.runoff.hour)) <= back.fee + 10);
    // Nor does what is lent to the market for an instant.
    let mut lent = scene.clone();
    lent.lend(0, 1_000_000 * ONE);
    assert!(lent.redeem(0, shares, 0).unwrap().fee >= honest.fee);
    // A second on it counts.
    let mut stays = scene.clone();
    stays.deposit(1, 1_000_000 * ONE).unwrap();
    stays.wait(1);
    assert!(coverage(&stays).liquid > before.liquid);
}

/// V7: what an exit paid stays with those who stay, over the time that it takes to unlock.
#[test]
fn fees_of_exits_unlock_over_time() {
    let mut scene = Scene::new(config(), &[Pool { lent: 20_000 * ONE, used: 9_000, ..Pool::default() }], 3);
    scene.deposit(0, 50_000 * ONE).unwrap();
    scene.deposit(1, 50_000 * ONE).unwrap();
    scene.put(0, 75_000 * ONE);
    scene.wait(5);
    scene.touch();
    let before = scene.price();
    let exit = scene.redeem(0, 20_000 * ONE, 0).unwrap();
    assert!(exit.fee > 100 * ONE, "{}", exit.fee);
    assert!(scene.price() - before < ratio(1, 1_000_000), "nothing at once");
    assert_eq!(scene.vault.locked, exit.fee);
    // To come, to harvest and to leave in a moment earns nothing.
    let mut quick = scene.clone();
    let bought = quick.deposit(2, 1_000_000 * ONE).unwrap();
    quick.touch();
    quick.vault.config.max_exit_fee = Bps(0);
    quick.redeem(2, bought.shares.0, 0).unwrap();
    assert!(quick.people[2].tokens <= 0);
    // Half the time, half of it; then all.
    let yields = |scene: &Scene| scene.lent(0) as i128;
    let start = scene.assets() as i128 - yields(&scene);
    scene.wait(43_200);
    let half = scene.assets() as i128 - yields(&scene) - start;
    assert!(half.abs_diff(exit.fee as i128 / 2) <= 2, "{half}");
    scene.wait(43_200);
    let all = scene.assets() as i128 - yields(&scene) - start;
    assert!(all.abs_diff(exit.fee as i128) <= 2, "{all}");
}

#[test]
fn outflow_is_the_run_or_what_was_seen_and_what_is_due() {
    let mut scene = Scene::new(VaultConfig { term_spacing: 86_400, ..config() }, &[Pool::default()], 2);
    scene.deposit(0, 100_000 * ONE).unwrap();
    scene.wait(5 * DAY);
    let coverage = |scene: &Scene| scene.look(|vaults| vaults.vault.coverage(&vaults.valuation, vaults.now));
    let run = |shares: u64| (shares as u128 * 33 / 100) as u64;
    assert_eq!(coverage(&scene).outflow, run(100_000 * ONE + 1_000));
    assert_eq!(coverage(&scene).liquid, 100_000 * ONE + 1_000);
    // What waits, and what ends within four days, counts whole; what ends later not at all.
    scene.request(0, 10_000 * ONE, 0).unwrap();
    assert_eq!(coverage(&scene).outflow, 10_000 * ONE + run(90_000 * ONE + 1_000));
    let (soon, late) = (scene.maturity(2), scene.maturity(8));
    scene.lock(0, 20_000 * ONE, soon).unwrap();
    scene.lock(0, 30_000 * ONE, late).unwrap();
    assert_eq!(coverage(&scene).outflow, 30_000 * ONE + run(40_000 * ONE + 1_000));
    // More left than runs take.
    scene.withdraw(0, 39_000 * ONE, 0).unwrap();
    assert_eq!(coverage(&scene).outflow, 30_000 * ONE + 39_000 * ONE);
    assert_eq!(
        coverage(&scene).bps(),
        (coverage(&scene).liquid as u128 * 10_000 / coverage(&scene).outflow as u128) as u32
    );
}
