//! Growth at a continuous rate.

use crate::number::{
    math::{add_proved, mul_proved, mul_shift_below},
    units::{Fraction, Rate, Seconds},
};

/// `ln 2` with 64 fractional bits, rounded down: the longest stretch of interest that one accrual applies (a factor
/// of two: 25 days untouched at 1,000 % a year, seven years at 10 %).
pub const MAX_EXPONENT: u64 = 0xb172_17f7_d1cf_79ab;

/// Growth over `seconds` at `rate`: `e^(rate × seconds) − 1`.
///
/// Method: Taylor's series of two terms while the exponent is below 2^-20 (five minutes at 10 % a year); above, the
/// exponent's first ten bits are looked up in a table and a series of four terms takes the rest. Never above the exact
/// exponential, and below it by less than 2^-50 absolutely and by less than 2^-40 of the growth plus a few units of 2^-64
/// (tested against exact rationals).
#[inline(always)]
pub fn growth(rate: Rate, Seconds(seconds): Seconds) -> Fraction {
    // A rate is below 2^43 (1,000 % a year): the product fits for 24 days. For 136 years it fits without the rate's last
    // eleven bits, which tells whether the whole one does. The checked product costs 40 compute units more.
    let is_long = seconds >> 21 != 0
        && if seconds >> 32 == 0 {
            mul_proved(rate.0 >> 11, seconds) >= MAX_EXPONENT >> 11
        } else {
            rate.0.saturating_mul(seconds) >= MAX_EXPONENT
        };
    if is_long {
        return long_growth(MAX_EXPONENT);
    }
    let exponent = mul_proved(rate.0, seconds);
    if exponent >> 44 == 0 {
        // The square's low bits, dropped before the product, are worth less than a unit of the result.
        let half = exponent >> 12;
        return Fraction(add_proved(exponent, mul_proved(half, half) >> 41));
    }
    long_growth(if exponent < MAX_EXPONENT { exponent } else { MAX_EXPONENT })
}

/// The growth for exponents of 2^-20 and more.
#[inline(never)]
fn long_growth(exponent: u64) -> Fraction {
    // Below 2^-10: the first term left out is below 2^-56. The others need no more than the first 32 bits of their
    // factors: that takes less than 2^-51 from the square's half and less from the rest.
    let x = exponent & ((1 << 54) - 1);
    let short = x >> 22;
    let square = mul_proved(short, short) >> 20;
    let cube = mul_proved(square >> 12, short) >> 30;
    let fourth = mul_proved(square >> 12, square >> 12) >> 40;
    let series = add_proved(add_proved(x, square / 2), add_proved(cube / 6, fourth / 24));
    let looked_up = BY_1024TH[(exponent >> 54) as usize];
    // (1 + a)(1 + b) − 1, in range because the exponents add up to at most ln 2.
    Fraction(add_proved(add_proved(looked_up, series), mul_shift_below(looked_up, series)))
}

/// `e^(k ÷ 1024) − 1`; ln 2 is below 710 ÷ 1024.
static BY_1024TH: [u64; 710] = exponentials(1024);

/// `⌊2^64 (e^(k ÷ denominator) − 1)⌋` for k from zero: the series with 100 fractional bits, at compile time.
const fn exponentials<const N: usize>(denominator: u128) -> [u64; N] {
    let (mut table, mut k) = ([0; N], 0);
    while k < N {
        let (mut sum, mut term, mut n) = (0u128, 1u128 << 100, 1);
        while term > 0 {
            term = term * k as u128 / (denominator * n);
            sum += term;
            n += 1;
        }
        table[k] = (sum >> 36) as u64;
        k += 1;
    }
    table
}
