// The package as `npm pack` makes it, installed elsewhere: in Node, in browsers by three bundlers without any setting,
// and for the compiler.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import * as vite from 'vite';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import webpack from 'webpack';
import { fixture, type StoredAccount } from './support.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const compiler = join(folder, 'node_modules/.bin/tsc');
const executablePath = process.env.BALLAST_CHROMIUM ?? '/usr/bin/chromium';

const situation = fixture<
  { name: string; now: number; market: StoredAccount; account: StoredAccount; health: Record<string, string> }[]
>('engine.json').find(({ name }) => name === 'healthy')!;

/** What a page or a script asks. The answer is of the names that the fixtures have. */
const ASK = `
import { decodeMarginAccount, decodeMarket, loadEngine } from '@ballast/client';
const { now, market, account } = ${JSON.stringify(situation)};
const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
export async function ask(source) {
  const engine = await loadEngine(source);
  const decoded = decodeMarket(market.address, bytes(market.data));
  const margin = decodeMarginAccount(account.address, bytes(account.data));
  const health = Object.entries(engine.health(decoded, margin, now)).flatMap(([name, { collateral, debt }]) => [
    [name + 'Collateral', String(collateral)],
    [name + 'Debt', String(debt)],
  ]);
  return JSON.stringify(Object.fromEntries(health));
}
`;
const PAGE = `import { ask } from './ask.js';\nglobalThis.answer = ask();\n`;
/** What takes only a part, of which the engine is none. */
const PART = `import { formatUsd } from '@ballast/client';\nglobalThis.answer = formatUsd(1n);\n`;
const NODE = `
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describeError } from '@ballast/client';
import { getRefreshReserveInstruction } from '@ballast/client/generated';
import { ask } from './ask.js';
const file = await readFile(fileURLToPath(import.meta.resolve('@ballast/client/engine.wasm')));
const refreshReserve = getRefreshReserveInstruction({ market: '${situation.market.address}', reserve: 1 });
const own = await ask();
console.log(JSON.stringify([JSON.parse(own), own === (await ask(file)), refreshReserve.data[1], describeError(6000)]));
`;
const TYPES = `
import { type Engine, loadEngine } from '@ballast/client';
import { getRefreshReserveInstruction } from '@ballast/client/generated';
export const engine: Promise<Engine> = loadEngine();
// @ts-expect-error: an instruction is no text, and nothing here is of any type.
export const refreshReserve: string = getRefreshReserveInstruction;
`;

let scratch: string;

beforeAll(async () => {
  // As at a user's: the tests' own would be taken for a mode of the bundlers.
  vi.stubEnv('NODE_ENV', undefined);
  scratch = await mkdtemp(join(tmpdir(), 'ballast-package-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', scratch], { cwd: folder });
  const [tarball] = await readdir(scratch);
  const { devDependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const dependencies = { '@ballast/client': `./${tarball}`, '@solana/kit': devDependencies['@solana/kit'] };
  const files = {
    'package.json': JSON.stringify({ private: true, type: 'module', dependencies }),
    'ask.js': ASK,
    'page.js': PAGE,
    'part.js': PART,
    'node.js': NODE,
    'types.ts': TYPES,
    'quickstart.ts': await readFile(join(folder, 'test/quickstart.ts'), 'utf8'),
    'index.html': '<!doctype html><script type="module" src="/page.js"></script>',
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(scratch, name), text);
  }
  execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: scratch });
}, 180_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(scratch, { recursive: true, force: true });
});

test('it runs in Node, with words for errors in production too', () => {
  const env = { ...process.env, NODE_ENV: 'production' };
  const printed = execFileSync(process.execPath, ['node.js'], { cwd: scratch, env });
  const words = 'AmountIsZero (6000): The amount is zero: give at least one atom';
  expect(JSON.parse(printed.toString())).toEqual([situation.health, true, 1, words]);
});

test.each([
  ['bundler', 'esnext'],
  ['nodenext', 'nodenext'],
])('its declarations resolve as %s does it', (moduleResolution, module) => {
  const options = [
    '--moduleResolution',
    moduleResolution,
    '--module',
    module,
    '--skipLibCheck',
    'false',
    '--types',
    '',
  ];
  const common = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--lib',
    'esnext,dom',
    '--pretty',
    'false',
  ];
  const { status, stdout } = spawnSync(compiler, [...common, ...options, 'types.ts', 'quickstart.ts'], {
    cwd: scratch,
  });
  const faults = stdout.toString().split('\n');
  expect(status === 0 || faults.some((line) => line.includes('): error TS')), 'the compiler ran').toBe(true);
  // Declarations of others are theirs to mend, and name what only Node has.
  expect(faults.filter((line) => /^error|^(types|quickstart)\.ts|^node_modules\/@ballast/.test(line))).toEqual([]);
});

