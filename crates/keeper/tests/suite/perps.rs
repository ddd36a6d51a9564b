//! Accounts with perps in the index: found are those that the engine calls liquidatable, all of them and no others.

use ballast_client::{
    Address, MarketView,
    engine::{
        health::Requirement,
        number::units::{Bps, Part},
        state::{
            account::MarginAccount,
            perp::{Perp, PerpConfig, PerpPosition, Pool, PoolConfig, book::Width, view::PerpView},
        },
    },
};
use ballast_keeper::{
    account_index::{AccountIndex, Applied, Extent, Found},
    bench::population::{Population, START, Tokens},
};
use ballast_liquidator::{is_bad_debt, value};
use proptest::prelude::*;

use crate::account_index::{Truth, address as numbered, sorted, sorted_addresses};

const RESERVES: usize = 4;
const POOL: u8 = RESERVES as u8;
const PERP: u8 = POOL + 1;

fn address(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

/// A market with a perp of reserve 1, and an account with a debt and collateral of three times that.
fn scene() -> (MarketView, MarginAccount) {
    let mut population = Population::new(3);
    let mut market = population.market(Tokens::Common, RESERVES, 0);
    let account = population.account(&market, 2, 3.0);
    market.reserves.iter_mut().for_each(|reserve| reserve.config.oracle.max_skew = 60);
    let decimals = market.reserves[0].decimals;
    let followed = market.reserves[1].price;
    let config = PerpConfig {
        max_side: 1 << 50,
        skew_scale: 1 << 40,
        initial_margin: Bps(1_000),
        maintenance_margin: Bps(500),
        pool: POOL,
        price: 1,
        power: 1,
        ..PerpConfig::default()
    };
    let of_digits = |digits| Perp::new(&PerpConfig { lot_digits: digits, ..config }, decimals, START);
    let is_useful = |perp: &Perp| {
        let marks = perp.marks(&followed, Width::Maintenance);
        (1 << 36..1 << 46).contains(&marks.spot)
    };
    let perp = (0..=18).map(of_digits).find(is_useful).expect("lots of a useful size");
    let pool = Pool::new(&PoolConfig { quote: 0, ..PoolConfig::default() }, decimals, START);
    market.reserves.extend([*pool.as_record(), *perp.as_record()]);
    (market, account)
}

/// The account with a long of so many lots.
fn with_long(account: &MarginAccount, market: &MarketView, lots: u64) -> MarginAccount {
    let perp = market.perp(PERP).expect("a perp");
    let price = perp.marks(&market.reserves[1].price, Width::Maintenance).spot;
    let cost = ((u128::from(lots) * u128::from(price)) >> 32) as i64;
    account.with_perps(&[PerpPosition { size: lots, perp: PERP, cost, ..PerpPosition::default() }])
}

fn is_short(market: &MarketView, account: &MarginAccount) -> bool {
    !market.health(account, START, Requirement::Maintenance).expect("its records exist").is_healthy()
}

fn addresses(found: Vec<Found>) -> Vec<Address> {
    found.into_iter().map(|found| found.address).collect()
}

#[test]
fn an_account_is_judged_with_its_perps() {
    let (market, account) = scene();
    assert!(account.has_debt() && !is_short(&market, &account));
    let large = (20..48).map(|bits| with_long(&account, &market, 1 << bits)).find(|one| is_short(&market, one));
    let (small, large) = (with_long(&account, &market, 1), large.expect("its margin is too much at some size"));
    assert!(!is_short(&market, &small));
    let mut index = AccountIndex::default();
    for (number, account) in [(0, &account), (1, &small), (2, &large)] {
        assert_eq!(index.apply(&address(number + 1), account, 1, &market.reserves), Applied::Changed);
    }
    for extent in [Extent::Full, Extent::Moved, Extent::Moved] {
        let found = index.evaluate(&market, START, extent);
        let health = market.health(&large, START, Requirement::Maintenance).expect("its records exist");
        assert_eq!(found, [Found { address: address(3), health }]);
    }
    let ratio = |account| {
        let health = market.health(account, START, Requirement::Maintenance).expect("its records exist");
        health.collateral.to_f64() / health.debt.to_f64()
    };
    assert_eq!(index.below([ratio(&large) * 0.999, ratio(&large) * 1.001]), [0, 1]);
    // The position is closed, and then opened again.
    assert_eq!(index.apply(&address(3), &account, 2, &market.reserves), Applied::Changed);
    assert_eq!(index.evaluate(&market, START, Extent::Moved), []);
    assert_eq!(index.apply(&address(3), &large, 3, &market.reserves), Applied::Changed);
    assert_eq!(addresses(index.evaluate(&market, START, Extent::Moved)), [address(3)]);
    assert_eq!(index.remove(&address(3), 4), Applied::Changed);
    assert_eq!(index.evaluate(&market, START, Extent::Full), []);
}

#[test]
fn an_account_is_kept_with_its_perps() {
    let (market, account) = scene();
    let mut index = AccountIndex::default();
    let (five, six) = (with_long(&account, &market, 5), with_long(&account, &market, 6));
    assert_eq!(index.apply(&address(1), &five, 1, &market.reserves), Applied::Changed);
    assert_eq!(index.apply(&address(1), &five, 2, &market.reserves), Applied::Same);
    assert_eq!(index.account(&address(1)), Some(five));
    assert_eq!(index.apply(&address(1), &six, 3, &market.reserves), Applied::Changed, "only the perp is another");
    assert_eq!(index.account(&address(1)), Some(six));
}

/// Nothing is lost while an account has a position in a perp.
#[test]
fn debts_are_not_bad_beside_perps() {
    let (mut market, account) = scene();
    let mut lost = account;
    let deposit = lost.positions.iter_mut().find(|position| position.side == 1).expect("a deposit");
    deposit.shares.0 = 1;
    let held = with_long(&lost, &market, 1_000);
    let mut index = AccountIndex::default();
    index.apply(&address(1), &lost, 1, &market.reserves);
    index.apply(&address(2), &held, 1, &market.reserves);
    let ledger = market.ledger(START);
    assert!(is_bad_debt(&ledger, &lost) && !is_bad_debt(&ledger, &held));
    assert_eq!(index.bad_debts(&mut market, START), [address(1)]);
}

/// A market with two pools of perps, and an account of it.
struct Perps {
    population: Population,
    market: MarketView,
    pools: Vec<Vec<u8>>,
}

impl Perps {
    fn new(seed: u64, tokens: Tokens, reserves: usize, stale: usize) -> Self {
        let mut population = Population::new(seed);
        let mut market = population.market(tokens, reserves, stale);
        let pools = population.add_perps(&mut market, 2, 5);
        Self { population, market, pools }
    }

    /// Any account, mostly with perps; some are at the line to the atom.
    fn account(&mut self) -> MarginAccount {
        let Self { population, market, pools } = self;
        let ratio = if population.below(2) == 0 { 1.0 } else { population.ratio(0.9) };
        let account = {
            let places = [0, 1, 2, 3, 6, 9, 14][population.below(7)];
            population.account(market, places, ratio)
        };
        let of_pool = &pools[population.below(2)];
        let held = (16 - account.positions().len()) / 2;
        let (first, count) = (population.below(of_pool.len()), population.below(held.min(of_pool.len()) + 1));
        let perps: Vec<u8> = of_pool.iter().cycle().skip(first).take(count).copied().collect();
        let account = population.with_perps(&account, market, &perps, ratio);
        if count != 0 && population.below(3) == 0 { at_the_line(market, &account) } else { account }
    }
}

/// The account with its first position at the least cost at which it is short; as it is if none is that.
fn at_the_line(market: &MarketView, account: &MarginAccount) -> MarginAccount {
    let with_cost = |cost: i64| {
        let mut positions: Vec<_> = account.perps().copied().collect();
        positions[0].cost = cost;
        account.with_perps(&positions)
    };
    let (mut healthy, mut short) = (-(1i64 << 61), 1i64 << 61);
    if is_short(market, &with_cost(healthy)) || !is_short(market, &with_cost(short)) {
        return *account;
    }
    while short - healthy > 1 {
        let middle = healthy + (short - healthy) / 2;
        if is_short(market, &with_cost(middle)) { short = middle } else { healthy = middle }
    }
    with_cost(short)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_full_evaluation_finds_whom_the_engine_finds_with_perps(
        seed: u64,
        tokens in prop::sample::select(vec![Tokens::Common, Tokens::Any]),
        reserves in 16usize..=40,
        stale in 0usize..5,
    ) {
        let mut world = Perps::new(seed, tokens, reserves, stale);
        let (mut index, mut truth) = (AccountIndex::default(), Truth::default());
        for number in 0..200 {
            let account = world.account();
            prop_assert_eq!(index.apply(&numbered(number), &account, 1, &world.market.reserves), Applied::Changed);
            prop_assert_eq!(index.apply(&numbered(number), &account, 2, &world.market.reserves), Applied::Same);
            truth.0.insert(numbered(number), account);
        }
        let market = &world.market;
        for now in [START, START + 30, START + 61, START + 1_000_000] {
            prop_assert_eq!(sorted(index.evaluate(market, now, Extent::Full)), truth.liquidatable(market, now));
            prop_assert_eq!(sorted_addresses(index.bad_debts(&mut market.clone(), now)), truth.bad_debts(market, now));
        }
    }

    /// Prices move and age, funding runs, pools pay more and less, sides are deleveraged, perps are wound down; accounts change.
    #[test]
    fn an_evaluation_of_what_moved_finds_whom_the_engine_finds_with_perps(
        seed: u64,
        tokens in prop::sample::select(vec![Tokens::Common, Tokens::Any]),
        reserves in 16usize..=40,
        stale in 0usize..5,
    ) {
        let mut world = Perps::new(seed, tokens, reserves, stale);
        let (mut index, mut truth, mut now) = (AccountIndex::default(), Truth::default(), START);
        for number in 0..150 {
            let account = world.account();
            index.apply(&numbered(number), &account, 1, &world.market.reserves);
            truth.0.insert(numbered(number), account);
        }
        index.evaluate(&world.market, now, Extent::Full);
        for slot in 2..30 {
            now += [0, 1, 1, 20, 100, 10_000][world.population.below(6)];
            for _ in 0..world.population.below(3) {
                let reserve = world.population.below(reserves);
                let part = [0.0001, 0.001, 0.05][world.population.below(3)];
                world.population.move_price(&mut world.market, reserve, part, now);
            }
            let pool = world.population.below(2);
            let perp = world.pools[pool][world.population.below(5)];
            let small = 1.0 + world.population.below(100) as f64 * 1e-5;
            let records = &mut world.market.reserves;
            match world.population.below(12) {
                0 => Pool::of_mut(records, world.pools[pool][0] - 1).expect("a pool").profit_factor = Part(1 << 31),
                1 => Pool::of_mut(records, world.pools[pool][0] - 1).expect("a pool").profit_factor = Part::WHOLE,
                2 => {
                    let side = &mut Perp::of_mut(records, perp).expect("a perp").sides[world.population.below(2)];
                    side.multiplier = (side.multiplier as f64 / small) as u64;
                }
                3 => {
                    let side = &mut Perp::of_mut(records, perp).expect("a perp").sides[world.population.below(2)];
                    side.offset = (side.offset as f64 * small) as i64;
                }
                4 => Perp::of_mut(records, perp).expect("a perp").final_price = 1 << 40,
                5 => Perp::of_mut(records, perp).expect("a perp").final_price = 0,
                _ => (),
            }
            for _ in 0..world.population.below(4) {
                let number = world.population.below(160);
                let account = world.account();
                index.apply(&numbered(number), &account, slot, &world.market.reserves);
                truth.0.insert(numbered(number), account);
            }
            let found = sorted(index.evaluate(&world.market, now, Extent::Moved));
            prop_assert_eq!(found, truth.liquidatable(&world.market, now));
            for (address, account) in &truth.0 {
                let held = index.account(address).expect("it was applied");
                prop_assert!(held.perps().eq(account.perps()) && held.positions() == account.positions());
            }
        }
    }

    /// What is to be settled are losses at the last price, and what closed positions owe or are owed.
    #[test]
    fn what_is_to_be_settled_is_found(seed: u64, reserves in 16usize..=40) {
        let mut world = Perps::new(seed, Tokens::Common, reserves, 0);
        let (mut index, mut all) = (AccountIndex::default(), Vec::new());
        for number in 0..100 {
            let account = world.account();
            index.apply(&numbered(number), &account, 1, &world.market.reserves);
            for position in account.perps() {
                let view = PerpView::new(&world.market.reserves, position.perp, Width::Maintenance, START).expect("a perp");
                let gain = view.gain_at(position, view.marks.spot) >> 32;
                let quote = world.market.pool(view.perp.config.pool).expect("its pool").config.quote;
                let atoms = u64::try_from(gain.unsigned_abs()).expect("no more than there is");
                let dollars = value(&world.market, quote, atoms);
                if gain < 0 || position.size == 0 {
                    all.push((numbered(number), position.perp, dollars, value(&world.market, quote, 2)));
                }
            }
        }
        for least in [0.1, 1_000.0] {
            let found: Vec<_> = index.unsettled(&world.market, START, least).into_iter().map(|one| (one.address, one.perp)).collect();
            for (address, perp, dollars, atoms) in &all {
                // To the atom.
                let (most, fewest) = (least * 1.000_01 + atoms, least * 0.999_99 - atoms);
                let is_found = found.contains(&(*address, *perp));
                prop_assert!(is_found || *dollars < most, "{} of {}", dollars, least);
                prop_assert!(!is_found || *dollars > fewest, "{} of {}", dollars, least);
            }
            prop_assert!(found.iter().all(|one| all.iter().any(|(address, perp, ..)| one == &(*address, *perp))));
        }
    }
}
