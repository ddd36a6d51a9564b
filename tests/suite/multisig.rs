//! A market whose roles a multisig holds. The vault that signs is a program's address; it signs by CPI alone.

mod costs;

use std::collections::BTreeSet;

use crate::support::multisig_market::{multisig_as, multisig_as_authority, tighten, two_of_three};
use ballast_client::{
    Address, Event, Instruction, MarketView, TOKEN_PROGRAM, VaultView, change_address, from_engine, instruction::ALL,
    to_engine,
};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::{Change, Listing, OF_MARKET},
        permission::Action,
        perp::PerpConfig,
        vault::{Vault, VaultConfig, VaultRoles},
    },
};
use ballast_tests::{
    MAX_TRANSACTION, MintSpec, Scene, Token, USD, VaultScene, World, market_config, perp_config, pool_config,
    reserve_config, vault_config,
};
use costs::Costs;
use solana_transaction::InstructionError;

const DELAY: i64 = 172_800;

/// A new mint, and its listing as the authority queues it.
fn listing(world: &mut World, payer: Address) -> (Address, Instruction) {
    let mint = world.mint("new", &MintSpec::spl(6));
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    config.risk.borrowing_cap = 1_000;
    (mint, world.view().queue_listing(payer, mint, config))
}

/// Everything that anyone in office does to a market, by a multisig in that office. What it costs is in
/// `benchmarks/multisig.json`.
#[test]
fn every_instruction_of_every_role_runs_through_a_multisig() {
    let mut costs = Costs::default();
    a_launch(&mut costs);
    the_authority(&mut costs);
    the_risk_council(&mut costs);
    the_guardian(&mut costs);
    the_fee_collector(&mut costs);
    the_curator(&mut costs);
    costs.compare();

    let mut all: BTreeSet<&str> = ALL.iter().map(|spec| spec.name).collect();
    for name in costs.instructions.iter().chain(OF_USERS) {
        assert!(all.remove(name), "{name} is on both lists, or none of the program's");
    }
    assert!(all.is_empty(), "neither a user's nor run through a multisig: {all:?}");
}

/// What takes no office. All other instructions must have run through a multisig.
const OF_USERS: &[&str] = &[
    "open_account",
    "close_account",
    "deposit",
    "withdraw",
    "borrow",
    "repay",
    "refresh_prices",
    "liquidate",
    "settle_bad_debt",
    "read_health",
    "begin_liquidation",
    "end_liquidation",
    "mark_liquidatable",
    "begin_flash_loan",
    "end_flash_loan",
    "open_stake",
    "stake",
    "begin_unstake",
    "unstake",
    "close_stake",
    "refresh_reserve",
    "set_delegate",
    "assert_health",
    "assert_sequence",
    "report_loss",
    "trade_perp",
    "settle_perp",
    "write_off_perp",
    "liquidate_perp",
    "cover_perp_loss",
    "deleverage_perp",
    "pool_deposit",
    "pool_request",
    "pool_withdraw",
    "rest_perp_order",
    "fill_perp_order",
    "cancel_perp_order",
    "read_pool",
    "open_allocation",
    "vault_deposit",
    "vault_mint",
    "vault_redeem",
    "vault_withdraw",
    "rebalance_vault",
    "request_exit",
    "serve_exit",
    "cancel_exit",
    "claim_exit",
    "lock_term",
    "free_term",
    "end_term",
    "read_vault",
];

/// A market is set up by a key, handed over to the multisig and launched by it.
fn a_launch(costs: &mut Costs) {
    let mut world = World::new();
    let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
    let multisig = two_of_three(&mut world);
    let (vault, key) = (multisig.vault(), world.authority);
    let nominate = world.market_edits(|config| config.roles.nominee = to_engine(&vault)).all();
    let nominate = world.view().set_parameters(key, OF_MARKET, nominate);
    world.send(&[nominate]).expect_ok();
    let accept = world.view().accept_authority();
    costs.run("accept_authority", &multisig, &mut world, accept);
    assert_eq!(world.view().market.authority, to_engine(&vault));
    // The key is nobody from now on.
    let refused = tighten(&world, key, usd);
    world.send(&[refused]).expect_error(Error::NotAuthorityOrCouncil);
    let launch = world.view().launch();
    costs.run("launch", &multisig, &mut world, launch);
    assert_eq!(world.view().market.config.launched, 1);

    // And one that is the multisig's from the beginning.
    let (create, market) = MarketView::create(vault, 7, market_config());
    costs.run("create_market", &multisig, &mut world, create);
    world.market = market;
    assert_eq!((world.view().market.creator, world.view().market.authority), (to_engine(&vault), to_engine(&vault)));
}

