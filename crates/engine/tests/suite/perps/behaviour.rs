//! What a trader and an owner of the pool see.

use super::*;
use ballast_engine::{
    Error,
    number::units::{Bps, Part},
    perps::report::{Greeks, PoolReport},
    state::perp::book::Width,
};

const TRADER: usize = 1;
const OTHER: usize = 2;
const PERP: u8 = PERPS[0];

fn scene() -> Scene {
    Scene::new(1, 4, 1_000_000, 100_000)
}

/// A long of 10,000 USD whose price rises by 10 % gains 1,000 USD, less two fees and impacts; the pool loses what it gains.
#[test]
fn a_gain_is_paid_out_of_the_pool() {
    let mut scene = scene();
    let (before, pool) = (scene.deposit_of(TRADER), scene.standing(Width::Maintenance).cash);
    let fill = scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    // The fee of 5 bp.
    assert!((4_990_000..5_010_000).contains(&fill.bill.fee), "{fill:?}");
    scene.pass(120);
    scene.shift(1, 1_000);
    let fill = scene.close(TRADER, PERP).unwrap();
    assert!((998 * USD as i64..1_001 * USD as i64).contains(&fill.realised), "{fill:?}");
    let gained = scene.deposit_of(TRADER) - before;
    assert!((985 * USD..1_000 * USD).contains(&gained), "{gained} {fill:?}");
    let lost = pool - scene.standing(Width::Maintenance).cash;
    // The rest is with the perp's insurance and fund.
    assert!(gained <= lost && lost < gained + 5 * USD, "{lost} {gained}");
    assert_eq!(scene.world.accounts[TRADER].extra_count, 0);
    assert_eq!(scene.perp(PERP).sides.map(|side| (side.size, side.cost())), [(0, 0); 2]);
}

/// A loss is paid from the deposit.
#[test]
fn a_loss_is_paid_to_the_pool() {
    let mut scene = scene();
    let (before, pool) = (scene.deposit_of(TRADER), scene.standing(Width::Maintenance).cash);
    scene.trade(TRADER, PERP, -10_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 1_000);
    scene.close(TRADER, PERP).unwrap();
    let lost = before - scene.deposit_of(TRADER);
    assert!((1_000 * USD..1_015 * USD).contains(&lost), "{lost}");
    let gained = scene.standing(Width::Maintenance).cash - pool;
    assert!(gained <= lost && gained + 5 * USD > lost, "{lost} {gained}");
}

/// A trade through zero closes one side and opens the other.
#[test]
fn a_trade_turns_a_position() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    scene.pass(120);
    let fill = scene.trade(TRADER, PERP, -15_000 * USD as i64).unwrap();
    assert!(fill.closed > 0 && fill.opened > 0);
    let position = scene.position(TRADER, PERP);
    assert_eq!((position.is_short, position.size), (1, fill.opened));
    assert_eq!(scene.perp(PERP).sides[0].size, 0);
    assert_eq!(scene.perp(PERP).sides[1].size, fill.opened);
}

/// Bad input has its own error, and changes nothing.
#[test]
fn bad_input_is_refused() {
    let mut scene = scene();
    let untouched = scene.world.clone();
    assert_eq!(refused(scene.order(TRADER, order(PERP, 0))), Error::AmountIsZero);
    assert_eq!(refused(scene.order(TRADER, order(POOL, 1))), Error::NotPerp);
    assert_eq!(refused(scene.order(TRADER, order(63, 1))), Error::NotPerp);
    assert_eq!(refused(scene.order(TRADER, order(1, 1))), Error::NotPerp);
    assert_eq!(refused(scene.close(TRADER, PERP)), Error::PerpNotReducing);
    assert_eq!(refused(scene.order(TRADER, order(PERP, 1))), Error::PositionTooSmall);
    assert_eq!(refused(scene.trade(TRADER, PERP, 100_000_000 * USD as i64)), Error::InsufficientMargin);
    assert_eq!(refused(scene.trade(TRADER, PERP, 1_500_000 * USD as i64)), Error::SkewTooLarge);
    assert_eq!(refused(scene.trade(TRADER, PERP, 950_000 * USD as i64)), Error::InitialHealthTooLow);
    assert_eq!(refused(scene.order(TRADER, order(PERP, i64::MIN))), Error::InsufficientMargin);
    let limit = scene.price(PERP);
    let bounded = ballast_engine::perps::trade::Order { limit, ..order(PERP, 1_000_000) };
    assert_eq!(refused(scene.order(TRADER, bounded)), Error::LimitPriceCrossed);
    assert_eq!(refused(scene.provide(TRADER, 0)), Error::AmountIsZero);
    assert_eq!(refused(scene.provide(TRADER, u64::MAX)), Error::PoolReduceOnly);
    assert_eq!(refused(scene.leave(TRADER)), Error::PositionNotFound);
    assert_eq!(refused(scene.settle(TRADER, PERP)), Error::NothingToSettle);
    assert_eq!(scene.world.reserves, untouched.reserves);
    assert_eq!(scene.world.accounts, untouched.accounts);
    scene.world.now += 6;
    assert_eq!(refused(scene.trade(TRADER, PERP, 1_000 * USD as i64)), Error::TradePriceTooOld);
}

