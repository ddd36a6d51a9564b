//! A vault's markets let no more out than their outflow limits, and a vault counts on no less.

use ballast_client::Address;
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{USD, VaultScene, vault_config};

use super::{depositor, most_to_redeem, settle};

/// Dollars that may leave in an hour.
const LIMIT: u32 = 100_000;

/// A vault of 300,000 usd in one market that has a million more; nothing is kept, and leaving is free.
fn scene() -> (VaultScene, Address) {
    let mut config = vault_config();
    (config.coverage_target, config.idle_buffer, config.max_exit_fee) = (Bps(0), Bps(0), Bps(0));
    let mut scene = VaultScene::with(1, config);
    let alice = depositor(&mut scene, "alice", 300_000);
    settle(&mut scene);
    // What came is no credit any more.
    scene.pass(2 * 86_400);
    (scene, alice)
}

fn limit(scene: &mut VaultScene, of_market: bool, dollars: u32) {
    if of_market {
        scene.world.reconfigure_market(|config| config.outflow_hour = dollars).expect_ok();
    } else {
        scene.world.reconfigure(0, |config| config.breakers.outflow_hour = u64::from(dollars) * USD).expect_ok();
    }
    scene.pass(1);
}

/// Where the limit leaves room for a part, exactly that part is said to be there, and goes; an hour later more does. Where it leaves
/// plenty, it is as if there were none.
#[test]
fn an_exit_takes_what_a_markets_outflow_limit_leaves_and_no_more() {
    for of_market in [false, true] {
        let (mut scene, alice) = scene();
        let idle = scene.vault().idle;
        let free = most_to_redeem(&mut scene.fork(), &alice);
        let mut plenty = scene.fork();
        limit(&mut plenty, of_market, 2_000_000);
        assert_eq!(most_to_redeem(&mut plenty, &alice), free);
        assert_eq!(free, plenty.held(&alice), "all of it");

        limit(&mut scene, of_market, LIMIT);
        let lender = scene.users[0].0;
        // Three quarters of the limit are for everyone, of which somebody else takes a part.
        scene.world.withdraw(lender, 0, 20_000 * USD).expect_ok();
        let left = 55_000 * USD + idle;
        let most = most_to_redeem(&mut scene, &alice);
        let paid = |scene: &VaultScene| scene.balance(&alice);
        let mut before = paid(&scene);
        // An atom of a share more, and what the rounding of both, and of dollars, takes.
        let mut more = scene.fork();
        more.redeem(alice, most + most / 10_000, 1).expect_error(Error::VaultIlliquid);
        assert_eq!(paid(&more), before, "nothing happened");
        scene.redeem(alice, most, 1).expect_ok();
        let got = paid(&scene) - before;
        assert!(got <= left && got >= left - left / 10_000, "{got} of {left}, {of_market}");
        // Nothing is left for a second one, and in an hour there is.
        assert!(most_to_redeem(&mut scene, &alice) < USD);
        scene.pass(3_600);
        let most = most_to_redeem(&mut scene, &alice);
        before = paid(&scene);
        scene.redeem(alice, most, 1).expect_ok();
        let got = paid(&scene) - before;
        assert!((74_000 * USD..=75_000 * USD).contains(&got), "{got}, {of_market}");
        scene.assert_backed();
    }
}
