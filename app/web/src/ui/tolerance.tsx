// The field for how much worse than shown a transaction may end: it fails where it would be more.

import type { ComponentChildren } from 'preact';
import { readTolerance } from '../tolerance.ts';
import { TextField } from './fields.tsx';

export function ToleranceField(props: { value: string; onInput: (text: string) => void; hint?: ComponentChildren }) {
  const { value, onInput, hint } = props;
  const { error } = readTolerance(value);
  return (
    <div class="tolerance">
      <TextField label="Tolerance, %" value={value} error={error} onInput={onInput} />
      <p class="fine">{hint}</p>
    </div>
  );
}
