//! Library functions for the build without Solana's own tools: 128-bit multiplication and division, and `memcmp`.
//!
//! There the compiler and the linker's LLVM disagree on how a function returns 128 bits, so the five library functions
//! that return them are small adapters (`scripts/toolchain/wide-returns.ll`) around the `sbf_*` functions here. Solana's
//! own platform tools bring all of it with them and do not compile this module.
//!
//! The arithmetic works on 64-bit halves, with wrapping operations where the comment says that nothing is lost. Nothing
//! may use `*`, `/` or `%` on a 128-bit value: that would compile to a call of the very function defined.

#[cfg(target_arch = "bpf")]
use solana_compiler_builtins as _;

// On 64-bit halves, like everything here.
use ballast_engine::number::math::{quotient_by_halves, wide_mul_by_halves};

/// `memcmp`: negative, zero or positive as the first `n` bytes are less, equal or more than the others.
///
/// It replaces the one of `solana-compiler-builtins`, whose loop for the first byte that differs is inlined at every call.
/// Where only equality matters, the compiler reduces this one to comparisons of words. That saves 18 KB of the program.
///
/// # Safety
///
/// Both pointers must be valid for reads of `n` bytes.
#[cfg_attr(target_arch = "bpf", unsafe(export_name = "memcmp"))]
pub unsafe extern "C" fn compare(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut done = 0;
    while done + 8 <= n {
        // SAFETY: eight more bytes are within the `n` that the caller vouches for.
        let [a, b] = [a, b].map(|start| unsafe { start.add(done).cast::<u64>().read_unaligned() });
        if a != b {
            // The first byte decides.
            return if a.to_be() < b.to_be() { -1 } else { 1 };
        }
        done += 8;
    }
    while done < n {
        // SAFETY: one more byte is within `n` too.
        let [a, b] = [a, b].map(|start| unsafe { start.add(done).read() });
        if a != b {
            return a as i32 - b as i32;
        }
        done += 1;
    }
    0
}

/// The high and the low half of `x`.
#[inline(always)]
const fn split(x: u128) -> (u64, u64) {
    ((x >> 64) as u64, x as u64)
}

#[inline(always)]
const fn join(high: u64, low: u64) -> u128 {
    ((high as u128) << 64) | low as u128
}

/// The top 64 bits of `(high:low) << shift`, for a shift below 64.
#[inline(always)]
const fn shift_in(high: u64, low: u64, shift: u32) -> u64 {
    // Two shifts: a single one by 64 - 0 would be out of range.
    (high << shift) | ((low >> 1) >> (63 - shift))
}

/// Quotient and rest. The compiler checks for a zero divisor before it calls a division. If one got here all the same, the
/// 64-bit division below would panic.
#[inline(never)]
const fn div_rem(n: u128, d: u128) -> (u128, u128) {
    let ((n1, n0), (d1, d0)) = (split(n), split(d));
    if d1 == 0 {
        if n1 == 0 {
            return ((n0 / d0) as u128, (n0 % d0) as u128);
        }
        // Schoolbook division by one 64-bit digit.
        let (q1, r1) = (n1 / d0, n1 % d0);
        let shift = d0.leading_zeros();
        let q0 = quotient_by_halves(shift_in(r1, n0, shift), n0 << shift, d0 << shift);
        return (join(q1, q0), n0.wrapping_sub(q0.wrapping_mul(d0)) as u128);
    }
    if d > n {
        return (0, n);
    }
    // The quotient fits in 64 bits. Dividing half of `n` by the top 64 bits of `d` gives it or one more; one less than
    // that estimate is never too large, and at most one too small.
    let shift = d1.leading_zeros();
    let top = shift_in(d1, d0, shift);
    let estimate = quotient_by_halves(n1 >> 1, (n1 << 63) | (n0 >> 1), top) >> (63 - shift);
    let q = estimate.saturating_sub(1);
    // q * d <= n, so neither the product nor the difference leaves 128 bits.
    let (high, low) = wide_mul_by_halves(q, d0);
    let r = n.wrapping_sub(join(high.wrapping_add(q.wrapping_mul(d1)), low));
    if r >= d { (q.wrapping_add(1) as u128, r.wrapping_sub(d)) } else { (q as u128, r) }
}

