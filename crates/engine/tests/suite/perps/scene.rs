//! A market with a pool and perps, and what users do with them.

use ballast_engine::{
    Error, Result,
    ledger::Ledger,
    number::units::{Bps, Part, Shares},
    perps::{
        bill::Receipt,
        provide::PoolMovement,
        trade::{Fill, Order},
    },
    price::feed::PriceUpdate,
    state::{
        account::{MarginAccount, Side},
        change::{Change, OF_PERP, OF_POOL},
        perp::{
            LotScale, Perp, PerpConfig, PerpPosition, Pool, PoolConfig,
            book::{Standing, Width, high_value},
        },
    },
};

use crate::common::{AUTHORITY, TOKENS, World, lend, source, update};

/// One token of the quote reserve.
pub const USD: u64 = 1_000_000;
/// The reserve of the quote token.
pub const QUOTE: u8 = 0;
/// The record of the pool; the perps follow it.
pub const POOL: u8 = 4;
/// Perps on reserves 1, 2 and 0, and a square of 1.
pub const PERPS: [u8; 8] = [5, 6, 7, 8, 9, 10, 11, 12];
/// By perp: its reserve, the digits of a lot, and the power.
const CONTRACTS: [(u8, u8, u8); 8] =
    [(1, 4, 1), (2, 10, 1), (1, 4, 2), (0, 3, 1), (1, 3, 1), (2, 9, 1), (2, 10, 2), (1, 4, 1)];

pub fn perp_config(n: usize) -> PerpConfig {
    let (price, lot_digits, power) = CONTRACTS[n];
    PerpConfig {
        max_side: 50_000_000 * USD,
        min_value: USD,
        skew_scale: 20_000_000_000,
        initial_margin: Bps(if power == 2 { 2_000 } else { 1_000 }),
        maintenance_margin: Bps(if power == 2 { 1_000 } else { 500 }),
        fee: Bps(5),
        fee_deviations: Bps(30_000),
        fee_lag: 1,
        order_lag: 2,
        max_impact: Bps(50),
        insurance_share: Bps(2_000),
        penalty: Bps(100),
        liquidator_share: Bps(5_000),
        max_funding: Bps(10_000),
        funding_speed: Bps(20_000),
        least_shock: Bps(1_500),
        shock_deviations: Bps(40_000),
        shock_horizon: 3_600,
        hold: 60,
        max_trade_age: 5,
        wind_down: 1,
        pool: POOL,
        price,
        power,
        lot_digits,
        ..PerpConfig::default()
    }
}

pub fn pool_config() -> PoolConfig {
    PoolConfig {
        max_value: 100_000_000 * USD,
        leave_delay: 3_600,
        max_skew: Bps(10_000),
        exit_cover: Bps(12_000),
        deleverage_below: Bps(8_000),
        deleverage_to: Bps(11_000),
        borrow_base: Bps(100),
        borrow_full: Bps(10_000),
        borrow_at_kink: Bps(3_000),
        borrow_kink: Bps(8_000),
        quote: QUOTE,
        ..PoolConfig::default()
    }
}

/// A market with a pool of perps, whose user 0 has put `pool_usd` into the pool.
#[derive(Clone, Debug)]
pub struct Scene {
    pub world: World,
    pub perps: Vec<u8>,
}

impl Scene {
    /// With so many perps. Each user has `usd` of the quote token.
    pub fn new(perps: usize, users: usize, pool_usd: u64, usd: u64) -> Self {
        let configs: Vec<PerpConfig> = (0..perps).map(perp_config).collect();
        Self::with(&configs, &pool_config(), users, pool_usd, usd)
    }

