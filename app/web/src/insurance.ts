// A reserve's insurance, and a stake in it, by the books as they were last written.

import type { InsuranceStake, Reserve } from '@ballast/client';
import { debtsOf } from './books.ts';

/** For how long shares may be taken once they are free, seconds. */
export const WINDOW = 172_800n;

/** What shares of an insurance are worth, rounded down. */
export function stakeWorth({ insurance: { assets, shares } }: Reserve, some: bigint): bigint {
  return shares === 0n ? 0n : (some * assets) / shares;
}

/** Shares that are worth so many atoms, rounded up; for all that a stake is worth, all of it. */
export function sharesFor(reserve: Reserve, held: bigint, atoms: bigint): bigint {
  const worth = stakeWorth(reserve, held);
  if (atoms >= worth) {
    return held;
  }
  const shares = (atoms * held + worth - 1n) / worth;
  return shares < held ? shares : held;
}

/** Atoms of a reserve's debts that are reported lost and not settled yet, rounded up. */
export function reportedLost(reserve: Reserve): bigint {
  return debtsOf({ ...reserve, debtShares: reserve.doubtful });
}

/** Where a stake stands. */
type Phase =
  /** A loss took all there was, this stake too. */
  | 'lost'
  | 'empty'
  | 'staked'
  /** Asked for, and still cooling down. */
  | 'cooling'
  /** It can be taken. */
  | 'free'
  /** It could have been taken, and was not. */
  | 'missed';

export function phaseOf(stake: InsuranceStake, reserve: Reserve, now: bigint): Phase {
  if (stake.generation !== reserve.insurance.generation) {
    return stake.shares === 0n ? 'empty' : 'lost';
  }
  if (stake.askedFor === 0n) {
    return stake.shares === 0n ? 'empty' : 'staked';
  }
  return now < stake.freeFrom ? 'cooling' : now - stake.freeFrom > WINDOW ? 'missed' : 'free';
}
