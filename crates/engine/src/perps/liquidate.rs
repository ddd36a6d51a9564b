//! Liquidation of positions in perps: by anyone, no more than brings the account to the target health.

use crate::{
    error::{Error, Result},
    health::{Health, Requirement, account::equity},
    ledger::Ledger,
    number::{
        math::mul_div_ceil,
        units::{Bps, ONE_BPS, Shares},
    },
    perps::{
        Scene,
        bill::{Bill, Receipt},
        position_in,
    },
    state::{
        account::{MarginAccount, Side},
        permission::Action,
        perp::{
            Perp, PerpPosition,
            book::Width,
            pricing::{part, part_of},
            view::PerpView,
        },
        rate_limit::Period,
    },
};

/// What a liquidation of a position did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerpLiquidation {
    /// Lots of its side that were closed.
    pub closed: u64,
    /// Price of a lot, atoms with 32 fractional bits.
    pub price: u64,
    /// What was gained or lost by them, atoms.
    pub realised: i64,
    /// The bill. Its reward and fee together hold the penalty.
    pub bill: Bill,
    /// What became of it; its reward is what the liquidator got.
    pub receipt: Receipt,
}

impl Ledger<'_> {
    /// Closes of an unhealthy account's position what brings it to the target health, and no more than the market's limit an hour leaves.
    /// It pays the fee and the impact of a trade and a penalty on top, so leaving this way is never cheaper. The liquidator gets its part
    /// into his own quote deposit; what the account cannot pay of it comes from the perp's insurance.
    pub fn liquidate_perp(
        &mut self,
        account: &mut MarginAccount,
        index: u8,
        liquidator: &mut MarginAccount,
    ) -> Result<PerpLiquidation> {
        account.require_idle(Action::LiquidatePerp)?;
        liquidator.require_idle(Action::Deposit)?;
        let scene = self.enter_perp(index)?;
        self.require_closing_price(&scene)?;
        let position = position_in(account, index);
        if position.size == 0 {
            return Err(Error::PositionNotFound);
        }
        let before = self.health(account, Requirement::Maintenance)?;
        if before.is_healthy() {
            return Err(Error::AccountIsHealthy);
        }
        let worth = equity(account, self.reserves, self.now)?;
        let is_insolvent = worth.collateral.saturating_sub(worth.debt).bps_of(worth.debt.max(before.debt))
            <= self.market.config.near_insolvency;
        let closed = self.liquidated_lots(&scene, &position, &before, is_insolvent)?;
        let perp = Perp::of(self.reserves, index)?;
        let side = &perp.sides[position.side_index()];
        let price = if position.is_short != 0 { scene.marks.high } else { scene.marks.low };
        let (value, lots) = (side.notional(closed, price), side.lots(closed) as i64);
        let penalty = if perp.is_resolved() { 0 } else { part_of(value, part(perp.config.penalty)) };
        let reward = part_of(penalty, part(perp.config.liquidator_share)).min(penalty);
        let charges = self.charges(&scene, if position.is_short != 0 { lots } else { -lots }, price, value)?;
        let closing = self.closing(&scene, &position, closed, price)?;
        let bill = Bill {
            gain: closing.gain,
            loss: closing.loss,
            fee: charges.fee.saturating_add(penalty - reward),
            reward,
            ..charges
        };
        let free = self.free_for_perps(account, scene.quote);
        let mut receipt = self.pay_bill(account, &scene, &bill, free)?;
        let (perp, _, quote) = self.records_of(&scene)?;
        let due = quote.deposit_index.rare_shares_floor(reward).unwrap_or(Shares::ZERO);
        let missing = Shares(due.0.saturating_sub(receipt.reward.0).min(perp.insurance.0));
        perp.insurance.0 -= missing.0;
        receipt.reward.0 += missing.0;
        let dollars = quote.price.roughly(value);
        if receipt.reward != Shares::ZERO {
            liquidator.add(scene.quote, Side::Deposit, receipt.reward)?;
        }
        self.close_part(account, &scene, &position, closed, &closing, &receipt)?;
        self.market.liquidated.add(dollars);
        self.update_pool(&scene)?;
        let after = self.health(account, Requirement::Maintenance)?;
        if closed < position.size && after.net() < before.net() {
            return Err(Error::LiquidationWorsensHealth);
        }
        if after.is_healthy() {
            account.clear_liquidatable()
        } else {
            account.record_liquidatable(self.now)
        }
        Ok(PerpLiquidation { closed, price, realised: closing.realised, bill, receipt })
    }

    /// How much of a position is closed. A part x of it takes x × margin from what is required (D), and x × its costs from what is there
    /// (C): (C − x costs) = T (D − x margin) at x = (T D − C) ÷ (T margin − costs).
    #[inline(never)]
    fn liquidated_lots(
        &mut self,
        scene: &Scene,
        position: &PerpPosition,
        health: &Health,
        is_insolvent: bool,
    ) -> Result<u64> {
        let view = PerpView::new(self.reserves, scene.perp, Width::Maintenance, self.now)?;
        let (config, side) = (&view.perp.config, &view.sides[position.side_index()]);
        let quote = &self.reserves[scene.quote as usize].price;
        let usd = |atoms: u64| quote.rare_value_ceil(atoms, quote.high_maintenance, Bps(ONE_BPS));
        let value = side.notional(position.size, view.marks.high);
        let costs =
            part_of(value, part(config.penalty) + config.fee_at(scene.seen, scene.annual) + part(config.max_impact));
        let margin = usd(view.margin(position, config.maintenance_margin));
        let (target, one) = (self.market.config.target_health.0 as u128, ONE_BPS as u128);
        let missing = (health.debt.0.saturating_mul(target)).saturating_sub(health.collateral.0.saturating_mul(one));
        let freed = margin.0.saturating_mul(target).saturating_sub(usd(costs).0.saturating_mul(one));
        let mut closed = ratio_up(position.size, missing, freed);
        let limit = self.market.config.liquidations();
        if !is_insolvent && !view.perp.is_resolved() {
            let room = self.market.liquidated.remaining(limit, Period::Hour, self.now);
            let whole = self.reserves[scene.quote as usize].price.roughly(value);
            if whole > room {
                closed = closed.min((position.size as u128 * room.0 as u128 / whole.0.max(1) as u128) as u64);
            }
            if closed == 0 {
                return Err(Error::LiquidationThrottled);
            }
        }
        let left = side.notional(position.size - closed, view.marks.spot);
        Ok(if left < config.min_value { position.size } else { closed })
    }
}

/// `⌈size × part ÷ whole⌉`, at most the size, which is also the answer of an empty whole.
#[inline(never)]
fn ratio_up(size: u64, part: u128, whole: u128) -> u64 {
    if part >= whole {
        return size;
    }
    // Cut to 64 bits; the rest rounds up.
    let cut = 128 - whole.leading_zeros().min(127);
    let shift = cut.saturating_sub(63);
    let (part, whole) = ((part >> shift) as u64 + (shift != 0) as u64, (whole >> shift) as u64);
    mul_div_ceil(size, part, whole).unwrap_or(size).clamp(1, size)
}
