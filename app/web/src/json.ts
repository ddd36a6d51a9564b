/** Numbers that a float does not hold become bigints where the runtime hands out their digits, as today's browsers do. */
export function parseJson(json: string): unknown {
  return JSON.parse(json, function (this: unknown, _key: string, value: unknown, context?: { source?: string }) {
    const isLarge = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '');
    return isLarge ? BigInt(context!.source!) : value;
  } as (this: unknown, key: string, value: unknown) => unknown);
}
