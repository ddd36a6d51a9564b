//! What instructions cost: measured in their worst case, compared exactly with `benchmarks/compute-units.json`, held
//! below ceilings. `BALLAST_UPDATE_BENCHMARKS=1 cargo test -p ballast-tests compute_units` rewrites the file.

mod perp_scenes;
mod report;
pub mod scenes;
mod vault_scenes;

use std::{collections::BTreeMap, sync::OnceLock};

use ballast_client::{Address, LiquidationOrder, MarketView, TOKEN_PROGRAM};
use ballast_engine::{
    health::report::HealthReport,
    state::{account::rights, permission::Action},
};
use ballast_tests::{MintSpec, Outcome, Quote, SOL, Scene, USD, User, World, market_config};
use report::Row;
use scenes::{Full, Last, RESERVES, TOKEN, long_quote, quote};
use vault_scenes::Entrusted;

/// Position counts of accounts with as many deposits as debts, and one with a single position.
const COUNTS: [u8; 5] = [1, 2, 4, 8, 16];

/// Measurements in the order of the file.
#[derive(Default)]
struct Measured(Vec<Row>);

impl Measured {
    #[track_caller]
    fn add(&mut self, operation: &str, positions: u8, outcome: Outcome) {
        let Outcome { compute_units, transaction_bytes, .. } = outcome.clone().expect_ok();
        assert_default_limits(&outcome);
        self.0.push(Row { operation: operation.into(), positions, compute_units, transaction_bytes });
    }
}

/// The more expensive of two transactions that do the same.
#[track_caller]
fn worse(one: Outcome, other: Outcome) -> Outcome {
    let (one, other) = (one.expect_ok(), other.expect_ok());
    if one.compute_units < other.compute_units { other } else { one }
}

/// Paying in to a reserve that nobody touched for long, or that tokens left lately, whichever is more expensive: an outflow
/// touches a reserve, so it cannot be both.
fn untouched_or_let_out(scene: Full, fresh: &[u8], reserve: u8, pay_in: impl Fn(Full) -> Outcome) -> Outcome {
    let (mut untouched, mut let_out) = (scene.fork(), scene);
    untouched.age(fresh);
    let_out.let_out(reserve);
    worse(pay_in(untouched), pay_in(let_out))
}

/// The transaction asked for no larger heap and no more compute units than instructions have anyway.
#[track_caller]
fn assert_default_limits(outcome: &Outcome) {
    let budget = outcome.logs.iter().find(|line| line.contains("ComputeBudget111111111111111111111111111111"));
    assert_eq!(budget, None, "{}", outcome.describe());
}

/// So many deposits and debts.
fn sides(positions: u8) -> (u8, u8) {
    (positions.div_ceil(2), positions / 2)
}

/// All measurements, made once for all tests.
fn measured() -> &'static [Row] {
    static MEASURED: OnceLock<Vec<Row>> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let mut measured = Measured::default();
        let full = Full::new();
        let fork = || full.fork();
        for positions in COUNTS {
            pay_in(&mut measured, fork, positions);
        }
        for positions in COUNTS {
            pay_out(&mut measured, fork, positions);
        }
        for positions in COUNTS {
            liquidation(&mut measured, fork, positions);
        }
        for positions in COUNTS {
            reading(&mut measured, fork, positions);
        }
        for debts in [1, 4, 8, 15] {
            let mut scene = fork();
            let owed = scene.debts_alone(debts);
            scene.age(&[]);
            let outcome = scene.world.fork().settle(scene.user.margin, owed[owed.len() - 1]);
            measured.add("settle_bad_debt", debts, outcome);
            if debts == 1 {
                let report = scene.world.report_loss(scene.user.margin);
                measured.add("report_loss", debts, report);
                // What a report costs those who leave; and below, a liquidator.
                let lender = scene.world.user("lender");
                let outcome = scene.world.withdraw(lender, owed[0], TOKEN + 1);
                measured.add("withdraw_reported", debts, outcome);
            }
        }
        let adaptive = Full::adaptive();
        let fork_adaptive = || adaptive.fork();
        for positions in [2, 16] {
            adapting(&mut measured, fork_adaptive, positions);
        }
        governance(&mut measured, fork());
        accounts(&mut measured, fork());
        transfer_fees(&mut measured);
        for markets in [1, 8] {
            vaults(&mut measured, &Entrusted::new(markets, RESERVES), markets as u8);
        }
        vault_scenes::pools(&mut measured);
        for (pool_of, perps, others) in [(1, 1, 0), (16, 1, 0), (16, 7, 1), (16, 4, 7)] {
            perp_scenes::measure(&mut measured, pool_of, perps, others);
        }
        measured.0
    })
}

