//! Attacks on reserves that are wound down, and on what is closed. Each test is named after its class in SECURITY.md.

use ballast_client::{Address, Instruction, LiquidationOrder, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, from_engine};
use ballast_engine::{Error, ledger::EVERYTHING, number::units::Bps};
use ballast_tests::{Quote, Scene, Token, USD, reserve_config, with_account};
use solana_instruction::AccountMeta;

const DAY: i64 = 86_400;

/// The trader owes 5,000 usd with three times as much collateral. The term of the debt has come.
fn scene_with_due_debt() -> Scene {
    let mut scene = Scene::new();
    let (world, usd) = (&mut scene.world, scene.usd);
    let tiers = [Bps(500), Bps(1_000), Bps(2_000)];
    world.reconfigure(usd, |config| (config.breakers.tiers, config.breakers.halt_seconds) = (tiers, 600)).expect_ok();
    world.borrow(scene.trader, usd, 5_000 * USD).expect_ok();
    let term = world.now() + 8 * DAY;
    world.reconfigure(usd, |config| (config.reduce_only, config.repay_by) = (1, term as u32)).expect_ok();
    world.set_time(term);
    world.refresh_all();
    scene
}

/// What is delisted is thinly traded: who pumps it would have healthy borrowers' collateral for a half of what it cost them.
#[test]
fn liquidation_c29_a_due_debt_is_not_called_at_a_pumped_price() {
    let Scene { mut world, usd, sol, trader, .. } = scene_with_due_debt();
    let attacker = world.key("attacker");
    world.fund(&attacker, usd, 1_000_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 1_000 * USD, min_collateral: 1 };
    let mut calm = world.fork();
    calm.liquidate(attacker, trader.margin, order).expect_ok();
    // Spot at one and a half, the average where it was: tier 3.
    let one = Quote::dollars(1.0);
    let pumped = Quote { price: one.price / 2 * 3, ..one };
    let mut world_pumped = world.fork();
    world_pumped.refresh_all();
    world_pumped.set_price(usd, pumped).expect_ok();
    world_pumped.liquidate(attacker, trader.margin, order).expect_error(Error::ReserveHalted);
    let [begin, end] = world_pumped.receivership(attacker, trader.margin, order);
    world_pumped.send(&[begin, end]).expect_error(Error::ReserveHalted);
    // Without tiers on, the distance from the average is refused too, and so is a crash of the collateral.
    let tokens = Quote::dollars(150.0);
    world.set_price(sol, Quote { price: tokens.price / 10 * 8, ..tokens }).expect_ok();
    world.liquidate(attacker, trader.margin, order).expect_error(Error::PriceUnsettled);
    // Who is under water is liquidated at any price.
    world.set_price(sol, Quote { price: tokens.price / 10 * 3, ..tokens }).expect_ok();
    world.liquidate(attacker, trader.margin, order).expect_ok();
}

/// A token that comes back has the token account's address that it had. The closed reserve's index opens it for nothing.
#[test]
fn closing_c13_a_closed_reserve_reaches_nothing_in_the_vault_of_the_next() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    let collector = world.key("collector");
    let destination = world.fund(&collector, usd, 0);
    world.borrow(trader, usd, 100 * USD).expect_ok();
    world.fund(&trader.key, usd, 100 * USD);
    world.advance(DAY);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    world.reconfigure(usd, |config| config.reduce_only = 1).expect_ok();
    let mint = from_engine(&world.reserve(usd).mint);
    let collect = world.view().collect_fees(destination, usd).expect("listed");
    let close = world.view().close_reserve(destination, usd).expect("listed");
    world.send(std::slice::from_ref(&close)).expect_ok();
    world.send_listing(mint, TOKEN_PROGRAM, reserve_config()).expect_ok();
    let again = world.view().reserves.len() as u8 - 1;
    world.set_price(again, Quote::dollars(1.0)).expect_ok();
    assert_eq!(world.reserve(again).vault, world.reserve(usd).vault);
    world.supply(lender, again, 1_000 * USD);
    world.refresh(&[sol]).expect_ok();
    let held = world.vault_balance(again);
    // By the closed index, with the mint that it had, and with the absent one that it has now.
    let stake = world.key("staker");
    world.open_stake(stake, usd);
    let (view, source) = (world.view(), world.tokens(&lender.key, again));
    let calls = [
        close,
        collect,
        view.withdraw(lender.key, lender.margin, source, usd, USD).expect("an index"),
        view.borrow(trader.key, trader.margin, source, usd, USD).expect("an index"),
        view.begin_flash_loan(source, usd, USD).expect("an index"),
        view.deposit(lender.key, lender.margin, source, usd, 1).expect("an index"),
        view.unstake(stake, source, usd).expect("an index"),
    ];
    for call in calls {
        for mint in [mint, Address::default()] {
            let end = world.view().end_flash_loan(lender.key, source, usd).expect("an index");
            let call = with_account(call.clone(), "mint", mint);
            let outcome = world.send(&[call, with_account(end, "mint", mint)]);
            assert!(!outcome.is_ok(), "{}", outcome.describe());
        }
    }
    assert_eq!(world.vault_balance(again), held);
    world.withdraw(lender, again, EVERYTHING).expect_ok();
}

