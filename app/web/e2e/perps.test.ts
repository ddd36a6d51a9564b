// Perps and their pool: what is shown, trades, and coming to the pool and leaving it.

import type { Address } from '@solana/kit';
import { decodeMarginAccount, findMarginAccountPda, perpPositions, poolStake } from '@ballast/client';
import { getPerpDecoder, getPerpEncoder } from '@ballast/client/generated';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { TestKey } from './network.ts';
import { connect, network, openPage, review, withBrowser } from './page.ts';
import { connectByKeyboard, goTo, land, landByKeyboard, lookAtAll, tabTo } from './walk.ts';

withBrowser();

const perp = () => network().manifest.perps[0]!;

async function margin(key: TestKey, id = 0) {
  const market = network().manifest.market as Address;
  const [address] = await findMarginAccountPda({ market, owner: key.address as Address, id });
  return decodeMarginAccount(address, (await network().bytes(address))!);
}

/** A wallet whose margin account holds so many USDC, at the screen of perps. */
async function trader(usdc = 5_000): Promise<{ page: Page; key: TestKey }> {
  const key = await network().fund(5, { USDC: usdc });
  const page = await openPage({ at: 'act/deposit/3', keys: [key] });
  await connect(page);
  await review(page, 'deposit', 3, 'max');
  await land(page);
  await goTo(page, 'perps');
  await page.getByText('Enter a size').waitFor();
  return { page, key };
}

const outcome = (page: Page) => page.getByRole('region', { name: 'What it does' });
const positions = (page: Page) => page.getByRole('region', { name: 'Your positions' });
const plain = (text: string) => text.replaceAll('\u202f', ' ');

async function order(page: Page, side: 'Buy' | 'Sell', size: string): Promise<void> {
  await page.getByRole('radio', { name: `${side} SOL` }).check();
  await page.getByRole('textbox', { name: 'Size' }).fill(size);
}

/** Writes over a perp's record, as nobody could on another network, and gives it back afterwards. */
async function withPerp(
  change: (
    record: ReturnType<ReturnType<typeof getPerpDecoder>['decode']>,
  ) => Parameters<ReturnType<typeof getPerpEncoder>['encode']>[0],
  then: () => Promise<void>,
): Promise<void> {
  const { market } = network().manifest;
  const at = 608 + perp().index * 1_024;
  const swap = async (make: (bytes: Buffer) => Uint8Array) => {
    const bytes = (await network().bytes(market))!;
    bytes.set(make(bytes.subarray(at, at + 1_024)), at);
    await network().write(market, bytes);
  };
  let before: Buffer | undefined;
  await swap((bytes) => {
    before = Buffer.from(bytes);
    return Uint8Array.from(getPerpEncoder().encode(change(getPerpDecoder().decode(bytes))));
  });
  try {
    await then();
  } finally {
    await swap(() => before!);
  }
}

test('a perp is shown with what it costs, and its pool with what it must bear', async () => {
  const page = await openPage({ at: 'perps' });
  const row = page.getByRole('row', { name: /SOL-PERP/ });
  await row.waitFor();
  const text = plain(await row.innerText());
  expect(text).toMatch(/SOL-PERP\s+open/);
  expect(text).toMatch(/\d+\.\d{4} USDC/);
  expect(text).toMatch(/4\.\d+ SOL[\s\S]*2\.\d+ SOL[\s\S]*longs heavier/);
  expect(text).toMatch(/both pay/);
  await page.getByText('Connect a wallet to see its positions.').waitFor();
  await page.getByRole('link', { name: 'USDC pool' }).click();
  await page.getByRole('heading', { name: 'USDC pool' }).waitFor();
  const glance = page.getByRole('region', { name: 'The pool at a glance' });
  expect(plain(await glance.innerText())).toMatch(
    /A share, leaving\s+\d\.\d{6} USDC[\s\S]*must bear \d[\d .]+ USDC[\s\S]*1 h after asking/,
  );
  const feeds = page.getByRole('region', { name: 'What prices do to it' });
  // The skew is long: the pool loses what SOL gains.
  expect(plain(await feeds.innerText())).toMatch(/SOL\s+SOL-PERP[\s\S]*−\d+\.\d\d\s+gained if it doubles\s+0\.00/);
});

