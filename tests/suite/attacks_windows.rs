//! Attacks on the market's outflow window: to let out more than it allows, or to shut it for nothing. What honest ways of
//! holding it shut cost is in `griefing.rs`.

use crate::support::insured_market::insured_reserve_config;
use ballast_client::Instruction;
use ballast_engine::Error;
use ballast_tests::{Quote, SOL, Scene, Token, USD, User, World};

/// Why building an instruction cannot fail here.
const LISTED: &str = "the reserve is listed";
/// Usd an hour that may leave the market, of which three quarters are open to all.
const LIMIT: u64 = 36_000;
const OPEN: u64 = LIMIT / 4 * 3;
/// 10^-8 USD in one USD.
const DOLLAR: i64 = 100_000_000;

/// A market with that limit alone, an hour after its deposits came.
fn scene() -> Scene {
    let mut scene = Scene::configured(insured_reserve_config());
    scene.world.reconfigure_market(|config| config.outflow_hour = LIMIT as u32).expect_ok();
    scene.world.supply(scene.trader, scene.sol, 10_000 * SOL);
    scene.world.advance(3_600);
    scene.world.refresh_all();
    scene
}

/// USD in the window.
#[track_caller]
fn level(world: &World) -> f64 {
    let level = world.view().market.outflow.hour;
    assert!(level >= 0, "no credit for anybody");
    level as f64 / DOLLAR as f64
}

/// The world with a reserve and the market's windows brought up to date.
fn refreshed(world: &World, reserve: u8) -> World {
    let mut world = world.fork();
    world.refresh_reserve(reserve).expect_ok();
    world
}

/// Requires that so many usd and no more may leave.
#[track_caller]
fn assert_room(world: &World, lender: User, usd: u8, room: f64) {
    let atoms = |dollars: f64| (dollars * USD as f64) as u64;
    world.fork().withdraw(lender, usd, atoms(room + 0.1)).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.fork().withdraw(lender, usd, atoms(room - 0.1)).expect_ok();
}

fn deposit(world: &mut World, user: User, reserve: u8, amount: u64) -> Instruction {
    let tokens = world.fund(&user.key, reserve, 0);
    world.view().deposit(user.key, user.margin, tokens, reserve, amount).expect(LISTED)
}

fn withdraw(world: &mut World, user: User, reserve: u8, amount: u64) -> Instruction {
    let tokens = world.fund(&user.key, reserve, 0);
    world.view().withdraw(user.key, user.margin, tokens, reserve, amount).expect(LISTED)
}

// Letting out.

/// The prices are old, and brought in the transaction that borrows: before it something touches the reserve.
#[test]
fn a_reserve_refresh_before_the_refresh_hides_no_loan() {
    let Scene { mut world, usd, sol, lender, trader } = scene();
    world.advance(600);
    world.publish(usd, Quote::dollars(1.0));
    world.publish(sol, Quote::dollars(150.0));
    let tokens = world.fund(&trader.key, usd, 0);
    let view = world.view();
    let loan = |dollars: u64| {
        [
            view.refresh_reserve(usd).expect(LISTED),
            world.refresh_instruction(&[usd, sol]),
            view.borrow(trader.key, trader.margin, tokens, usd, dollars * USD).expect(LISTED),
        ]
    };
    let (too_much, most) = (loan(OPEN + 1), loan(OPEN - 1));
    world.fork().send(&too_much).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.send(&most).expect_ok();
    assert!((level(&world) - (OPEN - 1) as f64).abs() < 1.0);
    assert_room(&world, lender, usd, 1.0);
    world.assert_conserved();
}

/// Collateral costs nothing to mint: tokens of one kind that come in are no credit for those of another that leave.
#[test]
fn minted_collateral_lets_out_no_more_of_another_token() {
    let Scene { mut world, usd, sol, lender, .. } = scene();
    let minted = world.list(Token::new("MINTED", 9, 150.0), insured_reserve_config());
    let thieves = ["first", "second"].map(|name| world.user(name));
    for (thief, reserve) in thieves.into_iter().zip([minted, sol]) {
        world.supply(thief, reserve, 1_000_000 * SOL);
    }
    world.refresh_all();
    for thief in thieves {
        world.fork().borrow(thief, usd, (OPEN + 1) * USD).expect_error(Error::MarketHourlyOutflowLimitReached);
    }
    world.borrow(thieves[0], usd, OPEN / 2 * USD).expect_ok();
    world.borrow(thieves[1], usd, (OPEN / 2 + 1) * USD).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.borrow(thieves[1], usd, (OPEN / 2 - 1) * USD).expect_ok();
    // More of it, and taking it out, changes nothing.
    world.supply(thieves[0], minted, 1_000_000 * SOL);
    assert_room(&world, lender, usd, 1.0);
    world.assert_conserved();
}

/// In at a fresh price and out at an old one, and the other way round: neither makes room nor takes it, but for what credit
/// fades in the minute that an old price takes.
#[test]
fn old_prices_neither_make_room_in_the_window_nor_shut_it() {
    for fresh_first in [true, false] {
        let Scene { mut world, usd, lender, .. } = scene();
        let thief = world.user("thief");
        world.fund(&thief.key, usd, 9_000 * USD);
        for _ in 0..22 {
            if fresh_first {
                world.refresh_all();
                world.deposit(thief, usd, 9_000 * USD).expect_ok();
                world.advance(61);
            } else {
                world.advance(61);
                world.deposit(thief, usd, 9_000 * USD).expect_ok();
                world.refresh_all();
            }
            world.withdraw(thief, usd, u64::MAX).expect_ok();
        }
        let level = level(&world);
        assert!(level < 9_000.0 * 22.0 / 50.0, "{level}");
        assert_room(&world, lender, usd, OPEN as f64 - level);
        world.assert_conserved();
    }
}

