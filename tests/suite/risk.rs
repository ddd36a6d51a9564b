//! Risk that adapts, on the bytecode: groups, isolated accounts, haircuts, the ramp, value at risk.

use ballast_client::Address;
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        exposure::ValueAtRiskConfig,
        interest::RateCurve,
        market::MarketConfig,
        weights::{RiskConfig, Weights},
    },
};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, User, World, market_config, reserve_config};

const HOUR: i64 = 3_600;

fn dollars(value: u128) -> f64 {
    value as f64 / 1e8
}

fn initial_collateral(world: &mut World, user: User) -> f64 {
    dollars(world.health(user.margin).initial_collateral.get())
}

fn maintenance_collateral(world: &mut World, user: User) -> f64 {
    dollars(world.health(user.margin).maintenance_collateral.get())
}

/// To a hundredth of a cent: readings are rounded away from the account.
#[track_caller]
fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-4, "{value} instead of {expected}");
}

/// Publishes a price once a minute for so long.
fn hold(world: &mut World, reserve: u8, quote: Quote, seconds: i64) {
    for _ in 0..seconds / 60 {
        world.advance(60);
        world.set_price(reserve, quote).expect_ok();
    }
}

// Isolated accounts.

const ISOLATED: Weights = Weights {
    initial_asset: Bps(5_000),
    maintenance_asset: Bps(6_000),
    initial_liability: Bps(10_000),
    maintenance_liability: Bps(10_000),
};

/// The scene with isolated terms for both reserves, and a user's isolated account of SOL against USD.
fn isolated() -> (Scene, User) {
    let mut scene = Scene::new();
    for reserve in [scene.usd, scene.sol] {
        scene.world.reconfigure(reserve, |config| config.risk.isolated = ISOLATED).expect_ok();
    }
    let world = &mut scene.world;
    let user = world.user("recluse");
    let open = world.view().open_isolated_account(user.key, world.payer, 5, scene.sol, scene.usd).expect("listed");
    world.send(&[open]).expect_ok();
    let margin = world.view().margin_account(&user.key, 5);
    (scene, User { margin, ..user })
}

#[test]
fn an_isolated_account_takes_its_two_reserves_on_isolated_terms() {
    let (Scene { mut world, usd, sol, .. }, user) = isolated();
    let other = world.list(Token::new("other", 6, 1.0), reserve_config());
    world.supply(user, sol, 100 * SOL);
    world.refresh_all();
    near(initial_collateral(&mut world, user), 7_500.0);
    near(maintenance_collateral(&mut world, user), 9_000.0);
    world.borrow(user, usd, 7_501 * USD).expect_error(Error::InitialHealthTooLow);
    world.borrow(user, usd, 7_499 * USD).expect_ok();
    world.fund(&user.key, other, USD);
    world.deposit(user, other, USD).expect_error(Error::IsolatedAccount);
    world.borrow(user, other, USD).expect_error(Error::InsufficientLiquidity);
    let lender = world.user("another lender");
    world.supply(lender, other, 1_000 * USD);
    world.borrow(user, other, USD).expect_error(Error::IsolatedAccount);
    world.repay(user, usd, u64::MAX).expect_ok();
    // What was the debt cannot become collateral.
    world.deposit(user, usd, USD).expect_error(Error::IsolatedAccount);
    world.withdraw(user, sol, u64::MAX).expect_ok();
    world.borrow(user, sol, SOL).expect_error(Error::IsolatedAccount);
    world.assert_conserved();
}

fn open(world: &mut World, mode: u8, collateral: u8, debt: u8) -> Outcome {
    let owner = world.key("owner");
    let view = world.view();
    let accounts = ballast_client::instruction::OpenAccount {
        owner,
        payer: world.payer,
        market: world.market,
        margin_account: view.margin_account(&owner, 0),
        system_program: Address::default(),
        id: 0,
        mode,
        collateral,
        debt,
    };
    world.send_one(accounts)
}