fn pay_in(measured: &mut Measured, fork: impl Fn() -> Full, positions: u8) {
    let (deposits, debts) = sides(positions);
    let mut scene = fork();
    let (held, _) = scene.positions(deposits, debts, Last::Deposit);
    let reserve = held[held.len() - 1];
    // Beside a debt it needs a price.
    let fresh = if debts == 0 { &[] } else { std::slice::from_ref(&reserve) };
    scene.world.fund(&scene.user.key, reserve, 10 * TOKEN);
    let deposit = |mut scene: Full| scene.world.deposit(scene.user, reserve, TOKEN + 1);
    measured.add("deposit", positions, untouched_or_let_out(scene, fresh, reserve, deposit));

    let mut scene = fork();
    let owed = if positions == 1 { scene.debts_alone(1) } else { scene.positions(deposits, debts, Last::Debt).1 };
    let reserve = owed[owed.len() - 1];
    scene.world.fund(&scene.user.key, reserve, 10 * TOKEN);
    let repay = |mut scene: Full| scene.world.repay(scene.user, reserve, TOKEN + 1);
    measured.add("repay", positions, untouched_or_let_out(scene, &[], reserve, repay));
}

fn pay_out(measured: &mut Measured, fork: impl Fn() -> Full, positions: u8) {
    let (deposits, debts) = sides(positions);
    let mut scene = fork();
    let (held, owed) = scene.positions(deposits, debts, Last::Deposit);
    scene.age(&[held.as_slice(), &owed].concat());
    let outcome = scene.world.withdraw(scene.user, held[held.len() - 1], TOKEN + 1);
    measured.add("withdraw", positions, outcome);

    if positions == 2 {
        let mut scene = fork();
        let (held, owed) = scene.positions(deposits, debts, Last::Deposit);
        let (delegate, own) = delegated(&mut scene.world, scene.user, held[held.len() - 1]);
        scene.age(&[held.as_slice(), &owed].concat());
        let view = scene.world.view();
        let withdraw = view.withdraw(delegate, scene.user.margin, own, held[held.len() - 1], TOKEN + 1);
        let outcome = scene.world.send(&[withdraw.expect("a reserve")]);
        measured.add("withdraw_by_delegate", positions, outcome);
    }

    let mut scene = fork();
    let (held, _) = scene.positions(positions, 0, Last::Deposit);
    scene.age(&[]);
    let outcome = scene.world.withdraw(scene.user, held[held.len() - 1], TOKEN + 1);
    measured.add("withdraw_no_debt", positions, outcome);

    let mut scene = fork();
    let (held, mut owed) = scene.positions(deposits, debts, Last::Debt);
    if debts == 0 {
        owed.push(RESERVES - 1);
    }
    scene.age(&[held.as_slice(), &owed].concat());
    let outcome = scene.world.borrow(scene.user, owed[owed.len() - 1], TOKEN + 1);
    measured.add("borrow", positions, outcome);
}

