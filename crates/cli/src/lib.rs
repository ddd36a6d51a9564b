//! What the `ballast` command does.

pub mod commands;
pub mod localnet;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::json;

use commands::{connection::Before, exit};

/// Ballast: a collateral, margin and reserve protocol for Solana.
#[derive(Parser)]
#[command(name = "ballast", version, after_help = exit::HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    before: Before,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Online(Box<commands::Command>),
    Localnet(localnet::Options),
}

impl Cli {
    /// Runs it, and tells an error as the command was asked to.
    pub fn main(&self) -> ExitCode {
        let Before(before) = &self.before;
        let connection = match &self.command {
            Command::Online(command) => command.connection().with(before),
            _ => before.clone(),
        };
        self.command.run(&connection).unwrap_or_else(|error| {
            let (message, code) = (exit::words(&error), exit::of(&error));
            if connection.json {
                let program = exit::program_error(&error);
                eprintln!("{}", json!({ "error": { "message": message, "program": program, "exitCode": code } }));
            } else {
                eprintln!("error: {message}");
            }
            ExitCode::from(code)
        })
    }
}

impl Command {
    fn run(&self, connection: &commands::Connection) -> Result<ExitCode> {
        if !matches!(self, Self::Online(_)) {
            connection.check_offline()?;
        }
        match self {
            Self::Online(command) => connection.run(|session| command.run(session)),
            Self::Localnet(options) => localnet::run(options),
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
