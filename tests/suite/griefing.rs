//! Nobody holds a breaker open cheaply: what each costs to hold, measured.

use crate::support::insured_market::{self, insured_reserve_config, ruin, settle};
use ballast_client::{Event, LiquidationOrder};
use ballast_engine::{
    Error,
    number::units::{Bps, Shares},
    state::{breakers::BreakerConfig, permission::Action, rate_limit::Outflow, reserve::ReserveConfig},
};
use ballast_tests::{Quote, SOL, Scene, TEST_PROGRAM, Token, USD, User, World, market_config, with_account};

/// 10^-8 USD in one USD.
const DOLLAR: u64 = 100_000_000;
/// Usd an hour that may flow out: ten a second.
const LIMIT: u64 = 36_000;

/// Why building an instruction cannot fail here.
const LISTED: &str = "the reserve is listed";

/// Which window has the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Reserve,
    Market,
    Both,
}

/// An outflow limit, and an attacker with 1,000,000 usd of old deposits: what came long ago is no credit for what goes.
fn outflow(of: Of) -> (Scene, User) {
    let outflow_hour = if of == Of::Market { 0 } else { LIMIT * USD };
    let breakers = BreakerConfig { outflow_hour, ..BreakerConfig::default() };
    let mut scene = Scene::configured(ReserveConfig { breakers, ..insured_reserve_config() });
    if of != Of::Reserve {
        scene.world.reconfigure_market(|config| config.outflow_hour = LIMIT as u32).expect_ok();
    }
    let attacker = scene.world.user("attacker");
    scene.world.supply(attacker, scene.usd, 1_000_000 * USD);
    scene.world.advance(3_600);
    scene.world.refresh_all();
    (scene, attacker)
}

fn windows(world: &World, reserve: u8) -> [Outflow; 2] {
    [world.reserve(reserve).outflow, world.view().market.outflow]
}

/// Cost: fees of transactions, and it does nothing. What comes in and goes out leaves the window where it was, in one
/// transaction or in many of the same second, in either order; that of the market up to 10^-8 USD, so that 36,000 USD take
/// more than 10^12 round trips.
#[test]
fn a_round_trip_does_not_fill_the_outflow_window() {
    let (Scene { mut world, usd, .. }, attacker) = outflow(Of::Both);
    world.fund(&attacker.key, usd, 20_000 * USD);
    world.withdraw(attacker, usd, 1_000 * USD).expect_ok();
    let before = windows(&world, usd);
    let tokens = world.tokens(&attacker.key, usd);
    let view = world.view();
    let deposit = view.deposit(attacker.key, attacker.margin, tokens, usd, 20_000 * USD).expect(LISTED);
    let withdraw = view.withdraw(attacker.key, attacker.margin, tokens, usd, 20_000 * USD).expect(LISTED);
    for round in [[&deposit, &withdraw], [&withdraw, &deposit]] {
        for _ in 0..10 {
            world.send(&round.map(Clone::clone)).expect_ok();
        }
    }
    for _ in 0..10 {
        world.deposit(attacker, usd, 20_000 * USD).expect_ok();
        world.withdraw(attacker, usd, 20_000 * USD).expect_ok();
    }
    let [reserve, market] = windows(&world, usd);
    assert_eq!(reserve, before[0]);
    // Values are rounded up as they go and down as they come.
    assert!(market.hour - before[1].hour <= 30, "10^-8 USD for 30 round trips");
    world.assert_conserved();
}

/// Has the attacker take out at once what shuts the window, and then each minute what has drained since. Returns what that was,
/// usd: at once, and in the hour after.
#[track_caller]
fn hold_shut(world: &mut World, attacker: User, lender: User, usd: u8, a_minute: u64, refused: Error) -> [u64; 2] {
    let at_once = LIMIT / 4 * 3;
    world.withdraw(attacker, usd, at_once * USD).expect_ok();
    for _ in 0..60 {
        world.withdraw(lender, usd, USD).expect_error(refused);
        world.advance(60);
        // What has drained since is free for all, also for the attacker.
        world.fork().withdraw(lender, usd, (a_minute + 1) * USD).expect_error(refused);
        world.withdraw(attacker, usd, a_minute * USD).expect_ok();
    }
    [at_once, 60 * a_minute]
}

