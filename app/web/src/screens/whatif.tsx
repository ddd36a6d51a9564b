// What becomes of an account at other prices and later: its healths, the prices of its liquidation, what a liquidator would take. All
// of it is what the engine says of a market in which those prices were taken over.

import { type Engine, type MarginAccount, type Market, pricedReserves } from '@ballast/client';
import { useMemo, useState } from 'preact/hooks';
import { type Answer, ask } from '../ask.ts';
import { priceOf } from '../books.ts';
import { useEngine, useNow } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { percent, price as priceText } from '../number.ts';
import { STEPS, steppedPrice, stepsTo, supposed, typedPrice } from '../suppose.ts';
import { SelectField } from '../ui/fields.tsx';
import { HealthTable } from '../ui/healths.tsx';
import { TakenTable } from '../ui/pairs.tsx';
import { Badge, Button, Notice, Screen, Section, Skeleton } from '../ui/parts.tsx';
import { LookAt, OfAccount, type Subject } from '../ui/subject.tsx';
import { AddressText } from '../ui/values.tsx';
import { CrashSection } from './crash.tsx';
import type { ScreenProps } from './index.ts';

export default function WhatIfScreen({ args }: ScreenProps) {
  return (
    <Screen
      title="What if"
      lede="An account at other prices, later, or in a crash of the past."
      aside={<LookAt screen="what-if" label="Any account" />}
    >
      <OfAccount given={args[0]} lines={14}>
        {(subject) => <Supposing key={subject.account.address} {...subject} />}
      </OfAccount>
    </Screen>
  );
}

/** Times ahead, seconds. */
const AHEAD = [
  [0, 'now'],
  [3_600, 'in an hour'],
  [86_400, 'in a day'],
  [7 * 86_400, 'in a week'],
  [30 * 86_400, 'in 30 days'],
  [90 * 86_400, 'in 90 days'],
  [365 * 86_400, 'in a year'],
] as const;

/** A price that somebody supposes: as a bigint, and as typed while it is wrong. */
interface Entry {
  readonly price?: bigint;
  readonly text?: string;
  readonly error?: string;
}

function Supposing({ market, account }: Subject) {
  const engine = useEngine();
  const now = useNow();
  const names = useNames(market);
  const [entries, setEntries] = useState<ReadonlyMap<number, Entry>>(new Map());
  const [ahead, setAhead] = useState<number>(0);
  const [lasts, setLasts] = useState(true);
  const supposition = useSupposition({ engine, market, now, ahead, lasts, entries });
  const held = useMemo(() => pricedReserves(market, account), [market, account]);
  const priced = held.filter((index) => priceOf(market.reserves[index]!) !== undefined);
  const unpriced = held.filter((index) => !priced.includes(index));
  const set = (index: number, entry: Entry | undefined) => {
    const next = new Map(entries);
    next.delete(index);
    setEntries(entry === undefined ? next : next.set(index, entry));
  };
  const moveAll = (steps: number) =>
    setEntries(
      new Map(
        priced
          .filter((index) => !isDollar(market, index))
          .map((index) => [index, { price: steppedPrice(priceOf(market.reserves[index]!)!.price, steps) }]),
      ),
    );
  return (
    <>
      <p class="fine">
        Margin account {account.id}, <AddressText address={account.address} label="address of the account" />
      </p>
      {unpriced.length > 0 && (
        <Notice tone="warn">
          {unpriced.map((index) => names.reserve(index)).join(', ')} has never been priced: a deposit of it counts
          nothing, and no price can be supposed.
        </Notice>
      )}
      <div class="columns">
        <Section
          title="Suppose"
          aside={
            <Button
              kind="quiet"
              disabled={entries.size === 0}
              reason="Nothing is changed"
              onClick={() => setEntries(new Map())}
            >
              Reset
            </Button>
          }
        >
          <div class="panel-body">
            {priced.length === 0 && <p class="fine">This account holds nothing that has a price.</p>}
            {priced.map((index) => (
              <PriceRow
                key={index}
                {...{ market, names, index }}
                entry={entries.get(index)}
                onEntry={(entry) => set(index, entry)}
              />
            ))}
            <div class="buttons">
              {[10, 30, 50].map((part) => (
                <Button key={part} kind="quiet" onClick={() => moveAll(Math.round(Math.log10(1 - part / 100) * STEPS))}>
                  All −{part} %
                </Button>
              ))}
              {priced
                .filter((index) => isDollar(market, index))
                .map((index) => {
                  const { price } = priceOf(market.reserves[index]!)!;
                  return (
                    <Button key={index} kind="quiet" onClick={() => set(index, { price: (price * 9n) / 10n })}>
                      {names.reserve(index)} loses its peg
                    </Button>
                  );
                })}
            </div>
            <div class="pair">
              <SelectField
                label="When"
                value={ahead}
                options={AHEAD.map(([value, label]) => ({ value: value as number, label }))}
                onChange={setAhead}
              />
              <label class="check">
                <input type="checkbox" checked={lasts} onChange={(event) => setLasts(event.currentTarget.checked)} />
                The average has followed: the prices have lasted
              </label>
            </div>
          </div>
        </Section>
        {supposition === undefined ? (
          <div class="panel">
            <Skeleton lines={8} height={40} />
          </div>
        ) : (
          <Outcome {...supposition} {...{ account, names }} />
        )}
      </div>
      {supposition !== undefined && (
        <>
          <Liquidation {...supposition} {...{ account, names }} />
          <CrashSection {...supposition} {...{ market, account, names }} held={priced} />
        </>
      )}
    </>
  );
}

