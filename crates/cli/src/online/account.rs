//! `ballast account`.

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{
    Address, Instruction, decode_margin_account,
    engine::{
        actions::EVERYTHING,
        margin::{MarginAccount, Mode},
    },
    from_engine,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    format::{Amount, Tokens, table, tokens, usd},
    names::{InMarket, Named},
    prices::refresh,
    session::Session,
    tokens::Wallet,
};

pub mod report;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Opens a margin account.
    Open {
        #[command(flatten)]
        market: InMarket,
        /// Which of the owner's accounts.
        #[arg(long, default_value_t = 0)]
        number: u16,
        /// The reserves of collateral and debt, for an isolated account.
        #[arg(long, num_args = 2, value_names = ["COLLATERAL", "DEBT"])]
        isolated: Option<Vec<String>>,
    },
    /// All accounts of an owner.
    List {
        #[command(flatten)]
        market: InMarket,
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
    /// Closes an empty account; its rent goes to the owner.
    Close(Which),
}

/// An account.
#[derive(Args)]
pub struct Which {
    #[command(flatten)]
    market: InMarket,
    /// The account's address, or the number of one of the key's own.
    #[arg(default_value = "0")]
    account: AccountName,
}

/// Tokens in or out.
#[derive(Args)]
pub struct Movement {
    #[command(flatten)]
    market: InMarket,
    /// The reserve: its index, its mint, or its name in the market's file.
    reserve: String,
    /// How much: 2.5, 250atoms or all.
    amount: Tokens,
    /// The account's address, or the number of one of the key's own.
    #[arg(long, default_value = "0")]
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
            Self::Open { market, number, isolated } => {
                let named = market.read(session)?;
                open(session, &named, *number, isolated.as_deref())
            }
            Self::List { market, owner } => {
                let named = market.read(session)?;
                list(session, &named, *owner)
            }
            Self::Show(which) => which.act(session, report::show),
            Self::Health(which) => which.act(session, report::health),
            Self::Close(which) => which.act(session, close),
            Self::Deposit(movement) => movement.act(session, Movement::deposit),
            Self::Withdraw(movement) => movement.act(session, Movement::withdraw),
            Self::Borrow(movement) => movement.act(session, Movement::borrow),
            Self::Repay(movement) => movement.act(session, Movement::repay),
        }
    }
}

impl Which {
    fn act(
        &self,
        session: &mut Session,
        act: impl FnOnce(&mut Session, &Named, Address, &MarginAccount) -> Result<bool>,
    ) -> Result<bool> {
        let named = self.market.read(session)?;
        let address = self.account.address(session, &named)?;
        let account = read(session, &named, address)?;
        act(session, &named, address, &account)
    }
}

fn open(session: &mut Session, named: &Named, number: u16, isolated: Option<&[String]>) -> Result<bool> {
    let owner = session.user()?;
    let (view, payer) = (&named.view, session.keys.payer().unwrap_or(owner));
    let (open, kind) = match isolated {
        Some([collateral, debt]) => {
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
        let kind = if account.mode == Mode::Isolated as u8 { "isolated" } else { "cross" };
        let start = [account.id.to_string(), address.to_string(), kind.into(), account.position_count.to_string()];
        start.into_iter().chain(report::worth(report)).collect()
    };
    let header = ["#", "account", "kind", "positions", "assets USD", "debts USD", "ratio"];
    session.show(json!({ "accounts": objects }), &table(&header, found.iter().map(row).collect()))?;
    Ok(true)
}

/// What a movement of tokens needs to know.
struct Scene<'a> {
    named: &'a Named,
    reserve: u8,
    address: Address,
    account: MarginAccount,
    user: Address,
    payer: Address,
    wallet: Wallet,
}

impl Movement {
    /// Finds everything out, and sends what the action makes of it.
    fn act(
        &self,
        session: &mut Session,
        build: impl FnOnce(&Self, &mut Session, &Scene) -> Result<(String, Vec<Instruction>)>,
    ) -> Result<bool> {
        let named = self.market.read(session)?;
        let index = named.find(&self.reserve)?;
        let address = self.account.address(session, &named)?;
        let account = read(session, &named, address)?;
        let user = session.user()?;
        let wallet = Wallet::read(session, user, named.reserve(index)?)?;
        let payer = session.keys.payer().unwrap_or(user);
        let context = Scene { named: &named, reserve: index, address, account, user, payer, wallet };
        let (words, instructions) = build(self, session, &context)?;
        session.one(words, user, instructions)
    }

