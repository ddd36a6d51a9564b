//! Figures of perps and pools are what the actions do.

use super::*;
use ballast_engine::{
    Error,
    number::units::Bps,
    perps::report::{PerpReport, PerpState, PoolReport, PositionReport},
    state::perp::{PerpConfig, Pool, PoolConfig, shares::LEAVE_WINDOW},
};

const TRADER: usize = 1;
const OTHER: usize = 2;
const PERP: u8 = PERPS[0];

fn perp(scene: &Scene) -> PerpReport {
    scene.clone().act(0, |ledger, _| ledger.perp_report(PERP)).unwrap()
}

fn pool(scene: &Scene) -> PoolReport {
    PoolReport::new(&scene.world.reserves, POOL, scene.world.now).unwrap()
}

fn position(scene: &Scene, user: usize) -> PositionReport {
    scene.clone().act(user, |ledger, account| ledger.position_report(account, PERP)).unwrap()
}

fn busy() -> Scene {
    let mut scene = Scene::new(1, 4, 1_000_000, 100_000);
    scene.trade(TRADER, PERP, 60_000 * USD as i64).unwrap();
    scene.trade(OTHER, PERP, -20_000 * USD as i64).unwrap();
    scene.pass(86_400);
    scene
}

/// What a sale or a purchase is offered is what it gets, at the fee that is shown.
#[test]
fn the_prices_and_the_fee_shown_are_those_of_a_trade() {
    let mut scene = busy();
    scene.shift(1, 100);
    for value in [5_000, -5_000] {
        let shown = perp(&scene);
        let fill = scene.clone().trade(OTHER, PERP, value * USD as i64).unwrap();
        let offered = if value > 0 { shown.offered.high } else { shown.offered.low };
        assert_eq!(fill.price, offered);
        // Of about 5,000 USD.
        let fee = ((5_000 * USD as u128 * shown.fee as u128) >> 32) as u64;
        assert!(fill.bill.fee.abs_diff(fee) < fee / 50, "{fill:?} {fee}");
    }
}

/// A seller and a buyer one second after the price rose get the worse of both prices, and are shown it.
#[test]
fn the_worse_of_two_prices_is_what_is_offered() {
    let mut scene = busy();
    scene.trade(OTHER, PERP, -1_000 * USD as i64).unwrap();
    scene.shift(1, 100);
    let (shown, marks) = (perp(&scene).offered, perp(&scene).marks);
    assert!(shown.low < marks.low && shown.high == marks.high, "{shown:?} {marks:?}");
    scene.pass(61);
    assert_eq!(perp(&scene).offered, perp(&scene).marks);
}

/// The rates shown are those by which a position's gain changes.
#[test]
fn the_rates_shown_are_paid() {
    let mut scene = busy();
    let shown = perp(&scene);
    assert!(shown.funding > 0 && shown.borrow > 0, "longs are more: {shown:?}");
    let before = [TRADER, OTHER].map(|user| position(&scene, user).gain);
    scene.world.now += 3_600;
    let cost = |user: usize| before[user - 1] - position(&scene, user).gain;
    let of_hour = |value: u64, rate: i128| ((value as i128 * rate) >> 32) as i64 / (365 * 24);
    let long = of_hour(60_000 * USD, shown.funding as i128 + shown.borrow as i128);
    assert!((long - long / 50..=long + long / 10).contains(&cost(TRADER)), "{long} {}", cost(TRADER));
    // A short pays the borrow fee, and gets the funding.
    let short = of_hour(20_000 * USD, shown.borrow as i128 - shown.funding as i128);
    assert!((short - short.abs() / 5..=short + short.abs() / 5).contains(&cost(OTHER)), "{short} {}", cost(OTHER));
}

