//! Attacks on and by liquidation, on the settlement of losses, and around the caps.

use ballast_client::{Address, LiquidationOrder};
use ballast_engine::{
    Error,
    health::{Requirement, account::maintenance_and_equity},
    number::units::{Bps, Shares},
    state::{account::Side, reserve::ReserveConfig},
};
use ballast_tests::{Quote, SOL, Scene, Token, USD, User, World, reserve_config};

/// The trader owes 10,000 usd against 100 sol; a liquidator with 1,000,000 usd waits.
fn scene() -> (Scene, Address) {
    let mut scene = Scene::new();
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    let liquidator = scene.world.key("liquidator");
    scene.world.fund(&liquidator, scene.usd, 1_000_000 * USD);
    (scene, liquidator)
}

fn order(debt: u8, collateral: u8, max_repay: u64) -> LiquidationOrder {
    LiquidationOrder { debt, collateral, max_repay, min_collateral: 0 }
}

/// Tokens and deposits less debts of an owner in dollars at spot, rounded in nobody's favour beyond 10^-8 USD.
fn net_worth(world: &World, user: User) -> i128 {
    let view = world.view();
    let account = world.margin(&user.margin);
    let (_, equity) = maintenance_and_equity(&account, &view.reserves, world.now()).expect("listed");
    let wallets = (0u8..).zip(&view.reserves).map(|(index, reserve)| {
        let held = world.balance(&user.key, index);
        reserve.price.value_floor(held, reserve.price.spot, Bps(10_000)).0 as i128
    });
    wallets.sum::<i128>() + equity.net()
}

#[test]
fn liquidation_c29_a_healthy_account_is_not_liquidated() {
    let (Scene { mut world, usd, sol, trader, lender }, liquidator) = scene();
    for max_repay in [1, USD, u64::MAX] {
        world.liquidate(liquidator, trader.margin, order(usd, sol, max_repay)).expect_error(Error::AccountIsHealthy);
    }
    // Just above the maintenance line: 100 sol × 123.53 × 85 % = 10,500.05.
    world.set_price(sol, Quote::dollars(123.54)).expect_ok();
    world.liquidate(liquidator, trader.margin, order(usd, sol, USD)).expect_error(Error::AccountIsHealthy);
    world.liquidate(liquidator, lender.margin, order(usd, sol, USD)).expect_error(Error::PositionNotFound);
}

#[test]
fn liquidation_c29_batching_takes_no_more_than_one_liquidation() {
    let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
    world.set_price(sol, Quote::dollars(120.0)).expect_ok();
    let mut once = world.fork();
    once.liquidate(liquidator, trader.margin, order(usd, sol, u64::MAX)).expect_ok();
    once.liquidate(liquidator, trader.margin, order(usd, sol, u64::MAX)).expect_error(Error::AccountIsHealthy);
    assert!(once.debt_shares(trader, usd) > 0, "the rest of the debt stays with the borrower");
    let seized = once.balance(&liquidator, sol);
    // In slices the account is healthy again no later, and has lost no more.
    let mut slices = 0;
    while world.liquidate(liquidator, trader.margin, order(usd, sol, 500 * USD)).is_ok() {
        slices += 1;
    }
    assert!(slices > 3, "{slices}");
    assert!(world.balance(&liquidator, sol) <= seized + seized / 100, "slices take no more in sum");
    world.assert_conserved();
}

/// Owner and liquidator in one gain at most what the owner keeps of his own penalty: nothing together.
#[test]
fn liquidation_c29_self_liquidation_gains_nothing() {
    for dollars in [123.0, 115.0, 105.0, 100.5] {
        let (Scene { mut world, usd, sol, trader, .. }, _) = scene();
        world.set_price(sol, Quote::dollars(dollars)).expect_ok();
        world.fund(&trader.key, usd, 0);
        let before = net_worth(&world, trader);
        world.liquidate(trader.key, trader.margin, order(usd, sol, u64::MAX)).expect_ok();
        assert!(net_worth(&world, trader) <= before, "at {dollars}");
        world.assert_conserved();
    }
}

#[test]
fn liquidation_c29_the_liquidator_gets_no_more_than_the_penalty_allows() {
    for dollars in [123.0, 110.0, 100.0, 60.0, 1.0] {
        let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
        world.set_price(sol, Quote::dollars(dollars)).expect_ok();
        let paid_before = world.balance(&liquidator, usd);
        world.liquidate(liquidator, trader.margin, order(usd, sol, u64::MAX)).expect_ok();
        let paid = (paid_before - world.balance(&liquidator, usd)) as f64 / USD as f64;
        let got = world.balance(&liquidator, sol) as f64 / SOL as f64 * dollars;
        let most = 1.0 + world.reserve(sol).config.max_penalty.0 as f64 / 10_000.0;
        assert!(got <= paid * most + 1e-6, "at {dollars}: {got} for {paid}");
        world.assert_conserved();
    }
}

