//! Perps and pools among a market's records, as the client reads them.

use crate::{
    common::{World, source, update},
    scene::{PERPS, POOL, QUOTE, Scene, USD, perp_config, pool_config},
};
use ballast_client::{Address, Edits, MarketView, adds_record, engine::perps::trade::Order, parameters};
use ballast_engine::{
    Error, Result,
    health::Requirement,
    number::units::{Bps, Part},
    price::feed::PriceUpdate,
    state::{
        account::Mode,
        change::{Change, OF_LISTING, OF_MARKET, OF_PERP, OF_POOL},
        perp::{PerpConfig, PoolConfig},
    },
};

/// The reserve that the first perp follows.
const FOLLOWED: u8 = 1;
/// A reserve that nothing here depends on.
const OTHER: u8 = 2;
const PERP: u8 = PERPS[0];

fn view(world: &World) -> MarketView {
    MarketView { address: Address::default(), market: world.market, reserves: world.reserves.clone() }
}

/// A trader with a deposit of the quote token and a position of so many USD in a perp of reserve 1.
fn trader(usd: i64) -> Scene {
    let mut scene = Scene::new(1, 2, 10_000_000, 100_000);
    scene.trade(1, PERP, usd * USD as i64).expect("margin enough");
    scene
}

#[test]
fn perps_and_pools_are_no_reserves() {
    let (view, key) = (view(&trader(300_000).world), Address::default());
    for record in [POOL, PERP] {
        assert_eq!(view.reserve(record).map(drop), Err(Error::ReserveIndexOutOfRange));
        assert_eq!(view.refresh_reserve(record), Err(Error::ReserveIndexOutOfRange));
        assert_eq!(view.deposit(key, key, key, record, 5), Err(Error::ReserveIndexOutOfRange));
        assert!(view.pinned_prices().iter().all(|(index, _)| *index != record));
    }
    assert_eq!(view.perp(PERP).map(|perp| perp.config.price), Ok(FOLLOWED));
    assert_eq!(view.pool(POOL).map(|pool| pool.perps().to_vec()), Ok(vec![PERP]));
    for reserve in [QUOTE, FOLLOWED, 63] {
        assert_eq!(
            (view.perp(reserve).map(drop), view.pool(reserve).map(drop)),
            (Err(Error::NotPerp), Err(Error::NotPool))
        );
        assert_eq!(view.settle_perp(key, reserve), Err(Error::NotPerp));
        assert_eq!(view.pool_withdraw(key, key, reserve), Err(Error::NotPool));
    }
    let order = Order { perp: POOL, lots: 1, limit: 0, min_factor: Part::ZERO, reduce_only: false };
    assert_eq!(view.trade_perp(key, key, &order), Err(Error::NotPerp));
}

#[test]
fn an_account_for_one_perp_holds_its_quote_token() -> Result<()> {
    let (view, key) = (view(&trader(300_000).world), Address::default());
    let opened = view.open_perp_account(key, key, 0x0102, PERP)?;
    assert_eq!(opened.data, [3, 2, 1, Mode::Perp as u8, QUOTE, PERP]);
    assert_eq!(view.open_perp_account(key, key, 1, QUOTE), Err(Error::NotPerp));
    Ok(())
}

#[test]
fn an_account_depends_on_the_prices_of_its_perps() {
    let mut scene = trader(300_000);
    assert_eq!(view(&scene.world).priced_reserves(&scene.world.accounts[1]), [QUOTE, FOLLOWED]);
    scene.world.deposit(1, OTHER, scene.world.atoms(OTHER, 1_000 * 10_000));
    assert_eq!(view(&scene.world).priced_reserves(&scene.world.accounts[1]), [QUOTE, OTHER, FOLLOWED]);
    // What is put into a pool needs no price.
    assert_eq!(view(&scene.world).priced_reserves(&scene.world.accounts[0]), [QUOTE; 0]);
}

fn is_liquidatable_at(scene: &Scene, price: u64) -> bool {
    let mut world = scene.world.clone();
    let last = world.reserves[FOLLOWED as usize].price;
    let confidence = (last.confidence as u128 * price as u128 / last.price as u128) as u64;
    let quote = PriceUpdate { confidence, ..update(FOLLOWED, price as i64, world.now) };
    world.act(0, |ledger, _| ledger.refresh_price(FOLLOWED, &source(&quote), None)).unwrap();
    !world.health(1, Requirement::Maintenance).unwrap().is_healthy()
}

#[test]
fn a_perp_has_a_price_at_which_it_is_liquidated() {
    for usd in [300_000, -300_000] {
        let mut scene = trader(usd);
        scene.pass(1);
        let (view, account, now) = (view(&scene.world), &scene.world.accounts[1], scene.world.now + 1);
        scene.world.now = now;
        let found = view.liquidation_price(account, FOLLOWED, now).unwrap().expect("a price");
        assert_eq!(found.is_deposit, usd > 0);
        let safe = if usd > 0 { found.price + 1 } else { found.price - 1 };
        assert!(is_liquidatable_at(&scene, found.price) && !is_liquidatable_at(&scene, safe), "{found:?}");
        assert_eq!(view.liquidation_price(account, OTHER, now), Err(Error::PositionNotFound));
    }
}

