use super::*;
use crate::{
    MarginAccount,
    events::{Borrowed, Withdrawn, discriminator, log_movement},
    state::{now, stored},
    token::token_account_owner,
};
use ballast_engine::state::account::rights;

/// Moves tokens of a reserve to a token account that the margin account's owner chooses, or the delegate within its rights.
#[derive(Accounts)]
pub struct PayOut {
    /// The owner or the delegate.
    pub owner: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the market's.
    pub vault_authority: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub token_program: UncheckedAccount,
}

/// What the tokens come from.
#[derive(Clone, Copy)]
enum Source {
    Deposit,
    Loan,
}

impl PayOut {
    pub fn withdraw(&mut self, index: u8, amount: u64) -> Result<()> {
        self.pay_out(Source::Deposit, index, amount)
    }

    pub fn borrow(&mut self, index: u8, amount: u64) -> Result<()> {
        self.pay_out(Source::Loan, index, amount)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn pay_out(&mut self, source: Source, index: u8, amount: u64) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let tokens = self.tokens();
        // If this stood first, it would cost owners three compute units a position.
        if !is_at(self.owner.address(), &self.margin_account.owner) {
            self.check_delegate(source)?;
        }
        let mut ledger = ledger(&mut self.market, now()?);
        let terms = tokens.check(ledger.reserves, index)?;
        let account = &mut self.margin_account;
        let (moved, event) = match source {
            Source::Deposit => (ledger.withdraw(account, index, amount), discriminator::<Withdrawn>()),
            Source::Loan => (ledger.borrow(account, index, amount), discriminator::<Borrowed>()),
        };
        let moved = moved.on_chain()?;
        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        tokens.pay_out(&authority, moved.amount, terms)?;
        log_movement(event, &mut self.market, self.margin_account.address(), index, &moved);
        Ok(())
    }

    /// Out of line, so that owners do not pay for it.
    #[cold]
    #[inline(never)]
    fn check_delegate(&self, source: Source) -> Result<()> {
        let right = match source {
            Source::Deposit => rights::WITHDRAW,
            Source::Loan => rights::BORROW,
        };
        let payee = token_account_owner(self.destination.account())?;
        self.margin_account.require_delegate(&stored(self.owner.address()), right, &payee, now()?).on_chain()
    }

    #[inline(always)]
    fn tokens(&self) -> TokenPath {
        token_path!(self, destination)
    }
}
