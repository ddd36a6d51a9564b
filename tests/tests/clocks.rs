//! The chain's clock and Pyth's: one may be behind the other, and updates come in any order.

use ballast_client::{Address, LiquidationOrder, PYTH_RECEIVERS};
use ballast_engine::{Error, ledger::EVERYTHING, price::policy::Condition};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, World, reserve_config};

/// Writes a price of so many seconds ahead of the chain's clock to the reserve's price account.
fn publish_ahead(world: &mut World, reserve: u8, dollars: f64, seconds: i64) {
    let feed = world.reserve(reserve).config.oracle.feed_id.0;
    let update = Quote::dollars(dollars).update(feed, world.now() + seconds);
    world.write_price(world.price_account(reserve), PYTH_RECEIVERS[0], &update);
}

/// Publishes both prices ahead of the chain's clock and refreshes both reserves.
fn refresh_ahead(scene: &mut Scene, dollars_of_sol: f64, seconds: i64) -> Outcome {
    let Scene { world, usd, sol, .. } = scene;
    publish_ahead(world, *usd, 1.0, seconds);
    publish_ahead(world, *sol, dollars_of_sol, seconds);
    world.refresh(&[*usd, *sol])
}

#[test]
fn a_market_goes_on_while_the_chains_clock_lags() {
    let mut scene = Scene::new();
    let (usd, sol, trader) = (scene.usd, scene.sol, scene.trader);
    scene.world.borrow(trader, usd, 1_000 * USD).expect_ok();
    // Ten minutes, far longer than a price may be used for, of accounts that are overwritten once a second.
    for _ in 0..600 {
        scene.world.advance(1);
        refresh_ahead(&mut scene, 150.0, 2).expect_ok();
    }
    let world = &mut scene.world;
    world.fund(&trader.key, sol, SOL);
    world.borrow(trader, usd, USD).expect_ok();
    world.withdraw(trader, sol, 1).expect_ok();
    world.deposit(trader, sol, SOL).expect_ok();
}

#[test]
fn a_fall_is_liquidated_while_the_clock_lags() {
    let mut scene = Scene::new();
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    scene.world.advance(61);
    refresh_ahead(&mut scene, 100.0, 30).expect_ok();
    let Scene { mut world, usd, sol, trader, .. } = scene;
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: EVERYTHING, min_collateral: 1 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
}

/// One position's feed is ahead of the chain's clock, as Pyth is of one that lags, and the updates that the liquidator has of the
/// others are not: they are of one moment, and a third price of another is read in the borrower's favour.
#[test]
fn a_feed_that_is_ahead_stops_no_liquidation_of_the_others() {
    let mut scene = Scene::new();
    let third = scene.world.list(Token::new("third", 6, 1.0), reserve_config());
    scene.world.supply(scene.trader, third, 100 * USD);
    scene.world.refresh_all();
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    scene.world.advance(61);
    publish_ahead(&mut scene.world, third, 1.0, 30);
    refresh_ahead(&mut scene, 100.0, 0).expect_ok();
    let Scene { mut world, usd, sol, trader, .. } = scene;
    world.refresh(&[third]).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let order = |collateral| LiquidationOrder { debt: usd, collateral, max_repay: EVERYTHING, min_collateral: 1 };
    // It is itself of another moment than the debt.
    world.fork().liquidate(liquidator, trader.margin, order(third)).expect_error(Error::PricesSkewed);
    world.liquidate(liquidator, trader.margin, order(sol)).expect_ok();
}

/// What the market tolerates is a parameter: beyond it an update changes nothing, and the others are taken.
#[test]
fn a_price_beyond_the_tolerated_lag_is_passed_over() {
    let mut scene = Scene::new();
    scene.world.advance(10);
    let Scene { world, usd, sol, .. } = &mut scene;
    let before = world.reserve(*sol).price;
    world.publish(*usd, Quote::dollars(1.0));
    publish_ahead(world, *sol, 160.0, 31);
    world.refresh(&[*usd, *sol]).expect_passed_over(Error::PriceInFuture);
    assert_eq!(world.reserve(*sol).price, before);
    assert_eq!(world.reserve(*usd).price.publish_time, world.now());
    world.reconfigure_market(|config| config.max_clock_lag = 31).expect_ok();
    world.refresh(&[*usd, *sol]).expect_ok();
    assert_eq!(world.reserve(*sol).price.publish_time, world.now() + 31);
    world.reconfigure_market(|config| config.max_clock_lag = 3_601).expect_error(Error::OracleLimitOutOfRange);
}

/// A price ahead of the clock is of age zero: it may be used no longer than one of now.
#[test]
fn a_price_ahead_of_the_clock_is_used_no_longer() {
    let mut scene = Scene::new();
    scene.world.advance(100);
    refresh_ahead(&mut scene, 150.0, 30).expect_ok();
    let Scene { mut world, usd, trader, .. } = scene;
    world.advance(60);
    world.fork().borrow(trader, usd, 100 * USD).expect_ok();
    world.advance(1);
    world.borrow(trader, usd, 100 * USD).expect_error(Error::PriceStale);
}

/// Updates of before a price that was ahead change nothing until the clock has caught up, and the market lives on meanwhile.
#[test]
fn a_clock_that_catches_up_takes_the_next_price() {
    let mut scene = Scene::new();
    scene.world.advance(100);
    refresh_ahead(&mut scene, 150.0, 30).expect_ok();
    for (seconds, dollars) in [(10, 150.0), (19, 150.0), (2, 149.0)] {
        scene.world.advance(seconds);
        refresh_ahead(&mut scene, 149.0, 0).expect_ok();
        let price = scene.world.reserve(scene.sol).price;
        assert_eq!(price.price, (dollars * 1e8) as u64);
        assert_eq!(price.condition(scene.world.now()), Condition::Fresh);
    }
}

/// Whoever comes second with an older update goes on with the newer price that is there.
#[test]
fn an_older_update_changes_nothing_and_stops_nothing() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.advance(100);
    world.refresh_all();
    world.advance(2);
    let feed = world.reserve(sol).config.oracle.feed_id.0;
    let write = |world: &mut World, key: u8, dollars: f64, age: i64| {
        let address = Address::new_from_array([key; 32]);
        let update = Quote::dollars(dollars).update(feed, world.now() - age);
        world.write_price(address, PYTH_RECEIVERS[0], &update);
        world.view().refresh_prices(&[(sol, address)]).expect("a reserve")
    };
    let mine = write(&mut world, 71, 150.0, 1);
    let others = write(&mut world, 72, 150.1, 0);
    let stranger = world.key("stranger");
    world.send_from(stranger, std::slice::from_ref(&others)).expect_ok();
    let held = world.reserve(sol).price;
    let destination = world.fund(&trader.key, usd, 0);
    let borrow = world.view().borrow(trader.key, trader.margin, destination, usd, 100 * USD).expect("a reserve");
    world.send(&[mine, borrow]).expect_ok();
    world.send(&[others]).expect_ok();
    assert_eq!(world.reserve(sol).price, held);
    assert_eq!(world.balance(&trader.key, usd), 100 * USD);
}
