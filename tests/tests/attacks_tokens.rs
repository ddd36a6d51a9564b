//! Attacks with tokens: extensions, token accounts in odd states, frozen accounts, and calls that go elsewhere. Those with
//! transfer fees are in `attacks_transfer_fees.rs`.

use ballast_client::{Address, ID, LiquidationOrder, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, from_engine};
use ballast_engine::{
    Error,
    state::token::{Policy, policy},
};
use ballast_tests::{MintSpec, Options, Quote, SOL, Scene, Token, USD, World, reserve_config, with_account};
use solana_account::Account;
use solana_transaction::InstructionError;
use spl_token_2022_interface::extension::ExtensionType;

/// Codes of the token program.
const OWNER_MISMATCH: u32 = 4;
const MINT_MISMATCH: u32 = 3;
const INSUFFICIENT_FUNDS: u32 = 1;
const ACCOUNT_FROZEN: u32 = 17;
/// Where a token account says that it is frozen, and who may move how much for its owner.
const STATE: usize = 108;
const DELEGATE: usize = 72;
const DELEGATED_AMOUNT: usize = 121;

fn change(world: &mut World, address: Address, change: impl FnOnce(&mut Account)) {
    let mut account = world.account(&address);
    change(&mut account);
    world.set_account(address, account);
}

/// One for each way in which tokens move.
fn scenes() -> [Scene; 3] {
    [Scene::new(), Scene::token_2022(), Scene::with_fee()]
}

/// Lists a Token-2022 mint of these bytes.
fn list(world: &mut World, name: &str, data: Vec<u8>) -> ballast_tests::Outcome {
    let mint = world.key(name);
    world.write(mint, TOKEN_2022_PROGRAM, data);
    world.send_listing(mint, TOKEN_2022_PROGRAM, reserve_config())
}

/// A transfer hook is the one way in which a transfer could call back. It and all that takes control of tokens away
/// from their owner is refused by an allow-list, so that what is invented later is refused too.
#[test]
fn token_2022_c21_every_extension_off_the_allow_list_is_refused() {
    let Scene { mut world, .. } = Scene::new();
    let authority = world.payer;
    let mint = |extension: u16, length: u16| {
        let mut data = MintSpec::token_2022(6).extension(ExtensionType::MetadataPointer, vec![0; 64]).data(&authority);
        data.extend(extension.to_le_bytes());
        data.extend(length.to_le_bytes());
        data.extend(vec![0; length as usize]);
        data
    };
    let numbers = || (1..=64).chain([255, 256, 0x1200, u16::MAX]);
    for extension in numbers().filter(|extension| policy(*extension) == Policy::Refused) {
        for length in [0, 32, 108] {
            list(&mut world, "mint", mint(extension, length)).expect_error(Error::MintExtensionNotAllowed);
        }
    }
    for extension in numbers().filter(|extension| policy(*extension) == Policy::Allowed) {
        list(&mut world, &format!("allowed {extension}"), mint(extension, 64)).expect_ok();
    }
    // Fees are read, so their extension is as long as that of the token program, or none of its.
    for length in [0, 32, 107, 109, 216] {
        list(&mut world, "fee", mint(1, length)).expect_error(Error::MintExtensionNotAllowed);
    }
    list(&mut world, "fee", mint(1, 108)).expect_ok();
}

#[test]
fn reentrancy_c20_a_mint_with_a_transfer_hook_is_refused() {
    let Scene { mut world, .. } = Scene::new();
    let spec = MintSpec::token_2022(6).extension(ExtensionType::TransferHook, vec![0; 64]);
    let mint = world.mint("hooked", &spec);
    world.send_listing(mint, TOKEN_2022_PROGRAM, reserve_config()).expect_error(Error::MintExtensionNotAllowed);
}

#[test]
fn token_2022_c21_what_is_no_mint_is_refused() {
    let Scene { mut world, usd, lender, .. } = Scene::token_2022();
    let authority = world.payer;
    let valid = MintSpec::token_2022(6).extension(ExtensionType::MetadataPointer, vec![0; 64]).data(&authority);
    let token_account = world.account(&world.tokens(&lender.key, usd)).data;
    let mut extended_account = token_account.clone();
    extended_account.extend([2, 7, 0, 0, 0]);
    let mut uninitialised = MintSpec::token_2022(6).data(&authority);
    uninitialised[45] = 0;
    let mut wrong_type = valid.clone();
    wrong_type[165] = 2;
    let mut overlong = valid.clone();
    let end = overlong.len();
    overlong[end - 66..end - 64].copy_from_slice(&u16::MAX.to_le_bytes());
    let cut = valid[..valid.len() - 1].to_vec();
    let candidates =
        [token_account, extended_account, uninitialised, wrong_type, overlong, cut, vec![1; 81], vec![1; 165], vec![]];
    for data in candidates {
        list(&mut world, "no mint", data).expect_error(Error::MintExtensionNotAllowed);
    }
}

