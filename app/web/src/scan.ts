// All margin accounts of a market, as far as the node lists them, and which are nearest to liquidation.

import { decodeMarginAccount, type Engine, type Health, type Market, describeError } from '@ballast/client';
import { MARGIN_ACCOUNT_DISCRIMINATOR } from '@ballast/client/generated';
import { type Address, getBase58Decoder } from '@solana/kit';
import { ask } from './ask.ts';
import { type AccountInfo, RpcError, type Rpc } from './chain/rpc.ts';
import { errorWords } from './errors.ts';
import { used } from './ui/health.tsx';

type Listed = AccountInfo & { readonly address: Address };

export type Scan =
  | { readonly state: 'loading' }
  /** The node does not answer such questions. */
  | { readonly state: 'refused'; readonly words: string }
  | { readonly state: 'failed'; readonly words: string }
  | {
      readonly state: 'ready';
      readonly accounts: readonly Listed[];
      /** Somebody who has an account. */
      readonly anOwner: Address | undefined;
    };

/** Bytes of a margin account, and where its market stands in it. */
const [SIZE, MARKET] = [512, 16];

export async function readAccounts(rpc: Rpc, program: Address, market: Address): Promise<Scan> {
  const bytes = getBase58Decoder().decode(MARGIN_ACCOUNT_DISCRIMINATOR);
  try {
    const accounts = await rpc.programAccounts(program, [
      { dataSize: SIZE },
      { memcmp: { offset: 0, bytes, encoding: 'base58' } },
      { memcmp: { offset: MARKET, bytes: market, encoding: 'base58' } },
    ]);
    // What a node says that it has filtered is looked at all the same.
    const ours = accounts.filter(({ owner, data }) => owner === program && data.length === SIZE);
    const [first] = ours;
    return { state: 'ready', accounts: ours, anOwner: first && decodeMarginAccount(first.address, first.data).owner };
  } catch (error) {
    // An error in JSON is an answer; else the node may answer later.
    const isAnswer = error instanceof RpcError && error.code !== undefined;
    return { state: isAnswer ? 'refused' : 'failed', words: errorWords(error) };
  }
}

export interface Row {
  readonly account: Listed;
  readonly health: Health | undefined;
  /** Why there is no health, in words. */
  readonly refusal: string | undefined;
  readonly isLiquidatable: boolean;
}

/** Since when an account is marked; zero: it is not. Asked of those that are shown alone: all would take long, and again each second. */
export function markedSince({ address, data }: Listed): bigint {
  return decodeMarginAccount(address, data).liquidatableSince;
}

/** The accounts with debts, the nearest to liquidation first. */
export function rowsOf(engine: Engine, market: Market, accounts: readonly Listed[], now: bigint): readonly Row[] {
  const scanned = ask(() =>
    engine.scan(
      market,
      accounts.map(({ data }) => data),
      now,
    ),
  ).value;
  if (scanned === undefined) {
    return [];
  }
  const rows = scanned.map(({ health, refusal, isLiquidatable }, nth) => ({
    account: accounts[nth]!,
    health,
    refusal: refusal === undefined ? undefined : describeError(refusal),
    isLiquidatable,
  }));
  const part = ({ health }: Row) =>
    health === undefined ? 0 : health.maintenance.debt === 0n ? 0 : Math.max(used(health.maintenance), excess(health));
  return rows
    .filter(({ health }) => health === undefined || health.maintenance.debt > 0n)
    .sort((a, b) => part(b) - part(a));
}

/** Debt ÷ collateral where it is above one. */
function excess({ maintenance: { collateral, debt } }: Health): number {
  return collateral === 0n ? Number.MAX_VALUE : Number((debt * 10_000n) / collateral) / 10_000;
}
