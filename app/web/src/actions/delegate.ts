// Naming a delegate, who may act for an account, and removing one. Apart from everything else: no other plan has it in it.

import type { MarginAccount, Market } from '@ballast/client';
import { getSetDelegateInstruction } from '@ballast/client/generated';
import { type Address, createNoopSigner } from '@solana/kit';
import { delegateWords } from '../tx/rights.ts';
import type { Plan } from '../tx/plan.ts';

/** Stands for nobody. */
const NONE = '11111111111111111111111111111111' as Address;

interface Delegation {
  readonly delegate: Address;
  /** Bits of rights. */
  readonly rights: number;
  /** Unix seconds. */
  readonly until: bigint;
}

/** A plan to name a delegate, or to remove who is. */
export function delegatePlan(market: Market, account: MarginAccount, delegation: Delegation | undefined): Plan {
  const { delegate, rights, until } = delegation ?? { delegate: NONE, rights: 0, until: 0n };
  const instruction = getSetDelegateInstruction({
    owner: createNoopSigner(account.owner),
    market: market.address,
    marginAccount: account.address,
    delegate,
    rights,
    until,
  });
  return {
    title: delegation === undefined ? 'Remove the delegate' : 'Name a delegate',
    owner: account.owner,
    market,
    addsRisk: false,
    notes:
      delegation === undefined
        ? []
        : [
            `${delegateWords(delegation)} Sign this only if you know whose address that is: it needs no word of yours to use these rights.`,
          ],
    build: (head, tail) => [[...head, instruction, ...tail]],
  };
}
