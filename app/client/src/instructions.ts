// The instructions of a market with all accounts filled in that it knows, over those that Codama generates. They fail
// only for a reserve that the market does not have, and for what is no amount or number.

import { type Address, getU128Decoder, type ReadonlyUint8Array, type TransactionSigner } from '@solana/kit';
import { type Market, reserveAt } from './accounts.js';
import type { Health, LiquidationOrder } from './engine.js';
import { describeError } from './errors.js';
import { BALLAST_ERROR__PRICE_ACCOUNT_MISSING } from './generated/errors/index.js';
import * as generated from './generated/instructions/index.js';
import type { OracleConfig } from './generated/types/index.js';
import { checkAmount, checkBits, checkWhole } from './numbers.js';

/** The address that stands for none. */
const NONE = '11111111111111111111111111111111' as Address;

/** What {@link assertHealth} goes by. */
export const REQUIREMENT = { initial: 0, maintenance: 1, equity: 2 } as const;

/** Tokens into the market. */
export interface PayIn {
  /** Owns the source; anyone may pay. */
  readonly payer: TransactionSigner;
  readonly marginAccount: Address;
  /** The payer's token account. */
  readonly source: Address;
  /** Index of the reserve. */
  readonly reserve: number;
  /** Atoms. */
  readonly amount: bigint;
}

/** Tokens out of the market. */
export interface PayOut {
  /** The margin account's owner, or a delegate with that right. */
  readonly owner: TransactionSigner;
  readonly marginAccount: Address;
  /** Token account. */
  readonly destination: Address;
  /** Index of the reserve. */
  readonly reserve: number;
  /** Atoms. */
  readonly amount: bigint;
}

function tokens(market: Market, index: number) {
  const { vault, mint, tokenProgram } = reserveAt(market, index);
  return { vault, mint, tokenProgram };
}

/** Opens the owner's cross margin account of a number, at `findMarginAccountPda`. */
export function openAccount(
  market: Market,
  { owner, payer = owner, id = 0 }: { owner: TransactionSigner; payer?: TransactionSigner; id?: number },
) {
  checkBits('id', id, 16);
  return generated.getOpenAccountInstructionAsync({
    owner,
    payer,
    market: market.address,
    id,
    mode: 0,
    collateral: 0,
    debt: 0,
  });
}

/** Opens an isolated margin account, for one collateral and one debt reserve. */
export function openIsolatedAccount(
  market: Market,
  input: { owner: TransactionSigner; payer?: TransactionSigner; id: number; collateral: number; debt: number },
) {
  const { owner, payer = owner, id, collateral, debt } = input;
  checkBits('id', id, 16);
  [collateral, debt].forEach((index) => reserveAt(market, index));
  return generated.getOpenAccountInstructionAsync({
    owner,
    payer,
    market: market.address,
    id,
    mode: 1,
    collateral,
    debt,
  });
}

/** Closes an empty margin account; its rent goes to the recipient. */
export function closeAccount(input: { owner: TransactionSigner; marginAccount: Address; recipient?: Address }) {
  const { owner, marginAccount, recipient = owner.address } = input;
  return generated.getCloseAccountInstruction({ owner, marginAccount, recipient });
}

/** Lends tokens for a margin account. Of a token with a transfer fee, what arrives. */
export function deposit(market: Market, { payer, marginAccount, source, reserve, amount }: PayIn) {
  checkAmount('amount', amount);
  const accounts = { payer, market: market.address, marginAccount, source, ...tokens(market, reserve) };
  return generated.getDepositInstruction({ ...accounts, reserve, amount });
}

/** Pays up to so much of a debt, or all with `EVERYTHING`. */
export function repay(market: Market, { payer, marginAccount, source, reserve, amount }: PayIn) {
  checkAmount('amount', amount);
  const accounts = { payer, market: market.address, marginAccount, source, ...tokens(market, reserve) };
  return generated.getRepayInstruction({ ...accounts, reserve, amount });
}

