// The instructions of a market or a vault with all accounts filled in that it knows, over those that Codama generates. They
// fail only for a reserve that the market does not have, for a slot that cannot pay, and for what is no amount or number.

import {
  type AccountMeta,
  AccountRole,
  type Address,
  appendTransactionMessageInstructions,
  createTransactionMessage,
  getU128Decoder,
  type Instruction,
  isTransactionMessageWithinSizeLimit,
  type ReadonlyUint8Array,
  setTransactionMessageFeePayer,
  type TransactionSigner,
} from '@solana/kit';
import {
  type MarginAccount,
  type Market,
  openSlots,
  perpAt,
  poolAt,
  pricedReserves,
  reserveAt,
  TOKEN_PROGRAM,
  type Vault,
} from './accounts.js';
import type { Health, LiquidationOrder } from './answers.js';
import { describeError } from './errors.js';
import {
  BALLAST_ERROR__PRICE_ACCOUNT_MISSING,
  BALLAST_ERROR__RESERVE_INDEX_OUT_OF_RANGE,
} from './generated/errors/index.js';
import * as generated from './generated/instructions/index.js';
import { findRequestPda, findTermPda } from './generated/pdas/index.js';
import type { OracleConfig } from './generated/types/index.js';
import { checkAmount, checkBits, checkTime, checkWhole } from './numbers.js';

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
  for (const index of [collateral, debt]) reserveAt(market, index);
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

