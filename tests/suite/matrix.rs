//! The table of `ballast_engine::state::permission`, tried on the bytecode. In every state and under every pause, every
//! instruction does what the table says: what the table does not refuse succeeds.

mod every_state_market;

use crate::support::queued_changes::{higher_loss_limit, lower_cap};
use ballast_client::{
    Address, Edits, Instruction, LiquidationOrder, MarketView, TOKEN_PROGRAM,
    instruction::{self as ix, ALL},
};
use ballast_engine::{
    Error,
    health::report::HealthReport,
    ledger::EVERYTHING,
    number::index::Index,
    state::{
        account::{MarginAccount, rights},
        change::OF_MARKET,
        market::Market,
        permission::{Action, REFUSALS, State},
        reserve::{Reserve, ReserveConfig},
    },
};
use ballast_tests::{Outcome, SOL, USD, User, is_of_perps, market_config};
use every_state_market::EveryStateMarket;
use solana_transaction::TransactionError;

/// What each instruction does, or why no state concerns it.
const ACTIONS: [(&str, Result<Action, &str>); ALL.len()] = [
    ("create_market", Err("there is no market yet")),
    ("list_reserve", Err(GOVERNANCE)),
    ("set_parameters", Err(GOVERNANCE)),
    ("open_account", Err(OPENS)),
    ("close_account", Ok(Action::CloseAccount)),
    ("deposit", Ok(Action::Deposit)),
    ("withdraw", Ok(Action::Withdraw)),
    ("borrow", Ok(Action::Borrow)),
    ("repay", Ok(Action::Repay)),
    ("refresh_prices", Err("prices are what lifts a halt")),
    ("liquidate", Ok(Action::Liquidate)),
    ("settle_bad_debt", Ok(Action::SettleBadDebt)),
    ("collect_fees", Ok(Action::CollectFees)),
    ("read_health", Err(READS)),
    ("accept_authority", Err(GOVERNANCE)),
    ("begin_liquidation", Ok(Action::Liquidate)),
    ("end_liquidation", Ok(Action::EndLiquidation)),
    ("mark_liquidatable", Ok(Action::MarkLiquidatable)),
    ("begin_flash_loan", Ok(Action::BeginFlashLoan)),
    ("end_flash_loan", Ok(Action::EndFlashLoan)),
    ("open_stake", Err(OPENS)),
    ("stake", Ok(Action::Stake)),
    ("begin_unstake", Err("it moves nothing, and its cooldown starts whatever happens")),
    ("unstake", Ok(Action::Unstake)),
    ("close_stake", Err("an empty stake has nothing to keep")),
    ("pause", Err("it is a state itself")),
    ("resume", Err("it ends one")),
    ("refresh_reserve", Err("it only lets time pass")),
    ("queue_change", Err(GOVERNANCE)),
    ("execute_change", Err(GOVERNANCE)),
    ("cancel_change", Err(GOVERNANCE)),
    ("close_reserve", Err("an empty reserve has nothing to keep")),
    ("set_delegate", Ok(Action::SetDelegate)),
    ("assert_health", Err(READS)),
    ("assert_sequence", Ok(Action::AssertSequence)),
    ("report_loss", Ok(Action::ReportLoss)),
    ("open_allocation", Err(VAULTS)),
    ("vault_deposit", Err(VAULTS)),
    ("vault_mint", Err(VAULTS)),
    ("vault_redeem", Err(VAULTS)),
    ("vault_withdraw", Err(VAULTS)),
    ("rebalance_vault", Err(VAULTS)),
    ("create_vault", Err(VAULTS)),
    ("request_exit", Err(VAULTS)),
    ("serve_exit", Err(VAULTS)),
    ("cancel_exit", Err(VAULTS)),
    ("claim_exit", Err(VAULTS)),
    ("lock_term", Err(VAULTS)),
    ("free_term", Err(VAULTS)),
    ("end_term", Err(VAULTS)),
    ("collect_vault_fees", Err(VAULTS)),
    ("read_vault", Err(VAULTS)),
    ("list_perp", Err(PERPS)),
    ("trade_perp", Ok(Action::GrowPerp)),
    ("settle_perp", Ok(Action::ReducePerp)),
    ("write_off_perp", Ok(Action::ReducePerp)),
    ("liquidate_perp", Ok(Action::LiquidatePerp)),
    ("cover_perp_loss", Ok(Action::LiquidatePerp)),
    ("deleverage_perp", Err(PERPS)),
    ("resolve_perp", Err(PERPS)),
    ("pool_deposit", Ok(Action::PoolDeposit)),
    ("pool_request", Ok(Action::PoolRequest)),
    ("pool_withdraw", Ok(Action::PoolWithdraw)),
    ("rest_perp_order", Ok(Action::ReducePerp)),
    ("fill_perp_order", Ok(Action::ReducePerp)),
    ("cancel_perp_order", Ok(Action::ReducePerp)),
    ("read_pool", Err(PERPS)),
    ("vault_pool_deposit", Err(VAULTS)),
    ("vault_pool_request", Err(VAULTS)),
    ("vault_pool_withdraw", Err(VAULTS)),
];
const PERPS: &str = "what a state means for a perp is in tests/suite/perps/matrix.rs";
const VAULTS: &str = "what a state means for a vault is in tests/suite/vaults/states.rs";
const GOVERNANCE: &str = "governance must be able to act in every state";
const OPENS: &str = "an empty account changes nothing";
const READS: &str = "it changes nothing";

