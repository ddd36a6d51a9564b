//! The states that instructions are measured in: the most expensive ones that can be reached.

use ballast_client::Address;
use ballast_engine::{
    number::units::{Bps, Rate},
    price::feed::OracleConfig,
    state::{
        breakers::BreakerConfig,
        exposure::ValueAtRiskConfig,
        insurance::InsuranceConfig,
        interest::{ControllerConfig, RateCurve},
        market::MarketConfig,
        reserve::ReserveConfig,
        weights::RiskConfig,
    },
};
use ballast_tests::{Quote, Token, User, World, reserve_config};

/// Reserves of a full market.
pub const RESERVES: u8 = 64;
/// The account's reserves are the market's last.
const FIRST: u8 = RESERVES - 16;
/// Seconds after which a reserve at the steepest rate has grown as far as one accrual goes, which takes the longest to
/// compute. Refreshing a price does not accrue, so that any reserve can lie so long.
pub const UNTOUCHED: i64 = (Rate::YEAR / 10) as i64;
/// One token in atoms.
pub const TOKEN: u64 = 1_000_000_000;

/// Eight points, of which the last is reached, close to the ceiling of 1,000 % a year; all breakers watch and none trips.
pub fn config() -> ReserveConfig {
    let points: Vec<_> = (0..7).map(|point| (point * 1_000, 99_990)).chain([(10_000, 100_000)]).collect();
    let curve = RateCurve::new(&points).expect("eight points");
    let breakers = BreakerConfig {
        outflow_hour: 1 << 60,
        outflow_day: 1 << 61,
        small_deposit: 1 << 60,
        liquidation_hour: u32::MAX,
        halt_seconds: 600,
        max_utilisation: Bps(9_999),
        tiers: [Bps(5_000), Bps(6_000), Bps(7_000)],
        ..BreakerConfig::default()
    };
    let insurance = InsuranceConfig { fee_share: Bps(1_001), penalty_share: Bps(1_001), ..reserve_config().insurance };
    let (flash_enabled, flash_fee) = (1, Bps(1));
    ReserveConfig { curve, min_penalty: Bps(301), breakers, insurance, flash_enabled, flash_fee, ..reserve_config() }
}

/// The same with every rule that adapts switched on and past its bound.
fn adaptive() -> ReserveConfig {
    let config = config();
    let oracle = OracleConfig { reference_speed: Bps(100), ..config.oracle };
    let controller = ControllerConfig {
        target: Bps(8_000),
        speed: Bps(1_000),
        lowest: Bps(9_000),
        highest: Bps(11_000),
        volatility_premium: Bps(100),
        ..ControllerConfig::default()
    };
    let risk = RiskConfig {
        group_id: 1,
        group_initial_asset: Bps(8_100),
        group_maintenance_asset: Bps(8_600),
        market_depth: 100,
        position_depth: 10,
        borrowing_cap: u32::MAX,
        volatility_slope: Bps(100),
        max_volatility_haircut: Bps(100),
        max_market_haircut: Bps(100),
        max_position_haircut: Bps(100),
        ..config.risk
    };
    // Worth less than the borrowing cap, so that the cap is looked at and does not bind.
    ReserveConfig { oracle, controller, risk, deposit_cap: 1 << 58, ..config }
}

/// A price whose readings all differ.
pub fn quote(dollars: f64) -> Quote {
    Quote::dollars(dollars * 1.234_567_89).confidence_bps(33).ema_dollars(dollars * 1.245_678_9)
}

/// A price of so many digits that sums and products with it take the ways for large numbers.
pub fn long_quote() -> Quote {
    let price = 5_000_000_000_000_000_001;
    Quote { price, confidence: price as u64 / 100, exponent: -18, ema: price + price / 50 }
}

/// A market of 64 reserves, of which the last 16 are lent out nearly whole by others, and a user without positions.
pub struct Full {
    pub world: World,
    pub user: User,
}

impl Full {
    pub fn new() -> Self {
        Self::with(config())
    }

    /// The same with all rules that adapt in the account's reserves.
    pub fn adaptive() -> Self {
        Self::with(adaptive())
    }

    fn with(of_account: ReserveConfig) -> Self {
        let mut world = World::new();
        for index in 0..RESERVES {
            let token = Token { quote: quote(10.0), ..Token::new(&format!("token {index}"), 9, 0.0) };
            world.list(token, if index < FIRST { config() } else { of_account });
        }
        let lender = world.user("lender");
        for index in FIRST..RESERVES {
            // A borrower for each, with collateral in a reserve that nobody else uses.
            let borrower = world.user(&format!("borrower {index}"));
            world.supply(borrower, 0, 3_000 * TOKEN + 7);
            world.supply(lender, index, 1_000 * TOKEN + 7);
            world.set_price(index, quote(10.0)).expect_ok();
            world.set_price(0, quote(10.0)).expect_ok();
            world.borrow(borrower, index, 970 * TOKEN + 7).expect_ok();
        }
        let limits = |config: &mut MarketConfig| {
            (config.outflow_hour, config.outflow_day, config.liquidation_hour) = (u32::MAX, u32::MAX, u32::MAX);
            config.full_penalty_after = 100_000_000;
        };
        world.reconfigure_market(limits).expect_ok();
        let user = world.user("user");
        Self { world, user }
    }

