//! A market whose reserves are insured, and ways to lose money in it.

use ballast_client::{Address, BadDebtSettled, Event, LiquidationOrder};
use ballast_engine::{
    number::units::Bps,
    state::{insurance::InsuranceConfig, reserve::ReserveConfig},
};
use ballast_tests::{Quote, Scene, USD, User, World, reserve_config};

/// Seconds from asking for a stake until it can be taken: ten days.
pub const COOLDOWN: i64 = 864_000;

/// Half of the fees and of the penalties go to the insurance. Flash loans cost 1 %, so that one loan earns fees at once.
pub fn insured_reserve_config() -> ReserveConfig {
    ReserveConfig {
        insurance: InsuranceConfig { cooldown: COOLDOWN as u32, fee_share: Bps(5_000), penalty_share: Bps(5_000) },
        flash_enabled: 1,
        flash_fee: Bps(100),
        ..reserve_config()
    }
}

/// A scene with such reserves.
pub fn insured_scene() -> Scene {
    Scene::configured(insured_reserve_config())
}

/// A staker with so many atoms in a reserve's insurance.
#[track_caller]
pub fn staker(world: &mut World, name: &str, reserve: u8, amount: u64) -> Address {
    let staker = world.key(name);
    world.fund(&staker, reserve, amount);
    world.open_stake(staker, reserve);
    world.stake(staker, reserve, amount).expect_ok();
    staker
}

/// Asks for all of a stake, waits, and takes it. Returns what it pays, atoms.
#[track_caller]
pub fn leave(world: &mut World, staker: Address, reserve: u8) -> u64 {
    let shares = world.stake_of(&staker, reserve).shares.0;
    let before = world.balance(&staker, reserve);
    world.begin_unstake(staker, reserve, shares).expect_ok();
    world.advance(COOLDOWN);
    world.unstake(staker, reserve).expect_ok();
    world.balance(&staker, reserve) - before
}

/// Makes a reserve earn so many atoms of fees, by flash loans at 1 %.
#[track_caller]
pub fn earn(world: &mut World, reserve: u8, fees: u64) {
    let borrower = world.key("flash borrower");
    world.fund(&borrower, reserve, fees);
    let loan = world.flash_loan(borrower, reserve, fees * 100);
    world.send(&loan).expect_ok();
}

/// The trader, who has borrowed `borrowed` usd, loses all collateral for less than a dollar.
#[track_caller]
pub fn ruin(world: &mut World, trader: User, usd: u8, sol: u8, borrowed: u64) {
    world.borrow(trader, usd, borrowed).expect_ok();
    world.set_price(sol, Quote::dollars(0.000_1)).expect_ok();
    seize_all(world, trader, usd, sol);
}

#[track_caller]
pub fn seize_all(world: &mut World, user: User, debt: u8, collateral: u8) {
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, debt, 1_000_000 * USD);
    let order = LiquidationOrder { debt, collateral, max_repay: u64::MAX, min_collateral: 0 };
    world.liquidate(liquidator, user.margin, order).expect_ok();
}

/// Settles, and returns who bore what.
#[track_caller]
pub fn settle(world: &mut World, user: User, reserve: u8) -> BadDebtSettled {
    match world.settle(user.margin, reserve).expect_event() {
        Event::BadDebtSettled(event) => event,
        other => panic!("another event: {other:?}"),
    }
}
