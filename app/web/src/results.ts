// The figures that the laboratory writes, as tables and series. It takes any JSON of their kind: an object whose lists hold objects.

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One value, ready to be shown. */
interface Fact {
  readonly name: string;
  readonly text: string;
}

/** Points over time. */
export interface Series {
  readonly title: string;
  readonly times: readonly number[];
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

export interface Grid {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Rows that were left out. */
  readonly more: number;
}

/** A part of the figures, with what belongs to it. */
export interface Part {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly grids: readonly Grid[];
  readonly series: readonly Series[];
  readonly parts: readonly Part[];
}

/** Rows of a table that are shown, and points that make a series. */
const [MOST_ROWS, LEAST_POINTS] = [200, 8];
/** Depth beyond which nothing is unfolded. */
const DEEPEST = 5;

type Fields = { readonly [key: string]: Json };

function isFields(value: Json | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: Json | undefined): boolean {
  return value === undefined || value === null || typeof value !== 'object';
}

/** A key in words: "lowest_coverage" is "Lowest coverage". */
function keyWords(key: string): string {
  const text = key.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A value as the file has it: numbers in a few digits, moments as such. */
export function factText(key: string, value: Json | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'boolean') {
    return value ? 'yes' : 'no';
  }
  if (typeof value !== 'number') {
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
  if (isTime(key) && value > 1e9 && value < 1e11) {
    return new Date(value * 1_000).toISOString().slice(0, 16).replace('T', ' ');
  }
  if (Number.isInteger(value)) {
    return grouped(String(value));
  }
  return grouped(Math.abs(value) >= 1_000 ? value.toFixed(2) : String(Number(value.toPrecision(5))));
}

function isTime(key: string): boolean {
  return /(?:^|_)(?:time|since|at|start|end)$/.test(key);
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.replace('-', '\u2212').split('.');
  const apart = /e/.test(text) ? whole : whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}

/** The figures of a file. Throws, in words, if it is none. */
export function readResults(text: string): Part {
  let json: Json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('It is no JSON.');
  }
  if (!isFields(json)) {
    throw new Error('It is JSON, but not the figures of an experiment: those are an object with lists in it.');
  }
  return partOf('', json, 0);
}

function partOf(title: string, fields: Fields, depth: number): Part {
  const facts: Fact[] = [];
  const grids: Grid[] = [];
  const series: Series[] = [];
  const parts: Part[] = [];
  for (const [key, value] of Object.entries(fields)) {
    const name = keyWords(key);
    if (isScalar(value)) {
      facts.push({ name, text: factText(key, value) });
    } else if (isFields(value)) {
      const inner = Object.entries(value);
      if (inner.every(([, one]) => isScalar(one))) {
        grids.push({
          title: name,
          heads: ['What', 'Value'],
          rows: inner.map(([one, held]) => [keyWords(one), factText(one, held)]),
          more: 0,
        });
      } else if (inner.every(([, one]) => isFields(one))) {
        grids.push(
          gridOf(
            name,
            inner.map(([one, held]) => ({ name: one, ...(held as Fields) })),
          ),
        );
      } else if (depth < DEEPEST) {
        parts.push(partOf(name, value, depth + 1));
      }
    } else {
      const items = value as readonly Json[];
      const rows = items.filter(isFields);
      if (rows.length === 0) {
        facts.push({ name, text: items.length === 0 ? 'none' : items.map((item) => factText(key, item)).join(', ') });
      } else if (isSeries(rows)) {
        series.push(seriesOf(name, rows));
      } else {
        grids.push(gridOf(name, rows));
        if (depth < DEEPEST) {
          parts.push(...rows.flatMap((row, nth) => inside(name, row, nth, depth)));
        }
      }
    }
  }
  return { title, facts, grids, series, parts };
}

/** What a row of a table holds that does not fit into a row. */
function inside(name: string, row: Fields, nth: number, depth: number): Part[] {
  const deep = Object.fromEntries(Object.entries(row).filter(([, value]) => !isScalar(value)));
  if (Object.keys(deep).length === 0) {
    return [];
  }
  const label = Object.values(row).find((value) => typeof value === 'string');
  return [partOf(`${name}: ${label ?? nth + 1}`, deep, depth + 1)];
}

function gridOf(title: string, rows: readonly Fields[]): Grid {
  const heads = [...new Set(rows.flatMap((row) => Object.keys(row).filter((key) => isScalar(row[key]))))];
  return {
    title,
    heads: heads.map(keyWords),
    rows: rows.slice(0, MOST_ROWS).map((row) => heads.map((head) => factText(head, row[head]))),
    more: Math.max(0, rows.length - MOST_ROWS),
  };
}

function isSeries(rows: readonly Fields[]): boolean {
  return rows.length >= LEAST_POINTS && rows.every(({ time }) => typeof time === 'number');
}

function seriesOf(title: string, rows: readonly Fields[]): Series {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(
    (key) => key !== 'time' && rows.some((row) => typeof row[key] === 'number'),
  );
  return {
    title,
    times: rows.map(({ time }) => time as number),
    lines: keys.map((key) => ({
      name: keyWords(key),
      values: rows.map((row) => (typeof row[key] === 'number' ? row[key] : null)),
    })),
  };
}
