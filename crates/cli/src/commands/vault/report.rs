//! A vault, and all vaults, for people and for programs.

use anyhow::{Context, Result};
use ballast_client::{
    Rates, VaultView, decode_vault,
    engine::{
        number::units::Shares,
        state::{
            change::OF_VAULT,
            perp::shares::LEAVE_WINDOW,
            vault::{Amounts, Vault},
        },
        vaults::report::VaultReport,
    },
    from_engine, parameters, to_engine,
};
use ballast_market_file::{
    state::vaults,
    value::{duration, percent, show as show_value},
};
use ballast_time::full_label;
use serde_json::{Value, json};

use super::{
    name::NamedVault,
    queue::{objects as queue_objects, text as queue_text},
    rebalance::next,
    terms::ladder,
};
use crate::commands::{
    format::{address, list as rows_of, rate, table, tokens, yearly},
    names::MarketName,
    session::Session,
};

/// A ratio of a report; none where there is nothing to divide by.
fn ratio(bps: u32) -> Option<u32> {
    (bps != u32::MAX).then_some(bps)
}

fn ratio_text(bps: u32) -> String {
    ratio(bps).map_or("nothing to cover".into(), |bps| percent(bps.into()))
}

/// A multiple of a report.
fn times(bps: u32) -> String {
    ratio(bps).map_or("no limit".into(), |bps| format!("{:.2}", f64::from(bps) / 10_000.0))
}

fn state(vault: &Vault) -> &'static str {
    if vault.config.launched == 0 { "not launched" } else { "open" }
}

/// The figures of a vault, for programs: atoms as texts, ratios in basis points, null where there is nothing to divide by.
fn figures(report: &VaultReport) -> Value {
    json!({
        "entry": report.entry.to_string(),
        "exit": report.exit.to_string(),
        "shares": report.shares.0.to_string(),
        "idle": report.idle.to_string(),
        "takeable": report.takeable.to_string(),
        "liquid": report.liquid.to_string(),
        "outflow": report.outflow.to_string(),
        "queued": report.queued.to_string(),
        "coverageBps": ratio(report.coverage),
        "netStableFundingBps": ratio(report.net_stable_funding),
        "assetMaturitySeconds": report.asset_maturity,
        "liabilityMaturitySeconds": report.liability_maturity,
        "durationGapSeconds": report.duration_gap,
        "velocityBps": ratio(report.velocity),
        "capitalEfficiencyBps": ratio(report.capital_efficiency),
    })
}

/// What one share is worth to who leaves, in tokens: that of a million millionths, so that it has six digits.
fn share_price(view: &VaultView, now: i64) -> String {
    const MILLION: Shares = Shares(1_000_000);
    tokens(view.preview(now, |vaults| vaults.vault.worth(MILLION, &vaults.valuation)), 6)
}

/// What a slot has in a pool, for programs; none of one that lends to a reserve.
fn part_of_pool(named: &NamedVault, slot: usize, amounts: &Amounts) -> Option<Value> {
    let (index, name) = named.pool(slot)?;
    let (shares, from) = (named.view.vault.allocations[slot].shares, named.view.vault.allocations[slot].free_from);
    let asked_for = named.view.vault.asked_for[slot];
    let asks = asked_for != Shares::ZERO;
    Some(json!({
        "index": index,
        "name": name,
        "entry": amounts.entry.to_string(),
        "exit": amounts.exit.to_string(),
        "shares": shares.0.to_string(),
        "asked": asked_for.0.to_string(),
        "freeFrom": asks.then_some(from),
        "until": asks.then_some(i64::from(from) + LEAVE_WINDOW),
    }))
}

/// The same for people: a row of each pool.
fn pools(named: &NamedVault, now: i64) -> String {
    let mut copy = named.view.clone();
    let vaults = copy.at(now);
    let row = |slot: usize| {
        let (_, name) = named.pool(slot)?;
        let (amounts, allocation) = (&vaults.valuation.allocations[slot], &vaults.vault.allocations[slot]);
        let (asked_for, from) = (vaults.vault.asked_for[slot], i64::from(allocation.free_from));
        let until = from + LEAVE_WINDOW;
        let when = match asked_for {
            Shares::ZERO => "-".into(),
            _ if now > until => format!("was till {}", full_label(until)),
            _ => format!("{} to {}", full_label(from), full_label(until)),
        };
        let [entry, exit, shares, asked_for] = [amounts.entry, amounts.exit, allocation.shares.0, asked_for.0]
            .map(|atoms| tokens(atoms, named.decimals()));
        Some(vec![slot.to_string(), name, entry, exit, shares, asked_for, when])
    };
    let rows: Vec<_> = (0..named.view.markets.len()).filter_map(row).collect();
    let header = ["slot", "pool", "value to enter", "to leave", "shares", "asked for", "can be taken, UTC"];
    if rows.is_empty() { String::new() } else { table(&header, rows) }
}

