//! Tokens in and out of a margin account.

use anyhow::{Result, anyhow, bail, ensure};
use ballast_client::{
    Address, Instruction, Limit, MarketView,
    engine::{self, Error, ledger::EVERYTHING, state::account::MarginAccount},
};
use clap::Args;

use super::{AccountName, read};
use crate::commands::{
    exit::{hinted, is_about_age},
    format::{Amount, Tokens, tokens},
    names::Named,
    prices::Fresh,
    session::Session,
    tokens::Wallet,
};

/// Tokens in or out.
#[derive(Args)]
pub struct Movement {
    /// The reserve: its index, its mint, or its name in the market's file.
    reserve: String,
    /// How much: 2.5, 250atoms or all.
    amount: Tokens,
    /// The account's address, or the number of one of the key's own.
    #[arg(long, default_value = "0")]
    account: AccountName,
}

/// What a movement of tokens needs to know.
struct Scene {
    /// The market, with the prices that the transaction brings along.
    fresh: Fresh,
    reserve: u8,
    address: Address,
    account: MarginAccount,
    user: Address,
    payer: Address,
    wallet: Wallet,
}

/// The most that a movement takes.
type Most = fn(&MarketView, &MarginAccount, u8, i64) -> engine::Result<Limit>;

/// The instructions of a movement, and what they do in words.
type Plan = (String, Vec<Instruction>);

impl Movement {
    /// Lends tokens.
    pub fn deposit(&self, session: &mut Session) -> Result<bool> {
        // An account with debts or perps takes no deposit of a token without a price.
        let needed = |_: &MarketView, account: &MarginAccount, reserve| {
            if account.is_exposed() { vec![reserve] } else { vec![] }
        };
        let scene = self.scene(session, needed)?;
        let plan = self.plan_deposit(&scene)?;
        scene.send(session, plan).map_err(|error| {
            hinted(error, |refusal| match is_about_age(refusal) {
                true => scene.fresh.deposit_obstacle(scene.reserve),
                false => scene.room(MarketView::max_deposit, refusal),
            })
        })
    }

    /// Takes a deposit back.
    pub fn withdraw(&self, session: &mut Session) -> Result<bool> {
        let needed = |view: &MarketView, account: &MarginAccount, reserve| {
            if account.is_exposed() { priced(view, account, reserve) } else { vec![] }
        };
        let scene = self.scene(session, needed)?;
        let plan = self.plan_withdrawal(session, &scene)?;
        self.send_out(session, &scene, plan, MarketView::max_withdraw)
    }

    /// Takes a debt.
    pub fn borrow(&self, session: &mut Session) -> Result<bool> {
        let scene = self.scene(session, priced)?;
        let plan = self.plan_borrow(session, &scene)?;
        self.send_out(session, &scene, plan, MarketView::max_borrow)
    }

    /// Pays a debt back.
    pub fn repay(&self, session: &mut Session) -> Result<bool> {
        let scene = self.scene(session, |_, _, _| vec![])?;
        let plan = self.plan_repayment(session, &scene)?;
        scene.send(session, plan)
    }

    /// Reads everything that a movement needs, with the prices of the reserves involved.
    fn scene(
        &self,
        session: &mut Session,
        needed: impl FnOnce(&MarketView, &MarginAccount, u8) -> Vec<u8>,
    ) -> Result<Scene> {
        let named = session.named(None)?;
        let reserve = named.find(&self.reserve)?;
        let address = self.account.address(session, &named)?;
        let account = read(session, &named, address)?;
        let user = session.user()?;
        let wallet = Wallet::read(session, user, named.reserve(reserve)?)?;
        let payer = session.keys.payer().unwrap_or(user);
        let fresh = Fresh::read(session, &named, needed(&named.view, &account, reserve))?;
        Ok(Scene { fresh, reserve, address, account, user, payer, wallet })
    }

    /// Sends what takes tokens out.
    fn send_out(&self, session: &mut Session, scene: &Scene, plan: Plan, most: Most) -> Result<bool> {
        scene.send(session, plan).map_err(|error| {
            hinted(error, |refusal| match is_about_age(refusal) {
                true => self.obstacles(session, scene),
                false => scene.room(most, refusal),
            })
        })
    }

    /// Which prices refuse new risk, and what to do about them.
    fn obstacles(&self, session: &Session, scene: &Scene) -> Vec<String> {
        let withdraw = |name: &str| self.command(session, "withdraw", name, "all");
        scene.fresh.obstacles(&scene.account, scene.reserve, withdraw)
    }

