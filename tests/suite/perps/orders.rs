//! Orders that rest: what they cost, who is paid, and which prices and hands move them.

use ballast_client::PYTH_RECEIVERS;
use ballast_engine::{Error, state::account::rights};
use ballast_tests::{Outcome, PerpScene, USD, User};

const TIP: u32 = 10_000;

/// A scene whose trader's order to buy rests, and when it fills.
fn resting() -> (PerpScene, i64) {
    let mut scene = PerpScene::new();
    let lots = scene.lots(scene.perp, 20_000);
    scene.rest(scene.trader, scene.perp, lots, false, TIP).expect_ok();
    let from = scene.fills_from(scene.trader.margin);
    (scene, from)
}

/// A fill by a key of nobody's, at a price moved by basis points.
fn fill(scene: &mut PerpScene, bps: i64, times: (i64, i64)) -> Outcome {
    let filler = scene.world.key("filler");
    scene.fill(scene.trader.margin, filler, scene.perp, bps, times)
}

fn lamports(scene: &PerpScene, address: ballast_client::Address) -> u64 {
    scene.world.account(&address).lamports
}

/// Anyone fills an order by the price that follows it, from an account that no reserve knows, and gets its tip.
#[test]
fn an_order_is_filled_by_anyone_who_brings_its_price() {
    let (mut scene, from) = resting();
    let filler = scene.world.key("filler");
    let (before, margin) = (lamports(&scene, filler), lamports(&scene, scene.trader.margin));
    let spot = scene.price(scene.perp);
    scene.pass(from - scene.world.now(), 0);
    // The market holds a newer price by then.
    scene.pass(1, 500);
    let outcome = fill(&mut scene, -500, (from - 1, from)).expect_ok();
    assert!(format!("{:?}", outcome.events).contains("PerpOrderFilled"), "{:?}", outcome.events);
    assert!(outcome.transaction_bytes <= 500, "{}", outcome.transaction_bytes);
    assert_eq!(lamports(&scene, filler), before + TIP as u64);
    assert_eq!(lamports(&scene, scene.trader.margin), margin - TIP as u64);
    let position = *scene.world.margin(&scene.trader.margin).perp(scene.perp).expect("it was filled");
    // Five per cent below what is five above it.
    let paid = position.cost as f64 / ((position.size as u128 * spot as u128) >> 32) as f64;
    assert!((paid - 0.9975).abs() < 1e-4, "{paid}");
    fill(&mut scene, 0, (from - 1, from)).expect_error(Error::OrderNotFound);
    scene.world.assert_conserved();
}

/// P1: no other price fills it, whoever posts it, and it is no price of the market.
#[test]
fn no_other_price_fills_an_order() {
    let (mut scene, from) = resting();
    scene.pass(from + 2 - scene.world.now(), 0);
    for times in [(from - 2, from - 1), (from, from), (from, from + 1), (from + 1, from + 2)] {
        fill(&mut scene, 0, times).expect_error(Error::NotFirstPrice);
    }
    // Of an account that no receiver owns, of another feed, of none and of two.
    let (margin, filler, perp) = (scene.trader.margin, scene.world.key("filler"), scene.perp);
    let posted = scene.post(perp, 0, (from - 1, from));
    let mut account = scene.world.account(&posted);
    account.owner = filler;
    let forged = scene.world.key("forged price");
    scene.world.set_account(forged, account);
    let usd_price = scene.world.key("another feed");
    let usd = scene.world.reserve(scene.usd).config.oracle.feed_id.0;
    let update = ballast_tests::Quote::dollars(150.0).update(usd, from);
    scene.world.write_price(usd_price, PYTH_RECEIVERS[0], &update);
    for (prices, error) in [
        (vec![forged], Error::PriceOwnerNotAllowed),
        (vec![usd_price], Error::PriceFeedMismatch),
        (vec![], Error::PriceAccountMissing),
        (vec![posted, posted], Error::PriceAccountMissing),
        (vec![posted; 3], Error::PriceAccountMissing),
    ] {
        let instruction = scene.view().fill_perp_order(margin, filler, perp, &prices).expect("a perp");
        scene.world.send(&[instruction]).expect_error(error);
    }
    // The price of an order is nobody's reason to trade now: the market's own stays what it was.
    let before = scene.world.reserve(scene.sol).price;
    fill(&mut scene, 3_000, (from - 1, from)).expect_ok();
    assert_eq!(scene.world.reserve(scene.sol).price, before);
}

