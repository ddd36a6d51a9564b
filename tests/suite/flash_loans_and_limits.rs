//! No flash loan passes a cap, a breaker or a health check that holds at the transaction's end: for each, a transaction that
//! tries.

use ballast_client::{Address, Instruction};
use ballast_engine::{Error, number::units::Bps, state::reserve::ReserveConfig};
use ballast_tests::{Outcome, SOL, Scene, Swap, Token, USD, User, World, market_config, reserve_config};

/// Why building an instruction cannot fail here.
const LISTED: &str = "the reserve is listed";

/// Flash loans for nothing, so that only the limits are in the way; the trader owes 5,000 usd.
struct Attack {
    world: World,
    usd: u8,
    sol: u8,
    trader: User,
    lender: User,
}

impl Attack {
    fn new() -> Self {
        let config = ReserveConfig { flash_enabled: 1, flash_fee: Bps(0), ..reserve_config() };
        let Scene { mut world, usd, sol, lender, trader } = Scene::configured(config);
        world.borrow(trader, usd, 5_000 * USD).expect_ok();
        Self { world, usd, sol, trader, lender }
    }

    /// The trader's own token account.
    fn tokens(&mut self, reserve: u8) -> Address {
        self.world.fund(&self.trader.key, reserve, 0)
    }

    fn repay(&mut self, amount: u64) -> Instruction {
        let (source, User { key, margin }) = (self.tokens(self.usd), self.trader);
        self.world.view().repay(key, margin, source, self.usd, amount).expect(LISTED)
    }

    fn borrow(&mut self, amount: u64) -> Instruction {
        let (destination, User { key, margin }) = (self.tokens(self.usd), self.trader);
        self.world.view().borrow(key, margin, destination, self.usd, amount).expect(LISTED)
    }

    fn deposit(&mut self, reserve: u8, amount: u64) -> Instruction {
        let (source, User { key, margin }) = (self.tokens(reserve), self.trader);
        self.world.view().deposit(key, margin, source, reserve, amount).expect(LISTED)
    }

    fn withdraw(&mut self, reserve: u8, amount: u64) -> Instruction {
        let (destination, User { key, margin }) = (self.tokens(reserve), self.trader);
        self.world.view().withdraw(key, margin, destination, reserve, amount).expect(LISTED)
    }

    fn loan(&mut self, reserve: u8, amount: u64) -> [Instruction; 2] {
        self.world.flash_loan(self.trader.key, reserve, amount)
    }

    /// A swap of the trader's tokens at the price of sol.
    fn swap(&mut self, from: u8, amount: u64) -> Instruction {
        let rate = if from == self.sol { [150 * USD, SOL] } else { [SOL, 150 * USD] };
        let to = if from == self.sol { self.usd } else { self.sol };
        let swap = Swap::new(&mut self.world, [from, to], rate, 1_000_000_000 * USD);
        swap.instruction(&mut self.world, &self.trader.key, amount)
    }

    /// Debts down by a flash loan and up again: refused beyond what could be borrowed without.
    #[track_caller]
    fn repay_and_borrow_again(&mut self, room: u64, error: Error) {
        let [take, give] = self.loan(self.usd, 5_001 * USD);
        let repay = self.repay(u64::MAX);
        for (more, expected) in [(room - 2 * USD, None), (room + 2 * USD, Some(error))] {
            let borrow = self.borrow(5_000 * USD + more);
            let again = [take.clone(), repay.clone(), borrow, give.clone()];
            let with = self.world.fork().send(&again);
            let borrow = self.borrow(more);
            let without = self.world.fork().send_one(borrow);
            assert_eq!((with.engine_error(), without.engine_error()), (expected, expected), "{}", with.describe());
            assert_eq!(with.is_ok(), expected.is_none(), "{}", with.describe());
        }
        self.world.assert_conserved();
    }
}

