//! `ballast-lab calibrate`: which answers of the people give what was measured on a real market.
//!
//! What was measured are three falls of SOL on Kamino (its governance forum, topics 509, 847 and 853; the figures of November 2025 are
//! second-hand) and a run on Aave in April 2026. The falls fix three numbers: leverage, who never acts, and attention. The run fixes the
//! two of the lenders, by the formula that their rule comes to while they stay alarmed.

use std::path::PathBuf;

use anyhow::{Context, Result};
use ballast_sim::{
    assets::find,
    grid::Span,
    stress::{
        Scenario,
        outcome::{Figure, Outcome},
        people::{Cast, Response},
        reaction::OTHERS,
        run,
    },
    windows::{FOLDER, Window, load},
};
use ballast_time::parse;
use clap::Args;
use rayon::prelude::*;

use super::{history::History, options};
use crate::{
    output::{print, write},
    table::Table,
};

/// Debts of that market, USD: as of October 2025; what they were in the other falls is not known.
const DEBTS: f64 = 1.6e9;
/// What is tried.
const LEVERAGE: [f64; 7] = [0.80, 0.85, 0.90, 0.95, 1.0, 1.05, 1.1];
const NEVER: [f64; 3] = [0.1, 0.3, 0.6];
const ATTENTION: [f64; 4] = [0.125, 0.5, 2.0, 8.0];
/// Crowds that each is played with.
const CROWDS: u64 = 2;
/// A run: hours, and the share of all deposits that is out by then.
const RUN: [(f64, f64); 2] = [(24.0, 0.14), (96.0, 0.33)];

/// Finds the people's answers that come nearest to what was measured, and shows how far they stay from it.
#[derive(Args, Debug)]
pub struct Options {
    /// Borrowers in each crowd
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(10..=20_000))]
    accounts: u16,

    /// Seed of everything random
    #[arg(long, default_value_t = 20_251_010)]
    seed: u64,

    /// Where the tables go as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// A fall that was measured.
struct Event {
    title: &'static str,
    span: (&'static str, &'static str),
    /// Whether the five-minute bars of October 2025 have it; else the hourly series.
    is_fine: bool,
    /// Collateral that was liquidated, USD.
    liquidated: f64,
    /// Share of the liquidations that fell into the fullest hour, if it is known.
    peak: Option<f64>,
}

const EVENTS: [Event; 3] = [
    Event {
        title: "10 October 2025",
        span: ("2025-10-10T00:00", "2025-10-11T12:00"),
        is_fine: true,
        liquidated: 20e6,
        peak: None,
    },
    Event {
        title: "16 to 18 February 2025",
        span: ("2025-02-16T00:00", "2025-02-19T00:00"),
        is_fine: false,
        liquidated: 4e6,
        peak: None,
    },
    Event {
        title: "19 to 21 November 2025",
        span: ("2025-11-19T00:00", "2025-11-22T00:00"),
        is_fine: false,
        liquidated: 5.5e6,
        peak: Some(1_523.0 / 4_251.0),
    },
];

impl Event {
    /// Its prices.
    fn history(&self) -> Result<History> {
        let folder = std::path::Path::new(FOLDER);
        let time = |text| parse(text).map_err(|error| anyhow::anyhow!("{text}: {error}"));
        let span = Span { from: time(self.span.0)?, to: time(self.span.1)? };
        let files = if self.is_fine {
            Window::October2025.files(folder)
        } else {
            super::sources::LONG.iter().filter_map(|(symbol, file)| Some((find(symbol)?, folder.join(file)))).collect()
        };
        History::new(self.title.into(), &load(&files, span)?, Vec::new())
    }
}

/// What a set of answers gives in each event: the mean of the crowds.
fn play(histories: &[History], response: Response, options: &Options) -> Result<Vec<Outcome>> {
    let one = |history: &History| {
        let base = options::default_scenario(history)?;
        let scenario = Scenario { response, whale: 0.0, traders: options.accounts.into(), ..base };
        let grid = history.grid(&history.moves);
        let mut mean = Outcome::default();
        for crowd in 0..CROWDS {
            let seed = options.seed + crowd;
            let cast = Cast::new(&scenario, &grid, &history.extremes(), seed, false)?;
            let (outcome, _) = run::play(&scenario, &cast, &grid, seed)?;
            mean.0.iter_mut().zip(outcome.0).for_each(|(mean, figure)| *mean += figure / CROWDS as f64);
        }
        Ok(mean)
    };
    histories.iter().map(one).collect()
}