#[test]
fn liquidation_c29_every_liquidation_improves_health() {
    for dollars in [123.0, 110.0, 100.0] {
        for max_repay in [USD, 77 * USD + 1, 5_000 * USD, u64::MAX] {
            let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
            world.set_price(sol, Quote::dollars(dollars)).expect_ok();
            let health = |world: &World| {
                let (view, account) = (world.view(), world.margin(&trader.margin));
                view.health(&account, world.now(), Requirement::Maintenance).expect("priced").net()
            };
            let before = health(&world);
            world.liquidate(liquidator, trader.margin, order(usd, sol, max_repay)).expect_ok();
            assert!(health(&world) >= before, "at {dollars}, {max_repay}");
        }
    }
}

#[test]
fn liquidation_c29_an_order_is_filled_at_its_price_or_not_at_all() {
    let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
    world.set_price(sol, Quote::dollars(120.0)).expect_ok();
    let wanted = LiquidationOrder { min_collateral: 50 * SOL, ..order(usd, sol, 1_000 * USD) };
    world.liquidate(liquidator, trader.margin, wanted).expect_error(Error::CollateralBelowMinimum);
    let impossible = LiquidationOrder { min_collateral: u64::MAX, ..wanted };
    world.liquidate(liquidator, trader.margin, impossible).expect_error(Error::CollateralBelowMinimum);
}

/// A borrower cannot hide behind an atom of a token whose feed is dead.
#[test]
fn liquidation_c29_a_dead_feed_does_not_shield_a_borrower() {
    let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
    let dead = world.list(Token::new("DEAD", 6, 1.0), reserve_config());
    world.supply(trader, dead, 1);
    world.advance(3_600);
    for (reserve, dollars) in [(usd, 1.0), (sol, 100.0)] {
        world.set_price(reserve, Quote::dollars(dollars)).expect_ok();
    }
    world.liquidate(liquidator, trader.margin, order(usd, sol, u64::MAX)).expect_ok();
}

/// Nor can he keep his loss from being settled with it: the loss would stay with whoever withdraws last. The atom is
/// what he left of a deposit when he had no debt yet.
#[test]
fn liquidation_c29_an_atom_without_a_price_does_not_keep_bad_debt_from_being_settled() {
    let (Scene { mut world, usd, sol, .. }, liquidator) = scene();
    let minimum = ReserveConfig { min_deposit: USD, ..reserve_config() };
    let dead = world.list(Token::new("DEAD", 6, 0.001), minimum);
    let hidden = world.user("hidden");
    world.supply(hidden, sol, 100 * SOL);
    world.supply(hidden, dead, USD);
    world.withdraw(hidden, dead, USD - 1).expect_ok();
    world.refresh_all();
    world.borrow(hidden, usd, 10_000 * USD).expect_ok();
    world.advance(3_600);
    for (reserve, dollars) in [(usd, 1.0), (sol, 10.0)] {
        world.set_price(reserve, Quote::dollars(dollars)).expect_ok();
    }
    world.settle(hidden.margin, usd).expect_error(Error::BadDebtNotProven);
    world.liquidate(liquidator, hidden.margin, order(usd, sol, u64::MAX)).expect_ok();
    assert_eq!(world.deposit_shares(hidden, sol), 0, "everything of value is seized");
    world.liquidate(liquidator, hidden.margin, order(usd, dead, u64::MAX)).expect_error(Error::PriceStale);
    world.settle(hidden.margin, usd).expect_ok();
    world.assert_conserved();
}

/// Dust that is left while the debt is covered, or collateral that is no dust, is no proof of a loss.
#[test]
fn liquidation_c29_dust_that_covers_its_debt_is_not_written_off() {
    let (Scene { mut world, usd, sol, .. }, _) = scene();
    world.reconfigure(sol, |config| config.min_deposit = SOL / 100).expect_ok();
    world.refresh_all();
    let user = world.user("small");
    world.supply(user, sol, SOL);
    world.borrow(user, usd, 100 * USD).expect_ok();
    // A deposit of more than the minimum is dust by its price of now, and no dust whatever its last price says: that may be old.
    // Then twice as much stays owed.
    let mut fallen = world.fork();
    fallen.set_price(sol, Quote::dollars(0.5)).expect_ok();
    fallen.fork().settle(user.margin, usd).expect_ok();
    fallen.advance(61);
    fallen.set_price(usd, Quote::dollars(1.0)).expect_ok();
    fallen.settle(user.margin, usd).expect_ok();
    let owed = fallen.reserve(usd).debt_index.amount_ceil(Shares(fallen.debt_shares(user, usd)));
    assert!((USD..USD + 1_000).contains(&owed), "{owed}");
    fallen.settle(user.margin, usd).expect_error(Error::BadDebtNotProven);
    // A raised minimum makes the whole deposit a small one; its value is not.
    world.reconfigure(sol, |config| config.min_deposit = 10 * SOL).expect_ok();
    world.settle(user.margin, usd).expect_error(Error::BadDebtNotProven);
    // Nor is it while its value is dust but covers what is owed: here all but 20 cents is repaid.
    world.fund(&user.key, usd, 100 * USD);
    world.repay(user, usd, 100 * USD - USD / 5).expect_ok();
    world.set_price(sol, Quote::dollars(0.5)).expect_ok();
    world.settle(user.margin, usd).expect_error(Error::BadDebtNotProven);
    world.set_price(sol, Quote::dollars(0.1)).expect_ok();
    world.settle(user.margin, usd).expect_ok();
    world.assert_conserved();
}

