// Changes of the past, as the program logged them.

import type { Market } from '@ballast/client';
import { changeAddresses } from '../changes.ts';
import { type ProgramEvent, READ } from '../events.ts';
import { type Names, useNames } from '../names.ts';
import { moment } from '../number.ts';
import {
  parametersOf,
  parameterWords,
  type Table as ParameterTable,
  targetWords,
  TARGET,
  tokenOf,
  valueWords,
} from '../parameters.ts';
import { type PastTransaction, pastOf, usePast } from '../past.ts';
import { Badge, Table } from '../ui/parts.tsx';
import { PastSection } from '../ui/past.tsx';

/** Changes that are looked for, and transactions of each: one queues it, one ends it. */
const [CHANGES, TRANSACTIONS] = [10n, 3];

interface Row {
  readonly key: string;
  readonly number: bigint;
  readonly time: bigint | undefined;
  readonly what: string;
  readonly how: 'queued' | 'executed' | 'cancelled';
  readonly sets: readonly string[];
}

const HOW: Readonly<Record<string, Row['how']>> = {
  ChangeQueued: 'queued',
  ChangeExecuted: 'executed',
  ChangeCancelled: 'cancelled',
};

export function PastChanges({ market }: { market: Market }) {
  const names = useNames(market);
  const [past, look] = usePast(async (rpc, program) => {
    const addresses = await changeAddresses(market.address, market.changes, CHANGES);
    const found = await Promise.all(addresses.map((address) => pastOf(rpc, program, address, TRANSACTIONS)));
    return found.flat();
  });
  return (
    <PastSection
      title="Past changes"
      {...{ past, look }}
      lookFor={`Look for the last ${CHANGES}`}
      unasked="They are in the log of the chain, and read when you ask."
    >
      {(found) => (
        <Table
          caption="Past changes"
          rows={rowsOf(found, market, names)}
          keyOf={({ key }) => key}
          empty={
            market.changes === 0n
              ? 'Nothing was ever queued.'
              : 'The node remembers no transaction of the last changes.'
          }
          columns={[
            { head: 'Change', cell: ({ number, what }) => `${number}: ${what}` },
            {
              head: 'How',
              cell: ({ how }) => (
                <Badge tone={how === 'executed' ? 'warn' : how === 'cancelled' ? 'good' : 'accent'}>{how}</Badge>
              ),
            },
            { head: 'When', cell: ({ time }) => (time === undefined ? 'unknown' : moment(time)) },
            {
              head: 'What was set',
              cell: ({ sets }) => (sets.length === 0 ? '–' : <span class="prose">{sets.join('; ')}</span>),
            },
          ]}
        />
      )}
    </PastSection>
  );
}

function rowsOf(transactions: readonly PastTransaction[], market: Market, names: Names): Row[] {
  return transactions.flatMap(({ signature, time, events }) =>
    events.flatMap((event): Row[] => {
      const how = HOW[event.name];
      if (how === undefined || event.of !== market.address) {
        return [];
      }
      const { change, target } = READ.ChangeExecuted(event);
      const sets = how === 'executed' ? events.filter((one) => one.name === 'ParameterSet') : [];
      return [
        {
          key: `${signature} ${event.number}`,
          number: change,
          time,
          what: targetWords(target, names),
          how,
          sets: sets.map((one) => setWords(one, names)),
        },
      ];
    }),
  );
}

function setWords(event: ProgramEvent, names: Names): string {
  const { target, offset, old, new: now } = READ.ParameterSet(event);
  const table: ParameterTable =
    target === TARGET.market
      ? 'market'
      : ((['reserve', 'perp', 'pool'] as const)[names.market.reserves[target]?.kind ?? 0] ?? 'reserve');
  const parameter = parametersOf(table).find((one) => one.offset === offset);
  if (parameter === undefined) {
    return 'the authority';
  }
  const token = tokenOf(target, names, undefined);
  const words = (bytes: typeof old) => valueWords(parameter, bytes.slice(0, parameter.width), token);
  return `${parameterWords(parameter.name)}: ${words(old)} → ${words(now)}`;
}
