//! Those who lend to the same reserves beside a vault, and losses that are reported there: V3.

use super::{
    ALL, BORROWER, LENDER, ONE, Pool, Scene,
    conservation::{Step, eventful, step},
    policy,
};
use crate::common::cases;
use ballast_engine::{
    number::{index::Index, units::Bps},
    state::vault::VaultConfig,
};
use proptest::prelude::*;

/// What the lenders of each market have, and what a share of it is worth now.
fn others(scene: &Scene) -> Vec<(Vec<u8>, u128, u128)> {
    let of = |world: &crate::common::World| {
        let accounts = world.accounts.iter().flat_map(|account| bytemuck::bytes_of(account).to_vec()).collect();
        let reserve = &world.reserves[0];
        (accounts, reserve.deposit_index_at(scene.now).to_bits(), reserve.debt_index_at(scene.now).to_bits())
    };
    scene.markets.iter().map(of).collect()
}

/// Whether it is the vault's, and not what happens around it.
fn is_the_vaults(step: &Step) -> bool {
    !matches!(
        step,
        Step::Wait(_) | Step::Lose(..) | Step::Drain(..) | Step::Fill(..) | Step::Read(..) | Step::WriteOff(_)
    )
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_action_of_a_vault_changes_what_other_lenders_have_i23(steps in prop::collection::vec(step(40), 1..60)) {
        let mut scene = Scene::new(eventful(), &[Pool::default(), Pool { lent: 50_000 * ONE, ..Pool::default() }], 3);
        scene.deposit(0, 100_000 * ONE).unwrap();
        for step in steps {
            let before = others(&scene);
            let _ = step.take(&mut scene);
            prop_assert!(!is_the_vaults(&step) || others(&scene) == before, "{step:?}");
        }
    }

    /// Of a loss that is reported, whoever leaves the vault bears before it is settled what he would bear after, and leaves the
    /// others what they would have.
    #[test]
    fn leaving_a_vault_then_settling_is_settling_then_leaving_i25(
        lent in (1u64..100_000, 1u64..100_000),
        part in 1u64..10_001,
        used in 1_000u64..7_000,
        fee in 0u16..501,
        is_exact in any::<bool>(),
    ) {
        let config = VaultConfig { max_exit_fee: Bps(fee), exit_fee_coverage: Bps(0), ..policy(2) };
        let mut early = Scene::new(config, &[Pool { used, ..Pool::default() }, Pool::default()], 2);
        early.deposit(0, 150_000 * ONE).unwrap();
        early.deposit(1, 50_000 * ONE).unwrap();
        early.put(0, lent.0 * ONE);
        early.put(1, lent.1 * ONE);
        early.wait(3_600);
        // The collateral is worth nothing any more.
        early.markets[0].reserves[1].deposit_index = Index::ZERO;
        early.calm(1);
        early.markets[0].act(BORROWER, |ledger, account| ledger.report_loss(account)).unwrap();
        let reported = early.look(|vaults| vaults.valuation);
        prop_assert!(reported.exit < reported.entry);

        let mut late = early.clone();
        let settle = |scene: &mut Scene| {
            scene.markets[0].act(BORROWER, |ledger, account| ledger.settle_bad_debt(account, 0)).map(drop).unwrap();
        };
        let shares = (early.people[0].shares as u128 * part as u128 / 10_000) as u64;
        let leave = |scene: &mut Scene| {
            if is_exact {
                let amount = (scene.worth(0) as u128 * part as u128 / 10_001) as u64;
                return scene.withdraw(0, amount.max(1), ALL).map(|exit| exit.exchange.shares.0);
            }
            scene.redeem(0, shares, ALL).map(|exit| exit.exchange.amount)
        };
        let left = leave(&mut early);
        settle(&mut early);
        settle(&mut late);
        let valued = late.look(|vaults| vaults.valuation);
        prop_assert!(valued.entry == valued.exit && valued.exit.abs_diff(reported.exit) <= 2);
        let then = leave(&mut late);
        prop_assert_eq!(left.is_ok(), then.is_ok());
        prop_assert!(left.is_ok() || part < 10, "{left:?}");
        if let (Ok(one), Ok(other)) = (left, then) {
            // What markets round of a payment and of the settlement.
            prop_assert!(one.abs_diff(other) <= 8, "{one} and {other}");
        }
        for who in 0..2 {
            prop_assert!(early.worth(who).abs_diff(late.worth(who)) <= 8, "{} and {}", early.worth(who), late.worth(who));
        }
        let lenders = |scene: &Scene| scene.markets[0].reserves[0].deposit_index_at(scene.now).amount_floor(
            scene.markets[0].accounts[LENDER].shares(0, ballast_engine::state::account::Side::Deposit).unwrap(),
        );
        prop_assert!(lenders(&early).abs_diff(lenders(&late)) <= 8, "{} and {}", lenders(&early), lenders(&late));
    }
}
