// Every screen, as everybody gets it: by keyboard alone, in any locale, at any size, in both schemes.

import { expect, test } from 'vitest';
import { axeViolations, connect, dialogOf, network, openPage, review, withBrowser } from './page.ts';

withBrowser();

/** Who adds a screen adds its address here: it is looked at in all ways. */
const SCREENS = [
  { at: 'market', shows: 'Reserves' },
  { at: 'reserve/3', shows: 'Rate by utilisation' },
  { at: 'account', shows: 'Positions' },
  { at: 'act/borrow/3', shows: 'Why not one atom more' },
  { at: 'nowhere', shows: 'There is nothing at this address' },
] as const;

/** A wallet whose account has a deposit and a debt. */
async function trader() {
  const key = await network().fund(20, { USDC: 1_000 });
  const page = await openPage({ at: 'act/deposit/0', keys: [key] });
  await connect(page);
  for (const [action, reserve, amount] of [
    ['deposit', 0, '3'],
    ['borrow', 3, '100'],
  ] as const) {
    const flow = await review(page, action, reserve, amount);
    await flow.says('What is signed');
    await flow.sign();
    await flow.says('Landed.');
    await flow.close();
  }
  return key;
}

test('W24: axe finds nothing on any screen, in both schemes, at both widths', async () => {
  const key = await trader();
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [
      { width: 1_440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      const page = await openPage({ keys: [key], colorScheme, viewport });
      await connect(page);
      for (const { at, shows } of SCREENS) {
        await page.evaluate((hash) => {
          location.hash = hash;
        }, `#/${at}`);
        await page.getByText(shows).first().waitFor();
        expect(await axeViolations(page), `${at} ${colorScheme} ${viewport.width}`).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, `${at} is wider than the window at ${viewport.width}`).toBeLessThanOrEqual(0);
      }
      const flow = await review(page, 'deposit', 0, '0.5');
      await flow.says('What is signed');
      expect(await axeViolations(page), 'the dialog').toEqual([]);
      await page.context().close();
    }
  }
});

