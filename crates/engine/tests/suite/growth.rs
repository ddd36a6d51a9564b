//! Interest against exact rationals: the exponential, the utilisation curve, and what accrual writes.

use crate::common;
use ballast_engine::{
    number::{
        growth::{MAX_EXPONENT, growth},
        index::Index,
        units::{Fraction, Rate, Seconds},
    },
    state::interest::{MAX_RATE_BPS, RateCurve, Utilisation},
};
use common::rational::{Rational, exp_minus_one, fixed, int, ratio, two_to, zero};
use proptest::prelude::*;

/// What [`growth`] falls short of the exact exponential for an exponent with 64 fractional bits, and the exact value.
fn shortfall(exponent: u64) -> (Rational, Rational) {
    let exact = exp_minus_one(&fixed(exponent as u128, 64));
    let Fraction(bits) = growth(Rate(exponent), Seconds(1));
    (&exact - fixed(bits as u128, 64), exact)
}

/// 2^-50 absolutely; 2^-40 relatively, but for a few units of the last place that rounding loses whatever the size.
fn assert_within_bounds(exponent: u64) {
    let (error, exact) = shortfall(exponent);
    assert!(error >= zero(), "above the exact exponential at {exponent:#x}");
    assert!(error < two_to(-50), "absolute error 2^-50 exceeded at {exponent:#x}");
    assert!(error < &exact * two_to(-40) + two_to(-62), "relative error 2^-40 exceeded at {exponent:#x}");
    // What the two bounds above make of the shortest stretches: no rate is off by more than one part in 2^32.
    assert!(error <= &exact * two_to(-32), "relative error 2^-32 exceeded at {exponent:#x}");
}

/// Where one series hands over to the next, every power of two, and entries of the tables (multiples of 2^-12).
fn boundaries() -> Vec<u64> {
    let powers = (1..64).map(|power| 1u64 << power);
    let entries = (1..16u64).chain((16..4_096).step_by(8)).map(|entry| entry << 52);
    let mut all: Vec<u64> = powers.chain(entries).flat_map(|at| [at - 1, at, at + 1]).collect();
    all.extend([0, MAX_EXPONENT - 1, MAX_EXPONENT]);
    all.retain(|exponent| *exponent <= MAX_EXPONENT);
    all
}

#[test]
fn growth_is_below_the_exponential_and_within_its_bounds_at_every_boundary() {
    boundaries().into_iter().for_each(assert_within_bounds);
}

#[test]
fn growth_never_falls_when_the_exponent_rises_across_a_boundary() {
    for exponent in boundaries() {
        for step in 0..200u64 {
            let at = exponent.saturating_sub(100).saturating_add(step).min(MAX_EXPONENT - 1);
            assert!(growth(Rate(at), Seconds(1)) <= growth(Rate(at + 1), Seconds(1)), "at {at:#x}");
        }
    }
}

#[test]
fn growth_stops_at_a_doubling() {
    // e^MAX_EXPONENT is two but for less than the last place, and one place more would be above two.
    let at = |bits: u64| exp_minus_one(&fixed(bits as u128, 64));
    assert!(at(MAX_EXPONENT) < int(1) && at(MAX_EXPONENT + 1) > int(1));
    let most = growth(Rate(MAX_EXPONENT), Seconds(1));
    for (rate, seconds) in
        [(MAX_EXPONENT + 1, 1), (u64::MAX, 1), (u64::MAX, u64::MAX), (1, u64::MAX), (1 << 40, 1 << 40)]
    {
        assert_eq!(growth(Rate(rate), Seconds(seconds)), most);
    }
    assert!(fixed(most.0 as u128, 64) > int(1) - two_to(-50));
}

/// An exact copy of the curve: linear in rational utilisation.
fn exact_rate_bps(points: &[(u16, u32)], utilisation: &Rational) -> Rational {
    let at = utilisation * int(10_000);
    let pair = points.windows(2).find(|pair| at <= int(pair[1].0)).unwrap();
    let (low, high) = (pair[0], pair[1]);
    int(low.1) + (at - int(low.0)) * ratio(high.1 - low.1, high.0 - low.0)
}

/// Rates are rounded down: by 2^-32 of a basis point where the curve is read and by a unit where the year is divided.
fn rate_tolerance() -> Rational {
    two_to(-32) * two_to(64) / (int(Rate::YEAR) * int(10_000)) + int(1)
}

fn curves() -> impl Strategy<Value = Vec<(u16, u32)>> {
    (prop::collection::btree_set(1u16..10_000, 0..=6), prop::collection::vec(0..=MAX_RATE_BPS, 8)).prop_map(
        |(inner, mut rates)| {
            rates.sort_unstable();
            let at = std::iter::once(0).chain(inner).chain(std::iter::once(10_000));
            at.zip(rates).collect()
        },
    )
}

