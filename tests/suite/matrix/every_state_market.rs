//! A market for the matrix of `ballast_engine::state::permission`.

use crate::support::queued_changes::QueuedChanges;
use ballast_client::{Address, LiquidationOrder, to_engine};
use ballast_engine::{
    number::units::Bps,
    state::{insurance::InsuranceConfig, reserve::ReserveConfig},
};
use ballast_tests::{Quote, SOL, Token, USD, User, World, reserve_config};

/// A market at one moment, in which every instruction would succeed, and every state is one transaction away.
pub struct EveryStateMarket {
    pub world: World,
    pub usd: u8,
    pub sol: u8,
    /// Collateral that lost its worth.
    pub coin: u8,
    /// Collateral of [`Self::even`].
    pub gem: u8,
    /// Lends usd and sol and owes nothing.
    pub lender: User,
    /// Owes usd against sol, healthily.
    pub saver: User,
    /// The same unhealthily: a whole liquidation makes it healthy.
    pub sick: User,
    /// Owes usd against nearly nothing: a whole liquidation leaves debt alone.
    pub broke: User,
    /// Owes usd against gems worth exactly the debt and its penalty: a whole liquidation leaves nothing.
    pub even: User,
    /// Owes usd and has nothing.
    pub bust: User,
    /// Owes another token and has nothing: its loss restricts the market.
    pub loss: (User, u8),
    /// Has an empty account.
    pub idle: User,
    /// Has tokens of everything, a stake that is free and one that is empty.
    pub rich: Address,
    /// An empty, reduce-only reserve.
    pub spare: u8,
    pub changes: QueuedChanges,
}

/// Switches on what is off in other tests: flash loans, the price breaker, a share of fees for the insurance. Initial weights
/// are the maintenance ones, so that an account made healthy by a liquidation can borrow again.
fn config() -> ReserveConfig {
    let mut config = reserve_config();
    (config.flash_enabled, config.flash_fee) = (1, Bps(9));
    (config.breakers.tiers, config.breakers.halt_seconds) = ([Bps(500), Bps(1_000), Bps(0)], 600);
    config.insurance = InsuranceConfig { cooldown: 604_800, fee_share: Bps(2_000), ..InsuranceConfig::default() };
    config.risk.cross.initial_asset = config.risk.cross.maintenance_asset;
    config.risk.cross.initial_liability = config.risk.cross.maintenance_liability;
    config
}

/// A price that trips the second tier: farther from its average than a tenth.
fn moved(average: f64, to: f64) -> Quote {
    Quote::dollars(to).ema_dollars(average)
}

impl EveryStateMarket {
    pub fn new() -> Self {
        let mut world = World::new();
        let [usd, sol, junk, coin, gem] =
            [("USD", 6, 1.0), ("SOL", 9, 150.0), ("JUNK", 6, 1.0), ("COIN", 6, 1.0), ("GEM", 6, 200.0)]
                .map(|(name, decimals, dollars)| world.list(Token::new(name, decimals, dollars), config()));
        let spare = world.list(Token::new("SPARE", 6, 1.0), ReserveConfig { reduce_only: 1, ..config() });
        let nominee = world.key("nominee");
        world.reconfigure_market(|config| config.roles.nominee = to_engine(&nominee)).expect_ok();
        let [lender, saver, sick, broke, even, bust, loser, idle] =
            ["lender", "saver", "sick", "broke", "even", "bust", "loser", "idle"].map(|name| world.user(name));
        let rich = world.key("rich");
        for (user, reserve, amount) in [
            (lender, usd, 1_000_000 * USD),
            (lender, sol, 1_000 * SOL),
            (lender, junk, 100_000 * USD),
            (saver, sol, 100 * SOL),
            (sick, sol, 100 * SOL),
            (broke, coin, 1_000 * USD),
            (bust, coin, 1_000 * USD),
            (loser, coin, 1_000 * USD),
            (even, gem, 10 * USD),
        ] {
            world.supply(user, reserve, amount);
        }
        world.refresh_all();
        for (user, reserve, dollars) in [
            (saver, usd, 1_000),
            (sick, usd, 12_000),
            (broke, usd, 500),
            (bust, usd, 500),
            (loser, junk, 500),
            (even, usd, 1_000),
        ] {
            world.borrow(user, reserve, dollars * USD).expect_ok();
        }
        for (key, reserve) in [rich, saver.key, sick.key, lender.key]
            .into_iter()
            .flat_map(|key| [usd, sol, junk, coin, gem].map(|reserve| (key, reserve)))
        {
            world.fund(&key, reserve, 1_000_000 * USD);
        }
        for reserve in [usd, junk] {
            world.open_stake(rich, reserve);
        }
        world.stake(rich, usd, 10_000 * USD).expect_ok();
        world.begin_unstake(rich, usd, 1_000 * USD).expect_ok();
        // Until the stake is free, less the delay of the changes.
        world.advance(604_800 - 172_800);
        let payer = world.payer;
        let changes = QueuedChanges::new(&mut world, payer, usd, config());

        let market = Self {
            world,
            usd,
            sol,
            coin,
            gem,
            lender,
            saver,
            sick,
            broke,
            even,
            bust,
            loss: (loser, junk),
            idle,
            rich,
            spare,
            changes,
        };
        market.after_prices_fell()
    }

    /// Sets prices as they are when the instructions run: some accounts have losses, or are unhealthy.
    fn after_prices_fell(mut self) -> Self {
        let world = &mut self.world;
        world.set_price(self.coin, Quote::dollars(0.01)).expect_ok();
        world.refresh_all();
        for (user, debt) in [(self.bust, self.usd), self.loss] {
            let order = LiquidationOrder { debt, collateral: self.coin, max_repay: u64::MAX, min_collateral: 1 };
            world.liquidate(self.rich, user.margin, order).expect_ok();
        }
        world.set_price(self.sol, Quote::dollars(145.0)).expect_ok();
        world.refresh_all();
        world.advance(1);
        self.price_gems_at_the_debt();
        // Published, and to be taken over when a state asks for it.
        self.world.publish(self.usd, moved(1.0, 1.15));
        self.world.publish(self.sol, moved(145.0, 123.0));
        self.world.publish(self.spare, moved(1.0, 1.15));
        self
    }

    /// Sets the price of gems so that the gems of [`Self::even`] pay its debt and the least penalty, to the atom.
    fn price_gems_at_the_debt(&mut self) {
        let world = &mut self.world;
        let debt = world
            .margin(&self.even.margin)
            .positions()
            .iter()
            .find(|position| position.is_debt())
            .expect("a debt")
            .shares;
        let owed = world.reserve(self.usd).debt_index_at(world.now()).amount_ceil(debt);
        // Ten gems pay 103 % of the debt in atoms of 10^-6 USD. The price is of one gem in 10^-8 USD, less one for rounding.
        let price = owed as i64 * 103 / 10 - 1;
        world.set_price(self.gem, Quote { price, ema: price, ..Quote::dollars(1.0) }).expect_ok();
    }
}
