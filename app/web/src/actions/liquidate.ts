// A liquidation, paid with the liquidator's own tokens.

import {
  type LiquidationPreview,
  liquidate,
  type MarginAccount,
  type Market,
  refreshPinnedPrices,
} from '@ballast/client';
import { type Address, createNoopSigner } from '@solana/kit';
import { brief, type Names } from '../names.ts';
import type { Plan } from '../tx/plan.ts';
import { aroundPayIn, aroundPayOut, type Holding } from './sol.ts';

interface LiquidationInput {
  readonly market: Market;
  readonly names: Names;
  readonly liquidator: Address;
  readonly account: MarginAccount;
  readonly debt: number;
  readonly collateral: number;
  /** What it is expected to move. */
  readonly preview: LiquidationPreview;
  /** Most atoms to pay. */
  readonly most: bigint;
  readonly paysFrom: Holding;
  readonly takesTo: Holding;
}

/** Least part of the collateral in the preview that is accepted, percent: prices move while one reads. */
const ACCEPTED = 99n;

/** What an order pays at most: as previewed, and an atom that is rounded off. */
function payment({ repaid, insurance }: LiquidationPreview, most: bigint): bigint {
  const wanted = repaid + insurance + 1n;
  return wanted < most ? wanted : most;
}

export function liquidationPlan(input: LiquidationInput): Plan {
  const { market, names, liquidator, account, debt, collateral, preview, most, paysFrom, takesTo } = input;
  const maxRepay = payment(preview, most);
  const minCollateral = (preview.seized * ACCEPTED) / 100n;
  const payIn = aroundPayIn(liquidator, market.reserves[debt]!, paysFrom, maxRepay);
  const payOut = aroundPayOut(liquidator, market.reserves[collateral]!, takesTo);
  const instruction = liquidate(market, {
    liquidator: createNoopSigner(liquidator),
    marginAccount: account.address,
    source: paysFrom.address,
    destination: takesTo.address,
    debt,
    collateral,
    maxRepay,
    minCollateral,
  });
  const instructions = [...payIn.before, ...payOut.before, instruction, ...payIn.after, ...payOut.after];
  return {
    title: `Liquidate ${names.reserve(debt)} for ${names.reserve(collateral)} of ${brief(account.address)}`,
    owner: liquidator,
    market,
    marginAccount: account.address,
    addsRisk: false,
    notes: ['The health is that of the account that is liquidated, before and after.'],
    build: (head, tail) =>
      refreshPinnedPrices(market, {
        feePayer: liquidator,
        account,
        reserves: [debt, collateral],
        instructions: [...instructions, ...tail],
        head,
      }),
  };
}
