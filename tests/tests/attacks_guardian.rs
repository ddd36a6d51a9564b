//! Attacks with a guardian's key. What it may do at most is in `breakers.rs` and `griefing.rs`.

use ballast_client::LiquidationOrder;
use ballast_engine::{Error, gate::Action};
use ballast_tests::{Quote, SOL, Scene, USD, with_account};

const LISTED: &str = "the reserve is listed";

/// Nothing but pausing: no parameter, no fee, and no way out of a restriction that a loss brought about.
#[test]
fn governance_c32_a_stolen_guardian_key_takes_and_changes_nothing() {
    let Scene { mut world, usd, .. } = Scene::new();
    let guardian = world.key("guardian");
    let view = world.view();
    let out = world.fund(&guardian, usd, 0);
    let update = view.update_reserve(usd, view.reserves[usd as usize].config).expect(LISTED);
    for instruction in [update, view.update_market(view.market.config)] {
        let attack = with_account(instruction, "authority", guardian);
        world.send(&[attack]).expect_error(Error::NotMarketAuthority);
    }
    let collect = with_account(view.collect_fees(out, usd).expect(LISTED), "fee_collector", guardian);
    world.send(&[collect]).expect_error(Error::NotFeeCollector);
}

/// The restriction after a loss is governance's to lift.
#[test]
fn governance_c32_a_market_restricted_by_a_loss_is_not_the_guardians_to_open() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    let guardian = world.key("guardian");
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 1 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    world.settle(trader.margin, usd).expect_ok();
    world.supply(trader, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(trader, usd, 1_000 * USD).expect_error(Error::MarketReduceOnly);
    world.withdraw(lender, usd, USD).expect_ok();
    world.resume(guardian).expect_error(Error::NothingToLift);
    world.pause(&[Action::Withdraw]).expect_ok();
    world.resume(guardian).expect_ok();
    world.borrow(trader, usd, 1_000 * USD).expect_error(Error::MarketReduceOnly);
    world.resume(world.authority).expect_ok();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
}
