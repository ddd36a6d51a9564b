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
mod introspection;
#[cfg(not(feature = "no-entrypoint"))]
mod security_txt;
mod state;
mod token;

/// One file for each instruction, or for two that differ only in the engine call. Each file reads in the same order: its
/// event, who calls it, its accounts, one engine call, the movement of tokens.
mod instructions {
    mod assert_sequence;
    mod close_account;
    mod collect_fees;
    mod common;
    mod create_market;
    mod flash_loan;
    mod governance;
    mod liquidate;
    mod list_reserve;
    mod mark_liquidatable;
    mod open_account;
    mod pay_in;
    mod pay_out;
    mod perps;
    mod read_health;
    mod receivership;
    mod refresh_prices;
    mod refresh_reserve;
    mod report_loss;
    mod restrict;
    mod set_delegate;
    mod settle_bad_debt;
    mod stake;
    mod vaults;

    use common::*;
    pub use {
        assert_sequence::*, close_account::*, collect_fees::*, create_market::*, flash_loan::*, governance::*,
        liquidate::*, list_reserve::*, mark_liquidatable::*, open_account::*, pay_in::*, pay_out::*, perps::*,
        read_health::*, receivership::*, refresh_prices::*, refresh_reserve::*, report_loss::*, restrict::*,
        set_delegate::*, settle_bad_debt::*, stake::*, vaults::*,
    };
}

pub use {error::BallastError, events::*, instructions::*, state::*};

declare_id!("BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp");

#[program]
pub mod ballast {
    use super::*;

    /// Creates a market without reserves. Anyone may; the signer becomes its authority, and part of its address.
    ///
    /// - `id`: which of the creator's markets this is.
    /// - `config`: the market's parameters.
    #[discrim = 0]
    pub fn create_market(ctx: &mut Context<CreateMarket>, id: u16, config: MarketConfig) -> Result<()> {
        ctx.accounts.create(id, config, &ctx.bumps)
    }

    /// Lists the mint of a queued change that is due. Anyone may.
    #[discrim = 1]
    pub fn list_reserve(ctx: &mut Context<ListReserve>) -> Result<()> {
        ctx.accounts.list(&ctx.bumps)
    }

    /// Changes parameters of a reserve, or of the market (255), at once: by the authority, before the launch whatever it likes,
    /// after it what adds no risk; or in small steps by the risk council. A vault's are its curator's, and its sentinel's. Each
    /// edit is a parameter's offset in its record (`u16`) and its new bytes.
    ///
    /// - `target`: index of the reserve; 255: the market; 253: a vault, which is given in the market's place.
    /// - `edits`: each a parameter's offset (`u16`) and its bytes.
    #[discrim = 2]
    pub fn set_parameters(ctx: &mut Context<Govern>, target: u8, edits: &[u8]) -> Result<()> {
        ctx.accounts.set_parameters(target, edits)
    }

    /// Opens a margin account for the signer: cross (mode 0), isolated (mode 1) with one collateral and one debt reserve, or for one
    /// perp and a deposit of its quote token (mode 2).
    ///
    /// - `id`: which of the owner's accounts in the market this is.
    /// - `mode`: 0: cross, 1: isolated, 2: for one perp.
    /// - `collateral`: reserve of an isolated account's collateral, else zero.
    /// - `debt`: reserve of an isolated account's debt, or the perp, else zero.
    #[discrim = 3]
    pub fn open_account(ctx: &mut Context<OpenAccount>, id: u16, mode: u8, collateral: u8, debt: u8) -> Result<()> {
        ctx.accounts.open(id, mode, collateral, debt, &ctx.bumps)
    }

    /// Closes an empty margin account and returns its rent.
    #[discrim = 4]
    pub fn close_account(ctx: &mut Context<CloseAccount>) -> Result<()> {
        ctx.accounts.close()
    }

    /// Lends tokens to a reserve for any margin account. With a transfer fee, what arrives of the amount counts.
    ///
    /// - `reserve`: index of the reserve.
    /// - `amount`: atoms.
    #[discrim = 5]
    pub fn deposit(ctx: &mut Context<PayIn>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.deposit(reserve, amount)
    }

