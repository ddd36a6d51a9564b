//! Tokens in and out of a vault. What passes, and for how much, the engine says before anything is sent.

use anyhow::{Result, bail, ensure};
use ballast_client::{
    Instruction,
    engine::{
        Error,
        number::units::{Bps, Shares},
        state::vault::{MAX_REQUESTS, Valuation},
        vaults::{Exchange, Vaults, exit::Exit},
    },
};
use ballast_market_file::{Plan, value::percent};
use ballast_rpc::fits;
use clap::Args;

use super::{Scene, name::refusal, queue::waiting};
use crate::commands::{
    exit::Misused,
    format::{Amount, Tokens, tokens},
    session::Session,
};

/// Tokens for shares.
#[derive(Args)]
pub struct Deposit {
    /// How much: 2.5, 250atoms or all.
    #[arg(required_unless_present = "shares")]
    amount: Option<Tokens>,
    /// Makes exactly so many shares instead, for what they cost.
    #[arg(long, conflicts_with = "amount")]
    shares: Option<Tokens>,
    /// Fewest shares to accept; without, a thousandth less than now.
    #[arg(long, conflicts_with = "shares")]
    min_shares: Option<Tokens>,
    /// Most to pay for exact shares; without, a thousandth more than now.
    #[arg(long, requires = "shares")]
    max: Option<Tokens>,
}

/// Shares for tokens.
#[derive(Args)]
pub struct Redeem {
    /// How many: 2.5, 250atoms or all.
    shares: Tokens,
    /// Fewest tokens to accept; without, a thousandth less than now.
    #[arg(long)]
    min: Option<Tokens>,
}

/// Tokens for shares, by the tokens.
#[derive(Args)]
pub struct Withdraw {
    /// How much: 2.5, 250atoms or all.
    amount: Tokens,
    /// Most shares to give; without, a thousandth more than now.
    #[arg(long)]
    max_shares: Option<Tokens>,
}

/// By how much a price may be worse when the transaction lands.
const TOLERANCE: Bps = Bps(10);

fn fewest(of: u64) -> u64 {
    of - TOLERANCE.of_floor(of)
}

fn most(of: u64) -> u64 {
    of.saturating_add(TOLERANCE.of_floor(of)).saturating_add(1)
}

/// A bound as it is given, or as it is without.
fn bound(given: Option<&Tokens>, decimals: u8, without: u64) -> Result<u64> {
    match given.map(|given| given.atoms(decimals)).transpose()? {
        Some(Amount::Atoms(atoms)) => Ok(atoms),
        Some(Amount::All) => Err(Misused("a bound is a number, not `all`".into()).into()),
        None => Ok(without),
    }
}

impl Deposit {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let scene = Scene::read(session)?;
        let (named, decimals) = (&scene.named, scene.named.decimals());
        let mut copy = named.view.clone();
        let vaults = copy.at_to_enter(scene.now);
        let (exchange, paid, instruction) = match (&self.amount, &self.shares) {
            (_, Some(shares)) => {
                let Amount::Atoms(count) = shares.atoms(decimals)? else {
                    return Err(Misused("--shares is a number, not `all`".into()).into());
                };
                let exchange = vaults.preview(|vaults| vaults.mint(Shares(count), u64::MAX));
                let exchange = exchange.map_err(|error| {
                    let Shares(room) = vaults.max_mint();
                    scene.no_room(error, &named.shares(Shares(room)), &vaults.valuation)
                })?;
                let max = bound(self.max.as_ref(), decimals, most(exchange.amount))?;
                ensure!(exchange.amount <= max, "they cost {} now", named.tokens(exchange.amount));
                let paid = max.min(most(exchange.amount));
                let mint =
                    named.view.mint(scene.user, scene.wallet.address, scene.shares.address, exchange.shares.0, max);
                (exchange, paid, mint)
            }
            (amount, None) => {
                let amount = amount.as_ref().map_or(Ok(Amount::All), |amount| amount.atoms(decimals))?;
                let atoms = scene.wallet.to_pay(amount)?;
                let exchange = vaults.preview(|vaults| vaults.deposit(atoms, Shares::ZERO));
                let exchange = exchange
                    .map_err(|error| scene.no_room(error, &named.tokens(vaults.max_deposit()), &vaults.valuation))?;
                let min = bound(self.min_shares.as_ref(), decimals, fewest(exchange.shares.0))?;
                ensure!(exchange.shares.0 >= min, "it buys {} now", named.shares(exchange.shares));
                let deposit = named.view.deposit(scene.user, scene.wallet.address, scene.shares.address, atoms, min);
                (exchange, atoms, deposit)
            }
        };
        let there = scene.wallet.spendable();
        ensure!(exchange.amount <= there, "{} has {}", scene.user, named.tokens(there));
        let mut instructions = scene.wallet.before_paying(scene.payer, paid.min(there))?;
        instructions.extend(scene.shares.create(scene.payer));
        instructions.push(instruction);
        if self.shares.is_some() {
            // What was wrapped in case that shares get dearer.
            instructions.extend(scene.wallet.unwrapped()?);
        }
        let words = format!("deposit {} for {}", named.tokens(exchange.amount), named.shares(exchange.shares));
        named.send(session, words, scene.user, instructions)
    }
}

