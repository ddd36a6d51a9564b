//! Restrictions at their boundaries: what each changes, and what it leaves.

use crate::common::{
    self, START, World,
    debtor::{LENDER, ONE_SOL, ONE_USDC, SOL, USDC, USER, fallen, liquidate},
};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::{
        index::Index,
        units::{Bps, MAX_LIQUIDITY, Shares, UsdE8},
    },
    price::{
        breaker::{BreakerEvent, Halt},
        policy::Condition,
    },
    state::{
        account::Side,
        breakers::BreakerConfig,
        insurance::Stake,
        pause::Pause,
        permission::Action,
        rate_limit::{CappedAtoms, Outflow, OutflowLimits, Period, RateLimit},
        reserve::Reserve,
    },
};

fn usdc(world: &mut World) -> &mut Reserve {
    &mut world.reserves[USDC as usize]
}

#[test]
fn the_days_limit_binds_where_the_hours_does_not() {
    let limits = OutflowLimits { hour: 0, day: 8_640_000 };
    let mut window = Outflow { updated: START, ..Outflow::default() };
    assert!(
        window.pay_out(&limits, CappedAtoms::new(6_480_000), START)
            && !window.pay_out(&limits, CappedAtoms::new(1), START)
    );
}

#[test]
fn a_halt_trips_beyond_its_tier_lifts_at_its_end_and_is_never_shortened() {
    let config = BreakerConfig { tiers: [200, 500, 0].map(Bps), halt_seconds: 600, ..BreakerConfig::default() };
    let mut halt = Halt::default();
    assert_eq!(halt.watch(&config.price_tiers(), Bps(200), START), None);
    halt.watch(&config.price_tiers(), Bps(201), START).unwrap();
    // A step up after governance made halts short.
    halt.watch(&BreakerConfig { halt_seconds: 60, ..config }.price_tiers(), Bps(501), START + 1).unwrap();
    assert_eq!((halt.tier, halt.until), (2, START + 600));
    assert_eq!(halt.lift(START + 599), None);
    assert!(halt.lift(START + 600).is_some());
}

#[test]
fn a_price_in_tier_one_backs_no_new_risk_until_a_reserve_refresh_lifts_it() {
    let mut world = fallen(150.0);
    let reserve = &mut world.reserves[SOL as usize];
    reserve.halt = Halt { until: world.now + 60, tier: 1, ..Halt::default() };
    reserve.judge_price();
    assert_eq!(reserve.price.condition(world.now), Condition::Moving);
    let borrow = |world: &mut World| world.act(USER, |ledger, account| ledger.borrow(account, USDC, 1)).map(drop);
    assert_eq!(borrow(&mut world), Err(Error::InitialHealthTooLow));
    world.now += 60;
    world.act(0, |ledger, _| ledger.refresh_reserve(SOL)).unwrap().unwrap();
    assert_eq!(borrow(&mut world), Ok(()));
}

#[test]
fn a_pause_replaces_the_one_before() {
    let mut pause = Pause::default();
    pause.begin(Action::Withdraw.pause_bit(), START).unwrap();
    pause.begin(Action::Borrow.pause_bit(), START).unwrap();
    assert!(pause.stops(Action::Borrow.pause_bit(), START) && !pause.stops(Action::Withdraw.pause_bit(), START));
}

#[test]
fn an_insurance_holds_no_more_than_a_reserve_may() {
    let mut world = World::new(1);
    let put = |world: &mut World, amount| world.act_on_stake(0, USDC, |ledger, stake| ledger.stake(stake, amount));
    assert_eq!(put(&mut world, MAX_LIQUIDITY + 1), Err(Error::AmountTooLarge));
    put(&mut world, MAX_LIQUIDITY).unwrap();
}

/// Rates follow the books at once.
#[test]
fn income_that_leaves_or_enters_the_books_moves_the_rates() {
    let mut world = fallen(150.0);
    (usdc(&mut world).config.flash_enabled, usdc(&mut world).config.flash_fee) = (1, Bps(500));
    let assert_current = |world: &World| {
        let mut current = world.reserves[USDC as usize];
        current.update_rates();
        assert_eq!(current, world.reserves[USDC as usize]);
    };
    world.act(0, |ledger, _| ledger.begin_flash_loan(USDC, 50_000 * ONE_USDC)).unwrap();
    world.act(0, |ledger, _| ledger.end_flash_loan(USDC)).unwrap();
    assert_eq!((usdc(&mut world).flash_loan, usdc(&mut world).flash_fee), (0, 0));
    assert_current(&world);
    world.act(0, |ledger, _| ledger.refresh_reserve(USDC)).unwrap();
    assert_eq!(usdc(&mut world).claimable, 2_500 * ONE_USDC);
    assert_current(&world);
}

