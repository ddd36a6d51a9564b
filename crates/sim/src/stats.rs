//! What the replay remembers, and the summary made of it.

use std::collections::{BTreeMap, BTreeSet};

use ballast_client::MarketView;
use ballast_liquidator::value;

use super::{assets::Asset, liquidator::Plan, population::spot, world::Cost};
use ballast_time::full_label;

/// Upper bounds of the health classes: maintenance collateral ÷ debt. The last class has none.
pub const CLASSES: [f64; 4] = [1.0, 1.05, 1.15, 1.30];
/// Names of the classes.
pub const CLASS_NAMES: [&str; 5] = ["below 1: liquidatable", "1 to 1.05", "1.05 to 1.15", "1.15 to 1.30", "above 1.30"];

/// The state at the end of a bar, and its flows.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// When the bar opened, unix seconds.
    pub time: i64,
    /// Borrowed share of each reserve.
    pub utilisation: Vec<f64>,
    /// Annual borrow rate of each reserve.
    pub rates: Vec<f64>,
    /// Deposits in all reserves, USD.
    pub deposits: f64,
    /// Debts to all reserves, USD.
    pub debts: f64,
    /// Debt in USD by health class, at the worst price of the bar, before anyone is liquidated.
    pub classes: [f64; CLASS_NAMES.len()],
    /// Collateral ÷ debt at spot of the account closest to insolvency in the bar, before it is liquidated; carry trades
    /// between stablecoins are left out where no price moves them.
    pub thinnest: f64,
    /// Collateral and debt at spot of the accounts that have a debt, USD, at the last price of the bar.
    pub locked: (f64, f64),
    /// The most accounts that liquidations left unhealthy at a price.
    pub unhealthy: usize,
    /// Debt repaid in liquidations by the seized asset, USD.
    pub liquidated: Vec<f64>,
    /// Debt written off, USD.
    pub bad_debt: f64,
}

/// The class of a ratio.
pub fn class(ratio: f64) -> usize {
    CLASSES.iter().position(|bound| ratio < *bound).unwrap_or(CLASSES.len())
}

impl Frame {
    /// The frame of a bar about to begin.
    pub fn new(time: i64, assets: usize) -> Self {
        Self { time, thinnest: f64::INFINITY, liquidated: vec![0.0; assets], ..Self::default() }
    }

    /// Notes the state of the market at the end of the bar.
    pub fn close(&mut self, assets: &[Asset], market: &MarketView) {
        for (index, (asset, reserve)) in assets.iter().zip(&market.reserves).enumerate() {
            self.utilisation.push(reserve.utilisation().to_f64());
            self.rates.push(reserve.borrow_rate.per_year_f64());
            self.deposits += asset.tokens(reserve.deposits()) * spot(market, index);
            self.debts += asset.tokens(reserve.debts()) * spot(market, index);
        }
    }

    /// Collateral locked for each dollar borrowed, if anyone has a debt.
    pub fn locked_per_dollar(&self) -> Option<f64> {
        (self.locked.1 > 0.0).then(|| self.locked.0 / self.locked.1)
    }

    /// Takes over a distribution if it is worse than the one held: more debt close to the line.
    pub fn worsen(&mut self, classes: [f64; CLASS_NAMES.len()]) {
        let key = |classes: &[f64; CLASS_NAMES.len()]| (classes[0], classes[1]);
        if self.classes == [0.0; CLASS_NAMES.len()] || key(&classes) > key(&self.classes) {
            self.classes = classes;
        }
    }
}

/// Everything the replay remembers.
#[derive(Default)]
pub struct Record {
    /// What the market lists.
    pub assets: Vec<Asset>,
    /// One for each bar.
    pub frames: Vec<Frame>,
    /// When prices were published, and each with its displacement by liquidations, a factor.
    pub published: Vec<(i64, Vec<(f64, f64)>)>,
    /// Liquidations sent and filled.
    pub liquidations: u64,
    /// Traders liquidated at least once, by index.
    pub liquidated: BTreeSet<usize>,
    /// Debt repaid in liquidations, USD.
    pub repaid: f64,
    /// Collateral seized, USD at spot.
    pub seized: f64,
    /// What the liquidator earned after costs, USD.
    pub profit: f64,
    /// The highest penalty, basis points.
    pub highest_penalty: u16,
    /// Unhealthy accounts passed over because nothing paid, counted once for each price.
    pub skipped: u64,
    /// For how long accounts stayed unhealthy after liquidations, added up over accounts.
    pub unhealthy_seconds: i64,
    /// Debts settled without collateral: count and USD.
    pub settled: (u64, f64),
    /// Accounts whose healths the program and the client agreed on.
    pub healths_compared: u64,
    /// Accounts below the line when the replay ended.
    pub unhealthy_at_end: usize,
    /// What their debts, and all others, exceed their collateral by then, USD at spot.
    pub uncovered_at_end: f64,
    /// Traders whose debt was above their collateral at some price, at spot, by index.
    pub under_water: BTreeSet<usize>,
    /// Protocol fees collected at the end, USD.
    pub fees: f64,
    /// Compute units by operation.
    pub costs: BTreeMap<&'static str, Cost>,
    /// Refusals by operation and reason.
    pub refusals: BTreeMap<(&'static str, &'static str), u64>,
    /// Events logged, and how many the market counted.
    pub events: (u64, u64),
    /// Traders and lenders.
    pub accounts: (usize, usize),
}

