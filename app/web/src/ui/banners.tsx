// What holds for the whole page, above every screen.

import type { FunctionComponent } from 'preact';
import { useEffect, useMemo, useReducer, useState } from 'preact/hooks';
import { haltOf, openReserves, pauseOf } from '../books.ts';
import { useApp, whenIdle } from '../app.ts';
import { useIdentity, useLiveness, useMarket, useNow } from '../hooks.ts';
import { Names } from '../names.ts';
import { duration, moment } from '../number.ts';
import { Notice } from './parts.tsx';

export function Banners() {
  return (
    <div class="banners">
      <ChainBanner />
      <StaleBanner />
      <MarketBanners />
      <Watched />
    </div>
  );
}

/** What is watched all along, loaded once everything else is there. */
function Watched() {
  const [Loaded, setLoaded] = useState<FunctionComponent>();
  useEffect(() => {
    let isWanted = true;
    whenIdle()
      .then(() => import('./watch.tsx'))
      .then(({ Watch }) => isWanted && setLoaded(() => Watch))
      // The rest of the page goes on without it.
      .catch(() => undefined);
    return () => {
      isWanted = false;
    };
  }, []);
  return Loaded === undefined ? null : <Loaded />;
}

function ChainBanner() {
  const identity = useIdentity();
  if (identity.state !== 'wrong' && identity.state !== 'unknown') {
    return null;
  }
  return (
    <div role="alert">
      <Notice tone={identity.state === 'wrong' ? 'bad' : 'warn'}>
        <strong>Nothing is signed.</strong> {identity.words}
      </Notice>
    </div>
  );
}

function StaleBanner() {
  const { accounts } = useApp();
  const { state, since, failure } = useLiveness();
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (state === 'stale') {
      const timer = setInterval(() => render(undefined), 1_000);
      return () => clearInterval(timer);
    }
  }, [state]);
  if (state !== 'stale') {
    return null;
  }
  const age = duration(Math.max(0, Math.round((Date.now() - since) / 1_000)));
  return (
    <div role="status">
      <Notice
        tone="warn"
        action={
          <button type="button" class="button quiet" onClick={() => accounts.refresh()}>
            Try again
          </button>
        }
      >
        <strong>Old numbers.</strong> The node was last heard {age} ago, at {moment(Math.floor(since / 1_000))}. What is
        shown is of then{failure === undefined ? '' : `: ${failure}`}.
      </Notice>
    </div>
  );
}

function MarketBanners() {
  const { config } = useApp();
  const market = useMarket();
  const now = useNow();
  const words = useMemo(() => {
    if (market.state !== 'ready' || now === undefined) {
      return [];
    }
    const names = new Names(config, market.value);
    const pause = pauseOf(market.value, now);
    const halts = openReserves(market.value).flatMap((index) => {
      const halt = haltOf(market.value.reserves[index]!, now);
      return halt === undefined ? [] : [{ name: names.reserve(index), ...halt }];
    });
    return [
      ...(market.value.config.launched === 0 ? ['This market is not launched yet: nobody can deposit.'] : []),
      ...(market.value.reduceOnly === 0
        ? []
        : ['Losses have passed the market’s limit: no new loans, until governance lifts that. Everything else works.']),
      ...(pause === undefined
        ? []
        : [
            `The guardian has paused ${pause.actions} for ${duration(pause.until - now)} more, until ${moment(pause.until)}. Deposits and repayments work.`,
          ]),
      ...halts.map(({ name, tier, until }) =>
        tier === 1
          ? `The price of ${name} moves fast: for ${duration(until - now)} more, until ${moment(until)}, it counts nothing in new risk.`
          : `The price of ${name} has moved too far (tier ${tier}): no withdrawals and loans of it for ${duration(until - now)} more, until ${moment(until)}. Deposits, repayments and liquidations work.`,
      ),
    ];
  }, [market, now, config]);
  return (
    <>
      {words.map((text) => (
        <div role="status" key={text.slice(0, 40)}>
          <Notice tone="warn">{text}</Notice>
        </div>
      ))}
    </>
  );
}
