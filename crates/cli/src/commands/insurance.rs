//! `ballast insurance`.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, decode_stake,
    engine::{number::units::Shares, state::insurance::Stake},
    stake_address,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    format::{Amount, Tokens, list, tokens},
    names::Named,
    session::Session,
    tokens::Wallet,
};
use ballast_market_file::value::duration;
use ballast_time::full_label;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// The insurance of a reserve, and one's own stake in it.
    Show(Which),
    /// Stakes tokens, which bear the reserve's losses first and earn a share of its fees and penalties.
    Stake {
        #[command(flatten)]
        which: Which,
        /// How much: 2.5, 250atoms or all.
        amount: Tokens,
    },
    /// Takes a stake back: asks for it, and pays it out once the cooldown is over. Run it again then.
    Unstake {
        #[command(flatten)]
        which: Which,
        /// How much of it to ask for: 2.5, 250atoms or all.
        #[arg(default_value = "all")]
        amount: Tokens,
    },
}

/// A reserve.
#[derive(Args)]
pub struct Which {
    /// The reserve: its index, its mint, or its name in the market's file.
    reserve: String,
}

/// A reserve's insurance and the user's part of it.
struct Scene {
    named: Named,
    index: u8,
    user: Address,
    stake: Option<Stake>,
    wallet: Wallet,
}

impl Which {
    fn read(&self, session: &mut Session) -> Result<Scene> {
        let named = session.named(None)?;
        let (index, user) = (named.find(&self.reserve)?, session.user()?);
        let account = session.cluster.account(stake_address(&named.view.address, &user, index).0)?;
        let stake = account.map(|account| decode_stake(&account.data)).transpose().context("the stake")?;
        let wallet = Wallet::read(session, user, named.reserve(index)?)?;
        Ok(Scene { named, index, user, stake, wallet })
    }
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let (Self::Show(which) | Self::Stake { which, .. } | Self::Unstake { which, .. }) = self;
        let scene = which.read(session)?;
        match self {
            Self::Show(_) => show(session, &scene),
            Self::Stake { amount, .. } => stake(session, &scene, amount),
            Self::Unstake { amount, .. } => unstake(session, &scene, amount),
        }
    }
}

fn show(session: &mut Session, scene: &Scene) -> Result<bool> {
    let reserve = scene.named.reserve(scene.index)?;
    let insurance = &reserve.insurance;
    let is_alive = |stake: &&Stake| stake.generation == insurance.generation;
    let stake = scene.stake.as_ref().filter(is_alive);
    let own = stake.map_or(0, |stake| insurance.worth(stake.shares));
    let asked = stake.filter(|stake| stake.asked_for != Shares::ZERO);
    let amount = |atoms| tokens(atoms, reserve.decimals);
    let object = json!({
        "reserve": scene.index,
        "assets": insurance.assets.to_string(),
        "shares": insurance.shares.to_string(),
        "cooldownSeconds": reserve.config.insurance.cooldown,
        "doubtful": reserve.doubtful_debts().to_string(),
        "stake": own.to_string(),
        "asked": asked.map(|stake| insurance.worth(stake.asked_for).to_string()),
        "due": asked.map(|stake| stake.free_from),
    });
    let asked = asked.map_or("nothing".into(), |stake| {
        format!("{}, due {} UTC", amount(insurance.worth(stake.asked_for)), full_label(stake.free_from))
    });
    let text = list(&[
        ("insurance of", scene.named.name(scene.index)),
        ("assets", amount(insurance.assets)),
        ("cooldown", duration(reserve.config.insurance.cooldown.into())),
        ("debts reported lost", amount(reserve.doubtful_debts())),
        ("own stake", amount(own)),
        ("asked back", asked),
    ]);
    session.show(object, &text)?;
    Ok(true)
}

fn stake(session: &mut Session, scene: &Scene, amount: &Tokens) -> Result<bool> {
    let (view, reserve) = (&scene.named.view, scene.named.reserve(scene.index)?);
    let atoms = scene.wallet.to_pay(amount.atoms(reserve.decimals)?)?;
    let payer = session.keys.payer().unwrap_or(scene.user);
    let mut instructions = scene.wallet.before_paying(payer, atoms)?;
    let listed = |error: ballast_client::engine::Error| anyhow!(error.message());
    if scene.stake.is_none() {
        instructions.push(view.open_stake(scene.user, payer, scene.index).map_err(listed)?);
    }
    instructions.push(view.stake(scene.user, scene.user, scene.wallet.address, scene.index, atoms).map_err(listed)?);
    let words = format!("stake {} {}", tokens(atoms, reserve.decimals), scene.named.name(scene.index));
    session.one(words, scene.user, instructions)
}

/// Pays out what is due, or else asks. Exits with what is left to do while the cooldown runs.
fn unstake(session: &mut Session, scene: &Scene, amount: &Tokens) -> Result<bool> {
    let (view, reserve) = (&scene.named.view, scene.named.reserve(scene.index)?);
    let name = scene.named.name(scene.index);
    let stake = scene.stake.as_ref().with_context(|| format!("{} has no stake in {name}", scene.user))?;
    let now = session.now()?;
    let is_alive = stake.generation == reserve.insurance.generation;
    ensure!(is_alive, "a loss consumed the stake in {name}");
    if stake.asked_for != Shares::ZERO && (stake.free_from..=stake.free_from + Stake::WINDOW).contains(&now) {
        let payer = session.keys.payer().unwrap_or(scene.user);
        let (before, behind) = scene.wallet.around_receiving(payer)?;
        let unstake = view.unstake(scene.user, scene.wallet.address, scene.index);
        let unstake = unstake.map_err(|error| anyhow!(error.message()))?;
        return session.one(
            format!("take the stake in {name} back"),
            scene.user,
            [before, vec![unstake], behind].concat(),
        );
    }
    ensure!(
        stake.asked_for == Shares::ZERO || now >= stake.free_from,
        "the stake is asked back already, and due {} UTC: run this again then",
        full_label(stake.free_from)
    );
    let shares = match amount.atoms(reserve.decimals)? {
        Amount::All => stake.shares.0,
        Amount::Atoms(atoms) => {
            let worth = reserve.insurance.worth(stake.shares);
            ensure!(atoms <= worth, "the stake is worth {} {name}", tokens(worth, reserve.decimals));
            // The shares that are worth that much, rounded up. For the whole worth, all shares.
            let shares = u128::from(stake.shares.0) * u128::from(atoms);
            u64::try_from(shares.div_ceil(worth.max(1).into())).unwrap_or(u64::MAX).min(stake.shares.0)
        }
    };
    ensure!(shares > 0, "there is no stake in {name} left");
    let words =
        format!("ask the stake in {name} back, to be taken in {}", duration(reserve.config.insurance.cooldown.into()));
    let is_sent = session.one(words, scene.user, vec![view.begin_unstake(scene.user, scene.index, shares)])?;
    Ok(is_sent && !session.is_sending())
}
