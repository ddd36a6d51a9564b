//! One second of people without capital: whatever they bring they take out again before it is over.

use super::{World, lend, update};
use ballast_engine::{Error, Result, ledger::EVERYTHING, price::feed::PriceUpdate, state::account::Side};
use proptest::prelude::*;

/// Who has no capital: two accounts and a stake in one hand.
pub const STRANGERS: [usize; 2] = [4, 5];
/// Reserve of their stake.
pub const STAKED: u8 = 0;

/// What they do. Reserves and users count modulo those that there are.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// 10^-4 USD.
    Deposit(usize, u8, u64),
    /// Basis points of what is there.
    Withdraw(usize, u8, u64),
    /// Basis points of the reserve's cash.
    Borrow(usize, u8, u64),
    /// Basis points of what is owed.
    Repay(usize, u8, u64),
    /// Basis points of the reserve's cash.
    BeginFlashLoan(u8, u64),
    EndFlashLoan(u8),
    /// Takes the stake out, and puts it in again.
    Unstake,
    Stake,
    RefreshReserve(u8),
    /// A price that was published since the last, of so many basis points of it.
    Refresh(u8, u64),
}

/// What happened: the flows of people without capital, and what anyone else may do too.
#[derive(Clone, Copy, Debug)]
pub enum Done {
    Flow,
    RefreshReserve(u8),
    Refresh(u8, PriceUpdate),
}

/// A hand and what it holds of each reserve's token, and its shares in the insurance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hand {
    pub tokens: [i128; 4],
    pub unstaked: u64,
}

fn part(whole: u64, bps: u64) -> u64 {
    (whole as u128 * bps as u128 / 10_000) as u64
}

impl Step {
    /// Takes a step; an error leaves everything as it was.
    pub fn take(self, world: &mut World, hand: &mut Hand) -> Result<Done> {
        let flow = |hand: &mut Hand, reserve: u8, amount: i128| {
            hand.tokens[reserve as usize] += amount;
            Ok(Done::Flow)
        };
        match self {
            Self::Deposit(user, reserve, value) => {
                // Windows count 2^62 atoms at most.
                let amount = world.atoms(reserve, value).min(1 << 56);
                let done = world.act(user, |ledger, account| lend(ledger, account, reserve, amount))?;
                flow(hand, reserve, -(done.amount as i128))
            }
            Self::Withdraw(user, reserve, bps) => {
                let reserve = world.place(user, Side::Deposit, reserve);
                let shares = world.accounts[user].shares(reserve, Side::Deposit)?;
                let held = world.reserves[reserve as usize].deposit_index.amount_floor(shares);
                let amount = if bps == 10_000 { EVERYTHING } else { part(held, bps) };
                let done = world.act(user, |ledger, account| ledger.withdraw(account, reserve, amount))?;
                flow(hand, reserve, done.amount as i128)
            }
            Self::Borrow(user, reserve, bps) => {
                let amount = part(world.reserves[reserve as usize].cash, bps);
                let done = world.act(user, |ledger, account| ledger.borrow(account, reserve, amount))?;
                flow(hand, reserve, done.amount as i128)
            }
            Self::Repay(user, reserve, bps) => {
                let reserve = world.place(user, Side::Debt, reserve);
                let shares = world.accounts[user].shares(reserve, Side::Debt)?;
                let owed = world.reserves[reserve as usize].debt_index.amount_ceil(shares);
                let amount = if bps == 10_000 { EVERYTHING } else { part(owed, bps) };
                let done = world.act(user, |ledger, account| ledger.repay(account, reserve, amount))?;
                flow(hand, reserve, -(done.amount as i128))
            }
            Self::BeginFlashLoan(reserve, bps) => {
                let amount = part(world.reserves[reserve as usize].cash, bps);
                world.act(STRANGERS[0], |ledger, _| ledger.begin_flash_loan(reserve, amount))?;
                flow(hand, reserve, amount as i128)
            }
            Self::EndFlashLoan(reserve) => {
                let loan = world.act(STRANGERS[0], |ledger, _| ledger.end_flash_loan(reserve))?;
                flow(hand, reserve, -((loan.amount + loan.fee) as i128))
            }
            Self::Unstake => {
                let done = world.act_on_stake(STRANGERS[0], STAKED, |ledger, stake| ledger.unstake(stake))?;
                hand.unstaked = done.amount;
                flow(hand, STAKED, done.amount as i128)
            }
            Self::Stake => {
                let amount = hand.unstaked;
                let done = world.act_on_stake(STRANGERS[0], STAKED, |ledger, stake| ledger.stake(stake, amount))?;
                hand.unstaked = 0;
                flow(hand, STAKED, -(done.amount as i128))
            }
            Self::RefreshReserve(reserve) => refresh_reserve(world, reserve).map(|()| Done::RefreshReserve(reserve)),
            Self::Refresh(reserve, bps) => {
                let price = (world.prices[reserve as usize] as i128 * bps as i128 / 10_000) as i64;
                // A second after the one that is held.
                let time = world.reserves[reserve as usize].price.publish_time + 1;
                if time > world.now {
                    return Err(Error::PriceInFuture);
                }
                let update = update(reserve, price, time);
                refresh(world, reserve, &update);
                Ok(Done::Refresh(reserve, update))
            }
        }
    }
}

