// Whatever is no index, amount or time is refused, by everything that takes a number.
import type { Decoder, Encoder, ReadonlyUint8Array } from '@solana/kit';
import { describe, expect, it, test } from 'vitest';
import * as generated from '../src/generated/index.js';
import * as client from '../src/index.js';
import { bytesOf, fixture, key, signer, type StoredAccount } from './support.js';

type Wrong = readonly [value: unknown, error: typeof RangeError | typeof TypeError];

const NOT_NUMBERS: readonly Wrong[] = [undefined, null, '1', '', true, {}, [1], new Date(0), () => 1].map((value) => [
  value,
  TypeError,
]);
const NOT_WHOLE: readonly Wrong[] = [NaN, Infinity, -1, -0.5, 1.5, 2 ** 53, 2 ** 64].map((value) => [
  value,
  RangeError,
]);

/** What is none of a number of so many bits. */
const bits = (count: number): readonly Wrong[] => [
  ...NOT_NUMBERS,
  [1n, TypeError],
  ...NOT_WHOLE,
  [2 ** count, RangeError],
];
const absent = (...indices: number[]) => [...bits(8), ...indices.map((value): Wrong => [value, RangeError])];
/** What is no index of a reserve of the market of four that is asked about. */
const INDEX = absent(4, 255, 2 ** 32);
const AMOUNT: readonly Wrong[] = [
  ...[...NOT_NUMBERS, ...NOT_WHOLE, [1, TypeError] as const].map(([value]): Wrong => [value, TypeError]),
  ...[-1n, 2n ** 64n, 2n ** 64n + 5n].map((value): Wrong => [value, RangeError]),
];
const BIGINT = [...NOT_NUMBERS, ...NOT_WHOLE].map(([value]): Wrong => [value, TypeError]);
const TEXT: readonly Wrong[] = [
  ...[undefined, null, 1, NaN, 1n, true, {}, ['1']].map((value): Wrong => [value, TypeError]),
  ...['', '-1', '1e3', '0x1', ' 1', '1.0000000', '18446744073709.551616'].map((value): Wrong => [value, RangeError]),
];
const MILLISECONDS = [1_763_740_800_000, 1_763_740_800_000n, 2 ** 53 - 1, 2n ** 63n - 1n];
const TIME: readonly Wrong[] = [
  ...NOT_NUMBERS,
  ...NOT_WHOLE,
  ...[-1n, 2n ** 63n, 2n ** 64n, ...MILLISECONDS].map((value): Wrong => [value, RangeError]),
];

const {
  market: stored,
  account,
  now,
} = fixture<{ market: StoredAccount; account: StoredAccount; now: number }[]>('engine.json').at(-1)!;
const market = client.decodeMarket(stored.address, bytesOf(stored.data));
const margin = client.decodeMarginAccount(account.address, bytesOf(account.data));
/** One whose WebAssembly may not be called. */
const unreachable = (_: unknown, name: string | symbol) => () => expect.unreachable(`reached ${String(name)}`);
const engine = new client.Engine(new Proxy({}, { get: unreachable }) as never);

const owner = signer(2);
const marginAccount = key(3);
const payIn = { payer: owner, marginAccount, source: key(4), reserve: 0, amount: 1n };
const payOut = { owner, marginAccount, destination: key(5), reserve: 0, amount: 1n };
const order = { debt: 0, collateral: 1, maxRepay: 1n, minCollateral: 1n };
const liquidation = { ...order, liquidator: owner, marginAccount, source: key(4), destination: key(5) };
const assertion = { marginAccount, requirement: 0, minRatioBps: 1 };

const { vault: storedVault, market: storedWithPerp } = fixture<{ vault: StoredAccount; market: StoredAccount }>(
  'instructions.json',
);
/** Record 4 is a pool, and 5 a perp. */
const withPerp = client.decodeMarket(storedWithPerp.address, bytesOf(storedWithPerp.data));
const vault = client.decodeVault(storedVault.address, bytesOf(storedVault.data));
const state = { vault, markets: [market], now };
const exit = { owner, shareAccount: key(4), destination: key(5), from: 0 };

/** A call that takes one of its numbers, and what that must not be. */
type Case = readonly [argument: string, wrong: readonly Wrong[], call: (value: never) => unknown];

