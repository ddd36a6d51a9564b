//! Random markets and accounts, with all that changes what an account is worth: for the benchmark, and for the tests of the
//! index.

use ballast_client::{
    Address, MarketView,
    engine::{
        health::Requirement,
        number::{
            index::Index,
            units::{Bps, MAX_LIQUIDITY, ONE_BPS, Part, Shares, Usd},
        },
        price::feed::{OracleConfig, Quote},
        record::layout::{self, LAYOUT_VERSION},
        state::{
            account::{MarginAccount, Mode, Side},
            insurance::InsuranceConfig,
            interest::RateCurve,
            market::{Market, MarketConfig},
            perp::{Perp, PerpConfig, PerpPosition, Pool, PoolConfig, book::Width},
            reserve::{Reserve, ReserveConfig},
            weights::{RiskConfig, Weights},
        },
    },
};
use rand::{Rng, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// When the markets are as they are made, unix seconds.
pub const START: i64 = 1_780_000_000;

/// Which tokens a market lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Of 6 to 9 decimals, as most are.
    Common,
    /// Of 0 to 18 decimals: an atom may be worth millions, or all there are less than a cent.
    Any,
}

/// Makes markets and accounts, the same ones from the same seed.
pub struct Population {
    rng: ChaCha8Rng,
}

impl Population {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A market of so many reserves: of all sizes and ages of prices, in risk groups, with isolated terms, haircuts, ramps and
    /// interest under way. Every `stale`th price is too old; zero: none is.
    pub fn market(&mut self, tokens: Tokens, reserves: usize, stale: usize) -> MarketView {
        let config = MarketConfig {
            target_health: Bps(10_500),
            full_penalty_shortfall: Bps(1_000),
            dust_value: Usd::dollars(1).0 as u64,
            min_debt_value: Usd::dollars(10).0 as u64,
            ..MarketConfig::default()
        };
        let market = Market { version: LAYOUT_VERSION, config, ..Market::default() };
        let reserves =
            (0..reserves).map(|index| self.reserve(tokens, index, stale != 0 && index % stale == 0)).collect();
        MarketView { address: Address::new_from_array([1; 32]), market, reserves }
    }

    fn reserve(&mut self, tokens: Tokens, index: usize, is_stale: bool) -> Reserve {
        let of: [u8; 4] = if tokens == Tokens::Common { [6, 6, 8, 9] } else { [0, 2, 8, 18] };
        let decimals = of[self.rng.random_range(0..of.len())];
        let config = self.config(index);
        let mut reserve = Reserve::new(&config, decimals, START - 86_400).expect("a valid configuration");
        // Per token, so that 2^60 atoms of it are still worth something and 10^9 USD are not all of them.
        let price = 10f64.powf(self.rng.random_range(-3.0..5.0)) * if decimals == 0 { 1e3 } else { 1.0 };
        let age = if is_stale { self.rng.random_range(61..90_000) } else { self.rng.random_range(0..=50) };
        self.quote(&mut reserve, price, START - age);
        // In the middle of a ramp, an accrual, a long life.
        let risk = &mut reserve.risk;
        for weights in &mut risk.weights {
            weights.maintenance_asset.0 -= self.rng.random_range(0..=weights.maintenance_asset.0 / 4);
        }
        if self.rng.random_ratio(1, 3) {
            risk.position_depth = 10u32.pow(self.rng.random_range(3..8));
            risk.position_haircut = Bps(self.rng.random_range(0..=4_000));
        }
        let index = |rng: &mut ChaCha8Rng, least: f64, most: f64| {
            Index::from_bits((rng.random_range(least..most) * (1u128 << 64) as f64) as u128)
        };
        reserve.deposit_index = index(&mut self.rng, 0.2, 2.0);
        reserve.debt_index = index(&mut self.rng, 1.0, 8.0);
        reserve.last_accrual = START - self.rng.random_range(0..100_000);
        // Larger than any one account's, and within what the books may hold.
        reserve.debt_shares = Shares(2 * MANY);
        reserve.deposit_shares = Shares(4 * MANY);
        reserve.cash = 8 * MANY;
        reserve.update_rates();
        reserve
    }

