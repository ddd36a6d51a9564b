// What each instruction does, in words, read from the bytes that are signed. It is the list of what the page signs: an instruction
// that is not here is not signed, whoever built it.

import { BALLAST_PROGRAM_ADDRESS, EVERYTHING, REQUIREMENT } from '@ballast/client';
import { BallastInstruction, parseBallastInstruction, type ParsedBallastInstruction } from '@ballast/client/generated';
import { AccountRole, type Address } from '@solana/kit';
import { brief, type Names } from '../names.ts';
import { bps, exactAmount } from '../number.ts';
import type { ReadInstruction } from './message.ts';
import { PERP_WORDS, STAKE_WORDS, VAULT_WORDS } from './own-words.ts';
import type { PlanToken } from './plan.ts';
import { ASSOCIATED_TOKEN, COMPUTE_BUDGET, SYSTEM, TAG, TOKEN, TOKEN_2022 } from './programs.ts';
import { delegateWords } from './rights.ts';

/** What an instruction does. */
export interface Told {
  readonly program: string;
  readonly words: string;
  /** Whether it is of the transaction itself: limits and fees. */
  readonly isBudget: boolean;
}

/** What the words are about. */
export interface About {
  readonly names: Names;
  readonly owner: Address;
  readonly tokens: readonly PlanToken[];
}

type Parsed<T extends BallastInstruction> = Extract<ParsedBallastInstruction, { instructionType: T }>;
export type Words = { readonly [T in BallastInstruction]?: (parsed: Parsed<T>, about: About) => string };

function amount({ names }: About, reserve: number, atoms: bigint): string {
  return atoms === EVERYTHING
    ? `all ${names.reserve(reserve)}`
    : `${exactAmount(atoms, names.decimals(reserve))} ${names.reserve(reserve)}`;
}

const REQUIREMENTS = Object.fromEntries(Object.entries(REQUIREMENT).map(([name, value]) => [value, name]));

/** Of the program. Who adds an action adds its words. */
const BALLAST: Words = {
  [BallastInstruction.OpenAccount]: ({ data }) =>
    `Open margin account ${data.id}${data.mode === 0 ? '' : data.mode === 1 ? ', isolated' : ', for one perp'}`,
  [BallastInstruction.CloseAccount]: ({ accounts }) =>
    `Close margin account ${brief(accounts.marginAccount.address)}; its rent goes to ${accounts.recipient.address}`,
  [BallastInstruction.Deposit]: ({ accounts, data }, about) =>
    `Deposit ${amount(about, data.reserve, data.amount)} to margin account ${brief(accounts.marginAccount.address)}`,
  [BallastInstruction.Withdraw]: ({ accounts, data }, about) =>
    `Withdraw ${amount(about, data.reserve, data.amount)} to token account ${brief(accounts.destination.address)}`,
  [BallastInstruction.Borrow]: ({ accounts, data }, about) =>
    `Borrow ${amount(about, data.reserve, data.amount)} to token account ${brief(accounts.destination.address)}`,
  [BallastInstruction.Repay]: ({ accounts, data }, about) =>
    `Repay ${amount(about, data.reserve, data.amount)} of the debt of margin account ${brief(accounts.marginAccount.address)}`,
  [BallastInstruction.Liquidate]: ({ accounts, data }, about) =>
    `Repay at most ${amount(about, data.debt, data.maxRepay)} of the debt of margin account ${accounts.marginAccount.address}, for at least ${amount(about, data.collateral, data.minCollateral)} to token account ${brief(accounts.destination.address)}`,
  [BallastInstruction.ExecuteChange]: ({ accounts }) =>
    `Execute the change ${brief(accounts.change.address)}; its rent goes to ${accounts.recipient.address}`,
  [BallastInstruction.CancelChange]: ({ accounts }) =>
    `Cancel the change ${brief(accounts.change.address)}; its rent goes to ${accounts.recipient.address}`,
  [BallastInstruction.SetDelegate]: ({ accounts, data }) =>
    `Of margin account ${brief(accounts.marginAccount.address)}: ${delegateWords(data)}`,
  [BallastInstruction.RefreshPrices]: ({ data }, { names }) =>
    `Take over the latest prices of ${Array.from(data.reserves, (reserve) => names.reserve(reserve)).join(', ')}`,
  [BallastInstruction.AssertHealth]: ({ data }) =>
    `Fail unless collateral is at least ${bps(data.minRatioBps)} of the debt at ${REQUIREMENTS[data.requirement] ?? 'unknown'} weights`,
  ...VAULT_WORDS,
  ...PERP_WORDS,
  ...STAKE_WORDS,
};

