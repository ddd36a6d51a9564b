//! What the engine makes of accounts: actions, other prices and waiting changes, a scan, and figures of perps.

use std::collections::BTreeMap;

use super::{answer, base64, check, key, named};
use crate::{
    common::{AUTHORITY, EXPONENT},
    scene::{PERPS, POOL, QUOTE, Scene, USD},
};
use ballast_client::{
    Edits, MarketView, SupposedPrice, encode_margin_account, encode_market,
    engine::{
        Error, Result,
        health::report::HealthReport,
        ledger::EVERYTHING,
        number::units::{Bps, Part, Shares},
        perps::{report::PerpState, trade::Order},
        record::layout::LAYOUT_VERSION,
        state::{
            account::{MarginAccount, Mode},
            change::{Change, OF_MARKET, OF_POOL},
        },
    },
    to_engine,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Of all accounts: many more than a market of this size has in one second.
const USERS: usize = 24;
const STEPS: usize = 1_200;

/// Knuth's generator: the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }
}

/// An action, as `play` of the TypeScript client takes it.
#[derive(Clone, Copy, Debug)]
enum Action {
    Lend(&'static str, u8, u64),
    Trade(Order),
    Settle(u8),
    PoolDeposit(u64),
    PoolRequest(u64),
    PoolWithdraw,
}

impl Action {
    fn kind(&self) -> &'static str {
        match self {
            Self::Lend(kind, ..) => kind,
            Self::Trade(_) => "trade",
            Self::Settle(_) => "settlePerp",
            Self::PoolDeposit(_) => "poolDeposit",
            Self::PoolRequest(_) => "poolRequest",
            Self::PoolWithdraw => "poolWithdraw",
        }
    }

    fn value(&self) -> Value {
        let kind = self.kind();
        match self {
            Self::Lend(_, reserve, amount) => json!({ "kind": kind, "reserve": reserve, "amount": amount.to_string() }),
            Self::Trade(Order { perp, lots, limit, min_factor, reduce_only }) => json!({
                "kind": kind,
                "perp": perp,
                "lots": lots.to_string(),
                "limit": limit.to_string(),
                "minFactor": min_factor.0,
                "reduceOnly": reduce_only,
            }),
            Self::Settle(perp) => json!({ "kind": kind, "perp": perp }),
            Self::PoolDeposit(amount) => json!({ "kind": kind, "pool": POOL, "amount": amount.to_string() }),
            Self::PoolRequest(shares) => json!({ "kind": kind, "pool": POOL, "shares": shares.to_string() }),
            Self::PoolWithdraw => json!({ "kind": kind, "pool": POOL }),
        }
    }

    /// By the engine's ledger. What moved.
    fn run(&self, view: &mut MarketView, account: &mut MarginAccount, now: i64) -> Result<Vec<i128>> {
        let (owner, mut ledger) = (account.owner, view.ledger(now));
        let movement = |amount: u64, shares: Shares| vec![amount.into(), shares.0.into()];
        Ok(match *self {
            Self::Lend(kind, reserve, amount) => {
                let moved = match kind {
                    "deposit" => ledger.deposit(account, &owner, reserve, amount)?,
                    "withdraw" => ledger.withdraw(account, reserve, amount)?,
                    "borrow" => ledger.borrow(account, reserve, amount)?,
                    _ => ledger.repay(account, reserve, amount)?,
                };
                movement(moved.amount, moved.shares)
            }
            Self::Trade(order) => {
                let preview = view.preview_trade(account, &order, now)?;
                let fill = view.ledger(now).trade(account, &order)?;
                assert_eq!(preview.fill, fill);
                let bill = fill.bill;
                let [gain, loss, rebate, impact, fee] =
                    [bill.gain, bill.loss, bill.rebate, bill.impact, bill.fee].map(i128::from);
                let (lots, price, factor) = (preview.lots.into(), preview.price.into(), fill.factor.0.into());
                vec![lots, price, fill.realised.into(), factor, gain, loss, rebate, impact, fee]
            }
            Self::Settle(perp) => {
                let receipt = ledger.settle_perp(account, perp)?;
                vec![receipt.paid_out.into(), receipt.paid_in.into()]
            }
            Self::PoolDeposit(amount) => {
                let moved = ledger.provide(account, POOL, amount)?;
                movement(moved.amount, moved.shares)
            }
            Self::PoolRequest(shares) => {
                ledger.ask_to_leave(account, POOL, Shares(shares))?;
                Vec::new()
            }
            Self::PoolWithdraw => {
                let moved = ledger.leave(account, POOL)?;
                movement(moved.amount, moved.shares)
            }
        })
    }
}