/// Each open allocation, for programs and as a row for people.
fn allocations(named: &NamedVault, now: i64) -> (Vec<Value>, Vec<Vec<String>>) {
    let mut copy = named.view.clone();
    let vaults = copy.at(now);
    let (mut objects, mut rows) = (Vec::new(), Vec::new());
    for (slot, policy) in named.view.vault.config.allocations.iter().enumerate() {
        if policy.market.is_none() {
            continue;
        }
        let (allocation, amounts) = (&named.view.vault.allocations[slot], &vaults.valuation.allocations[slot]);
        let (reserve, pool) = (named.view.reserve_of(slot), part_of_pool(named, slot, amounts));
        // What a pool earns is no rate.
        let lends = reserve.filter(|_| pool.is_none());
        let earns = lends.map(|reserve| yearly(Rates::of(reserve).deposit));
        let state = match policy {
            _ if policy.written_off != 0 => "written off",
            _ if allocation.is_open == 0 => "not opened",
            _ if reserve.is_none() => "unreadable",
            _ if vaults.valuation.unreadable >> slot & 1 != 0 => "old prices",
            _ if policy.stopped != 0 => "stopped",
            _ => "open",
        };
        objects.push(json!({
            "slot": slot,
            "market": address(&policy.market),
            "reserve": lends.map(|_| allocation.reserve),
            "pool": pool,
            "state": state,
            "value": amounts.exit.to_string(),
            "takeable": amounts.takeable.to_string(),
            "cap": policy.cap.to_string(),
            "shareCapBps": policy.share_cap.0,
            "depositYield": earns,
        }));
        let amount = |atoms| tokens(atoms, named.decimals());
        rows.push(vec![
            slot.to_string(),
            address(&policy.market),
            amount(amounts.exit),
            amount(amounts.takeable),
            amount(policy.cap),
            percent(policy.share_cap.0.into()),
            earns.map_or("-".into(), rate),
            state.into(),
        ]);
    }
    (objects, rows)
}

/// `ballast vault show`.
pub fn show(session: &mut Session, given: Option<&str>) -> Result<bool> {
    let (named, now) = (session.vault(given)?, session.now()?);
    let (vault, report) = (&named.view.vault, named.view.report(now));
    let (config, roles) = (&vault.config, &vault.config.roles);
    let (objects, rows) = allocations(&named, now);
    let queue = queue_objects(session, &named, now)?;
    let (terms, ladder) = ladder(&named, now);
    let (next, next_text) = next(&named, named.view.next_move(now));
    let price = share_price(&named.view, now);
    let fees = named.view.preview(now, |vaults| vaults.vault.fee_shares);
    let value = |info: ballast_client::ParameterInfo| {
        let text = show_value(&info, info.parameter.of(bytemuck::bytes_of(config)), named.decimals());
        (info.name, text)
    };
    // Slots that no market has say nothing.
    let is_used = |(name, _): &(String, String)| {
        let slot = name.strip_prefix("allocations.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        slot.is_none_or(|slot| !config.allocations[slot].market.is_none())
    };
    let policy: Vec<_> = parameters(OF_VAULT).into_iter().map(value).filter(is_used).collect();
    let object = json!({
        "vault": named.view.address.to_string(),
        "state": state(vault),
        "token": named.token,
        "mint": address(&vault.mint),
        "shareMint": address(&vault.share_mint),
        "decimals": named.decimals(),
        "sharePrice": price,
        "curator": address(&vault.curator),
        "nominee": address(&roles.nominee),
        "sentinel": address(&roles.sentinel),
        "feeCollector": address(&roles.fee_collector),
        "feeShares": fees.0.to_string(),
        "claims": vault.claims.to_string(),
        "locked": vault.locked.to_string(),
        "changesQueued": vault.changes,
        "now": now,
        "figures": figures(&report),
        "allocations": objects,
        "queue": queue,
        "terms": terms,
        "next": next,
        "parameters": policy.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
    });
    let head = rows_of(&[
        ("vault", named.view.address.to_string()),
        ("token", format!("{} ({})", named.token, address(&vault.mint))),
        ("state", state(vault).into()),
        ("shares are", address(&vault.share_mint)),
        ("curator", address(&vault.curator)),
        ("sentinel", address(&roles.sentinel)),
        ("fee collector", format!("{}, to collect {}", address(&roles.fee_collector), named.shares(fees))),
        (
            "fees",
            format!(
                "{} of gains, {} of assets a year",
                percent(config.performance_fee.0.into()),
                percent(config.management_fee.0.into())
            ),
        ),
        ("time", format!("{} UTC", full_label(now))),
    ]);
    let gap = |seconds: i64| format!("{}{}", if seconds < 0 { "-" } else { "" }, duration(seconds.saturating_abs()));
    let seconds = |seconds: u64| duration(i64::try_from(seconds).unwrap_or(i64::MAX));
    let figures = rows_of(&[
        ("value", format!("{} to who enters, {} to who leaves", named.tokens(report.entry), named.tokens(report.exit))),
        ("shares", format!("{}, {price} {} each", tokens(report.shares.0, named.decimals()), named.token)),
        ("idle", named.tokens(report.idle)),
        (
            "could be paid now",
            format!("{}, {} of it counted on", named.tokens(report.takeable), named.tokens(report.liquid)),
        ),
        ("stressed outflow", named.tokens(report.outflow)),
        ("coverage", format!("{} (target {})", ratio_text(report.coverage), percent(config.coverage_target.0.into()))),
        ("net stable funding", ratio_text(report.net_stable_funding)),
        ("asset maturity", seconds(report.asset_maturity)),
        ("liability maturity", seconds(report.liability_maturity)),
        ("duration gap", gap(report.duration_gap)),
        ("collateral velocity", times(report.velocity)),
        ("capital efficiency", ratio_text(report.capital_efficiency)),
        ("in the queue", named.tokens(report.queued)),
        ("next move", next_text),
    ]);
    let header = ["slot", "market", "value", "takeable", "cap", "cap of all", "earns", "state"];
    let policy: Vec<_> = policy.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let parts = [
        head,
        figures,
        table(&header, rows),
        pools(&named, now),
        format!("queue: {}", behind(&queue_text(&named, &queue))),
        format!("terms: {}", behind(&ladder)),
        rows_of(&policy),
    ];
    let parts = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty());
    session.show(object, &parts.collect::<Vec<_>>().join("\n\n"))?;
    Ok(true)
}

