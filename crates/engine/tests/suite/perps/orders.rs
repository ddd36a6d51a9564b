//! Orders that rest: one price fills them, and whoever placed them can do nothing about it.

use super::*;
use ballast_engine::{
    Error,
    number::units::Bps,
    perps::trade::Order,
    state::perp::{PerpConfig, PoolConfig},
};
use proptest::prelude::*;

use crate::common::{AUTHORITY, cases};

const TRADER: usize = 1;
const OTHER: usize = 2;
const PERP: u8 = PERPS[0];
/// What the scene's perps wait, seconds.
const LAG: i64 = 2;

fn scene() -> Scene {
    Scene::new(2, 4, 1_000_000, 100_000)
}

/// A scene with an order of the trader, and when it fills.
fn resting(dollars: i64) -> (Scene, i64) {
    let mut scene = scene();
    let from = scene.rest(TRADER, PERP, dollars * USD as i64).unwrap();
    (scene, from)
}

/// The underlying's price.
fn price(scene: &Scene) -> i64 {
    scene.world.prices[1]
}

proptest! {
    #![proptest_config(cases(128))]

    /// P1: of all the prices that are ever published, one fills an order: the first that is published once it may be filled. Whoever
    /// brings them, in whatever order, and whatever the market holds by then.
    #[test]
    fn one_price_alone_fills_an_order(gaps in prop::collection::vec(0i64..4, 4..20), prices in prop::collection::vec(8_000i64..12_000, 20), is_buy: bool) {
        let (mut scene, from) = resting(if is_buy { 10_000 } else { -10_000 });
        let (start, spot) = (scene.world.now, price(&scene));
        let mut published = start;
        let mut updates = vec![];
        // Several in a second, or seconds without one.
        for (gap, bps) in gaps.iter().zip(&prices) {
            let before = published;
            published += gap;
            updates.push(((before, published), spot * bps / 10_000));
        }
        scene.pass(LAG + 3);
        let filled: Vec<_> = updates.iter().filter(|(times, price)| scene.clone().fill(TRADER, PERP, *price, *times).is_ok()).collect();
        let first = updates.iter().position(|((_, published), _)| *published >= from);
        let in_time = first.filter(|first| updates[*first].0.1 <= scene.world.now);
        match in_time {
            Some(first) => prop_assert_eq!(filled, [&updates[first]]),
            None => prop_assert!(filled.is_empty()),
        }
        for (times, price) in updates.iter().filter(|(times, _)| times.1 <= scene.world.now) {
            let error = scene.clone().fill(TRADER, PERP, *price, *times).err();
            prop_assert!(matches!(error, None | Some(Error::NotFirstPrice)), "{error:?}");
        }
    }

    /// P2: who sees seconds ahead cannot place an order whose price he knows: it is published later than what he sees, and nothing that
    /// he does afterwards keeps it from being filled.
    #[test]
    fn an_order_that_turns_bad_cannot_be_kept_from_its_price(value in 1_000i64..80_000, is_buy: bool, bps in 1i64..1_500, acts in prop::collection::vec((0usize..8, 1u64..100_000), 1..8)) {
        let (mut scene, from) = resting(if is_buy { value } else { -value });
        let (worse, spot) = (if is_buy { bps } else { -bps }, price(&scene));
        let bad = spot + spot * worse / 10_000;
        for (act, dollars) in acts {
            let amount = dollars * USD;
            let lots = scene.lots(PERP, amount);
            let _ = match act {
                0 => scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, amount)).map(drop),
                1 => scene.act(TRADER, |ledger, account| ledger.borrow(account, 1, dollars)).map(drop),
                2 => scene.provide(TRADER, amount).map(drop),
                3 => scene.cancel(TRADER, PERP).map(drop),
                4 => scene.order(TRADER, order(PERPS[1], lots)).map(drop),
                5 => scene.rest(TRADER, PERPS[1], amount as i64).map(drop),
                6 => scene.close(TRADER, PERP).map(drop),
                _ => scene.act_both(OTHER, TRADER, |ledger, of, by| ledger.cover_perp_loss(of, PERP, 1, by, amount)).map(drop),
            };
        }
        scene.pass(LAG);
        let fill = scene.fill(TRADER, PERP, bad, (from - 1, from)).unwrap();
        prop_assert!(fill.opened != 0 && scene.position(TRADER, PERP).size == fill.opened);
    }
}

#[test]
fn an_order_gets_its_price_and_not_the_markets() {
    let (mut scene, from) = resting(10_000);
    let spot = price(&scene);
    let traded = scene.clone().trade(OTHER, PERP, 10_000 * USD as i64).unwrap();
    scene.pass(LAG);
    scene.shift(1, 500);
    let fill = scene.fill(TRADER, PERP, spot * 99 / 100, (from - 1, from)).unwrap();
    let part = fill.price as f64 / traded.price as f64;
    assert!((part - 0.99).abs() < 1e-6, "{part}");
    assert_eq!(fill.opened, scene.position(TRADER, PERP).size);
    // Nothing rests any more.
    assert_eq!(refused(scene.fill(TRADER, PERP, spot, (from - 1, from))), Error::OrderNotFound);
}

