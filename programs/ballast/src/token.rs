//! Token transfers through the stack: `anchor-spl`'s helper builds the call on the heap, at 7,000 compute units.

use {
    crate::error::OnChain,
    anchor_lang::prelude::*,
    ballast_engine::Error,
    pinocchio::{
        cpi::{Signer, invoke_signed},
        instruction::{InstructionAccount, InstructionView},
    },
};

/// A transfer of SPL Token, or one of Token-2022, which checks mint and decimals.
pub struct Transfer {
    pub program: AccountView,
    pub from: AccountView,
    pub mint: AccountView,
    pub to: AccountView,
    pub authority: AccountView,
    pub amount: u64,
    /// Of the mint, if the token program is to check it: `Reserve::transfer_decimals`.
    pub decimals: Option<u8>,
}

impl Transfer {
    /// Moves the tokens; nothing for an amount of zero. Out of line: all instructions share it.
    #[inline(never)]
    pub fn invoke(&self, signers: &[Signer]) -> Result<()> {
        const TRANSFER: u8 = 3;
        const TRANSFER_CHECKED: u8 = 12;
        if self.amount == 0 {
            return Ok(());
        }
        let mut data = [0; 10];
        data[1..9].copy_from_slice(&self.amount.to_le_bytes());
        let Some(decimals) = self.decimals else {
            // The vault's mint is the reserve's, and the other account must have the same.
            data[0] = TRANSFER;
            let instruction = InstructionView {
                program_id: self.program.address(),
                data: &data[..9],
                accounts: &[
                    InstructionAccount::writable(self.from.address()),
                    InstructionAccount::writable(self.to.address()),
                    InstructionAccount::readonly_signer(self.authority.address()),
                ],
            };
            return invoke_signed(&instruction, &[&self.from, &self.to, &self.authority], signers);
        };
        (data[0], data[9]) = (TRANSFER_CHECKED, decimals);
        let instruction = InstructionView {
            program_id: self.program.address(),
            data: &data,
            accounts: &[
                InstructionAccount::writable(self.from.address()),
                InstructionAccount::readonly(self.mint.address()),
                InstructionAccount::writable(self.to.address()),
                InstructionAccount::readonly_signer(self.authority.address()),
            ],
        };
        invoke_signed(&instruction, &[&self.from, &self.mint, &self.to, &self.authority], signers)
    }
}

/// Turns a new account of the token program into a token account: `InitializeAccount3`.
pub fn initialize_account(
    program: &AccountView,
    account: &AccountView,
    mint: &AccountView,
    owner: &Address,
) -> Result<()> {
    const INITIALIZE_ACCOUNT_3: u8 = 18;
    let mut data = [0; 33];
    data[0] = INITIALIZE_ACCOUNT_3;
    data[1..].copy_from_slice(owner.as_ref());
    let instruction = InstructionView {
        program_id: program.address(),
        data: &data,
        accounts: &[InstructionAccount::writable(account.address()), InstructionAccount::readonly(mint.address())],
    };
    invoke_signed(&instruction, &[account, mint], &[])
}

/// Bytes of a token account without extensions, which is what the mints on the allow-list need.
pub const TOKEN_ACCOUNT_LEN: usize = 165;

/// What the program needs to know of a mint it lists.
pub struct ListedMint {
    pub decimals: u8,
    /// Whether its transfers are to be checked.
    pub is_token_2022: bool,
}

/// Token-2022 extensions of a mint that neither change amounts nor let anyone else move, freeze or destroy tokens:
/// pointers to metadata and groups, and these themselves. Everything that is not here is refused.
const ALLOWED_EXTENSIONS: [u16; 6] = [18, 19, 20, 21, 22, 23];

impl ListedMint {
    /// Reads a mint, and refuses what is not a mint of one of the token programs or has a forbidden extension.
    pub fn read(mint: &AccountView, program: &AccountView) -> Result<Self> {
        const MINT_LEN: usize = 82;
        let known = *program.address() == <Token as Id>::id() || *program.address() == <Token2022 as Id>::id();
        if !known || !mint.owned_by(program.address()) {
            return Err(Error::MintNotOwnedByTokenProgram).on_chain();
        }
        let data = mint.try_borrow()?;
        // Layout: authority option and key, supply, decimals (44), initialised (45), freeze authority option and key.
        if data.len() < MINT_LEN || data[45] != 1 || !extensions_allowed(&data[MINT_LEN..]) {
            return Err(Error::MintExtensionNotAllowed).on_chain();
        }
        Ok(Self { decimals: data[44], is_token_2022: *program.address() == <Token2022 as Id>::id() })
    }
}

/// Walks what follows a mint's base layout: zeros to the length of a token account, the account type, then entries of
/// type, length and value.
fn extensions_allowed(tail: &[u8]) -> bool {
    const PADDING: usize = TOKEN_ACCOUNT_LEN - 82;
    const ACCOUNT_TYPE_MINT: u8 = 1;
    const HEADER: usize = 4;
    if tail.is_empty() {
        return true;
    }
    let Some((&account_type, mut entries)) = tail.get(PADDING..).and_then(<[u8]>::split_first) else {
        return false;
    };
    if account_type != ACCOUNT_TYPE_MINT {
        return false;
    }
    while entries.len() >= HEADER {
        let extension = u16::from_le_bytes([entries[0], entries[1]]);
        let length = u16::from_le_bytes([entries[2], entries[3]]) as usize;
        if extension == 0 {
            // The rest is unused space.
            return true;
        }
        if !ALLOWED_EXTENSIONS.contains(&extension) || entries.len() < HEADER + length {
            return false;
        }
        entries = &entries[HEADER + length..];
    }
    true
}
