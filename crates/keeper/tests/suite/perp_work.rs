//! What the keeper does about perps, sent to the program's bytecode.

use std::{collections::BTreeMap, sync::Arc};

use ballast_client::{
    Address,
    engine::{
        Error,
        health::Requirement,
        number::units::Bps,
        state::perp::{PerpConfig, PoolConfig},
    },
};
use ballast_keeper::{
    account_index::Extent,
    service::{
        duty::{Duty, Thresholds, duties},
        perps::{self, Choice, Chore, Desk, Terms, Work},
        state::State,
    },
};
use ballast_liquidator::{Demands, value};
use ballast_tests::{PerpScene, Quote, SOL, USD, User, World, perp_config, pool_config};

use crate::{
    node::Stub,
    service::{Keeper as Process, Snapshot},
    support::read_all,
};

const TERMS: Terms = Terms {
    choice: Choice::All,
    demands: Demands { min_profit: 0.05, base_cost: 0.001, ..Demands::DEFAULT },
    rent: 0.9,
    lamport: 1.5e-7,
    least: 10.0,
};
/// Prices are brought along by those who need them.
const THRESHOLDS: Thresholds = Thresholds { refresh_age_bps: 10_000, refresh_deviation_bps: 10_000, refresh_fees: 1e9 };

/// What a keeper knows, and what it finds worth doing.
struct Keeper {
    key: Address,
    state: State,
    terms: Terms,
    slot: u64,
}

impl Keeper {
    fn new(world: &mut World, name: &str) -> Self {
        let key = world.key(name);
        let state = State::new(world.market, key);
        let mut keeper = Self { key, state, terms: TERMS, slot: 0 };
        keeper.read(world);
        keeper.read(world);
        keeper
    }

    fn read(&mut self, world: &World) {
        self.slot += 1;
        read_all(world, &mut self.state, self.slot);
    }

    /// What there is to do about perps, the most urgent first: liquidations, then what is to be settled, then deleveraging.
    fn works(&mut self) -> Vec<Work> {
        let mut predicted = self.state.chain.predict(u64::MAX).expect("all is known");
        let (all, _) = duties(&mut self.state, &mut predicted, Extent::Full, &THRESHOLDS, |_| true);
        let others = perps::duties(&mut self.state, &predicted, Extent::Full, &self.terms, |_| true);
        let State { accounts, chain, .. } = &self.state;
        let own = accounts.account(&chain.margin);
        let desk = Desk { chain, predicted: &predicted, own: own.as_ref(), terms: self.terms };
        let liquidations = all.into_iter().filter_map(|duty| match duty {
            Duty::Liquidate(address) => desk.liquidation(address, &accounts.account(&address).expect("in the index")),
            _ => None,
        });
        let mut works: Vec<_> = liquidations.collect();
        works.extend(others.into_iter().map(|duty| match duty {
            Duty::Perp(work) => *work,
            other => panic!("{other:?} is not about perps"),
        }));
        works
    }

    /// Until nothing is left to do. Returns how often each thing was done.
    fn work(&mut self, world: &mut World) -> BTreeMap<&'static str, u32> {
        let mut done = BTreeMap::new();
        for _ in 0..100 {
            self.read(world);
            let Some(work) = self.works().into_iter().next() else { return done };
            let before = self.wealth(world);
            world.send_from(self.key, &work.instructions).expect_ok();
            // It earns what was planned, but for what rounding leaves of a share and the costs.
            let earned = self.wealth(world) - before;
            let rent = if work.opens { TERMS.rent } else { 0.0 };
            let kept = TERMS.demands.hold_discount_bps as f64 / 1e4 * value(&world.view(), work.quote, work.pays);
            let planned = work.profit + TERMS.demands.base_cost + rent;
            assert!((planned - 0.01..=planned + 2.0 * kept + 0.01).contains(&earned), "{work:?}: {earned}");
            *done.entry(work.chore.name()).or_default() += 1;
        }
        panic!("there is always something to do: {done:?}");
    }

    /// What is in the keeper's margin account, USD.
    fn wealth(&self, world: &World) -> f64 {
        if world.find_account(&self.state.chain.margin).is_none() {
            return 0.0;
        }
        let (view, account) = (world.view(), world.margin(&self.state.chain.margin));
        let worth = |position| view.amount(position, world.now()).expect("listed");
        account.positions().iter().map(|position| value(&view, position.reserve, worth(position))).sum()
    }
}