    fn config(&mut self, index: usize) -> ReserveConfig {
        let rng = &mut self.rng;
        let maintenance = rng.random_range(2_000..=9_000);
        let liability = rng.random_range(10_000..=12_000);
        let group_id = rng.random_range(0..4);
        let weights = |asset: u16| Weights {
            initial_asset: Bps(asset / 2),
            maintenance_asset: Bps(asset),
            initial_liability: Bps(15_000),
            maintenance_liability: Bps(liability),
        };
        let grouped = if group_id == 0 { 0 } else { 9_300.max(maintenance) };
        let mut feed_id = layout::Address::NONE;
        feed_id.0[0] = index as u8 + 1;
        ReserveConfig {
            deposit_cap: MAX_LIQUIDITY,
            borrow_cap: MAX_LIQUIDITY,
            min_deposit: 1 << rng.random_range(0..20),
            oracle: OracleConfig {
                feed_id,
                feed_account: feed_id,
                max_age: 60,
                max_skew: [0, 10, 60][rng.random_range(0..3)],
                max_confidence_initial: Bps(200),
                max_confidence_maintenance: Bps(1_000),
                max_ema_divergence: Bps(500),
                confidence_multiple: Bps(rng.random_range(10_000..=30_000)),
                reference_speed: Bps(200),
                ..OracleConfig::default()
            },
            curve: RateCurve::new(&[(0, 100), (8_000, 1_000), (10_000, 10_000)]).expect("three points"),
            risk: RiskConfig {
                cross: weights(maintenance),
                isolated: weights(rng.random_range(2_000..=9_000)),
                group_id,
                group_initial_asset: Bps(grouped),
                group_maintenance_asset: Bps(grouped),
                reference_volatility: Bps(5_000),
                volatility_slope: Bps(1_000),
                max_volatility_haircut: Bps(1_000),
                market_depth: 1_000_000,
                max_market_haircut: Bps(1_000),
                ramp: Bps(100),
                ..RiskConfig::default()
            },
            min_penalty: Bps(200),
            max_penalty: Bps(500),
            reserve_factor: Bps(1_000),
            borrow_enabled: 1,
            insurance: InsuranceConfig { cooldown: 864_000, ..InsuranceConfig::default() },
            ..ReserveConfig::default()
        }
    }

    /// Has a reserve take over a price of a token, with a confidence of up to 1 %.
    fn quote(&mut self, reserve: &mut Reserve, price: f64, publish_time: i64) {
        // Eight digits, whatever the magnitude.
        let exponent = (price.log10().floor() as i32 - 8).clamp(-18, 0);
        let number = (price * 10f64.powi(-exponent)) as u64;
        let ema_price = (number as f64 * self.rng.random_range(0.97..1.03)) as u64;
        let confidence = number / 1_000 * self.rng.random_range(0..=10);
        let quote = Quote { price: number, confidence, ema_price, exponent, publish_time, base_time: publish_time };
        reserve.refresh(&quote, publish_time).expect("a newer price");
    }

    /// Moves a reserve's price by a factor of up to `1 ± part`, published at `now`.
    pub fn move_price(&mut self, market: &mut MarketView, reserve: usize, part: f64, now: i64) {
        let reserve = &mut market.reserves[reserve];
        let price = reserve.price.price as f64 * 10f64.powi(reserve.price.exponent);
        let factor = 1.0 + self.rng.random_range(-part..part);
        if now > reserve.price.publish_time {
            self.quote(reserve, (price * factor).clamp(1e-9, 1e8), now);
        }
    }

    /// A cross account of so many positions, at most half of them debts, with a collateral of `ratio` times its debt or so. One
    /// in four has its debts in one risk group, if enough reserves are.
    pub fn account(&mut self, market: &MarketView, positions: usize, ratio: f64) -> MarginAccount {
        let debts = if positions < 2 { 0 } else { self.rng.random_range(1..=positions / 2) };
        let mut reserves = index::sample(&mut self.rng, reserves_of(market), positions).into_vec();
        if self.rng.random_ratio(1, 4) {
            let group = market.reserves[reserves.first().copied().unwrap_or_default()].config.risk.group_id;
            reserves.sort_by_key(|reserve| market.reserves[*reserve].config.risk.group_id != group);
        }
        let account = MarginAccount { version: LAYOUT_VERSION, ..MarginAccount::default() };
        self.fill(account, market, &reserves, debts, ratio)
    }

    /// The same on isolated terms.
    pub fn isolated_account(&mut self, market: &MarketView, ratio: f64) -> MarginAccount {
        let reserves = index::sample(&mut self.rng, reserves_of(market), 2).into_vec();
        let account = MarginAccount {
            version: LAYOUT_VERSION,
            mode: Mode::Isolated as u8,
            isolated_debt: reserves[0] as u8,
            isolated_collateral: reserves[1] as u8,
            ..MarginAccount::default()
        };
        self.fill(account, market, &reserves, 1, ratio)
    }

