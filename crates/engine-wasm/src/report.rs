//! Figures of accounts, perps and positions, as words.

use ballast_client::{
    MarketView, decode_margin_account,
    engine::{
        health::report::HealthReport,
        perps::report::{PerpReport, PerpState, PositionReport},
        state::account::MarginAccount,
    },
};

use crate::{Answer, Failure, Subject, buffers::OUTPUT_WORDS, vault::words};

const HEALTH_WORDS: usize = 12;
/// Bytes of a margin account.
const ACCOUNT: usize = 8 + size_of::<MarginAccount>();

/// Collateral and debt by initial, maintenance and equity values: two words each, the lower first.
pub fn health_words(report: &HealthReport) -> [u64; HEALTH_WORDS] {
    let values = [
        report.initial_collateral,
        report.initial_debt,
        report.maintenance_collateral,
        report.maintenance_debt,
        report.equity_collateral,
        report.equity_debt,
    ];
    core::array::from_fn(|n| (values[n / 2].get() >> (64 * (n % 2))) as u64)
}

/// The health of each account, behind a zero, or the code of what refuses it.
pub fn scan(market: &MarketView, accounts: &[u8], now: i64, first: u32) -> Answer {
    let count = accounts.len().div_ceil(ACCOUNT);
    if count * (1 + HEALTH_WORDS) > OUTPUT_WORDS {
        return Err(Failure { code: 0, message: "more accounts than an answer has room for".into() });
    }
    let mut all = Vec::with_capacity(count * (1 + HEALTH_WORDS));
    for (index, bytes) in accounts.chunks(ACCOUNT).enumerate() {
        let account = decode_margin_account(bytes)
            .map_err(|error| Failure { code: 0, message: format!("account {}: {error}", first as usize + index) })?;
        match market.health_report(&account, now) {
            Ok(report) => {
                all.push(0);
                all.extend(health_words(&report));
            }
            Err(error) => {
                all.push(error.code() as u64);
                all.extend([0; HEALTH_WORDS]);
            }
        }
    }
    Ok(all)
}

/// Something that there may be: 1 and it, or two zeros.
fn optional(value: Option<u64>) -> [u64; 2] {
    value.map_or([0; 2], |value| [1, value])
}

/// State, marks (low, spot, high), what a trade gets (likewise), age, lots of longs and of shorts, skew, funding, borrow fee, fee, fund,
/// insurance, budget and growth (two each), greeks (seven).
pub fn perp(market: &MarketView, perp: u8, now: i64) -> Answer {
    let report: PerpReport = market.preview(now, |ledger| ledger.perp_report(perp))?;
    let state = match report.state {
        PerpState::Open => 0,
        PerpState::ReduceOnly => 1,
        PerpState::Deleveraging => 2,
        PerpState::WoundDown => 3,
    };
    let marks = [report.marks, report.offered].map(|marks| [marks.low, marks.spot, marks.high]);
    let [longs, shorts] = report.lots;
    let (skew, funding) = (report.skew as u64, report.funding as u64);
    let figures = [report.age, longs, shorts, skew, funding, report.borrow, report.fee, report.fund, report.insurance];
    let limits = [report.budget, report.growth].map(optional);
    Ok([&[state], marks.as_flattened(), &figures, limits.as_flattened(), &words(&report.greeks)].concat())
}

/// Lots, value, gain, what of it would be paid, the price at which it breaks even (two words), initial and maintenance margin, until when
/// it pays no gain.
pub fn position(subject: &Subject, perp: u8) -> Answer {
    let Subject { market, account, now } = subject;
    let report: PositionReport = market.preview(*now, |ledger| ledger.position_report(account, perp))?;
    let even = optional(report.break_even);
    let until = report.held_until as u64;
    let figures = [report.lots as u64, report.value, report.gain as u64, report.paid];
    Ok([&figures[..], &even, &[report.initial_margin, report.maintenance_margin, until]].concat())
}

/// What exits can take now, what deposits can bring, and the prices of a million shares to who enters and leaves, two words each.
pub fn pool_prices(market: &MarketView, pool: u8, now: i64) -> Answer {
    let report = market.pool_report(pool, now)?;
    let config = market.pool(pool)?.config;
    let prices = [report.entry_price(), report.exit_price()].map(optional);
    Ok([&[report.free(&config), report.room(&config)], prices.as_flattened()].concat())
}
