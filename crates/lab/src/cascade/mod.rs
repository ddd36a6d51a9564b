//! `ballast-lab cascade`: falls in which liquidations themselves move the prices.
//!
//! What is liquidated is sold into books of limited depth ([`venue`](ballast_sim::venue) has the model), the program is told the
//! price that results, and whoever that makes unhealthy is liquidated next. `docs/cascade.md` says what the assumptions rest on.

pub mod scenario;
pub mod summary;

use std::path::PathBuf;

use anyhow::Result;
use ballast_sim::{
    grid::Grid,
    policy::Policy,
    replay::{Phases, Setting},
    windows::Window,
};
use clap::Args;

use crate::{
    batch, figures,
    options::Common,
    output::{print, write},
    report,
};
use scenario::Scenario;

/// Sells what is liquidated into books of limited depth, and compares how deep prices fall with and without that feedback.
#[derive(Args, Debug)]
pub struct Options {
    /// A stretch of history to play; may be repeated
    #[arg(long = "window", value_name = "NAME", default_values = ["november-2022", "october-2025"])]
    windows: Vec<Window>,

    /// How the market's risk is governed
    #[arg(long, default_value = "fixed")]
    policy: Policy,

    #[command(flatten)]
    books: Books,

    #[command(flatten)]
    common: Common,

    /// Where the report goes; its figures go beside it, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/demo/cascade.html")]
    out: PathBuf,

    /// Where the table goes as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What is assumed about the books, and how liquidations are phased.
#[derive(Args, Clone, Copy, Debug)]
pub struct Books {
    /// USD that move a price by 1 %, as a percentage of what is traded of the asset on an average day of the stretch;
    /// `inf` for books without end
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1, value_parser = positive)]
    pub depth: f64,

    /// Minutes after which half of what liquidations did to a price is gone
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=10_080))]
    pub half_life: u16,

    /// How many alike each account stands for: the books see so many times what is liquidated of it
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0, value_parser = positive)]
    pub scale: f64,

    /// Percent by which an hour's liquidations of an asset may move its price at once, where they are phased
    #[arg(long, value_name = "PERCENT", default_value_t = 4.0, value_parser = positive)]
    pub phase: f64,

    /// Equity in basis points of the debt below which an account does not wait, where liquidations are phased
    #[arg(long, value_name = "BPS", default_value_t = 300, value_parser = clap::value_parser!(u16).range(0..=2_000))]
    pub exempt: u16,
}

impl Books {
    /// USD that move each asset of a grid by 1 %.
    pub fn depths(&self, grid: &Grid) -> Vec<f64> {
        let assets = grid.assets.iter().zip(grid.daily_volumes());
        assets
            .map(|(asset, volume)| if asset.is_stable { f64::INFINITY } else { volume * self.depth / 100.0 })
            .collect()
    }
}

impl Books {
    /// Limits of liquidations for books of such depths.
    pub fn phases(&self, depths: &[f64]) -> Phases {
        let mut phases = Phases { near_insolvency: self.exempt, ..Phases::default() };
        for (limit, depth) in phases.hourly.iter_mut().zip(depths) {
            // Books without end need no limit; a limit of zero would be none.
            *limit = if depth.is_finite() { (depth * self.phase).clamp(1.0, u32::MAX as f64) as u32 } else { 0 };
        }
        phases
    }
}

/// Reads a positive number.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 => Ok(number),
        _ => Err("not a number above 0".into()),
    }
}

/// Runs the experiment, prints its table and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let books = options.books;
    let setting = Setting { policy: options.policy, ..options.common.setting() };
    let variant = |_, grid: &Grid, scenario: Scenario| Ok(scenario.variant(setting, books, grid));
    let comparisons = batch::play(&options.common, options.windows.clone(), &Scenario::ALL, variant, batch::replay)?;
    let html = report::cascade(&comparisons, setting, books)?;
    let json = options.out.with_extension("json");
    let scenarios = Scenario::ALL.map(Scenario::title);
    write(&json, &figures::render("cascade", ("liquidation", &scenarios), &comparisons, setting)?)?;
    batch::publish(&comparisons, summary::table(&comparisons), &html, &options.out, options.markdown.as_deref())?;
    print(&format!("Figures {}\n", json.display()))
}
