//! Changes that wait, the risk council, and the transfer of authority.

use ballast_client::{Address, Event, Instruction, change_address, to_engine};
use ballast_engine::{
    Error,
    number::units::Bps,
    record::layout,
    state::{
        change::{AUTHORITY, Change, MAX_CHANGE, OF_LISTING, OF_MARKET},
        reserve::ReserveConfig,
    },
};
use ballast_tests::{MintSpec, SOL, Scene, USD, World, market_config, reserve_config, with_account};
use solana_transaction::InstructionError;

const DAY: i64 = 86_400;
const DELAY: i64 = 2 * DAY;

fn execute(world: &World, change: &Change) -> Instruction {
    world.view().execute_change(world.payer, change)
}

fn cancel(world: &World, signer: Address, change: &Change) -> Instruction {
    world.view().cancel_change(signer, change)
}

fn set(world: &World, signer: Address, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Instruction {
    world.view().set_parameters(signer, reserve, world.edits(reserve, change).all())
}

#[test]
fn a_change_waits_can_be_seen_and_is_made_by_anyone() {
    let Scene { mut world, usd, .. } = Scene::new();
    let data = world.edits(usd, |config| config.max_penalty = Bps(1_100)).waiting;
    let (now, payer, before) = (world.now(), world.payer, world.view().market);
    let instruction = world.view().queue_change(payer, usd, data.clone());
    let rent = world.account(&payer).lamports;
    let queued = world.send(&[instruction]).expect_ok();
    let change = world.change(before.changes);
    assert_eq!((change.earliest, change.latest), (now + DELAY, now + DELAY + Change::WINDOW));
    assert_eq!((change.target, change.number, change.data()), (usd, before.changes, data.as_slice()));
    assert_eq!((change.payer, change.market), (to_engine(&payer), to_engine(&world.market)));
    let Event::ChangeQueued(event) = queued.expect_event() else { panic!("not queued") };
    assert_eq!((event.change, event.earliest, event.target), (before.changes, now + DELAY, usd));

    let stranger = world.key("stranger");
    let run = |world: &World| world.view().execute_change(stranger, &change);
    world.advance(DELAY - 1);
    world.send(&[run(&world)]).expect_error(Error::ChangeNotDue);
    world.advance(1);
    let stolen = with_account(run(&world), "recipient", stranger);
    world.send(&[stolen]).expect_error(Error::WrongChange);
    let mut last = world.fork();
    last.advance(Change::WINDOW);
    last.send(&[run(&last)]).expect_ok();
    last.send(&[run(&last)]).expect_instruction_error(InstructionError::AccountDataTooSmall);
    let mut late = world.fork();
    late.advance(Change::WINDOW + 1);
    late.send(&[run(&late)]).expect_error(Error::ChangeExpired);

    let executed = world.send(&[run(&world)]).expect_ok();
    assert_eq!(world.reserve(usd).config.max_penalty, Bps(1_100));
    let [Event::ParameterSet(set), Event::ChangeExecuted(done)] = executed.events[..] else {
        panic!("{:?}", executed.events)
    };
    assert_eq!((set.target, set.number, done.number), (usd, before.events + 2, before.events + 3));
    assert_eq!((set.old[..2].to_vec(), set.new[..3].to_vec()), (vec![0xe8, 3], vec![0x4c, 4, 0]));
    assert_eq!(set.new[..2], data[2..4], "the offset comes first");
    assert!(world.find_account(&change_address(&world.market, before.changes).0).is_none());
    // All fees apart, the rent is back.
    assert!(world.account(&payer).lamports + 100_000 > rent);
}

#[test]
fn a_change_says_one_thing_and_another_is_not_undone_by_it() {
    let Scene { mut world, usd, .. } = Scene::new();
    let authority = world.authority;
    let raise = world.edits(usd, |config| config.reserve_factor = Bps(1_500)).waiting;
    let change = world.queue(usd, raise);
    // Meanwhile the weights come down: the queued change knows nothing of them.
    let tighten = set(&world, authority, usd, |config| config.risk.cross.initial_asset = Bps(5_000));
    world.send(&[tighten]).expect_ok();
    world.advance(DELAY);
    world.send(&[execute(&world, &change)]).expect_ok();
    let config = world.reserve(usd).config;
    assert_eq!((config.reserve_factor, config.risk.cross.initial_asset), (Bps(1_500), Bps(5_000)));
}

#[test]
fn a_change_is_judged_again_when_it_is_made() {
    let Scene { mut world, usd, .. } = Scene::new();
    let authority = world.authority;
    let raise = world.edits(usd, |config| config.risk.cross.initial_asset = Bps(8_400)).waiting;
    let change = world.queue(usd, raise);
    let tighten = set(&world, authority, usd, |config| {
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(7_000), Bps(8_300));
    });
    world.send(&[tighten]).expect_ok();
    world.advance(DELAY);
    world.send(&[execute(&world, &change)]).expect_error(Error::MaintenanceTighterThanInitial);
    // And refused from the start if it could not be made at present.
    let beyond = world.edits(usd, |config| config.risk.cross.initial_asset = Bps(8_400)).waiting;
    let instruction = world.view().queue_change(world.payer, usd, beyond);
    world.send(&[instruction]).expect_error(Error::MaintenanceTighterThanInitial);
}