impl Record {
    /// Counts a filled liquidation.
    pub fn liquidation(&mut self, frame: &mut Frame, trader: usize, market: &MarketView, plan: &Plan) {
        let repaid = value(market, plan.order.debt, plan.preview.repaid);
        self.liquidations += 1;
        self.liquidated.insert(trader);
        self.repaid += repaid;
        self.seized += value(market, plan.order.collateral, plan.preview.seized);
        self.profit += plan.profit;
        self.highest_penalty = self.highest_penalty.max(plan.preview.penalty.0);
        frame.liquidated[plan.order.collateral as usize] += repaid;
    }

    /// Counts a settled debt.
    pub fn settlement(&mut self, frame: &mut Frame, market: &MarketView, reserve: u8, amount: u64) {
        let usd = value(market, reserve, amount);
        (self.settled.0, self.settled.1) = (self.settled.0 + 1, self.settled.1 + usd);
        frame.bad_debt += usd;
    }

    /// The highest of a quantity over all frames and reserves, with reserve and time.
    fn peak(&self, of: impl Fn(&Frame) -> &[f64]) -> (f64, &'static str, i64) {
        let mut peak = (0.0, "", 0);
        for frame in &self.frames {
            for (asset, value) in self.assets.iter().zip(of(frame)) {
                if *value > peak.0 {
                    peak = (*value, asset.symbol, frame.time);
                }
            }
        }
        peak
    }

    /// Debt that collateral did not cover: written off, or left when the replay ended. USD.
    pub fn bad_debt(&self) -> f64 {
        self.settled.1 + self.uncovered_at_end
    }

    /// How far below the exogenous price each asset was ever published, as a share of it, and when.
    pub fn deepest(&self) -> Vec<(f64, i64)> {
        let mut deepest = vec![(0.0, 0); self.assets.len()];
        for (time, prices) in &self.published {
            for (deepest, (_, displacement)) in deepest.iter_mut().zip(prices) {
                if 1.0 - displacement > deepest.0 {
                    *deepest = (1.0 - displacement, *time);
                }
            }
        }
        deepest
    }

    /// Collateral locked for each dollar borrowed, averaged over the bars in which anyone had a debt.
    pub fn locked_per_dollar(&self) -> f64 {
        let ratios: Vec<f64> = self.frames.iter().filter_map(Frame::locked_per_dollar).collect();
        ratios.iter().sum::<f64>() / ratios.len().max(1) as f64
    }

    /// The lowest collateral ÷ debt at spot, and when; infinite if nobody had a debt.
    pub fn thinnest(&self) -> (f64, i64) {
        let each = self.frames.iter().map(|frame| (frame.thinnest, frame.time));
        each.fold((f64::INFINITY, 0), |least, next| if next.0 < least.0 { next } else { least })
    }

