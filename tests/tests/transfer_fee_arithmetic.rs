//! The engine's transfer fees against those of Token-2022's own crate.

use ballast_engine::{Error, state::token::TransferFee};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use spl_token_2022_interface::extension::transfer_fee::TransferFee as TheirFee;

/// Amounts around which arithmetic goes wrong.
const EDGES: [u64; 12] = [
    0,
    1,
    2,
    9_999,
    10_000,
    10_001,
    u64::MAX / 10_000,
    u64::MAX / 10_000 + 1,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];
const BPS: [u16; 8] = [0, 1, 2, 100, 5_000, 9_998, 9_999, 10_000];

/// An edge, or any number of bits.
fn amount(random: &mut ChaCha8Rng) -> u64 {
    if random.random_bool(0.2) {
        EDGES[random.random_range(0..EDGES.len())]
    } else {
        random.random::<u64>() >> random.random_range(0..64)
    }
}

#[track_caller]
fn compare(bps: u16, maximum: u64, amount: u64) {
    let ours = TransferFee { bps, maximum };
    let theirs = TheirFee { epoch: 0.into(), maximum_fee: maximum.into(), transfer_fee_basis_points: bps.into() };
    let case = (bps, maximum, amount);
    assert_eq!(Some(ours.of(amount)), theirs.calculate_fee(amount), "fee {case:?}");
    let arriving = theirs.calculate_post_fee_amount(amount).filter(|arriving| *arriving > 0 || amount == 0);
    assert_eq!(ours.arriving(amount), arriving.ok_or(Error::TransferFeeTooHigh), "arriving {case:?}");

    let sending = ours.sending(amount);
    assert_eq!(sending.ok(), theirs.calculate_pre_fee_amount(amount), "sending {case:?}");
    // The least that does, and it brings what is due to the atom.
    if let Ok(sent) = sending {
        assert_eq!(theirs.calculate_post_fee_amount(sent), Some(amount), "brings {case:?}");
        let less = sent.checked_sub(1).and_then(|less| theirs.calculate_post_fee_amount(less));
        assert!(less.is_none_or(|less| less < amount), "least {case:?}");
    } else {
        assert!(theirs.calculate_post_fee_amount(u64::MAX).is_some_and(|most| most < amount), "possible {case:?}");
    }
}

#[test]
fn fees_and_their_inverse_are_the_token_programs_own_at_the_edges() {
    for bps in BPS {
        for maximum in EDGES {
            for amount in EDGES {
                compare(bps, maximum, amount);
            }
        }
    }
}

#[test]
fn fees_and_their_inverse_are_the_token_programs_own() {
    let mut random = ChaCha8Rng::seed_from_u64(22);
    for _ in 0..300_000 {
        let bps = if random.random_bool(0.2) {
            BPS[random.random_range(0..BPS.len())]
        } else {
            random.random_range(0..=10_000)
        };
        compare(bps, amount(&mut random), amount(&mut random));
    }
}
