//! Delegates and their limits, the sequence number, and the ratio that a transaction may ask for.

use crate::common::{
    self, START, World,
    debtor::{ONE_SOL, SOL, USER, indebted},
};
use ballast_engine::{
    Error,
    health::report::HealthReport,
    record::layout::{Address, U128},
    state::account::{MarginAccount, rights},
};

const OWNER: Address = Address([1; 32]);
const DELEGATE: Address = Address([2; 32]);
const STRANGER: Address = Address([3; 32]);
const UNTIL: i64 = START + 60;

fn account() -> MarginAccount {
    MarginAccount { owner: OWNER, ..MarginAccount::default() }
}

fn delegated(rights: u8) -> MarginAccount {
    let mut account = account();
    account.set_delegate(DELEGATE, rights, UNTIL, START).unwrap();
    account
}

#[test]
fn a_delegate_has_the_rights_it_was_given_and_no_other() {
    for granted in 1..8u8 {
        if granted == rights::ANY_DESTINATION {
            continue;
        }
        let account = delegated(granted);
        for right in [rights::WITHDRAW, rights::BORROW] {
            for payee in [OWNER, DELEGATE, STRANGER] {
                let expected = if granted & right == 0 {
                    Err(Error::DelegateRightMissing)
                } else if payee != OWNER && granted & rights::ANY_DESTINATION == 0 {
                    Err(Error::DestinationNotOwners)
                } else {
                    Ok(())
                };
                assert_eq!(account.require_delegate(&DELEGATE, right, &payee, START), expected);
            }
            assert_eq!(account.require_delegate(&STRANGER, right, &OWNER, START), Err(Error::NotAccountOwner));
        }
    }
}

/// An account has room for few positions: strangers add to those that there are.
#[test]
fn a_position_is_opened_by_owner_or_delegate() {
    let account = delegated(rights::WITHDRAW);
    for payer in [OWNER, DELEGATE] {
        assert_eq!(account.require_opener(&payer, START), Ok(()));
    }
    assert_eq!(account.require_opener(&STRANGER, START), Err(Error::PositionNotOpen));
    assert_eq!(account.require_opener(&DELEGATE, UNTIL), Err(Error::PositionNotOpen));
    let mut world = indebted();
    let mut by_a_stranger = |reserve| world.act(USER, |ledger, account| ledger.deposit(account, &STRANGER, reserve, 1));
    assert!(by_a_stranger(SOL).is_ok());
    assert_eq!(by_a_stranger(2).err(), Some(Error::PositionNotOpen));
}

#[test]
fn rights_end_at_their_second() {
    let account = delegated(rights::WITHDRAW);
    assert_eq!(account.require_delegate(&DELEGATE, rights::WITHDRAW, &OWNER, UNTIL - 1), Ok(()));
    for now in [UNTIL, UNTIL + 1, i64::MAX] {
        assert_eq!(account.require_delegate(&DELEGATE, rights::WITHDRAW, &OWNER, now), Err(Error::DelegateExpired));
    }
}

#[test]
fn only_the_owner_or_a_delegate_opens_a_position() {
    let mut world = World::new(1);
    let mut deposit =
        |payer: Address| world.act(0, |ledger, account| ledger.deposit(account, &payer, SOL, 1)).map(drop);
    assert_eq!(deposit(STRANGER), Err(Error::PositionNotOpen));
    assert_eq!(deposit(common::owner(0)), Ok(()));
    assert_eq!(deposit(STRANGER), Ok(()));
}

#[test]
fn without_a_delegate_nobody_is_one() {
    let mut account = account();
    assert_eq!(account.require_delegate(&Address::NONE, 0, &OWNER, i64::MIN), Err(Error::NotAccountOwner));
    account.set_delegate(DELEGATE, rights::BORROW, UNTIL, START).unwrap();
    account.set_delegate(Address::NONE, 0, 0, START).unwrap();
    assert_eq!(account, self::account());
    for signer in [DELEGATE, Address::NONE] {
        assert_eq!(account.require_delegate(&signer, 0, &OWNER, START), Err(Error::NotAccountOwner));
    }
}

#[test]
fn a_delegate_is_named_whole_or_removed_whole() {
    let invalid = [
        (Address::NONE, rights::WITHDRAW, UNTIL),
        (Address::NONE, 0, UNTIL),
        (Address::NONE, rights::WITHDRAW, 0),
        (DELEGATE, 0, UNTIL),
        (DELEGATE, 0, 0),
        (DELEGATE, rights::ANY_DESTINATION, UNTIL),
        (DELEGATE, 16, UNTIL),
        (DELEGATE, rights::WITHDRAW | 128, UNTIL),
    ];
    for (delegate, rights, until) in invalid {
        let mut account = account();
        let refused = account.set_delegate(delegate, rights, until, START);
        assert_eq!(refused, Err(Error::DelegateRightsOutOfRange), "{rights} {until}");
        assert_eq!(account, self::account());
    }
    for until in [START, START - 1, 0, i64::MIN] {
        let refused = account().set_delegate(DELEGATE, rights::WITHDRAW, until, START);
        assert_eq!(refused, Err(Error::DelegateExpiryInPast));
    }
    account().set_delegate(DELEGATE, 7, i64::MAX, START).unwrap();
}