/** Whether a token goes for about a dollar: for the presets alone. */
function isDollar(market: Market, index: number): boolean {
  const { price, exponent } = priceOf(market.reserves[index]!)!;
  return Math.abs(Number(price) * 10 ** exponent - 1) < 0.03;
}

function PriceRow(props: {
  market: Market;
  names: Names;
  index: number;
  entry: Entry | undefined;
  onEntry: (entry: Entry | undefined) => void;
}) {
  const { market, names, index, entry, onEntry } = props;
  const last = priceOf(market.reserves[index]!)!;
  const shown = { price: entry?.price ?? last.price, exponent: last.exponent };
  const change = Number(shown.price) / Number(last.price) - 1;
  const changeText = `${change > 0 ? '+' : ''}${percent(change, 1)}`;
  const name = names.reserve(index);
  const id = `price-${index}`;
  return (
    <div class="suppose">
      <div class="suppose-head">
        <label for={id}>{name}</label>
        <span class="fine number">
          last {priceText(last)}
          {entry?.price !== undefined && `, ${changeText}`}
        </span>
      </div>
      <input
        type="range"
        min={-STEPS}
        max={STEPS}
        value={stepsTo(last.price, shown.price)}
        aria-label={`Price of ${name}, from a tenth to ten times`}
        aria-valuetext={`${priceText(shown)}, ${changeText}`}
        onInput={(event) => {
          const steps = event.currentTarget.valueAsNumber;
          onEntry(steps === 0 ? undefined : { price: steppedPrice(last.price, steps) });
        }}
      />
      <div class="suppose-price">
        <span class="unit">$</span>
        <input
          id={id}
          type="text"
          class="text-input"
          inputMode="decimal"
          autoComplete="off"
          spellcheck={false}
          value={entry?.text ?? priceText(shown).slice(1)}
          aria-invalid={entry?.error !== undefined}
          aria-describedby={`${id}-error`}
          onInput={(event) => {
            const text = event.currentTarget.value;
            onEntry({ text, ...typedPrice(text, last.exponent) });
          }}
          onBlur={() => {
            if (entry?.error === undefined && entry?.text !== undefined) {
              onEntry(entry.price === undefined ? undefined : { price: entry.price });
            }
          }}
        />
      </div>
      <p class="field-error" id={`${id}-error`} aria-live="polite">
        {entry?.error}
      </p>
    </div>
  );
}

/** The market as it is, and as it is supposed to be: both with the prices of all else as if published at that moment. */
interface Supposition {
  readonly engine: Engine;
  readonly now: bigint;
  readonly at: bigint;
  readonly before: Answer<Market>;
  readonly after: Answer<Market>;
}

function useSupposition(props: {
  engine: Engine | undefined;
  market: Market;
  now: bigint | undefined;
  ahead: number;
  lasts: boolean;
  entries: ReadonlyMap<number, Entry>;
}): Supposition | undefined {
  const { engine, market, now, ahead, lasts, entries } = props;
  return useMemo(() => {
    if (engine === undefined || now === undefined) {
      return undefined;
    }
    const at = now + BigInt(ahead);
    const prices = [...entries].flatMap(([index, { price }]) =>
      price === undefined ? [] : [supposed(market.reserves[index]!, index, price, lasts)],
    );
    return {
      ...{ engine, now, at },
      before: ask(() => engine.withPrices(market, [], now)),
      after: ask(() => engine.withPrices(market, prices, at)),
    };
  }, [engine, market, now, ahead, lasts, entries]);
}

interface Shown extends Supposition {
  readonly account: MarginAccount;
  readonly names: Names;
}

function Outcome({ engine, account, names, now, at, before, after }: Shown) {
  const refusal = before.words ?? after.words;
  if (before.value === undefined || after.value === undefined) {
    return <Notice tone="bad">The engine refuses: {refusal}.</Notice>;
  }
  return (
    <Section title="Health" aside="collateral ÷ debt, before → after">
      <HealthTable
        {...{ engine, account, names }}
        moments={[
          { name: 'Before', market: before.value, at: now },
          { name: 'After', market: after.value, at },
        ]}
      />
      <p class="fine pad">
        Before is now, with the last prices as if published now. Balances stay, interest runs on at today’s rates, and
        nobody is liquidated.
      </p>
    </Section>
  );
}

function Liquidation({ engine, account, names, at, after }: Shown) {
  if (after.value === undefined) {
    return null;
  }
  const market = after.value;
  const health = ask(() => engine.health(market, account, at)).value;
  const isLiquidatable = health !== undefined && health.maintenance.debt > health.maintenance.collateral;
  return (
    <Section
      title="What a liquidator would take"
      aside={
        <Badge tone={isLiquidatable ? 'bad' : 'good'}>
          {isLiquidatable ? 'liquidatable' : 'nothing: it is healthy'}
        </Badge>
      }
    >
      {isLiquidatable ? (
        <TakenTable {...{ engine, market, account, names, at }} />
      ) : (
        <p class="empty">At these prices nobody may liquidate it.</p>
      )}
    </Section>
  );
}