/// Cost: capital of three quarters of the limit taken out, and then the whole limit again every hour (or day, for the long
/// window), which cannot come back, nor be lent to the reserve by anyone, without opening the window by as much. It earns no
/// interest outside. The quarter kept for small deposits stays open all the while.
#[test]
fn holding_a_reserves_window_shut_takes_its_limit_out_every_hour() {
    let (Scene { mut world, usd, lender, .. }, attacker) = outflow(Of::Reserve);
    world.reconfigure(usd, |config| config.breakers.small_deposit = 100 * USD).expect_ok();
    let small = world.user("small");
    world.supply(small, usd, 100 * USD);
    world.advance(3_600);
    let outside = hold_shut(&mut world, attacker, lender, usd, LIMIT / 60, Error::HourlyOutflowLimitReached);
    assert_eq!(outside, [LIMIT / 4 * 3, LIMIT]);
    world.withdraw(small, usd, 50 * USD).expect_ok();
    // Used again, it opens the window.
    world.deposit(attacker, usd, 10_000 * USD).expect_ok();
    world.withdraw(lender, usd, 9_900 * USD).expect_ok();
    world.assert_conserved();
}

/// Cost: likewise three quarters of the limit in tokens of any kind, and as much again every hour, which stay away: it fades by
/// its own size. A deposit of another token opens nothing.
#[test]
fn holding_the_markets_window_shut_takes_three_quarters_of_its_limit_out_every_hour() {
    let (Scene { mut world, usd, sol, lender, trader }, attacker) = outflow(Of::Market);
    let outside =
        hold_shut(&mut world, attacker, lender, usd, LIMIT / 4 * 3 / 60, Error::MarketHourlyOutflowLimitReached);
    assert_eq!(outside, [LIMIT / 4 * 3, LIMIT / 4 * 3]);
    world.supply(trader, sol, 1_000 * SOL);
    world.withdraw(lender, usd, USD).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.deposit(attacker, usd, 10_000 * USD).expect_ok();
    world.withdraw(lender, usd, 9_900 * USD).expect_ok();
    // Left alone, nothing of it is left in an hour.
    world.advance(3_600);
    world.withdraw(lender, usd, LIMIT / 4 * 3 * USD).expect_ok();
    world.assert_conserved();
}

/// Cost: tokens worth that at the last price that was brought, if they were deposited more than an hour before. Of a token whose
/// feed died they may be worth nothing since: its deposit cap at its last price is then the most that it shuts, and a price or
/// another feed ends it.
#[test]
fn tokens_of_a_dead_feed_shut_the_markets_window_at_their_last_price() {
    let (Scene { mut world, usd, lender, .. }, _) = outflow(Of::Market);
    let attacker = world.user("holder");
    let dead = world.list(Token::new("DEAD", 6, 1.0), insured_reserve_config());
    world.reconfigure(dead, |config| config.deposit_cap = LIMIT / 2 * USD).expect_ok();
    world.supply(attacker, dead, LIMIT / 2 * USD);
    world.advance(86_400);
    world.withdraw(attacker, dead, u64::MAX).expect_ok();
    // The cap keeps the rest open.
    let left = (LIMIT / 4 * 3 - LIMIT / 2) * USD;
    world.fork().withdraw(lender, usd, left + USD).expect_error(Error::MarketHourlyOutflowLimitReached);
    world.fork().withdraw(lender, usd, left).expect_ok();
    // They count again an hour after they came back, and no sooner.
    for _ in 0..10 {
        world.deposit(attacker, dead, LIMIT / 2 * USD).expect_ok();
        world.withdraw(attacker, dead, u64::MAX).expect_ok();
    }
    world.fork().withdraw(lender, usd, left).expect_ok();
    world.deposit(attacker, dead, LIMIT / 2 * USD).expect_ok();
    world.withdraw(lender, usd, LIMIT / 4 * 3 * USD).expect_ok();
    world.assert_conserved();
}

