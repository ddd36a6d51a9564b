//! Attacks with genuine prices of different moments: who brings them chooses which update of which feed, and when.

use ballast_client::{Address, Instruction, LiquidationOrder, PYTH_RECEIVERS};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    price::policy::Condition,
    record::layout,
    state::{account::Side, reserve::ReserveConfig, weights::Weights},
};
use ballast_tests::{Outcome, Quote, SOL, Token, User, World, market_config, reserve_config};

const RATE_FEED: [u8; 32] = [0x51; 32];
/// Why building an instruction cannot fail here.
const LISTED: &str = "the reserve is listed";

/// SOL, a token staked for it, and a third token, of one group, all at 150 USD at the start. The borrower owes 92 SOL against 100
/// staked ones: maintenance ends at 96.8 %.
struct Moments {
    world: World,
    sol: u8,
    staked: u8,
    third: u8,
    lender: User,
    borrower: User,
    liquidator: Address,
    start: i64,
    accounts: u16,
}

/// Collateral in the group counts 93 % and then 95 %; prices may be used for a minute, and beside others of the same second alone.
fn config() -> ReserveConfig {
    let mut config = reserve_config();
    (config.min_penalty, config.max_penalty) = (Bps(200), Bps(500));
    config.risk.group_id = 1;
    (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(9_300), Bps(9_500));
    let cross = &mut config.risk.cross;
    *cross = Weights { initial_liability: Bps(10_000), maintenance_liability: Bps(10_000), ..*cross };
    (config.oracle.max_skew, config.flash_enabled, config.flash_fee) = (0, 1, Bps(0));
    config
}

impl Moments {
    /// The staked token has a feed of its own.
    fn new() -> Self {
        Self::with(|_| ())
    }

    /// The staked token is priced by its rate and the price of SOL.
    fn of_two_feeds() -> Self {
        let mut moments = Self::with(|_| ());
        let base = moments.world.reserve(moments.sol).config.oracle.feed_id;
        let configured = moments.world.reconfigure(moments.staked, |config| {
            (config.oracle.feed_id, config.oracle.base_feed_id) = (layout::Address(RATE_FEED), base);
        });
        configured.expect_ok();
        moments.start = moments.world.now();
        let start = moments.start;
        let (rated, sol) = (moments.staked_at((1.0, start), (150.0, start)), moments.sol_at(150.0, start));
        moments.world.send(&[rated, sol]).expect_ok();
        moments
    }

    fn with(change: impl Fn(&mut ReserveConfig)) -> Self {
        let mut world = World::empty(Default::default());
        world.market = world.create_market(0, market_config());
        let mut config = config();
        change(&mut config);
        let [sol, staked, third] =
            ["SOL", "staked", "third"].map(|name| world.list(Token::new(name, 9, 150.0), config));
        let (lender, borrower) = (world.user("lender"), world.user("borrower"));
        let liquidator = world.key("liquidator");
        world.supply(lender, sol, 10_000 * SOL);
        world.supply(borrower, staked, 100 * SOL);
        world.refresh_all();
        world.borrow(borrower, sol, 92 * SOL).expect_ok();
        world.fund(&liquidator, sol, 10_000 * SOL);
        // As the seconds' prices of the listings are taken.
        world.advance(1);
        world.refresh_all();
        let start = world.now();
        Self { world, sol, staked, third, lender, borrower, liquidator, start, accounts: 0 }
    }

    fn fork(&self) -> Self {
        Self { world: self.world.fork(), ..*self }
    }

    /// A price account that somebody posted with one of a feed's updates.
    fn posted(&mut self, feed: [u8; 32], price: f64, publish_time: i64) -> Address {
        self.accounts += 1;
        let mut address = [0x77; 32];
        address[..2].copy_from_slice(&self.accounts.to_le_bytes());
        let address = Address::new_from_array(address);
        let quote = Quote { exponent: -10, ..Quote::dollars(price * 100.0) };
        self.world.write_price(address, PYTH_RECEIVERS[0], &quote.update(feed, publish_time));
        address
    }

