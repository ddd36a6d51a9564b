// Writes dist: what the package holds.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const engine = 'wasm/ballast_engine.wasm';
await rm('dist', { recursive: true, force: true });
const { status } = spawnSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) {
  process.exit(1);
}
await mkdir('dist/wasm');
await copyFile(`src/${engine}`, `dist/${engine}`).catch(() => {
  console.error(`ERROR: no src/${engine}: run scripts/build --wasm at the root of the repository`);
  process.exit(1);
});
await copyFile('../../LICENSE', 'LICENSE');
