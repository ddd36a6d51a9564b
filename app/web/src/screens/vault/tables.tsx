// The tables of a vault: where its money is, who waits, what is locked, and its policy.

import type { Vault } from '@ballast/client';
import type { Address } from '@solana/kit';
import type { ComponentChildren } from 'preact';
import { useApp } from '../../app.ts';
import { brief } from '../../names.ts';
import { bps, duration, exactAmount, moment, shortAmount } from '../../number.ts';
import { href } from '../../route.ts';
import type { PlanToken } from '../../tx/plan.ts';
import { Badge, Table } from '../../ui/parts.tsx';
import { AddressText, Amount } from '../../ui/values.tsx';
import { maturitiesOf, NO_ADDRESS, type Slot, worthOf } from '../../vaults.ts';
import type { View } from '../vaults.tsx';

export interface Shared {
  readonly view: View;
  readonly token: PlanToken;
  readonly share: PlanToken;
}

/** By slot. */
export function Money({ view, token, slots }: Shared & { slots: readonly Slot[] }) {
  const { config } = useApp();
  const { report } = view;
  const amount = (atoms: bigint) => <Amount atoms={atoms} decimals={token.decimals} rounding="down" digits={2} />;
  const part = (atoms: bigint) => (report.exit === 0n ? '–' : bps((atoms * 10_000n) / report.exit));
  const where = ({ policy, isPool, market, slot }: Slot) => {
    const entry = config.markets.find(({ address }) => address === policy.market);
    const name = entry?.name ?? brief(policy.market);
    const { reserve } = view.state.vault.allocations[slot]!;
    const params = { market: policy.market };
    return (
      <span class="token">
        {entry === undefined || market === undefined ? (
          <span title={policy.market}>{name}</span>
        ) : (
          <a href={isPool ? href('pool', [policy.pool], params) : href('reserve', [reserve], params)}>{name}</a>
        )}
        <span class="unit">{isPool ? `pool ${policy.pool}` : market && `reserve ${reserve}`}</span>
      </span>
    );
  };
  type Row = Slot | 'idle';
  const rows: Row[] = ['idle', ...slots];
  return (
    <Table<Row>
      caption="Where the vault's tokens are"
      rows={rows}
      keyOf={(row) => (row === 'idle' ? row : row.slot)}
      columns={[
        { head: 'Where', cell: (row) => (row === 'idle' ? <span class="token">Not lent</span> : where(row)) },
        { head: 'Value', isNumber: true, cell: (row) => amount(row === 'idle' ? report.idle : row.value) },
        { head: 'Of assets', isNumber: true, cell: (row) => part(row === 'idle' ? report.idle : row.value) },
        {
          head: 'Can be taken now',
          isNumber: true,
          cell: (row) =>
            row === 'idle' ? (
              amount(report.idle)
            ) : row.isPool ? (
              <span class="stack">
                nothing at once<span class="under">a pool pays after its delay</span>
              </span>
            ) : (
              amount(row.takeable)
            ),
        },
        {
          head: 'Cap',
          isNumber: true,
          cell: (row) =>
            row === 'idle' ? (
              <span class="under">buffer {bps(view.state.vault.config.idleBuffer)}</span>
            ) : (
              <span class="stack">
                {amount(row.policy.cap)}
                <span class="under">and {bps(row.policy.shareCap)} of assets</span>
              </span>
            ),
        },
        {
          head: 'State',
          cell: (row) =>
            row === 'idle'
              ? ''
              : row.states.map(([words, tone]) => (
                  <Badge key={words} tone={tone}>
                    {words}
                  </Badge>
                )),
        },
      ]}
    />
  );
}

