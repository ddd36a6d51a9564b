import type { Market } from '@ballast/client';
import type { Address, Instruction } from '@solana/kit';

/** A token that a plan moves, beside those of the market's reserves. */
export interface PlanToken {
  readonly mint: Address;
  readonly symbol: string;
  readonly decimals: number;
}

/** What somebody wants to do, before it is a transaction. Every action of the page is one, and goes through the same dialog. */
export interface Plan {
  /** Short, in the imperative: "Deposit 1.5 SOL". */
  readonly title: string;
  /** Who signs and pays. */
  readonly owner: Address;
  readonly market: Market;
  /** The margin account that it changes: its health is shown before and after. */
  readonly marginAccount?: Address;
  /** Whether the account may be nearer to liquidation after it: then a guard goes along, which fails it where health is worse. */
  readonly addsRisk: boolean;
  readonly tokens?: readonly PlanToken[];
  /** Told beside the review, in words: what the numbers do not say. */
  readonly notes?: readonly string[];
  /**
   * The instructions, a list for each transaction, one after the other; each begins with `head`, and the last ends with `tail`. It is
   * asked again whenever these change, so it must answer by what it was made with alone.
   */
  build(head: readonly Instruction[], tail: readonly Instruction[]): Instruction[][];
}
