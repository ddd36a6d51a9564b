//! A market with a pool and perps.

use ballast_client::{
    AccountMeta, Address, Instruction, MarketView, PYTH_RECEIVERS, change_address, instruction as ix,
};
use ballast_engine::{
    number::units::{Bps, Part},
    perps::trade::Order,
    price::feed::PriceUpdate,
    state::{
        change::{OF_PERP, OF_POOL},
        permission::Action,
        perp::{Perp, PerpConfig, Pool, PoolConfig, book::Width},
    },
};

use crate::{
    market::User,
    outcome::Outcome,
    price::Quote,
    scene::{Scene, USD},
    world::World,
};

/// Whether an action is one of perps and pools, whose rows tests/suite/perps/matrix.rs walks.
pub fn is_of_perps(action: Action) -> bool {
    use Action::*;
    matches!(action, GrowPerp | ReducePerp | LiquidatePerp | PoolDeposit | PoolRequest | PoolWithdraw)
}

/// A pool of the first reserve: all of its low value as skew, an hour to leave, 120 % of the buffer left by exits.
pub fn pool_config() -> PoolConfig {
    PoolConfig {
        max_value: 10_000_000 * USD,
        leave_delay: 3_600,
        max_skew: Bps(10_000),
        exit_cover: Bps(12_000),
        deleverage_below: Bps(8_000),
        deleverage_to: Bps(11_000),
        borrow_base: Bps(100),
        borrow_full: Bps(10_000),
        borrow_at_kink: Bps(3_000),
        borrow_kink: Bps(8_000),
        ..PoolConfig::default()
    }
}

/// A perp on reserve 1 of the pool at record 2: margins of 10 % and 5 %, a fee of 5 basis points, a lot of 10^4 atoms.
pub fn perp_config() -> PerpConfig {
    PerpConfig {
        max_side: 5_000_000 * USD,
        min_value: USD,
        skew_scale: 20_000_000_000,
        initial_margin: Bps(1_000),
        maintenance_margin: Bps(500),
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
        pool: 2,
        price: 1,
        power: 1,
        lot_digits: 4,
        ..PerpConfig::default()
    }
}

/// The market of [`Scene`] with a pool at record 2, perps behind it, and an owner of the pool with 200,000 USD in it. The trader has
/// 50,000 USD deposited, the lender more.
pub struct PerpScene {
    /// The world.
    pub world: World,
    /// The reserve of the quote token.
    pub usd: u8,
    /// The reserve that perps follow.
    pub sol: u8,
    /// The record of the pool.
    pub pool: u8,
    /// The record of the first perp.
    pub perp: u8,
    /// Owns the pool.
    pub owner: User,
    /// Has 50,000 USD.
    pub trader: User,
    /// Has 1,000,000 USD.
    pub lender: User,
}

impl PerpScene {
    /// With one perp of [`perp_config`].
    pub fn new() -> Self {
        Self::with(&pool_config(), &[perp_config()])
    }

    /// With a pool and perps.
    #[track_caller]
    pub fn with(pool: &PoolConfig, perps: &[PerpConfig]) -> Self {
        let Scene { mut world, usd, sol, lender, .. } = Scene::new();
        let (owner, trader) = (world.user("owner"), world.user("perp trader"));
        world.supply(owner, usd, 200_000 * USD);
        world.supply(trader, usd, 50_000 * USD);
        let record = world.list_record(OF_POOL, bytemuck::bytes_of(pool)).expect("the pool");
        for config in perps {
            world.refresh_all();
            world.list_record(OF_PERP, bytemuck::bytes_of(config)).expect("the perp");
        }
        world.refresh_all();
        let mut scene = Self { world, usd, sol, pool: record, perp: record + 1, owner, trader, lender };
        scene.provide(owner, 200_000 * USD).expect_ok();
        scene
    }

    /// The market at hand.
    pub fn view(&self) -> MarketView {
        self.world.view()
    }

    /// A perp's record.
    #[track_caller]
    pub fn record(&self, perp: u8) -> Perp {
        *Perp::of(&self.view().reserves, perp).expect("a perp")
    }

    /// The pool's record.
    #[track_caller]
    pub fn pool_record(&self) -> Pool {
        *Pool::of(&self.view().reserves, self.pool).expect("a pool")
    }

    /// The last price of a lot, atoms with 32 fractional bits.
    pub fn price(&self, perp: u8) -> u64 {
        let (view, record) = (self.view(), self.record(perp));
        let price = &view.reserves[record.config.price as usize].price;
        record.marks(price, Width::Maintenance).spot
    }

    /// Whole lots that are worth so many USD.
    pub fn lots(&self, perp: u8, dollars: i64) -> i64 {
        ((dollars as i128 * USD as i128) << 32).checked_div(self.price(perp) as i128).expect("a price") as i64
    }

