//! What is done with perps and their pools: trades, settlement, liquidation, deleveraging, and deposits in a pool.
//!
//! Money moves as deposit shares of the quote reserve, between a margin account, the pool, and what a perp has set aside. So no token
//! and no index moves, and the reserve's books stay as they are.

pub mod bill;
pub mod liquidate;
pub mod order;
pub mod provide;
pub mod relief;
pub mod report;
pub mod settle;
pub mod trade;

use bytemuck::cast_mut;

use crate::{
    error::{Error, Result},
    health::Requirement,
    ledger::Ledger,
    number::units::Bps,
    price::policy::Use,
    state::{
        account::MarginAccount,
        perp::{
            Marks, Perp, PerpPosition, Pool,
            book::{Owed, Standing, Width, cash_of},
            pricing::part,
        },
        reserve::Reserve,
    },
};

/// Where a perp's records lie, and its prices. The quote reserve and the perp are accrued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub perp: u8,
    pub pool: u8,
    pub quote: u8,
    /// The reserve whose price it follows.
    pub underlying: u8,
    pub marks: Marks,
    /// The volatility measured.
    pub annual: Bps,
    /// Seconds since the price was published.
    pub age: u64,
    /// Seconds that a trader may have seen beyond the price.
    pub seen: u64,
    /// What the pool's other perps make it owe, by the readings that decide on liquidation.
    pub others: Owed,
}

impl Ledger<'_> {
    /// Brings a perp and its quote reserve up to the second.
    #[inline(never)]
    pub(crate) fn enter_perp(&mut self, index: u8) -> Result<Scene> {
        let now = self.now;
        let perp = Perp::of(self.reserves, index)?;
        let (pool_index, underlying) = (perp.config.pool, perp.config.price);
        let pool = Pool::of(self.reserves, pool_index)?;
        let (quote, borrowed) = (pool.config.quote, pool.borrowed_at(now));
        let feed = self.reserves.get(underlying as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let (marks, lag) = (perp.marks(&feed.price, Width::Maintenance), perp.config.fee_lag as u64);
        let (annual, published) = (feed.risk.volatility.annual, feed.price.publish_time);
        self.accrue_reserve(quote)?;
        Perp::of_mut(self.reserves, index)?.accrue(marks.spot, published, annual, borrowed, now);
        let age = now.saturating_sub(published).max(0) as u64;
        let others =
            Owed::by(Pool::of(self.reserves, pool_index)?, self.reserves, Width::Maintenance, now, Some(index))?;
        Ok(Scene { perp: index, pool: pool_index, quote, underlying, marks, annual, age, seen: age + lag, others })
    }

    /// The records of a perp, to be changed.
    pub(crate) fn records_of(&mut self, scene: &Scene) -> Result<(&mut Perp, &mut Pool, &mut Reserve)> {
        let places = [scene.perp, scene.pool, scene.quote].map(|index| index as usize);
        let [perp, pool, quote] = self.reserves.get_disjoint_mut(places).map_err(|_| Error::ReserveIndexOutOfRange)?;
        Ok((cast_mut(perp), cast_mut(pool), quote))
    }

    /// What a perp's pool has and owes, by the readings that decide on liquidation.
    #[inline(never)]
    pub(crate) fn standing(&self, scene: &Scene) -> Result<Standing> {
        let (mut owed, pool) = (scene.others, Pool::of(self.reserves, scene.pool)?);
        let perp = Perp::of(self.reserves, scene.perp)?;
        owed.add(perp, self.reserves, Width::Maintenance, pool.borrowed_at(self.now), self.now)?;
        Ok(Standing::new(cash_of(pool, self.reserves, self.now)?, &owed))
    }

    /// Keeps what a pool's use makes of its rate, and what gains count for from now on.
    #[inline(never)]
    pub(crate) fn update_pool(&mut self, scene: &Scene) -> Result<Standing> {
        let standing = self.standing(scene)?;
        self.keep(scene.pool, standing)
    }

    /// The same for a pool whose standing is known.
    #[inline(never)]
    pub(crate) fn keep(&mut self, index: u8, standing: Standing) -> Result<Standing> {
        let now = self.now;
        let pool = Pool::of_mut(self.reserves, index)?;
        (pool.borrowed, pool.borrowed_until) = (pool.borrowed_at(now), pool.borrowed_until.max(now));
        pool.borrow_rate = part(pool.config.borrow_rate(standing.used()));
        pool.profit_factor = standing.profit_factor();
        Ok(standing)
    }

    /// Requires a price that is recent enough to close a position by.
    #[inline(never)]
    pub(crate) fn require_closing_price(&self, scene: &Scene) -> Result<()> {
        if Perp::of(self.reserves, scene.perp)?.is_resolved() {
            return Ok(());
        }
        Use::PerpClosing.require(self.reserves[scene.underlying as usize].price.condition(self.now))
    }

    /// What of its quote deposit an account can give for its perps, atoms: lenders come first. Nothing where prices do not tell.
    #[inline(always)]
    pub(crate) fn free_for_perps(&self, account: &MarginAccount, quote: u8) -> u64 {
        self.beyond_debts(account, quote).unwrap_or(0)
    }

    /// What of a deposit an account's debts do not need, atoms: of one with debts only what its deposits are worth beyond them, at initial
    /// weights.
    #[inline(never)]
    fn beyond_debts(&self, account: &MarginAccount, reserve: u8) -> Result<u64> {
        if !account.has_debt() {
            return Ok(u64::MAX);
        }
        let health = self.health(&account.lent_alone(), Requirement::Initial)?;
        // An atom counts for no more than its spot price.
        let price = &self.reserves[reserve as usize].price;
        Ok(price.atoms_floor(health.collateral.saturating_sub(health.debt), price.spot))
    }
}

/// Its position in a perp; of none an empty one.
pub(crate) fn position_in(account: &MarginAccount, perp: u8) -> PerpPosition {
    account.perp(perp).copied().unwrap_or_default()
}
