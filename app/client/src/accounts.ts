import {
  assertAccountExists,
  type Address,
  type FixedSizeDecoder,
  fetchEncodedAccount,
  getAddressEncoder,
  getI64Decoder,
  getProgramDerivedAddress,
  type ReadonlyUint8Array,
} from '@solana/kit';
import {
  CHANGE_DISCRIMINATOR,
  type Change as ChangeData,
  EXIT_REQUEST_DISCRIMINATOR,
  type ExitRequest as ExitRequestData,
  getChangeDecoder,
  getExitRequestDecoder,
  getInsuranceStakeDecoder,
  getMarginAccountDecoder,
  getMarketDecoder,
  getTermDepositDecoder,
  INSURANCE_STAKE_DISCRIMINATOR,
  type InsuranceStake as InsuranceStakeData,
  MARGIN_ACCOUNT_DISCRIMINATOR,
  type MarginAccount as MarginAccountData,
  MARKET_DISCRIMINATOR,
  type Market as MarketData,
  getVaultDecoder,
  TERM_DEPOSIT_DISCRIMINATOR,
  type TermDeposit as TermDepositData,
  VAULT_DISCRIMINATOR,
  type Vault as VaultData,
} from './generated/accounts/index.js';
import { BALLAST_PROGRAM_ADDRESS } from './generated/programs/index.js';
import {
  getPerpDecoder,
  getPerpPositionDecoder,
  getPoolDecoder,
  getPoolStakeDecoder,
  type Perp,
  type PerpPosition,
  type Pool,
  type PoolStake,
  type Reserve,
} from './generated/types/index.js';
import { checkIndex, checkKind, checkRecord, RECORDS_OFFSET, type Stored } from './records.js';

/** The layout version that this client knows. */
export const LAYOUT_VERSION = 1;
/** Most reserves of a market. */
export const MAX_RESERVES = 64;
/** Most positions of a margin account. */
export const MAX_POSITIONS = 16;
/** Places of the positions that a position in a perp, or a stake in a pool, takes. */
const EXTRA_PLACES = 2;

/** SPL Token, whose mint a vault's shares are of. */
export const TOKEN_PROGRAM = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA' as Address;
const CLOCK = 'SysvarC1ock11111111111111111111111111111111' as Address;
const ASSOCIATED_TOKEN_PROGRAM = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL' as Address;

/**
 * A market as of when its account was read: its head, and its records. Instructions name a record by its index. Beside reserves
 * there are perps and pools: they look like closed reserves, and {@link reserveAt} refuses them. {@link perpAt} and {@link poolAt}
 * read them.
 */
export type Market = Readonly<MarketData> & Stored;

/**
 * A margin account as of when it was read. The first `positionCount` of its positions are deposits and debts. What it holds of perps
 * stands in the last places: {@link perpPositions}.
 */
export type MarginAccount = Readonly<MarginAccountData> & Stored;

/** A change of parameters that waits, as of when it was read. */
export type Change = Readonly<ChangeData> & Stored;

/** A vault as of when its account was read. What it has lent is known with its markets: {@link fetchVaultMarkets}. */
export type Vault = Readonly<VaultData> & Stored;

/** Shares that wait in a vault's queue, and what is to be claimed, as of when it was read. */
export type ExitRequest = Readonly<ExitRequestData> & Stored;

/** Shares of a vault that are locked for a term, as of when it was read. */
export type TermDeposit = Readonly<TermDepositData> & Stored;

/** A stake in a reserve's insurance, as of when it was read. */
export type InsuranceStake = Readonly<InsuranceStakeData> & Stored;

/** Bytes are not the account that they were taken for. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** A market from its account's data. */
export function decodeMarket(address: Address, bytes: ReadonlyUint8Array): Market {
  checkHead(bytes, MARKET_DISCRIMINATOR);
  const market = decoded(() => getMarketDecoder().decode(bytes));
  checkCount(market.reserves.length, MAX_RESERVES);
  return { ...market, address, bytes };
}

/** A margin account from its account's data. */
export function decodeMarginAccount(address: Address, bytes: ReadonlyUint8Array): MarginAccount {
  const account = decodeWhole(bytes, MARGIN_ACCOUNT_DISCRIMINATOR, getMarginAccountDecoder());
  checkCount(account.positionCount + EXTRA_PLACES * account.extraCount, MAX_POSITIONS);
  return { ...account, address, bytes };
}

/** A vault from its account's data. */
export function decodeVault(address: Address, bytes: ReadonlyUint8Array): Vault {
  return { ...decodeWhole(bytes, VAULT_DISCRIMINATOR, getVaultDecoder()), address, bytes };
}

