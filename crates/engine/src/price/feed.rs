//! Prices: what Pyth publishes, and when it is usable.

use crate::{
    error::{Error, Result},
    number::{
        math::{bit_length_wide, div_narrow, mul_div_floor, sub_small_proved, wide},
        units::Bps,
    },
    record::{layout::Address, parameter::governed},
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
    /// When the price before it was, likewise. Equal to `publish_time` of a price of the same second, and of one that is repeated because
    /// there was no newer one.
    pub prev_publish_time: i64,
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
            prev_publish_time: word(101) as i64,
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
        data[101..109].copy_from_slice(&self.prev_publish_time.to_le_bytes());
        data[109..117].copy_from_slice(&self.ema_price.to_le_bytes());
        data[117..125].copy_from_slice(&self.confidence.to_le_bytes());
        data
    }
}

governed! {
    /// Where a reserve's price comes from and when it is good enough.
    pub struct OracleConfig: 152 {
        /// Feed that updates must carry.
        pub feed_id: Address [Account, 1..=1, Any, FeedMissing],
        /// The one account that updates may come from; none: any account of an allowed receiver program.
        pub feed_account: Address [Account, 0..=0, Any, FeedMissing],
        /// Feed whose price the first is multiplied by, for a token priced by an exchange rate; none: the first is in USD.
        pub base_feed_id: Address [Account, 0..=0, Any, FeedMissing],
        /// The one account that updates of the second feed may come from; none: any.
        pub base_feed_account: Address [Account, 0..=0, Any, FeedMissing],
        /// Seconds for which a price may be used, 1 to 600.
        pub max_age: u32 [Seconds, 1..=600, Any, OracleLimitOutOfRange],
        /// Confidence ÷ price above which the price backs no new risk.
        pub max_confidence_initial: Bps [Bps, 1..=2_000, Up, OracleLimitOutOfRange],
        /// Confidence ÷ price above which the price is refused altogether.
        pub max_confidence_maintenance: Bps [Bps, 1..=2_000, Any, OracleLimitOutOfRange],
        /// |spot − EMA| ÷ EMA above which the price backs no new risk.
        pub max_ema_divergence: Bps [Bps, 1..=5_000, Up, OracleLimitOutOfRange],
        /// Confidence intervals by which readings are biased: 10,000 is one. With the largest confidence the bias is at most the
        /// price itself.
        pub confidence_multiple: Bps [Bps, 10_000..=50_000, Down, OracleLimitOutOfRange],
        /// Share of itself by which the slow reference may follow the spot price in an hour; zero: it is the spot price.
        pub reference_speed: Bps [BpsPerHour, 1..=10_000, AnyOrNone, OracleLimitOutOfRange],
        /// Seconds by which the price may be older or newer than the moment of an account's newest price, where prices must be of one
        /// moment: in a liquidation, and for new risk.
        pub max_skew: u16 [Seconds, 0..=600, Any, OracleLimitOutOfRange],
        /// Seconds for which a price of the first of two feeds, an exchange rate, may be used; zero: `max_age`, as for the second.
        pub max_rate_age: u32 [Seconds, 1..=86_400, AnyOrNone, OracleLimitOutOfRange],
        /// Zero.
        pub reserved: [u8; 4] [zero],
    }
}

impl OracleConfig {
    /// Refuses parameters that do not go together.
    pub fn validate(&self) -> Result<()> {
        if self.base_feed_id.is_none() && !(self.base_feed_account.is_none() && self.max_rate_age == 0) {
            return Err(Error::FeedMissing);
        }
        let ordered = self.max_confidence_initial <= self.max_confidence_maintenance;
        if ordered { Ok(()) } else { Err(Error::OracleLimitOutOfRange) }
    }

    /// When a price counts as published whose feeds published at these times: at the earlier time. An exchange rate that may be
    /// older than `max_age` counts as younger by the difference.
    #[inline(always)]
    pub(crate) fn published(&self, first: i64, base: i64) -> i64 {
        let allowance = if self.max_rate_age == 0 { 0 } else { self.max_rate_age as i64 - self.max_age as i64 };
        let first = first.wrapping_add(allowance);
        if first < base { first } else { base }
    }
}

/// A published price and the account it was read from. [`crate::state::market::Market::accepts_receiver`] says whether the
/// account's owner is an allowed receiver.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The account.
    pub address: Address,
    /// What it holds.
    pub update: PriceUpdate,
}

/// Lowest accepted price is 10^`MIN_MAGNITUDE` USD.
const MIN_MAGNITUDE: i32 = -12;
/// Highest accepted price is 10^`MAX_MAGNITUDE` USD.
const MAX_MAGNITUDE: i32 = 9;
/// Published exponents lie in −18 to 0.
pub(crate) const MIN_EXPONENT: i32 = -18;

/// A price that passed every check which needs no history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Spot price, times 10^`exponent` USD; below 2^63.
    pub price: u64,
    /// Half-width of the confidence interval in the same unit.
    pub confidence: u64,
    /// Exponential moving average in the same unit.
    pub ema_price: u64,
    /// −18 to 0.
    pub exponent: i32,
    /// When it was published, unix seconds; of two feeds, when the first did.
    pub publish_time: i64,
    /// When the second of two feeds published; of one, the same as `publish_time`.
    pub base_time: i64,
}

