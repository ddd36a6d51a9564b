//! What is kept of a price: biased readings to value positions with, the slow reference, and what the price is good for.

use crate::{
    error::{Error, Result},
    number::{
        math::{
            add_proved, add_small_proved, add_wide_proved, bit_length, bit_length_wide, div_up, later, mul_proved,
            mul_shift_below, saturating_sub_short, scaled_quotient, sub_small_proved, sub_times_proved, wide_mul,
        },
        units::{Bps, ONE_BPS, Usd, UsdE8},
    },
    price::{
        feed::{MIN_EXPONENT, OracleConfig, Quote},
        policy::{Condition, FAVOUR_SECONDS},
    },
    record::layout::{FieldType, Layout, record},
};

record! {
    /// The last usable price and the readings made from it.
    ///
    /// A reading is a mantissa below 2^48 (48 significant bits or a few less); all five share `shift`:
    /// `mantissa × 2^-shift` is 10^-4 USD per atom, so that `amount × (mantissa × weight in bps) >> shift` is a
    /// weighted value in [`Usd`] with a single wide product.
    pub struct PriceCache: 120 {
        /// Spot price as published.
        pub price: u64,
        /// Confidence as published.
        pub confidence: u64,
        /// EMA as published.
        pub ema_price: u64,
        /// When it counts as published (`OracleConfig::published`), unix seconds; zero: never priced.
        pub publish_time: i64,
        /// When the first of two feeds published; of one, its time.
        pub first_time: i64,
        /// When the second of two feeds published; of one, its time.
        pub base_time: i64,
        /// Until when it may be used, unix seconds: for `max_age` from when it was published, or from when it was taken over if
        /// the chain's clock was behind.
        pub fresh_until: i64,
        /// What collateral is worth to new risk.
        pub low_initial: Reading,
        /// What debt costs new risk.
        pub high_initial: Reading,
        /// What collateral is worth to liquidation.
        pub low_maintenance: Reading,
        /// What debt costs to liquidation.
        pub high_maintenance: Reading,
        /// Unbiased.
        pub spot: Reading,
        /// The slow reference, as published but with `reference_bits` more fractional bits: 63 bits in all.
        pub reference: u64,
        /// Common binary exponent of the readings.
        pub shift: u32,
        /// Decimal exponent of the published numbers.
        pub exponent: i32,
        /// Confidence ÷ price, rounded up.
        pub confidence_bps: Bps,
        /// |spot − EMA| ÷ EMA, rounded up and at most 65,535.
        pub divergence_bps: Bps,
        /// Binary exponent of the slow reference.
        pub reference_bits: u8,
        /// What it is good for until then, by the reserve's limits: see [`Condition`].
        pub condition: u8,
        /// Zero.
        pub reserved: [u8; 2],
    }
}

/// Mantissa of a price; its binary exponent stands beside it in [`PriceCache`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Reading(pub u64);

impl Layout for Reading {
    const TYPE: FieldType = FieldType::U64;
}

