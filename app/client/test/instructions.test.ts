import { describe, expect, it, test } from 'vitest';
import * as client from '../src/index.js';
import { bytesOf, instructions, key, plain, rust, signer } from './support.js';

const { market: stored, addresses } = instructions;
const market = client.decodeMarket(stored.address, bytesOf(stored.data));
const { marginAccount } = addresses;
const [owner, payer, source, destination] = [signer(2), signer(3), key(4), key(5)];

/** Without the names, which are for other tests. */
function expected(name: string) {
  const { accounts, data } = rust(name);
  return { accounts, data };
}

describe("a market's instruction is the Rust client's", () => {
  const order = { debt: 0, collateral: 2, maxRepay: 0x0102_0304_0506_0708n, minCollateral: 9n };
  test.each([
    ['closeAccount', () => client.closeAccount({ owner, marginAccount, recipient: destination })],
    ['deposit', () => client.deposit(market, { payer, marginAccount, source, reserve: 1, amount: 1_000_000_007n })],
    [
      'withdraw',
      () => client.withdraw(market, { owner, marginAccount, destination, reserve: 2, amount: client.EVERYTHING }),
    ],
    ['borrow', () => client.borrow(market, { owner, marginAccount, destination, reserve: 0, amount: 50_000_001n })],
    ['repay', () => client.repay(market, { payer, marginAccount, source, reserve: 0, amount: 3n })],
    ['refreshPrices', () => client.refreshPinnedPrices(market)],
    ['liquidate', () => client.liquidate(market, { liquidator: payer, marginAccount, source, destination, ...order })],
    ['readHealth', () => client.readHealth(market, marginAccount)],
    [
      'assertHealth',
      () =>
        client.assertHealth(market, {
          marginAccount,
          requirement: client.REQUIREMENT.maintenance,
          minRatioBps: 12_500,
        }),
    ],
  ])('%s', (name, build) => {
    expect(plain(build())).toEqual(expected(name));
  });

  test('openAccount, isolated', async () => {
    const input = { owner, payer, id: 1, collateral: 2, debt: 0 };
    expect(plain(await client.openIsolatedAccount(market, input))).toEqual(expected('openAccount'));
  });

  test('openAccount, cross: the same but for mode and reserves', async () => {
    const isolated = expected('openAccount');
    expect(plain(await client.openAccount(market, { owner, payer, id: 1 }))).toEqual({
      ...isolated,
      data: new Uint8Array([...isolated.data.slice(0, 3), 0, 0, 0]),
    });
  });
});

describe('a refresh', () => {
  it('takes one price account of a reserve, and two of one with two feeds', () => {
    const pinned = client.refreshPrices(market, [
      [0, key(30)],
      [2, key(32)],
      [3, key(33), key(41)],
    ]);
    expect(plain(pinned)).toEqual(expected('refreshPrices'));
    expect(() => client.refreshPrices(market, [[3, key(33)]])).toThrow(/^PriceAccountMissing/);
    expect(() => client.refreshPrices(market, [[0, key(30), key(31)]])).toThrow(/^PriceAccountMissing/);
    expect(() => client.refreshPrices(market, [[4, key(30)]])).toThrow(/^ReserveIndexOutOfRange/);
  });
});

it('refuses a reserve that the market does not have', () => {
  const pay = { payer, marginAccount, source, reserve: 4, amount: 1n };
  expect(() => client.deposit(market, pay)).toThrow(/^ReserveIndexOutOfRange/);
  expect(() => client.repay(market, pay)).toThrow(/^ReserveIndexOutOfRange/);
  expect(() => client.openIsolatedAccount(market, { owner, id: 0, collateral: 0, debt: 4 })).toThrow(RangeError);
});

it('reads a health whose zeros the runtime cut off', () => {
  const report = new Uint8Array(96);
  report.set([1, 0, 0, 0, 0, 0, 0, 0, 2], 0);
  report.set([7], 64);
  const health = client.decodeHealth(report.slice(0, 65));
  expect(health).toEqual({
    initial: { collateral: (2n << 64n) + 1n, debt: 0n },
    maintenance: { collateral: 0n, debt: 0n },
    equity: { collateral: 7n, debt: 0n },
  });
  expect(() => client.decodeHealth(new Uint8Array(97))).toThrow(RangeError);
});
