// What the page takes from files of the repository while it is built, so that nothing of it is written down twice: the governed
// parameters from docs/parameters.md and the IDL, the names of events from the IDL.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (path: string) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

/** A parameter: its name, where it stands, its bytes, its unit, which way adds risk, and what zero means. */
export type ParameterRow = readonly [
  name: string,
  offset: number,
  width: number,
  unit: string,
  direction: string,
  none: string,
];

type IdlType = string | { defined: { name: string } } | { array: [IdlType, number] };

interface Idl {
  readonly events: readonly { name: string; discriminator: readonly number[] }[];
  readonly types: readonly { name: string; type: { fields?: readonly { name: string; type: IdlType }[] } }[];
}

/** Heads of the tables in docs/parameters.md, and the record that each is of. */
const RECORDS = {
  'A market': ['market', 'MarketConfig'],
  'A reserve': ['reserve', 'ReserveConfig'],
  'A vault': ['vault', 'VaultConfig'],
  'A pool behind perps': ['pool', 'PoolConfig'],
  'A perp': ['perp', 'PerpConfig'],
} as const;

const WIDTHS: Readonly<Record<string, number>> = {
  u8: 1,
  bool: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  u64: 8,
  i64: 8,
  u128: 16,
  pubkey: 32,
};

function readIdl(): Idl {
  return JSON.parse(file('idl/ballast.json'));
}

/** Bytes of what a path of fields leads to. */
function widthOf(idl: Idl, type: IdlType, path: readonly string[]): number {
  if (typeof type === 'string') {
    return WIDTHS[type]!;
  }
  const [first, ...rest] = path;
  if ('array' in type) {
    return widthOf(idl, type.array[0], rest);
  }
  const { fields = [] } = idl.types.find(({ name }) => name === type.defined.name)!.type;
  return widthOf(idl, fields.find(({ name }) => name === first)!.type, rest);
}

/** All tables of governed parameters. */
export function parameterTables(): Record<string, ParameterRow[]> {
  const idl = readIdl();
  const sections = file('docs/parameters.md').split(/^## /m).slice(1);
  return Object.fromEntries(
    sections.map((section) => {
      const [head = '', ...lines] = section.split('\n');
      const found = RECORDS[head.trim() as keyof typeof RECORDS];
      if (found === undefined) {
        throw new Error(`docs/parameters.md has a table that the page does not know: ${head}`);
      }
      const [key, record] = found;
      const rows = lines.flatMap((line): ParameterRow[] => {
        const [, name, offset, unit, range, direction] =
          /^\| `([^`]+)` \| (\d+) \| (\w+) \| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
        if (name === undefined) {
          return [];
        }
        const none = /0: (.+)$/.exec(range!.trim())?.[1] ?? '';
        const width = widthOf(idl, { defined: { name: record } }, name.split('.'));
        return [[name, Number(offset), width, unit!, direction!.trim(), none]];
      });
      return [key, rows];
    }),
  );
}

/** Events by their first eight bytes, hex: the name, and what the event names beside its number. */
export function eventTable(): Record<string, readonly [name: string, subject: string]> {
  const { events, types } = readIdl();
  return Object.fromEntries(
    events.map(({ name, discriminator }) => {
      const hex = discriminator.map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return [hex, [name, types.find((type) => type.name === name)!.type.fields![1]!.name]];
    }),
  );
}
