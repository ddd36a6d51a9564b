//! Attacks with what takes effect at once, since it takes risk away: by whoever has one office, or all of them.
//! Each test is named after its class in SECURITY.md.

use ballast_client::{Address, Event, LiquidationOrder, to_engine};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    record::layout,
    state::{
        breakers::BreakerConfig,
        change::{Change, OF_MARKET},
        market::MarketConfig,
        permission::Action,
        reserve::ReserveConfig,
    },
};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, User, World, reserve_config};

const HOUR: i64 = 3_600;
const DELAY: i64 = 172_800;

/// Has the authority change a reserve at once.
#[track_caller]
fn set(world: &mut World, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Outcome {
    let edits = world.edits(reserve, change).all();
    set_as(world, world.authority, reserve, edits)
}

#[track_caller]
fn set_market(world: &mut World, change: impl FnOnce(&mut MarketConfig)) -> Outcome {
    let edits = world.market_edits(change).all();
    set_as(world, world.authority, OF_MARKET, edits)
}

#[track_caller]
fn set_as(world: &mut World, signer: Address, target: u8, edits: Vec<u8>) -> Outcome {
    let instruction = world.view().set_parameters(signer, target, edits);
    world.send(&[instruction])
}

/// Queues a change of a reserve and makes it when it is due.
#[track_caller]
fn wait_for(world: &mut World, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) {
    let edits = world.edits(reserve, change).all();
    let change = world.queue(reserve, edits);
    world.advance(DELAY);
    execute(world, &change);
    world.refresh_all();
}

#[track_caller]
fn execute(world: &mut World, change: &Change) {
    let instruction = world.view().execute_change(world.payer, change);
    world.send(&[instruction]).expect_ok();
}

#[track_caller]
fn liquidate(world: &mut World, user: User, debt: u8, collateral: u8) -> Outcome {
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, debt, 100_000 * USD);
    let order = LiquidationOrder { debt, collateral, max_repay: u64::MAX, min_collateral: 1 };
    world.liquidate(liquidator, user.margin, order)
}

/// Zero is no limit. A limit where there was none comes at once, and does what it says.
#[test]
fn governance_c32_the_limit_of_losses_is_not_taken_away_at_once() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let council = world.key("council");
    world
        .reconfigure_market(|config| (config.roles.risk_council, config.loss_limit) = (to_engine(&council), 0))
        .expect_ok();
    set_market(&mut world, |config| config.loss_limit = 1_000).expect_ok();
    let none = world.market_edits(|config| config.loss_limit = 0).all();
    for office in [world.authority, council] {
        set_as(&mut world, office, OF_MARKET, none.clone()).expect_error(Error::AddsRisk);
    }
    set_market(&mut world, |config| config.loss_limit = 1_001).expect_error(Error::AddsRisk);
    world.queue(OF_MARKET, none);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    liquidate(&mut world, trader, usd, sol).expect_ok();
    let Event::BadDebtSettled(settled) = world.settle(trader.margin, usd).expect_event() else { panic!("not settled") };
    assert!(settled.market_reduce_only && world.view().market.reduce_only == 1);
}

/// A listing backs no more than its cap because that is spread over all that may be deposited. Less that may be deposited is no
/// more to borrow, neither at once nor when something else has waited.
#[test]
fn governance_c32_a_lower_deposit_cap_lets_nobody_borrow_more() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world
        .reconfigure(sol, |config| {
            (config.deposit_cap, config.risk.borrowing_cap) = (1_000_000 * SOL, 1_000_000);
        })
        .expect_ok();
    world.refresh_all();
    // Of 150 million USD of deposits one million backs debts, so of 15,000 USD a hundred.
    let borrow = |world: &World, dollars: u64| {
        let mut world = world.fork();
        world.refresh_all();
        world.borrow(trader, usd, dollars * USD)
    };
    borrow(&world, 85).expect_ok();
    borrow(&world, 100).expect_error(Error::InitialHealthTooLow);
    let mut honest = world.fork();
    set(&mut world, sol, |config| config.deposit_cap = 8_000 * SOL).expect_ok();
    borrow(&world, 100).expect_error(Error::InitialHealthTooLow);
    world.refresh_reserve(sol).expect_ok();
    borrow(&world, 100).expect_error(Error::InitialHealthTooLow);
    // What is in the queue says nothing of it.
    wait_for(&mut world, sol, |config| config.max_penalty = Bps(1_050));
    borrow(&world, 100).expect_error(Error::InitialHealthTooLow);
    borrow(&world, 85).expect_ok();
    // Who wants that waits for it, where everybody sees it.
    wait_for(&mut honest, sol, |config| config.deposit_cap = 8_000 * SOL);
    borrow(&honest, 10_000).expect_ok();
}

