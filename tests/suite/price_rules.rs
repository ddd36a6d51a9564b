//! The table action × condition of the engine's `rules`, cell by cell on the bytecode, and prices made of two feeds.

use std::mem::offset_of;

use ballast_client::{Address, LiquidationOrder};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    price::{
        cache::PriceCache,
        feed::PriceUpdate,
        policy::{Condition, FAVOUR_SECONDS},
    },
    record::layout,
    state::{market::Market, reserve::Reserve},
};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, World, price_account, reserve_config};

/// Which reserve's price is in the condition.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Collateral,
    Debt,
}

/// Prices a reserve at so many dollars, in a condition: for [`Condition::Skewed`] before the other's next price.
fn set_condition(world: &mut World, reserve: u8, dollars: f64, condition: Condition) {
    let quote = match condition {
        Condition::NeverPriced => return forget_price(world, reserve),
        Condition::Fresh | Condition::Stale | Condition::Dead | Condition::Skewed => Quote::dollars(dollars),
        Condition::WideConfidence => Quote::dollars(dollars).confidence_bps(250),
        Condition::FarFromAverage => Quote::dollars(dollars).ema_dollars(dollars * 1.1),
        Condition::Moving => moved(world, reserve, dollars, [Bps(200), Bps(400), Bps(0)]),
        Condition::Halted => moved(world, reserve, dollars, [Bps(100), Bps(200), Bps(400)]),
    };
    world.set_price(reserve, quote).expect_ok();
    world.advance(match condition {
        Condition::Stale => 61,
        Condition::Dead => 61 + FAVOUR_SECONDS,
        Condition::Skewed => 11,
        _ => 0,
    });
}

/// A quote near its average that is far from it for these tiers of the price breaker.
fn moved(world: &mut World, reserve: u8, dollars: f64, tiers: [Bps; 3]) -> Quote {
    let halt_seconds = 900;
    world
        .reconfigure(reserve, |config| (config.breakers.tiers, config.breakers.halt_seconds) = (tiers, halt_seconds))
        .expect_ok();
    Quote::dollars(dollars).ema_dollars(dollars * 1.03)
}

/// As a reserve just listed: nothing but governance can bring an account there.
fn forget_price(world: &mut World, reserve: u8) {
    let mut account = world.account(&world.market);
    // Behind the discriminator, the head, and the padded count of the reserves.
    let at = 8 + size_of::<Market>() + 8 + reserve as usize * size_of::<Reserve>() + offset_of!(Reserve, price);
    account.data[at..at + size_of::<PriceCache>()].fill(0);
    world.set_account(world.market, account);
}

/// A trader with SOL who owes USD, under water if asked for, where one of the two prices is in a condition.
fn scene_in(of: Of, condition: Condition, under_water: bool) -> Scene {
    let mut scene = Scene::new();
    let Scene { world, usd, sol, trader, .. } = &mut scene;
    world.borrow(*trader, *usd, 10_500 * USD).expect_ok();
    world.advance(1_000);
    let sol_dollars = if under_water { 120.0 } else { 150.0 };
    let (reserve, dollars, other, other_dollars) = match of {
        Of::Collateral => (*sol, sol_dollars, *usd, 1.0),
        Of::Debt => (*usd, 1.0, *sol, sol_dollars),
    };
    set_condition(world, reserve, dollars, condition);
    world.set_price(other, Quote::dollars(other_dollars)).expect_ok();
    let newest = world.reserve(other).price.publish_time;
    assert_eq!(world.reserve(reserve).condition(world.now(), newest), condition, "{of:?}");
    scene
}

fn liquidate(scene: Scene) -> Outcome {
    let Scene { mut world, usd, sol, trader, .. } = scene;
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 1_000 * USD, min_collateral: 1 };
    world.liquidate(liquidator, trader.margin, order)
}

fn expect(outcome: Outcome, expected: Result<(), Error>, what: &str) {
    assert_eq!(outcome.is_ok(), expected.is_ok(), "{what}: {}", outcome.describe());
    if let Err(error) = expected {
        assert_eq!(outcome.engine_error(), Some(error), "{what}");
    }
}

