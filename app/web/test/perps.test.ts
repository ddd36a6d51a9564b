import { describe, expect, test } from 'vitest';
import {
  type Contract,
  lotPrice,
  lotsFor,
  lotsText,
  partOf,
  unitPrice,
  valueAt,
  WHOLE,
  worstPrice,
} from '../src/perps.ts';

/** Lots of 0.00001 SOL, paid in USDC. */
const contract = { lotDecimals: 5, unit: 'SOL', quoteDecimals: 6, quoteSymbol: 'USDC' } as Contract;
/** 150 USDC a SOL: 1,500 atoms a lot. */
const PRICE = 1_500n << 32n;

describe('a price of a lot is one of the token that it follows', () => {
  test('and back', () => {
    expect(unitPrice(contract, PRICE, 'down')).toBe(150_000_000n);
    expect(lotPrice(contract, 150_000_000n, 'down')).toBe(PRICE);
  });

  test('rounded as it is said', () => {
    expect(unitPrice(contract, PRICE + 1n, 'down')).toBe(150_000_000n);
    expect(unitPrice(contract, PRICE + 1n, 'up')).toBe(150_000_001n);
    const down = lotPrice(contract, 1n, 'down');
    expect(lotPrice(contract, 1n, 'up')).toBe(down + 1n);
    // Neither way a limit is looser than what was typed.
    for (const atoms of [1n, 7n, 149_999_999n, 150_000_001n, 999_999_999_999n]) {
      expect(unitPrice(contract, lotPrice(contract, atoms, 'down'), 'down')).toBeLessThanOrEqual(atoms);
      expect(unitPrice(contract, lotPrice(contract, atoms, 'up'), 'up')).toBeGreaterThanOrEqual(atoms);
    }
  });
});

test('a value is so many lots, and never more than it pays for', () => {
  expect(lotsFor(150_000_000n, PRICE)).toBe(100_000n);
  expect(lotsFor(1_499n, PRICE)).toBe(0n);
  expect(lotsFor(1n, 0n)).toBe(0n);
  for (const atoms of [1_500n, 2_999n, 3_000n, 123_456_789n]) {
    const lots = lotsFor(atoms, PRICE + 12_345n);
    expect(valueAt(lots, PRICE + 12_345n, 'up')).toBeLessThanOrEqual(atoms + 1n);
    expect(valueAt(lots + 1n, PRICE + 12_345n, 'down')).toBeGreaterThanOrEqual(atoms - 1n);
  }
});

test('a worst price is worse for who trades', () => {
  expect(worstPrice(PRICE, 100n, true)).toBe((PRICE * 101n) / 100n);
  expect(worstPrice(PRICE, 100n, false)).toBe((PRICE * 99n) / 100n);
  expect(worstPrice(1n, 100n, false)).toBe(1n);
});

test('sizes and parts are said exactly', () => {
  expect(lotsText(contract, 123_456n)).toBe('1.23456 SOL');
  expect(lotsText({ ...contract, unit: 'lots', lotDecimals: 0 }, 7n)).toBe('7 lots');
  expect(partOf(WHOLE)).toBe(1);
  expect(partOf(2 ** 31)).toBe(0.5);
});
