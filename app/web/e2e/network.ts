// A local network and the page on it, for the tests. Everything that this file starts it ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './server.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What the network says of itself, as far as the tests ask. */
export interface Manifest {
  readonly rpc_url: string;
  readonly ws_url: string;
  readonly router_url: string;
  readonly program: string;
  readonly market: string;
  readonly vault: string;
  readonly reserves: readonly {
    readonly index: number;
    readonly symbol: string;
    readonly mint: string;
    readonly decimals: number;
  }[];
  readonly wallets: readonly { readonly name: string; readonly address: string; readonly keypair: string }[];
}

export interface Network {
  readonly manifest: Manifest;
  /** Where the page is. */
  readonly url: string;
  /** The config.json that the page gets. */
  readonly config: Record<string, unknown>;
  /** Asks the node. */
  rpc<T>(method: string, params: readonly unknown[]): Promise<T>;
  /** The remote control: prices and time. */
  control(path: string, body?: unknown): Promise<unknown>;
  secretKey(wallet: string): Promise<number[]>;
  stop(): Promise<void>;
}

const program = process.env.BALLAST_PROGRAM ?? join(ROOT, 'target/deploy/ballast.so');
const binary = process.env.BALLAST_LOCALNET ?? join(ROOT, 'target/debug/ballast-localnet');

/** Starts a network of one's own at standing prices, and the page on it. */
export async function startNetwork(options: readonly string[] = ['--paused']): Promise<Network> {
  const folder = await mkdtemp(join(tmpdir(), 'ballast-web-'));
  const child = spawn(
    binary,
    [
      ...['--rpc-port', '0', '--ws-port', '0', '--router-port', '0'],
      ...['--program', program, '--swap-program', join(ROOT, 'target/deploy/test/test_program.so')],
      ...['--data', join(ROOT, 'data/prices'), '--out', join(folder, 'manifest.json'), '--json', ...options],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const manifest = await firstLine<Manifest>(child);
  const rpc = async <T>(method: string, params: readonly unknown[]): Promise<T> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(manifest.rpc_url, { method: 'POST', headers, body });
    const { result, error } = (await answer.json()) as { result: T; error?: unknown };
    if (error !== undefined) {
      throw new Error(`${method}: ${JSON.stringify(error)}`);
    }
    return result;
  };
  const secretKey = async (name: string) => {
    const wallet = manifest.wallets.find((one) => one.name === name);
    if (wallet === undefined) {
      throw new Error(`the network has no wallet ${name}`);
    }
    return JSON.parse(await readFile(wallet.keypair, 'utf8')) as number[];
  };
  const names = ['trader', 'lender'];
  const config = {
    name: 'Local network',
    rpc: 'rpc',
    ws: 'ws',
    genesisHash: await rpc<string>('getGenesisHash', []),
    program: manifest.program,
    programHash: createHash('sha256')
      .update(await readFile(program))
      .digest('hex'),
    markets: [{ address: manifest.market, name: 'Main market' }],
    vaults: [manifest.vault],
    tokens: Object.fromEntries(manifest.reserves.map(({ mint, symbol }) => [mint, { symbol }])),
    wallets: await Promise.all(names.map(async (name) => ({ name, secretKey: await secretKey(name) }))),
  };
  const server = await serve(
    fileURLToPath(new URL('../dist', import.meta.url)),
    config,
    manifest.rpc_url,
    manifest.ws_url,
  );
  return {
    manifest,
    url: server.url,
    config,
    rpc,
    control: async (path, body) => {
      const answer = await fetch(`${manifest.router_url}/localnet/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body ?? {}),
      });
      if (!answer.ok) {
        throw new Error(`${path}: HTTP ${answer.status} ${await answer.text()}`);
      }
      return answer.json().catch(() => undefined);
    },
    secretKey,
    stop: async () => {
      await server.stop();
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The JSON that a process prints first. */
async function firstLine<T>(child: ChildProcess): Promise<T> {
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
