// What has happened lately: transactions that name an address, with the events that the program logged in them.

import type { Address } from '@solana/kit';
import { useRef, useState } from 'preact/hooks';
import { useApp } from './app.ts';
import type { Rpc } from './chain/rpc.ts';
import { errorWords } from './errors.ts';
import { eventsIn, type ProgramEvent } from './events.ts';

export interface PastTransaction {
  readonly signature: string;
  /** Unix seconds, if the node knows. */
  readonly time: bigint | undefined;
  readonly events: readonly ProgramEvent[];
}

/** The transactions that have succeeded of an address's latest ones, the newest first. */
export async function pastOf(rpc: Rpc, program: Address, address: Address, limit: number): Promise<PastTransaction[]> {
  const signatures = await rpc.signatures(address, limit);
  const succeeded = signatures.filter(({ err }) => err === null);
  return Promise.all(
    succeeded.map(async ({ signature, blockTime }) => ({
      signature,
      time: blockTime === null ? undefined : BigInt(blockTime),
      events: eventsIn(program, (await rpc.transaction(signature))?.logs ?? []),
    })),
  );
}

export type Past<T> =
  | { readonly state: 'unasked' | 'asking' }
  | { readonly state: 'failed'; readonly words: string }
  | { readonly state: 'ready'; readonly value: T };

/** Something of the past, which costs a node many answers: asked for by a click. */
export function usePast<T>(
  ask: (rpc: Rpc, program: Address) => Promise<T>,
): readonly [past: Past<T>, look: () => void] {
  const { rpc, config } = useApp();
  const [past, setPast] = useState<Past<T>>({ state: 'unasked' });
  const turn = useRef(0);
  const look = () => {
    turn.current += 1;
    const mine = turn.current;
    setPast({ state: 'asking' });
    ask(rpc, config.program).then(
      (value) => mine === turn.current && setPast({ state: 'ready', value }),
      (error) => mine === turn.current && setPast({ state: 'failed', words: errorWords(error) }),
    );
  };
  return [past, look];
}
