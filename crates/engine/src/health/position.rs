//! What one position counts for.

use core::cmp::Ordering;

use crate::{
    error::{Error, Result},
    health::{Requirement, perp},
    number::{
        math::{is_below, mul_proved},
        units::{Bps, ONE_BPS, Shares, Usd},
    },
    price::{
        cache::{PriceCache, Reading},
        policy::{Condition, Treatment},
    },
    state::{
        account::{MarginAccount, Mode, Position, Side},
        reserve::Reserve,
        weights::{Terms, Weights},
    },
};

/// The powers of two by which a price is read in the borrower's favour ([`Treatment::FavourBorrower`]), and without favour.
const FAVOUR: u32 = 1;
const NO_FAVOUR: u32 = 0;

/// Which terms an account's positions are on: those of its mode, or of the group that all its debts are in.
#[derive(Clone, Copy, Debug)]
pub struct AccountTerms {
    is_isolated: bool,
    debt_group: u8,
}

impl AccountTerms {
    /// The terms of an account.
    #[inline(always)]
    pub fn of(account: &MarginAccount) -> Self {
        Self { is_isolated: account.mode == Mode::Isolated as u8, debt_group: account.debt_group }
    }

    /// The weights that apply to one of its positions.
    #[inline(always)]
    pub fn of_position(self, reserve: &Reserve) -> Terms {
        if self.is_isolated {
            Terms::Isolated
        } else if self.debt_group != 0 && reserve.config.risk.group_id == self.debt_group {
            Terms::Group
        } else {
            Terms::Cross
        }
    }
}

/// The weighted value of one deposit or debt of `amount` atoms at the reserve's last price.
#[inline(always)]
pub fn weighted(reserve: &Reserve, amount: u64, side: Side, terms: Terms, requirement: Requirement) -> Usd {
    weighted_in_favour(reserve, amount, side, &reserve.risk.weights[terms as usize], requirement, NO_FAVOUR)
}

/// The same, read in the borrower's favour by a power of two.
#[inline(always)]
fn weighted_in_favour(
    reserve: &Reserve,
    amount: u64,
    side: Side,
    weights: &Weights,
    requirement: Requirement,
    favour: u32,
) -> Usd {
    let is_initial = requirement != Requirement::Maintenance;
    match side {
        Side::Deposit => weighted_deposit(reserve, amount, weights, is_initial, favour),
        Side::Debt => weighted_debt(&reserve.price, amount, weights, is_initial, favour),
    }
}

#[inline(always)]
fn weighted_debt(price: &PriceCache, amount: u64, weights: &Weights, is_initial: bool, favour: u32) -> Usd {
    let (reading, weight) = if is_initial {
        (price.high_initial, weights.initial_liability)
    } else {
        (price.high_maintenance, weights.maintenance_liability)
    };
    price.value_ceil_shifted(amount, reading, weight, price.shift + favour)
}

/// A deposit worth more than the position depth counts for what the depth would, or for its whole size at the weight less the
/// position haircut, whichever is more. So its value never falls when it grows.
#[inline(always)]
fn weighted_deposit(reserve: &Reserve, amount: u64, weights: &Weights, is_initial: bool, favour: u32) -> Usd {
    let Reserve { price, risk, config, .. } = reserve;
    let (reading, weight, depth) = if is_initial {
        (price.low_initial, weights.initial_asset, risk.initial_depth)
    } else {
        (price.low_maintenance, weights.maintenance_asset, risk.position_depth)
    };
    // A token never priced has no shift and no reading: nothing is left of it, whatever it wraps to.
    let shift = price.shift.wrapping_sub(favour);
    let value = price.value_floor_shifted(amount, reading, weight, shift);
    let at_depth = value_of(depth, weight);
    if depth == 0 || !is_below(at_depth.0, value.0) {
        return value;
    }
    let most =
        if is_initial { config.risk.max_position_haircut.max(risk.position_haircut) } else { risk.position_haircut };
    let least = weight.saturating_sub(most);
    // Less than two units below the product, and below it alone: more still never counts for less.
    let whole = if value.0 >> 50 == 0 {
        Usd((mul_proved(value.0 as u64, least.0 as u64) / weight.0 as u64) as u128)
    } else {
        price.value_floor_shifted(amount, reading, least, shift)
    };
    if is_below(whole.0, at_depth.0) { at_depth } else { whole }
}

/// The value of whole dollars at a weight.
#[inline(always)]
fn value_of(dollars: u32, weight: Bps) -> Usd {
    // × basis points × 10^4: below 2^62.
    Usd(mul_proved(mul_proved(dollars as u64, weight.0 as u64), ONE_BPS as u64) as u128)
}

/// What the last atom of a deposit counts for in maintenance, as a weight: all of it up to the depth, nothing while the
/// depth is what counts, and the weight less the position haircut beyond.
#[inline(always)]
pub(crate) fn marginal_weight(reserve: &Reserve, counted: &Valued, terms: Terms) -> Bps {
    let Reserve { price, risk, .. } = reserve;
    let weight = risk.weights[terms as usize].maintenance_asset;
    if risk.position_depth == 0 {
        return weight;
    }
    match counted.value.cmp(&value_of(risk.position_depth, weight)) {
        Ordering::Less => weight,
        Ordering::Greater => weight.saturating_sub(risk.position_haircut),
        // The depth itself, or more that counts for no more than it.
        Ordering::Equal if price.value_floor(counted.amount, price.low_maintenance, weight) == counted.value => weight,
        Ordering::Equal => Bps(0),
    }
}

