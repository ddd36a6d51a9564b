// A perp as the page shows it: sizes in the token that it follows, prices of that in the quote token.

import { type Market, type Perp, perpAt, poolAt } from '@ballast/client';
import type { Names } from './names.ts';
import { exactAmount, type Rounding, shortAmount } from './number.ts';

/** What a perp is a contract on. */
export interface Contract {
  readonly index: number;
  readonly name: string;
  readonly perp: Perp;
  /** Index of its pool, and of the reserve of the token that everything is paid in. */
  readonly pool: number;
  readonly quote: number;
  readonly quoteSymbol: string;
  readonly quoteDecimals: number;
  /** What sizes are counted in: the token that it follows, or lots where those are of more than one. */
  readonly unit: string;
  /** 10 to this lots are one of the unit. */
  readonly lotDecimals: number;
}

/** Indices of the perps of a market, and of its pools. */
export function perpsOf(market: Market): number[] {
  return [...market.reserves.keys()].filter((index) => market.reserves[index]!.kind === 1);
}

export function poolsOf(market: Market): number[] {
  return [...market.reserves.keys()].filter((index) => market.reserves[index]!.kind === 2);
}

export function contractOf(names: Names, index: number): Contract {
  const perp = perpAt(names.market, index);
  const { pool, price, lotDigits } = perp.config;
  const { quote } = poolAt(names.market, pool).config;
  const digits = names.decimals(price) - lotDigits;
  return {
    index,
    name: names.perp(index),
    perp,
    pool,
    quote,
    quoteSymbol: names.reserve(quote),
    quoteDecimals: names.decimals(quote),
    unit: digits < 0 ? 'lots' : names.reserve(price),
    lotDecimals: Math.max(0, digits),
  };
}

/** Fractional bits of a lot's price. */
const PRICE_BITS = 32n;

/** Atoms of the quote token for one of the unit, of a lot's price. */
export function unitPrice({ lotDecimals }: Contract, lotPrice: bigint, rounding: Rounding): bigint {
  const exact = lotPrice * 10n ** BigInt(lotDecimals);
  return (rounding === 'up' ? exact + (1n << PRICE_BITS) - 1n : exact) >> PRICE_BITS;
}

/** A lot's price, of so many atoms for one of the unit. */
export function lotPrice({ lotDecimals }: Contract, atoms: bigint, rounding: Rounding): bigint {
  const unit = 10n ** BigInt(lotDecimals);
  return ((atoms << PRICE_BITS) + (rounding === 'up' ? unit - 1n : 0n)) / unit;
}

/** Lots that so many atoms are worth at a lot's price, rounded down. */
export function lotsFor(atoms: bigint, price: bigint): bigint {
  return price === 0n ? 0n : (atoms << PRICE_BITS) / price;
}

/** What lots are worth at a lot's price, atoms. */
export function valueAt(lots: bigint, price: bigint, rounding: Rounding): bigint {
  const exact = lots * price;
  return (rounding === 'up' ? exact + (1n << PRICE_BITS) - 1n : exact) >> PRICE_BITS;
}

export function lotsText({ lotDecimals, unit }: Contract, lots: bigint): string {
  return `${exactAmount(lots, lotDecimals)} ${unit}`;
}

export function priceText(contract: Contract, price: bigint, rounding: Rounding): string {
  const { quoteDecimals, quoteSymbol } = contract;
  return `${shortAmount(unitPrice(contract, price, rounding), quoteDecimals, rounding, Math.min(quoteDecimals, 4))} ${quoteSymbol}`;
}

/** A worst price: so many basis points worse than one, for who buys or sells. */
export function worstPrice(price: bigint, bps: bigint, isBuy: boolean): bigint {
  const change = (price * bps) / 10_000n;
  return isBuy ? price + change : price - change;
}

/** The whole of a part with 32 fractional bits. */
export const WHOLE = 0xffff_ffff;

/** A part that is paid, 1 for the whole. */
export function partOf(factor: number): number {
  return factor === WHOLE ? 1 : factor / 2 ** 32;
}