impl PriceCache {
    /// Takes over a quote, whose condition is to be set next ([`Self::settled`]). Returns `false` if it is not newer than the
    /// price held; with two feeds, if one is older or neither is newer.
    ///
    /// Refused: a confidence above the maintenance limit. `multiple` is the confidence multiple in force, `decimals` are the
    /// token's (0 to 18), `now` is unix seconds.
    #[inline(always)]
    pub fn update(
        &mut self,
        quote: &Quote,
        oracle: &OracleConfig,
        multiple: Bps,
        decimals: u8,
        now: i64,
    ) -> Result<bool> {
        let Quote { price, confidence, ema_price, exponent, publish_time: first_time, base_time } = *quote;
        if !self.is_older_than(quote) {
            return Ok(false);
        }
        let confidence_bps = ratio_bps(confidence, price);
        if confidence_bps > oracle.max_confidence_maintenance {
            return Err(Error::PriceConfidenceTooWide);
        }
        let publish_time = oracle.published(first_time, base_time);
        let (reference, reference_bits) = self.follow(quote, publish_time, oracle.reference_speed);
        // Published numbers again, rounded away from the middle.
        let (slow_low, slow_high) = (reference >> reference_bits, ceil_shift(reference, reference_bits));
        // The confidence limit keeps the bias at or below the price, 20 % × 5, and all of them are below 2^63.
        let bias = mul_ceil_bps(confidence, multiple);
        let lowest = price.min(ema_price).min(slow_low);
        let highest = price.max(ema_price).max(slow_high);
        // Published exponents are −18 to 0, and there are 18 decimals at most.
        let unit = sub_small_proved(add_small_proved(exponent, USD_UNIT_DIGITS), decimals as i32);
        let scale = Scale::new(add_proved(highest, bias), unit);
        let spot = scale.floor(price);
        // At least one, which makes up for what the power of ten was rounded down by.
        let bias = if bias == 0 { Reading(1) } else { scale.ceil(bias) };
        let below = |reading: Reading| Reading(saturating_sub_short(reading.0, bias.0));
        // Above a reading rounded down by less than one.
        let above = |reading: Reading| Reading(add_proved(reading.0, bias.0 + 1));
        // One of the two is mostly the spot price itself.
        let scaled = |number| if number == price { spot } else { scale.floor(number) };
        *self = Self {
            price,
            confidence,
            ema_price,
            publish_time,
            first_time,
            base_time,
            fresh_until: later(if publish_time < now { publish_time } else { now }, oracle.max_age as i64),
            low_initial: below(scaled(lowest)),
            high_initial: above(scaled(highest)),
            low_maintenance: below(spot),
            high_maintenance: above(spot),
            spot,
            reference,
            shift: scale.shift,
            exponent,
            confidence_bps,
            divergence_bps: ratio_bps(price.abs_diff(ema_price), ema_price),
            reference_bits,
            ..*self
        };
        Ok(true)
    }

    /// Whether a quote is newer in one of its feeds and older in none. If one feed could go back while the other goes forward, a
    /// caller could bring an outdated price back.
    #[inline(always)]
    pub fn is_older_than(&self, quote: &Quote) -> bool {
        if quote.publish_time < self.first_time || quote.base_time < self.base_time {
            return false;
        }
        quote.publish_time != self.first_time || quote.base_time != self.base_time
    }

    /// When the newer of its feeds published, unix seconds. The other prices of an account must be of this moment.
    #[inline(always)]
    pub fn newest_time(&self) -> i64 {
        if self.first_time > self.base_time { self.first_time } else { self.base_time }
    }

    /// Forgets when the price was published, so that any price of another feed is newer. The price itself stays, and is too old
    /// from now on.
    pub(crate) fn await_another_feed(&mut self, now: i64) {
        // Zero is never priced.
        let last = self.publish_time.min(1);
        (self.publish_time, self.first_time, self.base_time) = (last, last, last);
        self.fresh_until = self.fresh_until.min(now.saturating_sub(1));
        self.reference = 0;
    }

    /// Takes over another age limit.
    pub(crate) fn change_age(&mut self, old: &OracleConfig, new: &OracleConfig) {
        let published = new.published(self.first_time, self.base_time);
        let later = (published - self.publish_time) + (new.max_age as i64 - old.max_age as i64);
        if self.publish_time > 1 {
            (self.publish_time, self.fresh_until) = (published, self.fresh_until.saturating_add(later));
        }
    }

    /// The slow reference r after a quote of price p, dt seconds (an hour at most) after the last one:
    /// `p, but within r ± r × speed × dt ÷ 1 h`. So a pumped price backs little new risk until the pump has lasted. It
    /// starts at the first price, and again when the feed changes.
    #[inline(always)]
    fn follow(&self, quote: &Quote, publish_time: i64, speed: Bps) -> (u64, u8) {
        /// A longer gap counts as an hour, so that waiting allows no larger step.
        const MAX_SECONDS: i64 = 3_600;
        const HOUR_BPS: u64 = 3_600 * ONE_BPS as u64;
        if self.reference == 0 || speed.0 == 0 {
            return normalised(quote.price, 0);
        }
        let (reference, bits) = if quote.exponent == self.exponent {
            (self.reference, self.reference_bits)
        } else {
            match rescaled(self.reference, self.reference_bits, self.exponent - quote.exponent) {
                Some(rescaled) => rescaled,
                None => return normalised(quote.price, 0),
            }
        };
        // Publish times are positive and never fall.
        let seconds = sub_times_proved(publish_time, self.publish_time).min(MAX_SECONDS) as u64;
        // 37 bits × (3,600 × 10,000 < 2^26): fits. At most the reference itself.
        let step = (mul_proved(reference >> 26, mul_proved(seconds, speed.0 as u64)) / HOUR_BPS) << 26;
        // The reference has 63 bits: the sum fits.
        let (low, high) = (reference - step, add_proved(reference, step));
        if quote.price > high >> bits {
            return normalised(high, bits);
        }
        // At most `high`: fits.
        let spot = quote.price << bits;
        normalised(if spot < low { low } else { spot }, bits)
    }

