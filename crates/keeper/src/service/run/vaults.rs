//! The loop's part about vaults.

use std::time::{Duration, Instant};

use ballast_client::engine::number::units::ONE_BPS;

use super::Keeper;
use crate::service::{
    act::View,
    config::Choice,
    duty::{Duty, Subject},
    feed::Reading,
    vault::{feed, work::Chore},
};

/// How often what there is to do about vaults is looked for, beside when they were read: pauses end.
const LOOK: Duration = Duration::from_secs(1);

impl Keeper {
    /// Begins the readings of vaults whose time has come.
    pub(super) fn read_vaults(&mut self) {
        let (now, chain) = (self.now(), &self.state.chain);
        // Which vaults there are is told by the market that they name, and which terms are over by the time.
        let (Some(market), Some(clock)) = (chain.market(), chain.clock()) else { return };
        let (node, events) = (self.actor.node.clone(), self.events.0.clone());
        let choice = self.actor.options.vaults().unwrap_or(Choice::None);
        if choice != Choice::None && self.paces.vault_list.begin(now) {
            let list = feed::list(node.clone(), choice, market.clone(), clock.now, events.clone());
            self.begin_reading(Reading::VaultList, list);
        }
        if !self.state.vaults.is_empty() && self.paces.vaults.begin(now) {
            let listed = self.state.vaults.listed();
            self.begin_reading(Reading::Vaults, feed::read(node, listed, self.state.chain.keeper, events));
        }
    }

    /// Takes in that vaults were listed or read.
    pub(super) fn heard_of_vaults(&mut self, is_list: bool) {
        if is_list {
            self.paces.vaults.want();
        } else {
            (self.last_vaults, self.is_dirty) = (None, true);
        }
    }

    /// Has read again what an attempt on a vault may have changed.
    pub(super) fn read_again(&mut self, subject: Subject) {
        let Subject::Vault(_, chore) = subject else { return };
        self.paces.vaults.want();
        if matches!(chore, Chore::Free | Chore::Execute | Chore::Cancel) {
            self.paces.vault_list.want();
        }
    }

    /// What there is to do about vaults: one thing for each, the most urgent.
    pub(super) fn vault_duties(&mut self, view: &View) -> Vec<Duty> {
        if self.last_vaults.is_some_and(|last| last.elapsed() < LOOK) {
            return Vec::new();
        }
        let is_new = self.last_vaults.replace(Instant::now()).is_none();
        let Ok(worth) = self.actor.worth(view, view.predicted.now) else { return Vec::new() };
        let (metrics, now) = (&self.actor.metrics, self.now());
        if is_new {
            for gauge in [&metrics.vault_coverage, &metrics.vault_queued] {
                gauge.reset();
            }
            metrics.vault_unreadable.reset();
            metrics.vaults.set(self.state.vaults.snapshots().count() as i64);
        }
        let mut duties = Vec::new();
        for snapshot in self.state.vaults.snapshots() {
            let address = snapshot.view.address;
            if is_new {
                let (report, name) = (snapshot.view.report(worth.now), address.to_string());
                // The most that there is stands for "nothing could leave".
                let coverage =
                    if report.outflow == 0 { f64::INFINITY } else { report.coverage as f64 / ONE_BPS as f64 };
                metrics.vault_coverage.with_label_values(&[&name]).set(coverage);
                metrics.vault_queued.with_label_values(&[&name]).set(worth.value(&snapshot.view.vault, report.queued));
                metrics.vault_unreadable.with_label_values(&[&name]).set(report.unreadable.count_ones().into());
            }
            if self.attempts.is_busy(&address) {
                continue;
            }
            let is_free = |chore| self.attempts.is_free(&Subject::Vault(address, chore), now);
            let work = snapshot.first(&worth, is_free);
            duties.extend(work.map(|work| Duty::Vault(address, work.chore, work.profit)));
        }
        duties
    }
}
