// Somebody's positions in perps, in all margin accounts that the page looks for.

import { type Engine, type MarginAccount, type Market, perpPositions, type PositionReport } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo, useState } from 'preact/hooks';
import { settlePlan, tradePlan } from '../../actions/perp.ts';
import { useApp } from '../../app.ts';
import { ask } from '../../ask.ts';
import { useAccountAddresses, useEngine, useMarginAccounts, useNow } from '../../hooks.ts';
import { useNames } from '../../names.ts';
import { duration, moment, percent } from '../../number.ts';
import { type Contract, contractOf, lotsText, unitPrice } from '../../perps.ts';
import { href } from '../../route.ts';
import { useFreshMarket } from '../../tx/preview.ts';
import { Badge, Button, type Column, Failure, Skeleton, Table } from '../../ui/parts.tsx';
import { Amount, Price } from '../../ui/values.tsx';
import { playOrder } from './trade.tsx';

interface Held {
  readonly account: MarginAccount;
  readonly contract: Contract;
  readonly isShort: boolean;
  readonly report: PositionReport | undefined;
  readonly words: string | undefined;
}

export function Positions({ market, owner }: { market: Market; owner: Address }) {
  const { flow } = useApp();
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const accounts = useMarginAccounts(useAccountAddresses(owner));
  const [failure, setFailure] = useState<string>();
  const holders = accounts?.filter((account) => perpPositions(account).length > 0) ?? [];
  const needed = holders.flatMap((account) =>
    perpPositions(account).flatMap(({ perp }) => {
      const { perp: record, quote } = contractOf(names, perp);
      return [record.config.price, quote];
    }),
  );
  const fresh = useFreshMarket(market, holders[0], needed, owner, now);
  const rows = useMemo((): Held[] => {
    if (engine === undefined || now === undefined) {
      return [];
    }
    return holders.flatMap((account) =>
      perpPositions(account).map(({ perp, isShort }) => {
        const { value, words } = ask(() => engine.positionReport(fresh, account, perp, now));
        return { account, contract: contractOf(names, perp), isShort: isShort !== 0, report: value, words };
      }),
    );
  }, [engine, now, fresh, accounts, names.config]);
  if (accounts === undefined || engine === undefined || now === undefined) {
    return <Skeleton lines={2} height={48} />;
  }
  const close = ({ account, contract, isShort, report }: Held) => {
    // One lot more than there are, so that no part of one is left.
    const lots = (report!.lots < 0n ? -report!.lots : report!.lots) + 1n;
    const order = { perp: contract.index, lots: isShort ? lots : -lots, reduceOnly: true };
    const { value, words } = playOrder(engine, fresh, account, order, now);
    setFailure(words);
    if (value !== undefined) {
      flow.start(tradePlan({ market, owner, account, contract, order: value.order, fill: value.fill }));
    }
  };
  return (
    <>
      <Failure words={failure} />
      <Table
        caption="Your positions in perps"
        columns={columns({ engine, market: fresh, now })}
        rows={rows}
        keyOf={({ account, contract }) => `${account.id} ${contract.index}`}
        empty="You hold no position."
      />
      {rows.length > 0 && (
        <div class="panel-body">
          {rows.map((row) => (
            <div class="buttons" key={`${row.account.id} ${row.contract.index}`}>
              <Button disabled={row.report === undefined} reason={row.words} onClick={() => close(row)}>
                {row.report?.lots === 0n ? 'Take what is owed' : 'Close'} {row.contract.name}, account {row.account.id}
              </Button>
              <Button onClick={() => flow.start(settlePlan(market, owner, row.account, row.contract))}>
                Settle {row.contract.name}, account {row.account.id}
              </Button>
            </div>
          ))}
        </div>
      )}
    </>
  );
}

interface Subject {
  readonly engine: Engine;
  readonly market: Market;
  readonly now: bigint;
}

