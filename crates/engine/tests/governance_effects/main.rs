//! Invariant 17 by its meaning: what the program lets anyone do at once adds no risk, whatever a table calls it. Random markets with
//! debts, breakers set or not, random lists of changes by authority and council, and changes that waited in between; then what
//! users can do, beside what they could do had nobody changed anything at once.

#[path = "../common/mod.rs"]
mod common;
mod edits;
mod pair;

use ballast_engine::{
    number::units::Bps,
    record::layout::Address,
    state::{
        account::MarginAccount, breakers::BreakerConfig, exposure::ValueAtRiskConfig, insurance::InsuranceConfig,
        reserve::ReserveConfig, weights::Weights,
    },
};
use common::{AUTHORITY, Action, Size, TOKENS, World, any_action, cases, owner, reserve_config};
use edits::{NEW_FEED, Wish, wish};
use pair::{COUNCIL, NEWCOMER, Pair, SMALL};
use proptest::prelude::*;

/// 10^-4 USD of a dollar.
const DOLLAR: u64 = 10_000;

/// Atoms of so many dollars at the first price.
fn atoms(reserve: u8, dollars: u64) -> u64 {
    let (decimals, price) = TOKENS[reserve as usize];
    (dollars as u128 * 10u128.pow(decimals as u32 + 10) / price as u128) as u64
}

/// A number, or none.
fn or_none(range: std::ops::Range<u32>) -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0), 2 => range]
}

fn risk(reserve: u8) -> impl Strategy<Value = ReserveConfig> {
    let weights = (2_000u16..7_600, 0u16..700, 10_000u16..11_000, 0u16..1_000);
    let terms = (weights, 5u16..11, 0u16..600, any::<bool>(), any::<bool>());
    let sizes = (or_none(5_000..100_000), 0u16..4_000, or_none(500..20_000), 0u16..4_000, or_none(20_000..200_000));
    let volatility = prop_oneof![0u16..6_000, 6_000u16..25_000];
    let others = (volatility, 0u16..4_000, 0u16..3_000, 10u16..2_000, 60_000u64..400_000, 0u16..=30_000);
    (terms, sizes, others).prop_map(move |(terms, sizes, others)| {
        let ((asset, gap, liability, more), tenths, extra, is_isolated, is_grouped) = terms;
        let (market_depth, market_haircut, position_depth, position_haircut, borrowing_cap) = sizes;
        let (reference, slope, volatility_haircut, ramp, cap, multiple) = others;
        let mut config = reserve_config(reserve);
        let risk = &mut config.risk;
        risk.cross = Weights {
            initial_asset: Bps(asset),
            maintenance_asset: Bps(asset + gap),
            initial_liability: Bps(liability + more),
            maintenance_liability: Bps(liability),
        };
        if is_isolated {
            let part = |weight: Bps| Bps((weight.0 as u32 * tenths as u32 / 10).min(8_500) as u16);
            risk.isolated = Weights {
                initial_asset: part(risk.cross.initial_asset),
                maintenance_asset: part(risk.cross.maintenance_asset),
                ..risk.cross
            };
        }
        if is_grouped && (1..3).contains(&reserve) {
            (risk.group_id, config.oracle.max_age) = (1, 60);
            (risk.group_initial_asset, risk.group_maintenance_asset) =
                (Bps(asset + extra / 2), Bps((asset + gap + extra / 2).min(8_500)));
        }
        (risk.market_depth, risk.position_depth, risk.borrowing_cap) = (market_depth, position_depth, borrowing_cap);
        risk.max_market_haircut = Bps(if market_depth == 0 { 0 } else { market_haircut });
        risk.max_position_haircut = Bps(if position_depth == 0 { 0 } else { position_haircut });
        (risk.reference_volatility, risk.volatility_slope) = (Bps(reference), Bps(slope));
        (risk.max_volatility_haircut, risk.ramp) = (Bps(volatility_haircut), Bps(ramp));
        risk.class = reserve;
        config.controller.volatility_premium = Bps(slope);
        (config.deposit_cap, config.borrow_cap) = (atoms(reserve, cap), atoms(reserve, cap / 2));
        config.oracle.confidence_multiple = Bps(10_000 + multiple);
        config
    })
}