/** Thrown for what the page signs under no circumstances. */
export class NotSigned extends Error {
  override readonly name = 'NotSigned';
}

function ballast({ program, accounts, data }: ReadInstruction, about: About): string {
  const instruction = {
    programAddress: program as typeof BALLAST_PROGRAM_ADDRESS,
    accounts: accounts.map(({ address }) => ({ address, role: AccountRole.READONLY as const })),
    data,
  };
  let parsed: ParsedBallastInstruction;
  try {
    parsed = parseBallastInstruction(instruction);
  } catch {
    throw new NotSigned('The transaction has an instruction that Ballast does not know.');
  }
  const words = BALLAST[parsed.instructionType] as
    | ((parsed: ParsedBallastInstruction, about: About) => string)
    | undefined;
  if (words === undefined) {
    throw new NotSigned(
      `This page does not sign ${BallastInstruction[parsed.instructionType]}: it has no words for it.`,
    );
  }
  return words(parsed, about);
}

function system({ accounts, data }: ReadInstruction, { owner }: About): string {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const [from, to] = accounts;
  if (data.length !== 12 || view.getUint32(0, true) !== TAG.transfer || from?.address !== owner || to === undefined) {
    throw new NotSigned('Of the system program this page signs nothing but transfers of SOL.');
  }
  return `Move ${exactAmount(view.getBigUint64(4, true), 9)} SOL to ${brief(to.address)}, to be wrapped`;
}

function token({ accounts, data }: ReadInstruction, { owner }: About): string {
  const [account, to, who] = accounts;
  if (data.length === 1 && data[0] === TAG.syncNative && account !== undefined) {
    return `Count the wrapped SOL of token account ${brief(account.address)}`;
  }
  if (data.length === 1 && data[0] === TAG.closeAccount && to?.address === owner && who?.address === owner) {
    return `Unwrap: close token account ${brief(account!.address)}; all its SOL goes to its owner`;
  }
  throw new NotSigned('Of the token program this page signs nothing but wrapping and unwrapping of SOL.');
}

function associated({ accounts, data }: ReadInstruction, about: About): string {
  const [, account, owner, mint] = accounts;
  if (data.length !== 1 || data[0] !== TAG.createIdempotent || owner?.address !== about.owner || mint === undefined) {
    throw new NotSigned("This page makes token accounts for the one who signs, and for nobody else's.");
  }
  const { config } = about.names;
  const symbol =
    about.tokens.find((one) => one.mint === mint.address)?.symbol ?? config.symbols.get(mint.address) ?? mint.address;
  return `Make the token account ${brief(account!.address)} for ${symbol}, if there is none`;
}

function budget({ data }: ReadInstruction): string {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  switch (data[0]) {
    case TAG.unitLimit:
      return `Use at most ${exactAmount(BigInt(view.getUint32(1, true)), 0)} compute units`;
    case TAG.unitPrice:
      return `Pay ${exactAmount(view.getBigUint64(1, true), 6)} lamports for each compute unit`;
    case TAG.dataLimit:
      return `Load at most ${exactAmount(BigInt(view.getUint32(1, true)), 0)} bytes of accounts`;
    default:
      throw new NotSigned('The transaction has an instruction of the compute budget that this page does not make.');
  }
}

const PROGRAMS: Readonly<
  Record<string, readonly [name: string, words: (read: ReadInstruction, about: About) => string]>
> = {
  [BALLAST_PROGRAM_ADDRESS]: ['Ballast', ballast],
  [SYSTEM]: ['System', system],
  [TOKEN]: ['Token', token],
  [TOKEN_2022]: ['Token (2022)', token],
  [ASSOCIATED_TOKEN]: ['Associated token', associated],
  [COMPUTE_BUDGET]: ['Compute budget', budget],
};

/** An instruction in words. Throws {@link NotSigned} for what the page does not sign. */
export function tell(instruction: ReadInstruction, about: About): Told {
  const known = PROGRAMS[instruction.program];
  if (known === undefined) {
    throw new NotSigned(`This page signs nothing of the program ${instruction.program}.`);
  }
  const [program, words] = known;
  return { program, words: words(instruction, about), isBudget: instruction.program === COMPUTE_BUDGET };
}