/// An order is no instant flow, and pays no fee for what a trader sees ahead: only for the age of its price.
#[test]
fn an_order_is_cheaper_than_a_trade_of_the_moment_and_as_large_as_it_likes() {
    let config = PerpConfig { instant_flow: 5_000 * USD, ..perp_config(0) };
    let mut scene = Scene::with(&[config], &pool_config(), 3, 1_000_000, 100_000);
    scene.world.reserves[1].risk.volatility.annual = Bps(20_000);
    assert_eq!(refused(scene.trade(TRADER, PERP, 50_000 * USD as i64)), Error::TooFast);
    let small = scene.clone().trade(TRADER, PERP, 5_000 * USD as i64).unwrap();
    let from = scene.rest(TRADER, PERP, 50_000 * USD as i64).unwrap();
    let spot = price(&scene);
    scene.pass(LAG);
    let at_once = scene.clone().fill(TRADER, PERP, spot, (from - 1, from)).unwrap();
    let rate = |fee: u64, dollars: u64| fee as f64 / (dollars * USD) as f64;
    assert!((rate(at_once.bill.fee, 50_000) - 0.000_5).abs() < 1e-6);
    assert!(rate(small.bill.fee, 5_000) > 0.000_9);
    scene.pass(4);
    let late = scene.fill(TRADER, PERP, spot, (from - 1, from)).unwrap();
    assert!(rate(late.bill.fee, 50_000) > 0.001, "who fills late could have seen the next prices");
}

#[test]
fn what_backs_an_order_stays() {
    let (mut scene, _) = resting(10_000);
    let refusals = [
        refused(scene.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, USD))),
        refused(scene.act(TRADER, |ledger, account| ledger.borrow(account, 2, 1_000_000))),
        refused(scene.trade(TRADER, PERP, USD as i64)),
        refused(scene.trade(TRADER, PERPS[1], -(USD as i64))),
        refused(scene.rest(TRADER, PERPS[1], USD as i64)),
    ];
    assert_eq!(refusals, [Error::OrderRests; 5]);
    assert_eq!(refused(scene.provide(TRADER, USD)), Error::PoolNeedsItsOwnAccount);
    assert_eq!(refused(scene.cancel(TRADER, PERP)), Error::OrderNotOver);
    // Deposits and repayments are welcome.
    scene.act(TRADER, |ledger, account| crate::common::lend(ledger, account, QUOTE, USD)).unwrap();
}

#[test]
fn an_order_that_nobody_filled_is_over_and_whoever_likes_clears_it() {
    let (mut scene, from) = resting(10_000);
    scene.world.now = from + 5;
    assert_eq!(refused(scene.cancel(TRADER, PERP)), Error::OrderNotOver);
    scene.pass(1);
    let spot = price(&scene);
    assert_eq!(refused(scene.fill(TRADER, PERP, spot, (from - 1, from))), Error::OrderOver);
    assert_eq!(refused(scene.cancel(TRADER, PERPS[1])), Error::OrderNotFound);
    scene.cancel(TRADER, PERP).unwrap();
    assert_eq!(refused(scene.cancel(TRADER, PERP)), Error::OrderNotFound);
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
}

/// A clock that is behind the prices shows by them.
#[test]
fn an_order_waits_from_the_newest_price_on() {
    let mut scene = scene();
    scene.pass(10);
    scene.world.now -= 7;
    let from = scene.rest(TRADER, PERP, 10_000 * USD as i64).unwrap();
    assert_eq!(from, scene.world.now + 7 + LAG);
}

#[test]
fn an_order_that_could_not_be_filled_now_is_refused() {
    let mut scene = scene();
    assert_eq!(refused(scene.rest_order(TRADER, order(PERP, 0))), Error::AmountIsZero);
    assert_eq!(refused(scene.rest_order(TRADER, order(POOL, 1_000))), Error::NotPerp);
    assert_eq!(refused(scene.rest_order(TRADER, order(PERP, 1))), Error::PositionTooSmall);
    for lots in [i64::MAX, i64::MIN] {
        assert_eq!(refused(scene.rest_order(TRADER, order(PERP, lots))), Error::InsufficientMargin);
    }
    // 100,000 at three quarters carry 750,000 at a tenth, less costs.
    assert_eq!(refused(scene.rest(TRADER, PERP, 750_000 * USD as i64)), Error::InitialHealthTooLow);
    let reducing = Order { reduce_only: true, ..order(PERP, 1_000_000) };
    assert_eq!(refused(scene.rest_order(TRADER, reducing)), Error::PerpNotReducing);
    // Other tokens back a position, but do not pay for it.
    let all = scene.deposit_of(TRADER);
    let mut other = scene.clone();
    other.act(TRADER, |ledger, account| crate::common::lend(ledger, account, 1, 100_000_000_000)).unwrap();
    other.act(TRADER, |ledger, account| ledger.withdraw(account, QUOTE, all)).unwrap();
    assert_eq!(refused(other.rest(TRADER, PERP, 1_000 * USD as i64)), Error::InsufficientMargin);
    assert_eq!(refused(scene.rest(0, PERP, 1_000 * USD as i64)), Error::PoolNeedsItsOwnAccount);
    scene.world.now += 6;
    assert_eq!(refused(scene.rest(TRADER, PERP, 10_000 * USD as i64)), Error::TradePriceTooOld);
    scene.pass(1);
    scene.act(0, |ledger, _| ledger.resolve_perp(&AUTHORITY, PERP)).unwrap();
    assert_eq!(refused(scene.rest(TRADER, PERP, 10_000 * USD as i64)), Error::PerpResolved);
}

