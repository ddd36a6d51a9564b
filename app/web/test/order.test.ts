import type { Address } from '@solana/kit';
import { expect, test } from 'vitest';
import { judge, type State } from '../src/chain/order.ts';

const OWNER = '11111111111111111111111111111111' as Address;

function state(slot: number, byte: number | undefined, connection: number): State {
  const info = byte === undefined ? undefined : { lamports: 1n, owner: OWNER, data: Uint8Array.of(byte) };
  return { slot: BigInt(slot), info, connection };
}

test.each([
  ['the first state is taken', undefined, state(5, 1, 0), 'take'],
  ['a newer slot is taken', state(5, 1, 1), state(6, 2, 0), 'take'],
  ['a newer slot that holds the same is taken: it is known for longer', state(5, 1, 1), state(6, 1, 1), 'take'],
  ['an account that is closed is taken', state(5, 1, 1), state(6, undefined, 1), 'take'],
  ['W9: an older answer is not', state(5, 1, 1), state(4, 2, 0), 'keep'],
  ['W9: an older message is not, but may be news', state(5, 1, 0), state(4, 2, 1), 'ask'],
  ['an older message of the same is nothing', state(5, 1, 0), state(4, 1, 1), 'keep'],
  ['of one slot and connection the later message', state(5, 1, 3), state(5, 2, 3), 'take'],
  ['of one slot from elsewhere nobody knows', state(5, 1, 0), state(5, 2, 3), 'ask'],
  ['of one slot after another connection nobody knows', state(5, 1, 2), state(5, 2, 3), 'ask'],
  ['of one slot by an answer nobody knows', state(5, 1, 3), state(5, 2, 0), 'ask'],
])('%s', (_, held, next, verdict) => {
  expect(judge(held, next)).toBe(verdict);
});