/// What holds while an instruction runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Situation {
    Normal,
    In(State),
    /// One action's bit, by the guardian.
    Paused(u8),
}

impl Situation {
    fn all() -> Vec<Self> {
        let bits = (0..8).map(|bit| 1 << bit).filter(|bit| Action::PAUSABLE & bit != 0);
        let states = REFUSALS.iter().map(|(state, ..)| Self::In(*state));
        [Self::Normal].into_iter().chain(states).chain(bits.map(Self::Paused)).collect()
    }

    /// What the data say.
    fn refuses(self, action: Action) -> Option<Error> {
        match self {
            Self::In(state) if state.refuses(action) => Some(REFUSALS[state as usize].1),
            Self::Paused(bit) if action.pause_bit() & bit != 0 => Some(Error::Paused),
            _ => None,
        }
    }
}

/// Instructions around others in one transaction.
#[derive(Clone, Default)]
struct Around {
    before: Vec<Instruction>,
    after: Vec<Instruction>,
}

impl Around {
    fn before(instruction: Instruction) -> Self {
        Self { before: vec![instruction], after: Vec::new() }
    }

    fn both([before, after]: [Instruction; 2]) -> Self {
        Self { before: vec![before], after: vec![after] }
    }
}

/// An instruction with what it needs in its transaction.
struct Step {
    instruction: Instruction,
    around: Around,
}

impl Step {
    fn begin([instruction, end]: [Instruction; 2]) -> Self {
        Self { instruction, around: Around { before: Vec::new(), after: vec![end] } }
    }

    fn end([begin, instruction]: [Instruction; 2]) -> Self {
        Self { instruction, around: Around::before(begin) }
    }

    /// The transaction in which it runs inside of `outer`, and where it stands there.
    fn inside(&self, outer: &Around) -> (Vec<Instruction>, usize) {
        let before = [&self.around.before[..], &outer.before].concat();
        let index = before.len();
        let own = std::slice::from_ref(&self.instruction);
        ([&before[..], own, &self.around.after, &outer.after].concat(), index)
    }

    /// The transaction in which it runs without a state: after it, where it ends in the same transaction.
    fn outside(&self, outer: &Around) -> Vec<Instruction> {
        let before = if outer.after.is_empty() { Vec::new() } else { [&outer.before[..], &outer.after].concat() };
        [before, self.inside(&Around::default()).0].concat()
    }
}

impl EveryStateMarket {
    /// The account that a liquidation is begun of while `name` runs on it, which this leaves fit for it.
    fn patient(&self, name: &str) -> (User, u8) {
        match name {
            "settle_bad_debt" | "report_loss" => (self.broke, self.coin),
            "close_account" => (self.even, self.gem),
            _ => (self.sick, self.sol),
        }
    }