/// A multisig of a token program holds addresses of its members' choice where a mint holds its decimals and flags.
#[test]
fn token_2022_c21_a_multisig_in_the_shape_of_a_mint_is_not_listed() {
    let Scene { mut world, .. } = Scene::new();
    for program in [TOKEN_PROGRAM, TOKEN_2022_PROGRAM] {
        let mut data = vec![0; 355];
        (data[0], data[1], data[2], data[44], data[45], data[165]) = (1, 1, 1, 6, 1, 1);
        let mint = world.key("multisig");
        world.write(mint, program, data);
        let outcome = world.send_listing(mint, program, reserve_config());
        assert!(!outcome.is_ok(), "{}", outcome.describe());
    }
}

/// The payer's signature is good for the payer's tokens only.
#[test]
fn token_account_c22_tokens_of_others_are_not_paid_in() {
    for Scene { mut world, usd, sol, lender, .. } in scenes() {
        let thief = world.user("thief");
        let victims = world.fund(&lender.key, usd, 1_000 * USD);
        let own = world.fund(&thief.key, usd, 10 * USD);
        let view = world.view();
        let deposit = view.deposit(thief.key, thief.margin, victims, usd, USD).expect("listed");
        world.send_one(deposit.clone()).expect_custom(OWNER_MISMATCH);
        let vault = from_engine(&view.reserves[usd as usize].vault);
        world.send(&[with_account(deposit, "source", vault)]).expect_custom(2040);
        // More than there is, and tokens of another mint.
        world.deposit(thief, usd, 11 * USD).expect_custom(INSUFFICIENT_FUNDS);
        let other = world.fund(&thief.key, sol, SOL);
        let deposit = view.deposit(thief.key, thief.margin, own, usd, USD).expect("listed");
        world.send(&[with_account(deposit, "source", other)]).expect_custom(MINT_MISMATCH);
        let withdraw = view.withdraw(lender.key, lender.margin, other, usd, USD).expect("listed");
        world.send(&[withdraw]).expect_custom(MINT_MISMATCH);
    }
}

/// A delegate may pay in what he was allowed to move, and no more.
#[test]
fn token_account_c22_a_delegate_pays_in_no_more_than_he_was_given() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let delegate = world.user("delegate");
    let source = world.fund(&lender.key, usd, 1_000 * USD);
    change(&mut world, source, |account| {
        account.data[DELEGATE] = 1;
        account.data[DELEGATE + 4..DELEGATE + 36].copy_from_slice(delegate.key.as_ref());
        account.data[DELEGATED_AMOUNT..DELEGATED_AMOUNT + 8].copy_from_slice(&(5 * USD).to_le_bytes());
    });
    let view = world.view();
    let deposit = |amount| view.deposit(delegate.key, lender.margin, source, usd, amount).expect("listed");
    world.send(&[deposit(6 * USD)]).expect_custom(INSUFFICIENT_FUNDS);
    world.send(&[deposit(5 * USD)]).expect_ok();
    world.send(&[deposit(1)]).expect_custom(OWNER_MISMATCH);
}

#[test]
fn token_account_c22_vaults_have_no_delegate_and_no_close_authority() {
    for Scene { world, usd, sol, .. } in scenes() {
        for reserve in [usd, sol] {
            let record = world.reserve(reserve);
            let data = world.account(&from_engine(&record.vault)).data;
            assert_eq!(data[..32], record.mint.0);
            assert_eq!(data[32..64], world.view().market.vault_authority.0);
            assert_eq!(data[DELEGATE..DELEGATE + 4], [0; 4], "no delegate");
            assert_eq!(data[129..133], [0; 4], "no close authority");
            assert_eq!(data[STATE], 1);
        }
    }
}

#[test]
fn frozen_c23_a_frozen_wallet_stops_nothing_but_its_own_transfers() {
    for Scene { mut world, usd, sol, lender, trader } in scenes() {
        world.borrow(trader, usd, 1_000 * USD).expect_ok();
        let wallet = world.tokens(&trader.key, usd);
        change(&mut world, wallet, |account| account.data[STATE] = 2);
        let view = world.view();
        let borrow = view.borrow(trader.key, trader.margin, wallet, usd, 10 * USD).expect("listed");
        world.send(&[borrow]).expect_custom(ACCOUNT_FROZEN);
        let repay = view.repay(trader.key, trader.margin, wallet, usd, 10 * USD).expect("listed");
        world.send(&[repay]).expect_custom(ACCOUNT_FROZEN);
        // Others, other tokens, other wallets, and liquidation go on.
        world.fund(&lender.key, usd, 2_000 * USD);
        world.repay_for(lender.key, trader.margin, usd, 10 * USD).expect_ok();
        world.withdraw(lender, usd, 10 * USD).expect_ok();
        world.withdraw(trader, sol, SOL).expect_ok();
        world.set_price(sol, Quote::dollars(10.0)).expect_ok();
        let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
        world.liquidate(lender.key, trader.margin, order).expect_ok();
        world.assert_conserved();
    }
}

