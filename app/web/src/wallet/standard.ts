// Wallets that announce themselves by the Wallet Standard, as all of today's do.

import type { Address } from '@solana/kit';
import type {
  SolanaSignAndSendTransactionFeature,
  SolanaSignTransactionFeature,
  SolanaTransactionVersion,
} from '@solana/wallet-standard-features';
import { getWallets } from '@wallet-standard/app';
import type { Wallet } from '@wallet-standard/base';
import type {
  StandardConnectFeature,
  StandardDisconnectFeature,
  StandardEventsFeature,
} from '@wallet-standard/features';
import type { ChainName, PageWallet, Signer } from './wallets.ts';

type Features = Partial<
  StandardConnectFeature &
    StandardDisconnectFeature &
    StandardEventsFeature &
    SolanaSignTransactionFeature &
    SolanaSignAndSendTransactionFeature
>;

/** Tells the wallets that there are, now and whenever one comes or goes. */
export function standardWallets(chain: ChainName, on: (wallets: readonly PageWallet[]) => void): void {
  const registry = getWallets();
  const known = new Map<Wallet, PageWallet>();
  const tell = () => {
    const wallets = registry.get().filter((wallet) => wallet.chains.some((name) => name.startsWith('solana:')));
    on(
      wallets.map((wallet) => {
        const made = known.get(wallet) ?? pageWallet(wallet, chain);
        known.set(wallet, made);
        return made;
      }),
    );
  };
  registry.on('register', tell);
  registry.on('unregister', tell);
  tell();
}

/** An image is shown only if it is in the announcement itself: nothing is fetched for it. */
function iconOf(wallet: Wallet): string | undefined {
  return /^data:image\/(?:svg\+xml|png|webp|gif);base64,/.test(wallet.icon) ? wallet.icon : undefined;
}

function pageWallet(wallet: Wallet, chain: ChainName): PageWallet {
  const features = wallet.features as Features;
  const sign = features['solana:signTransaction'];
  const send = features['solana:signAndSendTransaction'];
  const connect = features['standard:connect'];
  const usable = () => wallet.accounts.filter((account) => account.chains.some((name) => name.startsWith('solana:')));
  return {
    name: wallet.name,
    icon: iconOf(wallet),
    isDevelopment: false,
    unfit: unfit(features, chain),
    accounts: () => usable().map(({ address }) => address as Address),
    connect: async (silent) => {
      await connect?.connect(silent ? { silent: true } : undefined);
    },
    disconnect: async () => {
      await features['standard:disconnect']?.disconnect();
    },
    subscribe: (listener) => features['standard:events']?.on('change', listener) ?? (() => undefined),
    signer: (address): Signer => {
      const account = usable().find((one) => one.address === address);
      if (account === undefined) {
        throw new Error(`${wallet.name} does not show the account ${address} any more`);
      }
      const versions = (sign ?? send)?.supportedTransactionVersions ?? [];
      const one = <T>(outputs: readonly T[]): T => {
        const [output] = outputs;
        if (output === undefined || outputs.length !== 1) {
          throw new Error(`${wallet.name} answered with ${outputs.length} transactions to one`);
        }
        return output;
      };
      // On a network of one's own a wallet has nowhere to send to. Elsewhere wallets want to send themselves, and warn otherwise.
      const sends = send !== undefined && (chain !== 'solana:localnet' || sign === undefined);
      return {
        version: (versions as readonly SolanaTransactionVersion[]).includes(0) ? 0 : 'legacy',
        ...(sends
          ? {
              signAndSend: async (transaction) =>
                one(await send.signAndSendTransaction({ account, chain, transaction })).signature,
            }
          : {
              sign: async (transaction) =>
                one(await sign!.signTransaction({ account, chain, transaction })).signedTransaction,
            }),
      };
    },
  };
}

function unfit(features: Features, chain: ChainName): string | undefined {
  if (features['standard:connect'] === undefined) {
    return 'It lets no page connect.';
  }
  if (features['solana:signTransaction'] === undefined) {
    if (features['solana:signAndSendTransaction'] === undefined) {
      return 'It signs no transactions.';
    }
    if (chain === 'solana:localnet') {
      return 'It only signs what it sends itself, which it cannot do on a local network.';
    }
  }
  return undefined;
}
