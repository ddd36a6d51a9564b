//! What keepers bring: prices, and time.

use crate::{
    error::Result,
    ledger::Ledger,
    number::{math::later, units::UsdE8},
    price::{
        breaker::BreakerEvent,
        feed::{Quote, Source},
    },
    state::{market::Market, rate_limit::Period},
};

impl Ledger<'_> {
    /// Brings a reserve up to date while nobody uses it or publishes its price: interest, the insurance's share of it, the ramp,
    /// rate limits, and the price breaker. Anyone may. Returns whether the breaker tripped or lifted.
    pub fn refresh_reserve(&mut self, reserve_index: u8) -> Result<Option<BreakerEvent>> {
        let now = self.now;
        let reserve = self.accrue_reserve(reserve_index)?;
        reserve.set_some_fees_aside();
        reserve.outflow.drain(&reserve.config.breakers.outflow(), now);
        let change = reserve.watch(now);
        reserve.ramp(now);
        reserve.liquidated.drain(reserve.config.breakers.liquidations(), Period::Hour, now);
        let Market { config, outflow, liquidated, losses, .. } = &mut *self.market;
        outflow.fade(now);
        liquidated.drain(config.liquidations(), Period::Hour, now);
        losses.drain(UsdE8::dollars(config.loss_limit), Period::Day, now);
        Ok(change)
    }

    /// Takes over a price for a reserve, of one feed or of two. A price that is not newer changes nothing. Returns whether the
    /// price breaker tripped or lifted. An error about the price itself ([`crate::Error::is_about_a_price`]) is no mistake of the
    /// caller: if several prices are taken over together, the others still are.
    #[inline(always)]
    pub fn refresh_price(
        &mut self,
        reserve_index: u8,
        first: &Source,
        base: Option<&Source>,
    ) -> Result<Option<BreakerEvent>> {
        let (latest, now) = (later(self.now, self.market.config.max_clock_lag as i64), self.now);
        let reserve = self.reserve_mut(reserve_index)?;
        let quote = Quote::new(first, base, &reserve.config.oracle, latest)?;
        reserve.refresh(&quote, now)
    }
}
