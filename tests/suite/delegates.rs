//! Delegates, and the guards that bots and integrators put around their instructions, on the bytecode.

use ballast_client::{Address, Event, Instruction, SYSTEM_PROGRAM, to_engine};
use ballast_engine::{
    Error,
    health::report::HealthReport,
    ledger::EVERYTHING,
    state::account::rights::{ANY_DESTINATION, BORROW, WITHDRAW},
};
use ballast_tests::{Outcome, SOL, START, Scene, USD, User, World, with_account};
use solana_transaction::InstructionError;

/// An hour after the scene begins.
const UNTIL: i64 = START + 3_600;

/// A scene whose trader has a delegate with rights for an hour. Both have empty token accounts.
fn scene(rights: u8) -> (Scene, Address) {
    with_rights(Scene::new(), rights)
}

fn with_rights(mut scene: Scene, rights: u8) -> (Scene, Address) {
    let delegate = scene.world.key("delegate");
    let Scene { world, usd, sol, trader, .. } = &mut scene;
    for key in [trader.key, delegate] {
        world.fund(&key, *usd, 0);
        world.fund(&key, *sol, 0);
    }
    set(world, *trader, delegate, rights, UNTIL).expect_ok();
    (scene, delegate)
}

#[must_use = "see the outcome: it may be an error"]
fn set(world: &mut World, user: User, delegate: Address, rights: u8, until: i64) -> Outcome {
    let instruction = world.view().set_delegate(user.key, user.margin, delegate, rights, until);
    world.send(&[instruction])
}

/// One sol out of an account, to somebody's token account.
fn withdrawal(world: &World, signer: Address, margin: Address, to: Address, sol: u8) -> Instruction {
    world.view().withdraw(signer, margin, world.tokens(&to, sol), sol, SOL).expect("listed")
}

/// A hundred usd lent, to somebody's token account.
fn loan(world: &World, signer: Address, margin: Address, to: Address, usd: u8) -> Instruction {
    world.view().borrow(signer, margin, world.tokens(&to, usd), usd, 100 * USD).expect("listed")
}

#[test]
fn every_combination_of_rights_lets_a_delegate_do_that_and_nothing_else() {
    for (both, rights) in [1, 2, 3, 5, 6, 7].map(|rights| (Scene::both(), rights)) {
        for scene in both {
            let (Scene { mut world, usd, sol, trader, .. }, delegate) = with_rights(scene, rights);
            for (right, to) in [WITHDRAW, BORROW].into_iter().flat_map(|right| [(right, trader.key), (right, delegate)])
            {
                let (instruction, reserve, amount) = if right == WITHDRAW {
                    (withdrawal(&world, delegate, trader.margin, to, sol), sol, SOL)
                } else {
                    (loan(&world, delegate, trader.margin, to, usd), usd, 100 * USD)
                };
                let before = world.balance(&to, reserve);
                let outcome = world.send(&[instruction]);
                if rights & right == 0 {
                    outcome.expect_error(Error::DelegateRightMissing);
                } else if to == delegate && rights & ANY_DESTINATION == 0 {
                    outcome.expect_error(Error::DestinationNotOwners);
                } else {
                    outcome.expect_ok();
                    assert_eq!(world.balance(&to, reserve) - before, amount);
                }
            }
            world.assert_conserved();
        }
    }
}

#[test]
fn an_event_says_who_may_what_and_for_how_long() {
    let (Scene { mut world, trader, .. }, delegate) = scene(WITHDRAW);
    let events = world.view().market.events;
    let Event::DelegateSet(event) = set(&mut world, trader, delegate, 7, UNTIL + 1).expect_event() else {
        panic!("another event")
    };
    assert_eq!((event.number, event.account, event.delegate), (events + 1, trader.margin, delegate));
    assert_eq!((event.rights, event.until), (7, UNTIL + 1));
    let removal = world.view().remove_delegate(trader.key, trader.margin);
    let Event::DelegateSet(event) = world.send(&[removal]).expect_event() else { panic!("another event") };
    assert_eq!((event.delegate, event.rights, event.until), (Address::default(), 0, 0));
    assert_eq!(world.margin(&trader.margin).delegate, to_engine(&Address::default()));
}

