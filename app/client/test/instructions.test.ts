import {
  type Address,
  appendTransactionMessageInstructions,
  createTransactionMessage,
  getTransactionMessageSize,
  type Instruction,
  setTransactionMessageFeePayer,
} from '@solana/kit';
import { describe, expect, it, test } from 'vitest';
import * as client from '../src/index.js';
import { bytesOf, instructions, key, plain, rust, signer } from './support.js';

const { market: stored, addresses } = instructions;
const market = client.decodeMarket(stored.address, bytesOf(stored.data));
const { marginAccount } = addresses;
const NONE = '11111111111111111111111111111111' as Address;
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
    [
      'refreshPrices',
      () => client.refreshPinnedPrices(market, { feePayer: key(1), reserves: [...market.reserves.keys()] })[0]![0]!,
    ],
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

  const stake = addresses.stake;
  test.each([
    ['openStake', () => client.openStake(market, { owner, payer, reserve: 1 })],
    ['stake', () => client.stakeTokens(market, { payer, stake, source, reserve: 1, amount: 13n })],
    ['beginUnstake', () => client.beginUnstake(market, { owner, stake, shares: 14n })],
    ['unstake', () => client.unstake(market, { owner, stake, destination, reserve: 1 })],
    ['closeStake', () => client.closeStake(market, { owner, stake, recipient: destination })],
  ])('%s', async (name, build) => {
    expect(plain(await build())).toEqual(expected(name));
  });

  const traded = { perp: 5, lots: -27n, limit: 28n, minFactor: 29, reduceOnly: true };
  test.each([
    ['tradePerp', () => client.tradePerp(market, { owner, marginAccount, ...traded })],
    ['settlePerp', () => client.settlePerp(market, { marginAccount, perp: 5 })],
    ['poolDeposit', () => client.poolDeposit(market, { owner, marginAccount, pool: 4, amount: 31n })],
    ['poolRequest', () => client.poolRequest(market, { owner, marginAccount, pool: 4, shares: 32n })],
    ['poolWithdraw', () => client.poolWithdraw(market, { owner, marginAccount, pool: 4 })],
  ])('%s', (name, build) => {
    expect(plain(build())).toEqual(expected(name));
  });

  it('has no limit, and takes any part of a gain, where none is given', () => {
    const { data } = client.tradePerp(market, { owner, marginAccount, perp: 5, lots: 1n });
    const given = { perp: 5, lots: 1n, limit: 0n, minFactor: 0, reduceOnly: false };
    expect(data).toEqual(client.tradePerp(market, { owner, marginAccount, ...given }).data);
  });

  it('has owner and rent of a stake where none other is named', async () => {
    const opened = plain(await client.openStake(market, { owner, reserve: 1 }));
    expect(opened.accounts[1]!.address).toBe(owner.address);
    expect(plain(client.closeStake(market, { owner, stake })).accounts.at(-1)!.address).toBe(owner.address);
  });

  test('openAccount, isolated', async () => {
    const input = { owner, payer, id: 1, collateral: 2, debt: 0 };
    expect(plain(await client.openIsolatedAccount(market, input))).toEqual(expected('openAccount'));
  });

  test('openAccount, for a perp: the same but for mode and records', async () => {
    const { accounts, data } = expected('openAccount');
    const opened = plain(await client.openPerpAccount(market, { owner, payer, id: 1, perp: 5 }));
    expect(opened).toEqual({ accounts, data: Uint8Array.from([...data.slice(0, 3), 2, 0, 5]) });
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

describe('pinned prices', () => {
  const { oracle } = market.reserves[3]!.config;
  /** So many reserves with a price account each, and those of two feeds with another. */
  const large = (count: number, ofTwo: readonly number[] = []): client.Market => ({
    ...market,
    reserves: Array.from({ length: count }, (_, index) => {
      const two = ofTwo.includes(index);
      const feeds = {
        baseFeedId: two ? oracle.baseFeedId : NONE,
        feedAccount: key(100 + index),
        baseFeedAccount: two ? key(200 + index) : NONE,
      };
      const { config, ...reserve } = market.reserves[0]!;
      return { ...reserve, config: { ...config, oracle: { ...config.oracle, ...feeds } } };
    }),
  });
  const feePayer = owner.address;
  const borrow = client.borrow(market, { owner, marginAccount, destination, reserve: 0, amount: 1n });
  const isRefresh = ({ data }: Instruction) => data![0] === 9;
  /** Which reserves a transaction takes over prices of, and the price accounts that it names. */
  const refreshed = (transaction: readonly Instruction[]) => {
    const refresh = transaction.find(isRefresh);
    return { reserves: [...(refresh?.data?.slice(5) ?? [])], accounts: refresh?.accounts?.slice(1).length ?? 0 };
  };
  const size = (transaction: readonly Instruction[]) => {
    const empty = setTransactionMessageFeePayer(feePayer, createTransactionMessage({ version: 0 }));
    return getTransactionMessageSize(appendTransactionMessageInstructions(transaction, empty));
  };

  it('are those of what an account holds and of the reserve at hand, once each, before what needs them', () => {
    const positions = [2, 0, 3].map((reserve) => ({ reserve }));
    const account = { positions, positionCount: 2 } as unknown as client.MarginAccount;
    const input = { feePayer, account, reserves: [3, 2], instructions: [borrow] };
    const [transaction, ...more] = client.refreshPinnedPrices(large(5, [3]), input);
    expect([refreshed(transaction!), more]).toEqual([{ reserves: [2, 0, 3], accounts: 4 }, []]);
    expect(transaction!.at(-1)).toBe(borrow);
    expect(client.refreshPinnedPrices(large(1), { feePayer })).toEqual([]);
    expect(client.refreshPinnedPrices(large(1), { feePayer, instructions: [borrow] })).toEqual([[borrow]]);
    expect(() => client.refreshPinnedPrices(large(1), { feePayer, reserves: [1] })).toThrow(/^ReserveIndexOutOfRange/);
  });

  it('leave closed reserves out, and those that are not pinned', () => {
    const { reserves } = large(3);
    const closed = { ...reserves[1]!, closed: 1 };
    const present = { ...market, reserves: [reserves[0]!, closed, market.reserves[1]!] };
    const [transaction] = client.refreshPinnedPrices(present, { feePayer, reserves: [0, 1, 2] });
    expect(refreshed(transaction!)).toEqual({ reserves: [0], accounts: 1 });
  });

  it('are split by the bytes of the transactions, both accounts of a reserve in one', () => {
    const present = large(40, [5, 20, 39]);
    const head = [{ programAddress: key(77), accounts: [], data: new Uint8Array(40) }];
    const reserves = [...present.reserves.keys()];
    const transactions = client.refreshPinnedPrices(present, { feePayer, reserves, instructions: [borrow], head });
    expect(transactions.flatMap((transaction) => refreshed(transaction).reserves)).toEqual(reserves);
    expect(transactions.reduce((sum, transaction) => sum + refreshed(transaction).accounts, 0)).toBe(43);
    expect(transactions).toHaveLength(2);
    for (const [nth, transaction] of transactions.entries()) {
      expect(transaction[0]).toBe(head[0]);
      expect(transaction.includes(borrow)).toBe(nth === 1);
      expect(size(transaction)).toBeLessThanOrEqual(1_232);
    }
    // One more reserve has no room in the last.
    const [before, last] = transactions.map((transaction) => refreshed(transaction).reserves);
    const prices = [before!.at(-1)!, ...last!].map((index): [number, ...Address[]] => {
      const { feedAccount, baseFeedAccount } = present.reserves[index]!.config.oracle;
      return baseFeedAccount === NONE ? [index, feedAccount] : [index, feedAccount, baseFeedAccount];
    });
    expect(size([...head, client.refreshPrices(present, prices), borrow])).toBeGreaterThan(1_232);
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
