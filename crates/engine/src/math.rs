//! Integer arithmetic with the rounding in the name. There is no `round` in this crate.
//!
//! The target has no 64 × 64 → 128 bit instruction and calls a library function for `u128` products, so the hot
//! products are built from 32-bit halves there and left to the compiler elsewhere; `tests/` holds both equal.

/// The 128-bit product of two 64-bit numbers as `(high, low)`.
#[inline(always)]
#[cfg(not(target_os = "solana"))]
pub const fn wide_mul(a: u64, b: u64) -> (u64, u64) {
    let product = a as u128 * b as u128;
    ((product >> 64) as u64, product as u64)
}

/// The 128-bit product of two 64-bit numbers as `(high, low)`.
#[inline(always)]
#[cfg(target_os = "solana")]
pub const fn wide_mul(a: u64, b: u64) -> (u64, u64) {
    wide_mul_by_halves(a, b)
}

/// [`wide_mul`] from four 32-bit products: what runs on chain.
#[inline(always)]
pub const fn wide_mul_by_halves(a: u64, b: u64) -> (u64, u64) {
    const LOW: u64 = 0xffff_ffff;
    let (a1, a0, b1, b0) = (a >> 32, a & LOW, b >> 32, b & LOW);
    // Each product is below 2^64 - 2^33 + 2, so a product plus two 32-bit numbers cannot overflow.
    let low = a0.wrapping_mul(b0);
    let middle = a1.wrapping_mul(b0).wrapping_add(low >> 32);
    let cross = a0.wrapping_mul(b1).wrapping_add(middle & LOW);
    let high = a1.wrapping_mul(b1).wrapping_add(middle >> 32).wrapping_add(cross >> 32);
    (high, (cross << 32) | (low & LOW))
}

/// `a × b` as one 128-bit number.
#[inline(always)]
pub const fn wide(a: u64, b: u64) -> u128 {
    let (high, low) = wide_mul(a, b);
    ((high as u128) << 64) | low as u128
}

/// `⌊a × b / 2^64⌋`: the product of an amount and a fraction with 64 fractional bits.
#[inline(always)]
pub const fn mul_shift_floor(a: u64, b: u64) -> u64 {
    wide_mul(a, b).0
}

/// `⌈a × b / 2^64⌉`. Cannot overflow: the high half of a product is at most `2^64 - 2`.
#[inline(always)]
pub const fn mul_shift_ceil(a: u64, b: u64) -> u64 {
    let (high, low) = wide_mul(a, b);
    high + (low != 0) as u64
}

/// `⌊a × b / d⌋`, `None` if it does not fit in 64 bits or `d` is zero.
pub const fn mul_div_floor(a: u64, b: u64, d: u64) -> Option<u64> {
    if d == 0 {
        return None;
    }
    narrow(wide(a, b) / d as u128)
}

/// `⌈a × b / d⌉`, `None` if it does not fit in 64 bits or `d` is zero.
pub const fn mul_div_ceil(a: u64, b: u64, d: u64) -> Option<u64> {
    if d == 0 {
        return None;
    }
    narrow(wide(a, b).div_ceil(d as u128))
}

/// `value` as 64 bits, `None` if it does not fit.
#[inline(always)]
pub const fn narrow(value: u128) -> Option<u64> {
    if value >> 64 == 0 { Some(value as u64) } else { None }
}

/// `⌊a × b / d⌋` with a 192-bit product, `None` if it does not fit in 128 bits or `d` is zero.
pub const fn mul_div_wide_floor(a: u128, b: u64, d: u128) -> Option<u128> {
    match mul_div_rem(a, b, d) {
        Some((quotient, _)) => Some(quotient),
        None => None,
    }
}

/// `⌈a × b / d⌉` with a 192-bit product, `None` if it does not fit in 128 bits or `d` is zero.
pub const fn mul_div_wide_ceil(a: u128, b: u64, d: u128) -> Option<u128> {
    match mul_div_rem(a, b, d) {
        Some((quotient, 0)) => Some(quotient),
        Some((quotient, _)) => quotient.checked_add(1),
        None => None,
    }
}

/// Quotient and remainder of `a × b / d`: one hardware-width division while the product fits in 128 bits, binary long
/// division of the 192-bit product otherwise. Only liquidations and losses of absurd size take the second way.
const fn mul_div_rem(a: u128, b: u64, d: u128) -> Option<(u128, u128)> {
    if d == 0 {
        return None;
    }
    let low = wide(a as u64, b);
    let (high, carry) = wide((a >> 64) as u64, b).overflowing_add(low >> 64);
    debug_assert!(!carry);
    let low = low as u64;
    if high >> 64 == 0 {
        let product = (high << 64) | low as u128;
        return Some((product / d, product % d));
    }
    // The remainder starts as the top 128 bits; the 64 low bits are brought down one by one.
    if (high / d) >> 64 != 0 {
        return None;
    }
    let (mut quotient, mut remainder) = (high / d, high % d);
    let mut bit = 64;
    while bit > 0 {
        bit -= 1;
        let overflows = remainder >> 127 != 0;
        remainder = (remainder << 1) | ((low >> bit) & 1) as u128;
        quotient <<= 1;
        if overflows || remainder >= d {
            remainder = remainder.wrapping_sub(d);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}
