// Stretches of history as the page plays them: closes of the bars in data/prices, a small file for each window.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const FOLDER = fileURLToPath(new URL('../../../data/prices/', import.meta.url));
const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600 };

/** A window, as its file says. `closes` of an asset: the first one, and then what each differs by from the one before, in units of
 * 10^-`decimals` USD. */
export interface CrashFile {
  /** Unix seconds at the end of the first bar. */
  readonly start: number;
  /** Seconds from bar to bar. */
  readonly step: number;
  readonly assets: Readonly<Record<string, { readonly decimals: number; readonly closes: readonly number[] }>>;
}

export interface CrashWindow {
  /** Year and month. */
  readonly id: string;
  readonly step: number;
  readonly bars: number;
  readonly assets: readonly string[];
}

interface Bars {
  readonly asset: string;
  readonly window: string;
  readonly step: number;
  readonly rows: readonly (readonly [opens: number, close: string])[];
}

/** The bars of a file of a window; none of a file that is a long series. */
function read(name: string): Bars | undefined {
  const [, asset, window, count, unit] =
    /^([a-z]+)-[a-z-]+?-(\d{4}-\d{2})-[a-z]+-(\d+)([mh])\.csv\.gz$/.exec(name) ?? [];
  if (asset === undefined) {
    return undefined;
  }
  const [, ...lines] = gunzipSync(readFileSync(FOLDER + name))
    .toString()
    .trim()
    .split('\n');
  const rows = lines.map((line) => {
    const [opens = '', , , , close = ''] = line.split(',');
    return [Number(opens), close] as const;
  });
  return { asset: asset.toUpperCase(), window: window!, step: Number(count) * SECONDS[unit!]!, rows };
}

function closes({ rows }: Bars, start: number, step: number, bars: number) {
  // The last close at each step's end: finer bars than the others' are summed up.
  const at = new Map(rows.map(([opens, close]) => [Math.floor((opens - start) / step), close]));
  const texts = Array.from({ length: bars }, (_, bar) => at.get(bar));
  if (texts.some((text) => text === undefined)) {
    throw new Error('data/prices: the files of a window do not cover the same time');
  }
  const decimals = Math.min(4, Math.max(...texts.map((text) => (text!.split('.')[1] ?? '').length)));
  const values = texts.map((text) => Math.round(Number(text) * 10 ** decimals));
  return { decimals, closes: values.map((value, bar) => value - (bar === 0 ? 0 : values[bar - 1]!)) };
}

/** All windows, and their files by name. */
export function crashes(): { readonly windows: CrashWindow[]; readonly files: Map<string, string> } {
  const files = new Map<string, string>();
  const groups = new Map<string, Bars[]>();
  for (const name of readdirSync(FOLDER).sort()) {
    const bars = read(name);
    if (bars !== undefined) {
      groups.set(bars.window, [...(groups.get(bars.window) ?? []), bars]);
    }
  }
  const windows = [...groups].map(([id, group]) => {
    const coarsest = group.reduce((a, b) => (b.step > a.step ? b : a));
    const { step, rows } = coarsest;
    const start = rows[0]![0];
    const assets = Object.fromEntries(group.map((bars) => [bars.asset, closes(bars, start, step, rows.length)]));
    const json: CrashFile = { start: start + step, step, assets };
    files.set(`crashes/${id}.json`, JSON.stringify(json));
    return { id, step, bars: rows.length, assets: Object.keys(assets) };
  });
  return { windows: windows.reverse(), files };
}
