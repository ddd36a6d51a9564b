//! Account data and return data into the engine's records.

use ballast_engine::{
    health::report::HealthReport,
    perps::report::PoolReport,
    record::layout::LAYOUT_VERSION,
    state::{
        account::{EXTRA_PLACES, MAX_POSITIONS, MarginAccount},
        change::{Change, MAX_CHANGE},
        insurance::Stake,
        market::{MAX_RESERVES, Market},
        reserve::Reserve,
        vault::{ExitRequest, TermDeposit, Vault},
    },
    vaults::report::VaultReport,
};
use bytemuck::AnyBitPattern;
use solana_address::Address;

use crate::market::MarketView;

/// Where the reserve count stands in a market account: behind discriminator and header.
const RESERVE_COUNT_OFFSET: usize = 8 + size_of::<Market>();
/// Where the first reserve stands: the count is a `u32` padded to eight bytes.
const RESERVES_OFFSET: usize = RESERVE_COUNT_OFFSET + 8;

/// Why bytes are not what they were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Fewer bytes than the record has.
    TooShort,
    /// More bytes than the record has.
    TooLong,
    /// The first bytes are those of another account, event or instruction.
    WrongDiscriminator,
    /// A layout version that this client does not know.
    UnknownVersion(u8),
    /// A count exceeds what the account can hold.
    CountOutOfRange(u32),
    /// Not base64.
    NotBase64,
    /// An instruction has fewer accounts than it names.
    TooFewAccounts,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooShort => f.write_str("too few bytes: another kind of account, or a truncated read"),
            Self::TooLong => f.write_str("too many bytes: another kind of account"),
            Self::WrongDiscriminator => f.write_str("the discriminator is another account's, event's or instruction's"),
            Self::UnknownVersion(version) => write!(f, "layout version {version} is unknown to this client"),
            Self::CountOutOfRange(count) => write!(f, "a count of {count} exceeds what the account can hold"),
            Self::NotBase64 => f.write_str("not base64"),
            Self::TooFewAccounts => f.write_str("fewer accounts than the instruction has"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The record at an offset, whatever the alignment of the bytes.
fn read<T: AnyBitPattern>(bytes: &[u8], offset: usize) -> Result<T, DecodeError> {
    let end = offset.checked_add(size_of::<T>()).ok_or(DecodeError::TooShort)?;
    bytes.get(offset..end).map(bytemuck::pod_read_unaligned).ok_or(DecodeError::TooShort)
}

fn check_head(bytes: &[u8], discriminator: [u8; 8]) -> Result<(), DecodeError> {
    let version = *bytes.get(8).ok_or(DecodeError::TooShort)?;
    if bytes[..8] != discriminator {
        return Err(DecodeError::WrongDiscriminator);
    }
    if version != LAYOUT_VERSION {
        return Err(DecodeError::UnknownVersion(version));
    }
    Ok(())
}

/// A market account's data. Room behind the last reserve is ignored.
pub fn decode_market(address: Address, bytes: &[u8]) -> Result<MarketView, DecodeError> {
    if bytes.len() < RESERVES_OFFSET {
        return Err(DecodeError::TooShort);
    }
    check_head(bytes, Market::DISCRIMINATOR)?;
    let market = read(bytes, 8)?;
    let count: u32 = read(bytes, RESERVE_COUNT_OFFSET)?;
    if count as usize > MAX_RESERVES {
        return Err(DecodeError::CountOutOfRange(count));
    }
    let reserves = (0..count as usize)
        .map(|index| read::<Reserve>(bytes, RESERVES_OFFSET + index * size_of::<Reserve>()))
        .collect::<Result<_, _>>()?;
    Ok(MarketView { address, market, reserves })
}

/// A margin account's data.
pub fn decode_margin_account(bytes: &[u8]) -> Result<MarginAccount, DecodeError> {
    const LEN: usize = 8 + size_of::<MarginAccount>();
    if bytes.len() < LEN {
        return Err(DecodeError::TooShort);
    }
    check_head(bytes, MarginAccount::DISCRIMINATOR)?;
    if bytes.len() > LEN {
        return Err(DecodeError::TooLong);
    }
    let account: MarginAccount = read(bytes, 8)?;
    // Perps and a stake in a pool stand behind deposits and debts, in the same places.
    let used = account.position_count as usize + EXTRA_PLACES * account.extra_count as usize;
    if used > MAX_POSITIONS {
        return Err(DecodeError::CountOutOfRange(used as u32));
    }
    Ok(account)
}

/// A stake account's data.
pub fn decode_stake(bytes: &[u8]) -> Result<Stake, DecodeError> {
    if bytes.len() > 8 + size_of::<Stake>() {
        return Err(DecodeError::TooLong);
    }
    check_head(bytes, Stake::DISCRIMINATOR)?;
    read(bytes, 8)
}

/// A vault's data.
pub fn decode_vault(bytes: &[u8]) -> Result<Vault, DecodeError> {
    decode_whole(bytes, Vault::DISCRIMINATOR)
}

/// The data of a request in a vault's queue.
pub fn decode_exit_request(bytes: &[u8]) -> Result<ExitRequest, DecodeError> {
    decode_whole(bytes, ExitRequest::DISCRIMINATOR)
}

/// A term deposit's data.
pub fn decode_term_deposit(bytes: &[u8]) -> Result<TermDeposit, DecodeError> {
    decode_whole(bytes, TermDeposit::DISCRIMINATOR)
}

/// What `read_vault` returns.
pub fn decode_vault_report(return_data: &[u8]) -> Result<VaultReport, DecodeError> {
    decode_returned(return_data)
}

/// What `read_pool` returns.
pub fn decode_pool_report(return_data: &[u8]) -> Result<PoolReport, DecodeError> {
    decode_returned(return_data)
}

fn decode_whole<T: AnyBitPattern>(bytes: &[u8], discriminator: [u8; 8]) -> Result<T, DecodeError> {
    if bytes.len() > 8 + size_of::<T>() {
        return Err(DecodeError::TooLong);
    }
    check_head(bytes, discriminator)?;
    read(bytes, 8)
}

/// A change account's data.
pub fn decode_change(bytes: &[u8]) -> Result<Change, DecodeError> {
    if bytes.len() > 8 + size_of::<Change>() {
        return Err(DecodeError::TooLong);
    }
    check_head(bytes, Change::DISCRIMINATOR)?;
    let change: Change = read(bytes, 8)?;
    if change.length as usize > MAX_CHANGE {
        return Err(DecodeError::CountOutOfRange(change.length as u32));
    }
    Ok(change)
}

/// What the clock sysvar says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockTime {
    /// Unix seconds.
    pub now: i64,
    /// The validators' epoch.
    pub epoch: u64,
}

