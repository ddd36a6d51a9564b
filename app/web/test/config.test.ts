import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

const PAGE = 'https://host.example/folder/index.html';
const MINT = 'So11111111111111111111111111111111111111112';
const GOOD = {
  name: 'Local network',
  rpc: 'rpc',
  ws: 'ws',
  genesisHash: '9rGP1VbJjSkor8om3WuQRcZ8kKZJyp3AwxEsPzKfuJRt',
  program: 'BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp',
  programHash: '0'.repeat(64),
  markets: [{ address: '2dTdFBJJeP6tBU5aPpMTUa5Gxwnywvhgqw17xcAgrHJJ', name: 'Main' }],
  vaults: [],
  tokens: { [MINT]: { symbol: 'SOL' } },
};

test('paths are from the page on, and sockets follow its scheme', () => {
  const config = parseConfig(GOOD, PAGE);
  expect(config.rpc).toBe('https://host.example/folder/rpc');
  expect(config.ws).toBe('wss://host.example/folder/ws');
  expect(parseConfig(GOOD, 'http://127.0.0.1:8080/').ws).toBe('ws://127.0.0.1:8080/ws');
  expect(parseConfig({ ...GOOD, ws: 'https://node.example/x' }, PAGE).ws).toBe('wss://node.example/x');
  expect(config.symbols.get(MINT as never)).toBe('SOL');
  expect(config.wallets).toEqual([]);
});

test.each([
  [undefined, 'the whole must be an object'],
  [[], 'the whole must be an object'],
  [{ ...GOOD, name: '' }, 'name must be text that is not empty'],
  [{ ...GOOD, rpc: 'ftp://x' }, 'rpc must be a URL of http: or https:'],
  [{ ...GOOD, rpc: 'https://name:word@node.example' }, 'rpc must be a URL without a name and password'],
  [{ ...GOOD, ws: 5 }, 'ws must be text'],
  [{ ...GOOD, genesisHash: 'x' }, 'genesisHash must be an address'],
  [{ ...GOOD, program: '0x12' }, 'program must be an address'],
  [{ ...GOOD, programHash: 'AB'.repeat(32) }, 'programHash must be the SHA-256'],
  [{ ...GOOD, markets: [] }, 'markets must be a list of one market at least'],
  [{ ...GOOD, markets: [{ address: 'x', name: 'y' }] }, 'markets[0].address must be an address'],
  [{ ...GOOD, markets: {} }, 'markets must be a list'],
  [{ ...GOOD, vaults: ['x'] }, 'vaults[0] must be an address'],
  [{ ...GOOD, tokens: { x: { symbol: 'A' } } }, 'tokens["x"] must be an address'],
  [{ ...GOOD, tokens: { [MINT]: { symbol: '<b>' } } }, '.symbol must be 1 to 16 letters and digits'],
  [{ ...GOOD, tokens: { [MINT]: { symbol: '\u202eCDSU' } } }, '.symbol must be 1 to 16 letters and digits'],
  [{ ...GOOD, wallets: [{ name: 'a', secretKey: [1, 2] }] }, 'wallets[0].secretKey must be 64 numbers'],
  [{ ...GOOD, wallets: [{ name: 'a', secretKey: Array(64).fill(256) }] }, 'wallets[0].secretKey must be 64 numbers'],
  [{ ...GOOD, rcp: 'x' }, 'there is no field "rcp"'],
])('%j is refused in words', (json, words) => {
  expect(() => parseConfig(json, PAGE)).toThrow(words);
});
