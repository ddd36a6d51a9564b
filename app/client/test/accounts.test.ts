import { type Address, getBase64Decoder } from '@solana/kit';
import { describe, expect, it, test } from 'vitest';
import {
  decodeExitRequest,
  decodeInsuranceStake,
  decodeMarginAccount,
  decodeMarket,
  decodeTermDeposit,
  fetchMarginAccount,
  fetchMarket,
  fetchTime,
  findReserve,
  findTokenAccount,
  LAYOUT_VERSION,
  type Market,
  perpAt,
  perpPositions,
  poolAt,
  pricedReserves,
  reserveAt,
} from '../src/index.js';
import { getMarginAccountEncoder, getMarketEncoder, MARKET_DISCRIMINATOR } from '../src/generated/index.js';
import { bytesOf, fixture, instructions, key, rpcWith, type StoredAccount } from './support.js';

const { market: stored } = instructions;
const bytes = bytesOf(stored.data);
const situations = fixture<{ name: string; market: StoredAccount; account: StoredAccount }[]>('engine.json');
const { account } = situations[2]!;
const marginBytes = bytesOf(account.data);

function changed(source: Uint8Array, at: number, value: number) {
  const copy = source.slice();
  copy[at] = value;
  return copy;
}

describe('a market', () => {
  it('is its head and its reserves', async () => {
    const market = await fetchMarket(rpcWith([stored]), stored.address);
    expect(market).toEqual(decodeMarket(stored.address, bytes));
    expect(market.address).toBe(stored.address);
    expect(market.id).toBe(7);
    expect(market.creator).toBe(key(1));
    const reserves = market.reserves.filter(({ kind }) => kind === 0);
    expect(reserves.map(({ mint }) => mint)).toEqual([20, 21, 22, 23].map(key));
    expect(reserves.map(({ decimals }) => decimals)).toEqual([6, 9, 18, 0]);
  });

  it('has perps and pools beside reserves', () => {
    const market = decodeMarket(stored.address, bytes);
    expect(market.reserves.map(({ kind }) => kind)).toEqual([0, 0, 0, 0, 2, 1]);
    expect(poolAt(market, 4)).toMatchObject({
      perpCount: 1,
      quoteDecimals: 6,
      config: { quote: 0, borrowKink: 8_000 },
    });
    expect(perpAt(market, 5)).toMatchObject({ kind: 1, config: { pool: 4, price: 1, initialMargin: 1_000 } });
    for (const index of [4, 5]) {
      expect(() => reserveAt(market, index)).toThrow(/^ReserveIndexOutOfRange/);
    }
    expect(() => perpAt(market, 4)).toThrow(/^NotPerp/);
    expect(() => poolAt(market, 5)).toThrow(/^NotPool/);
  });

  it('finds a reserve by its mint', () => {
    const market = decodeMarket(stored.address, bytes);
    expect(findReserve(market, key(22))).toBe(2);
    expect(findReserve(market, key(99))).toBeUndefined();
  });

  it('is not what other bytes are', () => {
    const decode = (data: Uint8Array) => () => decodeMarket(stored.address, data);
    expect(decode(new Uint8Array())).toThrow('too few bytes');
    const market = decodeMarket(stored.address, bytes);
    const encode = (reserves: Market['reserves']) => getMarketEncoder().encode({ ...market, reserves });
    const whole = encode(market.reserves).slice();
    for (const length of [encode([]).length - 1, encode([]).length, whole.length - 1]) {
      expect(decode(whole.slice(0, length))).toThrow('too few bytes');
    }
    expect(decode(changed(bytes, 0, 0))).toThrow("the discriminator is another account's");
    const other = LAYOUT_VERSION + 1;
    const version = changed(bytes, MARKET_DISCRIMINATOR.length, other);
    expect(decode(version)).toThrow(`layout version ${other} is unknown to this client`);
    const [reserve] = market.reserves;
    expect(decodeMarket(stored.address, encode(Array(64).fill(reserve))).reserves).toHaveLength(64);
    const tooMany = encode(Array(65).fill(reserve)).slice();
    expect(decode(tooMany)).toThrow('a count of 65 exceeds what the account can hold');
    expect(decode(marginBytes)).toThrow('discriminator');
  });

  it('is read of the program alone, and if it is there', async () => {
    await expect(fetchMarket(rpcWith([stored], key(3)), stored.address)).rejects.toThrow('belongs to another program');
    await expect(fetchMarket(rpcWith([]), stored.address)).rejects.toThrow('Account not found');
  });
});

