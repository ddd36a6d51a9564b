//! Bad input and states that refuse: each with its own error, and nothing is changed.

use std::mem::offset_of;

use ballast_client::instruction as ix;
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::{OF_PERP, OF_POOL},
        perp::{PerpConfig, PoolConfig},
    },
};
use ballast_tests::{PerpScene, Quote, SOL, USD, perp_config, pool_config};
use bytemuck::bytes_of;

/// What a listing is refused with.
fn listing(scene: &mut PerpScene, target: u8, data: &[u8], error: Error) {
    scene.world.list_record(target, data).expect_err("it is refused").expect_error(error);
}

#[test]
fn a_perp_outside_the_ranges_is_not_listed() {
    let mut scene = PerpScene::new();
    let good = perp_config();
    let cases = [
        (PerpConfig { min_value: 0, ..good }, Error::PerpCapOutOfRange),
        (PerpConfig { skew_scale: 0, ..good }, Error::PerpCapOutOfRange),
        (PerpConfig { max_side: u64::MAX, ..good }, Error::PerpCapOutOfRange),
        (PerpConfig { maintenance_margin: Bps(1_001), ..good }, Error::PerpMarginOutOfRange),
        (PerpConfig { penalty: Bps(500), ..good }, Error::PerpMarginOutOfRange),
        (PerpConfig { fee: Bps(0), ..good }, Error::PerpFeeOutOfRange),
        (PerpConfig { fee: Bps(101), ..good }, Error::PerpFeeOutOfRange),
        (PerpConfig { hold: 0, ..good }, Error::PerpFeeOutOfRange),
        (PerpConfig { max_funding: Bps(u16::MAX), ..good }, Error::PerpFundingOutOfRange),
        (PerpConfig { least_shock: Bps(99), ..good }, Error::PerpShockOutOfRange),
        (PerpConfig { norm: 1, ..good }, Error::PerpFixed),
        (PerpConfig { power: 3, ..good }, Error::PerpFixed),
        (PerpConfig { reduce_only: 2, ..good }, Error::PerpSwitchOutOfRange),
        (PerpConfig { lot_digits: 9, ..good }, Error::LotTooSmallOrLarge),
        (PerpConfig { lot_digits: 0, ..good }, Error::LotTooSmallOrLarge),
        (PerpConfig { pool: 1, ..good }, Error::NotPool),
        (PerpConfig { price: 50, ..good }, Error::ReserveIndexOutOfRange),
        (PerpConfig { price: 2, ..good }, Error::ReserveIndexOutOfRange),
    ];
    for (config, error) in cases {
        listing(&mut scene, OF_PERP, bytes_of(&config), error);
    }
    let pool = pool_config();
    listing(&mut scene, OF_POOL, bytes_of(&PoolConfig { leave_delay: 0, ..pool }), Error::PoolOutOfRange);
    listing(&mut scene, OF_POOL, bytes_of(&PoolConfig { borrow_base: Bps(4_000), ..pool }), Error::PoolOutOfRange);
    listing(&mut scene, OF_POOL, bytes_of(&PoolConfig { quote: 3, ..pool }), Error::ReserveIndexOutOfRange);
    listing(&mut scene, OF_POOL, &[0; 47], Error::WrongChange);
    listing(&mut scene, OF_PERP, &[0; 300], Error::WrongChange);
    for _ in 1..16 {
        scene.world.refresh_all();
        scene.world.list_record(OF_PERP, bytes_of(&good)).expect("room");
    }
    scene.world.refresh_all();
    listing(&mut scene, OF_PERP, bytes_of(&good), Error::TooManyPerps);
}

#[test]
fn what_is_fixed_at_listing_stays() {
    let mut scene = PerpScene::new();
    let (perp, pool) = (scene.perp, scene.pool);
    for (offset, value) in [(offset_of!(PerpConfig, price), 0u8), (offset_of!(PerpConfig, lot_digits), 3)] {
        scene.world.edit_record(perp, offset, &[value]).expect_error(Error::PerpFixed);
    }
    scene.world.edit_record(pool, offset_of!(PoolConfig, quote), &[1]).expect_error(Error::PerpFixed);
    scene
        .world
        .edit_record(perp, offset_of!(PerpConfig, fee), &600u16.to_le_bytes())
        .expect_error(Error::PerpFeeOutOfRange);
    scene.world.edit_record(perp, offset_of!(PerpConfig, fee), &9u16.to_le_bytes()).expect_ok();
    assert_eq!(scene.record(perp).config.fee, Bps(9));
    scene.world.edit_record(pool, offset_of!(PoolConfig, max_skew), &900u16.to_le_bytes()).expect_ok();
    assert_eq!(scene.pool_record().config.max_skew, Bps(900));
}

