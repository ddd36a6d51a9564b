//! `ballast pool`.

mod report;

use anyhow::{Result, ensure};
use ballast_client::engine::{Error, number::units::Shares, state::perp::shares::LEAVE_WINDOW};
use ballast_market_file::{Plan, value::duration};
use ballast_time::full_label;
use clap::Subcommand;

pub use report::{objects, overview, stake};

use super::{
    account::AccountName,
    exit::{Misused, is_about_age},
    format::{Amount, Tokens, tokens},
    names::Named,
    perp::{Scene, deposit_of, refused_with},
    session::Session,
    vault::name::refusal,
};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// All pools of a market: values, shares, use.
    List,
    /// One pool: its values, what it must bear, its perps, and all its parameters.
    Show {
        /// Its name in the market's file, its index, or its token if it is the only one of it.
        pool: String,
        /// Who has asked for shares back too, which takes a look at all margin accounts of the market.
        #[arg(long)]
        requests: bool,
    },
    /// Moves a part of the account's deposit into a pool, for shares of it.
    Deposit {
        /// The pool.
        pool: String,
        /// How much: 2.5, 250atoms, or all that the account has of the token.
        amount: Tokens,
        /// The account's address, or the number of one of the key's own. It has no debts and no perps.
        #[arg(long, default_value = "0")]
        account: AccountName,
    },
    /// Asks for shares back, in place of what was asked for before: they can be taken after the pool's delay, for two days.
    Request {
        /// The pool.
        pool: String,
        /// How many shares: 2.5, 250atoms, all or none.
        shares: String,
        /// The account's address, or the number of one of the key's own.
        #[arg(long, default_value = "0")]
        account: AccountName,
    },
    /// Takes what was asked for, as far as the pool can do without, into the account's deposit.
    Withdraw {
        /// The pool.
        pool: String,
        /// The account's address, or the number of one of the key's own.
        #[arg(long, default_value = "0")]
        account: AccountName,
    },
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::List => report::list(session),
            Self::Show { pool, requests } => report::show(session, pool, *requests),
            Self::Deposit { pool, amount, account } => deposit(session, pool, amount, *account),
            Self::Request { pool, shares, account } => request(session, pool, shares, *account),
            Self::Withdraw { pool, account } => withdraw(session, pool, *account),
        }
    }
}

/// What a pool's amounts and shares are in.
struct Unit {
    pool: u8,
    name: String,
    quote: u8,
    token: String,
    decimals: u8,
}

impl Unit {
    fn of(named: &Named, pool: u8) -> Result<Self> {
        let record = named.view.pool(pool).map_err(refusal)?;
        let (quote, decimals) = (record.config.quote, record.quote_decimals);
        Ok(Self { pool, name: named.name(pool), quote, token: named.name(quote), decimals })
    }

    fn amount(&self, atoms: u64) -> String {
        format!("{} {}", tokens(atoms, self.decimals), self.token)
    }

    fn shares(&self, shares: u64) -> String {
        format!("{} shares", tokens(shares, self.decimals))
    }
}

/// The reserves whose prices a pool's value depends on.
fn priced(named: &Named, unit: &Unit) -> Vec<u8> {
    let perps = named.perps().filter(|(_, perp)| perp.config.pool == unit.pool);
    perps.map(|(_, perp)| perp.config.price).chain([unit.quote]).collect()
}

/// An account and a pool.
fn read(session: &mut Session, pool: &str, account: AccountName) -> Result<(Scene, Unit)> {
    let named = session.named(None)?;
    let unit = Unit::of(&named, named.find_pool(pool)?)?;
    Ok((Scene::read(session, &named, account, &priced(&named, &unit))?, unit))
}

