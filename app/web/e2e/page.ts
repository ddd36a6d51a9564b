// The page in Chromium, watched: a console error, a violation of the content security policy, an exception or a request to another
// origin fails the test that made it.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Network, startNetwork, type TestKey } from './network.ts';
import { injectWallet, type Personality } from './wallet.ts';

export interface OpenOptions extends BrowserContextOptions {
  /** What follows # in the address. */
  readonly at?: string;
  /** A test wallet of these keys. */
  readonly keys?: readonly TestKey[];
  readonly personality?: Personality;
  /** What the test does to the page before it loads, such as routes. */
  readonly before?: (page: Page) => Promise<unknown>;
  /** Console errors that the test makes on purpose: of requests that it has refused. */
  readonly mayFail?: RegExp;
}

let browser: Browser;
const faults: string[] = [];
const open: Page[] = [];

let started: Awaited<ReturnType<typeof startNetwork>> | undefined;

/** The network of the file's tests: what they leave behind is met by no other file. */
export function network(): Network {
  return new Network(started!.parts);
}

/** Has each test of the file begin with a browser, and end without faults. */
export function withBrowser(): void {
  beforeAll(async () => {
    // Some people in the market, at prices that stand still until a test moves them.
    started = await startNetwork(['--paused', '--accounts', '12']);
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    await started!.stop();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((page) => page.context().close()));
    expect(faults.splice(0)).toEqual([]);
  });
}

export function launch(): Promise<Browser> {
  const executablePath = process.env.BALLAST_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

/** Opens the page. */
export async function openPage(options: OpenOptions = {}): Promise<Page> {
  const { at = '', keys, personality = 'plain', before, mayFail, ...context } = options;
  const { url } = network();
  const page = await (await browser.newContext({ reducedMotion: 'reduce', ...context })).newPage();
  open.push(page);
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && mayFail?.test(text) !== true) {
      faults.push(`console: ${text}`);
    }
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    if (/^(?:https?|wss?):/.test(request.url()) && !request.url().startsWith(url)) {
      faults.push(`foreign request: ${request.url()}`);
    }
  });
  page.on('websocket', (socket) => {
    if (!socket.url().startsWith(url.replace('http', 'ws'))) {
      faults.push(`foreign socket: ${socket.url()}`);
    }
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} by ${event.blockedURI}`),
    );
  });
  if (keys !== undefined) {
    await page.addInitScript(injectWallet, { keys, personality });
  }
  await before?.(page);
  await page.goto(`${url}#/${at}`);
  return page;
}

/** Connects a wallet by the page's own dialog. */
export async function connect(page: Page, name: string | RegExp = 'Test wallet'): Promise<void> {
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** The dialog of a transaction. */
export function dialogOf(page: Page) {
  const dialog = page.getByRole('dialog');
  return {
    dialog,
    sign: () => dialog.getByRole('button', { name: 'Sign', exact: true }).click(),
    /** What the dialog says, once it says this. */
    says: async (words: string | RegExp, timeout = 30_000): Promise<string> => {
      try {
        await dialog.getByText(words).first().waitFor({ timeout });
      } catch {
        const said = (await dialog.count()) === 0 ? await page.innerText('main') : await dialog.innerText();
        throw new Error(`it does not say ${words}, but: ${said}`);
      }
      return dialog.innerText();
    },
    close: () => dialog.getByRole('button', { name: 'Close' }).last().click(),
  };
}

/** Fills in the form of an action and has it reviewed. */
export async function review(page: Page, action: string, reserve: number, amount: string | 'max') {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/act/${action}/${reserve}`);
  const tab = page.getByRole('navigation', { name: 'Action' }).locator('[aria-current]');
  await tab.filter({ hasText: new RegExp(action, 'i') }).waitFor();
  if (amount === 'max') {
    await page.getByRole('button', { name: /^Max/ }).click();
  } else {
    await page.getByRole('textbox', { name: 'Amount' }).fill(amount);
  }
  await page.getByRole('button', { name: 'Review' }).click();
  return dialogOf(page);
}

/** Calls of a method that the page made. */
export function countCalls(page: Page, method: string): () => number {
  let count = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/rpc') && request.postData()?.includes(`"${method}"`) === true) {
      count += 1;
    }
  });
  return () => count;
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong with the page as it is. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await (
      window as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
    ).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  });
}
