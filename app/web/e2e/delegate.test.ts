// Who else may act for an account.

import { expect, test } from 'vitest';
import { connect, dialogOf, network, openPage, withBrowser } from './page.ts';
import { looksRight, marginAccounts, tabTo, trader } from './people.ts';

withBrowser();

test('W23: a delegate is named apart, with rights and end in words, and removed again, by the keyboard alone', async () => {
  const key = await trader('50');
  const friend = (await network().fund(1)).address;
  const page = await openPage({ at: 'account', keys: [key] });
  await connect(page);
  await page.getByRole('link', { name: 'Delegate' }).click();
  await page.getByText('Nobody but the owner may act for this account.').waitFor();
  await tabTo(page, /Address of the delegate/);
  await page.keyboard.type(key.address);
  await page.getByText('That is you').waitFor();
  await page.keyboard.press('Control+A');
  await page.keyboard.type(friend);
  const review = page.getByRole('button', { name: 'Review' });
  expect(await review.getAttribute('title')).toBe('Choose one of the uses at least');
  await tabTo(page, /^borrow$/);
  await page.keyboard.press('Space');
  await tabTo(page, /^Review$/);
  await page.keyboard.press('Enter');
  const flow = dialogOf(page);
  const said = await flow.says('What is signed');
  expect(said).toMatch(new RegExp(`${friend} may borrow, until 20\\d\\d-`));
  expect(said.match(/\n\s*Ballast\s*\n/g)?.length ?? 0).toBeLessThanOrEqual(1);
  await tabTo(page, /^Sign$/);
  await page.keyboard.press('Enter');
  await flow.says('Landed.');
  await page.keyboard.press('Escape');
  await page.getByText(new RegExp(`${friend} may borrow, until`)).waitFor();
  const account = (await marginAccounts()).find(({ owner }) => owner === key.address)!;
  expect([account.delegate, account.delegateRights]).toEqual([friend, 2]);
  await page.getByRole('button', { name: 'Remove the delegate' }).click();
  await flow.says('What is signed');
  await flow.sign();
  await flow.says('Landed.');
  await flow.close();
  await page.getByText('Nobody but the owner may act for this account.').waitFor();
});

test('who is not the owner can only look', async () => {
  const [one] = await marginAccounts();
  const page = await openPage({ at: `delegate/${one!.address}`, keys: [await network().fund(1)] });
  await connect(page);
  const remove = page.getByRole('button', { name: 'Remove the delegate' });
  expect(await remove.getAttribute('title')).toBe('Only the owner of the account can do this');
});

test('W24: axe finds nothing, in both schemes, at both widths', async () => {
  const [one] = await marginAccounts();
  await looksRight('delegate', async (options) => {
    const page = await openPage({ at: `delegate/${one!.address}`, ...options });
    await page.getByText('Name one').waitFor();
    return page;
  });
});