#[test]
fn deposit_caps() {
    let mut attack = Attack::new();
    let (usd, sol) = (attack.usd, attack.sol);
    attack.world.reconfigure(sol, |config| config.deposit_cap = 110 * SOL).expect_ok();
    // With tokens of the same reserve,
    let [take, give] = attack.loan(sol, 20 * SOL);
    let deposit = attack.deposit(sol, 5 * SOL);
    let withdraw = attack.withdraw(sol, 5 * SOL);
    attack.world.send(&[take, deposit, withdraw, give]).expect_error(Error::FlashLoanOpen);
    // or of another.
    let [take, give] = attack.loan(usd, 1_650 * USD);
    let swap = attack.swap(usd, 1_650 * USD);
    let (deposit, borrow) = (attack.deposit(sol, 11 * SOL), attack.borrow(1_650 * USD));
    attack.world.send(&[take, swap, deposit, borrow, give]).expect_error(Error::DepositCapExceeded);
    attack.world.assert_conserved();
}

#[test]
fn borrow_caps() {
    let mut attack = Attack::new();
    let usd = attack.usd;
    attack.world.reconfigure(usd, |config| config.borrow_cap = 6_000 * USD).expect_ok();
    attack.repay_and_borrow_again(1_000 * USD, Error::BorrowCapExceeded);
}

#[test]
fn utilisation_limits() {
    let mut attack = Attack::new();
    let usd = attack.usd;
    let limit = |config: &mut ReserveConfig| config.breakers.max_utilisation = Bps(100);
    attack.world.reconfigure(usd, limit).expect_ok();
    attack.world.withdraw(attack.lender, usd, 400_000 * USD).expect_ok();
    attack.repay_and_borrow_again(1_000 * USD, Error::UtilisationTooHigh);
}

#[test]
fn outflow_limits_of_a_reserve() {
    let mut attack = Attack::new();
    let usd = attack.usd;
    let limit = |config: &mut ReserveConfig| config.breakers.outflow_hour = 4_000 * USD;
    attack.world.reconfigure(usd, limit).expect_ok();
    attack.repay_and_borrow_again(3_000 * USD, Error::HourlyOutflowLimitReached);
}

#[test]
fn outflow_limits_of_the_market() {
    let mut attack = Attack::new();
    attack.world.reconfigure_market(|config| config.outflow_day = 4_000).expect_ok();
    attack.repay_and_borrow_again(3_000 * USD, Error::MarketDailyOutflowLimitReached);
}

/// Lent and back, tokens have not flowed.
#[test]
fn a_loan_of_everything_leaves_the_windows_where_they_are() {
    let mut attack = Attack::new();
    let usd = attack.usd;
    let limit = |config: &mut ReserveConfig| config.breakers.outflow_hour = 4_000 * USD;
    attack.world.reconfigure(usd, limit).expect_ok();
    attack.world.reconfigure_market(|config| config.outflow_day = 4_000).expect_ok();
    let borrow = attack.borrow(100 * USD);
    attack.world.send_one(borrow).expect_ok();
    let windows = |world: &World| (world.reserve(usd).outflow, world.view().market.outflow);
    let before = windows(&attack.world);
    let cash = attack.world.reserve(usd).cash;
    let loan = attack.loan(usd, cash);
    attack.world.send(&loan).expect_ok();
    assert_eq!(windows(&attack.world), before);
    attack.world.assert_conserved();
}

#[test]
fn health() {
    let mut attack = Attack::new();
    let (usd, sol) = (attack.usd, attack.sol);
    // Collateral lent by the reserve that it would be deposited in,
    let [take, give] = attack.loan(sol, 50 * SOL);
    let steps = [take, attack.deposit(sol, 50 * SOL), attack.borrow(9_000 * USD), attack.withdraw(sol, 50 * SOL), give];
    attack.world.send(&steps).expect_error(Error::FlashLoanOpen);
    // bought with a loan of another,
    let [take, give] = attack.loan(usd, 7_500 * USD);
    let buy = attack.swap(usd, 7_500 * USD);
    let (deposit, borrow) = (attack.deposit(sol, 50 * SOL), attack.borrow(9_000 * USD));
    let withdraw = attack.withdraw(sol, 50 * SOL);
    let sell = attack.swap(sol, 50 * SOL);
    let steps = [take, buy, deposit, borrow, withdraw, sell, give];
    attack.world.send(&steps).expect_error(Error::InitialHealthTooLow);
    // or free while a loan pays the debt.
    attack.repay_and_borrow_again(5_909 * USD, Error::InitialHealthTooLow);
    let [take, give] = attack.loan(usd, 5_001 * USD);
    let (repay, withdraw) = (attack.repay(u64::MAX), attack.withdraw(sol, u64::MAX));
    let borrow = attack.borrow(5_001 * USD);
    attack.world.send(&[take, repay, withdraw, borrow, give]).expect_error(Error::InitialHealthTooLow);
    attack.world.assert_conserved();
}