    /// Brings an update of a reserve's only feed.
    fn price_at(&mut self, reserve: u8, dollars: f64, publish_time: i64) -> Instruction {
        let feed = self.world.reserve(reserve).config.oracle.feed_id.0;
        let posted = self.posted(feed, dollars, publish_time);
        self.world.view().refresh_prices(&[(reserve, posted)]).expect(LISTED)
    }

    fn sol_at(&mut self, dollars: f64, publish_time: i64) -> Instruction {
        self.price_at(self.sol, dollars, publish_time)
    }

    /// Brings updates of both feeds of the staked token, each a number and its time.
    fn staked_at(&mut self, rate: (f64, i64), base: (f64, i64)) -> Instruction {
        let feed = self.world.reserve(self.staked).config.oracle.base_feed_id.0;
        let (rate, base) = (self.posted(RATE_FEED, rate.0, rate.1), self.posted(feed, base.0, base.1));
        self.world.view().refresh_prices(&[(self.staked, rate), (self.staked, base)]).expect(LISTED)
    }

    fn bring(&mut self, updates: &[Instruction]) {
        self.world.send(updates).expect_ok();
    }

    fn liquidation(&mut self, max_repay: u64) -> Instruction {
        let order = LiquidationOrder { debt: self.sol, collateral: self.staked, max_repay, min_collateral: 0 };
        let [source, destination] =
            [order.debt, order.collateral].map(|reserve| self.world.fund(&self.liquidator, reserve, 0));
        let view = self.world.view();
        view.liquidate(self.liquidator, self.borrower.margin, source, destination, order).expect(LISTED)
    }

    fn liquidate(&mut self) -> Outcome {
        let liquidation = self.liquidation(EVERYTHING);
        self.world.send(&[liquidation])
    }

    fn dollars(&self, reserve: u8) -> f64 {
        let price = self.world.reserve(reserve).price;
        price.price as f64 * 10f64.powi(price.exponent)
    }
}

// A price of two feeds.

/// A dip of SOL that nobody brought in its time. Beside a newer rate the old update is no newer price.
#[test]
fn a_dip_that_is_over_is_not_put_back() {
    let mut moments = Moments::of_two_feeds();
    let Moments { start, sol, staked, .. } = moments;
    for reserve in [sol, staked] {
        moments.world.reconfigure(reserve, |config| config.oracle.max_skew = 60).expect_ok();
    }
    moments.world.advance(60);
    let held = [moments.staked_at((1.0, start + 2), (150.0, start + 59)), moments.sol_at(150.0, start + 59)];
    moments.bring(&held);
    let back = moments.staked_at((1.0, start + 60), (120.0, start + 10));
    let liquidation = moments.liquidation(EVERYTHING);
    moments.fork().world.send(&[back.clone(), liquidation]).expect_error(Error::AccountIsHealthy);
    moments.bring(&[back]);
    assert_eq!(moments.dollars(moments.staked), 150.0);
    let forth = moments.staked_at((1.0, start + 60), (151.0, start + 60));
    moments.bring(&[forth]);
    assert_eq!(moments.dollars(moments.staked), 151.0);
}

/// A fall reaches the reserve although the rate is published seldom; without a price of the rate for longer than it may be used,
/// nothing is lent on the product.
#[test]
fn a_newer_base_price_is_taken_while_the_rate_is_silent() {
    let mut moments = Moments::of_two_feeds();
    let start = moments.start;
    for second in 1..=60 {
        moments.world.advance(1);
        let dollars = 150.0 - second as f64;
        let fallen = moments.staked_at((1.0, start), (dollars, start + second));
        moments.bring(&[fallen]);
        assert_eq!(moments.dollars(moments.staked), dollars);
    }
    moments.world.advance(1);
    let fallen = moments.staked_at((1.0, start), (89.0, start + 61));
    moments.bring(&[fallen]);
    let price = moments.world.reserve(moments.staked).price;
    assert_eq!(price.condition(moments.world.now()), Condition::Stale);
    // As long as governance lets a rate be old, it does.
    let staked = moments.staked;
    moments.world.reconfigure(staked, |config| config.oracle.max_rate_age = 3_600).expect_ok();
    let price = moments.world.reserve(staked).price;
    assert_eq!(price.condition(moments.world.now()), Condition::Fresh);
}

