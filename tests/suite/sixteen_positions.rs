//! Liquidation of an account of eight deposits and eight debts, in both forms: within its budget, and in one ordinary
//! transaction.

use crate::compute_units::scenes::{Full, Last, TOKEN, quote};
use ballast_client::{Instruction, LiquidationOrder};
use ballast_engine::{
    number::units::Bps,
    state::{market::MarketConfig, reserve::ReserveConfig},
};
use ballast_tests::{Outcome, Swap, World};

/// The most bytes of a transaction.
const PACKET: usize = 1_232;
const LIQUIDATE: u64 = 18_000;
const BOTH_HALVES: u64 = 26_000;

/// An account of eight deposits and eight debts under water.
struct Insolvent {
    full: Full,
    order: LiquidationOrder,
}

/// What makes one liquidation cost more than another.
#[derive(Clone, Copy)]
enum Case {
    /// Only the prices of the two reserves at hand are recent: the others are read in the borrower's favour.
    TwoPrices,
    AllPrices,
    /// Solvent, so that it takes no more than what the windows have room for; with insurance and a penalty that grows.
    Throttled,
}

impl Insolvent {
    fn new(mut full: Full, case: Case) -> Self {
        let (held, owed) = full.positions(8, 8, Last::Debt);
        let (debt, collateral) = (owed[7], held[0]);
        if let Case::Throttled = case {
            restrict(&mut full.world, debt, collateral);
        }
        match case {
            Case::TwoPrices => full.age(&[collateral]),
            _ => full.age(&[held.as_slice(), &owed].concat()),
        }
        full.reprice(&[debt], quote(if let Case::Throttled = case { 1_800.0 } else { 10_000.0 }));
        let order = LiquidationOrder { debt, collateral, max_repay: TOKEN / 100 + 1, min_collateral: 1 };
        assert_eq!(full.world.margin(&full.user.margin).positions().len(), 16);
        Self { full, order }
    }

    /// All cases, without and with the rules that adapt.
    fn all() -> Vec<Self> {
        let markets = [Full::new(), Full::adaptive()];
        let cases =
            |full: &Full| [Case::TwoPrices, Case::AllPrices, Case::Throttled].map(|case| Self::new(full.fork(), case));
        markets.iter().flat_map(cases).collect()
    }

    /// Gives the liquidator what it pays.
    fn fund(&mut self) {
        let liquidator = self.full.liquidator();
        self.full.world.fund(&liquidator, self.order.debt, 10 * TOKEN);
    }

    fn receivership(&mut self) -> [Instruction; 2] {
        let liquidator = self.full.liquidator();
        self.full.world.receivership(liquidator, self.full.user.margin, self.order)
    }
}

/// Windows of 10 USD, in reserve and market; all else that a liquidation looks at is switched on.
#[track_caller]
fn restrict(world: &mut World, debt: u8, collateral: u8) {
    let insure = |config: &mut ReserveConfig| config.insurance.penalty_share = Bps(5_000);
    world.reconfigure(debt, insure).expect_ok();
    world.reconfigure(collateral, |config| config.breakers.liquidation_hour = 10).expect_ok();
    let of_market = |config: &mut MarketConfig| {
        (config.liquidation_hour, config.full_penalty_after, config.near_insolvency) = (10, 3_600, Bps(100));
    };
    world.reconfigure_market(of_market).expect_ok();
}

/// No request for more compute units, a larger heap, or look-up tables.
#[track_caller]
fn assert_ordinary(outcome: &Outcome) {
    assert!(outcome.is_ok(), "{}", outcome.describe());
    assert!(outcome.transaction_bytes <= PACKET, "{} bytes", outcome.transaction_bytes);
    assert!(!outcome.logs.iter().any(|line| line.contains("ComputeBudget")), "{}", outcome.describe());
}

#[test]
fn in_one_instruction() {
    for mut insolvent in Insolvent::all() {
        insolvent.fund();
        let Insolvent { full, order } = &mut insolvent;
        let liquidator = full.liquidator();
        let outcome = full.world.liquidate(liquidator, full.user.margin, *order);
        assert_ordinary(&outcome);
        assert!(outcome.compute_units <= LIQUIDATE, "{}", outcome.compute_units);
        let market = full.world.view().market;
        assert_eq!(market.config.liquidation_hour != 0, market.liquidated.used.0 > 990_000_000, "the window is used");
        full.world.assert_conserved();
    }
}

#[test]
fn in_two_halves() {
    for mut insolvent in Insolvent::all() {
        insolvent.fund();
        let receivership = insolvent.receivership();
        let outcome = insolvent.full.world.send(&receivership);
        assert_ordinary(&outcome);
        assert!(outcome.compute_units <= BOTH_HALVES, "{}", outcome.compute_units);
        insolvent.full.world.assert_conserved();
    }
}

/// Prices of both reserves, beginning, a swap by another program, end: without tokens of one's own.
#[test]
fn in_two_halves_around_a_swap() {
    for mut insolvent in Insolvent::all() {
        let [begin, end] = insolvent.receivership();
        let Insolvent { full, order } = &mut insolvent;
        let liquidator = full.liquidator();
        let world = &mut full.world;
        let (account, now) = (world.margin(&full.user.margin), world.now());
        let expected = world.view().preview_liquidation(&account, *order, now).expect("liquidatable");
        let pool = Swap::new(world, [order.collateral, order.debt], [expected.paid(), expected.seized], TOKEN);
        let swap = pool.instruction(world, &liquidator, expected.seized);
        let refresh = world.refresh_instruction(&[order.debt, order.collateral]);
        let outcome = world.send_from(liquidator, &[refresh, begin, swap, end]);
        assert_ordinary(&outcome);
        world.assert_conserved();
    }
}