/// Token-2022 lets an account ask for a memo before it takes tokens: whoever does so gets none here, and no one else is
/// the worse for it.
#[test]
fn token_account_c22_an_account_that_asks_for_a_memo_refuses_its_own_payments_only() {
    const NO_MEMO: u32 = 36;
    let Scene { mut world, usd, lender, .. } = Scene::token_2022();
    let asking = world.fund(&lender.key, usd, 0);
    change(&mut world, asking, |account| {
        account.data.push(2);
        account.data.extend((ExtensionType::MemoTransfer as u16).to_le_bytes());
        account.data.extend([1, 0, 1]);
    });
    let view = world.view();
    let withdraw = view.withdraw(lender.key, lender.margin, asking, usd, USD).expect("listed");
    world.send_one(withdraw).expect_custom(NO_MEMO);
    let other = world.key("other");
    let destination = world.fund(&other, usd, 0);
    let withdraw = view.withdraw(lender.key, lender.margin, destination, usd, USD).expect("listed");
    world.send_one(withdraw).expect_ok();
    world.assert_conserved();
}

/// A mint's freeze authority may freeze the vault itself: its reserve stands still, the others do not.
#[test]
fn frozen_c23_a_frozen_vault_stops_its_own_reserve_only() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.supply(lender, sol, 10 * SOL);
    let vault = from_engine(&world.reserve(usd).vault);
    change(&mut world, vault, |account| account.data[STATE] = 2);
    world.withdraw(lender, usd, USD).expect_custom(ACCOUNT_FROZEN);
    world.borrow(trader, usd, 100 * USD).expect_custom(ACCOUNT_FROZEN);
    world.fund(&lender.key, usd, USD);
    world.deposit(lender, usd, USD).expect_custom(ACCOUNT_FROZEN);
    world.withdraw(lender, sol, SOL).expect_ok();
    world.supply(trader, sol, SOL);
    world.withdraw(trader, sol, SOL).expect_ok();
    world.health(lender.margin);
    world.assert_conserved();
}

/// The user's signature goes into one call, of the token program that the reserve names.
#[test]
fn privilege_forwarding_c18_signatures_reach_no_program_of_the_callers_choice() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let liquidator = world.key("liquidator");
    let (source, destination) = (world.fund(&liquidator, usd, USD), world.fund(&liquidator, sol, 0));
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    let liquidate = world.view().liquidate(liquidator, trader.margin, source, destination, order).expect("listed");
    for place in ["debt_token_program", "collateral_token_program"] {
        for program in [ID, TOKEN_2022_PROGRAM] {
            let attack = with_account(liquidate.clone(), place, program);
            world.send(&[attack]).expect_error(Error::WrongTokenProgram);
        }
    }
}

/// A program that calls signs with an address of its own, which holds nothing and cannot pay for anything.
#[test]
fn privilege_forwarding_c18_an_owner_may_be_another_programs_address_and_needs_no_lamports() {
    let mut world = World::with(Options { verify_signatures: false });
    let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
    let (owner, _) = Address::find_program_address(&[b"owner"], &TOKEN_2022_PROGRAM);
    world.launch();
    let (payer, view) = (world.payer, world.view());
    world.send_from(payer, &[view.open_account(owner, payer, 0)]).expect_ok();
    let margin = view.margin_account(&owner, 0);
    let destination = world.fund(&owner, usd, 10 * USD);
    let deposit = view.deposit(owner, margin, destination, usd, 10 * USD).expect("listed");
    world.send_from(payer, &[deposit]).expect_ok();
    let withdraw = view.withdraw(owner, margin, destination, usd, u64::MAX).expect("listed");
    let mut unsigned = withdraw.clone();
    unsigned.accounts[0].is_signer = false;
    world.send_from(payer, &[unsigned]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    world.send_from(payer, &[withdraw]).expect_ok();
    assert_eq!(world.balance(&owner, usd), 10 * USD);
    world.send_from(payer, &[view.close_account(owner, margin, payer)]).expect_ok();
    assert!(world.find_account(&owner).is_none(), "it never held a lamport");
}