describe('a margin account', () => {
  it('is what was stored', async () => {
    const margin = await fetchMarginAccount(rpcWith([account]), account.address);
    expect(margin).toEqual(decodeMarginAccount(account.address, marginBytes));
    expect(margin.owner).toBe(key(2));
    expect(margin.market).toBe(stored.address);
    expect(margin.positions.slice(0, margin.positionCount).map(({ reserve, side }) => [reserve, side])).toEqual([
      [1, 1],
      [2, 1],
      [0, 2],
      [3, 2],
    ]);
  });

  it('is not what other bytes are', () => {
    const decode = (data: Uint8Array) => () => decodeMarginAccount(account.address, data);
    expect(decode(marginBytes.slice(0, -1))).toThrow('too few bytes');
    expect(decode(new Uint8Array([...marginBytes, 0]))).toThrow('too many bytes');
    const margin = decodeMarginAccount(account.address, marginBytes);
    const tooMany = getMarginAccountEncoder()
      .encode({ ...margin, positionCount: 17 })
      .slice();
    expect(decode(tooMany)).toThrow('a count of 17 exceeds what the account can hold');
    const withPerps = getMarginAccountEncoder()
      .encode({ ...margin, positionCount: 5, extraCount: 6 })
      .slice();
    expect(decode(withPerps)).toThrow('a count of 17 exceeds what the account can hold');
    expect(decode(bytes)).toThrow('discriminator');
  });
});

describe('a request, a term deposit and a stake', () => {
  const accounts = fixture<Record<string, { data: string }>>('accounts.json');
  test.each([
    ['exitRequest', decodeExitRequest],
    ['termDeposit', decodeTermDeposit],
    ['stake', decodeInsuranceStake],
  ] as const)('%s', (name, decode) => {
    // The fixtures' fields are random, the version included.
    const stored = changed(bytesOf(accounts[name]!.data), 8, LAYOUT_VERSION);
    expect(decode(key(3), stored)).toMatchObject({ address: key(3), bytes: stored, version: LAYOUT_VERSION });
    expect(() => decode(key(3), stored.slice(0, -1))).toThrow('too few bytes');
    expect(() => decode(key(3), new Uint8Array([...stored, 0]))).toThrow('too many bytes');
    expect(() => decode(key(3), marginBytes)).toThrow('discriminator');
    expect(() => decode(key(3), changed(stored, 8, LAYOUT_VERSION + 1))).toThrow('layout version');
  });
});

it('depends on the prices of its perps', () => {
  const { market, account } = situations.find(({ name }) => name === 'a short in a perp')!;
  const trader = decodeMarginAccount(account.address, bytesOf(account.data));
  expect(perpPositions(trader).map(({ perp, isShort }) => [perp, isShort])).toEqual([[5, 1]]);
  expect(perpPositions(trader)[0]!.size).toBeGreaterThan(0n);
  // The quote token's deposit and one of reserve 1, which the perp follows.
  expect(pricedReserves(decodeMarket(market.address, bytesOf(market.data)), trader)).toEqual([0, 1]);
  expect(perpPositions(decodeMarginAccount(account.address, marginBytes))).toEqual([]);
});

it("reads the chain's time", async () => {
  const address = 'SysvarC1ock11111111111111111111111111111111' as Address;
  const clock = new Uint8Array(40);
  new DataView(clock.buffer).setBigInt64(32, 1_763_740_800n, true);
  const data = getBase64Decoder().decode(clock);
  expect(await fetchTime(rpcWith([{ address, data }]))).toBe(1_763_740_800n);
});

it("derives an owner's associated token account", async () => {
  const reserve = decodeMarket(stored.address, bytes).reserves[2]!;
  expect(await findTokenAccount(key(2), reserve)).toBe(instructions.addresses.tokenAccount);
});
