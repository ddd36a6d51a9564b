//! Prices: what Pyth publishes, when it is usable, and the biased readings that positions are valued with.

use crate::{
    error::{Error, Result},
    layout::{Address, record},
    math::{
        add_wide, bit_length, div_narrow, mul, mul_div_wide_ceil, mul_div_wide_floor, mul_shift_ceil, mul_shift_floor,
        wide_mul,
    },
    units::{Bps, ONE_BPS, Usd},
};

/// A price update as a Pyth receiver stores it (`PriceUpdateV2`, verification level Full).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceUpdate {
    /// Which price this is.
    pub feed_id: [u8; 32],
    /// Spot price, times 10^`exponent` USD.
    pub price: i64,
    /// Half-width of the confidence interval in the same unit.
    pub confidence: u64,
    /// Decimal exponent of all four numbers.
    pub exponent: i32,
    /// When it was published, unix seconds.
    pub publish_time: i64,
    /// Exponential moving average of the price over about an hour.
    pub ema_price: i64,
}

impl PriceUpdate {
    /// Bytes of a price update account.
    pub const LEN: usize = 134;
    /// The first eight bytes of such an account.
    pub const DISCRIMINATOR: [u8; 8] = [34, 241, 35, 99, 157, 126, 244, 205];
    /// The verification byte of a fully verified update. A partial one has another length of this field, which shifts
    /// every field behind it.
    pub const FULLY_VERIFIED: u8 = 1;

    /// Reads the account's data.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Result<Self> {
        let data: &[u8; Self::LEN] = data.try_into().map_err(|_| Error::PriceAccountMalformed)?;
        if data[..8] != Self::DISCRIMINATOR {
            return Err(Error::PriceAccountMalformed);
        }
        if data[40] != Self::FULLY_VERIFIED {
            return Err(Error::PriceNotFullyVerified);
        }
        let word = |at: usize| {
            u64::from_le_bytes([
                data[at],
                data[at + 1],
                data[at + 2],
                data[at + 3],
                data[at + 4],
                data[at + 5],
                data[at + 6],
                data[at + 7],
            ])
        };
        let mut feed_id = [0; 32];
        feed_id.copy_from_slice(&data[41..73]);
        Ok(Self {
            feed_id,
            price: word(73) as i64,
            confidence: word(81),
            exponent: i32::from_le_bytes([data[89], data[90], data[91], data[92]]),
            publish_time: word(93) as i64,
            ema_price: word(109) as i64,
        })
    }

    /// The account's data, as a receiver would store it: for tests, simulations and local networks.
    pub fn to_bytes(&self, write_authority: Address) -> [u8; Self::LEN] {
        let mut data = [0; Self::LEN];
        data[..8].copy_from_slice(&Self::DISCRIMINATOR);
        data[8..40].copy_from_slice(&write_authority.0);
        data[40] = Self::FULLY_VERIFIED;
        data[41..73].copy_from_slice(&self.feed_id);
        data[73..81].copy_from_slice(&self.price.to_le_bytes());
        data[81..89].copy_from_slice(&self.confidence.to_le_bytes());
        data[89..93].copy_from_slice(&self.exponent.to_le_bytes());
        data[93..101].copy_from_slice(&self.publish_time.to_le_bytes());
        data[101..109].copy_from_slice(&self.publish_time.to_le_bytes());
        data[109..117].copy_from_slice(&self.ema_price.to_le_bytes());
        data[117..125].copy_from_slice(&self.confidence.to_le_bytes());
        data
    }
}

record! {
    /// Where a reserve's price comes from and when it is good enough.
    pub struct OracleConfig: 80 {
        /// Feed that updates must carry.
        pub feed_id: Address,
        /// The one account that updates may come from; none: any account of an allowed receiver program.
        pub feed_account: Address,
        /// Seconds for which a price may be used, 1 to 600.
        pub max_age: u32,
        /// Confidence ÷ price above which the price backs no new risk.
        pub max_confidence_initial: Bps,
        /// Confidence ÷ price above which the price is refused altogether.
        pub max_confidence_maintenance: Bps,
        /// |spot − EMA| ÷ EMA above which the price backs no new risk.
        pub max_ema_divergence: Bps,
        /// Confidence intervals by which readings are biased: 10,000 is one.
        pub confidence_multiple: Bps,
        /// Zero.
        pub reserved: [u8; 4],
    }
}

