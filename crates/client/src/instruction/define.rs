//! How instructions are defined: a struct each, with its accounts and arguments.

use ballast_engine::state::market::MarketConfig;
use solana_address::Address;

/// An argument's bytes in instruction data.
pub trait Argument {
    /// Appends them.
    fn write(&self, data: &mut Vec<u8>);
}

macro_rules! integer_arguments {
    ($($ty:ty),*) => { $(impl Argument for $ty {
        fn write(&self, data: &mut Vec<u8>) {
            data.extend_from_slice(&self.to_le_bytes());
        }
    })* };
}
integer_arguments!(u8, u16, u32, u64, i64);

impl Argument for MarketConfig {
    fn write(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(bytemuck::bytes_of(self));
    }
}

impl Argument for Address {
    fn write(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(self.as_ref());
    }
}

impl Argument for Vec<u8> {
    fn write(&self, data: &mut Vec<u8>) {
        // A market has 64 reserves at most; a longer list is for the program to refuse.
        data.extend_from_slice(&(self.len() as u32).to_le_bytes());
        data.extend_from_slice(self);
    }
}

macro_rules! account_flag {
    (signer payer) => {
        (true, true)
    };
    (signer) => {
        (true, false)
    };
    (writable) => {
        (false, true)
    };
    (readonly) => {
        (false, false)
    };
}

macro_rules! account_doc {
    (signer payer) => {
        "Signs and is written to."
    };
    (signer) => {
        "Signs."
    };
    (writable) => {
        "Written to."
    };
    (readonly) => {
        "Read only."
    };
}

/// Defines instructions: `/// doc` `Name = tag "name" { account: flags, … } (argument: Type, …)`.
macro_rules! instructions {
    ($($(#[$meta:meta])* $name:ident = $tag:literal $idl_name:literal
        { $($account:ident: $($flag:ident)+),* $(,)? }
        ( $($(#[$argument_meta:meta])* $argument:ident: $ty:ty),* $(,)? )
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                $(#[doc = account_doc!($($flag)+)] pub $account: Address,)*
                $($(#[$argument_meta])* pub $argument: $ty,)*
            }

            impl $name {
                /// Name, tag, accounts and arguments.
                pub const SPEC: InstructionSpec = InstructionSpec {
                    name: $idl_name,
                    tag: $tag,
                    accounts: &[$({
                        const FLAGS: (bool, bool) = account_flag!($($flag)+);
                        AccountSpec { name: stringify!($account), signer: FLAGS.0, writable: FLAGS.1 }
                    },)*],
                    arguments: &[$(stringify!($argument),)*],
                };

                /// The instruction.
                pub fn instruction(&self) -> Instruction {
                    let addresses: &[Address] = &[$(self.$account,)*];
                    let accounts = Self::SPEC
                        .accounts
                        .iter()
                        .zip(addresses)
                        .map(|(spec, address)| AccountMeta {
                            pubkey: *address,
                            is_signer: spec.signer,
                            is_writable: spec.writable,
                        })
                        .collect();
                    #[allow(unused_mut, reason = "some instructions have no arguments")]
                    let mut data = vec![$tag];
                    $(self.$argument.write(&mut data);)*
                    Instruction { program_id: ID, accounts, data }
                }
            }

            impl From<$name> for Instruction {
                fn from(value: $name) -> Self {
                    value.instruction()
                }
            }
        )*

        /// Every instruction in order of its tag.
        pub const ALL: &[InstructionSpec] = &[$($name::SPEC,)*];
    };
}
