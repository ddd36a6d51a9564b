import { getAddressEncoder, getBase64Encoder, type ReadonlyUint8Array } from '@solana/kit';
import { type Change, decodeMarginAccount, decodeMarket, type MarginAccount, type Market } from './accounts.js';
import type {
  Action,
  ChangedMarket,
  Health,
  Limit,
  LiquidationOrder,
  LiquidationPreview,
  LiquidationPrice,
  Moved,
  Opening,
  PerpReport,
  Played,
  PoolPrices,
  PositionAmount,
  PositionReport,
  Rates,
  Scanned,
  SharePrice,
  SupposedPrice,
  TradeOrder,
  VaultEntry,
  VaultExit,
  VaultMove,
  VaultState,
} from './answers.js';
import { EngineError, type Exports, Memory, type Words } from './memory.js';
import { checkAmount, checkBits, checkTime, getU32Encoder } from './numbers.js';
import { checkRecord, decodedLater } from './records.js';
import { decodePoolReport, decodeVaultReport, type PoolReport, type VaultReport } from './report.js';
import { ENGINE } from './wasm/engine.js';
import {
  health,
  limit,
  movedBy,
  openingWords,
  orderWords,
  perpReport,
  positionReport,
  SCANNED_WORDS,
  scannedAt,
  supposedWords,
  vaultExit,
} from './words.js';

export { EngineError } from './memory.js';

/** Bytes of a margin account, and where its market stands in it. */
const ACCOUNT_SIZE = 512;
const MARKET_OFFSET = 16;
/** Accounts of one question: an answer has room for more. */
const SCANNED_AT_ONCE = 512;

/**
 * Compiles the engine, which is part of this package. A source of one's own is for runtimes that compile no bytes, and
 * for pages that serve the file `@ballast/client/engine.wasm`.
 */
export async function loadEngine(source?: BufferSource | WebAssembly.Module): Promise<Engine> {
  const module =
    source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source ?? (await engineBytes()));
  return new Engine((await WebAssembly.instantiate(module)).exports as unknown as Exports);
}

/**
 * The bytes that {@link loadEngine} compiles where it is given none: what `embed.mjs` packed. Nothing is read or fetched, so that they
 * are found wherever this module is bundled or run.
 */
