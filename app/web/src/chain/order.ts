// Which of two states of an account is the newer one.

import { areEqual } from '../bytes.ts';
import type { AccountInfo } from './rpc.ts';

/** A state of an account, and where it comes from. */
export interface State {
  readonly slot: bigint;
  /** None: there is no such account. */
  readonly info: AccountInfo | undefined;
  /** Number of the connection that told it; 0: an answer to a question. Messages of one connection are in order. */
  readonly connection: number;
}

/** Whether two states hold the same. */
export function isSame(a: AccountInfo | undefined, b: AccountInfo | undefined): boolean {
  if (a === undefined || b === undefined) {
    return a === b;
  }
  return a.lamports === b.lamports && a.owner === b.owner && areEqual(a.data, b.data);
}

/**
 * What to do with a state: `take` it, `keep` what is held, or keep it and `ask` again. An older slot never replaces a newer one. Of
 * one slot there can be two states: those of one connection are in order, of others only a later slot tells. Nodes label messages
 * with slots that are a little off, so a message that seems old may still be news, and asking finds out.
 */
export function judge(held: State | undefined, next: State): 'take' | 'keep' | 'ask' {
  if (held === undefined || next.slot > held.slot) {
    return 'take';
  }
  if (isSame(held.info, next.info)) {
    return 'keep';
  }
  if (next.slot === held.slot) {
    return next.connection !== 0 && next.connection === held.connection ? 'take' : 'ask';
  }
  return next.connection === 0 ? 'keep' : 'ask';
}
