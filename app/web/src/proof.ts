// Whether the token accounts of a market hold what its books say, and whether an event of it was missed.

import { decodeMarket, type Market } from '@ballast/client';
import type { Address } from '@solana/kit';
import type { App } from './app.ts';
import { openReserves } from './books.ts';
import { Cell } from './cell.ts';
import type { Rpc } from './chain/rpc.ts';
import { errorWords } from './errors.ts';
import { eventsIn, gaps } from './events.ts';
import { tokensIn } from './holdings.ts';

/** A reserve's token account beside its books, as of one slot. */
export interface VaultCheck {
  readonly reserve: number;
  readonly vault: Address;
  /** Atoms in the token account; none if it is not there. */
  readonly balance: bigint | undefined;
  readonly cash: bigint;
  readonly insurance: bigint;
  /** Fees set aside. */
  readonly fees: bigint;
  /** What is there beyond the books; less than zero: what is missing. */
  readonly difference: bigint;
}

export interface Proof {
  readonly slot: bigint;
  /** By `Date.now()`. */
  readonly at: number;
  readonly market: Market;
  readonly checks: readonly VaultCheck[];
}

/** Compares a market's token accounts with its books. Throws if the node does not answer, or there is no such market. */
async function readProof(rpc: Rpc, program: Address, known: Market): Promise<Proof> {
  const indices = openReserves(known);
  const vaults = indices.map((index) => known.reserves[index]!.vault);
  // One question, so that all of it is of one slot.
  const [first, ...others] = await rpc.accounts([known.address, ...vaults]);
  const { slot, value } = first!;
  if (value?.owner !== program) {
    throw new Error('there is no market at its address');
  }
  const market = decodeMarket(known.address, value.data);
  const checks = indices.map((reserve, nth): VaultCheck => {
    const { cash, claimable: fees, insurance } = market.reserves[reserve]!;
    const { value } = others[nth]!;
    const balance = tokensIn({ address: vaults[nth]!, info: value });
    const books = cash + insurance.assets + fees;
    const difference = (balance ?? 0n) - books;
    return { reserve, vault: vaults[nth]!, balance, cash, insurance: insurance.assets, fees, difference };
  });
  return { slot, at: Date.now(), market, checks };
}

/** The checks that something is missing in. */
export function shortfalls({ checks }: Proof): readonly VaultCheck[] {
  return checks.filter(({ difference }) => difference < 0n);
}

export type Gaps =
  | { readonly state: 'waiting' }
  | {
      readonly state: 'watching';
      /** Since when, by `Date.now()`. */
      readonly since: number;
      /** Numbers that there were, and how many of them were told. */
      readonly from: bigint;
      readonly to: bigint;
      readonly seen: number;
      /** Numbers that nobody told, as spans. */
      readonly missing: readonly (readonly [first: bigint, last: bigint])[];
    };

/** What is known of a market all along. */
export interface Watched {
  readonly proof: Cell<Proof | undefined>;
  readonly failure: Cell<string | undefined>;
  readonly gaps: Cell<Gaps>;
  /** Compares again. */
  check(): Promise<void>;
}

const watched = new Map<Address, Watched & { hold(): () => void }>();

/** From one comparison to the next while nobody looks, and from one look at the events to the next, milliseconds. */
const [COMPARE, LOOK] = [60_000, 4_000];

/** What is watched of a market, as long as somebody holds it. */
export function watchMarket(app: App, address: Address, latest: () => Market | undefined) {
  let made = watched.get(address);
  if (made === undefined) {
    made = begin(app, address, latest);
    watched.set(address, made);
  }
  return made;
}

function begin({ rpc, accounts, config }: App, address: Address, latest: () => Market | undefined) {
  const proof = new Cell<Proof | undefined>(undefined);
  const failure = new Cell<string | undefined>(undefined);
  const gapsSeen = new Cell<Gaps>({ state: 'waiting' });
  let busy = false;
  const check = async () => {
    const known = latest();
    if (busy || known === undefined) {
      return;
    }
    busy = true;
    try {
      proof.set(await readProof(rpc, config.program, known));
      failure.set(undefined);
    } catch (error) {
      failure.set(errorWords(error));
    } finally {
      busy = false;
    }
  };

  const seen = new Set<bigint>();
  let from: bigint | undefined;
  let before: bigint | undefined;
  const since = Date.now();
  const look = () => {
    const events = latest()?.events;
    if (events === undefined) {
      return;
    }
    from ??= events;
    // What the market counted at the look before has had time to be told.
    const to = before ?? from;
    before = events;
    const told = [...seen].filter((number) => number > from! && number <= to).length;
    gapsSeen.set({ state: 'watching', since, from, to, seen: told, missing: gaps(seen, from + 1n, to) });
  };

  let holders = 0;
  let end: () => void = () => undefined;
  const hold = () => {
    holders += 1;
    if (holders === 1) {
      const unwatch = accounts.watchLogs(address, (logs) => {
        for (const { number, subject } of eventsIn(config.program, logs)) {
          if (subject !== 'vault') {
            seen.add(number);
          }
        }
      });
      check();
      look();
      const timers = [setInterval(check, COMPARE), setInterval(look, LOOK)];
      end = () => {
        unwatch();
        for (const timer of timers) clearInterval(timer);
        // What comes meanwhile is told to nobody: it begins anew.
        watched.delete(address);
      };
    }
    return () => {
      holders -= 1;
      if (holders === 0) {
        end();
      }
    };
  };
  return { proof, failure, gaps: gapsSeen, check, hold };
}
