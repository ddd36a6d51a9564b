//! What is remembered of a vault under stress, and what it comes to.

use std::collections::BTreeMap;

use ballast_client::VaultView;

use super::SETTLING;
use crate::{assets::Asset, stats::Record, world::Cost};

/// Seconds of a year.
const YEAR: f64 = 31_536_000.0;
/// Utilisation from which a market is taken to be fully used.
pub const FULL: f64 = 0.995;

/// The vault after one of its turns. Amounts in atoms.
#[derive(Clone, Debug)]
pub struct VaultFrame {
    /// Unix seconds.
    pub time: i64,
    /// Liquid assets ÷ stressed outflow.
    pub coverage: f64,
    /// What waits in the queue.
    pub queued: u64,
    /// Requests in the queue.
    pub requests: usize,
    /// What is not lent.
    pub idle: u64,
    /// What all shares are worth to who leaves.
    pub value: u64,
    /// The same of one share.
    pub price: f64,
    /// Borrowed share of the token's reserve in each market.
    pub utilisation: Vec<f64>,
}

impl VaultFrame {
    /// Of a vault now.
    pub(super) fn new(view: &VaultView, now: i64) -> Self {
        let report = view.report(now);
        let reserves = view.vault.open_slots().filter_map(|slot| view.reserve_of(slot));
        let taken = view.vault.queue.tickets.iter().filter(|ticket| !ticket.request.is_none());
        Self {
            time: now,
            coverage: report.coverage as f64 / 10_000.0,
            queued: report.queued,
            requests: taken.count(),
            idle: report.idle,
            value: report.exit,
            price: report.exit as f64 / report.shares.0 as f64,
            utilisation: reserves.map(|reserve| reserve.utilisation().to_f64()).collect(),
        }
    }
}

/// Tokens for shares.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// When, unix seconds: by redeeming or in the queue.
    pub time: i64,
    /// Shares given.
    pub shares: u64,
    /// Atoms received.
    pub amount: u64,
    /// Atoms that stayed as an exit fee.
    pub fee: u64,
}

/// A lender who wanted to leave.
#[derive(Clone, Debug)]
pub struct Leaver {
    /// Since when, unix seconds.
    pub since: i64,
    /// Shares then.
    pub shares: u64,
    /// What they were worth then, without a fee, atoms.
    pub worth: u64,
    /// What was paid.
    pub payments: Vec<Payment>,
    /// What the shares that are left are worth at the end, atoms.
    pub left: u64,
    /// Whether nothing is left to do.
    pub(super) is_settled: bool,
}

impl Leaver {
    pub(super) fn new(since: i64, shares: u64, worth: u64) -> Self {
        Self { since, shares, worth, payments: Vec::new(), left: 0, is_settled: false }
    }

    /// Shares that were paid until a time.
    pub fn shares_out(&self, until: i64) -> u64 {
        self.payments.iter().filter(|payment| payment.time <= until).map(|payment| payment.shares).sum()
    }

    /// Whether all were paid.
    pub fn is_out(&self) -> bool {
        self.shares_out(i64::MAX) == self.shares
    }

    /// Seconds until all was paid, or until the end.
    pub fn waited(&self, end: i64) -> i64 {
        let last = self.payments.last().filter(|_| self.is_out());
        last.map_or(end, |payment| payment.time) - self.since
    }
}

/// Everything that is remembered of a vault.
pub struct VaultRecord {
    /// The vault's token.
    pub token: Asset,
    /// When a run began, if there was one.
    pub run: Option<i64>,
    /// What happened in each market.
    pub markets: Vec<Record>,
    /// One for each turn of the vault.
    pub frames: Vec<VaultFrame>,
    /// The lenders who wanted to leave.
    pub leavers: Vec<Leaver>,
    /// Moves that the keeper made.
    pub moves: u64,
    /// Seconds after the beginning of the run when all markets were fully used for the first time.
    pub full_after: Option<i64>,
    /// When it ended, unix seconds.
    pub end: i64,
    /// Events of markets and vault.
    pub events: u64,
    /// Compute units by operation.
    pub costs: BTreeMap<&'static str, Cost>,
    /// Refusals by operation and reason.
    pub refusals: BTreeMap<(&'static str, &'static str), u64>,
}

impl VaultRecord {
    pub(super) fn new(token: Asset, run: Option<i64>) -> Self {
        Self {
            token,
            run,
            markets: Vec::new(),
            frames: Vec::new(),
            leavers: Vec::new(),
            moves: 0,
            full_after: None,
            end: 0,
            events: 0,
            costs: BTreeMap::new(),
            refusals: BTreeMap::new(),
        }
    }

