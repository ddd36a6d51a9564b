import { expect, test } from 'vitest';
import { crashes } from '../build/crashes.ts';
import { liquidatedAt, readCrash, STEPS, steppedPrice, stepsTo, typedPrice } from '../src/suppose.ts';

test('a slider leaves the price exact at rest, and ends at a tenth and ten times', () => {
  const price = 12_345_678_901_234_567n;
  expect(steppedPrice(price, 0)).toBe(price);
  expect(steppedPrice(price, STEPS)).toBe(price * 10n);
  expect(steppedPrice(price, -STEPS)).toBe(price / 10n);
  expect(steppedPrice(1n, -STEPS)).toBe(1n);
  for (const steps of [-STEPS, -17, 0, 1, 230, STEPS]) {
    expect(stepsTo(price, steppedPrice(price, steps))).toBe(steps);
  }
  expect(stepsTo(1n, 1_000_000n)).toBe(STEPS);
});

test('a typed price is in the unit of the last one, and what is wrong is told', () => {
  expect(typedPrice('187.5', -8)).toEqual({ price: 18_750_000_000n });
  expect(typedPrice('1 000', -2)).toEqual({ price: 100_000n });
  expect(typedPrice('0', -8).error).toBe('A price is above zero.');
  expect(typedPrice('', -8).error).toBe('Enter a price.');
  expect(typedPrice('1,5', -8).error).toContain('comma');
  expect(typedPrice('1.123', -2).error).toBe('Prices here have 2 decimals, and you entered 3.');
});

test('the windows are those of data/prices, with the closes that stand there', () => {
  const { windows, files } = crashes();
  expect(windows.map(({ id }) => id)).toEqual([
    '2025-10',
    '2024-08',
    '2023-09',
    '2023-03',
    '2022-11',
    '2022-06',
    '2020-03',
  ]);
  const crash = readCrash(JSON.parse(files.get('crashes/2025-10.json')!));
  expect(crash.step).toBe(300);
  expect(crash.bars).toBe(2_016);
  expect(crash.start).toBe(1_759_881_900);
  expect(crash.closes.get('BTC')!.slice(0, 2)).toEqual([12_158_783n, 12_148_760n]);
  expect(crash.closes.get('BTC')!.at(-1)).toBe(11_302_814n);
  expect(crash.closes.get('SOL')!.at(-1)).toBe(20_244n);
  // Minutes are summed up to the quarter hours of the others.
  const svb = readCrash(JSON.parse(files.get('crashes/2023-03.json')!));
  expect(svb.step).toBe(900);
  expect(svb.closes.get('USDC')).toHaveLength(672);
  expect(svb.closes.get('USDC')!.at(-1)).toBe(9_996n);
});

test('a file that is none is refused', () => {
  expect(() => readCrash({})).toThrow('damaged');
});

test('the moment of liquidation is the first bar whose debt is above its collateral', () => {
  const sums = (collateral: bigint, debt: bigint) => ({ collateral, debt });
  const frame = (collateral: bigint, debt: bigint) => ({
    after: 0,
    health: { value: { initial: sums(0n, 1n), maintenance: sums(collateral, debt), equity: sums(9n, 1n) } },
  });
  expect(liquidatedAt([frame(2n, 1n), frame(1n, 1n), frame(1n, 2n), frame(0n, 2n)])).toBe(2);
  expect(liquidatedAt([frame(2n, 1n), { after: 1, health: { words: 'old', code: 1 } }])).toBeUndefined();
});