#[test]
fn who_may_queue_execute_and_cancel() {
    let Scene { mut world, usd, .. } = Scene::new();
    let [guardian, council, collector, stranger] =
        ["guardian", "council", "collector", "stranger"].map(|name| world.key(name));
    world.reconfigure_market(|config| config.roles.risk_council = to_engine(&council)).expect_ok();
    let authority = world.authority;
    let data = world.edits(usd, |config| config.max_penalty = Bps(1_100)).waiting;
    for other in [guardian, council, collector, stranger] {
        let instruction = world.view().queue_change(world.payer, usd, data.clone());
        world.send(&[with_account(instruction, "authority", other)]).expect_error(Error::NotMarketAuthority);
    }
    let change = world.queue(usd, data);
    for other in [council, collector, stranger] {
        world.send(&[cancel(&world, other, &change)]).expect_error(Error::NotAuthorityOrGuardian);
    }
    for who in [authority, guardian] {
        let mut world = world.fork();
        let stolen = with_account(cancel(&world, who, &change), "recipient", stranger);
        world.send(&[stolen]).expect_error(Error::WrongChange);
        let outcome = world.send(&[cancel(&world, who, &change)]).expect_ok();
        assert!(matches!(outcome.expect_event(), Event::ChangeCancelled(event) if event.change == change.number));
        world.advance(DELAY);
        world.send(&[execute(&world, &change)]).expect_instruction_error(InstructionError::AccountDataTooSmall);
    }
    // Once it has expired, anyone may clear it away.
    world.advance(DELAY + Change::WINDOW);
    world.send(&[cancel(&world, stranger, &change)]).expect_error(Error::NotAuthorityOrGuardian);
    world.advance(1);
    world.send(&[cancel(&world, stranger, &change)]).expect_ok();
}

#[test]
fn a_change_of_one_market_is_none_of_another() {
    let Scene { mut world, usd, .. } = Scene::new();
    let change = queue_any(&mut world, usd);
    let first = world.market;
    let second = world.create_market(1, market_config());
    world.advance(DELAY);
    let execute = with_account(execute(&world, &change), "market", second);
    world.send(&[execute]).expect_error(Error::WrongChange);
    let cancel = cancel(&world, world.authority, &change);
    world.send(&[with_account(cancel, "market", second)]).expect_error(Error::WrongChange);
    assert_eq!(world.market, first);
}

fn queue_any(world: &mut World, reserve: u8) -> Change {
    let data = world.edits(reserve, |config| config.max_penalty = Bps(1_100)).waiting;
    world.queue(reserve, data)
}

/// An edit list is no listing, and a listing no edit list.
#[test]
fn changes_are_executed_as_what_they_are() {
    let Scene { mut world, usd, .. } = Scene::new();
    let mint = world.mint("new", &MintSpec::spl(6));
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    config.risk.borrowing_cap = 1_000;
    let (payer, number) = (world.payer, world.view().market.changes);
    let queue_listing = world.view().queue_listing(payer, mint, config);
    world.send(&[queue_listing]).expect_ok();
    let listing = world.change(number);
    let edit = queue_any(&mut world, usd);
    world.advance(DELAY);
    world.send(&[execute(&world, &listing)]).expect_error(Error::WrongChange);
    let list = world.view().list_reserve(payer, edit.number, payer, mint, ballast_client::TOKEN_PROGRAM);
    world.send(&[list]).expect_error(Error::WrongChange);
    for data in [vec![], vec![0; MAX_CHANGE - 1]] {
        let queue = world.view().queue_change(payer, OF_LISTING, data);
        world.send(&[queue]).expect_error(Error::WrongChange);
    }
    let queue = world.view().queue_change(payer, usd, vec![0; MAX_CHANGE + 1]);
    world.send(&[queue]).expect_error(Error::ChangeTooLong);
}

