// A crash of the past, played over an account bar by bar.

import type { Engine, MarginAccount, Market } from '@ballast/client';
import { getAddressEncoder } from '@solana/kit';
import { useRef, useState } from 'preact/hooks';
import windows from 'virtual:crashes';
import { toHex } from '../bytes.ts';
import { errorWords } from '../errors.ts';
import type { Names } from '../names.ts';
import { duration, moment } from '../number.ts';
import { assetOf, type Crash, type Frame, liquidatedAt, ratioOf, readCrash, replay } from '../suppose.ts';
import { Chart } from '../ui/chart.tsx';
import { SelectField } from '../ui/fields.tsx';
import { healthRatio } from '../ui/health.tsx';
import { Button, Figure, Figures, Notice, Section, Table } from '../ui/parts.tsx';

const TITLES: Readonly<Record<string, string>> = {
  '2025-10': 'October 2025: the largest day of liquidations so far',
  '2024-08': 'August 2024: the yen carry trade unwinds',
  '2023-09': 'September 2023: a calm month, to compare with',
  '2023-03': 'March 2023: USDC loses its peg',
  '2022-11': 'November 2022: FTX falls, and SOL with it',
  '2022-06': 'June 2022: Celsius stops withdrawals',
  '2020-03': 'March 2020: the first days of the pandemic',
};
const STILL = 'stands still';
/** Rows of the table beside the chart. */
const ROWS = 24;

interface Played {
  readonly crash: Crash;
  readonly frames: readonly Frame[];
}

export function CrashSection(props: {
  engine: Engine;
  market: Market;
  account: MarginAccount;
  names: Names;
  now: bigint;
  held: readonly number[];
}) {
  const { engine, market, account, names, now, held } = props;
  const [id, setId] = useState(windows[0]?.id ?? '');
  const window = windows.find((one) => one.id === id);
  const [chosen, setChosen] = useState<ReadonlyMap<number, string>>(new Map());
  const [state, setState] = useState<{ busy?: boolean; failure?: string; played?: Played }>({});
  const turn = useRef(0);
  if (window === undefined) {
    return null;
  }
  const follows = new Map(
    held.map((index) => [index, chosen.get(index) ?? defaultAsset(market, index, window.assets) ?? STILL]),
  );
  const forget = () => {
    turn.current += 1;
    setState({});
  };
  const play = async () => {
    turn.current += 1;
    const mine = turn.current;
    setState({ busy: true });
    try {
      const response = await fetch(`./crashes/${id}.json`);
      if (!response.ok) {
        throw new Error(`The file of this window could not be read: HTTP ${response.status}`);
      }
      const crash = readCrash(await response.json());
      const frames = await replay(engine, market, account, crash, follows, now, () => mine === turn.current);
      if (frames !== undefined && mine === turn.current) {
        setState({ played: { crash, frames } });
      }
    } catch (error) {
      if (mine === turn.current) {
        setState({ failure: errorWords(error) });
      }
    }
  };
  return (
    <Section title="A crash of the past, over this account">
      <div class="panel-body">
        <div class="crash-form">
          <SelectField
            label="Window"
            value={id}
            options={windows.map((one) => ({ value: one.id, label: TITLES[one.id] ?? one.id }))}
            onChange={(next) => {
              setId(next);
              forget();
            }}
          />
          {held.map((index) => (
            <SelectField
              key={index}
              label={`${names.reserve(index)} moves as`}
              value={follows.get(index)!}
              options={[...window.assets, STILL].map((asset) => ({ value: asset, label: asset }))}
              onChange={(asset) => {
                setChosen(new Map(chosen).set(index, asset));
                forget();
              }}
            />
          ))}
          <Button kind="main" disabled={state.busy === true} reason="It is being played" onClick={play}>
            {state.busy === true ? 'Playing…' : 'Play'}
          </Button>
        </div>
        <div aria-live="polite">
          {state.failure !== undefined && <Notice tone="bad">{state.failure}</Notice>}
          {state.played !== undefined && <Outcome {...state.played} />}
        </div>
        <p class="fine">
          Prices start at those of now and move in proportion as they did, by the close of each bar of{' '}
          {duration(window.step)}; what a price did within a bar is not played. Each bar is taken over by the market
          that the one before left, so weights, reference prices and breakers move as they would. Balances stay as they
          are, interest runs on at today’s rates, and nobody acts: nothing is deposited, repaid or liquidated.
        </p>
      </div>
    </Section>
  );
}

