// A vault as the page has it: what its slots hold, who pays for an exit. Figures are the engine's.

import {
  type AllocationConfig,
  type Engine,
  type Market,
  openSlots,
  payingSlots,
  type Reserve,
  type Vault,
  type VaultReport,
  type VaultState,
} from '@ballast/client';
import type { Address } from '@solana/kit';
import { ask } from './ask.ts';
import { haltOf, pauseOf } from './books.ts';

/** A ratio of a report that stands for "nothing to divide by". */
const NO_RATIO = 0xffff_ffff;
export const NO_ADDRESS = '11111111111111111111111111111111' as Address;

/** Basis points of a report; none where there is nothing to divide by. */
export function ratioOf(bps: number): number | undefined {
  return bps === NO_RATIO ? undefined : bps;
}

/** Markets that pay into one transaction: more do not fit. */
const MOST_PAYERS = 3;

/** A slot that a market is named for, and what lies there. */
export interface Slot {
  readonly slot: number;
  readonly policy: AllocationConfig;
  readonly market: Market | undefined;
  /** Of a slot that lends to a reserve. */
  readonly reserve: Reserve | undefined;
  readonly isPool: boolean;
  /** What is lent there, to who leaves, and what of it could be taken now. */
  readonly value: bigint;
  readonly takeable: bigint;
  /** What is to be known of it, worst first. */
  readonly states: readonly (readonly [words: string, tone: 'plain' | 'warn' | 'bad'])[];
}

/** A vault's slots. What one holds is what the vault's own figures lack without its market. */
export function slotsOf(engine: Engine, state: VaultState, report: VaultReport): Slot[] {
  const { vault, markets } = state;
  const now = BigInt(state.now);
  const open = new Set(openSlots(vault));
  return vault.config.allocations.flatMap((policy, slot): Slot[] => {
    if (policy.market === NO_ADDRESS) {
      return [];
    }
    const market = open.has(slot) ? markets.find(({ address }) => address === policy.market) : undefined;
    const isPool = policy.pool !== 0;
    const reserve = isPool ? undefined : market?.reserves[vault.allocations[slot]!.reserve];
    const others = markets.filter((one) => one !== market);
    const without = market === undefined ? report : engine.vaultReport({ ...state, markets: others });
    return [
      {
        slot,
        policy,
        market,
        reserve,
        isPool,
        value: report.exit - without.exit,
        takeable: report.takeable - without.takeable,
        states: statesOf(policy, open.has(slot), market, reserve, now),
      },
    ];
  });
}

function statesOf(
  policy: AllocationConfig,
  isOpen: boolean,
  market: Market | undefined,
  reserve: Reserve | undefined,
  now: bigint,
): Slot['states'] {
  const states: [string, 'plain' | 'warn' | 'bad'][] = [];
  if (policy.writtenOff !== 0) states.push(['written off', 'bad']);
  if (!isOpen) states.push(['not opened', 'plain']);
  else if (market === undefined) states.push(['cannot be read', 'bad']);
  if (reserve !== undefined) {
    const halt = haltOf(reserve, now);
    if (halt !== undefined) states.push([`breaker ${halt.tier}`, 'bad']);
    if (reserve.doubtful !== 0n) states.push(['loss reported', 'bad']);
    if (reserve.config.reduceOnly !== 0) states.push(['reduce only', 'warn']);
  }
  const pause = market && pauseOf(market, now);
  if (pause !== undefined) states.push([`paused: ${pause.actions}`, 'warn']);
  if (policy.stopped !== 0) states.push(['stopped', 'warn']);
  return states.length > 0 ? states : [['open', 'plain']];
}

/** The slots that an exit of something may be paid from: as few as it takes, those with most liquidity first. */
export function payersFor(slots: readonly Slot[], state: VaultState, fits: (from: number) => boolean): number {
  const all = payingSlots(state.vault, state.markets);
  const best = slots
    .filter(({ slot, takeable }) => ((all >> slot) & 1) !== 0 && takeable > 0n)
    .sort((a, b) => (a.takeable < b.takeable ? 1 : -1))
    .slice(0, MOST_PAYERS);
  let from = 0;
  for (const { slot } of best) {
    if (fits(from)) {
      return from;
    }
    from |= 1 << slot;
  }
  return from;
}

/** The slots that pay for something that the engine can preview, and what it says. */
export function payers<T>(slots: readonly Slot[], state: VaultState, preview: (from: number) => T) {
  const from = payersFor(slots, state, (some) => ask(() => preview(some)).value !== undefined);
  return { from, answer: ask(() => preview(from)) };
}

/** Those that can pay in one transaction. */
export function bestPayers(slots: readonly Slot[], state: VaultState): number {
  return payersFor(slots, state, () => false);
}

/** When new terms may end: multiples of the spacing, the next eight. */
export function maturitiesOf({ config: { termSpacing } }: Vault, now: bigint): bigint[] {
  if (termSpacing === 0) {
    return [];
  }
  const spacing = BigInt(termSpacing);
  return Array.from({ length: 8 }, (_, nth) => now - (now % spacing) + spacing * BigInt(nth + 1));
}

/** What so many of a vault's shares are worth to who leaves, before a fee. */
export function worthOf({ exit, shares }: VaultReport, some: bigint): bigint {
  return shares === 0n ? 0n : (some * exit) / shares;
}