/// A trader with a deposit of dollars and a position worth so many.
fn trader(scene: &mut PerpScene, name: &str, deposit: u64, position: i64) -> User {
    let user = scene.world.user(name);
    scene.world.supply(user, scene.usd, deposit * USD);
    scene.pass(1, 0);
    if position != 0 {
        scene.trade(user, position).expect_ok();
    }
    user
}

/// Publishes a price of the underlying, which is not on the chain yet.
fn publish(scene: &mut PerpScene, dollars: f64) {
    scene.world.advance(5);
    scene.world.publish(scene.sol, Quote::dollars(dollars));
    scene.world.publish(scene.usd, Quote::dollars(1.0));
}

fn is_healthy(scene: &PerpScene, user: User) -> bool {
    let (view, account) = (scene.view(), scene.world.margin(&user.margin));
    view.health(&account, scene.world.now(), Requirement::Maintenance).expect("listed").is_healthy()
}

/// What a user's deposit of dollars would be paid out with, atoms.
fn deposit(scene: &PerpScene, user: User) -> u64 {
    let (view, account) = (scene.view(), scene.world.margin(&user.margin));
    account.position(scene.usd).map_or(0, |held| view.exit_amount(held, scene.world.now()).expect("listed"))
}

/// The price falls by a sixth: everyone who cannot bear that is liquidated, the rest pays what it lost, the pool is not deleveraged, and no
/// lender loses anything. The keeper begins without a margin account and with no tokens at all.
#[test]
fn a_fall_leaves_everyone_healthy_the_pool_paid_and_lenders_whole() {
    let mut scene = PerpScene::new();
    let mut users: Vec<User> =
        (0..8).map(|number| trader(&mut scene, &format!("long {number}"), 2_000, 5_000 + 1_300 * number)).collect();
    users.push(trader(&mut scene, "short", 5_000, -10_000));
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    assert_eq!(keeper.works(), [], "all is well");
    let lender = deposit(&scene, scene.lender);
    publish(&mut scene, 125.0);
    let done = keeper.work(&mut scene.world);
    assert!(done["liquidate_perp"] >= 4 && done["settle_perp"] >= 4, "{done:?}");
    assert!(!done.contains_key("deleverage_perp"), "{done:?}");
    for user in users {
        assert!(is_healthy(&scene, user), "{user:?}");
    }
    assert!(keeper.wealth(&scene.world) > 50.0, "{}", keeper.wealth(&scene.world));
    assert!(deposit(&scene, scene.lender) >= lender);
    scene.world.assert_conserved();
}

/// An account that bears the fall is left as it is, to the byte, while its loss is small.
#[test]
fn a_healthy_account_is_left_alone() {
    let mut scene = PerpScene::new();
    let healthy = trader(&mut scene, "healthy", 5_000, 500);
    trader(&mut scene, "weak", 1_000, 7_000);
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    let before = scene.world.margin(&healthy.margin);
    publish(&mut scene, 147.5);
    let lost = keeper.work(&mut scene.world);
    assert_eq!(lost.keys().copied().collect::<Vec<_>>(), ["settle_perp"], "only the large loss");
    publish(&mut scene, 136.0);
    keeper.terms.least = 50.0;
    assert!(keeper.work(&mut scene.world).contains_key("liquidate_perp"));
    assert_eq!(scene.world.margin(&healthy.margin), before);
}

