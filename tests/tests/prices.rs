//! Taking prices over from Pyth's accounts: which are accepted and which are not.

use ballast_client::{Address, PYTH_RECEIVERS, SYSTEM_PROGRAM, instruction::RefreshPrices, to_engine};
use ballast_engine::{
    Error,
    number::units::{Bps, ONE_BPS, Usd},
    price::feed::PriceUpdate,
};
use ballast_tests::{Outcome, Quote, Scene, USD, World, market_config, reserve_config};
use solana_account::Account;

/// A scene whose clock is past all prices it holds, and a usable update of the sol reserve's feed.
fn ready() -> (Scene, PriceUpdate) {
    let mut scene = Scene::new();
    scene.world.advance(10);
    let feed = scene.world.reserve(scene.sol).config.oracle.feed_id.0;
    let update = Quote::dollars(151.0).update(feed, scene.world.now());
    (scene, update)
}

/// Publishes an update of the reserve's feed and has it taken over.
#[track_caller]
fn refresh_with(world: &mut World, reserve: u8, update: &PriceUpdate) -> Outcome {
    let account = world.price_account(reserve);
    world.write_price(account, PYTH_RECEIVERS[0], update);
    world.refresh(&[reserve])
}

/// Has the bytes of a price account taken over.
#[track_caller]
fn refresh_with_bytes(world: &mut World, reserve: u8, owner: Address, bytes: Vec<u8>) -> Outcome {
    let account = world.price_account(reserve);
    world.write(account, owner, bytes);
    world.refresh(&[reserve])
}

#[test]
fn a_refresh_takes_over_prices_and_nothing_else() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = ready();
    world.refresh_all();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    world.advance(1_000);
    let (now, stranger, before) = (world.now(), world.key("stranger"), world.view().reserves);
    world.publish(sol, Quote::dollars(140.0).confidence_bps(10).ema_dollars(141.0));
    world.publish(usd, Quote::dollars(0.999));
    // Anyone may: nobody signs but who pays the fee.
    let instruction = world.refresh_instruction(&[sol, usd]);
    let outcome = world.send_from(stranger, &[instruction]).expect_ok();
    assert_eq!(outcome.events, []);
    let price = world.reserve(sol).price;
    assert_eq!((price.price, price.ema_price, price.confidence), (14_000_000_000, 14_100_000_000, 14_000_000));
    assert_eq!((price.publish_time, price.exponent), (now, -8));
    assert_eq!((price.confidence_bps, price.divergence_bps), (Bps(10), Bps(71)));
    assert_eq!(world.reserve(usd).price.price, 99_900_000);
    for (index, before) in (0..).zip(before) {
        let after = world.reserve(index);
        assert_eq!(ballast_engine::state::reserve::Reserve { price: after.price, risk: after.risk, ..before }, after);
    }
    world.assert_conserved();
}

#[test]
fn both_receiver_programs_are_accepted_and_no_other() {
    for (owner, accepted) in [
        (PYTH_RECEIVERS[0], true),
        (PYTH_RECEIVERS[1], true),
        (SYSTEM_PROGRAM, false),
        (ballast_client::ID, false),
        (Address::new_from_array([7; 32]), false),
    ] {
        let (Scene { mut world, sol, .. }, update) = ready();
        let bytes = update.to_bytes(to_engine(&SYSTEM_PROGRAM)).to_vec();
        let outcome = refresh_with_bytes(&mut world, sol, owner, bytes);
        if accepted {
            outcome.expect_ok()
        } else {
            outcome.expect_error(Error::PriceOwnerNotAllowed)
        };
    }
}

#[test]
fn an_absent_second_receiver_does_not_admit_the_system_program() {
    let mut world = World::new();
    let mut config = market_config();
    config.roles.second_price_receiver = to_engine(&Address::default());
    world.market = world.create_market(1, config);
    let sol = world.list(ballast_tests::Token::new("SOL", 9, 150.0), reserve_config());
    world.advance(10);
    let feed = world.reserve(sol).config.oracle.feed_id.0;
    let bytes = Quote::dollars(1.0).update(feed, world.now()).to_bytes(to_engine(&SYSTEM_PROGRAM)).to_vec();
    refresh_with_bytes(&mut world, sol, SYSTEM_PROGRAM, bytes.clone()).expect_error(Error::PriceOwnerNotAllowed);
    refresh_with_bytes(&mut world, sol, PYTH_RECEIVERS[1], bytes).expect_error(Error::PriceOwnerNotAllowed);
}

