//! A liquidator on the public client alone: decoded bytes in, an order out.
//!
//! It knows what any bot can know: the market's and the account's bytes, its own balances and the cost of a swap. The
//! engine it previews with is the code that the chain runs, so an order it finds profitable is filled as previewed.

use ballast_client::{
    LiquidationOrder, MarketView,
    engine::{
        health::Requirement,
        ledger::liquidation::Liquidation,
        number::units::{Bps, ONE_BPS},
        state::account::{MarginAccount, Position},
    },
};

use super::venue::{Swap, Venue};

/// Cost of the transaction with its priority fee, USD.
const TRANSACTION_COST: f64 = 0.05;
/// Shares of the allowed repayment that are tried: a smaller order moves the market less.
const FRACTIONS: [u64; 3] = [1, 2, 4];

/// What it does in words, for the reports.
pub const DESCRIPTION: &str = "after every price the liquidator looks at all accounts, and for each unhealthy one at \
    every pair of debt and collateral and at orders of all, half and a quarter of what is allowed. Of what selling the \
    collateral would bring it takes 0.2 % of fees, what buying the debt's token back would cost, and 0.05 USD for the \
    transaction. It sends the order that leaves most, if any leaves something, trades so at once, and settles the debt \
    of accounts that have no collateral left";

/// An order worth sending.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What to send.
    pub order: LiquidationOrder,
    /// What it will do.
    pub preview: Liquidation,
    /// The trade that turns what is seized into what was repaid.
    pub swap: Swap,
    /// What remains of it after all costs, USD.
    pub profit: f64,
}

/// Value of an amount at spot, USD.
pub fn value(market: &MarketView, reserve: u8, amount: u64) -> f64 {
    let price = &market.reserves[reserve as usize].price;
    price.value_floor(amount, price.spot, Bps(ONE_BPS)).to_f64()
}

/// The most profitable order against an account at `now`, `None` if it is healthy or nothing pays. `held` are the
/// liquidator's balances, one for each reserve.
pub fn plan(market: &MarketView, account: &MarginAccount, now: i64, held: &[u64], venue: &Venue) -> Option<Plan> {
    if market.health(account, now, Requirement::Maintenance).ok()?.is_healthy() {
        return None;
    }
    let (debts, deposits): (Vec<&Position>, Vec<&Position>) =
        account.positions().iter().partition(|position| position.is_debt());
    let tokens = |reserve: u8, amount: u64| {
        let decimals = market.reserves[reserve as usize].decimals;
        (reserve as usize, amount as f64 / 10f64.powi(decimals as i32))
    };
    let mut best: Option<Plan> = None;
    for debt in &debts {
        for collateral in &deposits {
            let order = |max_repay, min_collateral| LiquidationOrder {
                debt: debt.reserve,
                collateral: collateral.reserve,
                max_repay,
                min_collateral,
            };
            let balance = held.get(debt.reserve as usize).copied().unwrap_or(0);
            // The engine caps an order at what is allowed.
            let Ok(allowed) = market.preview_liquidation(account, order(balance, 0), now) else { continue };
            for fraction in FRACTIONS {
                let max_repay = allowed.paid().div_ceil(fraction);
                let Ok(preview) = market.preview_liquidation(account, order(max_repay, 0), now) else { continue };
                let swap = Swap {
                    sold: tokens(collateral.reserve, preview.seized),
                    bought: tokens(debt.reserve, preview.paid()),
                };
                let profit = venue.quote(swap) - TRANSACTION_COST;
                if profit > 0.0 && best.is_none_or(|best| profit > best.profit) {
                    best = Some(Plan { order: order(max_repay, preview.seized), preview, swap, profit });
                }
            }
        }
    }
    best
}

/// The debts of an account that has no collateral left: reserve indices to settle.
pub fn bad_debts(account: &MarginAccount) -> Vec<u8> {
    if account.positions().iter().any(|position| !position.is_debt()) {
        return Vec::new();
    }
    account.positions().iter().map(|position| position.reserve).collect()
}

#[cfg(test)]
mod tests {
    use ballast_client::{
        Address,
        engine::{
            number::units::Shares,
            price::feed::{PriceUpdate, Quote, Source},
            state::{account::Side, market::Market, reserve::Reserve},
        },
        to_engine,
    };

    use super::*;
    use crate::{
        assets::{ASSETS, feed_id, price_account},
        policy::Policy,
    };

    const NOW: i64 = 1_000;
    const SOL: u8 = 0;
    const USDC: u8 = 3;
    const PLENTY: [u64; 5] = [u64::MAX / 4; 5];

    /// Where SOL has a price and a depth of half a million.
    fn venue(sol_price: f64) -> Venue {
        let mut venue = Venue::new(&[500_000.0, 1.0, 1.0, f64::INFINITY, f64::INFINITY], 0);
        venue.advance(&[sol_price, 1.0, 1.0, 1.0, 1.0], NOW);
        venue
    }

