// What the page makes of a node that fails, lags, lies, or is of another chain.

import { getMarketDecoder, getReserveEncoder } from '@ballast/client/generated';
import type { Page, WebSocketRoute } from 'playwright-core';
import { expect, test } from 'vitest';
import { connect, network, openPage, review, withBrowser } from './page.ts';

withBrowser();

/** The line of a reserve on the market's screen. */
const row = (page: Page, symbol: string) => page.getByRole('row', { name: new RegExp(`^${symbol}`) });

/** Routes config.json with changes. */
const withConfig = (changes: Record<string, unknown>) => (page: Page) =>
  page.route('**/config.json', (route) => route.fulfill({ json: { ...network().config, ...changes } }));

test('W8: another chain, or another program, is told and nothing is signed', async () => {
  const page = await openPage({
    at: 'act/deposit/3',
    before: withConfig({ genesisHash: '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d' }),
    keys: [await network().fund(1, { USDC: 10 })],
  });
  await page.getByText('The node is of another chain').waitFor();

  const other = await openPage({
    at: 'act/deposit/3',
    before: withConfig({ programHash: '0'.repeat(64) }),
    keys: [await network().fund(1, { USDC: 10 })],
  });
  await other.getByText('The program on the chain is not the one this page is for').waitFor();
  await connect(other);
  const flow = await review(other, 'deposit', 3, '1');
  expect(await flow.says('Not possible.')).toContain('Nothing is signed.');
  expect(await flow.dialog.getByRole('button', { name: 'Sign', exact: true }).count()).toBe(0);
});

test('a config.json that is wrong is refused in words', async () => {
  const page = await openPage({ before: withConfig({ program: 'here' }) });
  await page.getByText('config.json: program must be an address').waitFor();
  const none = await openPage({
    before: (page) => page.route('**/config.json', (route) => route.fulfill({ status: 404 })),
    mayFail: /404/,
  });
  await none.getByText('could not be read: HTTP 404').waitFor();
});

test('W7: a symbol that is markup is refused, and a name that is stays text', async () => {
  const { mint } = network().reserve('USDC');
  const page = await openPage({ before: withConfig({ tokens: { [mint]: { symbol: '<img src=x>' } } }) });
  await page.getByText('must be 1 to 16 letters and digits').waitFor();
  const named = await openPage({
    before: withConfig({ markets: [{ address: network().manifest.market, name: '<img src=x onerror=alert(1)>' }] }),
  });
  await named.getByRole('heading', { name: '<img src=x onerror=alert(1)>' }).waitFor();
  expect(await named.locator('h1 img').count()).toBe(0);
  // A token that the host does not name goes by its mint.
  const plain = await openPage({ before: withConfig({ tokens: {} }) });
  await plain.getByRole('link', { name: `${mint.slice(0, 4)}…${mint.slice(-4)}`, exact: true }).waitFor();
});

/** The market's bytes with so many atoms in the insurance of its first reserve. */
function insured(market: Buffer, atoms: bigint): Buffer {
  const bytes = Buffer.from(market);
  const { reserves } = getMarketDecoder().decode(bytes);
  const reserve = { ...reserves[0]!, insurance: { ...reserves[0]!.insurance, assets: atoms } };
  bytes.set(getReserveEncoder().encode(reserve), RECORDS);
  return bytes;
}

/** A market's records begin here. */
const RECORDS = 608;

