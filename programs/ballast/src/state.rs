//! The engine's records as Anchor accounts and instruction arguments.
//!
//! The engine knows no framework, and a trait of one crate cannot be implemented for a type of another: hence these
//! wrappers, which add an owner and a discriminator and nothing else.

use {
    crate::idl::describe,
    anchor_lang::{accounts::Slab, prelude::*},
    ballast_engine::{
        record::layout,
        state::{account, change, insurance, market, reserve},
    },
    bytemuck::{Pod, Zeroable},
    core::ops::{Deref, DerefMut},
};

macro_rules! account {
    ($(#[$meta:meta])* $name:ident($inner:ty), discriminator = $discriminator:expr, with = [$($part:ty),*]) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl Owner for $name { const OWNER: Address = crate::ID; }
        impl Discriminator for $name { const DISCRIMINATOR: &'static [u8] = &$discriminator; }

        impl Deref for $name {
            type Target = $inner;
            #[inline(always)]
            fn deref(&self) -> &$inner { &self.0 }
        }
        impl DerefMut for $name {
            #[inline(always)]
            fn deref_mut(&mut self) -> &mut $inner { &mut self.0 }
        }

        describe!($name as account of $inner, with [$($part),*]);
    };
}

account!(
    /// The head of the market account.
    Market(market::Market),
    discriminator = market::Market::DISCRIMINATOR,
    with = [reserve::Reserve]
);
account!(
    /// A user's positions in one market.
    MarginAccount(margin::MarginAccount),
    discriminator = margin::MarginAccount::DISCRIMINATOR,
    with = []
);

account!(
    /// A share in a reserve's insurance.
    Stake(insurance::Stake),
    discriminator = insurance::Stake::DISCRIMINATOR,
    with = []
);
account!(
    /// A change that waits.
    Change(governance::Change),
    discriminator = governance::Change::DISCRIMINATOR,
    with = []
);

/// A market with its reserves: one account.
pub type Ledger = Slab<Market, reserve::Reserve>;

/// A market's head and its reserves, both to be changed.
#[inline(always)]
pub fn split(ledger: &mut Ledger) -> (&mut market::Market, &mut [reserve::Reserve]) {
    let reserves: *mut [reserve::Reserve] = ledger.as_mut_slice();
    // SAFETY: the head and the reserves are parts of the account's data that do not overlap, each is reached through a pointer
    // of its own, and both live as long as the exclusive loan of the ledger.
    (&mut ledger.0, unsafe { &mut *reserves })
}

macro_rules! argument {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize)]
        pub struct $name { bytes: [u8; size_of::<$inner>()] }

        impl $name {
            /// The engine's record.
            pub fn get(&self) -> $inner {
                bytemuck::pod_read_unaligned(&self.bytes)
            }
        }

        describe!($name as argument of $inner);
    };
}

argument!(
    /// A market's parameters.
    MarketConfig(market::MarketConfig)
);

/// An address as the engine stores it.
#[inline(always)]
pub fn stored(address: &Address) -> layout::Address {
    layout::Address(address.to_bytes())
}

/// Whether an account's address is a stored one.
#[inline(always)]
pub fn is_at(address: &Address, stored: &layout::Address) -> bool {
    stored.is(address.as_array())
}

/// Unix seconds.
#[inline(always)]
pub fn now() -> Result<i64> {
    use anchor_lang::solana_program::sysvar::Sysvar;
    Ok(Clock::get()?.unix_timestamp)
}
