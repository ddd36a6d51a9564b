// Vaults: what is shown of one, and every way into it and out of it.

import { decodeVault, findRequestPda, openSlots } from '@ballast/client';
import {
  getExitRequestDecoder,
  getServeExitInstruction,
  getVaultDecoder,
  getVaultEncoder,
} from '@ballast/client/generated';
import { AccountRole, type Address } from '@solana/kit';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { TestKey } from './network.ts';
import { connect, network, openPage, withBrowser } from './page.ts';
import { connectByKeyboard, goTo, land, landByKeyboard, lookAtAll, send, tabTo } from './walk.ts';

withBrowser();

const address = () => network().manifest.vault as Address;

async function readVault() {
  return decodeVault(address(), (await network().bytes(address()))!);
}

/** Opens the vault with a wallet that has deposited so much. */
async function depositor(amount: string): Promise<{ page: Page; key: TestKey }> {
  const key = await network().fund(5, { USDC: 10_000 });
  const page = await openPage({ at: 'vaults', keys: [key] });
  await connect(page);
  await page.getByRole('textbox', { name: 'Amount' }).fill(amount);
  await page.getByRole('button', { name: 'Review' }).click();
  await land(page);
  return { page, key };
}

/** Fills in the form of a way to come or go, and has it reviewed. */
async function way(page: Page, name: string, amount: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Way' }).getByRole('link', { name, exact: true }).click();
  await page.locator('.tabs [aria-current]').filter({ hasText: name }).waitFor();
  if (amount === 'max') {
    await page.getByRole('button', { name: /^Max/ }).click();
  } else {
    await page.getByRole('textbox', { name: /^(?:Amount|Shares)$/ }).fill(amount);
  }
  await page.getByRole('button', { name: 'Review' }).click();
}

const yours = (page: Page) => page.getByRole('region', { name: 'Yours' });

/** Serves the queue until it is empty, as keepers do: out of what is not lent. */
async function serveAll(): Promise<void> {
  const keeper = await network().fund(1);
  for (;;) {
    const vault = await readVault();
    const [first] = vault.queue.tickets
      .filter(({ shares }) => shares !== 0n)
      .sort((a, b) => Number(a.number - b.number));
    if (first === undefined) {
      return;
    }
    const markets = openSlots(vault).map((slot) => ({
      address: vault.config.allocations[slot]!.market,
      role: AccountRole.READONLY,
    }));
    const { authority, tokens, mint, tokenProgram } = vault;
    const accounts = { vault: vault.address, request: first.request, authority, tokens, mint, tokenProgram };
    const serve = getServeExitInstruction({ ...accounts, from: 0 });
    await send(keeper, [{ ...serve, accounts: [...serve.accounts, ...markets] }]);
  }
}

test('a vault is shown with what it says of itself, where its money is, who waits, its terms and its policy', async () => {
  const page = await openPage({ at: 'vaults' });
  await page.getByRole('heading', { name: 'USDC vault' }).waitFor();
  const glance = page.getByRole('region', { name: 'The vault at a glance' });
  await glance.getByText('A share, leaving').waitFor();
  expect(await glance.innerText()).toMatch(
    /\d\.\d{6} USDC[\s\S]*entering \d\.\d{6}[\s\S]*Assets\s+1.[45]\d\d.\d{3} USDC/,
  );
  for (const figure of ['Net stable funding', 'Duration gap', 'Velocity', 'Capital efficiency']) {
    await page.getByText(figure, { exact: true }).waitFor();
  }
  const money = page.getByRole('region', { name: 'Where the money is' });
  expect(await money.getByRole('row', { name: /Local market/ }).innerText()).toMatch(
    /reserve 3[\s\S]*10.000.000\.00[\s\S]*open/,
  );
  const queue = page.getByRole('region', { name: 'Queue' });
  expect(await queue.innerText()).toMatch(/of 32 places/);
  const terms = page.getByRole('region', { name: 'Terms' });
  expect(await terms.getByRole('row').count()).toBeGreaterThan(8);
  expect(await terms.innerText()).toMatch(/200.000\.00[\s\S]*\+40 %/);
  const policy = page.getByRole('region', { name: 'Policy' });
  expect(await policy.innerText()).toMatch(/Coverage target\s+120 %/);
});

test('a deposit gets the shares that were shown, and leaves by exact shares and by exact tokens', async () => {
  const { page } = await depositor('2500');
  await yours(page)
    .getByText(/^2.(?:500|499)\./)
    .first()
    .waitFor();

  await way(page, 'Withdraw', '1000');
  await page.getByText('You give').waitFor();
  const withdrawn = await land(page);
  expect(withdrawn).toMatch(/\+1 000 USDC/);
  expect(withdrawn).toMatch(
    /Withdraw 1 000 USDC from vault \S+ to token account \S+, for at most 1 001\.\d+ USDC vault shares/,
  );

  await way(page, 'Redeem', 'max');
  const redeemed = await land(page);
  expect(redeemed).toMatch(/\+1 (?:499|500)/);
  await yours(page).getByText('0.0000 shares').waitFor();
});

test('what cannot be is told at the field, in words', async () => {
  const { page } = await depositor('100');
  const field = page.getByRole('textbox', { name: 'Amount' });
  await field.fill('10000');
  await page.getByText('Your wallet can give 9\u202f900 USDC at most.').waitFor();
  await field.fill('5');
  await page.getByText(/BelowVaultMinimum/).waitFor();
  expect(await page.getByRole('button', { name: 'Review' }).getAttribute('aria-disabled')).toBe('true');
  await field.fill('50');
  await page.getByText('At least', { exact: true }).waitFor();
  const tolerance = page.getByRole('textbox', { name: 'Tolerance, %' });
  await tolerance.fill('1,5');
  await page.getByText('A comma means different things').waitFor();
  await tolerance.fill('101');
  await page.getByText('Enter 100 % at most.').waitFor();
  await tolerance.fill('50');
  const rows = page.locator('dl[aria-label="What it does"]');
  await expect.poll(() => rows.innerText()).toMatch(/At least\s+25\.?/);
  await goTo(page, `vaults/${address()}/queue`);
  await page.getByRole('textbox', { name: 'Shares' }).fill('5000');
  await page.getByText(/You hold (?:100|99\.\d+)/).waitFor();
});

