use super::{super::refresh_prices::source, *};
use ballast_engine::{
    perps::{report::PoolReport, trade::Order},
    state::account::rights,
};

/// An order rests.
#[event(bytemuck)]
pub struct PerpOrderRested {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Whole lots to buy; less than zero: to sell.
    pub lots: i64,
    /// The worst price of a lot, atoms with 32 fractional bits; zero: any.
    pub limit: u64,
    /// The first price published then or later fills it, unix seconds.
    pub fills_from: u64,
    /// What who fills it gets, lamports.
    pub tip: u64,
    /// Index of the perp.
    pub perp: u8,
    /// 1 if the position may only shrink.
    pub reduce_only: u8,
    pub padding: [u8; 6],
}

/// An order that nobody filled was cleared.
#[event(bytemuck)]
pub struct PerpOrderCancelled {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// What its owner got back, lamports.
    pub tip: u64,
    /// Index of the perp.
    pub perp: u8,
    pub padding: [u8; 7],
}

/// Anyone, of a margin account whose order rests.
#[derive(Accounts)]
pub struct EndOrder {
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// CHECK: gets the order's tip. Of a cancelled order it must be the margin account's owner.
    #[account(mut)]
    pub recipient: UncheckedAccount,
}

impl TradePerp {
    pub fn rest(&mut self, order: Order, tip: u32) -> Result<()> {
        self.check(rights::TRADE)?;
        let spare = self.margin_account.account().lamports().saturating_sub(self.margin_account.min_lamports()?);
        ensure(spare >= tip as u64, Error::TipMissing)?;
        let fills_from =
            ledger(&mut self.market, now()?).rest_order(&mut self.margin_account, &order, tip).on_chain()?;
        log_event!(
            discriminator::<PerpOrderRested>(),
            PerpOrderRested {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                lots: order.lots,
                limit: order.limit,
                fills_from: fills_from as u64,
                tip: tip as u64,
                perp: order.perp,
                reduce_only: order.reduce_only as u8,
                padding: [0; 6],
            }
        );
        Ok(())
    }
}

impl EndOrder {
    pub fn fill(&mut self, perp: u8, price_accounts: &[AccountView]) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let (before, lots) =
            (self.margin_account.perp(perp).copied().unwrap_or_default(), self.margin_account.order.lots);
        let ledger = &mut ledger(&mut self.market, now()?);
        let (first, base) = match price_accounts {
            [first] => (source(ledger.market, first).on_chain()?, None),
            [first, base] => (source(ledger.market, first).on_chain()?, Some(source(ledger.market, base).on_chain()?)),
            _ => return Err(Error::PriceAccountMissing).on_chain(),
        };
        let done = ledger.fill_order(&mut self.margin_account, perp, &first, base.as_ref());
        let (fill, tip) = done.by_ref()?;
        let told = Told::of_fill(fill, lots, before.is_short != 0);
        log_perp(discriminator::<PerpOrderFilled>(), &mut self.market, self.margin_account.address(), perp, &told);
        self.pay_tip(*tip)
    }

    pub fn cancel(&mut self, perp: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        ensure(is_at(self.recipient.address(), &self.margin_account.owner), Error::NotAccountOwner)?;
        let tip = ledger(&mut self.market, now()?).cancel_order(&mut self.margin_account, perp).on_chain()?;
        log_event!(
            discriminator::<PerpOrderCancelled>(),
            PerpOrderCancelled {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                tip: tip as u64,
                perp,
                padding: [0; 7],
            }
        );
        self.pay_tip(tip)
    }

    /// Moves the tip from the margin account to its recipient.
    fn pay_tip(&self, tip: u32) -> Result<()> {
        let (mut from, mut to) = (*self.margin_account.account(), *self.recipient.account());
        let left = from.lamports().checked_sub(tip as u64);
        let grown = to.lamports().checked_add(tip as u64);
        let (Some(left), Some(grown)) = (left, grown) else { return Err(Error::TipMissing).on_chain() };
        from.set_lamports(left);
        to.set_lamports(grown);
        Ok(())
    }
}

/// Anyone.
#[derive(Accounts)]
pub struct ReadPool {
    pub market: MarketAccount,
}

impl ReadPool {
    pub fn read(&self, pool: u8) -> Result<()> {
        let report = PoolReport::new(self.market.as_slice(), pool, now()?);
        pinocchio::cpi::set_return_data(bytemuck::bytes_of(report.by_ref()?));
        Ok(())
    }
}
