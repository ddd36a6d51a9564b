//! Amounts and prices at the ends of their scales: every action is done or refused, and every figure can be read. Overflow is checked in
//! these builds, so a sum that does not fit fails.

use super::*;
use crate::common::{TOKENS, cases, update};
use ballast_engine::{
    Error,
    health::Requirement,
    ledger::Ledger,
    number::units::{Bps, MAX_LIQUIDITY},
    perps::{
        report::{Greeks, PoolReport},
        trade::Order,
    },
    state::perp::{
        PerpConfig, PoolConfig,
        book::Width,
        pricing::{deviation, part_of},
        side::MAX_PRICE,
    },
};
use proptest::prelude::*;

const USERS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Act {
    Trade(usize, u8, i64, bool),
    /// For so many thousandths of the deposit.
    Margin(usize, u8, i64),
    Close(usize, u8),
    Settle(usize, u8),
    Liquidate(usize, u8),
    WriteOff(usize, u8),
    Cover(usize, u8, u64),
    Deleverage(u8),
    Resolve(u8),
    Provide(usize, u64),
    Ask(usize, u64),
    Leave(usize),
    /// Reserve, price as a power of ten of what it was at the start, and a mantissa.
    Price(u8, i32, i64),
    Wait(i64),
}

/// Any number, by its size.
fn amount() -> impl Strategy<Value = u64> {
    (0u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
}

fn act() -> impl Strategy<Value = Act> {
    let (user, perp) = (prop_oneof![1 => Just(0), 4 => 1..USERS], 0u8..3);
    let who = (user.clone(), perp.clone());
    prop_oneof![
        4 => (who.clone(), any::<u64>(), 0u32..64, any::<bool>()).prop_map(|((user, perp), lots, shift, reduces)| {
            Act::Trade(user, perp, lots as i64 >> shift, reduces)
        }),
        12 => (who.clone(), -9_000i64..9_000).prop_map(|((user, perp), times)| Act::Margin(user, perp, times)),
        4 => who.clone().prop_map(|(user, perp)| Act::Close(user, perp)),
        2 => who.clone().prop_map(|(user, perp)| Act::Settle(user, perp)),
        4 => who.clone().prop_map(|(user, perp)| Act::Liquidate(user, perp)),
        2 => who.clone().prop_map(|(user, perp)| Act::WriteOff(user, perp)),
        2 => (who, amount()).prop_map(|((user, perp), most)| Act::Cover(user, perp, most)),
        3 => perp.clone().prop_map(Act::Deleverage),
        1 => (perp, 0..8).prop_map(|(perp, rare)| if rare == 0 { Act::Resolve(perp) } else { Act::Deleverage(perp) }),
        2 => (user.clone(), amount()).prop_map(|(user, amount)| Act::Provide(user, amount)),
        1 => (user.clone(), amount()).prop_map(|(user, amount)| Act::Ask(user, amount)),
        1 => user.prop_map(Act::Leave),
        6 => (0u8..3, prop_oneof![2 => Just(0), 1 => -6..=6], 1i64..100).prop_map(|(reserve, power, mantissa)| Act::Price(reserve, power, mantissa)),
        2 => prop_oneof![3 => 1i64..60, 1 => 1i64..100_000_000].prop_map(Act::Wait),
    ]
}

/// Parameters at the ends of their ranges, or within.
fn configs() -> impl Strategy<Value = (PerpConfig, PoolConfig)> {
    let end = |low: u16, high: u16| prop_oneof![Just(low), Just(high), low..=high];
    let scale = prop_oneof![Just(1u64), Just(1 << 48), amount().prop_map(|scale| scale.clamp(1, 1 << 48))];
    let margins = (end(100, 10_000), end(0, 60_000), end(0, 1_000), end(0, 60_000), end(0, 60_000));
    let pool = (
        prop_oneof![1 => Just(0u16), 4 => Just(60_000)],
        end(1_000, 10_000),
        end(0, 10_000),
        prop_oneof![Just(0u64), Just(1), amount()],
    );
    (margins, pool, scale, end(100, 9_000)).prop_map(|(margins, pool, scale, shock)| {
        let (margin, deviations, impact, funding, speed) = margins;
        let (skew, below, share, budget) = pool;
        let most = MAX_LIQUIDITY / 16;
        let perp = PerpConfig {
            max_side: most,
            loss_budget: budget.min(most),
            min_value: 1,
            skew_scale: scale,
            initial_margin: Bps(margin),
            maintenance_margin: Bps(margin.max(100)),
            penalty: Bps(50),
            fee: Bps(5),
            fee_deviations: Bps(deviations),
            max_impact: Bps(impact),
            max_funding: Bps(funding),
            funding_speed: Bps(speed),
            insurance_share: Bps(share),
            least_shock: Bps(shock),
            shock_deviations: Bps(60_000),
            hold: 1,
            max_trade_age: 60,
            ..perp_config(0)
        };
        let pool = PoolConfig {
            max_skew: Bps(skew),
            deleverage_below: Bps(below),
            deleverage_to: Bps(20_000),
            max_value: most,
            ..pool_config()
        };
        (perp, pool)
    })
}

fn run(scene: &mut Scene, act: Act) {
    let index = |perp: u8| PERPS[perp as usize % 3];
    let done = match act {
        Act::Trade(user, perp, lots, reduce_only) => {
            let order = Order { reduce_only, ..order(index(perp), lots) };
            scene.order(user, order).map(|_| ())
        }
        Act::Margin(user, perp, times) => {
            let value = scene.deposit_of(user) as u128 * times.unsigned_abs() as u128 / 1_000;
            let record = scene.perp(index(perp));
            let price = record.marks(&scene.world.reserves[record.config.price as usize].price, Width::Maintenance);
            let lots = ((value << 32) / price.spot as u128).min(1 << 62) as i64;
            scene.order(user, order(index(perp), lots * times.signum())).map(|_| ())
        }
        Act::Close(user, perp) => scene.close(user, index(perp)).map(|_| ()),
        Act::Settle(user, perp) => scene.settle(user, index(perp)).map(|_| ()),
        Act::Liquidate(user, perp) => {
            let (perp, by) = (index(perp), (user + 1) % USERS);
            scene.act_both(user, by, |ledger, account, other| ledger.liquidate_perp(account, perp, other)).map(|_| ())
        }
        Act::WriteOff(user, perp) => {
            let perp = index(perp);
            scene.act(user, |ledger, account| ledger.write_off_perp(account, perp)).map(|_| ())
        }
        Act::Cover(user, perp, most) => {
            let (perp, by) = (index(perp), (user + 1) % USERS);
            scene
                .act_both(user, by, |ledger, account, other| ledger.cover_perp_loss(account, perp, 1, other, most))
                .map(|_| ())
        }
        Act::Deleverage(perp) => {
            let perp = index(perp);
            scene.act(0, |ledger, _| ledger.deleverage_perp(perp)).map(|_| ())
        }
        Act::Resolve(perp) => {
            let perp = index(perp);
            scene.act(0, |ledger, _| ledger.resolve_perp(&crate::common::AUTHORITY, perp)).map(|_| ())
        }
        Act::Provide(user, amount) => scene.provide(user, amount).map(|_| ()),
        Act::Ask(user, amount) => scene.ask(user, amount),
        Act::Leave(user) => scene.leave(user).map(|_| ()),
        Act::Price(reserve, power, mantissa) => {
            scene.world.now += 1;
            let price = TOKENS[reserve as usize].1 as f64 * 10f64.powi(power) * mantissa as f64 / 50.0;
            let price = (price as i64).clamp(1, i64::MAX / 2);
            scene.world.prices[reserve as usize] = price;
            (0..4).try_for_each(|reserve| {
                let update = update(reserve, scene.world.prices[reserve as usize], scene.world.now);
                scene.world.publish(reserve, &update).map(|_| ())
            })
        }
        Act::Wait(seconds) => {
            scene.world.now += seconds;
            Ok(())
        }
    };
    if let Err(error) = done {
        assert!(Error::ALL.contains(&error));
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn no_sum_overflows(
        (perp, pool) in configs(),
        squared in any::<bool>(),
        (rich, depth) in (any::<bool>(), prop_oneof![Just(1u64), Just(20)]),
        acts in proptest::collection::vec(act(), 1..60),
    ) {
        let second = PerpConfig { power: 1 + squared as u8, initial_margin: perp.initial_margin, ..perp };
        let usd = if rich { 20_000_000_000 } else { 1_000 };
        let mut scene = Scene::with(&[perp, second, PerpConfig { price: 0, lot_digits: 3, ..perp }], &pool, USERS, usd * depth, usd);
        for user in 1..USERS {
            scene.world.deposit(user, 1, 1_000_000_000);
        }
        for act in acts {
            run(&mut scene, act);
            let (accounts, reserves, now) = (scene.world.accounts.clone(), scene.world.reserves.clone(), scene.world.now);
            for requirement in [Requirement::Initial, Requirement::Maintenance, Requirement::Rescue] {
                for user in 0..accounts.len() {
                    let _ = scene.world.health(user, requirement);
                }
            }
            let mut market = scene.world.market;
            let mut reserves = reserves;
            let ledger = Ledger { market: &mut market, reserves: &mut reserves, now };
            for perp in &scene.perps {
                let _ = Greeks::new(ledger.reserves, *perp, ledger.now);
                let _ = PoolReport::new(ledger.reserves, POOL, ledger.now);
                let (sides, price) = (scene.accrued(*perp), scene.price(*perp));
                let _ = (sides[0].gain(1, price), sides[1].gain(-1, price));
            }
            let _ = [Width::Initial, Width::Maintenance].map(|width| {
                let standing = scene.standing(width);
                (standing.used(), standing.profit_factor(), standing.covers(Bps(u16::MAX)))
            });
        }
    }

    /// Costs and margins at any size, price and age.
    #[test]
    fn no_cost_overflows(
        (perp, _) in configs(),
        (lots, skew) in (-(1i64 << 49)..1 << 49, -(1i64 << 49)..1 << 49),
        price in amount().prop_map(|price| price.clamp(1, MAX_PRICE - 1)),
        (longs, shorts) in (amount(), amount()),
        (annual, seconds) in (any::<u16>(), amount()),
    ) {
        for power in [1, 2] {
            let perp = PerpConfig { power, ..perp };
            let (one, back) = (perp.impact(skew, lots, price), perp.impact(skew + lots, -lots, price));
            // There and back gains nothing.
            prop_assert!(one.saturating_add(back) >= 0);
            let fee = perp.fee_at((seconds >> 16) + perp.fee_lag as u64, Bps(annual));
            prop_assert!(part_of(longs, fee) <= longs);
            let margin = perp.requirement(lots.unsigned_abs(), longs, perp.maintenance_margin);
            prop_assert!(margin >= part_of(longs, ballast_engine::state::perp::pricing::part(perp.maintenance_margin)));
            prop_assert!(perp.buffer(longs, shorts, Bps(annual)) <= longs.saturating_mul(3).max(shorts));
            prop_assert!(perp.shock(Bps(annual)) < 1 << 32);
        }
        prop_assert!(deviation(Bps(annual), Bps(annual), seconds) < u64::MAX);
    }
}

/// A square pays for its variance whatever the volatility is: 400 % of its value a year at 200 %, and 800 % at most.
#[test]
fn a_square_pays_for_any_volatility() {
    for (annual, carry) in [(20_000, 4), (60_000, 8)] {
        let square = PerpConfig { funding_speed: Bps(0), price: 1, lot_digits: 4, power: 2, ..perp_config(0) };
        let pool = PoolConfig { borrow_base: Bps(0), borrow_at_kink: Bps(0), ..pool_config() };
        let mut scene = Scene::with(&[square], &pool, 2, 1_000_000, 1_000);
        scene.trade(1, PERPS[0], 1_000 * USD as i64).unwrap();
        scene.world.reserves[1].risk.volatility.annual = Bps(annual);
        let borrow = scene.pool().borrowed_at(scene.world.now + 31_536);
        assert_eq!(borrow, 0);
        let (price, year) = (scene.price(PERPS[0]), 31_536_000);
        let (sides, _) = scene.perp(PERPS[0]).accrued(price, Bps(annual), borrow, scene.world.now + year / 1_000);
        let paid = sides[0].offset - scene.perp(PERPS[0]).sides[0].offset;
        // The rate and the time are one factor of 32 bits.
        assert!((paid - price as i64 * carry / 1_000).unsigned_abs() <= (price >> 30) + 64, "{paid}");
    }
}
