//! Tokens out of a vault: from what is idle first, and then from the markets at hand.

use crate::{
    error::{Error, Result},
    number::{
        math::{largest, saturating_sub},
        units::Shares,
    },
    state::vault::MAX_ALLOCATIONS,
    vaults::{Exchange, Vaults},
};

/// Where a payment comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// All of it, atoms.
    pub amount: u64,
    /// The part that was idle.
    pub idle: u64,
    /// What each allocation is to pay: [`crate::ledger::Ledger::call_back`].
    pub draws: [u64; MAX_ALLOCATIONS],
    /// What rounding in the markets may take beside it.
    pub cost: u64,
}

/// What left a vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Tokens and shares.
    pub exchange: Exchange,
    /// Where the tokens come from.
    pub payment: Payment,
    /// What it cost, in atoms that stay.
    pub fee: u64,
}

/// How much is to be paid.
#[derive(Clone, Copy)]
pub(super) enum Sum {
    /// What is left of it after the markets' rounding.
    Gross(u64),
    /// Exactly so much.
    Net(u64),
}

impl Vaults<'_> {
    /// Destroys shares for what they are worth less the exit fee, but for no fewer atoms than asked for. `from` has a bit for each
    /// allocation that may be drawn on.
    #[inline(never)]
    pub fn redeem(&mut self, shares: Shares, min_amount: u64, from: u8) -> Result<Exit> {
        if shares == Shares::ZERO {
            return Err(Error::AmountIsZero);
        }
        if shares > self.vault.shares {
            return Err(Error::InsufficientShares);
        }
        let worth = self.vault.worth(shares, &self.valuation);
        let fee = self.exit_fee(worth);
        let payment = self.pay(Sum::Gross(worth - fee), from)?;
        if payment.amount == 0 {
            return Err(Error::AmountTooSmall);
        }
        if payment.amount < min_amount {
            return Err(Error::FewerThanAsked);
        }
        self.let_out(Exit { exchange: Exchange { amount: payment.amount, shares }, payment, fee })
    }

    /// Pays exactly an amount for as many shares as that takes, but no more than offered.
    #[inline(never)]
    pub fn withdraw(&mut self, amount: u64, max_shares: Shares, from: u8) -> Result<Exit> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let payment = self.pay(Sum::Net(amount), from)?;
        let net = amount.checked_add(payment.cost).ok_or(Error::AmountTooLarge)?;
        let fee = self.exit_fee_on_top(net);
        let worth = net.checked_add(fee).ok_or(Error::AmountTooLarge)?;
        if worth > self.valuation.exit {
            return Err(Error::InsufficientShares);
        }
        let shares = self.vault.shares_worth(worth, &self.valuation)?;
        if shares > max_shares {
            return Err(Error::DearerThanOffered);
        }
        self.let_out(Exit { exchange: Exchange { amount, shares }, payment, fee })
    }

    #[inline(never)]
    fn let_out(&mut self, exit: Exit) -> Result<Exit> {
        // What waits in the queue goes first.
        let free = saturating_sub(self.valuation.takeable, self.vault.queued(&self.valuation));
        let taken = exit.payment.amount.saturating_add(exit.payment.cost);
        if self.vault.queue.shares != Shares::ZERO && taken > free {
            return Err(Error::OthersWaitForThis);
        }
        self.book(&exit);
        Ok(exit)
    }

    /// Takes a payment out of the vault's books. The allocations' part follows when the markets pay.
    #[inline(never)]
    pub(super) fn book(&mut self, exit: &Exit) {
        let Self { vault, valuation, .. } = self;
        // Parts of what is there.
        vault.shares.0 -= exit.exchange.shares.0;
        vault.idle -= exit.payment.idle;
        vault.locked = vault.locked.saturating_add(exit.fee);
        vault.came = saturating_sub(vault.came, exit.payment.amount);
        vault.runoff.pay_out(exit.payment.amount);
        // What is left is worth no more: caps are parts of that.
        vault.base = vault.base.min(saturating_sub(valuation.exit, exit.payment.amount));
    }

    /// What leaving with shares of so much worth costs.
    #[inline(never)]
    pub(super) fn exit_fee(&self, worth: u64) -> u64 {
        let vault = &*self.vault;
        if vault.config.max_exit_fee.0 == 0 || vault.config.exit_fee_coverage.0 == 0 {
            return 0;
        }
        vault.coverage(&self.valuation, self.now).exit_fee(&vault.config, worth)
    }

    /// The fee with which an amount goes out whole: found from above, since a fee of more is more by a twentieth of that at most.
    #[inline(never)]
    fn exit_fee_on_top(&self, net: u64) -> u64 {
        let mut fee = self.exit_fee(net.saturating_add(net / 16));
        if fee == 0 {
            return 0;
        }
        for _ in 0..6 {
            fee = self.exit_fee(net.saturating_add(fee)).saturating_add(1).min(fee);
        }
        fee
    }

    /// The allocations that pay, of those that may be drawn on: not those that count for nothing.
    pub(super) fn drawn(&self, from: u8) -> impl Iterator<Item = usize> {
        self.vault.open_slots().filter(move |slot| from >> slot & 1 != 0 && !self.vault.is_written_off(*slot))
    }

    /// Finds where an amount comes from.
    #[inline(never)]
    pub(super) fn pay(&self, sum: Sum, from: u8) -> Result<Payment> {
        let (mut left, is_net) = match sum {
            Sum::Gross(amount) => (amount, false),
            Sum::Net(amount) => (amount, true),
        };
        let mut payment = Payment { idle: left.min(self.vault.idle), ..Payment::default() };
        (payment.amount, left) = (payment.idle, left - payment.idle);
        if left == 0 {
            return Ok(payment);
        }
        for slot in self.drawn(from) {
            let allocation = &self.valuation.allocations[slot];
            // A payment burns whole shares, less than one more than it is worth, and what is left is rounded down.
            let rounding = allocation.index.ceil().saturating_add(1);
            if !is_net && left <= rounding {
                (payment.cost, left) = (payment.cost + left, 0);
            }
            let want = if is_net { left } else { saturating_sub(left, rounding) };
            let draw = want.min(allocation.takeable);
            if draw != 0 {
                payment.draws[slot] = draw;
                payment.amount += draw;
                payment.cost = payment.cost.saturating_add(rounding);
                left -= if is_net { draw } else { draw + rounding };
            }
        }
        if left == 0 { Ok(payment) } else { Err(Error::VaultIlliquid) }
    }

    /// The most shares of so many that can be redeemed now from some allocations.
    pub fn max_redeem(&self, held: Shares, from: u8) -> Shares {
        let redeem = |shares| self.preview(|vaults| vaults.redeem(Shares(shares), 0, from)).map(drop);
        let most = largest(held.0.min(self.vault.shares.0), |shares| {
            matches!(redeem(shares), Ok(()) | Err(Error::AmountTooSmall))
        });
        if redeem(most).is_ok() { Shares(most) } else { Shares::ZERO }
    }

    /// The most atoms that so many shares can be withdrawn for now from some allocations.
    pub fn max_withdraw(&self, held: Shares, from: u8) -> u64 {
        largest(self.valuation.exit, |amount| self.preview(|vaults| vaults.withdraw(amount, held, from)).is_ok())
    }
}