/// SOL rises for half a minute, and each second a keeper brings its price for both reserves, with the only rate there is.
#[test]
fn a_rate_that_is_published_seldom_sets_no_hedged_account_apart() {
    let mut moments = Moments::of_two_feeds();
    let (start, staked) = (moments.start, moments.staked);
    for second in 1..=30 {
        moments.world.advance(1);
        let dollars = 150.0 + second as f64 / 2.0;
        let risen =
            [moments.sol_at(dollars, start + second), moments.staked_at((1.0, start), (dollars, start + second))];
        moments.bring(&risen);
        moments.fork().liquidate().expect_error(Error::PricesSkewed);
    }
    moments.world.reconfigure(staked, |config| config.oracle.max_rate_age = 3_600).expect_ok();
    moments.liquidate().expect_error(Error::AccountIsHealthy);
}

/// The price of the debt is held from the rate's moment, and the base has dipped since: the product would count as of both.
#[test]
fn the_newer_of_two_feeds_is_of_no_older_moment() {
    for max_rate_age in [0, 3_600] {
        let mut moments = Moments::of_two_feeds();
        let (start, staked) = (moments.start, moments.staked);
        moments.world.reconfigure(staked, |config| config.oracle.max_rate_age = max_rate_age).expect_ok();
        moments.world.advance(40);
        let dip = moments.staked_at((1.0, start), (144.0, start + 40));
        let liquidation = moments.liquidation(EVERYTHING);
        moments.world.send(&[dip, liquidation]).expect_error(Error::PricesSkewed);
    }
}

// Two reserves.

/// SOL and the token staked for it rise by 4 % in half a minute.
#[test]
fn prices_of_two_moments_liquidate_no_hedged_account() {
    let mut moments = Moments::new();
    moments.world.advance(30);
    let now = moments.world.now();
    let (sol, staked) = (moments.sol_at(156.0, now), moments.price_at(moments.staked, 156.0, now));
    let liquidation = moments.liquidation(EVERYTHING);
    moments.fork().world.send(&[sol.clone(), liquidation.clone()]).expect_error(Error::PricesSkewed);
    moments.fork().world.send(&[sol, staked, liquidation]).expect_error(Error::AccountIsHealthy);
    // Seconds that governance allows are what is left of it.
    for (seconds, error) in [(29, Error::PricesSkewed), (30, Error::AccountIsHealthy)] {
        let mut moments = moments.fork();
        for reserve in [moments.sol, moments.staked] {
            moments.world.reconfigure(reserve, |config| config.oracle.max_skew = seconds).expect_ok();
        }
        // 1 % is within what the account has above its maintenance.
        let sol = moments.sol_at(151.5, now);
        let liquidation = moments.liquidation(EVERYTHING);
        moments.world.send(&[sol, liquidation]).expect_error(error);
    }
}