    fn receivership(&mut self, (user, collateral): (User, u8), max_repay: u64) -> [Instruction; 2] {
        let order = LiquidationOrder { debt: self.usd, collateral, max_repay, min_collateral: 1 };
        self.world.receivership(self.rich, user.margin, order)
    }

    /// What brings a state about, for `reserve` or for the account that `name` runs on.
    fn enter(&mut self, situation: Situation, name: &str, reserve: u8) -> Around {
        let view = self.world.view();
        match situation {
            // Of the liquidation's own first half, and of the flash loan's, there is one.
            Situation::In(State::InReceivership) if name == "end_liquidation" => Around::default(),
            Situation::In(State::FlashLoanOpen) if name == "end_flash_loan" => Around::default(),
            // Written: see `wipe_out` and `rest_orders`.
            Situation::Normal | Situation::In(State::ReserveWipedOut | State::OrderRests) => Around::default(),
            Situation::In(State::InReceivership) => {
                let is_partial = ["liquidate", "begin_liquidation"].contains(&name);
                let max_repay = if is_partial { 100 * USD } else { u64::MAX };
                Around::both(self.receivership(self.patient(name), max_repay))
            }
            Situation::In(State::FlashLoanOpen) => Around::both(self.world.flash_loan(self.rich, reserve, 1_000)),
            Situation::In(State::ReserveReduceOnly) => {
                let old = view.reserves[reserve as usize].config;
                let edits = Edits::of_reserve(&old, &ReserveConfig { reduce_only: 1, ..old }).at_once;
                Around::before(view.set_parameters(self.world.authority, reserve, edits))
            }
            Situation::In(State::ReserveHalted) => Around::before(self.world.refresh_instruction(&[reserve])),
            Situation::In(State::MarketReduceOnly) => {
                let (user, debt) = self.loss;
                Around::before(view.settle_bad_debt(user.margin, debt).expect(LISTED))
            }
            Situation::Paused(actions) => {
                let guardian = self.world.key("guardian");
                Around::before(ix::Pause { signer: guardian, market: self.world.market, actions }.instruction())
            }
        }
    }
}

const LISTED: &str = "the reserve is listed";

