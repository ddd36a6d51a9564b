//! What anyone may do about perps, and the end of one. What each would do the engine says before it is sent.

use anyhow::{Result, ensure};
use ballast_client::{
    Address, Instruction, MarketView,
    engine::{self, Error, ledger::Ledger, perps::bill::Receipt, state::account::MarginAccount},
    from_engine,
};
use clap::Args;

use super::{Scene, deposit_of, refused_with, units::Contract};
use crate::commands::{
    account::{self, AccountName},
    exit::{Misused, is_about_age},
    format::{Amount, Tokens, tokens},
    prices::Fresh,
    session::Session,
};

/// Whose positions are settled.
#[derive(Args)]
pub struct Settle {
    /// The perp; without, all of the account's.
    perp: Option<String>,
    /// The account's address, or the number of one of the key's own.
    #[arg(long, default_value = "0")]
    account: AccountName,
}

/// Whom to liquidate.
#[derive(Args)]
pub struct Liquidate {
    /// The margin account.
    account: Address,
    /// The perp; without, the one that the account holds.
    #[arg(long)]
    perp: Option<String>,
    /// One's own margin account, which gets the reward: its address, or the number of one of the key's own.
    #[arg(long, default_value = "0", value_name = "ACCOUNT")]
    to: AccountName,
}

/// Whose loss to pay.
#[derive(Args)]
pub struct Cover {
    /// The margin account.
    account: Address,
    /// The reserve of which to take deposits: its index, its mint, or its name in the market's file.
    collateral: String,
    /// The perp; without, the one that the account holds.
    #[arg(long)]
    perp: Option<String>,
    /// The most to pay: 2.5, 250atoms; without, all that is allowed and the own account holds.
    #[arg(long)]
    max: Option<Tokens>,
    /// One's own margin account, which pays and gets the deposits: its address, or the number of one of the key's own.
    #[arg(long, default_value = "0", value_name = "ACCOUNT")]
    from: AccountName,
}

/// Whose debt to write off.
#[derive(Args)]
pub struct WriteOff {
    /// The margin account.
    account: Address,
    /// The perp; without, the one that the account holds.
    #[arg(long)]
    perp: Option<String>,
}

/// A perp.
#[derive(Args)]
pub struct OfPerp {
    /// Its name in the market's file, its index, or the token that it alone follows.
    perp: String,
}

/// Plays an action on copies, and keeps them if it passes.
fn played<T>(
    view: &mut MarketView,
    accounts: &mut [&mut MarginAccount],
    now: i64,
    act: impl FnOnce(&mut Ledger<'_>, &mut [MarginAccount]) -> engine::Result<T>,
) -> engine::Result<T> {
    let (mut copy, mut held): (_, Vec<_>) = (view.clone(), accounts.iter().map(|account| **account).collect());
    let done = act(&mut copy.ledger(now), &mut held)?;
    *view = copy;
    accounts.iter_mut().zip(held).for_each(|(account, after)| **account = after);
    Ok(done)
}

impl Settle {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let scene = Scene::read(session, &named, self.account, &[])?;
        let wanted = self.perp.as_deref().map(|name| named.find_perp(name)).transpose()?;
        let held = scene.account.perps().map(|position| position.perp);
        let held: Vec<_> = held.filter(|index| wanted.is_none_or(|wanted| wanted == *index)).collect();
        ensure!(!held.is_empty(), "{} has no position there", scene.address);
        let (mut view, mut account, now) = (scene.fresh.named.view.clone(), scene.account, scene.fresh.now);
        let (mut words, mut instructions, mut refused): (Vec<String>, Vec<Instruction>, _) = (vec![], vec![], None);
        for index in held {
            let contract = Contract::of(&named, index)?;
            let settled =
                played(&mut view, &mut [&mut account], now, |ledger, held| ledger.settle_perp(&mut held[0], index));
            match settled {
                Ok(Receipt { paid_in, paid_out, .. }) => {
                    let what = match paid_out {
                        0 => format!("{} to the pool", contract.amount(paid_in)),
                        _ => format!("{} to the account", contract.amount(paid_out)),
                    };
                    words.push(format!("settle {} of {}: {what}", contract.name, scene.address));
                    instructions
                        .push(view.settle_perp(scene.address, index).map_err(|error| refused_with(error, vec![]))?);
                }
                Err(error) => refused = Some(error),
            }
        }
        if let (Some(error), true) = (refused, words.is_empty()) {
            return Err(refused_with(error, vec![]));
        }
        scene.send(session, words.join("; "), instructions, |_| Vec::new())
    }
}

impl Liquidate {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let scene = Scene::read(session, &named, AccountName::Address(self.account), &[])?;
        let contract = scene.perp(self.perp.as_deref())?;
        let own = self.to.address(session, &named)?;
        let mut liquidator = account::read(session, &named, own)?;
        ensure!(own != scene.address, Misused("an account does not liquidate itself: --to names another".into()));
        let (mut view, mut account, now) = (scene.fresh.named.view.clone(), scene.account, scene.fresh.now);
        let done = played(&mut view, &mut [&mut account, &mut liquidator], now, |ledger, held| {
            let [account, liquidator] = held else { return Err(Error::PositionNotFound) };
            ledger.liquidate_perp(account, contract.index, liquidator)
        });
        let done = done.map_err(|error| refused_with(error, scene.age_hints(session, &contract, error)))?;
        let index = scene.fresh.named.reserve(contract.quote)?.deposit_index_at(now);
        let side = view.perp(contract.index).map_err(|error| refused_with(error, vec![]))?.sides;
        let lots = scene.account.perp(contract.index).map_or(0, |held| side[held.side_index()].lots(done.closed));
        let words = format!(
            "liquidate {}: close {} of {} at {} {}, for {}",
            self.account,
            contract.lots(lots),
            contract.name,
            contract.price(done.price),
            contract.quote_name,
            contract.amount(index.amount_floor(done.receipt.reward)),
        );
        let instruction = scene.fresh.named.view.liquidate_perp(scene.user, own, scene.address, contract.index);
        let instruction = instruction.map_err(|error| refused_with(error, vec![]))?;
        scene.send(session, words, vec![instruction], |_| Vec::new())
    }
}

