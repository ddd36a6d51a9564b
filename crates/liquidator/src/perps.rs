//! What liquidating a position in a perp brings, and what paying a loss for collateral does: as the engine does it on a copy.

use ballast_client::{
    MarketView,
    engine::state::account::{MarginAccount, Mode},
};

use crate::{Demands, value};

/// What a liquidator knows of an account with perps, and of itself.
#[derive(Clone, Copy, Debug)]
pub struct PerpCase<'a> {
    /// The market as the transaction will find it.
    pub market: &'a MarketView,
    /// Unix seconds.
    pub now: i64,
    /// The account.
    pub account: &'a MarginAccount,
    /// The liquidator's margin account, which gets rewards and pays losses.
    pub own: &'a MarginAccount,
}

/// What liquidating a position does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reward {
    /// What the liquidator's deposit of the quote token grows by, USD.
    pub value: f64,
    /// What the part of the position that is closed was worth, atoms of the quote token.
    pub closed: u64,
}

/// What paying a loss does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Covering {
    /// The reserve whose deposit is taken for it.
    pub collateral: u8,
    /// Atoms of the quote token that are paid.
    pub paid: u64,
    /// What that earns, less the discount on what is kept and the base fee, USD.
    pub profit: f64,
}

/// A margin account as it is opened.
pub fn new_account() -> MarginAccount {
    MarginAccount::open(Mode::Cross as u8, 0, 0, &[]).unwrap_or_default()
}

/// The reserve of a perp's quote token.
pub fn quote_of(market: &MarketView, perp: u8) -> Option<u8> {
    let pool = market.perp(perp).ok()?.config.pool;
    market.pool(pool).ok().map(|pool| pool.config.quote)
}

impl PerpCase<'_> {
    /// What liquidating the account's position in a perp brings; none if the engine refuses it.
    pub fn reward(&self, perp: u8) -> Option<Reward> {
        let (mut copy, quote) = (self.market.clone(), quote_of(self.market, perp)?);
        let side = self.account.perp(perp)?.side_index();
        let done = copy.ledger(self.now).liquidate_perp(&mut { *self.account }, perp, &mut { *self.own }).ok()?;
        let closed = self.market.perp(perp).ok()?.sides[side].notional(done.closed, done.price);
        let atoms = copy.reserve(quote).ok()?.deposit_index.amount_floor(done.receipt.reward);
        Some(Reward { value: value(&copy, quote, atoms), closed })
    }

    /// Pays up to `most` atoms of a loss for the collateral that earns most; none if nothing earns what is demanded.
    pub fn covering(&self, perp: u8, most: u64, demands: &Demands) -> Option<Covering> {
        let quote = quote_of(self.market, perp)?;
        let for_collateral = |collateral: u8| {
            let mut copy = self.market.clone();
            let (account, own) = (&mut { *self.account }, &mut { *self.own });
            let done = copy.ledger(self.now).cover_perp_loss(account, perp, collateral, own, most).ok()?;
            let kept = demands.kept(value(self.market, collateral, done.amount));
            let profit = kept - value(self.market, quote, done.paid) - demands.base_cost;
            Some(Covering { collateral, paid: done.paid, profit })
        };
        let deposits = self.account.positions().iter().filter(|one| !one.is_debt() && one.reserve != quote);
        let best = deposits.filter_map(|one| for_collateral(one.reserve));
        let best = best.max_by(|one, other| one.profit.total_cmp(&other.profit))?;
        demands.are_met_by(best.profit).then_some(best)
    }
}
