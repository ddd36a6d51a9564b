//! What states of the market, of reserves and of prices mean for perps: new risk waits, and whoever has a position leaves.

use ballast_engine::{
    Error,
    state::{market::Market, permission::Action},
};
use ballast_tests::{PerpScene, Quote, USD};

/// A scene whose trader is long, and what a state does to it.
fn with_position(enter: impl Fn(&mut PerpScene)) -> PerpScene {
    let mut scene = PerpScene::new();
    scene.trade(scene.trader, 10_000).expect_ok();
    scene.pass(120, 0);
    enter(&mut scene);
    scene
}

/// Growing is refused with an error, in either direction; shrinking, settling and closing are not.
fn refuses_growth(mut scene: PerpScene, error: Error) {
    scene.trade(scene.trader, 100).expect_error(error);
    scene.trade(scene.trader, -20_000).expect_error(error);
    scene.trade(scene.trader, -1_000).expect_ok();
    scene.settle(scene.trader.margin, scene.perp).expect_ok();
    scene.close(scene.trader, scene.perp).expect_ok();
    scene.world.assert_conserved();
}

#[test]
fn a_pause_of_borrowing_stops_growth_alone() {
    let scene = with_position(|scene| scene.world.pause(&[Action::Borrow]).map_ok());
    refuses_growth(scene, Error::Paused);
}

#[test]
fn a_market_that_lost_much_lets_positions_shrink() {
    let scene = with_position(|scene| {
        let market = scene.world.market;
        let mut account = scene.world.account(&market);
        account.data[8 + std::mem::offset_of!(Market, reduce_only)] = 1;
        scene.world.set_account(market, account);
    });
    refuses_growth(scene, Error::MarketReduceOnly);
}

#[test]
fn a_quote_reserve_that_closes_lets_positions_shrink() {
    let scene = with_position(|scene| {
        scene.world.reconfigure(scene.usd, |config| config.reduce_only = 1).expect_ok();
        scene.pass(1, 0);
    });
    refuses_growth(scene, Error::ReserveReduceOnly);
}

/// A price that moves too far, is uncertain or far from its average opens nothing, and closes.
#[test]
fn an_unsettled_price_lets_positions_shrink() {
    let far = with_position(|scene| {
        let quote = Quote::dollars(150.0).ema_dollars(120.0);
        scene.world.set_price(scene.sol, quote).expect_ok();
    });
    refuses_growth(far, Error::PriceUnsettled);
    let wide =
        with_position(|scene| scene.world.set_price(scene.sol, Quote::dollars(150.0).confidence_bps(300)).map_ok());
    refuses_growth(wide, Error::PriceUnsettled);
    let moving = with_position(|scene| {
        scene
            .world
            .reconfigure(scene.sol, |config| {
                config.breakers.tiers = [100, 5_000, 6_000].map(ballast_engine::number::units::Bps);
                config.breakers.halt_seconds = 600;
            })
            .expect_ok();
        scene.world.set_price(scene.sol, Quote::dollars(150.0).ema_dollars(146.0)).expect_ok();
    });
    refuses_growth(moving, Error::PriceUnsettled);
}

/// An old price closes nothing either: whoever closes brings a newer one.
#[test]
fn an_old_price_is_to_be_refreshed() {
    let mut scene = with_position(|scene| scene.world.advance(100));
    scene.close(scene.trader, scene.perp).expect_error(Error::PriceStale);
    scene.liquidate(scene.lender, scene.trader.margin, scene.perp).expect_error(Error::PriceStale);
    scene.pass(1, 0);
    scene.close(scene.trader, scene.perp).expect_ok();
}

/// Pauses of withdrawal hold owners of the pool, and traders' deposits with them; nobody's position.
#[test]
fn a_pause_of_withdrawals_holds_owners_of_the_pool() {
    let mut scene = with_position(|_| ());
    scene.ask(scene.owner, 1_000 * USD).expect_ok();
    scene.pass(3_600, 0);
    scene.world.pause(&[Action::Withdraw]).expect_ok();
    scene.leave(scene.owner).expect_error(Error::Paused);
    scene.close(scene.trader, scene.perp).expect_ok();
}

/// `expect_ok` for closures that return nothing.
trait Succeeds {
    fn map_ok(self);
}

impl Succeeds for ballast_tests::Outcome {
    fn map_ok(self) {
        self.expect_ok();
    }
}
