//! Attacks with transfer fees: by a mint's authority who raises them, and by those who know of it.

use crate::support::token_2022::{Fees, NOTICE};
use ballast_client::{Address, Instruction};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    state::{reserve::ReserveConfig, token::TransferFee},
};
use ballast_tests::{Quote, SOL, Token, USD, reserve_config};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SMALL: TransferFee = TransferFee { bps: 10, maximum: u64::MAX };
const NEARLY_ALL: TransferFee = TransferFee { bps: 9_999, maximum: u64::MAX };
const ALL: TransferFee = TransferFee { bps: 10_000, maximum: u64::MAX };

fn market(fee: TransferFee) -> Fees {
    Fees::new(fee, ReserveConfig { flash_enabled: 1, flash_fee: Bps(10), ..reserve_config() })
}

/// The authority announces a fee that nobody looks for, and collects it from what was signed before its epoch: no more than
/// the amounts that were signed.
#[test]
fn token_2022_c21_a_fee_raised_between_takes_no_more_than_was_named() {
    let mut market = market(SMALL);
    market.make_unhealthy();
    let Fees { usd, lender, trader, liquidator, .. } = market;
    for key in [lender.key, trader.key] {
        market.world.fund(&key, usd, 100_000 * USD);
    }
    market.world.open_stake(liquidator, usd);
    let (view, amount) = (market.world.view(), 100 * USD);
    let source = |key: Address| market.world.tokens(&key, usd);
    let destination = market.fork().world.fund(&liquidator, market.sol, 0);
    let order = market.order(amount, 0);
    let signed: [(Address, Instruction); 4] = [
        (lender.key, view.deposit(lender.key, lender.margin, source(lender.key), usd, amount).expect("listed")),
        (trader.key, view.repay(trader.key, trader.margin, source(trader.key), usd, amount).expect("listed")),
        (liquidator, view.stake(liquidator, liquidator, source(liquidator), usd, amount).expect("listed")),
        (
            liquidator,
            view.liquidate(liquidator, trader.margin, source(liquidator), destination, order).expect("listed"),
        ),
    ];
    market.world.fund(&liquidator, market.sol, 0);
    market.announce(NEARLY_ALL);
    market.world.set_epoch(market.world.epoch() + NOTICE);
    for (payer, instruction) in signed {
        let before = market.held(payer, usd);
        market.world.send(&[instruction]).expect_ok();
        let paid = before - market.held(payer, usd);
        assert!(0 < paid && paid <= amount, "{paid}");
        market.assert_exact();
    }
}

/// A fee that takes all of what is paid in is as if the mint were frozen: the reserve stands still, the others do not, and who
/// has a deposit in it trades on elsewhere.
#[test]
fn token_2022_c21_a_fee_of_everything_stops_its_own_reserves_only() {
    let mut market = market(SMALL);
    let Fees { usd, sol, lender, trader, .. } = market;
    let eur = market.world.list(Token::new("EUR", 6, 1.1), reserve_config());
    market.world.supply(lender, eur, 100_000 * USD);
    market.world.refresh_all();
    market.world.borrow(trader, eur, 1_000 * USD).expect_ok();
    market.set(ALL);
    market.world.fund(&lender.key, usd, USD);
    market.world.deposit(lender, usd, USD).expect_error(Error::TransferFeeTooHigh);
    market.world.borrow(trader, eur, 1_000 * USD).expect_ok();
    market.world.repay(trader, eur, 500 * USD).expect_ok();
    market.world.withdraw(lender, eur, 500 * USD).expect_ok();
    market.world.supply(lender, eur, 500 * USD);
    // Its deposits still count, and can be seized for debts of others.
    market.world.set_price(sol, Quote::dollars(15.0)).expect_ok();
    market.world.refresh_all();
    let liquidator = market.world.key("liquidator");
    market.world.fund(&liquidator, eur, 10_000 * USD);
    let order =
        ballast_client::LiquidationOrder { debt: eur, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
    market.world.liquidate(liquidator, trader.margin, order).expect_error(Error::TransferFeeTooHigh);
    let order = ballast_client::LiquidationOrder { min_collateral: 0, ..order };
    market.world.liquidate(liquidator, trader.margin, order).expect_ok();
    assert_eq!(market.held(liquidator, sol), 0, "the fee took it");
    market.assert_exact();
}

/// Who knows when the fee changes deposits, borrows, flash-borrows and stakes around it, in any order: the reserves hold what the
/// books say after each step, so nothing of the fees was credited to anyone.
#[test]
fn token_2022_c21_no_order_of_actions_and_fees_credits_what_did_not_arrive() {
    let mut random = ChaCha8Rng::seed_from_u64(2_022);
    let mut market = market(SMALL);
    let Fees { usd, sol, lender, trader, liquidator, .. } = market;
    for key in [lender.key, trader.key, liquidator] {
        for reserve in [usd, sol] {
            market.world.fund(&key, reserve, 1 << 60);
        }
    }
    market.world.open_stake(liquidator, usd);
    let mut done = [0; 8];
    for _ in 0..3_000 {
        if random.random_bool(0.2) {
            let bps = [0, 1, 37, 5_000, 9_999, 10_000][random.random_range(0..6)];
            let maximum = [0, 3, 5_000_000, u64::MAX][random.random_range(0..4)];
            market.announce(TransferFee { bps, maximum });
            // Sometimes a second one comes before the first holds.
            market.world.set_epoch(market.world.epoch() + random.random_range(0..=NOTICE));
        }
        if random.random_bool(0.2) {
            market.world.set_price(sol, Quote::dollars([150.0, 30.0][random.random_range(0..2)])).expect_ok();
        }
        market.world.refresh_all();
        let amount = if random.random_bool(0.1) { EVERYTHING } else { random.random_range(1..20_000 * USD) };
        let least = random.random_range(0..SOL);
        let kind = random.random_range(0..8);
        let world = &mut market.world;
        let outcome = match kind {
            0 => world.deposit(lender, usd, amount),
            1 => world.withdraw(lender, usd, amount),
            2 => world.borrow(trader, usd, amount.min(2_000 * USD)),
            3 => world.repay(trader, usd, amount / 20),
            4 => {
                let order = market.order(amount, least);
                market.world.liquidate(liquidator, trader.margin, order)
            }
            5 => {
                let order = market.order(amount, least);
                let both = market.world.receivership(liquidator, trader.margin, order);
                market.world.send(&both)
            }
            6 => {
                let loan = world.flash_loan(liquidator, usd, amount);
                world.send(&loan)
            }
            _ => world.stake(liquidator, usd, amount),
        };
        done[kind] += outcome.is_ok() as u32;
        market.assert_exact();
        // The trader always has something to lose.
        if market.world.reserve(sol).deposit_shares.0 < 50 * SOL {
            let sent = market.world.transfer_fee(sol).sending(100 * SOL);
            if let Ok(sent) = sent {
                let _ = market.world.deposit(trader, sol, sent);
            }
        }
    }
    assert!(done.iter().all(|count| *count >= 20), "{done:?}");
}