/// What came after its price had died would ward off liquidation for nothing.
#[test]
fn repayments_need_no_price_and_deposits_beside_a_debt_one_that_is_not_too_old() {
    for condition in Condition::ALL {
        let Scene { mut world, sol, lender, trader, .. } = scene_in(Of::Collateral, condition, false);
        world.fund(&trader.key, sol, SOL);
        world.fund(&lender.key, sol, SOL);
        let expected = match condition {
            Condition::Stale | Condition::Dead | Condition::NeverPriced => Err(Error::PriceStale),
            _ => Ok(()),
        };
        expect(world.deposit(trader, sol, SOL), expected, &format!("deposit, {condition:?}"));
        expect(world.deposit(lender, sol, SOL), Ok(()), &format!("deposit without debt, {condition:?}"));
        let Scene { mut world, usd, trader, .. } = scene_in(Of::Debt, condition, false);
        expect(world.repay(trader, usd, USD), Ok(()), &format!("repay, {condition:?}"));
    }
}

/// But a halted reserve pays nothing out, whatever for.
#[test]
fn a_withdrawal_without_debt_needs_no_price() {
    for condition in Condition::ALL {
        let Scene { mut world, usd, lender, .. } = scene_in(Of::Debt, condition, false);
        let expected = if condition == Condition::Halted { Err(Error::ReserveHalted) } else { Ok(()) };
        expect(world.withdraw(lender, usd, USD), expected, &format!("{condition:?}"));
    }
}

/// Collateral in any condition but fresh counts nothing, and a large one whose price is old, which maintenance would count, stops
/// everything; such a debt does, but while its price just moves.
#[test]
fn new_risk_needs_fresh_prices() {
    for condition in Condition::ALL {
        let of_debt = match condition {
            Condition::Fresh | Condition::Moving => Ok(()),
            Condition::Halted => Err(Error::ReserveHalted),
            Condition::Stale | Condition::Dead | Condition::NeverPriced => Err(Error::PriceStale),
            Condition::Skewed => Err(Error::PricesSkewed),
            Condition::WideConfidence | Condition::FarFromAverage => Err(Error::PriceUnsettled),
        };
        let of_collateral = match condition {
            Condition::Fresh => Ok(()),
            Condition::Stale | Condition::Dead => Err(Error::PriceStale),
            _ => Err(Error::InitialHealthTooLow),
        };
        for (of, expected) in [(Of::Collateral, of_collateral), (Of::Debt, of_debt)] {
            let Scene { mut world, usd, trader, .. } = scene_in(of, condition, false);
            expect(world.borrow(trader, usd, 10 * USD), expected, &format!("borrow, {of:?} {condition:?}"));
            let Scene { mut world, sol, trader, .. } = scene_in(of, condition, false);
            let expected = if condition == Condition::Halted { Err(Error::ReserveHalted) } else { expected };
            expect(world.withdraw(trader, sol, SOL / 100), expected, &format!("withdraw, {of:?} {condition:?}"));
        }
    }
}

#[test]
fn both_sides_of_a_liquidation_need_recent_prices_of_one_moment_and_no_more() {
    for condition in Condition::ALL {
        let expected = match condition {
            Condition::Stale | Condition::Dead | Condition::NeverPriced => Err(Error::PriceStale),
            Condition::Skewed => Err(Error::PricesSkewed),
            _ => Ok(()),
        };
        for of in [Of::Collateral, Of::Debt] {
            expect(liquidate(scene_in(of, condition, true)), expected, &format!("{of:?} {condition:?}"));
        }
    }
}

