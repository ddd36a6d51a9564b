//! What lasts no longer than a second leaves nothing behind: people without capital, who take out again what they bring, change
//! no weight, fee, rate, share price or window, and nobody's room to borrow or to leave.

mod common;

use ballast_engine::{
    number::units::Bps,
    state::{
        breakers::BreakerConfig,
        interest::ControllerConfig,
        rate_limit::Outflow,
        reserve::{Reserve, ReserveConfig},
    },
};
use common::{
    World, cases, lend,
    moment::{Done, Hand, STAKED, STRANGERS, Step, close, most, most_out, refresh, refresh_reserve, step},
    reserve_config, update,
};
use proptest::prelude::*;

const LENDER: usize = 0;
const BORROWER: usize = 1;
const STAKER: usize = 2;
const THIRD: usize = 3;
/// 10^-4 USD.
const DOLLAR: u64 = 10_000;
/// Deposits in each reserve at first, in that unit.
const SIZE: u64 = 5_000 * DOLLAR;
/// What rounding may move, as a part: an atom or two a step, of 10^9 at least.
const ROUNDING: f64 = 1e-6;

/// What honest people do before. Values are 10^-4 USD of a reserve's token.
#[derive(Clone, Copy, Debug)]
enum Event {
    Wait(i64),
    Deposit(u8, u64),
    Withdraw(u8, u64),
    Borrow(u8, u64),
    Repay(u8, u64),
    /// To so many basis points of the price.
    Refresh(u8, u64),
}

fn event() -> impl Strategy<Value = Event> {
    let value = || (12.0..18.5f64).prop_map(|log| log.exp() as u64);
    prop_oneof![
        4 => (1i64..1_500).prop_map(Event::Wait),
        2 => (0u8..4, value()).prop_map(|(reserve, value)| Event::Deposit(reserve, value)),
        5 => (0u8..4, value()).prop_map(|(reserve, value)| Event::Withdraw(reserve, value)),
        3 => (2u8..4, value()).prop_map(|(reserve, value)| Event::Borrow(reserve, value)),
        1 => (2u8..4, value()).prop_map(|(reserve, value)| Event::Repay(reserve, value)),
        2 => (0u8..4, 9_700u64..10_300).prop_map(|(reserve, factor)| Event::Refresh(reserve, factor)),
    ]
}

/// Publishes a price of so many basis points of the last.
fn move_price(world: &mut World, reserve: u8, factor: u64) {
    let price = (world.prices[reserve as usize] as i128 * factor as i128 / 10_000) as i64;
    refresh(world, reserve, &update(reserve, price, world.now));
}

impl Event {
    /// It happens or is refused.
    fn happen(self, world: &mut World) {
        let atoms = |reserve, value| world.atoms(reserve, value);
        let _ = match self {
            Self::Wait(seconds) => {
                world.now += seconds;
                return;
            }
            Self::Refresh(reserve, factor) => return move_price(world, reserve, factor),
            Self::Deposit(reserve, value) => {
                let amount = atoms(reserve, value);
                world.act(LENDER, |ledger, account| lend(ledger, account, reserve, amount))
            }
            Self::Withdraw(reserve, value) => {
                let amount = atoms(reserve, value);
                world.act(LENDER, |ledger, account| ledger.withdraw(account, reserve, amount))
            }
            Self::Borrow(reserve, value) => {
                let amount = atoms(reserve, value);
                world.act(BORROWER, |ledger, account| ledger.borrow(account, reserve, amount))
            }
            Self::Repay(reserve, value) => {
                let amount = atoms(reserve, value);
                world.act(BORROWER, |ledger, account| ledger.repay(account, reserve, amount))
            }
        };
    }
}

/// Limits of any size beside the deposits, and rules that adapt.
#[derive(Clone, Copy, Debug)]
struct Rules {
    market_depth: u32,
    max_market_haircut: u16,
    position_depth: u32,
    borrowing_cap: u32,
    ramp: u16,
    /// Dollars an hour, of a reserve and of the market.
    outflow: [u32; 2],
    max_utilisation: u16,
    has_tiers: bool,
    reference_speed: u16,
    has_controller: bool,
    fee_share: u16,
}

