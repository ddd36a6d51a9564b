// What is watched on every screen: token accounts against books, and events.

import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.ts';
import { useObservable } from '../cell.ts';
import { useMarket, useMarketEntry } from '../hooks.ts';
import { Names } from '../names.ts';
import { exactAmount } from '../number.ts';
import { shortfalls, type Watched, watchMarket } from '../proof.ts';
import { href } from '../route.ts';
import { Notice } from './parts.tsx';

/** What is watched of the market that is shown. */
export function useWatched(): Watched {
  const app = useApp();
  const { address } = useMarketEntry();
  const market = useMarket();
  const latest = useRef(market);
  latest.current = market;
  const isReady = market.state === 'ready';
  const watched = watchMarket(app, address, () =>
    latest.current.state === 'ready' ? latest.current.value : undefined,
  );
  useEffect(() => (isReady ? watched.hold() : undefined), [watched, isReady]);
  return watched;
}

export function Watch() {
  const { config } = useApp();
  const proof = useObservable(useWatched().proof);
  if (proof === undefined) {
    return null;
  }
  const names = new Names(config, proof.market);
  return (
    <>
      {shortfalls(proof).map(({ reserve, balance, difference }) => (
        <div role="alert" key={reserve}>
          <Notice tone="bad">
            <strong>The books and the vault of {names.reserve(reserve)} do not agree.</strong> The vault holds{' '}
            {exactAmount(balance ?? 0n, names.decimals(reserve))}, which is{' '}
            {exactAmount(-difference, names.decimals(reserve))} {names.reserve(reserve)} less than the books say.
            Deposit nothing before you know why. <a href={href('proof')}>See the proof</a>.
          </Notice>
        </div>
      ))}
    </>
  );
}
