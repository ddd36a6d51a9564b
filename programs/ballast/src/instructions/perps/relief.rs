use super::*;

/// The same part of all positions of a side was closed.
#[event(bytemuck)]
pub struct PerpDeleveraged {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// The part, 32 fractional bits.
    pub part: u64,
    /// Price of a lot, atoms with 32 fractional bits.
    pub price: u64,
    /// Index of the perp.
    pub perp: u8,
    /// 1 if it was the shorts' side.
    pub is_short: u8,
    pub padding: [u8; 6],
}

/// A perp is wound down at a final price.
#[event(bytemuck)]
pub struct PerpResolved {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Price of a lot, atoms with 32 fractional bits.
    pub price: u64,
    /// Index of the perp.
    pub perp: u8,
    pub padding: [u8; 7],
}

/// Anyone.
#[derive(Accounts)]
pub struct DeleveragePerp {
    #[account(mut)]
    pub market: MarketAccount,
}

impl DeleveragePerp {
    pub fn deleverage(&mut self, perp: u8) -> Result<()> {
        let done = ledger(&mut self.market, now()?).deleverage_perp(perp).on_chain()?;
        let market = *self.market.address();
        log_event!(
            discriminator::<PerpDeleveraged>(),
            PerpDeleveraged {
                number: self.market.next_event(),
                market,
                part: done.part,
                price: done.price,
                perp,
                is_short: !done.of_longs as u8,
                padding: [0; 6],
            }
        );
        Ok(())
    }
}

/// The market's authority.
#[derive(Accounts)]
pub struct ResolvePerp {
    pub authority: Signer,
    #[account(mut)]
    pub market: MarketAccount,
}

impl ResolvePerp {
    pub fn resolve(&mut self, perp: u8) -> Result<()> {
        let signer = stored(self.authority.address());
        let price = ledger(&mut self.market, now()?).resolve_perp(&signer, perp).on_chain()?;
        let market = *self.market.address();
        log_event!(
            discriminator::<PerpResolved>(),
            PerpResolved { number: self.market.next_event(), market, price, perp, padding: [0; 7] }
        );
        Ok(())
    }
}
