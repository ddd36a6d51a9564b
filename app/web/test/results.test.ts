import { expect, test } from 'vitest';
import { factText, readResults } from '../src/results.ts';

const FILE = JSON.stringify({
  seed: 20_251_010,
  traders: 40,
  assumptions: ['nobody reacts', 'fees are zero'],
  rule: { coverage: 1.5, exit_fee: true },
  windows: [
    {
      window: 'October 2025',
      bad_debt_usd: 12_345.678,
      longest_wait: null,
      compute_units: { deposit: { count: 3, mean: 5_000 }, borrow: { count: 1, mean: 9_000 } },
      series: Array.from({ length: 10 }, (_, hour) => ({
        time: 1_760_000_000 + 3_600 * hour,
        cover: hour < 1 ? null : hour / 10,
      })),
    },
  ],
});

test('figures become facts, tables, series and parts', () => {
  const { facts, grids, parts } = readResults(FILE);
  expect(facts).toEqual([
    { name: 'Seed', text: '20\u202f251\u202f010' },
    { name: 'Traders', text: '40' },
    { name: 'Assumptions', text: 'nobody reacts, fees are zero' },
  ]);
  expect(grids.map(({ title }) => title)).toEqual(['Rule', 'Windows']);
  expect(grids[1]).toEqual({
    title: 'Windows',
    heads: ['Window', 'Bad debt usd', 'Longest wait'],
    rows: [['October 2025', '12\u202f345.68', '–']],
    more: 0,
  });
  const [window] = parts;
  expect(window!.title).toBe('Windows: October 2025');
  expect(window!.grids[0]!.rows).toEqual([
    ['deposit', '3', '5\u202f000'],
    ['borrow', '1', '9\u202f000'],
  ]);
  expect(window!.series[0]!.times).toHaveLength(10);
  expect(window!.series[0]!.lines).toEqual([
    { name: 'Cover', values: [null, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] },
  ]);
});

test('what are no figures is refused in words', () => {
  expect(() => readResults('{')).toThrow('It is no JSON.');
  expect(() => readResults('[1]')).toThrow('not the figures of an experiment');
  expect(() => readResults('null')).toThrow('not the figures of an experiment');
});

test('numbers are short, moments are moments', () => {
  expect(factText('time', 1_760_131_500)).toBe('2025-10-10 21:25');
  expect(factText('median_wait', 1_760_131_500)).toBe('1\u202f760\u202f131\u202f500');
  expect(factText('loss', -0.000_012_345_6)).toBe('\u22120.000012346');
  expect(factText('x', false)).toBe('no');
});
