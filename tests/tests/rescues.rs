//! What a borrower in need may always do: add collateral and repay.

use ballast_client::LiquidationOrder;
use ballast_engine::{Error, ledger::EVERYTHING, number::units::Bps};
use ballast_tests::{Quote, SOL, Scene, Token, USD, World, reserve_config};

/// The trader owes 10,000 USD against 100 SOL, which are all that the reserve may hold, at a price.
fn at_the_cap(dollars: f64) -> Scene {
    let mut scene = Scene::new();
    let Scene { world, usd, sol, trader, .. } = &mut scene;
    world.borrow(*trader, *usd, 10_000 * USD).expect_ok();
    world.reconfigure(*sol, |config| config.deposit_cap = 100 * SOL).expect_ok();
    world.set_price(*sol, Quote::dollars(dollars)).expect_ok();
    world.refresh_all();
    world.fund(&trader.key, *sol, 100 * SOL);
    scene
}

/// Deposits in the reserve, atoms.
fn deposits(world: &World, reserve: u8) -> u64 {
    world.reserve(reserve).deposits()
}

#[test]
fn the_deposit_cap_stops_nobody_from_warding_off_liquidation() {
    // Healthy by a hair, and liquidatable: both below what new risk requires.
    for (dollars, missing) in [(124.0, 10), (115.0, 19)] {
        let Scene { mut world, usd, sol, trader, .. } = at_the_cap(dollars);
        world.deposit(trader, sol, missing * SOL).expect_ok();
        let liquidator = world.key("liquidator");
        world.fund(&liquidator, usd, 100_000 * USD);
        let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: EVERYTHING, min_collateral: 0 };
        world.liquidate(liquidator, trader.margin, order).expect_error(Error::AccountIsHealthy);
        world.assert_conserved();
    }
}

#[test]
fn anybody_may_rescue_a_borrower_at_the_cap() {
    let Scene { mut world, sol, lender, trader, .. } = at_the_cap(115.0);
    world.fund(&lender.key, sol, 15 * SOL);
    world.deposit_for(lender.key, trader.margin, sol, 15 * SOL).expect_ok();
}

#[test]
fn beyond_the_cap_there_is_room_for_need_alone() {
    // 100 SOL at 124 USD and 80 % are 9,920 of the 11,000 USD that 10,000 of debt require: 10.88 SOL are missing.
    let Scene { mut world, usd, sol, trader, .. } = at_the_cap(124.0);
    world.fork().deposit(trader, sol, 11 * SOL).expect_error(Error::DepositCapExceeded);
    world.deposit(trader, sol, 10 * SOL).expect_ok();
    // What is missing still, and no more.
    world.deposit(trader, sol, SOL).expect_error(Error::DepositCapExceeded);
    world.deposit(trader, sol, SOL * 8 / 10).expect_ok();
    // It lends him nothing, nor does it let anything out.
    world.borrow(trader, usd, 10 * USD).expect_error(Error::InitialHealthTooLow);
    world.withdraw(trader, sol, SOL).expect_error(Error::InitialHealthTooLow);
    // Nobody else is in need.
    let third = world.user("third");
    world.fund(&third.key, sol, SOL);
    world.deposit(third, sol, SOL).expect_error(Error::DepositCapExceeded);
}

/// A position that is not there is not opened: there is other collateral.
#[test]
fn beyond_the_cap_no_position_is_opened() {
    let Scene { mut world, lender, trader, .. } = at_the_cap(115.0);
    let third = world.list(Token::new("third", 6, 1.0), reserve_config());
    world.supply(lender, third, 100 * USD);
    world.reconfigure(third, |config| config.deposit_cap = 100 * USD).expect_ok();
    world.fund(&trader.key, third, USD);
    world.deposit(trader, third, USD).expect_error(Error::DepositCapExceeded);
}

/// A cap lowered at once, in an emergency, is lowered for those who come: who is in need still has the room there was before. Of one
/// whose lowering waited there is a quarter more, and no more.
#[test]
fn a_cap_that_is_lowered_at_once_stops_no_rescue() {
    let Scene { mut world, sol, trader, .. } = at_the_cap(115.0);
    let edits = world.edits(sol, |config| config.deposit_cap = SOL).all();
    let lower = world.view().set_parameters(world.authority, sol, edits);
    world.send(&[lower]).expect_ok();
    world.fork().deposit(trader, sol, 19 * SOL).expect_ok();
    world.reconfigure(sol, |config| config.deposit_cap = 90 * SOL).expect_ok();
    world.fork().deposit(trader, sol, 13 * SOL).expect_error(Error::DepositCapExceeded);
    world.deposit(trader, sol, 12 * SOL).expect_ok();
}

/// An account without debts is in no need, also where its deposit counts for nothing.
#[test]
fn who_owes_nothing_has_no_room_beyond_the_cap() {
    let mut config = reserve_config();
    (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(0), Bps(0));
    let mut world = World::new();
    let token = world.list(Token::new("no collateral", 9, 150.0), config);
    let owner = world.user("owner");
    world.supply(owner, token, 100 * SOL);
    world.reconfigure(token, |config| config.deposit_cap = 100 * SOL).expect_ok();
    world.fund(&owner.key, token, SOL);
    world.deposit(owner, token, SOL).expect_error(Error::DepositCapExceeded);
}

