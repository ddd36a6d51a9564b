//! The tools of `scripts/build` that are not shell. Each module says what its tool does.

mod idl;
mod rust_client;
mod size;
mod stack_args;

use std::{env, error::Error, fs, path::Path};

const USAGE: &str = "usage: ballast-build-tools idl <program folder> <output file> [cargo argument]…
       ballast-build-tools rust-client <IDL> <client's folder>
       ballast-build-tools stack-args <input file> <output file>
       ballast-build-tools size <object file> <program> <output file>";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["idl", program, output, ..] => idl::write(program.as_ref(), output.as_ref(), &args[3..]),
        ["rust-client", idl, folder] => rust_client::write(idl.as_ref(), folder.as_ref()),
        ["stack-args", input, output] => stack_args::write(input.as_ref(), output.as_ref()),
        ["size", object, program, output] => size::write(object.as_ref(), program.as_ref(), output.as_ref()),
        _ => Err(USAGE.into()),
    }
}

/// Writes a file, and its folder. It is left alone when nothing changed.
fn put(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}
