//! What the experiments come to.

use ballast_sim::{
    perps::{
        bridge::Clock,
        informed::{AHEAD, Charge, Habit, Informed, LITTLE, PATIENCE, Trial, Trips},
        record::PerpsRecord,
    },
    stats::{thousands, whole_usd},
};

use crate::{
    batch::Comparison,
    table::{Table, signed},
};

/// What the columns of the crowds' tables mean.
pub const LEGEND: &str = "Return: what the pool's owners gained together over the window, at last prices, of \
    what they brought. Drawdown: the deepest fall of a share's value below its highest before, as long as a \
    tenth of the pool is left. Cover: low value ÷ buffer, at its lowest. Factor: the part of gains that was \
    paid, at its lowest. Deleveraged: of the value that was opened. Losses by layer: what traders lost and who \
    paid it: their deposits of the token, other collateral of theirs, the perps' insurance, the perps' fund, the \
    pool. No action on a perp moved a lender's index: that is required of each. Owners left: those who had asked \
    to leave.";

/// What the columns of the attack's tables mean.
pub const ATTACK_LEGEND: &str = "Who must trade opens and closes at the best moments of the time that he waits \
    for each, chosen with hindsight: nobody who sees as far and waits as long gains more on average. Gains are \
    parts of the value that he opened, in basis points, the mean of all trips with its standard error. Luck, the \
    move from the last price that he saw when he opened to the last that he saw when he closed, is left out: he \
    knows nothing of it, so it changes the mean by chance alone. Who may opens where what he sees pays fee and \
    spread, with all that opens at once (a tenth of the pool a minute), and closes likewise, after an hour at \
    any price; a day of all perps, of what the pool has.";

/// Basis points of a share.
fn bps(share: f64) -> String {
    signed(format!("{:.1}", share * 1e4))
}

fn percent(share: f64) -> String {
    signed(format!("{:.2} %", 100.0 * share))
}

fn money(usd: f64) -> String {
    signed(format!("{}{}", if usd < 0.0 { "-" } else { "" }, whole_usd(usd.abs())))
}

/// The window in which the owners lost most, or gained least.
pub fn worst(crowds: &[Comparison<PerpsRecord>]) -> Option<(&'static str, &PerpsRecord)> {
    let records = crowds.iter().filter_map(|of| Some((of.window.title(), &of.runs.first()?.record)));
    records.min_by(|a, b| a.1.gained().total_cmp(&b.1.gained()))
}

fn row(window: &str, record: &PerpsRecord) -> Vec<String> {
    let layers = &record.tally.layers;
    let mut cells = vec![
        window.into(),
        percent(record.gained()),
        percent(record.drawdown()),
        if record.cover().is_finite() { format!("{:.2}", record.cover()) } else { "–".into() },
        format!("{:.3}", record.factor()),
        percent(record.deleveraged()),
        money(record.usd(record.tally.opened)),
        money(record.funding()),
        thousands(record.tally.counts.0),
    ];
    let each = [layers.deposits, layers.collateral, layers.insurance, layers.fund, layers.pool];
    cells.extend(each.map(|atoms| money(record.usd(atoms))));
    let left = record.people.1 - record.frames.last().map_or(0, |frame| frame.owners);
    cells.extend([format!("{left} of {}", record.people.1)]);
    cells
}

/// A row for each window.
pub fn outcomes(crowds: &[Comparison<PerpsRecord>]) -> Table {
    let header = vec![
        "Window",
        "Return",
        "Drawdown",
        "Cover",
        "Factor",
        "Deleveraged",
        "Opened, USD",
        "Funding paid, USD",
        "Liquidations",
        "Lost: deposits",
        "collateral",
        "insurance",
        "fund",
        "pool",
        "Owners left",
    ];
    Table { header, rows: rows(crowds, row), numbers_from: 1 }
}

fn rows(crowds: &[Comparison<PerpsRecord>], row: fn(&str, &PerpsRecord) -> Vec<String>) -> Vec<Vec<String>> {
    let each = crowds.iter().flat_map(|of| of.runs.iter().map(|run| row(of.window.title(), &run.record)));
    each.collect()
}

/// Where the pool's gains came from.
pub fn sources(crowds: &[Comparison<PerpsRecord>]) -> Table {
    let mut header = vec!["Window", "Pool at first, USD", "Gained, USD"];
    if let Some((_, record)) = worst(crowds) {
        header.extend(record.sources().iter().map(|(name, _)| *name));
    }
    header.push("arbitrageur");
    let row = |window: &str, record: &PerpsRecord| {
        let sources = record.sources();
        let sum = sources.iter().map(|(_, usd)| usd).sum();
        let mut cells = vec![window.into(), money(record.capital), money(sum)];
        cells.extend(sources.iter().map(|(_, usd)| money(*usd)));
        cells.push(money(record.arbitrage.0));
        cells
    };
    Table { header, rows: rows(crowds, row), numbers_from: 1 }
}