export async function engineBytes(): Promise<ArrayBuffer> {
  const packed = new Response(new Uint8Array(getBase64Encoder().encode(ENGINE)));
  return new Response(packed.body!.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

/**
 * The engine of the program: what it answers is what the chain computes. `now` is unix seconds. Questions throw an
 * {@link EngineError} where the program would refuse.
 */
export class Engine {
  readonly #memory: Memory;

  /** @internal */
  constructor(exports: Exports) {
    this.#memory = new Memory(exports);
  }

  get #exports(): Exports {
    return this.#memory.exports;
  }

  /** The healths of an account, interest until `now` included. */
  health(market: Market, account: MarginAccount, now: bigint | number): Health {
    return health(this.#ask(market, account, now, this.#exports.health), 0);
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
    checkRecord(market, reserve, 'reserve');
    return limit(this.#ask(market, account, now, this.#exports.max_borrow, reserve));
  }

  /** The most atoms that the account may withdraw. Throws if it has no deposit there. */
  maxWithdraw(market: Market, account: MarginAccount, reserve: number, now: bigint | number): Limit {
    checkRecord(market, reserve, 'reserve');
    return limit(this.#ask(market, account, now, this.#exports.max_withdraw, reserve));
  }

  /** The most atoms that the account's owner may deposit. */
  maxDeposit(market: Market, account: MarginAccount, reserve: number, now: bigint | number): Limit {
    checkRecord(market, reserve, 'reserve');
    return limit(this.#ask(market, account, now, this.#exports.max_deposit, reserve));
  }

  /** The most lots that an order like this would trade, whatever number of them it names: of `lots` only the sign counts. */
  maxTrade(market: Market, account: MarginAccount, order: TradeOrder, now: bigint | number): Limit {
    return limit(this.#ask(market, account, now, this.#exports.max_trade, ...orderWords(market, order)));
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
    checkRecord(market, reserve, 'reserve');
    const words = this.#ask(market, account, now, this.#exports.liquidation_price, reserve);
    if (words.length === 0) {
      return undefined;
    }
    return { price: words.unsigned(0), exponent: words.small(1), isDeposit: words.unsigned(2) === 1n };
  }

  /** What a liquidation would move if it landed at `now`. Throws if the account is not liquidatable. */
  previewLiquidation(
    market: Market,
    account: MarginAccount,
    order: LiquidationOrder,
    now: bigint | number,
  ): LiquidationPreview {
    const { debt, collateral, maxRepay, minCollateral } = order;
    for (const index of [debt, collateral]) checkRecord(market, index, 'reserve');
    checkAmount('maxRepay', maxRepay);
    checkAmount('minCollateral', minCollateral);
    const { preview_liquidation } = this.#exports;
    const words = this.#ask(market, account, now, preview_liquidation, debt, collateral, maxRepay, minCollateral);
    const [repaid, insurance, seized] = [words.unsigned(0), words.unsigned(1), words.unsigned(2)];
    return { repaid, insurance, seized, penaltyBps: words.small(3) };
  }

  /** The rates of a reserve since its books last changed. */
  rates(market: Market, reserve: number): Rates {
    checkRecord(market, reserve, 'reserve');
    const words = this.#askMarket(market, (length) => this.#exports.rates(length, reserve));
    return { borrow: words.float(0), deposit: words.float(1), utilisation: words.float(2) };
  }

  /**
   * The healths of many accounts, by their bytes alone. Throws if one is no margin account of the market, by its place in the list.
   */
  scan(market: Market, accounts: readonly ReadonlyUint8Array[], now: bigint | number): Scanned[] {
    const time = checkTime('now', now);
    const address = getAddressEncoder().encode(market.address);
    accounts.forEach((bytes, index) => {
      if (bytes.length !== ACCOUNT_SIZE) {
        throw new EngineError(
          `account ${index}: a margin account has ${ACCOUNT_SIZE} bytes, not ${bytes.length}`,
          undefined,
        );
      }
      if (address.some((byte, at) => bytes[MARKET_OFFSET + at] !== byte)) {
        throw new EngineError(`account ${index}: it belongs to another market`, undefined);
      }
    });
    const most = Math.min(SCANNED_AT_ONCE, Math.floor((this.#memory.room - market.bytes.length) / ACCOUNT_SIZE));
    const scanned: Scanned[] = [];
    // Of a market that leaves no room the write says so.
    for (let first = 0; first < accounts.length; first += Math.max(most, 1)) {
      const batch = accounts.slice(first, first + Math.max(most, 1));
      const question = () => this.#exports.scan(market.bytes.length, ACCOUNT_SIZE * batch.length, time, first);
      const words = this.#memory.ask([market.bytes, ...batch], question);
      for (let index = 0; index < words.length; index += SCANNED_WORDS) scanned.push(scannedAt(words, index));
    }
    return scanned;
  }

  /** The figures of a perp. */
  perpReport(market: Market, perp: number, now: bigint | number): PerpReport {
    checkRecord(market, perp, 'perp');
    const time = checkTime('now', now);
    return perpReport(this.#askMarket(market, (length) => this.#exports.perp_report(length, perp, time)));
  }

  /**
   * The figures of an account's position in a perp. The price at which it makes the account liquidatable is
   * {@link Engine.liquidationPrice} of the reserve that the perp follows.
   */
  positionReport(market: Market, account: MarginAccount, perp: number, now: bigint | number): PositionReport {
    checkRecord(market, perp, 'perp');
    return positionReport(this.#ask(market, account, now, this.#exports.position_report, perp));
  }

  /**
   * A margin account as it is once it is opened: for actions of who has none yet. Its address is not looked at, and its bump not known.
   */
  opened(market: Market, opening: Opening): MarginAccount {
    const { address, owner } = opening;
    const addresses = [market.address, owner].map((one) => getAddressEncoder().encode(one));
    const terms = openingWords(market, opening);
    this.#memory.ask([market.bytes, ...addresses], () => this.#exports.open_account(market.bytes.length, 64, ...terms));
    return decodeMarginAccount(address, this.#memory.read(market.bytes.length, ACCOUNT_SIZE));
  }

  /**
   * The market and the account after an action of its owner at `now`: what a transaction would make of them, but for the market's count
   * of events. Any question can be asked about them, or another action played. Throws what the program would refuse it with.
   */
  play<A extends Action>(
    market: Market,
    account: MarginAccount,
    action: A,
    now: bigint | number,
  ): Played<Moved[A['kind']]> {
    const words = this.#act(market, account, action, now);
    const moved = movedBy(action.kind, words) as Moved[A['kind']];
    const bytes = this.#memory.read(market.bytes.length, account.bytes.length);
    const { address } = account;
    return {
      market: this.#marketAfter(market),
      account: decodedLater(account, bytes, () => decodeMarginAccount(address, bytes)),
      moved,
    };
  }

  /** The same after several actions, one after the other, as the instructions of one transaction: all of them, or an error. */
  playAll(
    market: Market,
    account: MarginAccount,
    actions: readonly Action[],
    now: bigint | number,
  ): Played<readonly Moved[Action['kind']][]> {
    const moved: Moved[Action['kind']][] = [];
    let state: Pick<Played<unknown>, 'market' | 'account'> = { market, account };
    for (const action of actions) {
      const played = this.play(state.market, state.account, action, now);
      moved.push(played.moved);
      state = played;
    }
    return { market: state.market, account: state.account, moved };
  }

  /**
   * The market if these prices were taken over at `now`, and with them the last prices of all other reserves, as if published anew. With
   * none the market is only refreshed. What a price moves, it moves as on chain: readings, volatility and what that costs, the slow
   * reference, the breaker, a step of the ramp. What is held: the other prices, their confidences and averages, and all balances.
   */
  withPrices(market: Market, prices: readonly SupposedPrice[], now: bigint | number): Market {
    const time = checkTime('now', now);
    const words = supposedWords(market, prices);
    this.#memory.ask([market.bytes, words], () => this.#exports.with_prices(market.bytes.length, words.length, time));
    return this.#marketAfter(market);
  }

  /**
   * What a queued change of parameters does to the market, at the time when it is due or at `now` if it is. The last prices count as
   * published then. Throws what the program would refuse it with, also for a change that lists something: it has no edits.
   */
  withChange(market: Market, change: Change, now: bigint | number): ChangedMarket {
    const time = checkTime('now', now);
    if (change.market !== market.address) {
      throw new EngineError('the change belongs to another market', undefined);
    }
    const { with_change } = this.#exports;
    const [marketLength, changeLength] = [market.bytes.length, change.bytes.length];
    const stage = (index: number) => {
      const question = () => with_change(marketLength, changeLength, time, index);
      const words = this.#memory.ask([market.bytes, change.bytes], question);
      const [at, rampedAt] = [words.signed(0), words.signed(1)];
      return { at, rampedAt, market: this.#marketAfter(market) };
    };
    const [before, after, ramped] = [stage(0), stage(1), stage(2)];
    const { at, rampedAt } = ramped;
    return { at, before: before.market, after: after.market, ramped: ramped.market, rampedAt };
  }

  /** The figures of a pool of perps: what `read_pool` returns. */
  poolReport(market: Market, pool: number, now: bigint | number): PoolReport {
    checkRecord(market, pool, 'pool');
    const time = checkTime('now', now);
    const words = this.#askMarket(market, (length) => this.#exports.pool_report(length, pool, time));
    return decodePoolReport(words.bytes());
  }

  /** What a pool's shares cost and are worth, and how much can come and go now. */
  poolPrices(market: Market, pool: number, now: bigint | number): PoolPrices {
    checkRecord(market, pool, 'pool');
    const time = checkTime('now', now);
    const words = this.#askMarket(market, (length) => this.#exports.pool_prices(length, pool, time));
    return { free: words.unsigned(0), room: words.unsigned(1), entry: words.optional(2), exit: words.optional(4) };
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
    const slot = (index: number) => (words.unsigned(index) === IDLE ? undefined : words.small(index));
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
    const length = behind.reduce((sum, bytes) => sum + bytes.length, 0);
    return this.#memory.ask([vault.bytes, ...behind], () => question(vault.bytes.length, length, time, ...more));
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
    const lengths = [market.bytes.length, account.bytes.length] as const;
    return this.#memory.ask([market.bytes, account.bytes], () => question(...lengths, time, ...more));
  }

  #askMarket(market: Market, question: (length: number) => number): Words {
    return this.#memory.ask([market.bytes], () => question(market.bytes.length));
  }

  /** The market that a question has put in the place of the one that it was about. */
  #marketAfter(market: Market): Market {
    const [{ address }, bytes] = [market, this.#memory.read(0, market.bytes.length)];
    return decodedLater(market, bytes, () => decodeMarket(address, bytes));
  }

  #act(market: Market, account: MarginAccount, action: Action, now: bigint | number): Words {
    switch (action.kind) {
      case 'deposit':
      case 'withdraw':
      case 'borrow':
      case 'repay':
        checkRecord(market, action.reserve, 'reserve');
        checkAmount('amount', action.amount);
        return this.#ask(market, account, now, this.#exports[action.kind], action.reserve, action.amount);
      case 'trade':
        return this.#ask(market, account, now, this.#exports.trade, ...orderWords(market, action));
      case 'settlePerp':
        checkRecord(market, action.perp, 'perp');
        return this.#ask(market, account, now, this.#exports.settle_perp, action.perp);
      case 'poolDeposit':
        checkRecord(market, action.pool, 'pool');
        checkAmount('amount', action.amount);
        return this.#ask(market, account, now, this.#exports.pool_deposit, action.pool, action.amount);
      case 'poolRequest':
        checkRecord(market, action.pool, 'pool');
        checkAmount('shares', action.shares);
        return this.#ask(market, account, now, this.#exports.pool_request, action.pool, action.shares);
      case 'poolWithdraw':
        checkRecord(market, action.pool, 'pool');
        return this.#ask(market, account, now, this.#exports.pool_withdraw, action.pool);
      default:
        throw new TypeError(`${String((action as { kind: unknown }).kind)} is no action`);
    }
  }
}

/** Stands for what is idle where a slot is named. */
const IDLE = 255n;
