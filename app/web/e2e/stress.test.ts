// Results of the laboratory: from the page's folder, from a file, and none.

import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { openPage, withBrowser } from './page.ts';
import { looksRight, tabTo } from './people.ts';

withBrowser();

const RESULTS = JSON.stringify({
  seed: 20_251_010,
  traders: 40,
  assumptions: ['nobody deposits in the crash', '<b>markup stays text</b>'],
  windows: [
    {
      window: 'October 2025',
      bad_debt_usd: 1_234.5,
      liquidations: 17,
      series: Array.from({ length: 40 }, (_, hour) => ({
        time: 1_760_000_000 + 3_600 * hour,
        cover: 1.5 - hour / 100,
        queued: hour,
      })),
      refusals: [{ operation: 'borrow', reason: 'PriceUnsettled', count: 3 }],
    },
  ],
});

const withResults = async (page: Page) => {
  await page.route('**/stress/index.json', (route) => route.fulfill({ json: ['vaults.json'] }));
  await page.route('**/stress/vaults.json', (route) =>
    route.fulfill({ contentType: 'application/json', body: RESULTS }),
  );
};

test('where there are none, the page says what makes some, and shows a file that is opened', async () => {
  const page = await openPage({ at: 'stress' });
  await page.getByText('scripts/demo cascade').waitFor();
  const file = page.locator('input[type=file]');
  const open = (name: string, text: string) =>
    file.setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  await open('broken.json', '{"seed": ');
  await page.getByText('broken.json cannot be shown. It is no JSON.').waitFor();
  await open('list.json', '[1, 2]');
  await page.getByText('not the figures of an experiment').waitFor();
  await open('vaults.json', RESULTS);
  await page.getByRole('heading', { name: 'vaults.json' }).waitFor();
  await page.getByText('20\u202f251\u202f010').waitFor();
  await page.getByText('<b>markup stays text</b>').waitFor();
  expect(await page.getByRole('row', { name: /October 2025/ }).innerText()).toMatch(/1\u202f234\.5/);
});

test('results in the folder are shown at once, and unfold by the keyboard alone', async () => {
  const page = await openPage({ at: 'stress', before: withResults });
  await page.getByRole('heading', { name: 'vaults.json' }).waitFor();
  await tabTo(page, /Windows: October 2025/);
  await page.keyboard.press('Enter');
  await page.getByRole('img', { name: /Series, Cover over time/ }).waitFor();
  await page.getByRole('row', { name: /^borrow PriceUnsettled/ }).waitFor();
  await page.getByRole('combobox', { name: 'Show' }).selectOption('Queued');
  await page.getByRole('img', { name: /Series, Queued over time/ }).waitFor();
});

test('a file that the folder names and does not have is told', async () => {
  const page = await openPage({
    at: 'stress',
    mayFail: /404/,
    before: async (page) => {
      await page.route('**/stress/index.json', (route) => route.fulfill({ json: ['gone.json'] }));
      await page.route('**/stress/gone.json', (route) => route.fulfill({ status: 404 }));
    },
  });
  await page.getByText('gone.json cannot be shown. The host answers with HTTP 404.').waitFor();
});

test('W24: axe finds nothing, in both schemes, at both widths', async () => {
  await looksRight('stress', async (options) => {
    const page = await openPage({ at: 'stress', before: withResults, ...options });
    await page.getByText('Windows: October 2025').click();
    await page.getByRole('img', { name: /Series, Cover/ }).waitFor();
    return page;
  });
  await looksRight('stress-none', async (options) => {
    const page = await openPage({ at: 'stress', ...options });
    await page.getByText('scripts/demo cascade').waitFor();
    return page;
  });
});
