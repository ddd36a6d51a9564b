// Who may change what, what waits, and what it would do to one's account.

import { decodeVault, type Market, type Vault } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo } from 'preact/hooks';
import { useApp } from '../app.ts';
import { pauseOf } from '../books.ts';
import { LOOKED_FOR, useWaiting } from '../changes.ts';
import { ofProgram, useDecoded, useEngine, useMarginAccount, useNow } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { duration, moment } from '../number.ts';
import { Badge, type Column, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { OfMarket, useOwnAccount } from '../ui/subject.tsx';
import { AddressText } from '../ui/values.tsx';
import { useConnection } from '../ui/wallet.tsx';
import { ChangeCard } from './change.tsx';
import { PastChanges } from './changed.tsx';

export default function GovernanceScreen() {
  const { config } = useApp();
  return (
    <Screen
      title="Governance"
      lede="What waits to be changed, and what it would do to your account, while there is time to leave."
    >
      <OfMarket
        waiting={
          <div class="panel">
            <Skeleton lines={12} height={40} />
          </div>
        }
      >
        {(market) => (
          <>
            <Waits market={market} />
            {config.vaults.map((address) => (
              <OfVault key={address} address={address} market={market} />
            ))}
            <Roles market={market} />
            <PastChanges market={market} />
          </>
        )}
      </OfMarket>
    </Screen>
  );
}

function Waits({ market, vault, heading = 'What waits' }: { market: Market; vault?: Vault; heading?: string }) {
  const waiting = useWaiting(vault ?? market);
  const names = useNames(market);
  const engine = useEngine();
  const now = useNow();
  const own = useOwnAccount();
  const account = useMarginAccount(own.address);
  const { changes } = vault ?? market;
  const mine = account.state === 'ready' && account.value.market === market.address ? account.value : undefined;
  if (waiting.state === 'ready' && waiting.changes.length > 0 && now !== undefined) {
    return (
      <>
        {waiting.changes.map((change) => (
          <ChangeCard key={change.address} {...{ change, market, vault, names, engine, now, own }} account={mine} />
        ))}
      </>
    );
  }
  return (
    <Section
      title={heading}
      aside={changes > LOOKED_FOR ? `among the last ${LOOKED_FOR} of ${changes} changes` : `${changes} changes so far`}
    >
      {waiting.state === 'failed' ? (
        <div class="panel-body form">
          <Notice tone="warn">The changes could not be read: {waiting.words}</Notice>
        </div>
      ) : waiting.state === 'loading' || now === undefined ? (
        <Skeleton lines={2} height={40} />
      ) : (
        <p class="empty">Nothing waits.</p>
      )}
    </Section>
  );
}

function OfVault({ address, market }: { address: Address; market: Market }) {
  const { config } = useApp();
  const decode = useMemo(() => ofProgram(config.program, decodeVault), [config]);
  const vault = useDecoded(address, decode);
  return vault.state === 'ready' ? (
    <Waits market={market} vault={vault.value} heading={`What waits of the vault ${address.slice(0, 4)}…`} />
  ) : vault.state === 'loading' ? null : (
    <Notice tone="warn">
      {address} is no vault{vault.state === 'broken' && `: ${vault.words}`}.
    </Notice>
  );
}

interface Role {
  readonly name: string;
  readonly holder: Address;
  readonly may: string;
}

const NONE = '11111111111111111111111111111111';
/** Of the guardian's pauses in a day, and of the council's settings in a day for each reserve and for the market. */
const MOST_A_DAY = 3;

function Roles({ market }: { market: Market }) {
  const connection = useConnection();
  const now = useNow();
  const names = useNames(market);
  const { roles, delay } = market.config;
  const rows: Role[] = [
    {
      name: 'Authority',
      holder: market.authority,
      may: `Sets at once what adds no risk. Queues what adds risk (waits ${duration(delay)}), listings, and roles (wait ${duration(2 * delay)}). Cancels changes, lifts pauses.`,
    },
    {
      name: 'Guardian',
      holder: roles.guardian,
      may: 'Pauses withdrawals, loans, flash loans and unstaking for six hours. Cancels changes, but not its own replacement.',
    },
    { name: 'Risk council', holder: roles.riskCouncil, may: 'Sets at once what adds no risk, in small steps.' },
    { name: 'Fee collector', holder: roles.feeCollector, may: 'Collects fees, closes empty reserves.' },
    { name: 'Nominee', holder: roles.nominee, may: 'Becomes the authority by accepting.' },
    { name: 'Price receiver', holder: roles.priceReceiver, may: 'Is the program whose price accounts count.' },
    { name: 'Second price receiver', holder: roles.secondPriceReceiver, may: 'The same.' },
  ];
  const columns: Column<Role>[] = [
    { head: 'Role', cell: ({ name }) => name },
    {
      head: 'Held by',
      cell: ({ name, holder }) =>
        holder === NONE ? (
          <span class="unit">nobody</span>
        ) : (
          <span class="token">
            <AddressText address={holder} label={`address of the ${name.toLowerCase()}`} />
            {holder === connection?.address && <Badge tone="accent">you</Badge>}
          </span>
        ),
    },
    { head: 'May', cell: ({ may }) => <span class="prose">{may}</span> },
  ];
  return (
    <>
      <Section title="Roles">
        <Table caption="Roles of the market" columns={columns} rows={rows} keyOf={({ name }) => name} />
      </Section>
      <Section title="What can hold you up">
        <div class="panel-body">
          {now === undefined ? <Skeleton lines={4} height={24} /> : <Budgets {...{ market, names, now }} />}
          <p class="fine">
            A pause lasts six hours, there are three a day at most, and six hours without one between days. Deposits and
            repayments are never paused.
          </p>
        </div>
      </Section>
    </>
  );
}

function Budgets({ market, names, now }: { market: Market; names: Names; now: bigint }) {
  const pause = pauseOf(market, now);
  const { count, day } = market.pause;
  const councils = [
    { name: 'the market', ...market.council },
    ...market.reserves.flatMap((record, index) =>
      record.kind === 0 && record.closed === 0 ? [{ name: names.reserve(index), ...record.council }] : [],
    ),
  ].filter((quota) => quota.count > 0 && now - quota.day < 86_400n);
  return (
    <dl class="rows">
      <dt>Paused now</dt>
      <dd>{pause === undefined ? 'nothing' : `${pause.actions}, until ${moment(pause.until)}`}</dd>
      <dt>Pauses that the guardian has used</dt>
      <dd>{count === 0 ? `none of ${MOST_A_DAY}` : `${count} of ${MOST_A_DAY} since ${moment(day)}`}</dd>
      <dt>Settings that the council has used today</dt>
      <dd>
        {councils.length === 0
          ? `none of ${MOST_A_DAY} for each`
          : councils.map(({ name, count }) => `${count} of ${MOST_A_DAY} for ${name}`).join(', ')}
      </dd>
      <dt>Least wait of a change that adds risk</dt>
      <dd>{duration(market.config.delay)}</dd>
    </dl>
  );
}
