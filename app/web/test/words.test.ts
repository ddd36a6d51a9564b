import * as generated from '@ballast/client/generated';
import { BALLAST_PROGRAM_ADDRESS } from '@ballast/client';
import { AccountRole, type Address, type Instruction } from '@solana/kit';
import { describe, expect, test } from 'vitest';
import { errorWords, failureWords } from '../src/errors.ts';
import { Names } from '../src/names.ts';
import { NO_BLOCKHASH, readMessage, writeMessage } from '../src/tx/message.ts';
import {
  budgetInstructions,
  closeTokenAccount,
  createTokenAccount,
  syncNative,
  SYSTEM,
  TOKEN,
  transferSol,
} from '../src/tx/programs.ts';
import { tell } from '../src/tx/words.ts';

const ME = '8DHAnmdzmwQevCzKYkb9wB7YDfrcVaJsDxsExmE2hC5z' as Address;
const YOU = 'UYSroir3F41hRrLKirDdjHNkdw5BL49dhzvWRpfiqZL' as Address;
const MINT = 'So11111111111111111111111111111111111111112' as Address;

const about = {
  names: new Names({ symbols: new Map() } as never, { reserves: [{ mint: MINT, decimals: 9 }] } as never),
  owner: ME,
  tokens: [],
};

const say = (instruction: Instruction) =>
  tell(readMessage(writeMessage(0, ME, [instruction], NO_BLOCKHASH)).instructions[0]!, about).words;

describe('W17: every error has words', () => {
  const codes = Object.entries(generated)
    .filter(([name]) => name.startsWith('BALLAST_ERROR__'))
    .map(([name, code]) => [name, code as number] as const);

  test('those of the program', () => {
    expect(codes.length).toBeGreaterThan(140);
    for (const [name, code] of codes) {
      const err = { InstructionError: [0, { Custom: code }] };
      const words = failureWords(err, { instructions: [{ programAddress: BALLAST_PROGRAM_ADDRESS }] });
      expect(words.length, name).toBeGreaterThan(30);
      expect(words, name).toMatch(/^[A-Z]\w+ \(\d+\): .+\.$/);
    }
  });

  test.each<[unknown, string]>([
    [{ InstructionError: [2, { Custom: 1 }] }, 'error 1 in instruction 2'],
    [{ InstructionError: [2n, 'ComputationalBudgetExceeded'] }, 'Instruction 3 fails: it needs more compute units'],
    [{ InstructionError: [0, 'SomethingNew'] }, 'Instruction 1 fails: SomethingNew.'],
    [{ InsufficientFundsForRent: { account_index: 0 } }, 'less SOL than its rent'],
    ['BlockhashNotFound', 'The blockhash is too old'],
    ['SomethingNew', 'The network refuses: SomethingNew.'],
    [{}, 'does not say why'],
    [null, 'does not say why'],
  ])('those of the runtime: %o', (err, words) => {
    expect(failureWords(err)).toContain(words);
  });

  test('those of the token program', () => {
    const logs = [`Program ${TOKEN} invoke [2]`, `Program ${TOKEN} failed: custom program error: 0x1`];
    expect(failureWords({ InstructionError: [0, { Custom: 1 }] }, { logs })).toBe(
      'The token program says: there are too few tokens (error 1).',
    );
  });

  test.each<[unknown, string]>([
    [new Error('it broke'), 'it broke.'],
    [new Error(''), 'It failed without a word.'],
    ['words', 'words.'],
    [undefined, 'It failed without a word.'],
    [{ code: 5 }, 'It failed without a word.'],
  ])('whatever is thrown: %j', (error, words) => {
    expect(errorWords(error)).toBe(words);
  });
});

describe('W22: only what is listed is signed', () => {
  test('what the page makes has words', () => {
    expect(say(transferSol(ME, YOU, 1_500_000_000n))).toContain('Move 1.5 SOL');
    expect(say(syncNative(YOU))).toContain('Count the wrapped SOL');
    expect(say(closeTokenAccount(YOU, ME))).toContain('Unwrap');
    expect(say(createTokenAccount(ME, YOU, ME, { mint: MINT, tokenProgram: TOKEN }))).toContain(
      'Make the token account',
    );
    for (const instruction of budgetInstructions({ units: 1_234, unitPrice: 5_000n, loadedData: 65_536 })) {
      expect(say(instruction)).toMatch(/1\s234|0\.005|65\s536/);
    }
  });

  const system = (tag: number, ...rest: number[]): Instruction => ({
    programAddress: SYSTEM,
    accounts: [
      { address: ME, role: AccountRole.WRITABLE_SIGNER },
      { address: YOU, role: AccountRole.WRITABLE },
    ],
    data: Uint8Array.of(tag, 0, 0, 0, ...rest),
  });
  const token = (...data: number[]): Instruction => ({
    programAddress: TOKEN,
    accounts: [
      { address: YOU, role: AccountRole.WRITABLE },
      { address: YOU, role: AccountRole.WRITABLE },
      { address: ME, role: AccountRole.READONLY_SIGNER },
    ],
    data: Uint8Array.from(data),
  });
  test.each<[string, Instruction]>([
    ['an account given to another program (assign)', system(1, ...new Uint8Array(32))],
    ['W21: a nonce that is advanced', system(4)],
    ['a token account given to somebody else (set authority)', token(6, 2, 1)],
    ['an approval', token(4, 1, 0, 0, 0, 0, 0, 0, 0)],
    ['a transfer of tokens', token(3, 1, 0, 0, 0, 0, 0, 0, 0)],
    ['SOL of a closed account to somebody else', token(9)],
    ['a token account for somebody else', createTokenAccount(ME, YOU, YOU, { mint: MINT, tokenProgram: TOKEN })],
    ['another program', { programAddress: YOU, accounts: [], data: Uint8Array.of(1) }],
    [
      'an unknown instruction of Ballast',
      { programAddress: BALLAST_PROGRAM_ADDRESS, accounts: [], data: new Uint8Array(8) },
    ],
  ])('%s is not', (_, instruction) => {
    expect(() => say(instruction)).toThrow(/[Tt]his page|does not know/);
  });
});
