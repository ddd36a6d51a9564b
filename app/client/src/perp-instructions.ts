// The instructions of perps and pools. No token moves: what is paid and got are deposits in the pool's quote reserve.

import type { Address, TransactionSigner } from '@solana/kit';
import type { Market } from './accounts.js';
import type { TradeOrder } from './answers.js';
import * as generated from './generated/instructions/index.js';
import { checkAmount, checkBits, checkWhole } from './numbers.js';
import { checkRecord } from './records.js';

/** A margin account, and who acts for it. */
export interface PerpSubject {
  /** The margin account's owner, or a delegate with the right to trade. */
  readonly owner: TransactionSigner;
  readonly marginAccount: Address;
}

/** Buys or sells lots of a perp. */
export function tradePerp(market: Market, { owner, marginAccount, ...order }: PerpSubject & TradeOrder) {
  const { perp, lots, limit = 0n, minFactor = 0, reduceOnly = false } = order;
  checkRecord(market, perp, 'perp');
  checkWhole('lots', lots, 'bigint', -(1n << 63n), (1n << 63n) - 1n);
  checkAmount('limit', limit);
  checkBits('minFactor', minFactor, 32);
  const accounts = { owner, market: market.address, marginAccount };
  return generated.getTradePerpInstruction({ ...accounts, perp, lots, limit, minFactor, reduceOnly });
}

/** Pays what a position has lost, and what a closed one is owed; anyone may send it. */
export function settlePerp(market: Market, { marginAccount, perp }: { marginAccount: Address; perp: number }) {
  checkRecord(market, perp, 'perp');
  return generated.getSettlePerpInstruction({ market: market.address, marginAccount, perp });
}

/** Moves atoms of the account's deposit in the pool's quote reserve into the pool, for shares. */
export function poolDeposit(market: Market, input: PerpSubject & { pool: number; amount: bigint }) {
  checkRecord(market, input.pool, 'pool');
  checkAmount('amount', input.amount);
  return generated.getPoolDepositInstruction({ ...input, market: market.address });
}

/** Asks for shares of a pool, which can be taken after its delay; zero takes the request back. */
export function poolRequest(market: Market, input: PerpSubject & { pool: number; shares: bigint }) {
  checkRecord(market, input.pool, 'pool');
  checkAmount('shares', input.shares);
  return generated.getPoolRequestInstruction({ ...input, market: market.address });
}

/** Takes what was asked for and is free, into the account's deposit. */
export function poolWithdraw(market: Market, input: PerpSubject & { pool: number }) {
  checkRecord(market, input.pool, 'pool');
  return generated.getPoolWithdrawInstruction({ ...input, market: market.address });
}
