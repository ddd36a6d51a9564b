//! Breakers: what trips each, what it stops, and what lifts it.

use crate::support::insured_market::{self, COOLDOWN, insured_reserve_config, ruin, settle, staker};
use ballast_client::{Event, LiquidationOrder, PriceBreaker, Restricted};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        breakers::BreakerConfig,
        permission::{Action, REFUSALS, State},
        reserve::ReserveConfig,
    },
};
use ballast_tests::{Outcome, Quote, SOL, Scene, USD, World, is_of_perps, reserve_config, with_account};

/// The price breaker: 5 %, 10 % and 20 % away from the average, five minutes at first.
fn tiered() -> ReserveConfig {
    let breakers =
        BreakerConfig { halt_seconds: 300, tiers: [Bps(500), Bps(1_000), Bps(2_000)], ..BreakerConfig::default() };
    ReserveConfig { breakers, ..insured_reserve_config() }
}

/// A price of sol so many percent above its average of 150.
fn above(percent: f64) -> Quote {
    Quote::dollars(150.0 * (1.0 + percent / 100.0)).ema_dollars(150.0)
}

#[track_caller]
fn price_breaker(outcome: Outcome) -> PriceBreaker {
    match outcome.expect_event() {
        Event::PriceBreaker(event) => event,
        other => panic!("another event: {other:?}"),
    }
}

// Price.

#[test]
fn each_tier_trips_for_longer_and_says_so() {
    for (percent, tier, seconds) in [(4.9, 0, 0), (5.1, 1, 300), (10.1, 2, 600), (20.1, 3, 1_200), (80.0, 3, 1_200)] {
        for percent in [percent, -percent] {
            let Scene { mut world, sol, .. } = Scene::configured(tiered());
            let outcome = world.set_price(sol, above(percent));
            if tier == 0 {
                assert_eq!(outcome.expect_ok().events, []);
                continue;
            }
            let event = price_breaker(outcome);
            assert_eq!((event.market, event.reserve), (world.market, sol));
            assert_eq!((event.tier, event.until), (tier, world.now() + seconds), "at {percent} %");
            let halt = world.reserve(sol).halt;
            assert_eq!((halt.tier, halt.until, halt.repetitions), (tier, event.until, 0));
        }
    }
}

#[test]
fn a_halt_lifts_by_itself_in_the_next_refresh() {
    let Scene { mut world, sol, .. } = Scene::configured(tiered());
    world.set_price(sol, above(6.0)).expect_ok();
    let until = world.reserve(sol).halt.until;
    world.set_time(until - 1);
    assert_eq!(world.refresh_reserve(sol).expect_ok().events, []);
    world.set_time(until);
    let mut refreshed = world.fork();
    let event = price_breaker(refreshed.refresh_reserve(sol));
    assert_eq!((event.tier, event.reserve), (0, sol));
    assert_eq!(refreshed.refresh_reserve(sol).expect_ok().events, [], "once");
    assert_eq!(price_breaker(world.set_price(sol, above(0.0))).tier, 0);
    assert_eq!(world.reserve(sol).halt.tier, 0);
}

#[test]
fn a_halt_rises_with_the_distance_but_neither_falls_nor_grows_with_the_same() {
    let Scene { mut world, sol, .. } = Scene::configured(tiered());
    let first = price_breaker(world.set_price(sol, above(6.0)));
    world.advance(100);
    assert_eq!(world.set_price(sol, above(7.0)).expect_ok().events, []);
    assert_eq!(world.reserve(sol).halt.until, first.until);
    let second = price_breaker(world.set_price(sol, above(11.0)));
    assert_eq!((second.tier, second.until), (2, world.now() + 600));
    world.advance(10);
    assert_eq!(world.set_price(sol, above(0.0)).expect_ok().events, []);
    let halt = world.reserve(sol).halt;
    assert_eq!((halt.tier, halt.until, halt.repetitions), (2, second.until, 0), "a step up is no repetition");
}

