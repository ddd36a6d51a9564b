// What the page may cost, for `npm run budget`. Each figure is printed.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { getMarketDecoder, getMarketEncoder } from '@ballast/client/generated';
import { expect, test } from 'vitest';
import { countCalls, network, openPage, withBrowser } from './page.ts';

withBrowser();

const BUDGET = {
  /** Bytes of the scripts that a screen is made of, compressed, without the engine: those that are loaded until it is all there. */
  script: 150_000,
  /** Milliseconds until the largest part is painted, on a processor four times slower. */
  largestPaint: 1_500,
  layoutShift: 0.02,
  /** Questions to the node until the first numbers. */
  calls: 6,
  /** Milliseconds from a message of the node until it is painted, at 64 reserves. */
  update: 100,
} as const;

const within = (name: string, value: number, most: number) => {
  console.log(`${name}: ${Math.round(value * 1_000) / 1_000} of ${most}`);
  expect(value, name).toBeLessThanOrEqual(most);
};

/** Every screen, as whoever opens the page with it finds it. */
const OPENED = [
  ...['market', 'reserve/3', 'account', 'act/borrow/3', 'vaults', 'perps', 'pool', 'insurance', 'what-if'],
  ...['liquidations', 'governance', 'stress', 'proof', 'delegate'],
];

test('scripts', { timeout: 240_000 }, async () => {
  const folder = fileURLToPath(new URL('../dist/assets/', import.meta.url));
  const files = (await readdir(folder)).filter((name) => name.endsWith('.js') && !/^engine-/.test(name));
  const sizes = new Map(
    await Promise.all(files.map(async (name) => [name, gzipSync(await readFile(folder + name)).length] as const)),
  );
  const largest = { at: '', size: 0 };
  for (const at of OPENED) {
    const page = await openPage({ at });
    await page.waitForLoadState('networkidle');
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    const names = new Set(loaded.map((url) => new URL(url).pathname.split('/').at(-1)!));
    const size = [...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    expect(size, at).toBeGreaterThan(50_000);
    if (size > largest.size) {
      Object.assign(largest, { at, size });
    }
    await page.context().close();
  }
  console.log(`all scripts: ${[...sizes.values()].reduce((sum, size) => sum + size, 0)}`);
  within(`scripts of ${largest.at}, bytes`, largest.size, BUDGET.script);
});

test('first numbers', async () => {
  let calls = () => 0;
  const page = await openPage({
    before: async (page) => {
      const session = await page.context().newCDPSession(page);
      await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
      calls = countCalls(page, 'jsonrpc');
      await page.addInitScript(() => {
        const seen = { largest: 0, shift: 0 };
        Object.assign(window, { seen });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) seen.largest = entry.startTime;
        }).observe({ type: 'largest-contentful-paint', buffered: true });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
            seen.shift += entry.hadRecentInput ? 0 : entry.value;
          }
        }).observe({ type: 'layout-shift', buffered: true });
      });
    },
  });
  await page.getByRole('row', { name: /^USDC/ }).waitFor();
  within('questions until the first numbers', calls(), BUDGET.calls);
  await page.waitForTimeout(4_000);
  const { largest, shift } = await page.evaluate(
    () => (window as unknown as { seen: { largest: number; shift: number } }).seen,
  );
  within('largest paint, ms at a fourth of the speed', largest, BUDGET.largestPaint);
  within('layout shift', shift, BUDGET.layoutShift);
});

test('from a message to the screen, at 64 reserves', async () => {
  const { market, program } = network().manifest;
  const state = getMarketDecoder().decode((await network().bytes(market))!);
  const marketOf = (insurance: bigint) => {
    const reserves = Array.from({ length: 64 }, (_, index) => ({
      ...state.reserves[index % 5]!,
      insurance: { ...state.reserves[0]!.insurance, assets: insurance },
    }));
    const bytes = getMarketEncoder().encode({ ...state, reserves });
    const value = {
      lamports: 1,
      owner: program,
      data: [Buffer.from(bytes).toString('base64'), 'base64'],
      executable: false,
      rentEpoch: 0,
    };
    return value;
  };
  let send: ((message: string) => void) | undefined;
  let subscription: number | undefined;
  const page = await openPage({
    before: (page) =>
      page.routeWebSocket('**/ws', (ws) => {
        const server = ws.connectToServer();
        let asked: number | undefined;
        send = (message) => ws.send(message);
        ws.onMessage((message) => {
          const { id, method, params } = JSON.parse(String(message));
          asked = method === 'accountSubscribe' && params[0] === market ? id : asked;
          server.send(message);
        });
        server.onMessage((message) => {
          const { id, result } = JSON.parse(String(message));
          subscription = id !== undefined && id === asked ? result : subscription;
          ws.send(message);
        });
      }),
  });
  await page.getByRole('row', { name: /^USDC/ }).waitFor();
  await expect.poll(() => subscription).toBeDefined();
  const message = (slot: number, insurance: bigint) => {
    const result = { context: { slot }, value: marketOf(insurance) };
    return JSON.stringify({ jsonrpc: '2.0', method: 'accountNotification', params: { subscription, result } });
  };
  send!(message(1e9, 0n));
  await expect.poll(() => page.getByRole('row').count()).toBe(65);
  await page.evaluate(() => {
    const times: number[] = [];
    Object.assign(window, { times });
    const cell = () => document.querySelector('tbody tr:last-child td:last-child')!.textContent;
    let shown = cell();
    // The first thing that is done with a message is to read it.
    const { parse } = JSON;
    JSON.parse = (text, reviver) => {
      const from = performance.now();
      const look = () => {
        if (cell() !== shown) {
          shown = cell();
          times.push(performance.now() - from);
        } else if (performance.now() - from < 1_000) {
          requestAnimationFrame(look);
        }
      };
      if (text.includes('"slot":10000000')) {
        requestAnimationFrame(look);
      }
      return parse(text, reviver);
    };
  });
  const messages = Array.from({ length: 10 }, (_, nth) => message(1e9 + nth + 1, BigInt(nth + 1) * 1_000_000_000n));
  for (const [nth, next] of messages.entries()) {
    send!(next);
    await expect.poll(() => page.evaluate(() => (window as unknown as { times: number[] }).times.length)).toBe(nth + 1);
  }
  const times = await page.evaluate(() => (window as unknown as { times: number[] }).times);
  within('from a message to the screen, ms, median of ten', times.sort((a, b) => a - b)[5]!, BUDGET.update);
});
