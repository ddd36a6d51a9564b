//! What a transaction brings and takes out again: it moves no weight, takes no fees early, and lets nobody borrow more, leave
//! with more or be liquidated. Engine: `a_second_of_people_without_capital_leaves_nothing_behind`.

use crate::support::insured_market::{COOLDOWN, insured_reserve_config, staker};
use ballast_client::{Address, Instruction, LiquidationOrder};
use ballast_engine::{Error, number::units::Bps, state::reserve::ReserveConfig};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, User, World, market_config};

/// Why building an instruction cannot fail here.
const LISTED: &str = "the reserve is listed";

/// Sol loses weight by the part of all deposits that exceeds 20,000 USD, and maintenance follows by a fifth an hour. The trader's
/// 15,000 USD are below it.
fn scene() -> Scene {
    let mut scene = Scene::new();
    let Scene { world, sol, trader, usd, .. } = &mut scene;
    let depth = |config: &mut ReserveConfig| {
        let risk = &mut config.risk;
        (risk.market_depth, risk.max_market_haircut, risk.ramp) = (20_000, Bps(3_000), Bps(2_000));
    };
    world.reconfigure(*sol, depth).expect_ok();
    world.refresh_all();
    world.borrow(*trader, *usd, 10_900 * USD).expect_ok();
    world.advance(600);
    world.refresh_all();
    scene
}

fn maintenance(world: &World, reserve: u8) -> u16 {
    world.reserve(reserve).risk.weights[0].maintenance_asset.0
}

fn initial(world: &World, reserve: u8) -> u16 {
    world.reserve(reserve).risk.weights[0].initial_asset.0
}

/// In and out in one transaction, with something in between.
fn in_and_out(world: &mut World, user: User, reserve: u8, amount: u64, between: Vec<Instruction>) -> Vec<Instruction> {
    let tokens = world.fund(&user.key, reserve, 0);
    let view = world.view();
    let deposit = view.deposit(user.key, user.margin, tokens, reserve, amount).expect(LISTED);
    let withdraw = view.withdraw(user.key, user.margin, tokens, reserve, u64::MAX).expect(LISTED);
    [vec![deposit], between, vec![withdraw]].concat()
}

/// The reserve held back by its size for an instant, as often as one likes: maintenance stays.
#[test]
fn a_deposit_of_an_instant_ramps_no_maintenance() {
    let Scene { mut world, sol, usd, trader, .. } = scene();
    let whale = world.user("whale");
    world.fund(&whale.key, sol, 1_000_000 * SOL);
    for _ in 0..60 {
        world.advance(50);
        let refresh_reserve = world.view().refresh_reserve(sol).expect(LISTED);
        let attack = in_and_out(&mut world, whale, sol, 1_000_000 * SOL, vec![refresh_reserve]);
        world.send(&attack).expect_ok();
        assert_eq!((maintenance(&world, sol), initial(&world, sol)), (8_500, 8_000));
        world.advance(10);
        world.refresh_all();
    }
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 10_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order).expect_error(Error::AccountIsHealthy);
    world.assert_conserved();
}

/// Nor does a large deposit that leaves for an instant hold maintenance up, or win time that the ramp has gone.
#[test]
fn a_deposit_that_leaves_for_an_instant_stops_no_ramp() {
    let Scene { mut world, sol, .. } = scene();
    let whale = world.user("whale");
    // Twice the depth: all that the haircut may take.
    world.supply(whale, sol, 400 * SOL);
    let mut honest = world.fork();
    let start = maintenance(&world, sol);
    for minute in 1..=60 {
        for world in [&mut world, &mut honest] {
            world.advance(60);
        }
        honest.refresh_reserve(sol).expect_ok();
        let tokens = world.fund(&whale.key, sol, 0);
        let view = world.view();
        let withdraw = view.withdraw(whale.key, whale.margin, tokens, sol, 400 * SOL).expect(LISTED);
        let refresh_reserve = view.refresh_reserve(sol).expect(LISTED);
        let deposit = view.deposit(whale.key, whale.margin, tokens, sol, 400 * SOL).expect(LISTED);
        world.send(&[withdraw, refresh_reserve, deposit]).expect_ok();
        let [with, without] = [&world, &honest].map(|world| maintenance(world, sol));
        assert!(with.abs_diff(without) <= 1, "{with} and {without} after {minute} minutes");
    }
    let fallen = start - maintenance(&world, sol);
    assert!((1_650..=2_000).contains(&fallen), "{fallen} basis points in an hour");
}

