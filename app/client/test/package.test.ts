import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { decodeMarket, loadEngine } from '../src/index.js';
import { bytesOf, instructions } from './support.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const { market } = instructions;

/** Asks the package as it is published, by its name, in a Node of its own. */
const SCRIPT = `
import { decodeMarket, describeError, loadEngine } from '@ballast/client';
import { getPokeInstruction } from '@ballast/client/generated';
const market = decodeMarket('${market.address}', Uint8Array.from(Buffer.from('${market.data}', 'base64')));
const engine = await loadEngine();
const poke = getPokeInstruction({ market: market.address, reserve: 1 });
console.log(JSON.stringify([engine.rates(market, 0), [...poke.data], describeError(6000)]));
`;

test('what is built works under its own name', async () => {
  execFileSync(process.execPath, ['build.mjs'], { cwd: folder });
  // As in production: error words must not be left out.
  const env = { ...process.env, NODE_ENV: 'production' };
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', SCRIPT], { cwd: folder, env });
  const here = await loadEngine();
  expect(JSON.parse(printed.toString())).toEqual([
    here.rates(decodeMarket(market.address, bytesOf(market.data)), 0),
    [27, 1],
    'AmountIsZero (6000): The amount is zero: give at least one atom',
  ]);
});
