//! Where the bytes of the program are: `benchmarks/program-size.md`.
//!
//! The program itself has no names. They are in the object that sbpf-linker makes of the bitcode, and of which its assembler
//! makes the program, without most of what nothing reaches.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write,
    fs,
    path::Path,
};

use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex, SectionKind, SymbolKind};

/// What `benchmarks/program-size.md` may show of one list.
const LONGEST_LIST: usize = 30;
/// What the project allows itself for now; the aim with vaults is 448 KiB.
const LIMIT: usize = 704 * 1024;
const HEAD: &str = "\
# What the program's bytes are

Written by `scripts/program-size`, from the SBPF v3 program that `scripts/build --toolchain packages` makes; `scripts/test` compares
it with the build, exactly.

";
const BY_INSTRUCTION: &str = "
## By instruction

Handler: the walk over the accounts, their checks, and what the compiler inlined. Alone: functions that no other instruction reaches.
Shared: those that others reach too.

| instruction | handler | alone | shared |
|---|---:|---:|---:|
";
const HANDLERS: &str = "ballast::__handlers::";
const INSTRUCTION: usize = 8;
const CALL: u8 = 0x85;
const LDDW: u8 = 0x18;

/// Writes the table of a program, from it and from the object it was made of.
pub fn write(object: &Path, program: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let (object, program) = (fs::read(object)?, fs::read(program)?);
    let table = table(&Code::read(&object)?, &program)?;
    fs::write(output, table)?;
    Ok(())
}

/// A function of the object.
struct Function {
    name: String,
    size: usize,
    /// Indices of the functions that it calls or takes the address of.
    uses: BTreeSet<usize>,
}

struct Code {
    functions: Vec<Function>,
    entrypoint: usize,
}

impl Code {
    fn read(bytes: &[u8]) -> Result<Self, Box<dyn Error>> {
        let file = object::File::parse(bytes)?;
        let mut functions = Vec::new();
        // Functions by place, and sections by number.
        let mut starts: BTreeMap<(usize, u64), usize> = BTreeMap::new();
        for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
            let section = symbol.section_index().ok_or("a function without a section")?;
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
            // Two names of one function are one function.
            starts.entry((section.0, symbol.address())).or_insert_with(|| {
                functions.push(Function { name, size: symbol.size() as usize, uses: BTreeSet::new() });
                functions.len() - 1
            });
        }
        let at = |section: SectionIndex, address: u64| {
            let before = starts.range(..=(section.0, address)).next_back();
            before.filter(|((home, _), _)| *home == section.0).map(|(_, index)| *index)
        };
        for section in file.sections() {
            let data = section.data()?;
            let mut relocations = BTreeMap::new();
            for (offset, relocation) in section.relocations() {
                if let RelocationTarget::Symbol(symbol) = relocation.target() {
                    relocations.insert(offset, file.symbol_by_index(symbol)?);
                }
            }
            if section.kind() != SectionKind::Text {
                continue;
            }
            let (instructions, _) = data.as_chunks::<INSTRUCTION>();
            for (index, instruction) in instructions.iter().enumerate() {
                let offset = (index * INSTRUCTION) as u64;
                let immediate = i64::from(i32::from_le_bytes([4, 5, 6, 7].map(|byte| instruction[byte])));
                let relative = (immediate + 1) * INSTRUCTION as i64;
                let is_local_call = instruction[0] == CALL && instruction[1] >> 4 == 1;
                let target = match relocations.get(&offset) {
                    Some(symbol) => symbol.section_index().and_then(|home| {
                        let addend = match (symbol.kind(), instruction[0]) {
                            (SymbolKind::Section, CALL) => relative,
                            (_, LDDW) => immediate,
                            _ => 0,
                        };
                        at(home, symbol.address().wrapping_add_signed(addend))
                    }),
                    None if is_local_call => at(section.index(), offset.wrapping_add_signed(relative)),
                    None => None,
                };
                if let (Some(from), Some(to)) = (at(section.index(), offset), target) {
                    functions[from].uses.insert(to);
                }
            }
        }
        let entrypoint = functions.iter().position(|function| function.name == "entrypoint").ok_or("no entrypoint")?;
        Ok(Self { functions, entrypoint })
    }

    /// The functions that one reaches, itself included.
    fn reach(&self, from: usize) -> BTreeSet<usize> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(index) = open.pop() {
            if reached.insert(index) {
                open.extend(&self.functions[index].uses);
            }
        }
        reached
    }

    fn size(&self, indices: impl IntoIterator<Item = usize>) -> usize {
        indices.into_iter().map(|index| self.functions[index].size).sum()
    }
}

