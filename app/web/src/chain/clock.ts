import { getI64Decoder } from '@solana/kit';
import type { Account } from './accounts.ts';

/** The chain's time in its clock's account, unix seconds: what the program goes by, whatever this machine's clock says. */
export function timeOf(clock: Account | undefined): bigint | undefined {
  // Behind the slot, the epoch's start, the epoch and the next one's leader schedule.
  return clock?.info === undefined ? undefined : getI64Decoder().decode(clock.info.data, 32);
}
