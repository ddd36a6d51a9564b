// How much worse than shown a transaction may end.

import { parseAmount } from './number.ts';

/** Basis points of a typed percentage, or what is wrong with it in words. */
export function readTolerance(text: string): { readonly bps?: bigint; readonly error?: string } {
  const { atoms, error } = parseAmount(text.replace(/\s*%$/, ''), 2);
  if (error !== undefined) {
    return {
      error:
        text.trim() === ''
          ? 'Enter a percentage, such as 0.1.'
          : error.replace('This token has', 'A percentage here has'),
    };
  }
  return atoms > 10_000n ? { error: 'Enter 100 % at most.' } : { bps: atoms };
}

export function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** So many basis points less, rounded down: the fewest to accept. */
export function fewest(expected: bigint, bps: bigint): bigint {
  return expected - (expected * bps + 9_999n) / 10_000n;
}

/** So many basis points more, rounded up: the most to give. */
export function most(expected: bigint, bps: bigint): bigint {
  return expected + (expected * bps + 9_999n) / 10_000n;
}
