import { expect, test } from 'vitest';
import { eventsIn, gaps, READ } from '../src/events.ts';
import { toBase64 } from '../src/bytes.ts';

const PROGRAM = 'BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp' as never;
const LIQUIDATED = [231, 57, 55, 75, 0, 170, 246, 68];

function line(discriminator: readonly number[], number: number): string {
  const data = new Uint8Array(8 + 120);
  data.set(discriminator);
  new DataView(data.buffer).setBigUint64(8, BigInt(number), true);
  data[8 + 8 + 64] = 42;
  return `Program data: ${toBase64(data)}`;
}

test('events are those that the program logs itself', () => {
  const logs = [
    `Program ${PROGRAM} invoke [1]`,
    'Program Other111111111111111111111111111111111111111 invoke [2]',
    line(LIQUIDATED, 1),
    'Program Other111111111111111111111111111111111111111 success',
    'Program log: hello',
    line(LIQUIDATED, 2),
    line([1, 2, 3, 4, 5, 6, 7, 8], 3),
    'Program data: !!',
    `Program ${PROGRAM} success`,
    'Program Other111111111111111111111111111111111111111 invoke [1]',
    line(LIQUIDATED, 4),
  ];
  const events = eventsIn(PROGRAM, logs);
  expect(events.map(({ name, number, subject }) => [name, number, subject])).toEqual([['Liquidated', 2n, 'account']]);
});

test('gaps are told as spans', () => {
  expect(gaps(new Set([1n, 2n, 5n, 9n]), 1n, 10n)).toEqual([
    [3n, 4n],
    [6n, 8n],
    [10n, 10n],
  ]);
  expect(gaps(new Set([4n]), 4n, 4n)).toEqual([]);
  expect(gaps(new Set(), 5n, 4n)).toEqual([]);
});

test('a liquidation is read', () => {
  const [event] = eventsIn(PROGRAM, [`Program ${PROGRAM} invoke [1]`, line(LIQUIDATED, 7)]);
  expect(READ.Liquidated(event!).number).toBe(7n);
});
