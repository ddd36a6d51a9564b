//! `ballast market`.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{Address, change_address, decode_change, engine::state::permission::Action, from_engine};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{
    exit::Misused,
    format::{address, list, usd},
    perp, pool, reserve,
    session::Session,
};
use ballast_client::engine::number::units::Usd;
use ballast_market_file::{Desired, value::duration};
use ballast_time::full_label;

/// What to do. Where a market can be named before the rest, it can be named by --market or BALLAST_MARKET too.
#[derive(Subcommand)]
pub enum Command {
    /// Shows a market and its reserves.
    Show {
        /// The market: its address or its file.
        #[arg(value_name = "MARKET")]
        which: Option<String>,
    },
    /// Creates a market from a file, and refuses if it is there already. Exits with 3 when something is left to do.
    Create {
        /// The market's file; migrations/market.toml is one.
        file: Option<String>,
    },
    /// Brings a market to what a file says. Exits with 0 when nothing is left to do, with 3 when something is.
    Apply {
        /// The market's file.
        file: Option<String>,
    },
    /// Stops actions for six hours, as the guardian.
    #[command(override_usage = "ballast market pause [OPTIONS] [MARKET] <ACTION>...")]
    Pause {
        /// What to stop: withdraw, borrow, flash-loan, unstake.
        #[arg(required = true, value_name = "ACTION")]
        words: Vec<String>,
    },
    /// Lifts a pause, as the guardian or the authority; as the authority also the restriction to reducing after a loss.
    Resume {
        /// The market: its address or its file.
        #[arg(value_name = "MARKET")]
        which: Option<String>,
    },
    /// Cancels a queued change, as the authority or the guardian; once it has expired, as anyone.
    #[command(override_usage = "ballast market cancel [OPTIONS] [MARKET] <NUMBER>")]
    Cancel {
        /// The change's number.
        #[arg(required = true, num_args = 1..=2, value_name = "NUMBER")]
        words: Vec<String>,
    },
    /// Closes an empty, reduce-only reserve for good, as the fee collector.
    #[command(override_usage = "ballast market close [OPTIONS] [MARKET] <RESERVE> <DESTINATION>")]
    Close {
        /// The reserve's index, mint or name, and the token account that gets what is left.
        #[arg(required = true, num_args = 2..=3, value_names = ["RESERVE", "DESTINATION"])]
        words: Vec<String>,
    },
}

/// Splits words into the market's name, if one is given, and the `last` words behind it.
fn split(words: &[String], count: usize) -> (Option<&str>, &[String]) {
    let (market, rest) = words.split_at(words.len().saturating_sub(count));
    (market.first().map(String::as_str), rest)
}

/// What the guardian can stop.
#[derive(Clone, Copy, ValueEnum)]
pub enum Pausable {
    /// Taking deposits back.
    Withdraw,
    /// New debts.
    Borrow,
    /// Loans within a transaction.
    FlashLoan,
    /// Taking stakes back.
    Unstake,
}

impl Pausable {
    /// By its name; anything else is a mistake.
    fn read(word: &str) -> Result<Self> {
        let names = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names = names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ");
        Self::from_str(word, true).map_err(|_| Misused(format!("`{word}` cannot be stopped, but {names}")).into())
    }

    const fn action(self) -> Action {
        match self {
            Self::Withdraw => Action::Withdraw,
            Self::Borrow => Action::Borrow,
            Self::FlashLoan => Action::BeginFlashLoan,
            Self::Unstake => Action::Unstake,
        }
    }
}

