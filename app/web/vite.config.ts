import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { repository } from './build/plugin.ts';

/** What other origins the page may ask, space-separated: those of its RPC, where that is not the page's own. */
const rpc = (process.env.BALLAST_RPC ?? '').split(/\s+/).filter((origin) => origin !== '');
for (const origin of rpc) {
  if (!/^(?:https?|wss?):\/\/[\w.:[\]-]+$/.test(origin)) {
    throw new Error(`BALLAST_RPC: ${origin} is no origin, such as https://rpc.example or wss://rpc.example`);
  }
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  `connect-src ${["'self'", ...rpc].join(' ')}`,
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** Puts the content security policy before anything else of the page. The development server needs scripts of its own. */
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
    ],
  };
}

/** The packages whose code the page has. Another one fails the build: a change here is seen by who reads it. */
const BUNDLED = [
  '@solana/addresses',
  '@solana/assertions',
  '@solana/codecs-core',
  '@solana/codecs-data-structures',
  '@solana/codecs-numbers',
  '@solana/codecs-strings',
  '@solana/errors',
  '@solana/functional',
  '@solana/instructions',
  '@solana/program-client-core',
  '@solana/programs',
  '@solana/rpc-types',
  '@solana/signers',
  '@solana/transaction-messages',
  '@solana/transactions',
  '@wallet-standard/app',
  'preact',
  'uplot',
];
/** Those that it takes a font or a style of, which no module says. */
const STYLES = ['@fontsource-variable/inter', 'uplot'];

/** Lists the packages whose code is in the page, and their licences, in licences.txt beside it. */
function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
      const found = modules.flatMap((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []);
      const packages = [...new Set(found)].sort();
      const unknown = packages.filter((name) => !BUNDLED.includes(name));
      if (unknown.length > 0) {
        this.error(`packages that vite.config.ts does not list are in the page: ${unknown.join(', ')}`);
      }
      const lines = [...new Set([...packages, ...STYLES])].sort().map((name) => {
        const path = fileURLToPath(new URL(`node_modules/${name}/package.json`, import.meta.url));
        const { version, license } = JSON.parse(readFileSync(path, 'utf8')) as { version: string; license: string };
        return `${name} ${version}: ${license}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: lines.join('') });
    },
  };
}

const client = (path: string) => fileURLToPath(new URL(`../client/src/${path}`, import.meta.url));

export default defineConfig({
  base: './',
  plugins: [contentSecurityPolicy(), licences(), repository()],
  resolve: {
    // The client's sources, and one copy of what both use.
    alias: [
      { find: '@ballast/client/generated', replacement: client('generated/index.ts') },
      { find: '@ballast/client', replacement: client('index.ts') },
    ],
    dedupe: ['@solana/kit'],
  },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: false,
  },
});
