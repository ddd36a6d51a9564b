use super::*;
use crate::{MarginAccount, state::now};
use ballast_engine::health::report::HealthReport;

/// The accounts with which the health of a margin account is read or asserted.
#[derive(Accounts)]
pub struct ReadHealth {
    pub market: MarketAccount,
    pub margin_account: Record<MarginAccount>,
}

impl ReadHealth {
    pub fn read(&self) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let report =
            HealthReport::new(&self.margin_account, self.market.as_slice(), &self.market.config, now()?).on_chain()?;
        pinocchio::cpi::set_return_data(bytemuck::bytes_of(&report));
        Ok(())
    }

    pub fn assert(&self, requirement: u8, min_ratio: u32) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let (account, reserves, now) = (&self.margin_account, self.market.as_slice(), now()?);
        let report = HealthReport::new(account, reserves, &self.market.config, now).on_chain()?;
        report.require_proved(account, reserves, now, requirement, min_ratio).on_chain()
    }
}
