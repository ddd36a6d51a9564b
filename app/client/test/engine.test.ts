import { beforeAll, describe, expect, it, test } from 'vitest';
import {
  decodeMarginAccount,
  decodeMarket,
  decodePoolReport,
  type Engine,
  EngineError,
  EVERYTHING,
  type Limit,
  loadEngine,
  type MarginAccount,
  type Market,
  type PoolReport,
} from '../src/index.js';
import { BALLAST_ERROR__RESERVE_INDEX_OUT_OF_RANGE } from '../src/generated/index.js';
import { answer, bytesOf, fixture, key, type OrError, type StoredAccount } from './support.js';

type RustLimit = { atoms: string; refusal: number | null };

interface Situation {
  name: string;
  now: number;
  market: StoredAccount;
  account: StoredAccount;
  health: Record<`${'initial' | 'maintenance' | 'equity'}${'Collateral' | 'Debt'}`, string>;
  positions: { reserve: number; isDebt: boolean; amount: string }[];
  reserves: {
    maxBorrow: OrError<RustLimit>;
    maxWithdraw: OrError<RustLimit>;
    liquidationPrice: OrError<{ price: string; exponent: number; isDeposit: boolean } | null>;
    rates: OrError<{ borrow: number; deposit: number; utilisation: number }>;
  }[];
  pools: { pool: number; report: Record<string, unknown> & { returned: string } }[];
  liquidation: OrError<{ repaid: string; insurance: string; seized: string; penaltyBps: number }>;
}

const situations = fixture<Situation[]>('engine.json');
let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function read({ market, account }: Situation): [Market, MarginAccount] {
  return [
    decodeMarket(market.address, bytesOf(market.data)),
    decodeMarginAccount(account.address, bytesOf(account.data)),
  ];
}

function limit({ atoms, refusal }: Limit) {
  return { atoms, refusal: refusal ?? null };
}

describe.each(situations.map((situation) => [situation.name, situation] as const))('%s: as in Rust', (_, situation) => {
  const { now } = situation;
  const [market, account] = read(situation);

  test('health', () => {
    const { initial, maintenance, equity } = engine.health(market, account, now);
    expect({
      initialCollateral: `${initial.collateral}`,
      initialDebt: `${initial.debt}`,
      maintenanceCollateral: `${maintenance.collateral}`,
      maintenanceDebt: `${maintenance.debt}`,
      equityCollateral: `${equity.collateral}`,
      equityDebt: `${equity.debt}`,
    }).toEqual(situation.health);
  });

  test('pools, also as the program returns them', () => {
    for (const { pool, report } of situation.pools) {
      const { returned, ...expected } = report;
      const words = ({ coverBps, ...rest }: PoolReport) => answer(() => ({ ...rest, coverBps: coverBps ?? null }));
      expect(words(engine.poolReport(market, pool, now))).toEqual(expected);
      expect(words(decodePoolReport(bytesOf(returned)))).toEqual(expected);
    }
    expect(() => engine.poolReport(market, 0, now)).toThrow(/^NotPool/);
  });

  test('positions', () => {
    expect(answer(() => engine.positions(market, account, BigInt(now)))).toEqual(situation.positions);
  });

  test('limits, liquidation prices and rates of every reserve, and of one that there is not', () => {
    expect(situation.reserves).toHaveLength(market.reserves.length + 1);
    const absent = situation.reserves.at(-1)!;
    expect(Object.values(absent)).toEqual(Array(4).fill({ error: BALLAST_ERROR__RESERVE_INDEX_OUT_OF_RANGE }));
    const words = /^ReserveIndexOutOfRange \(\d+\): No reserve has this index/;
    expect(() => engine.maxBorrow(market, account, market.reserves.length, now)).toThrow(words);
    expect(() => engine.maxWithdraw(market, account, market.reserves.length, now)).toThrow(words);
    expect(() => engine.liquidationPrice(market, account, market.reserves.length, now)).toThrow(words);
    expect(() => engine.rates(market, market.reserves.length)).toThrow(words);
    situation.reserves.slice(0, -1).forEach((expected, reserve) => {
      if (market.reserves[reserve]!.kind !== 0) {
        expect(expected).toEqual(absent);
        expect(() => engine.maxBorrow(market, account, reserve, now)).toThrow(words);
        return;
      }
      expect(answer(() => engine.maxBorrow(market, account, reserve, now), limit)).toEqual(expected.maxBorrow);
      expect(answer(() => engine.maxWithdraw(market, account, reserve, now), limit)).toEqual(expected.maxWithdraw);
      expect(answer(() => engine.liquidationPrice(market, account, reserve, now))).toEqual(expected.liquidationPrice);
      expect(answer(() => engine.rates(market, reserve))).toEqual(expected.rates);
    });
  });

  test('what a liquidation moves', () => {
    const order = { debt: 0, collateral: 1, maxRepay: EVERYTHING, minCollateral: 1n };
    expect(answer(() => engine.previewLiquidation(market, account, order, now))).toEqual(situation.liquidation);
  });
});

describe('the engine', () => {
  const [market, account] = read(situations[0]!);

  it('refuses an account of another market', () => {
    const other = { ...market, address: key(77) };
    expect(() => engine.health(other, account, 0)).toThrow('the margin account belongs to another market');
  });

  it('says what is wrong with bytes', () => {
    const cut = { ...market, bytes: market.bytes.slice(0, market.bytes.length / 2) };
    expect(() => engine.health(cut, account, 0)).toThrow('too few bytes: another kind of account, or a truncated read');
    const large = { ...market, bytes: new Uint8Array(1 << 20) };
    expect(() => engine.health(large, account, 0)).toThrow('larger than the largest that there are');
  });

  it('answers as before after an error', () => {
    const before = engine.health(market, account, 1_700_000_000);
    expect(() => engine.maxWithdraw(market, account, 3, 1_700_000_000)).toThrow(EngineError);
    expect(engine.health(market, account, 1_700_000_000)).toEqual(before);
  });

  it('can be loaded from bytes', async () => {
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(new URL('../src/wasm/ballast_engine.wasm', import.meta.url));
    const again = await loadEngine(await WebAssembly.compile(bytes));
    expect(again.rates(market, 0)).toEqual(engine.rates(market, 0));
    await expect(loadEngine(new Uint8Array(8))).rejects.toThrow(WebAssembly.CompileError);
  });
});
