//! What there is to do about perps, and how: a function of what is known. The engine tries everything on a copy of the market first. [`act`]
//! does it.

pub mod act;

use ballast_client::{
    Address, Instruction, MarketView,
    engine::{
        number::units::{Part, Shares},
        state::{
            account::{MarginAccount, Side},
            market::MAX_RESERVES,
            perp::{
                Pool,
                book::{Standing, Width},
            },
        },
    },
    from_engine, to_engine,
};
use ballast_liquidator::{
    Demands,
    perps::{PerpCase, new_account, quote_of},
    value,
};
use clap::ValueEnum;

use super::{
    duty::{Duty, MOST_CANDIDATES, Subject},
    order,
    state::{Chain, Predicted, State},
};
use crate::account_index::{Extent, Unsettled};

/// What is done about perps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Everything that anyone may do.
    All,
    /// What pays: liquidations with a reward, and losses that are paid for collateral.
    Paid,
    /// Nothing.
    None,
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Pay what a position has lost out of its account's deposit, or what a closed one is owed.
    Settle,
    /// Pay a loss beyond the account's deposit, for its collateral.
    Cover,
    /// Write off what nobody can pay.
    WriteOff,
    /// Close what is too much of a position in an unhealthy account.
    Liquidate,
    /// Close a part of all positions of a side that the pool cannot bear.
    Deleverage,
    /// Fill an order that rests, by the price that fills it.
    Fill,
    /// Clear an order that nobody filled.
    Cancel,
}

impl Chore {
    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle_perp",
            Self::Cover => "cover_perp_loss",
            Self::WriteOff => "write_off_perp",
            Self::Liquidate => "liquidate_perp",
            Self::Deleverage => "deleverage_perp",
            Self::Fill => "fill_perp_order",
            Self::Cancel => "cancel_perp_order",
        }
    }
}

/// Something to do, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// What is done.
    pub chore: Chore,
    /// The account it is about; none for deleveraging.
    pub account: Option<Address>,
    /// The perp's record.
    pub perp: u8,
    /// The reserve of its quote token.
    pub quote: u8,
    /// The instructions of one transaction.
    pub instructions: Vec<Instruction>,
    /// The reserves whose prices they bring along.
    pub fresher: Vec<u8>,
    /// Atoms of the quote token that it is about: what is paid, or what closed positions were worth.
    pub amount: u64,
    /// Atoms of its own quote deposit that the keeper pays.
    pub pays: u64,
    /// Whether the keeper's margin account is opened for it.
    pub opens: bool,
    /// What it earns after the base fee and the rent of that account, USD: less than zero where it earns nothing.
    pub profit: f64,
    /// Most of it that may be paid for priority, USD.
    pub priority: f64,
    /// Whether it is done even if it earns nothing.
    pub is_crank: bool,
}

/// What is known when work is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// The market as it will be.
    pub predicted: &'a Predicted,
    /// The keeper's margin account, if it is open.
    pub own: Option<&'a MarginAccount>,
    /// What is worth doing.
    pub terms: Terms,
}

/// What is worth doing.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What is done at all.
    pub choice: Choice,
    /// What work that pays must earn.
    pub demands: Demands,
    /// What opening the keeper's margin account costs, USD.
    pub rent: f64,
    /// A lamport, USD.
    pub lamport: f64,
    /// Least value of what is done for nothing, USD.
    pub least: f64,
}

/// What is urgent is done for so small a part of the least value.
const URGENT: f64 = 0.1;
/// Positions that are tried for what can be settled, at most: those with the most.
const MOST_TRIED: usize = 1_024;

