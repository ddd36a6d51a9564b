use super::*;
use crate::MarketConfig;

#[derive(Accounts)]
pub struct UpdateMarket {
    pub authority: Signer,
    #[account(mut)]
    pub market: Ledger,
}

impl UpdateMarket {
    pub fn update(&mut self, config: MarketConfig) -> Result<()> {
        ensure(is_at(self.authority.address(), &self.market.authority), Error::NotMarketAuthority)?;
        let config = config.get();
        config.validate().on_chain()?;
        self.market.config = config;
        Ok(())
    }
}
