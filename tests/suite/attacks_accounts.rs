//! Attacks with accounts that are forged, foreign, unsigned, recreated or given twice.

use ballast_client::{
    Address, Edits, ID, Instruction, LiquidationOrder, MarketView, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, change_address,
    instruction as ix, to_engine,
};
use ballast_engine::{
    Error,
    state::{market::Market, reserve::ReserveConfig},
};
use ballast_tests::{MintSpec, Quote, SOL, Scene, USD, User, World, market_config, reserve_config, with_account};
use solana_instruction::AccountMeta;
use solana_transaction::InstructionError;

/// A scene and a thief with empty token accounts.
fn scene() -> (Scene, User) {
    let mut scene = Scene::new();
    let thief = scene.world.user("thief");
    for reserve in [scene.usd, scene.sol] {
        scene.world.fund(&thief.key, reserve, 0);
    }
    (scene, thief)
}

fn unsigned(mut instruction: Instruction) -> Instruction {
    instruction.accounts[0].is_signer = false;
    instruction
}

/// The thief's withdrawal of all of a victim's deposit.
fn theft(world: &World, victim: User, thief: User, reserve: u8) -> Instruction {
    let destination = world.tokens(&thief.key, reserve);
    world.view().withdraw(victim.key, victim.margin, destination, reserve, u64::MAX).expect("listed")
}

/// Seconds that a change waits.
const DELAY: i64 = 172_800;

/// Edits that end all borrowing from a reserve.
fn no_borrowing(view: &MarketView, reserve: u8) -> Vec<u8> {
    let old = view.reserves[reserve as usize].config;
    Edits::of_reserve(&old, &ReserveConfig { borrow_cap: 0, ..old }).all()
}

/// The address of the next change to be queued.
fn next_change(world: &World) -> Address {
    change_address(&world.market, world.view().market.changes).0
}

#[test]
fn missing_signer_c01_nobody_acts_for_an_owner_who_does_not_sign() {
    let (Scene { mut world, usd, sol, lender, trader }, thief) = scene();
    let view = world.view();
    let (usd_out, sol_out) = (world.tokens(&thief.key, usd), world.tokens(&thief.key, sol));
    let lent = world.fund(&lender.key, usd, USD);
    let edits = no_borrowing(&view, usd);
    let (nominee, change) = (world.key("nominee"), world.queue(usd, edits.clone()));
    world.reconfigure_market(|config| config.roles.nominee = to_engine(&nominee)).expect_ok();
    world.advance(DELAY);
    let (nominated, spare) = (world.view(), world.fund(&thief.key, usd, 0));
    let attacks = [
        theft(&world, lender, thief, usd),
        view.withdraw(trader.key, trader.margin, sol_out, sol, SOL).expect("listed"),
        view.borrow(trader.key, trader.margin, usd_out, usd, 100 * USD).expect("listed"),
        view.deposit(lender.key, thief.margin, lent, usd, USD).expect("listed"),
        view.collect_fees(usd_out, usd).expect("listed"),
        view.close_reserve(spare, usd).expect("listed"),
        view.set_parameters(world.authority, usd, edits.clone()),
        view.queue_change(thief.key, usd, edits),
        view.launch(),
        view.cancel_change(world.authority, &change),
        nominated.accept_authority(),
        view.open_account(trader.key, thief.key, 9),
        view.close_account(lender.key, lender.margin, thief.key),
        MarketView::create(lender.key, 3, market_config()).0,
    ];
    for attack in attacks {
        let outcome = world.send_from(thief.key, &[unsigned(attack)]);
        outcome.expect_instruction_error(InstructionError::MissingRequiredSignature);
    }
}

