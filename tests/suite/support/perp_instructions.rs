//! Perps in a market in which every instruction of perps would succeed.

use std::mem::offset_of;

use ballast_client::{Address, Instruction, SYSTEM_PROGRAM, change_address, instruction as ix};
use ballast_engine::state::{
    change::{OF_PERP, OF_POOL},
    perp::{PerpConfig, PoolConfig},
};
use ballast_tests::{SOL, USD, User, World, perp_config, pool_config};
use bytemuck::bytes_of;

/// Who holds what. The price of the underlying is to fall by a quarter before the instructions are valid.
#[derive(Clone, Copy, Debug)]
pub struct PerpInstructions {
    sol: u8,
    pool: u8,
    perp: u8,
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
    /// The number of the change that lists a pool.
    listing: u64,
}

impl PerpInstructions {
    /// Before the launch's delays: pools, perps and positions.
    pub fn new(world: &mut World, usd: u8, sol: u8) -> Self {
        let wide = PoolConfig { quote: usd, max_skew: ballast_engine::number::units::Bps(40_000), ..pool_config() };
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
        let [owner, other, long, thin, bust, saver, payer, whale] = [
            ("pool owner", 500_000),
            ("other pool owner", 12_000),
            ("long", 10_000),
            ("thin", 1_500),
            ("bankrupt", 900),
            ("perp saver", 700),
            ("payer of losses", 10_000),
            ("whale", 40_000),
        ]
        .map(|(name, dollars)| user(name, dollars));
        world.supply(saver, sol, 10 * SOL);
        let this = Self { sol, pool, perp, heavy, ending, owner, long, thin, bust, saver, payer, listing: 0 };
        world.refresh_all();
        for (user, pool, dollars) in [(owner, pool, 499_000), (other, small, 11_999)] {
            world.send_one(this.provide(world, user, pool, dollars * USD)).expect_ok();
        }
        // A lot is worth 0.0015 USD.
        for (user, perp, dollars) in [
            (long, perp, 5_000),
            (thin, perp, 5_000),
            (bust, perp, 5_000),
            (saver, perp, 5_000),
            (whale, heavy, 40_000),
        ] {
            world.refresh_all();
            world.send_one(this.trade(world, user, perp, dollars * 10_000 / 15)).expect_ok();
        }
        let shock = offset_of!(PerpConfig, least_shock);
        world.edit_record(heavy, shock, &9_000u16.to_le_bytes()).expect_ok();
        this
    }

    /// Before the delay of changes, which is within the window of who leaves the pool.
    pub fn ask(&mut self, world: &mut World, payer: Address) {
        let (market, pool) = (world.market, self.pool);
        let request =
            |shares| ix::PoolRequest { owner: self.owner.key, market, margin_account: self.owner.margin, pool, shares };
        world.send_one(request(1_000 * USD)).expect_ok();
        let view = world.view();
        self.listing = view.market.changes;
        let queue = view.queue_change(payer, OF_POOL, bytes_of(&pool_config()).to_vec());
        world.send(&[queue]).expect_ok();
    }

    fn provide(&self, world: &World, user: User, pool: u8, amount: u64) -> ix::PoolDeposit {
        let (owner, margin_account) = (user.key, user.margin);
        ix::PoolDeposit { owner, market: world.market, margin_account, pool, amount }
    }

    fn trade(&self, world: &World, user: User, perp: u8, lots: i64) -> ix::TradePerp {
        let (owner, margin_account) = (user.key, user.margin);
        let (limit, min_factor, reduce_only) = (0, 0, false);
        ix::TradePerp { owner, market: world.market, margin_account, perp, lots, limit, min_factor, reduce_only }
    }

    fn liquidate(&self, world: &World, of: User) -> ix::LiquidatePerp {
        let (liquidator, liquidator_account) = (self.payer.key, self.payer.margin);
        let (market, margin_account, perp) = (world.market, of.margin, self.perp);
        ix::LiquidatePerp { liquidator, market, margin_account, liquidator_account, perp }
    }

    /// The instructions, in the order of their tags, after the fall.
    pub fn valid(&self, world: &mut World, recipient: Address) -> Vec<Instruction> {
        while world.margin(&self.bust.margin).perp(self.perp).is_some_and(|position| position.size != 0) {
            world.send_one(self.liquidate(world, self.bust)).expect_ok();
        }
        let (market, perp, pool) = (world.market, self.perp, self.pool);
        let list = ix::ListPerp {
            payer: world.payer,
            market,
            change: change_address(&market, self.listing).0,
            recipient,
            system_program: SYSTEM_PROGRAM,
        };
        let cover = ix::CoverPerpLoss {
            liquidator: self.payer.key,
            market,
            margin_account: self.saver.margin,
            liquidator_account: self.payer.margin,
            perp,
            collateral: self.sol,
            max_amount: 100 * USD,
        };
        let (owner, margin_account) = (self.owner.key, self.owner.margin);
        vec![
            list.instruction(),
            self.trade(world, self.long, perp, -1_000_000).instruction(),
            ix::SettlePerp { market, margin_account: self.long.margin, perp }.instruction(),
            ix::WriteOffPerp { market, margin_account: self.bust.margin, perp }.instruction(),
            self.liquidate(world, self.thin).instruction(),
            cover.instruction(),
            ix::DeleveragePerp { market, perp: self.heavy }.instruction(),
            ix::ResolvePerp { authority: world.authority, market, perp: self.ending }.instruction(),
            self.provide(world, self.payer, pool, USD).instruction(),
            ix::PoolRequest { owner, market, margin_account, pool, shares: USD }.instruction(),
            ix::PoolWithdraw { owner, market, margin_account, pool }.instruction(),
        ]
    }
}
