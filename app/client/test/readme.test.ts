import { readFileSync } from 'node:fs';
import type { Address } from '@solana/kit';
import { expect, test } from 'vitest';
import * as generated from '../src/generated/index.js';
import { decodeMarket, decodeVault, findShareAccount, parseAtoms } from '../src/index.js';
import { leaveVault } from './leave-vault.js';
import { borrowHalf, openAndDeposit, report } from './quickstart.js';
import { bytesOf, fixture, key, rpcWith, signer, type StoredAccount } from './support.js';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
type Situation = { name: string; now: number; market: StoredAccount; account: StoredAccount };
const situations = fixture<Situation[]>('engine.json');
const vaults = fixture<{ name: string; now: number; vault: StoredAccount; markets: StoredAccount[] }[]>('vaults.json');
const owner = signer(2);

function situation(name: string) {
  const { market, account, now } = situations.find((one) => one.name === name)!;
  const rpc = rpcWith([market, account]);
  const { reserves } = decodeMarket(market.address, bytesOf(market.data));
  return { rpc, market, account, now: BigInt(now), mints: reserves.map(({ mint }): Address => mint) };
}

/** The first bytes of instructions. */
function discriminators(...names: ('OPEN_ACCOUNT' | 'DEPOSIT' | 'REFRESH_PRICES' | 'BORROW' | 'ASSERT_HEALTH')[]) {
  return names.map((name) => generated[`${name}_DISCRIMINATOR`][0]);
}

test.each(['quickstart.ts', 'leave-vault.ts'])('%s is the code that stands there', (name) => {
  expect(read('../README.md')).toContain('```ts\n' + read(name) + '```\n');
});

test('the quick start builds its transactions', async () => {
  const { rpc, market, mints, now } = situation('lender');
  const [opened] = await openAndDeposit(rpc, market.address, owner, mints[1]!, parseAtoms('1.5', 9));
  expect(opened!.map(({ data }) => data![0])).toEqual(discriminators('REFRESH_PRICES', 'OPEN_ACCOUNT', 'DEPOSIT'));
  const [borrowed, ...more] = await borrowHalf(rpc, market.address, owner, mints[0]!, now);
  expect(more).toEqual([]);
  expect(borrowed!.map(({ data }) => data![0])).toEqual(discriminators('REFRESH_PRICES', 'BORROW', 'ASSERT_HEALTH'));
  // Half of the 681,818,181 atoms that 1,000 USD at 75 % back at 110 %.
  expect(new DataView(new Uint8Array(borrowed![1]!.data!).buffer).getBigUint64(2, true)).toBe(340_909_090n);
  await expect(borrowHalf(rpc, market.address, owner, market.address, now)).rejects.toThrow('does not list this mint');
});

test('the quick start says why nothing can be borrowed', async () => {
  const { rpc, market, mints, now } = situation('stale prices');
  await expect(borrowHalf(rpc, market.address, owner, mints[0]!, now)).rejects.toThrow(/^PriceStale \(\d+\)/);
});

test('the quick start reports an account', async () => {
  const { rpc, market, account, now } = situation('healthy');
  expect(await report(rpc, market.address, account.address, now)).toEqual([
    '351.37 USD above the maintenance line',
    'has 6666666666 atoms of reserve 1: liquidatable at 85.7240855719 USD',
    'has 3333333333333333 atoms of reserve 2: liquidatable at no price',
    'owes 500000001 atoms of reserve 0: liquidatable at 1.6692857108 USD',
    'owes 41 atoms of reserve 3: liquidatable at 10.662020879 USD',
  ]);
});

test.each([
  // All that is held, of which the engine in Rust says what it brings; and what others in the queue leave.
  ['lent, with terms on both sides', 100_000_000_000n, 100_000_000_000n, 99_776_282_682n - 99_776_282n],
  ['most of it waits in the queue', 250_000_000_000n, 103_167_317_410n, undefined],
])('who leaves a vault takes what it can pay: %s', async (name, held, shares, least) => {
  const { vault, markets, now } = vaults.find((one) => one.name === name)!;
  const rpc = rpcWith([vault, ...markets]);
  const instruction = await leaveVault(rpc, vault.address, owner, key(5), held, BigInt(now));
  const data = generated.getVaultRedeemInstructionDataDecoder().decode(instruction.data!);
  expect(data).toMatchObject({ shares, from: 0b11 });
  if (least !== undefined) {
    expect(data.minAmount).toBe(least);
  }
  const shareAccount = await findShareAccount(owner.address, decodeVault(vault.address, bytesOf(vault.data)));
  expect(instruction.accounts!.map(({ address }) => address)).toEqual(expect.arrayContaining([shareAccount, key(5)]));
});

test('who cannot leave a vault is told so', async () => {
  const { vault, markets, now } = vaults.find((one) => one.name === 'nothing left')!;
  const leaving = leaveVault(rpcWith([vault, ...markets]), vault.address, owner, key(5), 1_000n, BigInt(now));
  await expect(leaving).rejects.toThrow('nothing can leave now: 0 atoms are liquid');
});