impl Cover {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let collateral = named.find(&self.collateral)?;
        let own = self.from.address(session, &named)?;
        let mut payer = account::read(session, &named, own)?;
        ensure!(own != self.account, Misused("an account does not pay for itself: --from names another".into()));
        let more: Vec<_> = named.view.priced_reserves(&payer).into_iter().chain([collateral]).collect();
        let scene = Scene::read(session, &named, AccountName::Address(self.account), &more)?;
        let contract = scene.perp(self.perp.as_deref())?;
        let most = match self.max.as_ref().map(|max| max.atoms(contract.quote_decimals())).transpose()? {
            Some(Amount::Atoms(atoms)) => atoms,
            _ => {
                let owned = deposit_of(&scene.fresh, &payer, contract.quote);
                ensure!(owned > 0, "{own} has no {} to pay with", contract.quote_name);
                owned
            }
        };
        let (mut view, mut account, now) = (scene.fresh.named.view.clone(), scene.account, scene.fresh.now);
        let done = played(&mut view, &mut [&mut account, &mut payer], now, |ledger, held| {
            let [account, payer] = held else { return Err(Error::PositionNotFound) };
            ledger.cover_perp_loss(account, contract.index, collateral, payer, most)
        });
        let done = done.map_err(|error| refused_with(error, scene.age_hints(session, &contract, error)))?;
        let words = format!(
            "pay {} of what {} lost in {}, for {} {}",
            contract.amount(done.paid),
            self.account,
            contract.name,
            tokens(done.amount, named.reserve(collateral)?.decimals),
            named.name(collateral),
        );
        let pair = (contract.index, collateral);
        let instruction = scene.fresh.named.view.cover_perp_loss(scene.user, own, scene.address, pair, most);
        let instruction = instruction.map_err(|error| refused_with(error, vec![]))?;
        scene.send(session, words, vec![instruction], |_| Vec::new())
    }
}

impl WriteOff {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let scene = Scene::read(session, &named, AccountName::Address(self.account), &[])?;
        let contract = scene.perp(self.perp.as_deref())?;
        let (mut view, mut account, now) = (scene.fresh.named.view.clone(), scene.account, scene.fresh.now);
        let done = played(&mut view, &mut [&mut account], now, |ledger, held| {
            ledger.write_off_perp(&mut held[0], contract.index)
        });
        let done = done.map_err(|error| refused_with(error, vec![]))?;
        let words = format!(
            "write off {} that {} owes of {}: {} of the perp's insurance, {} of its fund, the rest of the pool",
            contract.amount(done.loss),
            self.account,
            contract.name,
            contract.amount(done.insurance),
            contract.amount(done.fund),
        );
        let instruction = view.write_off_perp(scene.address, contract.index);
        let instruction = instruction.map_err(|error| refused_with(error, vec![]))?;
        scene.send(session, words, vec![instruction], |_| Vec::new())
    }
}

impl OfPerp {
    fn read(&self, session: &mut Session) -> Result<(Fresh, Contract)> {
        let named = session.named(None)?;
        let contract = Contract::of(&named, named.find_perp(&self.perp)?)?;
        Ok((Fresh::read(session, &named, [contract.followed, contract.quote])?, contract))
    }

    /// Closes a part of the side that the pool cannot bear.
    pub fn deleverage(&self, session: &mut Session) -> Result<bool> {
        let (fresh, contract) = self.read(session)?;
        let view = &fresh.named.view;
        let done = view.preview(fresh.now, |ledger| ledger.deleverage_perp(contract.index));
        let done = done.map_err(|error| {
            let old = fresh.obstacles(&MarginAccount::default(), contract.followed, |_| String::new());
            refused_with(error, if is_about_age(error) { old } else { vec![] })
        })?;
        let words = format!(
            "deleverage {}: close {} of all {} at {} {}",
            contract.name,
            crate::commands::format::rate(super::report::share(done.part.into())),
            if done.of_longs { "longs" } else { "shorts" },
            contract.price(done.price),
            contract.quote_name,
        );
        let instruction = view.deleverage_perp(contract.index).map_err(|error| refused_with(error, vec![]))?;
        let user = session.user()?;
        let steps = fresh.steps(session, user, vec![words], vec![instruction]);
        session.all(steps)
    }

    /// Winds it down.
    pub fn resolve(&self, session: &mut Session) -> Result<bool> {
        let (fresh, contract) = self.read(session)?;
        let (view, authority) = (&fresh.named.view, from_engine(&fresh.named.view.market.authority));
        let price = view.preview(fresh.now, |ledger| {
            let signer = ledger.market.authority;
            ledger.resolve_perp(&signer, contract.index)
        });
        let price = price.map_err(|error| refused_with(error, vec![]))?;
        let words = format!("wind {} down at {} {}", contract.name, contract.price(price), contract.quote_name);
        let instruction = view.resolve_perp(contract.index).map_err(|error| refused_with(error, vec![]))?;
        let steps = fresh.steps(session, authority, vec![words], vec![instruction]);
        session.all(steps)
    }
}

impl Scene {
    /// Which prices to wait for, where one is too old.
    fn age_hints(&self, session: &Session, contract: &Contract, refusal: Error) -> Vec<String> {
        if is_about_age(refusal) { self.obstacles_of(session, &[contract.followed]) } else { Vec::new() }
    }
}
