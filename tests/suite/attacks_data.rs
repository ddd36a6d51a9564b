//! Attacks with instruction data and amounts, on roles, on limits of the runtime, and on who reads the results.

use crate::support::every_instruction_market::EveryInstructionMarket;
use ballast_client::{Event, ID, LiquidationOrder, instruction as ix};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::{OF_LISTING, OF_MARKET},
        market::MAX_RESERVES,
        reserve::ReserveConfig,
    },
};
use ballast_tests::{Quote, SOL, Scene, Token, USD, World, market_config, reserve_config, with_account};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solana_transaction::InstructionError;

/// Bytes of a transaction without a look-up table.
const MOST_BYTES: usize = 1_232;
/// Compute units that a single instruction has without asking for more.
const MOST_UNITS: u64 = 200_000;
/// Addresses that a transaction can lock.
const MOST_LOCKS: usize = 64;

#[test]
fn overflow_c24_the_largest_amounts_are_refused_or_mean_everything() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    for amount in [u64::MAX, u64::MAX - 1, 1 << 63] {
        world.deposit(lender, usd, amount).expect_error(Error::AmountTooLarge);
        world.borrow(trader, usd, amount).expect_error(Error::InsufficientLiquidity);
    }
    for amount in [u64::MAX - 1, 1 << 63] {
        world.withdraw(lender, usd, amount).expect_error(Error::InsufficientDeposit);
    }
    world.deposit(lender, usd, 0).expect_error(Error::AmountIsZero);
    world.withdraw(lender, usd, 0).expect_error(Error::AmountIsZero);
    world.borrow(trader, usd, 0).expect_error(Error::AmountIsZero);
    world.repay(trader, usd, 0).expect_error(Error::AmountIsZero);
    // A repayment takes what is owed, however much is offered.
    world.fund(&trader.key, usd, 1_000 * USD);
    world.repay(trader, usd, u64::MAX - 1).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 0);
    assert_eq!(world.balance(&trader.key, usd), 1_000 * USD);
    world.withdraw(trader, sol, u64::MAX).expect_ok();
    assert_eq!(world.balance(&trader.key, sol), 100 * SOL);
    world.assert_conserved();
}

/// Totals near 2^63 of a token without decimals at the highest price there is.
#[test]
fn overflow_c24_the_largest_reserve_at_the_highest_price_does_not_overflow() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let dear = world.list(Token::new("DEAR", 0, 999_999_999.0), reserve_config());
    let whale = world.user("whale");
    world.supply(whale, dear, (1 << 63) - 1);
    world.supply(lender, usd, 1 << 61);
    world.refresh_all();
    world.borrow(whale, usd, 1 << 61).expect_ok();
    let report = world.health(whale.margin);
    assert!(report.initial_collateral.get() > report.initial_debt.get());
    world.advance(86_400 * 3_650);
    world.refresh_all();
    world.health(whale.margin);
    world.assert_conserved();
}

#[test]
fn realloc_c14_a_market_grows_to_64_reserves_and_no_further() {
    let world = &mut World::new();
    for index in 0..MAX_RESERVES {
        world.list(Token::new(&format!("T{index}"), 6, 1.0), reserve_config());
        let account = world.account(&world.market);
        assert_eq!(account.data.len(), 608 + (index + 1) * 1_024);
        let reserve = world.reserve(index as u8);
        assert_eq!((reserve.cash, reserve.deposit_shares.0, reserve.fees()), (0, 0, 0), "nothing stale");
        // Rent of the network's day, whatever it was when the market was created.
        assert!(account.lamports >= world.svm.minimum_balance_for_rent_exemption(account.data.len()));
    }
    let mint = world.mint("one too many", &ballast_tests::MintSpec::spl(6));
    let outcome = world.send_listing(mint, ballast_client::TOKEN_PROGRAM, reserve_config());
    outcome.expect_error(Error::TooManyReserves);
}

