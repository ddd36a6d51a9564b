//! The rows of perps and pools in the tables of `ballast_engine::state::permission` and `ballast_engine::price::policy`, tried on the
//! bytecode: each instruction in each state, under each pause, and with the underlying's price in each condition.

use ballast_client::{Address, Instruction, instruction::InstructionSpec};
use ballast_engine::{
    Error,
    number::{index::Index, units::Part},
    perps::trade::Order,
    price::{
        breaker::Halt,
        policy::{Condition, FAVOUR_SECONDS},
    },
    state::{
        account::MarginAccount,
        market::Market,
        permission::{Action, REFUSALS, State},
        reserve::Reserve,
    },
};
use ballast_tests::World;

use crate::support::every_instruction_market::EveryInstructionMarket;

/// What holds while an instruction runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Situation {
    In(State),
    Paused(Action),
}

/// What a person expects of an instruction: the states that refuse it, and the action whose pause does.
struct Expected {
    name: &'static str,
    action: Action,
    /// States that do not matter to it change nothing.
    refused: &'static [State],
    paused: Option<Action>,
}

const NEVER: &[State] = &[];
const RECEIVERSHIP: &[State] = &[State::InReceivership];
/// New risk waits in every state but a flash loan's, which nothing of a perp touches.
const NEW_RISK: &[State] = &[
    State::InReceivership,
    State::ReserveReduceOnly,
    State::ReserveWipedOut,
    State::ReserveHalted,
    State::MarketReduceOnly,
    State::OrderRests,
];

#[rustfmt::skip]
const TABLE: [Expected; 14] = [
    Expected { name: "grow", action: Action::GrowPerp, refused: NEW_RISK, paused: Some(Action::Borrow) },
    Expected { name: "trade_perp", action: Action::ReducePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "settle_perp", action: Action::ReducePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "write_off_perp", action: Action::ReducePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "liquidate_perp", action: Action::LiquidatePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "cover_perp_loss", action: Action::LiquidatePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "deleverage_perp", action: Action::ReducePerp, refused: NEVER, paused: None },
    Expected { name: "resolve_perp", action: Action::ReducePerp, refused: NEVER, paused: None },
    Expected { name: "pool_deposit", action: Action::PoolDeposit, refused: RECEIVERSHIP, paused: None },
    Expected { name: "pool_request", action: Action::PoolRequest, refused: &[State::InReceivership, State::OrderRests], paused: None },
    Expected { name: "pool_withdraw", action: Action::PoolWithdraw, refused: &[State::InReceivership, State::OrderRests], paused: Some(Action::Withdraw) },
    Expected { name: "rest_perp_order", action: Action::ReducePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "fill_perp_order", action: Action::ReducePerp, refused: RECEIVERSHIP, paused: None },
    Expected { name: "cancel_perp_order", action: Action::ReducePerp, refused: RECEIVERSHIP, paused: None },
];

/// The market, and each instruction of the table in it.
struct Stage {
    market: EveryInstructionMarket,
    quote: u8,
    underlying: u8,
}

impl Stage {
    fn new() -> Self {
        Self { market: EveryInstructionMarket::new(), quote: 0, underlying: 1 }
    }

    fn instruction(&self, name: &str) -> Instruction {
        if name != "grow" {
            return self.market.valid(spec(name).tag);
        }
        // Who has a deposit alone opens a position.
        let liquidate = self.market.valid(spec("liquidate_perp").tag);
        let trade = self.market.valid(spec("trade_perp").tag);
        let [owner, margin] = ["liquidator", "liquidator_account"].map(|of| account(&liquidate, "liquidate_perp", of));
        let order = Order { perp: trade.data[1], lots: 200_000, limit: 0, min_factor: Part::ZERO, reduce_only: false };
        self.market.world.view().trade_perp(owner, margin, &order).expect("a perp")
    }

    fn send(&self, world: &mut World, name: &str) -> ballast_tests::Outcome {
        world.send(&[self.instruction(name)])
    }
}

