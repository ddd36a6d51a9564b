//! Governed parameters as data: where each lies, its unit, its range, and which way adds risk.
//!
//! The tables are made from the records themselves: `governed!` wants a rule for every field, so that a parameter without
//! one does not compile. A parameter is named by its offset in its record, which a layout version fixes for good.

use crate::{
    error::{Error, Result},
    record::layout::Address,
};

/// What a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Unit {
    /// Hundredths of a percent.
    Bps,
    /// Basis points an hour.
    BpsPerHour,
    /// Basis points a day.
    BpsPerDay,
    /// Basis points a year.
    BpsPerYear,
    /// Of the reserve's token.
    Atoms,
    /// Whole USD.
    Dollars,
    /// 10^-8 USD.
    DollarsE8,
    /// Of time.
    Seconds,
    /// A moment, unix seconds.
    Time,
    /// Off (0) or on (1).
    Switch,
    /// A number of something.
    Count,
    /// The name of something.
    Id,
    /// An account.
    Account,
}

/// Which way a parameter adds risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Direction {
    /// Larger.
    Up,
    /// Larger; zero is no limit.
    UpOrNone,
    /// Smaller, or offered at all: zero is not offered.
    DownOrNew,
    /// Any other value; zero is no limit. A smaller one could hold deposits back, and their owners must be able to leave while
    /// another change waits. In an emergency there is the guardian's pause, which ends by itself.
    AnyOrNone,
    /// Smaller.
    Down,
    /// Any other value, because it depends whom a change favours.
    Any,
    /// Any other account; setting none adds no risk.
    AnyoneNew,
}

/// One governed number, or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Least value. Of an address: 1 if it must be set.
    pub min: u64,
    /// Hard ceiling. No role can pass it.
    pub max: u64,
    /// Bytes from the start of its record. Its name in a change.
    pub offset: u16,
    /// Bytes.
    pub width: u8,
    /// Which way adds risk.
    pub direction: Direction,
    /// What it counts.
    pub unit: Unit,
    /// The error that refuses a value outside the range.
    pub error: Error,
}

impl Parameter {
    pub(crate) const fn within(range: core::ops::RangeInclusive<u64>) -> Self {
        Self { min: *range.start(), max: *range.end(), ..NOTHING }
    }

    /// Its bytes in a record.
    pub fn of<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        &record[self.offset as usize..][..self.width as usize]
    }

    /// Its value in a record, as an unsigned number; of an address the first eight bytes.
    pub fn value(&self, record: &[u8]) -> u64 {
        number(self.of(record))
    }

    /// Whether a value is in its range.
    pub fn admits(&self, bytes: &[u8]) -> bool {
        if self.unit == Unit::Account {
            return self.min == 0 || !is_zero(bytes);
        }
        let value = number(bytes);
        let none = matches!(self.direction, Direction::UpOrNone | Direction::DownOrNew | Direction::AnyOrNone);
        none && value == 0 || (self.min..=self.max).contains(&value)
    }

    /// Whether a change from one value to another adds risk.
    pub fn adds_risk(&self, old: &[u8], new: &[u8]) -> bool {
        if old == new {
            return false;
        }
        if self.direction == Direction::AnyoneNew {
            return !is_zero(new);
        }
        let (old, new) = (number(old), number(new));
        match self.direction {
            Direction::Up => new > old,
            Direction::UpOrNone => new == 0 || old != 0 && new > old,
            Direction::Down => new < old,
            Direction::DownOrNew => old == 0 || new < old,
            _ => true,
        }
    }

    /// Whether the risk council may make a change at once: any change of a switch, one of basis points by up to
    /// [`COUNCIL_STEP`], and one of anything else by up to half of its value. The council may not switch on a limit that was off.
    fn is_small(&self, old: &[u8], new: &[u8]) -> bool {
        let (old, new) = (number(old), number(new));
        let most = if self.unit == Unit::Bps { COUNCIL_STEP } else { old / 2 };
        let is_new = old == 0 && self.direction == Direction::UpOrNone;
        self.unit == Unit::Switch || !is_new && old.abs_diff(new) <= most
    }
}