function defaultAsset(market: Market, index: number, assets: readonly string[]): string | undefined {
  const { feedId, baseFeedId } = market.reserves[index]!.config.oracle;
  const hex = (id: typeof feedId) => toHex(Uint8Array.from(getAddressEncoder().encode(id)));
  const asset = assetOf(hex(feedId), hex(baseFeedId));
  return asset !== undefined && assets.includes(asset) ? asset : undefined;
}

function Outcome({ crash, frames }: Played) {
  const ratios = frames.map((frame) => ratioOf(frame, 'maintenance'));
  const known = ratios.flatMap((ratio, bar) => (ratio === null ? [] : [{ ratio, bar }]));
  const at = liquidatedAt(frames);
  if (known.length === 0) {
    const words = frames.find(({ health }) => health.words !== undefined)?.health.words;
    return (
      <Notice tone={words === undefined ? 'good' : 'warn'}>
        {words === undefined ? 'It owes nothing: no price liquidates it.' : `The engine cannot say: ${words}.`}
      </Notice>
    );
  }
  const lowest = known.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  const time = (bar: number) => crash.start + frames[bar]!.after;
  const said = (bar: number) => healthOf(frames[bar]!, 'maintenance');
  const bars = [
    ...new Set([
      ...Array.from({ length: ROWS }, (_, row) => Math.round((row * (frames.length - 1)) / (ROWS - 1))),
      lowest.bar,
      ...(at === undefined ? [] : [at]),
    ]),
  ].sort((a, b) => a - b);
  return (
    <>
      {at === undefined ? (
        <Notice tone="good">
          <strong>It would have stood.</strong> At its worst, collateral was {said(lowest.bar)} of the debt.
        </Notice>
      ) : (
        <Notice tone="bad">
          <strong>Liquidatable after {duration(frames[at]!.after)}.</strong> In history that was {moment(time(at))}.
          From then on anybody could have taken its collateral, and what follows is of an account that nobody touched.
        </Notice>
      )}
      <Figures>
        <Figure label="At the start">{said(0)}</Figure>
        <Figure label="At the lowest" note={moment(time(lowest.bar))}>
          {said(lowest.bar)}
        </Figure>
        <Figure label="At the end" note={`after ${duration(frames.at(-1)!.after)}`}>
          {said(frames.length - 1)}
        </Figure>
      </Figures>
      <Chart
        label={`Collateral ÷ debt over the window${at === undefined ? '' : ', and the moment of liquidation'}: the table has its points`}
        x={frames.map((_, bar) => time(bar))}
        lines={[
          { label: 'Before liquidation', values: ratios },
          { label: 'For new risk', values: frames.map((frame) => ratioOf(frame, 'initial')), isFaint: true },
        ]}
        level={1}
        moment={at === undefined ? undefined : time(at)}
        units={['date', 'part']}
        height={260}
      />
      <p class="fine">
        Strong: collateral ÷ debt before liquidation. Faint: for new risk. Dashed: where liquidation begins
        {at !== undefined && ', and when'}.
      </p>
      <details>
        <summary>The chart as a table</summary>
        <Table
          caption="Collateral ÷ debt over the window"
          rows={bars}
          keyOf={(bar) => bar}
          columns={[
            { head: 'In history', cell: (bar) => moment(time(bar)) },
            { head: 'After', isNumber: true, cell: (bar) => duration(frames[bar]!.after) },
            { head: 'Before liquidation', isNumber: true, cell: said },
            { head: 'For new risk', isNumber: true, cell: (bar) => healthOf(frames[bar]!, 'initial') },
            {
              head: 'State',
              cell: (bar) =>
                at !== undefined && bar >= at ? (bar === at ? 'liquidatable from here' : 'past it') : 'healthy',
            },
          ]}
        />
      </details>
    </>
  );
}

function healthOf({ health }: Frame, kind: 'maintenance' | 'initial'): string {
  return health.value === undefined ? 'no answer' : healthRatio(health.value[kind]);
}
