//! The move that is due.

use anyhow::Result;
use ballast_client::engine::{self, number::units::Shares, vaults::rebalance::Move};
use serde_json::{Value, json};

use super::{
    Scene,
    name::{NamedVault, refusal},
};
use crate::commands::session::Session;

/// A move in words.
fn words(named: &NamedVault, found: &Move) -> String {
    let amount = named.tokens(found.amount);
    let gain = format!("gains {} a year", named.tokens(found.gain));
    match (found.from, found.to) {
        (None, to) => format!("lend {amount} to {}: {gain}", named.place(to)),
        (from, None) => format!("bring {amount} back from {}", named.place(from)),
        (from, to) => format!("move {amount} from {} to {}: {gain}", named.place(from), named.place(to)),
    }
}

/// The next move, or why there is none, for programs and for people.
pub(super) fn next(named: &NamedVault, found: engine::Result<Move>) -> (Value, String) {
    match found {
        Ok(found) => {
            let object = json!({
                "from": found.from,
                "to": found.to,
                "amount": found.amount.to_string(),
                "gain": found.gain.to_string(),
                "reward": found.reward.0.to_string(),
            });
            (object, words(named, &found))
        }
        Err(error) => (json!({ "refusal": error.name() }), format!("none: {}: {}", error.name(), error.message())),
    }
}

/// Makes it.
pub fn run(session: &mut Session) -> Result<bool> {
    let scene = Scene::read(session)?;
    let named = &scene.named;
    let found = named.view.next_move(scene.now).map_err(refusal)?;
    let mut words = words(named, &found);
    if found.reward != Shares::ZERO {
        words += &format!("; for a reward of {}", named.shares(found.reward));
    }
    let mut instructions: Vec<_> = scene.shares.create(scene.payer).into_iter().collect();
    instructions.push(named.view.rebalance(&found, scene.shares.address).map_err(refusal)?);
    named.send(session, words, scene.user, instructions)
}
