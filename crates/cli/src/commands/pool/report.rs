//! A pool, and all pools, for people and for programs.

use anyhow::{Context, Result};
use ballast_client::{
    Address, decode_margin_account,
    engine::{
        number::units::Shares,
        perps::report::PoolReport,
        state::{
            account::MarginAccount,
            perp::{PoolStake, shares::LEAVE_WINDOW},
        },
    },
    from_engine, parameters,
};
use ballast_market_file::value::{fixed, percent, show as show_value};
use ballast_time::full_label;
use serde_json::{Value, json};

use super::Unit;
use crate::commands::{
    format::{list as rows_of, rate, table, tokens},
    names::Named,
    perp::report::{atoms, factor, priced, whole},
    prices::Fresh,
    session::Session,
    vault::name::refusal,
};

fn read(named: &Named, index: u8, now: i64) -> Result<(Unit, PoolReport)> {
    Ok((Unit::of(named, index)?, named.view.pool_report(index, now).map_err(refusal)?))
}

/// How often the value covers the buffer, basis points; none if there is nothing to bear.
fn cover(report: &PoolReport) -> Option<u32> {
    (report.cover != u32::MAX).then_some(report.cover)
}

/// Delta and gamma of a pool by the reserve whose price moves.
fn greeks(report: &PoolReport) -> Vec<(u8, i128, i128)> {
    let mut by_feed: Vec<(u8, i128, i128)> = Vec::new();
    for one in report.greeks() {
        let (delta, gamma) = (i128::from(one.delta), i128::from(one.gamma));
        match by_feed.iter_mut().find(|(feed, ..)| *feed == one.price) {
            Some((_, of_all, change)) => (*of_all, *change) = (*of_all + delta, *change + gamma),
            None => by_feed.push((one.price, delta, gamma)),
        }
    }
    by_feed
}

fn object(named: &Named, unit: &Unit, report: &PoolReport) -> Result<Value> {
    let of_feed = |(feed, delta, gamma): (u8, i128, i128)| json!({ "reserve": feed, "delta": atoms(delta), "gamma": atoms(gamma) });
    let perps = report.greeks().iter().map(|one| one.perp);
    let config = named.view.pool(unit.pool).map_err(refusal)?.config;
    Ok(json!({
        "index": unit.pool,
        "name": unit.name,
        "quote": unit.quote,
        "decimals": unit.decimals,
        "state": state(config.reduce_only),
        "cash": report.cash.to_string(),
        "entry": atoms(report.entry),
        "exit": atoms(report.exit),
        "shares": report.shares.0.to_string(),
        "entryPrice": share_price(report.entry_price()),
        "exitPrice": share_price(report.exit_price()),
        "buffer": report.buffer.to_string(),
        "coverBps": cover(report),
        "usedBps": report.used.0,
        "factor": whole(report.profit_factor),
        "borrow": f64::from(report.borrow_rate.0) / 10_000.0,
        "free": report.free(&config).to_string(),
        "room": report.room(&config).to_string(),
        "leaveDelaySeconds": config.leave_delay,
        "greeks": greeks(report).into_iter().map(of_feed).collect::<Vec<_>>(),
        "perps": perps.collect::<Vec<_>>(),
    }))
}

fn state(reduce_only: u8) -> &'static str {
    if reduce_only == 0 { "open" } else { "reduce-only" }
}

/// A share's price in tokens, by that of a million millionths.
fn share_price(million: Option<u64>) -> String {
    million.map_or("none".into(), |atoms| fixed(atoms.into(), 6).replace('_', ""))
}

/// All pools, for programs: atoms as texts, rates as shares a year.
pub fn objects(named: &Named, now: i64) -> Result<Vec<Value>> {
    let all = named.pools().map(|(index, _)| read(named, index, now));
    all.map(|read| read.and_then(|(unit, report)| object(named, &unit, &report))).collect()
}

/// All pools, for people.
pub fn overview(named: &Named, now: i64) -> Result<String> {
    let header = ["pool", "#", "value to enter", "to leave", "share", "buffer", "used", "pays gains", "borrow", "free"];
    let mut rows = Vec::new();
    for (index, pool) in named.pools() {
        let (unit, report) = read(named, index, now)?;
        rows.push(vec![
            unit.name.clone(),
            index.to_string(),
            signed(&unit, report.entry.into()),
            signed(&unit, report.exit.into()),
            share_price(report.exit_price()),
            unit.amount(report.buffer),
            percent(report.used.0.into()),
            factor(report.profit_factor),
            rate(f64::from(report.borrow_rate.0) / 10_000.0),
            unit.amount(report.free(&pool.config)),
        ]);
    }
    Ok(if rows.is_empty() { "no pools".into() } else { table(&header, rows) })
}

fn signed(unit: &Unit, atoms: i128) -> String {
    format!("{} {}", fixed(atoms, unit.decimals), unit.token)
}

/// `ballast pool list`.
pub fn list(session: &mut Session) -> Result<bool> {
    let Fresh { named, now, .. } = priced(session)?;
    let text = overview(&named, now)?;
    session.show(json!({ "pools": objects(&named, now)? }), &text)?;
    Ok(true)
}

