//! No input makes the engine panic (invariant 11), and parameters are accepted exactly in their stated ranges.
//! The test profile checks for overflow.

use crate::common::{
    self, AUTHORITY, START, World, cases, feed, lend, market_config, reserve_config, restricted_config, source,
};
use ballast_engine::{
    Error,
    health::{
        Requirement,
        account::{health, maintenance_and_equity},
        report::HealthReport,
    },
    ledger::Ledger,
    number::units::{Bps, MAX_LIQUIDITY, Shares},
    price::{
        cache::PriceCache,
        feed::{PriceUpdate, Quote},
    },
    record::layout::Address,
    state::{
        account::MarginAccount,
        breakers::BreakerConfig,
        insurance::InsuranceConfig,
        interest::{MAX_POINTS, RateCurve, RatePoint},
        market::{Market, MarketConfig},
        reserve::{Reserve, ReserveConfig},
    },
};
use proptest::prelude::*;

/// Any number, small and extreme ones more often.
fn amount() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![
        2 => (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
        1 => prop::sample::select(vec![0, 1, 2, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX]),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => START..START + 4_000_000_000, 1 => any::<i64>(), 1 => prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX])]
}

/// Updates in the stated ranges and outside them.
fn update() -> impl Strategy<Value = PriceUpdate> {
    let exponent = prop_oneof![6 => -18i32..=0, 1 => -30i32..30, 1 => any::<i32>()];
    let number = || prop_oneof![6 => amount().prop_map(|number| (number >> 1) as i64), 1 => any::<i64>()];
    (0u8..5, number(), number(), amount(), exponent, time(), 0u64..3_000).prop_map(
        |(reserve, price, ema, confidence, exponent, publish_time, bps)| {
            // Mostly such that the price is taken.
            let (ema_price, confidence) =
                if bps < 2_500 { (price, (price as i128 * bps as i128 / 20_000) as u64) } else { (ema, confidence) };
            PriceUpdate {
                feed_id: feed(reserve.min(3)).0,
                price,
                confidence,
                exponent,
                publish_time,
                prev_publish_time: publish_time.saturating_sub(1),
                ema_price,
            }
        },
    )
}

/// One call of the ledger with anything in it.
#[derive(Clone, Debug)]
enum Call {
    Deposit(u8, u64),
    Withdraw(u8, u64),
    Borrow(u8, u64),
    Repay(u8, u64),
    Liquidate(u8, u8, u64, u64),
    Receivership(u8, u8, u64, u64),
    EndLiquidation,
    Mark,
    Report,
    Settle(u8),
    Collect(u8),
    BeginFlashLoan(u8, u64),
    EndFlashLoan(u8),
    Stake(u8, u64),
    BeginUnstake(u8, u64),
    Unstake(u8),
    RefreshReserve(u8),
    Pause(u8),
    Resume(bool),
    Refresh(u8, PriceUpdate),
    Configure(u8, u8),
    Limit(u32, u32),
    /// Fills one of the records that restrict, or the insurance, or a stake in it.
    Overwrite(u8, u8, [u64; 5]),
    At(i64),
}

