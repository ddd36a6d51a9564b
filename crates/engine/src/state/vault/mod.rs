//! A vault: tokens that lenders entrust to a policy, lent to reserves of several markets.
//!
//! What a vault owns is what its books say: idle atoms are a counter, and an allocation is a number of a reserve's deposit shares that
//! the vault itself has bought. Nobody can deposit on its behalf, and tokens sent to its account are nobody's.

mod config;
mod coverage;
mod queue;
mod shares;
mod terms;

pub use config::{AllocationConfig, MAX_ALLOCATIONS, PARAMETERS, VaultConfig, VaultRoles};
pub use coverage::{Coverage, RunOff};
pub use queue::{ExitRequest, MAX_REQUESTS, Queue, Ticket};
pub use shares::{Amounts, Listing, Valuation};
pub use terms::{Rung, TermDeposit};

use crate::{
    number::{index::Index, units::Shares},
    record::layout::{Address, record},
};

record! {
    /// What a vault has lent to one reserve or pool. Its slot is its own for good.
    pub struct Allocation: 40 {
        /// Shares of the reserve's deposits, or of the pool, that the vault bought.
        pub shares: Shares,
        /// The reserve's deposit index at the last rebalance: what it earned since then is no promise but a fact.
        pub index: Index,
        /// When that was, unix seconds.
        pub since: i64,
        /// Index of the reserve or the pool in its market.
        pub reserve: u8,
        /// 1 once its market was found to list the vault's token.
        pub is_open: u8,
        /// Zero.
        pub padding: [u8; 2],
        /// When shares of a pool that were asked for may be taken, unix seconds.
        pub free_from: u32,
    }
}

record! {
    /// A vault.
    pub struct Vault: 3072 {
        /// Layout version.
        pub version: u8,
        /// Bump of the vault's address.
        pub bump: u8,
        /// Bump of its authority's address.
        pub authority_bump: u8,
        /// The token's decimals, and the shares'.
        pub decimals: u8,
        /// How the token moves: see [`crate::state::token::Transfers`].
        pub transfers: u8,
        /// Zero.
        pub padding: u8,
        /// Which of its creator's vaults this is.
        pub id: u16,
        /// Who created it; part of its address.
        pub creator: Address,
        /// Who sets its policy.
        pub curator: Address,
        /// Owner of its token account, and mint authority of its shares: an address that signs, so that calls never carry the vault.
        pub authority: Address,
        /// The token.
        pub mint: Address,
        /// SPL Token or Token-2022.
        pub token_program: Address,
        /// The mint of its shares, of SPL Token.
        pub share_mint: Address,
        /// Token account that holds the idle atoms and the claims.
        pub tokens: Address,
        /// Events emitted so far.
        pub events: u64,
        /// Changes queued so far.
        pub changes: u64,
        /// What the curator set.
        pub config: VaultConfig,
        /// What it has lent, in the slots of the policy's allocations.
        pub allocations: [Allocation; MAX_ALLOCATIONS],
        /// Unlent atoms.
        pub idle: u64,
        /// Atoms that left the books for requests that were served, and wait for their owners.
        pub claims: u64,
        /// All shares: those of the mint, those in the queue and in terms, the fee collector's, and [`Self::SEED`] that are nobody's.
        pub shares: Shares,
        /// Shares that the fee collector may have minted.
        pub fee_shares: Shares,
        /// Exit fees that are not the sharers' yet, atoms.
        pub locked: u64,
        /// Atoms per share, with 64 fractional bits, above which there is a performance fee.
        pub high_water: Index,
        /// Until when fees, what is locked and what is seen are accounted for, unix seconds.
        pub updated: i64,
        /// When it was last rebalanced.
        pub rebalanced: i64,
        /// Assets that caps are parts of: a deposit of an instant does not widen them.
        pub base: u64,
        /// What left it lately on balance.
        pub runoff: RunOff,
        /// Its terms, by the number of the maturity.
        pub rungs: [Rung; Rung::COUNT],
        /// Who waits for liquidity.
        pub queue: Queue,
        /// Atoms that came since `updated` and have not left: at the end of the transaction they may be gone.
        pub came: u64,
        /// Shares of its pools that were asked for, by slot.
        pub asked_for: [Shares; MAX_ALLOCATIONS],
        /// Zero.
        pub reserved: [u8; 24],
    }
}
