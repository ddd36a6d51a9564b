//! A perp, and all perps, for people and for programs.

use anyhow::{Result, anyhow};
use ballast_client::{
    engine::{
        number::units::Part,
        perps::report::{PerpReport, PerpState},
    },
    parameters,
};
use ballast_market_file::value::{duration, fixed, show as show_value};
use serde_json::{Value, json};

use super::units::Contract;
use crate::commands::{
    format::{list as rows_of, plain, rate, table},
    names::Named,
    prices::Fresh,
    session::Session,
};

/// A part of 32 fractional bits, for people.
pub fn share(part: i128) -> f64 {
    part as f64 / (1u64 << 32) as f64
}

/// A part that is paid, one for the whole.
pub fn whole(part: Part) -> f64 {
    if part == Part::WHOLE { 1.0 } else { share(part.0.into()) }
}

/// The same in percent.
pub fn factor(part: Part) -> String {
    if part == Part::WHOLE { "100 %".into() } else { rate(share(part.0.into())) }
}

fn state(report: &PerpReport) -> &'static str {
    match report.state {
        PerpState::Open => "open",
        PerpState::ReduceOnly => "reduce-only",
        PerpState::Deleveraging => "to be deleveraged",
        PerpState::WoundDown => "wound down",
    }
}

/// Who pays whom, in words.
fn funding(report: &PerpReport) -> String {
    match report.funding {
        0 => "0.00 %".into(),
        paid @ 1.. => format!("{}, longs pay", rate(share(paid.into()))),
        paid => format!("{}, shorts pay", rate(share(-i128::from(paid)))),
    }
}

/// A skew in words.
fn skew(contract: &Contract, skew: i64) -> String {
    let sign = if skew < 0 { "-" } else { "" };
    format!("{sign}{}", contract.lots(skew.unsigned_abs()))
}

fn read(named: &Named, index: u8, now: i64) -> Result<(Contract, PerpReport)> {
    let report = named.view.preview(now, |ledger| ledger.perp_report(index));
    Ok((Contract::of(named, index)?, report.map_err(|error| anyhow!(error.message()))?))
}

fn object(named: &Named, contract: &Contract, report: &PerpReport) -> Result<Value> {
    let perp = named.view.perp(contract.index).map_err(|error| anyhow!(error.message()))?;
    let price = |lot| plain(&contract.price(lot));
    Ok(json!({
        "index": contract.index,
        "name": contract.name,
        "follows": contract.followed,
        "quote": contract.quote,
        "pool": perp.config.pool,
        "power": perp.config.power,
        "lotAtoms": 10u64.pow(perp.config.lot_digits.into()).to_string(),
        "state": state(report),
        "price": price(report.marks.spot),
        "sellAt": price(report.offered.low),
        "buyAt": price(report.offered.high),
        "priceAgeSeconds": report.age,
        "longLots": report.lots[0].to_string(),
        "shortLots": report.lots[1].to_string(),
        "skewLots": report.skew.to_string(),
        "longs": report.greeks.longs.to_string(),
        "shorts": report.greeks.shorts.to_string(),
        "maxSide": perp.config.max_side.to_string(),
        "funding": share(report.funding.into()),
        "borrow": share(report.borrow.into()),
        "fee": share(report.fee.into()),
        "fund": report.fund.to_string(),
        "insurance": report.insurance.to_string(),
        "budget": report.budget.map(|left| left.to_string()),
        "growth": report.growth.map(|left| left.to_string()),
        "shock": share(report.greeks.shock.into()),
        "buffer": report.greeks.buffer.to_string(),
    }))
}

/// All perps, for programs: amounts in atoms of the quote token, rates as shares a year.
pub fn objects(named: &Named, now: i64) -> Result<Vec<Value>> {
    named
        .perps()
        .map(|(index, _)| read(named, index, now))
        .map(|read| read.and_then(|(contract, report)| object(named, &contract, &report)))
        .collect()
}

/// All perps, for people.
pub fn overview(named: &Named, now: i64) -> Result<String> {
    let header = ["perp", "#", "price", "age", "longs", "shorts", "skew", "funding", "borrow", "fee", "state"];
    let mut rows = Vec::new();
    for (index, _) in named.perps() {
        let (contract, report) = read(named, index, now)?;
        rows.push(vec![
            contract.name.clone(),
            index.to_string(),
            format!("{} {}", contract.price(report.marks.spot), contract.quote_name),
            duration(i64::try_from(report.age).unwrap_or(i64::MAX)),
            contract.amount(report.greeks.longs),
            contract.amount(report.greeks.shorts),
            skew(&contract, report.skew),
            funding(&report),
            rate(share(report.borrow.into())),
            rate(share(report.fee.into())),
            state(&report).into(),
        ]);
    }
    Ok(if rows.is_empty() { "no perps".into() } else { table(&header, rows) })
}

