//! What there is to do: a function of what is known.

use std::collections::HashMap;

use ballast_client::{
    Address, adds_record,
    engine::{
        number::units::{Bps, ONE_BPS},
        state::{account::MarginAccount, change::Change},
    },
};

use ballast_liquidator::{is_bad_debt, is_report_due};

use super::{
    perps,
    state::{Chain, Predicted, State},
    vault::work::Chore,
};
use crate::account_index::{Extent, Found};

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Duty {
    /// An account is liquidatable, or owes to a reserve whose term has come.
    Liquidate(Address),
    /// A debt has no collateral left.
    Settle(Address, u8),
    /// More of an account's debts is lost than is reported, or less.
    Report(Address),
    /// Prices that the chain does not have.
    Refresh(Vec<u8>),
    /// A reserve that nobody uses has a halt that is over, or fees that wait.
    RefreshReserve(u8),
    /// A change is due.
    Execute(Box<Change>),
    /// A change has expired.
    Cancel(Box<Change>),
    /// Something about a vault, and what it earns, USD.
    Vault(Address, Chore, f64),
    /// Something about a perp other than a liquidation.
    Perp(Box<perps::Work>),
}

/// What a duty is about. Only one attempt at a time is made about each subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A margin account.
    Account(Address),
    /// What is reported of its loss, whatever else is done about it.
    Loss(Address),
    /// Prices.
    Prices,
    /// A reserve.
    Reserve(u8),
    /// A queued change.
    Change(u64),
    /// What is owed by a position of an account in a perp, or to it.
    Position(Address, u8),
    /// Whether a perp's pool can bear it.
    Perp(u8),
    /// One kind of work on a vault. What is refused holds up no other kind.
    Vault(Address, Chore),
}

impl Duty {
    /// What it is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Liquidate(account) | Self::Settle(account, _) => Subject::Account(*account),
            Self::Report(account) => Subject::Loss(*account),
            Self::Refresh(_) => Subject::Prices,
            Self::RefreshReserve(reserve) => Subject::Reserve(*reserve),
            Self::Execute(change) | Self::Cancel(change) => Subject::Change(change.number),
            Self::Vault(vault, chore, _) => Subject::Vault(*vault, *chore),
            Self::Perp(work) => {
                work.account.map_or(Subject::Perp(work.perp), |account| Subject::Position(account, work.perp))
            }
        }
    }

    /// Its name in logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Liquidate(_) => "liquidate",
            Self::Settle(..) => "settle_bad_debt",
            Self::Report(_) => "report_loss",
            Self::Refresh(_) => "refresh_prices",
            Self::RefreshReserve(_) => "refresh_reserve",
            Self::Execute(_) => "execute_change",
            Self::Cancel(_) => "cancel_change",
            Self::Vault(_, chore, _) => chore.name(),
            Self::Perp(work) => work.chore.name(),
        }
    }
}

/// When a crank is worth a transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Age at which a price is refreshed, as a share of the reserve's limit, basis points.
    pub refresh_age_bps: u16,
    /// Difference from the chain's price at which it is refreshed, basis points.
    pub refresh_deviation_bps: u16,
    /// Value of waiting fees at which a reserve is refreshed, USD.
    pub refresh_fees: f64,
}

/// Prices of one transaction, at most.
const MOST_PRICES: usize = 12;
/// Accounts that are compared by profit, at most; those with the largest debts are taken.
pub const MOST_CANDIDATES: usize = 64;

