import type { TestProject } from 'vitest/node';
import { type NetworkParts, startNetwork } from './network.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    network: NetworkParts;
  }
}

/** One network for all tests, with some people in its market, at prices that stand still until a test moves them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { parts, stop } = await startNetwork(['--paused', '--accounts', '12']);
  project.provide('network', parts);
  return stop;
}