fn reserve(reserve: u8) -> impl Strategy<Value = ReserveConfig> {
    let limits = (or_none(3_000..40_000), or_none(10_000..80_000), 0u64..2_000, or_none(100..5_000));
    let others = (any::<bool>(), or_none(3_000..9_500), 0u8..2, 0u16..3_000, 0u16..4_000);
    (risk(reserve), limits, others).prop_map(move |(risk, limits, others)| {
        let (hour, day, small, liquidations) = limits;
        let (has_tiers, utilisation, flash_enabled, fee_share, penalty_share) = others;
        let limit = |dollars: u32, seconds: u64| match dollars {
            0 => 0,
            _ => atoms(reserve, dollars as u64).max(100 * seconds),
        };
        let config = ReserveConfig {
            breakers: BreakerConfig {
                outflow_hour: limit(hour, 3_600),
                outflow_day: limit(day, 86_400),
                small_deposit: atoms(reserve, small),
                liquidation_hour: liquidations,
                halt_seconds: if has_tiers { 600 } else { 0 },
                tiers: if has_tiers { [Bps(500), Bps(1_000), Bps(1_400)] } else { [Bps(0); 3] },
                max_utilisation: Bps(utilisation as u16),
                ..BreakerConfig::default()
            },
            insurance: InsuranceConfig {
                cooldown: 604_800,
                fee_share: Bps(fee_share),
                penalty_share: Bps(penalty_share),
            },
            flash_enabled,
            flash_fee: Bps(9),
            ..risk
        };
        config.validate().unwrap();
        config
    })
}

/// Limits of the market, in dollars: outflow of an hour and a day, liquidations, losses; and the value at risk.
fn market() -> impl Strategy<Value = ([u32; 4], u16)> {
    let limits = [or_none(5_000..60_000), or_none(20_000..200_000), or_none(100..10_000), or_none(1..3_000)];
    (limits, prop_oneof![Just(0u16), 5_000u16..60_000])
}

/// Two reserves of a borrower, the value deposited, and the hundredths of what may be borrowed then.
type Borrower = (u8, u8, u64, u64);

fn borrower() -> impl Strategy<Value = Borrower> {
    (0u8..4, 1u8..4, 1_000u64..15_000, 30u64..100)
}

fn world(configs: [ReserveConfig; 4], (limits, multiple): ([u32; 4], u16), borrowers: [Borrower; 3]) -> World {
    let mut world = World::with(configs, NEWCOMER + 1);
    for reserve in 0..4 {
        let _ = Action::Deposit(0, reserve, Size::Value(50_000 * DOLLAR)).run(&mut world);
        let _ = Action::Deposit(SMALL, reserve, Size::Value(500 * DOLLAR)).run(&mut world);
        let _ = Action::Stake(0, reserve, Size::Value(100 * DOLLAR)).run(&mut world);
    }
    for (user, (collateral, further, dollars, part)) in (1..4).zip(borrowers) {
        let debt = (collateral + further) % 4;
        // The last one, if that is offered, has an isolated account.
        if user == 3
            && let Ok(account) = MarginAccount::open(1, collateral, debt, &world.reserves)
        {
            world.accounts[user] = MarginAccount { owner: owner(user), ..account };
        }
        let _ = Action::Deposit(user, collateral, Size::Value(dollars * DOLLAR)).run(&mut world);
        for hundredths in [part, part / 2, part / 4, part / 8] {
            let loan = Action::Borrow(user, debt, Size::Value(dollars * DOLLAR * hundredths / 100));
            if loan.run(&mut world).is_ok() {
                break;
            }
        }
    }
    let config = &mut world.market.config;
    [config.outflow_hour, config.outflow_day, config.liquidation_hour, config.loss_limit] = limits;
    (config.near_insolvency, config.full_penalty_after) = (Bps(200), 600);
    let mut correlations = [[6_000; 5]; 5];
    (0..5).for_each(|class| correlations[class][class] = 10_000);
    config.value_at_risk =
        ValueAtRiskConfig { correlations, horizon: 86_400, multiple: Bps(multiple), ..Default::default() };
    (config.roles.risk_council, config.launched) = (COUNCIL, 1);
    config.validate().unwrap();
    world
}

#[derive(Clone, Debug)]
enum Step {
    AtOnce(Address, Wish),
    Waited(Wish),
    Wait(i64),
    Act(Action),
    Price(u8, u64, u64, u64),
    /// Of a borrower's collateral: price and EMA.
    Crash(usize, u64, u64),
    /// On a reserve.
    Run(u8),
    /// How much a newcomer deposits.
    Compare(u64),
}

fn price() -> impl Strategy<Value = Step> {
    let factor = prop_oneof![3 => 9_000u64..11_000, 1 => 2_000u64..15_000];
    (0u8..4, factor, 0u64..200, prop_oneof![2 => Just(10_000u64), 1 => 8_500u64..12_000])
        .prop_map(|(reserve, factor, confidence, ema)| Step::Price(reserve, factor, confidence, ema))
}

