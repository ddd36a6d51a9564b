import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AccountMeta, AccountRole, type Address, createNoopSigner } from '@solana/kit';
import { describe, expect, it, test } from 'vitest';
import * as generated from '../src/generated/index.js';
import { bytesOf, fixture, instructions, key, plain, rust } from './support.js';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** As the fixtures write values: wide numbers in decimal, bytes in hexadecimal digits. */
function written(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return value.toString();
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString('hex');
  }
  if (Array.isArray(value)) {
    return value.map(written);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, written(field)]));
  }
  return value;
}

describe('an account decodes as in Rust, field by field', () => {
  const accounts = fixture<Record<string, { data: string; fields: object }>>('accounts.json');
  test.each([
    ['market', generated.getMarketDecoder()],
    ['marginAccount', generated.getMarginAccountDecoder()],
    ['stake', generated.getInsuranceStakeDecoder()],
    ['change', generated.getChangeDecoder()],
    ['vault', generated.getVaultDecoder()],
    ['exitRequest', generated.getExitRequestDecoder()],
    ['termDeposit', generated.getTermDepositDecoder()],
  ] as const)('%s', (name, decoder) => {
    const { data, fields } = accounts[name]!;
    const { discriminator, ...decoded } = decoder.decode(bytesOf(data));
    expect(discriminator).toEqual(bytesOf(data).slice(0, 8));
    expect(written(decoded)).toEqual(fields);
  });

  it('of every kind', () => {
    expect(Object.values(generated.BallastAccount).filter((kind) => typeof kind === 'number')).toHaveLength(
      Object.keys(accounts).length,
    );
  });
});

describe('an instruction is read and built again as in Rust', () => {
  const pascal = (name: string) => name[0]!.toUpperCase() + name.slice(1);
  const functions = generated as unknown as Record<string, ((input: unknown) => unknown) | undefined>;

  test.each(instructions.instructions.map(({ name }) => name))('%s', (name) => {
    const { names, ...expected } = rust(name);
    const programAddress = generated.BALLAST_PROGRAM_ADDRESS;
    const read = functions[`parse${pascal(name)}Instruction`]!({ programAddress, ...expected }) as {
      accounts: Record<string, AccountMeta>;
      data: object;
    };
    const named = names.filter((account) => account !== null);
    expect(Object.keys(read.accounts)).toEqual(named);
    expect(Object.values(read.accounts)).toEqual(expected.accounts.slice(0, named.length));
    const accounts = Object.entries(read.accounts).map(([account, { address, role }]) => [
      account,
      role >= AccountRole.READONLY_SIGNER ? createNoopSigner(address) : address,
    ]);
    // Behind the named ones: the prices of a refresh, or the markets of a vault and what those pay from, which callers append.
    const further = expected.accounts.slice(named.length);
    const prices = name === 'refreshPrices' ? further.map(({ address }) => address) : [];
    const built = functions[`get${pascal(name)}Instruction`]!({
      ...Object.fromEntries(accounts),
      ...read.data,
      ...(prices.length > 0 && { prices }),
    }) as Parameters<typeof plain>[0];
    const appended = prices.length > 0 ? built : { ...built, accounts: [...(built.accounts ?? []), ...further] };
    expect(plain(appended)).toEqual(expected);
  });

  it('every one of them', () => {
    const kinds = Object.values(generated.BallastInstruction).filter((kind) => typeof kind === 'number');
    expect(instructions.instructions).toHaveLength(kinds.length);
  });
});

test('addresses are derived as in Rust', async () => {
  const { addresses } = instructions;
  const { market, vault } = addresses;
  const found = {
    market: generated.findMarketPda({ creator: key(1), id: 7 }),
    vaultAuthority: generated.findVaultAuthorityPda({ market }),
    liquidityVault: generated.findLiquidityVaultPda({ market, mint: key(20) }),
    marginAccount: generated.findMarginAccountPda({ market, owner: key(2), id: 1 }),
    stake: generated.findStakePda({ market, owner: key(2), reserve: 1 }),
    change: generated.findChangePda({ market, number: 11 }),
    vault: generated.findVaultPda({ creator: key(1), id: 7 }),
    authority: generated.findAuthorityPda({ vault }),
    tokens: generated.findTokensPda({ vault }),
    shareMint: generated.findShareMintPda({ vault }),
    request: generated.findRequestPda({ vault, owner: key(2) }),
    term: generated.findTermPda({ vault, owner: key(2), id: 8 }),
  };
  for (const [name, address] of Object.entries(found)) {
    expect((await address)[0], name).toBe(addresses[name as keyof typeof addresses] satisfies Address);
  }
});

test('the committed code is what the IDL gives', async () => {
  // A module of plain JavaScript.
  const { generate } = (await import(new URL('../codama.mjs', import.meta.url).href)) as {
    generate(folder: string): Promise<void>;
  };
  const fresh = await mkdtemp(join(tmpdir(), 'ballast-client-'));
  try {
    await generate(fresh);
    const files = async (root: string) => {
      const names = await readdir(join(root, 'src/generated'), { recursive: true });
      const sources = names.filter((name) => name.endsWith('.ts')).sort();
      const read = sources.map(async (name) => [name, await readFile(join(root, 'src/generated', name), 'utf8')]);
      return Object.fromEntries((await Promise.all(read)) as [string, string][]) as Record<string, string>;
    };
    const [committed, made] = await Promise.all([files(folder), files(fresh)]);
    expect(Object.keys(committed)).toEqual(Object.keys(made));
    const stale = Object.keys(made).filter((name) => committed[name] !== made[name]);
    expect(stale, 'run npm run generate').toEqual([]);
  } finally {
    await rm(fresh, { recursive: true });
  }
});
