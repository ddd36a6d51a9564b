//! `ballast-lab`: experiments on real prices.

use std::process::ExitCode;

use anyhow::Result;
use ballast_lab::{cascade, compare, demo, options, perps, stress, vaults};
use clap::{Parser, Subcommand};

/// Ballast's laboratory: real prices through the program's bytecode.
#[derive(Parser)]
#[command(name = "ballast-lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(options::Options),
    Compare(compare::Options),
    Cascade(cascade::Options),
    Vaults(vaults::Options),
    Perps(perps::Options),
    Stress(Box<stress::Options>),
    Calibrate(stress::calibrate::Options),
    StressBenchmark(stress::benchmark::Options),
}

impl Command {
    fn run(&self) -> Result<()> {
        match self {
            Self::Demo(options) => demo::run(options),
            Self::Compare(options) => compare::run(options),
            Self::Cascade(options) => cascade::run(options),
            Self::Vaults(options) => vaults::run(options),
            Self::Perps(options) => perps::run(options),
            Self::Stress(options) => stress::run(options),
            Self::Calibrate(options) => stress::calibrate::run(options),
            Self::StressBenchmark(options) => stress::benchmark::run(options),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }
}