impl OracleConfig {
    /// Hard ceiling of `max_age`, seconds.
    pub const MAX_AGE: u32 = 600;
    /// Hard ceiling of both confidence limits.
    pub const MAX_CONFIDENCE: Bps = Bps(2_000);
    /// Hard ceiling of the divergence limit.
    pub const MAX_DIVERGENCE: Bps = Bps(5_000);
    /// Hard ceiling of the confidence multiple. With [`Self::MAX_CONFIDENCE`] the bias is at most the price itself.
    pub const MAX_MULTIPLE: Bps = Bps(50_000);

    /// Refuses limits outside their ranges.
    pub fn validate(&self) -> Result<()> {
        if self.feed_id.is_none() {
            return Err(Error::FeedMissing);
        }
        let in_range = (1..=Self::MAX_AGE).contains(&self.max_age)
            && self.max_confidence_initial.0 > 0
            && self.max_confidence_initial <= self.max_confidence_maintenance
            && self.max_confidence_maintenance <= Self::MAX_CONFIDENCE
            && (Bps(1)..=Self::MAX_DIVERGENCE).contains(&self.max_ema_divergence)
            && (Bps(ONE_BPS)..=Self::MAX_MULTIPLE).contains(&self.confidence_multiple);
        if in_range { Ok(()) } else { Err(Error::OracleLimitOutOfRange) }
    }
}

record! {
    /// The last usable price and the readings made from it.
    ///
    /// A reading is a mantissa below 2^48 (48 significant bits or a few less); all five share `shift`:
    /// `mantissa × 2^-shift` is 10^-4 USD per atom, so that `amount × (mantissa × weight in bps) >> shift` is a
    /// weighted value in [`Usd`] with a single wide product.
    pub struct PriceCache: 96 {
        /// Spot price as published.
        pub price: u64,
        /// Confidence as published.
        pub confidence: u64,
        /// EMA as published.
        pub ema_price: u64,
        /// When it was published; zero: never priced.
        pub publish_time: i64,
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
        /// Common binary exponent of the readings.
        pub shift: u32,
        /// Decimal exponent of the published numbers.
        pub exponent: i32,
        /// Confidence ÷ price, rounded up.
        pub confidence_bps: Bps,
        /// |spot − EMA| ÷ EMA, rounded up and at most 65,535.
        pub divergence_bps: Bps,
        /// Zero.
        pub reserved: [u8; 12],
    }
}

/// Mantissa of a price; its binary exponent stands beside it in [`PriceCache`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Reading(pub u64);

impl crate::layout::Layout for Reading {
    const TYPE: crate::layout::FieldType = crate::layout::FieldType::U64;
}

/// Lowest accepted price is 10^`MIN_MAGNITUDE` USD.
const MIN_MAGNITUDE: i32 = -12;
/// Highest accepted price is 10^`MAX_MAGNITUDE` USD.
const MAX_MAGNITUDE: i32 = 9;
/// Published exponents lie in −18 to 0.
const MIN_EXPONENT: i32 = -18;

