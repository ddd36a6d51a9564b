//! Attacks on changes: on the accounts they wait in, on the delay, with the risk council's key, and on what is left of a
//! closed reserve.

use ballast_client::{
    Address, Edits, ID, Instruction, SYSTEM_PROGRAM, TOKEN_PROGRAM, change_address, from_engine, to_engine,
    vault_address, vault_authority,
};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::{Change, Listing, OF_LISTING, OF_MARKET},
        reserve::ReserveConfig,
    },
};
use ballast_tests::{MintSpec, Scene, Token, USD, World, market_config, reserve_config, with_account};
use solana_account::Account;
use solana_transaction::InstructionError;

/// Seconds that a change waits.
const DELAY: i64 = 172_800;

/// Edits that raise the market's loss limit.
fn higher_loss_limit(world: &World) -> Vec<u8> {
    world.market_edits(|config| config.loss_limit += 1).waiting
}

/// Queues the listing of a mint of this name.
#[track_caller]
fn queue_listing(world: &mut World, name: &str) -> (Change, Address) {
    let mint = world.mint(name, &MintSpec::spl(6));
    let mut config = reserve_config();
    (config.oracle.feed_id, config.risk.borrowing_cap) = (to_engine(&mint), 1_000_000);
    let listing = Listing { mint: to_engine(&mint), config };
    (world.queue(OF_LISTING, bytemuck::bytes_of(&listing).to_vec()), mint)
}

fn list(world: &World, change: &Change, mint: Address) -> Instruction {
    world.view().list_reserve(world.payer, change.number, from_engine(&change.payer), mint, TOKEN_PROGRAM)
}

/// In a market of his own a thief queues what he likes; it happens there.
#[test]
fn missing_relation_c04_a_change_of_another_market_is_refused() {
    let Scene { mut world, .. } = Scene::new();
    let real = world.market;
    world.market = world.create_market(1, market_config());
    let data = higher_loss_limit(&world);
    let change = world.queue(OF_MARKET, data);
    let (listing, mint) = queue_listing(&mut world, "worthless");
    let own = world.view();
    let listing = with_account(list(&world, &listing, mint), "vault", vault_address(&real, &mint).0);
    for attack in [
        own.execute_change(world.payer, &change),
        own.cancel_change(world.authority, &change),
        with_account(listing, "vault_authority", vault_authority(&real).0),
    ] {
        world.send(&[with_account(attack, "market", real)]).expect_error(Error::WrongChange);
    }
}

/// Neither is a listing a list of edits, nor the other way round, and a listing lists the mint it names.
#[test]
fn type_cosplay_c03_edits_are_no_listing_and_a_listing_lists_its_own_mint() {
    let Scene { mut world, .. } = Scene::new();
    let data = higher_loss_limit(&world);
    let edits = world.queue(OF_MARKET, data);
    let (listing, mint) = queue_listing(&mut world, "listed");
    let other = world.mint("another", &MintSpec::spl(6));
    world.advance(DELAY);
    world.send(&[list(&world, &edits, mint)]).expect_error(Error::WrongChange);
    let execute = world.view().execute_change(world.payer, &listing);
    world.send(&[execute]).expect_error(Error::WrongChange);
    world.send(&[list(&world, &listing, other)]).expect_error(Error::WrongMint);
    world.send(&[list(&world, &listing, mint)]).expect_ok();
}

#[test]
fn non_canonical_bump_c07_a_change_has_one_address() {
    let Scene { mut world, .. } = Scene::new();
    let (view, market) = (world.view(), world.market);
    let number = view.market.changes;
    let (_, bump) = change_address(&market, number);
    let (market, number_bytes) = (market.as_ref(), number.to_le_bytes());
    let at = |bump: u8| Address::create_program_address(&[b"change", market, &number_bytes, &[bump]], &ID).ok();
    let second = (0..bump).rev().find_map(at).expect("about every second bump works");
    let queue = view.queue_change(world.payer, OF_MARKET, higher_loss_limit(&world));
    for address in [second, change_address(&world.market, number + 1).0, change_address(&world.market, number - 1).0] {
        let attack = with_account(queue.clone(), "change", address);
        world.send(&[attack]).expect_instruction_error(InstructionError::InvalidSeeds);
    }
    world.send(&[queue]).expect_ok();
}

/// A change is executed once, also within one transaction, and does not come back when its address gets lamports.
#[test]
fn closing_c13_an_executed_change_is_gone() {
    let Scene { mut world, .. } = Scene::new();
    let data = higher_loss_limit(&world);
    let change = world.queue(OF_MARKET, data);
    world.advance(DELAY);
    let execute = world.view().execute_change(world.payer, &change);
    let cancel = world.view().cancel_change(world.authority, &change);
    for second in [&execute, &cancel] {
        let outcome = world.send(&[execute.clone(), second.clone()]);
        outcome.expect_instruction_error(InstructionError::AccountDataTooSmall);
    }
    world.send(std::slice::from_ref(&execute)).expect_ok();
    assert_eq!(world.view().market.config.loss_limit, 2);
    let address = change_address(&world.market, change.number).0;
    assert!(world.find_account(&address).is_none());
    world.set_account(address, Account { lamports: 1_000_000_000, owner: SYSTEM_PROGRAM, ..Account::default() });
    world.send(&[execute]).expect_instruction_error(InstructionError::AccountDataTooSmall);
}

