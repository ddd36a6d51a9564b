//! Liquidations (invariant 7) and losses (invariant 9) of accounts that a price moved under water.

mod common;

use ballast_engine::{
    Error,
    health::{Requirement, account::maintenance_and_equity},
    ledger::EVERYTHING,
    number::units::{Bps, Usd},
    state::{
        account::Side,
        insurance::Loss,
        interest::RateCurve,
        reserve::{Reserve, ReserveConfig},
    },
};
use common::{
    EXPONENT, Outcome, START, TOKENS, World, cases, exact, lend,
    rational::{Rational, int, ratio, ten_to, two_to},
    reserve_config, run, sequence, update,
};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Lender and borrower.
const LENDER: usize = 0;
const BORROWER: usize = 1;

/// How an account gets into trouble.
#[derive(Clone, Debug)]
struct Trouble {
    configs: [ReserveConfig; 4],
    /// Collateral and debt reserves and values in 10^-4 USD.
    collateral: Vec<(u8, u64)>,
    debts: Vec<(u8, u64)>,
    seconds: i64,
    /// New price of each reserve in basis points of the old, and its confidence.
    shock: [(u64, u64); 4],
    max_repay: u64,
    /// Which debt and which collateral are liquidated first.
    first: (usize, usize),
}

fn config(reserve: u8) -> impl Strategy<Value = ReserveConfig> {
    (1_000u16..9_000, 0u16..1_000, 10_000u16..13_000, 0u16..2_000, 0u16..1_000, 0u16..1_500, 10_000u16..=50_000)
        .prop_map(move |(initial, gap, maintenance_liability, liability_gap, min_penalty, penalty_range, multiple)| {
            let mut config = reserve_config(reserve);
            config.risk.cross.initial_asset = Bps(initial);
            config.risk.cross.maintenance_asset = Bps((initial + gap).min(9_500));
            config.risk.cross.maintenance_liability = Bps(maintenance_liability);
            config.risk.cross.initial_liability = Bps(maintenance_liability + liability_gap);
            // As high as the weight allows, at most.
            let most = (99_999_999 / config.risk.cross.maintenance_asset.0 as u32 - 10_000).min(2_500) as u16;
            config.min_penalty = Bps(min_penalty.min(most));
            config.max_penalty = Bps((min_penalty + penalty_range).min(most));
            config.oracle.confidence_multiple = Bps(multiple);
            config.validate().unwrap();
            config
        })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let configs = (config(0), config(1), config(2), config(3)).prop_map(|(a, b, c, d)| [a, b, c, d]);
    let value = || (11.0..20.0f64).prop_map(|log| log.exp() as u64);
    let places = (Just([0u8, 1, 2, 3]).prop_shuffle(), 1usize..4, 1usize..3, value(), value(), value());
    let shock = (
        prop_oneof![2 => 500u64..10_000, 1 => 9_000u64..30_000, 1 => Just(10_000u64)],
        prop_oneof![Just(0u64), 1u64..900],
    );
    let shock = (shock.clone(), shock.clone(), shock.clone(), shock).prop_map(|(a, b, c, d)| [a, b, c, d]);
    let max_repay =
        prop_oneof![Just(EVERYTHING), (any::<u64>(), 0u32..64).prop_map(|(amount, shift)| (amount >> shift).max(1))];
    let first = (0usize..4, 0usize..4);
    (configs, places, 1i64..100_000_000, shock, max_repay, first).prop_map(
        |(configs, (order, split, _, one, two, three), seconds, shock, max_repay, first)| Trouble {
            configs,
            collateral: order[..split].iter().copied().zip([one, two, three]).collect(),
            debts: order[split..].iter().copied().zip([three, two, one]).collect(),
            seconds,
            shock,
            max_repay,
            first,
        },
    )
}

