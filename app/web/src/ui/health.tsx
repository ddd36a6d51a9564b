// The three healths of an account, and what an action makes of them.

import type { Health, Sums } from '@ballast/client';
import { percent, ratio } from '../number.ts';
import { type Answer, isOfOldPrices } from '../ask.ts';
import { Bar, Notice, type Tone } from './parts.tsx';
import { Usd } from './values.tsx';

const KINDS = [
  {
    kind: 'initial',
    name: 'For new risk',
    says: 'Borrowing, and withdrawing with debts, need collateral to cover the debt here.',
  },
  {
    kind: 'maintenance',
    name: 'Before liquidation',
    says: 'Where the debt passes the collateral here, anybody may liquidate.',
  },
  { kind: 'equity', name: 'At last prices', says: 'What is there and what is owed, without weights.' },
] as const;

/** Stands for a debt that nothing covers: the price of one is too old or too uncertain. */
const UNCOVERED = 1n << 127n;

export function isUncovered({ debt }: Sums): boolean {
  return debt >= UNCOVERED;
}

/** The part of the collateral that the debt takes. */
export function used({ collateral, debt }: Sums): number {
  if (debt === 0n) {
    return 0;
  }
  return isUncovered({ collateral, debt }) || debt >= collateral ? 1 : Number((debt * 100_000n) / collateral) / 100_000;
}

function toneOf(part: number): Tone {
  return part >= 1 ? 'bad' : part > 0.9 ? 'warn' : 'accent';
}

/** Collateral ÷ debt. */
export function healthRatio(sums: Sums): string {
  if (sums.debt === 0n) {
    return 'no debt';
  }
  return isUncovered(sums) ? 'not covered' : ratio(sums.collateral, sums.debt);
}

/** What the engine says of an account's health. */
export function HealthOf({ health }: { health: Answer<Health> }) {
  return health.value === undefined ? (
    <Notice tone="warn">
      {health.words}
      {isOfOldPrices(health.code) && '. A transaction of this page that needs prices refreshes them first.'}
    </Notice>
  ) : (
    <HealthBars health={health.value} />
  );
}

/** Each health as a bar, which is full where the debt takes all of the collateral. */
function HealthBars({ health }: { health: Health }) {
  return (
    <ul class="healths">
      {KINDS.map(({ kind, name, says }) => {
        const sums = health[kind];
        const part = used(sums);
        return (
          <li key={kind}>
            <div class="health-head">
              <h3>{name}</h3>
              <span class="number">{healthRatio(sums)}</span>
            </div>
            <Bar
              part={part}
              tone={toneOf(part)}
              label={`${name}: the debt takes ${percent(part, 1)} of the collateral`}
            />
            <p class="health-note">
              {isUncovered(sums) ? (
                'The price of a debt is too old or too uncertain. A transaction of this page refreshes it.'
              ) : (
                <>
                  <Usd value={sums.collateral} rounding="down" /> of collateral, <Usd value={sums.debt} rounding="up" />{' '}
                  of debt. {says}
                </>
              )}
            </p>
          </li>
        );
      })}
    </ul>
  );
}

/** Collateral ÷ debt before and after something. */
export function HealthChange({
  before,
  after,
}: {
  before: Answer<Health> | undefined;
  after: Answer<Health> | undefined;
}) {
  const text = (health: Answer<Health> | undefined, kind: 'initial' | 'maintenance') => {
    if (health === undefined) {
      return 'no account';
    }
    return health.value === undefined ? 'prices are old' : healthRatio(health.value[kind]);
  };
  return (
    <dl class="rows" aria-label="Health">
      {KINDS.slice(0, 2).map(({ kind, name }) => {
        const shown = kind as 'initial' | 'maintenance';
        return [
          <dt key={`${kind}-name`}>{name}</dt>,
          <dd key={kind} class="number">
            {text(before, shown)} <span aria-hidden="true">→</span>
            <span class="unseen">becomes</span> <strong>{text(after, shown)}</strong>
          </dd>,
        ];
      })}
    </dl>
  );
}
