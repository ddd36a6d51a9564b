// What a plan's transaction does, found out before anybody signs it: played on the node's copy of the chain, and read from its bytes.

import {
  assertHealth,
  BALLAST_PROGRAM_ADDRESS,
  decodeMarginAccount,
  decodeMarket,
  type Engine,
  type Health,
  REQUIREMENT,
} from '@ballast/client';
import { type Address, getAddressDecoder, type Instruction } from '@solana/kit';
import { type Answer, ask } from '../ask.ts';
import { toBase64 } from '../bytes.ts';
import { CLOCK } from '../chain/accounts.ts';
import { timeOf } from '../chain/clock.ts';
import type { AccountInfo, Rpc, Simulation } from '../chain/rpc.ts';
import { failureWords } from '../errors.ts';
import { Names } from '../names.ts';
import type { Config } from '../config.ts';
import { LARGEST, NO_BLOCKHASH, readMessage, unsigned, writeMessage } from './message.ts';
import type { Plan } from './plan.ts';
import { type Budget, budgetInstructions, TOKEN, TOKEN_2022 } from './programs.ts';
import { type Told, tell } from './words.ts';

/** What comes to an account of the signer, or leaves it. */
export interface Move {
  readonly symbol: string;
  readonly decimals: number;
  /** Negative: it leaves. Of SOL without the fee. */
  readonly atoms: bigint;
}

/** An account's health before and after; none where there is no account. */
interface Change {
  readonly before: Answer<Health> | undefined;
  readonly after: Answer<Health> | undefined;
}

/** A transaction that can be signed. */
export interface Review {
  /** Which of the plan's transactions, from zero on. */
  readonly step: number;
  readonly steps: number;
  readonly version: 0 | 'legacy';
  readonly instructions: readonly Instruction[];
  /** With a blockhash still to come. */
  readonly message: Uint8Array;
  readonly told: readonly Told[];
  readonly moves: readonly Move[];
  /** Lamports: for the signature, and for priority. */
  readonly fee: { readonly signatures: bigint; readonly priority: bigint };
  /** Lamports that new accounts hold for as long as they are there; negative: come back from closed ones. */
  readonly rent: bigint;
  readonly health: Change | undefined;
}

/** Why a transaction is not offered for signing, in words. */
class Refused extends Error {
  override readonly name = 'Refused';
}

/** Lamports for a signature. */
const SIGNATURE_FEE = 5_000n;
/** Micro-lamports a unit that a percentile may ask for, and lamports that priority may cost in all. */
const MOST_PRIORITY = 1_000_000n;
/** What the first simulation may use. */
const GENEROUS: Budget = { units: 1_400_000, unitPrice: 1n, loadedData: 64 * 1_024 * 1_024 };
/** The part of the ratio after it that health must keep for the transaction not to fail: prices move while one reads. */
const GUARD_KEEPS = 98n;
/** Basis points that are far enough from danger: above them no price that moves should fail a transaction. */
const GUARD_ENOUGH = 15_000n;

interface ReviewContext {
  readonly config: Config;
  readonly rpc: Rpc;
  readonly engine: Engine | undefined;
}

