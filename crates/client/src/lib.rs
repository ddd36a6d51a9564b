//! Rust client of the Ballast protocol, without Anchor: addresses, instruction builders, account, event and health
//! decoding, error names.
//!
//! A [`MarketView`] is a market account decoded. It knows every address its instructions need, so a caller names a
//! reserve by its index and brings only what is the user's own: signer, margin account, token account. Whoever needs
//! other accounts (a test that passes wrong ones, say) fills in the structs of [`instruction`] by hand.
//!
//! Health, interest and liquidation are the engine's, the code the chain runs: [`MarketView::health`],
//! [`MarketView::ledger`]. How far an account may go is found by trying them: [`MarketView::max_borrow`],
//! [`MarketView::max_withdraw`], [`MarketView::liquidation_price`].
//!
//! # Open, deposit, borrow
//!
//! Account bytes come from any RPC client, and prices are refreshed in the transaction that needs them. Where an
//! account has so many positions that one transaction has no room for all their prices, there are more.
//!
//! ```
//! use ballast_client::{Address, Instruction, MarketView, engine::health::report::HealthReport};
//!
//! /// Opens the owner's account 0, deposits a sol and borrows 50 usd, and fails whole unless collateral of 1.5 times the debt is
//! /// left at initial weights. `sol` and `usd` are mints, each with the owner's token account. `fits` says whether a
//! /// transaction of such instructions has no more than 1,232 bytes. Returns transactions, to be sent one after the other.
//! fn start(
//!     market_address: Address,
//!     market_bytes: &[u8],
//!     owner: Address,
//!     sol: (Address, Address),
//!     usd: (Address, Address),
//!     fits: impl Fn(&[Instruction]) -> bool,
//! ) -> Result<Vec<Vec<Instruction>>, Box<dyn std::error::Error>> {
//!     let market = MarketView::decode(market_address, market_bytes)?;
//!     let account = market.margin_account(&owner, 0);
//!     let reserve = |mint| market.find_reserve(mint).ok_or("the market does not list this mint");
//!     let (sol_reserve, usd_reserve) = (reserve(&sol.0)?, reserve(&usd.0)?);
//!     let instructions = vec![
//!         market.open_account(owner, owner, 0),
//!         market.deposit(owner, account, sol.1, sol_reserve, 1_000_000_000)?,
//!         market.borrow(owner, account, usd.1, usd_reserve, 50_000_000)?,
//!         market.assert_health(account, HealthReport::INITIAL, 15_000),
//!     ];
//!     Ok(market.refresh_pinned_prices([sol_reserve, usd_reserve], instructions, fits))
//! }
//! #
//! # use ballast_client::{engine::{record::layout::LAYOUT_VERSION, state::{market::Market, reserve::Reserve}}, to_engine};
//! # let key = |byte| Address::new_from_array([byte; 32]);
//! # let market = Market { version: LAYOUT_VERSION, ..Market::default() };
//! # let listed = [1, 2].map(|byte| {
//! #     let mut reserve = Reserve { mint: to_engine(&key(byte)), ..Reserve::default() };
//! #     reserve.config.oracle.feed_account = to_engine(&key(10 + byte));
//! #     reserve
//! # });
//! # let mut bytes = [&Market::DISCRIMINATOR, bytemuck::bytes_of(&market), &2u64.to_le_bytes()].concat();
//! # bytes.extend_from_slice(bytemuck::cast_slice(&listed));
//! # let small = |instructions: &[Instruction]| instructions.len() < 6;
//! # let transactions = start(key(9), &bytes, key(8), (key(1), key(3)), (key(2), key(4)), small).unwrap();
//! # assert_eq!(transactions.concat().iter().map(|one| one.data[0]).collect::<Vec<_>>(), [9, 3, 5, 7, 33]);
//! # assert!(start(key(9), &bytes, key(8), (key(5), key(3)), (key(2), key(4)), small).is_err());
//! ```
//!
//! # Health, and what a liquidation would move
//!
//! ```
//! use ballast_client::{
//!     Address, DecodeError, LiquidationOrder, MarketView, decode_margin_account,
//!     engine::{health::Requirement, ledger::{EVERYTHING, liquidation::Liquidation}},
//! };
//!
//! /// What liquidating all that may be would move at `now`, unix seconds; none of a healthy account.
//! fn preview(
//!     market_address: Address,
//!     market_bytes: &[u8],
//!     margin_bytes: &[u8],
//!     (debt, collateral): (u8, u8),
//!     now: i64,
//! ) -> Result<Option<Liquidation>, Box<dyn std::error::Error>> {
//!     let market = MarketView::decode(market_address, market_bytes)?;
//!     let account = decode_margin_account(margin_bytes)?;
//!     if market.health(&account, now, Requirement::Maintenance)?.is_healthy() {
//!         return Ok(None);
//!     }
//!     let order = LiquidationOrder { debt, collateral, max_repay: EVERYTHING, min_collateral: 1 };
//!     Ok(Some(market.preview_liquidation(&account, order, now)?))
//! }
//!
//! let refused = preview(Address::default(), b"not a market", &[], (0, 1), 0);
//! assert_eq!(refused.unwrap_err().to_string(), DecodeError::TooShort.to_string());
//! ```
//!
//! # What to do about an error
//!
//! A failed transaction names `Custom(code)`.
//!
//! ```
//! use ballast_client::{ProgramError, describe_error, engine::Error};
//!
//! #[derive(Debug, PartialEq)]
//! enum Next {
//!     RefreshPrices,
//!     TryLess,
//!     GiveUp(String),
//! }
//!
//! fn next(code: u32) -> Next {
//!     match ProgramError::from_code(code) {
//!         Some(ProgramError::Engine(Error::PriceStale | Error::PriceUnsettled)) => Next::RefreshPrices,
//!         Some(ProgramError::Engine(Error::InitialHealthTooLow | Error::UtilisationTooHigh)) => Next::TryLess,
//!         _ => Next::GiveUp(describe_error(code)),
//!     }
//! }
//!
//! assert_eq!(next(Error::PriceStale.code()), Next::RefreshPrices);
//! assert_eq!(next(Error::InitialHealthTooLow.code()), Next::TryLess);
//! assert_eq!(next(1), Next::GiveUp("error 1 of another program".into()));
//! ```
//!
//! # Delegates and sequences
//!
//! An owner lets a bot's key act within limits ([`MarketView::set_delegate`]). The bot begins each transaction with
//! [`MarketView::assert_sequence`], so that none applies twice or out of order, however often it is sent.
//!
//! ```
//! use ballast_client::{Address, Instruction, MarketView, engine::{Result, state::account::{MarginAccount, rights}}, margin_address};
//!
//! /// For a day: to withdraw, to the owner's own token accounts.
//! fn let_withdraw(market: &MarketView, owner: Address, bot: Address, now: i64) -> Instruction {
//!     let (account, _) = margin_address(&market.address, &owner, 0);
//!     market.set_delegate(owner, account, bot, rights::WITHDRAW, now + 86_400)
//! }
//!
//! fn withdraw_once(
//!     market: &MarketView,
//!     (address, account): (Address, &MarginAccount),
//!     bot: Address,
//!     owners_tokens: Address,
//! ) -> Result<[Instruction; 2]> {
//!     Ok([
//!         market.assert_sequence(bot, address, account.sequence),
//!         market.withdraw(bot, address, owners_tokens, 0, 1_000_000)?,
//!     ])
//! }
//! ```

