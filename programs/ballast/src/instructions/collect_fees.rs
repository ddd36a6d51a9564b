use super::*;
use crate::{
    events::{discriminator, events, log_event},
    state::now,
    token,
};

events! {
    {
        /// Number of the event in its market.
        pub number: u64,
        /// The market.
        pub market: Address,
        /// Atoms paid out.
        pub amount: u64,
        /// Index of the reserve.
        pub reserve: u8,
        pub padding: [u8; 7],
    }
    /// Protocol fees were paid out.
    FeesCollected;
    /// A reserve was closed, and what was left of its tokens paid out.
    ReserveClosed;
}

#[derive(Accounts)]
pub struct CollectFees {
    #[account(mut)]
    pub fee_collector: Signer,
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
}

impl CollectFees {
    pub fn collect(&mut self, index: u8) -> Result<()> {
        self.pay(index, false)
    }

    /// Closes an empty reserve. The tokens left are paid out like fees, and their account's rent goes to the fee collector.
    pub fn close_reserve(&mut self, index: u8) -> Result<()> {
        self.pay(index, true)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn pay(&mut self, index: u8, is_closing: bool) -> Result<()> {
        let collector = &self.market.config.roles.fee_collector;
        ensure(is_at(self.fee_collector.address(), collector), Error::NotFeeCollector)?;
        let tokens = token_path!(self, destination);
        let mut ledger = ledger(&mut self.market, now()?);
        let terms = tokens.check(ledger.reserves, index)?;
        let (amount, event) = if is_closing {
            ledger.close_reserve(index).on_chain()?;
            (token::balance(&tokens.vault)?, discriminator::<ReserveClosed>())
        } else {
            (ledger.collect_fees(index).on_chain()?, discriminator::<FeesCollected>())
        };
        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        tokens.pay_out(&authority, amount, terms)?;
        if is_closing {
            tokens.close(&authority, self.fee_collector.account())?;
        }
        log_event!(
            event,
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
