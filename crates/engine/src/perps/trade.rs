//! A trade: it opens, grows, shrinks, closes or turns a position.

use crate::{
    error::{Error, Result},
    health::{Requirement, perp::paid_part},
    ledger::Ledger,
    number::{
        math::mul_div_floor,
        units::{Bps, Part},
    },
    perps::{
        Scene,
        bill::{Bill, Receipt},
        position_in,
    },
    price::policy::Use,
    state::{
        account::MarginAccount,
        permission::Action,
        perp::{
            Marks, Perp, PerpPosition, Pool, Side,
            book::Standing,
            pricing::{part, part_of},
            side::{MAX_LOTS, MAX_PRICE, gain},
        },
    },
};

/// What a trader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The perp's record.
    pub perp: u8,
    /// Whole lots to buy; less than zero: to sell.
    pub lots: i64,
    /// The worst price of a lot, its impact included, atoms with 32 fractional bits; zero: any.
    pub limit: u64,
    /// The least part of a gain that is to be paid, or nothing is done.
    pub min_factor: Part,
    /// Whether the position may only shrink. One that is closed is paid what it is still owed.
    pub reduce_only: bool,
}

/// What a trade did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Lots of its side that were closed.
    pub closed: u64,
    /// Lots of the other side, or the same, that were opened.
    pub opened: u64,
    /// Price of a lot, atoms with 32 fractional bits.
    pub price: u64,
    /// What was gained or lost by what was closed, atoms.
    pub realised: i64,
    /// The part of a gain that the pool pays.
    pub factor: Part,
    /// The bill.
    pub bill: Bill,
    /// What became of it.
    pub receipt: Receipt,
}

/// What closing a part of a position comes to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Closing {
    pub realised: i64,
    pub factor: Part,
    pub gain: u64,
    pub loss: u64,
    /// What of the gain is not paid now, and stays owed.
    pub owed: i64,
    /// What it cost.
    pub cost: i64,
}

