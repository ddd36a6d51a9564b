//! The engine beside an independent model in exact rationals, through the same random sequences.
//!
//! Tolerances, and why:
//! - Each action rounds to a share and to an atom, against the actor: one share (as many atoms as the index says) and
//!   one atom per action so far, and as many again in between that interest multiplies.
//! - The engine's interest falls short of the exact by its roundings: utilisation and the depositors' share are good to
//!   2^-29 of one, so at a low utilisation little of a low interest is exact. Below 2^-28 of what interest would be
//!   at full utilisation, and 2^-28 of the interest itself; of the whole pool's, because a rate depends on the others.
//! - Who leaves a reserve in doubt gives up as many times more than he gets, and so the same share of the errors of its sums.
//! - A reported part: 2^-31, and one unit of 10^-8 USD per position.
//! - Values: 2^-44 of a price (its readings have 46 bits), and one unit of 10^-8 USD per position.

use crate::common::model::{Pool, health};
use crate::common::{
    Action, EXPONENT, Outcome, START, TOKENS, World, cases, lending_action,
    rational::{Rational, abs, fixed, int, ratio, ten_to, two_to, zero},
    run, sequence_of,
};
use ballast_engine::{health::Requirement, number::units::Part, state::account::Side};
use proptest::prelude::*;

const USERS: usize = 4;

/// Atoms by which the engine's interest may fall short, all users together.
fn shortfall(pool: &Pool) -> Rational {
    (&pool.interest + &pool.exposure) * two_to(-28)
}

/// A part as a rational.
fn part(part: Part) -> Rational {
    if part == Part::WHOLE { int(1) } else { fixed(part.0 as u128, 32) }
}

struct Model {
    pools: Vec<Pool>,
    /// Successful actions on each pool.
    actions: [u32; 4],
    /// Atoms by which balances of each pool may differ besides, because somebody left it in doubt.
    of_doubt: [Rational; 4],
}

impl Model {
    fn new(world: &World) -> Self {
        let pools = world.reserves.iter().zip(TOKENS);
        let pools = pools.map(|(reserve, (decimals, _))| Pool::new(reserve.config, decimals, USERS, START)).collect();
        let mut model = Self { pools, actions: [0; 4], of_doubt: [0; 4].map(|_| zero()) };
        model.take_prices(world);
        model
    }

    /// Prices are as published; what the engine makes of them is its affair.
    fn take_prices(&mut self, world: &World) {
        for (pool, reserve) in self.pools.iter_mut().zip(&world.reserves) {
            let usd = |number: u64| int(number) * ten_to(EXPONENT);
            (pool.spot, pool.ema, pool.confidence) =
                (usd(reserve.price.price), usd(reserve.price.ema_price), usd(reserve.price.confidence));
        }
    }

    fn touch(&mut self, reserve: u8, now: i64) -> &mut Pool {
        self.actions[reserve as usize] += 1;
        let pool = &mut self.pools[reserve as usize];
        pool.grow(now);
        pool
    }

    /// Atoms by which a balance of a pool may differ.
    fn tolerance(&self, world: &World, reserve: usize) -> Rational {
        let index = |index: ballast_engine::number::index::Index| fixed(index.to_bits(), 64);
        let record = &world.reserves[reserve];
        let (debt, deposit) = (record.debt_index_at(world.now), record.deposit_index_at(world.now));
        let share = index(debt).max(index(deposit)).max(int(1));
        let mut pool = self.pools[reserve].clone();
        pool.grow(world.now);
        int(2 * self.actions[reserve] + 2) * (share + int(1)) + shortfall(&pool) + &self.of_doubt[reserve]
    }

    /// What of each deposit a reserve would have left if all that is reported were lost.
    fn exit_ratio(&self, before: &World, reserve: u8) -> Rational {
        let mut pool = self.pools[reserve as usize].clone();
        pool.grow(before.now);
        let doubtful = before.accounts.iter().zip(&pool.debts).map(|(account, debt)| debt * part(account.doubtful));
        let lost = doubtful.fold(zero(), |sum, lost| sum + lost) - &pool.fees;
        let deposits = pool.total_deposits();
        if lost <= zero() { int(1) } else { (&deposits - lost).max(zero()) / deposits }
    }

