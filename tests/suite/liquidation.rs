//! Liquidation: just enough debt repaid, for collateral at a penalty.

use ballast_client::{Address, Event, Liquidated, LiquidationOrder};
use ballast_engine::{
    Error,
    number::units::{Bps, Usd},
    state::interest::RateCurve,
};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, World, reserve_config};
use solana_transaction::InstructionError;

/// A trader who owes 10,000 usd against 100 sol, and a liquidator with usd.
struct LiquidationScene {
    scene: Scene,
    liquidator: Address,
}

impl LiquidationScene {
    fn new() -> Self {
        Self::of(Scene::new())
    }

    fn of(mut scene: Scene) -> Self {
        let liquidator = scene.world.key("liquidator");
        scene.world.fund(&liquidator, scene.usd, 1_000_000 * USD);
        scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
        Self { scene, liquidator }
    }

    /// The line is at 123.53: 10,500 of 85 % of 100.
    #[track_caller]
    fn sol_at(&mut self, dollars: f64) {
        self.scene.world.set_price(self.scene.sol, Quote::dollars(dollars)).expect_ok();
    }

    fn order(&self, max_repay: u64, min_collateral: u64) -> LiquidationOrder {
        LiquidationOrder { debt: self.scene.usd, collateral: self.scene.sol, max_repay, min_collateral }
    }

    #[track_caller]
    fn liquidate(&mut self, max_repay: u64) -> Outcome {
        let order = self.order(max_repay, 0);
        self.scene.world.liquidate(self.liquidator, self.scene.trader.margin, order)
    }

    /// Maintenance collateral ÷ maintenance debt.
    fn maintenance(&mut self) -> f64 {
        let report = self.scene.world.health(self.scene.trader.margin);
        report.maintenance_collateral.get() as f64 / report.maintenance_debt.get() as f64
    }
}

#[track_caller]
fn liquidated(outcome: Outcome) -> Liquidated {
    match outcome.expect_event() {
        Event::Liquidated(event) => event,
        other => panic!("another event: {other:?}"),
    }
}

#[track_caller]
fn assert_near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-5, "{value} instead of {expected}");
}

#[test]
fn a_liquidation_moves_tokens_and_books_and_logs_it() {
    for scene in Scene::both() {
        let mut scene = LiquidationScene::of(scene);
        scene.sol_at(120.0);
        let event = liquidated(scene.liquidate(2_000 * USD));
        let LiquidationScene { scene: Scene { world, usd, sol, trader, .. }, liquidator } = scene;
        assert_eq!((event.repaid, event.debt_shares), (2_000 * USD, 2_000 * USD - 1), "a second of interest");
        assert_eq!(event.penalty, 499, "300 bps at the line and 700 more at a tenth short: 285 bps are missing");
        assert_near(event.seized as f64 / SOL as f64, 2_000.0 * 1.0499 / 120.0);
        assert_eq!(event.collateral_shares, event.seized);
        assert_eq!((event.debt_reserve, event.collateral_reserve), (usd, sol));
        assert_eq!((event.account, event.liquidator), (trader.margin, liquidator));
        assert_eq!(event.number, world.view().market.events);
        assert_eq!(world.balance(&liquidator, usd), 998_000 * USD);
        assert_eq!(world.balance(&liquidator, sol), event.seized);
        assert_eq!(world.debt_shares(trader, usd), 10_000 * USD - event.debt_shares);
        assert_eq!(world.deposit_shares(trader, sol), 100 * SOL - event.collateral_shares);
        assert_eq!(world.vault_balance(usd), 992_000 * USD);
        assert_eq!(world.vault_balance(sol), 100 * SOL - event.seized);
        assert_eq!((world.reserve(usd).cash, world.reserve(sol).cash), (992_000 * USD, 100 * SOL - event.seized));
        world.assert_conserved();
    }
}

#[test]
fn only_as_much_is_repaid_as_returns_the_account_to_the_target() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(120.0);
    let event = liquidated(scene.liquidate(u64::MAX));
    // (105 % of the debt's 10,500 − 10,200) ÷ (105 % × 105 % − 85 % × 1.0499)
    assert_near(event.repaid as f64 / USD as f64, 825.0 / (1.1025 - 0.85 * 1.0499));
    assert_near(scene.maintenance(), 1.05);
    scene.liquidate(u64::MAX).expect_error(Error::AccountIsHealthy);
    scene.scene.world.assert_conserved();
}

