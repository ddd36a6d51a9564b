//! Rust client of the Ballast protocol, without Anchor: addresses, instruction builders, account, event and health
//! decoding, error names.
//!
//! A [`MarketView`] is a market account decoded. It knows every address its instructions need, so a caller names a
//! reserve by its index and brings only what is the user's own: signer, margin account, token account. Whoever needs
//! other accounts (a test that passes wrong ones, say) fills in the structs of [`instruction`] by hand.
//!
//! Health, interest and liquidation are the engine's, the code the chain runs: [`MarketView::health`],
//! [`MarketView::ledger`].
//!
//! ```
//! use ballast_client::{
//!     Address, DecodeError, MarketView, decode_margin_account, engine::health::Requirement, margin_address,
//! };
//!
//! /// Borrows from reserve 1 if the account can bear it at `now`. Account bytes come from any RPC client.
//! fn borrow(
//!     market_address: Address,
//!     market_bytes: &[u8],
//!     margin_bytes: &[u8],
//!     owner: Address,
//!     token_account: Address,
//!     now: i64,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let market = MarketView::decode(market_address, market_bytes)?;
//!     let account = decode_margin_account(margin_bytes)?;
//!     let health = market.health(&account, now, Requirement::Initial)?;
//!     if health.covers() {
//!         let (account_address, _) = margin_address(&market.address, &owner, account.id);
//!         let instruction = market.borrow(owner, account_address, token_account, 1, 1_000_000)?;
//!         assert_eq!(instruction.program_id, ballast_client::ID);
//!     }
//!     Ok(())
//! }
//!
//! let refused = borrow(Address::default(), b"not a market", &[], Address::default(), Address::default(), 0);
//! assert_eq!(refused.unwrap_err().to_string(), DecodeError::TooShort.to_string());
//! ```

mod address;
mod builders;
mod decode;
mod error;
mod event;
pub mod instruction;
mod market;

pub use address::{
    ID, INSTRUCTIONS_SYSVAR, PYTH_RECEIVERS, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, from_engine,
    margin_address, market_address, stake_address, to_engine, vault_address, vault_authority,
};
pub use decode::{DecodeError, decode_health, decode_margin_account, decode_market, decode_stake};
pub use error::{FrameworkError, ProgramError, describe_error, error_name};
pub use event::{
    BadDebtSettled, Event, FeesCollected, FlashLoanRepaid, LiquidatableMarked, Liquidated, Movement, PriceBreaker,
    Restricted,
};
pub use market::{LiquidationOrder, MarketView};

pub use ballast_engine as engine;
pub use solana_address::Address;
pub use solana_instruction::{AccountMeta, Instruction};
