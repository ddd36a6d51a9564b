// From instructions to the bytes that are signed, and back: what is shown to be signed is read from these bytes.

import {
  type Address,
  type Blockhash,
  appendTransactionMessageInstructions,
  compileTransaction,
  createTransactionMessage,
  getCompiledTransactionMessageDecoder,
  getCompiledTransactionMessageEncoder,
  getTransactionDecoder,
  getTransactionEncoder,
  type Instruction,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
} from '@solana/kit';
import { areEqual } from '../bytes.ts';

interface ReadAccount {
  readonly address: Address;
  readonly isSigner: boolean;
  readonly isWritable: boolean;
}

export interface ReadInstruction {
  readonly program: Address;
  readonly accounts: readonly ReadAccount[];
  readonly data: Uint8Array;
}

/** A message as its bytes say. */
interface ReadMessage {
  readonly version: 0 | 'legacy';
  readonly feePayer: Address;
  readonly signers: readonly Address[];
  readonly blockhash: string;
  readonly instructions: readonly ReadInstruction[];
}

/** In place of a blockhash until one is fetched. */
export const NO_BLOCKHASH = '11111111111111111111111111111111' as Blockhash;

/** Largest transaction that the network takes, bytes. */
export const LARGEST = 1_232;

/** The message's bytes. */
export function writeMessage(
  version: 0 | 'legacy',
  feePayer: Address,
  instructions: readonly Instruction[],
  blockhash: string,
): Uint8Array {
  const lifetime = { blockhash: blockhash as Blockhash, lastValidBlockHeight: 0n };
  const message = pipe(
    createTransactionMessage({ version }),
    (made) => setTransactionMessageFeePayer(feePayer, made),
    (made) => setTransactionMessageLifetimeUsingBlockhash(lifetime, made),
    (made) => appendTransactionMessageInstructions(instructions, made),
  );
  return Uint8Array.from(compileTransaction(message).messageBytes);
}

/** A transaction without signatures, for a wallet or a simulation. */
export function unsigned(message: Uint8Array): Uint8Array {
  const { signers } = readMessage(message);
  // Kit writes its own sort of transaction; this is the wire's: a count, so many signatures, the message.
  const bytes = new Uint8Array(1 + 64 * signers.length + message.length);
  bytes[0] = signers.length;
  bytes.set(message, 1 + 64 * signers.length);
  return bytes;
}

/** A message's bytes taken apart. Throws if they are none, or one that looks accounts up in tables: the page makes none of those. */
export function readMessage(bytes: Uint8Array): ReadMessage {
  const message = getCompiledTransactionMessageDecoder().decode(bytes);
  if (!areEqual(getCompiledTransactionMessageEncoder().encode(message), bytes)) {
    throw new Error('a message that can be read in two ways');
  }
  if (message.version !== 0 && message.version !== 'legacy') {
    throw new Error('a message of a version that this page does not know');
  }
  if ('addressTableLookups' in message && (message.addressTableLookups?.length ?? 0) > 0) {
    throw new Error('a message that takes accounts from a table, where nobody sees them');
  }
  const { header, staticAccounts } = message;
  const { numSignerAccounts: signers, numReadonlySignerAccounts, numReadonlyNonSignerAccounts } = header;
  const accounts = staticAccounts.map((address, index): ReadAccount => {
    const isSigner = index < signers;
    const isWritable = isSigner
      ? index < signers - numReadonlySignerAccounts
      : index < staticAccounts.length - numReadonlyNonSignerAccounts;
    return { address, isSigner, isWritable };
  });
  const at = (index: number): ReadAccount => {
    const account = accounts[index];
    if (account === undefined) {
      throw new Error('a message that names an account it does not have');
    }
    return account;
  };
  return {
    version: message.version,
    feePayer: at(0).address,
    signers: staticAccounts.slice(0, signers),
    blockhash: message.lifetimeToken,
    instructions: message.instructions.map(({ programAddressIndex, accountIndices = [], data = new Uint8Array() }) => ({
      program: at(programAddressIndex).address,
      accounts: accountIndices.map(at),
      data: Uint8Array.from(data),
    })),
  };
}

/** A signed transaction taken apart. */
interface Signed {
  readonly message: Uint8Array;
  readonly signatures: ReadonlyMap<Address, Uint8Array | undefined>;
}

export function readTransaction(bytes: Uint8Array): Signed {
  const { messageBytes, signatures } = getTransactionDecoder().decode(bytes);
  const entries = Object.entries(signatures) as [Address, Uint8Array | null][];
  return {
    message: Uint8Array.from(messageBytes),
    signatures: new Map(entries.map(([address, signature]) => [address, signature ?? undefined])),
  };
}

/** Whether bytes taken apart and put together again are the same: what two readers could read differently is no transaction. */
export function isCanonical(bytes: Uint8Array): boolean {
  const again = getTransactionEncoder().encode(getTransactionDecoder().decode(bytes));
  return areEqual(again, bytes);
}
