// Native SOL in a market is wrapped: the page wraps it on the way in and unwraps it on the way out, and leaves the owner's own
// wrapped SOL as it is.

import type { Address, Instruction } from '@solana/kit';
import { closeTokenAccount, createTokenAccount, NATIVE_MINT, syncNative, transferSol } from '../tx/programs.ts';

/** A token as a reserve has it. */
export interface Token {
  readonly mint: Address;
  readonly tokenProgram: Address;
}

/** What the owner has of a token. */
export interface Holding {
  /** The associated token account. */
  readonly address: Address;
  /** Atoms in it; none if it is not there. */
  readonly tokens: bigint | undefined;
  /** Lamports of the owner. */
  readonly lamports: bigint;
}

/** Lamports that a wallet and a token account must keep. */
export const RENT = {
  wallet: 890_880n,
  tokenAccount: 2_039_280n,
  marginAccount: 4_454_400n,
  stake: 1_948_800n,
} as const;
/** Lamports for fees that are left when everything else goes: of some dozen transactions, so that whoever went in can get out. */
const FEES = 100_000n;

export function isNative(token: Token): boolean {
  return token.mint === NATIVE_MINT;
}

/** The most that can be paid in. `toOpen`: lamports that other new accounts of the same transaction take. */
export function payable(token: Token, { tokens, lamports }: Holding, toOpen: bigint): bigint {
  const wrapped = tokens ?? 0n;
  if (!isNative(token)) {
    return wrapped;
  }
  const kept = RENT.wallet + FEES + toOpen + (tokens === undefined ? RENT.tokenAccount : 0n);
  return wrapped + (lamports > kept ? lamports - kept : 0n);
}

/** Instructions before and after those that pay `amount` in. */
export function aroundPayIn(
  owner: Address,
  token: Token,
  { address, tokens }: Holding,
  amount: bigint,
): { readonly before: readonly Instruction[]; readonly after: readonly Instruction[] } {
  const wrapped = tokens ?? 0n;
  if (!isNative(token) || amount <= wrapped) {
    return { before: [], after: [] };
  }
  return {
    before: [
      ...(tokens === undefined ? [createTokenAccount(owner, address, owner, token)] : []),
      transferSol(owner, address, amount - wrapped),
      syncNative(address),
    ],
    // All that was wrapped is spent, so the account can go.
    after: [closeTokenAccount(address, owner)],
  };
}

/** Instructions before and after those that pay out. */
export function aroundPayOut(
  owner: Address,
  token: Token,
  { address, tokens }: Holding,
): { readonly before: readonly Instruction[]; readonly after: readonly Instruction[] } {
  const before = tokens === undefined ? [createTokenAccount(owner, address, owner, token)] : [];
  // Closing would unwrap what the owner chose to hold wrapped.
  const isOurs = isNative(token) && (tokens ?? 0n) === 0n;
  return { before, after: isOurs ? [closeTokenAccount(address, owner)] : [] };
}