#[test]
fn liquidation_c29_bad_debt_is_not_settled_while_there_is_collateral() {
    let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.set_price(sol, Quote::dollars(10.0)).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.liquidate(liquidator, trader.margin, order(usd, sol, 100 * USD)).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.liquidate(liquidator, trader.margin, order(usd, sol, u64::MAX)).expect_ok();
    world.settle(trader.margin, sol).expect_error(Error::PositionNotFound);
    world.settle(trader.margin, usd).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::PositionNotFound);
    world.assert_conserved();
}

/// The loss is shared by the depositors of the reserve; who leaves first pays no less than who leaves last.
#[test]
fn liquidation_c29_bad_debt_is_shared_by_the_depositors_and_no_other_reserve_pays() {
    let (Scene { mut world, usd, sol, lender, trader }, liquidator) = scene();
    let second = world.user("second lender");
    world.supply(second, usd, 500_000 * USD);
    let saver = world.user("sol lender");
    world.supply(saver, sol, 5 * SOL);
    world.set_price(sol, Quote::dollars(10.0)).expect_ok();
    world.liquidate(liquidator, trader.margin, order(usd, sol, u64::MAX)).expect_ok();
    let sol_before = world.reserve(sol);
    let owed = world.reserve(usd).debts();
    world.settle(trader.margin, usd).expect_ok();
    let sol_after = world.reserve(sol);
    assert_eq!((sol_after.deposit_index, sol_after.cash), (sol_before.deposit_index, sol_before.cash));
    for user in [lender, second] {
        world.fund(&user.key, usd, 0);
        world.withdraw(user, usd, u64::MAX).expect_ok();
    }
    let (first, last) = (world.balance(&lender.key, usd), world.balance(&second.key, usd));
    assert!(first.abs_diff(2 * last) <= 2, "in proportion: {first} and {last}");
    assert!(first + last + owed >= 1_500_000 * USD && first + last + owed <= 1_500_000 * USD + owed);
    world.assert_conserved();
}

#[test]
fn liquidation_c29_no_liquidation_leaves_dust() {
    let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
    world.set_price(sol, Quote::dollars(102.0)).expect_ok();
    // At 3 % penalty that takes 99.995 of the 100 sol, and would leave half a dollar of collateral.
    world
        .liquidate(liquidator, trader.margin, order(usd, sol, 9_902_410_000))
        .expect_error(Error::LiquidationLeavesDust);
    world.liquidate(liquidator, trader.margin, order(usd, sol, 9_000 * USD)).expect_ok();
}

#[test]
fn caps_c31_caps_count_the_interest_until_now() {
    let (Scene { mut world, usd, lender, trader, .. }, _) = scene();
    let flat =
        |config: &mut ReserveConfig| config.curve.points[..2].iter_mut().for_each(|point| point.rate_bps = 2_000);
    world.reconfigure(usd, flat).expect_ok();
    let (deposits, debts) = (world.reserve(usd).deposits(), world.reserve(usd).debts());
    world
        .reconfigure(usd, |config| (config.deposit_cap, config.borrow_cap) = (deposits + USD, debts + 200 * USD))
        .expect_ok();
    world.fund(&lender.key, usd, 10 * USD);
    let mut before = world.fork();
    before.refresh_all();
    before.deposit(lender, usd, USD / 2).expect_ok();
    before.borrow(trader, usd, 150 * USD).expect_ok();
    // Interest alone fills both.
    world.advance(86_400 * 365);
    world.refresh_all();
    world.deposit(lender, usd, USD / 2).expect_error(Error::DepositCapExceeded);
    world.borrow(trader, usd, 150 * USD).expect_error(Error::BorrowCapExceeded);
    // Neither cap stops who takes risk away.
    world.fund(&trader.key, usd, 1_000 * USD);
    world.repay(trader, usd, 100 * USD).expect_ok();
    world.withdraw(lender, usd, USD).expect_ok();
}

#[test]
fn caps_c31_a_disabled_reserve_lends_nothing_and_takes_back_everything() {
    let (Scene { mut world, usd, sol, trader, .. }, liquidator) = scene();
    world.reconfigure(usd, |config| config.borrow_enabled = 0).expect_ok();
    world.refresh_all();
    world.borrow(trader, usd, 10 * USD).expect_error(Error::BorrowingDisabled);
    world.set_price(sol, Quote::dollars(110.0)).expect_ok();
    world.liquidate(liquidator, trader.margin, order(usd, sol, 100 * USD)).expect_ok();
    world.fund(&trader.key, usd, 20_000 * USD);
    world.repay(trader, usd, u64::MAX).expect_ok();
    assert!(world.margin(&trader.margin).shares(usd, Side::Debt).is_err());
}
