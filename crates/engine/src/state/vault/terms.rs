//! Terms: shares locked until one of eight maturities, for a larger part of the yield.
//!
//! A rung of the ladder is a pool: its units share its shares, and what it earns on top are more shares. So one number a maturity is
//! enough for any number of deposits.

use crate::{
    error::{Error, Result},
    number::{
        math::{div_narrow, mul_div_floor, mul_shift_floor, saturating_sub},
        units::{ONE_BPS, Seconds, Shares},
    },
    record::layout::{Address, record},
    state::vault::Vault,
};

record! {
    /// All term deposits of one maturity.
    pub struct Rung: 24 {
        /// When they end, unix seconds.
        pub maturity: i64,
        /// Parts that they have in its shares; zero: the rung is free.
        pub units: u64,
        /// Shares of the vault.
        pub shares: Shares,
    }
}

impl Rung {
    /// Rungs of the ladder.
    pub const COUNT: usize = 8;

    /// What units are worth in shares; all of them all.
    fn shares_of(&self, units: u64) -> Shares {
        Shares(mul_div_floor(units, self.shares.0, self.units).unwrap_or(0))
    }

    /// Takes units out, for what they are worth.
    #[inline(never)]
    fn take(&mut self, units: u64) -> Shares {
        let shares = self.shares_of(units);
        // Parts of both.
        (self.units, self.shares.0) = (self.units - units, self.shares.0 - shares.0);
        shares
    }
}

record! {
    /// What an owner locked until one maturity.
    pub struct TermDeposit: 152 {
        /// Layout version.
        pub version: u8,
        /// Bump of the account's address.
        pub bump: u8,
        /// Its rung, while it is locked.
        pub rung: u8,
        /// Zero.
        pub padding: [u8; 3],
        /// Which of its owner's term deposits in the vault this is.
        pub id: u16,
        /// The vault.
        pub vault: Address,
        /// Who gets the shares.
        pub owner: Address,
        /// When it ends, unix seconds.
        pub maturity: i64,
        /// Its part of the rung; zero: it is not locked.
        pub units: u64,
        /// Shares that were locked.
        pub principal: Shares,
        /// Shares that are free and not yet taken.
        pub free: Shares,
        /// Zero.
        pub reserved: [u8; 48],
    }
}

impl TermDeposit {
    /// First eight bytes of a term deposit's account: of the SHA-256 of `account:TermDeposit`.
    pub const DISCRIMINATOR: [u8; 8] = [158, 97, 90, 10, 119, 192, 33, 160];

    /// What it would get at its maturity as things are.
    pub fn worth(&self, vault: &Vault) -> Shares {
        let locked = vault.rungs.get(self.rung as usize).map_or(Shares::ZERO, |rung| rung.shares_of(self.units));
        Shares(locked.0.saturating_add(self.free.0))
    }
}

impl Vault {
    /// Whether new terms may end at a time: a multiple of the spacing, and one of the next eight.
    pub fn offers_term(&self, maturity: i64, now: i64) -> Result<()> {
        let spacing = self.config.term_spacing as u64;
        if spacing == 0 {
            return Err(Error::TermsNotOffered);
        }
        // The target has no signed division.
        let is_next = maturity > now && maturity.abs_diff(now) <= spacing * Rung::COUNT as u64;
        let is_offered = is_next && maturity.unsigned_abs().is_multiple_of(spacing);
        if is_offered { Ok(()) } else { Err(Error::MaturityNotOffered) }
    }

    /// Locks shares, which the caller has taken from their owner.
    #[inline(never)]
    pub(crate) fn lock(&mut self, term: &mut TermDeposit, shares: Shares, now: i64) -> Result<()> {
        self.offers_term(term.maturity, now)?;
        let is_same = |rung: &Rung| rung.units != 0 && rung.maturity == term.maturity;
        let place = self.rungs.iter().position(is_same);
        let place = place.or_else(|| self.rungs.iter().position(|rung| rung.units == 0)).ok_or(Error::LadderFull)?;
        let rung = &mut self.rungs[place];
        if rung.units == 0 {
            *rung = Rung { maturity: term.maturity, ..Rung::default() };
        }
        // As many as the shares pay for: a unit is worth a share at least.
        let units = if rung.units == 0 {
            shares.0
        } else {
            mul_div_floor(shares.0, rung.units, rung.shares.0).ok_or(Error::AmountTooLarge)?
        };
        if units == 0 {
            return Err(Error::AmountTooSmall);
        }
        // Parts of the vault's shares.
        (rung.units, rung.shares.0) = (rung.units + units, rung.shares.0 + shares.0);
        term.rung = place as u8;
        (term.units, term.principal.0) = (term.units + units, term.principal.0 + shares.0);
        Ok(())
    }