prop_compose! {
    fn rules()(
        (market_depth, max_market_haircut, position_depth) in (500u32..20_000, 0u16..4_000, 100u32..5_000),
        (borrowing_cap, ramp) in (prop_oneof![Just(0), 100u32..10_000], 10u16..=2_000),
        outflow in [prop_oneof![Just(0), 100u32..6_000], prop_oneof![1 => Just(0), 3 => 100u32..10_000]],
        (max_utilisation, has_tiers) in (prop_oneof![Just(0u16), 4_000u16..9_000], any::<bool>()),
        (reference_speed, has_controller, fee_share) in (0u16..500, any::<bool>(), 0u16..10_000),
    ) -> Rules {
        Rules {
            market_depth, max_market_haircut, position_depth, borrowing_cap, ramp, outflow, max_utilisation,
            has_tiers, reference_speed, has_controller, fee_share,
        }
    }
}

/// Decimals and price of a token. The last has nine instead of none, so that an atom is nothing.
fn token(reserve: u8) -> (u8, i64) {
    let (decimals, price) = common::TOKENS[reserve as usize];
    (if decimals == 0 { 9 } else { decimals }, price)
}

impl Rules {
    fn config(&self, reserve: u8) -> ReserveConfig {
        let (decimals, price) = token(reserve);
        let atoms = |dollars: u32| (dollars as u128 * 10u128.pow(decimals as u32 + 10) / price as u128) as u64;
        let mut config = reserve_config(reserve);
        let risk = &mut config.risk;
        (risk.market_depth, risk.max_market_haircut) = (self.market_depth, Bps(self.max_market_haircut));
        (risk.position_depth, risk.max_position_haircut) = (self.position_depth, Bps(1_500));
        risk.ramp = Bps(self.ramp);
        if self.borrowing_cap != 0 {
            (risk.borrowing_cap, config.deposit_cap) = (self.borrowing_cap, atoms(500_000));
        }
        config.oracle.reference_speed = Bps(self.reference_speed);
        config.breakers.max_utilisation = Bps(self.max_utilisation);
        if self.outflow[0] != 0 {
            let hour = atoms(self.outflow[0]).max(360_000);
            let (outflow_day, small_deposit) = ((hour * 3).max(8_640_000), hour / 20);
            config.breakers = BreakerConfig { outflow_hour: hour, outflow_day, small_deposit, ..config.breakers };
        }
        if self.has_tiers {
            (config.breakers.tiers, config.breakers.halt_seconds) = ([Bps(500), Bps(1_500), Bps(3_000)], 120);
        }
        if self.has_controller {
            let (target, speed, lowest, highest) = (Bps(6_000), Bps(5_000), Bps(2_000), Bps(30_000));
            config.controller = ControllerConfig { target, speed, lowest, highest, ..ControllerConfig::default() };
        }
        (config.flash_enabled, config.insurance.fee_share) = (1, Bps(self.fee_share));
        config.validate().unwrap();
        config
    }
}

/// A market a week old: deposits, debts, a stake of the strangers that is free, and fees earned that are more than a quarter of
/// the cash.
fn market(rules: &Rules) -> World {
    let configs = [0, 1, 2, 3].map(|reserve| rules.config(reserve));
    let mut world = World::with(configs, 6);
    world.reserves[3] = Reserve::new(&configs[3], token(3).0, common::START).unwrap();
    for (user, reserve, value) in [
        (LENDER, 0, SIZE),
        (LENDER, 1, SIZE),
        (LENDER, 2, SIZE),
        (LENDER, 3, SIZE),
        (BORROWER, 1, 3_000 * DOLLAR),
        (THIRD, 1, 3_000 * DOLLAR),
    ] {
        let amount = world.atoms(reserve, value);
        world.deposit(user, reserve, amount);
    }
    world.now += 1;
    world.refresh_all();
    for (user, reserve, dollars) in [(BORROWER, 0, 100), (BORROWER, 2, 150), (BORROWER, 3, 150), (THIRD, 0, 10)] {
        let amount = world.atoms(reserve, dollars * DOLLAR);
        // Refused where the limits are narrow.
        let _ = world.act(user, |ledger, account| ledger.borrow(account, reserve, amount));
    }
    let amount = world.atoms(STAKED, 500 * DOLLAR);
    for user in [STAKER, STRANGERS[0]] {
        world.act_on_stake(user, STAKED, |ledger, stake| ledger.stake(stake, amount)).unwrap();
    }
    world.act_on_stake(STRANGERS[0], STAKED, |ledger, stake| ledger.begin_unstake(stake, stake.shares)).unwrap();
    world.now += 604_800;
    for reserve in 0..4 {
        let fees = world.atoms(reserve, SIZE / 2);
        // What is there above the deposits.
        world.reserves[reserve as usize].cash += fees;
    }
    world.refresh_all();
    (world.market.config.outflow_hour, world.market.config.outflow_day) = (rules.outflow[1], rules.outflow[1] * 3);
    world
}

