//! Losses: paid from the deposit at any time, by other collateral where that is not enough, and written off where nothing is left.

use crate::{
    error::{Error, Result},
    health::{Requirement, account::equity},
    ledger::Ledger,
    number::units::{Bps, ONE_BPS, Part, Shares, Usd},
    perps::{
        Scene,
        bill::{Bill, Receipt, shares_ceil, take_deposit},
        position_in,
    },
    price::policy::Use,
    state::{
        account::{MarginAccount, Side},
        permission::Action,
        perp::{book::Width, view::PerpView},
    },
};

/// A loss for which others' tokens were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Atoms of the quote token that were paid for the account.
    pub paid: u64,
    /// Deposit shares of the collateral that were taken for it.
    pub taken: Shares,
    /// What they are worth, atoms.
    pub amount: u64,
}

/// A loss that nobody pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOff {
    /// All of it, atoms.
    pub loss: u64,
    /// What the perp's insurance bore.
    pub insurance: u64,
    /// What its fund bore; the rest is the pool's.
    pub fund: u64,
}

impl Ledger<'_> {
    /// Pays what a position has lost at the last price out of the account's quote deposit. Anyone may, at any time; the position is what
    /// it was, but for its cost. Or pays what a closed one is still owed, as far as the pool pays gains now: while it pays them whole, or the
    /// account is in trouble, whose lenders wait for it. Else its owner chooses when, by a trade.
    pub fn settle_perp(&mut self, account: &mut MarginAccount, index: u8) -> Result<Receipt> {
        account.require_idle(Action::ReducePerp)?;
        let scene = self.enter_perp(index)?;
        let position = position_in(account, index);
        let receipt = if position.size == 0 && position.cost < 0 {
            let closing = self.closing(&scene, &position, 0, scene.marks.spot)?;
            if closing.factor != Part::WHOLE && self.health(account, Requirement::Maintenance)?.is_healthy() {
                return Err(Error::NothingToSettle);
            }
            let bill = Bill { gain: closing.gain, ..Bill::default() };
            let receipt = self.pay_bill(account, &scene, &bill, 0)?;
            if closing.gain != 0 {
                self.close_part(account, &scene, &position, 0, &closing, &receipt)?;
            }
            receipt
        } else {
            self.require_closing_price(&scene)?;
            Receipt { paid_in: self.settle_at_spot(account, &scene)?, ..Receipt::default() }
        };
        self.update_pool(&scene)?;
        if receipt.paid_in == 0 && receipt.paid_out == 0 { Err(Error::NothingToSettle) } else { Ok(receipt) }
    }

    /// The same of a perp that is entered.
    #[inline(never)]
    fn settle_at_spot(&mut self, account: &mut MarginAccount, scene: &Scene) -> Result<u64> {
        let index = scene.perp;
        let loss = self.loss_at_spot(account, index)?;
        let free = self.free_for_perps(account, scene.quote);
        let side = position_in(account, index).side_index();
        let (perp, pool, quote) = self.records_of(scene)?;
        let taken = take_deposit(account, scene.quote, quote.deposit_index, loss.min(free));
        // Shares worth less than an atom are the pool's for nothing.
        pool.deposit.0 += taken.shares.0;
        if taken.amount != 0 {
            perp.sides[side].add_cost(-(taken.amount as i64));
            perp.paid.level = perp.paid.level.saturating_sub(taken.amount);
            account.change_perp(index, |held| held.cost -= taken.amount as i64)?;
        }
        Ok(taken.amount)
    }

    /// What a position has lost at the last price, atoms rounded up.
    #[inline(never)]
    pub(super) fn loss_at_spot(&self, account: &MarginAccount, index: u8) -> Result<u64> {
        let view = PerpView::new(self.reserves, index, Width::Maintenance, self.now)?;
        let exact = view.gain_at(&position_in(account, index), view.marks.spot);
        Ok(((-exact).max(0) as u128).div_ceil(1 << 32).min(i64::MAX as u128) as u64)
    }

    /// Pays for a loss beyond the account's quote deposit out of `payer`'s, up to `most` atoms, for deposits of another reserve at the
    /// least penalty of theirs. So a loss is no loan of the pool. Lenders come first: nothing is taken that the account's debts need.
    pub fn cover_perp_loss(
        &mut self,
        account: &mut MarginAccount,
        index: u8,
        collateral: u8,
        payer: &mut MarginAccount,
        most: u64,
    ) -> Result<Cover> {
        if most == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::LiquidatePerp)?;
        payer.require_idle(Action::Withdraw)?;
        let scene = self.enter_perp(index)?;
        self.require_closing_price(&scene)?;
        if collateral == scene.quote {
            return Err(Error::NothingToCover);
        }
        self.accrue_reserve(collateral)?;
        let now = self.now;
        let [quote, taken] = [scene.quote, collateral].map(|index| &self.reserves[index as usize]);
        for reserve in [quote, taken] {
            Use::SeizedCollateral.require(reserve.price.condition(now))?;
        }
        let held = account.shares(scene.quote, Side::Deposit).unwrap_or(Shares::ZERO);
        let uncovered = self.loss_at_spot(account, index)?.saturating_sub(quote.deposit_index.rare_amount_floor(held));
        if uncovered == 0 {
            return Err(Error::NothingToCover);
        }
        let with_penalty = Bps(ONE_BPS + taken.config.min_penalty.0);
        let value = |paid: u64| quote.price.rare_value_floor(paid, quote.price.spot, with_penalty);
        let slot = account.find(collateral, Side::Deposit)?;
        let (shares, index_of) = (account.positions[slot].shares, taken.deposit_index);
        let there = index_of.rare_amount_floor(shares);
        let free = self.beyond_debts(account, collateral)?;
        // For so many atoms of collateral, no more than they are worth less the penalty.
        let worth = Usd(taken.price.rare_value_floor(there.min(free), taken.price.spot, Bps(ONE_BPS)).0
            * ONE_BPS as u128
            / with_penalty.0 as u128);
        let paid = uncovered.min(most).min(quote.price.atoms_floor(worth, quote.price.spot));
        let amount = taken.price.atoms_floor(value(paid), taken.price.spot).min(there);
        let moved =
            index_of.rare_shares_floor(amount).filter(|moved| *moved != Shares::ZERO).ok_or(Error::AmountTooSmall)?;
        let quote_index = quote.deposit_index;
        let payment = take_deposit(payer, scene.quote, quote_index, paid);
        if payment.amount < paid || paid == 0 {
            return Err(Error::InsufficientDeposit);
        }
        account.remove(slot, moved);
        payer.add(collateral, Side::Deposit, moved)?;
        if payer.is_exposed() && !self.health(payer, Requirement::Initial)?.is_healthy() {
            return Err(Error::InitialHealthTooLow);
        }
        // It goes to the pool by way of the account's deposit.
        account.add(scene.quote, Side::Deposit, payment.shares)?;
        self.settle_at_spot(account, &scene)?;
        self.update_pool(&scene)?;
        Ok(Cover { paid, taken: moved, amount })
    }

    /// Writes off what a closed position still owes, once the account has nothing more to pay it with: at the expense of the perp's
    /// insurance, then of its fund, then of the pool. No lender bears anything of it.
    pub fn write_off_perp(&mut self, account: &mut MarginAccount, index: u8) -> Result<WriteOff> {
        account.require_idle(Action::ReducePerp)?;
        let scene = self.enter_perp(index)?;
        let position = position_in(account, index);
        if position.size != 0
            || position.cost <= 0
            || account.perps().any(|other| other.perp != index && (other.size != 0 || other.cost < 0))
        {
            return Err(Error::NotBankrupt);
        }
        let left = equity(&account.lent_alone(), self.reserves, self.now)?;
        let held = account.shares(scene.quote, Side::Deposit).unwrap_or(Shares::ZERO);
        let (dust, owes) = (self.market.config.dust(), account.has_debt());
        let (perp, pool, quote) = self.records_of(&scene)?;
        // Whoever has debts has paid what they do not need: see `free_for_perps`.
        let can_pay = !owes && quote.deposit_index.rare_amount_floor(held) != 0;
        if can_pay || left.collateral.saturating_sub(left.debt) >= dust {
            return Err(Error::NotBankrupt);
        }
        let loss = position.cost.unsigned_abs();
        let mut bear = |of: &mut Shares, due: u64| {
            let worth = quote.deposit_index.rare_amount_floor(*of);
            let amount = worth.min(due);
            let shares = if amount == worth { *of } else { shares_ceil(quote.deposit_index, amount).min(*of) };
            (of.0, pool.deposit.0) = (of.0 - shares.0, pool.deposit.0 + shares.0);
            amount
        };
        let insurance = bear(&mut perp.insurance, loss);
        let fund = bear(&mut perp.fund, loss - insurance);
        perp.sides[position.side_index()].add_cost(-position.cost);
        account.change_perp(index, |held| held.cost = 0)?;
        self.update_pool(&scene)?;
        Ok(WriteOff { loss, insurance, fund })
    }
}
