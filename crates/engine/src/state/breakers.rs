//! What governance sets for the breakers of one reserve: automatic restrictions that lift by themselves.

use crate::{
    error::{Error, Result},
    number::units::{Bps, MAX_LIQUIDITY, UsdE8},
    price::breaker::PriceTiers,
    record::parameter::governed,
    state::rate_limit::{OutflowLimits, Period},
};

governed! {
    /// What governance sets for a reserve's breakers. All are off at zero.
    pub struct BreakerConfig: 40 {
        /// Most net outflow in an hour, atoms: at least a hundred a second, because whole atoms drain each second and rounding must
        /// not lengthen the period much.
        pub outflow_hour: u64 [Atoms, 100 * Period::Hour as u64..=MAX_LIQUIDITY / 4, AnyOrNone, OutflowLimitOutOfRange],
        /// Most net outflow in a day, atoms.
        pub outflow_day: u64 [Atoms, 100 * Period::Day as u64..=MAX_LIQUIDITY / 4, AnyOrNone, OutflowLimitOutOfRange],
        /// Deposits up to so many atoms may use the quarter of the outflow limits that is kept for the small.
        pub small_deposit: u64 [Atoms, 0..=1 << 61, Any, OutflowLimitOutOfRange],
        /// Most collateral that liquidations take in an hour, whole USD.
        pub liquidation_hour: u32 [Dollars, 0..=u32::MAX as u64, Any, LiquidationThrottled],
        /// Seconds that the first price halt of tier 1 lasts.
        pub halt_seconds: u16 [Seconds, 0..=14_400, Any, PriceTiersOutOfRange],
        /// Borrowed share of the liquidity above which nothing more is lent.
        pub max_utilisation: Bps [Bps, 1..=10_000, UpOrNone, UtilisationLimitOutOfRange],
        /// Distance of the price from its EMA or the slow reference above which each tier trips.
        pub tiers: [Bps; 3] [each Bps, Bps, 1..=65_535, AnyOrNone, PriceTiersOutOfRange],
        /// Zero.
        pub reserved: [u8; 2] [zero],
    }
}

impl BreakerConfig {
    /// Shortest first halt, seconds.
    const SHORTEST_HALT: u16 = 60;

    /// Refuses parameters that do not go together.
    pub fn validate(&self) -> Result<()> {
        let [first, second, third] = self.tiers.map(|tier| tier.0);
        let rise = (second == 0 || first < second) && (third == 0 || second < third);
        let complete = (first != 0 || second == 0) && (second != 0 || third == 0);
        if !rise || !complete || (first != 0) != (self.halt_seconds >= Self::SHORTEST_HALT) {
            return Err(Error::PriceTiersOutOfRange);
        }
        Ok(())
    }

    /// The outflow limits, in atoms.
    #[inline(always)]
    pub fn outflow(&self) -> OutflowLimits {
        OutflowLimits { hour: self.outflow_hour, day: self.outflow_day }
    }

    /// The limit of liquidations.
    #[inline(always)]
    pub fn liquidations(&self) -> UsdE8 {
        UsdE8::dollars(self.liquidation_hour)
    }

    /// What trips the price breaker.
    #[inline(always)]
    pub fn price_tiers(&self) -> PriceTiers<'_> {
        PriceTiers { distances: &self.tiers, first_halt: self.halt_seconds }
    }
}