/// Cost: one rented account, 0.005 SOL, for each `small_deposit` that is to leave by the quarter kept for small deposits, and
/// these deposits must have been split before: a large one cannot be split while the window is shut.
#[test]
fn the_reserved_quarter_takes_many_accounts_to_fill() {
    let (Scene { mut world, usd, .. }, attacker) = outflow(Of::Both);
    world.reconfigure(usd, |config| config.breakers.small_deposit = 1_000 * USD).expect_ok();
    let accounts: Vec<_> = (0..10).map(|index| world.user(&format!("sybil {index}"))).collect();
    for account in &accounts {
        world.supply(*account, usd, 1_000 * USD);
    }
    world.advance(3_600);
    world.refresh_all();
    world.withdraw(attacker, usd, LIMIT * USD / 4 * 3).expect_ok();
    let quarter = (LIMIT / 4_000) as usize;
    for account in &accounts[..quarter] {
        world.withdraw(*account, usd, u64::MAX).expect_ok();
    }
    world.withdraw(accounts[quarter], usd, u64::MAX).expect_error(Error::HourlyOutflowLimitReached);
    let rent = world.account(&accounts[0].margin).lamports;
    assert!(rent > SOL / 250, "{rent} lamports each");
    world.withdraw(attacker, usd, 1).expect_error(Error::HourlyOutflowLimitReached);
    world.assert_conserved();
}

