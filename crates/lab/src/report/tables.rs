//! The tables and texts below the plots.

use ballast_client::engine::{number::units::Bps, state::reserve::ReserveConfig};

use super::html::Page;
use ballast_sim::{
    assets::Asset,
    behaviour,
    grid::Grid,
    liquidator,
    policy::{CONFIDENCE_MULTIPLE, MAX_AGE, MAX_CONFIDENCE, MAX_DIVERGENCE, Policy},
    population,
    stats::{Record, thousands},
};

/// Appends summary, costs, refusals, parameters and method.
pub fn append(page: &mut Page, record: &Record, grid: &Grid, policy: Policy) {
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
    let configured = record.assets.iter().enumerate().map(|(index, asset)| (asset, policy.reserve(asset, index)));
    let rows: Vec<_> = configured.map(|(asset, config)| reserve_row(asset, &config)).collect();
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
    let market = policy.market();
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
    page.table(&["", ""], &method(grid), 2);
}

/// What the replay does, and what it leaves out.
fn method(grid: &Grid) -> Vec<Vec<String>> {
    let mut rows = vec![
        row("Prices", &prices(grid)),
        row(
            "Order",
            "at each price: publish, refresh, liquidate; every five minutes (at the end of a shorter bar) traders and \
             lenders act; after each bar the books are checked",
        ),
    ];
    rows.extend(people());
    rows.push(row("Liquidator", liquidator::DESCRIPTION));
    rows.push(row("Venue", VENUE));
    rows.push(row("Limits", LIMITS));
    rows
}

/// Where the liquidator swaps, in words.
pub const VENUE: &str = "a sale or purchase of 500,000 USD of a volatile asset moves its price by 1 % on the way, which the \
    liquidator pays; the book refills before the next";

/// What the replay leaves out, in words.
pub const LIMITS: &str = "the program and the prices are real, the rest is a model: prices do not answer to the \
    liquidations, the books have a fixed depth, the one liquidator is never late and never out of money, stablecoins \
    without prices of their own never lose their peg, and signatures and network fees are left out";

/// Who trades and lends, and how they act.
pub fn people() -> Vec<Vec<String>> {
    population::DESCRIPTION.iter().chain(&behaviour::DESCRIPTION).map(|(label, text)| row(label, text)).collect()
}

/// How bars become prices, in words.
pub const WALK: &str = "each bar is walked from its open to its two extremes (a falling bar: high, then low; a rising \
    one: low, then high) and its close, a third of its time each. In bars longer than five minutes prices are \
    published on the straight lines between these too, at most 100 s apart, so that none is ever too old to liquidate \
    by. The confidence is a twentieth of the bar's range (scaled to five minutes by the root of time), from 0.02 to \
    1 %; the EMA has a time constant of one hour. SOL, BTC and ETH are quoted in USDT, which is taken for one dollar";

fn prices(grid: &Grid) -> String {
    let pegged: Vec<_> =
        grid.assets.iter().zip(&grid.is_played).filter(|of| !of.1).map(|(asset, _)| asset.symbol).collect();
    let standing = if pegged.is_empty() { String::new() } else { format!("; at 1 USD: {}", pegged.join(", ")) };
    format!("bars of {} s; {WALK}{standing}", grid.interval)
}

/// A line of a table of words: the text begins with a capital and ends with a full stop.
pub fn row(label: &str, text: &str) -> Vec<String> {
    let mut characters = text.chars();
    let text = characters.next().map(|first| first.to_uppercase().chain(characters).collect::<String>());
    vec![label.to_string(), text.unwrap_or_default() + "."]
}

fn reserve_row(asset: &Asset, config: &ReserveConfig) -> Vec<String> {
    let pair = |low: Bps, high: Bps| format!("{} / {} %", bps(low.0 as u32), bps(high.0 as u32));
    let curve: Vec<_> = asset
        .curve
        .iter()
        .map(|(at, rate)| format!("{}\u{a0}% at\u{a0}{}\u{a0}%", bps(*rate), bps(*at as u32)))
        .collect();
    vec![
        asset.symbol.to_string(),
        pair(config.risk.cross.initial_asset, config.risk.cross.maintenance_asset),
        pair(config.risk.cross.initial_liability, config.risk.cross.maintenance_liability),
        pair(config.min_penalty, config.max_penalty),
        format!("{} %", bps(config.reserve_factor.0 as u32)),
        thousands(config.deposit_cap / asset.unit()),
        thousands(config.borrow_cap / asset.unit()),
        curve.join(", "),
    ]
}

/// Basis points in percent without trailing zeros.
fn bps(value: u32) -> String {
    if value.is_multiple_of(100) { (value / 100).to_string() } else { format!("{}", value as f64 / 100.0) }
}
