//! `ballast reserve`.

use anyhow::Result;
use ballast_client::{
    Rates,
    engine::{price::policy::Condition, state::reserve::Reserve},
    from_engine, parameters,
};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    format::{list, plain, rate, table, tokens, yearly},
    names::Named,
    session::Session,
};
use ballast_market_file::value::{duration, percent, price, show};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// All reserves of a market: prices, books, rates.
    List,
    /// One reserve: its books and all its parameters.
    Show {
        /// Its index, its mint, or its name in the market's file.
        reserve: String,
    },
    /// What borrowers pay and depositors get, now and at other utilisations.
    Rates,
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let (named, now) = (session.named(None)?, session.now()?);
        match self {
            Self::List => session.show(json!({ "reserves": objects(&named, now) }), &overview(&named, now))?,
            Self::Rates => session.show(json!({ "rates": rates(&named) }), &rates_text(&named))?,
            Self::Show { reserve } => {
                let index = named.find(reserve)?;
                let mut all = object(&named, index, named.reserve(index)?, now);
                let parameters = values(named.reserve(index)?);
                all["parameters"] = parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                let rows: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                session.show(all, &format!("{}\n{}", details(&named, index)?, list(&rows)))?;
            }
        }
        Ok(true)
    }
}

/// Each parameter by its name, in words.
fn values(reserve: &Reserve) -> Vec<(String, String)> {
    let bytes = bytemuck::bytes_of(&reserve.config);
    let value = |info: ballast_client::ParameterInfo| {
        let text = show(&info, info.parameter.of(bytes), reserve.decimals);
        (info.name, text)
    };
    parameters(0).into_iter().map(value).collect()
}

/// The condition of a price, in a word.
pub fn condition(reserve: &Reserve, now: i64) -> &'static str {
    match reserve.price.condition(now) {
        Condition::Fresh => "fresh",
        Condition::Stale => "stale",
        Condition::Dead => "dead",
        Condition::Skewed => "skewed",
        Condition::WideConfidence => "uncertain",
        Condition::FarFromAverage => "unsettled",
        Condition::NeverPriced => "never priced",
        Condition::Moving => "moving",
        Condition::Halted => "halted",
    }
}

/// What a reserve may be used for now.
fn state(reserve: &Reserve) -> &'static str {
    match reserve {
        _ if reserve.closed != 0 => "closed",
        _ if reserve.is_wiped_out() => "wiped out",
        _ if reserve.config.reduce_only != 0 => "reduce-only",
        _ if reserve.config.borrow_enabled == 0 => "collateral only",
        _ => "open",
    }
}

fn object(named: &Named, index: u8, reserve: &Reserve, now: i64) -> Value {
    json!({
        "index": index,
        "name": named.name(index),
        "mint": from_engine(&reserve.mint).to_string(),
        "decimals": reserve.decimals,
        "price": if reserve.price.publish_time == 0 { None } else { Some(plain(&price(reserve))) },
        "priceTime": reserve.price.publish_time,
        "priceCondition": condition(reserve, now),
        "deposits": reserve.deposits().to_string(),
        "debts": reserve.debts().to_string(),
        "doubtful": reserve.doubtful_debts().to_string(),
        "cash": reserve.cash.to_string(),
        "utilisation": reserve.utilisation().to_f64(),
        "depositYield": yearly(Rates::of(reserve).deposit),
        "borrowYield": yearly(Rates::of(reserve).borrow),
        "volatilityBps": reserve.risk.volatility.annual.0,
        "state": state(reserve),
    })
}

/// All reserves, for programs. Amounts are atoms, rates shares a year.
pub fn objects(named: &Named, now: i64) -> Vec<Value> {
    named.reserves().map(|(index, reserve)| object(named, index, reserve, now)).collect()
}

