//! How instructions are defined: a struct each, with its accounts and arguments.

macro_rules! account_flag {
    (signer writable) => {
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

/// Defines instructions: `Name = tag "name" { account: flags, … } (argument: Type, …)`.
macro_rules! instructions {
    ($($(#[$meta:meta])* $name:ident = $tag:literal $idl_name:literal
        { $($(#[$account_meta:meta])* $account:ident: $($flag:ident)+),* $(,)? }
        ( $($(#[$argument_meta:meta])* $argument:ident: $ty:ty),* $(,)? )
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                $($(#[$account_meta])* pub $account: Address,)*
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

                /// Reads an instruction of the program. Accounts behind those that it names are left out.
                pub fn decode(accounts: &[Address], data: &[u8]) -> Result<Self, DecodeError> {
                    let Some((&$tag, data)) = data.split_first() else {
                        return Err(DecodeError::WrongDiscriminator);
                    };
                    let [$($account,)* ..] = *accounts else {
                        return Err(DecodeError::TooFewAccounts);
                    };
                    #[allow(unused_mut, reason = "some instructions have no arguments")]
                    let mut reader = Reader(data);
                    let instruction = Self { $($account,)* $($argument: Wire::read(&mut reader)?,)* };
                    reader.end()?;
                    Ok(instruction)
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
