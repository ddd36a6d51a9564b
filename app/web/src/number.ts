// One notation for all numbers, that of the fields they are typed into: a dot, thousands apart by a narrow space, no commas. What
// is shown can be typed back. Amounts are bigints until they are text: nothing goes through a float on the way.

import { EVERYTHING, formatAtoms, USD_DECIMALS } from '@ballast/client';

/** Between thousands: a narrow space that does not break. */
export const APART = '\u202f';
export const MINUS = '\u2212';

/** What one has is rounded down, what one owes up. */
export type Rounding = 'down' | 'up';

function grouped(digits: string): string {
  const [whole = '', fraction] = digits.split('.');
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, APART);
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}

/** `value × 10^-decimals` cut or raised to so many fractional digits. */
function rounded(value: bigint, decimals: number, digits: number, rounding: Rounding): bigint {
  const unit = 10n ** BigInt(Math.max(0, decimals - digits));
  const rest = ((value % unit) + unit) % unit;
  return rest === 0n ? value : value - rest + (rounding === 'up' ? unit : 0n);
}

/** A decimal text with thousands apart, and its minus as such. */
function signed(text: string): string {
  return text.startsWith('-') ? MINUS + grouped(text.slice(1)) : grouped(text);
}

/** Fractional digits that leave about six significant ones, for lists: amounts of one token stand under each other. */
function fewDigits(decimals: number): number {
  return Math.min(decimals, 4);
}

/** An amount of a token, all its digits. */
export function exactAmount(atoms: bigint, decimals: number): string {
  return signed(formatAtoms(atoms, decimals));
}

/** An amount with a fixed number of fractional digits, so that a column of them is aligned. */
export function shortAmount(atoms: bigint, decimals: number, rounding: Rounding, digits = fewDigits(decimals)): string {
  const value = rounded(atoms, decimals, digits, rounding);
  const text = formatAtoms(value, decimals);
  const [whole = '', fraction = ''] = text.split('.');
  return signed(digits === 0 ? whole : `${whole}.${fraction.padEnd(digits, '0')}`);
}

/** A value of 10^-8 USD to the cent. */
export function usd(value: bigint, rounding: Rounding): string {
  const text = shortAmount(value, USD_DECIMALS, rounding, 2);
  return text.startsWith(MINUS) ? `${MINUS}$${text.slice(1)}` : `$${text}`;
}

/** A value of 10^-8 USD in a few digits, for figures of a whole market. */
export function wholeUsd(value: bigint, rounding: Rounding): string {
  const text = shortAmount(value, USD_DECIMALS, rounding, 0);
  return text.startsWith(MINUS) ? `${MINUS}$${text.slice(1)}` : `$${text}`;
}

/** A price of `price × 10^exponent` USD with five significant digits and two fractional ones at least. */
export function price(
  value: { readonly price: bigint; readonly exponent: number },
  rounding: Rounding = 'down',
): string {
  const decimals = Math.max(0, -value.exponent);
  const atoms = value.price * 10n ** BigInt(Math.max(0, value.exponent));
  const whole = (atoms / 10n ** BigInt(decimals)).toString().length;
  const leading = atoms === 0n ? 0 : Math.max(0, decimals - atoms.toString().length);
  const digits = whole > 1 || atoms >= 10n ** BigInt(decimals) ? Math.max(2, 5 - whole) : Math.max(4, leading + 5);
  return `$${shortAmount(atoms, decimals, rounding, Math.min(digits, Math.max(decimals, 2)))}`;
}

/** A part of one, as a percentage. Rates are floats from the engine, for people alone. */
export function percent(part: number, digits = 2): string {
  if (!Number.isFinite(part)) {
    return '–';
  }
  const text = (part * 100).toFixed(digits);
  return `${signed(text)} %`;
}

/** Basis points as a percentage, exactly. */
export function bps(value: number | bigint): string {
  return `${signed(formatAtoms(BigInt(value), 2))} %`;
}

/** `a ÷ b` as a percentage of one fractional digit, cut off; more than 9,999 % is said as that. */
export function ratio(a: bigint, b: bigint): string {
  if (b === 0n) {
    return '–';
  }
  const tenths = (a * 1_000n) / b;
  return tenths > 99_999n ? `> ${grouped('9999')} %` : `${shortAmount(tenths, 1, 'down', 1)} %`;
}

/** A text's meaning as an amount, or what is wrong with it, in words for beside the field. */
type Parsed = { readonly atoms: bigint; readonly error?: never } | { readonly atoms?: never; readonly error: string };

/** Atoms of a typed amount. */
export function parseAmount(typed: string, decimals: number): Parsed {
  const text = typed.trim();
  if (text === '') {
    return { error: 'Enter an amount.' };
  }
  if (text.includes(',')) {
    return {
      error: 'A comma means different things in different countries. Use a dot for decimals, spaces for thousands.',
    };
  }
  if (/^[-\u2212+]/.test(text)) {
    return { error: 'Enter the amount without a sign.' };
  }
  if (/^[\d.]+e[-+]?\d+$/i.test(text)) {
    return { error: 'Write the amount out, without an exponent.' };
  }
  // Spaces and underscores stand between thousands alone: "1 5" is more likely a slip than fifteen.
  const plain = /^\d{1,3}(?:[\s_]\d{3})+(?:\.\d*)?$/.test(text) ? text.replace(/[\s_]/g, '') : text;
  if (/[\s_]/.test(plain)) {
    return { error: 'Spaces stand between groups of three digits before the dot.' };
  }
  if ((plain.match(/\./g)?.length ?? 0) > 1) {
    return { error: 'There can be one dot.' };
  }
  const [, whole = '', fraction = ''] = /^(\d*)\.?(\d*)$/.exec(plain) ?? [];
  if (whole + fraction === '') {
    return { error: 'Only the digits 0 to 9 and a dot make an amount.' };
  }
  if (fraction.length > decimals) {
    return {
      error:
        decimals === 0
          ? 'This token has no decimals.'
          : `This token has ${decimals} decimals, and you entered ${fraction.length}.`,
    };
  }
  const atoms = BigInt((whole || '0') + fraction.padEnd(decimals, '0'));
  if (atoms > EVERYTHING) {
    return { error: `That is more than any account can hold: ${exactAmount(EVERYTHING, decimals)}.` };
  }
  return { atoms };
}

/** Seconds in words: the two largest units. */
export function duration(seconds: number | bigint): string {
  let rest = BigInt(seconds);
  if (rest < 0n) {
    rest = -rest;
  }
  const units = [
    ['d', 86_400n],
    ['h', 3_600n],
    ['min', 60n],
    ['s', 1n],
  ] as const;
  const first = units.findIndex(([, size]) => rest >= size);
  if (first < 0) {
    return '0 s';
  }
  const parts = units.slice(first, first + 2).map(([unit, size]) => [rest / size, unit, size] as const);
  const [major, minor] = parts;
  const left = minor === undefined ? 0n : (rest % major![2]) / minor[2];
  return left > 0n ? `${major![0]} ${major![1]} ${left} ${minor![1]}` : `${major![0]} ${major![1]}`;
}

/** A moment of chain time: year to second, in UTC, the same for everybody. */
export function moment(unix: bigint | number): string {
  return `${new Date(Number(unix) * 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