    /// Takes lent tokens back, by the owner or a delegate with that right; `u64::MAX` takes all. While a loss is reported, a
    /// share pays what it would after the loss was settled.
    ///
    /// - `reserve`: index of the reserve.
    /// - `amount`: atoms; `u64::MAX` takes all.
    #[discrim = 6]
    pub fn withdraw(ctx: &mut Context<PayOut>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.withdraw(reserve, amount)
    }

    /// Borrows tokens against the account's deposits, by the owner or a delegate with that right.
    ///
    /// - `reserve`: index of the reserve.
    /// - `amount`: atoms.
    #[discrim = 7]
    pub fn borrow(ctx: &mut Context<PayOut>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.borrow(reserve, amount)
    }

    /// Pays any margin account's debt back, at most what it owes; `u64::MAX` pays all. With a transfer fee, the amount is the
    /// most that the payer sends, and what arrives of it counts; `u64::MAX` takes what is owed and the fee on top.
    ///
    /// - `reserve`: index of the reserve.
    /// - `amount`: atoms; no more is taken than is owed, and `u64::MAX` pays all.
    #[discrim = 8]
    pub fn repay(ctx: &mut Context<PayIn>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.repay(reserve, amount)
    }

    /// Takes over prices. The remaining accounts are one price account for each reserve, in the same order. A reserve priced by
    /// an exchange rate has two, its base feed's second.
    ///
    /// - `reserves`: indices of the reserves.
    #[discrim = 9]
    pub fn refresh_prices(ctx: &mut Context<RefreshPrices>, reserves: &[u8]) -> Result<()> {
        let price_accounts = ctx.remaining_accounts()?;
        ctx.accounts.refresh(reserves, &price_accounts)
    }

    /// Repays an unhealthy account's debt, paying up to `max_repay`, for at least `min_collateral` of its collateral. With
    /// transfer fees, the first is what the liquidator sends and the second what arrives at the liquidator.
    ///
    /// - `debt`: index of the reserve to repay.
    /// - `collateral`: index of the reserve to seize from.
    /// - `max_repay`: most atoms to pay.
    /// - `min_collateral`: fewest atoms of collateral to accept.
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

    /// Writes off the debt of an account without collateral. The reserve's insurance bears the loss, then its fees, then its
    /// depositors.
    ///
    /// - `reserve`: index of the reserve.
    #[discrim = 11]
    pub fn settle_bad_debt(ctx: &mut Context<SettleBadDebt>, reserve: u8) -> Result<()> {
        ctx.accounts.settle(reserve)
    }

    /// Pays the protocol's fees out, to an account of the fee collector's choice.
    ///
    /// - `reserve`: index of the reserve.
    #[discrim = 12]
    pub fn collect_fees(ctx: &mut Context<CollectFees>, reserve: u8) -> Result<()> {
        ctx.accounts.collect(reserve)
    }

    /// Returns an account's health by each requirement as return data: see `HealthReport`.
    #[discrim = 13]
    pub fn read_health(ctx: &mut Context<ReadHealth>) -> Result<()> {
        ctx.accounts.read()
    }

    /// Liquidates like `liquidate`, but pays the collateral out now and takes the repayment in `end_liquidation`, which must
    /// stand later in the same transaction. With a transfer fee on the debt's token, `max_repay` is what arrives, and the fee
    /// comes on top.
    ///
    /// - `debt`: index of the reserve to repay.
    /// - `collateral`: index of the reserve to seize from.
    /// - `max_repay`: most atoms to pay.
    /// - `min_collateral`: fewest atoms of collateral to accept.
    #[discrim = 15]
    pub fn begin_liquidation(
        ctx: &mut Context<BeginLiquidation>,
        debt: u8,
        collateral: u8,
        max_repay: u64,
        min_collateral: u64,
    ) -> Result<()> {
        ctx.accounts.begin(debt, collateral, max_repay, min_collateral)
    }

    /// Pays the repayment that `begin_liquidation` left due.
    #[discrim = 16]
    pub fn end_liquidation(ctx: &mut Context<PayIn>) -> Result<()> {
        ctx.accounts.end_liquidation()
    }

    /// Records that an account is liquidatable, so that its penalty grows from now on, or that it no longer is. Anyone may.
    #[discrim = 17]
    pub fn mark_liquidatable(ctx: &mut Context<MarkLiquidatable>) -> Result<()> {
        ctx.accounts.mark()
    }

