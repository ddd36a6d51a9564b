// What the engine's words stand for, and what becomes words for it.

import { getU64Encoder as u64, getI64Encoder as i64, type ReadonlyUint8Array } from '@solana/kit';
import { type Market, perpAt, poolAt } from './accounts.js';
import type {
  Action,
  Fill,
  Health,
  Limit,
  Marks,
  Moved,
  Movement,
  Opening,
  PerpReport,
  PerpState,
  PositionReport,
  Scanned,
  Settlement,
  Sums,
  SupposedPrice,
  TradeOrder,
  VaultExit,
} from './answers.js';
import type { OrderWords, Words } from './memory.js';
import { checkAmount, checkBits, checkWhole } from './numbers.js';
import { checkRecord } from './records.js';
import { decodeGreeks } from './report.js';

/** Words of an account of a scan. */
export const SCANNED_WORDS = 13;

export function health(words: Words, at: number): Health {
  const sums = (index: number): Sums => ({ collateral: words.wide(index), debt: words.wide(index + 2) });
  return { initial: sums(at), maintenance: sums(at + 4), equity: sums(at + 8) };
}

export function scannedAt(words: Words, at: number): Scanned {
  const refusal = words.small(at);
  if (refusal !== 0) {
    return { health: undefined, refusal, isLiquidatable: false };
  }
  const found = health(words, at + 1);
  const { collateral, debt } = found.maintenance;
  return { health: found, refusal: undefined, isLiquidatable: debt > collateral };
}

export function vaultExit(words: Words): VaultExit {
  const [amount, shares, fee, rounding] = [words.unsigned(0), words.unsigned(1), words.unsigned(2), words.unsigned(3)];
  return { amount, shares, fee, rounding };
}

export function limit(words: Words): Limit {
  const refusal = words.small(1);
  return { atoms: words.unsigned(0), refusal: refusal === 0 ? undefined : refusal };
}

/** A part of 32 fractional bits. */
const part = (words: Words, index: number) => words.small(index) / 2 ** 32;

const STATES: readonly PerpState[] = ['open', 'reduceOnly', 'deleveraging', 'woundDown'];

export function perpReport(words: Words): PerpReport {
  const marks = (at: number): Marks => ({
    low: words.unsigned(at),
    spot: words.unsigned(at + 1),
    high: words.unsigned(at + 2),
  });
  return {
    state: STATES[words.small(0)]!,
    marks: marks(1),
    offered: marks(4),
    age: words.unsigned(7),
    longLots: words.unsigned(8),
    shortLots: words.unsigned(9),
    skewLots: words.signed(10),
    funding: part(words, 11),
    borrow: part(words, 12),
    fee: part(words, 13),
    fund: words.unsigned(14),
    insurance: words.unsigned(15),
    budget: words.optional(16),
    growth: words.optional(18),
    greeks: decodeGreeks(words.bytes(20)),
  };
}

export function positionReport(words: Words): PositionReport {
  return {
    lots: words.signed(0),
    value: words.unsigned(1),
    gain: words.signed(2),
    paid: words.unsigned(3),
    breakEven: words.optional(4),
    initialMargin: words.unsigned(6),
    maintenanceMargin: words.unsigned(7),
    heldUntil: words.signed(8),
  };
}

export function movedBy(kind: Action['kind'], words: Words): Moved[Action['kind']] {
  switch (kind) {
    case 'trade':
      return fill(words);
    case 'settlePerp': {
      const settlement: Settlement = { paidOut: words.unsigned(0), paidIn: words.unsigned(1) };
      return settlement;
    }
    case 'poolRequest':
      return undefined;
    default: {
      const movement: Movement = { amount: words.unsigned(0), shares: words.unsigned(1) };
      return movement;
    }
  }
}

function fill(words: Words): Fill {
  return {
    lots: words.unsigned(0),
    price: words.unsigned(1),
    realised: words.signed(2),
    factor: words.small(3),
    gain: words.unsigned(4),
    loss: words.unsigned(5),
    rebate: words.unsigned(6),
    impact: words.unsigned(7),
    fee: words.unsigned(8),
  };
}

export function orderWords(market: Market, order: TradeOrder): OrderWords {
  const { perp, lots, limit = 0n, minFactor = 0, reduceOnly = false } = order;
  checkRecord(market, perp, 'perp');
  checkWhole('lots', lots, 'bigint', -(1n << 63n), (1n << 63n) - 1n);
  checkAmount('limit', limit);
  checkBits('minFactor', minFactor, 32);
  return [perp, lots, limit, minFactor, reduceOnly ? 1 : 0];
}

/** What an account may hold. */
const MODE = { cross: 0, isolated: 1, perp: 2 } as const;

export function openingWords(
  market: Market,
  { id = 0, isolated, perp }: Opening,
): [id: number, mode: number, collateral: number, debt: number] {
  checkBits('id', id, 16);
  if (isolated !== undefined && perp !== undefined) {
    throw new TypeError('an account is isolated or for one perp, not both');
  }
  if (isolated !== undefined) {
    const { collateral, debt } = isolated;
    for (const index of [collateral, debt]) checkRecord(market, index, 'reserve');
    return [id, MODE.isolated, collateral, debt];
  }
  if (perp !== undefined) {
    // It holds a deposit of the quote token.
    const { quote } = poolAt(market, perpAt(market, perp).config.pool).config;
    return [id, MODE.perp, quote, perp];
  }
  return [id, MODE.cross, 0, 0];
}

/** Stands for what is not given. */
const NOT_GIVEN = (1n << 64n) - 1n;
const LARGEST = (1n << 63n) - 1n;

/** Five words for each price: reserve, price, exponent, confidence, average. */
export function supposedWords(market: Market, prices: readonly SupposedPrice[]): ReadonlyUint8Array {
  const bytes = new Uint8Array(40 * prices.length);
  const [unsigned, signed] = [u64(), i64()];
  prices.forEach(({ reserve, price, exponent, confidence, emaPrice }, index) => {
    checkRecord(market, reserve, 'reserve');
    checkWhole('price', price, 'bigint', 1n, LARGEST);
    checkWhole('exponent', exponent, 'number', -18n, 0n);
    if (confidence !== undefined) checkWhole('confidence', confidence, 'bigint', 0n, LARGEST);
    if (emaPrice !== undefined) checkWhole('emaPrice', emaPrice, 'bigint', 1n, LARGEST);
    const at = 40 * index;
    unsigned.write(BigInt(reserve), bytes, at);
    unsigned.write(price, bytes, at + 8);
    signed.write(BigInt(exponent), bytes, at + 16);
    unsigned.write(confidence ?? NOT_GIVEN, bytes, at + 24);
    unsigned.write(emaPrice ?? NOT_GIVEN, bytes, at + 32);
  });
  return bytes;
}
