//! Values in the bytes of instruction data and events: little endian, without padding.

use ballast_engine::state::{market::MarketConfig, vault::VaultConfig};
use solana_address::Address;

use crate::decode::DecodeError;

/// Takes values off the front.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// So many bytes.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(DecodeError::TooShort)?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

/// A value's bytes.
pub trait Wire: Sized {
    /// Takes it off the front.
    fn read(reader: &mut Reader) -> Result<Self, DecodeError>;

    /// Appends it.
    fn write(&self, data: &mut Vec<u8>);
}

macro_rules! integers {
    ($($ty:ty),*) => { $(impl Wire for $ty {
        fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
            reader.take().map(Self::from_le_bytes)
        }

        fn write(&self, data: &mut Vec<u8>) {
            data.extend_from_slice(&self.to_le_bytes());
        }
    })* };
}
integers!(u8, u16, u32, u64, i64);

impl Wire for bool {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        u8::read(reader).map(|byte| byte != 0)
    }

    fn write(&self, data: &mut Vec<u8>) {
        data.push(u8::from(*self));
    }
}

impl Wire for [u8; 32] {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        reader.take()
    }

    fn write(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(self);
    }
}

impl Wire for Address {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        reader.take().map(Self::new_from_array)
    }

    fn write(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(self.as_ref());
    }
}

impl Wire for Vec<u8> {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        let length = u32::read(reader)? as usize;
        let (bytes, rest) = reader.0.split_at_checked(length).ok_or(DecodeError::TooShort)?;
        reader.0 = rest;
        Ok(bytes.to_vec())
    }

    fn write(&self, data: &mut Vec<u8>) {
        // A market has 64 reserves at most; a longer list is for the program to refuse.
        data.extend_from_slice(&(self.len() as u32).to_le_bytes());
        data.extend_from_slice(self);
    }
}

macro_rules! records {
    ($($ty:ty),*) => { $(impl Wire for $ty {
        fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
            Ok(bytemuck::pod_read_unaligned(&reader.take::<{ size_of::<Self>() }>()?))
        }

        fn write(&self, data: &mut Vec<u8>) {
            data.extend_from_slice(bytemuck::bytes_of(self));
        }
    })* };
}
records!(MarketConfig, VaultConfig);
