// A vault, its markets, and what somebody has in it, followed.

import {
  decodeExitRequest,
  decodeMarket,
  decodeTermDeposit,
  decodeVault,
  type ExitRequest,
  findRequestPda,
  findTermPda,
  type Market,
  openSlots,
  TOKEN_PROGRAM,
  type TermDeposit,
  type Vault,
} from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo } from 'preact/hooks';
import type { Holding } from './actions/sol.ts';
import { useApp } from './app.ts';
import { useHoldingOf } from './holdings.ts';
import { type Loaded, load, ofProgram, useAccounts, useDecoded, useFound } from './hooks.ts';

/** A vault's account. */
export function useVault(address: Address | undefined): Loaded<Vault> {
  const { config } = useApp();
  const decode = useMemo(() => ofProgram(config.program, decodeVault), [config]);
  return useDecoded(address, decode);
}

const NOTHING: readonly Address[] = [];

/** The markets of a vault's open slots; none until all have been read. What is no market any more is left out, as on chain. */
export function useVaultMarkets(vault: Vault | undefined): readonly Market[] | undefined {
  const { config } = useApp();
  const decode = useMemo(() => ofProgram(config.program, decodeMarket), [config]);
  const addresses = useMemo(
    () => (vault === undefined ? NOTHING : openSlots(vault).map((slot) => vault.config.allocations[slot]!.market)),
    [vault],
  );
  const accounts = useAccounts(addresses);
  return useMemo(() => {
    const read = accounts.map((account) => load(account, decode));
    return vault === undefined || read.some(({ state }) => state === 'loading')
      ? undefined
      : read.flatMap((one) => (one.state === 'ready' ? [one.value] : []));
  }, [vault, accounts, decode]);
}

/** Term deposits of an owner that the page looks for: the first numbers. */
const TERMS = 8;

interface Term {
  readonly id: number;
  readonly deposit: TermDeposit;
}

/** What somebody has in a vault. */
export interface Mine {
  readonly owner: Address;
  /** The tokens that the vault takes. */
  readonly tokens: Holding;
  /** Its shares. */
  readonly shares: Holding;
  readonly request: ExitRequest | undefined;
  readonly terms: readonly Term[];
  /** The first number of a term deposit that is not in use; none if all that the page looks for are. */
  readonly freeTerm: number | undefined;
}

/** What an owner has in a vault; none until all of it has been read. */
export function useMine(vault: Vault, owner: Address | undefined): Mine | undefined {
  const { config } = useApp();
  const tokens = useHoldingOf(vault, owner);
  const shareToken = useMemo(() => ({ mint: vault.shareMint, tokenProgram: TOKEN_PROGRAM }), [vault.shareMint]);
  const shares = useHoldingOf(shareToken, owner);
  const key = owner === undefined ? undefined : `${vault.address} ${owner}`;
  const found = useFound(key, async () => {
    const seeds = { vault: vault.address, owner: owner! };
    const terms = Array.from({ length: TERMS }, (_, id) => findTermPda({ ...seeds, id }));
    return (await Promise.all([findRequestPda(seeds), ...terms])).map(([address]) => address);
  });
  const accounts = useAccounts(found ?? NOTHING);
  const decoders = useMemo(
    () => ({
      request: ofProgram(config.program, decodeExitRequest),
      term: ofProgram(config.program, decodeTermDeposit),
    }),
    [config],
  );
  return useMemo(() => {
    if (owner === undefined || tokens === undefined || shares === undefined || found === undefined) {
      return undefined;
    }
    const [request, ...terms] = accounts;
    const loaded = load(request, decoders.request);
    const read = terms.map((account) => load(account, decoders.term));
    if (loaded.state === 'loading' || read.some(({ state }) => state === 'loading')) {
      return undefined;
    }
    const free = read.findIndex(({ state }) => state === 'absent');
    return {
      owner,
      tokens,
      shares,
      request: loaded.state === 'ready' ? loaded.value : undefined,
      terms: read.flatMap((one, id) => (one.state === 'ready' ? [{ id, deposit: one.value }] : [])),
      freeTerm: free < 0 ? undefined : free,
    };
  }, [owner, tokens?.tokens, tokens?.lamports, tokens?.address, shares?.tokens, shares?.address, found, accounts]);
}