/// What is compared: what it is, measured, and played.
fn compared(outcomes: &[Outcome]) -> Vec<(String, f64, f64)> {
    let each = EVENTS.iter().zip(outcomes).flat_map(|(event, outcome)| {
        let liquidated = outcome[Figure::Liquidated] / outcome[Figure::Debts];
        let peak = event.peak.map(|peak| {
            let played = outcome[Figure::PeakHour] / outcome[Figure::Liquidations].max(1.0);
            (format!("{}: share of the liquidations in the fullest hour", event.title), peak, played)
        });
        let name = format!("{}: liquidated ÷ debts", event.title);
        [Some((name, event.liquidated / DEBTS, liquidated)), peak].into_iter().flatten()
    });
    each.collect()
}

/// The mean square of the logarithm of played ÷ measured.
fn misfit(compared: &[(String, f64, f64)]) -> f64 {
    // Nothing liquidated is as bad as a hundredth of what was.
    let squares = compared.iter().map(|(_, measured, played)| (played / measured).max(0.01).ln().powi(2));
    squares.sum::<f64>() / compared.len() as f64
}

/// The share that is out after so many hours of alarm.
fn outflow(runners: f64, flight: f64, hours: f64) -> f64 {
    let left = |hazard: f64| (-hazard * hours).exp();
    1.0 - runners * left(flight) - (1.0 - runners) * left(flight * OTHERS)
}

/// Runners and flight that come nearest to the run, to a thousandth and to a ten-thousandth an hour.
fn fit_run() -> (f64, f64) {
    let candidates =
        (1..1_000).flat_map(|runners| (1..1_000).map(move |flight| (runners as f64 / 1e3, flight as f64 / 1e4)));
    let distance = |(runners, flight): &(f64, f64)| {
        RUN.iter().map(|(hours, out)| (outflow(*runners, *flight, *hours) / out).ln().powi(2)).sum::<f64>()
    };
    candidates.min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or_default()
}

/// Calibrates, and prints what it found.
pub fn run(options: &Options) -> Result<()> {
    let (runners, flight) = fit_run();
    let histories = EVENTS.iter().map(Event::history).collect::<Result<Vec<_>>>()?;
    let candidates: Vec<_> = LEVERAGE
        .iter()
        .flat_map(|leverage| NEVER.iter().map(move |never| (leverage, never)))
        .flat_map(|(leverage, never)| ATTENTION.iter().map(move |attention| (*leverage, *never, *attention)))
        .map(|(leverage, never, attention)| Response { leverage, never, attention, runners, flight })
        .collect();
    let progress = super::bar(candidates.len())?;
    let tried = candidates.into_par_iter().map(|response| {
        let compared = compared(&play(&histories, response, options)?);
        progress.inc(1);
        Ok((misfit(&compared), response, compared))
    });
    let mut tried = tried.collect::<Result<Vec<_>>>()?;
    progress.finish_and_clear();
    tried.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (_, best, found) = tried.first().context("nothing was tried")?;

    let share = |value: f64| format!("{:.2} %", 100.0 * value);
    let run =
        RUN.map(|(hours, out)| (format!("Run: out after {hours} h"), out, outflow(best.runners, best.flight, hours)));
    let rows = found.iter().cloned().chain(run).map(|(name, measured, played)| {
        vec![name, share(measured), share(played), format!("{:.2}", played / measured)]
    });
    let header = vec!["What", "Measured", "Played", "Played ÷ measured"];
    let fit = Table { header, rows: rows.collect(), numbers_from: 1 };
    let rows = tried.iter().take(10).map(|(misfit, response, _)| {
        let numbers = [response.leverage, response.never, response.attention].map(|number| format!("{number}"));
        [&numbers[..], &[format!("{:.2}", misfit.sqrt())]].concat()
    });
    let header = vec!["--leverage", "--never", "--attention", "Misfit"];
    let near = Table { header, rows: rows.collect(), numbers_from: 0 };
    if let Some(file) = &options.markdown {
        write(file, &format!("{}\n{}", fit.markdown(), near.markdown()))?;
    }
    print(&format!(
        "{}\n{}\n--leverage {} --never {} --attention {} --runners {} --flight {}\nMisfit: the root mean square of the logarithm of played ÷ \
         measured, of {} sets tried; 0.69 is a factor of two.\n",
        fit.plain(),
        near.plain(),
        best.leverage,
        best.never,
        best.attention,
        best.runners,
        best.flight,
        tried.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lenders_numbers_give_the_run() {
        let (runners, flight) = fit_run();
        for (hours, out) in RUN {
            assert!((outflow(runners, flight, hours) / out - 1.0).abs() < 0.01, "{runners} {flight}");
        }
    }

    #[test]
    fn a_misfit_is_none_where_all_is_as_measured_and_a_factor_of_two_is_its_logarithm() {
        let of = |played: f64| [("".into(), 0.5, 0.5 * played), ("".into(), 0.01, 0.01 * played)];
        assert_eq!(misfit(&of(1.0)), 0.0);
        assert!((misfit(&of(2.0)).sqrt() - 2f64.ln()).abs() < 1e-12);
    }
}
