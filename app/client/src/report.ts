import type { ReadonlyUint8Array } from '@solana/kit';

/**
 * What a vault says of itself: `docs/vaults.md` says what each figure is. Ratios are in basis points, at most 2^32 − 1, which also
 * stands for "nothing to divide by".
 */
export interface VaultReport {
  /** What the shares are worth to who enters, atoms. */
  readonly entry: bigint;
  /** What they are worth to who leaves, atoms. */
  readonly exit: bigint;
  /** All shares. */
  readonly shares: bigint;
  /** Unlent atoms. */
  readonly idle: bigint;
  /** What could be paid now, atoms. */
  readonly takeable: bigint;
  /** The part of that which coverage counts on. */
  readonly liquid: bigint;
  /** What may be asked for under stress, atoms. */
  readonly outflow: bigint;
  /** What waits in the queue, atoms. */
  readonly queued: bigint;
  /** Seconds until the assets come back, on average by value. */
  readonly assetMaturity: bigint;
  /** Seconds until the shares may leave, on average. */
  readonly liabilityMaturity: bigint;
  /** Seconds. Above zero the assets are away for longer than the shares. */
  readonly durationGap: bigint;
  /** Liquid assets ÷ stressed outflow. */
  readonly coverageBps: number;
  readonly netStableFundingBps: number;
  /** Deposits of the vault's reserves ÷ what lies there unlent. */
  readonly velocityBps: number;
  /** The part of the assets that borrowers pay for. */
  readonly capitalEfficiencyBps: number;
  /** Slots whose market cannot be read, a bit each. */
  readonly unreadable: number;
}

/** Bytes of a vault's report. */
const SIZE = 120;

/** What `read_vault` returns. The runtime cuts zero bytes off its end. */
export function decodeVaultReport(returnData: ReadonlyUint8Array): VaultReport {
  const view = whole(returnData, SIZE);
  const amount = (index: number) => view.getBigUint64(8 * index, true);
  const ratio = (index: number) => view.getUint32(88 + 4 * index, true);
  return {
    entry: amount(0),
    exit: amount(1),
    shares: amount(2),
    idle: amount(3),
    takeable: amount(4),
    liquid: amount(5),
    outflow: amount(6),
    queued: amount(7),
    assetMaturity: amount(8),
    liabilityMaturity: amount(9),
    durationGap: view.getBigInt64(80, true),
    coverageBps: ratio(0),
    netStableFundingBps: ratio(1),
    velocityBps: ratio(2),
    capitalEfficiencyBps: ratio(3),
    unreadable: view.getUint8(104),
  };
}

/** What a perp does to its pool when the price of its underlying moves, atoms of the quote token. */
export interface Greeks {
  /** Index of the perp. */
  readonly perp: number;
  /** The reserve whose price it follows: deltas of perps on the same one add up. */
  readonly price: number;
  /** What longs are worth. */
  readonly longs: bigint;
  /** What shorts are worth. */
  readonly shorts: bigint;
  /** What the pool gains for each 100 % that the underlying rises. */
  readonly delta: bigint;
  /** By how much that changes for each 100 %. */
  readonly gamma: bigint;
  /** What the pool loses in the worse of the two moves that it must bear. */
  readonly buffer: bigint;
  /** That move: 2^32 is 100 %. */
  readonly shock: bigint;
}

/** What a pool of perps says of itself, at last prices: `docs/perps.md`. Atoms of its token. */
export interface PoolReport {
  /** What is there. */
  readonly cash: bigint;
  /** What all sides that have gained could claim. */
  readonly claims: bigint;
  /** Its value by the readings that decide on caps and deleveraging, worst for the pool. */
  readonly low: bigint;
  /** What it loses in the worst of the moves that it must bear. */
  readonly buffer: bigint;
  /** Its value for who enters. */
  readonly entry: bigint;
  /** Its value for who leaves. */
  readonly exit: bigint;
  readonly shares: bigint;
  /** The part of a gain that is paid now: 2^32 − 1 is all of it. */
  readonly profitFactor: number;
  /** Low value ÷ buffer. None while there is nothing to cover. */
  readonly coverBps: number | undefined;
  /** Buffer ÷ low value. */
  readonly usedBps: number;
  /** What positions pay it a year for that use. */
  readonly borrowRateBps: number;
  readonly perps: readonly Greeks[];
}

/** Bytes of a pool's report, of its head and of each perp. */
const POOL = { size: 976, head: 80, perp: 56 };

/** What `read_pool` returns. The runtime cuts zero bytes off its end. */
export function decodePoolReport(returnData: ReadonlyUint8Array): PoolReport {
  const view = whole(returnData, POOL.size);
  const amount = (at: number) => view.getBigUint64(at, true);
  const signed = (at: number) => view.getBigInt64(at, true);
  const cover = view.getUint32(60, true);
  const count = view.getUint8(68);
  if (count > (POOL.size - POOL.head) / POOL.perp) {
    throw new RangeError('more perps than a pool has');
  }
  const perps = Array.from({ length: count }, (_, index) => greeksAt(view, POOL.head + POOL.perp * index));
  return {
    cash: amount(0),
    claims: amount(8),
    low: signed(16),
    buffer: amount(24),
    entry: signed(32),
    exit: signed(40),
    shares: amount(48),
    profitFactor: view.getUint32(56, true),
    coverBps: cover === 0xffff_ffff ? undefined : cover,
    usedBps: view.getUint16(64, true),
    borrowRateBps: view.getUint16(66, true),
    perps,
  };
}

/** @internal */
export function decodeGreeks(bytes: ReadonlyUint8Array): Greeks {
  return greeksAt(whole(bytes, POOL.perp), 0);
}

function greeksAt(view: DataView, at: number): Greeks {
  return {
    perp: view.getUint8(at + 48),
    price: view.getUint8(at + 49),
    longs: view.getBigUint64(at, true),
    shorts: view.getBigUint64(at + 8, true),
    delta: view.getBigInt64(at + 16, true),
    gamma: view.getBigInt64(at + 24, true),
    buffer: view.getBigUint64(at + 32, true),
    shock: view.getBigUint64(at + 40, true),
  };
}

/** Return data with the zero bytes that the runtime cut off. */
function whole(returnData: ReadonlyUint8Array, size: number): DataView {
  if (returnData.length > size) {
    throw new RangeError('more bytes than a report has');
  }
  const view = new DataView(new ArrayBuffer(size));
  new Uint8Array(view.buffer).set(returnData);
  return view;
}
