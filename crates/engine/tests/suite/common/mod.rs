//! A market of four reserves and a few users, and random actions on it.

mod actions;
pub mod debtor;
pub mod model;
pub mod moment;
pub mod rational;

pub use actions::*;

use ballast_engine::{
    Error, Result,
    health::Requirement,
    ledger::{EVERYTHING, Ledger, Movement},
    number::units::{Bps, MAX_LIQUIDITY, Usd},
    price::feed::{OracleConfig, PriceUpdate, Source},
    record::layout::Address,
    state::{
        account::{MarginAccount, Position, Side},
        breakers::BreakerConfig,
        insurance::{InsuranceConfig, Stake},
        interest::RateCurve,
        market::{Market, MarketConfig, Roles},
        reserve::{Reserve, ReserveConfig},
        weights::{RiskConfig, Weights},
    },
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
        delay: 172_800,
        roles: Roles {
            fee_collector: Address([2; 32]),
            guardian: Address([3; 32]),
            price_receiver: Address([4; 32]),
            ..Roles::default()
        },
        ..MarketConfig::default()
    }
}

/// Lends as the account's owner.
pub fn lend(ledger: &mut Ledger, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
    let owner = account.owner;
    ledger.deposit(account, &owner, reserve, amount)
}

/// Who sets parameters.
pub const AUTHORITY: Address = Address([1; 32]);

/// The owner of a user's account.
pub fn owner(user: usize) -> Address {
    Address([100 + user as u8; 32])
}

/// A user's account without positions.
pub fn blank(user: usize) -> MarginAccount {
    MarginAccount { owner: owner(user), ..MarginAccount::default() }
}

/// Replaces a reserve's parameters.
pub fn configure(ledger: &mut Ledger, reserve: u8, config: &ReserveConfig) -> Result<()> {
    let record = ledger.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
    record.set_config(config, ledger.now, 172_800, true)
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
            max_skew: 600,
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
        insurance: InsuranceConfig { cooldown: 604_800, ..InsuranceConfig::default() },
        ..ReserveConfig::default()
    }
}

/// The same with everything that restricts, or pays into the insurance.
pub fn restricted_config(reserve: u8) -> ReserveConfig {
    // About 3,000 USD.
    let tokens = [3_000, 20, 1, 1_200][reserve as usize];
    let hour = (tokens * 10u64.pow(TOKENS[reserve as usize].0 as u32)).max(360_000);
    let plain = reserve_config(reserve);
    ReserveConfig {
        breakers: BreakerConfig {
            outflow_hour: hour,
            outflow_day: hour.max(4_320_000) * 2,
            small_deposit: hour / 10,
            liquidation_hour: 100,
            halt_seconds: 60,
            max_utilisation: Bps(9_000),
            tiers: [Bps(500), Bps(1_000), Bps(1_400)],
            ..BreakerConfig::default()
        },
        insurance: InsuranceConfig { fee_share: Bps(3_000), penalty_share: Bps(4_000), ..plain.insurance },
        flash_enabled: 1,
        flash_fee: Bps(9),
        ..plain
    }
}

/// An update of a reserve's feed with spot = EMA and no confidence interval.
pub fn update(reserve: u8, price: i64, publish_time: i64) -> PriceUpdate {
    let prev_publish_time = publish_time.saturating_sub(1);
    PriceUpdate {
        feed_id: feed(reserve).0,
        price,
        confidence: 0,
        exponent: EXPONENT,
        publish_time,
        prev_publish_time,
        ema_price: price,
    }
}

/// An update as read from an account whose address does not matter.
pub fn source(update: &PriceUpdate) -> Source {
    Source { address: Address::NONE, update: *update }
}

/// A market and its users.
#[derive(Clone, Debug)]
pub struct World {
    pub market: Market,
    pub reserves: Vec<Reserve>,
    pub accounts: Vec<MarginAccount>,
    /// Of each user, by reserve.
    pub stakes: Vec<[Stake; 4]>,
    pub prices: Vec<i64>,
    pub now: i64,
}

impl World {
    /// Reserves of [`TOKENS`], each with its own configuration, all priced.
    pub fn with(configs: [ReserveConfig; 4], users: usize) -> Self {
        let reserves =
            TOKENS.iter().zip(configs).map(|((decimals, _), config)| Reserve::new(&config, *decimals, START).unwrap());
        let mut world = Self {
            market: Market::new(market_config(), AUTHORITY).unwrap(),
            reserves: reserves.collect(),
            accounts: (0..users).map(blank).collect(),
            stakes: vec![[0, 1, 2, 3].map(|reserve| Stake { reserve, ..Stake::default() }); users],
            prices: TOKENS.iter().map(|token| token.1).collect(),
            now: START,
        };
        world.refresh_all();
        world
    }