/// What came of a token is credit for that token, as long as it lasts: an hour later it is gone.
#[test]
fn credit_of_one_token_lets_out_that_token_alone() {
    let Scene { mut world, usd, sol, lender, trader } = scene();
    world.supply(lender, usd, 100_000 * USD);
    assert_room(&world, lender, usd, 100_000.0 + OPEN as f64);
    world.fork().withdraw(trader, sol, (OPEN / 150 + 1) * SOL).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.advance(3_600);
    assert_room(&world, lender, usd, OPEN as f64);
}

// Shutting.

/// What went is forgotten by its size in an hour, in the window as in each reserve: a deposit that comes and goes finds nothing
/// gone from the reserve that the window does not hold, alone or beside an outflow from another.
#[test]
fn in_and_out_long_after_an_outflow_fills_nothing() {
    let Scene { mut world, usd, sol, lender, trader } = scene();
    let thief = world.user("thief");
    world.fund(&thief.key, usd, 100_100 * USD);
    world.withdraw(lender, usd, OPEN / 2 * USD).expect_ok();
    world.withdraw(trader, sol, OPEN / 300 * SOL).expect_ok();
    for _ in 0..6 {
        world.advance(600);
        let before = level(&refreshed(&world, usd));
        let [come, go] = [deposit(&mut world, thief, usd, 100_000 * USD), withdraw(&mut world, thief, usd, u64::MAX)];
        world.send(&[come.clone(), go.clone()]).expect_ok();
        let [leave, come_back] = [withdraw(&mut world, trader, sol, SOL), deposit(&mut world, trader, sol, SOL)];
        world.send(&[leave, come, come_back, go]).expect_ok();
        assert!((level(&world) - before).abs() < 0.001, "{before} USD before, {} after", level(&world));
    }
    world.assert_conserved();
}

/// What had gone comes back in parts and goes as a whole, or the other way round: not a cent, however large. Of each token more
/// than 2^40 atoms, which is where values might be rounded otherwise.
#[test]
fn a_round_trip_in_parts_moves_the_window_by_nothing() {
    let Scene { mut world, usd, sol, .. } = scene();
    world.reconfigure_market(|config| config.outflow_hour = 100_000_000).expect_ok();
    let penny = world.list(Token::new("PENNY", 9, 0.01), insured_reserve_config());
    let thief = world.user("thief");
    for (reserve, whole) in [(usd, 3_000_000 * USD), (sol, 20_000 * SOL), (penny, 100_000_000 * SOL)] {
        // Not a multiple of any power of two.
        let whole = whole + 16_777_213;
        world.supply(thief, reserve, whole + 1_000);
        world.advance(3_600);
        world.withdraw(thief, reserve, whole).expect_ok();
        let (part, before) = (whole / 5 + 1, level(&world));
        let [all_in, all_out] =
            [deposit(&mut world, thief, reserve, whole), withdraw(&mut world, thief, reserve, whole)];
        let [part_in, part_out] =
            [deposit(&mut world, thief, reserve, part), withdraw(&mut world, thief, reserve, part)];
        let [rest_in, rest_out] = [
            deposit(&mut world, thief, reserve, whole - 4 * part),
            withdraw(&mut world, thief, reserve, whole - 4 * part),
        ];
        let in_parts = [vec![part_in; 4], vec![rest_in, all_out]].concat();
        let out_in_parts = [vec![all_in], vec![part_out; 4], vec![rest_out]].concat();
        for round in [in_parts, out_in_parts] {
            for _ in 0..50 {
                world.send(&round).expect_ok();
            }
            assert!((level(&world) - before).abs() < 0.000_1, "{before} USD before, {} after", level(&world));
        }
    }
    world.assert_conserved();
}

/// The best there is: a deposit comes at one price and goes at the next, so that what went before counts at the new one. It
/// moves the window by the part by which the price moved, of what had gone of that token: twice in the same price does
/// nothing more.
#[test]
fn a_round_trip_across_a_change_of_price_moves_the_window_by_that_change_and_no_more() {
    let Scene { mut world, sol, trader, .. } = scene();
    let thief = world.user("thief");
    world.fund(&thief.key, sol, 1_000_000 * SOL + 100);
    world.withdraw(trader, sol, 100 * SOL).expect_ok();
    for (price, factor) in [(148.5, 0.99), (150.0, 1.0), (151.5, 1.01)] {
        let mut world = world.fork();
        let before = level(&world);
        for _ in 0..5 {
            if world.reserve(sol).price.publish_time >= world.now() {
                world.advance(1);
            }
            world.publish(sol, Quote::dollars(price));
            let round = [
                deposit(&mut world, thief, sol, 1_000_000 * SOL),
                world.refresh_instruction(&[sol]),
                withdraw(&mut world, thief, sol, u64::MAX),
            ];
            world.send(&round).expect_ok();
            assert!((level(&world) / before / factor - 1.0).abs() < 0.002, "{before} USD, {}", level(&world));
        }
    }
}
