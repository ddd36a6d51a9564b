//! One file per instruction, or per pair that differs in the engine call alone. Each reads: who calls it, which
//! accounts, one engine call, token movement, event.

mod assert_sequence;
mod close_account;
mod collect_fees;
mod create_market;
mod flash_loan;
mod governance;
mod liquidate;
mod list_reserve;
mod mark_liquidatable;
mod open_account;
mod pay_in;
mod pay_out;
mod read_health;
mod receivership;
mod refresh_prices;
mod refresh_reserve;
mod restrict;
mod set_delegate;
mod settle_bad_debt;
mod stake;

use governance::check_change;
pub use {
    assert_sequence::*, close_account::*, collect_fees::*, create_market::*, flash_loan::*, governance::*,
    liquidate::*, list_reserve::*, mark_liquidatable::*, open_account::*, pay_in::*, pay_out::*, read_health::*,
    receivership::*, refresh_prices::*, refresh_reserve::*, set_delegate::*, settle_bad_debt::*, stake::*,
};

use {
    crate::{
        error::OnChain,
        state::{Ledger, Record, is_at, split},
        token::{self, Terms, Transfer, close_account},
    },
    anchor_lang::prelude::*,
    ballast_engine::{Error, ledger, record::layout, state::reserve::Reserve},
    pinocchio::cpi::{Seed, Signer as Signature},
};

/// Seeds of a market's vault authority, before the market's address.
pub const VAULT_AUTHORITY_SEED: &[u8] = b"authority";

/// Refuses with an engine error unless a condition holds.
#[inline(always)]
fn ensure(condition: bool, error: Error) -> Result<()> {
    if condition { Ok(()) } else { Err(error).on_chain() }
}

/// The market as the engine works on it.
#[inline(always)]
fn books(market: &mut Ledger, now: i64) -> actions::Ledger<'_> {
    let (market, reserves) = split(market);
    actions::Ledger { market, reserves, now }
}

/// The accounts through which one reserve's tokens move.
struct TokenPath {
    vault: AccountView,
    mint: AccountView,
    program: AccountView,
    /// The user's token account. The token program checks its mint, owner and state.
    other: AccountView,
}

/// The path through an instruction's accounts `vault`, `mint` and `token_program`, and the user's.
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
use token_path;

impl TokenPath {
    /// Requires vault, mint and token program to be the reserve's own, and returns how its tokens move.
    #[inline(always)]
    fn check(&self, reserves: &[Reserve], index: u8) -> Result<Terms> {
        let reserve = reserve(reserves, index)?;
        ensure(is_at(self.vault.address(), &reserve.vault), Error::WrongVault)?;
        ensure(is_at(self.mint.address(), &reserve.mint), Error::WrongMint)?;
        ensure(is_at(self.program.address(), &reserve.token_program), Error::WrongTokenProgram)?;
        Ok(Terms::of(reserve))
    }

    /// What arrives at the vault of what the user sends. Everything stays that.
    #[inline(always)]
    fn arriving(&self, sent: u64, terms: Terms) -> Result<u64> {
        if terms.have_fee() { token::arriving(&self.mint, sent) } else { Ok(sent) }
    }

    /// What has to leave the vault for so much to arrive at the user.
    #[inline(always)]
    fn sending(&self, due: u64, terms: Terms) -> Result<u64> {
        if terms.have_fee() { token::sending(&self.mint, due) } else { Ok(due) }
    }

    /// From the user to the vault, where so much arrives, signed for by the user.
    #[inline(always)]
    fn pay_in(&self, payer: AccountView, amount: u64, terms: Terms) -> Result<()> {
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

    /// From the vault, which so much leaves, to the user, signed for by the market's vault authority.
    #[inline(always)]
    fn pay_out(&self, authority: &VaultAuthority, amount: u64, terms: Terms) -> Result<()> {
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

    /// Closes the empty vault; its rent goes to the recipient.
    fn close(&self, authority: &VaultAuthority, recipient: &AccountView) -> Result<()> {
        authority.sign(|signers| close_account(&self.program, &self.vault, recipient, &authority.view, signers))
    }
}

/// The market's signature for its vaults.
struct VaultAuthority {
    view: AccountView,
    market: AccountView,
    bump: u8,
}

impl VaultAuthority {
    #[inline(always)]
    fn new(view: AccountView, market: &Ledger) -> Result<Self> {
        ensure(is_at(view.address(), &market.vault_authority), Error::WrongVaultAuthority)?;
        Ok(Self { view, market: *market.view(), bump: market.vault_authority_bump })
    }

    #[inline(always)]
    fn sign(&self, call: impl FnOnce(&[Signature]) -> Result<()>) -> Result<()> {
        let bump = [self.bump];
        let seeds = [Seed::from(VAULT_AUTHORITY_SEED), Seed::from(self.market.address().as_ref()), Seed::from(&bump)];
        call(&[Signature::from(&seeds)])
    }
}

/// Requires a margin account to belong to the market at hand.
#[inline(always)]
fn check_market(stored: &layout::Address, market: &Address) -> Result<()> {
    ensure(is_at(market, stored), Error::WrongMarket)
}

/// A reserve of the market.
#[inline(always)]
fn reserve(reserves: &[Reserve], index: u8) -> Result<&Reserve> {
    reserves.get(index as usize).ok_or(Error::ReserveIndexOutOfRange).on_chain()
}