    /// Lends tokens until `end_flash_loan`, which must stand later in the same transaction.
    ///
    /// - `reserve`: index of the reserve.
    /// - `amount`: atoms.
    #[discrim = 18]
    pub fn begin_flash_loan(ctx: &mut Context<BeginFlashLoan>, reserve: u8, amount: u64) -> Result<()> {
        ctx.accounts.begin(reserve, amount)
    }

    /// Pays a flash loan back, with its fee.
    ///
    /// - `reserve`: index of the reserve.
    #[discrim = 19]
    pub fn end_flash_loan(ctx: &mut Context<EndFlashLoan>, reserve: u8) -> Result<()> {
        ctx.accounts.end(reserve)
    }

    /// Opens a stake in a reserve's insurance for the signer.
    ///
    /// - `reserve`: index of the reserve.
    #[discrim = 20]
    pub fn open_stake(ctx: &mut Context<OpenStake>, reserve: u8) -> Result<()> {
        ctx.accounts.open(reserve, &ctx.bumps)
    }

    /// Puts tokens into a stake, as many as whole shares cost.
    ///
    /// - `amount`: most atoms to pay.
    #[discrim = 21]
    pub fn stake(ctx: &mut Context<PutStake>, amount: u64) -> Result<()> {
        ctx.accounts.stake(amount)
    }

    /// Asks for shares of a stake. The cooldown starts, also for shares asked for before.
    ///
    /// - `shares`: how many in all. The number replaces the one asked for before.
    #[discrim = 22]
    pub fn begin_unstake(ctx: &mut Context<BeginUnstake>, shares: u64) -> Result<()> {
        ctx.accounts.begin(shares)
    }

    /// Pays out the shares asked for, within two days after the cooldown, less their part of a reported loss.
    #[discrim = 23]
    pub fn unstake(ctx: &mut Context<Unstake>) -> Result<()> {
        ctx.accounts.unstake()
    }

    /// Closes an empty stake and returns its rent.
    #[discrim = 24]
    pub fn close_stake(ctx: &mut Context<CloseStake>) -> Result<()> {
        ctx.accounts.close()
    }

    /// Stops actions for six hours, by the guardian: withdraw (1), borrow (2), flash loan (4), unstake (8).
    ///
    /// - `actions`: the sum of withdraw (1), borrow (2), flash loan (4), unstake (8).
    #[discrim = 25]
    pub fn pause(ctx: &mut Context<Restrict>, actions: u8) -> Result<()> {
        ctx.accounts.pause(actions)
    }

    /// Lifts a pause, by the guardian or the authority. By the authority it also ends a market's reduce-only state.
    #[discrim = 26]
    pub fn resume(ctx: &mut Context<Restrict>) -> Result<()> {
        ctx.accounts.resume()
    }

    /// Brings a reserve's interest, insurance, ramp, rate limits and price breaker up to date. Anyone may.
    ///
    /// - `reserve`: index of the reserve.
    #[discrim = 27]
    pub fn refresh_reserve(ctx: &mut Context<RefreshReserve>, reserve: u8) -> Result<()> {
        ctx.accounts.refresh_reserve(reserve)
    }

    /// Queues a change by the authority: edits of a reserve, perp or pool or of the market (255) as in `set_parameters`; a listing (254):
    /// mint and parameters; or a new pool (252) or perp (251): its parameters.
    ///
    /// - `target`: index of the record; 255: the market; 254: a listing; 253: a vault, which is given in the market's place; 252: a new
    ///   pool; 251: a new perp.
    /// - `data`: edits as in `set_parameters`, or the listing.
    #[discrim = 28]
    pub fn queue_change(ctx: &mut Context<QueueChange>, target: u8, data: &[u8]) -> Result<()> {
        ctx.accounts.queue(target, data, &ctx.bumps)
    }

    /// Makes the edits of a queued change that is due. Anyone may.
    #[discrim = 29]
    pub fn execute_change(ctx: &mut Context<EndChange>) -> Result<()> {
        ctx.accounts.execute()
    }

    /// Cancels a queued change: the authority, the guardian, or once it has expired anyone.
    #[discrim = 30]
    pub fn cancel_change(ctx: &mut Context<EndChange>) -> Result<()> {
        ctx.accounts.cancel()
    }

