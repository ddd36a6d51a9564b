// Serves the page, its config.json, and the node's RPC and WebSocket on one origin, as `ballast localnet --web` does.

import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

async function body(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function serve(folder: string, config: unknown, rpcUrl: string, wsUrl: string) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://page');
    try {
      if (pathname === '/rpc') {
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(rpcUrl, { method: 'POST', headers, body: new Uint8Array(await body(request)) });
        response.writeHead(answer.status, headers).end(await answer.text());
      } else if (pathname === '/config.json') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(config));
      } else {
        const file = normalize(pathname === '/' ? '/index.html' : pathname);
        const bytes = await readFile(join(folder, file));
        const type = TYPES[extname(file)] ?? 'application/octet-stream';
        response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(bytes);
      }
    } catch {
      response.writeHead(404).end();
    }
  });
  const node = new URL(wsUrl);
  server.on('upgrade', (request, socket, head) => {
    const upstream = connect(Number(node.port), node.hostname, () => {
      const headers = Object.entries(request.headers).map(
        ([name, value]) => `${name}: ${name === 'host' ? node.host : value}`,
      );
      upstream.write(`GET ${node.pathname} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const [one, other] of [
      [upstream, socket],
      [socket, upstream],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