#[test]
fn rent_c40_every_account_of_the_program_stays_rent_exempt() {
    let market = EveryInstructionMarket::new();
    for instruction in market.valid.clone() {
        let (world, outcome) = market.send_in_a_fork(instruction);
        outcome.expect_ok();
        for (address, account) in world.svm.get_program_accounts(&ID) {
            let minimum = world.svm.minimum_balance_for_rent_exemption(account.data.len());
            assert!(account.lamports >= minimum, "{address}: {} of {minimum}", account.lamports);
        }
    }
}

/// The worst there is: 64 reserves, 16 positions, none of them stale, all with interest to project.
fn crowded() -> (World, ballast_tests::User, ballast_client::Address) {
    let mut world = World::new();
    for index in 0..MAX_RESERVES {
        world.list(Token::new(&format!("T{index}"), 6, 1.0), reserve_config());
    }
    let (lender, borrower) = (world.user("lender"), world.user("borrower"));
    for reserve in 0..8 {
        world.supply(borrower, 63 - reserve, 1_000 * USD);
        world.supply(lender, 40 + reserve, 10_000 * USD);
    }
    world.refresh_all();
    for reserve in 0..8 {
        world.borrow(borrower, 40 + reserve, 700 * USD).expect_ok();
    }
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, 40, 10_000 * USD);
    world.advance(30);
    (world, borrower, liquidator)
}

#[test]
fn denial_of_service_c36_the_worst_liquidation_fits_one_transaction() {
    let (mut world, borrower, liquidator) = crowded();
    for reserve in 56..64 {
        world.publish(reserve, Quote::dollars(0.8));
    }
    let reserves: Vec<u8> = (40..48).chain(56..64).collect();
    for reserve in 40..48 {
        world.publish(reserve, Quote::dollars(1.0));
    }
    world.refresh(&reserves).expect_ok();
    assert_eq!(world.margin(&borrower.margin).positions().len(), 16);
    let order = LiquidationOrder { debt: 40, collateral: 63, max_repay: u64::MAX, min_collateral: 1 };
    let outcome = world.liquidate(liquidator, borrower.margin, order).expect_ok();
    assert!(outcome.transaction_bytes <= MOST_BYTES, "{} bytes", outcome.transaction_bytes);
    assert!(outcome.compute_units <= MOST_UNITS / 4, "{} units", outcome.compute_units);
    world.assert_conserved();
}

/// With the refresh of all sixteen prices before it in the same transaction, so that nothing can come between.
#[test]
fn denial_of_service_c36_the_worst_liquidation_fits_together_with_its_prices() {
    let (mut world, borrower, liquidator) = crowded();
    let reserves: Vec<u8> = (40..48).chain(56..64).collect();
    for reserve in &reserves {
        world.publish(*reserve, Quote::dollars(if *reserve < 48 { 1.0 } else { 0.8 }));
    }
    let (source, destination) = (world.fund(&liquidator, 40, 0), world.fund(&liquidator, 63, 0));
    let order = LiquidationOrder { debt: 40, collateral: 63, max_repay: u64::MAX, min_collateral: 1 };
    let liquidate = world.view().liquidate(liquidator, borrower.margin, source, destination, order).expect("listed");
    let refresh = world.refresh_instruction(&reserves);
    let transaction = world.transaction(&liquidator, &[refresh.clone(), liquidate.clone()]);
    assert!(transaction.message.static_account_keys().len() <= MOST_LOCKS);
    let outcome = world.send_from(liquidator, &[refresh, liquidate]).expect_ok();
    assert!(outcome.transaction_bytes <= MOST_BYTES, "{} bytes", outcome.transaction_bytes);
    assert!(outcome.compute_units <= MOST_UNITS, "{} units", outcome.compute_units);
}

