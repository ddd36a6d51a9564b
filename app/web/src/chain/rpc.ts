// JSON-RPC over HTTP: the few methods that the page asks, within a budget of calls, and slower where the node says so.

import type { Address } from '@solana/kit';
import { fromBase64 } from '../bytes.ts';
import { parseJson } from '../json.ts';

/** A node's answer is an error, or there is none. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    message: string,
    /** JSON-RPC's code, if the node gave one. */
    readonly code: number | undefined,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

/** An account as a node read it. */
export interface AccountInfo {
  readonly lamports: bigint;
  readonly owner: Address;
  readonly data: Uint8Array;
}

/** An answer as of a slot. */
interface At<T> {
  readonly slot: bigint;
  readonly value: T;
}

export interface SignatureStatus {
  readonly slot: bigint;
  readonly err: unknown;
  readonly confirmationStatus: 'processed' | 'confirmed' | 'finalized';
}

export interface Simulation {
  readonly err: unknown;
  readonly logs: readonly string[];
  readonly unitsConsumed: bigint;
  readonly loadedAccountsDataSize: number | undefined;
  readonly accounts: readonly (AccountInfo | undefined)[];
}

interface RawAccount {
  readonly lamports: bigint | number;
  readonly owner: string;
  readonly data: readonly [string, string];
}

export function accountOf(raw: unknown): AccountInfo | undefined {
  if (raw === null || raw === undefined) {
    return undefined;
  }
  const { lamports, owner, data } = raw as RawAccount;
  return { lamports: BigInt(lamports), owner: owner as Address, data: fromBase64(data[0]) };
}

/** What is asked of an account as a node may know it. */
const CONFIRMED = { commitment: 'confirmed', encoding: 'base64' } as const;

/** Most accounts of one question. */
const MOST_ACCOUNTS = 100;
const ATTEMPTS = 5;
const FIRST_WAIT = 500;
/** Calls at once, and a second on average after that. */
const BUDGET = { burst: 24, perSecond: 6 } as const;

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** A node. */
export class Rpc {
  #id = 0;
  #left: number = BUDGET.burst;
  #filled = performance.now();
  /** Nothing is asked before: the node said that there were too many calls. */
  #pausedUntil = 0;
  /** Calls so far. */
  calls = 0;

  constructor(readonly url: string) {}

