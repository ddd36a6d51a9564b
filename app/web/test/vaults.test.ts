import type { Vault, VaultReport, VaultState } from '@ballast/client';
import { describe, expect, test } from 'vitest';
import { fewest, most, readTolerance } from '../src/tolerance.ts';
import { maturitiesOf, payersFor, ratioOf, type Slot, worthOf } from '../src/vaults.ts';

test('terms end at the next eight multiples of the spacing', () => {
  const vault = { config: { termSpacing: 100 } } as Vault;
  expect(maturitiesOf(vault, 250n)).toEqual([300n, 400n, 500n, 600n, 700n, 800n, 900n, 1_000n]);
  // One that ends now is not offered.
  expect(maturitiesOf(vault, 300n)[0]).toBe(400n);
  expect(maturitiesOf({ config: { termSpacing: 0 } } as Vault, 250n)).toEqual([]);
});

test('a ratio of nothing is none', () => {
  expect(ratioOf(0xffff_ffff)).toBeUndefined();
  expect(ratioOf(12_345)).toBe(12_345);
});

test('shares are worth their part, rounded down', () => {
  expect(worthOf({ exit: 1_000n, shares: 3n } as VaultReport, 2n)).toBe(666n);
  expect(worthOf({ exit: 0n, shares: 0n } as VaultReport, 2n)).toBe(0n);
});

describe('an exit is paid by as few markets as it takes', () => {
  const slots = [10n, 40n, 0n, 20n, 30n].map((takeable, slot) => ({ slot, takeable })) as Slot[];
  const market = (slot: number) => `market ${slot}`;
  const vault = {
    allocations: slots.map(() => ({ isOpen: 1 })),
    config: { allocations: slots.map(({ slot }) => ({ market: market(slot), pool: slot === 4 ? 9 : 0 })) },
  };
  const state = {
    vault,
    markets: slots.map(({ slot }) => ({ address: market(slot) })),
    now: 0n,
  } as unknown as VaultState;
  const needs = (amount: bigint) => (from: number) =>
    slots.reduce((sum, { slot, takeable }) => sum + (((from >> slot) & 1) === 0 ? 0n : takeable), 5n) >= amount;

  test.each([
    ['what is not lent', 5n, 0b00000],
    ['and the most liquid', 45n, 0b00010],
    ['and the next', 46n, 0b01010],
    ['and a third', 70n, 0b01011],
    ['not more, and never a pool', 1_000n, 0b01011],
  ])('%s', (_, amount, from) => {
    expect(payersFor(slots, state, needs(amount))).toBe(from);
  });
});

describe('a tolerance', () => {
  test.each([
    ['0.1', 10n],
    ['0', 0n],
    ['1 %', 100n],
    ['100', 10_000n],
  ])('%s', (text, bps) => {
    expect(readTolerance(text)).toEqual({ bps });
  });

  test.each([
    ['', 'Enter a percentage'],
    ['0,1', 'comma'],
    ['0.001', 'A percentage here has 2 decimals'],
    ['100.01', '100 % at most'],
    ['-1', 'sign'],
  ])('not %s', (text, words) => {
    expect(readTolerance(text).error).toContain(words);
  });

  test('never accepts less, or gives more, than it says', () => {
    expect([fewest(1_000n, 10n), most(1_000n, 10n)]).toEqual([999n, 1_001n]);
    // Rounded against who signs by less than an atom.
    expect([fewest(1_001n, 10n), most(1_001n, 10n)]).toEqual([999n, 1_003n]);
    expect([fewest(1_001n, 0n), most(1_001n, 0n)]).toEqual([1_001n, 1_001n]);
    expect(fewest(7n, 10_000n)).toBe(0n);
  });
});
