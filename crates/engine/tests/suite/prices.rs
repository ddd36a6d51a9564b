//! Prices: which updates are taken over, and the readings and values made of them, against exact rationals.

use crate::common::{
    self, START, configure,
    debtor::{LENDER, SOL, USDC, indebted, liquidate},
    rational::{Rational, ceil, floor, int, ratio, ten_to, two_to, zero},
};
use ballast_engine::{
    Error,
    number::units::{Bps, Usd},
    price::{
        breaker::Halt,
        cache::{PriceCache, Reading},
        feed::{OracleConfig, PriceUpdate, Quote, Source},
        policy::Condition,
    },
    record::layout::Address,
    state::reserve::Reserve,
};
use num_bigint::BigUint;
use proptest::prelude::*;

const FEED: Address = Address([7; 32]);

/// The loosest limits there are.
fn oracle() -> OracleConfig {
    OracleConfig {
        feed_id: FEED,
        max_age: 600,
        max_confidence_initial: Bps(2_000),
        max_confidence_maintenance: Bps(2_000),
        max_ema_divergence: Bps(5_000),
        confidence_multiple: Bps(50_000),
        ..OracleConfig::default()
    }
}

/// Hands an update to a cache, like the reserve does.
fn take(
    cache: &mut PriceCache,
    update: &PriceUpdate,
    oracle: &OracleConfig,
    decimals: u8,
    now: i64,
) -> Result<bool, Error> {
    let quote = Quote::new(&Source { address: Address::NONE, update: *update }, None, oracle, now)?;
    let taken = cache.update(&quote, oracle, oracle.confidence_multiple, decimals, now)?;
    cache.condition = Halt::default().worsen(cache.settled(oracle)) as u8;
    Ok(taken)
}

fn update(price: i64, ema_price: i64, confidence: u64, exponent: i32) -> PriceUpdate {
    PriceUpdate {
        feed_id: FEED.0,
        price,
        confidence,
        exponent,
        publish_time: START,
        prev_publish_time: START - 1,
        ema_price,
    }
}

/// Least and most number with an exponent that is a price of 10^-12 to 10^9 USD.
fn range(exponent: i32) -> (i64, i64) {
    let least = 10i128.pow((-12 - exponent).max(0) as u32);
    let most = 10i128.pow((9 - exponent) as u32).min(i64::MAX as i128);
    (least as i64, most as i64)
}

/// Updates over the whole range of prices and exponents, EMA within a factor of four, confidence within its limit.
fn usable_update() -> impl Strategy<Value = PriceUpdate> {
    (-18i32..=0, 0.0..=1.0f64, 0.25..4.0f64, 0u64..=1_999, any::<u16>()).prop_map(
        |(exponent, place, ema, confidence, noise)| {
            let (least, most) = range(exponent);
            let price = ((least as f64) * (most as f64 / least as f64).powf(place)) as i64;
            let price = price.saturating_add(noise as i64).clamp(least, most);
            let ema = ((price as f64 * ema) as i64).clamp(least, most);
            update(price, ema, (price as u128 * confidence as u128 / 10_000) as u64, exponent)
        },
    )
}

/// What a reading says an atom is worth, USD.
fn worth(cache: &PriceCache, reading: Reading) -> Rational {
    int(reading.0) * two_to(-(cache.shift as i32)) * ten_to(-4)
}

/// What a published number says an atom is worth, USD.
fn published(number: impl Into<num_bigint::BigInt>, exponent: i32, decimals: u8) -> Rational {
    int(number) * ten_to(exponent - decimals as i32)
}

/// A reading rounded down falls short by less than this part of the highest of the readings, one rounded up exceeds by
/// at most twice as much: 46 bits of the highest, and the power of ten's own 2^-63.
fn resolution() -> Rational {
    two_to(-46) * (int(1) + two_to(-10))
}