  /** Until when nothing is asked, by `performance.now()`: the node refused calls. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** Asks. What the page asks may be asked twice: reads, simulations, and sending what is signed. */
  async request<T>(method: string, params: readonly unknown[]): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      await this.#turn();
      this.calls += 1;
      this.#id += 1;
      let wait = FIRST_WAIT * 2 ** attempt;
      let failure: RpcError;
      try {
        const response = await fetch(this.url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ jsonrpc: '2.0', id: this.#id, method, params }),
        });
        if (response.ok) {
          const { result, error } = parseJson(await response.text()) as { result?: T; error?: Partial<RpcError> };
          if (error === undefined || error === null) {
            return result as T;
          }
          throw new RpcError(error.message ?? 'the node refused without a word', error.code, error.data);
        }
        failure = new RpcError(words(response.status), undefined);
        if (response.status === 429) {
          const asked = Number(response.headers.get('retry-after'));
          wait = Math.max(wait, Number.isFinite(asked) ? Math.min(asked, 30) * 1_000 : 0);
          this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + wait);
        } else if (response.status < 500) {
          throw failure;
        }
      } catch (error) {
        if (error instanceof RpcError) {
          throw error;
        }
        failure = new RpcError('the node does not answer', undefined);
      }
      if (attempt + 1 >= ATTEMPTS) {
        throw failure;
      }
      await sleep(wait);
    }
  }

  /** Waits until a call is within the budget. */
  async #turn(): Promise<void> {
    for (;;) {
      const now = performance.now();
      this.#left = Math.min(BUDGET.burst, this.#left + ((now - this.#filled) / 1_000) * BUDGET.perSecond);
      this.#filled = now;
      const wait = Math.max(
        this.#pausedUntil - now,
        this.#left < 1 ? ((1 - this.#left) / BUDGET.perSecond) * 1_000 : 0,
      );
      if (wait <= 0) {
        this.#left -= 1;
        return;
      }
      await sleep(wait);
    }
  }

  /** Accounts, each as of the slot of the question that read it. */
  async accounts(
    addresses: readonly Address[],
    options: { readonly minContextSlot?: number; readonly dataSlice?: { offset: number; length: number } } = {},
  ): Promise<At<AccountInfo | undefined>[]> {
    const groups = Array.from({ length: Math.ceil(addresses.length / MOST_ACCOUNTS) }, (_, nth) =>
      addresses.slice(nth * MOST_ACCOUNTS, (nth + 1) * MOST_ACCOUNTS),
    );
    const answers = await Promise.all(
      groups.map(async (group) => {
        const { context, value } = await this.request<Contextual<readonly unknown[]>>('getMultipleAccounts', [
          group,
          { ...CONFIRMED, ...options },
        ]);
        return value.map((raw) => ({ slot: BigInt(context.slot), value: accountOf(raw) }));
      }),
    );
    return answers.flat();
  }

  /** Accounts of a program that pass filters. Many nodes refuse this question. */
  async programAccounts(
    program: Address,
    filters: readonly unknown[],
  ): Promise<(AccountInfo & { address: Address })[]> {
    const found = await this.request<readonly { pubkey: Address; account: unknown }[]>('getProgramAccounts', [
      program,
      { ...CONFIRMED, filters },
    ]);
    return found.map(({ pubkey, account }) => ({ address: pubkey, ...accountOf(account)! }));
  }

  /** The latest transactions that name an address, the newest first. */
  async signatures(address: Address, limit: number): Promise<readonly PastSignature[]> {
    return this.request('getSignaturesForAddress', [address, { limit, commitment: 'confirmed' }]);
  }

  genesisHash(): Promise<string> {
    return this.request('getGenesisHash', []);
  }

  async latestBlockhash(): Promise<{ blockhash: string; lastValidBlockHeight: bigint }> {
    const { value } = await this.request<Contextual<{ blockhash: string; lastValidBlockHeight: number }>>(
      'getLatestBlockhash',
      [{ commitment: 'confirmed' }],
    );
    return { blockhash: value.blockhash, lastValidBlockHeight: BigInt(value.lastValidBlockHeight) };
  }

  async blockHeight(): Promise<bigint> {
    return BigInt(await this.request<number>('getBlockHeight', [{ commitment: 'confirmed' }]));
  }

  /** Priority fees that landed lately beside writes to these accounts, micro-lamports a compute unit. */
  async priorityFees(written: readonly Address[]): Promise<bigint[]> {
    const fees = await this.request<readonly { prioritizationFee: number | bigint }[]>('getRecentPrioritizationFees', [
      written.slice(0, 128),
    ]);
    return fees.map(({ prioritizationFee }) => BigInt(prioritizationFee));
  }

  async simulate(transaction: string, accounts: readonly Address[]): Promise<Simulation> {
    const { value } = await this.request<Contextual<RawSimulation>>('simulateTransaction', [
      transaction,
      {
        ...CONFIRMED,
        sigVerify: false,
        replaceRecentBlockhash: true,
        accounts: { encoding: 'base64', addresses: accounts },
      },
    ]);
    return {
      err: value.err,
      logs: value.logs ?? [],
      unitsConsumed: BigInt(value.unitsConsumed ?? 0),
      loadedAccountsDataSize: value.loadedAccountsDataSize,
      accounts: (value.accounts ?? []).map(accountOf),
    };
  }

  /** Hands a signed transaction on. Nobody repeats it but the page, which knows until when it can land. */
  send(transaction: string): Promise<string> {
    return this.request('sendTransaction', [transaction, { encoding: 'base64', skipPreflight: true, maxRetries: 0 }]);
  }

  async signatureStatus(signature: string, searchTransactionHistory = false): Promise<SignatureStatus | undefined> {
    const { value } = await this.request<Contextual<readonly (RawStatus | null)[]>>('getSignatureStatuses', [
      [signature],
      { searchTransactionHistory },
    ]);
    const status = value[0];
    return status ? { ...status, slot: BigInt(status.slot) } : undefined;
  }

  /** A landed transaction's bytes and logs. */
  async transaction(signature: string): Promise<{ bytes: Uint8Array; logs: readonly string[] } | undefined> {
    const found = await this.request<{ transaction: [string, string]; meta: { logMessages?: string[] } | null } | null>(
      'getTransaction',
      [signature, { ...CONFIRMED, maxSupportedTransactionVersion: 0 }],
    );
    return found === null
      ? undefined
      : { bytes: fromBase64(found.transaction[0]), logs: found.meta?.logMessages ?? [] };
  }
}

interface PastSignature {
  readonly signature: string;
  readonly slot: number;
  readonly err: unknown;
  readonly blockTime: number | null;
}

interface Contextual<T> {
  readonly context: { readonly slot: number };
  readonly value: T;
}

interface RawStatus extends Omit<SignatureStatus, 'slot'> {
  readonly slot: number;
}

interface RawSimulation {
  readonly err: unknown;
  readonly logs?: readonly string[] | null;
  readonly unitsConsumed?: number;
  readonly loadedAccountsDataSize?: number;
  readonly accounts?: readonly unknown[] | null;
}

function words(status: number): string {
  switch (status) {
    case 429:
      return 'the node refuses: too many calls (HTTP 429)';
    case 401:
    case 403:
      return `the node does not serve this page (HTTP ${status})`;
    default:
      return `the node answers with HTTP ${status}`;
  }
}
