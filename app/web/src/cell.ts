import { useEffect, useReducer } from 'preact/hooks';

/** Something that changes, and tells. All state that several components share is in these. */
export interface Observable<T> {
  get(): T;
  subscribe(listener: () => void): () => void;
}

/** A value that is set. */
export class Cell<T> implements Observable<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (!Object.is(value, this.#value)) {
      this.#value = value;
      for (const listener of [...this.#listeners]) {
        listener();
      }
    }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The value of now, rendered again when it changes. The observable must be the same object from render to render. */
export function useObservable<T>(observable: Observable<T>): T {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const value = observable.get();
  useEffect(() => {
    // It may have changed between rendering and now.
    if (!Object.is(observable.get(), value)) {
      render(undefined);
    }
    let shown = observable.get();
    return observable.subscribe(() => {
      const next = observable.get();
      if (!Object.is(next, shown)) {
        shown = next;
        render(undefined);
      }
    });
  }, [observable]);
  return value;
}