    /// Makes the signer, the nominee, the market's authority, or a vault's curator.
    #[discrim = 14]
    pub fn accept_authority(ctx: &mut Context<Govern>) -> Result<()> {
        ctx.accounts.accept_authority()
    }

    /// Closes an empty, reduce-only reserve for good. By the fee collector, who gets the tokens that are left.
    ///
    /// - `reserve`: index of the reserve.
    #[discrim = 31]
    pub fn close_reserve(ctx: &mut Context<CollectFees>, reserve: u8) -> Result<()> {
        ctx.accounts.close_reserve(reserve)
    }

    /// Names a delegate, who may act for the owner until a time, and removes the delegate before. The delegate may withdraw
    /// (1), borrow (2), trade perps (8), and pay out to anyone's token account (4) instead of the owner's alone. If all is zero, there is no
    /// delegate any more. By the owner.
    ///
    /// - `delegate`: who may act.
    /// - `rights`: bits of `ballast_engine::state::account::rights`.
    /// - `until`: when the rights end, unix seconds.
    #[discrim = 32]
    pub fn set_delegate(ctx: &mut Context<SetDelegate>, delegate: Address, rights: u8, until: i64) -> Result<()> {
        ctx.accounts.set(delegate, rights, until)
    }

    /// Fails unless an account's collateral is at least `min_ratio_bps` of its debt. Values are those of new risk (0), of
    /// maintenance (1) or at spot prices (2). An account without debt passes. A guard for the end of a transaction.
    ///
    /// - `requirement`: by which values, as `ballast_engine::health::report::HealthReport` numbers them.
    /// - `min_ratio_bps`: the least ratio, basis points.
    #[discrim = 33]
    pub fn assert_health(ctx: &mut Context<ReadHealth>, requirement: u8, min_ratio_bps: u32) -> Result<()> {
        ctx.accounts.assert(requirement, min_ratio_bps)
    }

    /// Fails unless the account's sequence number is the expected one, and raises it by one. By the owner or the delegate. A
    /// guard for the beginning of a transaction that is to be applied once, and in order.
    ///
    /// - `expected`: the sequence number.
    #[discrim = 34]
    pub fn assert_sequence(ctx: &mut Context<AssertSequence>, expected: u64) -> Result<()> {
        ctx.accounts.assert(expected)
    }

    /// Reports which part of an account's debts its deposits do not cover, at spot prices, until it is settled: whoever leaves the
    /// reserves that it owes, or their insurances, bears his part of it. Raised to what is surely lost, and lowered to what current
    /// prices leave possible. Anyone may.
    #[discrim = 35]
    pub fn report_loss(ctx: &mut Context<ReportLoss>) -> Result<()> {
        ctx.accounts.report()
    }

    /// Creates a vault, its token account and the mint of its shares. Anyone may; the signer becomes its curator, part of its
    /// address, and brings 1,000 atoms whose shares are nobody's.
    ///
    /// - `id`: which of the creator's vaults this is.
    /// - `config`: the vault's policy.
    #[discrim = 42]
    pub fn create_vault(ctx: &mut Context<CreateVault>, id: u16, config: VaultConfig) -> Result<()> {
        ctx.accounts.create(id, config, &ctx.bumps)
    }

    /// Opens the allocation of a slot in the market that the policy names. Anyone may.
    ///
    /// - `slot`: 0 to 7.
    #[discrim = 36]
    pub fn open_allocation(ctx: &mut Context<OpenAllocation>, slot: u8) -> Result<()> {
        ctx.accounts.open(slot)
    }