fn call() -> impl Strategy<Value = Call> {
    let reserve = || prop_oneof![8 => 0u8..4, 1 => any::<u8>()];
    prop_oneof![
        3 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::Deposit(reserve, amount)),
        1 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::Withdraw(reserve, amount)),
        3 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::Borrow(reserve, amount)),
        1 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::Repay(reserve, amount)),
        3 => (reserve(), reserve(), amount(), amount()).prop_map(|(debt, collateral, most, least)| Call::Liquidate(debt, collateral, most, least >> 32)),
        1 => (reserve(), reserve(), amount(), amount()).prop_map(|(debt, collateral, most, least)| Call::Receivership(debt, collateral, most, least >> 32)),
        1 => reserve().prop_map(Call::Settle),
        1 => Just(Call::Report),
        1 => reserve().prop_map(Call::Collect),
        1 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::BeginFlashLoan(reserve, amount)),
        1 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::Stake(reserve, amount)),
        1 => (reserve(), amount()).prop_map(|(reserve, amount)| Call::BeginUnstake(reserve, amount)),
        1 => reserve().prop_map(Call::Unstake),
        1 => prop_oneof![
            Just(Call::EndLiquidation), Just(Call::Mark), any::<bool>().prop_map(Call::Resume), any::<u8>().prop_map(Call::Pause),
            reserve().prop_map(Call::EndFlashLoan), reserve().prop_map(Call::RefreshReserve),
            (any::<u32>(), 0u32..32).prop_map(|(limit, shift)| Call::Limit(limit >> shift, limit)),
        ],
        2 => (any::<u8>(), 0u8..4, prop::array::uniform5(amount())).prop_map(|(record, reserve, words)| Call::Overwrite(record, reserve, words)),
        4 => (reserve(), update()).prop_map(|(reserve, update)| Call::Refresh(reserve, update)),
        1 => (reserve(), 0u8..7).prop_map(|(reserve, kind)| Call::Configure(reserve, kind)),
        2 => time().prop_map(Call::At),
    ]
}

/// Runs a call on copies and keeps them if it succeeds.
fn perform(world: &mut World, user: usize, call: &Call) -> Result<(), Error> {
    match *call {
        Call::At(now) => world.now = now,
        Call::Limit(most, least) => limit(&mut world.market.config, most, least),
        Call::Overwrite(record, reserve, words) => overwrite(world, user, record, reserve, words),
        Call::Stake(reserve, amount) => {
            world.act_on_stake(user, reserve & 3, |ledger, stake| ledger.stake(stake, amount))?;
        }
        Call::BeginUnstake(reserve, shares) => {
            world.act_on_stake(user, reserve & 3, |ledger, stake| ledger.begin_unstake(stake, Shares(shares)))?;
        }
        Call::Unstake(reserve) => {
            world.act_on_stake(user, reserve & 3, |ledger, stake| ledger.unstake(stake))?;
        }
        _ => world.act(user, |ledger, account| perform_on(ledger, account, call))?,
    }
    Ok(())
}

fn perform_on(ledger: &mut Ledger<'_>, account: &mut MarginAccount, call: &Call) -> Result<(), Error> {
    match *call {
        Call::Deposit(reserve, amount) => lend(ledger, account, reserve, amount).map(drop),
        Call::Withdraw(reserve, amount) => ledger.withdraw(account, reserve, amount).map(drop),
        Call::Borrow(reserve, amount) => ledger.borrow(account, reserve, amount).map(drop),
        Call::Repay(reserve, amount) => ledger.repay(account, reserve, amount).map(drop),
        Call::Liquidate(debt, collateral, most, least) => {
            ledger.liquidate(account, debt, collateral, most, least).map(drop)
        }
        Call::Receivership(debt, collateral, most, least) => {
            ledger.begin_liquidation(account, debt, collateral, most, least).map(drop)
        }
        Call::EndLiquidation => ledger.end_liquidation(account).map(drop),
        Call::Mark => ledger.mark_liquidatable(account).map(drop),
        Call::Report => ledger.report_loss(account).map(drop),
        Call::Settle(reserve) => ledger.settle_bad_debt(account, reserve).map(drop),
        Call::Collect(reserve) => ledger.collect_fees(reserve).map(drop),
        Call::BeginFlashLoan(reserve, amount) => ledger.begin_flash_loan(reserve, amount).map(drop),
        Call::EndFlashLoan(reserve) => ledger.end_flash_loan(reserve).map(drop),
        Call::RefreshReserve(reserve) => ledger.refresh_reserve(reserve).map(drop),
        Call::Pause(actions) => ledger.market.pause.begin(actions, ledger.now),
        Call::Resume(is_governance) => ledger.market.resume(is_governance, ledger.now),
        Call::Refresh(reserve, ref update) => ledger.refresh_price(reserve, &source(update), None).map(drop),
        Call::Configure(reserve, kind) => common::configure(ledger, reserve, &configured(reserve, kind)),
        _ => unreachable!("no call of the ledger: {call:?}"),
    }
}

