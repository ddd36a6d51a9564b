//! Mints and token accounts, written as the token programs would write them.

use ballast_client::{Address, TOKEN_2022_PROGRAM, TOKEN_PROGRAM};
use spl_token_2022_interface::extension::ExtensionType;

/// Bytes of a mint without extensions.
const MINT_LEN: usize = 82;
/// Bytes of a token account without extensions.
pub(crate) const TOKEN_ACCOUNT_LEN: usize = 165;

/// A mint to be written.
#[derive(Clone, Debug)]
pub struct MintSpec {
    /// Decimals.
    pub decimals: u8,
    /// SPL Token or Token-2022.
    pub program: Address,
    /// Token-2022 extensions and their bytes.
    pub extensions: Vec<(ExtensionType, Vec<u8>)>,
    /// Who may freeze accounts.
    pub freeze_authority: Option<Address>,
}

impl MintSpec {
    /// Of SPL Token.
    pub fn spl(decimals: u8) -> Self {
        Self { decimals, program: TOKEN_PROGRAM, extensions: Vec::new(), freeze_authority: None }
    }

    /// Of Token-2022, without extensions.
    pub fn token_2022(decimals: u8) -> Self {
        Self { program: TOKEN_2022_PROGRAM, ..Self::spl(decimals) }
    }

    /// The same with one more extension.
    pub fn extension(mut self, extension: ExtensionType, bytes: Vec<u8>) -> Self {
        self.extensions.push((extension, bytes));
        self
    }

    /// The same with a transfer fee that nobody can change.
    pub fn transfer_fee(self, bps: u16, maximum: u64) -> Self {
        let fee = [&0u64.to_le_bytes()[..], &maximum.to_le_bytes(), &bps.to_le_bytes()].concat();
        // No authorities and nothing withheld, then the fee before an epoch and from it on.
        self.extension(ExtensionType::TransferFeeConfig, [&[0; 72][..], &fee, &fee].concat())
    }

    /// The account's data. The supply is the largest possible, so that any balance fits in it.
    pub fn data(&self, authority: &Address) -> Vec<u8> {
        let mut data = optional(Some(authority));
        data.extend(u64::MAX.to_le_bytes());
        data.extend([self.decimals, 1]);
        data.extend(optional(self.freeze_authority.as_ref()));
        debug_assert_eq!(data.len(), MINT_LEN);
        if !self.extensions.is_empty() {
            const ACCOUNT_TYPE_MINT: u8 = 1;
            data.resize(TOKEN_ACCOUNT_LEN, 0);
            data.push(ACCOUNT_TYPE_MINT);
            for (extension, bytes) in &self.extensions {
                data.extend((*extension as u16).to_le_bytes());
                data.extend((bytes.len() as u16).to_le_bytes());
                data.extend(bytes);
            }
        }
        data
    }
}

/// An optional address as the token programs store it.
fn optional(address: Option<&Address>) -> Vec<u8> {
    let (tag, bytes) = address.map_or((0u32, [0; 32]), |address| (1, address.to_bytes()));
    [&tag.to_le_bytes()[..], &bytes].concat()
}

/// A token account's data: initialised, not delegated, not native, nothing withheld.
pub(crate) fn token_account_data(mint: &Address, owner: &Address, amount: u64, has_fee: bool) -> Vec<u8> {
    const INITIALISED: u8 = 1;
    let mut data = [mint.as_ref(), owner.as_ref(), &amount.to_le_bytes()].concat();
    data.extend(optional(None));
    data.push(INITIALISED);
    data.resize(TOKEN_ACCOUNT_LEN, 0);
    if has_fee {
        const ACCOUNT_TYPE_ACCOUNT: u8 = 2;
        data.push(ACCOUNT_TYPE_ACCOUNT);
        data.extend((ExtensionType::TransferFeeAmount as u16).to_le_bytes());
        data.extend([8, 0]);
        data.extend([0; 8]);
    }
    data
}

/// The address of an owner's usual token account for a mint.
pub fn associated_token_account(owner: &Address, mint: &Address, token_program: &Address) -> Address {
    const PROGRAM: Address = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
    Address::find_program_address(&[owner.as_ref(), token_program.as_ref(), mint.as_ref()], &PROGRAM).0
}