fn the_authority(costs: &mut Costs) {
    let (Scene { mut world, usd, sol, .. }, multisig) = multisig_as_authority();
    let (vault, member) = (multisig.vault(), multisig.members[2]);
    let instruction = tighten(&world, vault, usd);
    costs.run("set_parameters_of_reserve", &multisig, &mut world, instruction);
    assert_eq!(world.reserve(usd).config.risk.cross.initial_asset, Bps(7_500));
    let longer = world.market_edits(|config| config.delay += 3_600).at_once;
    let instruction = world.view().set_parameters(vault, OF_MARKET, longer);
    costs.run("set_parameters_of_market", &multisig, &mut world, instruction);
    assert_eq!(world.view().market.config.delay as i64, DELAY + 3_600);

    // The vault pays the rent of what waits, and gets it back.
    let before = world.account(&vault).lamports;
    let loosen = |world: &World, payer| {
        let edits = world.edits(usd, |config| config.max_penalty = Bps(config.max_penalty.0 + 100));
        world.view().queue_change(payer, usd, edits.waiting)
    };
    let queue = |costs: &mut Costs, world: &mut World, operation: &str, instruction| -> Change {
        let number = world.view().market.changes;
        costs.run(operation, &multisig, world, instruction);
        world.change(number)
    };
    let instruction = loosen(&world, vault);
    let change = queue(costs, &mut world, "queue_change", instruction);
    assert_eq!(change.payer, to_engine(&vault));
    assert!(world.account(&vault).lamports < before);
    world.advance(change.earliest - world.now());
    let instruction = world.view().execute_change(vault, &change);
    costs.run("execute_change", &multisig, &mut world, instruction);
    assert_eq!(world.reserve(usd).config.max_penalty, Bps(1_100));
    assert_eq!(world.account(&vault).lamports, before);

    // Or the member who executes pays it: a second signer of the message.
    let instruction = loosen(&world, member);
    let change = queue(costs, &mut world, "queue_change_paid_by_member", instruction);
    assert_eq!(change.payer, to_engine(&member));
    assert_eq!(world.account(&vault).lamports, before);
    let instruction = world.view().cancel_change(vault, &change);
    costs.run("cancel_change", &multisig, &mut world, instruction);

    let (mint, instruction) = listing(&mut world, vault);
    let change = queue(costs, &mut world, "queue_listing", instruction);
    assert_eq!(change.data().len(), size_of::<Listing>());
    world.advance(change.earliest - world.now());
    let instruction = world.view().list_reserve(vault, change.number, vault, mint, TOKEN_PROGRAM);
    costs.run("list_reserve", &multisig, &mut world, instruction);
    assert_eq!(world.view().reserves.last().expect("listed").mint, to_engine(&mint));

    // A pool, a perp, and its end.
    let pool = world.view().reserves.len() as u8;
    let perp = PerpConfig { pool, price: sol, wind_down: 1, ..perp_config() };
    for name in ["pool", "perp"] {
        let view = world.view();
        let instruction =
            if name == "pool" { view.queue_pool(vault, &pool_config()) } else { view.queue_perp(vault, &perp) };
        let change = queue(costs, &mut world, &format!("queue_{name}"), instruction);
        world.advance(change.earliest - world.now());
        world.refresh_all();
        let list = world.view().list_perp(vault, &change);
        costs.run(&format!("list_{name}"), &multisig, &mut world, list);
    }
    let resolve = world.view().resolve_perp(pool + 1).expect("a perp");
    costs.run("resolve_perp", &multisig, &mut world, resolve);

    world.pause(&[Action::Borrow]).expect_ok();
    let instruction = world.view().resume(vault);
    costs.run("resume_by_authority", &multisig, &mut world, instruction);
    assert_eq!(world.view().market.pause.actions, 0);
}

fn the_risk_council(costs: &mut Costs) {
    let (Scene { mut world, usd, .. }, multisig) = multisig_as(|roles| &mut roles.risk_council);
    let instruction = tighten(&world, multisig.vault(), usd);
    costs.run("set_parameters_by_council", &multisig, &mut world, instruction);
    assert_eq!(world.reserve(usd).config.risk.cross.initial_asset, Bps(7_500));
    let edits = world.edits(usd, |config| config.risk.cross.initial_asset = Bps(7_600)).all();
    let loosen = world.view().set_parameters(multisig.vault(), usd, edits);
    multisig.run(&mut world, &[loosen]).expect_error(Error::AddsRisk);
}