/// The same moment with the strangers and without.
struct Moment {
    with: World,
    without: World,
}

impl Moment {
    /// Plays the second; `None` if the strangers cannot take everything out again, so that their transaction fails. What others do
    /// in it comes at its beginning or at its end.
    fn play(start: &World, steps: &[Step], others_first: bool) -> Option<Self> {
        let mut hand = Hand::default();
        let mut moment = Self { with: start.clone(), without: start.clone() };
        if others_first {
            moment.both(others);
        }
        for step in steps {
            match step.take(&mut moment.with, &mut hand) {
                Ok(Done::RefreshReserve(reserve)) => refresh_reserve(&mut moment.without, reserve).unwrap(),
                Ok(Done::Refresh(reserve, update)) => refresh(&mut moment.without, reserve, &update),
                Ok(Done::Flow) | Err(_) => {}
            }
        }
        close(&mut moment.with, &mut hand).ok()?;
        if !others_first {
            moment.both(others);
        }
        // A stake buys whole shares, and what is left of its price stays in the hand.
        hand.tokens[STAKED as usize] -= 9;
        assert!(hand.tokens.iter().all(|gain| *gain <= 0), "they gained {:?}", hand.tokens);
        assert!(STRANGERS.iter().all(|user| moment.with.accounts[*user].position_count == 0));
        Some(moment)
    }

    fn both(&mut self, mut act: impl FnMut(&mut World)) {
        act(&mut self.with);
        act(&mut self.without);
    }
}

/// Brings all reserves up to date, with a few atoms paid into each.
fn others(world: &mut World) {
    for reserve in 0..4 {
        refresh_reserve(world, reserve).unwrap();
        world.deposit(LENDER, reserve, 1_000);
    }
}

fn near(one: f64, other: f64, size: f64) -> bool {
    (one - other).abs() <= size * ROUNDING
}

