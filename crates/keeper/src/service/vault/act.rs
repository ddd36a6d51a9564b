//! Doing what there is to do about a vault: read it again, decide, simulate, send.

use super::{
    Listed, feed,
    work::{Chore, Worth},
};
use crate::service::{
    act::{Actor, SIGNATURE, SOL, View, refused},
    duty::Ended,
};

impl Actor {
    /// When something about a vault is worth doing, by what is known of the market.
    pub fn worth<'a>(&self, view: &'a View, now: i64) -> anyhow::Result<Worth<'a>> {
        let market = &view.predicted.market;
        let sol = self.sol_price(market) / SOL;
        Ok(Worth {
            keeper: view.chain.keeper,
            market,
            fresher: view.fresher(),
            now,
            demands: self.options.demands(SIGNATURE * sol)?,
            rent: view.chain.shares_rent() as f64 * sol,
            least: self.options.vault_least,
        })
    }

    /// Does a chore, if it is still to be done. What others did meanwhile costs a reading and no fee.
    pub(in crate::service) async fn look_after(
        &self,
        vault: &Listed,
        chore: Chore,
        unlanded: u32,
        view: &View,
    ) -> Ended {
        let name = chore.name();
        let (now, snapshots) = match feed::snapshots(&self.node, vec![vault.clone()], &view.chain.keeper).await {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(duty = name, vault = %vault.address, error = format!("{error:#}"), "not read");
                return Ended::NodeFailed;
            }
        };
        let Ok(worth) = self.worth(view, now) else { return Ended::Refused };
        let Some(work) = snapshots.first().and_then(|snapshot| snapshot.find(chore, &worth)) else {
            tracing::debug!(duty = name, vault = %vault.address, "nothing is left to do");
            return Ended::LostRace;
        };
        let sol_price = self.sol_price(worth.market);
        let lamports = work.priority(&worth.demands, sol_price / SOL, self.options.crank_priority);
        let bid = self.options.bidding().bid(unlanded, lamports);
        let prepared = match self.node.prepare(&work.instructions, &[&self.keypair], &[], bid).await {
            Ok(prepared) => prepared,
            Err(error) => return refused(name, &error),
        };
        tracing::info!(
            duty = name,
            vault = %vault.address,
            amount = work.amount,
            profit_usd = work.profit,
            priority_lamports = prepared.priority_fee(),
            dry_run = self.options.dry_run,
            "looks after a vault"
        );
        if self.options.dry_run {
            return Ended::DryRun;
        }
        let ended = self.land(name, &prepared).await;
        if ended == Ended::Landed && chore == Chore::Rebalance {
            let paid = prepared.priority_fee() as f64 / SOL * sol_price;
            self.metrics.profit.inc_by((work.profit - paid).max(0.0));
        }
        ended
    }
}