#[test]
fn repetitions_within_a_day_last_twice_as_long_up_to_a_day() {
    let Scene { mut world, sol, .. } = Scene::configured(tiered());
    let mut lengths = Vec::new();
    for _ in 0..7 {
        let event = price_breaker(world.set_price(sol, above(6.0)));
        lengths.push(event.until - world.now());
        world.set_time(event.until);
        price_breaker(world.refresh_reserve(sol));
    }
    assert_eq!(lengths, [300, 600, 1_200, 2_400, 4_800, 4_800, 4_800]);
    world.advance(86_400);
    let event = price_breaker(world.set_price(sol, above(6.0)));
    assert_eq!(event.until - world.now(), 300);
    // No halt is longer than a day.
    world.reconfigure(sol, |config| config.breakers.halt_seconds = 14_400).expect_ok();
    for _ in 0..5 {
        let event = price_breaker(world.set_price(sol, above(25.0)));
        assert!(event.until - world.now() <= 86_400);
        world.set_time(event.until);
        world.refresh_reserve(sol).expect_ok();
    }
}

/// A collateral in tier 1 backs no new risk; everything else goes on.
#[test]
fn tier_1_stops_new_risk_against_the_reserve() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::configured(tiered());
    // No other rule looks at the distance.
    world.reconfigure(sol, |config| config.oracle.max_ema_divergence = Bps(5_000)).expect_ok();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    world.set_price(sol, above(6.0)).expect_ok();
    world.borrow(trader, usd, 10 * USD).expect_error(Error::InitialHealthTooLow);
    world.withdraw(trader, sol, 1).expect_error(Error::InitialHealthTooLow);
    world.supply(trader, sol, SOL);
    world.fund(&trader.key, usd, USD);
    world.repay(trader, usd, u64::MAX).expect_ok();
    world.withdraw(trader, sol, SOL).expect_ok();
    world.set_time(world.reserve(sol).halt.until);
    world.set_price(sol, above(0.0)).expect_ok();
    world.refresh_all();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    world.assert_conserved();
}

/// Tiers 2 and 3 freeze the reserve but for deposits, repayments and liquidations.
#[test]
fn tier_2_freezes_the_reserve_but_nothing_that_lowers_risk() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::configured(tiered());
    let owner = staker(&mut world, "staker", sol, SOL);
    world.begin_unstake(owner, sol, SOL / 2).expect_ok();
    world.advance(COOLDOWN);
    world.refresh_all();
    world.supply(lender, sol, 50 * SOL);
    let borrower = world.user("borrower");
    world.supply(borrower, usd, 10_000 * USD);
    world.borrow(borrower, sol, 10 * SOL).expect_ok();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, above(-25.0)).expect_ok();
    assert_eq!(world.reserve(sol).halt.tier, 3);
    let frozen = world.fork();

    let loan = world.flash_loan(borrower.key, sol, 1);
    world.fund(&owner, sol, SOL);
    let attempts = [
        (Action::Withdraw, world.fork().withdraw(lender, sol, 1)),
        (Action::Borrow, world.fork().borrow(borrower, sol, 1)),
        (Action::BeginFlashLoan, world.fork().send(&loan)),
        (Action::Stake, world.fork().stake(owner, sol, 1)),
        (Action::Unstake, world.fork().unstake(owner, sol)),
        (Action::CollectFees, world.fork().collect_fees(sol)),
    ];
    let refused = REFUSALS[State::ReserveHalted as usize].2.iter().filter(|action| !is_of_perps(**action));
    assert!(attempts.iter().map(|attempt| &attempt.0).eq(refused));
    for (action, outcome) in attempts {
        assert_eq!(outcome.engine_error(), Some(Error::ReserveHalted), "{action:?}");
    }
    // A debt in it is no basis for new risk elsewhere.
    world.withdraw(borrower, usd, 1).expect_error(Error::ReserveHalted);

    world.supply(lender, sol, SOL);
    world.repay(borrower, sol, SOL).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 0 };
    world.refresh(&[usd]).expect_ok();
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    world.assert_conserved();
    // It lifts with time alone: nobody refreshes it.
    let mut later = frozen;
    later.set_time(later.reserve(sol).halt.until);
    later.withdraw(lender, sol, SOL).expect_ok();
    later.assert_conserved();
}

// Outflow.

fn outflow(hour: u64, day: u64, small: u64) -> ReserveConfig {
    let breakers =
        BreakerConfig { outflow_hour: hour, outflow_day: day, small_deposit: small, ..BreakerConfig::default() };
    ReserveConfig { breakers, ..insured_reserve_config() }
}

