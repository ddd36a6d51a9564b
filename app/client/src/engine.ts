import { getBase64Encoder, type ReadonlyUint8Array } from '@solana/kit';
import { type MarginAccount, type Market, reserveAt } from './accounts.js';
import { checkAmount, checkTime } from './numbers.js';
import { ENGINE } from './wasm/engine.js';

/** What the WebAssembly module exports: see crates/engine-wasm. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  input(): number;
  input_size(): number;
  output(): number;
  health(market: number, margin: number, now: bigint): number;
  positions(market: number, margin: number, now: bigint): number;
  max_borrow(market: number, margin: number, now: bigint, reserve: number): number;
  max_withdraw(market: number, margin: number, now: bigint, reserve: number): number;
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
}

/** Collateral and debt, 10^-8 USD. */
export interface Sums {
  readonly collateral: bigint;
  readonly debt: bigint;
}

/** The healths of an account. */
export interface Health {
  /** Gates new risk. The debt is 2^128 − 1 while the price of one is stale or unsettled, when nothing covers it. */
  readonly initial: Sums;
  /** Gates liquidation: the account is liquidatable while the debt is above the collateral. */
  readonly maintenance: Sums;
  /** By last spot prices, without weights. */
  readonly equity: Sums;
}

/** A deposit or a debt. */
export interface PositionAmount {
  /** Index of the reserve. */
  readonly reserve: number;
  readonly isDebt: boolean;
  /** Atoms, interest until then included. */
  readonly amount: bigint;
}

/** The most that an action takes. */
export interface Limit {
  /** Zero if nothing is accepted. */
  readonly atoms: bigint;
  /** The error code of what one atom more is refused with: {@link describeError}. None if there is no more: then the action
   * takes {@link EVERYTHING}. */
  readonly refusal: number | undefined;
}

/** A price at which one reserve makes an account liquidatable. */
export interface LiquidationPrice {
  /** Times 10^`exponent` USD for one token. */
  readonly price: bigint;
  readonly exponent: number;
  /** Whether lower prices liquidate too, as those of a deposit do, or higher ones, as those of a debt. */
  readonly isDeposit: boolean;
}

/** What a liquidation would move. */
export interface LiquidationPreview {
  /** Atoms of the debt that are repaid. */
  readonly repaid: bigint;
  /** Atoms of the debt's token that the liquidator pays on top. */
  readonly insurance: bigint;
  /** Atoms of the collateral that the liquidator gets. */
  readonly seized: bigint;
  readonly penaltyBps: number;
}

/** Continuously compounded annual rates, and utilisation: 1 is 100 %. For people. */
export interface Rates {
  readonly borrow: number;
  readonly deposit: number;
  readonly utilisation: number;
}

/** What a liquidator asks for. */
export interface LiquidationOrder {
  /** Index of the reserve to repay. */
  readonly debt: number;
  /** Index of the reserve to seize from. */
  readonly collateral: number;
  /** Most atoms to pay. */
  readonly maxRepay: bigint;
  /** Fewest atoms of collateral to accept. */
  readonly minCollateral: bigint;
}

/** A question that has no answer. */
export class EngineError extends Error {
  override readonly name = 'EngineError';

  constructor(
    message: string,
    /** The program's error code; none if the bytes are no such accounts. */
    readonly code: number | undefined,
  ) {
    super(message);
  }
}

/**
 * Compiles the engine, which is part of this package. A source of one's own is for runtimes that compile no bytes, and
 * for pages that serve the file `@ballast/client/engine.wasm`.
 */
export async function loadEngine(source?: BufferSource | WebAssembly.Module): Promise<Engine> {
  const module =
    source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source ?? (await ownBytes()));
  return new Engine((await WebAssembly.instantiate(module)).exports as unknown as Exports);
}