test('W9: an older state never replaces a newer one', async () => {
  let socket: WebSocketRoute | undefined;
  let subscription: number | undefined;
  const { market } = network().manifest;
  const page = await openPage({
    before: async (page) => {
      await page.routeWebSocket('**/ws', (ws) => {
        socket = ws;
        const server = ws.connectToServer();
        let asked: number | undefined;
        ws.onMessage((message) => {
          const { id, method, params } = JSON.parse(String(message));
          if (method === 'accountSubscribe' && params[0] === market) {
            asked = id;
          }
          server.send(message);
        });
        server.onMessage((message) => {
          const { id, result } = JSON.parse(String(message));
          if (id !== undefined && id === asked) {
            subscription = result;
          }
          ws.send(message);
        });
      });
    },
  });
  await row(page, 'SOL').waitFor();
  await expect.poll(() => subscription).toBeDefined();
  const bytes = (await network().bytes(market))!;
  const info = (data: Buffer) => ({
    lamports: 1_000_000,
    owner: network().manifest.program,
    data: [data.toString('base64'), 'base64'],
    executable: false,
    rentEpoch: 0,
  });
  const tell = (slot: number, data: Buffer) =>
    socket!.send(
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'accountNotification',
        params: { subscription, result: { context: { slot }, value: info(data) } },
      }),
    );
  const slot = await network().rpc<number>('getSlot', [{ commitment: 'processed' }]);
  const cell = row(page, 'SOL').getByRole('cell').last();
  // From the future, so that no true state comes between.
  tell(slot + 1_000_000, insured(bytes, 7_000_000_000n));
  await expect.poll(() => cell.innerText()).toBe('7.00');
  tell(slot + 999_999, insured(bytes, 3_000_000_000n));
  await page.waitForTimeout(1_500);
  expect(await cell.innerText()).toBe('7.00');
  // Two states of one slot, of one connection: the later one.
  tell(slot + 1_000_000, insured(bytes, 8_000_000_000n));
  await expect.poll(() => cell.innerText()).toBe('8.00');
});

test('W10: a silent node is told within seconds, and nothing is lost when it is back', async () => {
  let isSilent = false;
  const key = await network().fund(5, { USDC: 500 });
  const page = await openPage({
    at: 'account',
    keys: [key],
    mayFail: /ERR_FAILED|WebSocket/,
    before: async (page) => {
      await page.route('**/rpc', (route) => (isSilent ? route.abort() : route.continue()));
      await page.routeWebSocket('**/ws', (ws) => {
        const server = ws.connectToServer();
        ws.onMessage((message) => (isSilent ? undefined : server.send(message)));
        server.onMessage((message) => (isSilent ? undefined : ws.send(message)));
      });
    },
  });
  await connect(page);
  await page.getByText('No account yet').waitFor();
  isSilent = true;
  const from = Date.now();
  await page.getByText('Old numbers.').waitFor({ timeout: 12_000 });
  expect(Date.now() - from).toBeGreaterThan(3_500);
  expect(Date.now() - from).toBeLessThan(8_000);

  // Meanwhile the same owner deposits elsewhere.
  const elsewhere = await openPage({ at: 'act/deposit/3', keys: [key] });
  await connect(elsewhere);
  const flow = await review(elsewhere, 'deposit', 3, '42');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
  expect(await page.getByText('No account yet').isVisible()).toBe(true);

  isSilent = false;
  await page.getByText('Old numbers.').waitFor({ state: 'detached', timeout: 40_000 });
  await page
    .getByRole('cell', { name: /^4[12]\./ })
    .first()
    .waitFor();
});

test('W19: a node that refuses calls is asked less, and the page goes on', async () => {
  let refused = 0;
  let calls = 0;
  const page = await openPage({
    mayFail: /429/,
    before: (page) =>
      page.route('**/rpc', (route) => {
        calls += 1;
        if (refused < 3) {
          refused += 1;
          return route.fulfill({ status: 429, headers: { 'retry-after': '1' } });
        }
        return route.continue();
      }),
  });
  await row(page, 'SOL').waitFor();
  expect(refused).toBe(3);
  await page.waitForTimeout(3_000);
  expect(calls).toBeLessThan(14);
});

test('W16: a price that is too old is told, and refreshed by what needs it', async () => {
  const page = await openPage({ at: 'market', keys: [await network().fund(5, { USDC: 500 })] });
  await row(page, 'SOL').waitFor();
  await network().control('step', { seconds: 120 });
  await row(page, 'SOL').getByText('price old').waitFor();
  expect(await row(page, 'SOL').innerText()).toMatch(/\d+ (?:s|min).*old/);
  await connect(page);
  const deposit = await review(page, 'deposit', 0, '2');
  await deposit.says('What is signed');
  await deposit.sign();
  await deposit.says('Landed.');
  await deposit.close();
  const borrow = await review(page, 'borrow', 3, '100');
  expect(await borrow.says('What is signed')).toContain('Take over the latest prices of SOL, USDC');
  await borrow.sign();
  await borrow.says('Landed.');
});
