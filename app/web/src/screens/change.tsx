// One change that waits: from what to what, which way, when, by whom it may be stopped, and what it does to one's account.

import type { Change, Engine, MarginAccount, Market, Vault } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useMemo } from 'preact/hooks';
import { changePlan } from '../actions/govern.ts';
import { useApp } from '../app.ts';
import { ask } from '../ask.ts';
import { hasExpired } from '../changes.ts';
import type { Names } from '../names.ts';
import { duration, moment } from '../number.ts';
import {
  addsRecord,
  type Edit,
  editsOf,
  isRole,
  listedMint,
  parameterWords,
  TARGET,
  targetWords,
  tokenOf,
  valueWords,
  type Way,
  wayOf,
} from '../parameters.ts';
import { HealthTable } from '../ui/healths.tsx';
import { Badge, Button, type Column, Notice, Skeleton, Table, type Tone } from '../ui/parts.tsx';
import { useConnection } from '../ui/wallet.tsx';

interface Props {
  readonly change: Change;
  readonly market: Market;
  readonly vault: Vault | undefined;
  readonly names: Names;
  readonly engine: Engine | undefined;
  readonly now: bigint;
  readonly own: { readonly state: string };
  readonly account: MarginAccount | undefined;
}

const WAYS: Readonly<Record<Way, readonly [tone: Tone, words: string]>> = {
  'adds risk': ['warn', 'adds risk'],
  'adds none': ['good', 'adds no risk'],
  either: ['plain', 'waits either way'],
};

export function ChangeCard(props: Props) {
  const { change, market, vault, names, now } = props;
  const { flow } = useApp();
  const signer = useConnection()?.address;
  const read = useMemo(() => {
    try {
      return { edits: editsOf(change, market, vault), words: undefined };
    } catch (error) {
      return { edits: [], words: error instanceof Error ? error.message : String(error) };
    }
  }, [change, market, vault]);
  const listed = change.target === TARGET.listing ? listedMint(change) : undefined;
  const what = targetWords(change.target, names, listed);
  const isListing = addsRecord(change);
  const hasRoles = !isListing && read.edits.some(({ parameter }) => isRole(parameter));
  const { launched } = (vault ?? market).config;
  const isExpired = hasExpired(change, launched, now);
  const isDue = now >= change.earliest && !isExpired;
  const who = cancellers(change, market, vault, read.edits);
  const mayCancel = isExpired || who.some(({ address }) => address === signer);
  const start = (kind: 'execute' | 'cancel') => {
    if (signer !== undefined) {
      flow.start(changePlan(kind, market, change, signer, what));
    }
  };
  return (
    <section class={`panel${hasRoles ? ' alarm' : ''}`} aria-label={`Change ${change.number}: ${what}`}>
      <header class="panel-head">
        <h2>
          Change {String(change.number)}: {what}
        </h2>
        <div class="panel-aside badges">
          {hasRoles && <Badge tone="bad">changes who holds a role</Badge>}
          {isListing && <Badge tone="warn">listing</Badge>}
          <Badge tone={isExpired ? 'plain' : isDue ? 'warn' : 'accent'}>
            {isExpired ? 'expired' : isDue ? 'due now' : `due in ${duration(change.earliest - now)}`}
          </Badge>
        </div>
      </header>
      {read.words !== undefined && (
        <div class="panel-body">
          <Notice tone="bad">This change cannot be read: it names {read.words}. Do not trust what is not shown.</Notice>
        </div>
      )}
      {hasRoles && (
        <div class="panel-body">
          <Notice tone="bad">
            Whoever holds these roles decides over the market. If nobody has announced this, leave while you can.
          </Notice>
        </div>
      )}
      {isListing ? (
        <details class="pad">
          <summary>All {read.edits.length} parameters of what is listed</summary>
          <Edits {...{ change, names, vault }} edits={read.edits} />
        </details>
      ) : (
        <Edits {...{ change, names, vault }} edits={read.edits} />
      )}
      <div class="panel-body ruled form">
        <dl class="rows">
          <dt>Can be executed, by anyone, from</dt>
          <dd>{moment(change.earliest)}</dd>
          <dt>until</dt>
          <dd>{moment(change.latest)}</dd>
          <dt>May be cancelled by</dt>
          <dd>{isExpired ? 'anyone: it has expired' : who.map(({ name }) => name).join(', ')}</dd>
        </dl>
        <div class="buttons">
          <Button
            disabled={!isDue || isListing || signer === undefined}
            reason={
              isListing
                ? 'A listing is executed by the command line: it makes a token account'
                : signer === undefined
                  ? 'Connect a wallet first'
                  : isExpired
                    ? 'It has expired'
                    : 'It is not due yet'
            }
            onClick={() => start('execute')}
          >
            Execute
          </Button>
          <Button
            disabled={!mayCancel || signer === undefined}
            reason={
              signer === undefined ? 'Connect a wallet first' : 'The connected account holds no role that may cancel it'
            }
            onClick={() => start('cancel')}
          >
            Cancel it
          </Button>
        </div>
      </div>
      <Effect {...props} isExpired={isExpired} />
    </section>
  );
}