impl Command {
    /// Runs it, and returns whether nothing is left to do.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Show { which } => show(session, which.as_deref()),
            Self::Apply { file } => {
                let desired = read(session, file.as_deref())?;
                session.apply(&desired)
            }
            Self::Create { file } => {
                let desired = read(session, file.as_deref())?;
                let there = session.find_market(desired.address())?.is_some();
                ensure!(
                    !there,
                    "the market {} is there already: `market apply` brings it to its file",
                    desired.address()
                );
                session.apply(&desired)
            }
            Self::Pause { words } => {
                // If the first word is no action, it is the market.
                let count = words.len() - usize::from(Pausable::read(&words[0]).is_err() && words.len() > 1);
                let (market, words) = split(words, count);
                let actions =
                    words.iter().map(|word| Ok(Pausable::read(word)?.action())).collect::<Result<Vec<_>>>()?;
                let view = session.named(market)?.view;
                let guardian = from_engine(&view.market.config.roles.guardian);
                session.one(format!("pause {actions:?}"), guardian, vec![view.pause(&actions)])
            }
            Self::Resume { which } => {
                let view = session.named(which.as_deref())?.view;
                let signer = session.governor(&view);
                session.one("resume".into(), signer, vec![view.resume(signer)])
            }
            Self::Cancel { words } => {
                let (market, words) = split(words, 1);
                let number = words[0].parse();
                let number = number.map_err(|_| Misused(format!("`{}` is no change's number", words[0])))?;
                let address = session.market_name(market)?.address;
                cancel(session, address, number)
            }
            Self::Close { words } => {
                let (market, words) = split(words, 2);
                let destination = words[1].parse();
                let destination = destination.map_err(|_| Misused(format!("`{}` is no address", words[1])))?;
                let named = session.named(market)?;
                let index = named.find(&words[0])?;
                let close = named.view.close_reserve(destination, index).map_err(|error| anyhow!(error.message()))?;
                let collector = from_engine(&named.view.market.config.roles.fee_collector);
                session.one(format!("close reserve {} for good", named.name(index)), collector, vec![close])
            }
        }
    }
}

/// A market's file: the one given, or the one of --market or BALLAST_MARKET.
fn read(session: &Session, given: Option<&str>) -> Result<Desired> {
    let file = given.or(session.invocation.market.as_deref());
    let file = file.context("which file? Give the market's file, --market FILE, or set BALLAST_MARKET")?;
    let path = Path::new(file);
    ensure!(
        path.exists() || file.parse::<Address>().is_err(),
        "{file} is an address, which does not say what the market should be: give its file"
    );
    Desired::read(path).with_context(|| file.to_owned())
}

/// Cancels a change by its number.
pub fn cancel(session: &mut Session, market: Address, number: u64) -> Result<bool> {
    let view = session.market(market)?;
    let account = session.cluster.account(change_address(&market, number).0)?;
    let change = decode_change(&account.with_context(|| format!("there is no change {number}"))?.data)?;
    let signer = session.governor(&view);
    session.one(format!("cancel change {number}"), signer, vec![view.cancel_change(signer, &change)])
}

fn show(session: &mut Session, given: Option<&str>) -> Result<bool> {
    let (named, now) = (session.named(given)?, session.now()?);
    let (name, market) = (named.view.address.to_string(), &named.view.market);
    let (config, roles) = (&market.config, &market.config.roles);
    let state = match (config.launched, market.reduce_only) {
        (0, _) => "not launched",
        (_, 0) => "open",
        _ => "reduce-only after a loss",
    };
    let state = if market.pause.actions != 0 && now < market.pause.until {
        format!("{state}, paused for {}", duration(market.pause.until - now))
    } else {
        state.into()
    };
    let object = json!({
        "market": name,
        "state": state,
        "authority": address(&market.authority),
        "guardian": address(&roles.guardian),
        "riskCouncil": address(&roles.risk_council),
        "feeCollector": address(&roles.fee_collector),
        "delaySeconds": config.delay,
        "changesQueued": market.changes,
        "events": market.events,
        "now": now,
        "reserves": reserve::objects(&named, now),
        "pools": pool::objects(&named, now)?,
        "perps": perp::report::objects(&named, now)?,
    });
    let text = list(&[
        ("market", name),
        ("state", state),
        ("authority", address(&market.authority)),
        ("guardian", address(&roles.guardian)),
        ("risk council", address(&roles.risk_council)),
        ("fee collector", address(&roles.fee_collector)),
        ("delay of what adds risk", duration(config.delay.into())),
        ("smallest debt", format!("{} USD", usd(Usd(config.min_debt_value.into())))),
        ("time", format!("{} UTC", full_label(now))),
    ]);
    let mut parts = vec![format!("{text}\n{}", reserve::overview(&named, now))];
    if named.pools().next().is_some() {
        parts.extend([pool::overview(&named, now)?, perp::report::overview(&named, now)?]);
    }
    session.show(object, &parts.join("\n\n"))?;
    Ok(true)
}
