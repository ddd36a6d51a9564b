// One reserve: its rates over utilisation, its price, what its deposits count for, and who bears its losses in which order.

import { annualYield, type Market } from '@ballast/client';
import { useMemo } from 'preact/hooks';
import { debtsOf, depositsOf, openReserves, outflowLeft, priceOf, priceTrouble, usdOf } from '../books.ts';
import { useEngine, useMarket, useNow } from '../hooks.ts';
import { useNames } from '../names.ts';
import { bps, duration, exactAmount, moment, percent } from '../number.ts';
import { href } from '../route.ts';
import { Chart } from '../ui/chart.tsx';
import { Figure, Figures, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { AddressText, Amount, Percent, Price, Usd } from '../ui/values.tsx';
import type { ScreenProps } from './index.ts';

export default function ReserveScreen({ args }: ScreenProps) {
  const market = useMarket();
  const index = Number(args[0]);
  if (market.state !== 'ready') {
    return (
      <Screen title="Reserve">
        {market.state === 'loading' ? (
          <Skeleton lines={12} height={40} />
        ) : (
          <Notice tone="bad">The market cannot be read.</Notice>
        )}
      </Screen>
    );
  }
  if (!openReserves(market.value).includes(index)) {
    return (
      <Screen title="Reserve">
        <Notice>
          The market has no open reserve {args[0]}. <a href={href('market')}>See all reserves</a>.
        </Notice>
      </Screen>
    );
  }
  return <Shown market={market.value} index={index} />;
}

function Shown({ market, index }: { market: Market; index: number }) {
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const reserve = market.reserves[index]!;
  const { config, decimals, price, insurance } = reserve;
  const rates = useMemo(() => engine?.rates(market, index), [engine, market, index]);
  const last = priceOf(reserve);
  const trouble = now === undefined ? undefined : priceTrouble(reserve, now);
  const amount = (atoms: bigint, rounding: 'down' | 'up' = 'down') => (
    <Amount atoms={atoms} decimals={decimals} rounding={rounding} digits={2} />
  );
  const value = (atoms: bigint, rounding: 'down' | 'up') => {
    const worth = usdOf(reserve, atoms);
    return worth === undefined ? undefined : <Usd value={worth} rounding={rounding} whole />;
  };
  return (
    <Screen
      title={names.reserve(index)}
      lede={
        <>
          Reserve {index}, token <AddressText address={reserve.mint} label="address of the mint" />
        </>
      }
      aside={
        <div class="buttons">
          <a class="button main" href={href('act', ['deposit', index])}>
            Deposit
          </a>
          <a class="button" href={href('act', ['borrow', index])}>
            Borrow
          </a>
        </div>
      }
    >
      {trouble !== undefined && <Notice tone="warn">{trouble[1]}.</Notice>}
      <section class="panel" aria-label="Figures">
        <Figures>
          <Figure label="Deposits" note={value(depositsOf(reserve), 'down')}>
            {amount(depositsOf(reserve))}
          </Figure>
          <Figure label="Borrowed" note={value(debtsOf(reserve), 'up')}>
            {amount(debtsOf(reserve), 'up')}
          </Figure>
          <Figure label="Supply yield" note="a year, compounded">
            {rates === undefined ? '–' : <Percent part={annualYield(rates.deposit)} />}
          </Figure>
          <Figure label="Borrow yield" note={rates && `${percent(rates.utilisation, 1)} is lent out`}>
            {rates === undefined ? '–' : <Percent part={annualYield(rates.borrow)} />}
          </Figure>
        </Figures>
      </section>
      <div class="columns">
        <Section title="Rate by utilisation" aside="as governance set it; a controller moves it">
          <RateCurve reserve={reserve} point={rates && { x: rates.utilisation, y: rates.borrow }} />
        </Section>
        <Section title="Price">
          <div class="panel-body">
            <dl class="rows">
              <dt>Last</dt>
              <dd>{last === undefined ? 'never priced' : <Price value={last} />}</dd>
              <dt>Average (EMA)</dt>
              <dd>
                {last === undefined ? '–' : <Price value={{ price: price.emaPrice, exponent: price.exponent }} />}
              </dd>
              <dt>Confidence</dt>
              <dd>±{bps(price.confidenceBps)}</dd>
              <dt>Distance from average</dt>
              <dd>{bps(price.divergenceBps)}</dd>
              <dt>Published</dt>
              <dd>
                {price.publishTime === 0n ? '–' : moment(price.publishTime)}
                {now !== undefined && price.publishTime !== 0n && (
                  <span class="under"> {duration(now - price.publishTime)} ago</span>
                )}
              </dd>
              <dt>Too old after</dt>
              <dd>{duration(config.oracle.maxAge)}</dd>
              <dt>Breaker trips at a distance of</dt>
              <dd>
                {config.breakers.tiers.some((tier) => tier !== 0)
                  ? config.breakers.tiers
                      .filter((tier) => tier !== 0)
                      .map((tier) => bps(tier))
                      .join(', ')
                  : 'none'}
              </dd>
            </dl>
          </div>
        </Section>
        <Section title="What it counts" aside="in a cross account">
          <div class="panel-body">
            <dl class="rows">
              <dt>As collateral, for new risk</dt>
              <dd>{bps(config.risk.cross.initialAsset)}</dd>
              <dt>As collateral, before liquidation</dt>
              <dd>{bps(config.risk.cross.maintenanceAsset)}</dd>
              <dt>As debt, for new risk</dt>
              <dd>
                {config.risk.cross.initialLiability === 0 ? 'not offered' : bps(config.risk.cross.initialLiability)}
              </dd>
              <dt>As debt, before liquidation</dt>
              <dd>
                {config.risk.cross.maintenanceLiability === 0
                  ? 'not offered'
                  : bps(config.risk.cross.maintenanceLiability)}
              </dd>
              <dt>Moves by at most, an hour</dt>
              <dd>{bps(config.risk.ramp)}</dd>
              <dt>Liquidation penalty</dt>
              <dd>
                {bps(config.minPenalty)} to {bps(config.maxPenalty)}
              </dd>
            </dl>
            <p class="fine">
              These are the settings. Haircuts for volatility and size come off the first two: an account’s health has
              them in.
            </p>
          </div>
        </Section>
        <Section title="Caps and windows">
          <div class="panel-body">
            <dl class="rows">
              <dt>Deposit cap</dt>
              <dd>{amount(config.depositCap)}</dd>
              <dt>Borrow cap</dt>
              <dd>{amount(config.borrowCap)}</dd>
              <dt>Unlent</dt>
              <dd>{amount(reserve.cash)}</dd>
              <dt>May flow out in an hour, at least</dt>
              <dd>
                {config.breakers.outflowHour === 0n
                  ? 'no limit'
                  : amount(outflowLeft(config.breakers.outflowHour, reserve.outflow.hour))}
              </dd>
              <dt>May flow out in a day, at least</dt>
              <dd>
                {config.breakers.outflowDay === 0n
                  ? 'no limit'
                  : amount(outflowLeft(config.breakers.outflowDay, reserve.outflow.day))}
              </dd>
              <dt>Least deposit</dt>
              <dd>{exactAmount(config.minDeposit, decimals)}</dd>
            </dl>
          </div>
        </Section>
        <Section title="Who bears a loss, in this order">
          <div class="panel-body">
            <ol class="told">
              <li>
                Insurance: {amount(insurance.assets)} {names.reserve(index)}
              </li>
              <li>
                Fees set aside: {amount(reserve.claimable)} {names.reserve(index)}
              </li>
              <li>Fees still in the books</li>
              <li>The depositors of this reserve, in proportion; those of other reserves never</li>
            </ol>
          </div>
        </Section>
      </div>
    </Screen>
  );
}

function RateCurve({
  reserve,
  point,
}: {
  reserve: Market['reserves'][number];
  point: { x: number; y: number } | undefined;
}) {
  const { points, count } = reserve.config.curve;
  const rows = points.slice(0, count).map(({ utilisation, rateBps }) => ({ utilisation, rateBps }));
  return (
    <div class="panel-body">
      <Chart
        label="The borrow rate over utilisation: the table has its points"
        x={rows.map(({ utilisation }) => utilisation / 10_000)}
        lines={[{ label: 'Borrow rate', values: rows.map(({ rateBps }) => rateBps / 10_000) }]}
        point={point}
      />
      <details>
        <summary>The points of the curve</summary>
        <Table
          caption="The points of the curve"
          rows={rows}
          keyOf={({ utilisation }) => utilisation}
          columns={[
            { head: 'Utilisation', cell: ({ utilisation }) => bps(utilisation) },
            { head: 'Rate a year', isNumber: true, cell: ({ rateBps }) => bps(rateBps) },
          ]}
        />
      </details>
    </div>
  );
}
