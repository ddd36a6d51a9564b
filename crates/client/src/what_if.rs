//! A market as it might be: with other prices, or with a change of parameters that waits.
//!
//! None of this is a rule of its own: prices are taken over, and changes made, by the engine.

use ballast_engine::{
    Error, Result,
    number::math::mul_div_floor,
    price::feed::{OracleConfig, PriceUpdate, Quote, Source},
    record::layout::Address,
    state::{change::Change, reserve::Reserve},
};

use crate::market::MarketView;

/// A price that a reserve is supposed to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupposedPrice {
    /// Index of the reserve.
    pub reserve: u8,
    /// Times 10^`exponent` USD for one token; of two feeds their product.
    pub price: u64,
    /// −18 to 0.
    pub exponent: i32,
    /// Half-width of the confidence interval in the same unit. None: the same part of the price as of the last one.
    pub confidence: Option<u64>,
    /// Exponential moving average in the same unit. None: the price, as if that had lasted.
    pub ema_price: Option<u64>,
}

/// What a change that waits does to a market. All of these are of one moment, and differ by nothing else.
#[derive(Clone, Debug)]
pub struct ChangedMarket {
    /// The moment, unix seconds: when the change is due, or now if it is.
    pub at: i64,
    /// Without the change.
    pub before: MarketView,
    /// Right after it. New risk is judged by it from now on; what wards off liquidation only begins to move.
    pub after: MarketView,
    /// Once all that moves has arrived.
    pub ramped: MarketView,
    /// When that is if somebody refreshes the reserve all along, unix seconds.
    pub ramped_at: i64,
}

impl MarketView {
    /// The market if these prices were taken over at `now`, unix seconds, and with them the last prices of all other reserves, as if
    /// published anew. With none the market is only refreshed. Of several prices of a reserve the last one counts.
    ///
    /// What a price moves, it moves by the engine's rules: readings, volatility and what that costs, the slow reference, the breaker, a
    /// step of the ramp. What is held: the other prices with their confidences and averages, deposits, debts and the interest on them.
    pub fn with_prices(&self, prices: &[SupposedPrice], now: i64) -> Result<Self> {
        let mut moved = self.clone();
        let priced = || (0..).zip(&self.reserves).filter(|(_, record)| is_priced(record));
        let time = newest(priced().map(|(_, reserve)| reserve), now);
        for (index, reserve) in priced() {
            let index: usize = index;
            // A price that would not be taken over again stays.
            if let Ok(brought) = brought(reserve, time) {
                moved.reserves[index] = brought;
            }
        }
        for price in prices {
            moved.reserves[price.reserve as usize] = supposed(self.reserve(price.reserve)?, price, time)?;
        }
        Ok(moved)
    }

    /// What a queued change of this market does to it, at the time when it is due or at `now`, unix seconds, if it is. The last prices
    /// count as published then. Refused is what the program would refuse, and a change that brings a record: it has no edits.
    pub fn with_change(&self, change: &Change, now: i64) -> Result<ChangedMarket> {
        /// Time that the ramp saves up at most.
        const STEP: i64 = 600;
        /// More steps than the longest way takes at the slowest rate.
        const MOST_STEPS: usize = 1 << 18;
        let at = now.max(change.earliest);
        let before = self.with_prices(&[], at)?;
        let mut after = before.clone();
        after.ledger(at).execute_change(change, &mut |_, _| ())?;
        let (mut ramped, mut ramped_at) = (after.clone(), at);
        let target = ramped.reserves.get_mut(change.target as usize);
        if let Some(reserve) = target.filter(|record| record.is_reserve()) {
            for _ in 0..MOST_STEPS {
                if reserve.risk.is_ramping == 0 {
                    break;
                }
                ramped_at = ramped_at.saturating_add(STEP);
                reserve.ramp(ramped_at);
            }
        }
        Ok(ChangedMarket { at, before, after, ramped, ramped_at })
    }
}

/// Whether a record is a reserve that ever had a price.
fn is_priced(record: &Reserve) -> bool {
    record.is_reserve() && record.price.publish_time != 0
}

/// The first time from `now` on at which all these reserves take a price over: a second one of one second is not taken.
pub(crate) fn newest<'a>(reserves: impl Iterator<Item = &'a Reserve>, now: i64) -> i64 {
    reserves.fold(now, |time, reserve| time.max(reserve.price.newest_time().saturating_add(1)))
}

/// A reserve whose last price is published again at `time`.
pub(crate) fn brought(reserve: &Reserve, time: i64) -> Result<Reserve> {
    let last = &reserve.price;
    let quote = Quote {
        price: last.price,
        confidence: last.confidence,
        ema_price: last.ema_price,
        exponent: last.exponent,
        publish_time: time,
        base_time: time,
    };
    take_over(reserve, &quote, time)
}

/// A reserve with another price, published at `time` and taken over then: with what that moves beside it.
pub(crate) fn supposed(reserve: &Reserve, supposed: &SupposedPrice, time: i64) -> Result<Reserve> {
    let (last, SupposedPrice { price, exponent, .. }) = (&reserve.price, *supposed);
    let same_part = || match last.price {
        0 => 0,
        // The part is at most one, by the limit of confidences.
        _ => mul_div_floor(last.confidence, price, last.price).unwrap_or(u64::MAX),
    };
    let signed = |number: u64| i64::try_from(number).map_err(|_| Error::PriceOutOfRange);
    let update = PriceUpdate {
        feed_id: Address::NONE.0,
        price: signed(price)?,
        confidence: supposed.confidence.unwrap_or_else(same_part),
        exponent,
        publish_time: time,
        prev_publish_time: time,
        ema_price: signed(supposed.ema_price.unwrap_or(price))?,
    };
    // The product of two feeds is supposed as one number, so it is checked as that of one feed.
    let source = Source { address: Address::NONE, update };
    take_over(reserve, &Quote::of_any_account(&source, None, &OracleConfig::default(), time)?, time)
}

fn take_over(reserve: &Reserve, quote: &Quote, time: i64) -> Result<Reserve> {
    let mut moved = *reserve;
    // Any price is asked for here, not only one that a new feed may begin with.
    moved.feed_trial_until = 0;
    moved.refresh(quote, time)?;
    Ok(moved)
}