/** A change that waits from its account's data. */
export function decodeChange(address: Address, bytes: ReadonlyUint8Array): Change {
  const change = decodeWhole(bytes, CHANGE_DISCRIMINATOR, getChangeDecoder());
  checkCount(change.length, change.data.length);
  return { ...change, address, bytes };
}

/** A place in a vault's queue from its account's data. */
export function decodeExitRequest(address: Address, bytes: ReadonlyUint8Array): ExitRequest {
  return { ...decodeWhole(bytes, EXIT_REQUEST_DISCRIMINATOR, getExitRequestDecoder()), address, bytes };
}

/** A term deposit from its account's data. */
export function decodeTermDeposit(address: Address, bytes: ReadonlyUint8Array): TermDeposit {
  return { ...decodeWhole(bytes, TERM_DEPOSIT_DISCRIMINATOR, getTermDepositDecoder()), address, bytes };
}

/** A stake in an insurance from its account's data. */
export function decodeInsuranceStake(address: Address, bytes: ReadonlyUint8Array): InsuranceStake {
  return { ...decodeWhole(bytes, INSURANCE_STAKE_DISCRIMINATOR, getInsuranceStakeDecoder()), address, bytes };
}

function decodeWhole<T>(bytes: ReadonlyUint8Array, discriminator: ReadonlyUint8Array, decoder: FixedSizeDecoder<T>): T {
  checkHead(bytes, discriminator);
  if (bytes.length > decoder.fixedSize) {
    throw new DecodeError('too many bytes: another kind of account');
  }
  return decoded(() => decoder.decode(bytes));
}

function checkHead(bytes: ReadonlyUint8Array, discriminator: ReadonlyUint8Array) {
  const version = bytes[discriminator.length];
  if (version === undefined) {
    throw new DecodeError('too few bytes: another kind of account, or a truncated read');
  }
  if (discriminator.some((byte, index) => bytes[index] !== byte)) {
    throw new DecodeError("the discriminator is another account's");
  }
  if (version !== LAYOUT_VERSION) {
    throw new DecodeError(`layout version ${version} is unknown to this client`);
  }
}

function checkCount(count: number, most: number) {
  if (count > most) {
    throw new DecodeError(`a count of ${count} exceeds what the account can hold`);
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new DecodeError('too few bytes: another kind of account, or a truncated read', { cause });
  }
}

type Rpc = Parameters<typeof fetchEncodedAccount>[0];
type FetchConfig = Parameters<typeof fetchEncodedAccount>[2];

async function fetchBytes(rpc: Rpc, address: Address, config?: FetchConfig): Promise<ReadonlyUint8Array> {
  const account = await fetchEncodedAccount(rpc, address, config);
  assertAccountExists(account);
  if (account.programAddress !== BALLAST_PROGRAM_ADDRESS) {
    throw new DecodeError(`${address} belongs to another program: ${account.programAddress}`);
  }
  return account.data;
}

/** Reads a market. Throws if there is no such account or it is none. */
export async function fetchMarket(rpc: Rpc, address: Address, config?: FetchConfig): Promise<Market> {
  return decodeMarket(address, await fetchBytes(rpc, address, config));
}

/** Reads a margin account. Throws if there is no such account or it is none. */
export async function fetchMarginAccount(rpc: Rpc, address: Address, config?: FetchConfig): Promise<MarginAccount> {
  return decodeMarginAccount(address, await fetchBytes(rpc, address, config));
}

/** Reads a vault. Throws if there is no such account or it is none. */
export async function fetchVault(rpc: Rpc, address: Address, config?: FetchConfig): Promise<Vault> {
  return decodeVault(address, await fetchBytes(rpc, address, config));
}

/** Reads a change that waits. Throws if there is no such account or it is none. */
export async function fetchChange(rpc: Rpc, address: Address, config?: FetchConfig): Promise<Change> {
  return decodeChange(address, await fetchBytes(rpc, address, config));
}

/** The slots of a vault's open allocations. */
export function openSlots(vault: Vault): number[] {
  return [...vault.allocations.keys()].filter((slot) => vault.allocations[slot]!.isOpen !== 0);
}

/**
 * Reads the markets of a vault's open allocations, in the order of their slots. What is no market any more is left out: to the
 * program too it counts for nothing.
 */
export async function fetchVaultMarkets(rpc: Rpc, vault: Vault, config?: FetchConfig): Promise<Market[]> {
  const addresses = openSlots(vault).map((slot) => vault.config.allocations[slot]!.market);
  const accounts = await Promise.all(addresses.map((address) => fetchEncodedAccount(rpc, address, config)));
  return accounts.flatMap((account) => {
    if (!account.exists || account.programAddress !== BALLAST_PROGRAM_ADDRESS) {
      return [];
    }
    try {
      return [decodeMarket(account.address, account.data)];
    } catch (error) {
      if (error instanceof DecodeError) {
        return [];
      }
      throw error;
    }
  });
}