#[test]
fn a_reserves_own_liquidation_window_fills() {
    let mut world = fallen(110.0);
    world.reserves[SOL as usize].config.breakers.liquidation_hour = 1_000;
    liquidate(&mut world, EVERYTHING).unwrap();
    assert_eq!(liquidate(&mut world, EVERYTHING).map(drop), Err(Error::LiquidationThrottled));
}

#[test]
fn near_insolvency_begins_at_its_limit() {
    // 9,500 for 9,000: 555 basis points of equity.
    for (near, is_throttled) in [(554, true), (555, false)] {
        let mut world = fallen(95.0);
        (world.market.config.liquidation_hour, world.market.config.near_insolvency) = (100, Bps(near));
        assert_eq!(liquidate(&mut world, EVERYTHING).unwrap().seized < 2 * ONE_SOL, is_throttled);
    }
}

#[test]
fn an_account_is_liquidatable_since_it_was_seen_until_it_is_healed() {
    let mut world = fallen(110.0);
    world.accounts[USER].record_liquidatable(world.now - 3_600);
    world.accounts[USER].record_liquidatable(world.now);
    assert_eq!(world.accounts[USER].liquidatable_since, world.now - 3_600);
    assert!(liquidate(&mut world, EVERYTHING).unwrap().after.is_healthy());
    assert_eq!((world.accounts[USER].liquidatable_since, world.accounts[USER].liquidatable_seen), (0, 0));
}

#[test]
fn losses_of_the_insurance_count_and_add_up_until_governance_resumes() {
    let mut world = fallen(150.0);
    world.act_on_stake(LENDER, USDC, |ledger, stake| ledger.stake(stake, 20_000 * ONE_USDC)).unwrap();
    world.reserves[SOL as usize].deposit_index = Index::ZERO;
    world.market.config.loss_limit = 8_999;
    let done = world.act(USER, |ledger, account| ledger.settle_bad_debt(account, USDC)).unwrap();
    assert!(done.tripped && !done.loss.is_socialised());
    // Right to 2^-18.
    assert!(world.market.losses.used > UsdE8(899_995_000_000));
    world.market.resume(true, world.now).unwrap();
    assert_eq!((world.market.reduce_only, world.market.losses.used), (0, UsdE8::ZERO));
}

#[test]
fn a_reserve_refresh_drains_the_windows() {
    let mut world = fallen(150.0);
    usdc(&mut world).config.breakers.outflow_hour = 3_600_000;
    world.market.config.outflow_hour = 1;
    let full = Outflow { hour: 3_600_000, day: 0, updated: world.now };
    (usdc(&mut world).outflow, world.market.outflow) = (full, full);
    (usdc(&mut world).config.breakers.liquidation_hour, world.market.config.liquidation_hour) = (1, 1);
    world.market.config.loss_limit = 1;
    let used = RateLimit { used: UsdE8(100_000_000), updated: world.now };
    (usdc(&mut world).liquidated, world.market.liquidated, world.market.losses) = (used, used, used);
    world.now += 3_600;
    world.act(0, |ledger, _| ledger.refresh_reserve(USDC)).unwrap();
    let empty = Outflow { updated: world.now, ..Outflow::default() };
    assert_eq!((usdc(&mut world).outflow, world.market.outflow), (empty, empty));
    assert_eq!((usdc(&mut world).liquidated.used, world.market.liquidated.used), (UsdE8::ZERO, UsdE8::ZERO));
    assert_eq!(world.market.losses.used, UsdE8(100_000_000 - 100_000_000 / 86_400 * 3_600));
}

/// What comes of a token is credit for what goes of the same: no more than went, and of no other.
#[test]
fn what_comes_in_is_credit_for_the_same_token_alone() {
    let mut world = fallen(150.0);
    let dollars = |dollars: i64| dollars * 100_000_000 - dollars * 10_000..dollars * 100_000_000 + 1;
    world.market.config.outflow_hour = 1_000_000;
    world.now += 3_600;
    world.refresh_all();
    world.deposit(LENDER, USDC, 1_000 * ONE_USDC);
    world.deposit(2, SOL, 6_000 * ONE_SOL);
    assert_eq!(world.market.outflow.hour, 0, "nothing has left");
    // The first thousand came just before. The SOL are worth 900,000 USD and no credit for more.
    world.borrow(USER, USDC, 1_150 * ONE_USDC);
    assert!(dollars(150).contains(&world.market.outflow.hour), "{:?}", world.market.outflow);
    world.act(USER, |ledger, account| ledger.repay(account, USDC, 100 * ONE_USDC)).unwrap();
    assert!(dollars(50).contains(&world.market.outflow.hour), "{:?}", world.market.outflow);
    world.deposit(LENDER, USDC, 10_000 * ONE_USDC);
    assert_eq!(world.market.outflow.hour, 0);
    world.borrow(USER, USDC, 50 * ONE_USDC);
    assert_eq!(world.market.outflow.hour, 0);
}

