//! What traders, liquidators and owners of a pool do, and what it costs.

use ballast_client::instruction as ix;
use ballast_engine::{
    Error,
    state::{account::rights, perp::PerpConfig},
};
use ballast_tests::{PerpScene, SOL, USD, perp_config, pool_config};

/// A trader gains by a rise, a pool's owner loses it, and no token of the reserve moves.
#[test]
fn a_position_is_opened_and_closed() {
    let mut scene = PerpScene::new();
    let tokens = scene.world.vault_balance(scene.usd);
    let before = scene.world.deposit_shares(scene.trader, scene.usd);
    scene.trade(scene.trader, 20_000).expect_ok();
    scene.pass(120, 1_000);
    let event = scene.close(scene.trader, scene.perp).expect_event();
    assert!(format!("{event:?}").contains("PerpTraded"), "{event:?}");
    let gained = scene.world.deposit_shares(scene.trader, scene.usd) - before;
    assert!((1_950 * USD..2_000 * USD).contains(&gained), "{gained}");
    assert_eq!(scene.world.vault_balance(scene.usd), tokens);
    assert!(scene.world.margin(&scene.trader.margin).is_empty() || gained > 0);
    scene.world.assert_conserved();
}

/// A trade fits 500 bytes, signature included.
#[test]
fn a_trade_is_small() {
    let mut scene = PerpScene::new();
    let outcome = scene.trade(scene.trader, 20_000).expect_ok();
    assert!(outcome.transaction_bytes <= 500, "{}", outcome.transaction_bytes);
}

/// A delegate trades with that right and no other, and cannot withdraw with it.
#[test]
fn a_delegate_trades_with_the_right_to() {
    let mut scene = PerpScene::new();
    let delegate = scene.world.key("delegate");
    let until = scene.world.now() + 1_000;
    let user = ballast_tests::User { key: delegate, ..scene.trader };
    let grant = |scene: &mut PerpScene, rights| {
        let instruction = scene.view().set_delegate(scene.trader.key, scene.trader.margin, delegate, rights, until);
        scene.world.send(&[instruction]).expect_ok();
    };
    scene.trade(user, 1_000).expect_error(Error::NotAccountOwner);
    grant(&mut scene, rights::WITHDRAW | rights::BORROW | rights::ANY_DESTINATION);
    scene.trade(user, 1_000).expect_error(Error::DelegateRightMissing);
    grant(&mut scene, rights::TRADE);
    scene.trade(user, 1_000).expect_ok();
    let own = scene.world.fund(&delegate, scene.usd, 0);
    let withdraw = scene.view().withdraw(delegate, scene.trader.margin, own, scene.usd, USD).expect("a reserve");
    scene.world.send(&[withdraw]).expect_error(Error::DelegateRightMissing);
    scene.world.advance(1_001);
    scene.pass(1, 0);
    scene.trade(user, -500).expect_error(Error::DelegateExpired);
}

/// An account for one perp holds its margin and that perp, and nothing else.
#[test]
fn an_isolated_account_holds_one_perp() {
    let mut scene =
        PerpScene::with(&pool_config(), &[perp_config(), PerpConfig { max_side: 1_000 * USD, ..perp_config() }]);
    let key = scene.trader.key;
    scene.world.open_for_perp(key, 7, scene.sol, scene.perp).expect_error(Error::AccountModeInvalid);
    scene.world.open_for_perp(key, 7, scene.usd, scene.pool).expect_error(Error::NotPerp);
    scene.world.open_for_perp(key, 7, scene.usd, scene.perp).expect_ok();
    let user = ballast_tests::User { key, margin: scene.view().margin_account(&key, 7) };
    scene.world.supply(user, scene.usd, 1_000 * USD);
    scene.world.fund(&key, scene.sol, SOL);
    scene.world.deposit(user, scene.sol, SOL).expect_error(Error::IsolatedAccount);
    scene.pass(1, 0);
    scene.trade(user, 5_000).expect_ok();
    let lots = scene.lots(scene.perp + 1, 100);
    scene.trade_lots(user, scene.perp + 1, lots, false).expect_error(Error::IsolatedAccount);
    scene.world.borrow(user, scene.sol, SOL).expect_error(Error::IsolatedAccount);
    scene.provide(user, USD).expect_error(Error::PoolNeedsItsOwnAccount);
    scene.close(user, scene.perp).expect_ok();
    scene.provide(user, USD).expect_error(Error::IsolatedAccount);
    scene.world.withdraw(user, scene.usd, u64::MAX).expect_ok();
    scene.world.close(user).expect_ok();
}

/// An account that holds a position or a stake in a pool is not closed.
#[test]
fn an_account_with_a_position_is_not_closed() {
    let mut scene = PerpScene::new();
    scene.world.close(scene.owner).expect_error(Error::AccountNotEmpty);
}