/** A bit for each slot that can be drawn on: each open one whose market was read. */
export function payingSlots(vault: Vault, markets: readonly Market[]): number {
  const read = new Set(markets.map(({ address }) => address));
  // Nothing of a pool can be taken at once.
  const paying = openSlots(vault).filter((slot) => {
    const { market, pool } = vault.config.allocations[slot]!;
    return pool === 0 && read.has(market);
  });
  return paying.reduce((bits, slot) => bits | (1 << slot), 0);
}

/** The chain's time, unix seconds: the `now` that the program would see. */
export async function fetchTime(rpc: Rpc, config?: FetchConfig): Promise<bigint> {
  const clock = await fetchEncodedAccount(rpc, CLOCK, config);
  assertAccountExists(clock);
  // Behind the slot, the epoch's start, the epoch and the next one's leader schedule.
  return getI64Decoder().decode(clock.data, 32);
}

/** The index of a mint's reserve, if the market lists it. */
export function findReserve(market: Market, mint: Address): number | undefined {
  const index = market.reserves.findIndex((reserve) => reserve.mint === mint);
  return index < 0 ? undefined : index;
}

/** The reserve of an index. Throws if the market has no such reserve. */
export function reserveAt(market: Market, index: number): Reserve {
  checkIndex(index);
  const record = market.reserves[index];
  checkKind(record?.kind, 'reserve');
  return record!;
}

/** Reads the record of an index again, by its own layout: all records have one size. */
function readAt<T>(market: Market, index: number, decoder: FixedSizeDecoder<T>): T {
  return decoded(() => decoder.decode(market.bytes, RECORDS_OFFSET + index * decoder.fixedSize));
}

/** The perp of an index. Throws if the record is none. */
export function perpAt(market: Market, index: number): Perp {
  checkRecord(market, index, 'perp');
  return readAt(market, index, getPerpDecoder());
}

/** The pool of an index. Throws if the record is none. */
export function poolAt(market: Market, index: number): Pool {
  checkRecord(market, index, 'pool');
  return readAt(market, index, getPoolDecoder());
}

/** Where the positions of a margin account end. */
const POSITIONS_END = 336;
/** The `side` of a position in a perp, and of a stake in a pool, where a deposit has 1 and a debt 2. */
const PERP_SIDE = 3;
const STAKE_SIDE = 4;

/** An account's positions in perps. */
export function perpPositions(account: MarginAccount): PerpPosition[] {
  const decoder = getPerpPositionDecoder();
  return Array.from({ length: account.extraCount }, (_, nth) =>
    decoder.decode(account.bytes, POSITIONS_END - (nth + 1) * decoder.fixedSize),
  ).filter(({ side }) => side === PERP_SIDE);
}

/** An account's stake in a pool, if it has one. */
export function poolStake(account: MarginAccount): PoolStake | undefined {
  const decoder = getPoolStakeDecoder();
  return Array.from({ length: account.extraCount }, (_, nth) =>
    decoder.decode(account.bytes, POSITIONS_END - (nth + 1) * decoder.fixedSize),
  ).find(({ side }) => side === STAKE_SIDE);
}

/**
 * The reserves whose prices an account depends on, each once: those of its deposits and debts, and of each perp the one that it
 * follows and the one of its quote token.
 */
export function pricedReserves(market: Market, account: MarginAccount): number[] {
  const held = account.positions.slice(0, account.positionCount).map(({ reserve }) => reserve);
  const followed = perpPositions(account).flatMap(({ perp }) => {
    const { price, pool } = perpAt(market, perp).config;
    return [price, poolAt(market, pool).config.quote];
  });
  return [...new Set([...held, ...followed])];
}

/** The address of an owner's associated token account for the token of a reserve or of a vault. */
export async function findTokenAccount(
  owner: Address,
  token: Readonly<Pick<Reserve, 'tokenProgram' | 'mint'>>,
): Promise<Address> {
  const { encode } = getAddressEncoder();
  const seeds = [owner, token.tokenProgram, token.mint].map((address) => encode(address));
  return (await getProgramDerivedAddress({ programAddress: ASSOCIATED_TOKEN_PROGRAM, seeds }))[0];
}

/** The address of an owner's associated token account for a vault's shares. */
export function findShareAccount(owner: Address, vault: Vault): Promise<Address> {
  return findTokenAccount(owner, { tokenProgram: TOKEN_PROGRAM, mint: vault.shareMint });
}