    /// Has the market ask for value at risk: so little of it that nothing is refused.
    pub fn ask_for_value_at_risk(&mut self) {
        let correlations = std::array::from_fn(|k| std::array::from_fn(|l| if k == l { 10_000 } else { 5_000 }));
        let value_at_risk =
            ValueAtRiskConfig { correlations, multiple: Bps(1), horizon: 86_400, ..ValueAtRiskConfig::default() };
        self.world.reconfigure_market(|config| config.value_at_risk = value_at_risk).expect_ok();
    }

    /// A copy.
    pub fn fork(&self) -> Self {
        Self { world: self.world.fork(), user: self.user }
    }

    /// Deposits in reserves.
    pub fn deposit(&mut self, reserves: impl IntoIterator<Item = u8>, amount: u64) {
        for reserve in reserves {
            self.world.supply(self.user, reserve, amount);
        }
    }

    /// Borrows from reserves.
    pub fn borrow(&mut self, reserves: impl IntoIterator<Item = u8>, amount: u64) {
        for reserve in reserves {
            self.world.borrow(self.user, reserve, amount).expect_ok();
        }
    }

    /// Publishes the same price for some reserves and refreshes them.
    pub fn reprice(&mut self, reserves: &[u8], quote: Quote) {
        self.world.advance(1);
        for reserve in reserves {
            self.world.publish(*reserve, quote);
        }
        self.world.refresh(reserves).expect_ok();
    }

    /// Lets all reserves lie until their growth is as expensive as can be, then prices those whose price must be fresh.
    pub fn age(&mut self, fresh: &[u8]) {
        self.world.advance(UNTOUCHED);
        self.use_windows(fresh);
    }

    /// Lets tokens leave a reserve, and waits until its windows are half empty again: then what comes in is part of what left.
    pub fn let_out(&mut self, reserve: u8) {
        self.reprice(&[reserve], quote(10.0));
        let lender = self.world.user("lender");
        self.world.withdraw(lender, reserve, 10 * TOKEN).expect_ok();
        self.world.advance(1_800);
        self.use_windows(&[reserve]);
    }

    /// Has the market's windows be at work a second ago.
    fn use_windows(&mut self, fresh: &[u8]) {
        let other = self.world.user("somebody else");
        self.world.supply(other, 0, TOKEN);
        self.world.withdraw(other, 0, TOKEN / 2).expect_ok();
        self.world.advance(1);
        if !fresh.is_empty() {
            self.reprice(fresh, quote(10.0));
        }
    }

    /// An account with `deposits` deposits and `debts` debts. The first deposit is large; `last` says on which side the
    /// last position stands. Returns the reserves of deposits and of debts, in the order of their positions.
    pub fn positions(&mut self, deposits: u8, debts: u8, last: Last) -> (Vec<u8>, Vec<u8>) {
        let fresh: Vec<u8> = (FIRST..RESERVES).collect();
        self.reprice(&fresh, quote(10.0));
        let (held, owed): (Vec<u8>, Vec<u8>) = match last {
            Last::Deposit => ((RESERVES - deposits..RESERVES).collect(), (FIRST..FIRST + debts).collect()),
            Last::Debt => ((FIRST..FIRST + deposits).collect(), (RESERVES - debts..RESERVES).collect()),
        };
        let (first, rest) = held.split_first().map_or((None, &[][..]), |(first, rest)| (Some(*first), rest));
        self.deposit(first, 500 * TOKEN + 3);
        match last {
            Last::Deposit => {
                self.borrow(owed.iter().copied(), 2 * TOKEN + 3);
                self.deposit(rest.iter().copied(), 3 * TOKEN + 3);
            }
            Last::Debt => {
                self.deposit(rest.iter().copied(), 3 * TOKEN + 3);
                self.borrow(owed.iter().copied(), 2 * TOKEN + 3);
            }
        }
        (held, owed)
    }

    /// An account without deposits and with so many debts: its only deposit, the first reserve of the account, has lost
    /// its value and was seized.
    pub fn debts_alone(&mut self, debts: u8) -> Vec<u8> {
        let (held, owed) = self.positions(1, debts, Last::Debt);
        self.reprice(&held, quote(0.01));
        self.reprice(&owed, quote(10.0));
        let liquidator = self.liquidator();
        let order = ballast_client::LiquidationOrder {
            debt: owed[0],
            collateral: held[0],
            max_repay: u64::MAX,
            min_collateral: 0,
        };
        self.world.fund(&liquidator, owed[0], 1_000 * TOKEN);
        self.world.liquidate(liquidator, self.user.margin, order).expect_ok();
        owed
    }

    pub fn liquidator(&mut self) -> Address {
        self.world.key("liquidator")
    }
}

/// The side of an account's last position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    Deposit,
    Debt,
}
