//! `ballast account`.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{Address, decode_margin_account, engine::state::account::MarginAccount, from_engine};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    format::{table, tokens, usd},
    names::Named,
    session::Session,
};
use movement::Movement;

mod delegate;
pub mod movement;
mod perps;
pub mod report;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Opens a margin account.
    Open {
        /// Which of the owner's accounts.
        #[arg(long, default_value_t = 0)]
        number: u16,
        /// The reserves of collateral and debt, for an isolated account.
        #[arg(long, num_args = 2, value_names = ["COLLATERAL", "DEBT"])]
        isolated: Option<Vec<String>>,
        /// The perp, for an account of one perp and a deposit of its quote token.
        #[arg(long, conflicts_with = "isolated")]
        perp: Option<String>,
    },
    /// All accounts of an owner.
    List {
        /// Whose; without, the key's own.
        #[arg(long)]
        owner: Option<Address>,
    },
    /// Positions, health, and how far the account is from its limits.
    Show(Which),
    /// Health alone. Exits with 0 even when the account is liquidatable.
    Health(Which),
    /// Lends tokens.
    Deposit(Movement),
    /// Takes a deposit back.
    Withdraw(Movement),
    /// Takes a debt.
    Borrow(Movement),
    /// Pays a debt back.
    Repay(Movement),
    /// Lets another key act for the account, or nobody any more.
    Delegate(delegate::Delegate),
    /// Closes an empty account; its rent goes to the owner.
    Close(Which),
}

/// An account.
#[derive(Args)]
pub struct Which {
    /// The account's address, or the number of one of the key's own.
    #[arg(default_value = "0")]
    account: AccountName,
}

/// An account by its address, or as one of the key's own.
#[derive(Clone, Copy, Debug)]
pub enum AccountName {
    /// Any account.
    Address(Address),
    /// The owner's account of a number.
    Number(u16),
}

impl core::str::FromStr for AccountName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.parse().map(Self::Number).ok();
        let name = number.or_else(|| text.parse().map(Self::Address).ok());
        name.with_context(|| format!("`{text}` is neither an account's address nor a number up to 65535"))
    }
}

impl core::fmt::Display for AccountName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl AccountName {
    /// The account's address.
    pub fn address(self, session: &Session, named: &Named) -> Result<Address> {
        Ok(match self {
            Self::Address(address) => address,
            Self::Number(number) => named.view.margin_account(&session.user()?, number),
        })
    }
}

/// A margin account of the market.
pub fn read(session: &mut Session, named: &Named, address: Address) -> Result<MarginAccount> {
    let found = session.cluster.account(address)?;
    let found =
        found.with_context(|| format!("there is no margin account {address}: `ballast account open` opens one"))?;
    ensure!(found.owner == ballast_client::ID, "{address} is no account of the program {}", ballast_client::ID);
    let account = decode_margin_account(&found.data).with_context(|| format!("margin account {address}"))?;
    ensure!(from_engine(&account.market) == named.view.address, "{address} is a margin account of another market");
    Ok(account)
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Open { number, isolated, perp } => {
                let named = session.named(None)?;
                open(session, &named, *number, isolated.as_deref(), perp.as_deref())
            }
            Self::List { owner } => {
                let named = session.named(None)?;
                list(session, &named, *owner)
            }
            Self::Show(which) => which.act(session, report::show),
            Self::Health(which) => which.act(session, report::health),
            Self::Close(which) => which.act(session, close),
            Self::Delegate(delegate) => delegate.run(session),
            Self::Deposit(movement) => movement.deposit(session),
            Self::Withdraw(movement) => movement.withdraw(session),
            Self::Borrow(movement) => movement.borrow(session),
            Self::Repay(movement) => movement.repay(session),
        }
    }
}

impl Which {
    fn act(
        &self,
        session: &mut Session,
        act: impl FnOnce(&mut Session, &Named, Address, &MarginAccount) -> Result<bool>,
    ) -> Result<bool> {
        let named = session.named(None)?;
        let address = self.account.address(session, &named)?;
        let account = read(session, &named, address)?;
        act(session, &named, address, &account)
    }
}

fn open(
    session: &mut Session,
    named: &Named,
    number: u16,
    isolated: Option<&[String]>,
    perp: Option<&str>,
) -> Result<bool> {
    let owner = session.user()?;
    let (view, payer) = (&named.view, session.keys.payer().unwrap_or(owner));
    let (open, kind) = match (isolated, perp) {
        (_, Some(perp)) => {
            let perp = named.find_perp(perp)?;
            let open = view.open_perp_account(owner, payer, number, perp);
            let kind = format!("account {number} of {} alone", named.name(perp));
            (open.map_err(|error| anyhow!(error.message()))?, kind)
        }
        (Some([collateral, debt]), _) => {
            let (collateral, debt) = (named.find(collateral)?, named.find(debt)?);
            let open = view.open_isolated_account(owner, payer, number, collateral, debt);
            let kind = format!("isolated account {number}: {} for {}", named.name(collateral), named.name(debt));
            (open.map_err(|error| anyhow!(error.message()))?, kind)
        }
        _ => (view.open_account(owner, payer, number), format!("account {number}")),
    };
    session.one(format!("open {kind} at {}", view.margin_account(&owner, number)), owner, vec![open])
}

fn close(session: &mut Session, named: &Named, address: Address, account: &MarginAccount) -> Result<bool> {
    ensure!(
        account.position_count == 0,
        "{address} has {} positions: withdraw and repay all first",
        account.position_count
    );
    ensure!(!account.has_extras(), "{address} has perps or shares of a pool: close and withdraw all first");
    let owner = from_engine(&account.owner);
    session.one(format!("close {address}"), owner, vec![named.view.close_account(owner, address, owner)])
}

fn list(session: &mut Session, named: &Named, owner: Option<Address>) -> Result<bool> {
    let owner = owner.map_or_else(|| session.user(), Ok)?;
    let now = session.now()?;
    let mut found = Vec::new();
    for (address, account) in session.cluster.margin_accounts(named.view.address, Some(owner))? {
        let account = decode_margin_account(&account.data).with_context(|| format!("margin account {address}"))?;
        let report = named.view.health_report(&account, now);
        found.push((address, account, report.map_err(|error| anyhow!(error.message()))?));
    }
    found.sort_by_key(|(_, account, _)| account.id);
    let objects: Vec<_> =
        found.iter().map(|(address, account, report)| report::object(named, *address, account, report)).collect();
    let row = |(address, account, report): &(Address, MarginAccount, _)| {
        let extras = account.perps().count() + usize::from(account.stake().is_some());
        let count = usize::from(account.position_count) + extras;
        let start = [account.id.to_string(), address.to_string(), report::kind(account).into(), count.to_string()];
        start.into_iter().chain(report::worth(report)).collect()
    };
    let header = ["#", "account", "kind", "positions", "assets USD", "debts USD", "ratio"];
    session.show(json!({ "accounts": objects }), &table(&header, found.iter().map(row).collect()))?;
    Ok(true)
}
