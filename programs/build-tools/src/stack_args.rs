//! Moves stack arguments over the gaps between the stack frames of SBPF v0.
//!
//! Arguments beyond the fifth register are handed over at the start of the callee's frame. sbpf-linker 0.2.6 has the
//! caller store them at `[r10 + k]` and the callee load them from `[r10 - 4096 + k]`: one place where frames lie back
//! to back, as in v3. v0 leaves a gap as large as a frame after each of them, so the callee's r10 is the caller's
//! plus 8192, and the store would end in the gap as an access violation. Here every such store gets the 4096 bytes
//! more that the callee expects. No other store has r10 with a positive offset: a function's own frame is below r10.

use std::{error::Error, fs, ops::Range, path::Path};

use object::{
    LittleEndian, Object, ObjectSection,
    elf::FileFlags,
    read::elf::{ElfFile64, FileHeader},
};

/// Bytes of a stack frame, and of the gap after it.
const FRAME: i16 = 4096;
const INSTRUCTION: usize = 8;
const FRAME_POINTER: u8 = 10;
/// Loads 64 bits that are half in its own instruction, half in the next, which is no instruction then.
const LDDW: u8 = 0x18;

/// Writes a v0 program as it comes from sbpf-linker with its stack arguments moved.
pub fn write(input: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let mut program = fs::read(input)?;
    let text = text(&program)?;
    let text = program.get_mut(text).ok_or("the text lies outside of the file")?;
    move_stack_args(text).map_err(|error| format!("{}: {error}", input.display()))?;
    fs::write(output, program)?;
    Ok(())
}

/// Where the instructions of an SBPF v0 program are.
fn text(program: &[u8]) -> Result<Range<usize>, Box<dyn Error>> {
    let elf = ElfFile64::<LittleEndian>::parse(program)?;
    if elf.elf_header().e_flags(LittleEndian) != FileFlags(0) {
        return Err("not a program of SBPF v0".into());
    }
    let section = elf.section_by_name(".text").ok_or("no .text section")?;
    let (start, size) = section.file_range().ok_or("an empty .text section")?;
    let end = start.checked_add(size).ok_or("the text lies outside of the file")?;
    Ok(usize::try_from(start)?..usize::try_from(end)?)
}

