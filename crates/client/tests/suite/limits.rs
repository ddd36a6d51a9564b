//! The limits of accounts against the engine's own actions, over the random markets that the engine is tested with.

use crate::common::{World, any_action, cases, run, sequence_of, source, update};
use ballast_client::{Address, Limit, LiquidationPrice, MarketView};
use ballast_engine::{
    Error, Result,
    health::Requirement,
    ledger::{EVERYTHING, Ledger},
    number::units::{Bps, Usd},
    price::feed::{PriceUpdate, in_range},
    state::account::{MarginAccount, Side},
};
use proptest::prelude::*;

const USERS: usize = 3;

fn view(world: &World) -> MarketView {
    MarketView { address: Address::default(), market: world.market, reserves: world.reserves.clone() }
}

fn borrow(world: &World, user: usize, reserve: u8, atoms: u64) -> Result<u64> {
    world.clone().act(user, |ledger, account| ledger.borrow(account, reserve, atoms)).map(|moved| moved.amount)
}

fn withdraw(world: &World, user: usize, reserve: u8, atoms: u64) -> Result<u64> {
    world.clone().act(user, |ledger, account| ledger.withdraw(account, reserve, atoms)).map(|moved| moved.amount)
}

fn max_borrow(world: &World, user: usize, reserve: u8) -> Limit {
    view(world).max_borrow(&world.accounts[user], reserve, world.now).unwrap()
}

fn max_withdraw(world: &World, user: usize, reserve: u8) -> Result<Limit> {
    view(world).max_withdraw(&world.accounts[user], reserve, world.now)
}

fn liquidation_price(world: &World, user: usize, reserve: u8) -> Result<Option<LiquidationPrice>> {
    view(world).liquidation_price(&world.accounts[user], reserve, world.now)
}

/// Whether the account is liquidatable once the reserve has another price, published now, and the others their last ones again.
fn is_liquidatable_at(world: &World, user: usize, reserve: u8, price: u64) -> bool {
    let mut world = world.clone();
    for index in view(&world).priced_reserves(&world.accounts[user]) {
        let last = world.reserves[index as usize].price;
        let price = if index == reserve { price } else { last.price };
        let confidence = (last.confidence as u128 * price as u128 / last.price.max(1) as u128) as u64;
        let quote = PriceUpdate { confidence, ..update(index, price as i64, world.now) };
        let brought = world.act(0, |ledger, _| ledger.refresh_price(index, &source(&quote), None));
        assert!(brought.is_ok() || index != reserve, "{brought:?} {price} {last:?}");
    }
    !world.health(user, Requirement::Maintenance).unwrap().is_healthy()
}

