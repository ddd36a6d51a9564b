//! `ballast liquidate`.

use anyhow::{Result, anyhow, bail, ensure};
use ballast_client::{
    Address, LiquidationOrder,
    engine::{
        Error,
        ledger::{EVERYTHING, liquidation::Liquidation},
        state::{
            account::{MarginAccount, Position},
            rate_limit::{Period, RateLimit},
        },
    },
};
use ballast_market_file::value::percent;
use clap::Args;

use super::{
    account,
    exit::{hinted, is_about_age},
    format::{Amount, Tokens, dollars, tokens},
    prices::Fresh,
    session::Session,
    tokens::Wallet,
};

/// Whom, and how much.
#[derive(Args)]
pub struct Options {
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
    /// Runs it. What is paid and seized is planned on the prices that the transaction brings along.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let account = account::read(session, &named, self.account)?;
        let user = session.user()?;
        let fresh = Fresh::read(session, &named, named.view.priced_reserves(&account))?;
        let Found { order, preview, source } = self.best(session, &fresh, &account)?;
        let named = &fresh.named;
        let (debt, collateral) = (named.reserve(order.debt)?, named.reserve(order.collateral)?);
        let destination = Wallet::read(session, user, collateral)?;
        let payer = session.keys.payer().unwrap_or(user);
        let (before, behind) = destination.around_receiving(payer)?;
        let liquidate = named.view.liquidate(user, self.account, source.address, destination.address, order);
        let liquidate = vec![liquidate.map_err(|error| anyhow!(error.message()))?];
        let before_paying = source.before_paying(payer, order.max_repay)?;
        let rest = [before_paying, before, liquidate, behind, source.unwrapped()?].concat();
        let words = format!(
            "liquidate {}: pay {} {} for {} {} (penalty {})",
            self.account,
            tokens(preview.paid(), debt.decimals),
            named.name(order.debt),
            tokens(preview.seized, collateral.decimals),
            named.name(order.collateral),
            percent(preview.penalty.0.into()),
        );
        let steps = fresh.steps(session, user, vec![words], rest);
        session.all(steps).map_err(|error| hinted(error, |refusal| hints(&fresh, &account, order, refusal)))
    }

    /// The pair that repays most, among those asked for.
    fn best(&self, session: &mut Session, fresh: &Fresh, account: &MarginAccount) -> Result<Found> {
        let (named, user) = (&fresh.named, session.user()?);
        let wanted = |name: &Option<String>| name.as_deref().map(|name| named.find(name)).transpose();
        let (debt, collateral) = (wanted(&self.debt)?, wanted(&self.collateral)?);
        let (debts, deposits): (Vec<&Position>, Vec<_>) = account.positions().iter().partition(|one| one.is_debt());
        let mut best: Option<(u128, Found)> = None;
        let mut refusal = None;
        for debt in debts.iter().map(|one| one.reserve).filter(|index| debt.is_none_or(|wanted| wanted == *index)) {
            let record = named.reserve(debt)?;
            let source = Wallet::read(session, user, record)?;
            let limit = match self.max_repay.as_ref().map(|most| most.atoms(record.decimals)).transpose()? {
                Some(Amount::Atoms(most)) => most.min(source.spendable()),
                _ => source.spendable(),
            };
            for collateral in
                deposits.iter().map(|one| one.reserve).filter(|index| collateral.is_none_or(|wanted| wanted == *index))
            {
                // Without tokens too, the error first says whether the account could be liquidated.
                let max_repay = if limit == 0 { EVERYTHING } else { limit };
                let order = LiquidationOrder { debt, collateral, max_repay, min_collateral: 1 };
                let preview = match named.view.preview_liquidation(account, order, fresh.now) {
                    Ok(_) if limit == 0 => {
                        refusal = Some(format!("{user} has no {} to repay with", named.name(debt)));
                        continue;
                    }
                    Ok(preview) => preview,
                    Err(error) => {
                        refusal = Some(words(fresh, account, order, error));
                        continue;
                    }
                };
                let min_collateral = (u128::from(preview.seized) * u128::from(self.min_collateral_bps) / 10_000) as u64;
                // A thousandth more: prices and interest move until the transaction lands, and the limit is rounded down.
                let max_repay = preview.paid().saturating_add(preview.paid() / 1_000 + 1).min(limit);
                let order = LiquidationOrder { min_collateral: min_collateral.max(1), max_repay, ..order };
                let value = named.reserve(collateral)?.price.roughly(preview.seized);
                let gain = u128::from(value.0) * u128::from(preview.penalty.0);
                if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, Found { order, preview, source: source.clone() }));
                }
            }
        }
        ensure!(best.is_some() || !debts.is_empty(), "{} has no debts", self.account);
        match best {
            Some((_, found)) => Ok(found),
            None => {
                let why = refusal.unwrap_or_else(|| "no such pair of positions".into());
                bail!("{} cannot be liquidated: {why}", self.account)
            }
        }
    }
}

/// Why an order is refused, and what the reader should know beside it.
fn words(fresh: &Fresh, account: &MarginAccount, order: LiquidationOrder, error: Error) -> String {
    let hints = hints(fresh, account, order, error);
    hints.iter().fold(error.message().to_owned(), |words, one| format!("{words}. {one}"))
}

/// What the reader should know beside a refusal: which price to wait for, or how much there is room for.
fn hints(fresh: &Fresh, account: &MarginAccount, order: LiquidationOrder, refusal: Error) -> Vec<String> {
    let Fresh { named, now, .. } = fresh;
    match (refusal, named.reserve(order.collateral)) {
        (Error::LiquidationThrottled, Ok(collateral)) => {
            let market = &named.view.market;
            let room = |mut window: RateLimit, limit| window.remaining(limit, Period::Hour, *now);
            let of_market = room(market.liquidated, market.config.liquidations());
            let of_collateral = room(collateral.liquidated, collateral.config.breakers.liquidations());
            let (name, left) = (named.name(order.collateral), of_market.least(of_collateral));
            vec![format!("{} USD of {name} may be seized now", dollars(left.0.into()))]
        }
        (refusal, _) if is_about_age(refusal) => fresh.pair_obstacles(account, order.debt, order.collateral),
        _ => Vec::new(),
    }
}