/// Adds [`FRAME`] to the offset of every store of a stack argument. Refuses what the linker does not make, such as a
/// program whose stack arguments were moved before.
fn move_stack_args(text: &mut [u8]) -> Result<(), String> {
    let (instructions, rest) = text.as_chunks_mut::<INSTRUCTION>();
    if !rest.is_empty() {
        return Err(format!("the text ends with {} bytes that are no instruction", rest.len()));
    }
    let mut instructions = instructions.iter_mut().enumerate();
    while let Some((index, instruction)) = instructions.next() {
        let [opcode, registers, low, high, ..] = *instruction;
        if opcode == LDDW && instructions.next().is_none_or(|(_, second)| second[0] != 0) {
            return Err(format!("instruction {index}: half of an lddw"));
        }
        let Some((access, width)) = Access::of(opcode) else { continue };
        let base = match access {
            Access::Load => registers >> 4,
            Access::Store => registers & 0xf,
        };
        let offset = i16::from_le_bytes([low, high]);
        if base != FRAME_POINTER || offset <= -width {
            continue;
        }
        if access == Access::Load || offset <= 0 || offset > FRAME - width {
            return Err(format!("instruction {index}: {access:?} of {width} bytes at [r10 + {offset}]: in a gap"));
        }
        instruction[2..4].copy_from_slice(&(offset + FRAME).to_le_bytes());
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Load,
    Store,
}

impl Access {
    /// Whether an instruction loads or stores, and how many bytes.
    fn of(opcode: u8) -> Option<(Self, i16)> {
        let access = match opcode & 0xe7 {
            0x61 => Self::Load,
            0x62 | 0x63 => Self::Store, // of a constant, of a register
            _ => return None,
        };
        let width = match opcode & 0x18 {
            0x00 => 4,
            0x08 => 2,
            0x10 => 1,
            _ => 8,
        };
        Some((access, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADS: [(u8, i16); 4] = [(0x71, 1), (0x69, 2), (0x61, 4), (0x79, 8)];
    const STORES: [(u8, i16); 8] =
        [(0x73, 1), (0x6b, 2), (0x63, 4), (0x7b, 8), (0x72, 1), (0x6a, 2), (0x62, 4), (0x7a, 8)];

    fn instruction(opcode: u8, destination: u8, source: u8, offset: i16) -> [u8; INSTRUCTION] {
        let [low, high] = offset.to_le_bytes();
        [opcode, source << 4 | destination, low, high, 0xaa, 0xbb, 0xcc, 0xdd]
    }

    fn moved(text: &[[u8; INSTRUCTION]]) -> Result<Vec<[u8; INSTRUCTION]>, String> {
        let mut bytes = text.concat();
        move_stack_args(&mut bytes)?;
        Ok(bytes.as_chunks().0.to_vec())
    }

    #[test]
    fn stores_of_stack_arguments_move_by_a_frame() {
        for (opcode, width) in STORES {
            for offset in [8, 16, FRAME - width] {
                let text = [instruction(opcode, 10, 1, offset)];
                assert_eq!(moved(&text), Ok(vec![instruction(opcode, 10, 1, offset + 4096)]));
            }
        }
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let mut text = vec![instruction(0xbf, 10, 1, 8), instruction(0x85, 10, 10, 8), instruction(0x95, 0, 0, 0)];
        for (opcode, width) in STORES {
            text.push(instruction(opcode, 10, 1, -width));
            text.push(instruction(opcode, 10, 1, -FRAME));
            text.push(instruction(opcode, 1, 10, 8));
        }
        for (opcode, width) in LOADS {
            text.push(instruction(opcode, 1, 10, -width));
            text.push(instruction(opcode, 1, 10, 8 - FRAME));
            text.push(instruction(opcode, 10, 1, 8));
        }
        assert_eq!(moved(&text), Ok(text));
        assert_eq!(moved(&[]), Ok(vec![]));
    }

    #[test]
    fn the_constant_of_an_lddw_is_no_instruction() {
        let store = instruction(0x7b, 10, 1, 8);
        let second = instruction(0, 10, 1, 8);
        let text = [instruction(LDDW, 1, 0, 0), second, store];
        assert_eq!(moved(&text), Ok(vec![text[0], second, instruction(0x7b, 10, 1, 8 + 4096)]));
        assert!(moved(&[instruction(LDDW, 1, 0, 0), store]).is_err());
        assert!(moved(&[instruction(LDDW, 1, 0, 0)]).is_err());
    }

    #[test]
    fn a_store_that_cannot_be_of_a_stack_argument_is_refused() {
        for (opcode, width) in STORES {
            for offset in [1 - width, 0, FRAME - width + 1, FRAME, FRAME + 8, i16::MAX] {
                assert!(moved(&[instruction(opcode, 10, 1, offset)]).is_err(), "{opcode:#x} at {offset}");
            }
        }
    }

    #[test]
    fn stack_arguments_are_not_moved_twice() {
        let once = moved(&[instruction(0x7b, 10, 1, 8)]).expect("moves");
        assert!(moved(&once).is_err());
    }

    #[test]
    fn a_load_from_a_gap_is_refused() {
        for (opcode, width) in LOADS {
            for offset in [1 - width, 0, 8, FRAME + 8] {
                assert!(moved(&[instruction(opcode, 1, 10, offset)]).is_err(), "{opcode:#x} at {offset}");
            }
        }
    }

    #[test]
    fn half_an_instruction_is_refused() {
        assert!(move_stack_args(&mut [0; 12]).is_err());
    }

    #[test]
    fn what_is_no_program_of_v0_is_refused() {
        assert!(text(b"").is_err());
        assert!(text(&[0x7f; 200]).is_err());
        // An ELF header that is whole, of SBPF v3 by its flags.
        let mut header = [0; 64];
        header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        (header[16], header[18], header[20], header[48], header[52]) = (3, 247, 1, 3, 64);
        assert_eq!(text(&header).expect_err("v3").to_string(), "not a program of SBPF v0");
        header[48] = 0;
        assert_eq!(text(&header).expect_err("empty").to_string(), "no .text section");
    }
}