/// The clock sysvar's data.
pub fn decode_clock(bytes: &[u8]) -> Result<ClockTime, DecodeError> {
    const EPOCH: usize = 16;
    const UNIX_TIMESTAMP: usize = 32;
    Ok(ClockTime { now: read(bytes, UNIX_TIMESTAMP)?, epoch: read(bytes, EPOCH)? })
}

/// What `read_health` returns.
pub fn decode_health(return_data: &[u8]) -> Result<HealthReport, DecodeError> {
    decode_returned(return_data)
}

fn decode_returned<T: AnyBitPattern>(return_data: &[u8]) -> Result<T, DecodeError> {
    if return_data.len() > size_of::<T>() {
        return Err(DecodeError::TooLong);
    }
    // The runtime cuts zero bytes off the end.
    let mut bytes = return_data.to_vec();
    bytes.resize(size_of::<T>(), 0);
    read(&bytes, 0)
}

#[cfg(test)]
mod tests {
    use ballast_engine::number::units::Shares;
    use sha2::{Digest, Sha256};

    use super::*;

    fn market_bytes(reserves: &[Reserve], spare: usize) -> Vec<u8> {
        let market = Market { version: LAYOUT_VERSION, id: 7, events: 9, ..Market::default() };
        let mut bytes = Market::DISCRIMINATOR.to_vec();
        bytes.extend(bytemuck::bytes_of(&market));
        bytes.extend((reserves.len() as u64).to_le_bytes());
        bytes.extend(reserves.iter().flat_map(bytemuck::bytes_of));
        bytes.resize(bytes.len() + spare * size_of::<Reserve>(), 0);
        bytes
    }

    fn margin_bytes() -> Vec<u8> {
        let account = MarginAccount { version: LAYOUT_VERSION, id: 3, position_count: 2, ..MarginAccount::default() };
        [&MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(&account)].concat()
    }