fn numbers(report: &HealthReport) -> Vec<u128> {
    let HealthReport {
        initial_collateral,
        initial_debt,
        maintenance_collateral,
        maintenance_debt,
        equity_collateral,
        equity_debt,
    } = *report;
    let all =
        [initial_collateral, initial_debt, maintenance_collateral, maintenance_debt, equity_collateral, equity_debt];
    all.iter().map(|value| value.get()).collect()
}

fn health(view: &MarketView, account: &MarginAccount, now: i64) -> Value {
    answer(view.health_report(account, now), |report| numbers(&report).iter().map(u128::to_string).collect())
}

/// The first bytes of a hash over accounts and numbers: all of them would be megabytes.
fn digest(accounts: &[&[u8]], numbers: &[String]) -> String {
    let mut hash = Sha256::new();
    accounts.iter().for_each(|bytes| hash.update(bytes));
    hash.update(numbers.join(","));
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A market with two perps, and accounts of it, as the chain would hold them.
fn start() -> (MarketView, Vec<MarginAccount>, i64) {
    let mut scene = Scene::new(2, USERS, 2_000_000, 20_000);
    // What others borrow.
    (0..4).for_each(|reserve| scene.world.deposit(0, reserve, scene.world.atoms(reserve, 100_000 * 10_000)));
    let view = named(&scene.world);
    let owned = |(user, account): (usize, &MarginAccount)| MarginAccount {
        version: LAYOUT_VERSION,
        market: to_engine(&view.address),
        owner: to_engine(&key(100 + user as u8)),
        ..*account
    };
    let accounts = scene.world.accounts.iter().enumerate().map(owned).collect();
    (view, accounts, scene.world.now)
}

fn random_amount(random: &mut Random, view: &MarketView, reserve: u8) -> u64 {
    match random.below(12) {
        0 => EVERYTHING,
        1 => random.below(3),
        2 => u64::MAX >> random.below(40),
        _ => {
            let record = &view.reserves[reserve as usize];
            // Atoms of up to so many dollars at the last price.
            let scale = 10u128.pow(record.decimals.into()) * 10u128.pow(EXPONENT.unsigned_abs());
            let cents = 1 + random.below(1_500_000);
            (u128::from(cents) * scale / 100 / u128::from(record.price.price)) as u64
        }
    }
}

fn random_action(random: &mut Random, view: &MarketView, account: &MarginAccount, now: i64) -> Action {
    let held: Vec<_> = account.positions().iter().map(|position| (position.reserve, position.is_debt())).collect();
    let mut of_side = |is_debt: bool| {
        let found: Vec<u8> = held.iter().filter(|one| one.1 == is_debt).map(|one| one.0).collect();
        // Sometimes one that is not held.
        let other = random.below(4) as u8;
        if found.is_empty() || random.one_in(12) { other } else { found[random.below(found.len() as u64) as usize] }
    };
    let (deposit, debt) = (of_side(false), of_side(true));
    let any = random.below(4) as u8;
    // What is not lent can be borrowed; sometimes something is tried that is.
    let free: Vec<u8> = (0..4).filter(|reserve| !held.contains(&(*reserve, false))).collect();
    let other = if free.is_empty() || random.one_in(6) { any } else { free[random.below(free.len() as u64) as usize] };
    let perp = PERPS[0] + (any & 1);
    // Who has put something into the pool mostly deals with that: an account with a stake takes neither debts nor perps.
    let turn = if account.stake().is_some() && random.one_in(2) { 14 } else { random.below(16) };
    match turn {
        0..=3 => Action::Lend("deposit", any, random_amount(random, view, any)),
        4..=6 => {
            // Half the time close to all that it may.
            let most = view.max_borrow(account, other, now).map_or(0, |limit| limit.atoms);
            let near = most / 100 * (80 + random.below(20));
            let amount = if random.one_in(2) && near != 0 { near } else { random_amount(random, view, other) };
            Action::Lend("borrow", other, amount)
        }
        7..=8 => Action::Lend("withdraw", deposit, random_amount(random, view, deposit)),
        9..=10 => Action::Lend("repay", debt, random_amount(random, view, debt)),
        11..=13 => {
            let lots = random.below(6_000_000) as i64 * if random.one_in(2) { 1 } else { -1 };
            let limit = if random.one_in(10) { 1 + random.below(1 << 50) } else { 0 };
            let min_factor = if random.one_in(10) { Part::WHOLE } else { Part::ZERO };
            Action::Trade(Order { perp, lots, limit, min_factor, reduce_only: random.one_in(4) })
        }
        14 if !account.has_debt() && account.owner.0[0].is_multiple_of(4) || random.one_in(3) => {
            match random.below(4) {
                0 => Action::PoolRequest(random.below(5_000) * USD),
                1 => Action::PoolWithdraw,
                _ => Action::PoolDeposit(1 + random.below(5_000) * USD),
            }
        }
        14 => Action::Lend("repay", debt, EVERYTHING),
        _ => Action::Settle(perp),
    }
}

fn random_prices(random: &mut Random, view: &MarketView) -> Vec<SupposedPrice> {
    let mut prices = Vec::new();
    for reserve in 0..POOL {
        if random.one_in(3) {
            let last = view.reserves[reserve as usize].price.price;
            let price = last / 1_000 * (940 + random.below(120));
            let confidence = random.one_in(3).then(|| price / (500 + random.below(2_000)));
            let ema_price = random.one_in(3).then_some(last);
            prices.push(SupposedPrice { reserve, price, exponent: EXPONENT, confidence, ema_price });
        }
    }
    prices
}

fn prices_value(prices: &[SupposedPrice]) -> Value {
    let of = |price: &SupposedPrice| {
        let SupposedPrice { reserve, price, exponent, confidence, ema_price } = *price;
        json!({
            "reserve": reserve,
            "price": price.to_string(),
            "exponent": exponent,
            "confidence": confidence.map(|it| it.to_string()),
            "emaPrice": ema_price.map(|it| it.to_string()),
        })
    };
    prices.iter().map(of).collect()
}

/// A long walk: random actions of random accounts, and prices that move. What each step makes of market and account, and the health.
#[test]
fn a_walk_of_actions_and_prices() {
    let (mut view, mut accounts, mut now) = start();
    let stored = |view: &MarketView, accounts: &[MarginAccount]| {
        let data: Vec<_> = accounts.iter().map(|account| base64(&encode_margin_account(account))).collect();
        json!({ "market": { "address": view.address.to_string(), "data": base64(&encode_market(view)) }, "accounts": data })
    };
    let begin = stored(&view, &accounts);
    let (mut random, mut steps, mut outcomes) = (Random(18), Vec::new(), BTreeMap::<_, [u32; 2]>::new());
    for step in 0..=STEPS {
        if step == STEPS || random.one_in(6) {
            let most = if random.one_in(10) { 20_000 } else { 90 };
            now += 1 + random.below(most) as i64;
            let twice = |reserve: u8| {
                let price = view.reserves[reserve as usize].price.price * 2;
                SupposedPrice { reserve, price, exponent: EXPONENT, confidence: None, ema_price: None }
            };
            // It ends with prices at which many debts are too much.
            let prices =
                if step == STEPS { vec![twice(1), twice(2), twice(3)] } else { random_prices(&mut random, &view) };
            let moved = view.with_prices(&prices, now);
            let gives = answer(moved, |moved| {
                view = moved;
                json!(digest(&[&encode_market(&view)], &[]))
            });
            steps.push(json!([now, prices_value(&prices), gives]));
            continue;
        }
        now += random.below(3) as i64;
        let user = random.below(USERS as u64) as usize;
        let action = random_action(&mut random, &view, &accounts[user], now);
        let (mut market, mut account) = (view.clone(), accounts[user]);
        let moved = action.run(&mut market, &mut account, now);
        outcomes.entry(action.kind()).or_default()[moved.is_err() as usize] += 1;
        let gives = answer(moved, |moved| {
            (view, accounts[user]) = (market, account);
            let report = view.health_report(&account, now).expect("records that there are");
            let health = numbers(&report).into_iter().map(|number| number.to_string());
            let all: Vec<_> = moved.iter().map(i128::to_string).chain(health).collect();
            json!(digest(&[&encode_market(&view), &encode_margin_account(&account)], &all))
        });
        steps.push(json!([now, user, action.value(), gives]));
    }
    for (kind, [done, refused]) in &outcomes {
        assert!(*done > 2 && *refused > 2, "{kind}: {done} done and {refused} refused");
    }
    assert_eq!(outcomes.len(), 9);
    let unhealthy = accounts.iter().filter(|account| {
        let report = view.health_report(account, now).expect("records that there are");
        report.maintenance_debt.get() > report.maintenance_collateral.get()
    });
    assert!((3..USERS - 3).contains(&unhealthy.count()));
    let scan: Vec<_> = accounts.iter().map(|account| health(&view, account, now)).collect();
    let steps: Vec<_> = steps.iter().map(|step| serde_json::to_string(step).expect("JSON")).collect();
    let figures = figures(&view, &accounts, now);
    let end = stored(&view, &accounts);
    let opened = |account: Result<MarginAccount>| {
        let (market, owner) = (to_engine(&view.address), to_engine(&key(2)));
        answer(account, |account| {
            json!(base64(&encode_margin_account(&MarginAccount { id: 7, market, owner, ..account })))
        })
    };
    let records = &view.reserves;
    let opened = [
        MarginAccount::open(Mode::Cross as u8, 0, 0, records),
        MarginAccount::open(Mode::Isolated as u8, 1, 0, records),
        MarginAccount::open_for_perp(QUOTE, PERPS[1], records),
        MarginAccount::open(Mode::Isolated as u8, 1, 1, records),
    ]
    .map(opened);
    assert!(opened[3]["error"].is_number());
    check(
        "play.json",
        &json!({ "start": begin, "steps": steps, "now": now, "end": end, "scan": scan, "figures": figures, "opened": opened }),
    );
}

/// The figures of perps and positions.
fn figures(view: &MarketView, accounts: &[MarginAccount], now: i64) -> Value {
    let number = |value: u64| value.to_string();
    let perp = |index: u8| {
        let report = view.preview(now, |ledger| ledger.perp_report(index)).expect("a perp");
        let marks = [report.marks, report.offered]
            .map(|marks| json!({ "low": number(marks.low), "spot": number(marks.spot), "high": number(marks.high) }));
        let [marks, offered] = marks;
        let part = |part: f64| part / (1u64 << 32) as f64;
        let state = match report.state {
            PerpState::Open => "open",
            PerpState::ReduceOnly => "reduceOnly",
            PerpState::Deleveraging => "deleveraging",
            PerpState::WoundDown => "woundDown",
        };
        json!({
            "state": state,
            "marks": marks,
            "offered": offered,
            "age": number(report.age),
            "longLots": number(report.lots[0]),
            "shortLots": number(report.lots[1]),
            "skewLots": report.skew.to_string(),
            "funding": part(report.funding as f64),
            "borrow": part(report.borrow as f64),
            "fee": part(report.fee as f64),
            "fund": number(report.fund),
            "insurance": number(report.insurance),
            "budget": report.budget.map(number),
            "growth": report.growth.map(number),
            "buffer": number(report.greeks.buffer),
        })
    };
    let position = |(user, account): (usize, &MarginAccount)| {
        account
            .perps()
            .map(|held| {
                let report = view.preview(now, |ledger| ledger.position_report(account, held.perp));
                let report = answer(report, |report| {
                    json!({
                        "lots": report.lots.to_string(),
                        "value": number(report.value),
                        "gain": report.gain.to_string(),
                        "paid": number(report.paid),
                        "breakEven": report.break_even.map(number),
                        "initialMargin": number(report.initial_margin),
                        "maintenanceMargin": number(report.maintenance_margin),
                        "heldUntil": report.held_until.to_string(),
                    })
                });
                let order = Order { perp: held.perp, lots: 1, limit: 0, min_factor: Part::ZERO, reduce_only: false };
                let limit = |limit: ballast_client::Limit| {
                    json!({ "atoms": number(limit.atoms), "refusal": limit.refusal.map(|error| error.code()) })
                };
                json!({
                    "user": user,
                    "perp": held.perp,
                    "report": report,
                    "maxTrade": answer(view.max_trade(account, &order, now), limit),
                    "maxDeposit": answer(view.max_deposit(account, QUOTE, now), limit),
                })
            })
            .collect::<Vec<_>>()
    };
    let positions: Vec<_> = accounts.iter().enumerate().flat_map(position).collect();
    assert!(positions.len() > 4);
    json!({ "perps": [perp(PERPS[0]), perp(PERPS[1])], "positions": positions })
}

/// Changes that wait: of weights, which ramp, of the market, of a pool; one that is not edits; one that has expired.
#[test]
fn changes_that_wait() {
    let (mut view, mut accounts, now) = start();
    let act = |view: &mut MarketView, account: &mut MarginAccount, kind, reserve, amount| {
        Action::Lend(kind, reserve, amount).run(view, account, now + 1).expect("possible");
    };
    let [lender, debtor] = accounts.first_chunk_mut().expect("two");
    act(&mut view, lender, "deposit", 1, 500_000_000_000);
    act(&mut view, debtor, "borrow", 1, 50_000_000_000);
    let now = now + 1;
    view.market.config.launched = 1;
    view.market.authority = AUTHORITY;
    let old = view.reserves[0].config;
    let weights = |asset: u16, liability: u16| {
        let mut config = old;
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(asset), Bps(asset));
        (config.risk.cross.initial_liability, config.risk.cross.maintenance_liability) =
            (Bps(liability), Bps(liability));
        Edits::of_reserve(&old, &config).all()
    };
    let of_market = {
        let config = ballast_client::engine::state::market::MarketConfig {
            dust_value: view.market.config.dust_value / 2,
            ..view.market.config
        };
        Edits::of_market(&view.market.config, &config).all()
    };
    let queue = |view: &mut MarketView, target, data: &[u8]| {
        let mut change = Change { market: to_engine(&view.address), payer: to_engine(&key(3)), ..Change::default() };
        view.ledger(now).queue_change(&AUTHORITY, target, data, &mut change).expect("a change");
        change
    };
    let pool = *view.pool(POOL).expect("a pool");
    let all = [
        ("lower weights", queue(&mut view, 0, &weights(5_000, 12_000))),
        ("higher weights", queue(&mut view, 0, &weights(8_400, 10_300))),
        ("the market", queue(&mut view, OF_MARKET, &of_market)),
        ("a new pool", queue(&mut view, OF_POOL, bytemuck::bytes_of(&pool.config))),
    ];
    let mut cases: Vec<_> = all.iter().map(|(name, change)| (*name, *change, now)).collect();
    cases.push(("due for a day", all[0].1, all[0].1.earliest + 86_400));
    cases.push(("expired", all[0].1, all[0].1.latest + 1));
    let debtor = &accounts[1];
    let case = |(name, change, now): &(&str, Change, i64)| {
        let found = view.with_change(change, *now);
        let result = answer(found, |found| {
            let of = |view: &MarketView| json!({ "digest": digest(&[&encode_market(view)], &[]), "health": health(view, debtor, found.at) });
            json!({
                "at": found.at.to_string(),
                "rampedAt": found.ramped_at.to_string(),
                "before": of(&found.before),
                "after": of(&found.after),
                "ramped": of(&found.ramped),
            })
        });
        let data = base64(&[&Change::DISCRIMINATOR, bytemuck::bytes_of(change)].concat());
        json!({ "name": name, "now": now, "change": { "address": key(60).to_string(), "data": data }, "result": result })
    };
    let results: Vec<_> = cases.iter().map(case).collect();
    assert_eq!(results[3]["result"]["error"], Error::WrongChange.code());
    assert_eq!(results[5]["result"]["error"], Error::ChangeExpired.code());
    let lowered = &results[0]["result"];
    let number =
        |stage: &str, n: usize| lowered[stage]["health"][n].as_str().expect("text").parse::<u128>().expect("a number");
    // New risk is judged by it at once, liquidation once it has ramped.
    assert!(number("after", 0) < number("before", 0));
    assert!(number("after", 2) > number("before", 2) * 99 / 100);
    assert!(number("ramped", 2) < number("before", 2) * 3 / 4);
    let fixture = json!({
        "market": { "address": view.address.to_string(), "data": base64(&encode_market(&view)) },
        "account": base64(&encode_margin_account(debtor)),
        "changes": results,
    });
    check("changes.json", &fixture);
}
