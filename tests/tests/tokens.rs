//! Which mints can be listed, and that both token programs' tokens go all the way.

#[path = "support/token_2022.rs"]
mod token_2022;

use ballast_client::{Address, PYTH_RECEIVERS, TOKEN_2022_PROGRAM, TOKEN_PROGRAM};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    state::token::{EXTENSIONS, Mint, Policy, TransferFee, policy},
};
use ballast_tests::{MintSpec, Outcome, Scene, Token, USD, World, reserve_config};
use solana_instruction::Instruction;
use spl_token_2022_interface::{
    extension::{self, ExtensionType},
    instruction as token,
    state::AccountState,
};
use token_2022::{PROGRAM, create};

/// Lists a mint and has it lent, borrowed, repaid and taken back.
fn goes_all_the_way(world: &mut World, mint: Address, program: Address, backing: u8) {
    world.send_listing(mint, program, reserve_config()).expect_ok();
    let reserve = (world.view().reserves.len() - 1) as u8;
    world.set_price(reserve, ballast_tests::Quote::dollars(1.0)).expect_ok();
    let (lender, trader) = (world.user("new lender"), world.user("new trader"));
    world.supply(lender, reserve, 1_000 * USD);
    world.supply(trader, backing, 1_000 * USD);
    world.refresh_all();
    world.borrow(trader, reserve, 100 * USD).expect_ok();
    world.advance(1_000);
    world.fund(&trader.key, reserve, 10 * USD);
    world.repay(trader, reserve, EVERYTHING).expect_ok();
    world.withdraw(lender, reserve, EVERYTHING).expect_ok();
    assert!(
        world.balance(&lender.key, reserve) > world.transfer_fee(reserve).arriving(1_000 * USD).expect("something")
    );
    world.assert_conserved();
}

fn list(world: &mut World, mint: Address, program: Address) -> Outcome {
    world.send_listing(mint, program, reserve_config())
}

#[test]
fn plain_mints_of_both_programs_go_all_the_way() {
    for spec in [MintSpec::spl(6), MintSpec::token_2022(6)] {
        let Scene { mut world, usd, .. } = Scene::new();
        let mint = world.mint("new", &spec);
        goes_all_the_way(&mut world, mint, spec.program, usd);
    }
}

#[test]
fn a_freeze_authority_is_accepted_and_a_frozen_account_gets_nothing() {
    let Scene { mut world, usd, .. } = Scene::new();
    let spec = MintSpec { freeze_authority: Some(world.payer), ..MintSpec::spl(6) };
    let mint = world.mint("freezable", &spec);
    goes_all_the_way(&mut world, mint, spec.program, usd);
    let user = world.user("user");
    world.supply(user, 2, 50);
    let tokens = world.fund(&user.key, 2, 0);
    let mut account = world.account(&tokens);
    const FROZEN: u8 = 2;
    account.data[108] = FROZEN;
    world.set_account(tokens, account);
    let withdrawal = world.view().withdraw(user.key, user.margin, tokens, 2, 1).expect("exists");
    const ACCOUNT_FROZEN: u32 = 17;
    world.send(&[withdrawal]).expect_custom(ACCOUNT_FROZEN);
}

#[test]
fn metadata_groups_and_their_pointers_are_allowed() {
    let mut world = Scene::new().world;
    let mint = world.key("described");
    let pointers = [
        (
            ExtensionType::MetadataPointer,
            extension::metadata_pointer::instruction::initialize(&PROGRAM, &mint, None, Some(mint)).expect("valid"),
        ),
        (
            ExtensionType::GroupPointer,
            extension::group_pointer::instruction::initialize(&PROGRAM, &mint, None, Some(mint)).expect("valid"),
        ),
        (
            ExtensionType::GroupMemberPointer,
            extension::group_member_pointer::instruction::initialize(&PROGRAM, &mint, None, Some(mint)).expect("valid"),
        ),
    ];
    create(&mut world, mint, 6, &pointers);
    goes_all_the_way(&mut world, mint, PROGRAM, 0);
}

#[test]
fn metadata_in_the_mint_is_allowed() {
    let mut world = Scene::new().world;
    let pointer = [[0; 32], world.key("named").to_bytes()].concat();
    let text = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    // Update authority, mint, name, symbol, address of more, no further fields.
    let metadata =
        [&pointer[..32], &pointer[32..], &text("Token"), &text("TKN"), &text("https://example.org"), &[0; 4]].concat();
    let spec = MintSpec::token_2022(6)
        .extension(ExtensionType::MetadataPointer, pointer)
        .extension(ExtensionType::TokenMetadata, metadata)
        .extension(ExtensionType::TokenGroup, vec![0; 80])
        .extension(ExtensionType::TokenGroupMember, vec![0; 72]);
    let mint = world.mint("named", &spec);
    goes_all_the_way(&mut world, mint, PROGRAM, 0);
}