/** Plays one of a plan's transactions and tells what it does. Throws {@link Refused} where nothing is to be signed. */
export async function reviewPlan(
  context: ReviewContext,
  plan: Plan,
  version: 0 | 'legacy',
  step: number,
): Promise<Review> {
  const { rpc } = context;
  const lists = plan.build(budgetInstructions(GENEROUS), guard(plan, 0));
  const first = lists[step];
  if (first === undefined) {
    throw new Refused('There is nothing to sign.');
  }
  const isLast = step === lists.length - 1;
  const draft = writeMessage(version, plan.owner, first, NO_BLOCKHASH);
  const written = writtenBy(draft);
  const [before, simulation, fees] = await Promise.all([
    rpc.accounts([...written, CLOCK]),
    rpc.simulate(toBase64(unsigned(draft)), written),
    rpc.priorityFees(written),
  ]);
  check(simulation, first);
  const states = written.map((address, nth) => ({
    address,
    before: before[nth]!.value,
    after: living(simulation.accounts[nth]),
  }));
  const health = isLast ? healths(context, plan, states, before[written.length]!.value) : undefined;
  const budget = budgetOf(simulation, fees);
  const tail = isLast ? guard(plan, guardRatio(health?.after?.value)) : [];
  const instructions = plan.build(budgetInstructions(budget), tail)[step]!;
  const message = writeMessage(version, plan.owner, instructions, NO_BLOCKHASH);
  const size = unsigned(message).length;
  if (size > LARGEST) {
    throw new Refused(`The transaction is too large: ${size} bytes, where the network takes ${LARGEST}.`);
  }
  check(await rpc.simulate(toBase64(unsigned(message)), []), instructions);
  const about = { names: new Names(context.config, plan.market), owner: plan.owner, tokens: plan.tokens ?? [] };
  const { instructions: read, signers } = readMessage(message);
  if (signers.length !== 1 || signers[0] !== plan.owner) {
    throw new Refused('The transaction asks for another signature than that of the account that is connected.');
  }
  return {
    step,
    steps: lists.length,
    version,
    instructions,
    message,
    told: read.map((instruction) => tell(instruction, about)),
    fee: feeOf(budget),
    ...moves(plan, states, about.names),
    health,
  };
}

/** What a transaction of one signature costs. */
function feeOf({ units, unitPrice }: Budget): Review['fee'] {
  return { signatures: SIGNATURE_FEE, priority: (BigInt(units) * unitPrice + 999_999n) / 1_000_000n };
}

type States = readonly {
  readonly address: Address;
  readonly before: AccountInfo | undefined;
  readonly after: AccountInfo | undefined;
}[];

/** A simulation shows a closed account as one of nothing. */
function living(info: AccountInfo | undefined): AccountInfo | undefined {
  return info === undefined || info.lamports === 0n ? undefined : info;
}

function writtenBy(message: Uint8Array): Address[] {
  const { feePayer, instructions } = readMessage(message);
  const accounts = instructions.flatMap((instruction) => instruction.accounts);
  const written = accounts.filter(({ isWritable }) => isWritable).map(({ address }) => address);
  return [...new Set([feePayer, ...written])];
}

function check({ err, logs }: Simulation, instructions: readonly Instruction[]): void {
  if (err !== null && err !== undefined) {
    throw new Refused(failureWords(err, { instructions, logs }));
  }
}

function guard({ market, marginAccount, addsRisk }: Plan, minRatioBps: number): Instruction[] {
  return addsRisk && marginAccount !== undefined
    ? [assertHealth(market, { marginAccount, requirement: REQUIREMENT.initial, minRatioBps })]
    : [];
}

/** Basis points that initial health must keep: a little less than was shown, and what the program asks for anyway at least. */
function guardRatio(after: Health | undefined): number {
  if (after === undefined || after.initial.debt === 0n) {
    return 10_000;
  }
  const ratio = (after.initial.collateral * 10_000n) / after.initial.debt;
  const kept = (ratio * GUARD_KEEPS) / 100n;
  return Number(kept < 10_000n ? 10_000n : kept > GUARD_ENOUGH ? GUARD_ENOUGH : kept);
}

/** Limits a little above what was used, and the price that three quarters of those before paid at most. */
function budgetOf({ unitsConsumed, loadedAccountsDataSize }: Simulation, fees: readonly bigint[]): Budget {
  const units = Number((unitsConsumed * 12n) / 10n) + 2_000;
  const sorted = [...fees].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const percentile = sorted[Math.floor(sorted.length * 0.75)] ?? 0n;
  const most = (MOST_PRIORITY * 1_000_000n) / BigInt(units);
  const wanted = percentile < 1n ? 1n : percentile;
  const loadedData =
    loadedAccountsDataSize === undefined || loadedAccountsDataSize === 0
      ? GENEROUS.loadedData
      : Math.min(GENEROUS.loadedData, Math.ceil((loadedAccountsDataSize * 1.25) / 32_768) * 32_768);
  return { units: Math.min(units, GENEROUS.units), unitPrice: wanted < most ? wanted : most, loadedData };
}