/// P21: an order does nothing to another position than it was placed for.
#[test]
fn an_order_to_reduce_opens_nothing() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    scene.pass(120);
    let lots = -scene.lots(PERP, 10_000 * USD);
    let from = scene.rest_order(TRADER, Order { reduce_only: true, ..order(PERP, lots) }).unwrap();
    scene.close(TRADER, PERP).unwrap();
    scene.pass(LAG);
    let spot = price(&scene);
    assert_eq!(refused(scene.fill(TRADER, PERP, spot, (from - 1, from))), Error::PerpNotReducing);
    assert_eq!(refused(scene.fill(TRADER, PERPS[1], spot, (from - 1, from))), Error::OrderNotFound);
    scene.pass(6);
    scene.cancel(TRADER, PERP).unwrap();
}

#[test]
fn an_order_closes_what_it_is_to_close() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    scene.pass(120);
    let spot = price(&scene);
    let from = scene.rest_order(TRADER, Order { reduce_only: true, ..order(PERP, i64::MIN >> 8) }).unwrap();
    scene.pass(LAG);
    let fill = scene.fill(TRADER, PERP, spot * 11 / 10, (from - 1, from)).unwrap();
    assert!(fill.bill.gain.abs_diff(1_000 * USD) < 15 * USD, "{fill:?}");
    assert!(scene.world.accounts[TRADER].perp(PERP).is_none());
}

#[test]
fn a_limit_and_the_quality_of_the_price_hold() {
    let (mut scene, from) = resting(10_000);
    let spot = price(&scene);
    scene.world.accounts[TRADER].order.limit = scene.price(PERP);
    scene.pass(LAG);
    // Its own impact makes it worse than spot.
    let (before, account) = (scene.world.reserves.clone(), scene.world.accounts[TRADER]);
    assert_eq!(refused(scene.fill(TRADER, PERP, spot, (from - 1, from))), Error::LimitPriceCrossed);
    assert_eq!((&scene.world.reserves, scene.world.accounts[TRADER]), (&before, account));
    scene.clone().fill(TRADER, PERP, spot * 99 / 100, (from - 1, from)).unwrap();
    assert_eq!(refused(scene.fill(TRADER, PERP, -spot, (from - 1, from))), Error::PriceNotPositive);
    // An average far from it, and another feed.
    let mut wild = crate::common::update(1, spot, from);
    wild.ema_price *= 2;
    let fill = |scene: &mut Scene, update| {
        scene.act(TRADER, |ledger, account| ledger.fill_order(account, PERP, &crate::common::source(&update), None))
    };
    assert_eq!(refused(fill(&mut scene, wild)), Error::PriceUnsettled);
    assert_eq!(refused(fill(&mut scene, crate::common::update(2, spot, from))), Error::PriceFeedMismatch);
    scene.world.now = from - 1;
    scene.world.market.config.max_clock_lag = 0;
    assert_eq!(refused(scene.fill(TRADER, PERP, spot, (from - 1, from))), Error::PriceInFuture);
}

/// A full account has no room for the position, and one with an order keeps it.
#[test]
fn an_order_keeps_its_place() {
    let pool = PoolConfig { max_skew: Bps(60_000), ..pool_config() };
    let configs: Vec<_> = (0..8).map(perp_config).collect();
    let mut scene = Scene::with(&configs, &pool, 3, 1_000_000, 100_000);
    for perp in PERPS.iter().take(6) {
        scene.trade(TRADER, *perp, 1_000 * USD as i64).unwrap();
    }
    scene.act(TRADER, |ledger, account| crate::common::lend(ledger, account, 1, 1_000_000_000)).unwrap();
    // Twelve places of perps and two of deposits.
    let from = scene.rest(TRADER, PERPS[6], 1_000 * USD as i64).unwrap();
    let third = scene.act(TRADER, |ledger, account| crate::common::lend(ledger, account, 2, 1_000_000_000));
    assert_eq!(refused(third), Error::TooManyPositions);
    let spot = scene.world.prices[2];
    scene.pass(LAG);
    scene.fill(TRADER, PERPS[6], spot, (from - 1, from)).unwrap();
    assert_eq!(refused(scene.rest(TRADER, PERPS[7], 1_000 * USD as i64)), Error::TooManyPositions);
}