    /// Frees a term deposit that has ended. Anyone may: the rung is wanted for the next maturity.
    #[inline(never)]
    pub(crate) fn free(&mut self, term: &mut TermDeposit, now: i64) -> Result<Shares> {
        if term.units == 0 {
            return Err(Error::NothingLocked);
        }
        if now < term.maturity {
            return Err(Error::TermNotOver);
        }
        let shares = self.rungs.get_mut(term.rung as usize).ok_or(Error::NothingLocked)?.take(term.units);
        (term.units, term.principal) = (0, Shares::ZERO);
        term.free.0 = term.free.0.saturating_add(shares.0);
        Ok(shares)
    }

    /// Frees a term deposit before its end, for less than went in: what it earned on top is lost, and the penalty. Both stay with the
    /// vault and become the sharers' slowly. Returns the shares that are lost. `assets` are what all shares are worth to who leaves.
    #[inline(never)]
    pub(crate) fn break_term(&mut self, term: &mut TermDeposit, assets: u64) -> Result<Shares> {
        if term.units == 0 {
            return Err(Error::NothingLocked);
        }
        let rung = self.rungs.get_mut(term.rung as usize).ok_or(Error::NothingLocked)?;
        let shares = rung.take(term.units);
        let penalty = self.config.early_penalty.of_ceil(term.principal.0);
        let kept = saturating_sub(term.principal.0, penalty).min(shares.0);
        let lost = shares.0 - kept;
        let value = mul_div_floor(lost, assets, self.shares.0).unwrap_or(0);
        self.shares.0 -= lost;
        self.locked = self.locked.saturating_add(value);
        (term.units, term.principal) = (0, Shares::ZERO);
        term.free.0 = term.free.0.saturating_add(kept);
        Ok(Shares(lost))
    }

    /// Gives terms their larger part of a gain, in new shares. `assets` are what all shares are worth with it.
    ///
    /// A share on demand earns g, one in a term g × (1 + e), where e is the premium for each maturity that it is away. With E the sum
    /// of e × shares, g is the gain ÷ (all shares + E); and what a term's shares earn on top, e × g each, are at the price after it
    /// e × g ÷ (price before + g) of them.
    #[inline(never)]
    pub(super) fn reward_terms(&mut self, gain: u64, assets: u64, now: i64) {
        let (premium, spacing) = (self.config.term_premium.0 as u64, (self.config.term_spacing as u64).max(1));
        let extra = |rung: &Rung| {
            if rung.maturity <= now {
                return 0;
            }
            let away = (rung.maturity.abs_diff(now)).div_ceil(spacing).min(Rung::COUNT as u64);
            mul_div_floor(rung.shares.0, premium * away, ONE_BPS as u64).unwrap_or(0)
        };
        let extras = self.rungs.each_ref().map(extra);
        let all: u64 = extras.iter().fold(0, |sum, extra| sum.saturating_add(*extra));
        let before = saturating_sub(assets, gain);
        let Some(base) = mul_div_floor(before, self.shares.0.saturating_add(all), self.shares.0) else { return };
        if all == 0 {
            return;
        }
        let Some((part, _)) = div_narrow((gain as u128) << 64, base.saturating_add(gain)) else { return };
        for (rung, extra) in self.rungs.iter_mut().zip(extras) {
            let more = mul_shift_floor(extra, part).min(u64::MAX - self.shares.0);
            // A part of all.
            (rung.shares.0, self.shares.0) = (rung.shares.0 + more, self.shares.0 + more);
        }
    }

    /// Seconds until the last term ends.
    #[inline(never)]
    pub(crate) fn longest_term(&self, now: i64) -> u64 {
        let left = self.rungs.iter().filter(|rung| rung.units != 0).map(|rung| Seconds::between(now, rung.maturity).0);
        left.max().unwrap_or(0)
    }

    /// Shares in terms that end after the horizon, and by it.
    #[inline(never)]
    pub(crate) fn term_shares(&self, now: i64, horizon: i64) -> (u64, u64) {
        let (mut later, mut ending) = (0u64, 0u64);
        let horizon = now.saturating_add(horizon);
        for rung in &self.rungs {
            if rung.maturity > now && rung.units != 0 {
                let sum = if rung.maturity > horizon { &mut later } else { &mut ending };
                *sum = sum.saturating_add(rung.shares.0);
            }
        }
        (later, ending)
    }
}