function Edits({
  change,
  names,
  vault,
  edits,
}: Pick<Props, 'change' | 'names' | 'vault'> & { edits: readonly Edit[] }) {
  const token = tokenOf(change.target, names, vault);
  const isListing = addsRecord(change);
  const columns: Column<Edit>[] = [
    {
      head: 'Parameter',
      cell: ({ parameter }) => (
        <span title={parameter.name} class={isRole(parameter) ? 'bad-text' : undefined}>
          {parameterWords(parameter.name)}
        </span>
      ),
    },
    ...(isListing
      ? []
      : [
          {
            head: 'From',
            isNumber: true,
            cell: ({ parameter, before }: Edit) =>
              before === undefined ? '–' : <Value {...{ parameter, token }} bytes={before} />,
          },
        ]),
    {
      head: isListing ? 'Value' : 'To',
      isNumber: true,
      cell: ({ parameter, after }) => (
        <strong>
          <Value {...{ parameter, token }} bytes={after} />
        </strong>
      ),
    },
    ...(isListing
      ? []
      : [
          {
            head: 'Direction',
            isNumber: true,
            cell: ({ parameter, before, after }: Edit) => {
              if (before === undefined) {
                return '–';
              }
              const [tone, words] = WAYS[wayOf(parameter, before, after)];
              return <Badge tone={tone}>{words}</Badge>;
            },
          },
        ]),
  ];
  return (
    <Table
      caption="What is changed"
      columns={columns}
      rows={edits}
      keyOf={({ parameter }) => parameter.offset}
      empty="It changes nothing."
    />
  );
}

function Value({
  parameter,
  bytes,
  token,
}: {
  parameter: Edit['parameter'];
  bytes: Edit['after'];
  token: ReturnType<typeof tokenOf>;
}) {
  const words = valueWords(parameter, bytes, token);
  // An address is shown whole: who signs a change of roles compares it.
  return parameter.unit === 'Account' ? <code class="whole">{words}</code> : <span class="number">{words}</span>;
}

/** Who may cancel a change that has not expired. */
function cancellers(
  change: Change,
  market: Market,
  vault: Vault | undefined,
  edits: readonly Edit[],
): readonly { readonly name: string; readonly address: Address }[] {
  const [chief, guard, role] =
    vault === undefined
      ? ([
          { name: 'the authority', address: market.authority },
          { name: 'the guardian', address: market.config.roles.guardian },
          'roles.guardian',
        ] as const)
      : ([
          { name: 'the curator', address: vault.curator },
          { name: 'the sentinel', address: vault.config.roles.sentinel },
          'roles.sentinel',
        ] as const);
  const isItsOwn = !addsRecord(change) && edits.length === 1 && edits[0]!.parameter.name === role;
  const isThere = guard.address !== '11111111111111111111111111111111';
  return isItsOwn || !isThere ? [chief] : [chief, guard];
}

function Effect({
  change,
  market,
  vault,
  names,
  engine,
  now,
  own,
  account,
  isExpired,
}: Props & { isExpired: boolean }) {
  const effect = useMemo(
    () =>
      engine === undefined || vault !== undefined || addsRecord(change)
        ? undefined
        : ask(() => engine.withChange(market, change, now)),
    [engine, market, vault, change, now],
  );
  if (isExpired) {
    return null;
  }
  const say = (words: string) => <p class="empty">{words}</p>;
  return (
    <section aria-label={`What change ${change.number} does to your account`}>
      <header class="panel-head ruled">
        <h3>What it does to your account</h3>
        {effect?.value !== undefined && (
          <span class="panel-aside">
            as of {moment(effect.value.at)}
            {effect.value.rampedAt > effect.value.at &&
              `; weights have moved all the way ${duration(effect.value.rampedAt - effect.value.at)} later`}
          </span>
        )}
      </header>
      {vault !== undefined ? (
        say(
          'Nothing: it changes the vault, not the market that the account is in. Shares of the vault are subject to its new policy.',
        )
      ) : addsRecord(change) ? (
        say('Nothing: what is listed is in no account yet.')
      ) : own.state === 'none' ? (
        say('Connect a wallet to see what it does to its account.')
      ) : own.state === 'absent' ? (
        say('Nothing: this wallet has no account.')
      ) : engine === undefined || account === undefined || effect === undefined ? (
        <Skeleton lines={5} height={44} />
      ) : effect.value === undefined ? (
        say(`The program would refuse it as things are: ${effect.words}.`)
      ) : (
        <HealthTable
          {...{ engine, account, names }}
          moments={[
            { name: 'Without it', market: effect.value.before, at: effect.value.at },
            { name: 'Right after', market: effect.value.after, at: effect.value.at },
            { name: 'After the ramp', market: effect.value.ramped, at: effect.value.at },
          ]}
        />
      )}
    </section>
  );
}
