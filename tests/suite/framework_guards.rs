//! The framework is a release candidate: what the program relies on it for, account by account. A valid instruction is
//! changed in one thing, must be refused for exactly that, and must change nothing (which `World::send` checks).

use crate::support::{
    every_instruction_market::{EveryInstructionMarket, Place, program_account},
    sources::{sources, sources_of_all_tests},
};
use ballast_client::{Address, ID, Instruction, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, instruction as ix};
use ballast_engine::{
    Error,
    state::{
        account::MarginAccount,
        change::Change,
        insurance::Stake,
        market::Market,
        vault::{ExitRequest, TermDeposit, Vault},
    },
};
use solana_transaction::{InstructionError, TransactionError};

/// Sends a changed instruction in its transaction, paid for by a bystander so that no flag is widened by that.
#[track_caller]
fn refuse(market: &mut EveryInstructionMarket, place: &str, instruction: Instruction, reasons: &[InstructionError]) {
    let tag = instruction.data[0];
    let (mut transaction, index) = market.transaction(instruction);
    if index > 0 {
        // What begins something looks for its end, which the changed one may not be.
        transaction.push(market.valid(tag));
    }
    refuse_in(market, place, &transaction, index, reasons);
}

/// Sends it alone: another instruction of the transaction would widen its flags. They are looked at before anything else.
#[track_caller]
fn refuse_flags(market: &mut EveryInstructionMarket, place: &str, instruction: Instruction, reason: InstructionError) {
    refuse_in(market, place, &[instruction], 0, &[reason]);
}

#[track_caller]
fn refuse_in(
    market: &mut EveryInstructionMarket,
    place: &str,
    transaction: &[Instruction],
    index: usize,
    reasons: &[InstructionError],
) {
    let bystander = market.world.key("bystander");
    let outcome = market.world.send_from(bystander, transaction);
    let Some(TransactionError::InstructionError(failed, reason)) = &outcome.error else {
        panic!("{place}: {}", outcome.describe())
    };
    assert_eq!(*failed as usize, index, "{place}: {}", outcome.describe());
    assert!(reasons.contains(reason), "{place}: {reason:?} instead of {reasons:?}\n{}", outcome.describe());
}

fn engine(error: Error) -> InstructionError {
    InstructionError::Custom(error.code())
}

/// Why a vault is refused in the place of a market that is governed. Both are taken there, so it is loaded: then it is no market that
/// the instruction speaks of.
fn no_market(place: &Place) -> InstructionError {
    match place.instruction.name {
        "set_parameters" => engine(Error::ReserveIndexOutOfRange),
        "accept_authority" => engine(Error::NotNominee),
        // A change is kept at an address of what it is of.
        "queue_change" => InstructionError::InvalidSeeds,
        _ => engine(Error::WrongChange),
    }
}

#[test]
fn every_instruction_of_the_stage_is_valid_as_it_is() {
    let mut market = EveryInstructionMarket::new();
    let bystander = market.world.key("bystander");
    for (instruction, spec) in market.valid.clone().into_iter().zip(ballast_client::instruction::ALL) {
        assert_eq!(instruction.data[0], spec.tag, "{}", spec.name);
        market.send_in_a_fork(instruction.clone()).1.expect_ok();
        let (transaction, _) = market.transaction(instruction);
        market.world.fork().send_from(bystander, &transaction).expect_ok();
    }
    assert_eq!(market.valid.len(), ballast_client::instruction::ALL.len());
}

#[test]
fn an_account_that_must_sign_and_does_not_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for place in EveryInstructionMarket::places().into_iter().filter(|place| place.account.signer) {
        let mut instruction = market.replaced(place, market.address(place));
        instruction.accounts[place.index].is_signer = false;
        refuse_flags(&mut market, &place.name(), instruction, InstructionError::MissingRequiredSignature);
    }
}

