import { AccountRole, type Address, type Instruction } from '@solana/kit';
import { describe, expect, test } from 'vitest';
import { compareMessages, compareSigned } from '../src/tx/compare.ts';
import { unsigned, writeMessage } from '../src/tx/message.ts';
import { budgetInstructions, COMPUTE_BUDGET, LIGHTHOUSE, SYSTEM, transferSol } from '../src/tx/programs.ts';

const ME = '8DHAnmdzmwQevCzKYkb9wB7YDfrcVaJsDxsExmE2hC5z' as Address;
const YOU = 'UYSroir3F41hRrLKirDdjHNkdw5BL49dhzvWRpfiqZL' as Address;
const PROGRAM = 'BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp' as Address;
const HASH = '9rGP1VbJjSkor8om3WuQRcZ8kKZJyp3AwxEsPzKfuJRt';

const act: Instruction = {
  programAddress: PROGRAM,
  accounts: [
    { address: ME, role: AccountRole.WRITABLE_SIGNER },
    { address: YOU, role: AccountRole.READONLY },
  ],
  data: Uint8Array.of(1, 2, 3),
};
const reviewed = [...budgetInstructions({ units: 1_000, unitPrice: 1n, loadedData: 32_768 }), act];
const lighthouse: Instruction = {
  programAddress: LIGHTHOUSE,
  accounts: [{ address: YOU, role: AccountRole.READONLY }],
  data: Uint8Array.of(9),
};
const heap: Instruction = { programAddress: COMPUTE_BUDGET, accounts: [], data: Uint8Array.of(1, 0, 0, 1, 0) };

const message = (instructions: readonly Instruction[], payer = ME, hash = HASH, version: 0 | 'legacy' = 0) =>
  writeMessage(version, payer, instructions, hash);
const compare = (instructions: readonly Instruction[]) => compareMessages(message(reviewed), message(instructions));

describe('W2: what wallets are known to add is told', () => {
  test('nothing', () => expect(compare(reviewed)).toEqual({ isSame: true, additions: [] }));
  test.each([
    ['asserts behind', [...reviewed, lighthouse], 1],
    ['asserts on both sides', [lighthouse, ...reviewed, lighthouse], 2],
    ['a limit that was not set', [heap, ...reviewed], 1],
  ])('%s', (_, instructions, count) => {
    const comparison = compare(instructions);
    expect(comparison.isSame && comparison.additions.length).toBe(count);
  });
  test('the same as a legacy transaction', () => {
    expect(compareMessages(message(reviewed), message(reviewed, ME, HASH, 'legacy'))).toMatchObject({ isSame: true });
  });
});

describe('W1: anything else is refused, in words', () => {
  test.each<[string, readonly Instruction[], string]>([
    [
      'other data',
      [...reviewed.slice(0, -1), { ...act, data: Uint8Array.of(1, 2, 4) }],
      'another one than was reviewed',
    ],
    [
      'another account',
      [
        ...reviewed.slice(0, -1),
        { ...act, accounts: [act.accounts![0]!, { address: SYSTEM, role: AccountRole.READONLY }] },
      ],
      'another one',
    ],
    [
      'an account that may be written',
      [
        ...reviewed.slice(0, -1),
        { ...act, accounts: [act.accounts![0]!, { address: YOU, role: AccountRole.WRITABLE }] },
      ],
      'another one',
    ],
    [
      'another price of units',
      [...budgetInstructions({ units: 1_000, unitPrice: 2n, loadedData: 32_768 }), act],
      'another one',
    ],
    ['a transfer behind', [...reviewed, transferSol(ME, YOU, 1n)], 'reviewed'],
    ['a transfer before', [transferSol(ME, ME, 1n), ...reviewed], `instruction of ${SYSTEM} that was not reviewed`],
    ['the same twice', [...reviewed, act], 'not reviewed'],
    ['one less', reviewed.slice(0, -1), 'Of the 4 instructions that were reviewed it has 3'],
    ['another order', [act, ...reviewed.slice(0, -1)], `instruction of ${PROGRAM} that was not reviewed`],
  ])('%s', (_, instructions, words) => {
    const comparison = compare(instructions);
    expect(comparison.isSame ? 'the same' : comparison.words).toContain(words);
  });

  test('another fee payer', () => {
    const other = { ...act, accounts: [{ address: YOU, role: AccountRole.WRITABLE_SIGNER }] };
    expect(compareMessages(message(reviewed), message([other], YOU))).toMatchObject({ isSame: false });
  });

  test('W21: another blockhash, which may be a nonce', () => {
    const comparison = compareMessages(message(reviewed), message(reviewed, ME, ME));
    expect(comparison.isSame ? '' : comparison.words).toContain('another blockhash, or a nonce');
  });
});

describe('what is signed', () => {
  const signed = (bytes: Uint8Array, signature = 7) => {
    const transaction = unsigned(bytes);
    transaction.fill(signature, 1, 65);
    return transaction;
  };

  test('is taken with its signature', () => {
    expect(compareSigned(message(reviewed), signed(message(reviewed)), ME)).toMatchObject({ isSame: true });
  });

  test.each<[string, Uint8Array, string]>([
    ['without a signature', unsigned(message(reviewed)), `It lacks the signature of ${ME}`],
    ['no bytes', new Uint8Array(), 'It is no transaction'],
    ['other bytes', Uint8Array.of(1, 2, 3), 'It is no transaction'],
    ['cut off', signed(message(reviewed)).slice(0, -3), ''],
    ['with bytes behind it', Uint8Array.of(...signed(message(reviewed)), 0), ''],
  ])('is refused %s', (_, bytes, words) => {
    const comparison = compareSigned(message(reviewed), bytes, ME);
    expect(comparison.isSame).toBe(false);
    expect(comparison.isSame ? '' : comparison.words).toContain(words);
  });
});
