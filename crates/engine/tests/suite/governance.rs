//! Changes of parameters: examples of each refusal, and what holds of all of them.

use crate::common::{AUTHORITY, START, World, cases, market_config, reserve_config};
use ballast_engine::{
    Error, Result,
    ledger::Ledger,
    number::units::Bps,
    record::{
        layout::Address,
        parameter::{self, Direction, Edited, Parameter, Unit},
    },
    state::{
        change::{Change, Listing, OF_LISTING, OF_MARKET},
        market::{Market, MarketConfig},
        reserve::{Reserve, ReserveConfig},
    },
};
use proptest::prelude::*;

const COUNCIL: Address = Address([8; 32]);
const GUARDIAN: Address = Address([3; 32]);
const STRANGER: Address = Address([9; 32]);
const DELAY: i64 = 172_800;

/// A launched market with a council.
fn launched() -> World {
    let mut world = World::new(1);
    world.market.config.roles.risk_council = COUNCIL;
    world.market.config.launched = 1;
    world
}

/// The edits between two records of one table.
fn edits(table: &[Parameter], old: &[u8], new: &[u8]) -> Vec<u8> {
    let differ = table.iter().filter(|parameter| parameter.of(old) != parameter.of(new));
    differ.flat_map(|parameter| [&parameter.offset.to_le_bytes(), parameter.of(new)].concat()).collect()
}

fn of_reserve(world: &World, change: impl FnOnce(&mut ReserveConfig)) -> Vec<u8> {
    let old = world.reserves[0].config;
    let mut new = old;
    change(&mut new);
    edits(&ballast_engine::state::reserve::PARAMETERS, bytemuck::bytes_of(&old), bytemuck::bytes_of(&new))
}

fn of_market(world: &World, change: impl FnOnce(&mut MarketConfig)) -> Vec<u8> {
    let old = world.market.config;
    let mut new = old;
    change(&mut new);
    edits(&ballast_engine::state::market::PARAMETERS, bytemuck::bytes_of(&old), bytemuck::bytes_of(&new))
}

fn set(world: &mut World, signer: Address, target: u8, edits: &[u8]) -> Result<()> {
    world.act(0, |ledger, _| ledger.set_parameters(&signer, target, edits, &mut |_, _| ()))
}

fn queue(world: &mut World, signer: Address, target: u8, data: &[u8]) -> Result<Change> {
    let mut change = Change::default();
    world.act(0, |ledger, _| ledger.queue_change(&signer, target, data, &mut change)).map(|()| change)
}

fn execute(world: &mut World, change: &Change) -> Result<()> {
    world.act(0, |ledger, _| ledger.execute_change(change, &mut |_, _| ()))
}

/// Lists in a market with room for one more.
fn list(world: &mut World, change: &Change) -> Result<()> {
    let mut fork = world.clone();
    fork.reserves.push(Reserve::default());
    fork.act(0, |ledger, _| ledger.list(change, 6).map(drop))?;
    *world = fork;
    Ok(())
}

fn listing(mint: u8, cap: u32) -> Vec<u8> {
    let mut config = reserve_config(0);
    config.risk.borrowing_cap = cap;
    bytemuck::bytes_of(&Listing { mint: Address([mint; 32]), config }).to_vec()
}

