//! A vault's parts in pools of perps. What passes, and for how much, the engine says before anything is sent.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address,
    engine::{Error, number::units::Shares, state::perp::shares::LEAVE_WINDOW},
    from_engine,
};
use ballast_market_file::{Plan, value::duration};
use ballast_time::full_label;
use clap::Subcommand;

use super::name::NamedVault;
use crate::commands::{
    exit::Misused,
    format::{Amount, Tokens},
    perp::refused_with,
    session::Session,
};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Moves idle tokens into the pool of a slot, as the curator.
    Deposit {
        /// The slot.
        slot: u8,
        /// How much: 2.5, 250atoms, or all that may go there now.
        amount: Tokens,
    },
    /// Asks for shares of a slot's pool back, in place of what was asked for before, as curator or sentinel: they can be taken after the
    /// pool's delay, for two days. While liquidity is short anyone may ask for what is short.
    Request {
        /// The slot.
        slot: u8,
        /// How many shares: 2.5, 250atoms, all or none. From anyone else: all, which asks for what is short.
        shares: String,
    },
    /// Takes what was asked for, as far as the pool can do without, as curator or sentinel; while liquidity is short as anyone.
    Withdraw {
        /// The slot.
        slot: u8,
    },
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Deposit { slot, amount } => deposit(session, *slot, amount),
            Self::Request { slot, shares } => request(session, *slot, shares),
            Self::Withdraw { slot } => withdraw(session, *slot),
        }
    }
}

/// A vault, of which a slot is a pool.
fn read(session: &mut Session, slot: u8) -> Result<(NamedVault, i64)> {
    let (named, now) = (session.vault(None)?, session.now()?);
    let policy = named.view.vault.config.allocations.get(usize::from(slot)).filter(|policy| !policy.market.is_none());
    let policy = policy.with_context(|| format!("the vault has no allocation {slot}"))?;
    ensure!(policy.pool != 0, "{} lends to a reserve and has no pool", named.place(Some(slot)));
    let is_open = named.view.vault.allocations[usize::from(slot)].is_open != 0;
    ensure!(
        is_open,
        "{} is not opened yet: `ballast vault create` opens what the policy names",
        named.place(Some(slot))
    );
    let is_there = named.pool(slot.into()).is_some();
    ensure!(is_there, "{}: its market cannot be read", named.place(Some(slot)));
    Ok((named, now))
}

/// What the engine refused, with the prices to wait for where they are too old.
fn refused(named: &NamedVault, slot: u8, error: Error, now: i64) -> anyhow::Error {
    let about_prices = matches!(error, Error::PriceStale | Error::PricesSkewed);
    let hints = if about_prices { named.old_prices(slot.into()) } else { Vec::new() };
    if hints.is_empty() {
        return named.view.preview(now, |vaults| named.refused(error, &vaults.valuation));
    }
    refused_with(error, hints)
}

fn deposit(session: &mut Session, slot: u8, amount: &Tokens) -> Result<bool> {
    let (named, now) = read(session, slot)?;
    let curator = from_engine(&named.view.vault.curator);
    let most = || named.view.most_for_pool(slot, now);
    let atoms = match amount.atoms(named.decimals())? {
        Amount::Atoms(atoms) => atoms,
        // What is refused of one atom says why nothing may.
        Amount::All => most().max(1),
    };
    let moved = named.view.preview_pool_deposit(&curator, slot, atoms, now);
    let moved = moved.map_err(|error| match (error, most()) {
        (_, 1..) if atoms > most() => refused_with(error, vec![format!("{} is the most now", named.tokens(most()))]),
        _ => refused(&named, slot, error, now),
    })?;
    let (place, shares) = (named.place(Some(slot)), named.shares(moved.shares));
    let words = format!("move {} into {place} for {shares} of the pool", named.tokens(atoms));
    let deposit = named.view.pool_deposit(curator, slot, atoms);
    named.send(session, words, curator, vec![deposit])
}

