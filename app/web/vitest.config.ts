import { mergeConfig } from 'vitest/config';
import vite from './vite.config.ts';

/** Tests of modules, without a browser. */
export default mergeConfig(vite, { test: { include: ['test/**/*.test.ts'] } });
