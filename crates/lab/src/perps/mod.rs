//! `ballast-lab perps`: perps against a pool through the stretches of history, with a crowd, and with a trader who sees the next
//! seconds.
//!
//! [`ballast_sim::perps`] plays both. `docs/perps-under-stress.md` says what they rest on.

mod json;
pub mod summary;

use std::path::PathBuf;

use anyhow::Result;
use ballast_sim::{
    perps::{self, CAPITAL, bridge::Clock, informed},
    replay::Setting,
    windows::Window,
};
use clap::Args;

use crate::{
    batch,
    options::Common,
    output::{print, write},
    report,
};

/// Plays a crowd of perp traders against a pool: what its owners gain or lose, and who bears what. Then lets a trader who sees the next
/// seconds trade against it.
#[derive(Args, Debug)]
pub struct Options {
    /// A stretch of history to play; may be repeated [default: all]
    #[arg(long = "window", value_name = "NAME")]
    windows: Vec<Window>,

    #[command(flatten)]
    common: Common,

    /// Leave out the trader who sees the next seconds
    #[arg(long)]
    crowd_only: bool,

    /// Where the report goes; its figures go beside it, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/demo/perps.html")]
    out: PathBuf,

    /// Where the tables go as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Runs the experiments, prints their tables and writes their report.
pub fn run(options: &Options) -> Result<()> {
    let windows = if options.windows.is_empty() { Window::ALL.to_vec() } else { options.windows.clone() };
    let setting: Setting = options.common.setting();
    let crowds = batch::play(
        &options.common,
        windows.clone(),
        &[()],
        |_, _, ()| Ok(()),
        |bytecode, grid, (), played| perps::play(bytecode, grid, setting, played),
    )?;
    let usd = CAPITAL * setting.traders as f64;
    let clocks: &[Clock] = if options.crowd_only { &[] } else { &Clock::ALL };
    let attacks = batch::play(
        &options.common,
        windows,
        clocks,
        |_, _, clock| Ok(clock),
        |bytecode, grid, clock, played| informed::play(bytecode, grid, setting.seed, *clock, usd, played),
    )?;
    let attacks = summary::Attacks::new(&attacks);
    let tables = summary::tables(&crowds, &attacks);
    let json = options.out.with_extension("json");
    write(&options.out, &report::perps(&crowds, &attacks, setting)?)?;
    write(&json, &json::render(&crowds, &attacks, setting)?)?;
    let mut text = String::new();
    let mut markdown = String::new();
    for (title, table) in &tables {
        text += &format!("{title}\n\n{}\n", table.plain());
        markdown += &format!("{title}\n\n{}\n", table.markdown());
    }
    if let Some(file) = &options.markdown {
        write(file, &markdown)?;
        text += &format!("Tables  {}\n", file.display());
    }
    if let Some((window, record)) = summary::worst(&crowds) {
        text += &format!("Worst   {window}: the owners of the pool gained {:.2} %\n", 100.0 * record.gained());
    }
    let took = crowds.iter().flat_map(|comparison| &comparison.runs).map(|run| run.took.as_secs_f64()).sum::<f64>();
    text += &format!("Time    {took:.0} s for the windows of the crowd, one after another\n");
    print(&format!("{text}Report  {}\nFigures {}\n", options.out.display(), json.display()))
}
