//! Tokens as their programs store them: which mints may be listed, and what a transfer fee takes.
//!
//! The books count what a reserve's token account holds. A payment in counts as what arrived, so a payer sends more than is due. A payment out
//! counts as what left, so a receiver gets less.

use crate::{
    error::{Error, Result},
    number::{
        math::{add_proved, mul_proved},
        units::ONE_BPS,
    },
};

/// What the program does about a Token-2022 extension of a mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing: it changes neither amounts nor who may move, freeze or destroy tokens.
    Allowed,
    /// It credits what arrives, and requires what is due to arrive.
    TransferFee,
    /// It does not list the mint.
    Refused,
}

/// A Token-2022 extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The token program's name for it.
    pub name: &'static str,
    /// What the program does about it.
    pub policy: Policy,
    /// Why.
    pub reason: &'static str,
}

/// Every extension that Token-2022 knows, by its number. Any other is refused. The bytecode holds only the numbers.
pub const EXTENSIONS: &[Extension] = {
    use Policy::{Allowed, Refused, TransferFee};
    const fn row(name: &'static str, policy: Policy, reason: &'static str) -> Extension {
        Extension { name, policy, reason }
    }
    const OF_ACCOUNTS: &str = "of token accounts: has no place in a mint";
    &[
        row("Uninitialized", Allowed, "ends the list"),
        row("TransferFeeConfig", TransferFee, "less arrives than is sent"),
        row("TransferFeeAmount", Refused, OF_ACCOUNTS),
        row("MintCloseAuthority", Refused, "the mint could be closed and made anew with other rules"),
        row("ConfidentialTransferMint", Refused, "balances that nobody can read"),
        row("ConfidentialTransferAccount", Refused, OF_ACCOUNTS),
        row("DefaultAccountState", Refused, "token accounts could begin frozen"),
        row("ImmutableOwner", Refused, OF_ACCOUNTS),
        row("MemoTransfer", Refused, OF_ACCOUNTS),
        row("NonTransferable", Refused, "nothing can be paid in or out"),
        row("InterestBearingConfig", Refused, "a price may be that of the shown amount"),
        row("CpiGuard", Refused, OF_ACCOUNTS),
        row("PermanentDelegate", Refused, "someone may empty token accounts"),
        row("NonTransferableAccount", Refused, OF_ACCOUNTS),
        row("TransferHook", Refused, "another program runs in each transfer, and may refuse it"),
        row("TransferHookAccount", Refused, OF_ACCOUNTS),
        row("ConfidentialTransferFeeConfig", Refused, "fees that nobody can read"),
        row("ConfidentialTransferFeeAmount", Refused, OF_ACCOUNTS),
        row("MetadataPointer", Allowed, "describes"),
        row("TokenMetadata", Allowed, "describes"),
        row("GroupPointer", Allowed, "describes"),
        row("TokenGroup", Allowed, "describes"),
        row("GroupMemberPointer", Allowed, "describes"),
        row("TokenGroupMember", Allowed, "describes"),
        row("ConfidentialMintBurn", Refused, "a supply that nobody can read"),
        row("ScaledUiAmount", Refused, "a price may be that of the shown amount"),
        row("Pausable", Refused, "someone may stop withdrawals and liquidations"),
        row("PausableAccount", Refused, OF_ACCOUNTS),
        row("PermissionedBurn", Refused, "someone else has a say over tokens"),
    ]
};

/// What the program does about the extension of a number, whether it is known or not.
pub fn policy(extension: u16) -> Policy {
    EXTENSIONS.get(extension as usize).map_or(Policy::Refused, |row| row.policy)
}

/// One bit for each extension that does not keep a mint from being listed.
const LISTABLE: u64 = {
    let (mut bits, mut number) = (0, 0);
    while number < EXTENSIONS.len() {
        bits |= (!matches!(EXTENSIONS[number].policy, Policy::Refused) as u64) << number;
        number += 1;
    }
    bits
};

/// Number of the extension that ends the list.
const UNINITIALIZED: u16 = 0;
/// Number of the extension that holds a mint's fees.
const TRANSFER_FEE_CONFIG: u16 = 1;

/// Bytes of a token account without extensions.
pub const ACCOUNT_LEN: usize = 165;
/// What the transfer fee's extension adds to a token account: the account's type, number and length of the extension, and
/// the amount withheld.
const FEE_AMOUNT_LEN: usize = 1 + 4 + 8;

/// How a reserve's token moves: [`crate::state::reserve::Reserve::transfers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transfers {
    /// SPL Token: by the token accounts' common mint.
    Plain = 0,
    /// Token-2022: mint and decimals are given, and checked there.
    Checked = 1,
    /// The same, with a fee.
    WithFee = 2,
}

/// What a mint's account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    /// Decimals.
    pub decimals: u8,
    /// What a transfer costs, if the mint has the extension for it.
    pub fees: Option<TransferFees>,
}

impl Mint {
    /// Reads a mint's account of SPL Token or Token-2022, and refuses what is none or has a refused extension.
    #[inline(never)]
    pub fn read(data: &[u8]) -> Result<Self> {
        // Authority option and key, supply, decimals, whether it is initialised, freeze authority option and key.
        const MINT_LEN: usize = 82;
        const DECIMALS: usize = 44;
        const IS_INITIALISED: usize = 45;
        if data.len() < MINT_LEN || data[IS_INITIALISED] != 1 {
            return Err(Error::MintExtensionNotAllowed);
        }
        let fees = read_extensions(&data[MINT_LEN..]).ok_or(Error::MintExtensionNotAllowed)?;
        Ok(Self { decimals: data[DECIMALS], fees })
    }

