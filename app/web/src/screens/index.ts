// The screens of the page. A screen is a file whose default export is a component that gets what follows its name in the address.
// The first is loaded with the page, the others when they are first shown.

import type { FunctionComponent } from 'preact';
import market from './market.tsx';

export interface ScreenProps {
  /** What follows the screen's name in the address: #/account/ADDRESS. */
  readonly args: readonly string[];
}

export type ScreenComponent = FunctionComponent<ScreenProps>;

interface Entry {
  /** In the address: #/name. */
  readonly name: string;
  /** In the navigation; none: it is reached from other screens. */
  readonly nav?: string;
  /** Whether that is behind “More”. */
  readonly isMore?: boolean;
  readonly component?: ScreenComponent;
  readonly load?: () => Promise<{ readonly default: ScreenComponent }>;
}

export const SCREENS: readonly Entry[] = [
  { name: 'market', nav: 'Market', component: market },
  { name: 'account', nav: 'Account', load: () => import('./account.tsx') },
  { name: 'act', nav: 'Lend', load: () => import('./act.tsx') },
  { name: 'vaults', nav: 'Vaults', load: () => import('./vaults.tsx') },
  { name: 'perps', nav: 'Perps', load: () => import('./perps.tsx') },
  { name: 'pool', load: () => import('./pool.tsx') },
  { name: 'insurance', nav: 'Insurance', isMore: true, load: () => import('./insurance.tsx') },
  { name: 'what-if', nav: 'What if', isMore: true, load: () => import('./whatif.tsx') },
  { name: 'liquidations', nav: 'Liquidations', isMore: true, load: () => import('./liquidations.tsx') },
  { name: 'governance', nav: 'Governance', isMore: true, load: () => import('./governance.tsx') },
  { name: 'stress', nav: 'Stress', isMore: true, load: () => import('./stress.tsx') },
  { name: 'proof', nav: 'Proof', isMore: true, load: () => import('./proof.tsx') },
  { name: 'delegate', load: () => import('./delegate.tsx') },
  { name: 'reserve', load: () => import('./reserve.tsx') },
];