fn limit(config: &mut MarketConfig, most: u32, least: u32) {
    (config.outflow_hour, config.outflow_day, config.liquidation_hour) = (least, most, least);
    (config.loss_limit, config.full_penalty_after) = (most, most);
    config.near_insolvency = Bps((least % 2_001) as u16);
}

/// No record panics, whatever is in it, though none of this can come to be.
fn overwrite(world: &mut World, user: usize, record: u8, reserve: u8, words: [u64; 5]) {
    fn record_of<T: bytemuck::Pod>(words: &[u64; 5]) -> T {
        bytemuck::pod_read_unaligned(&bytemuck::bytes_of(words)[..size_of::<T>()])
    }
    let of_reserve = &mut world.reserves[reserve as usize];
    match record % 10 {
        0 => of_reserve.halt = record_of(&words),
        1 => (of_reserve.outflow, of_reserve.balance) = (record_of(&words), record_of(&words)),
        2 => of_reserve.liquidated = record_of(&words),
        3 => of_reserve.insurance = record_of(&words),
        4 => of_reserve.config.breakers = record_of(&words),
        5 => {
            // Shares of something are never more than it: these have to be in their range.
            let InsuranceConfig { cooldown, fee_share, penalty_share } = record_of(&words);
            let (fee_share, penalty_share) = (Bps(fee_share.0 % 10_001), Bps(penalty_share.0 % 8_001));
            of_reserve.config.insurance = InsuranceConfig { cooldown, fee_share, penalty_share };
        }
        6 => world.market.outflow = record_of(&words),
        7 => (world.market.liquidated, world.market.losses) = (record_of(&words), record_of(&words)),
        8 => world.market.pause = record_of(&words),
        _ => {
            let stake = &mut world.stakes[user][reserve as usize];
            (stake.shares, stake.asked_for) = (Shares(words[0]), Shares(words[1]));
            (stake.free_from, stake.generation) = (words[2] as i64, words[3] as u32 & 1);
        }
    }
}

/// Configurations at the ends of what is allowed.
fn configured(reserve: u8, kind: u8) -> ReserveConfig {
    let mut config = reserve_config(reserve & 3);
    match kind {
        0 => config.risk.cross.initial_liability = Bps(50_000),
        1 => {
            (config.risk.cross.initial_liability, config.risk.cross.maintenance_liability) = (Bps(50_000), Bps(50_000))
        }
        2 => config.curve = RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).unwrap(),
        3 => {
            config.breakers.tiers = [Bps(1), Bps(2), Bps(u16::MAX)];
            (config.breakers.halt_seconds, config.breakers.max_utilisation) = (14_400, Bps(1));
            (config.breakers.outflow_hour, config.breakers.outflow_day) = (u64::MAX, u64::MAX);
            (config.breakers.small_deposit, config.breakers.liquidation_hour) = (u64::MAX, u32::MAX);
        }
        4 => {
            (config.insurance.fee_share, config.insurance.penalty_share) = (Bps(10_000), Bps(8_000));
            (config.flash_enabled, config.flash_fee) = (1, Bps(500));
        }
        5 => config = restricted_config(reserve & 3),
        _ => {
            (config.risk.cross.maintenance_asset, config.max_penalty, config.oracle.feed_id) =
                (Bps(9_999), Bps(0), feed(9))
        }
    }
    config.min_penalty = config.min_penalty.min(config.max_penalty);
    config
}