/** Who waits, in order. */
export function Queue({ view, token, share, request }: Shared & { request: Address | undefined }) {
  const { queue } = view.state.vault;
  const waiting = queue.tickets
    .filter(({ shares }) => shares !== 0n)
    .sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0))
    .map((ticket, nth) => ({ ...ticket, nth: nth + 1 }));
  return (
    <Table
      caption="Who waits for liquidity"
      rows={waiting}
      keyOf={({ request: address }) => address}
      empty="Nobody waits: what can leave leaves at once."
      columns={[
        { head: 'Turn', cell: ({ nth }) => nth },
        {
          head: 'Request',
          cell: ({ request: address }) => (
            <span class="token">
              <AddressText address={address} label="address of the request" />
              {address === request && <Badge tone="accent">yours</Badge>}
            </span>
          ),
        },
        {
          head: 'Shares',
          isNumber: true,
          cell: ({ shares }) => <Amount atoms={shares} decimals={share.decimals} rounding="down" digits={2} />,
        },
        {
          head: `Worth, ${token.symbol}`,
          isNumber: true,
          cell: ({ shares }) => (
            <Amount atoms={worthOf(view.report, shares)} decimals={token.decimals} rounding="down" digits={2} />
          ),
        },
      ]}
    />
  );
}

/** What is locked until when, and which ends are offered. */
export function Terms({ view, share }: Shared) {
  const { vault, now } = view.state;
  const { rungs, config } = vault;
  const locked = rungs.filter(({ units }) => units !== 0n);
  const offered = maturitiesOf(vault, BigInt(now));
  const ends = [...new Set([...locked.map(({ maturity }) => maturity), ...offered])].sort((a, b) => (a < b ? -1 : 1));
  return (
    <Table
      caption="Terms"
      rows={ends}
      keyOf={String}
      empty="This vault offers no terms."
      columns={[
        {
          head: 'Ends',
          cell: (end) => (
            <span class="token">
              {moment(end).slice(0, 10)}
              {end <= BigInt(now) ? (
                <Badge tone="warn">over</Badge>
              ) : (
                <span class="unit">in {duration(end - BigInt(now))}</span>
              )}
            </span>
          ),
        },
        {
          head: 'Locked shares',
          isNumber: true,
          cell: (end) => (
            <Amount
              atoms={locked.filter(({ maturity }) => maturity === end).reduce((sum, { shares }) => sum + shares, 0n)}
              decimals={share.decimals}
              rounding="down"
              digits={2}
            />
          ),
        },
        {
          head: 'Earns more',
          isNumber: true,
          cell: (end) => {
            const away = offered.indexOf(end);
            return away < 0 ? '–' : `+${bps(config.termPremium * (away + 1))}`;
          },
        },
      ]}
    />
  );
}

export function Policy({ vault, token }: { vault: Vault; token: PlanToken }) {
  const { config } = vault;
  const { roles } = config;
  const amount = (atoms: bigint) => `${shortAmount(atoms, token.decimals, 'down', 2)} ${token.symbol}`;
  const someone = (address: Address) =>
    address === NO_ADDRESS ? 'nobody' : <AddressText address={address} label="address" />;
  const rows: readonly (readonly [name: string, value: ComponentChildren])[] = [
    ['Curator', someone(vault.curator)],
    ['Sentinel', someone(roles.sentinel)],
    ['Fee collector', someone(roles.feeCollector)],
    ['What adds risk waits', duration(config.delay)],
    ['Performance fee', bps(config.performanceFee)],
    ['Management fee, a year', bps(config.managementFee)],
    ['Deposit cap', amount(config.depositCap)],
    ['Least deposit', `${exactAmount(config.minAmount, token.decimals)} ${token.symbol}`],
    ['Coverage target', bps(config.coverageTarget)],
    ['Exit fee below coverage of', bps(config.exitFeeCoverage)],
    ['Exit fee at most', bps(config.maxExitFee)],
    ['Run-off in a day, in four', `${bps(config.runoffDay)}, ${bps(config.runoffDays)}`],
    ['Of a market’s cash counts', bps(config.cashShare)],
    ['Not lent above utilisation of', bps(config.maxUtilisation)],
    ['One request gets in a turn', bps(config.roundShare)],
    ['Leaving a term early costs', bps(config.earlyPenalty)],
    ['A move at most every', duration(config.interval)],
    ['Fees unlock over', duration(config.unlock)],
  ];
  return (
    <dl class="settings">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