/// Everything is the same, up to rounding.
fn compare(Moment { with, without }: &Moment) -> Result<(), TestCaseError> {
    for (one, other) in with.reserves.iter().zip(&without.reserves) {
        let index = other.config.oracle.feed_id.0[0] - 1;
        // A rounded atom may make a basis point of haircut, and the ramp's rest, which is less than a step, may be another.
        for (weights, same) in one.risk.weights.iter().zip(&other.risk.weights) {
            for (weight, same) in [
                (weights.initial_asset, same.initial_asset),
                (weights.maintenance_asset, same.maintenance_asset),
                (weights.initial_liability, same.initial_liability),
                (weights.maintenance_liability, same.maintenance_liability),
            ] {
                prop_assert!(weight.0.abs_diff(same.0) <= 3, "weight in {}: {:?} and {:?}", index, weight, same);
            }
        }
        prop_assert_eq!((one.price, one.halt), (other.price, other.halt));

        let liquidity = other.cash as f64 + other.debts() as f64;
        let fees = |reserve: &Reserve| [(reserve.fees() >> 64) as u64, reserve.claimable, reserve.insurance.assets];
        for (fee, same) in fees(one).into_iter().zip(fees(other)) {
            prop_assert!(near(fee as f64, same as f64, liquidity), "fees of {}: {} and {}", index, fee, same);
        }
        let shares =
            |reserve: &Reserve| [reserve.deposit_index, reserve.debt_index].map(|index| index.to_bits() as f64);
        for (share, same) in shares(one).into_iter().zip(shares(other)) {
            prop_assert!(near(share, same, same), "share price in {}: {} and {}", index, share, same);
        }
        // A curve no steeper than 20, three times up.
        let rate = |reserve: &Reserve| reserve.borrow_rate.per_year_f64();
        prop_assert!(near(rate(one), rate(other), 60.0), "rate of {}: {} and {}", index, rate(one), rate(other));
        for (level, same) in levels(&one.outflow).into_iter().zip(levels(&other.outflow)) {
            prop_assert!(near(level, same, liquidity), "window of {}: {} and {}", index, level, same);
        }
    }
    // Who takes a stake out and puts it in again leaves the others what is pending of it.
    let worth = |world: &World| {
        world.reserves[STAKED as usize].insurance.worth(world.stakes[STAKER][STAKED as usize].shares) as f64
    };
    prop_assert!(worth(with) >= worth(without) * (1.0 - ROUNDING), "stake: {} and {}", worth(with), worth(without));
    // 10^-8 USD.
    for (level, same) in levels(&with.market.outflow).into_iter().zip(levels(&without.market.outflow)) {
        prop_assert!(near(level, same, SIZE as f64 * 1e4), "window of the market: {} and {}", level, same);
    }
    Ok(())
}

/// Of an hour and a day.
fn levels(window: &Outflow) -> [f64; 2] {
    [window.hour as f64, window.day as f64]
}

/// What others can borrow and take out.
fn compare_room(Moment { with, without }: &Moment) -> Result<(), TestCaseError> {
    for reserve in [0, 2, 3] {
        for (find, user) in [(most as fn(&World, usize, u8) -> u64, THIRD), (most_out, LENDER)] {
            let (room, same) = (find(with, user, reserve) as f64, find(without, user, reserve) as f64);
            let size = with.atoms(reserve, SIZE) as f64;
            // A basis point of a weight, and a window's dollars.
            prop_assert!(near(room, same, size * 300.0), "{} in {}: {} and {}", user, reserve, room, same);
        }
    }
    Ok(())
}

/// Whose price moves in a minute of the hour after, and by how much; in that hour all rise or all fall.
fn minute_of(seed: u64, minute: u64) -> (u8, u64) {
    let bits = (seed ^ minute.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(6_364_136_223_846_793_005) >> 33;
    ((bits & 3) as u8, if seed & 1 == 0 { 9_960 } else { 10_000 } + (bits >> 2) % 41)
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn a_second_of_people_without_capital_leaves_nothing_behind(
        rules in rules(),
        mut events in prop::collection::vec(event(), 0..30),
        mut steps in prop::collection::vec(step(), 1..40),
        others_first in any::<bool>(),
        waited in 5i64..1_000,
        seed in any::<u64>(),
    ) {
        let mut world = market(&rules);
        if rules.outflow[1] != 0 {
            // A round trip values what went at the price of now: a change of price may move the market's window by as much.
            events.retain(|event| !matches!(event, Event::Refresh(..)));
            steps.retain(|step| !matches!(step, Step::Refresh(..)));
        }
        events.into_iter().for_each(|event| event.happen(&mut world));
        world.now += waited;
        let Some(mut moment) = Moment::play(&world, &steps, others_first) else {
            return Err(TestCaseError::reject("they cannot take everything out again"));
        };
        moment.both(|world| {
            world.now += 1;
            world.refresh_all();
        });
        compare(&moment)?;
        compare_room(&moment)?;
        for minute in 0..60 {
            let (reserve, factor) = minute_of(seed, minute);
            moment.both(|world| {
                world.now += 60;
                move_price(world, reserve, factor);
                // A refresh samples the volatility or ramps. A keeper's reserve refresh ramps, whose turn ever it was.
                refresh_reserve(world, reserve).unwrap();
            });
            compare(&moment)?;
        }
        moment.both(|world| {
            world.refresh_all();
            others(world);
        });
        compare(&moment)?;
        compare_room(&moment)?;
    }
}
