// What signing needs beside the review, in one module that is loaded at the click.
import type { Address } from '@solana/kit';
import { areEqual } from '../bytes.ts';
import { NO_BLOCKHASH, writeMessage } from './message.ts';
import type { Review } from './review.ts';

export { compareMessages, compareSigned } from './compare.ts';
export { readTransaction, unsigned } from './message.ts';

/** The message that was reviewed, with a blockhash: the same bytes but for these 32. */
export function withBlockhash(
  { version, instructions, message }: Review,
  owner: Address,
  blockhash: string,
): Uint8Array {
  if (!areEqual(writeMessage(version, owner, instructions, NO_BLOCKHASH), message)) {
    throw new Error('The transaction has changed since it was reviewed.');
  }
  return writeMessage(version, owner, instructions, blockhash);
}
