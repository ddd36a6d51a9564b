//! Prices of different moments, chosen by an adversary: he brings genuine updates of all feeds in any order and after any delay, and
//! then liquidates, others or himself.
//!
//! What is true is kept apart from the engine: what each feed published in each second, and what an account is worth by it.

use crate::common::{EXPONENT, START, World, cases, feed, reserve_config};
use ballast_engine::{
    ledger::EVERYTHING,
    number::units::Bps,
    price::feed::{PriceUpdate, Source},
    record::layout::Address,
    state::{
        account::Side,
        interest::RateCurve,
        reserve::{Reserve, ReserveConfig},
    },
};
use proptest::prelude::*;

const LENDER: usize = 0;
const USER: usize = 1;
/// Seconds of history.
const SECONDS: i64 = 240;
const MAX_AGE: i64 = 60;
/// Reserves: SOL; a token staked for it, priced by a rate and SOL's own feed; both are a group. A dollar and another token.
const SOL: usize = 1;
const STAKED: usize = 2;
const DECIMALS: [i32; 4] = [6, 9, 9, 0];
/// What the feeds publish first: dollars, and the rate of the staked token.
const FIRST: [f64; 4] = [1.0, 150.0, 1.2, 2.5];
const GROUP_WEIGHT: f64 = 0.95;
const CROSS_WEIGHT: f64 = 0.82;
const MIN_PENALTY: f64 = 0.02;
const MAX_PENALTY: f64 = 0.05;
/// Roundings, USD: an atom of a token without decimals is some dollars, in accounts of a hundred thousand and more.
const ROUNDING: f64 = 20.0;

/// What the feeds published, in each second since the start.
#[derive(Clone, Debug)]
struct Truth {
    feeds: [Vec<i64>; 4],
    /// Seconds by which prices may be apart.
    skew: i64,
    /// Seconds by which a rate may be older than that.
    rate_skew: i64,
    /// Seconds by which the chain's clock is behind.
    lag: i64,
}

impl Truth {
    fn published(&self, feed: usize, second: i64) -> f64 {
        self.feeds[feed][second.max(0) as usize] as f64 * 10f64.powi(EXPONENT)
    }

    /// A token's price in dollars by updates of two seconds; those of one feed have the first.
    fn price(&self, reserve: usize, first: i64, base: i64) -> f64 {
        let of_first = self.published(reserve, first);
        if reserve == STAKED { of_first * self.published(SOL, base) } else { of_first }
    }

    fn price_at(&self, reserve: usize, second: i64) -> f64 {
        self.price(reserve, second, second)
    }

    /// The lowest and highest of a feed in some seconds.
    fn range(&self, feed: usize, from: i64, to: i64) -> (f64, f64) {
        let published = (from..=to).map(|second| self.published(feed, second));
        published.fold((f64::MAX, 0.0), |(low, high), price| (low.min(price), high.max(price)))
    }

    /// The lowest and highest price of a token that counts as of a second. While the chain's clock is behind, that may be before the
    /// newest of an account's prices.
    fn contemporaneous(&self, reserve: usize, second: i64) -> (f64, f64) {
        let from = second - self.skew;
        let to = if self.lag == 0 { second } else { (second + self.skew).min(SECONDS) };
        if reserve != STAKED {
            return self.range(reserve, from, to);
        }
        let (rate, base) = (self.range(STAKED, from - self.rate_skew, to), self.range(SOL, from, to));
        (rate.0 * base.0, rate.1 * base.1)
    }
}

/// A side and a value at the start for each reserve, in dollars.
type Sides = [(Option<Side>, f64); 4];

/// What an account has of each token, in whole ones: deposits above zero, debts below.
type Holdings = [f64; 4];

/// Collateral ÷ debt by maintenance weights, at prices for deposits and for debts.
fn ratio(holdings: &Holdings, deposits: impl Fn(usize) -> f64, debts: impl Fn(usize) -> f64) -> f64 {
    let in_group = |reserve: usize| reserve == SOL || reserve == STAKED;
    let is_grouped = (0..4).all(|reserve| holdings[reserve] >= 0.0 || in_group(reserve));
    let (mut collateral, mut debt) = (0.0, 0.0);
    for (reserve, held) in holdings.iter().enumerate() {
        let weight = if is_grouped && in_group(reserve) { GROUP_WEIGHT } else { CROSS_WEIGHT };
        collateral += held.max(0.0) * weight * deposits(reserve);
        debt += (-held).max(0.0) * debts(reserve);
    }
    collateral / debt
}

