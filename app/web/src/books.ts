// What a reserve's books say, as they were last written: the engine's own figures with interest until now need an account.

import type { Market } from '@ballast/client';
import type { LiquidationPrice } from '@ballast/client';

export type Reserve = Market['reserves'][number];

/** Fractional bits of an index. */
const INDEX_BITS = 64n;

function worth(shares: bigint, index: bigint): bigint {
  const exact = shares * index;
  return (exact + (1n << INDEX_BITS) - 1n) >> INDEX_BITS;
}

/** Atoms of all deposits. */
export function depositsOf(reserve: Reserve): bigint {
  return worth(reserve.depositShares, reserve.depositIndex);
}

/** Atoms of all debts. */
export function debtsOf(reserve: Reserve): bigint {
  return worth(reserve.debtShares, reserve.debtIndex);
}

/** The last price; none if there never was one. */
export function priceOf({ price }: Reserve): Pick<LiquidationPrice, 'price' | 'exponent'> | undefined {
  return price.publishTime === 0n ? undefined : { price: price.price, exponent: price.exponent };
}

/** What atoms are worth at the last price, 10^-8 USD; none without one. */
export function usdOf(reserve: Reserve, atoms: bigint): bigint | undefined {
  const last = priceOf(reserve);
  if (last === undefined) {
    return undefined;
  }
  const power = 8 + last.exponent - reserve.decimals;
  const product = atoms * last.price;
  return power >= 0 ? product * 10n ** BigInt(power) : product / 10n ** BigInt(-power);
}

/** Indices of the reserves that are open: other records are closed, or perps and pools. */
export function openReserves(market: Market): number[] {
  return [...market.reserves.keys()].filter((index) => {
    const { kind, closed } = market.reserves[index]!;
    return kind === 0 && closed === 0;
  });
}

/** What is wrong with a price, by its cache: the engine's conditions of a price that is recent. */
const CONDITIONS: Readonly<Record<number, readonly [name: string, words: string]>> = {
  5: ['uncertain', 'Its publishers are far apart: it counts nothing in new risk'],
  6: ['far from average', 'It is far from its average: it counts nothing in new risk'],
  7: ['moving', 'The breaker has tripped at tier 1: it counts nothing in new risk'],
  8: ['halted', 'The breaker has tripped: withdrawals and loans are halted'],
};

/** Why a price is not good for new risk: a short name, and words; none if it is good. */
export function priceTrouble(reserve: Reserve, now: bigint): readonly [name: string, words: string] | undefined {
  const { price } = reserve;
  if (price.publishTime === 0n) {
    return ['no price', 'It has never been priced: it counts nothing'];
  }
  return now > price.freshUntil
    ? ['old', 'It is older than the market accepts: it counts nothing in new risk until it is refreshed']
    : CONDITIONS[price.condition];
}

/** Whether a reserve's breaker is on. */
export function haltOf({ halt }: Reserve, now: bigint): { tier: number; until: bigint } | undefined {
  return halt.tier !== 0 && now < halt.until ? { tier: halt.tier, until: halt.until } : undefined;
}

/** What may still flow out in a period, atoms, by what had flowed out at the last flow: since then it has only become more. */
export function outflowLeft(limit: bigint, level: bigint): bigint {
  // The last quarter is for deposits that were small as a whole.
  const left = limit - limit / 4n - level;
  return left < 0n ? 0n : left > limit ? limit : left;
}

/** Actions that a guardian can pause, by their bits. */
const PAUSABLE = [
  [1, 'withdrawals'],
  [2, 'loans'],
  [4, 'flash loans'],
  [8, 'unstaking'],
] as const;

/** What is paused, and until when. */
export function pauseOf(market: Market, now: bigint): { actions: string; until: bigint } | undefined {
  const { actions, until } = market.pause;
  const named = PAUSABLE.filter(([bit]) => (actions & bit) !== 0).map(([, name]) => name);
  return now < until && named.length > 0 ? { actions: named.join(', '), until } : undefined;
}
