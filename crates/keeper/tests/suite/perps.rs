//! Accounts with perps in the index: whole, and judged by the engine.

use ballast_client::{
    Address, MarketView,
    engine::{
        health::Requirement,
        number::units::Bps,
        state::{
            account::{EXTRA_PLACES, MAX_POSITIONS, MarginAccount, Position},
            perp::{Perp, PerpConfig, PerpPosition, Pool, PoolConfig, book::Width},
        },
    },
};
use ballast_keeper::{
    account_index::{AccountIndex, Applied, Extent, Found},
    bench::population::{Population, START, Tokens},
};
use ballast_liquidator::is_bad_debt;

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
    let position = PerpPosition { size: lots, perp: PERP, side: 3, cost, ..PerpPosition::default() };
    let places: [Position; EXTRA_PLACES] = bytemuck::cast(position);
    let mut account = MarginAccount { extra_count: 1, ..*account };
    account.positions[MAX_POSITIONS - EXTRA_PLACES..].copy_from_slice(&places);
    account
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
