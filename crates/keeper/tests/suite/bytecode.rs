//! What the keeper decides, sent to the program's bytecode: prices fall, and everyone ends healthy or settled.

use std::collections::BTreeMap;

use ballast_client::{
    AccountMeta, Address, Instruction, MarketView, TOKEN_PROGRAM,
    engine::{
        health::Requirement,
        number::units::{Bps, ONE_BPS},
        state::reserve::ReserveConfig,
    },
};
use ballast_keeper::{
    account_index::Extent,
    service::{
        duty::{Duty, Thresholds, duties},
        order, router,
        state::State,
    },
};
use ballast_liquidator::{Case, Demands, Funding, NoVenue, Plan, Quoted, Venue};
use ballast_tests::{Quote, SOL, Swap, Token, USD, User, World, reserve_config};

use crate::support::read_all;

const DEMANDS: Demands = Demands {
    min_profit: 0.01,
    hold_discount_bps: 0,
    max_slippage_share_bps: 9_000,
    priority_share_bps: 5_000,
    base_cost: 0.001,
};
/// USD.
const LAMPORT: f64 = 150e-9;
const THRESHOLDS: Thresholds = Thresholds { refresh_age_bps: 5_000, refresh_deviation_bps: 50, refresh_fees: 1.0 };

/// A market of a dollar and two collaterals, and traders who borrow nearly all they may.
struct KeeperScene {
    world: World,
    state: State,
    keeper: Address,
    traders: Vec<User>,
    usd: u8,
    sol: u8,
    eth: u8,
    slot: u64,
}

impl KeeperScene {
    fn new(config: ReserveConfig) -> Self {
        let mut world = World::new();
        let usd = world.list(Token::new("USD", 6, 1.0), config);
        let sol = world.list(Token::new("SOL", 9, 150.0), config);
        let eth = world.list(Token::new("ETH", 9, 3_000.0), config);
        let lender = world.user("lender");
        world.supply(lender, usd, 1_000_000 * USD);
        let traders: Vec<User> = (0..10).map(|number| world.user(&format!("trader {number}"))).collect();
        for (number, trader) in traders.iter().enumerate() {
            let collateral = if number % 2 == 0 { sol } else { eth };
            let (amount, worth) = if number % 2 == 0 { (100 * SOL, 15_000) } else { (5 * SOL, 15_000) };
            world.supply(*trader, collateral, amount);
            world.refresh_all();
            // From 53 % to 71 %.
            world.borrow(*trader, usd, worth * (53 + 2 * number as u64) / 100 * USD).expect_ok();
        }
        let keeper = world.key("keeper");
        let state = State::new(world.market, keeper);
        let mut scene = Self { world, state, keeper, traders, usd, sol, eth, slot: 1 };
        scene.read();
        scene.read();
        scene
    }

    /// Reads everything, as the keeper does at a resync.
    fn read(&mut self) {
        self.slot += 1;
        read_all(&self.world, &mut self.state, self.slot);
    }

    fn publish(&mut self, prices: [f64; 3]) {
        self.world.advance(5);
        for (reserve, dollars) in [self.usd, self.sol, self.eth].into_iter().zip(prices) {
            self.world.publish(reserve, Quote::dollars(dollars));
        }
        self.read();
    }