/// A lender of everything, and a borrower of reserve 0 with deposits in reserve 1, each worth so many USD.
fn borrower(deposit: u64, debt: u64) -> World {
    let mut world = World::new(2);
    for reserve in 0..4 {
        world.deposit(0, reserve, world.atoms(reserve, 100_000 * 10_000));
    }
    world.deposit(1, 1, world.atoms(1, deposit * 10_000));
    if debt != 0 {
        world.borrow(1, 0, world.atoms(0, debt * 10_000));
    }
    world
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn the_most_to_borrow_passes_and_one_atom_more_is_refused(
        restricted: bool,
        actions in sequence_of(any_action(USERS), 24),
    ) {
        let mut world = World::either(restricted, USERS);
        run(&mut world, &actions, |_, _, _, _| ());
        for (user, reserve) in (0..USERS).flat_map(|user| (0..4).map(move |reserve| (user, reserve))) {
            let Limit { atoms, refusal } = max_borrow(&world, user, reserve);
            if atoms != 0 {
                prop_assert_eq!(borrow(&world, user, reserve, atoms), Ok(atoms));
            }
            prop_assert_eq!(borrow(&world, user, reserve, atoms + 1).err(), refusal);
            prop_assert!(refusal.is_some());
        }
    }

    #[test]
    fn the_most_to_deposit_passes_and_one_atom_more_is_refused(
        restricted: bool,
        actions in sequence_of(any_action(USERS), 24),
    ) {
        let mut world = World::either(restricted, USERS);
        run(&mut world, &actions, |_, _, _, _| ());
        for (user, reserve) in (0..USERS).flat_map(|user| (0..4).map(move |reserve| (user, reserve))) {
            let Limit { atoms, refusal } =
                view(&world).max_deposit(&world.accounts[user], reserve, world.now).unwrap();
            let deposit = |atoms| {
                let owned = |ledger: &mut Ledger, account: &mut MarginAccount| {
                    let owner = account.owner;
                    ledger.deposit(account, &owner, reserve, atoms)
                };
                world.clone().act(user, owned).map(|moved| moved.amount)
            };
            if atoms != 0 {
                prop_assert_eq!(deposit(atoms), Ok(atoms));
            }
            prop_assert_eq!(deposit(atoms + 1).err(), refusal);
            prop_assert!(refusal.is_some());
        }
    }

    #[test]
    fn the_most_to_withdraw_passes_and_one_atom_more_is_refused(
        restricted: bool,
        actions in sequence_of(any_action(USERS), 24),
    ) {
        let mut world = World::either(restricted, USERS);
        run(&mut world, &actions, |_, _, _, _| ());
        for (user, reserve) in (0..USERS).flat_map(|user| (0..4).map(move |reserve| (user, reserve))) {
            let Ok(Limit { atoms, refusal }) = max_withdraw(&world, user, reserve) else {
                prop_assert!(world.accounts[user].shares(reserve, Side::Deposit).is_err());
                continue;
            };
            let position = world.accounts[user].position(reserve).expect("a deposit");
            let exit = view(&world).exit_amount(position, world.now).unwrap();
            prop_assert!(atoms <= exit && exit <= view(&world).amount(position, world.now).unwrap());
            if refusal.is_none() {
                prop_assert_eq!(withdraw(&world, user, reserve, EVERYTHING), Ok(atoms));
                prop_assert_eq!(exit, atoms);
                continue;
            }
            if atoms != 0 {
                prop_assert_eq!(withdraw(&world, user, reserve, atoms), Ok(atoms));
            }
            prop_assert_eq!(withdraw(&world, user, reserve, atoms + 1).err(), refusal);
            prop_assert!(withdraw(&world, user, reserve, EVERYTHING).is_err());
        }
    }

    #[test]
    fn the_liquidation_price_is_the_boundary_of_maintenance(
        restricted: bool,
        actions in sequence_of(any_action(USERS), 24),
    ) {
        let mut world = World::either(restricted, USERS);
        run(&mut world, &actions, |_, _, _, _| ());
        // Of two prices of one second the first stays.
        world.now += 1;
        for (user, reserve) in (0..USERS).flat_map(|user| (0..4).map(move |reserve| (user, reserve))) {
            let record = &world.reserves[reserve as usize];
            let is_too_wide = record.price.confidence_bps >= record.config.oracle.max_confidence_maintenance;
            let found = match liquidation_price(&world, user, reserve) {
                Ok(found) => found,
                Err(error) => {
                    let held = world.accounts[user].position(reserve);
                    let expected = if held.is_none() { Error::PositionNotFound } else { Error::PriceConfidenceTooWide };
                    prop_assert!(error == expected && (held.is_none() || is_too_wide), "{error:?}");
                    continue;
                }
            };
            // A part is rounded up by a basis point at some prices.
            if is_too_wide {
                continue;
            }
            let liquidatable = |price| is_liquidatable_at(&world, user, reserve, price);
            let Some(LiquidationPrice { price, exponent, is_deposit }) = found else {
                prop_assert_eq!(liquidatable(100), liquidatable(1_000_000_000_000_000_000));
                continue;
            };
            prop_assert!(liquidatable(price));
            let safer = if is_deposit { price + 1 } else { price - 1 };
            prop_assert!(in_range(safer, exponent));
            prop_assert!(!liquidatable(safer));
        }
    }
}

