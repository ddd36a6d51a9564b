import { EVERYTHING } from '@ballast/client';
import { describe, expect, test } from 'vitest';
import { bps, duration, exactAmount, parseAmount, percent, price, ratio, shortAmount, usd } from '../src/number.ts';

describe('W14: what is shown can be typed back', () => {
  const amounts = [
    0n,
    1n,
    9n,
    10n,
    999n,
    1_000n,
    123_456_789n,
    10n ** 9n,
    10n ** 18n + 1n,
    EVERYTHING - 1n,
    EVERYTHING,
  ];
  for (const decimals of [0, 2, 6, 8, 9, 18]) {
    test(`of a token with ${decimals} decimals`, () => {
      for (const atoms of amounts) {
        const shown = exactAmount(atoms, decimals);
        expect(parseAmount(shown, decimals)).toEqual({ atoms });
        // Copied by hand into something else and back, it may have lost its narrow spaces, or got other ones.
        for (const space of ['', ' ', '_', '\u00a0']) {
          expect(parseAmount(shown.replaceAll('\u202f', space), decimals)).toEqual({ atoms });
        }
      }
    });
  }
});

describe('W14: what could be read in two ways is refused in words', () => {
  test.each([
    ['1,5', 'A comma'],
    ['1.234,56', 'A comma'],
    ['1.234.567', 'one dot'],
    ['1 5', 'groups of three digits'],
    ['1__000', 'groups of three digits'],
    ['-1', 'without a sign'],
    ['\u22121', 'without a sign'],
    ['1e3', 'without an exponent'],
    ['1.5 SOL', 'groups of three digits'],
    ['١٫٥', 'Only the digits 0 to 9'],
    ['१.५', 'Only the digits 0 to 9'],
    ['１.５', 'Only the digits 0 to 9'],
    ['.', 'Only the digits 0 to 9'],
    ['abc', 'Only the digits 0 to 9'],
    ['', 'Enter an amount'],
    ['0.0000001', '6 decimals, and you entered 7'],
    ['18446744073709.551616', 'more than any account can hold'],
  ])('%s', (typed, words) => {
    expect(parseAmount(typed, 6).error).toContain(words);
  });

  test('a fraction of a token without decimals', () => {
    expect(parseAmount('1.5', 0).error).toBe('This token has no decimals.');
  });

  test('what is usual is taken', () => {
    expect(parseAmount('.5', 6).atoms).toBe(500_000n);
    expect(parseAmount('5.', 6).atoms).toBe(5_000_000n);
    expect(parseAmount(' 1 000.25 ', 6).atoms).toBe(1_000_250_000n);
    expect(parseAmount('007', 6).atoms).toBe(7_000_000n);
  });
});

/** With spaces that can be seen in a test. */
const plain = (text: string) => text.replaceAll('\u202f', ' ');

test('what one has is rounded down and what one owes up, also below zero', () => {
  expect(plain(shortAmount(1_999_999n, 6, 'down', 2))).toBe('1.99');
  expect(plain(shortAmount(1_990_001n, 6, 'up', 2))).toBe('2.00');
  expect(plain(shortAmount(-1_999_999n, 6, 'down', 2))).toBe('−2.00');
  expect(plain(usd(123_456_789_012_345n, 'down'))).toBe('$1 234 567.89');
  expect(plain(usd(-100_000_001n, 'up'))).toBe('−$1.00');
});

test('prices keep five digits', () => {
  expect(plain(price({ price: 12_133_296_000_000n, exponent: -8 }))).toBe('$121 332.96');
  expect(plain(price({ price: 100_000_000n, exponent: -8 }))).toBe('$1.0000');
  expect(plain(price({ price: 1_234n, exponent: -8 }))).toBe('$0.00001234');
  expect(plain(price({ price: 5n, exponent: 2 }))).toBe('$500.00');
});

test('parts', () => {
  expect(plain(percent(0.0519))).toBe('5.19 %');
  expect(plain(percent(-0.5, 1))).toBe('−50.0 %');
  expect(plain(percent(Number.NaN))).toBe('–');
  expect(plain(bps(12_050))).toBe('120.5 %');
  expect(plain(ratio(3n, 2n))).toBe('150.0 %');
  expect(plain(ratio(3n, 0n))).toBe('–');
  expect(plain(ratio(10n ** 9n, 1n))).toBe('> 9 999 %');
});

test('times', () => {
  expect(duration(0)).toBe('0 s');
  expect(duration(61)).toBe('1 min 1 s');
  expect(duration(3_600)).toBe('1 h');
  expect(duration(90_061n)).toBe('1 d 1 h');
  expect(duration(-5)).toBe('5 s');
});
