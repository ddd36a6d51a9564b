import { type Address, isSolanaError, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM } from '@solana/kit';
import * as generated from './generated/errors/index.js';
import { BALLAST_PROGRAM_ADDRESS } from './generated/programs/index.js';
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

function names(): ReadonlyMap<number, string> {
  const constants = Object.entries(generated).filter(([constant]) => constant.startsWith(PREFIX));
  return new Map(constants.map(([constant, code]) => [code as number, pascal(constant.slice(PREFIX.length))]));
}

// Marked for bundlers, that they leave it out where it is not used.
const NAMES = /* @__PURE__ */ names();

/** The name of a code of Ballast: one of the protocol's errors or the framework's. */
export function errorName(code: number): string | undefined {
  checkBits('code', code, 32);
  return NAMES.get(code) ?? FRAMEWORK[code]?.[0];
}

/**
 * Name and meaning of a code of Ballast, and what to do about it, for people. Other programs use the same numbers: of a
 * transaction that failed, {@link findProgramError} tells whose the code is.
 */
export function describeError(code: number): string {
  const name = errorName(code);
  if (name === undefined) {
    return `error ${code}, which this client does not know`;
  }
  const words = FRAMEWORK[code]?.[1] ?? generated.getBallastErrorMessage(code as generated.BallastError);
  return `${name} (${code}): ${words}`;
}

/** What is known of a transaction that failed. A transaction message is one, and what a simulation returns. */
export interface FailedTransaction {
  /** In order. They tell whose instruction failed. */
  readonly instructions?: readonly { readonly programAddress: Address }[] | undefined;
  /** What the programs logged. This tells who failed, also where one program called another. */
  readonly logs?: readonly string[] | null | undefined;
}

/** An error code that a program made a transaction fail with. */
export interface ProgramError {
  readonly code: number;
  /** Index of the transaction's instruction that failed. */
  readonly instruction: number;
  /** The program of that instruction, where the instructions are known. */
  readonly instructionProgram: Address | undefined;
  /** The program whose code it is: that one, or one that it called. None if that cannot be told. */
  readonly program: Address | undefined;
}

/**
 * The program's error inside what went wrong: a `SolanaError` and its causes, or what a simulation or a signature's
 * status says. Logs that came with it are read; what else is known of the transaction helps to tell whose the code is.
 */
export function findProgramError(error: unknown, transaction: FailedTransaction = {}): ProgramError | undefined {
  let logs = transaction.logs;
  let at = error as Partial<Wrapper> | null | undefined;
  // Causes can go round in a circle.
  for (let depth = 0; depth < 32 && typeof at === 'object' && at !== null; depth += 1) {
    logs ??= lines(at.logs) ?? lines(at.context?.logs) ?? lines(onlyOne(at.context?.failedTransactions)?.logs);
    const found = customError(at);
    if (found !== undefined) {
      const instructionProgram = transaction.instructions?.[found.instruction]?.programAddress;
      const program = isComplete(logs) ? firstFailed(logs, found.code) : withoutLogs(instructionProgram, found.code);
      return { ...found, instructionProgram, program };
    }
    at = (at.cause ?? at.err) as typeof at;
  }
  return undefined;
}

/** A program's error for people: in the words of Ballast if it is Ballast's, else no more than is known. */
export function describeProgramError({ code, instruction, instructionProgram, program }: ProgramError): string {
  if (program === BALLAST_PROGRAM_ADDRESS) {
    return describeError(code);
  }
  if (program !== undefined) {
    return `error ${code} of the program ${program}`;
  }
  return instructionProgram === undefined
    ? `error ${code} in instruction ${instruction}: the transaction's logs would tell of which program`
    : `error ${code} of the program ${instructionProgram} or of one that it called: the transaction's logs would tell`;
}

/** What holds an error: an error of Kit, or what the RPC says about a transaction. */
interface Wrapper {
  readonly cause: unknown;
  readonly err: unknown;
  readonly logs: unknown;
  readonly context: Partial<{
    readonly logs: unknown;
    readonly failedTransactions: readonly { readonly logs?: unknown }[];
  }>;
  readonly InstructionError: unknown;
}

function lines(logs: unknown): readonly string[] | undefined {
  return Array.isArray(logs) ? logs : undefined;
}

function onlyOne<T>(items: readonly T[] | undefined): T | undefined {
  return items?.length === 1 ? items[0] : undefined;
}

function customError(at: Partial<Wrapper>): Pick<ProgramError, 'code' | 'instruction'> | undefined {
  if (isSolanaError(at, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM)) {
    return { code: Number(at.context.code), instruction: at.context.index };
  }
  const [index, error] = Array.isArray(at.InstructionError) ? (at.InstructionError as readonly unknown[]) : [];
  const code = (error as { Custom?: unknown } | null | undefined)?.Custom;
  const isCode = (typeof code === 'number' || typeof code === 'bigint') && code >= 0 && code < 2 ** 32;
  return isCode ? { code: Number(code), instruction: Number(index) } : undefined;
}

/** Whether logs say who failed: those that grew too long end before that, or leave lines out. */
function isComplete(logs: readonly string[] | null | undefined): logs is readonly string[] {
  return !!logs?.some((line) => FAILED.test(line)) && !logs.includes('Log truncated');
}

/** Of the runtime. What a program logs begins with `Program log: `. */
const FAILED = /^Program (\w+) failed: (?:custom program error: 0x([0-9a-f]+)$)?/;

/** The innermost program fails first, and its code passes through its callers. None if the logs have another code. */
function firstFailed(logs: readonly string[], code: number): Address | undefined {
  const [, program, hex = ''] = logs.map((line) => FAILED.exec(line)).find((match) => match !== null) ?? [];
  return parseInt(hex, 16) === code ? (program as Address) : undefined;
}

/** Ballast calls the token programs and the system program alone, which have none of its codes; others call anyone. */
function withoutLogs(instructionProgram: Address | undefined, code: number): Address | undefined {
  return instructionProgram === BALLAST_PROGRAM_ADDRESS && errorName(code) !== undefined
    ? instructionProgram
    : undefined;
}