/// All reserves, for people.
pub fn overview(named: &Named, now: i64) -> String {
    let header = [
        "reserve",
        "#",
        "price USD",
        "age",
        "price is",
        "deposits",
        "debts",
        "used",
        "deposit",
        "borrow",
        "weights",
        "state",
    ];
    let row = |(index, reserve): (u8, &Reserve)| {
        let weights = &reserve.risk.weights[0];
        let age = now.saturating_sub(reserve.price.publish_time);
        vec![
            named.name(index),
            index.to_string(),
            price(reserve),
            if reserve.price.publish_time == 0 { "-".into() } else { duration(age.max(0)) },
            condition(reserve, now).into(),
            tokens(reserve.deposits(), reserve.decimals),
            tokens(reserve.debts(), reserve.decimals),
            rate(reserve.utilisation().to_f64()),
            rate(yearly(Rates::of(reserve).deposit)),
            rate(yearly(Rates::of(reserve).borrow)),
            format!("{} / {}", percent(weights.initial_asset.0.into()), percent(weights.maintenance_asset.0.into())),
            state(reserve).into(),
        ]
    };
    table(&header, named.reserves().map(row).collect())
}

fn details(named: &Named, index: u8) -> Result<String> {
    let reserve = named.reserve(index)?;
    let amount = |atoms| tokens(atoms, reserve.decimals);
    let weights = &reserve.risk.weights[0];
    Ok(list(&[
        ("reserve", format!("{} (#{index})", named.name(index))),
        ("mint", from_engine(&reserve.mint).to_string()),
        ("token account", from_engine(&reserve.vault).to_string()),
        ("deposits", amount(reserve.deposits())),
        ("debts", amount(reserve.debts())),
        ("debts reported lost", amount(reserve.doubtful_debts())),
        ("unlent", amount(reserve.cash)),
        ("fees to collect", amount(reserve.claimable)),
        ("insurance", amount(reserve.insurance.assets)),
        ("price", format!("{} USD", price(reserve))),
        ("volatility", format!("{} a year", percent(reserve.risk.volatility.annual.0.into()))),
        (
            "asset weights in force",
            format!("{} / {}", percent(weights.initial_asset.0.into()), percent(weights.maintenance_asset.0.into())),
        ),
    ]))
}

/// Utilisations to show rates at, basis points.
const SHOWN: [u16; 6] = [0, 2_500, 5_000, 8_000, 9_000, 10_000];

/// The yearly cost of a debt at a utilisation, by the curve as the controller has moved it.
fn rate_at(reserve: &Reserve, utilisation: u16) -> f64 {
    use ballast_client::engine::state::interest::Utilisation;
    let of_curve = reserve.config.curve.rate(Utilisation::new(10_000 - u64::from(utilisation), utilisation.into()));
    yearly(reserve.controller.rate(of_curve).per_year_f64())
}

fn rates(named: &Named) -> Vec<Value> {
    let object = |(index, reserve): (u8, &Reserve)| {
        let at = SHOWN.map(|used| json!({ "utilisationBps": used, "borrowYield": rate_at(reserve, used) }));
        json!({
            "index": index,
            "name": named.name(index),
            "utilisation": reserve.utilisation().to_f64(),
            "borrowYield": yearly(Rates::of(reserve).borrow),
            "depositYield": yearly(Rates::of(reserve).deposit),
            "at": at,
        })
    };
    named.reserves().map(object).collect()
}

fn rates_text(named: &Named) -> String {
    let shown = SHOWN.map(|used| format!("at {}", percent(used.into())));
    let mut header = vec!["reserve", "used", "deposit", "borrow"];
    header.extend(shown.iter().map(String::as_str));
    let row = |(index, reserve): (u8, &Reserve)| {
        let now = [
            named.name(index),
            rate(reserve.utilisation().to_f64()),
            rate(yearly(Rates::of(reserve).deposit)),
            rate(yearly(Rates::of(reserve).borrow)),
        ];
        now.into_iter().chain(SHOWN.map(|used| rate(rate_at(reserve, used)))).collect()
    };
    table(&header, named.reserves().map(row).collect())
}
