//! Random sequences of all that is done with perps, on the bytecode against the engine: after every step the bytes of the market and of
//! all margin accounts are those that the engine says, and no lender has lost anything by it. `BALLAST_SEED` chooses the sequence,
//! `BALLAST_STEPS` its length.

use std::collections::BTreeMap;

use ballast_engine::{
    Result,
    ledger::Ledger,
    number::units::{Bps, Part, Shares},
    perps::trade::Order,
    price::feed::{PriceUpdate, Source},
    state::{
        account::MarginAccount,
        market::Market,
        perp::{PerpConfig, PoolConfig},
        reserve::Reserve,
    },
};
use ballast_tests::{Outcome, PerpScene, SOL, USD, User, perp_config, pool_config};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// What a step may change.
#[derive(Clone, PartialEq)]
struct State {
    market: Market,
    records: Vec<Reserve>,
    accounts: Vec<MarginAccount>,
}

struct Run {
    scene: PerpScene,
    users: Vec<User>,
    perps: Vec<u8>,
    rng: ChaCha8Rng,
    done: BTreeMap<&'static str, usize>,
    refused: BTreeMap<&'static str, usize>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let perps = [
            perp_config(),
            PerpConfig { least_shock: Bps(4_000), loss_budget: 40_000 * USD, wind_down: 1, ..perp_config() },
            PerpConfig { price: 0, lot_digits: 3, ..perp_config() },
        ];
        let pool = PoolConfig { max_skew: Bps(40_000), ..pool_config() };
        let mut scene = PerpScene::with(&pool, &perps);
        let mut users = vec![scene.owner, scene.trader, scene.lender];
        for (name, dollars) in [("rich", 60_000), ("middling", 8_000), ("poor", 900)] {
            let user = scene.world.user(name);
            scene.world.supply(user, scene.usd, dollars * USD);
            users.push(user);
        }
        scene.world.supply(users[4], scene.sol, 20 * SOL);
        scene.world.supply(scene.lender, scene.sol, 1_000 * SOL);
        scene.pass(1, 0);
        let perps = (scene.perp..scene.perp + 3).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { scene, users, perps, rng, done: BTreeMap::new(), refused: BTreeMap::new() }
    }

    fn state(&self) -> State {
        let view = self.scene.view();
        let accounts = self.users.iter().map(|user| self.scene.world.margin(&user.margin)).collect();
        State { market: view.market, records: view.reserves, accounts }
    }

    /// Sends what `send` says, and requires what `engine` makes of the state before.
    fn step<T>(
        &mut self,
        kind: &'static str,
        engine: impl FnOnce(&mut Ledger, &mut [MarginAccount]) -> Result<T>,
        send: impl FnOnce(&mut PerpScene) -> Outcome,
    ) {
        let before = self.state();
        let mut expected = before.clone();
        let State { market, records, accounts } = &mut expected;
        let now = self.scene.world.now();
        let result = engine(&mut Ledger { market, reserves: records, now }, accounts).map(drop);
        let outcome = send(&mut self.scene);
        match result {
            Ok(()) => {
                outcome.expect_ok();
                expected.market.events += 1;
                let after = self.state();
                assert!(expected == after, "{kind}: other bytes than the engine's");
                self.require_wall(kind, &before, &after);
                *self.done.entry(kind).or_default() += 1;
            }
            Err(error) => {
                outcome.expect_error(error);
                *self.refused.entry(error.name()).or_default() += 1;
            }
        }
    }

    /// The wall: no reserve's index, debt, cash or sum of deposits is other than it was, but for its interest.
    fn require_wall(&self, kind: &str, before: &State, after: &State) {
        let now = self.scene.world.now();
        for (was, is) in before.records.iter().zip(&after.records).take(2) {
            assert_eq!(
                (was.cash, was.debt_shares, was.deposit_shares),
                (is.cash, is.debt_shares, is.deposit_shares),
                "{kind}"
            );
            assert_eq!(was.deposit_index_at(now), is.deposit_index_at(now), "{kind}");
        }
    }

    /// Fills an order by a price near the market's, or by one that is not the first.
    fn fill(&mut self, one: usize, perp: u8, times: (i64, i64)) {
        let bps = self.rng.random_range(-300..300);
        let (user, filler) = (self.users[one], self.scene.owner.key);
        let price = self.scene.post(perp, bps, times);
        let update = PriceUpdate::parse(&self.scene.world.account(&price).data).expect("a price");
        let source = Source { address: ballast_client::to_engine(&price), update };
        self.step(
            "fill",
            |ledger, accounts| ledger.fill_order(&mut accounts[one], perp, &source, None),
            |scene| scene.fill(user.margin, filler, perp, bps, times),
        );
    }

    fn run(&mut self) {
        let users = self.users.len();
        let (one, other) = (self.rng.random_range(0..users), self.rng.random_range(0..users));
        // The pool's owner trades with another account.
        let one = if one == 0 && self.rng.random_ratio(3, 4) { 3 } else { one };
        let (user, by) = (self.users[one], self.users[other]);
        let mut perp = *self.perps.choose(&mut self.rng).expect("perps");
        let held: Vec<u8> = self.state().accounts[one].perps().map(|position| position.perp).collect();
        if self.rng.random_ratio(2, 3) && !held.is_empty() {
            perp = held[self.rng.random_range(0..held.len())];
        }
        let (pool, sol) = (self.scene.pool, self.scene.sol);
        let dollars: i64 = 10i64.pow(self.rng.random_range(0..6)) * self.rng.random_range(1..10);
        match self.rng.random_range(0..100) {
            0..=34 => {
                let sign = if self.rng.random_ratio(1, 2) { 1 } else { -1 };
                let (lots, reduce_only) = (self.scene.lots(perp, dollars) * sign, self.rng.random_ratio(1, 8));
                let order = Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only };
                let send = |scene: &mut PerpScene| scene.trade_lots(user, perp, lots, reduce_only);
                self.step("trade", |ledger, accounts| ledger.trade(&mut accounts[one], &order), send);
            }
            72..=73 => {
                let sign = if self.rng.random_ratio(1, 2) { 1 } else { -1 };
                let (lots, reduce_only) = (self.scene.lots(perp, dollars) * sign, self.rng.random_ratio(1, 8));
                let order = Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only };
                let send = |scene: &mut PerpScene| scene.rest(user, perp, lots, reduce_only, 0);
                self.step("rest", |ledger, accounts| ledger.rest_order(&mut accounts[one], &order, 0), send);
                let order = self.state().accounts[one].order;
                if order.rests() && self.rng.random_ratio(7, 8) {
                    let (perp, from) = (order.perp, order.fills_from as i64);
                    let wait = (from - self.scene.world.now()).max(0) + self.rng.random_range(0..6);
                    self.scene.pass(wait, 0);
                    let before = self.rng.random_range(0..5);
                    self.fill(one, perp, (from - before, from));
                }
                let order = self.state().accounts[one].order;
                if order.rests() && self.rng.random_ratio(3, 4) {
                    self.scene.pass(10, 0);
                }
                let perp = if order.rests() { order.perp } else { perp };
                let send = |scene: &mut PerpScene| scene.cancel(user.margin, user.key, perp);
                self.step("cancel", |ledger, accounts| ledger.cancel_order(&mut accounts[one], perp), send);
            }
            35..=44 => {
                let is_short = self.state().accounts[one].perp(perp).is_some_and(|position| position.is_short != 0);
                let lots = if is_short { 1 << 47 } else { -(1 << 47) };
                let order = Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only: true };
                let send = |scene: &mut PerpScene| scene.close(user, perp);
                self.step("close", |ledger, accounts| ledger.trade(&mut accounts[one], &order), send);
            }
            45..=52 => {
                let send = |scene: &mut PerpScene| scene.settle(user.margin, perp);
                self.step("settle", |ledger, accounts| ledger.settle_perp(&mut accounts[one], perp), send);
            }
            53..=62 if one != other => {
                let engine = |ledger: &mut Ledger, accounts: &mut [MarginAccount]| {
                    let [account, liquidator] = accounts.get_disjoint_mut([one, other]).expect("two");
                    ledger.liquidate_perp(account, perp, liquidator)
                };
                self.step("liquidate", engine, |scene| scene.liquidate(by, user.margin, perp));
            }
            63..=65 if one != other => {
                let most = dollars as u64 * USD;
                let engine = |ledger: &mut Ledger, accounts: &mut [MarginAccount]| {
                    let [account, payer] = accounts.get_disjoint_mut([one, other]).expect("two");
                    ledger.cover_perp_loss(account, perp, sol, payer, most)
                };
                self.step("cover", engine, |scene| scene.cover(by, user.margin, perp, sol, most));
            }
            66..=68 => {
                let send = |scene: &mut PerpScene| scene.write_off(user.margin, perp);
                self.step("write_off", |ledger, accounts| ledger.write_off_perp(&mut accounts[one], perp), send);
            }
            69..=71 => {
                self.step("deleverage", |ledger, _| ledger.deleverage_perp(perp), |scene| scene.deleverage(perp))
            }
            74..=75 => {
                let amount = dollars as u64 * USD;
                let send = |scene: &mut PerpScene| scene.provide(user, amount);
                self.step("provide", |ledger, accounts| ledger.provide(&mut accounts[one], pool, amount), send);
            }
            76..=77 => {
                let held = self.state().accounts[one].stake().map_or(0, |stake| stake.shares.0);
                let shares = Shares(held / self.rng.random_range(1..4));
                let send = |scene: &mut PerpScene| scene.ask(user, shares.0);
                self.step("ask", |ledger, accounts| ledger.ask_to_leave(&mut accounts[one], pool, shares), send);
            }
            78..=80 => {
                let send = |scene: &mut PerpScene| scene.leave(user);
                self.step("leave", |ledger, accounts| ledger.leave(&mut accounts[one], pool), send);
            }
            81 if self.rng.random_ratio(1, 150) => {
                let (authority, perp) = (self.scene.world.authority, self.perps[1]);
                let signer = ballast_client::to_engine(&authority);
                self.step(
                    "resolve",
                    |ledger, _| ledger.resolve_perp(&signer, perp),
                    |scene| scene.resolve(authority, perp),
                );
            }
            82..=84 => {
                // Outcomes of lending are compared elsewhere; here they change what perps meet.
                self.scene.world.fund(&user.key, self.scene.usd, 500 * USD);
                let _ = self.scene.world.deposit(user, self.scene.usd, 500 * USD);
            }
            85..=87 => {
                let _ = self.scene.world.withdraw(user, self.scene.usd, dollars as u64 * USD);
                let _ = self.scene.world.borrow(user, sol, dollars as u64 * SOL / 500);
            }
            88..=89 => self.scene.pass(self.rng.random_range(60..20_000), 0),
            90..=92 => {
                let bps = self.rng.random_range(-4_000..5_000);
                self.scene.pass(90, bps);
            }
            _ => {
                let bps = self.rng.random_range(-200..200);
                self.scene.pass(self.rng.random_range(1..30), bps);
            }
        }
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a whole number"))
}