/// What the size of all deposits takes is a part of the highest weight. That one lowered leaves the others what they had lost.
#[test]
fn governance_c32_a_lower_weight_in_the_group_lets_nobody_beside_it_borrow_more() {
    let Scene { mut world, usd, .. } = Scene::new();
    let mut config = reserve_config();
    config.max_penalty = Bps(300);
    (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(3_000), Bps(4_000));
    (config.risk.group_id, config.risk.group_initial_asset, config.risk.group_maintenance_asset) =
        (3, Bps(9_000), Bps(9_500));
    (config.risk.market_depth, config.risk.max_market_haircut) = (15_000, Bps(10_000));
    let staked = world.list(Token::new("staked", 9, 150.0), config);
    let (user, whale) = (world.user("user"), world.user("whale"));
    world.supply(user, staked, 100 * SOL);
    world.supply(whale, staked, 100 * SOL);
    // Twice what the market absorbs: 45 of 90 % are gone, and with them the 30 % outside of the group.
    let borrow = |world: &World| {
        let mut world = world.fork();
        world.refresh_all();
        world.borrow(user, usd, 20 * USD)
    };
    borrow(&world).expect_error(Error::InitialHealthTooLow);
    let mut honest = world.fork();
    let lower = |config: &mut ReserveConfig| config.risk.group_initial_asset = Bps(3_000);
    set(&mut world, staked, lower).expect_ok();
    borrow(&world).expect_error(Error::InitialHealthTooLow);
    world.refresh_reserve(staked).expect_ok();
    borrow(&world).expect_error(Error::InitialHealthTooLow);
    wait_for(&mut world, staked, |config| config.min_penalty = Bps(250));
    borrow(&world).expect_error(Error::InitialHealthTooLow);
    wait_for(&mut honest, staked, lower);
    borrow(&honest).expect_ok();
}

/// A scene whose usd lets 36,000 USD out in an hour, the last quarter to deposits of up to 500 USD; and somebody with one.
fn with_a_window() -> (Scene, User) {
    let breakers = BreakerConfig { outflow_hour: 36_000 * USD, small_deposit: 500 * USD, ..BreakerConfig::default() };
    let mut scene = Scene::configured(ReserveConfig { breakers, ..reserve_config() });
    let small = scene.world.user("small");
    scene.world.supply(small, scene.usd, 500 * USD);
    scene.world.advance(HOUR);
    (scene, small)
}

/// Nobody is too large for the quarter kept for the small, or small enough for it, before those who are small have had the delay
/// to go.
#[test]
fn governance_c32_the_quarter_of_the_small_is_neither_taken_nor_shared_at_once() {
    let (Scene { mut world, usd, lender, .. }, small) = with_a_window();
    for size in [0, 499 * USD, 501 * USD, 1_000_000 * USD] {
        set(&mut world, usd, |config| config.breakers.small_deposit = size).expect_error(Error::AddsRisk);
    }
    let none = world.edits(usd, |config| config.breakers.small_deposit = 0).all();
    let change = world.queue(usd, none);
    world.withdraw(lender, usd, 27_000 * USD).expect_ok();
    world.withdraw(lender, usd, USD).expect_error(Error::HourlyOutflowLimitReached);
    let mut late = world.fork();
    late.advance(DELAY);
    execute(&mut late, &change);
    late.withdraw(lender, usd, 27_000 * USD).expect_ok();
    late.withdraw(small, usd, EVERYTHING).expect_error(Error::HourlyOutflowLimitReached);
    world.withdraw(small, usd, EVERYTHING).expect_ok();
    assert_eq!(world.balance(&small.key, usd), 500 * USD);
}

