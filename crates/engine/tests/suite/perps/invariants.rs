//! The invariants of perps, over random sequences: gaps of up to ±60 % a step, eight perps, both sides in one hand, late liquidations.

use super::*;
use ballast_engine::{
    Error, Result,
    health::{Requirement, account::health},
    number::units::Bps,
    state::{
        account::Side,
        perp::{PerpConfig, Pool, PoolConfig, book::Width, side::gain},
    },
};
use proptest::{prelude::*, strategy::ValueTree};

use crate::common::{AUTHORITY, cases, lend};

const USERS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Step {
    Shift(u8, i64),
    Wait(i64),
    Trade(usize, usize, i64),
    Close(usize, usize),
    Rest(usize, usize, i64),
    Fill(usize),
    Cancel(usize),
    Settle(usize, usize),
    Liquidate(usize, usize, usize),
    Cover(usize, usize, usize),
    WriteOff(usize, usize),
    Deleverage(usize),
    Resolve(usize),
    Deposit(usize, u8, u64),
    Withdraw(usize, u8, u64),
    Borrow(usize, u8, u64),
    LiquidateSpot(usize, usize),
    Provide(usize, u64),
    Leave(usize),
}

/// Everything there is, in one step of many.
fn step() -> impl Strategy<Value = Step> {
    let (user, perp, reserve) = (0..USERS, 0..PERPS.len(), 0u8..3);
    let value = prop_oneof![1i64..100, 100i64..20_000, 20_000i64..300_000].prop_map(|dollars| dollars * USD as i64);
    let signed = (value.clone(), any::<bool>()).prop_map(|(value, is_buy)| if is_buy { value } else { -value });
    let amount = value.prop_map(|value| value as u64);
    prop_oneof![
        3 => (reserve.clone(), -6_000i64..6_000).prop_map(|(reserve, bps)| Step::Shift(reserve, bps)),
        2 => (reserve.clone(), -300i64..300).prop_map(|(reserve, bps)| Step::Shift(reserve, bps)),
        3 => prop_oneof![1i64..60, 60i64..4_000, 4_000i64..200_000].prop_map(Step::Wait),
        10 => (user.clone(), perp.clone(), signed.clone()).prop_map(|(user, perp, value)| Step::Trade(user, perp, value)),
        4 => (user.clone(), perp.clone()).prop_map(|(user, perp)| Step::Close(user, perp)),
        1 => (user.clone(), perp.clone(), signed.clone()).prop_map(|(user, perp, value)| Step::Rest(user, perp, value)),
        4 => user.clone().prop_map(Step::Fill),
        3 => user.clone().prop_map(Step::Cancel),
        2 => (user.clone(), perp.clone()).prop_map(|(user, perp)| Step::Settle(user, perp)),
        3 => (user.clone(), perp.clone(), user.clone()).prop_map(|(user, perp, by)| Step::Liquidate(user, perp, by)),
        1 => (user.clone(), perp.clone(), user.clone()).prop_map(|(user, perp, by)| Step::Cover(user, perp, by)),
        5 => (user.clone(), perp.clone()).prop_map(|(user, perp)| Step::WriteOff(user, perp)),
        3 => perp.clone().prop_map(Step::Deleverage),
        1 => (0u8..20, perp).prop_map(|(rare, perp)| if rare == 0 { Step::Resolve(perp) } else { Step::Wait(1) }),
        1 => (user.clone(), reserve.clone(), amount.clone()).prop_map(|(user, reserve, value)| Step::Deposit(user, reserve, value)),
        2 => (user.clone(), reserve.clone(), amount.clone()).prop_map(|(user, reserve, value)| Step::Withdraw(user, reserve, value)),
        1 => (user.clone(), reserve, amount.clone()).prop_map(|(user, reserve, value)| Step::Borrow(user, reserve, value)),
        1 => (user.clone(), user.clone()).prop_map(|(user, by)| Step::LiquidateSpot(user, by)),
        2 => (user.clone(), amount).prop_map(|(user, value)| Step::Provide(user, value)),
        2 => user.prop_map(Step::Leave),
    ]
}