#[test]
fn an_account_that_must_be_writable_and_is_not_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for place in EveryInstructionMarket::places().into_iter().filter(|place| place.account.writable) {
        let mut instruction = market.replaced(place, market.address(place));
        instruction.accounts[place.index].is_writable = false;
        let reason = match (place.account.signer, place.is_created()) {
            // The framework reads both flags of a signer at once.
            (true, _) => InstructionError::MissingRequiredSignature,
            // An account that the program creates is refused by the runtime when the system program is called.
            (_, true) => InstructionError::PrivilegeEscalation,
            _ => InstructionError::Custom(2000),
        };
        refuse_flags(&mut market, &place.name(), instruction, reason);
    }
}

#[test]
fn a_record_of_another_owner_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for place in EveryInstructionMarket::places().into_iter().filter(Place::is_record) {
        for owner in [SYSTEM_PROGRAM, TOKEN_PROGRAM, Address::new_from_array([9; 32])] {
            let forged = market.forged(place, |account| account.owner = owner);
            let instruction = market.replaced(place, forged);
            refuse(&mut market, &place.name(), instruction, &[InstructionError::IllegalOwner]);
        }
    }
}

#[test]
fn a_record_of_another_discriminator_is_refused() {
    let mut market = EveryInstructionMarket::new();
    let reasons = [InstructionError::InvalidAccountData];
    for place in EveryInstructionMarket::places().into_iter().filter(Place::is_record) {
        // The others', none, that of a closed account, and one off by a bit at either end.
        let own = market.world.account(&market.address(place)).data;
        let flipped = |at: usize| {
            let mut discriminator: [u8; 8] = own[..8].try_into().expect("eight bytes");
            discriminator[at] ^= 1;
            discriminator
        };
        let records = [
            Market::DISCRIMINATOR,
            MarginAccount::DISCRIMINATOR,
            Stake::DISCRIMINATOR,
            Change::DISCRIMINATOR,
            Vault::DISCRIMINATOR,
            ExitRequest::DISCRIMINATOR,
            TermDeposit::DISCRIMINATOR,
        ];
        let others = records.into_iter().filter(|discriminator| own[..8] != *discriminator);
        for discriminator in others.chain([[0; 8], [u8::MAX; 8], flipped(0), flipped(7)]) {
            let forged = market.forged(place, |account| account.data[..8].copy_from_slice(&discriminator));
            let instruction = market.replaced(place, forged);
            let is_vault = place.is_governed() && discriminator == Vault::DISCRIMINATOR;
            let reasons = if is_vault { &[no_market(&place)] } else { &reasons };
            refuse(&mut market, &place.name(), instruction, reasons);
        }
    }
}

#[test]
fn a_record_that_is_too_short_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for place in EveryInstructionMarket::places().into_iter().filter(Place::is_record) {
        let header = match place.account.name {
            "market" => 608,
            "stake" => 152,
            "change" => 552,
            "vault" => 3_080,
            "request" | "term" => 160,
            _ => 512,
        };
        for length in [header - 1, 9, 8, 7, 0] {
            let forged = market.forged(place, |account| account.data.truncate(length));
            let instruction = market.replaced(place, forged);
            refuse(&mut market, &place.name(), instruction, &[InstructionError::AccountDataTooSmall]);
        }
    }
}

/// A market says how many reserves it holds; the count must not reach beyond its data.
#[test]
fn a_market_that_claims_more_reserves_than_it_holds_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for place in
        EveryInstructionMarket::places().into_iter().filter(|place| place.is_record() && place.account.name == "market")
    {
        let held = (market.world.account(&market.address(place)).data.len() - 608) as u32 / 1_024;
        for count in [held + 1, held + 2, 64, 1 << 22, u32::MAX] {
            let forged = market.forged(place, |account| account.data[600..604].copy_from_slice(&count.to_le_bytes()));
            let instruction = market.replaced(place, forged);
            refuse(&mut market, &place.name(), instruction, &[InstructionError::InvalidAccountData]);
        }
    }
}

#[test]
fn an_account_that_is_not_there_is_refused() {
    let mut market = EveryInstructionMarket::new();
    let nowhere = Address::new_from_array([77; 32]);
    for place in EveryInstructionMarket::places().into_iter().filter(Place::is_record) {
        let instruction = market.replaced(place, nowhere);
        // Read-only records are asked for their owner first, others for their length.
        let reasons = [InstructionError::UninitializedAccount, InstructionError::AccountDataTooSmall];
        refuse(&mut market, &place.name(), instruction, &reasons);
    }
}

