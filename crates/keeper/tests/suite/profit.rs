//! What is planned pays: at its limits too, whatever the market, the account and the venue are like.

use ballast_client::{
    MarketView,
    engine::{
        health::Requirement,
        number::units::Bps,
        state::{account::MarginAccount, token::TransferFee},
    },
};
use ballast_keeper::bench::population::{Population, START, Tokens};
use ballast_liquidator::{Case, Demands, Funding, NoVenue, Plan, Quoted, Venue, value};
use proptest::prelude::*;

const DEMANDS: Demands = Demands {
    min_profit: 0.5,
    hold_discount_bps: 50,
    max_slippage_share_bps: 9_000,
    priority_share_bps: 5_000,
    base_cost: 0.01,
};

/// Sells at the market's prices less a fee and less what the size moves them by: all of `depth` dollars would sell for half.
struct Impact<'a> {
    market: &'a MarketView,
    fee: f64,
    depth: f64,
}

impl Venue for Impact<'_> {
    type Quote = (u8, u8, u64);

    async fn quote(&self, sell: u8, buy: u8, amount: u64) -> Option<Quoted<Self::Quote>> {
        let sold = value(self.market, sell, amount);
        let bought = sold * (1.0 - self.fee) / (1.0 + sold / self.depth);
        let price = &self.market.reserves[buy as usize].price;
        let units = (bought * 1e8) as u128;
        Some(Quoted {
            out: price.atoms_floor(ballast_client::engine::number::units::Usd(units), price.spot),
            quote: (sell, buy, amount),
        })
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// What is true of every plan.
fn check<Q>(market: &MarketView, case: &Case, plan: &Plan<Q>) -> Result<(), TestCaseError> {
    let health = market.health(case.account, case.now, Requirement::Maintenance).expect("listed");
    prop_assert!(!health.is_healthy(), "a healthy account is left alone");
    prop_assert!(plan.priority <= plan.profit * 0.5 + 1e-9, "priority within its share");
    prop_assert!(plan.profit - plan.priority >= DEMANDS.min_profit);
    // The chain does what was previewed.
    let done = market.preview_liquidation(case.account, plan.order, case.now).expect("as previewed");
    prop_assert!(done.seized >= plan.order.min_collateral && done.paid() <= plan.order.max_repay);
    let (debt, collateral) = (plan.order.debt, plan.order.collateral);
    match &plan.funding {
        Funding::Inventory => {
            prop_assert!(plan.sent <= case.held[debt as usize]);
            // At both limits of the order: all is paid, and no more than the least comes.
            let least = case.fees[collateral as usize].arriving(plan.order.min_collateral).expect("a fee below one");
            let worst = value(market, collateral, least) * (1.0 - DEMANDS.hold_discount_bps as f64 / 1e4);
            let paid = value(market, debt, plan.order.max_repay) + plan.priority + DEMANDS.base_cost;
            prop_assert!(worst - paid >= -1e-6 * paid, "{worst} for {paid}");
        }
        Funding::Receivership(quoted) => {
            prop_assert!(quoted.out >= plan.least_out(market), "what is sold pays for everything");
            let (sold, bought) = (value(market, collateral, plan.arriving), value(market, debt, quoted.out));
            prop_assert!(
                (sold - bought) / sold * 1e4 < plan.preview.penalty.0 as f64 * 0.9,
                "slippage below the penalty"
            );
        }
    }
    Ok(())
}

fn scene(seed: u64, ratio: f64) -> (MarketView, MarginAccount) {
    let mut population = Population::new(seed);
    let mut market = population.market(Tokens::Common, 16, 0);
    // The insurance's share is rounded: an order for exactly what a larger one moves has to make up for it.
    market.reserves.iter_mut().for_each(|reserve| {
        reserve.config.insurance.penalty_share = Bps(1_000);
        reserve.config.oracle.max_skew = 60;
    });
    let positions = 2 + population.below(7);
    let account = population.account(&market, positions, ratio);
    (market, account)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_loses(
        seed: u64,
        ratio in 0.9f64..1.01,
        depth in 3.0f64..9.0,
        fee in 0.0f64..0.02,
        bps in prop::sample::select(vec![0u16, 0, 30, 500]),
        share in 0.0f64..1.5,
    ) {
        let (market, account) = scene(seed, ratio);
        let fees = vec![TransferFee { bps, maximum: u64::MAX }; 16];
        // Of each debt as much as a share of it.
        let held: Vec<u64> = (0..16u8).map(|reserve| match account.position(reserve) {
            Some(one) if one.is_debt() => (market.reserves[reserve as usize].debt_index.amount_ceil(one.shares) as f64 * share) as u64,
            _ => 0,
        }).collect();
        let case = Case { market: &market, now: START, account: &account, held: &held, fees: &fees, rents: &[] };
        if let Some(plan) = block_on(case.plan(&DEMANDS, &NoVenue)) {
            check(&market, &case, &plan)?;
            prop_assert_eq!(&plan.funding, &Funding::Inventory);
        }
        let venue = Impact { market: &market, fee, depth: 10f64.powf(depth) };
        if let Some(plan) = block_on(case.plan(&DEMANDS, &venue)) {
            check(&market, &case, &plan)?;
        }
    }

    /// A twentieth at most is lost to looking at few sizes, by comparison with a hundred.
    #[test]
    fn a_slice_earns_what_the_best_size_earns(seed: u64, depth in 3.0f64..7.0) {
        let (market, account) = scene(seed, 0.97);
        let (held, fees) = ([0; 16], [TransferFee::default(); 16]);
        let case = Case { market: &market, now: START, account: &account, held: &held, fees: &fees, rents: &[] };
        let venue = Impact { market: &market, fee: 0.001, depth: 10f64.powf(depth) };
        if let Some(plan) = block_on(case.plan(&DEMANDS, &venue)) {
            let at = |max_repay: u64| {
                let order = ballast_client::LiquidationOrder { max_repay, min_collateral: 1, ..plan.order };
                let preview = market.preview_liquidation(&account, order, START).ok()?;
                let quoted = block_on(venue.quote(order.collateral, order.debt, preview.seized))?;
                Some(value(&market, order.debt, quoted.out) - value(&market, order.debt, preview.paid()) - DEMANDS.base_cost)
            };
            let order = ballast_client::LiquidationOrder { max_repay: u64::MAX, min_collateral: 1, ..plan.order };
            let whole = market.preview_liquidation(&account, order, START).expect("liquidatable").paid();
            let best = (1..=100).filter_map(|part| at((whole as u128 * part / 100) as u64)).fold(0.0, f64::max);
            prop_assert!(plan.profit >= best * 0.95 - 0.02, "{} of {best}", plan.profit);
        }
    }
}

#[test]
fn a_position_too_large_for_the_venue_is_sold_in_slices() {
    let sliced = (0..200).filter(|seed| {
        let (market, account) = scene(*seed, 0.97);
        let (held, fees) = ([0; 16], [TransferFee::default(); 16]);
        let case = Case { market: &market, now: START, account: &account, held: &held, fees: &fees, rents: &[] };
        let whole = case.estimate().unwrap_or_default();
        let venue = Impact { market: &market, fee: 0.001, depth: whole * 100.0 };
        block_on(case.plan(&DEMANDS, &venue)).is_some_and(|plan| plan.profit < whole / 2.0)
    });
    assert!(sliced.count() > 50, "half of what could be earned goes to the venue");
}

#[test]
fn who_has_nothing_and_can_sell_nothing_plans_nothing() {
    let (market, account) = scene(1, 0.95);
    let (held, fees) = ([0; 16], [TransferFee::default(); 16]);
    let case = Case { market: &market, now: START, account: &account, held: &held, fees: &fees, rents: &[] };
    assert!(case.estimate().is_some_and(|estimate| estimate > 0.0), "there is something to earn");
    assert!(block_on(case.plan(&DEMANDS, &NoVenue)).is_none());
}

/// A plan's profit and costs, and whether it closes what it makes.
type Outline = (f64, f64, bool);

/// The plans with rents, and the profit without, of many accounts.
fn with_rents(rents: &[f64; 16], fee_bps: u16, holds: bool) -> Vec<(Option<Outline>, f64)> {
    let plans = (0..40).filter_map(|seed| {
        let (market, account) = scene(seed, 0.97);
        let fees = [TransferFee { bps: fee_bps, maximum: u64::MAX }; 16];
        let held = [if holds { u64::MAX / 4 } else { 0 }; 16];
        let venue = Impact { market: &market, fee: 0.001, depth: 1e9 };
        let plan = |rents: &[f64]| {
            let case = Case { market: &market, now: START, account: &account, held: &held, fees: &fees, rents };
            if holds {
                block_on(case.plan(&DEMANDS, &NoVenue)).map(|plan| (plan.profit, plan.costs, plan.closes))
            } else {
                let plan = block_on(case.plan(&DEMANDS, &venue));
                if let Some(plan) = &plan {
                    check(&market, &case, plan).expect("no plan loses");
                }
                plan.map(|plan| (plan.profit, plan.costs, plan.closes))
            }
        };
        let (free, _, closes) = plan(&[])?;
        assert!(!closes, "there is nothing to close");
        Some((plan(rents), free))
    });
    plans.collect()
}

#[test]
fn the_rents_of_accounts_that_an_order_makes_are_in_its_profit() {
    const RENT: f64 = 0.4;
    let base = DEMANDS.base_cost;
    // By inventory: what was made for the collateral stays.
    let plans = with_rents(&[RENT; 16], 0, true);
    assert!(plans.len() > 20, "there is something to compare");
    for (plan, free) in plans {
        let Some((profit, costs, closes)) = plan else {
            assert!(free - 2.0 * RENT < 2.0 * DEMANDS.min_profit, "{free} was enough");
            continue;
        };
        assert!(!closes && (costs - base - 2.0 * RENT).abs() < 1e-9, "{costs}");
        assert!((profit - free + 2.0 * RENT).abs() < 0.01, "{profit} of {free}");
    }
    // By receivership: that of the debt's token stays, with what was earned in it. That of the collateral is closed
    // again, unless a transfer fee is withheld in it.
    for (fee, rents) in [(0, RENT), (1, 2.0 * RENT)] {
        let plans = with_rents(&[RENT; 16], fee, false);
        assert!(plans.len() > 20, "there is something to compare");
        for (profit, costs, closes) in plans.into_iter().filter_map(|(plan, _)| plan) {
            assert_eq!(closes, fee == 0);
            assert!((costs - base - rents).abs() < 1e-9 && profit > rents / 2.0, "{costs}");
        }
    }
    // What costs more than it brings is not planned.
    for holds in [true, false] {
        assert!(with_rents(&[1e9; 16], 0, holds).iter().all(|(plan, _)| plan.is_none()));
    }
}