#[test]
fn accounts_of_no_mode_or_of_terms_not_offered_are_refused() {
    let (Scene { mut world, usd, sol, .. }, _) = isolated();
    let plain = world.list(Token::new("plain", 6, 1.0), reserve_config());
    open(&mut world, 0, sol, usd).expect_error(Error::AccountModeInvalid);
    open(&mut world, 1, sol, sol).expect_error(Error::AccountModeInvalid);
    open(&mut world, 2, sol, usd).expect_error(Error::NotPerp);
    open(&mut world, 3, sol, usd).expect_error(Error::AccountModeInvalid);
    open(&mut world, 1, 9, usd).expect_error(Error::ReserveIndexOutOfRange);
    open(&mut world, 1, plain, usd).expect_error(Error::IsolationNotOffered);
    open(&mut world, 1, sol, plain).expect_error(Error::IsolationNotOffered);
    world.reconfigure(usd, |config| config.borrow_enabled = 0).expect_ok();
    open(&mut world, 1, sol, usd).expect_error(Error::IsolationNotOffered);
    // Once offered, terms can only be made unattractive.
    world
        .reconfigure(usd, |config| config.risk.isolated = Weights::default())
        .expect_error(Error::IsolatedWeightsWithdrawn);
    open(&mut world, 0, 0, 0).expect_ok();
}

/// Listed for isolated accounts only: no collateral in a cross account, and a cap in USD on what it lends.
#[test]
fn a_new_listing_backs_no_more_than_its_cap_whatever_its_price() {
    let Scene { mut world, usd, .. } = Scene::new();
    world.reconfigure(usd, |config| config.risk.isolated = ISOLATED).expect_ok();
    let mut config = reserve_config();
    config.deposit_cap = 100_000_000 * USD;
    config.risk = RiskConfig {
        cross: Weights { initial_asset: Bps(0), maintenance_asset: Bps(0), ..config.risk.cross },
        isolated: ISOLATED,
        borrowing_cap: 50_000,
        ..config.risk
    };
    let new = world.list(Token::new("new", 6, 1.0), config);
    let (cross, lone) = (world.user("cross"), world.user("lone"));
    let create = world.view().open_isolated_account(lone.key, world.payer, 1, new, usd).expect("listed");
    world.send(&[create]).expect_ok();
    let lone = User { margin: world.view().margin_account(&lone.key, 1), ..lone };
    world.supply(cross, new, 50_000_000 * USD);
    world.supply(lone, new, 50_000_000 * USD);
    for price in [0.5, 1.0, 1_000.0] {
        world.advance(60);
        world.set_price(new, Quote::dollars(price)).expect_ok();
        world.set_price(usd, Quote::dollars(1.0)).expect_ok();
        assert_eq!(initial_collateral(&mut world, cross), 0.0, "at {price}");
        // Half of all there may ever be: half of the cap, or a basis point of it less.
        let most = initial_collateral(&mut world, lone);
        assert!(most <= 25_000.0, "{most} at {price}");
        world.fork().borrow(lone, usd, 25_001 * USD).expect_error(Error::InitialHealthTooLow);
    }
}

// Groups.

/// Two dollars of one group and SOL.
fn grouped() -> (Scene, u8, User) {
    let mut scene = Scene::new();
    let mut config = reserve_config();
    config.max_penalty = Bps(300);
    config.risk.group_id = 3;
    (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(9_000), Bps(9_500));
    let world = &mut scene.world;
    let usdx = world.list(Token::new("USDX", 6, 1.0), config);
    let usdy = world.list(Token::new("USDY", 6, 1.0), config);
    let (lender, user) = (world.user("dollar lender"), world.user("dollar user"));
    world.supply(lender, usdy, 1_000_000 * USD);
    world.supply(user, usdx, 10_000 * USD);
    world.refresh_all();
    assert_eq!((usdx, usdy), (2, 3));
    (scene, usdx, user)
}

