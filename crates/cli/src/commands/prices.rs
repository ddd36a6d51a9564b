//! `ballast prices`, and the prices that other commands bring along.

use anyhow::{Result, anyhow, ensure};
use ballast_client::{
    Address, CLOCK_SYSVAR, Instruction, decode_clock,
    engine::{
        Error,
        number::units::{Bps, ONE_BPS},
        price::policy::Condition,
        state::account::MarginAccount,
    },
};
use ballast_rpc::fits;
use clap::Subcommand;

use super::{format::usd, names::Named, session::Session};
use ballast_market_file::{PlannedTransaction, feed, state::found, value::duration};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Takes over the prices of reserves from their pinned accounts, as anyone.
    Refresh {
        /// The reserves: indices, mints or names of the market's file; without, all.
        reserves: Vec<String>,
    },
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let Self::Refresh { reserves } = self;
        let named = session.named(None)?;
        let pinned = named.view.pinned_prices();
        let wanted: Vec<_> = reserves.iter().map(|name| named.find(name)).collect::<Result<_>>()?;
        for index in &wanted {
            let name = named.name(*index);
            ensure!(named.reserve(*index)?.closed == 0, "{name} is closed: it has no price any more");
            let is_pinned = pinned.iter().any(|(reserve, _)| reserve == index);
            ensure!(is_pinned, "{name} takes a price from any account of its feed: there is none to refresh by");
        }
        ensure!(!pinned.is_empty(), "no reserve of this market has a pinned price account");
        let chosen = if wanted.is_empty() { pinned.iter().map(|(index, _)| *index).collect() } else { wanted };
        let fresh = Fresh::read(session, &named, chosen)?;
        let left: Vec<_> = fresh
            .unusable
            .iter()
            .map(|(index, error)| format!("{} is left as it is: {}: {error}", named.name(*index), error.name()))
            .collect();
        let is_any = fresh.asked.iter().any(|index| fresh.unusable.iter().all(|(unusable, _)| unusable != index));
        ensure!(is_any, "no price can be taken over: {}", left.join("; "));
        let mut steps = fresh.steps(session, session.keys.payer().unwrap_or_default(), Vec::new(), Vec::new());
        if let Some(last) = steps.last_mut() {
            last.words.extend(left);
        }
        session.all(steps)
    }
}

/// A market as a transaction finds it after it has taken over the prices of the pinned accounts.
#[derive(Clone)]
pub struct Fresh {
    /// The market once these prices are taken over.
    pub named: Named,
    /// Unix seconds, of the chain's clock.
    pub now: i64,
    /// Reserves whose prices are needed, each once.
    asked: Vec<u8>,
    /// Those of them whose price cannot be taken over, and why.
    unusable: Vec<(u8, Error)>,
}

impl Fresh {
    /// Reads the pinned price accounts of some reserves, and has the engine take over what the program will.
    pub fn read(session: &mut Session, named: &Named, reserves: impl IntoIterator<Item = u8>) -> Result<Self> {
        let mut asked = Vec::new();
        for reserve in reserves {
            if !asked.contains(&reserve) {
                asked.push(reserve);
            }
        }
        let pinned = named.view.pinned_prices();
        let mut pinned: Vec<_> = pinned.into_iter().filter(|(index, _)| asked.contains(index)).collect();
        let addresses = pinned.iter().map(|(_, account)| *account);
        let accounts = found(session.cluster, [CLOCK_SYSVAR].into_iter().chain(addresses))?;
        let clock = accounts.get(&CLOCK_SYSVAR.to_bytes()).ok_or_else(|| anyhow!("the cluster has no clock"))?;
        let now = decode_clock(&clock.data)?.now;
        let (mut named, mut unusable) = (named.clone(), Vec::new());
        pinned.dedup_by_key(|(index, _)| *index);
        for (index, _) in pinned {
            if let Err(error) = feed::take_over(&mut named.view, index, &accounts, now) {
                unusable.push((index, error));
            }
        }
        Ok(Self { named, now, asked, unusable })
    }

    /// The steps of instructions that need these prices: one, or more if a transaction has no room for all accounts.
    pub fn steps(
        &self,
        session: &Session,
        signer: Address,
        words: Vec<String>,
        rest: Vec<Instruction>,
    ) -> Vec<PlannedTransaction> {
        let payer = session.keys.payer().unwrap_or(signer);
        let view = &self.named.view;
        let transactions = view.refresh_pinned_prices(self.brought(), rest, |one| fits(&payer, one));
        let (count, has_words) = (transactions.len(), !words.is_empty());
        let step = |(nth, instructions): (usize, Vec<Instruction>)| {
            let is_last = nth + 1 == count;
            let words = if is_last && has_words { words.clone() } else { vec![self.refresh_words(&instructions)] };
            PlannedTransaction { words, signer, from: None, instructions }
        };
        transactions.into_iter().enumerate().map(step).collect()
    }

    /// The reserves whose prices are brought. An account that no longer holds the feed would make the whole transaction fail; the program
    /// passes over prices with other problems.
    fn brought(&self) -> impl Iterator<Item = u8> {
        let is_wrong = |index: &u8| self.unusable.iter().any(|(of, error)| of == index && !error.is_about_a_price());
        self.asked.iter().copied().filter(move |index| !is_wrong(index))
    }

    /// The instruction that takes these prices over, if there are any.
    pub fn refresh(&self) -> Option<Instruction> {
        self.named.view.refresh_pinned_prices(self.brought(), Vec::new(), |_| true).pop()?.pop()
    }

