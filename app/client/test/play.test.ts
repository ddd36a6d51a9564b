import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it, test } from 'vitest';
import {
  type Action,
  type Change,
  decodeChange,
  decodeMarginAccount,
  decodeMarket,
  type Engine,
  EngineError,
  EVERYTHING,
  loadEngine,
  type MarginAccount,
  type Market,
  type Moved,
  poolAt,
  poolStake,
  type SupposedPrice,
} from '../src/index.js';
import { BALLAST_ERROR__POOL_REDUCE_ONLY } from '../src/generated/index.js';
import { answer, bytesOf, fixture, key, type OrError, type StoredAccount } from './support.js';

/** What `crates/client/tests/suite/typescript/play.rs` wrote. */
interface State {
  market: StoredAccount;
  accounts: string[];
}

interface Walk {
  start: State;
  /** Each as text: time, prices and what they give; or time, user, action and what that gives. */
  steps: string[];
  now: number;
  end: State;
  scan: string[][];
  /** A cross account, an isolated one, one for the second perp, and one whose debt is its collateral. */
  opened: OrError<string>[];
  figures: {
    perps: (Record<string, unknown> & { buffer: string })[];
    positions: { user: number; perp: number; report: unknown; maxTrade: unknown; maxDeposit: unknown }[];
  };
}

interface Stage {
  digest: string;
  health: string[];
}

interface Changes {
  market: StoredAccount;
  account: string;
  changes: {
    name: string;
    now: number;
    change: StoredAccount;
    result: OrError<{ at: string; rampedAt: string; before: Stage; after: Stage; ramped: Stage }>;
  }[];
}

const walk = fixture<Walk>('play.json');
const changes = fixture<Changes>('changes.json');
let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function read({ market, accounts }: State): [Market, MarginAccount[]] {
  return [
    decodeMarket(market.address, bytesOf(market.data)),
    accounts.map((data, user) => decodeMarginAccount(key(100 + user), bytesOf(data))),
  ];
}

/** The six numbers of a health, as the program returns them. */
function numbers(market: Market, account: MarginAccount, now: bigint | number): string[] {
  const { initial, maintenance, equity } = engine.health(market, account, now);
  return [initial, maintenance, equity].flatMap(({ collateral, debt }) => [`${collateral}`, `${debt}`]);
}

function digest(accounts: readonly { bytes: Market['bytes'] }[], all: readonly string[]): string {
  const hash = createHash('sha256');
  for (const { bytes } of accounts) hash.update(Uint8Array.from(bytes));
  return hash.update(all.join(',')).digest('hex').slice(0, 16);
}

const amounts = ['price', 'confidence', 'emaPrice', 'amount', 'shares', 'lots', 'limit'];

/** From the fixture's JSON: amounts are written in decimal, and what is not given as null. */
function given<T>(value: object): T {
  const entries = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(
    entries.map(([name, field]) => [name, amounts.includes(name) ? BigInt(field as string) : (field as unknown)]),
  ) as T;
}

/** The words of what moved, in the order of the fields. */
function movedWords(moved: Moved[Action['kind']]): string[] {
  return Object.values(moved ?? {}).map(String);
}

describe('a long walk of random actions and prices', () => {
  it('leaves after each step the very bytes, moves and health that it does in Rust', () => {
    let [market, accounts] = read(walk.start);
    for (const text of walk.steps) {
      const step = JSON.parse(text) as [number, object[], unknown] | [number, number, object, unknown];
      if (step.length === 3) {
        const [now, prices, gives] = step;
        const supposed = prices.map((price) => given<SupposedPrice>(price));
        const found = answer(() => {
          market = engine.withPrices(market, supposed, now);
          return digest([market], []);
        });
        expect(found, text).toEqual(gives);
        continue;
      }
      const [now, user, action, gives] = step;
      const found = answer(() => {
        const played = engine.play(market, accounts[user]!, given<Action>(action), now);
        market = played.market;
        accounts = accounts.map((account, index) => (index === user ? played.account : account));
        const all = [...movedWords(played.moved), ...numbers(market, played.account, now)];
        return digest([market, played.account], all);
      });
      expect(found, text).toEqual(gives);
    }
    const [endMarket, endAccounts] = read(walk.end);
    expect(market).toEqual(endMarket);
    expect(accounts).toEqual(endAccounts);
  });
});