impl Redeem {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let scene = Scene::read(session)?;
        let shares = scene.shares_of(&self.shares)?;
        scene.redeem(session, shares, self.min.as_ref())
    }
}

impl Withdraw {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let scene = Scene::read(session)?;
        let (named, held) = (&scene.named, Shares(scene.shares.balance()));
        let Amount::Atoms(mut atoms) = self.amount.atoms(named.decimals())? else {
            if self.max_shares.is_some() {
                return Err(Misused(
                    "`withdraw all` gives all shares: `redeem all --min` bounds what they bring".into(),
                )
                .into());
            }
            return scene.redeem(session, scene.shares_of(&self.amount)?, None);
        };
        ensure!(held != Shares::ZERO, "{} has no shares of the vault", scene.user);
        let mut copy = named.view.clone();
        let vaults = copy.at(scene.now);
        let build = |atoms, max, from| {
            named.view.withdraw(scene.user, scene.shares.address, scene.wallet.address, atoms, max, from)
        };
        let sources = scene.sources(|from| build(atoms, u64::MAX, from))?;
        let withdraw =
            |atoms| scene.first(&sources, |from| vaults.preview(|vaults| vaults.withdraw(atoms, held, from)));
        let (from, exit) = match withdraw(atoms) {
            Ok(found) => found,
            Err(error) => {
                let all = sources.last().copied().unwrap_or(0);
                let most = vaults.max_withdraw(held, all);
                let is_too_much = matches!(error, Error::DearerThanOffered | Error::InsufficientShares);
                let most = if is_too_much { most } else { scene.a_little_less(most, |atoms| withdraw(atoms).is_ok()) };
                // More than the shares are worth cannot wait either.
                let left = withdraw(most).map_or(held.0, |(_, exit)| held.0 - exit.exchange.shares.0);
                let rest = vaults.vault.shares_worth(atoms - most.min(atoms), &vaults.valuation).ok();
                let rest = rest.filter(|_| !is_too_much).map(|rest| rest.min(Shares(left)));
                let words = [named.tokens(most), tokens(most, named.decimals())];
                scene.part(session, "withdraw", error, (most > 0).then_some(&words), rest)?;
                atoms = most;
                withdraw(most).map_err(refusal)?
            }
        };
        let max = bound(self.max_shares.as_ref(), named.decimals(), most(exit.exchange.shares.0).min(held.0))?;
        ensure!(exit.exchange.shares.0 <= max, "it takes {} now", named.shares(exit.exchange.shares));
        scene.leave(session, "withdraw", &exit, build(atoms, max, from), &vaults)
    }
}

impl Scene {
    /// The shares that the user means, of those that he has.
    pub(super) fn shares_of(&self, shares: &Tokens) -> Result<Shares> {
        let held = self.shares.balance();
        ensure!(held > 0, "{} has no shares of the vault", self.user);
        match shares.atoms(self.named.decimals())? {
            Amount::All => Ok(Shares(held)),
            Amount::Atoms(count) if count <= held => Ok(Shares(count)),
            Amount::Atoms(_) => bail!("{} has {}", self.user, self.named.shares(Shares(held))),
        }
    }

    fn no_room(&self, error: Error, most: &str, valuation: &Valuation) -> anyhow::Error {
        if error == Error::MarketUnreadable {
            return self.named.refused(error, valuation);
        }
        let words = format!("{most} is the most now");
        refusal(error).context(crate::commands::exit::Hint(words))
    }

    /// The sets of slots that an exit may be paid from, each of one more: those that have most first, as many as one transaction
    /// has room for.
    pub(super) fn sources(&self, build: impl Fn(u8) -> Instruction) -> Result<Vec<u8>> {
        let (before, behind) = self.wallet.around_receiving(self.payer)?;
        let with = |from| [&before[..], &[build(from)], &behind].concat();
        // Prices that have no room beside it at all go before it.
        let are_together = self.named.fits(&self.payer, &with(0));
        let mut sets = vec![0u8];
        for slot in self.named.view.payers(self.now) {
            let more = sets.last().copied().unwrap_or(0) | 1 << slot;
            let exit = with(more);
            if !(if are_together { self.named.fits(&self.payer, &exit) } else { fits(&self.payer, &exit) }) {
                break;
            }
            sets.push(more);
        }
        Ok(sets)
    }

