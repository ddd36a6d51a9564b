//! Attacks on perps, each by the name of its class, and the invariants that stand against them.

use super::*;
use ballast_engine::{
    Error,
    health::{Requirement, account::health},
    number::units::Bps,
    state::{
        account::MarginAccount,
        perp::{PerpConfig, Pool, PoolConfig, book::Width},
    },
};
use proptest::prelude::*;

use crate::common::{AUTHORITY, cases, lend};

const TRADER: usize = 1;
const OTHER: usize = 2;
const PERP: u8 = PERPS[0];

fn scene() -> Scene {
    Scene::new(1, 5, 1_000_000, 200_000)
}

/// What an account of perps alone has, less what it owes: atoms, at the prices at which it would close.
fn equity(scene: &Scene, user: usize) -> i128 {
    let world = &scene.world;
    let owed: i128 = world.accounts[user]
        .perps()
        .map(|position| {
            let sides = scene.accrued(position.perp);
            let side = &sides[position.side_index()];
            let value =
                side.lot_value(scene.price(position.perp)) as i128 * position.size as i128 * position.sign() as i128;
            (value >> 32) - position.cost as i128
        })
        .sum();
    scene.deposit_of(user) as i128 + owed
}

fn is_healthy(scene: &Scene, user: usize, requirement: Requirement) -> bool {
    let world = &scene.world;
    health(&world.accounts[user], &world.reserves, &world.market.config, world.now, requirement).unwrap().is_healthy()
}