    /// A market with SOL at a price, and an account with deposits of SOL and debts of USDC, in tokens.
    fn scene(sol_price: i64, sol: u64, usdc: u64) -> (MarketView, MarginAccount) {
        let mut market = Market { config: Policy::Fixed.market(), ..Market::default() };
        market.version = 1;
        let reserves = ASSETS.iter().enumerate().map(|(index, asset)| {
            let mut reserve =
                Reserve::new(&Policy::Fixed.reserve(asset, index), asset.decimals, NOW).expect("a valid table");
            let price = if index == SOL as usize { sol_price } else { 1 } * 100_000_000;
            let update = PriceUpdate {
                feed_id: feed_id(index),
                price,
                confidence: 0,
                exponent: -8,
                publish_time: NOW,
                ema_price: price,
            };
            let source = Source { address: reserve.config.oracle.feed_account, update };
            let quote = Quote::new(&source, None, &reserve.config.oracle, NOW).expect("a valid price");
            reserve.refresh(&quote, NOW).expect("a newer price");
            if asset.symbol == "USDC" {
                reserve.deposit(100_000_000 * asset.unit()).expect("below the cap");
            }
            reserve
        });
        let mut view = MarketView { address: Address::default(), market, reserves: reserves.collect() };
        let mut account = MarginAccount::default();
        for (reserve, side, tokens) in [(SOL, Side::Deposit, sol), (USDC, Side::Debt, usdc)] {
            let record = &mut view.reserves[reserve as usize];
            let atoms = tokens * ASSETS[reserve as usize].unit();
            let shares = match side {
                _ if atoms == 0 => Shares::ZERO,
                Side::Deposit => record.deposit(atoms).expect("below the cap"),
                Side::Debt => record.borrow(atoms).expect("below the cap"),
            };
            if shares != Shares::ZERO {
                account.add(reserve, side, shares).expect("room");
            }
        }
        assert_eq!(view.reserves[0].config.oracle.feed_account, to_engine(&price_account(0)));
        (view, account)
    }

    #[test]
    fn a_healthy_account_is_left_alone() {
        let (market, account) = scene(200, 10, 1_500);
        assert!(plan(&market, &account, NOW, &PLENTY, &venue(200.0)).is_none());
    }

    #[test]
    fn an_unhealthy_account_is_liquidated_at_a_profit_and_as_previewed() {
        let (market, account) = scene(200, 10, 1_700);
        let plan = plan(&market, &account, NOW, &PLENTY, &venue(200.0)).expect("it pays");
        assert_eq!((plan.order.debt, plan.order.collateral), (USDC, SOL));
        assert_eq!(plan.order.min_collateral, plan.preview.seized);
        assert!(plan.preview.after.net() > plan.preview.before.net());
        let gained = value(&market, SOL, plan.preview.seized) - value(&market, USDC, plan.preview.repaid);
        assert!(0.0 < plan.profit && plan.profit < gained, "{} of {gained}", plan.profit);
    }

    #[test]
    fn an_order_is_no_larger_than_the_balance() {
        let (market, account) = scene(200, 100, 17_000);
        let held = [0, 0, 0, 500 * ASSETS[USDC as usize].unit(), 0];
        let plan = plan(&market, &account, NOW, &held, &venue(200.0)).expect("it pays");
        assert!(plan.preview.repaid <= held[USDC as usize]);
        assert!(super::plan(&market, &account, NOW, &[0; 5], &venue(200.0)).is_none());
    }

    #[test]
    fn a_position_too_large_for_the_market_is_taken_in_parts() {
        let (market, account) = scene(200, 100_000, 17_000_000);
        let all = market
            .preview_liquidation(
                &account,
                LiquidationOrder { debt: USDC, collateral: SOL, max_repay: u64::MAX, min_collateral: 0 },
                NOW,
            )
            .expect("unhealthy");
        let plan = plan(&market, &account, NOW, &PLENTY, &venue(200.0));
        assert!(plan.is_none_or(|plan| plan.preview.repaid < all.repaid));
    }

    #[test]
    fn nothing_is_liquidated_for_less_than_it_fetches() {
        let (market, account) = scene(200, 10, 1_700);
        // Sales have brought the venue below the price that the program knows.
        assert!(plan(&market, &account, NOW, &PLENTY, &venue(180.0)).is_none());
    }

    #[test]
    fn debts_are_settled_only_when_no_collateral_is_left() {
        let (_, with_collateral) = scene(200, 10, 1_700);
        let (_, without) = scene(200, 0, 1_700);
        assert!(bad_debts(&with_collateral).is_empty());
        assert_eq!(bad_debts(&without), [USDC]);
    }
}
