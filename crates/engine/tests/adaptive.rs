//! Risk that adapts: the estimators against floats on real prices, the ramp and the haircuts as properties, and every
//! reason for which their parameters are refused.

mod common;

use std::{io::Read, path::PathBuf};

use ballast_engine::{
    Error,
    exposure::{CLASSES, Exposures, ValueAtRiskConfig},
    health::{Requirement, weighted},
    interest::{Controller, ControllerConfig},
    margin::{MarginAccount, Mode},
    price::{PriceUpdate, Quote},
    reserve::{Reserve, ReserveConfig},
    units::{Bps, Rate, Usd},
    volatility::{DECAY, MAX_DEVIATIONS, MAX_INTERVAL, MIN_INTERVAL, Volatility},
    weights::{RiskConfig, Terms, Weights},
};
use common::{START, World, cases, market_config, reserve_config, source, update};
use proptest::prelude::*;

/// Close of each hour, and its time.
fn hourly(asset: &str) -> Vec<(i64, f64)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/prices");
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name().unwrap().to_string_lossy().starts_with(&format!("{asset}-usdt-20"))
                && path.to_string_lossy().contains("-to-2025-12-1h")
        })
        .unwrap_or_else(|| panic!("no hourly prices of {asset} in {}", folder.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    let bars = text.lines().skip(1).map(|line| {
        let cells: Vec<_> = line.split(',').collect();
        (cells[0].parse().unwrap(), cells[4].parse().unwrap())
    });
    bars.collect()
}

const YEAR: f64 = Rate::YEAR as f64;

/// The same estimate with logarithms and exponentials.
struct Exact {
    variance: f64,
}

impl Exact {
    fn new(annual: f64) -> Self {
        Self { variance: annual * annual / YEAR }
    }

    fn take(&mut self, from: f64, to: f64, elapsed: i64) {
        let seconds = elapsed.min(MAX_INTERVAL) as f64;
        let bound = self.variance.max(0.05 * 0.05 / YEAR) * seconds * (MAX_DEVIATIONS * MAX_DEVIATIONS) as f64;
        let square = (to / from).ln().powi(2).min(bound);
        let decay = (-seconds / DECAY as f64).exp();
        self.variance = decay * self.variance + (1.0 - decay) * square / seconds;
    }

    fn annual(&self) -> f64 {
        (self.variance * YEAR).sqrt()
    }
}

/// On eight years of hourly prices the estimator stays within 2.5 % of the volatility that logarithms give.
#[test]
fn volatility_tracks_a_float_reference_on_real_prices() {
    for asset in ["btc", "eth", "sol"] {
        let bars = hourly(asset);
        assert!(bars.len() > 45_000, "{asset}");
        let (mut integer, mut exact) = (Volatility::starting_at(Bps(6_000)), Exact::new(0.6));
        let (mut worst, mut last) = (0f64, None::<(i64, f64)>);
        let (mut least, mut most) = (f64::MAX, 0f64);
        for (time, close) in bars {
            assert!(integer.is_due(time));
            integer.sample((close * 1e8) as u64, time);
            if let Some((before, from)) = last {
                exact.take(from, close, time - before);
                let reference = exact.annual();
                worst = worst.max((integer.annual.0 as f64 / 1e4 / reference - 1.0).abs());
                (least, most) = (least.min(reference), most.max(reference));
            }
            last = Some((time, close));
        }
        println!("{asset}: off by {worst:.4} at most, {least:.2} to {most:.2}");
        assert!(worst < 0.025, "{asset}: {worst}");
        assert!(least < 0.4 && most > 2.0, "{asset}: a quiet day and a crash are in it");
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// One print, however absurd, raises the variance by no more than the stated factor.
    #[test]
    fn one_absurd_print_moves_volatility_by_the_stated_bound(annual in 500u16..20_000, price in 1u64..1 << 62, absurd in 1u64..1 << 62, elapsed in MIN_INTERVAL..100_000) {
        let mut estimate = Volatility::starting_at(Bps(annual));
        estimate.sample(price, START);
        let before = estimate.variance;
        estimate.sample(absurd, START + elapsed);
        let seconds = elapsed.min(MAX_INTERVAL) as f64;
        let factor = 1.0 + (64.0 - 1.0) * seconds / (DECAY as f64 + seconds);
        prop_assert!(estimate.variance as f64 <= before as f64 * factor * (1.0 + 1e-9));
        // And never below what decay leaves.
        prop_assert!(estimate.variance as f64 >= before as f64 * DECAY as f64 / (DECAY as f64 + seconds) * (1.0 - 1e-9));
    }

    /// While maintenance ramps, samples and ramp take turns: a sample waits for no more than one refresh, and the ramp for one
    /// after five minutes, whatever its speed.
    #[test]
    fn samples_and_the_ramp_take_turns(ramp in 10u16..=2_000, gaps in prop::collection::vec(1i64..400, 30..120)) {
        let mut config = reserve_config(0);
        config.risk.ramp = Bps(ramp);
        let mut reserve = Reserve::new(&config, 9, START).unwrap();
        let mut tighter = config;
        tighter.risk.cross.maintenance_asset = Bps(1);
        tighter.risk.cross.initial_asset = Bps(1);
        reserve.set_config(&tighter, START).unwrap();
        let (mut now, mut due, mut waited) = (START, 0, 0);
        for gap in gaps {
            now += gap;
            let (sampled, ramped) = (reserve.risk.volatility.sample_time, reserve.risk.ramped_until);
            let quote = Quote::new(&source(&update(0, 100_00000000, now)), None, &config.oracle, now).unwrap();
            reserve.refresh(&quote, now).unwrap();
            let (has_sampled, has_ramped) =
                (reserve.risk.volatility.sample_time != sampled, reserve.risk.ramped_until != ramped);
            prop_assert!(!(has_sampled && has_ramped && sampled != 0), "both at once");
            due = if has_sampled || now < sampled + MIN_INTERVAL { 0 } else { due + 1 };
            prop_assert!(due <= 1, "a sample waits");
            // It may save up for five minutes, and a step takes up to 4,200 ÷ 10 seconds.
            if reserve.risk.is_ramping == 0 {
                break;
            }
            waited = if has_ramped || now - ramped < 300.max(4_200 / ramp as i64 + 1) { 0 } else { waited + 1 };
            prop_assert!(waited <= 1, "the ramp waits");
        }
    }

    /// Without a new price maintenance still moves, by whoever pokes, and no faster than it may.
    #[test]
    fn poking_moves_the_ramp_without_a_price(gaps in prop::collection::vec(1i64..900, 1..40)) {
        let mut world = World::new(1);
        let mut config = world.reserves[0].config;
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(1), Bps(1));
        world.reserves[0].set_config(&config, world.now).unwrap();
        let (start, from) = (world.now, world.reserves[0].risk.weights[0].maintenance_asset.0 as i64);
        let mut earned = 600;
        for gap in gaps {
            world.now += gap;
            earned += gap.min(600);
            world.act(0, |ledger, _| ledger.poke(0)).unwrap();
            let weights = world.reserves[0].risk.weights[0];
            let moved = from - weights.maintenance_asset.0 as i64;
            let ramp = config.risk.ramp.0 as i64;
            prop_assert!(moved <= ramp * (world.now - start + 600) / 4_200, "{moved} too fast");
            prop_assert!(moved + 2 >= ramp * (earned - 1_200).max(0) / 4_200 || weights.maintenance_asset.0 == 1, "{moved} too slow");
            prop_assert!(weights.initial_asset <= weights.maintenance_asset);
        }
    }

    /// Against floats: within 2^-17 of the largest class's own, and a hundredth of a cent.
    #[test]
    fn value_at_risk_is_the_floats(
        values in prop::collection::vec((0usize..CLASSES, 0u64..1 << 40, 1u16..40_000, any::<bool>()), 1..17),
        correlations in prop::array::uniform10(-9_000i16..=10_000),
        multiple in 1u16..=60_000,
        horizon in 60u32..=2_592_000,
    ) {
        let mut config = ValueAtRiskConfig { multiple: Bps(multiple), horizon, ..ValueAtRiskConfig::default() };
        let mut next = correlations.iter();
        for k in 0..CLASSES {
            config.correlations[k][k] = 10_000;
            for l in 0..k {
                let correlation = *next.next().unwrap();
                (config.correlations[k][l], config.correlations[l][k]) = (correlation, correlation);
            }
        }
        prop_assert_eq!(config.validate(), Ok(()));
        let (mut exposures, mut exact) = (Exposures::default(), [0f64; CLASSES]);
        for (class, value, volatility, is_debt) in values {
            // 10^-8 USD: up to 280 million dollars.
            let value = Usd((value as u128) << 15);
            exposures.add(class as u8, Bps(volatility), value, is_debt);
            let sign = if is_debt { -1.0 } else { 1.0 };
            exact[class] += sign * value.0 as f64 * volatility as f64 / 1e4;
        }
        let mut variance = 0.0;
        for k in 0..CLASSES {
            for l in 0..CLASSES {
                variance += exact[k] * exact[l] * config.correlations[k][l] as f64 / 1e4;
            }
        }
        let z = multiple as f64 / 1e4 * (horizon as f64 / YEAR).sqrt();
        let at_risk = z * variance.max(0.0).sqrt();
        let gross = z * exact.iter().map(|class| class.abs()).fold(0.0, f64::max);
        let computed = exposures.value_at_risk(&config).0 as f64;
        prop_assert!((computed - at_risk).abs() <= gross * 2f64.powi(-17) + 1e4, "{} instead of {}", computed, at_risk);
    }
}

// The ramp.

/// What can happen within an hour without the price moving.
#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    Refresh,
    Configure(Box<ReserveConfig>),
    Deposit(u64),
    Withdraw,
}