/** The cases of a call whose numbers are fields of what is otherwise good. */
function fields(kinds: Record<string, readonly Wrong[]>, call: (input: never) => unknown, good: object): Case[] {
  return Object.entries(kinds).map(([name, wrong]) => [
    name,
    wrong,
    (value: unknown) => call({ ...good, [name]: value } as never),
  ]);
}

/** A question about a vault at a time. */
function ofVault(ask: (state: client.VaultState) => unknown): Case[] {
  return fields({ now: TIME }, ask, state);
}

const PAY = { reserve: INDEX, amount: AMOUNT };
const ORDER = { debt: INDEX, collateral: INDEX, maxRepay: AMOUNT, minCollateral: AMOUNT };
// `id` has a default.
const ID = bits(16).filter(([value]) => value !== undefined);
const PERP = { perp: absent(0, 4, 6, 255) };
const POOL = { pool: absent(0, 5, 6, 255) };
/** What need not be given may be undefined. */
const optional = (wrong: readonly Wrong[]) => wrong.filter(([value]) => value !== undefined);
const LOTS: readonly Wrong[] = [...BIGINT, [2n ** 63n, RangeError], [-(2n ** 63n) - 1n, RangeError]];
const TRADE = { ...PERP, lots: LOTS, limit: optional(AMOUNT), minFactor: optional(bits(32)) };
/** Prices are published below 2^63, and above zero. */
const POSITIVE: readonly Wrong[] = [...BIGINT, [0n, RangeError], [-1n, RangeError], [2n ** 63n, RangeError]];
const EXPONENT: readonly Wrong[] = [...bits(8).filter(([value]) => value !== -1), [1, RangeError], [-19, RangeError]];
const PRICE = {
  reserve: INDEX,
  price: POSITIVE,
  exponent: EXPONENT,
  confidence: optional(POSITIVE.filter(([value]) => value !== 0n)),
  emaPrice: optional(POSITIVE),
};
const trade = { perp: 5, lots: 1n };
const ofPool = { owner, marginAccount: key(3), pool: 4 };
const opening = { address: key(8), owner: key(2) };
const deposit = { kind: 'deposit', reserve: 0, amount: 1n } as const;
const marginOfPerp = { ...margin, market: withPerp.address };
const change = { market: market.address } as client.Change;
const CASES: Record<string, Case[]> = {
  'Engine.health': [['now', TIME, (value) => engine.health(market, margin, value)]],
  'Engine.positions': [['now', TIME, (value) => engine.positions(market, margin, value)]],
  'Engine.maxBorrow': [
    ['reserve', INDEX, (value) => engine.maxBorrow(market, margin, value, now)],
    ['now', TIME, (value) => engine.maxBorrow(market, margin, 0, value)],
  ],
  'Engine.maxWithdraw': [
    ['reserve', INDEX, (value) => engine.maxWithdraw(market, margin, value, now)],
    ['now', TIME, (value) => engine.maxWithdraw(market, margin, 0, value)],
  ],
  'Engine.maxDeposit': [
    ['reserve', INDEX, (value) => engine.maxDeposit(market, margin, value, now)],
    ['now', TIME, (value) => engine.maxDeposit(market, margin, 0, value)],
  ],
  'Engine.maxTrade': [
    ...fields(TRADE, (input) => engine.maxTrade(withPerp, margin, input, now), trade),
    ['now', TIME, (value) => engine.maxTrade(withPerp, marginOfPerp, trade, value)],
  ],
  'Engine.scan': [['now', TIME, (value) => engine.scan(market, [margin.bytes], value)]],
  'Engine.perpReport': [
    ['perp', absent(0, 4, 6, 255), (value) => engine.perpReport(withPerp, value, now)],
    ['now', TIME, (value) => engine.perpReport(withPerp, 5, value)],
  ],
  'Engine.positionReport': [
    ['perp', absent(0, 4, 6, 255), (value) => engine.positionReport(withPerp, marginOfPerp, value, now)],
    ['now', TIME, (value) => engine.positionReport(withPerp, marginOfPerp, 5, value)],
  ],
  'Engine.opened': [
    ...fields({ id: ID, perp: optional(absent(0, 4, 6, 255)) }, (input) => engine.opened(withPerp, input), opening),
    ...fields({ collateral: INDEX, debt: INDEX }, (isolated) => engine.opened(market, { ...opening, isolated }), {
      collateral: 0,
      debt: 1,
    }),
  ],
  'Engine.play': [
    ...(['deposit', 'withdraw', 'borrow', 'repay'] as const).flatMap((kind) =>
      fields(PAY, (input) => engine.play(market, margin, input, now), { kind, reserve: 0, amount: 1n }),
    ),
    ...fields(TRADE, (input) => engine.play(withPerp, marginOfPerp, input, now), { kind: 'trade', ...trade }),
    ...fields(PERP, (input) => engine.play(withPerp, marginOfPerp, input, now), { kind: 'settlePerp' }),
    ...fields({ ...POOL, amount: AMOUNT }, (input) => engine.play(withPerp, marginOfPerp, input, now), {
      kind: 'poolDeposit',
      pool: 4,
      amount: 1n,
    }),
    ...fields({ ...POOL, shares: AMOUNT }, (input) => engine.play(withPerp, marginOfPerp, input, now), {
      kind: 'poolRequest',
      pool: 4,
      shares: 1n,
    }),
    ...fields(POOL, (input) => engine.play(withPerp, marginOfPerp, input, now), { kind: 'poolWithdraw' }),
    ['now', TIME, (value) => engine.play(market, margin, deposit, value)],
  ],
  'Engine.playAll': [['now', TIME, (value) => engine.playAll(market, margin, [deposit], value)]],
  'Engine.withPrices': [
    ...fields(PRICE, (input) => engine.withPrices(market, [input], now), { reserve: 0, price: 1n, exponent: -8 }),
    ['now', TIME, (value) => engine.withPrices(market, [], value)],
  ],
  'Engine.withChange': [['now', TIME, (value) => engine.withChange(market, change, value)]],
  'Engine.liquidationPrice': [
    ['reserve', INDEX, (value) => engine.liquidationPrice(market, margin, value, now)],
    ['now', TIME, (value) => engine.liquidationPrice(market, margin, 0, value)],
  ],
  'Engine.previewLiquidation': [
    ...fields(ORDER, (input) => engine.previewLiquidation(market, margin, input, now), order),
    ['now', TIME, (value) => engine.previewLiquidation(market, margin, order, value)],
  ],
  'Engine.poolReport': [
    ['pool', absent(0, 5, 6, 255), (value) => engine.poolReport(withPerp, value, now)],
    ['now', TIME, (value) => engine.poolReport(withPerp, 4, value)],
  ],
  'Engine.poolPrices': [
    ['pool', absent(0, 5, 6, 255), (value) => engine.poolPrices(withPerp, value, now)],
    ['now', TIME, (value) => engine.poolPrices(withPerp, 4, value)],
  ],
  'Engine.vaultReport': ofVault((at) => engine.vaultReport(at)),
  'Engine.sharePrice': ofVault((at) => engine.sharePrice(at)),
  'Engine.previewVaultDeposit': [
    ...ofVault((at) => engine.previewVaultDeposit(at, 1n)),
    ['amount', AMOUNT, (value) => engine.previewVaultDeposit(state, value)],
  ],
  'Engine.previewVaultRedeem': [
    ...ofVault((at) => engine.previewVaultRedeem(at, 1n, 0)),
    ['shares', AMOUNT, (value) => engine.previewVaultRedeem(state, value, 0)],
    ['from', bits(8), (value) => engine.previewVaultRedeem(state, 1n, value)],
  ],
  'Engine.previewVaultWithdraw': [
    ...ofVault((at) => engine.previewVaultWithdraw(at, 1n, 0)),
    ['amount', AMOUNT, (value) => engine.previewVaultWithdraw(state, value, 0)],
    ['from', bits(8), (value) => engine.previewVaultWithdraw(state, 1n, value)],
  ],
  'Engine.maxVaultDeposit': ofVault((at) => engine.maxVaultDeposit(at)),
  'Engine.maxVaultRedeem': [
    ...ofVault((at) => engine.maxVaultRedeem(at, 1n, 0)),
    ['held', AMOUNT, (value) => engine.maxVaultRedeem(state, value, 0)],
    ['from', bits(8), (value) => engine.maxVaultRedeem(state, 1n, value)],
  ],
  'Engine.maxVaultWithdraw': [
    ...ofVault((at) => engine.maxVaultWithdraw(at, 1n, 0)),
    ['held', AMOUNT, (value) => engine.maxVaultWithdraw(state, value, 0)],
    ['from', bits(8), (value) => engine.maxVaultWithdraw(state, 1n, value)],
  ],
  'Engine.nextMove': ofVault((at) => engine.nextMove(at)),
  'Engine.rates': [['reserve', INDEX, (value) => engine.rates(market, value)]],
  reserveAt: [['index', INDEX, (value) => client.reserveAt(market, value)]],
  perpAt: [['index', absent(0, 4, 6, 255), (value) => client.perpAt(withPerp, value)]],
  poolAt: [['index', absent(0, 5, 6, 255), (value) => client.poolAt(withPerp, value)]],
  formatAtoms: [
    ['value', BIGINT, (value) => client.formatAtoms(value, 6)],
    ['decimals', bits(8), (value) => client.formatAtoms(1n, value)],
  ],
  parseAtoms: [
    ['text', TEXT, (value) => client.parseAtoms(value, 6)],
    ['decimals', bits(8), (value) => client.parseAtoms('1', value)],
  ],
  formatUsd: [['value', BIGINT, (value) => client.formatUsd(value)]],
  formatPrice: fields(
    { price: BIGINT, exponent: [...bits(9), [-256, RangeError]].filter(([value]) => value !== -1) as Wrong[] },
    client.formatPrice as never,
    { price: 1n, exponent: -8 },
  ),
  annualYield: [
    ['rate', [...NOT_NUMBERS, ...[NaN, Infinity, -0.1].map((value): Wrong => [value, RangeError])], client.annualYield],
  ],
  errorName: [['code', bits(32), client.errorName]],
  describeError: [['code', bits(32), client.describeError]],
  openAccount: fields({ id: ID }, (input) => client.openAccount(market, input), { owner }),
  openIsolatedAccount: fields(
    { id: bits(16), collateral: INDEX, debt: INDEX },
    (input) => client.openIsolatedAccount(market, input),
    { owner, id: 0, collateral: 0, debt: 1 },
  ),
  openPerpAccount: fields(
    { id: bits(16), perp: absent(0, 4, 6, 255) },
    (input) => client.openPerpAccount(withPerp, input),
    { owner, id: 0, perp: 5 },
  ),
  deposit: fields(PAY, (input) => client.deposit(market, input), payIn),
  repay: fields(PAY, (input) => client.repay(market, input), payIn),
  withdraw: fields(PAY, (input) => client.withdraw(market, input), payOut),
  borrow: fields(PAY, (input) => client.borrow(market, input), payOut),
  refreshPrices: [['reserve', INDEX, (value) => client.refreshPrices(market, [[value, key(30)]])]],
  refreshPinnedPrices: [
    ['reserve', INDEX, (value) => client.refreshPinnedPrices(market, { feePayer: key(1), reserves: [value] })],
  ],
  liquidate: fields(ORDER, (input) => client.liquidate(market, input), liquidation),
  assertHealth: fields(
    { requirement: [...bits(8), [3, RangeError]], minRatioBps: bits(32) },
    (input) => client.assertHealth(market, input),
    assertion,
  ),
  vaultDeposit: fields({ amount: AMOUNT, minShares: AMOUNT }, (input) => client.vaultDeposit(vault, input), {
    payer: owner,
    source: key(4),
    shareAccount: key(5),
    amount: 1n,
    minShares: 0n,
  }),
  vaultRedeem: fields(
    { shares: AMOUNT, minAmount: AMOUNT, from: bits(8) },
    (input) => client.vaultRedeem(vault, [market], input),
    { ...exit, shares: 1n, minAmount: 0n },
  ),
  vaultWithdraw: fields(
    { amount: AMOUNT, maxShares: AMOUNT, from: bits(8) },
    (input) => client.vaultWithdraw(vault, [market], input),
    { ...exit, amount: 1n, maxShares: 1n },
  ),
  requestExit: fields({ shares: AMOUNT, minAmount: AMOUNT }, (input) => client.requestExit(vault, input), {
    owner,
    shareAccount: key(4),
    shares: 1n,
    minAmount: 0n,
  }),
  lockTerm: fields({ id: bits(16), shares: AMOUNT, maturity: TIME }, (input) => client.lockTerm(vault, input), {
    owner,
    shareAccount: key(4),
    id: 0,
    shares: 1n,
    maturity: 1_800_000_000n,
  }),
  endTerm: fields({ id: bits(16) }, (input) => client.endTerm(vault, input), {
    owner,
    shareAccount: key(4),
    id: 0,
    early: false,
  }),
  tradePerp: fields(TRADE, (input) => client.tradePerp(withPerp, input), { owner, marginAccount: key(3), ...trade }),
  settlePerp: fields(PERP, (input) => client.settlePerp(withPerp, input), { marginAccount: key(3) }),
  poolDeposit: fields({ ...POOL, amount: AMOUNT }, (input) => client.poolDeposit(withPerp, input), ofPool),
  poolRequest: fields({ ...POOL, shares: AMOUNT }, (input) => client.poolRequest(withPerp, input), ofPool),
  poolWithdraw: fields(POOL, (input) => client.poolWithdraw(withPerp, input), ofPool),
  openStake: fields({ reserve: INDEX }, (input) => client.openStake(market, input), { owner }),
  stakeTokens: fields({ reserve: INDEX, amount: AMOUNT }, (input) => client.stakeTokens(market, input), {
    payer: owner,
    stake: key(3),
    source: key(4),
    reserve: 0,
    amount: 1n,
  }),
  beginUnstake: fields({ shares: AMOUNT }, (input) => client.beginUnstake(market, input), { owner, stake: key(3) }),
  unstake: fields({ reserve: INDEX }, (input) => client.unstake(market, input), {
    owner,
    stake: key(3),
    destination: key(4),
  }),
  findMarketPda: fields({ id: bits(16) }, client.findMarketPda as never, { creator: key(1) }),
  findMarginAccountPda: fields({ id: bits(16) }, client.findMarginAccountPda as never, {
    market: key(1),
    owner: key(2),
  }),
  findStakePda: fields({ reserve: bits(8) }, client.findStakePda as never, { market: key(1), owner: key(2) }),
  findChangePda: fields(
    { number: [...NOT_NUMBERS, ...NOT_WHOLE, [-1n, RangeError], [2n ** 64n, RangeError]] },
    client.findChangePda as never,
    { market: key(1) },
  ),
  findVaultPda: fields({ id: bits(16) }, client.findVaultPda as never, { creator: key(1) }),
  findTermPda: fields({ id: bits(16) }, client.findTermPda as never, { vault: key(1), owner: key(2) }),
};

