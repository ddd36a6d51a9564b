//! Bad input, and states that refuse: each with its own error.

use super::*;
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::{OF_PERP, OF_POOL},
        perp::{PerpConfig, Pool, PoolConfig},
    },
};
use bytemuck::bytes_of;

use crate::common::AUTHORITY;

const TRADER: usize = 1;
const PERP: u8 = PERPS[0];

fn scene() -> Scene {
    Scene::new(1, 4, 1_000_000, 100_000)
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    let mut scene = scene();
    let good = perp_config(0);
    let perps = [
        (PerpConfig { skew_scale: 0, ..good }, Error::PerpCapOutOfRange),
        (PerpConfig { penalty: good.maintenance_margin, ..good }, Error::PerpMarginOutOfRange),
        (PerpConfig { maintenance_margin: Bps(1_001), ..good }, Error::PerpMarginOutOfRange),
        (PerpConfig { fee: Bps(101), ..good }, Error::PerpFeeOutOfRange),
        (PerpConfig { funding_speed: Bps(60_001), ..good }, Error::PerpFundingOutOfRange),
        (PerpConfig { shock_horizon: 59, ..good }, Error::PerpShockOutOfRange),
        (PerpConfig { power: 2, norm: 0, ..good }, Error::PerpFixed),
        (PerpConfig { wind_down: 2, ..good }, Error::PerpSwitchOutOfRange),
        (PerpConfig { lot_digits: 0, ..good }, Error::LotTooSmallOrLarge),
        (PerpConfig { pool: 0, ..good }, Error::NotPool),
    ];
    for (config, error) in perps {
        assert_eq!(refused(scene.list(OF_PERP, bytes_of(&config))), error, "{config:?}");
    }
    let pool = PoolConfig { leave_delay: 1, ..pool_config() };
    assert_eq!(refused(scene.list(OF_POOL, bytes_of(&pool))), Error::PoolOutOfRange);
    for _ in 1..16 {
        scene.list(OF_PERP, bytes_of(&good)).unwrap();
    }
    assert_eq!(refused(scene.list(OF_PERP, bytes_of(&good))), Error::TooManyPerps);
}

#[test]
fn caps_and_paces_refuse_growth() {
    let narrow = PerpConfig { max_side: 10_000 * USD, instant_flow: 6_000 * USD, ..perp_config(0) };
    let heavy = PerpConfig { least_shock: Bps(9_000), ..perp_config(0) };
    let pool = PoolConfig { max_skew: Bps(60_000), ..pool_config() };
    let mut scene = Scene::with(&[narrow, heavy], &pool, 3, 20_000, 100_000);
    scene.trade(TRADER, PERP, 5_500 * USD as i64).unwrap();
    assert_eq!(refused(scene.trade(TRADER, PERP, 1_000 * USD as i64)), Error::TooFast);
    scene.pass(60);
    assert_eq!(refused(scene.trade(TRADER, PERP, 5_500 * USD as i64)), Error::SideCapExceeded);
    assert_eq!(refused(scene.trade(TRADER, PERPS[1], 30_000 * USD as i64)), Error::PoolTooSmall);
    scene.list(OF_POOL, bytes_of(&pool)).unwrap();
    let other = scene.world.reserves.len() as u8;
    scene.list(OF_PERP, bytes_of(&PerpConfig { pool: other - 1, ..perp_config(0) })).unwrap();
    assert_eq!(refused(scene.order(TRADER, order(other, 1_000_000))), Error::OtherPool);
}

#[test]
fn a_pool_keeps_what_it_needs_and_says_when_it_is_worthless() {
    let mut scene = scene();
    scene.trade(TRADER, PERP, 600_000 * USD as i64).unwrap();
    let held = scene.world.accounts[0].stake().unwrap().shares.0;
    scene.ask(0, held).unwrap();
    scene.pass(3_600);
    scene.leave(0).unwrap();
    assert_eq!(refused(scene.leave(0)), Error::PoolNeedsItsCover);
    scene.shift(1, 6_000);
    assert_eq!(refused(scene.provide(2, USD)), Error::PoolWorthless);
}

#[test]
fn what_is_not_due_is_refused() {
    let config = PerpConfig { wind_down: 0, least_shock: Bps(9_000), ..perp_config(0) };
    let pool = PoolConfig { max_skew: Bps(60_000), deleverage_below: Bps(10_000), ..pool_config() };
    let mut scene = Scene::with(&[config], &pool, 3, 100_000, 100_000);
    assert_eq!(refused(scene.act(0, |ledger, _| ledger.resolve_perp(&AUTHORITY, PERP))), Error::WindDownNotAllowed);
    scene.trade(TRADER, PERP, 100_000 * USD as i64).unwrap();
    assert_eq!(refused(scene.act(TRADER, |ledger, account| ledger.write_off_perp(account, PERP))), Error::NotBankrupt);
    scene.shift(1, 2_000);
    let mut worn = scene.clone();
    let side = &mut worn.perp_mut(PERP).sides[0];
    (side.multiplier, side.size) = ((1 << 16) + 10, (side.size << 16).min(1 << 47));
    assert_eq!(refused(worn.act(0, |ledger, _| ledger.deleverage_perp(PERP))), Error::PerpToBeResolved);
    scene.world.prices[1] = 10i64.pow(18);
    scene.pass(1);
    // Nothing grows at the end of the scale, and everybody leaves.
    assert_eq!(refused(scene.order(2, order(PERP, 1_000))), Error::PerpPriceOutOfRange);
    scene.pass(60);
    scene.close(TRADER, PERP).unwrap();
    assert!(Pool::of(&scene.world.reserves, PERP).is_err());
}