/// SOL is 9 % up within the minute that a price may be old. He would take all his collateral for less than he borrowed.
#[test]
fn who_liquidates_himself_at_prices_of_two_moments_leaves_no_bad_debt() {
    let mut moments = Moments::new();
    // In a group no price may be older.
    let sol = moments.sol;
    moments.world.reconfigure(sol, |config| config.oracle.max_age = 61).expect_error(Error::GroupPriceTooOld);
    moments.world.advance(60);
    let now = moments.world.now();
    let updates = [moments.sol_at(163.5, now), moments.price_at(moments.staked, 163.5, now)];
    let liquidation = moments.liquidation(EVERYTHING);
    for (brought, error) in [
        (&updates[..1], Error::PricesSkewed),
        (&updates[1..], Error::PricesSkewed),
        (&updates, Error::AccountIsHealthy),
    ] {
        let transaction = [brought, std::slice::from_ref(&liquidation)].concat();
        moments.fork().world.send(&transaction).expect_error(error);
    }
    moments.liquidate().expect_error(Error::AccountIsHealthy);
}

/// The pair is of one moment; the third price, from before all three rose, would make the account unhealthy.
#[test]
fn a_third_price_of_another_moment_makes_nobody_unhealthy() {
    let mut moments = Moments::new();
    let Moments { staked, third, borrower, .. } = moments;
    // Half of the collateral is the third token.
    moments.world.supply(borrower, third, 50 * SOL);
    moments.world.withdraw(borrower, staked, 50 * SOL).expect_ok();
    moments.world.advance(40);
    let now = moments.world.now();
    let pair = [moments.sol_at(165.0, now), moments.price_at(staked, 165.0, now)];
    moments.bring(&pair);
    moments.fork().liquidate().expect_error(Error::AccountIsHealthy);
    // What is seized is of the moment in any case.
    let order = LiquidationOrder { debt: moments.sol, collateral: third, max_repay: EVERYTHING, min_collateral: 0 };
    let (liquidator, margin) = (moments.liquidator, borrower.margin);
    moments.world.fork().liquidate(liquidator, margin, order).expect_error(Error::PricesSkewed);
    // With the third price of the moment, the truth decides.
    for (dollars, expected) in [(165.0, Some(Error::AccountIsHealthy)), (150.0, None)] {
        let mut moments = moments.fork();
        let update = moments.price_at(third, dollars, now);
        moments.bring(&[update]);
        let outcome = moments.liquidate();
        assert_eq!(outcome.engine_error(), expected, "{}", outcome.describe());
    }
}

/// What an honest liquidator needs is the newest update of every feed of the account, in one transaction.
#[test]
fn a_fall_is_liquidated_with_the_newest_updates_in_one_transaction() {
    let mut moments = Moments::of_two_feeds();
    moments.world.advance(200);
    let now = moments.world.now();
    // The staked token lost 4 % of its rate.
    let transaction =
        [moments.sol_at(160.0, now), moments.staked_at((0.96, now), (160.0, now)), moments.liquidation(EVERYTHING)];
    moments.world.send(&transaction).expect_ok();
    moments.world.assert_conserved();
}

// In one transaction, with borrowed tokens, and with two accounts in one hand.