/// A deposit counts nothing for new risk while its price is of another moment, uncertain, or far from its average. That is
/// no need: with the next price it would count, and the cap would be passed.
#[test]
fn a_price_that_backs_no_new_risk_makes_no_room_beyond_the_cap() {
    let uncertain = Quote::dollars(150.0).confidence_bps(250);
    let unsettled = Quote::dollars(150.0).ema_dollars(120.0);
    for quote in [None, Some(uncertain), Some(unsettled)] {
        let Scene { mut world, usd, sol, trader, .. } = at_the_cap(150.0);
        world.fund(&trader.key, usd, 6_000 * USD);
        world.repay(trader, usd, 6_000 * USD).expect_ok();
        world.advance(11);
        if let Some(quote) = quote {
            world.set_price(sol, quote).expect_ok();
        }
        world.set_price(usd, Quote::dollars(1.0)).expect_ok();
        // All of them read as nothing: 4,000 USD of debt are not covered.
        world.borrow(trader, usd, 10 * USD).expect_error(Error::InitialHealthTooLow);
        world.deposit(trader, sol, SOL).expect_error(Error::DepositCapExceeded);
    }
}

/// The price falls and recovers again and again. Each time a stranger, who is in the borrower's hand, rescues him, and each time he
/// borrows on it after: all that comes so is a quarter of the cap.
#[test]
fn no_more_than_a_quarter_of_the_cap_comes_by_rescues() {
    let Scene { mut world, usd, sol, lender: stranger, trader } = at_the_cap(150.0);
    world.fund(&stranger.key, sol, 1_000 * SOL);
    for _ in 0..20 {
        while world.borrow(trader, usd, 100 * USD).is_ok() {}
        world.advance(1);
        world.set_price(sol, Quote::dollars(135.0)).expect_ok();
        while world.deposit_for(stranger.key, trader.margin, sol, SOL).is_ok() {}
        world.borrow(trader, usd, 10 * USD).expect_error(Error::InitialHealthTooLow);
        world.advance(1);
        world.set_price(sol, Quote::dollars(150.0)).expect_ok();
        world.refresh_all();
    }
    assert_eq!(deposits(&world, sol), 125 * SOL);
    // Nor for anybody else in need.
    world.set_price(sol, Quote::dollars(100.0)).expect_ok();
    world.deposit_for(stranger.key, trader.margin, sol, SOL).expect_error(Error::DepositCapExceeded);
    world.assert_conserved();
}

/// The borrowing cap of a new listing holds for what comes beyond its deposit cap too: at any price, all deposits back no more.
#[test]
fn what_rescues_bring_backs_no_more_than_the_borrowing_cap() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let capped = world.reconfigure(sol, |config| {
        (config.deposit_cap, config.risk.borrowing_cap) = (100 * SOL, 5_000);
    });
    capped.expect_ok();
    world.refresh_all();
    world.borrow(trader, usd, 4_500 * USD).expect_ok();
    world.fund(&trader.key, sol, 100 * SOL);
    // Below 62.50 USD the weight is 80 % again, and 4,950 USD are required.
    world.set_price(sol, Quote::dollars(55.0)).expect_ok();
    world.deposit(trader, sol, 12 * SOL).expect_ok();
    for dollars in [55.0, 62.5, 150.0, 1_500.0] {
        world.set_price(sol, Quote::dollars(dollars)).expect_ok();
        world.refresh_all();
        let backed = world.health(trader.margin).initial_collateral.get() as f64 / 1e8;
        assert!(backed <= 5_000.0, "{backed} at {dollars}");
    }
}

/// What came in so can leave like any deposit, and makes no room for others.
#[test]
fn a_rescue_makes_no_room_below_the_cap() {
    let Scene { mut world, usd, sol, lender, trader } = at_the_cap(115.0);
    world.deposit(trader, sol, 15 * SOL).expect_ok();
    world.fund(&lender.key, sol, SOL);
    world.deposit(lender, sol, 1).expect_error(Error::DepositCapExceeded);
    world.fund(&trader.key, usd, 11_000 * USD);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(trader, sol, 15 * SOL).expect_ok();
    world.deposit(lender, sol, 1).expect_error(Error::DepositCapExceeded);
    world.withdraw(trader, sol, SOL).expect_ok();
    world.deposit(lender, sol, SOL).expect_ok();
    world.assert_conserved();
}

#[test]
fn a_debt_that_the_price_made_small_stops_no_withdrawal() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let borrower = world.user("borrower");
    world.supply(borrower, usd, 10_000 * USD);
    // 15 USD, and 9 after the fall: below the smallest debt of 10.
    world.borrow(borrower, sol, SOL / 10).expect_ok();
    world.set_price(sol, Quote::dollars(90.0)).expect_ok();
    world.refresh_all();
    world.withdraw(borrower, usd, 9_900 * USD).expect_ok();
    world.borrow(borrower, sol, 1).expect_error(Error::DebtBelowMinimum);
    world.fund(&borrower.key, sol, SOL);
    world.repay(borrower, sol, SOL / 100).expect_ok();
}
