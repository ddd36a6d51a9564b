//! What a price changes in a reserve: its breaker, its weights, and what the price is good for.

use crate::{
    error::{Error, Result},
    number::units::Bps,
    price::{breaker::BreakerEvent, feed::Quote, policy::Condition},
    state::{
        reserve::{Reserve, books::standing},
        weights::{Deposits, Turn},
    },
};

impl Reserve {
    /// Takes over a price; one that the reserve has already changes nothing. Returns what became of the price breaker.
    #[inline(never)]
    pub fn refresh(&mut self, quote: &Quote, now: i64) -> Result<Option<BreakerEvent>> {
        if self.feed_trial_until != 0 {
            self.require_near(quote, now)?;
        }
        let (oracle, risk) = (&self.config.oracle, &mut self.risk);
        let (last, exponent) = (self.price.publish_time, self.price.exponent);
        if !self.price.update(quote, oracle, risk.confidence_multiple, self.decimals, now)? {
            return Ok(None);
        }
        self.feed_trial_until = 0;
        if quote.exponent != exponent {
            risk.volatility.rescale(exponent - quote.exponent);
        }
        let (price, published) = (quote.price, self.price.publish_time);
        let turn = risk.take_turn(&self.config.risk, oracle.confidence_multiple, (price, published), last, now);
        let change = self.watch(now);
        if turn == Turn::Sample {
            self.follow_volatility();
        }
        let has_ramped = turn == Turn::Ramp;
        if has_ramped || self.config.risk.follows_the_market() {
            self.reassess(has_ramped, now);
        }
        Ok(change)
    }

    /// How far the first price of a new feed may be from the last of the old one. Nobody sets it: what new risk allows can be
    /// lowered at once, and would keep any price out.
    pub const MOST_APART: Bps = Bps(500);

    /// Refuses the first price of a new feed while it is far from the last of the old one, until somebody has had the time to
    /// queue another: one of the two is wrong, and the accounts that hold the token must not be liquidated by it.
    #[cold]
    #[inline(never)]
    fn require_near(&self, quote: &Quote, now: i64) -> Result<()> {
        let is_near = self.price.distance_of(quote) <= Self::MOST_APART;
        if !is_near && now < self.feed_trial_until as i64 && self.price.publish_time != 0 {
            return Err(Error::NewFeedFarFromOld);
        }
        Ok(())
    }

    /// Moves maintenance without a price.
    #[inline(never)]
    pub fn ramp(&mut self, now: i64) {
        let has_ramped = self.risk.step(&self.config.risk, self.config.oracle.confidence_multiple, now);
        if has_ramped || self.risk.is_held_back() {
            self.reassess(has_ramped, now);
        }
    }

    /// Has the price breaker look at the price, as long as that is recent, and judges the price by it.
    #[inline(always)]
    pub fn watch(&mut self, now: i64) -> Option<BreakerEvent> {
        let breakers = &self.config.breakers;
        let is_watched = breakers.tiers[0].0 != 0 && now <= self.price.fresh_until;
        let change = if is_watched {
            self.halt.watch(&breakers.price_tiers(), self.price.distance(), now)
        } else {
            self.halt.lift(now)
        };
        self.judge_price();
        change
    }

    /// Stores what the price is good for, by the reserve's limits and its breaker.
    #[inline(always)]
    pub fn judge_price(&mut self) {
        self.price.condition = self.halt.worsen(self.price.settled(&self.config.oracle)) as u8;
    }

    /// Brings what volatility costs up to its estimate.
    #[inline(always)]
    pub(super) fn follow_volatility(&mut self) {
        let excess = self.config.risk.excess_volatility(self.risk.volatility.annual);
        self.risk.volatility_haircut = self.config.risk.volatility_haircut(excess);
        self.controller.set_premium(&self.config.controller, excess);
    }

    /// Brings depths and haircuts up to the price at hand, and to maintenance if that has ramped.
    #[inline(never)]
    pub(super) fn reassess(&mut self, has_ramped: bool, now: i64) {
        let deposits = self.deposits_roughly();
        // A refresh does not accrue.
        let leaving = if now == self.last_accrual { self.leaving } else { 0 };
        let deposits = Deposits { at_present: deposits, standing: Some(standing(deposits, leaving)) };
        let price = &self.price;
        let reciprocal = price.reciprocal();
        self.risk.reprice(&self.config.risk, deposits, has_ramped, now, |usd| price.atoms_of(usd, reciprocal));
    }

    /// What the price is good for at `now` beside others of a `moment`. One of a feed that is older, or newer, by more than the limit
    /// is of another moment.
    #[inline(always)]
    pub fn condition(&self, now: i64, moment: i64) -> Condition {
        let condition = self.price.condition(now);
        let most = self.config.oracle.max_skew as i64;
        // None is before the epoch.
        if moment.wrapping_sub(self.price.publish_time) > most || self.price.newest_time().wrapping_sub(moment) > most {
            return self.skewed(condition);
        }
        condition
    }

    #[cold]
    #[inline(never)]
    fn skewed(&self, condition: Condition) -> Condition {
        if condition.is_current() { Condition::Skewed } else { condition }
    }
}