/// However often one looks, an hour's ramp is an hour's ramp: looking neither wins a step nor loses the time towards one.
#[test]
fn who_looks_every_five_seconds_ramps_as_who_looks_every_ten_minutes() {
    let Scene { mut world, sol, .. } = scene();
    let whale = world.user("whale");
    world.supply(whale, sol, 400 * SOL);
    let mut often = world.fork();
    for _ in 0..6 {
        world.advance(600);
        world.refresh_reserve(sol).expect_ok();
        for _ in 0..120 {
            often.advance(5);
            often.refresh_reserve(sol).expect_ok();
        }
        assert_eq!(maintenance(&world, sol), maintenance(&often, sol));
    }
}

/// Who has much deposited takes it out for an instant, borrows with another account, and puts it back: no more than while it
/// was there.
#[test]
fn a_whale_that_steps_aside_for_an_instant_borrows_no_more() {
    let Scene { mut world, sol, usd, .. } = Scene::new();
    let depth = |config: &mut ReserveConfig| {
        (config.risk.market_depth, config.risk.max_market_haircut) = (20_000, Bps(3_000));
    };
    world.reconfigure(sol, depth).expect_ok();
    let whale = world.user("whale");
    world.supply(whale, sol, 100 * SOL);
    let second = world.open(whale.key, 1);
    let tokens = world.fund(&whale.key, sol, 100 * SOL);
    let opened = world.view().deposit(whale.key, second, tokens, sol, 100 * SOL).expect(LISTED);
    world.send_one(opened).expect_ok();
    world.refresh_all();
    // 45,000 USD of 20,000: 100 sol count for the least that the haircut leaves, half.
    assert_eq!(initial(&world, sol), 5_000);
    let most = 100 * 150 * 5_000 / 11_000;
    let usd_tokens = world.fund(&whale.key, usd, 0);
    let view = world.view();
    let aside = |amount: u64| {
        [
            view.withdraw(whale.key, whale.margin, tokens, sol, u64::MAX).expect(LISTED),
            view.borrow(whale.key, second, usd_tokens, usd, amount).expect(LISTED),
            view.deposit(whale.key, whale.margin, tokens, sol, 100 * SOL).expect(LISTED),
        ]
    };
    world.fork().send(&aside(most * USD + 2 * USD)).expect_error(Error::InitialHealthTooLow);
    // Nor with a deposit in front, so that on balance tokens came before they went.
    let come = view.deposit(whale.key, whale.margin, tokens, sol, 1).expect(LISTED);
    world.fund(&whale.key, sol, 1);
    let with_a_deposit = [vec![come], aside(most * USD + 2 * USD).to_vec()].concat();
    world.fork().send(&with_a_deposit).expect_error(Error::InitialHealthTooLow);
    // Each second for a while is no other.
    for _ in 0..20 {
        world.advance(1);
        world.refresh_all();
        world.fork().send(&aside(most * USD + 2 * USD)).expect_error(Error::InitialHealthTooLow);
    }
    world.send(&aside(most * USD - 2 * USD)).expect_ok();
    // Gone for a second, and the price brought again, it is gone.
    world.withdraw(whale, sol, u64::MAX).expect_ok();
    world.refresh_all();
    assert!(initial(&world, sol) > 5_000);
    world.assert_conserved();
}

// Fees.

/// What a reserve has earned until now.
fn fees(world: &World, reserve: u8) -> u64 {
    let mut refreshed = world.fork();
    refreshed.refresh_reserve(reserve).expect_ok();
    let before = world.reserve(reserve).insurance.assets;
    let record = refreshed.reserve(reserve);
    (record.fees() >> 64) as u64 + record.claimable + record.insurance.assets - before
}

/// A reserve that is nearly lent out, and fees of a year: many times the cash.
fn earning() -> Scene {
    let mut scene = Scene::configured(insured_reserve_config());
    let Scene { world, usd, sol, lender, trader } = &mut scene;
    world.supply(*trader, *sol, 10_000 * SOL);
    world.refresh_all();
    world.borrow(*trader, *usd, 900_000 * USD).expect_ok();
    world.withdraw(*lender, *usd, 98_000 * USD).expect_ok();
    world.advance(365 * 86_400);
    assert!(fees(world, *usd) > 10_000 * USD);
    assert_eq!(world.reserve(*usd).cash, 2_000 * USD);
    scene
}

