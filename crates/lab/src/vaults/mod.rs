//! `ballast-lab vaults`: a vault over three markets through the stretches of history, with lenders who run, with the rule that keeps
//! it liquid and without.
//!
//! [`ballast_sim::vaults`] plays it. `docs/vaults-under-stress.md` says what the run rests on.

pub mod arm;
mod json;
pub mod summary;

use std::path::PathBuf;

use anyhow::{Context, Result};
use ballast_sim::{
    grid::Grid,
    replay::Setting,
    vaults::{self, Rule, run::beginning},
    windows::Window,
};
use clap::Args;

use crate::{
    batch,
    options::Common,
    output::{print, write},
    report,
};
use arm::Arm;

/// Plays a vault over three markets, whose lenders run, with the coverage rule and without: who got out when, and at what loss.
#[derive(Args, Debug)]
pub struct Options {
    /// A stretch of history to play; may be repeated [default: all]
    #[arg(long = "window", value_name = "NAME")]
    windows: Vec<Window>,

    #[command(flatten)]
    rule: RuleOptions,

    #[command(flatten)]
    common: Common,

    /// Minutes that the liquidator stays away after each visit; at 0 it sees every price
    #[arg(long, value_name = "MINUTES", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1_440))]
    absence: u16,

    /// Hours by which the run begins before the hour of the deepest fall ends
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=240))]
    lead: u16,

    /// Where the report goes; its figures go beside it, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/demo/vaults.html")]
    out: PathBuf,

    /// Where the table goes as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The vault's policy where the rule is on.
#[derive(Args, Clone, Copy, Debug)]
struct RuleOptions {
    /// Liquid assets in basis points of the stressed outflow below which nothing is lent on and exits pay a fee
    #[arg(long, value_name = "BPS", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..=60_000))]
    coverage: u16,

    /// Exit fee in basis points where nothing is liquid
    #[arg(long, value_name = "BPS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..=500))]
    exit_fee: u16,

    /// Part of the vault's assets in basis points that is not lent
    #[arg(long, value_name = "BPS", default_value_t = 500, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    buffer: u16,
}

/// Runs the experiment, prints its table and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let windows = if options.windows.is_empty() { Window::ALL.to_vec() } else { options.windows.clone() };
    let setting = Setting { absence: options.absence as i64 * 60, ..options.common.setting() };
    let RuleOptions { coverage, exit_fee, buffer } = options.rule;
    let rule = Rule { coverage, exit_fee, buffer };
    let variant = |window: Window, grid: &Grid, arm: Arm| {
        let run = if window.is_calm() {
            None
        } else {
            let start = beginning(grid, options.lead as i64 * 3_600);
            Some(start.with_context(|| {
                format!(
                    "{}: no run {} h before a fall has a day before it and four after it",
                    window.title(),
                    options.lead
                )
            })?)
        };
        Ok((arm.rule(rule), run))
    };
    let comparisons =
        batch::play(&options.common, windows, &Arm::ALL, variant, |bytecode, grid, (rule, run), played| {
            vaults::play(bytecode, grid, setting, *rule, *run, played)
        })?;
    let html = report::vaults(&comparisons, setting, rule)?;
    let json = options.out.with_extension("json");
    write(&json, &json::render(&comparisons, setting, rule)?)?;
    batch::publish(&comparisons, summary::table(&comparisons), &html, &options.out, options.markdown.as_deref())?;
    print(&format!("Figures {}\n", json.display()))
}