/// A reserve gets another feed. The first price of it must be near the last of the old one, and what is near is not what new risk
/// allows: that can be lowered at once, also by who wants to keep his own account from being liquidated for two delays.
#[test]
fn governance_c32_no_tightening_keeps_a_new_feed_out() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    let feed = world.edits(sol, |config| config.oracle.feed_id = layout::Address([0x52; 32])).all();
    let change = world.queue(sol, feed);
    world.advance(DELAY);
    world.refresh_all();
    world.set_price(sol, Quote::dollars(125.0)).expect_ok();
    liquidate(&mut world, trader, usd, sol).expect_error(Error::AccountIsHealthy);
    let narrow = |config: &mut ReserveConfig| {
        (config.oracle.max_ema_divergence, config.oracle.max_confidence_initial) = (Bps(1), Bps(1));
    };
    set(&mut world, sol, narrow).expect_ok();
    set_market(&mut world, |config| config.delay = 2_592_000).expect_ok();
    execute(&mut world, &change);
    world.advance(60);
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    liquidate(&mut world, trader, usd, sol).expect_error(Error::PriceStale);
    // 6 % lower is too far. 4 % lower is below what he needs.
    world.set_price(sol, Quote::dollars(117.5)).expect_passed_over(Error::NewFeedFarFromOld);
    world.set_price(sol, Quote::dollars(120.0)).expect_ok();
    liquidate(&mut world, trader, usd, sol).expect_ok();
}

/// Authority, council and guardian are one, and his are nearly all deposits. He queues a limit that would hold the rest, takes all
/// business away, pauses whenever he may, also by lifting his own pauses, and fills the window in between.
#[test]
fn governance_c32_one_hand_in_every_office_keeps_no_small_deposit_until_a_bad_change_is_due() {
    for lifts in [false, true] {
        let (Scene { mut world, usd, sol, lender, .. }, small) = with_a_window();
        let guardian = world.key("guardian");
        world.reconfigure_market(|config| config.roles.risk_council = to_engine(&guardian)).expect_ok();
        let least = world.edits(usd, |config| config.breakers.outflow_hour = 100 * HOUR as u64).all();
        let change = world.queue(usd, least);
        for reserve in [usd, sol] {
            let all = |config: &mut ReserveConfig| {
                (config.deposit_cap, config.borrow_cap, config.reduce_only, config.borrow_enabled) = (0, 0, 1, 0);
                config.breakers.max_utilisation = Bps(1);
            };
            set(&mut world, reserve, all).expect_ok();
        }
        let (mut left_after, mut hours) = (None, 0);
        while world.now() < change.earliest && left_after.is_none() {
            if lifts && hours % 6 == 5 {
                // An hour before it is over: it would pay if that made room for another.
                let _ = world.resume(guardian);
            }
            if world.view().market.pause.until <= world.now() {
                let _ = world.pause(&[Action::Withdraw]);
            }
            // He comes first, as often as there is room.
            for part in [27_000, 9_000, 3_000, 1_000, 100, 10] {
                let _ = world.withdraw(lender, usd, part * USD);
            }
            if world.withdraw(small, usd, EVERYTHING).is_ok() {
                left_after = Some(hours);
            }
            hours += 1;
            world.advance(HOUR);
        }
        let left_after = left_after.expect("he is out before the change is due");
        assert!(left_after <= 18, "{left_after} hours, with pauses lifted: {lifts}");
        assert_eq!(world.balance(&small.key, usd), 500 * USD);
    }
}