#[test]
fn one_record_is_not_taken_for_another() {
    let mut market = EveryInstructionMarket::new();
    let own = |place: Place, market: &EveryInstructionMarket| market.world.account(&market.address(place)).data;
    let records: Vec<Place> = EveryInstructionMarket::places().into_iter().filter(Place::is_record).collect();
    let of_each_kind: Vec<Place> = ["market", "margin_account", "stake", "change", "vault", "request", "term"]
        .map(|name| *records.iter().find(|place| place.account.name == name).expect("one of each kind"))
        .to_vec();
    for place in records {
        let length = own(place, &market).len();
        for other in of_each_kind.iter().filter(|other| other.account.name != place.account.name) {
            // As long as the record whose place it takes, so that its length does not give it away.
            let mut data = own(*other, &market);
            data.resize(data.len().max(length), 0);
            let impostor = market.world.key("impostor");
            market.world.set_account(impostor, program_account(data));
            let instruction = market.replaced(place, impostor);
            let is_vault = place.is_governed() && other.account.name == "vault";
            let reason = if is_vault { no_market(&place) } else { InstructionError::InvalidAccountData };
            refuse(&mut market, &place.name(), instruction, &[reason]);
        }
    }
}

/// All that is wrong is the market, or the vault, that a record names. What takes no market has none to mix up.
#[test]
fn a_record_of_another_market_is_refused() {
    let mut market = EveryInstructionMarket::new();
    let mut refused = 0;
    for place in EveryInstructionMarket::places().into_iter().filter(Place::is_record) {
        let (of, bytes, error) = match place.account.name {
            "market" | "vault" => continue,
            "change" => ("market", 24..56, Error::WrongChange),
            "request" | "term" => ("vault", 16..48, Error::WrongVaultOfAccount),
            _ => ("market", 16..48, Error::WrongMarket),
        };
        let Some(of) = place.instruction.accounts.iter().position(|account| account.name == of) else { continue };
        let own = market.address(place);
        let of = market.valid(place.instruction.tag).accounts[of].pubkey;
        assert_eq!(market.world.account(&own).data[bytes.clone()], of.to_bytes(), "{}", place.name());
        let forged = market.forged(place, |account| account.data[bytes].fill(7));
        let instruction = market.replaced(place, forged);
        refuse(&mut market, &place.name(), instruction, &[engine(error)]);
        refused += 1;
    }
    assert_eq!(refused, 37, "records beside a market or a vault");
}

/// Whether an account may be given twice: one that the program only takes lamports from or gives them to.
fn is_shareable(place: &Place) -> bool {
    let shareable = [
        ("open_account", "payer"),
        ("open_stake", "payer"),
        ("queue_change", "payer"),
        ("list_reserve", "payer"),
        ("list_reserve", "recipient"),
        ("list_perp", "payer"),
        ("list_perp", "recipient"),
        ("execute_change", "recipient"),
        ("cancel_change", "recipient"),
        ("close_account", "recipient"),
        ("close_stake", "recipient"),
        ("request_exit", "payer"),
        ("lock_term", "payer"),
        ("cancel_exit", "recipient"),
        ("claim_exit", "recipient"),
        ("end_term", "recipient"),
    ];
    shareable.contains(&(place.instruction.name, place.account.name))
}

#[test]
fn an_account_given_twice_is_refused_if_it_is_written_to() {
    let mut market = EveryInstructionMarket::new();
    let places = EveryInstructionMarket::places();
    let is_exclusive = |place: &Place| place.account.writable && !is_shareable(place);
    let mut pairs = 0;
    for first in &places {
        for second in &places {
            let same_instruction = first.instruction.tag == second.instruction.tag;
            if !same_instruction || first.index == second.index || !(is_exclusive(first) || is_exclusive(second)) {
                continue;
            }
            let mut instruction = market.replaced(*second, market.address(*first));
            // What has no key cannot sign; the framework looks for duplicates before it looks for signatures.
            instruction.accounts[second.index].is_signer = first.account.signer;
            let name = format!("{} = {}", second.name(), first.name());
            refuse(&mut market, &name, instruction, &[InstructionError::Custom(2040)]);
            pairs += 1;
        }
    }
    assert!(pairs > 200, "only {pairs} pairs");
}

