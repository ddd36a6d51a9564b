import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { crashes } from './crashes.ts';
import { eventTable, parameterTables } from './tables.ts';

const MODULES: Readonly<Record<string, () => unknown>> = {
  'virtual:parameters': parameterTables,
  'virtual:events': eventTable,
  'virtual:crashes': () => crashes().windows,
};

/** The files of results that lie in public/stress, of which a page cannot ask a host for a list. */
function stressFiles(): string[] {
  try {
    const folder = fileURLToPath(new URL('../public/stress/', import.meta.url));
    return readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'index.json');
  } catch {
    return [];
  }
}

/** Modules and files that are made of the repository's own files. */
export function repository(): Plugin {
  const files = () => new Map([...crashes().files, ['stress/index.json', JSON.stringify(stressFiles())] as const]);
  return {
    name: 'repository',
    resolveId: (id) => (id in MODULES ? `\0${id}` : undefined),
    load(id) {
      const make = id.startsWith('\0') ? MODULES[id.slice(1)] : undefined;
      return make === undefined ? undefined : `export default ${JSON.stringify(make())};`;
    },
    generateBundle() {
      for (const [fileName, source] of files()) {
        this.emitFile({ type: 'asset', fileName, source });
      }
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const made = files().get((request.url ?? '').slice(1));
        if (made === undefined) {
          next();
        } else {
          response.setHeader('content-type', 'application/json').end(made);
        }
      });
    },
  };
}