    /// What the price is good for by the reserve's limits, while it is recent and no breaker has tripped.
    #[inline(always)]
    pub fn settled(&self, oracle: &OracleConfig) -> Condition {
        if self.confidence_bps > oracle.max_confidence_initial {
            Condition::WideConfidence
        } else if self.divergence_bps > oracle.max_ema_divergence {
            Condition::FarFromAverage
        } else {
            Condition::Fresh
        }
    }

    /// The condition of the price by itself at `now`. Beside other prices: [`crate::state::reserve::Reserve::condition`].
    #[inline(always)]
    pub fn condition(&self, now: i64) -> Condition {
        // A clock that steps back makes a price newer, not stale.
        if now > self.fresh_until {
            self.outdated(now)
        } else if self.condition == Condition::Fresh as u8 {
            Condition::Fresh
        } else {
            self.unsettled()
        }
    }

    #[cold]
    #[inline(never)]
    fn outdated(&self, now: i64) -> Condition {
        match () {
            () if self.publish_time == 0 => Condition::NeverPriced,
            () if now > self.fresh_until.saturating_add(FAVOUR_SECONDS) => Condition::Dead,
            () => Condition::Stale,
        }
    }

    #[inline(always)]
    fn unsettled(&self) -> Condition {
        const NEVER: u8 = Condition::NeverPriced as u8;
        const WIDE: u8 = Condition::WideConfidence as u8;
        const MOVING: u8 = Condition::Moving as u8;
        const HALTED: u8 = Condition::Halted as u8;
        match self.condition {
            NEVER => Condition::NeverPriced,
            WIDE => Condition::WideConfidence,
            MOVING => Condition::Moving,
            HALTED => Condition::Halted,
            _ => Condition::FarFromAverage,
        }
    }

    /// How far the price is from its average or the slow reference, whichever is farther: rounded up, at most 65,535.
    #[inline(always)]
    pub fn distance(&self) -> Bps {
        // The reference's 63 bits begin above its fractional ones.
        let slow = self.reference >> self.reference_bits;
        self.divergence_bps.max(ratio_bps(self.price.abs_diff(slow), slow))
    }

    /// How far a quote is from the price that is held, in any unit: rounded up, at most 65,535.
    pub fn distance_of(&self, quote: &Quote) -> Bps {
        let Some((price, bits)) = rescaled(self.price, 0, self.exponent - quote.exponent) else { return Bps(u16::MAX) };
        // Two bits less than 63 leave room for a quote of up to four times as much.
        let cut = if price >> 61 == 0 { 0 } else { 2 };
        let (price, quoted) = (price >> cut, ((quote.price as u128) << bits) >> cut);
        if quoted >> 63 != 0 { Bps(u16::MAX) } else { ratio_bps((quoted as u64).abs_diff(price), price) }
    }

    /// Weighted value of an amount, rounded down: for collateral.
    #[inline(always)]
    pub fn value_floor(&self, amount: u64, reading: Reading, weight: Bps) -> Usd {
        self.value_floor_shifted(amount, reading, weight, self.shift)
    }

    /// The same with another shift than the reading's, at most twice the value.
    #[inline(always)]
    pub(crate) fn value_floor_shifted(&self, amount: u64, reading: Reading, weight: Bps, shift: u32) -> Usd {
        // Reading < 2^48 + 3 and weight < 2^16 (at most 50,000): the product fits.
        Usd(shift_right(wide_mul(amount, mul_proved(reading.0, weight.0 as u64)), shift).0)
    }

    /// Weighted value of an amount, rounded up: for debts.
    #[inline(always)]
    pub fn value_ceil(&self, amount: u64, reading: Reading, weight: Bps) -> Usd {
        self.value_ceil_shifted(amount, reading, weight, self.shift)
    }

