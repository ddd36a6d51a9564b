//! The numbered invariants of ARCHITECTURE.md on random sequences of actions. Liquidation (7) and losses (9) have files
//! of their own, and so has the absence of panics (11).

use crate::common::{
    self, Action, Outcome, Size, World, any_action, books, cases, exact, lend, reserve_config, run, sequence,
    side_action, user_action,
};
use ballast_engine::{
    Error,
    health::{Requirement, account::health},
    number::{
        index::Index,
        units::{Bps, MAX_LIQUIDITY, Part, Shares},
    },
    state::{
        account::{MarginAccount, Side},
        interest::RateCurve,
        reserve::Reserve,
    },
};
use num_bigint::{BigInt, BigUint};
use proptest::prelude::*;

const USERS: usize = 4;

/// A market at the highest rate and without caps.
fn world_at_the_ceiling(utilised: bool) -> World {
    let config = |reserve| {
        let mut config = reserve_config(reserve);
        let rate = if utilised { 0 } else { 100_000 };
        config.curve = RateCurve::new(&[(0, rate), (10_000, 100_000)]).unwrap();
        config.min_deposit = 1;
        config
    };
    World::with([0, 1, 2, 3].map(config), USERS)
}

/// Actions of any size up to and beyond what a reserve holds, with years between them.
fn huge_action() -> impl Strategy<Value = Action> {
    let size = prop_oneof![
        4 => (any::<u64>(), 0u32..64).prop_map(|(amount, shift)| Size::Atoms(amount >> shift)),
        2 => (0u64..3, 60u32..64).prop_map(|(less, power)| Size::Atoms((1 << power) - less)),
        1 => Just(Size::Everything),
    ];
    let place = (0..USERS, 0u8..4, size);
    prop_oneof![
        5 => place.clone().prop_map(|(user, reserve, size)| Action::Deposit(user, reserve, size)),
        1 => place.clone().prop_map(|(user, reserve, size)| Action::Withdraw(user, reserve, size)),
        5 => place.clone().prop_map(|(user, reserve, size)| Action::Borrow(user, reserve, size)),
        1 => place.prop_map(|(user, reserve, size)| Action::Repay(user, reserve, size)),
        3 => (1i64..4_000_000_000).prop_map(Action::Wait),
        1 => (1i64..4_000_000).prop_map(Action::Wait),
        2 => any_action(USERS),
    ]
}

fn assert_books(reserve: &Reserve) {
    let (assets, deposits) = books(reserve);
    assert!(assets >= deposits, "books of {reserve:?}");
    assert_eq!(BigUint::from(reserve.fees()), assets - deposits);
}

/// What is not the depositors': fees, set aside or not, and the insurance, exactly.
fn own(reserve: &Reserve) -> BigUint {
    let aside = BigUint::from(reserve.claimable) + reserve.insurance.assets;
    BigUint::from(reserve.fees()) + (aside << 64u32)
}

/// The reserve in which a user's position on a side changed.
fn changed(before: &World, after: &World, user: usize, side: Side) -> Option<u8> {
    let shares = |world: &World, reserve| world.accounts[user].shares(reserve, side);
    (0u8..4).find(|reserve| shares(before, *reserve).is_ok() && shares(before, *reserve) != shares(after, *reserve))
}

/// Tokens that came to a reserve by an action, less those that went.
fn inflow(before: &World, after: &World, action: Action, outcome: Outcome, index: u8) -> i128 {
    match (action, outcome) {
        (
            Action::Withdraw(..) | Action::Borrow(..) | Action::Collect(_) | Action::Unstake(..),
            Outcome::Moved { reserve, amount },
        ) if reserve == index => -(amount as i128),
        (_, Outcome::Moved { reserve, amount }) if reserve == index => amount as i128,
        (Action::Liquidate { user, .. } | Action::Receivership { user, .. }, Outcome::Liquidated(done)) => {
            let paid = changed(before, after, user, Side::Debt) == Some(index);
            let seized = changed(before, after, user, Side::Deposit) == Some(index);
            paid as i128 * done.paid() as i128 - seized as i128 * done.seized as i128
        }
        _ => 0,
    }
}