fn the_guardian(costs: &mut Costs) {
    let (Scene { mut world, usd, .. }, multisig) = multisig_as(|roles| &mut roles.guardian);
    let instruction = world.view().pause(&[Action::Withdraw, Action::Borrow]);
    costs.run("pause", &multisig, &mut world, instruction);
    assert_ne!(world.view().market.pause.actions, 0);
    let instruction = world.view().resume(multisig.vault());
    costs.run("resume", &multisig, &mut world, instruction);
    assert_eq!(world.view().market.pause.actions, 0);

    let raise = world.edits(usd, |config| config.max_penalty = Bps(1_100)).waiting;
    let (payer, number) = (world.payer, world.view().market.changes);
    let queue = world.view().queue_change(payer, usd, raise);
    world.send(&[queue]).expect_ok();
    let instruction = world.view().cancel_change(multisig.vault(), &world.change(number));
    costs.run("cancel_change_by_guardian", &multisig, &mut world, instruction);
    assert!(world.find_account(&change_address(&world.market, number).0).is_none());
}

fn the_fee_collector(costs: &mut Costs) {
    let (Scene { mut world, usd, trader, .. }, multisig) = multisig_as(|roles| &mut roles.fee_collector);
    let vault = multisig.vault();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(30 * 86_400);
    let destination = world.fund(&vault, usd, 0);
    let instruction = world.view().collect_fees(destination, usd).expect("listed");
    costs.run("collect_fees", &multisig, &mut world, instruction);
    assert!(world.balance(&vault, usd) > 0);

    let junk = world.list(Token::new("JUNK", 6, 1.0), reserve_config());
    world.reconfigure(junk, |config| (config.reduce_only, config.borrow_enabled) = (1, 0)).expect_ok();
    let (destination, reserve_vault) = (world.fund(&vault, junk, 0), from_engine(&world.reserve(junk).vault));
    let (before, rent) = (world.account(&vault).lamports, world.account(&reserve_vault).lamports);
    let instruction = world.view().close_reserve(destination, junk).expect("listed");
    costs.run("close_reserve", &multisig, &mut world, instruction);
    assert_eq!(world.account(&vault).lamports, before + rent, "the rent goes to the fee collector");
}

/// A vault that a multisig creates, governs and takes the fees of; and one that was handed over to it.
fn the_curator(costs: &mut Costs) {
    let mut config = VaultConfig { management_fee: Bps(100), ..vault_config() };
    config.allocations[1].pool = 2;
    let mut scene = VaultScene::with(2, config);
    let multisig = two_of_three(&mut scene.world);
    let (key, payer) = (multisig.vault(), scene.world.payer);
    let roles = VaultRoles { nominee: to_engine(&key), fee_collector: to_engine(&key), ..VaultRoles::default() };
    let edits = [(0u16, roles.nominee), (32, roles.fee_collector)];
    let edits = edits.map(|(offset, role)| [&offset.to_le_bytes()[..], &role.0].concat()).concat();
    let (queue, change) = scene.view().queue_change(payer, edits);
    scene.world.send(&[queue]).expect_ok();
    scene.world.advance(2 * scene.vault().config.delay as i64);
    scene.world.send(&[scene.view().execute_change(payer, change, payer)]).expect_ok();
    let accept = scene.view().accept_curator(key);
    costs.run("accept_authority_of_vault", &multisig, &mut scene.world, accept);
    assert_eq!(scene.vault().curator, to_engine(&key));

    let edit = |field: usize, value: Bps| [&(field as u16).to_le_bytes()[..], bytemuck::bytes_of(&value)].concat();
    let buffer = |value| edit(std::mem::offset_of!(VaultConfig, idle_buffer), value);
    let tighter = scene.view().set_parameters(key, buffer(Bps(1_000)));
    costs.run("set_parameters_of_vault", &multisig, &mut scene.world, tighter);
    let (queue, change) = scene.view().queue_change(key, buffer(Bps(100)));
    costs.run("queue_change_of_vault", &multisig, &mut scene.world, queue);
    let cancel = scene.view().cancel_change(key, change, key);
    costs.run("cancel_change_of_vault", &multisig, &mut scene.world, cancel);
    let (queue, change) = scene.view().queue_change(key, buffer(Bps(100)));
    multisig.run(&mut scene.world, &[queue]).expect_ok();
    scene.world.advance(scene.vault().config.delay as i64);
    let execute = scene.view().execute_change(key, change, key);
    costs.run("execute_change_of_vault", &multisig, &mut scene.world, execute);
    assert_eq!(scene.vault().config.idle_buffer, Bps(100));

    let alice = scene.world.key("alice");
    scene.deposit(alice, 1_000 * USD).expect_ok();
    scene.pass(30 * 86_400);
    scene.report();
    let (shares, due) = (scene.shares(&key), scene.vault().fee_shares.0);
    let collect = scene.view().collect_fees(key, shares);
    costs.run("collect_vault_fees", &multisig, &mut scene.world, collect);
    assert!(due > 0 && scene.held(&key) == due);

    // A part of it goes to a pool and comes back.
    let deposit = scene.view().pool_deposit(key, 1, 100 * USD);
    costs.run("vault_pool_deposit", &multisig, &mut scene.world, deposit);
    let request = scene.view().pool_request(key, 1, scene.vault().allocations[1].shares.0);
    costs.run("vault_pool_request", &multisig, &mut scene.world, request);
    scene.pass(3_600);
    let withdraw = scene.view().pool_withdraw(key, 1);
    costs.run("vault_pool_withdraw", &multisig, &mut scene.world, withdraw);
    assert_eq!(scene.vault().allocations[1].shares.0, 0);

    let (source, mint) = (scene.fund(&key, Vault::SEED), scene.mint);
    let config = VaultConfig { launched: 0, ..scene.vault().config };
    let (create, vault) = VaultView::create(key, 0, config, (mint, TOKEN_PROGRAM), source);
    costs.run_apart("create_vault", &multisig, &mut scene.world, create);
    assert_eq!(scene.world.vault(&vault).vault.curator, to_engine(&key));
}

