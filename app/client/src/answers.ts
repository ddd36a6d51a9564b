import type { Address } from '@solana/kit';
import type { MarginAccount, Market, Vault } from './accounts.js';
import type { Greeks } from './report.js';

/** Collateral and debt, 10^-8 USD. */
export interface Sums {
  readonly collateral: bigint;
  readonly debt: bigint;
}

/** The healths of an account. */
export interface Health {
  /** Gates new risk. The debt is 2^128 − 1 while the price of one is stale or unsettled, when nothing covers it. */
  readonly initial: Sums;
  /** Gates liquidation: the account is liquidatable while the debt is above the collateral. */
  readonly maintenance: Sums;
  /** By last spot prices, without weights. */
  readonly equity: Sums;
}

/** A deposit or a debt. */
export interface PositionAmount {
  /** Index of the reserve. */
  readonly reserve: number;
  readonly isDebt: boolean;
  /** Atoms, interest until then included. */
  readonly amount: bigint;
}

/** The most that an action takes. */
export interface Limit {
  /** Zero if nothing is accepted. */
  readonly atoms: bigint;
  /** The error code of what one atom more is refused with: `describeError`. None if there is no more: then the action
   * takes `EVERYTHING`. */
  readonly refusal: number | undefined;
}

/** A price at which one reserve makes an account liquidatable. */
export interface LiquidationPrice {
  /** Times 10^`exponent` USD for one token. */
  readonly price: bigint;
  readonly exponent: number;
  /** Whether lower prices liquidate too, as those of a deposit do, or higher ones, as those of a debt. */
  readonly isDeposit: boolean;
}

/** What a liquidation would move. */
export interface LiquidationPreview {
  /** Atoms of the debt that are repaid. */
  readonly repaid: bigint;
  /** Atoms of the debt's token that the liquidator pays on top. */
  readonly insurance: bigint;
  /** Atoms of the collateral that the liquidator gets. */
  readonly seized: bigint;
  readonly penaltyBps: number;
}

/** Continuously compounded annual rates, and utilisation: 1 is 100 %. For people. */
export interface Rates {
  readonly borrow: number;
  readonly deposit: number;
  readonly utilisation: number;
}

/** What a liquidator asks for. */
export interface LiquidationOrder {
  /** Index of the reserve to repay. */
  readonly debt: number;
  /** Index of the reserve to seize from. */
  readonly collateral: number;
  /** Most atoms to pay. */
  readonly maxRepay: bigint;
  /** Fewest atoms of collateral to accept. */
  readonly minCollateral: bigint;
}

/** A vault at a moment. */
export interface VaultState {
  readonly vault: Vault;
  /** Those of its open allocations. One that is not given counts as unreadable: `fetchVaultMarkets`. */
  readonly markets: readonly Market[];
  /** Unix seconds. */
  readonly now: bigint | number;
}

/** What a whole share of a vault costs and is worth, atoms. */
export interface SharePrice {
  /** To who enters, rounded up. */
  readonly entry: bigint;
  /** To who leaves, rounded down, before an exit fee. */
  readonly exit: bigint;
}

/** Tokens into a vault, and the shares that they buy. */
export interface VaultEntry {
  /** Atoms. */
  readonly amount: bigint;
  readonly shares: bigint;
}

/** Tokens out of a vault, and the shares that they cost. */
export interface VaultExit extends VaultEntry {
  /** Atoms that stay as an exit fee. */
  readonly fee: bigint;
  /** Atoms that rounding in the markets may take beside it. */
  readonly rounding: bigint;
}

/** One move of a vault's tokens. */
export interface VaultMove {
  /** Slot that they come from; none: what is idle. */
  readonly from: number | undefined;
  /** Slot that they go to; none: what is idle. */
  readonly to: number | undefined;
  /** Atoms. */
  readonly amount: bigint;
  /** What it gains in a year, atoms. */
  readonly gain: bigint;
  /** Shares for whoever sends it. */
  readonly reward: bigint;
}