/// How the other positions of an account are read when its maintenance is judged: a price that is old far in the borrower's favour,
/// for some hours, and one of another moment likewise.
#[test]
fn maintenance_reads_other_prices_in_the_borrowers_favour() {
    for condition in Condition::ALL {
        for is_debt in [false, true] {
            let Scene { mut world, usd, sol, lender, .. } = Scene::new();
            let other = world.list(Token::new("other", 6, 1.0), reserve_config());
            let user = world.user("user");
            world.supply(user, sol, 100 * SOL);
            world.supply(lender, other, 100_000 * USD);
            world.refresh_all();
            if is_debt {
                world.borrow(user, other, 1_000 * USD).expect_ok();
            } else {
                world.supply(user, other, 1_000 * USD);
            }
            world.refresh_all();
            world.borrow(user, usd, 1_000 * USD).expect_ok();
            world.advance(1_000);
            let uncertain = Quote::dollars(1.0).confidence_bps(100);
            let quote = if condition == Condition::WideConfidence { uncertain.confidence_bps(250) } else { uncertain };
            set_condition(&mut world, other, 1.0, condition);
            if matches!(condition, Condition::Fresh | Condition::Stale | Condition::Dead | Condition::Skewed) {
                world.advance(1);
                world.set_price(other, quote).expect_ok();
                world.advance(match condition {
                    Condition::Stale => 61,
                    Condition::Dead => 61 + FAVOUR_SECONDS,
                    Condition::Skewed => 11,
                    _ => 0,
                });
            }
            for (reserve, dollars) in [(usd, 1.0), (sol, 150.0)] {
                world.publish(reserve, Quote::dollars(dollars));
            }
            world.refresh(&[usd, sol]).expect_ok();
            let report = world.health(user.margin);
            let (sum, weight) = match is_debt {
                false => (report.maintenance_collateral.get() as f64 / 1e8 - 15_000.0 * 0.85, 0.85),
                true => (report.maintenance_debt.get() as f64 / 1e8 - 1_000.0 * 1.05, 1.05),
            };
            // A confidence of 1 % at a multiple of two, 2.5 % where it is wide, none where the price moved.
            let against = if is_debt { 1.0 } else { -1.0 };
            let expected = match condition {
                Condition::NeverPriced => 0.0,
                Condition::Fresh | Condition::Dead => 1.0 + against * 0.02,
                Condition::Stale | Condition::Skewed if is_debt => 1.02 / 2.0,
                Condition::Stale | Condition::Skewed => 0.98 * 2.0,
                Condition::WideConfidence => 1.0 + against * 0.05,
                Condition::FarFromAverage | Condition::Moving | Condition::Halted => 1.0,
            };
            let (sum, expected) = (sum / 1_000.0 / weight, expected);
            assert!((sum - expected).abs() < 1e-3, "{condition:?}, debt {is_debt}: {sum}, not {expected}");
        }
    }
}

/// Bad debt is judged by last prices, whatever their condition.
#[test]
fn settling_bad_debt_reads_last_prices() {
    // No price is of another moment than the only one.
    for condition in Condition::ALL.into_iter().filter(|condition| *condition != Condition::Skewed) {
        let Scene { mut world, usd, sol, trader, .. } = Scene::new();
        world.borrow(trader, usd, 10_500 * USD).expect_ok();
        world.advance(1_000);
        world.set_price(usd, Quote::dollars(1.0)).expect_ok();
        world.set_price(sol, Quote::dollars(20.0)).expect_ok();
        let liquidator = world.key("liquidator");
        world.fund(&liquidator, usd, 100_000 * USD);
        let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: EVERYTHING, min_collateral: 1 };
        world.liquidate(liquidator, trader.margin, order).expect_ok();
        set_condition(&mut world, usd, 1.0, condition);
        assert_eq!(world.reserve(usd).price.condition(world.now()), condition);
        // A debt never priced is worth nothing, so nothing is missing.
        let expected = if condition == Condition::NeverPriced { Err(Error::BadDebtNotProven) } else { Ok(()) };
        expect(world.settle(trader.margin, usd), expected, &format!("{condition:?}"));
    }
}

// Prices made of two feeds.

const RATE_FEED: [u8; 32] = [0x51; 32];

/// A staking token priced by its exchange rate to SOL times SOL's price.
fn staked() -> (World, u8, u8) {
    let Scene { mut world, sol, .. } = Scene::new();
    let base = world.reserve(sol).config.oracle.feed_id;
    let token = world.list(Token::new("staked", 9, 150.0), reserve_config());
    world
        .reconfigure(token, |config| {
            (config.oracle.feed_id, config.oracle.base_feed_id) = (layout::Address(RATE_FEED), base);
        })
        .expect_ok();
    (world, sol, token)
}