fn liquidation(measured: &mut Measured, fork: impl Fn() -> Full, positions: u8) {
    if positions == 1 {
        return; // Takes a deposit and a debt.
    }
    let (deposits, debts) = sides(positions);
    let mut scene = fork();
    let (held, owed) = scene.positions(deposits, debts, Last::Debt);
    let (debt, collateral) = (owed[owed.len() - 1], held[0]);
    let liquidator = scene.liquidator();
    scene.world.fund(&liquidator, debt, 10 * TOKEN);
    let order = LiquidationOrder { debt, collateral, max_repay: TOKEN / 100 + 1, min_collateral: 1 };
    // The debt's price rises until the account is far under water; other prices may be stale.
    let liquidate = |fresh: &[u8]| {
        let mut scene = scene.fork();
        scene.age(fresh);
        scene.reprice(&[debt], quote(10_000.0));
        scene.world.liquidate(liquidator, scene.user.margin, order)
    };
    let outcome = worse(liquidate(&[collateral]), liquidate(&[held.as_slice(), &owed].concat()));
    measured.add("liquidate", positions, outcome);

    // Both halves in one transaction; the second alone is what is left.
    scene.age(&[held.as_slice(), &owed].concat());
    scene.reprice(&[debt], quote(10_000.0));
    let mark = scene.world.fork().mark_liquidatable(scene.user.margin);
    measured.add("mark_liquidatable", positions, mark);
    let mut reported = scene.fork();
    let report = reported.world.report_loss(scene.user.margin);
    measured.add("report_loss", positions, report);
    let outcome = reported.world.liquidate(liquidator, scene.user.margin, order);
    measured.add("liquidate_reported", positions, outcome);
    let receivership = scene.world.receivership(liquidator, scene.user.margin, order);
    let outcome = scene.world.send(&receivership);
    measured.add("receivership", positions, outcome);
}

fn reading(measured: &mut Measured, fork: impl Fn() -> Full, positions: u8) {
    let (deposits, debts) = sides(positions);
    let mut scene = fork();
    let (held, owed) = scene.positions(deposits, debts, Last::Debt);
    let read = |fresh: &[u8]| {
        let mut scene = scene.fork();
        scene.age(fresh);
        scene.world.read_health(scene.user.margin)
    };
    let outcome = worse(read(&[]), read(&[held.as_slice(), &owed].concat()));
    measured.add("read_health", positions, outcome);

    let mut fresh = scene.fork();
    fresh.age(&[held.as_slice(), &owed].concat());
    let assert = fresh.world.view().assert_health(fresh.user.margin, HealthReport::MAINTENANCE, 10_000);
    let outcome = fresh.world.send(&[assert]);
    measured.add("assert_health", positions, outcome);

    let mut scene = fork();
    scene.age(&[]);
    let reserves: Vec<u8> = (RESERVES - positions..RESERVES).collect();
    // The exponent of a feed stays; a minute later volatility is sampled again.
    let quote = long_quote();
    for _ in 0..2 {
        scene.world.advance(61);
        scene.reprice(&reserves, quote);
    }
    // The first samples, the second ramps.
    let mut refresh = |seconds, price| {
        scene.world.advance(seconds);
        for reserve in &reserves {
            scene.world.publish(*reserve, Quote { price, ..quote });
        }
        scene.world.refresh(&reserves)
    };
    let outcome = worse(refresh(61, quote.price + quote.price / 64), refresh(59, quote.price + quote.price / 32));
    measured.add("refresh_prices", positions, outcome);
}

/// What the rules that adapt add, all past their bounds: and then value at risk.
fn adapting(measured: &mut Measured, fork: impl Fn() -> Full, positions: u8) {
    let mut rows = Measured::default();
    pay_in(&mut rows, &fork, positions);
    pay_out(&mut rows, &fork, positions);
    liquidation(&mut rows, &fork, positions);
    reading(&mut rows, &fork, positions);
    for row in &mut rows.0 {
        row.operation += "_adaptive";
    }
    measured.0.extend(rows.0);

    let (deposits, debts) = sides(positions);
    let mut scene = fork();
    let (held, owed) = scene.positions(deposits, debts, Last::Debt);
    scene.ask_for_value_at_risk();
    scene.age(&[held.as_slice(), &owed].concat());
    let outcome = scene.world.borrow(scene.user, owed[owed.len() - 1], TOKEN + 1);
    measured.add("borrow_value_at_risk", positions, outcome);
}