#[test]
fn a_program_in_place_of_another_is_refused() {
    let mut market = EveryInstructionMarket::new();
    let data_account = market.world.key("not a program");
    for place in EveryInstructionMarket::places() {
        let (wrong, not_a_program) = match (place.instruction.name, place.account.name) {
            (_, "system_program") => (InstructionError::IncorrectProgramId, InstructionError::Custom(2007)),
            // The program of a mint that nothing names yet: all that can be wrong is that it does not own the mint.
            ("list_reserve" | "create_vault", "token_program") => {
                let reason = engine(Error::MintNotOwnedByTokenProgram);
                (reason.clone(), reason)
            }
            // Shares are of SPL Token, whatever the vault's token is of. Both places hold that program here, and neither is written to.
            (_, name) if name.ends_with("token_program") || name == "share_program" => {
                (engine(Error::WrongTokenProgram), engine(Error::WrongTokenProgram))
            }
            _ => continue,
        };
        for program in [TOKEN_2022_PROGRAM, ID] {
            let instruction = market.replaced(place, program);
            refuse(&mut market, &place.name(), instruction, std::slice::from_ref(&wrong));
        }
        let instruction = market.replaced(place, data_account);
        refuse(&mut market, &place.name(), instruction, &[not_a_program]);
    }
}

/// What the program checks itself, because the framework loads these accounts unchecked.
#[test]
fn a_lookalike_of_an_unchecked_account_is_refused() {
    let mut market = EveryInstructionMarket::new();
    for place in EveryInstructionMarket::places().into_iter().filter(|place| !place.is_record()) {
        let reason = match (place.instruction.name, place.account.name) {
            ("create_market", "market" | "vault_authority") | ("list_reserve", "vault" | "mint") => {
                InstructionError::InvalidSeeds
            }
            ("open_account", "margin_account") | ("open_stake", "stake") | ("queue_change", "change") => {
                InstructionError::InvalidSeeds
            }
            ("create_vault", "vault" | "authority" | "tokens" | "share_mint") => InstructionError::InvalidSeeds,
            ("request_exit", "request") | ("lock_term", "term") => InstructionError::InvalidSeeds,
            // A vault may be of any token. That this one is not the source's is the token program's to find.
            ("create_vault", "mint") => InstructionError::Custom(3),
            ("resolve_perp", "authority") => engine(Error::NotMarketAuthority),
            (_, "authority") if place.instruction.tag >= ix::OpenAllocation::SPEC.tag => {
                engine(Error::WrongVaultAuthority)
            }
            (_, "tokens") => engine(Error::WrongVault),
            ("list_reserve" | "list_perp" | "execute_change" | "cancel_change", "recipient") => {
                engine(Error::WrongChange)
            }
            (_, "instructions") => InstructionError::UnsupportedSysvar,
            (_, "vault_authority") => engine(Error::WrongVaultAuthority),
            (_, name) if name.ends_with("vault") => engine(Error::WrongVault),
            (_, name) if name.ends_with("mint") => engine(Error::WrongMint),
            _ => continue,
        };
        let exists = market.world.find_account(&market.address(place)).is_some();
        let lookalike = if exists { market.forged(place, |_| ()) } else { Address::new_from_array([78; 32]) };
        let instruction = market.replaced(place, lookalike);
        refuse(&mut market, &place.name(), instruction, &[reason]);
    }
}

#[test]
#[expect(deprecated, reason = "the framework answers with the older of the two names")]
fn too_few_accounts_are_refused() {
    let mut market = EveryInstructionMarket::new();
    for mut instruction in market.valid.clone() {
        let spec = ballast_client::instruction::InstructionSpec::of_tag(instruction.data[0]).expect("an instruction");
        let (name, declared) = (spec.name, spec.accounts.len());
        instruction.accounts.truncate(declared - 1);
        refuse(
            &mut market,
            &format!("{name} with one account missing"),
            instruction.clone(),
            &[InstructionError::NotEnoughAccountKeys],
        );
        instruction.accounts.clear();
        refuse(
            &mut market,
            &format!("{name} without accounts"),
            instruction,
            &[InstructionError::NotEnoughAccountKeys],
        );
    }
}

