//! Commands that read from a cluster or send to it.

mod account;
mod apply;
mod breaker;
mod change;
pub mod connection;
pub(crate) mod format;
mod insurance;
pub mod keys;
mod liquidate;
pub mod market;
pub mod names;
pub mod perp;
pub mod pool;
pub(crate) mod prices;
mod reserve;
pub mod session;
mod tokens;
pub mod vault;
mod watch;

use anyhow::Result;
use clap::{Args, Subcommand};

pub use connection::Connection;
use session::Session;

/// What the exit codes mean.
pub mod exit {
    use core::fmt::{Display, Formatter, Result};

    use ballast_client::{ProgramError, engine::Error, error_name};
    use ballast_rpc::SendError;
    use serde_json::{Value, json};

    /// Anything not named below.
    pub const FAILED: u8 = 1;
    /// The command cannot be meant so.
    pub const MISUSED: u8 = 2;
    /// A market is not as its file says, or a step must wait or is somebody else's to sign.
    pub const LEFT_TO_DO: u8 = 3;
    /// A program refused: nothing was changed, and sending the same again will not help.
    pub const REFUSED: u8 = 4;
    /// A transaction may or may not have landed: look before sending it again.
    pub const UNKNOWN: u8 = 5;

    /// For the end of `--help`.
    pub const HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something is left to do, 4 a program refused, \
                            5 a transaction may have landed and must be looked up.";

    /// Options or words that do not go together, and what would.
    #[derive(Debug)]
    pub struct Misused(pub String);

    impl Display for Misused {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.write_str(&self.0)
        }
    }

    impl std::error::Error for Misused {}

    /// What to do about an error: the context of one, told behind it.
    #[derive(Debug)]
    pub struct Hint(pub String);

    impl Display for Hint {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.write_str(&self.0)
        }
    }

    /// With what the reader should know beside it, where a rule of Ballast refused.
    pub fn hinted(error: anyhow::Error, hints: impl FnOnce(Error) -> Vec<String>) -> anyhow::Error {
        let failure = error.downcast_ref::<SendError>().and_then(|error| error.failure()?.program_error());
        let Some(ProgramError::Engine(refusal)) = failure else { return error };
        match hints(refusal) {
            hints if hints.is_empty() => error,
            hints => error.context(Hint(hints.join(". "))),
        }
    }

    /// Whether something is refused because of the age of a price.
    pub fn is_about_age(refusal: Error) -> bool {
        matches!(refusal, Error::PriceStale | Error::PricesSkewed)
    }

    /// An error in words, with what to do about it at the end.
    pub fn words(error: &anyhow::Error) -> String {
        let hint = error.downcast_ref::<Hint>();
        let causes = error.chain().skip(usize::from(hint.is_some())).map(ToString::to_string);
        let words = causes.collect::<Vec<_>>().join(": ");
        hint.map_or(words.clone(), |hint| format!("{words}. {hint}"))
    }

    /// The code of an error.
    pub fn of(error: &anyhow::Error) -> u8 {
        if error.is::<Misused>() {
            return MISUSED;
        }
        match error.downcast_ref::<SendError>() {
            Some(SendError::Refused(_) | SendError::Failed { .. }) => REFUSED,
            Some(SendError::Unknown(_)) => UNKNOWN,
            _ => FAILED,
        }
    }

    /// Name and code of the error that Ballast itself failed with, for programs.
    pub fn program_error(error: &anyhow::Error) -> Option<Value> {
        let code = error.downcast_ref::<SendError>()?.failure()?.code()?;
        Some(json!({ "code": code, "name": error_name(code) }))
    }
}

/// A group of commands, with the options of their connection.
#[derive(Args)]
pub struct Group<C: Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    connection: Connection,
}

/// A single command, with the options of its connection.
#[derive(Args)]
pub struct Single<A: Args> {
    #[command(flatten)]
    arguments: A,
    #[command(flatten)]
    connection: Connection,
}

/// All commands that reach a cluster.
#[derive(Subcommand)]
pub enum Command {
    /// Sets a market up, shows it and looks after it.
    Market(Group<market::Command>),
    /// Shows reserves: what they hold, their parameters, their rates.
    Reserve(Group<reserve::Command>),
    /// Opens a margin account, shows it, and moves its deposits and debts.
    Account(Group<account::Command>),
    /// Liquidates a margin account with tokens of one's own.
    Liquidate(Single<liquidate::Options>),
    /// Takes over prices.
    Prices(Group<prices::Command>),
    /// Shows perps, trades them, and does what anyone may do about them.
    Perp(Group<perp::Command>),
    /// Shows the pools behind perps, and moves deposits into them and out.
    Pool(Group<pool::Command>),
    /// Makes a vault, shows it, lends through it, and looks after it.
    Vault(Group<vault::Command>),
    /// Changes parameters that wait for their delay.
    Change(Group<change::Command>),
    /// Shows what is restricted, and until when.
    Breaker(Group<breaker::Command>),
    /// Stakes in a reserve's insurance.
    Insurance(Group<insurance::Command>),
    /// Shows a market, or one account of it, again and again.
    Watch(Single<watch::Options>),
}

impl Command {
    /// The options of its connection.
    pub fn connection(&self) -> &Connection {
        match self {
            Self::Market(it) => &it.connection,
            Self::Reserve(it) => &it.connection,
            Self::Account(it) => &it.connection,
            Self::Liquidate(it) => &it.connection,
            Self::Prices(it) => &it.connection,
            Self::Perp(it) => &it.connection,
            Self::Pool(it) => &it.connection,
            Self::Vault(it) => &it.connection,
            Self::Change(it) => &it.connection,
            Self::Breaker(it) => &it.connection,
            Self::Insurance(it) => &it.connection,
            Self::Watch(it) => &it.connection,
        }
    }

    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Market(it) => it.command.run(session),
            Self::Reserve(it) => it.command.run(session),
            Self::Account(it) => it.command.run(session),
            Self::Liquidate(it) => it.arguments.run(session),
            Self::Prices(it) => it.command.run(session),
            Self::Perp(it) => it.command.run(session),
            Self::Pool(it) => it.command.run(session),
            Self::Vault(it) => it.command.run(session),
            Self::Change(it) => it.command.run(session),
            Self::Breaker(it) => it.command.run(session),
            Self::Insurance(it) => it.command.run(session),
            Self::Watch(it) => it.arguments.run(session),
        }
    }
}