impl Step {
    /// Whether it is one of perps alone, which no reserve may feel.
    fn is_of_perps(self) -> bool {
        !matches!(
            self,
            Self::Shift(..)
                | Self::Wait(_)
                | Self::Deposit(..)
                | Self::Withdraw(..)
                | Self::Borrow(..)
                | Self::LiquidateSpot(..)
        )
    }

    fn run(self, scene: &mut Scene) -> Result<()> {
        // One of a user's positions, so that random steps meet something.
        let held = |scene: &Scene, user: usize, perp: usize| {
            let held: Vec<u8> = scene.world.accounts[user].perps().map(|position| position.perp).collect();
            if held.is_empty() { PERPS[perp] } else { held[perp % held.len()] }
        };
        let value = |scene: &Scene, reserve: u8, atoms: u64| scene.world.atoms(reserve, atoms / 100);
        match self {
            Self::Shift(reserve, bps) => scene.shift(reserve, bps),
            Self::Wait(seconds) => scene.pass(seconds),
            Self::Trade(user, perp, value) => return scene.trade(user, PERPS[perp], value).map(drop),
            Self::Close(user, perp) => return scene.close(user, held(scene, user, perp)).map(drop),
            Self::Rest(user, perp, value) => return scene.rest(user, PERPS[perp], value).map(drop),
            Self::Fill(user) => {
                // Whoever's is next.
                let users = (user..USERS).chain(0..user);
                let Some(user) = users.into_iter().find(|user| scene.world.accounts[*user].order.rests()) else {
                    return Err(Error::OrderNotFound);
                };
                let order = scene.world.accounts[user].order;
                let from = order.fills_from as i64;
                let reserve = scene.perp(order.perp).config.price;
                scene.pass((from - scene.world.now).max(0));
                let price = scene.world.prices[reserve as usize];
                return scene.fill(user, order.perp, price, (from - 1, from)).map(drop);
            }
            Self::Cancel(user) => {
                let perp = scene.world.accounts[user].order.perp;
                return scene.cancel(user, perp).map(drop);
            }
            Self::Settle(user, perp) => return scene.settle(user, held(scene, user, perp)).map(drop),
            Self::Liquidate(user, perp, by) if user != by => {
                let perp = held(scene, user, perp);
                return scene
                    .act_both(user, by, |ledger, account, other| ledger.liquidate_perp(account, perp, other))
                    .map(drop);
            }
            Self::Cover(user, perp, by) if user != by => {
                let (most, perp) = (u64::MAX, held(scene, user, perp));
                return scene
                    .act_both(user, by, |ledger, account, other| ledger.cover_perp_loss(account, perp, 1, other, most))
                    .map(drop);
            }
            // What is to be written off is closed first; and any perp that the pool cannot bear.
            Self::WriteOff(user, perp) => {
                let perp = held(scene, user, perp);
                return scene
                    .act_both(user, (user + 1) % USERS, |ledger, account, other| {
                        if account.perp(perp).is_some_and(|position| position.size != 0) {
                            ledger.liquidate_perp(account, perp, other)?;
                        }
                        ledger.write_off_perp(account, perp)
                    })
                    .map(drop);
            }
            Self::Deleverage(first) => {
                let mut done = Err(Error::NoDeleveraging);
                for n in 0..PERPS.len() {
                    let perp = PERPS[(first + n) % PERPS.len()];
                    done = scene.act(0, |ledger, _| ledger.deleverage_perp(perp)).map(drop);
                    if done.is_ok() {
                        break;
                    }
                }
                return done;
            }
            Self::Resolve(perp) => {
                return scene.act(0, |ledger, _| ledger.resolve_perp(&AUTHORITY, PERPS[perp])).map(drop);
            }
            Self::Deposit(user, reserve, atoms) => {
                let amount = value(scene, reserve, atoms);
                return scene.act(user, |ledger, account| lend(ledger, account, reserve, amount)).map(drop);
            }
            Self::Withdraw(user, reserve, atoms) => {
                let amount = value(scene, reserve, atoms);
                return scene.act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).map(drop);
            }
            Self::Borrow(user, reserve, atoms) => {
                let amount = value(scene, reserve, atoms);
                return scene.act(user, |ledger, account| ledger.borrow(account, reserve, amount)).map(drop);
            }
            Self::LiquidateSpot(user, by) if user != by => {
                let debt = scene.world.place(user, Side::Debt, 1);
                let collateral = scene.world.place(user, Side::Deposit, 0);
                return scene
                    .act(user, |ledger, account| ledger.liquidate(account, debt, collateral, u64::MAX >> 8, 0))
                    .map(drop);
            }
            Self::Provide(user, amount) => return scene.provide(user, amount).map(drop),
            Self::Leave(user) => {
                let held = scene.world.accounts[user].stake().map_or(0, |stake| stake.shares.0);
                scene.ask(user, held)?;
                scene.pass(3_600);
                return scene.leave(user).map(drop);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Users of all sizes: the last has little. A tight pool must bear more, and is more often short of it.
fn scene(is_tight: bool) -> Scene {
    let least_shock = Bps(if is_tight { 4_000 } else { 1_500 });
    let perps: Vec<PerpConfig> = (0..PERPS.len()).map(|n| PerpConfig { least_shock, ..perp_config(n) }).collect();
    let pool = PoolConfig { max_skew: Bps(if is_tight { 40_000 } else { 10_000 }), ..pool_config() };
    let mut scene = Scene::with(&perps, &pool, USERS, if is_tight { 60_000 } else { 300_000 }, 50_000);
    for (user, dollars) in [(3, 45_000), (4, 49_500)] {
        scene.act(user, |ledger, account| ledger.withdraw(account, QUOTE, dollars * USD)).unwrap();
    }
    scene
}

/// Runs steps, and hands each that succeeds to `check`: the scene before and after.
fn run(scene: &mut Scene, steps: &[Step], mut check: impl FnMut(&Scene, &Scene, Step)) {
    for &step in steps {
        let before = scene.clone();
        if step.run(scene).is_ok() {
            check(&before, scene, step);
        } else if !matches!(step, Step::Leave(_) | Step::Fill(_)) {
            assert_eq!(scene.world.reserves, before.world.reserves, "{step:?}");
        }
    }
}

/// I1: a side's size, cost and gains are the sums over its positions, to the last bit.
fn assert_sums(scene: &Scene) {
    for index in PERPS {
        let perp = scene.perp(index);
        for (side, of_side) in perp.sides.iter().enumerate() {
            let positions: Vec<_> = scene.world.accounts.iter().filter_map(|account| account.perp(index)).collect();
            let positions: Vec<_> = positions.into_iter().filter(|position| position.side_index() == side).collect();
            assert_eq!(of_side.size, positions.iter().map(|position| position.size).sum::<u64>());
            assert_eq!(of_side.cost(), positions.iter().map(|position| position.cost as i128).sum::<i128>());
            let (sign, price) = (1 - 2 * side as i64, scene.price(index));
            let value = of_side.lot_value(price);
            let of_position = |size: u64, cost: i64| gain(size as i64 * sign, value) - ((cost as i128) << 32);
            let sum: i128 = positions.iter().map(|position| of_position(position.size, position.cost)).sum();
            assert_eq!(of_side.gain(sign, price), sum);
        }
    }
}

/// Deposit shares of the quote reserve by what holds them.
fn holdings(scene: &Scene) -> u128 {
    let users = scene
        .world
        .accounts
        .iter()
        .map(|account| account.shares(QUOTE, Side::Deposit).map_or(0, |shares| shares.0 as u128));
    let perps = PERPS.iter().map(|index| scene.perp(*index)).map(|perp| perp.fund.0 as u128 + perp.insurance.0 as u128);
    users.sum::<u128>() + perps.sum::<u128>() + scene.pool().deposit.0 as u128
}

proptest! {
    #![proptest_config(cases(512))]

    /// I1, I2, I3, I4, I6 and I13 after each of any steps.
    #[test]
    fn books_hold_after_any_steps(is_tight: bool, steps in prop::collection::vec(step(), 1..60)) {
        let mut scene = scene(is_tight);
        run(&mut scene, &steps, |before, after, step| {
            assert_sums(after);
            // I2 and I3: every share is somebody's, so what traders get somebody paid.
            assert_eq!(holdings(after), after.world.reserves[QUOTE as usize].deposit_shares.0 as u128, "{step:?}");
            let of_pool: u64 = after.world.accounts.iter().filter_map(|account| account.stake()).map(|stake| stake.shares.0).sum();
            assert_eq!(of_pool, after.pool().shares.0);
            // I4: no reserve feels a step of perps, but for its interest.
            if step.is_of_perps() {
                for reserve in 0..4 {
                    let (was, is) = (&before.world.reserves[reserve], &after.world.reserves[reserve]);
                    assert_eq!((was.debt_shares, was.deposit_shares, was.cash), (is.debt_shares, is.deposit_shares, is.cash), "{step:?}");
                    assert_eq!(was.deposit_index_at(after.world.now), is.deposit_index_at(after.world.now), "{step:?}");
                }
            }
            // I6
            for width in [Width::Initial, Width::Maintenance] {
                let standing = after.standing(width);
                assert!(after.high_value(width) >= standing.low && standing.low <= standing.cash as i64, "{standing:?}");
            }
        });
    }

    /// I9: time alone takes from all positions together what it gives the pool, and never gives them anything.
    #[test]
    fn funding_gives_the_sides_nothing(is_tight: bool, steps in prop::collection::vec(step(), 1..40), seconds in prop_oneof![1i64..100, 100i64..100_000, 100_000i64..100_000_000]) {
        let mut scene = scene(is_tight);
        run(&mut scene, &steps, |_, _, _| {});
        for index in PERPS {
            let (perp, price) = (scene.perp(index), scene.price(index));
            let gains = |sides: &[ballast_engine::state::perp::Side; 2]| sides[0].gain(1, price) + sides[1].gain(-1, price);
            let borrowed = scene.pool().borrowed_at(scene.world.now + seconds);
            let (sides, rate) = perp.accrued(price, scene.world.reserves[perp.config.price as usize].risk.volatility.annual, borrowed, scene.world.now + seconds);
            assert!(gains(&sides) <= gains(&perp.sides), "{perp:?}");
            assert!(rate.unsigned_abs() <= 1 << 32);
        }
    }

    /// I14: whoever has a position can make it smaller or close it whole, whatever the pool's state, its caps and factor.
    #[test]
    fn closing_is_never_refused(is_tight: bool, steps in prop::collection::vec(step(), 1..60)) {
        let mut scene = scene(is_tight);
        run(&mut scene, &steps, |_, _, _| {});
        scene.pass(1);
        for user in 0..USERS {
            for index in PERPS {
                let position = scene.position(user, index);
                if position.size == 0 {
                    continue;
                }
                let mut halved = scene.clone();
                let lots = (scene.perp(index).sides[position.side_index()].lots(position.size / 2) as i64) * -position.sign();
                if lots != 0 {
                    halved.order(user, order(index, lots)).unwrap();
                    assert!(halved.position(user, index).size < position.size);
                }
                scene.close(user, index).unwrap();
                assert_eq!(scene.position(user, index).size, 0);
                assert_sums(&scene);
            }
        }
    }

    /// I11: every account below maintenance is brought back, or to its end, by those who liquidate, in any state of the pool. In the end
    /// nothing of a lender is touched, and whoever has no positions leaves with all he has.
    #[test]
    fn whoever_is_unhealthy_can_be_liquidated(is_tight: bool, steps in prop::collection::vec(step(), 1..60)) {
        let mut scene = scene(is_tight);
        run(&mut scene, &steps, |_, _, _| {});
        scene.pass(1);
        for user in 1..USERS {
            for _ in 0..PERPS.len() {
                let healthy = |scene: &Scene| {
                    let world = &scene.world;
                    health(&world.accounts[user], &world.reserves, &world.market.config, world.now, Requirement::Maintenance).unwrap().is_healthy()
                };
                if healthy(&scene) {
                    break;
                }
                let open: Vec<u8> = scene.world.accounts[user].perps().filter(|position| position.size != 0).map(|position| position.perp).collect();
                let Some(index) = open.first() else { break };
                scene.act_both(user, 0, |ledger, account, other| ledger.liquidate_perp(account, *index, other)).unwrap();
                assert_sums(&scene);
            }
            let account = &scene.world.accounts[user];
            let is_healthy = health(account, &scene.world.reserves, &scene.world.market.config, scene.world.now, Requirement::Maintenance).unwrap().is_healthy();
            assert!(is_healthy || account.perps().all(|position| position.size == 0), "{account:?}");
        }
    }

    /// I6: a deposit in the pool and its exit at the same prices bring nothing, whoever trades in between is the depositor himself.
    #[test]
    fn a_round_trip_through_the_pool_gains_nothing(is_tight: bool, steps in prop::collection::vec(step(), 1..40), amount in 1u64..200_000) {
        let mut scene = scene(is_tight);
        run(&mut scene, &steps, |_, _, _| {});
        let newcomer = USERS;
        scene.world.accounts.push(crate::common::blank(newcomer));
        scene.world.stakes.push(scene.world.stakes[0]);
        scene.act(newcomer, |ledger, account| lend(ledger, account, QUOTE, amount * USD)).unwrap();
        scene.pass(1);
        // The delay away, all of it is in one second.
        Pool::of_mut(&mut scene.world.reserves, POOL).unwrap().config.leave_delay = 0;
        let before = scene.deposit_of(newcomer);
        let Ok(entered) = scene.provide(newcomer, amount * USD - 1) else { return Ok(()) };
        scene.ask(newcomer, entered.shares.0).unwrap();
        if scene.leave(newcomer).is_ok() {
            prop_assert!(scene.deposit_of(newcomer) <= before);
        }
    }
}

/// I5: of those who have gained, the order in which they close changes what each gets by no more than rounding, once losers have paid.
#[test]
fn the_order_of_closing_changes_nothing() {
    let mut scene = Scene::new(1, 5, 10_000, 100_000);
    for (user, dollars) in [(1, 3_000), (2, 2_000), (3, 4_000)] {
        scene.trade(user, PERPS[0], (dollars * USD) as i64).unwrap();
    }
    scene.pass(120);
    scene.shift(1, 20_000);
    let paid = |order: &[usize]| {
        let mut scene = scene.clone();
        let mut gains = [0; 4];
        for user in order {
            gains[*user] = scene.close(*user, PERPS[0]).unwrap().bill.gain;
        }
        gains
    };
    let (first, last) = (paid(&[1, 2, 3]), paid(&[3, 2, 1]));
    for user in 1..4 {
        // Fees of those before come to the pool.
        assert!(first[user].abs_diff(last[user]) < 60 * USD, "{first:?} {last:?}");
    }
}

/// The random steps reach every kind of them, often enough to mean something.
#[test]
fn the_steps_reach_everything() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reached = std::collections::BTreeMap::<String, usize>::new();
    for case in 0..400 {
        let steps = prop::collection::vec(step(), 60).new_tree(&mut runner).unwrap().current();
        let mut scene = scene(case % 2 == 0);
        run(&mut scene, &steps, |_, _, step| {
            let name = format!("{step:?}");
            *reached.entry(name.split('(').next().unwrap().to_string()).or_default() += 1;
        });
    }
    assert_eq!(reached.len(), 19, "{reached:?}");
    assert!(reached.values().all(|times| *times >= 5), "{reached:?}");
}