impl PriceCache {
    /// Takes over an update, or returns `false` if it is the one already held.
    ///
    /// Refused: another feed, a price or EMA that is not positive or outside 10^-12 to 10^9 USD, an exponent outside
    /// −18 to 0, a publish time in the future or before the cached one, a confidence above the maintenance limit.
    /// `decimals` are the token's (0 to 18); `now` is unix seconds.
    #[inline(always)]
    pub fn update(&mut self, update: &PriceUpdate, oracle: &OracleConfig, decimals: u8, now: i64) -> Result<bool> {
        if update.feed_id != oracle.feed_id.0 {
            return Err(Error::PriceFeedMismatch);
        }
        if update.price <= 0 || update.ema_price <= 0 {
            return Err(Error::PriceNotPositive);
        }
        if !(MIN_EXPONENT..=0).contains(&update.exponent) {
            return Err(Error::PriceExponentOutOfRange);
        }
        // Not by a second: block time follows the cluster's median, and a keeper can wait.
        if update.publish_time > now {
            return Err(Error::PriceInFuture);
        }
        if update.publish_time < self.publish_time || update.publish_time <= 0 {
            return Err(Error::PriceOlderThanCached);
        }
        let (price, ema) = (update.price as u64, update.ema_price as u64);
        if !in_range(price, update.exponent) || !in_range(ema, update.exponent) {
            return Err(Error::PriceOutOfRange);
        }
        let confidence_bps = ratio_bps(update.confidence, price);
        if confidence_bps > oracle.max_confidence_maintenance {
            return Err(Error::PriceConfidenceTooWide);
        }
        if update.publish_time == self.publish_time {
            return Ok(false);
        }
        // The confidence limit keeps the bias at or below the price: 20 % × 5.
        let bias = mul_ceil_bps(update.confidence, oracle.confidence_multiple);
        let (lowest, highest) = if price < ema { (price, ema) } else { (ema, price) };
        let highest = highest.saturating_add(bias);
        let scale = Scale::new(highest, update.exponent + USD_UNIT_DIGITS - decimals as i32);
        *self = Self {
            price,
            confidence: update.confidence,
            ema_price: ema,
            publish_time: update.publish_time,
            low_initial: scale.floor(lowest.saturating_sub(bias)),
            high_initial: scale.ceil(highest),
            low_maintenance: scale.floor(price.saturating_sub(bias)),
            high_maintenance: scale.ceil(price.saturating_add(bias)),
            spot: scale.floor(price),
            shift: scale.shift,
            exponent: update.exponent,
            confidence_bps,
            divergence_bps: ratio_bps(price.abs_diff(ema), ema),
            reserved: [0; 12],
        };
        Ok(true)
    }

    /// Whether the price is recent enough to be used at all.
    #[inline(always)]
    pub fn is_fresh(&self, oracle: &OracleConfig, now: i64) -> bool {
        // A clock that steps back makes a price newer, not stale. Publish times are positive: no overflow.
        self.publish_time > 0 && now <= self.publish_time.saturating_add(oracle.max_age as i64)
    }

    /// Whether the price is tight enough and close enough to its average to back new risk.
    #[inline(always)]
    pub fn is_settled(&self, oracle: &OracleConfig) -> bool {
        self.confidence_bps <= oracle.max_confidence_initial && self.divergence_bps <= oracle.max_ema_divergence
    }

    /// Weighted value of an amount, rounded down: for collateral.
    #[inline(always)]
    pub fn value_floor(&self, amount: u64, reading: Reading, weight: Bps) -> Usd {
        self.value_floor_shifted(amount, reading, weight, self.shift)
    }

    /// The same with another shift than the reading's, at most twice the value.
    #[inline(always)]
    pub(crate) fn value_floor_shifted(&self, amount: u64, reading: Reading, weight: Bps, shift: u32) -> Usd {
        // Reading < 2^48 + 1 and weight < 2^16 (at most 50,000): the product fits.
        Usd(shift_right(wide_mul(amount, mul(reading.0, weight.0 as u64)), shift).0)
    }

    /// Weighted value of an amount, rounded up: for debts.
    #[inline(always)]
    pub fn value_ceil(&self, amount: u64, reading: Reading, weight: Bps) -> Usd {
        self.value_ceil_shifted(amount, reading, weight, self.shift)
    }

    /// The same with another shift than the reading's, at most twice the value.
    #[inline(always)]
    pub(crate) fn value_ceil_shifted(&self, amount: u64, reading: Reading, weight: Bps, shift: u32) -> Usd {
        let (value, inexact) = shift_right(wide_mul(amount, mul(reading.0, weight.0 as u64)), shift);
        Usd(add_wide(value, inexact as u128))
    }

    /// The most atoms worth no more than `value` at a reading; `u64::MAX` if more, or if the reading is zero.
    pub fn atoms_floor(&self, value: Usd, reading: Reading) -> u64 {
        scaled_quotient(value.0, self.shift, mul(reading.0, ONE_BPS as u64), false)
    }