/// Everything that reads.
fn read(world: &World, account: &MarginAccount) {
    for requirement in [Requirement::Initial, Requirement::Maintenance] {
        if let Ok(health) = health(account, &world.reserves, &world.market.config, world.now, requirement) {
            let _ = (health.net(), health.shortfall(), health.is_healthy());
        }
    }
    let _ = HealthReport::new(account, &world.reserves, &world.market.config, world.now);
    let _ = maintenance_and_equity(account, &world.reserves, world.now);
    for reserve in &world.reserves {
        let _ = (reserve.fees(), reserve.utilisation(), reserve.deposits(), reserve.debts());
        let _ = (reserve.debt_index_at(world.now), reserve.deposit_index_at(world.now));
        let _ = (reserve.exit_index_at(world.now), reserve.exit_worth(Shares(1)), reserve.doubtful_debts());
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn no_call_panics_i11(calls in prop::collection::vec((0usize..3, call()), 1..120), decimals in prop::array::uniform4(0u8..=18)) {
        let mut world = World::restricted(3);
        for (reserve, decimals) in world.reserves.iter_mut().zip(decimals) {
            reserve.decimals = decimals;
            reserve.price = PriceCache::default();
        }
        for (user, call) in &calls {
            let _ = perform(&mut world, *user, call);
            read(&world, &world.accounts[*user]);
        }
    }

    /// The largest debts there are at the highest price, and all that follows from them.
    #[test]
    fn the_largest_positions_are_valued_without_overflow_i11(
        amounts in prop::collection::vec((1u64 << 55)..=MAX_LIQUIDITY, 16), debts in 0usize..=16, confidence in 0i64..1_999, exponent in -9i32..=0, most_repaid in amount(),
    ) {
        let price = 10i64.pow((9 - exponent) as u32);
        let mut config = configured(0, 1);
        config.oracle.max_confidence_maintenance = Bps(2_000);
        config.oracle.max_confidence_initial = Bps(2_000);
        config.oracle.confidence_multiple = Bps(50_000);
        let mut reserve = Reserve::new(&config, 0, START).unwrap();
        let confidence = (price as i128 * confidence as i128 / 10_000) as u64;
        let update = PriceUpdate { feed_id: feed(0).0, price, confidence, exponent, publish_time: START, prev_publish_time: START - 1, ema_price: price };
        reserve.refresh(&Quote::new(&source(&update), None, &config.oracle, START).unwrap(), START).unwrap();
        let mut world = World { reserves: vec![reserve; 16], ..World::new(1) };
        let mut account = MarginAccount::default();
        for (index, amount) in amounts.iter().enumerate() {
            let record = &mut world.reserves[index];
            let shares = record.deposit(*amount).unwrap();
            let side = if index < debts { ballast_engine::state::account::Side::Debt } else { ballast_engine::state::account::Side::Deposit };
            if index < debts {
                record.borrow(*amount).unwrap();
            }
            account.add(index as u8, side, shares).unwrap();
        }
        world.now = START;
        read(&world, &account);
        let maintenance = health(&account, &world.reserves, &world.market.config, START, Requirement::Maintenance).unwrap();
        prop_assert_eq!(maintenance.net() >= 0, maintenance.is_healthy(), "net health keeps its sign");
        let mut ledger = Ledger { market: &mut world.market, reserves: &mut world.reserves, now: START };
        let _ = ledger.liquidate(&mut account, 0, 15, most_repaid.max(1), 0);
    }

    #[test]
    fn no_bytes_panic_i11(data in prop::collection::vec(any::<u8>(), 0..300), mut exact in prop::collection::vec(any::<u8>(), 134), decimals in 0u8..=18, now in time()) {
        let _ = PriceUpdate::parse(&data);
        exact[..8].copy_from_slice(&PriceUpdate::DISCRIMINATOR);
        exact[40] = PriceUpdate::FULLY_VERIFIED;
        let update = PriceUpdate::parse(&exact).unwrap();
        let mut oracle = reserve_config(0).oracle;
        oracle.feed_id = Address(update.feed_id);
        if let Ok(quote) = Quote::new(&source(&update), None, &oracle, now) {
            let _ = PriceCache::default().update(&quote, &oracle, oracle.confidence_multiple, decimals, now);
        }
    }

    #[test]
    fn no_configuration_bytes_panic_i11(bytes in prop::collection::vec(any::<u8>(), 384), fill in any::<u8>(), at in 0usize..200, value: u8) {
        let _ = bytemuck::pod_read_unaligned::<ReserveConfig>(&bytes).validate();
        let _ = bytemuck::pod_read_unaligned::<MarketConfig>(&bytes[..312]).validate();
        let _ = bytemuck::pod_read_unaligned::<BreakerConfig>(&bytes[..40]).validate();
        let mut config = reserve_config(0);
        config.deposit_cap = u64::from_le_bytes([fill; 8]);
        for (index, point) in config.curve.points.iter_mut().enumerate() {
            if index == at % MAX_POINTS {
                *point = RatePoint { rate_bps: u32::from_le_bytes([value; 4]), utilisation: Bps(u16::from_le_bytes([fill, value])), reserved: 0 };
            }
        }
        config.curve.count = value;
        let _ = config.validate();
        let _ = config.curve.points();
    }

    /// Two parameters at and around the bounds of their ranges: accepted if and only if the stated conditions hold.
    #[test]
    fn reserve_parameters_are_accepted_exactly_in_their_ranges_i11(changes in prop::collection::vec((0usize..40, -1i64..=1, any::<prop::sample::Index>()), 1..5)) {
        let mut config = reserve_config(0);
        for (field, step, bound) in changes {
            change(&mut config, field, step, bound);
        }
        prop_assert_eq!(config.validate().is_ok(), acceptable(&config), "{:?}", config.validate());
        prop_assert_eq!(Reserve::new(&config, 18, START).is_ok(), acceptable(&config));
    }

    #[test]
    fn market_parameters_are_accepted_exactly_in_their_ranges_i11(
        target in prop_oneof![10_048u16..10_053, 14_998u16..15_003, any::<u16>()], shortfall in prop_oneof![98u16..103, 4_998u16..5_003, any::<u16>()],
        dust in prop_oneof![999_998u64..1_000_002, 99_999_999_998u64..100_000_000_003, any::<u64>()],
        debt in prop_oneof![999_998u64..1_000_002, 99_999_999_998u64..100_000_000_003, any::<u64>()],
        near in prop_oneof![4 => 0u16..=2_000, 1 => 1_999u16..2_003, 1 => any::<u16>()], seconds: u32, limits in prop::array::uniform4(any::<u32>()),
    ) {
        let [liquidation_hour, outflow_hour, outflow_day, loss_limit] = limits;
        let any_goes = MarketConfig { full_penalty_after: seconds, liquidation_hour, outflow_hour, outflow_day, loss_limit, ..market_config() };
        let config = MarketConfig { near_insolvency: Bps(near), target_health: Bps(target), full_penalty_shortfall: Bps(shortfall), dust_value: dust, min_debt_value: debt, ..any_goes };
        let expected = (10_050..=15_000).contains(&target) && (100..=5_000).contains(&shortfall)
            && dust >= 1_000_000 && dust <= debt && debt <= 100_000_000_000 && near <= 2_000;
        prop_assert_eq!(config.validate().is_ok(), expected);
        prop_assert_eq!(Market::new(config, AUTHORITY).is_ok(), expected);
    }
}

/// Sets a field to one of the numbers that matter, or one beside it.
fn change(config: &mut ReserveConfig, field: usize, step: i64, bound: prop::sample::Index) {
    let pick = |bounds: &[i64]| (bounds[bound.index(bounds.len())] + step).max(0) as u64;
    let weight = || Bps(pick(&[0, 7_500, 8_200, 9_999, 10_000, 10_500, 50_000, 65_534]) as u16);
    let limit = || Bps(pick(&[0, 1, 200, 1_000, 2_000, 5_000, 10_000, 50_000]) as u16);
    let cap = || pick(&[0, 1 << 62, i64::MAX - 1]).saturating_add(pick(&[0, 1, 2]));
    let point = bound.index(3);
    match field {
        0 => config.deposit_cap = cap(),
        1 => config.borrow_cap = cap(),
        2 => config.min_deposit = pick(&[0, 1, 2]),
        3 => config.oracle.feed_id = if step == 0 { Address::NONE } else { feed(1) },
        4 => config.oracle.max_age = pick(&[0, 1, 600, 1_000]) as u32,
        5 => config.oracle.max_confidence_initial = limit(),
        6 => config.oracle.max_confidence_maintenance = limit(),
        7 => config.oracle.max_ema_divergence = limit(),
        8 => config.oracle.confidence_multiple = limit(),
        9 => config.risk.cross.initial_asset = weight(),
        10 => config.risk.cross.maintenance_asset = weight(),
        11 => config.risk.cross.initial_liability = weight(),
        12 => config.risk.cross.maintenance_liability = weight(),
        13 => config.min_penalty = Bps(pick(&[0, 300, 1_500, 2_195, 2_500, 10_000]) as u16),
        14 => config.max_penalty = Bps(pick(&[0, 300, 1_500, 2_195, 2_500, 10_000, 60_000]) as u16),
        15 => config.reserve_factor = Bps(pick(&[0, 5_000, 10_000]) as u16),
        16 => config.risk.ramp = Bps(pick(&[0, 10, 2_000, 2_001]) as u16),
        17 => config.borrow_enabled = pick(&[0, 1, 2, 254]) as u8,
        18 => config.curve.count = pick(&[0, 2, 3, 8, 9, 254]) as u8,
        19 => config.curve.points[point].rate_bps = pick(&[0, 2_000, 30_000, 100_000]) as u32,
        20 => config.curve.points[point].utilisation = Bps(pick(&[0, 8_000, 10_000]) as u16),
        21 => (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(0), Bps(0)),
        22 => config.reduce_only = pick(&[0, 1, 2, 254]) as u8,
        23 => config.flash_enabled = pick(&[0, 1, 2, 254]) as u8,
        24 => config.flash_fee = Bps(pick(&[0, 500, 60_000]) as u16),
        25 => config.insurance.cooldown = pick(&[0, 604_800, 2_592_000]) as u32,
        26 => config.insurance.fee_share = Bps(pick(&[0, 10_000, 60_000]) as u16),
        27 => config.insurance.penalty_share = Bps(pick(&[0, 8_000, 60_000]) as u16),
        28 => config.breakers.outflow_hour = pick(&[0, 360_000, 1 << 61]),
        29 => config.breakers.outflow_day = pick(&[0, 360_000, 8_640_000, 1 << 61]),
        30 => config.breakers.halt_seconds = pick(&[0, 60, 14_400, 65_534]) as u16,
        31 => config.breakers.max_utilisation = Bps(pick(&[0, 10_000, 65_534]) as u16),
        32 => config.breakers.tiers[point] = Bps(pick(&[0, 100, 200, 300, 65_534]) as u16),
        33 => config.breakers.tiers[0] = Bps(pick(&[0, 100, 200]) as u16),
        34 => config.oracle.max_skew = pick(&[0, 600, 65_534]) as u16,
        35 => config.oracle.max_rate_age = pick(&[0, 1, 86_400]) as u32,
        36 => config.oracle.base_feed_id = if step == 0 { Address::NONE } else { feed(2) },
        37 => config.risk.group_id = pick(&[0, 1, 254]) as u8,
        38 => {
            (config.oracle.max_age, config.risk.group_id) = (pick(&[60]) as u32, 1);
            config.risk.group_initial_asset = config.risk.cross.initial_asset;
            config.risk.group_maintenance_asset = config.risk.cross.maintenance_asset;
        }
        // Tiers that fit together, with a halt, to begin with.
        _ => {
            let count = bound.index(4);
            config.breakers.tiers =
                [100, 200, 300].map(|tier| if tier <= 100 * count as u16 { Bps(tier) } else { Bps(0) });
            config.breakers.halt_seconds = if count == 0 { 0 } else { pick(&[61, 600, 14_399]) as u16 };
        }
    }
}

/// The conditions as the errors state them.
fn acceptable(config: &ReserveConfig) -> bool {
    let oracle = &config.oracle;
    let weights = config.risk.cross.initial_asset <= config.risk.cross.maintenance_asset
        && config.risk.cross.maintenance_asset.0 <= 10_000
        && (10_000..=50_000).contains(&config.risk.cross.maintenance_liability.0)
        && (10_000..=50_000).contains(&config.risk.cross.initial_liability.0)
        && config.risk.cross.initial_liability >= config.risk.cross.maintenance_liability;
    let penalties = config.min_penalty <= config.max_penalty
        && config.max_penalty.0 <= 2_500
        && (config.risk.highest_asset_weight().0 as u64) * (10_000 + config.max_penalty.0 as u64) < 100_000_000;
    let limits = (1..=600).contains(&oracle.max_age)
        && oracle.max_confidence_initial.0 > 0
        && oracle.max_confidence_initial <= oracle.max_confidence_maintenance
        && oracle.max_confidence_maintenance.0 <= 2_000
        && (1..=5_000).contains(&oracle.max_ema_divergence.0)
        && (10_000..=50_000).contains(&oracle.confidence_multiple.0)
        && oracle.max_skew <= 600
        && oracle.max_rate_age <= 86_400
        && (oracle.max_rate_age == 0 || !oracle.base_feed_id.is_none());
    let risk = &config.risk;
    let group = if risk.group_id == 0 {
        risk.group_initial_asset.0 == 0 && risk.group_maintenance_asset.0 == 0
    } else {
        oracle.max_age <= 60
            && risk.group_initial_asset >= risk.cross.initial_asset
            && risk.group_maintenance_asset >= risk.cross.maintenance_asset
            && risk.group_initial_asset <= risk.group_maintenance_asset
    };
    let is_useful = config.risk.cross.maintenance_asset.0 > 0 || config.borrow_enabled == 1 || config.reduce_only == 1;
    let uses = config.borrow_enabled <= 1 && is_useful;
    let ramp = (10..=2_000).contains(&config.risk.ramp.0);
    let count = config.curve.count as usize;
    let curve = (2..=8).contains(&count)
        && {
            let points = &config.curve.points[..count];
            points[0].utilisation.0 == 0
                && points[count - 1].utilisation.0 == 10_000
                && points
                    .windows(2)
                    .all(|pair| pair[0].utilisation < pair[1].utilisation && pair[0].rate_bps <= pair[1].rate_bps)
        }
        && config.curve.points.iter().all(|point| point.rate_bps <= 100_000 && point.utilisation.0 <= 10_000);
    let breakers = &config.breakers;
    let [first, second, third] = breakers.tiers.map(|tier| tier.0);
    let tiers = match (first, second, third) {
        (0, 0, 0) => breakers.halt_seconds < 60,
        (0, ..) | (_, 0, 1..) => false,
        _ => {
            (60..=14_400).contains(&breakers.halt_seconds)
                && (second == 0 || first < second)
                && (third == 0 || second < third)
        }
    };
    let restrictions = tiers
        && (breakers.outflow_hour == 0 || (360_000..=1 << 61).contains(&breakers.outflow_hour))
        && (breakers.outflow_day == 0 || (8_640_000..=1 << 61).contains(&breakers.outflow_day))
        && breakers.max_utilisation.0 <= 10_000
        && config.reduce_only <= 1
        && config.flash_enabled <= 1
        && config.flash_fee.0 <= 500;
    let insurance = (604_800..=2_592_000).contains(&config.insurance.cooldown)
        && config.insurance.fee_share.0 <= 10_000
        && config.insurance.penalty_share.0 <= 8_000;
    !oracle.feed_id.is_none()
        && restrictions
        && group
        && insurance
        && weights
        && penalties
        && limits
        && uses
        && ramp
        && curve
        && config.reserve_factor.0 <= 5_000
        && config.deposit_cap <= 1 << 63
        && config.borrow_cap <= 1 << 63
        && config.min_deposit >= 1
}
