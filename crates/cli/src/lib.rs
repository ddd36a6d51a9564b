//! What the `ballast` command does, for the command and for the local network.

pub mod cascade;
pub mod compare;
pub mod demo;
pub mod localnet;
pub mod online;
mod report;
pub mod setup;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::json;

use online::exit;

/// Ballast: a collateral, margin and reserve protocol for Solana.
#[derive(Parser)]
#[command(name = "ballast", version, after_help = exit::HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Online(online::Command),
    Localnet(localnet::Options),
    Demo(demo::Options),
    Compare(compare::Options),
    Cascade(cascade::Options),
}

impl Cli {
    /// Runs it, and tells an error as the command was asked to.
    pub fn main(&self) -> ExitCode {
        self.command.run().unwrap_or_else(|error| {
            let (message, code) = (format!("{error:#}"), exit::of(&error));
            if matches!(&self.command, Command::Online(command) if command.is_json()) {
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
    fn run(&self) -> Result<ExitCode> {
        match self {
            Self::Online(command) => command.run(),
            Self::Localnet(options) => localnet::run(options),
            Self::Demo(options) => demo::run(options).map(|()| ExitCode::SUCCESS),
            Self::Compare(options) => compare::run(options).map(|()| ExitCode::SUCCESS),
            Self::Cascade(options) => cascade::run(options).map(|()| ExitCode::SUCCESS),
        }
    }
}
