//! The tables and texts below the plots.

use super::html::Page;
use crate::demo::{
    assets::{ASSETS, Asset, CONFIDENCE_MULTIPLE, MAX_AGE, MAX_CONFIDENCE, MAX_DIVERGENCE, market_config},
    bars::Grid,
    behaviour, liquidator, population,
    stats::{Record, thousands},
};

/// Appends summary, costs, refusals, parameters and method.
pub fn append(page: &mut Page, record: &Record, grid: &Grid) {
    page.heading("Summary");
    let rows: Vec<_> = record.summary().into_iter().map(|(label, value)| vec![label.to_string(), value]).collect();
    page.table(&["", ""], &rows, 2);

    page.heading("Compute units");
    page.paragraph("Of whole transactions, token transfers included. A transaction may use 1,400,000.");
    let rows: Vec<_> = record
        .costs
        .iter()
        .map(|(operation, cost)| {
            let mean = cost.total / cost.count.max(1);
            vec![operation.to_string(), thousands(cost.count), thousands(mean), thousands(cost.most)]
        })
        .collect();
    page.table(&["Operation", "Executed", "Mean CU", "Most CU"], &rows, 1);

    page.heading("What was refused");
    page.paragraph("Transactions that broke a rule and changed nothing.");
    let rows: Vec<_> = record
        .refusals
        .iter()
        .map(|((operation, reason), count)| vec![operation.to_string(), reason.to_string(), thousands(*count)])
        .collect();
    page.table(&["Operation", "Reason", "Times"], &rows, 2);

    page.heading("Parameters");
    let rows: Vec<_> = ASSETS.iter().map(reserve_row).collect();
    page.table(
        &[
            "Reserve",
            "Asset weight",
            "Liability weight",
            "Penalty",
            "Fee on interest",
            "Deposit cap",
            "Borrow cap",
            "Rate at utilisation",
        ],
        &rows,
        8,
    );
    let market = market_config();
    page.paragraph(&format!(
        "Pairs are initial and maintenance, or lowest and highest. Prices may be used for {MAX_AGE} s. A price backs \
         no new risk when its confidence exceeds {:.2} % or its distance from the EMA {:.1} %, and is refused when its \
         confidence exceeds {:.1} %. Readings are biased by {} confidence intervals. A liquidation returns an account \
         to {:.0} % of maintenance health; the penalty is full at a shortfall of {:.0} %. The smallest debt is {} USD, \
         dust is below {} USD.",
        MAX_CONFIDENCE.0 as f64 / 100.0,
        MAX_DIVERGENCE as f64 / 100.0,
        MAX_CONFIDENCE.1 as f64 / 100.0,
        CONFIDENCE_MULTIPLE / 10_000,
        market.target_health.0 as f64 / 100.0,
        market.full_penalty_shortfall.0 as f64 / 100.0,
        market.min_debt_value / 100_000_000,
        market.dust_value / 100_000_000
    ));

    page.heading("Method");
    let mut rows = vec![
        row(
            "Prices",
            &format!(
                "bars of {} s. Each is visited at its open, its two extremes (a falling bar: high, then low; a rising \
                 one: low, then high) and its close. The confidence is a twentieth of the bar's range, from 0.02 to \
                 1 %; the EMA has a time constant of one hour. The series are quoted in USDT, which is taken for one \
                 dollar; USDC and USDT stand at 1 USD",
                grid.interval
            ),
        ),
        row(
            "Order",
            "at each price: publish, refresh, liquidate; after the last of a bar, traders and lenders act, then the \
             books are checked",
        ),
    ];
    rows.extend(population::DESCRIPTION.iter().chain(&behaviour::DESCRIPTION).map(|(label, text)| row(label, text)));
    rows.push(row("Liquidator", liquidator::DESCRIPTION));
    rows.push(row(
        "Limits",
        "the program and the prices are real, the rest is a model: prices do not answer to the liquidations, the swap \
         has a fixed depth, the one liquidator is never late and never out of money, the stablecoins never lose their \
         peg, and signatures and network fees are left out",
    ));
    page.table(&["", ""], &rows, 2);
}

fn row(label: &str, text: &str) -> Vec<String> {
    let mut characters = text.chars();
    let text = characters.next().map(|first| first.to_uppercase().chain(characters).collect::<String>());
    vec![label.to_string(), text.unwrap_or_default() + "."]
}

fn reserve_row(asset: &Asset) -> Vec<String> {
    let pair = |(low, high): (u16, u16)| format!("{} / {} %", bps(low as u32), bps(high as u32));
    let curve: Vec<_> = asset
        .curve
        .iter()
        .map(|(at, rate)| format!("{}\u{a0}% at\u{a0}{}\u{a0}%", bps(*rate), bps(*at as u32)))
        .collect();
    vec![
        asset.symbol.to_string(),
        pair(asset.asset_weights),
        pair(asset.liability_weights),
        pair(asset.penalties),
        format!("{} %", bps(asset.reserve_factor as u32)),
        thousands(asset.caps.0),
        thousands(asset.caps.1),
        curve.join(", "),
    ]
}

/// Basis points in percent without trailing zeros.
fn bps(value: u32) -> String {
    if value.is_multiple_of(100) { (value / 100).to_string() } else { format!("{}", value as f64 / 100.0) }
}