/// What an action adds to what is not the depositors', or takes from it, by itself.
fn earned(before: &World, after: &World, action: Action, outcome: Outcome, index: u8) -> i128 {
    match (action, outcome) {
        (Action::Collect(_) | Action::Stake(..) | Action::Unstake(..) | Action::FlashLoan(..), _) => {
            inflow(before, after, action, outcome, index)
        }
        (Action::Liquidate { user, .. } | Action::Receivership { user, .. }, Outcome::Liquidated(done))
            if changed(before, after, user, Side::Debt) == Some(index) =>
        {
            done.insurance as i128
        }
        _ => 0,
    }
}

/// Deposits are backed after each action, the token account holds what the books say, and nothing takes from what is above the
/// deposits, but collecting fees to the atom, paying stakes out, and settling a loss.
fn assert_backed(before: &World, after: &World, action: Action, outcome: Outcome) {
    for (index, (old, new)) in before.reserves.iter().zip(&after.reserves).enumerate() {
        assert_books(new);
        let index = index as u8;
        let came = inflow(before, after, action, outcome, index);
        assert_eq!(
            new.vault_balance() as i128 - old.vault_balance() as i128,
            came,
            "{action:?} moved tokens of {old:?}"
        );
        let earned = BigInt::from(earned(before, after, action, outcome, index)) << 64u32;
        let kept = BigInt::from(own(new)) >= BigInt::from(own(old)) + earned;
        // Losses: see `a_loss_touches_only_its_own_reserve_i9`.
        assert!(kept || matches!(action, Action::Settle(..)), "{action:?} took fees of {old:?}");
    }
}

/// Shares of a reserve's insurance that users hold.
fn staked(world: &World, index: usize) -> u128 {
    let insurance = &world.reserves[index].insurance;
    let stakes = world.stakes.iter().map(|stakes| &stakes[index]).filter(|stake| !stake.is_empty(insurance));
    stakes.map(|stake| stake.shares.0 as u128).sum()
}

/// What a user's stake is worth.
fn staked_worth(world: &World, user: usize, index: usize) -> u64 {
    let (insurance, stake) = (&world.reserves[index].insurance, &world.stakes[user][index]);
    if stake.is_empty(insurance) { 0 } else { insurance.worth(stake.shares) }
}

fn assert_in_range(reserve: &Reserve) {
    let limit = BigUint::from(1u8) << 128u32;
    let (assets, deposits) = books(reserve);
    assert!(assets < limit && deposits < limit, "totals of {reserve:?}");
    assert!(reserve.debt_index.to_bits() <= Index::MAX.to_bits());
}

