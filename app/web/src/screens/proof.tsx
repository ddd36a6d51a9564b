// What can be checked, checked here and now: tokens against books, what runs against what should, events without a gap.

import type { ComponentChildren } from 'preact';
import { useEffect, useReducer } from 'preact/hooks';
import { useApp } from '../app.ts';
import { useObservable } from '../cell.ts';
import { useIdentity, useMarket } from '../hooks.ts';
import { type Names, useNames } from '../names.ts';
import { duration, exactAmount, moment } from '../number.ts';
import type { Gaps, Proof, VaultCheck } from '../proof.ts';
import { href } from '../route.ts';
import { Badge, type Column, Notice, Screen, Section, Skeleton, Table } from '../ui/parts.tsx';
import { AddressText, Amount, Copy } from '../ui/values.tsx';
import { useWatched } from '../ui/watch.tsx';

/** No key signs for it. */
const NONE = '11111111111111111111111111111111';
/** From one comparison to the next while somebody looks, milliseconds. */
const EVERY = 5_000;

export default function ProofScreen() {
  const market = useMarket();
  const watched = useWatched();
  const proof = useObservable(watched.proof);
  const failure = useObservable(watched.failure);
  const gaps = useObservable(watched.gaps);
  const isReady = market.state === 'ready';
  useEffect(() => {
    if (isReady) {
      watched.check();
      const timer = setInterval(() => watched.check(), EVERY);
      return () => clearInterval(timer);
    }
  }, [watched, isReady]);
  return (
    <Screen title="Proof" lede="What this page can check of the chain, of the program and of itself, it checks here.">
      {market.state === 'absent' && (
        <Notice tone="bad">There is no account at the market’s address on this chain.</Notice>
      )}
      {market.state === 'broken' && <Notice tone="bad">The market cannot be read: {market.words}.</Notice>}
      <Vaults proof={proof} failure={failure} />
      <div class="columns">
        <Runs />
        {market.state === 'ready' && (
          <Section title="Who holds the market" aside={<a href={href('governance')}>Governance</a>}>
            <div class="panel-body">
              <dl class="rows">
                <Line name="Market" value={market.value.address} />
                <Line name="Authority" value={market.value.authority} />
                <Line name="Guardian" value={market.value.config.roles.guardian} />
                <Line name="Risk council" value={market.value.config.roles.riskCouncil} />
                <Line name="Owner of its token accounts" value={market.value.vaultAuthority} />
              </dl>
              <p class="fine">
                The owner of the token accounts is an address of the program: there is no key to it, and tokens leave by
                the program’s instructions alone.
              </p>
            </div>
          </Section>
        )}
      </div>
      <Events gaps={gaps} />
    </Screen>
  );
}

function Line({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <AddressText address={value} label={name.toLowerCase()} />
      </dd>
    </>
  );
}

function Vaults({ proof, failure }: { proof: Proof | undefined; failure: string | undefined }) {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => render(undefined), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Section
      title="Vaults against books"
      aside={
        proof !== undefined && (
          <>
            slot {exactAmount(proof.slot, 0)}, read {duration(Math.max(0, Math.round((Date.now() - proof.at) / 1_000)))}{' '}
            ago
          </>
        )
      }
    >
      {failure !== undefined && (
        <div class="panel-body">
          <Notice tone="warn">The token accounts could not be read: {failure}</Notice>
        </div>
      )}
      {proof === undefined ? <Skeleton lines={6} height={45} /> : <Checks proof={proof} />}
      <p class="fine pad">
        A reserve’s token account holds its unlent tokens, its insurance and the fees set aside, and nothing else. All
        of a line is of one slot.
      </p>
    </Section>
  );
}

function Checks({ proof }: { proof: Proof }) {
  const names = useNames(proof.market);
  const amount = (of: (check: VaultCheck) => bigint) => (check: VaultCheck) => (
    <Amount
      atoms={of(check)}
      decimals={names.decimals(check.reserve)}
      rounding="down"
      digits={names.decimals(check.reserve)}
    />
  );
  const columns: Column<VaultCheck>[] = [
    {
      head: 'Token',
      cell: ({ reserve }) => (
        <span class="token">
          <a href={href('reserve', [reserve])}>{names.reserve(reserve)}</a>
        </span>
      ),
    },
    { head: 'Vault', cell: ({ vault }) => <AddressText address={vault} label="address of the token account" /> },
    {
      head: 'It holds',
      isNumber: true,
      cell: (check) => (check.balance === undefined ? 'nothing: it is not there' : amount(() => check.balance!)(check)),
    },
    { head: 'Unlent', isNumber: true, cell: amount(({ cash }) => cash) },
    { head: 'Insurance', isNumber: true, cell: amount(({ insurance }) => insurance) },
    { head: 'Fees set aside', isNumber: true, cell: amount(({ fees }) => fees) },
    { head: 'Outcome', isNumber: true, cell: (check) => <Difference {...{ check, names }} /> },
  ];
  return (
    <Table
      caption="Token accounts beside the books"
      columns={columns}
      rows={proof.checks}
      keyOf={({ reserve }) => reserve}
      empty="Nothing is listed yet."
    />
  );
}