    /// Trades so many USD of value: less than zero sells.
    #[must_use = "see the outcome: it may be an error"]
    pub fn trade(&mut self, user: User, dollars: i64) -> Outcome {
        let lots = self.lots(self.perp, dollars);
        self.trade_lots(user, self.perp, lots, false)
    }

    /// Trades lots.
    #[must_use = "see the outcome: it may be an error"]
    pub fn trade_lots(&mut self, user: User, perp: u8, lots: i64, reduce_only: bool) -> Outcome {
        let instruction = self.order(user, perp, lots, reduce_only);
        self.world.send_one(instruction)
    }

    /// The instruction of a trade at any price.
    pub fn order(&self, user: User, perp: u8, lots: i64, reduce_only: bool) -> ix::TradePerp {
        let (market, margin_account) = (self.world.market, user.margin);
        ix::TradePerp { owner: user.key, market, margin_account, perp, lots, limit: 0, min_factor: 0, reduce_only }
    }

    /// Rests an order of lots, whose tip the margin account gets first. Returns when it fills as well.
    #[must_use = "see the outcome: it may be an error"]
    pub fn rest(&mut self, user: User, perp: u8, lots: i64, reduce_only: bool, tip: u32) -> Outcome {
        let send = transfer(user.key, user.margin, tip as u64);
        let rest = self.rest_instruction(user, perp, lots, reduce_only, tip);
        if tip == 0 { self.world.send(&[rest]) } else { self.world.send(&[send, rest]) }
    }

    /// The instruction of an order at any price.
    pub fn rest_instruction(&self, user: User, perp: u8, lots: i64, reduce_only: bool, tip: u32) -> Instruction {
        let order = Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only };
        self.view().rest_perp_order(user.key, user.margin, &order, tip).expect("it is listed")
    }

    /// When an account's order fills, unix seconds.
    pub fn fills_from(&self, margin: Address) -> i64 {
        self.world.margin(&margin).order.fills_from.into()
    }

    /// Fills an order by the underlying's last price moved by basis points, published at the second of two times and after one of the
    /// first.
    #[must_use = "see the outcome: it may be an error"]
    pub fn fill(&mut self, margin: Address, recipient: Address, perp: u8, bps: i64, times: (i64, i64)) -> Outcome {
        let prices = [self.post(perp, bps, times)];
        let fill = self.view().fill_perp_order(margin, recipient, perp, &prices).expect("it is listed");
        self.world.send(&[fill])
    }

    /// Has a receiver hold such a price, in an account that no reserve knows.
    pub fn post(&mut self, perp: u8, bps: i64, (prev_publish_time, publish_time): (i64, i64)) -> Address {
        let reserve = self.record(perp).config.price;
        let feed_id = self.world.reserve(reserve).config.oracle.feed_id.0;
        let update = PriceUpdate { prev_publish_time, ..self.quote(bps).update(feed_id, publish_time) };
        let address = self.world.key("posted price");
        self.world.write_price(address, PYTH_RECEIVERS[0], &update);
        address
    }

    /// Clears an order; its tip goes to whom is named.
    #[must_use = "see the outcome: it may be an error"]
    pub fn cancel(&mut self, margin: Address, recipient: Address, perp: u8) -> Outcome {
        let cancel = self.view().cancel_perp_order(recipient, margin, perp).expect("it is listed");
        self.world.send(&[cancel])
    }

    /// Closes a position whole.
    #[must_use = "see the outcome: it may be an error"]
    pub fn close(&mut self, user: User, perp: u8) -> Outcome {
        let is_short = self.world.margin(&user.margin).perp(perp).is_some_and(|position| position.is_short != 0);
        self.trade_lots(user, perp, if is_short { 1 << 47 } else { -(1 << 47) }, true)
    }

    /// Pays a loss, or what is owed.
    #[must_use = "see the outcome: it may be an error"]
    pub fn settle(&mut self, margin: Address, perp: u8) -> Outcome {
        self.world.send_one(ix::SettlePerp { market: self.world.market, margin_account: margin, perp })
    }

    /// Writes off what a closed position owes.
    #[must_use = "see the outcome: it may be an error"]
    pub fn write_off(&mut self, margin: Address, perp: u8) -> Outcome {
        self.world.send_one(ix::WriteOffPerp { market: self.world.market, margin_account: margin, perp })
    }

    /// Liquidates a position.
    #[must_use = "see the outcome: it may be an error"]
    pub fn liquidate(&mut self, by: User, margin: Address, perp: u8) -> Outcome {
        let market = self.world.market;
        let (liquidator, liquidator_account) = (by.key, by.margin);
        self.world.send_one(ix::LiquidatePerp { liquidator, market, margin_account: margin, liquidator_account, perp })
    }

    /// Pays another's loss for collateral.
    #[must_use = "see the outcome: it may be an error"]
    pub fn cover(&mut self, by: User, margin: Address, perp: u8, collateral: u8, max_amount: u64) -> Outcome {
        self.world.send_one(ix::CoverPerpLoss {
            liquidator: by.key,
            market: self.world.market,
            margin_account: margin,
            liquidator_account: by.margin,
            perp,
            collateral,
            max_amount,
        })
    }

    /// Deleverages a perp.
    #[must_use = "see the outcome: it may be an error"]
    pub fn deleverage(&mut self, perp: u8) -> Outcome {
        self.world.send_one(ix::DeleveragePerp { market: self.world.market, perp })
    }

    /// Winds a perp down.
    #[must_use = "see the outcome: it may be an error"]
    pub fn resolve(&mut self, authority: Address, perp: u8) -> Outcome {
        self.world.send_one(ix::ResolvePerp { authority, market: self.world.market, perp })
    }

    /// Moves a deposit into the pool.
    #[must_use = "see the outcome: it may be an error"]
    pub fn provide(&mut self, user: User, amount: u64) -> Outcome {
        let (market, pool) = (self.world.market, self.pool);
        self.world.send_one(ix::PoolDeposit { owner: user.key, market, margin_account: user.margin, pool, amount })
    }

    /// Asks for shares of the pool.
    #[must_use = "see the outcome: it may be an error"]
    pub fn ask(&mut self, user: User, shares: u64) -> Outcome {
        let (market, pool) = (self.world.market, self.pool);
        self.world.send_one(ix::PoolRequest { owner: user.key, market, margin_account: user.margin, pool, shares })
    }

    /// Takes what was asked for.
    #[must_use = "see the outcome: it may be an error"]
    pub fn leave(&mut self, user: User) -> Outcome {
        let (market, pool) = (self.world.market, self.pool);
        self.world.send_one(ix::PoolWithdraw { owner: user.key, market, margin_account: user.margin, pool })
    }

    /// Lets time pass, with all prices of its end, and that of the underlying moved by basis points.
    pub fn pass(&mut self, seconds: i64, bps: i64) {
        self.world.advance(seconds);
        let quote = self.quote(bps);
        self.world.publish(self.sol, quote);
        let usd = self.world.reserve(self.usd).price;
        let quote = Quote { price: usd.price as i64, confidence: 0, exponent: usd.exponent, ema: usd.ema_price as i64 };
        self.world.publish(self.usd, quote);
        self.world.refresh(&[self.usd, self.sol]).expect_ok();
    }

    /// The underlying's price moved by basis points, its average with it.
    fn quote(&self, bps: i64) -> Quote {
        let last = self.world.reserve(self.sol).price;
        let price = last.price as i64 + (last.price as i128 * bps as i128 / 10_000) as i64;
        Quote { price, confidence: 0, exponent: last.exponent, ema: price }
    }
}