    /// A report is the part of an account's debts that its deposits do not cover: all prices here are current.
    fn check_report(&self, after: &World, user: usize) {
        let balances = Self::atoms(after, user);
        let value = |side: fn(&(Rational, Rational)) -> &Rational| {
            self.pools.iter().zip(&balances).fold(zero(), |sum, (pool, balance)| sum + side(balance) * pool.atom())
        };
        let (assets, debts) = (value(|balance| &balance.0), value(|balance| &balance.1));
        let expected = (&debts - assets).max(zero()) / &debts;
        let reported = part(after.accounts[user].doubtful);
        assert!(abs(&reported - &expected) <= two_to(-31) + int(8) / debts, "{reported} reported of {expected}");
    }

    /// Does what the engine did, with the amounts that it moved.
    fn follow(&mut self, before: &World, after: &World, action: Action, outcome: Outcome) {
        match (action, outcome) {
            // Interest is written when a pool changes; prices change none.
            (Action::Wait(_) | Action::Price { .. }, _) => (),
            (Action::Deposit(user, ..), Outcome::Moved { reserve, amount }) => {
                let pool = self.touch(reserve, after.now);
                pool.cash += int(amount);
                pool.deposits[user] += int(amount);
            }
            (Action::Borrow(user, ..), Outcome::Moved { reserve, amount }) => {
                let pool = self.touch(reserve, after.now);
                pool.cash -= int(amount);
                pool.debts[user] += int(amount);
            }
            (Action::Withdraw(user, ..), Outcome::Moved { reserve, amount }) => {
                let ratio = self.exit_ratio(before, reserve);
                if ratio < int(1) {
                    let error = self.tolerance(before, reserve as usize) * int(USERS as u32 * 4) / &ratio;
                    self.of_doubt[reserve as usize] += error;
                }
                self.take_deposit(after, user, reserve, amount, &ratio);
            }
            (Action::Report(user), _) => {
                for debt in after.accounts[user].positions().iter().filter(|position| position.is_debt()) {
                    self.touch(debt.reserve, after.now);
                }
                self.check_report(after, user);
            }
            (Action::Repay(user, ..), Outcome::Moved { reserve, amount }) => {
                self.take_debt(after, user, reserve, amount);
            }
            (Action::Collect(_), Outcome::Moved { reserve, amount }) => {
                let tolerance = self.tolerance(after, reserve as usize) * int(USERS as u32 * 2);
                let pool = self.touch(reserve, after.now);
                assert!(int(amount) <= &pool.fees + tolerance, "more fees than there are");
                pool.cash -= int(amount);
                pool.fees -= int(amount);
                pool.set_aside(&after.reserves[reserve as usize]);
            }
            (Action::Liquidate { user, .. }, Outcome::Liquidated(done)) => {
                let moved = |side| {
                    (0u8..4).find(|&reserve| {
                        let shares = |world: &World| world.accounts[user].shares(reserve, side);
                        shares(before).is_ok() && shares(before) != shares(after)
                    })
                };
                let (Some(debt), collateral) = (moved(Side::Debt), moved(Side::Deposit)) else {
                    panic!("no debt was repaid")
                };
                self.check_liquidation(before, after, user, debt, collateral, &done);
                self.take_debt(after, user, debt, done.repaid);
                if let Some(collateral) = collateral {
                    self.take_deposit(after, user, collateral, done.seized, &int(1));
                }
            }
            (Action::Settle(user, _), _) => {
                let settled = |reserve: &u8| {
                    before.accounts[user].shares(*reserve, Side::Debt).is_ok()
                        && after.accounts[user].shares(*reserve, Side::Debt).is_err()
                };
                let reserve = (0u8..4).find(settled).expect("a debt was settled");
                let pool = self.touch(reserve, after.now);
                pool.forgive(user);
                pool.set_aside(&after.reserves[reserve as usize]);
            }
            other => panic!("no such outcome: {other:?}"),
        }
        self.take_prices(after);
    }

