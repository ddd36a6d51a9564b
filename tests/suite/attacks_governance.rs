//! Attacks on governance itself: by its own keys, by what is queued and when, by the addresses that are created and closed.
//! Each test is named after its class in SECURITY.md.

use ballast_client::{
    Address, Edits, Instruction, LiquidationOrder, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, change_address,
    from_engine, instruction::ExecuteChange, to_engine, vault_address,
};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    record::layout,
    state::{change::OF_MARKET, market::MarketConfig, reserve::ReserveConfig},
};
use ballast_tests::{MintSpec, Quote, Scene, Token, USD, World, market_config, reserve_config, with_account};
use solana_account::Account;
use solana_instruction::AccountMeta;

const DAY: i64 = 86_400;
const DELAY: i64 = 2 * DAY;

/// Queues a listing as the authority, which must succeed, and returns its number.
#[track_caller]
fn queue_listing(world: &mut World, mint: Address, cap: u32) -> u64 {
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    config.risk.borrowing_cap = cap;
    let view = world.view();
    let instruction = view.queue_listing(world.payer, mint, config);
    world.send(&[instruction]).expect_ok();
    view.market.changes
}

fn transfer(from: Address, to: Address, lamports: u64) -> Instruction {
    let data = [&2u32.to_le_bytes()[..], &lamports.to_le_bytes()].concat();
    let accounts = vec![AccountMeta::new(from, true), AccountMeta::new(to, false)];
    Instruction { program_id: SYSTEM_PROGRAM, accounts, data }
}

/// The quota counts lists, and the step bounds an edit: a list that repeats an edit is a large step all the same.
#[test]
fn governance_c32_many_small_steps_in_one_list_are_a_large_one() {
    let Scene { mut world, sol, .. } = Scene::new();
    let council = world.key("council");
    world.reconfigure_market(|config| config.roles.risk_council = to_engine(&council)).expect_ok();
    let (mut stairs, mut config) = (Vec::new(), world.reserve(sol).config);
    while config.risk.cross.initial_asset.0 > 0 {
        let lower = config.risk.cross.initial_asset.saturating_sub(Bps(500));
        let next = {
            let mut next = config;
            next.risk.cross.initial_asset = lower;
            next
        };
        stairs.extend(Edits::of_reserve(&config, &next).at_once);
        config = next;
    }
    let walk = world.view().set_parameters(council, sol, stairs);
    world.send(&[walk]).expect_error(Error::CouncilStepTooLarge);
    // So with the market: from two days to thirty.
    let (mut stairs, mut config) = (Vec::new(), world.view().market.config);
    while config.delay < 2_592_000 {
        let next = MarketConfig { delay: (config.delay / 2 * 3).min(2_592_000), ..config };
        stairs.extend(Edits::of_market(&config, &next).at_once);
        config = next;
    }
    let walk = world.view().set_parameters(council, OF_MARKET, stairs);
    world.send(&[walk]).expect_error(Error::CouncilStepTooLarge);
}

/// A limit of outflow of next to nothing, set at once, would hold all deposits for ransom, or until a bad change is due.
#[test]
fn governance_c32_a_stolen_authority_locks_nobody_in() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let tiers = [Bps(500), Bps(1_000), Bps(2_000)];
    world.reconfigure(usd, |config| (config.breakers.tiers, config.breakers.halt_seconds) = (tiers, 600)).expect_ok();
    let authority = world.authority;
    let least = |config: &mut ReserveConfig| {
        (config.breakers.outflow_hour, config.breakers.outflow_day) = (100 * 3_600, 100 * 86_400);
    };
    let nervous = |config: &mut ReserveConfig| config.breakers.tiers = [Bps(1), Bps(2), Bps(3)];
    for edits in [world.edits(usd, least).all(), world.edits(usd, nervous).all()] {
        let set = world.view().set_parameters(authority, usd, edits);
        world.send(&[set]).expect_error(Error::AddsRisk);
    }
    let least = world.market_edits(|config| (config.outflow_hour, config.outflow_day) = (1, 1)).all();
    let set = world.view().set_parameters(authority, OF_MARKET, least.clone());
    world.send(&[set]).expect_error(Error::AddsRisk);
    // Queued, it leaves everyone the delay to go.
    world.queue(OF_MARKET, least);
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
}