#[test]
fn a_listing_after_the_launch_waits_is_capped_and_comes_alone() {
    let Scene { mut world, .. } = Scene::new();
    let mints = ["first", "second"].map(|name| world.mint(name, &MintSpec::spl(6)));
    let config = |mint: &Address, cap: u32| {
        let mut config = reserve_config();
        config.oracle.feed_id = to_engine(mint);
        config.risk.borrowing_cap = cap;
        config
    };
    let payer = world.payer;
    for cap in [0, 1_000_001] {
        let queue = world.view().queue_listing(payer, mints[0], config(&mints[0], cap));
        world.send(&[queue]).expect_error(Error::NewListingUncapped);
    }
    for mint in &mints {
        let queue = world.view().queue_listing(payer, *mint, config(mint, 1_000_000));
        world.send(&[queue]).expect_ok();
    }
    let list = |world: &World, nth: usize| {
        let number = world.view().market.changes - 2 + nth as u64;
        world.view().list_reserve(payer, number, payer, mints[nth], ballast_client::TOKEN_PROGRAM)
    };
    world.send(&[list(&world, 0)]).expect_error(Error::ChangeNotDue);
    world.advance(DELAY);
    let listed = world.send(&[list(&world, 0)]).expect_ok();
    let Event::ReserveListed(event) = listed.expect_event() else { panic!("not listed") };
    assert_eq!((event.mint, event.reserve), (mints[0], 2));
    world.send(&[list(&world, 1)]).expect_error(Error::ListingTooSoon);
    world.advance(DELAY - 1);
    world.send(&[list(&world, 1)]).expect_error(Error::ListingTooSoon);
    world.advance(1);
    world.send(&[list(&world, 1)]).expect_ok();
    // What is no collateral needs no cap.
    let plain = world.mint("third", &MintSpec::spl(6));
    let mut debt_only = config(&plain, 0);
    (debt_only.risk.cross.initial_asset, debt_only.risk.cross.maintenance_asset) = (Bps(0), Bps(0));
    let queue = world.view().queue_listing(payer, plain, debt_only);
    world.send(&[queue]).expect_ok();
}

#[test]
fn the_council_tightens_in_small_steps_three_times_a_day() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let council = world.key("council");
    let weight = |weight: u16| move |config: &mut ReserveConfig| config.risk.cross.initial_asset = Bps(weight);
    world.send(&[set(&world, council, sol, weight(7_900))]).expect_error(Error::NotAuthorityOrCouncil);
    world.reconfigure_market(|config| config.roles.risk_council = to_engine(&council)).expect_ok();
    world.send(&[set(&world, council, sol, weight(8_100))]).expect_error(Error::AddsRisk);
    world.send(&[set(&world, council, sol, weight(7_499))]).expect_error(Error::CouncilStepTooLarge);
    let cap = world.reserve(sol).config.deposit_cap;
    let caps = |cap: u64| move |config: &mut ReserveConfig| config.deposit_cap = cap;
    world.send(&[set(&world, council, sol, caps(cap / 2 - 1))]).expect_error(Error::CouncilStepTooLarge);
    // A limit that was off is for the authority to switch on.
    let limit = |config: &mut ReserveConfig| config.breakers.max_utilisation = Bps(400);
    world.send(&[set(&world, council, sol, limit)]).expect_error(Error::CouncilStepTooLarge);
    world.send(&[set(&world, council, sol, weight(7_500))]).expect_ok();
    world.send(&[set(&world, council, sol, caps(cap / 2))]).expect_ok();
    world.send(&[set(&world, council, sol, |config| (config.reduce_only, config.borrow_enabled) = (1, 0))]).expect_ok();
    world.send(&[set(&world, council, sol, weight(7_000))]).expect_error(Error::CouncilQuotaSpent);
    // Of this reserve: others have their own, and the authority has none.
    world.send(&[set(&world, council, usd, weight(7_500))]).expect_ok();
    let edits = world.market_edits(|config| config.delay += 1_000).all();
    let change_market = world.view().set_parameters(council, OF_MARKET, edits);
    world.send(&[change_market]).expect_ok();
    world.send(&[set(&world, world.authority, sol, weight(1_000))]).expect_ok();
    world.advance(DAY - 1);
    world.send(&[set(&world, council, sol, weight(900))]).expect_error(Error::CouncilQuotaSpent);
    world.advance(1);
    world.send(&[set(&world, council, sol, weight(900))]).expect_ok();
    // It may not queue anything, nor undo what it did.
    let back = edits_of(&world, sol, weight(1_000));
    let queue = world.view().queue_change(world.payer, sol, back);
    world.send(&[with_account(queue, "authority", council)]).expect_error(Error::NotMarketAuthority);
}

