// Which wallets there are, which one is connected, and with which of its accounts.

import type { Address } from '@solana/kit';
import { Cell } from '../cell.ts';
import type { Config } from '../config.ts';
import { developmentWallets } from './development.ts';
import { standardWallets } from './standard.ts';

/** How a wallet answers a transaction. */
export interface Signer {
  /** Signs and returns the whole transaction, which may not be what it was given. */
  readonly sign?: (transaction: Uint8Array) => Promise<Uint8Array>;
  /** Signs and sends it, and returns the first signature. */
  readonly signAndSend?: (transaction: Uint8Array) => Promise<Uint8Array>;
  /** Whether it takes transactions of version 0, or legacy ones alone. */
  readonly version: 0 | 'legacy';
}

/** A wallet, wherever it comes from. */
export interface PageWallet {
  readonly name: string;
  readonly icon: string | undefined;
  /** Whether its keys are those of a local network, which are public. */
  readonly isDevelopment: boolean;
  /** Why it can sign nothing here, in words. */
  readonly unfit: string | undefined;
  /** Addresses that it lets the page see. */
  accounts(): readonly Address[];
  connect(silent: boolean): Promise<void>;
  disconnect(): Promise<void>;
  /** Tells when its accounts change. */
  subscribe(listener: () => void): () => void;
  /** Throws if the address is not among its accounts any more. */
  signer(address: Address): Signer;
}

export interface Connection {
  readonly wallet: PageWallet;
  readonly address: Address;
}

/** The Wallet Standard's name of the chain. */
export type ChainName = `solana:${string}`;

const CLUSTERS: Readonly<Record<string, ChainName>> = {
  '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d': 'solana:mainnet',
  EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG: 'solana:devnet',
  '4uhcVJyU9pJkvQyS88uRDiswHScSG3yUvEcwDjTwD6vM': 'solana:testnet',
};

/** A chain that is none of the public ones is a local network. */
function chainName(config: Config): ChainName {
  return CLUSTERS[config.genesisHash] ?? 'solana:localnet';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

const REMEMBERED = 'ballast:wallet';

export class Wallets {
  readonly available = new Cell<readonly PageWallet[]>([]);
  readonly connection = new Cell<Connection | undefined>(undefined);
  #unsubscribe: () => void = () => undefined;

  constructor(config: Config) {
    const chain = chainName(config);
    const isLocal = chain === 'solana:localnet' && isLoopback(location.hostname);
    const own = isLocal ? developmentWallets(config.wallets) : [];
    standardWallets(chain, (wallets) => {
      this.available.set([...wallets, ...own]);
      this.#restore();
    });
  }

  async connect(wallet: PageWallet): Promise<void> {
    await wallet.connect(false);
    if (!this.#use(wallet)) {
      throw new Error(`${wallet.name} shows this page no account`);
    }
  }

  /** Another account of the wallet. */
  choose(address: Address): void {
    const { wallet } = this.connection.get() ?? {};
    if (wallet?.accounts().includes(address)) {
      this.connection.set({ wallet, address });
    }
  }

  async disconnect(): Promise<void> {
    const { wallet } = this.connection.get() ?? {};
    this.#leave();
    remember(undefined);
    await wallet?.disconnect();
  }

  /** The wallet of the last visit, if it still lets the page in without asking. */
  async #restore(): Promise<void> {
    const name = recall();
    const wallet = this.available.get().find((one) => one.name === name && one.unfit === undefined);
    if (wallet === undefined || this.connection.get() !== undefined) {
      return;
    }
    try {
      await wallet.connect(true);
    } catch {
      return;
    }
    if (this.connection.get() === undefined) {
      this.#use(wallet);
    }
  }

  #use(wallet: PageWallet): boolean {
    const [address] = wallet.accounts();
    if (address === undefined) {
      return false;
    }
    this.#unsubscribe();
    this.#unsubscribe = wallet.subscribe(() => this.#changed(wallet));
    this.connection.set({ wallet, address });
    remember(wallet.name);
    return true;
  }

  #changed(wallet: PageWallet): void {
    const accounts = wallet.accounts();
    const [first] = accounts;
    const { address } = this.connection.get() ?? {};
    if (first === undefined) {
      this.#leave();
    } else if (address === undefined || !accounts.includes(address)) {
      this.connection.set({ wallet, address: first });
    }
  }

  #leave(): void {
    this.#unsubscribe();
    this.#unsubscribe = () => undefined;
    this.connection.set(undefined);
  }
}

/** Storage may be forbidden: then the page asks again at the next visit. */
function recall(): string | null {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function remember(name: string | undefined): void {
  try {
    if (name === undefined) {
      localStorage.removeItem(REMEMBERED);
    } else {
      localStorage.setItem(REMEMBERED, name);
    }
  } catch {
    // See above.
  }
}
