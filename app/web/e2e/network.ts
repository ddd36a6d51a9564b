// A local network and the page on it, for the tests. Everything that this file starts it ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getAddressDecoder } from '@solana/kit';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TOKEN = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA';

/** What the network says of itself, as far as the tests ask. */
export interface Manifest {
  readonly rpc_url: string;
  readonly ws_url: string;
  readonly router_url: string;
  readonly page_url: string;
  readonly program: string;
  readonly market: string;
  readonly vault: string;
  readonly reserves: readonly { index: number; symbol: string; mint: string; decimals: number }[];
  readonly perps: readonly { index: number; name: string; pool_index: number }[];
  readonly wallets: readonly { name: string; address: string; keypair: string }[];
}

/** What the config.json of the page is made of. */
export type ConfigJson = Record<string, unknown>;

/** What crosses from the process that started the network to those of the tests. */
export interface NetworkParts {
  readonly manifest: Manifest;
  /** Where the page is. */
  readonly url: string;
  readonly config: ConfigJson;
}

/** A key that a test wallet signs with. */
export interface TestKey {
  readonly address: string;
  /** Seed and public key. */
  readonly secretKey: readonly number[];
}

const program = process.env.BALLAST_PROGRAM ?? join(ROOT, 'target/deploy/ballast.so');
const binary = process.env.BALLAST_LOCALNET ?? join(ROOT, 'target/debug/ballast-localnet');

/** Starts a network, and the page on it. */
export async function startNetwork(
  options: readonly string[],
): Promise<{ readonly parts: NetworkParts; readonly stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'ballast-web-'));
  const child = spawn(
    binary,
    [
      ...['--rpc-port', '0', '--ws-port', '0', '--router-port', '0'],
      ...['--program', program, '--swap-program', join(ROOT, 'target/deploy/test/test_program.so')],
      ...['--web', fileURLToPath(new URL('../dist', import.meta.url))],
      ...['--data', join(ROOT, 'data/prices'), '--out', join(folder, 'manifest.json'), '--json', ...options],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const manifest = await firstJson<Manifest>(child);
  const config = (await (await fetch(new URL('config.json', manifest.page_url))).json()) as ConfigJson;
  return {
    parts: { manifest, url: manifest.page_url, config },
    stop: async () => {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The JSON that a process prints first. */
function firstJson<T>(child: ChildProcess): Promise<T> {
  return new Promise((done, failed) => {
    let text = '';
    child.once('error', failed);
    child.once('exit', (code) => failed(new Error(`the network ended with ${code} before it was there`)));
    child.stdout!.on('data', (chunk) => {
      text += chunk;
      try {
        done(JSON.parse(text));
      } catch {
        // Not all of it yet.
      }
    });
  });
}

async function ask<T>(url: string, method: string, params: readonly unknown[]): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { result, error } = (await answer.json()) as { result: T; error?: unknown };
  if (error !== undefined) {
    throw new Error(`${method}: ${JSON.stringify(error)}`);
  }
  return result;
}

/** The network as a test uses it. */
export class Network {
  readonly manifest: Manifest;
  readonly url: string;
  readonly config: ConfigJson;

  constructor(parts: NetworkParts) {
    this.manifest = parts.manifest;
    this.url = parts.url;
    this.config = parts.config;
  }

  /** Asks the node. */
  rpc<T>(method: string, params: readonly unknown[]): Promise<T> {
    return ask(this.manifest.rpc_url, method, params);
  }

  /** The remote control: `prices`, `speed`, `step`. */
  async control(path: string, body: unknown): Promise<void> {
    const answer = await fetch(`${this.manifest.router_url}/localnet/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) {
      throw new Error(`${path}: ${await answer.text()}`);
    }
  }

  reserve(symbol: string) {
    return this.manifest.reserves.find((reserve) => reserve.symbol === symbol)!;
  }

  /** A new key with so much SOL and so many tokens, in whole ones. */
  async fund(sol: number, tokens: Readonly<Record<string, number>> = {}): Promise<TestKey> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
    const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const address = getAddressDecoder().decode(Uint8Array.from(point));
    await this.rpc('surfnet_setAccount', [address, { lamports: Math.round(sol * 1e9) }]);
    for (const [symbol, amount] of Object.entries(tokens)) {
      const { mint, decimals } = this.reserve(symbol);
      const atoms = Math.round(amount * 10 ** decimals);
      await this.rpc('surfnet_setTokenAccount', [address, mint, { amount: atoms }, TOKEN]);
    }
    return { address, secretKey: [...seed, ...point] };
  }

  /** Bytes of an account, or none. */
  async bytes(address: string): Promise<Buffer | undefined> {
    const { value } = await this.rpc<{ value: { data: [string, string] } | null }>('getAccountInfo', [
      address,
      { encoding: 'base64', commitment: 'confirmed' },
    ]);
    return value === null ? undefined : Buffer.from(value.data[0], 'base64');
  }

  /** Writes over an account's bytes, as nobody could on another network. */
  async write(address: string, bytes: Uint8Array): Promise<void> {
    await this.rpc('surfnet_setAccount', [address, { data: Buffer.from(bytes).toString('hex') }]);
  }

  async lamports(address: string): Promise<number> {
    return (await this.rpc<{ value: number }>('getBalance', [address, { commitment: 'confirmed' }])).value;
  }
}