#[test]
fn missing_signer_c01_the_wrong_signer_is_nobody() {
    let (Scene { mut world, usd, sol, lender, trader }, thief) = scene();
    let view = world.view();
    let (usd_out, sol_out) = (world.tokens(&thief.key, usd), world.tokens(&thief.key, sol));
    let edits = no_borrowing(&view, usd);
    let mint = world.mint("worthless", &MintSpec::spl(6));
    let as_thief = |instruction: Instruction, name| with_account(instruction, name, thief.key);
    let listing = view.queue_listing(world.payer, mint, reserve_config());
    let queue = view.queue_change(world.payer, usd, edits.clone());
    let change = world.queue(usd, edits.clone());
    let nominee = world.key("nominee");
    world.reconfigure_market(|config| config.roles.nominee = to_engine(&nominee)).expect_ok();
    let nominated = world.view();
    let attacks = [
        (as_thief(theft(&world, lender, thief, usd), "owner"), Error::NotAccountOwner),
        (view.borrow(thief.key, trader.margin, usd_out, usd, 100 * USD).expect("listed"), Error::NotAccountOwner),
        (view.withdraw(thief.key, trader.margin, sol_out, sol, 1).expect("listed"), Error::NotAccountOwner),
        (view.close_account(thief.key, lender.margin, world.payer), Error::NotAccountOwner),
        (as_thief(view.collect_fees(usd_out, usd).expect("listed"), "fee_collector"), Error::NotFeeCollector),
        (as_thief(view.close_reserve(usd_out, usd).expect("listed"), "fee_collector"), Error::NotFeeCollector),
        (view.set_parameters(thief.key, usd, edits), Error::NotAuthorityOrCouncil),
        (with_account(as_thief(listing, "authority"), "change", next_change(&world)), Error::NotMarketAuthority),
        (with_account(as_thief(queue, "authority"), "change", next_change(&world)), Error::NotMarketAuthority),
        (as_thief(view.launch(), "signer"), Error::NotAuthorityOrCouncil),
        (view.cancel_change(thief.key, &change), Error::NotAuthorityOrGuardian),
        (as_thief(nominated.accept_authority(), "signer"), Error::NotNominee),
    ];
    for (attack, error) in attacks {
        world.send_from(thief.key, &[attack]).expect_error(error);
    }
}

/// The bytes are the market's own, but for its authority, and for the owner of the account.
#[test]
fn missing_owner_check_c02_a_forged_market_is_refused() {
    let (Scene { mut world, usd, lender, .. }, thief) = scene();
    let forged = world.key("forged market");
    let mut data = world.account(&world.market).data;
    let authority = 8 + core::mem::offset_of!(Market, authority);
    data[authority..authority + 32].copy_from_slice(thief.key.as_ref());
    let edits = no_borrowing(&world.view(), usd);
    for owner in [SYSTEM_PROGRAM, Address::new_from_array([3; 32])] {
        world.write(forged, owner, data.clone());
        let set = ix::SetParameters { signer: thief.key, market: forged, target: usd, edits: edits.clone() };
        world.send_one(set).expect_instruction_error(InstructionError::IllegalOwner);
        let theft = with_account(theft(&world, lender, thief, usd), "market", forged);
        world.send(&[theft]).expect_instruction_error(InstructionError::IllegalOwner);
    }
}

/// A margin account of the thief's making says that the whole reserve is his.
#[test]
fn missing_owner_check_c02_a_forged_margin_account_is_refused() {
    let (Scene { mut world, usd, lender, .. }, thief) = scene();
    let forged = world.key("forged margin account");
    let mut data = world.account(&lender.margin).data;
    let owner = 8 + core::mem::offset_of!(ballast_engine::state::account::MarginAccount, owner);
    data[owner..owner + 32].copy_from_slice(thief.key.as_ref());
    world.write(forged, thief.key, data);
    let attack = theft(&world, User { key: thief.key, margin: forged }, thief, usd);
    world.send(&[attack]).expect_instruction_error(InstructionError::IllegalOwner);
}

#[test]
fn type_cosplay_c03_a_margin_account_is_no_market_and_a_market_no_margin_account() {
    let (Scene { mut world, usd, lender, .. }, thief) = scene();
    let market = world.market;
    let theft = theft(&world, lender, thief, usd);
    // Swapping the two would be two duplicates; each alone is one record in the other's place.
    let as_margin = with_account(theft.clone(), "margin_account", thief.margin);
    let as_market = with_account(as_margin, "market", lender.margin);
    world.send(&[as_market]).expect_instruction_error(InstructionError::AccountDataTooSmall);
    let other_market = world.create_market(1, market_config());
    world.market = market;
    world
        .send(&[with_account(theft, "margin_account", other_market)])
        .expect_instruction_error(InstructionError::InvalidAccountData);
}

