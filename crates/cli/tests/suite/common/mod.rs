//! The `ballast` command from outside. Needs the program: scripts/build.

pub mod node;
pub mod town;
pub mod village;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The command of somebody whose files are in a folder.
pub fn command_with_home(home: &Path, arguments: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
    command
        .env("HOME", home)
        .env_remove("BALLAST_MARKET")
        .env_remove("BALLAST_VAULT")
        .current_dir(root)
        .args(arguments);
    command
}

/// Runs it.
pub fn run_with_home(home: &Path, arguments: &[&str]) -> Output {
    command_with_home(home, arguments).output().expect("the command starts")
}

/// A folder for the files of a test.
pub fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ballast-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}
