import {
  type Address,
  appendTransactionMessageInstructions,
  createTransactionMessage,
  createSolanaRpcFromTransport,
  type RpcTransport,
  SOLANA_ERROR__FAILED_TO_SEND_TRANSACTIONS,
  SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM,
  SolanaError,
} from '@solana/kit';
import { describe, expect, it, test } from 'vitest';
import {
  BALLAST_PROGRAM_ADDRESS as BALLAST,
  describeError,
  describeProgramError,
  errorName,
  type FailedTransaction,
  findProgramError,
} from '../src/index.js';
import { fixture, key } from './support.js';

const known = fixture<{ code: number; name: string; words: string }[]>('errors.json');
const FOREIGN = key(9);
const TOKEN = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA' as Address;
/** A code that Ballast and the foreign program both have. */
const CODE = 6001;
const OURS = /^\w+ \(6001\): /;

const invoke = (program: Address, depth = 1) => `Program ${program} invoke [${depth}]`;
const failed = (program: Address, code = CODE) =>
  `Program ${program} failed: custom program error: 0x${code.toString(16)}`;
const custom = (code = CODE, index = 0) => ({ InstructionError: [index, { Custom: code }] });
const of = (...programs: Address[]) => ({ instructions: programs.map((programAddress) => ({ programAddress })) });

function told(error: unknown, transaction?: FailedTransaction): string {
  return describeProgramError(findProgramError(error, transaction)!);
}

describe('errors', () => {
  it('have the names and words that they have in Rust', () => {
    expect(known.length).toBeGreaterThan(100);
    for (const { code, name, words } of known) {
      expect(errorName(code)).toBe(name);
      expect(describeError(code)).toBe(words);
    }
  });

  it('that Ballast does not have have none', () => {
    const codes = new Set(known.map(({ code }) => code));
    const foreign = Array.from({ length: 10_000 }, (_, code) => code).filter((code) => !codes.has(code));
    expect(foreign.filter((code) => errorName(code) !== undefined)).toEqual([]);
    expect(describeError(1)).toBe('error 1, which this client does not know');
  });

  test('are found in what went wrong', () => {
    const ours = { code: CODE, instruction: 0, instructionProgram: BALLAST, program: BALLAST };
    const thrown = new SolanaError(SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM, { code: CODE, index: 0 });
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    for (const error of [
      thrown,
      new Error('sending failed', { cause: thrown }),
      custom(),
      { InstructionError: [0n, { Custom: 6001n }] },
      { err: custom(), logs: null },
      { err: custom(), logs: 'none', context: 'none' },
    ]) {
      expect(findProgramError(error, of(BALLAST))).toEqual(ours);
    }
    for (const other of [
      ...[undefined, null, 'text', 6001, new Error('no'), circle, { err: null, logs: [failed(BALLAST)] }],
      ...[
        { InstructionError: [0, 'InvalidSeeds'] },
        { InstructionError: 7 },
        { InstructionError: [0, { Custom: 'x' }] },
        custom(-1),
        custom(2 ** 32),
      ],
    ]) {
      expect(findProgramError(other, of(BALLAST))).toBeUndefined();
    }
  });
});

