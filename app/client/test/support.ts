import { readFileSync } from 'node:fs';
import {
  AccountRole,
  type Address,
  createNoopSigner,
  type GetAccountInfoApi,
  getAddressDecoder,
  getBase64Encoder,
  type Instruction,
  type Rpc,
} from '@solana/kit';
import { BALLAST_PROGRAM_ADDRESS, EngineError } from '../src/index.js';

/** What `crates/client/tests/suite/typescript.rs` wrote: the Rust client's own. */
export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')) as T;
}

export function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(getBase64Encoder().encode(base64));
}

export interface StoredAccount {
  readonly address: Address;
  readonly data: string;
}

export interface RustInstruction {
  readonly name: string;
  readonly accounts: readonly { name: string | null; address: Address; signer: boolean; writable: boolean }[];
  readonly data: string;
}

export const instructions = fixture<{
  market: StoredAccount;
  vault: StoredAccount;
  instructions: RustInstruction[];
  addresses: Record<
    | 'market'
    | 'vaultAuthority'
    | 'liquidityVault'
    | 'marginAccount'
    | 'stake'
    | 'change'
    | 'tokenAccount'
    | 'vault'
    | 'authority'
    | 'tokens'
    | 'shareMint'
    | 'request'
    | 'term',
    Address
  >;
}>('instructions.json');

const ROLES = [AccountRole.READONLY, AccountRole.WRITABLE, AccountRole.READONLY_SIGNER, AccountRole.WRITABLE_SIGNER];

/** The Rust client's instruction of a name, as an instruction of Kit without its program. */
export function rust(name: string) {
  const found = instructions.instructions.find((one) => one.name === name);
  if (found === undefined) {
    throw new Error(`no instruction ${name}`);
  }
  return {
    names: found.accounts.map((account) => account.name),
    accounts: found.accounts.map(({ address, signer, writable }) => ({
      address,
      role: ROLES[(signer ? 2 : 0) + (writable ? 1 : 0)]!,
    })),
    data: bytesOf(found.data),
  };
}

/** Accounts and data of an instruction, without signers. */
export function plain({ accounts = [], data }: Pick<Instruction, 'accounts' | 'data'>) {
  return {
    accounts: accounts.map(({ address, role }) => ({ address, role })),
    data: new Uint8Array(data ?? []),
  };
}

/** The address of 32 equal bytes, as the fixtures use. */
export function key(byte: number): Address {
  return getAddressDecoder().decode(new Uint8Array(32).fill(byte));
}

export function signer(byte: number) {
  return createNoopSigner(key(byte));
}

/** An RPC that knows these accounts. */
export function rpcWith(accounts: readonly StoredAccount[], owner: Address = BALLAST_PROGRAM_ADDRESS) {
  const getAccountInfo = (address: Address) => {
    const found = accounts.find((account) => account.address === address);
    const space = BigInt(found === undefined ? 0 : bytesOf(found.data).length);
    const value = found && { data: [found.data, 'base64'], executable: false, lamports: 1n, owner, space };
    return { send: () => Promise.resolve({ value: value ?? null }) };
  };
  return { getAccountInfo } as unknown as Rpc<GetAccountInfoApi>;
}

/** An answer as the fixtures have it, or the code of an error. */
export type OrError<T> = T | { error: number };

/** As the fixtures write answers: wide numbers in decimal, and the code of an error. */
export function answer<T>(question: () => T, write: (answer: T) => unknown = (value) => value): unknown {
  try {
    const text = JSON.stringify(write(question()) ?? null, (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof EngineError)) {
      throw error;
    }
    return { error: error.code };
  }
}
