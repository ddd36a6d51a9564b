//! Restrictions: windows, the price breaker, pauses, reduce-only, the matrix.

use crate::common::{
    self, START, TOKENS, World, cases,
    debtor::{LENDER, ONE_SOL, ONE_USDC, SOL, USDC, USER, configure, fallen, indebted, liquidate},
    lend, reserve_config, update,
};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::{Bps, UsdE8},
    price::breaker::{BreakerEvent, Halt},
    state::{
        account::MarginAccount,
        pause::Pause,
        permission::{Action, REFUSALS, State},
        rate_limit::{CappedAtoms, Outflow, OutflowLimits, Period, RateLimit},
        reserve::ReserveConfig,
    },
};
use proptest::prelude::*;

// Windows.

const LIMITS: OutflowLimits = OutflowLimits { hour: 3_600_000, day: 36_000_000 };

#[test]
fn an_outflow_window_fills_drains_and_keeps_a_quarter_for_the_small() {
    let mut window = Outflow { updated: START, ..Outflow::default() };
    assert!(window.pay_out(&LIMITS, CappedAtoms::new(2_700_000), START));
    let whole = window;
    assert!(!window.pay_out(&LIMITS, CappedAtoms::new(1), START) && window.has_room(&LIMITS, true));
    window.pay_out(&LIMITS, CappedAtoms::new(899_999), START);
    assert!(window.has_room(&LIMITS, true));
    window.pay_out(&LIMITS, CappedAtoms::new(1), START);
    assert!(!window.has_room(&LIMITS, true));
    // A thousand a second drains from the hour, 416 from the day.
    window = whole;
    window.pay_out(&LIMITS, CappedAtoms::new(100_000), START + 100);
    assert_eq!((window.hour, window.day), (2_700_000, 2_758_400));
    window.drain(&LIMITS, START + 86_500);
    assert_eq!((window.hour, window.day), (0, 0));
    // A clock that steps back drains nothing.
    window = whole;
    window.drain(&LIMITS, START - 100);
    assert_eq!(window, whole);
}

proptest! {
    #![proptest_config(cases(500))]

    /// Whatever flows, in any hour no more goes, net of what comes within it, than twice the limit.
    #[test]
    fn an_hour_lets_twice_its_limit_go_at_most_i15(flows in prop::collection::vec((0i64..600, any::<bool>(), 1u64..4_000_000), 1..80)) {
        let limits = OutflowLimits { hour: 3_600_000, day: 0 };
        let (mut window, mut now, mut gone) = (Outflow::default(), START, Vec::new());
        for (seconds, comes, amount) in flows {
            now += seconds;
            let mut next = window;
            if comes {
                next.pay_in(&limits, CappedAtoms::new(amount), now);
                window = next;
                gone.push((now, -(amount as i64)));
            } else if next.pay_out(&limits, CappedAtoms::new(amount), now) {
                window = next;
                gone.push((now, amount as i64));
            }
            // The largest net sum of any stretch of the last hour that starts with nothing to its credit.
            let (mut net, mut most) = (0i64, 0i64);
            for (_, amount) in gone.iter().rev().take_while(|(time, _)| now - time < 3_600) {
                net += amount;
                most = most.max(net);
            }
            // Of what came in before that hour, e^(-age ÷ period) at most was still credit when it began.
            let age = |time: i64| (now - 3_600 - time).max(0) as f64;
            let left = |(time, amount): &(i64, i64)| -amount as f64 * (-age(*time) / 3_600.0).exp();
            let credit: f64 = gone.iter().filter(|(_, amount)| *amount < 0).map(left).sum();
            prop_assert!(most as f64 <= (2 * 3_600_000) as f64 + credit * 1.01 + 1e4, "{most}, credit {credit}");
        }
    }

    /// In and out again leaves a window as it was: nobody fills it with the same tokens.
    #[test]
    fn a_round_trip_fills_no_window_i15(hour in -10_000_000i64..2_000_000, day in -10_000_000i64..20_000_000, amount in 1u64..1 << 40, seconds in 0i64..4_000) {
        let start = Outflow { hour, day, updated: START };
        let (mut window, mut left_alone) = (start, start);
        window.pay_in(&LIMITS, CappedAtoms::new(amount), START + seconds);
        window.pay_out(&LIMITS, CappedAtoms::new(amount), START + seconds);
        left_alone.drain(&LIMITS, START + seconds);
        prop_assert_eq!(window, left_alone);
    }
}