impl Quote {
    /// The price that a reserve is configured for: of one feed, or the product of two.
    ///
    /// Refused: another feed, another account than the pinned one, a price or EMA that is not positive or outside 10^-12 to
    /// 10^9 USD, an exponent outside −18 to 0, a publish time after `latest`, unix seconds.
    #[inline(always)]
    pub fn new(first: &Source, base: Option<&Source>, oracle: &OracleConfig, latest: i64) -> Result<Self> {
        let is_pinned = |source: &Source, pinned: &Address| pinned.is_none() || *pinned == source.address;
        if !is_pinned(first, &oracle.feed_account)
            || !base.is_none_or(|base| is_pinned(base, &oracle.base_feed_account))
        {
            return Err(Error::PriceAccountNotPinned);
        }
        Self::of_any_account(first, base, oracle, latest)
    }

    /// The same from any account: where only one update will do, it does not matter who posted it.
    #[inline(always)]
    pub fn of_any_account(first: &Source, base: Option<&Source>, oracle: &OracleConfig, latest: i64) -> Result<Self> {
        let quote = Self::of_feed(first, &oracle.feed_id, latest)?;
        let quote = match (oracle.base_feed_id.is_none(), base) {
            (true, None) => quote,
            (false, Some(base)) => quote.times(Self::of_feed(base, &oracle.base_feed_id, latest)?)?,
            _ => return Err(Error::PriceAccountMissing),
        };
        if !in_range(quote.price, quote.exponent) || !in_range(quote.ema_price, quote.exponent) {
            return Err(Error::PriceOutOfRange);
        }
        Ok(quote)
    }

    #[inline(always)]
    fn of_feed(source: &Source, feed: &Address, latest: i64) -> Result<Self> {
        let update = &source.update;
        if !feed.is(&update.feed_id) {
            return Err(Error::PriceFeedMismatch);
        }
        if update.price <= 0 || update.ema_price <= 0 {
            return Err(Error::PriceNotPositive);
        }
        if !(MIN_EXPONENT..=0).contains(&update.exponent) {
            return Err(Error::PriceExponentOutOfRange);
        }
        if update.publish_time > latest {
            return Err(Error::PriceInFuture);
        }
        Ok(Self {
            price: update.price as u64,
            confidence: update.confidence,
            ema_price: update.ema_price as u64,
            exponent: update.exponent,
            publish_time: update.publish_time,
            base_time: update.publish_time,
        })
    }

    /// The product of an exchange rate and the price of what it is quoted in, with the times of both. Prices are rounded down by
    /// less than a unit. The confidence is rounded up: if a and b are the two confidences relative to their prices, it is
    /// (1 + a)(1 + b) − 1 of the price.
    #[inline(never)]
    fn times(self, base: Self) -> Result<Self> {
        /// The most digits that a power of ten of 64 bits cuts off.
        const MOST: u32 = 19;
        // Wider than the price itself, a confidence is refused anyway; not wider, the sum below fits.
        if self.confidence > self.price || base.confidence > base.price {
            return Err(Error::PriceConfidenceTooWide);
        }
        // Digits to cut: those below the least exponent, and those above 62 bits.
        let exponent = self.exponent + base.exponent;
        let below = (MIN_EXPONENT - exponent).max(0) as u32;
        let bits = bit_length_wide(wide_of(self.price, base.price) | wide_of(self.ema_price, base.ema_price));
        // 0.302 > log10(2).
        let cut = below.max(bits.saturating_sub(62) * 302 / 1_000 + (bits > 62) as u32);
        // Numbers of 18 digits each, or exponents that leave nothing to cut.
        if cut > MOST || exponent + cut as i32 > 0 {
            return Err(Error::PriceOutOfRange);
        }
        let power = 10u64.pow(cut);
        let product = |a, b| mul_div_floor(a, b, power).ok_or(Error::PriceOutOfRange);
        // Prices below 2^63, confidences at most that: each product is below 2^127.
        let spread = wide_of(self.price, base.confidence) + wide_of(self.confidence, base.price + base.confidence);
        let (spread, rest) = div_narrow(spread, power).ok_or(Error::PriceConfidenceTooWide)?;
        Ok(Self {
            price: product(self.price, base.price)?,
            confidence: spread.saturating_add((rest != 0) as u64 + 1),
            ema_price: product(self.ema_price, base.ema_price)?,
            exponent: exponent + cut as i32,
            publish_time: self.publish_time,
            base_time: base.publish_time,
        })
    }
}

/// [`wide`] out of line: few tokens need it, and four of them are a thousand bytes of the program.
#[inline(never)]
fn wide_of(a: u64, b: u64) -> u128 {
    wide(a, b)
}

/// Whether `number × 10^exponent` USD lies in the accepted range.
#[inline(always)]
pub fn in_range(number: u64, exponent: i32) -> bool {
    const POWERS: [u64; 20] = {
        let mut powers = [1u64; 20];
        let mut index = 1;
        while index < 20 {
            powers[index] = powers[index - 1] * 10;
            index += 1;
        }
        powers
    };
    let least = sub_small_proved(MIN_MAGNITUDE, exponent);
    let most = sub_small_proved(MAX_MAGNITUDE, exponent);
    // A published number is below 2^63 < 10^19: larger bounds cannot be passed.
    (least <= 0 || number >= POWERS[least as usize]) && (most > 19 || number <= POWERS[most as usize])
}
