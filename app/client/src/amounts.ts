/** A withdrawal or repayment of everything there is. */
export const EVERYTHING = 0xffff_ffff_ffff_ffffn;

/** Digits of a USD value: the engine counts 10^-8 USD. */
export const USD_DECIMALS = 8;

/** `value × 10^-decimals` in decimal digits, without the zeros at its end. */
export function formatAtoms(value: bigint, decimals: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}

/** Atoms of an amount in decimal digits. Throws if it is none, or has more fractional digits than the token. */
export function parseAtoms(text: string, decimals: number): bigint {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) {
    throw new RangeError(`not an amount: ${text}`);
  }
  if (fraction.length > decimals) {
    throw new RangeError(`${text} has more than ${decimals} decimals`);
  }
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}

/** A value of 10^-8 USD for people: two decimals, rounded down, thousands apart. */
export function formatUsd(value: bigint): string {
  const negative = value < 0n;
  const cents = (negative ? -value : value) / 1_000_000n;
  const whole = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  return `${negative ? '-' : ''}${whole}.${(cents % 100n).toString().padStart(2, '0')} USD`;
}

/** A price of `price × 10^exponent` USD for one token, in decimal digits. */
export function formatPrice({ price, exponent }: { price: bigint; exponent: number }): string {
  return formatAtoms(price, -exponent);
}

/** What a continuously compounded annual rate makes of 1 in a year, less 1. */
export function annualYield(rate: number): number {
  return Math.expm1(rate);
}
