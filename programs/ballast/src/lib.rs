//! Ballast, the on-chain program: a thin shell around `ballast-engine`.
//!
//! An instruction checks its accounts, calls the engine once, moves tokens and logs an event. All arithmetic on money
//! and every risk rule is the engine's.

use anchor_lang::prelude::*;

#[cfg(any(target_arch = "bpf", test))]
mod builtins;
mod error;
mod events;
mod idl;
mod instructions;
mod state;
mod token;

use instructions::*;
pub use {error::BallastError, events::*, state::*};

declare_id!("BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp");

#[program]
pub mod ballast {
    use super::*;

    /// Creates a market without reserves. Anyone may; the signer becomes its creator and part of its address.
    #[discrim = 0]
    pub fn create_market(
        ctx: &mut Context<CreateMarket>,
        id: u16,
        authority: Address,
        fee_collector: Address,
        price_receivers: [Address; 2],
        config: MarketConfig,
    ) -> Result<()> {
        ctx.accounts.create(id, authority, fee_collector, price_receivers, config, &ctx.bumps)
    }

    /// Lists a mint, by the market's authority.
    #[discrim = 1]
    pub fn add_reserve(ctx: &mut Context<AddReserve>, config: ReserveConfig) -> Result<()> {
        ctx.accounts.add(config, &ctx.bumps)
    }

    /// Replaces a reserve's parameters, by the market's authority.
    #[discrim = 2]
    pub fn update_reserve(ctx: &mut Context<UpdateReserve>, reserve: u8, config: ReserveConfig) -> Result<()> {
        ctx.accounts.update(reserve, config)
    }

    /// Opens a margin account for the signer: cross (mode 0), or isolated (mode 1) with one collateral and one debt reserve.
    #[discrim = 3]
    pub fn open_account(ctx: &mut Context<OpenAccount>, id: u16, mode: u8, collateral: u8, debt: u8) -> Result<()> {
        ctx.accounts.open(id, mode, collateral, debt, &ctx.bumps)
    }

    /// Closes an empty margin account and returns its rent.
    #[discrim = 4]
    pub fn close_account(ctx: &mut Context<CloseAccount>) -> Result<()> {
        ctx.accounts.close()
    }

    /// Lends tokens to a reserve for any margin account.
    #[discrim = 5]
    pub fn deposit(ctx: &mut Context<PayIn>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.deposit(reserve, amount)
    }

    /// Takes lent tokens back; `u64::MAX` takes all.
    #[discrim = 6]
    pub fn withdraw(ctx: &mut Context<PayOut>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.withdraw(reserve, amount)
    }

    /// Borrows tokens against the account's deposits.
    #[discrim = 7]
    pub fn borrow(ctx: &mut Context<PayOut>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.borrow(reserve, amount)
    }

    /// Pays any margin account's debt back, at most what it owes; `u64::MAX` pays all.
    #[discrim = 8]
    pub fn repay(ctx: &mut Context<PayIn>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.repay(reserve, amount)
    }

    /// Takes over prices. One price account for each reserve index, in the same order, as remaining accounts; two, that of
    /// the base feed second, for a reserve priced by an exchange rate.
    #[discrim = 9]
    pub fn refresh_prices(ctx: &mut Context<RefreshPrices>, reserves: &[u8]) -> Result<()> {
        let price_accounts = ctx.remaining_accounts()?;
        ctx.accounts.refresh(reserves, &price_accounts)
    }

    /// Repays up to `max_repay` of an unhealthy account's debt for at least `min_collateral` of its collateral.
    #[discrim = 10]
    pub fn liquidate(
        ctx: &mut Context<Liquidate>,
        debt: u8,
        collateral: u8,
        max_repay: u64,
        min_collateral: u64,
    ) -> Result<()> {
        ctx.accounts.liquidate(debt, collateral, max_repay, min_collateral)
    }

    /// Writes the debt of an account without collateral off against the depositors of its reserve.
    #[discrim = 11]
    pub fn settle_bad_debt(ctx: &mut Context<SettleBadDebt>, reserve: u8) -> Result<()> {
        ctx.accounts.settle(reserve)
    }

    /// Pays the protocol's fees out, to an account of the fee collector's choice.
    #[discrim = 12]
    pub fn collect_fees(ctx: &mut Context<CollectFees>, reserve: u8) -> Result<()> {
        ctx.accounts.collect(reserve)
    }

    /// Returns an account's healths as return data: see `HealthReport`.
    #[discrim = 13]
    pub fn read_health(ctx: &mut Context<ReadHealth>) -> Result<()> {
        ctx.accounts.read()
    }

    /// Replaces the parameters that all reserves share, by the market's authority.
    #[discrim = 14]
    pub fn update_market(ctx: &mut Context<UpdateMarket>, config: MarketConfig) -> Result<()> {
        ctx.accounts.update(config)
    }
}