#[test]
fn extensions_that_change_amounts_or_give_others_power_are_refused() {
    type Initialize = fn(&Address) -> Instruction;
    let extensions: [(ExtensionType, Initialize); 10] = [
        (ExtensionType::MintCloseAuthority, |mint| {
            token::initialize_mint_close_authority(&PROGRAM, mint, Some(mint)).expect("valid")
        }),
        (ExtensionType::ConfidentialTransferMint, |mint| {
            extension::confidential_transfer::instruction::initialize_mint(&PROGRAM, mint, Some(*mint), true, None)
                .expect("valid")
        }),
        (ExtensionType::DefaultAccountState, |mint| {
            extension::default_account_state::instruction::initialize_default_account_state(
                &PROGRAM,
                mint,
                &AccountState::Initialized,
            )
            .expect("valid")
        }),
        (ExtensionType::NonTransferable, |mint| {
            token::initialize_non_transferable_mint(&PROGRAM, mint).expect("valid")
        }),
        (ExtensionType::InterestBearingConfig, |mint| {
            extension::interest_bearing_mint::instruction::initialize(&PROGRAM, mint, None, 10).expect("valid")
        }),
        (ExtensionType::PermanentDelegate, |mint| {
            token::initialize_permanent_delegate(&PROGRAM, mint, mint).expect("valid")
        }),
        (ExtensionType::TransferHook, |mint| {
            extension::transfer_hook::instruction::initialize(&PROGRAM, mint, Some(*mint), None).expect("valid")
        }),
        (ExtensionType::ScaledUiAmount, |mint| {
            extension::scaled_ui_amount::instruction::initialize(&PROGRAM, mint, None, 2.0).expect("valid")
        }),
        (ExtensionType::Pausable, |mint| {
            extension::pausable::instruction::initialize(&PROGRAM, mint, mint).expect("valid")
        }),
        (ExtensionType::PermissionedBurn, |mint| {
            extension::permissioned_burn::instruction::initialize(&PROGRAM, mint, mint).expect("valid")
        }),
    ];
    let mut world = World::new();
    let mint = world.key("extended");
    for (extension, initialize) in extensions {
        create(&mut world, mint, 6, &[(extension, initialize(&mint))]);
        let refused = list(&mut world, mint, PROGRAM);
        assert_eq!(
            refused.engine_error(),
            Some(Error::MintExtensionNotAllowed),
            "{extension:?}: {}",
            refused.describe()
        );
    }
}

/// The table is of what the token program knows, and the program keeps to it; of what a later one knows it lists nothing.
#[test]
fn every_extension_has_a_policy_that_the_program_keeps_to() {
    let known: Vec<_> = (0..=u16::MAX).filter_map(|number| ExtensionType::try_from(number).ok()).collect();
    assert_eq!(EXTENSIONS.len(), known.len());
    let mut world = World::new();
    for (number, extension) in (0..).zip(known) {
        let row = EXTENSIONS[number as usize];
        assert_eq!((extension as u16, format!("{extension:?}")), (number, row.name.into()));
        assert_eq!(row.policy, policy(number));
        assert!(!row.reason.is_empty());
        // The variable one is of any length.
        let length = ExtensionType::try_calculate_account_len::<token_2022::State>(&[extension]);
        let length = length.map_or(100, |length| length - 170);
        let mint = world.mint(row.name, &MintSpec::token_2022(6).extension(extension, vec![0; length]));
        let read = Mint::read(&world.account(&mint).data);
        let outcome = list(&mut world, mint, PROGRAM);
        match row.policy {
            Policy::Refused => {
                assert_eq!(read, Err(Error::MintExtensionNotAllowed), "{}", row.name);
                outcome.expect_error(Error::MintExtensionNotAllowed);
                continue;
            }
            Policy::Allowed => assert_eq!(read.expect("allowed").fees, None),
            Policy::TransferFee => assert!(read.expect("handled").fees.is_some()),
        }
        outcome.expect_ok();
        let transfers = if row.policy == Policy::TransferFee { 2 } else { 1 };
        assert_eq!(world.view().reserves.last().expect("listed").transfers, transfers, "{}", row.name);
    }
    for number in (EXTENSIONS.len() as u16..200).chain([0x0100, 0x0112, 1 << 14, u16::MAX]) {
        assert_eq!(policy(number), Policy::Refused);
        let spec = MintSpec::token_2022(6).extension(ExtensionType::MetadataPointer, vec![0; 64]);
        let mint = world.mint("unknown", &spec);
        let mut data = world.account(&mint).data;
        data[166..168].copy_from_slice(&number.to_le_bytes());
        world.write(mint, PROGRAM, data);
        list(&mut world, mint, PROGRAM).expect_error(Error::MintExtensionNotAllowed);
    }
}

/// What lists say that people read is what the table says.
#[test]
fn the_policy_is_written_down_as_it_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("SECURITY.md")).expect("the page");
    for row in EXTENSIONS {
        let alike = EXTENSIONS.iter().filter(|other| (other.policy, other.reason) == (row.policy, row.reason));
        let names = alike.map(|row| format!("`{}`", row.name)).collect::<Vec<_>>().join(", ");
        let policy = match row.policy {
            Policy::Allowed => "allowed",
            Policy::TransferFee => "handled",
            Policy::Refused => "refused",
        };
        let line = format!("| {names} | {policy} | {} |", row.reason);
        assert!(page.contains(&line), "SECURITY.md does not say `{line}`");
    }
}

