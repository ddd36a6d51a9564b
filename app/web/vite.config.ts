import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/** What other origins the page may ask, space-separated: those of its RPC, where that is not the page's own. */
const rpc = (process.env.BALLAST_RPC ?? '').split(/\s+/).filter((origin) => origin !== '');

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

const client = (path: string) => fileURLToPath(new URL(`../client/src/${path}`, import.meta.url));

export default defineConfig({
  base: './',
  plugins: [contentSecurityPolicy()],
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
    reportCompressedSize: true,
  },
});