/// `a * b`, modulo 2^128.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
pub fn sbf_multi3(a: u128, b: u128) -> u128 {
    let ((a1, a0), (b1, b0)) = (split(a), split(b));
    let (high, low) = wide_mul_by_halves(a0, b0);
    join(high.wrapping_add(a1.wrapping_mul(b0)).wrapping_add(a0.wrapping_mul(b1)), low)
}

/// `n / d`, unsigned.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
pub fn sbf_udivti3(n: u128, d: u128) -> u128 {
    div_rem(n, d).0
}

/// `n % d`, unsigned.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
pub fn sbf_umodti3(n: u128, d: u128) -> u128 {
    div_rem(n, d).1
}

/// `n / d`, signed, towards zero.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
pub fn sbf_divti3(n: i128, d: i128) -> i128 {
    let q = div_rem(n.unsigned_abs(), d.unsigned_abs()).0 as i128;
    if (n < 0) != (d < 0) { q.wrapping_neg() } else { q }
}

/// `n % d`, signed, with the sign of `n`.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
pub fn sbf_modti3(n: i128, d: i128) -> i128 {
    let r = div_rem(n.unsigned_abs(), d.unsigned_abs()).1 as i128;
    if n < 0 { r.wrapping_neg() } else { r }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: u128, b: u128) {
        assert_eq!(sbf_multi3(a, b), a.wrapping_mul(b), "{a:#x} * {b:#x}");
        if b == 0 {
            return;
        }
        assert_eq!(sbf_udivti3(a, b), a / b, "{a:#x} / {b:#x}");
        assert_eq!(sbf_umodti3(a, b), a % b, "{a:#x} % {b:#x}");
        let (a, b) = (a as i128, b as i128);
        assert_eq!(sbf_divti3(a, b), a.wrapping_div(b), "{a} / {b}");
        assert_eq!(sbf_modti3(a, b), a.wrapping_rem(b), "{a} % {b}");
    }

    #[test]
    fn bytes_are_ordered_as_slices_are() {
        let bytes: Vec<u8> = (0..64u32).map(|index| (index * 151 + 7) as u8).collect();
        for n in 0..=40 {
            for changed in 0..40 {
                for value in [0, 1, 127, 128, 255] {
                    let mut other = bytes.clone();
                    other[changed] = value;
                    // SAFETY: both are longer than `n`.
                    let order = unsafe { compare(bytes.as_ptr(), other.as_ptr(), n) };
                    assert_eq!(order.cmp(&0), bytes[..n].cmp(&other[..n]), "{n} bytes, {changed}: {value}");
                }
            }
        }
    }

    /// All powers of two, their neighbours and complements, each with each.
    #[test]
    fn edges_match_native_arithmetic() {
        let mut edges = vec![0, u128::MAX, 10u128.pow(18), 10u128.pow(38)];
        for bit in 0..128 {
            let power = 1u128 << bit;
            edges.extend([power - 1, power, power.wrapping_add(1), !power, power | (power >> 32)]);
        }
        for &a in &edges {
            for &b in &edges {
                check(a, b);
            }
        }
    }

    /// Random values of every pair of widths, and values around multiples of the divisor.
    #[test]
    fn random_values_match_native_arithmetic() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d)
        };
        for round in 0..200_000u32 {
            let a = join(next(), next()) >> (round % 128);
            let b = join(next(), next()) >> (round / 128 % 128);
            check(a, b);
            let multiple = a.wrapping_mul(b);
            for near in [multiple.wrapping_sub(1), multiple, multiple.wrapping_add(1)] {
                check(near, b);
                check(near, a);
            }
        }
    }
}
