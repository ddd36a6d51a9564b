//! How far an account may go: the most it may borrow or withdraw, and the price at which it is liquidated.
//!
//! None of this is a rule of its own. Amounts and prices are tried on copies, by the engine's actions and its health, and the
//! boundary is found by halving. So what is returned passes, and one more does not, now and with the prices at hand.

use ballast_engine::{
    Error, Result,
    health::Requirement,
    ledger::EVERYTHING,
    number::math::largest,
    perps::trade::Order,
    price::feed::in_range,
    state::{
        account::{MarginAccount, Side},
        perp::side::MAX_LOTS,
        reserve::Reserve,
    },
};

use crate::{
    market::MarketView,
    what_if::{SupposedPrice, brought, newest, supposed},
};

/// The most that an action takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Atoms, or of a trade lots; zero if none is accepted.
    pub atoms: u64,
    /// What one more is refused with; `None` if there is no more: then the action takes [`EVERYTHING`].
    pub refusal: Option<Error>,
}

/// A price at which one reserve makes an account liquidatable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidationPrice {
    /// Times 10^`exponent` USD for one token.
    pub price: u64,
    /// The exponent of the reserve's last price.
    pub exponent: i32,
    /// Whether lower prices liquidate too, as those of a deposit or a long do, or higher ones, as those of a debt or a short.
    pub is_deposit: bool,
}

impl MarketView {
    /// The most atoms that a borrow of the account would be given at `now`, unix seconds.
    ///
    /// An account below its initial requirement is given none, also where the debt would offset what its deposits put at risk.
    pub fn max_borrow(&self, account: &MarginAccount, reserve: u8, now: i64) -> Result<Limit> {
        let most = self.reserve(reserve)?.cash;
        let mut attempt = Attempt::new(self, reserve, now);
        let mut borrow =
            |atoms| attempt.run(account, |ledger, account| ledger.borrow(account, reserve, atoms).map(drop));
        let atoms = largest(most, |atoms| matches!(borrow(atoms), Ok(()) | Err(Error::DebtBelowMinimum)));
        // What is left may be less than the smallest debt.
        let atoms = if borrow(atoms).is_ok() { atoms } else { 0 };
        // There is always more to ask for: the cash bounds what is given.
        let refusal = borrow(atoms.saturating_add(1)).err();
        Ok(Limit { atoms, refusal })
    }

    /// The most atoms that a withdrawal of the account would be given at `now`, unix seconds. An error if it has no deposit there.
    ///
    /// A smaller pool of deposits may count for more, by a basis point of weight at a time: where that happens, more still
    /// may pass again.
    pub fn max_withdraw(&self, account: &MarginAccount, reserve: u8, now: i64) -> Result<Limit> {
        let record = self.reserve(reserve)?;
        let most = record.exit_index_at(now).amount_floor(account.shares(reserve, Side::Deposit)?);
        let mut attempt = Attempt::new(self, reserve, now);
        let mut withdraw =
            |atoms| attempt.run(account, |ledger, account| ledger.withdraw(account, reserve, atoms).map(drop));
        if withdraw(EVERYTHING).is_ok() {
            return Ok(Limit { atoms: most, refusal: None });
        }
        let atoms = largest(most, |atoms| withdraw(atoms).is_ok());
        Ok(Limit { atoms, refusal: withdraw(atoms.saturating_add(1)).err() })
    }

    /// The most atoms that a deposit of the owner would be taken at `now`, unix seconds, for the account to hold them.
    pub fn max_deposit(&self, account: &MarginAccount, reserve: u8, now: i64) -> Result<Limit> {
        self.reserve(reserve)?;
        let mut attempt = Attempt::new(self, reserve, now);
        let mut deposit = |atoms| {
            attempt.run(account, |ledger, account| {
                let owner = account.owner;
                ledger.deposit(account, &owner, reserve, atoms).map(drop)
            })
        };
        // A new deposit has a least size, a later one at least a share's: what is too little may still be made more.
        let is_below = |refusal| matches!(refusal, Err(Error::DepositBelowMinimum | Error::AmountTooSmall));
        let atoms = largest(u64::MAX - 1, |atoms| {
            let tried = deposit(atoms);
            tried.is_ok() || is_below(tried)
        });
        let atoms = if deposit(atoms).is_ok() { atoms } else { 0 };
        Ok(Limit { atoms, refusal: deposit(atoms.saturating_add(1)).err() })
    }