/** What is public and takes no number of a caller's. */
const WITHOUT_NUMBERS = [
  ...['closeAccount', 'decodeHealth', 'decodeMarginAccount', 'decodeMarket', 'fetchMarginAccount', 'fetchMarket'],
  ...['fetchTime', 'findReserve', 'findTokenAccount', 'findVaultAuthorityPda', 'findLiquidityVaultPda', 'loadEngine'],
  ...['engineBytes'],
  ...['findAuthorityPda', 'findTokensPda', 'findShareMintPda', 'findRequestPda'],
  ...['describeProgramError', 'findProgramError', 'readHealth'],
  ...[
    'claimExit',
    'decodePoolReport',
    'decodeVault',
    'decodeVaultReport',
    'fetchVault',
    'fetchVaultMarkets',
    'findShareAccount',
  ],
  ...['openSlots', 'payingSlots', 'perpPositions', 'pricedReserves', 'readVault'],
  ...['cancelExit', 'closeStake', 'poolStake'],
  ...['decodeChange', 'fetchChange', 'decodeExitRequest', 'decodeInsuranceStake', 'decodeTermDeposit'],
  ...['DecodeError', 'Engine', 'EngineError'],
];

test('every public function is listed here', () => {
  const functions = Object.entries(client).filter(([, value]) => typeof value === 'function');
  const methods = Object.getOwnPropertyNames(client.Engine.prototype).filter((name) => name !== 'constructor');
  const all = [...functions.map(([name]) => name), ...methods.map((name) => `Engine.${name}`)];
  expect(all.sort()).toEqual([...Object.keys(CASES), ...WITHOUT_NUMBERS].sort());
});

