//! The figures of the report as JSON, for whoever computes on: shares as fractions, amounts in USD. The outer shape is that of the other
//! experiments: a seed, the number of traders, and windows with their runs; here a window is a source of days.

use anyhow::{Context, Result};
use ballast_sim::stress::{
    Scenario,
    outcome::{FIGURES, Figure},
};
use serde_json::{Map, Value, json};

use super::{
    Options, Origin, Played,
    statistics::Estimate,
    summary::{SHORTFALL, SHOWN, VALUE_AT_RISK, name},
};

fn estimate(estimate: Estimate) -> Value {
    json!({ "value": estimate.value, "interval": [estimate.interval.0, estimate.interval.1] })
}

fn scenario(scenario: &Scenario) -> Value {
    let response = scenario.response;
    let bots = scenario.bots.iter().map(
        |bot| json!({ "latency": bot.latency, "landing": bot.landing, "orders": bot.orders, "capital": bot.capital }),
    );
    json!({
        "policy": scenario.policy.title(),
        "leverage": response.leverage,
        "never": response.never,
        "attention": response.attention,
        "runners": response.runners,
        "flight": response.flight,
        "whale": scenario.whale,
        "insurance": scenario.insurance,
        "depths": scenario.depths.iter().map(|depth| depth.is_finite().then_some(*depth)).collect::<Vec<_>>(),
        "half_life": scenario.half_life,
        "floor": scenario.floor,
        "liquidators": bots.collect::<Vec<_>>(),
        "delay": scenario.delay,
        "outage": scenario.outage,
        "attack": scenario.attack,
        "liquidations_an_hour": scenario.phases.hourly,
        "near_insolvency": scenario.phases.near_insolvency,
    })
}

fn source(played: &Played, options: &Options) -> Value {
    let figures: Map<_, _> = played
        .sums
        .iter()
        .map(|sum| {
            let value = json!({
                "mean": estimate(sum.mean),
                "value_at_risk": estimate(sum.value_at_risk),
                "expected_shortfall": estimate(sum.shortfall),
                "worst": sum.worst,
            });
            (name(sum.figure).to_string(), value)
        })
        .collect();
    let mean = |figure: Figure| {
        let column = played.outcomes.iter().map(|outcome| outcome[figure]);
        column.sum::<f64>() / played.outcomes.len() as f64
    };
    let ranking = played.ranking.as_ref().map(|ranking| {
        let effect = |effect: &super::sensitivity::Effect| {
            json!({
                "change": effect.change,
                "expected_shortfall": effect.shortfall,
                "liquidated": effect.liquidated,
            })
        };
        json!({
            "runs": ranking.runs,
            "unchanged": effect(&ranking.base),
            "changes": ranking.effects.iter().map(effect).collect::<Vec<_>>(),
        })
    });
    let reverse = played.reached.as_ref().zip(options.reverse).map(|(reached, amount)| {
        let days = reached
            .iter()
            .map(|one| json!({ "run": one.run, "factor": one.factor, "fall": one.fall, "bad_debt": one.bad_debt }));
        json!({ "bad_debt": amount, "runs": options.reverse_runs, "reached": days.collect::<Vec<_>>() })
    });
    let assets = played.days.history.assets.iter().enumerate().map(|(index, asset)| {
        let tail = played.days.tail(index).map(|tail| json!({ "shape": tail.shape, "scale": tail.scale }));
        json!({ "symbol": asset.symbol, "opening": played.days.history.prices[index], "tail": tail })
    });
    json!({
        "window": played.days.history.title,
        "assets": assets.collect::<Vec<_>>(),
        "runs": [{
            "generator": played.days.generator.title(),
            "days": played.outcomes.len(),
            "block_bars": played.days.block,
            "shock": options.shock,
            "assumptions": scenario(&played.scenario),
            "debts_usd": mean(Figure::Debts),
            "collateral_per_dollar": mean(Figure::Locked),
            "figures": figures,
            "held_out": {
                "days": played.check.cases,
                "exceptions": played.check.exceptions,
                "kupiec": { "ratio": played.check.kupiec.0, "p": played.check.kupiec.1 },
                "z2": played.check.z2,
            },
            "sensitivity": ranking,
            "reverse": reverse,
            "actions_proved_on_the_bytecode": played.proved,
            "outcomes": {
                "names": FIGURES,
                "rows": played.outcomes.iter().map(|outcome| outcome.0.to_vec()).collect::<Vec<_>>(),
            },
        }],
    })
}

/// All of it.
pub fn render(played: &[Played], origin: &Origin, options: &Options) -> Result<String> {
    let all = json!({
        "experiment": "stress",
        "seed": origin.seed,
        "traders": options.common.setting().traders,
        "hashes": {
            "data": origin.data,
            "program": origin.program,
            "settings": origin.settings,
            "version": origin.version,
        },
        "value_at_risk": VALUE_AT_RISK,
        "expected_shortfall": SHORTFALL,
        "titles": SHOWN.iter().map(|(figure, title, _)| (name(*figure), *title)).collect::<Vec<_>>(),
        "windows": played.iter().map(|one| source(one, options)).collect::<Vec<_>>(),
    });
    // The rows of outcomes would take a line for each number.
    serde_json::to_string(&all).map(|text| text + "\n").context("the figures")
}