fn assert_readings(update: &PriceUpdate, oracle: &OracleConfig, decimals: u8) {
    let mut cache = PriceCache::default();
    assert_eq!(take(&mut cache, update, oracle, decimals, START), Ok(true));
    let number = |value: i64| published(value, update.exponent, decimals);
    let bias = floor(&(ratio(update.confidence, 10_000) * int(oracle.confidence_multiple.0)).ceil());
    let bias = published(bias, update.exponent, decimals);
    let (price, ema) = (number(update.price), number(update.ema_price));
    let (lowest, highest) = if price < ema { (&price, &ema) } else { (&ema, &price) };
    let error = (highest + &bias) * resolution();
    let down = [
        ("low_initial", cache.low_initial, lowest - &bias),
        ("low_maintenance", cache.low_maintenance, &price - &bias),
        ("spot", cache.spot, price.clone()),
    ];
    for (name, reading, exact) in down {
        let exact = if exact < zero() { zero() } else { exact };
        let worth = worth(&cache, reading);
        // Two numbers rounded: the price down and the bias up.
        assert!(worth <= exact && &exact - &worth < &error * int(3), "{name} of {update:?} with {decimals} decimals");
    }
    let up = [
        ("high_initial", cache.high_initial, highest + &bias),
        ("high_maintenance", cache.high_maintenance, &price + &bias),
    ];
    for (name, reading, exact) in up {
        let worth = worth(&cache, reading);
        assert!(worth >= exact && &worth - &exact < &error * int(4), "{name} of {update:?} with {decimals} decimals");
        assert!(reading.0 <= 1 << 48, "{name} does not fit");
    }
    assert!(cache.low_initial <= cache.low_maintenance && cache.low_maintenance <= cache.spot);
    assert!(cache.spot <= cache.high_maintenance && cache.high_maintenance <= cache.high_initial);
}

