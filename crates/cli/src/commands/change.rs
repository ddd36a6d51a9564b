//! `ballast change`.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, ParameterInfo, adds_record, change_address, decode_change, edits_in,
    engine::state::change::{Change, OF_LISTING, OF_MARKET, OF_PERP, OF_POOL, OF_VAULT},
    from_engine, parameters, pinned_accounts,
};
use clap::Subcommand;
use serde_json::json;
use toml::Value;

use super::{
    exit::Misused,
    format::table,
    market,
    names::Named,
    prices::Fresh,
    session::{Invocation, Session},
    vault::name::{NamedVault, refusal},
};
use ballast_market_file::{
    feed,
    plan::perps::followed,
    state::{changes, found},
    value,
};
use ballast_time::full_label;

/// What to do: with a market, or with a vault that --vault names.
#[derive(Subcommand)]
pub enum Command {
    /// Queues new values of parameters, as the authority or the curator. docs/parameters.md lists them all.
    Queue {
        /// The reserve that they are of, or the index of a perp or a pool; without, the market or the vault.
        #[arg(long)]
        reserve: Option<String>,
        /// `name=value`: `max_penalty=6 %`, `deposit_cap=1_000 tokens`, `delay=3 days`.
        #[arg(required = true, value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Makes a change that is due, as anyone; a reserve is listed by `market apply` or its own instruction.
    Execute {
        /// The change's number.
        number: u64,
    },
    /// Cancels a change, as the authority or the guardian, as the curator or the sentinel; once it has expired, as anyone.
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
        let subject = Subject::read(session)?;
        match self {
            Self::Queue { reserve, values } => queue(session, &subject, reserve.as_deref(), values),
            Self::Execute { number } => execute(session, &subject, *number),
            Self::Cancel { number } => cancel(session, &subject, *number),
            Self::List => list(session, &subject),
        }
    }
}

/// What a change is of.
enum Subject {
    Market(Box<Named>),
    Vault(Box<NamedVault>),
}

impl Subject {
    /// The vault, if an option names one, or if no market is named at all; else the market.
    fn read(session: &mut Session) -> Result<Self> {
        let Invocation { market, vault, given, .. } = &session.invocation;
        ensure!(
            *given != (true, true),
            Misused("a change is of a market or of a vault: say --market or --vault".into())
        );
        Ok(if given.1 || market.is_none() && vault.is_some() {
            Self::Vault(Box::new(session.vault(None)?))
        } else {
            Self::Market(Box::new(session.named(None)?))
        })
    }

    fn address(&self) -> Address {
        match self {
            Self::Market(named) => named.view.address,
            Self::Vault(named) => named.view.address,
        }
    }

    /// Changes queued so far.
    fn count(&self) -> u64 {
        match self {
            Self::Market(named) => named.view.market.changes,
            Self::Vault(named) => named.view.vault.changes,
        }
    }

    /// Who queues.
    fn authority(&self) -> Address {
        match self {
            Self::Market(named) => from_engine(&named.view.market.authority),
            Self::Vault(named) => from_engine(&named.view.vault.curator),
        }
    }

    fn name(&self, target: u8) -> String {
        match (self, target) {
            (Self::Vault(_), _) => "the vault".into(),
            (_, OF_MARKET) => "the market".into(),
            (_, OF_LISTING) => "a new reserve".into(),
            (_, OF_POOL) => "a new pool".into(),
            (_, OF_PERP) => "a new perp".into(),
            (Self::Market(named), index) => named.name(index),
        }
    }

    fn decimals(&self, target: u8) -> Result<u8> {
        Ok(match (self, target) {
            (Self::Vault(named), _) => named.decimals(),
            (_, OF_MARKET) => 0,
            (Self::Market(named), index) => {
                let view = &named.view;
                // A perp's amounts are of its pool's token.
                let pool = view.perp(index).map_or(index, |perp| perp.config.pool);
                match view.pool(pool) {
                    Ok(pool) => pool.quote_decimals,
                    Err(_) => named.reserve(index)?.decimals,
                }
            }
        })
    }

    fn find(&self, reserve: Option<&str>) -> Result<u8> {
        match (self, reserve) {
            (Self::Market(named), Some(name)) => named.find_record(name),
            (Self::Market(_), None) => Ok(OF_MARKET),
            (Self::Vault(_), Some(_)) => Err(Misused("a vault has no --reserve".into()).into()),
            (Self::Vault(_), None) => Ok(OF_VAULT),
        }
    }

    /// The target whose parameters a target has.
    fn table(&self, target: u8) -> u8 {
        match self {
            Self::Market(named) => named.view.table_of(target),
            Self::Vault(_) => OF_VAULT,
        }
    }
}

