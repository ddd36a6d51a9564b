//! What a lot is worth, what a trade costs, and what the pool must bear.

use crate::{
    number::{
        math::{
            bit_length_wide, div_narrow, mul_div_ceil, mul_div_floor, mul_proved, mul_shift32_ceil, root, wide,
            wide_mul,
        },
        units::{Bps, ONE_BPS, Rate},
    },
    price::cache::{PriceCache, Reading},
    record::layout::record,
    state::perp::{
        config::PerpConfig,
        side::{MAX_PRICE, Side},
    },
};

/// One, with 32 fractional bits.
pub const ONE: u64 = 1 << 32;

/// Prices of a lot, atoms of the quote token with 32 fractional bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// What a seller gets.
    pub low: u64,
    /// As published.
    pub spot: u64,
    /// What a buyer pays.
    pub high: u64,
}

impl Marks {
    /// All three the same.
    pub fn all(price: u64) -> Self {
        Self { low: price, spot: price, high: price }
    }
}

/// Basis points with 32 fractional bits, rounded up.
#[inline(always)]
pub const fn part(bps: Bps) -> u64 {
    // Below 2^16 × 2^32.
    ((bps.0 as u64) << 32).div_ceil(ONE_BPS as u64)
}

/// A part of an amount, rounded up; the most there is where it does not fit.
#[inline(always)]
pub fn part_of(amount: u64, part: u64) -> u64 {
    if part < ONE { mul_shift32_ceil(amount, part) } else { mul_div_ceil(amount, part, ONE).unwrap_or(u64::MAX) }
}

/// So many standard deviations of a price over some seconds, 32 fractional bits: deviations × σ × √(seconds ÷ year).
#[inline(never)]
pub fn deviation(deviations: Bps, annual: Bps, seconds: u64) -> u64 {
    /// 10^8 × √year, with 16 fractional bits less than the root has.
    const UNIT: u64 = (100_000_000.0 * 5_615.692_299 / 65_536.0) as u64;
    // The root has 16 fractional bits, and is below 2^32.
    let root = root(seconds.min(u32::MAX as u64) << 32);
    // Below 2^32 and 2^32.
    mul_proved(deviations.0 as u64 * annual.0 as u64, root).div_ceil(UNIT)
}

record! {
    /// What a lot is worth for a reading of 10^-4 USD per atom: a quote token counts as one dollar, whatever it trades at.
    pub struct LotScale: 16 {
        /// Times this,
        pub mantissa: u64,
        /// by so many binary digits to the right. Signed.
        pub digits: i32,
        /// Zero.
        pub padding: [u8; 4],
    }
}

impl LotScale {
    /// Of a lot of 10^`lot_digits` atoms, in a quote token.
    pub fn new(lot_digits: u8, quote_decimals: u8) -> Self {
        let (digits, padding) = (lot_digits as i32 + quote_decimals as i32 - 4, [0; 4]);
        if digits < 0 {
            // Down to 10^-4.
            return Self { mantissa: (1 << 63) / 10u64.pow(digits.unsigned_abs()), digits: 63 - 32, padding };
        }
        // At most 10^32: the first 64 bits of it.
        let power = 10u128.pow(digits as u32);
        let cut = bit_length_wide(power).saturating_sub(64);
        Self { mantissa: (power >> cut) as u64, digits: -32 - cut as i32, padding }
    }

    /// The price of a lot by a reading, atoms with 32 fractional bits: within 1 and [`MAX_PRICE`], at which a contract ends.
    #[inline(always)]
    pub fn price(&self, cache: &PriceCache, reading: Reading) -> u64 {
        let (high, low) = wide_mul(reading.0, self.mantissa);
        let right = cache.shift as i32 + self.digits;
        // Nearly always.
        if (1..64).contains(&right) && high >> right == 0 {
            return ((high << (64 - right)) | (low >> right)).clamp(1, MAX_PRICE - 1);
        }
        self.extreme_price(right, reading)
    }