proptest! {
    #![proptest_config(common::cases(1_500))]

    #[test]
    fn growth_is_below_the_exponential_and_within_its_bounds(bits in 0u32..64, low in any::<u64>()) {
        assert_within_bounds(((low | 1 << 63) >> bits).min(MAX_EXPONENT));
    }

    #[test]
    fn growth_depends_on_rate_times_seconds_alone(rate in 0..1u64 << 40, seconds in 0..1u64 << 23) {
        prop_assert_eq!(growth(Rate(rate), Seconds(seconds)), growth(Rate(rate * seconds), Seconds(1)));
    }

    #[test]
    fn utilisation_is_debt_over_liquidity_rounded_down(cash: u64, debt: u64, shrink in 0u32..64, of_debt: bool) {
        // Together below 2^64, as in the books.
        let (cash, debt) = (cash >> 1, debt >> 1);
        let (cash, debt) = if of_debt { (cash, debt >> shrink) } else { (cash >> shrink, debt) };
        let utilisation = Utilisation::new(cash, debt);
        let exact = if debt == 0 { zero() } else { ratio(debt, cash as u128 + debt as u128) };
        let held = ratio((utilisation.to_f64() * (1u64 << 32) as f64) as u64, 1u64 << 32);
        prop_assert!(held <= exact && &exact - &held < two_to(-30) + two_to(-32));
        prop_assert!(int(utilisation.bps().0) <= &exact * int(10_000));
        prop_assert!(int(utilisation.bps().0 + 1) > &held * int(10_000));
    }

    #[test]
    fn rate_is_the_linear_interpolation_rounded_down(points in curves(), cash: u64, debt: u64, at_point in any::<prop::sample::Index>(), exact_point: bool) {
        let curve = RateCurve::new(&points).unwrap();
        prop_assert_eq!(curve.validate(), Ok(()));
        // Either anywhere or exactly on a point.
        let point = points[at_point.index(points.len())].0 as u64;
        let (cash, debt) = if exact_point { (10_000 - point, point) } else { (cash >> 1, debt >> 1) };
        let utilisation = Utilisation::new(cash, debt);
        let held = ratio((utilisation.to_f64() * (1u64 << 32) as f64) as u64, 1u64 << 32);
        let exact = exact_rate_bps(&points, &held) * two_to(64) / (int(Rate::YEAR) * int(10_000));
        let rate = int(curve.rate(utilisation).0);
        prop_assert!(rate <= exact, "above the curve");
        prop_assert!(&exact - &rate <= rate_tolerance(), "below the curve by {}", &exact - &rate);
    }

    #[test]
    fn an_index_grows_by_the_growth_down_for_deposits_and_up_for_debts(whole in prop_oneof![0u64..3, 0u64..1 << 31], fraction: u64, growth: u64, shrink in 0u32..64) {
        let (index, growth) = (Index::from_bits((whole as u128) << 64 | fraction as u128), growth >> shrink);
        let gain = fixed(index.to_bits(), 64) * fixed(growth as u128, 64) * two_to(64);
        let (down, up) = (index.grown_floor(Fraction(growth)), index.grown_ceil(Fraction(growth)));
        // Right to 2^-32 of the growth and two units of the last place; after a loss or a doubling, to one.
        let off = if whole == 1 { int(growth >> 32) + int(3) } else { int(1) };
        let (down, up) = (int(down.to_bits() - index.to_bits()), int(up.to_bits() - index.to_bits()));
        prop_assert!(down <= gain && &gain - &down < off, "{down} for {gain}");
        prop_assert!(up >= gain && &up - &gain < off, "{up} for {gain}");
    }

    #[test]
    fn points_that_are_not_in_use_change_no_rate(points in curves(), other in curves(), cash: u64, debt: u64) {
        let curve = RateCurve::new(&points).unwrap();
        let mut edited = RateCurve::new(&other).unwrap();
        edited.points[..points.len()].copy_from_slice(&curve.points[..points.len()]);
        edited.count = curve.count;
        prop_assert_eq!(edited.validate(), Ok(()));
        let utilisation = Utilisation::new(cash >> 1, debt >> 1);
        prop_assert_eq!(edited.rate(utilisation), curve.rate(utilisation));
    }

    #[test]
    fn rough_amounts_lie_on_both_sides(whole in 0u64..8, fraction: u64, shares in 0u64..1 << 60, shrink in 0u32..60) {
        let (index, shares) = (Index::from_bits((whole as u128) << 64 | fraction as u128), ballast_engine::number::units::Shares(shares >> shrink));
        let (above, below) = index.amount_roughly(shares);
        let (ceil, floor) = index.amount_bounds(shares);
        prop_assert!(above >= ceil && below <= floor);
        let apart = if shares.0 >> 32 == 0 || whole == 0 { 1 } else { (shares.0 >> 32) + 2 };
        prop_assert!(above - below <= apart);
    }
}
