//! `ballast breaker`.

use anyhow::Result;
use ballast_client::engine::{
    number::units::UsdE8,
    state::{
        market::Market,
        permission::Action,
        rate_limit::{Outflow, OutflowLimits, Period},
        reserve::Reserve,
    },
};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    format::{dollars, list, plain, table, tokens},
    names::Named,
    reserve::condition,
    session::Session,
};
use ballast_market_file::value::duration;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Halts, pauses and how full the windows are, as of now.
    Status,
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let Self::Status = self;
        let (named, now) = (session.named(None)?, session.now()?);
        session.show(object(&named, now), &text(&named, now))?;
        Ok(true)
    }
}

/// How full a reserve's windows are: level and limit of the hour and of the day.
fn of_reserve(reserve: &Reserve, now: i64) -> [(i64, u64); 2] {
    let (mut outflow, limits) = (reserve.outflow, reserve.config.breakers.outflow());
    outflow.drain(&limits, now);
    windows(outflow, limits)
}

/// The same of the market's.
fn of_market(market: &Market, now: i64) -> [(i64, u64); 2] {
    let mut outflow = market.outflow;
    outflow.fade(now);
    windows(outflow, market.config.outflow())
}

fn windows(outflow: Outflow, limits: OutflowLimits) -> [(i64, u64); 2] {
    [(outflow.hour, limits.hour), (outflow.day, limits.day)]
}

/// Level and limit, or that there is none.
fn of_limit(level: i64, limit: u64, show: impl Fn(u64) -> String) -> String {
    if limit == 0 { "no limit".into() } else { format!("{} of {}", show(level.max(0) as u64), show(limit)) }
}

fn cents(value: u64) -> String {
    dollars(value.into())
}

/// Collateral that liquidations took of a reserve, or of the market: level and limit.
fn liquidated(mut flow: ballast_client::engine::state::rate_limit::RateLimit, limit: UsdE8, now: i64) -> (u64, u64) {
    flow.drain(limit, Period::Hour, now);
    (flow.used.0, limit.0)
}

fn paused(named: &Named, now: i64) -> Vec<String> {
    let pause = &named.view.market.pause;
    let is_stopped = |action: &&Action| action.pause_bit() != 0 && pause.stops(action.pause_bit(), now);
    Action::ALL.iter().filter(is_stopped).map(|action| format!("{action:?}")).collect()
}

/// Breakers of a market, for programs: levels and limits in atoms for reserves, in USD for the market.
fn object(named: &Named, now: i64) -> Value {
    let market = &named.view.market;
    let [hour, day] = of_market(market, now);
    let all_liquidated = liquidated(market.liquidated, market.config.liquidations(), now);
    let window = |(level, limit): (i64, u64)| json!({ "level": level.to_string(), "limit": limit.to_string() });
    let window_usd =
        |(level, limit): (i64, u64)| json!({ "level": plain(&dollars(level.into())), "limit": plain(&cents(limit)) });
    let reserve = |(index, reserve): (u8, &Reserve)| {
        let [hour, day] = of_reserve(reserve, now);
        let (level, limit) = liquidated(reserve.liquidated, reserve.config.breakers.liquidations(), now);
        let is_halted = reserve.halt.tier != 0 && now < reserve.halt.until;
        json!({
            "index": index,
            "name": named.name(index),
            "price": condition(reserve, now),
            "tier": if is_halted { reserve.halt.tier } else { 0 },
            "until": if is_halted { Some(reserve.halt.until) } else { None },
            "outflowHour": window(hour),
            "outflowDay": window(day),
            "liquidatedUsd": plain(&cents(level)),
            "liquidationLimitUsd": plain(&cents(limit)),
            "utilisation": reserve.utilisation().to_f64(),
            "doubtful": reserve.doubtful_debts().to_string(),
        })
    };
    json!({
        "paused": paused(named, now),
        "pausedUntil": if now < market.pause.until { Some(market.pause.until) } else { None },
        "reduceOnly": market.reduce_only != 0,
        "outflowHourUsd": window_usd(hour),
        "outflowDayUsd": window_usd(day),
        "liquidatedUsd": plain(&cents(all_liquidated.0)),
        "liquidationLimitUsd": plain(&cents(all_liquidated.1)),
        "lossesUsd": plain(&cents(losses(named, now))),
        "reserves": named.reserves().map(reserve).collect::<Vec<_>>(),
    })
}

fn losses(named: &Named, now: i64) -> u64 {
    let market = &named.view.market;
    let mut losses = market.losses;
    losses.drain(UsdE8::dollars(market.config.loss_limit), Period::Day, now);
    losses.used.0
}

/// The same, for people.
pub fn text(named: &Named, now: i64) -> String {
    let market = &named.view.market;
    let [hour, day] = of_market(market, now);
    let (level, limit) = liquidated(market.liquidated, market.config.liquidations(), now);
    let paused = paused(named, now);
    let pause = if paused.is_empty() {
        "nothing".into()
    } else {
        format!("{} for {}", paused.join(", "), duration(market.pause.until - now))
    };
    let head = list(&[
        ("paused", pause),
        ("after a loss", if market.reduce_only != 0 { "reduce-only until governance lifts it" } else { "no" }.into()),
        ("losses of the day, USD", format!("{} of {}", cents(losses(named, now)), market.config.loss_limit)),
        ("net outflow of the hour, USD", of_limit(hour.0, hour.1, cents)),
        ("net outflow of the day, USD", of_limit(day.0, day.1, cents)),
        ("liquidated in the hour, USD", of_limit(level as i64, limit, cents)),
    ]);
    let row = |(index, reserve): (u8, &Reserve)| {
        let [hour, day] = of_reserve(reserve, now);
        let (level, limit) = liquidated(reserve.liquidated, reserve.config.breakers.liquidations(), now);
        let amount = |atoms| tokens(atoms, reserve.decimals);
        let halt = match reserve.halt.tier {
            tier if tier != 0 && now < reserve.halt.until => {
                format!("tier {tier} for {}", duration(reserve.halt.until - now))
            }
            _ => "none".into(),
        };
        vec![
            named.name(index),
            condition(reserve, now).into(),
            halt,
            of_limit(hour.0, hour.1, amount),
            of_limit(day.0, day.1, amount),
            of_limit(level as i64, limit, cents),
            amount(reserve.doubtful_debts()),
        ]
    };
    let header =
        ["reserve", "price is", "halt", "outflow of the hour", "outflow of the day", "liquidated USD", "reported lost"];
    format!("{head}\n{}", table(&header, named.reserves().map(row).collect()))
}
