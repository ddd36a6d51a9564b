// Where one is: everything behind the # of the address. Any host serves that, and a folder too.

import type { Observable } from './cell.ts';

export interface Route {
  /** Name of the screen. */
  readonly screen: string;
  /** What follows it. */
  readonly args: readonly string[];
  readonly params: URLSearchParams;
}

function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [screen = '', ...args] = path.split('/').filter((part) => part !== '');
  return { screen, args: args.map(decode), params: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

let hash = location.hash;
let current = parseRoute(hash);

export const route: Observable<Route> = {
  get: () => {
    if (location.hash !== hash) {
      hash = location.hash;
      current = parseRoute(hash);
    }
    return current;
  },
  subscribe: (listener) => {
    addEventListener('hashchange', listener);
    return () => removeEventListener('hashchange', listener);
  },
};

/** The address of a screen. The market stays the one that is shown, unless another is named. */
export function href(
  screen: string,
  args: readonly (string | number)[] = [],
  params: Record<string, string> = {},
): string {
  const market = route.get().params.get('market');
  const query = new URLSearchParams(market === null ? params : { market, ...params }).toString();
  return `#/${[screen, ...args.map((part) => encodeURIComponent(part))].join('/')}${query && `?${query}`}`;
}

export function go(screen: string, args: readonly (string | number)[] = [], params: Record<string, string> = {}): void {
  location.hash = href(screen, args, params);
}
