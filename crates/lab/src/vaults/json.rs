//! The figures of the report as JSON, for whoever computes on: shares as fractions, times in unix seconds, amounts in atoms.

use anyhow::{Context, Result};
use ballast_sim::{
    replay::Setting,
    vaults::{Rule, record::VaultRecord},
};
use serde_json::{Map, Value, json};

use super::{arm::Arm, summary};
use crate::batch::Comparison;

/// Seconds between the points of a series.
const STEP: i64 = 3_600;

fn run(arm: Arm, record: &VaultRecord) -> Value {
    let waits = record.waits();
    let (queue, requests) = record.longest_queue();
    let mut next = i64::MIN;
    let hourly = record.measured().iter().filter(|frame| {
        let is_due = frame.time >= next;
        if is_due {
            next = frame.time + STEP;
        }
        is_due
    });
    let series = hourly.map(|frame| {
        json!({
            "time": frame.time,
            "coverage": frame.coverage,
            "queued": frame.queued,
            "idle": frame.idle,
            "value": frame.value,
            "price": frame.price,
            "utilisation": frame.utilisation,
        })
    });
    let leavers = record.leavers.iter().map(|leaver| {
        json!({
            "since": leaver.since,
            "shares": leaver.shares,
            "worth": leaver.worth,
            "left": leaver.left,
            "payments": leaver.payments.iter().map(|payment| {
                json!({ "time": payment.time, "shares": payment.shares, "amount": payment.amount, "fee": payment.fee })
            }).collect::<Vec<_>>(),
        })
    });
    let costs: Map<_, _> = record
        .costs
        .iter()
        .map(|(operation, cost)| {
            let mean = cost.total / cost.count.max(1);
            (operation.to_string(), json!({ "count": cost.count, "mean": mean, "most": cost.most }))
        })
        .collect();
    let refusals = record
        .refusals
        .iter()
        .map(|((operation, reason), count)| json!({ "operation": operation, "reason": reason, "count": count }));
    let refusals: Vec<_> = refusals.collect();
    json!({
        "rule": arm.title(),
        "run": record.run,
        "out_within": summary::TIMES.map(|(seconds, _)| json!({ "seconds": seconds, "part": record.out_within(seconds) })),
        "median_wait": waits.map(|waits| waits.0),
        "longest_wait": waits.map(|waits| waits.1),
        "still_in": record.still_in(),
        "leavers_loss": record.leavers_loss(),
        "stayers_loss": record.stayers_loss(),
        "exit_fees": record.fees(),
        "lowest_coverage": record.lowest_coverage(),
        "longest_queue": queue,
        "most_requests": requests,
        "idle": record.idle(),
        "yearly": record.yearly(),
        "markets_full_after": record.full_after,
        "bad_debt_usd": record.bad_debt(),
        "liquidations": record.markets.iter().map(|market| market.liquidations).sum::<u64>(),
        "moves": record.moves,
        "events": record.events,
        "compute_units": costs,
        "refusals": refusals,
        "leavers": leavers.collect::<Vec<_>>(),
        "series": series.collect::<Vec<_>>(),
    })
}

/// All of it.
pub fn render(comparisons: &[Comparison<VaultRecord>], setting: Setting, rule: Rule) -> Result<String> {
    let windows = comparisons.iter().map(|comparison| {
        let runs = Arm::ALL.iter().zip(&comparison.runs).map(|(arm, played)| run(*arm, &played.record));
        json!({ "window": comparison.window.title(), "runs": runs.collect::<Vec<_>>() })
    });
    let all = json!({
        "seed": setting.seed,
        "traders": setting.traders,
        "absence": setting.absence,
        "rule": { "coverage": rule.coverage, "exit_fee": rule.exit_fee, "buffer": rule.buffer },
        "price_of_liquidity": summary::price_of_liquidity(comparisons),
        "windows": windows.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&all).map(|text| text + "\n").context("the figures")
}
