import type { InsuranceStake, Reserve } from '@ballast/client';
import { describe, expect, test } from 'vitest';
import { phaseOf, reportedLost, sharesFor, stakeWorth, WINDOW } from '../src/insurance.ts';

const reserveWith = (assets: bigint, shares: bigint, more: object = {}) =>
  ({
    insurance: { assets, shares, staked: shares, generation: 2 },
    debtIndex: 3n << 63n,
    doubtful: 0n,
    ...more,
  }) as Reserve;

test('shares are worth their part, rounded down', () => {
  expect(stakeWorth(reserveWith(1_000n, 300n), 100n)).toBe(333n);
  expect(stakeWorth(reserveWith(0n, 0n), 100n)).toBe(0n);
});

test('who asks for tokens asks for shares that are worth them, and never for more than there are', () => {
  const reserve = reserveWith(1_000_003n, 700_001n);
  for (const atoms of [1n, 2n, 10n, 499_999n, 714_285n]) {
    const shares = sharesFor(reserve, 500_000n, atoms);
    expect(stakeWorth(reserve, shares)).toBeGreaterThanOrEqual(atoms > 714_285n ? 714_285n : atoms - 1n);
    expect(shares).toBeLessThanOrEqual(500_000n);
  }
  expect(sharesFor(reserve, 500_000n, stakeWorth(reserve, 500_000n))).toBe(500_000n);
  expect(sharesFor(reserve, 500_000n, 1n << 60n)).toBe(500_000n);
  // Worth nothing any more, it is all asked for.
  expect(sharesFor(reserveWith(0n, 700_001n), 5n, 1n)).toBe(5n);
});

test('debts reported lost are rounded up', () => {
  expect(reportedLost(reserveWith(1n, 1n, { doubtful: 3n }))).toBe(5n);
  expect(reportedLost(reserveWith(1n, 1n))).toBe(0n);
});

describe('a stake stands where the program says', () => {
  const reserve = reserveWith(1_000n, 300n);
  const stake = { generation: 2, shares: 100n, askedFor: 50n, freeFrom: 1_000n } as InsuranceStake;
  test.each([
    ['cooling', {}, 999n],
    ['free', {}, 1_000n],
    ['free', {}, 1_000n + WINDOW],
    ['missed', {}, 1_001n + WINDOW],
    ['staked', { askedFor: 0n }, 2_000n],
    ['empty', { askedFor: 0n, shares: 0n }, 2_000n],
    ['lost', { generation: 1 }, 1_000n],
    ['empty', { generation: 1, shares: 0n, askedFor: 0n }, 1_000n],
  ])('%s', (phase, change, now) => {
    expect(phaseOf({ ...stake, ...change }, reserve, now)).toBe(phase);
  });
});