/// The path with which the name of a function begins, generic arguments and brackets left out.
fn path(name: &str) -> &str {
    let name = name.trim_start_matches(|character: char| !character.is_alphanumeric() && character != '_');
    let end = name.find(|character: char| !character.is_alphanumeric() && !"_:".contains(character));
    &name[..end.unwrap_or(name.len())]
}

/// Whose a function is: a module of the engine or of the program, a library, or what the compiler calls.
fn owner(name: &str) -> String {
    let parts: Vec<&str> = path(name).split("::").collect();
    match parts[..] {
        ["ballast", "builtins", ..] => "128-bit division and multiplication".into(),
        ["ballast_engine", module, ..] => format!("engine: {module}"),
        ["ballast", "__handlers", ..] => "program: handlers".into(),
        ["ballast", "__anchor_dispatch_internal"] => "program: entry and dispatch".into(),
        ["ballast", module, _, ..] => format!("program: {module}"),
        [library, _, ..] => library.into(),
        _ if name.ends_with("ti3") => "128-bit division and multiplication".into(),
        _ if name.starts_with("__") => "floating point".into(),
        _ if name.starts_with("mem") || name == "bcmp" => "memcpy, memcmp and the like".into(),
        _ => "program: entry and dispatch".into(),
    }
}

/// A number with commas.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn table(code: &Code, program: &[u8]) -> Result<String, Box<dyn Error>> {
    let live = code.reach(code.entrypoint);
    let handlers: BTreeMap<&str, BTreeSet<usize>> = live
        .iter()
        .filter_map(|index| Some((code.functions[*index].name.strip_prefix(HANDLERS)?, code.reach(*index))))
        .collect();
    // How many instructions reach a function.
    let users = |index: usize| handlers.values().filter(|reached| reached.contains(&index)).count();
    let live_size = code.size(live.iter().copied());
    let (code_size, data_size) = segments(program)?;

    let mut text = String::from(HEAD);
    writeln!(text, "| part | bytes |\n|---|---:|")?;
    let beside = code_size.checked_sub(live_size).ok_or("the program is smaller than its functions")?;
    writeln!(text, "| functions that the entrypoint reaches | {} |", grouped(live_size))?;
    writeln!(text, "| other code: what is exported to the linker and used by nothing | {} |", grouped(beside))?;
    writeln!(text, "| constants | {} |", grouped(data_size))?;
    let rest = program.len().saturating_sub(code_size + data_size);
    writeln!(text, "| headers | {} |", grouped(rest))?;
    writeln!(text, "| **program** | **{}** |", grouped(program.len()))?;
    let left = LIMIT.checked_sub(program.len()).ok_or("the program is larger than 704 KiB")?;
    writeln!(text, "| left of 704 KiB | {} |", grouped(left))?;

    text.push_str(BY_INSTRUCTION);
    let mut rows = Vec::new();
    for (name, reached) in &handlers {
        let handler = reached.iter().find(|index| code.functions[**index].name == format!("{HANDLERS}{name}"));
        let handler = *handler.ok_or("a handler does not reach itself")?;
        let (alone, shared): (Vec<usize>, Vec<usize>) =
            reached.iter().filter(|index| **index != handler).partition(|index| users(**index) == 1);
        rows.push((code.size([handler]), code.size(alone), code.size(shared), *name));
    }
    rows.sort_by_key(|(handler, alone, _, name)| (std::cmp::Reverse(handler + alone), *name));
    for (handler, alone, shared, name) in &rows {
        let (handler, alone, shared) = (grouped(*handler), grouped(*alone), grouped(*shared));
        writeln!(text, "| `{name}` | {handler} | {alone} | {shared} |")?;
    }
    let sum = |column: fn(&(usize, usize, usize, &str)) -> usize| grouped(rows.iter().map(column).sum());
    writeln!(text, "| **sum** | **{}** | **{}** | |", sum(|row| row.0), sum(|row| row.1))?;

    text.push_str("\n## By module and library\n\n| owner | functions | bytes |\n|---|---:|---:|\n");
    let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for index in &live {
        owners.entry(owner(&code.functions[*index].name)).or_default().push(*index);
    }
    let mut owners: Vec<_> =
        owners.into_iter().map(|(owner, of)| (code.size(of.iter().copied()), of.len(), owner)).collect();
    owners.sort_by_key(|(size, _, owner)| (std::cmp::Reverse(*size), owner.clone()));
    for (size, count, owner) in owners {
        writeln!(text, "| {owner} | {count} | {} |", grouped(size))?;
    }

    text.push_str("\n## The largest functions\n\n| function | instructions that reach it | bytes |\n|---|---:|---:|\n");
    let mut largest: Vec<&usize> = live.iter().collect();
    largest.sort_by_key(|index| (std::cmp::Reverse(code.functions[**index].size), &code.functions[**index].name));
    for index in largest.into_iter().take(LONGEST_LIST) {
        let Function { name, size, .. } = &code.functions[*index];
        writeln!(text, "| `{name}` | {} | {} |", users(*index), grouped(*size))?;
    }
    Ok(text)
}

