import { getAddressEncoder, getBase64Encoder, type ReadonlyUint8Array } from '@solana/kit';
import { type MarginAccount, type Market, poolAt, reserveAt, type Vault } from './accounts.js';
import { checkAmount, checkBits, checkTime, getU32Encoder } from './numbers.js';
import { decodePoolReport, decodeVaultReport, type PoolReport, type VaultReport } from './report.js';
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
  pool_report(market: number, pool: number, now: bigint): number;
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

/** A vault at a moment. */
export interface VaultState {
  readonly vault: Vault;
  /** Those of its open allocations. One that is not given counts as unreadable: `fetchVaultMarkets`. */
  readonly markets: readonly Market[];
  /** Unix seconds. */
  readonly now: bigint | number;
}

/** What a whole share of a vault costs and is worth, atoms. */
export interface SharePrice {
  /** To who enters, rounded up. */
  readonly entry: bigint;
  /** To who leaves, rounded down, before an exit fee. */
  readonly exit: bigint;
}

/** Tokens into a vault, and the shares that they buy. */
export interface VaultEntry {
  /** Atoms. */
  readonly amount: bigint;
  readonly shares: bigint;
}

/** Tokens out of a vault, and the shares that they cost. */
export interface VaultExit extends VaultEntry {
  /** Atoms that stay as an exit fee. */
  readonly fee: bigint;
  /** Atoms that rounding in the markets may take beside it. */
  readonly rounding: bigint;
}

/** One move of a vault's tokens. */
export interface VaultMove {
  /** Slot that they come from; none: what is idle. */
  readonly from: number | undefined;
  /** Slot that they go to; none: what is idle. */
  readonly to: number | undefined;
  /** Atoms. */
  readonly amount: bigint;
  /** What it gains in a year, atoms. */
  readonly gain: bigint;
  /** Shares for whoever sends it. */
  readonly reward: bigint;
}

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
    const words = this.#answer(() => this.#exports.rates(market.bytes.length, reserve));
    return { borrow: words.float(0), deposit: words.float(1), utilisation: words.float(2) };
  }

  /** The figures of a pool of perps: what `read_pool` returns. */
  poolReport(market: Market, pool: number, now: bigint | number): PoolReport {
    poolAt(market, pool);
    const time = checkTime('now', now);
    this.#write([market.bytes]);
    return decodePoolReport(this.#answer(() => this.#exports.pool_report(market.bytes.length, pool, time)).bytes());
  }

  /** A vault's figures: what `read_vault` returns. */
  vaultReport(state: VaultState): VaultReport {
    return decodeVaultReport(this.#askVault(state, this.#exports.vault_report).bytes());
  }

  /** The prices of a whole share, which is 10^`decimals` shares. */
  sharePrice(state: VaultState): SharePrice {
    const words = this.#askVault(state, this.#exports.share_price);
    return { entry: words.unsigned(0), exit: words.unsigned(1) };
  }

  /** What a deposit of so many atoms would do. */
  previewVaultDeposit(state: VaultState, amount: bigint): VaultEntry {
    checkAmount('amount', amount);
    const words = this.#askVault(state, this.#exports.preview_vault_deposit, amount);
    return { amount: words.unsigned(0), shares: words.unsigned(1) };
  }

  /** What a redemption of so many shares would do. `from` has a bit for each slot that may pay: `payingSlots`. */
  previewVaultRedeem(state: VaultState, shares: bigint, from: number): VaultExit {
    checkAmount('shares', shares);
    checkBits('from', from, 8);
    return vaultExit(this.#askVault(state, this.#exports.preview_vault_redeem, shares, from));
  }

  /** What a withdrawal of so many atoms would do. */
  previewVaultWithdraw(state: VaultState, amount: bigint, from: number): VaultExit {
    checkAmount('amount', amount);
    checkBits('from', from, 8);
    return vaultExit(this.#askVault(state, this.#exports.preview_vault_withdraw, amount, from));
  }

  /** The most atoms that can be deposited; zero where nothing can. */
  maxVaultDeposit(state: VaultState): bigint {
    return this.#askVault(state, this.#exports.max_vault_deposit).unsigned(0);
  }

  /** The most shares, of those that are held, that can be redeemed at once. */
  maxVaultRedeem(state: VaultState, held: bigint, from: number): bigint {
    checkAmount('held', held);
    checkBits('from', from, 8);
    return this.#askVault(state, this.#exports.max_vault_redeem, held, from).unsigned(0);
  }

  /** The most atoms that can be withdrawn at once for the shares that are held. */
  maxVaultWithdraw(state: VaultState, held: bigint, from: number): bigint {
    checkAmount('held', held);
    checkBits('from', from, 8);
    return this.#askVault(state, this.#exports.max_vault_withdraw, held, from).unsigned(0);
  }

  /** The move that a rebalance would make. Throws where none is due. */
  nextMove(state: VaultState): VaultMove {
    const words = this.#askVault(state, this.#exports.next_move);
    const slot = (index: number) => (words.unsigned(index) === IDLE ? undefined : words.signed(index));
    const [amount, gain, reward] = [words.unsigned(2), words.unsigned(3), words.unsigned(4)];
    return { from: slot(0), to: slot(1), amount, gain, reward };
  }

  /** Asks a question about a vault that takes more, which must have been checked. */
  #askVault<More extends unknown[]>(
    { vault, markets, now }: VaultState,
    question: (vault: number, markets: number, now: bigint, ...more: More) => number,
    ...more: More
  ): Words {
    const time = checkTime('now', now);
    const behind = markets.flatMap(({ address, bytes }) => [
      getAddressEncoder().encode(address),
      getU32Encoder().encode(bytes.length),
      bytes,
    ]);
    this.#write([vault.bytes, ...behind]);
    const length = behind.reduce((sum, bytes) => sum + bytes.length, 0);
    return this.#answer(() => question(vault.bytes.length, length, time, ...more));
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
    return this.#answer(() => question(market.bytes.length, account.bytes.length, time, ...more));
  }

  #write(accounts: readonly ReadonlyUint8Array[]) {
    const input = new Uint8Array(this.#exports.memory.buffer, this.#exports.input(), this.#exports.input_size());
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

  bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, 8 * this.length);
  }
}

/** Stands for what is idle where a slot is named. */
const IDLE = 255n;

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

function vaultExit(words: Words): VaultExit {
  const [amount, shares, fee, rounding] = [words.unsigned(0), words.unsigned(1), words.unsigned(2), words.unsigned(3)];
  return { amount, shares, fee, rounding };
}

function limit(words: Words): Limit {
  const refusal = words.signed(1);
  return { atoms: words.unsigned(0), refusal: refusal === 0 ? undefined : refusal };
}