/// Cost: of each dollar of the limit, the insurance's share of the smallest penalty, while the attacker's own account is
/// liquidatable (its liquidator is itself, so that the rest of the penalty comes back): here 3 % × 50 %, 15 USD an hour for
/// each 1,000. With a penalty share of zero it is the capital alone. Near insolvency nobody waits, however full the window.
#[test]
fn filling_the_liquidation_window_oneself_pays_the_insurance() {
    let Scene { mut world, usd, sol, trader: attacker, .. } = Scene::configured(insured_reserve_config());
    world.reconfigure(sol, |config| config.breakers.liquidation_hour = 1_000).expect_ok();
    world.reconfigure_market(|config| config.near_insolvency = Bps(500)).expect_ok();
    let victim = world.user("victim");
    world.supply(victim, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(victim, usd, 10_000 * USD).expect_ok();
    world.borrow(attacker, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(123.5)).expect_ok();
    world.fund(&attacker.key, usd, 10_000 * USD);
    let wealth = |world: &World| {
        let balance = |reserve| world.balance(&attacker.key, reserve) as f64;
        let deposits = world.deposit_shares(attacker, sol) as f64;
        let debt = world.debt_shares(attacker, usd) as f64;
        (balance(usd) - debt) / USD as f64 + (balance(sol) + deposits) / SOL as f64 * 123.5
    };
    let before = wealth(&world);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    let Event::Liquidated(event) = world.liquidate(attacker.key, attacker.margin, order).expect_event() else {
        panic!("another event")
    };
    let level = world.reserve(sol).liquidated.used.0 as f64 / DOLLAR as f64;
    assert!((999.0..1_000.001).contains(&level), "{level}");
    let cost = before - wealth(&world);
    assert!((300..=302).contains(&event.penalty), "{}", event.penalty);
    let penalty = event.penalty as f64 / 1e4;
    let expected = 1_000.0 / (1.0 + penalty) * penalty * 0.5;
    assert!((cost / expected - 1.0).abs() < 0.01, "{cost} USD instead of {expected}");
    assert_eq!(world.reserve(usd).insurance.assets, event.insurance);

    // The victim waits for as long as that is repeated; near insolvency it does not.
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let whole = LiquidationOrder { max_repay: 5_000 * USD, min_collateral: SOL, ..order };
    let outcome = world.fork().liquidate(liquidator, victim.margin, whole);
    assert!(!outcome.is_ok(), "{}", outcome.describe());
    world.set_price(sol, Quote::dollars(104.0)).expect_ok();
    world.liquidate(liquidator, victim.margin, whole).expect_ok();
    world.assert_conserved();
}

/// Cost: that of moving the price on the exchanges that the oracle follows, for as long as the halt lasts. Anyone may refresh,
/// but only with what the oracle signed, newer than before; the same price again, or an older one, does not extend a halt, and
/// nothing that is traded here enters into it.
#[test]
fn only_the_oracles_own_price_trips_the_price_breaker() {
    let breakers =
        BreakerConfig { halt_seconds: 300, tiers: [Bps(500), Bps(1_000), Bps(2_000)], ..BreakerConfig::default() };
    let Scene { mut world, usd, sol, lender, trader } =
        Scene::configured(ReserveConfig { breakers, ..insured_reserve_config() });
    let far = Quote::dollars(160.0).ema_dollars(150.0);
    world.set_price(sol, far).expect_ok();
    let halt = world.reserve(sol).halt;
    assert_eq!((halt.tier, halt.until), (1, world.now() + 300));
    // The same price as often as one likes, and newer ones no farther away.
    for _ in 0..10 {
        assert!(world.refresh(&[sol]).expect_ok().events.is_empty());
        world.set_price(sol, far).expect_ok();
        assert_eq!(world.reserve(sol).halt, halt);
    }
    // Trades of any size.
    world.supply(lender, sol, 100_000 * SOL);
    world.withdraw(lender, sol, 100_000 * SOL - 1).expect_ok();
    world.withdraw(lender, usd, 500_000 * USD).expect_ok();
    world.supply(trader, sol, SOL);
    assert_eq!(world.reserve(sol).halt, halt);
    assert_eq!(world.reserve(usd).halt.tier, 0);
    // A price that nobody signed for this market.
    let account = world.price_account(sol);
    let update = far.update(world.reserve(sol).config.oracle.feed_id.0, world.now() + 1);
    world.advance(1);
    world.write_price(account, TEST_PROGRAM, &update);
    world.refresh(&[sol]).expect_error(Error::PriceOwnerNotAllowed);
    // It lifts at its time whatever anyone sends, once the price is back.
    world.set_time(halt.until);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    assert_eq!(world.reserve(sol).halt.tier, 0);
    world.assert_conserved();
}

/// Cost: a print beyond the tier each time a halt lifts. Repeated halts last up to sixteen times the first, so that a day takes
/// few: here five minutes at first, and 22 prints at tier 1 or 8 at tier 3.
#[test]
fn a_day_of_halts_takes_a_print_each_time_the_last_one_lifts() {
    let breakers =
        BreakerConfig { halt_seconds: 300, tiers: [Bps(500), Bps(1_000), Bps(2_000)], ..BreakerConfig::default() };
    for (dollars, expected) in [(158.0, 22), (185.0, 8)] {
        let Scene { mut world, sol, .. } = Scene::configured(ReserveConfig { breakers, ..insured_reserve_config() });
        world.advance(1);
        let (end, mut prints) = (world.now() + 86_400, 0);
        while world.now() < end {
            world.set_price(sol, Quote::dollars(dollars).ema_dollars(150.0)).expect_ok();
            prints += 1;
            // In between the price is what it was.
            world.set_price(sol, Quote::dollars(150.0)).expect_ok();
            let halt = world.reserve(sol).halt;
            assert!(halt.tier != 0 && halt.until > world.now());
            world.set_time(halt.until);
        }
        assert_eq!(prints, expected, "at {dollars}");
    }
}

/// Cost: a loss of insurances and depositors above the limit in a day: bad debt of real positions that markets made worthless
/// before they were liquidated. Fees that bear a loss do not count, nor do debts that are merely large or unpaid; and governance
/// lifts it, after which these losses count no more.
#[test]
fn only_losses_above_the_limit_make_a_market_reduce_only() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::configured(insured_reserve_config());
    let pay_with_fees = |config: &mut ReserveConfig| {
        (config.insurance.fee_share, config.insurance.penalty_share) = (Bps(0), Bps(0));
    };
    world.reconfigure(usd, pay_with_fees).expect_ok();
    world.reconfigure_market(|config| config.loss_limit = 1_000).expect_ok();
    insured_market::earn(&mut world, usd, 9_500 * USD);
    world.advance(3_600);
    world.refresh_reserve(usd).expect_ok();
    let second = world.user("second");
    world.supply(second, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(second, usd, 1_100 * USD).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::PositionNotFound);
    world.settle(second.margin, usd).expect_error(Error::BadDebtNotProven);
    ruin(&mut world, trader, usd, sol, 10_000 * USD);
    let event = settle(&mut world, trader, usd);
    assert!(event.fees >= 9_500 * USD && !event.market_reduce_only, "500 of 1,000 are lost");
    insured_market::seize_all(&mut world, second, usd, sol);
    assert!(settle(&mut world, second, usd).market_reduce_only);
    world.resume(world.authority).expect_ok();
    assert_eq!((world.view().market.reduce_only, world.view().market.losses.used.0), (0, 0));
    world.assert_conserved();
}

