//! Wrong accounts get a specific error and change nothing.

use ballast_client::{Address, Instruction, TOKEN_PROGRAM, VaultView, from_engine, to_engine};
use ballast_engine::{
    Error,
    state::vault::{Vault, VaultConfig},
};
use ballast_tests::{Token, USD, VaultScene, market_config, reserve_config, with_account};

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
    // Only who pays is looked at: the first slot that has something, in the place of another.
    let pays = scene.vault().allocations.iter().position(|allocation| allocation.shares.0 != 0).expect("it is lent");
    let (at, other) = (3 + 2 * pays, 13 + 2 * ((pays + 1) % 3));
    let wrong = change(at, redeem.accounts[other].pubkey);
    scene.world.send(&[wrong]).expect_error(Error::WrongVault);
    let wrong = change(at + 1, redeem.accounts[other + 1].pubkey);
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

/// Another vault of the scene's curator.
fn create(scene: &mut VaultScene, id: u16, config: VaultConfig, token: (Address, Address)) -> (Instruction, Address) {
    let curator = scene.world.key("curator");
    let source = scene.fund(&curator, Vault::SEED);
    VaultView::create(curator, id, config, token, source)
}

#[test]
fn a_slot_whose_market_lists_no_such_token_is_not_opened() {
    let mut scene = VaultScene::new(1);
    let here = std::mem::take(&mut scene.world.market);
    scene.world.market = scene.world.create_market(200, market_config());
    scene.world.list(Token::new("SOL", 9, 150.0), reserve_config());
    let without = std::mem::replace(&mut scene.world.market, here);
    let (mut config, mint) = (scene.vault().config, scene.mint);
    config.allocations[1] = config.allocations[0];
    config.allocations[1].market = to_engine(&without);
    let (create, vault) = create(&mut scene, 1, config, (mint, TOKEN_PROGRAM));
    scene.world.send(&[create]).expect_ok();
    let view = scene.world.vault(&vault);
    scene.world.send(&[view.open_allocation(1).expect("a slot")]).expect_error(Error::TokenNotListed);
    scene.world.send(&[view.open_allocation(0).expect("a slot")]).expect_ok();
}

/// What a vault pays out must be what it took in.
#[test]
fn a_token_with_a_transfer_fee_gets_no_vault() {
    let mut scene = VaultScene::new(1);
    let reserve = scene.world.list(Token::new("FEE", 6, 1.0).with_fee(100, u64::MAX), reserve_config());
    let record = scene.world.reserve(reserve);
    let token = (from_engine(&record.mint), from_engine(&record.token_program));
    let config = scene.vault().config;
    let (create, _) = create(&mut scene, 1, config, token);
    scene.world.send(&[create]).expect_error(Error::VaultTokenHasFee);
}

/// The place of an allocation in its market is the vault's own: of two vaults over one market none draws on the other's.
#[test]
fn a_vault_draws_on_no_other_vaults_allocation() {
    let mut scene = VaultScene::new(1);
    depositor(&mut scene, "alice", 300_000);
    settle(&mut scene);
    let (config, mint) = (scene.vault().config, scene.mint);
    let (create, poor) = create(&mut scene, 1, config, (mint, TOKEN_PROGRAM));
    scene.world.send(&[create]).expect_ok();
    scene.world.send(&[scene.world.vault(&poor).open_allocation(0).expect("a slot")]).expect_ok();
    let mallory = scene.world.key("mallory");
    let (source, shares) = (scene.fund(&mallory, 1_000 * USD), scene.world.shares(&poor, &mallory));
    let view = scene.world.vault(&poor);
    scene.world.send(&[view.deposit(mallory, source, shares, 1_000 * USD, 0)]).expect_ok();
    let beyond = view.withdraw(mallory, shares, source, 1_001 * USD, u64::MAX, 1);
    scene.world.send(&[beyond]).expect_error(Error::VaultIlliquid);
    // Nor with the rich one's own accounts.
    let rich = scene.vault();
    let redeem = view.redeem(mallory, shares, source, 1_000 * USD, 0, 1);
    for (name, address, error) in [
        ("tokens", rich.tokens, Error::WrongVault),
        ("authority", rich.authority, Error::WrongVaultAuthority),
        ("share_mint", rich.share_mint, Error::WrongMint),
    ] {
        let changed = with_account(redeem.clone(), name, from_engine(&address));
        scene.world.send(&[changed]).expect_error(error);
    }
    scene.world.send(&[redeem]).expect_ok();
}