impl Ledger<'_> {
    /// Trades at the worse of the last two prices, with an impact on the skew that is the same however the trade is split.
    pub fn trade(&mut self, account: &mut MarginAccount, order: &Order) -> Result<Fill> {
        if order.lots == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::ReducePerp)?;
        let scene = self.enter_perp(order.perp)?;
        let prices = Perp::of(self.reserves, order.perp)?.worse(scene.marks);
        self.deal(account, order, &scene, prices, true)
    }

    /// A trade at given prices. An instant one may grow no faster than the perp allows.
    #[inline(never)]
    pub(crate) fn deal(
        &mut self,
        account: &mut MarginAccount,
        order: &Order,
        scene: &Scene,
        prices: Marks,
        is_instant: bool,
    ) -> Result<Fill> {
        let perp = Perp::of(self.reserves, order.perp)?;
        let position = position_in(account, order.perp);
        let (is_buy, lots) = (order.lots > 0, order.lots.unsigned_abs().min(MAX_LOTS));
        let is_reduction = position.size != 0 && (position.is_short != 0) == is_buy;
        let (mut closed, mut rest) = (0, lots);
        if is_reduction {
            let side = &perp.sides[position.side_index()];
            closed = side.size_for(lots).min(position.size);
            let left = side.notional(position.size - closed, scene.marks.spot);
            if left < perp.config.min_value || side.lots(position.size) <= lots {
                // No dust is left.
                closed = position.size;
            }
            rest = lots.saturating_sub(side.lots(closed));
            if closed < position.size {
                rest = 0;
            }
        }
        // Of a position that is closed, what it is still owed.
        let is_owed = order.reduce_only && position.size == 0 && position.cost < 0;
        if order.reduce_only {
            if !is_reduction && !is_owed {
                return Err(Error::PerpNotReducing);
            }
            rest = 0;
        }
        let opened = perp.sides[!is_buy as usize].size_for(rest);
        if closed == 0 && opened == 0 && !is_owed {
            return Err(Error::AmountTooSmall);
        }
        let whole = perp.sides[position.side_index()].lots(closed) + perp.sides[!is_buy as usize].lots(opened);
        let price = if is_buy { prices.high } else { prices.low };
        let value = perp.sides[position.side_index()]
            .notional(closed, price)
            .saturating_add(perp.sides[!is_buy as usize].notional(opened, price));
        let charges = self.charges(scene, if is_buy { whole as i64 } else { -(whole as i64) }, price, value)?;
        require_limit(order, is_buy, whole, price, charges.impact as i64 - charges.rebate as i64)?;
        if opened != 0 {
            self.require_growth(account, scene)?;
        } else {
            self.require_closing_price(scene)?;
        }
        let closing =
            if closed == 0 && !is_owed { Closing::default() } else { self.closing(scene, &position, closed, price)? };
        if is_owed && closing.gain == 0 {
            return Err(Error::NothingToSettle);
        }
        if closing.gain != 0 && closing.factor < order.min_factor {
            return Err(Error::ProfitBelowMinimum);
        }
        let mut fill =
            Fill { closed, opened, price, realised: closing.realised, factor: closing.factor, ..Fill::default() };
        fill.bill = Bill { gain: closing.gain, loss: closing.loss, ..charges };
        let free = self.free_for_perps(account, scene.quote);
        fill.receipt = self.pay_bill(account, scene, &fill.bill, free)?;
        if opened != 0 && fill.receipt.short != 0 {
            return Err(Error::InsufficientMargin);
        }
        self.close_part(account, scene, &position, closed, &closing, &fill.receipt)?;
        if opened != 0 {
            self.grow(account, scene, (is_buy, is_instant), opened, price)?;
        }
        let standing = self.update_pool(scene)?;
        if opened != 0 {
            self.require_room(scene, is_buy, &standing)?;
            if !self.health(account, Requirement::Initial)?.is_healthy() {
                return Err(Error::InitialHealthTooLow);
            }
            account.clear_liquidatable();
        }
        Ok(fill)
    }

    /// Fee, and impact or rebate, of trading so many lots of a value. Nothing is charged for winding down.
    #[inline(never)]
    pub(crate) fn charges(&self, scene: &Scene, lots: i64, price: u64, value: u64) -> Result<Bill> {
        let perp = Perp::of(self.reserves, scene.perp)?;
        if perp.is_resolved() {
            return Ok(Bill::default());
        }
        let (config, skew) = (&perp.config, perp.skew());
        let fee = part_of(value, config.fee_at(scene.seen, scene.annual));
        let impact = config.impact(skew, lots, price);
        if impact >= 0 {
            return Ok(Bill { fee, impact: impact as u64, ..Bill::default() });
        }
        // The fund pays all rebates alike: the part that it could pay if the skew went to zero.
        let fund = self.reserves[scene.quote as usize].deposit_index.rare_amount_floor(perp.fund);
        let need = config.impact(0, skew, price).unsigned_abs();
        let rebate = if fund >= need {
            impact.unsigned_abs()
        } else {
            mul_div_floor(impact.unsigned_abs(), fund, need).unwrap_or(0)
        };
        Ok(Bill { fee, rebate: rebate.min(fund), ..Bill::default() })
    }

    /// What closing so many lots of a position at a price comes to. A gain is paid by the factor, out of the perp's budget of the day;
    /// what is beyond that stays owed. Within the hold there is no gain.
    #[inline(never)]
    pub(crate) fn closing(&self, scene: &Scene, position: &PerpPosition, closed: u64, price: u64) -> Result<Closing> {
        let perp = Perp::of(self.reserves, scene.perp)?;
        let side = &perp.sides[position.side_index()];
        let cost = part_of_cost(position.cost, closed, position.size);
        let exact = gain(closed as i64 * position.sign(), side.lot_value(price)) - ((cost as i128) << 32);
        let realised = i64::try_from(exact >> 32).map_err(|_| Error::AmountTooLarge)?;
        if realised <= 0 {
            return Ok(Closing { realised, cost, loss: realised.unsigned_abs(), ..Closing::default() });
        }
        let held = self.now.saturating_sub(position.grown_at as i64);
        if held < perp.config.hold as i64 && !perp.is_resolved() {
            return Ok(Closing { realised, cost, ..Closing::default() });
        }
        let standing = self.standing(scene)?;
        let factor = standing.profit_factor();
        let all = paid_part(realised as u64, factor);
        let room = self.room_in_budget(scene)?.min(standing.cash);
        if all <= room {
            return Ok(Closing { realised, factor, cost, gain: all, ..Closing::default() });
        }
        // What of the gain the room pays for, at the factor.
        let paid_for = mul_div_floor(realised as u64, room, all).unwrap_or(0);
        Ok(Closing { realised, factor, cost, gain: room, loss: 0, owed: realised - paid_for as i64 })
    }

    /// What the perp's budget leaves for today, atoms.
    #[inline(never)]
    pub(super) fn room_in_budget(&self, scene: &Scene) -> Result<u64> {
        let perp = Perp::of(self.reserves, scene.perp)?;
        let limit = perp.config.loss_budget;
        let mut paid = perp.paid;
        paid.drain(limit, 86_400, self.now);
        Ok(if limit == 0 { u64::MAX } else { limit.saturating_sub(paid.level) })
    }

    /// Takes what was closed out of the position and its side. What the account could not pay, and what was not paid to it, stays.
    #[inline(never)]
    pub(crate) fn close_part(
        &mut self,
        account: &mut MarginAccount,
        scene: &Scene,
        position: &PerpPosition,
        closed: u64,
        closing: &Closing,
        receipt: &Receipt,
    ) -> Result<()> {
        let open = i64::try_from(receipt.short as i128 - receipt.kept as i128).map_err(|_| Error::AmountTooLarge)?;
        let change = open
            .checked_sub(closing.owed)
            .and_then(|left| left.checked_sub(closing.cost))
            .ok_or(Error::AmountTooLarge)?;
        if closed == 0 && change == 0 {
            return Ok(());
        }
        let after = position.cost.checked_add(change).ok_or(Error::AmountTooLarge)?;
        let (perp, ..) = self.records_of(scene)?;
        let side = &mut perp.sides[position.side_index()];
        side.size -= closed;
        side.add_cost(change);
        side.restart_if_empty();
        account.change_perp(scene.perp, |held| {
            (held.size, held.cost, held.is_short) = (position.size - closed, after, position.is_short)
        })
    }

    /// Opens lots at a price.
    #[inline(never)]
    fn grow(
        &mut self,
        account: &mut MarginAccount,
        scene: &Scene,
        (is_buy, is_instant): (bool, bool),
        opened: u64,
        price: u64,
    ) -> Result<()> {
        let now = self.now;
        let (perp, ..) = self.records_of(scene)?;
        let (index, sign) = if is_buy { (0, 1) } else { (1, -1) };
        let exact = gain(opened as i64 * sign, perp.sides[index].lot_value(price));
        let cost = i64::try_from(-(-exact >> 32)).map_err(|_| Error::AmountTooLarge)?;
        let position = position_in(account, scene.perp);
        if position.cost != 0 && position.side_index() != index {
            // What is owed of the other side, on which nothing is left, comes along.
            perp.sides[position.side_index()].add_cost(-position.cost);
            perp.sides[index].add_cost(position.cost);
        }
        let side = &mut perp.sides[index];
        side.size = side.size.checked_add(opened).filter(|size| *size <= MAX_LOTS).ok_or(Error::SideCapExceeded)?;
        side.add_cost(cost);
        let value = side.notional(opened, scene.marks.spot);
        let (limit, least) = (perp.config.instant_flow, perp.config.min_value);
        if is_instant {
            perp.grown.drain(limit, 60, now);
            perp.grown.level = perp.grown.level.saturating_add(value);
            if limit != 0 && perp.grown.level > limit {
                return Err(Error::TooFast);
            }
        }
        let size = position.size + opened;
        if perp.sides[index].notional(size, scene.marks.spot) < least {
            return Err(Error::PositionTooSmall);
        }
        let cost = position.cost.checked_add(cost).ok_or(Error::AmountTooLarge)?;
        account.change_perp(scene.perp, |held| {
            (held.size, held.cost, held.is_short) = (size, cost, !is_buy as u8);
            held.grown_at = now.clamp(0, u32::MAX as i64) as u32;
        })
    }

    /// Refuses new risk where the market, the perp, the account or the price does.
    #[inline(never)]
    pub(crate) fn require_growth(&self, account: &MarginAccount, scene: &Scene) -> Result<()> {
        let now = self.now;
        account.require_idle(Action::GrowPerp)?;
        self.market.admit(Action::GrowPerp, now)?;
        self.reserves[scene.quote as usize].admit(Action::GrowPerp, now)?;
        let perp = Perp::of(self.reserves, scene.perp)?;
        if perp.config.reduce_only != 0 || perp.is_resolved() {
            return Err(Error::PerpReduceOnly);
        }
        if account.stake().is_some() {
            return Err(Error::PoolNeedsItsOwnAccount);
        }
        for other in account.perps() {
            if Perp::of(self.reserves, other.perp)?.config.pool != scene.pool {
                return Err(Error::OtherPool);
            }
        }
        if !(2..MAX_PRICE - 1).contains(&scene.marks.spot) {
            return Err(Error::PerpPriceOutOfRange);
        }
        Use::PerpGrowth.require(self.reserves[scene.underlying as usize].price.condition(now))?;
        if scene.age > perp.config.max_trade_age as u64 { Err(Error::TradePriceTooOld) } else { Ok(()) }
    }

    /// Refuses a trade that leaves a side, the skew or the buffer too large.
    #[inline(never)]
    fn require_room(&self, scene: &Scene, is_buy: bool, standing: &Standing) -> Result<()> {
        let perp = Perp::of(self.reserves, scene.perp)?;
        let pool = Pool::of(self.reserves, scene.pool)?;
        let values = perp.values(&perp.sides, scene.marks.spot);
        if values[!is_buy as usize] > perp.config.max_side {
            return Err(Error::SideCapExceeded);
        }
        let low = standing.low.max(0) as u64;
        let skew = perp.skew();
        let grows_skew = (skew > 0) == is_buy;
        let of_skew = Side::empty().notional(skew.unsigned_abs(), scene.marks.spot);
        if grows_skew && of_skew > part_of(low, part(pool.config.max_skew)) {
            return Err(Error::SkewTooLarge);
        }
        if standing.covers(Bps(10_000)) { Ok(()) } else { Err(Error::PoolTooSmall) }
    }
}

/// The part of a position's cost that so many of its lots bear, rounded up.
#[inline(never)]
fn part_of_cost(cost: i64, closed: u64, size: u64) -> i64 {
    if closed == size {
        return cost;
    }
    let (product, size) = (cost as i128 * closed as i128, size as i128);
    // Less than the cost.
    -((-product).div_euclid(size)) as i64
}

/// Refuses a price that is worse than the limit, impact and rebate included.
#[inline(never)]
fn require_limit(order: &Order, is_buy: bool, lots: u64, price: u64, impact: i64) -> Result<()> {
    if order.limit == 0 {
        return Ok(());
    }
    let at = |price: u64| price as i128 * lots as i128;
    let impact = (impact as i128) << 32;
    let is_worse = if is_buy { at(price) + impact > at(order.limit) } else { at(price) - impact < at(order.limit) };
    if is_worse { Err(Error::LimitPriceCrossed) } else { Ok(()) }
}
