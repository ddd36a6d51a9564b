use super::*;
use crate::{
    MarginAccount,
    events::{Deposited, Repaid, discriminator, log_movement},
    state::{now, stored},
};

/// Moves tokens of anyone into a reserve, for any margin account.
#[derive(Accounts)]
pub struct PayIn {
    pub payer: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub source: UncheckedAccount,
    /// CHECK: must be the reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub token_program: UncheckedAccount,
}

/// Which of the instructions is called.
#[derive(Clone, Copy)]
enum Purpose {
    Deposit,
    Repay,
}

impl PayIn {
    pub fn deposit(&mut self, index: u8, amount: u64) -> Result<()> {
        self.pay_in(Purpose::Deposit, index, amount)
    }

    pub fn repay(&mut self, index: u8, amount: u64) -> Result<()> {
        self.pay_in(Purpose::Repay, index, amount)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn pay_in(&mut self, purpose: Purpose, index: u8, amount: u64) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let tokens = self.tokens();
        let mut ledger = ledger(&mut self.market, now()?);
        let terms = tokens.check(ledger.reserves, index)?;
        let amount = tokens.arriving(amount, terms)?;
        let account = &mut self.margin_account;
        let (moved, event) = match purpose {
            Purpose::Deposit => {
                (ledger.deposit(account, &stored(self.payer.address()), index, amount), discriminator::<Deposited>())
            }
            Purpose::Repay => (ledger.repay(account, index, amount), discriminator::<Repaid>()),
        };
        let moved = moved.on_chain()?;
        tokens.pay_in(*self.payer.account(), moved.amount, terms)?;
        log_movement(event, &mut self.market, self.margin_account.address(), index, &moved);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn tokens(&self) -> TokenPath {
        token_path!(self, source)
    }
}
