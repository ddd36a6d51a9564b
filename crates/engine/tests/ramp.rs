//! What maintenance is judged by moves by a bounded rate: the ramp, its turns with the volatility's samples, and what new risk
//! is judged by beside it.

mod common;

use ballast_engine::{
    health::{Requirement, position::weighted},
    number::units::Bps,
    price::{
        feed::{PriceUpdate, Quote},
        volatility::MIN_INTERVAL,
    },
    state::{
        reserve::{Reserve, ReserveConfig},
        weights::{Terms, Weights},
    },
};
use common::{START, World, cases, lend, reserve_config, source, update};
use proptest::prelude::*;

/// What can happen within an hour without the price moving.
#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    Refresh,
    RefreshReserve,
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
        2 => Just(Event::RefreshReserve),
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
        Event::RefreshReserve => world.act(0, |ledger, _| ledger.refresh_reserve(RESERVE)).map(drop).unwrap(),
        Event::Configure(config) => world.act(0, |ledger, _| common::configure(ledger, RESERVE, &config)).unwrap(),
        // A refused one changes nothing.
        Event::Deposit(amount) => drop(world.act(1, |ledger, account| lend(ledger, account, RESERVE, amount))),
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

proptest! {
    #![proptest_config(cases(1_000))]

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
        reserve.set_config(&tighter, START, 172_800, true).unwrap();
        let (mut now, mut due, mut waited) = (START, 0, 0);
        for gap in gaps {
            now += gap;
            let (sampled, ramped) = (reserve.risk.volatility.sample_time, reserve.risk.ramped_until);
            let maintenance = reserve.risk.weights[0].maintenance_asset;
            let quote = Quote::new(&source(&update(0, 100_00000000, now)), None, &config.oracle, now).unwrap();
            reserve.refresh(&quote, now).unwrap();
            let (has_sampled, has_ramped) =
                (reserve.risk.volatility.sample_time != sampled, reserve.risk.ramped_until != ramped);
            // Time that makes no step yet may be counted beside a sample: that costs little.
            let has_moved = reserve.risk.weights[0].maintenance_asset != maintenance;
            prop_assert!(!(has_sampled && has_moved && sampled != 0), "both at once");
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

    /// Without a new price maintenance still moves, by whoever refreshes, and no faster than it may.
    #[test]
    fn poking_moves_the_ramp_without_a_price(gaps in prop::collection::vec(1i64..900, 1..40)) {
        let mut world = World::new(1);
        let mut config = world.reserves[0].config;
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(1), Bps(1));
        world.reserves[0].set_config(&config, world.now, 172_800, true).unwrap();
        let (start, from) = (world.now, world.reserves[0].risk.weights[0].maintenance_asset.0 as i64);
        let mut earned = 600;
        for gap in gaps {
            world.now += gap;
            earned += gap.min(600);
            world.act(0, |ledger, _| ledger.refresh_reserve(0)).unwrap();
            let weights = world.reserves[0].risk.weights[0];
            let moved = from - weights.maintenance_asset.0 as i64;
            let ramp = config.risk.ramp.0 as i64;
            prop_assert!(moved <= ramp * (world.now - start + 600) / 4_200, "{moved} too fast");
            prop_assert!(moved + 2 >= ramp * (earned - 1_200).max(0) / 4_200 || weights.maintenance_asset.0 == 1, "{moved} too slow");
            prop_assert!(weights.initial_asset <= weights.maintenance_asset);
        }
    }
}

/// What governance set is in force once the ramp is through, whether or not anything follows the market.
#[test]
fn looser_terms_arrive_by_the_ramp_for_new_risk_too() {
    for slope in [0, 1] {
        let mut config = reserve_config(0);
        (config.risk.reference_volatility, config.risk.volatility_slope) = (Bps(60_000), Bps(slope));
        config.risk.cross = Weights {
            initial_asset: Bps(4_000),
            maintenance_asset: Bps(5_000),
            initial_liability: Bps(13_000),
            maintenance_liability: Bps(12_000),
        };
        let mut reserve = Reserve::new(&config, 9, START).unwrap();
        let mut looser = config;
        (looser.risk.cross, looser.risk.ramp) = (reserve_config(0).risk.cross, Bps(2_000));
        assert_eq!(looser.risk.follows_the_market(), slope != 0);
        reserve.set_config(&looser, START, 172_800, true).unwrap();
        assert!(reserve.risk.weights[0].initial_asset < looser.risk.cross.initial_asset);
        assert!(reserve.risk.weights[0].initial_liability > looser.risk.cross.initial_liability);
        for step in 1..=100 {
            let now = START + step * 100;
            let quote = Quote::new(&source(&update(0, 100_00000000, now)), None, &config.oracle, now).unwrap();
            reserve.refresh(&quote, now).unwrap();
        }
        assert_eq!(reserve.risk.weights[0], looser.risk.cross);
        assert_eq!(reserve.risk.is_ramping, 0);
    }
}

/// A haircut takes from maintenance what it takes from new risk, but by the ramp.
#[test]
fn a_haircut_reaches_maintenance_by_the_ramp() {
    let mut config = reserve_config(RESERVE);
    (config.risk.market_depth, config.risk.max_market_haircut, config.risk.ramp) = (1_000, Bps(2_000), Bps(2_000));
    let mut world = World::with([reserve_config(0), config, reserve_config(2), reserve_config(3)], 1);
    again(&mut world, RESERVE);
    world.deposit(0, RESERVE, 1 << 50);
    let record = |world: &World| world.reserves[RESERVE as usize];
    let haircut = record(&world).risk.haircut;
    assert!(haircut > Bps(500), "{haircut:?}");
    assert_eq!(record(&world).risk.weights[0].initial_asset, config.risk.cross.initial_asset.less(haircut));
    assert_eq!(record(&world).risk.weights[0].maintenance_asset, config.risk.cross.maintenance_asset);
    for _ in 0..100 {
        world.now += 100;
        again(&mut world, RESERVE);
    }
    assert_eq!(record(&world).risk.weights[0].maintenance_asset, config.risk.cross.maintenance_asset.less(haircut));
}