/// Everything else that takes effect at once, together: it stops business, and takes and keeps nothing.
#[test]
fn governance_c32_all_tightenings_together_liquidate_and_keep_nobody() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    let authority = world.authority;
    for reserve in [usd, sol] {
        let tighten = world.edits(reserve, |config| {
            (config.deposit_cap, config.borrow_cap) = (0, 0);
            (config.reduce_only, config.borrow_enabled, config.flash_enabled) = (1, 0, 0);
            (config.oracle.max_confidence_initial, config.oracle.max_ema_divergence) = (Bps(1), Bps(1));
            config.oracle.confidence_multiple = Bps(50_000);
            (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(0), Bps(0));
            (config.risk.cross.initial_liability, config.risk.cross.maintenance_liability) = (Bps(50_000), Bps(50_000));
            (config.risk.market_depth, config.risk.position_depth, config.risk.borrowing_cap) = (1, 1, 1);
            (config.risk.max_market_haircut, config.risk.max_position_haircut) = (Bps(10_000), Bps(10_000));
            (config.risk.volatility_slope, config.risk.max_volatility_haircut) = (Bps(u16::MAX), Bps(10_000));
        });
        assert!(tighten.waiting.is_empty());
        let set = world.view().set_parameters(authority, reserve, tighten.at_once);
        world.send(&[set]).expect_ok();
    }
    world.refresh_all();
    world.mark_liquidatable(trader.margin).expect_ok();
    assert_eq!(world.margin(&trader.margin).liquidatable_since, 0);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    world.liquidate(lender.key, trader.margin, order).expect_error(Error::AccountIsHealthy);
    world.fund(&trader.key, usd, USD);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
}

/// Whoever is appointed can be dismissed without the delay: what nobody holds, nobody misuses.
#[test]
fn governance_c32_a_stolen_council_or_nominee_is_dismissed_at_once() {
    let Scene { mut world, usd, .. } = Scene::new();
    let [council, nominee] = ["council", "nominee"].map(|name| world.key(name));
    world
        .reconfigure_market(|config| {
            (config.roles.risk_council, config.roles.nominee) = (to_engine(&council), to_engine(&nominee));
        })
        .expect_ok();
    let dismiss = world.market_edits(|config| {
        (config.roles.risk_council, config.roles.nominee) = (layout::Address::NONE, layout::Address::NONE);
    });
    // Not by the council itself.
    let by_council = world.view().set_parameters(council, OF_MARKET, dismiss.all());
    world.send(&[by_council]).expect_error(Error::CouncilStepTooLarge);
    let (authority, accept) = (world.authority, world.view().accept_authority());
    let set = world.view().set_parameters(authority, OF_MARKET, dismiss.all());
    world.send(&[set]).expect_ok();
    world.send(&[accept]).expect_error(Error::NotNominee);
    let tighten = world.edits(usd, |config| config.reduce_only = 1).all();
    let tighten = world.view().set_parameters(council, usd, tighten);
    world.send(&[tighten]).expect_error(Error::NotAuthorityOrCouncil);
    let again = world.market_edits(|config| config.roles.risk_council = to_engine(&council));
    assert!(again.at_once.is_empty());
    let set = world.view().set_parameters(authority, OF_MARKET, again.all());
    world.send(&[set]).expect_error(Error::AddsRisk);
    // The guardian and the fee collector are not removed: a market has one.
    let none = world.market_edits(|config| config.roles.guardian = layout::Address::NONE).all();
    let set = world.view().set_parameters(authority, OF_MARKET, none);
    world.send(&[set]).expect_error(Error::RoleMissing);
}

/// The rent paid back in between keeps a closed change from being removed, not from being closed.
#[test]
fn closing_c13_a_change_is_not_executed_twice_in_a_transaction() {
    let Scene { mut world, usd, .. } = Scene::new();
    let data = world.edits(usd, |config| config.max_penalty = Bps(1_100)).waiting;
    let change = world.queue(usd, data);
    world.advance(DELAY);
    let (payer, address) = (world.payer, change_address(&world.market, change.number).0);
    let rent = world.account(&address).lamports;
    let execute = world.view().execute_change(payer, &change);
    let cancel = world.view().cancel_change(payer, &change);
    let refund = transfer(payer, address, rent);
    for second in [execute.clone(), cancel] {
        let outcome = world.send(&[execute.clone(), refund.clone(), second]);
        assert!(!outcome.is_ok(), "{}", outcome.describe());
    }
    world.send(&[execute, refund]).expect_ok();
    let left = world.account(&address);
    assert!(left.owner == SYSTEM_PROGRAM && left.data.is_empty(), "{left:?}");
}

