//! The figures of the report as JSON, for whoever computes on: shares as fractions, times in unix seconds, amounts in USD.

use anyhow::{Context, Result};
use ballast_sim::{
    perps::{
        informed::{Habit, Trial, Trips},
        record::PerpsRecord,
    },
    replay::Setting,
};
use serde_json::{Map, Value, json};

use super::summary::{Attacks, worst};
use crate::batch::Comparison;

fn run(window: &str, record: &PerpsRecord) -> Value {
    let sources: Map<_, _> =
        record.sources().into_iter().map(|(name, usd)| (name.replace(' ', "_"), json!(usd))).collect();
    let layers = &record.tally.layers;
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
    let series = record.frames.iter().map(|frame| {
        json!({
            "time": frame.time,
            "share": frame.share,
            "value": frame.value,
            "cover": frame.cover.is_finite().then_some(frame.cover),
            "factor": frame.factor,
            "longs": frame.sides.0,
            "shorts": frame.sides.1,
            "delta": frame.delta,
            "rates": frame.rates,
            "owners": frame.owners,
        })
    });
    let usd = |atoms: u64| record.usd(atoms);
    json!({
        "window": window,
        "perps": record.perps,
        "traders": record.people.0,
        "owners": record.people.1,
        "capital": record.capital,
        "return": record.gained(),
        "drawdown": record.drawdown(),
        "cover": record.cover().is_finite().then_some(record.cover()),
        "factor": record.factor(),
        "prices_with_cut_gains": record.cut,
        "opened": usd(record.tally.opened),
        "closed": usd(record.tally.closed),
        "liquidated": usd(record.tally.liquidated),
        "liquidations": record.tally.counts.0,
        "deleveraged": record.deleveraged(),
        "deleveragings": record.tally.counts.1,
        "funding_paid": record.funding(),
        "losses": {
            "deposits": usd(layers.deposits),
            "collateral": usd(layers.collateral),
            "insurance": usd(layers.insurance),
            "fund": usd(layers.fund),
            "pool": usd(layers.pool),
        },
        "actions": record.tally.actions,
        "lenders_lost_to_borrowers": record.market.settled.1,
        "sources": sources,
        "provided": record.provided(),
        "worth": record.worth,
        "largest_side": record.largest_side,
        "arbitrage": { "gained": record.arbitrage.0, "trips": record.arbitrage.1 },
        "events": record.events,
        "compute_units": costs,
        "refusals": refusals.collect::<Vec<_>>(),
        "series": series.collect::<Vec<_>>(),
    })
}

fn trial((trial, trips): &(Trial, Trips)) -> Value {
    let (mean, error) = trips.mean();
    json!({
        "ahead": trial.ahead,
        "must_within": match trial.habit {
            Habit::Must(seconds) => Some(seconds),
            Habit::May => None,
        },
        "with_confidence": trial.is_uncertain,
        "deviations": trial.charge.deviations,
        "lag": trial.charge.lag,
        "size": trial.size,
        "trips": trips.trips.len(),
        "refused": trips.refused,
        "gain": mean,
        "standard_error": error,
        "fees": trips.fees(),
        "trips_a_day": trips.a_day(),
    })
}

/// All of it.
pub fn render(crowds: &[Comparison<PerpsRecord>], attacks: &Attacks, setting: Setting) -> Result<String> {
    let windows = crowds.iter().flat_map(|of| of.runs.iter().map(|played| run(of.window.title(), &played.record)));
    let informed = attacks.by_clock.iter().map(
        |(clock, trials)| json!({ "seconds": clock.title(), "trials": trials.iter().map(trial).collect::<Vec<_>>() }),
    );
    let all = json!({
        "seed": setting.seed,
        "traders": setting.traders,
        "worst_window": worst(crowds).map(|(window, _)| window),
        "windows": windows.collect::<Vec<_>>(),
        "informed": informed.collect::<Vec<_>>(),
        "trades_compared": attacks.compared,
    });
    serde_json::to_string_pretty(&all).map(|text| text + "\n").context("the figures")
}
