//! Doing what there is to do about perps.

use anyhow::Result;
use ballast_client::{Address, MarketView, engine::state::account::MarginAccount};
use ballast_rpc::SendError;

use super::{Terms, Work, deposit};
use crate::service::{
    act::{Actor, SIGNATURE, SOL, View, refused},
    duty::Ended,
    state::Chain,
};

impl Actor {
    /// What is worth doing about perps.
    pub fn perp_terms(&self, chain: &Chain, market: &MarketView) -> Result<Terms> {
        let sol_price = self.sol_price(market);
        Ok(Terms {
            choice: self.options.perps,
            demands: self.options.demands(SIGNATURE / SOL * sol_price)?,
            lamport: sol_price / SOL,
            rent: chain.margin_rent() as f64 / SOL * sol_price,
            least: self.options.perp_least,
        })
    }

    /// Liquidates the position in a perp that pays most. None if there is none to liquidate, or if the attempt was refused and a debt may
    /// be liquidated instead.
    pub(in crate::service) async fn liquidate_perp(
        &self,
        address: Address,
        account: &MarginAccount,
        unlanded: u32,
        view: &View,
    ) -> Option<Ended> {
        let work =
            view.desk(self.perp_terms(&view.chain, &view.predicted.market).ok()?).liquidation(address, account)?;
        let ended = self.work_on_perp(&work, unlanded, view).await;
        self.metrics.attempts.with_label_values(&[work.chore.name(), ended.name()]).inc();
        (ended != Ended::Refused || !account.has_debt()).then_some(ended)
    }

    /// Simulates and sends what is to be done.
    pub(in crate::service) async fn work_on_perp(&self, work: &Work, unlanded: u32, view: &View) -> Ended {
        let (name, market) = (work.chore.name(), &view.predicted.market);
        let held = view.own.map_or(0, |own| deposit(market, &own, work.quote, view.predicted.now));
        let Some(_pledge) = self.pledged.commit(held, work.quote, work.pays) else {
            tracing::debug!(duty = name, "another attempt pays with the same deposit");
            return Ended::LostRace;
        };
        // The account can be opened once.
        let opening = work.opens.then(|| self.opening.try_lock());
        if opening.as_ref().is_some_and(Result::is_err) {
            tracing::debug!(duty = name, "another attempt opens the margin account");
            return Ended::LostRace;
        }
        let sol_price = self.sol_price(market);
        let earned = (work.priority / sol_price * SOL) as u64;
        let lamports = if work.is_crank { earned.max(self.options.crank_priority) } else { earned };
        let bid = self.options.bidding().bid(unlanded, lamports);
        let prepared = match self.node.prepare(&work.instructions, &[&self.keypair], &[], bid).await {
            Ok(prepared) => prepared,
            // The prices are sent first, in a transaction of their own, and it is planned anew.
            Err(SendError::TooLarge(bytes)) => {
                tracing::debug!(duty = name, bytes, "too large with its prices");
                return self.refresh_first(work.fresher.clone(), view, unlanded).await;
            }
            Err(error) => return refused(name, &error),
        };
        tracing::info!(
            duty = name,
            address = work.account.map(|account| account.to_string()),
            perp = work.perp,
            amount = work.amount,
            profit_usd = work.profit,
            priority_lamports = prepared.priority_fee(),
            dry_run = self.options.dry_run,
            "works on a perp"
        );
        if self.options.dry_run {
            return Ended::DryRun;
        }
        let ended = self.land(name, &prepared).await;
        if ended == Ended::Landed && work.profit > 0.0 {
            self.metrics.profit.inc_by((work.profit - prepared.priority_fee() as f64 / SOL * sol_price).max(0.0));
        }
        ended
    }
}
