// People of the market that tests need: with a wallet and an account of their own, or with the network's keys.

import { readFile } from 'node:fs/promises';
import { getMarginAccountDecoder, type MarginAccount } from '@ballast/client/generated';
import {
  appendTransactionMessageInstructions,
  createKeyPairFromBytes,
  createNoopSigner,
  createTransactionMessage,
  type Address,
  type Blockhash,
  getAddressFromPublicKey,
  getBase64EncodedWireTransaction,
  type Instruction,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransaction,
  compileTransaction,
} from '@solana/kit';
import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import type { TestKey } from './network.ts';
import { axeViolations, connect, network, openPage, review } from './page.ts';

/** A wallet whose account has a deposit of 3 SOL and a debt of so many USDC. */
export async function trader(debt: string): Promise<TestKey> {
  const key = await network().fund(20, { USDC: 1_000 });
  const page = await openPage({ at: 'act/deposit/0', keys: [key] });
  await connect(page);
  for (const [action, reserve, amount] of [
    ['deposit', 0, '3'],
    ['borrow', 3, debt],
  ] as const) {
    const flow = await review(page, action, reserve, amount);
    await flow.says('What is signed');
    await flow.sign();
    await flow.says('Landed.');
    await flow.close();
  }
  await page.context().close();
  return key;
}

/** All margin accounts of the market. */
export async function marginAccounts(): Promise<(MarginAccount & { readonly address: string })[]> {
  const { program, market } = network().manifest;
  const found = await network().rpc<{ pubkey: string; account: { data: [string, string] } }[]>('getProgramAccounts', [
    program,
    {
      encoding: 'base64',
      commitment: 'confirmed',
      filters: [{ dataSize: 512 }, { memcmp: { offset: 16, bytes: market, encoding: 'base58' } }],
    },
  ]);
  return found.map(({ pubkey, account }) => ({
    address: pubkey,
    ...getMarginAccountDecoder().decode(Uint8Array.from(Buffer.from(account.data[0], 'base64'))),
  }));
}

/** One of the network's own keys: "authority", "guardian". */
export async function keyOf(name: string) {
  const { keypair } = network().manifest.wallets.find((wallet) => wallet.name === name)!;
  const secretKey = JSON.parse(await readFile(keypair, 'utf8')) as number[];
  const pair = await createKeyPairFromBytes(Uint8Array.from(secretKey));
  const address = await getAddressFromPublicKey(pair.publicKey);
  return { pair, address, signer: createNoopSigner(address), testKey: { address, secretKey } satisfies TestKey };
}

/** Sends instructions signed by one key, and waits until they have landed. */
export async function send({ pair, address }: Awaited<ReturnType<typeof keyOf>>, instructions: readonly Instruction[]) {
  const { value } = await network().rpc<{ value: { blockhash: string } }>('getLatestBlockhash', [
    { commitment: 'confirmed' },
  ]);
  const message = pipe(
    createTransactionMessage({ version: 0 }),
    (made) => setTransactionMessageFeePayer(address as Address, made),
    (made) =>
      setTransactionMessageLifetimeUsingBlockhash(
        { blockhash: value.blockhash as Blockhash, lastValidBlockHeight: 0n },
        made,
      ),
    (made) => appendTransactionMessageInstructions(instructions, made),
  );
  const signed = await signTransaction([pair], compileTransaction(message));
  const signature = await network().rpc<string>('sendTransaction', [
    getBase64EncodedWireTransaction(signed),
    { encoding: 'base64', preflightCommitment: 'confirmed' },
  ]);
  await expect
    .poll(async () => {
      const { value } = await network().rpc<{ value: ({ confirmationStatus: string } | null)[] }>(
        'getSignatureStatuses',
        [[signature]],
      );
      return value[0]?.confirmationStatus ?? 'none';
    })
    .toMatch(/confirmed|finalized/);
  return signature;
}

/** Moves on by the keyboard until what has the focus is named so. */
export async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 120; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      const labels = (element as HTMLInputElement | null)?.labels;
      return element?.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element?.textContent ?? '';
    });
    if (name.test(focused)) {
      return;
    }
  }
  throw new Error(`the keyboard does not come to ${name}`);
}

/** Goes to a screen of the page that is open. */
export async function goTo(page: Page, at: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${at}`);
}

/** Looks at a screen in both schemes and at both widths: axe finds nothing, and nothing is wider than the window. */
export async function looksRight(name: string, open: (options: object) => Promise<Page>): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [
      { width: 1_440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      const page = await open({ colorScheme, viewport });
      if (process.env.BALLAST_PICTURES !== undefined) {
        const path = `${process.env.BALLAST_PICTURES}/${name}-${colorScheme}-${viewport.width}.png`;
        await page.screenshot({ path, fullPage: true });
      }
      expect(await axeViolations(page), `${name} ${colorScheme} ${viewport.width}`).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${name} is wider than the window at ${viewport.width}`).toBeLessThanOrEqual(0);
      await page.context().close();
    }
  }
}

/** Whether an account has a debt: that is the side 2 of a position. */
export function owes({ positions, positionCount }: MarginAccount): boolean {
  return positions.slice(0, positionCount).some(({ side }) => side === 2);
}
