//! The states that perps are measured in: all of the pool's perps have positions on both sides, funding to pay and a price of long ago.

use ballast_engine::state::perp::PerpConfig;
use ballast_tests::{PerpScene, USD, User, perp_config, pool_config};

use super::Measured;

/// A pool of so many perps, each with a long and a short.
fn busy(perps: usize) -> PerpScene {
    let config = PerpConfig { loss_budget: 1 << 58, instant_flow: 1 << 58, ..perp_config() };
    let mut scene = PerpScene::with(&pool_config(), &vec![config; perps]);
    for n in 0..perps.div_ceil(4) {
        for (side, sign) in [("bull", 1), ("bear", -1)] {
            let user = scene.world.user(&format!("{side} {n}"));
            scene.world.supply(user, scene.usd, 20_000 * USD);
            for perp in (scene.perp..).skip(n * 4).take(4.min(perps - n * 4)) {
                scene.pass(1, 0);
                let lots = scene.lots(perp, 3_000 * sign) + sign;
                scene.trade_lots(user, perp, lots, false).expect_ok();
            }
        }
    }
    scene
}

/// What is done with perps by an account that holds so many of a pool's, beside a deposit of the quote token and so many others.
pub fn measure(measured: &mut Measured, pool_of: usize, perps: u8, others: u8) {
    let mut scene = busy(pool_of);
    let user = scene.trader;
    for n in 0..others {
        let token = ballast_tests::Token::new(&format!("other {n}"), 6, 1.0);
        let reserve = scene.world.list(token, ballast_tests::reserve_config());
        scene.world.supply(user, reserve, 100 * USD);
    }
    for perp in scene.perp..scene.perp + perps {
        scene.pass(1, 0);
        scene.world.refresh_all();
        let lots = scene.lots(perp, 2_000) + 1;
        scene.trade_lots(user, perp, lots, false).expect_ok();
    }
    let rest = |scene: &PerpScene, bps| {
        let mut scene = PerpScene { world: scene.world.fork(), ..*scene };
        scene.world.advance(20_000);
        scene.world.refresh_all();
        scene.pass(1, bps);
        scene
    };
    let (perp, name) = (scene.perp, |operation: &str| format!("{operation}_{perps}_of_{pool_of}"));
    let positions = perps * 2 + others + 1;
    let mut grown = rest(&scene, 0);
    let lots = grown.lots(perp, 500) + 1;
    measured.add(&name("trade_perp_grow"), positions, grown.trade_lots(user, perp, lots, false));
    let mut turned = rest(&scene, 300);
    let lots = -turned.lots(perp, 3_000);
    measured.add(&name("trade_perp_turn"), positions, turned.trade_lots(user, perp, lots, false));
    let mut settled = rest(&scene, -300);
    measured.add(&name("settle_perp"), positions, settled.settle(user.margin, perp));
    let read = rest(&scene, 300).world.read_health(user.margin);
    measured.add(&name("read_health_perps"), positions, read);
    let mut poor = rest(&scene, 0);
    let usd = poor.usd;
    let margin = 20 * 500 * USD * perps as u64 / 100;
    poor.world.withdraw(user, usd, 50_000 * USD - margin * 6).expect_ok();
    poor.pass(120, -4_900);
    let by: User = poor.lender;
    measured.add(&name("liquidate_perp"), positions, poor.liquidate(by, user.margin, perp));
    if others == 0 && perps == 1 {
        let mut owned = rest(&scene, 0);
        let newcomer = owned.world.user("newcomer");
        owned.world.supply(newcomer, usd, 1_000 * USD);
        owned.pass(1, 0);
        measured.add(&name("pool_deposit"), 1, owned.provide(newcomer, 500 * USD + 1));
        measured.add(&name("pool_request"), 3, owned.ask(newcomer, 400 * USD));
        owned.pass(3_600, 0);
        measured.add(&name("pool_withdraw"), 3, owned.leave(newcomer));
    }
}
