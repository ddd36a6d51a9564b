// Whether what a wallet signed is what was reviewed.

import type { Address } from '@solana/kit';
import { areEqual } from '../bytes.ts';
import { isCanonical, type ReadInstruction, readMessage, readTransaction } from './message.ts';
import { COMPUTE_BUDGET, LIGHTHOUSE } from './programs.ts';

/** The outcome: what was added that may be, in words; or why it is not what was reviewed. */
type Comparison =
  | { readonly isSame: true; readonly additions: readonly string[] }
  | { readonly isSame: false; readonly words: string };

function differs(words: string): Comparison {
  return { isSame: false, words };
}

function isSameInstruction(a: ReadInstruction, b: ReadInstruction): boolean {
  return (
    a.program === b.program &&
    areEqual(a.data, b.data) &&
    a.accounts.length === b.accounts.length &&
    a.accounts.every((account, nth) => {
      const other = b.accounts[nth]!;
      return (
        account.address === other.address &&
        account.isSigner === other.isSigner &&
        account.isWritable === other.isWritable
      );
    })
  );
}

/** What a wallet may add: limits and fees of kinds that the page did not set, and asserts, which can only make it fail. */
function addition(added: ReadInstruction, reviewed: readonly ReadInstruction[]): string | undefined {
  if (added.program === LIGHTHOUSE) {
    return 'an assert of Lighthouse: the transaction fails if it does something else than the wallet saw';
  }
  const isSet = reviewed.some(({ program, data }) => program === COMPUTE_BUDGET && data[0] === added.data[0]);
  return added.program === COMPUTE_BUDGET && !isSet ? 'a limit of compute units, or their price' : undefined;
}

/** Compares the bytes of a signed transaction with the message that was reviewed. */
export function compareSigned(reviewed: Uint8Array, signed: Uint8Array, owner: Address): Comparison {
  let message: Uint8Array;
  let signature: Uint8Array | undefined;
  try {
    const transaction = readTransaction(signed);
    message = transaction.message;
    signature = transaction.signatures.get(owner);
    if (!isCanonical(signed)) {
      return differs('Its bytes can be read in two ways.');
    }
  } catch {
    return differs('It is no transaction.');
  }
  if (signature === undefined || signature.every((byte) => byte === 0)) {
    return differs(`It lacks the signature of ${owner}.`);
  }
  return compareMessages(reviewed, message);
}

/** Compares a message with the one that was reviewed. */
export function compareMessages(reviewed: Uint8Array, message: Uint8Array): Comparison {
  if (areEqual(reviewed, message)) {
    return { isSame: true, additions: [] };
  }
  const ours = readMessage(reviewed);
  let theirs: ReturnType<typeof readMessage>;
  try {
    theirs = readMessage(message);
  } catch (error) {
    return differs(`It is ${error instanceof Error ? error.message : String(error)}.`);
  }
  if (theirs.feePayer !== ours.feePayer) {
    return differs(`Its fee payer is ${theirs.feePayer}.`);
  }
  if (theirs.signers.join() !== ours.signers.join()) {
    return differs('It asks for other signatures.');
  }
  if (theirs.blockhash !== ours.blockhash) {
    return differs('It names another blockhash, or a nonce: it could land later than was said.');
  }
  const additions: string[] = [];
  let next = 0;
  for (const instruction of theirs.instructions) {
    const expected = ours.instructions[next];
    if (expected !== undefined && isSameInstruction(expected, instruction)) {
      next += 1;
      continue;
    }
    const words = addition(instruction, ours.instructions);
    if (words === undefined) {
      return differs(
        expected !== undefined && expected.program === instruction.program
          ? `Its instruction ${next + 1} is another one than was reviewed.`
          : `It has an instruction of ${instruction.program} that was not reviewed.`,
      );
    }
    additions.push(words);
  }
  if (next < ours.instructions.length) {
    return differs(`Of the ${ours.instructions.length} instructions that were reviewed it has ${next}.`);
  }
  return { isSame: true, additions };
}
