// What has happened lately, under a heading with the button that asks for it.

import type { ComponentChildren } from 'preact';
import type { Past } from '../past.ts';
import { Button, Notice, Section, Skeleton } from './parts.tsx';

export function PastSection<T>(props: {
  title: string;
  past: Past<T>;
  look: () => void;
  /** What the button says. */
  lookFor: string;
  /** What is said as long as nobody has asked. */
  unasked: string;
  children: (found: T) => ComponentChildren;
}) {
  const { title, past, look, lookFor, unasked, children } = props;
  const isAsking = past.state === 'asking';
  return (
    <Section
      title={title}
      aside={
        <Button kind="quiet" disabled={isAsking} reason="The node is being asked" onClick={look}>
          {isAsking ? 'Looking…' : lookFor}
        </Button>
      }
    >
      <div aria-live="polite">
        {past.state === 'unasked' && <p class="empty">{unasked}</p>}
        {past.state === 'asking' && <Skeleton lines={3} height={45} />}
        {past.state === 'failed' && (
          <div class="panel-body form">
            <Notice tone="warn">The past could not be read: {past.words}</Notice>
          </div>
        )}
        {past.state === 'ready' && children(past.value)}
      </div>
    </Section>
  );
}
