// Who can be liquidated, what that would move, and what lately has been.

import type { Engine, Market } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app.ts';
import { openReserves } from '../books.ts';
import { addressIn, useEngine, useMarket, useNow } from '../hooks.ts';
import { useNames } from '../names.ts';
import { duration } from '../number.ts';
import { href } from '../route.ts';
import { markedSince, readAccounts, type Row, rowsOf, type Scan } from '../scan.ts';
import { refreshed } from '../tx/preview.ts';
import { healthRatio } from '../ui/health.tsx';
import { Badge, Button, type Column, Figure, Figures, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { AccountAt, LookAt } from '../ui/subject.tsx';
import { AddressText, Usd } from '../ui/values.tsx';
import { useConnection } from '../ui/wallet.tsx';
import type { ScreenProps } from './index.ts';
import { Chosen } from './liquidate.tsx';
import { PastLiquidations } from './liquidated.tsx';

export default function LiquidationsScreen({ args }: ScreenProps) {
  const market = useMarket();
  const engine = useEngine();
  const now = useNow();
  const given = args[0];
  return (
    <Screen
      title="Liquidations"
      lede="Who can be liquidated now, and what that would move. Anybody may."
      aside={<LookAt screen="liquidations" label="Any account" />}
    >
      {market.state === 'absent' && (
        <Notice tone="bad">There is no account at the market’s address on this chain.</Notice>
      )}
      {market.state === 'broken' && <Notice tone="bad">The market cannot be read: {market.words}.</Notice>}
      {given !== undefined && addressIn(given) === undefined && (
        <Notice tone="bad">{given} is no address: those are 32 bytes in base58.</Notice>
      )}
      {market.state === 'ready' && engine !== undefined && now !== undefined ? (
        <Shown market={market.value} engine={engine} now={now} chosen={addressIn(given)} />
      ) : (
        (market.state === 'loading' || market.state === 'ready') && (
          <div class="panel">
            <Skeleton lines={12} height={44} />
          </div>
        )
      )}
    </Screen>
  );
}

/** From one list of all accounts to the next, milliseconds. */
const EVERY = 20_000;
/** Accounts that are shown. */
const SHOWN = 15;

function useScan(market: Market): readonly [Scan, () => void] {
  const { rpc, config } = useApp();
  const [scan, setScan] = useState<Scan>({ state: 'loading' });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let isWanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const found = await readAccounts(rpc, config.program, market.address);
      if (isWanted) {
        // What was there is shown for longer.
        setScan((held) => (found.state === 'failed' && held.state === 'ready' ? held : found));
        if (found.state !== 'refused') {
          timer = setTimeout(look, EVERY);
        }
      }
    };
    look();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [rpc, config, market.address, asked]);
  return [scan, () => setAsked(asked + 1)];
}

/**
 * The market with the latest prices, as a liquidation would bring them. `payer` would pay for it; without one, and where the node does not
 * play it, the market is as it is.
 */
