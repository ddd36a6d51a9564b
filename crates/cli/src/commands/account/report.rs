//! What an account holds and how it stands.

use anyhow::{Result, anyhow};
use ballast_client::{
    Address,
    engine::{
        health::{position::AccountTerms, report::HealthReport},
        number::units::{Bps, Usd},
        record::layout::U128,
        state::account::{MarginAccount, Mode},
    },
    from_engine,
};
use ballast_market_file::value::{fixed, percent};
use serde_json::{Value, json};

use super::{Named, Session, delegate, perps, table, tokens, usd};
use crate::commands::{
    format::{list, plain, reported},
    pool,
    prices::Fresh,
};

/// A position as it stands at a time.
struct Row {
    name: String,
    reserve: u8,
    decimals: u8,
    is_debt: bool,
    atoms: u64,
    value: Usd,
    weight: Bps,
    liquidation: Option<String>,
}

fn rows(named: &Named, account: &MarginAccount, now: i64) -> Result<Vec<Row>> {
    let terms = AccountTerms::of(account);
    let row = |position: &ballast_client::engine::state::account::Position| {
        let reserve = named.reserve(position.reserve)?;
        let weights = &reserve.risk.weights[terms.of_position(reserve) as usize];
        let (one, spot) = (Bps(10_000), reserve.price.spot);
        let is_debt = position.is_debt();
        let atoms = named.view.amount(position, now).map_err(|error| anyhow!(error.message()))?;
        let weight = if is_debt { weights.maintenance_liability } else { weights.maintenance_asset };
        let value = if is_debt {
            reserve.price.value_ceil(atoms, spot, one)
        } else {
            reserve.price.value_floor(atoms, spot, one)
        };
        // Without a debt or a price there is no liquidation price.
        let liquidation = named.view.liquidation_price(account, position.reserve, now).ok().flatten();
        let liquidation = liquidation.map(|it| fixed(it.price.into(), u8::try_from(-it.exponent).unwrap_or(0)));
        let name = named.name(position.reserve);
        Ok(Row {
            name,
            reserve: position.reserve,
            decimals: reserve.decimals,
            is_debt,
            atoms,
            value,
            weight,
            liquidation,
        })
    };
    account.positions().iter().map(row).collect()
}

/// `collateral ÷ debt`, basis points; none without debts.
fn ratio(collateral: U128, debt: U128) -> Option<u64> {
    let (collateral, debt) = (collateral.get(), debt.get());
    if debt == 0 || debt == u128::MAX {
        return None;
    }
    // Values are below 2^127: cut to leave room for the factor.
    let bps = if collateral >> 110 == 0 { collateral * 10_000 / debt } else { collateral / (debt / 10_000).max(1) };
    Some(u64::try_from(bps).unwrap_or(u64::MAX))
}

/// Collateral ÷ debt of a report.
pub struct Ratio {
    /// Basis points; none without debts, or while they are unknown.
    pub bps: Option<u64>,
    is_known: bool,
}

impl Ratio {
    /// In words.
    pub fn text(&self) -> String {
        match self.bps {
            Some(bps) => percent(bps),
            None if self.is_known => "no debt".into(),
            None => "unknown".into(),
        }
    }
}

/// The ratio of a requirement, [`HealthReport::INITIAL`] or [`HealthReport::MAINTENANCE`].
pub fn ratio_of(report: &HealthReport, requirement: u8) -> Ratio {
    let (collateral, debt) = match requirement {
        HealthReport::INITIAL => (report.initial_collateral, report.initial_debt),
        _ => (report.maintenance_collateral, report.maintenance_debt),
    };
    Ratio { bps: ratio(collateral, debt), is_known: debt.get() != u128::MAX }
}

/// What an account may hold, in a word.
pub fn kind(account: &MarginAccount) -> &'static str {
    match account.mode {
        mode if mode == Mode::Isolated as u8 => "isolated",
        mode if mode == Mode::Perp as u8 => "one perp",
        _ => "cross",
    }
}

/// What it owns and owes at spot prices, and its maintenance ratio.
pub fn worth(report: &HealthReport) -> [String; 3] {
    let ratio = ratio_of(report, HealthReport::MAINTENANCE).text();
    [reported(report.equity_collateral), reported(report.equity_debt), ratio]
}

