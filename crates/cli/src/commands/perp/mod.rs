//! `ballast perp`.

mod help;
mod orders;
pub mod report;
mod trade;
pub mod units;

use anyhow::{Context, Result};
use ballast_client::{
    Address, Instruction,
    engine::{
        Error,
        state::account::{MarginAccount, Side},
    },
};
use clap::Subcommand;

use super::{
    account::{self, AccountName},
    exit::{Hint, hinted},
    names::Named,
    prices::Fresh,
    session::Session,
    vault::name::refusal,
};
use units::Contract;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// All perps of a market: prices, sides, rates.
    List,
    /// One perp: its prices, sides, rates, what its pool bears of it, and all its parameters.
    Show {
        /// Its name in the market's file, its index, or the token that it alone follows.
        perp: String,
    },
    /// Buys or sells: opens, grows, shrinks, closes or turns a position.
    Trade(trade::Trade),
    /// Closes a position whole, or takes what a closed one is still owed.
    Close(trade::Close),
    /// The orders of the market that rest, those first that are filled first.
    Orders,
    /// Fills an order that rests by the price that fills it, as anyone, for its tip.
    Fill(orders::Fill),
    /// Clears an order that can no longer be filled, as anyone. Its tip goes back to its owner.
    Cancel(orders::Cancel),
    /// Pays what positions have lost, or what closed ones are owed, as anyone.
    Settle(help::Settle),
    /// Closes of an unhealthy account's position what is too much. The reward comes to one's own margin account.
    Liquidate(help::Liquidate),
    /// Pays what an account has lost beyond its deposit out of one's own, for another deposit of it and a penalty.
    Cover(help::Cover),
    /// Writes off what a closed position owes, once its account has nothing to pay it with, as anyone.
    WriteOff(help::WriteOff),
    /// Closes the same part of all positions of the side that the pool cannot bear, as anyone.
    Deleverage(help::OfPerp),
    /// Winds a perp down at its last price, as the market's authority, once a change of `wind_down` has waited.
    Resolve(help::OfPerp),
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::List => report::list(session),
            Self::Show { perp } => report::show(session, perp),
            Self::Trade(trade) => trade.run(session),
            Self::Close(close) => close.run(session),
            Self::Orders => orders::list(session),
            Self::Fill(fill) => fill.run(session),
            Self::Cancel(cancel) => cancel.run(session),
            Self::Settle(settle) => settle.run(session),
            Self::Liquidate(liquidate) => liquidate.run(session),
            Self::Cover(cover) => cover.run(session),
            Self::WriteOff(write_off) => write_off.run(session),
            Self::Deleverage(of) => of.deleverage(session),
            Self::Resolve(of) => of.resolve(session),
        }
    }
}

/// An account, with the market as a transaction finds it that brings along what its perps need.
pub struct Scene {
    /// The market, with these prices.
    pub fresh: Fresh,
    /// The account's address.
    pub address: Address,
    /// The account.
    pub account: MarginAccount,
    /// Who signs.
    pub user: Address,
}

impl Scene {
    /// Reads an account, with the prices of all that it holds and of some more reserves.
    pub fn read(session: &mut Session, named: &Named, name: AccountName, more: &[u8]) -> Result<Self> {
        let address = name.address(session, named)?;
        let account = account::read(session, named, address)?;
        let user = session.user()?;
        let priced = named.view.priced_reserves(&account).into_iter().chain(more.iter().copied());
        Ok(Self { fresh: Fresh::read(session, named, priced)?, address, account, user })
    }

    /// Sends what needs these prices.
    pub fn send(
        &self,
        session: &mut Session,
        words: String,
        instructions: Vec<Instruction>,
        hints: impl FnOnce(Error) -> Vec<String>,
    ) -> Result<bool> {
        let steps = self.fresh.steps(session, self.user, vec![words], instructions);
        session.all(steps).map_err(|error| hinted(error, hints))
    }

    /// Which prices are too old, of all that the account holds and of some more reserves.
    pub fn obstacles_of(&self, session: &Session, reserves: &[u8]) -> Vec<String> {
        let withdraw = |name: &str| session.invocation.command(&["account", "withdraw", name, "all"]);
        let all = reserves.iter().flat_map(|reserve| self.fresh.obstacles(&self.account, *reserve, withdraw));
        all.fold(Vec::new(), |mut found, one| {
            if !found.contains(&one) {
                found.push(one);
            }
            found
        })
    }

    /// A perp that somebody names, or without a name the only one that the account has a position in.
    pub fn perp(&self, name: Option<&str>) -> Result<Contract> {
        let named = &self.fresh.named;
        let index = match name {
            Some(name) => named.find_perp(name)?,
            None => {
                let mut held = self.account.perps().map(|position| position.perp);
                let first = held.next().with_context(|| format!("{} holds no perps", self.address))?;
                let others: Vec<_> = held.map(|index| named.name(index)).collect();
                let several = || format!("{} holds several perps: name one with --perp", self.address);
                others.is_empty().then_some(first).with_context(several)?
            }
        };
        Contract::of(named, index)
    }
}

/// What an account has of a reserve, atoms.
pub fn deposit_of(fresh: &Fresh, account: &MarginAccount, reserve: u8) -> u64 {
    let position = account.find(reserve, Side::Deposit).ok().map(|slot| account.positions[slot]);
    position.map_or(0, |position| fresh.named.view.amount(&position, fresh.now).unwrap_or(0))
}

/// A position in words.
pub fn position(contract: &Contract, lots: i64, value: u64) -> String {
    let side = if lots < 0 { "short" } else { "long" };
    format!("{side} {}, worth {}", contract.lots(lots.unsigned_abs()), contract.amount(value))
}

/// What the engine refuses, with what to do about it.
pub fn refused_with(error: Error, hints: Vec<String>) -> anyhow::Error {
    let error = refusal(error);
    if hints.is_empty() { error } else { error.context(Hint(hints.join(". "))) }
}