fn governance(measured: &mut Measured, mut scene: Full) {
    scene.age(&[]);
    let world = &mut scene.world;
    let outcome = world.fork().collect_fees(RESERVES - 1);
    measured.add("collect_fees", 0, outcome);
    let outcome = world.fork().refresh_reserve(RESERVES - 1);
    measured.add("refresh_reserve", 0, outcome);
    insurance(measured, &mut world.fork());
    let outcome = world.reconfigure(RESERVES - 1, |config| config.deposit_cap = 1);
    measured.add("set_parameters", 0, outcome);

    let (instruction, _) = MarketView::create(world.authority, 1, market_config());
    let outcome = world.send(&[instruction]);
    measured.add("create_market", 0, outcome);

    // The 64th reserve is compared with the most that are there.
    let mut world = World::new();
    for index in 0..RESERVES - 1 {
        let mint = world.mint(&format!("token {index}"), &MintSpec::spl(9));
        world.send_listing(mint, ballast_client::TOKEN_PROGRAM, ballast_tests::reserve_config()).expect_ok();
    }
    let mint = world.mint("token 63", &MintSpec::spl(9));
    let outcome = world.send_listing(mint, ballast_client::TOKEN_PROGRAM, ballast_tests::reserve_config());
    measured.add("queue_and_list_reserve", 0, outcome);
}

/// A stake from the beginning to the end, flash loans, pauses.
fn insurance(measured: &mut Measured, world: &mut World) {
    let (reserve, staker) = (RESERVES - 1, world.key("staker"));
    world.fund(&staker, reserve, 10 * TOKEN);
    let open = world.view().open_stake(staker, world.payer, reserve).expect("a reserve");
    let outcome = world.send(&[open]);
    measured.add("open_stake", 0, outcome);
    let outcome = world.stake(staker, reserve, TOKEN);
    measured.add("stake", 0, outcome);
    let outcome = world.begin_unstake(staker, reserve, TOKEN / 64);
    measured.add("begin_unstake", 0, outcome);
    world.advance(864_000);
    let outcome = world.unstake(staker, reserve);
    measured.add("unstake", 0, outcome);
    world.fund(&staker, 0, TOKEN);
    let loan = world.flash_loan(staker, 0, TOKEN);
    let outcome = world.send(&loan);
    measured.add("flash_loan", 0, outcome);
    let outcome = world.pause(&[Action::Borrow]);
    measured.add("pause", 0, outcome);
    let outcome = world.resume(world.authority);
    measured.add("resume", 0, outcome);
}

/// A delegate who may withdraw to the user's token account of a reserve, which comes with it.
fn delegated(world: &mut World, user: User, reserve: u8) -> (Address, Address) {
    let (delegate, own) = (world.key("delegate"), world.fund(&user.key, reserve, 0));
    let instruction = world.view().set_delegate(user.key, user.margin, delegate, rights::WITHDRAW, i64::MAX);
    world.send(&[instruction]).expect_ok();
    (delegate, own)
}

fn accounts(measured: &mut Measured, mut scene: Full) {
    let world = &mut scene.world;
    let owner = world.key("owner");
    let outcome = world.send(&[world.view().open_account(owner, world.payer, 0)]);
    measured.add("open_account", 0, outcome);
    let (user, delegate) = (scene.user, world.key("delegate"));
    let view = world.view();
    let outcome = world.send(&[view.set_delegate(user.key, user.margin, delegate, rights::WITHDRAW, i64::MAX)]);
    measured.add("set_delegate", 0, outcome);
    let outcome = world.send(&[view.assert_sequence(delegate, user.margin, 0)]);
    measured.add("assert_sequence", 0, outcome);
    let outcome = world.close(user);
    measured.add("close_account", 0, outcome);
}