describe('whose a code is', () => {
  test('the instruction that failed tells, if it is of Ballast, which calls nobody with such codes', () => {
    expect(told(custom(CODE, 1), of(FOREIGN, BALLAST))).toMatch(OURS);
    const message = appendTransactionMessageInstructions(
      of(FOREIGN, BALLAST).instructions,
      createTransactionMessage({ version: 0 }),
    );
    expect(told(custom(CODE, 1), message)).toMatch(OURS);
  });

  test('of an instruction of another program it cannot be told without logs: it may have called Ballast', () => {
    const transaction = of(BALLAST, FOREIGN);
    expect(findProgramError(custom(CODE, 1), transaction)).toEqual({
      code: CODE,
      instruction: 1,
      instructionProgram: FOREIGN,
      program: undefined,
    });
    const words = `error 6001 of the program ${FOREIGN} or of one that it called: the transaction's logs would tell`;
    expect(told(custom(CODE, 1), transaction)).toBe(words);
  });

  test('of an instruction of Ballast a code that it does not have is of a program that it called', () => {
    const words = `error 1 of the program ${BALLAST} or of one that it called: the transaction's logs would tell`;
    expect(told(custom(1), of(BALLAST))).toBe(words);
  });

  test('without instructions and logs it cannot be told', () => {
    const words = "error 6001 in instruction 2: the transaction's logs would tell of which program";
    for (const transaction of [undefined, {}, { logs: null }, { logs: [] }, of(BALLAST)]) {
      expect(told(custom(CODE, 2), transaction)).toBe(words);
    }
  });

  test('logs tell, of the program that failed first', () => {
    const foreign = `error 6001 of the program ${FOREIGN}`;
    for (const [logs, words] of [
      [[invoke(BALLAST), failed(BALLAST)], OURS],
      [[invoke(FOREIGN), failed(FOREIGN)], foreign],
      // Ballast, called by a program that has such a code too.
      [[invoke(FOREIGN), invoke(BALLAST, 2), failed(BALLAST), failed(FOREIGN)], OURS],
      // The other way round.
      [[invoke(BALLAST), invoke(FOREIGN, 2), failed(FOREIGN), failed(BALLAST)], foreign],
      // A program cannot speak for another: what it logs has a word before it, also behind the end of a line.
      [
        [invoke(FOREIGN), `Program log: ${failed(BALLAST)}`, `Program log: \n${failed(BALLAST)}`, failed(FOREIGN)],
        foreign,
      ],
    ] as const) {
      expect(told(custom(), { logs })).toMatch(words);
      // What was called from outside does not matter then.
      expect(told(custom(), { logs, ...of(BALLAST) })).toMatch(words);
      expect(told(custom(), { logs, ...of(FOREIGN) })).toMatch(words);
      // A simulation brings its logs.
      expect(told({ err: custom(), logs })).toMatch(words);
    }
    const tokens = [invoke(BALLAST), invoke(TOKEN, 2), failed(TOKEN, 1), failed(BALLAST, 1)];
    expect(told(custom(1), { logs: tokens })).toBe(`error 1 of the program ${TOKEN}`);
  });

  test('logs of something else, or that are cut off, tell nothing', () => {
    const other = [invoke(BALLAST), failed(BALLAST, 6000)];
    const exhausted = [invoke(BALLAST), `Program ${BALLAST} failed: exceeded CUs meter at BPF instruction`];
    const cut = [invoke(BALLAST), invoke(FOREIGN, 2), 'Log truncated', failed(BALLAST)];
    for (const logs of [other, exhausted, cut]) {
      expect(findProgramError(custom(), { logs })).toMatchObject({ code: CODE, program: undefined });
    }
    // The instruction tells still.
    expect(told(custom(), { logs: cut, ...of(BALLAST) })).toMatch(OURS);
  });
});

describe('errors that Kit throws', () => {
  /** What sending throws when the preflight fails, as Kit makes it of a node's answer. */
  async function preflight(logs: readonly string[] | null): Promise<unknown> {
    const data = { err: custom(), logs, accounts: null, unitsConsumed: 5000, returnData: null };
    const error = { code: -32002, message: 'Transaction simulation failed', data };
    const transport = (() => Promise.resolve({ jsonrpc: '2.0', id: '1', error })) as RpcTransport;
    const rpc = createSolanaRpcFromTransport(transport);
    return rpc
      .sendTransaction('' as Parameters<typeof rpc.sendTransaction>[0], { encoding: 'base64' })
      .send()
      .then(
        () => expect.unreachable(),
        (thrown: unknown) => thrown,
      );
  }

  test('bring their logs', async () => {
    const inner = [invoke(FOREIGN), invoke(BALLAST, 2), failed(BALLAST), failed(FOREIGN)];
    expect(told(await preflight(inner))).toMatch(OURS);
    const foreign = await preflight([invoke(BALLAST), invoke(FOREIGN, 2), failed(FOREIGN), failed(BALLAST)]);
    expect(told(foreign)).toBe(`error 6001 of the program ${FOREIGN}`);
    expect(told(new Error('not sent', { cause: foreign }), of(BALLAST))).toBe(`error 6001 of the program ${FOREIGN}`);
  });

  test('without logs are told by the instruction', async () => {
    const error = await preflight(null);
    expect(told(error)).toMatch(/would tell of which program$/);
    expect(told(error, of(BALLAST))).toMatch(OURS);
    expect(told(error, of(FOREIGN))).toMatch(/or of one that it called/);
  });

  test('name the one transaction that failed', () => {
    const cause = new SolanaError(SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM, { code: CODE, index: 0 });
    const logs = [invoke(FOREIGN), failed(FOREIGN)];
    const error = new SolanaError(SOLANA_ERROR__FAILED_TO_SEND_TRANSACTIONS, {
      cause,
      causeMessages: '',
      failedTransactions: [{ error: cause, index: 0, logs }],
      transactionPlanResult: undefined,
    });
    expect(told(error)).toBe(`error 6001 of the program ${FOREIGN}`);
  });
});
