// Who else may act for an account. A screen of its own, so that nobody signs this among other things.

import type { MarginAccount, Market } from '@ballast/client';
import { useState } from 'preact/hooks';
import { delegatePlan } from '../actions/delegate.ts';
import { useApp } from '../app.ts';
import { addressIn, useNow } from '../hooks.ts';
import { SelectField, TextField } from '../ui/fields.tsx';
import { Button, Notice, Screen, Section } from '../ui/parts.tsx';
import { OfAccount } from '../ui/subject.tsx';
import { useConnection } from '../ui/wallet.tsx';
import { delegateWords, RIGHTS } from '../tx/rights.ts';
import type { ScreenProps } from './index.ts';

export default function DelegateScreen({ args }: ScreenProps) {
  return (
    <Screen title="Delegate" lede="Somebody who may act for a margin account, until a day that you name.">
      <OfAccount given={args[0]}>{(subject) => <Form key={subject.account.address} {...subject} />}</OfAccount>
    </Screen>
  );
}

const DAYS = [1, 7, 30, 90] as const;
/** Uses, of which a delegate has one at least; the other bit only widens them. */
const USES = 1 | 2 | 8;
const NONE = '11111111111111111111111111111111';

function Form({ market, account }: { market: Market; account: MarginAccount }) {
  const { flow } = useApp();
  const now = useNow();
  const isOwn = useConnection()?.address === account.owner;
  const [text, setText] = useState('');
  const [rights, setRights] = useState(0);
  const [days, setDays] = useState<number>(7);
  const delegate = addressIn(text.trim());
  const wrong =
    text.trim() === ''
      ? undefined
      : delegate === undefined
        ? 'That is no address: those are 32 bytes in base58.'
        : delegate === account.owner
          ? 'That is you: an owner may do everything anyway.'
          : undefined;
  const obstacle = !isOwn
    ? 'Only the owner of the account can do this'
    : delegate === undefined
      ? 'Enter an address'
      : (wrong ?? ((rights & USES) === 0 ? 'Choose one of the uses at least' : undefined));
  const isNamed = account.delegate !== NONE && (now === undefined || now < account.delegateUntil);
  return (
    <div class="columns act">
      <Section title="Now">
        <div class="panel-body">
          <p>
            {isNamed
              ? delegateWords({
                  delegate: account.delegate,
                  rights: account.delegateRights,
                  until: account.delegateUntil,
                })
              : 'Nobody but the owner may act for this account.'}
          </p>
          <div class="buttons">
            <Button
              disabled={!isOwn || account.delegate === NONE}
              reason={isOwn ? 'There is none' : 'Only the owner of the account can do this'}
              onClick={() => flow.start(delegatePlan(market, account, undefined))}
            >
              Remove the delegate
            </Button>
          </div>
        </div>
      </Section>
      <Section title="Name one">
        <form
          class="panel-body"
          onSubmit={(event) => {
            event.preventDefault();
            if (obstacle === undefined && delegate !== undefined && now !== undefined) {
              const until = now + BigInt(days * 86_400);
              flow.start(delegatePlan(market, account, { delegate, rights, until }));
            }
          }}
        >
          <Notice tone="bad">
            A delegate can empty the account within these rights, without asking you. Nobody who helps you needs one.
          </Notice>
          <TextField label="Address of the delegate" value={text} onInput={setText} error={wrong} />
          <fieldset class="choices">
            <legend>May</legend>
            {RIGHTS.map(([bit, words]) => (
              <label key={bit} class="check">
                <input
                  type="checkbox"
                  checked={(rights & bit) !== 0}
                  onChange={(event) => setRights(event.currentTarget.checked ? rights | bit : rights & ~bit)}
                />
                {words}
              </label>
            ))}
          </fieldset>
          <SelectField
            label="For"
            value={days}
            options={DAYS.map((value) => ({ value: value as number, label: value === 1 ? 'a day' : `${value} days` }))}
            onChange={setDays}
          />
          <div class="buttons">
            <Button type="submit" kind="main" disabled={obstacle !== undefined} reason={obstacle}>
              Review
            </Button>
          </div>
        </form>
      </Section>
    </div>
  );
}
