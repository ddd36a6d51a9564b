// Changes of parameters that wait: their addresses follow from the numbers that the market or the vault has given.

import { type Change, decodeChange, type Market, type Vault } from '@ballast/client';
import { findChangePda } from '@ballast/client/generated';
import type { Address } from '@solana/kit';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useApp } from './app.ts';
import { errorWords } from './errors.ts';
import { load, ofProgram, useAccounts } from './hooks.ts';

/** Changes of one market or vault that are looked for: what waits was queued lately. */
export const LOOKED_FOR = 64n;

type Waiting =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly words: string }
  | { readonly state: 'ready'; readonly changes: readonly Change[] };

/** The addresses of the last changes, the newest first. */
export async function changeAddresses(of: Address, count: bigint, most = LOOKED_FOR): Promise<readonly Address[]> {
  const numbers: bigint[] = [];
  for (let number = count - 1n; number >= 0n && numbers.length < most; number -= 1n) {
    numbers.push(number);
  }
  return (await Promise.all(numbers.map((number) => findChangePda({ market: of, number })))).map(
    ([address]) => address,
  );
}

/** What waits of a market or a vault. */
export function useWaiting({ address, changes }: Pick<Market | Vault, 'address' | 'changes'>): Waiting {
  const { rpc, config } = useApp();
  const [found, setFound] = useState<{ readonly there: readonly Address[] } | { readonly words: string }>();
  useEffect(() => {
    let isWanted = true;
    const look = async () => {
      const addresses = await changeAddresses(address, changes);
      const states = addresses.length === 0 ? [] : await rpc.accounts(addresses);
      return { there: addresses.filter((_, nth) => states[nth]!.value !== undefined) };
    };
    look().then(
      (there) => isWanted && setFound(there),
      (error) => isWanted && setFound({ words: errorWords(error) }),
    );
    return () => {
      isWanted = false;
    };
  }, [rpc, address, changes]);
  // Few are there, and they are followed: one that is executed or cancelled goes.
  const accounts = useAccounts(found !== undefined && 'there' in found ? found.there : []);
  const decode = useMemo(() => ofProgram(config.program, decodeChange), [config]);
  if (found === undefined) {
    return { state: 'loading' };
  }
  if ('words' in found) {
    return { state: 'failed', words: found.words };
  }
  const loaded = accounts.map((account) => load(account, decode));
  if (loaded.some(({ state }) => state === 'loading')) {
    return { state: 'loading' };
  }
  return { state: 'ready', changes: loaded.flatMap((one) => (one.state === 'ready' ? [one.value] : [])) };
}

/** Whether nobody may execute a change any more. One that was queued before the launch expires with it. */
export function hasExpired(change: Change, launched: number, now: bigint): boolean {
  return now > change.latest || change.launched !== launched;
}