    /// Notes whether the markets are fully used, so many seconds after the beginning of a run.
    pub(super) fn note_use(&mut self, since: i64) {
        let is_full = |frame: &VaultFrame| frame.utilisation.iter().all(|utilisation| *utilisation >= FULL);
        if since >= 0 && self.frames.last().is_some_and(is_full) {
            self.full_after.get_or_insert(since);
        }
    }

    /// The frames since the vault took its part over.
    pub fn measured(&self) -> &[VaultFrame] {
        let from = self.frames.first().map_or(0, |frame| frame.time + SETTLING);
        &self.frames[self.frames.partition_point(|frame| frame.time < from)..]
    }

    /// Of the shares whose lenders had wanted to leave by so many seconds after the beginning of the run, the part that had left by
    /// then. None if nobody had wanted to.
    pub fn out_within(&self, seconds: i64) -> Option<f64> {
        let until = self.run? + seconds;
        let wanted: u64 = self.leavers.iter().filter(|of| of.since <= until).map(|of| of.shares).sum();
        let out: u64 = self.leavers.iter().map(|leaver| leaver.shares_out(until)).sum();
        (wanted > 0).then(|| out as f64 / wanted as f64)
    }

    /// Median and longest wait of who wanted to leave, seconds. Who is not out counts until the end.
    pub fn waits(&self) -> Option<(i64, i64)> {
        let mut waits: Vec<_> = self.leavers.iter().map(|leaver| leaver.waited(self.end)).collect();
        waits.sort();
        Some((*waits.get(waits.len() / 2)?, *waits.last()?))
    }

    /// Lenders who wanted to leave and are not out at the end.
    pub fn still_in(&self) -> usize {
        self.leavers.iter().filter(|leaver| !leaver.is_out()).count()
    }

    /// What those who wanted to leave lost by then, as a share of what they had when they came to want it: fees and losses, less what
    /// they earned while they waited.
    pub fn leavers_loss(&self) -> Option<f64> {
        let sum = |of: fn(&Leaver) -> u64| self.leavers.iter().map(of).sum::<u64>() as f64;
        let worth = sum(|leaver| leaver.worth);
        let got = sum(|leaver| leaver.payments.iter().map(|payment| payment.amount).sum::<u64>() + leaver.left);
        (worth > 0.0).then(|| 1.0 - got / worth)
    }

    /// What those who stayed lost: the deepest fall of a share's price below the highest before, as a share of that.
    pub fn stayers_loss(&self) -> f64 {
        let mut highest = 0.0f64;
        self.measured().iter().fold(0.0, |deepest, frame| {
            highest = highest.max(frame.price);
            deepest.max(1.0 - frame.price / highest)
        })
    }

    /// Exit fees, atoms.
    pub fn fees(&self) -> u64 {
        self.leavers.iter().flat_map(|leaver| &leaver.payments).map(|payment| payment.fee).sum()
    }

    /// The lowest coverage.
    pub fn lowest_coverage(&self) -> f64 {
        self.measured().iter().map(|frame| frame.coverage).fold(f64::INFINITY, f64::min)
    }

    /// The longest queue: as a part of the vault's value, and in requests.
    pub fn longest_queue(&self) -> (f64, usize) {
        let part = |frame: &VaultFrame| frame.queued as f64 / frame.value.max(1) as f64;
        let frames = self.measured();
        (frames.iter().map(part).fold(0.0, f64::max), frames.iter().map(|frame| frame.requests).max().unwrap_or(0))
    }

    /// What the vault does not lend, as a part of its value, on average.
    pub fn idle(&self) -> f64 {
        let frames = self.measured();
        let part = |frame: &VaultFrame| frame.idle as f64 / frame.value.max(1) as f64;
        frames.iter().map(part).sum::<f64>() / frames.len().max(1) as f64
    }

    /// What a share gained in a year, at the pace of the whole time that is measured.
    pub fn yearly(&self) -> f64 {
        let frames = self.measured();
        match (frames.first(), frames.last()) {
            (Some(first), Some(last)) if last.time > first.time => {
                (last.price / first.price).powf(YEAR / (last.time - first.time) as f64) - 1.0
            }
            _ => 0.0,
        }
    }

    /// The same at the pace of so many seconds before each frame.
    pub fn yields(&self, seconds: i64) -> Vec<(i64, f64)> {
        let frames = self.measured();
        let pace = |frame: &VaultFrame| {
            let before = &frames[..frames.partition_point(|other| other.time <= frame.time - seconds)];
            let before = before.last()?;
            let elapsed = (frame.time - before.time) as f64;
            Some((frame.time, (frame.price / before.price).powf(YEAR / elapsed) - 1.0))
        };
        frames.iter().filter_map(pace).collect()
    }

    /// Debt that was written off against lenders, USD.
    pub fn bad_debt(&self) -> f64 {
        self.markets.iter().map(|market| market.settled.1).sum()
    }
}