#[test]
fn the_limits_of_a_borrower_are_those_of_its_weights() {
    // 1,000 USD at 75 % for debts at 110 %; in maintenance 82 % and 105 %.
    let world = borrower(1_000, 500);
    let dollars = |limit: Limit, reserve: u8| {
        limit.atoms as f64 / 10f64.powi(world.reserves[reserve as usize].decimals as i32)
            * world.prices[reserve as usize] as f64
            * 1e-10
    };
    let near = |value: f64, expected: f64| assert!((value - expected).abs() < 0.01, "{value} is not {expected}");
    let borrowable = max_borrow(&world, 1, 0);
    near(dollars(borrowable, 0), 750.0 / 1.1 - 500.0);
    assert_eq!(borrowable.refusal, Some(Error::InitialHealthTooLow));
    let free = max_withdraw(&world, 1, 1).unwrap();
    near(dollars(free, 1), 1_000.0 - 550.0 / 0.75);
    assert_eq!(free.refusal, Some(Error::InitialHealthTooLow));
    let mut later = world.clone();
    later.now += 1;
    let of_deposit = liquidation_price(&later, 1, 1).unwrap().unwrap();
    near(of_deposit.price as f64 * 1e-10, 150.0 * 525.0 / 820.0);
    assert!(of_deposit.is_deposit);
    let of_debt = liquidation_price(&later, 1, 0).unwrap().unwrap();
    near(of_debt.price as f64 * 1e-10, 820.0 / 525.0);
    assert!(!of_debt.is_deposit);
}

#[test]
fn what_keeps_from_more_is_named() {
    let mut world = borrower(1_000, 500);
    assert_eq!(max_withdraw(&world, 0, 1).unwrap().refusal, None, "a lender without debts takes everything");
    assert_eq!(max_withdraw(&world, 1, 0), Err(Error::PositionNotFound), "a debt is no deposit");
    assert_eq!(max_borrow(&world, 1, 1), Limit { atoms: 0, refusal: Some(Error::PositionIsDeposit) });
    assert_eq!(view(&world).max_borrow(&world.accounts[1], 4, world.now), Err(Error::ReserveIndexOutOfRange));
    world.now += 601;
    let stale = Limit { atoms: 0, refusal: Some(Error::PriceStale) };
    assert_eq!(max_borrow(&world, 1, 0), stale);
    // Without a debt, nothing is owed that a price is needed for; the deposit backs nothing.
    let lender = max_borrow(&world, 0, 0);
    assert_eq!(lender, Limit { atoms: 0, refusal: Some(Error::PositionIsDeposit) });
}

#[test]
fn a_reported_loss_lowers_what_is_withdrawn_and_not_what_is_shown() {
    let mut world = borrower(1_000, 500);
    // Somebody else's thousand, so that there is cash for everything.
    let cash = world.atoms(0, 1_000 * 10_000);
    world.reserves[0].deposit(cash).unwrap();
    world.set_price(1, world.prices[1] / 4);
    world.refresh_all();
    let lent = *world.accounts[0].position(0).expect("a deposit");
    let whole = view(&world).amount(&lent, world.now).unwrap();
    assert_eq!(view(&world).exit_amount(&lent, world.now), Ok(whole));
    world.act(1, |ledger, account| ledger.report_loss(account)).unwrap();
    let (view, now) = (view(&world), world.now);
    assert_eq!(view.amount(&lent, now), Ok(whole));
    // 500 USD on collateral of 250, of which 100,000 of 101,000 are his.
    let exit = view.exit_amount(&lent, now).unwrap();
    assert!((whole - exit).abs_diff(world.atoms(0, 250 * 10_000)) < world.atoms(0, 5 * 10_000), "{exit} of {whole}");
    assert_eq!(view.max_withdraw(&world.accounts[0], 0, now), Ok(Limit { atoms: exit, refusal: None }));
    assert_eq!(view.exit_amount(world.accounts[1].position(0).expect("a debt"), now), Err(Error::PositionIsDebt));
}

#[test]
fn cash_bounds_what_is_borrowed() {
    let mut world = World::new(2);
    world.deposit(0, 0, 1_000_000_000);
    world.deposit(1, 1, world.atoms(1, 1_000_000 * 10_000));
    assert_eq!(max_borrow(&world, 1, 0), Limit { atoms: 1_000_000_000, refusal: Some(Error::InsufficientLiquidity) });
}

#[test]
fn less_than_the_smallest_debt_is_nothing() {
    let mut world = borrower(100, 0);
    world.market.config.min_debt_value = 100 * Usd::ONE.0 as u64;
    assert_eq!(max_borrow(&world, 1, 0), Limit { atoms: 0, refusal: Some(Error::DebtBelowMinimum) });
}