#[test]
fn malformed_accounts_are_refused_and_partially_verified_ones_passed_over() {
    let (Scene { mut world, sol, .. }, update) = ready();
    let bytes = update.to_bytes(to_engine(&SYSTEM_PROGRAM)).to_vec();
    let mut refuse = |bytes: Vec<u8>, error| {
        refresh_with_bytes(&mut world, sol, PYTH_RECEIVERS[0], bytes).expect_error(error);
    };
    refuse(vec![], Error::PriceAccountMalformed);
    refuse(bytes[..133].to_vec(), Error::PriceAccountMalformed);
    refuse([&bytes[..], &[0]].concat(), Error::PriceAccountMalformed);
    for byte in 0..8 {
        let mut bytes = bytes.clone();
        bytes[byte] ^= 1;
        refuse(bytes, Error::PriceAccountMalformed);
    }
    let held = world.reserve(sol).price;
    for level in [0, 2, 255] {
        let mut bytes = bytes.clone();
        bytes[40] = level;
        refresh_with_bytes(&mut world, sol, PYTH_RECEIVERS[0], bytes).expect_passed_over(Error::PriceNotFullyVerified);
    }
    // As Pyth stores a partial verification: one more byte, which shifts what follows; the account has the same length.
    let mut partial = [&bytes[..40], &[0, 5], &bytes[41..]].concat();
    partial.truncate(PriceUpdate::LEN);
    refresh_with_bytes(&mut world, sol, PYTH_RECEIVERS[0], partial).expect_passed_over(Error::PriceNotFullyVerified);
    assert_eq!(world.reserve(sol).price, held);
    refresh_with_bytes(&mut world, sol, PYTH_RECEIVERS[0], bytes).expect_ok();
}

#[test]
fn unusable_numbers_are_passed_over() {
    let (Scene { mut world, sol, .. }, usable) = ready();
    let now = world.now();
    let spot = usable.price;
    let cases = [
        (PriceUpdate { price: 0, ..usable }, Error::PriceNotPositive),
        (PriceUpdate { price: -spot, ..usable }, Error::PriceNotPositive),
        (PriceUpdate { price: i64::MIN, ..usable }, Error::PriceNotPositive),
        (PriceUpdate { ema_price: 0, ..usable }, Error::PriceNotPositive),
        (PriceUpdate { ema_price: -1, ..usable }, Error::PriceNotPositive),
        (PriceUpdate { exponent: 1, ..usable }, Error::PriceExponentOutOfRange),
        (PriceUpdate { exponent: -19, ..usable }, Error::PriceExponentOutOfRange),
        (PriceUpdate { exponent: i32::MIN, ..usable }, Error::PriceExponentOutOfRange),
        (PriceUpdate { exponent: 0, price: 1_000_000_001, ..usable }, Error::PriceOutOfRange),
        (PriceUpdate { exponent: 0, price: 5, ema_price: 1_000_000_001, ..usable }, Error::PriceOutOfRange),
        (PriceUpdate { exponent: -18, price: 1_000_000, ema_price: 999_999, ..usable }, Error::PriceOutOfRange),
        (PriceUpdate { exponent: -18, price: 999_999, ..usable }, Error::PriceOutOfRange),
        (PriceUpdate { publish_time: now + 31, ..usable }, Error::PriceInFuture),
        (PriceUpdate { publish_time: i64::MAX, ..usable }, Error::PriceInFuture),
        (PriceUpdate { confidence: spot as u64 / 10 + 1, ..usable }, Error::PriceConfidenceTooWide),
        (PriceUpdate { confidence: u64::MAX, ..usable }, Error::PriceConfidenceTooWide),
    ];
    refresh_with(&mut world, sol, &PriceUpdate { feed_id: [9; 32], ..usable }).expect_error(Error::PriceFeedMismatch);
    let held = world.reserve(sol).price;
    for (update, error) in cases {
        refresh_with(&mut world, sol, &update).expect_passed_over(error);
        assert_eq!(world.reserve(sol).price, held);
    }
    refresh_with(&mut world, sol, &PriceUpdate { confidence: spot as u64 / 10, ..usable }).expect_ok();
}

