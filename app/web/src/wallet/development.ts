// Wallets of the keys in config.json. They are for a local network: the caller makes them there alone, on a page from this machine.

import { type Address, getAddressDecoder, getTransactionDecoder, getTransactionEncoder } from '@solana/kit';
import type { DevelopmentKey } from '../config.ts';
import type { PageWallet } from './wallets.ts';

/** Before a seed in the one form of a private key that browsers take. */
const PKCS8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

export function developmentWallets(keys: readonly DevelopmentKey[]): readonly PageWallet[] {
  return keys.map(developmentWallet);
}

function developmentWallet({ name, secretKey }: DevelopmentKey): PageWallet {
  const publicKey = secretKey.slice(32);
  const address = getAddressDecoder().decode(publicKey) as Address;
  return {
    name: `Development: ${name}`,
    icon: undefined,
    isDevelopment: true,
    unfit: undefined,
    accounts: () => [address],
    connect: async () => undefined,
    disconnect: async () => undefined,
    subscribe: () => () => undefined,
    signer: () => ({
      version: 0,
      sign: async (bytes) => {
        const transaction = getTransactionDecoder().decode(bytes);
        if (!(address in transaction.signatures)) {
          throw new Error(`the transaction asks for no signature of ${name}`);
        }
        const seed = Uint8Array.from([...PKCS8, ...secretKey.subarray(0, 32)]);
        const key = await crypto.subtle.importKey('pkcs8', seed, { name: 'Ed25519' }, false, ['sign']);
        const message = Uint8Array.from(transaction.messageBytes);
        const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key, message));
        await confirmKey(publicKey, signature, message, name);
        const signatures = { ...transaction.signatures, [address]: signature };
        return Uint8Array.from(getTransactionEncoder().encode({ ...transaction, signatures } as typeof transaction));
      },
    }),
  };
}

/** A secret key whose halves do not belong together signs for another address than it names. */
async function confirmKey(
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<void> {
  const key = await crypto.subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  if (!(await crypto.subtle.verify('Ed25519', key, signature, message))) {
    throw new Error(`the key of ${name} in config.json is not the one of its address`);
  }
}
