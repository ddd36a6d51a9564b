//! Tokens whose price is gone: what a deposit of one still does for its owner, and what strangers can do with one.

use ballast_client::{Address, Instruction, LiquidationOrder, to_engine};
use ballast_engine::{
    Error, health::report::HealthReport, ledger::EVERYTHING, price::policy::FAVOUR_SECONDS,
    state::reserve::ReserveConfig,
};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, User, World, reserve_config};
use solana_account::Account;

/// A scene, a third token at one dollar whose smallest deposit is a cent, and the trader with so much of it and a debt of
/// 10,000 USD: healthy from 123.53 USD a SOL on.
fn indebted(of_third: u64) -> (Scene, u8) {
    let mut scene = Scene::new();
    let third =
        scene.world.list(Token::new("third", 6, 1.0), ReserveConfig { min_deposit: 10_000, ..reserve_config() });
    if of_third != 0 {
        scene.world.supply(scene.trader, third, of_third);
    }
    scene.world.refresh_all();
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    (scene, third)
}

/// Publishes the prices of SOL and USD alone.
fn live_on(world: &mut World, usd: u8, sol: u8, dollars: f64) {
    world.advance(1);
    world.publish(usd, Quote::dollars(1.0));
    world.publish(sol, Quote::dollars(dollars));
    world.refresh(&[usd, sol]).expect_ok();
}

fn order(debt: u8, collateral: u8) -> LiquidationOrder {
    LiquidationOrder { debt, collateral, max_repay: EVERYTHING, min_collateral: 0 }
}

/// Liquidates the trader with ample means.
fn liquidate(world: &mut World, user: User, debt: u8, collateral: u8) -> Outcome {
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, debt, 1_000_000 * USD);
    world.liquidate(liquidator, user.margin, order(debt, collateral))
}

/// A stranger with tokens who pays into the user's account.
fn stranger_adds(world: &mut World, user: User, reserve: u8, amount: u64) -> Outcome {
    let stranger = world.key("stranger");
    world.fund(&stranger, reserve, amount);
    world.deposit_for(stranger, user.margin, reserve, amount)
}

// What a deposit without a price wards off.

#[test]
fn a_deposit_that_comes_after_its_price_died_wards_off_nothing() {
    let (Scene { mut world, usd, sol, trader, .. }, third) = indebted(USD);
    world.advance(3_600);
    live_on(&mut world, usd, sol, 115.0);
    world.fund(&trader.key, third, 2_000 * USD);
    world.deposit(trader, third, 2_000 * USD).expect_error(Error::PriceStale);
    stranger_adds(&mut world, trader, third, 2_000 * USD).expect_error(Error::PriceStale);
    liquidate(&mut world.fork(), trader, usd, sol).expect_ok();
    // With a price it counts.
    live_on(&mut world, usd, sol, 115.0);
    world.publish(third, Quote::dollars(1.0));
    world.refresh(&[third]).expect_ok();
    world.deposit(trader, third, 2_000 * USD).expect_ok();
    liquidate(&mut world, trader, usd, sol).expect_error(Error::AccountIsHealthy);
}

#[test]
fn the_favour_for_a_deposit_whose_price_died_ends_after_six_hours() {
    let (Scene { mut world, usd, sol, trader, .. }, third) = indebted(600 * USD);
    let died = world.now();
    world.advance(60);
    live_on(&mut world, usd, sol, 115.0);
    // Read at twice its last price, the deposit covers the 725 USD that are missing; at that price it does not.
    world.set_time(died + FAVOUR_SECONDS);
    live_on(&mut world, usd, sol, 115.0);
    liquidate(&mut world, trader, usd, sol).expect_error(Error::AccountIsHealthy);
    // A price may be used for a minute; the favour begins after it.
    world.set_time(died + 60 + FAVOUR_SECONDS);
    live_on(&mut world, usd, sol, 115.0);
    world.mark_liquidatable(trader.margin).expect_ok();
    liquidate(&mut world, trader, usd, third).expect_error(Error::PriceStale);
    liquidate(&mut world, trader, usd, sol).expect_ok();
    world.assert_conserved();
}

