// Questions to the engine. It refuses some with an error code, as the program would: that is an answer too.

import { describeError, type EngineError } from '@ballast/client';
import { BALLAST_ERROR__PRICE_STALE, BALLAST_ERROR__PRICES_SKEWED } from '@ballast/client/generated';
import { errorWords } from './errors.ts';

/** What the engine says: a value, or why there is none, in words. */
export type Answer<T> =
  | { readonly value: T; readonly words?: never; readonly code?: never }
  | { readonly value?: never; readonly words: string; readonly code: number | undefined };

export function ask<T>(question: () => T): Answer<T> {
  try {
    return { value: question() };
  } catch (error) {
    const { name, code } = error as EngineError;
    if (name !== 'EngineError' && name !== 'RangeError') {
      throw error;
    }
    return { words: code === undefined ? errorWords(error) : describeError(code), code };
  }
}

/** Whether a refusal is of old prices, which every transaction that needs prices refreshes first. */
export function isOfOldPrices(code: number | undefined): boolean {
  return code === BALLAST_ERROR__PRICE_STALE || code === BALLAST_ERROR__PRICES_SKEWED;
}