#[test]
fn a_small_deposit_is_one_of_few_atoms_not_of_few_shares() {
    let mut world = fallen(150.0);
    let reserve = usdc(&mut world);
    reserve.deposit_index = Index::from_bits(2 << 64);
    reserve.cash *= 3;
    (reserve.config.breakers.small_deposit, reserve.config.breakers.outflow_hour) = (100_000 * ONE_USDC, ONE_USDC);
    let most = ONE_USDC * 3 / 4;
    let refused = world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, most + 1)).map(drop);
    assert_eq!(refused, Err(Error::HourlyOutflowLimitReached));
}

/// What only the matrix refuses, through the actions themselves.
#[test]
fn the_states_refuse_flash_loans_stakes_and_fees() {
    let world = || {
        let mut world = fallen(150.0);
        usdc(&mut world).config.flash_enabled = 1;
        usdc(&mut world).claimable = 1;
        usdc(&mut world).insurance.earn(10);
        usdc(&mut world).insurance.staked = 10;
        world
    };
    let flash = |world: &mut World| world.act(0, |ledger, _| ledger.begin_flash_loan(USDC, 1)).map(drop);
    let collect = |world: &mut World| world.act(0, |ledger, _| ledger.collect_fees(USDC)).map(drop);
    let put = |world: &mut World| world.act_on_stake(0, USDC, |ledger, stake| ledger.stake(stake, 10)).map(drop);
    let take = |world: &mut World| {
        let free = Stake { shares: Shares(1), asked_for: Shares(1), free_from: world.now, ..Stake::default() };
        world.stakes[0][USDC as usize] = free;
        world.act_on_stake(0, USDC, |ledger, stake| ledger.unstake(stake)).map(drop)
    };
    for action in [flash, collect, put, take] {
        assert_eq!(action(&mut world()), Ok(()));
    }
    let mut open = world();
    flash(&mut open).unwrap();
    for action in [flash, collect, put] {
        assert_eq!(action(&mut open), Err(Error::FlashLoanOpen));
    }
    let mut halted = world();
    usdc(&mut halted).halt = Halt { until: i64::MAX, tier: 2, ..Halt::default() };
    for action in [flash, collect, put, take] {
        assert_eq!(action(&mut halted), Err(Error::ReserveHalted));
    }
    let mut reduced = world();
    reduced.market.reduce_only = 1;
    assert_eq!((flash(&mut reduced), put(&mut reduced)), (Err(Error::MarketReduceOnly), Ok(())));
    let mut wiped_out = world();
    usdc(&mut wiped_out).deposit_index = Index::ZERO;
    for action in [flash, put] {
        assert_eq!(action(&mut wiped_out), Err(Error::ReserveWipedOut));
    }
    let mut paused = world();
    let bits = Action::Unstake.pause_bit() | Action::BeginFlashLoan.pause_bit();
    paused.market.pause.begin(bits, paused.now).unwrap();
    assert_eq!(
        (flash(&mut paused), take(&mut paused), put(&mut paused)),
        (Err(Error::Paused), Err(Error::Paused), Ok(()))
    );
}

/// Who deposits a lot does not open the windows for longer than a period.
#[test]
fn credit_expires_within_its_period() {
    let limits = OutflowLimits { hour: 3_600_000, day: 86_400_000 };
    let mut window = Outflow { updated: START, ..Outflow::default() };
    window.pay_in(&limits, CappedAtoms::new(1_000_000_000_000), START);
    for half_hours in 1..=12 {
        window.drain(&limits, START + half_hours * 1_800);
    }
    assert!(window.hour > -1_000_000_000_000 / 2_000, "{window:?}");
    // And what went is no more than a limit that was lowered.
    let mut full = Outflow { hour: 3_000_000, day: 0, updated: START };
    full.drain(&OutflowLimits { hour: 360_000, day: 0 }, START + 1_800);
    assert_eq!(full.hour, 180_000);
}

/// An account near insolvency is exempt from a limit; it does not keep all others waiting.
#[test]
fn exempt_liquidations_fill_a_window_and_no_more() {
    let mut window = RateLimit { used: UsdE8(1_000_000), updated: START };
    assert_eq!(window.remaining(UsdE8(7_200), Period::Hour, START), UsdE8(0));
    assert_eq!(window.remaining(UsdE8(7_200), Period::Hour, START + 1_800), UsdE8(3_600));
    // Who looks at it every minute does not keep it full.
    let mut refreshed = RateLimit { used: UsdE8(1_000_000), updated: START };
    (1..=30).for_each(|minutes| refreshed.drain(UsdE8(7_200), Period::Hour, START + minutes * 60));
    assert_eq!(refreshed.remaining(UsdE8(7_200), Period::Hour, START + 1_800), UsdE8(3_600));
}

