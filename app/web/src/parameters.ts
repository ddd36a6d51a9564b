// Governed parameters in words: what they are called, what their bytes mean, and which way adds risk.

import { type Change, type Market, perpAt, poolAt, type Vault } from '@ballast/client';
import { type Address, getAddressDecoder, type ReadonlyUint8Array } from '@solana/kit';
import TABLES from 'virtual:parameters';
import type { ParameterRow } from '../build/tables.ts';
import { areEqual } from './bytes.ts';
import { type Names, symbolOf } from './names.ts';
import { bps, duration, exactAmount, moment, usd } from './number.ts';

export type Table = keyof typeof TABLES;

/** What stands for no index in a change's target. */
export const TARGET = { market: 255, listing: 254, vault: 253, pool: 252, perp: 251 } as const;

export interface Parameter {
  readonly name: string;
  readonly offset: number;
  readonly width: number;
  readonly unit: string;
  readonly direction: string;
  /** What zero means, if something else than none of it. */
  readonly none: string;
}

export function parametersOf(table: Table): readonly Parameter[] {
  return TABLES[table].map(([name, offset, width, unit, direction, none]: ParameterRow) => ({
    name,
    offset,
    width,
    unit,
    direction,
    none,
  }));
}

/** Parts of names that say more in other words. */
const WORDS: Readonly<Record<string, string>> = {
  cross: 'cross accounts',
  isolated: 'isolated accounts',
  initial_asset: 'collateral weight for new risk',
  maintenance_asset: 'collateral weight before liquidation',
  initial_liability: 'debt weight for new risk',
  maintenance_liability: 'debt weight before liquidation',
  group_initial_asset: 'collateral weight for new risk, in its group',
  group_maintenance_asset: 'collateral weight before liquidation, in its group',
  rate_bps: 'rate',
  config: '',
  risk: '',
  roles: '',
  ramp: 'ramp of weights',
};