#[test]
fn rights_end_at_their_second_and_with_their_removal() {
    let (Scene { mut world, sol, trader, .. }, delegate) = scene(WITHDRAW);
    let take = withdrawal(&world, delegate, trader.margin, trader.key, sol);
    world.set_time(UNTIL - 1);
    world.send(std::slice::from_ref(&take)).expect_ok();
    let mut removed = world.fork();
    let removal = removed.view().remove_delegate(trader.key, trader.margin);
    removed.send(&[removal]).expect_ok();
    removed.send(std::slice::from_ref(&take)).expect_error(Error::NotAccountOwner);
    world.set_time(UNTIL);
    world.send(std::slice::from_ref(&take)).expect_error(Error::DelegateExpired);
    // A delegate in another's place takes the rights with it.
    let successor = world.key("successor");
    set(&mut world, trader, successor, WITHDRAW, UNTIL + 1).expect_ok();
    world.send(&[take]).expect_error(Error::NotAccountOwner);
    let take = withdrawal(&world, successor, trader.margin, trader.key, sol);
    world.send(&[take]).expect_ok();
}

#[test]
fn a_delegate_is_bound_by_health_like_the_owner() {
    let (Scene { mut world, usd, trader, .. }, delegate) = scene(BORROW);
    let view = world.view();
    let own = world.tokens(&trader.key, usd);
    let too_much = view.borrow(delegate, trader.margin, own, usd, 12_001 * USD).expect("listed");
    world.send(&[too_much]).expect_error(Error::InitialHealthTooLow);
}

#[test]
fn what_is_no_delegate_is_not_set() {
    let (Scene { mut world, trader, lender, .. }, delegate) = scene(WITHDRAW);
    let before = world.margin(&trader.margin);
    let none = Address::default();
    for (delegate, rights, until) in [
        (none, WITHDRAW, UNTIL),
        (none, 0, UNTIL),
        (delegate, 0, UNTIL),
        (delegate, ANY_DESTINATION, UNTIL),
        (delegate, 16, UNTIL),
        (delegate, 255, UNTIL),
        (delegate, 0, 0),
    ] {
        set(&mut world, trader, delegate, rights, until).expect_error(Error::DelegateRightsOutOfRange);
    }
    let now = world.now();
    for until in [now, 0, -1, i64::MIN] {
        set(&mut world, trader, delegate, WITHDRAW, until).expect_error(Error::DelegateExpiryInPast);
    }
    let other = world.create_market(1, ballast_tests::market_config());
    let instruction = world.view().set_delegate(trader.key, trader.margin, delegate, 7, UNTIL);
    world.send(&[with_account(instruction, "market", other)]).expect_error(Error::WrongMarket);
    set(&mut world, User { key: lender.key, ..trader }, lender.key, 7, UNTIL).expect_error(Error::NotAccountOwner);
    assert!(world.margin(&trader.margin) == before);
}

// Attacks.

/// Whatever its rights, a delegate does not pass them on, make them last or close the account.
#[test]
fn delegate_c01_a_delegate_names_no_delegate_and_closes_nothing() {
    let (Scene { mut world, usd, sol, trader, .. }, delegate) = scene(7);
    let accomplice = world.key("accomplice");
    let as_delegate = User { key: delegate, ..trader };
    for (to, rights, until) in [(accomplice, 7, UNTIL), (delegate, 7, i64::MAX), (Address::default(), 0, 0)] {
        set(&mut world, as_delegate, to, rights, until).expect_error(Error::NotAccountOwner);
    }
    let out = world.tokens(&delegate, sol);
    let all = world.view().withdraw(delegate, trader.margin, out, sol, EVERYTHING).expect("listed");
    world.send(&[all]).expect_ok();
    let close = world.view().close_account(delegate, trader.margin, delegate);
    world.send(&[close]).expect_error(Error::NotAccountOwner);
    let take = loan(&world, accomplice, trader.margin, accomplice, usd);
    world.fund(&accomplice, usd, 0);
    world.send(&[take]).expect_error(Error::NotAccountOwner);
}

#[test]
fn delegate_c01_a_delegate_who_does_not_sign_is_nobody() {
    let (Scene { mut world, sol, trader, .. }, delegate) = scene(7);
    let mut take = withdrawal(&world, delegate, trader.margin, trader.key, sol);
    take.accounts[0].is_signer = false;
    let outcome = world.send_from(trader.key, &[take]);
    outcome.expect_instruction_error(InstructionError::MissingRequiredSignature);
}

/// A delegate is one account's: not of the owner's others, nor of anyone else's.
#[test]
fn delegate_c04_rights_are_of_one_account() {
    let (Scene { mut world, usd, sol, trader, lender }, delegate) = scene(7);
    let second = User { margin: world.open(trader.key, 1), ..trader };
    world.supply(second, sol, SOL);
    let take = withdrawal(&world, delegate, second.margin, delegate, sol);
    world.send(&[take]).expect_error(Error::NotAccountOwner);
    let out = world.tokens(&delegate, usd);
    let take = world.view().withdraw(delegate, lender.margin, out, usd, USD).expect("listed");
    world.send(&[take]).expect_error(Error::NotAccountOwner);
}

