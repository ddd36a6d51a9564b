//! Wrong accounts get a specific error and change nothing.

use ballast_client::{Address, Instruction};
use ballast_engine::Error;
use ballast_tests::{USD, VaultScene, with_account};

use super::{depositor, settle};

#[test]
fn every_account_of_an_exit_must_be_the_vaults_own() {
    let mut scene = VaultScene::new(3);
    let alice = depositor(&mut scene, "alice", 300_000);
    settle(&mut scene);
    let amount = scene.vault().idle + 10_000 * USD;
    let redeem = scene.redemption(alice, amount, 0b111);
    let stranger = scene.world.key("stranger");
    let cases = [
        ("tokens", Error::WrongVault),
        ("authority", Error::WrongVaultAuthority),
        ("mint", Error::WrongMint),
        ("token_program", Error::WrongTokenProgram),
        ("share_mint", Error::WrongMint),
        ("share_program", Error::WrongTokenProgram),
    ];
    for (name, error) in cases {
        scene.world.send(&[with_account(redeem.clone(), name, stranger)]).expect_error(error);
    }
    // Behind them: three markets, and two accounts for each that pays.
    let change = |nth: usize, address: Address| {
        let mut changed = redeem.clone();
        changed.accounts[10 + nth].pubkey = address;
        changed
    };
    let cut = |count: usize| Instruction {
        accounts: redeem.accounts[..redeem.accounts.len() - count].to_vec(),
        ..redeem.clone()
    };
    let (first, second) = (scene.markets[0], scene.markets[1]);
    scene.world.send(&[change(0, second)]).expect_error(Error::WrongMarket);
    scene.world.send(&[change(0, stranger)]).expect_error(Error::WrongMarket);
    scene.world.send(&[change(1, first)]).expect_error(Error::WrongMarket);
    for missing in [1, 6, 9] {
        scene.world.send(&[cut(missing)]).expect_error(Error::MarketMissing);
    }
    let mut more = redeem.clone();
    more.accounts.push(redeem.accounts[10].clone());
    scene.world.send(&[more]).expect_error(Error::MarketMissing);
    let wrong = change(3, redeem.accounts[15].pubkey);
    scene.world.send(&[wrong]).expect_error(Error::WrongVault);
    let wrong = change(4, redeem.accounts[16].pubkey);
    scene.world.send(&[wrong]).expect_error(Error::WrongVaultAuthority);
    scene.world.send(&[redeem]).expect_ok();
}

#[test]
fn a_market_opens_one_slot_of_the_vault_that_names_it() {
    let mut scene = VaultScene::new(1);
    let view = scene.view();
    scene.world.send(&[view.open_allocation(0).expect("a slot")]).expect_error(Error::AllocationOpen);
    let mut other = view.open_allocation(1).expect("a slot");
    other.accounts[1].pubkey = scene.markets[0];
    scene.world.send(&[other]).expect_error(Error::WrongMarket);
    let mut beyond = view.open_allocation(0).expect("a slot");
    beyond.data[1] = 8;
    scene.world.send(&[beyond]).expect_error(Error::WrongSlot);
}
