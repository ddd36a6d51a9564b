//! What to liquidate of an account, how much of it, how to fund it, whether it pays, and which debts to write off or to report. The
//! keeper decides by this, and so does the liquidator of the laboratory's replays.
//!
//! - **By inventory** the liquidator pays with tokens of its own and keeps the collateral. It earns `arriving × spot × (1 − discount)
//!   − sent × spot`. `sent` is the repayment with the insurance's share and the transfer fee of the debt's token on top. `arriving`
//!   is the seized collateral less the transfer fee of its token.
//! - **By receivership** the collateral comes first and is sold in the same transaction. It earns `(quoted − sent) × spot`.
//! - **Costs** of both are the transaction's base fee, and the rents of token accounts that the order makes for the liquidator. A
//!   token account whose whole content is sold is closed again in the same transaction, and costs nothing. The priority fee is
//!   paid from the remaining profit, up to a share of it.
//!
//! Perps are closed for a reward, and nothing is bought or sold: [`perps`].
//!
//! Selling moves the venue's price, so profit is concave in the size: [`search::Search`] finds the best size with few quotes. The
//! rest of the account is left to the next order, once the venue has recovered.

pub mod perps;
pub mod search;

use std::future::Future;

use ballast_client::{
    LiquidationOrder, MarketView,
    engine::{
        ledger::{Ledger, liquidation::Liquidation, report::Shortfall},
        number::units::{Bps, ONE_BPS, Shares, Usd},
        state::{
            account::{MarginAccount, Position},
            token::TransferFee,
        },
    },
};

use search::Search;

/// Pairs of debt and collateral that quotes are asked for, the most promising first.
const PAIRS: usize = 3;

/// What a liquidator asks of a liquidation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demands {
    /// The least profit after all fees, USD.
    pub min_profit: f64,
    /// What is taken off the value of collateral that is kept, basis points: what selling it later will cost.
    pub hold_discount_bps: u16,
    /// Most of the penalty that slippage may take, basis points.
    pub max_slippage_share_bps: u16,
    /// Share of the profit that may go to priority, basis points.
    pub priority_share_bps: u16,
    /// What a transaction costs without priority, USD.
    pub base_cost: f64,
}

impl Demands {
    /// The keeper's defaults. It fills in what its transactions cost.
    pub const DEFAULT: Self = Self {
        min_profit: 0.05,
        hold_discount_bps: 50,
        max_slippage_share_bps: 8_000,
        priority_share_bps: 5_000,
        base_cost: 0.0,
    };

    /// Most of a profit that may be paid for priority, USD.
    pub fn priority(&self, profit: f64) -> f64 {
        (profit * self.priority_share_bps as f64 / 1e4).max(0.0)
    }

    /// Whether a profit is enough, also if as much as may be is paid for priority.
    pub fn are_met_by(&self, profit: f64) -> bool {
        profit - self.priority(profit) >= self.min_profit && profit > 0.0
    }

    /// What is counted of the value of something that is kept, USD.
    pub fn kept(&self, value: f64) -> f64 {
        value * (1.0 - self.hold_discount_bps as f64 / 1e4)
    }
}

/// What a liquidator knows of a liquidatable account, and of itself.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The market as the transaction will find it.
    pub market: &'a MarketView,
    /// Unix seconds.
    pub now: i64,
    /// The account.
    pub account: &'a MarginAccount,
    /// What the liquidator has of each reserve's token, atoms.
    pub held: &'a [u64],
    /// What a transfer of each costs.
    pub fees: &'a [TransferFee],
    /// What making the liquidator's token account of each costs, USD; nothing where there is one.
    pub rents: &'a [f64],
}

/// A quote for selling an exact amount.
#[derive(Clone, Debug, PartialEq)]
pub struct Quoted<Q> {
    /// Atoms that it brings.
    pub out: u64,
    /// What the venue needs to build the swap.
    pub quote: Q,
}

/// Where collateral is sold.
pub trait Venue {
    /// What a swap is built from.
    type Quote: Clone + Send;

    /// What selling `amount` atoms of one reserve's token for another's brings, at once; none if the venue does not sell it.
    fn quote(&self, sell: u8, buy: u8, amount: u64) -> impl Future<Output = Option<Quoted<Self::Quote>>> + Send;
}

/// Where nothing is sold: the liquidator pays with what it has.
#[derive(Clone, Copy, Debug)]
pub struct NoVenue;

impl Venue for NoVenue {
    type Quote = ();

    async fn quote(&self, _: u8, _: u8, _: u64) -> Option<Quoted<()>> {
        None
    }
}

/// Where the tokens for the repayment come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Funding<Q> {
    /// The liquidator's own tokens.
    Inventory,
    /// The sale of the collateral in the same transaction, and its quote.
    Receivership(Quoted<Q>),
}

