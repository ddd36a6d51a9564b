//! The matrix of `ballast_engine::gate`, walked on the bytecode: every instruction in every state and under every pause does
//! what the data say, and nothing else decides. Whatever is not refused succeeds.

use ballast_client::{
    Address, Instruction, LiquidationOrder, MarketView, PYTH_RECEIVERS, TOKEN_PROGRAM,
    instruction::{self as ix, ALL},
    to_engine,
};
use ballast_engine::{
    Error,
    actions::EVERYTHING,
    gate::{Action, MATRIX, State},
    index::Index,
    insurance::InsuranceConfig,
    margin::MarginAccount,
    reserve::{Reserve, ReserveConfig},
    units::Bps,
};
use ballast_tests::{MintSpec, Outcome, Quote, SOL, Token, USD, User, World, market_config, reserve_config};
use solana_transaction::TransactionError;

/// What each instruction does, or why no state concerns it.
const ACTIONS: [(&str, Result<Action, &str>); 28] = [
    ("create_market", Err("there is no market yet")),
    ("add_reserve", Err(GOVERNANCE)),
    ("update_reserve", Err(GOVERNANCE)),
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
    ("update_market", Err(GOVERNANCE)),
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
    ("poke", Err("it only lets time pass")),
];
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
        let states = MATRIX.iter().map(|(state, ..)| Self::In(*state));
        [Self::Normal].into_iter().chain(states).chain(bits.map(Self::Paused)).collect()
    }

    /// What the data say.
    fn refuses(self, action: Action) -> Option<Error> {
        match self {
            Self::In(state) if state.refuses(action) => Some(MATRIX[state as usize].1),
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

/// A market at one moment, in which every instruction would succeed, and every state is one transaction away.
struct Theatre {
    world: World,
    usd: u8,
    sol: u8,
    /// Collateral that lost its worth.
    coin: u8,
    /// Collateral of [`Self::even`].
    gem: u8,
    /// Lends usd and sol and owes nothing.
    lender: User,
    /// Owes usd against sol, healthily.
    saver: User,
    /// The same unhealthily: a whole liquidation makes it healthy.
    sick: User,
    /// Owes usd against nearly nothing: a whole liquidation leaves debt alone.
    broke: User,
    /// Owes usd against gems of just as much and the penalty: a whole liquidation leaves nothing.
    even: User,
    /// Owes usd and has nothing.
    bust: User,
    /// Owes another token and has nothing: its loss restricts the market.
    loss: (User, u8),
    /// Has an empty account.
    idle: User,
    /// Has tokens of everything, a stake that is free and one that is empty.
    rich: Address,
}

/// Off everywhere else: flash loans, the price breaker, a share of fees for the insurance. Initial weights are the maintenance
/// ones, so that an account that a liquidation has healed can borrow again.
fn config() -> ReserveConfig {
    let mut config = reserve_config();
    (config.flash_enabled, config.flash_fee) = (1, Bps(9));
    (config.breakers.tiers, config.breakers.halt_seconds) = ([Bps(500), Bps(1_000), Bps(0)], 600);
    config.insurance = InsuranceConfig { cooldown: 86_400, fee_share: Bps(2_000), ..InsuranceConfig::default() };
    config.risk.cross.initial_asset = config.risk.cross.maintenance_asset;
    config.risk.cross.initial_liability = config.risk.cross.maintenance_liability;
    config
}

/// A price that trips the second tier: farther from its average than a tenth.
fn moved(average: f64, to: f64) -> Quote {
    Quote::dollars(to).ema_dollars(average)
}

impl Theatre {
    fn new() -> Self {
        let mut world = World::new();
        let [usd, sol, junk, coin, gem] =
            [("USD", 6, 1.0), ("SOL", 9, 150.0), ("JUNK", 6, 1.0), ("COIN", 6, 1.0), ("GEM", 6, 200.0)]
                .map(|(name, decimals, dollars)| world.list(Token::new(name, decimals, dollars), config()));
        let [lender, saver, sick, broke, even, bust, loser, idle] =
            ["lender", "saver", "sick", "broke", "even", "bust", "loser", "idle"].map(|name| world.user(name));
        let rich = world.key("rich");
        for (user, reserve, amount) in [
            (lender, usd, 1_000_000 * USD),
            (lender, sol, 1_000 * SOL),
            (lender, junk, 100_000 * USD),
            (saver, sol, 100 * SOL),
            (sick, sol, 100 * SOL),
            (broke, coin, 1_000 * USD),
            (bust, coin, 1_000 * USD),
            (loser, coin, 1_000 * USD),
            (even, gem, 10 * USD),
        ] {
            world.supply(user, reserve, amount);
        }
        world.refresh_all();
        for (user, reserve, dollars) in [
            (saver, usd, 1_000),
            (sick, usd, 12_000),
            (broke, usd, 500),
            (bust, usd, 500),
            (loser, junk, 500),
            (even, usd, 1_000),
        ] {
            world.borrow(user, reserve, dollars * USD).expect_ok();
        }
        for (key, reserve) in [rich, saver.key, sick.key, lender.key]
            .into_iter()
            .flat_map(|key| [usd, sol, junk, coin, gem].map(|reserve| (key, reserve)))
        {
            world.fund(&key, reserve, 1_000_000 * USD);
        }
        for reserve in [usd, junk] {
            world.open_stake(rich, reserve);
        }
        world.stake(rich, usd, 10_000 * USD).expect_ok();
        world.begin_unstake(rich, usd, 1_000 * USD).expect_ok();
        world.advance(86_400);

        let theatre = Self {
            world,
            usd,
            sol,
            coin,
            gem,
            lender,
            saver,
            sick,
            broke,
            even,
            bust,
            loss: (loser, junk),
            idle,
            rich,
        };
        theatre.after_a_bad_day()
    }

    /// Prices as they are when the instructions run.
    fn after_a_bad_day(mut self) -> Self {
        let world = &mut self.world;
        world.set_price(self.coin, Quote::dollars(0.01)).expect_ok();
        world.refresh_all();
        for (user, debt) in [(self.bust, self.usd), self.loss] {
            let order = LiquidationOrder { debt, collateral: self.coin, max_repay: u64::MAX, min_collateral: 1 };
            world.liquidate(self.rich, user.margin, order).expect_ok();
        }
        world.set_price(self.sol, Quote::dollars(145.0)).expect_ok();
        world.refresh_all();
        world.advance(1);
        self.balance_out();
        // Published, and to be taken over when a state asks for it.
        self.world.publish(self.usd, moved(1.0, 1.15));
        self.world.publish(self.sol, moved(145.0, 123.0));
        self
    }

    /// Prices gems so that what [`Self::even`] has pays its debt and the least penalty, to the atom.
    fn balance_out(&mut self) {
        let world = &mut self.world;
        let debt = world
            .margin(&self.even.margin)
            .positions()
            .iter()
            .find(|position| position.is_debt())
            .expect("a debt")
            .shares;
        let owed = world.reserve(self.usd).debt_index_at(world.now()).amount_ceil(debt);
        // Of one gem in 10^-8 USD, for ten that pay 103 % of so many millionths; less one, for the rounding on the way.
        let price = owed as i64 * 103 / 10 - 1;
        world.set_price(self.gem, Quote { price, ema: price, ..Quote::dollars(1.0) }).expect_ok();
    }

    /// The account that a liquidation is begun of while `name` runs on it, which this leaves fit for it.
    fn patient(&self, name: &str) -> (User, u8) {
        match name {
            "settle_bad_debt" => (self.broke, self.coin),
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
            // Written: see `wipe_out`.
            Situation::Normal | Situation::In(State::ReserveWipedOut) => Around::default(),
            Situation::In(State::InReceivership) => {
                let is_partial = ["liquidate", "begin_liquidation"].contains(&name);
                let max_repay = if is_partial { 100 * USD } else { u64::MAX };
                Around::both(self.receivership(self.patient(name), max_repay))
            }
            Situation::In(State::FlashLoanOpen) => Around::both(self.world.flash_loan(self.rich, reserve, 1_000)),
            Situation::In(State::ReserveReduceOnly) => {
                let config = ReserveConfig { reduce_only: 1, ..view.reserves[reserve as usize].config };
                Around::before(view.update_reserve(reserve, config).expect(LISTED))
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

impl Theatre {
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
            "create_market" => MarketView::create(world.authority, 1, world.roles(), PYTH_RECEIVERS, market_config()).0,
            "add_reserve" => {
                let mint = world.mint("unlisted", &MintSpec::spl(6));
                let mut config = config();
                config.oracle.feed_id = to_engine(&mint);
                view.add_reserve(world.payer, mint, TOKEN_PROGRAM, config)
            }
            "update_reserve" => view.update_reserve(usd, view.reserves[usd as usize].config).expect(LISTED),
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
            "collect_fees" => view.collect_fees(rich_usd, usd).expect(LISTED),
            "read_health" => view.read_health(user.margin),
            "update_market" => view.update_market(view.market.config),
            "mark_liquidatable" => view.mark_liquidatable(sick.margin),
            "open_stake" => view.open_stake(rich, world.payer, gem).expect(LISTED),
            "stake" => view.stake(rich, rich, rich_usd, usd, USD).expect(LISTED),
            "begin_unstake" => view.begin_unstake(rich, usd, USD),
            "unstake" => view.unstake(rich, rich_usd, usd).expect(LISTED),
            "close_stake" => view.close_stake(rich, world.payer, self.loss.1),
            "pause" => view.pause(&[Action::Unstake]),
            "resume" => return Step::end([view.pause(&[Action::Unstake]), view.resume(world.authority)]),
            "poke" => view.poke(usd).expect(LISTED),
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

    fn write_reserve(&mut self, reserve: u8, change: impl FnOnce(&mut Reserve)) {
        const HEAD: usize = 520;
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
        let mut theatre = self.fork();
        let mut step = theatre.step(name, situation == Situation::In(State::InReceivership));
        let outer = theatre.enter(situation, name, reserve);
        let expected = action.ok().and_then(|action| situation.refuses(action));
        let cell = format!("{name} ({action:?}), {situation:?}, reserve {reserve}: expected {expected:?}");
        if expected.is_some() {
            let outcome = theatre.world.fork().send(&step.outside(&outer));
            assert!(outcome.is_ok(), "{cell}, but it fails without that too: {}", outcome.describe());
        }
        if situation == Situation::In(State::ReserveWipedOut) {
            theatre.wipe_out(reserve, name, &mut step);
        }
        let (transaction, index) = step.inside(&outer);
        let outcome = theatre.world.send(&transaction);
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
    let theatre = Theatre::new();
    let mut refused = 0;
    for (name, action) in ACTIONS {
        for situation in Situation::all() {
            for reserve in theatre.reserves(name, situation) {
                theatre.walk(name, action, situation, reserve);
            }
            refused += action.is_ok_and(|action| situation.refuses(action).is_some()) as u32;
        }
    }
    let in_the_data: usize = MATRIX.iter().map(|(.., actions)| actions.len()).sum();
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