/// The market with the prices of all perps and their quote tokens that a transaction would bring, which are what a trade gets.
pub fn priced(session: &mut Session) -> Result<Fresh> {
    let named = session.named(None)?;
    let followed = named.perps().map(|(_, perp)| perp.config.price);
    let reserves: Vec<_> = followed.chain(named.pools().map(|(_, pool)| pool.config.quote)).collect();
    Fresh::read(session, &named, reserves)
}

/// `ballast perp list`.
pub fn list(session: &mut Session) -> Result<bool> {
    let Fresh { named, now, .. } = priced(session)?;
    let text = overview(&named, now)?;
    session.show(json!({ "perps": objects(&named, now)? }), &text)?;
    Ok(true)
}

/// `ballast perp show`.
pub fn show(session: &mut Session, which: &str) -> Result<bool> {
    let Fresh { named, now, .. } = priced(session)?;
    let (contract, report) = read(&named, named.find_perp(which)?, now)?;
    let perp = named.view.perp(contract.index).map_err(|error| anyhow!(error.message()))?;
    let bytes = bytemuck::bytes_of(&perp.config);
    let decimals = contract.quote_decimals();
    let value = |info: ballast_client::ParameterInfo| {
        let text = show_value(&info, info.parameter.of(bytes), decimals);
        (info.name, text)
    };
    let values: Vec<_> = parameters(named.view.table_of(contract.index)).into_iter().map(value).collect();
    let mut all = object(&named, &contract, &report)?;
    all["parameters"] = values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let contract_is = match perp.config.power {
        1 => format!("{}, in lots of {}", contract.token, contract.lots(1)),
        _ => format!("the square of {}, in lots of {}", contract.token, contract.lots(1)),
    };
    let quote = &contract.quote_name;
    let age = duration(i64::try_from(report.age).unwrap_or(i64::MAX));
    let side = |lots, value| {
        format!(
            "{}, worth {} of {}",
            contract.lots(lots),
            contract.amount(value),
            contract.amount(perp.config.max_side)
        )
    };
    let left = |left: Option<u64>, limit| match left {
        Some(left) => format!("{} of {}", contract.amount(left), contract.amount(limit)),
        None => "no limit".into(),
    };
    let head = rows_of(&[
        ("perp", format!("{} (#{})", contract.name, contract.index)),
        ("follows", contract_is),
        ("pool", named.name(perp.config.pool)),
        ("state", state(&report).into()),
        ("price", format!("{} {quote}, {age} old", contract.price(report.marks.spot))),
        (
            "a trade gets",
            format!(
                "{} {quote} for a sale, {} {quote} for a purchase, and its impact",
                contract.price(report.offered.low),
                contract.price(report.offered.high)
            ),
        ),
        ("fee now", rate(share(report.fee.into()))),
        ("longs", side(report.lots[0], report.greeks.longs)),
        ("shorts", side(report.lots[1], report.greeks.shorts)),
        ("skew", skew(&contract, report.skew)),
        ("funding a year", funding(&report)),
        ("borrow fee a year", rate(share(report.borrow.into()))),
        ("fund", contract.amount(report.fund)),
        ("insurance", contract.amount(report.insurance)),
        ("gains left today", left(report.budget, perp.config.loss_budget)),
        ("growth left now", left(report.growth, perp.config.instant_flow)),
        (
            "the pool must bear",
            format!(
                "{} for a move of {}",
                contract.amount(report.greeks.buffer),
                rate(share(report.greeks.shock.into()))
            ),
        ),
        ("the pool's delta", contract.signed(report.greeks.delta.into())),
        ("the pool's gamma", contract.signed(report.greeks.gamma.into())),
    ]);
    let rows: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    session.show(all, &format!("{head}\n{}", rows_of(&rows)))?;
    Ok(true)
}

/// A number of atoms with its sign, as programs read it.
pub fn atoms(value: impl Into<i128>) -> String {
    fixed(value.into(), 0).replace('_', "")
}
