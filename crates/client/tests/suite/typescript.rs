//! What the TypeScript client is tested against: accounts, instructions, the engine's answers and error words as this crate has
//! them, in `app/client/test/fixtures`. `BALLAST_WRITE_FIXTURES=1 cargo test -p ballast-client typescript` writes them anew.

mod play;
mod vaults;

use std::{fs, path::Path};

use crate::{
    common::World,
    scene::{PERPS, POOL, Scene, USD},
};
use ballast_client::{
    Address, Instruction, LiquidationOrder, MarketView, ProgramError, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, VaultView,
    change_address, describe_error,
    engine::{
        health::report::HealthReport,
        ledger::EVERYTHING,
        number::units::{Part, Shares},
        perps::{report::PoolReport, trade::Order},
        record::layout::{FieldType, LAYOUT_VERSION, Record},
        state::{
            account::MarginAccount,
            change::Change,
            insurance::Stake,
            market::{Market, MarketConfig},
            permission::Action,
            reserve::Reserve,
            vault::{ExitRequest, TermDeposit, Ticket, Vault},
        },
        vaults::rebalance::Move,
    },
    entrusted_address, exit_address,
    instruction::{self, InstructionSpec},
    margin_address, market_address, share_mint, stake_address, term_address, to_engine, vault_address, vault_authority,
    vault_tokens,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Compares a fixture with the committed one, or writes it.
fn check(name: &str, fixture: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app/client/test/fixtures").join(name);
    let text = serde_json::to_string_pretty(fixture).expect("JSON") + "\n";
    if std::env::var_os("BALLAST_WRITE_FIXTURES").is_some() {
        fs::write(&path, &text).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{name} is out of date: see the head of this file");
}

fn key(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Bytes that are another at each of 251 places.
fn pattern(length: usize, start: usize) -> Vec<u8> {
    (start..start + length).map(|place| (place * 7 % 251) as u8).collect()
}

fn market_bytes(head: &[u8], reserves: &[&[u8]]) -> Vec<u8> {
    // A market has room for more reserves than it holds right after one is listed, and nothing is to be read of it.
    let room = [0; 100];
    [&Market::DISCRIMINATOR, head, &(reserves.len() as u64).to_le_bytes(), &reserves.concat(), &room].concat()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// A field's value as JSON: wide numbers as decimal, bytes as hexadecimal text.
fn value(field_type: &FieldType, bytes: &[u8]) -> Value {
    let wide = |signed: bool| {
        let negative = signed && bytes.last().is_some_and(|byte| byte >> 7 == 1);
        let filled: Vec<u8> = (0..16).map(|at| *bytes.get(at).unwrap_or(&if negative { 255 } else { 0 })).collect();
        let filled: [u8; 16] = filled.try_into().expect("16 bytes");
        if signed { i128::from_le_bytes(filled).to_string() } else { u128::from_le_bytes(filled).to_string() }
    };
    match field_type {
        FieldType::U8 | FieldType::U16 | FieldType::U32 => json!(wide(false).parse::<u32>().expect("fits")),
        FieldType::I16 | FieldType::I32 => json!(wide(true).parse::<i32>().expect("fits")),
        FieldType::U64 | FieldType::U128 => json!(wide(false)),
        FieldType::I64 => json!(wide(true)),
        FieldType::Address => json!(Address::try_from(bytes).expect("32 bytes").to_string()),
        FieldType::Array(FieldType::U8, _) => {
            json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        FieldType::Array(item, _) => bytes.chunks(item.size()).map(|chunk| value(item, chunk)).collect(),
        FieldType::Record(_, fields) => fields
            .iter()
            .map(|field| {
                let of_field = &bytes[field.offset..][..field.field_type.size()];
                (camel(field.name), value(&field.field_type, of_field))
            })
            .collect(),
    }
}

fn fields<T: Record>(bytes: &[u8]) -> Value {
    value(&T::TYPE, bytes)
}

#[test]
fn accounts() {
    let head = pattern(size_of::<Market>(), 0);
    let reserves = [1, 2].map(|start| pattern(size_of::<Reserve>(), start * 1_000));
    let mut market = fields::<Market>(&head);
    market["reserves"] = reserves.iter().map(|bytes| fields::<Reserve>(bytes)).collect();
    let market = json!({
        "data": base64(&market_bytes(&head, &[&reserves[0], &reserves[1]])),
        "fields": market,
    });
    fn plain<T: Record>(discriminator: [u8; 8], start: usize) -> Value {
        let bytes = pattern(size_of::<T>(), start);
        json!({ "data": base64(&[&discriminator, bytes.as_slice()].concat()), "fields": fields::<T>(&bytes) })
    }
    let all = json!({
        "market": market,
        "marginAccount": plain::<MarginAccount>(MarginAccount::DISCRIMINATOR, 5),
        "stake": plain::<Stake>(Stake::DISCRIMINATOR, 6),
        "change": plain::<Change>(Change::DISCRIMINATOR, 7),
        "vault": plain::<Vault>(Vault::DISCRIMINATOR, 8),
        "exitRequest": plain::<ExitRequest>(ExitRequest::DISCRIMINATOR, 9),
        "termDeposit": plain::<TermDeposit>(TermDeposit::DISCRIMINATOR, 10),
    });
    check("accounts.json", &all);
}

/// A market's account as the chain would hold it, with addresses.
fn named(world: &World) -> MarketView {
    named_as(world, 7)
}

/// The same with a number of its own among its creator's.
fn named_as(world: &World, id: u16) -> MarketView {
    let address = market_address(&key(1), id).0;
    let mut view = MarketView { address, market: world.market, reserves: world.reserves.clone() };
    let market = &mut view.market;
    (market.version, market.id, market.creator) = (LAYOUT_VERSION, id, to_engine(&key(1)));
    market.vault_authority = to_engine(&vault_authority(&address).0);
    market.config.roles.nominee = to_engine(&key(6));
    let reserves = view.reserves.iter_mut().filter(|record| record.is_reserve());
    for (index, reserve) in reserves.enumerate() {
        let mint = key(20 + index as u8);
        reserve.mint = to_engine(&mint);
        reserve.vault = to_engine(&vault_address(&address, &mint).0);
        reserve.token_program = to_engine(if index == 2 { &TOKEN_2022_PROGRAM } else { &TOKEN_PROGRAM });
        // One that is not pinned, and one of two feeds.
        let oracle = &mut reserve.config.oracle;
        oracle.feed_account = if index == 1 { Default::default() } else { to_engine(&key(30 + index as u8)) };
        if index == 3 {
            (oracle.base_feed_id, oracle.base_feed_account) = (to_engine(&key(40)), to_engine(&key(41)));
        }
    }
    view
}

fn view_bytes(view: &MarketView) -> Vec<u8> {
    let reserves: Vec<&[u8]> = view.reserves.iter().map(bytemuck::bytes_of).collect();
    market_bytes(bytemuck::bytes_of(&view.market), &reserves)
}

fn margin_bytes(view: &MarketView, owner: &Address, account: &MarginAccount) -> Vec<u8> {
    let (market, owner) = (to_engine(&view.address), to_engine(owner));
    let account = MarginAccount { version: LAYOUT_VERSION, market, owner, ..*account };
    [&MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(&account)].concat()
}

/// A vault of the market's first token, with an allocation there and a request of `owner` in its queue.
fn entrusted(view: &MarketView, owner: &Address) -> VaultView {
    let address = entrusted_address(&key(1), 7).0;
    let mut vault = Vault {
        version: LAYOUT_VERSION,
        id: 7,
        creator: to_engine(&key(1)),
        curator: to_engine(&key(6)),
        authority: to_engine(&vault_authority(&address).0),
        mint: view.reserves[0].mint,
        token_program: to_engine(&TOKEN_PROGRAM),
        share_mint: to_engine(&share_mint(&address).0),
        tokens: to_engine(&vault_tokens(&address).0),
        ..Vault::default()
    };
    (vault.config.idle_buffer.0, vault.config.allocations[2].market) = (501, to_engine(&view.address));
    (vault.allocations[2].is_open, vault.allocations[2].shares) = (1, Shares(77));
    vault.queue.tickets[3] =
        Ticket { request: to_engine(&exit_address(&address, owner).0), number: 1, shares: Shares(5) };
    VaultView::new(address, vault, [view.clone()])
}

/// Every instruction, as the builders of a market and of a vault make it.
fn every_instruction(view: &MarketView) -> ballast_client::engine::Result<Vec<Instruction>> {
    let (owner, payer, from, to) = (key(2), key(3), key(4), key(5));
    let account = view.margin_account(&owner, 1);
    let order = LiquidationOrder { debt: 0, collateral: 2, max_repay: 0x0102_0304_0506_0708, min_collateral: 9 };
    let change = Change { number: 11, payer: to_engine(&payer), ..Change::default() };
    let vault = entrusted(view, &owner);
    let token = (key(20), TOKEN_PROGRAM);
    let perp = PERPS[0];
    let payers = view.margin_account(&payer, 2);
    let trade = Order { perp, lots: -27, limit: 28, min_factor: Part(29), reduce_only: true };
    let (pulled, slots) = (Move { from: Some(2), amount: 1, ..Move::default() }, vault.all_slots());
    Ok(vec![
        MarketView::create(key(1), 7, MarketConfig { dust_value: 77, ..view.market.config }).0,
        view.list_reserve(payer, 11, to, key(50), TOKEN_PROGRAM),
        view.set_parameters(owner, 3, vec![8, 0, 5]),
        view.open_isolated_account(owner, payer, 1, 2, 0)?,
        view.close_account(owner, account, to),
        view.deposit(payer, account, from, 1, 1_000_000_007)?,
        view.withdraw(owner, account, to, 2, EVERYTHING)?,
        view.borrow(owner, account, to, 0, 50_000_001)?,
        view.repay(payer, account, from, 0, 3)?,
        view.refresh_prices(&view.pinned_prices())?,
        view.liquidate(payer, account, from, to, order)?,
        view.settle_bad_debt(account, 3)?,
        view.collect_fees(to, 1)?,
        view.read_health(account),
        view.accept_authority(),
        view.begin_liquidation(payer, account, to, order)?,
        view.end_liquidation(payer, account, from, 0)?,
        view.mark_liquidatable(account),
        view.begin_flash_loan(to, 2, 12)?,
        view.end_flash_loan(payer, from, 2)?,
        view.open_stake(owner, payer, 1)?,
        view.stake(payer, owner, from, 1, 13)?,
        view.begin_unstake(owner, 1, 14),
        view.unstake(owner, to, 1)?,
        view.close_stake(owner, to, 1),
        view.pause(&[Action::Withdraw, Action::Borrow]),
        view.resume(owner),
        view.refresh_reserve(3)?,
        view.queue_change(payer, 255, vec![1, 2, 3]),
        view.execute_change(owner, &change),
        view.cancel_change(owner, &change),
        view.close_reserve(to, 1)?,
        view.set_delegate(owner, account, key(9), 3, 1_800_000_000),
        view.assert_health(account, HealthReport::MAINTENANCE, 12_500),
        view.assert_sequence(owner, account, 15),
        view.report_loss(account),
        vault.open_allocation(2)?,
        vault.deposit(payer, from, to, 16, 17),
        vault.mint(payer, from, to, 18, 19),
        vault.redeem(owner, from, to, 20, 21, slots),
        vault.withdraw(owner, from, to, 22, 23, slots),
        vault.rebalance(&pulled, to)?,
        VaultView::create(key(1), 7, vault.vault.config, token, from).0,
        vault.request_exit(owner, payer, from, 24, 25),
        vault.serve_exit(slots)?,
        vault.cancel_exit(owner, from, to),
        vault.claim_exit(owner, from, to),
        vault.lock_term(owner, payer, 8, from, 26, 1_800_000_000),
        vault.free_term(vault.term(&owner, 8)),
        vault.end_term(owner, 8, from, true, to),
        vault.collect_fees(owner, to),
        vault.read(),
        view.list_perp(owner, &change),
        view.trade_perp(owner, account, &trade)?,
        view.settle_perp(account, perp)?,
        view.write_off_perp(account, perp)?,
        view.liquidate_perp(payer, payers, account, perp)?,
        view.cover_perp_loss(payer, payers, account, (perp, 2), 30)?,
        view.deleverage_perp(perp)?,
        view.resolve_perp(perp)?,
        view.pool_deposit(owner, account, POOL, 31)?,
        view.pool_request(owner, account, POOL, 32)?,
        view.pool_withdraw(owner, account, POOL)?,
        view.rest_perp_order(owner, account, &trade, 33)?,
        view.fill_perp_order(account, to, perp, &[key(51), key(52)])?,
        view.cancel_perp_order(owner, account, perp)?,
        view.read_pool(POOL)?,
        vault.pool_deposit(owner, 2, 34),
        vault.pool_request(owner, 2, 35),
        vault.pool_withdraw(owner, 2),
    ])
}

#[test]
fn instructions() {
    let view = named(&Scene::new(1, 1, 0, 0).world);
    let all = every_instruction(&view).expect("reserves that there are");
    let tags = all.iter().map(|one| one.data[0]);
    assert!(tags.eq(instruction::ALL.iter().map(|spec| spec.tag)), "every instruction, in order");
    let described: Vec<_> = all.iter().map(describe).collect();
    let VaultView { address: vault, vault: of_vault, .. } = entrusted(&view, &key(2));
    let of_vault = [&Vault::DISCRIMINATOR, bytemuck::bytes_of(&of_vault)].concat();
    let fixture = json!({
        "market": { "address": view.address.to_string(), "data": base64(&view_bytes(&view)) },
        "vault": { "address": vault.to_string(), "data": base64(&of_vault) },
        "instructions": described,
        "addresses": {
            "market": market_address(&key(1), 7).0.to_string(),
            "vaultAuthority": vault_authority(&view.address).0.to_string(),
            "liquidityVault": vault_address(&view.address, &key(20)).0.to_string(),
            "marginAccount": margin_address(&view.address, &key(2), 1).0.to_string(),
            "stake": stake_address(&view.address, &key(2), 1).0.to_string(),
            "change": change_address(&view.address, 11).0.to_string(),
            "vault": vault.to_string(),
            "authority": vault_authority(&vault).0.to_string(),
            "tokens": vault_tokens(&vault).0.to_string(),
            "shareMint": share_mint(&vault).0.to_string(),
            "request": exit_address(&vault, &key(2)).0.to_string(),
            "term": term_address(&vault, &key(2), 8).0.to_string(),
            "tokenAccount": associated_token_account(&key(2), &TOKEN_2022_PROGRAM, &key(22)).to_string(),
        },
    });
    check("instructions.json", &fixture);
}

fn associated_token_account(owner: &Address, token_program: &Address, mint: &Address) -> Address {
    const PROGRAM: Address = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
    Address::find_program_address(&[owner.as_ref(), token_program.as_ref(), mint.as_ref()], &PROGRAM).0
}

fn describe(instruction: &Instruction) -> Value {
    let spec = InstructionSpec::of_tag(instruction.data[0]).expect("an instruction");
    let accounts: Vec<_> = instruction
        .accounts
        .iter()
        .enumerate()
        .map(|(index, meta)| {
            let name = spec.accounts.get(index).map(|account| camel(account.name));
            let address = meta.pubkey.to_string();
            json!({ "name": name, "address": address, "signer": meta.is_signer, "writable": meta.is_writable })
        })
        .collect();
    json!({ "name": camel(spec.name), "accounts": accounts, "data": base64(&instruction.data) })
}

/// A lender of everything and an account of its own kind.
fn situations() -> Vec<(&'static str, World)> {
    let mut world = World::new(2);
    for reserve in 0..4 {
        world.deposit(0, reserve, world.atoms(reserve, 100_000 * 10_000));
    }
    let empty = world.clone();
    world.deposit(1, 1, world.atoms(1, 1_000 * 10_000));
    let lender = world.clone();
    world.deposit(1, 2, world.atoms(2, 200 * 10_000));
    world.borrow(1, 0, world.atoms(0, 500 * 10_000));
    world.borrow(1, 3, world.atoms(3, 100 * 10_000));
    world.now += 30;
    let healthy = world.clone();
    world.now += 601;
    let stale = world.clone();
    world.refresh_all();
    world.set_price(1, world.prices[1] / 2);
    world.now += 1;
    let unhealthy = world.clone();
    world.set_price(1, world.prices[1] / 4);
    world.refresh_all();
    world.act(1, |ledger, account| ledger.report_loss(account)).expect("it owes more than it has");
    let reported = world.clone();
    let mut restricted = World::restricted(2);
    for reserve in 0..4 {
        restricted.deposit(0, reserve, restricted.atoms(reserve, 100_000 * 10_000));
    }
    restricted.deposit(1, 1, restricted.atoms(1, 50_000 * 10_000));
    // What came in this very second is not lent out.
    restricted.now += 1;
    restricted.borrow(1, 0, restricted.atoms(0, 1_000 * 10_000));
    let mut scene = Scene::new(1, 2, 10_000_000, 100_000);
    scene.world.deposit(1, 1, scene.world.atoms(1, 1_000 * 10_000));
    scene.trade(1, PERPS[0], -300_000 * USD as i64).expect("margin enough");
    scene.pass(30);
    vec![
        ("empty", empty),
        ("lender", lender),
        ("healthy", healthy),
        ("stale prices", stale),
        ("liquidatable", unhealthy),
        ("a loss reported", reported),
        ("a short in a perp", scene.world),
        ("restricted", restricted),
    ]
}

/// What the engine says, or the error's code.
fn answer<T>(result: ballast_client::engine::Result<T>, value: impl FnOnce(T) -> Value) -> Value {
    result.map_or_else(|error| json!({ "error": error.code() }), value)
}

#[test]
fn answers_of_the_engine() {
    let all: Vec<_> = situations().iter().map(|(name, world)| situation(name, world)).collect();
    check("engine.json", &json!(all));
}

fn situation(name: &str, world: &World) -> Value {
    let (view, account, now) = (named(world), &world.accounts[1], world.now);
    let limit = |limit: ballast_client::Limit| json!({ "atoms": limit.atoms.to_string(), "refusal": limit.refusal.map(|error| error.code()) });
    let of_reserve = |reserve: u8| {
        json!({
            "maxBorrow": answer(view.max_borrow(account, reserve, now), limit),
            "maxWithdraw": answer(view.max_withdraw(account, reserve, now), limit),
            "liquidationPrice": answer(view.liquidation_price(account, reserve, now), |found| found.map_or(
                Value::Null,
                |at| json!({ "price": at.price.to_string(), "exponent": at.exponent, "isDeposit": at.is_deposit }),
            )),
            "rates": answer(view.rates(reserve), |rates| {
                json!({ "borrow": rates.borrow, "deposit": rates.deposit, "utilisation": rates.utilisation })
            }),
        })
    };
    let report = view.health_report(account, now).expect("known reserves");
    let order = LiquidationOrder { debt: 0, collateral: 1, max_repay: EVERYTHING, min_collateral: 1 };
    let positions: Vec<_> = account
        .positions()
        .iter()
        .map(|position| {
            let amount = view.amount(position, now).expect("a known reserve");
            json!({ "reserve": position.reserve, "isDebt": position.is_debt(), "amount": amount.to_string() })
        })
        .collect();
    assert!(account.positions().iter().all(|position| position.shares != Shares::ZERO));
    let owner = key(2);
    let address = view.margin_account(&owner, 0).to_string();
    json!({
        "name": name,
        "now": now,
        "market": { "address": view.address.to_string(), "data": base64(&view_bytes(&view)) },
        "account": { "address": address, "data": base64(&margin_bytes(&view, &owner, account)) },
        "health": {
            "initialCollateral": report.initial_collateral.get().to_string(),
            "initialDebt": report.initial_debt.get().to_string(),
            "maintenanceCollateral": report.maintenance_collateral.get().to_string(),
            "maintenanceDebt": report.maintenance_debt.get().to_string(),
            "equityCollateral": report.equity_collateral.get().to_string(),
            "equityDebt": report.equity_debt.get().to_string(),
        },
        "positions": positions,
        "reserves": (0..=view.reserves.len() as u8).map(of_reserve).collect::<Vec<_>>(),
        "pools": (0..view.reserves.len() as u8).filter_map(|pool| view.pool_report(pool, now).ok().map(|report| {
            (pool, report)
        })).map(|(pool, report)| json!({ "pool": pool, "report": pool_report(&report) })).collect::<Vec<_>>(),
        "liquidation": answer(view.preview_liquidation(account, order, now), |moved| json!({
            "repaid": moved.repaid.to_string(),
            "insurance": moved.insurance.to_string(),
            "seized": moved.seized.to_string(),
            "penaltyBps": moved.penalty.0,
        })),
    })
}

fn pool_report(report: &PoolReport) -> Value {
    let perps = report.greeks().iter().map(|greeks| {
        json!({
            "perp": greeks.perp,
            "price": greeks.price,
            "longs": greeks.longs.to_string(),
            "shorts": greeks.shorts.to_string(),
            "delta": greeks.delta.to_string(),
            "gamma": greeks.gamma.to_string(),
            "buffer": greeks.buffer.to_string(),
            "shock": greeks.shock.to_string(),
        })
    });
    json!({
        "cash": report.cash.to_string(),
        "claims": report.claims.to_string(),
        "low": report.low.to_string(),
        "buffer": report.buffer.to_string(),
        "entry": report.entry.to_string(),
        "exit": report.exit.to_string(),
        "shares": report.shares.0.to_string(),
        "profitFactor": report.profit_factor.0,
        "coverBps": if report.cover == u32::MAX { Value::Null } else { json!(report.cover) },
        "usedBps": report.used.0,
        "borrowRateBps": report.borrow_rate.0,
        "perps": perps.collect::<Vec<_>>(),
        "returned": base64(bytemuck::bytes_of(report)),
    })
}

#[test]
fn words_of_errors() {
    let words: Vec<_> = (0..10_000)
        .filter_map(|code| ProgramError::from_code(code).map(|error| (code, error)))
        .map(|(code, error)| json!({ "code": code, "name": error.name(), "words": describe_error(code) }))
        .collect();
    check("errors.json", &json!(words));
}
