// What nobody should ask: foreign accounts, bytes of no account, numbers at their ends. Each gets an answer or an error in words, and the
// next question is answered as if nothing had been.
import { beforeAll, describe, expect, it, test } from 'vitest';
import {
  type Action,
  type Change,
  DecodeError,
  decodeChange,
  decodeMarginAccount,
  decodeMarket,
  type Engine,
  EngineError,
  EVERYTHING,
  loadEngine,
} from '../src/index.js';
import { bytesOf, fixture, key, type StoredAccount } from './support.js';

const { end, now } = fixture<{ end: { market: StoredAccount; accounts: string[] }; now: number }>('play.json');
const waiting = fixture<{ market: StoredAccount; changes: { change: StoredAccount }[] }>('changes.json');
const market = decodeMarket(end.market.address, bytesOf(end.market.data));
const accounts = end.accounts.map((data, user) => decodeMarginAccount(key(100 + user), bytesOf(data)));
const ofChange = decodeMarket(waiting.market.address, bytesOf(waiting.market.data));
const stored = waiting.changes[0]!.change;
const change = decodeChange(stored.address, bytesOf(stored.data));
const POOL = 4;
const PERP = 5;
const HUGE = 2n ** 64n - 2n;
/** The wallet's accounts: one that owes, one that holds a position in the perp. */
const debtor = accounts.find(({ positions }) => positions.some(({ side }) => side === 2))!;
let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

const ACTIONS: Action[] = [
  { kind: 'deposit', reserve: 0, amount: 1_000_000n },
  { kind: 'withdraw', reserve: 0, amount: EVERYTHING },
  { kind: 'borrow', reserve: 1, amount: 1_000_000_000n },
  { kind: 'repay', reserve: 1, amount: EVERYTHING },
  { kind: 'trade', perp: PERP, lots: -100_000n },
  { kind: 'settlePerp', perp: PERP },
  { kind: 'poolDeposit', pool: POOL, amount: 1_000_000n },
  { kind: 'poolRequest', pool: POOL, shares: 1n },
  { kind: 'poolWithdraw', pool: POOL },
];

describe('an action', () => {
  it('of an account of another market is refused, and so are its questions', () => {
    const foreign = { ...debtor, market: key(9) };
    for (const action of ACTIONS) {
      expect(() => engine.play(market, foreign, action, now)).toThrow('the margin account belongs to another market');
    }
    expect(() => engine.positionReport(market, foreign, PERP, now)).toThrow('belongs to another market');
    expect(() => engine.maxTrade(market, foreign, { perp: PERP, lots: 1n }, now)).toThrow('belongs to another market');
  });

  it('that the engine refuses has its error, and changes neither what was given nor the next answer', () => {
    const [before, bytes] = [engine.health(market, debtor, now), [market.bytes, debtor.bytes].map((one) => [...one])];
    const refused: [Action, RegExp][] = [
      [{ kind: 'deposit', reserve: 0, amount: 0n }, /^AmountIsZero/],
      [{ kind: 'borrow', reserve: 1, amount: HUGE }, /^\w+ \(\d+\): /],
      [{ kind: 'deposit', reserve: 0, amount: HUGE }, /^(AmountTooLarge|DepositCapExceeded)/],
      [{ kind: 'withdraw', reserve: 2, amount: HUGE }, /^\w+ \(\d+\): /],
      [{ kind: 'trade', perp: PERP, lots: 0n }, /^AmountIsZero/],
      [{ kind: 'trade', perp: PERP, lots: -(2n ** 63n) }, /^\w+ \(\d+\): /],
      [{ kind: 'trade', perp: PERP, lots: 2n ** 63n - 1n }, /^\w+ \(\d+\): /],
      [{ kind: 'poolDeposit', pool: POOL, amount: HUGE }, /^\w+ \(\d+\): /],
      [{ kind: 'poolRequest', pool: POOL, shares: HUGE }, /^\w+ \(\d+\): /],
    ];
    for (const [action, words] of refused) {
      const ask = () => engine.play(market, debtor, action, now);
      expect(ask).toThrow(words);
      expect(ask).toThrow(EngineError);
      expect(engine.health(market, debtor, now)).toEqual(before);
    }
    expect([market.bytes, debtor.bytes].map((one) => [...one])).toEqual(bytes);
  });

  it('of several is refused as a whole, by the first that is', () => {
    const all: Action[] = [ACTIONS[0]!, { kind: 'borrow', reserve: 1, amount: HUGE }, ACTIONS[0]!];
    const copy = [...debtor.bytes];
    expect(() => engine.playAll(market, debtor, all, now)).toThrow(EngineError);
    expect([...debtor.bytes]).toEqual(copy);
  });

  it('that there is not, or on a record of another kind, is named', () => {
    const sell = { kind: 'sell', reserve: 0, amount: 1n } as unknown as Action;
    expect(() => engine.play(market, debtor, sell, now)).toThrow('sell is no action');
    expect(() => engine.play(market, debtor, { kind: 'borrow', reserve: PERP, amount: 1n }, now)).toThrow(
      /^ReserveIndexOutOfRange/,
    );
    expect(() => engine.play(market, debtor, { kind: 'settlePerp', perp: POOL }, now)).toThrow(/^NotPerp/);
    expect(() => engine.play(market, debtor, { kind: 'poolWithdraw', pool: PERP }, now)).toThrow(/^NotPool/);
  });
});