test('a trade does what was shown: price, fee, health and liquidation price; and the position is closed again', async () => {
  const { page, key } = await trader(1_000);
  await order(page, 'Buy', '10');
  const shown = outcome(page);
  await shown.getByText('Bought').waitFor();
  const said = plain(await shown.innerText());
  expect(said).toMatch(/Bought\s+10 SOL/);
  expect(said).toMatch(/Fee\s+\d+\.\d+ USDC, 0\.\d{3} %/);
  expect(said).toMatch(/Position after it\s+long (?:10|9\.9999\d?) SOL/);
  expect(said).toMatch(/Before liquidation\s+no debt →\s*becomes\s*\d/);
  await page.getByRole('button', { name: 'Review' }).click();
  const signed = await land(page);
  expect(signed).toContain('Take over the latest prices of');
  expect(signed).toMatch(/Buy 10 SOL of SOL-PERP at \d+\.\d+ USDC or less, in margin account/);
  expect(signed).toMatch(/Fail unless collateral is at least \d/);
  const [position] = perpPositions(await margin(key));
  expect(position).toMatchObject({ perp: perp().index, isShort: 0 });

  const row = positions(page).getByRole('row', { name: /SOL-PERP/ });
  await row.waitFor();
  expect(plain(await row.innerText())).toMatch(
    /long\s+account 0[\s\S]*(?:10|9\.9999\d?) SOL[\s\S]*borrow fee[\s\S]*new: \d/,
  );
  expect(await row.innerText()).toMatch(/or lower/);

  await positions(page)
    .getByRole('button', { name: /^Settle/ })
    .click();
  expect(await land(page)).toMatch(/Settle the position in SOL-PERP of margin account/);
  await positions(page)
    .getByRole('button', { name: /^Close/ })
    .click();
  const closed = await land(page);
  expect(closed).toMatch(/Sell 10(?:\.00001)? SOL of SOL-PERP at \d+\.\d+ USDC or more, only to shrink a position/);
  expect(closed).not.toContain('Fail unless');
  await positions(page).getByText('You hold no position.').waitFor();
  expect(perpPositions(await margin(key))).toEqual([]);
});

test('a short by its value, reduced and turned; the account that is chosen trades', async () => {
  const { page, key } = await trader();
  await page.getByRole('radio', { name: 'Sell SOL' }).check();
  await page.getByRole('radio', { name: 'Value in USDC' }).check();
  await page.getByRole('textbox', { name: 'Value' }).fill('1000');
  await outcome(page).getByText('Sold').waitFor();
  await page.getByRole('button', { name: 'Review' }).click();
  expect(await land(page)).toMatch(/Sell \d\.\d+ SOL of SOL-PERP at \d+\.\d+ USDC or more/);
  expect(perpPositions(await margin(key))[0]).toMatchObject({ isShort: 1 });
  expect(
    await positions(page)
      .getByRole('row', { name: /SOL-PERP/ })
      .innerText(),
  ).toContain('or higher');

  await page.getByRole('radio', { name: 'Size in SOL' }).check();
  await order(page, 'Buy', '1');
  await page.getByRole('checkbox', { name: /Reduce only/ }).check();
  await page.getByRole('button', { name: 'Review' }).click();
  expect(await land(page)).toContain('only to shrink a position');
  await page.getByRole('checkbox', { name: /Reduce only/ }).uncheck();
  await order(page, 'Buy', '20');
  await outcome(page)
    .getByText(/long 1\d\./)
    .waitFor();
  await page.getByRole('button', { name: 'Review' }).click();
  await land(page);
  expect(perpPositions(await margin(key))[0]).toMatchObject({ isShort: 0 });

  await page.getByRole('combobox', { name: 'Margin account' }).selectOption('3');
  await page.getByText('Margin account 3 is not opened yet.').waitFor();
});

test('what is refused is told with the reason, and the most is what passes', async () => {
  const { page } = await trader(500);
  await order(page, 'Buy', '1000000');
  const error = page.locator('.field-error').filter({ hasText: '(' });
  await error.first().waitFor();
  expect(await page.getByRole('button', { name: 'Review' }).getAttribute('aria-disabled')).toBe('true');
  await page.getByRole('textbox', { name: 'Size' }).fill('0.000001');
  await page.getByText('This token has 5 decimals, and you entered 6.').waitFor();
  await page.getByRole('textbox', { name: 'Size' }).fill('1');
  await page.getByRole('textbox', { name: /^Worst price/ }).fill('1');
  await page
    .getByText(/PerpPriceLimit|limit/i)
    .first()
    .waitFor();
  await page.getByRole('textbox', { name: /^Worst price/ }).fill('1,5');
  await page.getByText('A comma means different things').waitFor();
  await page.getByRole('textbox', { name: /^Worst price/ }).fill('');
  await page.getByRole('checkbox', { name: /Reduce only/ }).check();
  await page
    .getByText(/PerpNotReducing/)
    .first()
    .waitFor();
  await page.getByRole('checkbox', { name: /Reduce only/ }).uncheck();
  await page.getByRole('button', { name: /^Max/ }).click();
  await outcome(page).getByText('Bought').waitFor();
});