/// A liquidation that pays.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<Q> {
    /// The order. If its limits are met, it makes no loss.
    pub order: LiquidationOrder,
    /// What it will move.
    pub preview: Liquidation,
    /// Atoms of the debt's token that the liquidator sends.
    pub sent: u64,
    /// Atoms of collateral that arrive.
    pub arriving: u64,
    /// How the repayment is funded.
    pub funding: Funding<Q>,
    /// Whether the account that receives the collateral is made for it and closed again.
    pub closes: bool,
    /// The base fee and the rents that are spent, USD.
    pub costs: f64,
    /// Profit after these and before priority, USD.
    pub profit: f64,
    /// Most of it that may be paid for priority, USD.
    pub priority: f64,
}

impl<Q> Plan<Q> {
    /// The same plan with another funding.
    pub fn with_funding<R>(self, funding: Funding<R>) -> Plan<R> {
        let Self { order, preview, sent, arriving, closes, costs, profit, priority, .. } = self;
        Plan { order, preview, sent, arriving, funding, closes, costs, profit, priority }
    }

    /// The least that the sale must bring, atoms of the debt's token: what is due, what priority may cost, and all
    /// other costs.
    pub fn least_out(&self, market: &MarketView) -> u64 {
        let price = &market.reserves[self.order.debt as usize].price;
        let costs = price.atoms_ceil(usd(self.priority + self.costs), price.spot);
        self.sent.saturating_add(costs)
    }
}

/// Dollars as the engine counts them, rounded up; zero if negative.
fn usd(dollars: f64) -> Usd {
    Usd((dollars.max(0.0) * Usd::ONE.0 as f64).ceil() as u128)
}

/// What an amount is worth at spot, USD.
pub fn value(market: &MarketView, reserve: u8, amount: u64) -> f64 {
    let price = &market.reserves[reserve as usize].price;
    price.value_floor(amount, price.spot, Bps(ONE_BPS)).to_f64()
}

