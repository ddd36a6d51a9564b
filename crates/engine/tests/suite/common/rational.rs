//! Exact rationals and what is computed with them.

use num_bigint::{BigInt, BigUint};
pub use num_rational::BigRational as Rational;

/// Bits kept behind the point where a number is irrational or would grow without end.
const PRECISION: u32 = 224;

pub fn int(value: impl Into<BigInt>) -> Rational {
    Rational::from_integer(value.into())
}

pub fn ratio(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Rational {
    Rational::new(numerator.into(), denominator.into())
}

pub fn zero() -> Rational {
    int(0)
}

/// `2^power`.
pub fn two_to(power: i32) -> Rational {
    let whole = int(BigInt::from(1) << power.unsigned_abs());
    if power < 0 { whole.recip() } else { whole }
}

/// `10^power`.
pub fn ten_to(power: i32) -> Rational {
    let whole = int(BigInt::from(10).pow(power.unsigned_abs()));
    if power < 0 { whole.recip() } else { whole }
}

/// A number of so many fractional bits.
pub fn fixed(bits: u128, fractional: u32) -> Rational {
    ratio(bits, BigInt::from(1) << fractional)
}

/// The number cut off 224 bits behind the point.
pub fn cut(value: &Rational) -> Rational {
    let numerator: BigInt = value.numer() << PRECISION;
    Rational::new(numerator / value.denom(), BigInt::from(1) << PRECISION)
}

/// `e^x − 1` for `0 ≤ x < 1`, from below by less than 2^-200: Taylor's series to 60 terms (1/61! < 2^-276), each term
/// cut off 224 bits behind the point.
pub fn exp_minus_one(x: &Rational) -> Rational {
    assert!(*x >= zero() && *x < int(1));
    let (mut sum, mut term) = (zero(), int(1));
    for n in 1..=60 {
        term = cut(&(term * x / int(n)));
        sum += &term;
    }
    sum
}

pub fn abs(value: Rational) -> Rational {
    if value < zero() { -value } else { value }
}

pub fn floor(value: &Rational) -> BigUint {
    value.floor().to_integer().to_biguint().expect("not negative")
}

pub fn ceil(value: &Rational) -> BigUint {
    value.ceil().to_integer().to_biguint().expect("not negative")
}
