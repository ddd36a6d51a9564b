import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

async function hashes(): Promise<Record<string, string>> {
  const outDir = await mkdtemp(join(tmpdir(), 'ballast-web-build-'));
  try {
    await build({ root, mode: 'production', logLevel: 'error', build: { outDir } });
    const files = await readdir(outDir, { recursive: true, withFileTypes: true });
    const entries = files
      .filter((file) => file.isFile())
      .map(async ({ parentPath, name }) => {
        const bytes = await readFile(join(parentPath, name));
        return [join(parentPath, name).slice(outDir.length), createHash('sha256').update(bytes).digest('hex')] as const;
      });
    return Object.fromEntries((await Promise.all(entries)).sort());
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

test('W5: two builds are the same, byte by byte', { timeout: 60_000 }, async () => {
  const first = await hashes();
  expect(Object.keys(first)).toContain('/index.html');
  // W3: the build itself fails for packages that are not listed; this is the list that goes with the page.
  expect(Object.keys(first)).toContain('/licences.txt');
  expect(await hashes()).toEqual(first);
});