fn publish_rate(world: &mut World, rate: f64, publish_time: i64) -> Address {
    let quote = Quote { exponent: -10, ..Quote::dollars(rate * 100.0) };
    let address = price_account(&RATE_FEED);
    world.write_price(address, ballast_client::PYTH_RECEIVERS[0], &quote.update(RATE_FEED, publish_time));
    address
}

#[test]
fn a_rate_times_a_base_price_is_the_price_and_as_old_as_the_older() {
    let (mut world, sol, token) = staked();
    world.advance(100);
    let now = world.now();
    world.publish(sol, Quote::dollars(160.0).confidence_bps(20).ema_dollars(158.0));
    let base = world.price_account(sol);
    let rate = publish_rate(&mut world, 1.25, now - 7);
    let refresh = world.view().refresh_prices(&[(token, rate), (token, base)]).expect("two accounts");
    world.send(&[refresh]).expect_ok();
    let price = world.reserve(token).price;
    let unit = 10f64.powi(price.exponent);
    assert!((price.price as f64 * unit - 200.0).abs() < 1e-9, "{price:?}");
    assert!((price.ema_price as f64 * unit - 197.5).abs() < 1e-9);
    assert!((price.confidence as f64 * unit - 0.4).abs() < 1e-6);
    assert_eq!(price.publish_time, now - 7);
}

#[test]
fn a_composed_price_needs_both_accounts_in_their_order() {
    let (mut world, sol, token) = staked();
    world.advance(100);
    world.publish(sol, Quote::dollars(160.0));
    let now = world.now();
    let (rate, base, market) = (publish_rate(&mut world, 1.25, now), world.price_account(sol), world.market);
    let send = |world: &mut World, accounts: &[Address]| {
        let pairs: Vec<_> = accounts.iter().map(|account| (token, *account)).collect();
        world.send(&[ballast_client::instruction::RefreshPrices::with_prices(market, &pairs)])
    };
    send(&mut world, &[rate]).expect_error(Error::PriceAccountMissing);
    send(&mut world, &[rate, base, base]).expect_error(Error::PriceAccountMissing);
    send(&mut world, &[base, rate]).expect_error(Error::PriceFeedMismatch);
    send(&mut world, &[rate, rate]).expect_error(Error::PriceFeedMismatch);
    send(&mut world, &[rate, base]).expect_ok();
    // Rates of twenty digits leave no room.
    let address = price_account(&RATE_FEED);
    let huge = PriceUpdate {
        feed_id: RATE_FEED,
        price: i64::MAX,
        confidence: 0,
        exponent: 0,
        publish_time: now + 1,
        prev_publish_time: now,
        ema_price: i64::MAX,
    };
    world.advance(1);
    world.publish(sol, Quote::dollars(160.0));
    world.write_price(address, ballast_client::PYTH_RECEIVERS[0], &huge);
    send(&mut world, &[rate, base]).expect_passed_over(Error::PriceOutOfRange);
}

/// The slow reference keeps a pumped price from backing new risk until the pump has lasted.
#[test]
fn a_pumped_price_lends_little_until_it_has_lasted() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.reconfigure(sol, |config| config.oracle.reference_speed = Bps(1_000)).expect_ok();
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    // The EMA is taken in too.
    world.advance(60);
    world.set_price(sol, Quote::dollars(450.0)).expect_ok();
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    let worth = |world: &mut World| world.health(trader.margin).initial_collateral.get() as f64 / 1e8;
    // 12,000 USD at 150, and a minute of 10 % an hour.
    let pumped = worth(&mut world);
    assert!(pumped > 12_000.0 && pumped < 12_000.0 * (1.0 + 0.1 / 60.0 * 1.2), "{pumped}");
    world.borrow(trader, usd, 11_000 * USD).expect_error(Error::InitialHealthTooLow);
    // Maintenance, which wards off liquidation, follows at once.
    assert!(world.health(trader.margin).maintenance_collateral.get() as f64 / 1e8 > 38_000.0);
    for _ in 0..20 {
        world.advance(3_600);
        world.set_price(sol, Quote::dollars(450.0)).expect_ok();
    }
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    assert!((worth(&mut world) - 36_000.0).abs() < 1.0);
    world.borrow(trader, usd, 11_000 * USD).expect_ok();
}
