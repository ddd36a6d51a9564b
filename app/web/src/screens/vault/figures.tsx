// What a vault says of itself, with what each figure means.

import type { VaultReport } from '@ballast/client';
import type { ComponentChildren } from 'preact';
import { ask } from '../../ask.ts';
import { bps, duration } from '../../number.ts';
import { Section } from '../../ui/parts.tsx';
import { bestPayers, ratioOf } from '../../vaults.ts';
import type { View } from '../vaults.tsx';

/** A multiple of basis points. */
function times(of: number): string {
  const known = ratioOf(of);
  return known === undefined ? 'nothing is unlent' : `${(known / 10_000).toFixed(2)} ×`;
}

function percentOf(of: number): string {
  const known = ratioOf(of);
  return known === undefined ? 'nothing to cover' : bps(known);
}

function gap(seconds: bigint): string {
  return seconds === 0n ? 'none' : seconds > 0n ? duration(seconds) : `${duration(seconds)} to spare`;
}

export function VaultFigures({ report }: { report: VaultReport }) {
  const rows: readonly (readonly [name: string, value: ComponentChildren, says: string])[] = [
    [
      'Coverage',
      percentOf(report.coverageBps),
      'What is liquid ÷ what may be asked for under stress. Below the target nothing more is lent.',
    ],
    [
      'Net stable funding',
      percentOf(report.netStableFundingBps),
      'Shares that stay in a run ÷ assets that are not liquid. Below 100 % a run has to wait.',
    ],
    [
      'Duration gap',
      gap(report.durationGap),
      'By how much longer, on average, the assets are away than the shares are locked.',
    ],
    ['Velocity', times(report.velocityBps), 'Deposits of the reserves it lends to ÷ what lies there unlent.'],
    ['Capital efficiency', percentOf(report.capitalEfficiencyBps), 'The part of the assets that borrowers pay for.'],
  ];
  return (
    <Section title="How it stands">
      <dl class="said">
        {rows.map(([name, value, says]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <span class="number">{value}</span>
              <span class="fine">{says}</span>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

/** What leaving costs now: of a whole share, and of all that can leave at once. */
export function ExitFee({ view: { engine, state, slots } }: { view: View }) {
  const { vault } = state;
  if (vault.config.maxExitFee === 0) {
    return <>no exit fee</>;
  }
  const from = bestPayers(slots, state);
  const rate = (shares: bigint) => {
    const exit = shares === 0n ? undefined : ask(() => engine.previewVaultRedeem(state, shares, from)).value;
    return exit && bps((exit.fee * 10_000n) / (exit.amount + exit.fee));
  };
  const one = rate(10n ** BigInt(vault.decimals));
  const all = rate(engine.maxVaultRedeem(state, vault.shares, from));
  if (one === undefined || all === undefined) {
    return <>exit fee at most {bps(vault.config.maxExitFee)}</>;
  }
  return <>exit fee {one === all ? one : `${one}, ${all} for all`}</>;
}
