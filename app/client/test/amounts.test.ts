import { expect, test } from 'vitest';
import { annualYield, formatAtoms, formatPrice, formatUsd, parseAtoms } from '../src/index.js';

test('atoms are written and read without loss', () => {
  for (const [atoms, decimals, text] of [
    [0n, 6, '0'],
    [1n, 6, '0.000001'],
    [1_500_000n, 6, '1.5'],
    [42n, 0, '42'],
    [2n ** 64n - 1n, 18, '18.446744073709551615'],
  ] as const) {
    expect(formatAtoms(atoms, decimals)).toBe(text);
    expect(parseAtoms(text, decimals)).toBe(atoms);
  }
  expect(formatAtoms(-1_500_000n, 6)).toBe('-1.5');
});

test('what is no amount is refused', () => {
  for (const text of ['', '1.', '.5', '-1', '1e3', '1,5', ' 1']) {
    expect(() => parseAtoms(text, 6)).toThrow('not an amount');
  }
  expect(() => parseAtoms('0.0000001', 6)).toThrow('more than 6 decimals');
});

test('values are written in dollars', () => {
  expect(formatUsd(0n)).toBe('0.00 USD');
  expect(formatUsd(123_456_789_012_345n)).toBe('1,234,567.89 USD');
  expect(formatUsd(-99_999_999_999n)).toBe('-999.99 USD');
  expect(formatPrice({ price: 15_012_500_000n, exponent: -8 })).toBe('150.125');
});

test('a rate compounds', () => {
  expect(annualYield(0.1)).toBeCloseTo(0.10517, 5);
});
