import { beforeAll, describe, expect, it, test } from 'vitest';
import * as client from '../src/index.js';
import { BALLAST_ERROR__WRONG_SLOT } from '../src/generated/index.js';
import { answer, bytesOf, fixture, instructions, key, type OrError, plain, rpcWith, rust, signer } from './support.js';
import type { StoredAccount } from './support.js';

type Numbers<T> = { [Key in keyof T]: T[Key] extends bigint ? string : T[Key] };

interface Situation {
  name: string;
  now: number;
  vault: StoredAccount;
  markets: StoredAccount[];
  payingSlots: number;
  report: Numbers<client.VaultReport>;
  returned: string;
  sharePrice: OrError<Numbers<client.SharePrice>>;
  maxDeposit: string;
  amounts: {
    amount: string;
    deposit: OrError<Numbers<client.VaultEntry>>;
    exits: {
      from: number;
      redeem: OrError<Numbers<client.VaultExit>>;
      withdraw: OrError<Numbers<client.VaultExit>>;
      maxRedeem: string;
      maxWithdraw: string;
    }[];
  }[];
  nextMove: OrError<Omit<Numbers<client.VaultMove>, 'from' | 'to'> & { from: number | null; to: number | null }>;
}

const situations = fixture<Situation[]>('vaults.json');
let engine: client.Engine;
beforeAll(async () => {
  engine = await client.loadEngine();
});

function read({ vault, markets, now }: Situation) {
  return {
    vault: client.decodeVault(vault.address, bytesOf(vault.data)),
    markets: markets.map(({ address, data }) => client.decodeMarket(address, bytesOf(data))),
    now,
  };
}

describe.each(situations.map((situation) => [situation.name, situation] as const))('%s: as in Rust', (_, situation) => {
  const state = read(situation);

  test('figures, also as the program returns them', () => {
    expect(answer(() => engine.vaultReport(state))).toEqual(situation.report);
    const returned = bytesOf(situation.returned);
    expect(answer(() => client.decodeVaultReport(returned))).toEqual(situation.report);
    const cut = returned.slice(
      0,
      returned.reduce((end, byte, at) => (byte === 0 ? end : at + 1), 0),
    );
    expect(answer(() => client.decodeVaultReport(cut))).toEqual(situation.report);
  });

  test('the price of a share', () => {
    expect(answer(() => engine.sharePrice(state))).toEqual(situation.sharePrice);
  });

  test('what goes in and comes out, and the most of it', () => {
    expect(`${engine.maxVaultDeposit(state)}`).toBe(situation.maxDeposit);
    expect(client.payingSlots(state.vault, state.markets)).toBe(situation.payingSlots);
    for (const { amount, deposit, exits } of situation.amounts) {
      const atoms = BigInt(amount);
      expect(answer(() => engine.previewVaultDeposit(state, atoms))).toEqual(deposit);
      for (const { from, redeem, withdraw, maxRedeem, maxWithdraw } of exits) {
        expect(answer(() => engine.previewVaultRedeem(state, atoms, from))).toEqual(redeem);
        expect(answer(() => engine.previewVaultWithdraw(state, atoms, from))).toEqual(withdraw);
        expect(`${engine.maxVaultRedeem(state, atoms, from)}`).toBe(maxRedeem);
        expect(`${engine.maxVaultWithdraw(state, atoms, from)}`).toBe(maxWithdraw);
      }
    }
  });

  test('the next move', () => {
    const move = () => engine.nextMove(state);
    const written = ({ from = null, to = null, ...rest }: { from?: unknown; to?: unknown }) => ({ ...rest, from, to });
    expect(answer(move, written as (move: client.VaultMove) => unknown)).toEqual(situation.nextMove);
  });
});