/// Addresses that anyone can compute, and fund before they are created.
#[test]
fn prefunding_c12_keeps_neither_a_change_nor_a_vault_from_its_address() {
    let Scene { mut world, .. } = Scene::new();
    let (payer, next) = (world.payer, world.view().market.changes);
    let mint = world.mint("new", &MintSpec::spl(6));
    let (change, vault) = (change_address(&world.market, next).0, vault_address(&world.market, &mint).0);
    for lamports in [1_000_000, 50_000_000] {
        let mut world = world.fork();
        for address in [change, vault] {
            world.set_account(address, Account { lamports, owner: SYSTEM_PROGRAM, ..Account::default() });
        }
        let number = queue_listing(&mut world, mint, 1_000);
        world.advance(DELAY);
        let list = world.view().list_reserve(payer, number, payer, mint, TOKEN_PROGRAM);
        world.send(&[list]).expect_ok();
        assert_eq!(world.view().reserves.len(), 3);
    }
}

/// Two queued listings of one token, and one under the other token program.
#[test]
fn reinitialisation_c11_a_token_is_listed_once_and_under_its_own_program() {
    let Scene { mut world, .. } = Scene::new();
    let payer = world.payer;
    let mint = world.mint("new", &MintSpec::spl(6));
    let numbers = [queue_listing(&mut world, mint, 1_000), queue_listing(&mut world, mint, 2_000)];
    world.advance(DELAY);
    let list = |world: &World, number: u64, program| world.view().list_reserve(payer, number, payer, mint, program);
    world.send(&[list(&world, numbers[0], TOKEN_2022_PROGRAM)]).expect_error(Error::MintNotOwnedByTokenProgram);
    let other = world.mint("other", &MintSpec::spl(6));
    let wrong = with_account(list(&world, numbers[0], TOKEN_PROGRAM), "mint", other);
    let wrong = with_account(wrong, "vault", vault_address(&world.market, &other).0);
    world.send(&[wrong]).expect_error(Error::WrongMint);
    world.send(&[list(&world, numbers[0], TOKEN_PROGRAM)]).expect_ok();
    world.advance(DELAY);
    assert!(!world.send(&[list(&world, numbers[1], TOKEN_PROGRAM)]).is_ok(), "the token account exists");
    let queue = world.view().queue_listing(payer, mint, ReserveConfig { ..world.reserve(2).config });
    world.send(&[queue]).expect_error(Error::DuplicateReserve);
}

/// The rent goes back to who paid it, also where the accounts of the instruction are named instead.
#[test]
fn aliases_c15_a_changes_rent_goes_to_nobody_else() {
    let Scene { mut world, usd, .. } = Scene::new();
    let data = world.edits(usd, |config| config.max_penalty = Bps(1_100)).waiting;
    let change = world.queue(usd, data);
    world.advance(DELAY);
    let (market, address) = (world.market, change_address(&world.market, change.number).0);
    let (view, vault) = (world.view(), from_engine(&world.reserve(usd).vault));
    for build in [view.execute_change(world.payer, &change), view.cancel_change(world.payer, &change)] {
        for recipient in [market, address, vault, from_engine(&view.market.vault_authority)] {
            let outcome = world.send(&[with_account(build.clone(), "recipient", recipient)]);
            assert!(!outcome.is_ok(), "{}", outcome.describe());
        }
    }
}

/// What holds when a change is made is judged then: a reserve that has come into use or closed since.
#[test]
fn stale_c17_a_change_meets_the_reserve_as_it_is() {
    let Scene { mut world, lender, .. } = Scene::new();
    let (collector, payer) = (world.key("collector"), world.payer);
    let used = world.list(Token::new("used", 6, 1.0), reserve_config());
    let closed = world.list(Token::new("closed", 6, 1.0), reserve_config());
    let regroup = |world: &World, reserve| {
        world.edits(reserve, |config| {
            config.risk.group_id = 3;
            (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(9_000), Bps(9_050));
        })
    };
    let changes = [used, closed].map(|reserve| {
        let data = regroup(&world, reserve).all();
        world.queue(reserve, data)
    });
    world.supply(lender, used, USD);
    world.reconfigure(closed, |config| config.reduce_only = 1).expect_ok();
    let destination = world.fund(&collector, closed, 0);
    let close = world.view().close_reserve(destination, closed).expect("listed");
    world.send(&[close]).expect_ok();
    world.advance(DELAY);
    for (change, error) in changes.iter().zip([Error::GroupInUse, Error::ReserveClosed]) {
        let execute = world.view().execute_change(payer, change);
        world.send(&[execute]).expect_error(error);
    }
}