/// What an account is worth in one reserve to the atom: deposits rounded down, debts up.
fn worth(account: &MarginAccount, reserve: &Reserve, index: u8, now: i64) -> i128 {
    match account.position(index) {
        None => 0,
        Some(position) if position.is_debt() => -(reserve.debt_index_at(now).amount_ceil(position.shares) as i128),
        Some(position) => reserve.deposit_index_at(now).amount_floor(position.shares) as i128,
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn deposits_are_backed_i1(actions in sequence(USERS, 80), restricted: bool) {
        run(&mut World::either(restricted, USERS), &actions, assert_backed);
    }

    #[test]
    fn deposits_of_any_size_are_backed_i1(actions in prop::collection::vec(huge_action(), 1..80), utilised: bool) {
        run(&mut world_at_the_ceiling(utilised), &actions, assert_backed);
    }

    #[test]
    fn totals_stay_in_range_i2(actions in prop::collection::vec(huge_action(), 1..120), utilised: bool) {
        run(&mut world_at_the_ceiling(utilised), &actions, |_, after, _, _| after.reserves.iter().for_each(assert_in_range));
    }

    /// The same without the cover of health checks, which a random sequence seldom passes at these sizes.
    #[test]
    fn totals_of_a_single_reserve_stay_in_range_i2(
        steps in prop::collection::vec((0u8..4, any::<u64>(), 0u32..8, 0i64..4_000_000_000), 1..200),
    ) {
        let mut config = reserve_config(0);
        config.curve = RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).unwrap();
        let (mut reserve, mut now) = (Reserve::new(&config, 6, 0).unwrap(), 0);
        for (kind, amount, shift, seconds) in steps {
            now += seconds;
            reserve.accrue(now);
            reserve.update_rates();
            assert_in_range(&reserve);
            let mut changed = reserve;
            let done = match kind {
                0 | 1 => changed.deposit(amount >> shift).map(|_| ()),
                2 => changed.borrow((amount >> shift).min(changed.cash)).map(|_| ()),
                _ => {
                    let shares = Shares(((amount as u128 * changed.debt_shares.0 as u128) >> 64) as u64);
                    changed.repay(changed.debt_index.amount_ceil(shares), shares);
                    Ok(())
                }
            };
            if done.is_ok() {
                reserve = changed;
                reserve.update_rates();
            }
            assert_in_range(&reserve);
            assert_books(&reserve);
        }
    }

    #[test]
    fn shares_add_up_i3(actions in sequence(USERS, 80), restricted: bool) {
        run(&mut World::either(restricted, USERS), &actions, |_, after, _, _| {
            for (index, reserve) in after.reserves.iter().enumerate() {
                let sum = |side| after.accounts.iter().filter_map(|account| account.shares(index as u8, side).ok()).map(|shares| shares.0).sum();
                assert_eq!(reserve.deposit_shares, Shares(sum(Side::Deposit)));
                assert_eq!(reserve.debt_shares, Shares(sum(Side::Debt)));
                let parts = after.accounts.iter().filter_map(|account| account.shares(index as u8, Side::Debt).ok().map(|shares| account.doubtful.of(shares).0));
                assert_eq!(reserve.doubtful, Shares(parts.sum()));
                assert!(staked(after, index) <= reserve.insurance.shares as u128);
                assert_eq!(reserve.insurance.shares == 0, reserve.insurance.assets == 0);
            }
        });
    }

    /// Who leaves gets no more than deposits are worth, and no less where the insurance and fees set aside cover what is doubtful.
    #[test]
    fn an_exit_pays_no_more_than_a_deposit_is_worth_i18(actions in sequence(USERS, 80), restricted: bool) {
        run(&mut World::either(restricted, USERS), &actions, |_, after, _, _| {
            for reserve in &after.reserves {
                let (exit, full) = (reserve.exit_index_at(after.now).to_bits(), reserve.deposit_index_at(after.now).to_bits());
                let mut accrued = *reserve;
                accrued.accrue(after.now);
                let is_covered = accrued.doubtful_debts() <= accrued.insurance.assets + accrued.claimable;
                assert!(if is_covered { exit == full } else { exit <= full });
                let shares = Shares(accrued.insurance.shares);
                assert!(accrued.exit_worth(shares) + accrued.doubtful_debts() >= accrued.insurance.worth(shares));
            }
            assert!(after.accounts.iter().all(|account| account.has_debt() || account.doubtful == Part::ZERO));
        });
    }

    #[test]
    fn indices_never_fall_but_by_a_loss_i4(actions in sequence(USERS, 80), restricted: bool) {
        run(&mut World::either(restricted, USERS), &actions, |before, after, action, _| {
            for (old, new) in before.reserves.iter().zip(&after.reserves) {
                assert!(new.debt_index.to_bits() >= old.debt_index.to_bits());
                if !matches!(action, Action::Settle(..)) {
                    assert!(new.deposit_index.to_bits() >= old.deposit_index.to_bits());
                }
            }
        });
    }

    #[test]
    fn projection_equals_accrual_i5(actions in sequence(USERS, 60), later in prop_oneof![-5i64..600, 0i64..4_000_000_000]) {
        let mut world = World::new(USERS);
        run(&mut world, &actions, |_, _, _, _| ());
        let then = world.now + later;
        let mut accrued = world.clone();
        for (untouched, written) in world.reserves.iter_mut().zip(&mut accrued.reserves) {
            // Interest alone is at stake: prices stay fresh however late it is.
            (untouched.price.publish_time, written.price.publish_time) = (then, then);
            written.accrue(then);
            prop_assert_eq!(untouched.debt_index_at(then), written.debt_index);
            prop_assert_eq!(untouched.deposit_index_at(then), written.deposit_index);
            prop_assert_eq!(untouched.exit_index_at(then), written.exit_index());
        }
        for account in &world.accounts {
            for requirement in [Requirement::Initial, Requirement::Maintenance] {
                let projected = health(account, &world.reserves, &world.market.config, then, requirement);
                prop_assert_eq!(projected, health(account, &accrued.reserves, &world.market.config, then, requirement));
            }
        }
    }

    #[test]
    fn no_profit_at_one_instant_i6(
        history in sequence(USERS, 40), restricted: bool,
        actions in prop::collection::vec(prop_oneof![3 => user_action(USERS), 1 => side_action(USERS)], 1..60),
    ) {
        let mut world = World::either(restricted, USERS);
        run(&mut world, &history, |_, _, _, _| ());
        let start = world.clone();
        let mut in_hand = [[0i128; 4]; USERS];
        run(&mut world, &actions, |_, after, action, outcome| {
            assert_eq!(after.now, start.now);
            let moved = match action {
                Action::Deposit(user, ..) | Action::Repay(user, ..) => Some((user, -1)),
                Action::Withdraw(user, ..) | Action::Borrow(user, ..) => Some((user, 1)),
                // Stakes have a test of their own, and a flash loan's fee only costs.
                _ => None,
            };
            if let (Some((user, sign)), Outcome::Moved { reserve, amount }) = (moved, outcome) {
                in_hand[user][reserve as usize] += sign * amount as i128;
            }
            for (user, in_hand) in in_hand.iter().enumerate() {
                for (index, in_hand) in in_hand.iter().enumerate() {
                    let worth = |world: &World| worth(&world.accounts[user], &world.reserves[index], index as u8, world.now);
                    assert!(worth(after) + in_hand <= worth(&start), "user {user} gained in reserve {index} by {action:?}");
                }
            }
        });
    }

    /// Staking and unstaking takes nothing from who has staked before, whatever came in until then.
    #[test]
    fn stakers_take_nothing_from_each_other_i6(actions in sequence(USERS, 80)) {
        run(&mut World::restricted(USERS), &actions, |before, after, action, outcome| {
            let (Action::Stake(actor, ..) | Action::Unstake(actor, ..), Outcome::Moved { reserve, .. }) = (action, outcome) else { return };
            let index = reserve as usize;
            let mut aside = before.clone();
            Action::RefreshReserve(reserve).run(&mut aside).unwrap();
            for user in 0..USERS {
                let (old, new) = (staked_worth(&aside, user, index) as i128, staked_worth(after, user, index) as i128);
                if user == actor {
                    assert!(new - old <= inflow(before, after, action, outcome, reserve), "{action:?} gained");
                } else {
                    assert!(new >= old, "{action:?} took from {user}");
                }
            }
        });
    }

    #[test]
    fn new_risk_is_covered_i8(actions in sequence(USERS, 80), restricted: bool) {
        run(&mut World::either(restricted, USERS), &actions, |_, after, action, _| {
            if let Action::Borrow(user, ..) | Action::Withdraw(user, ..) = action && after.accounts[user].has_debt() {
                assert!(after.health(user, Requirement::Initial).unwrap().is_healthy());
            }
        });
    }

    /// Each conversion against the rational quotient: shares × 2^64 = amount × 2^128 ÷ index.
    #[test]
    fn rounding_is_against_the_actor_i10(
        deposit_bits in 1u128 << 44..1 << 68, debt_bits in 1u128 << 64..1 << 70, amount in 1u64..1 << 40, part in 1u64..1 << 40,
    ) {
        let mut reserve = Reserve::new(&reserve_config(0), 6, common::START).unwrap();
        (reserve.deposit_index, reserve.debt_index) = (Index::from_bits(deposit_bits), Index::from_bits(debt_bits));
        let mut world = World::new(1);
        reserve.price = world.reserves[0].price;
        world.reserves[0] = reserve;
        let (floor, ceil) = (
            |amount: u64, bits: u128| ((BigUint::from(amount) << 64u32) / bits).try_into().ok().map(Shares),
            |amount: u64, bits: u128| (((BigUint::from(amount) << 64u32) + (bits - 1)) / bits).try_into().ok().map(Shares),
        );
        match world.act(0, |ledger, account| lend(ledger, account, 0, amount)) {
            Ok(moved) => prop_assert_eq!(Some(moved.shares), floor(amount, deposit_bits)),
            Err(error) => prop_assert!(error == Error::AmountTooSmall && floor(amount, deposit_bits) == Some(Shares::ZERO)),
        }
        if let Ok(moved) = world.act(0, |ledger, account| ledger.withdraw(account, 0, part)) {
            prop_assert_eq!(Some(moved.shares), ceil(part, deposit_bits));
        }
        let lender = world.act(0, |ledger, account| ledger.withdraw(account, 0, u64::MAX));
        if let Ok(moved) = lender {
            prop_assert_eq!(BigUint::from(moved.amount), exact(Index::from_bits(deposit_bits), moved.shares) >> 64u32);
        }
        world.accounts[0] = MarginAccount::default();
        world.deposit(0, 1, 1 << 60);
        world.reserves[0].deposit((1 << 42) + amount).unwrap();
        if let Ok(moved) = world.act(0, |ledger, account| ledger.borrow(account, 0, amount)) {
            prop_assert_eq!(Some(moved.shares), ceil(amount, debt_bits));
            let whole = world.reserves[0].debt_index.amount_ceil(moved.shares);
            let repaid = world.act(0, |ledger, account| ledger.repay(account, 0, part));
            if part >= whole {
                prop_assert_eq!(repaid.map(|repaid| (repaid.amount, repaid.shares)), Ok((whole, moved.shares)));
            } else if floor(part, debt_bits) == Some(Shares::ZERO) {
                prop_assert_eq!(repaid, Err(Error::AmountTooSmall));
            } else {
                prop_assert_eq!(repaid.map(|repaid| (repaid.amount, Some(repaid.shares))), Ok((part, floor(part, debt_bits))));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// Shares of an insurance and the fee of a flash loan against the rational quotients.
    #[test]
    fn rounding_of_insurance_and_fees_is_against_the_actor_i10(
        assets in 1u64..1 << 60, shares in 1u64..1 << 60, amount in 1u64..1 << 40, fee in 0u16..=500,
    ) {
        let mut world = World::restricted(1);
        world.deposit(0, 0, 1 << 42);
        (world.market.config.outflow_hour, world.market.config.outflow_day) = (0, 0);
        let record = &mut world.reserves[0];
        (record.insurance.assets, record.insurance.shares) = (assets, shares);
        (record.config.flash_fee, record.config.insurance.fee_share) = (Bps(fee), Bps(0));
        let product = |one: u64, other: u64| one as u128 * other as u128;
        let loan = world.act(0, |ledger, _| ledger.begin_flash_loan(0, amount)).unwrap();
        prop_assert_eq!(loan.fee as u128, product(amount, fee as u64).div_ceil(10_000));
        world.act(0, |ledger, _| ledger.end_flash_loan(0)).unwrap();
        let bought = product(amount, shares) / assets as u128;
        match world.act_on_stake(0, 0, |ledger, stake| ledger.stake(stake, amount)) {
            Ok(moved) => {
                prop_assert_eq!(moved.shares.0 as u128, bought);
                prop_assert_eq!(moved.amount as u128, (bought * assets as u128).div_ceil(shares as u128));
                let insurance = world.reserves[0].insurance;
                world.act_on_stake(0, 0, |ledger, stake| ledger.begin_unstake(stake, moved.shares)).unwrap();
                world.now += 604_800;
                let paid = world.act_on_stake(0, 0, |ledger, stake| ledger.unstake(stake)).unwrap();
                prop_assert!(paid.amount <= moved.amount);
                prop_assert_eq!(paid.amount as u128, product(moved.shares.0, insurance.assets) / insurance.shares as u128);
            }
            Err(Error::AmountTooSmall) => prop_assert_eq!(bought, 0),
            Err(error) => prop_assert_eq!(error, Error::AmountTooLarge),
        }
    }
}

/// A debt that doubles with every accrual stops at the ceiling of the index, and its books still balance.
#[test]
fn an_index_stops_at_its_ceiling_i2() {
    let mut config = reserve_config(0);
    config.curve = RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).unwrap();
    let mut reserve = Reserve::new(&config, 6, 0).unwrap();
    reserve.deposit(1_000).unwrap();
    reserve.borrow(1_000).unwrap();
    reserve.update_rates();
    for year in 1..60 {
        reserve.accrue(year * 31_536_000);
        reserve.update_rates();
        assert_in_range(&reserve);
        assert_books(&reserve);
    }
    assert!(reserve.debt_index.to_bits() > Index::MAX.to_bits() / 4, "the test reaches the ceiling");
    assert_eq!(reserve.borrow_rate.0, 0);
}

/// Liquidity at its most and debts at the most that still grow double once, and then interest stops.
#[test]
fn interest_stops_at_the_edge_of_the_books_i2() {
    let mut config = reserve_config(0);
    config.curve = RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).unwrap();
    let mut reserve = Reserve::new(&config, 6, 0).unwrap();
    // What is owed is known to 2^-32 of itself.
    const SLACK: u64 = 1 << 32;
    reserve.deposit(MAX_LIQUIDITY - SLACK).unwrap();
    assert_eq!(reserve.deposit(SLACK + 1), Err(Error::AmountTooLarge));
    reserve.borrow(MAX_LIQUIDITY / 2 - SLACK).unwrap();
    reserve.update_rates();
    assert!(reserve.borrow_rate.0 > 0);
    for step in 1..10 {
        reserve.accrue(i64::MAX / 10 * step);
        reserve.update_rates();
        assert_in_range(&reserve);
        assert_books(&reserve);
    }
    assert_eq!(reserve.borrow_rate.0, 0);
    assert!(reserve.debts() > MAX_LIQUIDITY - 2 * SLACK - 100_000, "the debts doubled: {}", reserve.debts());
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// Depositors' share of interest is at most what is lent out of what is theirs, whatever the indices.
    #[test]
    fn depositors_earn_no_more_than_borrowers_pay_i1(
        deposited in 1u64..1 << 61, shrink in 0u32..60, share in 1u64..=1_000, years in 0i64..3,
    ) {
        let mut config = reserve_config(0);
        (config.reserve_factor, config.curve) = (Bps(0), RateCurve::new(&[(0, 3_000), (10_000, 9_000)]).unwrap());
        let mut reserve = Reserve::new(&config, 6, 0).unwrap();
        let deposited = (deposited >> shrink).max(1);
        reserve.deposit(deposited).unwrap();
        reserve.borrow((deposited as u128 * share as u128 / 1_000).max(1) as u64).unwrap();
        reserve.accrue(years * 31_536_000 + 1_234);
        reserve.update_rates();
        let (lent, owned) = (reserve.debt_index.exact(reserve.debt_shares), reserve.assets_and_deposits().1);
        let earned = BigUint::from(reserve.deposit_growth.0) * BigUint::from(owned);
        prop_assert!(earned <= BigUint::from(lent) << 64, "{} of {owned}, {lent} lent", reserve.deposit_growth.0);
    }
}

/// Debts at the most that still grow double once, whoever has them accrued, and how often.
#[test]
fn poking_accrues_no_second_doubling_i2() {
    let mut world = World::new(2);
    let mut config = world.reserves[0].config;
    config.curve = RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).unwrap();
    world.reserves[0].set_config(&config, world.now, 172_800, true).unwrap();
    let lent = MAX_LIQUIDITY / 2 - (1 << 32);
    world.deposit(0, 0, lent);
    world.reserves[0].borrow(lent).unwrap();
    for _ in 0..4 {
        world.now += 30 * 86_400;
        world.act(0, |ledger, _| ledger.refresh_reserve(0)).unwrap();
        assert_in_range(&world.reserves[0]);
        assert_books(&world.reserves[0]);
    }
    assert!(world.reserves[0].debts() > lent + lent / 2);
    assert_eq!(world.reserves[0].borrow_rate.0, 0);
}

/// However much flash loans earn, the rates are those of a liquidity that fits.
#[test]
fn flash_fees_stop_before_the_edge_of_the_books_i2() {
    let mut world = World::new(2);
    let mut config = world.reserves[0].config;
    (config.flash_enabled, config.flash_fee, config.insurance.fee_share) = (1, Bps(500), Bps(0));
    world.reserves[0].set_config(&config, world.now, 172_800, true).unwrap();
    world.deposit(0, 0, MAX_LIQUIDITY - 1);
    world.reserves[0].borrow(1 << 60).unwrap();
    let lend = |world: &mut World, amount| {
        world.act(0, |ledger, _| {
            ledger.begin_flash_loan(0, amount)?;
            ledger.end_flash_loan(0)
        })
    };
    for size in (20..=63).rev() {
        while world.reserves[0].cash >> size != 0 && lend(&mut world, 1 << size).is_ok() {}
    }
    assert_eq!(lend(&mut world, 1 << 40), Err(Error::AmountTooLarge));
    assert_eq!(world.reserves[0].borrow_rate.0, 0);
    assert!(u64::MAX - world.reserves[0].cash - world.reserves[0].debts() < 1 << 34, "it came to the edge");
}
