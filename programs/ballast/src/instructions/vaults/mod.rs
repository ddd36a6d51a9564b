//! Vaults. Behind its own accounts an instruction that has to know a vault's value takes the market of each open allocation, in the
//! order of their slots; and behind these, for each allocation that pays, the reserve's liquidity vault and its market's vault
//! authority.

mod create;
mod exchange;
mod govern;
mod pool;
mod queue;
mod rebalance;
mod terms;

use super::common::*;
pub use {create::*, exchange::*, govern::*, pool::*, queue::*, rebalance::*, terms::*};

use crate::{
    Vault,
    events::{discriminator, events, log_event},
    state::now,
    token::{self, Terms, Transfer},
};
use ballast_engine::{
    state::vault::{self, Listing, MAX_ALLOCATIONS},
    vaults::{Vaults, exit::Payment},
};

events! {
    {
        /// Number of the event in its vault.
        pub number: u64,
        /// The vault.
        pub vault: Address,
        /// The owner's account of shares, request or term deposit.
        pub account: Address,
        /// Atoms.
        pub amount: u64,
        /// Shares.
        pub shares: u64,
        /// Atoms that stayed as an exit fee, or shares as a penalty.
        pub fee: u64,
    }
    /// Tokens came into a vault.
    VaultDeposited;
    /// Tokens left a vault.
    VaultRedeemed;
    /// Shares were put into the queue.
    ExitRequested;
    /// A request was paid into its claim; nothing, if its price was below the owner's limit and it left the queue.
    ExitServed;
    /// A request was taken back.
    ExitCancelled;
    /// A claim was paid out.
    ExitClaimed;
    /// Shares were locked.
    TermLocked;
    /// Shares of a term that is over became free.
    TermFreed;
    /// Shares of a term went back to their owner.
    TermEnded;
    /// Shares were made for the fee collector.
    VaultFeesCollected;
    /// Idle tokens became shares of a pool. The account is the pool's market, here and in the next two.
    VaultPoolDeposited;
    /// Shares of a pool were asked for.
    VaultPoolExitRequested;
    /// Shares of a pool became idle tokens.
    VaultPoolWithdrawn;
}

/// Logs what became of tokens and shares. The events differ by their discriminator alone.
#[inline(never)]
fn log_vault(event: [u8; 8], vault: &mut Record<Vault>, account: &Address, amount: u64, shares: u64, fee: u64) {
    let address = *vault.address();
    log_event!(
        event,
        VaultDeposited { number: vault.next_event(), vault: address, account: *account, amount, shares, fee }
    );
}

/// The markets of a vault's open allocations, and how those pay that do.
pub struct Markets {
    markets: [Option<MarketAccount>; MAX_ALLOCATIONS],
    payers: [Option<Payer>; MAX_ALLOCATIONS],
}

/// How one market pays.
#[derive(Clone, Copy)]
struct Payer {
    /// The reserve's liquidity vault.
    vault: AccountView,
    /// The market's vault authority.
    authority: AccountView,
}

impl Markets {
    /// Takes the markets of a vault's open allocations, and the payers of those in `from`.
    #[inline(always)]
    pub fn read(vault: &vault::Vault, accounts: &[AccountView], from: u8) -> Result<Self> {
        let mut this = Self { markets: [const { None }; MAX_ALLOCATIONS], payers: [const { None }; MAX_ALLOCATIONS] };
        this.take(vault, accounts, from)?;
        Ok(this)
    }

    #[inline(never)]
    fn take(&mut self, vault: &vault::Vault, accounts: &[AccountView], from: u8) -> Result<()> {
        let mut accounts = accounts.iter();
        let mut next = || accounts.next().ok_or(Error::MarketMissing).on_chain();
        for slot in vault.open_slots() {
            let view = *next()?;
            ensure(is_at(view.address(), &vault.config.allocations[slot].market), Error::WrongMarket)?;
            // What is no market any more, or one of another layout, stops nothing else.
            self.markets[slot] = if view.is_writable() {
                // SAFETY: no two slots have one market, and the framework passes no account of the instruction on that it has loaned.
                unsafe { MarketAccount::load_mut(view) }.ok()
            } else {
                MarketAccount::load(view).ok()
            };
        }
        if from != 0 {
            for slot in vault.open_slots().filter(|slot| from >> slot & 1 != 0) {
                self.payers[slot] = Some(Payer { vault: *next()?, authority: *next()? });
            }
        }
        ensure(accounts.next().is_none(), Error::MarketMissing)
    }

