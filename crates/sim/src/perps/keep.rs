//! What anyone may do to keep the market in order, done by a keeper: liquidations, losses settled and written off, and relief of the
//! pool.

use anyhow::Result;
use ballast_client::{
    MarketView,
    engine::{health::Requirement, number::units::Part},
};

use super::{Play, people::lost};

/// Most orders against one account at one price.
const ORDERS: usize = 8;
/// Seconds between the keeper's rounds to settle losses, while all gains are paid.
const ROUND: i64 = 21_600;
/// What is not worth a transaction, USD.
const TRIFLE: u64 = 1;

impl Play {
    /// Closes what unhealthy accounts have too much of, and writes off what nobody pays.
    pub(super) fn liquidate(&mut self) -> Result<()> {
        let mut market = self.stage.world.market()?;
        for index in 0..self.traders.len() {
            if !self.traders[index].is_open() || self.is_healthy(&market, index)? {
                continue;
            }
            for _ in 0..ORDERS {
                let (trader, keeper) = (&self.traders[index], self.keeper);
                let (margin, perp) = (trader.member.margin, trader.perp.1);
                let order = market.liquidate_perp(keeper.owner, keeper.margin, margin, perp)?;
                let is_done = self.send("liquidate perp", order)?.is_none();
                self.read(index)?;
                market = self.stage.world.market()?;
                if is_done || !self.traders[index].is_open() || self.is_healthy(&market, index)? {
                    break;
                }
            }
            self.cover(index)?;
            self.write_off(index)?;
            market = self.stage.world.market()?;
        }
        Ok(())
    }

    fn is_healthy(&self, market: &MarketView, index: usize) -> Result<bool> {
        let account = &self.traders[index].account;
        Ok(market.health(account, self.stage.world.now, Requirement::Maintenance)?.is_healthy())
    }

    /// Takes other collateral for a loss that the account's deposit does not cover.
    fn cover(&mut self, index: usize) -> Result<()> {
        let trader = &self.traders[index];
        let (member, (reserve, perp)) = (trader.member, trader.perp);
        if !trader.in_kind || trader.position().is_none() {
            return Ok(());
        }
        let (market, keeper) = (self.stage.world.market()?, self.keeper);
        let purse = self.stage.world.margin_account(&keeper.margin)?;
        let most = self.place.atoms(&market, self.place.deposit(&purse), self.stage.world.now) / 2;
        let cover =
            market.cover_perp_loss(keeper.owner, keeper.margin, member.margin, (perp, reserve as u8), most.max(1))?;
        self.send("cover perp loss", cover)?;
        self.read(index)
    }

    fn write_off(&mut self, index: usize) -> Result<()> {
        let trader = &self.traders[index];
        if trader.position().is_some_and(|position| position.size == 0 && position.cost > 0) {
            let write_off = self.stage.world.market()?.write_off_perp(trader.member.margin, trader.perp.1)?;
            self.send("write off perp", write_off)?;
            self.read(index)?;
        }
        Ok(())
    }

    /// Deleverages what the pool cannot bear, and has losses paid at once where it pays gains in part.
    pub(super) fn relieve(&mut self) -> Result<()> {
        let market = self.stage.world.market()?;
        let standing = self.standing(&market)?;
        let below = market.pool(self.place.pool)?.config.deleverage_below;
        if !standing.covers(below) {
            for (_, perp) in self.place.perps.clone() {
                self.send("deleverage perp", market.deleverage_perp(perp)?)?;
            }
        }
        if standing.profit_factor() != Part::WHOLE {
            self.settle_all()?;
        }
        Ok(())
    }

    /// Has losses paid, and gains that are owed, from time to time.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.stage.world.now < self.next_settling {
            return Ok(());
        }
        self.next_settling = self.stage.world.now + ROUND;
        self.settle_all()
    }

    fn settle_all(&mut self) -> Result<()> {
        for index in 0..self.traders.len() {
            let market = self.stage.world.market()?;
            let trader = &self.traders[index];
            let (margin, perp) = (trader.member.margin, trader.perp.1);
            let Some(position) = trader.position() else { continue };
            let spot = self.place.price(&market, perp)?;
            let loss = if position.size == 0 { 0 } else { lost(market.perp(perp)?, position, spot) };
            let is_owed = position.size == 0 && position.cost < 0;
            let deposit = self.place.atoms(&market, self.place.deposit(&trader.account), self.stage.world.now);
            if is_owed || loss.min(deposit) > TRIFLE * self.place.unit {
                self.send("settle perp", market.settle_perp(margin, perp)?)?;
                self.read(index)?;
            }
            if loss > deposit {
                self.cover(index)?;
            }
            self.write_off(index)?;
        }
        Ok(())
    }
}