/** An account of a scan. */
export interface Scanned {
  /** None if the program would refuse to answer. */
  readonly health: Health | undefined;
  /** The error code of that. */
  readonly refusal: number | undefined;
  /** Whether its debt is above its collateral at maintenance. */
  readonly isLiquidatable: boolean;
}

/** A margin account to be opened: a cross one, unless it is isolated or for one perp. */
export interface Opening {
  /** Where it will be: `findMarginAccountPda`. */
  readonly address: Address;
  readonly owner: Address;
  /** Which of its owner's accounts in the market it is; the first, 0, if it is not given. */
  readonly id?: number;
  /** The indices of its one collateral and its one debt. */
  readonly isolated?: { readonly collateral: number; readonly debt: number };
  /** The index of its one perp. */
  readonly perp?: number;
}

/** What an action moved. */
export interface Movement {
  /** Atoms. */
  readonly amount: bigint;
  /** Shares of the reserve, or of the pool. */
  readonly shares: bigint;
}

/** What a trade did. Atoms of the quote token. */
export interface Fill {
  /** Whole lots that changed hands. */
  readonly lots: bigint;
  /** The price of a lot with impact and rebate, with 32 fractional bits. */
  readonly price: bigint;
  /** What was gained, or less than zero lost, by what was closed. */
  readonly realised: bigint;
  /** The part of a gain that the pool pays: 2^32 − 1 is all of it. */
  readonly factor: number;
  /** Gain that is paid out. */
  readonly gain: bigint;
  readonly loss: bigint;
  /** For lessening the skew. */
  readonly rebate: bigint;
  /** On the skew. */
  readonly impact: bigint;
  readonly fee: bigint;
}

/** What settling a position moved, atoms of the quote token. */
export interface Settlement {
  /** What the account's deposit grew by. */
  readonly paidOut: bigint;
  /** What it fell by. */
  readonly paidIn: bigint;
}

/** An action of an account's owner. */
export type Action =
  | {
      readonly kind: 'deposit' | 'withdraw' | 'borrow' | 'repay';
      /** Index of the reserve. */
      readonly reserve: number;
      /** Atoms, those of a deposit or repayment as they arrive; `EVERYTHING` withdraws or repays all. */
      readonly amount: bigint;
    }
  | ({ readonly kind: 'trade' } & TradeOrder)
  | { readonly kind: 'settlePerp'; readonly perp: number }
  | { readonly kind: 'poolDeposit'; readonly pool: number; readonly amount: bigint }
  | { readonly kind: 'poolRequest'; readonly pool: number; readonly shares: bigint }
  | { readonly kind: 'poolWithdraw'; readonly pool: number };

/** What a trader wants. */
export interface TradeOrder {
  /** Index of the perp. */
  readonly perp: number;
  /** Whole lots to buy; less than zero: to sell. */
  readonly lots: bigint;
  /** The worst price of a lot with its impact, with 32 fractional bits; any if it is not given. */
  readonly limit?: bigint;
  /** The least part of a gain that is to be paid: 2^32 − 1 is all of it; none if it is not given. */
  readonly minFactor?: number;
  /** Whether the position may only shrink. */
  readonly reduceOnly?: boolean;
}

/** What an action of each kind moves. */
export interface Moved {
  readonly deposit: Movement;
  readonly withdraw: Movement;
  readonly borrow: Movement;
  readonly repay: Movement;
  readonly trade: Fill;
  readonly settlePerp: Settlement;
  readonly poolDeposit: Movement;
  readonly poolRequest: undefined;
  readonly poolWithdraw: Movement;
}

/** A market and a margin account after an action. */
export interface Played<M> {
  readonly market: Market;
  readonly account: MarginAccount;
  readonly moved: M;
}

