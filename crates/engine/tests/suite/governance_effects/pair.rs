//! Two markets with one history, but that in one of them somebody in office changes parameters at once. What that may do is said
//! by what users can do then in one and in the other, not by the parameters.

use super::{DOLLAR, edits::Wish};
use crate::common::{AUTHORITY, Action, EXPONENT, Outcome, Size, World, lend};
use ballast_engine::{
    Error, Result,
    health::{Health, Requirement, account::equity},
    ledger::{EVERYTHING, Ledger, liquidation::Liquidation},
    number::units::Usd,
    price::feed::{PriceUpdate, Source},
    record::layout::Address,
    state::{
        account::{MarginAccount, Side},
        change::Change,
    },
};

/// Who may take risk away within bounds.
pub const COUNCIL: Address = Address([8; 32]);
/// The user without an account of before.
pub const NEWCOMER: usize = 5;
/// The user with deposits that are small and no debts.
pub const SMALL: usize = 4;
const RESERVES: std::ops::Range<u8> = 0..4;

pub struct Pair {
    /// Where nothing is changed but what has waited.
    pub idle: World,
    /// Where what may be done at once is done besides.
    pub governed: World,
    /// When it was done first.
    since: Option<i64>,
    /// The fastest that any reserve has ramped.
    fastest: u16,
}

/// An action on copies, which are thrown away.
fn would<T>(world: &World, user: usize, act: impl FnOnce(&mut Ledger, &mut MarginAccount) -> Result<T>) -> Result<T> {
    let (mut market, mut reserves, mut account) = (world.market, world.reserves.clone(), world.accounts[user]);
    act(&mut Ledger { market: &mut market, reserves: &mut reserves, now: world.now }, &mut account)
}

/// The largest amount of up to `most` that is accepted, as far as halving finds it.
fn largest(most: u64, accepts: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, most);
    if accepts(most) {
        return most;
    }
    while high - low > 1 + low / 1_000_000 {
        let middle = low + (high - low) / 2;
        if accepts(middle) { low = middle } else { high = middle }
    }
    low
}

/// Publishes a price now, by whatever feeds the reserve is configured for; nothing happens if it is refused.
fn publish(world: &mut World, reserve: u8, [price, confidence, ema]: [i64; 3]) -> Result<()> {
    let oracle = world.reserves[reserve as usize].config.oracle;
    let of = |feed_id: Address, address: Address, [price, confidence, ema_price]: [i64; 3], exponent: i32| {
        let confidence = confidence as u64;
        let publish_time = world.now;
        Source {
            address,
            update: PriceUpdate {
                feed_id: feed_id.0,
                price,
                confidence,
                exponent,
                publish_time,
                prev_publish_time: publish_time - 1,
                ema_price,
            },
        }
    };
    let first = of(oracle.feed_id, oracle.feed_account, [price, confidence, ema], EXPONENT);
    let one = of(oracle.base_feed_id, oracle.base_feed_account, [100_000_000, 0, 100_000_000], -8);
    let base = (!oracle.base_feed_id.is_none()).then_some(one);
    world.act(0, |ledger, _| ledger.refresh_price(reserve, &first, base.as_ref())).map(drop)
}

impl World {
    pub fn refresh_all_reserves(&mut self) {
        RESERVES.for_each(|reserve| self.act(0, |ledger, _| ledger.refresh_reserve(reserve)).map(drop).unwrap());
    }

    fn maintenance(&self, user: usize) -> Health {
        self.health(user, Requirement::Maintenance).unwrap()
    }

    /// A loan of a user who has just deposited so many 10^-4 USD of a reserve's token; `None` if nobody may.
    fn with_newcomer(&self, collateral: u8, value: u64) -> Option<Self> {
        let (mut world, amount) = (self.clone(), self.atoms(collateral, value));
        world.act(NEWCOMER, |ledger, account| lend(ledger, account, collateral, amount)).ok().map(|_| world)
    }
}

/// What a liquidation came to; of an error, which.
type Taken = Result<Liquidation>;

fn take_all(world: &World, user: usize, debt: u8, collateral: u8) -> Taken {
    would(world, user, |ledger, account| ledger.liquidate(account, debt, collateral, EVERYTHING, 0))
}

impl Pair {
    pub fn new(world: World) -> Self {
        let mut pair = Self { idle: world.clone(), governed: world, since: None, fastest: 0 };
        pair.note_ramps();
        pair
    }

    fn note_ramps(&mut self) {
        let ramps = self.idle.reserves.iter().chain(&self.governed.reserves).map(|reserve| reserve.config.risk.ramp.0);
        self.fastest = ramps.fold(self.fastest, u16::max);
    }