impl Trouble {
    /// The market after the shock. Debts are cut in half until they may be borrowed.
    fn happen(&self) -> World {
        let mut world = World::with(self.configs, 2);
        for (reserve, _) in &self.debts {
            // Twice what the largest debt can be.
            world.deposit(LENDER, *reserve, world.atoms(*reserve, 1_000_000_000));
        }
        for (reserve, value) in &self.collateral {
            world.deposit(BORROWER, *reserve, world.atoms(*reserve, *value).max(1));
        }
        for (reserve, value) in &self.debts {
            let mut amount = world.atoms(*reserve, *value);
            while amount > 0 && world.act(BORROWER, |ledger, account| ledger.borrow(account, *reserve, amount)).is_err()
            {
                amount -= amount / 16 + 1;
            }
        }
        world.now += self.seconds;
        world.refresh_all();
        world.now += 1;
        for (reserve, (factor, confidence)) in self.shock.iter().enumerate() {
            let price = (world.prices[reserve] as i128 * *factor as i128 / 10_000) as i64;
            let mut update = update(reserve as u8, price, world.now);
            update.confidence = (price as i128 * *confidence as i128 / 10_000) as u64;
            world.publish(reserve as u8, &update).unwrap();
            world.prices[reserve] = price;
        }
        world
    }
}

/// 10^-8 USD that one share or one atom of a reserve is worth, whichever is more, at the price and a hundred percent
/// beyond it (what confidence can add), times the highest weight in these tests.
fn grain(world: &World, reserve: u8, side: Side) -> Rational {
    let record = &world.reserves[reserve as usize];
    let index = if side == Side::Debt { record.debt_index_at(world.now) } else { record.deposit_index_at(world.now) };
    let share = ratio(index.to_bits(), 1u128 << 64) + int(1);
    let decimals = TOKENS[reserve as usize].0;
    share * int(world.prices[reserve as usize]) * ten_to(EXPONENT - decimals as i32) * int(2) * int(2) * int(Usd::ONE.0)
}

fn maintenance(world: &World) -> ballast_engine::health::Health {
    world.health(BORROWER, Requirement::Maintenance).unwrap()
}