/// A reserve whose tokens are out for the length of the transaction is in use.
#[test]
fn flash_c19_a_reserve_is_not_closed_under_a_loan() {
    let Scene { mut world, usd, trader, lender, .. } = Scene::new();
    world.reconfigure(usd, |config| config.flash_enabled = 1).expect_ok();
    let collector = world.key("collector");
    let destination = world.fund(&collector, usd, 0);
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    world.fund(&trader.key, usd, 100 * USD);
    world.advance(30 * DAY);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    let cash = world.reserve(usd).cash;
    assert!(cash > 0, "fees that nobody has set aside");
    let [begin, end] = world.flash_loan(collector, usd, cash);
    let reduce = world.edits(usd, |config| config.reduce_only = 1).at_once;
    let reduce = world.view().set_parameters(world.authority, usd, reduce);
    let close = world.view().close_reserve(destination, usd).expect("listed");
    world.send(&[begin.clone(), reduce.clone(), close.clone(), end.clone()]).expect_error(Error::ReserveInUse);
    world.send(&[begin, reduce, end, close]).expect_ok();
}

/// A delegate's rights are of the account that it was named in, not of the address.
#[test]
fn closing_c13_a_delegate_does_not_survive_its_account() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    let delegate = world.key("delegate");
    let until = world.now() + DAY;
    let name = world.view().set_delegate(trader.key, trader.margin, delegate, 7, until);
    world.send(&[name]).expect_ok();
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    let close = world.view().close_account(trader.key, trader.margin, trader.key);
    let open = world.view().open_account(trader.key, world.payer, 0);
    world.send(&[close, open]).expect_ok();
    let tokens = world.tokens(&trader.key, sol);
    let deposit = world.view().deposit(trader.key, trader.margin, tokens, sol, 1_000_000).expect("listed");
    world.send(&[deposit]).expect_ok();
    let stolen = world.fund(&delegate, sol, 0);
    let take = world.view().withdraw(delegate, trader.margin, stolen, sol, 1_000).expect("listed");
    world.send(&[take]).expect_error(Error::NotAccountOwner);
}

/// What the token program withholds in a reserve's token account keeps it open. Anyone sends it on to the mint, whoever sent how much.
#[test]
fn token_2022_c21_withheld_fees_do_not_keep_a_reserve_from_closing() {
    let Scene { mut world, usd, lender, .. } = Scene::with_fee();
    let collector = world.key("collector");
    let destination = world.fund(&collector, usd, 0);
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    world.reconfigure(usd, |config| config.reduce_only = 1).expect_ok();
    let record = world.reserve(usd);
    let (vault, mint) = (from_engine(&record.vault), from_engine(&record.mint));
    let close = world.view().close_reserve(destination, usd).expect("listed");
    let harvest = Instruction {
        program_id: TOKEN_2022_PROGRAM,
        accounts: vec![AccountMeta::new(mint, false), AccountMeta::new(vault, false)],
        // TransferFeeExtension, HarvestWithheldTokensToMint.
        data: vec![26, 4],
    };
    let alone = world.send(std::slice::from_ref(&close));
    assert!(!alone.is_ok(), "it holds what deposits cost");
    world.send(&[harvest, close]).expect_ok();
    assert!(world.find_account(&vault).is_none());
}

/// Who repays what is due uses the windows of liquidations up, so that his own account is liquidated later.
#[test]
fn limits_c31_repayments_of_what_is_due_keep_no_liquidation_out() {
    let Scene { mut world, usd, sol, trader, lender } = scene_with_due_debt();
    let other = world.list(Token::new("other", 6, 1.0), reserve_config());
    world.supply(lender, other, 1_000_000 * USD);
    let attacker = world.user("attacker");
    world.supply(attacker, sol, 100_000_000_000);
    world.refresh_all();
    world.borrow(attacker, other, 10_500 * USD).expect_ok();
    world.reconfigure_market(|config| config.liquidation_hour = 2_000).expect_ok();
    // The average follows: 120 USD is a calm price by now, and too low for the attacker.
    world.set_price(sol, Quote::dollars(120.0)).expect_ok();
    world.refresh_all();
    let order = |debt: u8| LiquidationOrder { debt, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    for reserve in [usd, other] {
        world.fund(&lender.key, reserve, 100_000 * USD);
    }
    let mut called = 0;
    for _ in 0..20 {
        if let Some(ballast_client::Event::Liquidated(event)) =
            world.liquidate(lender.key, trader.margin, order(usd)).events.first()
        {
            called += event.repaid;
        }
    }
    assert!((700 * USD..=1_000 * USD).contains(&called), "{called}");
    let outcome = world.liquidate(lender.key, attacker.margin, order(other)).expect_ok();
    let ballast_client::Event::Liquidated(event) = outcome.expect_event() else { panic!("no liquidation") };
    assert!(event.repaid > 700 * USD, "{}", event.repaid);
}
