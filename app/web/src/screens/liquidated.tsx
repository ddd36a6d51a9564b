// Liquidations of the past, as the program logged them.

import type { Market } from '@ballast/client';
import { READ } from '../events.ts';
import type { Names } from '../names.ts';
import { bps, moment } from '../number.ts';
import { type PastTransaction, pastOf, usePast } from '../past.ts';
import { Button, Notice, Section, Skeleton, Table } from '../ui/parts.tsx';
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
    <Section
      title="Past ones"
      aside={
        <Button kind="quiet" disabled={past.state === 'asking'} reason="The node is being asked" onClick={look}>
          {past.state === 'asking' ? 'Looking…' : `Look through the last ${LOOKED_THROUGH} transactions`}
        </Button>
      }
    >
      <div aria-live="polite">
        {past.state === 'unasked' && (
          <p class="empty">Each transaction costs the node an answer, so they are read when you ask.</p>
        )}
        {past.state === 'asking' && <Skeleton lines={3} height={45} />}
        {past.state === 'failed' && (
          <div class="panel-body form">
            <Notice tone="warn">The past could not be read: {past.words}</Notice>
          </div>
        )}
        {past.state === 'ready' && (
          <Table
            caption="Past liquidations"
            rows={rowsOf(past.value, names)}
            keyOf={({ key }) => key}
            empty={`None among the last ${past.value.length} transactions of the market that succeeded.`}
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
      </div>
    </Section>
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
