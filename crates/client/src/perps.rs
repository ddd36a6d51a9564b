//! The instructions of perps and their pools. They move no token, so they name no token account.

use ballast_engine::{
    Result,
    perps::{
        report::PoolReport,
        trade::{Fill, Order},
    },
    state::{
        account::{MarginAccount, Mode},
        perp::{Perp, Pool},
    },
};
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::{address::from_engine, instruction as ix, market::MarketView};

/// What a trade would do if it landed.
#[derive(Clone, Debug)]
pub struct TradePreview {
    /// What it would do.
    pub fill: Fill,
    /// Whole lots that would change hands.
    pub lots: u64,
    /// The price of a lot with impact and rebate, atoms with 32 fractional bits, rounded against the trader; zero where none is traded.
    pub price: u64,
    /// The account after it.
    pub account: MarginAccount,
    /// The market after it.
    pub market: MarketView,
}

/// Each of some reserves once.
fn once(mut reserves: Vec<u8>) -> Vec<u8> {
    let mut seen = 0u64;
    reserves.retain(|reserve| {
        let bit = 1u64.checked_shl(*reserve as u32).unwrap_or(0);
        let is_new = seen & bit == 0;
        seen |= bit;
        is_new
    });
    reserves
}

impl MarketView {
    /// The perp at an index.
    pub fn perp(&self, index: u8) -> Result<&Perp> {
        Perp::of(&self.reserves, index)
    }

    /// The pool at an index.
    pub fn pool(&self, index: u8) -> Result<&Pool> {
        Pool::of(&self.reserves, index)
    }

    /// The reserves whose prices a pool's value depends on, each once: those that its perps with open positions follow.
    pub fn pool_prices(&self, pool: u8) -> Vec<u8> {
        let perps = self.pool(pool).map_or(&[][..], Pool::perps).iter().filter_map(|index| self.perp(*index).ok());
        let open = perps.filter(|perp| perp.sides.iter().any(|side| side.size != 0) && !perp.is_resolved());
        once(open.map(|perp| perp.config.price).collect())
    }

    /// The reserves whose prices an account depends on, each once: those of its deposits and debts, and of each perp the one that it
    /// follows and the one of its quote token.
    pub fn priced_reserves(&self, account: &MarginAccount) -> Vec<u8> {
        let mut reserves: Vec<_> = account.positions().iter().map(|position| position.reserve).collect();
        for perp in account.perps().filter_map(|position| self.perp(position.perp).ok()) {
            reserves.push(perp.config.price);
            reserves.extend(self.pool(perp.config.pool).ok().map(|pool| pool.config.quote));
        }
        once(reserves)
    }

    /// What a trade would do if it landed at `now`, unix seconds, with the prices at hand. Errors are those of the trade.
    pub fn preview_trade(&self, account: &MarginAccount, order: &Order, now: i64) -> Result<TradePreview> {
        let (mut market, mut after) = (self.clone(), *account);
        let fill = market.ledger(now).trade(&mut after, order)?;
        let (perp, is_sale) = (self.perp(order.perp)?, order.lots < 0);
        let closed = account.perp(order.perp).map_or(0, |held| perp.sides[held.side_index()].lots(fill.closed));
        let lots = closed + perp.sides[is_sale as usize].lots(fill.opened);
        let impact = (i128::from(fill.bill.impact) - i128::from(fill.bill.rebate)) << 32;
        // What is paid rounds up, what is got down.
        let signed = if is_sale { -i128::from(lots) } else { i128::from(lots) };
        let change = if lots == 0 { 0 } else { -(-impact).div_euclid(i128::from(lots)) * signed.signum() };
        let price = if lots == 0 { 0 } else { u64::try_from(i128::from(fill.price) + change).unwrap_or(0) };
        Ok(TradePreview { fill, lots, price, account: after, market })
    }

    /// Opens a margin account for one perp and a deposit of its quote token, signed like a cross one.
    pub fn open_perp_account(&self, owner: Address, payer: Address, id: u16, perp: u8) -> Result<Instruction> {
        let quote = self.pool(self.perp(perp)?.config.pool)?.config.quote;
        Ok(self.open(owner, payer, id, Mode::Perp, (quote, perp)))
    }

    /// Trades for a margin account, signed by its owner or its delegate.
    pub fn trade_perp(&self, owner: Address, margin_account: Address, order: &Order) -> Result<Instruction> {
        let Order { perp, lots, limit, min_factor, reduce_only } = *order;
        self.perp(perp)?;
        let min_factor = min_factor.0;
        let accounts =
            ix::TradePerp { owner, market: self.address, margin_account, perp, lots, limit, min_factor, reduce_only };
        Ok(accounts.instruction())
    }

    /// Rests an order, signed likewise. Who fills it gets `tip` lamports, which the margin account must hold beside its rent: send them
    /// there in the same transaction.
    pub fn rest_perp_order(
        &self,
        owner: Address,
        margin_account: Address,
        order: &Order,
        tip: u32,
    ) -> Result<Instruction> {
        let Order { perp, lots, limit, min_factor, reduce_only } = *order;
        self.perp(perp)?;
        let (market, min_factor) = (self.address, min_factor.0);
        let accounts =
            ix::RestPerpOrder { owner, market, margin_account, perp, lots, limit, min_factor, reduce_only, tip };
        Ok(accounts.instruction())
    }

