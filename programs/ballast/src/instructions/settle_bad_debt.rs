use super::*;
use crate::{
    MarginAccount,
    events::{discriminator, log_event},
    state::now,
};

/// A debt without collateral was written off.
#[event(bytemuck)]
pub struct BadDebtSettled {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Shares of the debt.
    pub shares: u64,
    /// Atoms that the insurance bore.
    pub insurance: u64,
    /// Atoms that unclaimed fees bore.
    pub fees: u64,
    /// Atoms that fees not set aside and the depositors bore.
    pub rest: u64,
    /// Index of the reserve.
    pub reserve: u8,
    /// Whether the depositors bore some of it.
    pub is_socialised: PodBool,
    /// Whether the loss made the market reduce-only.
    pub market_reduce_only: PodBool,
    pub padding: [u8; 5],
}

#[derive(Accounts)]
pub struct SettleBadDebt {
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl SettleBadDebt {
    pub fn settle(&mut self, index: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let done = ledger(&mut self.market, now()?).settle_bad_debt(&mut self.margin_account, index).on_chain()?;
        log_event!(
            discriminator::<BadDebtSettled>(),
            BadDebtSettled {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                shares: done.shares.0,
                insurance: done.loss.insurance,
                fees: done.loss.fees,
                rest: done.loss.rest,
                reserve: index,
                is_socialised: done.loss.is_socialised().into(),
                market_reduce_only: done.tripped.into(),
                padding: [0; 5],
            }
        );
        Ok(())
    }
}
