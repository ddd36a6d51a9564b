// All reserves of a market at a glance.

import { annualYield, type Engine, type Market } from '@ballast/client';
import { useMemo } from 'preact/hooks';
import { useApp } from '../app.ts';
import {
  debtsOf,
  depositsOf,
  haltOf,
  openReserves,
  outflowLeft,
  priceOf,
  priceTrouble,
  type Reserve,
  usdOf,
} from '../books.ts';
import { useEngine, useMarket, useMarketEntry, useNow } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { bps, duration, percent } from '../number.ts';
import { perpsOf, poolsOf } from '../perps.ts';
import { href } from '../route.ts';
import { Badge, Bar, type Column, Figure, Figures, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { AddressText, Amount, Percent, Price, Usd } from '../ui/values.tsx';

export default function MarketScreen() {
  const entry = useMarketEntry();
  const market = useMarket();
  return (
    <Screen
      title={entry.name}
      lede="Lend, borrow, and see what the market rests on."
      aside={<AddressText address={entry.address} label="address of the market" />}
    >
      {market.state === 'loading' && <Waiting />}
      {market.state === 'absent' && (
        <Notice tone="bad">There is no account at the market’s address on this chain.</Notice>
      )}
      {market.state === 'broken' && (
        <Notice tone="bad">The account at this address is no market that this page can read: {market.words}.</Notice>
      )}
      {market.state === 'ready' && <Reserves market={market.value} />}
    </Screen>
  );
}

/** As large as what comes. */
function Waiting() {
  return (
    <>
      <div class="panel">
        <Skeleton lines={2} height={31} />
      </div>
      <div class="panel">
        <Skeleton lines={6} height={57} />
      </div>
    </>
  );
}

function Reserves({ market }: { market: Market }) {
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const indices = openReserves(market);
  const columns = useMemo(() => reserveColumns(market, engine, names, now), [market, engine, names.config, now]);
  const sum = (of: (reserve: Reserve) => bigint) =>
    indices.reduce((total, index) => total + (usdOf(market.reserves[index]!, of(market.reserves[index]!)) ?? 0n), 0n);
  const [deposits, debts, insurance] = [sum(depositsOf), sum(debtsOf), sum(({ insurance: pot }) => pot.assets)];
  return (
    <>
      <section class="panel" aria-label="The market as a whole">
        <Figures>
          <Figure label="Deposits" note={`${indices.length} reserves`}>
            <Usd value={deposits} rounding="down" whole />
          </Figure>
          <Figure
            label="Borrowed"
            note={`${percent(deposits === 0n ? 0 : Number((debts * 10_000n) / deposits) / 10_000, 1)} of deposits`}
          >
            <Usd value={debts} rounding="up" whole />
          </Figure>
          <Figure label="Insurance" note="bears losses first">
            <Usd value={insurance} rounding="down" whole />
          </Figure>
          <Windows market={market} />
        </Figures>
      </section>
      <Section title="Reserves" aside={<Further market={market} names={names} />}>
        <Table
          caption="The reserves of this market"
          columns={columns}
          rows={indices}
          keyOf={(index) => index}
          empty="Nothing is listed yet."
        />
      </Section>
    </>
  );
}

/** What there is beside reserves. */
function Further({ market, names }: { market: Market; names: Names }) {
  const { config } = useApp();
  return (
    <span class="links">
      {perpsOf(market).map((index) => (
        <a key={index} href={href('perps', [index])}>
          {names.perp(index)}
        </a>
      ))}
      {poolsOf(market).map((index) => (
        <a key={index} href={href('pool', [index])}>
          {names.pool(index)}
        </a>
      ))}
      {config.vaults.length > 0 && <a href={href('vaults')}>Vaults</a>}
    </span>
  );
}

/** The market's own windows, in whole dollars: they are filled by what left each reserve on balance. */
function Windows({ market }: { market: Market }) {
  const { outflowHour, outflowDay } = market.config;
  if (outflowHour === 0 && outflowDay === 0) {
    return (
      <Figure label="May flow out" note="of the whole market">
        no limit
      </Figure>
    );
  }
  const left = (limit: number, level: bigint) => outflowLeft(BigInt(limit) * 100_000_000n, level);
  return (
    <Figure
      label="May flow out in an hour"
      note={
        outflowDay === 0 ? (
          'no limit a day'
        ) : (
          <>
            <Usd value={left(outflowDay, market.outflow.day)} rounding="down" whole /> in a day
          </>
        )
      }
    >
      {outflowHour === 0 ? 'no limit' : <Usd value={left(outflowHour, market.outflow.hour)} rounding="down" whole />}
    </Figure>
  );
}

function reserveColumns(
  market: Market,
  engine: Engine | undefined,
  names: Names,
  now: bigint | undefined,
): Column<number>[] {
  const of = (index: number) => market.reserves[index]!;
  const known = new Map(
    engine === undefined ? [] : openReserves(market).map((index) => [index, engine.rates(market, index)]),
  );
  const rates = (index: number) => known.get(index);
  return [
    {
      head: 'Token',
      cell: (index) => (
        <span class="token">
          <a href={href('reserve', [index])}>{names.reserve(index)}</a>
          <States reserve={of(index)} now={now} />
        </span>
      ),
    },
    {
      head: 'Price',
      isNumber: true,
      cell: (index) => <PriceCell reserve={of(index)} now={now} />,
    },
    {
      head: 'Supply yield',
      isNumber: true,
      cell: (index) => <Rate rate={rates(index)?.deposit} />,
    },
    {
      head: 'Borrow yield',
      isNumber: true,
      cell: (index) => <Rate rate={rates(index)?.borrow} />,
    },
    {
      head: 'Utilisation',
      isNumber: true,
      cell: (index) => {
        const part = rates(index)?.utilisation;
        return part === undefined ? (
          '–'
        ) : (
          <span class="stack">
            <Percent part={part} digits={1} />
            <Bar part={part} tone={part > 0.95 ? 'warn' : 'accent'} label={`${percent(part, 1)} of it is lent out`} />
          </span>
        );
      },
    },
    {
      head: 'Deposits',
      isNumber: true,
      cell: (index) => (
        <OfCap atoms={depositsOf(of(index))} cap={of(index).config.depositCap} reserve={of(index)} rounding="down" />
      ),
    },
    {
      head: 'Borrowed',
      isNumber: true,
      cell: (index) => (
        <OfCap atoms={debtsOf(of(index))} cap={of(index).config.borrowCap} reserve={of(index)} rounding="up" />
      ),
    },
    {
      head: 'May flow out, hour',
      isNumber: true,
      cell: (index) => <Window reserve={of(index)} />,
    },
    {
      head: 'Insurance',
      isNumber: true,
      cell: (index) => (
        <a href={href('insurance', [index])}>
          <Amount atoms={of(index).insurance.assets} decimals={of(index).decimals} rounding="down" digits={2} />
        </a>
      ),
    },
  ];
}

function Rate({ rate }: { rate: number | undefined }) {
  return rate === undefined ? <>–</> : <Percent part={annualYield(rate)} />;
}

function PriceCell({ reserve, now }: { reserve: Reserve; now: bigint | undefined }) {
  const last = priceOf(reserve);
  if (last === undefined) {
    return <Badge tone="warn">no price</Badge>;
  }
  const trouble = now === undefined ? undefined : priceTrouble(reserve, now);
  const age = now === undefined ? undefined : now - reserve.price.publishTime;
  return (
    <span class="stack">
      <Price value={last} />
      <span class={`under${trouble === undefined ? '' : ' warn'}`} title={trouble?.[1]}>
        ±{bps(reserve.price.confidenceBps)}
        {age !== undefined && `, ${age < 1n ? 'now' : `${duration(age)} old`}`}
      </span>
    </span>
  );
}

function OfCap({
  atoms,
  cap,
  reserve,
  rounding,
}: {
  atoms: bigint;
  cap: bigint;
  reserve: Reserve;
  rounding: 'down' | 'up';
}) {
  const value = usdOf(reserve, atoms);
  const used = cap === 0n ? 1 : Number((atoms * 10_000n) / cap) / 10_000;
  return (
    <span class="stack">
      <Amount atoms={atoms} decimals={reserve.decimals} rounding={rounding} digits={2} />
      <span class="under">
        {value !== undefined && <Usd value={value} rounding={rounding} whole />}
        {cap === 0n
          ? ', closed to new'
          : used > 0.995
            ? ', cap reached'
            : `, ${percent(used, used < 0.1 ? 1 : 0)} of cap`}
      </span>
    </span>
  );
}

function Window({ reserve }: { reserve: Reserve }) {
  const { outflowHour } = reserve.config.breakers;
  return outflowHour === 0n ? (
    <>no limit</>
  ) : (
    <Amount
      atoms={outflowLeft(outflowHour, reserve.outflow.hour)}
      decimals={reserve.decimals}
      rounding="down"
      digits={2}
    />
  );
}

function States({ reserve, now }: { reserve: Reserve; now: bigint | undefined }) {
  const { reduceOnly, borrowEnabled, repayBy } = reserve.config;
  const trouble = now === undefined ? undefined : priceTrouble(reserve, now);
  const halt = now === undefined ? undefined : haltOf(reserve, now);
  return (
    <>
      {trouble !== undefined && halt === undefined && (
        <Badge tone="warn" title={trouble[1]}>
          price {trouble[0]}
        </Badge>
      )}
      {halt !== undefined && (
        <Badge tone="bad" title={`The breaker has tripped, for ${duration(halt.until - now!)} more`}>
          breaker {halt.tier}
        </Badge>
      )}
      {reserve.depositIndex === 0n && <Badge tone="bad">wiped out</Badge>}
      {reduceOnly !== 0 && <Badge tone="warn">reduce only</Badge>}
      {repayBy !== 0 && <Badge tone="warn">debts have a term</Badge>}
      {borrowEnabled === 0 && reduceOnly === 0 && <Badge title="It is not lent">collateral only</Badge>}
    </>
  );
}