#[test]
fn group_weights_hold_while_all_debts_are_in_the_group() {
    let (Scene { mut world, usd, .. }, usdx, user) = grouped();
    let usdy = usdx + 1;
    // Debts weigh 110 %.
    world.borrow(user, usdy, 8_182 * USD).expect_error(Error::InitialHealthTooLow);
    world.borrow(user, usdy, 1_000 * USD).expect_ok();
    assert_eq!(world.margin(&user.margin).debt_group, 3);
    near(initial_collateral(&mut world, user), 9_000.0);
    near(maintenance_collateral(&mut world, user), 9_500.0);
    // A debt of another group, and all are on cross terms.
    world.borrow(user, usd, 100 * USD).expect_ok();
    assert_eq!(world.margin(&user.margin).debt_group, 0);
    near(initial_collateral(&mut world, user), 8_000.0);
    world.fund(&user.key, usd, 10 * USD);
    world.repay(user, usd, u64::MAX).expect_ok();
    near(initial_collateral(&mut world, user), 9_000.0);
    // Nobody else's deposit changes that.
    let stranger = world.key("stranger");
    world.fund(&stranger, usd, USD);
    world.supply(user, usd, USD / 2);
    world.deposit_for(stranger, user.margin, usd, USD / 2).expect_ok();
    near(maintenance_collateral(&mut world, user), 9_500.0 + 0.85);
}

/// Weights that leave room for little want prices of the last minute.
#[test]
fn a_group_takes_no_old_prices() {
    let (Scene { mut world, .. }, usdx, _) = grouped();
    world.reconfigure(usdx, |config| config.oracle.max_age = 61).expect_error(Error::GroupPriceTooOld);
    world.reconfigure(usdx, |config| config.oracle.max_age = 59).expect_ok();
}

#[test]
fn a_group_is_fixed_while_it_is_in_use() {
    let (Scene { mut world, .. }, usdx, _) = grouped();
    let leave = |config: &mut ballast_engine::state::reserve::ReserveConfig| {
        config.risk.group_id = 0;
        (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(0), Bps(0));
    };
    world.reconfigure(usdx, leave).expect_error(Error::GroupInUse);
    let empty = world.list(Token::new("empty", 6, 1.0), reserve_config());
    world
        .reconfigure(empty, |config| {
            config.risk.group_id = 3;
            (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(8_000), Bps(8_500));
        })
        .expect_ok();
    world.reconfigure(empty, leave).expect_ok();
}

// Haircuts and the ramp.

#[test]
fn a_position_beyond_its_depth_counts_for_the_depth_or_the_haircut() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    world
        .reconfigure(sol, |config| {
            (config.risk.position_depth, config.risk.max_position_haircut) = (10_000, Bps(3_000));
        })
        .expect_ok();
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    // 15,000 USD at 80 %, of which 10,000 USD count: 8,000, above 15,000 × (80 % − 30 %).
    assert!((initial_collateral(&mut world, trader) - 8_000.0).abs() < 0.01);
    // Maintenance gets there by the ramp: 100 basis points an hour.
    assert!((maintenance_collateral(&mut world, trader) - 12_750.0).abs() < 0.01);
    hold(&mut world, sol, Quote::dollars(150.0), HOUR);
    let after = maintenance_collateral(&mut world, trader);
    assert!((12_750.0 - 15_000.0 * 0.01..12_750.0).contains(&after), "{after}");
    world.supply(trader, sol, 100 * SOL);
    // 30,000 × 50 %.
    assert!((initial_collateral(&mut world, trader) - 15_000.0).abs() < 0.01);
}