describe('the situations', () => {
  const of = (name: string) => situations.find((situation) => situation.name === name)!;

  it('differ in what matters', () => {
    const moves = situations.map(({ nextMove }) =>
      'error' in nextMove ? 'none' : `${nextMove.from} to ${nextMove.to}`,
    );
    expect(new Set(moves).size).toBeGreaterThan(3);
    const lent = of('lent, with terms on both sides').report;
    expect(BigInt(lent.assetMaturity)).toBeGreaterThan(BigInt(lent.liabilityMaturity));
    expect(lent.capitalEfficiencyBps).toBeGreaterThan(3_000);
    const queued = of('most of it waits in the queue');
    expect(queued.report.coverageBps).toBeLessThan(11_000);
    const fees = queued.amounts.flatMap(({ exits }) => exits).map(({ redeem }) => ('fee' in redeem ? redeem.fee : '0'));
    expect(fees.some((fee) => fee !== '0')).toBe(true);
    const lost = of('a loss reported').report;
    expect(BigInt(lost.exit)).toBeLessThan(BigInt(lost.entry));
    expect(of('a market cannot be read').report.unreadable).toBe(2);
    expect(of('not launched').maxDeposit).toBe('0');
  });
});

describe('the engine on vaults', () => {
  const situation = situations.find(({ name }) => name === 'lent, with terms on both sides')!;
  const { vault, markets, now } = read(situation);

  it('refuses a market of another vault', () => {
    const foreign = { ...markets[0]!, address: key(99) };
    const question = () => engine.vaultReport({ vault, markets: [foreign, markets[1]!], now });
    expect(question).toThrow("a market is of none of the vault's open allocations");
    expect(question).toThrow(client.EngineError);
  });

  it('says what is wrong with bytes', () => {
    const ask =
      (change: Partial<client.Vault>, given = markets) =>
      () =>
        engine.vaultReport({ vault: { ...vault, ...change }, markets: given, now });
    expect(ask({ bytes: vault.bytes.slice(0, 3_000) })).toThrow('too few bytes');
    expect(ask({ bytes: new Uint8Array(0) })).toThrow('too few bytes');
    expect(ask({ bytes: markets[0]!.bytes })).toThrow('too many bytes');
    expect(ask({}, [{ ...markets[0]!, bytes: markets[0]!.bytes.slice(0, 700) }])).toThrow('too few bytes');
    expect(ask({}, [{ ...markets[0]!, bytes: vault.bytes }])).toThrow("the discriminator is another account's");
    expect(ask({}, [{ ...markets[0]!, bytes: new Uint8Array(1 << 20) }])).toThrow('larger than the largest');
  });

  it('takes eight markets of 64 reserves', () => {
    const [market] = markets;
    const { bytes } = market!;
    // The count of reserves is followed by the reserves, each of 1,024 bytes.
    const large = new Uint8Array(608 + 64 * 1_024);
    large.set(bytes.slice(0, 608));
    large.set([64], 600);
    for (let index = 0; index < 64; index += 1) large.set(bytes.slice(608, 608 + 1_024), 608 + 1_024 * index);
    const eight = Array<client.Market>(8).fill({ ...market!, bytes: large });
    expect(engine.vaultReport({ vault, markets: [...eight.slice(1), markets[0]!], now }).unreadable).toBe(2);
    expect(engine.vaultReport({ vault, markets: eight, now }).unreadable).toBe(2);
  });

  it('refuses a policy that no vault has, and parameters that are none', () => {
    const bytes = Uint8Array.from(vault.bytes);
    const at = 8 + 248;
    bytes.set(new Uint8Array(560).fill(255), at);
    expect(() => engine.vaultReport({ vault: { ...vault, bytes }, markets, now })).toThrow(client.EngineError);
    const state = { vault, markets, now };
    expect(() => engine.previewVaultRedeem(state, 1n, 256)).toThrow(RangeError);
    expect(() => engine.previewVaultWithdraw(state, 1n << 64n, 1)).toThrow(RangeError);
    expect(() => engine.previewVaultDeposit(state, 1 as unknown as bigint)).toThrow(TypeError);
    expect(() => engine.maxVaultRedeem(state, -1n, 1)).toThrow(RangeError);
    expect(() => engine.nextMove({ ...state, now: 1_700_000_000_000 })).toThrow('milliseconds');
  });

  it('answers or says why not, whatever the accounts hold', () => {
    // Numerical Recipes' generator: the same on every run.
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const garbled = (bytes: client.Vault['bytes'], places: number) => {
      const copy = Uint8Array.from(bytes);
      for (let place = 0; place < places; place += 1) copy[9 + random(copy.length - 9)] = random(256);
      return copy;
    };
    let answers = 0;
    for (let run = 0; run < 100; run += 1) {
      const places = 1 + random(64);
      const state = {
        vault: { ...vault, bytes: run % 2 === 0 ? garbled(vault.bytes, places) : vault.bytes },
        markets: markets.map((market) => ({ ...market, bytes: garbled(market.bytes, places) })),
        now,
      };
      for (const question of [
        () => engine.vaultReport(state),
        () => engine.sharePrice(state),
        () => engine.previewVaultDeposit(state, 1_000_000n),
        () => engine.previewVaultRedeem(state, 1_000_000n, 3),
        () => engine.maxVaultWithdraw(state, 1n << 63n, 3),
        () => engine.nextMove(state),
      ]) {
        try {
          question();
          answers += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(client.EngineError);
        }
      }
    }
    expect(answers).toBeGreaterThan(100);
    // And the next one as if nothing had been.
    expect(answer(() => engine.vaultReport({ vault, markets, now }))).toEqual(situation.report);
  });
});