/// With `paid`, what earns nothing is left to others, and with `none` everything is.
#[test]
fn a_keeper_does_what_its_options_say() {
    let mut scene = PerpScene::new();
    let large = trader(&mut scene, "large", 2_000, 14_000);
    // What it pays is less than a margin account costs.
    let small = trader(&mut scene, "small", 20, 140);
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    publish(&mut scene, 132.0);
    keeper.read(&scene.world);
    let chores = |keeper: &mut Keeper| keeper.works().iter().map(|work| (work.chore, work.account)).collect::<Vec<_>>();
    keeper.terms.choice = Choice::None;
    assert_eq!(chores(&mut keeper), []);
    keeper.terms.choice = Choice::Paid;
    assert_eq!(chores(&mut keeper), [(Chore::Liquidate, Some(large.margin))]);
    keeper.terms.choice = Choice::All;
    let all = chores(&mut keeper);
    assert!(all.contains(&(Chore::Liquidate, Some(small.margin))), "{all:?}");
    keeper.terms.least = 1_000.0;
    assert!(!chores(&mut keeper).contains(&(Chore::Liquidate, Some(small.margin))), "it is about less");
}

/// Two keepers that know the same plan the same: who is late finds that it is done, opens no account for it, and goes on with the rest.
#[test]
fn two_keepers_do_not_hinder_each_other() {
    let mut scene = PerpScene::new();
    let users: Vec<User> = (0..6).map(|number| trader(&mut scene, &format!("long {number}"), 1_000, 7_000)).collect();
    let mut keepers = ["one", "other"].map(|name| Keeper::new(&mut scene.world, name));
    publish(&mut scene, 136.0);
    let (mut done, mut lost) = ([0, 0], 0);
    for round in 0.. {
        assert!(round < 100, "there is always something to do");
        keepers.iter_mut().for_each(|keeper| keeper.read(&scene.world));
        let works = keepers.each_mut().map(|keeper| keeper.works().into_iter().next());
        if works.iter().all(Option::is_none) {
            break;
        }
        let first = round % 2;
        for at in [first, 1 - first] {
            let Some(work) = &works[at] else { continue };
            let outcome = scene.world.send_from(keepers[at].key, &work.instructions);
            match outcome.is_ok() {
                true => done[at] += 1,
                false => {
                    assert_ne!(at, first, "nobody was before it");
                    lost += 1;
                    let late = [Error::AccountIsHealthy, Error::NothingToSettle, Error::PositionNotFound];
                    assert!(outcome.engine_error().is_some_and(|error| late.contains(&error)), "{outcome:?}");
                    assert!(work.opens == scene.world.find_account(&keepers[at].state.chain.margin).is_none());
                }
            }
        }
    }
    assert!(done[0] >= 3 && done[1] >= 3 && lost >= 3, "{done:?} {lost}");
    assert!(users.iter().all(|user| is_healthy(&scene, *user)));
    scene.world.assert_conserved();
}

/// A trader whose loss is beyond his dollars, with SOL beside them.
fn with_uncovered_loss() -> (PerpScene, User) {
    let mut scene = PerpScene::new();
    let user = scene.world.user("two tokens");
    scene.world.supply(user, scene.usd, 500 * USD);
    scene.world.supply(user, scene.sol, 100 * SOL);
    scene.pass(1, 0);
    scene.trade(user, -20_000).expect_ok();
    (scene, user)
}

/// A keeper with dollars in its margin account pays a loss for collateral that is worth more.
#[test]
fn a_loss_beyond_the_deposit_is_paid_for_collateral() {
    let (mut scene, user) = with_uncovered_loss();
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    publish(&mut scene, 165.0);
    // Without a deposit it takes what dollars there are, and no more.
    let done = keeper.work(&mut scene.world);
    assert_eq!(done, BTreeMap::from([("settle_perp", 1)]));
    assert_eq!(deposit(&scene, user), 0);
    // With one it covers, as far as that goes.
    let own = User { key: keeper.key, margin: scene.world.open(keeper.key, 0) };
    scene.world.supply(own, scene.usd, 1_000 * USD);
    scene.pass(1, 0);
    let done = keeper.work(&mut scene.world);
    assert_eq!(done, BTreeMap::from([("cover_perp_loss", 1)]));
    assert!(keeper.wealth(&scene.world) > 1_020.0, "{}", keeper.wealth(&scene.world));
    scene.world.supply(own, scene.usd, 1_000 * USD);
    scene.pass(1, 0);
    let done = keeper.work(&mut scene.world);
    assert_eq!(done, BTreeMap::from([("cover_perp_loss", 1)]), "the rest");
    assert!(deposit(&scene, own) > 300 * USD, "no more than the loss");
    scene.world.assert_conserved();
}