/// With a flash loan in the same transaction: deposits that a moment ago nobody had, the price of the debt alone, a liquidation that
/// is paid for with what was lent.
#[test]
fn a_flash_loan_a_deposit_and_a_chosen_price_liquidate_nobody() {
    let mut moments = Moments::new();
    let Moments { sol, staked, third, lender, .. } = moments;
    // Weights shrink with the deposits in the reserve.
    let shrinks = |config: &mut ReserveConfig| {
        (config.risk.market_depth, config.risk.max_market_haircut) = (20_000, Bps(3_000));
        (config.risk.position_depth, config.risk.max_position_haircut) = (20_000, Bps(3_000));
    };
    moments.world.reconfigure(staked, shrinks).expect_ok();
    let attacker = moments.world.user("attacker");
    moments.world.supply(lender, third, 5_000 * SOL);
    moments.world.fund(&attacker.key, staked, 5_000 * SOL);
    moments.world.advance(30);
    let now = moments.world.now();
    let (risen, staked_risen) = (moments.sol_at(156.0, now), moments.price_at(staked, 156.0, now));
    let [take, give] = moments.world.flash_loan(attacker.key, third, 1_000 * SOL);
    let tokens = moments.world.tokens(&attacker.key, staked);
    let view = moments.world.view();
    let deposit = view.deposit(attacker.key, attacker.margin, tokens, staked, 5_000 * SOL).expect(LISTED);
    let refresh_reserve = view.refresh_reserve(staked).expect(LISTED);
    let withdraw = view.withdraw(attacker.key, attacker.margin, tokens, staked, EVERYTHING).expect(LISTED);
    let order = LiquidationOrder { debt: sol, collateral: staked, max_repay: EVERYTHING, min_collateral: 0 };
    let (liquidator, margin) = (moments.liquidator, moments.borrower.margin);
    let [begin, end] = moments.world.receivership(liquidator, margin, order);
    for (prices, expected) in [
        (vec![risen.clone()], Error::PricesSkewed),
        (vec![staked_risen.clone()], Error::PricesSkewed),
        (vec![risen, staked_risen], Error::AccountIsHealthy),
    ] {
        let steps = [&[take.clone(), deposit.clone(), refresh_reserve.clone()], &prices[..]].concat();
        let plain = [&steps[..], &[moments.liquidation(EVERYTHING), withdraw.clone(), give.clone()]].concat();
        moments.world.fork().send(&plain).expect_error(expected);
        let received = [&steps[..], &[begin.clone(), withdraw.clone(), end.clone(), give.clone()]].concat();
        moments.world.fork().send(&received).expect_error(expected);
    }
    moments.world.assert_conserved();
}

/// A dip that was true for a second: the borrower brings it, liquidates himself with his second account's tokens, and brings the
/// recovery, all in one transaction. What the two accounts have together is what it was, and the debt stays covered.
#[test]
fn who_liquidates_himself_in_a_dip_gains_nothing() {
    let mut moments = Moments::new();
    let Moments { sol, staked, liquidator, borrower, .. } = moments;
    moments.world.advance(30);
    let now = moments.world.now();
    let dip = [moments.sol_at(150.0, now - 10), moments.price_at(staked, 144.0, now - 10)];
    let recovery = [moments.sol_at(150.0, now), moments.price_at(staked, 150.0, now)];
    let of = |moments: &Moments, side: Side, reserve: u8| {
        let record = moments.world.reserve(reserve);
        let shares = moments.world.margin(&borrower.margin).shares(reserve, side).unwrap_or_default();
        match side {
            Side::Deposit => record.deposit_index.amount_floor(shares) as i128,
            Side::Debt => -(record.debt_index.amount_ceil(shares) as i128),
        }
    };
    let together = |moments: &Moments| {
        [(sol, Side::Debt), (staked, Side::Deposit)]
            .map(|(reserve, side)| moments.world.balance(&liquidator, reserve) as i128 + of(moments, side, reserve))
    };
    moments.world.fund(&liquidator, staked, 0);
    let before = together(&moments);
    let liquidation = moments.liquidation(EVERYTHING);
    moments.bring(&[&dip[..], &[liquidation], &recovery].concat());
    let after = together(&moments);
    // The reserves keep what rounding and the seconds' interest make.
    for (before, after) in before.into_iter().zip(after) {
        assert!(after <= before && before - after < 100_000, "{before} -> {after}");
    }
    // All that is owed is still covered by what is there.
    let (owed, held) = (-of(&moments, Side::Debt, sol), of(&moments, Side::Deposit, staked));
    assert!(held > owed, "{held} of the price of {owed}");
    moments.liquidate().expect_error(Error::AccountIsHealthy);
    moments.world.assert_conserved();
}