proptest! {
    #![proptest_config(cases(256))]

    /// I7 (P14): a trade in parts costs no less than the whole, from any skew, with any fund.
    #[test]
    fn splitting_a_trade_gains_nothing(skew in -150_000i64..150_000, whole in -100_000i64..100_000, cuts in prop::collection::vec(1u64..100, 1..6), drained: bool) {
        let mut scene = Scene::new(1, 4, 1_000_000, 1_000_000);
        if skew.abs() > 1 {
            scene.trade(OTHER, PERP, skew * USD as i64).unwrap();
            scene.pass(600);
        }
        if drained {
            scene.perp_mut(PERP).fund.0 /= 3;
        }
        let lots = scene.lots(PERP, whole.unsigned_abs() * USD) * whole.signum();
        let sum: u64 = cuts.iter().sum();
        let mut parts: Vec<i64> = cuts.iter().map(|cut| (lots as i128 * *cut as i128 / sum as i128) as i64).collect();
        parts.push(lots - parts.iter().sum::<i64>());
        let mut split = scene.clone();
        prop_assume!(scene.order(TRADER, order(PERP, lots)).is_ok());
        for part in parts.into_iter().filter(|part| *part != 0) {
            prop_assume!(split.order(TRADER, order(PERP, part)).is_ok());
        }
        prop_assert!(equity(&split, TRADER) <= equity(&scene, TRADER));
    }

    /// I8 (P1): whoever opens, brings any newer price, and closes in one transaction gains nothing: at once or within the hold.
    #[test]
    fn choosing_between_prices_gains_nothing(value in 10i64..100_000, is_buy: bool, moves in prop::collection::vec((-3_000i64..3_000, 1i64..20), 1..4), other: bool) {
        let mut scene = scene();
        let before = equity(&scene, TRADER);
        let value = value * USD as i64 * if is_buy { 1 } else { -1 };
        scene.trade(TRADER, PERP, value).unwrap();
        for (bps, seconds) in moves {
            scene.shift(1, bps);
            scene.pass(seconds - 1);
            if other {
                // Another account of the same hand takes the other side, and the skew with it.
                let _ = scene.trade(OTHER, PERP, -value);
            }
        }
        if scene.world.now - (scene.position(TRADER, PERP).grown_at as i64) < 60 {
            scene.close(TRADER, PERP).unwrap();
            prop_assert!(equity(&scene, TRADER) <= before);
        }
    }

    /// I10 (P5): leaving by liquidation leaves no more than leaving by a trade.
    #[test]
    fn liquidation_is_no_cheaper_than_trading(value in 1_000i64..100_000, is_buy: bool, bps in 100i64..6_000, margin in 11u64..30, seconds in 61i64..10_000) {
        let mut scene = scene();
        let value = value * USD as i64 * if is_buy { 1 } else { -1 };
        // Initial weights of the quote token are three quarters.
        let kept = value.unsigned_abs() * margin / 75;
        let taken = scene.deposit_of(TRADER).saturating_sub(kept);
        scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, taken)).unwrap();
        prop_assume!(scene.trade(TRADER, PERP, value).is_ok());
        scene.pass(seconds);
        scene.shift(1, if is_buy { -bps } else { bps });
        prop_assume!(!is_healthy(&scene, TRADER, Requirement::Maintenance));
        let mut traded = scene.clone();
        while scene.position(TRADER, PERP).size != 0 && !is_healthy(&scene, TRADER, Requirement::Maintenance) {
            scene.act_both(TRADER, OTHER, |ledger, account, other| ledger.liquidate_perp(account, PERP, other)).unwrap();
        }
        if scene.position(TRADER, PERP).size != 0 {
            scene.close(TRADER, PERP).unwrap();
        }
        traded.close(TRADER, PERP).unwrap();
        let (liquidated, traded) = (equity(&scene, TRADER), equity(&traded, TRADER));
        prop_assert!(liquidated <= traded.max(0), "{liquidated} {traded}");
    }

    /// I12 (P7): however positions stand against each other, and in whosever hand, a single move of the price within the shock costs the
    /// pool no more than its buffer, once everybody below maintenance is closed.
    #[test]
    fn the_buffer_bears_a_shock(
        trades in prop::collection::vec((1usize..5, 0usize..3, -200_000i64..200_000), 1..12),
        feed in 1u8..3,
        part in -1_000i64..=1_000,
    ) {
        let mut scene = Scene::new(3, 5, 300_000, 60_000);
        for (user, perp, value) in trades {
            let _ = scene.trade(user, PERPS[perp], value * USD as i64);
        }
        let before = scene.standing(Width::Maintenance);
        let worth = |scene: &Scene| {
            let gains: i128 = PERPS[..3].iter().map(|index| {
                let (perp, price) = (scene.perp(*index), scene.price(*index));
                perp.sides[0].gain(1, price) + perp.sides[1].gain(-1, price)
            }).sum();
            scene.standing(Width::Maintenance).cash as i128 - (gains >> 32)
        };
        let had = worth(&scene);
        let config = &scene.perp(PERPS[0]).config;
        let shock = config.shock(scene.world.reserves[feed as usize].risk.volatility.annual);
        let bps = (shock as i128 * part as i128 * 10 / (1i128 << 32)) as i64;
        scene.shift(feed, bps);
        for user in 1..5 {
            while !is_healthy(&scene, user, Requirement::Maintenance) {
                let open: Vec<u8> = scene.world.accounts[user].perps().filter(|position| position.size != 0).map(|position| position.perp).collect();
                let Some(index) = open.first() else { break };
                scene.act_both(user, 0, |ledger, account, _| {
                    let mut liquidator = MarginAccount::default();
                    ledger.liquidate_perp(account, *index, &mut liquidator)
                }).unwrap();
            }
            for index in PERPS[..3].iter() {
                let _ = scene.act(user, |ledger, account| ledger.write_off_perp(account, *index));
            }
        }
        let lost = had - worth(&scene);
        prop_assert!(lost <= before.buffer as i128 + 10, "{lost} {before:?} {bps}");
    }
}