/// So many successes of each kind must be among 6,000 steps, or the sequence does not test what it says.
const LEAST: [(&str, usize); 13] = [
    ("trade", 300),
    ("close", 100),
    ("rest", 50),
    ("fill", 10),
    ("cancel", 5),
    ("settle", 50),
    ("liquidate", 3),
    ("cover", 1),
    ("write_off", 1),
    ("deleverage", 1),
    ("provide", 20),
    ("ask", 20),
    ("leave", 3),
];

#[test]
fn perps_leave_the_bytes_the_engine_says() {
    let (seed, steps) = (from_env("BALLAST_SEED", 20_261_128), from_env("BALLAST_STEPS", 20_000));
    println!("BALLAST_SEED={seed} BALLAST_STEPS={steps}");
    let mut run = Run::new(seed);
    for step in 0..steps {
        run.run();
        if step % 100 == 0 {
            run.scene.world.assert_conserved();
        }
    }
    println!("{:?} {:?}", run.done, run.refused);
    for record in 0..2 {
        // No lender lost anything.
        let index = run.scene.world.reserve(record).deposit_index;
        assert!(index.to_bits() >= 1 << 64, "{index:?}");
    }
    if steps >= 20_000 {
        for (kind, least) in LEAST {
            assert!(run.done.get(kind).is_some_and(|times| *times >= least), "{kind}: {:?}", run.done.get(kind));
        }
    }
}