impl Case<'_> {
    fn value(&self, reserve: u8, amount: u64) -> f64 {
        value(self.market, reserve, amount)
    }

    fn fee(&self, reserve: u8) -> TransferFee {
        self.fees.get(reserve as usize).copied().unwrap_or_default()
    }

    fn rent(&self, reserve: u8) -> f64 {
        self.rents.get(reserve as usize).copied().unwrap_or_default()
    }

    fn preview(&self, (debt, collateral): (u8, u8), max_repay: u64) -> Option<Liquidation> {
        let order = LiquidationOrder { debt, collateral, max_repay, min_collateral: 1 };
        self.market.preview_liquidation(self.account, order, self.now).ok()
    }

    /// The smallest limit that repays as much as `max_repay` does, and the liquidation. The exact amount to be paid can be too
    /// small as a limit, because it is rounded down: an atom would be left as dust. So a few atoms more are tried.
    fn exactly(&self, pair: (u8, u8), max_repay: u64) -> Option<(u64, Liquidation)> {
        const ROUNDED: u64 = 2;
        let wanted = self.preview(pair, max_repay)?;
        let limits = (0..=ROUNDED).map(|atoms| wanted.paid().saturating_add(atoms).min(max_repay));
        let found = limits.filter_map(|limit| Some((limit, self.preview(pair, limit)?)));
        found.max_by_key(|(limit, preview)| (preview.repaid, std::cmp::Reverse(*limit)))
    }

    /// All pairs that may be liquidated, with what each would move as a whole, the highest penalty in USD first.
    fn pairs(&self) -> Vec<((u8, u8), Liquidation)> {
        let (debts, deposits): (Vec<&Position>, Vec<_>) =
            self.account.positions().iter().partition(|one| one.is_debt());
        let pairs = debts.iter().flat_map(|debt| deposits.iter().map(|deposit| (debt.reserve, deposit.reserve)));
        let mut pairs: Vec<_> = pairs.filter_map(|pair| Some((pair, self.preview(pair, u64::MAX)?))).collect();
        let bonus = |(pair, whole): &((u8, u8), Liquidation)| {
            self.value(pair.1, whole.seized) - self.value(pair.0, whole.paid())
        };
        pairs.sort_by(|one, other| bonus(other).total_cmp(&bonus(one)));
        pairs
    }

    /// What a whole liquidation of the best pair would earn if collateral sold at its price, USD; none if there is no pair. For
    /// ranking accounts before quotes are asked for.
    pub fn estimate(&self) -> Option<f64> {
        self.pairs().first().map(|(pair, whole)| self.value(pair.1, whole.seized) - self.value(pair.0, whole.paid()))
    }

    /// The most profitable order; none if nothing pays what is demanded.
    pub async fn plan<V: Venue>(&self, demands: &Demands, venue: &V) -> Option<Plan<V::Quote>> {
        let mut best: Option<Plan<V::Quote>> = None;
        for (pair, whole) in self.pairs().into_iter().take(PAIRS) {
            let own = self.by_inventory(pair, demands);
            let mut search = Search::new(whole.paid());
            while let Some(size) = search.next() {
                search.answer(self.by_receivership(pair, size, demands, venue).await);
            }
            for plan in own.into_iter().chain(search.top()) {
                if best.as_ref().is_none_or(|best| plan.profit > best.profit) {
                    best = Some(plan);
                }
            }
        }
        best.filter(|plan| demands.are_met_by(plan.profit))
    }

    /// With as many of the liquidator's own tokens as may be.
    fn by_inventory<Q>(&self, pair: (u8, u8), demands: &Demands) -> Option<Plan<Q>> {
        let (debt, collateral) = pair;
        let held = self.held.get(debt as usize).copied().filter(|held| *held > 0)?;
        let (limit, preview) = self.exactly(pair, self.fee(debt).arriving(held).ok()?)?;
        let sent = self.fee(debt).sending(preview.paid()).ok().filter(|sent| *sent <= held)?;
        let max_repay = self.fee(debt).sending(limit).ok()?.min(held);
        let arriving = self.fee(collateral).arriving(preview.seized).ok()?;
        let kept = demands.kept(self.value(collateral, arriving));
        let costs = demands.base_cost + self.rent(debt) + self.rent(collateral);
        let profit = kept - self.value(debt, sent) - costs;
        // As much of the collateral may be missing as the profit is worth, and 1 % at most.
        let spare = (profit - demands.priority(profit)) / self.value(collateral, preview.seized).max(f64::MIN_POSITIVE);
        let least = preview.seized - (preview.seized as f64 * spare.clamp(0.0, 0.01)) as u64;
        let order = LiquidationOrder { debt, collateral, max_repay, min_collateral: least.max(1) };
        Some(Plan {
            order,
            preview,
            sent,
            arriving,
            funding: Funding::Inventory,
            closes: false,
            costs,
            profit,
            priority: demands.priority(profit),
        })
    }

    /// By selling the collateral that a payment of up to `size` atoms would seize.
    async fn by_receivership<V: Venue>(
        &self,
        pair: (u8, u8),
        size: u64,
        demands: &Demands,
        venue: &V,
    ) -> Option<Plan<V::Quote>> {
        let (debt, collateral) = pair;
        let (max_repay, preview) = self.exactly(pair, size)?;
        let sent = self.fee(debt).sending(preview.paid()).ok()?;
        let arriving = self.fee(collateral).arriving(preview.seized).ok()?;
        let quoted = venue.quote(collateral, debt, arriving).await?;
        let (sold, bought) = (self.value(collateral, arriving), self.value(debt, quoted.out));
        let slippage = (sold - bought) / sold * 1e4;
        if slippage >= preview.penalty.0 as f64 * demands.max_slippage_share_bps as f64 / 1e4 {
            return None;
        }
        // With a transfer fee, withheld tokens would keep the token account from being closed.
        let closes = self.rent(collateral) > 0.0 && self.fee(collateral).bps == 0;
        let rents = self.rent(debt) + if closes { 0.0 } else { self.rent(collateral) };
        let costs = demands.base_cost + rents;
        let profit = bought - self.value(debt, sent) - costs;
        // The swap takes what was quoted for, to the atom.
        let order = LiquidationOrder { debt, collateral, max_repay, min_collateral: preview.seized };
        let priority = demands.priority(profit);
        let funding = Funding::Receivership(quoted);
        Some(Plan { order, preview, sent, arriving, funding, closes, costs, profit, priority })
    }
}

impl<Q> search::Rated for Plan<Q> {
    fn rating(&self) -> f64 {
        self.profit
    }
}

/// Whether an account's debts can be written off: all of them, or a loss of more than dust. A smaller loss is left to grow,
/// because it grows with interest every second, and each settlement costs a fee.
pub fn is_bad_debt(ledger: &Ledger, account: &MarginAccount) -> bool {
    let is_worth_it = |lost: Option<Usd>| lost.is_none_or(|lost| lost >= ledger.market.config.dust());
    account.in_receivership == 0 && account.has_debt() && ledger.certain_loss(account).is_ok_and(is_worth_it)
}

/// Whether what is reported of an account's loss is to be raised or lowered, by debts of dust at least: see
/// [`Ledger::report_loss`].
pub fn is_report_due(ledger: &Ledger, account: &MarginAccount) -> bool {
    let Ok(Shortfall { least, most, .. }) = ledger.shortfall(account) else { return false };
    let (before, after) = (account.doubtful, account.doubtful.max(least).min(most));
    let debts = account.positions().iter().filter(|position| position.is_debt());
    let by = debts.filter_map(|position| {
        let reserve = ledger.reserves.get(position.reserve as usize)?;
        let shares = after.of(position.shares).0.abs_diff(before.of(position.shares).0);
        let amount = reserve.debt_index_at(ledger.now).amount_floor(Shares(shares));
        Some(reserve.price.value_floor(amount, reserve.price.spot, Bps(ONE_BPS)))
    });
    account.in_receivership == 0
        && account.has_debt()
        && by.fold(Usd::ZERO, |sum, value| sum + value) >= ledger.market.config.dust()
}