/// Any number of calls by anyone sets no more aside than a quarter of the cash an hour: lenders want it too. Cash that is there
/// for an instant is no cash, and an instant without it takes nothing.
#[test]
fn fees_are_set_aside_once_an_hour_and_a_quarter_of_the_cash_at_most() {
    let Scene { mut world, usd, .. } = earning();
    let whale = world.user("whale");
    world.fund(&whale.key, usd, 1_000_000 * USD + 100);
    let refreshes = vec![world.view().refresh_reserve(usd).expect(LISTED); 10];
    let attack = in_and_out(&mut world, whale, usd, 1_000_000 * USD, refreshes.clone());
    let mut cash = 2_000 * USD;
    for _ in 0..4 {
        world.send(&attack).expect_ok();
        world.send(&refreshes).expect_ok();
        world.advance(1_800);
        world.send(&refreshes).expect_ok();
        world.send(&attack).expect_ok();
        // The whale's withdrawal leaves an atom or two.
        let left = world.reserve(usd).cash;
        assert!(left.abs_diff(cash * 3 / 4) < 10, "{left} of {cash}");
        cash = left;
        world.advance(1_800);
    }
    world.assert_conserved();
}

/// While cash is short a part of the fees waits in the books. Who stakes then pays for what is pending: it belongs to those who
/// staked before.
#[test]
fn who_stakes_while_cash_is_short_takes_no_income_of_before() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::configured(insured_reserve_config());
    let old = staker(&mut world, "old", usd, 1_000 * USD);
    world.supply(trader, sol, 10_000 * SOL);
    world.refresh_all();
    world.borrow(trader, usd, 900_000 * USD).expect_ok();
    world.withdraw(lender, usd, 99_900 * USD).expect_ok();
    world.advance(365 * 86_400);
    let fees = fees(&world, usd);
    assert!(fees > 10_000 * USD);
    let new = staker(&mut world, "new", usd, 1_000 * USD);
    assert!(world.reserve(usd).claimable < 20 * USD, "a quarter of 100 USD was there to be set aside");
    // Cash is back, and all fees are set aside.
    world.fund(&trader.key, usd, 900_000 * USD);
    world.repay(trader, usd, 900_000 * USD).expect_ok();
    world.advance(3_600);
    world.refresh_reserve(usd).expect_ok();
    let insurance = world.reserve(usd).insurance;
    let worth = |key: &Address| insurance.worth(world.stake_of(key, usd).shares);
    let (old, new) = (worth(&old), worth(&new));
    assert!(old > 1_000 * USD + fees / 2 - USD, "{old} of the half of {fees}");
    assert!((995 * USD..1_005 * USD).contains(&new), "{new}");
    world.assert_conserved();
}

// All at once.

/// The same tokens in another market, whose reserves lend all they have for the length of a transaction, for nothing.
struct Elsewhere {
    market: Address,
    other: Address,
}

impl Elsewhere {
    fn new(world: &mut World) -> Self {
        let market = world.market;
        let other = world.create_market(1, market_config());
        world.market = other;
        let saver = world.user("saver");
        for token in [Token::new("USD", 6, 1.0), Token::new("SOL", 9, 150.0)] {
            let config = ReserveConfig { flash_fee: Bps(0), ..insured_reserve_config() };
            let reserve = world.list(token, config);
            world.supply(saver, reserve, 1_000_000 * SOL);
        }
        world.market = market;
        world.refresh_all();
        Self { market, other }
    }

    fn lend(&self, world: &mut World, borrower: Address, reserve: u8, amount: u64) -> [Instruction; 2] {
        world.market = self.other;
        let loan = world.flash_loan(borrower, reserve, amount);
        world.market = self.market;
        loan
    }
}