/// Tokens of Token-2022, and such that cost a fee: what comes in is computed from the mint's bytes, and seen to come.
fn transfer_fees(measured: &mut Measured) {
    let Scene { mut world, usd, lender, .. } = Scene::token_2022();
    world.fund(&lender.key, usd, 1_000 * USD);
    let outcome = world.deposit(lender, usd, 100 * USD + 1);
    measured.add("deposit_token_2022", 1, outcome);
    let Scene { mut world, usd, sol, lender, trader } = Scene::with_fee();
    world.fund(&lender.key, usd, 1_000 * USD);
    let outcome = world.deposit(lender, usd, 100 * USD + 1);
    measured.add("deposit_transfer_fee", 1, outcome);
    let outcome = world.withdraw(lender, usd, 100 * USD + 1);
    measured.add("withdraw_transfer_fee", 1, outcome);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(115.0)).expect_ok();
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD + 1, min_collateral: SOL / 10 };
    let outcome = world.liquidate(lender.key, trader.margin, order);
    measured.add("liquidate_transfer_fee", 2, outcome);
}

/// What is done with a vault of so many open allocations.
fn vaults(measured: &mut Measured, entrusted: &Entrusted, allocations: u8) {
    let holder = entrusted.holder;
    let Entrusted { mut scene, .. } = entrusted.fork();
    let (tokens, shares) = (scene.fund(&holder, 0), scene.shares(&holder));
    let deposit = scene.view().deposit(holder, tokens, shares, 1_000 * USD + 1, 0);
    measured.add("vault_deposit", allocations, scene.world.fork().send(&[deposit]));
    let redeem = scene.redemption(holder, 1_000 * USD + 1, 0);
    measured.add("vault_redeem", allocations, scene.world.fork().send(&[redeem]));
    let request = scene.view().request_exit(holder, holder, shares, 5_000 * USD + 1, 1);
    measured.add("request_exit", allocations, scene.world.fork().send(&[request]));
    let serve = scene.view().serve_exit(0).expect("somebody waits");
    measured.add("serve_exit", allocations, scene.world.fork().send(&[serve]));
    let read = scene.view().read();
    measured.add("read_vault", allocations, scene.world.fork().send(&[read]));

    let mut lent = entrusted.fork();
    assert_eq!(lent.scene.next_move().expect("a move").from, None);
    measured.add("rebalance_vault_lend", allocations, lent.scene.rebalance(&holder));
    if allocations < 3 {
        return;
    }
    let mut paid = entrusted.fork();
    let (from, count) = paid.three_payers();
    let redeem = paid.scene.redemption(holder, count, from);
    let outcome = paid.scene.world.send(&[redeem]);
    let calls = outcome.logs.iter().filter(|line| line.starts_with(&format!("Program {TOKEN_PROGRAM} invoke")));
    assert_eq!(calls.count(), 5, "shares burned, and four transfers: {}", outcome.describe());
    measured.add("vault_redeem_three_markets", allocations, outcome);

    let mut moved = entrusted.fork();
    moved.lend(12);
    moved.unbalance();
    let found = moved.scene.next_move().expect("a move");
    assert!(found.from.is_some() && found.to.is_some(), "{found:?}");
    measured.add("rebalance_vault_move", allocations, moved.scene.rebalance(&holder));
}

#[test]
fn compute_units_are_the_committed_ones() {
    let measured = measured();
    if std::env::var_os("BALLAST_UPDATE_BENCHMARKS").is_some() {
        report::write(measured);
        return;
    }
    let differences = report::differences(&report::read(), measured);
    assert!(
        differences.is_empty(),
        "benchmarks/compute-units.json differs from what the program at hand costs:\n{differences}\n\
         If that is meant: BALLAST_UPDATE_BENCHMARKS=1 cargo test -p ballast-tests compute_units"
    );
}