fn risky_config() -> impl Strategy<Value = ReserveConfig> {
    let weights = (0u16..8_000, 0u16..1_000, 10_000u16..12_000, 0u16..2_000);
    let sizes = (0u32..3, 0u32..3, 0u16..4_000, 0u16..4_000);
    let others = (10_000u16..=50_000, 10u16..=2_000, 0u16..10_000, 0u16..5_000);
    (weights, sizes, others).prop_map(
        |((asset, gap, liability, more), (market, position, size, place), (multiple, ramp, reference, slope))| {
            let mut config = reserve_config(1);
            config.risk.cross = Weights {
                initial_asset: Bps(asset),
                maintenance_asset: Bps((asset + gap).min(8_200)),
                initial_liability: Bps(liability + more),
                maintenance_liability: Bps(liability),
            };
            config.risk.ramp = Bps(ramp);
            (config.risk.market_depth, config.risk.max_market_haircut) =
                (market * 20_000, Bps(if market == 0 { 0 } else { size }));
            (config.risk.position_depth, config.risk.max_position_haircut) =
                (position * 500, Bps(if position == 0 { 0 } else { place }));
            (config.risk.reference_volatility, config.risk.volatility_slope) = (Bps(reference), Bps(slope));
            config.risk.max_volatility_haircut = Bps(3_000);
            config.oracle.confidence_multiple = Bps(multiple);
            config.validate().unwrap();
            config
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1i64..900).prop_map(Event::Wait),
        4 => Just(Event::Refresh),
        2 => risky_config().prop_map(|config| Event::Configure(Box::new(config))),
        1 => (1u64..1 << 45).prop_map(Event::Deposit),
        1 => Just(Event::Withdraw),
    ]
}