    fn both(&mut self, act: impl Fn(&mut World)) {
        [&mut self.idle, &mut self.governed].into_iter().for_each(act);
    }

    /// Seconds pass, and all prices are published again. The reserve refresh before has both ramp; the refresh samples then.
    pub fn wait(&mut self, seconds: i64) {
        self.both(|world| {
            world.now += seconds;
            world.refresh_all_reserves();
            for reserve in RESERVES {
                let price = world.prices[reserve as usize];
                let _ = publish(world, reserve, [price, 0, price]);
            }
        });
        self.compare();
    }

    /// A price moves. It is taken over in both, or in none.
    pub fn price(&mut self, reserve: u8, factor: u64, confidence: u64, ema: u64) {
        let publish = |world: &mut World| {
            world.now += 1;
            let price =
                (world.prices[reserve as usize] as i128 * factor as i128 / 10_000).clamp(100_000, 1 << 52) as i64;
            let of_price = |bps: u64| (price as i128 * bps as i128 / 10_000) as i64;
            let is_taken = publish(world, reserve, [price, of_price(confidence), of_price(ema)]);
            if is_taken.is_ok() {
                world.prices[reserve as usize] = price;
            }
            is_taken
        };
        assert_eq!(publish(&mut self.idle), publish(&mut self.governed), "a price is taken over as before");
        self.compare();
    }

    /// Has somebody in office change something at once, in one of the two. Whatever takes effect moves nothing at this instant
    /// but what new risk is judged by.
    pub fn at_once(&mut self, signer: Address, wish: &Wish) -> bool {
        self.both(World::refresh_all_reserves);
        let before = self.governed.clone();
        let (target, edits) = (wish.target(), wish.edits(&before));
        let set = self.governed.act(0, |ledger, _| ledger.set_parameters(&signer, target, &edits, &mut |_, _| ()));
        if set.is_err() {
            return false;
        }
        assert!(signer == AUTHORITY || signer == COUNCIL, "nobody else changes anything");
        self.governed.refresh_all_reserves();
        self.since.get_or_insert(self.governed.now);
        assert_nothing_moves(&before, &self.governed);
        self.compare();
        true
    }

    /// Executes, in both, a change that has waited. If one of them refuses it, neither makes it.
    pub fn waited(&mut self, wish: &Wish) {
        self.both(World::refresh_all_reserves);
        let edits = wish.edits(&self.idle);
        let mut change = Change {
            target: wish.target(),
            length: edits.len() as u16,
            launched: 1,
            latest: i64::MAX,
            ..Change::default()
        };
        change.data[..edits.len()].copy_from_slice(&edits);
        let (mut idle, mut governed) = (self.idle.clone(), self.governed.clone());
        let execute = |world: &mut World| world.act(0, |ledger, _| ledger.execute_change(&change, &mut |_, _| ()));
        if execute(&mut idle).is_ok() && execute(&mut governed).is_ok() {
            (self.idle, self.governed) = (idle, governed);
            self.note_ramps();
            self.both(World::refresh_all_reserves);
            self.compare();
        }
    }

    /// What a user does, in both. It happens where it is the same in both.
    pub fn act(&mut self, action: Action) {
        let (mut idle, mut governed) = (self.idle.clone(), self.governed.clone());
        let (before, after) = (action.run(&mut idle), action.run(&mut governed));
        let is_same = before.is_ok() && before == after;
        match action {
            Action::Borrow(user, reserve, size) if after.is_ok() && before.is_err() => {
                self.assert_nearly(user, reserve, self.idle.size(reserve, size), &before, |ledger, account, amount| {
                    ledger.borrow(account, reserve, amount).map(drop)
                });
            }
            Action::Withdraw(user, reserve, size) => {
                let reserve = self.idle.place(user, Side::Deposit, reserve);
                if !self.idle.accounts[user].has_debt() {
                    assert!(
                        is_same || before.is_err() && after.is_err(),
                        "who owes nothing leaves as before: {before:?} {after:?}"
                    );
                } else if after.is_ok() && before.is_err() {
                    self.assert_nearly(
                        user,
                        reserve,
                        self.idle.size(reserve, size),
                        &before,
                        |ledger, account, amount| ledger.withdraw(account, reserve, amount).map(drop),
                    );
                }
            }
            Action::Deposit(..) | Action::Stake(..) | Action::FlashLoan(..) => {
                // Beyond the cap, who is in need now: it is collateral for debts that there are.
                let is_rescue = before == Err(Error::DepositCapExceeded);
                assert!(before.is_ok() || after.is_err() || is_rescue, "{action:?} was refused with {before:?}");
                assert!(is_same || before.is_err() || after.is_err(), "{action:?} costs what it did");
            }
            Action::Repay(..) | Action::BeginUnstake(..) | Action::Unstake(..) | Action::Settle(..) => {
                assert!(is_same || before.is_err() && after.is_err(), "{action:?}: {before:?}, now {after:?}");
            }
            Action::Liquidate { user, .. } | Action::Receivership { user, .. } => {
                self.judge_liquidation(user, before, after)
            }
            _ => {}
        }
        if is_same {
            (self.idle, self.governed) = (idle, governed);
            self.compare();
        }
    }