/// What there is to do, the liquidations with the largest debts first. Some duties are not caused by a price: terms that have
/// come, breakers, changes, bad debts whose prices are old, reports that no longer hold. These are looked for only at full
/// evaluations. A subject for which `is_free` is false, because it was tried a moment ago, is left out.
pub fn duties(
    state: &mut State,
    predicted: &mut Predicted,
    extent: Extent,
    thresholds: &Thresholds,
    is_free: impl Fn(&Subject) -> bool,
) -> (Vec<Duty>, Vec<Found>) {
    let mut found = state.accounts.evaluate(&predicted.market, predicted.now, extent);
    found.sort_by_key(|one| std::cmp::Reverse(one.health.debt));
    let (all, now) = (extent == Extent::Full, predicted.now);
    let mut duties = Vec::new();
    let mut settled: Vec<Address> = if all { state.accounts.bad_debts(&mut predicted.market, now) } else { Vec::new() };
    let mut liquidatable = 0;
    let ledger = predicted.market.ledger(now);
    let mut reported = if all { state.accounts.reported() } else { Vec::new() };
    reported.extend(found.iter().map(|one| one.address));
    reported.sort();
    reported.dedup();
    for address in reported.into_iter().filter(|address| is_free(&Subject::Loss(*address))) {
        let Some(account) = state.accounts.account(&address) else { continue };
        // What can be written off needs no report.
        if !is_bad_debt(&ledger, &account) && is_report_due(&ledger, &account) {
            duties.push(Duty::Report(address));
        }
    }
    for one in found.iter().filter(|one| is_free(&Subject::Account(one.address))) {
        let Some(account) = state.accounts.account(&one.address) else { continue };
        if is_bad_debt(&ledger, &account) {
            settled.push(one.address);
        } else if liquidatable < MOST_CANDIDATES && account.in_receivership == 0 {
            liquidatable += 1;
            duties.push(Duty::Liquidate(one.address));
        }
    }
    settled.sort();
    settled.dedup();
    for address in settled {
        let debts = state.accounts.account(&address).map(first_debt);
        duties.extend(debts.flatten().map(|reserve| Duty::Settle(address, reserve)));
    }
    let refreshed = stale_prices(&state.chain, predicted, thresholds);
    duties.extend(refreshed.chunks(MOST_PRICES).map(|reserves| Duty::Refresh(reserves.to_vec())));
    if all {
        let due = state.accounts.due(&predicted.market.reserves, now);
        duties.extend(due.into_iter().take(MOST_CANDIDATES).map(|(address, _)| Duty::Liquidate(address)));
        duties.extend(refreshes(&state.chain, now, thresholds));
        duties.extend(changes(&state.chain, now));
    }
    (duties, found)
}

fn first_debt(account: MarginAccount) -> Option<u8> {
    account.positions().iter().find(|position| position.is_debt()).map(|position| position.reserve)
}

/// Reserves whose price is old or far off on the chain, and newer at hand.
fn stale_prices(chain: &Chain, predicted: &Predicted, thresholds: &Thresholds) -> Vec<u8> {
    let Some(market) = chain.market() else { return Vec::new() };
    let is_worth = |reserve: &u8| {
        let (held, new) = (&market.reserves[*reserve as usize], &predicted.market.reserves[*reserve as usize]);
        let age = predicted.now.saturating_sub(held.price.publish_time);
        let limit = held.config.oracle.max_age as i64 * thresholds.refresh_age_bps as i64 / ONE_BPS as i64;
        let one =
            |price: &ballast_client::engine::price::cache::PriceCache| price.price as f64 * 10f64.powi(price.exponent);
        let (old, new) = (one(&held.price), one(&new.price));
        age >= limit || (new - old).abs() * ONE_BPS as f64 >= old * thresholds.refresh_deviation_bps as f64
    };
    (0..market.reserves.len() as u8).filter(|reserve| predicted.fresher >> reserve & 1 == 1).filter(is_worth).collect()
}

/// Reserves with a halt that is over, or with fees that wait.
fn refreshes(chain: &Chain, now: i64, thresholds: &Thresholds) -> Vec<Duty> {
    let reserves = chain.market().map_or(&[][..], |market| &market.reserves);
    let waits = |reserve: &&ballast_client::engine::state::reserve::Reserve| {
        let fees = u64::try_from(reserve.fees() >> 64).unwrap_or(u64::MAX).min(reserve.cash / 4);
        let value = reserve.price.value_floor(fees, reserve.price.spot, Bps(ONE_BPS)).to_f64();
        let is_insured = reserve.config.insurance.fee_share.0 != 0;
        (reserve.halt.tier != 0 && now >= reserve.halt.until) || (is_insured && value >= thresholds.refresh_fees)
    };
    let numbered = (0u8..).zip(reserves).filter(|(_, reserve)| reserve.closed == 0 && waits(reserve));
    numbered.map(|(index, _)| Duty::RefreshReserve(index)).collect()
}