test('a perp that is reduce-only, and one that is wound down, are told', async () => {
  const { page } = await trader();
  await withPerp(
    (record) => ({ ...record, config: { ...record.config, reduceOnly: 1 } }),
    async () => {
      await page.getByText('SOL-PERP is reduce-only').waitFor();
      await order(page, 'Buy', '1');
      await page
        .getByText(/PerpReduceOnly/)
        .first()
        .waitFor();
    },
  );
  await page.getByText('SOL-PERP is reduce-only').waitFor({ state: 'detached' });
  await withPerp(
    (record) => ({ ...record, finalPrice: record.seen }),
    async () => {
      await page.getByText('SOL-PERP is wound down').waitFor();
    },
  );
});

test('W24: a trade by the keyboard alone', async () => {
  const { page: first, key } = await trader();
  await first.context().close();
  const page = await openPage({ at: 'perps', keys: [key] });
  await page.getByText('Your positions').waitFor();
  await connectByKeyboard(page);
  await page.getByText('Enter a size').waitFor();
  await tabTo(page, /^Buy SOL$/);
  await page.keyboard.press('ArrowRight');
  expect(await page.getByRole('radio', { name: 'Sell SOL' }).isChecked()).toBe(true);
  await tabTo(page, /^Size$/);
  await page.keyboard.type('2');
  await outcome(page).getByText('Sold').waitFor();
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await tabTo(page, /^Close SOL-PERP/);
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await positions(page).getByText('You hold no position.').waitFor();
});

test('one enters the pool from the wallet, asks to leave, waits, and leaves; who misses the window is told', async () => {
  const key = await network().fund(5, { USDC: 3_000 });
  const { pool_index } = perp();
  const page = await openPage({ at: `pool/${pool_index}`, keys: [key] });
  await connect(page);
  const yours = page.getByRole('region', { name: 'Yours' });
  await yours.getByText('You have no shares of this pool.').waitFor();
  await page.getByRole('textbox', { name: 'Amount' }).fill('1000');
  await page.getByText('Shares, at prices of now').waitFor();
  await page.getByRole('button', { name: 'Review' }).click();
  const entered = await land(page);
  expect(entered).toContain('Open margin account 0');
  expect(entered).toMatch(/Move (?:1 000|999\.99999\d) USDC from the deposit of margin account \S+ into the USDC pool/);
  const { shares } = poolStake(await margin(key))!;
  expect(shares).toBeGreaterThan(0n);

  const leave = async () => {
    await yours.getByRole('button', { name: /^Max/ }).click();
    await yours.getByRole('button', { name: 'Ask to leave', exact: true }).click();
    expect(await land(page)).toMatch(/Ask for [\d .]+ shares of the USDC pool/);
    await yours.getByText('Can be taken from').waitFor();
  };
  await leave();
  await yours.getByRole('button', { name: 'Stay' }).click();
  await land(page);
  await leave();
  await network().control('step', { seconds: 3_700 });
  await yours.getByText('free to leave').waitFor();
  await network().control('step', { seconds: 173_000 });
  await yours.getByText('The two days to take them are over').waitFor();
  await leave();
  await network().control('step', { seconds: 3_700 });
  await yours.getByText('Leaves now, for').waitFor();
  await yours.getByRole('button', { name: 'Leave', exact: true }).click();
  expect(await land(page)).toContain('Take what was asked for out of the USDC pool');
  await yours.getByText('You have no shares of this pool.').waitFor();
  expect(poolStake(await margin(key))).toBeUndefined();
});

test('W24: one enters the pool by the keyboard alone, out of the deposit of an account', async () => {
  const { page: first, key } = await trader(400);
  await first.context().close();
  const page = await openPage({ at: `pool/${perp().pool_index}`, keys: [key] });
  await page.getByText('What prices do to it').waitFor();
  await connectByKeyboard(page);
  await page.getByRole('textbox', { name: 'Amount' }).waitFor();
  await tabTo(page, /^From the wallet$/);
  await page.keyboard.press('ArrowRight');
  await tabTo(page, /^Amount$/);
  await page.keyboard.type('150');
  await page.getByText('Shares, at prices of now').waitFor();
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await page.getByText('In margin account 0').waitFor();
});

test('W24: axe finds nothing on the screens of perps and pools, in both schemes, at both widths', async () => {
  const { page, key } = await trader();
  await order(page, 'Buy', '5');
  await outcome(page).getByText('Bought').waitFor();
  await page.getByRole('button', { name: 'Review' }).click();
  await land(page);
  const { index, pool_index } = perp();
  await lookAtAll(key, [
    { at: 'perps', shows: /^Close SOL-PERP/ },
    { at: `perps/${index}?id=2`, shows: 'is not opened yet' },
    { at: 'perps/60', shows: 'The market has no perp 60' },
    { at: `pool/${pool_index}`, shows: 'What prices do to it' },
    { at: 'pool/60', shows: 'The market has no pool 60' },
  ]);
});