/// Bytes of a v3 program's code and constants. It has no sections: one segment each, the executable one is code.
fn segments(program: &[u8]) -> Result<(usize, usize), Box<dyn Error>> {
    use object::{
        LittleEndian, elf,
        read::elf::{FileHeader, ProgramHeader},
    };
    let header = elf::FileHeader64::<LittleEndian>::parse(program)?;
    let (mut code, mut data) = (0, 0);
    for segment in header.program_headers(LittleEndian, program)? {
        let size = segment.p_filesz(LittleEndian) as usize;
        if segment.p_flags(LittleEndian).0 & elf::PF_X.0 == 0 { data += size } else { code += size }
    }
    Ok((code, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_told_to_whom_they_belong_by_the_beginning_of_their_names() {
        for (name, expected) in [
            ("<ballast_engine::ledger::Ledger>::liquidate", "engine: ledger"),
            ("ballast_engine::health::account::health", "engine: health"),
            ("ballast::__handlers::deposit", "program: handlers"),
            (
                "<ballast::instructions::pay_in::PayIn as anchor_lang::dispatch::TryAccounts>::f",
                "program: instructions",
            ),
            ("ballast::builtins::div_rem", "128-bit division and multiplication"),
            ("sbf_udivti3", "128-bit division and multiplication"),
            ("__muldf3", "floating point"),
            ("memcpy", "memcpy, memcmp and the like"),
            ("anchor_lang::cpi::create_prefunded", "anchor_lang"),
            ("<u64 as core::convert::From<solana_program_error::ProgramError>>::from", "program: entry and dispatch"),
            ("entrypoint", "program: entry and dispatch"),
            ("ballast::__anchor_dispatch_internal", "program: entry and dispatch"),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }

    #[test]
    fn what_two_handlers_reach_is_shared_and_what_one_reaches_is_its_own() {
        let function = |name: &str, size, uses: &[usize]| Function {
            name: name.into(),
            size,
            uses: uses.iter().copied().collect(),
        };
        let code = Code {
            functions: vec![
                function("entrypoint", 1, &[1, 2]),
                function("ballast::__handlers::a", 10, &[3, 4]),
                function("ballast::__handlers::b", 20, &[4]),
                function("ballast_engine::number::math::one", 100, &[]),
                function("ballast_engine::number::math::two", 1_000, &[4]),
                function("memcpy", 50_000, &[]),
            ],
            entrypoint: 0,
        };
        assert_eq!(code.size(code.reach(1)), 1_110);
        assert_eq!(code.size(code.reach(2)), 1_020);
        assert_eq!(code.size(code.reach(0)), 1_131, "nothing reaches memcpy");
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 12, 999, 1_000, 327_680, 1_234_567].map(grouped).join(" "), "0 12 999 1,000 327,680 1,234,567");
    }
}