/// Lots, skew and what is left of the limits follow the trades.
#[test]
fn sides_and_limits_follow_the_trades() {
    let config = PerpConfig { instant_flow: 50_000 * USD, loss_budget: 3_000 * USD, ..perp_config(0) };
    let mut scene = Scene::with(&[config], &pool_config(), 4, 1_000_000, 100_000);
    let start = perp(&scene);
    assert_eq!(
        (start.lots, start.skew, start.budget, start.growth),
        ([0, 0], 0, Some(3_000 * USD), Some(50_000 * USD))
    );
    let lots = scene.lots(PERP, 20_000 * USD);
    scene.order(TRADER, order(PERP, lots)).unwrap();
    scene.order(OTHER, order(PERP, -lots / 4)).unwrap();
    let shown = perp(&scene);
    assert_eq!((shown.lots, shown.skew), ([lots as u64, lots as u64 / 4], lots - lots / 4));
    // To a lot of each trade.
    assert!(shown.growth.unwrap().abs_diff(25_000 * USD) < 3_000, "{shown:?}");
    assert_eq!(scene.clone().trade(OTHER, PERP, -26_000 * USD as i64).unwrap_err(), Error::TooFast);
    scene.pass(120);
    assert_eq!(perp(&scene).growth, Some(50_000 * USD));
    scene.shift(1, 500);
    let fill = scene.close(TRADER, PERP).unwrap();
    assert!(fill.bill.gain > 900 * USD);
    assert_eq!(perp(&scene).budget, Some(3_000 * USD - fill.bill.gain));
    assert_eq!(perp(&Scene::new(1, 1, 100, 0)).budget, None);
}

/// What is set aside is what fees and impacts paid for it.
#[test]
fn fund_and_insurance_are_shown_in_atoms() {
    let mut scene = Scene::new(1, 4, 1_000_000, 100_000);
    let fill = scene.trade(TRADER, PERP, 60_000 * USD as i64).unwrap();
    let shown = perp(&scene);
    assert!(shown.fund.abs_diff(fill.bill.impact) <= 1 && fill.bill.impact > 0, "{shown:?} {fill:?}");
    assert!(shown.insurance.abs_diff(fill.bill.fee / 5) <= 1, "{shown:?} {fill:?}");
}

/// Each state is what may be done.
#[test]
fn the_state_shown_is_what_may_be_done() {
    let config = PerpConfig { least_shock: Bps(4_000), wind_down: 1, ..perp_config(0) };
    let pool_config = PoolConfig { max_skew: Bps(40_000), ..pool_config() };
    let mut scene = Scene::with(&[config], &pool_config, 4, 100_000, 200_000);
    assert_eq!(perp(&scene).state, PerpState::Open);
    scene.trade(TRADER, PERP, 200_000 * USD as i64).unwrap();
    scene.perp_mut(PERP).config.reduce_only = 1;
    assert_eq!(perp(&scene).state, PerpState::ReduceOnly);
    assert_eq!(refused(scene.clone().trade(TRADER, PERP, 1_000 * USD as i64)), Error::PerpReduceOnly);
    assert_eq!(refused(scene.clone().act(0, |ledger, _| ledger.deleverage_perp(PERP))), Error::NoDeleveraging);
    scene.pass(120);
    scene.shift(1, 3_000);
    assert_eq!(perp(&scene).state, PerpState::Deleveraging);
    let part = scene.act(0, |ledger, _| ledger.deleverage_perp(PERP)).unwrap().part;
    assert!(part > 0 && perp(&scene).state == PerpState::ReduceOnly);
    let authority = scene.world.market.authority;
    scene.act(0, |ledger, _| ledger.resolve_perp(&authority, PERP)).unwrap();
    let shown = perp(&scene);
    assert_eq!((shown.state, shown.greeks.buffer), (PerpState::WoundDown, 0));
    assert_eq!(shown.marks, ballast_engine::state::perp::Marks::all(scene.perp(PERP).final_price));
}

/// A position's gain is what closing it realises, and what is shown as paid is what closing pays.
#[test]
fn a_positions_figures_are_what_closing_it_does() {
    for (user, bps) in [(TRADER, 700), (TRADER, -700), (OTHER, 700), (OTHER, -700)] {
        let mut scene = busy();
        scene.shift(1, bps);
        scene.pass(120);
        let shown = position(&scene, user);
        let fill = scene.clone().close(user, PERP).unwrap();
        assert_eq!((shown.gain, shown.paid), (fill.realised, fill.bill.gain), "{user} {bps}");
        assert_eq!(shown.lots > 0, user == TRADER);
        assert!(shown.held_until < scene.world.now);
        assert!(shown.initial_margin > shown.maintenance_margin && shown.maintenance_margin > shown.value / 20);
    }
}

