use super::*;
use ballast_engine::{number::units::Part, perps::trade::Order, state::account::rights};

/// What a trader wants, out of an instruction's arguments.
pub fn order(perp: u8, lots: i64, limit: u64, min_factor: u32, reduce_only: bool) -> Order {
    Order { perp, lots, limit, min_factor: Part(min_factor), reduce_only }
}

/// Trades for a margin account, by its owner or a delegate who may.
#[derive(Accounts)]
pub struct TradePerp {
    /// Or a delegate.
    pub owner: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl TradePerp {
    pub fn trade(&mut self, order: Order) -> Result<()> {
        self.check(rights::TRADE)?;
        let Order { perp, lots, .. } = order;
        let before = self.margin_account.perp(perp).copied().unwrap_or_default();
        let fill = ledger(&mut self.market, now()?).trade(&mut self.margin_account, &order);
        let told = Told::of_fill(fill.by_ref()?, lots, before.is_short != 0);
        log_perp(discriminator::<PerpTraded>(), &mut self.market, self.margin_account.address(), perp, &told);
        Ok(())
    }

    /// Requires the signer to be the owner, or the delegate with a right, whose tokens stay the owner's.
    pub(super) fn check(&self, right: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        if is_at(self.owner.address(), &self.margin_account.owner) {
            return Ok(());
        }
        let owner = self.margin_account.owner;
        self.margin_account.require_delegate(&stored(self.owner.address()), right, &owner, now()?).on_chain()
    }
}

/// Anyone, of a margin account.
#[derive(Accounts)]
pub struct TouchPerp {
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl TouchPerp {
    pub fn settle(&mut self, perp: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let receipt = ledger(&mut self.market, now()?).settle_perp(&mut self.margin_account, perp).on_chain()?;
        let bill = Bill { gain: receipt.paid_out, loss: receipt.paid_in, ..Bill::default() };
        let told = Told { bill, receipt, ..Told::default() };
        log_perp(discriminator::<PerpSettled>(), &mut self.market, self.margin_account.address(), perp, &told);
        Ok(())
    }

    pub fn write_off(&mut self, perp: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let done = ledger(&mut self.market, now()?).write_off_perp(&mut self.margin_account, perp).on_chain()?;
        let bill = Bill { reward: done.insurance, impact: done.fund, ..Bill::default() };
        let told = Told { bill, receipt: Receipt { short: done.loss, ..Receipt::default() }, ..Told::default() };
        log_perp(discriminator::<PerpWrittenOff>(), &mut self.market, self.margin_account.address(), perp, &told);
        Ok(())
    }
}

/// Anyone with a margin account of his own in the same market, of another's.
#[derive(Accounts)]
pub struct LiquidatePerp {
    /// Owner of the account that is paid, or that pays.
    pub liquidator: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// Gets the reward, or pays and gets the collateral.
    #[account(mut)]
    pub liquidator_account: Record<MarginAccount>,
}

impl LiquidatePerp {
    pub fn liquidate(&mut self, perp: u8) -> Result<()> {
        self.check()?;
        let before = self.margin_account.perp(perp).copied().unwrap_or_default();
        let done = ledger(&mut self.market, now()?).liquidate_perp(
            &mut self.margin_account,
            perp,
            &mut self.liquidator_account,
        );
        let done = done.by_ref()?;
        let told = Told {
            other: *self.liquidator_account.address(),
            closed: done.closed,
            price: done.price,
            realised: done.realised,
            bill: done.bill,
            receipt: done.receipt,
            is_short: before.is_short != 0,
            ..Told::default()
        };
        log_perp(discriminator::<PerpLiquidated>(), &mut self.market, self.margin_account.address(), perp, &told);
        Ok(())
    }

    pub fn cover(&mut self, perp: u8, collateral: u8, max_amount: u64) -> Result<()> {
        self.check()?;
        let (account, payer) = (&mut self.margin_account, &mut self.liquidator_account);
        let done = ledger(&mut self.market, now()?).cover_perp_loss(account, perp, collateral, payer, max_amount);
        let done = done.on_chain()?;
        let bill = Bill { loss: done.paid, reward: done.amount, ..Bill::default() };
        let receipt = Receipt { paid_in: done.paid, ..Receipt::default() };
        let told = Told { other: *self.liquidator_account.address(), bill, receipt, ..Told::default() };
        log_perp(discriminator::<PerpLossCovered>(), &mut self.market, self.margin_account.address(), perp, &told);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        check_market(&self.liquidator_account.market, self.market.address())?;
        ensure(is_at(self.liquidator.address(), &self.liquidator_account.owner), Error::NotAccountOwner)
    }
}