/** A price that a reserve is supposed to have. */
export interface SupposedPrice {
  /** Index of the reserve. */
  readonly reserve: number;
  /** Times 10^`exponent` USD for one token; of two feeds their product. */
  readonly price: bigint;
  /** −18 to 0. */
  readonly exponent: number;
  /** In the same unit. The same part of the price as of the last one if it is not given. */
  readonly confidence?: bigint;
  /** The moving average, in the same unit. The price if it is not given, as if that had lasted. */
  readonly emaPrice?: bigint;
}

/** What a change that waits does to a market. The markets are of one moment, and differ by nothing else. */
export interface ChangedMarket {
  /** The moment to ask about them, unix seconds: when the change is due, or now if it is. */
  readonly at: bigint;
  /** Without the change. */
  readonly before: Market;
  /** Right after it: what gates new risk has moved, what gates liquidation begins to. */
  readonly after: Market;
  /** Once all that moves has arrived. */
  readonly ramped: Market;
  /** When that is if the reserve is refreshed all along, unix seconds. */
  readonly rampedAt: bigint;
}

/** Prices of a lot, atoms of the quote token with 32 fractional bits. */
export interface Marks {
  /** What a seller gets. */
  readonly low: bigint;
  /** As published. */
  readonly spot: bigint;
  /** What a buyer pays. */
  readonly high: bigint;
}

/** What may be done with a perp: everything; positions only shrink; anyone may close a part of the side that the pool cannot bear;
 * positions only close, at the final price. */
export type PerpState = 'open' | 'reduceOnly' | 'deleveraging' | 'woundDown';

/** A perp at a moment. Amounts are atoms of the quote token; rates are parts of the value in a year, 1 is 100 %. */
export interface PerpReport {
  readonly state: PerpState;
  /** By the last price of the reserve that it follows. */
  readonly marks: Marks;
  /** What a trade gets, before impact: the worse of the last two prices. */
  readonly offered: Marks;
  /** Seconds since that price was published. */
  readonly age: bigint;
  readonly longLots: bigint;
  readonly shortLots: bigint;
  /** Longs less shorts, lots. */
  readonly skewLots: bigint;
  /** What longs pay shorts; less than zero: shorts pay longs. Without what a square pays for its variance. */
  readonly funding: number;
  /** What both sides pay the pool. */
  readonly borrow: number;
  /** The fee of a trade now, a part of its value. */
  readonly fee: number;
  /** What impacts paid and rebates take. */
  readonly fund: bigint;
  /** What bears losses first. */
  readonly insurance: bigint;
  /** What traders may still take out of the pool today; none: no limit. */
  readonly budget: bigint | undefined;
  /** By how much value positions may still grow at once; none: no limit. */
  readonly growth: bigint | undefined;
  /** Values of its sides, delta, gamma and buffer. */
  readonly greeks: Greeks;
}

/** What a pool of perps takes and gives at a moment. Atoms of its token. */
export interface PoolPrices {
  /** The most that exits can take now. */
  readonly free: bigint;
  /** The most that deposits can bring now. */
  readonly room: bigint;
  /** What a million shares cost who enters, rounded up; none while nobody can. */
  readonly entry: bigint | undefined;
  /** What a million shares are worth to who leaves, rounded down. */
  readonly exit: bigint | undefined;
}

/** A position in a perp at a moment, atoms of the quote token. */
export interface PositionReport {
  /** Whole lots, less than zero if it is short. */
  readonly lots: bigint;
  /** Its value at the last price. */
  readonly value: bigint;
  /** What closing it now would realise before fee and impact, funding and borrow fee included; less than zero: a loss. */
  readonly gain: bigint;
  /** What of a gain would be paid now. */
  readonly paid: bigint;
  /** The price of a lot at which it has gained nothing, with 32 fractional bits; none of a closed one. */
  readonly breakEven: bigint | undefined;
  /** The margin that it would need if it were new. */
  readonly initialMargin: bigint;
  /** Below which it is closed by others. */
  readonly maintenanceMargin: bigint;
  /** Until when closing it pays no gain, unix seconds. */
  readonly heldUntil: bigint;
}