function columns({ engine, market, now }: Subject): Column<Held>[] {
  const figure = (make: (report: PositionReport, held: Held) => preact.ComponentChildren) => (held: Held) =>
    held.report === undefined ? '–' : make(held.report, held);
  const quote = ({ contract }: Held, atoms: bigint, rounding: 'up' | 'down') => (
    <Amount atoms={atoms} decimals={contract.quoteDecimals} rounding={rounding} digits={2} />
  );
  const funding = ({ contract, isShort }: Held) => {
    const report = ask(() => engine.perpReport(market, contract.index, now)).value;
    return report && { own: isShort ? -report.funding : report.funding, borrow: report.borrow };
  };
  return [
    {
      head: 'Position',
      cell: ({ contract, isShort, account, report, words }) => (
        <span class="token">
          <a href={href('perps', [contract.index], account.id === 0 ? {} : { id: String(account.id) })}>
            {contract.name}
          </a>
          <Badge tone="accent">{report?.lots === 0n ? 'closed' : isShort ? 'short' : 'long'}</Badge>
          <span class="unit">account {account.id}</span>
          {words !== undefined && <span class="under warn">{words}</span>}
        </span>
      ),
    },
    {
      head: 'Size',
      isNumber: true,
      cell: figure(({ lots, value }, held) => (
        <span class="stack">
          {lotsText(held.contract, lots < 0n ? -lots : lots)}
          <span class="under">
            {quote(held, value, 'down')} {held.contract.quoteSymbol}
          </span>
        </span>
      )),
    },
    {
      head: 'Breaks even at',
      isNumber: true,
      cell: figure(({ breakEven }, { contract, isShort }) =>
        breakEven === undefined ? (
          '–'
        ) : (
          <Amount
            atoms={unitPrice(contract, breakEven, isShort ? 'down' : 'up')}
            decimals={contract.quoteDecimals}
            rounding={isShort ? 'down' : 'up'}
          />
        ),
      ),
    },
    {
      head: 'Gain',
      isNumber: true,
      cell: figure(({ gain, paid }, held) => (
        <span class="stack">
          <span class={gain < 0n ? 'lost' : gain > 0n ? 'won' : undefined}>{quote(held, gain, 'down')}</span>
          {gain > 0n && <span class="under">{quote(held, paid, 'down')} paid now</span>}
        </span>
      )),
    },
    {
      head: 'Funding, a year',
      isNumber: true,
      cell: figure((_, held) => {
        const rates = funding(held);
        return rates === undefined ? (
          '–'
        ) : (
          <span class="stack">
            {rates.own === 0 ? 'none' : `${rates.own > 0 ? 'pays' : 'gets'} ${percent(Math.abs(rates.own), 3)}`}
            <span class="under">borrow fee {percent(rates.borrow)}</span>
          </span>
        );
      }),
    },
    {
      head: 'Margin',
      isNumber: true,
      cell: figure(({ maintenanceMargin, initialMargin }, held) => (
        <span class="stack">
          {quote(held, maintenanceMargin, 'up')}
          <span class="under">new: {quote(held, initialMargin, 'up')}</span>
        </span>
      )),
    },
    {
      head: 'Liquidated at',
      isNumber: true,
      cell: figure(({ lots }, { account, contract, isShort }) => {
        const at = ask(() => engine.liquidationPrice(market, account, contract.perp.config.price, now)).value;
        return at === undefined || lots === 0n ? (
          'no price'
        ) : (
          <span class="stack">
            <Price value={at} />
            <span class="under">{isShort ? 'or higher' : 'or lower'}</span>
          </span>
        );
      }),
    },
    {
      head: 'Held until',
      isNumber: true,
      cell: figure(({ heldUntil }) =>
        heldUntil > now ? (
          <span class="stack" title={moment(heldUntil)}>
            {duration(heldUntil - now)} more
            <span class="under">no gain till then</span>
          </span>
        ) : (
          'free'
        ),
      ),
    },
  ];
}