/// What there is to do about perps apart from liquidations. What is to be settled is looked for in a full evaluation, and looked at
/// again in each. Before a perp is deleveraged, everything that can be settled is: what traders have lost may be all that its pool needs.
pub fn duties(
    state: &mut State,
    predicted: &Predicted,
    extent: Extent,
    terms: &Terms,
    is_free: impl Fn(&Subject) -> bool,
) -> Vec<Duty> {
    let State { accounts, unsettled, orders, chain, .. } = state;
    if terms.choice == Choice::None {
        return Vec::new();
    }
    let now = predicted.now;
    if extent == Extent::Full {
        *unsettled = accounts.unsettled(&predicted.market, now, terms.least * URGENT);
    }
    let (own, mut market) = (accounts.account(&chain.margin), predicted.market.clone());
    let desk = Desk { chain, predicted, own: own.as_ref(), terms: *terms };
    let in_need = pools_that(&market, now, |pool, standing| {
        standing.profit_factor() != Part::WHOLE || !standing.covers(pool.config.deleverage_to)
    });
    let uncovered = pools_that(&market, now, |pool, standing| !standing.covers(pool.config.deleverage_below));
    let resting = orders.iter().filter(|(address, (order, _))| is_free(&Subject::Position(**address, order.perp)));
    let resting = resting.filter_map(|(address, (order, owner))| {
        let account = accounts.account(address).unwrap_or_else(new_account);
        desk.resting(*address, &MarginAccount { order: *order, owner: to_engine(owner), ..account })
    });
    // Who comes too late finds another price in its account.
    let mut works: Vec<_> = resting.take(MOST_CANDIDATES).collect();
    for Unsettled { address, perp, .. } in unsettled.iter().take(MOST_TRIED) {
        let Ok(pool) = predicted.market.perp(*perp).map(|record| record.config.pool) else { continue };
        // What is tried already, or has to wait, matters to the pool alone.
        let is_wanted = works.len() < MOST_CANDIDATES && is_free(&Subject::Position(*address, *perp));
        if !is_wanted && uncovered >> pool & 1 == 0 {
            continue;
        }
        let Some(account) = accounts.account(address) else { continue };
        let work = desk.unsettled(&mut market, *address, &account, *perp, in_need >> pool & 1 == 1);
        works.extend(work.filter(|_| is_wanted));
    }
    let still = uncovered & pools_that(&market, now, |pool, standing| !standing.covers(pool.config.deleverage_below));
    let pools = (0..MAX_RESERVES as u8).filter(|pool| still >> pool & 1 == 1);
    let relief = pools.flat_map(|pool| desk.deleveraging(&market, pool));
    works.extend(relief.filter(|work| is_free(&Subject::Perp(work.perp))));
    works.into_iter().map(|work| Duty::Perp(Box::new(work))).collect()
}

/// The pools, as bits, of whose standing something is true.
fn pools_that(market: &MarketView, now: i64, is_so: impl Fn(&Pool, &Standing) -> bool) -> u64 {
    let of_pool = |index: u8| {
        let pool = market.pool(index).ok()?;
        let standing = Standing::of(pool, &market.reserves, Width::Maintenance, now).ok()?;
        is_so(pool, &standing).then_some(1u64 << index)
    };
    (0..market.reserves.len().min(MAX_RESERVES) as u8).filter_map(of_pool).sum()
}