/// Basis points by which the risk council may move a parameter at once.
pub const COUNCIL_STEP: u64 = 500;

fn number(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let width = bytes.len().min(8);
    word[..width].copy_from_slice(&bytes[..width]);
    u64::from_le_bytes(word)
}

/// A record whose fields are parameters.
pub trait Governed {
    /// Rules of its fields.
    const NODES: &'static [Node];
}

/// The rule of one field.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Bytes from the start of its record.
    pub(crate) offset: usize,
    /// Bytes.
    pub(crate) size: usize,
    /// How often it is there, side by side.
    pub(crate) times: usize,
    /// What it is.
    pub(crate) rule: Rule,
}

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// A parameter.
    Value(Parameter),
    /// A record of parameters.
    Part(&'static [Node]),
    /// Nothing: always zero.
    Zero,
}

pub(crate) const fn count(nodes: &[Node]) -> usize {
    let (mut sum, mut index) = (0, 0);
    while index < nodes.len() {
        sum += nodes[index].times
            * match nodes[index].rule {
                Rule::Value(_) => 1,
                Rule::Part(part) => count(part),
                Rule::Zero => 0,
            };
        index += 1;
    }
    sum
}

const NOTHING: Parameter = Parameter {
    min: 0,
    max: 0,
    offset: 0,
    width: 0,
    direction: Direction::Any,
    unit: Unit::Count,
    error: Error::ParameterUnknown,
};

const fn flatten<const N: usize>(
    nodes: &[Node],
    base: usize,
    mut table: [Parameter; N],
    mut next: usize,
) -> ([Parameter; N], usize) {
    let mut index = 0;
    while index < nodes.len() {
        let node = nodes[index];
        let mut nth = 0;
        while nth < node.times {
            let offset = base + node.offset + nth * node.size;
            match node.rule {
                Rule::Value(parameter) => {
                    table[next] = Parameter { offset: offset as u16, width: node.size as u8, ..parameter };
                    next += 1;
                }
                Rule::Part(part) => (table, next) = flatten(part, offset, table, next),
                Rule::Zero => (),
            }
            nth += 1;
        }
        index += 1;
    }
    (table, next)
}

pub(crate) const fn table<T: Governed, const N: usize>() -> [Parameter; N] {
    flatten(T::NODES, 0, [NOTHING; N], 0).0
}

/// Refuses a record with a parameter outside of its range.
pub fn validate(table: &[Parameter], record: &[u8]) -> Result<()> {
    for parameter in table {
        if !parameter.admits(parameter.of(record)) {
            return Err(parameter.error);
        }
    }
    Ok(())
}

/// Refuses a record with anything but zero beside its parameters: a later layout might read it as a parameter that nobody has
/// judged. Edits cannot reach these bytes, so only new records are checked.
#[inline(never)]
pub(crate) fn require_nothing_beside(table: &[Parameter], record: &[u8]) -> Result<()> {
    let mut rest = record;
    for parameter in table {
        let gap = parameter.offset as usize - (record.len() - rest.len());
        let (gap, value) = rest.split_at(gap);
        if !is_zero(gap) {
            return Err(Error::ParameterUnknown);
        }
        rest = &value[parameter.width as usize..];
    }
    if is_zero(rest) { Ok(()) } else { Err(Error::ParameterUnknown) }
}

#[inline(never)]
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What a list of edits amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// Whether one of them adds risk.
    pub adds_risk: bool,
    /// Whether one of them goes further than the risk council may at once.
    pub is_large: bool,
}

/// One edit as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The parameter.
    pub offset: u16,
    /// Its value before; numbers fill the first bytes.
    pub old: Address,
    /// Its value now.
    pub new: Address,
}

/// A function that is told each edit, and the edit's number among the market's events.
pub type Made<'a> = dyn FnMut(u64, &Edit) + 'a;