    fn fill(
        &mut self,
        mut account: MarginAccount,
        market: &MarketView,
        reserves: &[usize],
        debts: usize,
        ratio: f64,
    ) -> MarginAccount {
        for (place, &reserve) in reserves.iter().enumerate() {
            let side = if place < debts { Side::Debt } else { Side::Deposit };
            let dollars = 10f64.powf(self.rng.random_range(1.0..6.0));
            let shares = shares_worth(&market.reserves[reserve], dollars, side);
            account.add(reserve as u8, side, Shares(shares)).expect("room for it");
        }
        account.regroup(&market.reserves);
        // Debts are scaled to what the engine says the collateral is.
        let health = market.health(&account, START, Requirement::Maintenance).expect("its reserves exist");
        let scale = health.collateral.to_f64() / health.debt.to_f64().max(1e-9) / ratio;
        for position in account.positions.iter_mut().filter(|position| position.is_debt()) {
            position.shares.0 = ((position.shares.0 as f64 * scale) as u64).clamp(1, MANY);
        }
        account
    }

    /// The market with pools of perps in addition, each of one of its reserves: with as many perps, of any power, margins, funding and
    /// deleveraging; some are wound down, and some pools pay gains in part. Returns the perps of each.
    pub fn add_perps(&mut self, market: &mut MarketView, pools: usize, perps: usize) -> Vec<Vec<u8>> {
        let reserves = market.reserves.len();
        let mut of_pools = Vec::new();
        for _ in 0..pools {
            let (record, quote) = (market.reserves.len() as u8, self.rng.random_range(0..reserves));
            let decimals = market.reserves[quote].decimals;
            let mut pool = Pool::new(&PoolConfig { quote: quote as u8, ..PoolConfig::default() }, decimals, START);
            pool.borrow_rate = self.rng.random_range(0..1 << 31);
            if self.rng.random_ratio(1, 4) {
                pool.profit_factor = Part(self.rng.random());
            }
            let followed = index::sample(&mut self.rng, reserves, perps).into_vec();
            market.reserves.push(*pool.as_record());
            let perps = followed.into_iter().map(|price| {
                let perp = self.perp(record, &market.reserves[price], price as u8, decimals);
                market.reserves.push(*perp.as_record());
                market.reserves.len() as u8 - 1
            });
            of_pools.push(perps.collect());
        }
        of_pools
    }

    fn perp(&mut self, pool: u8, followed: &Reserve, price: u8, quote_decimals: u8) -> Perp {
        let rng = &mut self.rng;
        let maintenance = rng.random_range(50..=2_000);
        let config = PerpConfig {
            max_side: MAX_LIQUIDITY / 16,
            skew_scale: 10u64.pow(rng.random_range(6..14)),
            initial_margin: Bps(2 * maintenance),
            maintenance_margin: Bps(maintenance),
            fee: Bps(rng.random_range(1..=50)),
            max_impact: Bps(rng.random_range(0..=1_000)),
            max_funding: Bps(10_000),
            funding_speed: Bps(20_000),
            pool,
            price,
            power: 1,
            ..PerpConfig::default()
        };
        // Lots whose price has some digits to both sides.
        let of = |digits| Perp::new(&PerpConfig { lot_digits: digits, ..config }, quote_decimals, START);
        let price = |perp: &Perp| perp.marks(&followed.price, Width::Maintenance).spot;
        let useful = (0..=18).map(of).min_by_key(|perp| price(perp).leading_zeros().abs_diff(22));
        let mut perp = useful.expect("one of them");
        if rng.random_ratio(1, 4) {
            (perp.config.power, perp.config.norm) = (2, price(&perp).clamp(1, 1 << 46));
        }
        if rng.random_ratio(1, 8) {
            perp.final_price = price(&perp);
        }
        let worth = price(&perp) as i64;
        for side in &mut perp.sides {
            side.size = rng.random_range(0..1 << 44);
            if rng.random_ratio(1, 3) {
                side.multiplier = rng.random_range(1 << 28..1 << 32);
            }
            side.offset = rng.random_range(-worth / 10..=worth / 10);
        }
        perp.rate = rng.random_range(-(1 << 32)..1 << 32);
        perp.last_accrual = START - rng.random_range(0..100_000);
        perp
    }

    /// An account with positions in some of a pool's perps in addition, worth up to ten times its collateral, that have gained or lost
    /// up to a tenth. Its debts are scaled so that its collateral is `ratio` times what it owes, where they can be.
    pub fn with_perps(
        &mut self,
        account: &MarginAccount,
        market: &MarketView,
        perps: &[u8],
        ratio: f64,
    ) -> MarginAccount {
        let of_account = |account: &MarginAccount| {
            let health = market.health(account, START, Requirement::Maintenance).expect("its records exist");
            (health.collateral.to_f64(), health.debt.to_f64())
        };
        let (collateral, debt) = of_account(account);
        let dollars = collateral.max(1.0) * 10f64.powf(self.rng.random_range(-3.0..1.0)) / perps.len().max(1) as f64;
        let positions: Vec<_> = perps.iter().map(|perp| self.position(market, *perp, dollars)).collect();
        let mut account = account.with_perps(&positions);
        let (collateral, owed) = of_account(&account);
        let scale = (collateral / ratio - (owed - debt)) / debt.max(1e-9);
        for position in account.positions[..account.position_count as usize].iter_mut().filter(|one| one.is_debt()) {
            position.shares.0 = ((position.shares.0 as f64 * scale) as u64).clamp(1, MANY);
        }
        account
    }