describe.each(Object.entries(CASES))('%s refuses', (_, cases) => {
  test.each(cases)('what is no %s', async (_, wrong, call) => {
    for (const [value, error] of wrong) {
      const outcome = async () => call(value as never);
      await expect(outcome(), `${typeof value} ${String(value)}`).rejects.toThrow(error);
    }
  });
});

it('says what was wrong', () => {
  const health = (time: unknown) => () => engine.health(market, margin, time as number);
  expect(health('1763740800')).toThrow('now must be a number or bigint, not "1763740800"');
  expect(health(1763740800.5)).toThrow('now must be a whole number from 0 to 9223372036854775807, not 1763740800.5');
  for (const time of MILLISECONDS) {
    const words = `now must be unix seconds, and ${time} looks like milliseconds: divide it by 1,000`;
    expect(health(time)).toThrow(words);
  }
  expect(() => client.deposit(market, { ...payIn, amount: 5 as never })).toThrow('amount must be a bigint, not 5');
  expect(() => client.reserveAt(market, 4)).toThrow(/^ReserveIndexOutOfRange \(\d+\)/);
});

it('takes the least and the most of each', () => {
  const { data } = client.borrow(market, { ...payOut, reserve: 3, amount: client.EVERYTHING });
  expect([...data.slice(1)]).toEqual([3, ...Array<number>(8).fill(255)]);
  expect(client.reserveAt(market, 0)).toBe(market.reserves[0]);
  expect(client.parseAtoms('18446744073709.551615', 6)).toBe(client.EVERYTHING);
  expect(client.formatPrice({ price: 15n, exponent: 2 })).toBe('1500');
  expect(client.formatAtoms(-(2n ** 128n), 0)).toBe(`-${2n ** 128n}`);
});

