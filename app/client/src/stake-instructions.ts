// The instructions of a reserve's insurance.

import type { Address, TransactionSigner } from '@solana/kit';
import { type Market, reserveAt } from './accounts.js';
import * as generated from './generated/instructions/index.js';
import { findStakePda } from './generated/pdas/index.js';
import { checkAmount } from './numbers.js';

/** Opens the owner's stake in the insurance of a reserve, at `findStakePda`. */
export async function openStake(
  market: Market,
  { owner, payer = owner, reserve }: { owner: TransactionSigner; payer?: TransactionSigner; reserve: number },
) {
  reserveAt(market, reserve);
  const [stake] = await findStakePda({ market: market.address, owner: owner.address, reserve });
  return generated.getOpenStakeInstruction({ owner, payer, market: market.address, stake, reserve });
}

function tokens(market: Market, index: number) {
  const { vault, mint, tokenProgram } = reserveAt(market, index);
  return { market: market.address, vault, mint, tokenProgram };
}

/** Puts up to so many atoms into the insurance; what whole shares do not cost stays with the payer. */
export function stakeTokens(
  market: Market,
  input: {
    /** Owns the source; anyone may pay. */
    payer: TransactionSigner;
    stake: Address;
    source: Address;
    /** Index of the stake's reserve. */
    reserve: number;
    /** Atoms. */
    amount: bigint;
  },
) {
  const { payer, stake, source, reserve, amount } = input;
  checkAmount('amount', amount);
  return generated.getStakeInstruction({ payer, stake, source, amount, ...tokens(market, reserve) });
}

/** Asks for staked shares: they can be taken after the cooldown, for two days. Zero takes the request back. */
export function beginUnstake(market: Market, input: { owner: TransactionSigner; stake: Address; shares: bigint }) {
  checkAmount('shares', input.shares);
  return generated.getBeginUnstakeInstruction({ ...input, market: market.address });
}

/** Takes what was asked for and is free. */
export function unstake(
  market: Market,
  input: { owner: TransactionSigner; stake: Address; destination: Address; reserve: number },
) {
  const { owner, stake, destination, reserve } = input;
  const { vaultAuthority } = market;
  return generated.getUnstakeInstruction({ owner, stake, destination, vaultAuthority, ...tokens(market, reserve) });
}

/** Closes an empty stake; its rent goes to the recipient. */
export function closeStake(market: Market, input: { owner: TransactionSigner; stake: Address; recipient?: Address }) {
  const { owner, stake, recipient = owner.address } = input;
  return generated.getCloseStakeInstruction({ owner, stake, recipient, market: market.address });
}
