//! A liquidator on the public client alone: decoded bytes in, an order out.
//!
//! It chooses as the keeper does, with the keeper's own code ([`ballast_liquidator`]) and by what any bot can know: the market's and
//! the account's bytes, and what the venue quotes. It has no tokens of its own: what it seizes is sold at once.

use ballast_client::{MarketView, engine::state::account::MarginAccount};
use ballast_liquidator::{Case, Demands, Quoted};
use futures_util::FutureExt;

use super::venue::{Swap, Venue};

/// What the keeper demands by default, of transactions that cost so many USD with their priority: nobody bids for it here.
const DEMANDS: Demands = Demands { base_cost: 0.05, priority_share_bps: 0, ..Demands::DEFAULT };

/// What it does in words, for the reports.
pub const DESCRIPTION: &str = "after every price the liquidator looks at all accounts, and decides as the keeper does by \
    receivership, with the keeper's code and defaults: for each unhealthy one it searches, at its three best pairs of debt and \
    collateral, for the size of the order that earns most. What is seized is sold for the debt's token at once, for a fee of \
    0.2 % and slippage; a transaction costs 0.05 USD. It sends what leaves 0.05 USD after that, and loses less than four fifths \
    of the penalty by selling, and writes off the debts that the keeper would";

/// An order worth sending, and the swap that pays for it.
pub type Plan = ballast_liquidator::Plan<Swap>;

/// The venue's books, for whole atoms of the market's tokens.
struct Books<'a> {
    venue: &'a Venue,
    market: &'a MarketView,
}

impl ballast_liquidator::Venue for Books<'_> {
    type Quote = Swap;

    async fn quote(&self, sell: u8, buy: u8, amount: u64) -> Option<Quoted<Swap>> {
        let unit = |reserve: u8| 10f64.powi(self.market.reserves[reserve as usize].decimals.into());
        let quote = Swap { sold: (sell.into(), amount as f64 / unit(sell)), bought: buy.into() };
        Some(Quoted { out: (self.venue.quote(quote) * unit(buy)) as u64, quote })
    }
}

/// The most profitable order against an account at `now`; `None` if it is healthy or nothing pays.
pub fn plan(market: &MarketView, account: &MarginAccount, now: i64, venue: &Venue) -> Option<Plan> {
    plan_with(&[], market, account, now, venue)
}

/// The same of one who has so many atoms of each reserve's token.
pub fn plan_with(held: &[u64], market: &MarketView, account: &MarginAccount, now: i64, venue: &Venue) -> Option<Plan> {
    let case = Case { market, now, account, held, fees: &[], rents: &[] };
    case.plan(&DEMANDS, &Books { venue, market }).now_or_never().expect("these books answer at once")
}

#[cfg(test)]
mod tests {
    use ballast_client::{
        Address, LiquidationOrder,
        engine::{
            number::units::Shares,
            price::feed::{PriceUpdate, Quote, Source},
            state::{account::Side, market::Market, reserve::Reserve},
        },
        to_engine,
    };

    use ballast_liquidator::{Funding, value};

    use super::*;
    use crate::{
        assets::{ASSETS, feed_id, price_account},
        policy::Policy,
    };

    const NOW: i64 = 1_000;
    const SOL: u8 = 0;
    const USDC: u8 = 3;

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
                prev_publish_time: NOW - 1,
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
        assert!(plan(&market, &account, NOW, &venue(200.0)).is_none());
    }

    #[test]
    fn an_unhealthy_account_is_liquidated_at_a_profit_and_as_previewed() {
        let (market, account) = scene(200, 10, 1_700);
        let plan = plan(&market, &account, NOW, &venue(200.0)).expect("it pays");
        assert_eq!((plan.order.debt, plan.order.collateral), (USDC, SOL));
        assert_eq!(plan.order.min_collateral, plan.preview.seized);
        assert!(plan.preview.after.net() > plan.preview.before.net());
        let gained = value(&market, SOL, plan.preview.seized) - value(&market, USDC, plan.preview.repaid);
        assert!(0.0 < plan.profit && plan.profit < gained, "{} of {gained}", plan.profit);
        // What is seized is sold, all of it, and brings what is due and the profit.
        let Funding::Receivership(sale) = &plan.funding else { panic!("it has nothing of its own") };
        assert_eq!(sale.quote.bought, USDC as usize);
        assert_eq!((sale.quote.sold.1 * 1e9).round() as u64, plan.preview.seized);
        let left = value(&market, USDC, sale.out - plan.preview.paid());
        assert!((left - DEMANDS.base_cost - plan.profit).abs() < 1e-4, "{left} for {}", plan.profit);
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
        let plan = plan(&market, &account, NOW, &venue(200.0)).expect("a part pays");
        assert!(plan.preview.repaid < all.repaid);
    }

    #[test]
    fn nothing_is_liquidated_for_less_than_it_fetches() {
        let (market, account) = scene(200, 10, 1_700);
        // Sales have brought the venue below the price that the program knows.
        assert!(plan(&market, &account, NOW, &venue(180.0)).is_none());
    }
}