#[test]
fn the_sequence_counts_on_for_the_owner_and_the_delegate() {
    let mut account = delegated(rights::WITHDRAW);
    account.advance_sequence(&OWNER, 0, START).unwrap();
    account.advance_sequence(&DELEGATE, 1, START).unwrap();
    for expected in [0, 1, 3, u64::MAX] {
        assert_eq!(account.advance_sequence(&OWNER, expected, START), Err(Error::SequenceMismatch));
    }
    assert_eq!(account.advance_sequence(&STRANGER, 2, START), Err(Error::NotAccountOwner));
    assert_eq!(account.advance_sequence(&DELEGATE, 2, UNTIL), Err(Error::DelegateExpired));
    assert_eq!(account.sequence, 2);
    account.sequence = u64::MAX;
    account.advance_sequence(&OWNER, u64::MAX, START).unwrap();
    assert_eq!(account.sequence, 0);
}

#[test]
fn an_account_in_receivership_waits() {
    let mut account = MarginAccount { in_receivership: 1, ..account() };
    let refused = Err(Error::AccountInReceivership);
    assert_eq!(account.set_delegate(DELEGATE, rights::WITHDRAW, UNTIL, START), refused);
    assert_eq!(account.advance_sequence(&OWNER, 0, START), refused);
}

fn require_of(world: &World, user: usize, requirement: u8, min_ratio: u32) -> Result<(), Error> {
    let World { accounts, reserves, market, now, .. } = world;
    let report = HealthReport::new(&accounts[user], reserves, &market.config, *now)?;
    report.require_proved(&accounts[user], reserves, *now, requirement, min_ratio)
}

fn require(world: &World, requirement: u8, min_ratio: u32) -> Result<(), Error> {
    require_of(world, USER, requirement, min_ratio)
}

#[test]
fn a_ratio_is_required_to_the_basis_point() {
    let world = indebted();
    let World { accounts, reserves, market, now, .. } = &world;
    let report = HealthReport::new(&accounts[USER], reserves, &market.config, *now).unwrap();
    let pairs = [
        (HealthReport::INITIAL, report.initial_collateral, report.initial_debt),
        (HealthReport::MAINTENANCE, report.maintenance_collateral, report.maintenance_debt),
        (HealthReport::EQUITY, report.equity_collateral, report.equity_debt),
    ];
    for (requirement, collateral, debt) in pairs {
        let most = (collateral.get() * 10_000 / debt.get()) as u32;
        assert!(most > 10_000, "{most}");
        for passing in [0, 1, 10_000, most] {
            assert_eq!(require(&world, requirement, passing), Ok(()));
        }
        for failing in [most + 1, u32::MAX] {
            assert_eq!(require(&world, requirement, failing), Err(Error::HealthBelowMinimum));
        }
    }
    for requirement in [3, u8::MAX] {
        assert_eq!(require(&world, requirement, 0), Err(Error::RequirementOutOfRange));
    }
}

#[test]
fn the_ratio_is_exact_at_the_edges_of_the_numbers() {
    let report = |collateral, debt| HealthReport {
        equity_collateral: U128::new(collateral),
        equity_debt: U128::new(debt),
        ..HealthReport::default()
    };
    let require = |collateral, debt, ratio| report(collateral, debt).require(HealthReport::EQUITY, ratio);
    let below = Err(Error::HealthBelowMinimum);
    assert_eq!(require(0, 0, u32::MAX), Ok(()));
    assert_eq!(require(0, 1, 1), below);
    assert_eq!(require(1, 10_000, 1), Ok(()));
    assert_eq!(require(1, 10_001, 1), below);
    assert_eq!(require(150, 100, 15_000), Ok(()));
    assert_eq!(require(149, 100, 15_000), below);
    assert_eq!(require(u128::MAX - 1, u128::MAX, 10_000), below);
    assert_eq!(require(u128::MAX, u128::MAX, 10_001), below);
}

#[test]
fn old_prices_prove_no_health() {
    let mut world = indebted();
    world.now += 3_600;
    assert_eq!(require(&world, HealthReport::INITIAL, 10_000), Err(Error::HealthBelowMinimum));
    for requirement in [HealthReport::MAINTENANCE, HealthReport::EQUITY] {
        // Read in the borrower's favour, and as they were, they would do.
        assert_eq!(require(&world, requirement, 10_000), Err(Error::PriceStale));
    }
    world.refresh_all();
    for requirement in 0..3 {
        assert_eq!(require(&world, requirement, 10_000), Ok(()));
    }
    // Who owes nothing needs no price.
    let mut world = World::new(1);
    world.deposit(0, SOL, ONE_SOL);
    world.now += 3_600;
    for requirement in 0..3 {
        assert_eq!(require_of(&world, 0, requirement, u32::MAX), Ok(()));
    }
}
