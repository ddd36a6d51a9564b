// The market as it would be with the latest prices taken over: played on the node's copy of the chain, signed by nobody. Limits are
// computed from it where the market's own prices are old, since the transaction will refresh them too.

import { decodeMarket, type MarginAccount, type Market, pricedReserves, refreshPinnedPrices } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app.ts';
import { toBase64 } from '../bytes.ts';
import type { Rpc } from '../chain/rpc.ts';
import { priceTrouble } from '../books.ts';
import { NO_BLOCKHASH, unsigned, writeMessage } from './message.ts';

/** From one look at the latest prices to the next, milliseconds. */
const EVERY = 10_000;
/** Seconds before a price is too old from which the latest one is looked up, so that it is there in time. */
const AHEAD = 15n;

/** The market with the latest prices of some reserves; none where they do not fit one transaction, or nobody could pay for it. */
export async function refreshed(
  rpc: Rpc,
  market: Market,
  payer: Address,
  reserves: readonly number[],
): Promise<Market | undefined> {
  const lists = refreshPinnedPrices(market, { feePayer: payer, reserves });
  const [instructions] = lists;
  if (instructions === undefined || lists.length > 1) {
    return undefined;
  }
  const message = writeMessage(0, payer, instructions, NO_BLOCKHASH);
  const { err, accounts } = await rpc.simulate(toBase64(unsigned(message)), [market.address]);
  const data = accounts[0]?.data;
  return (err === null || err === undefined) && data !== undefined ? decodeMarket(market.address, data) : undefined;
}

/**
 * The market to compute limits from: as it is, or, where a price that they need is old, with the latest prices. `payer` would pay for
 * the refresh. Prices count as old shortly before the market says so, or `oldAfter` seconds after they were published.
 */
export function useFreshMarket(
  market: Market,
  account: MarginAccount | undefined,
  reserves: readonly number[],
  payer: Address | undefined,
  now: bigint | undefined,
  oldAfter?: number,
): Market {
  const { rpc } = useApp();
  const needed = [...new Set([...reserves, ...(account === undefined ? [] : pricedReserves(market, account))])];
  const isOld =
    now !== undefined &&
    needed.some((index) => {
      const reserve = market.reserves[index];
      return (
        reserve !== undefined &&
        (priceTrouble(reserve, now + AHEAD)?.[0] === 'old' ||
          (oldAfter !== undefined && now - reserve.price.publishTime > BigInt(oldAfter)))
      );
    });
  const [fresh, setFresh] = useState<Market>();
  const key = needed.join();
  const latest = useRef(market);
  latest.current = market;
  useEffect(() => {
    setFresh(undefined);
    if (!isOld || payer === undefined) {
      return;
    }
    let isWanted = true;
    const look = () =>
      refreshed(rpc, latest.current, payer, needed)
        .then((made) => isWanted && made !== undefined && setFresh(made))
        // The limits stay those of the prices before.
        .catch(() => undefined);
    look();
    const timer = setInterval(look, EVERY);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [rpc, market.address, account, key, payer, isOld]);
  return isOld && fresh !== undefined ? fresh : market;
}
