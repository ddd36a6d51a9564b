//! Attacks with price accounts, with what comes behind the declared accounts, and with the clock.

use ballast_client::{
    Address, ID, LiquidationOrder, PYTH_RECEIVERS, SYSTEM_PROGRAM, TOKEN_PROGRAM, instruction::RefreshPrices,
};
use ballast_engine::{Error, price::feed::PriceUpdate};
use ballast_tests::{Outcome, Quote, Scene, USD, World};
use solana_instruction::AccountMeta;

/// A scene whose trader owes 10,000 usd against 15,000 USD of sol, and the update that sol's feed would publish now.
fn scene() -> (Scene, PriceUpdate) {
    let mut scene = Scene::new();
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    scene.world.advance(5);
    let feed_id = scene.world.reserve(scene.sol).config.oracle.feed_id.0;
    let update = Quote::dollars(150.0).update(feed_id, scene.world.now());
    (scene, update)
}

/// The attacker's account of this content, offered as the price of sol: refused if it is not the feed's, passed over if it is.
fn offer(world: &mut World, sol: u8, owner: Address, update: &PriceUpdate, expected: Error) {
    let held = world.reserve(sol).price;
    let outcome = offered(world, sol, owner, update);
    if expected.is_about_a_price() {
        outcome.expect_passed_over(expected);
    } else {
        outcome.expect_error(expected);
    }
    assert_eq!(world.reserve(sol).price, held);
}

fn offered(world: &mut World, sol: u8, owner: Address, update: &PriceUpdate) -> Outcome {
    let address = world.key("price of the attacker's choice");
    world.write_price(address, owner, update);
    let instruction = world.view().refresh_prices(&[(sol, address)]).expect("listed");
    world.send(&[instruction])
}

/// What a price of the attacker's choice would be good for.
fn doubled(update: &PriceUpdate) -> PriceUpdate {
    PriceUpdate { price: update.price * 2, ema_price: update.ema_price * 2, ..*update }
}

#[test]
fn oracle_c27_a_price_of_another_program_is_refused() {
    let (Scene { mut world, sol, .. }, update) = scene();
    for owner in [SYSTEM_PROGRAM, ID, TOKEN_PROGRAM, Address::new_from_array([5; 32])] {
        offer(&mut world, sol, owner, &doubled(&update), Error::PriceOwnerNotAllowed);
    }
    // Both receivers are allowed; the absent second receiver of another market is no one's.
    for owner in PYTH_RECEIVERS {
        world.advance(1);
        let address = world.key("genuine");
        world.write_price(address, owner, &PriceUpdate { publish_time: world.now(), ..update });
        let instruction = world.view().refresh_prices(&[(sol, address)]).expect("listed");
        world.send(&[instruction]).expect_ok();
    }
}

/// A partially verified update has one byte more in front of the price, so that read as a full one its numbers are
/// others. It is known for what it is.
#[test]
fn oracle_c27_a_partially_verified_price_is_passed_over() {
    let (Scene { mut world, sol, .. }, update) = scene();
    let address = world.key("partial");
    let full = update.to_bytes(ballast_client::to_engine(&address));
    for signatures in [0u8, 1, 5, 13] {
        let mut shifted = [&full[..40], &[0, signatures], &full[41..133]].concat();
        shifted.resize(PriceUpdate::LEN, 0);
        let mut flagged = full.to_vec();
        flagged[40] = 0;
        for data in [shifted, flagged] {
            world.write(address, PYTH_RECEIVERS[0], data);
            let instruction = world.view().refresh_prices(&[(sol, address)]).expect("listed");
            world.send(&[instruction]).expect_passed_over(Error::PriceNotFullyVerified);
        }
    }
}

#[test]
fn oracle_c27_what_is_no_price_update_is_refused() {
    let (Scene { mut world, sol, .. }, update) = scene();
    let address = world.key("no price");
    let full = update.to_bytes(ballast_client::to_engine(&address)).to_vec();
    let mut other_account = full.clone();
    other_account[0] ^= 1;
    let longer = [full.as_slice(), &[0]].concat();
    for data in [other_account, longer, full[..133].to_vec(), full[..8].to_vec(), Vec::new()] {
        world.write(address, PYTH_RECEIVERS[0], data);
        let instruction = world.view().refresh_prices(&[(sol, address)]).expect("listed");
        world.send(&[instruction]).expect_error(Error::PriceAccountMalformed);
    }
}