    /// [`Self::value_floor`] out of line, for what is done rarely.
    #[cold]
    #[inline(never)]
    pub(crate) fn rare_value_floor(&self, amount: u64, reading: Reading, weight: Bps) -> Usd {
        self.value_floor(amount, reading, weight)
    }

    /// [`Self::value_ceil`] likewise.
    #[cold]
    #[inline(never)]
    pub(crate) fn rare_value_ceil(&self, amount: u64, reading: Reading, weight: Bps) -> Usd {
        self.value_ceil(amount, reading, weight)
    }

    /// The same with another shift than the reading's, at most twice the value.
    #[inline(always)]
    pub(crate) fn value_ceil_shifted(&self, amount: u64, reading: Reading, weight: Bps, shift: u32) -> Usd {
        let (value, inexact) = shift_right(wide_mul(amount, mul_proved(reading.0, weight.0 as u64)), shift);
        Usd(add_wide_proved(value, inexact as u128))
    }

    /// An amount's value at the spot price: see [`roughly`].
    #[inline(always)]
    pub fn roughly(&self, amount: u64) -> UsdE8 {
        UsdE8(roughly(amount, self.spot, self.shift))
    }

    /// More than an amount of a reserve's cash is worth, by a thousandth and three atoms: what is worth this is more than the amount, however it is rounded.
    #[inline(always)]
    pub(crate) fn at_least_worth(&self, amount: u64) -> u64 {
        // Cash: below 2^64 with a thousandth more.
        let UsdE8(value) = self.roughly(add_proved(amount, (amount >> 10) + 3));
        if value >> 63 != 0 { u64::MAX } else { add_proved(value, (value >> 10) + 1) }
    }

    /// [`Self::roughly`] of two amounts, which are mostly the same: of an hour and of a day.
    #[inline(always)]
    pub(crate) fn roughly_both(&self, one: u64, other: u64) -> (UsdE8, UsdE8) {
        let value = self.roughly(one);
        (value, if other == one { value } else { self.roughly(other) })
    }

    /// 2^75 ÷ spot by the spot's first bits: 27 to 31 bits. Zero for prices at the ends of the scale.
    #[inline(always)]
    pub fn reciprocal(&self) -> u64 {
        if self.spot.0 >> 44 == 0 || self.shift > 124 { 0 } else { (1 << 63) / (self.spot.0 >> 12) }
    }

    /// How many atoms so many whole dollars buy at the spot price, whose [`Self::reciprocal`] is given: right to 2^-26, and
    /// `u64::MAX` if more.
    #[inline(always)]
    pub fn atoms_of(&self, dollars: u32, reciprocal: u64) -> u64 {
        // dollars × 10^4 × 2^shift ÷ spot
        if reciprocal == 0 {
            return self.atoms_floor(Usd::dollars(dollars as u64), self.spot);
        }
        let atoms = mul_proved(mul_proved(dollars as u64, reciprocal) >> 14, ONE_BPS as u64);
        // × 2^(shift + 14 − 75)
        match self.shift {
            ..=61 => atoms >> (61 - self.shift),
            shift if atoms >> (125 - shift) == 0 => atoms << (shift - 61),
            _ => u64::MAX,
        }
    }

    /// The most atoms worth no more than `value` at a reading; `u64::MAX` if more, or if the reading is zero.
    pub fn atoms_floor(&self, value: Usd, reading: Reading) -> u64 {
        scaled_quotient(value.0, self.shift, mul_proved(reading.0, ONE_BPS as u64), false)
    }

    /// The fewest atoms worth at least `value` at a reading; `u64::MAX` if more, or if the reading is zero.
    pub fn atoms_ceil(&self, value: Usd, reading: Reading) -> u64 {
        scaled_quotient(value.0, self.shift, mul_proved(reading.0, ONE_BPS as u64), true)
    }
}