/// P4: an open gain backs nothing new. It cannot be withdrawn, nor does it carry another position.
#[test]
fn an_open_gain_backs_no_new_risk() {
    let mut scene = scene();
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 198_000 * USD)).unwrap();
    scene.trade(TRADER, PERP, 12_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 5_000);
    assert!(equity(&scene, TRADER) > 7_000 * USD as i128);
    assert_eq!(refused(scene.trade(TRADER, PERP, 12_000 * USD as i64)), Error::InitialHealthTooLow);
    assert_eq!(
        refused(scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 1_900 * USD))),
        Error::InitialHealthTooLow
    );
    // It does ward off liquidation, as far as the pool can pay it.
    assert!(is_healthy(&scene, TRADER, Requirement::Maintenance));
}

/// P6, P24: a perp whose price is pumped pays out no more than its budget of a day. The rest stays owed, and is paid as days pass.
#[test]
fn a_pumped_perp_pays_out_its_budget_alone() {
    let config = PerpConfig { loss_budget: 3_000 * USD, ..perp_config(0) };
    let mut scene = Scene::with(&[config], &pool_config(), 3, 1_000_000, 100_000);
    scene.trade(TRADER, PERP, 20_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 5_000);
    let before = scene.deposit_of(TRADER);
    let fill = scene.close(TRADER, PERP).unwrap();
    assert_eq!(fill.bill.gain, 3_000 * USD);
    assert!(scene.deposit_of(TRADER) < before + 3_000 * USD);
    let owed = scene.position(TRADER, PERP);
    assert!(owed.size == 0 && owed.cost < -6_900 * USD as i64, "{owed:?}");
    // Nobody can take it from him, and it is no new risk.
    assert_eq!(refused(scene.close(TRADER, PERP)), Error::NothingToSettle);
    for _ in 0..3 {
        scene.pass(86_400);
        let paid = scene.settle(TRADER, PERP).unwrap().paid_out;
        assert!((900 * USD..=3_000 * USD).contains(&paid), "{paid}");
    }
    assert_eq!(scene.world.accounts[TRADER].extra_count, 0);
}

/// P8: time and prices pass over an account that nobody liquidates; what it then owes is its own loss and the pool's, and it can still be
/// closed.
#[test]
fn late_liquidation_still_works() {
    let mut scene = scene();
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 190_000 * USD)).unwrap();
    scene.trade(TRADER, PERP, 60_000 * USD as i64).unwrap();
    scene.pass(40_000_000);
    scene.shift(1, -6_000);
    scene.pass(40_000_000);
    scene.act_both(TRADER, OTHER, |ledger, account, other| ledger.liquidate_perp(account, PERP, other)).unwrap();
    scene.act(TRADER, |ledger, account| ledger.write_off_perp(account, PERP)).unwrap();
    assert_eq!(scene.perp(PERP).sides.map(|side| (side.size, side.cost())), [(0, 0); 2]);
}

/// P10: whoever puts money into the pool around his own loss, or another's, gains nothing by it: what the pool will get counts when he
/// comes.
#[test]
fn entering_before_a_loss_is_paid_gains_nothing() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 100_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, -1_500);
    let before = scene.deposit_of(OTHER);
    let shares = scene.provide(OTHER, 100_000 * USD).unwrap().shares.0;
    scene.settle(TRADER, PERP).unwrap();
    scene.close(TRADER, PERP).unwrap();
    Pool::of_mut(&mut scene.world.reserves, POOL).unwrap().config.leave_delay = 0;
    scene.ask(OTHER, shares).unwrap();
    scene.leave(OTHER).unwrap();
    // His part of the fee of the close is all.
    assert!(scene.deposit_of(OTHER) <= before + 10 * USD, "{} {before}", scene.deposit_of(OTHER));
}