#[test]
fn oracle_c27_a_genuine_price_of_another_feed_is_refused() {
    let (Scene { mut world, usd, sol, .. }, update) = scene();
    let feed_id = world.reserve(usd).config.oracle.feed_id.0;
    offer(&mut world, sol, PYTH_RECEIVERS[0], &PriceUpdate { feed_id, ..update }, Error::PriceFeedMismatch);
    let mut feed_id = update.feed_id;
    feed_id[31] ^= 1;
    offer(&mut world, sol, PYTH_RECEIVERS[0], &PriceUpdate { feed_id, ..update }, Error::PriceFeedMismatch);
}

#[test]
fn oracle_c27_zero_and_negative_prices_are_passed_over() {
    let (Scene { mut world, sol, .. }, update) = scene();
    for price in [0, -1, i64::MIN, -update.price] {
        let receiver = PYTH_RECEIVERS[0];
        offer(&mut world, sol, receiver, &PriceUpdate { price, ..update }, Error::PriceNotPositive);
        offer(&mut world, sol, receiver, &PriceUpdate { ema_price: price, ..update }, Error::PriceNotPositive);
    }
}

#[test]
fn oracle_c27_prices_and_exponents_out_of_range_are_passed_over() {
    let (Scene { mut world, sol, .. }, update) = scene();
    let receiver = PYTH_RECEIVERS[0];
    for exponent in [1, 18, i32::MAX, -19, i32::MIN] {
        offer(&mut world, sol, receiver, &PriceUpdate { exponent, ..update }, Error::PriceExponentOutOfRange);
    }
    let huge = PriceUpdate { price: i64::MAX, ..update };
    offer(&mut world, sol, receiver, &huge, Error::PriceOutOfRange);
    offer(&mut world, sol, receiver, &PriceUpdate { exponent: 0, ..update }, Error::PriceOutOfRange);
    offer(&mut world, sol, receiver, &PriceUpdate { price: 1, exponent: -18, ..update }, Error::PriceOutOfRange);
    offer(&mut world, sol, receiver, &PriceUpdate { ema_price: i64::MAX, ..update }, Error::PriceOutOfRange);
}

#[test]
fn oracle_c27_prices_from_the_future_and_from_before_the_cached_one_change_nothing() {
    let (Scene { mut world, sol, .. }, update) = scene();
    let receiver = PYTH_RECEIVERS[0];
    let cached = world.reserve(sol).price.publish_time;
    // The market lets the chain's clock be half a minute behind.
    for publish_time in [world.now() + 31, world.now() + 86_400, i64::MAX] {
        offer(&mut world, sol, receiver, &PriceUpdate { publish_time, ..doubled(&update) }, Error::PriceInFuture);
    }
    for publish_time in [cached - 1, 1, 0, -1, i64::MIN] {
        let held = world.reserve(sol).price;
        offered(&mut world, sol, receiver, &PriceUpdate { publish_time, ..doubled(&update) }).expect_ok();
        assert_eq!(world.reserve(sol).price, held);
    }
    // Another price of the second that is cached already does not replace it.
    let address = world.key("same second");
    world.write_price(address, receiver, &PriceUpdate { publish_time: cached, ..doubled(&update) });
    let before = world.reserve(sol).price;
    let instruction = world.view().refresh_prices(&[(sol, address)]).expect("listed");
    world.send(&[instruction]).expect_ok();
    assert_eq!(world.reserve(sol).price, before);
}