    /// What a borrower has deposited falls; then he is liquidated, and what he still owes is written off.
    pub fn crash(&mut self, user: usize, factor: u64, ema: u64) {
        let of_side = |world: &World, side: Side| -> Vec<u8> {
            let positions = world.accounts[user].positions().iter().filter(|position| position.side == side as u8);
            positions.map(|position| position.reserve).collect()
        };
        of_side(&self.idle, Side::Deposit).into_iter().for_each(|reserve| self.price(reserve, factor, 0, ema));
        for debt in of_side(&self.idle, Side::Debt) {
            for collateral in of_side(&self.idle, Side::Deposit).repeat(2) {
                self.act(Action::Liquidate { user, debt, collateral, max_repay: Size::Everything });
            }
            self.act(Action::Settle(user, debt));
        }
    }

    /// What is allowed in the governed market is allowed in the other, but for a step of the ramp, which starts earlier there.
    fn assert_nearly(
        &self,
        user: usize,
        reserve: u8,
        amount: u64,
        refused: &Result<Outcome>,
        act: impl Fn(&mut Ledger, &mut MarginAccount, u64) -> Result<()>,
    ) {
        let held = equity(&self.idle.accounts[user], &self.idle.reserves, self.idle.now).unwrap().collateral;
        let price = &self.idle.reserves[reserve as usize].price;
        let steps = price.atoms_ceil(Usd(held.0 * 3 / 10_000), price.spot);
        let less = amount.saturating_sub(amount / 500).saturating_sub(steps);
        let is_allowed = less == 0 || would(&self.idle, user, |ledger, account| act(ledger, account, less)).is_ok();
        assert!(is_allowed, "{amount} of {reserve} by {user} was refused ({refused:?})");
    }

    /// A liquidation is no later than it was, and no dearer where the account's health is the same.
    fn judge_liquidation(&self, user: usize, before: Result<Outcome>, after: Result<Outcome>) {
        let (old, new) = (&self.idle.accounts[user], &self.governed.accounts[user]);
        let is_as_before = self.idle.maintenance(user) == self.governed.maintenance(user)
            && old.liquidatable_since == new.liquidatable_since;
        // Debts of healthy accounts that are due wait for prices good enough for new risk.
        if is_as_before && after != Err(Error::PriceUnsettled) {
            assert_eq!(before, after);
        }
        if before.is_ok() {
            assert_ne!(after, Err(Error::AccountIsHealthy));
        }
    }

    /// Books are the same, and nobody's maintenance is looser, or tighter than the ramp has had time for.
    fn compare(&self) {
        let (idle, governed) = (&self.idle, &self.governed);
        assert_eq!(idle.prices, governed.prices);
        for (old, new) in idle.reserves.iter().zip(&governed.reserves) {
            assert_eq!((old.cash, old.claimable, old.insurance), (new.cash, new.claimable, new.insurance));
            assert_eq!((old.deposit_shares, old.debt_shares), (new.deposit_shares, new.debt_shares));
            assert_eq!((old.deposit_index, old.debt_index), (new.deposit_index, new.debt_index));
            assert_eq!((old.borrow_rate, old.deposit_growth), (new.borrow_rate, new.deposit_growth));
        }
        let passed = self.since.map_or(0, |since| governed.now - since + 600);
        let steps = (passed as u128 * self.fastest as u128 / 4_200 + 3).min(10_000);
        for user in 0..idle.accounts.len() {
            assert_eq!(idle.accounts[user].positions(), governed.accounts[user].positions());
            let (old, new) = (idle.maintenance(user), governed.maintenance(user));
            let worth = equity(&idle.accounts[user], &idle.reserves, idle.now).unwrap();
            // A step of the ramp, which may have begun earlier.
            let (of_collateral, of_debt) = (worth.collateral.0 * 3 / 10_000 + 2, worth.debt.0 * 3 / 10_000 + 2);
            assert!(new.collateral.0 <= old.collateral.0 + of_collateral, "{user}: {old:?}, now {new:?}");
            assert!(new.debt.0 + of_debt >= old.debt.0, "{user}: {old:?}, now {new:?}");
            // The weight, the haircut and the depth of a position, and the confidence at most 2 % of the price.
            let (less, more) = (worth.collateral.0 * steps * 7 / 20_000, worth.debt.0 * steps * 2 / 10_000);
            assert!(new.collateral.0 + less + 2 >= old.collateral.0, "{user}: {old:?}, now {new:?} after {passed} s");
            assert!(new.debt.0 <= old.debt.0 + more + 2, "{user}: {old:?}, now {new:?} after {passed} s");
        }
        assert!(governed.market.reduce_only >= idle.market.reduce_only, "losses stop new debts as they did");
    }