#[test]
fn withdrawals_and_loans_share_a_window_that_drains() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::configured(outflow(36_000 * USD, 0, 0));
    world.advance(3_600); // What was deposited counts no more.
    world.refresh_all();
    world.borrow(trader, usd, 7_000 * USD).expect_ok();
    world.withdraw(lender, usd, 20_000 * USD + 1).expect_error(Error::HourlyOutflowLimitReached);
    world.withdraw(lender, usd, 20_000 * USD).expect_ok();
    // The quarter kept for the small is not for large ones.
    world.withdraw(lender, usd, 1).expect_error(Error::HourlyOutflowLimitReached);
    world.borrow(trader, usd, 10 * USD).expect_error(Error::HourlyOutflowLimitReached);
    assert_eq!(world.reserve(usd).outflow.hour, 27_000 * USD as i64);
    // Ten a second drain.
    world.advance(100);
    world.withdraw(lender, usd, 1_000 * USD + 1).expect_error(Error::HourlyOutflowLimitReached);
    world.withdraw(lender, usd, 1_000 * USD).expect_ok();
    world.advance(3_600);
    world.withdraw(lender, usd, 27_000 * USD).expect_ok();
    world.assert_conserved();
}

#[test]
fn small_deposits_have_a_quarter_of_the_window_to_themselves() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::configured(outflow(36_000 * USD, 0, 500 * USD));
    let [small, large] = ["small", "large"].map(|name| world.user(name));
    world.supply(small, usd, 500 * USD);
    world.supply(large, usd, 501 * USD);
    world.advance(3_600);
    world.withdraw(lender, usd, 27_000 * USD).expect_ok();
    world.withdraw(large, usd, USD).expect_error(Error::HourlyOutflowLimitReached);
    world.refresh_all();
    world.fork().borrow(trader, usd, 100 * USD).expect_error(Error::HourlyOutflowLimitReached);
    world.withdraw(small, usd, u64::MAX).expect_ok();
    assert_eq!(world.balance(&small.key, usd), 500 * USD);
    world.assert_conserved();
}

#[test]
fn the_long_window_holds_when_the_short_has_drained() {
    let Scene { mut world, usd, lender, .. } = Scene::configured(outflow(36_000 * USD, 86_400 * USD, 0));
    world.advance(86_400);
    let mut total = 0;
    for _ in 0..3 {
        world.withdraw(lender, usd, 20_000 * USD).expect_ok();
        total += 20_000;
        world.advance(3_600);
    }
    // A dollar a second drains: 64,800 are open, less 60,000, plus 3 × 3,600.
    let room = (64_800 - total + 3 * 3_600) * USD;
    world.withdraw(lender, usd, room + 1).expect_error(Error::DailyOutflowLimitReached);
    world.withdraw(lender, usd, room).expect_ok();
    world.assert_conserved();
}

#[test]
fn the_windows_of_the_market_count_all_reserves_in_usd() {
    for day in [false, true] {
        let refused = if day { Error::MarketDailyOutflowLimitReached } else { Error::MarketHourlyOutflowLimitReached };
        let Scene { mut world, usd, sol, lender, trader } = Scene::configured(insured_reserve_config());
        let limit = |config: &mut ballast_engine::state::market::MarketConfig| {
            *(if day { &mut config.outflow_day } else { &mut config.outflow_hour }) = 10_000;
        };
        world.reconfigure_market(limit).expect_ok();
        world.withdraw(trader, sol, 40 * SOL).expect_ok();
        world.withdraw(lender, usd, 1_501 * USD).expect_error(refused);
        world.withdraw(lender, usd, 1_499 * USD).expect_ok();
        world.borrow(trader, usd, 10 * USD).expect_error(refused);
        world.fund(&lender.key, usd, 0);
        world.deposit(lender, usd, 500 * USD).expect_ok();
        world.withdraw(trader, sol, 3 * SOL).expect_ok();
        world.assert_conserved();
    }
}