/// The depth of a position is one account's, as SECURITY.md says. Who splits escapes it, and not that of all deposits.
#[test]
fn deposits_split_over_accounts_escape_the_depth_of_a_position_and_not_that_of_the_market() {
    let mut world = World::new();
    let mut config = reserve_config();
    (config.risk.position_depth, config.risk.max_position_haircut) = (10_000, Bps(5_000));
    let of_position = world.list(Token::new("of a position", 9, 150.0), config);
    (config.risk.market_depth, config.risk.max_market_haircut) = (10_000, Bps(8_000));
    let of_market = world.list(Token::new("of the market", 9, 150.0), config);
    let counted = |world: &World, reserve: u8, accounts: u64| -> f64 {
        let mut world = world.fork();
        let users: Vec<User> = (0..accounts).map(|nth| world.user(&format!("user {nth}"))).collect();
        users.iter().for_each(|user| world.supply(*user, reserve, 400 * SOL / accounts));
        world.refresh_all();
        users.iter().map(|user| initial_collateral(&mut world, *user)).sum()
    };
    // 60,000 USD at 80 %, or 10,000 USD of them.
    assert!(counted(&world, of_position, 1) < 20_000.0);
    near(counted(&world, of_position, 8), 48_000.0);
    // All deposits back what the market absorbs at the weight, however they are split.
    let whole = counted(&world, of_market, 8);
    assert!((7_990.0..=8_000.0).contains(&whole), "{whole}");
}

#[test]
fn large_deposits_shrink_the_weight_of_all_in_new_risk_at_once() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world
        .reconfigure(sol, |config| (config.risk.market_depth, config.risk.max_market_haircut) = (15_000, Bps(4_000)))
        .expect_ok();
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    assert!((initial_collateral(&mut world, trader) - 12_000.0).abs() < 2.0);
    let whale = world.user("whale");
    world.supply(whale, sol, 100 * SOL);
    // Twice the depth: half the weight, at once; whoever borrows next sees it.
    assert!((initial_collateral(&mut world, trader) - 6_000.0).abs() < 2.0);
    assert!((maintenance_collateral(&mut world, trader) - 12_750.0).abs() < 2.0);
    world.withdraw(whale, sol, u64::MAX).expect_ok();
    assert!((initial_collateral(&mut world, trader) - 12_000.0).abs() < 2.0);
}

/// No other user's act and no parameter makes a healthy account liquidatable faster than the ramp.
#[test]
fn maintenance_moves_by_the_ramp_and_no_faster() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world
        .reconfigure(sol, |config| {
            (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(1_000), Bps(1_000));
        })
        .expect_ok();
    near(maintenance_collateral(&mut world, trader), 12_750.0);
    near(initial_collateral(&mut world, trader), 1_500.0);
    let mut history = vec![12_750.0];
    for _ in 0..180 {
        hold(&mut world, sol, Quote::dollars(150.0), 60);
        history.push(maintenance_collateral(&mut world, trader));
    }
    for pair in history.windows(61) {
        assert!(pair[0] - pair[60] <= 15_000.0 * 0.01 + 0.01, "more than a percent within an hour");
    }
    assert!(history[0] - history[180] > 15_000.0 * 0.02, "three hours are worth two percent at least");
    // A pause is no licence to leap.
    world.advance(30 * 86_400);
    let before = maintenance_collateral(&mut world, trader);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    let after = maintenance_collateral(&mut world, trader);
    // The stale price counted double.
    assert!(before / 2.0 - after <= 15_000.0 * 0.01 / 6.0 + 0.01, "{before} {after}");
}

/// A refresh samples volatility or ramps, never both, and neither waits; without a price the ramp is anybody's to move.
#[test]
fn samples_and_the_ramp_take_turns_and_poking_ramps_without_a_price() {
    let Scene { mut world, sol, .. } = Scene::new();
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world
        .reconfigure(sol, |config| {
            (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(1_000), Bps(1_000));
        })
        .expect_ok();
    // Once a minute, one in five is the ramp's.
    let turns: Vec<_> = (0..40)
        .map(|_| {
            let before = world.reserve(sol).risk;
            hold(&mut world, sol, Quote::dollars(150.0), 60);
            let after = world.reserve(sol).risk;
            (after.volatility.sample_time != before.volatility.sample_time, after.ramped_until != before.ramped_until)
        })
        .collect();
    assert!(turns.iter().all(|(samples, ramps)| samples != ramps), "{turns:?}");
    assert!(turns.windows(6).all(|six| six.iter().any(|(_, ramps)| *ramps)), "{turns:?}");
    assert!(turns.windows(2).all(|two| two.iter().any(|(samples, _)| *samples)), "{turns:?}");

    let weight = |world: &World| world.reserve(sol).risk.weights[0].maintenance_asset.0;
    let before = weight(&world);
    world.advance(600);
    world.refresh(&[sol]).expect_ok();
    assert_eq!(weight(&world), before, "a price that is held already changes nothing");
    for _ in 0..6 {
        world.refresh_reserve(sol).expect_ok();
        world.advance(600);
    }
    let moved = before - weight(&world);
    assert!((80..=100).contains(&moved), "{moved} basis points in an hour");
}