/// What an account is worth at the prices of a second.
fn equity(holdings: &Holdings, truth: &Truth, second: i64) -> f64 {
    (0..4).map(|reserve| holdings[reserve] * truth.price_at(reserve, second)).sum()
}

/// Which update of a feed the adversary brings.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// Of so many seconds ago.
    Age(i64),
    /// The lowest and the highest of so many last seconds.
    Lowest(i64),
    Highest(i64),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(i64),
    Bring(usize, Choice, Choice),
    /// Debt and collateral, by the number of the position, and how much of it, in parts of ten.
    Liquidate(usize, usize, u64),
}

impl Choice {
    fn second(self, truth: &Truth, feed: usize, now: i64) -> i64 {
        let last = |seconds: i64| (now - seconds).max(0)..=now;
        let published = |second: &i64| truth.feeds[feed][*second as usize];
        match self {
            Self::Age(age) => (now - age).max(0),
            Self::Lowest(seconds) => last(seconds).min_by_key(published).unwrap(),
            Self::Highest(seconds) => last(seconds).max_by_key(published).unwrap(),
        }
    }
}

struct Scene {
    world: World,
    truth: Truth,
}

impl Scene {
    fn new(truth: &Truth) -> Self {
        let config = |reserve: u8| {
            let mut config: ReserveConfig = reserve_config(reserve);
            config.curve = RateCurve::new(&[(0, 0), (10_000, 0)]).unwrap();
            let cross = &mut config.risk.cross;
            (cross.initial_asset, cross.maintenance_asset) = (Bps(8_200), Bps(8_200));
            (cross.initial_liability, cross.maintenance_liability) = (Bps(10_000), Bps(10_000));
            (config.min_penalty, config.max_penalty) =
                (Bps((MIN_PENALTY * 1e4) as u16), Bps((MAX_PENALTY * 1e4) as u16));
            (config.oracle.max_age, config.oracle.max_skew) = (MAX_AGE as u32, truth.skew as u16);
            if reserve as usize == SOL || reserve as usize == STAKED {
                (config.risk.group_id, config.risk.group_initial_asset) = (1, Bps(9_500));
                config.risk.group_maintenance_asset = Bps(9_500);
            }
            config
        };
        let mut staked = config(STAKED as u8);
        staked.oracle.base_feed_id = feed(SOL as u8);
        staked.oracle.max_rate_age = if truth.rate_skew == 0 { 0 } else { (MAX_AGE + truth.rate_skew) as u32 };
        let mut world = World::with([0, 1, 2, 3].map(config), 2);
        // All of them anew: nothing is priced but by what the feeds published.
        for (reserve, decimals) in DECIMALS.into_iter().enumerate() {
            let config = if reserve == STAKED { staked } else { config(reserve as u8) };
            world.reserves[reserve] = Reserve::new(&config, decimals as u8, START).unwrap();
        }
        world.market.config.max_clock_lag = truth.lag as u32;
        let mut scene = Self { world, truth: truth.clone() };
        for reserve in 0..4 {
            scene.bring(reserve, 0, 0);
            let amount = scene.atoms(reserve, 1e7 / truth.price_at(reserve, 0));
            scene.world.deposit(LENDER, reserve as u8, amount);
        }
        scene
    }

    /// The second of the newest updates there are.
    fn now(&self) -> i64 {
        self.world.now - START + self.truth.lag
    }

    fn atoms(&self, reserve: usize, whole: f64) -> u64 {
        (whole * 10f64.powi(DECIMALS[reserve])) as u64
    }

    fn whole(&self, reserve: usize, atoms: u64) -> f64 {
        atoms as f64 / 10f64.powi(DECIMALS[reserve])
    }