/// A loss that has drained away counts no more: a day later the limit is whole again.
#[test]
fn losses_are_forgotten_within_a_day() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::configured(insured_reserve_config());
    world.reconfigure_market(|config| config.loss_limit = 1_500).expect_ok();
    let second = world.user("second");
    world.supply(second, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(second, usd, 1_000 * USD).expect_ok();
    ruin(&mut world, trader, usd, sol, 1_000 * USD);
    insured_market::seize_all(&mut world, second, usd, sol);
    assert!(!settle(&mut world, trader, usd).market_reduce_only);
    assert!(settle(&mut world.fork(), second, usd).market_reduce_only);
    world.advance(86_400);
    assert!(!settle(&mut world, second, usd).market_reduce_only);
    world.assert_conserved();
}

/// Cost: the interest of a loan of all that the limit leaves, on collateral of more than its worth: at 10 % a year, 11.42 USD an
/// hour for each million, and a million's collateral. Who lends more opens it again.
#[test]
fn holding_utilisation_at_its_limit_pays_interest() {
    let Scene { mut world, usd, sol, lender, trader: attacker } = Scene::configured(insured_reserve_config());
    world.reconfigure(usd, |config| config.breakers.max_utilisation = Bps(8_000)).expect_ok();
    world.supply(attacker, sol, 9_900 * SOL);
    world.withdraw(attacker, sol, 800 * SOL).expect_ok();
    world.supply(lender, usd, 250_000 * USD);
    world.advance(1);
    world.refresh_all();
    world.borrow(attacker, usd, 999_990 * USD).expect_ok();
    // 9,200 sol are 1,380,000 USD, and back no more than 1,003,636.
    world.fork().withdraw(attacker, sol, 50 * SOL).expect_error(Error::InitialHealthTooLow);
    let other = world.user("other");
    world.supply(other, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(other, usd, 100 * USD).expect_error(Error::UtilisationTooHigh);
    let debt = |world: &World| {
        let shares = Shares(world.debt_shares(attacker, usd));
        world.reserve(usd).debt_index_at(world.now()).amount_ceil(shares)
    };
    let before = debt(&world);
    world.advance(3_600);
    let interest = (debt(&world) - before) as f64 / USD as f64;
    assert!((11.40..11.43).contains(&interest), "{interest} USD an hour");
    world.refresh_all();
    world.supply(lender, usd, 1_000 * USD);
    world.advance(1);
    world.borrow(other, usd, 100 * USD).expect_ok();
    world.assert_conserved();
}

/// Cost: the guardian's key, for six hours at a time and eighteen a day; nobody else can pause, and the authority lifts it.
/// Repaying, depositing and liquidating go on.
#[test]
fn pauses_are_the_guardians_and_leave_six_hours_a_day() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::configured(insured_reserve_config());
    let pause = world.view().pause(&[Action::Withdraw]);
    for other in [lender.key, trader.key, world.authority] {
        world.send_one(with_account(pause.clone(), "signer", other)).expect_error(Error::NotGuardian);
    }
    // A day of the worst guardian: how long withdrawals are open.
    let mut open = 0;
    for _ in 0..24 {
        let _ = world.fork().pause(&[Action::Withdraw]).engine_error();
        if world.withdraw(lender, usd, USD).is_ok() {
            if world.pause(&[Action::Withdraw]).is_ok() {
                world.withdraw(lender, usd, USD).expect_error(Error::Paused);
            } else {
                open += 1;
            }
        }
        world.advance(3_600);
    }
    assert_eq!(open, 6, "hours");
    world.assert_conserved();
}

/// A market's windows are its own: what flows in another does not fill them.
#[test]
fn another_market_fills_no_window_of_this_one() {
    let (Scene { mut world, usd, .. }, attacker) = outflow(Of::Both);
    let (market, before) = (world.market, windows(&world, usd));
    world.market = world.create_market(1, market_config());
    world.list(Token::new("USD", 6, 1.0), insured_reserve_config());
    let elsewhere = world.user("attacker");
    world.supply(elsewhere, usd, 1_000_000 * USD);
    world.withdraw(elsewhere, usd, u64::MAX).expect_ok();
    world.market = market;
    assert_eq!(windows(&world, usd), before);
    world.withdraw(attacker, usd, LIMIT * USD / 4 * 3).expect_ok();
}
