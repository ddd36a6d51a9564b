//! A market of four reserves and a few users, and random actions on it.
#![allow(dead_code)] // Every test file uses its own part.

pub mod rational;

use ballast_engine::{
    Error, Result,
    actions::{EVERYTHING, Ledger, Movement},
    health::Requirement,
    interest::RateCurve,
    layout::Address,
    liquidation::Liquidation,
    margin::{MarginAccount, Position, Side},
    market::MarketConfig,
    price::{OracleConfig, PriceUpdate, Source},
    reserve::{MAX_LIQUIDITY, Reserve, ReserveConfig},
    units::{Bps, Usd},
    weights::{RiskConfig, Weights},
};
use num_bigint::BigUint;
use proptest::prelude::*;

/// When every world starts.
pub const START: i64 = 1_700_000_000;
/// Published exponent of the prices here.
pub const EXPONENT: i32 = -10;
/// Decimals and price (times 10^[`EXPONENT`] USD) of the reserves of [`World::new`].
pub const TOKENS: [(u8, i64); 4] =
    [(6, 10_000_000_000), (9, 1_500_000_000_000), (18, 600_000_000_000_000), (0, 25_000_000_000)];

/// So many cases; a failing one is printed and not written to a file.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

pub fn market_config() -> MarketConfig {
    MarketConfig {
        target_health: Bps(11_000),
        full_penalty_shortfall: Bps(1_000),
        dust_value: Usd::ONE.0 as u64,
        min_debt_value: 2 * Usd::ONE.0 as u64,
        ..MarketConfig::default()
    }
}

/// The feed of a reserve.
pub fn feed(reserve: u8) -> Address {
    Address([reserve + 1; 32])
}

pub fn reserve_config(reserve: u8) -> ReserveConfig {
    ReserveConfig {
        deposit_cap: MAX_LIQUIDITY,
        borrow_cap: MAX_LIQUIDITY,
        min_deposit: 1,
        oracle: OracleConfig {
            feed_id: feed(reserve),
            max_age: 600,
            max_confidence_initial: Bps(200),
            max_confidence_maintenance: Bps(1_000),
            max_ema_divergence: Bps(1_000),
            confidence_multiple: Bps(20_000),
            ..OracleConfig::default()
        },
        curve: RateCurve::new(&[(0, 0), (8_000, 2_000), (10_000, 30_000)]).unwrap(),
        risk: RiskConfig {
            cross: Weights {
                initial_asset: Bps(7_500),
                maintenance_asset: Bps(8_200),
                initial_liability: Bps(11_000),
                maintenance_liability: Bps(10_500),
            },
            ramp: Bps(100),
            ..RiskConfig::default()
        },
        min_penalty: Bps(300),
        max_penalty: Bps(1_500),
        reserve_factor: Bps(1_500),
        borrow_enabled: 1,
        ..ReserveConfig::default()
    }
}

/// An update of a reserve's feed with spot = EMA and no confidence interval.
pub fn update(reserve: u8, price: i64, publish_time: i64) -> PriceUpdate {
    PriceUpdate { feed_id: feed(reserve).0, price, confidence: 0, exponent: EXPONENT, publish_time, ema_price: price }
}

/// An update as read from an account whose address does not matter.
pub fn source(update: &PriceUpdate) -> Source {
    Source { address: Address::NONE, update: *update }
}

/// A market and its users.
#[derive(Clone, Debug)]
pub struct World {
    pub config: MarketConfig,
    pub reserves: Vec<Reserve>,
    pub accounts: Vec<MarginAccount>,
    pub prices: Vec<i64>,
    pub now: i64,
}

