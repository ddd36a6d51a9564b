//! What a trade, a settlement or a liquidation moves between an account and the pool.

use crate::{
    error::Result,
    ledger::Ledger,
    number::{index::Index, units::Shares},
    perps::Scene,
    state::{
        account::{MarginAccount, Side},
        perp::pricing::{part, part_of},
    },
};

/// What an account gets from the pool and owes it, atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Gain that is paid out.
    pub gain: u64,
    /// Rebate for lessening the skew, out of the perp's fund.
    pub rebate: u64,
    /// Loss that is due.
    pub loss: u64,
    /// Impact on the skew, for the perp's fund.
    pub impact: u64,
    /// Fee, and the part of a penalty that the liquidator does not get.
    pub fee: u64,
    /// What the liquidator gets.
    pub reward: u64,
}

/// What became of a bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What the account's deposit grew by.
    pub paid_out: u64,
    /// What it fell by.
    pub paid_in: u64,
    /// What it could not pay.
    pub short: u64,
    /// What could not be paid out, for want of a place for the deposit.
    pub kept: u64,
    /// What is left for the liquidator.
    pub reward: Shares,
}

impl Ledger<'_> {
    /// Moves the money of a bill. An account pays no more than `free`.
    #[inline(never)]
    pub(crate) fn pay_bill(
        &mut self,
        account: &mut MarginAccount,
        scene: &Scene,
        bill: &Bill,
        free: u64,
    ) -> Result<Receipt> {
        let now = self.now;
        let (perp, pool, quote) = self.records_of(scene)?;
        let index = quote.deposit_index;
        let mut receipt = Receipt::default();
        if bill.rebate != 0 {
            // No more than the fund is worth.
            let shares = shares_ceil(index, bill.rebate).min(perp.fund);
            (perp.fund.0, pool.deposit.0) = (perp.fund.0 - shares.0, pool.deposit.0 + shares.0);
        }
        let credit = bill.gain.saturating_add(bill.rebate);
        let debit =
            [bill.loss, bill.impact, bill.fee, bill.reward].iter().fold(0u64, |sum, part| sum.saturating_add(*part));
        if credit >= debit {
            let shares = index.rare_shares_floor(credit - debit).unwrap_or(Shares::ZERO).min(pool.deposit);
            if shares != Shares::ZERO {
                match account.add(scene.quote, Side::Deposit, shares) {
                    Ok(_) => (pool.deposit.0, receipt.paid_out) = (pool.deposit.0 - shares.0, credit - debit),
                    Err(_) => receipt.kept = credit - debit,
                }
            }
        } else {
            let due = debit - credit;
            let paid = take_deposit(account, scene.quote, index, due.min(free));
            pool.deposit.0 += paid.shares.0;
            (receipt.paid_in, receipt.short) = (paid.amount, due - paid.amount);
        }
        // The loss comes first, then the impact, then the fee and the reward.
        let mut got = debit - receipt.short - bill.loss.min(debit - receipt.short);
        let mut share = |due: u64| {
            let part = due.min(got);
            got -= part;
            part
        };
        let (impact, fee, reward) = (share(bill.impact), share(bill.fee), share(bill.reward));
        let insured = part_of(fee, part(perp.config.insurance_share)).min(fee);
        for (target, amount) in
            [(&mut perp.fund, impact), (&mut perp.insurance, insured), (&mut receipt.reward, reward)]
        {
            if amount == 0 {
                continue;
            }
            let shares = index.rare_shares_floor(amount).unwrap_or(Shares::ZERO).min(pool.deposit);
            (target.0, pool.deposit.0) = (target.0 + shares.0, pool.deposit.0 - shares.0);
        }
        let limit = perp.config.loss_budget;
        perp.paid.drain(limit, 86_400, now);
        let come = bill.loss.min(debit - receipt.short);
        perp.paid.level = perp.paid.level.saturating_add(bill.gain).saturating_sub(come);
        Ok(receipt)
    }
}

/// What a deposit gave.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub amount: u64,
    pub shares: Shares,
}

/// Takes up to so many atoms out of an account's deposit, for the fewest shares that cover them.
#[inline(never)]
pub(crate) fn take_deposit(account: &mut MarginAccount, quote: u8, index: Index, amount: u64) -> Taken {
    let nothing = Taken { amount: 0, shares: Shares::ZERO };
    let Ok(slot) = account.find(quote, Side::Deposit) else { return nothing };
    let held = account.positions[slot].shares;
    let taken = match index.rare_shares_ceil(amount) {
        _ if amount == 0 || index.is_zero() => return nothing,
        Some(shares) if shares <= held => Taken { amount, shares },
        _ => Taken { amount: index.rare_amount_floor(held).min(amount), shares: held },
    };
    account.remove(slot, taken.shares);
    taken
}

/// The fewest shares that cover an amount; all there can be if they do not fit.
pub(super) fn shares_ceil(index: Index, amount: u64) -> Shares {
    index.rare_shares_ceil(amount).unwrap_or(Shares(u64::MAX))
}
