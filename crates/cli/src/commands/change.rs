//! `ballast change`.

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{
    ParameterInfo, change_address, decode_change, edits_in, edits_of,
    engine::state::change::{Change, OF_LISTING, OF_MARKET},
    from_engine, parameters, pinned_accounts,
};
use clap::Subcommand;
use serde_json::json;
use toml::Value;

use super::{format::table, market, names::Named, session::Session};
use ballast_market_file::{
    feed,
    state::{changes, found},
    value,
};
use ballast_time::full_label;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Queues new values of parameters, as the authority. docs/parameters.md lists them all.
    Queue {
        /// The reserve that they are of; without, the market.
        #[arg(long)]
        reserve: Option<String>,
        /// `name=value`: `max_penalty=6 %`, `deposit_cap=1_000 tokens`, `delay=3 days`.
        #[arg(required = true, value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Makes a change that is due, as anyone; a listing is made by `market apply` or its own instruction.
    Execute {
        /// The change's number.
        number: u64,
    },
    /// Cancels a change, as the authority or the guardian; once it has expired, as anyone.
    Cancel {
        /// The change's number.
        number: u64,
    },
    /// Changes that are queued, with what they do and when.
    List,
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        match self {
            Self::Queue { reserve, values } => queue(session, &named, reserve.as_deref(), values),
            Self::Execute { number } => execute(session, &named, *number),
            Self::Cancel { number } => market::cancel(session, named.view.address, *number),
            Self::List => list(session, &named),
        }
    }
}

/// Edits of a target: each parameter's offset and its new bytes.
fn edits(named: &Named, target: u8, values: &[String]) -> Result<(Vec<u8>, Vec<String>)> {
    let decimals = if target == OF_MARKET { 0 } else { named.reserve(target)?.decimals };
    let (table, mut data, mut words) = (parameters(target), Vec::new(), Vec::new());
    for text in values {
        let (name, text) = text.split_once('=').with_context(|| format!("`{text}` is not NAME=VALUE"))?;
        let (name, text) = (name.trim(), text.trim());
        let info = table.iter().find(|info| info.name == name);
        let info = info.with_context(|| format!("`{name}` is no parameter: docs/parameters.md lists them"))?;
        let read = match (text.parse::<i64>(), text.parse::<bool>()) {
            (Ok(number), _) => Value::Integer(number),
            (_, Ok(on)) => Value::Boolean(on),
            _ => Value::String(text.into()),
        };
        let bytes = value::parse(info, &read, decimals).with_context(|| name.to_owned())?;
        words.push(format!("{name} to {}", value::show(info, &bytes, decimals)));
        data.extend(info.parameter.offset.to_le_bytes());
        data.extend(bytes);
    }
    Ok((data, words))
}

fn queue(session: &mut Session, named: &Named, reserve: Option<&str>, values: &[String]) -> Result<bool> {
    let target = reserve.map_or(Ok(OF_MARKET), |name| named.find(name))?;
    let (data, words) = edits(named, target, values)?;
    let authority = from_engine(&named.view.market.authority);
    let payer = session.keys.payer().unwrap_or(authority);
    let of = reserve.map_or("the market".into(), |_| named.name(target));
    let words = format!("queue change {} of {of}: {}", named.view.market.changes, words.join("; "));
    let warning = feed_warning(session, named, target, edits_in(target, &data))?;
    session.one_noted(words, authority, vec![named.view.queue_change(payer, target, data)], warning)
}

/// What is to be known of edits that change the feed of a reserve in use.
fn feed_warning(
    session: &mut Session,
    named: &Named,
    target: u8,
    edits: Vec<(ParameterInfo, Vec<u8>)>,
) -> Result<Option<String>> {
    let Ok(reserve) = named.view.reserve(target) else { return Ok(None) };
    let mut wanted = reserve.config;
    let bytes = bytemuck::bytes_of_mut(&mut wanted);
    for (info, new) in edits {
        bytes[info.parameter.offset as usize..][..new.len()].copy_from_slice(&new);
    }
    let accounts = found(session.cluster, pinned_accounts(&wanted.oracle).into_iter())?;
    let now = session.now()?;
    Ok(feed::warning(&named.name(target), &named.view, reserve, &wanted.oracle, &accounts, now))
}

fn execute(session: &mut Session, named: &Named, number: u64) -> Result<bool> {
    let account = session.cluster.account(change_address(&named.view.address, number).0)?;
    let change = decode_change(&account.with_context(|| format!("there is no change {number}"))?.data)?;
    let now = session.now()?;
    ensure!(now >= change.earliest, "change {number} is due {} UTC, not before", full_label(change.earliest));
    ensure!(
        now <= change.latest,
        "change {number} expired {} UTC: it can only be cancelled",
        full_label(change.latest)
    );
    if change.target == OF_LISTING {
        bail!("change {number} lists a reserve: `ballast market apply` with its file does that");
    }
    let signer = session.user()?;
    let warning = feed_warning(session, named, change.target, edits_of(&change))?;
    let instructions = vec![named.view.execute_change(signer, &change)];
    session.one_noted(format!("execute change {number}"), signer, instructions, warning)
}

/// What a change does, in words.
fn describe(named: &Named, change: &Change) -> Result<Vec<String>> {
    if change.target == OF_LISTING {
        let listing = change.listing().map_err(|error| anyhow!(error.message()))?;
        return Ok(vec![format!("list {}", from_engine(&listing.mint))]);
    }
    let decimals = if change.target == OF_MARKET { 0 } else { named.reserve(change.target)?.decimals };
    let word =
        |(info, new): (ParameterInfo, Vec<u8>)| format!("{} to {}", info.name, value::show(&info, &new, decimals));
    Ok(edits_of(change).into_iter().map(word).collect())
}

fn list(session: &mut Session, named: &Named) -> Result<bool> {
    let now = session.now()?;
    let (mut objects, mut rows) = (Vec::new(), Vec::new());
    for change in changes(session.cluster, &named.view)? {
        let target = match change.target {
            OF_MARKET => "the market".into(),
            OF_LISTING => "a new reserve".into(),
            index => named.name(index),
        };
        let state = match now {
            _ if now < change.earliest => "waits",
            _ if now <= change.latest => "due",
            _ => "expired",
        };
        let words = describe(named, &change)?;
        objects.push(json!({
            "number": change.number,
            "target": target,
            "sets": words,
            "earliest": change.earliest,
            "latest": change.latest,
            "state": state,
        }));
        let times = [change.earliest, change.latest].map(full_label);
        let [earliest, latest] = times;
        rows.push(vec![change.number.to_string(), target, state.into(), earliest, latest, words.join("; ")]);
    }
    let text = if rows.is_empty() {
        "no change is queued".into()
    } else {
        table(&["change", "of", "state", "from, UTC", "until, UTC", "sets"], rows)
    };
    session.show(json!({ "changes": objects }), &text)?;
    Ok(true)
}