    /// Until nothing is left to do. Returns how often each duty was done.
    fn work<V: Venue>(
        &mut self,
        venue: impl Fn(&mut Self) -> V,
        swap: impl Fn(&mut Self, &Plan<V::Quote>) -> Vec<Instruction>,
    ) -> BTreeMap<&'static str, u32> {
        let mut done = BTreeMap::new();
        for _ in 0..200 {
            self.read();
            let mut predicted = self.state.chain.predict(u64::MAX).expect("all is known");
            let (mut all, _) = duties(&mut self.state, &mut predicted, Extent::Full, &THRESHOLDS, |_| true);
            // Liquidations bring their prices along.
            all.sort_by_key(|duty| matches!(duty, Duty::Refresh(_)));
            let chain = self.state.chain.clone();
            let mut instructions = None;
            for duty in all {
                let market = chain.market().expect("read");
                let built = match &duty {
                    Duty::Liquidate(address) => {
                        let account = self.state.accounts.account(address).expect("in the index");
                        let (held, fees) = (chain.held(), chain.fees());
                        let rents: Vec<f64> = chain.rents().iter().map(|lamports| *lamports as f64 * LAMPORT).collect();
                        let case = Case {
                            market: &predicted.market,
                            now: predicted.now,
                            account: &account,
                            held: &held,
                            fees: &fees,
                            rents: &rents,
                        };
                        let at = venue(self);
                        let Some(plan) = block_on(case.plan(&DEMANDS, &at)) else { continue };
                        let swap = router::Swap { instructions: swap(self, &plan), tables: Vec::new() };
                        let built = order::liquidation(&chain, &predicted, *address, &account, &plan, Some(&swap))
                            .expect("an order");
                        let before = self.balances();
                        self.world.send_from(self.keeper, &built).expect_ok();
                        self.check(&plan, before);
                        *done.entry(duty.name()).or_default() += 1;
                        instructions = Some(Vec::new());
                        break;
                    }
                    Duty::Settle(account, reserve) => vec![market.settle_bad_debt(*account, *reserve).expect("listed")],
                    Duty::Report(address) => {
                        let account = self.state.accounts.account(address).expect("in the book");
                        let held = account.positions().iter().map(|position| position.reserve);
                        let fresher: Vec<u8> = held.filter(|reserve| predicted.fresher >> reserve & 1 == 1).collect();
                        let refresh = order::refresh(&chain, market, &fresher).expect("known");
                        refresh.into_iter().chain([market.report_loss(*address)]).collect()
                    }
                    Duty::Refresh(reserves) => {
                        vec![order::refresh(&chain, market, reserves).expect("known").expect("some")]
                    }
                    Duty::RefreshReserve(reserve) => vec![market.refresh_reserve(*reserve).expect("listed")],
                    Duty::Execute(change) => vec![market.execute_change(self.keeper, change)],
                    Duty::Cancel(change) => vec![market.cancel_change(self.keeper, change)],
                    Duty::Vault(..) | Duty::Perp(_) => unreachable!("they are looked for elsewhere"),
                };
                *done.entry(duty.name()).or_default() += 1;
                instructions = Some(built);
                break;
            }
            match instructions {
                Some(instructions) if !instructions.is_empty() => {
                    _ = self.world.send_from(self.keeper, &instructions).expect_ok()
                }
                Some(_) => (),
                None => return done,
            }
        }
        panic!("there is always something to do: {done:?}");
    }

    fn balances(&self) -> Vec<u64> {
        [self.usd, self.sol, self.eth].iter().map(|reserve| self.world.balance(&self.keeper, *reserve)).collect()
    }

    /// The keeper's balances moved as planned.
    fn check<Q>(&self, plan: &Plan<Q>, before: Vec<u64>) {
        let after = self.balances();
        let (debt, collateral) = (plan.order.debt as usize, plan.order.collateral as usize);
        match &plan.funding {
            Funding::Inventory => {
                assert_eq!(before[debt] - after[debt], plan.sent);
                assert_eq!(after[collateral] - before[collateral], plan.arriving);
            }
            Funding::Receivership(quoted) => {
                assert_eq!(after[debt] - before[debt], quoted.out - plan.sent);
                assert_eq!(after[collateral], before[collateral], "all of it is sold");
            }
        }
    }

    /// Everyone is healthy, or owes nothing.
    fn assert_peace(&mut self) {
        let view = self.world.view();
        for trader in &self.traders {
            let account = self.world.margin(&trader.margin);
            let health = view.health(&account, self.world.now(), Requirement::Maintenance).expect("listed");
            assert!(health.is_healthy(), "{trader:?}: {health:?}");
        }
        self.world.assert_conserved();
    }

    /// The keeper's tokens at the last prices, USD.
    fn wealth(&self) -> f64 {
        let view = self.world.view();
        let value = |(reserve, amount): (usize, u64)| {
            let price = &view.reserves[reserve].price;
            price.value_floor(amount, price.spot, Bps(ONE_BPS)).to_f64()
        };
        self.balances().into_iter().enumerate().map(value).sum()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[test]
fn by_inventory_a_fall_leaves_everyone_healthy_and_the_keeper_richer() {
    let mut scene = KeeperScene::new(reserve_config());
    let (keeper, usd) = (scene.keeper, scene.usd);
    scene.world.fund(&keeper, usd, 200_000 * USD);
    scene.publish([1.0, 115.0, 2_300.0]);
    let done = scene.work(|_| NoVenue, |_, _| Vec::new());
    assert!(done["liquidate"] >= 5, "{done:?}");
    scene.assert_peace();
    assert!(scene.wealth() > 200_000.0 + 100.0, "{}", scene.wealth());
}

#[test]
fn accounts_under_water_are_settled_once_their_collateral_is_gone() {
    let mut scene = KeeperScene::new(reserve_config());
    let (keeper, usd) = (scene.keeper, scene.usd);
    scene.world.fund(&keeper, usd, 200_000 * USD);
    scene.publish([1.0, 60.0, 2_450.0]);
    let done = scene.work(|_| NoVenue, |_, _| Vec::new());
    assert!(done["settle_bad_debt"] >= 1, "{done:?}");
    scene.assert_peace();
    assert!(scene.wealth() > 200_000.0, "{}", scene.wealth());
}

/// Nobody liquidates: the lenders who leave meanwhile bear their part, and get all once the price is back.
#[test]
fn losses_are_reported_and_taken_back_once_they_are_covered() {
    let mut scene = KeeperScene::new(reserve_config());
    let (usd, nothing) = (scene.usd, |_: &mut KeeperScene, _: &Plan<()>| Vec::new());
    let is_whole = |scene: &KeeperScene| {
        let (reserve, now) = (scene.world.reserve(usd), scene.world.now());
        reserve.exit_index_at(now) == reserve.deposit_index_at(now)
    };
    scene.publish([1.0, 60.0, 3_000.0]);
    let done = scene.work(|_| NoVenue, nothing);
    assert_eq!((done["report_loss"], done.contains_key("liquidate")), (5, false), "{done:?}");
    assert!(!is_whole(&scene) && scene.world.reserve(usd).doubtful.0 > 5_000 * USD);
    // A little more or less is no dust.
    scene.publish([1.0, 59.0, 3_000.0]);
    assert_eq!(scene.work(|_| NoVenue, nothing)["report_loss"], 5);
    scene.publish([1.0, 150.0, 3_000.0]);
    assert_eq!(scene.work(|_| NoVenue, nothing)["report_loss"], 5);
    assert!(is_whole(&scene) && scene.world.reserve(usd).doubtful.0 == 0);
    scene.publish([1.0, 150.001, 3_000.0]);
    assert!(!scene.work(|_| NoVenue, nothing).contains_key("report_loss"));
}

/// Buys at the market's prices less a percent.
#[derive(Clone)]
struct Pool(MarketView);

impl Pool {
    /// Atoms of dollars for atoms of a collateral, as a fraction.
    fn rate(&self, sell: u8) -> [u64; 2] {
        let price = &self.0.reserves[sell as usize].price;
        let dollars = price.price as f64 * 10f64.powi(price.exponent) * 0.99;
        // A collateral has nine decimals, a dollar six.
        [(dollars * 1_000.0) as u64, 1_000_000]
    }
}

impl Venue for Pool {
    type Quote = u8;

    async fn quote(&self, sell: u8, _: u8, amount: u64) -> Option<Quoted<u8>> {
        let [numerator, denominator] = self.rate(sell);
        Some(Quoted { out: (amount as u128 * numerator as u128 / denominator as u128) as u64, quote: sell })
    }
}

#[test]
fn by_receivership_the_keeper_needs_no_tokens_of_its_own() {
    let mut scene = KeeperScene::new(reserve_config());
    let usd = scene.usd;
    scene.publish([1.0, 115.0, 2_300.0]);
    let sold = std::cell::Cell::new(0);
    let pool = |scene: &mut KeeperScene| Pool(scene.state.chain.predict(u64::MAX).expect("known").market);
    let done = scene.work(pool, |scene, plan| {
        // What it earned it may pay with.
        let Funding::Receivership(quoted) = &plan.funding else { return Vec::new() };
        sold.set(sold.get() + 1);
        let rate = pool(scene).rate(quoted.quote);
        let keeper = scene.keeper;
        scene.world.fund(&keeper, quoted.quote, 0);
        let swap = Swap::new(&mut scene.world, [quoted.quote, usd], rate, 1_000_000 * USD);
        vec![swap.instruction(&mut scene.world, &keeper, plan.arriving)]
    });
    assert!(sold.get() >= 3, "by receivership");
    assert!(done["liquidate"] >= 5, "{done:?}");
    scene.assert_peace();
    assert!(scene.wealth() > 100.0, "{}", scene.wealth());
}

#[test]
fn with_transfer_fees_what_moves_is_what_was_planned() {
    let mut scene = theatre_with_fees();
    let done = scene.work(|_| NoVenue, |_, _| Vec::new());
    assert_eq!(done["liquidate"], 1, "{done:?}");
    scene.assert_peace();
}

#[test]
fn a_halt_that_is_over_is_lifted_and_old_prices_are_refreshed() {
    let mut config = reserve_config();
    config.breakers.tiers = [Bps(100), Bps(200), Bps(0)];
    config.breakers.halt_seconds = 60;
    let mut scene = KeeperScene::new(config);
    scene.world.advance(5);
    let sol = scene.sol;
    scene.world.publish(sol, Quote::dollars(150.0).ema_dollars(145.0));
    scene.world.refresh(&[sol]).expect_ok();
    assert!(scene.world.reserve(sol).halt.tier > 0, "it has tripped");
    scene.world.advance(600);
    scene.publish([1.0, 150.0, 3_000.0]);
    let done = scene.work(|_| NoVenue, |_, _| Vec::new());
    assert!(done["refresh_prices"] >= 1, "{done:?}");
    let reserve = scene.world.reserve(sol);
    assert_eq!((reserve.halt.tier, reserve.price.publish_time), (0, scene.world.now()));
}

#[test]
fn a_change_that_is_due_is_made_and_one_that_has_expired_is_cancelled() {
    let mut scene = KeeperScene::new(reserve_config());
    let usd = scene.usd;
    let queue = |scene: &mut KeeperScene, penalty: u16| {
        let edits = scene.world.edits(usd, |config| config.max_penalty = Bps(penalty)).waiting;
        scene.world.queue(usd, edits)
    };
    let (calm, nothing) = ([1.0, 150.0, 3_000.0], |_: &mut KeeperScene, _: &Plan<()>| Vec::new());
    let change = queue(&mut scene, 1_200);
    scene.publish(calm);
    assert!(!scene.work(|_| NoVenue, nothing).contains_key("execute_change"), "it is not due");
    scene.world.advance(change.earliest - scene.world.now());
    scene.publish(calm);
    assert_eq!(scene.work(|_| NoVenue, nothing)["execute_change"], 1);
    assert_eq!(scene.world.reserve(usd).config.max_penalty, Bps(1_200));

    let change = queue(&mut scene, 1_300);
    scene.world.advance(change.latest + 1 - scene.world.now());
    scene.publish(calm);
    let done = scene.work(|_| NoVenue, nothing);
    assert!(done["cancel_change"] == 1 && !done.contains_key("execute_change"), "{done:?}");
    assert_eq!(scene.world.reserve(usd).config.max_penalty, Bps(1_200));
}

#[test]
fn debts_of_a_reserve_whose_term_has_come_are_repaid_however_healthy() {
    let mut scene = KeeperScene::new(reserve_config());
    let (keeper, usd) = (scene.keeper, scene.usd);
    scene.world.fund(&keeper, usd, 200_000 * USD);
    let by = scene.world.now() + 604_860;
    let wind_down = |config: &mut ReserveConfig| (config.reduce_only, config.repay_by) = (1, by as u32);
    scene.world.reconfigure(usd, wind_down).expect_ok();
    scene.publish([1.0, 150.0, 3_000.0]);
    assert!(!scene.work(|_| NoVenue, |_, _| Vec::new()).contains_key("liquidate"), "there is time left");
    scene.world.advance(by - scene.world.now());
    scene.publish([1.0, 150.0, 3_000.0]);
    let done = scene.work(|_| NoVenue, |_, _| Vec::new());
    assert!(done["liquidate"] >= 10, "{done:?}");
    for trader in &scene.traders {
        assert!(!scene.world.margin(&trader.margin).has_debt(), "{trader:?}");
    }
    assert!(scene.wealth() > 200_000.0, "{}", scene.wealth());
}

/// A scene whose dollar and SOL are of Token-2022 with a transfer fee, and whose prices fall; the keeper has
/// dollars alone.
fn theatre_with_fees() -> KeeperScene {
    let scene = KeeperScene::new(reserve_config());
    let keeper = scene.keeper;
    let mut world = World::new();
    let token = |name: &str, decimals, dollars| Token::new(name, decimals, dollars).with_fee(50, u64::MAX);
    let dollar = world.list(token("USD", 6, 1.0), reserve_config());
    let sol = world.list(token("SOL", 9, 150.0), reserve_config());
    let eth = world.list(Token::new("ETH", 9, 3_000.0), reserve_config());
    let (lender, trader) = (world.user("lender"), world.user("trader"));
    world.supply(lender, dollar, 1_000_000 * USD);
    world.supply(trader, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(trader, dollar, 10_500 * USD).expect_ok();
    world.key("keeper");
    world.fund(&keeper, dollar, 100_000 * USD);
    let mut scene =
        KeeperScene { state: State::new(world.market, keeper), traders: vec![trader], world, sol, eth, ..scene };
    scene.read();
    scene.publish([1.0, 115.0, 2_300.0]);
    scene
}

/// Lamports of the keeper.
fn lamports(scene: &KeeperScene) -> u64 {
    scene.world.account(&scene.keeper).lamports
}

/// What a signature costs.
const SIGNATURE: u64 = 5_000;

#[test]
fn a_token_account_costs_what_was_counted_for_it() {
    // SPL Token, and Token-2022 with a fee.
    let plain = || {
        let mut scene = KeeperScene::new(reserve_config());
        let (keeper, usd) = (scene.keeper, scene.usd);
        scene.world.fund(&keeper, usd, 200_000 * USD);
        scene.publish([1.0, 115.0, 3_000.0]);
        scene
    };
    for (name, mut scene) in [("plain", plain()), ("with a fee", theatre_with_fees())] {
        let chain = &scene.state.chain;
        let (rents, before) = (chain.rents(), lamports(&scene));
        assert_eq!(rents[scene.usd as usize], 0, "{name}: there is one");
        let expected = rents[scene.sol as usize];
        assert!(expected > 2_000_000, "{name}: {expected}");
        let done = scene.work(|_| NoVenue, |_, _| Vec::new());
        let spent = before - lamports(&scene);
        let signatures = done.values().sum::<u32>() as u64 * SIGNATURE;
        assert_eq!(spent, expected + signatures, "{name}: {done:?}");
        scene.read();
        assert_eq!(scene.state.chain.rents()[scene.sol as usize], 0, "{name}: now there is one");
    }
}

#[test]
fn what_is_made_for_collateral_that_is_sold_is_closed_again() {
    // By the order, or by a router that cleans up itself.
    for cleans in [false, true] {
        let mut scene = KeeperScene::new(reserve_config());
        let (keeper, usd, sol) = (scene.keeper, scene.usd, scene.sol);
        scene.publish([1.0, 115.0, 3_000.0]);
        let (own, _) = scene.state.chain.own_tokens(sol).expect("listed");
        let pool = |scene: &mut KeeperScene| Pool(scene.state.chain.predict(u64::MAX).expect("known").market);
        let (before, plans) = (lamports(&scene), std::cell::Cell::new(0));
        let done = scene.work(pool, |scene, plan| {
            let Funding::Receivership(quoted) = &plan.funding else { return Vec::new() };
            plans.set(plans.get() + plan.closes as u32);
            let rate = pool(scene).rate(quoted.quote);
            let swap = Swap::new(&mut scene.world, [quoted.quote, usd], rate, 1_000_000 * USD);
            let mut all = vec![swap.instruction(&mut scene.world, &keeper, plan.arriving)];
            if cleans {
                let accounts = vec![
                    AccountMeta::new(own, false),
                    AccountMeta::new(keeper, false),
                    AccountMeta::new_readonly(keeper, true),
                ];
                all.push(Instruction { program_id: TOKEN_PROGRAM, accounts, data: vec![9] });
            }
            all
        });
        assert!(plans.get() >= 2 && done["liquidate"] == plans.get(), "{done:?}");
        let signatures = done.values().sum::<u32>() as u64 * SIGNATURE;
        // The test's pool makes the account of what is bought.
        assert_eq!(before - lamports(&scene), signatures, "the rents came back");
        assert!(scene.world.find_account(&own).is_none(), "it is gone");
        scene.assert_peace();
    }
}
