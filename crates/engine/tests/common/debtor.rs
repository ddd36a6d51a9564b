//! A lender and a user who owes USDC against SOL, for the examples of restrictions.

use super::World;
use ballast_engine::{Result, ledger::liquidation::Liquidation, state::reserve::ReserveConfig};

pub const LENDER: usize = 0;
pub const USER: usize = 1;
pub const USDC: u8 = 0;
pub const SOL: u8 = 1;
pub const ONE_USDC: u64 = 1_000_000;
pub const ONE_SOL: u64 = 1_000_000_000;

pub fn configure(world: &mut World, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Result<()> {
    let mut config = world.reserves[reserve as usize].config;
    change(&mut config);
    world.act(LENDER, |ledger, _| super::configure(ledger, reserve, &config))
}

/// A lender of 100,000 USDC, and a user with 100 SOL (15,000 USD) who owes 9,000 USDC.
pub fn indebted() -> World {
    let mut world = World::new(3);
    world.deposit(LENDER, USDC, 100_000 * ONE_USDC);
    world.deposit(USER, SOL, 100 * ONE_SOL);
    world.borrow(USER, USDC, 9_000 * ONE_USDC);
    world
}

/// The same after SOL fell from 150 to so many dollars; maintenance ends at 115.2.
pub fn fallen(dollars: f64) -> World {
    let mut world = indebted();
    world.set_price(SOL, (dollars * 1e10) as i64);
    world.refresh_all();
    world
}

pub fn liquidate(world: &mut World, max_repay: u64) -> Result<Liquidation> {
    world.act(USER, |ledger, account| ledger.liquidate(account, USDC, SOL, max_repay, 0))
}