#[test]
fn a_rate_limit_has_room_again_as_it_drains() {
    let mut window = RateLimit::default();
    assert_eq!(window.remaining(UsdE8(0), Period::Hour, START), UsdE8::MAX);
    assert_eq!(window.remaining(UsdE8(7_200), Period::Hour, START), UsdE8(7_200));
    window.add(UsdE8(7_200));
    assert_eq!(window.remaining(UsdE8(7_200), Period::Hour, START), UsdE8(0));
    assert_eq!(window.remaining(UsdE8(7_200), Period::Hour, START + 60), UsdE8(120));
    assert_eq!(window.remaining(UsdE8(7_200), Period::Hour, START + 3_660), UsdE8(7_200));
    window.add(UsdE8::MAX);
    window.add(UsdE8(1));
    // What is beyond the limit does not count for longer.
    assert_eq!(window.remaining(UsdE8(86_400), Period::Day, START + 3_661), UsdE8(1));
}

#[test]
fn withdrawals_and_loans_beyond_the_outflow_limits_wait() {
    let mut world = indebted();
    configure(&mut world, USDC, |config| {
        (config.breakers.outflow_hour, config.breakers.outflow_day) = (8_000 * ONE_USDC, 0);
        config.breakers.small_deposit = 100 * ONE_USDC;
    })
    .unwrap();
    world.deposit(2, USDC, 100 * ONE_USDC);
    // Net: what came counts against what goes.
    world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 6_100 * ONE_USDC)).unwrap();
    let wait = Err(Error::HourlyOutflowLimitReached);
    assert_eq!(world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 1)).map(drop), wait);
    assert_eq!(world.act(USER, |ledger, account| ledger.borrow(account, USDC, 1)).map(drop), wait);
    // Who has little may use the last quarter, and repaying makes room.
    world.act(2, |ledger, account| ledger.withdraw(account, USDC, EVERYTHING)).unwrap();
    world.act(USER, |ledger, account| ledger.repay(account, USDC, 500 * ONE_USDC)).unwrap();
    world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 400 * ONE_USDC)).unwrap();
    world.now += 3_600;
    world.refresh_all();
    world.act(USER, |ledger, account| ledger.borrow(account, USDC, 400 * ONE_USDC)).unwrap();
}

/// Somebody who is refused learns by which limit.
#[test]
fn each_outflow_limit_has_an_error_of_its_own() {
    for (is_of_market, is_of_day, refused) in [
        (false, false, Error::HourlyOutflowLimitReached),
        (false, true, Error::DailyOutflowLimitReached),
        (true, false, Error::MarketHourlyOutflowLimitReached),
        (true, true, Error::MarketDailyOutflowLimitReached),
    ] {
        let mut world = indebted();
        let (hour, day) = if is_of_day { (0, 1_000) } else { (1_000, 0) };
        if is_of_market {
            (world.market.config.outflow_hour, world.market.config.outflow_day) = (hour, day);
        } else {
            let atoms = |dollars: u32| dollars as u64 * ONE_USDC;
            let limit = |config: &mut ReserveConfig| {
                (config.breakers.outflow_hour, config.breakers.outflow_day) = (atoms(hour), atoms(day));
            };
            configure(&mut world, USDC, limit).unwrap();
        }
        let withdraw = |world: &mut World, dollars: u64| {
            world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, dollars * ONE_USDC)).map(drop)
        };
        // Three quarters of it are for all.
        assert_eq!(withdraw(&mut world, 751), Err(refused));
        assert_eq!(withdraw(&mut world, 749), Ok(()));
    }
}

#[test]
fn the_markets_window_counts_dollars_of_all_reserves() {
    let mut world = indebted();
    world.deposit(2, SOL, 1_000 * ONE_SOL);
    (world.market.config.outflow_hour, world.market.config.outflow_day) = (20_000, 40_000);
    // 100 SOL at 150.
    world.act(2, |ledger, account| ledger.withdraw(account, SOL, 100 * ONE_SOL)).unwrap();
    let withdraw = |world: &mut World, user, reserve, amount| {
        world.act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).map(drop)
    };
    assert_eq!(withdraw(&mut world, LENDER, USDC, ONE_USDC), Err(Error::MarketHourlyOutflowLimitReached));
    world.now += 1_800;
    world.refresh_all();
    // Half of what went is forgotten in half an hour.
    assert_eq!(withdraw(&mut world, LENDER, USDC, 7_501 * ONE_USDC), Err(Error::MarketHourlyOutflowLimitReached));
    withdraw(&mut world, LENDER, USDC, 7_499 * ONE_USDC).unwrap();
}

