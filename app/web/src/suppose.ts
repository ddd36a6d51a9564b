// Prices that somebody supposes: by a slider, by typing, or as they once moved. All that follows from them is the engine's.

import type { Engine, Health, MarginAccount, Market, SupposedPrice } from '@ballast/client';
import type { CrashFile } from '../build/crashes.ts';
import { type Answer, ask } from './ask.ts';
import { priceOf, type Reserve } from './books.ts';
import { parseAmount } from './number.ts';

/** A slider goes so many steps to each side: from a tenth of the price to ten times. */
export const STEPS = 500;

/** A price so many steps away. No step leaves it exactly as it is. */
export function steppedPrice(price: bigint, steps: number): bigint {
  if (steps === 0) {
    return price;
  }
  // A thousandth of a thousandth is finer than a step.
  const factor = BigInt(Math.round(10 ** (steps / STEPS) * 1e9));
  const moved = (price * factor) / 1_000_000_000n;
  return moved > 0n ? moved : 1n;
}

/** The step next to a price. */
export function stepsTo(from: bigint, to: bigint): number {
  const steps = Math.round(Math.log10(Number(to) / Number(from)) * STEPS);
  return Math.max(-STEPS, Math.min(STEPS, steps));
}

/** The price that somebody typed, in the unit of the last one, or what is wrong with it. */
export function typedPrice(text: string, exponent: number) {
  const decimals = Math.max(0, -exponent);
  const { atoms, error } = parseAmount(text, decimals);
  if (error !== undefined) {
    return { error: error.replace('This token has', 'Prices here have').replace('Enter an amount.', 'Enter a price.') };
  }
  return atoms === 0n ? { error: 'A price is above zero.' } : { price: atoms };
}

/** A supposed price of a reserve. `lasts`: the average has followed; else it is a price of this second. */
export function supposed(reserve: Reserve, index: number, price: bigint, lasts: boolean): SupposedPrice {
  const { exponent, emaPrice } = reserve.price;
  return { reserve: index, price, exponent, ...(lasts ? {} : { emaPrice }) };
}

/** Prices as they moved in a window: for each bar what each asset was worth, the first being as now. */
export interface Crash {
  readonly start: number;
  readonly step: number;
  readonly closes: ReadonlyMap<string, readonly bigint[]>;
  readonly bars: number;
}

/** Reads the file of a window. Throws if it is none. */
export function readCrash(file: unknown): Crash {
  const { start, step, assets } = file as CrashFile;
  if (!Number.isInteger(start) || !Number.isInteger(step) || step <= 0 || typeof assets !== 'object') {
    throw new Error('the file of this window is damaged');
  }
  const closes = Object.entries(assets).map(([asset, { closes }]) => {
    let sum = 0n;
    return [
      asset,
      closes.map((difference) => {
        sum += BigInt(difference);
        return sum;
      }),
    ] as const;
  });
  return { start, step, closes: new Map(closes), bars: closes[0]?.[1].length ?? 0 };
}

/** A bar of a replay. */
export interface Frame {
  /** Seconds since the replay began. */
  readonly after: number;
  readonly health: Answer<Health>;
}

/**
 * Plays a window over an account: each bar's prices are taken over by the market that the bar before left. `follows` says which asset a
 * reserve moves with. Runs a part at a time, so that the page stays awake.
 */
export async function replay(
  engine: Engine,
  market: Market,
  account: MarginAccount,
  crash: Crash,
  follows: ReadonlyMap<number, string>,
  now: bigint,
  isWanted: () => boolean,
): Promise<readonly Frame[] | undefined> {
  const moving = [...follows].flatMap(([reserve, asset]) => {
    const last = priceOf(market.reserves[reserve]!);
    const closes = crash.closes.get(asset);
    return last === undefined || closes === undefined ? [] : [{ reserve, last, closes }];
  });
  const frames: Frame[] = [];
  let played = market;
  for (let bar = 0; bar < crash.bars; bar += 1) {
    if (bar % 100 === 0) {
      await new Promise((done) => setTimeout(done, 0));
      if (!isWanted()) {
        return undefined;
      }
    }
    const after = bar * crash.step;
    const at = now + BigInt(after);
    const prices = moving.map(({ reserve, last, closes }) => {
      const price = (last.price * closes[bar]!) / closes[0]!;
      return { reserve, price: price > 0n ? price : 1n, exponent: last.exponent };
    });
    const next = played;
    const step = ask(() => engine.withPrices(next, prices, at));
    if (step.value === undefined) {
      frames.push({ after, health: step });
      continue;
    }
    played = step.value;
    const market = played;
    frames.push({ after, health: ask(() => engine.health(market, account, at)) });
  }
  return frames;
}

/** The first bar at which anybody may liquidate; none if there is none. */
export function liquidatedAt(frames: readonly Frame[]): number | undefined {
  const at = frames.findIndex(
    ({ health: { value } }) => value !== undefined && value.maintenance.debt > value.maintenance.collateral,
  );
  return at < 0 ? undefined : at;
}

/** Collateral ÷ debt, for a plot; none where there is no debt or no answer. */
export function ratioOf({ health: { value } }: Frame, kind: 'initial' | 'maintenance' | 'equity'): number | null {
  if (value === undefined || value[kind].debt === 0n || value[kind].debt >= 1n << 127n) {
    return null;
  }
  return Number((value[kind].collateral * 10_000n) / value[kind].debt) / 10_000;
}

/** Feeds of Pyth by the asset whose history is at hand, hex. */
const FEEDS: Readonly<Record<string, string>> = {
  ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d: 'SOL',
  e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43: 'BTC',
  ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace: 'ETH',
  eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a: 'USDC',
};

/** Which asset a reserve's price moves with, by its feed; of two feeds by the base, since a rate between tokens stands. */
export function assetOf(feedId: string, baseFeedId: string): string | undefined {
  return FEEDS[baseFeedId] ?? FEEDS[feedId];
}
