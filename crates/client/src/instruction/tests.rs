//! The bytes of instructions.

use super::*;

fn address(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

#[test]
fn tags_rise_and_name_one_instruction_each() {
    assert!(ALL.is_sorted_by(|one, next| one.tag < next.tag));
    for spec in ALL {
        assert_eq!(InstructionSpec::of_tag(spec.tag), Some(spec));
    }
    assert_eq!(InstructionSpec::of_tag(255), None);
}

#[test]
fn data_is_the_tag_and_the_arguments_in_little_endian() {
    let deposit = Deposit {
        payer: address(1),
        market: address(2),
        margin_account: address(3),
        source: address(4),
        vault: address(5),
        mint: address(6),
        token_program: address(7),
        reserve: 9,
        amount: 0x0102,
    };
    let instruction = deposit.instruction();
    assert_eq!(instruction.data, [5, 9, 2, 1, 0, 0, 0, 0, 0, 0]);
    let accounts: Vec<_> =
        instruction.accounts.iter().map(|meta| (meta.pubkey, meta.is_signer, meta.is_writable)).collect();
    let flags =
        [(true, false), (false, true), (false, true), (false, true), (false, true), (false, false), (false, false)];
    for (index, (signer, writable)) in flags.into_iter().enumerate() {
        assert_eq!(accounts[index], (address(index as u8 + 1), signer, writable));
    }
    assert_eq!(accounts.len(), flags.len());
}

#[test]
fn records_are_passed_as_their_bytes() {
    let config = MarketConfig { dust_value: 77, ..MarketConfig::default() };
    let create = CreateMarket {
        creator: address(1),
        market: address(2),
        vault_authority: address(3),
        system_program: address(0),
        id: 0x0304,
        config,
    };
    let data = create.instruction().data;
    assert_eq!(data.len(), 1 + 2 + 312);
    assert_eq!(data[..3], [0, 4, 3]);
    assert_eq!(data[3..], *bytemuck::bytes_of(&config));
}

#[test]
fn edits_follow_their_length() {
    let set = SetParameters { signer: address(1), market: address(2), target: 3, edits: vec![8, 0, 5] };
    assert_eq!(set.instruction().data, [2, 3, 3, 0, 0, 0, 8, 0, 5]);
}

#[test]
fn a_refresh_lists_one_price_account_for_each_reserve() {
    let instruction = RefreshPrices::with_prices(address(1), &[(4, address(2)), (0, address(3))]);
    assert_eq!(instruction.data, [9, 2, 0, 0, 0, 4, 0]);
    let accounts: Vec<_> = instruction.accounts.iter().map(|meta| (meta.pubkey, meta.is_writable)).collect();
    assert_eq!(accounts, [(address(1), true), (address(2), false), (address(3), false)]);
    assert!(instruction.accounts.iter().all(|meta| !meta.is_signer));
}

#[test]
fn what_is_written_is_read_back() {
    let create = CreateMarket {
        creator: address(1),
        market: address(2),
        vault_authority: address(3),
        system_program: address(4),
        id: 0x0304,
        config: MarketConfig { dust_value: 77, ..MarketConfig::default() },
    };
    let queue = QueueChange {
        authority: address(1),
        payer: address(2),
        market: address(3),
        change: address(4),
        system_program: address(5),
        target: 255,
        data: vec![1, 2, 3],
    };
    let [owner, market, margin_account, delegate] = [1, 2, 3, 4].map(address);
    let delegate = SetDelegate { owner, market, margin_account, delegate, rights: 3, until: -5 };
    let accounts = |instruction: &Instruction| instruction.accounts.iter().map(|meta| meta.pubkey).collect::<Vec<_>>();
    let written = create.instruction();
    assert_eq!(CreateMarket::decode(&accounts(&written), &written.data), Ok(create));
    let written = queue.instruction();
    assert_eq!(QueueChange::decode(&accounts(&written), &written.data), Ok(queue));
    let written = delegate.instruction();
    assert_eq!(SetDelegate::decode(&accounts(&written), &written.data), Ok(delegate));
    let refresh = RefreshPrices::with_prices(market, &[(4, owner)]);
    let read = RefreshPrices { market, reserves: vec![4] };
    assert_eq!(RefreshPrices::decode(&accounts(&refresh), &refresh.data), Ok(read), "prices are left out");
}

#[test]
fn what_is_no_such_instruction_is_not_read() {
    let set = SetParameters { signer: address(1), market: address(2), target: 3, edits: vec![8, 0, 5] };
    let (accounts, data) = ([set.signer, set.market], set.instruction().data);
    assert_eq!(SetParameters::decode(&accounts, &data), Ok(set));
    assert_eq!(Pause::decode(&accounts, &data), Err(DecodeError::WrongDiscriminator));
    assert_eq!(SetParameters::decode(&accounts, &[]), Err(DecodeError::WrongDiscriminator));
    assert_eq!(SetParameters::decode(&accounts[..1], &data), Err(DecodeError::TooFewAccounts));
    assert_eq!(SetParameters::decode(&accounts, &data[..data.len() - 1]), Err(DecodeError::TooShort));
    assert_eq!(SetParameters::decode(&accounts, &[&data[..], &[0]].concat()), Err(DecodeError::TooLong));
}
