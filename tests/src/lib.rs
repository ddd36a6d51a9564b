//! The harness of the end-to-end tests: a [`World`] in which the program's real bytecode runs, with the token programs
//! of mainnet, in the virtual machine of a validator.
//!
//! ```no_run
//! use ballast_tests::{Token, World, reserve_config};
//!
//! let mut world = World::new(); // one market, no reserves
//! let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
//! let sol = world.list(Token::new("SOL", 9, 150.0), reserve_config());
//! let (lender, trader) = (world.user("lender"), world.user("trader"));
//! world.supply(lender, usd, 1_000_000_000); // tokens out of nothing, deposited
//! world.supply(trader, sol, 10_000_000_000);
//! let outcome = world.borrow(trader, usd, 500_000_000).expect_ok();
//! assert!(outcome.compute_units < 10_000);
//! world.advance(3_600);
//! world.borrow(trader, usd, 1).expect_error(ballast_engine::Error::PriceStale);
//! world.assert_conserved();
//! ```
//!
//! - Everything is deterministic: keys come from names ([`World::key`]), the clock stands still until
//!   [`World::advance`] moves it.
//! - [`World::send`] signs with every key it made, and **checks of every failed transaction that it changed no byte**
//!   of any account it names (the fee excepted).
//! - The shorthands (`deposit`, `borrow`, …) act on the market [`World::market`]; point it at another market's
//!   address to act there. What they do not offer (wrong accounts, say) is done with `ballast_client::instruction` and
//!   [`World::send`] and [`with_account`].
//! - [`Scene`] is a market in working order to start from.
//! - [`Swap`] and [`forward`] put another program next to Ballast, or between it and the user.
//! - [`Multisig`] signs for a market's roles, as Squads v4 would.
//! - Every panic of an `expect_…` shows the transaction's log.

mod actions;
mod config;
mod market;
mod multisig;
mod outcome;
mod perp;
mod price;
mod scene;
mod test_program;
mod token;
mod vault;
mod world;

pub use {
    config::{START, market_config, reserve_config, roles},
    market::{Token, User},
    multisig::{MAX_TRANSACTION, MULTISIG_PROGRAM, Multisig, Proposal, Refusal},
    outcome::Outcome,
    perp::{PerpScene, is_of_perps, perp_config, pool_config},
    price::{Quote, price_account},
    scene::{SOL, Scene, USD, with_account},
    test_program::{Swap, TEST_PROGRAM, forward},
    token::{MintSpec, associated_token_account},
    vault::{VaultScene, vault_config},
    world::{Options, World, program_path, read_program},
};

/// The documents for readers, whose examples run as tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../docs/governor.md")]
    mod governor {}
    #[doc = include_str!("../../docs/integrator.md")]
    mod integrator {}
    #[doc = include_str!("../../docs/lender-and-trader.md")]
    mod lender_and_trader {}
    #[doc = include_str!("../../docs/liquidator.md")]
    mod liquidator {}
    #[doc = include_str!("../../docs/vaults.md")]
    mod vaults {}
}
