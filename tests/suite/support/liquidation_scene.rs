//! An account to be liquidated, and a liquidator.

use ballast_client::{Address, Event, Instruction, Liquidated, LiquidationOrder};
use ballast_engine::ledger::liquidation::Liquidation;
use ballast_tests::{Outcome, Quote, SOL, Scene, Swap, USD, User, World};

/// Why building an instruction cannot fail here.
pub const LISTED: &str = "the reserve is listed";

/// A trader who owes 10,000 usd against 100 sol at 115 USD, which is 6.9 % less than maintenance requires, and a liquidator
/// without any tokens.
pub struct LiquidationScene {
    pub world: World,
    pub usd: u8,
    pub sol: u8,
    pub lender: User,
    pub trader: User,
    pub liquidator: Address,
}

impl LiquidationScene {
    pub fn new() -> Self {
        Self::of(Scene::new())
    }

    pub fn of(scene: Scene) -> Self {
        let Scene { mut world, usd, sol, lender, trader } = scene;
        let liquidator = world.key("liquidator");
        world.borrow(trader, usd, 10_000 * USD).expect_ok();
        let mut scene = Self { world, usd, sol, lender, trader, liquidator };
        scene.sol_at(115.0);
        scene
    }

    /// Once for each token program.
    pub fn both() -> [Self; 2] {
        Scene::both().map(Self::of)
    }

    pub fn fork(&self) -> Self {
        Self { world: self.world.fork(), ..*self }
    }

    #[track_caller]
    pub fn sol_at(&mut self, dollars: f64) {
        self.world.set_price(self.sol, Quote::dollars(dollars)).expect_ok();
    }

    pub fn order(&self, max_repay: u64) -> LiquidationOrder {
        LiquidationOrder { debt: self.usd, collateral: self.sol, max_repay, min_collateral: 0 }
    }

    /// Gives the liquidator usd.
    #[track_caller]
    pub fn fund_liquidator(&mut self, amount: u64) {
        self.world.fund(&self.liquidator, self.usd, amount);
    }

    /// Liquidates with tokens that the liquidator is given.
    #[track_caller]
    pub fn liquidate(&mut self, max_repay: u64) -> Outcome {
        self.fund_liquidator(1_000_000 * USD);
        let order = self.order(max_repay);
        self.world.liquidate(self.liquidator, self.trader.margin, order)
    }

    /// What a liquidation would move now.
    #[track_caller]
    pub fn preview(&self, max_repay: u64) -> Liquidation {
        let account = self.world.margin(&self.trader.margin);
        let preview = self.world.view().preview_liquidation(&account, self.order(max_repay), self.world.now());
        preview.expect("liquidatable")
    }

    /// The two instructions of a receivership of the trader.
    #[track_caller]
    pub fn receivership(&mut self, max_repay: u64) -> [Instruction; 2] {
        let order = self.order(max_repay);
        self.world.receivership(self.liquidator, self.trader.margin, order)
    }

    /// A swap of the liquidator's sol at so many usd.
    #[track_caller]
    pub fn sell(&mut self, amount: u64, dollars: u64) -> Instruction {
        let swap = Swap::new(&mut self.world, [self.sol, self.usd], [dollars * USD, SOL], 1_000_000 * USD);
        swap.instruction(&mut self.world, &self.liquidator, amount)
    }

    /// Maintenance collateral ÷ maintenance debt.
    #[track_caller]
    pub fn maintenance(&mut self) -> f64 {
        let report = self.world.health(self.trader.margin);
        report.maintenance_collateral.get() as f64 / report.maintenance_debt.get() as f64
    }
}

/// The liquidation among a transaction's events.
#[track_caller]
pub fn liquidated(outcome: Outcome) -> Liquidated {
    let outcome = outcome.expect_ok();
    let found = outcome.events.iter().find_map(|event| match event {
        Event::Liquidated(event) => Some(*event),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no liquidation: {}", outcome.describe()))
}

/// The same up to a hundred-thousandth.
#[track_caller]
pub fn assert_near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-5, "{value} instead of {expected}");
}