    pub fn with(perps: &[PerpConfig], pool: &PoolConfig, users: usize, pool_usd: u64, usd: u64) -> Self {
        let mut scene = Self { world: World::new(users), perps: vec![] };
        scene.list(OF_POOL, bytemuck::bytes_of(pool)).unwrap();
        for (n, config) in perps.iter().enumerate() {
            let mut config = *config;
            if config.power == 2 && config.norm == 0 {
                let linear = PerpConfig { power: 1, ..config };
                config.norm = scene.spot_of(&linear);
            }
            scene.list(OF_PERP, bytemuck::bytes_of(&config)).unwrap();
            scene.perps.push(PERPS[n]);
        }
        for user in 0..users {
            let amount = if user == 0 { pool_usd } else { usd };
            if amount != 0 {
                scene.act(user, |ledger, account| lend(ledger, account, QUOTE, amount * USD)).unwrap();
            }
        }
        if pool_usd != 0 {
            scene.provide(0, pool_usd * USD).unwrap();
        }
        scene
    }

    /// Lists a pool or a perp by a change, as governance does before the launch.
    pub fn list(&mut self, target: u8, data: &[u8]) -> Result<()> {
        let mut change = Change::default();
        self.act(0, |ledger, _| ledger.queue_change(&AUTHORITY, target, data, &mut change))?;
        let records = self.world.reserves.len();
        self.world.reserves.push(Default::default());
        let listed = self.act(0, |ledger, _| ledger.list_perp_or_pool(&change));
        if listed.is_err() {
            self.world.reserves.truncate(records);
        }
        listed
    }

    fn spot_of(&self, config: &PerpConfig) -> u64 {
        let price = &self.world.reserves[config.price as usize].price;
        LotScale::new(config.lot_digits, 6).price(price, price.spot)
    }

    pub fn act<T>(
        &mut self,
        user: usize,
        action: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> Result<T>,
    ) -> Result<T> {
        self.world.act(user, action)
    }