/// An account for programs. Values are USD.
pub fn object(named: &Named, address: Address, account: &MarginAccount, report: &HealthReport) -> Value {
    let side = |collateral: U128, debt: U128| {
        let [assets, debts] = [collateral, debt].map(|value| plain(&reported(value)));
        json!({ "collateral": assets, "debt": debts, "ratioBps": ratio(collateral, debt) })
    };
    json!({
        "account": address.to_string(),
        "owner": from_engine(&account.owner).to_string(),
        "number": account.id,
        "isolated": account.mode == Mode::Isolated as u8,
        "kind": kind(account),
        "market": named.view.address.to_string(),
        "initial": side(report.initial_collateral, report.initial_debt),
        "maintenance": side(report.maintenance_collateral, report.maintenance_debt),
        "equity": side(report.equity_collateral, report.equity_debt),
        "liquidatable": report.maintenance_collateral.get() < report.maintenance_debt.get(),
    })
}

fn report(named: &Named, account: &MarginAccount, now: i64) -> Result<HealthReport> {
    named.view.health_report(account, now).map_err(|error| anyhow!(error.message()))
}

fn text(report: &HealthReport) -> String {
    let row = |name: &str, collateral: U128, debt: U128| {
        let ratio = ratio(collateral, debt).map_or("-".into(), percent);
        vec![name.to_owned(), reported(collateral), reported(debt), ratio]
    };
    let rows = vec![
        row("initial: to take new risk", report.initial_collateral, report.initial_debt),
        row("maintenance: below 100 % it is liquidated", report.maintenance_collateral, report.maintenance_debt),
        row("at spot prices", report.equity_collateral, report.equity_debt),
    ];
    table(&["health", "collateral USD", "debt USD", "ratio"], rows)
}

/// `ballast account health`.
pub fn health(session: &mut Session, named: &Named, address: Address, account: &MarginAccount) -> Result<bool> {
    let now = session.now()?;
    let report = report(named, account, now)?;
    let mut all = object(named, address, account, &report);
    all["perps"] = perps::held(named, account, now)?.iter().map(|held| held.object.clone()).collect();
    session.show(all, &text(&report))?;
    Ok(true)
}

/// `ballast account show`.
pub fn show(session: &mut Session, named: &Named, address: Address, account: &MarginAccount) -> Result<bool> {
    let now = session.now()?;
    let (report, rows) = (report(named, account, now)?, rows(named, account, now)?);
    // What can be taken is what the next command would take, which brings prices along.
    let fresh = Fresh::read(session, named, named.view.priced_reserves(account))?;
    let mut all = object(named, address, account, &report);
    all["positions"] = rows.iter().map(|row| position(&fresh, account, row)).collect();
    let (held, stake) = (perps::held(named, account, now)?, pool::stake(named, account, now)?);
    all["perps"] = held.iter().map(|held| held.object.clone()).collect();
    all["poolShares"] = stake.as_ref().map_or(Value::Null, |(object, _)| object.clone());
    all["delegate"] = delegate::object(account);
    let mut who = vec![("account", address.to_string()), ("owner", from_engine(&account.owner).to_string())];
    who.extend(delegate::shown(account, now).map(|shown| ("delegate", shown)));
    let start = list(&who);
    let header = ["position", "side", "amount", "USD", "weight", "liquidated at USD"];
    let cells = |row: &Row| {
        vec![
            row.name.clone(),
            if row.is_debt { "debt" } else { "deposit" }.into(),
            tokens(row.atoms, row.decimals),
            usd(row.value),
            percent(row.weight.0.into()),
            row.liquidation.clone().unwrap_or_else(|| "-".into()),
        ]
    };
    let mut parts = vec![start, table(&header, rows.iter().map(cells).collect()) + "\n\n"];
    if !held.is_empty() {
        parts.push(perps::text(held) + "\n\n");
    }
    if let Some((_, row)) = stake {
        parts.push(table(&["pool", "shares", "worth", "asked back", "to be taken"], vec![row]) + "\n\n");
    }
    parts.push(text(&report));
    let start = parts.remove(0);
    session.show(all, &format!("{start}\n{}", parts.concat()))?;
    Ok(true)
}

fn position(fresh: &Fresh, account: &MarginAccount, row: &Row) -> Value {
    let (view, now) = (&fresh.named.view, fresh.now);
    let most = if row.is_debt {
        view.max_borrow(account, row.reserve, now)
    } else {
        view.max_withdraw(account, row.reserve, now)
    };
    json!({
        "reserve": row.reserve,
        "name": row.name,
        "side": if row.is_debt { "debt" } else { "deposit" },
        "atoms": row.atoms.to_string(),
        "value": plain(&usd(row.value)),
        "maintenanceWeightBps": row.weight.0,
        "liquidationPrice": row.liquidation.as_deref().map(plain),
        "mostToTake": most.ok().map(|limit| limit.atoms.to_string()),
    })
}