/// The victim is a percent above its maintenance. In one transaction: a flash loan floods the collateral, so that its weight
/// should fall; the price is brought and the reserve refreshed; the victim is liquidated; and all is taken out again.
#[test]
fn a_flash_loan_that_floods_a_collateral_liquidates_nobody() {
    let Scene { mut world, usd, sol, trader, .. } = scene();
    let elsewhere = Elsewhere::new(&mut world);
    let thief = world.user("thief");
    world.fund(&thief.key, usd, 20_000 * USD);
    // 100 sol count for 11,560 USD, of 11,445 and interest.
    world.set_price(sol, Quote::dollars(136.0)).expect_ok();
    // What the ramp might have saved up.
    world.advance(600);
    world.refresh_all();
    world.advance(1);
    world.publish(sol, Quote::dollars(136.0));
    world.publish(usd, Quote::dollars(1.0));
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    let [take, give] = elsewhere.lend(&mut world, thief.key, sol, 100_000 * SOL);
    let (source, destination) = (world.tokens(&thief.key, usd), world.tokens(&thief.key, sol));
    let view = world.view();
    let refresh_reserve = view.refresh_reserve(sol).expect(LISTED);
    let refresh = world.refresh_instruction(&[usd, sol]);
    let mark = view.mark_liquidatable(trader.margin);
    let liquidate = view.liquidate(thief.key, trader.margin, source, destination, order).expect(LISTED);
    let attempt = |world: &mut World, between: Vec<Instruction>| -> Outcome {
        let inside = in_and_out(world, thief, sol, 100_000 * SOL, between);
        world.send(&[vec![take.clone()], inside, vec![give.clone()]].concat())
    };
    for between in [
        vec![refresh_reserve.clone(), refresh.clone(), liquidate.clone()],
        vec![refresh.clone(), refresh_reserve.clone(), liquidate.clone()],
    ] {
        attempt(&mut world, between).expect_error(Error::AccountIsHealthy);
    }
    // Without the liquidation nothing of it stays, and marking finds nothing.
    attempt(&mut world, vec![refresh, refresh_reserve, mark]).expect_ok();
    assert_eq!((maintenance(&world, sol), initial(&world, sol)), (8_500, 8_000));
    world.send_one(liquidate).expect_error(Error::AccountIsHealthy);
    // A real fall of the price does it.
    world.set_price(sol, Quote::dollars(134.0)).expect_ok();
    world.refresh_all();
    world.liquidate(thief.key, trader.margin, order).expect_ok();
    world.assert_conserved();
}

/// Two accounts, a stake that is free and a flash loan in one hand: the stake leaves for an instant in which the cash is
/// swollen, fees are set aside, and it comes back. The other staker and the protocol have what they had without.
#[test]
fn a_stake_that_leaves_for_an_instant_takes_nothing_from_another() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::configured(insured_reserve_config());
    let elsewhere = Elsewhere::new(&mut world);
    let [honest, thief] = ["honest", "thief"].map(|name| staker(&mut world, name, usd, 5_000 * USD));
    world.begin_unstake(thief, usd, 5_000 * USD).expect_ok();
    world.supply(trader, sol, 10_000 * SOL);
    world.refresh_all();
    world.borrow(trader, usd, 900_000 * USD).expect_ok();
    world.withdraw(lender, usd, 98_000 * USD).expect_ok();
    world.advance(COOLDOWN);
    let account = world.user("thief");
    let [take, give] = elsewhere.lend(&mut world, thief, usd, 1_000_000 * USD);
    let tokens = world.tokens(&thief, usd);
    let view = world.view();
    let refresh_reserve = view.refresh_reserve(usd).expect(LISTED);
    let unstake = view.unstake(thief, tokens, usd).expect(LISTED);
    let stake = view.stake(thief, thief, tokens, usd, 5_000 * USD).expect(LISTED);
    let inside = in_and_out(&mut world, account, usd, 1_000_000 * USD, vec![unstake, refresh_reserve.clone(), stake]);
    let mut without = world.fork();
    without.send_one(refresh_reserve).expect_ok();
    // Withdrawals are rounded down.
    world.fund(&thief, usd, 1);
    world.send(&[vec![take], inside, vec![give]].concat()).expect_ok();
    for world in [&mut world, &mut without] {
        world.fund(&trader.key, usd, 900_000 * USD);
        world.repay(trader, usd, 900_000 * USD).expect_ok();
        world.advance(3_600);
        world.refresh_reserve(usd).expect_ok();
    }
    let worth = |world: &World, key: &Address| {
        let insurance = world.reserve(usd).insurance;
        insurance.worth(world.stake_of(key, usd).shares)
    };
    assert!(worth(&without, &honest) > 5_050 * USD, "there was something to take");
    assert!(worth(&world, &honest) + 2 >= worth(&without, &honest));
    assert!(worth(&world, &thief) <= worth(&without, &thief));
    assert!(world.reserve(usd).claimable.abs_diff(without.reserve(usd).claimable) <= 2);
    world.assert_conserved();
}