/// An ordinary wallet pays for its own account and gets the rent back: its address stands twice in the instruction.
#[test]
fn owners_may_pay_for_their_own_accounts_and_receive_the_rent_back() {
    let mut market = EveryInstructionMarket::new();
    let owner = market.world.key("self-made");
    let view = market.world.view();
    let margin = view.margin_account(&owner, 0);
    market.world.send(&[view.open_account(owner, owner, 0)]).expect_ok();
    let before = market.world.account(&owner).lamports;
    market.world.send_from(owner, &[view.close_account(owner, margin, owner)]).expect_ok();
    let rent = market.world.svm.minimum_balance_for_rent_exemption(512);
    assert!(market.world.account(&owner).lamports > before + rent / 2, "the rent came back");
}

/// Who queues a change, pays for it, executes it and gets the rent back may be one key.
#[test]
fn the_authority_may_pay_for_its_own_changes_and_receive_the_rent_back() {
    let mut market = EveryInstructionMarket::new();
    let authority = market.world.authority;
    let world = &mut market.world;
    let mint = world.mint("listed by its payer", &ballast_tests::MintSpec::spl(6));
    let mut config = ballast_tests::reserve_config();
    (config.oracle.feed_id, config.risk.borrowing_cap) = (ballast_client::to_engine(&mint), 1_000_000);
    let view = world.view();
    let number = view.market.changes;
    world.send(&[view.queue_listing(authority, mint, config)]).expect_ok();
    world.advance(view.market.config.delay as i64);
    let change = ballast_client::change_address(&world.market, number).0;
    let rent = world.account(&change).lamports;
    let before = world.account(&authority).lamports;
    let (bystander, list) =
        (world.key("bystander"), view.list_reserve(authority, number, authority, mint, TOKEN_PROGRAM));
    world.send_from(bystander, &[list]).expect_ok();
    assert!(world.find_account(&change).is_none());
    let (vault, _) = ballast_client::vault_address(&world.market, &mint);
    let minimum = |length: usize| world.svm.minimum_balance_for_rent_exemption(length);
    let grown = minimum(608 + 5 * 1_024) - minimum(608 + 4 * 1_024);
    let paid = world.account(&vault).lamports + grown;
    assert_eq!(world.account(&authority).lamports, before + rent - paid, "the change's rent came back");
}

/// The table of attack classes in SECURITY.md names tests that exist, and all 44 classes in order.
#[test]
fn every_test_that_the_security_page_names_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("SECURITY.md")).expect("the page");
    let sources = sources("none");
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    assert_eq!(rows.len(), 44);
    let mut named = 0;
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!((cells.len(), cells[0]), (4, (index + 1).to_string().as_str()), "{row}");
        for name in cells[3].split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 2) {
            assert!(sources.contains(&format!("fn {name}()")), "class {}: no test {name}", index + 1);
            named += 1;
        }
    }
    assert!(named > 80, "{named} tests named");
}

/// The invariants of vaults and the table of rounding in ARCHITECTURE.md name tests that exist, and the invariants come in order.
#[test]
fn every_test_that_the_architecture_page_names_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the page");
    let (_, page) = page.split_once("\n## Invariants\n").expect("the section");
    let (page, _) = page.split_once("\n## Accounts\n").expect("the next but one");
    let numbers: Vec<u32> =
        page.lines().filter_map(|line| line.split_once(". ").and_then(|(number, _)| number.parse().ok())).collect();
    assert!(numbers.len() >= 25 && numbers.iter().copied().eq(1..=numbers.len() as u32), "{numbers:?}");
    let sources = sources_of_all_tests();
    let names = page.split('`').skip(1).step_by(2).filter(|name| !name.contains(['/', '.']) && name.contains('_'));
    let mut named = 0;
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "no test {name}");
        named += 1;
    }
    assert!(named >= 25, "{named} tests named");
}