test('shares wait in the queue, are taken back, wait again, are paid, and the tokens are claimed', async () => {
  const { page, key } = await depositor('5000');
  await way(page, 'Queue', '4000');
  const asked = await land(page);
  expect(asked).toMatch(/Put 4 000 USDC vault shares into the queue of vault \S+, for at least 3 9\d\d\.\d+ USDC/);
  await yours(page)
    .getByText(/USDC before you/)
    .waitFor();
  await page.getByRole('region', { name: 'Queue' }).getByText('yours').waitFor();

  await yours(page).getByRole('button', { name: 'Take the request back' }).click();
  expect(await land(page)).toContain('Rent that comes back');
  await yours(page).getByText('In the queue').waitFor({ state: 'detached' });

  await way(page, 'Queue', 'max');
  await land(page);
  await serveAll();
  const request = async () => {
    const [at] = await findRequestPda({ vault: address(), owner: key.address as Address });
    return getExitRequestDecoder().decode((await network().bytes(at))!);
  };
  const { claim } = await request();
  expect(claim).toBeGreaterThan(4_990_000_000n);
  await yours(page).getByRole('button', { name: 'Claim' }).click();
  const claimed = await land(page);
  expect(claimed.replaceAll(' ', '')).toContain(`+${Number(claim) / 1e6}USDC`);
  await yours(page).getByText('In the queue').waitFor({ state: 'detached' });
});

test('shares are locked for a term, and come back early at a penalty', async () => {
  const { page } = await depositor('1000');
  await way(page, 'Lock', '500');
  expect(await land(page)).toMatch(
    /Lock 500 USDC vault shares of vault \S+ until \d{4}-\d\d-\d\d 00:00:00 UTC, as term 0/,
  );
  await yours(page)
    .getByText(/Term 0, until/)
    .waitFor();
  await yours(page).getByRole('button', { name: 'End early, for 1 %' }).click();
  const ended = await land(page);
  // 1 % of what was locked stays with the vault.
  expect(ended).toContain('+495 USDC vault shares');
  await yours(page)
    .getByText(/Term 0/)
    .waitFor({ state: 'detached' });
});

test('W24: a deposit, and a way out, by the keyboard alone', async () => {
  const key = await network().fund(5, { USDC: 1_000 });
  const page = await openPage({ at: 'vaults', keys: [key] });
  await page.getByText('Where the money is').waitFor();
  await connectByKeyboard(page);
  await page.getByText('At most 1\u202f000').waitFor();
  await tabTo(page, /^Amount$/);
  await page.keyboard.type('100');
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await tabTo(page, /^Redeem$/);
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Shares' }).waitFor();
  await tabTo(page, /^Max/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^Review$/);
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await yours(page).getByText('0.0000 shares').waitFor();
});

test('W24: axe finds nothing on the screens of vaults, in both schemes, at both widths', async () => {
  const { key, page } = await depositor('1000');
  await way(page, 'Queue', '300');
  await land(page);
  await way(page, 'Lock', '300');
  await land(page);
  await lookAtAll(key, [
    { at: 'vaults', shows: /Term 0, until/ },
    { at: `vaults/${address()}/withdraw`, shows: 'Exactly so many tokens' },
    { at: `vaults/${address()}/lock`, shows: 'Until' },
    { at: 'vaults/11111111111111111111111111111111', shows: 'is no vault that this page can read' },
    { at: 'vaults/nothing', shows: 'is no address' },
  ]);
});

test('several vaults are a list, none is told, and a slot that is a pool gives nothing at once', async () => {
  const list = (vaults: readonly string[]) => (page: Page) =>
    page.route('**/config.json', (route) => route.fulfill({ json: { ...network().config, vaults } }));
  const none = await openPage({ at: 'vaults', before: list([]) });
  await none.getByText('The host of this page names no vault.').waitFor();
  const page = await openPage({ at: 'vaults', before: list([address(), network().manifest.market]) });
  await page.getByText('is no vault').waitFor();
  await page.getByRole('link', { name: 'Open' }).first().click();
  await page.getByText('Where the money is').waitFor();

  // As if the slot were a pool of the market, stopped and written off, of a vault that is not launched.
  const before = (await network().bytes(address()))!;
  const state = getVaultDecoder().decode(before);
  const pool = network().manifest.perps[0]!.pool_index;
  const [first, ...others] = state.config.allocations;
  const changed = {
    ...state,
    config: { ...state.config, launched: 0, allocations: [{ ...first!, pool, stopped: 1 }, ...others] },
    allocations: state.allocations.map((one, slot) => (slot === 0 ? { ...one, reserve: pool } : one)),
  };
  await network().write(address(), Uint8Array.from(getVaultEncoder().encode(changed)));
  try {
    await page.getByText('nothing at once').waitFor();
    await page.getByText('This vault is not launched yet').waitFor();
    const row = page.getByRole('region', { name: 'Where the money is' }).getByRole('row', { name: /Local market/ });
    expect(await row.innerText()).toContain('stopped');
    await page.getByText(/Nobody can deposit now: VaultNotLaunched/).waitFor();
  } finally {
    await network().write(address(), before);
  }
  await page.getByText('This vault is not launched yet').waitFor({ state: 'detached' });
});
