// Which numbers the package takes. Where a number is stored, JavaScript makes 0 of `undefined` and `NaN`, 1 of 1.5 and
// 5 of 2^64 + 5: all that is to be encoded or computed with is looked at here first. A value of another type is a
// `TypeError`, one that is no such index, amount or time a `RangeError`.

import {
  createDecoder,
  type FixedSizeDecoder,
  type FixedSizeEncoder,
  getI16Encoder as i16,
  getI32Encoder as i32,
  getI64Encoder as i64,
  getU128Encoder as u128,
  getU16Encoder as u16,
  getU32Encoder as u32,
  getU64Encoder as u64,
  getU8Encoder as u8,
  type ReadonlyUint8Array,
  transformEncoder,
} from '@solana/kit';

type Kind = 'number' | 'bigint' | 'number or bigint';

function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'object':
    case 'function':
      return value === null ? 'null' : `a ${typeof value}`;
    default:
      return String(value);
  }
}

/** Refuses what is not of this type, or no whole number within these bounds. */
export function checkWhole(name: string, value: unknown, kind: Kind, least: bigint, most: bigint): void {
  if ((typeof value !== 'number' && typeof value !== 'bigint') || !kind.includes(typeof value)) {
    throw new TypeError(`${name} must be a ${kind}, not ${shown(value)}`);
  }
  if (value < least || value > most || (typeof value === 'number' && !Number.isInteger(value))) {
    throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${shown(value)}`);
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`${name} must be a bigint: a number is not exact at ${value}`);
  }
}

/** Refuses what is no number of so many bits. */
export function checkBits(name: string, value: unknown, bits: number): void {
  checkWhole(name, value, 'number', 0n, (1n << BigInt(bits)) - 1n);
}

/** Refuses what is no amount of a token: atoms, 64 bits. */
export function checkAmount(name: string, value: unknown): void {
  checkWhole(name, value, 'bigint', 0n, (1n << 64n) - 1n);
}

/** Refuses what is no bigint. */
export function checkBigint(name: string, value: unknown): void {
  if (typeof value !== 'bigint') {
    throw new TypeError(`${name} must be a bigint, not ${shown(value)}`);
  }
}

/** As seconds a day in the year 5138, as milliseconds one in 1973. */
const TOO_LATE = 100_000_000_000n;

/** Unix seconds. Refuses what is no time, milliseconds too. */
export function checkTime(name: string, value: unknown): bigint {
  checkWhole(name, value, 'number or bigint', 0n, (1n << 63n) - 1n);
  const seconds = BigInt(value as number | bigint);
  if (seconds >= TOO_LATE) {
    throw new RangeError(`${name} must be unix seconds, and ${seconds} looks like milliseconds: divide it by 1,000`);
  }
  return seconds;
}

type NumberEncoder<T, Size extends number> = () => FixedSizeEncoder<T, Size>;

function checked<T, Size extends number>(
  encoder: NumberEncoder<T, Size>,
  check: (value: T) => unknown,
): NumberEncoder<T, Size> {
  return () =>
    transformEncoder(encoder(), (value: T) => {
      check(value);
      return value;
    });
}

function unsigned<T, Size extends number>(encoder: NumberEncoder<T, Size>, bits: number, kind: Kind) {
  return checked(encoder, (value) => checkWhole(`u${bits}`, value, kind, 0n, (1n << BigInt(bits)) - 1n));
}

function signed<T, Size extends number>(encoder: NumberEncoder<T, Size>, bits: number, kind: Kind) {
  const half = 1n << BigInt(bits - 1);
  return checked(encoder, (value) => checkWhole(`i${bits}`, value, kind, -half, half - 1n));
}

// Marked for bundlers, that they leave out what is not used.
export const getU8Encoder = /* @__PURE__ */ unsigned(u8, 8, 'number');
export const getU16Encoder = /* @__PURE__ */ unsigned(u16, 16, 'number');
export const getU32Encoder = /* @__PURE__ */ unsigned(u32, 32, 'number');
export const getU64Encoder = /* @__PURE__ */ unsigned(u64, 64, 'number or bigint');
export const getU128Encoder = /* @__PURE__ */ unsigned(u128, 128, 'number or bigint');
export const getI16Encoder = /* @__PURE__ */ signed(i16, 16, 'number');
export const getI32Encoder = /* @__PURE__ */ signed(i32, 32, 'number');
export const getI64Encoder = /* @__PURE__ */ signed(i64, 64, 'number or bigint');
/** Of an instruction's time: see `codama.mjs`. */
export const getTimeEncoder = /* @__PURE__ */ checked(i64, (value) => checkTime('time', value));

// What Codama generates takes its decoders of numbers from here too. Bytes that are read can be no wrong number, so nothing is
// checked; but a market holds ten thousand of them, and a page reads it at every change. Kit's decoders copy the bytes of each.

let viewed: ReadonlyUint8Array | undefined;
let view: DataView = new DataView(new ArrayBuffer(0));

function decoder<T, Size extends number>(fixedSize: Size, read: (view: DataView, offset: number) => T) {
  return (): FixedSizeDecoder<T, Size> =>
    createDecoder({
      fixedSize,
      read: (bytes, offset): [T, number] => {
        if (bytes !== viewed) {
          viewed = bytes;
          view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        }
        return [read(view, offset), offset + fixedSize];
      },
    });
}

export const getU8Decoder = /* @__PURE__ */ decoder(1, (view, at) => view.getUint8(at));
export const getU16Decoder = /* @__PURE__ */ decoder(2, (view, at) => view.getUint16(at, true));
export const getU32Decoder = /* @__PURE__ */ decoder(4, (view, at) => view.getUint32(at, true));
export const getU64Decoder = /* @__PURE__ */ decoder(8, (view, at) => view.getBigUint64(at, true));
export const getU128Decoder = /* @__PURE__ */ decoder(
  16,
  (view, at) => (view.getBigUint64(at + 8, true) << 64n) | view.getBigUint64(at, true),
);
export const getI16Decoder = /* @__PURE__ */ decoder(2, (view, at) => view.getInt16(at, true));
export const getI32Decoder = /* @__PURE__ */ decoder(4, (view, at) => view.getInt32(at, true));
export const getI64Decoder = /* @__PURE__ */ decoder(8, (view, at) => view.getBigInt64(at, true));