#[test]
fn new_risk_waits_until_a_deposit_without_price_is_withdrawn() {
    let (Scene { mut world, usd, sol, trader, .. }, third) = indebted(2_000 * USD);
    world.advance(3_600);
    live_on(&mut world, usd, sol, 160.0);
    world.borrow(trader, usd, 10 * USD).expect_error(Error::PriceStale);
    world.withdraw(trader, sol, SOL / 10).expect_error(Error::PriceStale);
    world.withdraw(trader, third, EVERYTHING).expect_ok();
    world.borrow(trader, usd, 10 * USD).expect_ok();
    world.withdraw(trader, sol, SOL / 10).expect_ok();
}

// What a price account that is gone stops.

/// The refresh of all that the trader holds, by the pinned accounts, and the action that needs it, in one transaction.
fn with_refresh(world: &mut World, user: User, action: Instruction) -> Outcome {
    let held: Vec<u8> = world.margin(&user.margin).positions().iter().map(|position| position.reserve).collect();
    let refresh = world.refresh_instruction(&held);
    world.send(&[refresh, action])
}

#[test]
fn a_small_deposit_whose_price_account_is_gone_stops_nothing() {
    let (Scene { mut world, usd, sol, trader, .. }, third) = indebted(USD / 2);
    for reserve in [usd, sol, third] {
        let account = to_engine(&world.price_account(reserve));
        world.reconfigure(reserve, |config| config.oracle.feed_account = account).expect_ok();
    }
    world.advance(300);
    let account = world.price_account(third);
    world.set_account(account, Account::default());
    for (reserve, dollars) in [(usd, 1.0), (sol, 160.0)] {
        world.publish(reserve, Quote::dollars(dollars));
    }
    let [usd_tokens, sol_tokens, third_tokens] = [usd, sol, third].map(|reserve| world.fund(&trader.key, reserve, 0));
    let view = world.view();
    let of = |tokens: Address, reserve: u8, amount: u64| {
        view.withdraw(trader.key, trader.margin, tokens, reserve, amount).expect("a reserve")
    };
    let actions = [
        view.borrow(trader.key, trader.margin, usd_tokens, usd, 10 * USD).expect("a reserve"),
        of(sol_tokens, sol, SOL / 1_000),
        of(third_tokens, third, EVERYTHING),
    ];
    for action in actions {
        with_refresh(&mut world.fork(), trader, action).expect_ok();
    }
}

#[test]
fn a_closed_reserve_among_the_prices_stops_none_of_the_others() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let third = world.list(Token::new("third", 6, 1.0), reserve_config());
    world.reconfigure(third, |config| config.reduce_only = 1).expect_ok();
    let collector = world.key("collector");
    let destination = world.fund(&collector, third, 0);
    let close = world.view().close_reserve(destination, third).expect("a reserve");
    world.send(&[close]).expect_ok();
    let account = world.price_account(third);
    world.set_account(account, Account::default());
    world.advance(120);
    for (reserve, dollars) in [(usd, 1.0), (sol, 151.0)] {
        world.publish(reserve, Quote::dollars(dollars));
    }
    world.refresh(&[third, usd, sol]).expect_passed_over(Error::PriceAccountClosed);
    assert_eq!(world.reserve(sol).price.publish_time, world.now());
}

// What strangers can do to the health that an account proves.

#[test]
fn a_strangers_atom_of_a_token_without_price_stops_no_proof_of_health() {
    let (Scene { mut world, usd, sol, trader, .. }, third) = indebted(USD / 2);
    // Once liquidatable, then healthy again: the clock of its penalty stops only by proof.
    live_on(&mut world, usd, sol, 120.0);
    world.mark_liquidatable(trader.margin).expect_ok();
    assert_ne!(world.margin(&trader.margin).liquidatable_since, 0);
    stranger_adds(&mut world, trader, third, 1).expect_ok();
    world.advance(300);
    live_on(&mut world, usd, sol, 150.0);
    let proof = world.view().assert_health(trader.margin, HealthReport::MAINTENANCE, 10_000);
    world.send(&[proof]).expect_ok();
    world.mark_liquidatable(trader.margin).expect_ok();
    assert_eq!(world.margin(&trader.margin).liquidatable_since, 0);
}

/// What an account has without a price proves nothing: only the rest does.
#[test]
fn a_deposit_without_price_is_no_part_of_the_proof() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = indebted(2_000 * USD);
    live_on(&mut world, usd, sol, 100.0);
    world.mark_liquidatable(trader.margin).expect_ok();
    let since = world.margin(&trader.margin).liquidatable_since;
    world.advance(300);
    live_on(&mut world, usd, sol, 115.0);
    let proof = world.view().assert_health(trader.margin, HealthReport::MAINTENANCE, 10_000);
    world.send(&[proof]).expect_error(Error::HealthBelowMinimum);
    world.mark_liquidatable(trader.margin).expect_ok();
    assert_eq!(world.margin(&trader.margin).liquidatable_since, since);
}