    /// Takes tokens out of a deposit, of which a ratio is paid out and the rest is left to fees; what the engine rounds away when
    /// it closes it belongs to fees too.
    fn take_deposit(&mut self, after: &World, user: usize, reserve: u8, amount: u64, ratio: &Rational) {
        let tolerance = self.tolerance(after, reserve as usize);
        let closed = after.accounts[user].shares(reserve, Side::Deposit).is_err();
        let pool = self.touch(reserve, after.now);
        pool.cash -= int(amount);
        pool.deposits[user] -= int(amount) / ratio;
        pool.fees += int(amount) / ratio - int(amount);
        if closed {
            let rest = std::mem::replace(&mut pool.deposits[user], zero());
            assert!(abs(rest.clone()) <= tolerance, "{rest} left of a deposit");
            pool.fees += rest;
        }
    }

    /// Puts tokens into a debt, likewise.
    fn take_debt(&mut self, after: &World, user: usize, reserve: u8, amount: u64) {
        let tolerance = self.tolerance(after, reserve as usize);
        let closed = after.accounts[user].shares(reserve, Side::Debt).is_err();
        let pool = self.touch(reserve, after.now);
        pool.cash += int(amount);
        pool.debts[user] -= int(amount);
        if closed {
            let rest = std::mem::replace(&mut pool.debts[user], zero());
            assert!(abs(rest.clone()) <= tolerance, "{rest} left of a debt");
            pool.fees -= rest;
        }
    }

    /// Balances of the engine to the atom, as rationals.
    fn atoms(world: &World, user: usize) -> Vec<(Rational, Rational)> {
        let balance = |(index, reserve): (usize, &ballast_engine::state::reserve::Reserve)| {
            let shares = |side| world.accounts[user].shares(index as u8, side).unwrap_or_default();
            let deposit = reserve.deposit_index_at(world.now).amount_floor(shares(Side::Deposit));
            (int(deposit), int(reserve.debt_index_at(world.now).amount_ceil(shares(Side::Debt))))
        };
        world.reserves.iter().enumerate().map(balance).collect()
    }

    fn check(&self, world: &World) {
        let mut now = self.pools.clone();
        now.iter_mut().for_each(|pool| pool.grow(world.now));
        for (index, pool) in now.iter().enumerate() {
            let tolerance = self.tolerance(world, index);
            // Rounding never favours the user: before any interest, to the last bit. What rounding takes from others is
            // lent and owed, though, and moves the rate: then he may have a part of it.
            let favour = if pool.interest == zero() { two_to(-60) } else { tolerance.clone() };
            for user in 0..USERS {
                let (deposit, debt) = &Self::atoms(world, user)[index];
                let (lost, extra) = (&pool.deposits[user] - deposit, debt - &pool.debts[user]);
                assert!(
                    lost <= tolerance && extra <= tolerance,
                    "user {user} lost {lost} or owes {extra} more in {index}: {tolerance}"
                );
                assert!(-lost <= favour && -extra <= favour, "user {user} gained in {index}");
            }
            let reserve = &world.reserves[index];
            let all = &tolerance * int(USERS as u32);
            assert!(pool.cash == int(reserve.cash), "cash is to the atom");
            let deposits = fixed(1, 64) * int(reserve.deposit_index_at(world.now).exact(reserve.deposit_shares));
            let debts = fixed(1, 64) * int(reserve.debt_index_at(world.now).exact(reserve.debt_shares));
            assert!(abs(deposits - pool.total_deposits()) <= all && abs(debts - pool.total_debts()) <= all);
            let mut accrued = *reserve;
            accrued.accrue(world.now);
            let fees = fixed(1, 64) * int(accrued.fees()) + int(accrued.claimable);
            assert!(abs(fees - &pool.fees) <= all.clone() + all, "fees");
        }
        for user in 0..USERS {
            let balances = Self::atoms(world, user);
            for (requirement, initial) in [(Requirement::Initial, true), (Requirement::Maintenance, false)] {
                let Ok(engine) = world.health(user, requirement) else { continue };
                if initial && now.iter().any(Pool::is_on_the_edge) {
                    continue;
                }
                let (collateral, debt) = health(&now, &balances, initial);
                // Readings have 46 bits of the highest: the lowest, less the bias, may have four less here.
                let near = |engine: u128, exact: Rational| {
                    let tolerance = &exact * two_to(-41) + int(4);
                    abs(int(engine) - exact) <= tolerance
                };
                assert!(
                    near(engine.collateral.0, collateral.clone()),
                    "{requirement:?} {engine:?} is not {collateral}"
                );
                assert!(near(engine.debt.0, debt.clone()), "{requirement:?} {engine:?} is not {debt}");
                assert!(int(engine.collateral.0) <= collateral && int(engine.debt.0) >= debt, "rounded for the user");
            }
        }
    }

