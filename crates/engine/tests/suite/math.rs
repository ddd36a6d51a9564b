//! Integer arithmetic against numbers of unlimited width.

use crate::common;
use ballast_engine::number::{
    index::Index,
    math::{
        bit_length, div_ceil, div_narrow, div_normalised, excess_over_32_bits, is_below, later, mul_div_ceil,
        mul_div_floor, mul_div_wide_ceil, mul_div_wide_floor, mul_shift_ceil, mul_shift_floor, narrow,
        quotient_by_halves, ratio32, root, saturating_sub, saturating_sub_wide, wide, wide_mul, wide_mul_by_halves,
    },
    units::{Seconds, Shares},
};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Numbers around which 64-bit arithmetic goes wrong.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    3,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    u64::MAX - 1,
    u64::MAX,
];

/// Any number of bits with equal likelihood.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
        1 => prop::sample::select(EDGES.to_vec()),
    ]
}

fn double_word() -> impl Strategy<Value = u128> {
    prop_oneof![
        4 => (any::<u128>(), 0u32..128).prop_map(|(value, shift)| value >> shift),
        1 => (word(), word()).prop_map(|(high, low)| (high as u128) << 64 | low as u128),
    ]
}

/// Any index, those between one and two, where nearly all are, more often.
/// Around one, where most indices are, and any that can be: below 2^34.
fn index_bits() -> impl Strategy<Value = u128> {
    prop_oneof![2 => word().prop_map(|fraction| 1 << 64 | fraction as u128), 1 => double_word().prop_map(|bits| bits >> 30)]
}

fn big(value: impl Into<BigUint>) -> BigUint {
    value.into()
}

/// The quotient as the functions under test should give it: rounded, `None` where it is undefined or too wide.
fn quotient<T: TryFrom<BigUint>>(product: BigUint, d: BigUint, round_up: bool) -> Option<T> {
    if d == big(0u8) {
        return None;
    }
    let up = if round_up { &d - 1u8 } else { big(0u8) };
    T::try_from((product + up) / d).ok()
}

fn assert_products(a: u64, b: u64) {
    let native = a as u128 * b as u128;
    let halves = ((native >> 64) as u64, native as u64);
    assert_eq!(wide_mul_by_halves(a, b), halves, "{a} × {b}");
    assert_eq!(wide_mul(a, b), halves);
    assert_eq!(wide(a, b), native);
    assert_eq!(mul_shift_floor(a, b) as u128, native >> 64);
    assert_eq!(mul_shift_ceil(a, b) as u128, native.div_ceil(1 << 64));
}

#[test]
fn products_from_halves_equal_native_ones_at_the_edges() {
    for a in EDGES {
        EDGES.iter().for_each(|&b| assert_products(a, b));
    }
}

#[test]
fn quotients_are_exact_at_the_edges() {
    for (a, b) in EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b))) {
        for d in EDGES {
            let product = big(a) * b;
            assert_eq!(mul_div_floor(a, b, d), quotient(product.clone(), big(d), false), "{a} × {b} / {d}");
            assert_eq!(mul_div_ceil(a, b, d), quotient(product, big(d), true), "{a} × {b} / {d}");
            for a in [(a, d), (d, a), (u64::MAX, d)].map(|(high, low)| (high as u128) << 64 | low as u128) {
                let product = big(a) * b;
                assert_eq!(mul_div_wide_floor(a, b, d), quotient(product.clone(), big(d), false), "{a} × {b} / {d}");
                assert_eq!(mul_div_wide_ceil(a, b, d), quotient(product, big(d), true), "{a} × {b} / {d}");
            }
        }
    }
}

