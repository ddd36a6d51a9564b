// What is signed, and what becomes of it.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { connect, countCalls, dialogOf, network, openPage, review, withBrowser } from './page.ts';
import type { Personality } from './wallet.ts';

withBrowser();

/** The page with a wallet of a new key that has 5 SOL and 1,000 USDC. */
async function withWallet(personality: Personality, options: Parameters<typeof openPage>[0] = {}) {
  const key = await network().fund(5, { USDC: 1_000 });
  const page = await openPage({ at: 'act/deposit/3', keys: [key], personality, ...options });
  await connect(page);
  return { page, key };
}

test('a deposit opens an account, lands, and is shown', async () => {
  const { page } = await withWallet('plain');
  const flow = await review(page, 'deposit', 3, '250.5');
  const said = await flow.says('What is signed');
  expect(said).toContain('−250.5 USDC');
  expect(said).toContain('Open margin account 0');
  expect(said).toMatch(/Deposit 250\.5 USDC to margin account/);
  await flow.sign();
  await flow.says('Landed.');
  await flow.close();
  await page.getByRole('link', { name: 'Account' }).click();
  await page
    .getByRole('cell', { name: /^250\.(?:5|49)/ })
    .first()
    .waitFor();
});

test('a loan is guarded, and its health before and after is shown', async () => {
  const { page } = await withWallet('plain');
  const first = await review(page, 'deposit', 0, '3');
  await first.says('What is signed');
  await first.sign();
  await first.says('Landed.');
  await first.close();
  const flow = await review(page, 'borrow', 3, '100');
  const said = await flow.says('What is signed');
  expect(said).toContain('+100 USDC');
  expect(said).toContain('Take over the latest prices of');
  expect(said).toMatch(/Fail unless collateral is at least 150 % of the debt at initial weights/);
  expect(said).toMatch(/Before liquidation\s+no debt →/);
  await flow.sign();
  await flow.says('Landed.');
});