/// The same tokens from another market: there they are lent by another reserve, so that they may be deposited here.
struct Elsewhere {
    attack: Attack,
    market: Address,
    other_market: Address,
}

impl Elsewhere {
    fn new() -> Self {
        let mut attack = Attack::new();
        let market = attack.world.market;
        let other_market = attack.world.create_market(1, market_config());
        attack.world.market = other_market;
        let config = ReserveConfig { flash_enabled: 1, ..reserve_config() };
        attack.world.list(Token::new("USD", 6, 1.0), config);
        let saver = attack.world.user("saver");
        attack.world.supply(saver, attack.usd, 10_000_000 * USD);
        attack.world.market = market;
        attack.world.refresh_all();
        Self { attack, market, other_market }
    }

    /// A loan of usd there.
    fn loan(&mut self, amount: u64) -> [Instruction; 2] {
        self.attack.world.market = self.other_market;
        let loan = self.attack.loan(self.attack.usd, amount);
        self.attack.world.market = self.market;
        loan
    }
    /// Borrows while the loan is deposited.
    #[track_caller]
    fn borrow_beside_a_deposit(&mut self, amount: u64) -> Outcome {
        let [take, give] = self.loan(100_000 * USD);
        let attack = &mut self.attack;
        let (usd, User { key, .. }) = (attack.usd, attack.trader);
        let saver = attack.world.user("saver");
        // Only the owner opens a position.
        attack.world.supply(saver, usd, 10);
        attack.world.advance(1);
        let tokens = attack.tokens(usd);
        let view = attack.world.view();
        let deposit = view.deposit(key, saver.margin, tokens, usd, 100_000 * USD).expect(LISTED);
        // A share costs more than an atom; the atom that is left comes from what is borrowed.
        let withdraw = view.withdraw(saver.key, saver.margin, tokens, usd, 100_000 * USD - 1).expect(LISTED);
        let borrow = attack.borrow(amount);
        attack.world.fork().send(&[take, deposit, borrow, withdraw, give])
    }
}

/// A deposit that comes and goes in one transaction is no inflow that lets anything out.
#[test]
fn tokens_lent_by_another_market_pass_no_outflow_limit() {
    let mut elsewhere = Elsewhere::new();
    let usd = elsewhere.attack.usd;
    let limit = |config: &mut ReserveConfig| config.breakers.outflow_hour = 4_000 * USD;
    elsewhere.attack.world.reconfigure(usd, limit).expect_ok();
    elsewhere.borrow_beside_a_deposit(2_999 * USD).expect_ok();
    elsewhere.borrow_beside_a_deposit(3_001 * USD).expect_error(Error::HourlyOutflowLimitReached);
}

/// Nor liquidity that is lent out.
#[test]
fn tokens_lent_by_another_market_pass_no_utilisation_limit() {
    let mut elsewhere = Elsewhere::new();
    let usd = elsewhere.attack.usd;
    // Of 1,000,000, 5,000 are lent.
    let limit = |config: &mut ReserveConfig| config.breakers.max_utilisation = Bps(70);
    elsewhere.attack.world.reconfigure(usd, limit).expect_ok();
    elsewhere.borrow_beside_a_deposit(1_999 * USD).expect_ok();
    elsewhere.borrow_beside_a_deposit(2_001 * USD).expect_error(Error::UtilisationTooHigh);
}
