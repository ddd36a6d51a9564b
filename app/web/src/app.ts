// What all of the page shares, made once at the start.

import type { Engine } from '@ballast/client';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { Cell } from './cell.ts';
import { Accounts } from './chain/accounts.ts';
import { type Identity, identify } from './chain/identity.ts';
import { Rpc } from './chain/rpc.ts';
import type { Config } from './config.ts';
import { Flow } from './tx/flow.ts';
import { Wallets } from './wallet/wallets.ts';

export interface App {
  readonly config: Config;
  readonly rpc: Rpc;
  readonly accounts: Accounts;
  readonly identity: Cell<Identity>;
  /** None until it is compiled. */
  readonly engine: Cell<Engine | undefined>;
  /** SHA-256 of the engine that runs. */
  readonly engineHash: Cell<string | undefined>;
  readonly wallets: Wallets;
  readonly flow: Flow;
}

/** A while later, when the browser has nothing else to do. */
export const whenIdle = () =>
  new Promise<void>((done) => {
    const wait = 'requestIdleCallback' in window ? requestIdleCallback : (then: () => void) => setTimeout(then, 500);
    setTimeout(() => wait(() => done()), 1_000);
  });

/** Starts everything that the page shares. */
export function startApp(config: Config): App {
  const rpc = new Rpc(config.rpc);
  const accounts = new Accounts(rpc, config.ws);
  const identity = new Cell<Identity>({ state: 'checking' });
  const engine = new Cell<Engine | undefined>(undefined);
  const engineHash = new Cell<string | undefined>(undefined);
  const wallets = new Wallets(config);
  accounts.start();
  const check = async () => {
    const found = await identify(config, rpc, whenIdle);
    identity.set(found);
    if (found.state === 'unknown') {
      setTimeout(check, 10_000);
    }
  };
  check();
  import('./chain/engine.ts').then(async ({ startEngine }) => {
    const started = await startEngine();
    engineHash.set(started.hash);
    engine.set(started.engine);
  });
  const flow = new Flow({ config, rpc, accounts, identity, engine, wallets });
  return { config, rpc, accounts, identity, engine, engineHash, wallets, flow };
}

const Context = createContext<App | undefined>(undefined);

export const AppProvider = Context.Provider;

export function useApp(): App {
  const app = useContext(Context);
  if (app === undefined) {
    throw new Error('outside of the page');
  }
  return app;
}