describe("a vault's instruction is the Rust client's", () => {
  const { market: ofMarket, vault: stored, addresses } = instructions;
  const market = client.decodeMarket(ofMarket.address, bytesOf(ofMarket.data));
  const vault = client.decodeVault(stored.address, bytesOf(stored.data));
  const [owner, payer] = [signer(2), signer(3)];
  const from = client.payingSlots(vault, [market]);

  test.each([
    [
      'vaultDeposit',
      () => client.vaultDeposit(vault, { payer, source: key(4), shareAccount: key(5), amount: 16n, minShares: 17n }),
    ],
    [
      'vaultRedeem',
      () =>
        client.vaultRedeem(vault, [market], {
          owner,
          shareAccount: key(4),
          destination: key(5),
          shares: 20n,
          minAmount: 21n,
          from,
        }),
    ],
    [
      'vaultWithdraw',
      () =>
        client.vaultWithdraw(vault, [market], {
          owner,
          shareAccount: key(4),
          destination: key(5),
          amount: 22n,
          maxShares: 23n,
          from,
        }),
    ],
    [
      'requestExit',
      () => client.requestExit(vault, { owner, payer, shareAccount: key(4), shares: 24n, minAmount: 25n }),
    ],
    ['claimExit', () => client.claimExit(vault, { owner, destination: key(4), recipient: key(5) })],
    ['cancelExit', () => client.cancelExit(vault, { owner, shareAccount: key(4), recipient: key(5) })],
    [
      'lockTerm',
      () =>
        client.lockTerm(vault, { owner, payer, shareAccount: key(4), id: 8, shares: 26n, maturity: 1_800_000_000n }),
    ],
    ['endTerm', () => client.endTerm(vault, { owner, shareAccount: key(4), id: 8, early: true, recipient: key(5) })],
    ['readVault', () => client.readVault(vault)],
  ])('%s', async (name, build) => {
    const { accounts, data } = rust(name);
    expect(plain(await build())).toEqual({ accounts, data });
  });

  it('names the markets, and how they pay only where they do', () => {
    expect(from).toBe(0b100);
    const redemption = { owner, shareAccount: key(4), destination: key(5), shares: 1n, minAmount: 0n };
    const ofIdle = client.vaultRedeem(vault, [], { ...redemption, from: 0 });
    expect(ofIdle.accounts).toHaveLength(11);
    expect(client.vaultRedeem(vault, [market], { ...redemption, from }).accounts).toHaveLength(13);
  });

  it('has owner and rent where none other is named', async () => {
    const own = { owner, payer: owner, shareAccount: key(4), shares: 1n, minAmount: 0n };
    const { payer: _, ...without } = own;
    expect(plain(await client.requestExit(vault, without))).toEqual(plain(await client.requestExit(vault, own)));
    const claimed = plain(await client.claimExit(vault, { owner, destination: key(4) }));
    expect(claimed.accounts.at(-1)!.address).toBe(owner.address);
    const cancelled = plain(await client.cancelExit(vault, { owner, shareAccount: key(4) }));
    expect(cancelled.accounts.at(-1)!.address).toBe(owner.address);
    const ended = plain(await client.endTerm(vault, { owner, shareAccount: key(4), id: 8, early: false }));
    expect(ended.accounts.at(-2)!.address).toBe(owner.address);
    const term = { owner, shareAccount: key(4), id: 8, shares: 26n, maturity: 1_800_000_000n };
    const locked = plain(await client.lockTerm(vault, term));
    expect(locked).toEqual(plain(await client.lockTerm(vault, { ...term, payer: owner })));
  });

  it('is not built for a slot that cannot pay, or for what is no amount', async () => {
    const exit = { owner, shareAccount: key(4), destination: key(5), from };
    const redeem = (change: object, given = [market]) =>
      client.vaultRedeem(vault, given, { ...exit, shares: 1n, minAmount: 0n, ...change });
    expect(() => redeem({}, [])).toThrow('cannot pay: 2');
    expect(() => redeem({ from: 0b101 })).toThrow('cannot pay: 0');
    expect(() => redeem({ from: 256 })).toThrow(RangeError);
    expect(() => redeem({ shares: 1n << 64n })).toThrow(RangeError);
    expect(() => redeem({ minAmount: 1 })).toThrow(TypeError);
    const withdraw = (change: object) =>
      client.vaultWithdraw(vault, [market], { ...exit, amount: 1n, maxShares: 1n, ...change });
    expect(() => withdraw({ amount: -1n })).toThrow(RangeError);
    expect(() => withdraw({ maxShares: undefined })).toThrow(TypeError);
    const payIn = { payer, source: key(4), shareAccount: key(5), amount: 1n, minShares: 0n };
    expect(() => client.vaultDeposit(vault, { ...payIn, amount: 1n << 64n })).toThrow(RangeError);
    expect(() => client.vaultDeposit(vault, { ...payIn, minShares: 1.5 as unknown as bigint })).toThrow(TypeError);
    const order = { owner, shareAccount: key(4), shares: '1' as unknown as bigint, minAmount: 0n };
    await expect(client.requestExit(vault, order)).rejects.toThrow(TypeError);
  });

  it('is for the accounts of their addresses', async () => {
    expect(await client.findVaultPda({ creator: key(1), id: 7 })).toContain(addresses.vault);
    expect(vault.shareMint).toBe(addresses.shareMint);
    const shares = await client.findShareAccount(owner.address, vault);
    expect(shares).toBe(
      await client.findTokenAccount(owner.address, { tokenProgram: client.TOKEN_PROGRAM, mint: vault.shareMint }),
    );
  });
});

