// Against a running network, the one whose manifest BALLAST_LOCALNET_MANIFEST names (`ballast localnet` writes it).
import type { Address, KeyPairSigner } from '@solana/kit';
import { beforeAll, describe, expect, test } from 'vitest';
import * as client from '../src/index.js';
import { Network, path } from './network.js';
import { borrowHalf, openAndDeposit, report } from './quickstart.js';

describe.skipIf(path === undefined)('on the local network', () => {
  let network: Network;
  let engine: client.Engine;
  let marginAccount: Address;
  let before: bigint;
  const sol = () => network.manifest.reserves.find(({ symbol }) => symbol === 'SOL')!;
  const usdc = () => network.manifest.reserves.find(({ symbol }) => symbol === 'USDC')!;
  const market = () => client.fetchMarket(network.rpc, network.manifest.market);
  const account = () => client.fetchMarginAccount(network.rpc, marginAccount);
  const tokens = async (reserve: number, { address }: KeyPairSigner = network.trader) =>
    client.findTokenAccount(address, (await market()).reserves[reserve]!);
  const accountOf = async ({ address: owner }: KeyPairSigner) =>
    (await client.findMarginAccountPda({ market: network.manifest.market, owner, id: 0 }))[0];

  beforeAll(async () => {
    network = await Network.open(path!);
    engine = await client.loadEngine();
    marginAccount = await accountOf(network.trader);
    before = await network.balance(await tokens(sol().index));
  });

  test('the market is the one of the manifest', async () => {
    const { manifest } = network;
    expect(manifest.program).toBe(client.BALLAST_PROGRAM_ADDRESS);
    const { reserves: records } = await market();
    // Behind the reserves stand pools and perps.
    const reserves = records.filter(({ kind }) => kind === 0);
    expect(records.length).toBeGreaterThan(reserves.length);
    expect(reserves.map(({ mint }) => mint)).toEqual(manifest.reserves.map(({ mint }) => mint));
    expect(reserves.map(({ decimals }) => decimals)).toEqual(manifest.reserves.map(({ decimals }) => decimals));
  });

  test('the vault is the one of the manifest, and lends to its market', async () => {
    const { rpc, manifest } = network;
    const vault = await client.fetchVault(rpc, manifest.vault!);
    expect(vault.mint).toBe(usdc().mint);
    const markets = await client.fetchVaultMarkets(rpc, vault);
    expect(markets.map(({ address }) => address)).toEqual([manifest.market]);
  });

  test('an account is opened, and its deposit is what was paid', async () => {
    const { rpc, manifest, trader, lender } = network;
    const lent = client.parseAtoms('1000000', usdc().decimals);
    await network.sendAll(lender, await openAndDeposit(rpc, manifest.market, lender, usdc().mint, lent));
    const amount = client.parseAtoms('100', sol().decimals);
    await network.sendAll(trader, await openAndDeposit(rpc, manifest.market, trader, sol().mint, amount));
    expect(before - (await network.balance(await tokens(sol().index)))).toBe(amount);
    const [position] = engine.positions(await market(), await account(), await network.now());
    expect(position).toMatchObject({ reserve: sol().index, isDebt: false });
    // A share is an atom times an index, rounded down.
    expect(amount - position!.amount).toBeLessThanOrEqual(1n);
  });

  test('half of the limit is borrowed, and more than all of it is refused in words', async () => {
    const { rpc, manifest, trader } = network;
    // What came in this very second is not lent out.
    await network.tick();
    await network.sendAll(trader, await borrowHalf(rpc, manifest.market, trader, usdc().mint, await network.now()));
    const present = await market();
    const limit = engine.maxBorrow(present, await account(), usdc().index, await network.now());
    expect(limit.atoms).toBeGreaterThan(0n);
    const destination = await tokens(usdc().index);
    const twice = { owner: trader, marginAccount, destination, reserve: usdc().index, amount: 2n * limit.atoms };
    const instructions = [client.borrow(present, twice)];
    const priced = { feePayer: trader.address, account: await account(), instructions };
    const [tooMuch] = client.refreshPinnedPrices(present, priced);
    await expect(network.simulate(trader, tooMuch!)).rejects.toThrow(/^InitialHealthTooLow \(\d+\): /);
    const [gap, ...positions] = await report(rpc, manifest.market, marginAccount, await network.now());
    expect(gap).toMatch(/^[\d,]+\.\d\d USD above/);
    expect(positions).toHaveLength(2);
  });

  test("the engine's health is the program's", async () => {
    // The clock goes on between two calls, and somebody may touch the market: what the program said was said at one of the
    // seconds between, over accounts that were the same before and after.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const [from, present, mine] = [await network.now(), await market(), await account()];
      const returned = await network.simulate(network.trader, [client.readHealth(present, marginAccount)]);
      const [later, until] = [await market(), await network.now()];
      if (Buffer.compare(Buffer.from(present.bytes), Buffer.from(later.bytes)) !== 0) {
        continue;
      }
      const seconds = Array.from({ length: Number(until - from) + 1 }, (_, index) => from + BigInt(index));
      const computed = seconds.map((now) => engine.health(present, mine, now));
      const told = client.decodeHealth(returned);
      expect(told.equity.debt).toBeGreaterThan(0n);
      expect(computed).toContainEqual(told);
      return;
    }
    throw new Error('the market never stood still');
  });

  test('everything is paid back and taken out, and the account closed', async () => {
    const { trader, lender } = network;
    const present = await market();
    const [collateral, debt] = [await tokens(sol().index), await tokens(usdc().index)];
    const all = { marginAccount, amount: client.EVERYTHING };
    await network.send(trader, [
      client.repay(present, { ...all, payer: trader, source: debt, reserve: usdc().index }),
      client.withdraw(present, { ...all, owner: trader, destination: collateral, reserve: sol().index }),
      client.closeAccount({ owner: trader, marginAccount }),
    ]);
    const lent = { marginAccount: await accountOf(lender), destination: await tokens(usdc().index, lender) };
    await network.send(lender, [
      client.withdraw(present, { ...lent, owner: lender, reserve: usdc().index, amount: client.EVERYTHING }),
      client.closeAccount({ owner: lender, ...lent }),
    ]);
    await expect(account()).rejects.toThrow('Account not found');
    // The deposit earned interest, or lost an atom to rounding.
    expect(before - (await network.balance(collateral))).toBeLessThanOrEqual(1n);
  });
});
