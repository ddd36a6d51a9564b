use super::*;
use crate::Change;
use ballast_engine::state::change;

/// A pool or a perp was listed.
#[event(bytemuck)]
pub struct PerpListed {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Number of the change in its market.
    pub change: u64,
    /// Its index.
    pub index: u8,
    /// 1 if it is a pool.
    pub is_pool: u8,
    pub padding: [u8; 6],
}

/// Anyone may list a pool or a perp once the change is due.
#[derive(Accounts)]
pub struct ListPerp {
    /// May be the recipient: a signer holds no data that an alias could corrupt.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub change: Record<Change>,
    /// CHECK: gets the change's rent; must be who paid it, and may be the payer.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
    pub system_program: Program<System>,
}

impl ListPerp {
    pub fn list(&mut self) -> Result<()> {
        check_change(&self.change, self.market.address(), self.recipient.address())?;
        let index = add_record(&mut self.market, self.payer.account())?;
        ledger(&mut self.market, now()?).list_perp_or_pool(&self.change).on_chain()?;
        let market = *self.market.address();
        log_event!(
            discriminator::<PerpListed>(),
            PerpListed {
                number: self.market.next_event(),
                market,
                change: self.change.number,
                index,
                is_pool: (self.change.target == change::OF_POOL) as u8,
                padding: [0; 6],
            }
        );
        AccountClose::close(&mut self.change, *self.recipient.account())
    }
}
