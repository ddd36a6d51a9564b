//! Whom to look at. The engine computes a health exactly, and takes its time; most accounts are far from the line at most prices. So
//! all are first weighed in floating point, and the engine is asked about those near the line only.
//!
//! The estimate is never far above the engine's ratio: a deposit beyond the position depth counts at its whole haircut, and a margin
//! covers the rounding. So nobody who is unhealthy is passed over, which a test holds against looking at everyone.

use ballast_client::engine::{
    health::position::AccountTerms,
    number::units::{Bps, ONE_BPS},
    price::cache::Reading,
    state::{reserve::Reserve, weights::Terms},
};

use super::chain::Chain;

/// Estimates below it are checked by the engine.
const NEAR: f64 = 1.002;
/// 10^-8 USD in a dollar: the engine's unit.
const USD: f64 = 1e8;

/// A deposit or a debt.
#[derive(Clone, Copy)]
struct Held {
    reserve: usize,
    terms: Terms,
    is_debt: bool,
    atoms: f64,
}

/// What each account has, and how healthy that makes it.
#[derive(Clone, Default)]
pub struct Watch {
    held: Vec<Vec<Held>>,
    /// Estimated maintenance collateral ÷ debt of each account; infinite without debt.
    pub ratios: Vec<f64>,
    /// Collateral and debt at spot of those with a debt, USD.
    pub locked: (f64, f64),
}

/// What an atom of a reserve counts for, USD.
struct Unit {
    /// As a deposit and as a debt, on the terms of each mode.
    weighted: [(f64, f64); 3],
    spot: f64,
    /// What of a deposit counts whole on each, USD, and the share at which the rest of it does.
    depth: [(f64, f64); 3],
}

impl Unit {
    fn of(reserve: &Reserve) -> Self {
        let price = &reserve.price;
        let scale = 2f64.powi(price.shift as i32) * USD;
        let worth = |reading: Reading, weight: Bps| reading.0 as f64 * weight.0 as f64 / scale;
        let weights = &reserve.risk.weights;
        let depth = weights.map(|weights| {
            let (weight, haircut) = (weights.maintenance_asset.0 as f64, reserve.risk.position_haircut.0 as f64);
            let whole = reserve.risk.position_depth as f64 * weight / ONE_BPS as f64;
            if whole == 0.0 { (f64::INFINITY, 1.0) } else { (whole, (weight - haircut).max(0.0) / weight) }
        });
        Self {
            weighted: weights.map(|weights| {
                (
                    worth(price.low_maintenance, weights.maintenance_asset),
                    worth(price.high_maintenance, weights.maintenance_liability),
                )
            }),
            spot: worth(price.spot, Bps(ONE_BPS)),
            depth,
        }
    }

    /// What a deposit counts for, or a little less.
    fn deposit(&self, held: &Held) -> f64 {
        let (value, (depth, left)) =
            (held.atoms * self.weighted[held.terms as usize].0, self.depth[held.terms as usize]);
        if value <= depth { value } else { (value * left).max(depth) }
    }
}

impl Watch {
    /// Takes over what the first `count` accounts have at the chain's time.
    pub fn refresh(&mut self, chain: &Chain, count: usize) {
        self.held.resize(count, Vec::new());
        self.ratios.resize(count, f64::INFINITY);
        for index in 0..count {
            self.account(chain, index);
        }
    }

    /// Takes over what one account has.
    pub fn account(&mut self, chain: &Chain, index: usize) {
        let account = &chain.accounts[index];
        let terms = AccountTerms::of(account);
        let held = account.positions().iter().map(|position| {
            let reserve = &chain.view.reserves[position.reserve as usize];
            let atoms = if position.is_debt() {
                reserve.debt_index_at(chain.now).amount_ceil(position.shares)
            } else {
                reserve.deposit_index_at(chain.now).amount_floor(position.shares)
            };
            Held {
                reserve: position.reserve as usize,
                terms: terms.of_position(reserve),
                is_debt: position.is_debt(),
                atoms: atoms as f64,
            }
        });
        self.held[index].clear();
        self.held[index].extend(held);
    }

    /// Weighs all accounts at the chain's prices; returns those near the line or beyond it. While a price is too old to be read as it
    /// is, that is everyone with a debt.
    pub fn scan(&mut self, chain: &Chain) -> Vec<usize> {
        let reserves = &chain.view.reserves;
        let units: Vec<_> = reserves.iter().map(Unit::of).collect();
        let is_plain = reserves.iter().all(|reserve| reserve.price.condition(chain.now).is_current());
        self.locked = (0.0, 0.0);
        let mut near = Vec::new();
        for (index, held) in self.held.iter().enumerate() {
            let (mut weighted, mut spot) = ((0.0, 0.0), (0.0, 0.0));
            for one in held {
                let unit = &units[one.reserve];
                if one.is_debt {
                    weighted.1 += one.atoms * unit.weighted[one.terms as usize].1;
                    spot.1 += one.atoms * unit.spot;
                } else {
                    weighted.0 += unit.deposit(one);
                    spot.0 += one.atoms * unit.spot;
                }
            }
            if weighted.1 == 0.0 {
                self.ratios[index] = f64::INFINITY;
                continue;
            }
            self.locked = (self.locked.0 + spot.0, self.locked.1 + spot.1);
            self.ratios[index] = weighted.0 / weighted.1;
            if self.ratios[index] < NEAR || !is_plain {
                near.push(index);
            }
        }
        near
    }
}
