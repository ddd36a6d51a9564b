//! The figures of a replay as JSON, for whoever computes on: shares as fractions, times in unix seconds, amounts in USD.

use anyhow::{Context, Result};
use ballast_sim::{replay::Setting, stats::Record};
use serde_json::{Value, json};

use crate::batch::Comparison;

/// Seconds between the points of a series.
const STEP: i64 = 3_600;

fn run(variant: (&str, &str), record: &Record) -> Value {
    let (thinnest, _) = record.thinnest();
    let deepest = record
        .assets
        .iter()
        .zip(record.deepest())
        .map(|(asset, (fall, time))| json!({ "symbol": asset.symbol, "fall": fall, "time": time }));
    let mut next = i64::MIN;
    let hourly = record.frames.iter().filter(|frame| {
        let is_due = frame.time >= next;
        if is_due {
            next = frame.time + STEP;
        }
        is_due
    });
    let series = hourly.map(|frame| {
        json!({
            "time": frame.time,
            "utilisation": frame.utilisation,
            "rates": frame.rates,
            "deposits": frame.deposits,
            "debts": frame.debts,
            "thinnest": frame.thinnest.is_finite().then_some(frame.thinnest),
            "locked_per_dollar": frame.locked_per_dollar(),
        })
    });
    let refusals = record
        .refusals
        .iter()
        .map(|((operation, reason), count)| json!({ "operation": operation, "reason": reason, "count": count }));
    json!({
        variant.0: variant.1,
        "bad_debt_usd": record.bad_debt(),
        "liquidations": record.liquidations,
        "liquidated_accounts": record.liquidated.len(),
        "liquidated_usd": record.repaid,
        "seized_usd": record.seized,
        "liquidators_profit_usd": record.profit,
        "collateral_per_dollar": record.locked_per_dollar(),
        "lowest_collateral_per_debt": thinnest.is_finite().then_some(thinnest),
        "accounts_under_water": record.under_water.len(),
        "unhealthy_seconds": record.unhealthy_seconds,
        "deepest": deepest.collect::<Vec<_>>(),
        "events": record.events,
        "refusals": refusals.collect::<Vec<_>>(),
        "series": series.collect::<Vec<_>>(),
    })
}

/// All windows of an experiment, each run under the name of its variant.
pub fn render(
    experiment: &str,
    (kind, variants): (&str, &[&str]),
    comparisons: &[Comparison],
    setting: Setting,
) -> Result<String> {
    let windows = comparisons.iter().map(|comparison| {
        let runs = variants.iter().zip(&comparison.runs).map(|(variant, played)| run((kind, variant), &played.record));
        json!({ "window": comparison.window.title(), "runs": runs.collect::<Vec<_>>() })
    });
    let all = json!({
        "experiment": experiment,
        "seed": setting.seed,
        "traders": setting.traders,
        "absence": setting.absence,
        "windows": windows.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&all).map(|text| text + "\n").context("the figures")
}