    /// Which of these prices are too old, and why.
    pub fn old(&self) -> Vec<String> {
        let newest = self.newest(self.asked.iter().copied());
        // For these uses they need not be of one moment.
        let is_old = |index: &&u8| {
            let price = self.named.view.reserve(**index).map(|reserve| reserve.price.condition(self.now));
            price.is_ok_and(|condition| !condition.is_current())
        };
        self.asked.iter().filter(is_old).filter_map(|index| self.trouble(*index, newest)).collect()
    }

    /// Which prices a transaction takes over that does nothing else.
    fn refresh_words(&self, instructions: &[Instruction]) -> String {
        // The data are the tag, a count, and the reserves, each once for every price account.
        let mut reserves = instructions.first().map_or(Vec::new(), |refresh| refresh.data[5..].to_vec());
        reserves.dedup();
        let names: Vec<_> = reserves.into_iter().map(|index| self.named.name(index)).collect();
        format!("refresh {}", names.join(", "))
    }

    /// Which of an account's prices make the program refuse a liquidation of two of its positions.
    pub fn pair_obstacles(&self, account: &MarginAccount, debt: u8, collateral: u8) -> Vec<String> {
        let newest = self.newest(self.named.view.priced_reserves(account).into_iter());
        [debt, collateral].into_iter().filter_map(|index| self.trouble(index, newest)).collect()
    }

    /// Whether a reserve's price makes the program refuse a deposit into an account with debts, and why.
    pub fn deposit_obstacle(&self, reserve: u8) -> Vec<String> {
        // For this use it need not be of one moment with other prices.
        let trouble = self.trouble(reserve, self.newest([reserve].into_iter()));
        trouble.map(|trouble| format!("{trouble}: wait for its price, or deposit another token")).into_iter().collect()
    }

    /// When the newest feed of some reserves published.
    fn newest(&self, reserves: impl Iterator<Item = u8>) -> i64 {
        let found = reserves.filter_map(|index| self.named.view.reserve(index).ok());
        found.map(|reserve| reserve.price.newest_time()).max().unwrap_or(0)
    }

    /// Which of an account's prices make the program refuse new risk, each with what to do about it. `withdraw` is the command
    /// that takes a deposit out of the account.
    pub fn obstacles(&self, account: &MarginAccount, reserve: u8, withdraw: impl Fn(&str) -> String) -> Vec<String> {
        let view = &self.named.view;
        let priced = view.priced_reserves(account);
        let newest = self.newest(priced.iter().copied().chain([reserve]));
        let mut found = Vec::new();
        for position in account.positions() {
            let Some(trouble) = self.trouble(position.reserve, newest) else { continue };
            let name = self.named.name(position.reserve);
            let Ok(held) = view.reserve(position.reserve) else { continue };
            if position.is_debt() {
                found.push(format!("{trouble}, and the account owes {name}: repay it, or wait for its price"));
                continue;
            }
            let atoms = view.amount(position, self.now).unwrap_or(0);
            let value = held.price.value_floor(atoms, held.price.spot, Bps(ONE_BPS));
            let is_outdated = !matches!(held.price.condition(self.now), Condition::NeverPriced)
                && !held.price.condition(self.now).is_current();
            if is_outdated && value >= view.market.config.dust() {
                let command = withdraw(&name);
                found.push(format!(
                    "{trouble}, and the account holds {} USD of {name} by its last price, which is more than dust: \
                     withdraw that first (`{command}`)",
                    usd(value)
                ));
            }
        }
        for index in priced.iter().filter(|index| account.position(**index).is_none()) {
            let trouble = self.trouble(*index, newest);
            found.extend(
                trouble.map(|trouble| format!("{trouble}, and a perp of the account needs it: wait for its price")),
            );
        }
        if !priced.contains(&reserve) {
            found.extend(self.trouble(reserve, newest).map(|trouble| format!("{trouble}: wait for its price")));
        }
        found
    }

    /// Why a price is too old or of another moment; none if it is not.
    fn trouble(&self, index: u8, newest: i64) -> Option<String> {
        let (name, reserve) = (self.named.name(index), self.named.view.reserve(index).ok()?);
        let age = || duration(self.now.saturating_sub(reserve.price.publish_time).max(0));
        let why = match self.unusable.iter().find(|(of, _)| *of == index) {
            Some((_, error)) => error.message().to_owned(),
            None if self.is_pinned(index) => "its feed has published no newer one".into(),
            None => "no account is pinned that it could be brought from: somebody else has to bring one".into(),
        };
        match reserve.condition(self.now, newest) {
            Condition::NeverPriced => Some(format!("{name} never had a price ({why})")),
            Condition::Skewed => Some(format!(
                "The price of {name} is {} older than the newest of the account's, where {} are allowed ({why})",
                duration(newest - reserve.price.publish_time),
                duration(reserve.config.oracle.max_skew.into())
            )),
            // A change of its feed forgets when it was published.
            condition if !condition.is_current() && reserve.price.publish_time <= 1 => {
                Some(format!("The feed of {name} was changed, and the new one has no price yet ({why})"))
            }
            condition if !condition.is_current() => Some(format!("The price of {name} is {} old ({why})", age())),
            _ => None,
        }
    }

    fn is_pinned(&self, index: u8) -> bool {
        self.named.view.pinned_prices().iter().any(|(reserve, _)| *reserve == index)
    }
}