/** What `embed.mjs` packed. Nothing is read or fetched, so that it is found wherever this module is bundled or run. */
async function ownBytes(): Promise<ArrayBuffer> {
  const packed = new Response(new Uint8Array(getBase64Encoder().encode(ENGINE)));
  return new Response(packed.body!.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

/**
 * The engine of the program: what it answers is what the chain computes. `now` is unix seconds. Questions throw an
 * {@link EngineError} where the program would refuse.
 */
export class Engine {
  readonly #exports: Exports;

  /** @internal */
  constructor(exports: Exports) {
    this.#exports = exports;
  }

  /** The healths of an account, interest until `now` included. */
  health(market: Market, account: MarginAccount, now: bigint | number): Health {
    const words = this.#ask(market, account, now, this.#exports.health);
    const wide = (index: number) => (words.unsigned(index + 1) << 64n) | words.unsigned(index);
    const sums = (index: number): Sums => ({ collateral: wide(index), debt: wide(index + 2) });
    return { initial: sums(0), maintenance: sums(4), equity: sums(8) };
  }

  /** The account's deposits, rounded down, and debts, rounded up. */
  positions(market: Market, account: MarginAccount, now: bigint | number): PositionAmount[] {
    const words = this.#ask(market, account, now, this.#exports.positions);
    return Array.from({ length: words.length / 3 }, (_, index) => ({
      reserve: Number(words.unsigned(3 * index)),
      isDebt: words.unsigned(3 * index + 1) === 1n,
      amount: words.unsigned(3 * index + 2),
    }));
  }

  /** The most atoms that the account may borrow: that passes, and one more does not. */
  maxBorrow(market: Market, account: MarginAccount, reserve: number, now: bigint | number): Limit {
    reserveAt(market, reserve);
    return limit(this.#ask(market, account, now, this.#exports.max_borrow, reserve));
  }

  /** The most atoms that the account may withdraw. Throws if it has no deposit there. */
  maxWithdraw(market: Market, account: MarginAccount, reserve: number, now: bigint | number): Limit {
    reserveAt(market, reserve);
    return limit(this.#ask(market, account, now, this.#exports.max_withdraw, reserve));
  }

  /**
   * The price of a reserve, all else as it is, at which the account is liquidatable and next to which it is not: the highest
   * such price of a deposit, the lowest of a debt. None if no price of this reserve makes the difference. Throws if the account
   * has no position there.
   */
  liquidationPrice(
    market: Market,
    account: MarginAccount,
    reserve: number,
    now: bigint | number,
  ): LiquidationPrice | undefined {
    reserveAt(market, reserve);
    const words = this.#ask(market, account, now, this.#exports.liquidation_price, reserve);
    if (words.length === 0) {
      return undefined;
    }
    return { price: words.unsigned(0), exponent: words.signed(1), isDeposit: words.unsigned(2) === 1n };
  }

  /** What a liquidation would move if it landed at `now`. Throws if the account is not liquidatable. */
  previewLiquidation(
    market: Market,
    account: MarginAccount,
    order: LiquidationOrder,
    now: bigint | number,
  ): LiquidationPreview {
    const { debt, collateral, maxRepay, minCollateral } = order;
    for (const index of [debt, collateral]) reserveAt(market, index);
    checkAmount('maxRepay', maxRepay);
    checkAmount('minCollateral', minCollateral);
    const { preview_liquidation } = this.#exports;
    const words = this.#ask(market, account, now, preview_liquidation, debt, collateral, maxRepay, minCollateral);
    const [repaid, insurance, seized] = [words.unsigned(0), words.unsigned(1), words.unsigned(2)];
    return { repaid, insurance, seized, penaltyBps: words.signed(3) };
  }

  /** The rates of a reserve since its books last changed. */
  rates(market: Market, reserve: number): Rates {
    reserveAt(market, reserve);
    this.#write([market.bytes]);
    const words = this.#answer(this.#exports.rates(market.bytes.length, reserve));
    return { borrow: words.float(0), deposit: words.float(1), utilisation: words.float(2) };
  }

  /** Asks a question that takes more, which must have been checked. */
  #ask<More extends unknown[]>(
    market: Market,
    account: MarginAccount,
    now: bigint | number,
    question: (market: number, margin: number, now: bigint, ...more: More) => number,
    ...more: More
  ): Words {
    const time = checkTime('now', now);
    if (account.market !== market.address) {
      throw new EngineError('the margin account belongs to another market', undefined);
    }
    this.#write([market.bytes, account.bytes]);
    return this.#answer(question(market.bytes.length, account.bytes.length, time, ...more));
  }

  #write(accounts: readonly ReadonlyUint8Array[]) {
    const input = new Uint8Array(this.#exports.memory.buffer, this.#exports.input(), this.#exports.input_size());
    let length = 0;
    for (const bytes of accounts) {
      if (length + bytes.length > input.length) {
        throw new EngineError('the accounts are larger than the largest market and margin account', undefined);
      }
      input.set(bytes, length);
      length += bytes.length;
    }
  }

  #answer(status: number): Words {
    // The memory may have grown, and with it moved.
    const { buffer } = this.#exports.memory;
    const at = this.#exports.output();
    if (status >= 0) {
      return new Words(new DataView(buffer, at), status);
    }
    const code = Number(new DataView(buffer, at).getBigUint64(0, true));
    const message = new TextDecoder().decode(new Uint8Array(buffer, at + 8, -status));
    throw new EngineError(message, code === 0 ? undefined : code);
  }
}

/** An answer: little endian words of 64 bits. */
class Words {
  constructor(
    readonly view: DataView,
    readonly length: number,
  ) {}

  unsigned(index: number): bigint {
    return this.view.getBigUint64(8 * index, true);
  }

  signed(index: number): number {
    return Number(this.view.getBigInt64(8 * index, true));
  }

  float(index: number): number {
    return this.view.getFloat64(8 * index, true);
  }
}

function limit(words: Words): Limit {
  const refusal = words.signed(1);
  return { atoms: words.unsigned(0), refusal: refusal === 0 ? undefined : refusal };
}