#[test]
fn volatility_takes_from_the_weight_and_adds_to_the_rate() {
    let Scene { mut world, usd, sol, trader, lender } = Scene::new();
    world
        .reconfigure(sol, |config| {
            config.risk.reference_volatility = Bps(5_000);
            (config.risk.volatility_slope, config.risk.max_volatility_haircut) = (Bps(1_000), Bps(2_000));
            config.controller.volatility_premium = Bps(1_000);
        })
        .expect_ok();
    let quiet = initial_collateral(&mut world, trader);
    for minute in 0..200 {
        world.advance(60);
        let price = if minute % 2 == 0 { 153.0 } else { 147.0 };
        world.set_price(sol, Quote::dollars(price)).expect_ok();
    }
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    let volatility = world.reserve(sol).risk.volatility.annual;
    assert!(volatility > Bps(10_000), "{volatility:?}");
    let haircut = (volatility.0 - 5_000) as f64 / 10_000.0 * 0.1;
    let loud = initial_collateral(&mut world, trader);
    assert!((quiet - loud - 15_000.0 * haircut.min(0.2)).abs() < 5.0, "{quiet} {loud} {haircut}");
    // Debts of SOL cost the premium on top of the curve.
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    world.borrow(lender, sol, SOL).expect_ok();
    let rate = world.reserve(sol).borrow_rate.per_year_f64();
    let premium = (volatility.0 - 5_000) as f64 / 10_000.0 * 0.1;
    assert!(rate > premium && rate < premium + 0.01, "{rate} {premium}");
}

/// Governance may take points out of use by the count alone: what is left in their places sets no rate.
#[test]
fn points_that_are_not_in_use_set_no_rate() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let points = [(0, 0), (10, 500), (20, 1_000), (30, 2_000), (40, 20_000), (10_000, 90_000)];
    let six = RateCurve::new(&points).expect("six points");
    world.reconfigure(usd, |config| config.curve = six).expect_ok();
    let three = RateCurve::new(&[(0, 0), (5, 200), (10_000, 1_000)]).expect("three points");
    world
        .reconfigure(usd, |config| {
            config.curve.points[..3].copy_from_slice(three.points());
            config.curve.count = three.count;
        })
        .expect_ok();
    assert_eq!(world.reserve(usd).config.curve.points[4], six.points[4], "still there");
    world.borrow(trader, usd, 9_000 * USD).expect_ok();
    let reserve = world.reserve(usd);
    assert!(reserve.utilisation().bps() > six.points[4].utilisation, "beyond it");
    assert_eq!(reserve.borrow_rate, three.rate(reserve.utilisation()));
}

// Value at risk.

fn value_at_risk(multiple: u16) -> MarketConfig {
    let correlations = std::array::from_fn(|k| std::array::from_fn(|l| if k == l { 10_000 } else { 5_000 }));
    let value_at_risk =
        ValueAtRiskConfig { correlations, multiple: Bps(multiple), horizon: 86_400, ..ValueAtRiskConfig::default() };
    MarketConfig { value_at_risk, ..market_config() }
}