/// What nobody can pay is closed and then written off, at the expense of the perp and its pool.
#[test]
fn what_nobody_can_pay_is_written_off() {
    let mut scene = PerpScene::new();
    let user = trader(&mut scene, "bankrupt", 1_000, 7_000);
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    let lender = deposit(&scene, scene.lender);
    publish(&mut scene, 110.0);
    let done = keeper.work(&mut scene.world);
    assert!(done["liquidate_perp"] >= 1 && done["write_off_perp"] == 1, "{done:?}");
    assert_eq!(scene.world.margin(&user.margin).extra_count, 0, "nothing is left of it");
    assert!(deposit(&scene, scene.lender) >= lender);
    scene.world.assert_conserved();
}

/// A pool of little: a rise of the price leaves it short of its buffer.
fn small_pool() -> PerpScene {
    let pool = PoolConfig { max_skew: Bps(60_000), ..pool_config() };
    PerpScene::with(&pool, &[PerpConfig { least_shock: Bps(1_500), ..perp_config() }])
}

/// Positions that the pool cannot bear are closed in part, and the gains stay.
#[test]
fn a_pool_that_cannot_bear_its_positions_is_relieved() {
    let mut scene = small_pool();
    let long = trader(&mut scene, "long", 200_000, 900_000);
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    assert_eq!(keeper.works(), []);
    publish(&mut scene, 165.0);
    let done = keeper.work(&mut scene.world);
    assert_eq!(done, BTreeMap::from([("deleverage_perp", 1)]));
    let held = *scene.world.margin(&long.margin).perp(scene.perp).expect("a position");
    let left = scene.record(scene.perp).sides[0].lots(held.size);
    assert!(left < held.size, "{left} of {}", held.size);
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::new());
    scene.world.assert_conserved();
}

/// What the losers owe is all that the pool needs: nobody is deleveraged before they have paid.
#[test]
fn losers_pay_before_winners_are_deleveraged() {
    let mut scene = small_pool();
    let short = trader(&mut scene, "short", 200_000, -800_000);
    trader(&mut scene, "long", 300_000, 1_500_000);
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    let before = scene.record(scene.perp).sides.map(|side| side.multiplier);
    publish(&mut scene, 157.5);
    let view = {
        let mut copy = PerpScene { world: scene.world.fork(), ..scene };
        copy.world.refresh(&[copy.usd, copy.sol]).expect_ok();
        copy.deleverage(copy.perp).expect_ok();
        copy.view()
    };
    assert_ne!(view.perp(scene.perp).expect("a perp").sides.map(|side| side.multiplier), before, "it would be by now");
    let done = keeper.work(&mut scene.world);
    assert_eq!(done, BTreeMap::from([("settle_perp", 1)]));
    assert!(deposit(&scene, short) < 165_000 * USD);
    assert_eq!(scene.record(scene.perp).sides.map(|side| side.multiplier), before);
}

/// What a closed position is owed is paid out as the perp's budget of the day comes back.
#[test]
fn what_a_closed_position_is_owed_is_paid_out() {
    let perp = PerpConfig { loss_budget: 100 * USD, ..perp_config() };
    let mut scene = PerpScene::with(&pool_config(), &[perp]);
    let user = trader(&mut scene, "winner", 5_000, 10_000);
    scene.pass(120, 500);
    scene.close(user, scene.perp).expect_ok();
    let owed = |scene: &PerpScene| scene.world.margin(&user.margin).perp(scene.perp).map_or(0, |held| -held.cost);
    let mut keeper = Keeper::new(&mut scene.world, "keeper");
    assert!(owed(&scene) > 300 * USD as i64);
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::new(), "the budget is used up");
    scene.pass(43_200, 0);
    let (before, paid) = (owed(&scene), deposit(&scene, user));
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::from([("settle_perp", 1)]));
    assert_eq!((before - owed(&scene)) as u64, 50 * USD);
    assert!(deposit(&scene, user) + 1 >= paid + 50 * USD);
}