    /// Label and value of each line of the summary.
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        let span = match (self.frames.first(), self.frames.last()) {
            (Some(first), Some(last)) => {
                let bars = thousands(self.frames.len() as u64);
                format!("{} to {} UTC, {bars} bars", full_label(first.time), full_label(last.time))
            }
            _ => String::new(),
        };
        let (utilisation, utilised, at) = self.peak(|frame| &frame.utilisation);
        let (rate, rated, rated_at) = self.peak(|frame| &frame.rates);
        let transactions: u64 = self.costs.values().map(|cost| cost.count).sum();
        let worst_hour = self.worst_hour();
        vec![
            ("Period", span),
            (
                "Margin accounts",
                format!("{} traders, {} lenders", thousands(self.accounts.0 as u64), thousands(self.accounts.1 as u64)),
            ),
            (
                "Transactions",
                format!(
                    "{} executed, {} refused by a rule",
                    thousands(transactions),
                    thousands(self.refusals.values().sum())
                ),
            ),
            (
                "Liquidations",
                format!("{}, of {} accounts", thousands(self.liquidations), thousands(self.liquidated.len() as u64)),
            ),
            ("Debt repaid in liquidations", usd(self.repaid)),
            ("Collateral seized", usd(self.seized)),
            (
                "Penalties paid by borrowers",
                format!(
                    "{} ({:.2} % of the debt repaid, at most {:.2} %)",
                    usd(self.seized - self.repaid),
                    100.0 * (self.seized - self.repaid) / self.repaid.max(1.0),
                    self.highest_penalty as f64 / 100.0
                ),
            ),
            ("Liquidator's profit after costs", usd(self.profit)),
            ("Most liquidated in one hour", format!("{} from {} UTC", usd(worst_hour.1), full_label(worst_hour.0))),
            (
                "Closest to bad debt",
                match self.thinnest() {
                    (ratio, at) if ratio.is_finite() => {
                        format!("collateral worth {:.1} % of an account's debt, {} UTC", 100.0 * ratio, full_label(at))
                    }
                    _ => "nobody had a debt".into(),
                },
            ),
            (
                "Bad debt",
                if self.settled.0 == 0 {
                    "none".into()
                } else {
                    format!("{} in {} debts", usd(self.settled.1), self.settled.0)
                },
            ),
            (
                "Liquidations left for lack of profit",
                format!("{}, counted once for each price", thousands(self.skipped)),
            ),
            ("Collateral locked per dollar borrowed", format!("{:.2} USD on average", self.locked_per_dollar())),
            (
                "Unhealthy accounts at the end",
                if self.uncovered_at_end > 0.0 {
                    format!("{}, short of {}", self.unhealthy_at_end, usd(self.uncovered_at_end))
                } else {
                    self.unhealthy_at_end.to_string()
                },
            ),
            ("Highest utilisation", format!("{:.1} %: {utilised}, {} UTC", 100.0 * utilisation, full_label(at))),
            ("Highest borrow rate", format!("{:.1} % a year: {rated}, {} UTC", 100.0 * rate, full_label(rated_at))),
            ("Protocol fees collected", usd(self.fees)),
            (
                "Books",
                format!(
                    "balanced to 2^-64 of an atom, token accounts equal to the books and shares to the accounts' after \
                        each of {} bars",
                    thousands(self.frames.len() as u64)
                ),
            ),
            (
                "Health",
                format!("program and client agree on {} accounts, bit for bit", thousands(self.healths_compared)),
            ),
            (
                "Events",
                format!(
                    "{} read from logs, {} counted by the market",
                    thousands(self.events.0),
                    thousands(self.events.1)
                ),
            ),
        ]
    }

    /// The clock hour in which most was liquidated: its beginning and the USD repaid.
    pub fn worst_hour(&self) -> (i64, f64) {
        let mut hours: BTreeMap<i64, f64> = BTreeMap::new();
        for frame in &self.frames {
            *hours.entry(frame.time.div_euclid(3_600) * 3_600).or_default() += frame.liquidated.iter().sum::<f64>();
        }
        hours.into_iter().fold((0, 0.0), |worst, hour| if worst.0 == 0 || hour.1 > worst.1 { hour } else { worst })
    }
}

/// `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12,345`, and "under 1" for what is less but not nothing.
pub fn whole_usd(amount: f64) -> String {
    if 0.0 < amount && amount < 1.0 { "under 1".into() } else { thousands(amount.round() as u64) }
}

/// `12,345 USD`, with cents below a thousand.
pub fn usd(amount: f64) -> String {
    let sign = if amount < 0.0 { "−" } else { "" };
    if amount.abs() < 1_000.0 {
        format!("{sign}{:.2} USD", amount.abs())
    } else {
        format!("{sign}{} USD", thousands(amount.abs().round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(123_456), "123,456");
        assert_eq!(usd(12.345), "12.35 USD");
        assert_eq!(usd(-1_234.4), "−1,234 USD");
    }

    #[test]
    fn a_loss_is_never_written_as_none() {
        assert_eq!([0.0, 0.4, 1.2, 12_345.6].map(whole_usd), ["0", "under 1", "1", "12,346"]);
    }

    #[test]
    fn a_ratio_belongs_to_the_class_it_is_below() {
        assert_eq!([0.5, 1.0, 1.049, 1.15, 1.3, f64::INFINITY].map(class), [0, 1, 1, 3, 4, 4]);
    }

    #[test]
    fn the_worse_distribution_of_a_bar_is_kept() {
        let mut frame = Frame::default();
        frame.worsen([0.0, 1.0, 0.0, 0.0, 9.0]);
        frame.worsen([2.0, 0.0, 0.0, 0.0, 8.0]);
        frame.worsen([0.0, 5.0, 0.0, 0.0, 5.0]);
        assert_eq!(frame.classes, [2.0, 0.0, 0.0, 0.0, 8.0]);
    }

    #[test]
    fn the_worst_hour_is_the_one_in_which_most_was_liquidated() {
        let frame = |time, usd| Frame { time, liquidated: vec![usd, 1.0], ..Frame::default() };
        let frames = vec![frame(3_600, 5.0), frame(7_200, 4.0), frame(9_000, 4.0), frame(10_800, 7.0)];
        assert_eq!(Record { frames, ..Record::default() }.worst_hour(), (7_200, 10.0));
    }
}