/// A stranger who could open positions would fill an account's slots with atoms, each of which has to be priced, and which an
/// owner below initial health could not even clear. He can only add to what is there.
#[test]
fn denial_of_service_c36_a_stranger_fills_no_slots() {
    let (mut world, borrower, _) = crowded();
    let stranger = world.user("stranger");
    world.fund(&stranger.key, 0, USD);
    world.deposit_for(stranger.key, borrower.margin, 0, 1).expect_error(Error::TooManyPositions);
    for reserve in 40..48 {
        world.fund(&borrower.key, reserve, 1_000 * USD);
        world.repay(borrower, reserve, u64::MAX).expect_ok();
    }
    let positions = world.margin(&borrower.margin).position_count;
    world.deposit_for(stranger.key, borrower.margin, 0, 1).expect_error(Error::PositionNotOpen);
    world.fund(&stranger.key, 56, USD);
    world.deposit_for(stranger.key, borrower.margin, 56, 1).expect_ok();
    assert_eq!(world.margin(&borrower.margin).position_count, positions);
    for reserve in 56..64 {
        world.withdraw(borrower, reserve, u64::MAX).expect_ok();
    }
    world.close(borrower).expect_ok();
}

/// As many prices as fit: more heap and a longer list than any other instruction has.
#[test]
fn stack_and_heap_c38_the_longest_instruction_runs() {
    let (mut world, ..) = crowded();
    let mut most = 0;
    for count in 1..=MAX_RESERVES as u8 {
        let reserves: Vec<u8> = (0..count).collect();
        let instruction = world.refresh_instruction(&reserves);
        let transaction = world.transaction(&world.payer, &[instruction]);
        let bytes = 1 + 64 * transaction.signatures.len() + transaction.message.serialize().len();
        if bytes > MOST_BYTES {
            break;
        }
        most = count;
        reserves.iter().for_each(|reserve| world.publish(*reserve, Quote::dollars(1.0)));
        let outcome = world.refresh(&reserves).expect_ok();
        assert!(outcome.compute_units <= MOST_UNITS, "{count} prices: {} units", outcome.compute_units);
        world.advance(1);
    }
    assert!(most >= 25, "{most} prices in a transaction");
}

/// Every instruction.
fn tags() -> impl Iterator<Item = u8> {
    ix::ALL.iter().map(|spec| spec.tag)
}

fn with_data(
    market: &EveryInstructionMarket,
    tag: u8,
    change: impl FnOnce(&mut Vec<u8>),
) -> ballast_client::Instruction {
    let mut instruction = market.valid(tag);
    change(&mut instruction.data);
    instruction
}

#[test]
fn instruction_data_c41_short_data_and_unknown_tags_are_refused() {
    let mut market = EveryInstructionMarket::new();
    for tag in tags() {
        let length = market.valid(tag).data.len();
        for cut in (1..length).filter(|cut| *cut < 12 || cut % 37 == 0 || cut + 1 == length) {
            let instruction = with_data(&market, tag, |data| data.truncate(cut));
            market.world.send(&[instruction]).expect_instruction_error(InstructionError::InvalidInstructionData);
        }
        let empty = with_data(&market, tag, Vec::clear);
        market.world.send(&[empty]).expect_instruction_error(InstructionError::InvalidInstructionData);
        for unknown in (0..=255).filter(|unknown| tags().all(|tag| tag != *unknown)).step_by(60) {
            let instruction = with_data(&market, tag, |data| data[0] = unknown);
            market.world.send(&[instruction]).expect_instruction_error(InstructionError::InvalidInstructionData);
        }
    }
}

/// The framework ignores what follows the arguments: it must have no effect.
#[test]
fn instruction_data_c41_trailing_bytes_change_nothing() {
    let market = EveryInstructionMarket::new();
    for tag in tags() {
        let (plain, outcome) = market.send_in_a_fork(market.valid(tag));
        outcome.expect_ok();
        for trailing in [vec![0], vec![255; 8], vec![7; 300]] {
            let (fork, outcome) = market.send_in_a_fork(with_data(&market, tag, |data| data.extend(trailing)));
            if outcome.is_ok() {
                let accounts = |world: &World| {
                    let mut accounts = world.svm.get_program_accounts(&ID);
                    accounts.sort_by_key(|(address, _)| *address);
                    accounts
                };
                assert!(accounts(&fork) == accounts(&plain), "tag {tag}");
            }
        }
    }
}

