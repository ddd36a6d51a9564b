//! A reserve in use gets its price from another feed.

use ballast_client::{Address, Instruction, LiquidationOrder, PYTH_RECEIVERS};
use ballast_engine::{Error, ledger::EVERYTHING, price::policy::Condition, record::layout};
use ballast_tests::{Outcome, Quote, SOL, Scene, USD, User, World, price_account};

const RATE_FEED: [u8; 32] = [0x51; 32];
/// Between the two times that a queued change may take.
const TRIAL: i64 = 2 * 172_800;

/// A staked token at 1.2 SOL of 150 USD, priced by its rate and the price of SOL; the trader owes 9,000 USD against 100 of it.
struct Staked {
    world: World,
    usd: u8,
    /// Whose price is the base.
    sol: u8,
    token: u8,
    trader: User,
}

impl Staked {
    fn new() -> Self {
        let Scene { mut world, usd, sol, .. } = Scene::new();
        let token = world.list(ballast_tests::Token::new("staked", 9, 180.0), ballast_tests::reserve_config());
        let base = world.reserve(sol).config.oracle.feed_id;
        // Before anybody uses the token.
        world
            .reconfigure(token, |config| {
                (config.oracle.feed_id, config.oracle.base_feed_id) = (layout::Address(RATE_FEED), base);
            })
            .expect_ok();
        let trader = world.user("staker");
        let mut staked = Self { world, usd, sol, token, trader };
        staked.refresh().expect_ok();
        staked.world.supply(trader, token, 100 * SOL);
        staked.world.borrow(trader, usd, 9_000 * USD).expect_ok();
        staked
    }

    /// The price account of the rate, published a second later.
    fn rate(&mut self, rate: f64) -> Address {
        let address = price_account(&RATE_FEED);
        let update = Quote::dollars(rate).update(RATE_FEED, self.world.now());
        self.world.write_price(address, PYTH_RECEIVERS[0], &update);
        address
    }

    fn refreshing(&mut self) -> Instruction {
        let Self { usd, sol, token, .. } = *self;
        self.world.advance(1);
        self.world.publish(usd, Quote::dollars(1.0));
        self.world.publish(sol, Quote::dollars(150.0));
        let rate = self.rate(1.2);
        let [of_usd, of_sol] = [usd, sol].map(|reserve| (reserve, self.world.price_account(reserve)));
        let mut prices = vec![of_usd, of_sol, (token, rate)];
        if !self.world.reserve(token).config.oracle.base_feed_id.is_none() {
            prices.push((token, of_sol.1));
        }
        self.world.view().refresh_prices(&prices).expect("reserves")
    }

    fn refresh(&mut self) -> Outcome {
        let refreshing = self.refreshing();
        self.world.send(&[refreshing])
    }

    fn dollars(&self) -> f64 {
        let price = self.world.reserve(self.token).price;
        price.price as f64 * 10f64.powi(price.exponent)
    }

    fn liquidate(&mut self) -> Outcome {
        let liquidator = self.world.key("liquidator");
        self.world.fund(&liquidator, self.usd, 100_000 * USD);
        let order =
            LiquidationOrder { debt: self.usd, collateral: self.token, max_repay: EVERYTHING, min_collateral: 0 };
        self.world.liquidate(liquidator, self.trader.margin, order)
    }

    /// The mistake: the rate alone is taken for the price.
    fn forget_the_base(&mut self) {
        self.world.reconfigure(self.token, |config| config.oracle.base_feed_id = layout::Address::NONE).expect_ok();
    }
}

#[test]
fn the_first_price_of_a_new_feed_that_is_far_from_the_last_liquidates_nobody() {
    let mut staked = Staked::new();
    staked.forget_the_base();
    for _ in 0..60 {
        staked.refresh().expect_passed_over(Error::NewFeedFarFromOld);
        staked.world.advance(59);
    }
    assert!((staked.dollars() - 180.0).abs() < 1e-6);
    staked.refresh().expect_passed_over(Error::NewFeedFarFromOld);
    staked.liquidate().expect_error(Error::PriceStale);
    // The other prices are taken, nothing is lent on the token, and the change back ends it.
    let (sol, token) = (staked.world.reserve(staked.sol), staked.world.reserve(staked.token));
    assert_eq!(sol.price.condition(staked.world.now()), Condition::Fresh);
    assert_eq!(token.price.condition(staked.world.now()), Condition::Stale);
    staked.world.borrow(staked.trader, staked.usd, 10 * USD).expect_error(Error::PriceStale);
    let base = staked.world.reserve(staked.sol).config.oracle.feed_id;
    staked.world.reconfigure(staked.token, |config| config.oracle.base_feed_id = base).expect_ok();
    staked.refresh().expect_ok();
    assert!((staked.dollars() - 180.0).abs() < 1e-6);
    staked.world.borrow(staked.trader, staked.usd, 10 * USD).expect_ok();
}

/// The change waits for those who can queue another. After that the new feed is believed.
#[test]
fn a_feed_that_stays_far_is_believed_after_two_delays() {
    let mut staked = Staked::new();
    staked.forget_the_base();
    let changed = staked.world.now();
    staked.world.set_time(changed + TRIAL - 2);
    staked.refresh().expect_passed_over(Error::NewFeedFarFromOld);
    staked.refresh().expect_ok();
    assert!((staked.dollars() - 1.2).abs() < 1e-6);
    staked.liquidate().expect_ok();
}

#[test]
fn a_new_feed_near_the_last_price_is_taken_at_once() {
    let mut staked = Staked::new();
    let Staked { sol, token, .. } = staked;
    let feed = [0x52; 32];
    staked
        .world
        .reconfigure(token, |config| {
            config.oracle.feed_id = layout::Address(feed);
            config.oracle.base_feed_id = layout::Address::NONE;
        })
        .expect_ok();
    staked.world.advance(1);
    let [far, near] = [190.0, 171.5].map(|dollars| {
        let address = Address::new_from_array([dollars as u8; 32]);
        let update = Quote::dollars(dollars).update(feed, staked.world.now());
        staked.world.write_price(address, PYTH_RECEIVERS[0], &update);
        staked.world.view().refresh_prices(&[(token, address)]).expect("a reserve")
    });
    // 5 % is what a price may be from its average.
    staked.world.send(std::slice::from_ref(&far)).expect_passed_over(Error::NewFeedFarFromOld);
    staked.world.send(&[near]).expect_ok();
    // From then on it moves as it likes, like any feed.
    staked.world.advance(1);
    let address = Address::new_from_array([190; 32]);
    let update = Quote::dollars(190.0).update(feed, staked.world.now());
    staked.world.write_price(address, PYTH_RECEIVERS[0], &update);
    staked.world.send(&[far]).expect_ok();
    assert!((staked.dollars() - 190.0).abs() < 1e-6);
    assert_eq!(staked.world.reserve(sol).feed_trial_until, 0);
}
