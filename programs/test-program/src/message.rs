//! What a multisig has been asked to sign: instructions whose accounts are indices into one list of addresses, in the
//! encoding of Squads v4. Lists have their length before them, one byte, or two for an instruction's data.

use pinocchio::{AccountView, Address, error::ProgramError};

use crate::multisig::{Refusal, require};

/// Reads bytes from front to back.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], ProgramError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ProgramError::InvalidInstructionData)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ProgramError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(ProgramError::InvalidInstructionData)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte as a number or an index.
    pub fn small(&mut self) -> Result<usize, ProgramError> {
        self.array().map(|[byte]| byte as usize)
    }

    pub fn addresses(&mut self) -> Result<&'a [[u8; 32]], ProgramError> {
        let count = self.small()?;
        Ok(self.take(count * 32)?.as_chunks().0)
    }
}

/// One instruction of a message.
pub struct Call<'a> {
    /// Index of the program.
    pub program: usize,
    /// Indices of the accounts.
    pub accounts: &'a [u8],
    pub data: &'a [u8],
}

/// The addresses come in the order of a transaction's: signers before others, of each the writable ones first.
pub struct Message<'a> {
    signers: usize,
    writable_signers: usize,
    writable_others: usize,
    addresses: &'a [[u8; 32]],
    pub calls: Vec<Call<'a>>,
}

impl<'a> Message<'a> {
    /// Look-up tables are left out: no message of the tests needs one.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ProgramError> {
        let mut reader = Reader(bytes);
        let [signers, writable_signers, writable_others] = reader.array()?.map(|count: u8| count as usize);
        let addresses = reader.addresses()?;
        let calls = (0..reader.small()?).map(|_| {
            let program = reader.small()?;
            let count = reader.small()?;
            let accounts = reader.take(count)?;
            let length = u16::from_le_bytes(reader.array()?);
            let data = reader.take(length as usize)?;
            Ok(Call { program, accounts, data })
        });
        let calls = calls.collect::<Result<Vec<_>, ProgramError>>()?;
        let tables = reader.small()?;

        let most = addresses.len();
        let counts_fit = signers <= most && writable_signers <= signers && writable_others <= most - signers;
        let is_inside = |call: &Call| call.program < most && call.accounts.iter().all(|index| (*index as usize) < most);
        let is_valid = counts_fit && calls.iter().all(is_inside) && tables == 0 && reader.0.is_empty();
        require(is_valid, Refusal::InvalidMessage)?;
        Ok(Self { signers, writable_signers, writable_others, addresses, calls })
    }

    /// Whether the account of an index signs.
    pub fn is_signer(&self, index: usize) -> bool {
        index < self.signers
    }

    /// Whether the account of an index is written to.
    pub fn is_writable(&self, index: usize) -> bool {
        match index.checked_sub(self.signers) {
            Some(other) => other < self.writable_others,
            None => index < self.writable_signers,
        }
    }

    /// Requires accounts to be those of the message, in its order and with its flags. The vault alone need not have signed: the
    /// multisig signs for it.
    pub fn check(&self, accounts: &[AccountView], vault: &Address) -> Result<(), ProgramError> {
        require(accounts.len() == self.addresses.len(), Refusal::WrongAccount)?;
        for (index, account) in accounts.iter().enumerate() {
            let is_signed = account.is_signer() || account.address() == vault;
            let is_granted =
                (is_signed || !self.is_signer(index)) && (account.is_writable() || !self.is_writable(index));
            require(*account.address().as_array() == self.addresses[index] && is_granted, Refusal::WrongAccount)?;
        }
        Ok(())
    }
}