/// What was queued while nothing waited does not outlive the launch: else an authority would open its market with a change up
/// the sleeve that leaves nobody time to leave.
#[test]
fn governance_c32_a_change_queued_before_the_launch_does_not_pass_by_the_delay() {
    let mut world = World::new();
    let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
    let thief = world.key("thief");
    let mut config = world.view().market.config;
    config.roles.price_receiver = to_engine(&thief);
    let receiver = Edits::of_market(&world.view().market.config, &config).waiting;
    let change = world.queue(OF_MARKET, receiver);
    let (listing, mint) = queue_listing(&mut world, "worthless");
    assert_eq!(change.earliest, world.now());
    world.fork().send(&[world.view().execute_change(thief, &change)]).expect_ok();
    world.fork().send(&[list(&world, &listing, mint)]).expect_ok();
    let lender = world.user("lender");
    world.supply(lender, usd, USD);
    let view = world.view();
    for seconds in [0, 1, DELAY] {
        world.advance(seconds);
        world.send(&[view.execute_change(thief, &change)]).expect_error(Error::ChangeExpired);
        world.send(&[list(&world, &listing, mint)]).expect_error(Error::ChangeExpired);
    }
    // Anyone may clear it away, like whatever has expired.
    world.send(&[view.cancel_change(thief, &change)]).expect_ok();
    world.send(&[view.cancel_change(thief, &listing)]).expect_ok();
}

/// A scene's world with the key `"council"` as its risk council.
fn with_council() -> (World, u8, Address) {
    let Scene { mut world, usd, .. } = Scene::new();
    let council = world.key("council");
    world.reconfigure_market(|config| config.roles.risk_council = to_engine(&council)).expect_ok();
    (world, usd, council)
}

/// Many small steps in one instruction are a large one.
#[test]
fn governance_c32_a_risk_council_takes_no_large_step_in_small_ones() {
    let (mut world, usd, council) = with_council();
    let (view, at) = (world.view(), std::mem::offset_of!(ReserveConfig, deposit_cap) as u16);
    let halved = |times: u32| -> Vec<u8> {
        let old = view.reserves[usd as usize].config.deposit_cap;
        let step = |nth: u32| [&at.to_le_bytes()[..], &(old >> nth).to_le_bytes()].concat();
        (1..=times).flat_map(step).collect()
    };
    for times in [2, 3, 60] {
        let attack = view.set_parameters(council, usd, halved(times));
        world.send(&[attack]).expect_error(Error::CouncilStepTooLarge);
    }
    world.send(&[view.set_parameters(council, usd, halved(1))]).expect_ok();
}

/// A stolen council's key lowers limits, three times a day and by half at most. It raises none, and has no other power.
#[test]
fn governance_c32_a_stolen_council_key_takes_away_little_risk_and_nothing_else() {
    let (mut world, usd, council) = with_council();
    let view = world.view();
    let old = view.reserves[usd as usize].config;
    let set = |world: &mut World, change: fn(&mut ReserveConfig)| {
        let mut config = world.reserve(usd).config;
        change(&mut config);
        let edits = Edits::of_reserve(&world.reserve(usd).config, &config).all();
        world.send(&[view.set_parameters(council, usd, edits)])
    };
    set(&mut world, |config| config.borrow_cap /= 3).expect_error(Error::CouncilStepTooLarge);
    set(&mut world, |config| config.risk.cross.initial_asset = Bps(3_900)).expect_error(Error::CouncilStepTooLarge);
    set(&mut world, |config| config.flash_enabled = 1).expect_error(Error::AddsRisk);
    set(&mut world, |config| config.min_penalty = Bps(301)).expect_error(Error::AddsRisk);
    for _ in 0..3 {
        set(&mut world, |config| config.borrow_cap /= 2).expect_ok();
    }
    set(&mut world, |config| config.borrow_cap /= 2).expect_error(Error::CouncilQuotaSpent);
    assert_eq!(world.reserve(usd).config.borrow_cap, old.borrow_cap / 8);
    let data = higher_loss_limit(&world);
    let change = world.queue(OF_MARKET, data.clone());
    let attack = with_account(world.view().queue_change(world.payer, OF_MARKET, data), "authority", council);
    world.send(&[attack]).expect_error(Error::NotMarketAuthority);
    world.send(&[view.cancel_change(council, &change)]).expect_error(Error::NotAuthorityOrGuardian);
    world.send(&[with_account(view.pause(&[]), "signer", council)]).expect_error(Error::NotGuardian);
    world.send(&[view.resume(council)]).expect_error(Error::NotGuardian);
}
