// The healths of an account, and the prices of its liquidation, at several moments beside each other.

import type { Engine, Health, MarginAccount, Market } from '@ballast/client';
import { useMemo } from 'preact/hooks';
import { ask } from '../ask.ts';
import { priceOf } from '../books.ts';
import type { Names } from '../names.ts';
import { price as priceText } from '../number.ts';
import { healthRatio, isUncovered } from './health.tsx';
import { type Column, Table } from './parts.tsx';
import { Usd } from './values.tsx';

/** A market to ask about an account. */
interface Moment {
  readonly name: string;
  readonly market: Market;
  /** Unix seconds. */
  readonly at: bigint;
}

const KINDS = [
  ['initial', 'For new risk'],
  ['maintenance', 'Before liquidation'],
  ['equity', 'At these prices'],
] as const;

interface Row {
  readonly name: string;
  readonly cell: (nth: number) => preact.ComponentChildren;
}

export function HealthTable(props: {
  engine: Engine;
  account: MarginAccount;
  names: Names;
  moments: readonly Moment[];
}) {
  const { engine, account, names, moments } = props;
  const healths = useMemo(
    () => moments.map(({ market, at }) => ask(() => engine.health(market, account, at))),
    [engine, account, ...moments.flatMap(({ market, at }) => [market, at])],
  );
  const held = account.positions.slice(0, account.positionCount).map(({ reserve }) => reserve);
  const prices = useMemo(
    () =>
      moments.map(({ market, at }) =>
        held.map((reserve) => ask(() => engine.liquidationPrice(market, account, reserve, at)).value),
      ),
    [engine, account, ...moments.flatMap(({ market, at }) => [market, at])],
  );
  const rows: Row[] = [
    ...KINDS.map(([kind, name]) => ({
      name,
      cell: (nth: number) => <Ratio answer={healths[nth]!} kind={kind} />,
    })),
    ...held.map((reserve, row) => ({
      name: `Liquidated at ${names.reserve(reserve)}`,
      cell: (nth: number) => {
        const found = prices[nth]![row];
        const last = priceOf(moments[nth]!.market.reserves[reserve]!);
        return (
          <span class="stack">
            <span class="number">
              {found === undefined ? 'no price' : `${priceText(found)} ${found.isDeposit ? '↓' : '↑'}`}
            </span>
            {last !== undefined && <span class="under">of {priceText(last)}</span>}
          </span>
        );
      },
    })),
  ];
  const columns: Column<Row>[] = [
    { head: 'What', cell: ({ name }) => name },
    ...moments.map(({ name }, nth) => ({ head: name, isNumber: true, cell: (row: Row) => row.cell(nth) })),
  ];
  return <Table caption="Health and prices of liquidation" columns={columns} rows={rows} keyOf={({ name }) => name} />;
}

function Ratio({
  answer,
  kind,
}: {
  answer: ReturnType<typeof ask<Health>>;
  kind: 'initial' | 'maintenance' | 'equity';
}) {
  if (answer.value === undefined) {
    return <span class="reason">{answer.words}</span>;
  }
  const sums = answer.value[kind];
  const isBad = sums.debt > sums.collateral;
  return (
    <span class="stack">
      <strong class={isBad ? 'number bad-text' : 'number'}>{healthRatio(sums)}</strong>
      {!isUncovered(sums) && (
        <span class="under">
          <Usd value={sums.collateral} rounding="down" /> / <Usd value={sums.debt} rounding="up" />
        </span>
      )}
    </span>
  );
}