/// The process, against a node: it plans and simulates what the market needs, and with `--dry-run` it sends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_finds_simulates_and_counts_what_perps_need() {
    let mut scene = PerpScene::new();
    trader(&mut scene, "short of margin", 1_000, 7_000);
    trader(&mut scene, "rich", 5_000, 7_000);
    publish(&mut scene, 136.0);
    let snapshot = Arc::new(Snapshot::of(&mut scene.world));
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
    for (choice, counts) in [("all", [1.0, 1.0]), ("none", [0.0, 0.0])] {
        let keeper = Process::start(&format!("perps-{choice}"), market, &stub, &["--perps", choice]).await;
        let attempts = async |one: &Process| {
            let duties = ["liquidate_perp", "settle_perp"].map(|duty| format!("duty=\"{duty}\",end=\"dry_run\""));
            [one.metric("attempts_total", &duties[0]).await, one.metric("attempts_total", &duties[1]).await]
        };
        let is_done = async |one: &Process| match choice {
            "all" => attempts(one).await.iter().all(|count| *count >= 1.0),
            _ => one.metric("attempts_total", "not_worth").await >= 2.0,
        };
        keeper.until("attempts", is_done).await;
        assert_eq!(attempts(&keeper).await.map(|count| count.min(1.0)), counts, "{}", keeper.log());
        assert_eq!(keeper.metric("liquidatable_accounts", "").await, 1.0);
        assert_eq!(keeper.metric("pool_profit_factor", "").await, 1.0);
        assert!(keeper.metric("pool_cover", "").await > 10.0);
    }
    assert_eq!(stub.count("sendTransaction"), 0);
}

/// A scene whose trader's order rests with a tip, and a keeper that reads it.
fn resting(tip: u32) -> (PerpScene, Keeper, User) {
    let mut scene = PerpScene::new();
    let user = trader(&mut scene, "rester", 10_000, 0);
    let lots = scene.lots(scene.perp, 5_000);
    scene.rest(user, scene.perp, lots, false, tip).expect_ok();
    let keeper = Keeper::new(&mut scene.world, "keeper");
    (scene, keeper, user)
}

/// The first price after an order's lag is read from the account that the market reads it from, and fills it; the keeper gets the tip.
#[test]
fn an_order_is_filled_by_its_price() {
    let (mut scene, mut keeper, user) = resting(10_000);
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::new(), "no price fills it yet");
    let before = scene.world.account(&keeper.key).lamports;
    let wait = scene.fills_from(user.margin) - scene.world.now();
    scene.pass(wait, 0);
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::from([("fill_perp_order", 1)]));
    assert!(scene.world.margin(&user.margin).perp(scene.perp).is_some());
    assert!(scene.world.account(&keeper.key).lamports >= before + 10_000 - 2 * 5_000);
    keeper.read(&scene.world);
    assert!(keeper.state.orders.is_empty());
}

/// What its price account holds later fills nothing; once the order is over, its owner gets the tip back.
#[test]
fn an_order_whose_price_was_missed_is_cleared() {
    let (mut scene, mut keeper, user) = resting(10_000);
    let before = scene.world.account(&user.key).lamports;
    scene.pass(4, 0);
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::new());
    scene.pass(10, 0);
    keeper.terms.choice = Choice::Paid;
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::new(), "nobody pays for that");
    keeper.terms.choice = Choice::All;
    assert_eq!(keeper.work(&mut scene.world), BTreeMap::from([("cancel_perp_order", 1)]));
    assert_eq!(scene.world.account(&user.key).lamports, before + 10_000);
}

/// A keeper that wants to be paid fills what tips enough, and one that does nothing about perps fills nothing.
#[test]
fn a_tip_must_pay() {
    for (tip, choice, expected) in [
        (10_000, Choice::Paid, None),
        (1_000_000, Choice::Paid, Some("fill_perp_order")),
        (0, Choice::All, Some("fill_perp_order")),
        (1_000_000, Choice::None, None),
    ] {
        let (mut scene, mut keeper, user) = resting(tip);
        keeper.terms.choice = choice;
        let wait = scene.fills_from(user.margin) - scene.world.now();
        scene.pass(wait, 0);
        keeper.read(&scene.world);
        let works = keeper.works();
        assert_eq!(works.first().map(|work| work.chore.name()), expected, "{tip} {choice:?}");
    }
}