    /// Another movement of the same account, as a shell takes it.
    fn command(&self, session: &Session, verb: &str, reserve: &str, amount: &str) -> String {
        let account = self.account.to_string();
        let mut words = vec!["account", verb, reserve, amount];
        if !matches!(self.account, AccountName::Number(0)) {
            words.extend(["--account", &account]);
        }
        session.invocation.command(&words)
    }

    fn words(&self, verb: &str, scene: &Scene, amount: Amount) -> String {
        match amount {
            Amount::All => format!("{verb} all {}", scene.name()),
            Amount::Atoms(atoms) => format!("{verb} {}", scene.tokens(atoms)),
        }
    }

    fn amount(&self, scene: &Scene) -> Result<Amount> {
        self.amount.atoms(scene.decimals())
    }

    fn plan_deposit(&self, scene: &Scene) -> Result<Plan> {
        let atoms = scene.wallet.to_pay(self.amount(scene)?)?;
        let mut instructions = scene.wallet.before_paying(scene.payer, atoms)?;
        let deposit = scene.view().deposit(scene.user, scene.address, scene.wallet.address, scene.reserve, atoms);
        instructions.push(listed(deposit)?);
        Ok((self.words("deposit", scene, Amount::Atoms(atoms)), instructions))
    }

    fn plan_repayment(&self, session: &mut Session, scene: &Scene) -> Result<Plan> {
        let positions = scene.account.positions();
        let position = positions.iter().find(|it| it.reserve == scene.reserve && it.is_debt());
        let Some(position) = position else { bail!("the account owes no {}", scene.name()) };
        let mut amount = self.amount(scene)?;
        if amount == Amount::All {
            let owed = listed(scene.view().amount(position, scene.fresh.now))?;
            let most = scene.wallet.spendable();
            if most < owed {
                let why = format!("{} has no more", scene.user);
                amount = Amount::Atoms(self.part(session, scene, "repay", (most, owed), &why)?);
            }
        }
        let (atoms, paid, behind) = match amount {
            Amount::Atoms(atoms) => (atoms, atoms, Vec::new()),
            // The wrapped amount must also pay the interest until the transaction lands. So it is a thousandth more, which is
            // unwrapped again.
            Amount::All => {
                let owed = listed(scene.view().amount(position, scene.fresh.now))?;
                let paid = owed.saturating_add(owed / 1_000 + 1).min(scene.wallet.spendable());
                (EVERYTHING, paid, scene.wallet.unwrapped()?)
            }
        };
        let before = scene.wallet.before_paying(scene.payer, paid)?;
        let repay = scene.view().repay(scene.user, scene.address, scene.wallet.address, scene.reserve, atoms);
        Ok((self.words("repay", scene, amount), [before, vec![listed(repay)?], behind].concat()))
    }

    fn plan_withdrawal(&self, session: &mut Session, scene: &Scene) -> Result<Plan> {
        let mut amount = self.amount(scene)?;
        if amount == Amount::All {
            let limit = scene.view().max_withdraw(&scene.account, scene.reserve, scene.fresh.now);
            // If there is nothing, the program itself says why.
            if let Ok(Limit { atoms: 1.., refusal: Some(refusal) }) = limit {
                let most =
                    scene.less_a_little(limit.map_or(0, |limit| limit.atoms), refusal, |view, account, atoms| {
                        view.ledger(scene.fresh.now).withdraw(account, scene.reserve, atoms).is_ok()
                    });
                let position = scene.account.position(scene.reserve).ok_or_else(|| anyhow!("no such deposit"))?;
                let whole = listed(scene.view().amount(position, scene.fresh.now))?;
                let why = format!("{}: {refusal}", refusal.name());
                amount = Amount::Atoms(self.part(session, scene, "withdraw", (most, whole), &why)?);
            }
        }
        let atoms = if let Amount::Atoms(atoms) = amount { atoms } else { EVERYTHING };
        let (before, behind) = scene.wallet.around_receiving(scene.payer)?;
        let withdraw = scene.view().withdraw(scene.user, scene.address, scene.wallet.address, scene.reserve, atoms);
        let words = self.words("withdraw", scene, amount) + &self.loss(scene);
        Ok((words, [before, vec![listed(withdraw)?], behind].concat()))
    }

    /// What a reported loss leaves of what is withdrawn, in words; nothing if there is none.
    fn loss(&self, scene: &Scene) -> String {
        let (view, now) = (scene.view(), scene.fresh.now);
        let amounts = scene.account.position(scene.reserve).and_then(|position| {
            let (whole, exit) = (view.amount(position, now).ok()?, view.exit_amount(position, now).ok()?);
            (exit < whole).then_some((whole, exit))
        });
        amounts.map_or_else(String::new, |(whole, exit)| {
            let (whole, exit) = (scene.tokens(whole), scene.tokens(exit));
            format!(" (losses are reported: the whole deposit of {whole} pays {exit} until they are settled)")
        })
    }