#[test]
fn edits_are_read_whole_or_not_at_all() {
    let mut world = launched();
    for garbage in [&[0][..], &[0, 0], &[0, 0, 1], &[255, 255, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(set(&mut world, AUTHORITY, 0, garbage), Err(Error::ParameterUnknown), "{garbage:?}");
    }
    assert_eq!(set(&mut world, AUTHORITY, 0, &[]), Err(Error::NothingToChange));
    assert_eq!(set(&mut world, AUTHORITY, 4, &[0; 10]), Err(Error::ReserveIndexOutOfRange));
    assert_eq!(queue(&mut world, AUTHORITY, 0, &[0; 417]).err(), Some(Error::ChangeTooLong));
}

#[test]
fn who_may_do_what_at_once() {
    let mut world = launched();
    let lower = of_reserve(&world, |config| config.deposit_cap -= 1);
    assert_eq!(set(&mut world, STRANGER, 0, &lower), Err(Error::NotAuthorityOrCouncil));
    assert_eq!(queue(&mut world, COUNCIL, 0, &lower).err(), Some(Error::NotMarketAuthority));
    let higher = of_reserve(&world, |config| config.max_penalty = Bps(1_501));
    assert_eq!(set(&mut world, AUTHORITY, 0, &higher), Err(Error::AddsRisk));
    let far = of_reserve(&world, |config| config.deposit_cap = 1);
    assert_eq!(set(&mut world, COUNCIL, 0, &far), Err(Error::CouncilStepTooLarge));
    for _ in 0..3 {
        let less = of_reserve(&world, |config| config.deposit_cap -= 1);
        set(&mut world, COUNCIL, 0, &less).unwrap();
    }
    let once_more = of_reserve(&world, |config| config.deposit_cap -= 1);
    assert_eq!(set(&mut world, COUNCIL, 0, &once_more), Err(Error::CouncilQuotaSpent));
    world.now += 86_400;
    set(&mut world, COUNCIL, 0, &once_more).unwrap();
    let shorter = of_market(&world, |config| config.delay = 86_399);
    assert_eq!(set(&mut world, AUTHORITY, OF_MARKET, &shorter), Err(Error::DelayOutOfRange));
    let back = of_market(&world, |config| config.launched = 0);
    assert_eq!(queue(&mut world, AUTHORITY, OF_MARKET, &back).err(), Some(Error::MarketLaunched));
}

#[test]
fn a_change_has_its_time() {
    let mut world = launched();
    let data = of_reserve(&world, |config| config.max_penalty = Bps(1_501));
    let change = queue(&mut world, AUTHORITY, 0, &data).unwrap();
    assert_eq!((change.number, world.market.changes), (0, 1));
    assert_eq!((change.earliest, change.latest), (START + DELAY, START + DELAY + Change::WINDOW));
    world.now = change.earliest - 1;
    assert_eq!(execute(&mut world, &change), Err(Error::ChangeNotDue));
    world.now = change.latest + 1;
    assert_eq!(execute(&mut world, &change), Err(Error::ChangeExpired));
    world.now = change.latest;
    execute(&mut world, &change).unwrap();
    assert_eq!(world.reserves[0].config.max_penalty, Bps(1_501));
}

#[test]
fn who_may_cancel() {
    let mut world = launched();
    let data = of_reserve(&world, |config| config.max_penalty = Bps(1_501));
    let change = queue(&mut world, AUTHORITY, 0, &data).unwrap();
    let cancel = |change: &Change, signer: Address, now: i64| change.require_cancellable(&world.market, &signer, now);
    assert_eq!(cancel(&change, AUTHORITY, START), Ok(()));
    assert_eq!(cancel(&change, GUARDIAN, START), Ok(()));
    assert_eq!(cancel(&change, COUNCIL, change.latest), Err(Error::NotAuthorityOrGuardian));
    assert_eq!(cancel(&change, STRANGER, change.latest + 1), Ok(()));
    let mut other = world.clone();
    let replace = of_market(&other, |config| config.roles.guardian = STRANGER);
    let change = queue(&mut other, AUTHORITY, OF_MARKET, &replace).unwrap();
    assert_eq!(change.earliest, START + 2 * DELAY, "roles wait twice");
    assert_eq!(cancel(&change, GUARDIAN, START), Err(Error::GuardianCannotKeepOffice));
    assert_eq!(cancel(&change, AUTHORITY, START), Ok(()));
}

#[test]
fn authority_is_accepted_by_the_nominee() {
    let mut market = Market::new(market_config(), AUTHORITY).unwrap();
    for signer in [STRANGER, Address::NONE] {
        assert_eq!(market.accept_authority(&signer, &mut |_, _| ()), Err(Error::NotNominee));
    }
    market.config.roles.nominee = STRANGER;
    assert_eq!(market.accept_authority(&AUTHORITY, &mut |_, _| ()), Err(Error::NotNominee));
    market.accept_authority(&STRANGER, &mut |_, _| ()).unwrap();
    assert_eq!((market.authority, market.config.roles.nominee), (STRANGER, Address::NONE));
}

#[test]
fn listings_after_the_launch_are_capped_and_rare() {
    let mut world = launched();
    for cap in [0, 1_000_001] {
        assert_eq!(queue(&mut world, AUTHORITY, OF_LISTING, &listing(50, cap)).err(), Some(Error::NewListingUncapped));
    }
    assert_eq!(queue(&mut world, AUTHORITY, OF_LISTING, &[0; 415]).err(), Some(Error::WrongChange));
    world.reserves[2].mint = Address([50; 32]);
    let again = queue(&mut world, AUTHORITY, OF_LISTING, &listing(50, 1));
    assert_eq!(again.err(), Some(Error::DuplicateReserve));
    let first = queue(&mut world, AUTHORITY, OF_LISTING, &listing(51, 1)).unwrap();
    let second = queue(&mut world, AUTHORITY, OF_LISTING, &listing(52, 1)).unwrap();
    assert_eq!(list(&mut world, &first), Err(Error::ChangeNotDue));
    world.now += DELAY;
    assert_eq!(execute(&mut world, &first), Err(Error::WrongChange));
    list(&mut world, &first).unwrap();
    assert_eq!(list(&mut world, &second), Err(Error::ListingTooSoon));
    world.now += DELAY;
    list(&mut world, &second).unwrap();
    assert_eq!(world.reserves[5].mint, Address([52; 32]));
}

#[test]
fn a_reserve_is_wound_down() {
    let mut world = launched();
    world.deposit(0, 0, 1_000);
    let close = |world: &mut World| world.act(0, |ledger, _| ledger.close_reserve(0));
    assert_eq!(close(&mut world), Err(Error::ReserveInUse));
    let now = world.now;
    let term = |seconds: i64| {
        move |config: &mut ReserveConfig| (config.reduce_only, config.repay_by) = (1, (now + seconds) as u32)
    };
    let mut set_config = |change: &dyn Fn(&mut ReserveConfig)| {
        let mut config = world.reserves[0].config;
        change(&mut config);
        world.reserves[0].set_config(&config, now, 172_800, true)
    };
    assert_eq!(set_config(&|config| config.repay_by = u32::MAX), Ok(()), "a book of loans for a term");
    assert_eq!(set_config(&term(Reserve::NOTICE - 1)), Err(Error::TermOutOfRange));
    assert_eq!(set_config(&term(Reserve::NOTICE)), Ok(()));
    assert!(!world.reserves[0].is_due(now + Reserve::NOTICE - 1) && world.reserves[0].is_due(now + Reserve::NOTICE));
    assert_eq!(close(&mut world), Err(Error::ReserveInUse));
    world.act(0, |ledger, account| ledger.withdraw(account, 0, u64::MAX)).unwrap();
    close(&mut world).unwrap();
    assert_eq!(close(&mut world), Err(Error::ReserveClosed));
    let config = world.reserves[0].config;
    assert_eq!(world.reserves[0].set_config(&config, now, 172_800, true), Err(Error::ReserveClosed));
}

/// Whether a record is at least as careful as another in every parameter.
fn is_no_riskier(table: &[Parameter], old: &[u8], new: &[u8]) -> bool {
    table.iter().all(|parameter| {
        let (old, new) = (parameter.value(old), parameter.value(new));
        match parameter.direction {
            Direction::Up => new <= old,
            Direction::UpOrNone => old == 0 || new != 0 && new <= old,
            Direction::Down => new >= old,
            Direction::DownOrNew => {
                if old == 0 {
                    new == 0
                } else {
                    new >= old
                }
            }
            Direction::Any | Direction::AnyOrNone => new == old,
            Direction::AnyoneNew => new == old || new == 0,
        }
    })
}

#[test]
fn the_tables_cover_their_records_without_overlap() {
    for (table, length) in [
        (&ballast_engine::state::reserve::PARAMETERS[..], size_of::<ReserveConfig>()),
        (&ballast_engine::state::market::PARAMETERS[..], size_of::<MarketConfig>()),
    ] {
        let mut end = 0;
        for Parameter { offset, width, min, max, unit, .. } in table {
            assert!(*offset as usize >= end && min <= max);
            end = *offset as usize + *width as usize;
            let most = if *width < 8 { (1u64 << (8 * *width as u32)) - 1 } else { u64::MAX };
            assert!(*unit == Unit::Account || *max <= most);
        }
        assert!(end <= length);
    }
}

fn any_edits(table: &'static [Parameter]) -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![0u64..3, 0u64..10_000, any::<u64>(), Just(86_400), Just(10_500)];
    let edit = (prop::sample::select(table), number, any::<[u8; 32]>()).prop_map(|(parameter, number, address)| {
        let bytes = if parameter.unit == Unit::Account { address.to_vec() } else { number.to_le_bytes().to_vec() };
        [&parameter.offset.to_le_bytes()[..], &bytes[..parameter.width as usize]].concat()
    });
    prop::collection::vec(edit, 1..5).prop_map(|edits| edits.concat())
}

fn apply(table: &[Parameter], record: &mut [u8], edits: &[u8]) -> Result<Edited> {
    let before = record.to_vec();
    parameter::edit(table, &before, record, edits, &mut 0, &mut |_, _| ())
}

proptest! {
    #![proptest_config(cases(if cfg!(debug_assertions) { 2_000 } else { 20_000 }))]

    /// Whatever is set at once after the launch, by whom and in which order: no parameter is riskier than before.
    #[test]
    fn nothing_at_once_adds_risk_i17(
        steps in prop::collection::vec((any::<bool>(), any::<bool>(), any_edits(&ballast_engine::state::reserve::PARAMETERS), any_edits(&ballast_engine::state::market::PARAMETERS)), 1..12),
    ) {
        let mut world = launched();
        let (reserve, market) = (world.reserves[0].config, world.market.config);
        for (is_council, of_the_market, in_reserve, in_market) in steps {
            let signer = if is_council { COUNCIL } else { AUTHORITY };
            let (target, edits) = if of_the_market { (OF_MARKET, in_market) } else { (0, in_reserve) };
            let _ = set(&mut world, signer, target, &edits);
        }
        prop_assert!(is_no_riskier(&ballast_engine::state::reserve::PARAMETERS, bytemuck::bytes_of(&reserve), bytemuck::bytes_of(&world.reserves[0].config)));
        prop_assert!(is_no_riskier(&ballast_engine::state::market::PARAMETERS, bytemuck::bytes_of(&market), bytemuck::bytes_of(&world.market.config)));
        prop_assert!(world.market.config.validate().is_ok() && world.reserves[0].config.validate().is_ok());
    }

    /// Edits change what they name and nothing else, are told with what was and is, and their sum is what each says.
    #[test]
    fn edits_change_what_they_name_i11(edits in any_edits(&ballast_engine::state::reserve::PARAMETERS)) {
        let before = reserve_config(0);
        let mut record = bytemuck::bytes_of(&before).to_vec();
        let (mut told, mut events) = (Vec::new(), 7);
        let made = &mut |number, edit: &parameter::Edit| told.push((number, *edit));
        let outcome = parameter::edit(&ballast_engine::state::reserve::PARAMETERS, bytemuck::bytes_of(&before), &mut record, &edits, &mut events, made);
        if let Ok(edited) = outcome {
            prop_assert_eq!(events, 7 + told.len() as u64);
            let mut expected = bytemuck::bytes_of(&before).to_vec();
            let mut adds_risk = false;
            for (nth, (number, edit)) in told.iter().enumerate() {
                prop_assert_eq!(*number, 8 + nth as u64);
                let parameter = ballast_engine::state::reserve::PARAMETERS.iter().find(|parameter| parameter.offset == edit.offset).unwrap();
                let width = parameter.width as usize;
                let at = &mut expected[edit.offset as usize..][..width];
                prop_assert_eq!(&*at, &edit.old.0[..width]);
                adds_risk |= parameter.adds_risk(parameter.of(bytemuck::bytes_of(&before)), &edit.new.0[..width]);
                at.copy_from_slice(&edit.new.0[..width]);
            }
            prop_assert_eq!(expected, record);
            prop_assert_eq!(edited.adds_risk, adds_risk);
        }
    }

    /// No panic for any bytes.
    #[test]
    fn any_bytes_are_edits_or_refused_i11(bytes in prop::collection::vec(any::<u8>(), 0..80), target: u8) {
        let mut world = launched();
        let _ = set(&mut world, AUTHORITY, target, &bytes);
        let _ = queue(&mut world, AUTHORITY, target, &bytes);
        let mut record = bytemuck::bytes_of(&reserve_config(0)).to_vec();
        let _ = apply(&ballast_engine::state::reserve::PARAMETERS, &mut record, &bytes);
        let mut change = Change { target, length: bytes.len() as u16 * 9, ..Change::default() };
        change.data[..bytes.len()].copy_from_slice(&bytes);
        let _ = change.require_cancellable(&world.market, &GUARDIAN, START);
        let mut ledger = Ledger { market: &mut world.market, reserves: &mut world.reserves, now: START };
        let _ = ledger.execute_change(&change, &mut |_, _| ());
        let _ = ledger.list(&change, 6);
    }
}
