//! The engine's records as Anchor accounts and instruction arguments.
//!
//! The engine knows no framework, and a trait of one crate cannot be implemented for a type of another: hence these
//! wrappers, which add an owner and a discriminator and nothing else.

use {
    crate::idl::describe,
    anchor_lang::{AccountInitialize, IdlAccountType, Space, accounts::Slab, prelude::*},
    ballast_engine::{
        record::layout,
        state::{account, change, insurance, market, reserve, vault},
    },
    bytemuck::{Pod, Zeroable},
    core::{
        hint::assert_unchecked,
        mem::ManuallyDrop,
        ops::{Deref, DerefMut},
    },
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
    with = [reserve::Reserve, ballast_engine::state::perp::Perp, ballast_engine::state::perp::Pool]
);
account!(
    /// A user's positions in one market.
    MarginAccount(account::MarginAccount),
    discriminator = account::MarginAccount::DISCRIMINATOR,
    with = [ballast_engine::state::perp::PerpPosition, ballast_engine::state::perp::PoolStake]
);

account!(
    /// A share in a reserve's insurance.
    Stake(insurance::Stake),
    discriminator = insurance::Stake::DISCRIMINATOR,
    with = []
);
account!(
    /// A change that waits.
    Change(change::Change),
    discriminator = change::Change::DISCRIMINATOR,
    with = []
);

account!(
    /// A vault.
    Vault(vault::Vault),
    discriminator = vault::Vault::DISCRIMINATOR,
    with = []
);
account!(
    /// A place in a vault's queue, and what was paid there.
    ExitRequest(vault::ExitRequest),
    discriminator = vault::ExitRequest::DISCRIMINATOR,
    with = []
);
account!(
    /// Shares of a vault that are locked.
    TermDeposit(vault::TermDeposit),
    discriminator = vault::TermDeposit::DISCRIMINATOR,
    with = []
);

/// An account that holds a record. All instructions share its checks: the framework's own loaders are inlined where they are
/// used, at 500 bytes for each account of each instruction. An instruction keeps the loan of the account's data until it
/// ends: giving the loan back would be more code in each of them, and nothing asks for it.
pub struct Held<T>(ManuallyDrop<T>);

impl<T> Held<T> {
    #[inline(always)]
    fn new(account: T) -> Self {
        Self(ManuallyDrop::new(account))
    }
}

impl<T> Deref for Held<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Held<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AnchorAccount> AnchorAccount for Held<T> {
    type Data = T;
    const IS_SIGNER: bool = T::IS_SIGNER;
    const MIN_DATA_LEN: usize = T::MIN_DATA_LEN;
    const RELAX_READONLY_CPI_BORROW_FROM_MUT: bool = T::RELAX_READONLY_CPI_BORROW_FROM_MUT;

    #[inline(never)]
    fn load(view: AccountView) -> core::result::Result<Self, ProgramError> {
        T::load(view).map(Self::new)
    }

    #[inline(always)]
    unsafe fn load_mut(view: AccountView) -> core::result::Result<Self, ProgramError> {
        let code = refusal::<T>(view);
        if code != 0 {
            return Err(refused(code));
        }
        // SAFETY: the check has found the account writable and long enough, and the caller's promise is the same. The value is
        // built here and not in the check, so that the compiler knows it to be mutable.
        unsafe {
            assert_unchecked(view.is_writable() && view.data_len() >= T::MIN_DATA_LEN);
            Self::load_mut_after_init(view)
        }
    }

    #[inline(always)]
    unsafe fn load_mut_after_init(view: AccountView) -> core::result::Result<Self, ProgramError> {
        // SAFETY: the caller's promise is the same.
        unsafe { T::load_mut_after_init(view) }.map(Self::new)
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        self.0.account()
    }

    #[inline(always)]
    fn exit(&mut self) -> core::result::Result<(), ProgramError> {
        self.0.exit()
    }
}

/// Everything that the framework checks of an account to be written to. Returns zero if all is right, else the error's code,
/// because a number fits a register.
#[inline(never)]
fn refusal<T: AnchorAccount>(view: AccountView) -> u64 {
    // First what `load_mut` takes for granted; the framework's own check of it is a feature.
    let checked = if !view.is_writable() {
        Err(ErrorCode::ConstraintMut.into())
    } else if view.data_len() < T::MIN_DATA_LEN {
        Err(ProgramError::AccountDataTooSmall)
    } else {
        // SAFETY: the loan taken here ends here, and the mark that the data are on loan stays for the caller.
        unsafe { T::load_mut(view) }
    };
    match checked {
        Ok(account) => {
            core::mem::forget(account);
            0
        }
        Err(error) => error.into(),
    }
}

