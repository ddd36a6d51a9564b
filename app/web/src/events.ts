// What the program logs: events, each with its number in its market or vault. A gap in the numbers means that some were not seen.

import {
  getBadDebtSettledDecoder,
  getChangeExecutedDecoder,
  getLiquidatedDecoder,
  getParameterSetDecoder,
  getPerpLiquidatedDecoder,
} from '@ballast/client/generated';
import { type Address, getAddressDecoder } from '@solana/kit';
import EVENTS from 'virtual:events';
import { fromBase64, toHex } from './bytes.ts';

/** An event as its first bytes say. */
export interface ProgramEvent {
  readonly name: string;
  /** Its number in its market; of a vault's event in its vault. */
  readonly number: bigint;
  /** Whether it names a margin account, its market, or a vault. */
  readonly subject: string;
  readonly of: Address;
  readonly data: Uint8Array;
}

const PREFIX = 'Program data: ';
/** Discriminator, number and an address. */
const LEAST = 48;

/** The events in a transaction's log. Data of other programs that is none of Ballast's events is passed over. */
export function eventsIn(program: Address, logs: readonly string[]): ProgramEvent[] {
  const events: ProgramEvent[] = [];
  // Other programs may log the same bytes: what counts is who is running.
  const running: string[] = [];
  for (const line of logs) {
    const [, invoked] = /^Program (\w+) invoke \[\d+\]$/.exec(line) ?? [];
    if (invoked !== undefined) {
      running.push(invoked);
    } else if (/^Program \w+ (?:success|failed)/.test(line)) {
      running.pop();
    } else if (line.startsWith(PREFIX) && running.at(-1) === program) {
      const event = readEvent(line.slice(PREFIX.length));
      if (event !== undefined) {
        events.push(event);
      }
    }
  }
  return events;
}

function readEvent(text: string): ProgramEvent | undefined {
  let data: Uint8Array;
  try {
    data = fromBase64(text.trim());
  } catch {
    return undefined;
  }
  const [name, subject] = EVENTS[toHex(data.subarray(0, 8))] ?? [];
  if (name === undefined || subject === undefined || data.length < LEAST) {
    return undefined;
  }
  const number = new DataView(data.buffer, data.byteOffset).getBigUint64(8, true);
  return { name, number, subject, of: getAddressDecoder().decode(data, 16), data };
}

/** What an event holds, of the kinds that the page tells more of than their names. */
export const READ = {
  Liquidated: ({ data }: ProgramEvent) => getLiquidatedDecoder().decode(data, 8),
  PerpLiquidated: ({ data }: ProgramEvent) => getPerpLiquidatedDecoder().decode(data, 8),
  BadDebtSettled: ({ data }: ProgramEvent) => getBadDebtSettledDecoder().decode(data, 8),
  ParameterSet: ({ data }: ProgramEvent) => getParameterSetDecoder().decode(data, 8),
  /** The same for one that is queued or cancelled. */
  ChangeExecuted: ({ data }: ProgramEvent) => getChangeExecutedDecoder().decode(data, 8),
} as const;

/** Numbers of a market's events from `from` on, `to` included, that are not among those that were seen: as spans. */
export function gaps(
  seen: ReadonlySet<bigint>,
  from: bigint,
  to: bigint,
): readonly (readonly [first: bigint, last: bigint])[] {
  const found: [bigint, bigint][] = [];
  for (let number = from; number <= to; number += 1n) {
    if (seen.has(number)) {
      continue;
    }
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1n) {
      last[1] = number;
    } else {
      found.push([number, number]);
    }
  }
  return found;
}
