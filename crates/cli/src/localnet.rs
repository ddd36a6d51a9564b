//! `ballast localnet`: hands over to `ballast-localnet`, which is a program of its own because it takes long to build.

use std::{
    env::current_exe,
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};
use clap::Args;

/// Starts a network of its own in this process, with a market, prices and funded wallets: `ballast localnet --help`.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct Options {
    /// What `ballast-localnet` takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

const PROGRAM: &str = "ballast-localnet";

/// Runs it until it ends. Ctrl-C and termination reach it too.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut command = Command::new(find());
    command.args(&options.arguments);
    replace(command)
}

/// Beside this program, or on the path.
fn find() -> PathBuf {
    let beside = current_exe().ok().map(|path| path.with_file_name(PROGRAM)).filter(|path| path.exists());
    beside.unwrap_or_else(|| PROGRAM.into())
}

/// Becomes the other program, so that signals and the exit code are its own.
fn replace(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    if error.kind() == std::io::ErrorKind::NotFound {
        bail!("{PROGRAM} is not beside this program and not on the path: cargo build -p {PROGRAM}");
    }
    Err(error).with_context(|| format!("cannot start {PROGRAM}"))
}