/// P11: owners who leave a losing pool in any order get alike, to rounding.
#[test]
fn the_order_of_leaving_changes_nothing() {
    let mut scene = Scene::new(1, 5, 100_000, 100_000);
    let shares = [2, 3].map(|user| scene.provide(user, 50_000 * USD).unwrap().shares.0);
    scene.trade(TRADER, PERP, 50_000 * USD as i64).unwrap();
    for (n, user) in [2, 3].into_iter().enumerate() {
        scene.ask(user, shares[n]).unwrap();
    }
    scene.pass(3_600);
    scene.shift(1, 3_000);
    let paid = |order: [usize; 2]| {
        let mut scene = scene.clone();
        let mut got = [0; 4];
        for user in order {
            got[user] = scene.leave(user).unwrap().amount;
        }
        got
    };
    let (first, last) = (paid([2, 3]), paid([3, 2]));
    for user in [2, 3] {
        assert!(first[user].abs_diff(last[user]) <= 2, "{first:?} {last:?}");
        assert!(first[user] < 50_000 * USD);
    }
}

/// P12: positions of one hand against each other lock the owners in by no more than what a gap beyond their margins could cost.
#[test]
fn hedged_positions_lock_little() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 400_000 * USD as i64).unwrap();
    let one_sided = scene.standing(Width::Maintenance).buffer;
    scene.trade(OTHER, PERP, -400_000 * USD as i64).unwrap();
    let hedged = scene.standing(Width::Maintenance).buffer;
    // 15 % of 400,000, and what of it is beyond a maintenance margin of 5 %.
    assert!(one_sided.abs_diff(60_000 * USD) < 10 * USD, "{one_sided}");
    assert!(hedged.abs_diff(40_000 * USD) < 10 * USD, "{hedged}");
}

/// P16: the margin of an open position cannot be taken out.
#[test]
fn margin_stays_while_a_position_is_open() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 100_000 * USD as i64).unwrap();
    // 10 % of 100,000 at a weight of three quarters, and the cost of closing.
    assert_eq!(
        refused(scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 187_000 * USD))),
        Error::InitialHealthTooLow
    );
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 185_000 * USD)).unwrap();
}

/// P17: deleveraging takes the same part of every position of the side, at the last price, keeps what they gained, takes no more than
/// needed, and nothing once the pool has its cover.
#[test]
fn deleveraging_takes_equal_parts_and_no_more_than_needed() {
    let config = PerpConfig { least_shock: Bps(4_000), ..perp_config(0) };
    let pool = PoolConfig { max_skew: Bps(40_000), ..pool_config() };
    let mut scene = Scene::with(&[config], &pool, 5, 100_000, 200_000);
    for (user, dollars) in [(1, 60_000), (2, 40_000), (3, 100_000)] {
        scene.trade(user, PERP, (dollars * USD) as i64).unwrap();
    }
    scene.pass(120);
    assert_eq!(refused(scene.act(0, |ledger, _| ledger.deleverage_perp(PERP))), Error::NoDeleveraging);
    scene.shift(1, 2_500);
    let values = |scene: &Scene| [1, 2, 3].map(|user| equity(scene, user));
    let (before, lots) = (values(&scene), [1, 2, 3].map(|user| scene.position(user, PERP).size));
    let standing = scene.standing(Width::Maintenance);
    assert!(!standing.covers(Bps(8_000)), "{standing:?}");
    let done = scene.act(0, |ledger, _| ledger.deleverage_perp(PERP)).unwrap();
    assert!(done.of_longs);
    // Sizes count as they did; what a lot is, is less.
    assert_eq!(lots, [1, 2, 3].map(|user| scene.position(user, PERP).size));
    for (is, was) in values(&scene).iter().zip(before) {
        assert!(is.abs_diff(was) <= 2, "{is} {was}");
    }
    let after = scene.standing(Width::Maintenance);
    assert!(after.covers(Bps(11_000)) && !after.covers(Bps(11_003)), "{after:?}");
    assert_eq!(refused(scene.act(0, |ledger, _| ledger.deleverage_perp(PERP))), Error::NoDeleveraging);
    // Each can still leave whole, with what he gained.
    for user in [1, 2, 3] {
        scene.close(user, PERP).unwrap();
        assert_eq!(scene.position(user, PERP).size, 0);
    }
    assert_eq!(scene.perp(PERP).sides[0].multiplier, 1 << 32);
}