/// The largest instruction there is, a listing, with its proposal, in one transaction without look-up table.
#[test]
fn a_listing_fits_a_proposal() {
    let (Scene { mut world, .. }, multisig) = multisig_as_authority();
    let (_, instruction) = listing(&mut world, multisig.vault());
    assert_eq!(instruction.data.len(), 1 + 1 + 4 + 416);
    let proposal = multisig.propose(&mut world, &[instruction]);
    assert!(proposal.outcome.transaction_bytes <= MAX_TRANSACTION, "{}", proposal.outcome.transaction_bytes);
    multisig.approve(&mut world, &proposal);
    let outcome = multisig.execute(&mut world, &proposal);
    assert!(matches!(outcome.expect_event(), Event::ChangeQueued(_)));
}

/// What was approved together is done together: the second instruction finds what the first left, and if it fails neither was.
#[test]
fn a_message_of_two_instructions_is_one_decision() {
    let (Scene { mut world, usd, sol, .. }, multisig) = multisig_as_authority();
    let vault = multisig.vault();
    let both = [tighten(&world, vault, usd), tighten(&world, vault, sol)];
    let outcome = multisig.run(&mut world, &both).expect_ok();
    assert_eq!(outcome.events.len(), 2);
    let loosen = world.edits(sol, |config| config.max_penalty = Bps(1_100)).waiting;
    let loosen = world.view().set_parameters(vault, sol, loosen);
    let tighter = world.edits(usd, |config| config.risk.cross.initial_asset = Bps(7_000)).at_once;
    let tighter = world.view().set_parameters(vault, usd, tighter);
    multisig.run(&mut world, &[tighter, loosen]).expect_error(Error::AddsRisk);
    assert_eq!(world.reserve(usd).config.risk.cross.initial_asset, Bps(7_500));
}

/// A change is kept under its number. Proposals that were made before either was executed name numbers one after the other,
/// and are executed in that order; nobody but the authority moves the numbers on.
#[test]
fn two_changes_may_be_proposed_before_either_is_queued() {
    let (Scene { mut world, usd, sol, .. }, multisig) = multisig_as_authority();
    let raise = |world: &World, reserve| world.edits(reserve, |config| config.max_penalty = Bps(1_100)).waiting;
    let [first, second] = [(usd, 0), (sol, 1)].map(|(reserve, later)| {
        let mut view = world.view();
        view.market.changes += later;
        let instruction = view.queue_change(multisig.vault(), reserve, raise(&world, reserve));
        let proposal = multisig.propose(&mut world, &[instruction]);
        multisig.approve(&mut world, &proposal);
        proposal
    });
    let number = world.view().market.changes;
    multisig.execute(&mut world, &second).expect_instruction_error(InstructionError::InvalidSeeds);
    multisig.execute(&mut world, &first).expect_ok();
    multisig.execute(&mut world, &second).expect_ok();
    assert_eq!((world.change(number).target, world.change(number + 1).target), (usd, sol));
}
