use super::*;
use ballast_engine::{number::units::Shares, state::account::rights};

events! {
    {
        /// Number of the event in its market.
        pub number: u64,
        /// The margin account, of this market for good.
        pub account: Address,
        /// Atoms.
        pub amount: u64,
        /// Shares of the pool.
        pub shares: u64,
        /// Index of the pool.
        pub pool: u8,
        pub padding: [u8; 7],
    }
    /// A deposit was moved into a pool.
    PoolDeposited;
    /// Shares of a pool were asked for.
    PoolExitRequested;
    /// Shares of a pool were paid out into a deposit.
    PoolWithdrawn;
}

impl TradePerp {
    pub fn pool_deposit(&mut self, pool: u8, amount: u64) -> Result<()> {
        self.check(rights::TRADE)?;
        let moved = ledger(&mut self.market, now()?).provide(&mut self.margin_account, pool, amount).on_chain()?;
        self.log_move(discriminator::<PoolDeposited>(), pool, moved.amount, moved.shares);
        Ok(())
    }

    pub fn pool_request(&mut self, pool: u8, shares: u64) -> Result<()> {
        self.check(rights::TRADE)?;
        let shares = Shares(shares);
        ledger(&mut self.market, now()?).ask_to_leave(&mut self.margin_account, pool, shares).on_chain()?;
        self.log_move(discriminator::<PoolExitRequested>(), pool, 0, shares);
        Ok(())
    }

    pub fn pool_withdraw(&mut self, pool: u8) -> Result<()> {
        self.check(rights::TRADE)?;
        let moved = ledger(&mut self.market, now()?).leave(&mut self.margin_account, pool).on_chain()?;
        self.log_move(discriminator::<PoolWithdrawn>(), pool, moved.amount, moved.shares);
        Ok(())
    }

    #[inline(never)]
    fn log_move(&mut self, event: [u8; 8], pool: u8, amount: u64, shares: Shares) {
        log_event!(
            event,
            PoolDeposited {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                amount,
                shares: shares.0,
                pool,
                padding: [0; 7],
            }
        );
    }
}
