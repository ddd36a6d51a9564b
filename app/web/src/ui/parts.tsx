// The parts that screens are made of.

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import { useObservable } from '../cell.ts';
import { route } from '../route.ts';

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'accent';

/** A screen: its heading takes the focus when one comes from another screen. */
export function Screen(props: {
  title: string;
  lede?: ComponentChildren;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { title, lede, aside, children } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const { screen } = useObservable(route);
  useEffect(() => {
    document.title = `${title} · Ballast`;
  }, [title]);
  useEffect(() => {
    if (wasShown) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    wasShown = true;
  }, [screen]);
  return (
    <>
      <header class="screen-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lede !== undefined && <p class="lede">{lede}</p>}
        </div>
        {aside !== undefined && <div class="screen-aside">{aside}</div>}
      </header>
      {children}
    </>
  );
}

/** Whether a screen was shown before: the first one leaves the focus where the browser puts it. */
let wasShown = false;

/** A part of a screen under a heading. */
export function Section(props: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{props.title}</h2>
        {props.aside !== undefined && <div class="panel-aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}

export function Badge({
  tone = 'plain',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

/** Figures beside each other, each with a name. */
export function Figures({ children }: { children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>;
}

export function Figure({
  label,
  note,
  children,
}: {
  label: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        <span class="figure-value">{children}</span>
        {note !== undefined && <span class="figure-note">{note}</span>}
      </dd>
    </div>
  );
}

export interface Column<Row> {
  readonly head: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
}

/** A table; on a narrow screen each row is a list. The first column names the row. */
export function Table<Row>(props: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  empty?: ComponentChildren;
}) {
  const { caption, columns, rows, keyOf, empty } = props;
  if (rows.length === 0) {
    return <p class="empty">{empty ?? 'Nothing yet.'}</p>;
  }
  const [first, ...others] = columns;
  return (
    <table class="table">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ head, isNumber }) => (
            <th key={head} scope="col" class={isNumber ? 'right' : undefined}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            <th scope="row">{first!.cell(row)}</th>
            {others.map(({ head, isNumber, cell }) => (
              <td key={head} data-head={head} class={isNumber ? 'right' : undefined}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** In place of what is not there yet, as large as that will be. */
export function Skeleton({ lines = 1, height = 20 }: { lines?: number; height?: number }) {
  return (
    <div class="skeleton" aria-hidden="true" style={{ height: `${lines * height}px` }}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
        <span key={line} style={{ height: `${Math.round(height * 0.55)}px`, width: `${92 - ((line * 17) % 35)}%` }} />
      ))}
    </div>
  );
}

/** Words about what is wrong, what holds, or what to do. */
export function Notice({
  tone = 'plain',
  children,
  action,
}: {
  tone?: Tone;
  children: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class={`notice ${tone}`}>
      <p>{children}</p>
      {action}
    </div>
  );
}

/** Why the last try failed, read out when it does. */
export function Failure({ words }: { words: string | undefined }) {
  return <div aria-live="polite">{words !== undefined && <Notice tone="bad">{words}</Notice>}</div>;
}

export function Button(props: {
  children: ComponentChildren;
  onClick?: () => void;
  kind?: 'main' | 'plain' | 'quiet';
  type?: 'button' | 'submit';
  disabled?: boolean;
  /** Why it is disabled, in words that are read out. */
  reason?: string | undefined;
  /** Told the reason when it is pressed all the same. */
  onRefuse?: ((reason: string | undefined) => void) | undefined;
}) {
  const { children, onClick, kind = 'plain', type = 'button', disabled = false, reason, onRefuse } = props;
  return (
    <button
      type={type}
      class={`button ${kind}`}
      aria-disabled={disabled}
      title={disabled ? reason : undefined}
      onClick={(event) => {
        if (disabled) {
          event.preventDefault();
          onRefuse?.(reason);
        } else {
          onClick?.();
        }
      }}
    >
      {children}
    </button>
  );
}

/** A part of a whole as a bar, with what it says beside it in words. */
export function Bar({ part, tone = 'accent', label }: { part: number; tone?: Tone; label: string }) {
  const percent = Math.max(0, Math.min(100, part * 100));
  return (
    <div class={`bar ${tone}`} role="img" aria-label={label}>
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

/** A native dialog over the page. */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  /** Whether Escape and a click beside it close it. */
  canClose?: boolean;
  children: ComponentChildren;
}) {
  const { title, onClose, canClose = true, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before the next key is pressed.
  useLayoutEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement;
    if (!element.open) {
      element.showModal();
    }
    return () => {
      element.close();
      if (before instanceof HTMLElement) {
        before.focus();
      }
    };
  }, []);
  const onCancel: JSX.GenericEventHandler<HTMLDialogElement> = (event) => {
    event.preventDefault();
    if (canClose) {
      onClose();
    }
  };
  // Browsers that do not know `closedby` let nobody hold a dialog open against a second Escape.
  const onClosed = () => {
    const element = dialog.current;
    if (element?.isConnected && !element.open) {
      if (canClose) {
        onClose();
      } else {
        element.showModal();
      }
    }
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      closedby={canClose ? 'closerequest' : 'none'}
      onCancel={onCancel}
      onClose={onClosed}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        {canClose && (
          <button type="button" class="close" aria-label="Close" onClick={onClose}>
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M3.5 3.5l9 9m0-9l-9 9" />
            </svg>
          </button>
        )}
      </header>
      {children}
    </dialog>
  );
}