    /// Fills the order of a margin account by the price in an account of a receiver, of two feeds in two; the tip goes to `recipient`.
    /// Nobody signs.
    pub fn fill_perp_order(
        &self,
        margin_account: Address,
        recipient: Address,
        perp: u8,
        prices: &[Address],
    ) -> Result<Instruction> {
        self.perp(perp)?;
        let accounts = ix::FillPerpOrder { market: self.address, margin_account, recipient, perp };
        let mut instruction = accounts.instruction();
        instruction.accounts.extend(prices.iter().map(|price| AccountMeta::new_readonly(*price, false)));
        Ok(instruction)
    }

    /// Clears an order that is over; its tip goes back to the margin account's owner. Nobody signs.
    pub fn cancel_perp_order(&self, owner: Address, margin_account: Address, perp: u8) -> Result<Instruction> {
        self.perp(perp)?;
        Ok(ix::CancelPerpOrder { market: self.address, margin_account, recipient: owner, perp }.instruction())
    }

    /// Has the program compute a pool's figures. Nobody signs.
    pub fn read_pool(&self, pool: u8) -> Result<Instruction> {
        self.pool(pool)?;
        Ok(ix::ReadPool { market: self.address, pool }.instruction())
    }

    /// A pool's figures at `now`, unix seconds, as `read_pool` returns them.
    pub fn pool_report(&self, pool: u8, now: i64) -> Result<PoolReport> {
        PoolReport::new(&self.reserves, pool, now)
    }

    /// Pays what a position has lost, or what a closed one is owed. Nobody signs.
    pub fn settle_perp(&self, margin_account: Address, perp: u8) -> Result<Instruction> {
        self.perp(perp)?;
        Ok(ix::SettlePerp { market: self.address, margin_account, perp }.instruction())
    }

    /// Writes off what a closed position owes, once the account has nothing to pay it with. Nobody signs.
    pub fn write_off_perp(&self, margin_account: Address, perp: u8) -> Result<Instruction> {
        self.perp(perp)?;
        Ok(ix::WriteOffPerp { market: self.address, margin_account, perp }.instruction())
    }

    /// Closes what is too much of an unhealthy account's position, signed by the liquidator, whose margin account gets the reward.
    pub fn liquidate_perp(
        &self,
        liquidator: Address,
        liquidator_account: Address,
        margin_account: Address,
        perp: u8,
    ) -> Result<Instruction> {
        self.perp(perp)?;
        let accounts = ix::LiquidatePerp { liquidator, market: self.address, margin_account, liquidator_account, perp };
        Ok(accounts.instruction())
    }

    /// Pays up to `max_amount` atoms of what an account has lost beyond its deposit of the quote token, for its deposit in another
    /// reserve. Signed by the liquidator, whose margin account pays and gets that.
    pub fn cover_perp_loss(
        &self,
        liquidator: Address,
        liquidator_account: Address,
        margin_account: Address,
        (perp, collateral): (u8, u8),
        max_amount: u64,
    ) -> Result<Instruction> {
        self.perp(perp)?;
        self.reserve(collateral)?;
        let accounts = ix::CoverPerpLoss {
            liquidator,
            market: self.address,
            margin_account,
            liquidator_account,
            perp,
            collateral,
            max_amount,
        };
        Ok(accounts.instruction())
    }

    /// Closes the same part of all positions of a side that the pool cannot bear. Nobody signs.
    pub fn deleverage_perp(&self, perp: u8) -> Result<Instruction> {
        self.perp(perp)?;
        Ok(ix::DeleveragePerp { market: self.address, perp }.instruction())
    }

    /// Winds a perp down at its last price, signed by the market's authority.
    pub fn resolve_perp(&self, perp: u8) -> Result<Instruction> {
        self.perp(perp)?;
        let authority = from_engine(&self.market.authority);
        Ok(ix::ResolvePerp { authority, market: self.address, perp }.instruction())
    }

    /// Moves `amount` atoms of an account's deposit of the quote token into a pool, signed by its owner or its delegate.
    pub fn pool_deposit(&self, owner: Address, margin_account: Address, pool: u8, amount: u64) -> Result<Instruction> {
        self.pool(pool)?;
        Ok(ix::PoolDeposit { owner, market: self.address, margin_account, pool, amount }.instruction())
    }

    /// Asks for shares of a pool, in place of what was asked for before; signed likewise.
    pub fn pool_request(&self, owner: Address, margin_account: Address, pool: u8, shares: u64) -> Result<Instruction> {
        self.pool(pool)?;
        Ok(ix::PoolRequest { owner, market: self.address, margin_account, pool, shares }.instruction())
    }

    /// Takes the shares asked for, as many as the pool can do without, into the account's deposit; signed likewise.
    pub fn pool_withdraw(&self, owner: Address, margin_account: Address, pool: u8) -> Result<Instruction> {
        self.pool(pool)?;
        Ok(ix::PoolWithdraw { owner, market: self.address, margin_account, pool }.instruction())
    }
}