#[test]
fn no_loan_lifts_utilisation_above_the_limit() {
    let mut world = indebted();
    configure(&mut world, USDC, |config| config.breakers.max_utilisation = Bps(1_000)).unwrap();
    // What was deposited in this very second may be gone at the end of the transaction.
    assert_eq!(
        world.act(USER, |ledger, account| ledger.borrow(account, USDC, 900 * ONE_USDC)).map(drop),
        Err(Error::UtilisationTooHigh)
    );
    world.now += 1;
    assert_eq!(
        world.act(USER, |ledger, account| ledger.borrow(account, USDC, 1_100 * ONE_USDC)).map(drop),
        Err(Error::UtilisationTooHigh)
    );
    world.borrow(USER, USDC, 900 * ONE_USDC);
    // Lenders may leave.
    world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 50_000 * ONE_USDC)).unwrap();
}

// The price breaker.

/// A price that is so many basis points above its average.
fn publish_apart(world: &mut World, reserve: u8, bps: i64) -> Option<BreakerEvent> {
    world.now += 1;
    let price = world.prices[reserve as usize];
    let mut update = update(reserve, price, world.now);
    update.ema_price = price * 10_000 / (10_000 + bps);
    world.act(0, |ledger, _| ledger.refresh_price(reserve, &common::source(&update), None)).unwrap()
}

#[test]
fn a_price_that_moves_halts_the_reserve_by_tiers_for_longer_each_time() {
    let mut world = World::new(1);
    configure(&mut world, SOL, |config| {
        (config.breakers.tiers, config.breakers.halt_seconds) = ([Bps(200), Bps(500), Bps(1_000)], 600);
        config.oracle.max_ema_divergence = Bps(5_000);
    })
    .unwrap();
    let halt = |world: &World| world.reserves[SOL as usize].halt;
    assert_eq!(publish_apart(&mut world, SOL, 150), None);
    assert_eq!(publish_apart(&mut world, SOL, 300), Some(BreakerEvent::Tripped));
    assert_eq!((halt(&world).tier, halt(&world).until), (1, world.now + 600));
    assert!(!halt(&world).is_frozen(world.now));
    // A higher tier at once and for longer; a lower one changes nothing.
    assert_eq!(publish_apart(&mut world, SOL, 600), Some(BreakerEvent::Tripped));
    assert_eq!((halt(&world).tier, halt(&world).until), (2, world.now + 1_200));
    assert!(halt(&world).is_frozen(world.now) && !halt(&world).is_frozen(world.now + 1_200));
    assert_eq!(publish_apart(&mut world, SOL, 300), None);
    // It lifts by itself, and the next one is twice as long.
    world.now += 1_200;
    assert_eq!(publish_apart(&mut world, SOL, 0), Some(BreakerEvent::Lifted));
    assert_eq!(publish_apart(&mut world, SOL, 1_100), Some(BreakerEvent::Tripped));
    assert_eq!((halt(&world).tier, halt(&world).until), (3, world.now + 4_800));
    for repetitions in [2, 3, 4, 4] {
        world.now = halt(&world).until;
        assert_eq!(publish_apart(&mut world, SOL, 1_100), Some(BreakerEvent::Tripped));
        assert_eq!(halt(&world).until, world.now + (2_400 << repetitions).min(86_400));
    }
    // A day without one starts over. Nobody has to trade for it to lift.
    world.now = halt(&world).until + 86_400;
    assert_eq!(world.act(0, |ledger, _| ledger.refresh_reserve(SOL)), Ok(Some(BreakerEvent::Lifted)));
    assert_eq!(world.act(0, |ledger, _| ledger.refresh_reserve(SOL)), Ok(None));
    assert_eq!(publish_apart(&mut world, SOL, 300), Some(BreakerEvent::Tripped));
    assert_eq!(halt(&world).until, world.now + 600);
}

