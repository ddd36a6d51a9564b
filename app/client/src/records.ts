// The records of a market, by its bytes: decoding them all takes longer than most answers about them.

import type { Address, ReadonlyUint8Array } from '@solana/kit';
import { describeError } from './errors.js';
import {
  BALLAST_ERROR__NOT_PERP,
  BALLAST_ERROR__NOT_POOL,
  BALLAST_ERROR__RESERVE_INDEX_OUT_OF_RANGE,
} from './generated/errors/index.js';
import { checkBits } from './numbers.js';

/** What an account is, besides its fields. */
export interface Stored {
  readonly address: Address;
  /** The account's data, which the engine reads. */
  readonly bytes: ReadonlyUint8Array;
}

/** Where the count of records stands, and the first record: behind a market's discriminator and head. */
const COUNT_OFFSET = 600;
export const RECORDS_OFFSET = 608;
/** Bytes of each, and where its kind stands. */
const RECORD_SIZE = 1_024;
const KIND_OFFSET = 100;

/** What a record of a market is: its `kind`. */
const KIND = { reserve: 0, perp: 1, pool: 2 } as const;
const ABSENT = {
  reserve: BALLAST_ERROR__RESERVE_INDEX_OUT_OF_RANGE,
  perp: BALLAST_ERROR__NOT_PERP,
  pool: BALLAST_ERROR__NOT_POOL,
} as const;

/** Refuses what is no index of a record of this kind. */
export function checkRecord({ bytes }: Stored, index: number, kind: keyof typeof KIND): void {
  checkIndex(index);
  const isThere = index < (bytes[COUNT_OFFSET] ?? 0);
  checkKind(isThere ? bytes[RECORDS_OFFSET + index * RECORD_SIZE + KIND_OFFSET] : undefined, kind);
}

/** Refuses what is no index of any record. */
export function checkIndex(index: number): void {
  checkBits('the index of a record', index, 8);
}

/** Refuses a record of another kind, or none. */
export function checkKind(found: number | undefined, kind: keyof typeof KIND): void {
  if (found !== KIND[kind]) {
    throw new RangeError(describeError(ABSENT[kind]));
  }
}

/** An account after something, whose fields are decoded when one of them is read first. */
export function decodedLater<T extends Stored>(before: T, bytes: ReadonlyUint8Array, decode: () => T): T {
  let decoded: T | undefined;
  const after = { address: before.address, bytes };
  for (const name of Object.keys(before) as (keyof T)[]) {
    if (!(name in after)) {
      Object.defineProperty(after, name, {
        enumerable: true,
        get: () => {
          decoded ??= decode();
          return decoded[name];
        },
      });
    }
  }
  return after as unknown as T;
}
