import { mergeConfig } from 'vitest/config';
import vite from './vite.config.ts';

/** Tests of the built page in Chromium on a local network, one after the other. */
export default mergeConfig(vite, {
  test: {
    include: ['e2e/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    // A browser on a busy machine misses a moment now and then: what fails twice is wrong.
    retry: 1,
    hookTimeout: 120_000,
  },
});
