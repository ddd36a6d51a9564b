//! Orders that rest, and are filled by the first price that is published once nobody who placed them could have known it.
//!
//! A price is that one if it was published at `fills_from` or later, and the one before it earlier (`prev_publish_time`). So neither who
//! places an order nor who fills it chooses its price, whatever he sees, and however many prices there are. That makes an order cheaper than
//! a trade of the moment, and no instant flow. It is firm: until it is filled or over, it stays, and so does what backs it.

use crate::{
    error::{Error, Result},
    health::Requirement,
    ledger::Ledger,
    number::{
        math::later,
        units::{Bps, ONE_BPS, Shares},
    },
    perps::{
        position_in,
        trade::{Fill, Order},
    },
    price::{
        cache::PriceCache,
        feed::{PriceUpdate, Quote, Source},
        policy::{Condition, Use},
    },
    state::{
        account::{MarginAccount, RestingOrder, Side as Holding},
        permission::Action,
        perp::{
            Marks, Perp, Side,
            book::Width,
            pricing::{part, part_of},
        },
        reserve::Reserve,
    },
};

impl RestingOrder {
    /// As it was placed.
    pub fn order(&self) -> Order {
        Order {
            perp: self.perp,
            lots: self.lots,
            limit: self.limit,
            min_factor: self.min_factor,
            reduce_only: self.reduce_only != 0,
        }
    }

    /// The last second at which a price of some time fills it.
    pub fn fills_until(published: i64, perp: &Perp) -> i64 {
        later(published, perp.config.max_trade_age as i64)
    }

    /// Whether it can be cancelled: it waited for as long as a price that fills it may be old.
    pub fn is_over(&self, perp: &Perp, now: i64) -> bool {
        now > Self::fills_until(self.fills_from as i64, perp)
    }

    /// Whether a price of a feed is the first once it may be filled.
    pub fn is_filled_by(&self, update: &PriceUpdate) -> bool {
        let from = self.fills_from as i64;
        update.prev_publish_time < from && from <= update.publish_time
    }
}