test('W4: nothing comes from elsewhere, and the policy allows nothing that is not used', async () => {
  const page = await openPage({ mayFail: /TrustedHTML|require-trusted-types-for/ });
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
  expect(policy).not.toContain('unsafe-inline');
  expect(policy).toContain("require-trusted-types-for 'script'");
  for (const { at, shows } of SCREENS.slice(0, 2)) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/${at}`);
    await page.getByText(shows).first().waitFor();
  }
  // What the policy stops is stopped, and told to the test that asks for it.
  const stopped = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<b>x</b>';
      return false;
    } catch {
      return true;
    }
  });
  expect(stopped).toBe(true);
});

test('W24: a deposit by the keyboard alone', async () => {
  const key = await network().fund(5, { USDC: 100 });
  const page = await openPage({ at: 'market', keys: [key] });
  await page.getByText('Reserves').first().waitFor();
  /** Moves on until what has the focus is named so. */
  const tabTo = async (name: RegExp) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        const label =
          element instanceof HTMLInputElement || element instanceof HTMLSelectElement
            ? element.labels?.[0]?.textContent
            : undefined;
        return label ?? element?.getAttribute('aria-label') ?? element?.textContent ?? '';
      });
      if (name.test(focused)) {
        return;
      }
    }
    throw new Error(`the keyboard does not come to ${name}`);
  };
  await tabTo(/Skip to the content/);
  await tabTo(/^Connect$/);
  await page.keyboard.press('Enter');
  await tabTo(/Test wallet/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  // The focus is back where it came from.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain(key.address.slice(0, 4));
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  for (let presses = 0; presses < 30 && (await focused()) !== 'Lend'; presses += 1) {
    await page.keyboard.press('Shift+Tab');
  }
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Lend and borrow' }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Lend and borrow');
  expect(await page.title()).toBe('Lend and borrow · Ballast');
  await page.getByText('Beside fees and rent you have').waitFor();
  await page.getByText('It is not opened yet.').waitFor();
  await tabTo(/^Token$/);
  await page.keyboard.press('Tab');
  await page.keyboard.type('1.5');
  await page.keyboard.press('Enter');
  const flow = dialogOf(page);
  expect(await flow.says('What is signed')).toContain('−1.5 SOL');
  await tabTo(/^Sign$/);
  await page.keyboard.press('Enter');
  await flow.says('Landed.');
  await page.keyboard.press('Escape');
  await flow.dialog.waitFor({ state: 'detached' });
});

test('W14: what is typed is what is sent, in every locale', async () => {
  const key = await network().fund(5, { USDC: 5_000 });
  for (const locale of ['en-US', 'de-DE', 'fr-FR', 'ar-EG', 'hi-IN', 'ja-JP', 'ru-RU']) {
    const page = await openPage({ at: 'act/deposit/3', keys: [key], locale });
    await connect(page);
    const field = page.getByRole('textbox', { name: 'Amount' });
    await field.fill('1,5');
    await page.getByText('A comma means different things').waitFor();
    expect(await page.getByRole('button', { name: 'Review' }).getAttribute('aria-disabled')).toBe('true');
    const flow = await review(page, 'deposit', 3, '1 234.5');
    const said = await flow.says('What is signed');
    expect(said.replaceAll('\u202f', ' '), locale).toContain('Deposit 1 234.5 USDC');
    await page.context().close();
  }
});

test('an amount that is more than there is is told at the field', async () => {
  const key = await network().fund(5, { USDC: 10 });
  const page = await openPage({ at: 'act/deposit/3', keys: [key] });
  await connect(page);
  await page.getByText('You have 10 USDC').waitFor();
  await page.getByRole('textbox', { name: 'Amount' }).fill('11');
  await page.getByText('Your wallet can give 10 USDC at most.').waitFor();
  await page.getByRole('textbox', { name: 'Amount' }).fill('1.0000001');
  await page.getByText('This token has 6 decimals, and you entered 7.').waitFor();
});

test('W14: a number that is copied is copied exactly', async () => {
  const page = await openPage({ at: 'market' });
  const cell = page.getByRole('row', { name: /^SOL/ }).locator('[data-exact]').nth(1);
  await cell.waitFor();
  await cell.selectText();
  const copied = await page.evaluate(() => {
    const data = new DataTransfer();
    document.dispatchEvent(new ClipboardEvent('copy', { clipboardData: data, cancelable: true }));
    return data.getData('text/plain');
  });
  const title = await cell.getAttribute('title');
  expect(copied).toMatch(/^\d+\.\d+$/);
  expect(title?.replaceAll('\u202f', '')).toBe(copied);
});

test('any account is shown by its address, and what is none is told', async () => {
  const page = await openPage({ at: 'account' });
  const field = page.getByRole('textbox', { name: 'Look at an account' });
  await field.fill('nobody');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('That is no address').waitFor();
  await field.fill(network().manifest.market);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('is no margin account').waitFor();
  await field.fill(network().manifest.wallets[0]!.address);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText(/belongs to another program|There is no account/).waitFor();
  const accounts = await network().rpc<{ pubkey: string }[]>('getProgramAccounts', [
    network().manifest.program,
    { encoding: 'base64', dataSlice: { offset: 0, length: 0 }, filters: [{ dataSize: 512 }] },
  ]);
  await field.fill(accounts[0]!.pubkey);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('Positions').first().waitFor();
});

test('W18: a breaker and a pause stop neither deposits nor repayments', async () => {
  const key = await trader();
  const { market } = network().manifest;
  const before = (await network().bytes(market))!;
  const { getMarketDecoder, getMarketEncoder } = await import('@ballast/client/generated');
  const state = getMarketDecoder().decode(before);
  const forever = 4_000_000_000n;
  const halted = {
    ...state,
    pause: { ...state.pause, until: forever, actions: 3 },
    reserves: state.reserves.map((reserve, index) =>
      index === 3 ? { ...reserve, halt: { ...reserve.halt, tier: 3, until: forever } } : reserve,
    ),
  };
  await network().write(market, Uint8Array.from(getMarketEncoder().encode(halted)));
  try {
    const page = await openPage({ at: 'act/repay/3', keys: [key] });
    await connect(page);
    await page.getByText('The guardian has paused withdrawals, loans').waitFor();
    await page.getByText('The price of USDC has moved too far (tier 3)').waitFor();
    for (const [action, amount] of [
      ['repay', '1'],
      ['repay', 'max'],
    ] as const) {
      const flow = await review(page, action, 3, amount);
      await flow.says('What is signed');
      await flow.sign();
      await flow.says('Landed.');
      await flow.close();
    }
    const flow = await review(page, 'deposit', 3, '5');
    await flow.says('What is signed');
    await flow.sign();
    await flow.says('Landed.');
    await flow.close();
    // What is stopped is told, by the program's own reason.
    await page.evaluate(() => {
      location.hash = '#/act/withdraw/3';
    });
    await page.getByText('Paused (').first().waitFor();
  } finally {
    const after = getMarketDecoder().decode((await network().bytes(market))!);
    const lifted = {
      ...after,
      pause: state.pause,
      reserves: after.reserves.map((reserve, index) =>
        index === 3 ? { ...reserve, halt: state.reserves[3]!.halt } : reserve,
      ),
    };
    await network().write(market, Uint8Array.from(getMarketEncoder().encode(lifted)));
  }
});
