// Fields of forms, each with its name, its hint and what is wrong with it in words.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { exactAmount, parseAmount } from '../number.ts';

/** What is typed into a field of an amount, and what it means. */
export interface AmountInput {
  readonly text: string;
  /** Whether the field's button for the most was the last that changed it: then it follows what the most is. */
  readonly isMax: boolean;
}

export const NO_AMOUNT: AmountInput = { text: '', isMax: false };

/** The atoms of what was typed, or why there are none. Nothing is wrong yet with a field that nobody typed into. */
export function readAmount(
  input: AmountInput,
  decimals: number,
  max: bigint | undefined,
): { readonly atoms: bigint | undefined; readonly error: string | undefined } {
  if (input.isMax) {
    return { atoms: max, error: undefined };
  }
  if (input.text.trim() === '') {
    return { atoms: undefined, error: undefined };
  }
  const { atoms, error } = parseAmount(input.text, decimals);
  return { atoms: atoms === 0n ? undefined : atoms, error: atoms === 0n ? 'Enter more than zero.' : error };
}

/** A field for an amount of a token. */
export function AmountField(props: {
  label: string;
  symbol: string;
  decimals: number;
  input: AmountInput;
  onInput: (input: AmountInput) => void;
  /** The most; none if that is not known. */
  max: bigint | undefined;
  maxLabel: string;
  /** What is wrong beside what the text itself says. */
  error?: string | undefined;
  hint?: ComponentChildren;
}) {
  const { label, symbol, decimals, input, onInput, max, maxLabel, error, hint } = props;
  const id = useId();
  const read = readAmount(input, decimals, max);
  const words = read.error ?? error;
  const text = input.isMax && max !== undefined ? exactAmount(max, decimals) : input.text;
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>{label}</label>
        <span class="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      </div>
      <div class={`amount-field${words === undefined ? '' : ' wrong'}`}>
        <input
          id={id}
          type="text"
          inputMode="decimal"
          autoComplete="off"
          spellcheck={false}
          placeholder="0.0"
          value={text}
          aria-invalid={words !== undefined}
          aria-describedby={`${id}-hint ${id}-error`}
          onInput={(event) => onInput({ text: event.currentTarget.value, isMax: false })}
        />
        <span class="amount-symbol">{symbol}</span>
        <button
          type="button"
          class="max"
          disabled={max === undefined}
          aria-label={maxLabel}
          onClick={() => onInput({ text: '', isMax: true })}
        >
          Max
        </button>
      </div>
      <p class="field-error" id={`${id}-error`} aria-live="polite">
        {words}
      </p>
    </div>
  );
}

/** A choice of few. */
export function SelectField<T extends string | number>(props: {
  label: string;
  value: T;
  options: readonly { readonly value: T; readonly label: string }[];
  onChange: (value: T) => void;
}) {
  const { label, value, options, onChange } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={String(value)}
        onChange={(event) => {
          const chosen = options.find((option) => String(option.value) === event.currentTarget.value);
          if (chosen !== undefined) {
            onChange(chosen.value);
          }
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={String(option.value)}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A field for an address or another line of text. */
export function TextField(props: {
  label: string;
  value: string;
  onInput: (text: string) => void;
  error?: string | undefined;
  placeholder?: string;
}) {
  const { label, value, onInput, error, placeholder } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        class="text-input"
        autoComplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={value}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-error`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p class="field-error" id={`${id}-error`} aria-live="polite">
        {error}
      </p>
    </div>
  );
}
