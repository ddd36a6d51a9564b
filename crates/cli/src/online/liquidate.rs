//! `ballast liquidate`.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, LiquidationOrder,
    engine::{
        liquidation::Liquidation,
        margin::{MarginAccount, Position},
    },
};
use clap::Args;

use super::{
    account,
    format::{Amount, Tokens, percent, tokens},
    names::{InMarket, Named},
    prices::refresh,
    session::Session,
    tokens::Wallet,
};

/// Whom, and how much.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    market: InMarket,
    /// The margin account.
    account: Address,
    /// The debt to repay; without, the one that the wallet can repay most of.
    #[arg(long)]
    debt: Option<String>,
    /// The collateral to take; without, the one that pays best.
    #[arg(long)]
    collateral: Option<String>,
    /// The most to pay; without, all that is allowed and the wallet holds.
    #[arg(long)]
    max_repay: Option<Tokens>,
    /// Take no less than this share of what the preview says, basis points.
    #[arg(long, default_value_t = 9_900, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    min_collateral_bps: u16,
}

/// An order with what it would move.
struct Found {
    order: LiquidationOrder,
    preview: Liquidation,
    source: Wallet,
}

impl Options {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = self.market.read(session)?;
        let account = account::read(session, &named, self.account)?;
        let user = session.user()?;
        let found = self.best(session, &named, &account)?;
        let Found { order, preview, source } = found;
        let (debt, collateral) = (named.reserve(order.debt)?, named.reserve(order.collateral)?);
        let destination = Wallet::read(session, user, collateral)?;
        let payer = session.keys.payer().unwrap_or(user);
        let mut instructions = source.before_paying(payer, order.max_repay)?;
        let (before, behind) = destination.around_receiving(payer)?;
        instructions.extend(before);
        instructions.extend(refresh(&named.view, account.positions().iter().map(|position| position.reserve))?);
        let liquidate = named.view.liquidate(user, self.account, source.address, destination.address, order);
        instructions.push(liquidate.map_err(|error| anyhow!(error.message()))?);
        instructions.extend(behind);
        let words = format!(
            "liquidate {}: pay {} {} for {} {} (penalty {})",
            self.account,
            tokens(preview.paid(), debt.decimals),
            named.name(order.debt),
            tokens(preview.seized, collateral.decimals),
            named.name(order.collateral),
            percent(preview.penalty.0.into()),
        );
        session.one(words, user, instructions)
    }

    /// The pair that repays most at the prices on chain, among those asked for.
    fn best(&self, session: &mut Session, named: &Named, account: &MarginAccount) -> Result<Found> {
        let (user, now) = (session.user()?, session.now()?);
        let wanted = |name: &Option<String>| name.as_deref().map(|name| named.find(name)).transpose();
        let (debt, collateral) = (wanted(&self.debt)?, wanted(&self.collateral)?);
        let (debts, deposits): (Vec<&Position>, Vec<_>) = account.positions().iter().partition(|one| one.is_debt());
        let mut best: Option<(u128, Found)> = None;
        let mut refusal = None;
        for debt in debts.iter().map(|one| one.reserve).filter(|index| debt.is_none_or(|wanted| wanted == *index)) {
            let record = named.reserve(debt)?;
            let source = Wallet::read(session, user, record)?;
            let limit = match self.max_repay.as_ref().map(|most| most.atoms(record.decimals)).transpose()? {
                Some(Amount::Atoms(most)) => most,
                _ => source.balance(),
            };
            for collateral in
                deposits.iter().map(|one| one.reserve).filter(|index| collateral.is_none_or(|wanted| wanted == *index))
            {
                let order = LiquidationOrder { debt, collateral, max_repay: limit, min_collateral: 1 };
                let preview = match named.view.preview_liquidation(account, order, now) {
                    Ok(preview) => preview,
                    Err(error) => {
                        refusal = Some(error);
                        continue;
                    }
                };
                let min_collateral = (u128::from(preview.seized) * u128::from(self.min_collateral_bps) / 10_000) as u64;
                // A thousandth more, for prices and interest until it lands, and for the atom that is rounded off the limit.
                let max_repay = preview.paid().saturating_add(preview.paid() / 1_000 + 1).min(limit);
                let order = LiquidationOrder { min_collateral: min_collateral.max(1), max_repay, ..order };
                let value = named.reserve(collateral)?.price.roughly(preview.seized);
                let gain = u128::from(value) * u128::from(preview.penalty.0);
                if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, Found { order, preview, source: source.clone() }));
                }
            }
        }
        ensure!(best.is_some() || !debts.is_empty(), "{} has no debts", self.account);
        let why = refusal.map_or("no such pair of positions", |error| error.message());
        best.map(|(_, found)| found).with_context(|| format!("{} cannot be liquidated: {why}", self.account))
    }
}
