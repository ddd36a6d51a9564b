// The dialog of every transaction: what it does, who signs, what happens to it.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app.ts';
import { useObservable } from '../cell.ts';
import { exactAmount, MINUS } from '../number.ts';
import { HealthChange } from '../ui/health.tsx';
import { Button, Dialog, Notice, type Tone } from '../ui/parts.tsx';
import { AddressText, Copy } from '../ui/values.tsx';
import type { EndingKind, FlowState, Left } from './flow.ts';
import type { Move, Review } from './review.ts';

type Ended = Extract<FlowState, { step: 'ended' }>;

export function FlowDialog() {
  const { flow } = useApp();
  const state = useObservable(flow.state);
  if (state === undefined) {
    return null;
  }
  const close = () => flow.close();
  return (
    <Dialog title={state.plan.title} onClose={close} canClose={flow.canClose}>
      <div class="dialog-body">
        <Announcement state={state} />
        {state.step === 'preparing' && <Working words="The transaction is built and played on a copy of the chain…" />}
        {state.step === 'review' && (
          <>
            <ReviewBody review={state.review} notes={state.plan.notes ?? []} owner={state.plan.owner} />
            <div class="buttons end">
              <Button onClick={close}>Cancel</Button>
              <Button kind="main" onClick={() => flow.sign()}>
                Sign
              </Button>
            </div>
          </>
        )}
        {state.step === 'signing' && (
          <>
            <Working words="Answer in your wallet." left={state.left} />
            <ReviewBody review={state.review} notes={state.plan.notes ?? []} owner={state.plan.owner} />
            {flow.canClose && (
              <div class="buttons end">
                <Button onClick={close}>Give up</Button>
              </div>
            )}
          </>
        )}
        {state.step === 'sending' && (
          <>
            <Working words="Sent. Waiting for it to land." left={state.left} />
            <Signature signature={state.signature} />
          </>
        )}
        {state.step === 'ended' && <Ending state={state} onClose={close} />}
      </div>
    </Dialog>
  );
}

/** What is read out as it happens. How it ends is shown too. */
function Announcement({ state }: { state: FlowState }) {
  const words = {
    preparing: 'The transaction is built.',
    review: 'The transaction is ready. Read what it does, and sign it.',
    signing: 'Answer in your wallet.',
    sending: 'The transaction is sent.',
  };
  return (
    <div role="status">
      {state.step === 'ended' ? (
        <Notice tone={TONES[state.kind]}>
          <strong>{HEADS[state.kind]}.</strong> {state.words}
        </Notice>
      ) : (
        <p class="unseen">{words[state.step]}</p>
      )}
    </div>
  );
}

function Working({ words, left }: { words: string; left?: Left | undefined }) {
  return (
    <div class="progress">
      <p>
        <strong>{words}</strong>
      </p>
      <div class="spin">
        <span style={{ width: left === undefined ? '100%' : `${Math.min(100, (left.blocks / 150) * 100)}%` }} />
      </div>
      {left !== undefined && (
        <p class="fine">
          {left.blocks > 0
            ? `It can land for ${left.blocks} more blocks, about ${left.seconds} s.`
            : 'Its time is over: it is looked up once more.'}
        </p>
      )}
    </div>
  );
}

function ReviewBody({ review, notes, owner }: { review: Review; notes: readonly string[]; owner: string }) {
  const { told, moves, fee, rent, health, step, steps } = review;
  const own = told.filter(({ isBudget }) => !isBudget);
  const budget = told.filter(({ isBudget }) => isBudget);
  return (
    <>
      {steps > 1 && (
        <Notice>
          Transaction {step + 1} of {steps}:{' '}
          {step + 1 < steps ? 'it refreshes prices for the next one.' : 'the last one.'}
        </Notice>
      )}
      <dl class="rows">
        {moves.map((move) => (
          <MoveRow key={move.symbol} move={move} />
        ))}
        {moves.length === 0 && <Row name="Your tokens">do not move</Row>}
        {rent !== 0n && (
          <Row name={rent > 0n ? 'Rent of new accounts' : 'Rent that comes back'}>
            {exactAmount(rent > 0n ? rent : -rent, 9)} SOL
          </Row>
        )}
        <Row name="Fee">{exactAmount(fee.signatures + fee.priority, 9)} SOL</Row>
        <Row name="Signed by">
          <AddressText address={owner} />
        </Row>
      </dl>
      {health !== undefined && (health.before !== undefined || health.after !== undefined) && (
        <HealthChange before={health.before} after={health.after} />
      )}
      {notes.map((note) => (
        <Notice key={note}>{note}</Notice>
      ))}
      <div>
        <h3 class="told-head">What is signed</h3>
        <ol class="told">
          {own.map(({ words, program }, nth) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: instructions have no other name, and do not move
            <li key={nth}>
              {words}
              <span class="unit">{program}</span>
            </li>
          ))}
        </ol>
        <p class="fine">{budget.map(({ words }) => words).join('. ')}.</p>
      </div>
    </>
  );
}

function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function MoveRow({ move: { symbol, decimals, atoms } }: { move: Move }) {
  const isOut = atoms < 0n;
  return (
    <>
      <dt>{isOut ? 'You pay' : 'You get'}</dt>
      <dd class={isOut ? 'out' : 'in'}>
        <strong>
          {isOut ? MINUS : '+'}
          {exactAmount(isOut ? -atoms : atoms, decimals)} {symbol}
        </strong>
      </dd>
    </>
  );
}

function Signature({ signature }: { signature: string }) {
  return (
    <p class="signature">
      Signature <code>{signature}</code> <Copy text={signature} label="signature" />
    </p>
  );
}

const HEADS: Readonly<Record<EndingKind, string>> = {
  landed: 'Landed',
  failed: 'Landed, and failed',
  dead: 'Not landed',
  unknown: 'Unknown',
  rejected: 'Not signed',
  altered: 'Another transaction',
  refused: 'Not possible',
};

const TONES: Readonly<Record<EndingKind, Tone>> = {
  landed: 'good',
  failed: 'bad',
  dead: 'plain',
  unknown: 'warn',
  rejected: 'plain',
  altered: 'bad',
  refused: 'bad',
};

function Ending({ state, onClose }: { state: Ended; onClose: () => void }) {
  const { flow } = useApp();
  const { kind, signature, additions, hasNext } = state;
  const [isUnderstood, setUnderstood] = useState(kind !== 'unknown');
  useEffect(() => setUnderstood(kind !== 'unknown'), [kind]);
  const again =
    kind === 'landed'
      ? hasNext
        ? 'Next transaction'
        : undefined
      : kind === 'failed'
        ? 'Look at it again'
        : 'Begin again';
  return (
    <>
      {additions.length > 0 && (
        <Notice>The wallet has added {additions.join('; ')}. Everything else is as it was reviewed.</Notice>
      )}
      {signature !== undefined && <Signature signature={signature} />}
      {kind === 'unknown' && (
        <label class="check">
          <input
            type="checkbox"
            checked={isUnderstood}
            onChange={(event) => setUnderstood(event.currentTarget.checked)}
          />{' '}
          I have looked: it has not landed
        </label>
      )}
      <div class="buttons end">
        {again !== undefined && (
          <Button disabled={!isUnderstood} reason="Look for the signature first" onClick={() => flow.again()}>
            {again}
          </Button>
        )}
        <Button kind="main" onClick={onClose}>
          Close
        </Button>
      </div>
    </>
  );
}
