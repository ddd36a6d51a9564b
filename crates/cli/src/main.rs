//! The `ballast` command.

use std::process::ExitCode;

use ballast_cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    Cli::parse().main()
}