/// Price and confidence as they are, published now.
fn again(world: &mut World, reserve: u8) {
    let price = world.prices[reserve as usize];
    let mut update = update(reserve, price, world.now);
    update.confidence = price as u64 / 50;
    world.publish(reserve, &update).unwrap();
}

/// The reserve of the ramp's properties.
const RESERVE: u8 = 1;

/// Lets an event happen; account 1 moves the deposits.
fn happen(world: &mut World, event: Event) {
    match event {
        Event::Wait(seconds) => world.now += seconds,
        Event::Refresh if world.reserves[RESERVE as usize].price.publish_time < world.now => again(world, RESERVE),
        Event::Refresh => {}
        Event::Configure(config) => world.act(0, |ledger, _| common::configure(ledger, RESERVE, &config)).unwrap(),
        // A refused one changes nothing.
        Event::Deposit(amount) => drop(world.act(1, |ledger, account| ledger.deposit(account, RESERVE, amount))),
        Event::Withdraw => drop(world.act(1, |ledger, account| ledger.withdraw(account, RESERVE, u64::MAX))),
    }
}

proptest! {
    #![proptest_config(cases(1_500))]

    /// While the price stands still, nothing that anyone does moves a deposit's maintenance value down, or a debt's up, by
    /// more than the fastest ramp of an hour: R of the asset's value for its weight, R for the confidence multiple, R of
    /// itself for the position's depth, and 20 % of R a debt.
    #[test]
    fn no_act_moves_maintenance_faster_than_the_ramp_i12(start in risky_config(), events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::with([reserve_config(0), start, reserve_config(2), reserve_config(3)], 2);
        let amount = 10_000_000_000;
        world.deposit(0, RESERVE, amount);
        world.now += 1;
        again(&mut world, RESERVE);
        let value = |world: &World, is_debt| {
            weighted(&world.reserves[RESERVE as usize], amount, is_debt, Terms::Cross, Requirement::Maintenance).0 as f64
        };
        let worth = |world: &World| amount as f64 * world.reserves[RESERVE as usize].price.spot.0 as f64
            * 2f64.powi(-(world.reserves[RESERVE as usize].price.shift as i32)) * 1e4;
        let mut history = vec![(world.now, value(&world, false), value(&world, true))];
        let mut fastest = start.risk.ramp.0;
        for event in events {
            happen(&mut world, event);
            fastest = fastest.max(world.reserves[RESERVE as usize].config.risk.ramp.0);
            history.push((world.now, value(&world, false), value(&world, true)));
        }
        let (ramp, worth) = (fastest as f64 / 1e4, worth(&world));
        for (index, (time, collateral, debt)) in history.iter().enumerate() {
            for (later, less, more) in &history[index..] {
                if later - time > 3_600 {
                    break;
                }
                let lost = (collateral - less) / worth;
                let gained = (more - debt) / worth;
                // Weight, multiple (a confidence of 2 % times five ramps), and depth: a hundredth of itself a step.
                prop_assert!(lost <= ramp * (1.0 + 0.1 + 1.0) + 3e-4, "a deposit lost {lost} in {} s, ramp {ramp}", later - time);
                prop_assert!(gained <= ramp * (1.0 + 0.1 * 1.2 * 1.2) + 3e-4, "a debt gained {gained}, ramp {ramp}");
            }
        }
    }

    /// New risk is never judged more kindly than maintenance, whatever the parameters and however far they have ramped.
    #[test]
    fn initial_terms_are_never_looser_than_maintenance_i13(start in risky_config(), events in prop::collection::vec(event(), 1..40), amount in 1u64..1 << 50) {
        let mut world = World::with([reserve_config(0), start, reserve_config(2), reserve_config(3)], 2);
        world.deposit(0, RESERVE, 10_000_000_000);
        for event in events {
            happen(&mut world, event);
            let value = |is_debt, requirement| weighted(&world.reserves[RESERVE as usize], amount, is_debt, Terms::Cross, requirement);
            prop_assert!(value(false, Requirement::Initial) <= value(false, Requirement::Maintenance));
            prop_assert!(value(true, Requirement::Initial) >= value(true, Requirement::Maintenance));
        }
    }

    /// More collateral never counts for less.
    #[test]
    fn a_larger_deposit_never_counts_for_less_i14(config in risky_config(), one in 1u64..1 << 50, more in 0u64..1 << 50) {
        let mut world = World::with([reserve_config(0), config, reserve_config(2), reserve_config(3)], 1);
        world.now += 1;
        again(&mut world, RESERVE);
        for requirement in [Requirement::Initial, Requirement::Maintenance] {
            let value = |amount| weighted(&world.reserves[RESERVE as usize], amount, false, Terms::Cross, requirement);
            prop_assert!(value(one) <= value(one + more));
        }
    }

    /// The slow reference moves by its speed and no faster, and stays between where it was and the price.
    #[test]
    fn the_slow_reference_follows_by_its_speed(speed in 1u16..=10_000, prices in prop::collection::vec((1i64..1 << 40, 1i64..8_000, -10i32..=-4), 2..30)) {
        let mut config = reserve_config(1);
        config.oracle.reference_speed = Bps(speed);
        config.oracle.max_ema_divergence = Bps(5_000);
        let mut reserve = Reserve::new(&config, 9, START).unwrap();
        let mut now = START;
        let mut last: Option<f64> = None;
        for (price, seconds, exponent) in prices {
            now += seconds;
            let update = PriceUpdate { exponent, ..update(1, price, now) };
            let Ok(quote) = Quote::new(&source(&update), None, &config.oracle, now) else { continue };
            reserve.refresh(&quote, now).unwrap();
            let scale = 10f64.powi(exponent);
            let held = reserve.price.reference as f64 * 2f64.powi(-(reserve.price.reference_bits as i32)) * scale;
            let spot = price as f64 * scale;
            if let Some(before) = last {
                let step = before * speed as f64 / 1e4 * (seconds.min(3_600) as f64 / 3_600.0);
                let expected = spot.clamp(before - step, before + step);
                prop_assert!((held / expected - 1.0).abs() < 1e-6, "{} instead of {}", held, expected);
            }
            last = Some(held);
        }
    }
}