#[test]
fn new_risk_covers_the_value_at_risk_if_the_market_asks() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    for (reserve, class, volatility) in [(usd, 0, 1), (sol, 1, 20_000)] {
        world
            .reconfigure(reserve, |config| {
                (config.risk.class, config.risk.reference_volatility) = (class, Bps(volatility))
            })
            .expect_ok();
    }
    // The estimate starts at listing, so it takes one listed with the parameters.
    let mut config = reserve_config();
    (config.risk.class, config.risk.reference_volatility) = (1, Bps(20_000));
    let wild = world.list(Token::new("wild", 9, 150.0), config);
    let user = world.user("user");
    world.supply(user, wild, 100 * SOL);
    world.refresh_all();
    world.fork().borrow(user, usd, 10_900 * USD).expect_ok();
    world.reconfigure_market(|config| *config = value_at_risk(30_000)).expect_ok();
    // Three standard deviations of a day at 200 % a year: 31.4 % of 15,000 USD must be left.
    let at_risk = 3.0 * 2.0 * (1.0f64 / 365.0).sqrt() * 15_000.0;
    let most = 15_000.0 - at_risk;
    world.fork().borrow(user, usd, ((most + 5.0) * USD as f64) as u64).expect_error(Error::InitialHealthTooLow);
    world.borrow(user, usd, ((most - 5.0) * USD as f64) as u64).expect_ok();
    // Maintenance knows nothing of it, and the calm SOL of others is as before.
    near(maintenance_collateral(&mut world, user), 12_750.0);
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
}

/// Of tokens that are anything else nobody knows what they move with: what is owed in one is no hedge of another.
#[test]
fn two_unrelated_tokens_are_no_hedge_of_each_other() {
    let mut world = World::new();
    let mut config = reserve_config();
    (config.risk.class, config.risk.reference_volatility) = (4, Bps(15_000));
    let [held, owed] = ["held", "owed"].map(|name| world.list(Token::new(name, 6, 1.0), config));
    world.reconfigure_market(|config| *config = value_at_risk(30_000)).expect_ok();
    let (lender, user) = (world.user("lender"), world.user("user"));
    world.supply(lender, owed, 100_000 * USD);
    world.supply(user, held, 15_000 * USD);
    world.refresh_all();
    // Three standard deviations of a day at 150 % a year, of both together: 15,000 − x = 23.6 % of 15,000 + x.
    let part = 3.0 * 1.5 * (1.0f64 / 365.0).sqrt();
    let most = 15_000.0 * (1.0 - part) / (1.0 + part);
    assert!(most < 12_000.0 / 1.1, "the weights allow more");
    world.fork().borrow(user, owed, ((most + 5.0) * USD as f64) as u64).expect_error(Error::InitialHealthTooLow);
    world.borrow(user, owed, ((most - 5.0) * USD as f64) as u64).expect_ok();
}

#[test]
fn a_market_takes_parameters_in_range_only() {
    let Scene { mut world, .. } = Scene::new();
    let refuse = |world: &mut World, error: Error, change: fn(&mut MarketConfig)| {
        let before = world.account(&world.market);
        let outcome = world.reconfigure_market(|config| {
            *config = value_at_risk(30_000);
            change(config);
        });
        outcome.expect_error(error);
        assert_eq!(world.account(&world.market), before);
    };
    refuse(&mut world, Error::CorrelationOutOfRange, |config| config.value_at_risk.correlations[0][1] = 10_001);
    refuse(&mut world, Error::CorrelationOutOfRange, |config| config.value_at_risk.correlations[2][2] = 9_999);
    refuse(&mut world, Error::CorrelationsNotSymmetric, |config| config.value_at_risk.correlations[3][1] = 4_999);
    refuse(&mut world, Error::ValueAtRiskOutOfRange, |config| config.value_at_risk.multiple = Bps(60_001));
    refuse(&mut world, Error::ValueAtRiskOutOfRange, |config| config.value_at_risk.horizon = 59);
    refuse(&mut world, Error::TargetHealthOutOfRange, |config| config.target_health = Bps(10_000));
}