fn spec(name: &str) -> InstructionSpec {
    *ballast_client::instruction::ALL.iter().find(|spec| spec.name == name).expect("an instruction")
}

fn account(instruction: &Instruction, of: &str, name: &str) -> Address {
    let at = spec(of).accounts.iter().position(|account| account.name == name).expect("an account");
    instruction.accounts[at].pubkey
}

fn write<T: bytemuck::Pod>(world: &mut World, address: Address, at: usize, change: impl FnOnce(&mut T)) {
    let mut account = world.account(&address);
    change(bytemuck::from_bytes_mut(&mut account.data[at..at + size_of::<T>()]));
    world.set_account(address, account);
}

fn write_reserve(world: &mut World, reserve: u8, change: impl FnOnce(&mut Reserve)) {
    const HEAD: usize = 8 + size_of::<Market>() + 8;
    write(world, world.market, HEAD + reserve as usize * size_of::<Reserve>(), change);
}

/// Brings a state about, by hand: the way there is other suites' matter.
fn enter(stage: &Stage, world: &mut World, situation: Situation, name: &str) {
    let now = world.now();
    let of_account = |world: &mut World, change: fn(&mut MarginAccount)| {
        let named = if name == "grow" { "trade_perp" } else { name };
        if spec(named).accounts.iter().any(|account| account.name == "margin_account") {
            write(world, account(&stage.instruction(name), named, "margin_account"), 8, change);
        }
    };
    match situation {
        Situation::Paused(action) => world.pause(&[action]).map_ok(),
        Situation::In(State::InReceivership) => of_account(world, |account| account.in_receivership = 1),
        // An order of its own it may have already.
        Situation::In(State::OrderRests) => of_account(world, |account| account.order.lots |= 1),
        Situation::In(State::FlashLoanOpen) => write_reserve(world, stage.quote, |reserve| reserve.flash_loan = 1),
        Situation::In(State::ReserveReduceOnly) => {
            write_reserve(world, stage.quote, |reserve| reserve.config.reduce_only = 1);
        }
        Situation::In(State::ReserveWipedOut) => {
            write_reserve(world, stage.quote, |reserve| reserve.deposit_index = Index::ZERO);
        }
        Situation::In(State::ReserveHalted) => write_reserve(world, stage.quote, |reserve| {
            reserve.halt = Halt { until: now + 600, tripped: now, tier: 2, ..Halt::default() };
        }),
        Situation::In(State::MarketReduceOnly) => {
            write(world, world.market, 8, |market: &mut Market| market.reduce_only = 1);
        }
    }
}

/// `expect_ok` for closures that return nothing.
trait Succeeds {
    fn map_ok(self);
}

impl Succeeds for ballast_tests::Outcome {
    fn map_ok(self) {
        self.expect_ok();
    }
}

/// What cannot be done with deposits that a loss consumed, for want of money and not for the state.
fn needs_money(name: &str, situation: Situation) -> bool {
    situation == Situation::In(State::ReserveWipedOut)
        && !["resolve_perp", "pool_request", "rest_perp_order", "cancel_perp_order"].contains(&name)
}

/// An order that rests keeps another from resting, by a rule of its own.
fn rests_twice(name: &str, situation: Situation) -> bool {
    situation == Situation::In(State::OrderRests) && ["rest_perp_order", "pool_deposit"].contains(&name)
}