/// What names the owner where a token account would is not paid to unless it is one, of the reserve's mint.
#[test]
fn delegate_c22_a_lookalike_of_the_owners_token_account_is_not_paid() {
    let (Scene { mut world, usd, sol, trader, .. }, delegate) = scene(WITHDRAW);
    let take = withdrawal(&world, delegate, trader.margin, trader.key, sol);
    let own = world.account(&world.tokens(&trader.key, sol));
    let forged = world.key("forged");
    for owner in [SYSTEM_PROGRAM, delegate, ballast_client::ID, ballast_client::TOKEN_2022_PROGRAM] {
        world.write(forged, owner, own.data.clone());
        let outcome = world.send(&[with_account(take.clone(), "destination", forged)]);
        assert!(!outcome.is_ok(), "{owner}");
    }
    // The owner's, of another mint: the token program's code for that.
    let other_mint = world.tokens(&trader.key, usd);
    world.send(&[with_account(take.clone(), "destination", other_mint)]).expect_custom(3);
    // Too short to name anyone.
    for length in [0, 32, 63] {
        world.write(forged, ballast_client::TOKEN_PROGRAM, own.data[..length].to_vec());
        let short = with_account(take.clone(), "destination", forged);
        world.send(&[short]).expect_error(Error::DestinationNotOwners);
    }
    // Another token account of the owner's will do.
    world.write(forged, ballast_client::TOKEN_PROGRAM, own.data);
    world.send(&[with_account(take, "destination", forged)]).expect_ok();
    assert_eq!(world.token_balance(&forged), SOL);
}

/// A token account that the delegate may spend from, or whose owner the delegate is, is not the owner's for naming him as
/// anything else.
#[test]
fn delegate_c22_only_the_owner_of_a_token_account_counts() {
    let (Scene { mut world, sol, trader, .. }, delegate) = scene(WITHDRAW);
    let take = withdrawal(&world, delegate, trader.margin, trader.key, sol);
    let mut account = world.account(&world.tokens(&delegate, sol));
    // Spl-token's delegate and close authority, each with its tag.
    for at in [72, 129] {
        account.data[at..at + 4].copy_from_slice(&1u32.to_le_bytes());
        account.data[at + 4..at + 36].copy_from_slice(trader.key.as_ref());
    }
    let hybrid = world.key("hybrid");
    world.set_account(hybrid, account);
    world.send(&[with_account(take, "destination", hybrid)]).expect_error(Error::DestinationNotOwners);
}

/// While its collateral is out the account waits, for its owner as well.
#[test]
fn delegate_c19_nothing_of_an_account_in_receivership_changes() {
    let (Scene { mut world, usd, sol, trader, .. }, delegate) = scene(WITHDRAW);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, ballast_tests::Quote::dollars(110.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 10_000 * USD);
    let order =
        ballast_client::LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
    let [begin, end] = world.receivership(liquidator, trader.margin, order);
    let view = world.view();
    for between in [
        view.set_delegate(trader.key, trader.margin, delegate, 7, UNTIL),
        view.assert_sequence(trader.key, trader.margin, 0),
        withdrawal(&world, delegate, trader.margin, trader.key, sol),
    ] {
        world.send(&[begin.clone(), between, end.clone()]).expect_error(Error::AccountInReceivership);
    }
    let read = view.assert_health(trader.margin, HealthReport::EQUITY, 10_000);
    world.send(&[begin, read, end]).expect_ok();
}

// The guards.

#[test]
fn a_transaction_whose_account_ends_below_the_ratio_is_undone() {
    let (Scene { mut world, usd, trader, .. }, _) = scene(WITHDRAW);
    let tokens = world.tokens(&trader.key, usd);
    let view = world.view();
    let borrow = |dollars: u64| view.borrow(trader.key, trader.margin, tokens, usd, dollars * USD).expect("listed");
    // 15,000 of collateral: 200 % of 7,500 at spot prices, of which a debt is an atom more by rounding.
    let guard = view.assert_health(trader.margin, HealthReport::EQUITY, 20_000);
    world.send(&[borrow(7_500), guard.clone()]).expect_error(Error::HealthBelowMinimum);
    assert_eq!(world.debt_shares(trader, usd), 0);
    world.send(&[borrow(7_499), guard]).expect_ok();
    assert_eq!(world.balance(&trader.key, usd), 7_499 * USD);
}

