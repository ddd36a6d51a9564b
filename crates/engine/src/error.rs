//! Every reason for which an operation is refused, each with what to do about it.

/// Calls a macro with the list of errors, so that the program's error enum is this one and not a copy.
#[macro_export]
macro_rules! for_each_error {
    ($callback:path) => {
        $callback! {
            // Arguments.
            AmountIsZero = "The amount is zero: give at least one atom";
            AmountTooSmall = "The amount is worth less than one share: give more atoms";
            AmountTooLarge = "The amount exceeds what the reserve can account for (2^63 atoms): give fewer atoms";
            ReserveIndexOutOfRange = "No reserve has this index: read the market's reserve list";
            TooManyReserves = "The market holds 64 reserves already: create another market";
            DuplicateReserve = "The market already lists this mint: update the existing reserve";
            NothingToChange = "The list of edits is empty";
            ParameterUnknown = "No parameter has this offset, or its value is cut short: see the table of parameters";
            // Accounts.
            NotMarketAuthority = "Signer is not the market's authority";
            NotNominee = "Signer is not the market's nominee for authority";
            NotAuthorityOrCouncil = "Signer is neither the market's authority nor its risk council";
            NotAuthorityOrGuardian = "Signer is neither the market's authority nor its guardian: others can cancel a change once it has expired";
            GuardianCannotKeepOffice = "The guardian cannot cancel a change that does nothing but replace the guardian";
            NotFeeCollector = "Signer is not the market's fee collector";
            NotAccountOwner = "Signer is neither the margin account's owner nor its delegate, or is the delegate where only the owner may act";
            DelegateExpired = "The delegate's rights have expired: the owner may grant them again";
            DelegateRightMissing = "The owner has not granted the delegate this right";
            DestinationNotOwners = "The delegate may pay out only to token accounts of the margin account's owner";
            DelegateRightsOutOfRange = "A delegate's rights are withdraw (1), borrow (2), any destination (4) and trade (8), with at least one use among them; to remove a delegate, set address, rights and expiry to zero";
            DelegateExpiryInPast = "A delegate's rights must end in the future";
            SequenceMismatch = "The margin account's sequence number is not the expected one: this transaction was applied already, or an earlier one was not";
            WrongMarket = "The margin account belongs to another market: pass the market stored in it";
            WrongVault = "Not the reserve's liquidity vault: pass the address stored in the reserve";
            WrongVaultAuthority = "Not the market's vault authority: derive it from [\"authority\", market]";
            WrongMint = "Not the reserve's mint: pass the mint stored in the reserve";
            WrongTokenProgram = "Not the token program of the reserve's mint: pass the one stored in the reserve";
            MintNotOwnedByTokenProgram = "The mint does not belong to SPL Token or Token-2022";
            MintExtensionNotAllowed = "The account is no mint, or the mint has a Token-2022 extension that is refused: see the table in SECURITY.md";
            MintDecimalsAboveCeiling = "The mint has more than 18 decimals";
            TransferFeeTooHigh = "The token's transfer fee takes the whole amount, or no amount that can be sent leaves what is due after the fee: send more, or wait until the mint's authority lowers the fee";
            TransferFellShort = "Fewer tokens arrived in the reserve than the transfer should have brought";
            // Positions.
            PositionNotFound = "The account has no position in this reserve";
            PositionNotOpen = "The account has no position in this reserve: only its owner or delegate may open one, and others can add to it";
            TooManyPositions = "The account holds 16 positions already: close one first";
            PositionIsDebt = "The account owes this token: repay it before depositing";
            PositionIsDeposit = "The account has deposited this token: withdraw it before borrowing";
            InsufficientDeposit = "The account has deposited less than this: use u64::MAX to withdraw everything";
            DepositBelowMinimum = "The deposit would be below the reserve's minimum: deposit more, or withdraw everything (u64::MAX)";
            DebtBelowMinimum = "The debt would be below the market's minimum, or the collateral left would not cover a debt of the minimum: borrow more, repay all of it, or withdraw less";
            IsolatedAccount = "An isolated account takes only the collateral and the debt it was opened for";
            AccountModeInvalid = "An account's mode must be 0 (cross, both reserves zero), 1 (isolated, two different reserves) or 2 (one perp, and its quote token's reserve as collateral)";
            IsolationNotOffered = "An isolated account needs a collateral with isolated asset weights, and a debt reserve that can be borrowed and has isolated weights";
            AccountNotEmpty = "The account still has positions: withdraw and repay everything before closing it";
            // Reserves.
            InsufficientLiquidity = "The reserve holds too few unlent tokens: take less or wait for repayments";
            DepositCapExceeded = "The reserve's deposit cap would be exceeded: deposit less";
            BorrowCapExceeded = "The reserve's borrow cap would be exceeded: borrow less";
            BorrowingDisabled = "This reserve cannot be borrowed from";
            ReserveWipedOut = "A loss consumed this reserve's deposits: it is closed for good";
            NoFees = "There is no whole atom of fees to collect";
            InsufficientStake = "The stake has fewer shares than this, or begin_unstake has not asked for any";
            StakeNotFree = "The cooldown is not over, or the two days after it have passed: wait, or ask again with begin_unstake";
            StakeNotEmpty = "The stake still has shares: take them out before closing it";
            // Changes.
            AddsRisk = "The change adds risk: queue it (queue_change), and execute it after the delay";
            CouncilStepTooLarge = "The risk council may change a weight or share by 500 bps and an amount by half of it at once, and may not switch limits on";
            CouncilQuotaSpent = "The risk council has changed these parameters three times within a day already";
            ChangeNotDue = "The change's delay is not over: wait";
            ChangeExpired = "The change has expired: queue it again";
            ChangeTooLong = "A change holds 416 bytes of edits at most: queue two";
            WrongChange = "The change belongs to another market, is of another kind, or its rent goes to another account";
            NewListingUncapped = "A collateral listed after the launch starts with a borrowing cap of 1 to 1,000,000 USD";
            ListingTooSoon = "After the launch only one reserve can be listed in each delay: wait";
            MarketLaunched = "A launched market cannot go back (launched is 0 or 1)";
            MarketNotLaunched = "The market has not been launched: no accounts yet";
            ReserveClosed = "The reserve is closed: its token can be listed anew";
            ReserveInUse = "Only a reduce-only reserve without deposits, debts, stakes and flash loan can be closed";
            TermOutOfRange = "A term for repayment needs seven days of notice";
            // States.
            AccountInReceivership = "The account is being liquidated until end_liquidation: nothing else may touch it";
            AccountNotInReceivership = "No begin_liquidation of this account is open";
            FlashLoanOpen = "The reserve has a flash loan out: end it first";
            NoFlashLoan = "The reserve has no flash loan out";
            FlashLoansDisabled = "The reserve gives no flash loans";
            NoMatchingEnd = "No later top-level instruction of the transaction ends this: add end_flash_loan of the same reserve, or end_liquidation of the same account";
            CalledByProgram = "This instruction must stand in the transaction itself, not be called by a program";
            ReserveReduceOnly = "The reserve is reduce-only: withdraw or repay";
            ReserveHalted = "The reserve's price moved too far and it is halted for a while: repay, deposit or wait";
            MarketReduceOnly = "The market is reduce-only after a loss: repay or withdraw";
            Paused = "The guardian has paused this action, for six hours at most";
            ActionNotPausable = "Only withdraw (1), borrow (2), flash loan (4) and unstake (8) can be paused: name at least one";
            TooManyPauses = "The guardian has paused three times within a day already";
            NotGuardian = "Signer is not the market's guardian";
            NothingToLift = "Nothing is paused, and the market is not reduce-only";
            HourlyOutflowLimitReached = "The reserve's hourly outflow limit is reached: take less or wait";
            UtilisationTooHigh = "The loan would lift utilisation above the reserve's limit: borrow less";
            LiquidationThrottled = "The hourly limit of liquidations is reached: wait; accounts near insolvency are exempt";
            // Prices.
            PriceOwnerNotAllowed = "The price account does not belong to one of the market's receiver programs";
            PriceAccountMalformed = "Not a Pyth price update account: wrong length or discriminator";
            PriceFeedMismatch = "The price account carries another feed than the reserve is configured for";
            PriceAccountNotPinned = "The reserve accepts its price from one pinned account only, and this is another";
            PriceAccountClosed = "The price account holds nothing: the feed is not published there any more";
            PriceNotFullyVerified = "The price update is only partially verified: post a fully verified one";
            PriceNotPositive = "The price or its EMA is zero or negative";
            PriceExponentOutOfRange = "The price exponent is outside -18 to 0";
            PriceOutOfRange = "The price is outside 1e-12 to 1e9 USD";
            PriceInFuture = "The price was published after the chain's clock by more than the market allows";
            PriceConfidenceTooWide = "The price's confidence interval exceeds the reserve's limit: wait for a tighter price";
            NewFeedFarFromOld = "The reserve's feed was changed, and its first price is far from the last price of the old feed: it is accepted once it is near, or after twice the market's delay";
            PriceAccountMissing = "Give one price account for each reserve index";
            PriceStale = "A price needed here, or that of a deposit worth more than dust, is too old: refresh the prices of all positions first, or withdraw a token that no longer has a price";
            PricesSkewed = "A price needed here and the newest price of the account were published further apart than its reserve's max_skew: refresh the account's prices together";
            PriceUnsettled = "The price is too uncertain or too far from its EMA for new risk: wait, repay or deposit";
            // Health.
            InitialHealthTooLow = "The account's collateral does not cover its debts at initial weights: borrow or withdraw less";
            AccountIsHealthy = "The account is not liquidatable: its maintenance health is not negative";
            LiquidationLeavesDust = "The liquidation would leave a position worth less than the dust value: repay more";
            CollateralBelowMinimum = "The liquidation pays less collateral than the given minimum";
            LiquidationWorsensHealth = "The liquidation is too small to improve the account's health: repay more";
            RequirementOutOfRange = "The requirement must be 0 (initial), 1 (maintenance) or 2 (equity)";
            HealthBelowMinimum = "The account's ratio of collateral to debt is below the one asked for";
            BadDebtNotProven = "The account still has collateral: liquidate it before settling its debt";
            LossNotProven = "No loss of the account is proved: its deposits cover its debts, where prices that are old or of another moment are read in its favour";
            LossUnchanged = "The account's loss is reported already: prices prove no more of it, and current prices no less";
            LossPending = "A reported loss would take all that this is worth: wait until it is settled, or report that it is covered";
            // Parameters.
            AssetWeightOutOfRange = "An asset weight exceeds 10,000 bps";
            LiabilityWeightOutOfRange = "A liability weight is outside 10,000 to 50,000 bps";
            MaintenanceTighterThanInitial = "Maintenance weights must not be tighter than initial ones: asset initial <= maintenance, liability initial >= maintenance";
            GroupWeightsWithoutGroup = "Group weights must be zero while the group id is zero";
            GroupWeightsTighter = "Group weights must not be tighter than the cross weights";
            GroupInUse = "The risk group can change only while nothing is deposited in or borrowed from the reserve";
            IsolatedWeightsWithdrawn = "Isolated weights cannot be withdrawn once they are offered: set the asset weights to zero instead";
            HaircutOutOfRange = "A maximum haircut exceeds 10,000 bps";
            HaircutWithoutDepth = "A size haircut above zero needs a depth above zero, in whole USD";
            RampOutOfRange = "The ramp is outside 10 to 2,000 bps an hour";
            ClassOutOfRange = "The class must be 0 (USD), 1 (SOL), 2 (BTC), 3 (ETH) or 4 (other)";
            ControllerOutOfRange = "Controller: target 1 to 9,999 bps, speed 0 to 10,000 bps a day, lowest 1,000 to 10,000 bps, highest 10,000 to 60,000 bps";
            CorrelationOutOfRange = "A correlation is outside -10,000 to 10,000 bps, or one on the diagonal is not 10,000";
            CorrelationsNotSymmetric = "The correlation matrix is not symmetric";
            ValueAtRiskOutOfRange = "Value at risk: multiple 0 to 60,000 bps, horizon 60 to 2,592,000 s while the multiple is above zero";
            PenaltyOutOfRange = "Penalties: minimum <= maximum <= 2,500 bps, and (1 + maximum) x the maintenance asset weight, both the set one and the one in force, below 100 %";
            ReserveFactorOutOfRange = "The reserve factor exceeds 5,000 bps";
            CapOutOfRange = "A cap exceeds 2^63 atoms";
            MinimumDepositIsZero = "The minimum deposit must be at least one atom";
            OracleLimitOutOfRange = "Oracle limits: age 1 to 600 s, confidence initial <= maintenance <= 2,000 bps, EMA divergence 1 to 5,000 bps, confidence multiple 10,000 to 50,000 bps, reference speed 0 to 10,000 bps an hour, skew 0 to 600 s, age of an exchange rate 1 to 86,400 s or zero; of the market: clock lag 0 to 3,600 s";
            FeedMissing = "The reserve needs a price feed id; a pinned base account or a maximum age of the rate needs a base feed id";
            GroupPriceTooOld = "A reserve of a risk group may use a price for 60 s at most: its weights leave no room for an older one";
            ReserveHasNoUse = "The reserve is neither collateral nor borrowable: give it an asset weight, enable borrowing, or make it reduce-only";
            CurvePointCountOutOfRange = "The rate curve needs 2 to 8 points";
            CurveMustSpanAllUtilisation = "The rate curve must start at 0 and end at 10,000 bps utilisation";
            CurveMustRise = "The rate curve's utilisation must rise and its rates must not fall from point to point";
            CurveRateAboveCeiling = "A rate of the curve exceeds 100,000 bps a year";
            OutflowLimitOutOfRange = "Outflow limits must be zero, or at least 360,000 atoms an hour and 8,640,000 atoms a day, and at most 2^61 atoms";
            PriceTiersOutOfRange = "Price breaker: tiers must rise from the first, with a first halt of 60 to 14,400 s; or all zero";
            UtilisationLimitOutOfRange = "The utilisation limit exceeds 10,000 bps";
            CooldownOutOfRange = "The insurance's cooldown is outside 604,800 to 2,592,000 s";
            InsuranceShareOutOfRange = "The insurance's share of fees exceeds 10,000 bps, or that of penalties 8,000 bps";
            DelayOutOfRange = "The delay is outside 86,400 to 2,592,000 s";
            SwitchOutOfRange = "borrow_enabled, reduce_only and flash_enabled must be 0 or 1, and the flash fee at most 500 bps";
            NearInsolvencyOutOfRange = "What counts as near insolvency exceeds 2,000 bps";
            TargetHealthOutOfRange = "The target health must be 10,050 to 15,000 bps";
            ShortfallOutOfRange = "The shortfall at full penalty must be 100 to 5,000 bps";
            DustValueOutOfRange = "Dust value and minimum debt: 1 cent <= dust <= minimum debt <= 1,000 USD";
            ReceiverMissing = "The market needs at least one allowed price receiver program";
            RoleMissing = "Authority, fee collector and guardian must be set";
            // More restrictions.
            DailyOutflowLimitReached = "The reserve's daily outflow limit is reached: take less or wait";
            MarketHourlyOutflowLimitReached = "The market's hourly outflow limit is reached: take less or wait";
            MarketDailyOutflowLimitReached = "The market's daily outflow limit is reached: take less or wait";
            // Vaults.
            NotCurator = "Signer is not the vault's curator";
            NotCuratorOrSentinel = "Signer is neither the vault's curator nor its sentinel, and the change has not expired";
            VaultTokenHasFee = "The token has a transfer fee: a vault cannot pay out what it took in";
            VaultCapOutOfRange = "A vault's caps are 2^61 atoms, or 10,000 bps of its assets, at most";
            VaultPolicyOutOfRange = "A number of the vault's policy is outside its range: see the table of parameters";
            VaultFeeOutOfRange = "Fees: performance 5,000 bps of the gain and management 500 bps a year at most";
            VaultLaunched = "A vault that has been launched stays so (launched: 0 or 1)";
            VaultNotLaunched = "The vault has not been launched: no deposits yet";
            VaultNotAccrued = "Fees, term premium, spacing and unlocking change only up to the second: refresh the vault in the same transaction";
            VaultWorthless = "The vault has lost everything: its shares buy nothing";
            VaultCapExceeded = "The vault's deposit cap would be exceeded: deposit less";
            VaultIlliquid = "What is idle and the markets at hand cannot pay this now: name more markets, take less, or request an exit";
            BelowVaultMinimum = "Less than the vault's minimum: give more";
            FewerThanAsked = "The exchange brings fewer than the given minimum";
            DearerThanOffered = "The exchange costs more than the given maximum";
            InsufficientShares = "There are fewer shares than this";
            OthersWaitForThis = "Those in the queue come first, and there is not enough beyond what they wait for: take less, or request an exit";
            AllocationTwice = "Two of the vault's allocations name one market";
            AllocationInUse = "The allocation still holds shares of its market: only an empty one can be given another market";
            AllocationOpen = "The allocation is open already";
            WrongSlot = "A vault has allocations 0 to 7";
            TokenNotListed = "The market lists no reserve of the vault's token";
            MarketUnreadable = "A market of the vault cannot be read, or prices of its pool are too old, so nobody knows what a share is worth: refresh the prices, wait, or leave";
            QueueFull = "All places in the queue are taken: wait, or leave with what is liquid";
            RequestOpen = "The owner has a request in the queue: cancel it first";
            WrongRequest = "The request has no place in this vault's queue";
            NotFirstInQueue = "Another request is first: serve that";
            NothingToServe = "There is too little at hand for the first request: bring tokens back to the vault first";
            NothingToClaim = "There is nothing to take";
            TermsNotOffered = "The vault offers no terms";
            MaturityNotOffered = "A term ends at one of the next eight multiples of the vault's spacing";
            LadderFull = "All eight maturities are taken: free the deposits of the one that is over";
            NothingLocked = "The term deposit locks nothing";
            RebalanceTooSoon = "The vault was rebalanced less than its interval ago";
            NothingToRebalance = "No move helps: none is needed, and none gains enough";
            AnotherMove = "The vault's state calls for another move: read it again, and name the slots that pay and are paid";
            MarketMissing = "Give the market of each open allocation in the order of their slots, and two accounts for each that pays";
            WrongVaultOfAccount = "The account belongs to another vault: pass the vault stored in it";
            TermNotOver = "The term is not over: break it at a penalty, or wait";
            VaultDelayOutOfRange = "A vault's delay is 345,600 to 7,776,000 s, and at least 8 of its term spacings and what is left of any term";
            VaultSwitchOutOfRange = "stopped and written_off must be 0 or 1";
            AllocationWrittenOff = "The allocation stays written off while it holds shares of its market: rebalance to bring back what there is";
            // Perps.
            NotPerp = "No perp has this index: read the market's list";
            NotPool = "No pool has this index, or the vault's slot is none: read the list of the market, or of the vault";
            PerpCapOutOfRange = "Caps of a perp or a pool are 2^59 atoms at most; the least value of a position and the skew scale must be above zero";
            PerpMarginOutOfRange = "Margins: penalty < maintenance <= initial <= 10,000 bps, maintenance from 50 and initial from 100";
            PerpFeeOutOfRange = "Fees, impact, penalty, hold or age of a perp are outside their ranges, or the penalty is below the fee: see the table of parameters";
            PerpFundingOutOfRange = "Funding exceeds 60,000 bps a year, or moves by more than that in a day";
            PerpShockOutOfRange = "The shock: 100 to 9,000 bps, 10,000 to 60,000 bps of deviations, 60 to 604,800 s";
            PerpFixed = "Pool, price, power, lot and norm of a perp, and the token of a pool, are fixed at listing; a norm belongs to a square alone";
            PerpSwitchOutOfRange = "reduce_only and wind_down must be 0 or 1";
            PoolOutOfRange = "A number of the pool is outside its range: see the table of parameters";
            TooManyPerps = "The pool has 16 perps already";
            LotTooSmallOrLarge = "A lot must be worth 16 to 16,384 atoms of the quote token at listing: choose other lot digits";
            PerpPriceOutOfRange = "The price of a lot is at the end of what the perp can account for: positions only shrink, and it is to be wound down";
            PerpReduceOnly = "The perp is reduce-only, or is being wound down: positions only shrink";
            PerpNotReducing = "Reduce-only: the account has no position on the other side, or it is smaller";
            OtherPool = "The account holds positions against another pool: close them, or use another account";
            PoolNeedsItsOwnAccount = "Shares of a pool are held in an account without debts and perps";
            LimitPriceCrossed = "The price, its impact included, is worse than the limit";
            ProfitBelowMinimum = "The pool pays a smaller part of profits now than the given minimum";
            PositionTooSmall = "What is left of the position is worth less than the perp's minimum: close it, or leave more";
            InsufficientMargin = "The account's deposit of the quote token does not pay the trade's fee and impact";
            SideCapExceeded = "The perp's cap of one side would be exceeded: trade less";
            SkewTooLarge = "The skew would exceed its part of the pool: trade less, or on the other side";
            PoolTooSmall = "The pool would not bear the loss that it must bear: trade less, or wait";
            TooFast = "Positions of this perp grow too fast for instant trades: trade less, or wait a minute";
            TradePriceTooOld = "The price is too old for a position to grow: bring a newer one in the same transaction";
            NothingToSettle = "The position has no loss that could be paid now";
            NothingToCover = "The account's perps have lost no more than its deposit of the quote token";
            NotBankrupt = "The account still has something to pay its loss with";
            NoDeleveraging = "The pool covers what it must bear: nothing is to be deleveraged";
            PerpToBeResolved = "Deleveraging would leave next to nothing: wind the perp down";
            WindDownNotAllowed = "A perp is wound down once a change of its wind_down has waited";
            PerpResolved = "The perp is being wound down already";
            PoolWorthless = "The pool owes all that it has: its shares buy nothing";
            PoolReduceOnly = "The pool takes no more deposits, or they would exceed its maximum";
            PoolSharesNotFree = "The delay is not over, or the two days after it have passed: wait, or ask again";
            PoolNeedsItsCover = "The pool must keep what backs open positions: take less, or wait";
            OrderRests = "An order of the account rests: until it is filled or over, nothing may be taken from what backs it";
            OrderNotFound = "No order of the account rests for this perp";
            OrderNotOver = "An order that rests is firm: it can be cancelled once it can no longer be filled";
            OrderOver = "The price that would fill the order is too old by now: cancel it, and place another";
            TipMissing = "The margin account does not hold the tip beside its rent: send it there first";
            NotFirstPrice = "Only the first price that was published once the order could be filled fills it: this one is another";
            AllocationStopped = "Nothing more goes to this allocation: it is stopped or written off";
            AllocationCapExceeded = "The allocation's cap, or its part of the vault's assets, would be exceeded: move less";
            VaultNeedsLiquidity = "Beyond its coverage, its idle buffer and its queue the vault does not have so much idle: move less";
        }
    };
}

macro_rules! define {
    ($($name:ident = $message:literal;)*) => {
        /// Why an operation was refused. Nothing was changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Error { $(#[doc = $message] $name,)* }

        impl Error {
            /// All errors in order of their code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name used in the IDL.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What to do about it.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}
for_each_error!(define);

impl Error {
    /// The program's error codes start here (Anchor's convention).
    pub const FIRST_CODE: u32 = 6_000;

    /// The code a client sees as `Custom(code)`.
    pub const fn code(self) -> u32 {
        Self::FIRST_CODE + self as u32
    }

    /// Whether an account of the right feed was named, and only the price in it cannot be used now. Then it is no mistake of
    /// the caller, and may pass at another time.
    pub const fn is_about_a_price(self) -> bool {
        let code = self as u32;
        code >= Self::PriceAccountClosed as u32 && code <= Self::NewFeedFarFromOld as u32
    }

    /// The error behind a program's `Custom(code)`.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(code.checked_sub(Self::FIRST_CODE)? as usize).copied()
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for Error {}

/// A result whose error says what to do.
pub type Result<T> = core::result::Result<T, Error>;