#[test]
fn the_maintenance_line_is_where_collateral_covers_debt() {
    let mut scene = LiquidationScene::new();
    scene.liquidate(USD).expect_error(Error::AccountIsHealthy);
    scene.sol_at(123.53);
    scene.liquidate(USD).expect_error(Error::AccountIsHealthy);
    scene.sol_at(123.52);
    let event = liquidated(scene.liquidate(100 * USD));
    assert_eq!(event.penalty, 300, "the minimum at the line");
}

#[test]
fn interest_alone_makes_an_account_liquidatable() {
    let mut scene = LiquidationScene::new();
    let usd = scene.scene.usd;
    let curve = RateCurve::new(&[(0, 5_000), (10_000, 5_000)]).expect("two points");
    scene.scene.world.reconfigure(usd, |config| config.curve = curve).expect_ok();
    scene.scene.world.advance(365 * 86_400);
    scene.scene.world.refresh_all();
    let debt = scene.scene.world.health(scene.scene.trader.margin).equity_debt.get();
    assert_near(Usd(debt).to_f64(), 10_000.0 * 0.5f64.exp());
    liquidated(scene.liquidate(u64::MAX));
    scene.scene.world.assert_conserved();
}

#[test]
fn the_penalty_grows_to_its_maximum_and_never_takes_more_than_the_equity() {
    for (dollars, penalty) in [
        (120.0, 499),   // 2.857 % short
        (115.0, 782),   // 6.904 %
        (111.0, 1_000), // 10.14 %: equity of 1,100 pays for it
        (106.0, 600),   // 14 %: the equity is 600
        (103.0, 300),   // the equity is 300
        (101.0, 300),   // never less than the minimum
        (90.0, 300),    // insolvent
    ] {
        let mut scene = LiquidationScene::new();
        scene.sol_at(dollars);
        let event = liquidated(scene.liquidate(100 * USD));
        assert!(event.penalty.abs_diff(penalty) <= 1, "at {dollars}: {} instead of {penalty}", event.penalty);
        assert_near(event.seized as f64 / SOL as f64, 100.0 * (1.0 + event.penalty as f64 / 1e4) / dollars);
    }
}

#[test]
fn a_liquidation_improves_health_at_every_depth() {
    for dollars in [123.0, 118.0, 112.0, 108.0] {
        let mut scene = LiquidationScene::new();
        scene.sol_at(dollars);
        let before = scene.maintenance();
        liquidated(scene.liquidate(500 * USD));
        assert!(scene.maintenance() > before, "at {dollars}");
    }
}

#[test]
fn no_less_collateral_is_paid_than_asked_for() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(120.0);
    let (liquidator, margin) = (scene.liquidator, scene.scene.trader.margin);
    let order = scene.order(2_000 * USD, 0);
    let event = liquidated(scene.scene.world.fork().liquidate(liquidator, margin, order));
    let order = scene.order(2_000 * USD, event.seized + 1);
    scene.scene.world.liquidate(liquidator, margin, order).expect_error(Error::CollateralBelowMinimum);
    let order = scene.order(2_000 * USD, event.seized);
    scene.scene.world.liquidate(liquidator, margin, order).expect_ok();
}

#[test]
fn collateral_that_is_too_little_is_taken_whole_for_its_worth() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(50.0);
    let event = liquidated(scene.liquidate(u64::MAX));
    assert_eq!(event.seized, 100 * SOL);
    assert_near(event.repaid as f64 / USD as f64, 5_000.0 / 1.03);
    let Scene { world, trader, usd, sol, .. } = scene.scene;
    assert_eq!(world.deposit_shares(trader, sol), 0);
    assert!(world.debt_shares(trader, usd) > 0);
    world.assert_conserved();
}

#[test]
fn the_last_atom_of_collateral_can_be_seized() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let third = world.list(Token::new("cheap", 9, 0.001), reserve_config());
    world.supply(trader, third, 1);
    world.refresh_all();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(300 * 86_400); // A debt share is worth more than an atom.
    world.refresh_all();
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000_000 * USD);
    let order = |collateral, max_repay| LiquidationOrder { debt: usd, collateral, max_repay, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order(sol, u64::MAX)).expect_ok();
    world.liquidate(liquidator, trader.margin, order(third, 1)).expect_error(Error::AmountTooSmall);
    let event = liquidated(world.liquidate(liquidator, trader.margin, order(third, u64::MAX)));
    assert_eq!((event.seized, event.repaid, event.debt_shares), (1, 2, 1));
    world.settle(trader.margin, usd).expect_ok();
    assert_eq!(world.margin(&trader.margin).positions(), []);
    world.assert_conserved();
}