impl EveryStateMarket {
    /// An instruction by its name. In receivership it is one for the account whose liquidation is under way.
    fn step(&mut self, name: &str, in_receivership: bool) -> Step {
        let Self { usd, sol, coin, gem, saver, sick, bust, idle, rich, .. } = *self;
        let account = |healthy: User, patient: User| if in_receivership { patient } else { healthy };
        let user = account(saver, sick);
        let (own_usd, own_sol) = (self.world.tokens(&user.key, usd), self.world.tokens(&user.key, sol));
        let rich_usd = self.world.tokens(&rich, usd);
        let view = self.world.view();
        let world = &mut self.world;
        let instruction = match name {
            "create_market" => MarketView::create(world.authority, 1, market_config()).0,
            "list_reserve" => {
                view.list_reserve(world.payer, self.changes.listing, world.payer, self.changes.mint, TOKEN_PROGRAM)
            }
            "set_parameters" => view.set_parameters(world.authority, usd, lower_cap(&view, usd)),
            "open_account" => view.open_account(rich, world.payer, 1),
            "close_account" => {
                let user = account(idle, self.even);
                view.close_account(user.key, user.margin, world.payer)
            }
            "deposit" => view.deposit(user.key, user.margin, own_sol, sol, SOL).expect(LISTED),
            "withdraw" => {
                // A wiped out deposit is left whole or not at all.
                let (user, amount) = if in_receivership { (sick, SOL / 1_000) } else { (self.lender, EVERYTHING) };
                let destination = world.tokens(&user.key, sol);
                view.withdraw(user.key, user.margin, destination, sol, amount).expect(LISTED)
            }
            "borrow" => view.borrow(user.key, user.margin, own_usd, usd, USD).expect(LISTED),
            "repay" => view.repay(user.key, user.margin, own_usd, usd, USD).expect(LISTED),
            "refresh_prices" => world.refresh_instruction(&[coin, gem]),
            "liquidate" => {
                let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
                view.liquidate(rich, sick.margin, rich_usd, world.tokens(&rich, sol), order).expect(LISTED)
            }
            "settle_bad_debt" => view.settle_bad_debt(account(bust, self.broke).margin, usd).expect(LISTED),
            "report_loss" => view.report_loss(account(bust, self.broke).margin),
            "collect_fees" => view.collect_fees(rich_usd, usd).expect(LISTED),
            "read_health" => view.read_health(user.margin),
            "mark_liquidatable" => view.mark_liquidatable(sick.margin),
            "open_stake" => view.open_stake(rich, world.payer, gem).expect(LISTED),
            "stake" => view.stake(rich, rich, rich_usd, usd, USD).expect(LISTED),
            "begin_unstake" => view.begin_unstake(rich, usd, USD),
            "unstake" => view.unstake(rich, rich_usd, usd).expect(LISTED),
            "close_stake" => view.close_stake(rich, world.payer, self.loss.1),
            "pause" => view.pause(&[Action::Unstake]),
            "resume" => return Step::end([view.pause(&[Action::Unstake]), view.resume(world.authority)]),
            "refresh_reserve" => view.refresh_reserve(usd).expect(LISTED),
            "queue_change" => view.queue_change(world.payer, OF_MARKET, higher_loss_limit(&view)),
            "execute_change" => view.execute_change(rich, &world.change(self.changes.executed)),
            "cancel_change" => view.cancel_change(world.authority, &world.change(self.changes.cancelled)),
            "accept_authority" => view.accept_authority(),
            "close_reserve" => {
                let destination = world.fund(&rich, self.spare, 0);
                view.close_reserve(destination, self.spare).expect(LISTED)
            }
            "set_delegate" => view.set_delegate(user.key, user.margin, rich, rights::BORROW, i64::MAX),
            "assert_health" => view.assert_health(user.margin, HealthReport::EQUITY, 10_000),
            "assert_sequence" => view.assert_sequence(user.key, user.margin, 0),
            "begin_liquidation" => return Step::begin(self.receivership((sick, sol), 100 * USD)),
            "end_liquidation" => return Step::end(self.receivership((sick, sol), 100 * USD)),
            "begin_flash_loan" => return Step::begin(world.flash_loan(rich, usd, USD)),
            "end_flash_loan" => return Step::end(world.flash_loan(rich, usd, USD)),
            _ => panic!("{name} has no step"),
        };
        Step { instruction, around: Around::default() }
    }

    /// The reserves that an instruction uses.
    fn reserves(&self, name: &str, situation: Situation) -> Vec<u8> {
        match name {
            "deposit" | "withdraw" => vec![self.sol],
            // Nothing is left to be taken of a deposit that a loss consumed.
            "liquidate" | "begin_liquidation" | "end_liquidation"
                if situation != Situation::In(State::ReserveWipedOut) =>
            {
                vec![self.usd, self.sol]
            }
            // It is reduce-only as it is, and has nothing to lend.
            "close_reserve" if !matches!(situation, Situation::In(State::ReserveReduceOnly | State::FlashLoanOpen)) => {
                vec![self.spare]
            }
            _ => vec![self.usd],
        }
    }

    /// Writes the index of a reserve whose deposits a loss consumed. A real loss (`losses.rs`) leaves such a reserve without
    /// debts, cash and insurance, and nothing to act on. No instruction can do it between the halves of a pair: the first
    /// half is written too.
    fn wipe_out(&mut self, reserve: u8, name: &str, step: &mut Step) {
        let due = USD;
        let debt = self.usd;
        match name {
            "end_flash_loan" => self.write_reserve(reserve, |reserve| reserve.flash_loan = due),
            "end_liquidation" => self.write_account(self.sick, |account| {
                (account.in_receivership, account.due_reserve, account.due) = (1, debt, due);
            }),
            _ => {}
        }
        if name.starts_with("end_") {
            step.around = Around::default();
        }
        self.write_reserve(reserve, |reserve| reserve.deposit_index = Index::ZERO);
    }