/// In a market of his own the thief is authority, oracle and the only depositor: nothing of that counts elsewhere.
#[test]
fn missing_relation_c04_a_margin_account_of_another_market_borrows_nothing() {
    let (Scene { mut world, usd, .. }, thief) = scene();
    let real = world.market;
    let mut config = market_config();
    let roles = &mut config.roles;
    (roles.fee_collector, roles.guardian) = (to_engine(&thief.key), to_engine(&thief.key));
    (roles.price_receiver, roles.second_price_receiver) = (to_engine(&ID), to_engine(&Address::default()));
    let own = MarketView::create(thief.key, 0, config);
    world.send(&[own.0]).expect_ok();
    world.market = own.1;
    let rich = world.user("thief");
    assert_ne!(rich.margin, thief.margin);
    world.market = real;
    let view = world.view();
    let (tokens, source) = (world.tokens(&thief.key, usd), world.fund(&thief.key, usd, USD));
    let margin = rich.margin;
    let order = LiquidationOrder { debt: usd, collateral: 1, max_repay: USD, min_collateral: 0 };
    let destination = world.tokens(&thief.key, 1);
    for attack in [
        view.borrow(thief.key, margin, tokens, usd, 1_000 * USD).expect("listed"),
        view.withdraw(thief.key, margin, tokens, usd, u64::MAX).expect("listed"),
        view.deposit(thief.key, margin, source, usd, USD).expect("listed"),
        view.repay(thief.key, margin, source, usd, USD).expect("listed"),
        view.liquidate(thief.key, margin, source, destination, order).expect("listed"),
        view.settle_bad_debt(margin, usd).expect("listed"),
        view.report_loss(margin),
        view.read_health(margin),
    ] {
        world.send_from(thief.key, &[attack]).expect_error(Error::WrongMarket);
    }
}

/// Cheap tokens are not paid in for dear ones, nor dear ones paid out for cheap ones.
#[test]
fn missing_relation_c04_vault_and_mint_must_be_those_of_the_reserve_named() {
    let (Scene { mut world, usd, sol, lender, .. }, thief) = scene();
    let view = world.view();
    let of = |reserve: u8| {
        let record = &view.reserves[reserve as usize];
        (ballast_client::from_engine(&record.vault), ballast_client::from_engine(&record.mint))
    };
    let source = world.fund(&thief.key, usd, USD);
    // Pays usd in, to the credit of sol.
    let mut credit = view.deposit(thief.key, thief.margin, source, usd, USD).expect("listed");
    credit.data[1] = sol;
    world.send(&[credit.clone()]).expect_error(Error::WrongVault);
    world.send(&[with_account(credit, "vault", of(sol).0)]).expect_error(Error::WrongMint);
    // Takes sol out, to the debit of usd.
    let out = world.tokens(&thief.key, sol);
    let debit = view.withdraw(lender.key, lender.margin, out, sol, SOL).expect("listed");
    let mut debit_usd = debit.clone();
    debit_usd.data[1] = usd;
    world.send(&[debit_usd.clone()]).expect_error(Error::WrongVault);
    world.send(&[with_account(debit_usd, "vault", of(usd).0)]).expect_error(Error::WrongMint);
}

/// A token account of the thief's own, with the right mint and even the right owner, would take deposits that nobody gets back.
#[test]
fn missing_relation_c04_a_forged_vault_is_refused() {
    let (Scene { mut world, usd, .. }, thief) = scene();
    let view = world.view();
    let vault = ballast_client::from_engine(&view.reserves[0].vault);
    let data = world.account(&vault).data;
    let forged = world.key("forged vault");
    world.write(forged, ballast_client::TOKEN_PROGRAM, data);
    let source = world.fund(&thief.key, usd, USD);
    let deposit = view.deposit(thief.key, thief.margin, source, usd, USD).expect("listed");
    world.send(&[with_account(deposit, "vault", forged)]).expect_error(Error::WrongVault);
}

