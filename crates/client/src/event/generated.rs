// Written by scripts/build from idl/ballast.json.

use super::*;

records! {
    /// A debt without collateral was written off.
    BadDebtSettled {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Shares of the debt.
        shares: u64,
        /// Atoms that the insurance bore.
        insurance: u64,
        /// Atoms that unclaimed fees bore.
        fees: u64,
        /// Atoms that fees not set aside and the depositors bore.
        rest: u64,
        /// Index of the reserve.
        reserve: u8,
        /// Whether the depositors bore some of it.
        is_socialised: bool,
        /// Whether the loss made the market reduce-only.
        market_reduce_only: bool,
    } padding 5
    /// Tokens or shares of a margin account, or of a stake in a reserve's insurance.
    Movement {
        /// Number of the event in its market.
        number: u64,
        /// The margin account or stake, of this market for good.
        account: Address,
        /// Atoms moved.
        amount: u64,
        /// Shares bought, given up or asked for.
        shares: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// What became of a change.
    ChangeEvent {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Number of the change in its market.
        change: u64,
        /// From when it can be executed, unix seconds.
        earliest: i64,
        /// Until when, unix seconds.
        latest: i64,
        /// Index of the reserve; 254: a listing; 255: the market; 253: a vault, in the market's place.
        target: u8,
    } padding 7
    /// The owner of an account named a delegate, or removed the one there was.
    DelegateSet {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Who may act for the owner; all zero: nobody.
        delegate: Address,
        /// When the rights end, unix seconds.
        until: i64,
        /// Bits of [`ballast_engine::state::account::rights`]: withdraw (1), borrow (2), any destination (4).
        rights: u8,
    } padding 7
    /// A request was taken back.
    ExitCancelled {
        /// Number of the event in its vault.
        number: u64,
        /// The vault.
        vault: Address,
        /// The owner's account of shares, request or term deposit.
        account: Address,
        /// Atoms.
        amount: u64,
        /// Shares.
        shares: u64,
        /// Atoms that stayed as an exit fee, or shares as a penalty.
        fee: u64,
    } padding 0
    /// Protocol fees were paid out.
    FeesCollected {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Atoms paid out.
        amount: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// A flash loan was paid back.
    FlashLoanRepaid {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Atoms lent.
        amount: u64,
        /// Atoms paid on top.
        fee: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// An account was recorded as liquidatable, or as no longer liquidatable.
    LiquidatableMarked {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Since when it is known to be liquidatable, unix seconds; zero: it is not.
        since: i64,
    } padding 0
    /// A debt was repaid for collateral.
    Liquidated {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Who paid and was paid.
        liquidator: Address,
        /// Atoms of the debt repaid.
        repaid: u64,
        /// Atoms of the debt's token paid on top, to its reserve's insurance.
        insurance: u64,
        /// Debt shares burned.
        debt_shares: u64,
        /// Atoms of the collateral's token paid out.
        seized: u64,
        /// Deposit shares burned.
        collateral_shares: u64,
        /// Penalty on top of the repaid value, basis points.
        penalty: u16,
        /// Index of the reserve of the debt.
        debt_reserve: u8,
        /// Index of the reserve of the collateral.
        collateral_reserve: u8,
        /// Whether the repayment follows later in the same transaction.
        in_receivership: bool,
    } padding 3
    /// The loss of an account was reported: more of it, or less.
    LossReported {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// The part of each of its debts that was reported before, 32 fractional bits; [`u32::MAX`]: all.
        before: u32,
        /// The part that is now.
        after: u32,
    } padding 0
    /// A parameter was set.
    ParameterSet {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Its bytes before, zeros behind them.
        old: [u8; 32],
        /// Its bytes now.
        new: [u8; 32],
        /// Which parameter: bytes from the start of the record; 65,535: the market's authority.
        offset: u16,
        /// Index of the reserve; 255: the market; 253: a vault, in the market's place.
        target: u8,
    } padding 5
    /// The same part of all positions of a side was closed.
    PerpDeleveraged {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// The part, 32 fractional bits.
        part: u64,
        /// Price of a lot, atoms with 32 fractional bits.
        price: u64,
        /// Index of the perp.
        perp: u8,
        /// 1 if it was the shorts' side.
        is_short: u8,
    } padding 6
    /// A position was closed by a liquidator.
    PerpLiquidated {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Who else was paid or paid: the margin account of a liquidator, or of who covered a loss; else zero.
        other: Address,
        /// Lots that were closed, before the side's multiplier.
        closed: u64,
        /// Lots that were opened, likewise.
        opened: u64,
        /// Price of a lot, atoms with 32 fractional bits.
        price: u64,
        /// What the closed lots gained, atoms; less than zero: lost.
        realised: i64,
        /// Gain that the pool paid, atoms.
        gain: u64,
        /// Rebate for lessening the skew, atoms.
        rebate: u64,
        /// Impact on the skew, atoms.
        impact: u64,
        /// Fee, and penalty but for the liquidator's part, atoms.
        fee: u64,
        /// The liquidator's part, or what who covered a loss was paid in collateral, atoms.
        reward: u64,
        /// What the account's deposit grew by, atoms.
        paid_out: u64,
        /// What it fell by, atoms.
        paid_in: u64,
        /// What it could not pay and still owes, atoms; of a write-off what was forgiven.
        short: u64,
        /// Index of the perp.
        perp: u8,
        /// 1 if what was opened, or closed, is short.
        is_short: u8,
    } padding 6
    /// A pool or a perp was listed.
    PerpListed {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Number of the change in its market.
        change: u64,
        /// Its index.
        index: u8,
        /// 1 if it is a pool.
        is_pool: u8,
    } padding 6
    /// An order that nobody filled was cleared.
    PerpOrderCancelled {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// What its owner got back, lamports.
        tip: u64,
        /// Index of the perp.
        perp: u8,
    } padding 7
    /// An order rests.
    PerpOrderRested {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Whole lots to buy; less than zero: to sell.
        lots: i64,
        /// The worst price of a lot, atoms with 32 fractional bits; zero: any.
        limit: u64,
        /// The first price published then or later fills it, unix seconds.
        fills_from: u64,
        /// What who fills it gets, lamports.
        tip: u64,
        /// Index of the perp.
        perp: u8,
        /// 1 if the position may only shrink.
        reduce_only: u8,
    } padding 6
    /// A perp is wound down at a final price.
    PerpResolved {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Price of a lot, atoms with 32 fractional bits.
        price: u64,
        /// Index of the perp.
        perp: u8,
    } padding 7
    /// A deposit was moved into a pool.
    PoolDeposited {
        /// Number of the event in its market.
        number: u64,
        /// The margin account, of this market for good.
        account: Address,
        /// Atoms.
        amount: u64,
        /// Shares of the pool.
        shares: u64,
        /// Index of the pool.
        pool: u8,
    } padding 7
    /// A reserve's price breaker tripped, rose or lifted.
    PriceBreaker {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Until when, unix seconds.
        until: i64,
        /// Index of the reserve.
        reserve: u8,
        /// The tier, 1 to 3; 0: the halt was lifted.
        tier: u8,
    } padding 6
    /// A price could not be taken over. The reserve's price stays what it was.
    PricePassedOver {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Why: the code of an error.
        error: u32,
        /// Index of the reserve.
        reserve: u8,
    } padding 3
    /// A vault's tokens were moved.
    Rebalanced {
        /// Number of the event in its vault.
        number: u64,
        /// The vault.
        vault: Address,
        /// Atoms.
        amount: u64,
        /// What it gains in a year by the rates after it, atoms.
        gain: u64,
        /// Shares for whoever called.
        reward: u64,
        /// Slot that they came from; 255: what was idle.
        from: u8,
        /// Slot that they went to; 255: what is idle.
        to: u8,
    } padding 6
    /// A reserve was listed.
    ReserveListed {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// The token.
        mint: Address,
        /// Number of the change in its market.
        change: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// Actions were paused, or a restriction was lifted.
    Restricted {
        /// Number of the event in its market.
        number: u64,
        /// The market.
        market: Address,
        /// Until when actions are paused, unix seconds; zero: none are.
        until: i64,
        /// The paused actions.
        actions: u8,
        /// Whether the market is reduce-only.
        reduce_only: bool,
    } padding 6
}

events! {
    /// A debt without collateral was written off.
    BadDebtSettled(BadDebtSettled) of account = [127, 252, 205, 117, 115, 129, 202, 6];
    /// Tokens were borrowed.
    Borrowed(Movement) of account = [225, 182, 241, 78, 34, 145, 253, 230];
    /// A change was cancelled.
    ChangeCancelled(ChangeEvent) of market = [139, 179, 97, 81, 214, 21, 119, 93];
    /// The edits of a change were made. A `ParameterSet` for each edit was logged before.
    ChangeExecuted(ChangeEvent) of market = [50, 115, 8, 12, 139, 8, 191, 26];
    /// A change was queued.
    ChangeQueued(ChangeEvent) of market = [232, 143, 80, 230, 125, 117, 169, 213];
    /// The owner of an account named a delegate, or removed the one there was.
    DelegateSet(DelegateSet) of account = [103, 126, 239, 131, 201, 31, 212, 253];
    /// Tokens were lent to a reserve.
    Deposited(Movement) of account = [111, 141, 26, 45, 161, 35, 100, 57];
    /// A request was taken back.
    ExitCancelled(ExitCancelled) of vault = [88, 212, 4, 149, 172, 64, 137, 232];
    /// A claim was paid out.
    ExitClaimed(ExitCancelled) of vault = [251, 154, 235, 216, 216, 190, 30, 25];
    /// Shares were put into the queue.
    ExitRequested(ExitCancelled) of vault = [92, 125, 6, 23, 233, 196, 149, 70];
    /// A request was paid into its claim; nothing, if its price was below the owner's limit and it left the queue.
    ExitServed(ExitCancelled) of vault = [43, 65, 140, 44, 83, 56, 165, 210];
    /// Protocol fees were paid out.
    FeesCollected(FeesCollected) of market = [233, 23, 117, 225, 107, 178, 254, 8];
    /// A flash loan was paid back.
    FlashLoanRepaid(FlashLoanRepaid) of market = [9, 204, 105, 115, 70, 7, 25, 198];
    /// An account was recorded as liquidatable, or as no longer liquidatable.
    LiquidatableMarked(LiquidatableMarked) of account = [136, 26, 157, 205, 66, 149, 57, 172];
    /// A debt was repaid for collateral.
    Liquidated(Liquidated) of account = [231, 57, 55, 75, 0, 170, 246, 68];
    /// The repayment of a liquidation was paid. Its shares are in the event of the liquidation.
    LiquidationEnded(Movement) of account = [141, 83, 115, 218, 148, 201, 238, 217];
    /// The loss of an account was reported: more of it, or less.
    LossReported(LossReported) of account = [171, 113, 81, 216, 21, 218, 20, 91];
    /// A parameter was set.
    ParameterSet(ParameterSet) of market = [254, 176, 130, 184, 81, 83, 106, 94];
    /// The same part of all positions of a side was closed.
    PerpDeleveraged(PerpDeleveraged) of market = [188, 53, 121, 43, 192, 51, 104, 22];
    /// A position was closed by a liquidator.
    PerpLiquidated(PerpLiquidated) of account = [43, 176, 173, 48, 71, 104, 197, 194];
    /// A pool or a perp was listed.
    PerpListed(PerpListed) of market = [179, 152, 86, 177, 5, 72, 219, 84];
    /// A loss was paid by another account, for collateral.
    PerpLossCovered(PerpLiquidated) of account = [170, 211, 57, 43, 59, 182, 51, 211];
    /// An order that nobody filled was cleared.
    PerpOrderCancelled(PerpOrderCancelled) of account = [253, 231, 80, 9, 188, 2, 63, 107];
    /// The same by an order that rested.
    PerpOrderFilled(PerpLiquidated) of account = [211, 196, 75, 107, 250, 88, 49, 221];
    /// An order rests.
    PerpOrderRested(PerpOrderRested) of account = [42, 120, 225, 169, 73, 131, 77, 220];
    /// A perp is wound down at a final price.
    PerpResolved(PerpResolved) of market = [250, 101, 60, 75, 37, 46, 122, 156];
    /// A loss was paid out of the account's deposit, or what was owed to it was paid out.
    PerpSettled(PerpLiquidated) of account = [181, 13, 17, 229, 147, 4, 206, 249];
    /// A position was opened, changed or closed by its owner or delegate.
    PerpTraded(PerpLiquidated) of account = [165, 142, 222, 86, 51, 237, 152, 73];
    /// What a closed position owed was written off. `reward` is what the perp's insurance bore, `impact` what its fund
    /// did.
    PerpWrittenOff(PerpLiquidated) of account = [190, 135, 76, 96, 146, 247, 32, 182];
    /// A deposit was moved into a pool.
    PoolDeposited(PoolDeposited) of account = [148, 17, 86, 50, 113, 125, 70, 132];
    /// Shares of a pool were asked for.
    PoolExitRequested(PoolDeposited) of account = [176, 237, 73, 188, 89, 17, 176, 208];
    /// Shares of a pool were paid out into a deposit.
    PoolWithdrawn(PoolDeposited) of account = [23, 62, 221, 23, 53, 222, 69, 207];
    /// A reserve's price breaker tripped, rose or lifted.
    PriceBreaker(PriceBreaker) of market = [214, 13, 52, 241, 55, 29, 162, 224];
    /// A price could not be taken over. The reserve's price stays what it was.
    PricePassedOver(PricePassedOver) of market = [135, 232, 98, 7, 109, 188, 88, 44];
    /// A vault's tokens were moved.
    Rebalanced(Rebalanced) of vault = [74, 101, 57, 244, 181, 179, 52, 182];
    /// A debt was paid back.
    Repaid(Movement) of account = [38, 248, 231, 7, 150, 164, 172, 23];
    /// A reserve was closed, and what was left of its tokens paid out.
    ReserveClosed(FeesCollected) of market = [163, 73, 88, 57, 0, 150, 89, 217];
    /// A reserve was listed.
    ReserveListed(ReserveListed) of market = [172, 185, 133, 208, 17, 119, 81, 32];
    /// Actions were paused, or a restriction was lifted.
    Restricted(Restricted) of market = [208, 232, 128, 247, 165, 131, 15, 127];
    /// Tokens were put into a reserve's insurance; the account is the stake.
    Staked(Movement) of account = [11, 146, 45, 205, 230, 58, 213, 240];
    /// Shares of a term went back to their owner.
    TermEnded(ExitCancelled) of vault = [32, 223, 131, 243, 129, 7, 63, 108];
    /// Shares of a term that is over became free.
    TermFreed(ExitCancelled) of vault = [124, 102, 114, 249, 127, 16, 201, 66];
    /// Shares were locked.
    TermLocked(ExitCancelled) of vault = [122, 242, 69, 107, 18, 240, 151, 112];
    /// Shares of a stake were asked for; the account is the stake.
    UnstakeBegun(Movement) of account = [61, 58, 78, 73, 196, 214, 68, 40];
    /// Tokens were taken out of a reserve's insurance; the account is the stake.
    Unstaked(Movement) of account = [27, 179, 156, 215, 47, 71, 195, 7];
    /// Tokens came into a vault.
    VaultDeposited(ExitCancelled) of vault = [59, 62, 43, 200, 220, 104, 100, 67];
    /// Shares were made for the fee collector.
    VaultFeesCollected(ExitCancelled) of vault = [182, 90, 179, 93, 91, 209, 212, 23];
    /// Idle tokens became shares of a pool. The account is the pool's market, here and in the next two.
    VaultPoolDeposited(ExitCancelled) of vault = [163, 143, 81, 221, 216, 35, 235, 89];
    /// Shares of a pool were asked for.
    VaultPoolExitRequested(ExitCancelled) of vault = [73, 82, 72, 235, 242, 86, 48, 47];
    /// Shares of a pool became idle tokens.
    VaultPoolWithdrawn(ExitCancelled) of vault = [228, 151, 197, 136, 232, 89, 177, 115];
    /// Tokens left a vault.
    VaultRedeemed(ExitCancelled) of vault = [46, 162, 148, 178, 29, 153, 83, 30];
    /// Lent tokens were taken back.
    Withdrawn(Movement) of account = [20, 89, 223, 198, 194, 124, 219, 13];
}