/// P2: who sees that his order turns bad cannot take what backs it, nor the order, and whoever comes fills it.
#[test]
fn an_order_is_firm() {
    let (mut scene, from) = resting();
    let (trader, perp) = (scene.trader, scene.perp);
    scene.world.withdraw(trader, scene.usd, USD).expect_error(Error::OrderRests);
    scene.world.borrow(trader, scene.sol, 1).expect_error(Error::OrderRests);
    scene.trade(trader, 100).expect_error(Error::OrderRests);
    scene.rest(trader, perp, 1_000_000, false, 0).expect_error(Error::OrderRests);
    scene.provide(trader, USD).expect_error(Error::PoolNeedsItsOwnAccount);
    scene.world.close(trader).expect_error(Error::OrderRests);
    scene.cancel(trader.margin, trader.key, perp).expect_error(Error::OrderNotOver);
    scene.pass(from - scene.world.now(), 0);
    fill(&mut scene, -900, (from - 1, from)).expect_ok();
    scene.world.withdraw(trader, scene.usd, USD).expect_ok();
}

/// An order that nobody filled is cleared by anyone, and its tip goes back to its owner alone.
#[test]
fn an_order_that_is_over_is_cleared_by_anyone() {
    let (mut scene, from) = resting();
    let (trader, perp, stranger) = (scene.trader, scene.perp, scene.world.key("stranger"));
    scene.pass(from + 6 - scene.world.now(), 0);
    fill(&mut scene, 0, (from - 1, from)).expect_error(Error::OrderOver);
    scene.cancel(trader.margin, stranger, perp).expect_error(Error::NotAccountOwner);
    let before = lamports(&scene, trader.key);
    let outcome = scene.cancel(trader.margin, trader.key, perp).expect_ok();
    assert!(format!("{:?}", outcome.events).contains("PerpOrderCancelled"));
    assert_eq!(lamports(&scene, trader.key), before + TIP as u64);
    scene.cancel(trader.margin, trader.key, perp).expect_error(Error::OrderNotFound);
}

/// What is promised must be there, beside the rent, and another's account is nobody's purse.
#[test]
fn a_tip_must_be_there() {
    let mut scene = PerpScene::new();
    let (trader, perp) = (scene.trader, scene.perp);
    let rest = |scene: &PerpScene, user: User, tip| scene.rest_instruction(user, perp, 1_000_000, false, tip);
    let instruction = rest(&scene, trader, 1);
    scene.world.send(&[instruction]).expect_error(Error::TipMissing);
    let thief = User { key: scene.world.key("thief"), ..trader };
    let instruction = rest(&scene, thief, 0);
    scene.world.send(&[instruction]).expect_error(Error::NotAccountOwner);
    let until = scene.world.now() + 100;
    let grant = |rights| scene.view().set_delegate(trader.key, trader.margin, thief.key, rights, until);
    let (borrow, trade) = (grant(rights::BORROW), grant(rights::TRADE));
    scene.world.send(&[borrow]).expect_ok();
    let instruction = rest(&scene, thief, 0);
    scene.world.send(std::slice::from_ref(&instruction)).expect_error(Error::DelegateRightMissing);
    scene.world.send(&[trade]).expect_ok();
    scene.world.send(&[instruction]).expect_ok();
}

/// What `read_pool` returns is what the engine says, under the program's own id.
#[test]
fn a_pool_tells_a_caller_its_figures() {
    let mut scene = PerpScene::new();
    scene.trade(scene.trader, 20_000).expect_ok();
    scene.pass(600, 300);
    let read = scene.view().read_pool(scene.pool).expect("a pool");
    let outcome = scene.world.send(&[read]).expect_ok();
    let report = ballast_client::decode_pool_report(&outcome.return_data).expect("a report");
    assert_eq!(report, scene.view().pool_report(scene.pool, scene.world.now()).expect("a pool"));
    assert!(report.greeks()[0].delta < 0 && report.low > report.exit - 1 && report.entry >= report.exit);
    let market = scene.world.market;
    scene
        .world
        .send_one(ballast_client::instruction::ReadPool { market, pool: scene.perp })
        .expect_error(Error::NotPool);
}