/// The borrower, who sees the liquidation coming, brings newer prices of some positions before it, to set them apart from the
/// others. Within the seconds that governance allows nobody is stopped, and beyond them whoever has all of one moment.
#[test]
fn who_brings_newer_prices_first_stops_no_liquidation() {
    let mut moments = Moments::with(|config| config.oracle.max_skew = 10);
    let Moments { staked, third, borrower, sol, .. } = moments;
    moments.world.supply(borrower, third, SOL);
    moments.world.advance(60);
    let now = moments.world.now();
    let mine = |moments: &mut Moments, at: i64| {
        [(sol, 150.0), (staked, 140.0), (third, 150.0)].map(|(reserve, dollars)| moments.price_at(reserve, dollars, at))
    };
    let transaction = |moments: &mut Moments, at: i64| [&mine(moments, at)[..], &[moments.liquidation(SOL)]].concat();
    for first in [vec![sol], vec![staked], vec![third], vec![sol, third], vec![staked, third]] {
        for (lead, is_stopped) in [(5, false), (10, false), (11, true)] {
            let mut moments = moments.fork();
            let newer: Vec<_> = first
                .iter()
                .map(|reserve| moments.price_at(*reserve, if *reserve == staked { 140.0 } else { 150.0 }, now))
                .collect();
            moments.bring(&newer);
            let late = transaction(&mut moments, now - lead);
            let outcome = moments.fork().world.send(&late);
            assert_eq!(outcome.engine_error(), is_stopped.then_some(Error::PricesSkewed), "{first:?}, {lead}");
            let again = transaction(&mut moments, now);
            moments.world.send(&again).expect_ok();
        }
    }
}

/// A deposit of a token whose price is of another moment is read at twice its price until somebody brings a
/// newer one. Who liquidates does, in the same transaction.
#[test]
fn a_deposit_of_another_moment_wards_off_nothing() {
    let mut moments = Moments::new();
    let Moments { staked, third, sol, borrower, .. } = moments;
    moments.world.advance(30);
    let now = moments.world.now();
    let pair = [moments.sol_at(150.0, now), moments.price_at(staked, 144.0, now)];
    moments.bring(&pair);
    // 92 SOL are owed; 100 staked ones count for 91.2.
    moments.fork().liquidate().expect_ok();
    let missing = SOL / 2;
    moments.world.supply(borrower, third, missing);
    assert_eq!(moments.world.reserve(third).condition(now, now), Condition::Skewed);
    moments.fork().liquidate().expect_error(Error::AccountIsHealthy);
    let transaction = [moments.price_at(third, 150.0, now), moments.liquidation(EVERYTHING)];
    moments.world.send(&transaction).expect_ok();
    // For new risk it counts nothing until then.
    let mut moments = Moments::new();
    moments.world.supply(borrower, third, 100 * SOL);
    moments.world.advance(30);
    let pair = [moments.sol_at(150.0, now), moments.price_at(staked, 150.0, now)];
    moments.bring(&pair);
    moments.world.borrow(borrower, sol, 2 * SOL).expect_error(Error::InitialHealthTooLow);
}

// Volatility.

/// The product's decimal exponent changes where the number grows too long. Up and down around there is as volatile as elsewhere.
#[test]
fn the_volatility_of_two_feeds_is_the_same_where_the_exponent_changes() {
    let annual = |middle: f64| {
        let mut moments = Moments::of_two_feeds();
        let staked = moments.staked;
        let mut exponents = std::collections::BTreeSet::new();
        for minute in 1..=600 {
            moments.world.advance(60);
            let (now, base) = (moments.world.now(), middle * if minute % 2 == 0 { 0.995 } else { 1.005 });
            let update = moments.staked_at((1.0, now), (base, now));
            moments.bring(&[update]);
            exponents.insert(moments.world.reserve(staked).price.exponent);
        }
        (moments.world.reserve(staked).risk.volatility.annual.0 as f64, exponents.len())
    };
    let ((between, one), (flips, two)) = (annual(250.0), annual(377.789_318_6));
    assert!((flips / between - 1.0).abs() < 0.02, "{flips} around the change ({two}), {between} elsewhere ({one})");
    assert!((one, two) == (1, 2), "{one}, {two}");
}