/// After the launch what adds risk waits, and what takes it away does not.
#[test]
fn a_perp_is_tightened_at_once_and_loosened_with_delay() {
    let mut scene = PerpScene::new();
    let set = |scene: &mut PerpScene, offset: usize, bytes: &[u8]| {
        let edits = [&(offset as u16).to_le_bytes()[..], bytes].concat();
        let instruction = scene.view().set_parameters(scene.world.authority, scene.perp, edits);
        scene.world.send(&[instruction])
    };
    let margin = offset_of!(PerpConfig, initial_margin);
    set(&mut scene, margin, &1_200u16.to_le_bytes()).expect_ok();
    set(&mut scene, margin, &1_100u16.to_le_bytes()).expect_error(Error::AddsRisk);
    set(&mut scene, offset_of!(PerpConfig, max_side), &u64::to_le_bytes(1_000 * USD)).expect_ok();
    set(&mut scene, offset_of!(PerpConfig, max_side), &u64::to_le_bytes(2_000 * USD)).expect_error(Error::AddsRisk);
    let edits = [&(margin as u16).to_le_bytes()[..], &1_100u16.to_le_bytes()].concat();
    let change = scene.world.queue(scene.perp, edits);
    let execute = scene.view().execute_change(scene.world.payer, &change);
    scene.world.send(std::slice::from_ref(&execute)).expect_error(Error::ChangeNotDue);
    scene.world.advance(172_800);
    scene.world.send(&[execute]).expect_ok();
    assert_eq!(scene.record(scene.perp).config.initial_margin, Bps(1_100));
}

#[test]
fn bad_trades_are_refused() {
    let mut scene = PerpScene::new();
    let (trader, perp, pool) = (scene.trader, scene.perp, scene.pool);
    scene.trade_lots(trader, perp, 0, false).expect_error(Error::AmountIsZero);
    scene.trade_lots(trader, pool, 1_000, false).expect_error(Error::NotPerp);
    scene.trade_lots(trader, 63, 1_000, false).expect_error(Error::NotPerp);
    scene.trade_lots(trader, perp, 1, false).expect_error(Error::PositionTooSmall);
    scene.trade_lots(trader, perp, i64::MAX, false).expect_error(Error::InsufficientMargin);
    scene.trade_lots(trader, perp, i64::MIN, false).expect_error(Error::InsufficientMargin);
    scene.close(trader, perp).expect_error(Error::PerpNotReducing);
    scene.trade(trader, 190_000).expect_ok();
    scene.trade(trader, 20_000).expect_error(Error::SkewTooLarge);
    let limit = scene.price(perp);
    let bounded = ix::TradePerp { limit, ..scene.order(trader, perp, 1_000_000, false) };
    scene.world.send_one(bounded).expect_error(Error::LimitPriceCrossed);
    // The spread of the price, once.
    scene.settle(trader.margin, perp).expect_ok();
    scene.settle(trader.margin, perp).expect_error(Error::NothingToSettle);
    scene.write_off(trader.margin, perp).expect_error(Error::NotBankrupt);
    scene.cover(scene.lender, trader.margin, perp, scene.sol, 0).expect_error(Error::AmountIsZero);
    scene.cover(scene.lender, trader.margin, perp, scene.sol, USD).expect_error(Error::NothingToCover);
    scene.cover(scene.lender, trader.margin, perp, scene.usd, USD).expect_error(Error::NothingToCover);
    scene.deleverage(perp).expect_error(Error::NoDeleveraging);
    scene.resolve(scene.trader.key, perp).expect_error(Error::NotMarketAuthority);
    scene.resolve(scene.world.authority, perp).expect_error(Error::WindDownNotAllowed);
    scene.world.advance(6);
    scene.trade(trader, 1_000).expect_error(Error::TradePriceTooOld);
    scene.close(trader, perp).expect_ok();
    // Another's account.
    let stranger = ballast_tests::User { key: scene.lender.key, ..trader };
    scene.pass(1, 0);
    scene.trade(stranger, 1_000).expect_error(Error::NotAccountOwner);
    // A price that a lot cannot have.
    scene
        .world
        .set_price(scene.sol, Quote { price: 900_000_000, confidence: 0, exponent: 0, ema: 900_000_000 })
        .expect_ok();
    scene.trade_lots(trader, perp, 1_000, false).expect_error(Error::PerpPriceOutOfRange);
}

#[test]
fn caps_refuse_trades() {
    let narrow = PerpConfig { max_side: 10_000 * USD, instant_flow: 6_000 * USD, ..perp_config() };
    let mut scene = PerpScene::with(
        &PoolConfig { max_skew: Bps(60_000), ..pool_config() },
        &[narrow, PerpConfig { least_shock: Bps(9_000), ..perp_config() }],
    );
    let (trader, perp) = (scene.trader, scene.perp);
    scene.trade(trader, 7_000).expect_error(Error::TooFast);
    scene.trade(trader, 5_500).expect_ok();
    scene.trade(trader, 1_000).expect_error(Error::TooFast);
    scene.pass(60, 0);
    scene.trade(trader, 5_500).expect_error(Error::SideCapExceeded);
    let lots = scene.lots(perp + 1, 250_000);
    scene.trade_lots(trader, perp + 1, lots, false).expect_error(Error::PoolTooSmall);
    scene.world.edit_record(perp, offset_of!(PerpConfig, reduce_only), &[1]).expect_ok();
    scene.trade(trader, 100).expect_error(Error::PerpReduceOnly);
    scene.trade(trader, -100).expect_ok();
    scene.close(trader, perp).expect_ok();
}