    fn plan_borrow(&self, session: &mut Session, scene: &Scene) -> Result<Plan> {
        let amount = match self.amount(scene)? {
            Amount::Atoms(atoms) => atoms,
            Amount::All => self.most_to_borrow(session, scene)?,
        };
        let (before, behind) = scene.wallet.around_receiving(scene.payer)?;
        let borrow = scene.view().borrow(scene.user, scene.address, scene.wallet.address, scene.reserve, amount);
        let words = self.words("borrow", scene, Amount::Atoms(amount));
        Ok((words, [before, vec![listed(borrow)?], behind].concat()))
    }

    fn most_to_borrow(&self, session: &Session, scene: &Scene) -> Result<u64> {
        let Limit { atoms, refusal } = listed(scene.view().max_borrow(&scene.account, scene.reserve, scene.fresh.now))?;
        let why = refusal.map_or_else(String::new, |error| format!(": {}: {error}", error.name()));
        if atoms == 0 {
            let obstacles: String = self.obstacles(session, scene).iter().map(|one| format!(". {one}")).collect();
            bail!("the account can borrow no {} now{why}{obstacles}", scene.name());
        }
        Ok(refusal.map_or(atoms, |refusal| {
            scene.less_a_little(atoms, refusal, |view, account, atoms| {
                view.ledger(scene.fresh.now).borrow(account, scene.reserve, atoms).is_ok()
            })
        }))
    }

    /// If not everything can be moved: the most that can be, if somebody at a terminal agrees. Otherwise an error that says how
    /// much is possible, and with which command.
    fn part(
        &self,
        session: &mut Session,
        scene: &Scene,
        verb: &str,
        (most, whole): (u64, u64),
        why: &str,
    ) -> Result<u64> {
        let (name, decimals) = (scene.name(), scene.decimals());
        ensure!(most > 0, "there is no {name} to {verb}: {why}");
        let amount = tokens(most, decimals);
        let words = format!("{amount} of {} {name} is the most to {verb} now: {why}", tokens(whole, decimals));
        if session.agrees(&format!("{words}\n{verb} {amount} {name}?"))? {
            return Ok(most);
        }
        bail!("{words}. To {verb} that: `{}`", self.command(session, verb, &self.reserve, &amount))
    }
}

impl Scene {
    fn send(&self, session: &mut Session, (words, instructions): Plan) -> Result<bool> {
        let steps = self.fresh.steps(session, self.user, vec![words], instructions);
        session.all(steps)
    }

    /// How much the limit leaves room for, if a limit refused the movement.
    fn room(&self, most: Most, refusal: Error) -> Vec<String> {
        match most(self.view(), &self.account, self.reserve, self.fresh.now) {
            Ok(Limit { atoms, refusal: Some(of_more) }) if of_more == refusal => {
                vec![format!("{} is the most now", self.tokens(atoms))]
            }
            _ => Vec::new(),
        }
    }

    fn named(&self) -> &Named {
        &self.fresh.named
    }

    fn view(&self) -> &MarketView {
        &self.named().view
    }

    fn name(&self) -> String {
        self.named().name(self.reserve)
    }

    fn decimals(&self) -> u8 {
        self.view().reserve(self.reserve).map_or(0, |reserve| reserve.decimals)
    }

    fn tokens(&self, atoms: u64) -> String {
        format!("{} {}", tokens(atoms, self.decimals()), self.name())
    }

    /// A thousandth less than the most, because prices and interest move until the transaction lands, if that amount passes too.
    /// What is limited only by the tokens at hand stays as it is.
    fn less_a_little(
        &self,
        most: u64,
        refusal: Error,
        passes: impl Fn(&mut MarketView, &mut MarginAccount, u64) -> bool,
    ) -> u64 {
        if refusal == Error::InsufficientLiquidity {
            return most;
        }
        let less = most - most.div_ceil(1_000);
        if less > 0 && passes(&mut self.view().clone(), &mut self.account.clone(), less) { less } else { most }
    }
}

/// The reserves whose prices an account depends on, and one more.
fn priced(view: &MarketView, account: &MarginAccount, reserve: u8) -> Vec<u8> {
    view.priced_reserves(account).into_iter().chain([reserve]).collect()
}

fn listed<T>(of_market: ballast_client::engine::Result<T>) -> Result<T> {
    of_market.map_err(|error| anyhow!(error.message()))
}
