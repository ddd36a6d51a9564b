//! The benchmark of the account index: a command, not a test.

pub mod population;
mod table;

use std::time::{Duration, Instant};

use ballast_client::{Address, MarketView, engine::state::account::EXTRA_PLACES};
use serde::Serialize;

use crate::account_index::{AccountIndex, Extent};
use population::{Population, START, Tokens};

/// Places of each account on cross or group terms that are taken.
const PLACES: usize = 8;
/// Records of the market: reserves, and where accounts hold perps a pool and perps.
const RECORDS: usize = 64;
/// Perps of the market, where accounts hold any.
const PERPS: usize = 8;
/// One price in so many is too old.
const STALE: usize = 16;
/// One account in so many is on isolated terms, in addition.
const ISOLATED: usize = 20;
/// The least ratio of collateral to debt, so that about one account in fifty can be liquidated.
const LEAST_RATIO: f64 = 0.9995;
/// By how much a price moves, at most.
const MOVE: f64 = 0.01;

/// Times the evaluation of many accounts after a price update.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Accounts of 8 places; the smaller sizes are a hundredth and a tenth of it.
    #[arg(long, default_value_t = 1_000_000)]
    accounts: usize,
    /// Price updates that each time is the median of.
    #[arg(long, default_value_t = 21)]
    runs: usize,
    /// Threads of the parallel evaluations; default: as many as there are cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Positions in perps of each account, up to 3; each takes two of its 8 places.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=3))]
    perps: u8,
    /// Seed of the accounts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// What was measured of one size.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Accounts, those on isolated terms included.
    accounts: usize,
    /// Deposits and debts of all of them.
    positions: usize,
    /// Their positions in perps.
    perps: usize,
    /// Liquidatable at the end.
    liquidatable: usize,
    /// Seconds to put them all into the index.
    build_seconds: f64,
    /// Milliseconds of a full evaluation on one thread.
    full_one_thread_ms: f64,
    /// Milliseconds of a full evaluation in parallel.
    full_parallel_ms: f64,
    /// Milliseconds after one reserve's price moved, on one thread.
    moved_one_thread_ms: f64,
    /// Milliseconds after one reserve's price moved, in parallel.
    moved_parallel_ms: f64,
    /// Accounts that hold that reserve.
    holders: usize,
    /// Bytes that the index has set aside.
    account_index_bytes: usize,
    /// Bytes that the process holds with the index.
    resident_bytes: u64,
}

impl Options {
    /// Measures and prints.
    pub fn run(&self) -> anyhow::Result<()> {
        let threads = self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let sizes = [self.accounts / 100, self.accounts / 10, self.accounts];
        let measured = sizes.iter().map(|size| self.measure(*size, threads)).collect::<anyhow::Result<Vec<_>>>()?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&measured)?);
        } else {
            table::print(&measured, threads);
        }
        Ok(())
    }

    fn measure(&self, accounts: usize, threads: usize) -> anyhow::Result<Measured> {
        let mut population = Population::new(self.seed);
        let held = usize::from(self.perps);
        let mut market =
            population.market(Tokens::Common, if held == 0 { RECORDS } else { RECORDS - PERPS - 1 }, STALE);
        let pools = population.add_perps(&mut market, (held != 0) as usize, PERPS);
        let perps = pools.first().map_or(&[][..], Vec::as_slice);
        for reserve in market.reserves.iter_mut().filter(|record| record.is_reserve()) {
            // Feeds publish within the limit. Otherwise prices would be read in the borrower's favour, and the engine asked more.
            reserve.config.oracle.max_skew = 60;
            // Time passes, and only one price is to move by it.
            if reserve.price.fresh_until >= START {
                reserve.price.fresh_until += 3_600;
            }
        }
        let kept = (PLACES - EXTRA_PLACES * held, held, perps);
        let all = Population::many(self.seed, &market, accounts, kept, ISOLATED, LEAST_RATIO);
        let resident = resident_bytes()?;
        let mut index = AccountIndex::default();
        let start = Instant::now();
        for (number, account) in all.iter().enumerate() {
            index.apply(&address(number), account, 1, &market.reserves);
        }
        let build_seconds = start.elapsed().as_secs_f64();
        let positions = all.iter().map(|account| account.positions().len()).sum();
        let perps = all.iter().map(|account| account.perps().count()).sum();
        // The memory of the accounts that the index was made from does not count.
        let resident_bytes = resident_bytes()?.saturating_sub(resident);
        drop(all);
        let pools = [1, threads].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build());
        let [one, many] = pools;
        let (one, many) = (one?, many?);
        let mut now = START;
        let mut timed = |pool: &rayon::ThreadPool, extent| {
            // The first is no measurement: caches are cold, and prices elsewhere.
            pool.install(|| index.evaluate(&market, now, Extent::Full));
            let mut found = 0;
            let times = (0..self.runs.max(1)).map(|_| {
                now += 1;
                move_one(&mut population, &mut market, now);
                let start = Instant::now();
                found = pool.install(|| index.evaluate(&market, now, extent)).len();
                start.elapsed()
            });
            (median(times.collect()), found)
        };
        let (full_one_thread_ms, _) = timed(&one, Extent::Full);
        let (full_parallel_ms, _) = timed(&many, Extent::Full);
        let (moved_one_thread_ms, _) = timed(&one, Extent::Moved);
        let (moved_parallel_ms, liquidatable) = timed(&many, Extent::Moved);
        Ok(Measured {
            accounts: index.len(),
            positions,
            perps,
            liquidatable,
            build_seconds,
            full_one_thread_ms,
            full_parallel_ms,
            moved_one_thread_ms,
            moved_parallel_ms,
            holders: index.holders(MOVING as u8),
            account_index_bytes: index.memory(),
            resident_bytes,
        })
    }
}

/// The reserve whose price moves: one that is fresh.
const MOVING: usize = 1;

fn move_one(population: &mut Population, market: &mut MarketView, now: i64) {
    population.move_price(market, MOVING, MOVE, now);
}

fn address(number: usize) -> Address {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Address::new_from_array(bytes)
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// What the process holds in memory.
fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse::<u64>().ok());
    Ok(1_024 * kilobytes.ok_or_else(|| anyhow::anyhow!("no VmRSS in /proc/self/status"))?)
}