    /// Brings the updates of two seconds. No feed goes back.
    fn bring(&mut self, reserve: usize, first: i64, base: i64) {
        let update = |of: usize, second: i64| {
            let price = self.truth.feeds[of][second as usize];
            let (feed_id, publish_time) = (feed(of as u8).0, START + second);
            let update = PriceUpdate {
                feed_id,
                price,
                confidence: 0,
                exponent: EXPONENT,
                publish_time,
                prev_publish_time: publish_time - 1,
                ema_price: price,
            };
            Source { address: Address::NONE, update }
        };
        let (first, base) = (update(reserve, first), (reserve == STAKED).then(|| update(SOL, base)));
        let times = |world: &World| {
            let price = &world.reserves[reserve].price;
            (price.first_time, price.base_time)
        };
        let before = times(&self.world);
        self.world.act(LENDER, |ledger, _| ledger.refresh_price(reserve as u8, &first, base.as_ref())).unwrap();
        let after = times(&self.world);
        assert!(after.0 >= before.0 && after.1 >= before.1);
    }

    /// The seconds of the updates that a reserve holds. Its price is theirs.
    fn held(&self, reserve: usize) -> (i64, i64) {
        let price = &self.world.reserves[reserve].price;
        let (first, base) = (price.first_time - START, price.base_time - START);
        let held = price.price as f64 * 10f64.powi(price.exponent);
        assert!((held / self.truth.price(reserve, first, base) - 1.0).abs() < 1e-6);
        (first, base)
    }

    fn holdings(&self) -> Holdings {
        let mut holdings = [0.0; 4];
        for position in self.world.accounts[USER].positions() {
            let reserve = position.reserve as usize;
            let record = &self.world.reserves[reserve];
            holdings[reserve] = if position.is_debt() {
                -self.whole(reserve, record.debt_index.amount_ceil(position.shares))
            } else {
                self.whole(reserve, record.deposit_index.amount_floor(position.shares))
            };
        }
        holdings
    }

    fn on(&self, side: Side) -> Vec<u8> {
        let positions = self.world.accounts[USER].positions().iter();
        positions.filter(|position| position.side == side as u8).map(|position| position.reserve).collect()
    }

    /// Opens the account that the sides mean, its debts so many times as large.
    fn open(&mut self, sides: &Sides, scale: f64) {
        let meant = meant(sides, &self.truth, scale);
        for (reserve, amount) in meant.into_iter().enumerate().filter(|(_, amount)| *amount > 0.0) {
            let amount = self.atoms(reserve, amount);
            self.world.deposit(USER, reserve as u8, amount);
        }
        for (reserve, amount) in meant.into_iter().enumerate().filter(|(_, amount)| *amount < 0.0) {
            let amount = self.atoms(reserve, -amount);
            self.world.borrow(USER, reserve as u8, amount);
        }
    }

    fn wait(&mut self, seconds: i64) {
        self.world.now = (self.world.now + seconds).min(START + SECONDS - self.truth.lag);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Wait(seconds) => self.wait(seconds),
            Step::Bring(reserve, first, base) => {
                let now = self.now();
                let first = first.second(&self.truth, reserve, now);
                let base = base.second(&self.truth, SOL, now);
                self.bring(reserve, first, base);
            }
            Step::Liquidate(..) => {}
        }
    }
}

/// The holdings that sides mean, with their debts so many times as large.
fn meant(sides: &Sides, truth: &Truth, scale: f64) -> Holdings {
    let mut holdings = [0.0; 4];
    for (reserve, (side, value)) in sides.iter().enumerate() {
        let amount = value / truth.price_at(reserve, 0);
        holdings[reserve] = match side {
            Some(Side::Deposit) => amount,
            Some(Side::Debt) => -amount * scale,
            None => 0.0,
        };
    }
    holdings
}

/// How many times as large debts may be for the account to be healthy at all prices of one moment, whichever and whenever.
fn most(sides: &Sides, truth: &Truth) -> f64 {
    let holdings = meant(sides, truth, 1.0);
    let at = |second: i64| {
        let of = |reserve: usize| truth.contemporaneous(reserve, second);
        ratio(&holdings, |reserve| of(reserve).0, |reserve| of(reserve).1)
    };
    (0..=SECONDS).map(at).fold(f64::MAX, f64::min)
}

