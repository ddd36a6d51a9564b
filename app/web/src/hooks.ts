// How a component gets at what changes: accounts and what they hold, the chain's time, the engine.

import {
  decodeMarginAccount,
  decodeMarket,
  type Engine,
  findMarginAccountPda,
  type MarginAccount,
  type Market,
} from '@ballast/client';
import { type Address, isAddress } from '@solana/kit';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useApp } from './app.ts';
import { type Observable, useObservable } from './cell.ts';
import { type Account, CLOCK, type Liveness } from './chain/accounts.ts';
import { timeOf } from './chain/clock.ts';
import type { Identity } from './chain/identity.ts';
import type { AccountInfo } from './chain/rpc.ts';
import type { MarketEntry } from './config.ts';
import { type Route, route } from './route.ts';

/** What an account holds. */
export type Loaded<T> =
  | { readonly state: 'loading' }
  /** There is no such account. */
  | { readonly state: 'absent' }
  /** It holds something else. */
  | { readonly state: 'broken'; readonly words: string }
  | { readonly state: 'ready'; readonly value: T };

const LOADING = { state: 'loading' } as const;
const ABSENT = { state: 'absent' } as const;
const NOTHING: Observable<undefined> = { get: () => undefined, subscribe: () => () => undefined };

export function useRoute(): Route {
  return useObservable(route);
}

export function useEngine(): Engine | undefined {
  return useObservable(useApp().engine);
}

export function useIdentity(): Identity {
  return useObservable(useApp().identity);
}

export function useLiveness(): Liveness {
  const { accounts } = useApp();
  const observable = useMemo(
    () => ({ get: () => accounts.liveness, subscribe: (listener: () => void) => accounts.onLiveness(listener) }),
    [accounts],
  );
  return useObservable(observable);
}

/** An account as last known, read and followed while the component is there. */
export function useAccount(address: Address | undefined): Account | undefined {
  const { accounts } = useApp();
  const observable = useMemo<Observable<Account | undefined>>(
    () =>
      address === undefined
        ? NOTHING
        : { get: () => accounts.get(address), subscribe: (listener) => accounts.watch(address, listener) },
    [accounts, address],
  );
  return useObservable(observable);
}

/** Several accounts as last known, in the order of their addresses. */
export function useAccounts(addresses: readonly Address[]): readonly (Account | undefined)[] {
  const { accounts } = useApp();
  const key = addresses.join();
  const observable = useMemo(() => {
    let held: readonly (Account | undefined)[] = addresses.map((address) => accounts.get(address));
    return {
      get: () => {
        const next = addresses.map((address) => accounts.get(address));
        if (next.some((account, nth) => account !== held[nth])) {
          held = next;
        }
        return held;
      },
      subscribe: (listener: () => void) => {
        const ends = addresses.map((address) => accounts.watch(address, listener));
        return () => {
          for (const end of ends) end();
        };
      },
    };
  }, [accounts, key]);
  return useObservable(observable);
}

/** Makes something of an account's bytes. Throws if they are something else. */
type Decode<T> = (address: Address, info: AccountInfo) => T;

const decoded = new WeakMap<Account, Map<unknown, Loaded<unknown>>>();

/** What an account holds, made once of each state of it. */
export function load<T>(account: Account | undefined, decode: Decode<T>): Loaded<T> {
  if (account === undefined) {
    return LOADING;
  }
  if (account.info === undefined) {
    return ABSENT;
  }
  let made = decoded.get(account);
  if (made === undefined) {
    made = new Map();
    decoded.set(account, made);
  }
  let result = made.get(decode) as Loaded<T> | undefined;
  if (result === undefined) {
    try {
      result = { state: 'ready', value: decode(account.address, account.info) };
    } catch (error) {
      result = { state: 'broken', words: error instanceof Error ? error.message : String(error) };
    }
    made.set(decode, result);
  }
  return result;
}

/** What the account at an address holds. `decode` must be the same function from render to render. */
export function useDecoded<T>(address: Address | undefined, decode: Decode<T>): Loaded<T> {
  return load(useAccount(address), decode);
}

/** Whether an account is the program's, beside what it holds. */
export function ofProgram<T>(program: Address, decode: (address: Address, bytes: Uint8Array) => T): Decode<T> {
  return (address, info) => {
    if (info.owner !== program) {
      throw new Error(`it belongs to another program: ${info.owner}`);
    }
    return decode(address, info.data);
  };
}

/** The market that is shown: the address names it, else it is the first. */
export function useMarketEntry(): MarketEntry {
  const { config } = useApp();
  const named = useRoute().params.get('market');
  return config.markets.find(({ address }) => address === named) ?? config.markets[0]!;
}

/** The market that is shown. */
export function useMarket(): Loaded<Market> {
  const { config } = useApp();
  const decode = useMemo(() => ofProgram(config.program, decodeMarket), [config]);
  return useDecoded(useMarketEntry().address, decode);
}

/** A margin account. */
export function useMarginAccount(address: Address | undefined): Loaded<MarginAccount> {
  const { config } = useApp();
  const decode = useMemo(() => ofProgram(config.program, decodeMarginAccount), [config]);
  return useDecoded(address, decode);
}

/** Those of some margin accounts that are there; none until all have been read. */
export function useMarginAccounts(addresses: readonly Address[]): readonly MarginAccount[] | undefined {
  const { config } = useApp();
  const decode = useMemo(() => ofProgram(config.program, decodeMarginAccount), [config]);
  const accounts = useAccounts(addresses);
  return useMemo(() => {
    const read = accounts.map((account) => load(account, decode));
    return addresses.length === 0 || read.some(({ state }) => state === 'loading')
      ? undefined
      : read.flatMap((one) => (one.state === 'ready' ? [one.value] : []));
  }, [accounts, decode]);
}

/** An owner's margin accounts that the page looks for: the first numbers, which need no list of all accounts of the program. */
const LOOKED_FOR = 8;

/** The addresses where an owner's margin accounts of the first numbers are, whether they are opened or not. */
export function useAccountAddresses(owner: Address | undefined): readonly Address[] {
  const market = useMarketEntry().address;
  const [addresses, setAddresses] = useState<readonly Address[]>([]);
  useEffect(() => {
    let isWanted = true;
    setAddresses([]);
    if (owner !== undefined) {
      const all = Array.from({ length: LOOKED_FOR }, (_, id) => findMarginAccountPda({ market, owner, id }));
      Promise.all(all).then((found) => isWanted && setAddresses(found.map(([address]) => address)));
    }
    return () => {
      isWanted = false;
    };
  }, [market, owner]);
  return addresses;
}

/** What is found from a key, such as the addresses that it gives; none until it is, and where there is no key. */
export function useFound<T>(key: string | undefined, find: () => Promise<T>): T | undefined {
  const [found, setFound] = useState<{ readonly key: string; readonly value: T }>();
  useEffect(() => {
    let isWanted = true;
    if (key !== undefined) {
      find().then((value) => isWanted && setFound({ key, value }));
    }
    return () => {
      isWanted = false;
    };
  }, [key]);
  return found !== undefined && found.key === key ? found.value : undefined;
}

/** The chain's time, unix seconds. */
export function useNow(): bigint | undefined {
  const { accounts } = useApp();
  const observable = useMemo(
    () => ({
      get: () => timeOf(accounts.get(CLOCK)),
      subscribe: (listener: () => void) => accounts.watch(CLOCK, listener),
    }),
    [accounts],
  );
  return useObservable(observable);
}

/** An address in a route's argument. */
export function addressIn(text: string | undefined): Address | undefined {
  return text !== undefined && isAddress(text) ? text : undefined;
}
