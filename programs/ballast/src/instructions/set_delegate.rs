use super::*;
use crate::{
    MarginAccount,
    events::{discriminator, log_event},
    state::{now, stored},
};

/// The owner of an account named a delegate, or removed the one there was.
#[event(bytemuck)]
pub struct DelegateSet {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Who may act for the owner; all zero: nobody.
    pub delegate: Address,
    /// When the rights end, unix seconds.
    pub until: i64,
    /// Bits of `ballast_engine::state::account::rights`: withdraw (1), borrow (2), any destination (4).
    pub rights: u8,
    pub padding: [u8; 7],
}

#[derive(Accounts)]
pub struct SetDelegate {
    pub owner: Signer,
    #[account(mut)]
    pub market: MarketAccount,
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