#[test]
fn a_ratio_is_that_of_the_report_to_the_basis_point() {
    let (Scene { mut world, usd, trader, lender, .. }, _) = scene(WITHDRAW);
    world.borrow(trader, usd, 7_777_777_777).expect_ok();
    let report = world.health(trader.margin);
    let pairs = [
        (report.initial_collateral, report.initial_debt),
        (report.maintenance_collateral, report.maintenance_debt),
        (report.equity_collateral, report.equity_debt),
    ];
    for (requirement, (collateral, debt)) in (0..).zip(pairs) {
        let most = (collateral.get() * 10_000 / debt.get()) as u32;
        let mut assert = |ratio| {
            let instruction = world.view().assert_health(trader.margin, requirement, ratio);
            world.send(&[instruction])
        };
        assert(most).expect_ok();
        assert(most + 1).expect_error(Error::HealthBelowMinimum);
        assert(u32::MAX).expect_error(Error::HealthBelowMinimum);
    }
    for requirement in [3, 255] {
        let instruction = world.view().assert_health(trader.margin, requirement, 0);
        world.send(&[instruction]).expect_error(Error::RequirementOutOfRange);
    }
    // Who owes nothing passes.
    let lenders = world.view().assert_health(lender.margin, HealthReport::INITIAL, u32::MAX);
    world.send(&[lenders]).expect_ok();
}

/// Maintenance reads old collateral at twice its price: it would prove anything.
#[test]
fn old_prices_prove_no_health() {
    let (Scene { mut world, usd, trader, .. }, _) = scene(WITHDRAW);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(3_600);
    let view = world.view();
    let assert = |requirement| view.assert_health(trader.margin, requirement, 10_000);
    for requirement in [HealthReport::MAINTENANCE, HealthReport::EQUITY] {
        world.send(&[assert(requirement)]).expect_error(Error::PriceStale);
    }
    world.send(&[assert(HealthReport::INITIAL)]).expect_error(Error::HealthBelowMinimum);
    world.refresh_all();
    for requirement in 0..3 {
        world.send(&[assert(requirement)]).expect_ok();
    }
}

#[test]
fn health_is_asserted_in_the_accounts_own_market() {
    let (Scene { mut world, trader, .. }, _) = scene(WITHDRAW);
    let other = world.create_market(1, ballast_tests::market_config());
    let assert = world.view().assert_health(trader.margin, HealthReport::EQUITY, 10_000);
    world.send(&[with_account(assert, "market", other)]).expect_error(Error::WrongMarket);
}

/// A bot signs three transactions at once and does not know which of them landed: each is applied once and in order.
#[test]
fn a_bots_transactions_apply_once_and_in_order() {
    let (Scene { mut world, sol, trader, .. }, delegate) = scene(WITHDRAW);
    let view = world.view();
    let step = |number: u64| {
        [
            view.assert_sequence(delegate, trader.margin, number),
            withdrawal(&world, delegate, trader.margin, trader.key, sol),
        ]
    };
    let [first, second, third] = [0, 1, 2].map(step);
    world.send(&second).expect_error(Error::SequenceMismatch);
    world.send(&first).expect_ok();
    world.send(&first).expect_error(Error::SequenceMismatch);
    world.send(&third).expect_error(Error::SequenceMismatch);
    world.send(&second).expect_ok();
    world.send(&third).expect_ok();
    for again in [&first, &second, &third] {
        world.send(again).expect_error(Error::SequenceMismatch);
    }
    assert_eq!((world.margin(&trader.margin).sequence, world.balance(&trader.key, sol)), (3, 3 * SOL));
    // One that fails for another reason does not count.
    let failing = [view.assert_sequence(trader.key, trader.margin, 3), view.assert_health(trader.margin, 9, 0)];
    world.send(&failing).expect_error(Error::RequirementOutOfRange);
    assert_eq!(world.margin(&trader.margin).sequence, 3);
}

#[test]
fn nobody_else_counts_the_sequence_on() {
    let (Scene { mut world, trader, lender, .. }, delegate) = scene(BORROW);
    let view = world.view();
    let assert = |signer| view.assert_sequence(signer, trader.margin, 0);
    world.send(&[assert(lender.key)]).expect_error(Error::NotAccountOwner);
    world.set_time(UNTIL);
    world.send(&[assert(delegate)]).expect_error(Error::DelegateExpired);
    world.send(&[assert(trader.key)]).expect_ok();
}
