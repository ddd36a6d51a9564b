// The one store of account states. Whoever shows an account watches it: it is read together with others that are asked for in the
// same moment, and followed by the WebSocket. What the socket may have missed is read again.

import type { Address } from '@solana/kit';
import { isSame, judge, type State } from './order.ts';
import { type AccountInfo, accountOf, type Rpc } from './rpc.ts';
import { Socket } from './socket.ts';

/** An account as last known. The same object for as long as it holds the same, so that what is made of it can be kept. */
export interface Account {
  readonly address: Address;
  /** None: there is no such account. */
  readonly info: AccountInfo | undefined;
}

/** Whether what is shown is of now. `since` is when the node was last heard, by `Date.now()`. */
export interface Liveness {
  readonly state: 'connecting' | 'live' | 'stale';
  readonly since: number;
  /** Why the last question failed, in words. */
  readonly failure: string | undefined;
}

/** The account that changes with every slot: heartbeat and clock in one. */
export const CLOCK = 'SysvarC1ock11111111111111111111111111111111' as Address;

/** Silence after which accounts are read by a question, and after which they count as old, milliseconds. */
const SILENCE = { ask: 2_500, stale: 5_000 } as const;
const TICK = 500;
/** For how long a later message may settle which of two states is the newer one, milliseconds. */
const DOUBT = 600;

interface Watched {
  readonly listeners: Set<() => void>;
  state?: State;
  account?: Account;
  unsubscribe?: () => void;
}

/** A notification of `accountSubscribe`. */
interface Notification {
  readonly context: { readonly slot: number };
  readonly value: unknown;
}

export class Accounts {
  readonly #watched = new Map<Address, Watched>();
  readonly #livenessListeners = new Set<() => void>();
  readonly #wanted = new Set<Address>();
  /** Those of which two states were told, and nobody knows which is the newer one. */
  readonly #doubtful = new Set<Address>();
  readonly #socket: Socket;
  #reading = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The latest slot that anything was heard of. */
  #slot = 0n;
  #heard = performance.now();
  #liveness: Liveness = { state: 'connecting', since: Date.now(), failure: undefined };

  constructor(
    readonly rpc: Rpc,
    ws: string,
  ) {
    this.#socket = new Socket(
      ws,
      () => this.refresh(),
      () => undefined,
    );
  }

  /** Begins to listen. */
  start(): void {
    this.watch(CLOCK, () => undefined);
    this.#socket.connect();
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.stop();
  }

  /** What is known of an account; none as long as it has not been read. */
  get(address: Address): Account | undefined {
    return this.#watched.get(address)?.account;
  }

  /** The slot of what is known of an account. */
  slotOf(address: Address): bigint | undefined {
    return this.#watched.get(address)?.state?.slot;
  }

  get liveness(): Liveness {
    return this.#liveness;
  }

  onLiveness(listener: () => void): () => void {
    this.#livenessListeners.add(listener);
    return () => this.#livenessListeners.delete(listener);
  }

  /** Follows an account until the returned function is called. */
  watch(address: Address, listener: () => void): () => void {
    let watched = this.#watched.get(address);
    if (watched === undefined) {
      watched = { listeners: new Set() };
      this.#watched.set(address, watched);
      watched.unsubscribe = this.#socket.subscribe(
        'accountSubscribe',
        [address, { commitment: 'confirmed', encoding: 'base64' }],
        (result, connection) => {
          const { context, value } = result as Notification;
          this.#receive(address, { slot: BigInt(context.slot), info: living(accountOf(value)), connection });
        },
      );
      this.#want(address);
    }
    const { listeners, unsubscribe } = watched;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      // A screen that follows may want it too.
      setTimeout(() => {
        if (listeners.size === 0 && this.#watched.get(address)?.listeners === listeners) {
          unsubscribe?.();
          this.#watched.delete(address);
        }
      }, 1_000);
    };
  }

  /** Tells the logs of all transactions that name an address and succeed, until the returned function is called. */
  watchLogs(address: Address, on: (logs: readonly string[]) => void): () => void {
    return this.#socket.subscribe('logsSubscribe', [{ mentions: [address] }, { commitment: 'confirmed' }], (result) => {
      const { value } = result as { value: { err: unknown; logs: readonly string[] } };
      if (value.err === null || value.err === undefined) {
        on(value.logs);
      }
    });
  }

  /** Reads all that is watched again, or those given. */
  refresh(addresses: Iterable<Address> = this.#watched.keys()): void {
    for (const address of addresses) {
      this.#want(address);
    }
  }

  #want(address: Address): void {
    this.#wanted.add(address);
    // What is wanted in the same moment goes into one question.
    setTimeout(() => this.#read(), 0);
  }

  /** Reads an account again, unless the next message settles it: nodes that label messages late would have the page ask all the time. */
  #doubt(address: Address): void {
    if (address === CLOCK) {
      return;
    }
    this.#doubtful.add(address);
    setTimeout(() => {
      if (this.#doubtful.delete(address)) {
        this.#want(address);
      }
    }, DOUBT);
  }

  async #read(): Promise<void> {
    if (this.#reading || this.#wanted.size === 0) {
      return;
    }
    this.#reading = true;
    const addresses = [...this.#wanted].filter((address) => this.#watched.has(address));
    this.#wanted.clear();
    try {
      const answers = await this.rpc.accounts(addresses);
      addresses.forEach((address, nth) => {
        const { slot, value } = answers[nth]!;
        this.#receive(address, { slot, info: living(value), connection: 0 });
      });
      this.#setFailure(undefined);
    } catch (error) {
      this.#setFailure(error instanceof Error ? error.message : String(error));
      // The tick asks again for as long as nothing is heard.
    } finally {
      this.#reading = false;
    }
    if (this.#wanted.size > 0) {
      setTimeout(() => this.#read(), SILENCE.ask / 5);
    }
  }

  #receive(address: Address, next: State): void {
    if (next.slot > this.#slot) {
      this.#slot = next.slot;
      this.#heard = performance.now();
      this.#setState('live');
    }
    const watched = this.#watched.get(address);
    if (watched === undefined) {
      return;
    }
    switch (judge(watched.state, next)) {
      case 'take':
        break;
      case 'ask':
        this.#doubt(address);
        return;
      case 'keep':
        return;
    }
    this.#doubtful.delete(address);
    const before = watched.account;
    watched.state = next;
    if (before !== undefined && isSame(before.info, next.info)) {
      return;
    }
    watched.account = { address, info: next.info };
    for (const listener of watched.listeners) {
      listener();
    }
  }

  #tick(): void {
    const silence = performance.now() - this.#heard;
    if (silence > SILENCE.stale) {
      this.#setState('stale');
      if (this.#socket.isOpen) {
        this.#socket.restart();
      }
    }
    if (silence > SILENCE.ask) {
      this.refresh();
    }
  }

  #setState(state: Liveness['state']): void {
    const since = state === 'live' ? Date.now() : this.#liveness.since;
    const isChanged = state !== this.#liveness.state;
    this.#liveness = { ...this.#liveness, state, since };
    if (isChanged) {
      this.#tell();
    }
  }

  #setFailure(failure: string | undefined): void {
    if (failure !== this.#liveness.failure) {
      this.#liveness = { ...this.#liveness, failure };
      this.#tell();
    }
  }

  #tell(): void {
    for (const listener of this.#livenessListeners) {
      listener();
    }
  }
}

/** An account of nothing is none: so says the runtime of closed ones. */
function living(info: AccountInfo | undefined): AccountInfo | undefined {
  return info === undefined || (info.lamports === 0n && info.data.length === 0) ? undefined : info;
}
