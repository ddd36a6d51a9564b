// What the page signs, and what it never does, whoever built it.

import { BALLAST_PROGRAM_ADDRESS } from '@ballast/client';
import * as generated from '@ballast/client/generated';
import { AccountRole, type Address, createNoopSigner, type Instruction } from '@solana/kit';
import { describe, expect, test } from 'vitest';
import { Names } from '../src/names.ts';
import { NO_BLOCKHASH, readMessage, writeMessage } from '../src/tx/message.ts';
import { SYSTEM, TOKEN } from '../src/tx/programs.ts';
import { NotSigned, tell } from '../src/tx/words.ts';

const ME = '8DHAnmdzmwQevCzKYkb9wB7YDfrcVaJsDxsExmE2hC5z' as Address;
const YOU = 'UYSroir3F41hRrLKirDdjHNkdw5BL49dhzvWRpfiqZL' as Address;
const MINT = 'So11111111111111111111111111111111111111112' as Address;

const reserves = [
  { mint: MINT, decimals: 9 },
  { mint: YOU, decimals: 6 },
];
const symbols = new Map([
  [MINT, 'SOL'],
  [YOU, 'USDC'],
]);
const about = { names: new Names({ symbols } as never, { reserves } as never), owner: ME, tokens: [] };

const say = (instruction: Instruction) =>
  tell(readMessage(writeMessage(0, ME, [instruction], NO_BLOCKHASH)).instructions[0]!, about).words;

const raw = (program: Address, data: readonly number[], ...accounts: readonly Address[]): Instruction => ({
  programAddress: program,
  accounts: accounts.map((address) => ({ address, role: AccountRole.WRITABLE })),
  data: Uint8Array.from(data),
});

const word = (value: number) => [value, 0, 0, 0];

describe('W22: an instruction that takes an account away is never signed', () => {
  test.each<[string, Instruction]>([
    ['system: assign to another program', raw(SYSTEM, [...word(1), ...new Uint8Array(32).fill(7)], ME)],
    ['system: create an account', raw(SYSTEM, [...word(0), ...new Uint8Array(48)], ME, YOU)],
    ['system: transfer of somebody else’s', raw(SYSTEM, [...word(2), 1, 0, 0, 0, 0, 0, 0, 0], YOU, ME)],
    ['token: set the authority', raw(TOKEN, [6, 2, 1, ...new Uint8Array(32).fill(7)], YOU, ME)],
    ['token: approve a delegate', raw(TOKEN, [4, 255, 255, 255, 255, 0, 0, 0, 0], YOU, ME, ME)],
    ['token: transfer', raw(TOKEN, [3, 1, 0, 0, 0, 0, 0, 0, 0], YOU, MINT, ME)],
    ['token: close to somebody else', raw(TOKEN, [9], MINT, YOU, ME)],
    ['another program', raw(YOU, [1, 2, 3], ME)],
    ['Ballast: what it does not know', raw(BALLAST_PROGRAM_ADDRESS, [254], ME)],
    [
      'Ballast: a role taken over',
      generated.getAcceptAuthorityInstruction({ signer: createNoopSigner(ME), market: YOU }),
    ],
  ])('%s', (_, instruction) => {
    expect(() => say(instruction)).toThrow(NotSigned);
  });
});

describe('W21: a transaction that lives for longer than its blockhash is never signed', () => {
  test.each([
    ['advance a nonce', word(4)],
    ['make a nonce', word(6)],
    ['hand a nonce over', word(7)],
  ])('%s', (_, data) => {
    expect(() => say(raw(SYSTEM, [...data, ...new Uint8Array(32)], ME, YOU))).toThrow(NotSigned);
  });
});

describe('W23: who names a delegate reads whom, for what, and until when', () => {
  const set = (delegate: Address, rights: number, until: bigint) =>
    say(
      generated.getSetDelegateInstruction({
        owner: createNoopSigner(ME),
        market: YOU,
        marginAccount: MINT,
        delegate,
        rights,
        until,
      }),
    );
  test('all of it', () => {
    const words = set(YOU, 1 | 2 | 4, 1_800_000_000n);
    expect(words).toContain(`${YOU} may withdraw, borrow, pay out to anybody’s token account`);
    expect(words).toContain('until 2027-01-15 08:00:00 UTC');
  });
  test('a right that the page does not know is said to be one', () => {
    expect(set(YOU, 1 | 64, 1_800_000_000n)).toContain('do what this page does not know (64)');
  });
  test('nobody', () => {
    expect(set('11111111111111111111111111111111' as Address, 0, 0n)).toContain('Nobody may act');
  });
});

test('a liquidation and the changes of governance are told with whom they concern', () => {
  const account = MINT;
  const owner = createNoopSigner(ME);
  const accounts = { market: YOU, change: account, recipient: YOU, signer: owner };
  expect(say(generated.getExecuteChangeInstruction(accounts))).toContain(`its rent goes to ${YOU}`);
  expect(say(generated.getCancelChangeInstruction(accounts))).toMatch(/^Cancel the change/);
  const words = say(
    generated.getLiquidateInstruction({
      ...{ liquidator: owner, market: YOU, marginAccount: account, source: YOU, destination: YOU, vaultAuthority: YOU },
      ...{ debtVault: YOU, debtMint: YOU, debtTokenProgram: TOKEN },
      ...{ collateralVault: YOU, collateralMint: MINT, collateralTokenProgram: TOKEN },
      ...{ debt: 1, collateral: 0, maxRepay: 1_500_000n, minCollateral: 2_000_000_000n },
    }),
  );
  expect(words).toContain('Repay at most 1.5 USDC');
  expect(words).toContain(account);
  expect(words).toContain('for at least 2 SOL');
});