/** Bundles an entry to a folder. */
const BUNDLERS: Record<string, (entry: string, output: string) => Promise<unknown>> = {
  esbuild: (entry, output) =>
    esbuild.build({ absWorkingDir: scratch, entryPoints: [entry], bundle: true, outdir: output }),
  webpack: (entry, output) =>
    new Promise((resolve, reject) => {
      webpack({ context: scratch, entry: `./${entry}`, output: { path: join(scratch, output) } }, (error, stats) => {
        const failed = error ?? (stats!.hasErrors() ? new Error(stats!.toString()) : undefined);
        return failed ? reject(failed) : resolve(stats);
      });
    }),
  vite: async (entry, output) => {
    await writeFile(join(scratch, 'index.html'), `<!doctype html><script type="module" src="/${entry}"></script>`);
    await vite.build({ root: scratch, logLevel: 'error', build: { outDir: output } });
  },
};

/** The folder of an entry's bundle, and the one script that it is. */
type Bundle = readonly [folder: string, script: string];
const bundles = new Map<string, Promise<Bundle>>();

function bundle(bundler: string, entry: string): Promise<Bundle> {
  const output = `${bundler}-${entry}`;
  const bundled = bundles.get(output) ?? makeBundle(bundler, entry, output);
  bundles.set(output, bundled);
  return bundled;
}

async function makeBundle(bundler: string, entry: string, output: string): Promise<Bundle> {
  await BUNDLERS[bundler]!(entry, output);
  const names = await readdir(join(scratch, output), { recursive: true });
  const scripts = names.filter((name) => name.endsWith('.js'));
  expect(scripts).toHaveLength(1);
  if (!names.includes('index.html')) {
    await writeFile(join(scratch, output, 'index.html'), `<!doctype html><script src="${scripts[0]}"></script>`);
  }
  return [join(scratch, output), await readFile(join(scratch, output, scripts[0]!), 'utf8')];
}

/** Serves a folder to pages that may load nothing but its scripts, compile WebAssembly, and evaluate no text. */
async function serve(root: string): Promise<[server: Server, url: string]> {
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";
  const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };
  const server = createServer((request, response) => {
    const path = join(root, request.url === '/' ? 'index.html' : request.url!);
    readFile(path).then(
      (body) => {
        response.setHeader('content-security-policy', policy);
        response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream').end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`];
}

describe('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    const help = `no Chromium at ${executablePath}: install Debian's package, or name one in BALLAST_CHROMIUM`;
    expect(existsSync(executablePath), help).toBe(true);
    browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());

  /** What the page at an address answers. Fails on any error of the page. */
  async function visit(url: string): Promise<unknown> {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('requestfailed', (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
    try {
      await page.goto(url);
      await page.waitForFunction('globalThis.answer !== undefined', undefined, { timeout: 20_000 }).catch(() => {
        throw new Error(`no answer: ${errors.join('; ')}`);
      });
      const answer: unknown = await page.evaluate('globalThis.answer');
      expect(errors).toEqual([]);
      return answer;
    } finally {
      await page.close();
    }
  }

  test.each(Object.keys(BUNDLERS))('what %s bundles asks the engine', async (bundler) => {
    const [output, script] = await bundle(bundler, 'page.js');
    expect(script).not.toMatch(/["'`]node:|\brequire\(|\bBuffer\b/);
    const [server, url] = await serve(output);
    try {
      expect(JSON.parse((await visit(url)) as string)).toEqual(situation.health);
    } finally {
      server.close();
    }
  });

  test('what Vite serves in development does, from its cache of dependencies', async () => {
    await writeFile(join(scratch, 'index.html'), '<!doctype html><script type="module" src="/page.js"></script>');
    const server = await vite.createServer({
      root: scratch,
      logLevel: 'error',
      server: { host: '127.0.0.1', port: 0 },
    });
    try {
      await server.listen();
      expect(JSON.parse((await visit(server.resolvedUrls!.local[0]!)) as string)).toEqual(situation.health);
    } finally {
      await server.close();
    }
  });
});

test.each(Object.keys(BUNDLERS))('%s leaves out what is not used', async (bundler) => {
  const [, whole] = await bundle(bundler, 'page.js');
  const [, part] = await bundle(bundler, 'part.js');
  const engine = await readFile(join(scratch, 'node_modules/@ballast/client/dist/wasm/engine.js'), 'utf8');
  const text = /'(H4sI[^']+)'/.exec(engine)![1]!.slice(0, 1000);
  expect(whole).toContain(text);
  expect(part).not.toContain(text);
  // Nor does it bring Kit, or the words of errors.
  expect(part.length).toBeLessThan(10_000);
});