#[test]
fn no_liquidation_leaves_dust() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let small = world.user("small");
    world.supply(small, sol, SOL / 10);
    world.refresh_all();
    world.borrow(small, usd, 10_500_000).expect_ok();
    // 11.60 USD of collateral: all of the debt may be repaid, because less than a dollar would be left of it.
    world.set_price(sol, Quote::dollars(116.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100 * USD);
    let order = |max_repay| LiquidationOrder { debt: usd, collateral: sol, max_repay, min_collateral: 0 };
    world.liquidate(liquidator, small.margin, order(10 * USD)).expect_error(Error::LiquidationLeavesDust);
    world.fork().liquidate(liquidator, small.margin, order(5 * USD)).expect_ok();
    world.liquidate(liquidator, small.margin, order(u64::MAX)).expect_ok();
    assert_eq!(world.debt_shares(small, usd), 0);
    world.assert_conserved();
}

#[test]
fn a_liquidation_whose_rounding_worsens_health_is_refused() {
    // Debt in a token whose atom is worth 25 USD, at an index of almost two: three atoms repay one share.
    let Scene { mut world, sol, lender, trader, .. } = Scene::new();
    let mut config = reserve_config();
    config.curve = RateCurve::new(&[(0, 99_999), (10_000, 100_000)]).expect("two points");
    let coarse = world.list(Token::new("coarse", 0, 25.0), config);
    world.supply(lender, coarse, 1_000);
    world.refresh_all();
    world.borrow(trader, coarse, 200).expect_ok();
    world.advance(23 * 86_400 + 9 * 3_600);
    world.refresh_all();
    world.set_price(sol, Quote::dollars(115.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, coarse, 1_000);
    let index = world.reserve(coarse).debt_index_at(world.now()).to_bits() as f64 / 2f64.powi(64);
    assert!((1.85..1.95).contains(&index), "{index}");
    let order = |max_repay| LiquidationOrder { debt: coarse, collateral: sol, max_repay, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order(3)).expect_error(Error::LiquidationWorsensHealth);
    world.liquidate(liquidator, trader.margin, order(1)).expect_error(Error::AmountTooSmall);
    world.liquidate(liquidator, trader.margin, order(4)).expect_ok();
    world.assert_conserved();
}

#[test]
fn refused_liquidations() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(120.0);
    scene.liquidate(0).expect_error(Error::AmountIsZero);
    let LiquidationScene { scene: Scene { mut world, usd, sol, lender, trader }, liquidator } = scene;
    let unused = world.list(Token::new("unused", 6, 1.0), reserve_config());
    world.fund(&liquidator, sol, SOL);
    world.refresh_all();
    let mut refuse = |margin, debt, collateral, error| {
        let order = LiquidationOrder { debt, collateral, max_repay: USD, min_collateral: 0 };
        world.liquidate(liquidator, margin, order).expect_error(error);
    };
    refuse(trader.margin, sol, usd, Error::PositionNotFound);
    refuse(trader.margin, unused, sol, Error::PositionNotFound);
    refuse(trader.margin, usd, unused, Error::PositionNotFound);
    refuse(lender.margin, sol, usd, Error::PositionNotFound);
    // The collateral is all lent out.
    let mut world = world.fork();
    world.supply(lender, unused, 1_000_000 * USD);
    let other = world.user("other");
    world.supply(other, unused, 1_000_000 * USD);
    world.refresh_all();
    world.borrow(other, sol, 100 * SOL).expect_ok();
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order).expect_error(Error::InsufficientLiquidity);
}

#[test]
fn collateral_that_is_lent_out_is_seized_as_far_as_there_is_cash() {
    let mut scene = LiquidationScene::new();
    let Scene { world, sol, .. } = &mut scene.scene;
    let other = world.user("other");
    let backing = world.list(Token::new("backing", 6, 1.0), reserve_config());
    world.supply(other, backing, 1_000_000 * USD);
    world.refresh_all();
    world.borrow(other, *sol, 90 * SOL).expect_ok();
    scene.sol_at(115.0);
    let event = liquidated(scene.liquidate(u64::MAX));
    assert_eq!(event.seized, 10 * SOL);
    assert_near(event.repaid as f64 / USD as f64, 1_150.0 / (1.0 + event.penalty as f64 / 1e4));
    let (usd, sol) = (scene.scene.usd, scene.scene.sol);
    assert_eq!(scene.scene.world.reserve(sol).cash, 0);
    scene.scene.world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    scene.liquidate(u64::MAX).expect_error(Error::InsufficientLiquidity);
    scene.scene.world.assert_conserved();
}

