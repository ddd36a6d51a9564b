//! Attacks with a guardian's key. What it may do at most is in `breakers.rs` and `griefing.rs`.

use ballast_client::{Address, Edits, LiquidationOrder, change_address, decode_change, to_engine};
use ballast_engine::{
    Error,
    state::{
        change::{Change, OF_MARKET},
        market::MarketConfig,
        permission::Action,
    },
};
use ballast_tests::{Quote, SOL, Scene, USD, World, with_account};

const LISTED: &str = "the reserve is listed";
/// Seconds that a change waits.
const DELAY: i64 = 172_800;

/// Queues a change of the market by its authority, with rent from a key of its own.
fn queue(world: &mut World, change: impl FnOnce(&mut MarketConfig)) -> Change {
    let (view, funder) = (world.view(), world.key("funder"));
    let mut config = view.market.config;
    change(&mut config);
    let edits = Edits::of_market(&view.market.config, &config).all();
    let address = change_address(&world.market, view.market.changes).0;
    let payer = world.payer;
    world.send_from(payer, &[view.queue_change(funder, OF_MARKET, edits)]).expect_ok();
    decode_change(&world.account(&address).data).expect("a change")
}

fn address_of(world: &World, change: &Change) -> Address {
    change_address(&world.market, change.number).0
}

/// Nothing but pausing and cancelling: no parameter, no fee, no office, and no way out of a restriction that a loss brought
/// about.
#[test]
fn governance_c32_a_stolen_guardian_key_takes_and_changes_nothing() {
    let Scene { mut world, usd, .. } = Scene::new();
    let guardian = world.key("guardian");
    let view = world.view();
    let out = world.fund(&guardian, usd, 0);
    let old = view.market.config;
    let Edits { at_once, waiting } =
        Edits::of_market(&old, &MarketConfig { delay: 259_200, loss_limit: 2, ..view.market.config });
    for (target, edits) in [(usd, vec![0; 10]), (OF_MARKET, at_once), (OF_MARKET, waiting.clone())] {
        world.send(&[view.set_parameters(guardian, target, edits)]).expect_error(Error::NotAuthorityOrCouncil);
    }
    let queue = view.queue_change(guardian, OF_MARKET, waiting);
    world.send(&[with_account(queue, "authority", guardian)]).expect_error(Error::NotMarketAuthority);
    let accept = with_account(view.accept_authority(), "signer", guardian);
    world.send(&[accept]).expect_error(Error::NotNominee);
    world.send(&[with_account(view.launch(), "signer", guardian)]).expect_error(Error::NotAuthorityOrCouncil);
    for instruction in [view.collect_fees(out, usd).expect(LISTED), view.close_reserve(out, usd).expect(LISTED)] {
        world.send(&[with_account(instruction, "fee_collector", guardian)]).expect_error(Error::NotFeeCollector);
    }
}

#[test]
fn governance_c32_a_guardian_cancels_a_change_and_executes_none_before_its_time() {
    let Scene { mut world, .. } = Scene::new();
    let (guardian, funder) = (world.key("guardian"), world.key("funder"));
    let lamports = |world: &World| world.account(&funder).lamports;
    let before = lamports(&world);
    let change = queue(&mut world, |config| config.loss_limit = 2);
    let (address, view) = (address_of(&world, &change), world.view());
    assert_eq!(lamports(&world), before - world.account(&address).lamports, "the funder paid the rent");
    world.send(&[view.execute_change(guardian, &change)]).expect_error(Error::ChangeNotDue);
    world.advance(DELAY - 1);
    world.send(&[view.execute_change(guardian, &change)]).expect_error(Error::ChangeNotDue);
    // The rent is not the guardian's to take.
    let to_himself = with_account(view.cancel_change(guardian, &change), "recipient", guardian);
    world.send(&[to_himself]).expect_error(Error::WrongChange);
    world.send(&[view.cancel_change(guardian, &change)]).expect_ok();
    assert!(world.find_account(&address).is_none());
    assert_eq!(lamports(&world), before, "the rent is back");
    assert_eq!(world.view().market.config, view.market.config);
    // Also one that is due, whoever else would execute it.
    let change = queue(&mut world, |config| config.loss_limit = 2);
    world.advance(DELAY);
    world.send(&[world.view().cancel_change(guardian, &change)]).expect_ok();
    assert_eq!(world.view().market.config, view.market.config);
}