/// Who asks for shares or takes them: the key at hand, or without one the curator.
fn asker(session: &Session, named: &NamedVault) -> Address {
    session.keys.signer().unwrap_or_else(|| from_engine(&named.view.vault.curator))
}

/// What others than the officers may not.
fn only_while_short(error: Error) -> Option<String> {
    (error == Error::NotCuratorOrSentinel)
        .then(|| "Others may while liquidity is short: while coverage is below its target, or the queue waits".into())
}

fn request(session: &mut Session, slot: u8, shares: &str) -> Result<bool> {
    let (named, now) = read(session, slot)?;
    let (asker, vault) = (asker(session, &named), &named.view.vault);
    let held = vault.allocations[usize::from(slot)].shares;
    let is_officer = [vault.curator, vault.config.roles.sentinel].map(|officer| from_engine(&officer)).contains(&asker);
    let count = match shares {
        "none" => 0,
        text => match text.parse::<Tokens>().and_then(|shares| shares.atoms(named.decimals())) {
            Ok(Amount::All) if is_officer => held.0,
            // What is short, whatever that is when it lands.
            Ok(Amount::All) => u64::MAX,
            Ok(Amount::Atoms(count)) => count,
            Err(error) => return Err(Misused(format!("{error:#}")).into()),
        },
    };
    let place = named.place(Some(slot));
    let asked = named.view.preview_pool_request(&asker, slot, count, now);
    let (asked_for, from) = asked.map_err(|error| match error {
        Error::InsufficientShares => refused_with(error, vec![format!("{place} has {}", named.shares(held))]),
        Error::AnotherMove => refused_with(error, vec!["What is short is more: `all` asks for that".into()]),
        _ => match only_while_short(error) {
            Some(hint) => refused_with(error, vec![hint]),
            None => refused(&named, slot, error, now),
        },
    })?;
    let words = match asked_for {
        Shares::ZERO => format!("take back what was asked of {place}"),
        _ => {
            let (shares, delay) = (named.shares(asked_for), duration(from - now));
            format!("ask {shares} of {place} back, to be taken in {delay}")
        }
    };
    let request = named.view.pool_request(asker, slot, count);
    named.send(session, words, asker, vec![request])
}

fn withdraw(session: &mut Session, slot: u8) -> Result<bool> {
    let (named, now) = read(session, slot)?;
    let asker = asker(session, &named);
    let (place, vault) = (named.place(Some(slot)), &named.view.vault);
    let asked_for = vault.asked_for[usize::from(slot)];
    let left = named.view.preview_pool_withdraw(&asker, slot, now);
    let left = left.map_err(|error| match error {
        Error::PoolSharesNotFree => {
            let words = match (asked_for, i64::from(vault.allocations[usize::from(slot)].free_from)) {
                (Shares::ZERO, _) => "It asked for none: `ballast vault pool request` does".into(),
                (_, from) => {
                    let until = full_label(from + LEAVE_WINDOW);
                    format!("They can be taken from {} to {until} UTC", full_label(from))
                }
            };
            refused_with(error, vec![words])
        }
        _ => match only_while_short(error) {
            Some(hint) => refused_with(error, vec![hint]),
            None => refused(&named, slot, error, now),
        },
    })?;
    let words =
        format!("bring {} back from {place} for {} of the pool", named.tokens(left.amount), named.shares(left.shares));
    let rest = Shares(asked_for.0 - left.shares.0);
    let note = (rest != Shares::ZERO).then(|| {
        let rest = named.shares(rest);
        format!("{rest} of those asked for stay: the pool needs its cover, or its reserve has no more to pay")
    });
    let withdraw = named.view.pool_withdraw(asker, slot);
    let steps = named.steps(session, asker, vec![words], vec![withdraw]);
    session.noted(Plan { steps, warnings: note.into_iter().collect() })
}
