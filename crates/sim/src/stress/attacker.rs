//! Someone who pumps a price and borrows against it: buys an asset until the money is spent, deposits it, and takes what dollars there
//! are for it while the price stands. The debt is never paid back.

use super::chain::Chain;
use crate::{
    assets::Asset,
    population::spot,
    venue::{Swap, Venue},
};

/// For how many turns the attacker tries to borrow.
const TURNS: u32 = 12;

/// An attack of a run.
#[derive(Clone, Debug)]
pub struct Attacker {
    /// When, unix seconds.
    from: i64,
    /// What is spent, USD.
    budget: f64,
    turns: u32,
    spent: f64,
    borrowed: f64,
}

impl Attacker {
    /// One who begins at a time, with so many USD; none with nothing.
    pub fn new(from: i64, budget: f64) -> Option<Self> {
        (budget > 0.0).then_some(Self { from, budget, turns: 0, spent: 0.0, borrowed: 0.0 })
    }

    /// The attacker's turn.
    pub fn act(&mut self, chain: &mut Chain, venue: &mut Venue, assets: &[Asset]) {
        let index = chain.accounts.len() - 1;
        let dollars = assets.iter().position(|asset| asset.is_stable);
        let (Some(dollar), true) = (dollars, chain.now >= self.from && self.turns < TURNS) else { return };
        if self.turns == 0 {
            let purchase = Swap { sold: (dollar, self.budget), bought: 0 };
            let tokens = venue.quote(purchase);
            venue.swap(purchase);
            self.spent = self.budget;
            // What a cap refuses is sold again at once.
            if chain.deposit(index, 0, assets[0].atoms(tokens)).is_err() {
                let sale = Swap { sold: (0, tokens), bought: dollar };
                self.spent -= venue.quote(sale);
                venue.swap(sale);
                self.turns = TURNS;
                return;
            }
        }
        self.turns += 1;
        for reserve in (0..assets.len()).filter(|reserve| assets[*reserve].is_stable) {
            let most = chain.view.max_borrow(&chain.accounts[index], reserve as u8, chain.now);
            let Ok(most) = most.map(|most| most.atoms).map_err(drop) else { continue };
            if most > 0 && chain.borrow(index, reserve as u8, most).is_ok() {
                self.borrowed += assets[reserve].tokens(most) * spot(&chain.view, reserve);
            }
        }
    }

    /// What the attack has brought: what was borrowed and what is left of the deposit above it, less what was spent, USD.
    pub fn gained(&self, left: f64) -> f64 {
        self.borrowed + left.max(0.0) - self.spent
    }
}
