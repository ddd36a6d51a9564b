//! The `ballast` command.

use std::process::ExitCode;

use ballast_cli::{cascade, compare, demo, setup};
use clap::{Parser, Subcommand};
/// Ballast: a collateral, margin and reserve protocol for Solana.
#[derive(Parser)]
#[command(name = "ballast", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Options),
    Compare(compare::Options),
    Cascade(cascade::Options),
    Market(setup::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Compare(options) => compare::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Cascade(options) => cascade::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Market(options) => setup::run(&options),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
