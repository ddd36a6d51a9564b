// What the page checks, and what it says where something does not agree.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getMarketDecoder } from '@ballast/client/generated';
import { expect, test } from 'vitest';
import { connect, network, openPage, review, withBrowser } from './page.ts';
import { goTo, looksRight } from './people.ts';

withBrowser();

/** Where the amount stands in a token account. */
const AMOUNT = 64;

async function withVault(symbol: string, by: bigint, then: () => Promise<void>): Promise<void> {
  const state = getMarketDecoder().decode((await network().bytes(network().manifest.market))!);
  const { vault } = state.reserves[network().reserve(symbol).index]!;
  const bytes = (await network().bytes(vault))!;
  const changed = Buffer.from(bytes);
  changed.writeBigUInt64LE(bytes.readBigUInt64LE(AMOUNT) + by, AMOUNT);
  await network().write(vault, changed);
  try {
    await then();
  } finally {
    await network().write(vault, bytes);
  }
}

test('W5: vaults agree with the books, and the program and the engine are what they should be', async () => {
  const page = await openPage({ at: 'proof' });
  const table = page.getByRole('table', { name: 'Token accounts beside the books' });
  await table.waitFor();
  expect(await table.getByText('to the atom').count()).toBe(5);
  await page.getByText('as the host says').waitFor();
  const engine = await readFile(new URL('../../client/src/wasm/ballast_engine.wasm', import.meta.url));
  await page.getByText(createHash('sha256').update(engine).digest('hex')).waitFor();
  await page.getByText(String(network().config.programHash)).waitFor();
  await page.getByText(String(network().config.genesisHash)).waitFor();
});

test('tokens that are missing are told on every screen, and tokens that are too many on this one', async () => {
  const page = await openPage({ at: 'proof' });
  await page.getByText('to the atom').first().waitFor();
  await withVault('USDT', -1n, async () => {
    await page.getByText('0.000001 missing').waitFor();
    const banner = page.getByRole('alert').filter({ hasText: 'The books and the vault of USDT do not agree' });
    await banner.waitFor();
    expect(await banner.innerText()).toContain('0.000001 USDT less than the books say');
    await goTo(page, 'account');
    await page.getByRole('heading', { name: 'Account', exact: true }).waitFor();
    expect(await banner.isVisible()).toBe(true);
    await goTo(page, 'proof');
  });
  await expect.poll(() => page.getByText('to the atom').count(), { timeout: 15_000 }).toBe(5);
  expect(await page.getByText('do not agree').count()).toBe(0);
  await withVault('USDT', 2_000_000n, async () => {
    await page.getByText('2 more').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

test('W8: another program is told here too', async () => {
  const page = await openPage({
    at: 'proof',
    before: (page) =>
      page.route('**/config.json', (route) =>
        route.fulfill({ json: { ...network().config, programHash: '0'.repeat(64) } }),
      ),
  });
  await page.getByText('not what the host says').waitFor();
  expect(await page.getByText('The program on the chain is not the one this page is for').count()).toBeGreaterThan(1);
});

/** Deposits a little, so that there is an event. */
async function makeEvent(): Promise<void> {
  const key = await network().fund(5, { USDC: 10 });
  const page = await openPage({ at: 'act/deposit/3', keys: [key] });
  await connect(page);
  const flow = await review(page, 'deposit', 3, '1');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
  await page.context().close();
}

test('events are counted, and those that the node did not tell of are told', { timeout: 120_000 }, async () => {
  let isCut = false;
  const page = await openPage({
    at: 'proof',
    before: (page) =>
      page.routeWebSocket('**/ws', (ws) => {
        const server = ws.connectToServer();
        ws.onMessage((message) => server.send(message));
        server.onMessage((message) => {
          if (!isCut || !String(message).includes('logsNotification')) {
            ws.send(message);
          }
        });
      }),
  });
  await page.getByText('none since').waitFor();
  await makeEvent();
  await page.getByText(/^\d+, up to number \d+/).waitFor();
  await page.getByText('no gap').waitFor();
  isCut = true;
  await makeEvent();
  await page.getByText(/^\d+ gaps$/).waitFor();
  isCut = false;
});

test('a node that does not answer is told, and the numbers stay', async () => {
  let isSilent = false;
  const page = await openPage({
    at: 'proof',
    mayFail: /503/,
    before: (page) => page.route('**/rpc', (route) => (isSilent ? route.fulfill({ status: 503 }) : route.continue())),
  });
  await page.getByText('to the atom').first().waitFor();
  isSilent = true;
  await page.getByText('The token accounts could not be read').waitFor({ timeout: 40_000 });
  expect(await page.getByText('to the atom').count()).toBe(5);
});

test('W24: axe finds nothing, in both schemes, at both widths', async () => {
  await looksRight('proof', async (options) => {
    const page = await openPage({ at: 'proof', ...options });
    await page.getByText('to the atom').first().waitFor();
    await page.getByText('as the host says').waitFor();
    return page;
  });
});