fn deposit(session: &mut Session, pool: &str, amount: &Tokens, account: AccountName) -> Result<bool> {
    let (scene, unit) = read(session, pool, account)?;
    let (view, now) = (&scene.fresh.named.view, scene.fresh.now);
    let held = deposit_of(&scene.fresh, &scene.account, unit.quote);
    let atoms = match amount.atoms(unit.decimals)? {
        Amount::Atoms(atoms) => atoms,
        Amount::All => held,
    };
    ensure!(held > 0, "{} has no deposit of {}: `ballast account deposit` makes one", scene.address, unit.token);
    let provide = |atoms| view.preview(now, |ledger| ledger.provide(&mut scene.account.clone(), unit.pool, atoms));
    let moved = provide(atoms).map_err(|error| {
        let config = view.pool(unit.pool).map(|pool| pool.config).unwrap_or_default();
        let room = || view.pool_report(unit.pool, now).map_or(0, |report| report.room(&config));
        let hints = match error {
            Error::InsufficientDeposit => vec![format!("It has {}", unit.amount(held))],
            Error::PoolReduceOnly => match room() {
                0 => vec![],
                room => vec![format!("{} is the most now", unit.amount(room))],
            },
            _ => age_hints(session, &scene, &unit, error),
        };
        refused_with(error, hints)
    })?;
    let words = format!("move {} into {} for {}", unit.amount(atoms), unit.name, unit.shares(moved.shares.0));
    let instruction = view.pool_deposit(scene.user, scene.address, unit.pool, atoms).map_err(refusal)?;
    scene.send(session, words, vec![instruction], |_| Vec::new())
}

/// Which prices to wait for, where one is too old.
fn age_hints(session: &Session, scene: &Scene, unit: &Unit, refusal: Error) -> Vec<String> {
    let reserves = priced(&scene.fresh.named, unit);
    if is_about_age(refusal) { scene.obstacles_of(session, &reserves) } else { Vec::new() }
}

/// The shares that the account has of the pool.
fn held(scene: &Scene, unit: &Unit) -> Result<Shares> {
    let stake = scene.account.stake().filter(|stake| stake.pool == unit.pool);
    ensure!(stake.is_some(), "{} has no shares of {}", scene.address, unit.name);
    Ok(stake.map_or(Shares::ZERO, |stake| stake.shares))
}

fn request(session: &mut Session, pool: &str, shares: &str, account: AccountName) -> Result<bool> {
    let (scene, unit) = read(session, pool, account)?;
    let (view, held) = (&scene.fresh.named.view, held(&scene, &unit)?);
    let count = match shares {
        "none" => 0,
        text => match text.parse::<Tokens>().and_then(|shares| shares.atoms(unit.decimals)) {
            Ok(Amount::All) => held.0,
            Ok(Amount::Atoms(count)) => count,
            Err(error) => return Err(Misused(format!("{error:#}")).into()),
        },
    };
    ensure!(count <= held.0, "{} has {} of {}", scene.address, unit.shares(held.0), unit.name);
    let asked = view
        .preview(scene.fresh.now, |ledger| ledger.ask_to_leave(&mut scene.account.clone(), unit.pool, Shares(count)));
    asked.map_err(refusal)?;
    let words = match count {
        0 => format!("take back what was asked of {}", unit.name),
        _ => {
            let delay = view.pool(unit.pool).map_err(refusal)?.config.leave_delay;
            format!("ask {} of {} back, to be taken in {}", unit.shares(count), unit.name, duration(delay.into()))
        }
    };
    let instruction = view.pool_request(scene.user, scene.address, unit.pool, count).map_err(refusal)?;
    // It needs no prices.
    session.one(words, scene.user, vec![instruction])
}

fn withdraw(session: &mut Session, pool: &str, account: AccountName) -> Result<bool> {
    let (scene, unit) = read(session, pool, account)?;
    held(&scene, &unit)?;
    let view = &scene.fresh.named.view;
    let left = view.preview(scene.fresh.now, |ledger| ledger.leave(&mut scene.account.clone(), unit.pool));
    let stake = scene.account.stake().copied().unwrap_or_default();
    let left = left.map_err(|error| match error {
        Error::PoolSharesNotFree => {
            let words = match (stake.asked_for, i64::from(stake.free_from)) {
                (Shares::ZERO, _) => "It asked for none: `ballast pool request` does".into(),
                (_, from) => {
                    let until = full_label(from + LEAVE_WINDOW);
                    format!("They can be taken from {} to {until} UTC", full_label(from))
                }
            };
            refused_with(error, vec![words])
        }
        _ => refused_with(error, age_hints(session, &scene, &unit, error)),
    })?;
    let words = format!("take {} out of {} for {}", unit.amount(left.amount), unit.name, unit.shares(left.shares.0));
    let rest = stake.asked_for.0 - left.shares.0;
    let note = (rest > 0).then(|| format!("{} of those asked for stay: the pool needs its cover", unit.shares(rest)));
    let instruction = view.pool_withdraw(scene.user, scene.address, unit.pool).map_err(refusal)?;
    let steps = scene.fresh.steps(session, scene.user, vec![words], vec![instruction]);
    session.noted(Plan { steps, warnings: note.into_iter().collect() })
}