#[test]
fn an_account_trades_against_one_pool() {
    let mut scene = PerpScene::new();
    let second = scene.world.list_record(OF_POOL, bytes_of(&pool_config())).expect("another pool");
    scene.world.refresh_all();
    let other = PerpConfig { pool: second, ..perp_config() };
    let other = scene.world.list_record(OF_PERP, bytes_of(&other)).expect("its perp");
    scene.trade(scene.trader, 1_000).expect_ok();
    let lots = scene.lots(other, 1_000);
    scene.trade_lots(scene.trader, other, lots, false).expect_error(Error::OtherPool);
    scene.trade(scene.owner, 1_000).expect_error(Error::PoolNeedsItsOwnAccount);
    scene.world.borrow(scene.owner, scene.sol, SOL).expect_error(Error::PoolNeedsItsOwnAccount);
    scene.provide(scene.trader, USD).expect_error(Error::PoolNeedsItsOwnAccount);
}

#[test]
fn bad_movements_of_a_pool_are_refused() {
    let mut scene = PerpScene::new();
    scene.provide(scene.lender, 0).expect_error(Error::AmountIsZero);
    scene.provide(scene.lender, 2_000_000 * USD).expect_error(Error::InsufficientDeposit);
    scene.provide(scene.lender, u64::MAX).expect_error(Error::PoolReduceOnly);
    scene.ask(scene.lender, 1).expect_error(Error::PositionNotFound);
    scene.leave(scene.lender).expect_error(Error::PositionNotFound);
    scene.ask(scene.owner, u64::MAX).expect_error(Error::InsufficientShares);
    scene.pool = scene.perp;
    scene.provide(scene.lender, USD).expect_error(Error::NotPool);
    scene.pool = scene.perp - 1;
    scene.world.edit_record(scene.pool, offset_of!(PoolConfig, reduce_only), &[1]).expect_ok();
    scene.provide(scene.lender, USD).expect_error(Error::PoolReduceOnly);
}

/// A pool that owes more than it has takes no money, pays gains in part, and says so to who asks for more.
#[test]
fn a_short_pool_says_so() {
    let mut scene = PerpScene::new();
    scene.trade(scene.trader, 190_000).expect_ok();
    scene.pass(120, 20_000);
    scene.provide(scene.lender, USD).expect_error(Error::PoolWorthless);
    let whole = ix::TradePerp { min_factor: u32::MAX, ..scene.order(scene.trader, scene.perp, -(1 << 47), true) };
    scene.world.send_one(whole).expect_error(Error::ProfitBelowMinimum);
    scene.close(scene.trader, scene.perp).expect_ok();
    scene.world.assert_conserved();
}

/// A side of which deleveraging would leave next to nothing is to be wound down instead, and then is.
#[test]
fn a_perp_ends() {
    let perp = PerpConfig { least_shock: Bps(9_000), wind_down: 1, ..perp_config() };
    let pool = PoolConfig { max_skew: Bps(60_000), deleverage_below: Bps(10_000), ..pool_config() };
    let mut scene = PerpScene::with(&pool, &[perp]);
    scene.trade(scene.trader, 200_000).expect_ok();
    scene.pass(120, 4_000);
    // As if it had been deleveraged many times: the multiplier is all but used up, and the side has so many lots more.
    let market = scene.world.market;
    let mut account = scene.world.account(&market);
    let at = account.data.len() - 1_024 + offset_of!(ballast_engine::state::perp::Perp, sides);
    let multiplier = at + offset_of!(ballast_engine::state::perp::Side, multiplier);
    account.data[multiplier..multiplier + 8].copy_from_slice(&((1u64 << 16) + 10).to_le_bytes());
    let size = at + offset_of!(ballast_engine::state::perp::Side, size);
    let held = u64::from_le_bytes(account.data[size..size + 8].try_into().expect("eight bytes"));
    account.data[size..size + 8].copy_from_slice(&(held << 16).min(1 << 47).to_le_bytes());
    let mut worn = scene.world.fork();
    worn.set_account(market, account);
    worn.send_one(ix::DeleveragePerp { market, perp: scene.perp }).expect_error(Error::PerpToBeResolved);
    scene.deleverage(scene.perp).expect_ok();
    scene.resolve(scene.world.authority, scene.perp).expect_ok();
    scene.resolve(scene.world.authority, scene.perp).expect_error(Error::PerpResolved);
    scene
        .world
        .edit_record(scene.perp, offset_of!(PerpConfig, fee), &9u16.to_le_bytes())
        .expect_error(Error::PerpResolved);
    scene.trade(scene.lender, 1_000).expect_error(Error::PerpReduceOnly);
    scene.pass(100_000, -5_000);
    scene.close(scene.trader, scene.perp).expect_ok();
    scene.world.assert_conserved();
}