/// A token program of the thief's would be told to transfer, would do nothing, and the deposit would be credited.
#[test]
fn arbitrary_cpi_c05_only_the_reserves_own_token_program_is_called() {
    let (Scene { mut world, usd, lender, .. }, thief) = scene();
    let view = world.view();
    let source = world.fund(&thief.key, usd, 0);
    let deposit = view.deposit(thief.key, thief.margin, source, usd, 1_000_000 * USD).expect("listed");
    for program in [ID, TOKEN_2022_PROGRAM, SYSTEM_PROGRAM, world.payer] {
        world.send(&[with_account(deposit.clone(), "token_program", program)]).expect_error(Error::WrongTokenProgram);
        let theft = with_account(theft(&world, lender, thief, usd), "token_program", program);
        world.send(&[theft]).expect_error(Error::WrongTokenProgram);
    }
}

#[test]
fn arbitrary_cpi_c05_no_mint_of_a_program_that_is_no_token_program_is_listed() {
    let (Scene { mut world, .. }, _) = scene();
    let mint = world.mint("mint of another program", &MintSpec { program: ID, ..MintSpec::spl(6) });
    for program in [ID, ballast_client::TOKEN_PROGRAM, TOKEN_2022_PROGRAM] {
        world.send_listing(mint, program, reserve_config()).expect_error(Error::MintNotOwnedByTokenProgram);
    }
    // Nor one of the other token program, whose token account would be none of the mint's own.
    let mint = world.mint("spl mint", &MintSpec::spl(6));
    let outcome = world.send_listing(mint, TOKEN_2022_PROGRAM, reserve_config());
    outcome.expect_error(Error::MintNotOwnedByTokenProgram);
}

/// But the list of instructions, which there is no system call for: its address is checked, see
/// `a_lookalike_of_an_unchecked_account_is_refused`.
#[test]
fn sysvar_spoofing_c06_no_instruction_takes_a_sysvar_from_the_caller() {
    for spec in ix::ALL {
        for account in spec.accounts {
            for name in ["clock", "rent", "sysvar", "slot"] {
                assert!(!account.name.contains(name), "{}.{}", spec.name, account.name);
            }
            let introspects = [ix::BeginLiquidation::SPEC, ix::BeginFlashLoan::SPEC].contains(spec);
            assert!(introspects || account.name != "instructions", "{}.{}", spec.name, account.name);
        }
    }
}

/// Another bump of the same seeds than the first that works.
fn other_address(seeds: &[&[u8]], canonical: u8) -> Address {
    let other = |bump: u8| Address::create_program_address(&[seeds, &[&[bump]]].concat(), &ID).ok();
    (0..canonical).rev().find_map(other).expect("about every second bump works")
}

#[test]
fn non_canonical_bump_c07_one_owner_has_one_account_of_a_number() {
    let (Scene { mut world, .. }, thief) = scene();
    let view = world.view();
    let market = world.market;
    let (_, bump) = ballast_client::margin_address(&market, &thief.key, 7);
    let second = other_address(&[b"margin", market.as_ref(), thief.key.as_ref(), &7u16.to_le_bytes()], bump);
    let open = with_account(view.open_account(thief.key, world.payer, 7), "margin_account", second);
    world.send(&[open]).expect_instruction_error(InstructionError::InvalidSeeds);

    let (create, _) = MarketView::create(thief.key, 7, market_config());
    let (_, bump) = ballast_client::market_address(&thief.key, 7);
    let second = other_address(&[b"market", thief.key.as_ref(), &7u16.to_le_bytes()], bump);
    let create = with_account(create, "market", second);
    world.send(&[create]).expect_instruction_error(InstructionError::InvalidSeeds);
}