impl Ledger<'_> {
    /// Rests an order, one of an account at a time. It must be possible at the price of now, so that it cannot be made so, or left
    /// impossible, once its price is known. Whoever fills it gets `tip` lamports. Returns when the price is to be published that fills it.
    pub fn rest_order(&mut self, account: &mut MarginAccount, order: &Order, tip: u32) -> Result<u32> {
        if order.lots == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::ReducePerp)?;
        if account.order.rests() {
            return Err(Error::OrderRests);
        }
        let scene = self.enter_perp(order.perp)?;
        let perp = Perp::of(self.reserves, order.perp)?;
        if perp.is_resolved() {
            return Err(Error::PerpResolved);
        }
        let position = position_in(account, order.perp);
        let (is_buy, lots) = (order.lots > 0, order.lots.unsigned_abs());
        let is_reduction = position.size != 0 && (position.is_short != 0) == is_buy;
        let held = if is_reduction { perp.sides[position.side_index()].lots(position.size) } else { 0 };
        if order.reduce_only && !is_reduction {
            return Err(Error::PerpNotReducing);
        }
        if order.reduce_only || lots <= held {
            self.require_closing_price(&scene)?;
        } else {
            account.require_room_for_perp(order.perp)?;
            self.require_growth(account, &scene)?;
            self.require_backing(account, order, &scene, (lots, lots - held))?;
        }
        let perp = Perp::of(self.reserves, order.perp)?;
        let newest = self.reserves[scene.underlying as usize].price.newest_time();
        let fills_from = later(self.now.max(newest), perp.config.order_lag as i64).clamp(0, u32::MAX as i64) as u32;
        account.order = RestingOrder {
            lots: order.lots,
            limit: order.limit,
            fills_from,
            min_factor: order.min_factor,
            tip,
            perp: order.perp,
            reduce_only: order.reduce_only as u8,
            padding: [0; 2],
        };
        Ok(fills_from)
    }

    /// Requires what an order needs once it is filled at the price of now: the margin of what it opens, at initial health, and a deposit
    /// that pays its costs.
    #[inline(never)]
    fn require_backing(
        &mut self,
        account: &mut MarginAccount,
        order: &Order,
        scene: &super::Scene,
        (lots, opened): (u64, u64),
    ) -> Result<()> {
        let config = Perp::of(self.reserves, order.perp)?.config;
        let value = |lots: u64| Side::empty().notional(lots, scene.marks.high);
        if value(opened) < config.min_value {
            return Err(Error::PositionTooSmall);
        }
        let costs = part_of(value(lots), part(config.fee) + part(config.max_impact));
        let due = costs.saturating_add(self.loss_at_spot(account, order.perp)?);
        let shares = account.shares(scene.quote, Holding::Deposit).unwrap_or(Shares::ZERO);
        let quote = &self.reserves[scene.quote as usize];
        if quote.deposit_index.rare_amount_floor(shares).min(self.free_for_perps(account, scene.quote)) < due {
            return Err(Error::InsufficientMargin);
        }
        let margin = config.requirement(opened, value(opened), config.initial_margin).saturating_add(costs);
        let needed = quote.price.rare_value_ceil(margin, quote.price.high_initial, Bps(ONE_BPS));
        let health = self.health(account, Requirement::Initial)?;
        if health.collateral >= health.debt + needed { Ok(()) } else { Err(Error::InitialHealthTooLow) }
    }

    /// Fills an account's order at its price, which anyone brings: from any account of a receiver, since only one price will do. It must
    /// be no older than a price at which positions grow. Returns the tip of who filled it as well.
    pub fn fill_order(
        &mut self,
        account: &mut MarginAccount,
        index: u8,
        first: &Source,
        base: Option<&Source>,
    ) -> Result<(Fill, u32)> {
        account.require_idle(Action::ReducePerp)?;
        let order = take_order(account, index)?;
        let mut scene = self.enter_perp(index)?;
        let perp = Perp::of(self.reserves, index)?;
        let latest = later(self.now, self.market.config.max_clock_lag as i64);
        let feed = &self.reserves[scene.underlying as usize];
        let quote = Quote::of_any_account(first, base, &feed.config.oracle, latest)?;
        if ![Some(first), base].into_iter().flatten().all(|source| order.is_filled_by(&source.update)) {
            return Err(Error::NotFirstPrice);
        }
        let published = quote.publish_time.min(quote.base_time);
        if self.now > RestingOrder::fills_until(published, perp) {
            return Err(Error::OrderOver);
        }
        let (marks, condition) = self.marks_at(perp, feed, &quote)?;
        if order.reduce_only == 0 {
            Use::PerpGrowth.require(condition)?;
        }
        scene.marks = marks;
        scene.seen = self.now.saturating_sub(published).max(0) as u64;
        let fill = self.deal(account, &order.order(), &scene, marks, false)?;
        Ok((fill, order.tip))
    }

    /// The prices of a lot by a quote that is not the reserve's, and what they are good for.
    #[inline(never)]
    fn marks_at(&self, perp: &Perp, feed: &Reserve, quote: &Quote) -> Result<(Marks, Condition)> {
        let (mut price, oracle) = (PriceCache::default(), &feed.config.oracle);
        price.update(quote, oracle, feed.risk.confidence_multiple, feed.decimals, self.now)?;
        Ok((perp.marks(&price, Width::Maintenance), price.settled(oracle)))
    }

    /// Clears an order that is over. Anyone may. Returns the tip, which is its owner's again.
    pub fn cancel_order(&mut self, account: &mut MarginAccount, index: u8) -> Result<u32> {
        account.require_idle(Action::ReducePerp)?;
        let order = take_order(account, index)?;
        if order.is_over(Perp::of(self.reserves, index)?, self.now) { Ok(order.tip) } else { Err(Error::OrderNotOver) }
    }
}

/// The order of an account for a perp, which no longer rests.
fn take_order(account: &mut MarginAccount, perp: u8) -> Result<RestingOrder> {
    if !account.order.rests() || account.order.perp != perp {
        return Err(Error::OrderNotFound);
    }
    Ok(core::mem::take(&mut account.order))
}
