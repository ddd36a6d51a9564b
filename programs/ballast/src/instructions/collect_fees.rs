use super::*;
use crate::{
    events::{FeesCollected, discriminator, log_event},
    state::now,
};

#[derive(Accounts)]
pub struct CollectFees {
    pub fee_collector: Signer,
    #[account(mut)]
    pub market: Ledger,
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

impl CollectFees {
    pub fn collect(&mut self, index: u8) -> Result<()> {
        ensure(is_at(self.fee_collector.address(), &self.market.fee_collector), Error::NotFeeCollector)?;
        let tokens = token_path!(self, destination);
        let mut books = books(&mut self.market, now()?);
        let terms = tokens.check(books.reserves, index)?;
        let amount = books.collect_fees(index).on_chain()?;
        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        tokens.pay_out(&authority, amount, terms)?;
        log_event!(
            discriminator::<FeesCollected>(),
            FeesCollected {
                number: self.market.next_event(),
                market: *self.market.address(),
                amount,
                reserve: index,
                padding: [0; 7],
            }
        );
        Ok(())
    }
}
