use super::*;
use crate::{
    events::{discriminator, log_event},
    introspection::Ending,
    state::now,
};

/// A flash loan was paid back.
#[event(bytemuck)]
pub struct FlashLoanRepaid {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Atoms lent.
    pub amount: u64,
    /// Atoms paid on top.
    pub fee: u64,
    /// Index of the reserve.
    pub reserve: u8,
    pub padding: [u8; 7],
}

/// Tag of `end_flash_loan` and which of its accounts is the market.
const END: (u8, usize) = (crate::instruction::EndFlashLoan::DISCRIMINATOR[0], 1);

#[derive(Accounts)]
pub struct BeginFlashLoan {
    #[account(mut)]
    pub market: MarketAccount,
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
    /// CHECK: must be the instructions sysvar.
    pub instructions: UncheckedAccount,
}

impl BeginFlashLoan {
    pub fn begin(&mut self, index: u8, amount: u64) -> Result<()> {
        let market = *self.market.address();
        Ending { tag: END.0, data: &[index], account: (END.1, &market) }.require(self.instructions.account())?;
        let tokens = token_path!(self, destination);
        let mut ledger = ledger(&mut self.market, now()?);
        let terms = tokens.check(ledger.reserves, index)?;
        let loan = ledger.begin_flash_loan(index, amount).on_chain()?;
        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        tokens.pay_out(&authority, loan.amount, terms)
    }
}

#[derive(Accounts)]
pub struct EndFlashLoan {
    pub payer: Signer,
    #[account(mut)]
    pub market: MarketAccount,
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

impl EndFlashLoan {
    pub fn end(&mut self, index: u8) -> Result<()> {
        let tokens = token_path!(self, source);
        let mut ledger = ledger(&mut self.market, now()?);
        let terms = tokens.check(ledger.reserves, index)?;
        let loan = ledger.end_flash_loan(index).on_chain()?;
        // Fits: `end_flash_loan` has added the fee to the cash, which includes the loan and is one u64.
        tokens.pay_in(*self.payer.account(), loan.amount + loan.fee, terms)?;
        log_event!(
            discriminator::<FlashLoanRepaid>(),
            FlashLoanRepaid {
                number: self.market.next_event(),
                market: *self.market.address(),
                amount: loan.amount,
                fee: loan.fee,
                reserve: index,
                padding: [0; 7],
            }
        );
        Ok(())
    }
}