describe('at its end', () => {
  const [market, accounts] = read(walk.end);

  test('the shares of a pool are those of the stakes in it', () => {
    const stakes = accounts.flatMap((account) => poolStake(account) ?? []);
    expect(stakes.length).toBeGreaterThan(0);
    for (const { pool } of stakes) {
      const shares = stakes.filter((stake) => stake.pool === pool).reduce((sum, stake) => sum + stake.shares, 0n);
      expect(shares).toBe(poolAt(market, pool).shares);
    }
    const without = accounts.filter((account) => poolStake(account) === undefined);
    expect(without.some(({ extraCount }) => extraCount > 0)).toBe(true);
  });
  const { now } = walk;
  const bytes = accounts.map((account) => account.bytes);

  test('a scan gives the health of every account, and whether it is liquidatable', () => {
    const scanned = engine.scan(market, bytes, now);
    const all = scanned.map(({ health }) =>
      [health!.initial, health!.maintenance, health!.equity].flatMap((sums) => [`${sums.collateral}`, `${sums.debt}`]),
    );
    expect(all).toEqual(walk.scan);
    const liquidatable = walk.scan.map(([, , collateral, debt]) => BigInt(debt!) > BigInt(collateral!));
    expect(scanned.map(({ isLiquidatable }) => isLiquidatable)).toEqual(liquidatable);
    expect(new Set(liquidatable).size).toBe(2);
    // What a liquidation would move is asked of those alone.
    accounts.forEach((account, user) => {
      const debt = account.positions.slice(0, account.positionCount).find(({ side }) => side === 2);
      const order = { debt: debt?.reserve ?? 1, collateral: 0, maxRepay: EVERYTHING, minCollateral: 0n };
      if (!liquidatable[user] && debt !== undefined && order.debt !== 0) {
        expect(() => engine.previewLiquidation(market, account, order, now)).toThrow(EngineError);
      }
    });
  });

  test('a scan of more accounts than fit at once is that of each', () => {
    const many = Array.from({ length: 1_500 }, (_, index) => bytes[index % bytes.length]!);
    const scanned = engine.scan(market, many, now);
    expect(scanned).toHaveLength(1_500);
    scanned.forEach(({ health }, index) => {
      expect(health!.maintenance.debt.toString()).toBe(walk.scan[index % bytes.length]![3]);
    });
    expect(engine.scan(market, [], now)).toEqual([]);
  });

  test('a pool takes what it has room for and not an atom more, and pays by its prices what is free', () => {
    const pool = market.reserves.findIndex(({ kind }) => kind === 2);
    const { quote } = poolAt(market, pool).config;
    const prices = [...market.reserves.keys()].flatMap((reserve) => {
      const { kind, price } = market.reserves[reserve]!;
      return kind === 0 && price.publishTime !== 0n
        ? [{ reserve, price: price.price, exponent: price.exponent, emaPrice: price.emaPrice }]
        : [];
    });
    const at = engine.withPrices(market, prices, now);
    const { room, free, entry, exit } = engine.poolPrices(at, pool, now);
    const { exit: value } = engine.poolReport(at, pool, now);
    expect(room).toBeGreaterThan(0n);
    expect(free).toBeLessThanOrEqual(value);
    expect(exit!).toBeLessThanOrEqual(entry!);
    const owner = key(7);
    const opened = engine.opened(at, { address: key(8), owner });
    // Somebody with enough, whatever the reserve takes at most.
    const enter = (amount: bigint) => {
      const paid = engine.play(at, opened, { kind: 'deposit', reserve: quote, amount: amount + 2n }, now);
      return engine.play(paid.market, paid.account, { kind: 'poolDeposit', pool, amount }, now);
    };
    const amount = 1_000_000n;
    const { moved, account, market: after } = enter(amount);
    // A million shares cost the price, rounded up: no cheaper, and dearer by less than a share's worth.
    expect(moved.shares * entry!).toBeGreaterThan((amount - 2n) * 1_000_000n - entry!);
    expect(moved.shares * (entry! - 1n)).toBeLessThanOrEqual(amount * 1_000_000n);
    expect(poolStake(account)!.shares).toBe(moved.shares);
    const left = engine.poolPrices(after, pool, now).room;
    // The pool's value rises by what came, but for a rounding.
    expect(room - left).toBeGreaterThanOrEqual(amount - 1n);
    expect(room - left).toBeLessThanOrEqual(amount);
    expect(answer(() => enter(room + 1n))).toEqual({ error: BALLAST_ERROR__POOL_REDUCE_ONLY });

    // Who asks for all that there is gets what is free, at the price to who leaves.
    const holder = accounts.find((one) => (poolStake(one)?.shares ?? 0n) > 0n)!;
    const later = BigInt(now) + BigInt(poolAt(market, pool).config.leaveDelay);
    const { shares } = poolStake(holder)!;
    const asked = engine.play(market, holder, { kind: 'poolRequest', pool, shares }, now);
    const then = engine.withPrices(asked.market, prices, later);
    const leaving = engine.poolPrices(then, pool, later);
    const gone = engine.play(then, asked.account, { kind: 'poolWithdraw', pool }, later).moved;
    expect(gone.amount).toBeLessThanOrEqual(leaving.free);
    expect(gone.shares === shares || gone.amount + 2n > leaving.free).toBe(true);
    const worth = (gone.shares * leaving.exit!) / 1_000_000n;
    expect(gone.amount).toBeGreaterThanOrEqual(worth - 1n);
    expect(gone.amount - worth).toBeLessThanOrEqual(gone.shares / 1_000_000n + 1n);
  });

  test('figures of perps and positions', () => {
    const perps = market.reserves.flatMap(({ kind }, index) => (kind === 1 ? [index] : []));
    perps.forEach((perp, index) => {
      const found = answer(
        () => engine.perpReport(market, perp, now),
        ({ greeks, budget, growth, ...rest }) => ({
          ...rest,
          budget: budget ?? null,
          growth: growth ?? null,
          buffer: greeks.buffer,
        }),
      );
      expect(found).toEqual(walk.figures.perps[index]);
      // They are the figures that the pool's report has of its perps.
      const pool = market.reserves.findIndex(({ kind }) => kind === 2);
      const ofPool = engine.poolReport(market, pool, now).perps.find((greeks) => greeks.perp === perp);
      expect(engine.perpReport(market, perp, now).greeks).toEqual(ofPool);
    });
    const limit = ({ atoms, refusal }: { atoms: bigint; refusal: number | undefined }) => ({
      atoms,
      refusal: refusal ?? null,
    });
    for (const { user, perp, report, maxTrade, maxDeposit } of walk.figures.positions) {
      const account = accounts[user]!;
      const found = answer(
        () => engine.positionReport(market, account, perp, now),
        ({ breakEven, ...position }) => ({ ...position, breakEven: breakEven ?? null }),
      );
      expect(found).toEqual(report);
      expect(answer(() => engine.maxTrade(market, account, { perp, lots: 1n }, now), limit)).toEqual(maxTrade);
      expect(answer(() => engine.maxDeposit(market, account, 0, now), limit)).toEqual(maxDeposit);
    }
  });

  test('an account that is opened is what the engine opens, and can be played with', () => {
    const perp = market.reserves.map(({ kind }) => kind).lastIndexOf(1);
    const others = [{}, { isolated: { collateral: 1, debt: 0 } }, { perp }, { isolated: { collateral: 1, debt: 1 } }];
    const open = (other: object) => engine.opened(market, { address: key(77), owner: key(2), id: 7, ...other });
    const bytes = others.map((other) =>
      answer(() => Buffer.from(Uint8Array.from(open(other).bytes)).toString('base64')),
    );
    expect(bytes).toEqual(walk.opened);
    const empty = open({});
    expect(engine.positions(market, empty, now)).toEqual([]);
    const { account } = engine.play(market, empty, { kind: 'deposit', reserve: 3, amount: 5_000_000n }, now);
    expect(account.address).toBe(key(77));
    expect(engine.positions(market, account, now)).toMatchObject([{ reserve: 3, isDebt: false }]);
    expect(() => open({ isolated: { collateral: 0, debt: 1 }, perp })).toThrow(TypeError);
  });

  test('a limit is what can be played, and one more is refused with what it says', () => {
    let refusals = 0;
    for (const account of accounts) {
      for (const reserve of [0, 1, 2, 3]) {
        const { atoms, refusal } = engine.maxBorrow(market, account, reserve, now);
        const borrow = (amount: bigint) => engine.play(market, account, { kind: 'borrow', reserve, amount }, now);
        if (atoms !== 0n) {
          expect(borrow(atoms).moved.amount).toBe(atoms);
        }
        const refused = answer(() => borrow(atoms + 1n));
        expect(refused).toEqual({ error: refusal });
        refusals += 1;
      }
    }
    expect(refusals).toBe(4 * accounts.length);
  });

  test('at a liquidation price an account is liquidatable, and next to it it is not', () => {
    let found = 0;
    for (const account of accounts) {
      for (const { reserve, side } of account.positions.slice(0, account.positionCount)) {
        const at = engine.liquidationPrice(market, account, reserve, now);
        if (at === undefined) continue;
        const { exponent } = market.reserves[reserve]!.price;
        const isSafe = (price: bigint) => {
          const moved = engine.withPrices(market, [{ reserve, price, exponent }], now);
          const { collateral, debt } = engine.health(moved, account, now).maintenance;
          return debt <= collateral;
        };
        expect(at.exponent).toBe(exponent);
        expect(isSafe(at.price), `${reserve} ${side}`).toBe(false);
        expect(isSafe(at.price + (at.isDeposit ? 1n : -1n))).toBe(true);
        found += 1;
      }
    }
    expect(found).toBeGreaterThan(10);
  });
});

