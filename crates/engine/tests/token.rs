//! Mints as bytes. That fees are those of the token program is held against its crate in `tests/`.

use ballast_engine::{
    Error,
    state::token::{ACCOUNT_LEN, Mint, Policy, TransferFee, TransferFees, balance, policy},
};
use proptest::prelude::*;

const MINT_LEN: usize = 82;

/// A mint's bytes with extensions of these numbers and values.
fn mint(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut data = vec![0; MINT_LEN];
    (data[44], data[45]) = (6, 1);
    if !extensions.is_empty() {
        data.resize(ACCOUNT_LEN, 0);
        data.push(1);
    }
    for (number, value) in extensions {
        data.extend(number.to_le_bytes());
        data.extend((value.len() as u16).to_le_bytes());
        data.extend(value);
    }
    data
}

/// The value of a transfer fee's extension, and what it says.
fn fees() -> impl Strategy<Value = (Vec<u8>, TransferFees)> {
    (any::<[u8; 72]>(), any::<[u64; 4]>(), any::<[u16; 2]>()).prop_map(|(head, [from, old, new, start], bps)| {
        let [older, newer] =
            [(old, bps[0]), (new, bps[1])].map(|(maximum, bps)| TransferFee { bps: bps.min(10_000), maximum });
        let fee = |epoch: u64, maximum: u64, bps: u16| {
            [&epoch.to_le_bytes()[..], &maximum.to_le_bytes(), &bps.to_le_bytes()].concat()
        };
        let value = [&head[..], &fee(from, old, bps[0]), &fee(start, new, bps[1])].concat();
        (value, TransferFees { older, newer, newer_from: start })
    })
}

fn allowed() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    prop::collection::vec((18u16..=23, prop::collection::vec(any::<u8>(), 0..100)), 0..4)
}

proptest! {
    #[test]
    fn fees_are_found_wherever_they_stand((value, fees) in fees(), before in allowed(), after in allowed(), epoch: u64) {
        let extensions = [before.clone(), vec![(1, value)], after.clone()].concat();
        let read = Mint::read(&mint(&extensions)).expect("allowed");
        prop_assert_eq!(read, Mint { decimals: 6, fees: Some(fees) });
        prop_assert_eq!(read.account_len(), ACCOUNT_LEN + 13);
        prop_assert_eq!(read.fee_at(epoch), if epoch < fees.newer_from { fees.older } else { fees.newer });
        let plain = Mint::read(&mint(&[before, after].concat())).expect("allowed");
        prop_assert_eq!((plain.fees, plain.account_len(), plain.fee_at(epoch)), (None, ACCOUNT_LEN, TransferFee::default()));
    }

    #[test]
    fn a_refused_extension_is_found_wherever_it_stands(before in allowed(), after in allowed(), number: u16, low in 0u16..70) {
        for number in [number, low] {
            prop_assume!(policy(number) == Policy::Refused);
            let extensions = [before.clone(), vec![(number, vec![0; 8])], after.clone()].concat();
            prop_assert_eq!(Mint::read(&mint(&extensions)), Err(Error::MintExtensionNotAllowed));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), (value, _) in fees(), cut in 0usize..400, at in 0usize..400) {
        let _ = (Mint::read(&bytes), balance(&bytes));
        let mut data = mint(&[(18, vec![0; 64]), (1, value)]);
        if let Some(byte) = data.get_mut(at) {
            *byte = !*byte;
        }
        data.truncate(cut);
        let _ = Mint::read(&data);
    }
}

#[test]
fn what_a_fee_takes_and_asks_for() {
    let fee = |bps, maximum| TransferFee { bps, maximum };
    let tenth = fee(1_000, u64::MAX);
    // 10 and 11 bring 9: the smaller is sent.
    assert_eq!((tenth.arriving(10), tenth.arriving(11), tenth.sending(9)), (Ok(9), Ok(9), Ok(10)));
    assert_eq!(fee(1_000, 3).arriving(1_000), Ok(997));
    assert_eq!(fee(1_000, 3).sending(997), Ok(1_000));
    // An atom costs one at least.
    assert_eq!((fee(1, 9).arriving(1), fee(1, 9).sending(1)), (Err(Error::TransferFeeTooHigh), Ok(2)));
    // Everything, up to a maximum.
    assert_eq!((fee(10_000, 5).arriving(5), fee(10_000, 5).arriving(6)), (Err(Error::TransferFeeTooHigh), Ok(1)));
    assert_eq!(fee(10_000, 5).sending(u64::MAX - 5), Ok(u64::MAX));
    assert_eq!(fee(10_000, 5).sending(u64::MAX - 4), Err(Error::TransferFeeTooHigh));
    assert_eq!(tenth.sending(u64::MAX), Err(Error::TransferFeeTooHigh));
    assert_eq!((tenth.arriving(0), tenth.sending(0), fee(10_000, u64::MAX).sending(0)), (Ok(0), Ok(0), Ok(0)));
}

#[test]
fn a_balance_is_a_token_accounts() {
    let mut account = vec![0; ACCOUNT_LEN];
    account[64..72].copy_from_slice(&77u64.to_le_bytes());
    assert_eq!(balance(&account), Some(77));
    assert_eq!(balance(&account[..ACCOUNT_LEN - 1]), None);
    assert_eq!(balance(&[]), None);
}