    /// Writes an order into every account.
    fn rest_orders(&mut self) {
        for user in [self.lender, self.saver, self.sick, self.broke, self.even, self.bust, self.idle] {
            self.write_account(user, |account| account.order.lots = 1);
        }
    }

    fn write_reserve(&mut self, reserve: u8, change: impl FnOnce(&mut Reserve)) {
        const HEAD: usize = 8 + size_of::<Market>() + 8;
        let market = self.world.market;
        self.write(market, HEAD + reserve as usize * size_of::<Reserve>(), change);
    }

    fn write_account(&mut self, user: User, change: impl FnOnce(&mut MarginAccount)) {
        const DISCRIMINATOR: usize = 8;
        self.write(user.margin, DISCRIMINATOR, change);
    }

    fn write<T: bytemuck::Pod>(&mut self, address: Address, at: usize, change: impl FnOnce(&mut T)) {
        let mut account = self.world.account(&address);
        change(bytemuck::from_bytes_mut(&mut account.data[at..at + size_of::<T>()]));
        self.world.set_account(address, account);
    }

    fn fork(&self) -> Self {
        Self { world: self.world.fork(), ..*self }
    }

    /// Runs an instruction in a situation.
    fn walk(&self, name: &str, action: Result<Action, &str>, situation: Situation, reserve: u8) {
        let mut market = self.fork();
        let mut step = market.step(name, situation == Situation::In(State::InReceivership));
        let outer = market.enter(situation, name, reserve);
        let expected = action.ok().and_then(|action| situation.refuses(action));
        let cell = format!("{name} ({action:?}), {situation:?}, reserve {reserve}: expected {expected:?}");
        if expected.is_some() {
            let outcome = market.world.fork().send(&step.outside(&outer));
            assert!(outcome.is_ok(), "{cell}, but it fails without that too: {}", outcome.describe());
        }
        if situation == Situation::In(State::ReserveWipedOut) {
            market.wipe_out(reserve, name, &mut step);
        }
        if situation == Situation::In(State::OrderRests) {
            market.rest_orders();
        }
        let (transaction, index) = step.inside(&outer);
        let outcome = market.world.send(&transaction);
        assert!(is(&outcome, index, expected), "{cell}, got {}", outcome.describe());
    }
}

/// Whether a transaction succeeded, or failed for an instruction of it with an error.
fn is(outcome: &Outcome, index: usize, expected: Option<Error>) -> bool {
    match (&outcome.error, expected) {
        (None, None) => true,
        (Some(TransactionError::InstructionError(failed, _)), Some(error)) => {
            *failed as usize == index && outcome.engine_error() == Some(error)
        }
        _ => false,
    }
}

#[test]
fn every_instruction_does_in_every_state_what_the_matrix_says() {
    let market = EveryStateMarket::new();
    let mut refused = 0;
    for (name, action) in ACTIONS.into_iter().filter(|(_, action)| ![Err(VAULTS), Err(PERPS)].contains(action)) {
        if action.is_ok_and(is_of_perps) {
            continue;
        }
        for situation in Situation::all() {
            for reserve in market.reserves(name, situation) {
                market.walk(name, action, situation, reserve);
            }
            refused += action.is_ok_and(|action| situation.refuses(action).is_some()) as u32;
        }
    }
    let of_lending = |actions: &[Action]| actions.iter().filter(|action| !is_of_perps(**action)).count();
    let in_the_data: usize = REFUSALS.iter().map(|(.., actions)| of_lending(actions)).sum();
    assert!(refused as usize >= in_the_data, "{refused} refusals of {in_the_data} in the data");
}

#[test]
fn every_instruction_is_an_action_or_says_why_not() {
    let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ALL.iter().map(|spec| spec.name).collect::<Vec<_>>());
    for action in Action::ALL {
        assert!(ACTIONS.iter().any(|(_, mapped)| *mapped == Ok(action)), "no instruction does {action:?}");
    }
}

#[test]
fn every_state_and_every_pause_refuses_something() {
    for situation in Situation::all().into_iter().filter(|situation| *situation != Situation::Normal) {
        assert!(Action::ALL.into_iter().any(|action| situation.refuses(action).is_some()), "{situation:?}");
    }
}