#[test]
fn every_perp_instruction_does_in_every_state_what_the_tables_say() {
    let stage = Stage::new();
    let states = REFUSALS.iter().map(|(state, ..)| Situation::In(*state));
    let pauses = [Action::Withdraw, Action::Borrow, Action::BeginFlashLoan, Action::Unstake].map(Situation::Paused);
    let situations: Vec<_> = states.chain(pauses).collect();
    for Expected { name, action, refused, paused } in &TABLE {
        stage.send(&mut stage.market.world.fork(), name).expect_ok();
        for situation in situations.iter().copied() {
            let expected = match situation {
                Situation::In(state) => refused.contains(&state).then_some(REFUSALS[state as usize].1),
                Situation::Paused(other) => (*paused == Some(other)).then_some(Error::Paused),
            };
            // The engine's own table says the same.
            match situation {
                Situation::In(state) if refused != &NEVER => {
                    assert_eq!(state.refuses(*action), expected.is_some(), "{name} in {situation:?}");
                }
                Situation::Paused(other) if refused != &NEVER => {
                    let bits = action.pause_bit() & other.pause_bit();
                    assert_eq!(bits != 0, expected.is_some(), "{name} in {situation:?}");
                }
                _ => {}
            }
            if expected.is_none() && (needs_money(name, situation) || rests_twice(name, situation)) {
                continue;
            }
            let mut world = stage.market.world.fork();
            enter(&stage, &mut world, situation, name);
            let outcome = stage.send(&mut world, name);
            let got = outcome.engine_error();
            assert!(
                got == expected && outcome.is_ok() == expected.is_none(),
                "{name} in {situation:?}: expected {expected:?}, got {}",
                outcome.describe()
            );
        }
    }
}

/// What a price in a condition is good for.
#[derive(Clone, Copy)]
enum Needs {
    /// New risk: recent, settled and not moving.
    Growth,
    /// A way out: recent.
    Closing,
    /// Coming into a pool: recent and settled.
    Entry,
    /// None.
    Nothing,
}

impl Needs {
    fn refuses(self, condition: Condition) -> Option<Error> {
        let old = matches!(condition, Condition::NeverPriced | Condition::Stale | Condition::Dead);
        let unsettled = matches!(condition, Condition::WideConfidence | Condition::FarFromAverage);
        match self {
            Self::Nothing => None,
            _ if old => Some(Error::PriceStale),
            Self::Closing => None,
            Self::Growth if condition == Condition::Moving => Some(Error::PriceUnsettled),
            _ if unsettled => Some(Error::PriceUnsettled),
            _ => (condition == Condition::Halted).then_some(Error::ReserveHalted),
        }
    }
}

/// An account's prices are of one moment; a perp's is its own, so none is of another.
const CONDITIONS: [Condition; 7] = [
    Condition::Fresh,
    Condition::Stale,
    Condition::Dead,
    Condition::WideConfidence,
    Condition::FarFromAverage,
    Condition::Moving,
    Condition::Halted,
];

fn set_condition(stage: &Stage, world: &mut World, condition: Condition) {
    let now = world.now();
    write_reserve(world, stage.underlying, |reserve| match condition {
        Condition::Stale => reserve.price.fresh_until = now - 1,
        Condition::Dead => reserve.price.fresh_until = now - FAVOUR_SECONDS - 1,
        settled => reserve.price.condition = settled as u8,
    });
    assert_eq!(world.reserve(stage.underlying).price.condition(now), condition);
}

#[test]
fn every_perp_instruction_reads_every_price_as_the_table_says() {
    let stage = Stage::new();
    for (name, needs) in [
        ("grow", Needs::Growth),
        ("trade_perp", Needs::Closing),
        ("settle_perp", Needs::Closing),
        ("liquidate_perp", Needs::Closing),
        ("deleverage_perp", Needs::Closing),
        ("rest_perp_order", Needs::Closing),
        ("cancel_perp_order", Needs::Nothing),
        ("write_off_perp", Needs::Nothing),
        ("resolve_perp", Needs::Nothing),
        ("pool_deposit", Needs::Entry),
        ("pool_request", Needs::Nothing),
        ("pool_withdraw", Needs::Closing),
    ] {
        for condition in CONDITIONS {
            let mut world = stage.market.world.fork();
            set_condition(&stage, &mut world, condition);
            let outcome = stage.send(&mut world, name);
            let expected = needs.refuses(condition);
            assert!(
                outcome.engine_error() == expected && outcome.is_ok() == expected.is_none(),
                "{name}, {condition:?}: expected {expected:?}, got {}",
                outcome.describe()
            );
        }
    }
}