#[test]
fn oracle_c27_a_wide_confidence_backs_no_new_risk_and_a_very_wide_one_nothing() {
    let (Scene { mut world, usd, sol, trader, .. }, update) = scene();
    let config = world.reserve(sol).config.oracle;
    let bps = |bps: u64| (update.price as u64 * bps).div_ceil(10_000);
    let too_wide = bps(config.max_confidence_maintenance.0 as u64 + 1);
    for confidence in [too_wide, update.price as u64, u64::MAX] {
        let wide = PriceUpdate { confidence, ..update };
        offer(&mut world, sol, PYTH_RECEIVERS[0], &wide, Error::PriceConfidenceTooWide);
    }
    // Between the limits it is taken, but the collateral counts nothing for a borrow or a withdrawal.
    let uncertain = Quote::dollars(150.0).confidence_bps(config.max_confidence_initial.0 as u64 + 50);
    world.set_price(sol, uncertain).expect_ok();
    world.publish(usd, Quote::dollars(1.0));
    world.refresh(&[usd]).expect_ok();
    world.borrow(trader, usd, USD).expect_error(Error::InitialHealthTooLow);
    world.withdraw(trader, sol, 1).expect_error(Error::InitialHealthTooLow);
    world.fund(&trader.key, usd, USD);
    world.repay(trader, usd, USD).expect_ok();
}

/// A spot price pumped above its average lends no more than the average, and beyond a limit nothing at all.
#[test]
fn oracle_c27_a_pumped_spot_price_lends_nothing() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = scene();
    world.refresh_all();
    let most = 12_000 / 11 * 10 - 10_000;
    for dollars in [154.0, 300.0, 15_000.0] {
        world.set_price(sol, Quote::dollars(dollars).ema_dollars(150.0)).expect_ok();
        world.refresh_all();
        let outcome = world.fork().borrow(trader, usd, (most + 50) * USD);
        outcome.expect_error(Error::InitialHealthTooLow);
    }
}

#[test]
fn oracle_c27_a_stale_price_lends_nothing_and_liquidates_nothing() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = scene();
    let liquidator = world.key("liquidator");
    world.set_price(sol, Quote::dollars(100.0)).expect_ok();
    world.fund(&liquidator, usd, 10_000 * USD);
    world.advance(61);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    world.borrow(trader, usd, USD).expect_error(Error::PriceStale);
    world.withdraw(trader, sol, 1).expect_error(Error::PriceStale);
    world.liquidate(liquidator, trader.margin, order).expect_error(Error::PriceStale);
    // One of the two is not enough.
    for reserve in [usd, sol] {
        let mut fork = world.fork();
        let price = if reserve == usd { 1.0 } else { 100.0 };
        fork.set_price(reserve, Quote::dollars(price)).expect_ok();
        fork.liquidate(liquidator, trader.margin, order).expect_error(Error::PriceStale);
    }
}

/// Of several genuine accounts of a feed the attacker would choose the one that suits him: a pinned reserve takes one.
#[test]
fn oracle_c27_a_pinned_reserve_takes_no_other_account_of_its_feed() {
    let (Scene { mut world, sol, .. }, update) = scene();
    let pinned = world.price_account(sol);
    world.reconfigure(sol, |config| config.oracle.feed_account = ballast_client::to_engine(&pinned)).expect_ok();
    offer(&mut world, sol, PYTH_RECEIVERS[0], &doubled(&update), Error::PriceAccountNotPinned);
    world.set_price(sol, Quote::dollars(151.0)).expect_ok();
    assert_eq!(world.reserve(sol).price.price, 15_100_000_000);
}

#[test]
fn remaining_accounts_c16_price_accounts_match_the_reserves_in_number_and_order() {
    let (Scene { mut world, usd, sol, .. }, _) = scene();
    world.publish(usd, Quote::dollars(1.0));
    world.publish(sol, Quote::dollars(150.0));
    let market = world.market;
    let (usd_price, sol_price) = (world.price_account(usd), world.price_account(sol));
    let refresh = |reserves: &[u8], accounts: &[Address]| {
        let mut instruction = RefreshPrices { market, reserves: reserves.to_vec() }.instruction();
        instruction.accounts.extend(accounts.iter().map(|account| AccountMeta::new_readonly(*account, false)));
        instruction
    };
    for (reserves, accounts, error) in [
        (&[usd, sol][..], &[sol_price, usd_price][..], Error::PriceFeedMismatch),
        (&[usd, sol], &[usd_price], Error::PriceAccountMissing),
        (&[usd], &[usd_price, sol_price], Error::PriceAccountMissing),
        (&[], &[], Error::PriceAccountMissing),
        (&[], &[usd_price], Error::PriceAccountMissing),
        (&[usd, 2], &[usd_price, sol_price], Error::ReserveIndexOutOfRange),
        (&[255], &[usd_price], Error::ReserveIndexOutOfRange),
        (&[usd, usd], &[usd_price, sol_price], Error::PriceFeedMismatch),
    ] {
        world.send(&[refresh(reserves, accounts)]).expect_error(error);
    }
    // The market's own bytes are no price, and it is written to: it cannot stand here.
    world.send(&[refresh(&[usd], &[market])]).expect_custom(2040);
    // The same reserve twice takes the price over once.
    world.send(&[refresh(&[sol, sol, usd], &[sol_price, sol_price, usd_price])]).expect_ok();
    assert_eq!(world.reserve(sol).price.publish_time, world.now());
    world.assert_conserved();
}