/** A parameter's path in words: "Collateral weight for new risk, cross accounts". */
export function parameterWords(name: string): string {
  const parts = name
    .split('.')
    .map((part) => WORDS[part] ?? (/^\d+$/.test(part) ? `${Number(part) + 1}` : part.replaceAll('_', ' ')))
    .filter((part) => part !== '');
  const ordered = name.startsWith('risk.') ? parts.reverse() : parts;
  const text = ordered.join(', ').replace(/, (\d+)/g, ' $1');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A parameter's bytes as a number. */
function numberIn(bytes: ReadonlyUint8Array): bigint {
  return bytes.slice(0, 8).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function isZero(bytes: ReadonlyUint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Which way an edit goes. `either`: it waits whichever way it goes, because it depends whom it favours. */
export type Way = 'adds risk' | 'adds none' | 'either';

export function wayOf({ direction }: Parameter, before: ReadonlyUint8Array, after: ReadonlyUint8Array): Way {
  if (areEqual(before, after)) {
    return 'adds none';
  }
  const [old, next] = [numberIn(before), numberIn(after)];
  const adds: Readonly<Record<string, () => boolean>> = {
    up: () => next > old,
    'up, or no limit': () => next === 0n || (old !== 0n && next > old),
    down: () => next < old,
    'down, or offered': () => old === 0n || next < old,
    'anyone new': () => !isZero(after),
  };
  const rule = adds[direction];
  return rule === undefined ? 'either' : rule() ? 'adds risk' : 'adds none';
}

/** What amounts of a record are counted in. */
interface Token {
  readonly symbol: string;
  readonly decimals: number;
}

/** A parameter's bytes in words. */
export function valueWords(
  { unit, none, name }: Parameter,
  bytes: ReadonlyUint8Array,
  token: Token | undefined,
): string {
  if (unit === 'Account') {
    return isZero(bytes) ? 'none' : getAddressDecoder().decode(bytes);
  }
  const value = numberIn(bytes);
  if (value === 0n && none !== '') {
    return none;
  }
  switch (unit) {
    case 'Bps':
      // Correlations are the one parameter with a sign.
      return bps(name.includes('correlations') ? BigInt.asIntN(8 * bytes.length, value) : value);
    case 'BpsPerHour':
      return `${bps(value)} an hour`;
    case 'BpsPerDay':
      return `${bps(value)} a day`;
    case 'BpsPerYear':
      return `${bps(value)} a year`;
    case 'Atoms':
      return token === undefined
        ? `${exactAmount(value, 0)} atoms`
        : `${exactAmount(value, token.decimals)} ${token.symbol}`;
    case 'Dollars':
      return `$${exactAmount(value, 0)}`;
    case 'DollarsE8':
      return usd(value, 'down');
    case 'Seconds':
      return duration(value);
    case 'Time':
      return value === 0n ? 'none' : moment(value);
    case 'Switch':
      return value === 0n ? 'off' : 'on';
    default:
      return exactAmount(value, 0);
  }
}

/** One edit of a change. */
export interface Edit {
  readonly parameter: Parameter;
  readonly before: ReadonlyUint8Array | undefined;
  readonly after: ReadonlyUint8Array;
}

/** Where a market's records begin, what each takes, and where the configuration stands in each kind and in the heads. */
const RECORDS = 608;
const RECORD = 1_024;
const CONFIG = { record: 104, market: 112, vault: 256 } as const;
const KINDS: readonly Table[] = ['reserve', 'perp', 'pool'];
/** Bytes of the mint before a listing's parameters. */
const MINT = 32;

/** The table of a change's target, and the bytes of the configuration as it is now. */
function targetOf(
  change: Change,
  market: Market | undefined,
  vault: Vault | undefined,
): { readonly table: Table; readonly config: ReadonlyUint8Array | undefined } {
  switch (change.target) {
    case TARGET.market:
      return { table: 'market', config: market?.bytes.slice(CONFIG.market) };
    case TARGET.vault:
      return { table: 'vault', config: vault?.bytes.slice(CONFIG.vault) };
    case TARGET.listing:
      return { table: 'reserve', config: undefined };
    case TARGET.pool:
      return { table: 'pool', config: undefined };
    case TARGET.perp:
      return { table: 'perp', config: undefined };
    default: {
      const record = market?.reserves[change.target];
      const start = RECORDS + change.target * RECORD + CONFIG.record;
      return { table: KINDS[record?.kind ?? 0] ?? 'reserve', config: market?.bytes.slice(start) };
    }
  }
}

/** Whether a change brings a record, and edits none. */
export function addsRecord({ target }: Change): boolean {
  return target === TARGET.listing || target === TARGET.pool || target === TARGET.perp;
}

/** What a change says: its edits, or all parameters of what it lists. Throws if it names a parameter that there is not. */
export function editsOf(change: Change, market: Market | undefined, vault: Vault | undefined): readonly Edit[] {
  const { table, config } = targetOf(change, market, vault);
  const rows = parametersOf(table);
  const data = change.data.slice(0, change.length);
  if (addsRecord(change)) {
    const start = change.target === TARGET.listing ? MINT : 0;
    return rows.map((parameter) => ({
      parameter,
      before: undefined,
      after: data.slice(start + parameter.offset, start + parameter.offset + parameter.width),
    }));
  }
  const edits: Edit[] = [];
  for (let at = 0; at < data.length; ) {
    const offset = data[at]! | (data[at + 1]! << 8);
    const parameter = rows.find((row) => row.offset === offset);
    if (parameter === undefined) {
      throw new Error(`a parameter at ${offset} that this page does not know`);
    }
    const after = data.slice(at + 2, at + 2 + parameter.width);
    edits.push({ parameter, before: config?.slice(offset, offset + parameter.width), after });
    at += 2 + parameter.width;
  }
  return edits;
}

/** The mint that a listing is of. */
export function listedMint(change: Change): Address {
  return getAddressDecoder().decode(change.data);
}

/** What a change's target is, in words. */
export function targetWords(target: number, names: Names, listed?: Address): string {
  switch (target) {
    case TARGET.market:
      return 'The market';
    case TARGET.vault:
      return 'The vault';
    case TARGET.listing:
      return listed === undefined ? 'A new reserve' : `A new reserve: ${symbolOf(names.config, listed)}`;
    case TARGET.pool:
      return 'A new pool behind perps';
    case TARGET.perp:
      return 'A new perp';
    default: {
      const kind = names.market.reserves[target]?.kind;
      return kind === 1 ? names.perp(target) : kind === 2 ? `Pool ${target}` : names.reserve(target);
    }
  }
}

/** What amounts of a target's parameters are counted in. */
export function tokenOf(target: number, names: Names, vault: Vault | undefined): Token | undefined {
  if (vault !== undefined) {
    return { symbol: symbolOf(names.config, vault.mint), decimals: vault.decimals };
  }
  const kind = names.market.reserves[target]?.kind;
  const quote =
    kind === 1
      ? poolAt(names.market, perpAt(names.market, target).config.pool).config.quote
      : kind === 2
        ? poolAt(names.market, target).config.quote
        : target;
  const record = names.market.reserves[quote];
  return record === undefined ? undefined : { symbol: names.reserve(quote), decimals: record.decimals };
}

/** Whether a parameter says who holds a role, or whom prices are taken from. */
export function isRole({ name }: Parameter): boolean {
  return name.startsWith('roles.');
}
