// A pool of perps: what it is worth, what it must bear, what prices do to it, and how to come and go.

import { type Engine, type Market, poolAt, type PoolPrices, type PoolReport } from '@ballast/client';
import { useMemo } from 'preact/hooks';
import { type Answer, ask } from '../ask.ts';
import { pricesOfPool } from '../actions/perp.ts';
import { useEngine, useMarket, useNow } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { bps, duration, percent } from '../number.ts';
import { partOf, poolsOf } from '../perps.ts';
import { href } from '../route.ts';
import { useFreshMarket } from '../tx/preview.ts';
import { Badge, Figure, Figures, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { Amount } from '../ui/values.tsx';
import { useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';
import { PoolAct } from './pool/act.tsx';

export default function PoolScreen({ args }: ScreenProps) {
  const market = useMarket();
  const [given, action] = args;
  if (market.state !== 'ready') {
    return (
      <Screen title="Pool">
        {market.state === 'loading' ? <Waiting /> : <Notice tone="bad">The market cannot be read.</Notice>}
      </Screen>
    );
  }
  const pools = poolsOf(market.value);
  const index = given === undefined ? pools[0] : Number(given);
  if (index === undefined || !pools.includes(index)) {
    return (
      <Screen title="Pool">
        <Notice>
          The market has no pool{given === undefined ? '' : ` ${given}`}. <a href={href('perps')}>See its perps</a>.
        </Notice>
      </Screen>
    );
  }
  return <Shown key={index} market={market.value} index={index} action={action} />;
}

function Waiting() {
  return (
    <>
      <div class="panel">
        <Skeleton lines={2} height={43} />
      </div>
      <div class="panel">
        <Skeleton lines={10} height={44} />
      </div>
    </>
  );
}

/** What the engine says of a pool now. */
export interface PoolView {
  readonly engine: Engine;
  /** With the latest prices. */
  readonly market: Market;
  readonly now: bigint;
  readonly index: number;
  readonly report: PoolReport;
  readonly prices: PoolPrices;
}

function Shown({ market, index, action }: { market: Market; index: number; action: string | undefined }) {
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const connection = useConnection();
  const fresh = useFreshMarket(market, undefined, pricesOfPool(names, index), connection?.address, now);
  const view = useMemo(
    (): Answer<PoolView> | undefined =>
      engine === undefined || now === undefined
        ? undefined
        : ask(() => ({
            ...{ engine, market: fresh, now, index },
            report: engine.poolReport(fresh, index, now),
            prices: engine.poolPrices(fresh, index, now),
          })),
    [engine, fresh, now, index],
  );
  const { config } = poolAt(market, index);
  const name = names.pool(index);
  return (
    <Screen
      title={name}
      lede="The other side of what traders hold. It earns their fees and losses, and pays their gains."
      aside={<a href={href('perps')}>Its perps</a>}
    >
      {config.reduceOnly !== 0 && (
        <Notice tone="warn">This pool is reduce-only: nothing more comes in. Leaving works.</Notice>
      )}
      {view === undefined ? (
        <Waiting />
      ) : view.value === undefined ? (
        <Notice tone="bad">The engine cannot value this pool: {view.words}</Notice>
      ) : (
        <>
          <Whole view={view.value} names={names} />
          <PoolAct market={market} view={view.value} names={names} owner={connection?.address} action={action} />
          <Feeds view={view.value} names={names} />
        </>
      )}
    </Screen>
  );
}

function Whole({ view, names }: { view: PoolView; names: Names }) {
  const { report, prices, market, index } = view;
  const { config } = poolAt(market, index);
  const quote = names.quote(index);
  const symbol = names.reserve(quote);
  const decimals = names.decimals(quote);
  const amount = (atoms: bigint, rounding: 'up' | 'down' = 'down') => (
    <Amount atoms={atoms} decimals={decimals} rounding={rounding} symbol={symbol} digits={2} />
  );
  const share = (millionth: bigint | undefined, rounding: 'up' | 'down') =>
    millionth === undefined ? (
      'none'
    ) : (
      <Amount atoms={millionth} decimals={6} rounding={rounding} symbol={symbol} digits={6} />
    );
  const isShort = report.coverBps !== undefined && report.coverBps < config.deleverageBelow;
  const part = partOf(report.profitFactor);
  return (
    <>
      {isShort && (
        <Notice tone="bad">
          The pool covers {bps(report.coverBps!)} of what it must bear: below {bps(config.deleverageBelow)} anyone may
          close a part of the side that it cannot bear.
        </Notice>
      )}
      {part < 1 && (
        <Notice tone="bad">
          It owes more than it has: of each gain it pays {percent(part)}, the same to everybody.
        </Notice>
      )}
      <section class="panel" aria-label="The pool at a glance">
        <Figures>
          <Figure label="A share, leaving" note={<>entering {share(prices.entry, 'up')}</>}>
            {share(prices.exit, 'down')}
          </Figure>
          <Figure label="Value, leaving" note={<>{amount(report.entry < 0n ? 0n : report.entry)} entering</>}>
            {amount(report.exit < 0n ? 0n : report.exit)}
          </Figure>
          <Figure label="Cover" note={<>must bear {amount(report.buffer, 'up')}</>}>
            {report.coverBps === undefined ? 'nothing to bear' : bps(report.coverBps)}
          </Figure>
          <Figure label="Can leave now" note={`${duration(config.leaveDelay)} after asking, for two days`}>
            {amount(prices.free)}
          </Figure>
        </Figures>
      </section>
      <Section title="How it stands">
        <dl class="settings">
          {(
            [
              ['There', amount(report.cash)],
              ['Traders could claim', amount(report.claims, 'up')],
              ['Deposits it still takes', amount(prices.room)],
              ['Of it is used', bps(report.usedBps)],
              ['Positions pay it, a year', bps(report.borrowRateBps)],
              ['Gains are paid', percent(part, part < 1 ? 2 : 0)],
              ['Cover that an exit must leave', bps(config.exitCover)],
              ['Deleveraged below a cover of', bps(config.deleverageBelow)],
            ] as const
          ).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </>
  );
}

/** What a move of each price does to the pool: those of perps on the same price add up. */
function Feeds({ view, names }: { view: PoolView; names: Names }) {
  const { report, index } = view;
  const quote = names.quote(index);
  const amount = (atoms: bigint, rounding: 'up' | 'down' = 'down') => (
    <Amount atoms={atoms} decimals={names.decimals(quote)} rounding={rounding} digits={2} />
  );
  const feeds = [...new Set(report.perps.map(({ price }) => price))].map((price) => {
    const perps = report.perps.filter((greeks) => greeks.price === price);
    const sum = (of: (greeks: (typeof perps)[number]) => bigint) => perps.reduce((all, one) => all + of(one), 0n);
    return {
      ...{ price, perps },
      longs: sum(({ longs }) => longs),
      shorts: sum(({ shorts }) => shorts),
      delta: sum(({ delta }) => delta),
      gamma: sum(({ gamma }) => gamma),
      buffer: sum(({ buffer }) => buffer),
    };
  });
  return (
    <Section title="What prices do to it" aside={`In ${names.reserve(quote)}, by the token whose price moves.`}>
      <Table
        caption="Delta and gamma by price"
        rows={feeds}
        keyOf={({ price }) => price}
        empty="No perp trades against it yet."
        columns={[
          {
            head: 'Price of',
            cell: ({ price, perps }) => (
              <span class="token">
                <a href={href('reserve', [price])}>{names.reserve(price)}</a>
                {perps.map(({ perp }) => (
                  <Badge key={perp}>{names.perp(perp)}</Badge>
                ))}
              </span>
            ),
          },
          { head: 'Longs', isNumber: true, cell: ({ longs }) => amount(longs) },
          { head: 'Shorts', isNumber: true, cell: ({ shorts }) => amount(shorts) },
          {
            head: 'Delta',
            isNumber: true,
            cell: ({ delta }) => (
              <span class="stack">
                {amount(delta)}
                <span class="under">gained if it doubles</span>
              </span>
            ),
          },
          { head: 'Gamma', isNumber: true, cell: ({ gamma }) => amount(gamma) },
          {
            head: 'Must bear',
            isNumber: true,
            cell: ({ buffer, perps }) => (
              <span class="stack">
                {amount(buffer, 'up')}
                <span class="under">a move of {percent(Number(perps[0]!.shock) / 2 ** 32, 1)}</span>
              </span>
            ),
          },
        ]}
      />
    </Section>
  );
}
