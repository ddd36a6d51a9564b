//! Accounts that the program of layout 1 wrote, brought up to date and lived on with.
//!
//! `fixtures/layout-1.json` holds a market of two reserves, its vaults, three margin accounts (one owes, one is isolated) and
//! a stake, as the program before the governance of changes left them.

use std::{fs, path::Path};

use ballast_client::{Address, ID, Instruction, MarketView, SYSTEM_PROGRAM, instruction::Migrate, to_engine};
use ballast_engine::{
    Error,
    actions::EVERYTHING,
    layout,
    margin::{MarginAccount, Mode},
    market::Market,
    reserve::Reserve,
    units::Bps,
};
use ballast_tests::{Options, Quote, SOL, USD, User, World};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use solana_account::Account;
use solana_instruction::AccountMeta;
use solana_transaction::TransactionError;

#[derive(Deserialize)]
struct Fixture {
    time: i64,
    market: String,
    accounts: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    address: String,
    owner: String,
    lamports: u64,
    data: String,
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// The old world, and the program's accounts in it.
fn old_world() -> (World, Vec<Address>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/layout-1.json");
    let fixture: Fixture = serde_json::from_slice(&fs::read(path).expect("the fixture")).expect("its format");
    let mut world = World::empty(Options::default());
    world.set_time(fixture.time);
    world.market = address(&fixture.market);
    let mut ours = Vec::new();
    for stored in fixture.accounts {
        let (address, owner) = (address(&stored.address), address(&stored.owner));
        let data = STANDARD.decode(stored.data).expect("base64");
        world.set_account(address, Account { lamports: stored.lamports, data, owner, ..Account::default() });
        if owner == ID {
            ours.push(address);
        }
    }
    ["collector", "guardian"].iter().for_each(|name| _ = world.key(name));
    (world, ours)
}

fn migrate(account: Address) -> Instruction {
    Migrate { account }.instruction()
}

/// The system program's transfer of lamports.
fn transfer(from: Address, to: Address, lamports: u64) -> Instruction {
    let data = [&2u32.to_le_bytes()[..], &lamports.to_le_bytes()].concat();
    let accounts = vec![AccountMeta::new(from, true), AccountMeta::new(to, false)];
    Instruction { program_id: SYSTEM_PROGRAM, accounts, data }
}

/// Rent for what a market grows by.
const GROWTH: u64 = 88 * 6_960;

fn migrated() -> World {
    let (mut world, ours) = old_world();
    for account in ours {
        let (payer, is_market) = (world.payer, account == world.market);
        let rent = if is_market { GROWTH } else { 0 };
        world.send(&[transfer(payer, account, rent), migrate(account)]).expect_ok();
    }
    world
}

fn user(world: &mut World, name: &str) -> User {
    let key = world.key(name);
    User { key, margin: world.view().margin_account(&key, 0) }
}

#[test]
fn a_market_of_the_old_layout_keeps_everything_and_gains_what_is_new() {
    let (old, _) = old_world();
    let before = old.account(&old.market).data;
    let world = migrated();
    let MarketView { market, reserves, .. } = world.view();
    let word = |at: usize| u64::from_le_bytes(before[at..at + 8].try_into().expect("eight bytes"));
    let key = |at: usize| layout::Address(before[at..at + 32].try_into().expect("32 bytes"));
    // Offsets of layout 1, behind the discriminator.
    assert_eq!((market.version, before[8], market.config.launched), (2, 1, 1));
    assert_eq!((market.bump, market.vault_authority_bump), (before[9], before[10]));
    assert_eq!([market.creator, market.authority, market.vault_authority], [key(16), key(48), key(144)]);
    let roles = market.config.roles;
    assert_eq!([roles.fee_collector, roles.guardian], [key(80), key(112)]);
    assert_eq!([roles.price_receiver, roles.second_price_receiver], [key(176), key(208)]);
    assert_eq!([roles.nominee, roles.risk_council], [layout::Address::NONE; 2]);
    assert_eq!((market.config.target_health, market.config.delay), (Bps(10_500), 172_800));
    assert_eq!((market.config.dust_value, market.config.min_debt_value), (word(248), word(256)));
    assert_eq!((market.config.loss_limit, market.events, market.changes), (1, word(352), 0));
    assert_eq!(market.config.validate(), Ok(()));
    let windows = std::mem::offset_of!(Market, outflow);
    assert_eq!(bytemuck::bytes_of(&market)[windows..windows + 81], before[360..441]);

    let insurance = std::mem::offset_of!(Reserve, insurance);
    assert_eq!(reserves.len(), 2);
    for (index, reserve) in reserves.iter().enumerate() {
        let old = &before[520 + index * 1_024..][..1_024];
        let new = bytemuck::bytes_of(reserve);
        assert_eq!(new[..insurance + 16], old[..insurance + 16], "up to the insurance's shares");
        assert_eq!(new[insurance + 16..insurance + 24], old[insurance + 8..insurance + 16], "all are stakers'");
        assert_eq!(new[insurance + 24..], old[insurance + 16..1_016]);
        assert_eq!(reserve.config.validate(), Ok(()));
    }
    world.assert_conserved();
}

#[test]
fn people_go_on_where_they_were() {
    let mut world = migrated();
    let (usd, sol) = (0, 1);
    let (lender, trader) = (user(&mut world, "lender"), user(&mut world, "trader"));
    let account: MarginAccount = world.margin(&trader.margin);
    assert_eq!((account.version, account.owner, account.positions().len()), (2, to_engine(&trader.key), 2));
    let isolated = world.margin(&world.view().margin_account(&trader.key, 7));
    assert_eq!((isolated.mode, isolated.positions().len()), (Mode::Isolated as u8, 1));
    world.advance(3_600);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    let owed = world.reserve(usd).debt_index.amount_ceil(ballast_engine::units::Shares(world.debt_shares(trader, usd)));
    assert!((6_000 * USD..6_010 * USD).contains(&owed), "5,000, a day's interest, and 1,000: {owed}");
    world.fund(&trader.key, usd, 100 * USD);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(trader, sol, 50 * SOL).expect_ok();
    world.begin_unstake(lender.key, usd, 500 * USD).expect_ok();
    world.advance(864_000);
    world.unstake(lender.key, usd).expect_ok();
    world.assert_conserved();
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    world.assert_conserved();
    // And governance is as in a market that was launched.
    let mut config = world.reserve(usd).config;
    config.borrow_cap = 1;
    let tighten = ballast_client::Edits::of_reserve(&world.reserve(usd).config, &config);
    let set = world.view().set_parameters(world.authority, usd, tighten.at_once);
    world.send(&[set]).expect_ok();
    assert!(tighten.waiting.is_empty());
}

#[test]
fn nothing_works_with_accounts_of_the_old_layout() {
    let (mut world, ours) = old_world();
    let new = migrated().view();
    let trader = world.key("trader");
    let margin = new.margin_account(&trader, 0);
    assert!(MarketView::decode(world.market, &world.account(&world.market).data).is_err());
    let is_refused = |world: &mut World| !world.send(&[new.read_health(margin)]).is_ok();
    assert!(is_refused(&mut world), "both are old");
    world.send(&[transfer(world.payer, world.market, GROWTH), migrate(world.market)]).expect_ok();
    assert!(is_refused(&mut world), "the margin account is old");
    world.send(&[migrate(margin)]).expect_ok();
    assert!(!is_refused(&mut world));
    assert!(ours.contains(&margin));
}

#[test]
fn migrating_takes_rent_and_what_needs_it_only() {
    let (mut world, ours) = old_world();
    let market = world.market;
    let outcome = world.send(&[migrate(market)]);
    assert!(matches!(outcome.error, Some(TransactionError::InsufficientFundsForRent { .. })), "{}", outcome.describe());
    let one_less = world.send(&[transfer(world.payer, market, GROWTH - 1), migrate(market)]);
    assert!(!one_less.is_ok());
    let world_after = &mut migrated();
    for account in ours {
        world_after.send(&[migrate(account)]).expect_error(Error::AccountUpToDate);
    }
    // Neither what another program owns, nor what is empty.
    let vault = ballast_client::from_engine(&world_after.reserve(0).vault);
    for account in [vault, world_after.payer, ballast_client::TOKEN_PROGRAM] {
        assert!(!world_after.send(&[migrate(account)]).is_ok());
    }
    let empty = world_after.key("empty");
    world_after.write(empty, ID, Vec::new());
    world_after.send(&[migrate(empty)]).expect_error(Error::AccountUpToDate);
    // Another program's account that looks like an old market.
    let (old, _) = old_world();
    let forged = world_after.key("forged");
    world_after.write(forged, ballast_client::TOKEN_PROGRAM, old.account(&market).data);
    world_after.send(&[migrate(forged)]).expect_error(Error::AccountUpToDate);
}