/// An amount's value at a reading in 10^-8 USD, at most `u64::MAX`: rounded down, right to 2^-18. For rate limits, which count
/// flows and not claims. The parts of an amount are together worth what the whole is, except for rounding. So tokens that come
/// in parts and leave as a whole do not move a limit.
#[inline(always)]
pub fn roughly(amount: u64, reading: Reading, shift: u32) -> u64 {
    /// Cut off reading × 10^4, of which 19 to 24 bits are left.
    const CUT: u32 = 38;
    /// Half of an amount that has more than 40 bits.
    const HALF: u32 = 24;
    let unit = mul_proved(reading.0, ONE_BPS as u64);
    let (mantissa, shift_left) = (unit >> CUT, shift.wrapping_sub(CUT));
    if mantissa >> 18 == 0 {
        return value_of_any(amount, unit, shift);
    }
    if amount >> 40 == 0 && shift_left < 64 {
        return mul_proved(amount, mantissa) >> shift_left;
    }
    if shift_left.wrapping_sub(HALF) < 64 {
        let low = mul_proved(amount & ((1 << HALF) - 1), mantissa) >> HALF;
        return add_proved(mul_proved(amount >> HALF, mantissa), low) >> (shift_left - HALF);
    }
    value_of_any(amount, mantissa << CUT, shift)
}

/// [`roughly`] for tokens worth very much or very little an atom, or nothing.
#[cold]
#[inline(never)]
fn value_of_any(amount: u64, unit: u64, shift: u32) -> u64 {
    if unit == 0 {
        return 0;
    }
    let value = shift_right(wide_mul(amount, unit), shift).0;
    if value >> 64 == 0 { value as u64 } else { u64::MAX }
}

/// `(high, low) >> shift` and whether a set bit was shifted out.
#[inline(always)]
fn shift_right((high, low): (u64, u64), shift: u32) -> (u128, bool) {
    if shift.wrapping_sub(1) < 63 {
        let value = (((high >> shift) as u128) << 64) | ((high << (64 - shift)) | (low >> shift)) as u128;
        (value, low << (64 - shift) != 0)
    } else {
        shift_right_far(high, low, shift)
    }
}

/// The same for the other shifts, those of tokens worth very much or very little an atom.
#[cold]
#[inline(never)]
fn shift_right_far(high: u64, low: u64, shift: u32) -> (u128, bool) {
    match shift {
        0 => (((high as u128) << 64) | low as u128, false),
        64 => (high as u128, low != 0),
        65..128 => ((high >> (shift - 64)) as u128, low != 0 || high << (128 - shift) != 0),
        _ => (0, high | low != 0),
    }
}

/// Digits between [`PriceCache`]'s unit and one dollar: readings × basis points are then [`Usd`].
const USD_UNIT_DIGITS: i32 = 4;

/// Turns published integers into readings of one common binary exponent.
struct Scale {
    power: PowerOfTen,
    normalise: u32,
    shift: u32,
}

impl Scale {
    /// For numbers up to `highest` that count units of 10^`exponent`.
    #[inline(always)]
    fn new(highest: u64, exponent: i32) -> Self {
        let power = POWERS_OF_TEN[sub_small_proved(exponent, MIN_POWER) as usize];
        let normalise = 64 - bit_length(highest);
        // number × 10^exponent = (number << normalise) × mantissa × 2^(power.exponent − normalise); of the 128-bit
        // product the top 48 bits are kept. Positive because a unit price is below 2^46 (10^9 USD, doubled).
        Self { power, normalise, shift: sub_small_proved(normalise as i32 - 80, power.exponent) as u32 }
    }

    #[inline(always)]
    fn floor(&self, number: u64) -> Reading {
        Reading(mul_shift_below(number << self.normalise, self.power.mantissa) >> 16)
    }

    #[inline(always)]
    fn ceil(&self, number: u64) -> Reading {
        // Three for the product, one for the power of ten, and four for what the readings it is added to are below theirs: two
        // and one. It is of a number that is half of the highest at most.
        Reading((add_proved(mul_shift_below(number << self.normalise, self.power.mantissa), 8) >> 16) + 1)
    }
}

/// `mantissa × 2^exponent ≤ 10^k < (mantissa + 1) × 2^exponent`, the mantissa's top bit set.
#[derive(Clone, Copy)]
struct PowerOfTen {
    mantissa: u64,
    exponent: i32,
}

/// Exponent −18, eighteen decimals, and four digits of unit.
const MIN_POWER: i32 = MIN_EXPONENT + USD_UNIT_DIGITS - 18;
const POWERS: usize = (USD_UNIT_DIGITS - MIN_POWER + 1) as usize;
static POWERS_OF_TEN: [PowerOfTen; POWERS] = {
    let mut table = [PowerOfTen { mantissa: 0, exponent: 0 }; POWERS];
    let mut index = 0;
    while index < POWERS {
        table[index] = power_of_ten(index as i32 + MIN_POWER);
        index += 1;
    }
    table
};