function Difference({ check: { difference, reserve }, names }: { check: VaultCheck; names: Names }) {
  if (difference === 0n) {
    return <Badge tone="good">to the atom</Badge>;
  }
  const text = exactAmount(difference < 0n ? -difference : difference, names.decimals(reserve));
  return difference < 0n ? (
    <Badge tone="bad">{text} missing</Badge>
  ) : (
    <Badge title="Somebody has sent tokens there, which belong to nobody">{text} more</Badge>
  );
}

function Runs() {
  const { config, engineHash } = useApp();
  const identity = useIdentity();
  const engine = useObservable(engineHash);
  const isRight = identity.state === 'right';
  const outcome =
    identity.state === 'checking' ? (
      <Badge>being checked</Badge>
    ) : (
      <Badge tone={isRight ? 'good' : identity.state === 'wrong' ? 'bad' : 'warn'}>
        {isRight ? 'as the host says' : identity.state === 'wrong' ? 'not what the host says' : 'could not be checked'}
      </Badge>
    );
  return (
    <Section title="What runs" aside={outcome}>
      <div class="panel-body">
        {(identity.state === 'wrong' || identity.state === 'unknown') && (
          <Notice tone={identity.state === 'wrong' ? 'bad' : 'warn'}>{identity.words}</Notice>
        )}
        <dl class="rows">
          <Hash name="Genesis of the chain" value={config.genesisHash} />
          <Line name="Program" value={config.program} />
          <Hash name="Program, SHA-256 of its bytecode" value={isRight ? identity.programHash : config.programHash} />
          <dt>May upgrade the program</dt>
          <dd>
            {!isRight ? (
              '–'
            ) : identity.upgradeAuthority === undefined || identity.upgradeAuthority === NONE ? (
              'nobody: it is final'
            ) : (
              <AddressText address={identity.upgradeAuthority} label="upgrade authority" />
            )}
          </dd>
          {engine === undefined ? (
            <>
              <dt>Engine of this page, SHA-256</dt>
              <dd>…</dd>
            </>
          ) : (
            <Hash name="Engine of this page, SHA-256" value={engine} />
          )}
        </dl>
        <p class="fine">
          Build both from the repository and compare: <code>scripts/build</code> makes the program,{' '}
          <code>scripts/build --wasm</code> the engine. Whoever may upgrade the program can change anything.
        </p>
      </div>
    </Section>
  );
}

function Hash({ name, value }: { name: string; value: string }): ComponentChildren {
  return (
    <>
      <dt>{name}</dt>
      <dd class="hash">
        <code>{value}</code> <Copy text={value} label={name.toLowerCase()} />
      </dd>
    </>
  );
}

function Events({ gaps }: { gaps: Gaps }) {
  if (gaps.state === 'waiting') {
    return (
      <Section title="Events">
        <Skeleton lines={3} height={28} />
      </Section>
    );
  }
  const { since, from, to, seen, missing } = gaps;
  const count = to - from;
  return (
    <Section
      title="Events"
      aside={
        missing.length === 0 ? <Badge tone="good">no gap</Badge> : <Badge tone="warn">{missing.length} gaps</Badge>
      }
    >
      <div class="panel-body">
        <dl class="rows">
          <dt>Watched since</dt>
          <dd>{moment(Math.floor(since / 1_000))}</dd>
          <dt>The market has counted</dt>
          <dd>{count === 0n ? 'none since' : `${exactAmount(count, 0)}, up to number ${exactAmount(to, 0)}`}</dd>
          <dt>This page was told</dt>
          <dd>{exactAmount(BigInt(seen), 0)}</dd>
          <dt>Missed</dt>
          <dd>
            {missing.length === 0
              ? 'none'
              : missing.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(', ')}
          </dd>
        </dl>
        <p class="fine">
          Events are numbered in the market’s own account, so a number that the node did not tell of is known to be
          missing: the connection was away, or the node cuts logs.
        </p>
      </div>
    </Section>
  );
}
