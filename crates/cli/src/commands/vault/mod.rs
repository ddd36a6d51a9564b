//! `ballast vault`.

mod create;
mod exchange;
pub mod name;
mod policy;
mod pool;
mod queue;
mod rebalance;
mod report;
mod terms;

use anyhow::Result;
use ballast_client::{Address, TOKEN_PROGRAM, from_engine};
use clap::Subcommand;

use super::{session::Session, tokens::Wallet};
use name::NamedVault;

/// What to do. The vault is that of --vault or BALLAST_VAULT.
#[derive(Subcommand)]
pub enum Command {
    /// Makes the vault of a file: creates it, opens its allocations, accepts as its curator, launches it if the file says so. Goes on
    /// where it stopped, and exits with 3 when somebody else must sign the next step.
    Create {
        /// The vault's file; migrations/vault.toml is one.
        file: Option<String>,
    },
    /// Everything about a vault: value, figures, allocations, queue, ladder, policy, the next move.
    Show {
        /// The vault: its address or its file.
        #[arg(value_name = "VAULT")]
        which: Option<String>,
    },
    /// All vaults of the program; with --market those that may lend to that market.
    List {
        /// Only those of a token: its mint, or its name.
        #[arg(long)]
        token: Option<String>,
    },
    /// Brings tokens for shares.
    Deposit(exchange::Deposit),
    /// Takes an exact amount out for shares; `all` is `redeem all`.
    Withdraw(exchange::Withdraw),
    /// Gives exact shares for tokens.
    Redeem(exchange::Redeem),
    /// Who waits for liquidity.
    #[command(subcommand)]
    Queue(queue::Command),
    /// Takes what the queue paid.
    Claim,
    /// Shares locked for a term.
    #[command(subcommand)]
    Term(terms::Command),
    /// Makes the move that is due, as anyone; a reward is paid in shares.
    Rebalance,
    /// Moves tokens into the pools of perps that are allocations, and out.
    #[command(subcommand)]
    Pool(pool::Command),
    /// Changes parameters at once, as curator or sentinel, if that adds no risk. docs/parameters.md lists them all.
    Set {
        /// `name=value`: `idle_buffer=10 %`, `allocations.0.stopped=true`, `deposit_cap=1_000 tokens`.
        #[arg(required = true, value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Has the shares made that fees came to, as the fee collector.
    Collect,
    /// Becomes the curator, as the nominee.
    Accept,
}

impl Command {
    /// Runs it, and returns whether nothing is left to do.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Create { file } => create::create(session, file.as_deref()),
            Self::Show { which } => report::show(session, which.as_deref()),
            Self::List { token } => report::list(session, token.as_deref()),
            Self::Deposit(deposit) => deposit.run(session),
            Self::Withdraw(withdraw) => withdraw.run(session),
            Self::Redeem(redeem) => redeem.run(session),
            Self::Queue(command) => command.run(session),
            Self::Claim => queue::claim(session),
            Self::Term(command) => command.run(session),
            Self::Rebalance => rebalance::run(session),
            Self::Pool(command) => command.run(session),
            Self::Set { values } => policy::set(session, values),
            Self::Collect => policy::collect(session),
            Self::Accept => policy::accept(session),
        }
    }
}

/// A vault and a user of it.
struct Scene {
    named: NamedVault,
    /// Unix seconds.
    now: i64,
    user: Address,
    payer: Address,
    /// The user's tokens.
    wallet: Wallet,
    /// The user's shares.
    shares: Wallet,
}

impl Scene {
    fn read(session: &mut Session) -> Result<Self> {
        let (named, user) = (session.vault(None)?, session.user()?);
        let vault = &named.view.vault;
        let [mint, program] = [vault.mint, vault.token_program].map(|address| from_engine(&address));
        let wallet = Wallet::of(session, user, mint, program)?;
        let shares = Wallet::of(session, user, named.view.share_mint(), TOKEN_PROGRAM)?;
        let payer = session.keys.payer().unwrap_or(user);
        Ok(Self { named, now: session.now()?, user, payer, wallet, shares })
    }
}