/// Edits of a target: each parameter's offset and its new bytes, and what they do in words.
pub fn edits(target: u8, decimals: u8, values: &[String]) -> Result<(Vec<u8>, Vec<String>)> {
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

fn queue(session: &mut Session, subject: &Subject, reserve: Option<&str>, values: &[String]) -> Result<bool> {
    let target = subject.find(reserve)?;
    let (data, words) = edits(subject.table(target), subject.decimals(target)?, values)?;
    let authority = subject.authority();
    let payer = session.keys.payer().unwrap_or(authority);
    let words = format!("queue change {} of {}: {}", subject.count(), subject.name(target), words.join("; "));
    let (instruction, warning) = match subject {
        Subject::Market(named) => {
            let warning = feed_warning(session, named, target, edits_in(target, &data))?;
            (named.view.queue_change(payer, target, data), warning)
        }
        Subject::Vault(named) => {
            let (mut change, now) = (Change::default(), session.now()?);
            let curator = named.view.vault.curator;
            let queued = named.view.preview(now, |vaults| vaults.vault.queue_change(&curator, &data, &mut change, now));
            queued.map_err(refusal)?;
            let due = full_label(change.earliest);
            (named.view.queue_change(payer, data).0, (change.earliest > now).then(|| format!("it is due {due} UTC")))
        }
    };
    session.one_noted(words, authority, vec![instruction], warning)
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

/// A change that is queued.
fn read(session: &mut Session, subject: &Subject, number: u64) -> Result<Change> {
    let account = session.cluster.account(change_address(&subject.address(), number).0)?;
    Ok(decode_change(&account.with_context(|| format!("there is no change {number}"))?.data)?)
}

fn execute(session: &mut Session, subject: &Subject, number: u64) -> Result<bool> {
    let change = read(session, subject, number)?;
    let now = session.now()?;
    ensure!(now >= change.earliest, "change {number} is due {} UTC, not before", full_label(change.earliest));
    ensure!(
        now <= change.latest,
        "change {number} expired {} UTC: it can only be cancelled",
        full_label(change.latest)
    );
    let signer = session.user()?;
    match subject {
        Subject::Market(named) if matches!(change.target, OF_POOL | OF_PERP) => {
            // A perp needs a good price of what it follows.
            let fresh = Fresh::read(session, named, followed(&change))?;
            let list = named.view.list_perp(session.keys.payer().unwrap_or(signer), &change);
            let words = format!("execute change {number}: {}", describe(subject, &change)?.join("; "));
            let steps = fresh.steps(session, signer, vec![words], vec![list]);
            return session.all(steps);
        }
        _ => ensure!(
            !adds_record(&change),
            "change {number} lists a reserve: `ballast market apply` with its file does that"
        ),
    }
    let words = format!("execute change {number}");
    match subject {
        Subject::Market(named) => {
            let warning = feed_warning(session, named, change.target, named.view.edits_of(&change))?;
            session.one_noted(words, signer, vec![named.view.execute_change(signer, &change)], warning)
        }
        Subject::Vault(named) => {
            let (view, recipient) = (&named.view, from_engine(&change.payer));
            let address = change_address(&view.address, number).0;
            // A change of a fee needs the vault to be accrued in the same second.
            named.send(session, words, signer, vec![view.read(), view.execute_change(signer, address, recipient)])
        }
    }
}

fn cancel(session: &mut Session, subject: &Subject, number: u64) -> Result<bool> {
    let named = match subject {
        Subject::Market(named) => return market::cancel(session, named.view.address, number),
        Subject::Vault(named) => named,
    };
    let change = read(session, subject, number)?;
    let signer = session.keys.signer().unwrap_or_else(|| subject.authority());
    let address = change_address(&named.view.address, number).0;
    let cancel = named.view.cancel_change(signer, address, from_engine(&change.payer));
    session.one(format!("cancel change {number}"), signer, vec![cancel])
}

/// What a change does, in words.
fn describe(subject: &Subject, change: &Change) -> Result<Vec<String>> {
    if change.target == OF_LISTING {
        let listing = change.listing().map_err(|error| anyhow!(error.message()))?;
        return Ok(vec![format!("list {}", from_engine(&listing.mint))]);
    }
    if adds_record(change) {
        return Ok(vec![subject.name(change.target).replacen("a new", "list a", 1)]);
    }
    let decimals = subject.decimals(change.target)?;
    let word =
        |(info, new): (ParameterInfo, Vec<u8>)| format!("{} to {}", info.name, value::show(&info, &new, decimals));
    Ok(edits_in(subject.table(change.target), change.data()).into_iter().map(word).collect())
}

fn list(session: &mut Session, subject: &Subject) -> Result<bool> {
    let now = session.now()?;
    let (mut objects, mut rows) = (Vec::new(), Vec::new());
    for change in changes(session.cluster, subject.address(), subject.count())? {
        let target = subject.name(change.target);
        let state = match now {
            _ if now < change.earliest => "waits",
            _ if now <= change.latest => "due",
            _ => "expired",
        };
        let words = describe(subject, &change)?;
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