/// Whoever holds the pool's shares neither trades nor borrows with the same account.
#[test]
fn a_stake_in_the_pool_backs_nothing() {
    let mut scene = scene();
    assert_eq!(refused(scene.trade(0, PERP, 1_000 * USD as i64)), Error::PoolNeedsItsOwnAccount);
    assert_eq!(
        refused(scene.act(0, |ledger, account| ledger.borrow(account, 1, 1_000_000))),
        Error::PoolNeedsItsOwnAccount
    );
    scene.trade(TRADER, PERP, 1_000 * USD as i64).unwrap();
    assert_eq!(refused(scene.provide(TRADER, USD)), Error::PoolNeedsItsOwnAccount);
}

/// An owner of the pool waits, and then gets his part of its low value; without trades, all but an atom.
#[test]
fn an_owner_leaves_after_the_delay() {
    let mut scene = scene();
    let before = scene.deposit_of(OTHER);
    let shares = scene.provide(OTHER, 50_000 * USD).unwrap().shares;
    assert_eq!(refused(scene.leave(OTHER)), Error::PoolSharesNotFree);
    scene.ask(OTHER, shares.0).unwrap();
    scene.pass(3_599);
    assert_eq!(refused(scene.leave(OTHER)), Error::PoolSharesNotFree);
    scene.pass(1);
    scene.leave(OTHER).unwrap();
    assert!((before - 2..=before).contains(&scene.deposit_of(OTHER)));
    assert_eq!(scene.world.accounts[OTHER].extra_count, 0);
}

/// A short that is worth more than its margin is closed by anyone; what is missing the pool bears, and no lender.
#[test]
fn a_bankrupt_position_costs_the_pool() {
    let mut scene = scene();
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 98_000 * USD)).unwrap();
    scene.trade(TRADER, PERP, -12_000 * USD as i64).unwrap();
    let index = scene.world.reserves[QUOTE as usize].deposit_index;
    scene.pass(120);
    scene.shift(1, 3_000);
    let done =
        scene.act_both(TRADER, OTHER, |ledger, account, other| ledger.liquidate_perp(account, PERP, other)).unwrap();
    assert_eq!(scene.position(TRADER, PERP).size, 0);
    assert!(scene.position(TRADER, PERP).cost > 0, "{done:?}");
    assert_eq!(scene.deposit_of(TRADER), 0);
    let loss = scene.act(TRADER, |ledger, account| ledger.write_off_perp(account, PERP)).unwrap();
    // 3,600 lost, 2,000 there, and the charges.
    assert!((1_600 * USD..2_000 * USD).contains(&loss.loss), "{loss:?}");
    assert_eq!(scene.world.accounts[TRADER].extra_count, 0);
    assert_eq!(scene.perp(PERP).sides[1].cost(), 0);
    assert_eq!(scene.world.reserves[QUOTE as usize].deposit_index, index);
}