    pub fn new(users: usize) -> Self {
        Self::with([0, 1, 2, 3].map(reserve_config), users)
    }

    /// The same with breakers, limits, insurances and flash loans that matter to [`eventful`] sequences.
    pub fn restricted(users: usize) -> Self {
        let mut world = Self::with([0, 1, 2, 3].map(restricted_config), users);
        let config = &mut world.market.config;
        (config.outflow_hour, config.outflow_day) = (8_000, 30_000);
        (config.liquidation_hour, config.near_insolvency, config.full_penalty_after) = (60, Bps(300), 600);
        config.loss_limit = 50;
        config.validate().unwrap();
        world
    }

    /// One or the other.
    pub fn either(restricted: bool, users: usize) -> Self {
        if restricted { Self::restricted(users) } else { Self::new(users) }
    }

    /// Runs an action on copies and keeps them if it succeeds, as a transaction would.
    pub fn act<T>(
        &mut self,
        user: usize,
        action: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> Result<T>,
    ) -> Result<T> {
        let (mut market, mut reserves, mut account) = (self.market, self.reserves.clone(), self.accounts[user]);
        let mut ledger = Ledger { market: &mut market, reserves: &mut reserves, now: self.now };
        let done = action(&mut ledger, &mut account)?;
        (self.market, self.reserves, self.accounts[user]) = (market, reserves, account);
        Ok(done)
    }

    /// The same for an action on a stake.
    pub fn act_on_stake<T>(
        &mut self,
        user: usize,
        reserve: u8,
        action: impl FnOnce(&mut Ledger<'_>, &mut Stake) -> Result<T>,
    ) -> Result<T> {
        let mut stake = self.stakes[user][reserve as usize];
        let done = self.act(user, |ledger, _| action(ledger, &mut stake))?;
        self.stakes[user][reserve as usize] = stake;
        Ok(done)
    }

    /// Publishes a price now. Returns whether it changed anything.
    pub fn publish(&mut self, reserve: u8, update: &PriceUpdate) -> Result<bool> {
        let before = self.reserves[reserve as usize];
        self.act(0, |ledger, _| ledger.refresh_price(reserve, &source(update), None))?;
        Ok(self.reserves[reserve as usize] != before)
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
        self.act(user, |ledger, account| lend(ledger, account, reserve, amount)).unwrap();
    }

    pub fn borrow(&mut self, user: usize, reserve: u8, amount: u64) {
        self.act(user, |ledger, account| ledger.borrow(account, reserve, amount)).unwrap();
    }

    pub fn health(&self, user: usize, requirement: Requirement) -> Result<ballast_engine::health::Health> {
        ballast_engine::health::account::health(
            &self.accounts[user],
            &self.reserves,
            &self.market.config,
            self.now,
            requirement,
        )
    }

    /// Atoms of so many 10^-4 USD of a reserve's token at its price.
    pub fn atoms(&self, reserve: u8, value: u64) -> u64 {
        let scale = 10u128.pow(self.reserves[reserve as usize].decimals as u32) * 10u128.pow(-(EXPONENT + 4) as u32);
        let atoms = value as u128 * scale / self.prices[reserve as usize] as u128;
        atoms.min(u64::MAX as u128) as u64
    }

    /// One of a user's positions on a side, so that random actions meet something; the given reserve if there is none.
    pub fn place(&self, user: usize, side: Side, reserve: u8) -> u8 {
        let on_side = |position: &&Position| position.side == side as u8;
        let places: Vec<u8> =
            self.accounts[user].positions().iter().filter(on_side).map(|position| position.reserve).collect();
        if places.is_empty() { reserve } else { places[reserve as usize % places.len()] }
    }

    pub fn size(&self, reserve: u8, size: Size) -> u64 {
        match size {
            Size::Atoms(amount) => amount,
            Size::Value(value) => self.atoms(reserve, value),
            Size::Everything => EVERYTHING,
        }
    }
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
pub fn exact(index: ballast_engine::number::index::Index, shares: ballast_engine::number::units::Shares) -> BigUint {
    BigUint::from(index.to_bits()) * shares.0
}

/// What a reserve has and what its depositors own, with 64 fractional bits.
pub fn books(reserve: &Reserve) -> (BigUint, BigUint) {
    let assets = (BigUint::from(reserve.cash) << 64u32) + exact(reserve.debt_index, reserve.debt_shares);
    (assets, exact(reserve.deposit_index, reserve.deposit_shares))
}