/// A position below maintenance is closed by another, whose own account gets the reward; what is missing the pool bears, and no lender.
#[test]
fn a_position_is_liquidated() {
    let mut scene = PerpScene::new();
    scene.world.withdraw(scene.trader, scene.usd, 45_000 * USD).expect_ok();
    scene.trade(scene.trader, -30_000).expect_ok();
    scene.liquidate(scene.lender, scene.trader.margin, scene.perp).expect_error(Error::AccountIsHealthy);
    let index = scene.world.reserve(scene.usd).deposit_index;
    let before = scene.world.deposit_shares(scene.lender, scene.usd);
    scene.pass(120, 1_100);
    let outcome = scene.liquidate(scene.lender, scene.trader.margin, scene.perp).expect_ok();
    assert!(format!("{:?}", outcome.events).contains("PerpLiquidated"));
    assert!(scene.world.deposit_shares(scene.lender, scene.usd) > before);
    scene.pass(120, 5_000);
    while scene.world.margin(&scene.trader.margin).perp(scene.perp).is_some_and(|position| position.size != 0) {
        scene.liquidate(scene.lender, scene.trader.margin, scene.perp).expect_ok();
    }
    scene.write_off(scene.trader.margin, scene.perp).expect_ok();
    assert!(scene.world.margin(&scene.trader.margin).is_empty());
    assert_eq!(scene.world.reserve(scene.usd).deposit_index, index);
    scene.world.assert_conserved();
}

/// Trading and withdrawing in one transaction: what is left must be the margin, and the whole is undone.
#[test]
fn margin_cannot_leave_in_the_same_transaction() {
    let mut scene = PerpScene::new();
    let (trader, usd) = (scene.trader, scene.usd);
    let lots = scene.lots(scene.perp, 100_000);
    let trade = scene.order(trader, scene.perp, lots, false).instruction();
    let destination = scene.world.fund(&trader.key, usd, 0);
    let withdraw = scene.view().withdraw(trader.key, trader.margin, destination, usd, 40_000 * USD).expect("a reserve");
    scene.world.send(&[trade, withdraw]).expect_error(Error::InitialHealthTooLow);
}

/// A flash loan of the quote token gives no margin: while it is out, nobody deposits.
#[test]
fn a_flash_loan_is_no_margin() {
    let mut scene = PerpScene::new();
    scene.world.reconfigure(scene.usd, |config| config.flash_enabled = 1).expect_ok();
    scene.world.refresh_all();
    let poor = scene.world.user("poor");
    scene.world.fund(&poor.key, scene.usd, USD);
    let [begin, end] = scene.world.flash_loan(poor.key, scene.usd, 10_000 * USD);
    let source = scene.world.tokens(&poor.key, scene.usd);
    let deposit = scene.view().deposit(poor.key, poor.margin, source, scene.usd, 10_000 * USD).expect("a reserve");
    let trade = scene.order(poor, scene.perp, 1_000_000, false).instruction();
    scene.world.send(&[begin, deposit, trade, end]).expect_error(Error::FlashLoanOpen);
}

/// A perp or a pool is no reserve to any instruction that takes one.
#[test]
fn a_perp_is_no_reserve() {
    let mut scene = PerpScene::new();
    for record in [scene.pool, scene.perp] {
        // By hand: the client makes no such instructions.
        let (market, margin_account) = (scene.world.market, scene.trader.margin);
        let refresh = ix::RefreshReserve { market, reserve: record };
        scene.world.send_one(refresh).expect_error(Error::ReserveIndexOutOfRange);
        let settle = ix::SettleBadDebt { market, margin_account, reserve: record };
        scene.world.send_one(settle).expect_error(Error::PositionNotFound);
        let refresh = ix::RefreshPrices { market: scene.world.market, reserves: vec![record] };
        scene.world.send_one(refresh).expect_error(Error::ReserveIndexOutOfRange);
        // With the accounts that its zeros name.
        let nothing = ballast_client::SYSTEM_PROGRAM;
        let deposit = ix::Deposit {
            payer: scene.trader.key,
            market: scene.world.market,
            margin_account: scene.trader.margin,
            source: nothing,
            vault: nothing,
            mint: nothing,
            token_program: nothing,
            reserve: record,
            amount: 1,
        };
        let outcome = scene.world.send_one(deposit);
        assert!(!outcome.is_ok());
    }
}

/// An owner of the pool leaves after its delay, and gets what is not needed to bear open positions.
#[test]
fn an_owner_leaves_the_pool() {
    let mut scene = PerpScene::new();
    scene.trade(scene.trader, 100_000).expect_ok();
    scene.ask(scene.owner, 200_000 * USD).expect_ok();
    scene.leave(scene.owner).expect_error(Error::PoolSharesNotFree);
    scene.pass(3_600, 0);
    scene.leave(scene.owner).expect_ok();
    let left = scene.pool_record();
    // 15 % of 100,000 USD of skew, and a fifth on top.
    assert!((17_900 * USD..18_400 * USD).contains(&left.deposit.0), "{}", left.deposit.0);
    scene.leave(scene.owner).expect_error(Error::PoolNeedsItsCover);
    scene.close(scene.trader, scene.perp).expect_ok();
    scene.leave(scene.owner).expect_ok();
    assert_eq!(scene.pool_record().shares.0, 0);
    scene.world.assert_conserved();
}