#[test]
fn a_transfer_fee_is_found_among_other_extensions_and_goes_all_the_way() {
    let mut world = Scene::new().world;
    let mint = world.key("described, with a fee");
    let pointer =
        extension::metadata_pointer::instruction::initialize(&PROGRAM, &mint, None, Some(mint)).expect("valid");
    let fee = token_2022::with_fee(&world, &mint, TransferFee { bps: 50, maximum: 7 * USD });
    create(&mut world, mint, 6, &[(ExtensionType::MetadataPointer, pointer), fee]);
    goes_all_the_way(&mut world, mint, PROGRAM, 0);
}

#[test]
fn a_forbidden_extension_is_found_behind_allowed_ones_and_unknown_ones_are_forbidden() {
    let mut world = World::new();
    let pointer = || MintSpec::token_2022(6).extension(ExtensionType::MetadataPointer, vec![0; 64]);
    for spec in [
        pointer().extension(ExtensionType::TransferHook, vec![0; 64]),
        pointer().extension(ExtensionType::ConfidentialMintBurn, vec![0; 196]),
        pointer().extension(ExtensionType::ConfidentialTransferFeeConfig, vec![0; 129]),
        // Extensions of token accounts have no place in a mint.
        pointer().extension(ExtensionType::ImmutableOwner, vec![]),
        pointer().extension(ExtensionType::CpiGuard, vec![0]),
    ] {
        let mint = world.mint("mint", &spec);
        list(&mut world, mint, PROGRAM).expect_error(Error::MintExtensionNotAllowed);
    }
    // A type of the future, a length beyond the end, an entry cut short.
    let allowed = world.mint("mint", &pointer());
    let data = world.account(&allowed).data;
    for (offset, bytes) in [(166, [200, 0]), (166, [0, 1]), (168, [65, 0]), (168, [255, 255])] {
        let mut data = data.clone();
        data[offset..offset + 2].copy_from_slice(&bytes);
        world.write(allowed, PROGRAM, data);
        list(&mut world, allowed, PROGRAM).expect_error(Error::MintExtensionNotAllowed);
    }
    world.write(allowed, PROGRAM, data);
    list(&mut world, allowed, PROGRAM).expect_ok();
}

#[test]
fn what_is_not_a_mint_of_a_token_program_cannot_be_listed() {
    let mut world = Scene::new().world;
    let good = world.mint("good", &MintSpec::spl(6));
    let data = world.account(&good).data;
    let candidate = world.key("candidate");

    // Of another program, which looks like one; or of the other token program than the one given.
    for owner in [ballast_client::ID, PYTH_RECEIVERS[0], ballast_client::SYSTEM_PROGRAM] {
        world.write(candidate, owner, data.clone());
        list(&mut world, candidate, TOKEN_PROGRAM).expect_error(Error::MintNotOwnedByTokenProgram);
        list(&mut world, candidate, owner).expect_error(Error::MintNotOwnedByTokenProgram);
    }
    world.write(candidate, TOKEN_PROGRAM, data.clone());
    list(&mut world, candidate, TOKEN_2022_PROGRAM).expect_error(Error::MintNotOwnedByTokenProgram);

    // Not initialised; a token account; cut short.
    let mut blank = data.clone();
    blank[45] = 0;
    let user = world.key("user");
    let tokens = world.fund(&user, 0, 5);
    let account = world.account(&tokens).data;
    for bytes in [blank, account, data[..81].to_vec(), vec![]] {
        for program in [TOKEN_PROGRAM, TOKEN_2022_PROGRAM] {
            world.write(candidate, program, bytes.clone());
            list(&mut world, candidate, program).expect_error(Error::MintExtensionNotAllowed);
        }
    }

    let many = world.mint("many decimals", &MintSpec::spl(19));
    list(&mut world, many, TOKEN_PROGRAM).expect_error(Error::MintDecimalsAboveCeiling);
    for decimals in [0, 18] {
        let mint = world.mint(&format!("{decimals} decimals"), &MintSpec::spl(decimals));
        list(&mut world, mint, TOKEN_PROGRAM).expect_ok();
    }
}

#[test]
fn tokens_of_both_programs_meet_in_one_account() {
    let mut world = World::new();
    let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
    let sol = world.list(Token::new("SOL", 9, 150.0).token_2022(), reserve_config());
    let (lender, trader) = (world.user("lender"), world.user("trader"));
    world.supply(lender, usd, 100_000 * USD);
    world.supply(trader, sol, 100_000_000_000);
    world.refresh_all();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, ballast_tests::Quote::dollars(120.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 10_000 * USD);
    let order = ballast_client::LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 1 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    assert!(world.balance(&liquidator, sol) > 0);
    world.assert_conserved();
}