#[test]
fn the_edges_of_the_price_range_are_usable() {
    for (exponent, price) in
        [(0, 1_000_000_000), (0, 1), (-18, 1_000_000), (-18, i64::MAX), (-9, 1_000_000_000_000_000_000)]
    {
        let (Scene { mut world, sol, .. }, usable) = ready();
        let update = PriceUpdate { exponent, price, ema_price: price, confidence: 0, ..usable };
        refresh_with(&mut world, sol, &update).expect_ok();
        let cache = world.reserve(sol).price;
        let dollars = cache.value_floor(1_000_000_000, cache.spot, Bps(ONE_BPS)).to_f64();
        let expected = price as f64 * 10f64.powi(exponent);
        assert!((dollars - expected).abs() <= expected * 1e-9 + 1e-8, "{dollars} instead of {expected}");
    }
}

#[test]
fn a_price_never_goes_back_in_time() {
    let (Scene { mut world, sol, .. }, update) = ready();
    refresh_with(&mut world, sol, &update).expect_ok();
    let older = PriceUpdate { publish_time: update.publish_time - 1, price: 1, ..update };
    let held = world.reserve(sol).price;
    // An older one or the same again is no error, so that two keepers do not fail each other, and changes nothing.
    refresh_with(&mut world, sol, &older).expect_ok();
    for publish_time in [0, -1, i64::MIN] {
        assert!(refresh_with(&mut world, sol, &PriceUpdate { publish_time, ..older }).expect_ok().events.is_empty());
    }
    assert_eq!(world.reserve(sol).price, held);
    let other = PriceUpdate { price: update.price / 2, ema_price: update.price / 2, ..update };
    refresh_with(&mut world, sol, &other).expect_ok();
    assert_eq!(world.reserve(sol).price, held);
}

#[test]
fn a_pinned_account_is_the_only_one_accepted() {
    let (Scene { mut world, sol, .. }, update) = ready();
    let pinned = Address::new_from_array([0x77; 32]);
    world.reconfigure(sol, |config| config.oracle.feed_account = to_engine(&pinned)).expect_ok();
    refresh_with(&mut world, sol, &update).expect_error(Error::PriceAccountNotPinned);
    world.write_price(pinned, PYTH_RECEIVERS[0], &update);
    let instruction = world.view().refresh_prices(&world.view().pinned_prices()).expect("the reserves exist");
    world.send(&[instruction]).expect_ok();
    assert_eq!(world.reserve(sol).price.publish_time, update.publish_time);
}

#[test]
fn each_index_needs_its_account_and_each_account_its_index() {
    let (Scene { mut world, usd, sol, .. }, _) = ready();
    world.publish(usd, Quote::dollars(1.0));
    world.publish(sol, Quote::dollars(150.0));
    let whole = world.refresh_instruction(&[usd, sol]);
    let mut short = whole.clone();
    short.accounts.pop();
    world.send(&[short]).expect_error(Error::PriceAccountMissing);
    let mut long = whole.clone();
    long.accounts.push(long.accounts[2].clone());
    world.send(&[long]).expect_error(Error::PriceAccountMissing);
    let empty = RefreshPrices { market: world.market, reserves: vec![] };
    world.send_one(empty).expect_error(Error::PriceAccountMissing);
    let mut swapped = whole.clone();
    swapped.accounts.swap(1, 2);
    world.send(&[swapped]).expect_error(Error::PriceFeedMismatch);
    let beyond = RefreshPrices::with_prices(world.market, &[(2, world.price_account(sol))]);
    world.send(&[beyond]).expect_error(Error::ReserveIndexOutOfRange);
    world.send(&[whole]).expect_ok();
}

