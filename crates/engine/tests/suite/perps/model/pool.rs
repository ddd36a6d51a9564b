//! What the pool has and owes, what accounts are worth, and who comes and goes.

use super::*;
use crate::common::rational::abs;
use ballast_engine::{
    price::cache::Reading,
    state::account::{Position, Side},
};

/// What counts beside real shares and atoms.
const VIRTUAL: u64 = 1_000;

/// See the engine's `Standing`.
#[derive(Clone, Debug)]
pub struct Standing {
    pub cash: Rational,
    pub claims: Rational,
    pub low: Rational,
    pub high: Rational,
    pub buffer: Rational,
}

impl Standing {
    pub fn factor(&self) -> Rational {
        if self.cash >= self.claims { int(1) } else { &self.cash / &self.claims }
    }

    /// Buffer ÷ low value, of one at most.
    pub fn used(&self) -> Rational {
        if self.low > zero() {
            (&self.buffer / &self.low).min(int(1))
        } else if self.buffer > zero() {
            int(1)
        } else {
            zero()
        }
    }
}

/// Weighted sums of an account, 10^-8 USD.
#[derive(Clone, Debug)]
pub struct Worth {
    pub collateral: Rational,
    pub debt: Rational,
}

/// What an atom is worth at a reading, 10^-8 USD.
pub fn atom(reserve: &Reserve, reading: Reading) -> Rational {
    int(reading.0) * int(10_000) * two_to(-(reserve.price.shift as i32))
}

/// All that an account has lent and borrowed but its deposit of the quote token.
fn others(world: &World, user: usize) -> impl Iterator<Item = &Position> {
    let is_quote = |position: &&Position| position.reserve == QUOTE && position.side == Side::Deposit as u8;
    world.accounts[user].positions().iter().filter(move |position| !is_quote(position))
}

impl Model {
    /// Of a model that is accrued.
    pub fn standing(&self, world: &World, width: Width) -> Standing {
        let mut sums = Standing {
            cash: self.cash.clone(),
            claims: zero(),
            low: self.cash.clone(),
            high: self.cash.clone(),
            buffer: zero(),
        };
        for perp in &self.perps {
            let Prices { low, spot, high } = prices(world, perp.index, width);
            sums.low -= perp.gain(false, &high).max(zero()) + perp.gain(true, &low).max(zero());
            sums.high -= perp.gain(false, &low) + perp.gain(true, &high);
            sums.claims += perp.gain(false, &spot).max(zero()) + perp.gain(true, &spot).max(zero());
            sums.buffer += perp.buffer(world);
        }
        sums
    }

    /// What positions pay a year at so much use.
    pub fn borrow_at(&self, used: &Rational) -> Rational {
        let config = &self.config;
        let kink = bps(config.borrow_kink.0);
        let line = |from: u16, to: u16, part: Rational| bps(from) + (bps(to) - bps(from)) * part;
        if *used <= kink {
            line(config.borrow_base.0, config.borrow_at_kink.0, used / kink)
        } else {
            line(config.borrow_at_kink.0, config.borrow_full.0, (used - &kink) / (int(1) - &kink))
        }
    }

    /// An account's deposits and debts. Those of the quote token are the model's, the others the engine's to the atom.
    fn lent(&self, world: &World, user: usize, initial: bool) -> Worth {
        let mut worth = Worth { collateral: zero(), debt: zero() };
        let low = |reserve: &Reserve| {
            let (cache, weights) = (&reserve.price, &reserve.config.risk.cross);
            let (reading, weight) = if initial {
                (cache.low_initial, weights.initial_asset)
            } else {
                (cache.low_maintenance, weights.maintenance_asset)
            };
            atom(reserve, reading) * bps(weight.0)
        };
        worth.collateral += &self.deposits[user] * low(&world.reserves[QUOTE as usize]);
        for position in others(world, user) {
            let reserve = &world.reserves[position.reserve as usize];
            let (cache, weights) = (&reserve.price, &reserve.config.risk.cross);
            if position.side == Side::Deposit as u8 {
                let deposit = int(reserve.deposit_index_at(world.now).amount_floor(position.shares));
                worth.collateral += deposit * low(reserve);
            } else {
                let debt = int(reserve.debt_index_at(world.now).amount_ceil(position.shares));
                let (reading, weight) = if initial {
                    (cache.high_initial, weights.initial_liability)
                } else {
                    (cache.high_maintenance, weights.maintenance_liability)
                };
                worth.debt += debt * atom(reserve, reading) * bps(weight.0);
            }
        }
        worth
    }