#[test]
fn both_prices_of_a_liquidation_must_be_fresh() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(100.0);
    scene.scene.world.advance(61);
    scene.liquidate(USD).expect_error(Error::PriceStale);
    scene.sol_at(100.0);
    scene.liquidate(USD).expect_error(Error::PriceStale);
    let usd = scene.scene.usd;
    scene.scene.world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    scene.liquidate(USD).expect_ok();
    scene.scene.world.advance(61);
    scene.scene.world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    scene.liquidate(USD).expect_error(Error::PriceStale);
}

#[test]
fn uncertain_prices_that_back_no_new_risk_still_liquidate() {
    let mut scene = LiquidationScene::new();
    let sol = scene.scene.sol;
    // 9 % uncertain and far from its average.
    let quote = Quote::dollars(120.0).confidence_bps(900).ema_dollars(150.0);
    scene.scene.world.set_price(sol, quote).expect_ok();
    let event = liquidated(scene.liquidate(100 * USD));
    assert_near(event.seized as f64 / SOL as f64, 100.0 * (1.0 + event.penalty as f64 / 1e4) / 120.0);
}

#[test]
fn a_token_without_price_does_not_shield_an_account() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let third = world.list(Token::new("dead feed", 6, 1.0), reserve_config());
    world.supply(trader, third, USD);
    world.refresh_all();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(1_000);
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    world.set_price(sol, Quote::dollars(115.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    // What is stale counts double for the borrower: with 500 USD of it the account would be healthy again. But what comes
    // after the price has died wards off nothing.
    world.fund(&trader.key, third, 500 * USD);
    world.deposit(trader, third, 500 * USD).expect_error(Error::PriceStale);
    world.liquidate(liquidator, trader.margin, order).expect_ok();
}

#[test]
fn an_account_of_sixteen_positions_is_liquidated_in_one_transaction() {
    let mut world = World::new();
    let (lender, trader) = (world.user("lender"), world.user("trader"));
    let reserves: Vec<u8> =
        (0..16).map(|index| world.list(Token::new(&format!("token {index}"), 6, 10.0), reserve_config())).collect();
    for reserve in &reserves {
        world.supply(lender, *reserve, 1_000 * USD);
    }
    for reserve in &reserves[..8] {
        world.supply(trader, *reserve, 20 * USD);
    }
    world.refresh_all();
    for reserve in &reserves[8..] {
        world.borrow(trader, *reserve, 14 * USD).expect_ok();
    }
    world.set_price(15, Quote::dollars(25.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, 15, 100 * USD);
    let order = LiquidationOrder { debt: 15, collateral: 7, max_repay: USD, min_collateral: 1 };
    let outcome = world.liquidate(liquidator, trader.margin, order).expect_ok();
    assert!(outcome.transaction_bytes < 1_232);
    world.assert_conserved();
}

#[test]
fn the_liquidator_signs() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(120.0);
    let LiquidationScene { scene: Scene { mut world, usd, sol, trader, .. }, liquidator } = scene;
    let (source, destination) = (world.tokens(&liquidator, usd), world.fund(&liquidator, sol, 0));
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    let view = world.view();
    let mut instruction = view.liquidate(liquidator, trader.margin, source, destination, order).expect("exists");
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    // And needs the tokens.
    let order = LiquidationOrder { max_repay: 100 * USD, ..order };
    let poor = world.key("poor");
    world.liquidate(poor, trader.margin, order).expect_custom(1);
}

#[test]
fn a_preview_is_what_the_chain_does() {
    let mut scene = LiquidationScene::new();
    scene.sol_at(117.0);
    let order = scene.order(u64::MAX, 0);
    let LiquidationScene { scene: Scene { mut world, trader, .. }, liquidator } = scene;
    let (view, account) = (world.view(), world.margin(&trader.margin));
    let preview = view.preview_liquidation(&account, order, world.now()).expect("liquidatable");
    let event = liquidated(world.liquidate(liquidator, trader.margin, order));
    assert_eq!((event.repaid, event.seized), (preview.repaid, preview.seized));
    assert_eq!((event.debt_shares, event.collateral_shares), (preview.debt_shares.0, preview.collateral_shares.0));
    assert_eq!(Bps(event.penalty), preview.penalty);
}