#[test]
fn value_at_risk_bounds_what_is_borrowed() {
    let mut world = borrower(1_000, 0);
    let plain = max_borrow(&world, 1, 0).atoms;
    let config = &mut world.market.config.value_at_risk;
    for (class, row) in config.correlations.iter_mut().enumerate() {
        row[class] = 10_000;
    }
    (config.multiple, config.horizon) = (Bps(40_000), 86_400);
    world.market.config.validate().unwrap();
    world.reserves[1].config.risk.class = 1;
    world.reserves[1].risk.volatility.annual = Bps(20_000);
    let Limit { atoms, refusal } = max_borrow(&world, 1, 0);
    assert!(0 < atoms && atoms < plain, "{atoms} of {plain}");
    assert_eq!(refusal, Some(Error::InitialHealthTooLow));
    assert_eq!(borrow(&world, 1, 0, atoms), Ok(atoms));
}

/// Where no second lies between prices of one moment, also beside one that was published now.
#[test]
fn the_liquidation_price_is_beside_others_of_its_moment() {
    let mut world = borrower(1_000, 500);
    world.now += 30;
    let expected = [0, 1].map(|reserve| liquidation_price(&world, 1, reserve).unwrap().unwrap());
    world.publish(0, &update(0, world.prices[0], world.now)).unwrap();
    for reserve in &mut world.reserves {
        reserve.config.oracle.max_skew = 0;
    }
    assert_eq!([0, 1].map(|reserve| liquidation_price(&world, 1, reserve).unwrap().unwrap()), expected);
}

#[test]
fn a_price_that_makes_no_difference_liquidates_at_none() {
    let world = borrower(1_000, 0);
    assert_eq!(liquidation_price(&world, 1, 1), Ok(None), "no debt");
    let mut world = borrower(1_000, 500);
    // Another deposit alone carries the debt.
    world.deposit(1, 2, world.atoms(2, 5_000 * 10_000));
    world.now += 1;
    assert_eq!(liquidation_price(&world, 1, 1), Ok(None));
    assert_eq!(liquidation_price(&world, 1, 2), Ok(None), "and so does the first");
    assert!(liquidation_price(&world, 1, 0).unwrap().is_some(), "but not at any price of the debt");
    assert_eq!(liquidation_price(&world, 1, 3), Err(Error::PositionNotFound));
    world.reserves[1].price = Default::default();
    assert_eq!(liquidation_price(&world, 1, 1), Err(Error::PriceStale));
}

#[test]
fn rates_are_what_the_indices_grow_by() {
    let world = borrower(1_000, 500);
    let view = view(&world);
    let rates = view.rates(0).unwrap();
    let year = 31_536_000.0;
    let reserve = &world.reserves[0];
    let grown = |index: ballast_engine::number::index::Index, later: ballast_engine::number::index::Index| {
        (later.to_bits() as f64 / index.to_bits() as f64).ln() * year / 86_400.0
    };
    let day = world.now + 86_400;
    let near = |value: f64, expected: f64| assert!((value / expected - 1.0).abs() < 1e-6, "{value} is not {expected}");
    near(rates.borrow, grown(reserve.debt_index, reserve.debt_index_at(day)));
    // A part in a million is the chord of a day's compounding.
    assert!((rates.deposit / grown(reserve.deposit_index, reserve.deposit_index_at(day)) - 1.0).abs() < 1e-4);
    near(rates.utilisation, 500.0 / 100_000.0);
    assert_eq!(view.rates(4), Err(Error::ReserveIndexOutOfRange));
}

#[test]
fn amounts_are_what_everything_moves() {
    let mut world = borrower(1_000, 500);
    world.now += 500;
    let view = view(&world);
    let amount = |reserve| view.amount(world.accounts[1].position(reserve).unwrap(), world.now).unwrap();
    assert_eq!(world.clone().act(1, |ledger, account| ledger.repay(account, 0, EVERYTHING)).unwrap().amount, amount(0));
    let mut repaid = world.clone();
    repaid.act(1, |ledger, account| ledger.repay(account, 0, EVERYTHING)).unwrap();
    assert_eq!(withdraw(&repaid, 1, 1, EVERYTHING), Ok(amount(1)));
}

#[test]
fn limits_leave_the_view_as_it_was() {
    let world = borrower(1_000, 500);
    let (before, account): (MarketView, MarginAccount) = (view(&world), world.accounts[1]);
    let asked = before.clone();
    asked.max_borrow(&account, 0, world.now).unwrap();
    asked.max_withdraw(&account, 1, world.now).unwrap();
    asked.liquidation_price(&account, 1, world.now).unwrap();
    assert_eq!(asked, before);
}
