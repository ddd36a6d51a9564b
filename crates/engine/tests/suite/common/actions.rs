//! What users do, and how it comes about.

use super::{World, lend, update};
use ballast_engine::{
    Result,
    ledger::{Movement, liquidation::Liquidation},
    number::units::Shares,
    state::account::Side,
};
use proptest::prelude::*;

/// How much an action moves.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    Atoms(u64),
    /// 10^-4 USD.
    Value(u64),
    Everything,
}

#[derive(Clone, Copy, Debug)]
pub enum Action {
    Deposit(usize, u8, Size),
    Withdraw(usize, u8, Size),
    Borrow(usize, u8, Size),
    Repay(usize, u8, Size),
    Liquidate {
        user: usize,
        debt: u8,
        collateral: u8,
        max_repay: Size,
    },
    /// [`Self::Liquidate`] in two parts, one after the other.
    Receivership {
        user: usize,
        debt: u8,
        collateral: u8,
        max_repay: Size,
    },
    Mark(usize),
    Report(usize),
    Settle(usize, u8),
    Collect(u8),
    /// Taken and paid back.
    FlashLoan(u8, Size),
    Stake(usize, u8, Size),
    /// So many of all shares, of 10,000.
    BeginUnstake(usize, u8, u64),
    Unstake(usize, u8),
    RefreshReserve(u8),
    Pause(u8),
    Resume,
    /// Multiplies the price by so many basis points, with a confidence and an EMA given in basis points of it.
    Price {
        reserve: u8,
        factor: u64,
        confidence: u64,
        ema: u64,
    },
    /// Seconds pass and all prices are published again.
    Wait(i64),
}

/// What a successful action did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Tokens moved from or to the user; of a flash loan, the fee.
    Moved {
        reserve: u8,
        amount: u64,
    },
    Liquidated(Liquidation),
    Other,
}

impl World {
    /// The reserves and the amount of a liquidation of positions that there are.
    fn order(&self, user: usize, debt: u8, collateral: u8, max_repay: Size) -> (u8, u8, u64) {
        let (debt, collateral) = (self.place(user, Side::Debt, debt), self.place(user, Side::Deposit, collateral));
        (debt, collateral, self.size(debt, max_repay))
    }
}

