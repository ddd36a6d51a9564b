//! What is owed to a position beyond the perp's budget of a day.

use super::*;
use ballast_engine::{
    Error,
    number::units::Part,
    perps::trade::Order,
    state::perp::{PerpConfig, book::Width},
};

const TRADER: usize = 1;
const PERP: u8 = PERPS[0];

/// A closed position whose gain was beyond the budget, and the gain.
fn owed() -> (Scene, u64) {
    let config = PerpConfig { loss_budget: 100 * USD, ..perp_config(0) };
    let mut scene = Scene::with(&[config], &pool_config(), 4, 1_000_000, 100_000);
    scene.trade(TRADER, PERP, 10_000 * USD as i64).unwrap();
    scene.pass(120);
    scene.shift(1, 1_000);
    let fill = scene.close(TRADER, PERP).unwrap();
    assert_eq!(fill.bill.gain, 100 * USD);
    assert_eq!(scene.position(TRADER, PERP).size, 0);
    (scene, fill.realised as u64)
}

fn collect(scene: &mut Scene) -> ballast_engine::Result<u64> {
    scene.order(TRADER, Order { reduce_only: true, ..order(PERP, 1) }).map(|fill| fill.bill.gain)
}

/// It is paid out as the budget comes back, also once the perp only shrinks or is wound down, and no more than all of it.
#[test]
fn what_a_closed_position_is_owed_is_paid_later() {
    for is_resolved in [false, true] {
        let (mut scene, gain) = owed();
        if is_resolved {
            scene.act(0, |ledger, _| ledger.resolve_perp(&crate::common::AUTHORITY, PERP)).unwrap();
        } else {
            scene.perp_mut(PERP).config.reduce_only = 1;
        }
        assert_eq!(refused(collect(&mut scene)), Error::NothingToSettle);
        let (before, mut paid) = (scene.deposit_of(TRADER), 100 * USD);
        scene.pass(43_200);
        assert_eq!(collect(&mut scene), Ok(50 * USD));
        paid += 50 * USD;
        while scene.position(TRADER, PERP).cost != 0 {
            scene.pass(86_400);
            paid += collect(&mut scene).unwrap();
        }
        assert!((gain - 1..=gain).contains(&paid), "{paid} of {gain}");
        assert!(scene.deposit_of(TRADER) - before >= paid - 100 * USD - 20);
        assert_eq!(scene.perp(PERP).sides[0].cost(), 0);
        assert_eq!(scene.world.accounts[TRADER].extra_count, 0);
        assert_eq!(refused(collect(&mut scene)), Error::PerpNotReducing);
    }
}

/// Anyone may pay it out while gains are paid whole. While the pool is short nobody takes it for him, and he need not.
#[test]
fn who_is_owed_chooses_when() {
    let (mut scene, _) = owed();
    scene.pass(86_400);
    assert_eq!(scene.clone().settle(TRADER, PERP).unwrap().paid_out, 100 * USD);
    scene
        .act(0, |ledger, _| {
            let pool = ballast_engine::state::perp::Pool::of_mut(ledger.reserves, POOL)?;
            pool.deposit.0 = 90 * USD;
            Ok(())
        })
        .unwrap();
    assert!(scene.standing(Width::Maintenance).profit_factor() < Part::WHOLE);
    assert_eq!(refused(scene.settle(TRADER, PERP)), Error::NothingToSettle);
    let picky = Order { reduce_only: true, min_factor: Part::WHOLE, ..order(PERP, 1) };
    assert_eq!(refused(scene.order(TRADER, picky)), Error::ProfitBelowMinimum);
}
