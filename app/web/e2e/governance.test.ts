// What waits to be changed, what it does to an account, and executing and cancelling it.

import {
  getChangeDecoder,
  getChangeEncoder,
  getMarketDecoder,
  getQueueChangeInstruction,
  findChangePda,
} from '@ballast/client/generated';
import { type Address, getAddressEncoder } from '@solana/kit';
import { expect, test } from 'vitest';
import { connect, dialogOf, network, openPage, withBrowser } from './page.ts';
import { keyOf, looksRight, send, tabTo, trader } from './people.ts';

withBrowser();

const [SOL, OF_MARKET] = [0, 255];
/** Offsets of parameters: docs/parameters.md. */
const [MAINTENANCE_ASSET, DEPOSIT_CAP, GUARDIAN] = [178, 0, 64];

function edit(offset: number, value: readonly number[] | Uint8Array): number[] {
  return [offset & 255, offset >> 8, ...value];
}

const word = (value: number, width: number) =>
  Array.from({ length: width }, (_, byte) => Math.floor(value / 256 ** byte) % 256);

async function market() {
  return getMarketDecoder().decode((await network().bytes(network().manifest.market))!);
}

/** Queues a change as the authority; its address and number. */
async function queue(target: number, data: readonly number[]) {
  const authority = await keyOf('authority');
  const at = network().manifest.market as Address;
  const { changes } = await market();
  const [change] = await findChangePda({ market: at, number: changes });
  const { signer } = authority;
  const instruction = getQueueChangeInstruction({
    authority: signer,
    payer: signer,
    market: at,
    change,
    target,
    data: Uint8Array.from(data),
  });
  await send(authority, [instruction]);
  return { change, number: changes };
}

/** Makes a change due, as only time does elsewhere. */
async function makeDue(change: Address): Promise<void> {
  const state = getChangeDecoder().decode((await network().bytes(change))!);
  await network().write(change, Uint8Array.from(getChangeEncoder().encode({ ...state, earliest: 1n })));
}

test('a change says what, which way and when, and what it does to my account; anyone executes it when it is due', async () => {
  const key = await trader('300');
  const { maintenanceAsset } = (await market()).reserves[SOL]!.config.risk.cross;
  const cap = (await market()).reserves[SOL]!.config.depositCap;
  const { change, number } = await queue(SOL, [
    ...edit(MAINTENANCE_ASSET, word(maintenanceAsset + 200, 2)),
    ...edit(DEPOSIT_CAP, word(Number(cap) / 2, 8)),
  ]);
  const page = await openPage({ at: 'governance', keys: [key] });
  const card = page.getByRole('region', { name: `Change ${number}: SOL` });
  await card.getByText('Connect a wallet to see what it does').waitFor();
  await connect(page);
  const said = await card.innerText();
  const percent = (bps: number) => `${bps / 100} %`;
  expect(said).toContain('Collateral weight before liquidation, cross accounts');
  expect(said).toContain(percent(maintenanceAsset));
  expect(said).toContain(percent(maintenanceAsset + 200));
  expect(said).toContain('adds risk');
  expect(said).toContain('adds no risk');
  expect(said).toMatch(/due in \d+ d/);
  expect(said).toContain('the authority, the guardian');
  // Health: the same right after it, and more once the weight has moved.
  const row = card.getByRole('row', { name: /^Before liquidation/ });
  await row.waitFor();
  const cells = await row.getByRole('cell').allInnerTexts();
  const [before, after, ramped] = cells.map((text) => Number.parseFloat(text));
  expect(after).toBe(before);
  expect(ramped).toBeGreaterThan(before!);
  expect(await card.getByRole('button', { name: 'Execute' }).getAttribute('title')).toBe('It is not due yet');
  expect(await card.getByRole('button', { name: 'Cancel it' }).getAttribute('aria-disabled')).toBe('true');

  // Due: anybody may, by the keyboard alone.
  await makeDue(change);
  await card.getByText('due now').waitFor();
  await page.getByRole('heading', { level: 1 }).focus();
  await tabTo(page, /^Execute$/);
  await page.keyboard.press('Enter');
  const flow = dialogOf(page);
  expect(await flow.says('What is signed')).toMatch(/Execute the change/);
  await tabTo(page, /^Sign$/);
  await page.keyboard.press('Enter');
  await flow.says('Landed.');
  await page.keyboard.press('Escape');
  await card.waitFor({ state: 'detached' });
  expect((await market()).reserves[SOL]!.config.risk.cross.maintenanceAsset).toBe(maintenanceAsset + 200);

  // It is in the past then.
  await page.getByRole('button', { name: /Look for the last/ }).click();
  const past = page.getByRole('row', { name: new RegExp(`^${number}: SOL executed`) });
  await past.waitFor();
  expect(await past.innerText()).toContain(`${percent(maintenanceAsset)} → ${percent(maintenanceAsset + 200)}`);
  await page.getByRole('row', { name: new RegExp(`^${number}: SOL queued`) }).waitFor();
});

test('W21: a change of a role is red, the guardian cannot cancel its own replacement, and the authority can', async () => {
  const heir = (await network().fund(1)).address as Address;
  const { number } = await queue(OF_MARKET, edit(GUARDIAN, Uint8Array.from(getAddressEncoder().encode(heir))));
  const guardian = await keyOf('guardian');
  const page = await openPage({ at: 'governance', keys: [guardian.testKey] });
  await connect(page);
  const card = page.getByRole('region', { name: `Change ${number}: The market` });
  await card.getByText('changes who holds a role').waitFor();
  expect(await card.getByText('changes who holds a role').evaluate((badge) => badge.className)).toContain('bad');
  expect(await card.innerText()).toContain(heir);
  expect(await card.innerText()).toContain(guardian.address);
  expect(await card.getByRole('button', { name: 'Cancel it' }).getAttribute('aria-disabled')).toBe('true');

  const authority = await keyOf('authority');
  const other = await openPage({ at: 'governance', keys: [authority.testKey] });
  await connect(other);
  const same = other.getByRole('region', { name: `Change ${number}: The market` });
  await same.getByRole('button', { name: 'Cancel it' }).click();
  const flow = dialogOf(other);
  expect(await flow.says('What is signed')).toMatch(/Cancel the change/);
  await flow.sign();
  await flow.says('Landed.');
  await flow.close();
  await same.waitFor({ state: 'detached' });
  await card.waitFor({ state: 'detached' });
});

test('W24: axe finds nothing, in both schemes, at both widths', async () => {
  const key = await trader('100');
  const heir = (await network().fund(1)).address as Address;
  const queued = [
    await queue(OF_MARKET, edit(GUARDIAN, Uint8Array.from(getAddressEncoder().encode(heir)))),
    await queue(SOL, edit(MAINTENANCE_ASSET, word(8_800, 2))),
  ];
  await looksRight('governance', async (options) => {
    const page = await openPage({ at: 'governance', keys: [key], ...options });
    await connect(page);
    for (const { number } of queued) {
      await page.getByRole('region', { name: new RegExp(`^Change ${number}: `) }).waitFor();
    }
    await page
      .getByRole('row', { name: /^Before liquidation/ })
      .first()
      .waitFor();
    return page;
  });
});