    /// An action of two accounts.
    pub fn act_both<T>(
        &mut self,
        user: usize,
        other: usize,
        action: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount, &mut MarginAccount) -> Result<T>,
    ) -> Result<T> {
        assert_ne!(user, other);
        let mut second = self.world.accounts[other];
        let done = self.world.act(user, |ledger, account| action(ledger, account, &mut second))?;
        self.world.accounts[other] = second;
        Ok(done)
    }

    pub fn perp(&self, index: u8) -> &Perp {
        Perp::of(&self.world.reserves, index).unwrap()
    }

    pub fn perp_mut(&mut self, index: u8) -> &mut Perp {
        Perp::of_mut(&mut self.world.reserves, index).unwrap()
    }

    pub fn pool(&self) -> &Pool {
        Pool::of(&self.world.reserves, POOL).unwrap()
    }

    pub fn position(&self, user: usize, perp: u8) -> PerpPosition {
        self.world.accounts[user].perp(perp).copied().unwrap_or_default()
    }

    /// Price of a lot, atoms with 32 fractional bits.
    pub fn price(&self, perp: u8) -> u64 {
        let record = self.perp(perp);
        let price = &self.world.reserves[record.config.price as usize].price;
        record.marks(price, Width::Maintenance).spot
    }

    /// Whole lots that are worth so many atoms.
    pub fn lots(&self, perp: u8, atoms: u64) -> i64 {
        (((atoms as u128) << 32) / self.price(perp) as u128) as i64
    }

    /// A perp's sides with funding until now.
    pub fn accrued(&self, perp: u8) -> [ballast_engine::state::perp::Side; 2] {
        let record = self.perp(perp);
        let annual = self.world.reserves[record.config.price as usize].risk.volatility.annual;
        let now = self.world.now;
        record.accrued(self.price(perp), annual, self.pool().borrowed_at(now), now).0
    }

    pub fn standing(&self, width: Width) -> Standing {
        Standing::of(self.pool(), &self.world.reserves, width, self.world.now).unwrap()
    }

    pub fn high_value(&self, width: Width) -> i64 {
        high_value(self.pool(), &self.world.reserves, width, self.world.now).unwrap()
    }

    pub fn order(&mut self, user: usize, order: Order) -> Result<Fill> {
        self.act(user, |ledger, account| ledger.trade(account, &order))
    }

    /// Trades for so many atoms of value: less than zero sells.
    pub fn trade(&mut self, user: usize, perp: u8, atoms: i64) -> Result<Fill> {
        let lots = self.lots(perp, atoms.unsigned_abs()) * atoms.signum();
        self.order(user, order(perp, lots))
    }

    /// Rests an order of so many atoms of value: less than zero sells. Returns when it fills.
    pub fn rest(&mut self, user: usize, perp: u8, atoms: i64) -> Result<i64> {
        let lots = self.lots(perp, atoms.unsigned_abs()) * atoms.signum();
        self.rest_order(user, order(perp, lots))
    }

    pub fn rest_order(&mut self, user: usize, order: Order) -> Result<i64> {
        self.act(user, |ledger, account| ledger.rest_order(account, &order, 0)).map(i64::from)
    }

    /// Fills an order by a price of the perp's underlying, published at a time after another.
    pub fn fill(&mut self, user: usize, perp: u8, price: i64, times: (i64, i64)) -> Result<Fill> {
        let reserve = self.perp(perp).config.price;
        let (prev_publish_time, publish_time) = times;
        let update = PriceUpdate { prev_publish_time, ..update(reserve, price, publish_time) };
        self.act(user, |ledger, account| ledger.fill_order(account, perp, &source(&update), None)).map(|done| done.0)
    }

    pub fn cancel(&mut self, user: usize, perp: u8) -> Result<u32> {
        self.act(user, |ledger, account| ledger.cancel_order(account, perp))
    }

    /// Closes a position whole.
    pub fn close(&mut self, user: usize, perp: u8) -> Result<Fill> {
        let position = self.position(user, perp);
        let lots = i64::MAX >> 8;
        let lots = if position.is_short != 0 { lots } else { -lots };
        self.order(user, Order { reduce_only: true, ..order(perp, lots) })
    }

    pub fn provide(&mut self, user: usize, amount: u64) -> Result<PoolMovement> {
        self.act(user, |ledger, account| ledger.provide(account, POOL, amount))
    }

    pub fn ask(&mut self, user: usize, shares: u64) -> Result<()> {
        self.act(user, |ledger, account| ledger.ask_to_leave(account, POOL, Shares(shares)))
    }

    pub fn leave(&mut self, user: usize) -> Result<PoolMovement> {
        self.act(user, |ledger, account| ledger.leave(account, POOL))
    }

    pub fn settle(&mut self, user: usize, perp: u8) -> Result<Receipt> {
        self.act(user, |ledger, account| ledger.settle_perp(account, perp))
    }

    /// Publishes all prices of the tokens again, now.
    pub fn refresh(&mut self) {
        for reserve in 0..4 {
            let update = update(reserve, self.world.prices[reserve as usize], self.world.now);
            self.world.publish(reserve, &update).unwrap();
        }
    }

    /// Lets time pass, with prices of its end.
    pub fn pass(&mut self, seconds: i64) {
        self.world.now += seconds;
        self.refresh();
    }

    /// Moves a price by basis points, a second later.
    pub fn shift(&mut self, reserve: u8, bps: i64) {
        // A lot stays within what the perps can account for.
        let (price, start) = (&mut self.world.prices[reserve as usize], TOKENS[reserve as usize].1);
        *price = (*price + (*price as i128 * bps as i128 / 10_000) as i64).clamp(start / 50, start * 50);
        self.pass(1);
    }

    /// What a user's quote deposit is worth, atoms.
    pub fn deposit_of(&self, user: usize) -> u64 {
        let shares = self.world.accounts[user].shares(QUOTE, Side::Deposit).unwrap_or(Shares::ZERO);
        self.world.reserves[QUOTE as usize].deposit_index_at(self.world.now).amount_floor(shares)
    }
}

pub fn order(perp: u8, lots: i64) -> Order {
    Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only: false }
}

/// The error of a result.
pub fn refused<T: core::fmt::Debug>(result: Result<T>) -> Error {
    result.unwrap_err()
}