// What keeps a loss open.

/// The trader with nothing left but so much of the third token, and a debt.
fn bankrupt(of_third: u64) -> (Scene, u8) {
    let (mut scene, third) = indebted(of_third);
    let Scene { world, usd, sol, trader, .. } = &mut scene;
    world.set_price(*sol, Quote::dollars(50.0)).expect_ok();
    live_on(world, *usd, *sol, 50.0);
    liquidate(world, *trader, *usd, *sol).expect_ok();
    assert_eq!(world.deposit_shares(*trader, *sol), 0);
    assert!(world.debt_shares(*trader, *usd) > 1_000 * USD);
    (scene, third)
}

#[test]
fn a_stranger_opens_no_position_to_keep_a_loss_open() {
    let (Scene { mut world, usd, trader, .. }, third) = bankrupt(0);
    stranger_adds(&mut world, trader, third, 10_000).expect_error(Error::PositionNotOpen);
    world.settle(trader.margin, usd).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 0);
}

#[test]
fn a_strangers_cent_does_not_keep_a_loss_open() {
    let (Scene { mut world, usd, trader, .. }, third) = bankrupt(USD / 10);
    stranger_adds(&mut world, trader, third, 10_002).expect_ok();
    world.settle(trader.margin, usd).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 0);
}

/// More than dust is collateral: it is taken, at a profit, and the loss settled, in one transaction.
#[test]
fn what_a_stranger_adds_to_keep_a_loss_open_is_the_liquidators() {
    let (Scene { mut world, usd, trader, .. }, third) = bankrupt(USD / 10);
    stranger_adds(&mut world, trader, third, 2 * USD).expect_ok();
    world.refresh_all();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    let liquidator = world.key("liquidator");
    let (source, destination) = (world.fund(&liquidator, usd, 10 * USD), world.fund(&liquidator, third, 0));
    let before = world.balance(&liquidator, usd);
    let view = world.view();
    let seize = view.liquidate(liquidator, trader.margin, source, destination, order(usd, third)).expect("reserves");
    let settle = view.settle_bad_debt(trader.margin, usd).expect("a reserve");
    world.send(&[seize, settle]).expect_ok();
    assert!(world.balance(&liquidator, third) > before - world.balance(&liquidator, usd));
    assert_eq!(world.debt_shares(trader, usd), 0);
    world.assert_conserved();
}

/// A deposit without a price keeps no more of a loss open than twice what it was last worth; one of its smallest size nothing.
#[test]
fn a_deposit_without_price_keeps_open_what_it_could_be_worth_and_no_more() {
    let (Scene { mut world, usd, trader, .. }, third) = bankrupt(100 * USD);
    world.advance(3_600);
    world.publish(usd, Quote::dollars(1.0));
    world.refresh(&[usd]).expect_ok();
    world.settle(trader.margin, usd).expect_ok();
    let left = world.view().reserves[usd as usize]
        .debt_index
        .amount_ceil(ballast_engine::number::units::Shares(world.debt_shares(trader, usd)));
    assert!(left.abs_diff(200 * USD) <= USD, "{left}");
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    // Its price is back: it is taken, and the rest settled.
    world.publish(third, Quote::dollars(1.0));
    world.refresh(&[third]).expect_ok();
    liquidate(&mut world, trader, usd, third).expect_ok();
    world.settle(trader.margin, usd).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 0);
    world.assert_conserved();
}

/// A deposit in a reserve that has no cash cannot be taken either.
#[test]
fn a_deposit_without_cash_keeps_open_what_it_is_worth_twice_and_no_more() {
    let (Scene { mut world, usd, trader, lender, .. }, third) = bankrupt(100 * USD);
    // Somebody borrows all there is of the token.
    world.refresh_all();
    world.borrow(lender, third, 100 * USD).expect_ok();
    assert_eq!(world.reserve(third).cash, 0);
    world.settle(trader.margin, usd).expect_ok();
    let record = world.reserve(usd);
    let left = record.debt_index.amount_ceil(ballast_engine::number::units::Shares(world.debt_shares(trader, usd)));
    assert!(left.abs_diff(200 * USD) <= USD, "{left}");
    world.assert_conserved();
}
