//! The `ballast-keeper` command.

use clap::{Parser, Subcommand};

/// Liquidates, and turns the cranks of a Ballast market.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Times the evaluation of many accounts after a price update.
    Bench(ballast_keeper::bench::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Bench(options) => options.run(),
    }
}