#[test]
fn one_bad_feed_stops_no_other() {
    let (Scene { mut world, usd, sol, .. }, _) = ready();
    let before = world.reserve(sol).price;
    world.publish(usd, Quote::dollars(1.01));
    world.publish(sol, Quote::dollars(-1.0));
    world.refresh(&[sol, usd]).expect_passed_over(Error::PriceNotPositive);
    assert_eq!((world.reserve(sol).price, world.reserve(usd).price.price), (before, 101_000_000));
    // An account that was closed likewise; one that is another's is a mistake, and nothing is taken over.
    world.advance(1);
    world.publish(usd, Quote::dollars(1.02));
    let (account, market) = (world.price_account(sol), world.account(&world.market));
    world.write(account, SYSTEM_PROGRAM, vec![0; 134]);
    world.refresh(&[usd, sol]).expect_error(Error::PriceOwnerNotAllowed);
    assert_eq!(world.account(&world.market), market);
    world.set_account(account, Account::default());
    world.refresh(&[sol, usd]).expect_passed_over(Error::PriceAccountClosed);
    assert_eq!((world.reserve(sol).price, world.reserve(usd).price.price), (before, 102_000_000));
}

#[test]
fn the_price_of_a_feed_that_was_replaced_backs_no_new_risk() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = ready();
    world.refresh_all();
    world.reconfigure(sol, |config| config.oracle.feed_id.0[0] ^= 1).expect_ok();
    world.borrow(trader, usd, 20 * USD).expect_error(Error::PriceStale);
    // Any price of the new feed is newer than the old feed's.
    let (account, feed) = (world.price_account(sol), world.reserve(sol).config.oracle.feed_id.0);
    let early = Quote::dollars(150.0).update(feed, world.now() - 5);
    world.write_price(account, PYTH_RECEIVERS[0], &early);
    world.refresh(&[sol]).expect_ok();
    world.borrow(trader, usd, 20 * USD).expect_ok();
}

#[test]
fn the_reported_health_is_what_the_engine_computes() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = ready();
    world.set_price(sol, Quote::dollars(150.0).confidence_bps(50).ema_dollars(151.0)).expect_ok();
    world.refresh_all();
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    world.advance(30);
    let report = world.health(trader.margin);
    let (view, account) = (world.view(), world.margin(&trader.margin));
    assert_eq!(Ok(report), view.health_report(&account, world.now()));
    let near = |value: u128, dollars: f64| (Usd(value).to_f64() / dollars - 1.0).abs() < 1e-6;
    assert!(near(report.initial_collateral.get(), 100.0 * 0.8 * (150.0 - 1.5)), "{report:?}");
    assert!(near(report.maintenance_collateral.get(), 100.0 * 0.85 * (150.0 - 1.5)), "{report:?}");
    assert!(near(report.equity_collateral.get(), 100.0 * 150.0), "{report:?}");
    assert!(near(report.initial_debt.get(), 5_000.0 * 1.1), "{report:?}");
    assert!(near(report.maintenance_debt.get(), 5_000.0 * 1.05), "{report:?}");
    assert!(near(report.equity_debt.get(), 5_000.0), "{report:?}");
}

#[test]
fn the_reported_health_says_when_nothing_covers_a_debt() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = ready();
    world.refresh_all();
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    let usable = world.health(trader.margin);
    assert!(usable.initial_debt.get() < usable.initial_collateral.get());
    // Unsettled, then stale: no new risk, but liquidation and insolvency are judged all the same.
    world.set_price(usd, Quote::dollars(1.0).confidence_bps(300)).expect_ok();
    let unsettled = world.health(trader.margin);
    assert_eq!(unsettled.initial_debt.get(), u128::MAX);
    assert!(unsettled.maintenance_debt.get() > usable.maintenance_debt.get(), "the confidence counts");
    world.advance(61);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    let stale = world.health(trader.margin);
    assert_eq!(stale.initial_debt.get(), u128::MAX);
    assert_eq!(stale.equity_collateral, usable.equity_collateral);
    let half = unsettled.maintenance_debt.get() as f64 / 2.0;
    assert!((stale.maintenance_debt.get() as f64 / half - 1.0).abs() < 1e-5, "{stale:?}");
}
