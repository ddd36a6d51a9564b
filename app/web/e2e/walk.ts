// What the tests of single screens share: going there, the keyboard, and a look in all ways.

import {
  appendTransactionMessageInstructions,
  createKeyPairSignerFromBytes,
  createTransactionMessage,
  getBase64EncodedWireTransaction,
  type Instruction,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
  type Blockhash,
} from '@solana/kit';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { TestKey } from './network.ts';
import { axeViolations, connect, dialogOf, network, openPage } from './page.ts';

/** Goes to a screen within the page. */
export async function goTo(page: Page, at: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${at}`);
}

/** Signs what the dialog shows, and sees it land. Returns what it said. */
export async function land(page: Page): Promise<string> {
  const flow = dialogOf(page);
  const said = await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
  await flow.close();
  await flow.dialog.waitFor({ state: 'detached' });
  return said.replaceAll('\u202f', ' ');
}

/** Moves on until what has the focus is named so. */
export async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 90; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels : undefined;
      return labels?.[0]?.textContent ?? element?.getAttribute('aria-label') ?? element?.textContent ?? '';
    });
    if (name.test(focused)) {
      return;
    }
  }
  throw new Error(`the keyboard does not come to ${name}`);
}

/** Connects the test wallet, by the keyboard alone. */
export async function connectByKeyboard(page: Page): Promise<void> {
  await tabTo(page, /^Connect$/);
  await page.keyboard.press('Enter');
  await tabTo(page, /Test wallet/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** Signs by the keyboard alone, and leaves the dialog. */
export async function landByKeyboard(page: Page): Promise<void> {
  const flow = dialogOf(page);
  await flow.says('What is signed');
  await tabTo(page, /^Sign$/);
  await page.keyboard.press('Enter');
  await flow.says('Landed.');
  await page.keyboard.press('Escape');
  await flow.dialog.waitFor({ state: 'detached' });
}

/** Axe finds nothing, and nothing is wider than the window: in both schemes, at both widths. */
export async function lookAtAll(
  key: TestKey,
  screens: readonly { readonly at: string; readonly shows: string | RegExp }[],
): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [
      { width: 1_440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      const page = await openPage({ keys: [key], colorScheme, viewport });
      await connect(page);
      for (const { at, shows } of screens) {
        await goTo(page, at);
        await page.getByText(shows).first().waitFor();
        expect(await axeViolations(page), `${at} ${colorScheme} ${viewport.width}`).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, `${at} is wider than the window at ${viewport.width}`).toBeLessThanOrEqual(0);
      }
      await page.context().close();
    }
  }
}

/** Sends instructions beside the page, signed by a key. */
export async function send(key: TestKey, instructions: readonly Instruction[]): Promise<void> {
  const signer = await createKeyPairSignerFromBytes(Uint8Array.from(key.secretKey));
  const { value } = await network().rpc<{ value: { blockhash: Blockhash; lastValidBlockHeight: number } }>(
    'getLatestBlockhash',
    [{ commitment: 'confirmed' }],
  );
  const lifetime = { blockhash: value.blockhash, lastValidBlockHeight: BigInt(value.lastValidBlockHeight) };
  const message = setTransactionMessageLifetimeUsingBlockhash(
    lifetime,
    setTransactionMessageFeePayerSigner(signer, createTransactionMessage({ version: 0 })),
  );
  const signed = await signTransactionMessageWithSigners(appendTransactionMessageInstructions(instructions, message));
  const wire = getBase64EncodedWireTransaction(signed);
  const signature = await network().rpc<string>('sendTransaction', [
    wire,
    { encoding: 'base64', preflightCommitment: 'confirmed' },
  ]);
  await expect
    .poll(
      async () => {
        const statuses = await network().rpc<{ value: ({ err: unknown } | null)[] }>('getSignatureStatuses', [
          [signature],
        ]);
        return statuses.value[0] === null ? 'not yet' : JSON.stringify(statuses.value[0]!.err);
      },
      { timeout: 20_000 },
    )
    .toBe('null');
}