//!
//! # Parameters
//!
//! [`Edits`] are what leads from one configuration to another: at once ([`MarketView::set_parameters`]) where it adds no risk, and
//! else by way of the queue ([`MarketView::queue_change`], [`MarketView::execute_change`]). [`parameters`] names them all.
//!
//! ```
//! use ballast_client::{Edits, engine::{number::units::Bps, state::reserve::ReserveConfig}, parameters};
//!
//! let old = ReserveConfig { deposit_cap: 1_000, ..ReserveConfig::default() };
//! let new = ReserveConfig { deposit_cap: 500, max_penalty: Bps(600), ..old };
//! let Edits { at_once, waiting } = Edits::of_reserve(&old, &new);
//! let named = |name: &str| parameters(0).into_iter().find(|row| row.name == name).expect("a parameter").parameter;
//! assert_eq!(at_once[..2], named("deposit_cap").offset.to_le_bytes());
//! assert_eq!(waiting[..2], named("max_penalty").offset.to_le_bytes());
//! ```

mod address;
mod builders;
mod decode;
mod encode;
mod error;
mod event;
mod governance;
mod guards;
pub mod instruction;
mod limits;
mod market;
mod perps;
mod prices;
mod vault;
mod what_if;
mod wire;

pub use address::{
    CLOCK_SYSVAR, ID, INSTRUCTIONS_SYSVAR, NATIVE_MINT, PYTH_RECEIVERS, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM, change_address, entrusted_address, exit_address, from_engine, margin_address, market_address,
    share_mint, stake_address, term_address, to_engine, vault_address, vault_authority, vault_tokens,
};
pub use decode::{
    ClockTime, DecodeError, decode_change, decode_clock, decode_exit_request, decode_health, decode_margin_account,
    decode_market, decode_pool_report, decode_stake, decode_term_deposit, decode_vault, decode_vault_report,
};
pub use encode::{encode_margin_account, encode_market};
pub use error::{FrameworkError, ProgramError, describe_error, error_name};
pub use event::*;
pub use governance::{Edits, ParameterInfo, adds_record, edits_in, parameters};
pub use limits::{Limit, LiquidationPrice};
pub use market::{LiquidationOrder, MarketView, Rates};
pub use perps::TradePreview;
pub use prices::pinned_accounts;
pub use vault::{IDLE, VaultView};
pub use what_if::{ChangedMarket, SupposedPrice};

pub use ballast_engine as engine;
pub use solana_address::Address;
pub use solana_instruction::{AccountMeta, Instruction};