describe('a vault', () => {
  const stored = situations.find(({ name }) => name === 'all idle')!;
  const { vault, markets } = read(stored);

  it('is read with its markets', async () => {
    const rpc = rpcWith([stored.vault, ...stored.markets]);
    expect(await client.fetchVault(rpc, stored.vault.address)).toEqual(vault);
    expect(client.openSlots(vault)).toEqual([0, 1]);
    expect(await client.fetchVaultMarkets(rpc, vault)).toEqual(markets);
  });

  it('is read without those that are no markets any more', async () => {
    const [first, second] = stored.markets;
    expect(await client.fetchVaultMarkets(rpcWith([second!]), vault)).toEqual([markets[1]]);
    const other = { address: first!.address, data: stored.vault.data };
    expect(await client.fetchVaultMarkets(rpcWith([other, second!]), vault)).toEqual([markets[1]]);
    expect(await client.fetchVaultMarkets(rpcWith(stored.markets, key(3)), vault)).toEqual([]);
    expect(client.payingSlots(vault, [markets[1]!])).toBe(0b10);
  });

  it('is not what other bytes are', () => {
    const { address } = vault;
    expect(() => client.decodeVault(address, vault.bytes.slice(0, -1))).toThrow('too few bytes');
    expect(() => client.decodeVault(address, new Uint8Array([...vault.bytes, 0]))).toThrow('too many bytes');
    expect(() => client.decodeVault(address, markets[0]!.bytes)).toThrow(client.DecodeError);
    expect(() => client.decodeVaultReport(new Uint8Array(121))).toThrow(RangeError);
  });

  it('has errors in words', () => {
    expect(client.describeError(BALLAST_ERROR__WRONG_SLOT)).toMatch(/^WrongSlot/);
  });
});