    /// Brings an exact amount for shares. As remaining accounts: the market of each open allocation.
    ///
    /// - `amount`: atoms.
    /// - `min_shares`: fewest shares to accept.
    #[discrim = 37]
    pub fn vault_deposit(ctx: &mut Context<EnterVault>, amount: u64, min_shares: u64) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.deposit(amount, min_shares, &markets)
    }

    /// Makes exactly so many shares for what they cost. As remaining accounts: the market of each open allocation.
    ///
    /// - `shares`: how many.
    /// - `max_amount`: most atoms to pay.
    #[discrim = 38]
    pub fn vault_mint(ctx: &mut Context<EnterVault>, shares: u64, max_amount: u64) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.mint(shares, max_amount, &markets)
    }

    /// Gives exactly so many shares back for what they are worth. As remaining accounts: the market of each open allocation, then for
    /// each that pays its reserve's liquidity vault and its vault authority.
    ///
    /// - `shares`: how many.
    /// - `min_amount`: fewest atoms to accept.
    /// - `from`: a bit for each slot that may pay.
    #[discrim = 39]
    pub fn vault_redeem(ctx: &mut Context<ExitVault>, shares: u64, min_amount: u64, from: u8) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.redeem(shares, min_amount, from, &markets)
    }

    /// Takes an exact amount for as many shares as that costs. Remaining accounts as of `vault_redeem`.
    ///
    /// - `amount`: atoms.
    /// - `max_shares`: most shares to give.
    /// - `from`: a bit for each slot that may pay.
    #[discrim = 40]
    pub fn vault_withdraw(ctx: &mut Context<ExitVault>, amount: u64, max_shares: u64, from: u8) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.withdraw(amount, max_shares, from, &markets)
    }

    /// Makes the one move that the vault's state calls for. Anyone may. As remaining accounts: the market of each open allocation;
    /// the liquidity vault and the vault authority of the one that pays; the liquidity vault of the one that is paid.
    ///
    /// - `from`: the slot that pays; 255: what is idle.
    #[discrim = 41]
    pub fn rebalance_vault(ctx: &mut Context<RebalanceVault>, from: u8) -> Result<()> {
        let accounts = ctx.remaining_accounts()?;
        ctx.accounts.rebalance(from, &accounts)
    }

    /// Puts shares into the vault's queue. As remaining accounts: the market of each open allocation.
    ///
    /// - `shares`: how many.
    /// - `min_amount`: fewest atoms to accept for them; of a part of them that part.
    #[discrim = 43]
    pub fn request_exit(ctx: &mut Context<RequestExit>, shares: u64, min_amount: u64) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        let bumps = &ctx.bumps;
        ctx.accounts.request(shares, min_amount, bumps, &markets)
    }

    /// Pays the queue's first request, or its part of a round, into its claim. Anyone may. Remaining accounts as of `vault_redeem`.
    ///
    /// - `from`: a bit for each slot that may pay.
    #[discrim = 44]
    pub fn serve_exit(ctx: &mut Context<ServeExit>, from: u8) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.serve(from, &markets)
    }

    /// Takes the shares of a request that are not paid back, by its owner.
    #[discrim = 45]
    pub fn cancel_exit(ctx: &mut Context<CancelExit>) -> Result<()> {
        ctx.accounts.cancel()
    }

    /// Takes what a request was paid, by its owner.
    #[discrim = 46]
    pub fn claim_exit(ctx: &mut Context<ClaimExit>) -> Result<()> {
        ctx.accounts.claim()
    }

    /// Locks shares until a maturity of the vault's ladder. As remaining accounts: the market of each open allocation.
    ///
    /// - `id`: which of the owner's term deposits in the vault this is.
    /// - `shares`: how many.
    /// - `maturity`: unix seconds, one of the next eight multiples of the policy's spacing.
    #[discrim = 47]
    pub fn lock_term(ctx: &mut Context<LockTerm>, id: u16, shares: u64, maturity: i64) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        let bumps = &ctx.bumps;
        ctx.accounts.lock(id, shares, maturity, bumps, &markets)
    }

    /// Takes a term deposit that is over off the ladder; its shares wait for their owner. Anyone may. As remaining accounts: the
    /// market of each open allocation.
    #[discrim = 48]
    pub fn free_term(ctx: &mut Context<FreeTerm>) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.free(&markets)
    }

    /// Takes the shares of a term deposit, by its owner, and closes it. As remaining accounts, unless it was freed before: the market
    /// of each open allocation.
    ///
    /// - `early`: whether it may end before its maturity, at the policy's penalty.
    #[discrim = 49]
    pub fn end_term(ctx: &mut Context<EndTerm>, early: bool) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.end(early, &markets)
    }

    /// Makes the shares that fees came to, by the vault's fee collector.
    #[discrim = 51]
    pub fn collect_vault_fees(ctx: &mut Context<CollectVaultFees>) -> Result<()> {
        ctx.accounts.collect()
    }

    /// Brings a vault up to date, and returns its figures to the caller. Anyone may. As remaining accounts: the market of each open
    /// allocation.
    #[discrim = 57]
    pub fn read_vault(ctx: &mut Context<ReadVault>) -> Result<()> {
        let markets = ctx.remaining_accounts()?;
        ctx.accounts.refresh(&markets)
    }

    /// Lists the pool or the perp of a queued change that is due. Anyone may.
    #[discrim = 60]
    pub fn list_perp(ctx: &mut Context<ListPerp>) -> Result<()> {
        ctx.accounts.list()
    }

    /// Opens, grows, shrinks, closes or turns a position in a perp, by the owner or a delegate with that right.
    ///
    /// - `perp`: index of the perp.
    /// - `lots`: whole lots to buy; less than zero: to sell.
    /// - `limit`: the worst price of a lot, its impact included, atoms of the quote token with 32 fractional bits; zero: any.
    /// - `min_factor`: the least part of a gain that is to be paid, 32 fractional bits; zero: any, `u32::MAX`: all.
    /// - `reduce_only`: whether the position may only shrink.
    #[discrim = 61]
    pub fn trade_perp(
        ctx: &mut Context<TradePerp>,
        perp: u8,
        lots: i64,
        limit: u64,
        min_factor: u32,
        reduce_only: bool,
    ) -> Result<()> {
        ctx.accounts.trade(order(perp, lots, limit, min_factor, reduce_only))
    }

    /// Pays what a position has lost out of the account's deposit of the quote token, or what a closed one is owed. Anyone may.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 62]
    pub fn settle_perp(ctx: &mut Context<TouchPerp>, perp: u8) -> Result<()> {
        ctx.accounts.settle(perp)
    }

    /// Writes off what a closed position owes, once the account has nothing more to pay it with. The perp's insurance bears it, then its
    /// fund, then the pool. Anyone may.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 63]
    pub fn write_off_perp(ctx: &mut Context<TouchPerp>, perp: u8) -> Result<()> {
        ctx.accounts.write_off(perp)
    }

    /// Closes of an unhealthy account's position what brings it to the target health. The reward goes to the liquidator's margin account.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 64]
    pub fn liquidate_perp(ctx: &mut Context<LiquidatePerp>, perp: u8) -> Result<()> {
        ctx.accounts.liquidate(perp)
    }

    /// Pays what an account has lost beyond its deposit of the quote token, out of the liquidator's, for collateral and its penalty.
    ///
    /// - `perp`: index of the perp.
    /// - `collateral`: index of the reserve whose deposit is taken.
    /// - `max_amount`: most atoms of the quote token to pay.
    #[discrim = 65]
    pub fn cover_perp_loss(ctx: &mut Context<LiquidatePerp>, perp: u8, collateral: u8, max_amount: u64) -> Result<()> {
        ctx.accounts.cover(perp, collateral, max_amount)
    }

    /// Closes the same part of all positions of the side that the pool cannot bear. Anyone may, once its cover is below the limit.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 66]
    pub fn deleverage_perp(ctx: &mut Context<DeleveragePerp>, perp: u8) -> Result<()> {
        ctx.accounts.deleverage(perp)
    }

    /// Winds a perp down at its last price, by the market's authority, once a change of `wind_down` has waited.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 67]
    pub fn resolve_perp(ctx: &mut Context<ResolvePerp>, perp: u8) -> Result<()> {
        ctx.accounts.resolve(perp)
    }

    /// Moves a part of the account's deposit of the quote token into a pool, by the owner or a delegate who may trade.
    ///
    /// - `pool`: index of the pool.
    /// - `amount`: atoms.
    #[discrim = 68]
    pub fn pool_deposit(ctx: &mut Context<TradePerp>, pool: u8, amount: u64) -> Result<()> {
        ctx.accounts.pool_deposit(pool, amount)
    }

    /// Asks for shares of a pool. The delay starts, also for those asked for before.
    ///
    /// - `pool`: index of the pool.
    /// - `shares`: how many in all. The number replaces the one asked for before.
    #[discrim = 69]
    pub fn pool_request(ctx: &mut Context<TradePerp>, pool: u8, shares: u64) -> Result<()> {
        ctx.accounts.pool_request(pool, shares)
    }

    /// Pays out the shares asked for, within two days after the delay, into the account's deposit: as many as leave the pool what its
    /// positions need.
    ///
    /// - `pool`: index of the pool.
    #[discrim = 70]
    pub fn pool_withdraw(ctx: &mut Context<TradePerp>, pool: u8) -> Result<()> {
        ctx.accounts.pool_withdraw(pool)
    }

    /// Rests an order, which the first price fills that is published once the perp's lag is over: it pays for no foresight, and is no instant
    /// flow. It is firm: until it is filled or cleared, nothing that backs it may be taken. By the owner or a delegate who may trade.
    ///
    /// - `perp`: index of the perp.
    /// - `lots`: whole lots to buy; less than zero: to sell.
    /// - `limit`: the worst price of a lot, as of a trade; zero: any.
    /// - `min_factor`: the least part of a gain that is to be paid, 32 fractional bits.
    /// - `reduce_only`: whether the position may only shrink.
    /// - `tip`: what who fills it gets, lamports. The margin account must hold them beside its rent.
    #[discrim = 71]
    pub fn rest_perp_order(
        ctx: &mut Context<TradePerp>,
        perp: u8,
        lots: i64,
        limit: u64,
        min_factor: u32,
        reduce_only: bool,
        tip: u32,
    ) -> Result<()> {
        ctx.accounts.rest(order(perp, lots, limit, min_factor, reduce_only), tip)
    }

    /// Fills an order. Anyone may, who gets its tip. As remaining accounts: the price account that fills it, of the underlying's feed; of an
    /// underlying with two feeds both. Any account of an allowed receiver will do.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 72]
    pub fn fill_perp_order(ctx: &mut Context<EndOrder>, perp: u8) -> Result<()> {
        let prices = ctx.remaining_accounts()?;
        ctx.accounts.fill(perp, &prices)
    }

    /// Clears an order that can no longer be filled; its tip goes back to the margin account's owner. Anyone may.
    ///
    /// - `perp`: index of the perp.
    #[discrim = 73]
    pub fn cancel_perp_order(ctx: &mut Context<EndOrder>, perp: u8) -> Result<()> {
        ctx.accounts.cancel(perp)
    }

    /// Returns the figures of a pool to the caller: values, buffer, cover, and delta and gamma of each of its perps.
    ///
    /// - `pool`: index of the pool.
    #[discrim = 74]
    pub fn read_pool(ctx: &mut Context<ReadPool>, pool: u8) -> Result<()> {
        ctx.accounts.read(pool)
    }

    /// Moves what is idle in a vault into the pool of a slot, by its curator. As remaining accounts: the market of each open allocation,
    /// then the liquidity vault of the pool's quote reserve and the vault authority of its market.
    ///
    /// - `slot`: 0 to 7.
    /// - `amount`: atoms.
    #[discrim = 75]
    pub fn vault_pool_deposit(ctx: &mut Context<MoveVaultPool>, slot: u8, amount: u64) -> Result<()> {
        let accounts = ctx.remaining_accounts()?;
        ctx.accounts.deposit(slot, amount, &accounts)
    }

    /// Asks for a vault's shares of a slot's pool: by the curator or the sentinel; while liquidity is short anyone may ask for what is
    /// short. The pool's delay starts, also for those asked for before. As remaining accounts: the market of each open allocation.
    ///
    /// - `slot`: 0 to 7.
    /// - `shares`: how many in all, in place of those asked for before. By others: at least what is short; more change nothing.
    #[discrim = 76]
    pub fn vault_pool_request(ctx: &mut Context<RequestVaultPool>, slot: u8, shares: u64) -> Result<()> {
        let accounts = ctx.remaining_accounts()?;
        ctx.accounts.request(slot, shares, &accounts)
    }

    /// Brings back what a vault asked for of a slot's pool, within two days after the delay: by the curator or the sentinel, while
    /// liquidity is short by anyone. Remaining accounts as of `vault_pool_deposit`.
    ///
    /// - `slot`: 0 to 7.
    #[discrim = 77]
    pub fn vault_pool_withdraw(ctx: &mut Context<MoveVaultPool>, slot: u8) -> Result<()> {
        let accounts = ctx.remaining_accounts()?;
        ctx.accounts.withdraw(slot, &accounts)
    }
}