    /// What the engine reads of a slot.
    #[inline(always)]
    pub fn view(&self, slot: usize) -> Option<Listing<'_>> {
        let market = self.markets[slot].as_ref()?;
        Some((&***market, market.as_slice()))
    }

    /// The market of a slot, to be changed.
    fn change(&mut self, slot: usize) -> Result<&mut MarketAccount> {
        let market = self.markets[slot].as_mut().ok_or(Error::MarketUnreadable).on_chain()?;
        if market.view().is_writable() { Ok(market) } else { Err(ErrorCode::ConstraintMut.into()) }
    }

    /// How a slot's market pays and is paid: its liquidity vault is that of a reserve.
    fn payer(&mut self, slot: usize, reserve_index: u8) -> Result<(AccountView, VaultAuthority)> {
        let payer = self.payers[slot].ok_or(Error::MarketMissing).on_chain()?;
        let market = self.change(slot)?;
        ensure(is_at(payer.vault.address(), &reserve(market.as_slice(), reserve_index)?.vault), Error::WrongVault)?;
        Ok((payer.vault, VaultAuthority::new(payer.authority, market)?))
    }

    /// Has a market pay some atoms of an allocation to a token account.
    #[inline(never)]
    fn call_back(
        &mut self,
        custody: &Custody,
        vault: &mut vault::Vault,
        slot: usize,
        amount: u64,
        to: AccountView,
    ) -> Result<()> {
        let allocation = &mut vault.allocations[slot];
        let (from, authority) = self.payer(slot, allocation.reserve)?;
        let now = now()?;
        ledger(self.change(slot)?, now).call_back(allocation, amount).on_chain()?;
        let transfer = Transfer { from, to, authority: authority.view, amount, ..custody.transfer() };
        authority.sign(|signers| transfer.invoke(signers))
    }

    /// Has a payment's markets pay it to a token account, and what was idle with it.
    #[inline(never)]
    fn pay(&mut self, custody: &Custody, vault: &mut Record<Vault>, payment: &Payment, to: AccountView) -> Result<()> {
        for slot in 0..MAX_ALLOCATIONS {
            if payment.draws[slot] != 0 {
                self.call_back(custody, vault, slot, payment.draws[slot], to)?;
            }
        }
        if *to.address() == *custody.tokens.address() { Ok(()) } else { custody.pay_out(vault, payment.idle, to) }
    }
}

/// A vault with its value.
#[inline(never)]
pub fn valued<'a>(vault: &'a mut Record<Vault>, markets: &Markets) -> Result<Vaults<'a>> {
    Ok(Vaults::open(vault, now()?, |slot| markets.view(slot)))
}

/// The same for who enters.
#[inline(never)]
pub fn valued_to_enter<'a>(vault: &'a mut Record<Vault>, markets: &Markets) -> Result<Vaults<'a>> {
    Ok(Vaults::open_to_enter(vault, now()?, |slot| markets.view(slot)))
}

/// A vault's token account, and what its tokens move by.
pub struct Custody {
    pub tokens: AccountView,
    pub authority: AccountView,
    pub mint: AccountView,
    pub program: AccountView,
    terms: Terms,
}

impl Custody {
    /// Requires the accounts to be the vault's own.
    #[inline(never)]
    pub fn new(
        vault: &vault::Vault,
        tokens: &AccountView,
        authority: &AccountView,
        mint: &AccountView,
        program: &AccountView,
    ) -> Result<Self> {
        ensure(is_at(tokens.address(), &vault.tokens), Error::WrongVault)?;
        ensure(is_at(authority.address(), &vault.authority), Error::WrongVaultAuthority)?;
        ensure(is_at(mint.address(), &vault.mint), Error::WrongMint)?;
        ensure(is_at(program.address(), &vault.token_program), Error::WrongTokenProgram)?;
        let terms = Terms::of_vault(vault);
        Ok(Self { tokens: *tokens, authority: *authority, mint: *mint, program: *program, terms })
    }

    /// A transfer of nothing from and to the vault.
    fn transfer(&self) -> Transfer {
        Transfer {
            program: self.program,
            from: self.tokens,
            mint: self.mint,
            to: self.tokens,
            authority: self.authority,
            amount: 0,
            terms: self.terms,
        }
    }

    /// From a user who signs.
    pub fn pay_in(&self, payer: AccountView, from: AccountView, amount: u64) -> Result<()> {
        Transfer { from, authority: payer, amount, ..self.transfer() }.invoke(&[])
    }

    /// To a token account, of what the vault holds.
    pub fn pay_out(&self, vault: &Record<Vault>, amount: u64, to: AccountView) -> Result<()> {
        let transfer = Transfer { to, amount, ..self.transfer() };
        signer(vault, self.authority).sign(|signers| transfer.invoke(signers))
    }
}

/// The signature of a vault's authority.
fn signer(vault: &Record<Vault>, authority: AccountView) -> VaultAuthority {
    VaultAuthority { view: authority, market: *vault.view(), bump: vault.authority_bump }
}

/// The mint of a vault's shares.
pub struct ShareMint {
    pub mint: AccountView,
    pub program: AccountView,
}

impl ShareMint {
    pub fn new(vault: &vault::Vault, mint: &AccountView, program: &AccountView) -> Result<Self> {
        ensure(is_at(mint.address(), &vault.share_mint), Error::WrongMint)?;
        ensure(*program.address() == <Token as Id>::id(), Error::WrongTokenProgram)?;
        Ok(Self { mint: *mint, program: *program })
    }

    /// Makes shares.
    pub fn mint(&self, vault: &Record<Vault>, authority: &AccountView, to: &AccountView, shares: u64) -> Result<()> {
        ensure(is_at(authority.address(), &vault.authority), Error::WrongVaultAuthority)?;
        let signer = signer(vault, *authority);
        signer.sign(|signers| token::mint_to(&self.program, &self.mint, to, authority, shares, signers))
    }

    /// Takes shares from their owner, who signs.
    pub fn burn(&self, from: &AccountView, owner: &AccountView, shares: u64) -> Result<()> {
        token::burn(&self.program, from, &self.mint, owner, shares)
    }
}

/// Requires an account of an owner to belong to a vault.
fn check_vault(stored: &ballast_engine::record::layout::Address, vault: &Record<Vault>) -> Result<()> {
    ensure(is_at(vault.address(), stored), Error::WrongVaultOfAccount)
}

/// Requires the signer to be an account's owner.
fn check_owner(owner: &Address, stored: &ballast_engine::record::layout::Address) -> Result<()> {
    ensure(is_at(owner, stored), Error::NotAccountOwner)
}