/** Opens a margin account for one perp and a deposit of its quote token. */
export function openPerpAccount(
  market: Market,
  input: { owner: TransactionSigner; payer?: TransactionSigner; id: number; perp: number },
) {
  const { owner, payer = owner, id, perp } = input;
  checkBits('id', id, 16);
  return generated.getOpenAccountInstructionAsync({
    owner,
    payer,
    market: market.address,
    id,
    mode: 2,
    collateral: poolAt(market, perpAt(market, perp).config.pool).config.quote,
    debt: perp,
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

/** What needs prices, and which. */
export interface Priced {
  /** Pays for the transactions. */
  readonly feePayer: Address;
  /** The account that takes risk: the prices of all that it depends on are needed. */
  readonly account?: MarginAccount;
  /** Reserves whose prices are needed beside: those at hand. */
  readonly reserves?: readonly number[];
  /** What needs the prices. */
  readonly instructions?: readonly Instruction[];
  /** What every transaction begins with, such as its compute budget. */
  readonly head?: readonly Instruction[];
}

/**
 * The transactions that take over the prices which something needs, as far as their accounts are pinned, and then do
 * it: one, unless it would be too large. Then those before it take over prices alone, and are sent first. Closed
 * reserves, perps and pools are left out, and the two accounts of a reserve stay together.
 */
export function refreshPinnedPrices(market: Market, priced: Priced): Instruction[][] {
  const { feePayer, account, reserves = [], instructions = [], head = [] } = priced;
  const held = account === undefined ? [] : pricedReserves(market, account);
  const pinned = [...new Set([...held, ...reserves])].flatMap((index): [number, ...Address[]][] => {
    checkBits('the index of a reserve', index, 8);
    const record = market.reserves[index];
    if (record === undefined) {
      throw new RangeError(describeError(BALLAST_ERROR__RESERVE_INDEX_OUT_OF_RANGE));
    }
    // Perps and pools are closed too.
    const { closed, config } = record;
    const { feedAccount, baseFeedAccount } = config.oracle;
    const accounts = hasBase(config.oracle) ? [feedAccount, baseFeedAccount] : [feedAccount];
    return closed !== 0 || accounts.includes(NONE) ? [] : [[index, ...accounts]];
  });
  const message = setTransactionMessageFeePayer(feePayer, createTransactionMessage({ version: 0 }));
  const fits = (all: readonly Instruction[]) =>
    isTransactionMessageWithinSizeLimit(appendTransactionMessageInstructions(all, message));
  const transaction = (prices: typeof pinned, rest: readonly Instruction[]) => [
    ...head,
    ...(prices.length > 0 ? [refreshPrices(market, prices)] : []),
    ...rest,
  ];
  let first = 0;
  while (first < pinned.length && !fits(transaction(pinned.slice(first), instructions))) {
    first += 1;
  }
  const transactions = [];
  for (let start = 0; start < first; ) {
    let end = start + 1;
    while (end < first && fits(transaction(pinned.slice(start, end + 1), []))) {
      end += 1;
    }
    transactions.push(transaction(pinned.slice(start, end), []));
    start = end;
  }
  if (first < pinned.length || instructions.length > 0) {
    transactions.push(transaction(pinned.slice(first), instructions));
  }
  return transactions;
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

/** Tokens into a vault. */
export interface VaultPayIn {
  /** Owns the source; anyone may pay. */
  readonly payer: TransactionSigner;
  /** The payer's token account. */
  readonly source: Address;
  /** Token account that the shares go to. */
  readonly shareAccount: Address;
  /** Atoms. */
  readonly amount: bigint;
  /** Fewest shares to accept. */
  readonly minShares: bigint;
}

/** Where tokens out of a vault come from and go to. */
interface VaultPayOut {
  /** Owns the shares. */
  readonly owner: TransactionSigner;
  /** The owner's account of shares. */
  readonly shareAccount: Address;
  /** Token account. */
  readonly destination: Address;
  /** A bit for each slot that may pay, beside what is idle: `payingSlots`. */
  readonly from: number;
}

/** Shares out of a vault. */
export interface VaultRedemption extends VaultPayOut {
  /** How many. */
  readonly shares: bigint;
  /** Fewest atoms to accept. */
  readonly minAmount: bigint;
}

/** Tokens out of a vault. */
export interface VaultWithdrawal extends VaultPayOut {
  /** Atoms. */
  readonly amount: bigint;
  /** Most shares to give. */
  readonly maxShares: bigint;
}

/** Shares into a vault's queue. */
export interface ExitOrder {
  /** Owns the shares. */
  readonly owner: TransactionSigner;
  /** Pays the rent of the request. */
  readonly payer?: TransactionSigner;
  /** The owner's account of shares. */
  readonly shareAccount: Address;
  /** How many. */
  readonly shares: bigint;
  /** Fewest atoms to accept for all of them. */
  readonly minAmount: bigint;
}

function vaultTokens(vault: Vault) {
  const { address, tokens, shareMint, authority, mint, tokenProgram } = vault;
  return { vault: address, tokens, shareMint, authority, mint, tokenProgram, shareProgram: TOKEN_PROGRAM };
}

/** An instruction with the markets of the open allocations behind its own accounts, and then how some of them pay. */
function withMarkets<T extends Instruction>(instruction: T, vault: Vault, markets: readonly Market[], from: number): T {
  checkBits('from', from, 8);
  const behind: AccountMeta[] = [];
  const payers: AccountMeta[] = [];
  let left = from;
  for (const slot of openSlots(vault)) {
    const pays = ((from >> slot) & 1) !== 0;
    const address = vault.config.allocations[slot]!.market;
    behind.push({ address, role: pays ? AccountRole.WRITABLE : AccountRole.READONLY });
    const market = pays ? markets.find((one) => one.address === address) : undefined;
    if (market !== undefined) {
      const { vault: liquidity } = reserveAt(market, vault.allocations[slot]!.reserve);
      payers.push({ address: liquidity, role: AccountRole.WRITABLE });
      payers.push({ address: market.vaultAuthority, role: AccountRole.READONLY });
      left &= ~(1 << slot);
    }
  }
  if (left !== 0) {
    const slots = Array.from({ length: 8 }, (_, slot) => slot).filter((slot) => ((left >> slot) & 1) !== 0);
    throw new RangeError(`slots that are not open, or whose market is not given, cannot pay: ${slots.join(', ')}`);
  }
  return { ...instruction, accounts: [...(instruction.accounts ?? []), ...behind, ...payers] };
}

/** Brings tokens into a vault for shares. */
export function vaultDeposit(vault: Vault, { payer, source, shareAccount, amount, minShares }: VaultPayIn) {
  checkAmount('amount', amount);
  checkAmount('minShares', minShares);
  const accounts = { payer, source, shareAccount, ...vaultTokens(vault) };
  return withMarkets(generated.getVaultDepositInstruction({ ...accounts, amount, minShares }), vault, [], 0);
}

/** Gives exactly so many shares of a vault back. */
export function vaultRedeem(vault: Vault, markets: readonly Market[], input: VaultRedemption) {
  checkAmount('shares', input.shares);
  checkAmount('minAmount', input.minAmount);
  const instruction = generated.getVaultRedeemInstruction({ ...input, ...vaultTokens(vault) });
  return withMarkets(instruction, vault, markets, input.from);
}

/** Takes exactly so many atoms out of a vault. */
export function vaultWithdraw(vault: Vault, markets: readonly Market[], input: VaultWithdrawal) {
  checkAmount('amount', input.amount);
  checkAmount('maxShares', input.maxShares);
  const instruction = generated.getVaultWithdrawInstruction({ ...input, ...vaultTokens(vault) });
  return withMarkets(instruction, vault, markets, input.from);
}

/** Puts shares into a vault's queue, at the end. */
export async function requestExit(vault: Vault, input: ExitOrder) {
  const { owner, payer = owner, shareAccount, shares, minAmount } = input;
  checkAmount('shares', shares);
  checkAmount('minAmount', minAmount);
  const { vault: address, shareMint, shareProgram } = vaultTokens(vault);
  const accounts = { owner, payer, vault: address, shareAccount, shareMint, shareProgram };
  const instruction = await generated.getRequestExitInstructionAsync({ ...accounts, shares, minAmount });
  return withMarkets(instruction, vault, [], 0);
}

/** Takes what the owner's request was paid. The rent goes to the recipient, once no shares of it are left. */
export async function claimExit(
  vault: Vault,
  input: { owner: TransactionSigner; destination: Address; recipient?: Address },
) {
  const { owner, destination, recipient = owner.address } = input;
  const { vault: address, tokens, authority, mint, tokenProgram } = vaultTokens(vault);
  const [request] = await findRequestPda({ vault: address, owner: owner.address });
  const accounts = { owner, vault: address, request, destination, tokens, authority, mint, tokenProgram, recipient };
  return generated.getClaimExitInstruction(accounts);
}

/** Takes the owner's request back, with the shares that wait. The rent goes to the recipient, if nothing is left to claim. */
export async function cancelExit(
  vault: Vault,
  input: { owner: TransactionSigner; shareAccount: Address; recipient?: Address },
) {
  const { owner, shareAccount, recipient = owner.address } = input;
  const { vault: address, shareMint, authority, shareProgram } = vaultTokens(vault);
  const [request] = await findRequestPda({ vault: address, owner: owner.address });
  const accounts = { owner, vault: address, request, shareAccount, shareMint, authority, shareProgram, recipient };
  return generated.getCancelExitInstruction(accounts);
}

/** Shares of a vault into a term. */
export interface TermOrder {
  /** Owns the shares. */
  readonly owner: TransactionSigner;
  /** Pays the rent of the term deposit. */
  readonly payer?: TransactionSigner;
  /** The owner's account of shares. */
  readonly shareAccount: Address;
  /** Which of the owner's term deposits in the vault it is; one that is there gets more. */
  readonly id: number;
  /** How many. */
  readonly shares: bigint;
  /** When it ends, unix seconds. */
  readonly maturity: bigint;
}

/** Locks shares of a vault until one of its next maturities. */
export async function lockTerm(vault: Vault, input: TermOrder) {
  const { owner, payer = owner, shareAccount, id, shares, maturity } = input;
  checkBits('id', id, 16);
  checkAmount('shares', shares);
  checkTime('maturity', maturity);
  const { vault: address, shareMint, shareProgram } = vaultTokens(vault);
  const accounts = { owner, payer, vault: address, shareAccount, shareMint, shareProgram };
  const instruction = await generated.getLockTermInstructionAsync({ ...accounts, id, shares, maturity });
  return withMarkets(instruction, vault, [], 0);
}

/** Takes the shares of a term deposit back after its end, or `early` at a penalty. The rent goes to the recipient. */
export async function endTerm(
  vault: Vault,
  input: { owner: TransactionSigner; shareAccount: Address; id: number; early: boolean; recipient?: Address },
) {
  const { owner, shareAccount, id, early, recipient = owner.address } = input;
  checkBits('id', id, 16);
  const { vault: address, shareMint, authority, shareProgram } = vaultTokens(vault);
  const [term] = await findTermPda({ vault: address, owner: owner.address, id });
  const accounts = { owner, vault: address, term, shareAccount, shareMint, authority, shareProgram, recipient };
  return withMarkets(generated.getEndTermInstruction({ ...accounts, early }), vault, [], 0);
}

/** Has the program compute a vault's figures: `decodeVaultReport` reads what it returns. */
export function readVault(vault: Vault) {
  return withMarkets(generated.getReadVaultInstruction({ vault: vault.address }), vault, [], 0);
}
