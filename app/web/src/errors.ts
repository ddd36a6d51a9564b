// Failures in words: those of the program, of others, of the runtime, of a wallet, of a node.

import {
  describeProgramError,
  type EngineError,
  type FailedTransaction,
  findProgramError,
  describeError,
} from '@ballast/client';
import { type Address, SolanaError } from '@solana/kit';
import { RpcError } from './chain/rpc.ts';
import { ASSOCIATED_TOKEN, SYSTEM, TOKEN, TOKEN_2022 } from './tx/programs.ts';

/** Codes of the programs that every transaction may meet. */
const TOKEN_CODES: Readonly<Record<number, string>> = {
  0: 'the token account would be left with less SOL than its rent',
  1: 'there are too few tokens',
  3: 'the mint is another one than that of the token account',
  4: 'the token account belongs to somebody else',
  11: 'the token account still holds tokens',
  17: 'the token account is frozen',
};
const SYSTEM_CODES: Readonly<Record<number, string>> = {
  0: 'an account that should be new is there already',
  1: 'there is too little SOL',
};

const PROGRAM_NAMES: Readonly<Record<string, string>> = {
  [SYSTEM]: 'The system program',
  [TOKEN]: 'The token program',
  [TOKEN_2022]: 'The token program (2022)',
  [ASSOCIATED_TOKEN]: 'The associated token program',
};

const RUNTIME: Readonly<Record<string, string>> = {
  AccountNotFound: 'The paying account has no SOL.',
  InsufficientFundsForFee: 'There is too little SOL for the fee.',
  InsufficientFundsForRent: 'An account would be left with less SOL than its rent.',
  InvalidRentPayingAccount: 'An account would be left with less SOL than its rent.',
  BlockhashNotFound: 'The blockhash is too old, or the node has not seen it yet.',
  AlreadyProcessed: 'This transaction has landed before.',
  AccountInUse: 'An account is in use by another transaction.',
  MaxLoadedAccountsDataSizeExceeded: 'Its accounts hold more bytes than it says.',
  ProgramAccountNotFound: 'A program that it calls is not on this chain.',
  WouldExceedMaxBlockCostLimit: 'The block is full.',
  WouldExceedMaxAccountCostLimit: 'The block has no room left for one of its accounts.',
};

const INSTRUCTION: Readonly<Record<string, string>> = {
  ComputationalBudgetExceeded: 'it needs more compute units than it was given',
  InsufficientFunds: 'there is too little SOL',
  MissingRequiredSignature: 'a signature is missing',
  AccountNotRentExempt: 'an account would be left with less SOL than its rent',
  InvalidAccountOwner: 'an account belongs to another program than it should',
  InvalidAccountData: 'an account holds something else than it should',
  UninitializedAccount: 'an account is not there yet',
  ProgramFailedToComplete: 'the program stopped',
};

/** What a transaction failed with, as a simulation or a status says. */
export function failureWords(err: unknown, transaction: FailedTransaction = {}): string {
  const program = findProgramError({ err }, transaction);
  if (program !== undefined) {
    return (
      programWords(program.program ?? program.instructionProgram, program.code) ?? `${describeProgramError(program)}.`
    );
  }
  if (typeof err === 'string') {
    return RUNTIME[err] ?? `The network refuses: ${err}.`;
  }
  const [name, inner] = Object.entries((err ?? {}) as Record<string, unknown>)[0] ?? [];
  if (name === 'InstructionError' && Array.isArray(inner)) {
    const [index, reason] = inner as [number | bigint, unknown];
    const key = typeof reason === 'string' ? reason : (Object.keys((reason ?? {}) as object)[0] ?? 'unknown');
    return `Instruction ${Number(index) + 1} fails: ${INSTRUCTION[key] ?? key}.`;
  }
  if (name !== undefined) {
    return RUNTIME[name] ?? `The network refuses: ${name}.`;
  }
  return 'The network refuses, and does not say why.';
}

function programWords(program: Address | undefined, code: number): string | undefined {
  const codes = program === SYSTEM ? SYSTEM_CODES : program === TOKEN || program === TOKEN_2022 ? TOKEN_CODES : {};
  const words = codes[code];
  return words === undefined ? undefined : `${PROGRAM_NAMES[program!]} says: ${words} (error ${code}).`;
}

/** Anything that was thrown, in words. */
export function errorWords(error: unknown): string {
  const program = findProgramError(error);
  if (program !== undefined) {
    return `${describeProgramError(program)}.`;
  }
  if (isEngineError(error)) {
    return error.code === undefined ? `The engine cannot answer: ${error.message}.` : describeError(error.code);
  }
  if (error instanceof RpcError) {
    return `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}${error.code === undefined ? '' : ` (code ${error.code})`}.`;
  }
  if (error instanceof SolanaError) {
    return `${error.message.replace(/\.$/, '')}.`;
  }
  const message = error instanceof Error ? error.message : typeof error === 'string' ? error : '';
  return message.trim() === '' ? 'It failed without a word.' : /[.!?]$/.test(message) ? message : `${message}.`;
}

/** By its name: its class is in the module of the engine, which is loaded later. */
function isEngineError(error: unknown): error is EngineError {
  return error instanceof Error && error.name === 'EngineError';
}