    /// The most lots that an order like this would trade at `now`, unix seconds, whatever number of them it names: only their sign counts.
    /// Where more would turn the account's position, it may be that a few lots more are refused and many more pass again, since closing
    /// frees what opening needs.
    pub fn max_trade(&self, account: &MarginAccount, order: &Order, now: i64) -> Result<Limit> {
        self.perp(order.perp)?;
        let trade = |lots: u64| {
            let lots = lots.min(MAX_LOTS) as i64 * order.lots.signum();
            self.preview(now, |ledger| ledger.trade(&mut account.clone(), &Order { lots, ..*order }).map(drop))
        };
        // A position has a least size: what is too little may still be made more.
        let is_below = |refusal| matches!(refusal, Err(Error::PositionTooSmall | Error::AmountTooSmall));
        let atoms = largest(MAX_LOTS, |lots| {
            let tried = trade(lots);
            tried.is_ok() || is_below(tried)
        });
        let atoms = if trade(atoms).is_ok() { atoms } else { 0 };
        let refusal = if atoms == MAX_LOTS { None } else { trade(atoms + 1).err() };
        Ok(Limit { atoms, refusal })
    }

    /// The price of a reserve at which the account is liquidatable at `now`, unix seconds, and next to which it is not: the
    /// highest such price of a deposit or a long, the lowest of a debt or a short. `None` if no accepted price of this reserve makes the difference.
    ///
    /// All else stays as it is, but that the last prices of the account's other reserves count as published at the same moment too:
    /// a liquidator can bring them. The confidence is taken to be the same part of the price as of the last one. Errors: the account
    /// has no position there, nor in a perp that follows it; the reserve never had a price, or one whose confidence is at the limit or beyond
    /// it by now.
    pub fn liquidation_price(
        &self,
        account: &MarginAccount,
        reserve: u8,
        now: i64,
    ) -> Result<Option<LiquidationPrice>> {
        let record = self.reserve(reserve)?;
        let priced = self.priced_reserves(account);
        if !priced.contains(&reserve) {
            return Err(Error::PositionNotFound);
        }
        if record.price.publish_time == 0 {
            return Err(Error::PriceStale);
        }
        let (last, exponent) = (record.price.price, record.price.exponent);
        let mut reserves = self.reserves.clone();
        let records: Vec<&Reserve> = priced.iter().map(|index| self.reserve(*index)).collect::<Result<_>>()?;
        // All must be of one moment.
        let time = newest(records.iter().copied(), now);
        for (index, other) in priced.iter().zip(records) {
            if let Ok(brought) = brought(other, time) {
                reserves[*index as usize] = brought;
            }
        }
        let mut is_safe = |price| {
            let supposed_price = SupposedPrice { reserve, price, exponent, confidence: None, ema_price: None };
            reserves[reserve as usize] = supposed(record, &supposed_price, time)?;
            let health = ballast_engine::health::account::health(
                account,
                &reserves,
                &self.market.config,
                now,
                Requirement::Maintenance,
            )?;
            Ok::<bool, Error>(health.is_healthy())
        };
        // The accepted prices around the last one, which is one of them.
        let lowest = last - largest(last - 1, |less| in_range(last - less, exponent));
        let highest = last + largest(i64::MAX as u64 - last, |more| in_range(last + more, exponent));
        let is_deposit = !is_safe(lowest)?;
        if is_deposit != is_safe(highest)? {
            return Ok(None);
        }
        let mut refused = None;
        let below = lowest
            + largest(highest - lowest, |more| match is_safe(lowest + more) {
                Ok(is_safe) => is_safe != is_deposit,
                Err(error) => {
                    refused = Some(error);
                    false
                }
            });
        if let Some(error) = refused {
            return Err(error);
        }
        let price = if is_deposit { below } else { below + 1 };
        Ok(Some(LiquidationPrice { price, exponent, is_deposit }))
    }
}

/// A copy of a market, made good after each try.
struct Attempt<'a> {
    original: &'a MarketView,
    copy: MarketView,
    reserve: u8,
    now: i64,
}

impl<'a> Attempt<'a> {
    fn new(original: &'a MarketView, reserve: u8, now: i64) -> Self {
        Self { original, copy: original.clone(), reserve, now }
    }

    /// Tries an action that changes no other reserves than the one, and those that the account owes.
    fn run(
        &mut self,
        account: &MarginAccount,
        action: impl FnOnce(&mut ballast_engine::ledger::Ledger, &mut MarginAccount) -> Result<()>,
    ) -> Result<()> {
        let index = self.reserve as usize;
        self.copy.market = self.original.market;
        self.copy.reserves[index] = self.original.reserves[index];
        for debt in account.positions().iter().filter(|position| position.is_debt()) {
            // New risk takes the report of a loss back.
            self.copy.reserves[debt.reserve as usize] = self.original.reserves[debt.reserve as usize];
        }
        action(&mut self.copy.ledger(self.now), &mut account.clone())
    }
}