#[test]
fn the_slow_reference_trips_the_breaker_too() {
    let mut world = World::new(1);
    configure(&mut world, SOL, |config| {
        (config.breakers.tiers, config.breakers.halt_seconds) = ([Bps(1_000), Bps(2_000), Bps(0)], 600);
        config.oracle.reference_speed = Bps(100);
    })
    .unwrap();
    // The first price after the change starts the reference.
    world.set_price(SOL, TOKENS[SOL as usize].1);
    world.set_price(SOL, TOKENS[SOL as usize].1 * 112 / 100);
    assert_eq!(world.reserves[SOL as usize].halt.tier, 1);
    world.set_price(SOL, TOKENS[SOL as usize].1 * 70 / 100);
    assert_eq!(world.reserves[SOL as usize].halt.tier, 2);
}

#[test]
fn a_halted_reserve_lends_and_pays_nothing_and_takes_all_there_is() {
    let mut world = fallen(110.0);
    let all = [Action::Deposit, Action::Withdraw, Action::Borrow, Action::Repay, Action::Liquidate];
    for action in all {
        let mut world = world.clone();
        let reserve = &mut world.reserves[USDC as usize];
        reserve.halt = Halt { until: world.now + 60, tier: 2, ..Halt::default() };
        reserve.judge_price();
        let done = match action {
            Action::Deposit => world.act(LENDER, |ledger, account| lend(ledger, account, USDC, 10)).map(drop),
            Action::Withdraw => world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 1)).map(drop),
            Action::Borrow => world.act(USER, |ledger, account| ledger.borrow(account, USDC, 1)).map(drop),
            Action::Repay => world.act(USER, |ledger, account| ledger.repay(account, USDC, 10)).map(drop),
            _ => liquidate(&mut world, EVERYTHING).map(drop),
        };
        let refused = matches!(action, Action::Withdraw | Action::Borrow);
        assert_eq!(done, if refused { Err(Error::ReserveHalted) } else { Ok(()) }, "{action:?}");
    }
    // A debt in a halted reserve stops new risk elsewhere.
    world.act(USER, |ledger, account| ledger.repay(account, USDC, 8_000 * ONE_USDC)).unwrap();
    world.act(USER, |ledger, account| ledger.withdraw(account, SOL, ONE_SOL)).unwrap();
    let reserve = &mut world.reserves[USDC as usize];
    reserve.halt = Halt { until: world.now + 60, tier: 2, ..Halt::default() };
    reserve.judge_price();
    let refused = world.act(USER, |ledger, account| ledger.withdraw(account, SOL, ONE_SOL)).map(drop);
    assert_eq!(refused, Err(Error::ReserveHalted));
}

#[test]
fn breaker_parameters_out_of_range_are_refused() {
    let refused = |change: fn(&mut ReserveConfig)| {
        let mut config = reserve_config(0);
        change(&mut config);
        config.validate().unwrap_err()
    };
    assert_eq!(refused(|config| config.breakers.outflow_hour = 359_999), Error::OutflowLimitOutOfRange);
    assert_eq!(refused(|config| config.breakers.outflow_day = 8_639_999), Error::OutflowLimitOutOfRange);
    let tiers = Error::PriceTiersOutOfRange;
    assert_eq!(refused(|config| config.breakers.halt_seconds = 600), tiers);
    assert_eq!(refused(|config| config.breakers.tiers[0] = Bps(100)), tiers);
    let set = |config: &mut ReserveConfig, tiers: [u16; 3], halt_seconds| {
        (config.breakers.tiers, config.breakers.halt_seconds) = (tiers.map(Bps), halt_seconds);
    };
    for wrong in [[0, 100, 0], [100, 0, 200], [100, 100, 0], [100, 200, 150]] {
        let mut config = reserve_config(0);
        set(&mut config, wrong, 600);
        assert_eq!(config.validate(), Err(tiers), "{wrong:?}");
    }
    for (seconds, valid) in [(59, false), (60, true), (14_400, true), (14_401, false)] {
        let mut config = reserve_config(0);
        set(&mut config, [100, 200, 300], seconds);
        assert_eq!(config.validate().is_ok(), valid);
    }
    assert_eq!(refused(|config| config.breakers.max_utilisation = Bps(10_001)), Error::UtilisationLimitOutOfRange);
    let switches: [fn(&mut ReserveConfig); 3] =
        [|config| config.reduce_only = 2, |config| config.flash_enabled = 2, |config| config.flash_fee = Bps(501)];
    for change in switches {
        assert_eq!(refused(change), Error::SwitchOutOfRange);
    }
    let mut market = common::market_config();
    market.near_insolvency = Bps(2_001);
    assert_eq!(market.validate(), Err(Error::NearInsolvencyOutOfRange));
}

// Pauses and reduce-only.