/// Operations that are still above their ceilings, and what they may cost until they are below: to be taken out one by one.
const ABOVE: [(&str, u8, u64); 15] = [
    ("read_health_adaptive", 16, 8_031),
    ("liquidate_adaptive", 2, 7_014),
    ("vault_redeem", 8, 9_946),
    ("rebalance_vault_lend", 8, 21_379),
    ("rebalance_vault_move", 8, 23_198),
    ("trade_perp_grow_1_of_1", 3, 8_931),
    ("trade_perp_turn_1_of_1", 3, 11_571),
    ("trade_perp_grow_7_of_16", 16, 42_623),
    ("trade_perp_grow_4_of_16", 16, 39_473),
    ("trade_perp_turn_7_of_16", 16, 45_431),
    ("trade_perp_turn_4_of_16", 16, 42_242),
    ("settle_perp_7_of_16", 16, 29_333),
    ("settle_perp_4_of_16", 16, 29_378),
    ("liquidate_perp_7_of_16", 16, 82_444),
    ("liquidate_perp_4_of_16", 16, 67_453),
];

/// A vault reads one reserve of each market: how many others there are makes no difference.
#[test]
fn a_market_of_64_reserves_costs_a_vault_no_more() {
    let measured = |reserves| {
        let mut measured = Measured::default();
        vaults(&mut measured, &Entrusted::new(3, reserves), 3);
        measured.0
    };
    let (small, large) = (measured(2), measured(RESERVES));
    assert_eq!(report::differences(&small, &large), "");
}

#[test]
fn no_operation_exceeds_its_ceiling() {
    let rows: BTreeMap<_, _> = measured().iter().map(|row| ((row.operation.as_str(), row.positions), row)).collect();
    assert_eq!(rows.len(), measured().len(), "two rows of one name: only one of them would be held");
    let units = |operation, positions| rows[&(operation, positions)].compute_units;
    let ceilings = [
        ("deposit", 2, 3_000),
        ("repay", 2, 3_000),
        ("withdraw_no_debt", 2, 3_000),
        ("borrow", 2, 4_500),
        ("borrow", 16, 12_000),
        ("withdraw", 16, 12_000),
        ("read_health", 16, 8_000),
        ("liquidate", 2, 7_000),
        ("liquidate", 16, 18_000),
        ("receivership", 16, 26_000),
        ("refresh_prices", 1, 1_800),
        ("refresh_prices", 2, 1_800 + 1_000),
        ("refresh_prices", 4, 1_800 + 3 * 1_000),
        ("refresh_prices", 8, 1_800 + 7 * 1_000),
        ("refresh_prices", 16, 1_800 + 15 * 1_000),
        ("vault_deposit", 8, 9_000),
        ("vault_redeem", 8, 9_000),
        ("vault_redeem_three_markets", 8, 20_000),
        ("rebalance_vault_lend", 8, 14_000),
        ("rebalance_vault_move", 8, 14_000),
        ("trade_perp_grow_1_of_1", 3, 6_500),
        ("trade_perp_turn_1_of_1", 3, 6_500),
        ("trade_perp_grow_7_of_16", 16, 14_000),
        ("trade_perp_grow_4_of_16", 16, 14_000),
        ("trade_perp_turn_7_of_16", 16, 14_000),
        ("trade_perp_turn_4_of_16", 16, 14_000),
        ("settle_perp_7_of_16", 16, 12_000),
        ("settle_perp_4_of_16", 16, 12_000),
        ("liquidate_perp_7_of_16", 16, 18_000),
        ("liquidate_perp_4_of_16", 16, 18_000),
    ];
    // With every breaker at work, and then with every rule that adapts past its bound.
    for (operation, positions, ceiling) in ceilings {
        for name in [operation.to_string(), format!("{operation}_adaptive")] {
            let Some(row) = rows.get(&(name.as_str(), positions)) else { continue };
            let above = ABOVE.iter().find(|(above, of, _)| *above == name && *of == positions);
            let most = above.map_or(ceiling, |(.., figure)| *figure);
            assert!(row.compute_units <= most, "{row:?}, ceiling {ceiling}");
            assert!(
                above.is_none() || row.compute_units > ceiling,
                "{row:?} is below its ceiling: take it out of the list"
            );
        }
    }
    assert!(rows[&("borrow", 16)].transaction_bytes <= 450);
    assert!(rows[&("trade_perp_grow_7_of_16", 16)].transaction_bytes <= 500);
    let at_risk = units("borrow_value_at_risk", 16) - units("borrow_adaptive", 16);
    assert!(at_risk <= 6_000, "value at risk at 16 positions: {at_risk}");
}

