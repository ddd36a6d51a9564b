// Trades of perps, and coming to a pool and leaving it, as plans.

import {
  deposit,
  type Fill,
  type MarginAccount,
  type Market,
  openAccount,
  poolAt,
  poolDeposit,
  poolRequest,
  poolWithdraw,
  refreshPinnedPrices,
  reserveAt,
  settlePerp,
  type TradeOrder,
  tradePerp,
} from '@ballast/client';
import { type Address, createNoopSigner, type Instruction } from '@solana/kit';
import { Names } from '../names.ts';
import { exactAmount } from '../number.ts';
import type { Config } from '../config.ts';
import { type Contract, contractOf, lotsText, priceText } from '../perps.ts';
import type { Plan } from '../tx/plan.ts';
import { aroundPayIn, type Holding } from './sol.ts';

interface Priced {
  readonly market: Market;
  readonly owner: Address;
  readonly account: MarginAccount | undefined;
  /** Reserves whose prices are needed beside those of the account. */
  readonly reserves: readonly number[];
}

function built({ market, owner, account, reserves }: Priced, instructions: readonly Instruction[]): Plan['build'] {
  return (head, tail) =>
    refreshPinnedPrices(market, {
      feePayer: owner,
      ...(account === undefined ? {} : { account }),
      reserves,
      instructions: [...instructions, ...tail],
      head,
    });
}

/** What a trade was seen to do, in words. */
function fillWords(contract: Contract, { price, fee, gain, loss }: Fill): string {
  const amount = (atoms: bigint) => `${exactAmount(atoms, contract.quoteDecimals)} ${contract.quoteSymbol}`;
  const gained = gain > 0n ? `, a gain of ${amount(gain)}` : loss > 0n ? `, a loss of ${amount(loss)}` : '';
  return `By the prices of a moment ago: at ${priceText(contract, price, 'up')}, with a fee of ${amount(fee)}${gained}.`;
}

interface Trade {
  readonly market: Market;
  readonly owner: Address;
  readonly account: MarginAccount;
  readonly contract: Contract;
  /** With its bounds. */
  readonly order: TradeOrder;
  /** What the engine says that it does. */
  readonly fill: Fill;
}

export function tradePlan({ market, owner, account, contract, order, fill }: Trade): Plan {
  const trade = tradePerp(market, { owner: createNoopSigner(owner), marginAccount: account.address, ...order });
  const size = order.lots < 0n ? -order.lots : order.lots;
  const verb = order.reduceOnly ? 'Reduce: ' : '';
  return {
    title: `${verb}${order.lots > 0n ? 'Buy' : 'Sell'} ${lotsText(contract, fill.lots === 0n ? size : fill.lots)} of ${contract.name}`,
    owner,
    market,
    marginAccount: account.address,
    addsRisk: order.reduceOnly !== true,
    notes: [fillWords(contract, fill)],
    build: built({ market, owner, account, reserves: [contract.perp.config.price, contract.quote] }, [trade]),
  };
}

export function settlePlan(market: Market, owner: Address, account: MarginAccount, contract: Contract): Plan {
  const settle = settlePerp(market, { marginAccount: account.address, perp: contract.index });
  return {
    title: `Settle ${contract.name}`,
    owner,
    market,
    marginAccount: account.address,
    addsRisk: false,
    notes: ['What was lost is paid out of the deposit, and what is owed is paid into it. The position stays.'],
    build: built({ market, owner, account, reserves: [contract.perp.config.price, contract.quote] }, [settle]),
  };
}

/** The reserves whose prices value a pool: those that its perps follow, and its own. */
export function pricesOfPool(names: Names, pool: number): number[] {
  const { perps, perpCount, config } = poolAt(names.market, pool);
  const followed = Array.from(perps.slice(0, perpCount), (perp) => contractOf(names, perp).perp.config.price);
  return [...new Set([config.quote, ...followed])];
}

export interface PoolScene {
  readonly config: Config;
  readonly market: Market;
  readonly owner: Address;
  readonly pool: number;
  /** The margin account and its number; `account` is none before it is opened. */
  readonly marginAccount: Address;
  readonly id: number;
  readonly account: MarginAccount | undefined;
}

function poolPlan(
  scene: PoolScene,
  title: string,
  instructions: readonly Instruction[],
  notes: readonly string[],
): Plan {
  const { config, market, owner, account, marginAccount, pool } = scene;
  const reserves = pricesOfPool(new Names(config, market), pool);
  return {
    ...{ title, owner, market, marginAccount, notes },
    // Such an account owes nothing.
    addsRisk: false,
    build: built({ market, owner, account, reserves }, instructions),
  };
}

/** Moves `amount` into the pool: out of the account's deposit, or first from the wallet into that. */
export async function poolDepositPlan(
  scene: PoolScene,
  amount: bigint,
  fromWallet: { readonly holding: Holding; readonly paid: bigint } | undefined,
): Promise<Plan> {
  const { config, market, owner, pool, marginAccount, id, account } = scene;
  const names = new Names(config, market);
  const [reserve, signer] = [names.quote(pool), createNoopSigner(owner)];
  const opening = account === undefined ? [await openAccount(market, { owner: signer, id })] : [];
  const around = fromWallet && aroundPayIn(owner, reserveAt(market, reserve), fromWallet.holding, fromWallet.paid);
  const paying =
    fromWallet === undefined
      ? []
      : [
          ...around!.before,
          deposit(market, {
            ...{ payer: signer, marginAccount, source: fromWallet.holding.address },
            ...{ reserve, amount: fromWallet.paid },
          }),
          ...around!.after,
        ];
  const enter = poolDeposit(market, { owner: signer, marginAccount, pool, amount });
  const title = `Put ${exactAmount(amount, names.decimals(reserve))} ${names.reserve(reserve)} into the ${names.pool(pool)}`;
  const note = 'The pool is the other side of what traders hold, and bears what bankrupt ones cannot pay.';
  return poolPlan(scene, title, [...opening, ...paying, enter], [note]);
}

export function poolRequestPlan(scene: PoolScene, shares: bigint): Plan {
  const { market, owner, marginAccount, pool, config } = scene;
  const names = new Names(config, market);
  const request = poolRequest(market, { owner: createNoopSigner(owner), marginAccount, pool, shares });
  return {
    title: shares === 0n ? `Stay in the ${names.pool(pool)}` : `Ask to leave the ${names.pool(pool)}`,
    ...{ owner, market, marginAccount, addsRisk: false },
    // It needs no price.
    build: (head, tail) => [[...head, request, ...tail]],
  };
}

export function poolWithdrawPlan(scene: PoolScene): Plan {
  const { config, market, owner, marginAccount, pool, id } = scene;
  const names = new Names(config, market);
  const withdraw = poolWithdraw(market, { owner: createNoopSigner(owner), marginAccount, pool });
  const note = `It becomes a deposit in margin account ${id}, and can be withdrawn from there.`;
  return poolPlan(scene, `Leave the ${names.pool(pool)}`, [withdraw], [note]);
}
