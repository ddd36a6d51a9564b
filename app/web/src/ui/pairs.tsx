// What a liquidation of an account would move, for each debt with each collateral, as the engine previews it.

import { EVERYTHING, type Engine, type LiquidationPreview, type MarginAccount, type Market } from '@ballast/client';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { type Answer, ask } from '../ask.ts';
import { usdOf } from '../books.ts';
import type { Names } from '../names.ts';
import { bps } from '../number.ts';
import { type Column, Table } from './parts.tsx';
import { Amount, Usd } from './values.tsx';

export interface Pair {
  readonly debt: number;
  readonly collateral: number;
  readonly preview: Answer<LiquidationPreview>;
}

/** The `side` of a deposit and of a debt. */
const [DEPOSIT, DEBT] = [1, 2];

/** All pairs of an account, by an order that takes as much as there is. */
function pairsOf(engine: Engine, market: Market, account: MarginAccount, at: bigint): readonly Pair[] {
  const held = account.positions.slice(0, account.positionCount);
  const of = (side: number) => held.filter((position) => position.side === side).map(({ reserve }) => reserve);
  return of(DEBT!).flatMap((debt) =>
    of(DEPOSIT!).map((collateral) => {
      const order = { debt, collateral, maxRepay: EVERYTHING, minCollateral: 0n };
      return { debt, collateral, preview: ask(() => engine.previewLiquidation(market, account, order, at)) };
    }),
  );
}

export function TakenTable(props: {
  engine: Engine;
  market: Market;
  account: MarginAccount;
  names: Names;
  at: bigint;
  action?: (pair: Pair) => ComponentChildren;
}) {
  const { engine, market, account, names, at, action } = props;
  const pairs = useMemo(() => pairsOf(engine, market, account, at), [engine, market, account, at]);
  const amount = (index: number, atoms: bigint, rounding: 'up' | 'down') => {
    const value = usdOf(market.reserves[index]!, atoms);
    return (
      <span class="stack">
        <Amount atoms={atoms} decimals={names.decimals(index)} rounding={rounding} symbol={names.reserve(index)} />
        {value !== undefined && (
          <span class="under">
            <Usd value={value} rounding={rounding} />
          </span>
        )}
      </span>
    );
  };
  const cell = (of: (preview: LiquidationPreview, pair: Pair) => ComponentChildren) => (pair: Pair) =>
    pair.preview.value === undefined ? '–' : of(pair.preview.value, pair);
  const columns: Column<Pair>[] = [
    {
      head: 'Debt for collateral',
      cell: ({ debt, collateral, preview }) => (
        <span>
          {names.reserve(debt)} for {names.reserve(collateral)}
          {preview.words !== undefined && <span class="reason block">{preview.words}</span>}
        </span>
      ),
    },
    { head: 'Repaid', isNumber: true, cell: cell(({ repaid }, { debt }) => amount(debt, repaid, 'up')) },
    { head: 'Into insurance', isNumber: true, cell: cell(({ insurance }, { debt }) => amount(debt, insurance, 'up')) },
    { head: 'Taken', isNumber: true, cell: cell(({ seized }, { collateral }) => amount(collateral, seized, 'down')) },
    { head: 'Penalty', isNumber: true, cell: cell(({ penaltyBps }) => bps(penaltyBps)) },
    ...(action === undefined ? [] : [{ head: 'Act', isNumber: true, cell: action }]),
  ];
  return (
    <Table
      caption="What a liquidation would move"
      columns={columns}
      rows={pairs}
      keyOf={({ debt, collateral }) => `${debt} ${collateral}`}
      empty="It has no debt with a deposit beside it. Perps are liquidated by themselves: the command line does that."
    />
  );
}
