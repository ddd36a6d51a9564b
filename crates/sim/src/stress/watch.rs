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
    reserve: u8,
    terms: Terms,
    is_debt: bool,
    atoms: f64,
}

/// The few positions of an account, side by side in memory; what has more is always looked at.
#[derive(Clone, Default)]
struct Holding {
    few: [Option<Held>; FEW],
    has_more: bool,
    /// Whether it has changed since it was weighed.
    is_new: bool,
}

/// Positions that are weighed.
const FEW: usize = 4;

/// What each account has, and how healthy that makes it.
#[derive(Clone, Default)]
pub struct Watch {
    held: Vec<Holding>,
    /// Maintenance collateral ÷ debt of each account when all were weighed, estimated; infinite without debt.
    pub ratios: Vec<f64>,
    /// Collateral and debt at spot of those with a debt, USD.
    pub locked: (f64, f64),
    /// What atoms counted for when all were weighed.
    weighed_at: Vec<Unit>,
}

/// What an atom of a reserve counts for, USD.
#[derive(Clone)]
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

    /// To which share of what it was a deposit has fallen since then at most, and by which factor a debt has risen, on any terms. All
    /// the way where it cannot be told.
    fn moved(&self, then: &Self) -> (f64, f64) {
        if self.depth != then.depth {
            return (0.0, 1.0);
        }
        let each = self.weighted.iter().zip(&then.weighted);
        each.fold((1.0, 1.0), |(low, high), (now, then)| {
            let deposit = if now.0 < then.0 { now.0 / then.0 } else { 1.0 };
            let debt = if now.1 > then.1 { now.1 / then.1 } else { 1.0 };
            (f64::min(low, deposit), f64::max(high, debt))
        })
    }

    /// What a deposit counts for, or a little less.
    fn deposit(&self, held: &Held) -> f64 {
        let (value, (depth, left)) =
            (held.atoms * self.weighted[held.terms as usize].0, self.depth[held.terms as usize]);
        if value <= depth { value } else { (value * left).max(depth) }
    }
}

impl Holding {
    /// Weighted collateral and debt, and both at spot, USD.
    fn worth(&self, units: &[Unit]) -> ((f64, f64), (f64, f64)) {
        let (mut weighted, mut spot) = ((0.0, 0.0), (0.0, 0.0));
        for one in self.few.iter().flatten() {
            let unit = &units[one.reserve as usize];
            if one.is_debt {
                weighted.1 += one.atoms * unit.weighted[one.terms as usize].1;
                spot.1 += one.atoms * unit.spot;
            } else {
                weighted.0 += unit.deposit(one);
                spot.0 += one.atoms * unit.spot;
            }
        }
        (weighted, spot)
    }
}

impl Watch {
    /// Takes over what the first `count` accounts have at the chain's time.
    pub fn refresh(&mut self, chain: &Chain, count: usize) {
        self.held.resize(count, Holding::default());
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
                reserve: position.reserve,
                terms: terms.of_position(reserve),
                is_debt: position.is_debt(),
                atoms: atoms as f64,
            }
        });
        let has_more = account.positions().len() > FEW;
        let mut holding = Holding { has_more, is_new: true, ..Holding::default() };
        holding.few.iter_mut().zip(held).for_each(|(place, held)| *place = Some(held));
        self.held[index] = holding;
    }

    /// Weighs all accounts at the chain's prices.
    pub fn weigh(&mut self, chain: &Chain) {
        let units: Vec<_> = chain.view.reserves.iter().map(Unit::of).collect();
        self.locked = (0.0, 0.0);
        for index in 0..self.held.len() {
            let (weighted, spot) = self.held[index].worth(&units);
            self.held[index].is_new = false;
            self.ratios[index] = if weighted.1 == 0.0 { f64::INFINITY } else { weighted.0 / weighted.1 };
            if weighted.1 > 0.0 {
                self.locked = (self.locked.0 + spot.0, self.locked.1 + spot.1);
            }
        }
        self.weighed_at = units;
    }

    /// Those near the line or beyond it at the chain's prices. While a price is too old to be read as it is, that is everyone.
    pub fn scan(&mut self, chain: &Chain) -> Vec<usize> {
        let reserves = &chain.view.reserves;
        if !reserves.iter().all(|reserve| reserve.price.condition(chain.now).is_current()) {
            return (0..self.held.len()).collect();
        }
        let units: Vec<_> = reserves.iter().map(Unit::of).collect();
        // No ratio has fallen further since it was weighed than if all of an account's collateral had fallen as the worst of all, and all
        // of its debt had risen as the highest.
        let pairs = || units.iter().zip(&self.weighed_at);
        let (fallen, risen) = pairs()
            .map(|(now, then)| now.moved(then))
            .fold((1.0, 1.0), |(low, high), (fallen, risen)| (f64::min(low, fallen), f64::max(high, risen)));
        let left = fallen / risen;
        let mut near = Vec::new();
        for index in 0..self.held.len() {
            let holding = &self.held[index];
            if self.ratios[index] * left >= NEAR && !holding.is_new && !holding.has_more {
                continue;
            }
            let (weighted, _) = holding.worth(&units);
            if holding.has_more || weighted.0 < NEAR * weighted.1 {
                near.push(index);
            }
        }
        near
    }
}