function healths(
  { engine }: ReviewContext,
  { market, marginAccount }: Plan,
  states: States,
  clock: AccountInfo | undefined,
): Review['health'] {
  const now = timeOf(clock && { address: CLOCK, info: clock });
  if (engine === undefined || now === undefined || marginAccount === undefined) {
    return undefined;
  }
  const marketState = states.find(({ address }) => address === market.address);
  const marginState = states.find(({ address }) => address === marginAccount);
  const at = (moment: 'before' | 'after'): Answer<Health> | undefined => {
    const [held, account] = [marketState?.[moment], marginState?.[moment]];
    if (account?.owner !== BALLAST_PROGRAM_ADDRESS) {
      return undefined;
    }
    const read = held === undefined ? market : decodeMarket(market.address, held.data);
    return ask(() => engine.health(read, decodeMarginAccount(marginAccount, account.data), now));
  };
  return { before: at('before'), after: at('after') };
}

function moves(plan: Plan, states: States, names: Names): Pick<Review, 'moves' | 'rent'> {
  const found: Move[] = [];
  let lamports = 0n;
  let rent = 0n;
  for (const { address, before, after } of states) {
    const change = (after?.lamports ?? 0n) - (before?.lamports ?? 0n);
    if (address === plan.owner) {
      lamports += change;
      continue;
    }
    const held = tokensOf(before ?? after);
    if (held?.owner === plan.owner) {
      const atoms = (tokensOf(after)?.amount ?? 0n) - (tokensOf(before)?.amount ?? 0n);
      if (atoms !== 0n) {
        found.push({ ...nameOf(plan, names, held.mint), atoms });
      }
    }
    if ((before === undefined) !== (after === undefined)) {
      rent += before === undefined ? after!.lamports - wrapped(after) : wrapped(before) - before.lamports;
    }
  }
  // The simulation took the fee of its own limits.
  const sol = lamports + rent + feeOf(GENEROUS).signatures + feeOf(GENEROUS).priority;
  if (sol !== 0n) {
    found.unshift({ symbol: 'SOL', decimals: 9, atoms: sol });
  }
  return { moves: found, rent };
}

/** Lamports of a token account that are wrapped SOL, and not its rent. */
function wrapped(info: AccountInfo | undefined): bigint {
  const isNative = info !== undefined && tokensOf(info) !== undefined && info.data[109] === 1;
  return isNative ? tokensOf(info)!.amount : 0n;
}

function tokensOf(info: AccountInfo | undefined): { mint: Address; owner: Address; amount: bigint } | undefined {
  if (info === undefined || info.data.length < 165 || (info.owner !== TOKEN && info.owner !== TOKEN_2022)) {
    return undefined;
  }
  const { decode } = getAddressDecoder();
  const view = new DataView(info.data.buffer, info.data.byteOffset);
  return { mint: decode(info.data), owner: decode(info.data, 32), amount: view.getBigUint64(64, true) };
}

function nameOf(plan: Plan, names: Names, mint: Address): { symbol: string; decimals: number } {
  const token = plan.tokens?.find((one) => one.mint === mint);
  if (token !== undefined) {
    return token;
  }
  const index = plan.market.reserves.findIndex((reserve) => reserve.mint === mint);
  const symbol = mint === 'So11111111111111111111111111111111111111112' ? 'wrapped SOL' : names.reserve(index);
  return index < 0 ? { symbol: mint, decimals: 0 } : { symbol, decimals: names.decimals(index) };
}
