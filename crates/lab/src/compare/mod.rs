//! `ballast-lab compare`: every stretch of history under both risk policies, with the same people and the same chance.

pub mod interest;
pub mod summary;

use std::path::PathBuf;

use anyhow::Result;
use ballast_sim::{grid::Grid, policy::Policy, replay::Setting, venue::Venue, windows::Window};
use clap::Args;

use crate::{
    batch, figures,
    options::Common,
    output::{print, write},
    report,
};

/// Plays stretches of history under both risk policies and compares what became of the same people.
#[derive(Args, Debug)]
pub struct Options {
    /// A stretch of history to play; may be repeated [default: all]
    #[arg(long = "window", value_name = "NAME")]
    windows: Vec<Window>,

    #[command(flatten)]
    common: Common,

    /// Minutes that the liquidator stays away after each visit; at 0 it sees every price
    #[arg(long, value_name = "MINUTES", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1_440))]
    absence: u16,

    /// Where the report goes; its figures go beside it, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/demo/compare.html")]
    out: PathBuf,

    /// Where the table goes as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Runs the comparison, prints its table and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let windows = if options.windows.is_empty() { Window::ALL.to_vec() } else { options.windows.clone() };
    let absence = options.absence as i64 * 60;
    let setting = |policy| Setting { policy, absence, ..options.common.setting() };
    let variant = |_, grid: &Grid, policy| Ok((setting(policy), Venue::refilling(&grid.assets)));
    let comparisons = batch::play(&options.common, windows, &Policy::ALL, variant, batch::replay)?;
    let html = report::compare(&comparisons, setting(Policy::Fixed))?;
    let json = options.out.with_extension("json");
    let policies = Policy::ALL.map(Policy::title);
    write(&json, &figures::render("compare", ("policy", &policies), &comparisons, setting(Policy::Fixed))?)?;
    batch::publish(&comparisons, summary::table(&comparisons), &html, &options.out, options.markdown.as_deref())?;
    print(&format!("Figures {}\n", json.display()))
}