/// Every power of ten that exponents and decimals can ask for, at both ends of the price range and in between.
#[test]
fn readings_enclose_the_price_for_every_exponent_and_decimals() {
    for exponent in -18..=0 {
        let (least, most) = range(exponent);
        for decimals in 0..=18 {
            for price in [least, least + 1, most / 3, most - 1, most].map(|price| price.clamp(least, most)) {
                assert_readings(&update(price, price, 0, exponent), &oracle(), decimals);
                assert_readings(&update(price, price, price as u64 / 6, exponent), &oracle(), decimals);
            }
        }
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for exponent in -18..=0 {
        let (least, most) = range(exponent);
        let taken =
            |price, ema| take(&mut PriceCache::default(), &update(price, ema, 0, exponent), &oracle(), 6, START);
        assert_eq!(taken(least, most), Ok(true));
        assert_eq!(taken(most, least), Ok(true));
        let below = if least == 1 { Error::PriceNotPositive } else { Error::PriceOutOfRange };
        assert_eq!(taken(least - 1, least), Err(below));
        assert_eq!(taken(least, least - 1), Err(below));
        if most < i64::MAX {
            assert_eq!(taken(most + 1, least), Err(Error::PriceOutOfRange));
            assert_eq!(taken(least, most + 1), Err(Error::PriceOutOfRange));
        }
    }
}

/// Exact ratio in basis points, rounded up.
fn bps_ceil(a: u64, b: u64) -> BigUint {
    ceil(&(ratio(a, b) * int(10_000)))
}

proptest! {
    #![proptest_config(common::cases(2_000))]

    #[test]
    fn readings_enclose_the_price(update in usable_update(), decimals in 0u8..=18, multiple in 10_000u16..=50_000) {
        assert_readings(&update, &OracleConfig { confidence_multiple: Bps(multiple), ..oracle() }, decimals);
    }

    #[test]
    fn values_are_the_reading_times_amount_and_weight(update in usable_update(), decimals in 0u8..=18, amount: u64, shrink in 0u32..64, weight in 0u16..=50_000) {
        let amount = amount >> shrink;
        let mut cache = PriceCache::default();
        take(&mut cache, &update, &oracle(), decimals, START).unwrap();
        for reading in [cache.low_initial, cache.high_initial, cache.low_maintenance, cache.high_maintenance, cache.spot] {
            let exact = worth(&cache, reading) * int(amount) * ratio(weight, 10_000) * int(Usd::ONE.0);
            prop_assert_eq!(BigUint::from(cache.value_floor(amount, reading, Bps(weight)).0), floor(&exact));
            prop_assert_eq!(BigUint::from(cache.value_ceil(amount, reading, Bps(weight)).0), ceil(&exact));
        }
        // Against the published price: within a resolution of it, and a unit of 10^-8 USD.
        let exact = published(update.price, update.exponent, decimals) * int(amount) * ratio(weight, 10_000) * int(Usd::ONE.0);
        let value = int(cache.value_floor(amount, cache.spot, Bps(weight)).0);
        // The EMA and the bias of up to the price itself: the highest is below (4 + 1) × price.
        prop_assert!(value <= exact && &exact - &value <= &exact * resolution() * int(5) + int(1));
    }

    #[test]
    fn atoms_are_the_value_divided_by_the_reading(update in usable_update(), decimals in 0u8..=18, value: u128, shrink in 0u32..128) {
        let value = Usd((value >> shrink) & (u128::MAX >> 1));
        let mut cache = PriceCache::default();
        take(&mut cache, &update, &oracle(), decimals, START).unwrap();
        let most = BigUint::from(u64::MAX);
        for reading in [cache.spot, cache.high_initial, cache.low_maintenance] {
            let (down, up) = (cache.atoms_floor(value, reading), cache.atoms_ceil(value, reading));
            if reading.0 == 0 {
                prop_assert_eq!((down, up), (u64::MAX, u64::MAX));
                continue;
            }
            let exact = int(value.0) / (worth(&cache, reading) * int(Usd::ONE.0));
            prop_assert_eq!(BigUint::from(down), floor(&exact).min(most.clone()));
            prop_assert_eq!(BigUint::from(up), ceil(&exact).min(most.clone()));
        }
    }

    #[test]
    fn confidence_and_divergence_are_rounded_up(update in usable_update()) {
        let mut cache = PriceCache::default();
        take(&mut cache, &update, &oracle(), 6, START).unwrap();
        let confidence = bps_ceil(update.confidence, update.price as u64);
        let divergence = bps_ceil(update.price.abs_diff(update.ema_price), update.ema_price as u64);
        for (held, exact) in [(cache.confidence_bps, confidence), (cache.divergence_bps, divergence)] {
            let held = BigUint::from(held.0);
            // Numbers of more than 50 bits are cut, which may round up once more.
            prop_assert!(held == exact || held == exact + 1u8);
        }
    }

    #[test]
    fn a_confidence_above_the_limit_is_refused_and_one_below_is_not(price in 1_000_000i64..i64::MAX / 2, part in 0u64..4_000, limit in 1u16..=2_000) {
        let confidence = (price as u128 * part as u128 / 10_000) as u64;
        let limits = OracleConfig { max_confidence_maintenance: Bps(limit), ..oracle() };
        let taken = take(&mut PriceCache::default(), &update(price, price, confidence, -18), &limits, 6, START);
        let exact = bps_ceil(confidence, price as u64);
        if exact > BigUint::from(limit) {
            prop_assert_eq!(taken, Err(Error::PriceConfidenceTooWide));
        } else if exact < BigUint::from(limit) {
            prop_assert_eq!(taken, Ok(true));
        }
    }

    /// A price only ever moves forward in time, never from the future; an older one or the one held changes nothing.
    #[test]
    fn publish_times_only_rise(held in 1..=START, published in prop_oneof![any::<i64>(), START - 5..START + 5], now in START - 2..START + 2) {
        let mut cache = PriceCache::default();
        let at = |publish_time| PriceUpdate { publish_time, ..update(100, 100, 0, -2) };
        let held = held.min(now);
        prop_assert_eq!(take(&mut cache, &at(held), &oracle(), 6, now), Ok(true));
        let before = cache;
        let expected = if published > now {
            Err(Error::PriceInFuture)
        } else {
            Ok(published > held)
        };
        prop_assert_eq!(take(&mut cache, &at(published), &oracle(), 6, now), expected);
        prop_assert_eq!(cache != before, expected == Ok(true));
    }

    #[test]
    fn fresh_means_no_older_than_the_limit(published in 1..START, age in 0i64..1_300, max_age in 1u32..=600) {
        let mut cache = PriceCache::default();
        let oracle = OracleConfig { max_age, ..oracle() };
        take(&mut cache, &PriceUpdate { publish_time: published, ..update(100, 100, 0, -2) }, &oracle, 6, published).unwrap();
        let expected = if age > max_age as i64 { Condition::Stale } else { Condition::Fresh };
        prop_assert_eq!(cache.condition(published + age), expected);
        prop_assert_eq!(PriceCache::default().condition(published), Condition::NeverPriced);
    }

    #[test]
    fn updates_survive_their_bytes(feed_id: [u8; 32], authority: [u8; 32], price: i64, confidence: u64, exponent: i32, publish_time: i64, prev_publish_time: i64, ema_price: i64) {
        let update = PriceUpdate { feed_id, price, confidence, exponent, publish_time, prev_publish_time, ema_price };
        prop_assert_eq!(PriceUpdate::parse(&update.to_bytes(Address(authority))), Ok(update));
    }

    #[test]
    fn bytes_of_another_account_are_refused(feed_id: [u8; 32], at in 0usize..8, flip in 1u8.., length in 0usize..300, level: u8) {
        let data = PriceUpdate { feed_id, ..update(1, 1, 0, 0) }.to_bytes(FEED);
        let mut wrong = data;
        wrong[at] ^= flip;
        prop_assert_eq!(PriceUpdate::parse(&wrong), Err(Error::PriceAccountMalformed));
        let mut cut = data.to_vec();
        cut.resize(length, 0);
        prop_assert_eq!(PriceUpdate::parse(&cut).is_ok(), length == PriceUpdate::LEN);
        let mut partial = data;
        partial[40] = level;
        prop_assert_eq!(PriceUpdate::parse(&partial).err(), (level != 1).then_some(Error::PriceNotFullyVerified));
    }
}

/// The confidence of a product is (1 + a)(1 + b) − 1 of it, up, and its prices are the products, down.
#[test]
fn a_price_of_two_feeds_is_as_uncertain_as_both_together() {
    const BASE: Address = Address([8; 32]);
    let oracle = OracleConfig { base_feed_id: BASE, ..oracle() };
    for exponent in [-4, -8, -16] {
        let dollar = 10i64.pow(-exponent as u32);
        let rate = update(12_500_000_000, 12_000_000_000, 1_250_000_000, -10);
        let base = update(160 * dollar, 158 * dollar, 8 * dollar as u64, exponent);
        let base = PriceUpdate { feed_id: BASE.0, ..base };
        let source = |update| Source { address: Address::NONE, update };
        let quote = Quote::new(&source(rate), Some(&source(base)), &oracle, START).unwrap();
        let (a, b) = (update_ratio(&rate), update_ratio(&base));
        let confidence = quote.confidence as f64 / quote.price as f64;
        assert!((confidence - ((1.0 + a) * (1.0 + b) - 1.0)).abs() < 1e-7, "{confidence}");
        let exact = rate.price as f64 * base.price as f64 * 10f64.powi(rate.exponent + base.exponent);
        assert!((quote.price as f64 * 10f64.powi(quote.exponent) / exact - 1.0).abs() < 1e-9);
        let exact = rate.ema_price as f64 * base.ema_price as f64 * 10f64.powi(rate.exponent + base.exponent);
        assert!((quote.ema_price as f64 * 10f64.powi(quote.exponent) / exact - 1.0).abs() < 1e-9);
    }
}

/// Confidence ÷ price.
fn update_ratio(update: &PriceUpdate) -> f64 {
    update.confidence as f64 / update.price as f64
}

// Prices of a reserve beside others, and of another feed.

#[test]
fn a_liquidation_waits_for_prices_of_one_moment() {
    let mut world = indebted();
    for reserve in [USDC, SOL] {
        world.reserves[reserve as usize].config.oracle.max_skew = 10;
    }
    world.now += 11;
    world.set_price(SOL, 1_000_000_000_000);
    assert_eq!(liquidate(&mut world, u64::MAX).unwrap_err(), Error::PricesSkewed);
    world.refresh_all();
    liquidate(&mut world, u64::MAX).unwrap();
}

#[test]
fn a_group_takes_no_price_for_longer_than_a_minute() {
    let mut config = common::reserve_config(SOL);
    config.risk.group_id = 1;
    (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(9_000), Bps(9_500));
    config.max_penalty = Bps(400);
    for (max_age, expected) in [(60, Ok(())), (61, Err(Error::GroupPriceTooOld))] {
        config.oracle.max_age = max_age;
        assert_eq!(Reserve::new(&config, 9, START).map(drop), expected);
    }
}

#[test]
fn the_first_price_of_another_feed_is_near_the_last() {
    let mut world = indebted();
    let mut config = world.reserves[SOL as usize].config;
    config.oracle.feed_id = FEED;
    world.act(LENDER, |ledger, _| configure(ledger, SOL, &config)).unwrap();
    world.now += 1;
    // A twentieth of 150,000, though a price may be a tenth from its average.
    for (price, expected) in
        [(142_000, Err(Error::NewFeedFarFromOld)), (158_000, Err(Error::NewFeedFarFromOld)), (157_000, Ok(()))]
    {
        let update = PriceUpdate { publish_time: world.now, ..update(price, price, 0, -3) };
        let taken = world.act(LENDER, |ledger, _| ledger.refresh_price(SOL, &common::source(&update), None));
        assert_eq!(taken.map(drop), expected, "{price}");
    }
}