    /// Losses and margins count with the debts, gains with the deposits: of those what the pool pays, and none for new risk.
    pub fn health(&self, world: &World, user: usize, initial: bool) -> Worth {
        let mut worth = self.lent(world, user, initial);
        let reserve = &world.reserves[QUOTE as usize];
        let cache = &reserve.price;
        let (low, high) = if initial {
            (cache.low_initial, cache.high_initial)
        } else {
            (cache.low_maintenance, cache.high_maintenance)
        };
        for perp in &self.perps {
            let holding = &perp.holdings[user];
            let width = if initial { Width::Initial } else { Width::Maintenance };
            let base = if initial { perp.config.initial_margin } else { perp.config.maintenance_margin };
            let prices = prices(world, perp.index, width);
            let gain = holding.gain_to_close(&prices);
            worth.debt += (perp.margin(holding, &prices.high, base.0) - gain.clone().min(zero())) * atom(reserve, high);
            if !initial {
                worth.collateral += gain.max(zero()) * &self.factor * atom(reserve, low);
            }
        }
        worth
    }

    /// What of its quote deposit an account can give for its perps: of one with debts, what those do not need.
    pub fn free(&self, world: &World, user: usize) -> Option<Rational> {
        if !world.accounts[user].has_debt() {
            return None;
        }
        let lent = self.lent(world, user, true);
        let quote = &world.reserves[QUOTE as usize];
        Some((lent.collateral - lent.debt).max(zero()) / atom(quote, quote.price.spot))
    }

    /// What an account's deposits are worth beyond its debts, unweighted.
    pub fn equity(&self, world: &World, user: usize) -> Rational {
        let quote = &world.reserves[QUOTE as usize];
        let mut equity = &self.deposits[user] * atom(quote, quote.price.spot);
        for position in others(world, user) {
            let reserve = &world.reserves[position.reserve as usize];
            let atom = atom(reserve, reserve.price.spot);
            if position.side != Side::Deposit as u8 {
                equity -= int(reserve.debt_index_at(world.now).amount_ceil(position.shares)) * atom;
            } else {
                equity += int(reserve.deposit_index_at(world.now).amount_floor(position.shares)) * atom;
            }
        }
        equity
    }

    /// Shares for an amount, at the value that is high.
    pub fn shares_for(&self, standing: &Standing, amount: u64) -> Rational {
        int(amount) * int(self.shares + VIRTUAL) / (&standing.high + int(VIRTUAL))
    }

    /// What so many shares are worth at the value that is low, and what the pool can do without.
    pub fn worth_of(&self, standing: &Standing, shares: u64) -> (Rational, Rational) {
        let low = standing.low.clone().max(zero());
        let spare = (&low - &standing.buffer * bps(self.config.exit_cover.0)).max(zero());
        ((int(shares) * (&low + int(VIRTUAL)) / int(self.shares + VIRTUAL)).min(low), spare)
    }

    /// After an action: what the engine wrote as whole basis points or 32 bits must be what it should, and is what counts from now on.
    pub fn follow(&mut self, scene: &crate::perps::Scene, is_pool_written: bool) {
        let world = &scene.world;
        let now = self.accrued(world);
        for (perp, exact) in self.perps.iter_mut().zip(&now.perps) {
            let record = scene.perp(perp.index);
            if record.last_accrual == perp.last {
                let rate = ratio(record.rate, 1u64 << 32);
                let loose = if perp.left.iter().all(|left| *left == int(1)) {
                    zero()
                } else {
                    ratio(4, perp.config.skew_scale)
                };
                assert!(abs(&rate - &perp.rate) <= two_to(-29) + loose, "funding rate {rate} is not {}", perp.rate);
                perp.rate = rate;
            }
            for (user, holding) in perp.holdings.iter_mut().enumerate() {
                let is_gone = world.accounts[user].perp(perp.index).is_none();
                if is_gone && (holding.owed != zero() || holding.paid != zero()) {
                    assert!(abs(exact.holdings[user].owed.clone()) <= now.tolerance(), "a position is gone");
                    self.slack += abs(holding.owed.clone()) + abs(holding.paid.clone());
                    (holding.owed, holding.paid, holding.is_short) = (zero(), zero(), false);
                }
            }
        }
        if !is_pool_written {
            return;
        }
        let standing = now.standing(world, Width::Maintenance);
        let tolerance = now.tolerance() * int(2) + &standing.buffer * two_to(-28);
        let pool = scene.pool();
        let (borrow, factor) = (fixed(pool.borrow_rate as u128, 32), fixed(pool.profit_factor.0 as u128, 32));
        let loose = if standing.low > zero() { &tolerance * int(2) / &standing.low } else { int(1) };
        let used = standing.used();
        let (least, most) = ((&used - &loose - ratio(2, 10_000)).max(zero()), (used + loose).min(int(1)));
        let (least, most) = (self.borrow_at(&least) - ratio(1, 10_000), self.borrow_at(&most) + two_to(-30));
        assert!(least <= borrow && borrow <= most, "borrow rate {borrow} is not from {least} to {most}");
        let factor = if pool.profit_factor == ballast_engine::number::units::Part::WHOLE { int(1) } else { factor };
        let loose = tolerance / standing.claims.clone().max(int(1)) + two_to(-30);
        assert!(abs(&factor - standing.factor()) <= loose, "profit factor {factor} is not {}", standing.factor());
        (self.borrowed, self.borrowed_until) = (self.borrowed_at(world), world.now);
        (self.borrow, self.factor) = (borrow, factor);
    }
}