/// Tokens that come and go leave the market's window where it was, whether their price moves between or is old.
#[test]
fn a_round_trip_leaves_the_markets_window_where_it_was() {
    let mut world = fallen(150.0);
    world.market.config.outflow_hour = 10_000_000;
    world.now += 1;
    world.borrow(USER, USDC, 100 * ONE_USDC);
    let level = world.market.outflow.hour;
    assert!(level > 0);
    let round_trip = |world: &mut World| {
        world.deposit(2, SOL, 1_000 * ONE_SOL);
        let mut update = common::update(SOL, world.prices[SOL as usize] * 2, world.now);
        update.ema_price = update.price;
        world.publish(SOL, &update).unwrap();
        world.act(2, |ledger, account| ledger.withdraw(account, SOL, EVERYTHING)).unwrap();
    };
    round_trip(&mut world);
    assert_eq!(world.market.outflow.hour, level, "{:?}", world.market.outflow);
    world.now += 1_000;
    for _ in 0..20 {
        round_trip(&mut world);
    }
    assert!(world.market.outflow.hour <= level, "{:?}", world.market.outflow);
}

#[test]
fn a_reserve_refresh_does_not_lift_a_halt_while_the_price_is_still_away() {
    let mut world = fallen(150.0);
    let reserve = &mut world.reserves[SOL as usize];
    (reserve.config.breakers.tiers, reserve.config.breakers.halt_seconds) = ([500, 1_000, 2_000].map(Bps), 60);
    reserve.config.oracle.reference_speed = Bps(100);
    let price = world.prices[SOL as usize];
    world.set_price(SOL, price);
    world.set_price(SOL, price * 3 / 4);
    let halt = world.reserves[SOL as usize].halt;
    assert_eq!(halt.tier, 3);
    world.now = halt.until;
    assert_eq!(world.act(0, |ledger, _| ledger.refresh_reserve(SOL)), Ok(Some(BreakerEvent::Tripped)));
    assert!(world.reserves[SOL as usize].halt.is_frozen(world.now));
    // An old price says nothing any more.
    world.now = world.reserves[SOL as usize].halt.until + 600;
    assert_eq!(world.act(0, |ledger, _| ledger.refresh_reserve(SOL)), Ok(Some(BreakerEvent::Lifted)));
}

#[test]
fn what_fees_in_the_books_bear_trips_no_breaker() {
    let mut world = fallen(150.0);
    world.deposit(USER, SOL, 10_000 * ONE_SOL);
    world.borrow(USER, USDC, 91_000 * ONE_USDC);
    // Nothing unlent: fees cannot be set aside.
    world.now += 31_536_000;
    world.refresh_all();
    world.reserves[SOL as usize].deposit_index = Index::ZERO;
    world.market.config.loss_limit = 1;
    let mut small = world.clone();
    // All but a little of the debt is somebody else's.
    let shares = small.accounts[USER].shares(USDC, Side::Debt).unwrap();
    small.accounts[2] = small.accounts[USER];
    let slot = |account: &ballast_engine::state::account::MarginAccount| account.find(USDC, Side::Debt).unwrap();
    let (of_user, of_other) = (slot(&small.accounts[USER]), slot(&small.accounts[2]));
    small.accounts[USER].positions[of_user].shares = Shares(shares.0 / 100);
    small.accounts[2].positions[of_other].shares = Shares(shares.0 - shares.0 / 100);
    let done = small.act(USER, |ledger, account| ledger.settle_bad_debt(account, USDC)).unwrap();
    assert!(done.loss.rest > 0 && !done.loss.is_socialised() && !done.tripped, "{done:?}");
}

#[test]
fn a_reserve_refresh_leaves_lenders_most_of_the_cash() {
    let mut world = fallen(150.0);
    world.deposit(USER, SOL, 10_000 * ONE_SOL);
    world.borrow(USER, USDC, 90_900 * ONE_USDC);
    world.now += 31_536_000;
    world.act(0, |ledger, _| ledger.refresh_reserve(USDC)).unwrap();
    assert_eq!((usdc(&mut world).cash, usdc(&mut world).claimable), (75 * ONE_USDC, 25 * ONE_USDC));
}

#[test]
fn pauses_of_two_days_do_not_meet() {
    let mut pause = Pause::default();
    let borrow = Action::Borrow.pause_bit();
    for hour in [0, 18, 23] {
        pause.begin(borrow, START + hour * 3_600).unwrap();
    }
    assert_eq!(pause.begin(borrow, START + 34 * 3_600), Err(Error::TooManyPauses));
    pause.begin(borrow, START + 35 * 3_600).unwrap();
}
