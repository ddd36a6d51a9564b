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
    let low = (a & LOW).wrapping_mul(b & LOW);
    let (high, cross) = upper_halves(a, b, low);
    (high, (cross << 32) | (low & LOW))
}

const LOW: u64 = 0xffff_ffff;

/// The high word of `a × b`, and its second half-word with what lies above, given the product of the low halves.
#[inline(always)]
const fn upper_halves(a: u64, b: u64, low: u64) -> (u64, u64) {
    let (a1, a0, b1, b0) = (a >> 32, a & LOW, b >> 32, b & LOW);
    // Each product is below 2^64 - 2^33 + 2, so a product plus two 32-bit numbers cannot overflow.
    let middle = a1.wrapping_mul(b0).wrapping_add(low >> 32);
    let cross = a0.wrapping_mul(b1).wrapping_add(middle & LOW);
    (a1.wrapping_mul(b1).wrapping_add(middle >> 32).wrapping_add(cross >> 32), cross)
}

/// `a × b` as one 128-bit number.
#[inline(always)]
pub const fn wide(a: u64, b: u64) -> u128 {
    let (high, low) = wide_mul(a, b);
    ((high as u128) << 64) | low as u128
}

macro_rules! proved {
    ($($(#[$meta:meta])* $name:ident($int:ty) = $checked:ident, $wrapping:ident;)*) => {$(
        $(#[$meta])*
        #[inline(always)]
        pub const fn $name(a: $int, b: $int) -> $int {
            debug_assert!(a.$checked(b).is_some());
            a.$wrapping(b)
        }
    )*};
}

// The target has no overflow flag: a checked sum costs five to fifteen compute units there and a checked product
// sixty. These are for the hot paths, where the comment at the call or an invariant says why the result fits; tests
// check that it does.
proved! {
    /// `a × b`, proved to fit.
    mul_proved(u64) = checked_mul, wrapping_mul;
    /// `a + b`, proved to fit.
    add_proved(u64) = checked_add, wrapping_add;
    /// `a − b`, of which `a` is proved to be no less.
    sub_proved(u64) = checked_sub, wrapping_sub;
    /// `a + b`, proved to fit.
    add_wide_proved(u128) = checked_add, wrapping_add;
    /// `a + b` of small numbers like exponents.
    add_small_proved(i32) = checked_add, wrapping_add;
    /// `a − b` of small numbers like exponents.
    sub_small_proved(i32) = checked_sub, wrapping_sub;
    /// The time from `b` to `a`, neither of which is negative.
    sub_times_proved(i64) = checked_sub, wrapping_sub;
}

/// `⌊a × b / 2^64⌋`: the product of an amount and a fraction with 64 fractional bits.
#[inline(always)]
pub fn mul_shift_floor(a: u64, b: u64) -> u64 {
    #[cfg(not(target_os = "solana"))]
    return wide_mul(a, b).0;
    // Where only the high half is used, LLVM recognises it and calls the library's 128-bit product, at twice the cost:
    // hence the black box.
    #[cfg(target_os = "solana")]
    upper_halves(a, b, core::hint::black_box((a & LOW).wrapping_mul(b & LOW))).0
}

/// `⌊a × b / 2^64⌋` or up to two less, and three more than that is no less than `a × b / 2^64`: without the product of the low
/// halves, at half the cost.
#[inline(always)]
pub const fn mul_shift_below(a: u64, b: u64) -> u64 {
    let (a1, a0, b1, b0) = (a >> 32, a & LOW, b >> 32, b & LOW);
    // Three parts of the high word of the product.
    add_proved(add_proved(a1.wrapping_mul(b1), a1.wrapping_mul(b0) >> 32), a0.wrapping_mul(b1) >> 32)
}

/// `⌊a × b / 2^32⌋` for a `b` below 2^32, which is in range: the product of a number and a fraction with 32 fractional bits.
#[inline(always)]
pub const fn mul_shift32_floor(a: u64, b: u64) -> u64 {
    add_proved(mul_proved(a >> 32, b), mul_proved(a & LOW, b) >> 32)
}

/// `⌈a × b / 2^32⌉` for a `b` below 2^32: at most `a`.
#[inline(always)]
pub const fn mul_shift32_ceil(a: u64, b: u64) -> u64 {
    let low = mul_proved(a & LOW, b);
    add_proved(mul_proved(a >> 32, b), (low >> 32) + (low & LOW != 0) as u64)
}

/// `a − b`, zero if `b` is larger, which is rare: the library's takes twice as many compute units.
#[inline(always)]
pub const fn saturating_sub(a: u64, b: u64) -> u64 {
    if a < b {
        core::hint::cold_path();
        return 0;
    }
    a.wrapping_sub(b)
}

/// [`saturating_sub`] of numbers below 2^63, for a third less.
#[inline(always)]
pub const fn saturating_sub_short(a: u64, b: u64) -> u64 {
    debug_assert!((a | b) >> 63 == 0);
    let rest = a.wrapping_sub(b) as i64;
    if rest > 0 { rest as u64 } else { 0 }
}

/// [`saturating_sub`] of 128-bit numbers.
#[inline(always)]
pub const fn saturating_sub_wide(a: u128, b: u128) -> u128 {
    if is_below(a, b) {
        core::hint::cold_path();
        return 0;
    }
    a.wrapping_sub(b)
}

/// `a < b` of numbers that mostly fit in 64 bits: the library's takes twice as many compute units.
#[inline(always)]
pub const fn is_below(a: u128, b: u128) -> bool {
    let (a1, b1) = ((a >> 64) as u64, (b >> 64) as u64);
    if a1 != b1 {
        core::hint::cold_path();
        return a1 < b1;
    }
    (a as u64) < b as u64
}

/// The time so many seconds after another, at most `i64::MAX`. The seconds are not negative.
#[inline(always)]
pub const fn later(time: i64, seconds: i64) -> i64 {
    let later = time.wrapping_add(seconds);
    if later < time {
        core::hint::cold_path();
        return i64::MAX;
    }
    later
}

/// `⌈a × b / 2^64⌉`. Cannot overflow: the high half of a product is at most `2^64 - 2`.
#[inline(always)]
pub const fn mul_shift_ceil(a: u64, b: u64) -> u64 {
    let (high, low) = wide_mul(a, b);
    add_proved(high, (low != 0) as u64)
}

/// `⌊a × b / d⌋`, `None` if it does not fit in 64 bits or `d` is zero.
pub const fn mul_div_floor(a: u64, b: u64, d: u64) -> Option<u64> {
    if d == 0 {
        return None;
    }
    match div_narrow(wide(a, b), d) {
        Some((quotient, _)) => Some(quotient),
        None => None,
    }
}

/// `⌈a × b / d⌉`, `None` if it does not fit in 64 bits or `d` is zero.
pub const fn mul_div_ceil(a: u64, b: u64, d: u64) -> Option<u64> {
    if d == 0 {
        return None;
    }
    match div_narrow(wide(a, b), d) {
        Some((quotient, 0)) => Some(quotient),
        Some((quotient, _)) => quotient.checked_add(1),
        None => None,
    }
}

/// `(high × 2^64 + low) / d` and the rest, for `high < d` and a `d` whose top bit is set: so the quotient fits.
#[inline(always)]
pub const fn div_normalised(high: u64, low: u64, d: u64) -> (u64, u64) {
    #[cfg(target_os = "solana")]
    {
        let quotient = quotient_by_halves(high, low, d);
        (quotient, low.wrapping_sub(quotient.wrapping_mul(d)))
    }
    #[cfg(not(target_os = "solana"))]
    {
        let n = ((high as u128) << 64) | low as u128;
        ((n / d as u128) as u64, (n % d as u128) as u64)
    }
}

/// The quotient of [`div_normalised`] by two digits of 32 bits (Knuth's algorithm D): what runs on chain, where a 128-bit
/// division is a library call of twice the cost. Out of line, and without the rest, which would be returned through memory.
#[inline(never)]
pub const fn quotient_by_halves(high: u64, low: u64, d: u64) -> u64 {
    let (first, rest) = digit(high, low >> 32, d);
    let (second, _) = digit(rest, low & LOW, d);
    (first << 32) | second
}

/// `(top × 2^32 + next) / d` and the rest, for `top < d`.
#[inline(always)]
const fn digit(top: u64, next: u64, d: u64) -> (u64, u64) {
    let (d1, d0) = (d >> 32, d & LOW);
    // The estimate from the top digits is at most two too large.
    let mut quotient = top / d1;
    let mut rest = top.wrapping_sub(quotient.wrapping_mul(d1));
    while quotient > LOW || quotient.wrapping_mul(d0) > ((rest << 32) | next) {
        quotient = quotient.wrapping_sub(1);
        rest = rest.wrapping_add(d1);
        if rest > LOW {
            break;
        }
    }
    // The true rest is below 2^64: it survives the wrapping.
    (quotient, ((top << 32) | next).wrapping_sub(quotient.wrapping_mul(d)))
}

/// `n / d` and the rest, `None` if the quotient does not fit in 64 bits or `d` is zero.
#[inline(always)]
pub const fn div_narrow(n: u128, d: u64) -> Option<(u64, u64)> {
    let (high, low) = ((n >> 64) as u64, n as u64);
    if high >= d {
        return None;
    }
    if high == 0 {
        return Some((low / d, low % d));
    }
    let shift = 64 - bit_length(d);
    // Two shifts: a single one by 64 is out of range.
    let (quotient, rest) = div_normalised((high << shift) | ((low >> 1) >> (63 - shift)), low << shift, d << shift);
    Some((quotient, rest >> shift))
}

/// Bits of a number.
#[inline(always)]
pub const fn bit_length(number: u64) -> u32 {
    if number >> 32 == 0 { bit_length32(number) } else { 32 + bit_length32(number >> 32) }
}

/// Bits of a number of up to 128 bits. Out of line, because it is long and rarely used.
#[inline(never)]
pub const fn bit_length_wide(number: u128) -> u32 {
    let high = (number >> 64) as u64;
    if high == 0 { bit_length(number as u64) } else { 64 + bit_length(high) }
}

/// `value` as 64 bits, `None` if it does not fit.
#[inline(always)]
pub const fn narrow(value: u128) -> Option<u64> {
    if value >> 64 == 0 { Some(value as u64) } else { None }
}

/// The shift that brings a number below 2^32.
#[inline(always)]
pub const fn excess_over_32_bits(number: u64) -> u32 {
    if number >> 32 == 0 { 0 } else { bit_length32(number >> 32) }
}

/// `⌊part / whole⌋` with 32 fractional bits, for `part ≤ whole`, both cut by `shift` bits first to fit 32: rounded down
/// by less than 2^-29 of one if `shift` is the whole's [`excess_over_32_bits`]. Zero for an empty whole.
#[inline(always)]
pub const fn ratio32(part: u64, whole: u64, shift: u32) -> u64 {
    if whole == 0 {
        return 0;
    }
    ((part >> shift) << 32) / ((whole >> shift) + (shift != 0) as u64)
}

/// `⌊part / whole⌋` with 30 fractional bits, for `part ≤ whole < 2^49`: in two digits. One for an empty whole.
#[inline(always)]
pub const fn ratio30(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 1 << 30;
    }
    let first = (part << 15) / whole;
    let rest = (part << 15).wrapping_sub(first.wrapping_mul(whole));
    (first << 15) | ((rest << 15) / whole)
}

/// `⌊√n⌋`, by Newton's method from above. The library's is 3 KB of the program.
pub const fn root(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    // At most 2^32.
    let mut root = 1 << bit_length(n).div_ceil(2);
    loop {
        let next = add_proved(root, n / root) >> 1;
        if next >= root {
            return root;
        }
        root = next;
    }
}

/// Bits of a number below 2^32. The target has no instruction for it, and the compiler's way takes several times as many.
#[inline(always)]
const fn bit_length32(mut number: u64) -> u32 {
    let mut length = 0;
    if number >> 16 != 0 {
        number >>= 16;
        length = 16;
    }
    if number >> 8 != 0 {
        number >>= 8;
        length += 8;
    }
    length + BITS_OF_BYTE[(number & 0xff) as usize] as u32
}

static BITS_OF_BYTE: [u8; 256] = {
    let mut bits = [0; 256];
    let mut number = 1;
    while number < bits.len() {
        bits[number] = bits[number / 2] + 1;
        number += 1;
    }
    bits
};

/// `⌊a × b / d⌋` with a 192-bit product, `None` if it does not fit in 128 bits or `d` is zero.
pub const fn mul_div_wide_floor(a: u128, b: u64, d: u64) -> Option<u128> {
    match mul_div_rest(a, b, d) {
        Some((quotient, _)) => Some(quotient),
        None => None,
    }
}

/// `⌈a × b / d⌉` with a 192-bit product, `None` if it does not fit in 128 bits or `d` is zero.
pub const fn mul_div_wide_ceil(a: u128, b: u64, d: u64) -> Option<u128> {
    match mul_div_rest(a, b, d) {
        Some((quotient, 0)) => Some(quotient),
        Some((quotient, _)) => quotient.checked_add(1),
        None => None,
    }
}

/// Quotient and rest of `a × b / d`: schoolbook division of three 64-bit digits by one.
#[inline(never)]
const fn mul_div_rest(a: u128, b: u64, d: u64) -> Option<(u128, u64)> {
    if d == 0 {
        return None;
    }
    let low = wide(a as u64, b);
    // At most (2^64 − 1)² + 2^64 − 1.
    let high = add_wide_proved(wide((a >> 64) as u64, b), low >> 64);
    let (high, low) = (high, low as u64);
    let (top, carried) = if high >> 64 == 0 && (high as u64) < d {
        (0, high as u64)
    } else {
        match div_narrow(high, d) {
            Some(digit) => digit,
            None => return None,
        }
    };
    // The rest of the first digit is below the divisor: the second fits.
    match div_narrow(((carried as u128) << 64) | low as u128, d) {
        Some((bottom, rest)) => Some((((top as u128) << 64) | bottom as u128, rest)),
        None => None,
    }
}

/// `⌈n / d⌉` where `n + d` fits: the standard library looks at the rest.
#[inline(always)]
pub const fn div_up(n: u64, d: u64) -> u64 {
    add_proved(n, d - 1) / d
}

/// `⌈n / d⌉` with one division: the standard library's takes two, quotient and rest.
#[inline(always)]
pub const fn div_ceil(n: u128, d: u128) -> u128 {
    if n == 0 { 0 } else { (n - 1) / d + 1 }
}

/// `value × 2^shift ÷ unit`, rounded down or up; `u64::MAX` if more.
pub fn scaled_quotient(value: u128, shift: u32, unit: u64, round_up: bool) -> u64 {
    if value >> 64 == 0 && shift <= 64 {
        let Some((quotient, rest)) = div_narrow(value << shift, unit) else { return u64::MAX };
        return quotient.saturating_add((round_up && rest != 0) as u64);
    }
    // The power of two in up to two factors of 64 bits. Only prices below 10^-7 USD/10^4 atoms have a second one; scaling
    // the divisor's side would lose bits.
    let (first, second) = if shift < 64 { (shift, 0) } else { (63, shift - 63) };
    if second >= 64 && value != 0 {
        return u64::MAX;
    }
    let scaled = (value.leading_zeros() >= second).then(|| value << second);
    match scaled.and_then(|scaled| mul_div_rest(scaled, 1 << first, unit)) {
        Some((quotient, rest)) if quotient >> 64 == 0 => {
            (quotient as u64).saturating_add((round_up && rest != 0) as u64)
        }
        _ => u64::MAX,
    }
}

/// The largest number up to `most` that passes, by halving: it passes and the next does not. Zero, whether it passes or not, if halving
/// meets none.
pub fn largest(most: u64, mut passes: impl FnMut(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = high - (high - low) / 2;
        if passes(middle) { low = middle } else { high = middle - 1 }
    }
    low
}