proptest! {
    #![proptest_config(common::cases(20_000))]

    #[test]
    fn products_from_halves_equal_native_ones(a in word(), b in word()) {
        assert_products(a, b);
    }

    #[test]
    fn quotients_are_exact(a in word(), b in word(), d in word()) {
        let product = big(a) * b;
        prop_assert_eq!(mul_div_floor(a, b, d), quotient(product.clone(), big(d), false));
        prop_assert_eq!(mul_div_ceil(a, b, d), quotient(product, big(d), true));
    }

    #[test]
    fn wide_quotients_are_exact(a in double_word(), b in word(), d in word()) {
        let product = big(a) * b;
        prop_assert_eq!(mul_div_wide_floor(a, b, d), quotient(product.clone(), big(d), false));
        prop_assert_eq!(mul_div_wide_ceil(a, b, d), quotient(product, big(d), true));
    }

    /// The long division: a product above 128 bits whose quotient fits.
    #[test]
    fn quotients_of_192_bit_products_are_exact(a in 1u128 << 100.., b in 1u64 << 60.., d in 1u64 << 60..) {
        let product = big(a) * b;
        prop_assert!(product.bits() > 128);
        prop_assert_eq!(mul_div_wide_floor(a, b, d), quotient(product.clone(), big(d), false));
        prop_assert_eq!(mul_div_wide_ceil(a, b, d), quotient(product, big(d), true));
    }

    #[test]
    fn narrow_keeps_what_fits(value in double_word()) {
        prop_assert_eq!(narrow(value), u64::try_from(value).ok());
    }

    #[test]
    fn divisions_by_halves_equal_native_ones(high: u64, low in word(), d in 1u64 << 63.., near in 0u64..3, close: bool) {
        // A high half just below the divisor takes the longest corrections.
        let high = if close { d - 1 - near } else { high % d };
        let native = (high as u128) << 64 | low as u128;
        let expected = ((native / d as u128) as u64, (native % d as u128) as u64);
        prop_assert_eq!(quotient_by_halves(high, low, d), expected.0);
        prop_assert_eq!(div_normalised(high, low, d), expected);
    }

    #[test]
    fn narrow_divisions_are_exact(n in double_word(), d in word()) {
        let expected = if d == 0 { None } else { u64::try_from(n / d as u128).ok().map(|quotient| (quotient, (n % d as u128) as u64)) };
        prop_assert_eq!(div_narrow(n, d), expected);
        prop_assert_eq!(bit_length(d), 64 - d.leading_zeros());
        if d != 0 {
            prop_assert_eq!(div_ceil(n, d as u128), n.div_ceil(d as u128));
        }
    }

    #[test]
    fn ratios_of_32_bits_are_rounded_down_by_little(whole in word(), part in word()) {
        let (part, whole) = (part.min(whole), part.max(whole));
        let ratio = ratio32(part, whole, excess_over_32_bits(whole));
        if whole == 0 {
            prop_assert_eq!(ratio, 0);
        } else {
            let exact = big(part) << 32u32;
            prop_assert!(big(ratio) * whole <= exact);
            // Two numbers cut to 32 bits and the quotient: less than 2^-30 and 2^-32 of one, five units.
            prop_assert!(big(ratio + 5) * whole > exact);
        }
    }

    /// Shares and amounts convert by the index, down or up as the name says.
    #[test]
    fn conversions_by_an_index_are_exact(bits in index_bits(), number in word()) {
        let index = Index::from_bits(bits);
        prop_assert_eq!(index.to_bits(), bits);
        prop_assert_eq!(index.is_zero(), bits == 0);
        let shifted = big(number) << 64u32;
        let (down, up) = (index.shares_floor(number), index.shares_ceil(number));
        prop_assert_eq!(down.map(|shares| shares.0), quotient(shifted.clone(), big(bits), false));
        prop_assert_eq!(up.map(|shares| shares.0), quotient(shifted, big(bits), true));
        // Amounts are only defined while they fit, which the books see to.
        let exact = big(bits) * number;
        if exact.bits() <= 127 {
            let one = big(1u8) << 64u32;
            prop_assert_eq!(big(index.exact(Shares(number))), exact.clone());
            prop_assert_eq!(Some(index.amount_floor(Shares(number))), quotient(exact.clone(), one.clone(), false));
            prop_assert_eq!(Some(index.amount_ceil(Shares(number))), quotient(exact, one, true));
        }
    }
}

proptest! {
    #[test]
    fn root_is_the_square_root_rounded_down(n: u64, shrink in 0u32..64) {
        let n = n >> shrink;
        prop_assert_eq!(root(n), n.isqrt());
    }
}

#[test]
fn root_is_exact_around_squares_and_at_the_ends() {
    for n in [0, 1, 2, 3, 4, u64::MAX, u64::MAX - 1, (1 << 32) - 1, 1 << 32] {
        assert_eq!(root(n), n.isqrt(), "{n}");
    }
    for power in 0..32 {
        let square = (1u64 << power) * (1 << power);
        assert_eq!([square - 1, square, square + 1].map(root), [square - 1, square, square + 1].map(u64::isqrt));
    }
}

#[test]
fn differences_end_at_zero_and_times_at_the_last() {
    assert_eq!(
        [saturating_sub(7, 3), saturating_sub(3, 3), saturating_sub(3, 7), saturating_sub(0, u64::MAX)],
        [4, 0, 0, 0]
    );
    let wide = [0, 1, u64::MAX as u128, 1 << 64, (1 << 64) + 1, 3 << 64, u128::MAX];
    for (a, b) in wide.iter().flat_map(|a| wide.iter().map(move |b| (*a, *b))) {
        assert_eq!(is_below(a, b), a < b, "{a} {b}");
        assert_eq!(saturating_sub_wide(a, b), a.saturating_sub(b), "{a} {b}");
    }
    assert_eq!([(10, 15), (10, 10), (15, 10)].map(|(then, now)| Seconds::between(then, now)), [5, 0, 0].map(Seconds));
    assert_eq!([later(10, 5), later(i64::MAX - 5, 5), later(i64::MAX - 4, 5)], [15, i64::MAX, i64::MAX]);
}