impl World {
    /// Reserves of [`TOKENS`], each with its own configuration, all priced.
    pub fn with(configs: [ReserveConfig; 4], users: usize) -> Self {
        let reserves =
            TOKENS.iter().zip(configs).map(|((decimals, _), config)| Reserve::new(config, *decimals, START).unwrap());
        let mut world = Self {
            config: market_config(),
            reserves: reserves.collect(),
            accounts: vec![MarginAccount::default(); users],
            prices: TOKENS.iter().map(|token| token.1).collect(),
            now: START,
        };
        world.refresh_all();
        world
    }

    pub fn new(users: usize) -> Self {
        Self::with([0, 1, 2, 3].map(reserve_config), users)
    }

    /// Runs an action on copies and keeps them if it succeeds, as a transaction would.
    pub fn act<T>(
        &mut self,
        user: usize,
        action: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> Result<T>,
    ) -> Result<T> {
        let (mut reserves, mut account) = (self.reserves.clone(), self.accounts[user]);
        let mut ledger = Ledger { config: self.config, reserves: &mut reserves, now: self.now };
        let done = action(&mut ledger, &mut account)?;
        (self.reserves, self.accounts[user]) = (reserves, account);
        Ok(done)
    }

    /// Publishes a price now.
    pub fn publish(&mut self, reserve: u8, update: &PriceUpdate) -> Result<bool> {
        self.act(0, |ledger, _| ledger.refresh_price(reserve, &source(update), None))
    }

    /// Sets a price and publishes it, a second later if one was published now.
    pub fn set_price(&mut self, reserve: u8, price: i64) {
        if self.reserves[reserve as usize].price.publish_time >= self.now {
            self.now += 1;
        }
        self.prices[reserve as usize] = price;
        self.publish(reserve, &update(reserve, price, self.now)).unwrap();
    }

    /// Publishes all prices again.
    pub fn refresh_all(&mut self) {
        for reserve in 0..self.reserves.len() as u8 {
            let update = update(reserve, self.prices[reserve as usize], self.now);
            self.publish(reserve, &update).unwrap();
        }
    }

    pub fn deposit(&mut self, user: usize, reserve: u8, amount: u64) {
        self.act(user, |ledger, account| ledger.deposit(account, reserve, amount)).unwrap();
    }

    pub fn borrow(&mut self, user: usize, reserve: u8, amount: u64) {
        self.act(user, |ledger, account| ledger.borrow(account, reserve, amount)).unwrap();
    }

    pub fn health(&self, user: usize, requirement: Requirement) -> Result<ballast_engine::health::Health> {
        ballast_engine::health::health(&self.accounts[user], &self.reserves, &self.config, self.now, requirement)
    }

    /// Atoms of so many 10^-4 USD of a reserve's token at its price.
    pub fn atoms(&self, reserve: u8, value: u64) -> u64 {
        let scale = 10u128.pow(self.reserves[reserve as usize].decimals as u32) * 10u128.pow(-(EXPONENT + 4) as u32);
        let atoms = value as u128 * scale / self.prices[reserve as usize] as u128;
        atoms.min(u64::MAX as u128) as u64
    }

    /// One of a user's positions on a side, so that random actions meet something; the given reserve if there is none.
    fn place(&self, user: usize, side: Side, reserve: u8) -> u8 {
        let on_side = |position: &&Position| position.side == side as u8;
        let places: Vec<u8> =
            self.accounts[user].positions().iter().filter(on_side).map(|position| position.reserve).collect();
        if places.is_empty() { reserve } else { places[reserve as usize % places.len()] }
    }

    fn size(&self, reserve: u8, size: Size) -> u64 {
        match size {
            Size::Atoms(amount) => amount,
            Size::Value(value) => self.atoms(reserve, value),
            Size::Everything => EVERYTHING,
        }
    }
}

/// How much an action moves.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    Atoms(u64),
    /// 10^-4 USD.
    Value(u64),
    Everything,
}