    /// The smallest set that passes, or why the largest does not.
    pub(super) fn first<T>(
        &self,
        sources: &[u8],
        preview: impl Fn(u8) -> ballast_client::engine::Result<T>,
    ) -> ballast_client::engine::Result<(u8, T)> {
        let mut refused = Error::VaultIlliquid;
        for from in sources {
            match preview(*from) {
                Ok(done) => return Ok((*from, done)),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// A thousandth less than the most, because shares get dearer until the transaction lands, if that passes too.
    fn a_little_less(&self, most: u64, passes: impl Fn(u64) -> bool) -> u64 {
        let less = most - most.div_ceil(1_000);
        if less > 0 && passes(less) { less } else { most }
    }

    fn redeem(&self, session: &mut Session, mut shares: Shares, min: Option<&Tokens>) -> Result<bool> {
        let named = &self.named;
        let mut copy = named.view.clone();
        let vaults = copy.at(self.now);
        let build = |shares: Shares, min, from| {
            named.view.redeem(self.user, self.shares.address, self.wallet.address, shares.0, min, from)
        };
        let sources = self.sources(|from| build(shares, 0, from))?;
        let redeem = |shares| self.first(&sources, |from| vaults.preview(|vaults| vaults.redeem(shares, 0, from)));
        let (from, exit) = match redeem(shares) {
            Ok(found) => found,
            Err(error) => {
                let all = sources.last().copied().unwrap_or(0);
                let Shares(most) = vaults.max_redeem(shares, all);
                let most = Shares(self.a_little_less(most, |count| redeem(Shares(count)).is_ok()));
                let words = [named.shares(most), tokens(most.0, named.decimals())];
                let rest = Shares(shares.0 - most.0);
                self.part(session, "redeem", error, (most != Shares::ZERO).then_some(&words), Some(rest))?;
                shares = most;
                redeem(most).map_err(refusal)?
            }
        };
        let min = bound(min, named.decimals(), fewest(exit.exchange.amount))?;
        ensure!(exit.exchange.amount >= min, "they bring {} now", named.tokens(exit.exchange.amount));
        self.leave(session, "redeem", &exit, build(shares, min, from), &vaults)
    }

    /// If not everything can leave: an error that says how much can, with which command, and how the rest is queued; unless somebody at
    /// a terminal agrees to the part.
    fn part(
        &self,
        session: &mut Session,
        verb: &str,
        error: Error,
        most: Option<&[String; 2]>,
        rest: Option<Shares>,
    ) -> Result<()> {
        let why = format!("{}: {}", error.name(), error.message());
        let command = |words: &[&str]| session.invocation.command(words);
        let queue = match rest.filter(|rest| *rest != Shares::ZERO) {
            None => String::new(),
            Some(_) if waiting(&self.named).len() == MAX_REQUESTS => {
                format!(". The queue is full: all {MAX_REQUESTS} places are taken")
            }
            Some(Shares(rest)) => {
                let rest = tokens(rest, self.named.decimals());
                format!(". To queue the rest: `{}`", command(&["vault", "queue", "request", &rest]))
            }
        };
        let Some([most, number]) = most else { bail!("nothing can leave now: {why}{queue}") };
        let again = format!("To {verb} that: `{}`", command(&["vault", verb, number]));
        let words = format!("{most} is the most to {verb} now: {why}");
        if session.agrees(&format!("{words}\n{verb} {most}?"))? {
            return Ok(());
        }
        bail!("{words}. {again}{queue}")
    }

    /// Sends an exit, and says before what it costs.
    fn leave(
        &self,
        session: &mut Session,
        verb: &str,
        exit: &Exit,
        instruction: Instruction,
        vaults: &Vaults,
    ) -> Result<bool> {
        let (named, Exchange { amount, shares }) = (&self.named, exit.exchange);
        let (before, behind) = self.wallet.around_receiving(self.payer)?;
        let words = match verb {
            "withdraw" => format!("withdraw {} for {}", named.tokens(amount), named.shares(shares)),
            _ => format!("redeem {} for {}", named.shares(shares), named.tokens(amount)),
        };
        let config = &vaults.vault.config;
        let note = (exit.fee > 0).then(|| {
            let coverage = vaults.vault.coverage(&vaults.valuation, vaults.now).bps();
            format!(
                "leaving costs {}, which stay with the vault: coverage is {}, below {}",
                named.tokens(exit.fee),
                percent(coverage.into()),
                percent(config.exit_fee_coverage.0.into())
            )
        });
        let fee = if exit.fee > 0 { format!(", at a fee of {}", named.tokens(exit.fee)) } else { String::new() };
        let instructions = [before, vec![instruction], behind].concat();
        let steps = named.steps(session, self.user, vec![words + &fee], instructions);
        // Who leaves now leaves that to the others.
        let lost =
            named.unreadable(&vaults.valuation).into_iter().map(|why| format!("what counts for nothing now: {why}"));
        session.noted(Plan { steps, warnings: note.into_iter().chain(lost).collect() })
    }
}