/// Prices that stay for some seconds and then leap, within a range whose ends are less than a factor of two apart for every token.
fn truths() -> impl Strategy<Value = Truth> {
    let levels = |range: std::ops::RangeInclusive<i64>| prop::collection::vec((1i64..40, range), 1..24);
    let wide = || levels(7_800..=14_000);
    let feeds = (levels(9_800..=10_200), wide(), levels(9_700..=10_300), wide());
    let or = |seconds: i64| prop_oneof![2 => Just(0i64), 1 => Just(seconds)];
    (feeds, 0i64..=10, or(30), or(30)).prop_map(|((a, b, c, d), skew, rate_skew, lag)| {
        let mut first = FIRST.iter();
        let feeds = [a, b, c, d].map(|levels| {
            let first = first.next().unwrap() * 10f64.powi(-EXPONENT);
            let stays =
                |(seconds, bps): (i64, i64)| std::iter::repeat_n((first * bps as f64 / 1e4) as i64, seconds as usize);
            let mut history: Vec<i64> = std::iter::once((1, 10_000)).chain(levels).flat_map(stays).collect();
            let last = history[history.len() - 1];
            history.resize(SECONDS as usize + 1, last);
            history
        });
        Truth { feeds, skew, rate_skew, lag }
    })
}

fn sides() -> impl Strategy<Value = Sides> {
    let side = prop_oneof![
        2 => Just(Some(Side::Deposit)),
        2 => Just(Some(Side::Debt)),
        1 => Just(None),
    ];
    prop::array::uniform4((side, 1e5..1e6)).prop_filter("both sides", |sides| {
        let has = |side| sides.iter().any(|(of, _)| *of == Some(side));
        has(Side::Deposit) && has(Side::Debt)
    })
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        (0i64..70).prop_map(Choice::Age),
        Just(Choice::Age(0)),
        (0i64..MAX_AGE).prop_map(Choice::Lowest),
        (0i64..MAX_AGE).prop_map(Choice::Highest),
    ]
}

fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (1i64..20).prop_map(Step::Wait),
        6 => (0usize..4, choice(), choice()).prop_map(|(reserve, first, base)| Step::Bring(reserve, first, base)),
        2 => (0usize..4, 0usize..4, 1u64..=10).prop_map(|(debt, held, part)| Step::Liquidate(debt, held, part)),
    ];
    prop::collection::vec(step, length / 2..length)
}

/// Tries all pairs, each on copies. The first that succeeds.
fn any_liquidation(scene: &Scene) -> Option<(u8, u8)> {
    let pairs = scene
        .on(Side::Debt)
        .into_iter()
        .flat_map(|debt| scene.on(Side::Deposit).into_iter().map(move |held| (debt, held)));
    pairs.into_iter().find(|(debt, held)| {
        let mut copy = scene.world.clone();
        copy.act(USER, |ledger, account| ledger.liquidate(account, *debt, *held, EVERYTHING, 0)).is_ok()
    })
}