// Interest.

/// Thirty days of a reserve whose borrowers want 95 % of it at a rate of 5 %, a point less for each point of rate above,
/// and get there by a twentieth an hour.
fn thirty_days(config: ControllerConfig) -> Vec<f64> {
    let mut settings = reserve_config(0);
    settings.curve = ballast_engine::interest::RateCurve::new(&[(0, 0), (8_000, 800), (10_000, 6_000)]).unwrap();
    settings.controller = config;
    let mut reserve = Reserve::new(&settings, 6, START).unwrap();
    reserve.deposit(1_000_000_000_000).unwrap();
    let mut utilisations = Vec::new();
    for hour in 1..=720 {
        reserve.accrue(START + hour * 3_600);
        reserve.update_rates();
        let rate = reserve.borrow_rate.per_year_f64();
        let owed = reserve.debts();
        let wanted = (0.95 - (rate - 0.05).max(0.0)) * reserve.deposits() as f64;
        let wanted = owed as f64 + (wanted - owed as f64) / 20.0;
        if wanted as u64 > owed {
            let _ = reserve.borrow((wanted as u64 - owed).min(reserve.cash));
        } else {
            let shares = reserve.debt_index.shares_floor(owed - wanted as u64).unwrap();
            reserve.repay(reserve.debt_index.amount_ceil(shares), shares);
        }
        utilisations.push(reserve.utilisation().to_f64());
    }
    utilisations
}

