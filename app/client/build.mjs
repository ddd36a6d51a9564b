// Writes dist: what the package holds.
import { spawnSync } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

await import('./embed.mjs');
process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const engine = 'wasm/ballast_engine.wasm';
await rm('dist', { recursive: true, force: true });
const { status } = spawnSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) {
  process.exit(1);
}
await copyFile(`src/${engine}`, `dist/${engine}`);
await copyFile('../../LICENSE', 'LICENSE');
