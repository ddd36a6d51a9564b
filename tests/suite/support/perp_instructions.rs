//! Perps in a market in which every instruction of perps would succeed.

use std::mem::offset_of;

use ballast_client::{Address, Instruction, PYTH_RECEIVERS};
use ballast_engine::{
    number::units::{Bps, Part},
    perps::trade::Order,
    price::feed::PriceUpdate,
    state::{
        change::{OF_PERP, OF_POOL},
        perp::{PerpConfig, PoolConfig},
    },
};
use ballast_tests::{SOL, USD, User, World, perp_config, pool_config};
use bytemuck::bytes_of;

/// Why building an instruction cannot fail here.
const LISTED: &str = "it is listed";

/// Who holds what. The price of the underlying is to fall by a quarter before the instructions are valid.
#[derive(Clone, Copy, Debug)]
pub struct PerpInstructions {
    sol: u8,
    perp: u8,
    /// Its pool.
    pub pool: u8,
    /// A perp of a pool that its price will leave short of its buffer.
    heavy: u8,
    /// A perp that may be wound down.
    ending: u8,
    /// Owns the pool, and has asked for shares.
    owner: User,
    /// Is long, and has enough.
    long: User,
    /// Is long, and will be below maintenance.
    thin: User,
    /// Is long, and will owe more than he has.
    bust: User,
    /// Is long with collateral of another token.
    saver: User,
    /// Has a deposit alone.
    payer: User,
    /// Are long, and their orders rest: one since long ago.
    resting: User,
    late: User,
    /// The number of the change that lists a pool.
    listing: u64,
}

impl PerpInstructions {
    /// Before the launch's delays: pools, perps and positions.
    pub fn new(world: &mut World, usd: u8, sol: u8) -> Self {
        let wide = PoolConfig { quote: usd, max_skew: Bps(40_000), ..pool_config() };
        let list = |world: &mut World, target, data: &[u8]| {
            world.refresh_all();
            world.list_record(target, data).expect("it is listed")
        };
        let pool = list(world, OF_POOL, bytes_of(&wide));
        let small = list(world, OF_POOL, bytes_of(&wide));
        let of = |pool| PerpConfig { pool, price: sol, ..perp_config() };
        let perp = list(world, OF_PERP, bytes_of(&of(pool)));
        let heavy = list(world, OF_PERP, bytes_of(&of(small)));
        let ending = list(world, OF_PERP, bytes_of(&PerpConfig { wind_down: 1, ..of(pool) }));
        let mut user = |name: &str, dollars: u64| {
            let user = world.user(name);
            world.supply(user, usd, dollars * USD);
            user
        };
        let [owner, other, long, thin, bust, saver, payer, whale, resting, late] = [
            ("pool owner", 500_000),
            ("other pool owner", 12_000),
            ("long", 10_000),
            ("thin", 1_500),
            ("bankrupt", 900),
            ("perp saver", 700),
            ("payer of losses", 10_000),
            ("whale", 40_000),
            ("rester", 10_000),
            ("late rester", 10_000),
        ]
        .map(|(name, dollars)| user(name, dollars));
        world.supply(saver, sol, 10 * SOL);
        let listing = 0;
        let this =
            Self { sol, pool, perp, heavy, ending, owner, long, thin, bust, saver, payer, resting, late, listing };
        world.refresh_all();
        for (user, pool, dollars) in [(owner, pool, 499_000), (other, small, 11_999)] {
            let provide = world.view().pool_deposit(user.key, user.margin, pool, dollars * USD).expect(LISTED);
            world.send(&[provide]).expect_ok();
        }
        // A lot is worth 0.0015 USD.
        for (user, perp, dollars) in [
            (long, perp, 5_000),
            (thin, perp, 5_000),
            (bust, perp, 5_000),
            (saver, perp, 5_000),
            (whale, heavy, 40_000),
            (resting, perp, 5_000),
            (late, perp, 5_000),
        ] {
            world.refresh_all();
            world.send(&[this.trade(world, user, perp, dollars * 10_000 / 15)]).expect_ok();
        }
        let shock = offset_of!(PerpConfig, least_shock);
        world.edit_record(heavy, shock, &9_000u16.to_le_bytes()).expect_ok();
        this
    }

    /// Before the delay of changes, which is within the window of who leaves the pool.
    pub fn ask(&mut self, world: &mut World, payer: Address) {
        let owner = self.owner;
        let request = world.view().pool_request(owner.key, owner.margin, self.pool, 1_000 * USD).expect(LISTED);
        let rest = self.rest(world, self.late);
        world.send(&[request, rest]).expect_ok();
        let view = world.view();
        self.listing = view.market.changes;
        world.send(&[view.queue_pool(payer, &pool_config())]).expect_ok();
    }

    fn trade(&self, world: &World, user: User, perp: u8, lots: i64) -> Instruction {
        let order = Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only: false };
        world.view().trade_perp(user.key, user.margin, &order).expect(LISTED)
    }

    fn rest(&self, world: &World, user: User) -> Instruction {
        let order = Order { perp: self.perp, lots: -1_000_000, limit: 0, min_factor: Part::ZERO, reduce_only: true };
        world.view().rest_perp_order(user.key, user.margin, &order, 0).expect(LISTED)
    }

    /// An order, and the price that fills it: the chain's clock may be behind it.
    fn resting(&self, world: &mut World) -> Address {
        let rest = self.rest(world, self.resting);
        world.send(&[rest]).expect_ok();
        let from = world.margin(&self.resting.margin).order.fills_from.into();
        let price = world.reserve(self.sol);
        let update = PriceUpdate {
            feed_id: price.config.oracle.feed_id.0,
            price: price.price.price as i64,
            confidence: 0,
            exponent: price.price.exponent,
            publish_time: from,
            prev_publish_time: from - 1,
            ema_price: price.price.ema_price as i64,
        };
        let address = world.key("posted price");
        world.write_price(address, PYTH_RECEIVERS[0], &update);
        address
    }

    fn liquidate(&self, world: &World, of: User) -> Instruction {
        world.view().liquidate_perp(self.payer.key, self.payer.margin, of.margin, self.perp).expect(LISTED)
    }

    /// The instructions, in the order of their tags, after the fall.
    pub fn valid(&self, world: &mut World) -> Vec<Instruction> {
        while world.margin(&self.bust.margin).perp(self.perp).is_some_and(|position| position.size != 0) {
            world.send(&[self.liquidate(world, self.bust)]).expect_ok();
        }
        let price = self.resting(world);
        let (view, change) = (world.view(), world.change(self.listing));
        let Self { sol, pool, perp, owner, payer, saver, resting, late, .. } = *self;
        let instructions = [
            Ok(view.list_perp(world.payer, &change)),
            Ok(self.trade(world, self.long, perp, -1_000_000)),
            view.settle_perp(self.long.margin, perp),
            view.write_off_perp(self.bust.margin, perp),
            Ok(self.liquidate(world, self.thin)),
            view.cover_perp_loss(payer.key, payer.margin, saver.margin, (perp, sol), 100 * USD),
            view.deleverage_perp(self.heavy),
            view.resolve_perp(self.ending),
            view.pool_deposit(payer.key, payer.margin, pool, USD),
            view.pool_request(owner.key, owner.margin, pool, USD),
            view.pool_withdraw(owner.key, owner.margin, pool),
            Ok(self.rest(world, self.long)),
            view.fill_perp_order(resting.margin, owner.key, perp, &[price]),
            view.cancel_perp_order(late.key, late.margin, perp),
            view.read_pool(pool),
        ];
        instructions.map(|instruction| instruction.expect(LISTED)).to_vec()
    }
}