    fn words(&self, verb: &str, context: &Scene, amount: Amount) -> Result<String> {
        let name = context.named.name(context.reserve);
        let decimals = context.named.reserve(context.reserve)?.decimals;
        Ok(match amount {
            Amount::All => format!("{verb} all {name}"),
            Amount::Atoms(atoms) => format!("{verb} {} {name}", tokens(atoms, decimals)),
        })
    }

    fn amount(&self, context: &Scene) -> Result<Amount> {
        self.amount.atoms(context.named.reserve(context.reserve)?.decimals)
    }

    fn deposit(&self, _: &mut Session, context: &Scene) -> Result<(String, Vec<Instruction>)> {
        let atoms = context.wallet.to_pay(self.amount(context)?)?;
        let mut instructions = context.wallet.before_paying(context.payer, atoms)?;
        let view = &context.named.view;
        let deposit = view.deposit(context.user, context.address, context.wallet.address, context.reserve, atoms);
        instructions.push(listed(deposit)?);
        Ok((self.words("deposit", context, Amount::Atoms(atoms))?, instructions))
    }

    fn repay(&self, session: &mut Session, context: &Scene) -> Result<(String, Vec<Instruction>)> {
        let amount = self.amount(context)?;
        let position = context.account.positions().iter().find(|it| it.reserve == context.reserve && it.is_debt());
        let Some(position) = position else { bail!("the account owes no {}", context.named.name(context.reserve)) };
        let (atoms, paid) = match amount {
            Amount::Atoms(atoms) => (atoms, atoms),
            // What is wrapped must last for the interest until it lands: a thousandth more, which stays wrapped.
            Amount::All => {
                let owed = context.named.view.amount(position, session.now()?);
                let owed = owed.map_err(|error| anyhow!(error.message()))?;
                (EVERYTHING, owed.saturating_add(owed / 1_000 + 1))
            }
        };
        let mut instructions = context.wallet.before_paying(context.payer, paid)?;
        let view = &context.named.view;
        let repay = view.repay(context.user, context.address, context.wallet.address, context.reserve, atoms);
        instructions.push(listed(repay)?);
        Ok((self.words("repay", context, amount)?, instructions))
    }

    fn withdraw(&self, _: &mut Session, context: &Scene) -> Result<(String, Vec<Instruction>)> {
        let amount = self.amount(context)?;
        let atoms = if let Amount::Atoms(atoms) = amount { atoms } else { EVERYTHING };
        let (before, behind) = context.wallet.around_receiving(context.payer)?;
        let view = &context.named.view;
        let withdraw = view.withdraw(context.user, context.address, context.wallet.address, context.reserve, atoms);
        let fresh = if context.account.has_debt() { context.refreshed()? } else { Vec::new() };
        Ok((self.words("withdraw", context, amount)?, [before, fresh, vec![listed(withdraw)?], behind].concat()))
    }

    fn borrow(&self, session: &mut Session, context: &Scene) -> Result<(String, Vec<Instruction>)> {
        let amount = match self.amount(context)? {
            Amount::Atoms(atoms) => atoms,
            Amount::All => {
                let most = context.named.view.max_borrow(&context.account, context.reserve, session.now()?);
                most.map_err(|error| anyhow!(error.message()))?.atoms
            }
        };
        ensure!(amount > 0, "the account can borrow no {} now", context.named.name(context.reserve));
        let (before, behind) = context.wallet.around_receiving(context.payer)?;
        let view = &context.named.view;
        let borrow = view.borrow(context.user, context.address, context.wallet.address, context.reserve, amount);
        let words = self.words("borrow", context, Amount::Atoms(amount))?;
        Ok((words, [before, context.refreshed()?, vec![listed(borrow)?], behind].concat()))
    }
}

impl Scene<'_> {
    /// Prices of all that the account holds and of the reserve at hand, where their accounts are pinned.
    fn refreshed(&self) -> Result<Vec<Instruction>> {
        let held = self.account.positions().iter().map(|position| position.reserve);
        refresh(&self.named.view, held.chain([self.reserve]))
    }
}

fn listed(instruction: ballast_client::engine::Result<Instruction>) -> Result<Instruction> {
    instruction.map_err(|error| anyhow!(error.message()))
}