describe('what is generated', () => {
  type Fields = Record<string, unknown>;
  const functions = generated as unknown as Record<string, () => Encoder<Fields> & Decoder<Fields>>;
  const names = Object.keys(functions).flatMap((name) => /^get(\w+)Encoder$/.exec(name)?.[1] ?? []);
  /** No number of any size or sign. */
  const NEVER = [...NOT_NUMBERS, ...NOT_WHOLE].map(([value]) => value).filter((value) => value !== -1);
  const NUMBERS = [...NEVER, 1n, -1n, -1, -129, 128, 256, -(2 ** 15) - 1, 2 ** 16, -(2 ** 31) - 1, 2 ** 32];
  const BIGINTS = [...NEVER, -1n, 2n ** 63n, 2n ** 64n, 2n ** 64n + 5n, 2n ** 127n, 2n ** 128n, -(2n ** 127n) - 1n];

  /** The value with each of its numbers replaced in turn, by each of the others. */
  function* replaced<T>(value: T): Generator<[by: unknown, result: T]> {
    if (typeof value === 'number' || typeof value === 'bigint') {
      for (const other of typeof value === 'number' ? NUMBERS : BIGINTS) {
        yield [other, other as T];
      }
    } else if (Array.isArray(value)) {
      for (const [by, item] of replaced(value[0])) {
        yield [by, [item, ...value.slice(1)] as T];
      }
    } else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
      for (const [name, field] of Object.entries(value)) {
        for (const [by, item] of replaced(field)) {
          yield [by, { ...value, [name]: item }];
        }
      }
    }
  }

  it('is all looked at', () => {
    expect(names.length).toBeGreaterThan(80);
    expect(names).toContain('SetParametersInstructionData');
    expect(names).toContain('ReserveConfig');
  });

  test.each(names)('%s is encoded as given, or refused', (name) => {
    const [encoder, decoder] = [functions[`get${name}Encoder`]!(), functions[`get${name}Decoder`]!()];
    // Longer than any account of it that says of itself that it is empty.
    const zeros = decoder.decode(new Uint8Array(4096));
    for (const [by, value] of replaced(zeros)) {
      let bytes: ReadonlyUint8Array;
      try {
        bytes = encoder.encode(value);
      } catch (error) {
        expect(error, String(by)).toSatisfy((thrown) => thrown instanceof RangeError || thrown instanceof TypeError);
        continue;
      }
      expect(NEVER, String(by)).not.toContain(by);
      const { discriminator: _, ...read } = decoder.decode(bytes);
      expect({ ...read, discriminator: value.discriminator }).toEqual({ ...value, discriminator: value.discriminator });
    }
  });

  it('takes no milliseconds', () => {
    const input = { owner, market: key(1), marginAccount: key(2), delegate: key(3), rights: 1 };
    const until = (time: number | bigint) => generated.getSetDelegateInstruction({ ...input, until: time });
    for (const time of MILLISECONDS) {
      expect(() => until(time)).toThrow(RangeError);
      expect(() => until(time)).toThrow('looks like milliseconds');
    }
    const { delegate, ...read } = generated.parseSetDelegateInstruction(until(1_763_740_800)).data;
    expect([delegate, read.until]).toEqual([key(3), 1_763_740_800n]);
  });
});
