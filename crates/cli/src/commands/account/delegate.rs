//! `ballast account delegate`: another key that acts for an account, within rights and until a time.

use anyhow::{Result, anyhow, ensure};
use ballast_client::{
    Address,
    engine::state::account::{MarginAccount, rights},
    from_engine,
};
use ballast_time::full_label;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{AccountName, read};
use crate::commands::session::Session;

/// What a delegate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Right {
    /// Withdraw deposits.
    Withdraw,
    /// Borrow.
    Borrow,
    /// Trade perps, and move deposits into a pool and out of it.
    Trade,
    /// Pay out to anyone's token account, not the owner's alone.
    AnyDestination,
}

impl Right {
    const ALL: [Self; 4] = [Self::Withdraw, Self::Borrow, Self::Trade, Self::AnyDestination];

    const fn bit(self) -> u8 {
        match self {
            Self::Withdraw => rights::WITHDRAW,
            Self::Borrow => rights::BORROW,
            Self::Trade => rights::TRADE,
            Self::AnyDestination => rights::ANY_DESTINATION,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Withdraw => "withdraw",
            Self::Borrow => "borrow",
            Self::Trade => "trade",
            Self::AnyDestination => "any-destination",
        }
    }
}

/// Who.
#[derive(Args)]
pub struct Delegate {
    /// The delegate's address, in place of the one before; `none`: there is none any more.
    #[arg(value_name = "ADDRESS")]
    who: Who,
    /// What it may do.
    #[arg(long, value_delimiter = ',', value_name = "RIGHTS")]
    may: Vec<Right>,
    /// Until when: a date, a time or unix seconds.
    #[arg(long, value_name = "TIME", value_parser = ballast_time::parse)]
    until: Option<i64>,
    /// The account's address, or the number of one of the key's own.
    #[arg(long, default_value = "0")]
    account: AccountName,
}

/// A delegate, or that there is to be none.
#[derive(Clone, Copy, Debug)]
struct Who(Option<Address>);

impl core::str::FromStr for Who {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|address| Self(Some(address)))
                .map_err(|_| anyhow!("`{text}` is no address, and not `none`")),
        }
    }
}

impl Delegate {
    /// Names it, or removes the one there is.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let address = self.account.address(session, &named)?;
        let account = read(session, &named, address)?;
        let owner = from_engine(&account.owner);
        let Some(delegate) = self.who.0 else {
            ensure!(self.may.is_empty() && self.until.is_none(), "`none` has no rights and no end");
            ensure!(!account.delegate.is_none(), "{address} has no delegate");
            let remove = named.view.remove_delegate(owner, address);
            let gone = from_engine(&account.delegate);
            return session.one(format!("remove {gone} as the delegate of {address}"), owner, vec![remove]);
        };
        ensure!(!self.may.is_empty(), "--may: which rights? withdraw, borrow, trade, any-destination");
        let until = self.until.ok_or_else(|| anyhow!("--until: until when? 2027-01-31, or a time"))?;
        let bits = self.may.iter().fold(0, |bits, right| bits | right.bit());
        let set = named.view.set_delegate(owner, address, delegate, bits, until);
        let words = format!("let {delegate} {} for {address} until {}", words(bits), full_label(until));
        session.one(words, owner, vec![set])
    }
}

/// Rights in words.
fn words(bits: u8) -> String {
    let held = Right::ALL.iter().filter(|right| bits & right.bit() != 0);
    held.map(|right| right.word()).collect::<Vec<_>>().join(", ")
}

/// An account's delegate for people; none if it has none.
pub fn shown(account: &MarginAccount, now: i64) -> Option<String> {
    if account.delegate.is_none() {
        return None;
    }
    let (until, delegate) = (account.delegate_until, from_engine(&account.delegate));
    let end = if now < until { format!("until {}", full_label(until)) } else { "until it ended".into() };
    Some(format!("{delegate}: {}, {end}", words(account.delegate_rights)))
}

/// The same for programs.
pub fn object(account: &MarginAccount) -> Value {
    if account.delegate.is_none() {
        return Value::Null;
    }
    let held = Right::ALL.iter().filter(|right| account.delegate_rights & right.bit() != 0);
    json!({
        "address": from_engine(&account.delegate).to_string(),
        "may": held.map(|right| right.word()).collect::<Vec<_>>(),
        "until": account.delegate_until,
    })
}
