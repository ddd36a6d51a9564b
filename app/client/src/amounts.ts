import { checkBigint, checkWhole } from './numbers.js';

/** A withdrawal or repayment of everything there is. */
export const EVERYTHING = 0xffff_ffff_ffff_ffffn;

/** Digits of a USD value: the engine counts 10^-8 USD. */
export const USD_DECIMALS = 8;

/** Refuses what is no number of decimals, as a mint has them. */
function checkDecimals(decimals: number) {
  checkWhole('decimals', decimals, 'number', 0n, 255n);
}

/** `value × 10^-decimals` in decimal digits, without the zeros at its end. */
export function formatAtoms(value: bigint, decimals: number): string {
  checkBigint('value', value);
  checkDecimals(decimals);
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}

/**
 * Atoms of an amount in decimal digits. Throws if it is none, has more fractional digits than the token, or is more
 * than an account can hold.
 */
export function parseAtoms(text: string, decimals: number): bigint {
  if (typeof text !== 'string') {
    throw new TypeError(`an amount must be given in decimal digits, not as a ${typeof text}`);
  }
  checkDecimals(decimals);
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) {
    throw new RangeError(`not an amount: ${text}`);
  }
  if (fraction.length > decimals) {
    throw new RangeError(`${text} has more than ${decimals} decimals`);
  }
  const atoms = BigInt(whole + fraction.padEnd(decimals, '0'));
  if (atoms > EVERYTHING) {
    throw new RangeError(`${text} is more than 2^64 - 1 atoms`);
  }
  return atoms;
}

/** A value of 10^-8 USD for people: two decimals, the rest cut off, thousands apart. */
export function formatUsd(value: bigint): string {
  checkBigint('value', value);
  const negative = value < 0n;
  const cents = (negative ? -value : value) / 1_000_000n;
  const whole = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  return `${negative ? '-' : ''}${whole}.${(cents % 100n).toString().padStart(2, '0')} USD`;
}

/** A price of `price × 10^exponent` USD for one token, in decimal digits. */
export function formatPrice({ price, exponent }: { price: bigint; exponent: number }): string {
  checkBigint('price', price);
  checkWhole('exponent', exponent, 'number', -255n, 255n);
  return exponent > 0 ? formatAtoms(price * 10n ** BigInt(exponent), 0) : formatAtoms(price, -exponent);
}

/** What a continuously compounded annual rate makes of 1 in a year, less 1. */
export function annualYield(rate: number): number {
  if (typeof rate !== 'number') {
    throw new TypeError(`rate must be a number, not a ${typeof rate}`);
  }
  if (!(rate >= 0 && rate < Infinity)) {
    throw new RangeError(`rate must be zero or more, not ${rate}`);
  }
  return Math.expm1(rate);
}