/// Positions live in the margin account and prices in the market: there is no list to leave the losing position out of.
#[test]
fn remaining_accounts_c16_a_health_check_cannot_be_given_a_choice_of_positions() {
    let (Scene { mut world, usd, trader, .. }, _) = scene();
    world.refresh_all();
    let tokens = world.tokens(&trader.key, usd);
    let mut borrow = world.view().borrow(trader.key, trader.margin, tokens, usd, 5_000 * USD).expect("listed");
    let other = world.user("other");
    borrow.accounts.push(AccountMeta::new_readonly(other.margin, false));
    borrow.accounts.push(AccountMeta::new_readonly(world.price_account(usd), false));
    world.send(&[borrow]).expect_error(Error::InitialHealthTooLow);
}

/// Carries the interest until now over into the index, by a deposit, and returns the index of debts.
fn accrued(world: &mut World, reserve: u8) -> u128 {
    let user = world.user("touches the reserve");
    world.supply(user, reserve, USD);
    world.reserve(reserve).debt_index.to_bits()
}

#[test]
fn time_c28_a_clock_that_steps_back_accrues_nothing_and_nothing_twice() {
    let (Scene { mut world, usd, .. }, _) = scene();
    world.advance(3_600);
    let at_its_latest = accrued(&mut world, usd);
    let mut straight = world.fork();
    for seconds in [-1_800, 900, 900] {
        world.advance(seconds);
        assert_eq!(accrued(&mut world, usd), at_its_latest, "nothing until the clock has caught up");
        accrued(&mut straight, usd);
    }
    for fork in [&mut world, &mut straight] {
        fork.advance(3_600);
    }
    let index = accrued(&mut world, usd);
    assert_eq!(index, accrued(&mut straight, usd));
    assert!(index > at_its_latest);
}

#[test]
fn time_c28_interest_accrues_once_however_often_it_is_asked_for() {
    let (Scene { mut world, usd, .. }, _) = scene();
    world.advance(86_400);
    world.refresh_all();
    let projected = world.reserve(usd).debt_index_at(world.now()).to_bits();
    let user = world.user("impatient");
    for _ in 0..5 {
        world.refresh(&[usd]).expect_ok();
        assert_eq!(accrued(&mut world, usd), projected);
        world.supply(user, usd, USD);
        world.withdraw(user, usd, u64::MAX).expect_ok();
    }
    assert_eq!(accrued(&mut world, usd), projected);
    world.assert_conserved();
}

/// The year before a change of parameters is charged at the rates that were in force.
#[test]
fn time_c28_a_new_rate_does_not_reach_back() {
    let (Scene { mut world, usd, .. }, _) = scene();
    let mut unchanged = world.fork();
    world.advance(86_400 * 30);
    unchanged.advance(86_400 * 30);
    world.reconfigure(usd, |config| config.curve.points[1].rate_bps = 9_000).expect_ok();
    unchanged.reconfigure(usd, |config| config.borrow_cap -= 1).expect_ok();
    assert_eq!(world.reserve(usd).debt_index, unchanged.reserve(usd).debt_index);
    assert!(world.reserve(usd).borrow_rate > unchanged.reserve(usd).borrow_rate);
}

/// Limits are in seconds: slots have changed their length twice.
#[test]
fn time_c28_slots_do_not_age_a_price() {
    let (Scene { mut world, usd, trader, .. }, _) = scene();
    world.refresh_all();
    world.svm.warp_to_slot(4_000_000_000);
    world.borrow(trader, usd, 100 * USD).expect_ok();
}