describe('a scan', () => {
  it('names the account that is none of the market', () => {
    const [one, two] = accounts.map(({ bytes }) => Uint8Array.from(bytes));
    const scan = (third: Uint8Array) => () => engine.scan(market, [one!, two!, third], now);
    expect(scan(one!.slice(1))).toThrow('account 2: a margin account has 512 bytes, not 511');
    const changed = (at: number) => Uint8Array.from(one!, (byte, place) => (place === at ? byte ^ 64 : byte));
    expect(scan(changed(16))).toThrow('account 2: it belongs to another market');
    expect(scan(changed(0))).toThrow("account 2: the discriminator is another account's");
    expect(scan(changed(8))).toThrow('account 2: layout version');
    const many = [...Array<Uint8Array>(700).fill(one!), changed(0)];
    expect(() => engine.scan(market, many, now)).toThrow('account 700: the discriminator');
    expect(engine.scan(market, [one!], now)).toHaveLength(1);
  });

  it('of a market that leaves no room says so', () => {
    const large = { ...market, bytes: new Uint8Array(1 << 20) };
    expect(() => engine.scan(large, [accounts[0]!.bytes], now)).toThrow('larger than the largest that there are');
  });
});

describe('a supposed price', () => {
  const price = { reserve: 1, price: 10_000_000_000n, exponent: -8 };
  const ask = (other: object) => () => engine.withPrices(market, [{ ...price, ...other }], now);

  test.each([
    ['zero', { price: 0n }, RangeError],
    ['below zero', { price: -1n }, RangeError],
    ['of no feed', { price: 2n ** 63n }, RangeError],
    ['with an average of zero', { emaPrice: 0n }, RangeError],
    ['with another exponent than feeds have', { exponent: 1 }, RangeError],
    ['of a record that is no reserve', { reserve: PERP }, RangeError],
    ['above what the program accepts', { price: 2n ** 62n, exponent: 0 }, /^PriceOutOfRange/],
    ['below what the program accepts', { price: 1n, exponent: -18 }, /^PriceOutOfRange/],
    ['as uncertain as it is high', { confidence: 10_000_000_000n }, /^PriceConfidenceTooWide/],
    ['with the largest confidence', { confidence: 2n ** 63n - 1n }, /^PriceConfidenceTooWide/],
  ])('is refused that is %s', (_, other, error) => {
    expect(ask(other)).toThrow(error);
  });

  it('counts in any unit, and the last of several', () => {
    const spot = (given: object[]) => {
      const moved = engine.withPrices(
        market,
        given.map((other) => ({ ...price, ...other })),
        now,
      );
      return engine.health(moved, debtor, now).equity;
    };
    const confidence = { confidence: 0n };
    expect(spot([{ ...confidence, price: 100n, exponent: 0 }])).toEqual(spot([confidence]));
    expect(spot([{ price: 5n, exponent: 0 }, confidence])).toEqual(spot([confidence]));
  });

  it('can be asked of a market without prices', () => {
    expect(engine.withPrices(market, [], now).reserves).toHaveLength(market.reserves.length);
  });
});

describe('whatever bytes hold', () => {
  // Numerical Recipes' generator: the same on every run.
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const garbled = (bytes: Change['bytes'], from: number) => {
    const copy = Uint8Array.from(bytes);
    for (let place = 1 + random(40); place > 0; place -= 1) {
      copy[from + random(copy.length - from)] = [0, 255, random(256)][random(3)]!;
    }
    return copy;
  };

  it('there is an answer or an error in words, and the next question is answered as before', () => {
    const before = engine.health(market, debtor, now);
    let [answers, refusals] = [0, 0];
    for (let run = 0; run < 150; run += 1) {
      const account = accounts[random(accounts.length)]!;
      // Behind the head of the market and behind the owner of the account.
      const bytes = run % 3 === 0 ? market.bytes : garbled(market.bytes, 608);
      const odd = { ...market, bytes: bytes };
      const oddAccount = { ...account, bytes: run % 3 === 1 ? account.bytes : garbled(account.bytes, 80) };
      const oddChange = { ...change, market: ofChange.address, bytes: garbled(change.bytes, 9) };
      for (const question of [
        ...ACTIONS.map((action) => () => engine.play(odd, oddAccount, action, now)),
        () => engine.scan(odd, [oddAccount.bytes], now),
        () => engine.perpReport(odd, PERP, now),
        () => engine.positionReport(odd, oddAccount, PERP, now),
        () => engine.maxDeposit(odd, oddAccount, 1, now),
        () => engine.withPrices(odd, [{ reserve: 1, price: 1_000_000n, exponent: -8 }], now),
        () => engine.withChange(ofChange, oddChange, now),
      ]) {
        try {
          question();
          answers += 1;
        } catch (error) {
          // A record of another kind is a RangeError, as ever.
          const known = [EngineError, DecodeError, RangeError].some((kind) => error instanceof kind);
          expect(known, String(error)).toBe(true);
          expect((error as Error).message).not.toBe('');
          refusals += 1;
        }
      }
      expect(engine.health(market, debtor, now)).toEqual(before);
    }
    expect(answers).toBeGreaterThan(300);
    expect(refusals).toBeGreaterThan(300);
  });

  it('an account of the wrong length is no account', () => {
    for (const length of [0, 8, 511, 513]) {
      const bytes = new Uint8Array(length);
      bytes.set(debtor.bytes.slice(0, Math.min(length, 512)));
      const cut = { ...debtor, bytes };
      expect(() => engine.play(market, cut, ACTIONS[0]!, now)).toThrow(/too (few|many) bytes/);
    }
  });
});