#[derive(Clone, Copy, Debug)]
pub enum Action {
    Deposit(usize, u8, Size),
    Withdraw(usize, u8, Size),
    Borrow(usize, u8, Size),
    Repay(usize, u8, Size),
    Liquidate {
        user: usize,
        debt: u8,
        collateral: u8,
        max_repay: Size,
    },
    Settle(usize, u8),
    Collect(u8),
    /// Multiplies the price by so many basis points, with a confidence and an EMA given in basis points of it.
    Price {
        reserve: u8,
        factor: u64,
        confidence: u64,
        ema: u64,
    },
    /// Seconds pass and all prices are published again.
    Wait(i64),
}

/// What a successful action did.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Tokens moved from or to the user.
    Moved {
        reserve: u8,
        amount: u64,
    },
    Liquidated(Liquidation),
    Other,
}

impl Action {
    /// Carries it out; an error leaves the world as it was.
    pub fn run(self, world: &mut World) -> Result<Outcome> {
        let moved = |reserve| move |movement: Movement| Outcome::Moved { reserve, amount: movement.amount };
        match self {
            Self::Deposit(user, reserve, size) => {
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.deposit(account, reserve, amount)).map(moved(reserve))
            }
            Self::Withdraw(user, reserve, size) => {
                let reserve = world.place(user, Side::Deposit, reserve);
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).map(moved(reserve))
            }
            Self::Borrow(user, reserve, size) => {
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.borrow(account, reserve, amount)).map(moved(reserve))
            }
            Self::Repay(user, reserve, size) => {
                let reserve = world.place(user, Side::Debt, reserve);
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.repay(account, reserve, amount)).map(moved(reserve))
            }
            Self::Liquidate { user, debt, collateral, max_repay } => {
                let (debt, collateral) =
                    (world.place(user, Side::Debt, debt), world.place(user, Side::Deposit, collateral));
                let amount = world.size(debt, max_repay);
                world
                    .act(user, |ledger, account| ledger.liquidate(account, debt, collateral, amount, 0))
                    .map(Outcome::Liquidated)
            }
            Self::Settle(user, reserve) => {
                let reserve = world.place(user, Side::Debt, reserve);
                world.act(user, |ledger, account| ledger.settle_bad_debt(account, reserve)).map(|_| Outcome::Other)
            }
            Self::Collect(reserve) => {
                world.act(0, |ledger, _| ledger.collect_fees(reserve)).map(|amount| Outcome::Moved { reserve, amount })
            }
            Self::Price { reserve, factor, confidence, ema } => {
                // Of two prices of one second the first stays.
                world.now += 1;
                let old = world.prices[reserve as usize];
                let price = (old as i128 * factor as i128 / 10_000).clamp(1_000, 1_000_000_000_000_000_000) as i64;
                let of_price = |bps: u64| (price as i128 * bps as i128 / 10_000) as i64;
                let mut update = update(reserve, price, world.now);
                (update.confidence, update.ema_price) = (of_price(confidence) as u64, of_price(ema).max(1));
                world.publish(reserve, &update)?;
                world.prices[reserve as usize] = price;
                Ok(Outcome::Other)
            }
            Self::Wait(seconds) => {
                world.now += seconds;
                world.refresh_all();
                Ok(Outcome::Other)
            }
        }
    }
}

pub fn size() -> impl Strategy<Value = Size> + Clone {
    prop_oneof![
        8 => (0.0..28.0f64).prop_map(|log| Size::Value(log.exp() as u64 + 1)),
        1 => (0u64..100).prop_map(Size::Atoms),
        2 => Just(Size::Everything),
    ]
}

/// Actions that change books at one instant: no time, no prices, no liquidations.
pub fn user_action(users: usize) -> impl Strategy<Value = Action> {
    let place = (0..users, 0u8..4, size());
    prop_oneof![
        4 => place.clone().prop_map(|(user, reserve, size)| Action::Deposit(user, reserve, size)),
        2 => place.clone().prop_map(|(user, reserve, size)| Action::Withdraw(user, reserve, size)),
        4 => place.clone().prop_map(|(user, reserve, size)| Action::Borrow(user, reserve, size)),
        2 => place.prop_map(|(user, reserve, size)| Action::Repay(user, reserve, size)),
    ]
}

