// A wallet for the tests, which runs in the page as an extension's would: it announces itself by the Wallet Standard and signs with
// a key of its own, in as many ways as wallets are known to behave.

import type { TestKey } from './network.ts';

export type Personality =
  /** Signs what it is given. */
  | 'plain'
  /** Says no. */
  | 'rejects'
  /** Never answers. */
  | 'silent'
  /** Answers when the test says so: `window.answer()`. */
  | 'late'
  /** Takes legacy transactions alone. */
  | 'legacy'
  /** Has no solana:signTransaction. */
  | 'no-sign'
  /** Adds an instruction of the compute budget that the page does not set. */
  | 'appends'
  /** Adds a transfer of SOL to somebody else. */
  | 'steals'
  /** Pays ten times as much. */
  | 'alters';

/** Runs in the page before anything else. It must need nothing from outside of itself. */
export function injectWallet({ keys, personality }: { keys: readonly TestKey[]; personality: Personality }): void {
  const version = personality === 'legacy' ? 'legacy' : 0;
  const accountOf = ({ address, secretKey }: TestKey) => ({
    address,
    publicKey: Uint8Array.from(secretKey.slice(32)),
    chains: ['solana:localnet'],
    features: ['solana:signTransaction'],
  });
  let accounts = [accountOf(keys[0]!)];
  const listeners = new Set<(changed: unknown) => void>();
  const world = window as unknown as {
    /** Changes to another of its accounts. */
    switchAccount: (nth: number) => void;
    answer: () => void;
    disconnectWallet: () => void;
    /** Transactions that it was asked to sign. */
    asked: number;
  };
  world.asked = 0;
  const change = (next: typeof accounts) => {
    accounts = next;
    for (const listener of listeners) listener({ accounts });
  };
  world.switchAccount = (nth) => change([accountOf(keys[nth]!)]);
  world.disconnectWallet = () => change([]);
  let release: () => void = () => undefined;
  world.answer = () => release();

  const sign = async (key: TestKey, message: Uint8Array): Promise<Uint8Array> => {
    const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const seed = Uint8Array.from([...head, ...key.secretKey.slice(0, 32)]);
    const imported = await crypto.subtle.importKey('pkcs8', seed, { name: 'Ed25519' }, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('Ed25519', imported, Uint8Array.from(message)));
  };

  /** Where a message's parts are: it is short enough for counts of one byte, but for the instructions' data. */
  const parts = (message: Uint8Array) => {
    const start = message[0]! >= 128 ? 1 : 0;
    const accounts = start + 4;
    const count = message[start + 3]!;
    const instructions = accounts + 32 * count + 32;
    return { start, accounts, count, instructions };
  };

  /** A message with one more program or account at its end, and an instruction. */
  const withInstruction = (message: Uint8Array, build: (indexOf: (address: Uint8Array) => number) => number[]) => {
    const { accounts, count, instructions, start } = parts(message);
    const added: Uint8Array[] = [];
    const indexOf = (address: Uint8Array) => {
      for (let nth = 0; nth < count; nth += 1) {
        const at = accounts + 32 * nth;
        if (message.subarray(at, at + 32).every((byte, index) => byte === address[index])) {
          return nth;
        }
      }
      added.push(address);
      return count + added.length - 1;
    };
    const instruction = build(indexOf);
    const lookups = start === 1 ? [0] : [];
    const end = message.length - lookups.length;
    const bytes = [
      ...message.subarray(0, accounts + 32 * count),
      ...added.flatMap((address) => [...address]),
      ...message.subarray(accounts + 32 * count, instructions),
      message[instructions]! + 1,
      ...message.subarray(instructions + 1, end),
      ...instruction,
      ...lookups,
    ];
    bytes[start + 2] = message[start + 2]! + added.length;
    bytes[start + 3] = count + added.length;
    return Uint8Array.from(bytes);
  };

  const COMPUTE_BUDGET = Uint8Array.from([
    3, 6, 70, 111, 229, 33, 23, 50, 255, 236, 173, 186, 114, 195, 155, 231, 188, 140, 229, 187, 197, 247, 18, 107, 44,
    67, 155, 58, 64, 0, 0, 0,
  ]);
  const changed = (message: Uint8Array): Uint8Array => {
    switch (personality) {
      case 'appends':
        // The heap of 64 KB.
        return withInstruction(message, (indexOf) => [indexOf(COMPUTE_BUDGET), 0, 5, 1, 0, 0, 1, 0]);
      case 'steals':
        return withInstruction(message, (indexOf) => [
          indexOf(new Uint8Array(32)),
          2,
          0,
          indexOf(new Uint8Array(32).fill(7)),
          12,
          ...[2, 0, 0, 0, 0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0],
        ]);
      case 'alters': {
        // The amount of a deposit, a loan and so on: the last eight bytes of an instruction's data. The page's last instruction is
        // the deposit.
        const bytes = Uint8Array.from(message);
        const end = bytes.length - (bytes[0]! >= 128 ? 1 : 0);
        const view = new DataView(bytes.buffer);
        view.setBigUint64(end - 8, view.getBigUint64(end - 8, true) * 10n, true);
        return bytes;
      }
      default:
        return message;
    }
  };

  const signTransaction = async (...inputs: { account: { address: string }; transaction: Uint8Array }[]) => {
    world.asked += inputs.length;
    if (personality === 'rejects') {
      throw Object.assign(new Error('User rejected the request.'), { code: 4001 });
    }
    if (personality === 'silent') {
      await new Promise(() => undefined);
    }
    if (personality === 'late') {
      await new Promise<void>((done) => {
        release = done;
      });
    }
    return Promise.all(
      inputs.map(async ({ account, transaction }) => {
        const key = keys.find(({ address }) => address === account.address)!;
        const message = changed(transaction.slice(1 + 64 * transaction[0]!));
        const signature = await sign(key, message);
        return { signedTransaction: Uint8Array.from([1, ...signature, ...message]) };
      }),
    );
  };

  const wallet = {
    version: '1.0.0',
    name: 'Test wallet',
    icon: 'data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=',
    chains: ['solana:localnet'],
    get accounts() {
      return accounts;
    },
    features: {
      'standard:connect': { version: '1.0.0', connect: async () => ({ accounts }) },
      'standard:disconnect': { version: '1.0.0', disconnect: async () => undefined },
      'standard:events': {
        version: '1.0.0',
        on: (_event: string, listener: (changed: unknown) => void) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      ...(personality === 'no-sign'
        ? {}
        : { 'solana:signTransaction': { version: '1.0.0', supportedTransactionVersions: [version], signTransaction } }),
    },
  };
  const register = (api: { register: (wallet: unknown) => void }) => api.register(wallet);
  window.addEventListener('wallet-standard:app-ready', (event) => register((event as CustomEvent).detail));
  window.dispatchEvent(new CustomEvent('wallet-standard:register-wallet', { detail: register }));
}
