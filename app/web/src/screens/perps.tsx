// The perps of a market: what they cost to hold and to trade, one's positions, and the form to trade.

import type { Engine, Market, PerpReport, PerpState } from '@ballast/client';
import { useMemo } from 'preact/hooks';
import { type Answer, ask } from '../ask.ts';
import { useEngine, useNow } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { duration, percent } from '../number.ts';
import { type Contract, contractOf, lotsText, perpsOf, poolsOf, unitPrice } from '../perps.ts';
import { href } from '../route.ts';
import { Badge, type Column, Notice, Screen, Section, Skeleton, Table, type Tone } from '../ui/parts.tsx';
import { OfMarket } from '../ui/subject.tsx';
import { Amount, Percent } from '../ui/values.tsx';
import { useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';
import { Positions } from './perp/positions.tsx';
import { TradeForm } from './perp/trade.tsx';

export default function PerpsScreen({ args }: ScreenProps) {
  return (
    <Screen title="Perps" lede="Futures without an end, at the oracle’s price, against a pool.">
      <OfMarket waiting={<Waiting />}>{(market) => <Perps market={market} given={args[0]} />}</OfMarket>
    </Screen>
  );
}

function Waiting() {
  return (
    <>
      <div class="panel">
        <Skeleton lines={3} height={46} />
      </div>
      <div class="panel">
        <Skeleton lines={10} height={44} />
      </div>
    </>
  );
}

/** A perp, and what the engine says of it. */
interface Row {
  readonly contract: Contract;
  readonly report: Answer<PerpReport>;
}

function rowsOf(engine: Engine, names: Names, now: bigint): Row[] {
  return perpsOf(names.market).map((index) => ({
    contract: contractOf(names, index),
    report: ask(() => engine.perpReport(names.market, index, now)),
  }));
}

function Perps({ market, given }: { market: Market; given: string | undefined }) {
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const connection = useConnection();
  const indices = perpsOf(market);
  const rows = useMemo(
    () => (engine === undefined || now === undefined ? undefined : rowsOf(engine, names, now)),
    [engine, market, names.config, now],
  );
  if (indices.length === 0) {
    return <Notice>This market has no perps.</Notice>;
  }
  if (given !== undefined && !indices.includes(Number(given))) {
    return (
      <Notice>
        The market has no perp {given}. <a href={href('perps')}>See all perps</a>.
      </Notice>
    );
  }
  const chosen = given === undefined ? indices[0]! : Number(given);
  if (rows === undefined) {
    return <Waiting />;
  }
  const row = rows.find(({ contract }) => contract.index === chosen)!;
  return (
    <>
      <Section
        title="Perps"
        aside={
          <span class="links">
            {poolsOf(market).map((pool) => (
              <a key={pool} href={href('pool', [pool])}>
                {names.pool(pool)}
              </a>
            ))}
          </span>
        }
      >
        <Table
          caption="The perps of this market"
          columns={columns(chosen)}
          rows={rows}
          keyOf={({ contract }) => contract.index}
        />
      </Section>
      <StateNotice {...row} />
      <TradeForm
        key={chosen}
        market={market}
        contract={row.contract}
        report={row.report.value}
        owner={connection?.address}
      />
      <Section title="Your positions">
        {connection === undefined ? (
          <p class="empty">Connect a wallet to see its positions.</p>
        ) : (
          <Positions market={market} owner={connection.address} />
        )}
      </Section>
    </>
  );
}

const STATES: Readonly<Record<PerpState, readonly [name: string, tone: Tone]>> = {
  open: ['open', 'good'],
  reduceOnly: ['reduce only', 'warn'],
  deleveraging: ['deleveraging', 'bad'],
  woundDown: ['wound down', 'bad'],
};

function StateNotice({ contract, report }: Row) {
  switch (report.value?.state) {
    case 'reduceOnly':
      return <Notice tone="warn">{contract.name} is reduce-only: positions can shrink and close, and not grow.</Notice>;
    case 'deleveraging':
      return (
        <Notice tone="bad">
          The pool of {contract.name} covers too little of what it must bear: anyone may close a part of the side that
          it cannot bear, at the last price.
        </Notice>
      );
    case 'woundDown':
      return (
        <Notice tone="bad">{contract.name} is wound down: everybody leaves at one final price, free of charge.</Notice>
      );
    default:
      return null;
  }
}

function columns(chosen: number): Column<Row>[] {
  const figure = (make: (report: PerpReport, contract: Contract) => preact.ComponentChildren) => (row: Row) =>
    row.report.value === undefined ? '–' : make(row.report.value, row.contract);
  const quote = (contract: Contract, atoms: bigint) => (
    <Amount atoms={atoms} decimals={contract.quoteDecimals} rounding="down" digits={2} />
  );
  const side = (lots: (report: PerpReport) => bigint, value: (report: PerpReport) => bigint) =>
    figure((report, contract) => (
      <span class="stack">
        {quote(contract, value(report))}
        <span class="under">{lotsText(contract, lots(report))}</span>
      </span>
    ));
  return [
    {
      head: 'Perp',
      cell: ({ contract, report }) => (
        <span class="token">
          <a href={href('perps', [contract.index])} aria-current={contract.index === chosen ? 'true' : undefined}>
            {contract.name}
          </a>
          {report.value === undefined ? (
            <Badge tone="warn" title={report.words}>
              no figures
            </Badge>
          ) : (
            <Badge tone={STATES[report.value.state][1]}>{STATES[report.value.state][0]}</Badge>
          )}
        </span>
      ),
    },
    {
      head: 'Price',
      isNumber: true,
      cell: figure((report, contract) => (
        <span class="stack">
          <Amount
            atoms={unitPrice(contract, report.marks.spot, 'down')}
            decimals={contract.quoteDecimals}
            rounding="down"
            symbol={contract.quoteSymbol}
          />
          <span class={`under${report.age > BigInt(contract.perp.config.maxTradeAge) ? ' warn' : ''}`}>
            {report.age < 1n ? 'now' : `${duration(report.age)} old`}
          </span>
        </span>
      )),
    },
    {
      head: 'Longs',
      isNumber: true,
      cell: side(
        ({ longLots }) => longLots,
        ({ greeks }) => greeks.longs,
      ),
    },
    {
      head: 'Shorts',
      isNumber: true,
      cell: side(
        ({ shortLots }) => shortLots,
        ({ greeks }) => greeks.shorts,
      ),
    },
    {
      head: 'Skew',
      isNumber: true,
      cell: figure((report, contract) => (
        <span class="stack">
          <Amount atoms={report.skewLots} decimals={contract.lotDecimals} rounding="down" digits={2} />
          <span class="under">
            {report.skewLots < 0n ? 'shorts heavier' : report.skewLots > 0n ? 'longs heavier' : 'even'}
          </span>
        </span>
      )),
    },
    {
      head: 'Funding, a year',
      isNumber: true,
      cell: figure((report) => (
        <span class="stack">
          <Percent part={Math.abs(report.funding)} digits={3} />
          <span class="under">
            {report.funding > 0 ? 'longs pay' : report.funding < 0 ? 'shorts pay' : 'nobody pays'}
          </span>
        </span>
      )),
    },
    {
      head: 'Borrow, a year',
      isNumber: true,
      cell: figure((report) => (
        <span class="stack">
          <Percent part={report.borrow} />
          <span class="under">both pay</span>
        </span>
      )),
    },
    { head: 'Fee now', isNumber: true, cell: figure((report) => percent(report.fee, 3)) },
    {
      head: 'May grow',
      isNumber: true,
      cell: figure((report, contract) => (
        <span class="stack">
          {report.growth === undefined ? 'no limit' : quote(contract, report.growth)}
          <span class="under">
            {report.budget === undefined ? 'gains unlimited' : <>pays {quote(contract, report.budget)} today</>}
          </span>
        </span>
      )),
    },
  ];
}