/// One liquidation with everything that must hold of it. Returns whether it succeeded.
fn liquidate(world: &mut World, debt: u8, collateral: u8, max_repay: u64) -> Result<(), Error> {
    let before = world.clone();
    let now = world.now;
    let done = world.act(BORROWER, |ledger, account| ledger.liquidate(account, debt, collateral, max_repay, 0));
    let health = maintenance(&before);
    if health.is_healthy() {
        let expected = [Err(Error::AccountIsHealthy), Err(Error::PositionNotFound)];
        assert!(expected.contains(&done), "a healthy account was liquidated: {done:?}");
    }
    let done = done?;
    let after = maintenance(world);
    assert_eq!((done.before, done.after), (health, after), "the reported healths are the recomputed ones");
    assert!(after.net() >= health.net(), "liquidation worsened health");

    let (debtor, lender) = (&before.reserves[debt as usize], &before.reserves[collateral as usize]);
    let owed = debtor.debt_index_at(now).amount_ceil(before.accounts[BORROWER].shares(debt, Side::Debt).unwrap());
    let held =
        lender.deposit_index_at(now).amount_floor(before.accounts[BORROWER].shares(collateral, Side::Deposit).unwrap());
    assert!(done.repaid <= max_repay && done.repaid <= owed && done.seized <= held);
    let config = &lender.config;
    assert!(done.penalty >= config.min_penalty && done.penalty <= config.max_penalty);

    // The liquidator gets no more than the value repaid and its penalty: seizing all there is may cost him less than
    // that, never more than an atom more.
    let value = |reserve: u8, amount: u64| {
        let record = &before.reserves[reserve as usize];
        int(amount) * int(record.price.spot.0) * two_to(-(record.price.shift as i32)) * int(10_000)
    };
    assert!(
        value(collateral, done.seized) <= value(debt, done.repaid) * ratio(10_000 + done.penalty.0, 10_000) + int(1)
    );

    // Target health is not passed, but by the grain of both tokens and the precision of the ratios, unless what is left
    // of the debt is dust.
    let left = world.accounts[BORROWER].shares(debt, Side::Debt).unwrap_or_default();
    let left = world.reserves[debt as usize].debt_index.amount_ceil(left);
    if value(debt, left) >= int(before.market.config.dust_value) {
        let target = ratio(before.market.config.target_health.0, 10_000);
        let excess = int(after.collateral.0) - int(after.debt.0) * target;
        let tolerance = (grain(&before, debt, Side::Debt) + grain(&before, collateral, Side::Deposit)) * int(2)
            + int(health.debt.0 + health.collateral.0) * two_to(-30)
            + int(10);
        assert!(excess <= tolerance, "above the target by {excess} of {} > {tolerance}", after.debt.0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn liquidation_never_worsens_health_i7(trouble in trouble()) {
        let mut world = trouble.happen();
        let debt = trouble.debts[trouble.first.0 % trouble.debts.len()].0;
        let collateral = trouble.collateral[trouble.first.1 % trouble.collateral.len()].0;
        let _ = liquidate(&mut world, debt, collateral, trouble.max_repay);
        // And again, as often as one likes.
        for _ in 0..3 {
            let _ = liquidate(&mut world, debt, collateral, trouble.max_repay);
        }
    }

    #[test]
    fn liquidations_in_random_sequences_never_worsen_health_i7(actions in sequence(4, 80), restricted: bool) {
        run(&mut World::either(restricted, 4), &actions, |_, _, _, outcome| {
            if let Outcome::Liquidated(done) = outcome {
                assert!(!done.before.is_healthy() && done.after.net() >= done.before.net());
            }
        });
    }

    /// Whoever is under water can be liquidated until he is not, or has nothing left and his debts are settled.
    #[test]
    fn trouble_comes_to_an_end_i7(mut trouble in trouble()) {
        // Where an atom is worth more than the dust value, see `a_debt_of_coarse_atoms_can_be_liquidated_i7`.
        trouble.debts.retain(|(debt, _)| *debt != 3);
        let mut world = trouble.happen();
        let mut refusals = Vec::new();
        for _ in 0..12 {
            if maintenance(&world).is_healthy() {
                break;
            }
            refusals.clear();
            for (debt, _) in &trouble.debts {
                for (collateral, _) in &trouble.collateral {
                    refusals.extend(liquidate(&mut world, *debt, *collateral, EVERYTHING).err());
                }
            }
            for (debt, _) in &trouble.debts {
                let _ = world.act(BORROWER, |ledger, account| ledger.settle_bad_debt(account, *debt));
            }
        }
        prop_assert!(maintenance(&world).is_healthy(), "{:?} is left of {:?}: {refusals:?}", maintenance(&world), world.accounts[BORROWER].positions());
    }

    /// While an account is solvent, a penalty above the minimum does not make it insolvent.
    #[test]
    fn a_penalty_above_the_minimum_is_affordable_i7(trouble in trouble()) {
        let mut world = trouble.happen();
        let debt = trouble.debts[0].0;
        let collateral = trouble.collateral[0].0;
        let before = maintenance_and_equity(&world.accounts[BORROWER], &world.reserves, world.now).unwrap().1;
        let Ok(done) = world.act(BORROWER, |ledger, account| ledger.liquidate(account, debt, collateral, trouble.max_repay, 0)) else {
            return Ok(());
        };
        if done.penalty > world.reserves[collateral as usize].config.min_penalty {
            let after = maintenance_and_equity(&world.accounts[BORROWER], &world.reserves, world.now).unwrap().1;
            let grain = grain(&world, debt, Side::Debt) + grain(&world, collateral, Side::Deposit) + int(10);
            prop_assert!(before.is_healthy());
            prop_assert!(int(after.collateral.0) + grain >= int(after.debt.0), "{before:?} became {after:?}");
        }
    }

    /// One reserve bears the loss, its depositors lose just that, and no other reserve is touched.
    #[test]
    fn a_loss_touches_only_its_own_reserve_i9(
        debt in 0u8..4, offset in 1u8..4, lent in 1_000_000u64..100_000_000, insured in 0u64..200_000_000, claimable in prop_oneof![Just(0u64), 0u64..100_000_000], others in 0u64..100_000_000, seconds in 0i64..30_000_000, drop in 1u64..5_000, wipe_out: bool,
    ) {
        let collateral = (debt + offset) % 4;
        let mut world = World::new(3);
        let value = lent / 2;
        world.deposit(BORROWER, collateral, world.atoms(collateral, 2 * value));
        let owed = world.atoms(debt, value);
        // Either nothing but this debt backs the deposits, or there is more.
        world.deposit(LENDER, debt, if wipe_out { owed } else { world.atoms(debt, lent) });
        if others > 0 && !wipe_out {
            let _ = world.act(2, |ledger, account| lend(ledger, account, debt, owed.saturating_add(world_atoms(others)) / 3 + 1));
        }
        world.borrow(BORROWER, debt, owed);
        world.reserves[debt as usize].config.insurance.fee_share = Bps(2_500);
        let (insured, claimable) = (world.atoms(debt, insured), world.atoms(debt, claimable));
        world.reserves[debt as usize].insurance.earn(insured);
        world.reserves[debt as usize].claimable = claimable;
        world.now += seconds;
        world.refresh_all();
        world.set_price(collateral, (world.prices[collateral as usize] as i128 * drop as i128 / 10_000).max(1) as i64);
        for _ in 0..3 {
            let _ = world.act(BORROWER, |ledger, account| ledger.liquidate(account, debt, collateral, EVERYTHING, 0));
        }
        let settled_from = world.clone();
        let mut accrued = world.reserves[debt as usize];
        accrued.accrue(world.now);
        let Ok(settled) = world.act(BORROWER, |ledger, account| ledger.settle_bad_debt(account, debt)) else {
            return Ok(());
        };

        for other in (0..4usize).filter(|other| *other != debt as usize) {
            prop_assert_eq!(&world.reserves[other], &settled_from.reserves[other]);
        }
        // No loss takes more than a quarter of the lenders' cash for fees.
        let most = accrued.standing_cash / 4;
        accrued.set_fees_aside(if most <= accrued.cash { most } else { 0 });
        let after = &world.reserves[debt as usize];
        prop_assert_eq!(after.deposit_shares, accrued.deposit_shares);
        let loss = exact(accrued.debt_index, settled.shares);
        prop_assert_eq!(exact(accrued.debt_index, accrued.debt_shares) - exact(after.debt_index, after.debt_shares), loss.clone());
        let whole: u64 = ((&loss + ((BigUint::from(1u8) << 64u32) - 1u8)) >> 64u32).try_into().unwrap();
        // In order: insurance, fees set aside, fees in the books, depositors.
        let Loss { insurance, fees, rest, depositors } = settled.loss;
        prop_assert_eq!(insurance, whole.min(accrued.insurance.assets));
        prop_assert_eq!(fees, (whole - insurance).min(accrued.claimable));
        prop_assert_eq!(rest, whole - insurance - fees);
        prop_assert_eq!(after.insurance.assets, accrued.insurance.assets - insurance);
        prop_assert_eq!(after.claimable, accrued.claimable - fees);
        prop_assert_eq!(after.cash, accrued.cash + insurance + fees);
        let assets = (BigUint::from(after.cash) << 64u32) + exact(after.debt_index, after.debt_shares);
        let deposits = exact(accrued.deposit_index, accrued.deposit_shares);
        let left = exact(after.deposit_index, after.deposit_shares);
        let missing = if assets < deposits { &deposits - &assets } else { BigUint::from(0u8) };
        prop_assert_eq!(BigUint::from(depositors), (missing + ((BigUint::from(1u8) << 64u32) - 1u8)) >> 64u32);
        if depositors == 0 {
            prop_assert_eq!(left, deposits);
        } else if assets == BigUint::from(0u8) {
            prop_assert!(after.is_wiped_out());
        } else {
            // The index has 64 fractional bits: less than 2^-64 of an atom per share is rounded to fees.
            prop_assert!(left <= assets && assets - left < BigUint::from(after.deposit_shares.0));
            // In proportion: every depositor keeps the same share of what is left.
            for user in [LENDER, 2] {
                if let Ok(shares) = world.accounts[user].shares(debt, Side::Deposit) {
                    prop_assert_eq!(settled_from.accounts[user].shares(debt, Side::Deposit), Ok(shares));
                }
            }
        }
    }
}

/// Atoms of the smallest of these tokens, for amounts whose value does not matter.
fn world_atoms(value: u64) -> u64 {
    value / 1_000
}

/// A borrower who leaves one atom of a second collateral behind, which anyone can arrange for anyone by a deposit.
#[test]
fn an_atom_of_collateral_does_not_protect_bad_debt_i7() {
    let mut world = World::new(2);
    world.deposit(LENDER, 0, 1_000_000_000);
    // Some history, so that a share of debt is worth more than an atom.
    world.deposit(BORROWER, 1, 10_000_000_000);
    world.deposit(BORROWER, 2, 1);
    world.borrow(BORROWER, 0, 900_000_000);
    world.now += 31_536_000;
    world.refresh_all();
    world.set_price(1, TOKENS[1].1 / 10);
    liquidate(&mut world, 0, 1, EVERYTHING).unwrap();
    assert_eq!(world.accounts[BORROWER].shares(1, Side::Deposit), Err(Error::PositionNotFound));
    liquidate(&mut world, 0, 2, EVERYTHING).unwrap();
    world.act(BORROWER, |ledger, account| ledger.settle_bad_debt(account, 0)).unwrap();
}

/// One atom of the token is worth more than dust and, with a share of debt worth more than an atom, the repayment that
/// reaches the target is less than a share.
#[test]
fn a_debt_of_coarse_atoms_can_be_liquidated_i7() {
    let mut world = World::new(2);
    world.deposit(LENDER, 3, 10);
    world.deposit(BORROWER, 0, 6_600_000);
    world.borrow(BORROWER, 3, 1);
    world.now += 31_536_000;
    world.refresh_all();
    world.set_price(0, TOKENS[0].1 * 95 / 100);
    assert!(!maintenance(&world).is_healthy());
    liquidate(&mut world, 3, 0, EVERYTHING).unwrap();
}

/// Who comes after a loss of nearly everything earns what borrowers pay: an index of few bits grows like any other.
#[test]
fn depositors_earn_after_a_loss_of_nearly_everything() {
    for left in [33, 30, 20, 10] {
        let mut config = reserve_config(0);
        config.reserve_factor = Bps(0);
        config.curve = RateCurve::new(&[(0, 1_000), (10_000, 1_000)]).unwrap();
        let mut reserve = Reserve::new(&config, 6, START).unwrap();
        let all = 1u64 << 41;
        reserve.deposit(all).unwrap();
        let lost = reserve.borrow(all - (all >> left)).unwrap();
        reserve.write_off(lost);
        reserve.deposit(1 << 22).unwrap();
        reserve.borrow(1 << 21).unwrap();
        let (deposits, debts) = (reserve.deposits(), reserve.debts());
        (1..=365).for_each(|day| reserve.accrue(START + day * 86_400));
        let (earned, paid) = (reserve.deposits() - deposits, reserve.debts() - debts);
        // Between two actions the depositors' share is that of the beginning, while debts compound.
        assert!(earned <= paid && earned + paid / 15 > paid, "2^-{left}: {earned} of {paid}");
    }
}
