//! What the venue gives: the published price less a fee and the price impact of its books.

use anyhow::{Context, Result, ensure};
use ballast_sim::{
    assets::Asset,
    venue::{FEE, Swap, Venue},
};

/// An exchange of one reserve's token for another's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Atoms to receive.
    pub amount_out: u64,
    /// The part of the value that the books' depth takes, beside the fee.
    pub impact: f64,
}

/// Quotes an exchange. `prices` are dollars per token of each asset; `from` and `to` are indices.
pub fn quote(assets: &[&Asset], prices: &[f64], [from, to]: [usize; 2], amount_in: u64) -> Result<Quote> {
    ensure!(from != to, "the two tokens are one");
    let mut venue = Venue::refilling(assets);
    venue.advance(prices, 0);
    let sold = (from, assets[from].tokens(amount_in));
    let bought = venue.quote(Swap { sold, bought: to });
    let amount_out = assets[to].atoms(bought);
    ensure!(amount_out > 0, "so little buys nothing");
    let without_impact = sold.1 * prices[from] * (1.0 - FEE) / prices[to];
    Ok(Quote { amount_out, impact: (1.0 - bought / without_impact).max(0.0) })
}

/// What is left of an amount after so many basis points of slippage, rounded down.
pub fn threshold(amount: u64, slippage_bps: u16) -> Result<u64> {
    let share = 10_000u128.checked_sub(slippage_bps.into()).context("slippageBps is above 10000")?;
    Ok((u128::from(amount) * share / 10_000) as u64)
}

#[cfg(test)]
mod tests {
    use ballast_sim::assets::ASSETS;

    use super::*;

    const PRICES: [f64; 5] = [200.0, 100_000.0, 4_000.0, 1.0, 0.5];

    fn quoted(pair: [usize; 2], amount: u64) -> Quote {
        quote(&ASSETS.each_ref(), &PRICES, pair, amount).expect("a quote")
    }

    #[test]
    fn a_small_swap_costs_the_fee() {
        // 10 SOL for USDC.
        let got = quoted([0, 3], 10_000_000_000);
        let fair = 2_000e6 * (1.0 - FEE);
        assert!((got.amount_out as f64 / fair - 1.0).abs() < 1e-4 && got.impact < 1e-4, "{got:?}");
        // Two dollars at different prices have no impact.
        assert_eq!(quoted([3, 4], 1_000_000_000_000).amount_out, 1_996_000_000_000);
    }

    #[test]
    fn a_large_swap_moves_the_price_on_both_sides() {
        let one_way = quoted([0, 3], 100_000_000_000_000);
        let both_ways = quoted([0, 1], 100_000_000_000_000);
        assert!(one_way.impact > 0.1 && both_ways.impact > one_way.impact, "{one_way:?} {both_ways:?}");
    }

    #[test]
    fn what_cannot_be_swapped_is_refused() {
        let error = |pair, amount| quote(&ASSETS.each_ref(), &PRICES, pair, amount).map_err(|error| error.to_string());
        assert_eq!(error([0, 0], 1), Err("the two tokens are one".into()));
        assert_eq!(error([0, 1], 1), Err("so little buys nothing".into()));
        assert_eq!(error([0, 3], 0), Err("so little buys nothing".into()));
        assert_eq!(threshold(1_001, 50).ok(), Some(995));
        assert_eq!(
            threshold(1_000, 10_001).map_err(|error| error.to_string()),
            Err("slippageBps is above 10000".into())
        );
    }
}