function useLatestPrices(
  market: Market,
  payer: Address | undefined,
): { readonly market: Market; readonly isLatest: boolean } {
  const { rpc } = useApp();
  const [latest, setLatest] = useState<Market>();
  const current = useRef(market);
  current.current = market;
  useEffect(() => {
    setLatest(undefined);
    if (payer === undefined) {
      return;
    }
    let isWanted = true;
    const look = () =>
      refreshed(rpc, current.current, payer, openReserves(current.current))
        .then((made) => isWanted && setLatest(made))
        .catch(() => undefined);
    look();
    const timer = setInterval(look, EVERY / 2);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [rpc, market.address, payer]);
  return latest === undefined ? { market, isLatest: false } : { market: latest, isLatest: true };
}

function Shown(props: { market: Market; engine: Engine; now: bigint; chosen: Address | undefined }) {
  const { market, engine, now, chosen } = props;
  const names = useNames(market);
  const [scan, again] = useScan(market);
  // Nobody signs or pays: any wallet will do.
  const latest = useLatestPrices(
    market,
    useConnection()?.address ?? (scan.state === 'ready' ? scan.anOwner : undefined),
  );
  const rows = useMemo(
    () => (scan.state === 'ready' ? rowsOf(engine, latest.market, scan.accounts, now) : []),
    [engine, latest.market, scan, now],
  );
  const liquidatable = rows.filter(({ isLiquidatable }) => isLiquidatable);
  const atRisk = liquidatable.reduce((sum, { health }) => sum + (health?.equity.debt ?? 0n), 0n);
  return (
    <>
      <section class="panel" aria-label="Figures">
        <Figures>
          <Figure
            label="Liquidatable now"
            note={scan.state === 'ready' ? `of ${scan.accounts.length} accounts` : undefined}
          >
            {scan.state === 'ready' ? liquidatable.length : '–'}
          </Figure>
          <Figure label="Their debts" note="at last prices">
            {scan.state === 'ready' ? <Usd value={atRisk} rounding="up" whole /> : '–'}
          </Figure>
          <Throttle market={market} now={now} />
          <Figure
            label="Prices"
            note={latest.isLatest ? 'as a liquidation brings them' : 'old ones count in the borrower’s favour'}
          >
            {latest.isLatest ? 'the latest' : 'as the market has them'}
          </Figure>
        </Figures>
      </section>
      {chosen !== undefined && (
        <AccountAt address={chosen} lines={4}>
          {({ account }) => <Chosen {...{ engine, names, now, account }} market={latest.market} />}
        </AccountAt>
      )}
      <Section title="Nearest to liquidation" aside="by all margin accounts of the market">
        <List {...{ scan, rows, again, now, chosen }} />
      </Section>
      <PastLiquidations market={market} names={names} />
    </>
  );
}

/** What may be liquidated in an hour: of what it was at the last liquidation; since then it has only become more. */
function Throttle({ market, now }: { market: Market; now: bigint }) {
  const { liquidationHour } = market.config;
  const { used, updated } = market.liquidated;
  if (liquidationHour === 0) {
    return (
      <Figure label="May be liquidated in an hour" note="reserves have limits of their own">
        no limit
      </Figure>
    );
  }
  const limit = BigInt(liquidationHour) * 100_000_000n;
  const left = used < limit ? limit - used : 0n;
  return (
    <Figure
      label="May be liquidated now, at least"
      note={
        <>
          of <Usd value={limit} rounding="down" whole /> an hour
          {updated !== 0n && `, last used ${duration(now - updated)} ago`}
        </>
      }
    >
      <Usd value={left} rounding="down" whole />
    </Figure>
  );
}

function List(props: {
  scan: Scan;
  rows: readonly Row[];
  again: () => void;
  now: bigint;
  chosen: Address | undefined;
}) {
  const { scan, rows, again, now, chosen } = props;
  const columns: Column<Row>[] = [
    {
      head: 'Account',
      cell: ({ account: { address }, isLiquidatable }) => (
        <span class="token">
          <AddressText address={address} label="address of the account" />
          {isLiquidatable && <Badge tone="bad">liquidatable</Badge>}
          {address === chosen && <Badge tone="accent">shown above</Badge>}
        </span>
      ),
    },
    {
      head: 'Before liquidation',
      isNumber: true,
      cell: ({ health, refusal }) =>
        health === undefined ? (
          <span class="reason">{refusal}</span>
        ) : (
          <strong>{healthRatio(health.maintenance)}</strong>
        ),
    },
    {
      head: 'Collateral',
      isNumber: true,
      cell: ({ health }) => (health === undefined ? '–' : <Usd value={health.equity.collateral} rounding="down" />),
    },
    {
      head: 'Debt',
      isNumber: true,
      cell: ({ health }) => (health === undefined ? '–' : <Usd value={health.equity.debt} rounding="up" />),
    },
    {
      head: 'Marked',
      isNumber: true,
      cell: ({ account }) => {
        const since = markedSince(account);
        return since === 0n ? '–' : `${duration(now - since)} ago`;
      },
    },
    {
      head: 'Look',
      isNumber: true,
      cell: ({ account: { address } }) => (
        <span class="links">
          <a href={href('liquidations', [address])}>Preview</a>
          <a href={href('what-if', [address])}>What if</a>
        </span>
      ),
    },
  ];
  if (scan.state === 'loading') {
    return <Skeleton lines={SHOWN} height={45} />;
  }
  if (scan.state !== 'ready') {
    return (
      <div class="panel-body form">
        <Notice
          tone="warn"
          action={
            <Button kind="quiet" onClick={again}>
              Ask again
            </Button>
          }
        >
          {scan.state === 'refused'
            ? `This node lists no accounts of a program: ${scan.words} An account whose address you know can be looked at above, and liquidated; the command “ballast keeper” finds them by a node of its own.`
            : `The accounts could not be read: ${scan.words}`}
        </Notice>
      </div>
    );
  }
  return (
    <Table
      caption="The accounts nearest to liquidation"
      columns={columns}
      rows={rows.slice(0, SHOWN)}
      keyOf={({ account }) => account.address}
      empty="No account of this market has a debt."
    />
  );
}