const fn power_of_ten(power: i32) -> PowerOfTen {
    let whole = 10u128.pow(power.unsigned_abs());
    let bits = 128 - whole.leading_zeros();
    if power >= 0 {
        // At most 10^4: exact.
        return PowerOfTen { mantissa: (whole << (64 - bits)) as u64, exponent: bits as i32 - 64 };
    }
    // ⌊2^(63 + bits) / whole⌋ has 64 bits: whole lies strictly between 2^(bits − 1) and 2^bits.
    PowerOfTen { mantissa: quotient_of_power_of_two(63 + bits, whole), exponent: -(63 + bits as i32) }
}

/// `⌊2^power / divisor⌋`, which fits, bit by bit: at compile time.
const fn quotient_of_power_of_two(power: u32, divisor: u128) -> u64 {
    let (mut quotient, mut rest, mut bit) = (0, 1, 0);
    while bit < power {
        // The rest stays below the divisor, which is below 2^107.
        rest <<= 1;
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
        bit += 1;
    }
    quotient
}

/// A number of so many fractional bits with 63 bits in all. Zero, which is no price, stays.
#[inline(always)]
fn normalised(number: u64, bits: u8) -> (u64, u8) {
    // As a reference that moves little mostly is.
    if number >> 62 == 1 {
        return (number, bits);
    }
    let length = bit_length(number);
    if length == 64 {
        return (number >> 1, bits.saturating_sub(1));
    }
    if number == 0 {
        return (0, 0);
    }
    // A published number is below 2^63, and a mantissa loses no more bits than it gained.
    (number << (63 - length), bits + (63 - length) as u8)
}

/// `number × 2^-bits × 10^digits` in the same form; `None` if it does not fit, or would have no digits left.
#[cold]
#[inline(never)]
pub(crate) fn rescaled(number: u64, bits: u8, digits: i32) -> Option<(u64, u8)> {
    let (mut number, mut bits) = (number as u128, bits as i32);
    for _ in 0..digits.unsigned_abs() {
        if digits > 0 {
            number *= 10;
        } else {
            number = (number << 8) / 10;
            bits += 8;
        }
        let excess = bit_length_wide(number) as i32 - 63;
        if excess > 0 {
            number >>= excess;
            bits -= excess;
        }
    }
    (0..=62).contains(&bits).then_some((number as u64, bits as u8))
}

/// `⌈number ÷ 2^bits⌉`, for less than 64 bits.
#[inline(always)]
fn ceil_shift(number: u64, bits: u8) -> u64 {
    add_proved(number >> bits, (number & ((1 << bits) - 1) != 0) as u64)
}

/// `⌈a / b⌉` in basis points, at most 65,535.
#[inline(always)]
fn ratio_bps(a: u64, b: u64) -> Bps {
    // Both sides below 2^50 keep the quotient in 64 bits; shifting both keeps the ratio to 2^-36.
    let (a, b) = if (a | b) >> 50 == 0 { (a, b) } else { ((a >> 14) + 1, b >> 14) };
    if b == 0 {
        return Bps(u16::MAX);
    }
    // 2^50 × 10^4 + 2^50 fits.
    Bps(div_up(mul_proved(a, ONE_BPS as u64), b).min(u16::MAX as u64) as u16)
}

/// `⌈number × factor⌉` for a factor in basis points, at most `u64::MAX`.
#[inline(always)]
fn mul_ceil_bps(number: u64, factor: Bps) -> u64 {
    let (factor, one) = (factor.0 as u64, ONE_BPS as u64);
    if number >> 48 == 0 {
        // A multiple is at most 50,000.
        return div_up(mul_proved(number, factor), one);
    }
    // Two digits, the lower of sixteen bits: 2^48 × 2^16, and the rest, below 2^14, × 2^16 with 2^16 × 2^16.
    let upper = mul_proved(number >> 16, factor);
    let lower = div_up(add_proved((upper % one) << 16, mul_proved(number & 0xffff, factor)), one);
    if (upper / one) >> 47 == 0 { add_proved((upper / one) << 16, lower) } else { u64::MAX }
}