/// Within the hold a gain is not paid, and that is shown, with its end.
#[test]
fn a_gain_within_the_hold_is_shown_as_not_paid() {
    let mut scene = Scene::new(1, 4, 1_000_000, 100_000);
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    scene.shift(1, 1_000);
    let shown = position(&scene, TRADER);
    // The worse of the two prices counts: nothing is gained yet.
    assert!(shown.paid == 0 && shown.held_until == scene.world.now - 1 + 60, "{shown:?}");
    scene.pass(60);
    let shown = position(&scene, TRADER);
    assert!(shown.paid > 990 * USD && shown.held_until <= scene.world.now, "{shown:?}");
}

/// At the price at which it breaks even a position has gained nothing, whatever funding it paid and was deleveraged by.
#[test]
fn a_position_breaks_even_where_it_has_gained_nothing() {
    let mut scene = busy();
    scene.pass(30 * 86_400);
    for user in [TRADER, OTHER] {
        let even = position(&scene, user).break_even.unwrap();
        let gain = |price: u64| {
            let (held, sides) = (scene.position(user, PERP), scene.accrued(PERP));
            let side = &sides[held.side_index()];
            let value = side.lot_value(price) as i128 * held.size as i128 * held.sign() as i128;
            (value >> 32) - held.cost as i128
        };
        // A lot's price is right to 2^-32 atoms, and there are millions of lots.
        assert!(gain(even).abs() < 10, "{user}: {} at {even}", gain(even));
        assert!(gain(even * 2).abs() > 1_000, "it depends on the price");
        let paid = even as i128 - scene.price(PERP) as i128;
        assert!(user == OTHER || paid > 0, "a long has paid funding for a month");
    }
}

/// Of a closed position there is what it is owed, and no more.
#[test]
fn a_closed_position_shows_what_it_is_owed() {
    let config = PerpConfig { loss_budget: 100 * USD, ..perp_config(0) };
    let mut scene = Scene::with(&[config], &pool_config(), 4, 1_000_000, 100_000);
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 1_000);
    scene.close(TRADER, PERP).unwrap();
    let (owed, shown) = (-scene.position(TRADER, PERP).cost, position(&scene, TRADER));
    assert_eq!((shown.lots, shown.value, shown.gain, shown.break_even), (0, 0, owed, None));
    assert_eq!((shown.paid, shown.initial_margin, shown.held_until), (0, 0, 0), "the budget is spent");
    scene.pass(86_400);
    let shown = position(&scene, TRADER);
    assert_eq!(shown.paid, scene.settle(TRADER, PERP).unwrap().paid_out);
    assert_eq!(
        scene.clone().act(OTHER, |ledger, account| ledger.position_report(account, PERP)).unwrap_err(),
        Error::PositionNotFound
    );
}

/// What shares bring is what is shown of them.
#[test]
fn shares_bring_what_is_shown() {
    let mut scene = busy();
    scene.shift(1, 300);
    scene.ask(0, 200_000 * USD).unwrap();
    scene.pass(3_600);
    let shown = pool(&scene);
    let left = scene.leave(0).unwrap();
    assert_eq!(left.amount, shown.worth(left.shares));
}

/// What can leave and what can come are the edges of what passes.
#[test]
fn what_can_leave_and_come_is_shown() {
    let mut scene = busy();
    let config = scene.pool().config;
    assert_eq!(pool(&scene).room(&config), config.max_value - pool(&scene).entry as u64);
    let mut small = scene.clone();
    let least = PoolConfig { max_value: pool(&scene).entry as u64 + 5_000 * USD, ..config };
    Pool::of_mut(&mut small.world.reserves, POOL).unwrap().config = least;
    assert_eq!(pool(&small).room(&least), 5_000 * USD);
    assert_eq!(pool(&small).room(&PoolConfig { reduce_only: 1, ..least }), 0);
    assert_eq!(refused(small.clone().provide(3, 5_000 * USD + 1)), Error::PoolReduceOnly);
    small.provide(3, 5_000 * USD).unwrap();

    let all = scene.world.accounts[0].stake().unwrap().shares;
    scene.ask(0, all.0).unwrap();
    scene.pass(3_600);
    let free = pool(&scene).free(&config);
    let left = scene.leave(0).unwrap().amount;
    assert!(free - left < 10 && left > 0, "{free} {left}");
    assert!(pool(&scene).free(&config) < 10);
    scene.pass(LEAVE_WINDOW + 1);
    assert_eq!(refused(scene.leave(0)), Error::PoolSharesNotFree);
}