/// When the newest feed of an account's positions published, unix seconds. If a price has two feeds, the newer one counts. If the
/// older one did, a newer update of the other could be used beside prices published before it.
#[inline(always)]
pub(crate) fn newest_price(account: &MarginAccount, reserves: &[Reserve]) -> i64 {
    let mut newest = 0;
    for position in account.positions() {
        if let Some(reserve) = reserves.get(position.reserve as usize) {
            let published = reserve.price.newest_time();
            newest = if published > newest { published } else { newest };
        }
    }
    if account.has_extras() { newest.max(perp::newest_price(account, reserves)) } else { newest }
}

/// A position's atoms, and what they count for in maintenance.
#[derive(Clone, Copy, Default)]
pub(crate) struct Valued {
    pub amount: u64,
    pub value: Usd,
}

/// A position with what its value depends on.
pub(crate) struct PositionView<'a> {
    pub reserve: &'a Reserve,
    pub shares: Shares,
    pub side: Side,
    pub weights: &'a Weights,
    pub condition: Condition,
}

/// Calls `visit` for each position, whose price is one of the moment of the `newest` or is not.
#[inline(always)]
pub(crate) fn for_each_position(
    account: &MarginAccount,
    reserves: &[Reserve],
    now: i64,
    newest: i64,
    mut visit: impl FnMut(&PositionView) -> Result<()>,
) -> Result<()> {
    let terms = AccountTerms::of(account);
    for position in account.positions() {
        let reserve = reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        visit(&PositionView {
            reserve,
            shares: position.shares,
            side: position.side(),
            weights: &reserve.risk.weights[terms.of_position(reserve) as usize],
            condition: reserve.condition(now, newest),
        })?;
    }
    Ok(())
}

impl PositionView<'_> {
    /// What it is worth in atoms, interest until `now` included.
    #[inline(always)]
    pub fn amount(&self, now: i64) -> u64 {
        amount(self.side, self.shares, self.reserve, now)
    }

    /// How its price is read: see [`crate::price::policy`].
    #[inline(always)]
    pub fn treatment(&self, requirement: Requirement) -> Treatment {
        requirement.use_of(self.side).treatment(self.condition)
    }

    /// What so many atoms of it count for under a requirement. `dust` is the market's.
    #[inline(always)]
    pub fn required(&self, amount: u64, requirement: Requirement, dust: Usd) -> Result<Usd> {
        let treatment = self.treatment(requirement);
        if treatment == Treatment::Read {
            return Ok(self.in_favour(amount, requirement, NO_FAVOUR));
        }
        self.required_unless_refused(amount, requirement, dust, treatment)
    }

    #[cold]
    #[inline(never)]
    fn required_unless_refused(
        &self,
        amount: u64,
        requirement: Requirement,
        dust: Usd,
        treatment: Treatment,
    ) -> Result<Usd> {
        treatment.allow()?;
        match treatment {
            Treatment::CountNothing => Ok(Usd::ZERO),
            Treatment::RefuseUnlessDust if rare_spot_value(self.reserve, amount, false) < dust => Ok(Usd::ZERO),
            Treatment::RefuseUnlessDust => Err(Error::PriceStale),
            _ => Ok(self.in_favour(amount, requirement, FAVOUR)),
        }
    }

    #[inline(always)]
    fn in_favour(&self, amount: u64, requirement: Requirement, favour: u32) -> Usd {
        weighted_in_favour(self.reserve, amount, self.side, self.weights, requirement, favour)
    }

    /// Adds it to the exposures: at the initial reading, without weights.
    #[inline(always)]
    pub fn exposed(&self, amount: u64) -> Usd {
        let price = &self.reserve.price;
        let reading = match self.side {
            Side::Deposit => price.low_initial,
            Side::Debt => price.high_initial,
        };
        unweighted(price, amount, reading, self.side.rounds_up())
    }

    /// The same at the last spot price without weights.
    #[inline(always)]
    pub fn at_spot(&self, amount: u64) -> Usd {
        spot_value(self.reserve, amount, self.side.rounds_up())
    }
}

/// What shares on a side of a reserve are worth in atoms, interest until `now` included.
#[inline(always)]
fn amount(side: Side, shares: Shares, reserve: &Reserve, now: i64) -> u64 {
    match side {
        Side::Deposit => reserve.deposit_index_at(now).amount_floor(shares),
        Side::Debt => reserve.debt_index_at(now).amount_ceil(shares),
    }
}

/// What a position is worth in atoms, interest until `now` included, and at the last spot price. Out of line, for rare uses.
#[cold]
#[inline(never)]
pub(crate) fn worth(position: &Position, reserve: &Reserve, now: i64) -> (u64, Usd) {
    let amount = amount(position.side(), position.shares, reserve, now);
    (amount, rare_spot_value(reserve, amount, position.side().rounds_up()))
}

/// [`spot_value`] likewise.
#[cold]
#[inline(never)]
pub(crate) fn rare_spot_value(reserve: &Reserve, amount: u64, round_up: bool) -> Usd {
    spot_value(reserve, amount, round_up)
}

/// An amount's value at the last spot price, rounded up or down.
#[inline(always)]
pub(crate) fn spot_value(reserve: &Reserve, amount: u64, round_up: bool) -> Usd {
    unweighted(&reserve.price, amount, reserve.price.spot, round_up)
}

/// An amount's value at a reading, rounded up or down.
#[inline(always)]
fn unweighted(price: &PriceCache, amount: u64, reading: Reading, round_up: bool) -> Usd {
    let one = Bps(ONE_BPS);
    if round_up { price.value_ceil(amount, reading, one) } else { price.value_floor(amount, reading, one) }
}
