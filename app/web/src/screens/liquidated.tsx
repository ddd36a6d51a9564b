// Liquidations of the past, as the program logged them.

import type { Market } from '@ballast/client';
import { READ } from '../events.ts';
import type { Names } from '../names.ts';
import { bps, moment } from '../number.ts';
import { type PastTransaction, pastOf, usePast } from '../past.ts';
import { Table } from '../ui/parts.tsx';
import { PastSection } from '../ui/past.tsx';
import { AddressText, Amount, Copy } from '../ui/values.tsx';

/** Transactions that are looked through. */
const LOOKED_THROUGH = 40;

interface Row {
  readonly key: string;
  readonly signature: string;
  readonly time: bigint | undefined;
  readonly account: string;
  readonly what: preact.ComponentChildren;
}

export function PastLiquidations({ market, names }: { market: Market; names: Names }) {
  const [past, look] = usePast((rpc, program) => pastOf(rpc, program, market.address, LOOKED_THROUGH));
  return (
    <PastSection
      title="Past ones"
      {...{ past, look }}
      lookFor={`Look through the last ${LOOKED_THROUGH} transactions`}
      unasked="Each transaction costs the node an answer, so they are read when you ask."
    >
      {(found) => (
        <Table
          caption="Past liquidations"
          rows={rowsOf(found, names)}
          keyOf={({ key }) => key}
          empty={`None among the last ${found.length} transactions of the market that succeeded.`}
          columns={[
            { head: 'When', cell: ({ time }) => (time === undefined ? 'unknown' : moment(time)) },
            {
              head: 'Account',
              cell: ({ account }) => <AddressText address={account} label="address of the account" />,
            },
            { head: 'What', cell: ({ what }) => what },
            {
              head: 'Transaction',
              isNumber: true,
              cell: ({ signature }) => (
                <span class="address">
                  <code title={signature}>{signature.slice(0, 6)}…</code>
                  <Copy text={signature} label="signature" />
                </span>
              ),
            },
          ]}
        />
      )}
    </PastSection>
  );
}

function rowsOf(transactions: readonly PastTransaction[], names: Names): Row[] {
  const amount = (index: number, atoms: bigint, rounding: 'up' | 'down') => (
    <Amount atoms={atoms} decimals={names.decimals(index)} rounding={rounding} symbol={names.reserve(index)} />
  );
  return transactions.flatMap(({ signature, time, events }) =>
    events.flatMap((event): Row[] => {
      const row = { key: `${signature} ${event.number}`, signature, time, account: event.of };
      switch (event.name) {
        case 'Liquidated': {
          const { debtReserve, collateralReserve, repaid, seized, penalty } = READ.Liquidated(event);
          const what = (
            <>
              {amount(debtReserve, repaid, 'up')} repaid for {amount(collateralReserve, seized, 'down')}, penalty{' '}
              {bps(penalty)}
            </>
          );
          return [{ ...row, what }];
        }
        case 'PerpLiquidated':
          return [{ ...row, what: 'A position in a perp was closed' }];
        case 'BadDebtSettled':
          return [{ ...row, what: 'Its bad debt was settled' }];
        case 'LiquidatableMarked':
          return [{ ...row, what: 'It was marked, or its mark taken off' }];
        default:
          return [];
      }
    }),
  );
}