fn edits_of(world: &World, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Vec<u8> {
    world.edits(reserve, change).all()
}

/// An absent council is the system program's address, which nobody signs for; a fee payer without a name does not pass for it.
#[test]
fn an_absent_council_is_nobody() {
    let Scene { mut world, usd, .. } = Scene::new();
    assert!(world.view().market.config.roles.risk_council.is_none());
    let nobody = Address::default();
    let mut unsigned = set(&world, nobody, usd, |config| config.reduce_only = 1);
    unsigned.accounts[0].is_signer = false;
    assert!(!world.send(&[unsigned]).is_ok());
}

#[test]
fn authority_passes_in_two_steps_and_after_twice_the_delay() {
    let Scene { mut world, usd, .. } = Scene::new();
    let [heir, thief] = ["heir", "thief"].map(|name| world.key(name));
    let old = world.authority;
    let nominate = world.market_edits(|config| config.roles.nominee = to_engine(&heir)).all();
    let at_once = world.view().set_parameters(old, OF_MARKET, nominate.clone());
    world.send(&[at_once]).expect_error(Error::AddsRisk);
    let change = world.queue(OF_MARKET, nominate);
    world.advance(2 * DELAY - 1);
    world.send(&[execute(&world, &change)]).expect_error(Error::ChangeNotDue);
    world.advance(1);
    let accept = world.view().accept_authority();
    world.send(&[with_account(accept, "signer", heir)]).expect_error(Error::NotNominee);
    world.send(&[execute(&world, &change)]).expect_ok();
    assert_eq!(world.view().market.authority, to_engine(&old), "until it is accepted");
    let accept = world.view().accept_authority();
    world.send(&[with_account(accept.clone(), "signer", thief)]).expect_error(Error::NotNominee);
    world.send(&[with_account(accept.clone(), "signer", old)]).expect_error(Error::NotNominee);
    let outcome = world.send(std::slice::from_ref(&accept)).expect_ok();
    let Event::ParameterSet(event) = outcome.expect_event() else { panic!("not set") };
    assert_eq!((event.offset, event.old, event.new), (AUTHORITY, old.to_bytes(), heir.to_bytes()));
    let market = world.view().market;
    assert_eq!((market.authority, market.config.roles.nominee), (to_engine(&heir), layout::Address::NONE));
    world.send(&[accept]).expect_error(Error::NotNominee);
    let tighten = |world: &World, signer| set(world, signer, usd, |config| config.borrow_cap -= 1);
    world.send(&[tighten(&world, old)]).expect_error(Error::NotAuthorityOrCouncil);
    world.send(&[tighten(&world, heir)]).expect_ok();
}

/// Else a stolen guardian's key could not be replaced: it would cancel every attempt.
#[test]
fn a_guardian_cannot_keep_its_office() {
    let Scene { mut world, .. } = Scene::new();
    let [guardian, next] = ["guardian", "next guardian"].map(|name| world.key(name));
    let replace = world.market_edits(|config| config.roles.guardian = to_engine(&next)).all();
    let change = world.queue(OF_MARKET, replace.clone());
    world.send(&[cancel(&world, guardian, &change)]).expect_error(Error::GuardianCannotKeepOffice);
    // With anything beside it, it is a change like others.
    let more = world.market_edits(|config| {
        (config.roles.guardian, config.loss_limit) = (to_engine(&next), config.loss_limit + 1);
    });
    let mixed = world.queue(OF_MARKET, more.all());
    world.send(&[cancel(&world, guardian, &mixed)]).expect_ok();
    world.send(&[cancel(&world.fork(), world.authority, &change)]).expect_ok();
    let change = world.queue(OF_MARKET, replace);
    world.advance(2 * DELAY);
    world.send(&[execute(&world, &change)]).expect_ok();
    assert_eq!(world.view().market.config.roles.guardian, to_engine(&next));
}

#[test]
fn a_shorter_delay_waits_for_the_longer_one() {
    let Scene { mut world, usd, .. } = Scene::new();
    let shorten = world.market_edits(|config| config.delay = DAY as u32);
    assert!(shorten.at_once.is_empty());
    let change = world.queue(OF_MARKET, shorten.waiting);
    let queued_before = queue_any(&mut world, usd);
    assert_eq!(change.earliest, world.now() + DELAY);
    world.advance(DELAY - 1);
    world.send(&[execute(&world, &change)]).expect_error(Error::ChangeNotDue);
    world.advance(1);
    world.send(&[execute(&world, &change)]).expect_ok();
    assert_eq!(queue_any(&mut world, usd).earliest, world.now() + DAY);
    assert_eq!(queued_before.earliest, world.now(), "what was queued keeps its time");
}

#[test]
fn before_the_launch_nothing_waits_and_nobody_can_enter() {
    let mut world = World::new();
    let usd = world.list(ballast_tests::Token::new("USD", 6, 1.0), reserve_config());
    let (authority, payer) = (world.authority, world.payer);
    let council = world.key("council");
    let open = world.view().open_account(payer, payer, 0);
    world.send(std::slice::from_ref(&open)).expect_error(Error::MarketNotLaunched);
    let stake = world.view().open_stake(payer, payer, usd).expect("listed");
    world.send(&[stake]).expect_error(Error::MarketNotLaunched);
    let appoint = world.market_edits(|config| config.roles.risk_council = to_engine(&council)).all();
    let appoint = world.view().set_parameters(authority, OF_MARKET, appoint);
    world.send(&[appoint]).expect_ok();
    let loosen = |config: &mut ReserveConfig| config.max_penalty = Bps(1_100);
    world.send(&[set(&world, council, usd, loosen)]).expect_error(Error::AddsRisk);
    world.send(&[set(&world, authority, usd, loosen)]).expect_ok();
    let launch = world.view().launch();
    world.send(&[with_account(launch.clone(), "signer", payer)]).expect_error(Error::NotAuthorityOrCouncil);
    // The council may take risk away, and this is not its to decide.
    world.send(&[with_account(launch.clone(), "signer", council)]).expect_error(Error::CouncilStepTooLarge);
    world.send(&[launch]).expect_ok();
    let back = world.market_edits(|config| config.launched = 0);
    assert!(back.at_once.is_empty());
    let at_once = world.view().set_parameters(authority, OF_MARKET, back.waiting.clone());
    world.send(&[at_once]).expect_error(Error::MarketLaunched);
    let queue = world.view().queue_change(payer, OF_MARKET, back.waiting);
    world.send(&[queue]).expect_error(Error::MarketLaunched);
    world.send(&[open]).expect_ok();
    world.send(&[set(&world, authority, usd, |config| config.max_penalty = Bps(1_200))]).expect_error(Error::AddsRisk);
}

/// Else everything could be prepared before the launch, and made at once after it.
#[test]
fn what_was_queued_before_the_launch_is_worth_nothing_after_it() {
    let mut world = World::new();
    let usd = world.list(ballast_tests::Token::new("USD", 6, 1.0), reserve_config());
    let mint = world.mint("new", &MintSpec::spl(6));
    let change = queue_any(&mut world, usd);
    assert_eq!((change.earliest, change.launched), (world.now(), 0));
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    let [queue_listing, list] = world.listing(mint, ballast_client::TOKEN_PROGRAM, config);
    world.send(&[queue_listing]).expect_ok();
    world.fork().send(&[execute(&world, &change), list.clone()]).expect_ok();
    world.launch();
    world.send(&[execute(&world, &change)]).expect_error(Error::ChangeExpired);
    world.send(&[list]).expect_error(Error::ChangeExpired);
    world.advance(DELAY);
    world.send(&[execute(&world, &change)]).expect_error(Error::ChangeExpired);
    world.send(&[cancel(&world, world.authority, &change)]).expect_ok();
}

/// Decision 6 of the design: a tightening changes what may be borrowed at once, and who is liquidated by the ramp.
#[test]
fn a_tightening_liquidates_nobody_at_once() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    let authority = world.authority;
    let tighten = set(&world, authority, sol, |config| {
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(1_000), Bps(1_000));
    });
    world.send(&[tighten]).expect_ok();
    world.refresh_all();
    let mark = |world: &mut World| world.mark_liquidatable(trader.margin);
    mark(&mut world).expect_ok();
    assert_eq!(world.margin(&trader.margin).liquidatable_since, 0);
    world.borrow(trader, usd, USD).expect_error(Error::InitialHealthTooLow);
    world.withdraw(trader, sol, SOL).expect_error(Error::InitialHealthTooLow);
}