/// Neither window keeps money from coming in, debts from being paid, or accounts from being liquidated.
#[test]
fn a_full_window_stops_nothing_that_lowers_risk() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::configured(outflow(36_000 * USD, 0, 0));
    world.advance(3_600);
    world.refresh_all();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.reconfigure_market(|config| config.outflow_hour = 1).expect_ok();
    world.withdraw(lender, usd, 17_000 * USD).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.repay(trader, usd, USD).expect_ok();
    world.supply(lender, usd, USD);
    world.set_price(sol, Quote::dollars(115.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    world.assert_conserved();
}

#[test]
fn a_reserve_refresh_drains_windows_while_nobody_trades() {
    let Scene { mut world, usd, lender, .. } = Scene::configured(outflow(36_000 * USD, 86_400 * USD, 0));
    world.reconfigure_market(|config| config.outflow_hour = 100_000).expect_ok();
    world.advance(86_400);
    world.withdraw(lender, usd, 20_000 * USD).expect_ok();
    world.advance(1_000);
    world.refresh_reserve(usd).expect_ok();
    let outflow = world.reserve(usd).outflow;
    assert_eq!((outflow.hour, outflow.day), (10_000 * USD as i64, 19_000 * USD as i64));
    assert_eq!(outflow.updated, world.now());
    assert!(world.view().market.outflow.hour < 20_000 * 100_000_000);
}

// Utilisation.

#[test]
fn nothing_is_lent_above_the_utilisation_limit() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::configured(insured_reserve_config());
    world.reconfigure(usd, |config| config.breakers.max_utilisation = Bps(9_000)).expect_ok();
    world.withdraw(lender, usd, 990_000 * USD).expect_ok();
    // What left a moment ago could as well have left after a loan.
    world.advance(1);
    world.borrow(trader, usd, 9_001 * USD).expect_error(Error::UtilisationTooHigh);
    world.borrow(trader, usd, 8_999 * USD).expect_ok();
    // It stops loans alone, and lifts with what comes in.
    world.borrow(trader, usd, 10 * USD).expect_error(Error::UtilisationTooHigh);
    world.deposit(lender, usd, 100 * USD).expect_ok();
    // From the next second on: until then it could be gone at the transaction's end.
    world.borrow(trader, usd, 10 * USD).expect_error(Error::UtilisationTooHigh);
    world.advance(1);
    world.borrow(trader, usd, 10 * USD).expect_ok();
    world.assert_conserved();
}

// Losses.

#[test]
fn losses_above_the_limit_leave_the_market_reduce_only_until_governance_lifts_it() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::configured(insured_reserve_config());
    world.reconfigure_market(|config| config.loss_limit = 5_000).expect_ok();
    let second = world.user("second");
    world.supply(second, sol, 100 * SOL);
    world.supply(lender, sol, 10 * SOL);
    world.refresh_all();
    world.borrow(second, usd, 4_000 * USD).expect_ok();
    ruin(&mut world, trader, usd, sol, 2_000 * USD);
    let event = settle(&mut world, trader, usd);
    assert!(!event.market_reduce_only, "2,000 of 5,000");
    insured_market::seize_all(&mut world, second, usd, sol);
    let event = settle(&mut world, second, usd);
    assert!(event.market_reduce_only && world.view().market.reduce_only == 1);

    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.refresh_all();
    world.borrow(lender, sol, 1).expect_error(Error::MarketReduceOnly);
    let loan = world.flash_loan(lender.key, usd, 1);
    world.send(&loan).expect_error(Error::MarketReduceOnly);
    let refused = REFUSALS[State::MarketReduceOnly as usize].2.iter().filter(|action| !is_of_perps(**action));
    assert!(refused.eq(&[Action::Borrow, Action::BeginFlashLoan]));
    world.withdraw(lender, usd, 1_000 * USD).expect_ok();
    world.deposit(lender, usd, USD).expect_ok();
    let guardian = world.key("guardian");
    world.resume(guardian).expect_error(Error::NothingToLift);
    let Event::Restricted(lifted) = world.resume(world.authority).expect_event() else { panic!("another event") };
    assert_eq!((lifted.reduce_only, lifted.until), (false, 0));
    world.send(&loan).expect_ok();
    world.assert_conserved();
}

// Pause.

#[track_caller]
fn restricted(outcome: Outcome) -> Restricted {
    match outcome.expect_event() {
        Event::Restricted(event) => event,
        other => panic!("another event: {other:?}"),
    }
}

#[test]
fn the_guardian_pauses_named_actions_for_six_hours() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::configured(insured_reserve_config());
    let event = restricted(world.pause(&[Action::Withdraw, Action::Borrow]));
    assert_eq!((event.actions, event.until), (3, world.now() + 21_600));
    world.borrow(trader, usd, 100 * USD).expect_error(Error::Paused);
    world.withdraw(lender, usd, USD).expect_error(Error::Paused);
    let staker = staker(&mut world, "staker", usd, 1);
    assert_eq!(world.stake_of(&staker, usd).shares.0, 1);
    world.supply(trader, sol, SOL);
    world.advance(21_599);
    world.withdraw(lender, usd, USD).expect_error(Error::Paused);
    world.advance(1);
    world.withdraw(lender, usd, USD).expect_ok();
    world.assert_conserved();
}

