// The engine in the browser, the program on a network, and the command: one answer. Against a running network, as localnet.test.ts.
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Address, createNoopSigner, type Instruction } from '@solana/kit';
import { beforeAll, describe, expect, test } from 'vitest';
import { getTradePerpInstruction } from '../src/generated/index.js';
import * as client from '../src/index.js';
import { Network, path } from './network.js';

const run = promisify(execFile);
const COMMAND = process.env.BALLAST_COMMAND ?? resolve(import.meta.dirname, '../../../target/debug/ballast');

/** Numerical Recipes' generator: the same on every run. */
let seed = 18;
function random(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

/** A market at rest: what it and an account were over some seconds, and what was found within them. */
interface Still<T> {
  market: client.Market;
  account: client.MarginAccount;
  seconds: bigint[];
  found: T;
}

/** Fields of `ballast account show --json`. */
type Shown = Record<'initial' | 'maintenance' | 'equity', { collateral: string; debt: string }> & {
  liquidatable: boolean;
  positions: { reserve: number; side: string; atoms: string; liquidationPrice: string | null }[];
  perps: Record<string, unknown>[];
};

describe.skipIf(path === undefined)('every account of the local network', () => {
  let network: Network;
  let engine: client.Engine;
  let addresses: Address[];

  beforeAll(async () => {
    network = await Network.open(path!);
    engine = await client.loadEngine();
    // Prices of now, so that what adds risk is not refused for them alone.
    await refresh();
    addresses = await found();
    expect(addresses.length).toBeGreaterThanOrEqual(12);
  });

  async function refresh() {
    const { rpc, manifest, trader } = network;
    const market = await client.fetchMarket(rpc, manifest.market);
    const reserves = [...market.reserves.keys()].filter((index) => market.reserves[index]!.closed === 0);
    const prices = client.refreshPinnedPrices(market, { feePayer: trader.address, reserves });
    await network.sendAll(trader, prices);
  }

  async function found(): Promise<Address[]> {
    const accounts = await network.rpc
      .getProgramAccounts(client.BALLAST_PROGRAM_ADDRESS, {
        encoding: 'base64',
        filters: [
          { dataSize: 512n },
          { memcmp: { offset: 16n, bytes: network.manifest.market as never, encoding: 'base58' } },
        ],
      })
      .send();
    return accounts.map(({ pubkey }) => pubkey);
  }

  /** Asks while market and account stay as they are. The clock may go on: what was found is of one of the seconds. */
  async function still<T>(
    address: Address,
    ask: (market: client.Market, account: client.MarginAccount) => Promise<T>,
  ): Promise<Still<T>> {
    const { rpc, manifest } = network;
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const from = await network.now();
      const market = await client.fetchMarket(rpc, manifest.market);
      const account = await client.fetchMarginAccount(rpc, address);
      const found = await ask(market, account);
      const later = [await client.fetchMarket(rpc, manifest.market), await client.fetchMarginAccount(rpc, address)];
      const until = await network.now();
      if (
        Buffer.compare(market.bytes as Uint8Array, later[0]!.bytes as Uint8Array) === 0 &&
        Buffer.compare(account.bytes as Uint8Array, later[1]!.bytes as Uint8Array) === 0
      ) {
        const seconds = Array.from({ length: Number(until - from) + 1 }, (_, index) => from + BigInt(index));
        return { market, account, seconds, found };
      }
    }
    throw new Error('the market never stood still');
  }

  test('has the health that the program computes, also in a scan', async () => {
    for (const address of addresses) {
      const { market, account, seconds, found } = await still(address, async (market) =>
        client.decodeHealth(await network.simulate(network.trader, [client.readHealth(market, address)])),
      );
      const computed = seconds.map((now) => engine.health(market, account, now));
      expect(computed).toContainEqual(found);
      const scanned = seconds.map((now) => engine.scan(market, [account.bytes], now)[0]!.health);
      expect(scanned).toEqual(computed);
    }
  });

  test('is what the command shows of it', async () => {
    const { manifest } = network;
    const keypair = manifest.wallets.find(({ name }) => name === 'trader')!.keypair!;
    let shownPerps = 0;
    for (const address of addresses) {
      const { market, account, seconds, found } = await still(address, async () => {
        const where = ['-u', manifest.rpc_url, '-m', manifest.market, '-k', keypair];
        const { stdout } = await run(COMMAND, ['account', 'show', address, ...where, '--json']);
        return JSON.parse(stdout) as Shown;
      });
      const { initial, maintenance, equity, liquidatable, positions, perps } = found;
      const sums = ({ collateral, debt }: client.Sums) => ({ collateral: dollars(collateral), debt: dollars(debt) });
      const computed = seconds.map((now) => {
        const health = engine.health(market, account, now);
        const price = (reserve: number) => liquidationPrice(market, account, reserve, now);
        return {
          initial: sums(health.initial),
          maintenance: sums(health.maintenance),
          equity: sums(health.equity),
          liquidatable: engine.scan(market, [account.bytes], now)[0]!.isLiquidatable,
          positions: engine.positions(market, account, now).map(({ reserve, isDebt, amount }) => ({
            reserve,
            side: isDebt ? 'debt' : 'deposit',
            atoms: `${amount}`,
            liquidationPrice: price(reserve),
          })),
          perps: client.perpPositions(account).map(({ perp }) => {
            const report = engine.positionReport(market, account, perp, now);
            return {
              perp,
              lots: `${report.lots < 0n ? -report.lots : report.lots}`,
              value: `${report.value}`,
              gain: `${report.gain}`,
              paidIfClosed: `${report.paid}`,
              initialMargin: `${report.initialMargin}`,
              maintenanceMargin: `${report.maintenanceMargin}`,
              liquidationPrice: report.lots === 0n ? null : price(client.perpAt(market, perp).config.price),
            };
          }),
        };
      });
      const bare = ({ collateral, debt }: { collateral: string; debt: string }) => ({ collateral, debt });
      shownPerps += perps.length;
      expect(computed).toContainEqual({
        initial: bare(initial),
        maintenance: bare(maintenance),
        equity: bare(equity),
        liquidatable,
        positions: positions.map(({ reserve, side, atoms, liquidationPrice }) => ({
          reserve,
          side,
          atoms,
          liquidationPrice,
        })),
        perps: perps.map(
          ({ name: _name, side: _side, size: _size, breakEven: _even, heldUntil: _held, ...rest }) => rest,
        ),
      });
    }
    expect(shownPerps).toBeGreaterThan(0);
  });

  test('becomes by an action what a simulated transaction makes of it, or is refused alike', async () => {
    const outcomes = { done: 0, refused: 0, foreign: 0 };
    const kinds = ['deposit', 'withdraw', 'borrow', 'repay'] as const;
    for (const address of addresses) {
      for (const kind of kinds) {
        const { market, account, seconds, found } = await still(address, async (market, account) => {
          const action = await randomAction(market, account, kind);
          const instruction = await built(market, account, action);
          return { action, result: await network.try(account.owner, [instruction], [address, market.address]) };
        });
        const { action, result } = found;
        if (result === undefined) {
          // The wallet has not the tokens: that is not for the engine to say.
          outcomes.foreign += 1;
          continue;
        }
        expect(played(market, account, action, seconds), action.kind).toContainEqual(seen(market, result));
        outcomes[typeof result === 'number' ? 'refused' : 'done'] += 1;
      }
    }
    expect(outcomes.done).toBeGreaterThan(addresses.length);
    expect(outcomes.refused).toBeGreaterThan(2);
  });

  test('trades a perp as a simulated transaction does', async () => {
    const outcomes = { done: 0, refused: 0 };
    const { rpc, manifest } = network;
    // Few hold the quote token, and those trade several times.
    for (const address of [addresses, addresses, addresses].flat()) {
      // A position grows by a price of the last seconds alone.
      await refresh();
      const { reserves } = await client.fetchMarket(rpc, manifest.market);
      const perps = reserves.flatMap(({ kind }, index) => (kind === 1 ? [index] : []));
      const perp = perps[random(perps.length)]!;
      const { market, account, seconds, found } = await still(address, async (market, account) => {
        const side = { perp, lots: random(2) === 0 ? 1n : -1n };
        const { atoms: most } = engine.maxTrade(market, account, side, await network.now());
        const order = {
          perp,
          lots: side.lots * ((most * BigInt(1 + random(110))) / 100n + 1n),
          reduceOnly: random(6) === 0,
        };
        const owner = createNoopSigner(account.owner);
        const accounts = { owner, market: market.address, marginAccount: address };
        const instruction = getTradePerpInstruction({ ...accounts, limit: 0n, minFactor: 0, ...order });
        const result = await network.try(account.owner, [instruction], [address, market.address]);
        return { action: { kind: 'trade', ...order } as const, result: result! };
      });
      const { action, result } = found;
      expect(result).toBeDefined();
      expect(played(market, account, action, seconds)).toContainEqual(seen(market, result));
      outcomes[typeof result === 'number' ? 'refused' : 'done'] += 1;
    }
    expect(outcomes.done).toBeGreaterThan(2);
    expect(outcomes.refused).toBeGreaterThan(2);
  });

  /** What the engine makes of market and account at each second, or the code of its error. */
  function played(market: client.Market, account: client.MarginAccount, action: client.Action, seconds: bigint[]) {
    return seconds.map((now) => {
      try {
        const after = engine.play(market, account, action, now);
        return [after.account.bytes, eventless(market.address, after.market.bytes)];
      } catch (error) {
        return (error as client.EngineError).code;
      }
    });
  }

  /** The same of a simulation. */
  function seen({ address }: client.Market, result: Uint8Array[] | number) {
    return typeof result === 'number' ? result : [result[0]!, eventless(address, result[1]!)];
  }

  /** An action of random size: some of what can be done, and some more than that. */
  async function randomAction(
    market: client.Market,
    account: client.MarginAccount,
    kind: 'deposit' | 'withdraw' | 'borrow' | 'repay',
  ) {
    const now = await network.now();
    const held = engine.positions(market, account, now);
    const side = held.filter(({ isDebt }) => isDebt === (kind === 'repay'));
    const chosen = side[random(side.length)];
    const open = market.reserves.flatMap(({ closed }, index) => (closed === 0 ? [index] : []));
    const isNew = kind === 'borrow' || (kind === 'deposit' && random(2) === 0) || chosen === undefined;
    const reserve = isNew ? open[random(open.length)]! : chosen.reserve;
    const atoms = (most: bigint) => (most * BigInt(1 + random(110))) / 100n + 1n;
    if (kind === 'borrow') {
      return { kind, reserve, amount: atoms(engine.maxBorrow(market, account, reserve, now).atoms) };
    }
    if (chosen !== undefined && kind !== 'deposit') {
      return { kind, reserve, amount: random(4) === 0 ? client.EVERYTHING : atoms(chosen.amount) };
    }
    return { kind, reserve, amount: BigInt(1 + random(1_000_000)) };
  }

  async function built(
    market: client.Market,
    { address: marginAccount, owner: address }: client.MarginAccount,
    { kind, reserve, amount }: Awaited<ReturnType<typeof randomAction>>,
  ): Promise<Instruction> {
    const owner = createNoopSigner(address);
    const tokens = await client.findTokenAccount(address, market.reserves[reserve]!);
    return kind === 'deposit' || kind === 'repay'
      ? client[kind](market, { payer: owner, marginAccount, source: tokens, reserve, amount })
      : client[kind](market, { owner, marginAccount, destination: tokens, reserve, amount });
  }

  function liquidationPrice(market: client.Market, account: client.MarginAccount, reserve: number, now: bigint) {
    try {
      const price = engine.liquidationPrice(market, account, reserve, now);
      return price === undefined ? null : client.formatPrice(price);
    } catch (error) {
      expect(error).toBeInstanceOf(client.EngineError);
      return null;
    }
  }
});

/** As the command writes it: two decimals, the rest cut off. */
function dollars(value: bigint): string {
  return value === (1n << 128n) - 1n ? 'unknown' : client.formatUsd(value).replace(/,| USD/g, '');
}

/** A market but for its count of events, which the program's log moves. */
function eventless(address: Address, bytes: client.Market['bytes']) {
  const { events: _events, bytes: _bytes, ...rest } = client.decodeMarket(address, bytes);
  return rest;
}
