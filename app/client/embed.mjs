// Writes src/wasm/engine.ts from src/wasm/ballast_engine.wasm: the engine as text in a module. Compressed before it is
// made text, it is as small as a file of its own where modules are served compressed, and half the text elsewhere.
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const engine = new URL('src/wasm/', import.meta.url);
const bytes = await readFile(new URL('ballast_engine.wasm', engine)).catch(() => {
  console.error('ERROR: no src/wasm/ballast_engine.wasm: run scripts/build --wasm at the root of the repository');
  process.exit(1);
});
const text = gzipSync(bytes, { level: 9 }).toString('base64');
// The type keeps the text out of the declarations.
await writeFile(
  new URL('engine.ts', engine),
  `/** The engine's WebAssembly: base64 of gzip. */\nexport const ENGINE: string =\n  '${text}';\n`,
);
