//! What several instructions need: the engine's ledger, token transfers, the market's signature.

pub use {
    crate::{
        error::OnChain,
        state::{MarketAccount, Record, is_at},
    },
    anchor_lang::prelude::*,
    ballast_engine::{Error, ledger, state::reserve::Reserve},
};

use {
    crate::{
        state::split,
        token::{self, Terms, Transfer, close_account},
    },
    ballast_engine::{
        record::layout,
        state::{change::Change, market::MAX_RESERVES},
    },
    pinocchio::cpi::{Seed, Signer as Signature},
};

/// Seeds of a market's vault authority, before the market's address.
pub const VAULT_AUTHORITY_SEED: &[u8] = b"authority";

/// Refuses with an engine error unless a condition holds.
#[inline(always)]
pub fn ensure(condition: bool, error: Error) -> Result<()> {
    if condition { Ok(()) } else { Err(error).on_chain() }
}

/// The market as the engine works on it.
#[inline(always)]
pub fn ledger(market: &mut MarketAccount, now: i64) -> ledger::Ledger<'_> {
    let (market, reserves) = split(market);
    ledger::Ledger { market, reserves, now }
}

/// The accounts through which one reserve's tokens move.
pub struct TokenPath {
    pub vault: AccountView,
    pub mint: AccountView,
    pub program: AccountView,
    /// The user's token account. The token program checks its mint, owner and state.
    pub other: AccountView,
}

/// The path through an instruction's accounts `vault`, `mint` and `token_program`, and the user's token account.
macro_rules! token_path {
    ($accounts:ident, $other:ident) => {
        TokenPath {
            vault: *$accounts.vault.account(),
            mint: *$accounts.mint.account(),
            program: *$accounts.token_program.account(),
            other: *$accounts.$other.account(),
        }
    };
}
pub(super) use token_path;

impl TokenPath {
    /// Requires token account, mint and token program to be the reserve's own, and returns how its tokens move.
    #[inline(always)]
    pub fn check(&self, reserves: &[Reserve], index: u8) -> Result<Terms> {
        let reserve = reserve(reserves, index)?;
        ensure(is_at(self.vault.address(), &reserve.vault), Error::WrongVault)?;
        ensure(is_at(self.mint.address(), &reserve.mint), Error::WrongMint)?;
        ensure(is_at(self.program.address(), &reserve.token_program), Error::WrongTokenProgram)?;
        Ok(Terms::of(reserve))
    }

    /// What arrives at the reserve of what the user sends, atoms. `u64::MAX` stands for everything and is returned as it is.
    #[inline(always)]
    pub fn arriving(&self, sent: u64, terms: Terms) -> Result<u64> {
        if terms.have_fee() { token::arriving(&self.mint, sent) } else { Ok(sent) }
    }

    /// What has to leave the reserve for `due` atoms to reach the user.
    #[inline(always)]
    pub fn sending(&self, due: u64, terms: Terms) -> Result<u64> {
        if terms.have_fee() { token::sending(&self.mint, due) } else { Ok(due) }
    }

    /// Moves tokens from the user to the reserve, where `amount` atoms arrive. The user signs.
    #[inline(always)]
    pub fn pay_in(&self, payer: AccountView, amount: u64, terms: Terms) -> Result<()> {
        let transfer = Transfer {
            program: self.program,
            from: self.other,
            mint: self.mint,
            to: self.vault,
            authority: payer,
            amount,
            terms,
        };
        transfer.invoke(&[])
    }

    /// Moves tokens from the reserve, which `amount` atoms leave, to the user. The market's vault authority signs.
    #[inline(always)]
    pub fn pay_out(&self, authority: &VaultAuthority, amount: u64, terms: Terms) -> Result<()> {
        let transfer = Transfer {
            program: self.program,
            from: self.vault,
            mint: self.mint,
            to: self.other,
            authority: authority.view,
            amount,
            terms,
        };
        authority.sign(|signers| transfer.invoke(signers))
    }

    /// Closes the reserve's empty token account; its rent goes to the recipient.
    pub fn close(&self, authority: &VaultAuthority, recipient: &AccountView) -> Result<()> {
        authority.sign(|signers| close_account(&self.program, &self.vault, recipient, &authority.view, signers))
    }
}

/// The market's signature for its reserves' token accounts.
pub struct VaultAuthority {
    pub view: AccountView,
    pub market: AccountView,
    pub bump: u8,
}

impl VaultAuthority {
    #[inline(always)]
    pub fn new(view: AccountView, market: &MarketAccount) -> Result<Self> {
        ensure(is_at(view.address(), &market.vault_authority), Error::WrongVaultAuthority)?;
        Ok(Self { view, market: *market.view(), bump: market.vault_authority_bump })
    }

    #[inline(always)]
    pub fn sign(&self, call: impl FnOnce(&[Signature]) -> Result<()>) -> Result<()> {
        let bump = [self.bump];
        let seeds = [Seed::from(VAULT_AUTHORITY_SEED), Seed::from(self.market.address().as_ref()), Seed::from(&bump)];
        call(&[Signature::from(&seeds)])
    }
}

/// Adds a record of zeros to a market, for which the payer pays. Returns its index.
#[inline(never)]
pub fn add_record(market: &mut MarketAccount, payer: &AccountView) -> Result<u8> {
    let count = market.len() as u32 + 1;
    ensure(count as usize <= MAX_RESERVES, Error::TooManyReserves)?;
    market.resize_to_capacity(count)?;
    market.top_up(payer)?;
    market.try_push(Reserve::default())?;
    Ok(count as u8 - 1)
}

/// Requires a margin account to belong to the market at hand.
#[inline(always)]
pub fn check_market(stored: &layout::Address, market: &Address) -> Result<()> {
    ensure(is_at(market, stored), Error::WrongMarket)
}

/// Requires a change to belong to the market at hand, and its rent to go back to who paid it.
pub fn check_change(change: &Change, market: &Address, recipient: &Address) -> Result<()> {
    ensure(is_at(market, &change.market) && is_at(recipient, &change.payer), Error::WrongChange)
}

/// A reserve of the market.
#[inline(always)]
pub fn reserve(reserves: &[Reserve], index: u8) -> Result<&Reserve> {
    let reserve = reserves.get(index as usize).filter(|reserve| reserve.is_reserve());
    reserve.ok_or(Error::ReserveIndexOutOfRange).on_chain()
}
