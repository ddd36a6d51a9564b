import type { ReadonlyUint8Array } from '@solana/kit';

/** What the WebAssembly module exports: see crates/engine-wasm. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  input(): number;
  input_size(): number;
  output(): number;
  health(market: number, margin: number, now: bigint): number;
  positions(market: number, margin: number, now: bigint): number;
  max_borrow(market: number, margin: number, now: bigint, reserve: number): number;
  max_withdraw(market: number, margin: number, now: bigint, reserve: number): number;
  max_deposit(market: number, margin: number, now: bigint, reserve: number): number;
  max_trade(market: number, margin: number, now: bigint, ...order: OrderWords): number;
  liquidation_price(market: number, margin: number, now: bigint, reserve: number): number;
  preview_liquidation(
    market: number,
    margin: number,
    now: bigint,
    debt: number,
    collateral: number,
    maxRepay: bigint,
    minCollateral: bigint,
  ): number;
  rates(market: number, reserve: number): number;
  scan(market: number, accounts: number, now: bigint, first: number): number;
  perp_report(market: number, perp: number, now: bigint): number;
  position_report(market: number, margin: number, now: bigint, perp: number): number;
  pool_report(market: number, pool: number, now: bigint): number;
  pool_prices(market: number, pool: number, now: bigint): number;
  open_account(market: number, addresses: number, id: number, mode: number, collateral: number, debt: number): number;
  deposit(market: number, margin: number, now: bigint, reserve: number, amount: bigint): number;
  withdraw(market: number, margin: number, now: bigint, reserve: number, amount: bigint): number;
  borrow(market: number, margin: number, now: bigint, reserve: number, amount: bigint): number;
  repay(market: number, margin: number, now: bigint, reserve: number, amount: bigint): number;
  trade(market: number, margin: number, now: bigint, ...order: OrderWords): number;
  settle_perp(market: number, margin: number, now: bigint, perp: number): number;
  pool_deposit(market: number, margin: number, now: bigint, pool: number, amount: bigint): number;
  pool_request(market: number, margin: number, now: bigint, pool: number, shares: bigint): number;
  pool_withdraw(market: number, margin: number, now: bigint, pool: number): number;
  with_prices(market: number, prices: number, now: bigint): number;
  with_change(market: number, change: number, now: bigint, stage: number): number;
  vault_report(vault: number, markets: number, now: bigint): number;
  share_price(vault: number, markets: number, now: bigint): number;
  preview_vault_deposit(vault: number, markets: number, now: bigint, amount: bigint): number;
  preview_vault_redeem(vault: number, markets: number, now: bigint, shares: bigint, from: number): number;
  preview_vault_withdraw(vault: number, markets: number, now: bigint, amount: bigint, from: number): number;
  max_vault_deposit(vault: number, markets: number, now: bigint): number;
  max_vault_redeem(vault: number, markets: number, now: bigint, held: bigint, from: number): number;
  max_vault_withdraw(vault: number, markets: number, now: bigint, held: bigint, from: number): number;
  next_move(vault: number, markets: number, now: bigint): number;
}

/** Perp, lots, limit, least part of a gain, whether the position may only shrink. */
export type OrderWords = [perp: number, lots: bigint, limit: bigint, minFactor: number, reduceOnly: number];

/** A question that has no answer. */
export class EngineError extends Error {
  override readonly name = 'EngineError';

  constructor(
    message: string,
    /** The program's error code; none if the bytes are no such accounts. */
    readonly code: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The module's memory: accounts go in, and answers come out. */
export class Memory {
  readonly exports: Exports;

  constructor(exports: Exports) {
    this.exports = exports;
  }

  /** Bytes that fit in. */
  get room(): number {
    return this.exports.input_size();
  }

  /** Puts accounts behind each other in, and asks a question about them. */
  ask(accounts: readonly ReadonlyUint8Array[], question: () => number): Words {
    this.#write(accounts);
    return this.#answer(question);
  }

  /** What lies in the input: the accounts after an action. */
  read(at: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, this.exports.input() + at, length).slice();
  }

  #write(accounts: readonly ReadonlyUint8Array[]) {
    const input = new Uint8Array(this.exports.memory.buffer, this.exports.input(), this.room);
    let length = 0;
    for (const bytes of accounts) {
      if (length + bytes.length > input.length) {
        throw new EngineError('the accounts are larger than the largest that there are', undefined);
      }
      input.set(bytes, length);
      length += bytes.length;
    }
  }

  #answer(question: () => number): Words {
    const status = asked(question);
    // The memory may have grown, and with it moved.
    const { buffer } = this.exports.memory;
    const at = this.exports.output();
    if (status >= 0) {
      return new Words(new DataView(buffer, at), status);
    }
    const code = Number(new DataView(buffer, at).getBigUint64(0, true));
    const message = new TextDecoder().decode(new Uint8Array(buffer, at + 8, -status));
    throw new EngineError(message, code === 0 ? undefined : code);
  }
}

/** An answer: little endian words of 64 bits. It is there until the next question. */
export class Words {
  constructor(
    readonly view: DataView,
    readonly length: number,
  ) {}

  unsigned(index: number): bigint {
    return this.view.getBigUint64(8 * index, true);
  }

  signed(index: number): bigint {
    return this.view.getBigInt64(8 * index, true);
  }

  /** Of two words, the lower first. */
  wide(index: number): bigint {
    return (this.unsigned(index + 1) << 64n) | this.unsigned(index);
  }

  /** One that fits a number. */
  small(index: number): number {
    return Number(this.signed(index));
  }

  float(index: number): number {
    return this.view.getFloat64(8 * index, true);
  }

  /** Something that there may be: 1 and it, or 0. */
  optional(index: number): bigint | undefined {
    return this.unsigned(index) === 0n ? undefined : this.unsigned(index + 1);
  }

  bytes(from = 0): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset + 8 * from, 8 * (this.length - from));
  }
}

/** Bytes of the right kind may still hold what the program writes into no account, and sums over that may trap. */
function asked(question: () => number): number {
  try {
    return question();
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) {
      throw new EngineError('the accounts hold what the program writes into none', undefined, { cause });
    }
    throw cause;
  }
}
