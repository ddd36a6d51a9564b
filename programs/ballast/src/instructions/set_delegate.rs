use super::*;
use crate::{
    MarginAccount,
    events::{DelegateSet, discriminator, log_event},
    state::{now, stored},
};

#[derive(Accounts)]
pub struct SetDelegate {
    pub owner: Signer,
    #[account(mut)]
    pub market: Ledger,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl SetDelegate {
    pub fn set(&mut self, delegate: Address, rights: u8, until: i64) -> Result<()> {
        ensure(is_at(self.owner.address(), &self.margin_account.owner), Error::NotAccountOwner)?;
        check_market(&self.margin_account.market, self.market.address())?;
        self.margin_account.set_delegate(stored(&delegate), rights, until, now()?).on_chain()?;
        log_event!(
            discriminator::<DelegateSet>(),
            DelegateSet {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                delegate,
                until,
                rights,
                padding: [0; 7],
            }
        );
        Ok(())
    }
}
