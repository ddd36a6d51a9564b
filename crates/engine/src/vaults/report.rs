//! A vault's figures, one function each: for pages, bots and programs.

use crate::{
    number::{
        math::{mul_div_floor, saturating_sub},
        units::{Bps, ONE_BPS, Shares},
    },
    record::layout::record,
    state::{
        reserve::Reserve,
        vault::{Coverage, Listing, MAX_ALLOCATIONS},
    },
    vaults::Vaults,
};

record! {
    /// What a vault says of itself. Ratios are in basis points, at most 2^32 − 1, which also stands for "nothing to divide by".
    pub struct VaultReport: 120 {
        /// What the shares are worth to who enters, atoms.
        pub entry: u64,
        /// What they are worth to who leaves, atoms.
        pub exit: u64,
        /// All shares.
        pub shares: Shares,
        /// Unlent atoms.
        pub idle: u64,
        /// What could be paid now, atoms.
        pub takeable: u64,
        /// The part of that which coverage counts on.
        pub liquid: u64,
        /// What may be asked for under stress, atoms.
        pub outflow: u64,
        /// What waits in the queue, atoms.
        pub queued: u64,
        /// [`Vaults::asset_maturity`], seconds.
        pub asset_maturity: u64,
        /// [`Vaults::liability_maturity`], seconds.
        pub liability_maturity: u64,
        /// [`Vaults::duration_gap`], seconds.
        pub duration_gap: i64,
        /// Liquid assets ÷ stressed outflow.
        pub coverage: u32,
        /// [`Vaults::net_stable_funding`].
        pub net_stable_funding: u32,
        /// [`Vaults::velocity`].
        pub velocity: u32,
        /// [`Vaults::capital_efficiency`].
        pub capital_efficiency: u32,
        /// Slots whose market cannot be read, a bit each.
        pub unreadable: u8,
        /// Zero.
        pub padding: [u8; 15],
    }
}

/// The reserves that a vault lends to, by slot.
pub type Reserves<'m> = [Option<&'m Reserve>; MAX_ALLOCATIONS];

/// A quotient in basis points.
fn ratio(part: u64, whole: u64) -> u32 {
    let most = u32::MAX as u64;
    mul_div_floor(part, ONE_BPS as u64, whole).unwrap_or(most).min(most) as u32
}

impl Vaults<'_> {
    /// All figures.
    pub fn report<'m>(&self, read: impl FnMut(usize) -> Option<Listing<'m>>) -> VaultReport {
        let lent = self.vault.lent_to(read);
        let reserves = lent.map(|found| found.map(|(_, reserve)| reserve));
        let coverage = self.vault.coverage(&self.valuation, self.now);
        VaultReport {
            entry: self.valuation.entry,
            exit: self.valuation.exit,
            shares: self.vault.shares,
            idle: self.vault.idle,
            takeable: self.valuation.takeable,
            liquid: self.valuation.liquid,
            outflow: coverage.outflow,
            queued: self.vault.queued(&self.valuation),
            asset_maturity: self.asset_maturity(&reserves),
            liability_maturity: self.liability_maturity(),
            duration_gap: self.duration_gap(&reserves),
            coverage: coverage.bps(),
            net_stable_funding: self.net_stable_funding(),
            velocity: self.velocity(&reserves),
            capital_efficiency: self.capital_efficiency(&reserves),
            unreadable: self.valuation.unreadable,
            padding: [0; 15],
        }
    }

    /// Stable funding ÷ what it has to fund (Basel's NSFR, over four days in the place of a year): terms that end later count whole,
    /// other shares as far as observed runs left them; what is not liquid has to be funded.
    #[inline(never)]
    pub fn net_stable_funding(&self) -> u32 {
        let (later, _) = self.vault.term_shares(self.now, Coverage::HORIZON);
        let others = saturating_sub(self.vault.shares.0, later);
        let staying = Bps(ONE_BPS - self.vault.config.runoff_days.0).of_floor(others);
        let stable = self.vault.worth(Shares(later.saturating_add(staying)), &self.valuation);
        ratio(stable, saturating_sub(self.valuation.exit, self.valuation.liquid))
    }

    /// Seconds until the vault's assets come back, on average by value: those lent until a date by then, all others at once.
    #[inline(never)]
    pub fn asset_maturity(&self, reserves: &Reserves) -> u64 {
        let lent = reserves.iter().zip(&self.valuation.allocations);
        let sum = lent.fold(0u128, |sum, (reserve, amounts)| {
            let until = reserve.map_or(0, |reserve| reserve.config.repay_by as i64);
            sum + saturating_sub(until.max(0) as u64, self.now.max(0) as u64) as u128 * amounts.exit as u128
        });
        average(sum, self.valuation.exit)
    }

    /// Seconds until the vault's shares may leave without a penalty, on average: those in terms at their end, all others at once.
    #[inline(never)]
    pub fn liability_maturity(&self) -> u64 {
        let sum = self.vault.rungs.iter().fold(0u128, |sum, rung| {
            sum + saturating_sub(rung.maturity.max(0) as u64, self.now.max(0) as u64) as u128 * rung.shares.0 as u128
        });
        average(sum, self.vault.shares.0)
    }

    /// Duration gap: the assets' duration less liabilities ÷ assets × the liabilities'. Shares are all that a vault owes, and worth what
    /// it has: the quotient is one. Above zero the assets are away for longer than the shares.
    pub fn duration_gap(&self, reserves: &Reserves) -> i64 {
        let clamp = |seconds: u64| seconds.min(i64::MAX as u64) as i64;
        clamp(self.asset_maturity(reserves)) - clamp(self.liability_maturity())
    }

    /// Collateral velocity (Singh, 2011): what is deposited in the vault's reserves ÷ what lies there unlent, on average by what the
    /// vault has in each. Of what is idle: one.
    pub fn velocity(&self, reserves: &Reserves) -> u32 {
        self.on_average(reserves, ONE_BPS as u32, |reserve| {
            ratio(reserve.cash.saturating_add(reserve.debts()), reserve.cash)
        })
    }

    /// The part of the vault's assets that borrowers pay for.
    pub fn capital_efficiency(&self, reserves: &Reserves) -> u32 {
        self.on_average(reserves, 0, |reserve| reserve.utilisation().bps().0 as u32)
    }

    /// The average of a figure by value, where what is idle has one too.
    fn on_average(&self, reserves: &Reserves, idle: u32, of: impl Fn(&Reserve) -> u32) -> u32 {
        let lent = reserves.iter().zip(&self.valuation.allocations);
        let (mut sum, mut whole) = (idle as u128 * self.vault.idle as u128, self.vault.idle);
        for (reserve, amounts) in lent {
            if let Some(reserve) = reserve {
                sum += of(reserve) as u128 * amounts.exit as u128;
                whole = whole.saturating_add(amounts.exit);
            }
        }
        average(sum, whole).min(u32::MAX as u64) as u32
    }
}

/// A sum by weights ÷ their sum; zero of none.
fn average(sum: u128, weight: u64) -> u64 {
    sum.checked_div(weight as u128).map_or(0, |average| u64::try_from(average).unwrap_or(u64::MAX))
}