test('W1: a wallet that alters the amount is refused, and nothing is sent', async () => {
  const { page } = await withWallet('alters');
  const sent = countCalls(page, 'sendTransaction');
  const flow = await review(page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await flow.sign();
  const said = await flow.says('Another transaction.');
  expect(said).toContain('It was not sent.');
  expect(said).toMatch(/Its instruction \d+ is another one than was reviewed/);
  expect(sent()).toBe(0);
});

test('W2: what a wallet adds to limits is told and sent, a transfer that it adds is refused', async () => {
  const harmless = await withWallet('appends');
  const flow = await review(harmless.page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
  expect(await flow.dialog.innerText()).toContain('The wallet has added');

  const thief = await withWallet('steals');
  const sent = countCalls(thief.page, 'sendTransaction');
  const refused = await review(thief.page, 'deposit', 3, '10');
  await refused.says('What is signed');
  await refused.sign();
  const said = await refused.says('Another transaction.');
  expect(said).toContain('that was not reviewed');
  expect(sent()).toBe(0);
});

test('a wallet that takes legacy transactions alone gets those', async () => {
  const { page } = await withWallet('legacy');
  const flow = await review(page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
});

test('a wallet that says no leaves everything as it is, and can be asked again', async () => {
  const { page } = await withWallet('rejects');
  const sent = countCalls(page, 'sendTransaction');
  const flow = await review(page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Not signed.');
  expect(sent()).toBe(0);
  await flow.dialog.getByRole('button', { name: 'Begin again' }).click();
  await flow.says('What is signed');
});

test('a wallet that cannot sign here is shown with the reason, and cannot be chosen', async () => {
  const key = await network().fund(1);
  const page = await openPage({ keys: [key], personality: 'no-sign' });
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  const wallet = page.getByRole('dialog').getByRole('button', { name: /Test wallet/ });
  expect(await wallet.innerText()).toContain('It signs no transactions.');
  expect(await wallet.isDisabled()).toBe(true);
});

test('W15: a wallet that answers too late is not sent', { timeout: 120_000 }, async () => {
  const { page } = await withWallet('late');
  const sent = countCalls(page, 'sendTransaction');
  const flow = await review(page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says(/It can land for \d+ more blocks/);
  await flow.says('Its time is over', 90_000);
  await page.evaluate(() => (window as unknown as { answer: () => void }).answer());
  const said = await flow.says('Not landed.');
  expect(said).toContain('The wallet answered too late.');
  expect(sent()).toBe(0);
});

test('W15: while a transaction can land there is no second one, and in the end it cannot', {
  timeout: 120_000,
}, async () => {
  const { page, key } = await withWallet('plain', {
    // The node takes it, and never passes it on.
    before: (page) =>
      page.route('**/rpc', async (route) => {
        const { id, method } = route.request().postDataJSON();
        return method === 'sendTransaction'
          ? route.fulfill({ json: { jsonrpc: '2.0', id, result: 'ignored' } })
          : route.continue();
      }),
  });
  const sent = countCalls(page, 'sendTransaction');
  const before = await network().lamports(key.address);
  const flow = await review(page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Sent. Waiting for it to land.');
  expect(await flow.dialog.getByRole('button', { name: /Close|Cancel|again/ }).count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  expect(await flow.dialog.isVisible()).toBe(true);
  const said = await flow.says('Not landed.', 90_000);
  expect(said).toContain('cannot any more');
  expect(sent()).toBeGreaterThan(5);
  expect(await page.evaluate(() => (window as unknown as { asked: number }).asked)).toBe(1);
  expect(await network().lamports(key.address)).toBe(before);
});

test('W20: who changes the account begins again', async () => {
  const keys = [await network().fund(5, { USDC: 100 }), await network().fund(5, { USDC: 100 })];
  const change = (nth: number) => (window as unknown as { switchAccount: (nth: number) => void }).switchAccount(nth);

  const page = await openPage({ at: 'act/deposit/3', keys });
  await connect(page);
  const flow = await review(page, 'deposit', 3, '10');
  await flow.says('What is signed');
  await page.evaluate(change, 1);
  expect(await flow.says('Not possible.')).toContain('The wallet has changed its account.');
  expect(await flow.dialog.getByRole('button', { name: 'Sign', exact: true }).count()).toBe(0);

  // While the wallet is asked, too: what it answers then is thrown away.
  const late = await openPage({ at: 'act/deposit/3', keys, personality: 'late' });
  await connect(late);
  const sent = countCalls(late, 'sendTransaction');
  const asked = await review(late, 'deposit', 3, '10');
  await asked.says('What is signed');
  await asked.sign();
  await asked.says('It can land for');
  await late.evaluate(change, 1);
  await asked.says('The wallet has changed its account.');
  await late.evaluate(() => (window as unknown as { answer: () => void }).answer());
  await late.waitForTimeout(1_500);
  expect(sent()).toBe(0);
  await dialogOf(late).says('Not possible.');
});

/** A page that frames the tested one. */
async function frameIt(page: Page): Promise<void> {
  await page.route('**/frame.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: '<iframe src="./?framed#/act/deposit/3" width="1200" height="800"></iframe>',
    }),
  );
}

test('W6: the network lets nobody frame its page', async () => {
  const page = await openPage({ before: frameIt, mayFail: /frame-ancestors/ });
  const refused = page.waitForEvent('console', (message) => message.text().includes("frame-ancestors 'none'"));
  await page.goto(`${network().url}frame.html`);
  await refused;
});

test('W6: where a host forgets that, a page inside another one signs nothing', async () => {
  const page = await openPage({
    // Chromium takes a document that the test answers for one of another network, and lets it open no socket to this machine.
    mayFail: /LOCAL_NETWORK_ACCESS/,
    before: async (page) => {
      await frameIt(page);
      await page.route('**/?framed', async (route) => {
        const response = await route.fetch();
        const { 'content-security-policy': _, ...headers } = response.headers();
        await route.fulfill({ response, headers });
      });
    },
  });
  await page.goto(`${network().url}frame.html`);
  const frame = page.frameLocator('iframe');
  await frame.getByRole('button', { name: 'Connect', exact: true }).click();
  await frame.getByRole('button', { name: 'Development: trader' }).click();
  await frame.getByRole('textbox', { name: 'Amount' }).fill('10');
  await frame.getByRole('button', { name: 'Review' }).click();
  await frame.getByText('This page is shown inside another one, and signs nothing there.').first().waitFor();
});

test('W13: all native SOL goes in and out again: fee and rent are left, and no wrapped SOL', async () => {
  const { page, key } = await withWallet('plain');
  const flow = await review(page, 'deposit', 0, 'max');
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
  await flow.close();
  const left = await network().lamports(key.address);
  expect(left).toBeGreaterThan(890_880);
  expect(left).toBeLessThan(0.01 * 1e9);
  const out = await review(page, 'withdraw', 0, 'max');
  expect(await out.says('What is signed')).toContain('Unwrap: close token account');
  await out.sign();
  await out.says('Landed.');
  // The rest is the rent of the margin account, and fees.
  expect(await network().lamports(key.address)).toBeGreaterThan(4.99 * 1e9);
  const tokens = await network().rpc<{ value: { account: { data: { parsed: { info: { mint: string } } } } }[] }>(
    'getTokenAccountsByOwner',
    [key.address, { programId: 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA' }, { encoding: 'jsonParsed' }],
  );
  expect(tokens.value.map(({ account }) => account.data.parsed.info.mint)).toEqual([network().reserve('USDC').mint]);
});

test('W12: the whole debt is repaid to the atom, and the empty account is closed', async () => {
  const { page } = await withWallet('plain');
  for (const [action, reserve, amount] of [
    ['deposit', 0, '2'],
    ['borrow', 3, '50'],
    ['repay', 3, 'max'],
    ['withdraw', 0, 'max'],
  ] as const) {
    const flow = await review(page, action, reserve, amount);
    await flow.says('What is signed');
    await flow.sign();
    await flow.says('Landed.');
    await flow.close();
  }
  await page.getByRole('link', { name: 'Account' }).click();
  await page.getByText('It holds nothing and owes nothing.').waitFor();
  await page.getByRole('button', { name: 'Close this account' }).click();
  const flow = dialogOf(page);
  expect(await flow.says('What is signed')).toContain('Rent that comes back');
  await flow.sign();
  await flow.says('Landed.');
  await flow.close();
  await page.getByText('No account yet').waitFor();
});
