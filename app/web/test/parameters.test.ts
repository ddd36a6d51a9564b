import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parameterTables } from '../build/tables.ts';
import { type Parameter, parametersOf, parameterWords, valueWords, wayOf } from '../src/parameters.ts';

const word = (value: number, width = 2) =>
  Uint8Array.from({ length: width }, (_, byte) => Math.floor(value / 256 ** byte) % 256);

test('every line of the table of parameters is read, and no two overlap', () => {
  const document = readFileSync(new URL('../../../docs/parameters.md', import.meta.url), 'utf8');
  const lines = document.split('\n').filter((line) => line.startsWith('| `'));
  const tables = Object.values(parameterTables());
  expect(tables.flat()).toHaveLength(lines.length);
  for (const rows of tables) {
    rows.forEach(([name, offset], nth) => {
      const before = rows[nth - 1];
      if (before !== undefined) {
        expect(offset, name).toBeGreaterThanOrEqual(before[1] + before[2]);
      }
    });
  }
});

test('a parameter of a direction that the page does not know waits either way', () => {
  const known = new Set(['up', 'up, or no limit', 'down', 'down, or offered', 'any change', 'anyone new']);
  expect(
    Object.values(parameterTables())
      .flat()
      .filter(([, , , , direction]) => !known.has(direction)),
  ).toEqual([]);
});

const of = (direction: string): Parameter => ({ name: 'x', offset: 0, width: 2, unit: 'Bps', direction, none: '' });

test.each([
  ['up', 5, 6, 'adds risk'],
  ['up', 6, 5, 'adds none'],
  ['up', 5, 5, 'adds none'],
  ['down', 5, 6, 'adds none'],
  ['down', 6, 5, 'adds risk'],
  ['up, or no limit', 5, 0, 'adds risk'],
  ['up, or no limit', 0, 5, 'adds none'],
  ['up, or no limit', 5, 6, 'adds risk'],
  ['up, or no limit', 6, 5, 'adds none'],
  ['down, or offered', 0, 6, 'adds risk'],
  ['down, or offered', 6, 0, 'adds risk'],
  ['down, or offered', 5, 6, 'adds none'],
  ['anyone new', 5, 6, 'adds risk'],
  ['anyone new', 5, 0, 'adds none'],
  ['any change', 5, 6, 'either'],
] as const)('%s: from %i to %i %s', (direction, before, after, way) => {
  expect(wayOf(of(direction), word(before), word(after))).toBe(way);
});

test('values are said in their unit', () => {
  const find = (name: string) =>
    [...parametersOf('market'), ...parametersOf('reserve')].find((parameter) => parameter.name === name)!;
  const usdc = { symbol: 'USDC', decimals: 6 };
  expect(valueWords(find('target_health'), word(10_500), undefined)).toBe('105 %');
  expect(valueWords(find('value_at_risk.correlations.0.1'), word(65_536 - 2_500), undefined)).toBe('−25 %');
  expect(valueWords(find('delay'), word(172_800, 4), undefined)).toBe('2 d');
  expect(valueWords(find('loss_limit'), word(0, 4), undefined)).toBe('no limit');
  expect(valueWords(find('deposit_cap'), word(1_500_000, 8), usdc)).toBe('1.5 USDC');
  expect(valueWords(find('risk.cross.initial_liability'), word(0), undefined)).toBe('not offered');
  expect(valueWords(find('roles.nominee'), new Uint8Array(32), undefined)).toBe('none');
  expect(valueWords(find('borrow_enabled'), word(1, 1), undefined)).toBe('on');
});

test('names are said in words', () => {
  expect(parameterWords('risk.cross.maintenance_asset')).toBe('Collateral weight before liquidation, cross accounts');
  expect(parameterWords('roles.fee_collector')).toBe('Fee collector');
  expect(parameterWords('curve.points.2.rate_bps')).toBe('Curve, points 3, rate');
});
