//! `ballast market`.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, change_address, decode_change,
    engine::{gate::Action, layout},
    from_engine,
};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{
    format::{list, usd},
    names::{MarketName, Named},
    reserve,
    session::Session,
};
use crate::{
    demo::time::full_label,
    setup::{file::Desired, value::duration},
};
use ballast_client::engine::units::Usd;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Shows a market and its reserves.
    Show {
        /// The market: its address or its file.
        market: MarketName,
    },
    /// Creates a market from a file, and refuses if it is there already. Exits with 3 when something is left to do.
    Create {
        /// The market's file; migrations/market.toml is one.
        file: PathBuf,
    },
    /// Brings a market to what a file says. Exits with 0 when nothing is left to do, with 3 when something is.
    Apply {
        /// The market's file.
        file: PathBuf,
    },
    /// Stops actions for six hours, as the guardian.
    Pause {
        /// The market.
        market: MarketName,
        /// What to stop.
        #[arg(required = true)]
        actions: Vec<Pausable>,
    },
    /// Lifts a pause, as the guardian or the authority; as the authority also the restriction to reducing after a loss.
    Resume {
        /// The market.
        market: MarketName,
    },
    /// Cancels a queued change, as the authority or the guardian; once it has expired, as anyone.
    Cancel {
        /// The market.
        market: MarketName,
        /// The change's number.
        number: u64,
    },
    /// Closes an empty, reduce-only reserve for good, as the fee collector.
    Close {
        /// The market.
        market: MarketName,
        /// The reserve's index, mint or name.
        reserve: String,
        /// The token account that gets what is left.
        destination: Address,
    },
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
        match *self {
            Self::Show { ref market } => show(session, market),
            Self::Apply { ref file } => session.apply(&read(file)?),
            Self::Create { ref file } => {
                let desired = read(file)?;
                let there = session.find_market(desired.address())?.is_some();
                ensure!(
                    !there,
                    "the market {} is there already: `market apply` brings it to its file",
                    desired.address()
                );
                session.apply(&desired)
            }
            Self::Pause { ref market, ref actions } => {
                let view = session.market(market.address)?;
                let actions: Vec<_> = actions.iter().map(|action| action.action()).collect();
                let guardian = from_engine(&view.market.config.roles.guardian);
                session.one(format!("pause {actions:?}"), guardian, vec![view.pause(&actions)])
            }
            Self::Resume { ref market } => {
                let view = session.market(market.address)?;
                let signer = session.governor(&view);
                session.one("resume".into(), signer, vec![view.resume(signer)])
            }
            Self::Cancel { ref market, number } => cancel(session, market.address, number),
            Self::Close { ref market, ref reserve, destination } => {
                let named = Named::read(session, market)?;
                let index = named.find(reserve)?;
                let close = named.view.close_reserve(destination, index).map_err(|error| anyhow!(error.message()))?;
                let collector = from_engine(&named.view.market.config.roles.fee_collector);
                session.one(format!("close reserve {} for good", named.name(index)), collector, vec![close])
            }
        }
    }
}

fn read(file: &PathBuf) -> Result<Desired> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Desired::parse(&text).with_context(|| file.display().to_string())
}

/// Cancels a change by its number.
pub fn cancel(session: &mut Session, market: Address, number: u64) -> Result<bool> {
    let view = session.market(market)?;
    let account = session.cluster.account(change_address(&market, number).0)?;
    let change = decode_change(&account.with_context(|| format!("there is no change {number}"))?.data)?;
    let signer = session.governor(&view);
    session.one(format!("cancel change {number}"), signer, vec![view.cancel_change(signer, &change)])
}

fn show(session: &mut Session, name: &MarketName) -> Result<bool> {
    let (named, now) = (Named::read(session, name)?, session.now()?);
    let market = &named.view.market;
    let (config, roles) = (&market.config, &market.config.roles);
    let address = |of: &layout::Address| if of.is_none() { "none".into() } else { from_engine(of).to_string() };
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
        "market": name.address.to_string(),
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
    });
    let text = list(&[
        ("market", name.address.to_string()),
        ("state", state),
        ("authority", address(&market.authority)),
        ("guardian", address(&roles.guardian)),
        ("risk council", address(&roles.risk_council)),
        ("fee collector", address(&roles.fee_collector)),
        ("delay of what adds risk", duration(config.delay.into())),
        ("smallest debt", format!("{} USD", usd(Usd(config.min_debt_value.into())))),
        ("time", format!("{} UTC", full_label(now))),
    ]);
    session.show(object, &format!("{text}\n{}", reserve::overview(&named, now)))?;
    Ok(true)
}
