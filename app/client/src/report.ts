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

/** Bytes of a report. */
const SIZE = 120;

/** What `read_vault` returns. The runtime cuts zero bytes off its end. */
export function decodeVaultReport(returnData: ReadonlyUint8Array): VaultReport {
  if (returnData.length > SIZE) {
    throw new RangeError('more bytes than a report of a vault has');
  }
  const view = new DataView(new ArrayBuffer(SIZE));
  new Uint8Array(view.buffer).set(returnData);
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
