// Who can be liquidated, and liquidating. ETH falls here: no other test uses it.

import { expect, test } from 'vitest';
import { connect, dialogOf, network, openPage, review, withBrowser } from './page.ts';
import { goTo, looksRight, marginAccounts, owes, tabTo } from './people.ts';

withBrowser();

/** An account with a deposit of 1 ETH and a debt of so many USDC; its address. */
async function borrower(debt: string): Promise<string> {
  const key = await network().fund(5, { ETH: 1 });
  const page = await openPage({ at: 'act/deposit/2', keys: [key] });
  await connect(page);
  for (const [action, reserve, amount] of [
    ['deposit', 2, '1'],
    ['borrow', 3, debt],
  ] as const) {
    const flow = await review(page, action, reserve, amount);
    await flow.says('What is signed');
    await flow.sign();
    await flow.says('Landed.');
    await flow.close();
  }
  await page.context().close();
  const { address } = (await marginAccounts()).find(({ owner }) => owner === key.address)!;
  return address;
}

test('an account that a fall makes liquidatable is listed, previewed and liquidated, by the keyboard alone', async () => {
  const address = await borrower('2600');
  const liquidator = await network().fund(5, { USDC: 5_000 });
  const page = await openPage({ at: 'liquidations', keys: [liquidator] });
  await connect(page);
  const list = page.getByRole('table', { name: 'The accounts nearest to liquidation' });
  await list.waitFor();
  expect(await list.getByText('liquidatable', { exact: true }).count()).toBe(0);
  await network().control('prices', { ETH: 3_000 });
  try {
    const row = list.getByRole('row', { name: new RegExp(`^${address.slice(0, 4)}…`) });
    await row.getByText('liquidatable').waitFor({ timeout: 40_000 });
    await goTo(page, `liquidations/${address}`);
    await page.getByRole('button', { name: /Liquidate USDC for ETH/ }).waitFor();
    await page.getByRole('heading', { level: 1 }).focus();
    await tabTo(page, /Liquidate USDC for ETH/);
    await page.keyboard.press('Enter');
    await tabTo(page, /Pay at most/);
    await page.keyboard.type('9999');
    await page.getByText('Your wallet can give 5\u202f000 USDC at most.').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('4000');
    await page.getByText('of it into the insurance').waitFor();
    await page.keyboard.press('Enter');
    const flow = dialogOf(page);
    const said = await flow.says('What is signed');
    expect(said).toMatch(/Take over the latest prices of [^\n]*ETH/);
    expect(said).toContain(`Repay at most`);
    expect(said).toContain(address);
    expect(said).toMatch(/You pay\s+\u2212[\d.\u202f]+ USDC/);
    expect(said).toMatch(/You get\s+\+[\d.\u202f]+ ETH/);
    await tabTo(page, /^Sign$/);
    await page.keyboard.press('Enter');
    await flow.says('Landed.');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /Look through the last/ }).click();
    await page.getByText(/USDC repaid for [\d.\u202f]+ ETH, penalty/).waitFor();
  } finally {
    await network().control('prices', { ETH: null });
  }
});

test('a healthy account has the reason why not', async () => {
  const one = (await marginAccounts()).find(owes)!;
  const page = await openPage({ at: `liquidations/${one.address}` });
  await page.getByText('healthy', { exact: true }).waitFor();
  expect(await page.getByRole('table', { name: 'What a liquidation would move' }).innerText()).toMatch(
    /AccountIsHealthy/,
  );
  expect(await page.getByRole('button', { name: /^Liquidate/ }).count()).toBe(0);
  await goTo(page, 'liquidations/nobody');
  await page.getByText('nobody is no address').waitFor();
  await goTo(page, `liquidations/${network().manifest.wallets[0]!.address}`);
  await page.getByText(/is no margin account|There is no account/).waitFor();
});

test('W19: a node that lists no accounts of a program is told, and an account by its address still works', async () => {
  let asked = 0;
  const page = await openPage({
    at: 'liquidations',
    before: (page) =>
      page.route('**/rpc', (route) => {
        const { id, method } = route.request().postDataJSON();
        if (method !== 'getProgramAccounts') {
          return route.continue();
        }
        asked += 1;
        const error = { code: -32010, message: 'excluded from account secondary indexes' };
        return route.fulfill({ json: { jsonrpc: '2.0', id, error } });
      }),
  });
  await page.getByText('This node lists no accounts of a program').waitFor();
  await page.waitForTimeout(2_000);
  expect(asked).toBe(1);
  const one = (await marginAccounts()).find(owes)!;
  await page.getByRole('textbox', { name: 'Any account' }).fill(one.address);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('One account').waitFor();
  await page.getByRole('button', { name: 'Ask again' }).click();
  await expect.poll(() => asked).toBe(2);
});

test('W24: axe finds nothing, in both schemes, at both widths', async () => {
  const one = (await marginAccounts()).find(owes)!;
  await looksRight('liquidations', async (options) => {
    const page = await openPage({ at: `liquidations/${one.address}`, ...options });
    await page.getByText('One account').waitFor();
    await page.getByRole('table', { name: 'The accounts nearest to liquidation' }).waitFor();
    return page;
  });
});
