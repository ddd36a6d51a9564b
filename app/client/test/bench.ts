// How fast the engine answers: `npm run bench`. Of a market of four reserves, and of one of 64.
import { readFileSync } from 'node:fs';
import { type Address, getBase64Encoder } from '@solana/kit';
import { decodeMarginAccount, decodeMarket, loadEngine, type Market, MAX_RESERVES } from '../src/index.js';

const RECORDS = 608;
const RECORD = 1_024;
const SCANNED = 10_000;

type Walk = { end: { market: { address: Address; data: string }; accounts: string[] }; now: number };
const { end, now } = JSON.parse(readFileSync('test/fixtures/play.json', 'utf8')) as Walk;
const bytesOf = (text: string) => new Uint8Array(getBase64Encoder().encode(text));
const small = decodeMarket(end.market.address, bytesOf(end.market.data));
const accounts = end.accounts.map((data) => decodeMarginAccount(end.market.address, bytesOf(data)));

/** The same market with its first reserve in all places that are left. */
function filled({ address, bytes }: Market): Market {
  const large = new Uint8Array(RECORDS + MAX_RESERVES * RECORD);
  for (let at = RECORDS; at < large.length; at += RECORD) large.set(bytes.slice(RECORDS, RECORDS + RECORD), at);
  large.set(bytes);
  large.set([MAX_RESERVES], 600);
  return decodeMarket(address, large);
}

/** Times a second that something runs. */
function rate(run: () => unknown): number {
  for (const start = performance.now(); performance.now() - start < 200; ) run();
  const [start, least] = [performance.now(), 1_000];
  let count = 0;
  for (; performance.now() - start < least; count += 1) run();
  return (1_000 * count) / (performance.now() - start);
}

const engine = await loadEngine();
for (const market of [small, filled(small)]) {
  const many = Array.from({ length: SCANNED }, (_, index) => accounts[index % accounts.length]!.bytes);
  const account = accounts.find((one) => one.positionCount > 2 && one.positions.some(({ side }) => side === 2))!;
  const { reserve } = account.positions
    .slice(0, account.positionCount)
    .find(({ reserve }) => engine.liquidationPrice(market, account, reserve, now) !== undefined)!;
  const price = { reserve: 1, price: 10_000_000_000n, exponent: -8 };
  const rows = {
    'accounts scanned': SCANNED * rate(() => engine.scan(market, many, now)),
    healths: rate(() => engine.health(market, account, now)),
    'deposits played': rate(() =>
      engine.play(market, account, { kind: 'deposit', reserve: 0, amount: 1_000_000n }, now),
    ),
    'markets with another price': rate(() => engine.withPrices(market, [price], now)),
    'liquidation prices': rate(() => engine.liquidationPrice(market, account, reserve, now)),
  };
  console.log(`${market.reserves.length} records, a second:`);
  for (const [name, value] of Object.entries(rows))
    console.log(`  ${name.padEnd(28)}${Math.round(value).toLocaleString('en')}`);
}