/// When the pool owes more than it has, all gains are paid by the same factor, and the first caller gets no more than the last.
#[test]
fn a_short_pool_pays_all_alike() {
    let config = ballast_engine::state::perp::PerpConfig { least_shock: Bps(1_000), ..perp_config(0) };
    let mut scene = Scene::with(&[config], &pool_config(), 4, 10_000, 100_000);
    for trader in [1, 2] {
        scene.trade(trader, PERP, 4_900 * USD as i64).unwrap();
    }
    scene.pass(120);
    // The pool loses 14,700 of 10,000.
    scene.shift(1, 15_000);
    let factor = scene.standing(Width::Maintenance).profit_factor();
    assert!((0.6..0.75).contains(&factor.to_f64()), "{}", factor.to_f64());
    let picky =
        ballast_engine::perps::trade::Order { min_factor: Part::WHOLE, ..order(PERP, -scene.lots(PERP, 20_000 * USD)) };
    assert_eq!(refused(scene.order(1, picky)), Error::ProfitBelowMinimum);
    let first = scene.close(1, PERP).unwrap();
    let last = scene.close(2, PERP).unwrap();
    assert!(first.bill.gain.abs_diff(last.bill.gain) <= first.bill.gain / 500, "{first:?} {last:?}");
}

/// Delta and gamma are what the pool's worth does when the price moves: to a thousandth of the larger side for a per cent up and down.
#[test]
fn delta_and_gamma_are_what_a_move_of_the_price_does() {
    let mut scene = Scene::new(3, 4, 1_000_000, 500_000);
    for (perp, dollars) in [(PERPS[0], 60_000), (PERPS[0], -15_000), (PERPS[2], -40_000), (PERPS[2], 10_000)] {
        let user = if dollars > 0 { TRADER } else { OTHER };
        scene.trade(user, perp, dollars * USD as i64).unwrap();
    }
    for perp in [PERPS[0], PERPS[2]] {
        let greeks = Greeks::new(&scene.world.reserves, perp, scene.world.now).unwrap();
        let sides = scene.accrued(perp);
        // The pool gains what the positions lose.
        let worth = |bps| {
            let mut moved = scene.clone();
            let price = &mut moved.world.prices[1];
            *price += *price * bps / 10_000;
            moved.pass(1);
            let price = moved.price(perp);
            -((sides[0].gain(1, price) + sides[1].gain(-1, price)) >> 32)
        };
        let (down, now, up) = (worth(-100), worth(0), worth(100));
        let (delta, gamma) = ((up - down) * 50, (up - 2 * now + down) * 10_000);
        let near = |one: i128, other: i128| one.abs_diff(other) <= greeks.longs.max(greeks.shorts) as u128 / 1_000;
        assert!(greeks.delta != 0 && near(greeks.delta.into(), delta), "{greeks:?} {delta}");
        assert!(near(greeks.gamma.into(), gamma), "{greeks:?} {gamma}");
    }
}

/// A pool says of itself what happens to who enters and who leaves, and what it must bear.
#[test]
fn a_pool_reports_what_entering_and_leaving_come_to() {
    let mut scene = Scene::new(3, 4, 1_000_000, 500_000);
    for (user, perp, dollars) in [(TRADER, PERPS[0], 60_000), (OTHER, PERPS[1], -90_000), (OTHER, PERPS[2], -4_000)] {
        scene.trade(user, perp, dollars * USD as i64).unwrap();
    }
    scene.pass(600);
    scene.shift(1, 700);
    let report = PoolReport::new(&scene.world.reserves, POOL, scene.world.now).unwrap();
    let standing = scene.standing(Width::Maintenance);
    assert_eq!((report.cash, report.buffer, report.low), (standing.cash, standing.buffer, standing.low));
    assert_eq!(report.greeks().iter().map(|greeks| greeks.buffer).sum::<u64>(), report.buffer);
    assert_eq!(report.greeks().iter().map(|greeks| greeks.price).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(report.cover as u128, report.low as u128 * 10_000 / report.buffer as u128);
    // A million shares at the price of entering cost that, and no atom less buys them.
    let price = report.entry_price().unwrap();
    assert_eq!(scene.clone().provide(3, price).unwrap().shares.0, 1_000_000);
    assert!(scene.clone().provide(3, price - 1).unwrap().shares.0 < 1_000_000);
    scene.ask(0, 1_000_000).unwrap();
    scene.pass(3_600);
    let report = PoolReport::new(&scene.world.reserves, POOL, scene.world.now).unwrap();
    assert_eq!(scene.leave(0).unwrap().amount, report.exit_price().unwrap());
    assert!(report.exit_price() < report.entry_price());
}
