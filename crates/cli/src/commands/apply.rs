//! Bringing a market to what its file says.

#[cfg(test)]
mod tests;

use anyhow::Result;
use ballast_market_file::{Desired, State, plan};
use serde_json::json;

use super::session::Session;
use ballast_time::full_label;

impl Session<'_> {
    /// Sends what can be sent now, and returns whether nothing is left to do.
    pub fn apply(&mut self, desired: &Desired) -> Result<bool> {
        let payer = self.keys.payer();
        let state = State::read(self.cluster, desired)?;
        let now = state.now;
        let first = plan(desired, state, payer)?;
        if self.is_for_multisig() {
            self.print_instructions(&first)?;
            return Ok(first.steps.is_empty());
        }
        let market = desired.address().to_string();
        self.show(json!({ "market": market, "now": now }), &format!("market {market}, {} UTC", full_label(now)))?;
        self.table(&first)?;
        if !self.is_sending() {
            return Ok(first.steps.is_empty());
        }
        self.require_permission()?;
        if self.carry_out(&first.steps)? == 0 {
            return Ok(first.steps.is_empty());
        }
        let left = plan(desired, State::read(self.cluster, desired)?, payer)?;
        self.say("left to do:")?;
        self.table(&left)?;
        Ok(left.steps.is_empty())
    }
}