/// P23: a cap is judged after losses are in, so losers' debts to the pool make room for nothing.
#[test]
fn unpaid_losses_make_no_room() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, -200_000 * USD as i64).unwrap();
    scene.pass(120);
    let before = scene.standing(Width::Maintenance);
    scene.shift(1, 500);
    let after = scene.standing(Width::Maintenance);
    assert_eq!((before.cash, before.low <= before.cash as i64), (after.cash, true));
    assert!(after.low <= after.cash as i64 && scene.high_value(Width::Maintenance) > after.low);
}

/// P26: the first owner cannot make shares dear by what he leaves or earns: the next loses no more than an atom in a thousand.
#[test]
fn the_first_owner_cannot_make_shares_dear() {
    let mut scene = Scene::new(1, 4, 0, 100_000);
    scene.provide(TRADER, 1).unwrap();
    // All that a perp can give the pool without a position.
    Pool::of_mut(&mut scene.world.reserves, POOL).unwrap().deposit.0 += 10_000 * USD;
    scene.perp_mut(PERP).fund.0 = 0;
    let before = scene.deposit_of(OTHER);
    scene.provide(OTHER, 50_000 * USD).unwrap();
    Pool::of_mut(&mut scene.world.reserves, POOL).unwrap().config.leave_delay = 0;
    let held = scene.world.accounts[OTHER].stake().unwrap().shares.0;
    scene.ask(OTHER, held).unwrap();
    scene.leave(OTHER).unwrap();
    let lost = before - scene.deposit_of(OTHER);
    assert!(lost < 20 * USD, "{lost}");
}

/// P27: touching a position changes nothing of what it comes to.
#[test]
fn touching_a_position_changes_nothing() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 50_000 * USD as i64).unwrap();
    scene.pass(1_000);
    scene.shift(1, -500);
    // Funding is counted at the price of whenever somebody trades: here both see this one.
    scene.trade(OTHER, PERP, 10 * USD as i64).unwrap();
    let mut touched = scene.clone();
    for _ in 0..5 {
        let _ = touched.settle(TRADER, PERP);
        let _ = touched.act(0, |ledger, _| ledger.deleverage_perp(PERP));
    }
    for scene in [&mut scene, &mut touched] {
        scene.shift(1, 1_000);
        scene.pass(1_000);
        scene.close(TRADER, PERP).unwrap();
    }
    let (plain, touched) = (equity(&scene, TRADER), equity(&touched, TRADER));
    assert!(touched <= plain + 2 && touched + 10 >= plain, "{touched} {plain}");
}

/// The wall, across features: a trader with a debt in another reserve loses on a perp more than he has. The perp's losses take nothing that
/// his lenders need: what is left covers his debt, and the pool bears the rest.
#[test]
fn lenders_come_before_the_pool() {
    let mut scene = scene();
    scene.act(3, |ledger, account| lend(ledger, account, 1, 1_000_000_000_000)).unwrap();
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 100_000 * USD)).unwrap();
    // 40,000 USD of SOL.
    scene.act(TRADER, |ledger, account| ledger.borrow(account, 1, 266_000_000_000)).unwrap();
    scene.trade(TRADER, PERPS[0], -250_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 2_000);
    let _ = scene.settle(TRADER, PERP);
    let lent_alone = MarginAccount { extra_count: 0, ..scene.world.accounts[TRADER] };
    let world = &scene.world;
    let covered = health(&lent_alone, &world.reserves, &world.market.config, world.now, Requirement::Initial).unwrap();
    assert!(covered.is_healthy(), "{covered:?}");
    while scene.position(TRADER, PERP).size != 0 {
        scene.act_both(TRADER, OTHER, |ledger, account, other| ledger.liquidate_perp(account, PERP, other)).unwrap();
    }
    let lent_alone = MarginAccount { extra_count: 0, ..scene.world.accounts[TRADER] };
    let world = &scene.world;
    let covered = health(&lent_alone, &world.reserves, &world.market.config, world.now, Requirement::Initial).unwrap();
    assert!(covered.is_healthy(), "{covered:?}");
    // Nor does the debt go while a claim on the pool could pay it.
    assert_eq!(
        refused(scene.act(TRADER, |ledger, account| ledger.settle_bad_debt(account, 1))),
        Error::BadDebtNotProven
    );
}