#[cold]
#[inline(never)]
fn refused(code: u64) -> ProgramError {
    code.into()
}

impl<T: AccountInitialize> AccountInitialize for Held<T> {
    type Params<'a> = T::Params<'a>;

    #[inline(always)]
    fn create_and_initialize<'a>(
        payer: &AccountView,
        account: &AccountView,
        space: usize,
        owner: &Address,
        params: &Self::Params<'a>,
        seeds: Option<&[&[u8]]>,
        payer_seeds: Option<&[&[u8]]>,
    ) -> core::result::Result<Self, ProgramError> {
        T::create_and_initialize(payer, account, space, owner, params, seeds, payer_seeds).map(Self::new)
    }
}

impl<T: AccountClose> AccountClose for Held<T> {
    #[inline(always)]
    fn close(&mut self, destination: AccountView) -> core::result::Result<(), ProgramError> {
        self.0.close(destination)
    }
}

impl<T: Space> Space for Held<T> {
    const INIT_SPACE: usize = T::INIT_SPACE;
}

impl<T: Discriminator> Discriminator for Held<T> {
    const DISCRIMINATOR: &'static [u8] = T::DISCRIMINATOR;
}

impl<T: IdlAccountType> IdlAccountType for Held<T> {
    #[cfg(feature = "idl-build")]
    fn __idl_account_entry() -> Option<&'static str> {
        T::__idl_account_entry()
    }
    #[cfg(feature = "idl-build")]
    fn __idl_type_def() -> Option<&'static str> {
        T::__idl_type_def()
    }
    #[cfg(feature = "idl-build")]
    fn __register_idl_deps(accounts: &mut Vec<&'static str>, types: &mut Vec<&'static str>) {
        T::__register_idl_deps(accounts, types);
    }
}

/// An account of one record.
pub type Record<T> = Held<anchor_lang::accounts::Account<T>>;

/// A market with its reserves: one account.
pub type MarketAccount = Held<MarketSlab>;
pub type MarketSlab = Slab<Market, reserve::Reserve>;

/// What governance changes: a market, or a vault.
pub enum Governed {
    Market(MarketAccount),
    Vault(Record<Vault>),
}

impl Governed {
    /// Changes queued so far: the next one's number, and part of its address.
    #[inline(always)]
    pub fn changes(&self) -> u64 {
        match self {
            Self::Market(market) => market.changes,
            Self::Vault(vault) => vault.changes,
        }
    }

    /// The number of the next event.
    #[inline(always)]
    pub fn next_event(&mut self) -> u64 {
        match self {
            Self::Market(market) => market.next_event(),
            Self::Vault(vault) => vault.next_event(),
        }
    }
}

impl Deref for Governed {
    type Target = AccountView;
    #[inline(always)]
    fn deref(&self) -> &AccountView {
        self.account()
    }
}

impl AnchorAccount for Governed {
    type Data = AccountView;

    #[inline(never)]
    fn load(view: AccountView) -> core::result::Result<Self, ProgramError> {
        if is_vault(&view)? { Record::load(view).map(Self::Vault) } else { MarketAccount::load(view).map(Self::Market) }
    }

    #[inline(never)]
    unsafe fn load_mut(view: AccountView) -> core::result::Result<Self, ProgramError> {
        // SAFETY: the caller's promise is the same.
        unsafe {
            match is_vault(&view)? {
                true => Record::load_mut(view).map(Self::Vault),
                false => MarketAccount::load_mut(view).map(Self::Market),
            }
        }
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        match self {
            Self::Market(market) => market.account(),
            Self::Vault(vault) => vault.account(),
        }
    }
}

impl IdlAccountType for Governed {}

/// Whether an account begins like a vault. Its loader checks everything else.
fn is_vault(view: &AccountView) -> core::result::Result<bool, ProgramError> {
    Ok(view.try_borrow()?.starts_with(Vault::DISCRIMINATOR))
}

/// A market's head and its reserves, both to be changed.
#[inline(always)]
pub fn split(ledger: &mut MarketAccount) -> (&mut market::Market, &mut [reserve::Reserve]) {
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
argument!(
    /// A vault's policy.
    VaultConfig(vault::VaultConfig)
);

/// An address as the engine stores it.
#[inline(always)]
pub fn stored(address: &Address) -> layout::Address {
    layout::Address(address.to_bytes())
}

/// Whether an account has the stored address.
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