    /// The largest loans and withdrawals of everyone, and of somebody who comes now, are no larger than they were.
    pub fn compare_new_risk(&self, value: u64) {
        for user in 0..NEWCOMER {
            let has_debt = self.governed.accounts[user].has_debt();
            for reserve in RESERVES {
                self.compare_largest(&self.idle, &self.governed, user, reserve, false);
                if has_debt {
                    self.compare_largest(&self.idle, &self.governed, user, reserve, true);
                }
            }
        }
        for collateral in RESERVES {
            let Some(governed) = self.governed.with_newcomer(collateral, value) else { continue };
            let idle = self.idle.with_newcomer(collateral, value).expect("what may be deposited there may be here");
            RESERVES.for_each(|debt| self.compare_largest(&idle, &governed, NEWCOMER, debt, false));
        }
    }

    fn compare_largest(&self, idle: &World, governed: &World, user: usize, reserve: u8, withdraws: bool) {
        let act = |ledger: &mut Ledger, account: &mut MarginAccount, amount: u64| match withdraws {
            true => ledger.withdraw(account, reserve, amount).map(drop),
            false => ledger.borrow(account, reserve, amount).map(drop),
        };
        let accepts = |amount| would(governed, user, |ledger, account| act(ledger, account, amount)).is_ok();
        let most = largest(governed.reserves[reserve as usize].cash, accepts);
        if most == 0 {
            return;
        }
        if let Err(error) = would(idle, user, |ledger, account| act(ledger, account, most)) {
            let pair = Self { idle: idle.clone(), governed: governed.clone(), since: None, fastest: 0 };
            pair.assert_nearly(user, reserve, most, &Err(error), act);
        }
    }

    /// A run: who has most takes out what he can at once, and then who has little leaves.
    pub fn run_on(&mut self, reserve: u8) {
        for dollars in [20_000, 10_000, 5_000, 2_000, 1_000, 500] {
            self.act(Action::Withdraw(0, reserve, Size::Value(dollars * DOLLAR)));
        }
        self.act(Action::Withdraw(SMALL, reserve, Size::Everything));
    }

    /// Everybody pays and leaves, in both alike: first who has little, then who owes, then who has most.
    pub fn leave(&mut self, owed: u64) {
        for user in [SMALL, 1, 2, 3, 0] {
            for reserve in RESERVES {
                self.act(Action::Repay(user, reserve, Size::Value(owed)));
                self.act(Action::Repay(user, reserve, Size::Everything));
            }
            for reserve in RESERVES {
                self.act(Action::Withdraw(user, reserve, Size::Value(owed)));
                self.act(Action::Withdraw(user, reserve, Size::Everything));
            }
        }
    }
}

/// At the instant of a change: nobody is nearer to liquidation, none is dearer or weaker, debts and deposits grow as they did, and
/// who owes nothing gets out as before.
fn assert_nothing_moves(before: &World, after: &World) {
    for user in 0..before.accounts.len() {
        assert_eq!(before.maintenance(user), after.maintenance(user), "{user}");
        for debt in RESERVES {
            for collateral in RESERVES {
                let (old, new) = (take_all(before, user, debt, collateral), take_all(after, user, debt, collateral));
                if new != Err(Error::PriceUnsettled) {
                    assert_eq!(old, new, "{user}: {collateral} for {debt}");
                }
            }
            let leave =
                |world: &World| would(world, user, |ledger, account| ledger.withdraw(account, debt, EVERYTHING));
            if !before.accounts[user].has_debt() {
                assert_eq!(leave(before), leave(after), "{user} leaves {debt}");
            }
        }
    }
}