impl Action {
    /// Carries it out; an error leaves the world as it was.
    pub fn run(self, world: &mut World) -> Result<Outcome> {
        let moved = |reserve| move |movement: Movement| Outcome::Moved { reserve, amount: movement.amount };
        match self {
            Self::Deposit(user, reserve, size) => {
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| lend(ledger, account, reserve, amount)).map(moved(reserve))
            }
            Self::Withdraw(user, reserve, size) => {
                let reserve = world.place(user, Side::Deposit, reserve);
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).map(moved(reserve))
            }
            Self::Borrow(user, reserve, size) => {
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.borrow(account, reserve, amount)).map(moved(reserve))
            }
            Self::Repay(user, reserve, size) => {
                let reserve = world.place(user, Side::Debt, reserve);
                let amount = world.size(reserve, size);
                world.act(user, |ledger, account| ledger.repay(account, reserve, amount)).map(moved(reserve))
            }
            Self::Liquidate { user, debt, collateral, max_repay } => {
                let (debt, collateral, amount) = world.order(user, debt, collateral, max_repay);
                world
                    .act(user, |ledger, account| ledger.liquidate(account, debt, collateral, amount, 0))
                    .map(Outcome::Liquidated)
            }
            Self::Receivership { user, debt, collateral, max_repay } => {
                let (debt, collateral, amount) = world.order(user, debt, collateral, max_repay);
                world
                    .act(user, |ledger, account| {
                        let done = ledger.begin_liquidation(account, debt, collateral, amount, 0)?;
                        assert_eq!(ledger.end_liquidation(account), Ok((debt, done.paid())));
                        Ok(done)
                    })
                    .map(Outcome::Liquidated)
            }
            Self::Mark(user) => {
                world.act(user, |ledger, account| ledger.mark_liquidatable(account)).map(|_| Outcome::Other)
            }
            Self::Report(user) => {
                world.act(user, |ledger, account| ledger.report_loss(account)).map(|_| Outcome::Other)
            }
            Self::Settle(user, reserve) => {
                let reserve = world.place(user, Side::Debt, reserve);
                world.act(user, |ledger, account| ledger.settle_bad_debt(account, reserve)).map(|_| Outcome::Other)
            }
            Self::Collect(reserve) => {
                world.act(0, |ledger, _| ledger.collect_fees(reserve)).map(|amount| Outcome::Moved { reserve, amount })
            }
            Self::FlashLoan(reserve, size) => {
                let amount = world.size(reserve, size);
                let loan = world.act(0, |ledger, _| {
                    let loan = ledger.begin_flash_loan(reserve, amount)?;
                    assert_eq!(ledger.end_flash_loan(reserve)?, loan);
                    Ok(loan)
                })?;
                Ok(Outcome::Moved { reserve, amount: loan.fee })
            }
            Self::Stake(user, reserve, size) => {
                let amount = world.size(reserve, size);
                world.act_on_stake(user, reserve, |ledger, stake| ledger.stake(stake, amount)).map(moved(reserve))
            }
            Self::BeginUnstake(user, reserve, part) => {
                let held = world.stakes[user][reserve as usize].shares.0;
                let shares = Shares((held as u128 * part as u128 / 10_000) as u64);
                world
                    .act_on_stake(user, reserve, |ledger, stake| ledger.begin_unstake(stake, shares))
                    .map(|()| Outcome::Other)
            }
            Self::Unstake(user, reserve) => {
                world.act_on_stake(user, reserve, |ledger, stake| ledger.unstake(stake)).map(moved(reserve))
            }
            Self::RefreshReserve(reserve) => {
                world.act(0, |ledger, _| ledger.refresh_reserve(reserve)).map(|_| Outcome::Other)
            }
            Self::Pause(actions) => world.market.pause.begin(actions, world.now).map(|()| Outcome::Other),
            Self::Resume => world.market.resume(true, world.now).map(|()| Outcome::Other),
            Self::Price { reserve, factor, confidence, ema } => {
                // Of two prices of one second the first stays.
                world.now += 1;
                let old = world.prices[reserve as usize];
                let price = (old as i128 * factor as i128 / 10_000).clamp(1_000, 1_000_000_000_000_000_000) as i64;
                let of_price = |bps: u64| (price as i128 * bps as i128 / 10_000) as i64;
                let mut update = update(reserve, price, world.now);
                (update.confidence, update.ema_price) = (of_price(confidence) as u64, of_price(ema).max(1));
                world.publish(reserve, &update)?;
                world.prices[reserve as usize] = price;
                Ok(Outcome::Other)
            }
            Self::Wait(seconds) => {
                world.now += seconds;
                world.refresh_all();
                Ok(Outcome::Other)
            }
        }
    }
}

pub fn size() -> impl Strategy<Value = Size> + Clone {
    prop_oneof![
        8 => (0.0..28.0f64).prop_map(|log| Size::Value(log.exp() as u64 + 1)),
        1 => (0u64..100).prop_map(Size::Atoms),
        2 => Just(Size::Everything),
    ]
}

/// Actions that change books at one instant: no time, no prices, no liquidations.
pub fn user_action(users: usize) -> impl Strategy<Value = Action> {
    let place = (0..users, 0u8..4, size());
    prop_oneof![
        4 => place.clone().prop_map(|(user, reserve, size)| Action::Deposit(user, reserve, size)),
        2 => place.clone().prop_map(|(user, reserve, size)| Action::Withdraw(user, reserve, size)),
        4 => place.clone().prop_map(|(user, reserve, size)| Action::Borrow(user, reserve, size)),
        2 => place.prop_map(|(user, reserve, size)| Action::Repay(user, reserve, size)),
    ]
}

/// Other actions at one instant that move nobody's deposits and debts.
pub fn side_action(users: usize) -> impl Strategy<Value = Action> {
    let part = prop_oneof![Just(10_000u64), 0u64..10_001];
    prop_oneof![
        3 => (0..users, 0u8..4, size()).prop_map(|(user, reserve, size)| Action::Stake(user, reserve, size)),
        2 => (0..users, 0u8..4, part).prop_map(|(user, reserve, part)| Action::BeginUnstake(user, reserve, part)),
        2 => (0..users, 0u8..4).prop_map(|(user, reserve)| Action::Unstake(user, reserve)),
        2 => (0u8..4, size()).prop_map(|(reserve, size)| Action::FlashLoan(reserve, size)),
        2 => (0u8..4).prop_map(Action::RefreshReserve),
        1 => (0..users).prop_map(Action::Mark),
        2 => (0..users).prop_map(Action::Report),
        1 => (0u8..17).prop_map(Action::Pause),
        1 => Just(Action::Resume),
    ]
}

