// Numbers and names on the screen. Each shows few digits and keeps the exact value: in its title, and for copying.

import type { LiquidationPrice } from '@ballast/client';
import type { Address } from '@solana/kit';
import { useState } from 'preact/hooks';
import { brief } from '../names.ts';
import * as number from '../number.ts';

/** A number as other programs take it: no spaces, and a minus of ASCII. */
function plain(exact: string): string {
  return exact.replaceAll(number.APART, '').replace(number.MINUS, '-');
}

/** Has a number that is selected and copied be copied exactly, and not as few of its digits as are shown. */
export function copyExactly(): void {
  document.addEventListener('copy', (event) => {
    const selection = getSelection();
    const of = (node: Node | null | undefined) =>
      (node instanceof Element ? node : node?.parentElement)?.closest<HTMLElement>('[data-exact]');
    const element = of(selection?.anchorNode);
    if (element && element === of(selection?.focusNode)) {
      event.clipboardData?.setData('text/plain', element.dataset.exact!);
      event.preventDefault();
    }
  });
}

/** An amount of a token, rounded down for what one has and up for what one owes. */
export function Amount(props: {
  atoms: bigint;
  decimals: number;
  rounding: number.Rounding;
  symbol?: string;
  digits?: number;
}) {
  const { atoms, decimals, rounding, symbol, digits } = props;
  const exact = number.exactAmount(atoms, decimals);
  return (
    <span class="number" data-exact={plain(exact)} title={symbol === undefined ? exact : `${exact} ${symbol}`}>
      {number.shortAmount(atoms, decimals, rounding, digits)}
      {symbol !== undefined && <span class="unit"> {symbol}</span>}
    </span>
  );
}

/** A value of 10^-8 USD. */
export function Usd({ value, rounding, whole = false }: { value: bigint; rounding: number.Rounding; whole?: boolean }) {
  const text = whole ? number.wholeUsd(value, rounding) : number.usd(value, rounding);
  const exact = number.exactAmount(value, 8);
  return (
    <span class="number" data-exact={plain(exact)} title={`${exact} USD`}>
      {text}
    </span>
  );
}

/** A price in USD. */
export function Price({ value }: { value: Pick<LiquidationPrice, 'price' | 'exponent'> }) {
  const decimals = Math.max(0, -value.exponent);
  const exact = number.exactAmount(value.price * 10n ** BigInt(Math.max(0, value.exponent)), decimals);
  return (
    <span class="number" data-exact={plain(exact)} title={`${exact} USD`}>
      {number.price(value)}
    </span>
  );
}

/** A part of one. */
export function Percent({ part, digits }: { part: number; digits?: number }) {
  return <span class="number">{number.percent(part, digits)}</span>;
}

/** An address: its ends, the whole as its title, and a click copies it. */
export function AddressText({ address, label }: { address: Address | string; label?: string }) {
  return (
    <span class="address">
      <code title={address}>{brief(address)}</code>
      <Copy text={address} label={label ?? 'address'} />
    </span>
  );
}

/** Copies a text. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<'ready' | 'done' | 'failed'>('ready');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState('done');
    } catch {
      setState('failed');
    }
    setTimeout(() => setState('ready'), 1_500);
  };
  const words = { ready: `Copy ${label}`, done: 'Copied', failed: 'The browser does not allow copying' }[state];
  return (
    <button type="button" class="copy" aria-label={words} title={words} onClick={copy}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {state === 'done' ? <path d="M3 8.5 6.5 12 13 4.5" /> : <path d="M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z" />}
      </svg>
    </button>
  );
}
