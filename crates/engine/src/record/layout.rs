//! Account records: plain `repr(C)` structs without padding whose size is stated and whose fields can be listed, so
//! that the IDL, the clients and the tests read the layout from the one place that defines it.

use crate::number::{
    index::Index,
    units::{Bps, Fraction, Part, Rate, Shares, UsdE8},
};

use bytemuck::{Pod, Zeroable};

/// The type of a field as a client decodes it. All integers are little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Unsigned 8 bits.
    U8,
    /// Unsigned 16 bits.
    U16,
    /// Unsigned 32 bits.
    U32,
    /// Unsigned 64 bits.
    U64,
    /// Unsigned 128 bits, aligned to 8 bytes.
    U128,
    /// Signed 16 bits.
    I16,
    /// Signed 32 bits.
    I32,
    /// Signed 64 bits.
    I64,
    /// A 32-byte address.
    Address,
    /// So many of one type, one after the other.
    Array(&'static FieldType, usize),
    /// Another record.
    Record(&'static str, &'static [Field]),
}

impl FieldType {
    /// Bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            FieldType::U8 => 1,
            FieldType::U16 | FieldType::I16 => 2,
            FieldType::U32 | FieldType::I32 => 4,
            FieldType::U64 | FieldType::I64 => 8,
            FieldType::U128 => 16,
            FieldType::Address => 32,
            FieldType::Array(item, count) => item.size() * count,
            FieldType::Record(_, fields) => fields.iter().map(|field| field.field_type.size()).sum(),
        }
    }
}

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name in the source.
    pub name: &'static str,
    /// How to decode it.
    pub field_type: FieldType,
    /// Bytes from the start of the record.
    pub offset: usize,
}

/// A type that may be a field of a record.
pub trait Layout {
    /// How a client decodes it.
    const TYPE: FieldType;
}

/// A struct whose bytes are stored in an account.
pub trait Record: Pod + Layout {
    /// Name in the source and in the IDL.
    const NAME: &'static str;
    /// Its fields in order; they cover the struct without gaps.
    const FIELDS: &'static [Field];
}

macro_rules! scalar {
    ($($ty:ty => $variant:ident),* $(,)?) => { $(impl Layout for $ty { const TYPE: FieldType = FieldType::$variant; })* };
}
scalar!(Shares => U64, UsdE8 => U64, Bps => U16, Fraction => U64, Part => U32, Rate => U64, Index => U128);
scalar!(u8 => U8, u16 => U16, u32 => U32, u64 => U64, i16 => I16, i32 => I32, i64 => I64);

impl<T: Layout, const N: usize> Layout for [T; N] {
    const TYPE: FieldType = FieldType::Array(&T::TYPE, N);
}

/// A 32-byte account address. All zero stands for "none".
#[derive(Clone, Copy, Debug, Default, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub struct Address(pub [u8; 32]);

impl PartialEq for Address {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Address {
    /// The absent address.
    pub const NONE: Self = Self([0; 32]);

    /// Whether these are its bytes. Word by word: the target compares arrays by a library function, which costs more.
    #[inline(always)]
    pub fn is(&self, bytes: &[u8; 32]) -> bool {
        let (own, other) = (self.0.as_chunks::<8>().0, bytes.as_chunks::<8>().0);
        own.iter().zip(other).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b))
    }

    /// Whether this is [`Address::NONE`].
    #[inline(always)]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl Layout for Address {
    const TYPE: FieldType = FieldType::Address;
}

/// An unsigned 128-bit number as two words, because `u128` is aligned to 16 bytes on the host and account data to 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct U128 {
    low: u64,
    high: u64,
}

impl Layout for U128 {
    const TYPE: FieldType = FieldType::U128;
}

impl U128 {
    /// Stores a number.
    #[inline(always)]
    pub const fn new(value: u128) -> Self {
        Self { low: value as u64, high: (value >> 64) as u64 }
    }

    /// The number.
    #[inline(always)]
    pub const fn get(self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }
}

/// Defines a record: `record! { pub struct Name: SIZE { pub field: Type, … } }`. Size mismatch, padding, or a type
/// without a [`Layout`] do not compile.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident: $size:literal { $($(#[$field_meta:meta])* pub $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        pub struct $name { $($(#[$field_meta])* pub $field: $ty,)* }

        const _: () = assert!(core::mem::size_of::<$name>() == $size && core::mem::align_of::<$name>() <= 8);

        impl $crate::record::layout::Layout for $name {
            const TYPE: $crate::record::layout::FieldType = $crate::record::layout::FieldType::Record(stringify!($name), <Self as $crate::record::layout::Record>::FIELDS);
        }

        impl $crate::record::layout::Record for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [$crate::record::layout::Field] = &[$($crate::record::layout::Field {
                name: stringify!($field),
                field_type: <$ty as $crate::record::layout::Layout>::TYPE,
                offset: core::mem::offset_of!($name, $field),
            },)*];
        }

        impl Default for $name {
            fn default() -> Self {
                bytemuck::Zeroable::zeroed()
            }
        }
    };
}
pub(crate) use record;

/// The layout version that this code reads and writes.
pub const LAYOUT_VERSION: u8 = 1;
