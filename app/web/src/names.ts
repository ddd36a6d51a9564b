// What things are called. A token is its mint: a symbol is what the host calls it, and one that the host does not know is named by
// its mint. Names that tokens give themselves are not read, since anybody may give any.

import { type Market, type Perp, perpAt, poolAt } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useApp } from './app.ts';
import type { Config } from './config.ts';

/** The ends of an address, for where the whole stands beside it or is a click away. */
export function brief(address: string): string {
  return `${address.slice(0, 4)}…${address.slice(-4)}`;
}

export function symbolOf(config: Config, mint: Address): string {
  return config.symbols.get(mint) ?? brief(mint);
}

/** What the records of a market are called. */
export class Names {
  constructor(
    readonly config: Config,
    readonly market: Market,
  ) {}

  /** The symbol of a reserve's token. */
  reserve(index: number): string {
    const record = this.market.reserves[index];
    return record === undefined ? `reserve ${index}` : symbolOf(this.config, record.mint);
  }

  /** A perp by what it follows. */
  perp(index: number): string {
    const perp: Perp = perpAt(this.market, index);
    return `${this.reserve(perp.config.price)}-PERP${perp.config.power > 1 ? `^${perp.config.power}` : ''}`;
  }

  /** Index of the reserve of a pool's token. */
  quote(pool: number): number {
    return poolAt(this.market, pool).config.quote;
  }

  /** A pool by its token; where there are several of one, by its number too. */
  pool(index: number): string {
    const { reserves } = this.market;
    const quote = this.quote(index);
    const isOnly = [...reserves.keys()].every(
      (other) => other === index || reserves[other]!.kind !== 2 || this.quote(other) !== quote,
    );
    return `${this.reserve(quote)} pool${isOnly ? '' : ` ${index}`}`;
  }

  /** Decimals of a reserve's token. */
  decimals(index: number): number {
    return this.market.reserves[index]?.decimals ?? 0;
  }
}

export function useNames(market: Market): Names {
  const { config } = useApp();
  return new Names(config, market);
}