#[test]
fn the_readme_quotes_the_committed_figures() {
    let readme = std::fs::read_to_string(report::root().join("README.md")).expect("README.md");
    let rows: BTreeMap<_, _> =
        report::read().into_iter().map(|row| ((row.operation.clone(), row.positions), row.compute_units)).collect();
    let units = |operation: &str, positions| {
        let digits = rows[&(operation.to_string(), positions)].to_string();
        let (thousands, rest) = digits.split_at(digits.len() - 3);
        format!("{thousands},{rest}")
    };
    let quoted = [
        ("deposit, 1 + 1 positions", units("deposit", 2)),
        ("repay, 1 + 1", units("repay", 2)),
        ("withdraw, no debt", units("withdraw_no_debt", 2)),
        ("borrow, 1 + 1", units("borrow", 2)),
        ("borrow, all positions (ours 8 + 8)", units("borrow", 16)),
        ("withdraw, all positions", units("withdraw", 16)),
        ("health check alone, all positions", units("read_health", 16)),
        ("liquidate, 1 + 1", units("liquidate", 2)),
        ("liquidate, all positions", units("liquidate", 16)),
        ("receivership, all positions", units("receivership", 16)),
        (
            "vault deposit / redeem from idle, 8 allocations",
            format!("{} / {}", units("vault_deposit", 8), units("vault_redeem", 8)),
        ),
        ("vault redeem through three markets, 8 allocations", units("vault_redeem_three_markets", 8)),
        (
            "vault rebalance, 8 allocations, from idle / between markets",
            format!("{} / {}", units("rebalance_vault_lend", 8), units("rebalance_vault_move", 8)),
        ),
        (
            "perp trade that grows / turns, 1 perp + 1 deposit, pool of one perp",
            format!("{} / {}", units("trade_perp_grow_1_of_1", 3), units("trade_perp_turn_1_of_1", 3)),
        ),
        (
            "perp trade that grows / turns, 7 perps + 2 deposits, pool of 16 perps",
            format!("{} / {}", units("trade_perp_grow_7_of_16", 16), units("trade_perp_turn_7_of_16", 16)),
        ),
        (
            "perp settle / liquidate, the same account and pool",
            format!("{} / {}", units("settle_perp_7_of_16", 16), units("liquidate_perp_7_of_16", 16)),
        ),
        ("refresh one price / 16 prices", format!("{} / {}", units("refresh_prices", 1), units("refresh_prices", 16))),
    ];
    for (label, figure) in quoted {
        let line = format!("| {label} | {figure} |");
        assert!(readme.contains(&line), "README.md does not say `{line}`");
    }
}

#[test]
fn program_and_margin_account_stay_small() {
    let program = std::fs::metadata(ballast_tests::program_path()).expect("built").len();
    // The aim with vaults and perps is 448 KiB.
    assert!(program <= 704 * 1_024, "{program} bytes");
    let mut world = World::new();
    let user = world.user("user");
    let account = world.account(&user.margin).data.len();
    assert!(account <= 640, "{account} bytes");
}