#[test]
fn pda_sharing_c08_a_markets_vault_authority_signs_for_its_own_vaults_only() {
    let (Scene { mut world, usd, lender, .. }, thief) = scene();
    let other = world.create_market(1, market_config());
    let authority = ballast_client::vault_authority(&other).0;
    let theft = with_account(theft(&world, lender, thief, usd), "vault_authority", authority);
    world.send(&[theft]).expect_error(Error::WrongVaultAuthority);
    let mint = ballast_client::from_engine(&world.view().reserves[0].mint);
    let vaults = [world.market, other].map(|market| ballast_client::vault_address(&market, &mint).0);
    assert_ne!(vaults[0], vaults[1], "the same mint has a token account of its own in every market");
}

#[test]
fn seed_collision_c09_ids_and_owners_do_not_run_into_each_other() {
    let (Scene { mut world, .. }, thief) = scene();
    let (view, victim) = (world.view(), world.key("victim"));
    let victims = view.margin_account(&victim, 0);
    // The thief opens the victim's address as his own, under another number, and under the victim's.
    for id in [0, 1, 256, u16::MAX] {
        let open = with_account(view.open_account(thief.key, world.payer, id), "margin_account", victims);
        world.send(&[open]).expect_instruction_error(InstructionError::InvalidSeeds);
    }
    let mut seen = Vec::new();
    for id in [0u16, 1, 255, 256, 257, u16::MAX] {
        for address in [view.margin_account(&victim, id), ballast_client::market_address(&victim, id).0] {
            assert!(!seen.contains(&address));
            seen.push(address);
        }
    }
}

#[test]
fn initialisation_front_run_c10_nobody_creates_a_market_in_anothers_name() {
    let (Scene { mut world, .. }, thief) = scene();
    let victim = world.key("victim");
    let (create, market) = MarketView::create(victim, 0, market_config());
    world
        .send_from(thief.key, &[unsigned(create.clone())])
        .expect_instruction_error(InstructionError::MissingRequiredSignature);
    let create = with_account(create, "creator", thief.key);
    world.send(&[create]).expect_instruction_error(InstructionError::InvalidSeeds);
    assert!(world.find_account(&market).is_none());
}

#[test]
fn reinitialisation_c11_nothing_that_exists_is_created_again() {
    let (Scene { mut world, usd, lender, .. }, _) = scene();
    let view = world.view();
    let (create, _) = MarketView::create(world.authority, 0, market_config());
    // The system program's answer for an address in use.
    world.send(&[create]).expect_custom(0);
    world.send(&[view.open_account(lender.key, world.payer, 0)]).expect_custom(0);
    let mint = ballast_client::from_engine(&view.reserves[usd as usize].mint);
    world.send_listing(mint, ballast_client::TOKEN_PROGRAM, reserve_config()).expect_error(Error::DuplicateReserve);
}

#[test]
fn prefunding_c12_lamports_sent_ahead_do_not_stop_a_creation() {
    for lamports in [1, 890_880, 5_000_000_000] {
        let (Scene { mut world, .. }, _) = scene();
        let user = world.key("prefunded");
        let mint = world.mint("prefunded mint", &MintSpec::spl(6));
        let (create, market) = MarketView::create(user, 0, market_config());
        let targets = [
            market,
            ballast_client::vault_authority(&market).0,
            world.view().margin_account(&user, 0),
            ballast_client::vault_address(&world.market, &mint).0,
            next_change(&world),
        ];
        for target in targets {
            world.set_account(target, solana_account::Account { lamports, ..Default::default() });
        }
        world.send(&[create]).expect_ok();
        world.send_listing(mint, ballast_client::TOKEN_PROGRAM, reserve_config()).expect_ok();
        world.open(user, 0);
        world.set_price(2, Quote::dollars(1.0)).expect_ok();
        let margin = world.view().margin_account(&user, 0);
        world.supply(User { key: user, margin }, 2, USD);
        for target in [targets[0], targets[2], targets[3]] {
            let account = world.account(&target);
            let minimum = world.svm.minimum_balance_for_rent_exemption(account.data.len());
            assert!(account.lamports >= minimum, "rent exempt with {lamports} sent ahead");
        }
    }
}