    /// The fee in force in an epoch.
    pub fn fee_at(&self, epoch: u64) -> TransferFee {
        self.fees.map_or(TransferFee::default(), |fees| fees.at(epoch))
    }

    /// Bytes of a token account of the mint.
    pub fn account_len(&self) -> usize {
        ACCOUNT_LEN + if self.fees.is_some() { FEE_AMOUNT_LEN } else { 0 }
    }
}

/// Walks what follows a mint's base layout: zeros to the length of a token account, the account type, then entries of
/// number, length and value. None if that is not what is there, or an extension is refused.
fn read_extensions(tail: &[u8]) -> Option<Option<TransferFees>> {
    const PADDING: usize = ACCOUNT_LEN - 82;
    const ACCOUNT_TYPE_MINT: u8 = 1;
    let mut fees = None;
    if tail.is_empty() {
        return Some(fees);
    }
    let (&account_type, mut entries) = tail.get(PADDING..)?.split_first()?;
    if account_type != ACCOUNT_TYPE_MINT {
        return None;
    }
    while let Some((&[n0, n1, l0, l1], rest)) = entries.split_first_chunk() {
        let number = u16::from_le_bytes([n0, n1]);
        if number == UNINITIALIZED {
            // The rest is unused space.
            break;
        }
        if number >= u64::BITS as u16 || LISTABLE >> number & 1 == 0 {
            return None;
        }
        let (value, rest) = rest.split_at_checked(u16::from_le_bytes([l0, l1]) as usize)?;
        if number == TRANSFER_FEE_CONFIG {
            fees = Some(TransferFees::read(value)?);
        }
        entries = rest;
    }
    Some(fees)
}

/// What a mint says of its transfers: a fee until an epoch, and another from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferFees {
    /// Before the epoch.
    pub older: TransferFee,
    /// From the epoch on.
    pub newer: TransferFee,
    /// The epoch.
    pub newer_from: u64,
}

impl TransferFees {
    /// Two authorities and the amount withheld, then each fee: its epoch, maximum and basis points.
    fn read(value: &[u8]) -> Option<Self> {
        const FEES: usize = 32 + 32 + 8;
        const FEE_LEN: usize = 18;
        let fees: &[u8; 2 * FEE_LEN] = value.get(FEES..)?.try_into().ok()?;
        let (older, newer) = fees.split_at(FEE_LEN);
        Some(Self { older: TransferFee::read(older)?, newer: TransferFee::read(newer)?, newer_from: word(newer, 0)? })
    }

    /// The one in force in an epoch.
    pub fn at(&self, epoch: u64) -> TransferFee {
        if epoch >= self.newer_from { self.newer } else { self.older }
    }
}

/// Basis points of one.
const ONE: u64 = ONE_BPS as u64;

/// What a transfer costs its receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferFee {
    /// Part of what is sent, basis points, 10,000 at most.
    pub bps: u16,
    /// The most, atoms.
    pub maximum: u64,
}

impl TransferFee {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bps = u16::from_le_bytes(*bytes.get(16..)?.first_chunk()?);
        Some(Self { bps: bps.min(ONE_BPS), maximum: word(bytes, 8)? })
    }

    /// The fee of a transfer, rounded up.
    pub fn of(&self, sent: u64) -> u64 {
        let (whole, rest, bps) = (sent / ONE, sent % ONE, self.bps as u64);
        // At most what is sent, and the rest a product of two numbers up to 10,000.
        add_proved(mul_proved(whole, bps), mul_proved(rest, bps).div_ceil(ONE)).min(self.maximum)
    }

    /// What arrives of what is sent; an error if that is nothing.
    pub fn arriving(&self, sent: u64) -> Result<u64> {
        match sent.saturating_sub(self.of(sent)) {
            0 if sent != 0 => Err(Error::TransferFeeTooHigh),
            arriving => Ok(arriving),
        }
    }

    /// The least that must be sent for `due` atoms to arrive. Then exactly `due` arrive, because each atom sent lets at most one
    /// more arrive.
    ///
    /// An error if that is more than 64 bits hold.
    pub fn sending(&self, due: u64) -> Result<u64> {
        if due == 0 {
            return Ok(0);
        }
        let at_most = due.checked_add(self.maximum);
        let kept = ONE - self.bps as u64;
        // If nothing is kept, the maximum is the fee.
        let sent = if kept == 0 { None } else { before_fee(due, kept) };
        match (sent, at_most) {
            (Some(sent), Some(at_most)) => Ok(sent.min(at_most)),
            (sent, at_most) => sent.or(at_most).ok_or(Error::TransferFeeTooHigh),
        }
    }
}

/// `⌈due × 10,000 ÷ kept⌉`, for `kept` from 1 to 10,000. None if it does not fit.
fn before_fee(due: u64, kept: u64) -> Option<u64> {
    let (whole, rest) = (due / kept, due % kept);
    if whole > u64::MAX / ONE {
        return None;
    }
    mul_proved(whole, ONE).checked_add(mul_proved(rest, ONE).div_ceil(kept))
}

/// What a token account holds, atoms, without withheld transfer fees. `None` if it is no token account.
pub fn balance(account: &[u8]) -> Option<u64> {
    const AMOUNT: usize = 64;
    if account.len() < ACCOUNT_LEN { None } else { word(account, AMOUNT) }
}

/// Eight bytes from an offset.
fn word(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}
