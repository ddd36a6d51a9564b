//! Attacks on a reserve's insurance: on the price of its shares and on others' stakes.

use ballast_client::{Address, LiquidationOrder};
use ballast_engine::{Error, number::units::Bps, state::insurance::InsuranceConfig};
use ballast_tests::{Quote, SOL, Scene, USD, World, market_config, with_account};

const LISTED: &str = "the reserve is listed";
const WEEK: i64 = 604_800;

/// A scene whose usd reserve gives its insurance four fifths of every penalty.
fn scene() -> Scene {
    let mut scene = Scene::new();
    let config = InsuranceConfig { cooldown: WEEK as u32, fee_share: Bps(0), penalty_share: Bps(8_000) };
    scene.world.reconfigure(scene.usd, |reserve| reserve.insurance = config).expect_ok();
    scene
}

fn staker(world: &mut World, name: &str, reserve: u8) -> Address {
    let key = world.key(name);
    world.open_stake(key, reserve);
    world.fund(&key, reserve, 100_000 * USD);
    key
}

/// Has the trader, who owes 10,000 USD, liquidated at a price of sol.
fn liquidate(scene: &mut Scene, dollars: f64) {
    let Scene { world, usd, sol, trader, .. } = scene;
    world.borrow(*trader, *usd, 10_000 * USD).expect_ok();
    world.set_price(*sol, Quote::dollars(dollars)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, *usd, 100_000 * USD);
    let order = LiquidationOrder { debt: *usd, collateral: *sol, max_repay: u64::MAX, min_collateral: 1 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
}

/// Takes a stake out whole, after the cooldown, and returns what it brought.
fn leave(world: &mut World, key: Address, reserve: u8) -> u64 {
    let (shares, before) = (world.stake_of(&key, reserve).shares.0, world.balance(&key, reserve));
    world.begin_unstake(key, reserve, shares).expect_ok();
    world.advance(WEEK);
    world.unstake(key, reserve).expect_ok();
    world.balance(&key, reserve) - before
}

/// The first staker's atom comes to be worth hundreds of dollars by a penalty. Who stakes after it pays for whole shares only,
/// what they cost, and gets it back.
#[test]
fn inflation_c26_a_dear_share_takes_nothing_from_the_next_staker() {
    let mut scene = scene();
    let usd = scene.usd;
    let (thief, victim) = (staker(&mut scene.world, "thief", usd), staker(&mut scene.world, "victim", usd));
    scene.world.stake(thief, usd, 1).expect_ok();
    liquidate(&mut scene, 110.0);
    let Scene { mut world, .. } = scene;
    let price = world.reserve(usd).insurance.assets;
    assert!(price > 100 * USD, "{price} for a share");
    world.stake(victim, usd, price - 1).expect_error(Error::AmountTooSmall);
    let before = world.balance(&victim, usd);
    world.stake(victim, usd, price * 5 / 2).expect_ok();
    let paid = before - world.balance(&victim, usd);
    assert_eq!((paid, world.stake_of(&victim, usd).shares.0), (price * 2, 2), "nothing is paid for half a share");
    assert!(leave(&mut world, victim, usd) + 1 >= paid);
    world.assert_conserved();
}

#[test]
fn rounding_c25_no_loop_of_stakes_gains_an_atom() {
    let mut scene = scene();
    let usd = scene.usd;
    let (first, looper) = (staker(&mut scene.world, "first", usd), staker(&mut scene.world, "looper", usd));
    scene.world.stake(first, usd, 7_777_777).expect_ok();
    liquidate(&mut scene, 110.0);
    let Scene { mut world, .. } = scene;
    let before = world.balance(&looper, usd);
    for amount in [40 * USD, 333_333_333, 77_777_777] {
        world.stake(looper, usd, amount).expect_ok();
        leave(&mut world, looper, usd);
        assert!(world.balance(&looper, usd) <= before);
    }
    world.assert_conserved();
}

#[test]
fn missing_relation_c04_a_stake_is_its_owners_in_its_market_and_reserve() {
    let Scene { mut world, usd, sol, .. } = scene();
    let (owner, thief) = (staker(&mut world, "owner", usd), staker(&mut world, "thief", usd));
    let sol_tokens = world.fund(&thief, sol, SOL);
    world.stake(owner, usd, 1_000 * USD).expect_ok();
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    world.advance(WEEK);
    let (view, payer) = (world.view(), world.payer);
    let (out, other) = (world.tokens(&thief, usd), world.create_market(1, market_config()));
    let unstake = view.unstake(owner, out, usd).expect(LISTED);
    let begin = view.begin_unstake(owner, usd, 1);
    let close = view.close_stake(owner, payer, usd);
    for theft in [&unstake, &begin, &close] {
        let attack = with_account(theft.clone(), "owner", thief);
        world.send(&[attack]).expect_error(Error::NotAccountOwner);
        let attack = with_account(theft.clone(), "market", other);
        world.send(&[attack]).expect_error(Error::WrongMarket);
    }
    let stake = view.stake(thief, owner, out, usd, USD).expect(LISTED);
    world.send(&[with_account(stake.clone(), "market", other)]).expect_error(Error::WrongMarket);
    // Paid in a cheaper token, or out of a fuller reserve.
    let sol_record = view.reserves[sol as usize];
    let [vault, mint] = [sol_record.vault, sol_record.mint].map(|address| ballast_client::from_engine(&address));
    for instruction in [stake, unstake] {
        world.send(&[with_account(instruction.clone(), "vault", vault)]).expect_error(Error::WrongVault);
        world.send(&[with_account(instruction, "mint", mint)]).expect_error(Error::WrongMint);
    }
    assert_eq!(world.token_balance(&sol_tokens), SOL);
    world.unstake(owner, usd).expect_ok();
}

/// Who asks for his stake again and again, to be gone when a loss is in sight, can leave for two days of nine, with the shortest
/// cooldown that a reserve may have.
#[test]
fn governance_c32_a_stake_asked_for_again_and_again_is_bound_most_of_the_time() {
    let Scene { mut world, usd, .. } = Scene::new();
    let shorter =
        |config: &mut ballast_engine::state::reserve::ReserveConfig| config.insurance.cooldown = WEEK as u32 - 1;
    world.reconfigure(usd, shorter).expect_error(Error::CooldownOutOfRange);
    world.reconfigure(usd, |config| config.insurance.cooldown = WEEK as u32).expect_ok();
    let key = staker(&mut world, "staker", usd);
    world.stake(key, usd, 1_000 * USD).expect_ok();
    let shares = world.stake_of(&key, usd).shares.0;
    let ask = |world: &mut World| world.begin_unstake(key, usd, shares).expect_ok();
    ask(&mut world);
    const HOURS: usize = 9 * 24 * 4;
    let (mut free, mut was_free) = (0, false);
    for _ in 0..HOURS {
        world.advance(3_600);
        let is_free = world.fork().unstake(key, usd).is_ok();
        free += is_free as usize;
        if was_free && !is_free {
            ask(&mut world);
        }
        was_free = is_free;
    }
    let share = free as f64 / HOURS as f64;
    assert!((0.2..=2.0 / 9.0 + 0.01).contains(&share), "{share} of the time");
}
