//! What borrowers and lenders do when it is their turn, every five minutes.
//!
//! - **Borrowers**: one who never acts does not. Of the others each acts with a hazard that is [`attention`](super::people::Response) an
//!   hour at the line of liquidation and falls by a factor e for each tenth that maintenance collateral ÷ debt is above it. Who acts
//!   below 1.3 repays, with money from outside, what brings the ratio to 1.15 to 1.40; above it borrows half the way back to the usage
//!   that it began with.
//! - **Lenders**: in calm one leaves in ten thousand hours. What alarms a lender is an asset 3 % below its hourly average, its reserve
//!   95 % lent, depositors who have lost, or a hundredth of all deposits gone within the hour. Alarmed, a runner leaves with the hazard
//!   `flight`, another with a twentieth of it, and takes everything. What cash does not suffice for is waited for, and asked for at each
//!   turn. In calm, where a reserve pays more than 12 % a year, a lender with money outside brings it with 5 % an hour.

use ballast_client::engine::{
    health::{Health, Requirement},
    ledger::EVERYTHING,
    state::account::Side,
};
use rand::Rng;

use super::{outcome::Figure, run::Day};
use crate::{
    behaviour::{TEMPTING_RATE, is_falling},
    chance::Turn,
    population::spot,
};

/// Hours of a turn.
const TURN: f64 = 1.0 / 12.0;
/// The ratio above the line over which attention falls by a factor e.
const REACH: f64 = 0.10;
/// Below this ratio one who acts defends the position.
const WORRY: f64 = 1.30;
/// Where a defence brings it.
const DEFENDED: std::ops::Range<f64> = 1.15..1.40;
/// How often in an hour a lender leaves in calm, and brings more where rates tempt.
const CALM_FLIGHT: f64 = 1e-4;
const RETURN: f64 = 0.05;
/// An alarmed lender who is no runner leaves so much more rarely.
pub const OTHERS: f64 = 0.05;
/// Share of a reserve that is lent, and share of all deposits gone in an hour, that alarm.
const ALARMING_USE: f64 = 0.95;
const ALARMING_OUTFLOW: f64 = 0.01;

/// Whether an event of a hazard an hour falls into a turn, by a number from 0 to 1.
fn happens(hazard: f64, luck: f64) -> bool {
    luck < -(-hazard * TURN).exp_m1()
}

impl Day<'_> {
    /// Borrowers act, in order.
    pub(super) fn borrowers_act(&mut self, turn: &mut Turn) {
        let attention = self.scenario.response.attention;
        for index in 0..self.cast.borrowers.len() {
            let (luck, ratio) = (turn.luck(), self.watch.ratios[index]);
            let hazard = attention * (-(ratio - 1.0).max(0.0) / REACH).exp();
            if !ratio.is_finite() || self.cast.borrowers[index].sleeps || !happens(hazard, luck) {
                continue;
            }
            if ratio < WORRY {
                let target = turn.actor(index).random_range(DEFENDED);
                self.defend(index, target);
            } else {
                self.borrow_again(index);
            }
            self.watch.account(&self.chain, index);
        }
    }

    /// Repays what brings maintenance collateral ÷ debt to a ratio.
    fn defend(&mut self, index: usize, target: f64) {
        let reserve = self.cast.borrowers[index].trader.debt;
        let account = &self.chain.accounts[index];
        let health = self.chain.view.health(account, self.chain.now, Requirement::Maintenance);
        let (Ok(Health { collateral, debt }), Ok(owed)) = (health, account.shares(reserve as u8, Side::Debt)) else {
            return;
        };
        let part = 1.0 - collateral.to_f64() / (debt.to_f64() * target);
        let owed = self.chain.view.reserves[reserve].debt_index_at(self.chain.now).amount_ceil(owed);
        let amount = (owed as f64 * part.clamp(0.0, 1.0)) as u64;
        if amount > 0 {
            // It may be less than a share; then there is nothing to do.
            let _ = self.chain.repay(index, reserve as u8, amount);
        }
    }

    /// Half of the way back to the usage that it began with.
    fn borrow_again(&mut self, index: usize) {
        let trader = &self.cast.borrowers[index].trader;
        let account = &self.chain.accounts[index];
        let Ok(health) = self.chain.view.health(account, self.chain.now, Requirement::Initial) else { return };
        let room = health.collateral.to_f64() * trader.usage - health.debt.to_f64();
        let amount = trader.borrowable(&self.chain.view, room.max(0.0) / 2.0);
        if amount > 0 {
            // The market may refuse, by cash, cap or state.
            let _ = self.chain.borrow(index, trader.debt as u8, amount);
        }
    }

    /// Lenders act, in order; those who wait ask again.
    pub(super) fn lenders_act(&mut self, turn: &mut Turn) {
        let first = self.cast.borrowers.len();
        let outflow = self.hourly_outflow();
        let alarmed =
            is_falling(&self.chain.view) || self.outcome[Figure::Depositors] > 0.0 || outflow > ALARMING_OUTFLOW;
        let flight = self.scenario.response.flight;
        for index in 0..self.lenders.len() {
            let (luck, lender) = (turn.luck(), self.lenders[index]);
            let reserve = &self.chain.view.reserves[lender.reserve];
            let alarmed = alarmed || reserve.utilisation().to_f64() >= ALARMING_USE;
            let hazard = match (alarmed, lender.runs) {
                (false, _) => CALM_FLIGHT,
                (true, true) => flight,
                (true, false) => flight * OTHERS,
            };
            if self.waiting[index] > 0.0 || happens(hazard, luck) {
                self.leave(first + index, index);
            } else if !alarmed && lender.outside > 0 && reserve.borrow_rate.per_year_f64() > TEMPTING_RATE {
                // The other end of the same luck.
                if happens(RETURN, 1.0 - luck)
                    && self.chain.deposit(first + index, lender.reserve as u8, lender.outside).is_ok()
                {
                    self.lenders[index].outside = 0;
                    let came = self.assets[lender.reserve].tokens(lender.outside);
                    self.taken -= came * spot(&self.chain.view, lender.reserve);
                }
            }
        }
        let unserved = self.waiting.iter().sum::<f64>();
        self.outcome[Figure::Unserved] = self.outcome[Figure::Unserved].max(unserved);
    }

    /// Takes everything out, or what there is.
    fn leave(&mut self, account: usize, lender: usize) {
        let reserve = self.lenders[lender].reserve;
        let before = self.worth(account, reserve);
        if before > 0.0 && self.chain.withdraw(account, reserve as u8, EVERYTHING).is_err() {
            let cash = self.chain.view.reserves[reserve].cash;
            if cash > 0 {
                // What is left may be held back by an outflow limit.
                let _ = self.chain.withdraw(account, reserve as u8, cash);
            }
        }
        let after = self.worth(account, reserve);
        self.taken += before - after;
        self.waiting[lender] = after;
    }

    /// What lenders took out of all deposits within about an hour, as a share.
    fn hourly_outflow(&mut self) -> f64 {
        const TURNS: usize = 12;
        self.history.push_back(self.taken);
        if self.history.len() > TURNS {
            self.history.pop_front();
        }
        let earlier = self.history.front().copied().unwrap_or_default();
        (self.taken - earlier) / self.lent_at_first.max(f64::MIN_POSITIVE)
    }
}