#[test]
fn a_pause_is_short_rare_and_of_what_may_be_paused() {
    let mut pause = Pause::default();
    for actions in [0, 16, 255] {
        assert_eq!(pause.begin(actions, START), Err(Error::ActionNotPausable));
    }
    let borrow = Action::Borrow.pause_bit();
    for hour in [0, 1, 2] {
        pause.begin(borrow, START + hour * 3_600).unwrap();
    }
    assert_eq!(pause.begin(borrow, START + 86_399), Err(Error::TooManyPauses));
    assert!(pause.stops(borrow, START + 2 * 3_600 + 21_599) && !pause.stops(borrow, START + 2 * 3_600 + 21_600));
    assert!(!pause.stops(Action::Withdraw.pause_bit(), START));
    pause.begin(borrow, START + 86_400).unwrap();
    pause.end(START + 86_400);
    assert!(!pause.stops(borrow, START + 86_400));
    // Nothing that reduces risk has a bit.
    for action in [Action::Repay, Action::Deposit, Action::Liquidate, Action::EndLiquidation, Action::SettleBadDebt] {
        assert_eq!(action.pause_bit(), 0);
    }
}

#[test]
fn paused_actions_wait_and_the_guardian_or_governance_lifts() {
    let mut world = indebted();
    world.market.pause.begin(Action::Withdraw.pause_bit(), world.now).unwrap();
    assert_eq!(world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 1)).map(drop), Err(Error::Paused));
    world.borrow(USER, USDC, ONE_USDC);
    assert_eq!(world.market.resume(false, world.now), Ok(()));
    assert_eq!(world.market.resume(true, world.now), Err(Error::NothingToLift));
    world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 1)).unwrap();
    // A pause that is over is nothing to lift either.
    world.market.pause.begin(Action::Withdraw.pause_bit(), world.now).unwrap();
    world.now += Pause::DURATION;
    assert_eq!(world.market.resume(true, world.now), Err(Error::NothingToLift));
    world.market.reduce_only = 1;
    assert_eq!(world.market.resume(false, world.now), Err(Error::NothingToLift));
    assert_eq!(world.market.resume(true, world.now), Ok(()));
}

#[test]
fn reduce_only_lets_everyone_out_and_nobody_in() {
    let mut world = indebted();
    world.market.reduce_only = 1;
    let borrow = |world: &mut World| world.act(USER, |ledger, account| ledger.borrow(account, USDC, 1)).map(drop);
    assert_eq!(borrow(&mut world), Err(Error::MarketReduceOnly));
    world.deposit(USER, SOL, 1);
    world.act(USER, |ledger, account| ledger.repay(account, USDC, 100)).unwrap();
    world.market.reduce_only = 0;
    configure(&mut world, USDC, |config| config.reduce_only = 1).unwrap();
    assert_eq!(borrow(&mut world), Err(Error::ReserveReduceOnly));
    let deposit = world.act(LENDER, |ledger, account| lend(ledger, account, USDC, 1)).map(drop);
    assert_eq!(deposit, Err(Error::ReserveReduceOnly));
    world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, 1)).unwrap();
}

// The matrix.

/// Each state that refuses an action does so with its own error, and the actions that reduce risk are refused only while
/// they would interfere with a liquidation that is under way.
#[test]
fn no_state_keeps_a_debt_from_being_repaid_or_liquidated() {
    for (state, _, refused) in REFUSALS {
        for action in [Action::Repay, Action::Liquidate, Action::EndLiquidation, Action::EndFlashLoan] {
            let interferes = state == State::InReceivership && matches!(action, Action::Repay | Action::Liquidate);
            assert_eq!(refused.contains(&action), interferes, "{action:?} in {state:?}");
            assert_eq!(state.refuses(action), refused.contains(&action));
        }
    }
}

/// The states of an account are looked at by every action on one.
#[test]
fn an_account_in_receivership_admits_nothing_but_its_end() {
    let account = MarginAccount { in_receivership: 1, ..MarginAccount::default() };
    let of_reserves =
        [Action::BeginFlashLoan, Action::EndFlashLoan, Action::Stake, Action::Unstake, Action::CollectFees];
    for action in Action::ALL {
        let free = action == Action::EndLiquidation || of_reserves.contains(&action);
        assert_eq!(account.require_idle(action).is_ok(), free, "{action:?}");
        assert_eq!(MarginAccount::default().require_idle(action), Ok(()));
    }
}