/// What came of each trial, over all windows and assets, by clock.
pub struct Attacks {
    /// By clock.
    pub by_clock: Vec<(Clock, Vec<(Trial, Trips)>)>,
    /// By window, with bursts, the default charge and most patience but one.
    pub by_window: Vec<(&'static str, Vec<(Trial, Trips)>)>,
    /// Trades that the program filled as the engine did.
    pub compared: usize,
    /// Perps of a window, at most.
    pub assets: usize,
    /// What a pool has, atoms.
    pub capital: f64,
}

impl Attacks {
    /// Of what was played.
    pub fn new(played: &[Comparison<Informed>]) -> Self {
        let joined = |of: &[&Informed]| -> Vec<(Trial, Trips)> {
            let trials = of.first().map_or(&[][..], |informed| &informed.results[..]);
            let each = trials.iter().enumerate().map(|(index, (trial, _))| {
                (*trial, Trips::joined(of.iter().flat_map(|informed| &informed.results[index].1)))
            });
            each.collect()
        };
        let of_clock = |index: usize| -> Vec<&Informed> {
            played.iter().filter_map(|of| Some(&of.runs.get(index)?.record)).collect()
        };
        let by_clock = Clock::ALL.iter().enumerate().map(|(index, clock)| (*clock, joined(&of_clock(index))));
        let by_window = played.iter().filter_map(|of| Some((of.window.title(), joined(&[&of.runs.last()?.record]))));
        let records = || played.iter().flat_map(|of| of.runs.iter().map(|run| &run.record));
        let compared = records().map(|record| record.compared).sum();
        let assets = records().map(|record| record.assets.len()).max().unwrap_or(0);
        let capital = records().map(|record| record.capital as f64).fold(1.0, f64::max);
        Self { by_clock: by_clock.collect(), by_window: by_window.collect(), compared, assets, capital }
    }

    /// Whether anything was played.
    pub fn is_empty(&self) -> bool {
        self.by_window.is_empty()
    }