/// Makes edits to a copy of a record. An edit is the parameter's offset as a little-endian `u16` and its new bytes; they stand
/// one after the other. Each edit is told to `made`. Each is judged against the record as it was before all of them, so many
/// small steps of one parameter count as a large one.
pub fn edit(
    table: &[Parameter],
    before: &[u8],
    record: &mut [u8],
    mut edits: &[u8],
    events: &mut u64,
    made: &mut Made,
) -> Result<Edited> {
    let mut sum = Edited::default();
    if edits.is_empty() {
        return Err(Error::NothingToChange);
    }
    while let Some((offset, rest)) = edits.split_first_chunk() {
        let offset = u16::from_le_bytes(*offset);
        let parameter = table.iter().find(|row| row.offset == offset).ok_or(Error::ParameterUnknown)?;
        let (new, rest) = rest.split_at_checked(parameter.width as usize).ok_or(Error::ParameterUnknown)?;
        let at = &mut record[offset as usize..][..new.len()];
        if !parameter.admits(new) {
            return Err(parameter.error);
        }
        sum.adds_risk |= parameter.adds_risk(parameter.of(before), new);
        sum.is_large |= !parameter.is_small(parameter.of(before), new);
        let mut edit = Edit { offset, old: Address::NONE, new: Address::NONE };
        edit.old.0[..new.len()].copy_from_slice(at);
        edit.new.0[..new.len()].copy_from_slice(new);
        *events = events.wrapping_add(1);
        made(*events, &edit);
        at.copy_from_slice(new);
        edits = rest;
    }
    if edits.is_empty() { Ok(sum) } else { Err(Error::ParameterUnknown) }
}

/// Defines a [record](crate::record::layout::record) of parameters. Behind each field stands its rule:
///
/// - `[Unit, least..=most, Direction, Error]`: a number, or an address;
/// - `[each Type, Unit, …]`: several of them side by side;
/// - `[part]`, `[parts Type]`: a record of parameters, or several side by side;
/// - `[zero]`: nothing.
macro_rules! governed {
    ($(#[$meta:meta])* pub struct $name:ident: $size:literal {
        $($(#[$field_meta:meta])* pub $field:ident: $ty:ty [$($rule:tt)*],)*
    }) => {
        $crate::record::layout::record! {
            $(#[$meta])*
            pub struct $name: $size { $($(#[$field_meta])* pub $field: $ty,)* }
        }

        impl $crate::record::parameter::Governed for $name {
            const NODES: &'static [$crate::record::parameter::Node] =
                &[$($crate::record::parameter::node!(core::mem::offset_of!($name, $field), $ty, $($rule)*),)*];
        }
    };
}

/// The rule of one field.
macro_rules! node {
    ($offset:expr, $ty:ty, zero) => {
        $crate::record::parameter::Node { offset: $offset, size: 0, times: 1, rule: $crate::record::parameter::Rule::Zero }
    };
    ($offset:expr, $ty:ty, part) => { $crate::record::parameter::node!($offset, $ty, parts $ty) };
    ($offset:expr, $ty:ty, parts $part:ty) => {
        $crate::record::parameter::Node {
            offset: $offset,
            size: size_of::<$part>(),
            times: size_of::<$ty>() / size_of::<$part>(),
            rule: $crate::record::parameter::Rule::Part(<$part as $crate::record::parameter::Governed>::NODES),
        }
    };
    ($offset:expr, $ty:ty, each $element:ty, $unit:ident, $range:expr, $direction:ident, $error:ident) => {
        $crate::record::parameter::Node {
            offset: $offset,
            size: size_of::<$element>(),
            times: size_of::<$ty>() / size_of::<$element>(),
            rule: $crate::record::parameter::Rule::Value($crate::record::parameter::Parameter {
                direction: $crate::record::parameter::Direction::$direction,
                unit: $crate::record::parameter::Unit::$unit,
                error: $crate::error::Error::$error,
                ..$crate::record::parameter::Parameter::within($range)
            }),
        }
    };
    ($offset:expr, $ty:ty, $unit:ident, $($rest:tt)*) => {
        $crate::record::parameter::node!($offset, $ty, each $ty, $unit, $($rest)*)
    };
}
pub(crate) use {governed, node};