/// A stolen key would stay in office for good.
#[test]
fn governance_c32_a_guardian_does_not_stop_its_own_replacement() {
    let Scene { mut world, .. } = Scene::new();
    let (guardian, successor) = (world.key("guardian"), world.key("successor"));
    let alone = queue(&mut world, |config| config.roles.guardian = to_engine(&successor));
    let with_more = queue(&mut world, |config| {
        (config.roles.guardian, config.loss_limit) = (to_engine(&successor), 2);
    });
    let another = queue(&mut world, |config| config.roles.fee_collector = to_engine(&successor));
    let view = world.view();
    world.send(&[view.cancel_change(guardian, &alone)]).expect_error(Error::GuardianCannotKeepOffice);
    world.send(&[view.cancel_change(guardian, &with_more)]).expect_ok();
    world.send(&[view.cancel_change(guardian, &another)]).expect_ok();
    // A change of roles waits twice as long, and the guardian cannot stop it in the end either.
    world.advance(2 * DELAY - 1);
    let stranger = world.key("stranger");
    world.send(&[view.execute_change(stranger, &alone)]).expect_error(Error::ChangeNotDue);
    world.advance(1);
    world.send(&[view.cancel_change(guardian, &alone)]).expect_error(Error::GuardianCannotKeepOffice);
    world.send(&[view.execute_change(stranger, &alone)]).expect_ok();
    assert_eq!(world.view().market.config.roles.guardian, to_engine(&successor));
    // Out of office, the old key cancels nothing, and the new one does.
    let change = queue(&mut world, |config| config.loss_limit = 2);
    world.send(&[view.cancel_change(guardian, &change)]).expect_error(Error::NotAuthorityOrGuardian);
    world.send(&[view.cancel_change(successor, &change)]).expect_ok();
}

#[test]
fn governance_c32_a_stranger_cancels_what_has_expired_and_nothing_else() {
    let Scene { mut world, .. } = Scene::new();
    let (stranger, successor) = (world.key("stranger"), world.key("successor"));
    let changes = [
        queue(&mut world, |config| config.loss_limit = 2),
        queue(&mut world, |config| config.roles.guardian = to_engine(&successor)),
    ];
    for change in changes {
        let view = world.view();
        assert_eq!(change.latest - change.earliest, 604_800);
        for time in [change.earliest - 1, change.earliest, change.latest] {
            world.set_time(time);
            let outcome = world.send(&[view.cancel_change(stranger, &change)]);
            outcome.expect_error(Error::NotAuthorityOrGuardian);
        }
        world.fork().send(&[view.execute_change(stranger, &change)]).expect_ok();
        world.set_time(change.latest + 1);
        world.send(&[view.execute_change(stranger, &change)]).expect_error(Error::ChangeExpired);
        let to_himself = with_account(view.cancel_change(stranger, &change), "recipient", stranger);
        world.send(&[to_himself]).expect_error(Error::WrongChange);
        world.send(&[view.cancel_change(stranger, &change)]).expect_ok();
        assert!(world.find_account(&address_of(&world, &change)).is_none());
    }
}

/// The restriction after a loss is governance's to lift.
#[test]
fn governance_c32_a_market_restricted_by_a_loss_is_not_the_guardians_to_open() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    let guardian = world.key("guardian");
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 1 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    world.settle(trader.margin, usd).expect_ok();
    world.supply(trader, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(trader, usd, 1_000 * USD).expect_error(Error::MarketReduceOnly);
    world.withdraw(lender, usd, USD).expect_ok();
    world.resume(guardian).expect_error(Error::NothingToLift);
    world.pause(&[Action::Withdraw]).expect_ok();
    world.resume(guardian).expect_ok();
    world.borrow(trader, usd, 1_000 * USD).expect_error(Error::MarketReduceOnly);
    world.resume(world.authority).expect_ok();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
}

/// Pauses count for their day whether they are lifted or not. Whenever the guardian begins and lifts them, nobody is held back for
/// more than 18 hours on end, or in any day for more than 18 hours.
#[test]
fn governance_c32_a_guardian_that_lifts_its_pauses_holds_nobody_back_for_longer() {
    /// Half-hours.
    const DAY: usize = 48;
    let (mut longest, mut busiest) = (0, 0);
    for pattern in 0..16u64 {
        let Scene { mut world, usd, lender, .. } = Scene::new();
        let guardian = world.key("guardian");
        let mut held_back = Vec::new();
        let mut dice = pattern.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for half_hour in 0..5 * DAY {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let is_paused = |world: &World| world.view().market.pause.until > world.now();
            match pattern {
                // As long as possible, and as often.
                0 => _ = (!is_paused(&world)).then(|| world.pause(&[Action::Withdraw])),
                // The last of a day is lifted a moment before the day is over.
                1 => {
                    if half_hour % DAY == DAY - 1 {
                        let _ = world.resume(guardian);
                    }
                    if [0, 24, 36].contains(&(half_hour % DAY)) || half_hour >= DAY {
                        let _ = (!is_paused(&world)).then(|| world.pause(&[Action::Withdraw]));
                    }
                }
                _ if dice >> 61 == 0 => _ = world.resume(guardian),
                _ if !is_paused(&world) && dice >> 62 == 1 => _ = world.pause(&[Action::Withdraw]),
                _ => {}
            }
            let outcome = world.withdraw(lender, usd, USD);
            assert!(outcome.is_ok() || outcome.engine_error() == Some(Error::Paused), "{}", outcome.describe());
            held_back.push(!outcome.is_ok());
            world.advance(1_800);
        }
        longest = held_back.split(|is_held| !is_held).map(<[bool]>::len).fold(longest, usize::max);
        let in_a_day = held_back.windows(DAY).map(|day| day.iter().filter(|is_held| **is_held).count());
        busiest = in_a_day.fold(busiest, usize::max);
    }
    assert_eq!((longest, busiest), (36, 36), "half-hours on end, and in a day");
}