    fn bursts(&self) -> &[(Trial, Trips)] {
        self.by_clock.last().map_or(&[], |(_, trials)| trials)
    }
}

fn find(trials: &[(Trial, Trips)], wanted: impl Fn(&Trial) -> bool) -> Option<&Trips> {
    trials.iter().find(|(trial, _)| wanted(trial)).map(|(_, trips)| trips)
}

/// How long he waits.
fn wait(seconds: usize) -> String {
    if seconds < 3_600 { format!("{} min", seconds / 60) } else { format!("{} h", seconds / 3_600) }
}

fn mean(trips: Option<&Trips>) -> String {
    trips.map_or("–".into(), |trips| {
        let (mean, error) = trips.mean();
        format!("{} ± {:.1}", bps(mean), error * 1e4)
    })
}

/// One who must, at the default charge, by what he sees and how long he waits.
pub fn sights(attacks: &Attacks) -> Table {
    let mut rows = Vec::new();
    for ahead in AHEAD {
        for patience in PATIENCE {
            let default = |trial: &Trial| {
                (trial.ahead, trial.habit, trial.charge) == (ahead, Habit::Must(patience), Charge::ALL[0])
            };
            let whole = |trial: &Trial| default(trial) && trial.is_uncertain && trial.size == 1.0;
            let of = |clock: usize| attacks.by_clock.get(clock).map_or(&[][..], |(_, trials)| trials);
            let trips = find(of(1), whole);
            rows.push(vec![
                format!("{ahead} s"),
                wait(patience),
                trips.map_or("–".into(), |trips| thousands(trips.trips.len() as u64)),
                trips.map_or("–".into(), |trips| thousands(trips.refused)),
                mean(find(of(0), whole)),
                mean(trips),
                mean(find(of(1), |trial| default(trial) && trial.size == LITTLE)),
                mean(find(of(1), |trial| default(trial) && !trial.is_uncertain)),
            ]);
        }
    }
    let header = vec![
        "Sees",
        "Waits",
        "Trips",
        "Refused",
        "Even seconds",
        "Bursts",
        "Bursts, small trades",
        "Bursts, no confidence",
    ];
    Table { header, rows, numbers_from: 2 }
}

/// One who must, by what the perp charges, with bursts.
pub fn charges(attacks: &Attacks) -> Table {
    let mut rows = Vec::new();
    for charge in Charge::ALL {
        let of = |ahead: usize, patience: usize| {
            find(attacks.bursts(), |trial| played(trial, ahead, Habit::Must(patience), charge))
        };
        let mut cells = vec![charge.title(), fee(attacks.bursts(), charge)];
        for patience in &PATIENCE[..2] {
            cells.extend(AHEAD.map(|ahead| mean(of(ahead, *patience))));
        }
        rows.push(cells);
    }
    let header = vec![
        "Fee",
        "A trade pays, bps",
        "Waits 1 min, sees 1 s",
        "3 s",
        "10 s",
        "Waits 10 min, sees 1 s",
        "3 s ",
        "10 s ",
    ];
    Table { header, rows, numbers_from: 1 }
}

/// Of those with a confidence and all that opens at once.
fn played(trial: &Trial, ahead: usize, habit: Habit, charge: Charge) -> bool {
    (trial.ahead, trial.habit, trial.charge) == (ahead, habit, charge) && trial.is_uncertain && trial.size == 1.0
}

/// What a trade pays by the charge on average, whenever it is.
fn fee(trials: &[(Trial, Trips)], charge: Charge) -> String {
    let trips = find(trials, |trial| played(trial, AHEAD[0], Habit::Must(PATIENCE[0]), charge));
    trips.map_or("–".into(), |trips| bps(trips.fees() / 2.0))
}

/// One who may, by what the perp charges, with bursts.
pub fn leaks(attacks: &Attacks) -> Table {
    let mut rows = Vec::new();
    for charge in Charge::ALL {
        let mut cells = vec![charge.title()];
        for ahead in AHEAD {
            let trips = find(attacks.bursts(), |trial| played(trial, ahead, Habit::May, charge));
            cells.extend([
                trips.map_or("–".into(), |trips| format!("{:.1}", trips.a_day())),
                mean(trips),
                trips.map_or("–".into(), |trips| percent(trips.daily(attacks.assets) / attacks.capital)),
            ]);
        }
        rows.push(cells);
    }
    let header = vec![
        "Fee",
        "Sees 1 s: trips a day",
        "gain, bps",
        "of the pool a day",
        "Sees 3 s: trips a day",
        "gain, bps ",
        "of the pool a day ",
        "Sees 10 s: trips a day",
        "gain, bps  ",
        "of the pool a day  ",
    ];
    Table { header, rows, numbers_from: 1 }
}

/// By window, with bursts, at the default charge: who must and waits for ten minutes, and what one who may takes of the pool a day.
pub fn by_window(attacks: &Attacks) -> Table {
    let row = |(window, trials): &(&'static str, Vec<(Trial, Trips)>)| {
        let of = |ahead: usize, habit: Habit| find(trials, |trial| played(trial, ahead, habit, Charge::ALL[0]));
        let mut cells = vec![window.to_string()];
        cells.extend([Charge::ALL[0], Charge::DEAR].map(|charge| fee(trials, charge)));
        cells.extend(AHEAD.map(|ahead| mean(of(ahead, Habit::Must(PATIENCE[1])))));
        cells.extend(AHEAD.map(|ahead| {
            let trips = of(ahead, Habit::May);
            trips.map_or("–".into(), |trips| percent(trips.daily(attacks.assets) / attacks.capital))
        }));
        cells
    };
    let rows = attacks.by_window.iter().map(row).collect();
    let header = vec![
        "Window",
        "A trade pays, bps",
        "by 3 σ of 10 s",
        "Must, bps: sees 1 s",
        "3 s",
        "10 s",
        "May, of the pool a day: sees 1 s",
        "3 s ",
        "10 s ",
    ];
    Table { header, rows, numbers_from: 1 }
}

/// All tables, each with its title.
pub fn tables(crowds: &[Comparison<PerpsRecord>], attacks: &Attacks) -> Vec<(&'static str, Table)> {
    let mut tables =
        vec![("The pool and its crowd", outcomes(crowds)), ("Where the pool's gains came from, USD", sources(crowds))];
    if !attacks.is_empty() {
        tables.extend([
            ("Who sees the next seconds and must trade: the most he can gain, basis points", sights(attacks)),
            ("The same by what the perp charges", charges(attacks)),
            ("Who sees the next seconds and trades where it pays", leaks(attacks)),
            ("By window: who must within 10 minutes, and who may", by_window(attacks)),
        ]);
    }
    tables
}