/// Changes that are due, and those that have expired. What adds a record costs rent, and is left to those who want it.
fn changes(chain: &Chain, now: i64) -> Vec<Duty> {
    let Some(market) = chain.market() else { return Vec::new() };
    let duty = |change: &Change| match () {
        () if change.has_expired(market.market.config.launched, now) => Some(Duty::Cancel(Box::new(*change))),
        () if now >= change.earliest && !adds_record(change) => Some(Duty::Execute(Box::new(*change))),
        () => None,
    };
    chain.changes.iter().filter_map(duty).collect()
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It landed.
    Landed,
    /// Somebody else did it.
    LostRace,
    /// Prices moved on while it was planned.
    Moved,
    /// The transaction would fail, or failed.
    Refused,
    /// It was not seen to land.
    Unlanded,
    /// The node did not answer as it should, or lags. The transaction was not sent, or it is not known whether it was.
    NodeFailed,
    /// No liquidation earns enough.
    NotWorth,
    /// No liquidation without the router earns enough, and the router did not answer.
    NoQuote,
    /// The transaction was simulated and not sent, because of `--dry-run`.
    DryRun,
}

impl Ended {
    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Landed => "landed",
            Self::LostRace => "lost_race",
            Self::Moved => "moved",
            Self::Refused => "refused",
            Self::Unlanded => "unlanded",
            Self::NodeFailed => "node_failed",
            Self::NotWorth => "not_worth",
            Self::NoQuote => "no_quote",
            Self::DryRun => "dry_run",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Attempt {
    is_running: bool,
    /// Attempts in a row that did not land.
    unlanded: u32,
    /// Attempts in a row that were refused.
    refused: u32,
    /// Milliseconds, of the caller's clock.
    not_before: u64,
}

/// What was tried about each subject: one attempt at a time, and pauses between them.
#[derive(Clone, Debug, Default)]
pub struct Attempts(HashMap<Subject, Attempt>);

impl Attempts {
    /// Milliseconds until a subject is tried again, at least: news of what landed must arrive first.
    const COOL_DOWN: u64 = 1_000;
    /// Half the first pause after prices have moved on.
    const MOVED: u64 = 100;
    /// The longest pause.
    const LONGEST: u64 = 60_000;

    /// Whether an attempt may begin.
    pub fn is_free(&self, subject: &Subject, now: u64) -> bool {
        self.0.get(subject).is_none_or(|attempt| !attempt.is_running && now >= attempt.not_before)
    }

    /// Begins an attempt, unless one is running or its pause is not over. Returns how many before did not land.
    pub fn begin(&mut self, subject: Subject, now: u64) -> Option<u32> {
        if !self.is_free(&subject, now) {
            return None;
        }
        let attempt = self.0.entry(subject).or_default();
        attempt.is_running = true;
        Some(attempt.unlanded)
    }

    /// Ends an attempt. `jitter` is a random number from 0 to 1, so that keepers which lost the same race try again at different
    /// times.
    pub fn end(&mut self, subject: Subject, ended: Ended, now: u64, jitter: f64) {
        let attempt = self.0.entry(subject).or_default();
        attempt.is_running = false;
        attempt.unlanded = if ended == Ended::Unlanded { attempt.unlanded.saturating_add(1) } else { 0 };
        let is_refused = matches!(ended, Ended::Refused | Ended::Moved | Ended::NodeFailed);
        attempt.refused = if is_refused { attempt.refused.saturating_add(1) } else { 0 };
        let pause = match ended {
            // At once, with a higher bid.
            Ended::Unlanded => 0,
            // The next plan may be good, but each failure makes that less likely.
            Ended::Moved => Self::MOVED << attempt.refused.min(6),
            Ended::Landed | Ended::LostRace => Self::COOL_DOWN,
            // A node fails for all subjects at once and comes back for all, so pauses stay short.
            Ended::NodeFailed => Self::COOL_DOWN << attempt.refused.min(3),
            Ended::Refused | Ended::NotWorth | Ended::NoQuote => Self::COOL_DOWN << attempt.refused.min(6),
            Ended::DryRun => Self::LONGEST / 4,
        };
        let pause = (pause as f64 * (1.0 + jitter)) as u64;
        attempt.not_before = now + pause.min(Self::LONGEST);
    }