/// Changes are numbered by market, so the same number is another change in another.
#[test]
fn governance_c32_a_second_market_of_the_same_creator_shares_no_change() {
    let Scene { mut world, usd, .. } = Scene::new();
    let data = world.edits(usd, |config| config.max_penalty = Bps(1_100)).waiting;
    let change = world.queue(usd, data);
    let first = world.market;
    world.market = world.create_market(1, market_config());
    let other = world.list(Token::new("other", 6, 1.0), reserve_config());
    world.launch();
    world.advance(DELAY);
    let execute = ExecuteChange {
        signer: world.payer,
        market: world.market,
        change: change_address(&first, change.number).0,
        recipient: world.payer,
    };
    world.send(&[execute.instruction()]).expect_error(Error::WrongChange);
    assert_eq!(world.reserve(other).config.max_penalty, Bps(1_000));
}

/// Bytes that a layout leaves for later are zero from the start, or what is written there passes for a parameter one day.
#[test]
fn data_c41_nothing_is_written_beside_the_parameters() {
    let mut world = World::new();
    let mut bytes = bytemuck::bytes_of(&market_config()).to_vec();
    let known: Vec<_> = ballast_client::parameters(OF_MARKET)
        .iter()
        .flat_map(|info| info.parameter.offset as usize..info.parameter.offset as usize + info.parameter.width as usize)
        .collect();
    let beside: Vec<_> = (0..bytes.len()).filter(|byte| !known.contains(byte)).collect();
    assert_eq!(beside.len(), 13, "a byte of padding, what the value at risk keeps, and the end");
    for (id, byte) in (7..).zip([beside[0], beside[8], beside[12]]) {
        bytes[byte] = 1;
        let config = bytemuck::pod_read_unaligned(&bytes);
        let (create, _) = ballast_client::MarketView::create(world.payer, id, config);
        world.send(&[create]).expect_error(Error::ParameterUnknown);
        bytes[byte] = 0;
    }
    let mint = world.mint("new", &MintSpec::spl(6));
    let mut config = ReserveConfig { padding: 1, ..reserve_config() };
    world.send_listing(mint, TOKEN_PROGRAM, config).expect_error(Error::ParameterUnknown);
    config.padding = 0;
    config.risk.reserved[9] = 1;
    world.send_listing(mint, TOKEN_PROGRAM, config).expect_error(Error::ParameterUnknown);
}

/// Less volatility to be used to makes debts dearer, by a premium that nobody waited for.
#[test]
fn interest_c30_a_premium_on_volatility_does_not_jump_at_once() {
    // The estimate begins at the reference.
    let mut config = reserve_config();
    (config.risk.reference_volatility, config.controller.volatility_premium) = (Bps(5_000), Bps(10_000));
    (config.controller.lowest, config.controller.highest) = (Bps(10_000), Bps(10_000));
    let Scene { mut world, usd, trader, .. } = Scene::configured(config);
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    let lower = world.edits(usd, |config| config.risk.reference_volatility = Bps(0)).all();
    let rate = world.reserve(usd).borrow_rate;
    let set = world.view().set_parameters(world.authority, usd, lower);
    let outcome = world.send(&[set]);
    assert!(world.reserve(usd).borrow_rate <= rate, "{:?} after {rate:?}", world.reserve(usd).borrow_rate);
    outcome.expect_error(Error::AddsRisk);
}

/// A reference that stands still is far from any price after a while, and the breaker trips for good.
#[test]
fn governance_c32_a_slower_reference_freezes_no_reserve() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    world
        .reconfigure(sol, |config| {
            config.oracle.reference_speed = Bps(2_000);
            config.breakers.tiers = [Bps(500), Bps(1_000), Bps(2_000)];
            config.breakers.halt_seconds = 600;
        })
        .expect_ok();
    world.refresh_all();
    let slower = world.edits(sol, |config| config.oracle.reference_speed = Bps(1)).all();
    let set = world.view().set_parameters(world.authority, sol, slower);
    let outcome = world.send(&[set]);
    for minute in 0..240 {
        world.advance(60);
        world.set_price(sol, Quote::dollars(150.0 + minute as f64 / 8.0)).expect_ok();
    }
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    outcome.expect_error(Error::AddsRisk);
}