    #[cold]
    #[inline(never)]
    fn extreme_price(&self, right: i32, reading: Reading) -> u64 {
        // The reading has 49 bits.
        let product = wide(reading.0, self.mantissa);
        let price = match u32::try_from(right) {
            Ok(right) => product.checked_shr(right).unwrap_or(0),
            Err(_) if product.leading_zeros() > right.unsigned_abs() => product << right.unsigned_abs(),
            Err(_) => u128::MAX,
        };
        within(price)
    }
}

/// A price that can be accounted for.
#[inline(always)]
fn within(price: u128) -> u64 {
    if price >= MAX_PRICE as u128 { MAX_PRICE - 1 } else { (price as u64).max(1) }
}

impl PerpConfig {
    /// What the contract pays at a price of a lot: that, or its square.
    #[inline(always)]
    pub fn payoff(&self, price: u64) -> u64 {
        if self.power == 1 { price } else { self.square(price) }
    }

    #[cold]
    #[inline(never)]
    fn square(&self, price: u64) -> u64 {
        within(mul_div_floor(price, price, self.norm).unwrap_or(u64::MAX) as u128)
    }

    /// The fee of a trade at a price that was published so many seconds before what a trader may have seen: of its value, 32 fractional
    /// bits.
    #[inline(never)]
    pub fn fee_at(&self, seen: u64, annual: Bps) -> u64 {
        part(self.fee).max(deviation(self.fee_deviations, annual, seen) * self.power as u64).min(ONE)
    }

    /// What moving the skew from 0 to so many lots costs, in lots' prices, 32 fractional bits: the integral of the impact
    /// `min(|K| ÷ skew_scale, max_impact)`. A trade pays the difference of two, so splitting it gains nothing.
    #[inline(never)]
    fn potential(&self, skew: i64) -> i128 {
        let (skew, most) = (skew.unsigned_abs(), part(self.max_impact));
        // Below 2^32 × 2^48 ÷ 2^32.
        let bend = (wide(most, self.skew_scale) >> 32) as u64;
        let below = skew.min(bend);
        // No more than a tenth of the scale, so what it is of the scale is less than that: both quotients fit.
        let (lots, rest) = div_narrow(wide(below, below), self.skew_scale).unwrap_or((u64::MAX, 0));
        let (part, _) = div_narrow((rest as u128) << 31, self.skew_scale).unwrap_or((u64::MAX, 0));
        (((lots as u128) << 31) + part as u128 + wide(skew - below, most)) as i128
    }

    /// What a trade of a signed number of lots pays for its impact on the skew, atoms: negative where it lessens it.
    #[inline(never)]
    pub fn impact(&self, skew: i64, lots: i64, price: u64) -> i64 {
        let difference = self.potential(skew.saturating_add(lots)) - self.potential(skew);
        let (lots, is_rebate) = (difference.unsigned_abs(), difference < 0);
        // Lots of 32 fractional bits × a price of as many. What is paid rounds up, what is got down.
        let whole = wide((lots >> 32) as u64, price) + (wide(lots as u32 as u64, price) >> 32);
        let atoms = (whole >> 32).min(i64::MAX as u128 - 1) as i64;
        if is_rebate {
            -atoms
        } else if difference == 0 {
            0
        } else {
            atoms + 1
        }
    }

    /// The margin of so many lots of a value: base, least fee, and the impact that closing it has by itself.
    #[inline(never)]
    pub fn requirement(&self, lots: u64, value: u64, base: Bps) -> u64 {
        let impact = mul_div_floor(lots, ONE, self.skew_scale).unwrap_or(ONE).min(part(self.max_impact));
        part_of(value, part(base) + part(self.fee) + impact)
    }

    /// The move of the price that the pool must bear, 32 fractional bits: below one.
    #[inline(never)]
    pub fn shock(&self, annual: Bps) -> u64 {
        part(self.least_shock)
            .max(deviation(self.shock_deviations, annual, self.shock_horizon as u64))
            .min(part(Bps(9_500)))
    }