pub fn refresh_reserve(world: &mut World, reserve: u8) -> Result<()> {
    world.act(0, |ledger, _| ledger.refresh_reserve(reserve)).map(drop)
}

pub fn refresh(world: &mut World, reserve: u8, update: &PriceUpdate) {
    if world.publish(reserve, update).is_ok() {
        world.prices[reserve as usize] = update.price;
    }
}

/// Ends all loans, repays all debts, takes everything out and puts the stake back.
pub fn close(world: &mut World, hand: &mut Hand) -> Result<()> {
    for reserve in 0..4 {
        if world.reserves[reserve as usize].flash_loan != 0 {
            Step::EndFlashLoan(reserve).take(world, hand)?;
        }
    }
    for side in [Side::Debt, Side::Deposit] {
        for user in STRANGERS {
            while let Some(position) = world.accounts[user].positions().iter().find(|p| p.side == side as u8).copied() {
                let step = if side == Side::Debt { Step::Repay } else { Step::Withdraw };
                step(user, position.reserve, 10_000).take(world, hand)?;
            }
        }
    }
    if hand.unstaked != 0 {
        Step::Stake.take(world, hand)?;
    }
    Ok(())
}

/// The most that a user can borrow.
pub fn most(world: &World, user: usize, reserve: u8) -> u64 {
    let fits = |amount: u64| world.clone().act(user, |ledger, account| ledger.borrow(account, reserve, amount)).is_ok();
    highest(world.reserves[reserve as usize].cash, fits)
}

/// The most that a user can withdraw.
pub fn most_out(world: &World, user: usize, reserve: u8) -> u64 {
    let fits =
        |amount: u64| world.clone().act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).is_ok();
    highest(world.reserves[reserve as usize].cash, fits)
}

/// The highest number that fits, of those up to `most`; numbers near nothing may be too small.
fn highest(most: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, most);
    if fits(high) {
        return high;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        // A smaller one fits where a larger one does, but for the least.
        if fits(middle) { low = middle } else { high = middle }
    }
    low
}

fn value() -> impl Strategy<Value = u64> {
    // Up to 40 million USD, which is many times what is there.
    (0.0..26.7f64).prop_map(|log| log.exp() as u64 + 1)
}

fn bps() -> impl Strategy<Value = u64> {
    prop_oneof![1 => 1u64..10_000, 1 => Just(10_000u64)]
}

pub fn step() -> impl Strategy<Value = Step> {
    let place = || (prop::sample::select(&STRANGERS[..]), 0u8..4);
    let factor = prop_oneof![3 => 9_900u64..10_100, 1 => 8_000u64..12_500];
    prop_oneof![
        5 => (place(), value()).prop_map(|((user, reserve), value)| Step::Deposit(user, reserve, value)),
        2 => (place(), bps()).prop_map(|((user, reserve), bps)| Step::Withdraw(user, reserve, bps)),
        3 => (place(), bps()).prop_map(|((user, reserve), bps)| Step::Borrow(user, reserve, bps)),
        2 => (place(), bps()).prop_map(|((user, reserve), bps)| Step::Repay(user, reserve, bps)),
        1 => (0u8..4, bps()).prop_map(|(reserve, bps)| Step::BeginFlashLoan(reserve, bps)),
        1 => (0u8..4).prop_map(Step::EndFlashLoan),
        1 => Just(Step::Unstake),
        1 => Just(Step::Stake),
        3 => (0u8..4).prop_map(Step::RefreshReserve),
        2 => (0u8..4, factor).prop_map(|(reserve, factor)| Step::Refresh(reserve, factor)),
    ]
}