/// `ballast pool show`.
pub fn show(session: &mut Session, which: &str, with_requests: bool) -> Result<bool> {
    let Fresh { named, now, .. } = priced(session)?;
    let (unit, report) = read(&named, named.find_pool(which)?, now)?;
    let pool = named.view.pool(unit.pool).map_err(refusal)?;
    let value = |info: ballast_client::ParameterInfo| {
        let text = show_value(&info, info.parameter.of(bytemuck::bytes_of(&pool.config)), unit.decimals);
        (info.name, text)
    };
    let values: Vec<_> = parameters(named.view.table_of(unit.pool)).into_iter().map(value).collect();
    let mut all = object(&named, &unit, &report)?;
    all["parameters"] = values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let requests = if with_requests { requests(session, &named, &unit, &report)? } else { Vec::new() };
    if with_requests {
        all["requests"] = requests.iter().map(|(object, _)| object.clone()).collect();
    }
    let token = &unit.token;
    let of_feed =
        |(feed, delta, gamma): (u8, i128, i128)| vec![named.name(feed), signed(&unit, delta), signed(&unit, gamma)];
    let greeks: Vec<_> = greeks(&report).into_iter().map(of_feed).collect();
    let head = rows_of(&[
        ("pool", format!("{} (#{})", unit.name, unit.pool)),
        ("state", state(pool.config.reduce_only).into()),
        ("there", unit.amount(report.cash)),
        (
            "value",
            format!(
                "{} to who enters, {} to who leaves",
                signed(&unit, report.entry.into()),
                signed(&unit, report.exit.into())
            ),
        ),
        (
            "shares",
            format!(
                "{}, {} {token} to who enters, {} {token} to who leaves",
                tokens(report.shares.0, unit.decimals),
                share_price(report.entry_price()),
                share_price(report.exit_price())
            ),
        ),
        ("must bear", unit.amount(report.buffer)),
        ("cover", cover(&report).map_or("nothing to bear".into(), |bps| percent(bps.into()))),
        ("used", percent(report.used.0.into())),
        ("gains are paid", factor(report.profit_factor)),
        ("borrow fee a year", rate(f64::from(report.borrow_rate.0) / 10_000.0)),
        ("can leave now", unit.amount(report.free(&pool.config))),
        ("can come now", unit.amount(report.room(&pool.config))),
    ]);
    let moves = match greeks.is_empty() {
        true => "no perps\n".into(),
        false => table(&["for each 100 % of", "delta", "gamma"], greeks) + "\n",
    };
    let rows: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let asked = match (with_requests, requests.is_empty()) {
        (false, _) => String::new(),
        (_, true) => "nobody has asked for shares\n\n".into(),
        _ => {
            let header = ["account", "owner", "shares", "worth", "from, UTC", "until, UTC"];
            table(&header, requests.into_iter().map(|(_, row)| row).collect()) + "\n\n"
        }
    };
    session.show(all, &format!("{head}\n{moves}\n{asked}{}", rows_of(&rows)))?;
    Ok(true)
}

/// Who has asked for shares of a pool, those first who asked first: for programs, and a row for people.
fn requests(
    session: &mut Session,
    named: &Named,
    unit: &Unit,
    report: &PoolReport,
) -> Result<Vec<(Value, Vec<String>)>> {
    let mut found = Vec::new();
    for (address, account) in session.cluster.margin_accounts(named.view.address, None)? {
        let account = decode_margin_account(&account.data).with_context(|| format!("margin account {address}"))?;
        let asks = |stake: &&PoolStake| stake.pool == unit.pool && stake.asked_for.0 > 0;
        found.extend(account.stake().filter(asks).map(|stake| (*stake, address, from_engine(&account.owner))));
    }
    found.sort_by_key(|(stake, ..)| stake.free_from);
    let one = |(stake, address, owner): (PoolStake, Address, Address)| {
        let (shares, from) = (stake.asked_for.0, i64::from(stake.free_from));
        let (worth, until) = (report.worth(Shares(shares)), from + LEAVE_WINDOW);
        let object = json!({
            "account": address.to_string(),
            "owner": owner.to_string(),
            "shares": shares.to_string(),
            "worth": worth.to_string(),
            "from": from,
            "until": until,
        });
        let amounts = [tokens(shares, unit.decimals), unit.amount(worth)];
        let row = [address.to_string(), owner.to_string()].into_iter().chain(amounts);
        (object, row.chain([full_label(from), full_label(until)]).collect())
    };
    Ok(found.into_iter().map(one).collect())
}

/// An account's shares of a pool: for programs, and a row for people. None if it has none.
pub fn stake(named: &Named, account: &MarginAccount, now: i64) -> Result<Option<(Value, Vec<String>)>> {
    let Some(PoolStake { shares, pool, free_from, asked_for, .. }) = account.stake().copied() else { return Ok(None) };
    let (unit, report) = read(named, pool, now)?;
    let worth = report.worth(shares);
    let asked = asked_for.0 > 0;
    let object = json!({
        "pool": pool,
        "name": unit.name,
        "shares": shares.0.to_string(),
        "worth": worth.to_string(),
        "asked": asked_for.0.to_string(),
        "freeFrom": asked.then_some(free_from),
    });
    let when = if asked { format!("from {} UTC", full_label(free_from.into())) } else { "-".into() };
    let row = vec![
        unit.name.clone(),
        tokens(shares.0, unit.decimals),
        unit.amount(worth),
        tokens(asked_for.0, unit.decimals),
        when,
    ];
    Ok(Some((object, row)))
}