#[test]
fn the_controller_brings_utilisation_to_its_target() {
    let off = thirty_days(ControllerConfig::default());
    let on = thirty_days(ControllerConfig {
        target: Bps(8_000),
        speed: Bps(10_000),
        lowest: Bps(2_500),
        highest: Bps(40_000),
        ..ControllerConfig::default()
    });
    let distance = |utilisations: &[f64]| {
        let last = &utilisations[600..];
        last.iter().map(|utilisation| (utilisation - 0.8).abs()).sum::<f64>() / last.len() as f64
    };
    println!("without: {:.4} from the target in the last days, with: {:.4}", distance(&off), distance(&on));
    assert!(distance(&off) > 0.025 && distance(&on) < 0.005);
}

#[test]
fn the_multiplier_stays_in_its_bounds_and_moves_by_its_speed() {
    let config = ControllerConfig {
        target: Bps(8_000),
        speed: Bps(1_000),
        lowest: Bps(5_000),
        highest: Bps(20_000),
        ..ControllerConfig::default()
    };
    let one = (1u64 << 48) as f64;
    let mut controller = Controller::new(&config);
    controller.utilisation = 1 << 32;
    controller.step(&config, 86_400);
    assert!((controller.multiplier as f64 / one - 1.1).abs() < 1e-6, "a tenth a day at full utilisation");
    for _ in 0..100 {
        controller.step(&config, 86_400);
    }
    assert!((controller.multiplier as f64 / one - 2.0).abs() < 1e-6);
    controller.utilisation = 0;
    for _ in 0..100 {
        controller.step(&config, 86_400);
    }
    assert!((controller.multiplier as f64 / one - 0.5).abs() < 1e-6);
    // A hundred seconds at a time come to the same.
    let (mut often, mut once) = (Controller::new(&config), Controller::new(&config));
    (often.utilisation, once.utilisation) = (1 << 32, 1 << 32);
    (0..36).for_each(|_| often.step(&config, 100));
    once.step(&config, 3_600);
    assert!((often.multiplier as f64 / once.multiplier as f64 - 1.0).abs() < 1e-4);
}

// Refusals.

