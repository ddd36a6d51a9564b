//! Risk that adapts: the estimators against floats on real prices, interest that seeks its target, and every reason for which
//! their parameters are refused. The ramp: ramp.rs.

use std::{io::Read, path::PathBuf};

use crate::common::{self, START, World, cases, market_config, reserve_config, source, update};
use ballast_engine::{
    Error,
    number::units::{Bps, Rate, Seconds, Usd},
    price::{
        feed::{PriceUpdate, Quote},
        volatility::{DECAY, MAX_DEVIATIONS, MAX_INTERVAL, MIN_INTERVAL, Volatility},
    },
    state::{
        account::{MarginAccount, Mode, Side},
        exposure::{CLASSES, Class, Exposures, ValueAtRiskConfig},
        interest::{Controller, ControllerConfig},
        reserve::{Reserve, ReserveConfig},
        weights::RiskConfig,
    },
};
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

/// Haircut and premium are those of the estimate after each sample, and of the parameters as soon as they change.
#[test]
fn volatility_costs_what_it_is_at_once() {
    let mut config = reserve_config(0);
    config.risk.reference_volatility = Bps(5_000);
    (config.risk.volatility_slope, config.risk.max_volatility_haircut) = (Bps(1_000), Bps(2_000));
    config.controller.volatility_premium = Bps(1_000);
    let mut reserve = Reserve::new(&config, 9, START).unwrap();
    let assert_followed = |reserve: &Reserve| {
        let (risk, controller) = (&reserve.config.risk, &reserve.config.controller);
        let excess = reserve.risk.volatility.annual.saturating_sub(risk.reference_volatility).0 as u64;
        let haircut = (excess * risk.volatility_slope.0 as u64 / 10_000).min(risk.max_volatility_haircut.0 as u64);
        assert_eq!(reserve.risk.volatility_haircut.0 as u64, haircut);
        assert_eq!(reserve.risk.weights[0].initial_asset.0 as u64, risk.cross.initial_asset.0 as u64 - haircut);
        let premium = excess as f64 / 1e4 * controller.volatility_premium.0 as f64 / 1e4;
        assert!((reserve.controller.premium.per_year_f64() - premium).abs() < 2e-4);
        haircut
    };
    for minute in 1..=200 {
        let (now, price) = (START + minute * 60, if minute % 2 == 0 { 100_10000000 } else { 99_90000000 });
        let quote = Quote::new(&source(&update(0, price, now)), None, &config.oracle, now).unwrap();
        reserve.refresh(&quote, now).unwrap();
        assert_followed(&reserve);
    }
    let haircut = assert_followed(&reserve);
    assert!(haircut > 100, "{haircut}");
    (config.risk.volatility_slope, config.controller.volatility_premium) = (Bps(500), Bps(3_000));
    reserve.set_config(&config, START + 200 * 60, 172_800, true).unwrap();
    assert_eq!(assert_followed(&reserve), haircut / 2);
}

/// A feed that counts in another unit from now on has not moved.
#[test]
fn another_exponent_is_no_return() {
    let mut config = reserve_config(0);
    config.risk.reference_volatility = Bps(5_000);
    let mut reserve = Reserve::new(&config, 9, START).unwrap();
    for (minute, price, exponent) in [(1, 100_00000000, -8), (2, 100_000000, -6), (3, 100_000000, -6)] {
        let now = START + minute * 60;
        let update = PriceUpdate { exponent, ..update(0, price, now) };
        let quote = Quote::new(&source(&update), None, &config.oracle, now).unwrap();
        let before = reserve.risk.volatility.annual;
        reserve.refresh(&quote, now).unwrap();
        assert!(reserve.risk.volatility.annual <= before);
        assert_eq!(reserve.risk.volatility.sample_time, now);
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
            exposures.add(class as u8, Bps(volatility), value, if is_debt { Side::Debt } else { Side::Deposit });
            // Anything else is no hedge of anything else.
            let sign = if is_debt && class != Class::Other as usize { -1.0 } else { 1.0 };
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

// Interest.

/// Thirty days of a reserve whose borrowers want 95 % of it at a rate of 5 %, a point less for each point of rate above,
/// and get there by a twentieth an hour.
fn thirty_days(config: ControllerConfig) -> Vec<f64> {
    let mut settings = reserve_config(0);
    settings.curve = ballast_engine::state::interest::RateCurve::new(&[(0, 0), (8_000, 800), (10_000, 6_000)]).unwrap();
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
    controller.step(&config, Seconds(86_400));
    assert!((controller.multiplier as f64 / one - 1.1).abs() < 1e-6, "a tenth a day at full utilisation");
    for _ in 0..100 {
        controller.step(&config, Seconds(86_400));
    }
    assert!((controller.multiplier as f64 / one - 2.0).abs() < 1e-6);
    controller.utilisation = 0;
    for _ in 0..100 {
        controller.step(&config, Seconds(86_400));
    }
    assert!((controller.multiplier as f64 / one - 0.5).abs() < 1e-6);
    // A hundred seconds at a time come to the same.
    let (mut often, mut once) = (Controller::new(&config), Controller::new(&config));
    (often.utilisation, once.utilisation) = (1 << 32, 1 << 32);
    (0..36).for_each(|_| often.step(&config, Seconds(100)));
    once.step(&config, Seconds(3_600));
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
    (config.risk.group_id, config.oracle.max_age) = (1, 61);
    (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(7_500), Bps(8_200));
    assert_eq!(world.act(0, |ledger, _| common::configure(ledger, 1, &config)), Err(Error::GroupPriceTooOld));
    config.oracle.max_age = 60;
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
        world.refresh_all();
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
    let added = lone.add(2, ballast_engine::state::account::Side::Deposit, ballast_engine::number::units::Shares(1));
    assert_eq!(added, Err(Error::IsolatedAccount));
}
