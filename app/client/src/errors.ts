import { isSolanaError, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM } from '@solana/kit';
import * as generated from './generated/errors/index.js';
import { checkBits } from './numbers.js';

/** The codes that the framework of the program can return; the rest of its checks are errors of the runtime. */
const FRAMEWORK: Readonly<Record<number, readonly [name: string, words: string]>> = {
  2000: ['ConstraintMut', 'An account must be writable'],
  2001: ['ConstraintHasOne', 'An account is not the one stored in another'],
  2003: ['ConstraintRaw', 'A constraint was violated'],
  2005: ['ConstraintRentExempt', 'An account is not rent exempt'],
  2007: ['ConstraintExecutable', 'An account is not a program'],
  2011: ['ConstraintClose', 'An account cannot be closed into itself'],
  2012: ['ConstraintAddress', 'An account has another address than it must have'],
  2013: ['ConstraintZero', 'An account that must be new is not'],
  2019: ['ConstraintSpace', 'An account has another size than it must have'],
  2020: ['ConstraintAccountIsNone', 'A required account is missing'],
  2040: ['ConstraintDuplicateMutableAccount', 'The same account was given twice, and one of them is writable'],
  2500: ['RequireViolated', 'A requirement was violated'],
  2501: ['RequireEqViolated', 'Two values must be equal'],
  2502: ['RequireKeysEqViolated', 'Two addresses must be equal'],
  2503: ['RequireNeqViolated', 'Two values must differ'],
  2504: ['RequireKeysNeqViolated', 'Two addresses must differ'],
  2505: ['RequireGtViolated', 'A value must be greater than another'],
  2506: ['RequireGteViolated', 'A value must be at least another'],
};

const PREFIX = 'BALLAST_ERROR__';

/** `PRICE_STALE` to `PriceStale`. */
function pascal(constant: string): string {
  return constant.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(generated)
    .filter(([constant]) => constant.startsWith(PREFIX))
    .map(([constant, code]) => [code as number, pascal(constant.slice(PREFIX.length))]),
);

/** The name of a program error's code, if it is one of the protocol's or the framework's. */
export function errorName(code: number): string | undefined {
  checkBits('code', code, 32);
  return NAMES.get(code) ?? FRAMEWORK[code]?.[0];
}

/** Name and meaning of a program error's code, and what to do about it, for people. */
export function describeError(code: number): string {
  const name = errorName(code);
  if (name === undefined) {
    return `error ${code} of another program`;
  }
  const words = FRAMEWORK[code]?.[1] ?? generated.getBallastErrorMessage(code as generated.BallastError);
  return `${name} (${code}): ${words}`;
}

/**
 * The code of the program error inside what went wrong: a `SolanaError` and its causes, or the `err` of a simulation or of a
 * signature's status. Which program returned it is not looked at.
 */
export function errorCode(error: unknown): number | undefined {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    if (isSolanaError(at, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM)) {
      return Number(at.context.code);
    }
    const instruction = (at as { InstructionError?: readonly [unknown, unknown] }).InstructionError;
    const custom = (instruction?.[1] as { Custom?: number | bigint } | null | undefined)?.Custom;
    if (custom !== undefined) {
      return Number(custom);
    }
  }
  return undefined;
}