impl Desk<'_> {
    fn now(&self) -> i64 {
        self.predicted.now
    }

    fn earns(&self, profit: f64) -> bool {
        self.terms.choice != Choice::None && self.terms.demands.are_met_by(profit)
    }

    fn is_worth(&self, quote: u8, amount: u64, part: f64) -> bool {
        self.terms.choice == Choice::All && value(&self.predicted.market, quote, amount) >= self.terms.least * part
    }

    /// What liquidating the position that pays most would bring, USD; none if the engine liquidates none.
    pub fn estimate(&self, account: &MarginAccount) -> Option<f64> {
        let (market, own) = (&self.predicted.market, self.own.copied().unwrap_or_else(new_account));
        let case = PerpCase { market, now: self.now(), account, own: &own };
        let open = account.perps().filter(|position| position.size != 0);
        open.filter_map(|position| case.reward(position.perp)).map(|reward| reward.value).max_by(f64::total_cmp)
    }

    /// The liquidation of a position that pays most, of an account that is short; none if it neither pays nor is to be made for nothing.
    pub fn liquidation(&self, address: Address, account: &MarginAccount) -> Option<Work> {
        // Nobody liquidates himself.
        let open = account.perps().filter(|position| position.size != 0 && address != self.chain.margin);
        let works = open.filter_map(|position| self.liquidation_of(address, account, position.perp));
        works.max_by(|one, other| one.profit.total_cmp(&other.profit))
    }

    fn liquidation_of(&self, address: Address, account: &MarginAccount, perp: u8) -> Option<Work> {
        let chain = self.chain;
        let (market, quote) = (chain.market()?, quote_of(chain.market()?, perp)?);
        let own = self.own.copied().unwrap_or_else(new_account);
        let costs = self.terms.demands.base_cost + if self.own.is_some() { 0.0 } else { self.terms.rent };
        let tried = |market: &MarketView| {
            let reward = PerpCase { market, now: self.now(), account, own: &own }.reward(perp)?;
            let profit = reward.value - costs;
            (self.earns(profit) || self.is_worth(quote, reward.closed, 1.0)).then_some((profit, reward.closed))
        };
        let (fresher, (profit, closed)) = self.fewest_prices(account, perp, quote, tried)?;
        let liquidate = market.liquidate_perp(chain.keeper, chain.margin, address, perp).ok()?;
        let mut work = self.work(Chore::Liquidate, Some(address), (perp, quote), fresher, liquidate, closed)?;
        if self.own.is_none() {
            work.instructions.insert(0, market.open_account(chain.keeper, chain.keeper, chain.margin_id));
        }
        let (priority, is_crank) = (self.terms.demands.priority(profit), self.terms.choice == Choice::All);
        Some(Work { opens: self.own.is_none(), profit, priority, is_crank, ..work })
    }

    /// The fewest prices that an order needs: none, those of the perp, or all that the account has.
    fn fewest_prices<T>(
        &self,
        account: &MarginAccount,
        perp: u8,
        quote: u8,
        tried: impl Fn(&MarketView) -> Option<T>,
    ) -> Option<(Vec<u8>, T)> {
        let market = &self.predicted.market;
        let pair = 1 << market.perp(perp).ok()?.config.price | 1 << quote;
        let all = market.priced_reserves(account).iter().fold(0, |all, reserve| all | 1u64 << reserve);
        [0, pair, all].into_iter().find_map(|reserves| {
            let reserves = reserves & self.predicted.fresher;
            let found = tried(&self.chain.predict(reserves)?.market)?;
            Some(((0..64).filter(|reserve| reserves >> reserve & 1 == 1).collect(), found))
        })
    }

    /// What is to be done about a position that has lost something, or is closed and not paid: settle, cover or write off, whichever
    /// comes first. What is settled is settled in `market` as well. `is_urgent`: the pool needs it.
    pub fn unsettled(
        &self,
        market: &mut MarketView,
        address: Address,
        account: &MarginAccount,
        perp: u8,
        is_urgent: bool,
    ) -> Option<Work> {
        let (pool, quote) = (market.perp(perp).ok()?.config.pool, quote_of(market, perp)?);
        let places = [perp, pool, quote].map(usize::from);
        let before = places.map(|place| market.reserves[place]);
        let held = deposit(market, account, quote, self.now());
        let settled = market.ledger(self.now()).settle_perp(&mut { *account }, perp);
        let is_due = settled.is_ok_and(|receipt| {
            // Soon nothing is left to pay with.
            let is_urgent = is_urgent || receipt.paid_in >= held.div_ceil(2);
            let part = if is_urgent { URGENT } else { 1.0 };
            self.is_worth(quote, receipt.paid_in, part) || self.is_worth(quote, receipt.paid_out, 1.0)
        });
        if is_due {
            let amount = settled.map_or(0, |receipt| receipt.paid_in.max(receipt.paid_out));
            return self.crank(Chore::Settle, address, account, (perp, quote), amount);
        }
        places.into_iter().zip(before).for_each(|(place, record)| market.reserves[place] = record);
        self.cover(address, account, (perp, quote)).or_else(|| {
            let owes = account.perp(perp).filter(|position| position.size == 0 && position.cost > 0)?;
            let loss = owes.cost.unsigned_abs();
            if !self.is_worth(quote, loss, 1.0) {
                return None;
            }
            let mut copy = self.predicted.market.clone();
            copy.ledger(self.now()).write_off_perp(&mut { *account }, perp).ok()?;
            self.crank(Chore::WriteOff, address, account, (perp, quote), loss)
        })
    }

    /// What nobody is paid for, about an account.
    fn crank(
        &self,
        chore: Chore,
        address: Address,
        account: &MarginAccount,
        (perp, quote): (u8, u8),
        amount: u64,
    ) -> Option<Work> {
        let market = self.chain.market()?;
        let instruction = match chore {
            Chore::Settle => market.settle_perp(address, perp),
            _ => market.write_off_perp(address, perp),
        };
        let fresher = order::fresher(self.predicted, account);
        self.work(chore, Some(address), (perp, quote), fresher, instruction.ok()?, amount)
    }

    fn work(
        &self,
        chore: Chore,
        account: Option<Address>,
        (perp, quote): (u8, u8),
        fresher: Vec<u8>,
        instruction: Instruction,
        amount: u64,
    ) -> Option<Work> {
        let market = self.chain.market()?;
        let refresh = order::refresh(self.chain, market, &fresher).ok()?;
        Some(Work {
            chore,
            account,
            perp,
            quote,
            instructions: refresh.into_iter().chain([instruction]).collect(),
            fresher,
            amount,
            pays: 0,
            opens: false,
            profit: -self.terms.demands.base_cost,
            priority: 0.0,
            is_crank: true,
        })
    }

    /// What is to be done about an account's order: filling it, if one of the accounts that prices are read from holds the price that does,
    /// or clearing it.
    pub fn resting(&self, address: Address, account: &MarginAccount) -> Option<Work> {
        let (chain, market, perp) = (self.chain, &self.predicted.market, account.order.perp);
        let record = market.perp(perp).ok()?;
        let (underlying, quote) = (record.config.price, quote_of(market, perp)?);
        let sources = chain.sources(market, underlying)?;
        let (first, base) = (sources.first()?, sources.get(1));
        let is_first = sources.iter().all(|source| account.order.is_filled_by(&source.update));
        let mut copy = { *account };
        let filled = is_first.then(|| market.clone().ledger(self.now()).fill_order(&mut copy, perp, first, base));
        if let Some(Ok((fill, tip))) = filled {
            let profit = tip as f64 * self.terms.lamport - self.terms.demands.base_cost;
            let is_crank = self.terms.choice == Choice::All;
            if !is_crank && !self.earns(profit) {
                return None;
            }
            let prices = chain.price_accounts(underlying)?;
            let instruction = chain.market()?.fill_perp_order(address, chain.keeper, perp, &prices).ok()?;
            // A new position is valued with the account's others.
            let fresher = order::fresher(self.predicted, &copy);
            let amount = record.sides[0].notional(fill.opened.max(fill.closed), fill.price);
            let work = self.work(Chore::Fill, Some(address), (perp, quote), fresher, instruction, amount)?;
            return Some(Work { profit, priority: self.terms.demands.priority(profit), is_crank, ..work });
        }
        if !account.order.is_over(record, self.now()) || self.terms.choice != Choice::All {
            return None;
        }
        let owner = from_engine(&account.owner);
        let instruction = chain.market()?.cancel_perp_order(owner, address, perp).ok()?;
        self.work(Chore::Cancel, Some(address), (perp, quote), Vec::new(), instruction, 0)
    }

    /// Pays a loss for the collateral that earns most, with what the keeper has of the quote token in its margin account.
    fn cover(&self, address: Address, account: &MarginAccount, (perp, quote): (u8, u8)) -> Option<Work> {
        let (chain, market, demands) = (self.chain, &self.predicted.market, &self.terms.demands);
        let own = self.own.filter(|_| address != chain.margin && self.terms.choice != Choice::None)?;
        let most = deposit(market, own, quote, self.now());
        let covering = PerpCase { market, now: self.now(), account, own }.covering(perp, most, demands)?;
        let order = (perp, covering.collateral);
        let pay = chain.market()?.cover_perp_loss(chain.keeper, chain.margin, address, order, covering.paid).ok()?;
        let fresher = order::fresher(self.predicted, account);
        let work = self.work(Chore::Cover, Some(address), (perp, quote), fresher, pay, covering.paid)?;
        let (profit, priority) = (covering.profit, demands.priority(covering.profit));
        Some(Work { pays: covering.paid, profit, priority, is_crank: false, ..work })
    }

    /// The perps of a pool whose positions are to be closed in part, in `market`: as it will be once what is about to be settled is.
    pub fn deleveraging(&self, market: &MarketView, pool: u8) -> Vec<Work> {
        let Ok(record) = market.pool(pool) else { return Vec::new() };
        if self.terms.choice != Choice::All {
            return Vec::new();
        }
        let (quote, mut copy) = (record.config.quote, market.clone());
        let of_pool = record.perps().iter().filter_map(|perp| Some(market.perp(*perp).ok()?.config.price));
        let fresher: Vec<u8> = (0..64u8)
            .filter(|reserve| self.predicted.fresher >> reserve & 1 == 1)
            .filter(|reserve| *reserve == quote || of_pool.clone().any(|price| price == *reserve))
            .collect();
        let works = record.perps().iter().filter_map(|perp| {
            let before = copy.clone();
            let Ok(done) = copy.ledger(self.now()).deleverage_perp(*perp) else {
                copy = before;
                return None;
            };
            let [longs, shorts] = &before.perp(*perp).ok()?.sides;
            let side = if done.of_longs { longs } else { shorts };
            let amount =
                (side.notional(side.size, done.price) as f64 * (done.part as f64 / 2f64.powi(32)).min(1.0)) as u64;
            let instruction = self.chain.market()?.deleverage_perp(*perp).ok()?;
            self.work(Chore::Deleverage, None, (*perp, quote), fresher.clone(), instruction, amount)
        });
        works.collect()
    }
}

/// Atoms of a deposit.
fn deposit(market: &MarketView, account: &MarginAccount, reserve: u8, now: i64) -> u64 {
    let shares = account.shares(reserve, Side::Deposit).unwrap_or(Shares::ZERO);
    market.reserve(reserve).map_or(0, |reserve| reserve.deposit_index_at(now).amount_floor(shares))
}