/// A table starts on a line of its own.
fn behind(text: &str) -> String {
    if text.contains('\n') { format!("\n{text}") } else { text.to_owned() }
}

/// `ballast vault list`.
pub fn list(session: &mut Session, token: Option<&str>) -> Result<bool> {
    const MINT: usize = 8 + std::mem::offset_of!(Vault, mint);
    let now = session.now()?;
    let of_market = if session.invocation.given.0 { Some(session.market_name(None)?.address) } else { None };
    let names = session.market_name(None).unwrap_or_else(|_| MarketName::unknown());
    let mint = match token {
        Some(token) => {
            let found = names.find_token(token);
            Some(
                found
                    .with_context(|| format!("`{token}` is no token: give its mint, or a name of the market's file"))?,
            )
        }
        None => None,
    };
    let mut wanted = vec![(0, &Vault::DISCRIMINATOR[..])];
    wanted.extend(mint.as_ref().map(|mint| (MINT, mint.as_ref())));
    let mut found = Vec::new();
    for (address, account) in session.cluster.accounts_with(&wanted)? {
        let vault = decode_vault(&account.data).with_context(|| format!("vault {address}"))?;
        let lends_to = |market| vault.config.allocations.iter().any(|policy| policy.market == to_engine(&market));
        if of_market.is_none_or(lends_to) {
            found.push((address, vault));
        }
    }
    let mut all = Vec::new();
    for view in vaults(session.cluster, found)? {
        let token = names.token(from_engine(&view.vault.mint));
        let named = NamedVault::of(session, view, token)?;
        all.push((named.view.report(now), named));
    }
    all.sort_by_key(|(report, _)| std::cmp::Reverse(report.exit));
    let (mut objects, mut rows) = (Vec::new(), Vec::new());
    for (report, named) in all {
        let vault = named.view.vault;
        let price = share_price(&named.view, now);
        let markets = vault.config.allocations.iter().filter(|policy| !policy.market.is_none()).count();
        objects.push(json!({
            "vault": named.view.address.to_string(),
            "state": state(&vault),
            "token": named.token,
            "mint": address(&vault.mint),
            "decimals": vault.decimals,
            "curator": address(&vault.curator),
            "sharePrice": price,
            "allocations": markets,
            "figures": figures(&report),
        }));
        rows.push(vec![
            named.view.address.to_string(),
            named.token.clone(),
            tokens(report.exit, vault.decimals),
            price,
            tokens(report.idle, vault.decimals),
            ratio_text(report.coverage),
            ratio_text(report.capital_efficiency),
            tokens(report.queued, vault.decimals),
            markets.to_string(),
            state(&vault).into(),
        ]);
    }
    let header =
        ["vault", "token", "value", "share", "idle", "coverage", "lent and used", "queued", "markets", "state"];
    let text = if rows.is_empty() { "no vaults".into() } else { table(&header, rows) };
    session.show(json!({ "vaults": objects }), &text)?;
    Ok(true)
}
