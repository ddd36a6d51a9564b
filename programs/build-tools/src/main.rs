//! The tools of `scripts/build` that are not shell. Each module says what its tool does.

mod idl;
mod size;
mod stack_args;

use std::{env, error::Error};

const USAGE: &str = "usage: ballast-build-tools idl <program folder> <output file> [cargo argument]…
       ballast-build-tools stack-args <input file> <output file>
       ballast-build-tools size <object file> <program> <output file>";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["idl", program, output, ..] => idl::write(program.as_ref(), output.as_ref(), &args[3..]),
        ["stack-args", input, output] => stack_args::write(input.as_ref(), output.as_ref()),
        ["size", object, program, output] => size::write(object.as_ref(), program.as_ref(), output.as_ref()),
        _ => Err(USAGE.into()),
    }
}