    /// Whether something is tried about a vault now: whatever else would be done meets another state than was read.
    pub fn is_busy(&self, vault: &Address) -> bool {
        let is_of = |subject: &Subject| matches!(subject, Subject::Vault(one, _) if one == vault);
        self.0.iter().any(|(subject, attempt)| attempt.is_running && is_of(subject))
    }

    /// Forgets what was long ago.
    pub fn forget(&mut self, now: u64) {
        self.0.retain(|_, attempt| attempt.is_running || now < attempt.not_before + Self::LONGEST);
    }

    /// How many are running.
    pub fn running(&self) -> usize {
        self.0.values().filter(|attempt| attempt.is_running).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = Subject::Prices;

    #[test]
    fn one_attempt_at_a_time_and_a_pause_after_it() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.begin(SUBJECT, 0), Some(0));
        assert_eq!(attempts.begin(SUBJECT, 0), None, "it is running");
        attempts.end(SUBJECT, Ended::LostRace, 100, 0.5);
        assert_eq!((attempts.begin(SUBJECT, 1_599), attempts.begin(SUBJECT, 1_600)), (None, Some(0)));
    }

    #[test]
    fn what_did_not_land_is_tried_at_once_and_counted() {
        let mut attempts = Attempts::default();
        for failed in 0..5 {
            assert_eq!(attempts.begin(SUBJECT, 7), Some(failed));
            attempts.end(SUBJECT, Ended::Unlanded, 7, 1.0);
        }
        assert_eq!(attempts.begin(SUBJECT, 7), Some(5));
        attempts.end(SUBJECT, Ended::Landed, 7, 0.0);
        assert_eq!(attempts.begin(SUBJECT, 10_000), Some(0));
    }

    #[test]
    fn what_is_refused_again_and_again_waits_longer_up_to_a_minute() {
        let (mut attempts, mut now, mut last) = (Attempts::default(), 0, 0);
        for _ in 0..20 {
            assert!(attempts.begin(SUBJECT, now).is_some());
            attempts.end(SUBJECT, Ended::Refused, now, 0.0);
            let pause = (0..=60_000).step_by(1_000).find(|pause| attempts.is_free(&SUBJECT, now + pause));
            let pause = pause.expect("a minute at most");
            assert!(pause >= last && pause >= 2_000);
            (last, now) = (pause, now + pause);
        }
        assert_eq!(last, 60_000);
        attempts.forget(now + 200_000);
        assert_eq!(attempts.running(), 0);
    }

    /// What is refused waits, and holds up no other work on the same vault; only one thing is tried at a time.
    #[test]
    fn one_thing_at_a_time_is_tried_about_a_vault() {
        let (vault, other) = (Address::new_from_array([1; 32]), Address::new_from_array([2; 32]));
        let mut attempts = Attempts::default();
        let serve = Subject::Vault(vault, Chore::Serve);
        assert!(!attempts.is_busy(&vault));
        attempts.begin(serve, 0).expect("free");
        assert!(attempts.is_busy(&vault) && !attempts.is_busy(&other));
        attempts.end(serve, Ended::Refused, 10, 0.0);
        assert!(!attempts.is_busy(&vault) && !attempts.is_free(&serve, 1_000));
        assert!(attempts.is_free(&Subject::Vault(vault, Chore::PullBack), 10));
    }
}
