// Somebody's stakes, followed.

import { decodeInsuranceStake, findStakePda, type InsuranceStake, type Market } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo } from 'preact/hooks';
import { useApp } from './app.ts';
import { type Loaded, load, ofProgram, useAccounts, useFound } from './hooks.ts';

export interface OwnStake {
  readonly address: Address;
  readonly loaded: Loaded<InsuranceStake>;
}

const NOTHING: readonly Address[] = [];

/** An owner's stakes in some reserves, by reserve; none until their addresses are known. */
export function useStakes(
  market: Market,
  reserves: readonly number[],
  owner: Address | undefined,
): ReadonlyMap<number, OwnStake> | undefined {
  const { config } = useApp();
  const key = owner === undefined ? undefined : `${market.address} ${owner} ${reserves.join()}`;
  const found = useFound(key, () =>
    Promise.all(
      reserves.map(async (reserve) => (await findStakePda({ market: market.address, owner: owner!, reserve }))[0]),
    ),
  );
  const accounts = useAccounts(found ?? NOTHING);
  const decode = useMemo(() => ofProgram(config.program, decodeInsuranceStake), [config]);
  return useMemo(
    () =>
      found &&
      new Map(reserves.map((reserve, nth) => [reserve, { address: found[nth]!, loaded: load(accounts[nth], decode) }])),
    [found, accounts, decode],
  );
}