fn pay(from: Address, to: Address, lamports: u64) -> Instruction {
    const TRANSFER: u32 = 2;
    let accounts = vec![AccountMeta::new(from, true), AccountMeta::new(to, false)];
    Instruction {
        program_id: SYSTEM_PROGRAM,
        accounts,
        data: [&TRANSFER.to_le_bytes()[..], &lamports.to_le_bytes()].concat(),
    }
}

#[test]
fn closing_c13_an_account_closed_and_refunded_in_one_transaction_stays_closed() {
    let (Scene { mut world, usd, .. }, thief) = scene();
    let view = world.view();
    let source = world.fund(&thief.key, usd, USD);
    let close = view.close_account(thief.key, thief.margin, world.payer);
    let revive = pay(thief.key, thief.margin, 100_000_000);
    let deposit = view.deposit(thief.key, thief.margin, source, usd, USD).expect("listed");
    // Used again within the transaction: refused, and so is the whole transaction.
    let outcome = world.send(&[close.clone(), revive.clone(), deposit.clone()]);
    assert!(!outcome.is_ok(), "{}", outcome.describe());
    world.send(&[close.clone(), deposit.clone()]).expect_instruction_error(InstructionError::AccountDataTooSmall);
    world.send(&[close.clone(), close.clone()]).expect_instruction_error(InstructionError::AccountDataTooSmall);
    // Kept alive by lamports: an empty account of the system program, which is no margin account.
    world.send(&[close, revive]).expect_ok();
    let revived = world.account(&thief.margin);
    assert_eq!((revived.owner, revived.data.len()), (SYSTEM_PROGRAM, 0));
    world.send(&[deposit]).expect_instruction_error(InstructionError::AccountDataTooSmall);
    // It can be opened again, and starts with nothing.
    world.open(thief.key, 0);
    assert!(world.margin(&thief.margin).positions().is_empty());
}

#[test]
fn closing_c13_an_account_with_positions_is_not_closed() {
    let (Scene { mut world, usd, trader, .. }, _) = scene();
    world.close(trader).expect_error(Error::AccountNotEmpty);
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    world.close(trader).expect_error(Error::AccountNotEmpty);
    let into_itself = world.view().close_account(trader.key, trader.margin, trader.margin);
    world.send(&[into_itself]).expect_custom(2040);
}

/// Paying from a reserve to itself, or seizing what was just paid in.
#[test]
fn duplicate_accounts_c15_a_vault_is_not_source_or_destination() {
    let (Scene { mut world, usd, sol, lender, trader }, thief) = scene();
    let view = world.view();
    let vaults = [usd, sol].map(|reserve| ballast_client::from_engine(&view.reserves[reserve as usize].vault));
    let (source, destination) = (world.tokens(&thief.key, usd), world.tokens(&thief.key, sol));
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    let liquidate = view.liquidate(thief.key, trader.margin, source, destination, order).expect("listed");
    let same = LiquidationOrder { collateral: usd, ..order };
    let itself = view.liquidate(thief.key, trader.margin, source, destination, same).expect("listed");
    for attack in [
        view.deposit(lender.key, lender.margin, vaults[0], usd, USD).expect("listed"),
        view.withdraw(lender.key, lender.margin, vaults[0], usd, USD).expect("listed"),
        view.collect_fees(vaults[0], usd).expect("listed"),
        with_account(liquidate.clone(), "source", vaults[0]),
        with_account(liquidate.clone(), "destination", vaults[1]),
        with_account(liquidate.clone(), "destination", source),
        with_account(liquidate, "margin_account", world.market),
        itself,
    ] {
        world.send(&[attack]).expect_custom(2040);
    }
    // Another reserve's token account as the source: its owner has not signed, and never does for a deposit.
    let deposit = view.deposit(thief.key, thief.margin, source, usd, USD).expect("listed");
    world.send(&[with_account(deposit, "source", vaults[1])]).expect_custom(3);
    assert_eq!(to_engine(&vaults[0]), view.reserves[0].vault);
}