    /// The fewest atoms worth at least `value` at a reading; `u64::MAX` if more, or if the reading is zero.
    pub fn atoms_ceil(&self, value: Usd, reading: Reading) -> u64 {
        scaled_quotient(value.0, self.shift, mul(reading.0, ONE_BPS as u64), true)
    }
}

/// `value × 2^shift ÷ unit`, rounded down or up; `u64::MAX` if more.
pub(crate) fn scaled_quotient(value: u128, shift: u32, unit: u64, round_up: bool) -> u64 {
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
    let mul_div = if round_up { mul_div_wide_ceil } else { mul_div_wide_floor };
    let scaled = (value.leading_zeros() >= second).then(|| value << second);
    let quotient = scaled.and_then(|scaled| mul_div(scaled, 1 << first, unit));
    quotient.map_or(u64::MAX, |quotient| quotient.min(u64::MAX as u128) as u64)
}

/// `(high, low) >> shift` and whether a set bit was shifted out.
#[inline(always)]
fn shift_right((high, low): (u64, u64), shift: u32) -> (u128, bool) {
    if shift.wrapping_sub(1) < 63 {
        let value = (((high >> shift) as u128) << 64) | ((high << (64 - shift)) | (low >> shift)) as u128;
        (value, low << (64 - shift) != 0)
    } else if shift == 0 {
        (((high as u128) << 64) | low as u128, false)
    } else if shift == 64 {
        (high as u128, low != 0)
    } else if shift < 128 {
        ((high >> (shift - 64)) as u128, low != 0 || high << (128 - shift) != 0)
    } else {
        (0, high | low != 0)
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
        let power = POWERS_OF_TEN[(exponent - MIN_POWER) as usize];
        let normalise = 64 - bit_length(highest);
        // number × 10^exponent = (number << normalise) × mantissa × 2^(power.exponent − normalise); of the 128-bit
        // product the top 48 bits are kept. Positive because a unit price is below 2^46 (10^9 USD, doubled).
        Self { power, normalise, shift: (normalise as i32 - 80 - power.exponent) as u32 }
    }

    #[inline(always)]
    fn floor(&self, number: u64) -> Reading {
        Reading(mul_shift_floor(number << self.normalise, self.power.mantissa) >> 16)
    }

    #[inline(always)]
    fn ceil(&self, number: u64) -> Reading {
        Reading((mul_shift_ceil(number << self.normalise, self.power.mantissa).saturating_add(1) >> 16) + 1)
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

/// Whether `number × 10^exponent` USD lies in the accepted range.
#[inline(always)]
fn in_range(number: u64, exponent: i32) -> bool {
    const POWERS: [u64; 20] = {
        let mut powers = [1u64; 20];
        let mut index = 1;
        while index < 20 {
            powers[index] = powers[index - 1] * 10;
            index += 1;
        }
        powers
    };
    let least = MIN_MAGNITUDE - exponent;
    let most = MAX_MAGNITUDE - exponent;
    // A published number is below 2^63 < 10^19: larger bounds cannot be passed.
    (least <= 0 || number >= POWERS[least as usize]) && (most > 19 || number <= POWERS[most as usize])
}

/// `⌈a / b⌉` in basis points, at most 65,535.
#[inline(always)]
fn ratio_bps(a: u64, b: u64) -> Bps {
    // Both sides below 2^50 keep the quotient in 64 bits; shifting both keeps the ratio to 2^-36.
    let (a, b) = if (a | b) >> 50 == 0 { (a, b) } else { ((a >> 14) + 1, b >> 14) };
    if b == 0 {
        return Bps(u16::MAX);
    }
    Bps(mul(a, ONE_BPS as u64).div_ceil(b).min(u16::MAX as u64) as u16)
}

/// `⌈number × factor⌉` for a factor in basis points, at most `u64::MAX`.
#[inline(always)]
fn mul_ceil_bps(number: u64, factor: Bps) -> u64 {
    if number >> 48 == 0 {
        mul(number, factor.0 as u64).div_ceil(ONE_BPS as u64)
    } else {
        crate::math::mul_div_ceil(number, factor.0 as u64, ONE_BPS as u64).unwrap_or(u64::MAX)
    }
}
