//! Playing many runs on several threads. Each run is a function of the seed and its number, and results are kept in the order of the
//! numbers: so threads change nothing but the time.
//!
//! With a file of finished runs, what was played is written down after each batch, and a later command with the same settings plays
//! only what is missing.

use std::{fmt::Write as _, fs, io::Write as _, path::Path};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_sim::stress::{
    Scenario,
    outcome::{FIGURES, Outcome},
    people::Cast,
    proof, run,
};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};

use super::generator::Days;

/// How often everyone is drawn anew: run after run one of these crowds is taken in turn.
const CASTS: u64 = 8;
/// Runs after which the file is written.
const BATCH: usize = 64;

/// So many threads.
pub fn pool(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")
}

/// What runs are played with.
pub struct Stage<'a> {
    /// Where their prices come from.
    pub days: &'a Days,
    /// What else they have in common.
    pub scenario: &'a Scenario,
    /// What everything random comes from.
    pub seed: u64,
    casts: Vec<Cast>,
}

/// The seed of a run's events, and of a crowd.
fn mixed(seed: u64, number: u64) -> u64 {
    seed.wrapping_add((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

impl<'a> Stage<'a> {
    /// Draws the crowds.
    pub fn new(days: &'a Days, scenario: &'a Scenario, seed: u64, runs: usize) -> Result<Self> {
        let opening = days.history.opening();
        let extremes = days.history.extremes();
        let cast = |number: u64| Cast::new(scenario, &opening, &extremes, mixed(seed, number), false);
        let casts = (0..CASTS.min(runs as u64)).into_par_iter().map(cast).collect::<Result<_>>()?;
        Ok(Self { days, scenario, seed, casts })
    }

    /// Plays one run; its moves, which are the same whatever the scenario, times the shock.
    pub fn play(&self, number: usize, shock: f64) -> Result<Outcome> {
        let mut rng = ChaCha12Rng::seed_from_u64(self.seed);
        rng.set_stream(number as u64);
        let grid = self.days.history.grid(&self.days.draw(&mut rng, shock));
        let cast = &self.casts[number % self.casts.len()];
        let (outcome, _) = run::play(self.scenario, cast, &grid, mixed(self.seed, number as u64))
            .with_context(|| format!("run {number} of {}", self.days.history.title))?;
        Ok(outcome)
    }

    /// Plays runs of these numbers in parallel.
    pub fn play_all(&self, numbers: std::ops::Range<usize>, shock: f64, played: &ProgressBar) -> Result<Vec<Outcome>> {
        let play = |number| {
            let outcome = self.play(number, shock);
            played.inc(1);
            outcome
        };
        numbers.into_par_iter().map(play).collect()
    }

    /// Proves a run on the bytecode; how many actions were compared.
    pub fn prove(&self, bytecode: &[u8], number: usize, shock: f64) -> Result<usize> {
        let mut rng = ChaCha12Rng::seed_from_u64(self.seed);
        rng.set_stream(number as u64);
        let grid = self.days.history.grid(&self.days.draw(&mut rng, shock));
        let people = mixed(self.seed, (number % self.casts.len()) as u64);
        let numbers = (people, mixed(self.seed, number as u64));
        let (outcome, compared) = proof::prove(
            bytecode,
            self.scenario,
            (&self.days.history.opening(), &grid),
            &self.days.history.extremes(),
            numbers,
        )
        .with_context(|| format!("run {number} of {}", self.days.history.title))?;
        ensure!(outcome == self.play(number, shock)?, "run {number} with a journal differs from the one without");
        Ok(compared)
    }
}

/// Finished runs in a file: of each source the outcomes from the first run on.
pub struct Finished {
    file: Option<fs::File>,
    outcomes: Vec<Vec<Outcome>>,
}

impl Finished {
    /// None, and nothing is written.
    pub fn nowhere(sources: usize) -> Self {
        Self { file: None, outcomes: vec![Vec::new(); sources] }
    }

    /// Those of a file, which is made if there is none. It must be of the same settings.
    pub fn open(path: &Path, settings: &str, sources: usize) -> Result<Self> {
        let name = path.display();
        let head = format!("# ballast-lab stress {settings}\nsource,run,{}\n", FIGURES.join(","));
        let mut finished = Self::nowhere(sources);
        let text = if path.exists() {
            fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?
        } else {
            fs::write(path, &head).with_context(|| format!("cannot write {name}"))?;
            head.clone()
        };
        let Some(rows) = text.strip_prefix(&head) else {
            bail!("{name} holds no runs of these settings and this program: remove it, or name another --runs-file");
        };
        // A last line without its end was being written when the command was stopped.
        let whole = rows.rfind('\n').map_or(0, |end| end + 1);
        for (number, line) in rows[..whole].lines().enumerate() {
            finished.take(line).with_context(|| format!("{name}, line {}", number + 3))?;
        }
        let mut file = fs::OpenOptions::new().write(true).open(path).with_context(|| format!("cannot open {name}"))?;
        file.set_len((head.len() + whole) as u64).with_context(|| format!("cannot cut {name}"))?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).with_context(|| format!("cannot write {name}"))?;
        finished.file = Some(file);
        Ok(finished)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let mut cells = line.split(',');
        let mut number = || cells.next().and_then(|cell| cell.parse::<usize>().ok()).context("no number of a run");
        let (source, run) = (number()?, number()?);
        let figures = cells.map(str::parse).collect::<Result<Vec<f64>, _>>().context("a figure is no number")?;
        let outcomes = self.outcomes.get_mut(source).context("a source that there is not")?;
        ensure!(run == outcomes.len(), "run {run} where {} was expected", outcomes.len());
        let figures = figures.try_into().map_err(|_| anyhow!("not {} figures", FIGURES.len()))?;
        outcomes.push(Outcome(figures));
        Ok(())
    }

    /// How many are finished of a source, of so many.
    pub fn count(&self, source: usize, runs: usize) -> usize {
        self.outcomes[source].len().min(runs)
    }

    /// All runs of a source, those that are missing played now.
    pub fn complete(
        &mut self,
        source: usize,
        runs: usize,
        stage: &Stage,
        shock: f64,
        played: &ProgressBar,
    ) -> Result<Vec<Outcome>> {
        while self.outcomes[source].len() < runs {
            let from = self.outcomes[source].len();
            let outcomes = stage.play_all(from..runs.min(from + BATCH), shock, played)?;
            if let Some(file) = &mut self.file {
                let mut text = String::new();
                for (index, outcome) in outcomes.iter().enumerate() {
                    // The shortest digits that give the same number back.
                    let figures: Vec<_> = outcome.0.iter().map(|figure| format!("{figure:?}")).collect();
                    let _ = writeln!(text, "{source},{},{}", from + index, figures.join(","));
                }
                file.write_all(text.as_bytes()).context("cannot write the file of finished runs")?;
            }
            self.outcomes[source].extend(outcomes);
        }
        Ok(self.outcomes[source][..runs].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_finished_runs_gives_them_back_to_the_bit_and_is_refused_where_it_is_of_others() -> Result<()> {
        let path = std::env::temp_dir().join(format!("ballast-finished-{}.csv", std::process::id()));
        let mut finished = Finished::open(&path, "one", 1)?;
        let outcome = Outcome([0.1 + 0.2; FIGURES.len()]);
        let figures: Vec<_> = outcome.0.iter().map(|figure| format!("{figure:?}")).collect();
        let line = format!("0,0,{}\n0,1,{}\n0,2,0.5", figures.join(","), figures.join(","));
        finished.file.as_mut().context("a file")?.write_all(line.as_bytes())?;
        let again = Finished::open(&path, "one", 1)?;
        assert_eq!(again.outcomes, [vec![outcome, outcome]], "the line that was not ended is left out");
        let other = Finished::open(&path, "two", 1).err().map(|error| error.to_string());
        assert!(other.is_some_and(|error| error.contains("holds no runs of these settings")));
        fs::write(&path, fs::read_to_string(&path)?.replace("\n0,1,", "\n0,4,"))?;
        let torn = Finished::open(&path, "one", 1).err().map(|error| format!("{error:#}"));
        assert!(torn.is_some_and(|error| error.contains("line 4: run 4 where 1 was expected")));
        Ok(fs::remove_file(&path)?)
    }
}