/// Sends lamports.
fn transfer(from: Address, to: Address, lamports: u64) -> Instruction {
    const TRANSFER: u32 = 2;
    Instruction {
        program_id: ballast_client::SYSTEM_PROGRAM,
        accounts: vec![AccountMeta::new(from, true), AccountMeta::new(to, false)],
        data: [&TRANSFER.to_le_bytes()[..], &lamports.to_le_bytes()].concat(),
    }
}

impl Default for PerpScene {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Queues a pool or a perp and lists it, as if before the launch. Returns its index, or why it failed.
    pub fn list_record(&mut self, target: u8, data: &[u8]) -> Result<u8, Outcome> {
        let (view, payer) = (self.view(), self.payer);
        let (market, number) = (self.market, view.market.changes);
        let list = Instruction::from(ix::ListPerp {
            payer,
            market,
            change: change_address(&market, number).0,
            recipient: payer,
            system_program: ballast_client::SYSTEM_PROGRAM,
        });
        let queue = view.queue_change(payer, target, data.to_vec());
        let outcome = self.before_the_launch(|world| world.send(&[queue, list]));
        if outcome.is_ok() { Ok(view.reserves.len() as u8) } else { Err(outcome) }
    }

    /// Changes a perp's or a pool's parameters, as the authority, as if before the launch.
    #[must_use = "see the outcome: it may be an error"]
    pub fn edit_record(&mut self, record: u8, offset: usize, bytes: &[u8]) -> Outcome {
        let edits = [&(offset as u16).to_le_bytes()[..], bytes].concat();
        let instruction = self.view().set_parameters(self.authority, record, edits);
        self.before_the_launch(|world| world.send(&[instruction]))
    }

    /// A margin account for one perp, of an owner.
    #[must_use = "see the outcome: it may be an error"]
    pub fn open_for_perp(&mut self, owner: Address, id: u16, collateral: u8, perp: u8) -> Outcome {
        let view = self.view();
        let margin_account = view.margin_account(&owner, id);
        let (payer, market) = (self.payer, self.market);
        let system_program = ballast_client::SYSTEM_PROGRAM;
        self.send_one(ix::OpenAccount {
            owner,
            payer,
            market,
            margin_account,
            system_program,
            id,
            mode: 2,
            collateral,
            debt: perp,
        })
    }
}