proptest! {
    #![proptest_config(cases(3_000))]

    /// An account that is healthy, by a hair, at all prices of any one moment is not liquidated, whatever is brought when: of one
    /// moment are updates that are no farther apart than governance allows. Nor does the clock of its penalty start.
    #[test]
    fn no_choice_of_updates_liquidates_who_is_healthy_at_every_moment(
        truth in truths(), sides in sides(), steps in steps(60),
    ) {
        let scale = most(&sides, &truth) / 1.000_1;
        let mut scene = Scene::new(&truth);
        scene.open(&sides, scale);
        for step in steps {
            scene.take(step);
            prop_assert_eq!(any_liquidation(&scene), None, "at {}", scene.now());
            let marked = scene.world.act(USER, |ledger, account| ledger.mark_liquidatable(account)).unwrap();
            prop_assert!(!marked, "marked at {}", scene.now());
        }
    }

    /// The other way: whoever brings the newest of all liquidates an account that is unhealthy at the prices of now, whatever was
    /// brought before by somebody who would not have it.
    #[test]
    fn with_the_newest_updates_who_is_unhealthy_is_liquidated(
        truth in truths(), sides in sides(), steps in steps(30),
    ) {
        let waits = steps.iter().map(|step| if let Step::Wait(seconds) = step { *seconds } else { 0 });
        let now = (waits.sum::<i64>() + truth.lag).min(SECONDS);
        let holdings = meant(&sides, &truth, 1.0);
        let at = |second: i64| {
            let price = |reserve: usize| truth.price_at(reserve, second);
            ratio(&holdings, price, price)
        };
        let scale = at(now) * 1.001;
        if scale > at(0) / 1.000_1 {
            // Nobody lends so much.
            return Ok(());
        }
        let mut scene = Scene::new(&truth);
        scene.open(&sides, scale);
        for step in steps {
            scene.take(step);
        }
        prop_assert_eq!(scene.now(), now);
        for reserve in 0..4 {
            scene.bring(reserve, now, now);
        }
        prop_assert!(any_liquidation(&scene).is_some());
    }

    /// Who liquidates himself has, with both accounts together, no more than before at the true prices of the moment, so no more
    /// than if he had repaid honestly. That he can gain anything, the account must come to owe more than it has. What is left of
    /// that: the least penalty, where the account could not pay it any more; what prices of the moment may be apart; and what a
    /// price of a third token that he left old differs from the true one, since the penalty is what last prices say can be paid.
    #[test]
    fn who_liquidates_himself_gains_nothing(
        truth in truths(), sides in sides(), steps in steps(60), distress in 0.9f64..1.4,
    ) {
        let holdings = meant(&sides, &truth, 1.0);
        let start = ratio(&holdings, |reserve| truth.price_at(reserve, 0), |reserve| truth.price_at(reserve, 0));
        let scale = (most(&sides, &truth) * distress).min(start / 1.000_1);
        let mut scene = Scene::new(&truth);
        scene.open(&sides, scale);
        for step in steps {
            let Step::Liquidate(debt, collateral, part) = step else {
                scene.take(step);
                continue;
            };
            let (debts, deposits) = (scene.on(Side::Debt), scene.on(Side::Deposit));
            if debts.is_empty() || deposits.is_empty() {
                break;
            }
            let pair = [debts[debt % debts.len()], deposits[collateral % deposits.len()]];
            let [debt, collateral] = pair.map(usize::from);
            let before = scene.holdings();
            let max_repay = scene.atoms(debt, -before[debt] * part as f64 / 10.0).max(1);
            let done = scene.world.act(USER, |ledger, account| ledger.liquidate(account, pair[0], pair[1], max_repay, 0));
            let Ok(done) = done else { continue };
            let newest = |(first, base): (i64, i64)| first.max(base);
            let moment = newest(scene.held(debt)).max(newest(scene.held(collateral)));
            let paid = scene.whole(debt, done.paid()) * truth.price_at(debt, moment);
            let got = scene.whole(collateral, done.seized) * truth.price_at(collateral, moment);
            // For what is paid he gets no more than the highest penalty on top, whoever he is.
            let low = truth.contemporaneous(collateral, moment).0 / truth.price_at(collateral, moment);
            let high = truth.contemporaneous(debt, moment).1 / truth.price_at(debt, moment);
            prop_assert!(got * low <= paid * high * (1.0 + MAX_PENALTY) + ROUNDING, "{} for {}", got, paid);
            let (had, has) = (equity(&before, &truth, moment), equity(&scene.holdings(), &truth, moment));
            let gain = got - paid + has.max(0.0) - had.max(0.0);
            let apart = (0..4).map(|reserve| {
                let by = if pair.contains(&(reserve as u8)) {
                    let (low, high) = truth.contemporaneous(reserve, moment);
                    high - low
                } else {
                    let (first, base) = scene.held(reserve);
                    (truth.price(reserve, first, base) - truth.price_at(reserve, moment)).abs()
                };
                before[reserve].abs() * by
            });
            let apart = apart.sum::<f64>();
            let owed: f64 = (0..4).map(|reserve| (-before[reserve]).max(0.0) * truth.price_at(reserve, moment)).sum();
            let could_pay = had - apart >= MIN_PENALTY * (owed + apart);
            let least = if could_pay { 0.0 } else { MIN_PENALTY * (paid + apart) };
            prop_assert!(
                gain <= apart + least + ROUNDING,
                "{} at {}, {} apart, of {} repaid: had {}, has {}", gain, moment, apart, paid, had, has
            );
        }
    }
}
