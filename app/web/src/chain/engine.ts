// In a module of its own, which is loaded when it is first needed: the engine's bytes are as large as the rest of the page.

import { type Engine, engineBytes, loadEngine } from '@ballast/client';
import { sha256 } from '../bytes.ts';

/** Compiles the engine. The hash is the SHA-256 of the very bytes that run, hex. */
export async function startEngine(): Promise<{ readonly engine: Engine; readonly hash: string }> {
  const bytes = new Uint8Array(await engineBytes());
  const [engine, hash] = await Promise.all([loadEngine(bytes), sha256(bytes)]);
  return { engine, hash };
}
