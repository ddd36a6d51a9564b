// Written by scripts/build from idl/ballast.json.

use super::*;

instructions! {
    /// Creates a market without reserves. Anyone may; the signer becomes its authority, and part of its address.
    CreateMarket = 0 "create_market" {
        /// Signs and is written to.
        creator: signer writable,
        /// Written to.
        market: writable,
        /// Signs for the reserves' token accounts, never holds data. Read only.
        vault_authority: readonly,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Which of the creator's markets this is.
        id: u16,
        /// The market's parameters.
        config: MarketConfig,
    )
    /// Lists the mint of a queued change that is due. Anyone may.
    ListReserve = 1 "list_reserve" {
        /// May be the recipient: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Written to.
        market: writable,
        /// Written to.
        change: writable,
        /// Gets the change's rent; must be who paid it, and may be the payer. Written to.
        recipient: writable,
        /// Must be the mint of the listing; owner, layout and extensions are checked. Read only.
        mint: readonly,
        /// Created here, at this address only. Written to.
        vault: writable,
        /// Owner of the reserve's token account. Read only.
        vault_authority: readonly,
        /// The mint's owner, one of the two token programs. Read only.
        token_program: readonly,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } ()
    /// Changes parameters of a reserve, or of the market (255), at once: by the authority, before the launch whatever
    /// it likes, after it what adds no risk; or in small steps by the risk council. A vault's are its curator's, and
    /// its sentinel's. Each edit is a parameter's offset in its record (`u16`) and its new bytes.
    SetParameters = 2 "set_parameters" {
        /// Signs.
        signer: signer,
        /// Or a vault. Written to.
        market: writable,
    } (
        /// Index of the reserve; 255: the market; 253: a vault, which is given in the market's place.
        target: u8,
        /// Each a parameter's offset (`u16`) and its bytes.
        edits: Vec<u8>,
    )
    /// Opens a margin account for the signer: cross (mode 0), isolated (mode 1) with one collateral and one debt
    /// reserve, or for one perp and a deposit of its quote token (mode 2).
    OpenAccount = 3 "open_account" {
        /// Signs.
        owner: signer,
        /// May be the owner: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Read only.
        market: readonly,
        /// Written to.
        margin_account: writable,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Which of the owner's accounts in the market this is.
        id: u16,
        /// 0: cross, 1: isolated, 2: for one perp.
        mode: u8,
        /// Reserve of an isolated account's collateral, else zero.
        collateral: u8,
        /// Reserve of an isolated account's debt, or the perp, else zero.
        debt: u8,
    )
    /// Closes an empty margin account and returns its rent.
    CloseAccount = 4 "close_account" {
        /// Signs.
        owner: signer,
        /// Written to.
        margin_account: writable,
        /// Receives the rent, of the owner's choice; may be the owner. Written to.
        recipient: writable,
    } ()
    /// Lends tokens to a reserve for any margin account. With a transfer fee, what arrives of the amount counts.
    Deposit = 5 "deposit" {
        /// Signs.
        payer: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms.
        amount: u64,
    )
    /// Takes lent tokens back, by the owner or a delegate with that right; [`u64::MAX`] takes all. While a loss is
    /// reported, a share pays what it would after the loss was settled.
    Withdraw = 6 "withdraw" {
        /// The owner or the delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms; [`u64::MAX`] takes all.
        amount: u64,
    )
    /// Borrows tokens against the account's deposits, by the owner or a delegate with that right.
    Borrow = 7 "borrow" {
        /// The owner or the delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms.
        amount: u64,
    )
    /// Pays any margin account's debt back, at most what it owes; [`u64::MAX`] pays all. With a transfer fee, the
    /// amount is the most that the payer sends, and what arrives of it counts; [`u64::MAX`] takes what is owed and the
    /// fee on top.
    Repay = 8 "repay" {
        /// Signs.
        payer: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms; no more is taken than is owed, and [`u64::MAX`] pays all.
        amount: u64,
    )
    /// Takes over prices. The remaining accounts are one price account for each reserve, in the same order. A reserve
    /// priced by an exchange rate has two, its base feed's second.
    RefreshPrices = 9 "refresh_prices" {
        /// Written to.
        market: writable,
    } (
        /// Indices of the reserves.
        reserves: Vec<u8>,
    )
    /// Repays an unhealthy account's debt, paying up to `max_repay`, for at least `min_collateral` of its collateral.
    /// With transfer fees, the first is what the liquidator sends and the second what arrives at the liquidator.
    Liquidate = 10 "liquidate" {
        /// Signs.
        liquidator: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// Pays the debt; the token program checks it. Written to.
        source: writable,
        /// Must be the debt reserve's. Written to.
        debt_vault: writable,
        /// Must be the debt reserve's. Read only.
        debt_mint: readonly,
        /// Must be the debt reserve's. Read only.
        debt_token_program: readonly,
        /// Receives the collateral; the token program checks it. Written to.
        destination: writable,
        /// Must be the collateral reserve's. Written to.
        collateral_vault: writable,
        /// Must be the collateral reserve's. Read only.
        collateral_mint: readonly,
        /// Must be the collateral reserve's. Read only.
        collateral_token_program: readonly,
        /// Must be the market's. Read only.
        vault_authority: readonly,
    } (
        /// Index of the reserve to repay.
        debt: u8,
        /// Index of the reserve to seize from.
        collateral: u8,
        /// Most atoms to pay.
        max_repay: u64,
        /// Fewest atoms of collateral to accept.
        min_collateral: u64,
    )
    /// Writes off the debt of an account without collateral. The reserve's insurance bears the loss, then its fees,
    /// then its depositors.
    SettleBadDebt = 11 "settle_bad_debt" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Pays the protocol's fees out, to an account of the fee collector's choice.
    CollectFees = 12 "collect_fees" {
        /// Signs and is written to.
        fee_collector: signer writable,
        /// Written to.
        market: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Returns an account's health by each requirement as return data: see `HealthReport`.
    ReadHealth = 13 "read_health" {
        /// Read only.
        market: readonly,
        /// Read only.
        margin_account: readonly,
    } ()
    /// Makes the signer, the nominee, the market's authority, or a vault's curator.
    AcceptAuthority = 14 "accept_authority" {
        /// Signs.
        signer: signer,
        /// Or a vault. Written to.
        market: writable,
    } ()
    /// Liquidates like [`Liquidate`], but pays the collateral out now and takes the repayment in [`EndLiquidation`],
    /// which must stand later in the same transaction. With a transfer fee on the debt's token, `max_repay` is what
    /// arrives, and the fee comes on top.
    BeginLiquidation = 15 "begin_liquidation" {
        /// Signs.
        liquidator: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// Receives the collateral; the token program checks it. Written to.
        destination: writable,
        /// Must be the collateral reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the collateral reserve's. Read only.
        mint: readonly,
        /// Must be the collateral reserve's. Read only.
        token_program: readonly,
        /// Must be the instructions sysvar. Read only.
        instructions: readonly,
    } (
        /// Index of the reserve to repay.
        debt: u8,
        /// Index of the reserve to seize from.
        collateral: u8,
        /// Most atoms to pay.
        max_repay: u64,
        /// Fewest atoms of collateral to accept.
        min_collateral: u64,
    )
    /// Pays the repayment that [`BeginLiquidation`] left due.
    EndLiquidation = 16 "end_liquidation" {
        /// Signs.
        payer: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } ()
    /// Records that an account is liquidatable, so that its penalty grows from now on, or that it no longer is. Anyone
    /// may.
    MarkLiquidatable = 17 "mark_liquidatable" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } ()
    /// Lends tokens until [`EndFlashLoan`], which must stand later in the same transaction.
    BeginFlashLoan = 18 "begin_flash_loan" {
        /// Written to.
        market: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
        /// Must be the instructions sysvar. Read only.
        instructions: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms.
        amount: u64,
    )
    /// Pays a flash loan back, with its fee.
    EndFlashLoan = 19 "end_flash_loan" {
        /// Signs.
        payer: signer,
        /// Written to.
        market: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Opens a stake in a reserve's insurance for the signer.
    OpenStake = 20 "open_stake" {
        /// Signs.
        owner: signer,
        /// May be the owner: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Read only.
        market: readonly,
        /// Written to.
        stake: writable,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Puts tokens into a stake, as many as whole shares cost.
    Stake = 21 "stake" {
        /// Signs.
        payer: signer,
        /// Written to.
        market: writable,
        /// Written to.
        stake: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Most atoms to pay.
        amount: u64,
    )
    /// Asks for shares of a stake. The cooldown starts, also for shares asked for before.
    BeginUnstake = 22 "begin_unstake" {
        /// Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        stake: writable,
    } (
        /// How many in all. The number replaces the one asked for before.
        shares: u64,
    )
    /// Pays out the shares asked for, within two days after the cooldown, less their part of a reported loss.
    Unstake = 23 "unstake" {
        /// Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        stake: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } ()
    /// Closes an empty stake and returns its rent.
    CloseStake = 24 "close_stake" {
        /// Signs.
        owner: signer,
        /// Read only.
        market: readonly,
        /// Written to.
        stake: writable,
        /// Receives the rent, of the owner's choice; may be the owner. Written to.
        recipient: writable,
    } ()
    /// Stops actions for six hours, by the guardian: withdraw (1), borrow (2), flash loan (4), unstake (8).
    Pause = 25 "pause" {
        /// Signs.
        signer: signer,
        /// Written to.
        market: writable,
    } (
        /// The sum of withdraw (1), borrow (2), flash loan (4), unstake (8).
        actions: u8,
    )
    /// Lifts a pause, by the guardian or the authority. By the authority it also ends a market's reduce-only state.
    Resume = 26 "resume" {
        /// Signs.
        signer: signer,
        /// Written to.
        market: writable,
    } ()
    /// Brings a reserve's interest, insurance, ramp, rate limits and price breaker up to date. Anyone may.
    RefreshReserve = 27 "refresh_reserve" {
        /// Written to.
        market: writable,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Queues a change by the authority: edits of a reserve, perp or pool or of the market (255) as in
    /// [`SetParameters`]; a listing (254): mint and parameters; or a new pool (252) or perp (251): its parameters.
    QueueChange = 28 "queue_change" {
        /// Signs.
        authority: signer,
        /// May be the authority: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Or a vault. Written to.
        market: writable,
        /// Written to.
        change: writable,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Index of the record; 255: the market; 254: a listing; 253: a vault, which is given in the market's place;
        /// 252: a new pool; 251: a new perp.
        target: u8,
        /// Edits as in [`SetParameters`], or the listing.
        data: Vec<u8>,
    )
    /// Makes the edits of a queued change that is due. Anyone may.
    ExecuteChange = 29 "execute_change" {
        /// Signs.
        signer: signer,
        /// Or a vault. Written to.
        market: writable,
        /// Written to.
        change: writable,
        /// Gets the change's rent; must be who paid it, and may be the signer. Written to.
        recipient: writable,
    } ()
    /// Cancels a queued change: the authority, the guardian, or once it has expired anyone.
    CancelChange = 30 "cancel_change" {
        /// Signs.
        signer: signer,
        /// Or a vault. Written to.
        market: writable,
        /// Written to.
        change: writable,
        /// Gets the change's rent; must be who paid it, and may be the signer. Written to.
        recipient: writable,
    } ()
    /// Closes an empty, reduce-only reserve for good. By the fee collector, who gets the tokens that are left.
    CloseReserve = 31 "close_reserve" {
        /// Signs and is written to.
        fee_collector: signer writable,
        /// Written to.
        market: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the reserve's. Written to.
        vault: writable,
        /// Must be the market's. Read only.
        vault_authority: readonly,
        /// Must be the reserve's. Read only.
        mint: readonly,
        /// Must be the reserve's. Read only.
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Names a delegate, who may act for the owner until a time, and removes the delegate before. The delegate may
    /// withdraw (1), borrow (2), trade perps (8), and pay out to anyone's token account (4) instead of the owner's
    /// alone. If all is zero, there is no delegate any more. By the owner.
    SetDelegate = 32 "set_delegate" {
        /// Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Who may act.
        delegate: Address,
        /// Bits of [`ballast_engine::state::account::rights`].
        rights: u8,
        /// When the rights end, unix seconds.
        until: i64,
    )
    /// Fails unless an account's collateral is at least `min_ratio_bps` of its debt. Values are those of new risk (0),
    /// of maintenance (1) or at spot prices (2). An account without debt passes. A guard for the end of a transaction.
    AssertHealth = 33 "assert_health" {
        /// Read only.
        market: readonly,
        /// Read only.
        margin_account: readonly,
    } (
        /// By which values, as [`ballast_engine::health::report::HealthReport`] numbers them.
        requirement: u8,
        /// The least ratio, basis points.
        min_ratio_bps: u32,
    )
    /// Fails unless the account's sequence number is the expected one, and raises it by one. By the owner or the
    /// delegate. A guard for the beginning of a transaction that is to be applied once, and in order.
    AssertSequence = 34 "assert_sequence" {
        /// The owner or the delegate. Signs.
        signer: signer,
        /// Written to.
        margin_account: writable,
    } (
        /// The sequence number.
        expected: u64,
    )
    /// Reports which part of an account's debts its deposits do not cover, at spot prices, until it is settled: whoever
    /// leaves the reserves that it owes, or their insurances, bears his part of it. Raised to what is surely lost, and
    /// lowered to what current prices leave possible. Anyone may.
    ReportLoss = 35 "report_loss" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } ()
    /// Opens the allocation of a slot in the market that the policy names. Anyone may.
    OpenAllocation = 36 "open_allocation" {
        /// Written to.
        vault: writable,
        /// Read only.
        market: readonly,
    } (
        /// 0 to 7.
        slot: u8,
    )
    /// Brings an exact amount for shares. As remaining accounts: the market of each open allocation.
    VaultDeposit = 37 "vault_deposit" {
        /// Signs.
        payer: signer,
        /// Written to.
        vault: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
        /// Must be SPL Token, also if that is the token's program. Read only.
        share_program: readonly,
    } (
        /// Atoms.
        amount: u64,
        /// Fewest shares to accept.
        min_shares: u64,
    )
    /// Makes exactly so many shares for what they cost. As remaining accounts: the market of each open allocation.
    VaultMint = 38 "vault_mint" {
        /// Signs.
        payer: signer,
        /// Written to.
        vault: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
        /// Must be SPL Token, also if that is the token's program. Read only.
        share_program: readonly,
    } (
        /// How many.
        shares: u64,
        /// Most atoms to pay.
        max_amount: u64,
    )
    /// Gives exactly so many shares back for what they are worth. As remaining accounts: the market of each open
    /// allocation, then for each that pays its reserve's liquidity vault and its vault authority.
    VaultRedeem = 39 "vault_redeem" {
        /// Signs.
        owner: signer,
        /// Written to.
        vault: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
        /// Must be SPL Token, also if that is the token's program. Read only.
        share_program: readonly,
    } (
        /// How many.
        shares: u64,
        /// Fewest atoms to accept.
        min_amount: u64,
        /// A bit for each slot that may pay.
        from: u8,
    )
    /// Takes an exact amount for as many shares as that costs. Remaining accounts as of [`VaultRedeem`].
    VaultWithdraw = 40 "vault_withdraw" {
        /// Signs.
        owner: signer,
        /// Written to.
        vault: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
        /// Must be SPL Token, also if that is the token's program. Read only.
        share_program: readonly,
    } (
        /// Atoms.
        amount: u64,
        /// Most shares to give.
        max_shares: u64,
        /// A bit for each slot that may pay.
        from: u8,
    )
    /// Makes the one move that the vault's state calls for. Anyone may. As remaining accounts: the market of each open
    /// allocation; the liquidity vault and the vault authority of the one that pays; the liquidity vault of the one
    /// that is paid.
    RebalanceVault = 41 "rebalance_vault" {
        /// Written to.
        vault: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
        /// Gets the reward; the token program checks it. Written to.
        reward: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be SPL Token, also if that is the token's program. Read only.
        share_program: readonly,
    } (
        /// The slot that pays; 255: what is idle.
        from: u8,
    )
    /// Creates a vault, its token account and the mint of its shares. Anyone may; the signer becomes its curator, part
    /// of its address, and brings 1,000 atoms whose shares are nobody's.
    CreateVault = 42 "create_vault" {
        /// Signs and is written to.
        creator: signer writable,
        /// Written to.
        vault: writable,
        /// Signs for the vault's tokens and shares, never holds data. Read only.
        authority: readonly,
        /// Created here, at this address only. Written to.
        tokens: writable,
        /// Created here, at this address only. Written to.
        share_mint: writable,
        /// The token program checks it. Written to.
        source: writable,
        /// Owner, layout and extensions are checked. Read only.
        mint: readonly,
        /// The mint's owner, one of the two token programs. Read only.
        token_program: readonly,
        /// Must be SPL Token, also if that is the mint's owner. Read only.
        share_program: readonly,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Which of the creator's vaults this is.
        id: u16,
        /// The vault's policy.
        config: VaultConfig,
    )
    /// Puts shares into the vault's queue. As remaining accounts: the market of each open allocation.
    RequestExit = 43 "request_exit" {
        /// Signs.
        owner: signer,
        /// May be the owner: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Written to.
        vault: writable,
        /// Written to.
        request: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be SPL Token. Read only.
        share_program: readonly,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// How many.
        shares: u64,
        /// Fewest atoms to accept for them; of a part of them that part.
        min_amount: u64,
    )
    /// Pays the queue's first request, or its part of a round, into its claim. Anyone may. Remaining accounts as of
    /// [`VaultRedeem`].
    ServeExit = 44 "serve_exit" {
        /// Written to.
        vault: writable,
        /// Written to.
        request: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
    } (
        /// A bit for each slot that may pay.
        from: u8,
    )
    /// Takes the shares of a request that are not paid back, by its owner.
    CancelExit = 45 "cancel_exit" {
        /// Signs.
        owner: signer,
        /// Written to.
        vault: writable,
        /// Written to.
        request: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be SPL Token. Read only.
        share_program: readonly,
        /// Receives the rent, of the owner's choice, if nothing is left to claim; may be the owner. Written to.
        recipient: writable,
    } ()
    /// Takes what a request was paid, by its owner.
    ClaimExit = 46 "claim_exit" {
        /// Signs.
        owner: signer,
        /// Written to.
        vault: writable,
        /// Written to.
        request: writable,
        /// The token program checks it. Written to.
        destination: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
        /// Receives the rent, of the owner's choice, if no shares are left; may be the owner. Written to.
        recipient: writable,
    } ()
    /// Locks shares until a maturity of the vault's ladder. As remaining accounts: the market of each open allocation.
    LockTerm = 47 "lock_term" {
        /// Signs.
        owner: signer,
        /// May be the owner: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Written to.
        vault: writable,
        /// Written to.
        term: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be SPL Token. Read only.
        share_program: readonly,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Which of the owner's term deposits in the vault this is.
        id: u16,
        /// How many.
        shares: u64,
        /// Unix seconds, one of the next eight multiples of the policy's spacing.
        maturity: i64,
    )
    /// Takes a term deposit that is over off the ladder; its shares wait for their owner. Anyone may. As remaining
    /// accounts: the market of each open allocation.
    FreeTerm = 48 "free_term" {
        /// Written to.
        vault: writable,
        /// Written to.
        term: writable,
    } ()
    /// Takes the shares of a term deposit, by its owner, and closes it. As remaining accounts, unless it was freed
    /// before: the market of each open allocation.
    EndTerm = 49 "end_term" {
        /// Signs.
        owner: signer,
        /// Written to.
        vault: writable,
        /// Written to.
        term: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be SPL Token. Read only.
        share_program: readonly,
        /// Receives the rent, of the owner's choice; may be the owner. Written to.
        recipient: writable,
    } (
        /// Whether it may end before its maturity, at the policy's penalty.
        early: bool,
    )
    /// Makes the shares that fees came to, by the vault's fee collector.
    CollectVaultFees = 51 "collect_vault_fees" {
        /// Signs.
        fee_collector: signer,
        /// Written to.
        vault: writable,
        /// The token program checks it. Written to.
        share_account: writable,
        /// Must be the vault's. Written to.
        share_mint: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be SPL Token. Read only.
        share_program: readonly,
    } ()
    /// Brings a vault up to date, and returns its figures to the caller. Anyone may. As remaining accounts: the market
    /// of each open allocation.
    ReadVault = 57 "read_vault" {
        /// Written to.
        vault: writable,
    } ()
    /// Lists the pool or the perp of a queued change that is due. Anyone may.
    ListPerp = 60 "list_perp" {
        /// May be the recipient: a signer holds no data that an alias could corrupt. Signs and is written to.
        payer: signer writable,
        /// Written to.
        market: writable,
        /// Written to.
        change: writable,
        /// Gets the change's rent; must be who paid it, and may be the payer. Written to.
        recipient: writable,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } ()
    /// Opens, grows, shrinks, closes or turns a position in a perp, by the owner or a delegate with that right.
    TradePerp = 61 "trade_perp" {
        /// Or a delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the perp.
        perp: u8,
        /// Whole lots to buy; less than zero: to sell.
        lots: i64,
        /// The worst price of a lot, its impact included, atoms of the quote token with 32 fractional bits; zero: any.
        limit: u64,
        /// The least part of a gain that is to be paid, 32 fractional bits; zero: any, [`u32::MAX`]: all.
        min_factor: u32,
        /// Whether the position may only shrink.
        reduce_only: bool,
    )
    /// Pays what a position has lost out of the account's deposit of the quote token, or what a closed one is owed.
    /// Anyone may.
    SettlePerp = 62 "settle_perp" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Writes off what a closed position owes, once the account has nothing more to pay it with. The perp's insurance
    /// bears it, then its fund, then the pool. Anyone may.
    WriteOffPerp = 63 "write_off_perp" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Closes of an unhealthy account's position what brings it to the target health. The reward goes to the
    /// liquidator's margin account.
    LiquidatePerp = 64 "liquidate_perp" {
        /// Owner of the account that is paid, or that pays. Signs.
        liquidator: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// Gets the reward, or pays and gets the collateral. Written to.
        liquidator_account: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Pays what an account has lost beyond its deposit of the quote token, out of the liquidator's, for collateral and
    /// its penalty.
    CoverPerpLoss = 65 "cover_perp_loss" {
        /// Owner of the account that is paid, or that pays. Signs.
        liquidator: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// Gets the reward, or pays and gets the collateral. Written to.
        liquidator_account: writable,
    } (
        /// Index of the perp.
        perp: u8,
        /// Index of the reserve whose deposit is taken.
        collateral: u8,
        /// Most atoms of the quote token to pay.
        max_amount: u64,
    )
    /// Closes the same part of all positions of the side that the pool cannot bear. Anyone may, once its cover is below
    /// the limit.
    DeleveragePerp = 66 "deleverage_perp" {
        /// Written to.
        market: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Winds a perp down at its last price, by the market's authority, once a change of `wind_down` has waited.
    ResolvePerp = 67 "resolve_perp" {
        /// Signs.
        authority: signer,
        /// Written to.
        market: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Moves a part of the account's deposit of the quote token into a pool, by the owner or a delegate who may trade.
    PoolDeposit = 68 "pool_deposit" {
        /// Or a delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the pool.
        pool: u8,
        /// Atoms.
        amount: u64,
    )
    /// Asks for shares of a pool. The delay starts, also for those asked for before.
    PoolRequest = 69 "pool_request" {
        /// Or a delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the pool.
        pool: u8,
        /// How many in all. The number replaces the one asked for before.
        shares: u64,
    )
    /// Pays out the shares asked for, within two days after the delay, into the account's deposit: as many as leave the
    /// pool what its positions need.
    PoolWithdraw = 70 "pool_withdraw" {
        /// Or a delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the pool.
        pool: u8,
    )
    /// Rests an order, which the first price fills that is published once the perp's lag is over: it pays for no
    /// foresight, and is no instant flow. It is firm: until it is filled or cleared, nothing that backs it may be
    /// taken. By the owner or a delegate who may trade.
    RestPerpOrder = 71 "rest_perp_order" {
        /// Or a delegate. Signs.
        owner: signer,
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
    } (
        /// Index of the perp.
        perp: u8,
        /// Whole lots to buy; less than zero: to sell.
        lots: i64,
        /// The worst price of a lot, as of a trade; zero: any.
        limit: u64,
        /// The least part of a gain that is to be paid, 32 fractional bits.
        min_factor: u32,
        /// Whether the position may only shrink.
        reduce_only: bool,
        /// What who fills it gets, lamports. The margin account must hold them beside its rent.
        tip: u32,
    )
    /// Fills an order. Anyone may, who gets its tip. As remaining accounts: the price account that fills it, of the
    /// underlying's feed; of an underlying with two feeds both. Any account of an allowed receiver will do.
    FillPerpOrder = 72 "fill_perp_order" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// Gets the order's tip. Of a cancelled order it must be the margin account's owner. Written to.
        recipient: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Clears an order that can no longer be filled; its tip goes back to the margin account's owner. Anyone may.
    CancelPerpOrder = 73 "cancel_perp_order" {
        /// Written to.
        market: writable,
        /// Written to.
        margin_account: writable,
        /// Gets the order's tip. Of a cancelled order it must be the margin account's owner. Written to.
        recipient: writable,
    } (
        /// Index of the perp.
        perp: u8,
    )
    /// Returns the figures of a pool to the caller: values, buffer, cover, and delta and gamma of each of its perps.
    ReadPool = 74 "read_pool" {
        /// Read only.
        market: readonly,
    } (
        /// Index of the pool.
        pool: u8,
    )
    /// Moves what is idle in a vault into the pool of a slot, by its curator. As remaining accounts: the market of each
    /// open allocation, then the liquidity vault of the pool's quote reserve and the vault authority of its market.
    VaultPoolDeposit = 75 "vault_pool_deposit" {
        /// Signs.
        signer: signer,
        /// Written to.
        vault: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
    } (
        /// 0 to 7.
        slot: u8,
        /// Atoms.
        amount: u64,
    )
    /// Asks for a vault's shares of a slot's pool: by the curator or the sentinel; while liquidity is short anyone may
    /// ask for what is short. The pool's delay starts, also for those asked for before. As remaining accounts: the
    /// market of each open allocation.
    VaultPoolRequest = 76 "vault_pool_request" {
        /// Signs.
        signer: signer,
        /// Written to.
        vault: writable,
    } (
        /// 0 to 7.
        slot: u8,
        /// How many in all, in place of those asked for before. By others: at least what is short; more change nothing.
        shares: u64,
    )
    /// Brings back what a vault asked for of a slot's pool, within two days after the delay: by the curator or the
    /// sentinel, while liquidity is short by anyone. Remaining accounts as of [`VaultPoolDeposit`].
    VaultPoolWithdraw = 77 "vault_pool_withdraw" {
        /// Signs.
        signer: signer,
        /// Written to.
        vault: writable,
        /// Must be the vault's. Written to.
        tokens: writable,
        /// Must be the vault's. Read only.
        authority: readonly,
        /// Must be the vault's. Read only.
        mint: readonly,
        /// Must be the vault's. Read only.
        token_program: readonly,
    } (
        /// 0 to 7.
        slot: u8,
    )
}