/// Lending and what follows from it, without insurances and restrictions.
pub fn lending_action(users: usize) -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => user_action(users),
        3 => (0..users, 0u8..4, 0u8..4, size()).prop_map(|(user, debt, collateral, max_repay)| {
            Action::Liquidate { user, debt, collateral, max_repay }
        }),
        1 => (0..users, 0u8..4).prop_map(|(user, reserve)| Action::Settle(user, reserve)),
        1 => (0u8..4).prop_map(Action::Collect),
        2 => (0u8..4, 3_000u64..25_000, 0u64..1_100, 8_500u64..11_500)
            .prop_map(|(reserve, factor, confidence, ema)| Action::Price { reserve, factor, confidence, ema }),
        2 => prop_oneof![
            4 => 1i64..100, 2 => 1i64..3_000_000, 1 => 86_400i64..172_800, 1 => Just(3_000_000_000i64),
        ].prop_map(Action::Wait),
    ]
}

pub fn any_action(users: usize) -> impl Strategy<Value = Action> {
    prop_oneof![
        17 => lending_action(users),
        5 => side_action(users),
        2 => (0..users, 0u8..4, 0u8..4, size()).prop_map(|(user, debt, collateral, max_repay)| {
            Action::Receivership { user, debt, collateral, max_repay }
        }),
    ]
}

/// Adversarial history that leaves little to chance: two lenders, two borrowers near their limit, time, a crash,
/// liquidations and settlements; `seed` picks tokens and depth.
pub fn eventful(seed: u64) -> Vec<Action> {
    let mut state = seed;
    let mut pick = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut actions = Vec::new();
    for reserve in 0..4 {
        actions.push(Action::Deposit(0, reserve, Size::Value(50_000_000 + pick(50_000_000))));
    }
    for user in 1..3 {
        let collateral = pick(4) as u8;
        let debt = (collateral + 1 + pick(3) as u8) % 4;
        actions.push(Action::Deposit(user, collateral, Size::Value(1_000_000 + pick(1_000_000))));
        actions.push(Action::Borrow(user, debt, Size::Value(500_000 + pick(180_000))));
        actions.push(Action::Wait(pick(10_000_000) as i64 + 1));
        actions.push(Action::Price {
            reserve: collateral,
            factor: 1_500 + pick(8_500),
            confidence: pick(500),
            ema: 10_000,
        });
        if pick(2) == 0 {
            actions.push(Action::Report(user));
        }
        for _ in 0..1 + pick(4) {
            let max_repay = if pick(2) == 0 { Size::Everything } else { Size::Value(pick(400_000)) };
            actions.push(Action::Liquidate { user, debt, collateral, max_repay });
        }
        actions.push(Action::Settle(user, debt));
        actions.push(Action::Wait(pick(100_000) as i64 + 1));
    }
    actions
}

/// A random sequence, mostly after an eventful one, that begins with small stakes; part of one is taken out again.
pub fn sequence(users: usize, length: usize) -> impl Strategy<Value = Vec<Action>> {
    let stakes = (0..4).map(|reserve| Action::Stake(0, reserve, Size::Value(100_000)));
    let request = (0u8..4, 1u64..10_001, 86_400i64..300_000);
    (sequence_of(any_action(users), length), request, any::<prop::sample::Index>()).prop_map(
        move |(mut actions, (reserve, part, seconds), at)| {
            let request = [Action::BeginUnstake(0, reserve, part), Action::Wait(seconds), Action::Unstake(0, reserve)];
            let at = at.index(actions.len());
            actions.splice(at..at, request);
            stakes.clone().chain(actions).collect()
        },
    )
}

/// The same of certain actions, without the stakes.
pub fn sequence_of(action: impl Strategy<Value = Action>, length: usize) -> impl Strategy<Value = Vec<Action>> {
    (prop::bool::weighted(0.75), any::<u64>(), prop::collection::vec(action, 1..length)).prop_map(
        |(early, seed, tail)| {
            let mut actions = if early { eventful(seed) } else { Vec::new() };
            actions.extend(tail);
            actions
        },
    )
}
