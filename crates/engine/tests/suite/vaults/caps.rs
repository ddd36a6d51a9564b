//! What a vault may lend to one market, by whichever path (V6), and slots that stay (V21).

use super::{
    ALL, CURATOR, DAY, ONE, Pool, Scene,
    conservation::{Step, step},
    governance::edit,
    market, policy,
};
use crate::common::cases;
use ballast_engine::state::vault::AllocationConfig;
use ballast_engine::{Error, number::units::Bps, record::layout::Address, state::vault::VaultConfig};
use core::mem::{offset_of, size_of};
use proptest::prelude::*;

fn config(cap: u64, share_cap: u16) -> VaultConfig {
    let mut config = policy(2);
    (config.allocations[0].cap, config.allocations[1].share_cap) = (cap, Bps(share_cap));
    config
}

proptest! {
    #![proptest_config(cases(300))]

    /// A move never leads above a cap; what is above one is interest, or was there when the assets were more.
    #[test]
    fn no_path_leads_above_a_cap(
        steps in prop::collection::vec(prop_oneof![2 => step(36), 1 => Just(Step::Rebalance), 1 => Just(Step::Wait(3_600))], 1..60),
        cap in 1u64..1 << 36,
        share_cap in 0u16..10_000,
    ) {
        let mut scene = Scene::new(config(cap, share_cap), &[Pool::default(); 2], 3);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Put(..))) {
            let before = [scene.lent(0), scene.lent(1)];
            let base = scene.look(|vaults| vaults.vault.base) as u128;
            let done = step.take(&mut scene);
            if !matches!(step, Step::Rebalance) || done.is_err() {
                continue;
            }
            let after = [scene.lent(0), scene.lent(1)];
            prop_assert!(after[0] <= cap.max(before[0]));
            prop_assert!(after[1] as u128 <= (base * share_cap as u128 / 10_000).max(before[1] as u128));
        }
    }
}

#[test]
fn a_deposit_of_an_instant_widens_no_cap() {
    let mut scene = Scene::new(config(0, 2_000), &[Pool::default(); 2], 2);
    scene.deposit(0, 100_000 * ONE).unwrap();
    // Nothing counts before it has been there.
    assert_eq!(scene.rebalance().map(drop), Err(Error::NothingToRebalance));
    scene.wait(3_600);
    let mut flash = scene.clone();
    let bought = flash.deposit(1, 10_000_000 * ONE).unwrap();
    let found = flash.rebalance().unwrap();
    assert_eq!(found.to, Some(1));
    assert!(found.amount <= 20_000 * ONE + 1_000);
    flash.redeem(1, bought.shares.0, 0).unwrap();
    assert!(flash.lent(1) as u128 * 5 <= flash.assets() as u128 + 10);
    // What stays counts in proportion to its time, of an hour.
    scene.deposit(1, 100_000 * ONE).unwrap();
    scene.wait(1_800);
    let base = scene.look(|vaults| vaults.vault.base);
    assert!(base > 190_000 * ONE && base <= 200_100 * ONE, "{base}");
    // What leaves counts no more at once.
    scene.redeem(1, 100_000 * ONE, 0).unwrap();
    assert!(scene.vault.base <= 100_100 * ONE);
}

#[test]
fn a_slot_is_its_markets_until_it_is_empty() {
    let mut scene = Scene::new(VaultConfig { launched: 0, ..policy(3) }, &[Pool::default(); 3], 1);
    scene.vault.config.launched = 1;
    scene.deposit(0, 1_000 * ONE).unwrap();
    scene.put(1, 500 * ONE);
    scene.vault.config.launched = 0;
    let now = scene.now;
    let names = |slot: usize, market: Address| {
        edit(offset_of!(VaultConfig, allocations) + slot * size_of::<AllocationConfig>(), &market.0)
    };
    let mut set = |slot, market| {
        scene.touch();
        scene.vault.set_parameters(&CURATOR, &names(slot, market), now, &mut |_, _| ())
    };
    assert_eq!(set(1, Address::NONE), Err(Error::AllocationInUse));
    assert_eq!(set(1, market(7)), Err(Error::AllocationInUse));
    assert_eq!(set(0, market(1)), Err(Error::AllocationTwice));
    // One in the middle goes, and the others stay where they are.
    assert_eq!(set(0, Address::NONE), Ok(()));
    assert_eq!(scene.vault.open_slots().collect::<Vec<_>>(), [1, 2]);
    assert!(scene.lent(1) >= 499 * ONE);
    // What comes back to a slot has to be opened again.
    assert_eq!(scene.vault.set_parameters(&CURATOR, &names(0, market(0)), now, &mut |_, _| ()), Ok(()));
    assert_eq!(scene.vault.open_slots().collect::<Vec<_>>(), [1, 2]);
    let reserves = scene.markets[0].reserves.clone();
    assert_eq!(scene.vault.open_allocation(0, &market(3), &reserves, now), Err(Error::WrongMarket));
    assert_eq!(scene.vault.open_allocation(8, &market(0), &reserves, now), Err(Error::WrongSlot));
    assert_eq!(scene.vault.open_allocation(3, &Address::NONE, &reserves, now), Err(Error::WrongMarket));
    assert_eq!(scene.vault.open_allocation(0, &market(0), &reserves[1..], now), Err(Error::TokenNotListed));
    assert_eq!(scene.vault.open_allocation(0, &market(0), &reserves, now), Ok(0));
    assert_eq!(scene.vault.open_allocation(0, &market(0), &reserves, now), Err(Error::AllocationOpen));
    // Exits go through slots as before.
    scene.wait(DAY);
    let before = scene.lent(1);
    scene.withdraw(0, 700 * ONE, ALL).unwrap();
    assert!(scene.lent(1) < before && scene.lent(0) == 0);
}