    /// By how much the contract's price rises and falls with a move of the underlying.
    fn rise_and_fall(&self, shock: u64) -> (u64, u64) {
        let square = if self.power == 2 { mul_shift32_ceil(shock, shock) } else { 0 };
        let both = shock * self.power as u64;
        (both + square, both - square)
    }

    /// What winners gain, less what losers pay out of margins of at least those of maintenance: rounded up.
    #[inline(never)]
    fn loss(&self, winners: u64, losers: u64, gain: u64) -> u64 {
        let paid = part_of(losers, gain.min(part(self.maintenance_margin)));
        part_of(winners, gain).saturating_sub(paid.saturating_sub(1))
    }

    /// What the pool loses in the worse of a rise and a fall, atoms: what the winning side gains, less what the losing side pays out of
    /// its margins, which are at least those of maintenance. Zero if it gains either way.
    #[inline(never)]
    pub fn buffer(&self, longs: u64, shorts: u64, annual: Bps) -> u64 {
        let (rise, fall) = self.rise_and_fall(self.shock(annual));
        self.loss(longs, shorts, rise).max(self.loss(shorts, longs, fall))
    }

    /// The least part of a side that must go for the buffer of the perp to fall by `relief`, 32 fractional bits: of the longs if a rise
    /// is the worse, else of the shorts. All of it if that is not enough.
    #[inline(never)]
    pub(crate) fn excess(&self, longs: u64, shorts: u64, annual: Bps, relief: u64) -> (bool, u64) {
        let (rise, fall) = self.rise_and_fall(self.shock(annual));
        let of_longs = self.loss(longs, shorts, rise) >= self.loss(shorts, longs, fall);
        let whole = if of_longs { part_of(longs, rise) } else { part_of(shorts, fall) };
        (of_longs, mul_div_ceil(relief.min(whole), ONE, whole).unwrap_or(ONE))
    }
}

/// What a lot of each side, longs and shorts, pays over some time: atoms with 32 fractional bits, before the multiplier; less than zero
/// is what it gets.
///
/// A rate is a part of the value in a year, 32 fractional bits: longs pay it to shorts, or get it from them if it is negative. Both
/// pay the pool `borrowed`, of a value in a year and added up over the seconds, 28 fractional bits. The pool's part of the funding is
/// what one side pays and the other does not get: never less than nothing.
pub(crate) fn funding(sides: &[Side; 2], price: u64, seconds: u64, rate: i64, borrowed: u64) -> [i64; 2] {
    // Below 2^36 × 2^27 seconds, which are four years; nobody pays for more at once.
    let growth = rate.unsigned_abs() * seconds.min(1 << 27) / Rate::YEAR;
    let borrowed = (borrowed.min(1 << 59) << 4) / Rate::YEAR;
    // A part of a price below 2^61: cut to what an offset holds.
    let of_lot = |side: &Side, growth: u64, round_up: bool| {
        let part = wide(side.scaled(price), growth) >> 32;
        (part.min(MAX_PRICE as u128) as i64) + round_up as i64
    };
    // Both quotients are cut: what is paid rounds up by more than that, if anything is.
    let paid_of = |side: &Side, growth: u64, is_due: bool| of_lot(side, growth + is_due as u64, is_due);
    let mut charges = [0, 1].map(|side: usize| paid_of(&sides[side], borrowed, borrowed != 0));
    let payer = (rate < 0) as usize;
    let (pays, gets) = (&sides[payer], &sides[1 - payer]);
    if rate != 0 && pays.size != 0 {
        let paid = paid_of(pays, growth, growth != 0);
        charges[payer] = charges[payer].saturating_add(paid);
        if gets.size != 0 {
            let most = mul_div_floor(pays.size, paid as u64, gets.size).unwrap_or(u64::MAX);
            charges[1 - payer] -= (of_lot(gets, growth, false) as u64).min(most) as i64;
        }
    }
    charges
}
