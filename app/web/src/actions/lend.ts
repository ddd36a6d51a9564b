// Deposits, withdrawals, loans and repayments, and closing an account, as plans.

import {
  borrow,
  closeAccount,
  deposit,
  EVERYTHING,
  type MarginAccount,
  type Market,
  openAccount,
  refreshPinnedPrices,
  repay,
  reserveAt,
  withdraw,
} from '@ballast/client';
import { type Address, createNoopSigner, type Instruction } from '@solana/kit';
import { Names } from '../names.ts';
import { exactAmount } from '../number.ts';
import type { Config } from '../config.ts';
import type { Plan } from '../tx/plan.ts';
import { aroundPayIn, aroundPayOut, type Holding, isNative } from './sol.ts';

export const LEND_ACTIONS = ['deposit', 'withdraw', 'borrow', 'repay'] as const;
export type LendAction = (typeof LEND_ACTIONS)[number];

export const VERBS: Readonly<Record<LendAction, string>> = {
  deposit: 'Deposit',
  withdraw: 'Withdraw',
  borrow: 'Borrow',
  repay: 'Repay',
};

interface LendOrder {
  readonly config: Config;
  readonly action: LendAction;
  readonly market: Market;
  readonly owner: Address;
  /** The margin account and its number; `account` is none before it is opened. */
  readonly marginAccount: Address;
  readonly id: number;
  readonly account: MarginAccount | undefined;
  readonly reserve: number;
  /** Atoms; {@link EVERYTHING} withdraws or repays all. */
  readonly amount: bigint;
  /** What the owner has of the token. */
  readonly holding: Holding;
  /** Atoms of the debt that is repaid, interest until now included. */
  readonly debt?: bigint;
}

/** Whether an account owes anything, or may lose by a perp. */
function hasRisk(account: MarginAccount | undefined): boolean {
  return (
    account !== undefined &&
    (account.extraCount > 0 || account.positions.slice(0, account.positionCount).some(({ side }) => side === DEBT))
  );
}

/** The `side` of a debt. */
const DEBT = 2;

/** What to wrap for a debt that grows until the transaction lands: a ten-thousandth more, which comes back. */
function enoughFor(debt: bigint): bigint {
  return debt + debt / 10_000n + 10n;
}

export async function lendPlan(order: LendOrder): Promise<Plan> {
  const { config, action, market, owner, marginAccount, id, account, reserve, amount, holding, debt = 0n } = order;
  const token = reserveAt(market, reserve);
  const names = new Names(config, market);
  const signer = createNoopSigner(owner);
  const tokens = holding.address;
  const paysIn = action === 'deposit' || action === 'repay';
  const due = amount === EVERYTHING ? enoughFor(debt) : amount;
  const around = paysIn ? aroundPayIn(owner, token, holding, due) : aroundPayOut(owner, token, holding);
  const opening = account === undefined ? [await openAccount(market, { owner: signer, id })] : [];
  const act: Record<LendAction, () => Instruction> = {
    deposit: () => deposit(market, { payer: signer, marginAccount, source: tokens, reserve, amount }),
    repay: () => repay(market, { payer: signer, marginAccount, source: tokens, reserve, amount }),
    withdraw: () => withdraw(market, { owner: signer, marginAccount, destination: tokens, reserve, amount }),
    borrow: () => borrow(market, { owner: signer, marginAccount, destination: tokens, reserve, amount }),
  };
  const instructions = [...opening, ...around.before, act[action](), ...around.after];
  // Who owes nothing and borrows nothing needs no price, and a debt can be paid back without one.
  const needsPrices = action === 'borrow' || (action !== 'repay' && hasRisk(account));
  const arrives = !paysIn && isNative(token) && around.after.length === 0;
  const said = amount === EVERYTHING ? 'all' : exactAmount(amount, token.decimals);
  return {
    title: `${VERBS[action]} ${said} ${names.reserve(reserve)}`,
    owner,
    market,
    marginAccount,
    addsRisk: action === 'borrow' || (action === 'withdraw' && hasRisk(account)),
    notes: arrives ? ['It arrives as wrapped SOL, because you hold wrapped SOL already.'] : [],
    build: (head, tail) => {
      const all = [...instructions, ...tail];
      return needsPrices
        ? refreshPinnedPrices(market, {
            feePayer: owner,
            ...(account === undefined ? {} : { account }),
            reserves: [reserve],
            instructions: all,
            head,
          })
        : [[...head, ...all]];
    },
  };
}

/** Closes an account that holds nothing any more. */
export function closePlan(market: Market, owner: Address, account: MarginAccount): Plan {
  const instruction = closeAccount({ owner: createNoopSigner(owner), marginAccount: account.address });
  return {
    title: `Close margin account ${account.id}`,
    owner,
    market,
    addsRisk: false,
    build: (head, tail) => [[...head, instruction, ...tail]],
  };
}
