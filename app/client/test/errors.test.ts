import { SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM, SolanaError } from '@solana/kit';
import { describe, expect, it, test } from 'vitest';
import { describeError, errorCode, errorName } from '../src/index.js';
import { fixture } from './support.js';

const known = fixture<{ code: number; name: string; words: string }[]>('errors.json');

describe('errors', () => {
  it('have the names and words that they have in Rust', () => {
    expect(known.length).toBeGreaterThan(100);
    for (const { code, name, words } of known) {
      expect(errorName(code)).toBe(name);
      expect(describeError(code)).toBe(words);
    }
  });

  it('of other programs have none', () => {
    const codes = new Set(known.map(({ code }) => code));
    const foreign = Array.from({ length: 10_000 }, (_, code) => code).filter((code) => !codes.has(code));
    expect(foreign.filter((code) => errorName(code) !== undefined)).toEqual([]);
    expect(describeError(1)).toBe('error 1 of another program');
  });

  test('are found in what went wrong', () => {
    const custom = new SolanaError(SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM, { code: 6000, index: 2 });
    expect(errorCode(custom)).toBe(6000);
    expect(errorCode(new Error('sending failed', { cause: custom }))).toBe(6000);
    expect(errorCode({ InstructionError: [0n, { Custom: 6096n }] })).toBe(6096);
    for (const other of [undefined, null, 'text', new Error('no'), { InstructionError: [0, 'InvalidSeeds'] }]) {
      expect(errorCode(other)).toBeUndefined();
    }
  });
});