    /// The repayment against the solution of (C − r b) = T (D − r a), and the seizure against its value and penalty.
    fn check_liquidation(
        &self,
        before: &World,
        after: &World,
        user: usize,
        debt: u8,
        collateral: Option<u8>,
        done: &ballast_engine::ledger::liquidation::Liquidation,
    ) {
        let mut pools = self.pools.clone();
        pools.iter_mut().for_each(|pool| pool.grow(before.now));
        let balances = Self::atoms(before, user);
        let (weighted, owed) = health(&pools, &balances, false);
        assert!(weighted < owed, "a healthy account was liquidated");
        let Some(collateral) = collateral else { return };
        let (from, to) = (&pools[collateral as usize], &pools[debt as usize]);
        let penalty = int(1) + ratio(done.penalty.0, 10_000);
        // The penalty by depth, to a basis point; less only if the account cannot afford it.
        let shortfall = (&owed - &weighted) / &owed * int(10_000);
        let full = int(before.market.config.full_penalty_shortfall.0);
        let config = &from.config;
        let range = int(config.max_penalty.0 - config.min_penalty.0);
        let by_depth = int(config.min_penalty.0) + range * shortfall.min(full.clone()) / full;
        let spot = |side: fn(&(Rational, Rational)) -> &Rational| {
            pools.iter().zip(&balances).fold(zero(), |sum, (pool, balance)| sum + side(balance) * pool.atom())
        };
        let (assets, debts) = (spot(|balance| &balance.0), spot(|balance| &balance.1));
        let affordable = (&assets - &debts) / &debts * int(10_000);
        let expected = by_depth.min(affordable.max(int(config.min_penalty.0)));
        // A basis point of the shortfall, rounded down, is worth several of the penalty.
        let step = int(2) + ratio(config.max_penalty.0, before.market.config.full_penalty_shortfall.0);
        assert!(abs(expected.clone() - int(done.penalty.0)) <= step, "penalty {:?} is not {expected}", done.penalty);

        let (repaid, seized) = (int(done.repaid) * to.atom(), int(done.seized) * from.atom());
        let share = fixed(after.reserves[debt as usize].debt_index.to_bits(), 64) + int(1);
        let grain = to.atom() * share + from.atom() + int(4);
        assert!(seized <= &repaid * &penalty + &grain, "seized {seized} for {repaid}");
        let target = ratio(before.market.config.target_health.0, 10_000);
        let (a, b) = (to.weighted(false).1 / to.atom(), from.weighted(false).0 / from.atom() * &penalty);
        let needed = (&target * &owed - &weighted) / (&target * a - b);
        let whole = &balances[debt as usize].1 * to.atom();
        let dust = int(before.market.config.dust_value);
        let all_seized = after.accounts[user].shares(collateral, Side::Deposit).is_err()
            || after.reserves[collateral as usize].cash == 0;
        let slack = &grain * int(2) + &needed * two_to(-24);
        if whole > dust && &whole - &needed >= &dust + &slack {
            assert!(repaid <= &needed + &slack, "repaid {repaid} of {needed}");
        }
        if !all_seized {
            assert!(abs(seized - &repaid * penalty) <= grain, "not what the repayment is worth");
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn engine_and_exact_model_agree(actions in sequence_of(lending_action(USERS), 50)) {
        let mut world = World::new(USERS);
        let mut model = Model::new(&world);
        run(&mut world, &actions, |before, after, action, outcome| {
            model.follow(before, after, action, outcome);
            model.check(after);
        });
    }
}
