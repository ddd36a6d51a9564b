// The insurance: what is shown of it, staking in it and leaving it, and losses.

import { findStakePda } from '@ballast/client';
import {
  getInsuranceStakeDecoder,
  getMarketDecoder,
  getReserveDecoder,
  getReserveEncoder,
  type Reserve,
} from '@ballast/client/generated';
import type { Address } from '@solana/kit';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { TestKey } from './network.ts';
import { connect, network, openPage, withBrowser } from './page.ts';
import { connectByKeyboard, goTo, land, landByKeyboard, lookAtAll, tabTo } from './walk.ts';

withBrowser();

/** Seconds until what was asked for is free. */
async function cooldown(): Promise<number> {
  const { reserves } = getMarketDecoder().decode((await network().bytes(network().manifest.market))!);
  return reserves[3]!.config.insurance.cooldown;
}

async function staker(sol: number, usdc: number, at: string): Promise<{ page: Page; key: TestKey }> {
  const key = await network().fund(sol, { USDC: usdc });
  const page = await openPage({ at, keys: [key] });
  await connect(page);
  await page.getByRole('textbox', { name: 'Stake' }).waitFor();
  return { page, key };
}

async function stakeOf(key: TestKey, reserve: number) {
  const market = network().manifest.market as Address;
  const [address] = await findStakePda({ market, owner: key.address as Address, reserve });
  const bytes = await network().bytes(address);
  return bytes && getInsuranceStakeDecoder().decode(bytes);
}

/** Writes over a reserve's record, as nobody could on another network, and gives it back afterwards. */
async function withReserve(index: number, change: (reserve: Reserve) => Reserve, then: () => Promise<void>) {
  const { market } = network().manifest;
  const at = 608 + index * 1_024;
  const swap = async (make: (bytes: Buffer) => Uint8Array) => {
    const bytes = (await network().bytes(market))!;
    bytes.set(make(bytes.subarray(at, at + 1_024)), at);
    await network().write(market, bytes);
  };
  let before: Buffer | undefined;
  await swap((bytes) => {
    before = Buffer.from(bytes);
    return Uint8Array.from(getReserveEncoder().encode(change(getReserveDecoder().decode(bytes))));
  });
  try {
    await then();
  } finally {
    await swap(() => before!);
  }
}

const own = (page: Page) => page.locator('.why').filter({ hasText: 'Your stake' });

test('each pot is shown, and the order in which losses are borne', async () => {
  const page = await openPage({ at: 'insurance' });
  await page.getByRole('region', { name: 'Pots' }).waitFor();
  const row = page.getByRole('row', { name: /^USDC/ });
  expect(await row.innerText()).toMatch(/\d\.\d{4}[\s\S]*%, [\d.]+ %[\s\S]*\d+ d/);
  await page.getByText('Who bears a loss, in this order').waitFor();
  await page.getByText('Staked tokens bear losses first.').waitFor();
  await row.getByRole('link', { name: 'USDC' }).click();
  await page.getByRole('heading', { name: 'Stake USDC' }).waitFor();
});