/// A debt is not written off while a gain of its owner is open: the position is closed first, and pays the lenders.
#[test]
fn an_open_gain_pays_a_debt_before_lenders_do() {
    let mut scene = scene();
    scene.act(3, |ledger, account| lend(ledger, account, 1, 1_000_000_000_000)).unwrap();
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 150_000 * USD)).unwrap();
    scene.act(TRADER, |ledger, account| ledger.borrow(account, 1, 190_000_000_000)).unwrap();
    scene.trade(TRADER, PERP, 20_000 * USD as i64).unwrap();
    scene.pass(120);
    // The debt doubles, and more; the position gains as much again.
    scene.shift(1, 9_000);
    scene.shift(1, 2_500);
    assert_eq!(refused(scene.act(TRADER, |ledger, account| ledger.report_loss(account))), Error::LossNotProven);
    assert_eq!(
        refused(scene.act(TRADER, |ledger, account| ledger.settle_bad_debt(account, 1))),
        Error::BadDebtNotProven
    );
}

/// A loss beyond the quote deposit is no loan: anyone pays it and takes other collateral for it, at once.
#[test]
fn a_loss_is_no_loan_of_the_pool() {
    let mut scene = scene();
    scene.act(TRADER, |ledger, account| lend(ledger, account, 1, 1_000_000_000_000)).unwrap();
    scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, 199_000 * USD)).unwrap();
    scene.trade(TRADER, PERP, -50_000 * USD as i64).unwrap();
    scene.pass(120);
    assert_eq!(
        refused(
            scene.act_both(TRADER, OTHER, |ledger, account, other| ledger.cover_perp_loss(account, PERP, 1, other, 1))
        ),
        Error::NothingToCover
    );
    scene.shift(1, 1_000);
    let pool = scene.standing(Width::Maintenance).cash;
    let cover = scene
        .act_both(TRADER, OTHER, |ledger, account, other| ledger.cover_perp_loss(account, PERP, 1, other, u64::MAX))
        .unwrap();
    assert!((3_950 * USD..4_100 * USD).contains(&cover.paid), "{cover:?}");
    // All of the loss is the pool's now.
    let got = scene.standing(Width::Maintenance).cash - pool;
    assert!((4_990 * USD..5_100 * USD).contains(&got), "{got}");
    assert_eq!(scene.deposit_of(TRADER), 0);
    assert!(scene.position(TRADER, PERP).size != 0);
}

/// A perp that is wound down: everybody leaves at its last price, free of charge, and nothing moves it any more.
#[test]
fn a_perp_is_wound_down_at_one_price() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 50_000 * USD as i64).unwrap();
    scene.trade(OTHER, PERP, -20_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 1_000);
    let price = scene.act(0, |ledger, _| ledger.resolve_perp(&AUTHORITY, PERP)).unwrap();
    assert_eq!(refused(scene.act(0, |ledger, _| ledger.resolve_perp(&AUTHORITY, PERP))), Error::PerpResolved);
    scene.shift(1, -5_000);
    scene.pass(10_000_000);
    assert_eq!(refused(scene.trade(3, PERP, 1_000 * USD as i64)), Error::PerpReduceOnly);
    let fills = [TRADER, OTHER].map(|user| scene.close(user, PERP).unwrap());
    for fill in fills {
        assert_eq!((fill.price, fill.bill.fee, fill.bill.impact), (price, 0, 0));
    }
    assert!((4_900 * USD as i64..5_000 * USD as i64).contains(&fills[0].realised), "{fills:?}");
    assert_eq!(scene.perp(PERP).sides.map(|side| (side.size, side.cost())), [(0, 0); 2]);
}