    fn position(&mut self, market: &MarketView, perp: u8, dollars: f64) -> PerpPosition {
        let rng = &mut self.rng;
        let record = market.perp(perp).expect("a perp");
        let quote = &market.reserves[market.pool(record.config.pool).expect("its pool").config.quote as usize].price;
        let atom = quote.value_floor(1 << 40, quote.spot, Bps(ONE_BPS)).to_f64() / (1u64 << 40) as f64;
        let is_short: bool = rng.random();
        let side = &record.sides[is_short as usize];
        let spot = record.marks(&market.reserves[record.config.price as usize].price, Width::Maintenance).spot;
        let lot = side.scaled(spot) as f64 / (1u64 << 32) as f64;
        let size = ((dollars / atom.max(1e-30) / lot.max(1e-30)) as u64).clamp(1, 1 << 47);
        let sign = if is_short { -1.0 } else { 1.0 };
        let worth = sign * side.lot_value(spot) as f64 / (1u64 << 32) as f64 * size as f64;
        let part: f64 = rng.random_range(-0.1..0.1);
        let cost = (worth + part * lot * size as f64) as i64;
        match rng.random_range(0..16) {
            // Closed, and not paid.
            0 => PerpPosition { size: 0, perp, cost: (part * lot * size as f64) as i64, ..PerpPosition::default() },
            _ => PerpPosition {
                size,
                perp,
                is_short: is_short as u8,
                grown_at: START as u32,
                cost,
                ..PerpPosition::default()
            },
        }
    }

    /// So many accounts of so many deposits and debts and so many positions in some of the perps, and one in `isolated` on isolated terms
    /// in addition, with ratios from `least` on; in parallel, the same ones on any number of threads.
    pub fn many(
        seed: u64,
        market: &MarketView,
        accounts: usize,
        (positions, held, perps): (usize, usize, &[u8]),
        isolated: usize,
        least: f64,
    ) -> Vec<MarginAccount> {
        const CHUNK: usize = 1_000;
        let chunk = |first: usize| {
            let mut population = Self::new(seed ^ (1 + first as u64) << 20);
            let mut made = Vec::with_capacity(CHUNK + CHUNK / isolated);
            for number in first..accounts.min(first + CHUNK) {
                let ratio = population.ratio(least);
                made.push(population.near(market, ratio, |one| {
                    let account = one.account(market, positions, ratio);
                    let chosen = index::sample(&mut one.rng, perps.len(), held).into_iter().map(|at| perps[at]);
                    let chosen: Vec<u8> = chosen.collect();
                    if held == 0 { account } else { one.with_perps(&account, market, &chosen, ratio) }
                }));
                if number % isolated == 0 {
                    made.push(population.near(market, ratio, |one| one.isolated_account(market, ratio)));
                }
            }
            made
        };
        (0..accounts.div_ceil(CHUNK)).into_par_iter().flat_map_iter(|index| chunk(index * CHUNK)).collect()
    }

    /// An account whose ratio of collateral to debt is what was asked for: where a share is worth much, a debt of one may be
    /// too large.
    fn near(
        &mut self,
        market: &MarketView,
        ratio: f64,
        mut make: impl FnMut(&mut Self) -> MarginAccount,
    ) -> MarginAccount {
        loop {
            let account = make(self);
            let health = market.health(&account, START, Requirement::Maintenance).expect("its reserves exist");
            if (health.collateral.to_f64() / health.debt.to_f64() / ratio - 1.0).abs() < 1e-4 {
                return account;
            }
        }
    }

    /// A ratio of collateral to debt: between `least` and three, most of them near the lower end.
    pub fn ratio(&mut self, least: f64) -> f64 {
        least + (3.0 - least) * self.rng.random::<f64>().powi(2)
    }

    /// A number below another.
    pub fn below(&mut self, most: usize) -> usize {
        self.rng.random_range(0..most)
    }
}

/// How many reserves a market has: they come first.
fn reserves_of(market: &MarketView) -> usize {
    market.reserves.iter().filter(|record| record.is_reserve()).count()
}

/// Shares of one position, at most.
const MANY: u64 = 1 << 58;

/// The shares of so many dollars, at least one.
fn shares_worth(reserve: &Reserve, dollars: f64, side: Side) -> u64 {
    let index = if side == Side::Debt { reserve.debt_index } else { reserve.deposit_index };
    let price = &reserve.price;
    let worth = price.value_floor(index.amount_floor(Shares(MANY)), price.spot, Bps(ONE_BPS)).to_f64();
    ((dollars / worth * MANY as f64) as u64).clamp(1, MANY)
}