#[test]
fn instruction_data_c41_a_list_longer_than_its_data_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for claimed in [3u32, 255, 1 << 16, 1 << 31, u32::MAX] {
        // Behind the tag; behind the tag and a target.
        for (spec, at) in [(ix::RefreshPrices::SPEC, 1), (ix::SetParameters::SPEC, 2), (ix::QueueChange::SPEC, 2)] {
            // A list of edits is longer than a list of two reserves.
            let claimed = if at == 1 { claimed } else { claimed.max(255) };
            let instruction = with_data(&market, spec.tag, |data| {
                data[at..at + 4].copy_from_slice(&claimed.to_le_bytes());
            });
            market.world.send(&[instruction]).expect_instruction_error(InstructionError::InvalidInstructionData);
        }
    }
}

#[test]
fn instruction_data_c41_reserve_indices_out_of_range_are_refused() {
    let mut market = EveryInstructionMarket::new();
    let reserves = market.world.view().reserves.len() as u8;
    const GOVERNED: [u8; 2] = [ix::SetParameters::SPEC.tag, ix::QueueChange::SPEC.tag];
    let places = [(5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (10, 2), (12, 1), (9, 5), (27, 1), (31, 1)];
    for (tag, at) in places.into_iter().chain(GOVERNED.map(|tag| (tag, 1))) {
        // To governance 255 is the market, and to a queue 254 a listing.
        let last = if GOVERNED.contains(&tag) { 253 } else { 255 };
        for index in [reserves, 63, 64, last] {
            let instruction = with_data(&market, tag, |data| data[at] = index);
            market.world.send(&[instruction]).expect_error(Error::ReserveIndexOutOfRange);
        }
    }
    let unlisted = with_data(&market, ix::SetParameters::SPEC.tag, |data| data[1] = OF_LISTING);
    market.world.send(&[unlisted]).expect_error(Error::ReserveIndexOutOfRange);
    let no_listing = with_data(&market, ix::QueueChange::SPEC.tag, |data| data[1] = OF_LISTING);
    market.world.send(&[no_listing]).expect_error(Error::WrongChange);
    let settle = with_data(&market, ix::SettleBadDebt::SPEC.tag, |data| data[1] = reserves);
    market.world.send(&[settle]).expect_error(Error::PositionNotFound);
}

/// Edits that end in the middle of one, that name no parameter, and none at all.
#[test]
fn instruction_data_c41_edits_that_are_cut_or_of_no_parameter_are_refused() {
    let mut market = EveryInstructionMarket::new();
    for (spec, target) in [
        (ix::SetParameters::SPEC, 0),
        (ix::SetParameters::SPEC, OF_MARKET),
        (ix::QueueChange::SPEC, 0),
        (ix::QueueChange::SPEC, OF_MARKET),
    ] {
        let mut refuse = |edits: &[u8], error: Error| {
            let instruction = with_data(&market, spec.tag, |data| {
                data.truncate(1);
                data.push(target);
                data.extend((edits.len() as u32).to_le_bytes());
                data.extend(edits);
            });
            market.world.send(&[instruction]).expect_error(error);
        };
        let parameters = ballast_client::parameters(target);
        refuse(&[], Error::NothingToChange);
        for offset in (0..500).chain([0x7FFF, 0x8000, u16::MAX]) {
            if parameters.iter().all(|info| info.parameter.offset != offset) {
                let edit = [&offset.to_le_bytes()[..], &[0; 32]].concat();
                refuse(&edit, Error::ParameterUnknown);
            }
        }
        for info in &parameters {
            let offset = info.parameter.offset.to_le_bytes();
            for width in 0..info.parameter.width {
                refuse(&[&offset[..], &vec![1; width as usize]].concat(), Error::ParameterUnknown);
            }
            refuse(&offset[..1], Error::ParameterUnknown);
        }
    }
    let long = with_data(&market, ix::QueueChange::SPEC.tag, |data| {
        let parameter = data[6..12].to_vec();
        data.truncate(2);
        data.extend((parameter.len() as u32 * 70).to_le_bytes());
        data.extend(parameter.repeat(70));
    });
    market.world.send(&[long]).expect_error(Error::ChangeTooLong);
}

/// Whatever the data, the program answers: a panic would be one that shared accounts could be brought into for good.
#[test]
fn panics_c39_random_instruction_data_never_panics() {
    let mut market = EveryInstructionMarket::new();
    let seed = std::env::var("BALLAST_SEED").map_or(39, |seed| seed.parse().expect("a whole number"));
    println!("BALLAST_SEED={seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut accepted = 0;
    for _ in 0..3_000 {
        let tag = ix::ALL[rng.random_range(0..ix::ALL.len())].tag;
        let instruction = with_data(&market, tag, |data| match rng.random_range(0..4) {
            0 => data[1..].iter_mut().for_each(|byte| *byte = rng.random()),
            1 => data[1..].iter_mut().for_each(|byte| *byte = if rng.random() { 0 } else { 255 }),
            _ => {
                for _ in 0..rng.random_range(1..4) {
                    if let Some(last) = data.len().checked_sub(1).filter(|last| *last > 0) {
                        data[rng.random_range(1..=last)] = rng.random();
                    }
                }
            }
        });
        let outcome = market.send(instruction.clone());
        accepted += outcome.is_ok() as u32;
        let panicked = outcome.instruction_error() == Some(&InstructionError::ProgramFailedToComplete);
        assert!(!panicked, "{instruction:?}: {}", outcome.describe());
    }
    assert!(accepted > 10, "{accepted} accepted");
    market.world.assert_conserved();
}

#[test]
fn governance_c32_no_authority_passes_the_hard_ceilings() {
    let Scene { mut world, usd, .. } = Scene::new();
    type Change = fn(&mut ReserveConfig);
    let changes: [(Change, Error); 15] = [
        (|config| config.risk.cross.maintenance_asset = Bps(10_001), Error::AssetWeightOutOfRange),
        (|config| config.risk.cross.initial_liability = Bps(50_001), Error::LiabilityWeightOutOfRange),
        (|config| config.max_penalty = Bps(2_501), Error::PenaltyOutOfRange),
        (|config| config.reserve_factor = Bps(5_001), Error::ReserveFactorOutOfRange),
        (|config| config.oracle.max_age = 601, Error::OracleLimitOutOfRange),
        (|config| config.oracle.max_confidence_maintenance = Bps(2_001), Error::OracleLimitOutOfRange),
        (|config| config.curve.points[2].rate_bps = 100_001, Error::CurveRateAboveCeiling),
        (|config| config.deposit_cap = (1 << 63) + 1, Error::CapOutOfRange),
        (|config| config.breakers.outflow_hour = 359_999, Error::OutflowLimitOutOfRange),
        (|config| config.breakers.tiers = [Bps(500), Bps(400), Bps(0)], Error::PriceTiersOutOfRange),
        (|config| config.breakers.max_utilisation = Bps(10_001), Error::UtilisationLimitOutOfRange),
        (|config| config.insurance.cooldown = 86_399, Error::CooldownOutOfRange),
        (|config| config.insurance.penalty_share = Bps(8_001), Error::InsuranceShareOutOfRange),
        (|config| config.reduce_only = 2, Error::SwitchOutOfRange),
        (|config| config.flash_fee = Bps(501), Error::SwitchOutOfRange),
    ];
    for (change, error) in changes {
        world.reconfigure(usd, change).expect_error(error);
    }
    let outcome = world.reconfigure_market(|config| config.near_insolvency = Bps(2_001));
    outcome.expect_error(Error::NearInsolvencyOutOfRange);
    let mut config = market_config();
    config.target_health = Bps(20_000);
    let (create, _) = ballast_client::MarketView::create(world.authority, 5, config);
    world.send(&[create]).expect_error(Error::TargetHealthOutOfRange);
}

#[test]
fn events_c34_every_movement_has_a_number_and_failures_leave_no_gap() {
    let Scene { mut world, usd, trader, lender, .. } = Scene::new();
    let mut number = world.view().market.events;
    for step in 0..6 {
        let outcome = match step {
            0 => world.borrow(trader, usd, 1_000 * USD),
            1 => world.borrow(trader, usd, u64::MAX),
            2 => world.withdraw(lender, usd, USD),
            3 => world.deposit(lender, usd, USD),
            4 => world.repay(trader, usd, USD),
            _ => world.repay(trader, usd, 0),
        };
        if outcome.is_ok() {
            number += 1;
            let event = outcome.expect_event();
            let account = if matches!(event, Event::Borrowed(_) | Event::Repaid(_)) { trader } else { lender };
            assert_eq!((event.number(), event.account()), (number, Some(account.margin)));
        }
        assert_eq!(world.view().market.events, number);
    }
}

/// Another program's log line of the same bytes is not told apart by its content: a reader must follow who logs.
/// The program itself never logs what a caller gives it.
#[test]
fn events_c34_the_accounts_in_an_event_are_those_that_were_moved() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let event = world.borrow(trader, usd, 1_000 * USD).expect_event();
    let Event::Borrowed(event) = event else { panic!("{event:?}") };
    assert_eq!((event.account, event.amount, event.reserve), (trader.margin, 1_000 * USD, usd));
    assert_eq!(event.shares, world.debt_shares(trader, usd));
}

#[test]
fn return_data_c35_health_is_returned_under_the_programs_own_id() {
    let Scene { mut world, trader, .. } = Scene::new();
    let instruction = world.view().read_health(trader.margin);
    let transaction = world.transaction(&world.payer, &[instruction]);
    let result = world.svm.send_transaction(transaction).expect("health is read");
    assert_eq!(result.return_data.program_id, ID);
}

#[test]
fn front_running_c42_nobody_is_paid_for_what_another_one_was_about_to_do() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let thief = world.user("thief");
    let out = world.fund(&thief.key, usd, 0);
    // Fees go where the collector says, and only the collector says.
    let collect = world.view().collect_fees(out, usd).expect("listed");
    world.send(&[with_account(collect, "fee_collector", thief.key)]).expect_error(Error::NotFeeCollector);
    // What anyone may trigger names no account to be paid.
    for spec in [ix::RefreshPrices::SPEC, ix::SettleBadDebt::SPEC, ix::ReportLoss::SPEC] {
        assert!(spec.accounts.iter().all(|account| ["market", "margin_account"].contains(&account.name)));
    }
    // A stranger's deposit in front of an order to withdraw or repay does not turn it.
    world.fund(&thief.key, usd, 100 * USD);
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    world.deposit_for(thief.key, trader.margin, usd, USD).expect_error(Error::PositionIsDebt);
}

#[test]
fn supply_chain_c43_every_dependency_comes_from_the_registry_with_a_checksum() {
    for lock in ["../Cargo.lock", "../programs/Cargo.lock"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(lock);
        let text = std::fs::read_to_string(&path).expect("a lock file is committed");
        for package in text.split("[[package]]").skip(1) {
            let has = |key: &str| package.lines().any(|line| line.starts_with(key));
            assert!(!package.contains("git+"), "{package}");
            assert_eq!(has("source = \"registry+"), has("checksum = "), "{package}");
        }
    }
}
