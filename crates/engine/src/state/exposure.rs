//! Correlated exposure: a delta-normal value at risk over classes of assets.
//!
//! An account's dollar volatility in a class k is `y = Σ value × volatility` over its deposits less that over its debts. In the
//! class of other tokens, whose prices need not move together, it is the sum over both.
//! The value at risk is `multiple × √(horizon ÷ year × Σ ρ y y)` over all pairs of classes: what the account loses in a
//! bad move of everything together (J.P. Morgan, RiskMetrics Technical Document, 1996, chapter 6).

use crate::{
    error::{Error, Result},
    number::{
        math::{bit_length, bit_length_wide, mul_proved, root, wide},
        units::{Bps, ONE_BPS, Rate, Usd},
    },
    record::parameter::governed,
    state::account::Side,
};

/// Number of classes.
pub const CLASSES: usize = 5;

/// What a token's price moves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// US dollar.
    Usd = 0,
    /// Solana.
    Sol = 1,
    /// Bitcoin.
    Btc = 2,
    /// Ether.
    Eth = 3,
    /// Anything else.
    Other = 4,
}

governed! {
    /// What governance sets for the value at risk.
    pub struct ValueAtRiskConfig: 64 {
        /// Correlation of each class with each, basis points; in the order of [`Class`].
        pub correlations: [[i16; CLASSES]; CLASSES] [each i16, Bps, 0..=65_535, Any, CorrelationOutOfRange],
        /// Standard deviations to survive, 10,000 is one; zero: value at risk is not asked for.
        pub multiple: Bps [Bps, 0..=60_000, Down, ValueAtRiskOutOfRange],
        /// Time to survive, seconds.
        pub horizon: u32 [Seconds, 0..=2_592_000, Down, ValueAtRiskOutOfRange],
        /// Zero.
        pub reserved: [u8; 8] [zero],
    }
}

impl ValueAtRiskConfig {
    /// Shortest horizon, seconds.
    const SHORTEST_HORIZON: u32 = 60;

    /// Refuses parameters that do not go together. A matrix that is not asked for may be zero.
    pub fn validate(&self) -> Result<()> {
        if self.multiple.0 == 0 && self.correlations == [[0; CLASSES]; CLASSES] {
            return Ok(());
        }
        let one = ONE_BPS as i16;
        for (k, row) in self.correlations.iter().enumerate() {
            for (l, correlation) in row.iter().enumerate() {
                if !(-one..=one).contains(correlation) || k == l && *correlation != one {
                    return Err(Error::CorrelationOutOfRange);
                }
                if *correlation != self.correlations[l][k] {
                    return Err(Error::CorrelationsNotSymmetric);
                }
            }
        }
        if self.horizon < Self::SHORTEST_HORIZON {
            return Err(Error::ValueAtRiskOutOfRange);
        }
        Ok(())
    }

    /// Whether new risk must cover the value at risk.
    #[inline(always)]
    pub fn is_asked_for(&self) -> bool {
        self.multiple.0 != 0
    }
}

/// An account's dollar volatilities and what it owns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exposures {
    /// By class: value in units of 2^8 × 10^-8 USD × volatility in basis points.
    classes: [i128; CLASSES],
    /// Deposits, unweighted.
    pub assets: Usd,
    /// Debts, unweighted.
    pub liabilities: Usd,
}

/// Values count in units of 2^8 × 10^-8 USD, up to 2^56 of them: 1.8 × 10^11 USD.
const UNIT_BITS: u32 = 8;

impl Exposures {
    /// Takes in a position's unweighted value.
    #[inline(always)]
    pub fn add(&mut self, class: u8, volatility: Bps, value: Usd, side: Side) {
        let units = (if value.0 >> 64 == 0 { value.0 as u64 } else { u64::MAX }) >> UNIT_BITS;
        // Below 2^56 × 2^16, and sixteen of them.
        let exposure = wide(units, volatility.0 as u64) as i128;
        let sum = &mut self.classes[class as usize % CLASSES];
        // Two tokens of the class of other tokens are no hedge of each other.
        let offsets = side == Side::Debt && class != Class::Other as u8;
        *sum = if offsets { sum.wrapping_sub(exposure) } else { sum.wrapping_add(exposure) };
        let total = match side {
            Side::Deposit => &mut self.assets,
            Side::Debt => &mut self.liabilities,
        };
        *total = *total + value;
    }

    /// The value at risk, right to 2^-17 of what the largest class alone would make it, and 10^-4 USD.
    #[inline(never)]
    pub fn value_at_risk(&self, config: &ValueAtRiskConfig) -> Usd {
        /// Bits kept of the largest exposure.
        const KEPT: u32 = 30;
        // All of them. A loop of known length would be written out: thousands of bytes of the program.
        let classes = &self.classes[..core::hint::black_box(CLASSES)];
        // As long as the largest.
        let bits = classes.iter().fold(0, |bits, class| bits | class.unsigned_abs());
        let shift = bit_length_wide(bits).saturating_sub(KEPT);
        // Σ ρ y y, in basis points: 25 products below 2^60 cut by 16 bits, times 2^14.
        let mut sum = 0i64;
        let mut cut = [0i64; CLASSES];
        for (cut, class) in cut.iter_mut().zip(classes) {
            let magnitude = (class.unsigned_abs() >> shift) as i64;
            *cut = if *class < 0 { -magnitude } else { magnitude };
        }
        for (k, of_class) in cut[..classes.len()].iter().enumerate().filter(|(_, cut)| **cut != 0) {
            sum += ((of_class * of_class) >> 17) * ONE_BPS as i64;
            for (other, correlation) in cut[..k].iter().zip(&config.correlations[k]) {
                sum += ((of_class * other) >> 16) * *correlation as i64;
            }
        }
        // If the numbers are no correlation matrix, the sum can be negative. Then the value at risk is zero.
        let variance = sum.max(0) as u64;
        // multiple² × horizon ÷ year, below 2^54 ÷ 2^24, with as many fractional bits as fit: an even number.
        let product = mul_proved(mul_proved(config.multiple.0 as u64, config.multiple.0 as u64), config.horizon as u64);
        let fraction = (63 - bit_length(product)) & !1;
        let factor = (product << fraction) / Rate::YEAR;
        let square = wide(variance, factor);
        let excess = bit_length_wide(square).saturating_sub(64).next_multiple_of(2);
        let root = (root((square >> excess) as u64) as u128 + 1) << (excess / 2);
        // The sum is cut by 17 bits and 10^4 of the correlations, the factor has its fraction and 10^8 of the multiple; and
        // 10^4 for the volatilities: in 10^-8 USD, root × 2^(shift + 8 + 17 ÷ 2 − fraction ÷ 2) ÷ 10^10.
        const ROOT_OF_TWO: u128 = 1_518_500_250; // 30 fractional bits, rounded up.
        let (up, down) = (shift + 8 + 8, 30 + fraction / 2);
        let scaled = root * ROOT_OF_TWO;
        let scaled = if up >= down { scaled << (up - down) } else { (scaled >> (down - up)) + 1 };
        Usd(scaled.div_ceil(10_000_000_000))
    }
}