function payOut(market: Market, { owner, marginAccount, destination, reserve, amount }: PayOut) {
  checkAmount('amount', amount);
  const { address, vaultAuthority } = market;
  const accounts = { owner, market: address, marginAccount, destination, vaultAuthority, ...tokens(market, reserve) };
  return { ...accounts, reserve, amount };
}

/** Takes lent tokens back, or all with `EVERYTHING`. */
export function withdraw(market: Market, input: PayOut) {
  return generated.getWithdrawInstruction(payOut(market, input));
}

/** Borrows tokens. */
export function borrow(market: Market, input: PayOut) {
  return generated.getBorrowInstruction(payOut(market, input));
}

function hasBase(oracle: OracleConfig): boolean {
  return oracle.baseFeedId !== NONE;
}

/** Takes over the prices of some reserves, each from its price account; of one with two feeds, the base feed's second. */
export function refreshPrices(market: Market, prices: readonly (readonly [reserve: number, ...accounts: Address[]])[]) {
  for (const [reserve, ...accounts] of prices) {
    if (accounts.length !== (hasBase(reserveAt(market, reserve).config.oracle) ? 2 : 1)) {
      throw new RangeError(describeError(BALLAST_ERROR__PRICE_ACCOUNT_MISSING));
    }
  }
  return generated.getRefreshPricesInstruction({
    market: market.address,
    reserves: Uint8Array.from(prices, ([reserve]) => reserve),
    prices: prices.flatMap(([, ...accounts]) => accounts),
  });
}

/** Takes over the prices of all reserves whose price accounts are pinned. */
export function refreshPinnedPrices(market: Market) {
  const pinned = market.reserves.flatMap(({ config: { oracle } }, index): [number, ...Address[]][] => {
    const accounts = hasBase(oracle) ? [oracle.feedAccount, oracle.baseFeedAccount] : [oracle.feedAccount];
    return accounts.includes(NONE) ? [] : [[index, ...accounts]];
  });
  return refreshPrices(market, pinned);
}

/** Repays an unhealthy account's debt from `source` for collateral to `destination`. */
export function liquidate(
  market: Market,
  input: LiquidationOrder & {
    liquidator: TransactionSigner;
    marginAccount: Address;
    source: Address;
    destination: Address;
  },
) {
  checkAmount('maxRepay', input.maxRepay);
  checkAmount('minCollateral', input.minCollateral);
  const debt = tokens(market, input.debt);
  const collateral = tokens(market, input.collateral);
  return generated.getLiquidateInstruction({
    ...input,
    market: market.address,
    debtVault: debt.vault,
    debtMint: debt.mint,
    debtTokenProgram: debt.tokenProgram,
    collateralVault: collateral.vault,
    collateralMint: collateral.mint,
    collateralTokenProgram: collateral.tokenProgram,
    vaultAuthority: market.vaultAuthority,
  });
}

/** Has the program compute an account's healths: {@link decodeHealth} reads what it returns. */
export function readHealth(market: Market, marginAccount: Address) {
  return generated.getReadHealthInstruction({ market: market.address, marginAccount });
}

/** Fails unless the account's collateral is at least so many basis points of its debt: for the end of a transaction. */
export function assertHealth(
  market: Market,
  { marginAccount, requirement, minRatioBps }: { marginAccount: Address; requirement: number; minRatioBps: number },
) {
  checkWhole('requirement', requirement, 'number', 0n, 2n);
  checkBits('minRatioBps', minRatioBps, 32);
  return generated.getAssertHealthInstruction({ market: market.address, marginAccount, requirement, minRatioBps });
}

/** What {@link readHealth} returns. The runtime cuts zero bytes off its end. */
export function decodeHealth(returnData: ReadonlyUint8Array): Health {
  const bytes = new Uint8Array(96);
  if (returnData.length > bytes.length) {
    throw new RangeError('more bytes than a health report has');
  }
  bytes.set(returnData);
  const value = (index: number) => getU128Decoder().decode(bytes, 16 * index);
  const sums = (index: number) => ({ collateral: value(index), debt: value(index + 1) });
  return { initial: sums(0), maintenance: sums(2), equity: sums(4) };
}