/// What anyone does: windows are filled, borrowers taken, losses settled.
fn act() -> impl Strategy<Value = Step> {
    let parts = prop_oneof![Just(Size::Everything), (1u64..10_000).prop_map(|dollars| Size::Value(dollars * DOLLAR))];
    let place = (0..NEWCOMER, 0u8..4, parts);
    prop_oneof![
        // Time and prices are steps of their own, and a pause is not what is at stake.
        6 => any_action(NEWCOMER).prop_map(|action| match action {
            Action::Wait(_) | Action::Price { .. } | Action::Pause(_) | Action::Resume => Action::RefreshReserve(0),
            other => other,
        }),
        2 => place.clone().prop_map(|(_, reserve, size)| Action::Withdraw(0, reserve, size)),
        2 => place.clone().prop_map(|(_, reserve, size)| Action::Withdraw(SMALL, reserve, size)),
        2 => place.clone().prop_map(|(user, reserve, size)| Action::Borrow(user, reserve, size)),
        4 => (place.clone(), 0u8..4).prop_map(|((user, debt, max_repay), collateral)| {
            Action::Liquidate { user, debt, collateral, max_repay }
        }),
        2 => place.prop_map(|(user, reserve, _)| Action::Settle(user, reserve)),
    ]
    .prop_map(Step::Act)
}

fn governing() -> impl Strategy<Value = Step> {
    let at_once = (prop::bool::weighted(0.2), wish())
        .prop_map(|(is_council, wish)| Step::AtOnce(if is_council { COUNCIL } else { AUTHORITY }, wish));
    let feed = (0u8..4, any::<u64>()).prop_map(|(target, part)| Wish::Usual { target, theme: NEW_FEED, part });
    prop_oneof![10 => at_once, 4 => wish().prop_map(Step::Waited), 1 => feed.prop_map(Step::Waited)]
}

fn wait() -> impl Strategy<Value = Step> {
    prop_oneof![3 => 1i64..120, 2 => 60i64..3_600, 1 => 3_600i64..200_000].prop_map(Step::Wait)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => governing(),
        2 => wait(),
        2 => price(),
        3 => act(),
        1 => compare(),
    ]
}

fn compare() -> impl Strategy<Value = Step> {
    (10u64..100_000).prop_map(|dollars| Step::Compare(dollars * DOLLAR))
}

fn event() -> impl Strategy<Value = Step> {
    let crash =
        (1..NEWCOMER, 300u64..9_000, 9_000u64..15_000).prop_map(|(user, factor, ema)| Step::Crash(user, factor, ema));
    prop_oneof![1 => wait(), 1 => price(), 2 => crash, 6 => act(), 1 => (0u8..4).prop_map(Step::Run), 1 => compare()]
}

impl Step {
    fn happen(&self, pair: &mut Pair) {
        match self {
            Self::AtOnce(signer, wish) => _ = pair.at_once(*signer, wish),
            Self::Waited(wish) => pair.waited(wish),
            Self::Wait(seconds) => pair.wait(*seconds),
            Self::Act(action) => pair.act(*action),
            Self::Price(reserve, factor, confidence, ema) => pair.price(*reserve, *factor, *confidence, *ema),
            Self::Crash(user, factor, ema) => pair.crash(*user, *factor, *ema),
            Self::Run(reserve) => pair.run_on(*reserve),
            Self::Compare(value) => pair.compare_new_risk(*value),
        }
    }
}

proptest! {
    #![proptest_config(cases(if cfg!(debug_assertions) { 8_000 } else { 40_000 }))]

    /// Who takes risk away does not wait, and adds none by it: whatever authority and council do at once, in whichever order and
    /// beside whatever has waited, nobody can borrow more, no breaker trips later, nobody is held back or liquidated sooner than
    /// the ramp has it, and nothing costs more.
    #[test]
    fn nothing_done_at_once_adds_risk_i17(
        configs in [reserve(0), reserve(1), reserve(2), reserve(3)],
        market in market(),
        borrowers in [borrower(), borrower(), borrower()],
        governing in prop::collection::vec(step(), 1..16),
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut pair = Pair::new(world(configs, market, borrowers));
        pair.wait(100_000);
        governing.iter().chain(&events).for_each(|step| step.happen(&mut pair));
        pair.compare_new_risk(1_000 * DOLLAR);
        pair.leave(1_000 * DOLLAR);
    }
}