    #[test]
    fn discriminators_are_the_hashes_of_the_account_names() {
        for (name, discriminator) in [
            ("Market", Market::DISCRIMINATOR),
            ("MarginAccount", MarginAccount::DISCRIMINATOR),
            ("Stake", Stake::DISCRIMINATOR),
            ("Change", Change::DISCRIMINATOR),
        ] {
            assert_eq!(Sha256::digest(format!("account:{name}"))[..8], discriminator, "{name}");
        }
    }

    #[test]
    fn a_market_decodes_to_what_was_stored_at_any_alignment() {
        let reserve = |shares| Reserve { deposit_shares: Shares(shares), decimals: 6, ..Reserve::default() };
        let stored = [reserve(1), reserve(2)];
        for spare in [0, 3] {
            let bytes = market_bytes(&stored, spare);
            let shifted = [&[0], bytes.as_slice()].concat();
            let view = decode_market(Address::default(), &shifted[1..]).expect("valid");
            assert_eq!((view.market.id, view.market.events, view.reserves.as_slice()), (7, 9, stored.as_slice()));
        }
    }

    #[test]
    fn wrong_market_bytes_are_refused() {
        let bytes = market_bytes(&[Reserve::default()], 0);
        let decode = |bytes: &[u8]| decode_market(Address::default(), bytes).map(|_| ());
        assert_eq!(decode(&bytes), Ok(()));
        assert_eq!(decode(&[]), Err(DecodeError::TooShort));
        assert_eq!(decode(&bytes[..607]), Err(DecodeError::TooShort));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), Err(DecodeError::TooShort));
        let changed = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            decode(&bytes)
        };
        assert_eq!(changed(0, 0), Err(DecodeError::WrongDiscriminator));
        for version in [0, LAYOUT_VERSION + 1, u8::MAX] {
            assert_eq!(changed(8, version), Err(DecodeError::UnknownVersion(version)));
        }
        assert_eq!(changed(600, 65), Err(DecodeError::CountOutOfRange(65)));
        assert_eq!(changed(600, 2), Err(DecodeError::TooShort));
        assert!(decode(&margin_bytes()).is_err());
    }

    #[test]
    fn a_margin_account_decodes_to_what_was_stored_and_nothing_else_does() {
        let bytes = margin_bytes();
        assert_eq!(bytes.len(), 512);
        let account = decode_margin_account(&bytes).expect("valid");
        assert_eq!((account.id, account.positions().len()), (3, 2));
        assert_eq!(decode_margin_account(&bytes[..511]), Err(DecodeError::TooShort));
        assert_eq!(decode_margin_account(&[bytes.as_slice(), &[0]].concat()), Err(DecodeError::TooLong));
        assert_eq!(decode_margin_account(&market_bytes(&[], 0)), Err(DecodeError::WrongDiscriminator));
        let with = |positions: u8, extras: u8| {
            let mut bytes = bytes.clone();
            (bytes[12], bytes[8 + core::mem::offset_of!(MarginAccount, extra_count)]) = (positions, extras);
            decode_margin_account(&bytes).map(drop)
        };
        assert_eq!(with(17, 0), Err(DecodeError::CountOutOfRange(17)));
        assert_eq!((with(2, 7), with(16, 0)), (Ok(()), Ok(())));
        assert_eq!(
            (with(3, 7), with(0, 9)),
            (Err(DecodeError::CountOutOfRange(17)), Err(DecodeError::CountOutOfRange(18)))
        );
    }

    #[test]
    fn a_clock_decodes_from_all_of_its_bytes() {
        let words = [7u64, 1_780_000_000, 3, 4, 1_780_000_009].map(u64::to_le_bytes);
        let bytes = words.as_flattened();
        assert_eq!(decode_clock(bytes), Ok(ClockTime { now: 1_780_000_009, epoch: 3 }));
        assert_eq!(decode_clock(&bytes[..39]), Err(DecodeError::TooShort));
    }

    #[test]
    fn health_decodes_though_the_runtime_cuts_trailing_zeros() {
        let report = HealthReport {
            initial_collateral: ballast_engine::record::layout::U128::new(1 << 70),
            ..HealthReport::default()
        };
        let bytes = bytemuck::bytes_of(&report);
        assert_eq!(decode_health(bytes), Ok(report));
        assert_eq!(decode_health(&bytes[..9]), Ok(report));
        assert_eq!(decode_health(&[0; 97]), Err(DecodeError::TooLong));
    }
}