#[test]
fn an_index_has_the_parameters_of_its_record() {
    let view = view(&trader(300_000).world);
    for (target, table) in [(QUOTE, QUOTE), (POOL, OF_POOL), (PERP, OF_PERP), (63, 63), (OF_MARKET, OF_MARKET)] {
        assert_eq!(view.table_of(target), table);
    }
    let old = perp_config(0);
    let edits = Edits::of_perp(
        &old,
        &PerpConfig { max_side: old.max_side + 1, initial_margin: Bps(old.initial_margin.0 + 1), ..old },
    );
    let named = |target: u8, data: &[u8]| {
        let mut change = Change { target, length: data.len() as u16, ..Change::default() };
        change.data[..data.len()].copy_from_slice(data);
        view.edits_of(&change).into_iter().map(|(info, _)| info.name).collect::<Vec<_>>()
    };
    assert_eq!(
        (named(PERP, &edits.waiting), named(PERP, &edits.at_once)),
        (vec!["max_side".into()], vec!["initial_margin".into()])
    );
    let old = pool_config();
    let edits = Edits::of_pool(&old, &PoolConfig { leave_delay: 7_200, max_skew: Bps(9_000), ..old });
    assert_eq!(
        (named(POOL, &edits.waiting), named(POOL, &edits.at_once)),
        (vec!["leave_delay".into()], vec!["max_skew".into()])
    );
    // What brings a record is a whole configuration.
    for target in [OF_PERP, OF_POOL, OF_LISTING] {
        assert!(adds_record(&Change { target, ..Change::default() }) && named(target, &edits.all()).is_empty());
    }
    assert!(!adds_record(&Change { target: PERP, ..Change::default() }));
    assert!(parameters(OF_PERP).len() > 20 && parameters(OF_POOL).len() > 10);
}

fn order_of(lots: i64) -> Order {
    Order { perp: PERP, lots, limit: 0, min_factor: Part::ZERO, reduce_only: false }
}

/// A preview is the trade on copies, and its price what was paid for the lots, impact and rebate included.
#[test]
fn a_preview_is_what_a_trade_does() {
    let mut scene = trader(300_000);
    scene.pass(120);
    let (lots, now) = (scene.lots(PERP, 100_000 * USD), scene.world.now);
    // More of the same, less, a turn, and nothing but whole lots.
    for lots in [lots, -lots, -5 * lots, 1_000] {
        let before = view(&scene.world);
        let preview = before.preview_trade(&scene.world.accounts[1], &order_of(lots), now).unwrap();
        assert_eq!(before, view(&scene.world), "nothing is changed");
        let mut traded = scene.clone();
        let fill = traded.order(1, order_of(lots)).unwrap();
        assert_eq!((preview.fill, preview.lots), (fill, lots.unsigned_abs()));
        assert_eq!((preview.account, &preview.market.reserves), (traded.world.accounts[1], &traded.world.reserves));
        // The limit that it just keeps, and the next that it does not.
        let at = |limit: u64| {
            view(&scene.world).preview_trade(&scene.world.accounts[1], &Order { limit, ..order_of(lots) }, now)
        };
        let worse = if lots > 0 { preview.price - 2 } else { preview.price + 2 };
        assert!(at(preview.price).is_ok() && at(worse).is_err_and(|error| error == Error::LimitPriceCrossed), "{lots}");
    }
    let refused = view(&scene.world).preview_trade(&scene.world.accounts[1], &order_of(0), now);
    assert_eq!(refused.map(drop), Err(Error::AmountIsZero));
}

/// The most that passes, and the refusal of one lot more.
#[test]
fn the_most_of_a_trade_is_its_edge() {
    let mut scene = trader(300_000);
    scene.pass(120);
    let now = scene.world.now;
    for sign in [1, -1] {
        for reduce_only in [false, true] {
            let order = |lots: u64| Order { reduce_only, ..order_of(sign * lots as i64) };
            let trade = |lots| view(&scene.world).preview_trade(&scene.world.accounts[1], &order(lots), now).map(drop);
            let most = view(&scene.world).max_trade(&scene.world.accounts[1], &order(1), now).unwrap();
            if most.atoms == 0 {
                assert_eq!((sign, reduce_only, most.refusal), (1, true, Some(Error::PerpNotReducing)));
                continue;
            }
            assert_eq!(trade(most.atoms), Ok(()));
            match most.refusal {
                Some(refusal) => assert_eq!(trade(most.atoms + 1), Err(refusal)),
                // A reduction ends by itself.
                None => assert!(reduce_only && sign == -1),
            }
        }
    }
    assert_eq!(
        view(&scene.world).max_trade(&scene.world.accounts[1], &Order { perp: POOL, ..order_of(1) }, now),
        Err(Error::NotPerp)
    );
}