#[test]
fn each_risk_parameter_out_of_range_has_its_own_error() {
    type Change = fn(&mut ReserveConfig);
    let cases: [(Change, Error); 12] = [
        (|config| config.risk.cross.maintenance_asset = Bps(10_001), Error::AssetWeightOutOfRange),
        (|config| config.risk.cross.maintenance_liability = Bps(9_999), Error::LiabilityWeightOutOfRange),
        (|config| config.risk.cross.initial_liability = Bps(10_000), Error::MaintenanceTighterThanInitial),
        (|config| config.risk.group_initial_asset = Bps(1), Error::GroupWeightsWithoutGroup),
        (|config| config.risk.group_id = 1, Error::GroupWeightsTighter),
        (|config| config.risk.max_volatility_haircut = Bps(10_001), Error::HaircutOutOfRange),
        (|config| config.risk.max_position_haircut = Bps(1), Error::HaircutWithoutDepth),
        (|config| config.risk.ramp = Bps(9), Error::RampOutOfRange),
        (|config| config.risk.class = 5, Error::ClassOutOfRange),
        (|config| config.controller.speed = Bps(1), Error::ControllerOutOfRange),
        (|config| config.oracle.reference_speed = Bps(10_001), Error::OracleLimitOutOfRange),
        (|config| config.risk.isolated.initial_asset = Bps(1), Error::LiabilityWeightOutOfRange),
    ];
    for (change, error) in cases {
        let mut config = reserve_config(1);
        change(&mut config);
        assert_eq!(config.validate(), Err(error));
    }
    let refused = |change: fn(&mut ValueAtRiskConfig)| {
        let mut config = market_config();
        config.value_at_risk.multiple = Bps(1);
        config.value_at_risk.horizon = 60;
        (0..CLASSES).for_each(|class| config.value_at_risk.correlations[class][class] = 10_000);
        assert_eq!(config.validate(), Ok(()));
        change(&mut config.value_at_risk);
        config.validate().unwrap_err()
    };
    assert_eq!(refused(|config| config.correlations[1][1] = 0), Error::CorrelationOutOfRange);
    assert_eq!(refused(|config| config.correlations[1][2] = 1), Error::CorrelationsNotSymmetric);
    assert_eq!(refused(|config| config.horizon = 2_592_001), Error::ValueAtRiskOutOfRange);
}

#[test]
fn terms_in_use_cannot_be_taken_away() {
    let mut world = World::new(2);
    let mut config = reserve_config(1);
    config.risk = RiskConfig { isolated: config.risk.cross, ..config.risk };
    world.act(0, |ledger, _| common::configure(ledger, 1, &config)).unwrap();
    let withdrawn = world.act(0, |ledger, _| common::configure(ledger, 1, &reserve_config(1)));
    assert_eq!(withdrawn, Err(Error::IsolatedWeightsWithdrawn));
    world.deposit(0, 1, 1_000_000_000);
    config.risk.group_id = 1;
    (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(7_500), Bps(8_200));
    assert_eq!(world.act(0, |ledger, _| common::configure(ledger, 1, &config)), Err(Error::GroupInUse));
}

/// Or no liquidation would improve health until the weight has come down.
#[test]
fn a_penalty_waits_for_the_weights_in_force() {
    let mut world = World::new(1);
    let mut config = reserve_config(1);
    (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(5_000), Bps(5_000));
    config.max_penalty = Bps(2_500);
    assert_eq!(config.validate(), Ok(()));
    assert_eq!(world.act(0, |ledger, _| common::configure(ledger, 1, &config)), Err(Error::PenaltyOutOfRange));
    let lower = ReserveConfig { max_penalty: Bps(1_500), ..config };
    world.act(0, |ledger, _| common::configure(ledger, 1, &lower)).unwrap();
    for _ in 0..100 {
        world.now += 600;
        again(&mut world, 1);
    }
    world.act(0, |ledger, _| common::configure(ledger, 1, &config)).unwrap();
}

#[test]
fn accounts_open_in_a_mode_that_is_offered() {
    let mut world = World::new(1);
    let mut config = reserve_config(1);
    config.risk.isolated = config.risk.cross;
    world.act(0, |ledger, _| common::configure(ledger, 1, &config)).unwrap();
    let open = |mode: u8, collateral, debt| MarginAccount::open(mode, collateral, debt, &world.reserves);
    assert_eq!(open(2, 0, 0).unwrap_err(), Error::AccountModeInvalid);
    assert_eq!(open(Mode::Isolated as u8, 1, 0).unwrap_err(), Error::IsolationNotOffered);
    assert_eq!(open(Mode::Cross as u8, 0, 0).unwrap().mode, 0);
    let mut lone = MarginAccount { mode: 1, isolated_collateral: 1, isolated_debt: 0, ..MarginAccount::default() };
    let added = lone.add(2, ballast_engine::margin::Side::Deposit, ballast_engine::units::Shares(1));
    assert_eq!(added, Err(Error::IsolatedAccount));
}
