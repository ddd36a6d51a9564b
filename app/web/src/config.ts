// What the host says beside the page, in config.json: which chain, program and markets. It is read once and refused whole, in
// words, where a field is wrong: a page of half a setting would show numbers of who knows what.

import { type Address, isAddress } from '@solana/kit';

/** A market of the host. */
export interface MarketEntry {
  readonly address: Address;
  readonly name: string;
}

/** A key of a local network, public as all of them there. */
export interface DevelopmentKey {
  readonly name: string;
  /** 64 bytes: seed and public key. */
  readonly secretKey: Uint8Array<ArrayBuffer>;
}

/** What the host says. URLs are absolute. */
export interface Config {
  readonly name: string;
  readonly rpc: string;
  readonly ws: string;
  readonly genesisHash: string;
  readonly program: Address;
  /** SHA-256 of the program's bytecode, hex. */
  readonly programHash: string;
  /** One at least. */
  readonly markets: readonly MarketEntry[];
  readonly vaults: readonly Address[];
  /** Symbols by mint. What is not here is named by its mint. */
  readonly symbols: ReadonlyMap<Address, string>;
  readonly wallets: readonly DevelopmentKey[];
}

/** What is wrong with config.json, for whoever hosts the page. */
class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Fields = Readonly<Record<string, unknown>>;

function fail(field: string, wanted: string): never {
  throw new ConfigError(`config.json: ${field} must be ${wanted}`);
}

function object(field: string, value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : fail(field, 'an object');
}

function list(field: string, value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : fail(field, 'a list');
}

function text(field: string, value: unknown): string {
  return typeof value === 'string' && value.trim() !== '' ? value : fail(field, 'text that is not empty');
}

function address(field: string, value: unknown): Address {
  return typeof value === 'string' && isAddress(value) ? value : fail(field, 'an address: 32 bytes in base58');
}

/** A URL, or a path from the page on, of one of two schemes that mean the same with and without TLS. */
function url(field: string, value: unknown, page: string, schemes: readonly [plain: string, secure: string]): string {
  const given = text(field, value);
  const parsed = URL.parse(given, page) ?? fail(field, 'a URL, or a path from the page on');
  const web = ['http:', 'https:'].indexOf(parsed.protocol);
  if (web >= 0) {
    parsed.protocol = schemes[web === 0 ? 0 : 1];
  }
  if (!schemes.includes(parsed.protocol)) {
    fail(field, `a URL of ${schemes.join(' or ')}, or a path from the page on`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    fail(field, 'a URL without a name and password');
  }
  return parsed.href;
}

function secretKey(field: string, value: unknown): Uint8Array<ArrayBuffer> {
  const bytes = list(field, value);
  const isByte = (byte: unknown) => typeof byte === 'number' && Number.isInteger(byte) && byte >= 0 && byte < 256;
  return bytes.length === 64 && bytes.every(isByte)
    ? Uint8Array.from(bytes as number[])
    : fail(field, '64 numbers from 0 to 255');
}

/** The settings in a parsed config.json. `page` is what its relative URLs start from. */
export function parseConfig(json: unknown, page: string): Config {
  const fields = object('the whole', json);
  const known = [
    'name',
    'rpc',
    'ws',
    'genesisHash',
    'program',
    'programHash',
    'markets',
    'vaults',
    'tokens',
    'wallets',
  ];
  const unknown = Object.keys(fields).find((field) => !known.includes(field));
  if (unknown !== undefined) {
    throw new ConfigError(
      `config.json: there is no field ${JSON.stringify(unknown)}; those there are: ${known.join(', ')}`,
    );
  }
  const markets = list('markets', fields.markets).map((entry, index) => {
    const { address: at, name } = object(`markets[${index}]`, entry);
    return { address: address(`markets[${index}].address`, at), name: text(`markets[${index}].name`, name) };
  });
  if (markets.length === 0) {
    fail('markets', 'a list of one market at least');
  }
  const programHash = text('programHash', fields.programHash);
  if (!/^[0-9a-f]{64}$/.test(programHash)) {
    fail('programHash', 'the SHA-256 of the bytecode: 64 digits of lower-case hex');
  }
  const genesisHash = address('genesisHash', fields.genesisHash);
  const symbols = Object.entries(object('tokens', fields.tokens ?? {})).map(([mint, token]) => {
    const field = `tokens[${JSON.stringify(mint)}]`;
    const symbol = text(`${field}.symbol`, object(field, token).symbol);
    // A symbol is a word among numbers: nothing that could pass for markup, an amount or another direction of writing.
    if (!/^[\p{L}\p{N}][\p{L}\p{N}$._+-]{0,15}$/u.test(symbol)) {
      fail(`${field}.symbol`, '1 to 16 letters and digits');
    }
    return [address(field, mint), symbol] as const;
  });
  return {
    name: text('name', fields.name),
    rpc: url('rpc', fields.rpc, page, ['http:', 'https:']),
    ws: url('ws', fields.ws, page, ['ws:', 'wss:']),
    genesisHash,
    program: address('program', fields.program),
    programHash,
    markets,
    vaults: list('vaults', fields.vaults ?? []).map((vault, index) => address(`vaults[${index}]`, vault)),
    symbols: new Map(symbols),
    wallets: list('wallets', fields.wallets ?? []).map((entry, index) => {
      const { name, secretKey: key } = object(`wallets[${index}]`, entry);
      return {
        name: text(`wallets[${index}].name`, name),
        secretKey: secretKey(`wallets[${index}].secretKey`, key),
      };
    }),
  };
}

/** Reads config.json, which lies beside the page. */
export async function loadConfig(page: string): Promise<Config> {
  const at = new URL('config.json', page);
  let response: Response;
  try {
    response = await fetch(at, { cache: 'no-cache' });
  } catch {
    throw new ConfigError('config.json, which must lie beside the page, could not be read: the host does not answer');
  }
  if (!response.ok) {
    throw new ConfigError(`config.json, which must lie beside the page, could not be read: HTTP ${response.status}`);
  }
  let json: unknown;
  try {
    json = await response.json();
  } catch {
    throw new ConfigError('config.json is no JSON');
  }
  return parseConfig(json, page);
}
