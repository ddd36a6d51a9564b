// What an owner has outside of the market: SOL, and tokens in the associated accounts.

import { findTokenAccount, type Market } from '@ballast/client';
import type { Address } from '@solana/kit';
import type { Holding, Token } from './actions/sol.ts';
import type { Account } from './chain/accounts.ts';
import { useAccount, useFound } from './hooks.ts';

/** Tokens in a token account; none if it is not there. */
export function tokensIn(account: Account | undefined): bigint | undefined {
  const { info } = account ?? {};
  if (info === undefined || info.data.length < 72) {
    return undefined;
  }
  return new DataView(info.data.buffer, info.data.byteOffset).getBigUint64(64, true);
}

/** What an owner has of a reserve's token; none until it has been read. */
export function useHolding(market: Market, reserve: number, owner: Address | undefined): Holding | undefined {
  return useHoldingOf(market.reserves[reserve], owner);
}

/** What an owner has of a token; none until it has been read. */
export function useHoldingOf(token: Token | undefined, owner: Address | undefined): Holding | undefined {
  const key = owner === undefined || token === undefined ? undefined : `${owner} ${token.mint}`;
  const address = useFound(key, () => findTokenAccount(owner!, token!));
  const tokens = useAccount(address);
  const wallet = useAccount(owner);
  if (address === undefined || tokens === undefined || wallet === undefined) {
    return undefined;
  }
  return { address, tokens: tokensIn(tokens), lamports: wallet.info?.lamports ?? 0n };
}