#[test]
fn a_fourth_pause_in_a_day_is_refused() {
    let Scene { mut world, .. } = Scene::new();
    for _ in 0..3 {
        world.pause(&[Action::Borrow]).expect_ok();
        world.advance(21_600);
    }
    world.pause(&[Action::Borrow]).expect_error(Error::TooManyPauses);
    world.advance(86_400 - 3 * 21_600 - 1);
    world.pause(&[Action::Borrow]).expect_error(Error::TooManyPauses);
    world.advance(1);
    world.pause(&[Action::Borrow]).expect_ok();
}

#[test]
fn what_lowers_risk_cannot_be_paused() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    for action in Action::ALL.iter().filter(|action| action.pause_bit() == 0) {
        world.pause(&[*action]).expect_error(Error::ActionNotPausable);
    }
    let mut all = world.view().pause(&[]);
    for bits in [16, 128, 255] {
        all.data[1] = bits;
        world.send_one(all.clone()).expect_error(Error::ActionNotPausable);
    }
    all.data[1] = Action::PAUSABLE;
    world.send_one(all).expect_ok();
    world.repay(trader, usd, USD).expect_ok();
    world.supply(trader, sol, SOL);
    world.set_price(sol, Quote::dollars(115.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 0 };
    world.mark_liquidatable(trader.margin).expect_ok();
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    let receivership = world.receivership(liquidator, trader.margin, order);
    world.send(&receivership).expect_ok();
    world.assert_conserved();
}

#[test]
fn only_the_guardian_pauses_and_the_authority_may_lift() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    for other in [trader.key, world.authority, world.key("collector")] {
        let pause = world.view().pause(&[Action::Borrow]);
        world.send_one(with_account(pause, "signer", other)).expect_error(Error::NotGuardian);
    }
    world.resume(world.authority).expect_error(Error::NothingToLift);
    for name in ["authority", "guardian"] {
        world.pause(&[Action::Borrow]).expect_ok();
        world.borrow(trader, usd, 100 * USD).expect_error(Error::Paused);
        world.resume(trader.key).expect_error(Error::NotGuardian);
        let signer = world.key(name);
        assert_eq!(restricted(world.resume(signer)).until, 0);
        world.borrow(trader, usd, 100 * USD).expect_ok();
    }
    world.assert_conserved();
}

#[test]
fn a_configuration_without_breakers_restricts_nothing() {
    let Scene { mut world, usd, sol, lender, .. } = Scene::configured(reserve_config());
    world.set_price(sol, above(-90.0)).expect_ok();
    assert_eq!(world.reserve(sol).halt.tier, 0);
    world.withdraw(lender, usd, u64::MAX).expect_ok();
    assert_eq!(outflow_of(&world, usd), (0, 0));
}

fn outflow_of(world: &World, reserve: u8) -> (i64, i64) {
    let outflow = world.reserve(reserve).outflow;
    (outflow.hour, outflow.day)
}

#[test]
fn limits_out_of_range_are_refused() {
    let Scene { mut world, usd, .. } = Scene::new();
    let mut refuse = |change: fn(&mut ReserveConfig), error| world.reconfigure(usd, change).expect_error(error);
    refuse(|config| config.breakers.outflow_hour = 359_999, Error::OutflowLimitOutOfRange);
    refuse(|config| config.breakers.outflow_day = 8_639_999, Error::OutflowLimitOutOfRange);
    refuse(|config| config.breakers.tiers = [Bps(500); 3], Error::PriceTiersOutOfRange);
    refuse(|config| config.breakers.halt_seconds = 60, Error::PriceTiersOutOfRange);
    refuse(|config| config.breakers.max_utilisation = Bps(10_001), Error::UtilisationLimitOutOfRange);
    refuse(|config| config.reduce_only = 2, Error::SwitchOutOfRange);
    refuse(|config| config.flash_enabled = 2, Error::SwitchOutOfRange);
    refuse(|config| config.flash_fee = Bps(501), Error::SwitchOutOfRange);
    let outcome = world.reconfigure_market(|config| config.near_insolvency = Bps(2_001));
    outcome.expect_error(Error::NearInsolvencyOutOfRange);
}