test('one stakes, asks to leave, takes it back, misses the window, waits again and leaves', async () => {
  const { page, key } = await staker(5, 1_000, 'insurance/3');
  const field = page.getByRole('textbox', { name: 'Stake' });
  await field.fill('5000');
  await page.getByText('Your wallet can give less.').waitFor();
  await field.fill('600');
  await page.getByRole('button', { name: 'Stake', exact: true }).click();
  const staked = await land(page);
  expect(staked).toContain('Open a stake in the insurance of USDC');
  expect(staked).toMatch(/Stake 600 USDC in the insurance of its reserve/);
  expect(staked).toMatch(/Rent of new accounts\s+0\.0019488 SOL/);
  const { shares } = (await stakeOf(key, 3))!;
  expect(shares).toBeGreaterThan(0n);
  await own(page)
    .getByText(/^(?:600|599\.9)/)
    .first()
    .waitFor();

  await page.getByRole('textbox', { name: 'Leave with' }).fill('100');
  await page.getByRole('button', { name: 'Ask to leave', exact: true }).click();
  await land(page);
  expect((await stakeOf(key, 3))!.askedFor).toBeLessThan(shares / 5n);
  await own(page).getByText('Can be taken from').waitFor();
  await own(page).getByRole('button', { name: 'Stay' }).click();
  await land(page);

  const askAll = async () => {
    await own(page).getByRole('button', { name: /^Max/ }).click();
    await own(page).getByRole('button', { name: 'Ask to leave', exact: true }).click();
    await land(page);
    expect((await stakeOf(key, 3))!.askedFor).toBe(shares);
  };
  await askAll();
  await network().control('step', { seconds: (await cooldown()) + 60 });
  await own(page).getByText('can be taken', { exact: true }).waitFor();
  await network().control('step', { seconds: 173_000 });
  await own(page).getByText('The two days to take it are over.').waitFor();
  await askAll();
  await network().control('step', { seconds: (await cooldown()) + 60 });
  await own(page).getByRole('button', { name: 'Take it' }).click();
  const taken = await land(page);
  // With what the insurance has earned meanwhile.
  expect(taken).toMatch(/\+60\d\.\d+ USDC/);
  expect(taken).toContain('Close stake');
  await own(page).waitFor({ state: 'detached' });
  expect(await stakeOf(key, 3)).toBeUndefined();
});

test('W13: native SOL is staked, and no wrapped SOL is left', async () => {
  const { page, key } = await staker(3, 1, 'insurance/0');
  await page.getByRole('button', { name: /^Max/ }).first().click();
  await page.getByRole('button', { name: 'Stake', exact: true }).click();
  expect(await land(page)).toContain('Unwrap: close token account');
  const left = await network().lamports(key.address);
  expect(left).toBeGreaterThan(890_880);
  expect(left).toBeLessThan(0.01 * 1e9);
  await own(page)
    .getByText(/^2\.99/)
    .first()
    .waitFor();
});

test('a loss that is reported is told, and one that took all says so and lets the stake be closed', async () => {
  const { page } = await staker(5, 100, 'insurance/3');
  await page.getByRole('textbox', { name: 'Stake' }).fill('50');
  await page.getByRole('button', { name: 'Stake', exact: true }).click();
  await land(page);
  await withReserve(
    3,
    (reserve) => ({ ...reserve, doubtful: 5_000_000n }),
    async () => {
      await page.getByText('A loss is reported and not settled').waitFor();
      await page.getByRole('row', { name: /^USDC/ }).getByText('loss reported').waitFor();
    },
  );
  await withReserve(
    3,
    (reserve) => ({ ...reserve, insurance: { ...reserve.insurance, generation: reserve.insurance.generation + 1 } }),
    async () => {
      await page.getByText('A loss took all of the insurance, and this stake with it.').waitFor();
      await own(page).getByRole('button', { name: 'Close the stake' }).click();
      expect(await land(page)).toContain('Rent that comes back');
    },
  );
});

test('W24: staking, and asking to leave, by the keyboard alone', async () => {
  const key = await network().fund(2, { USDC: 100 });
  const page = await openPage({ at: 'insurance', keys: [key] });
  await page.getByText('Who bears a loss, in this order').waitFor();
  await connectByKeyboard(page);
  await tabTo(page, /^USDC$/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Stake USDC' }).waitFor();
  await page.getByText('You have 100').waitFor();
  await tabTo(page, /^Stake$/);
  await page.keyboard.type('40');
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await own(page).waitFor();
  await tabTo(page, /^Leave with$/);
  await page.keyboard.type('15');
  await page.keyboard.press('Enter');
  await landByKeyboard(page);
  await own(page).getByText('Can be taken from').waitFor();
});

test('W24: axe finds nothing on the screen of the insurance, in both schemes, at both widths', async () => {
  const { page, key } = await staker(5, 100, 'insurance/3');
  await page.getByRole('textbox', { name: 'Stake' }).fill('50');
  await page.getByRole('button', { name: 'Stake', exact: true }).click();
  await land(page);
  await goTo(page, 'market');
  await lookAtAll(key, [
    { at: 'insurance/3', shows: 'Your stake' },
    { at: 'insurance', shows: 'Who bears a loss, in this order' },
    { at: 'insurance/60', shows: 'The market has no open reserve 60' },
  ]);
});
