//! Attacks with flash loans in pairs and without. Those on a single pair are in `flash_loans.rs`, those on a liquidation in
//! two halves in `receivership.rs`.

use ballast_client::Address;
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{SOL, Scene, USD, forward};

/// A scene whose reserves give flash loans at 9 basis points, and a borrower with a few tokens of both.
fn flash_scene() -> (Scene, Address) {
    let mut scene = Scene::new();
    let thief = scene.world.key("thief");
    for reserve in [scene.usd, scene.sol] {
        let enabled = scene.world.reconfigure(reserve, |config| (config.flash_enabled, config.flash_fee) = (1, Bps(9)));
        enabled.expect_ok();
        scene.world.fund(&thief, reserve, 1_000 * USD);
    }
    scene.world.load_test_program();
    (scene, thief)
}

/// One end serves one begin, wherever it is called from.
#[test]
fn introspection_c19_repeated_pairs_are_each_paid() {
    let (Scene { mut world, usd, sol, .. }, thief) = flash_scene();
    let [begin, end] = world.flash_loan(thief, usd, 1_000 * USD);
    let before = world.balance(&thief, usd);
    let fee = 9 * USD / 10;
    world.send(&[begin.clone(), end.clone(), begin.clone(), end.clone()]).expect_ok();
    assert_eq!(world.balance(&thief, usd), before - 2 * fee);
    world.send(&[begin.clone(), begin.clone(), end.clone()]).expect_error(Error::FlashLoanOpen);
    world.send(&[begin.clone(), begin.clone(), end.clone(), end.clone()]).expect_error(Error::FlashLoanOpen);
    // The first one's end is called; the one at the end of the transaction is left to the second.
    world.send(&[begin.clone(), forward(end.clone()), end.clone()]).expect_error(Error::NoFlashLoan);
    world.send(&[begin.clone(), forward(end.clone()), begin.clone(), end.clone()]).expect_ok();
    assert_eq!(world.balance(&thief, usd), before - 4 * fee);
    // Two reserves at once are two loans.
    let [begin_sol, end_sol] = world.flash_loan(thief, sol, SOL);
    world.send(&[begin.clone(), begin_sol.clone(), end.clone()]).expect_error(Error::NoMatchingEnd);
    world.send(&[begin, begin_sol, end, end_sol]).expect_ok();
    world.assert_conserved();
}

/// Rates, shares and limits are the same during a loan and after it, but for its fee.
#[test]
fn flash_c19_a_loan_moves_no_share_price_and_no_limit() {
    let (Scene { mut world, usd, .. }, thief) = flash_scene();
    world.reconfigure(usd, |config| config.breakers.outflow_hour = 1_000 * USD).expect_ok();
    let before = world.reserve(usd);
    let loan = world.flash_loan(thief, usd, 100_000 * USD);
    world.send(&loan).expect_ok();
    let after = world.reserve(usd);
    assert_eq!((after.deposit_index, after.debt_index), (before.deposit_index, before.debt_index));
    assert_eq!((after.outflow, after.borrow_rate), (before.outflow, before.borrow_rate));
    assert_eq!(after.cash, before.cash + 90 * USD);
    assert_eq!((after.flash_loan, after.flash_fee), (0, 0));
}
