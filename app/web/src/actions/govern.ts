// Executing and cancelling changes that wait.

import type { Change, Market } from '@ballast/client';
import { getCancelChangeInstruction, getExecuteChangeInstruction } from '@ballast/client/generated';
import { type Address, createNoopSigner } from '@solana/kit';
import type { Plan } from '../tx/plan.ts';

/** A plan of either, for whoever signs. `of` is what the change is of, in words. */
export function changePlan(
  kind: 'execute' | 'cancel',
  market: Market,
  change: Change,
  signer: Address,
  of: string,
): Plan {
  const accounts = {
    signer: createNoopSigner(signer),
    market: change.market,
    change: change.address,
    recipient: change.payer,
  };
  const instruction = kind === 'execute' ? getExecuteChangeInstruction(accounts) : getCancelChangeInstruction(accounts);
  return {
    title: `${kind === 'execute' ? 'Execute' : 'Cancel'} change ${change.number} of ${of}`,
    owner: signer,
    market,
    addsRisk: false,
    notes: ['The change’s rent goes back to whoever paid it.'],
    build: (head, tail) => [[...head, instruction, ...tail]],
  };
}
