// Staking in a reserve's insurance, and leaving it, as plans.

import { beginUnstake, closeStake, type Market, openStake, reserveAt, stakeTokens, unstake } from '@ballast/client';
import { type Address, createNoopSigner, type Instruction } from '@solana/kit';
import type { Config } from '../config.ts';
import { Names } from '../names.ts';
import { exactAmount } from '../number.ts';
import type { Plan } from '../tx/plan.ts';
import { aroundPayIn, aroundPayOut, type Holding } from './sol.ts';

export interface StakeScene {
  readonly config: Config;
  readonly market: Market;
  readonly owner: Address;
  readonly reserve: number;
  /** Where the owner's stake is, and whether it is opened. */
  readonly stake: Address;
  readonly isOpen: boolean;
  readonly holding: Holding;
}

function plan(
  { market, owner }: StakeScene,
  title: string,
  instructions: readonly Instruction[],
  notes: string[],
): Plan {
  return {
    ...{ title, owner, market, notes },
    addsRisk: false,
    build: (head, tail) => [[...head, ...instructions, ...tail]],
  };
}

export async function stakePlan(scene: StakeScene, amount: bigint): Promise<Plan> {
  const { config, market, owner, reserve, stake, isOpen, holding } = scene;
  const names = new Names(config, market);
  const signer = createNoopSigner(owner);
  const around = aroundPayIn(owner, reserveAt(market, reserve), holding, amount);
  const opening = isOpen ? [] : [await openStake(market, { owner: signer, reserve })];
  const pay = stakeTokens(market, { payer: signer, stake, source: holding.address, reserve, amount });
  const title = `Stake ${exactAmount(amount, names.decimals(reserve))} ${names.reserve(reserve)} in the insurance`;
  const note =
    'It bears the losses of this reserve first. Leaving takes the cooldown, and then there are two days for it.';
  return plan(scene, title, [...opening, ...around.before, pay, ...around.after], [note]);
}

/** Asks for shares; none takes the request back. */
export function askPlan(scene: StakeScene, shares: bigint): Plan {
  const { market, owner, stake } = scene;
  const ask = beginUnstake(market, { owner: createNoopSigner(owner), stake, shares });
  const title = shares === 0n ? 'Stay in the insurance' : 'Ask to leave the insurance';
  const note = 'Until they are taken the shares bear losses like all others.';
  return plan(scene, title, [ask], shares === 0n ? [] : [note]);
}

/** Takes what is free, and closes the stake if that is all of it. */
export function takePlan(scene: StakeScene, isAll: boolean): Plan {
  const { config, market, owner, reserve, stake, holding } = scene;
  const signer = createNoopSigner(owner);
  const around = aroundPayOut(owner, reserveAt(market, reserve), holding);
  const take = unstake(market, { owner: signer, stake, destination: holding.address, reserve });
  const closing = isAll ? [closeStake(market, { owner: signer, stake })] : [];
  const title = `Leave the insurance of ${new Names(config, market).reserve(reserve)}`;
  return plan(scene, title, [...around.before, take, ...around.after, ...closing], []);
}

/** Closes a stake that holds nothing. */
export function closeStakePlan(scene: StakeScene): Plan {
  const close = closeStake(scene.market, { owner: createNoopSigner(scene.owner), stake: scene.stake });
  return plan(scene, 'Close the stake', [close], []);
}