pub fn any_action(users: usize) -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => user_action(users),
        3 => (0..users, 0u8..4, 0u8..4, size()).prop_map(|(user, debt, collateral, max_repay)| {
            Action::Liquidate { user, debt, collateral, max_repay }
        }),
        1 => (0..users, 0u8..4).prop_map(|(user, reserve)| Action::Settle(user, reserve)),
        1 => (0u8..4).prop_map(Action::Collect),
        2 => (0u8..4, 3_000u64..25_000, 0u64..1_100, 8_500u64..11_500)
            .prop_map(|(reserve, factor, confidence, ema)| Action::Price { reserve, factor, confidence, ema }),
        2 => prop_oneof![3 => 1i64..100, 2 => 1i64..3_000_000, 1 => Just(3_000_000_000i64)].prop_map(Action::Wait),
    ]
}

/// Adversarial history that leaves little to chance: two lenders, two borrowers near their limit, time, a crash,
/// liquidations and settlements; `seed` picks tokens and depth.
pub fn eventful(seed: u64) -> Vec<Action> {
    let mut state = seed;
    let mut pick = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut actions = Vec::new();
    for reserve in 0..4 {
        actions.push(Action::Deposit(0, reserve, Size::Value(50_000_000 + pick(50_000_000))));
    }
    for user in 1..3 {
        let collateral = pick(4) as u8;
        let debt = (collateral + 1 + pick(3) as u8) % 4;
        actions.push(Action::Deposit(user, collateral, Size::Value(1_000_000 + pick(1_000_000))));
        actions.push(Action::Borrow(user, debt, Size::Value(500_000 + pick(180_000))));
        actions.push(Action::Wait(pick(10_000_000) as i64 + 1));
        actions.push(Action::Price {
            reserve: collateral,
            factor: 1_500 + pick(8_500),
            confidence: pick(500),
            ema: 10_000,
        });
        for _ in 0..1 + pick(4) {
            let max_repay = if pick(2) == 0 { Size::Everything } else { Size::Value(pick(400_000)) };
            actions.push(Action::Liquidate { user, debt, collateral, max_repay });
        }
        actions.push(Action::Settle(user, debt));
        actions.push(Action::Wait(pick(100_000) as i64 + 1));
    }
    actions
}

/// A random sequence, mostly after an eventful one.
pub fn sequence(users: usize, length: usize) -> impl Strategy<Value = Vec<Action>> {
    (prop::bool::weighted(0.75), any::<u64>(), prop::collection::vec(any_action(users), 1..length)).prop_map(
        |(early, seed, tail)| {
            let mut actions = if early { eventful(seed) } else { Vec::new() };
            actions.extend(tail);
            actions
        },
    )
}

/// Runs actions and hands every success to `check`: the world before and after.
pub fn run(world: &mut World, actions: &[Action], mut check: impl FnMut(&World, &World, Action, Outcome)) {
    for &action in actions {
        let before = world.clone();
        match action.run(world) {
            Ok(outcome) => check(&before, world, action, outcome),
            Err(error) => assert!(Error::ALL.contains(&error)),
        }
    }
}

/// `shares × index` with 64 fractional bits, without a width that could overflow.
pub fn exact(index: ballast_engine::index::Index, shares: ballast_engine::units::Shares) -> BigUint {
    BigUint::from(index.to_bits()) * shares.0
}

/// What a reserve has and what its depositors own, with 64 fractional bits.
pub fn books(reserve: &Reserve) -> (BigUint, BigUint) {
    let assets = (BigUint::from(reserve.cash) << 64u32) + exact(reserve.debt_index, reserve.debt_shares);
    (assets, exact(reserve.deposit_index, reserve.deposit_shares))
}
