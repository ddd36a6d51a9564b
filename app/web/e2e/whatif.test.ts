// What becomes of an account at other prices, later, and in a crash of the past.

import { expect, test } from 'vitest';
import { connect, network, openPage, withBrowser } from './page.ts';
import { goTo, looksRight, marginAccounts, owes, tabTo, trader } from './people.ts';

withBrowser();

/** The text of a cell of the table of health. */
async function cell(page: Awaited<ReturnType<typeof openPage>>, row: string, column: number): Promise<string> {
  return page
    .getByRole('row', { name: new RegExp(`^${row}`) })
    .getByRole('cell')
    .nth(column)
    .innerText();
}

test('prices move by slider and by typing, and what follows is shown before and after', async () => {
  const key = await trader('200');
  const page = await openPage({ at: 'what-if', keys: [key] });
  await page.getByText('Connect a wallet to see this').waitFor();
  await connect(page);
  await page.getByText('What a liquidator would take').waitFor();
  expect(await cell(page, 'Before liquidation', 0)).toBe(await cell(page, 'Before liquidation', 1));
  const before = await cell(page, 'Before liquidation', 0);
  // By typing: half of it.
  const typed = page.getByRole('textbox', { name: 'SOL', exact: true });
  const last = Number((await typed.inputValue()).replaceAll('\u202f', ''));
  await typed.fill((last / 2).toFixed(2));
  await expect.poll(() => cell(page, 'Before liquidation', 1)).not.toBe(before);
  const half = Number.parseFloat((await cell(page, 'Before liquidation', 1)).replaceAll(/[\u202f\s].*$/gs, ''));
  const full = Number.parseFloat(before.replaceAll(/[\u202f\s].*$/gs, ''));
  expect(half / full).toBeGreaterThan(0.35);
  expect(half / full).toBeLessThan(0.55);
  // Far down: a liquidator takes, and the table says what.
  await typed.fill((last / 5).toFixed(2));
  await page.getByText('liquidatable', { exact: true }).waitFor();
  expect(await page.getByRole('row', { name: /^USDC for SOL/ }).innerText()).toMatch(/USDC[\s\S]*SOL[\s\S]*%/);
  // What is wrong is told at the field.
  await typed.fill('1,5');
  await page.getByText('A comma means different things').waitFor();
  await page.getByRole('button', { name: 'Reset' }).click();
  await page.getByText('nothing: it is healthy').waitFor();
  // By the slider, with the keyboard alone.
  await page.getByRole('heading', { level: 1 }).focus();
  await tabTo(page, /Price of SOL/);
  for (let steps = 0; steps < 5; steps += 1) {
    await page.keyboard.press('PageDown');
  }
  const slider = page.getByRole('slider', { name: /Price of SOL/ });
  expect(await slider.getAttribute('aria-valuetext')).toMatch(/^\$[\d.\u202f]+, \u2212\d+\.\d %$/);
  // Later there is more debt.
  await page.getByRole('button', { name: 'Reset' }).click();
  await page.getByRole('combobox', { name: 'When' }).selectOption({ label: 'in a year' });
  await expect.poll(() => cell(page, 'At these prices', 1)).not.toBe(await cell(page, 'At these prices', 0));
  // A price of this second backs no new risk.
  await page.getByRole('combobox', { name: 'When' }).selectOption({ label: 'now' });
  await page.getByRole('button', { name: 'USDC loses its peg' }).click();
  await page.getByText(/The average has followed/).click();
  await expect.poll(() => cell(page, 'For new risk', 1)).toMatch(/not covered|%/);
});

test('a crash is played over an account, and the moment of liquidation is marked', async () => {
  const key = await trader('450');
  const page = await openPage({ at: 'what-if', keys: [key] });
  await connect(page);
  const section = page.getByRole('region', { name: /A crash of the past/ });
  await section.getByRole('button', { name: 'Play' }).click();
  await section.getByText(/Liquidatable after 2 d/).waitFor();
  expect(await section.innerText()).toMatch(/In history that was 2025-10-10 \d\d:\d\d/);
  await section.getByRole('img', { name: /moment of liquidation/ }).waitFor();
  await section.getByText('The chart as a table').click();
  await section.getByRole('cell', { name: 'liquidatable from here' }).waitFor();
  // Held still, nothing happens to it.
  await section.getByRole('combobox', { name: 'SOL moves as' }).selectOption('stands still');
  expect(await section.getByText(/Liquidatable after/).count()).toBe(0);
  await section.getByRole('button', { name: 'Play' }).click();
  await section.getByText('It would have stood.').waitFor();
  // A depeg of the debt does not hurt who owes it.
  await section.getByRole('combobox', { name: 'Window' }).selectOption({ label: 'March 2023: USDC loses its peg' });
  expect(await section.getByRole('combobox', { name: 'USDC moves as' }).inputValue()).toBe('USDC');
  await section.getByRole('button', { name: 'Play' }).click();
  await section.getByText('It would have stood.').waitFor();
});

test('a window whose file is missing is told in words', async () => {
  const key = await trader('100');
  const page = await openPage({
    at: 'what-if',
    keys: [key],
    mayFail: /404/,
    before: (page) => page.route('**/crashes/*.json', (route) => route.fulfill({ status: 404 })),
  });
  await connect(page);
  await page.getByRole('button', { name: 'Play' }).click();
  await page.getByText('The file of this window could not be read: HTTP 404.').waitFor();
});

test('any account can be looked at, and what is none is told', async () => {
  const page = await openPage({ at: 'what-if' });
  const field = page.getByRole('textbox', { name: 'Any account' });
  await field.fill('nobody');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('That is no address').waitFor();
  const [one] = (await marginAccounts()).filter((account) => owes(account));
  await field.fill(one!.address);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('What a liquidator would take').waitFor();
  await goTo(page, `what-if/${network().manifest.market}`);
  await page.getByText('is no margin account').waitFor();
});

test('W24: axe finds nothing, in both schemes, at both widths', async () => {
  const [one] = (await marginAccounts()).filter((account) => owes(account));
  await looksRight('whatif', async (options) => {
    const page = await openPage({ at: `what-if/${one!.address}`, ...options });
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByText(/Liquidatable after|It would have stood/).waitFor();
    return page;
  });
});