describe('a change that waits', () => {
  const market = decodeMarket(changes.market.address, bytesOf(changes.market.data));
  const account = decodeMarginAccount(key(101), bytesOf(changes.account));
  const decode = ({ address, data }: StoredAccount): Change => decodeChange(address, bytesOf(data));

  test.each(changes.changes)('$name: what it does to market and account is the same as in Rust', (one) => {
    const found = answer(() => {
      const changed = engine.withChange(market, decode(one.change), one.now);
      const stage = (of: Market) => ({ digest: digest([of], []), health: numbers(of, account, changed.at) });
      const { at, rampedAt, before, after, ramped } = changed;
      return { at, rampedAt, before: stage(before), after: stage(after), ramped: stage(ramped) };
    });
    expect(found).toEqual(one.result);
  });

  it('is of its own market', () => {
    const change = { ...decode(changes.changes[0]!.change), market: key(9) };
    expect(() => engine.withChange(market, change, 1_700_000_000)).toThrow('the change belongs to another market');
  });

  it('is decoded from its own bytes alone', () => {
    const { address, data } = changes.changes[0]!.change;
    const bytes = bytesOf(data);
    expect(() => decodeChange(address, bytes.slice(1))).toThrow("the discriminator is another account's");
    expect(() => decodeChange(address, bytes.slice(0, 100))).toThrow('too few bytes');
    expect(() => decodeChange(address, new Uint8Array([...bytes, 0]))).toThrow('too many bytes');
    expect(() => decodeChange(address, new Uint8Array([...bytes.slice(0, 12), 255, 255, ...bytes.slice(14)]))).toThrow(
      'a count of 65535 exceeds',
    );
    const cut = { ...decode({ address, data }), bytes: bytes.slice(0, 100) };
    expect(() => engine.withChange(market, cut, 1_700_000_000)).toThrow('too few bytes');
  });
});
